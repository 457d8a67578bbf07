"""Callback: when each hook is called, and what it may read there."""

import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import (
    SGD,
    BestWeights,
    Callback,
    DataLoader,
    Dataset,
    EarlyStopping,
    LinearRegression,
    LogFile,
    Trainer,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded, values

HOOKS = [
    "on_train_start",
    "on_epoch_start",
    "on_step_start",
    "on_backward_end",
    "on_step_end",
    "on_epoch_end",
    "on_train_end",
]
OF_A_STEP = ["inputs", "targets", "predictions", "loss"]

X, y = make_regression(5, 2, generator=seeded())  # in pairs: two batches of 2, one of 1


def pairs() -> DataLoader:
    return DataLoader(Dataset(X, y), batch_size=2)


def trainer_of(
    callbacks: Iterable[Callback],
    *,
    train_loader: Iterable[Any] | None = None,
    epochs: int = 2,
    **options: Any,
) -> Trainer:
    model = LinearRegression(2, seeded())
    return Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        pairs() if train_loader is None else train_loader,
        epochs=epochs,
        callbacks=callbacks,
        **options,
    )


def watching(note: Callable[[str, Trainer], None]) -> Callback:
    """A callback with every hook, each of which notes its name and looks at the trainer."""

    def hook(name: str) -> Callable[[Callback, Trainer], None]:
        return lambda self, trainer: note(name, trainer)

    watching: Callback = type("Watching", (Callback,), {h: hook(h) for h in HOOKS})()
    return watching


def test_the_hooks_are_the_seven_of_the_design() -> None:
    assert [name for name in vars(Callback) if name.startswith("on_")] == HOOKS


