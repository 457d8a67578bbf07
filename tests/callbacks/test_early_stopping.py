"""EarlyStopping."""

import copy
import math
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup import EarlyStopping, LinearRegression
from tests.callbacks.runs import STEPS, Raising, curves, scripted
from tests.helpers import assert_identical, seeded, values

patiences = st.integers(1, 4)
modes: st.SearchStrategy[Literal["min", "max"]] = st.sampled_from(["min", "max"])


def stop_by_hand(
    curve: list[float], patience: int, min_delta: float, mode: str
) -> int | None:
    """The rule, written out: a counter that a run carries with it. Gives the last epoch."""
    best, without_gain = None, 0
    for epoch, value in enumerate(curve, start=1):
        lower = value if mode == "min" else -value
        if math.isnan(lower) or lower == math.inf:
            gain = False
        elif best is None:
            gain = True
        else:
            gain = best - lower > min_delta  # NaN where both are the same infinity
        if gain:
            best, without_gain = lower, 0
        else:
            without_gain += 1
        if without_gain == patience:
            return epoch
    return None


@settings(max_examples=100)
@given(
    curve=curves,
    patience=patiences,
    min_delta=st.sampled_from([0.0, 0.25, 0.5]),
    mode=modes,
    measure=st.sampled_from(["loss", "score"]),
)
def test_a_run_ends_where_the_rule_says(
    curve: list[float],
    patience: int,
    min_delta: float,
    mode: Literal["min", "max"],
    measure: str,
) -> None:
    trainer = scripted(curve, EarlyStopping(patience, min_delta, measure, mode))
    result = trainer.train()
    last = stop_by_hand(curve, patience, min_delta, mode)
    assert_identical(result.val_losses, curve[:last])
    assert trainer.step == STEPS * len(curve[:last])
    assert (result.stop_reason is None) == (last is None)


@given(curve=curves, patience=patiences)
def test_none_of_the_last_epochs_is_better_than_all_before_them(
    curve: list[float], patience: int
) -> None:
    numbers = [math.inf if math.isnan(value) else value for value in curve]
    ends = (
        epoch
        for epoch in range(patience, len(curve) + 1)
        if min(numbers[: epoch - patience], default=math.inf) <= min(numbers[:epoch])
    )
    result = scripted(curve, EarlyStopping(patience)).train()
    assert len(result.val_losses) == next(ends, len(curve))


@given(curve=curves, patience=patiences, cuts=st.sets(st.integers(1, 3 * 12), max_size=4))
def test_a_run_that_is_interrupted_and_trained_again_ends_where_it_would_have(
    curve: list[float], patience: int, cuts: set[int]
) -> None:
    trainer = scripted(curve, Raising(steps=cuts), EarlyStopping(patience))
    for _ in range(len(cuts) + 1):
        with suppress(KeyboardInterrupt):
            trainer.train()
    whole = scripted(curve, EarlyStopping(patience)).train()
    assert_identical(trainer.result.val_losses, whole.val_losses)
    assert trainer.result.stop_reason == whole.stop_reason


@given(curve=curves, patience=patiences, cut=st.integers(0, 12))
def test_a_run_that_is_resumed_in_another_trainer_ends_where_it_would_have(
    curve: list[float], patience: int, cut: int
) -> None:
    whole = scripted(curve, EarlyStopping(patience)).train()
    before = scripted(curve, EarlyStopping(patience), epochs=min(cut, len(curve)))
    before.train()
    after = scripted(curve, EarlyStopping(patience))
    after.epoch, after.step, after.result = before.epoch, before.step, before.result
    after.train()
    assert_identical(after.result.val_losses, whole.val_losses)
    assert after.result.stop_reason == whole.stop_reason


def test_a_run_that_has_stopped_takes_no_further_step_when_it_is_trained_again() -> None:
    trainer = scripted([3.0, 1.0, 2.0, 2.0, 0.0], EarlyStopping(patience=2))
    first = copy.deepcopy(trainer.train())
    weights = values(trainer.model)
    for _ in range(3):
        assert trainer.train() == first
    assert (trainer.epoch, trainer.step) == (4, 4 * STEPS)
    assert first.stop_reason == "no better loss for 2 epochs"
    assert_identical(values(trainer.model), weights)


def test_a_run_that_gained_while_nobody_judged_it_goes_on() -> None:
    trainer = scripted([3.0, 3.0, 2.0, 1.0], EarlyStopping(patience=1))
    trainer.train()
    assert trainer.epoch == 2
    judges, trainer.callbacks = trainer.callbacks, ()
    trainer.epochs = 3
    trainer.train()
    trainer.callbacks, trainer.epochs = judges, 4
    assert trainer.train().stop_reason is None
    assert trainer.epoch == 4


