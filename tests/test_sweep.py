"""sweep and its result."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import (
    MLP,
    Dropout,
    Linear,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    SweepResult,
    count_operations,
    make_regression,
    mean_squared_error,
    sweep,
)
from tests.helpers import (
    assert_identical,
    global_random_state_untouched,
    seeded,
    seeded_module,
    values,
)
from tests.strategies import Problem, problems

X, y = (values.double() for values in make_regression(12, 3, generator=seeded()))
RATES = [0.01, 0.3, 0.1]


def run(
    model: nn.Module, rates: Iterable[float] | Tensor = RATES, epochs: int = 5
) -> SweepResult:
    return sweep(model.double(), mean_squared_error, X, y, rates, epochs)


class Tied(nn.Module):
    """Two layers that share their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = (
            nn.Linear(3, 3),
            nn.Linear(3, 3),
            nn.Linear(3, 1),
        )
        self.second.weight = self.first.weight

    def forward(self, X: Tensor) -> Tensor:
        hidden = torch.tanh(self.second(torch.tanh(self.first(X))))
        predictions: Tensor = self.last(hidden)
        return predictions


class PartlyReached(nn.Module):
    """A frozen parameter, a trained one, one without dimensions and one not reached."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Parameter(torch.ones(1), requires_grad=False)
        self.weights = nn.Parameter(torch.ones(3, 1))
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.unreached = nn.Parameter(torch.ones(2))

    def forward(self, X: Tensor) -> Tensor:
        return self.scale * (X @ self.weights + self.frozen)


def normalised() -> nn.Module:
    return seeded_module(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)))


def dropped_out() -> nn.Module:
    return seeded_module(nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1)))


class CountsInPlace(LinearRegression):
    """Counts its calls in a buffer, as batch normalisation does."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__(3, seeded())
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, X: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(X)


class CountsAnew(CountsInPlace):
    """Counts its calls in a new buffer each time."""

    def forward(self, X: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return LinearRegression.forward(self, X)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: LinearRegression(3, seeded()),
    "mlp": lambda: MLP(3, 4, seeded()),
    "sequential": lambda: seeded_module(
        nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 1))
    ),
    "tied": lambda: seeded_module(Tied()),
    "partly reached": PartlyReached,
    "normalised, eval": lambda: normalised().eval(),
    "dropped out, eval": lambda: dropped_out().eval(),
}
every_model = pytest.mark.parametrize("make_model", MODELS.values(), ids=MODELS)


def single(
    model: nn.Module, rate: float, epochs: int
) -> tuple[list[float], list[tuple[Tensor, ...]]]:
    result = NaiveTrainer(
        model.double(), mean_squared_error, X, y, NaiveTrainerConfig(epochs, rate)
    ).train()
    return result.losses, result.parameters


@every_model
def test_each_lane_is_a_run_of_the_trainer(make_model: Callable[[], nn.Module]) -> None:
    result = run(make_model(), epochs=10)
    for i, rate in enumerate(RATES):
        losses, parameters = single(make_model(), rate, epochs=10)
        torch.testing.assert_close(result.losses[i].tolist(), losses)
        torch.testing.assert_close(
            tuple(p[i] for p in result.parameters),
            tuple(map(torch.stack, zip(*parameters, strict=True))),
        )


