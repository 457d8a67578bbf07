"""What contenders cost on the same job."""

from collections.abc import Mapping
from functools import cache

import altair as alt

from groundup.charts.drawing import (
    BLUE,
    GREY,
    VERMILION,
    Content,
    Drawing,
    Rows,
    Specification,
    specify,
)


@cache
def _ratios_specification(contenders: int) -> Specification:
    ratio = alt.X(
        "ratio:Q",
        title=None,
        scale=alt.Scale(type="log", nice=False, padding=50),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    row = alt.Y("contender:N", title=None, sort=None, axis=alt.Axis(labelLimit=160))
    color = alt.condition("datum.ours", alt.value(VERMILION), alt.value(BLUE))
    points = alt.Chart(alt.NamedData("ratios")).encode(ratio, row)
    return specify(
        alt.Chart(alt.NamedData("reference"))
        .mark_rule(strokeDash=[4, 4], color=GREY)
        .encode(ratio),
        points.mark_point(filled=True, size=90, opacity=1).encode(color=color),
        points.mark_text(align="left", dx=9, fontSize=12, fontWeight=600).encode(
            text="label:N", color=color
        ),
        height=26 * contenders,
    )


@Drawing
def ratios(measured: Mapping[str, float], title: str, ours: str = "groundup") -> Content:
    """How many times the reference's time each contender takes, on a log axis.

    Args:
        measured: a contender → its ratio.
        title: what is to be seen.
        ours: the contender in another colour.
    """
    rows: Rows = [
        {
            "contender": name,
            "ratio": ratio,
            "label": f"{ratio:.2f}",
            "ours": name == ours,
        }
        for name, ratio in measured.items()
    ]
    return Content(
        _ratios_specification(len(rows)),
        {"ratios": rows, "reference": [{"ratio": 1}]},
        title,
        f"{title}: "
        + ", ".join(f"{row['contender']} {row['label']}" for row in rows)
        + ".",
    )
