"""Chapter two's own charts: what is in a batch, what it is a sample of, and its size."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import altair as alt
from torch import Tensor

from groundup.charts.blocks import (
    BLUE,
    CHOSEN,
    GHOST,
    GREY,
    ORANGE,
    Content,
    Line,
    Panel,
    Rows,
    Specification,
    axis,
    calculate,
    choice,
    ends,
    explorer,
    framed,
    key,
    nothing,
    on,
    plot,
    slider,
    specify,
    unfold,
)
from groundup.charts.runs import DIVERGED


@cache
def _batch_order() -> Specification:
    labels = alt.Axis(labelExpr="datum.value % 4 ? '' : datum.label", labelAngle=0)
    cells = on("cells").encode(
        x=alt.X("sample:O", title="sample", axis=labels), y=alt.Y("epoch:O", title="epoch")
    )
    batches = alt.Scale(domain=[1, alt.ExprRef("batches")], scheme="viridis")
    # On a phone a cell may be too narrow for its number: its colour says the same.
    number = alt.expr(
        "width / samples > 8 * length('' + datum.batch) && datum.batch ? datum.batch : ''"
    )
    return specify(
        cells.transform_filter("datum.batch > 0")
        .mark_rect(stroke=None)
        .encode(
            color=alt.Color("batch:Q", scale=batches, legend=None),
            tooltip=[alt.Tooltip(f"{name}:O") for name in ("epoch", "sample", "batch")],
        ),
        cells.mark_text(
            fontSize=11,
            fontWeight="normal",
            color=alt.expr("datum.batch > 0.55 * batches ? 'black' : 'white'"),
            text=number,
        ),
    )


def batch_order(
    epochs: Sequence[Sequence[Sequence[int]]], samples: int, title: str = ""
) -> Content:
    """Draw which sample lands in which batch in which epoch.

    Args:
        epochs: for each epoch its batches, each a list of the positions in it.
        samples: how many there are; those in no batch are gaps.
        title: what is to be seen; without one, how many samples and batches there are.
    """
    batch_of = [
        {sample: b for b, positions in enumerate(batches, 1) for sample in positions}
        for batches in epochs
    ]
    if not any(batch_of):
        return nothing("No batches")
    rows: Rows = [
        {"epoch": e, "sample": sample, "batch": of.get(sample, 0)}
        for e, of in enumerate(batch_of, 1)
        for sample in range(samples)
    ]
    count = max(row["batch"] for row in rows)
    title = title or f"{samples} samples · {count} batches an epoch"
    return Content(
        _batch_order(),
        {"cells": rows},
        title,
        f"Grid of samples and epochs: each cell says which of {count} batches the sample "
        f"is in. {title}",
        {"batches": count, "samples": samples, "height": 28 * len(epochs)},
    )


def gradient_noise(measured: Mapping[int, float], one: float, samples: int) -> Content:
    """Draw how far a batch's gradient is from that of all samples, over the batch's size.

    Both axes are logarithmic.

    Args:
        measured: a batch size → the root mean square distance of many batches' gradients.
        one: that of single samples.
        samples: how many there are to draw from, without replacement.
    """
    sizes = [2 ** (i / 8) for i in range(int(8 * math.log2(samples)) + 1)]
    # A whole batch has no spread at all, and zero has no place on a log axis.
    kept = [(size, d) for size, d in sorted(measured.items()) if d > 1e-3 * one]
    lowest = 0.5 * min((d for _, d in kept), default=one)

    def theory(label: str, hue: int, variance: Callable[[float], float]) -> Line:
        curve = [(size, one * math.sqrt(variance(size))) for size in sizes]
        return Line([p for p in curve if p[1] > lowest], label, hue, dashed=True)

    shown: dict[str, Line] = {
        "put back": theory("put back", 1, lambda size: 1 / size),
        "not put back": theory(
            "not put back", 3, lambda size: (samples / size - 1) / (samples - 1)
        ),
    }
    shown |= {f"batches of {size}": Line([(size, d)]) for size, d in kept}
    panel = Panel(
        "noise",
        "distance from the full gradient",
        shown,
        ["The larger the batch, the smaller the noise"],
        "Line chart of the distance from the full gradient over the batch size, both on "
        f"log axes: points measured on {samples} samples lie on one over the square root "
        "of the batch size and bend to zero as the batch becomes the whole.",
        log=True,
    )
    return plot("batch size", panel, log=True)


def growth(rows: Sequence[Mapping[str, float]]) -> Content:
    """Draw what a step over a batch costs, work above memory, over the batch's size.

    All axes are logarithmic.

    Args:
        rows: each with `samples`, `operations` in millions, and `megabytes`.
    """
    samples, work, memory = (
        f"{rows[-1][column] / rows[0][column]:,.0f} ×"
        for column in ("samples", "operations", "megabytes")
    )
    head, tail = f"{samples} the samples:", f"{work} the work, {memory} the memory"

    def panel(column: str, unit: str, hue: int, title: str, said: str) -> Panel:
        line = Line([(row["samples"], row[column]) for row in rows], hue=hue)
        return Panel(column, unit, {column: line}, [title], said, log=True, dots=True)

    return plot(
        "samples in the batch",
        panel(
            "operations",
            "million operations",
            0,
            head,
            "Two panels over the number of samples, on log axes:",
        ),
        panel(
            "megabytes",
            "megabytes kept",
            3,
            tail,
            f"a step's operations, and megabytes that the graph keeps. {head} {tail}.",
        ),
        log=True,
    )


# The explorer.


def batch_size_explorer(
    by_epoch: Tensor,
    by_update: Tensor,
    learning_rates: Sequence[float],
    updates_between: int,
    least: float,
) -> Content:
    """Draw mini-batch runs of any size and rate, at equal epochs or at equal updates.

    The chosen run stands over the ghosts of the other sizes at the same rate.

    Args:
        by_epoch: the loss on all the data after each epoch, from none at all on, shape
            `(sizes, rates, epochs + 1)`, for the batch sizes 1, 2, 4, … up to the number of
            samples.
        by_update: the same after every `updates_between` updates, shape `(sizes, rates,
            points)`.
        learning_rates: evenly spaced on a log axis.
        updates_between: how many updates lie between two points of `by_update`.
        least: the least loss there is, drawn as a dashed rule.

    Raises:
        ValueError: if the shapes don't fit each other.
    """
    grid = by_epoch.shape[:2]
    fits = by_epoch.dim() == by_update.dim() == 3 and by_update.shape[:2] == grid
    if not fits or len(learning_rates) != grid[1]:
        raise ValueError(
            "by_epoch, by_update and learning_rates must have as many sizes and rates, got "
            f"{tuple(by_epoch.shape)}, {tuple(by_update.shape)} and {len(learning_rates)} "
            "rates"
        )
    sizes, rates, epochs = by_epoch.shape
    first = by_epoch[0, 0, 0].item()
    highest = 5 * first
    runs = {"epochs": by_epoch, "updates": by_update}
    rows: Rows = [
        {"size": size, "rate": rate}
        | {equal: framed(of[size, rate].tolist(), highest) for equal, of in runs.items()}
        for size in range(sizes)
        for rate in range(rates)
    ]
    last = {
        equal: [
            [loss if loss <= DIVERGED * first else None for loss in row]
            for row in of[..., -1].tolist()
        ]
        for equal, of in runs.items()
    }
    done = {"epochs": epochs - 1, "updates": (by_update.shape[2] - 1) * updates_between}
    return Content(
        _explorer(sizes, rates),
        {"runs": rows, "floor": [{"loss": least}]},
        "Batches of every size at every learning rate",
        "Line chart of the loss on all samples, on a log axis, over the epochs or the "
        "updates: the run of the chosen batch size and learning rate over those of all "
        "other batch sizes. Sliders set both.",
        {
            "numbers": {
                "last": last,
                "done": done,
                "between": {"epochs": 1, "updates": updates_between},
                "rates": [*learning_rates],
            },
            "size_place": min(5, sizes - 1),
            "rate_place": rates // 2,
            "equal": "epochs",
            **ends("y", [], log=True, low=0.7 * least, high=highest),
        },
    )


VERDICT = """[
    'Batch size ' + batch_size + ', rate ' + format(learning_rate, '.2~r') + ': '
        + (isValid(last) ? 'loss ' + format(last, '.3~g') : 'diverged'),
    equal == 'epochs'
        ? done + ' epochs are ' + format(done * samples / batch_size, ',') + ' updates'
        : done + ' updates are ' + format(done * batch_size / samples, '.3~g') + ' epochs'
]"""
"""The title, which speaks with the sliders."""


@cache
def _explorer(sizes: int, rates: int) -> Specification:
    done, loss = axis("x", "done", None), axis("y", "loss", "loss on all samples", log=True)
    transform = [
        {"filter": "datum.rate == rate_place"},
        calculate("losses", "datum[equal]"),
        *unfold("losses", "size"),
        calculate("done", "(datum.position - 1) * numbers.between[equal]"),
    ]
    runs = on("runs", transform=transform).encode(done, loss)
    floor = on("floor")
    words = floor.mark_text(align="right", dy=12, color=ORANGE, text="least loss")
    # What lies along the axis depends on the comparison, and an axis's title can't.
    bottom = floor.mark_text(dy=34, fontSize=11, color=GREY).encode(
        x=alt.value(alt.expr("width / 2")),
        y=alt.value(alt.expr("height")),
        text=alt.value(alt.expr("equal + ' done'")),
    )
    picture = specify(
        runs.mark_line(**GHOST).encode(detail="size:N"),
        floor.mark_rule(strokeDash=[5, 4], color=ORANGE, strokeWidth=1.5).encode(y=loss),
        words.encode(loss, x=alt.value("width")),
        runs.transform_filter("datum.size == size_place").mark_line(**CHOSEN),
        bottom,
        *key({"this batch size": BLUE, "others": GREY}),
        height=320,
    )
    return explorer(
        picture,
        [
            slider("size_place", "batch size", 0, sizes - 1, 1),
            slider("rate_place", "learning rate", 0, rates - 1, 1),
            choice("equal", "compare at equal", ["epochs", "updates"]),
        ],
        VERDICT,
        "done",
        batch_size="pow(2, size_place)",
        learning_rate="numbers.rates[rate_place]",
        last="numbers.last[equal][size_place][rate_place]",
        done="numbers.done[equal]",
        samples=f"{2 ** (sizes - 1)}",
    )
