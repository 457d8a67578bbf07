"""What gradient descent on a linear model's mean squared error must do, in closed form.

The loss of the parameters θ = (weights, bias) is a quadratic. With `A = [X 1]` its Hessian
is H = 2 AᵀA / n, and with θ* a least-squares solution, k updates of gradient descent at the
learning rate η give

    θₖ − θ* = (I − ηH)ᵏ (θ₀ − θ*)

(Nocedal and Wright, *Numerical Optimization*, section 3.3). All is computed in float64,
whatever the data's dtype.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from groundup._checks import (
    check_all_finite,
    check_count,
    check_learning_rate,
    check_samples,
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


def largest_stable_learning_rate(X: Tensor) -> float:
    """Return the learning rate 2 / λmax(H), above which gradient descent diverges.

    Args:
        X: features, shape `(n, num_features)`.

    Raises:
        TypeError, ValueError: as `hessian` does.

    Example:
        >>> from groundup import oracle
        >>> round(oracle.largest_stable_learning_rate(torch.tensor([[1.0], [-1.0]])), 6)
        1.0
    """
    return 2 / float(torch.linalg.eigvalsh(hessian(X))[-1])


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
    X: Tensor, y: Tensor, weights: Tensor, bias: Tensor, learning_rate: float, epochs: int
) -> NaiveTrainerResult:
    """Return what `NaiveTrainer` must give for a linear model, computed without a loop.

    Args:
        X: features, shape `(n, num_features)`.
        y: targets, shape `(n, 1)`.
        weights: the start, shape `(num_features, 1)`.
        bias: the start, shape `(1,)`.
        learning_rate: positive and finite.
        epochs: how many updates, at least 0.

    Returns:
        Losses before, and parameters `(weights, bias)` after, each update, in float64.

    Raises:
        TypeError: if a tensor, a number or an integer is none.
        ValueError: if a shape, `learning_rate` or `epochs` is out of range, or a tensor is
            not finite.

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
    k = torch.arange(epochs + 1, dtype=torch.float64).unsqueeze(1)
    powers = (1 - learning_rate * q.eigenvalues) ** k
    losses = q.least_loss + 0.5 * (powers**2) @ (q.eigenvalues * q.offsets**2)
    path = q.solution + (powers * q.offsets) @ q.eigenvectors.T
    return NaiveTrainerResult(
        losses=losses[:-1].tolist(),
        parameters=[(theta[:-1].unsqueeze(1), theta[-1:]) for theta in path[1:]],
    )