@every_model
@pytest.mark.parametrize("numbers", [1, 100])
def test_lanes_are_the_same_whether_they_are_computed_together_or_in_groups(
    make_model: Callable[[], nn.Module], numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = run(make_model())
    monkeypatch.setitem(sweep.__globals__, "NUMBERS_AT_ONCE", numbers)
    in_groups = run(make_model())
    torch.testing.assert_close(in_groups.losses, together.losses)
    torch.testing.assert_close(in_groups.parameters, together.parameters)


def test_the_lanes_of_a_linear_model_are_one_wide_product() -> None:
    for model in (LinearRegression(3, seeded()), nn.Linear(3, 1)):
        operations = count_operations(partial(run, model, epochs=4))
        assert operations["mm"] >= 8  # forward and backward
        assert operations["bmm"] == 0


@pytest.mark.parametrize("hidden", [0, 4])
def test_a_loss_that_reaches_no_parameter_is_an_error(hidden: int) -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = (
                MLP(3, hidden, seeded()) if hidden else LinearRegression(3, seeded())
            )

        def forward(self, X: Tensor) -> Tensor:
            predictions: Tensor = self.model(X)
            return predictions.detach()

    with pytest.raises((ValueError, RuntimeError), match=r"must depend|does not require"):
        run(Detached())


def test_the_data_are_left_as_they_were() -> None:
    before = X.clone(), y.clone()
    sweep(MODELS["linear"]().double(), mean_squared_error, X, y, RATES, 3)
    assert_identical((X, y), before)
    assert not X.requires_grad
    assert X.grad is None


def test_features_may_be_integers() -> None:
    def embedding() -> nn.Module:
        return seeded_module(nn.Sequential(nn.Embedding(4, 1), nn.Flatten())).double()

    words, targets = torch.arange(4)[:, None], y[:4]
    result = sweep(embedding(), mean_squared_error, words, targets, RATES, 3)
    for i, rate in enumerate(RATES):
        config = NaiveTrainerConfig(3, rate)
        single = NaiveTrainer(embedding(), mean_squared_error, words, targets, config)
        torch.testing.assert_close(result.losses[i].tolist(), single.train().losses)


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (nn.LazyLinear(1), "'0.weight'"),
        (nn.LazyBatchNorm1d(affine=False), "'0.running_mean'"),
    ],
)
def test_a_lazy_layer_is_told_that_it_has_no_values_yet_and_is_not_called(
    layer: nn.Module, named: str
) -> None:
    model = nn.Sequential(layer, nn.Linear(3, 1))
    message = (
        f"model must have values to start from, but {named} of Sequential has none yet"
    )
    for use in (
        lambda: run(model),
        lambda: NaiveTrainer(model, mean_squared_error, X, y, NaiveTrainerConfig(1, 0.1)),
    ):
        with global_random_state_untouched(), pytest.raises(ValueError, match=message):
            use()


def test_a_lazy_layer_that_has_been_called_is_one_like_any_other() -> None:
    model = nn.Sequential(nn.LazyLinear(2), nn.Linear(2, 1))
    with torch.random.fork_rng():
        model(X.float())
    assert run(seeded_module(model)).losses.isfinite().all()


@given(
    problems(), st.lists(st.floats(0.001, 0.2), min_size=1, max_size=4), st.integers(0, 4)
)
def test_a_result_has_the_documented_shapes(
    problem: Problem, rates: list[float], epochs: int
) -> None:
    result = sweep(problem.model, mean_squared_error, problem.X, problem.y, rates, epochs)
    runs, num_features = len(rates), problem.X.shape[1]
    assert result.learning_rates.shape == (runs,)
    assert result.losses.shape == (runs, epochs)
    assert [p.shape for p in result.parameters] == [
        (runs, epochs, num_features, 1),
        (runs, epochs, 1),
    ]


