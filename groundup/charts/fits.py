"""Samples of one feature, and the curves that models lay through them."""

import math
from collections.abc import Mapping
from functools import cache

import altair as alt
from torch import Tensor

from groundup._checks import check_all_finite
from groundup.charts.drawing import (
    BLUE,
    GREY,
    PALETTE,
    VERMILION,
    Content,
    Drawing,
    Specification,
    specify,
)


@cache
def _fit_specification(names: tuple[str, ...]) -> Specification:
    x = alt.X("x:Q", title="x", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=7))
    y = alt.Y("y:Q", title="y", axis=alt.Axis(tickCount=5))
    color = alt.Color(
        "curve:N",
        legend=None,
        scale=alt.Scale(
            domain=list(names), range=[VERMILION, BLUE, *PALETTE[1:3]][: len(names)]
        ),
    )
    return specify(
        alt.Chart(alt.NamedData("samples"))
        .mark_point(filled=True, size=16, color=GREY, opacity=0.45)
        .encode(x, y),
        alt.Chart(alt.NamedData("curves")).mark_line(strokeWidth=3).encode(x, y, color),
        alt.Chart(alt.NamedData("labels"))
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600)
        .encode(x, y, text="curve:N", color=color),
        right=50,
    )


@Drawing
def fit(X: Tensor, y: Tensor, curves: Mapping[str, Tensor], title: str = "") -> Content:
    """Draw samples of one feature, and what models predict for them.

    Args:
        X: the feature, shape `(n, 1)`.
        y: targets, shape `(n, 1)`.
        curves: a name → predictions for `X`, shape `(n, 1)`; those that are not finite are
            left out.
        title: what is to be seen.

    Raises:
        ValueError: if `X` or `y` is not finite.
    """
    check_all_finite("X", X)
    check_all_finite("y", y)
    order = X.flatten().argsort()
    xs = X.flatten()[order].tolist()
    # Every fourth sample draws the same curve with a quarter of the rows.
    drawn = {
        name: [
            {"curve": name, "x": a, "y": b}
            for i, (a, b) in enumerate(
                zip(xs, values.detach().flatten()[order].tolist(), strict=True)
            )
            if math.isfinite(b) and (i % 4 == 0 or i == len(xs) - 1)
        ]
        for name, values in curves.items()
    }
    return Content(
        _fit_specification(tuple(curves)),
        {
            "samples": [
                {"x": a, "y": b}
                for a, b in zip(X.flatten().tolist(), y.flatten().tolist(), strict=True)
            ],
            "curves": [row for rows in drawn.values() for row in rows],
            "labels": [rows[-1] for rows in drawn.values() if rows],
        },
        title,
        f"Scatter chart of {len(xs)} samples with the predictions of {', '.join(curves)}. "
        f"{title}",
    )
