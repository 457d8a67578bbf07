"""What readers answer to an exercise: right in many styles, and wrong in many ways.

Each chapter's own tests say which, as `RIGHT` and `WRONG`.
"""

from importlib import import_module

import pytest

from chapters import found
from tests.notebooks.chapter import Chapter
from tests.notebooks.exercises import (
    Attempt,
    Change,
    assert_hint,
    assert_right,
    exercises,
)

OWN = {n: import_module(f"tests.notebooks.test_{c.file.stem}") for n, c in found().items()}

RIGHT = [
    pytest.param(number, exercise, attempt, id=f"chapter {number}-{exercise}-{i}")
    for number, own in OWN.items()
    for i, (exercise, attempt) in enumerate(own.RIGHT)
]
WRONG = [
    pytest.param(number, *wrong, id=f"chapter {number}-{mistake}")
    for number, own in OWN.items()
    for mistake, wrong in own.WRONG.items()
]


@pytest.mark.parametrize(("chapter", "exercise", "attempt"), RIGHT, indirect=["chapter"])
def test_a_right_attempt_in_another_style_passes(
    chapter: Chapter, exercise: str, attempt: Attempt
) -> None:
    assert_right(chapter, exercise, attempt)


@pytest.mark.parametrize(
    ("chapter", "exercise", "hint", "change"), WRONG, indirect=["chapter"]
)
def test_a_wrong_attempt_gets_a_hint(
    chapter: Chapter, exercise: str, hint: str, change: Change
) -> None:
    assert_hint(chapter, exercise, hint, change)


def test_every_exercise_gets_right_and_wrong_attempts(chapter: Chapter) -> None:
    own = OWN[chapter.declared.number]
    there_are = exercises(chapter.file).keys()
    assert {exercise for exercise, *_ in own.WRONG.values()} == there_are
    assert {exercise for exercise, _ in own.RIGHT} == there_are
