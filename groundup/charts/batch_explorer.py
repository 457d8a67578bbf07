"""Runs of every batch size at every learning rate, compared without a kernel."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
from torch import Tensor

from groundup.charts.drawing import (
    BLUE,
    GREY,
    ORANGE,
    Content,
    Drawing,
    Rows,
    Specification,
    calculate,
    specify,
    unfold_losses,
)


@Drawing
def batch_size_explorer(
    by_epoch: Tensor,
    by_update: Tensor,
    rate_exponents: Sequence[float],
    updates_between: int,
    least: float,
) -> Content:
    """Draw mini-batch runs of any size and rate, at equal epochs or at equal updates.

    Sizes and rates are powers of two, and the sliders set the exponents: the size from 2⁰
    to all the samples. The chosen run stands over the ghosts of the other sizes at the same
    rate.

    Args:
        by_epoch: the loss on all the data after each epoch, from none at all on, shape
            `(sizes, rates, epochs + 1)`, for the batch sizes 1, 2, 4, … up to the number of
            samples.
        by_update: the same after every `updates_between` updates, shape `(sizes, rates,
            points)`.
        rate_exponents: the binary logarithms of the learning rates, evenly spaced.
        updates_between: how many updates lie between two points of `by_update`.
        least: the least loss there is, drawn as a dashed rule.

    Raises:
        ValueError: if the shapes don't fit each other.
    """
    grid = by_epoch.shape[:2]
    fits = by_epoch.dim() == by_update.dim() == 3 and by_update.shape[:2] == grid
    if not fits or len(rate_exponents) != grid[1]:
        raise ValueError(
            "by_epoch, by_update and rate_exponents must have as many sizes and rates, "
            f"got {tuple(by_epoch.shape)}, {tuple(by_update.shape)} "
            f"and {len(rate_exponents)} rates"
        )
    sizes, rates, epochs = by_epoch.shape
    first = by_epoch[0, 0, 0].item()
    highest = 5 * first
    rows: Rows = []
    for size in range(sizes):
        for rate, exponent in enumerate(rate_exponents):
            runs = {"epochs": by_epoch[size, rate], "updates": by_update[size, rate]}
            kept = {equal: _kept(run.tolist(), highest) for equal, run in runs.items()}
            rows.append({"size": size, "rate": exponent, **kept})
    last: dict[str, list[list[float | None]]] = {
        equal: [[_last(loss) for loss in row] for row in runs[..., -1].tolist()]
        for equal, runs in (("epochs", by_epoch), ("updates", by_update))
    }
    done = {"epochs": epochs - 1, "updates": (by_update.shape[2] - 1) * updates_between}
    numbers = {"last": last, "done": done, "samples": 2 ** (sizes - 1)}
    slowest, step = (
        rate_exponents[0],
        (rate_exponents[-1] - rate_exponents[0]) / max(1, rates - 1) or 1.0,
    )
    return Content(
        {
            **_specification((0.7 * least, highest), updates_between),
            "params": [
                {
                    "name": "batch_size",
                    "value": min(5, sizes - 1),
                    "bind": _slider("batch size = 2^", 0, sizes - 1, 1),
                },
                {
                    "name": "learning_rate",
                    "value": rate_exponents[rates // 2],
                    "bind": _slider(
                        "learning rate = 2^", slowest, rate_exponents[-1], step
                    ),
                },
                {
                    "name": "equal",
                    "value": "epochs",
                    "bind": {
                        "input": "select",
                        "options": ["epochs", "updates"],
                        "name": "compare at equal ",
                    },
                },
                {"name": "numbers", "value": numbers},
            ],
        },
        {"runs": rows, "floor": [{"loss": least}]},
        {"text": {"expr": _verdict(slowest, step)}},
        "Line chart of the loss on all samples, on a log axis, over the epochs or the "
        "updates: the run of the chosen batch size and learning rate over those of all "
        "other batch sizes. Sliders set both.",
    )


def _kept(run: list[float], highest: float) -> list[float]:
    """Cut a run where it leaves the chart, one point beyond the frame, to four figures."""
    end = next((i for i, loss in enumerate(run) if not loss <= highest), len(run))
    beyond = 1000 * highest  # JSON has no infinity
    return [
        float(f"{min(loss, beyond) if math.isfinite(loss) else beyond:.4g}")
        for loss in run[: end + 1]
    ]


def _last(loss: float) -> float | None:
    """Return None for a run that diverged: JSON has no infinity."""
    return float(f"{loss:.4g}") if math.isfinite(loss) else None


def _slider(name: str, least: float, greatest: float, step: float) -> dict[str, Any]:
    return {
        "input": "range",
        "min": least,
        "max": greatest,
        "step": step,
        "name": f"{name} ",
    }


def _verdict(slowest: float, step: float) -> str:
    """Return the title, which speaks with the sliders."""
    loss = f"numbers.last[equal][batch_size][round((learning_rate - {slowest}) / {step})]"
    epochs = "numbers.done.updates * pow(2, batch_size) / numbers.samples"
    updates = "numbers.done.epochs * numbers.samples / pow(2, batch_size)"
    return (
        "['Batch size ' + pow(2, batch_size) + ', learning rate ' "
        "+ format(pow(2, learning_rate), '.2~r') + ': ' "
        f"+ (isValid({loss}) ? 'loss ' + format({loss}, '.3~g') : 'diverged'), "
        "equal == 'epochs' ? numbers.done.epochs + ' epochs are ' "
        f"+ format({updates}, ',') + ' updates' "
        f": numbers.done.updates + ' updates are ' + format({epochs}, '.3~g') + ' epochs']"
    )


@cache
def _specification(losses: tuple[float, float], updates_between: int) -> Specification:
    done = alt.X(
        "done:Q",
        title=None,
        scale=alt.Scale(
            nice=False, domainMin=0, domainMax=alt.ExprRef("numbers.done[equal]")
        ),
        axis=alt.Axis(tickCount=8),
    )
    loss = alt.Y(
        "loss:Q",
        title="loss on all samples",
        scale=alt.Scale(type="log", domain=list(losses), nice=False),
        axis=alt.Axis(tickCount=5, format="~g"),
    )

    runs = alt.Chart(
        alt.NamedData("runs"),
        transform=[
            alt.FilterTransform("datum.rate == learning_rate"),
            calculate("losses", "datum[equal]"),
            *unfold_losses("size"),
            calculate(
                "done",
                f"(datum.position - 1) * (equal == 'epochs' ? 1 : {updates_between})",
            ),
        ],
    ).encode(done, loss)
    chosen = runs.transform_filter("datum.size == batch_size")
    one = alt.Chart(alt.NamedData("floor"))
    bottom = one.mark_text(dy=34, fontSize=11, fontWeight=600, color=GREY).encode(
        x=alt.value(alt.expr("width / 2")),
        y=alt.value(alt.expr("height")),
        text=alt.value(alt.expr("equal + ' done'")),
    )
    return specify(
        runs.mark_line(clip=True, strokeWidth=1, opacity=0.45, color=GREY).encode(
            detail="size:N"
        ),
        one.mark_rule(strokeDash=[5, 4], color=ORANGE, strokeWidth=1.5).encode(y=loss),
        one.mark_text(
            align="right",
            dy=12,
            fontSize=12,
            fontWeight=600,
            color=ORANGE,
            text="least loss",
        ).encode(x=alt.value("width"), y=loss),
        chosen.mark_line(clip=True, strokeWidth=3, color=BLUE),
        bottom,
        height=320,
    )
