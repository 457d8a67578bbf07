"""The costs of several contenders on the same job."""

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
    # Room for the names is fixed: an image's reader may have a wider font than its maker.
    names = alt.Axis(minExtent=96, labelLimit=160, ticks=False, domain=False)
    row = alt.Y("contender:N", title=None, sort=None, axis=names)
    color = alt.condition("datum.ours", alt.value(VERMILION), alt.value(BLUE))
    contender = alt.Chart(alt.NamedData("ratios")).encode(ratio, row, color=color)
    return specify(
        alt.Chart(alt.NamedData("reference"))
        .mark_rule(strokeDash=[4, 4], color=GREY)
        .encode(ratio),
        contender.mark_rule(strokeWidth=2, opacity=0.4).encode(x2="reference:Q"),
        contender.mark_point(filled=True, size=90, opacity=1),
        contender.mark_text(align="left", dx=9, fontSize=12, fontWeight=600).encode(
            text="label:N"
        ),
        height=26 * contenders,
        right=24,
    )


def times(ratio: float) -> str:
    """Put a ratio in words: "1.04 ×", and "46 ×" where hundredths would be chance."""
    return f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:,.0f} ×"


@Drawing
def ratios(measured: Mapping[str, float], title: str, ours: str = "groundup") -> Content:
    """Draw each contender's time in the reference's, on a log axis, the fastest first.

    Args:
        measured: a contender → its ratio.
        title: what is to be seen.
        ours: the contender in another colour.
    """
    rows: Rows = [
        {
            "contender": name,
            "ratio": ratio,
            "reference": 1,
            "label": times(ratio),
            "ours": name == ours,
        }
        for name, ratio in sorted(measured.items(), key=lambda item: item[1])
    ]
    return Content(
        _ratios_specification(len(rows)),
        {"ratios": rows, "reference": [{"ratio": 1}]},
        title,
        f"{title}: "
        + ", ".join(f"{row['contender']} {row['label']}" for row in rows)
        + ".",
    )
