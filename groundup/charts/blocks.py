"""What every chart is made of: its content, its axes by one rule, lines, names, points.

A block is one or a few Altair layers on named data. They are joined into a specification
once; the rows, and parameters such as an axis's ends and ticks, come from a result.
"""

import functools
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import altair as alt

Rows = list[dict[str, Any]]
Specification = dict[str, Any]
Points = Sequence[tuple[float, float]]

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#8C8C8C",
)
"""Okabe and Ito's colours that stand out on white and on black alike, and a grey."""


@dataclass(frozen=True)
class Content:
    """A chart: rows, parameters, a title and a description, and what they are put into.

    marimo and Jupyter show it as it is; `to_altair` gives what can be changed and saved.
    """

    specification: Specification
    """Vega-Lite, shared by all charts of its kind and never changed."""

    datasets: dict[str, Rows]
    title: str | Sequence[str]
    description: str
    params: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Content({self.description!a})"

    @property
    def complete(self) -> Specification:
        """The Vega-Lite specification with everything in it."""
        values = {"said": fitting_a_phone(self.title), **self.params}
        params = {name: {"name": name, "value": value} for name, value in values.items()}
        for control in self.specification.get("params", []):
            params[control["name"]] = params.get(control["name"], {}) | control
        return {
            **self.specification,
            "params": [*params.values()],
            "description": self.description,
            "datasets": rounded(self.datasets),
        }

    def to_altair(self) -> alt.LayerChart:
        """Return an Altair chart of this, checked by Altair, a copy."""
        chart: alt.LayerChart = alt.LayerChart.from_dict(self.complete)
        return chart

    def _mime_(self) -> tuple[str, str]:
        """Return what marimo shows."""
        text = json.dumps(self.complete, allow_nan=False)
        return "application/vnd.vegalite.v6+json", text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        """Return what Jupyter shows."""
        return self.to_altair()._repr_mimebundle_(include, exclude)


def rounded(data: Any) -> Any:
    """Keep four figures: processors differ in the last ones, and a page is to be small."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [rounded(value) for value in data]
    return float(f"{data:.4g}") if isinstance(data, float) else data


# The look.

PANELS = ([195.0, 0.0], [420.0, 225.0])
"""Two panels are one view with two vertical scales, each on its part of the height: a view,
unlike a concatenation of views, can be as wide as its container."""

LOOK: Specification = {
    "title": {"text": {"expr": "said"}},
    "width": "container",
    "height": 220,
    "autosize": {"type": "fit-x", "contains": "padding"},
    "padding": {"left": 5, "top": 5, "right": 12, "bottom": 5},
    "usermeta": {"embedOptions": {"actions": False}},
    "config": {
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "gridOpacity": 0.15,
            "domainOpacity": 0.3,
            "tickOpacity": 0.3,
            "labelFontSize": 11,
            "labelOverlap": "greedy",
            "labelSeparation": 6,
        },
        "axisX": {"grid": False},
        "axisY": {"minExtent": 34},
        "text": {"fontSize": 12, "fontWeight": 600},
        "title": {"anchor": "start", "fontSize": 14, "fontWeight": 600, "offset": 10},
    },
}
"""One look for the whole series: as wide as the prose, at home in light and dark.

A height that counts rows is a parameter, `height`, which Vega has anyway: of a height in
steps it warns, since such a chart could not fit its container from below.
"""


def on(data: str, **transform: Any) -> alt.Chart:
    """Return a chart of named rows that has no mark yet."""
    return alt.Chart(alt.NamedData(data), **transform)


def specify(*layers: alt.Chart | alt.LayerChart, **changed: Any) -> Specification:
    """Join layers in the series' look; what is given by name changes it: the height."""
    return {**alt.layer(*layers).to_dict(), **LOOK, **changed}


def panels(
    upper: Sequence[alt.Chart], lower: Sequence[alt.Chart], **common: Any
) -> Specification:
    """Stand one picture above another, over one horizontal axis and with common data."""
    both = alt.layer(alt.layer(*upper), alt.layer(*lower), **common)
    return specify(both.resolve_scale(y="independent"), height=420)


