"""What gradient descent on a linear model's mean squared error must do, in closed form.

The loss of the parameters θ = (weights, bias) is a quadratic. With `A = [X 1]` its Hessian
is H = 2 AᵀA / n, and with θ* a least-squares solution, k updates of gradient descent at the
learning rate η give

    θₖ − θ* = (I − ηH)ᵏ (θ₀ − θ*)

(Nocedal and Wright, *Numerical Optimization*, section 3.3). With momentum β each direction
of H has, beside its distance, a buffer of gradients, and a step takes the two by a matrix:

    heavy ball  [1 − ηλ, −ηβ; λ, β]      Nesterov's  [1 − ηλ(1 + β), −ηβ²; λ, β]

(Polyak, 1964; O'Donoghue and Candès, 2015). All is computed in float64, whatever the data's
dtype.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from groundup._checks import (
    check_all_finite,
    check_count,
    check_learning_rate,
    check_not_negative,
    check_samples,
    check_share,
    check_tensor,
)
from groundup.naive import NaiveTrainerResult


def _augmented(X: Tensor) -> Tensor:
    """Return `[X 1]` in float64, shape `(n, num_features + 1)`."""
    check_tensor("X", X)
    if X.dim() != 2 or X.numel() == 0:
        raise ValueError(
            "X must have shape (n, num_features) with a sample and a feature, "
            f"got {tuple(X.shape)}"
        )
    check_all_finite("X", X)
    X = X.detach().double()
    return torch.cat([X, X.new_ones(len(X), 1)], dim=1)


def hessian(X: Tensor) -> Tensor:
    """Return the Hessian of a linear model's mean squared error, its bias last.

    Args:
        X: features, shape `(n, num_features)`.

    Returns:
        `2 AᵀA / n` with `A = [X 1]`, shape `(num_features + 1, num_features + 1)`, float64.

    Raises:
        TypeError: if `X` is not a tensor.
        ValueError: if `X` is not of two dimensions, empty or not finite, or its squares are
            too large for float64.

    Example:
        >>> from groundup import oracle
        >>> oracle.hessian(torch.tensor([[1.0], [3.0]]))
        tensor([[10.,  4.],
                [ 4.,  2.]], dtype=torch.float64)
    """
    A = _augmented(X)
    H = 2 * A.T @ A / len(A)
    check_all_finite("the Hessian of X", H)
    return H


def largest_stable_learning_rate(
    X: Tensor, momentum: float = 0.0, nesterov: bool = False
) -> float:
    """Return the learning rate above which gradient descent diverges.

    That is 2 / λmax(H) without momentum, 2 (1 + β) / λmax(H) with it, and with Nesterov's
    2 (1 + β) / ((1 + 2β) λmax(H)).

    Args:
        X: features, shape `(n, num_features)`.
        momentum: β, at least 0 and less than 1.
        nesterov: whether it is Nesterov's.

    Raises:
        TypeError, ValueError: as `hessian` does, and if `momentum` is out of its range.

    Example:
        >>> from groundup import oracle
        >>> round(oracle.largest_stable_learning_rate(torch.tensor([[1.0], [-1.0]])), 6)
        1.0
    """
    check_share("momentum", momentum)
    steepest = float(torch.linalg.eigvalsh(hessian(X))[-1])
    return 2 * (1 + momentum) / (1 + 2 * momentum * nesterov) / steepest


def best_momentum(X: Tensor) -> tuple[float, float]:
    """Return the learning rate and the momentum with which a heavy ball comes down fastest.

    With the root of the condition number, r = √(λmax / λmin), its distance shrinks by the
    factor (r − 1) / (r + 1) a step in the long run; momentum is that factor's square.

    Args:
        X: features, shape `(n, num_features)`.

    Returns:
        The learning rate, positive, and the momentum, at least 0 and less than 1.

    Raises:
        TypeError: as `hessian` does.
        ValueError: as `hessian` does, and if the features depend on one another, so that
            there is no least curvature.

    Example:
        >>> from groundup import oracle
        >>> lr, momentum = oracle.best_momentum(torch.tensor([[3.0], [-3.0]]))
        >>> round(lr, 6), round(momentum, 6)
        (0.125, 0.25)
    """
    curvatures = torch.linalg.eigvalsh(hessian(X))
    least, most = float(curvatures[0]), float(curvatures[-1])
    if least <= len(curvatures) * torch.finfo(torch.float64).eps * most:
        raise ValueError(
            "features must not depend on one another, got a Hessian whose least "
            f"eigenvalue is {least:.3g}, its largest {most:.3g}"
        )
    low, high = math.sqrt(least), math.sqrt(most)
    return (2 / (high + low)) ** 2, ((high - low) / (high + low)) ** 2


def spectral_radius(
    rate_times_curvature: Tensor, momentum: float | Tensor, nesterov: bool = False
) -> Tensor:
    """Return by which factor a step shrinks a direction's distance in the long run.

    It is the larger size of the two roots r of r² − Tr + D, with T = 1 + β − ηλ and D = β,
    or with Nesterov's T = (1 + β)(1 − ηλ) and D = β (1 − ηλ); above 1, the run diverges.

    Args:
        rate_times_curvature: ηλ, of any shape.
        momentum: β, a number or a tensor whose shape fits.
        nesterov: whether it is Nesterov's.

    Returns:
        A factor for each, float64.

    Raises:
        TypeError: if `rate_times_curvature` is not a tensor.

    Example:
        >>> from groundup import oracle
        >>> oracle.spectral_radius(torch.tensor([0.25, 1.0, 4.0]), momentum=0.25)
        tensor([0.5000, 0.5000, 2.6559], dtype=torch.float64)
    """
    check_tensor("rate_times_curvature", rate_times_curvature)
    left = 1 - rate_times_curvature.double()
    trace = (1 + momentum) * left if nesterov else momentum + left
    determinant = momentum * (left if nesterov else torch.ones_like(left))
    root = torch.sqrt(torch.complex(trace**2 / 4 - determinant, torch.zeros_like(trace)))
    return torch.maximum((trace / 2 + root).abs(), (trace / 2 - root).abs())


def least_squares(X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights and the bias of least mean squared error.

    Of several solutions, it is the shortest, weights and bias together.

    Args:
        X: features, shape `(n, num_features)`.
        y: targets, shape `(n, 1)`.

    Returns:
        Weights of shape `(num_features, 1)` and bias of shape `(1,)`, float64.

    Raises:
        TypeError: if `X` or `y` is not a tensor.
        ValueError: if `X` is not of two dimensions or empty, `y` not of shape `(n, 1)`, or
            one of them not finite.

    Example:
        >>> from groundup import oracle
        >>> X, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [3.0]])
        >>> weights, bias = oracle.least_squares(X, y)
        >>> round(weights.item(), 6), round(bias.item(), 6)
        (2.0, 1.0)
    """
    A = _augmented(X)
    check_samples(X, y)
    if y.shape != (len(X), 1):
        raise ValueError(f"y must have shape ({len(X)}, 1), got {tuple(y.shape)}")
    check_all_finite("y", y)
    # gelsd, by singular values, is the driver that also takes features that depend on one
    # another.
    solution = torch.linalg.lstsq(A, y.detach().double(), driver="gelsd").solution
    return solution[:-1], solution[-1]


