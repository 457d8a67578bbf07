"""The chapters' exercises: which there are, and what a reader is told of an attempt."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundup import notebook
from tests.notebooks.chapter import Chapter

Attempt = Callable[..., Any]
Change = Callable[[Attempt], Attempt]
Right = list[tuple[str, Attempt]]
"""Exercises, each with an answer in another style than the chapter's own."""

Wrong = dict[str, tuple[str, str, Change]]
"""A mistake → its exercise, words of the hint, and what to change in the solution."""


def exercises(file: Path) -> dict[str, str]:
    """An exercise's name → the name of the function that the reader writes in its cell."""
    found = {}
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "notebook.exercise":
            blank, check, solved = (ast.unparse(argument) for argument in node.args)
            name = check.removeprefix("check_")
            assert (check, solved) == (f"check_{name}", f"{name}_solution")
            found[name] = blank
    return found


def check(chapter: Chapter, exercise: str) -> Callable[[Attempt], str | None]:
    """What the chapter checks an attempt with."""
    checked: Callable[[Attempt], str | None] = chapter.untouched[f"check_{exercise}"]
    return checked


def solution(chapter: Chapter, exercise: str) -> Attempt:
    """The chapter's own."""
    solved: Attempt = chapter.untouched[f"{exercise}_solution"]
    return solved


def verdict(chapter: Chapter, exercise: str, attempt: Attempt) -> str:
    """What the reader sees."""
    shown = notebook.exercise(attempt, check(chapter, exercise), attempt)
    return shown.text.partition("<details>")[0]


def assert_hint(chapter: Chapter, exercise: str, hint: str, change: Change) -> None:
    """A wrong attempt is refused, in words that help."""
    attempt = change(solution(chapter, exercise))
    assert hint in verdict(chapter, exercise, attempt)
    assert "Not quite" in verdict(chapter, exercise, attempt)


def assert_right(chapter: Chapter, exercise: str, attempt: Attempt) -> None:
    """An attempt passes, in whatever style it is written."""
    said = verdict(chapter, exercise, attempt)
    assert "Well done" in said, said
