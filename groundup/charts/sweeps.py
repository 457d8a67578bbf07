"""Many learning rates: what each came to."""

import math

import altair as alt
import pandas as pd

from groundup.charts.drawing import BLUE, VERMILION, loss_scale, specify
from groundup.charts.runs import diverged_at
from groundup.sweep import SweepResult


def sweep_losses(result: SweepResult, largest_stable: float | None = None) -> alt.LayerChart:
    """The last loss of each run over its learning rate, and the largest stable learning rate as a rule.

    A run that diverged is a cross at the chart's upper edge.

    Args:
        result: a sweep.
        largest_stable: the learning rate 2 / λmax, see `groundup.largest_stable_learning_rate`.
    """
    left = [diverged_at(run) for run in result.losses.tolist()]
    runs = pd.DataFrame(
        {
            "learning_rate": result.learning_rates.tolist(),
            "loss": result.losses[:, -1].tolist() if result.losses.shape[1] else math.nan,
            "outcome": ["settled" if epoch is None else f"diverged at epoch {epoch}" for epoch in left],
        }
    )
    settled = runs[runs["outcome"] == "settled"]
    lost = runs[runs["outcome"] != "settled"].drop(columns="loss")
    log = bool((settled["loss"] > 0).all())
    learning_rate = alt.X(
        "learning_rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="~g", tickCount=6),
    )
    loss = alt.Y(
        "loss:Q",
        title="last loss",
        scale=loss_scale(log),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    tooltip = [alt.Tooltip("learning_rate:Q", format=".3~g"), alt.Tooltip("outcome:N")]
    at_best = alt.Chart(alt.Data(values=settled.to_dict("records")))
    layers = [
        at_best.mark_line(strokeWidth=2, color=BLUE).encode(learning_rate, loss),
        at_best.mark_point(filled=True, size=30, opacity=1, color=BLUE).encode(
            learning_rate, loss, tooltip=[*tooltip, alt.Tooltip("loss:Q", format=".4~g")]
        ),
        alt.Chart(alt.Data(values=lost.to_dict("records")))
        .mark_point(shape="cross", angle=45, size=60, filled=True, opacity=1, color=VERMILION)
        .encode(learning_rate, y=alt.value(6), tooltip=tooltip),
    ]
    description = f"Line chart of the last of {result.losses.shape[1]} losses over {len(runs)} learning rates"
    if len(lost):
        description += f"; {len(lost)} runs diverged, from learning rate {lost['learning_rate'].min():.3g} on"
    if largest_stable is not None:
        rule = alt.Chart(
            alt.Data(values=[{"learning_rate": largest_stable, "label": f"2 / λmax = {largest_stable:.3f} "}])
        )
        layers += [
            rule.mark_rule(strokeDash=[4, 4], color=VERMILION).encode(learning_rate),
            rule.mark_text(align="right", dx=-4, fontSize=12, fontWeight=600, color=VERMILION).encode(
                learning_rate, y=alt.value(24), text="label:N"
            ),
        ]
        description += f"; the largest stable learning rate, {largest_stable:.3f}, is marked"
    title = f"Loss after {result.losses.shape[1]} epochs, by learning rate"
    chart: alt.LayerChart = alt.LayerChart.from_dict(specify(*layers, title=title, description=description + "."))
    return chart
