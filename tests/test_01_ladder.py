"""The equivalence ladder: the same training, written six ways, gives the same numbers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    make_regression,
    mean_squared_error,
    oracle,
    sweep,
)
from tests.helpers import assert_identical, seeded

STABLE = [0.01, 0.1, 0.4]
DIVERGING = 3.0


class Start:
    """Data and a first guess, the same each time they are asked for."""

    def __init__(
        self, num_features: int, seed: int, dtype: torch.dtype, num_samples: int = 100
    ) -> None:
        generator = seeded(seed)
        X, y = make_regression(num_samples, num_features, generator=generator)
        self.X, self.y = X.to(dtype), y.to(dtype)
        self._model = LinearRegression(num_features, generator).to(dtype)

    def values(self) -> tuple[Tensor, Tensor]:
        return self._model.weights.detach().clone(), self._model.bias.detach().clone()

    def model(self) -> LinearRegression:
        model = LinearRegression(self.X.shape[1], seeded()).to(self.X.dtype)
        model.load_state_dict(self._model.state_dict())
        return model


def bare_loop(start: Start, learning_rate: float, epochs: int) -> NaiveTrainerResult:
    w, b = (value.requires_grad_() for value in start.values())
    result = NaiveTrainerResult()
    for _ in range(epochs):
        w.grad = b.grad = None
        loss = ((start.X @ w + b - start.y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= learning_rate * w.grad  # type: ignore[operator]
            b -= learning_rate * b.grad  # type: ignore[operator]
        result.losses.append(loss.item())
        result.parameters.append((w.detach().clone(), b.detach().clone()))
    return result


def module_loop(start: Start, learning_rate: float, epochs: int) -> NaiveTrainerResult:
    model = start.model()
    params: list[Tensor] = list(model.parameters())
    result = NaiveTrainerResult()
    for _ in range(epochs):
        model.zero_grad()
        loss = mean_squared_error(model(start.X), start.y)
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= learning_rate * p.grad  # type: ignore[operator]
        result.losses.append(loss.item())
        result.parameters.append(tuple(p.detach().clone() for p in model.parameters()))
    return result


def trainer(start: Start, learning_rate: float, epochs: int) -> NaiveTrainerResult:
    config = NaiveTrainerConfig(epochs, learning_rate)
    return NaiveTrainer(start.model(), mean_squared_error, start.X, start.y, config).train()


def torch_optim(start: Start, learning_rate: float, epochs: int) -> NaiveTrainerResult:
    model = start.model()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    result = NaiveTrainerResult()
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = mean_squared_error(model(start.X), start.y)
        loss.backward()
        optimizer.step()
        result.losses.append(loss.item())
        result.parameters.append(tuple(p.detach().clone() for p in model.parameters()))
    return result


def lane(start: Start, learning_rate: float, epochs: int) -> NaiveTrainerResult:
    rates = [0.5 * learning_rate, learning_rate, 0.7 * learning_rate]
    result = sweep(start.model(), mean_squared_error, start.X, start.y, rates, epochs)
    weights, bias = (values[1].unbind() if epochs else () for values in result.parameters)
    return NaiveTrainerResult(
        result.losses[1].tolist(), list(zip(weights, bias, strict=True))
    )


def closed_form(start: Start, learning_rate: float, epochs: int) -> NaiveTrainerResult:
    path = oracle.closed_form_path(start.X, start.y, *start.values(), learning_rate, epochs)
    return NaiveTrainerResult(
        path.losses,
        [tuple(p.to(start.X.dtype) for p in values) for values in path.parameters],
    )


Rung = Callable[[Start, float, int], NaiveTrainerResult]
NO_OTHER_ROUNDING: list[Rung] = [module_loop, trainer]
OTHER_ROUNDING: list[Rung] = [torch_optim, lane, closed_form]


def assert_equal_to_rounding(
    actual: NaiveTrainerResult, expected: NaiveTrainerResult, dtype: torch.dtype
) -> None:
    """Each epoch may round otherwise, by one unit in the last place of what is rounded.

    A stable run adds these up.

    `torch.optim.SGD` multiplies and adds in one rounding, a batched kernel adds in another
    order, and the closed form is computed in float64, without an earlier epoch's rounding.
    """
    tolerance = len(expected.losses) * torch.finfo(dtype).eps
    largest = max(p.abs().max().item() for values in expected.parameters for p in values)
    torch.testing.assert_close(
        actual.losses, expected.losses, rtol=0, atol=tolerance * expected.losses[0]
    )
    torch.testing.assert_close(
        actual.parameters, expected.parameters, rtol=0, atol=tolerance * largest
    )


all_starts = [
    pytest.mark.parametrize("num_features", [1, 3, 6]),
    pytest.mark.parametrize("seed", [0, 1]),
    pytest.mark.parametrize(
        "dtype", [torch.float32, torch.float64], ids=["float32", "float64"]
    ),
]


def every_start(test: Callable[..., None]) -> Callable[..., None]:
    for mark in all_starts:
        test = mark(test)
    return test


@every_start
@pytest.mark.parametrize("learning_rate", [*STABLE, DIVERGING])
@pytest.mark.parametrize("rung", NO_OTHER_ROUNDING)
def test_module_and_trainer_give_the_bare_loop_bit_for_bit(
    rung: Rung, learning_rate: float, num_features: int, seed: int, dtype: torch.dtype
) -> None:
    start = Start(num_features, seed, dtype)
    actual, expected = (run(start, learning_rate, 50) for run in (rung, bare_loop))
    assert_identical(actual.losses, expected.losses)
    assert_identical(actual.parameters, expected.parameters)


@every_start
@pytest.mark.parametrize("learning_rate", STABLE)
@pytest.mark.parametrize("rung", OTHER_ROUNDING)
def test_torch_optim_a_lane_and_the_closed_form_give_the_bare_loop_to_rounding(
    rung: Rung, learning_rate: float, num_features: int, seed: int, dtype: torch.dtype
) -> None:
    start = Start(num_features, seed, dtype)
    assert_equal_to_rounding(
        rung(start, learning_rate, 50), bare_loop(start, learning_rate, 50), dtype
    )


@pytest.mark.parametrize("rung", NO_OTHER_ROUNDING + OTHER_ROUNDING)
def test_every_rung_trains_on_a_single_sample(rung: Rung) -> None:
    start = Start(3, seed=0, dtype=torch.float64, num_samples=1)
    assert_equal_to_rounding(rung(start, 0.1, 20), bare_loop(start, 0.1, 20), torch.float64)


@pytest.mark.parametrize("rung", [bare_loop, *NO_OTHER_ROUNDING, *OTHER_ROUNDING])
def test_every_rung_gives_nothing_for_no_epochs(rung: Rung) -> None:
    result = rung(Start(3, seed=0, dtype=torch.float32), 0.1, 0)
    assert (result.losses, result.parameters) == ([], [])
