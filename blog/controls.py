"""Which of marimo's elements a page can have: those that stand at few places."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import marimo as mo

MOST_PLACES = 500
"""Of one control, and of those that one cell follows from, multiplied."""

NOTHING = "–"
"""What is said where nothing is chosen."""

POSSIBLE = (
    "a page can have a slider, range_slider, number with two ends, switch, checkbox, "
    "dropdown, radio or multiselect"
)

VIEWS = mo.ui.altair_chart | mo.ui.table | mo.ui.tabs
"""What a page shows as it is, if no cell asks what its reader did there."""

Element: Any = mo.ui.switch.__mro__[1]
"""What all elements derive from; marimo has no public name for it."""


class NotRecordable(Exception):
    """A control that a page can't have, or a place where a cell fails; in words."""


@dataclass(frozen=True)
class Control:
    """A slider, a switch or a choice among some."""

    name: str
    """The notebook's variable."""

    kind: str
    """`range`, `span`, `switch`, `choice`, `radio` or `several`."""

    label: str
    """In Markdown."""

    places: list[Any]
    """Its values; of an option that is no number or text its name."""

    words: list[str]
    """What stands beside it at each."""

    start: int
    """The place where it stands at first."""

    sent: list[Any]
    """What marimo's front end sends for each."""


def control_of(name: str, element: Any) -> Control:
    """Return what a page needs to know of an element.

    Raises:
        NotRecordable: if it has no places, or too many to be told.
    """
    if element._on_change is not None:
        raise NotRecordable(f"calls {name!r} back, which a page can't")
    kind, sent, words = _places(name, element)
    values = []
    now = element.value
    for place in sent:
        # As marimo does it when the front end sends one; there is no public way.
        values.append(element._convert_value(place))
    here = [i for i, v in enumerate(values) if v is now or (_plain(v) and v == now)]
    if not here:
        raise NotRecordable(f"has {name!r} stand at {now!r}, which is none of its places")
    start = here[0]
    element._convert_value(sent[start])  # a dropdown notes which key was converted last
    plain = [_plain(v) for v in values]
    places = [v if fits else w for v, w, fits in zip(values, words, plain, strict=True)]
    label = str(element._args.label or name)
    return Control(name, kind, label, places, words, start, sent)


def kind_of(element: Any) -> str:
    """Return what an element is, with its article."""
    name = type(element).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _places(name: str, element: Any) -> tuple[str, list[Any], list[str]]:
    """Return an element's kind, what its front end sends, and the words for each."""
    if isinstance(element, mo.ui.switch | mo.ui.checkbox):
        return "switch", [False, True], ["off", "on"]
    if isinstance(element, mo.ui.slider | mo.ui.number):
        steps = _steps(name, element)
        sent = [*range(len(steps))] if getattr(element, "steps", None) else steps
        return "range", sent, [f"{step:.10g}" for step in steps]
    if isinstance(element, mo.ui.range_slider):
        steps = _steps(name, element)
        ends = [*itertools.combinations_with_replacement(range(len(steps)), 2)]
        by_index = element.steps is not None
        sent = [[i, j] if by_index else [steps[i], steps[j]] for i, j in ends]
        return "span", sent, [f"{steps[i]:.10g} to {steps[j]:.10g}" for i, j in ends]
    if isinstance(element, mo.ui.dropdown):
        keys = [*element.options]
        none = bool(element._component_args["allow-select-none"]) or element.value is None
        return "choice", [[]] * none + [[k] for k in keys], [NOTHING] * none + keys
    if isinstance(element, mo.ui.radio):
        keys = [*element.options]
        none = element.value is None
        return "radio", [None] * none + keys, [NOTHING] * none + keys
    if isinstance(element, mo.ui.multiselect):
        keys = [*element.options]
        most = element._component_args["max-selections"]
        if 2 ** len(keys) > MOST_PLACES or most is not None:
            raise NotRecordable(
                f"makes {name!r}, a multiselect of {len(keys)} options, which is too many, "
                "or has a limit: a page can have all of up to eight"
            )
        # Option i is chosen where bit i of a place's number is set.
        sets = [
            [k for i, k in enumerate(keys) if n >> i & 1] for n in range(2 ** len(keys))
        ]
        return "several", [*sets], [", ".join(some) or NOTHING for some in sets]
    raise NotRecordable(
        f"makes {name!r}, {kind_of(element)}, which has no places: {POSSIBLE}"
    )


def _steps(name: str, element: Any) -> list[Any]:
    """Return where a slider can stand."""
    if getattr(element, "steps", None) is not None:
        return [*element.steps]
    low, high, step = element.start, element.stop, element.step or 1
    if low is None or high is None:
        raise NotRecordable(f"makes {name!r}, a number without start and stop: {POSSIBLE}")
    count = 1 + math.floor((high - low) / step + 1e-9)
    return [_short(low + i * step) for i in range(count)]


def _short(number: float) -> float:
    """Return a number as it comes from a browser: 0.3 of 3 × 0.1, and 1 of 1.0."""
    number = round(number, 10)
    return int(number) if number == int(number) else number


def narrowed(control: Control, places: Sequence[Any]) -> Control:
    """Return a control that stands at some of its places alone.

    Raises:
        NotRecordable: if it has no such place, or doesn't start at one.
    """
    start = control.places[control.start]
    for place in (*places, start):
        if place not in control.places or place not in places:
            why = "has no such place" if place not in control.places else "starts there"
            raise NotRecordable(
                f"[places] must have {place!r} of {control.name!r} if and only "
                f"if the control has it: it {why}"
            )
    kept = [i for i, place in enumerate(control.places) if place in places]
    whole = control.kind in ("several", "span") and len(kept) < len(control.places)
    return replace(
        control,
        kind="choice" if whole else control.kind,
        places=[control.places[i] for i in kept],
        words=[control.words[i] for i in kept],
        sent=[control.sent[i] for i in kept],
        start=kept.index(control.start),
    )
