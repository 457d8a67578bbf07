"""Average and evaluate."""

import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Self

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import groundup.trainer as trainer_module
from groundup import (
    SGD,
    Average,
    Callback,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    count_operations,
    evaluate,
    make_regression,
    mean_squared_error,
)
from tests.helpers import (
    assert_identical,
    global_random_state_untouched,
    seeded,
    seeded_module,
    values,
)
from tests.strategies import seeds, sizes

X, y = make_regression(5, 2, generator=seeded())


def pairs() -> DataLoader:
    """Batches of 2, 2 and 1."""
    return DataLoader(Dataset(X, y), batch_size=2)


def mean_error(predictions: Tensor, targets: Tensor) -> Tensor:
    return (predictions - targets).abs().mean()


def averaged(*means: tuple[Tensor, int]) -> Average:
    average = Average()
    for value, count in means:
        average.add(value, count)
    return average


# Average


@given(
    batches=st.lists(
        st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), min_size=1, max_size=8
    )
)
def test_the_average_of_means_over_unequal_batches_is_the_mean_over_all_samples(
    batches: list[list[float]],
) -> None:
    samples = torch.tensor([*chain(*batches)], dtype=torch.float64)
    means = [torch.tensor(batch, dtype=torch.float64).mean() for batch in batches]
    average = averaged(*zip(means, map(len, batches), strict=True))
    assert average.value() == pytest.approx(samples.mean().item(), rel=1e-12, abs=1e-10)
    assert average.count == len(samples)


def test_a_short_batch_weighs_as_much_as_it_has_samples() -> None:
    assert averaged((torch.tensor(1.0), 3), (torch.tensor(5.0), 1)).value() == 2.0


@pytest.mark.parametrize(
    ("dtype", "value", "count"),
    [
        (torch.bfloat16, 1.0, 1),  # a sum in bfloat16 stands still at 256
        (torch.bfloat16, 1.0, 3),
        (torch.float16, 1.0, 7),  # one in float16 at 2048
        (torch.float16, 60_000.0, 2),  # and overflows above 65,504, already as a product
        (torch.float8_e4m3fn, 1.0, 1),
    ],
)
def test_coarse_losses_are_not_added_up_coarsely(
    dtype: torch.dtype, value: float, count: int
) -> None:
    loss = torch.tensor(value, dtype=dtype)
    assert averaged(*[(loss, count)] * 1000).value() == value


ONE = torch.tensor(1.0)


