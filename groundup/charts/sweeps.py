"""The outcome of a run at each of many learning rates."""

from functools import cache

import altair as alt
import pandas as pd

from groundup._checks import check_learning_rate
from groundup.charts.drawing import (
    BLUE,
    VERMILION,
    Content,
    Drawing,
    Rows,
    Specification,
    loss_scale,
    nothing,
    specify,
)
from groundup.charts.runs import diverged_at
from groundup.sweep import SweepResult


@Drawing
def sweep_losses(result: SweepResult, largest_stable: float | None = None) -> Content:
    """Draw the last loss of each run over its learning rate.

    The largest stable learning rate is a rule. A run that diverged is a cross at the
    chart's upper edge.

    Args:
        result: a sweep.
        largest_stable: the learning rate 2 / λmax, see
            `oracle.largest_stable_learning_rate`.

    Raises:
        ValueError: if `largest_stable` is not positive and finite.
    """
    if largest_stable is not None:
        check_learning_rate("largest_stable", largest_stable)
    epochs = result.losses.shape[1]
    if epochs == 0:
        return nothing("No epochs, nothing trained")
    left = [diverged_at(run) for run in result.losses.tolist()]
    runs = pd.DataFrame(
        {
            "learning_rate": result.learning_rates.tolist(),
            "loss": result.losses[:, -1].tolist(),
            "outcome": [
                "trained" if epoch is None else f"diverged at epoch {epoch}"
                for epoch in left
            ],
        }
    )
    trained = runs["outcome"] == "trained"
    limit = (
        []
        if largest_stable is None
        else [{"learning_rate": largest_stable, "label": _limit(largest_stable)}]
    )
    rates = [*runs["learning_rate"], *(row["learning_rate"] for row in limit)]
    datasets: dict[str, Rows] = {
        "trained": runs[trained].to_dict("records"),
        # JSON has no infinity: a run that diverged has no last loss to show.
        "diverged": runs[~trained].drop(columns="loss").to_dict("records"),
        "limit": limit,
    }
    log = bool((runs[trained]["loss"] > 0).all())
    description = (
        f"Line chart of the loss after {epochs} epochs over {len(runs)} learning rates"
    )
    if datasets["diverged"]:
        lowest = runs[~trained]["learning_rate"].min()
        description += (
            f"; {len(datasets['diverged'])} runs diverged, "
            f"from learning rate {lowest:.3g} on"
        )
    if largest_stable is not None:
        description += (
            f"; {_limit(largest_stable)}, the largest stable learning rate, is marked"
        )
    return Content(
        _specification(
            min(rates),
            max(rates),
            log,
            tuple(name for name, rows in datasets.items() if rows),
        ),
        datasets,
        f"Loss after {epochs} epochs, by learning rate",
        description + ".",
    )


def _limit(largest_stable: float) -> str:
    return f"2 / λmax = {largest_stable:.3f}"


@cache
def _specification(
    lowest: float, highest: float, log: bool, present: tuple[str, ...]
) -> Specification:
    learning_rate = alt.X(
        "learning_rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", domain=[lowest, highest], nice=False),
        axis=alt.Axis(format="~g", tickCount=6),
    )
    loss = alt.Y(
        "loss:Q",
        title="last loss",
        scale=loss_scale(log),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    tooltip = [alt.Tooltip("learning_rate:Q", format=".3~g"), alt.Tooltip("outcome:N")]
    rows = {name: alt.Chart(alt.NamedData(name)).encode(learning_rate) for name in present}
    layers: dict[str, list[alt.Chart]] = {}
    if "trained" in rows:
        layers["trained"] = [
            rows["trained"].mark_line(strokeWidth=2, color=BLUE).encode(loss),
            rows["trained"]
            .mark_point(filled=True, size=30, opacity=1, color=BLUE)
            .encode(loss, tooltip=[*tooltip, alt.Tooltip("loss:Q", format=".4~g")]),
        ]
    if "diverged" in rows:
        layers["diverged"] = [
            rows["diverged"]
            .mark_point(
                shape="cross", angle=45, size=60, filled=True, opacity=1, color=VERMILION
            )
            .encode(y=alt.value(6), tooltip=tooltip)
        ]
    if "limit" in rows:
        layers["limit"] = [
            rows["limit"].mark_rule(strokeDash=[4, 4], color=VERMILION),
            rows["limit"]
            .mark_text(align="right", dx=-5, fontSize=12, fontWeight=600, color=VERMILION)
            .encode(y=alt.value(24), text="label:N"),
        ]
    return specify(*(layer for group in layers.values() for layer in group))
