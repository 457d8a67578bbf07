"""The notebooks' own furniture: listings, tables, exercises, what a published page hides.

All of it comes out of every export as text: nothing here needs a kernel once it has been
shown.
"""

import ast
import difflib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from groundup._extras import extra
from groundup.callbacks.callback import Callback
from groundup.trainer import Trainer

with extra("notebooks"):
    import marimo as mo


def code_of(thing: Any) -> str:
    """Return the source of a function, a method or a class, without its docstrings.

    Where a docstring is all there is, its first line stays: it says what a hook is for.
    """
    lines = textwrap.dedent(inspect.getsource(thing)).splitlines()
    dropped: set[int] = set()
    literal: set[int] = set()
    for node in ast.walk(ast.parse("\n".join(lines))):
        body = getattr(node, "body", [])
        for statement in body if isinstance(body, list) else []:
            # A string that stands alone documents the class, function or field before it.
            if isinstance(statement, ast.Expr) and _is_text(statement.value):
                first, *rest = sorted(_lines_of(statement))
                dropped |= {first, *rest} if len(body) > 1 else {*rest}
                if len(body) == 1 and rest:
                    lines[first - 1] += '"""'
        if _is_text(node):
            literal |= _lines_of(node)
    tidy: list[str] = []
    for number, line in enumerate(lines, start=1):
        # A dropped docstring leaves its blank line behind: the first one of a body, or two
        # in a row.
        leftover = not tidy or not tidy[-1].strip() or tidy[-1].rstrip().endswith(":")
        if number in dropped or (not line.strip() and leftover and number not in literal):
            continue
        tidy.append(line)
    return "\n".join(tidy).strip("\n")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _lines_of(node: Any) -> set[int]:
    return set(range(node.lineno, node.end_lineno + 1))


def source(*things: Any) -> mo.Html:
    """Show the package's own source, without the docstrings: no listing is a copy."""
    return mo.md(_listing(things))


def _listing(things: Iterable[Any]) -> str:
    listing = "\n\n\n".join(code_of(thing) for thing in things)
    return f"```python\n{listing}\n```"


def diff(before: str, after: str) -> mo.Html:
    """Show what changed from one listing to the next, line by line, computed."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=99)
    changed = [line for line in lines if not line.startswith("@@ ")][
        2:
    ]  # without file names
    return mo.md("```diff\n" + ("\n".join(changed) or "  no difference") + "\n```")


def table(rows: Iterable[Mapping[str, object]]) -> mo.Html:
    """Show rows as a plain table, which is the same with a kernel and without."""
    return mo.md(markdown_table(rows))


def markdown_table(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as Markdown: the keys of the first are the headings, numbers stand right.

    Raises:
        ValueError: if there is no row.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("rows must hold at least one row, got none")
    headings = list(rows[0])
    numeric = {h: all(_is_number(row[h]) for row in rows) for h in headings}
    lines = [
        "| " + " | ".join(map(_cell, headings)) + " |",
        "| " + " | ".join("---:" if numeric[h] else ":---" for h in headings) + " |",
        *("| " + " | ".join(_cell(row[h]) for h in headings) + " |" for row in rows),
    ]
    return "\n".join(lines)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "0" if value == 0 else f"{value:.3g}"
    return str(value).replace("|", "\\|")


@dataclass(frozen=True)
class Measured:
    """What `make bench` found for one job: no measured number is typed into prose."""

    ratios: dict[str, float]
    """A contender → its time, as a multiple of the reference's."""

    setting: str
    """What was done, in words."""

    threads: int
    """How many torch used."""

    machine: str
    """What computed: cores and processor."""


BENCHMARKS = files("groundup") / "benchmarks.json"
"""All that `make bench` found; a notebook may be copied elsewhere, so it is packaged."""