@pytest.fixture(params=["float64", "two terms of float32"])
def sums(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """How far a mean may be off on a device that has float64, and on one that has not."""
    if request.param == "float64":
        return 1e-15
    monkeypatch.setattr(trainer_module, "_zero", trainer_module._TwoTermSum)
    return 1e-6


def test_a_mean_over_millions_of_batches_is_exact(sums: float) -> None:
    tenth, average = torch.tensor(0.1), Average()
    for _ in range(200_000):
        average.add(tenth, 10)
    assert average.value() == pytest.approx(tenth.item(), rel=sums)


def test_single_samples_after_a_huge_batch_count(sums: float) -> None:
    average = averaged((ONE, 2**24), *[(torch.tensor(3.0), 1)] * 100_000)
    expected = (2**24 + 300_000) / (2**24 + 100_000)
    assert average.value() == pytest.approx(expected, rel=sums)


@pytest.mark.parametrize(
    ("first", "second"), [(torch.tensor(3), torch.tensor(4)), (torch.tensor(True),) * 2]
)
def test_integers_and_bools_are_measures(first: Tensor, second: Tensor) -> None:
    average = averaged((first, 1), (second, 3), (torch.zeros_like(first), 4))
    assert average.value() == (int(first) + 3 * int(second)) / 8


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_measure_of_one_element_may_have_dimensions(shape: tuple[int, ...]) -> None:
    assert averaged((torch.full(shape, 2.0), 1), (torch.full(shape, 4.0), 3)).value() == 3.5


@pytest.mark.usefixtures("sums")
def test_infinities_and_nan_are_kept() -> None:
    one = torch.tensor(1.0), 1
    assert averaged(one, (torch.tensor(math.inf), 1), one).value() == math.inf
    assert math.isnan(averaged((torch.tensor(math.nan), 1), one).value())


def test_asking_for_the_value_leaves_the_average_as_it_is() -> None:
    average = averaged((torch.tensor(1.0), 2))
    assert average.value() == average.value() == 1.0
    average.add(torch.tensor(4.0), 1)
    assert type(average.value()) is float
    assert average.value() == 2.0


def test_the_tensors_that_are_added_stay_as_they_are() -> None:
    losses = [torch.tensor(float(i)) for i in range(4)]
    averaged(*[(loss, 1) for loss in losses])
    assert_identical(losses, [torch.tensor(float(i)) for i in range(4)])


def test_an_average_holds_neither_a_loss_nor_its_graph() -> None:
    w = torch.ones(3, requires_grad=True)
    average, held = Average(), []
    for _ in range(3):
        loss = (w * w).sum()
        average.add(loss, 2)
        held.append(weakref.ref(loss))
        del loss
        assert isinstance(average.total, Tensor)
        assert not average.total.requires_grad
    assert [loss() for loss in held] == [None] * 3


def test_the_device_is_waited_for_when_the_value_is_asked_for_and_never_before() -> None:
    average, loss = Average(), torch.tensor(1.0, requires_grad=True)

    def add_five() -> None:
        for _ in range(5):
            average.add(loss, 2)

    adding = count_operations(add_five)
    assert adding["_local_scalar_dense"] == 0
    assert count_operations(average.value) == {"_local_scalar_dense": 1}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("adds", [1, 2, 5])
def test_adding_dispatches_what_a_running_sum_does(dtype: torch.dtype, adds: int) -> None:
    loss = torch.tensor(1.0, dtype=dtype, requires_grad=True)

    def by_hand() -> None:
        total = torch.zeros((), dtype=torch.float64)
        for _ in range(adds):
            total.add_(loss.detach(), alpha=3)

    assert count_operations(lambda: averaged(*[(loss, 3)] * adds)) == count_operations(
        by_hand
    )


@pytest.mark.parametrize("average", [Average(), averaged((torch.tensor(1.0), 0))])
def test_no_sample_has_no_average(average: Average) -> None:
    with pytest.raises(
        ValueError, match=r"^an average needs at least one sample, got none$"
    ):
        average.value()


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0.5, TypeError, r"a measure's value must be a torch.Tensor, got 0.5 \(float\)"),
        (
            torch.ones(3, 1),
            ValueError,
            r"a measure's value must have one element, got shape \(3, 1\)",
        ),
        (
            torch.ones(0),
            ValueError,
            r"a measure's value must have one element, got shape \(0,\)",
        ),
    ],
)
def test_what_is_no_measure_is_refused_and_not_counted(
    value: Any, error: type[Exception], message: str
) -> None:
    average = averaged((torch.tensor(2.0), 1))
    with pytest.raises(error, match=f"^{message}$"):
        average.add(value, 1)
    assert (average.value(), average.count) == (2.0, 1)


# evaluate


@given(
    seed=seeds,
    num_samples=st.integers(1, 30),
    num_features=sizes,
    batch_size=st.integers(1, 12),
)
def test_the_mean_over_unequal_batches_is_the_mean_over_all_samples_at_once(
    seed: int, num_samples: int, num_features: int, batch_size: int
) -> None:
    generator = seeded(seed)
    X, y = make_regression(num_samples, num_features, generator=generator)
    X, y = X.double(), y.double()
    model = LinearRegression(num_features, generator).double()
    loader = DataLoader(Dataset(X, y), batch_size)
    measured = evaluate(model, loader, {"squared": mean_squared_error, "abs": mean_error})
    difference = (X @ model.weights + model.bias - y).detach().numpy()
    assert list(measured) == ["squared", "abs"]
    assert measured["squared"] == pytest.approx((difference**2).mean(), rel=1e-12)
    assert measured["abs"] == pytest.approx(abs(difference).mean(), rel=1e-12)


