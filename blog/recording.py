"""Plays a notebook's controls and keeps what it shows at each of their places.

A published page has no Python behind it, and yet its sliders and switches can answer, since
there are few places where they can stand. So a build runs the notebook once, in a process
of its own: `python -m blog.recording NOTEBOOK FILE PLACES`. Then it moves the controls
through their places, runs again the cells that follow from a move, as marimo would, and
keeps what those cells show, equal outputs once. On the page a script
(`static/recording.js`) puts in what was kept: rows and parameters into a chart, words into
their place.

A cell that shows something is recorded at every combination of the controls that it follows
from, and of no others. Where there are too many, the notebook's author names the places
that are kept; a control that is not named stays where it starts.

Any marimo notebook is published so, by `python -m blog.publish NOTEBOOK … --to FOLDER`:
`blog/controls.py` knows which elements have places, `blog/shown.py` what a cell can show;
what a page can't have is refused by name. `blog/pages/other-notebooks.md` tells authors.
"""

import ast
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import marimo as mo

# A notebook's cells and what follows from which: marimo has no public way to them.
from marimo._ast.app import InternalApp
from marimo._runtime.dataflow import topological_sort

from blog.controls import (
    MOST_PLACES,
    VIEWS,
    Control,
    Element,
    NotRecordable,
    control_of,
    kind_of,
    narrowed,
)
from blog.shown import IN_WORDS, VEGA_LITE, Output, output_of

__all__ = [
    "VEGA_LITE",
    "Control",
    "NotRecordable",
    "Output",
    "Played",
    "Recording",
    "record",
]

STATE = tuple(map(type, mo.state(None)))
"""What `mo.state` gives: it runs cells again that no control was moved for."""


@dataclass(frozen=True)
class Played:
    """What a cell shows at all places of the controls that it follows from."""

    controls: list[str]
    """Their names. The last one's places come fastest."""

    states: list[int]
    """For each combination of places, the number of an output."""

    outputs: list[Output]
    """Each once; the first is what the notebook opens with."""


@dataclass(frozen=True)
class Recording:
    """A notebook's controls, and what follows from them."""

    controls: dict[str, Control]
    panels: dict[str, list[str]]
    """A cell that shows controls → their names."""

    cells: dict[str, Played]
    """A cell that changes, or has controls beside other things → what it shows."""

    seconds: float
    """That it took to play."""

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), allow_nan=False), "utf-8")

    @classmethod
    def read(cls, file: Path) -> "Recording":
        """Return what `write` wrote."""
        kept = json.loads(file.read_text("utf-8"))
        return cls(
            {name: Control(**control) for name, control in kept["controls"].items()},
            kept["panels"],
            {cell: Played(**played) for cell, played in kept["cells"].items()},
            kept["seconds"],
        )

    def places(self, played: Played) -> list[dict[str, int]]:
        """Return the controls' places for each state of a cell."""
        of = (range(len(self.controls[name].places)) for name in played.controls)
        return [
            dict(zip(played.controls, places, strict=True))
            for places in itertools.product(*of)
        ]

    def opening_at(self, **places: int) -> "Recording":
        """Return the same recording, but some controls stand at other places at first."""
        controls = {
            name: replace(control, start=places.get(name, control.start))
            for name, control in self.controls.items()
        }
        cells = {}
        for cell, played in self.cells.items():
            start = {name: controls[name].start for name in played.controls}
            first = played.states[self.places(played).index(start)]
            order = [first, *(i for i in range(len(played.outputs)) if i != first)]
            states = [order.index(state) for state in played.states]
            outputs = [played.outputs[i] for i in order]
            cells[cell] = Played(played.controls, states, outputs)
        return replace(self, controls=controls, cells=cells)


NOTHING = Recording({}, {}, {}, 0.0)
"""The recording of a notebook without controls."""


def record(notebook: Path, named: Mapping[str, Sequence[Any]]) -> Recording:
    """Play a notebook's controls.

    Args:
        notebook: the file.
        named: a control → the places that are kept of it. Where a cell follows from a named
            control, those that are not named stay where they start. One without any place
            stays where it starts, too, and is left out of the page; "all" are all.

    Raises:
        NotRecordable: if there is a control that a page can't have, a name without a
            control or a place, a cell that raises somewhere, or more than a page can hold.
    """
    start = time.perf_counter()
    with _as_exported():
        player = _Player(notebook, named)
        together: dict[tuple[str, ...], list[str]] = {}
        for cell in player.order:
            moving = [name for name in player.controls if cell in player.following(name)]
            some = [name for name in moving if name in named]
            together.setdefault(tuple(some or moving), []).append(cell)
        cells: dict[str, Played] = {}
        for names, followers in together.items():
            moved = [player.controls[name] for name in names]
            _check_number(player, followers[0], moved)
            cells |= player.play(moved, followers)
    return Recording(player.controls, player.panels(), cells, time.perf_counter() - start)


