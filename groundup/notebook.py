"""The notebooks' furniture: listings of the source, tables, exercises, what a page hides.

All of it comes out of every export as text: nothing here needs a kernel once it has been
shown.
"""

import ast
import difflib
import inspect
import json
import math
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from groundup._checks import check_same_shape
from groundup._extras import extra
from groundup.callbacks.callback import Callback
from groundup.trainer import Trainer

with extra("notebooks"):
    import marimo as mo

    from groundup import charts


def code_of(thing: Any) -> str:
    """Return the source of a function, method or class as in its file, without docstrings.

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
        # A dropped docstring leaves its blank line behind: a body's first, or two in a row.
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
    """Show the package's own source, so that no listing is ever a copy.

    `help(thing)` shows the docstrings left out here.
    """
    return listing(*map(code_of, things))


def listing(*codes: str) -> mo.Html:
    """Show code, of whatever origin."""
    return mo.md("```python\n" + "\n\n\n".join(codes) + "\n```")


def numbered(thing: Any) -> mo.Html:
    """Show a function's source with the numbers of its lines."""
    lines = code_of(thing).splitlines()
    return listing("\n".join(f"{i:>2}  {line}" for i, line in enumerate(lines, 1)))


def imports() -> mo.Html:
    """Show the notebook's setup cell, folded: what its first listing needs."""
    code = _calling_notebook().read_text("utf-8")
    return details("The imports", listing(setup_of(code)))


def setup_of(code: str) -> str:
    """Return the code of a notebook's setup cell, also as `marimo export script` has it."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.With):
            lines = code.splitlines()[node.body[0].lineno - 1 : node.body[-1].end_lineno]
            return textwrap.dedent("\n".join(lines))
    return code.split("# %%\n")[1].strip()


def _calling_notebook() -> Path:
    """Return the file of the cell that called what calls this."""
    return Path(sys._getframe(2).f_globals["__file__"])


def code_above(*names: str) -> mo.Html:
    """Show the notebook's own code where `marimo run` hides it; elsewhere nothing.

    Args:
        *names: each a function of the notebook, or what one of its cells defines.

    Raises:
        ValueError: if no cell defines one.
    """
    if mo.app_meta().mode != "run":
        return mo.md("")
    file = _calling_notebook()
    cells = cells_of(file.read_text("utf-8"))
    for name in names:
        if name not in cells:
            raise ValueError(f"names must be defined in {file.name}, got {name!r}")
    return listing(*dict.fromkeys(cells[name] for name in names))


def cells_of(code: str) -> dict[str, str]:
    """Return a notebook's names, each with the code of the cell that defines it."""
    lines = code.splitlines()
    cells: dict[str, str] = {}
    for node in ast.parse(code).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not node.decorator_list:
            continue
        if "app.cell" not in ast.unparse(node.decorator_list[0]):  # the name is its own
            cells[node.name] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            continue
        *body, _ = node.body  # marimo ends each cell with a `return`
        written = lines[body[0].lineno - 1 : body[-1].end_lineno] if body else []
        for name in (name for statement in body for name in _names(statement)):
            cells[name] = textwrap.dedent("\n".join(written))
    return cells


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    nodes = [*ast.walk(statement)]
    inner = {  # a comprehension's variables are its own
        name
        for node in nodes
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
    }
    return [
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        if node not in inner
    ]


def steps_of(code: str) -> dict[str, range]:
    """Return a loop's steps by the names in their comments, `# 1. predict`.

    A step is the numbers of its lines, from 0: the one with the comment and what is
    indented under it.
    """
    lines = code.splitlines()
    depths = [len(line) - len(line.lstrip()) for line in lines]
    steps: dict[str, range] = {}
    for first, line in enumerate(lines):
        if comment := re.search(r"  # \d+\. (.+)", line):
            out = (
                i
                for i in range(first + 1, len(lines))
                if lines[i].strip() and depths[i] <= depths[first]
            )
            steps[comment[1]] = range(first, next(out, len(lines)))
    return steps


def diff(before: str, after: str, context: int = 99) -> mo.Html:
    """Show what changed from one listing to the next, line by line, computed.

    Args:
        before: the one.
        after: the other.
        context: how many lines to show around a change; an ellipsis stands for the rest.
    """
    found = difflib.unified_diff(
        before.splitlines(), after.splitlines(), lineterm="", n=context
    )
    lines = [*found][3:]  # without the files' names, and where the first change is
    changed = [" …" if line.startswith("@@ ") else line for line in lines]
    # marimo takes "- " for a list's start, also in a listing, and puts an empty line above:
    # a space of no width parts the two.
    changed = [re.sub(r"^([-+])(?= )", "\\1\u200b", line) for line in changed]
    return mo.md("```diff\n" + ("\n".join(changed) or "  no difference") + "\n```")


def table(rows: Iterable[Mapping[str, object]]) -> mo.Html:
    """Show rows as a plain table, which is the same with a kernel and without."""
    return mo.md(markdown_table(rows))


