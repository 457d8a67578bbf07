"""NaiveTrainer, its config and its result."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from groundup import (
    MLP,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    make_regression,
    mean_squared_error,
    oracle,
)
from tests.helpers import (
    assert_identical,
    global_random_state_untouched,
    seeded,
    seeded_module,
    values,
)
from tests.strategies import Problem, problems

X, y = make_regression(12, 3, generator=seeded())


def train(
    model: nn.Module,
    learning_rate: float = 0.1,
    epochs: int = 5,
    loss: Callable[[Tensor, Tensor], Tensor] = mean_squared_error,
    X: Tensor = X,
    y: Tensor = y,
) -> NaiveTrainerResult:
    return NaiveTrainer(
        model, loss, X, y, NaiveTrainerConfig(epochs, learning_rate)
    ).train()


def sequential() -> nn.Module:
    return seeded_module(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)))


class PartlyReached(nn.Module):
    """Three parameters: the first is frozen, and the last is not reached by the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.weights = nn.Parameter(torch.ones(3, 1))
        self.unreached = nn.Parameter(torch.ones(2))

    def forward(self, X: Tensor) -> Tensor:
        return X @ self.weights + self.frozen


@pytest.mark.parametrize(
    "make_model",
    [lambda: LinearRegression(3, seeded()), lambda: MLP(3, 4, seeded()), sequential],
)
@pytest.mark.parametrize(
    "loss",
    [
        mean_squared_error,
        nn.L1Loss(),
        F.huber_loss,
        lambda y_pred, y_true: (y_pred - y_true).pow(4).mean(),
    ],
)
def test_any_module_and_any_loss_are_trained_as_torch_optim_does(
    make_model: Callable[[], nn.Module], loss: Callable[[Tensor, Tensor], Tensor]
) -> None:
    model, twin = make_model().double(), make_model().double()
    result = train(
        model, loss=loss, epochs=10, learning_rate=0.01, X=X.double(), y=y.double()
    )
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.01)
    for i in range(10):
        optimizer.zero_grad()
        twin_loss = loss(twin(X.double()), y.double())
        twin_loss.backward()
        optimizer.step()
        torch.testing.assert_close(result.losses[i], twin_loss.item())
        torch.testing.assert_close(result.parameters[i], values(twin))
    assert result.losses[-1] < result.losses[0]


def test_the_loss_is_from_before_the_update_and_the_parameters_from_after_it() -> None:
    model = LinearRegression(3, seeded())
    first, result = values(model), train(model, epochs=4)
    before = [first, *result.parameters]
    assert_identical(
        result.losses, [mean_squared_error(X @ w + b, y).item() for w, b in before[:-1]]
    )
    assert_identical(before[-1], values(model))


def test_losses_are_floats_and_parameters_tuples_of_tensors_without_gradients() -> None:
    result = train(MLP(3, 4, seeded()), epochs=2)
    assert all(type(loss) is float for loss in result.losses)
    assert [[tuple(p.shape) for p in parameters] for parameters in result.parameters] == [
        [(3, 4), (4,), (4, 1), (1,)]
    ] * 2
    assert not any(p.requires_grad for parameters in result.parameters for p in parameters)


@given(problems(), st.floats(0.01, 0.99))
def test_below_the_largest_stable_learning_rate_the_loss_never_rises(
    problem: Problem, part: float
) -> None:
    result = train(
        problem.model,
        part * oracle.largest_stable_learning_rate(problem.X),
        30,
        X=problem.X,
        y=problem.y,
    )
    rounding = 1e-12 * result.losses[0]
    assert all(
        later <= earlier + rounding
        for earlier, later in zip(result.losses, result.losses[1:], strict=False)
    )


@given(problems(), st.floats(1.3, 3))
def test_above_the_largest_stable_learning_rate_the_loss_rises_in_the_end(
    problem: Problem, part: float
) -> None:
    result = train(
        problem.model,
        part * oracle.largest_stable_learning_rate(problem.X),
        60,
        X=problem.X,
        y=problem.y,
    )
    assert result.losses[-1] > result.losses[-2] > result.losses[0]


@given(problems(), st.randoms(use_true_random=False))
def test_relabelling_the_features_relabels_the_weights_and_leaves_the_losses(
    problem: Problem, random: Any
) -> None:
    X, y, model = problem
    order = random.sample(range(X.shape[1]), X.shape[1])
    relabelled = LinearRegression(X.shape[1], seeded()).double()
    relabelled.load_state_dict({"weights": model.weights[order], "bias": model.bias})
    rate = 0.9 * oracle.largest_stable_learning_rate(X)
    result = train(model, rate, X=X, y=y)
    other = train(relabelled, rate, X=X[:, order], y=y)
    torch.testing.assert_close(other.losses, result.losses)
    torch.testing.assert_close(
        other.parameters, [(weights[order], bias) for weights, bias in result.parameters]
    )