def nothing(*sentences: str) -> Content:
    """Return words in place of an empty plot."""
    title = wrapped(sentences or ["no runs, nothing trained"])
    said = f"An empty chart. {'; '.join(title)}."
    return Content(NOTHING, {"nothing": [{}]}, title, said)


WORDS = {"type": "text", "text": "nothing to draw", "fontSize": 13, "color": GREY}
NOTHING: Specification = {
    "$schema": alt.SCHEMA_URL,
    **LOOK,
    "data": {"name": "nothing"},
    "layer": [{"mark": WORDS}],
}


# Axes. Their ends and their ticks are parameters, named after the axis.

LABEL = (
    "datum.value == 0 ? '0' : abs(datum.value) < 1e-4 || abs(datum.value) >= 1e6 "
    "? format(datum.value, '~e') : format(datum.value, ',~g')"
)
"""A number as it is spoken, and a power of ten only where it would be a row of zeros."""


def axis(
    name: str, field: str, title: str | None, log: bool = False, panel: int | None = None
) -> Any:
    """Return an axis of its name: "x…" lies, any other one stands.

    Args:
        name: of its parameters: `{name}_ends` and `{name}_ticks`, see `ends`.
        field: the column that it shows.
        title: its words, with the unit.
        log: whether it is logarithmic.
        panel: 0 for the upper one of two, 1 for the lower.
    """
    lies = name.startswith("x")
    scale = alt.Scale(
        type="log" if log else "linear",
        domain=[alt.ExprRef(f"{name}_ends[{i}]") for i in (0, 1)],
        nice=False,
        zero=alt.Undefined if log else False,
        clamp=panel == 1,  # what is beyond its ends would stand in the upper panel
        range=alt.Undefined if panel is None else PANELS[panel],
    )
    ticks = alt.Axis(
        values=alt.ExprRef(f"{name}_ticks"),
        labelExpr=LABEL,
        orient="bottom" if lies else "left",
        grid=not lies,  # a second vertical axis would have none
    )
    channel = alt.X if lies else alt.Y
    return channel(f"{field}:Q", title=title, scale=scale, axis=ticks)


def ends(
    name: str,
    values: Iterable[float],
    log: bool = False,
    margin: float = 0.05,
    whole: bool = False,
    **given: float,
) -> dict[str, Any]:
    """Return an axis's parameters: it ends a little beyond its values, or at those given.

    Args:
        name: of the axis.
        values: what it is to show; those that are not finite don't count.
        log: whether it is logarithmic.
        margin: how far it goes beyond them, as a share of its length.
        whole: whether ticks stand at integers alone.
        **given: `low` and `high`, for ends of one's own.
    """
    seen = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [1.0, 10.0]
    into, back = _scale(log)
    low, high = into(min(seen)), into(max(seen))
    beyond = margin * (high - low or (1.0 if log else abs(high) or 1.0))
    low = given.get("low", back(low - beyond))
    high = given.get("high", back(high + beyond))
    ticks = log_ticks(low, high) if log else linear_ticks(low, high, whole)
    return {f"{name}_ends": [low, high], f"{name}_ticks": ticks}


def _scale(log: bool) -> Any:
    """Return the function that makes an axis linear, and its inverse."""
    return (math.log, math.exp) if log else (float, float)


def linear_ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """Return four to eight multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(m for m in (5, 2, 1) if m == 1 or (high - low) / (m * step) >= 4)
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5 of each decade where there are few, else decades, seven at most.

    Where there are fewer than three of them the ticks are even, as on a linear axis.
    """

    def within(ticks: Iterable[float]) -> list[float]:
        return [float(f"{t:.12g}") for t in ticks if low * 0.999 <= t <= high * 1.001]

    first, last = math.log10(low), math.log10(high)
    decades = range(math.floor(first), math.ceil(last) + 1)
    fine = within(m * 10.0**e for e in decades for m in (1, 2, 5))
    if len(fine) < 3:
        return linear_ticks(low, high)
    every = max(1, math.ceil((last - first) / 7))
    return fine if len(fine) <= 7 else within(10.0**e for e in decades if e % every == 0)


