"""Trainer and TrainerResult."""

import ast
import copy
import inspect
import math
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import DataLoader as TorchDataLoader
from torch.utils.data import IterableDataset, TensorDataset

from groundup import (
    MLP,
    SGD,
    Average,
    Callback,
    DataLoader,
    Dataset,
    LinearRegression,
    ParameterHistory,
    Trainer,
    TrainerResult,
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
from tests.strategies import seeds

HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
EPOCHS = 3
X, y = make_regression(5, 2, generator=seeded())
BATCHES = [(X[:2], y[:2]), (X[2:4], y[2:4]), (X[4:], y[4:])]  # the last one is shorter


def mean_error(predictions: Tensor, targets: Tensor) -> Tensor:
    return (predictions - targets).abs().mean()


def made(model: nn.Module | None = None, **changed: Any) -> Trainer:
    """A trainer of a linear model on the batches above, with some arguments changed."""
    model = LinearRegression(2, seeded()) if model is None else model
    arguments: dict[str, Any] = {
        "model": model,
        "loss": mean_squared_error,
        "train_loader": BATCHES,
        "epochs": EPOCHS,
    }
    if "optimizer" not in changed:
        arguments["optimizer"] = SGD(model.parameters(), 0.1)
    return Trainer(**(arguments | changed))


VALIDATED: dict[str, Any] = {"val_loader": BATCHES, "metrics": {"error": mean_error}}


def by_hand(
    batches: Iterable[tuple[Tensor, ...]],
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> tuple[list[float], tuple[Tensor, ...]]:
    """The loss of each batch before its update, and the parameters after the last one."""
    model = LinearRegression(2, seeded()) if model is None else model
    losses = []
    for inputs, targets in batches:
        model.zero_grad()
        loss = mean_squared_error(model(inputs), targets)
        loss.backward()
        if optimizer is not None:
            optimizer.step()
        else:
            with torch.no_grad():
                for p in model.parameters():
                    assert p.grad is not None
                    p.sub_(0.1 * p.grad)
        losses.append(loss.item())
    return losses, values(model)


class Watch(Callback):
    """Notes each call of a hook, where the run stands there, and each step's loss."""

    def __init__(self) -> None:
        self.hooks: list[str] = []
        self.seen: list[tuple[Any, ...]] = []
        self.losses: list[float] = []
        for hook in HOOKS:
            setattr(self, hook, self._noting(hook))

    def _noting(self, hook: str) -> Callable[[Trainer], None]:
        def note(trainer: Trainer) -> None:
            self.hooks.append(hook)
            average = trainer.train_loss
            loss = None if trainer.loss is None else trainer.loss.item()
            self.seen.append(
                (hook, trainer.epoch, trainer.step, trainer.batch, average.count, loss)
            )
            if hook == "on_step_end":
                assert loss is not None
                self.losses.append(loss)

        return note

    def at(self, hook: str) -> list[tuple[Any, ...]]:
        return [tuple(rest) for name, *rest, _ in self.seen if name == hook]


class Stop(Callback):
    """Stops a run at the n-th call of a hook, counted from 1."""

    def __init__(self, hook: str, n: int = 1, reason: str = "enough") -> None:
        def stop(trainer: Trainer) -> None:
            self.calls += 1
            if self.calls == n:
                trainer.stop(reason)

        self.calls = 0
        setattr(self, hook, stop)


# The result


def test_the_training_loss_is_the_mean_over_samples_of_the_losses_before_the_updates() -> (
    None
):
    losses, parameters = by_hand(BATCHES * EPOCHS)
    trainer = made()
    result = trainer.train()
    assert result is trainer.result
    weights = [2 / 5, 2 / 5, 1 / 5]
    expected = [np.dot(weights, losses[3 * i : 3 * i + 3]) for i in range(EPOCHS)]
    assert result.train_losses == pytest.approx(expected, rel=1e-6)
    assert_identical(values(trainer.model), parameters)


def test_the_result_has_one_float_an_epoch() -> None:
    result = made(**VALIDATED).train()
    for numbers in (result.train_losses, result.val_losses, result.metrics["error"]):
        assert [type(number) for number in numbers] == [float] * EPOCHS
    assert list(result.metrics) == ["error"]
    assert result.stop_reason is None


def test_no_epochs_train_nothing_and_call_no_hook() -> None:
    watch = Watch()
    trainer = made(epochs=0, callbacks=[watch], **VALIDATED)
    start = values(trainer.model)
    assert trainer.train() == TrainerResult([], [], {"error": []}, None)
    assert watch.hooks == []
    assert_identical(values(trainer.model), start)


@pytest.mark.parametrize("epochs", [np.int64(2), np.uint8(2)])
def test_numpy_integers_are_epochs(epochs: Any) -> None:
    assert made(epochs=epochs).train() == made(epochs=2).train()


def test_a_diverged_run_keeps_its_infinities() -> None:
    model = LinearRegression(2, seeded())
    optimizer = SGD(model.parameters(), 1e10)
    result = made(model, optimizer=optimizer, epochs=5, **VALIDATED).train()
    assert len(result.train_losses) == len(result.val_losses) == 5
    assert math.isfinite(result.train_losses[0]) or math.isinf(result.train_losses[0])
    assert not math.isfinite(result.train_losses[-1])
    assert not math.isfinite(result.val_losses[-1])


def test_a_frozen_parameter_and_one_that_the_loss_does_not_reach_stay_as_they_are() -> None:
    model = MLP(2, 3, seeded())
    model.bias.requires_grad_(False)
    model.register_parameter("unreached", nn.Parameter(torch.ones(2)))
    start = dict(zip(dict(model.named_parameters()), values(model), strict=True))
    made(model, optimizer=SGD([*model.parameters()], 0.1)).train()
    moved = {name for name, p in model.named_parameters() if not p.equal(start[name])}
    assert moved == {"hidden_weights", "hidden_bias", "weights"}


def test_gradients_from_before_the_run_do_not_count() -> None:
    trainer = made()
    for p in trainer.model.parameters():
        p.grad = torch.full_like(p, 100.0)
    trainer.train()
    assert_identical(values(trainer.model), by_hand(BATCHES * EPOCHS)[1])


def test_a_run_in_float64_stays_in_float64() -> None:
    model = LinearRegression(2, seeded()).double()
    batches = [(X.double(), y.double()) for X, y in BATCHES]
    losses = made(model, train_loader=batches, epochs=1).train().train_losses
    expected, parameters = by_hand(batches, LinearRegression(2, seeded()).double())
    assert losses == pytest.approx([np.dot([0.4, 0.4, 0.2], expected)], rel=1e-15)
    assert_identical(values(model), parameters)


def test_losses_in_bfloat16_are_averaged_in_float64() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))

        def forward(self, X: Tensor) -> Tensor:
            return self.w + 0 * X

    batches = [(torch.zeros(1, dtype=torch.bfloat16), torch.ones(1))] * 1000
    result = made(
        Constant(),
        loss=lambda predictions, targets: predictions.mean(),
        optimizer=Still(),
        train_loader=batches,
        epochs=1,
        val_loader=batches,
    ).train()
    assert result.train_losses == result.val_losses == [1.0]


