"""One look for all charts, and specifications that are made once and filled many times."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec

import altair as alt

Rows = list[dict[Any, Any]]
Specification = dict[str, Any]
P = ParamSpec("P")

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = PALETTE = [
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#8C8C8C",
]
"""Okabe and Ito's colours that stand out on white and on black alike, and a grey."""

EPOCHS_AXIS = alt.Axis(labelExpr="datum.value % 1 ? '' : '' + datum.value", tickMinStep=1)
"""An axis with no label between two epochs."""


@dataclass(frozen=True)
class Content:
    """A chart's rows, title and description, and the specification that they go into."""

    specification: Specification
    datasets: dict[str, Rows]
    title: str | list[str] | dict[str, Any]
    description: str

    def __repr__(self) -> str:
        return f"Content({self.description!a})"

    @property
    def complete(self) -> Specification:
        """The Vega-Lite specification with everything in it."""
        texts = {"title": self.title, "description": self.description}
        return {**self.specification, **texts, "datasets": self.datasets}

    def _mime_(self) -> tuple[str, str]:
        """Return what marimo shows."""
        return "application/vnd.vegalite.v6+json", json.dumps(
            self.complete, allow_nan=False
        )


class Drawing(Generic[P]):
    """A kind of chart; called with results it gives one to be shown, saved or changed."""

    def __init__(self, content: Callable[P, Content]) -> None:
        self.content = content
        functools.update_wrapper(self, content)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> alt.LayerChart:
        """Return an Altair chart of these results."""
        chart: alt.LayerChart = alt.LayerChart.from_dict(
            self.content(*args, **kwargs).complete
        )
        return chart

    def show(self, *args: P.args, **kwargs: P.kwargs) -> Content:
        """Return the same picture as a cell's output, at once: without Altair's checks."""
        return self.content(*args, **kwargs)


LOOK: Specification = {
    "width": "container",
    "autosize": {"type": "fit-x", "contains": "padding"},
    "usermeta": {"embedOptions": {"actions": False}},
    "config": {
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "gridOpacity": 0.15,
            "domainOpacity": 0.3,
            "tickOpacity": 0.3,
            "labelFontSize": 11,
        },
        "axisX": {"grid": False},
        "title": {"anchor": "start", "fontSize": 14, "fontWeight": 600, "offset": 10},
    },
}
"""One look for the whole series: as wide as the prose, at home in light and dark."""


def specify(
    *layers: alt.Chart | alt.LayerChart, height: int = 220, right: int = 12
) -> Specification:
    """Join layers in the series' look, with `right` pixels for names at the lines' ends."""
    padding = {"left": 5, "top": 5, "right": right, "bottom": 5}
    # Altair copies a whole chart for each property that is set; its dictionary takes all.
    return {**alt.layer(*layers).to_dict(), **LOOK, "height": height, "padding": padding}


# Two panels are one view with two vertical scales, each on its part of the height: a view,
# unlike a concatenation of views, can be as wide as its container.
PANELS_HEIGHT = 420
UPPER_PANEL = [195.0, 0.0]
LOWER_PANEL = [420.0, 225.0]


def calculate(name: str, expression: str) -> alt.CalculateTransform:
    """Return a column that Vega computes in the reader's browser."""
    return alt.CalculateTransform(calculate=expression, **{"as": name})


def unfold_losses(run: str) -> list[alt.FlattenTransform | alt.WindowTransform]:
    """Turn a row with a list `losses` into rows of a `loss` and a `position` in the `run`.

    Positions count from 1.
    """
    return [
        alt.FlattenTransform(flatten=["losses"], **{"as": ["loss"]}),
        alt.WindowTransform(
            window=[alt.WindowFieldDef.from_dict({"op": "row_number", "as": "position"})],
            groupby=[run],
        ),
    ]


def loss_scale(log: bool, panel: list[float] | None = None) -> alt.Scale:
    """Return a log scale where it can be, else a linear one that need not start at zero."""
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False)
    return scale if panel is None else alt.Scale(**scale.to_dict(), range=panel)


@functools.cache
def _nothing() -> Specification:
    words = (
        alt.Chart(alt.NamedData("nothing"))
        .mark_text(fontSize=13, color=GREY)
        .encode(text="label:N")
    )
    return specify(words)


def nothing(title: str | list[str]) -> Content:
    """Return words in place of an empty plot."""
    words = title if isinstance(title, str) else "; ".join(title)
    return Content(
        _nothing(),
        {"nothing": [{"label": "nothing to draw"}]},
        title,
        f"An empty chart. {words}.",
    )


def number(value: float) -> str:
    """Write a number with three figures that count, and a power of ten where need be."""
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"