# Colours. The number of a line is its colour, in whatever chart and panel it stands.

HUE = alt.Color(
    "hue:O",
    legend=None,
    scale=alt.Scale(domain=list(range(len(PALETTE))), range=[*PALETTE]),
)


# Lines, and what stands at their ends.


class Line(NamedTuple):
    """A line's points from left to right, and what stands at its end."""

    points: Points
    label: str = ""
    """Stands outside of the plot; a long one inside, above the line before its end."""

    hue: int = 0
    dashed: bool = False
    """Whether it is a theory or a goal, which ends in no point."""


LONG = 16
"""Letters of a name that finds room beside a plot on a phone."""

ACROSS = 40
"""Letters that go from one side of a plot to the other there."""

DASH = alt.StrokeDash(
    "dashed:N", legend=None, scale=alt.Scale(domain=[False, True], range=[[1, 0], [6, 4]])
)


def lines(data: str, x: Any, y: Any, dots: bool = False) -> list[alt.Chart]:
    """Draw lines, with a point and words at the end of each: see `line_rows`.

    Args:
        data: the name of the rows.
        x: the horizontal axis.
        y: the vertical one.
        dots: whether each place of a line that is not dashed has a point.
    """
    tooltip = [
        alt.Tooltip("line:N"),
        alt.Tooltip("x:Q", title=x.to_dict().get("title") or "x", format=",.4~g"),
        alt.Tooltip("y:Q", title=y.to_dict().get("title") or "y", format=",.4~g"),
    ]
    order, place = alt.Order("order:Q"), y.copy()
    place["shorthand"] = "place:Q"
    words = on(f"ends of {data}").mark_text(
        align=alt.expr("datum.inside ? 'right' : 'left'"),
        dx=alt.expr("datum.inside ? -4 : 7"),
        dy=alt.expr("datum.inside ? -12 : 0"),
    )
    rows = on(data).mark_line(strokeWidth=alt.expr("datum.dashed ? 1.5 : 2.5"), clip=True)
    places, size = (data, 30) if dots else (f"ends of {data}", 45)
    dotted = points(places, x, y, size=size)
    return [
        rows.encode(x, y, HUE, DASH, order, detail="line:N", tooltip=tooltip),
        dotted.transform_filter("!datum.dashed").encode(tooltip=tooltip),
        words.encode(x, place, HUE, text="label:N"),
    ]


def line_rows(data: str, shown: Mapping[str, Line], log: bool = False) -> dict[str, Rows]:
    """Return the rows of `lines`, with places for their words where no two touch.

    Args:
        data: the name of the rows.
        shown: a line's name → the line. One without a point is left out.
        log: whether the vertical axis is logarithmic.
    """
    rows: Rows = []
    ends: Rows = []
    right = max((x for line in shown.values() for x, _ in line.points[-1:]), default=0)
    for name, (points, label, hue, dashed) in shown.items():
        look = {"line": name, "hue": hue % len(PALETTE), "dashed": dashed}
        rows += [{**look, "x": x, "y": y, "order": i} for i, (x, y) in enumerate(points)]
        for x, y in points[-1:] if label or not dashed else ():
            inside = len(label) > LONG and x > right / 2
            left = x - inside * right * len(label) / ACROSS
            under = [height for (_, height), (at, _) in pairwise(points) if at > left]
            place = max([y, *under])
            end = {"x": x, "y": y, "place": place, "label": label, "inside": inside}
            ends.append({**look, **end})
    places = spread_on([end["place"] for end in ends], [row["y"] for row in rows], log)
    ends = [{**end, "place": place} for end, place in zip(ends, places, strict=True)]
    return {data: rows, f"ends of {data}": ends}


def spread_on(
    values: Sequence[float], seen: Sequence[float], log: bool = False
) -> list[float]:
    """Move values apart, in their order, by a word's height on an axis that shows these."""
    into, back = _scale(log)
    heights = [into(value) for value in seen] or [0.0]
    gap = 0.09 * (max(heights) - min(heights) or 1.0)
    order = sorted(range(len(values)), key=values.__getitem__)
    placed = [into(values[i]) for i in order]
    for _ in range(50):
        for i in range(len(placed) - 1):
            overlap = max(0.0, gap - (placed[i + 1] - placed[i]))
            placed[i] -= overlap / 2
            placed[i + 1] += overlap / 2
    return [back(placed[order.index(i)]) for i in range(len(values))]