def test_a_run_calls_its_pieces_and_hooks_in_this_order() -> None:
    events: list[str] = []

    class Loader:
        def __init__(self, name: str) -> None:
            self.name = name

        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            events.append(f"{self.name} is iterated")
            return iter([(X[:2], y[:2]), (X[2:], y[2:])])

    class Model(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            events.append("model")
            prediction = super().forward(X)
            if prediction.requires_grad:
                prediction.register_hook(lambda _: events.append("backward"))
            return prediction

    class Optimizer(SGD):
        def zero_grad(self) -> None:
            events.append("zero_grad")
            super().zero_grad()

        def step(self) -> None:
            events.append("step")
            super().step()

    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        events.append("loss")
        return mean_squared_error(predictions, targets)

    def metric(predictions: Tensor, targets: Tensor) -> Tensor:
        events.append("metric")
        return (predictions - targets).abs().mean()

    model = Model(2, seeded())
    Trainer(
        model,
        loss,
        Optimizer(model.parameters(), 0.1),
        Loader("train_loader"),
        epochs=2,
        val_loader=Loader("val_loader"),
        metrics={"error": metric},
        callbacks=[watching(lambda hook, _: events.append(hook))],
    ).train()

    step = ["on_step_start", "zero_grad", "model", "loss", "backward"]
    step += ["on_backward_end", "step", "on_step_end"]
    epoch = ["on_epoch_start", "train_loader is iterated", *step, *step]
    epoch += ["val_loader is iterated", *(["model", "loss", "metric"] * 2), "on_epoch_end"]
    assert events == ["on_train_start", *epoch, *epoch, "on_train_end"]


@given(epochs=st.integers(0, 4), samples=st.integers(1, 9), batch_size=st.integers(1, 4))
def test_each_hook_is_called_once_for_what_it_is_named_after(
    epochs: int, samples: int, batch_size: int
) -> None:
    calls: Counter[str] = Counter()
    X, y = make_regression(samples, 2, generator=seeded())
    trainer = trainer_of(
        [watching(lambda hook, _: calls.update([hook]))],
        train_loader=DataLoader(Dataset(X, y), batch_size),
        epochs=epochs,
    )
    trainer.train()
    batches = -(-samples // batch_size)
    runs = min(epochs, 1)
    counts = [runs, epochs, *([epochs * batches] * 3), epochs, runs]
    assert [calls[hook] for hook in HOOKS] == counts
    assert (trainer.epoch, trainer.step, trainer.batch) == (epochs, epochs * batches, 0)


def test_counters_and_result_are_up_to_date_before_the_end_hooks() -> None:
    seen: list[tuple[Any, ...]] = []

    def note(hook: str, trainer: Trainer) -> None:
        result = trainer.result
        lengths = {
            len(values)
            for values in (result.train_losses, result.val_losses, result.metrics["error"])
        }
        seen.append((hook, trainer.epoch, trainer.step, trainer.batch, *lengths))

    trainer_of(
        [watching(note)], val_loader=pairs(), metrics={"error": nn.L1Loss()}, epochs=2
    ).train()

    def step(epoch: int, done: int) -> list[tuple[Any, ...]]:
        before = (epoch, 3 * epoch + done, done, epoch)
        after = (epoch, 3 * epoch + done + 1, done + 1, epoch)
        return [
            ("on_step_start", *before),
            ("on_backward_end", *before),
            ("on_step_end", *after),
        ]

    assert seen == [
        ("on_train_start", 0, 0, 0, 0),
        ("on_epoch_start", 0, 0, 0, 0),
        *step(0, 0),
        *step(0, 1),
        *step(0, 2),
        ("on_epoch_end", 1, 3, 0, 1),
        ("on_epoch_start", 1, 3, 0, 1),
        *step(1, 0),
        *step(1, 1),
        *step(1, 2),
        ("on_epoch_end", 2, 6, 0, 2),
        ("on_train_end", 2, 6, 0, 2),
    ]


def test_at_the_end_of_an_epoch_its_losses_are_the_last_in_the_result() -> None:
    seen: list[tuple[float, float]] = []

    class Watch(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            seen.append((trainer.result.train_losses[-1], trainer.result.val_losses[-1]))

    result = trainer_of([Watch()], val_loader=pairs(), epochs=3).train()
    assert seen == list(zip(result.train_losses, result.val_losses, strict=True))
    assert len({*result.train_losses, *result.val_losses}) == 6


def test_the_running_average_counts_the_samples_of_the_steps_done() -> None:
    counts: list[tuple[str, int]] = []
    trainer_of(
        [watching(lambda hook, trainer: counts.append((hook, trainer.train_loss.count)))],
        epochs=1,
    ).train()
    assert [count for hook, count in counts if hook == "on_step_end"] == [2, 4, 5]
    assert [count for hook, count in counts if hook == "on_backward_end"] == [0, 2, 4]
    assert [
        count for hook, count in counts if hook in ("on_epoch_end", "on_train_end")
    ] == [
        0,
        0,
    ]


def test_the_tensors_of_a_step_can_be_read_within_it_and_are_none_elsewhere() -> None:
    seen: dict[str, set[tuple[str, ...]]] = {}

    def note(hook: str, trainer: Trainer) -> None:
        there = [name for name in OF_A_STEP if getattr(trainer, name) is not None]
        seen.setdefault(hook, set()).add(tuple(there))

    class Watched(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            if not self.training:
                note("validation", trainer)
            return super().forward(X)

    model = Watched(2, seeded())
    trainer = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        pairs(),
        epochs=2,
        val_loader=pairs(),
        callbacks=[watching(note)],
    )
    note("before the run", trainer)
    trainer.train()
    note("after the run", trainer)
    assert seen == {
        "before the run": {()},
        "on_train_start": {()},
        "on_epoch_start": {()},
        "on_step_start": {("inputs", "targets")},
        "on_backward_end": {tuple(OF_A_STEP)},
        "on_step_end": {tuple(OF_A_STEP)},
        "validation": {()},
        "on_epoch_end": {()},
        "on_train_end": {()},
        "after the run": {()},
    }


def test_the_tensors_of_a_step_are_the_batch_what_the_model_made_of_it_and_its_loss() -> (
    None
):
    batches = [(X[:2], y[:2]), (X[2:], y[2:])]
    seen: list[tuple[Any, Tensor | None]] = []

    class Watch(Callback):
        def on_step_start(self, trainer: Trainer) -> None:
            inputs, targets = batches[trainer.batch]
            assert trainer.inputs is inputs
            assert trainer.targets is targets
            self.before = values(trainer.model)

        def on_backward_end(self, trainer: Trainer) -> None:
            weights, bias = (p.requires_grad_() for p in self.before)
            assert_identical(values(trainer.model), (weights.detach(), bias.detach()))
            predictions = trainer.inputs @ weights + bias
            loss = mean_squared_error(predictions, trainer.targets)
            assert_identical(trainer.predictions, predictions)
            assert_identical(trainer.loss, loss)
            gradients = torch.autograd.grad(loss, [weights, bias])
            assert_identical([p.grad for p in trainer.model.parameters()], [*gradients])
            seen.append((trainer.predictions, trainer.loss))

        def on_step_end(self, trainer: Trainer) -> None:
            assert trainer.predictions is seen[-1][0]
            assert trainer.loss is seen[-1][1]
            for p, before in zip(values(trainer.model), self.before, strict=True):
                assert not torch.equal(p, before)

    trainer_of([Watch()], train_loader=batches).train()
    assert len(seen) == 4


class Fresh:
    """Batches that nobody else holds, and a weak reference to each tensor in them."""

    def __init__(self, batches: int = 3) -> None:
        self.batches = batches
        self.given: list[weakref.ref[Tensor]] = []

    def batch(self, _: int) -> tuple[Tensor, Tensor]:
        batch = torch.ones(2, 2), torch.ones(2, 1)
        self.given += map(weakref.ref, batch)
        return batch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return map(self.batch, range(self.batches))


class Held(Callback):
    """Looks in each hook for tensors of earlier steps that are still there."""

    def __init__(self, names: list[str], stop_at: int | None = None) -> None:
        self.names = names
        self.stop_at = stop_at
        self.earlier: list[weakref.ref[Tensor]] = []
        self.looked: set[str] = set()

    def look(self, hook: str) -> None:
        self.looked.add(hook)
        alive = [tuple(t.shape) for ref in self.earlier if (t := ref()) is not None]
        assert alive == [], f"at {hook}"

    def on_epoch_start(self, trainer: Trainer) -> None:
        self.look("on_epoch_start")

    def on_step_start(self, trainer: Trainer) -> None:
        self.look("on_step_start")

    def on_step_end(self, trainer: Trainer) -> None:
        self.look("on_step_end")
        self.earlier += [weakref.ref(getattr(trainer, name)) for name in self.names]
        if trainer.step == self.stop_at:
            trainer.stop("enough")

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.look("on_epoch_end")

    def on_train_end(self, trainer: Trainer) -> None:
        self.look("on_train_end")


@pytest.mark.parametrize(
    ("loader", "names"),
    [(Fresh, OF_A_STEP), (pairs, ["predictions", "loss"])],  # pairs() holds a block itself
)
@pytest.mark.parametrize("validated", [False, True])
def test_no_step_s_tensors_outlive_it(
    loader: Callable[[], Iterable[Any]], names: list[str], validated: bool
) -> None:
    held = Held(names)

    class Watched(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            held.look("validation" if not self.training else "model")
            return super().forward(X)

    model = Watched(2, seeded())
    Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        loader(),
        epochs=2,
        val_loader=pairs() if validated else None,
        callbacks=[held],
    ).train()
    assert len(held.earlier) == 2 * 3 * len(names)
    assert {"on_step_start", "on_epoch_end", "on_train_end", "model"} <= held.looked
    assert ("validation" in held.looked) == validated


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_no_tensors_outlive_a_stop_nor_those_of_a_batch_that_was_not_used(
    stop_at: int,
) -> None:
    held, loader = Held(OF_A_STEP, stop_at), Fresh()

    class Given(Callback):
        def on_train_end(self, trainer: Trainer) -> None:
            assert [ref for ref in loader.given if ref() is not None] == []

    trainer = trainer_of([held, Given()], train_loader=loader)
    trainer.train()
    assert trainer.step == stop_at
    assert [getattr(trainer, name) for name in OF_A_STEP] == [None] * 4


@pytest.mark.parametrize("hook", HOOKS)
def test_after_an_exception_the_tensors_of_the_step_are_gone_once_the_run_has_ended(
    hook: str,
) -> None:
    def fail(name: str, trainer: Trainer) -> None:
        if name == hook:
            raise ZeroDivisionError

    trainer = trainer_of([watching(fail)])
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    assert [getattr(trainer, name) for name in OF_A_STEP] == [None] * 4


def test_at_the_end_of_a_run_inputs_tell_whether_it_was_cut_short_in_mid_step() -> None:
    def inputs_at_the_end(end: Callable[[str, Trainer], None]) -> bool:
        def note(hook: str, trainer: Trainer) -> None:
            if hook == "on_train_end":
                seen.append(trainer.inputs is not None)
            else:
                end(hook, trainer)

        seen: list[bool] = []
        with suppress(KeyboardInterrupt):
            trainer_of([watching(note)]).train()
        (there,) = seen
        return there

    def interrupt(hook: str) -> Callable[[str, Trainer], None]:
        def end(name: str, trainer: Trainer) -> None:
            if name == hook:
                raise KeyboardInterrupt

        return end

    def stop(hook: str) -> Callable[[str, Trainer], None]:
        def end(name: str, trainer: Trainer) -> None:
            if name == hook:
                trainer.stop("enough")

        return end

    assert {hook: inputs_at_the_end(interrupt(hook)) for hook in HOOKS[:-1]} == {
        "on_train_start": False,
        "on_epoch_start": False,
        "on_step_start": True,
        "on_backward_end": True,
        "on_step_end": True,
        "on_epoch_end": False,
    }
    assert not inputs_at_the_end(lambda hook, trainer: None)
    for hook in HOOKS[:-1]:
        assert not inputs_at_the_end(stop(hook))


def calls_of_the_base_class(run: Callable[[], object]) -> list[str]:
    """The hooks of `Callback` itself that are called while `run()` goes on."""
    codes = {getattr(Callback, hook).__code__: hook for hook in HOOKS}
    called: list[str] = []

    def profile(frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and frame.f_code in codes:
            called.append(codes[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    return called


@pytest.mark.parametrize("hook", HOOKS)
def test_no_call_is_made_for_the_hooks_that_a_callback_does_not_override(hook: str) -> None:
    calls: list[str] = []
    one = type("One", (Callback,), {hook: lambda self, trainer: calls.append(hook)})
    trainer = trainer_of([Callback(), one(), type("Empty", (one,), {})()], epochs=1)
    assert calls_of_the_base_class(lambda: Callback().on_step_end(trainer)) == [
        "on_step_end"
    ]
    assert calls_of_the_base_class(trainer.train) == []
    assert len(calls) in (2, 2 * 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: EarlyStopping(patience=3),
        lambda folder: BestWeights(),
        lambda folder: LogFile(folder / "log.jsonl"),
    ],
    ids=["early stopping", "best weights", "a log"],
)
def test_what_judges_or_logs_an_epoch_costs_its_steps_no_call(
    make: Callable[[Path], Callback], tmp_path: Path
) -> None:
    callback = make(tmp_path)
    trainer = trainer_of([callback], val_loader=pairs())
    assert calls_of_the_base_class(trainer.train) == []
    for hook in ("on_step_start", "on_backward_end", "on_step_end"):
        assert getattr(type(callback), hook) is getattr(Callback, hook)
    assert type(callback).on_epoch_end is not Callback.on_epoch_end


class Mixin:
    """Has a hook and is no `Callback`."""

    def on_step_end(self, trainer: Trainer) -> None:
        trainer.stop("by a mixin")


class Base(Callback):
    """Has a hook, for its subclasses."""

    def on_step_end(self, trainer: Trainer) -> None:
        trainer.stop("by a base class")


class Before(Mixin, Callback):
    """Its mixin stands before `Callback`."""


class Grandchild(Base):
    """Has no hook of its own."""


class Through(Grandchild):
    """Calls the hooks above it."""

    def on_step_end(self, trainer: Trainer) -> None:
        super().on_step_end(trainer)


class Static(Callback):
    """A hook that does not ask for `self`."""

    @staticmethod
    def on_step_end(trainer: Trainer) -> None:
        trainer.stop("by a static method")


def on_the_instance() -> Callback:
    callback = Callback()

    def stop(trainer: Trainer) -> None:
        trainer.stop("by an attribute")

    callback.on_step_end = stop  # type: ignore[method-assign]
    return callback


def of_another() -> Callback:
    callback = Callback()
    callback.on_step_end = Base().on_step_end  # type: ignore[method-assign]
    return callback


def through_an_attribute_lookup() -> Callback:
    class Dynamic(Callback):
        def __getattribute__(self, name: str) -> Any:
            if name == "on_step_end":
                return lambda trainer: trainer.stop("by a lookup")
            return super().__getattribute__(name)

    return Dynamic()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Before, "by a mixin"),
        (Base, "by a base class"),
        (Grandchild, "by a base class"),
        (Through, "by a base class"),
        (Static, "by a static method"),
        (on_the_instance, "by an attribute"),
        (of_another, "by a base class"),
        (through_an_attribute_lookup, "by a lookup"),
    ],
)
def test_a_hook_is_called_whichever_class_on_the_way_defines_it(
    make: Callable[[], Callback], reason: str
) -> None:
    trainer = trainer_of([make()])
    assert trainer.train().stop_reason == reason
    assert trainer.step == 1


def test_the_hooks_are_collected_when_the_trainer_is_made() -> None:
    callback = Callback()
    trainer = trainer_of([callback], epochs=1)

    def stop(trainer: Trainer) -> None:
        trainer.stop("too late")

    callback.on_step_end = stop  # type: ignore[method-assign]
    assert trainer.train().stop_reason is None


def test_callbacks_are_called_in_the_order_they_are_given_and_with_the_trainer() -> None:
    calls: list[tuple[str, str, Trainer]] = []

    def named(name: str) -> Callback:
        return watching(lambda hook, trainer: calls.append((hook, name, trainer)))

    trainer = trainer_of((named(name) for name in "bac"), epochs=1)
    assert isinstance(trainer.callbacks, tuple)
    trainer.train()
    assert all(given is trainer for _, _, given in calls)
    names = [(hook, name) for hook, name, _ in calls]
    assert names[:3] == [("on_train_start", name) for name in "bac"]
    assert names[0::3] == [(hook, "b") for hook, _ in names[1::3]]
    assert [name for _, name in names] == list("bac") * (len(names) // 3)


def test_callbacks_that_only_watch_leave_the_run_as_it_was() -> None:
    seen: list[str] = []
    watched = trainer_of([watching(lambda hook, _: seen.append(hook))])
    alone = trainer_of([])
    assert watched.train() == alone.train()
    assert_identical(values(watched.model), values(alone.model))
    assert seen


def test_hooks_that_are_not_overridden_do_nothing() -> None:
    trainer = trainer_of([])
    before = dict(vars(trainer))
    for hook in HOOKS:
        assert getattr(Callback(), hook)(trainer) is None
    assert vars(trainer) == before


class Duck:
    """Has every method of a `Callback` and is none."""

    def __init__(self) -> None:
        for hook in HOOKS:
            setattr(self, hook, lambda trainer: None)


def function(trainer: Trainer) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([Base], r"callback 0 must be a groundup.Callback, got .*Base.* \(type\)"),
        (
            [Base(), function],
            r"callback 1 must be a groundup.Callback, got .* \(function\)",
        ),
        ([Duck()], r"callback 0 must be a groundup.Callback, got .* \(Duck\)"),
        ([None], r"callback 0 must be a groundup.Callback, got None \(NoneType\)"),
        ([[Base()]], r"callback 0 must be a groundup.Callback, got .* \(list\)"),
        (
            "progress",
            r"callback 0 must be a groundup.Callback, got 'p' \(str\)",
        ),
        (
            Base(),
            r"callbacks must be an iterable of groundup.Callback, got .* \(Base\)",
        ),
        (
            Base,
            r"callbacks must be an iterable of groundup.Callback, got .* \(type\)",
        ),
        (
            None,
            r"callbacks must be an iterable of groundup.Callback, got None \(NoneType\)",
        ),
    ],
)
def test_what_is_not_a_callback_is_refused_with_its_place_and_type(
    callbacks: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        trainer_of(callbacks)


@pytest.mark.parametrize(
    ("hook", "nearest"),
    [
        ("on_epoch_ends", "on_epoch_end"),
        ("on_training_start", "on_train_start"),
        ("on_Step_end", "on_step_end"),
    ],
)
def test_a_hook_that_does_not_exist_is_refused_with_the_nearest_that_does(
    hook: str, nearest: str
) -> None:
    class Misspelt(Callback):
        pass

    setattr(Misspelt, hook, lambda self, trainer: None)
    message = rf"^callback 0, Misspelt, has '{hook}', .* did you mean '{nearest}'\?$"
    with pytest.raises(TypeError, match=message):
        trainer_of([Misspelt()])
    misspelt = Callback()
    setattr(misspelt, hook, print)
    with pytest.raises(TypeError, match=f"did you mean '{nearest}'"):
        trainer_of([misspelt])


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("method", "message"),
    [
        (lambda self, trainer, module: None, "must take the trainer alone in {}: missing"),
        (lambda self: None, "must take the trainer alone in {}: too many"),
        (lambda self, trainer, *, log: None, "must take the trainer alone in {}: missing"),
        (None, "must have a function as {}, got None"),
    ],
)
def test_a_hook_that_cant_be_called_is_refused_before_the_run(
    hook: str, method: Any, message: str
) -> None:
    other = type("Other", (Callback,), {hook: method})
    with pytest.raises(TypeError, match=f"^callback 0, Other, {message.format(hook)}"):
        trainer_of([other()])


def test_a_hook_that_would_only_begin_is_refused() -> None:
    class Later(Callback):
        async def on_step_end(self, trainer: Trainer) -> None:  # type: ignore[override]
            pass

    with pytest.raises(TypeError, match="must have a function as on_step_end, got "):
        trainer_of([Later()])


def test_a_hook_may_take_more_if_it_need_not() -> None:
    class More(Callback):
        def on_step_end(self, trainer: Trainer, *more: Any, log: bool = False) -> None:
            pass

    trainer_of([More()]).train()


def test_a_callback_that_is_there_twice_is_refused() -> None:
    twice = Callback()
    with pytest.raises(ValueError, match=r"^each callback must be there once, got "):
        trainer_of([twice, Callback(), twice])


def test_a_callback_may_keep_what_is_no_hook_under_any_name() -> None:
    callback = Callback()
    callback.on_gpu = True  # type: ignore[attr-defined]
    trainer_of([callback]).train()


# State.


class Counting(Callback):
    """Counts steps, also over a run that was resumed."""

    def __init__(self) -> None:
        self.count = 0

    def on_step_end(self, trainer: Trainer) -> None:
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.count = state["count"]


def test_a_callback_has_no_state_of_its_own_unless_it_says_so() -> None:
    callback = Callback()
    assert callback.state_dict() == {}
    callback.load_state_dict({})
    assert vars(callback) == {}


def test_a_state_that_is_taken_back_goes_on_where_it_was() -> None:
    counting, twin = Counting(), Counting()
    trainer_of([counting], epochs=1).train()
    twin.load_state_dict(counting.state_dict())
    trainer_of([twin], epochs=1).train()
    assert (counting.count, twin.count) == (3, 6)


@pytest.mark.parametrize(
    ("callback", "state", "message"),
    [
        (
            Callback(),
            {"count": 3},
            r"state must be Callback's, of \[\], got one of \['count'\]",
        ),
        (
            Counting(),
            {},
            r"state must be Counting's, of \['count'\], got one of \[\]",
        ),
        (
            Counting(),
            {"count": 3, "seen": 4},
            r"state must be Counting's, of \['count'\], got one of \['count', 'seen'\]",
        ),
    ],
)
def test_a_state_that_is_anothers_is_refused_with_its_keys(
    callback: Callback, state: dict[str, int], message: str
) -> None:
    before = callback.state_dict()
    with pytest.raises(ValueError, match=f"^{message}$"):
        callback.load_state_dict(state)
    assert callback.state_dict() == before


@pytest.mark.parametrize("state", [None, ["count"], 3])
def test_a_state_that_is_no_mapping_is_refused_with_its_type(state: Any) -> None:
    kind = type(state).__name__
    message = rf"^state must be what Counting.state_dict\(\) gives, got a {kind}$"
    with pytest.raises(TypeError, match=message):
        Counting().load_state_dict(state)