@given(problems())
def test_the_same_start_gives_the_same_run_and_leaves_the_global_random_state(
    problem: Problem,
) -> None:
    start = values(problem.model)
    with global_random_state_untouched():
        first = train(problem.model, X=problem.X, y=problem.y)
        problem.model.load_state_dict(dict(zip(["weights", "bias"], start, strict=True)))
        second = train(problem.model, X=problem.X, y=problem.y)
    assert_identical(dataclasses.astuple(second), dataclasses.astuple(first))


def test_a_frozen_parameter_stays_as_it_is_and_is_in_the_result() -> None:
    model = PartlyReached()
    model.frozen.grad = torch.ones(1)
    result = train(model)
    assert_identical([frozen for frozen, _, _ in result.parameters], [torch.ones(1)] * 5)
    assert_identical(model.frozen.data, torch.ones(1))
    assert_identical(model.frozen.grad, torch.ones(1))
    assert not torch.equal(model.weights, torch.ones(3, 1))


def test_a_parameter_that_the_loss_does_not_reach_stays_as_it_is_and_is_in_the_result() -> (
    None
):
    model = PartlyReached()
    model.unreached.grad = torch.ones(2)
    result = train(model)
    assert_identical(
        [unreached for _, _, unreached in result.parameters], [torch.ones(2)] * 5
    )
    assert_identical(model.unreached.data, torch.ones(2))


def test_shared_parameters_are_moved_once() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    seeded_module(model)
    start, result = values(model), train(model, epochs=1, y=X)
    assert len(result.parameters[0]) == len(start) == 3
    gradient = torch.func.grad(
        lambda w: mean_squared_error(X @ w.T @ w.T + start[1] @ w.T + start[2], X)
    )(start[0])
    torch.testing.assert_close(result.parameters[0][0], start[0] - 0.1 * gradient)


def test_gradients_from_before_the_run_do_not_count() -> None:
    model, twin = LinearRegression(3, seeded()), LinearRegression(3, seeded())
    model.weights.grad = torch.full((3, 1), 100.0)
    assert_identical(train(model).parameters, train(twin).parameters)


def test_training_is_in_float64_where_the_model_is() -> None:
    result = train(LinearRegression(3, seeded()).double(), X=X.double(), y=y.double())
    assert {p.dtype for parameters in result.parameters for p in parameters} == {
        torch.float64
    }


def test_a_second_call_goes_on_from_where_the_first_stopped() -> None:
    model = LinearRegression(3, seeded())
    trainer = NaiveTrainer(
        model, mean_squared_error, X, y, NaiveTrainerConfig(epochs=3, learning_rate=0.1)
    )
    first, second = trainer.train(), trainer.train()
    whole = train(LinearRegression(3, seeded()), epochs=6)
    assert_identical(first.losses + second.losses, whole.losses)
    assert_identical(first.parameters + second.parameters, whole.parameters)


def test_no_epochs_give_an_empty_result_and_leave_the_model() -> None:
    model = LinearRegression(3, seeded())
    start, result = values(model), train(model, epochs=0)
    assert (result.losses, result.parameters) == ([], [])
    assert_identical(values(model), start)


def test_a_diverged_run_keeps_its_infinities() -> None:
    result = train(LinearRegression(3, seeded()), learning_rate=1e10, epochs=10)
    assert len(result.losses) == len(result.parameters) == 10
    assert math.isfinite(result.losses[0])
    assert math.inf in result.losses
    assert math.isnan(result.losses[-1])


def test_changing_the_model_later_does_not_change_the_result() -> None:
    model = PartlyReached()
    result = train(model)
    before = [tuple(p.clone() for p in parameters) for parameters in result.parameters]
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(7)
    assert_identical(result.parameters, before)


def test_changing_one_epoch_of_the_result_changes_no_other() -> None:
    result = train(PartlyReached(), epochs=2)
    for p in result.parameters[0]:
        p.fill_(7)
    assert not any((p == 7).any() for p in result.parameters[1])


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_of_the_model_stays_as_it_is(mode: bool) -> None:
    model = LinearRegression(3, seeded()).train(mode)
    train(model)
    assert model.training is mode


def test_a_shape_that_the_loss_refuses_leaves_the_parameters_untouched() -> None:
    model = LinearRegression(3, seeded())
    start = values(model)
    with pytest.raises(ValueError, match=r"same shape, got \(12, 1\) and \(12,\)"):
        train(model, y=y.squeeze(1))
    assert_identical(values(model), start)


def test_a_single_sample_is_enough() -> None:
    result = train(
        LinearRegression(3, seeded()), learning_rate=0.05, epochs=200, X=X[:1], y=y[:1]
    )
    assert result.losses[-1] == pytest.approx(0, abs=1e-6)