class Quadratic(NamedTuple):
    """A linear model's mean squared error in its Hessian's eigenbasis, seen from a start.

    After k updates from θ₀ at the learning rate η, with p = num_features + 1 directions i,
    the loss is `least_loss` + ½ Σ λᵢ cᵢ² (1 − ηλᵢ)²ᵏ, and the parameters are
    `solution` + Σ qᵢ cᵢ (1 − ηλᵢ)ᵏ.

    Example:
        >>> from groundup import oracle
        >>> X, y = torch.tensor([[2.0], [-2.0]]), torch.tensor([[3.0], [-1.0]])
        >>> oracle.quadratic(X, y, torch.zeros(1, 1), torch.zeros(1)).eigenvalues
        tensor([2., 8.], dtype=torch.float64)
    """

    eigenvalues: Tensor
    """λ, shape `(p,)`, ascending: the curvature of the loss along each direction."""

    eigenvectors: Tensor
    """Q = [q₁ … qₚ], shape `(p, p)`, a direction a column."""

    offsets: Tensor
    """c = Qᵀ(θ₀ − θ*), shape `(p,)`: the start's distance from the solution along each."""

    solution: Tensor
    """θ*, shape `(p,)`: the weights and, last, the bias."""

    least_loss: float
    """The loss at the solution, in the square of the target's unit."""


