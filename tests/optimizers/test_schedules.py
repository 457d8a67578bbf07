"""Schedules: torch's factors, and laws that any schedule keeps."""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from groundup import ConstantSchedule, CosineSchedule, LinearSchedule, OneCycleSchedule
from tests.strategies import schedules

WARMED_UP = [ConstantSchedule, LinearSchedule, CosineSchedule]


def factors(schedule: Any, total: int) -> list[float]:
    return [schedule(step, total) for step in range(total)]


def torchs(make: Callable[[Any], Any], total: int, base: float = 1.0) -> list[float]:
    """Return what one of torch's schedulers makes of a rate of 1."""
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=base)
    scheduler = make(optimizer)
    found = []
    for _ in range(total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def rise(optimizer: Any, warmup: int) -> Any:
    return lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_warm_up_and_cosine_are_torchs_two_schedulers_in_sequence(final: float) -> None:
    warmup, total = 10, 50

    def sequence(optimizer: Any) -> Any:
        fall = lr_scheduler.CosineAnnealingLR(optimizer, total - warmup, eta_min=final)
        return lr_scheduler.SequentialLR(
            optimizer, [rise(optimizer, warmup), fall], [warmup]
        )

    ours = factors(CosineSchedule(warmup_steps=warmup, final=final), total)
    theirs = torchs(sequence, total)
    assert ours == pytest.approx(theirs, rel=0, abs=2e-15)


def test_warm_up_and_the_straight_line_are_torchs() -> None:
    warmup, total = 5, 20

    def sequence(optimizer: Any) -> Any:
        fall = lr_scheduler.LinearLR(optimizer, 1.0, 0.2, total_iters=total - warmup)
        return lr_scheduler.SequentialLR(
            optimizer, [rise(optimizer, warmup), fall], [warmup]
        )

    ours = factors(LinearSchedule(warmup_steps=warmup, final=0.2), total)
    assert ours == pytest.approx(torchs(sequence, total), rel=0, abs=2e-15)


def test_warm_up_alone_is_torchs() -> None:
    ours = factors(ConstantSchedule(warmup_steps=7), 12)
    assert ours == pytest.approx(torchs(lambda o: rise(o, 7), 12), rel=0, abs=1e-15)


@given(peak=st.floats(0, 0.99), total=st.integers(2, 60))
def test_one_cycle_is_torchs(peak: float, total: int) -> None:
    def cycle(optimizer: Any) -> Any:
        return lr_scheduler.OneCycleLR(
            optimizer, 1.0, total + 1, pct_start=peak, cycle_momentum=False
        )

    def ours(step: int, _: int) -> float:
        return OneCycleSchedule(peak=peak)(step, total + 1)

    try:
        theirs = torchs(cycle, total)
    except ZeroDivisionError:  # torch's, where the rise takes just one update
        assert ours(0, total) == 1.0
        return
    assert factors(ours, total) == pytest.approx(theirs, rel=0, abs=1e-15)


def test_one_cycles_defaults_are_torchs() -> None:
    theirs = torchs(lambda o: lr_scheduler.OneCycleLR(o, 1.0, 41, cycle_momentum=False), 40)
    ours = [OneCycleSchedule()(step, 41) for step in range(40)]
    assert ours == pytest.approx(theirs, rel=0, abs=1e-15)
    assert OneCycleSchedule()(40, 41) == pytest.approx(4e-6)
    assert OneCycleSchedule()(41, 41) == pytest.approx(4e-6)  # and no rise behind its end


# Laws.


@given(schedule=schedules, total=st.integers(10, 60))
def test_a_schedule_stays_between_its_ends_and_its_height(
    schedule: Any, total: int
) -> None:
    ends = [1.0, *(getattr(schedule, name, 1.0) for name in ("start", "final"))]
    if getattr(schedule, "warmup_steps", 0):
        ends.append(1 / schedule.warmup_steps)
    for factor in [*factors(schedule, total), schedule(total, total)]:
        assert min(ends) - 1e-12 <= factor <= max(ends) + 1e-12


@given(
    kind=st.sampled_from(WARMED_UP),
    warmup=st.integers(0, 20),
    after=st.integers(1, 20),
    final=st.floats(0, 1),
)
def test_it_rises_to_its_height_then_never_rises_and_would_reach_the_end_at_the_total(
    kind: Any, warmup: int, after: int, final: float
) -> None:
    more = {} if kind is ConstantSchedule else {"final": final}
    schedule, total = kind(warmup_steps=warmup, **more), warmup + after
    found = factors(schedule, total)
    assert found[:warmup] == [(step + 1) / warmup for step in range(warmup)]
    assert found[warmup] == 1
    assert all(b <= a for a, b in zip(found[warmup:], found[warmup + 1 :], strict=False))
    assert schedule(total, total) == pytest.approx(more.get("final", 1.0), abs=1e-15)


@given(schedule=schedules, total=st.integers(10, 10**6), part=st.floats(0, 1))
def test_a_schedule_has_no_state(schedule: Any, total: int, part: float) -> None:
    step = int(part * (total - 1))
    first = schedule(step, total)
    schedule(0, total)
    assert schedule(step, total) == first
    assert math.isfinite(first)


@pytest.mark.parametrize("kind", WARMED_UP)
def test_a_run_may_be_all_warm_up(kind: Any) -> None:
    schedule = kind(warmup_steps=4)
    assert factors(schedule, 4) == [0.25, 0.5, 0.75, 1.0]
    assert schedule(4, 4) == getattr(schedule, "final", 1.0)


# What is refused.


@pytest.mark.parametrize("kind", WARMED_UP)
def test_a_warm_up_longer_than_the_run_is_refused(kind: Any) -> None:
    message = "warmup_steps must be at most 4, the total of updates, got 5"
    with pytest.raises(ValueError, match=f"^{message}$"):
        kind(warmup_steps=5)(0, 4)


@pytest.mark.parametrize("schedule", [CosineSchedule(), OneCycleSchedule()])
@pytest.mark.parametrize(
    ("step", "total", "error", "message"),
    [
        (5, 4, ValueError, "step must be at most 4, the total, got 5"),
        (-1, 4, ValueError, "step must be at least 0, got -1"),
        (0, 0, ValueError, "total must be at least 1, got 0"),
        (0.5, 4, TypeError, "step must be an integer, got 0.5 (float)"),
    ],
)
def test_a_step_outside_the_run_is_refused(
    schedule: Any, step: Any, total: int, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        schedule(step, total)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: ConstantSchedule(-1),
            ValueError,
            "warmup_steps must be at least 0, got -1",
        ),
        (
            lambda: CosineSchedule(True),
            TypeError,
            "warmup_steps must be an integer, got Tru",
        ),
        (
            lambda: CosineSchedule(2.0),  # type: ignore[arg-type]
            TypeError,
            "warmup_steps must be an integer, got 2.0",
        ),
        (lambda: LinearSchedule(final=-0.1), ValueError, "final must not be negative, got"),
        (
            lambda: CosineSchedule(final=math.nan),
            ValueError,
            "final must be finite, got nan",
        ),
        (
            lambda: OneCycleSchedule(1.0),
            ValueError,
            "peak must be at least 0 and less than",
        ),
        (lambda: OneCycleSchedule(start=-1), ValueError, "start must not be negative, got"),
        (
            lambda: OneCycleSchedule(final="0"),  # type: ignore[arg-type]
            TypeError,
            "final must be a number, got '0'",
        ),
    ],
)
def test_a_bad_field_is_named_with_its_value(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        make()


def test_a_schedule_is_frozen_and_holds_pythons_numbers() -> None:
    schedule = CosineSchedule(np.int64(3), np.float32(0.5))  # type: ignore[arg-type]
    assert repr(schedule) == "CosineSchedule(warmup_steps=3, final=0.5)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.final = 1.0  # type: ignore[misc]