def test_the_model_is_not_called_before_the_run() -> None:
    def loss(y_pred: Tensor, y_true: Tensor) -> Tensor:
        raise AssertionError

    class Uncalled(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            raise AssertionError

    NaiveTrainer(Uncalled(3, seeded()), loss, X, y, NaiveTrainerConfig(1, 0.1))


@pytest.mark.parametrize("number", [np.float64, np.float32])
def test_numpy_numbers_are_numbers(number: Callable[[float], float]) -> None:
    three: Any = np.int64(3)
    result = train(LinearRegression(3, seeded()), learning_rate=number(0.25), epochs=three)
    assert_identical(result.losses, train(LinearRegression(3, seeded()), 0.25, 3).losses)
    assert_identical(
        result.parameters, train(LinearRegression(3, seeded()), 0.25, 3).parameters
    )


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        NaiveTrainerConfig(1, 0.1).epochs = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("epochs", "learning_rate", "error", "message"),
    [
        (-1, 0.1, ValueError, "epochs must be at least 0, got -1"),
        (2.5, 0.1, TypeError, r"epochs must be an integer, got 2.5 \(float\)"),
        (2.0, 0.1, TypeError, r"epochs must be an integer, got 2.0 \(float\)"),
        (True, 0.1, TypeError, r"epochs must be an integer, got True \(bool\)"),
        ("2", 0.1, TypeError, r"epochs must be an integer, got '2' \(str\)"),
        (2, 0, ValueError, "learning_rate must be positive and finite, got 0"),
        (2, -0.1, ValueError, "learning_rate must be positive and finite, got -0.1"),
        (2, math.nan, ValueError, "learning_rate must be positive and finite, got nan"),
        (2, math.inf, ValueError, "learning_rate must be positive and finite, got inf"),
        (2, "0.1", TypeError, r"learning_rate must be a number, got '0.1' \(str\)"),
        (2, True, TypeError, r"learning_rate must be a number, got True \(bool\)"),
        (2, None, TypeError, r"learning_rate must be a number, got None \(NoneType\)"),
    ],
)
def test_a_bad_config_names_the_field_and_its_value(
    epochs: Any, learning_rate: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        NaiveTrainerConfig(epochs, learning_rate)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"model": "linear"},
            TypeError,
            r"model must be a torch.nn.Module, got 'linear' \(str\)",
        ),
        (
            {"model": nn.ReLU()},
            ValueError,
            "model must have a parameter that requires gradients, got ReLU with none",
        ),
        (
            {"loss": 3},
            TypeError,
            r"loss must be callable as loss\(y_pred, y_true\), got 3 \(int\)",
        ),
        ({"X": [[1.0]]}, TypeError, "X must be a torch.Tensor, got .*[(]list[)]"),
        ({"y": np.ones(12)}, TypeError, "y must be a torch.Tensor, got .*[(]ndarray[)]"),
        (
            {"y": y[:11]},
            ValueError,
            "X and y must be of the same length, got 12 and 11 samples",
        ),
        (
            {"X": X[:0], "y": y[:0]},
            ValueError,
            "X and y must hold at least one sample, got 0",
        ),
        (
            {"y": y.sum()},
            ValueError,
            r"y must have a dimension of samples, got a tensor of shape \(\)",
        ),
        (
            {"config": {"epochs": 3}},
            TypeError,
            r"config must be a NaiveTrainerConfig, got {'epochs': 3} \(dict\)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value_when_the_trainer_is_made(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {
        "model": LinearRegression(3, seeded()),
        "loss": mean_squared_error,
        "X": X,
        "y": y,
        "config": NaiveTrainerConfig(1, 0.1),
    }
    with pytest.raises(error, match=f"^{message}$"):
        NaiveTrainer(**(arguments | changed))


@pytest.mark.parametrize(
    ("losses", "shown"),
    [
        ([], "NaiveTrainerResult(0 epochs)"),
        ([2.0], "NaiveTrainerResult(1 epoch, loss 2 -> 2, parameters (3, 1) ())"),
        (
            [2.0, 1 / 3],
            "NaiveTrainerResult(2 epochs, loss 2 -> 0.3333, parameters (3, 1) ())",
        ),
        (
            [2.0, 1e30, math.inf, math.nan],
            "NaiveTrainerResult(4 epochs, loss 2 -> nan, not finite from epoch 2, "
            "parameters (3, 1) ())",
        ),
    ],
)
def test_a_result_is_short_and_tells_how_the_run_went(
    losses: list[float], shown: str
) -> None:
    assert (
        repr(
            NaiveTrainerResult(
                losses, [(torch.ones(3, 1), torch.tensor(1.0))] * len(losses)
            )
        )
        == shown
    )


def test_a_long_run_of_a_result_is_still_short() -> None:
    assert len(repr(train(sequential(), epochs=200, learning_rate=0.01))) < 150
