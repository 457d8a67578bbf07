"""BestWeights."""

import copy
import io
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import (
    MLP,
    SGD,
    AveragedModel,
    Averaging,
    BestWeights,
    Callback,
    LinearRegression,
    ParameterHistory,
    Trainer,
    count_operations,
    evaluate,
)
from tests.callbacks.runs import Raising, X, curves, scripted, y
from tests.helpers import assert_identical, seeded, seeded_module, values

CURVE = [3.0, 1.0, 2.0, 1.0, 4.0]
"""Its best epoch is the second one, and again, no better, the fourth."""


class History(Callback):
    """Copies of all that a model's `state_dict` has, after each epoch."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.states.append(copy.deepcopy(trainer.model.state_dict()))


def best_epoch(curve: list[float], mode: str) -> int | None:
    """The rule by sorting: the first of the best, counted from 1."""
    lower = [value if mode == "min" else -value for value in curve]
    epochs = [i for i, value in enumerate(lower) if value < math.inf]
    return min(epochs, key=lambda i: lower[i]) + 1 if epochs else None


@given(
    curve=curves,
    measure=st.sampled_from(["loss", "score"]),
    mode=st.sampled_from(["min", "max"]),
)
def test_restored_weights_are_those_of_the_best_epoch_bit_for_bit(
    curve: list[float], measure: str, mode: Literal["min", "max"]
) -> None:
    best, history = BestWeights(measure, mode), ParameterHistory()
    trainer = scripted(curve, best, history)
    trainer.train()
    epoch = best_epoch(curve, mode)
    assert best.epoch == epoch
    if epoch is None:
        assert best.value is None
        with pytest.raises(ValueError, match=r"^best weights need an epoch with a number"):
            best.restore(trainer)
    else:
        assert best.value == curve[epoch - 1]
        best.restore(trainer)
        assert_identical(values(trainer.model), history.parameters[epoch - 1])


def test_of_equal_epochs_the_first_is_the_best() -> None:
    best, history = BestWeights(), ParameterHistory()
    trainer = scripted(CURVE, best, history)
    trainer.train()
    best.restore(trainer)
    assert (best.value, best.epoch) == (1.0, 2)
    assert_identical(values(trainer.model), history.parameters[1])
    assert not torch.equal(history.parameters[1][0], history.parameters[3][0])


def test_by_default_the_least_validation_loss_is_the_best() -> None:
    best = BestWeights()
    assert (best.measure, best.mode, best.value, best.epoch) == ("loss", "min", None, None)


@pytest.mark.parametrize(
    "callbacks",
    [
        lambda best: [best, Raising(epochs=[2])],
        lambda best: [Raising(epochs=[2]), best],
        lambda best: [best, Raising(steps=[8])],
    ],
    ids=["a later callback", "an earlier callback", "a later step"],
)
def test_they_are_those_of_the_best_epoch_also_where_something_raises(
    callbacks: Callable[[Callback], list[Callback]],
) -> None:
    alone = ParameterHistory()
    scripted(CURVE, alone).train()
    best = BestWeights()
    trainer = scripted(CURVE, *callbacks(best))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    best.restore(trainer)
    assert (best.value, best.epoch) == (1.0, 2)
    assert_identical(values(trainer.model), alone.parameters[1])


@pytest.mark.parametrize("steps", [[1], [4, 5], [9, 13]])
def test_a_run_that_was_interrupted_and_trained_again_keeps_its_best(
    steps: list[int],
) -> None:
    best, history = BestWeights(), ParameterHistory()
    trainer = scripted(CURVE, Raising(steps=steps), best, history)
    for _ in [*steps, None]:
        with suppress(KeyboardInterrupt):
            trainer.train()
    assert trainer.epoch == 5
    best.restore(trainer)
    assert best.epoch == 2
    assert_identical(values(trainer.model), history.parameters[1])


def test_earlier_epochs_that_it_did_not_watch_are_never_the_best() -> None:
    trainer = scripted([1.0, 3.0, 2.0], epochs=1)
    trainer.train()
    best, trainer.epochs = BestWeights(), 3
    # Interrupted in mid-epoch, the model is no longer that of the epoch before.
    trainer.callbacks = [Raising(steps=[4]), best]
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert best.state_dict()["epoch"] is None
    trainer.train()
    assert (best.value, best.epoch) == (2.0, 3)


def test_a_run_that_starts_anew_has_nothing_to_do_with_the_run_before() -> None:
    best, history = BestWeights(), ParameterHistory()
    scripted([0.0], best).train()
    trainer = scripted(CURVE, best, history, model=MLP(2, 3, seeded()))
    trainer.train()
    best.restore(trainer)
    assert (best.value, best.epoch) == (1.0, 2)
    assert_identical(values(trainer.model), history.parameters[1])


def test_a_run_that_goes_on_has_nothing_to_do_with_another_in_between() -> None:
    best = BestWeights()
    first = scripted([1.0, 3.0, 2.0], best, epochs=2)
    first.train()
    scripted([0.0, 0.0], best).train()
    first.epochs = 3
    first.train()
    assert (best.value, best.epoch) == (2.0, 3)


def test_a_run_that_is_refused_is_told_why_also_where_it_was_used_before() -> None:
    best = BestWeights()
    scripted([1.0], best).train()
    other = scripted([1.0, 2.0], epochs=1, val_loader=None, metrics=None)
    other.train()
    other.epochs, other.callbacks = 2, [best]
    with pytest.raises(ValueError, match=r"^measure needs a val_loader"):
        other.train()


# What is kept, and what is not.


class Everything(nn.Module):
    """Has parameters, one of them frozen, buffers, one of them in no state, and a mode."""

    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.layer = seeded_module(nn.Linear(2, 1))
        self.norm.bias.requires_grad_(False)
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.passes = 0

    def forward(self, X: Tensor) -> Tensor:
        if self.training:
            self.passes += 1
            self.seen += len(X)
        return self.layer(self.norm(X.repeat(2, 1)))[: len(X)]  # type: ignore[no-any-return]

    def get_extra_state(self) -> int:
        return self.passes

    def set_extra_state(self, state: int) -> None:
        self.passes = state


def test_buffers_are_restored_with_the_weights_and_all_else_is_left_alone() -> None:
    model, best, history = Everything(), BestWeights(), History()
    trainer = scripted(CURVE, best, history, model=model)
    trainer.train()
    model.norm.eval()
    best.restore(trainer)
    for name, kept in history.states[1].items():
        if name != "_extra_state":
            assert_identical(model.state_dict()[name], kept)
    assert model.seen == 2 * len(X)
    assert model.passes == 5 * 3
    assert model.training
    assert not model.norm.training
    assert [p.requires_grad for p in model.norm.parameters()] == [True, False]


def test_tied_parameters_are_kept_once_and_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = seeded_module(nn.Linear(2, 2, bias=False))
            self.down = nn.Linear(2, 2, bias=False)
            self.down.weight = self.up.weight

        def forward(self, X: Tensor) -> Tensor:
            return self.down(self.up(X)).sum(dim=1, keepdim=True)  # type: ignore[no-any-return]

    model, best, history = Tied(), BestWeights(), ParameterHistory()
    trainer = scripted(CURVE, best, history, model=model)
    trainer.train()
    best.restore(trainer)
    assert model.down.weight is model.up.weight
    assert_identical(values(model), history.parameters[1])
    assert best.state_dict()["weights"].keys() == {"up.weight"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_come_back_bit_for_bit(dtype: torch.dtype) -> None:
    class Cast(LinearRegression):
        def forward(self, X: Tensor) -> Tensor:
            return super().forward(X.to(dtype)).float()

    model, best, history = Cast(2, seeded()).to(dtype), BestWeights(), ParameterHistory()
    trainer = scripted(CURVE, best, history, model=model)
    trainer.train()
    best.restore(trainer)
    assert {p.dtype for p in values(model)} == {dtype}
    assert_identical(values(model), history.parameters[1])


def test_what_is_kept_of_a_view_is_as_large_as_the_view() -> None:
    model = LinearRegression(2, seeded())
    model.weights = nn.Parameter(torch.zeros(1000, 2)[7].unsqueeze(1))
    best = BestWeights()
    scripted(CURVE, best, model=model).train()
    sizes = {
        n: t.untyped_storage().nbytes() for n, t in best.state_dict()["weights"].items()
    }
    assert sizes == {"weights": 2 * 4, "bias": 4}


def test_with_averaged_weights_the_best_value_is_the_restored_models_own() -> None:
    model = AveragedModel(MLP(2, 3, seeded()), decay=0.5)
    best, history = BestWeights(), History()
    trainer = scripted([0.0] * 8, best, history, model=model)
    trainer.optimizer = Averaging(SGD(model.parameters(), 0.9), model)
    trainer.loss_function = nn.MSELoss()
    result = trainer.train()
    best.restore(trainer)
    assert best.value == min(result.val_losses) < result.val_losses[-1]
    validated = evaluate(model, [(X[:1], y[:1])], {"loss": nn.MSELoss()})
    assert validated["loss"] == best.value
    assert best.epoch is not None
    kept = history.states[best.epoch - 1]
    assert_identical(model.model.state_dict(), _part(kept, "model"))
    assert_identical(model.average.state_dict(), _part(kept, "average"))
    assert model.updates == trainer.step


def _part(state: dict[str, Any], name: str) -> dict[str, Any]:
    part = f"{name}."
    return {k.removeprefix(part): v for k, v in state.items() if k.startswith(part)}


def test_no_copy_is_made_of_an_epoch_that_is_not_the_best() -> None:
    def operations(*callbacks: Callback) -> Any:
        return count_operations(scripted(CURVE, *callbacks).train)

    copies = 2 * 2  # two parameters at each of two epochs that were the best so far
    difference = operations(BestWeights()) - operations()
    assert difference == {"detach": copies, "clone": copies}


def test_the_run_is_the_same_with_it_and_without() -> None:
    watched, alone = scripted(CURVE, BestWeights()), scripted(CURVE)
    assert watched.train() == alone.train()
    assert_identical(values(watched.model), values(alone.model))


# State.


def from_a_file(state: dict[str, Any]) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_run_that_was_resumed_with_its_state_ends_with_the_same_best(cut: int) -> None:
    whole = BestWeights()
    trainer = scripted(CURVE, whole)
    trainer.train()

    before, after = BestWeights(), BestWeights()
    first = scripted(CURVE, before, epochs=cut)
    first.train()
    after.load_state_dict(from_a_file(before.state_dict()))
    second = scripted(CURVE, after, model=first.model)
    second.epoch, second.step, second.result = first.epoch, first.step, first.result
    second.train_loader = first.train_loader  # whose generator goes on
    second.train()

    assert (after.value, after.epoch) == (whole.value, whole.epoch) == (1.0, 2)
    assert_identical(after.state_dict(), whole.state_dict())
    for best, of in ((whole, trainer), (after, second)):
        best.restore(of)
    assert_identical(values(second.model), values(trainer.model))


def test_before_there_is_a_best_its_state_says_so() -> None:
    twin = BestWeights()
    twin.load_state_dict(from_a_file(BestWeights().state_dict()))
    assert (twin.value, twin.epoch) == (None, None)


def test_a_state_once_taken_changes_no_more() -> None:
    best = BestWeights()
    trainer = scripted([2.0, 1.0, 0.0], best, epochs=1)
    trainer.train()
    state = best.state_dict()
    before = copy.deepcopy(state)
    trainer.epochs = 3
    trainer.train()
    best.restore(trainer)
    assert best.epoch == 3
    assert_identical(state, before)


@pytest.mark.parametrize("twin_of", ["loaded", "deep-copied"])
def test_a_copy_is_a_copy(twin_of: str) -> None:
    best = BestWeights()
    trainer = scripted(CURVE, best)
    trainer.train()
    state = best.state_dict()
    if twin_of == "loaded":
        twin = BestWeights()
        twin.load_state_dict(state)
    else:
        twin = copy.deepcopy(best)
    twin.restore(trainer)
    kept = values(trainer.model)
    for tensor in state["weights"].values():
        tensor.fill_(7)
    twin.restore(trainer)
    assert_identical(values(trainer.model), kept)


# What bad input gets.


def test_before_there_is_a_best_nothing_can_be_restored() -> None:
    best = BestWeights("score")
    trainer = scripted([math.nan, math.nan, 1.0], best, epochs=2)
    message = "^best weights need an epoch with a number as its score, got none after {}$"
    with pytest.raises(ValueError, match=message.format("0 of 2 epochs")):
        best.restore(trainer)
    trainer.train()
    with pytest.raises(ValueError, match=message.format("2 of 2 epochs")):
        best.restore(trainer)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MLP(2, 3, seeded()), r"'hidden_weights' as None, got torch.float32 \(2, 3\)"),
        (
            LinearRegression(3, seeded()),
            r"'weights' as torch.float32 \(2, 1\), got torch.float32 \(3, 1\)",
        ),
        (
            LinearRegression(2, seeded()).half(),
            r"'weights' as torch.float32 \(2, 1\), got torch.float16 \(2, 1\)",
        ),
        (nn.Linear(2, 1, bias=False), r"'weight' as None, got torch.float32 \(1, 2\)"),
    ],
)
def test_a_model_with_other_tensors_is_refused_and_left_as_it_was(
    model: nn.Module, message: str
) -> None:
    best = BestWeights()
    scripted(CURVE, best).train()
    before = values(model)
    with pytest.raises(
        ValueError, match=f"^model must have the tensors that were kept, {message}$"
    ):
        best.restore(scripted(CURVE, model=model))
    assert_identical(values(model), before)


def test_a_measure_that_the_run_does_not_validate_is_refused_before_the_first_step() -> (
    None
):
    trainer = scripted(CURVE, BestWeights("f1"), epochs=2)
    for done in (0, 1):
        trainer.epoch = done
        with pytest.raises(ValueError, match=r"^measure must be one .*, got 'f1'$"):
            trainer.train()
    assert trainer.step == 0


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^mode must be 'min' or 'max', got 'auto'$"):
        BestWeights(mode="auto")  # type: ignore[arg-type]


def test_a_state_of_another_callback_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^state must be BestWeights's, of .*, got "):
        BestWeights().load_state_dict({"value": 1.0})
