"""The chapters' exercises: which there are, and what a reader is told of an attempt."""

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from groundup import notebook

Attempt = Callable[..., Any]
Change = Callable[[Attempt], Attempt]
Wrong = dict[str, tuple[str, str, Change]]
"""A mistake → its exercise, words of the hint, and what to change in the solution."""


def exercises(file: Path) -> dict[str, str]:
    """An exercise's name → the name of the function that the reader writes in its cell."""
    found = {}
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "notebook.exercise":
            blank, check = (ast.unparse(argument) for argument in node.args)
            found[check.removeprefix("check_")] = blank
    return found


def check(module: ModuleType, exercise: str) -> Callable[[Attempt], str | None]:
    """What the chapter checks an attempt with."""
    checked: Callable[[Attempt], str | None] = getattr(module, f"check_{exercise}")
    return checked


def solution(module: ModuleType, exercise: str) -> Attempt:
    """The chapter's own."""
    solved: Attempt = getattr(module, f"{exercise}_solution")
    return solved


def verdict(module: ModuleType, exercise: str, attempt: Attempt) -> str:
    """What the reader sees."""
    return notebook.exercise(attempt, check(module, exercise)).text


def assert_hint(module: ModuleType, exercise: str, hint: str, change: Change) -> None:
    """A wrong attempt is refused, in words that help."""
    attempt = change(solution(module, exercise))
    assert hint in (check(module, exercise)(attempt) or "nothing is wrong")
    assert "Not quite" in verdict(module, exercise, attempt)