class Still:
    """An optimizer that has no more than the trainer asks for, and moves nothing."""

    def zero_grad(self) -> None:
        pass

    def step(self) -> None:
        pass


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (TrainerResult(), "TrainerResult(0 epochs)"),
        (TrainerResult([2.0]), "TrainerResult(1 epoch, train loss 2)"),
        (
            TrainerResult([4.0, 3.0, 1 / 3], [5.0, 9.0, 2.0]),
            "TrainerResult(3 epochs, train loss 4 -> 0.3333, validation loss 5 -> 2)",
        ),
        (
            TrainerResult(
                [4.0, 1.0], [5.0, 2.0], {"accuracy": [0.5, 0.75], "b": [1.0, 2.0]}
            ),
            "TrainerResult(2 epochs, train loss 4 -> 1, validation loss 5 -> 2, "
            "accuracy 0.5 -> 0.75, b 1 -> 2)",
        ),
        (
            TrainerResult([], [], {"accuracy": []}, "by hand"),
            "TrainerResult(0 epochs, stopped: by hand)",
        ),
        (
            TrainerResult([1.0, math.inf, math.nan]),
            "TrainerResult(3 epochs, train loss 1 -> nan)",
        ),
        (
            TrainerResult([1.0], stop_reason=""),
            "TrainerResult(1 epoch, train loss 1, stopped: )",
        ),
    ],
)
def test_a_result_is_short_and_worth_reading(result: TrainerResult, shown: str) -> None:
    assert repr(result) == shown


def test_results_share_nothing() -> None:
    TrainerResult().train_losses.append(1.0)
    TrainerResult().metrics["error"] = [1.0]
    assert TrainerResult() == TrainerResult([], [], {}, None)


def test_the_same_start_gives_the_same_run_and_leaves_the_global_random_state() -> None:
    def run() -> tuple[TrainerResult, tuple[Tensor, ...]]:
        loader = DataLoader(Dataset(X, y), 2, shuffle=True, generator=seeded(7))
        trainer = made(train_loader=loader, **VALIDATED)
        return trainer.train(), values(trainer.model)

    with global_random_state_untouched():
        (first, parameters), (second, others) = run(), run()
    assert first == second
    assert_identical(parameters, others)


def test_a_list_of_metrics_changed_later_does_not_change_the_run() -> None:
    metrics = {"error": mean_error}
    trainer = made(val_loader=BATCHES, metrics=metrics)
    metrics["other"] = mean_error
    assert list(trainer.train().metrics) == ["error"]


def test_metrics_are_measured_in_the_order_they_are_given() -> None:
    metrics = dict.fromkeys("bca", mean_error)
    assert list(made(val_loader=BATCHES, metrics=metrics).train().metrics) == list("bca")


def test_no_metrics_need_no_val_loader() -> None:
    assert made(metrics={}).train().metrics == {}


def test_one_loader_may_serve_for_training_and_for_validation() -> None:
    loader = DataLoader(Dataset(X, y), 2)
    shared = made(train_loader=loader, val_loader=loader).train()
    assert shared == made(val_loader=BATCHES).train()


# Stopping

STOPS = [
    # hook, its n-th call, epochs recorded, steps done
    ("on_train_start", 1, 0, 0),
    ("on_epoch_start", 1, 0, 0),
    ("on_epoch_start", 2, 1, 3),
    ("on_epoch_start", 3, 2, 6),
    *((hook, 1, 0, 1) for hook in ("on_step_start", "on_backward_end", "on_step_end")),
    *((hook, 2, 0, 2) for hook in ("on_step_start", "on_backward_end", "on_step_end")),
    *((hook, 3, 1, 3) for hook in ("on_step_start", "on_backward_end", "on_step_end")),
    *((hook, 8, 2, 8) for hook in ("on_step_start", "on_backward_end", "on_step_end")),
    *((hook, 9, 3, 9) for hook in ("on_step_start", "on_backward_end", "on_step_end")),
    ("on_epoch_end", 1, 1, 3),
    ("on_epoch_end", 3, 3, 9),
    ("on_train_end", 1, 3, 9),
]
every_stop = pytest.mark.parametrize(("hook", "n", "epochs", "steps"), STOPS)


def hooks_until_the_next_step(hook: str, n: int) -> list[str]:
    """The hooks of a run in which no step or epoch begins after the n-th call of `hook`."""
    epoch = ["on_epoch_start"]
    epoch += ["on_step_start", "on_backward_end", "on_step_end"] * len(BATCHES)
    whole = ["on_train_start", *[*epoch, "on_epoch_end"] * EPOCHS, "on_train_end"]
    place = [i for i, name in enumerate(whole) if name == hook][n - 1] + 1
    after = whole[place:]
    begins = [
        i for i, name in enumerate(after) if name in ("on_epoch_start", "on_step_start")
    ]
    kept = after[: begins[0]] if begins else after[:-1]
    return [*whole[:place], *kept, *(["on_train_end"] if hook != "on_train_end" else [])]


@every_stop
def test_a_stop_takes_effect_before_the_next_step(
    hook: str, n: int, epochs: int, steps: int
) -> None:
    watch = Watch()
    trainer = made(callbacks=[watch, Stop(hook, n)], **VALIDATED)
    result = trainer.train()
    assert (trainer.epoch, trainer.step, trainer.batch) == (epochs, steps, 0)
    assert watch.hooks == hooks_until_the_next_step(hook, n)
    assert result.stop_reason == "enough"
    whole = made(**VALIDATED).train()
    assert result.train_losses == whole.train_losses[:epochs]
    assert result.val_losses == whole.val_losses[:epochs]
    assert result.metrics == {"error": whole.metrics["error"][:epochs]}
    _, parameters = by_hand((BATCHES * EPOCHS)[:steps])
    assert_identical(values(trainer.model), parameters)


