"""Batches: which samples are in one, what it is a sample of, and what taking all costs."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import altair as alt

from groundup.charts.drawing import (
    BLUE,
    LOWER_PANEL,
    ORANGE,
    PANELS_HEIGHT,
    UPPER_PANEL,
    VERMILION,
    Content,
    Drawing,
    Rows,
    Specification,
    nothing,
    specify,
)


@cache
def _order_specification(batches: int, epochs: int, samples: int) -> Specification:
    color = alt.Color(
        "batch:O",
        title="batch",
        scale=alt.Scale(domain=list(range(1, batches + 1)), scheme="viridis"),
        legend=None,
    )
    cells = alt.Chart(alt.NamedData("cells")).encode(
        x=alt.X(
            "sample:O",
            title="sample",
            scale=alt.Scale(domain=list(range(samples))),
            axis=alt.Axis(labelExpr="datum.value % 4 ? '' : datum.label", labelAngle=0),
        ),
        y=alt.Y("epoch:O", title="epoch"),
    )
    words = alt.expr(f"datum.batch > {0.55 * batches} ? 'black' : 'white'")
    return specify(
        cells.mark_rect(stroke=None).encode(
            color=color,
            tooltip=[alt.Tooltip(f"{name}:O") for name in ("epoch", "sample", "batch")],
        ),
        # On a phone a cell may be too narrow for its number: its colour says the same.
        cells.mark_text(
            fontSize=11,
            color=words,
            text=alt.expr(
                f"width / {samples} > 8 * length('' + datum.batch) ? datum.batch : ''"
            ),
        ),
        height=28 * max(epochs, 2),
    )


@Drawing
def batch_order(
    epochs: Sequence[Sequence[Sequence[int]]], samples: int, title: str = ""
) -> Content:
    """Draw which sample lands in which batch in which epoch.

    Args:
        epochs: for each epoch its batches, each a list of the positions in it.
        samples: how many there are; those in no batch are gaps.
        title: what is to be seen.
    """
    rows: Rows = [
        {"epoch": e, "sample": sample, "batch": b}
        for e, batches in enumerate(epochs, start=1)
        for b, positions in enumerate(batches, start=1)
        for sample in positions
    ]
    if not rows:
        return nothing("No batches")
    count = max(row["batch"] for row in rows)
    rows.sort(key=lambda row: (row["epoch"], row["sample"]))
    return Content(
        _order_specification(count, len(epochs), samples),
        {"cells": rows},
        title,
        f"Grid of samples and epochs: each cell says which of {count} batches the sample "
        f"is in. {title}",
    )


@cache
def _noise_specification() -> Specification:
    size = alt.X(
        "size:Q",
        title="batch size",
        scale=alt.Scale(type="log", base=2, nice=False),
        axis=alt.Axis(tickCount=8, format="~s"),
    )
    # A whole batch has no spread at all, and zero has no place on a log axis.
    noise = alt.Y(
        "spread:Q",
        title="spread of the gradient",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    tooltip = [alt.Tooltip("size:Q"), alt.Tooltip("spread:Q", format=".3~g")]
    lines = alt.Chart(alt.NamedData("theory")).encode(
        size, noise, color=alt.Color("color:N", scale=None), detail="line:N"
    )
    return specify(
        lines.mark_line(strokeWidth=2, strokeDash=[6, 4], clip=True),
        lines.transform_filter("datum.label")
        .mark_text(
            align=alt.expr("datum.above ? 'left' : 'right'"),
            dx=alt.expr("datum.above ? 6 : -8"),
            dy=alt.expr("datum.above ? -10 : 8"),
            fontSize=12,
            fontWeight=600,
        )
        .encode(text="label:N"),
        alt.Chart(alt.NamedData("measured"))
        .mark_point(filled=True, size=50, opacity=1, color=BLUE)
        .encode(size, noise, tooltip=tooltip),
        height=260,
        right=20,
    )


@Drawing
def gradient_noise(measured: Mapping[int, float], one: float, samples: int) -> Content:
    """Draw how far a batch's gradient is from that of all samples, over the batch's size.

    Both axes are logarithmic.

    Args:
        measured: a batch size → the spread of the gradients of many batches.
        one: the spread of single samples.
        samples: how many there are to draw from, without replacement.
    """
    sizes = sorted(measured)
    smooth = [2 ** (i / 8) for i in range(int(8 * math.log2(samples)) + 1)]

    def with_replacement(size: float) -> float:
        return one / math.sqrt(size)

    def without_replacement(size: float) -> float:
        return with_replacement(size) * math.sqrt((samples - size) / (samples - 1))

    shown = {size: measured[size] for size in sizes if measured[size] > 1e-3 * one}
    lowest = 0.5 * min(shown.values(), default=one)
    lines: list[tuple[str, str, Callable[[float], float], float]] = [
        ("put back", ORANGE, with_replacement, 0.7),
        ("not put back", VERMILION, without_replacement, 0.9),
    ]
    theory: Rows = []
    for name, color, curve, label_at in lines:
        kept = [(size, curve(size)) for size in smooth if curve(size) > lowest]
        theory += [
            {
                "line": name,
                "size": size,
                "spread": value,
                "color": color,
                "label": name if i == int(label_at * len(kept)) else "",
                "above": curve is with_replacement,
            }
            for i, (size, value) in enumerate(kept)
        ]
    return Content(
        _noise_specification(),
        {
            "theory": theory,
            "measured": [{"size": s, "spread": v} for s, v in shown.items()],
        },
        "The larger the batch, the smaller the noise",
        "Line chart of the gradient's spread over the batch size, both on log axes: points "
        f"measured on {samples} samples lie on one over the square root of the batch size "
        "and bend to zero as the batch becomes the whole.",
    )


@cache
def _growth_specification() -> Specification:
    samples = alt.X(
        "samples:Q",
        title="samples in the batch",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~s", tickCount=5),
    )

    def panel(field: str, title: str, place: list[float], color: str) -> list[alt.Chart]:
        value = alt.Y(
            f"{field}:Q",
            title=title,
            scale=alt.Scale(type="log", range=place),
            axis=alt.Axis(tickCount=4, format="~g", orient="left"),
        )
        points = alt.Chart(alt.NamedData("batches")).encode(
            samples, value, tooltip=[alt.Tooltip("samples:Q"), alt.Tooltip(f"{field}:Q")]
        )
        return [
            points.mark_line(color=color, strokeWidth=2.5),
            points.mark_point(filled=True, size=50, opacity=1, color=color),
        ]

    panels = alt.layer(
        alt.layer(*panel("milliseconds", "milliseconds a step", UPPER_PANEL, BLUE)),
        alt.layer(*panel("megabytes", "megabytes kept", LOWER_PANEL, VERMILION)),
    ).resolve_scale(y="independent")
    return specify(panels, height=PANELS_HEIGHT)


@Drawing
def growth(rows: Sequence[Mapping[str, float]]) -> Content:
    """Draw what a step over a batch costs, time above memory, over the batch's size.

    All axes are logarithmic.

    Args:
        rows: each with `samples`, `milliseconds` and `megabytes`.
    """
    first, last = rows[0], rows[-1]
    times = last["milliseconds"] / first["milliseconds"]
    sentence = (
        f"{last['samples'] / first['samples']:,.0f} × the samples: "
        f"{times:,.0f} × the time, "
        f"{last['megabytes'] / first['megabytes']:,.0f} × the memory"
    )
    head, _, tail = sentence.partition(": ")
    return Content(
        _growth_specification(),
        {"batches": [dict(row) for row in rows]},
        [f"{head}:", tail],
        "Two panels over the number of samples, on log axes: milliseconds a step, and "
        f"megabytes that the graph keeps. {sentence}.",
    )