@given(problems(), st.permutations(range(4)))
def test_another_order_of_the_learning_rates_only_reorders_the_lanes(
    problem: Problem, order: list[int]
) -> None:
    rates = torch.tensor([0.001, 0.01, 0.02, 0.03])
    X, y, model = problem
    result = sweep(model, mean_squared_error, X, y, rates, 5)
    reordered = sweep(model, mean_squared_error, X, y, rates[order], 5)
    torch.testing.assert_close(reordered.losses, result.losses[order])
    torch.testing.assert_close(
        reordered.parameters, tuple(p[order] for p in result.parameters)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_result_has_the_dtype_of_the_model_and_no_gradients(dtype: torch.dtype) -> None:
    model = LinearRegression(3, seeded()).to(dtype)
    result = sweep(model, mean_squared_error, X.to(dtype), y.to(dtype), RATES, 2)
    tensors = [result.learning_rates, result.losses, *result.parameters]
    assert {tensor.dtype for tensor in tensors} == {dtype}
    assert not any(tensor.requires_grad for tensor in tensors)


@every_model
def test_the_model_is_left_as_it_was(make_model: Callable[[], nn.Module]) -> None:
    model = make_model().double()
    gradients = [torch.ones_like(p) for p in model.parameters()]
    for p, gradient in zip(model.parameters(), gradients, strict=True):
        p.grad = gradient
    tensors = [*model.parameters(), *model.buffers()]
    before = [tensor.detach().clone() for tensor in tensors]
    modes = [(module.training, list(module.__dict__)) for module in model.modules()]
    requires_grad = [p.requires_grad for p in model.parameters()]
    run(model)
    assert all(
        now is then
        for now, then in zip([*model.parameters(), *model.buffers()], tensors, strict=True)
    )
    assert_identical([tensor.detach() for tensor in tensors], before)
    assert all(
        p.grad is gradient
        for p, gradient in zip(model.parameters(), gradients, strict=True)
    )
    assert all((gradient == 1).all() for gradient in gradients)
    assert [(module.training, list(module.__dict__)) for module in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == requires_grad


def test_gradients_that_are_not_there_are_not_made() -> None:
    model = MLP(3, 4, seeded())
    run(model)
    assert all(p.grad is None for p in model.parameters())


def test_frozen_and_unreached_parameters_stay_in_every_lane() -> None:
    frozen, weights, _, unreached = run(PartlyReached()).parameters
    assert_identical(frozen, torch.ones(3, 5, 1, dtype=torch.float64))
    assert_identical(unreached, torch.ones(3, 5, 2, dtype=torch.float64))
    assert not (weights == 1).any()


def test_a_lane_that_diverges_harms_no_other() -> None:
    with_it = run(MODELS["mlp"](), [0.1, 1e200, 0.05], epochs=20)
    without = run(MODELS["mlp"](), [0.1, 0.05], epochs=20)
    assert not with_it.losses[1].isfinite().all()
    others = torch.tensor([0, 2])
    torch.testing.assert_close(with_it.losses[others], without.losses)
    torch.testing.assert_close(
        tuple(p[others] for p in with_it.parameters), without.parameters
    )
    assert without.losses.isfinite().all()


def test_a_diverged_lane_keeps_its_infinities() -> None:
    losses = run(MODELS["linear"](), [1e150], epochs=6).losses[0]
    assert losses[0].isfinite()
    assert losses.isinf().any()
    assert losses[-1].isnan()


@pytest.mark.parametrize(
    "kind",
    [
        list,
        tuple,
        iter,
        lambda rates: (rate for rate in rates),
        np.array,
        lambda rates: [np.float64(rate) for rate in rates],
        lambda rates: torch.tensor(rates, dtype=torch.float64),
        lambda rates: torch.tensor(rates, dtype=torch.float64, requires_grad=True),
    ],
)
def test_learning_rates_come_in_any_kind_of_row(kind: Callable[[list[float]], Any]) -> None:
    result, expected = run(MODELS["linear"](), kind(RATES)), run(MODELS["linear"]())
    assert_identical(result.learning_rates, torch.tensor(RATES, dtype=torch.float64))
    assert_identical(result.losses, expected.losses)
    assert_identical(result.parameters, expected.parameters)


def test_no_epochs_give_no_losses() -> None:
    result = run(MODELS["linear"](), epochs=0)
    assert result.losses.shape == (3, 0)
    assert [p.shape for p in result.parameters] == [(3, 0, 3, 1), (3, 0, 1)]


def test_a_sweep_is_the_same_each_time_and_leaves_the_global_random_state() -> None:
    with global_random_state_untouched():
        first, second = run(MODELS["mlp"]()), run(MODELS["mlp"]())
    assert_identical(first.losses, second.losses)
    assert_identical(first.parameters, second.parameters)


def test_changing_the_model_later_does_not_change_the_result() -> None:
    model = PartlyReached()
    result = run(model)
    before = [p.clone() for p in result.parameters]
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(7)
    assert_identical(list(result.parameters), before)


@pytest.mark.parametrize(
    ("make_model", "named"),
    [
        (
            dropped_out,
            r"draw no random numbers, but aten.bernoulli_.float was called: "
            r"model.eval\(\) switches dropout off",
        ),
        (
            lambda: nn.Sequential(Linear(3, 1, seeded()), Dropout(0.5, seeded())),
            "draw no random numbers, but aten.bernoulli_.float was called",
        ),
        (
            normalised,
            r"updates no buffer, but its forward pass updates '1\..*': "
            r"model.eval\(\) keeps",
        ),
        (CountsInPlace, "updates no buffer, but its forward pass updates 'calls'"),
        (CountsAnew, "updates no buffer, but its forward pass updates 'calls'"),
    ],
)
def test_a_model_that_lanes_cannot_share_is_refused_and_left_as_it_was(
    make_model: Callable[[], nn.Module], named: str
) -> None:
    model = make_model().double()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with global_random_state_untouched(), pytest.raises(ValueError, match=named):
        run(model)
    assert_identical(dict(model.state_dict()), before)
    assert all(module.training for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_a_loss_that_draws_random_numbers_is_refused() -> None:
    with (
        global_random_state_untouched(),
        pytest.raises(ValueError, match="a loss that draw no random numbers"),
    ):
        sweep(
            MODELS["linear"]().double(),
            lambda y_pred, y: (y_pred - torch.randn(12, 1)).mean(),
            X,
            y,
            RATES,
            5,
        )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"model": len},
            TypeError,
            "model must be a torch.nn.Module, got <built-in function len>",
        ),
        (
            {"model": nn.Tanh()},
            ValueError,
            "model must have a parameter that requires gradients, got Tanh with none",
        ),
        ({"loss": "mse"}, TypeError, r"loss must be callable as .*, got 'mse' \(str\)"),
        (
            {"loss": lambda a, b: (a - b) ** 2},
            ValueError,
            r"loss must give a tensor of shape \(\), got .* \(12, 1\)",
        ),
        (
            {"loss": lambda a, b: (a - b).mean(0)},
            ValueError,
            r"loss must give a tensor of shape \(\), got .* \(1,\)",
        ),
        (
            {"loss": lambda a, b: 1.5},
            ValueError,
            r"loss must give a tensor of shape \(\), got 1.5 \(float\)",
        ),
        ({"X": [[1.0]]}, TypeError, "X must be a torch.Tensor, got .*[(]list[)]"),
        (
            {"y": y[:5]},
            ValueError,
            "X and y must be of the same length, got 12 and 5 samples",
        ),
        (
            {"y": y.squeeze(1)},
            ValueError,
            r"must have the same shape, got \(12, 1\) and \(12,\)",
        ),
        (
            {"X": X[:0], "y": y[:0]},
            ValueError,
            "X and y must hold at least one sample, got 0",
        ),
        (
            {"learning_rates": []},
            ValueError,
            "learning_rates must hold at least one learning rate, got none",
        ),
        (
            {"learning_rates": torch.ones(0)},
            ValueError,
            "learning_rates must hold at least one .*, got none",
        ),
        (
            {"learning_rates": 0.1},
            TypeError,
            r"learning_rates must be several numbers, got 0.1 \(float\)",
        ),
        (
            {"learning_rates": torch.tensor(0.1)},
            ValueError,
            r"learning_rates must have shape \(runs,\), got \(\)",
        ),
        (
            {"learning_rates": torch.ones(2, 3)},
            ValueError,
            r"learning_rates must have .*\(runs,\), got \(2, 3\)",
        ),
        (
            {"learning_rates": [0.1, -0.1]},
            ValueError,
            r"learning_rates\[1\] must be positive and finite, got -0.1",
        ),
        (
            {"learning_rates": [0.1, 0.2, 0]},
            ValueError,
            r"learning_rates\[2\] must be positive and finite, got 0",
        ),
        (
            {"learning_rates": [math.nan]},
            ValueError,
            r"learning_rates\[0\] must be positive and finite, got nan",
        ),
        (
            {"learning_rates": (0.1, math.inf)},
            ValueError,
            r"learning_rates\[1\] must be positive .*, got inf",
        ),
        (
            {"learning_rates": torch.tensor([0.5, -2])},
            ValueError,
            r"learning_rates\[1\] must be positive .*, got -2.0",
        ),
        (
            {"learning_rates": [0.1, True]},
            TypeError,
            r"learning_rates\[1\] must be a number, got True \(bool\)",
        ),
        (
            {"learning_rates": "0.1"},
            TypeError,
            r"learning_rates\[0\] must be a number, got '0' \(str\)",
        ),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 2.5}, TypeError, r"epochs must be an integer, got 2.5 \(float\)"),
        ({"epochs": True}, TypeError, r"epochs must be an integer, got True \(bool\)"),
    ],
)
def test_a_bad_argument_is_named_with_its_value(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = MODELS["linear"]().double()
    start = values(model)
    arguments: dict[str, Any] = {
        "model": model,
        "loss": mean_squared_error,
        "X": X,
        "y": y,
        "learning_rates": RATES,
        "epochs": 5,
    }
    with pytest.raises(error, match=message):
        sweep(**(arguments | changed))
    assert_identical(values(model), start)


@pytest.mark.parametrize(
    ("rates", "epochs", "shown"),
    [
        (
            [0.1, 1 / 3],
            5,
            "SweepResult(2 runs of 5 epochs, learning rates 0.1 ... 0.3333, "
            "parameters (3, 1) (1,))",
        ),
        (
            [0.5],
            1,
            "SweepResult(1 run of 1 epoch, learning rates 0.5 ... 0.5, "
            "parameters (3, 1) (1,))",
        ),
        (
            [0.5],
            0,
            "SweepResult(1 run of 0 epochs, learning rates 0.5 ... 0.5, "
            "parameters (3, 1) (1,))",
        ),
    ],
)
def test_a_result_is_short_and_tells_what_was_run(
    rates: list[float], epochs: int, shown: str
) -> None:
    assert repr(run(MODELS["linear"](), rates, epochs)) == shown