@every_stop
def test_after_a_stop_the_run_goes_on_with_the_unfinished_epoch_from_its_start(
    hook: str, n: int, epochs: int, steps: int
) -> None:
    watch = Watch()
    trainer = made(callbacks=[watch, Stop(hook, n)], **VALIDATED)
    trainer.train()
    stopped = len(watch.seen)
    result = trainer.train()
    finished = epochs == EPOCHS
    assert result.stop_reason == ("enough" if finished else None)
    assert (trainer.epoch, trainer.batch) == (EPOCHS, 0)
    assert trainer.step == steps + len(BATCHES) * (EPOCHS - epochs)
    assert len(result.train_losses) == len(result.val_losses) == EPOCHS
    assert len(result.metrics["error"]) == EPOCHS
    order = (BATCHES * EPOCHS)[:steps] + BATCHES * (EPOCHS - epochs)
    losses, parameters = by_hand(order)
    assert watch.losses == losses
    assert_identical(values(trainer.model), parameters)
    again = watch.seen[stopped:]
    assert [seen[:5] for seen in again[:2]] == (
        []
        if finished
        else [
            ("on_train_start", epochs, steps, 0, 0),
            ("on_epoch_start", epochs, steps, 0, 0),
        ]
    )


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_a_stop_in_mid_epoch_leaves_the_position_to_be_read_at_the_end_of_the_run(
    steps: int,
) -> None:
    watch = Watch()
    made(callbacks=[watch, Stop("on_step_end", steps)]).train()
    epoch, batch = divmod(steps, 3)
    assert watch.at("on_train_end") == [(epoch, steps, batch, 2 * batch)]


def test_of_several_reasons_the_first_one_counts() -> None:
    for reasons in (["first", "second"], ["second", "first"]):
        stops = [Stop("on_step_end", 1, reason) for reason in reasons]
        assert made(callbacks=stops).train().stop_reason == reasons[0]


def test_an_empty_reason_is_a_reason() -> None:
    trainer = made(callbacks=[Stop("on_step_end", 1, ""), Stop("on_step_end", 1, "late")])
    assert trainer.train().stop_reason == ""
    assert trainer.step == 1


def test_a_stop_before_the_run_is_forgotten_as_one_before_an_interruption_is() -> None:
    trainer = made()
    trainer.stop("too early")
    assert trainer.result.stop_reason == "too early"
    assert trainer.train() == made().train()
    assert trainer.result.stop_reason is None


def test_a_run_can_be_stopped_again_and_again() -> None:
    trainer = made()
    stopper = Stop("on_epoch_end", 1, "first")
    trainer = made(callbacks=[stopper])
    trainer.train()
    stopper.calls = 0
    assert trainer.train().stop_reason == "first"
    assert trainer.epoch == 2
    assert trainer.train() == made().train()


def test_a_metric_may_stop_a_run_once_the_epoch_is_recorded() -> None:
    def metric(predictions: Tensor, targets: Tensor) -> Tensor:
        trainer.stop("good enough")
        return mean_error(predictions, targets)

    trainer = made(val_loader=BATCHES, metrics={"error": metric})
    assert trainer.train().stop_reason == "good enough"
    assert (trainer.epoch, trainer.step, len(trainer.result.val_losses)) == (1, 3, 1)


@pytest.mark.parametrize("reason", [None, 3, True, b"enough", ValueError("enough")])
def test_a_reason_that_is_not_a_string_is_refused_and_does_not_stop(reason: Any) -> None:
    trainer = made()
    with pytest.raises(TypeError, match=r"^reason must be a string, got .* \(\w+\)$"):
        trainer.stop(reason)
    assert trainer.result.stop_reason is None


def test_a_finished_run_returns_its_result_and_calls_no_piece() -> None:
    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        calls.append("loss")
        return mean_squared_error(predictions, targets)

    calls: list[str] = []
    watch = Watch()
    trainer = made(loss=loss, callbacks=[watch])
    first = trainer.train()
    start, hooks, seen = values(trainer.model), len(watch.hooks), len(calls)
    before = copy.deepcopy(first)
    assert trainer.train() is first
    assert first == before
    assert (len(watch.hooks), len(calls)) == (hooks, seen)
    assert_identical(values(trainer.model), start)


def test_a_run_whose_epochs_are_raised_goes_on() -> None:
    watch = Watch()
    trainer = made(epochs=1, callbacks=[watch], **VALIDATED)
    trainer.train()
    trainer.epochs = EPOCHS
    assert trainer.train() == made(**VALIDATED).train()
    assert watch.at("on_train_start") == [(0, 0, 0, 0), (1, 3, 0, 0)]
    trainer.epochs = 1  # fewer than are done
    assert len(trainer.train().train_losses) == EPOCHS
    assert len(watch.at("on_train_start")) == 2


# Interruptions


class Fuse:
    """Raises once, at the n-th time that the piece of a name is reached."""

    def __init__(self, name: str, n: int, error: BaseException) -> None:
        self.name, self.n, self.error = name, n, error

    def __call__(self, name: str) -> None:
        self.n -= name == self.name
        if self.n == 0:
            self.n = -1
            raise self.error