ADVICE = (
    "name the places that a page is to have under [places], beside the notebook, show what "
    "follows from few controls in a cell of its own, or let an explorer stand there"
)


def _check_number(player: "_Player", cell: str, moved: Sequence[Control]) -> None:
    number = math.prod(len(control.places) for control in moved)
    if number > MOST_PLACES:
        sizes = " × ".join(f"{len(control.places)} of {control.name}" for control in moved)
        raise NotRecordable(
            f"{player.describe(cell)} has {number:,} places, {sizes}, which is more than "
            f"{MOST_PLACES}: {ADVICE}"
        )


class _Player:
    """A notebook that has run, and can be run on from there."""

    def __init__(self, notebook: Path, named: Mapping[str, Sequence[Any]]) -> None:
        self.notebook, self.named = notebook, named
        spec = spec_from_file_location(notebook.stem, notebook)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        self.graph: Any = InternalApp(module.app).graph
        self.order: list[Any] = topological_sort(self.graph, self.graph.cells.keys())
        self.names: dict[str, Any] = {"__name__": "__main__", "__file__": str(notebook)}
        self.controls: dict[str, Control] = {}
        self.halted: dict[str, set[str]] = {}
        """A cell that called `mo.stop` at the opening → those that then didn't run."""
        shown = self.run(self.order, self.names, self.halted)
        self.controls = self._found()
        self.opened = {i: self.output(i, value, self.names) for i, value in shown.items()}

    def run(
        self,
        cells: Sequence[str],
        names: dict[str, Any],
        halted: dict[str, set[str]],
        where: str = "",
    ) -> dict[str, Any]:
        """Run cells in this order, with these names. Gives what they show."""
        shown: dict[str, Any] = dict.fromkeys(cells)
        for i in cells:
            cell = self.graph.cells[i]
            halted.pop(i, None)
            if any(i in below for below in halted.values()):
                continue
            try:
                exec(cell.body or "", names)
                shown[i] = eval(cell.last_expr or "None", names)
            except mo.MarimoStopError as stop:
                shown[i] = stop.output
                halted[i] = self.graph.descendants(i)
            except Exception as error:
                what = f"raises {type(error).__name__}: {error}{where}"
                raise NotRecordable(f"{self.describe(i)} {what}") from error
        return shown

    def output(self, cell: str, value: Any, names: Mapping[str, Any]) -> Output:
        """Return what a cell shows, in parts."""
        known = self.controls.keys() | {name for name, p in self.named.items() if not p}
        elements = {
            name: e
            for name, e in names.items()
            if isinstance(e, VIEWS) or (isinstance(e, Element) and name in known)
        }
        with _refused_by(self.describe(cell)):
            return output_of(value, elements, self.controls)

    def describe(self, cell: str) -> str:
        """Name a cell by its notebook and its first line."""
        first = self.graph.cells[cell].code.strip().splitlines()[0]
        return f"{self.notebook.name}: the cell '{first}'"

    def _found(self) -> dict[str, Control]:
        """Return the notebook's controls, but for those that a page is to do without."""
        found, known = {}, []
        for i, cell in self.graph.cells.items():
            for name in sorted(cell.defs):
                element = self.names.get(name)
                with _refused_by(self.describe(i)):
                    if isinstance(element, STATE):
                        raise NotRecordable(
                            f"makes {name!r}, a mo.state, which a page can't"
                        )
                    if not isinstance(element, Element):
                        continue
                    known.append(name)
                    if [*self.named.get(name, "all")] and not self._is_view(name, element):
                        found[name] = control_of(name, element)
        for name, places in self.named.items():
            with _refused_by(f"{self.notebook.name}:"):
                if name not in known:
                    raise NotRecordable(
                        f"[places] names {name!r}, which is no control; there is "
                        f"{', '.join(known) or 'none'}"
                    )
                if name in found and places != "all":
                    found[name] = narrowed(found[name], places)
        for name in found:
            for i in self.following(name):
                for other in sorted(found.keys() & self.graph.cells[i].defs):
                    raise NotRecordable(
                        f"{self.describe(i)} makes {other!r} anew when {name!r} is moved, "
                        "which a page can't"
                    )
        return found

    def _is_view(self, name: str, element: Any) -> bool:
        """Whether an element is something to look at, as long as nobody asks it."""
        if not isinstance(element, VIEWS):
            return False
        for i in self.graph.cells:
            for node in ast.walk(ast.parse(self.graph.cells[i].code)):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == name:
                    raise NotRecordable(
                        f"makes {name!r}, {kind_of(element)}, of which a cell asks "
                        f"{name}.{node.attr}: a page shows it, but tells Python nothing"
                    )
        return True

    def panels(self) -> dict[str, list[str]]:
        """Return the cells that show controls, each with their names."""
        panels = {i: _controls_in(output) for i, output in self.opened.items()}
        return {i: names for i, names in panels.items() if names}

    def following(self, name: str) -> set[str]:
        """Return the cells that run again when a control is moved."""
        using = {i for i, cell in self.graph.cells.items() if name in cell.refs}
        return using.union(*(self.graph.descendants(i) for i in using))

    def play(self, moved: Sequence[Control], followers: Sequence[str]) -> dict[str, Played]:
        """Move controls through all their places, and keep what these cells show.

        Those are left out that stay the same, and hold no controls beside other things.
        From one place to the next runs what follows from a control that has moved, as far
        as one of these cells follows from it.
        """
        needed = {*followers}.union(*(self.graph.ancestors(i) for i in followers))
        again = {c.name: self.following(c.name) & needed for c in moved}
        kept = {i: [self.opened[i]] for i in followers}
        now = dict.fromkeys(followers, 0)
        states: dict[str, list[int]] = {i: [] for i in followers}
        elements = [self.names[control.name] for control in moved]
        names, halted = dict(self.names), dict(self.halted)
        before = [control.sent[control.start] for control in moved]
        for sent in (
            itertools.product(*(control.sent for control in moved)) if moved else ()
        ):
            stale: set[str] = set()
            at = zip(moved, elements, sent, before, strict=True)
            for control, element, value, last in at:
                if value != last:
                    element._update(value)  # what marimo does; there is no public way
                    stale |= again[control.name]
            pairs = zip(moved, elements, strict=True)
            where = " and ".join(f"{control.name} = {e.value!r}" for control, e in pairs)
            run = [i for i in self.order if i in stale]
            for i, value in self.run(run, names, halted, f" at {where}").items():
                if i not in now:
                    continue
                output = self.output(i, value, names)
                if output not in kept[i]:
                    kept[i].append(output)
                now[i] = kept[i].index(output)
            for i in followers:
                states[i].append(now[i])
            before = [*sent]
        for control, element in zip(moved, elements, strict=True):
            element._update(control.sent[control.start])
        names_ = [control.name for control in moved]
        return {
            i: Played(names_, states[i] or [0], kept[i])
            for i in followers
            if len(kept[i]) > 1 or _is_mixed(kept[i][0])
        }


