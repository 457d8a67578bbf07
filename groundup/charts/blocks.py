"""What every chart is made of: its content, its axes by one rule, lines, names, points.

A block is one or a few Altair layers on named data. They are joined into a specification
once; the rows, and parameters such as an axis's ends and ticks, come from a result.
"""

import functools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import altair as alt

Rows = list[dict[str, Any]]
Specification = dict[str, Any]

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
        values = {"said": self.title, **self.params}
        controls = self.specification.get("params", [])
        named = {control["name"] for control in controls}
        params = [{"name": n, "value": v} for n, v in values.items() if n not in named]
        return {
            "title": {"text": {"expr": "said"}},
            **self.specification,
            "params": params + [{**c, **_value(values, c["name"])} for c in controls],
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


def _value(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"value": values[name]} if name in values else {}


def rounded(data: Any) -> Any:
    """Keep four figures: processors differ in the last ones, and a page is to be small."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [rounded(value) for value in data]
    return float(f"{data:.4g}") if isinstance(data, float) else data


def nothing(*sentences: str) -> Content:
    """Return words in place of an empty plot."""
    rows = [{"label": "nothing to draw"}]
    title = wrapped(sentences or ["no runs, nothing trained"])
    return Content(
        _nothing(), {"nothing": rows}, title, f"An empty chart. {'; '.join(title)}."
    )


@functools.cache
def _nothing() -> Specification:
    words = alt.Chart(alt.NamedData("nothing")).mark_text(fontSize=13, color=GREY)
    return specify(words.encode(text="label:N"))


# The look.

PANELS = ([195.0, 0.0], [420.0, 225.0])
"""Two panels are one view with two vertical scales, each on its part of the height: a view,
unlike a concatenation of views, can be as wide as its container."""

LOOK: Specification = {
    "width": "container",
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
"""One look for the whole series: as wide as the prose, at home in light and dark."""


def specify(*layers: alt.Chart | alt.LayerChart, **changed: Any) -> Specification:
    """Join layers in the series' look; what is given by name changes it: the height."""
    return {**alt.layer(*layers).to_dict(), **LOOK, "height": 220, **changed}


def panels(
    upper: Sequence[alt.Chart], lower: Sequence[alt.Chart], **common: Any
) -> Specification:
    """Stand one picture above another, over one horizontal axis and with common data."""
    both = alt.layer(alt.layer(*upper), alt.layer(*lower), **common)
    return specify(both.resolve_scale(y="independent"), height=420)


# Axes. Their ends and their ticks are parameters, named after the axis.

LABEL = (
    "datum.value == 0 ? '0' : abs(datum.value) < 1e-4 || abs(datum.value) >= 1e6 "
    "? format(datum.value, '~e') : format(datum.value, ',~g')"
)
"""A number as it is spoken, and a power of ten only where it would be a row of zeros."""


def axis(
    name: str,
    field: str,
    title: str | None,
    log: bool = False,
    panel: int | None = None,
    clamp: bool = False,
) -> Any:
    """Return an axis of its name: "x…" lies, any other one stands.

    Args:
        name: of its parameters: `{name}_ends` and `{name}_ticks`, see `ends`.
        field: the column that it shows.
        title: its words, with the unit.
        log: whether it is logarithmic.
        panel: 0 for the upper one of two, 1 for the lower.
        clamp: whether what is beyond its ends stands at them, not in the other panel.
    """
    lies = name.startswith("x")
    scale = alt.Scale(
        type="log" if log else "linear",
        domain=[alt.ExprRef(f"{name}_ends[{i}]") for i in (0, 1)],
        nice=False,
        zero=alt.Undefined if log else False,
        clamp=clamp,
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
    name: str, values: Iterable[float], log: bool = False, **how: Any
) -> dict[str, Any]:
    """Return an axis's parameters: it ends a little beyond its values, or at those given.

    Args:
        name: of the axis.
        values: what it is to show; those that are not finite don't count.
        log: whether it is logarithmic.
        **how: `whole` for ticks at integers alone, `margin` as a share of the length,
            `low` and `high` for ends of one's own.
    """
    seen = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    low, high = (min(seen), max(seen)) if seen else (1.0, 10.0)
    into, back = (math.log, math.exp) if log else (float, float)
    margin = how.get("margin", 0.05) * (
        into(high) - into(low) or (1.0 if log else abs(high) or 1.0)
    )
    low, high = (
        how.get("low", back(into(low) - margin)),
        how.get("high", back(into(high) + margin)),
    )
    marks = (
        log_ticks(low, high) if log else linear_ticks(low, high, how.get("whole", False))
    )
    return {f"{name}_ends": [low, high], f"{name}_ticks": marks}


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
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    fine = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
    fine = [float(f"{tick:.12g}") for tick in fine if low * 0.999 <= tick <= high * 1.001]
    if len(fine) < 3:
        return linear_ticks(low, high)
    if len(fine) <= 7:
        return fine
    every = max(1, math.ceil((math.log10(high) - math.log10(low)) / 7))
    decades = [10.0**e for e in range(first, last + 1) if e % every == 0]
    return [
        float(f"{tick:.12g}") for tick in decades if low * 0.999 <= tick <= high * 1.001
    ]


# Colours. The number of a line is its colour, in whatever chart and panel it stands.

HUE = alt.Color(
    "hue:O",
    legend=None,
    scale=alt.Scale(domain=list(range(len(PALETTE))), range=[*PALETTE]),
)


# Lines, and what stands at their ends.


class Line(NamedTuple):
    """A line's points from left to right, and what stands at its end."""

    points: Sequence[tuple[float, float]]
    label: str = ""
    """Stands outside of the plot; a long one inside, before the end."""

    hue: int = 0
    dashed: bool = False


LONG = 16
"""Letters of a name that finds room beside a plot on a phone."""

DASH = alt.StrokeDash(
    "dashed:N", legend=None, scale=alt.Scale(domain=[False, True], range=[[1, 0], [6, 4]])
)


def lines(data: str, x: Any, y: Any) -> list[alt.Chart]:
    """Draw lines, with a point and words at the end of each: see `line_rows`."""
    tooltip = [
        alt.Tooltip("line:N"),
        alt.Tooltip("x:Q", title=x.to_dict().get("title") or "x", format=",.4~g"),
        alt.Tooltip("y:Q", title=y.to_dict().get("title") or "y", format=",.4~g"),
    ]
    rows = alt.Chart(alt.NamedData(data)).mark_line(strokeWidth=2.5, clip=True)
    at_end = alt.Chart(alt.NamedData(f"ends of {data}")).encode(x, y, HUE)
    point = at_end.transform_filter("!datum.dashed").mark_point(
        filled=True, size=45, opacity=1
    )
    words = at_end.mark_text(
        align=alt.expr("datum.inside ? 'right' : 'left'"),
        dx=alt.expr("datum.inside ? -4 : 7"),
        dy=alt.expr("datum.inside ? -12 : 0"),
    ).encode(_column(y, "place"), text="label:N")
    order = alt.Order("order:Q")
    return [
        rows.encode(x, y, HUE, DASH, order, detail="line:N", tooltip=tooltip),
        point.encode(tooltip=tooltip),
        words,
    ]


def _column(channel: Any, name: str) -> Any:
    """Return the same axis for another column."""
    other = channel.copy()
    other["shorthand"] = f"{name}:Q"
    return other


def line_rows(data: str, shown: Mapping[str, Line], log: bool = False) -> dict[str, Rows]:
    """Return the rows of `lines`, with places for their words where no two touch.

    Args:
        data: the name of the rows.
        shown: a line's name → the line. One without a point is left out.
        log: whether the vertical axis is logarithmic.
    """
    drawn = {name: line for name, line in shown.items() if line.points}
    rows = [
        {**_of(name, line), "x": x, "y": y, "order": i}
        for name, line in drawn.items()
        for i, (x, y) in enumerate(line.points)
    ]
    last = [line.points[-1] for line in drawn.values()]
    middle = max((x for x, _ in last), default=0) / 2
    places = spread_on([y for _, y in last], [row["y"] for row in rows], log)
    ends = [
        {
            **_of(name, line),
            "x": x,
            "y": y,
            "place": place,
            "label": line.label,
            "inside": len(line.label) > LONG and x > middle,
        }
        for (name, line), (x, y), place in zip(drawn.items(), last, places, strict=True)
    ]
    return {data: rows, f"ends of {data}": ends}


def _of(name: str, line: Line) -> dict[str, Any]:
    return {"line": name, "hue": line.hue % len(PALETTE), "dashed": line.dashed}


def spread_on(
    values: Sequence[float], seen: Sequence[float], log: bool = False
) -> list[float]:
    """Move values apart by the height of a word, on an axis that shows what is seen."""
    into, back = (math.log, math.exp) if log else (float, float)
    heights = [into(value) for value in seen]
    near = 0.09 * ((max(heights) - min(heights)) or 1.0) if heights else 1.0
    return [back(place) for place in spread([into(value) for value in values], near)]


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Move values apart, in their order, until neighbours are `gap` from one another."""
    order = sorted(range(len(values)), key=values.__getitem__)
    placed = [values[i] for i in order]
    for _ in range(50):
        for low in range(len(placed) - 1):
            overlap = gap - (placed[low + 1] - placed[low])
            if overlap > 1e-9:
                placed[low] -= overlap / 2
                placed[low + 1] += overlap / 2
    apart = list(values)
    for position, i in zip(placed, order, strict=True):
        apart[i] = position
    return apart


def points(data: str, x: Any, y: Any, **mark: Any) -> alt.Chart:
    """Draw points, each in the colour of its hue."""
    look: dict[str, Any] = {"filled": True, "size": 45, "opacity": 1, **mark}
    chart: alt.Chart = alt.Chart(alt.NamedData(data)).mark_point(**look).encode(x, y, HUE)
    return chart


def rule(data: str, place: Any) -> alt.Chart:
    """Draw dashed rules across the plot, each in the colour of its hue."""
    rules = alt.Chart(alt.NamedData(data)).mark_rule(strokeDash=[4, 4], opacity=0.8)
    chart: alt.Chart = rules.encode(place, HUE)
    return chart


# Explorers: charts with sliders of their own, which Vega answers in the reader's browser.


def calculate(name: str, expression: str) -> alt.CalculateTransform:
    """Return a column that Vega computes."""
    return alt.CalculateTransform(calculate=expression, **{"as": name})


def unfold(column: str, run: str) -> list[alt.FlattenTransform | alt.WindowTransform]:
    """Turn a row with a list of losses into rows of a `loss` and a `position`, from 1."""
    return [
        alt.FlattenTransform(flatten=[column], **{"as": ["loss"]}),
        alt.WindowTransform(
            window=[alt.WindowFieldDef.from_dict({"op": "row_number", "as": "position"})],
            groupby=[run],
        ),
    ]


def slider(name: str, label: str, low: float, high: float, step: float) -> dict[str, Any]:
    """Return a slider; the number beside a `…_place` is hidden, the title says it."""
    bind = {"input": "range", "min": low, "max": high, "step": step, "name": f"{label} "}
    return {"name": name, "bind": bind}


def choice(name: str, label: str, options: Sequence[Any]) -> dict[str, Any]:
    """Return a list to choose from."""
    return {
        "name": name,
        "bind": {"input": "select", "options": [*options], "name": f"{label} "},
    }


# Words.


def number(value: float) -> str:
    """Write a number with three figures that count, and a power of ten where need be."""
    words = f"{value:,.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"
    return words.replace("e+0", "e+").replace("e-0", "e-").replace("-", "−")


def times(ratio: float) -> str:
    """Put a ratio in words: "1.04 ×", and "46 ×" where hundredths would be chance."""
    return f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:,.0f} ×"


def wrapped(sentences: Sequence[str], width: int = 46) -> list[str]:
    """Set sentences in as few lines as fit a phone, each line with a capital."""
    told: list[str] = []
    for sentence in sentences:
        if told and len(told[-1]) + len(sentence) + 3 <= width:
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