def test_the_model_is_called_once_a_batch_and_each_measure_with_what_it_predicts() -> None:
    batches = [(X[:2], y[:2]), (X[2:], y[2:])]
    called: list[Tensor] = []
    measured: dict[str, list[tuple[Tensor, Tensor]]] = {"a": [], "b": []}

    class Model(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            called.append(X)
            self.last = super().forward(X)
            return self.last

    model = Model(2, seeded())

    def measure(name: str) -> Callable[[Tensor, Tensor], Tensor]:
        def note(predictions: Tensor, targets: Tensor) -> Tensor:
            assert predictions is model.last
            measured[name].append((predictions, targets))
            return torch.tensor(float(len(targets)))

        return note

    means = evaluate(model, batches, {name: measure(name) for name in measured})
    for inputs, (X_batch, _) in zip(called, batches, strict=True):
        assert inputs is X_batch
    for calls in measured.values():
        for (_, targets), (_, y_batch) in zip(calls, batches, strict=True):
            assert targets is y_batch
    assert means == dict.fromkeys(measured, (2 * 2 + 3 * 3) / 5)
    assert all(type(mean) is float for mean in means.values())


def test_samples_are_counted_by_the_targets_and_any_structure_of_inputs_goes() -> None:
    class Sum(nn.Module):
        def forward(self, inputs: dict[str, Tensor]) -> Tensor:
            return inputs["a"] + inputs["b"].sum()

    batches = [({"a": torch.ones(n), "b": torch.zeros(7)}, torch.zeros(n)) for n in (1, 3)]
    measures = {"n": lambda predictions, targets: predictions.sum()}
    assert evaluate(Sum(), batches, measures) == {"n": (1 * 1 + 3 * 3) / 4}


def test_no_measures_give_nothing() -> None:
    assert evaluate(LinearRegression(2, seeded()), pairs(), {}) == {}


@pytest.mark.parametrize("outside", [True, False])
def test_evaluation_is_without_gradients_and_leaves_the_mode_of_autograd(
    outside: bool,
) -> None:
    seen: list[bool] = []

    class Model(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            seen.append(torch.is_grad_enabled())
            return super().forward(X)

    def measure(predictions: Tensor, targets: Tensor) -> Tensor:
        seen.append(torch.is_grad_enabled() or predictions.requires_grad)
        return predictions.mean()

    with torch.set_grad_enabled(outside):
        evaluate(Model(2, seeded()), pairs(), {"m": measure})
        assert torch.is_grad_enabled() is outside
        with pytest.raises(ZeroDivisionError):
            evaluate(Model(2, seeded()), pairs(), {"m": failing(0)})
        assert torch.is_grad_enabled() is outside
    assert seen
    assert not any(seen)


def with_dropout_and_norm() -> nn.Sequential:
    layers = [nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)]
    return seeded_module(nn.Sequential(*layers))


class Frozen(nn.BatchNorm1d):
    """A norm that stays in evaluation mode, whatever the model around it does."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


def test_dropout_and_batch_norm_are_in_eval_mode_and_nothing_is_drawn_or_changed() -> None:
    model = with_dropout_and_norm()
    first, norm = model[0], model[1]
    assert isinstance(first, nn.Linear)
    assert isinstance(norm, nn.BatchNorm1d)
    first.weight.grad = torch.ones_like(first.weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with global_random_state_untouched():
        loss = evaluate(model, pairs(), {"loss": mean_squared_error})["loss"]
    assert_identical(dict(model.state_dict()), before)
    assert_identical(first.weight.grad, torch.ones_like(first.weight))
    (first_w, first_b, *_, last_w, last_b) = values(model)
    hidden = F.linear(X, first_w, first_b)
    hidden = norm.weight * hidden / (1 + norm.eps) ** 0.5 + norm.bias
    expected = ((F.linear(hidden, last_w, last_b) - y) ** 2).mean().item()
    assert loss == pytest.approx(expected, rel=1e-5)


MIXED = [
    [True] * 5,
    [False] * 5,
    [True, True, False, True, False],
    [False, True, False, False, True],
]


class Broken:
    """Gives two batches, then fails."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield X[:2], y[:2]
        yield X[2:4], y[2:4]
        raise ZeroDivisionError


def failing(after: int) -> Callable[..., Tensor]:
    calls = Counter[str]()

    def call(*arguments: Any) -> Tensor:
        calls["all"] += 1
        if calls["all"] > after:
            raise ZeroDivisionError
        return mean_squared_error(*arguments[-2:])

    return call


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


@pytest.mark.parametrize("mixed", MIXED)
@pytest.mark.parametrize("fails", [None, "loader", "model", "measure", "empty"])
def test_each_submodule_gets_its_mode_back_also_when_something_raises(
    mixed: list[bool], fails: str | None
) -> None:
    model = with_dropout_and_norm()
    for module, training in zip(model.modules(), mixed, strict=True):
        module.training = training
    inside: list[list[bool]] = []
    model.register_forward_hook(lambda *_: inside.append(modes(model)))
    if fails == "model":
        model[3].register_forward_hook(lambda module, *_: 1 / 0 if len(inside) else None)
    measures = {"loss": failing(2) if fails == "measure" else mean_squared_error}
    loaders: dict[str, Iterable[Any]] = {"loader": Broken(), "empty": []}
    loader = loaders.get(str(fails), pairs())
    if fails is None:
        evaluate(model, loader, measures)
    else:
        with pytest.raises(ValueError if fails == "empty" else ZeroDivisionError):
            evaluate(model, loader, measures)
    assert modes(model) == mixed
    assert inside == [[False] * 5] * {None: 3, "loader": 2, "model": 1, "measure": 3}.get(
        fails, 0
    )


@pytest.mark.parametrize("frozen", [True, False])
def test_a_module_with_a_mind_of_its_own_gets_its_mode_back_too(frozen: bool) -> None:
    model = nn.Sequential(nn.Linear(2, 4), Frozen(4), nn.Linear(4, 1)).train()
    assert modes(model) == [True, True, False, True]
    model[1].training = frozen
    evaluate(model, pairs(), {"loss": mean_squared_error})
    assert modes(model) == [True, True, frozen, True]


class Adapter(nn.Linear):
    """Adds a product to its weights, and merges it in for evaluation, as loralib does."""

    alone: Tensor

    def __init__(self) -> None:
        super().__init__(2, 1, bias=False)
        self.left, self.right = (nn.Parameter(torch.full(s, 0.5)) for s in ((1, 1), (1, 2)))
        self.calls: list[bool] = []

    def train(self, mode: bool = True) -> Self:
        self.calls.append(mode)
        if mode != self.training:
            with torch.no_grad():
                if mode:
                    self.weight.copy_(self.alone)
                else:
                    self.alone = self.weight.clone()
                    self.weight += self.left @ self.right
        return super().train(mode)

    def forward(self, X: Tensor) -> Tensor:
        merged = super().forward(X)
        return merged + X @ (self.left @ self.right).T if self.training else merged


def test_a_layer_whose_train_does_work_learns_with_validation_as_without() -> None:
    def trained(**options: Any) -> tuple[Tensor, ...]:
        model = nn.Sequential(seeded_module(Adapter()))
        optimizer = SGD(model.parameters(), 0.1)
        Trainer(model, mean_squared_error, optimizer, [(X, y)], epochs=4, **options).train()
        return values(model)

    assert_identical(trained(val_loader=[(X, y)]), trained())


def test_train_is_called_only_where_the_mode_differs() -> None:
    training, evaluating = Adapter(), Adapter()
    evaluating.train(False)
    for adapter in (training, evaluating):
        adapter.calls.clear()
    evaluate(training, [(X, y)], {"loss": mean_squared_error})
    assert training.calls == [False, True]
    merged = evaluating.weight.clone()
    evaluate(evaluating, [(X, y)], {"loss": mean_squared_error})
    assert evaluating.calls == []
    assert_identical(evaluating.weight, merged)


@pytest.mark.parametrize("mixed", [[True, True, False, True], [False, False, True, False]])
def test_a_submodule_that_two_others_share_gets_its_mode_back(mixed: list[bool]) -> None:
    shared = nn.Linear(2, 2)
    model = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared, nn.Flatten()))
    parts = [model, model[0], shared, model[1]]
    for module, training in zip(parts, mixed, strict=True):
        module.training = training
    evaluate(model, pairs(), {"loss": lambda predictions, targets: predictions.mean()})
    assert [module.training for module in parts] == mixed