def _controls_in(output: Output) -> list[str]:
    """Return the names of the controls that stand in an output, from top to bottom."""
    if "control" in output:
        return [output["control"]]
    if "parts" in output:
        return [name for part in output["parts"] for name in _controls_in(part)]
    return [name for text in output.values() for name in IN_WORDS.findall(str(text))]


def _is_mixed(output: Output) -> bool:
    """Whether there is something beside controls, or nothing is left of an output."""
    if "parts" in output:
        return not output["parts"] or any("control" not in part for part in output["parts"])
    return "control" not in output and _controls_in(output) != []


@contextmanager
def _refused_by(where: str) -> Iterator[None]:
    """Say of a refusal where it comes from."""
    try:
        yield
    except NotRecordable as error:
        raise NotRecordable(f"{where} {error}") from error


@contextmanager
def _as_exported() -> Iterator[None]:
    """Have marimo show things as its exports do: a data frame as a table, say."""
    before = os.environ.get("MARIMO_NO_JS")
    os.environ["MARIMO_NO_JS"] = "true"
    try:
        yield
    finally:
        del os.environ["MARIMO_NO_JS"]
        if before is not None:
            os.environ["MARIMO_NO_JS"] = before


def main() -> None:
    """Record a notebook: its path, the file to write, and the named places as JSON."""
    notebook, file, named = sys.argv[1:]
    sys.path.insert(0, str(Path(notebook).parent))  # as marimo does, for what it imports
    try:
        record(Path(notebook), json.loads(named)).write(Path(file))
    except NotRecordable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
