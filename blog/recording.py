"""Plays a notebook's controls and keeps what it shows at each of their places.

A published page has no Python behind it, and yet its sliders and switches can answer, since
there are few places where they can stand. So a build runs the notebook once, in a process
of its own: `python -m blog.recording NOTEBOOK FILE`. Then it moves the controls through
their places, runs again the cells that follow from a move, as marimo would, and keeps what
those cells show, equal outputs once. On the page a script (`static/recording.js`) puts in
what was kept: rows and parameters into a chart, words into their place.

A cell that shows something is recorded at every combination of the controls that it follows
from, and of no others. Where there are too many, the notebook's author names the places
that are kept; a control that is not named stays where it starts.
"""

import itertools
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import altair as alt
import marimo as mo
from marimo._ast.app import InternalApp
from marimo._output.formatting import try_format
from marimo._plugins.ui._core.ui_element import UIElement
from marimo._runtime.dataflow import topological_sort
from marimo._types.ids import CellId_t

MOST_PLACES = 500
"""Of the controls that one cell follows from, multiplied."""

VEGA_LITE = "application/vnd.vegalite.v6+json"

BUTTONS = mo.ui.button | mo.ui.run_button | mo.ui.refresh
"""They measure again, or run what takes long: what they do is no state of a page."""

Output = dict[str, Any]
"""A MIME type → what is shown. Nothing is an empty one."""


class NotRecordable(Exception):
    """A control that a page can't have, or a place where a cell fails; in words."""


@dataclass(frozen=True)
class Control:
    """A slider, a switch or a choice among some."""

    name: str
    """The notebook's variable."""

    kind: str
    """`range`, `switch` or `choice`."""

    label: str
    """In Markdown."""

    places: list[Any]
    """Its values."""

    words: list[str]
    """What stands beside it at each."""

    start: int
    """The place where it stands at first."""


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
    """A cell → what it shows."""

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


NOTHING = Recording({}, {}, {}, 0.0)
"""The recording of a notebook without controls."""


def record(notebook: Path, named: Mapping[str, Sequence[Any]]) -> Recording:
    """Play a notebook's controls.

    Args:
        notebook: the file.
        named: a control → the places that are kept of it. Where a cell follows from a named
            control, those that are not named stay where they start.

    Raises:
        NotRecordable: if there is a control that a page can't have, a name without a
            control or a place, a cell that raises somewhere, or more than a page can hold.
    """
    start = time.perf_counter()
    player = _Player(notebook)
    controls = player.controls(named)
    together: dict[tuple[str, ...], list[CellId_t]] = {}
    for cell in player.order:
        moving = [name for name in controls if cell in player.following(name)]
        some = [name for name in moving if name in named]
        together.setdefault(tuple(some or moving), []).append(cell)
    cells: dict[str, Played] = {}
    for names, followers in together.items():
        if names:
            _check_number(player, followers[0], [controls[name] for name in names])
            cells |= player.play([controls[name] for name in names], followers)
    return Recording(controls, player.panels(controls), cells, time.perf_counter() - start)


ADVICE = (
    "name the places that a page is to have under [places] in the notebook's head, or let "
    "an explorer stand there"
)


def _check_number(player: "_Player", cell: CellId_t, moved: Sequence[Control]) -> None:
    number = math.prod(len(control.places) for control in moved)
    if number > MOST_PLACES:
        sizes = " × ".join(f"{len(control.places)} of {control.name}" for control in moved)
        raise NotRecordable(
            f"{player.describe(cell)} has {number:,} places, {sizes}, which is more than "
            f"{MOST_PLACES}: {ADVICE}"
        )


class _At:
    """A control as it stands at another place."""

    def __init__(self, element: Any, value: Any) -> None:
        self._element, self.value = element, value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._element, name)