@pytest.mark.parametrize(
    "loader", [[], DataLoader(Dataset(X[:0], y[:0]), 2), iter([])], ids=type
)
def test_a_loader_that_gives_no_batch_is_refused_by_its_name(loader: Any) -> None:
    with pytest.raises(ValueError, match=r"^loader must give .* batch.*, got .+"):
        evaluate(LinearRegression(2, seeded()), loader, {"loss": mean_squared_error})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": None}, r"model must be a torch.nn.Module, got None \(NoneType\)"),
        (
            {"model": LinearRegression},
            r"model must be a torch.nn.Module, got .* \(type\)",
        ),
        ({"loader": 3}, r"loader must .*, got 3 \(int\)"),
        ({"loader": Dataset(X, y)}, r"loader must .*, got .* \(Dataset\)"),
        ({"loader": X}, r"loader must .*, got .* \(Tensor\)"),
        ({"measures": mean_squared_error}, r"measures must .*, got .* \(function\)"),
        ({"measures": {"loss": 3}}, r".*'loss'.* must be callable, got 3 \(int\)"),
        ({"average": Average()}, r"average must be callable, got .* \(Average\)"),
    ],
)
def test_a_bad_argument_is_named_with_its_value_before_the_model_is_called(
    changed: dict[str, Any], message: str
) -> None:
    class Uncalled(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            raise AssertionError

    arguments: dict[str, Any] = {
        "model": Uncalled(2, seeded()),
        "loader": pairs(),
        "measures": {"loss": mean_squared_error},
    }
    with pytest.raises(TypeError, match=f"^{message}$"):
        evaluate(**(arguments | changed))


# The average that is handed on


class Largest(Average):
    """What another `average` piece may be: the largest value instead of the mean."""

    total: Tensor | None
    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1

    def add(self, value: Tensor, count: int) -> None:
        value = value.detach()
        self.total = value if self.total is None else self.total.maximum(value)
        self.count += count

    def value(self) -> float:
        assert self.total is not None
        return self.total.item()


def test_another_average_is_made_anew_for_each_measure() -> None:
    made: list[Largest] = []

    def make() -> Largest:
        made.append(Largest())
        return made[-1]

    model, batches = LinearRegression(2, seeded()), list(pairs())
    measures = {"squared": mean_squared_error, "abs": mean_error}
    measured = evaluate(model, pairs(), measures, make)
    assert measured == {
        name: max(measure(model(X), y).item() for X, y in batches)
        for name, measure in measures.items()
    }
    assert [average.count for average in made] == [5, 5]


def test_the_trainer_averages_all_its_measures_by_the_average_it_was_given() -> None:
    made: list[Largest] = []

    def make() -> Largest:
        made.append(Largest())
        return made[-1]

    steps: list[float] = []
    after: list[dict[str, float]] = []
    measures = {"loss": mean_squared_error, "abs": mean_error}

    class Watch(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            assert isinstance(trainer.train_loss, Largest)
            assert trainer.loss is not None
            steps.append(trainer.loss.item())

        def on_epoch_end(self, trainer: Trainer) -> None:
            after.append(
                {
                    name: max(measure(model(X), y).item() for X, y in pairs())
                    for name, measure in measures.items()
                }
            )

    model = LinearRegression(2, seeded())
    result = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        pairs(),
        epochs=2,
        val_loader=pairs(),
        metrics={"abs": mean_error},
        callbacks=[Watch()],
        average=make,
    ).train()
    assert result.train_losses == [max(steps[:3]), max(steps[3:])]
    assert result.val_losses == [epoch["loss"] for epoch in after]
    assert result.metrics == {"abs": [epoch["abs"] for epoch in after]}
    assert len(set(map(id, made))) == len(made) >= 2 * 3
    assert [average.count for average in made if average.count] == [5] * 6


# The trainer's validation


def validated(
    model: nn.Module, metric: Callable[..., Tensor] = mean_error, **options: Any
) -> Trainer:
    arguments: dict[str, Any] = {
        "epochs": 3,
        "val_loader": pairs(),
        "metrics": {"error": metric},
    }
    return Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        pairs(),
        **(arguments | options),
    )


