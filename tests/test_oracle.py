"""The closed form, against automatic differentiation, NumPy and gradient descent itself."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    make_regression,
    mean_squared_error,
    oracle,
)
from tests.helpers import assert_identical, seeded, values
from tests.strategies import Problem, problems

X, y = make_regression(10, 2, generator=seeded())
W, B = torch.zeros(2, 1), torch.zeros(1)


def loss_of(problem: Problem, theta: Tensor) -> Tensor:
    """The loss by its definition, of the weights and, last, the bias."""
    return mean_squared_error(problem.X @ theta[:-1].unsqueeze(1) + theta[-1], problem.y)


def flat(weights: Tensor, bias: Tensor) -> Tensor:
    return torch.cat([weights.detach().flatten(), bias.detach()])


def quadratic_of(problem: Problem) -> Any:
    return oracle.quadratic(problem.X, problem.y, problem.model.weights, problem.model.bias)


@given(problems())
def test_the_hessian_is_the_one_of_automatic_differentiation(problem: Problem) -> None:
    theta = flat(*problem.model.parameters())
    autograd = torch.autograd.functional.hessian(
        lambda theta: loss_of(problem, theta), theta
    )
    torch.testing.assert_close(oracle.hessian(problem.X), autograd)


@given(problems(), st.booleans())
def test_least_squares_are_numpys_also_where_features_depend_on_one_another(
    problem: Problem, repeat: bool
) -> None:
    X = torch.cat([problem.X, problem.X[:, :1]], dim=1) if repeat else problem.X
    weights, bias = oracle.least_squares(X, problem.y)
    A = np.column_stack([X.numpy(), np.ones(len(X))])
    expected = np.linalg.pinv(A) @ problem.y.numpy()  # the shortest of all solutions
    assert weights.shape == (X.shape[1], 1)
    assert bias.shape == (1,)
    np.testing.assert_allclose(
        torch.cat([weights.flatten(), bias]), expected.flatten(), rtol=1e-7, atol=1e-9
    )


@given(problems())
def test_the_eigenbasis_gives_the_loss_and_the_start_by_its_documented_formula(
    problem: Problem,
) -> None:
    q = quadratic_of(problem)
    start = flat(*problem.model.parameters())
    loss = q.least_loss + 0.5 * (q.eigenvalues * q.offsets**2).sum()
    torch.testing.assert_close(loss, loss_of(problem, start))
    torch.testing.assert_close(q.solution + q.eigenvectors @ q.offsets, start)
    torch.testing.assert_close(
        q.eigenvectors @ q.eigenvalues.diag() @ q.eigenvectors.T, oracle.hessian(problem.X)
    )
    assert (q.eigenvalues.diff() >= 0).all()


@given(problems())
def test_the_solution_is_where_the_loss_is_least(problem: Problem) -> None:
    q = quadratic_of(problem)
    gradient = torch.func.grad(lambda theta: loss_of(problem, theta))(q.solution)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-9)
    assert q.least_loss == pytest.approx(loss_of(problem, q.solution).item())


@given(problems())
def test_the_largest_stable_learning_rate_is_two_over_the_largest_curvature(
    problem: Problem,
) -> None:
    A = torch.cat([problem.X, torch.ones(len(problem.X), 1)], dim=1)
    curvature = 2 * torch.linalg.matrix_norm(A, ord=2).item() ** 2 / len(A)
    assert oracle.largest_stable_learning_rate(problem.X) == pytest.approx(2 / curvature)


@given(problems())
def test_just_below_the_largest_stable_rate_a_run_comes_nearer_and_just_above_it_goes_off(
    problem: Problem,
) -> None:
    limit = oracle.largest_stable_learning_rate(problem.X)
    steepest = quadratic_of(problem).eigenvectors[:, -1]

    def distance(rate: float) -> float:
        """How far a run is from the solution, having begun 1 away where it is steepest."""
        solution = flat(*oracle.least_squares(problem.X, problem.y))
        start = solution + steepest
        path = trained(problem, start, rate, epochs=20)
        return float((flat(*path.parameters[-1]) - solution).norm())

    assert distance(0.99 * limit) == pytest.approx(0.98**20)
    assert distance(limit) == pytest.approx(1)
    assert distance(1.01 * limit) == pytest.approx(1.02**20)


def trained(
    problem: Problem, start: Tensor, learning_rate: float, epochs: int
) -> NaiveTrainerResult:
    model = LinearRegression(problem.X.shape[1], seeded()).double()
    model.load_state_dict({"weights": start[:-1].unsqueeze(1), "bias": start[-1:]})
    config = NaiveTrainerConfig(epochs, learning_rate)
    return NaiveTrainer(model, mean_squared_error, problem.X, problem.y, config).train()


@given(problems(), st.floats(0.01, 1.1), st.integers(0, 30), st.booleans())
def test_the_closed_form_is_the_trainers_path_also_where_features_depend_on_one_another(
    problem: Problem, part: float, epochs: int, repeat: bool
) -> None:
    if repeat:
        X = torch.cat([problem.X, problem.X[:, :1]], dim=1)
        problem = Problem(X, problem.y, LinearRegression(X.shape[1], seeded()).double())
    rate = part * oracle.largest_stable_learning_rate(problem.X)
    weights, bias = values(problem.model)
    path = oracle.closed_form_path(problem.X, problem.y, weights, bias, rate, epochs)
    result = trained(problem, flat(weights, bias), rate, epochs)
    scale = max([1.0, *result.losses])
    torch.testing.assert_close(path.losses, result.losses, rtol=1e-9, atol=1e-12 * scale)
    torch.testing.assert_close(
        path.parameters, result.parameters, rtol=1e-9, atol=1e-12 * scale
    )


def test_all_is_computed_in_float64_without_gradients_or_touching_its_arguments() -> None:
    tensors = [tensor.clone().requires_grad_() for tensor in (X, y, W, B)]
    X_grad, y_grad, weights, bias = tensors
    path = oracle.closed_form_path(X_grad, y_grad, weights, bias, 0.1, 3)
    q = oracle.quadratic(*tensors)
    results = [
        oracle.hessian(X_grad),
        *oracle.least_squares(X_grad, y_grad),
        *q[:4],
        *(p for ps in path.parameters for p in ps),
    ]
    assert {result.dtype for result in results} == {torch.float64}
    assert not any(result.requires_grad for result in results)
    assert isinstance(q.least_loss, float)
    assert all(isinstance(loss, float) for loss in path.losses)
    assert_identical(
        [tensor.detach() for tensor in (X_grad, y_grad, weights, bias)], [X, y, W, B]
    )


def test_zero_is_the_stretch_of_a_feature_that_is_always_the_same() -> None:
    ones = torch.ones(4, 1)
    assert oracle.largest_stable_learning_rate(ones) == pytest.approx(0.5)  # λ = 4 and 0
    weights, bias = oracle.least_squares(ones, 3 * ones)
    assert (weights.item(), bias.item()) == pytest.approx((1.5, 1.5))


def test_a_path_that_diverges_keeps_its_infinities() -> None:
    path = oracle.closed_form_path(X, y, W, B, learning_rate=100.0, epochs=400)
    assert len(path.losses) == len(path.parameters) == 400
    assert path.losses[-1] == math.inf


FEATURES: list[tuple[Any, type[Exception], str]] = [
    ([[1.0]], TypeError, "X must be a torch.Tensor, got .*[(]list[)]"),
    (torch.ones(3), ValueError, r"X must have shape \(n, num_features\) .*, got \(3,\)"),
    (
        torch.ones(3, 2, 1),
        ValueError,
        r"X must have shape \(n, num_features\) .*, got \(3, 2, 1\)",
    ),
    (
        torch.ones(0, 2),
        ValueError,
        r"X must have shape \(n, num_features\) with a sample .*, got \(0, 2\)",
    ),
    (
        torch.ones(2, 0),
        ValueError,
        r"X must have shape \(n, num_features\) with .* a feature, got \(2, 0\)",
    ),
]


@pytest.mark.parametrize(
    "function",
    [
        oracle.hessian,
        oracle.largest_stable_learning_rate,
        lambda X: oracle.least_squares(X, y),
    ],
)
@pytest.mark.parametrize(("features", "error", "message"), FEATURES)
def test_features_are_a_matrix_with_a_sample_and_a_feature(
    function: Callable[[Tensor], object],
    features: Any,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        function(features)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"X": X[:9]},
            ValueError,
            "X and y must be of the same length, got 9 and 10 samples",
        ),
        ({"y": [1.0]}, TypeError, "y must be a torch.Tensor, got .*[(]list[)]"),
        ({"y": y.squeeze(1)}, ValueError, r"y must have shape \(10, 1\), got \(10,\)"),
        (
            {"weights": W.squeeze(1)},
            ValueError,
            r"weights must have shape \(2, 1\), got \(2,\)",
        ),
        (
            {"weights": None},
            TypeError,
            "weights must be a torch.Tensor, got .*[(]NoneType[)]",
        ),
        ({"bias": B[0]}, ValueError, r"bias must have shape \(1,\), got \(\)"),
        ({"bias": 0.0}, TypeError, "bias must be a torch.Tensor, got .*[(]float[)]"),
        (
            {"learning_rate": 0.0},
            ValueError,
            "learning_rate must be positive and finite, got 0.0",
        ),
        (
            {"learning_rate": math.inf},
            ValueError,
            "learning_rate must be positive and finite, got inf",
        ),
        (
            {"learning_rate": "fast"},
            TypeError,
            r"learning_rate must be a number, got 'fast' \(str\)",
        ),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 1.5}, TypeError, r"epochs must be an integer, got 1.5 \(float\)"),
        ({"epochs": True}, TypeError, r"epochs must be an integer, got True \(bool\)"),
    ],
)
def test_a_bad_argument_is_named_with_its_value(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    data: dict[str, Any] = {"X": X, "y": y, "weights": W, "bias": B}
    arguments = data | {"learning_rate": 0.1, "epochs": 3}
    with pytest.raises(error, match=f"^{message}$"):
        oracle.closed_form_path(**(arguments | changed))


NUMBERS = [
    (torch.nan, "nan"),
    (torch.inf, "inf"),
    (-torch.inf, "-inf"),
]


def spoiled(tensor: Tensor, place: tuple[int, ...], number: float) -> Tensor:
    """A copy with one number changed."""
    copy = tensor.clone()
    copy[place] = number
    return copy


@pytest.mark.parametrize(("number", "word"), NUMBERS)
@pytest.mark.parametrize(
    "function",
    [
        oracle.hessian,
        oracle.largest_stable_learning_rate,
        lambda X: oracle.least_squares(X, y),
        lambda X: oracle.quadratic(X, y, W, B),
        lambda X: oracle.closed_form_path(X, y, W, B, 0.1, 3),
    ],
)
def test_features_that_are_not_finite_are_named_with_their_value_and_place(
    function: Callable[[Tensor], object], number: float, word: str
) -> None:
    with pytest.raises(ValueError, match=rf"^X must be finite, got {word} at \(3, 1\)$"):
        function(spoiled(X, (3, 1), number))


@pytest.mark.parametrize(("number", "word"), NUMBERS)
@pytest.mark.parametrize(
    ("name", "tensor", "place"),
    [("y", y, (9, 0)), ("weights", W, (1, 0)), ("bias", B, (0,))],
)
def test_targets_and_a_start_that_are_not_finite_are_named_with_their_value_and_place(
    name: str, tensor: Tensor, place: tuple[int, ...], number: float, word: str
) -> None:
    arguments = {"X": X, "y": y, "weights": W, "bias": B}
    arguments[name] = spoiled(tensor, place, number)
    message = re.escape(f"{name} must be finite, got {word} at {place}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        oracle.quadratic(**arguments)
    if name == "y":
        with pytest.raises(ValueError, match=f"^{message}$"):
            oracle.least_squares(X, arguments["y"])


def test_features_whose_squares_leave_the_numbers_are_refused() -> None:
    huge = torch.full((3, 1), 1e200, dtype=torch.float64)
    with pytest.raises(
        ValueError, match=r"^the Hessian of X must be finite, got inf at \(0, 0\)$"
    ):
        oracle.largest_stable_learning_rate(huge)


def test_whole_numbers_are_finite() -> None:
    assert_identical(oracle.hessian(torch.tensor([[1], [3]]))[0, 0].item(), 10.0)


# Momentum.

betas = st.sampled_from([0.0, 0.3, 0.76, 0.95])


def by_torch(
    problem: Problem, rate: float, momentum: float, nesterov: bool, epochs: int
) -> NaiveTrainerResult:
    model = problem.model
    optimizer = torch.optim.SGD(
        model.parameters(), rate, momentum, nesterov=nesterov and momentum > 0
    )
    losses, parameters = [], []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = mean_squared_error(model(problem.X), problem.y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        parameters.append(values(model))
    return NaiveTrainerResult(losses, parameters)


@given(problems(), st.floats(0.01, 1.01), betas, st.booleans(), st.integers(0, 40))
def test_the_closed_form_with_momentum_is_torchs_path(
    problem: Problem, part: float, momentum: float, nesterov: bool, epochs: int
) -> None:
    rate = part * oracle.largest_stable_learning_rate(problem.X, momentum, nesterov)
    weights, bias = values(problem.model)
    path = oracle.closed_form_path(
        problem.X,
        problem.y,
        weights,
        bias,
        rate,
        epochs,
        momentum=momentum,
        nesterov=nesterov,
    )
    result = by_torch(problem, rate, momentum, nesterov, epochs)
    scale = max([1.0, *result.losses])
    torch.testing.assert_close(path.losses, result.losses, rtol=1e-9, atol=1e-10 * scale)
    torch.testing.assert_close(
        path.parameters, result.parameters, rtol=1e-9, atol=1e-10 * scale
    )


def iteration(slope: float, momentum: float, nesterov: bool) -> np.ndarray[Any, Any]:
    """Return what a step by the documented update makes of a distance and a buffer."""
    columns = []
    for distance, buffer in ((1.0, 0.0), (0.0, 1.0)):
        buffer = momentum * buffer + slope * distance
        step = slope * distance + momentum * buffer if nesterov else buffer
        columns.append([distance - step, buffer])
    return np.array(columns).T


@given(st.floats(0, 6), st.floats(0, 0.99), st.booleans())
def test_the_spectral_radius_is_that_of_a_steps_matrix(
    slope: float, momentum: float, nesterov: bool
) -> None:
    expected = max(abs(np.linalg.eigvals(iteration(slope, momentum, nesterov))))
    radius = oracle.spectral_radius(
        torch.tensor([slope], dtype=torch.float64), momentum, nesterov
    )
    assert radius.item() == pytest.approx(
        expected, abs=2e-7
    )  # equal roots are a root apart


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.25, 0.5, 0.9, 0.99])
def test_just_below_the_limit_a_steps_matrix_shrinks_and_just_above_it_grows(
    momentum: float, nesterov: bool
) -> None:
    steepest = torch.linalg.eigvalsh(oracle.hessian(X))[-1].item()
    limit = oracle.largest_stable_learning_rate(X, momentum, nesterov)

    def radius(rate: float) -> float:
        return float(
            max(abs(np.linalg.eigvals(iteration(rate * steepest, momentum, nesterov))))
        )

    assert radius(0.999 * limit) < 1 < radius(1.001 * limit)


@given(problems())
def test_no_other_pair_comes_down_faster_than_the_best_one(problem: Problem) -> None:
    curvatures = torch.linalg.eigvalsh(oracle.hessian(problem.X))
    if curvatures[0] < 1e-9 * curvatures[-1]:
        with pytest.raises(
            ValueError, match=r"^features must not depend on one another, got "
        ):
            oracle.best_momentum(problem.X)
        return
    rate, momentum = oracle.best_momentum(problem.X)
    best = oracle.spectral_radius(rate * curvatures, momentum).max().item()
    root = (curvatures[-1] / curvatures[0]).sqrt().item()
    assert best == pytest.approx((root - 1) / (root + 1), abs=1e-6)
    for other in (0.9, 0.99, 1.01, 1.1):
        slower = oracle.spectral_radius(rate * other * curvatures, momentum).max().item()
        assert slower >= best - 1e-6
        if other * momentum < 1:
            slower = (
                oracle.spectral_radius(rate * curvatures, other * momentum).max().item()
            )
            assert slower >= best - 1e-6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: oracle.largest_stable_learning_rate(X, 1.0),
            ValueError,
            "momentum must be at least 0 and less than 1, got 1.0",
        ),
        (
            lambda: oracle.closed_form_path(X, y, W, B, 0.1, 2, momentum=-0.1),
            ValueError,
            "momentum must not be negative, got -0.1",
        ),
        (
            lambda: oracle.spectral_radius(0.5, 0.1),  # type: ignore[arg-type]
            TypeError,
            "rate_times_curvature must be a torch.Tensor, got 0.5 (float)",
        ),
    ],
)
def test_a_momentum_out_of_its_range_is_named(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()