def quadratic(X: Tensor, y: Tensor, weights: Tensor, bias: Tensor) -> Quadratic:
    """Return the loss around its minimum, seen from a run's start.

    Args:
        X: features, shape `(n, num_features)`.
        y: targets, shape `(n, 1)`.
        weights: the start, shape `(num_features, 1)`.
        bias: the start, shape `(1,)`.

    Raises:
        TypeError: if one of them is not a tensor.
        ValueError: if one of them has another shape or is not finite.

    Example:
        >>> from groundup import oracle
        >>> X, y = torch.tensor([[1.0], [-1.0]]), torch.tensor([[3.0], [-1.0]])
        >>> q = oracle.quadratic(X, y, torch.zeros(1, 1), torch.zeros(1))
        >>> [round(v, 6) for v in q.solution.tolist()]
        [2.0, 1.0]
    """
    solution = torch.cat([part.flatten() for part in least_squares(X, y)])
    for name, value, shape in (("weights", weights, (X.shape[1], 1)), ("bias", bias, (1,))):
        check_tensor(name, value)
        if value.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}")
        check_all_finite(name, value)
    eigenvalues, eigenvectors = torch.linalg.eigh(hessian(X))
    start = torch.cat([weights.detach().double().flatten(), bias.detach().double()])
    least_loss = ((_augmented(X) @ solution - y.double().flatten()) ** 2).mean().item()
    return Quadratic(
        eigenvalues, eigenvectors, eigenvectors.T @ (start - solution), solution, least_loss
    )


def closed_form_path(
    X: Tensor,
    y: Tensor,
    weights: Tensor,
    bias: Tensor,
    learning_rate: float,
    epochs: int,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> NaiveTrainerResult:
    """Return what `NaiveTrainer` must give for a linear model, computed without a loop.

    With momentum it is what `SGD` must give over all samples at once.

    Args:
        X: features, shape `(n, num_features)`.
        y: targets, shape `(n, 1)`.
        weights: the start, shape `(num_features, 1)`.
        bias: the start, shape `(1,)`.
        learning_rate: positive and finite.
        epochs: how many updates, at least 0.
        momentum: β, at least 0.
        nesterov: whether it is Nesterov's.

    Returns:
        Losses before, and parameters `(weights, bias)` after, each update, in float64.

    Raises:
        TypeError: if a tensor, a number or an integer is none.
        ValueError: if a shape, `learning_rate`, `epochs` or `momentum` is out of range, or
            a tensor is not finite.

    Example:
        >>> from groundup import oracle
        >>> X, y = torch.tensor([[1.0], [-1.0]]), torch.tensor([[3.0], [-1.0]])
        >>> start = torch.zeros(1, 1), torch.zeros(1)
        >>> path = oracle.closed_form_path(X, y, *start, learning_rate=0.25, epochs=3)
        >>> [round(loss, 6) for loss in path.losses]
        [5.0, 1.25, 0.3125]
    """
    check_learning_rate("learning_rate", learning_rate)
    check_count("epochs", epochs, minimum=0)
    q = quadratic(X, y, weights, bias)
    check_not_negative("momentum", momentum)
    if momentum:
        step = _momentum_step(q.eigenvalues, learning_rate, momentum, nesterov)
        powers = _powers(step, epochs + 1)[..., 0, 0]
    else:
        k = torch.arange(epochs + 1, dtype=torch.float64).unsqueeze(1)
        powers = (1 - learning_rate * q.eigenvalues) ** k
    losses = q.least_loss + 0.5 * (powers**2) @ (q.eigenvalues * q.offsets**2)
    path = q.solution + (powers * q.offsets) @ q.eigenvectors.T
    return NaiveTrainerResult(
        losses=losses[:-1].tolist(),
        parameters=[(theta[:-1].unsqueeze(1), theta[-1:]) for theta in path[1:]],
    )


def _momentum_step(
    curvatures: Tensor, learning_rate: float, momentum: float, nesterov: bool
) -> Tensor:
    """Return what a step does to each direction's distance and buffer, `(p, 2, 2)`."""
    slope = learning_rate * curvatures
    ahead = momentum if nesterov else 0.0
    rows = [
        [1 - slope * (1 + ahead), -learning_rate * momentum * (ahead or 1) + 0 * slope],
        [curvatures, momentum + 0 * slope],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _powers(M: Tensor, count: int) -> Tensor:
    """Return the powers of matrices from 0 on, `(count, *M.shape)`, by doubling."""
    powers = torch.eye(M.shape[-1], dtype=M.dtype).expand(1, *M.shape)
    while len(powers) < count:
        powers, M = torch.cat([powers, powers @ M]), M @ M
    return powers[:count]