def points(data: str, x: Any, y: Any, **mark: Any) -> alt.Chart:
    """Draw points, each in the colour of its hue."""
    look: dict[str, Any] = {"filled": True, "size": 45, "opacity": 1, **mark}
    chart: alt.Chart = on(data).mark_point(**look).encode(x, y, HUE)
    return chart


# Lines over a common axis: most charts are that.


class Panel(NamedTuple):
    """A vertical axis, what is drawn beside it, and what is to be seen there."""

    name: str
    """Of the rows of its lines."""

    unit: str
    """The axis's words."""

    lines: Mapping[str, Line]
    title: Sequence[str]
    description: str
    log: bool = False
    dots: bool = False
    """See `lines`."""


def plot(across: str, *shown: Panel, log: bool = False) -> Content:
    """Draw a panel, or one above another, over an axis from 0 on or a logarithmic one."""
    datasets: dict[str, Rows] = {}
    params: dict[str, Any] = {}
    for name, panel in zip(AXES, shown, strict=False):
        datasets |= line_rows(panel.name, panel.lines, panel.log)
        params |= ends(name, [row["y"] for row in datasets[panel.name]], panel.log)
    right = [row["x"] for panel in shown for row in datasets[panel.name]]
    if log:
        params |= ends("x", right, log, margin=0.02)
    else:
        last = math.ceil(max(right, default=0))
        params |= ends("x", [0, last], margin=0, whole=True)
    title = [line for panel in shown for line in panel.title]
    said = " ".join(panel.description for panel in shown)
    kinds = [(panel.name, panel.unit, panel.log, panel.dots) for panel in shown]
    return Content(_plot(across, log, *kinds), datasets, title, said, params)


AXES = ("y", "lower")


@functools.cache
def _plot(across: str, log_x: bool, *kinds: tuple[str, str, bool, bool]) -> Specification:
    drawn = []
    for i, (name, unit, log, dots) in enumerate(kinds):
        y = axis(AXES[i], "y", unit, log, panel=i if len(kinds) > 1 else None)
        drawn.append(lines(name, axis("x", "x", across, log_x), y, dots))
    return panels(drawn[0], drawn[1]) if len(drawn) > 1 else specify(*drawn[0])


# Explorers: charts with sliders of their own, which Vega answers in the reader's browser.

GHOST: dict[str, Any] = {"clip": True, "strokeWidth": 1, "opacity": 0.4, "color": GREY}
CHOSEN: dict[str, Any] = {"clip": True, "strokeWidth": 3, "color": BLUE}
"""The looks of the runs that could be chosen, and of the one that is."""


def chosen_run(
    run: alt.Chart, last: alt.Chart, name: str, color: str, **words: Any
) -> list[alt.Chart]:
    """Draw the chosen run, and a point and its name at its end.

    Args:
        run: its rows.
        last: the row at its end.
        name: what it is called there.
        color: of all three.
        words: how the name stands: `align`, `dx` and `dy`.
    """
    return [
        run.mark_line(**CHOSEN | {"color": color}),
        last.mark_point(filled=True, size=50, opacity=1, color=color),
        last.mark_text(color=color, text=name, **words),
    ]


def explorer(
    picture: Specification, controls: Rows, title: str, end: str = "", **derived: str
) -> Specification:
    """Give a picture controls, and a title that speaks with them.

    Args:
        picture: what they change.
        controls: see `slider` and `choice`. Their first values are the content's.
        title: an expression for a list of lines.
        end: an expression, for an axis "x" that goes from 0 to where a control says.
        **derived: a name → the expression that gives it.
    """
    if end:
        derived["x_ends"] = f"[0, {end}]"
        derived["x_ticks"] = f"sequence(0, {end} + 1, max(1, round({end} / 6)))"
    params = controls + [{"name": name, "expr": expr} for name, expr in derived.items()]
    return {**picture, "title": {"text": {"expr": title}}, "params": params}