def fused(fuse: Fuse, *callbacks: Callback) -> Trainer:
    """A trainer each of whose pieces goes through a fuse."""

    class Model(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            fuse("model" if self.training else "model in validation")
            prediction = super().forward(X)
            if prediction.requires_grad:
                prediction.register_hook(lambda _: fuse("backward"))
            return prediction

    class Optimizer(SGD):
        def zero_grad(self) -> None:
            fuse("zero_grad")
            super().zero_grad()

        def step(self) -> None:
            fuse("step")
            super().step()

    class Loader:
        def __init__(self, name: str) -> None:
            self.name = name

        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            fuse(f"{self.name} is iterated")
            return self.batches()

        def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
            for batch in BATCHES:
                fuse(self.name)
                yield batch

    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        fuse("loss" if model.training else "loss in validation")
        return mean_squared_error(predictions, targets)

    def metric(predictions: Tensor, targets: Tensor) -> Tensor:
        fuse("metric")
        return mean_error(predictions, targets)

    class Hooks(Callback):
        def __init__(self) -> None:
            for hook in HOOKS:
                setattr(self, hook, lambda trainer, hook=hook: fuse(hook))

    model = Model(2, seeded())
    return Trainer(
        model,
        loss,
        Optimizer(model.parameters(), 0.1),
        Loader("train_loader"),
        epochs=EPOCHS,
        val_loader=Loader("val_loader"),
        metrics={"error": metric},
        callbacks=[*callbacks, Hooks()],
    )


BEFORE_A_STEP_IS_DONE = [
    "train_loader",
    "on_step_start",
    "zero_grad",
    "model",
    "loss",
    "backward",
    "on_backward_end",
    "step",
]
IN_VALIDATION = ["val_loader", "model in validation", "loss in validation", "metric"]
INTERRUPTIONS = [
    # piece, its n-th call, epochs recorded, steps done
    ("on_train_start", 1, 0, 0),
    ("on_epoch_start", 1, 0, 0),
    ("on_epoch_start", 3, 2, 6),
    ("train_loader is iterated", 1, 0, 0),
    ("train_loader is iterated", 2, 1, 3),
    *(
        (piece, n, (n - 1) // 3, n - 1)
        for piece in BEFORE_A_STEP_IS_DONE
        for n in (1, 5, 9)
    ),
    *(("on_step_end", n, (n - 1) // 3, n) for n in (1, 3, 5, 9)),
    ("val_loader is iterated", 1, 0, 3),
    ("val_loader is iterated", 3, 2, 9),
    *(
        (piece, n, (n - 1) // 3, 3 * -(-n // 3))
        for piece in IN_VALIDATION
        for n in (1, 6, 8)
    ),
    *(("on_epoch_end", n, n, 3 * n) for n in (1, 3)),
    ("on_train_end", 1, 3, 9),
]


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("tried"), KeyboardInterrupt()], ids=type
)
@pytest.mark.parametrize(("piece", "n", "epochs", "steps"), INTERRUPTIONS)
def test_whatever_a_piece_raises_reaches_the_caller_and_the_run_can_go_on(
    piece: str, n: int, epochs: int, steps: int, error: BaseException
) -> None:
    watch = Watch()
    trainer = fused(Fuse(piece, n, error), watch)
    with pytest.raises(type(error)) as raised:
        trainer.train()
    assert raised.value is error
    result = trainer.result
    assert (trainer.epoch, trainer.step, trainer.batch) == (epochs, steps, 0)
    assert (trainer.train_loss.count, trainer.train_loss.total) == (0, None)
    assert len(result.train_losses) == len(result.val_losses) == epochs
    assert len(result.metrics["error"]) == epochs
    assert result.stop_reason is None
    assert watch.hooks.count("on_train_end") == 1
    assert watch.hooks[-1] == "on_train_end"
    batches = steps - 3 * epochs
    samples = [0, 2, 4, 5][batches]
    assert watch.at("on_train_end") == [(epochs, steps, batches, samples)]

    seen = len(watch.seen)
    assert trainer.train() is result
    again = [entry[:4] for entry in watch.seen[seen:]]
    if epochs == EPOCHS:
        assert again == []
        return
    assert again[0] == ("on_train_start", epochs, steps, 0)
    assert again[1] == ("on_epoch_start", epochs, steps, 0)
    assert [step for _, _, step, _ in again] == sorted(step for _, _, step, _ in again)
    assert (trainer.epoch, trainer.step) == (EPOCHS, steps + 3 * (EPOCHS - epochs))
    assert len(result.train_losses) == len(result.val_losses) == EPOCHS
    assert len(result.metrics["error"]) == EPOCHS
    order = (BATCHES * EPOCHS)[:steps] + BATCHES * (EPOCHS - epochs)
    losses, parameters = by_hand(order)
    assert watch.losses == losses
    assert_identical(values(trainer.model), parameters)


def test_an_interrupted_run_clears_the_reason_of_an_earlier_stop() -> None:
    trainer = fused(Fuse("loss", 5, KeyboardInterrupt()), Stop("on_step_start", 5))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert trainer.result.stop_reason == "enough"
    assert trainer.train().stop_reason is None


def test_an_exception_at_the_end_of_a_run_that_failed_has_the_first_as_its_context() -> (
    None
):
    class Last(Callback):
        def on_train_end(self, trainer: Trainer) -> None:
            raise ArithmeticError("second")

    trainer = fused(Fuse("loss", 2, ZeroDivisionError("first")), Last())
    with pytest.raises(ArithmeticError, match=r"^second$") as raised:
        trainer.train()
    assert str(raised.value.__context__) == "first"
    assert (trainer.batch, trainer.train_loss.count, trainer.loss) == (0, 0, None)


def test_each_callback_sees_the_end_of_the_run_also_when_another_raises_there() -> None:
    class Last(Callback):
        def on_train_end(self, trainer: Trainer) -> None:
            raise ZeroDivisionError

    watch = Watch()
    with pytest.raises(ZeroDivisionError):
        made(callbacks=[Last(), watch]).train()
    assert watch.hooks[-1] == "on_train_end"


# State


@dataclass
class Snapshot:
    """All that a run is."""

    model: dict[str, Any]
    optimizer: dict[str, Any]
    counters: tuple[int, int, int]
    total: Any
    count: int
    result: TrainerResult
    order: Tensor
    random: Tensor

    def restore(self, trainer: Trainer, generator: torch.Generator) -> None:
        trainer.model.load_state_dict(self.model)
        if isinstance(trainer.optimizer, torch.optim.Optimizer):
            trainer.optimizer.load_state_dict(self.optimizer)
        trainer.epoch, trainer.step, trainer.batch = self.counters
        trainer.train_loss.total, trainer.train_loss.count = self.total, self.count
        trainer.result = self.result
        generator.set_state(self.order)
        torch.set_rng_state(self.random)


class Save(Callback):
    """Takes a snapshot at the n-th call of a hook.

    It is a throwaway piece such as chapter five will have.
    """

    def __init__(self, generator: torch.Generator, hook: str, n: int) -> None:
        self.generator = generator
        self.hook, self.left = hook, n
        self.snapshot: Snapshot | None = None

    def on_epoch_start(self, trainer: Trainer) -> None:
        self.order = self.generator.get_state()

    def on_step_end(self, trainer: Trainer) -> None:
        self.reach("on_step_end", trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.order = self.generator.get_state()
        self.reach("on_epoch_end", trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        self.reach("on_train_end", trainer)

    def reach(self, hook: str, trainer: Trainer) -> None:
        self.left -= hook == self.hook
        if self.left == 0 and self.snapshot is None:
            self.snapshot = self.take(trainer)

    def take(self, trainer: Trainer) -> Snapshot:
        optimizer: dict[str, Any] = {}
        if isinstance(trainer.optimizer, torch.optim.Optimizer):
            optimizer = copy.deepcopy(trainer.optimizer.state_dict())
        return Snapshot(
            model=copy.deepcopy(trainer.model.state_dict()),
            optimizer=optimizer,
            counters=(trainer.epoch, trainer.step, trainer.batch),
            total=copy.deepcopy(trainer.train_loss.total),
            count=trainer.train_loss.count,
            result=copy.deepcopy(trainer.result),
            order=self.order,
            random=torch.get_rng_state(),
        )


Make = Callable[[torch.Generator, list[Callback]], Trainer]


def shuffled(
    generator: torch.Generator, samples: int = 5, batch_size: int = 2
) -> DataLoader:
    X, y = make_regression(samples, 2, generator=seeded())
    return DataLoader(Dataset(X, y), batch_size, shuffle=True, generator=generator)


def plain(generator: torch.Generator, callbacks: list[Callback]) -> Trainer:
    return made(train_loader=shuffled(generator), callbacks=callbacks)


def full(generator: torch.Generator, callbacks: list[Callback]) -> Trainer:
    """Dropout, buffers, an optimizer with a state, validation and metrics."""
    layers = [nn.Linear(2, 4), nn.LayerNorm(4), nn.Dropout(0.5), nn.Linear(4, 1)]
    model = seeded_module(nn.Sequential(*layers))
    return made(
        model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=0.05),
        train_loader=shuffled(generator),
        callbacks=callbacks,
        **VALIDATED,
    )


def assert_goes_on_bit_for_bit(make: Make, hook: str, n: int) -> None:
    """A run saved at a hook's n-th call goes on in a fresh trainer as if uninterrupted."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator, watch = seeded(3), Watch()
        save = Save(generator, hook, n)
        whole = make(generator, [watch, save])
        whole.train()
        assert save.snapshot is not None
        place = [i for i, name in enumerate(watch.hooks) if name == hook][n - 1] + 1

        torch.manual_seed(99)
        other, again = seeded(99), Watch()
        restored = make(other, [again])
        save.snapshot.restore(restored, other)
        restored.train()
    assert restored.result == whole.result
    assert_identical(restored.model.state_dict(), whole.model.state_dict())
    assert_identical(other.get_state(), generator.get_state())
    counters = (restored.epoch, restored.step, restored.batch)
    assert counters == (whole.epoch, whole.step, whole.batch)
    rest = watch.seen[place:]
    there = watch.seen[place - 1][1:5]
    start = [("on_train_start", *there, None)]
    if (
        hook == "on_step_end"
    ):  # in mid-epoch, also after the last step: its epoch is not recorded yet
        start.append(("on_epoch_start", *there, None))
    assert again.seen == start + rest


@pytest.mark.parametrize("make", [plain, full])
@pytest.mark.parametrize("step", range(1, 10))
def test_a_run_saved_at_any_step_goes_on_bit_for_bit(make: Make, step: int) -> None:
    assert_goes_on_bit_for_bit(make, "on_step_end", step)


@pytest.mark.parametrize("make", [plain, full])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_saved_at_the_end_of_an_epoch_goes_on_bit_for_bit(
    make: Make, epoch: int
) -> None:
    assert_goes_on_bit_for_bit(make, "on_epoch_end", epoch)


@given(
    samples=st.integers(1, 9),
    batch_size=st.integers(1, 4),
    epochs=st.integers(1, 3),
    where=st.floats(0, 0.999),
    seed=seeds,
)
def test_runs_of_any_shape_go_on_bit_for_bit(
    samples: int, batch_size: int, epochs: int, where: float, seed: int
) -> None:
    def make(generator: torch.Generator, callbacks: list[Callback]) -> Trainer:
        model = MLP(2, 3, seeded(seed))
        return made(
            model,
            optimizer=torch.optim.AdamW(model.parameters(), lr=0.05),
            train_loader=shuffled(generator, samples, batch_size),
            epochs=epochs,
            callbacks=callbacks,
            **VALIDATED,
        )

    steps = epochs * -(-samples // batch_size)
    assert_goes_on_bit_for_bit(make, "on_step_end", 1 + int(where * steps))


@pytest.mark.parametrize("end", ["stop", "exception"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
def test_a_run_saved_as_it_was_cut_short_goes_on_bit_for_bit(end: str, steps: int) -> None:
    def run(*callbacks: Callback, error_at: int = 0) -> Trainer:
        def loss(predictions: Tensor, targets: Tensor) -> Tensor:
            calls.append(1)
            if len(calls) == error_at:
                raise KeyboardInterrupt
            return mean_squared_error(predictions, targets)

        calls: list[int] = []
        generator.manual_seed(3)
        return made(loss=loss, train_loader=shuffled(generator), callbacks=callbacks)

    generator = seeded()
    whole = run()
    whole.train()
    save = Save(generator, "on_train_end", 1)
    if end == "stop":
        run(save, Stop("on_step_end", steps)).train()
    else:
        with pytest.raises(KeyboardInterrupt):
            run(save, error_at=steps + 1).train()
    watch = Watch()
    restored = run(watch)
    assert save.snapshot is not None
    with torch.random.fork_rng():
        save.snapshot.restore(restored, generator)
    restored.result.stop_reason = None
    assert restored.train() == whole.result
    assert_identical(values(restored.model), values(whole.model))
    assert restored.step == 9
    assert watch.seen[1][:4] == ("on_epoch_start", *save.snapshot.counters)


def test_a_restored_run_that_is_stopped_before_its_first_step_makes_none() -> None:
    generator = seeded(3)
    save = Save(generator, "on_step_end", 4)
    made(train_loader=shuffled(generator), callbacks=[save]).train()
    assert save.snapshot is not None
    for hook in ("on_train_start", "on_epoch_start"):
        restored = made(train_loader=shuffled(generator), callbacks=[Stop(hook)])
        with torch.random.fork_rng():
            save.snapshot.restore(restored, generator)
        assert restored.train().stop_reason == "enough"
        assert (restored.epoch, restored.step, restored.batch) == (1, 4, 0)
        assert_identical(restored.model.state_dict(), save.snapshot.model)


def test_the_order_is_drawn_right_after_the_start_of_the_epoch() -> None:
    class Reseed(Callback):
        def on_epoch_start(self, trainer: Trainer) -> None:
            generator.manual_seed(trainer.epoch)

    generator = seeded(99)
    loader = shuffled(generator)
    trainer = made(train_loader=loader, callbacks=[Reseed()])
    trainer.train()
    order = []
    for epoch in range(EPOCHS):
        generator.manual_seed(epoch)
        order += list(loader)
    assert_identical(values(trainer.model), by_hand(order)[1])


# Loaders


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """A data set without a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(X, y, strict=True)


class Unsized:
    """Batches without a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(BATCHES)


class Unknown(Unsized):
    """Batches whose length is not known, said as abstract classes do."""

    def __len__(self) -> int:
        raise NotImplementedError


class Rows:
    """A data set that says nothing of tensors."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        return X[positions], y[positions]


class Lists(list[Any]):
    """Batches as lists, as torch's loader gives them."""

    def __iter__(self) -> Iterator[Any]:
        return map(list, super().__iter__())


@pytest.mark.parametrize(
    "loader",
    [
        tuple(BATCHES),
        Lists(BATCHES),
        DataLoader(Dataset(X, y), 2),
        TorchDataLoader(TensorDataset(X, y), 2, generator=seeded()),
        TorchDataLoader(Dataset(X, y), 2, generator=seeded()),  # type: ignore[arg-type]
        TorchDataLoader(Stream(), 2, generator=seeded()),
        DataLoader(TensorDataset(X, y), 2),
        DataLoader(Rows(), 2),
        Unsized(),
        Unknown(),
    ],
    ids=lambda loader: type(loader).__qualname__,
)
def test_whatever_gives_the_same_batches_gives_the_same_run(loader: Any) -> None:
    trainer = made(train_loader=loader, val_loader=loader)
    with global_random_state_untouched():
        assert trainer.train() == made(val_loader=BATCHES).train()
    assert_identical(values(trainer.model), by_hand(BATCHES * EPOCHS)[1])


def test_the_batches_may_be_made_of_more_tensors_than_two_if_the_loader_pairs_them() -> (
    None
):
    def collate(samples: list[tuple[Tensor, ...]]) -> tuple[Any, Tensor]:
        left, right, targets = map(torch.stack, zip(*samples, strict=True))
        return (left, right), targets

    class Halves(LinearRegression):
        def forward(  # type: ignore[override]
            self, halves: tuple[Tensor, Tensor]
        ) -> Tensor:
            return super().forward(torch.cat(halves, dim=1))

    dataset = TensorDataset(X[:, :1], X[:, 1:], y)
    loader = TorchDataLoader(dataset, 2, collate_fn=collate, generator=seeded())
    model = Halves(2, seeded())
    made(model, train_loader=loader).train()
    assert_identical(values(model), by_hand(BATCHES * EPOCHS)[1])


def test_an_iterator_is_enough_for_one_epoch() -> None:
    trainer = made(train_loader=iter(BATCHES), val_loader=iter(BATCHES), epochs=1)
    assert trainer.train() == made(val_loader=BATCHES, epochs=1).train()


@pytest.mark.parametrize("exhausted", ["train_loader", "val_loader"])
def test_a_loader_that_is_exhausted_is_refused_in_the_epoch_in_which_it_gives_no_batch(
    exhausted: str,
) -> None:
    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        yield from BATCHES

    loaders: dict[str, Any] = {"train_loader": BATCHES, "val_loader": BATCHES}
    loaders[exhausted] = batches()
    watch = Watch()
    trainer = made(**loaders, callbacks=[watch])
    name = {"train_loader": "train_loader", "val_loader": "loader"}[exhausted]
    message = f"^{name} must give a batch each time .*, got none from <generator"
    with pytest.raises(ValueError, match=message):
        trainer.train()
    assert trainer.result == made(val_loader=BATCHES, epochs=1).train()
    assert trainer.epoch == 1
    assert trainer.step == (3 if exhausted == "train_loader" else 6)
    assert watch.hooks[-1] == "on_train_end"


@pytest.mark.parametrize("name", ["train_loader", "val_loader"])
@pytest.mark.parametrize(
    "loader",
    [
        [],
        DataLoader(Dataset(X[:0], y[:0]), 2),
        DataLoader(Dataset(X, y), 6, drop_last=True),
        TorchDataLoader(TensorDataset(X[:0], y[:0]), 2),
        TorchDataLoader(TensorDataset(X, y), 6, drop_last=True),
    ],
    ids=lambda loader: type(loader).__module__,
)
def test_a_loader_whose_length_is_zero_is_refused_at_construction(
    name: str, loader: Any
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must give at least one batch, got "):
        made(**{name: loader})


@pytest.mark.parametrize("name", ["train_loader", "val_loader"])
@pytest.mark.parametrize(
    "loader",
    [
        Dataset(X, y),
        TensorDataset(X, y),
        X,
        "batches",
        {"inputs": X, "targets": y},
        7,
        DataLoader,
        TorchDataLoader,
    ],
    ids=lambda value: getattr(value, "__qualname__", type(value).__qualname__),
)
def test_what_is_no_loader_is_refused_with_its_name_value_and_type(
    name: str, loader: Any
) -> None:
    kind = type(loader).__name__
    with pytest.raises(
        TypeError,
        match=rf"(?s)^{name} must give batches \(inputs, targets\) .*, got .* \({kind}\)$",
    ):
        made(**{name: loader})


def test_a_train_loader_of_none_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^train_loader must .*, got None \(NoneType\)$"):
        made(train_loader=None)


@pytest.mark.parametrize("name", ["train_loader", "val_loader"])
@pytest.mark.parametrize("tensors", [(X,), (X, y, y)], ids=len)
def test_samples_that_are_not_of_two_tensors_are_refused_at_construction(
    name: str, tensors: tuple[Tensor, ...]
) -> None:
    loader: dict[str, Any] = {name: DataLoader(Dataset(*tensors), 2)}
    with pytest.raises(
        ValueError,
        match=rf"^{name} must give batches \(inputs, targets\), "
        rf"got {len(tensors)} tensors? a sample$",
    ):
        made(**loader)


NO_BATCHES = {
    "three tensors": ((X, y, y), TypeError, "got a tuple of 3"),
    "a tensor of two rows": (X[:2], TypeError, "got a Tensor"),
    "a dictionary of two": ({"X": X, "y": y}, TypeError, "got a dict"),
    "a set of two": ({1, 2}, TypeError, "got a set"),
    "targets in a dictionary": ((X, {"a": y, "b": y}), TypeError, "got {'a': .* (dict)"),
    "targets in a tuple": ((X, (y, y)), TypeError, "got (.* (tuple)"),
    "targets in an array": ((X, y.numpy()), TypeError, "got array(.* (ndarray)"),
    "no sample": ((X[:0], y[:0]), ValueError, "got shape (0, 1)"),
    "one number": ((X, y.sum()), ValueError, "got shape ()"),
    "rows of nothing": ((X[:3], y[:3, :0]), ValueError, "got shape (3, 0)"),
}


@pytest.mark.parametrize("piece", ["train_loader", "val_loader", "evaluate"])
@pytest.mark.parametrize(("batch", "error", "got"), NO_BATCHES.values(), ids=NO_BATCHES)
def test_what_is_no_batch_is_refused_before_a_parameter_moves_or_anything_is_measured(
    batch: Any, error: type[Exception], got: str, piece: str
) -> None:
    calls: list[None] = []

    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        calls.append(None)
        return mean_squared_error(predictions, targets)

    loaders = {"train_loader": BATCHES, "val_loader": BATCHES} | {piece: [batch]}
    trainer = made(
        loss=loss, train_loader=loaders["train_loader"], val_loader=loaders["val_loader"]
    )
    start = values(trainer.model)
    pattern = re.escape(got).replace(re.escape(".*"), ".*")
    run = {"evaluate": lambda: evaluate(trainer.model, [batch], {"loss": loss})}
    with pytest.raises(error, match=rf"batch must .*{pattern}$"):
        run.get(piece, trainer.train)()
    assert len(calls) == (len(BATCHES) if piece == "val_loader" else 0)
    if piece != "val_loader":
        assert_identical(values(trainer.model), start)


class Batch(NamedTuple):
    """A batch whose parts have names."""

    inputs: Tensor
    targets: Tensor


@pytest.mark.parametrize("kind", [tuple, list, Batch._make])
def test_a_batch_is_a_tuple_or_a_list(kind: Callable[[Any], Any]) -> None:
    trainer = made(train_loader=[kind(batch) for batch in BATCHES])
    trainer.train()
    assert_identical(values(trainer.model), by_hand(BATCHES * EPOCHS)[1])


# What may be changed between construction and the run, or between two runs.


def test_a_loss_function_set_later_counts_for_training_and_for_validation() -> None:
    trainer = made(val_loader=BATCHES)
    trainer.loss_function = mean_error
    result = trainer.train()
    expected = made(loss=mean_error, val_loader=BATCHES).train()
    assert (result.train_losses, result.val_losses) == (
        expected.train_losses,
        expected.val_losses,
    )
    assert trainer.measures["loss"] is mean_error


def test_callbacks_set_later_are_called_and_those_before_are_not() -> None:
    first, second = Watch(), Watch()
    trainer = made(callbacks=[first])
    trainer.callbacks = [second]
    trainer.epochs = 1
    trainer.train()
    assert first.hooks == []
    trainer.callbacks += (first,)
    trainer.epochs = 2
    trainer.train()
    assert first.hooks == second.hooks[-len(first.hooks) :] != []


def test_callbacks_set_later_are_checked() -> None:
    trainer = made(callbacks=[watch := Watch()])
    with pytest.raises(TypeError, match=r"^callback 1 must be a groundup.Callback, got 3"):
        trainer.callbacks += (3,)  # type: ignore[operator]
    assert trainer.callbacks == (watch,)


def test_measures_and_metrics_can_be_read_and_not_changed() -> None:
    given = {"error": mean_error}
    trainer = made(val_loader=BATCHES, metrics=given)
    assert trainer.metrics == given
    assert trainer.measures == {"loss": trainer.loss_function, **given}
    for view in ("metrics", "measures"):
        with pytest.raises(TypeError, match="item assignment"):
            getattr(trainer, view)["mae"] = mean_error
    for derived in ("metrics", "measures", "average"):
        with pytest.raises(AttributeError, match="no setter"):
            setattr(trainer, derived, {})
    assert copy.deepcopy(trainer).train() == trainer.train()


# Optimizers


def test_an_optimizer_whose_step_wants_an_argument_is_refused() -> None:
    model = LinearRegression(2, seeded())
    message = r"^optimizer must take a step .* got LBFGS, whose step\(\) needs 'closure'$"
    with pytest.raises(TypeError, match=message):
        made(model, optimizer=torch.optim.LBFGS(model.parameters()))


def torch_sgd(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def adamw(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=0.1)


@pytest.mark.parametrize("make", [torch_sgd, adamw])
@pytest.mark.parametrize("make_model", [LinearRegression, lambda *_: MLP(2, 3, seeded())])
def test_the_optimizers_of_torch_drop_in(
    make: Callable[..., Any], make_model: Callable[..., nn.Module]
) -> None:
    model, twin = make_model(2, seeded()), make_model(2, seeded())
    watch = Watch()
    made(model, optimizer=make(model.parameters()), callbacks=[watch]).train()
    losses, parameters = by_hand(BATCHES * EPOCHS, twin, make(twin.parameters()))
    assert watch.losses == losses
    assert_identical(values(model), parameters)


class Clipped:
    """An optimizer around another, with no word of parameters: gradients are cut to ±1."""

    def __init__(self, inner: Any, parameters: Iterable[Tensor]) -> None:
        self.inner, self.parameters = inner, [*parameters]

    def zero_grad(self) -> None:
        self.inner.zero_grad()

    def step(self) -> None:
        nn.utils.clip_grad_value_(self.parameters, 1.0)
        self.inner.step()


def test_an_optimizer_may_wrap_another() -> None:
    model, twin = LinearRegression(2, seeded()), LinearRegression(2, seeded())
    made(model, optimizer=Clipped(SGD(model.parameters(), 0.1), model.parameters())).train()
    for inputs, targets in BATCHES * EPOCHS:
        gradients = torch.autograd.grad(
            mean_squared_error(twin(inputs), targets), [*twin.parameters()]
        )
        with torch.no_grad():
            for p, gradient in zip(twin.parameters(), gradients, strict=True):
                p.sub_(0.1 * gradient.clamp(-1, 1))
    assert_identical(values(model), values(twin))
    assert not torch.equal(model.weights, LinearRegression(2, seeded()).weights)


def test_an_optimizer_that_holds_a_copied_model_s_parameters_is_refused() -> None:
    model = LinearRegression(2, seeded())
    for make in (lambda p: SGD(p, 0.1), adamw):
        optimizer = make(copy.deepcopy(model).parameters())
        with pytest.raises(
            ValueError,
            match=r"^optimizer must hold parameters of the model, .*LinearRegression",
        ):
            made(model, optimizer=optimizer)


def test_an_optimizer_may_hold_some_of_the_parameters_and_others_besides() -> None:
    model, other = MLP(2, 3, seeded()), nn.Parameter(torch.ones(1))
    groups: list[dict[str, Any]] = [
        {"params": [other]},
        {"params": [model.weights], "lr": 0.2},
    ]
    start = dict(zip(dict(model.named_parameters()), values(model), strict=True))
    made(model, optimizer=torch.optim.SGD(groups, lr=0.1)).train()
    moved = [name for name, p in model.named_parameters() if not p.equal(start[name])]
    assert moved == ["weights"]


class OnlyStep:
    """Lacks `zero_grad`."""

    def step(self) -> None: ...


class OnlyZero:
    """Lacks `step`."""

    def zero_grad(self) -> None: ...


class Number(OnlyZero):
    """Has a `step` that can't be called."""

    step = 3


@pytest.mark.parametrize(
    ("optimizer", "lacks"),
    [
        (SGD, "zero_grad"),
        (torch.optim.AdamW, "zero_grad"),
        (Still, "zero_grad"),
        (OnlyStep(), "zero_grad"),
        (OnlyZero(), "step"),
        (Number(), "step"),
        (None, "zero_grad"),
        (0.1, "zero_grad"),
    ],
)
def test_an_optimizer_that_lacks_a_method_is_refused_with_its_type(
    optimizer: Any, lacks: str
) -> None:
    kind = type(optimizer).__name__
    with pytest.raises(
        TypeError,
        match=rf"^optimizer must be an object with {lacks}\(\), got .* \({kind}\)$",
    ):
        made(optimizer=optimizer)


# Compiled models


@pytest.fixture
def compiled() -> Iterator[Callable[[nn.Module], nn.Module]]:
    """`torch.compile` without a compiler: the graph is captured and run as it is."""
    yield lambda model: cast(nn.Module, torch.compile(model, backend="eager"))
    torch._dynamo.reset()


@pytest.mark.parametrize("mode", [True, False])
def test_a_compiled_model_drops_in(
    compiled: Callable[[nn.Module], nn.Module], mode: bool
) -> None:
    def layers() -> nn.Sequential:
        return seeded_module(
            nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(0.0), nn.Linear(4, 1))
        ).train(mode)

    model, twin = layers(), layers()
    model[1].training = not mode
    wrapped = compiled(model)
    modes = [module.training for module in wrapped.modules()]
    seen: list[bool] = []
    history = ParameterHistory()

    class Mode(Callback):
        def on_step_start(self, trainer: Trainer) -> None:
            seen.append(model.training)

    result = made(wrapped, callbacks=[history, Mode()], **VALIDATED).train()
    expected = made(twin, **VALIDATED).train()
    torch.testing.assert_close(result.train_losses, expected.train_losses)
    torch.testing.assert_close(result.val_losses, expected.val_losses)
    torch.testing.assert_close(values(model), values(twin))
    torch.testing.assert_close(history.parameters[-1], values(twin))
    assert [module.training for module in wrapped.modules()] == modes
    assert seen == [mode] * 9


# Bad input


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"model": "linear"},
            TypeError,
            r"model must be a torch.nn.Module, got 'linear' \(str\)",
        ),
        (
            {"model": LinearRegression},
            TypeError,
            r"model must be a torch.nn.Module, got .* \(type\)",
        ),
        (
            {"model": nn.ReLU()},
            ValueError,
            "model must have a parameter that requires gradients, got ReLU with none",
        ),
        ({"loss": 3}, TypeError, r"loss must be callable .*, got 3 \(int\)"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 2.0}, TypeError, r"epochs must be an integer, got 2.0 \(float\)"),
        ({"epochs": True}, TypeError, r"epochs must be an integer, got True \(bool\)"),
        ({"epochs": "2"}, TypeError, r"epochs must be an integer, got '2' \(str\)"),
        ({"epochs": None}, TypeError, r"epochs must be an integer, got None \(NoneType\)"),
        (
            {"metrics": [mean_error], "val_loader": BATCHES},
            TypeError,
            r"metrics must map names to callables, got .* \(list\)",
        ),
        (
            {"metrics": mean_error, "val_loader": BATCHES},
            TypeError,
            r"metrics must map names to callables, got .* \(function\)",
        ),
        (
            {"metrics": {"error": mean_error}},
            ValueError,
            r"metrics need a val_loader to be measured on, got \['error'\]",
        ),
        (
            {"metrics": {"loss": mean_error}, "val_loader": BATCHES},
            ValueError,
            "a metric must have a name other than 'loss', got 'loss'",
        ),
        (
            {"metrics": {"train loss": mean_error}, "val_loader": BATCHES},
            ValueError,
            "a metric must have a name other than 'train loss', got 'train loss'",
        ),
        (
            {"metrics": {3: mean_error}, "val_loader": BATCHES},
            TypeError,
            r"a metric's name must be a string, got 3 \(int\)",
        ),
        (
            {"metrics": {"error": 3}, "val_loader": BATCHES},
            TypeError,
            r"metric 'error' must be callable, got 3 \(int\)",
        ),
        (
            {"average": Average()},
            TypeError,
            r"average must be callable, got .* \(Average\)",
        ),
        ({"average": None}, TypeError, r"average must be callable, got None \(NoneType\)"),
    ],
)
def test_a_bad_argument_is_named_with_its_value_when_the_trainer_is_made(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        made(**({"optimizer": Still()} | changed))


def test_epochs_and_what_follows_are_given_by_name() -> None:
    model = LinearRegression(2, seeded())
    optimizer = SGD(model.parameters(), 0.1)
    with pytest.raises(TypeError, match="positional"):
        Trainer(model, mean_squared_error, optimizer, BATCHES, 3)  # type: ignore[call-arg]


def test_nothing_is_called_or_iterated_before_the_run() -> None:
    def never(*arguments: Any, **named: Any) -> Any:
        raise AssertionError

    class Model(LinearRegression):
        forward = never

    class Loader:
        __iter__ = never

    class Optimizer:
        zero_grad = never
        step = never

    made(
        Model(2, seeded()),
        loss=never,
        optimizer=Optimizer(),
        train_loader=Loader(),
        val_loader=Loader(),
        metrics={"error": never},
    )


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"train_loader": [(X, y.squeeze(1))]}, ValueError),
        ({"loss": nn.MSELoss(reduction="none")}, RuntimeError),
        ({"loss": lambda predictions, targets: 0.5}, AttributeError),
        ({"loss": lambda predictions, targets: torch.ones(())}, RuntimeError),
    ],
)
def test_what_the_loss_refuses_leaves_the_parameters_and_the_counters_untouched(
    changed: dict[str, Any], error: type[Exception]
) -> None:
    trainer = made(**changed)
    start = values(trainer.model)
    with pytest.raises(error):
        trainer.train()
    assert_identical(values(trainer.model), start)
    assert (trainer.epoch, trainer.step, trainer.batch) == (0, 0, 0)
    assert trainer.result == TrainerResult()