def test_an_epoch_is_validated_with_the_parameters_that_it_ends_with() -> None:
    X_val, y_val = make_regression(7, 2, generator=seeded(1))
    expected: list[tuple[float, float]] = []

    class Watch(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            prediction = X_val @ model.weights + model.bias
            expected.append(
                (
                    F.mse_loss(prediction, y_val).item(),
                    F.l1_loss(prediction, y_val).item(),
                )
            )

    model = LinearRegression(2, seeded())
    val_loader = DataLoader(Dataset(X_val, y_val), batch_size=3)
    result = validated(model, val_loader=val_loader, callbacks=[Watch()]).train()
    measured = list(zip(result.val_losses, result.metrics["error"], strict=True))
    torch.testing.assert_close(measured, expected, rtol=1e-6, atol=0)
    assert len(measured) == 3


def test_without_a_val_loader_there_are_no_validation_losses() -> None:
    result = validated(LinearRegression(2, seeded()), val_loader=None, metrics=None).train()
    assert (len(result.train_losses), result.val_losses, result.metrics) == (3, [], {})


@pytest.mark.parametrize("mixed", MIXED)
def test_training_leaves_modes_as_they_are_and_validation_gives_them_back(
    mixed: list[bool],
) -> None:
    model = with_dropout_and_norm()
    for module, training in zip(model.modules(), mixed, strict=True):
        module.training = training
    seen: list[tuple[bool, list[bool]]] = []

    def note(module: nn.Module, arguments: Any) -> None:
        seen.append((torch.is_grad_enabled(), modes(model)))

    model.register_forward_pre_hook(note)
    X4, y4 = torch.cat([X, X])[:8], torch.cat([y, y])[:8]  # no batch of 1, for the norm
    with torch.random.fork_rng():
        Trainer(
            model,
            mean_squared_error,
            SGD(model.parameters(), 0.1),
            DataLoader(Dataset(X4, y4), 4),
            epochs=2,
            val_loader=pairs(),
        ).train()
    epoch = [(True, mixed)] * 2 + [(False, [False] * 5)] * 3
    assert seen == epoch * 2
    assert modes(model) == mixed


def test_validation_changes_neither_the_training_nor_the_random_numbers_of_a_run() -> None:
    def parameters(**options: Any) -> tuple[Tensor, ...]:
        model = seeded_module(
            nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            validated(model, **options).train()
        return values(model)

    assert_identical(parameters(), parameters(val_loader=None, metrics=None))


@pytest.mark.parametrize("at_epoch", [0, 1, 2])
@pytest.mark.parametrize("fails", ["metric", "model", "loader", "empty", "no measure"])
def test_nothing_of_an_epoch_is_recorded_when_its_validation_raises(
    fails: str, at_epoch: int
) -> None:
    broken = False

    class Model(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            if not self.training and broken and fails == "model":
                raise ZeroDivisionError
            return super().forward(X)

    class Loader:
        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            if broken and fails == "empty":
                return
            yield X[:2], y[:2]
            if broken and fails == "loader":
                raise ZeroDivisionError
            yield X[2:], y[2:]

    def metric(predictions: Tensor, targets: Tensor) -> Any:
        if broken and fails == "metric" and len(targets) == 3:
            raise ZeroDivisionError
        return 0.5 if broken and fails == "no measure" else mean_error(predictions, targets)

    class Break(Callback):
        def on_epoch_start(self, trainer: Trainer) -> None:
            nonlocal broken
            broken = trainer.epoch == at_epoch

    model = Model(2, seeded())
    trainer = validated(model, metric, val_loader=Loader(), callbacks=[Break()])
    error = {"empty": ValueError, "no measure": TypeError}.get(fails, ZeroDivisionError)
    with pytest.raises(error):
        trainer.train()
    result = trainer.result
    assert trainer.epoch == len(result.train_losses) == at_epoch
    assert len(result.val_losses) == len(result.metrics["error"]) == at_epoch
    assert (trainer.step, trainer.batch) == (3 * (at_epoch + 1), 0)
    assert modes(model) == [True]

    at_epoch = -1
    trainer.train()
    assert trainer.epoch == len(result.train_losses) == len(result.val_losses) == 3
    assert trainer.step == 3 * (3 + 1)


# An average that goes on.


batches_of_a_run = st.lists(
    st.tuples(st.floats(-1e6, 1e6, width=32), sizes), min_size=1, max_size=8
)


@given(batches_of_a_run, st.data())
def test_an_average_that_is_saved_goes_on_bit_for_bit(
    batches: list[tuple[float, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(batches)))
    whole, first, second = Average(), Average(), Average()
    for value, count in batches:
        whole.add(torch.tensor(value), count)
    for value, count in batches[:cut]:
        first.add(torch.tensor(value), count)
    second.load_state_dict(first.state_dict())
    for value, count in batches[cut:]:
        second.add(torch.tensor(value), count)
    assert second.state_dict() == whole.state_dict()
    assert second.value() == whole.value()


def test_what_two_terms_hold_goes_on_too(sums: float) -> None:
    tenth = torch.tensor(0.1)
    whole, first, second = averaged((tenth, 10**7)), averaged((tenth, 10**7)), Average()
    second.load_state_dict(first.state_dict())
    for average in (whole, second):
        average.add(tenth, 3)
    assert second.state_dict() == whole.state_dict()


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_an_average_that_has_diverged_stays_so(value: float, sums: float) -> None:
    average = Average()
    average.load_state_dict(averaged((torch.tensor(value), 2)).state_dict())
    average.add(ONE, 1)
    assert average.value() == pytest.approx(value, nan_ok=True)


def test_an_average_that_was_loaded_moves_to_the_device_of_the_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = averaged((torch.tensor(1 / 3, dtype=torch.float64), 3))
    monkeypatch.setattr(trainer_module, "_zero", trainer_module._TwoTermSum)
    there = averaged((torch.tensor(0.0), 1))
    there.load_state_dict(exact.state_dict())  # from float64 to a device without
    assert there.value() == pytest.approx(exact.value(), rel=1e-14)
    there.total.device = torch.device("meta")  # type: ignore[union-attr]
    there.add(ONE, 1)
    assert there.total is not None
    assert there.total.device == ONE.device
    assert there.value() == pytest.approx(2 / 4, rel=1e-14)


@pytest.mark.parametrize(
    ("state", "error", "complaint"),
    [
        ([1, 2], TypeError, r"^the state of an average must be a dict, got \[1, 2\]"),
        ({"total": None}, ValueError, "must have 'total', 'count', got 'total'$"),
        ({"total": None, "count": -1}, ValueError, "count must be at least 0, got -1"),
        ({"total": None, "count": 0.5}, TypeError, "count must be an integer, got 0.5"),
    ],
)
def test_another_state_than_an_averages_is_refused(
    state: Any, error: type[Exception], complaint: str
) -> None:
    average = averaged((ONE, 1))
    with pytest.raises(error, match=complaint):
        average.load_state_dict(state)
    assert average.value() == 1