class _Player:
    """A notebook that has run, and can be run on from there."""

    def __init__(self, notebook: Path) -> None:
        self.notebook = notebook
        spec = spec_from_file_location(notebook.stem, notebook)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        self.graph = InternalApp(module.app).graph
        self.order = topological_sort(self.graph, self.graph.cells.keys())
        self.names: dict[str, Any] = {"__name__": "__main__", "__file__": str(notebook)}
        self.shown = self.run(self.order, self.names)

    def run(
        self, cells: Sequence[CellId_t], names: dict[str, Any], where: str = ""
    ) -> dict[CellId_t, Any]:
        """Run cells in this order, with these names. Gives what they show."""
        shown = {}
        for i in cells:
            cell = self.graph.cells[i]
            try:
                exec(cell.body or "", names)
                shown[i] = eval(cell.last_expr or "None", names)
            except Exception as error:
                what = f"raises {type(error).__name__}: {error}{where}"
                raise NotRecordable(f"{self.describe(i)} {what}") from error
        return shown

    def describe(self, cell: CellId_t) -> str:
        """Name a cell by its notebook and its first line."""
        first = self.graph.cells[cell].code.strip().splitlines()[0]
        return f"{self.notebook.name}: the cell '{first}'"

    def controls(self, named: Mapping[str, Sequence[Any]]) -> dict[str, Control]:
        """Return the notebook's controls, buttons aside."""
        found = {}
        for i in self.graph.cells:
            for name in sorted(self.graph.cells[i].defs):
                element = self.names.get(name)
                if isinstance(element, UIElement) and not isinstance(element, BUTTONS):
                    found[name] = _control(self.describe(i), name, element)
        for name, places in named.items():
            if name not in found:
                known = ", ".join(found) or "none"
                raise NotRecordable(
                    f"{self.notebook.name}: [places] names {name!r}, which is no control; "
                    f"there is {known}"
                )
            found[name] = _narrowed(self.notebook.name, found[name], places)
        return found

    def panels(self, controls: Mapping[str, Control]) -> dict[str, list[str]]:
        """Return the cells that show controls, each with their names."""
        panels: dict[str, list[str]] = {}
        for i, output in self.shown.items():
            cell = self.graph.cells[i]
            text = getattr(output, "text", "")
            places = {
                name: text.find(self.names[name].text)
                for name in controls
                if name in cell.defs | cell.refs
            }
            here = [name for name in controls if places.get(name, -1) >= 0]
            if here:
                panels[i] = sorted(here, key=places.__getitem__)
        return panels

    def following(self, name: str) -> set[CellId_t]:
        """Return the cells that run again when a control is moved."""
        using = {i for i, cell in self.graph.cells.items() if name in cell.refs}
        return using.union(*(self.graph.descendants(i) for i in using))

    def play(
        self, moved: Sequence[Control], followers: Sequence[CellId_t]
    ) -> dict[str, Played]:
        """Move controls through all their places, and keep what these cells show."""
        again = [i for i in self.order if any(i in self.following(c.name) for c in moved)]
        kept = {i: [output_of(self.shown[i])] for i in followers}
        states: dict[CellId_t, list[int]] = {i: [] for i in followers}
        for places in itertools.product(*(control.places for control in moved)):
            at = {
                control.name: _At(self.names[control.name], place)
                for control, place in zip(moved, places, strict=True)
            }
            where = " and ".join(f"{name} = {a.value!r}" for name, a in at.items())
            shown = self.run(again, self.names | at, f" at {where}")
            for i in followers:
                output = output_of(shown[i])
                if output not in kept[i]:
                    kept[i].append(output)
                states[i].append(kept[i].index(output))
        names = [control.name for control in moved]
        return {i: Played(names, states[i], kept[i]) for i in followers if len(kept[i]) > 1}


def output_of(shown: Any) -> Output:
    """Return what a cell shows as marimo's export has it."""
    if isinstance(shown, alt.TopLevelMixin):
        return {VEGA_LITE: shown.to_dict()}
    if hasattr(shown, "_repr_markdown_"):
        return {"text/markdown": shown._repr_markdown_()}
    formatted = try_format(shown)
    if formatted.mimetype == VEGA_LITE:
        return {VEGA_LITE: json.loads(formatted.data)}
    return {formatted.mimetype: formatted.data} if formatted.data else {}


def _control(where: str, name: str, element: Any) -> Control:
    """Return what a page needs to know of an element."""
    if element._on_change is not None:
        raise NotRecordable(f"{where} calls {name!r} back, which a page can't")
    if isinstance(element, mo.ui.slider | mo.ui.number):
        if (places := getattr(element, "steps", None)) is None:
            given: dict[str, Any] = element._component_args
            low, step = given["start"], given["step"] or 1
            count = 1 + round((given["stop"] - low) / step)
            places = [low + i * step for i in range(count)]
            # As they come from the browser, for which 1.0 is 1.
            places = [int(place) if place == int(place) else place for place in places]
        kind, words = "range", [f"{place:.10g}" for place in places]
    elif isinstance(element, mo.ui.switch | mo.ui.checkbox):
        kind, places, words = "switch", [False, True], ["off", "on"]
    elif isinstance(element, mo.ui.dropdown | mo.ui.radio):
        kind, places = "choice", [*element.options.values()]
        words = [*element.options]
    else:
        raise NotRecordable(
            f"{where} makes {name!r}, a {type(element).__name__}, which has no places: a "
            "page can have a slider, number, switch, checkbox, dropdown or radio"
        )
    start = places.index(element._initial_value)
    label = str(element._args.label or name)
    return Control(name, kind, label, [*places], words, start)


def _narrowed(notebook: str, control: Control, places: Sequence[Any]) -> Control:
    """Return a control that stands at some of its places alone."""
    start = control.places[control.start]
    for place in (*places, start):
        if place not in control.places or place not in places:
            why = "has no such place" if place not in control.places else "starts there"
            raise NotRecordable(
                f"{notebook}: [places] must have {place!r} of {control.name!r} if and only "
                f"if the control has it: it {why}"
            )
    kept = [i for i, place in enumerate(control.places) if place in places]
    return Control(
        control.name,
        control.kind,
        control.label,
        [control.places[i] for i in kept],
        [control.words[i] for i in kept],
        kept.index(control.start),
    )


def main() -> None:
    """Record a notebook: its path, the file to write, and the named places as JSON."""
    notebook, file, named = sys.argv[1:]
    try:
        record(Path(notebook), json.loads(named)).write(Path(file))
    except NotRecordable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