# The loop


def methods() -> dict[str, ast.FunctionDef]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(Trainer)))
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)
    return {
        node.name: node for node in definition.body if isinstance(node, ast.FunctionDef)
    }


def reached(name: str, defined: dict[str, ast.FunctionDef]) -> set[str]:
    """The methods of the trainer that one of them mentions, directly or not, and itself."""
    found, new = set(), {name}
    while new:
        found |= new
        new = {
            node.attr
            for name in new
            for node in ast.walk(defined[name])
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
            and node.attr in defined
        } - found
    return found


def test_the_loop_is_one_screen() -> None:
    defined = methods()
    loop = reached("train", defined)
    assert {"train", "_train_epoch", "_train_step", "_call"} <= loop
    lines = Counter[str]()
    for name in loop:
        node = defined[name]
        text = ast.get_source_segment(textwrap.dedent(inspect.getsource(Trainer)), node)
        assert text is not None
        source = text.splitlines()
        if ast.get_docstring(node) is not None:
            first = node.body[0]
            assert first.end_lineno is not None
            start, end = first.lineno - node.lineno, first.end_lineno - node.lineno
            del source[start : end + 1]
        lines[name] = sum(bool(line.strip()) for line in source)
    assert lines.total() <= 50, lines


def test_the_loop_reads_no_config_and_no_callback_by_name() -> None:
    module = inspect.getmodule(Trainer)
    assert module is not None
    source = inspect.getsource(module)
    callbacks = ("ParameterHistory", "Progress", "EarlyStopping", "BestWeights", "LogFile")
    for name in ("TrainerConfig", "tqdm", "Checkpoint", *callbacks):
        assert name not in source