def test_with_more_patience_a_run_that_has_stopped_goes_on() -> None:
    stopping = EarlyStopping(patience=1)
    trainer = scripted([1.0, 2.0, 2.0, 2.0, 2.0], stopping)
    trainer.train()
    assert trainer.result.stop_reason == "no better loss for 1 epoch"
    stopping.patience = 3
    trainer.train()
    assert trainer.epoch == 4


def test_a_run_that_waited_longer_than_patience_allows_stops_before_its_next_step() -> None:
    trainer = scripted([1.0, 2.0, 2.0, 2.0, 0.0], epochs=4)
    trainer.train()
    trainer.callbacks, trainer.epochs = [EarlyStopping(patience=2)], 5
    assert trainer.train().stop_reason == "no better loss for 3 epochs"
    assert trainer.step == 4 * STEPS


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_a_gain_of_no_more_than_min_delta_is_none_however_often(
    mode: Any, sign: int
) -> None:
    creeping = [sign * value for value in (2.0, 1.75, 1.5, 1.25)]
    # The last is better than the first by more than 0.5: too late for a patience of 2.
    stopped = scripted(creeping, EarlyStopping(2, min_delta=0.5, mode=mode))
    assert len(stopped.train().val_losses) == 3
    patient = scripted(creeping, EarlyStopping(3, min_delta=0.5, mode=mode))
    assert patient.train().stop_reason is None


def test_a_run_of_nan_alone_ends_when_patience_does() -> None:
    trainer = scripted([math.nan] * 9, EarlyStopping(patience=3, measure="score"))
    assert trainer.train().stop_reason == "no better score for 3 epochs"
    assert trainer.epoch == 3


def test_until_it_stops_the_run_is_the_one_that_nobody_watched() -> None:
    curve = [3.0, 1.0, 2.0, 2.0, 0.0]
    watched = scripted(curve, EarlyStopping(patience=2))
    alone = scripted(curve, epochs=4)
    watched.train()
    alone.train()
    assert watched.result.train_losses == alone.result.train_losses
    assert_identical(values(watched.model), values(alone.model))


def test_it_remembers_nothing() -> None:
    stopping = EarlyStopping(patience=2)
    before = dict(vars(stopping))
    scripted([1.0, 2.0, 3.0, 4.0], stopping).train()
    assert vars(stopping) == before
    assert stopping.state_dict() == {}


def test_two_judges_of_one_run_do_not_disturb_each_other() -> None:
    slow, quick = EarlyStopping(3), EarlyStopping(2, measure="score", mode="max")
    trainer = scripted([1.0, 1.0, 1.0, 1.0], slow, quick)
    assert trainer.train().stop_reason == "no better score for 2 epochs"


# What bad input gets.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"measure must be one that the run validates, \['loss', 'score'\], got 'f1'"),
        (
            {"metrics": None},
            r"measure must be one that the run validates, \['loss'\], got 'f1'",
        ),
        (
            {"metrics": None, "val_loader": None},
            r"measure needs a val_loader to be validated on, got 'f1'",
        ),
    ],
)
def test_a_measure_that_the_run_does_not_validate_is_refused_before_the_first_step(
    options: dict[str, Any], message: str
) -> None:
    trainer = scripted([1.0], EarlyStopping(1, measure="f1"), **options)
    with pytest.raises(ValueError, match=f"^{message}$"):
        trainer.train()
    assert trainer.step == 0
    assert_identical(values(trainer.model), values(LinearRegression(2, seeded())))


def test_without_validation_there_is_no_loss_to_judge_by() -> None:
    trainer = scripted([1.0], EarlyStopping(1), metrics=None, val_loader=None)
    with pytest.raises(ValueError, match=r"^measure needs a val_loader .*, got 'loss'$"):
        trainer.train()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patience": 0}, ValueError, r"patience must be at least 1, got 0"),
        ({"patience": -1}, ValueError, r"patience must be at least 1, got -1"),
        ({"patience": True}, TypeError, r"patience must be an integer, got True \(bool\)"),
        ({"patience": 2.0}, TypeError, r"patience must be an integer, got 2.0 \(float\)"),
        ({"mode": "auto"}, ValueError, r"mode must be 'min' or 'max', got 'auto'"),
        ({"mode": None}, ValueError, r"mode must be 'min' or 'max', got None"),
        ({"min_delta": -0.1}, ValueError, r"min_delta must not be negative, got -0.1"),
        ({"min_delta": math.nan}, ValueError, r"min_delta must be finite, got nan"),
        ({"min_delta": math.inf}, ValueError, r"min_delta must be finite, got inf"),
        ({"min_delta": True}, TypeError, r"min_delta must be a number, got True \(bool\)"),
        ({"measure": 1}, TypeError, r"measure must be a string, got 1 \(int\)"),
        ({"measure": ["loss"]}, TypeError, r"measure must be a string, .* \(list\)"),
    ],
)
def test_what_can_be_no_rule_is_refused_with_its_name_and_value(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        EarlyStopping(**({"patience": 1} | arguments))
