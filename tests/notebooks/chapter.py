"""A chapter as its tests need it: functions, definitions, and what follows from what."""

import ast
import sys
import time
from collections.abc import Callable, Mapping, Set
from contextlib import redirect_stderr, redirect_stdout
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path
from types import BuiltinFunctionType, ModuleType, SimpleNamespace
from typing import Any, TypeVar

import marimo as mo
import pytest
from marimo._ast.app import InternalApp
from marimo._ast.cell import CellImpl
from marimo._types.ids import CellId_t

from chapters import Chapter as Declared

SETUP = "setup"
ELSEWHERE = ("hypothesis", "/marimo/_")
"""Who may look at a clock: Hypothesis times Python's collector, which runs at any time, and
marimo its bar and its messages. No number of theirs is kept."""

T = TypeVar("T")


class Cells(dict[str, Any]):
    """What cells define, a name → a value, and show.

    Attributes:
        outputs: a cell → what it shows.
    """

    def __init__(self, definitions: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        super().__init__(definitions)
        self.outputs = outputs


def only(number: int) -> pytest.MarkDecorator:
    """Marks the tests of one chapter."""
    name = "chapter {}".format
    return pytest.mark.parametrize("chapter", [number], indirect=True, ids=name)


class Chapter:
    """One notebook of the series.

    Args:
        declared: what the chapter says that it has.

    Attributes:
        file: the notebook.
        module: the notebook imported: its functions are there, its cells have not run.
        code: its source.
        tree: its syntax.
        graph: which cell needs which, as marimo sees it.
        said: what it printed when it ran for `untouched`.
        clocks: what of the module `time` was called then, by whatever code.
    """

    def __init__(self, declared: Declared) -> None:
        self.declared = declared
        self.file = declared.file
        self.module: ModuleType = _imported(self.file)
        self.code = self.file.read_text("utf-8")
        self.tree = ast.parse(self.code)
        self.graph = InternalApp(self.module.app).graph
        self.said = StringIO()
        self.clocks: set[str] = set()

    def run_from_the_top(self) -> Cells:
        """All cells, run with each control where it stands at first."""
        return self._run({}, idle=set())

    @cached_property
    def untouched(self) -> Cells:
        """The same, run once: for tests that look and change nothing."""

        def watched(clock: Callable[..., Any]) -> Callable[..., Any]:
            def looked_at(*args: Any) -> Any:
                asking = sys._getframe(1).f_code.co_filename
                if not any(part in asking for part in ELSEWHERE):
                    self.clocks.add(clock.__name__)
                return clock(*args)

            return looked_at

        clocks = [c for c in vars(time).values() if isinstance(c, BuiltinFunctionType)]
        with (
            redirect_stdout(self.said),
            redirect_stderr(self.said),
            pytest.MonkeyPatch.context() as patch,
        ):
            for clock in clocks:
                patch.setattr(time, clock.__name__, watched(clock))
            return self.run_from_the_top()

    def run(self, **controls: Any) -> Cells:
        """The cells once these controls are moved.

        As for a reader, only the cells run again that depend on the moved controls; the
        others keep what they defined when the chapter opened. So a cell that changes what
        another one made is found out.

        Args:
            controls: a control's name → its new value.
        """
        panels = {self.cell_that_defines(name) for name in controls}
        moved = {name: SimpleNamespace(value=value) for name, value in controls.items()}
        return self._run_some(self._after(panels), moved)

    def run_again(self, cells: Set[CellId_t]) -> Cells:
        """These cells once more, and those that depend on them."""
        return self._run_some(cells | self._after(cells), {})

    def _after(self, cells: Set[CellId_t]) -> set[CellId_t]:
        """The cells that depend on these."""
        return set().union(*map(self.graph.descendants, cells))

    def _run_some(self, some: Set[CellId_t], moved: Mapping[str, Any]) -> Cells:
        """Run these cells again; the others keep what they defined and showed."""
        idle = self.graph.cells.keys() - {SETUP, *some}
        kept = {
            name: self.untouched[name]
            for cell in idle
            for name in self.graph.cells[cell].defs
        }
        cells = self._run(kept | dict(moved), idle)
        cells.outputs = {**self.untouched.outputs, **cells.outputs}
        return cells

    def _run(self, given: Mapping[str, Any], idle: Set[CellId_t]) -> Cells:
        """Run all cells but the idle ones, which define what is given."""
        # marimo skips a cell whose names are given, but has to be told of one that only
        # shows something.
        shows = [self.graph.cells[i] for i in idle if not self.graph.cells[i].defs]
        try:
            for cell in shows:
                cell.configure({"disabled": True})
            outputs, definitions = self.module.app.run(defs=dict(given))
        finally:
            for cell in shows:
                cell.configure({"disabled": False})
        ran = [cell for cell in self.graph.cells if cell not in {SETUP, *idle}]
        return Cells(definitions, dict(zip(ran, outputs, strict=True)))

    def shown(self, cells: Cells, name: str, kind: type[T]) -> T:
        """What the one cell shows that has this name and shows something of this kind."""
        having = [self.cell_that_defines(name), *self.cells_that_use(name)]
        outputs = [cells.outputs[cell] for cell in having]
        (output,) = [output for output in outputs if isinstance(output, kind)]
        return output

    def calls(self, function: str) -> list[ast.Call]:
        """Where the notebook calls a function, by the name that it has there."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == function
        ]

    @property
    def notes(self) -> int:
        """How many words it has for the reader of a published page alone."""
        return self.code.count('class="page-only"')

    @property
    def texts(self) -> list[str]:
        """What it tells in Markdown as it opens, cell by cell."""
        outputs = self.untouched.outputs.values()
        return [o._repr_markdown_() for o in outputs if hasattr(o, "_repr_markdown_")]

    @property
    def in_sight(self) -> dict[CellId_t, CellImpl]:
        """The cells whose code is not folded away."""
        cells = self.graph.cells.items()
        return {i: cell for i, cell in cells if not cell.config.hide_code}

    @property
    def listed(self) -> list[Any]:
        """What the notebook prints the source of."""
        arguments = [a for call in self.calls("notebook.source") for a in call.args]
        return [eval(ast.unparse(a), vars(self.module)) for a in arguments]

    def excerpt(self, cells: Set[CellId_t]) -> str:
        """A notebook of these cells alone, and of what they need."""
        wanted = {*cells, *(i for cell in cells for i in self.graph.ancestors(cell))}
        ids = iter([i for i in self.graph.cells if i != SETUP])
        lines: list[str | None] = [*self.file.read_text("utf-8").splitlines()]
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and next(ids) not in wanted:
                start = node.decorator_list[0].lineno - 1
                lines[start : node.end_lineno] = [None] * ((node.end_lineno or 0) - start)
        return "\n".join(line for line in lines if line is not None)

    def cell_that_defines(self, name: str) -> CellId_t:
        """The one cell that gives a name its value."""
        (cell,) = self.graph.definitions[name]
        return cell

    def cells_that_use(self, name: str) -> list[CellId_t]:
        """The cells that need this name from another one, from the notebook's top down."""
        return [i for i, cell in self.graph.cells.items() if name in cell.refs]

    def controls_before(self, cell: CellId_t) -> set[str]:
        """The sliders and switches whose moves have this cell run again. Buttons aside."""
        return {
            name
            for before in self.graph.ancestors(cell)
            for name in self.graph.cells[before].defs
            if _moves(self.untouched.get(name))
        }

    @cached_property
    def timed_cells(self) -> set[CellId_t]:
        """The cells that look at the clock or call what does, and what depends on them."""
        looks = ("perf_counter(", "time_in_turns(")
        cells = self.graph.cells.items()
        clocks = [i for i, cell in cells if any(look in cell.code for look in looks)]
        return {*clocks, *(i for clock in clocks for i in self.graph.descendants(clock))}


def _imported(file: Path) -> ModuleType:
    spec = spec_from_file_location(f"chapter_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _moves(value: object) -> bool:
    return isinstance(value, mo.ui.slider | mo.ui.switch | mo.ui.checkbox | mo.ui.dropdown)