def markdown_table(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as Markdown, headed by the first one's keys, with numbers to the right.

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


def largest_difference(ours: Any, theirs: Any) -> float:
    """Return the largest absolute difference between numbers in the same places.

    Two NaNs, or the same infinity twice, are no difference; one alone is an infinite one.

    Args:
        ours: a tensor, a number, or a list or tuple of such, as deep as it may be.
        theirs: the same, of the same shape.

    Raises:
        ValueError: if the shapes differ, or there is nothing to compare.
    """
    if isinstance(ours, list | tuple):
        pairs = zip(ours, theirs, strict=True)
        return max(largest_difference(one, other) for one, other in pairs)
    ours, theirs = (torch.as_tensor(v, dtype=torch.float64) for v in (ours, theirs))
    check_same_shape(ours=ours, theirs=theirs)
    same = ours.isclose(theirs, rtol=0, atol=0, equal_nan=True)
    gaps = torch.where(same, 0.0, ours - theirs).abs()
    numbers: list[float] = gaps.nan_to_num(torch.inf, torch.inf).flatten().tolist()
    return max(numbers)


@dataclass(frozen=True)
class Measured:
    """The measurements of one job, so that no measured number is typed into prose."""

    ratios: dict[str, float]
    """A contender → its time, as a multiple of the reference's."""

    setting: str
    """The work that was timed, in words."""

    threads: int
    """The number that torch used."""

    machine: str
    """Its cores and processor."""

    same: dict[str, list[str]]
    """A contender → what came out the same, where the job compares more than times."""


BENCHMARKS = files("groundup") / "benchmarks.json"
"""All that `make bench` found; it comes with the package: a notebook may be copied."""


def measured(job: str, setting: str | None = None, all_cores: bool = False) -> Measured:
    """Read what `make bench` measured for a job.

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
    same = {row["contender"]: row["same"].split(", ") for row in rows if row.get("same")}
    return Measured(ratios, setting, threads, rows[0]["processor"], same)


def details(title: str, text: str | mo.Html) -> mo.Html:
    """Fold text away until the reader opens it, with a kernel or without."""
    return mo.md(f"/// details | {title}\n\n{text}\n\n///")


def exercise(
    attempt: Callable[..., Any],
    check: Callable[[Callable[..., Any]], str | None],
    solution: Callable[..., Any],
) -> mo.Html:
    """Show what a check says of an attempt, above the solution, which is folded away.

    The verdict is hidden on a published page, and in `marimo run`, where nobody can write
    code, the attempt is shown in its place.

    Args:
        attempt: the reader's function. Left blank, it raises NotImplementedError.
        check: called with the attempt; gives a sentence about the first thing that is
            wrong, or None if it is right.
        solution: what is shown of it is its source.
    """
    if mo.app_meta().mode == "run":
        verdict = f"{listing(code_of(attempt))}\n\nTo solve it, open it by `make edit`."
    else:
        verdict = _verdict(attempt, check)
    return mo.md(f"{verdict}\n\n{details('Solution', listing(code_of(solution)))}")


def _verdict(
    attempt: Callable[..., Any], check: Callable[[Callable[..., Any]], str | None]
) -> str:
    answers: list[Any] = []

    def watched(*args: Any, **kwargs: Any) -> Any:
        answers.append(attempt(*args, **kwargs))
        if answers[-1] is None:
            raise _NothingReturned
        return answers[-1]

    try:
        wrong = check(watched)
    except NotImplementedError:
        waits = f"`{attempt.__name__}` is waiting for your code."
        return _live_block("attention", "Not yet", waits)
    except _NothingReturned:
        wrong = f"`{attempt.__name__}` returns nothing. Does it end in a `return`?"
    except Exception as error:
        raised = f"`{type(error).__name__}: {error}`"
        return _live_block("danger", "It raises", raised)
    if wrong is not None:
        return _live_block("danger", "Not quite", wrong)
    if not answers or answers[-1] is None:
        return _live_block("attention", "Not yet", "There is nothing to check.")
    return _live_block("tip", "Well done", "It passes every check.")


class _NothingReturned(Exception):
    """An attempt gave None where its exercise asks for something."""


def _live_block(kind: str, title: str, text: str) -> str:
    return f"/// {kind} | {title}\n    attrs: {{class: live-only}}\n\n{text}\n\n///"


class ProgressBar(Callback):
    """A bar under a run's cell with its epochs, gone when the run ends."""

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
        bar, self._bar = self._bar, None  # a bar of this kernel can't be copied or pickled
        if bar is not None:
            bar.__exit__(None, None, None)


PICTURES = 5
"""The most that `LiveCurves` draws in a second: what comes faster, nobody sees."""


class LiveCurves(Callback):
    """The curves of a run's losses, drawn under its cell while it trains.

    The last picture is drawn when the run ends, whatever ends it; a cell that ends in a
    chart shows that in its place. Where there is no cell, nothing is drawn and no clock is
    read.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._live = False

    def on_train_start(self, trainer: Trainer) -> None:
        """See whether there is a cell to draw under."""
        self._live = mo.running_in_notebook()
        self._due = -math.inf
        self._drawn = -1

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Draw, if the last picture is old enough."""
        if self._live and (now := self._clock()) >= self._due:
            self._due = now + 1 / PICTURES
            self._draw(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        """Draw what came after the last picture."""
        if self._live and self._drawn != trainer.epoch:
            self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        mo.output.replace(_Picture(charts.losses(trainer.result)))
        self._drawn = trainer.epoch


class _Picture(mo.Html):
    """A chart that `mo.output.replace` sends as it is, as a cell's last line would be sent.

    It makes HTML of all else, which stands a little lower: the page would jump at the end.
    """

    def __init__(self, chart: charts.Content) -> None:
        self._content: Any = chart._mime_()
        super().__init__("")

    def _mime_(self) -> Any:
        return self._content