def key(entries: Mapping[str, str], top: int = 8) -> list[alt.Chart]:
    """Name lines that end wherever a slider says, by words in the plot's corner.

    Args:
        entries: the words → their colour.
        top: where the first of them stands, in pixels.
    """
    one = alt.Chart(alt.sequence(1))
    return [
        one.mark_text(align="right", color=color, text=words).encode(
            x=alt.value(alt.expr("width")), y=alt.value(top + 16 * i)
        )
        for i, (words, color) in enumerate(entries.items())
    ]


def calculate(name: str, expression: str) -> dict[str, str]:
    """Return a column that Vega computes."""
    return {"calculate": expression, "as": name}


def unfold(column: str, run: str) -> list[dict[str, Any]]:
    """Turn a row with a list of losses into rows of a `loss` and a `position`, from 1."""
    count = {"op": "row_number", "as": "position"}
    return [
        {"flatten": [column], "as": ["loss"]},
        {"window": [count], "groupby": [run]},
    ]


def framed(losses: Sequence[float], highest: float) -> list[float]:
    """Cut a run where it leaves the chart, one point beyond the frame."""
    end = next((i for i, v in enumerate(losses) if not v <= highest), len(losses))
    beyond = 1000 * highest  # JSON has no infinity
    return [min(v, beyond) if math.isfinite(v) else beyond for v in losses[: end + 1]]


def slider(name: str, label: str, low: float, high: float, step: float) -> dict[str, Any]:
    """Return a slider; the number beside a `…_place` is hidden, the title says it."""
    bind = {"input": "range", "min": low, "max": high, "step": step, "name": f"{label} "}
    return {"name": name, "bind": bind}


def choice(name: str, label: str, options: Sequence[Any]) -> dict[str, Any]:
    """Return a list to choose from."""
    bind = {"input": "select", "options": [*options], "name": f"{label} "}
    return {"name": name, "bind": bind}


# Words.


def number(value: float) -> str:
    """Write a number with three figures that count, and a power of ten where need be."""
    words = f"{value:,.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"
    return words.replace("e+0", "e+").replace("e-0", "e-").replace("-", "−")


def times(ratio: float) -> str:
    """Put a ratio in words: "1.04 ×", and "46 ×" where hundredths would be chance."""
    return f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:,.0f} ×"


LINE = 40
"""Characters of a title. On a phone a longer line would take its width from the chart."""


def fitting_a_phone(title: str | Sequence[str]) -> list[str]:
    """Break lines that are too long: after a comma or a colon, or else in equal parts."""
    told: list[str] = []
    for line in [title] if isinstance(title, str) else title:
        ways = [
            textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
            for width in range(1, LINE + 1)
        ]
        fewest = [way for way in ways if len(way) == len(ways[-1])]
        told += max(fewest, key=lambda way: [part[-1] in ",:" for part in way])
    return told


def wrapped(sentences: Sequence[str]) -> list[str]:
    """Set sentences in as few lines as fit a phone, each line with a capital."""
    told: list[str] = []
    for sentence in sentences:
        if told and len(told[-1]) + len(sentence) + 3 <= LINE:
            told[-1] += f" · {sentence}"
        else:
            told.append(sentence)
    return [line[:1].upper() + line[1:] for line in told]


def shape(values: Sequence[float]) -> str:
    """Tell the course of a curve, not its ends alone: for those who don't see it."""
    first, last, least, most = values[0], values[-1], min(values), max(values)
    if least == most:
        return f"stays at {number(first)}"
    if last == least:
        near = next(i for i, v in enumerate(values) if v <= (first + last) / 2)
        way = f"half of the way in {near} of {len(values) - 1} steps"
        return f"falls from {number(first)} to {number(last)}, {way}"
    if first == least:
        return f"rises from {number(first)} to {number(most)}, ends at {number(last)}"
    low = f"{number(least)}, in step {values.index(least)} of {len(values) - 1}"
    return f"falls from {number(first)} to its least, {low}, ends at {number(last)}"