def measured(job: str, setting: str | None = None, all_cores: bool = False) -> Measured:
    """Return what `make bench` found for a job.

    Args:
        job: the job's name.
        setting: which of the job's settings, in the file's words; None where it has only
            one.
        all_cores: take the run with the most threads instead of the one with one thread.

    Raises:
        ValueError: if there was no such job, or not just one such setting.
    """
    rows = json.loads(BENCHMARKS.read_text("utf-8"))
    jobs = dict.fromkeys(row["job"] for row in rows)
    if job not in jobs:
        raise ValueError(f"job must be one of {', '.join(jobs)}, got {job!r}")
    rows = [row for row in rows if row["job"] == job]
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    if setting is None and len(settings) == 1:
        (setting,) = settings
    if setting is None or setting not in settings:
        raise ValueError(f"setting of {job} must be one of {settings}, got {setting!r}")
    rows = [row for row in rows if row["setting"] == setting]
    threads = (max if all_cores else min)(row["threads"] for row in rows)
    rows = [row for row in rows if row["threads"] == threads]
    ratios = {row["contender"]: row["ratio"] for row in rows}
    return Measured(ratios, setting, threads, rows[0]["processor"])


def details(title: str, text: str) -> mo.Html:
    """Fold text away until the reader opens it, with a kernel or without."""
    return _block("details", title, text)


def _block(kind: str, title: str, text: str) -> mo.Html:
    return mo.md(f"/// {kind} | {title}\n\n{text}\n\n///")


def solution(*things: Any) -> mo.Html:
    """Show the source of an exercise's solution, folded away."""
    return details("Solution", _listing(things))


def page_only(text: str, explorer: bool = False) -> mo.Html:
    """Show words to the reader of a published page alone, who has no kernel.

    Args:
        text: Markdown.
        explorer: whether the blog shows the chapter's explorer in place of the chart above,
            which live controls move.
    """
    mark = " data-explorer" if explorer else ""
    return mo.Html(f'<div class="page-only"{mark}>{mo.md(text).text}</div>')


def switched_on() -> bool:
    """Return whether a page's charts are to show what its switches break."""
    return mo.running_in_notebook() and "switched-on" in mo.cli_args().to_dict()


def exercise(
    attempt: Callable[..., Any], check: Callable[[Callable[..., Any]], str | None]
) -> mo.Html:
    """Show what a check says of an attempt: not yet, what is wrong, or well done.

    Hidden on a published page.

    Args:
        attempt: the reader's function. Left blank, it raises NotImplementedError or returns
            None.
        check: called with the attempt; gives a sentence about the first thing that is
            wrong, or None if it is right.
    """
    calls = 0
    blank = False

    def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls, blank
        calls += 1
        answer = attempt(*args, **kwargs)
        blank = blank or answer is None
        if answer is None:
            raise NotImplementedError
        return answer

    try:
        wrong = check(watched)
    except NotImplementedError:
        return _verdict(
            "attention", "Not yet", f"`{attempt.__name__}` is waiting for your code."
        )
    except Exception as error:
        return _verdict("danger", "It raises", f"`{type(error).__name__}: {error}`")
    if calls == 0 or blank:
        return _verdict("attention", "Not yet", "There is nothing to check.")
    if wrong is not None:
        return _verdict("danger", "Not quite", wrong)
    return _verdict("tip", "Well done", "It passes every check.")


def _verdict(kind: str, title: str, text: str) -> mo.Html:
    return mo.Html(f'<div class="live-only">{_block(kind, title, text).text}</div>')


class ProgressBar(Callback):
    """How far a run has come, as a bar under its cell that is gone when the run ends."""

    def __init__(self) -> None:
        self._bar: Any = None

    def on_train_start(self, trainer: Trainer) -> None:
        """Open the bar."""
        left = trainer.epochs - trainer.epoch
        self._bar = mo.status.progress_bar(
            total=left, title="Training", remove_on_exit=True
        )
        self._bar.__enter__()

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Count the epoch and show its loss."""
        loss = trainer.result.train_losses[-1]
        self._bar.progress.update(subtitle=f"loss {loss:.4g}")

    def on_train_end(self, trainer: Trainer) -> None:
        """Take the bar away, also when the run was cut short."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
