"""time_in_turns."""

import gc
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from groundup import time_in_turns


def test_contenders_take_turns_and_each_round_starts_with_another_one() -> None:
    calls: list[str] = []
    contenders: dict[str, Callable[[], None]] = {
        name: partial(calls.append, name) for name in "abc"
    }
    seconds = time_in_turns(contenders, rounds=7)
    warm, timed = calls[:3], calls[3:]
    assert warm == ["a", "b", "c"]
    rounds = ["".join(timed[i : i + 3]) for i in range(0, len(timed), 3)]
    assert rounds == ["abc", "bca", "cab", "abc", "bca", "cab", "abc"]
    assert {name: len(times) for name, times in seconds.items()} == dict.fromkeys("abc", 7)


def test_what_takes_longer_has_more_seconds() -> None:
    seconds = time_in_turns({"nap": lambda: time.sleep(0.01), "none": lambda: None}, 3)
    assert min(seconds["nap"]) >= 0.01 > min(seconds["none"]) > 0


def test_the_collector_is_on_while_a_contender_runs_and_has_little_to_look_through() -> (
    None
):
    seen: list[tuple[bool, int]] = []
    before = len(gc.get_objects())
    time_in_turns(
        {"look": lambda: seen.append((gc.isenabled(), len(gc.get_objects())))}, rounds=1
    )
    enabled, left = seen[-1]
    assert enabled
    assert left < before / 10
    assert gc.get_freeze_count() == 0


def test_what_was_frozen_is_let_go_also_when_a_contender_raises() -> None:
    calls: list[int] = []

    def fail_when_timed() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        time_in_turns({"fails": fail_when_timed})
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(
    ("contenders", "rounds", "error", "message"),
    [
        ({}, 7, ValueError, "contenders must hold at least one, got none"),
        ({"a": list}, 0, ValueError, "rounds must be at least 1, got 0"),
        ({"a": list}, 1.5, TypeError, r"rounds must be an integer, got 1.5 \(float\)"),
        (
            {"a": list, "b": 3},
            7,
            TypeError,
            r"contender 'b' must be callable without arguments, got 3 \(int\)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value(
    contenders: Any, rounds: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        time_in_turns(contenders, rounds)
