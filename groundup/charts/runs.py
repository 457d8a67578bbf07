"""One run, or a few: the losses, the parameters, the pace."""

import math
from collections.abc import Mapping, Sequence
from functools import cache

import altair as alt
from torch import Tensor

from groundup._checks import check_all_finite
from groundup.charts.drawing import (
    BLUE,
    EPOCHS_AXIS,
    LOWER_PANEL,
    ORANGE,
    PALETTE,
    PANELS_HEIGHT,
    UPPER_PANEL,
    Content,
    Drawing,
    Rows,
    Specification,
    loss_scale,
    nothing,
    number,
    specify,
)
from groundup.naive import NaiveTrainerResult

DIVERGED = 100
"""A run that is this many times above its first loss has left the chart."""


def diverged_at(losses: Sequence[float]) -> int | None:
    """Return the epoch at which a run diverged, or None.

    It is the first one whose loss is not finite or over `DIVERGED` times the first loss.
    """
    limit = DIVERGED * losses[0] if losses and losses[0] > 0 else math.inf
    return next(
        (i for i, loss in enumerate(losses) if not math.isfinite(loss) or loss > limit),
        None,
    )


def drawn(losses: Sequence[float]) -> int:
    """Count the losses that can be drawn.

    A run that diverges is drawn up to where it left, with the last finite point.
    """
    end = diverged_at(losses)
    if end is None:
        return len(losses)
    return end + 1 if math.isfinite(losses[end]) else end


EPOCH = alt.X("epoch:Q", title="epochs done", axis=EPOCHS_AXIS, scale=alt.Scale(nice=False))


def _loss_layers(
    log: bool, runs: tuple[str, ...], panel: list[float] | None = None
) -> list[alt.Chart]:
    loss = alt.Y(
        "loss:Q",
        title="loss",
        scale=loss_scale(log, panel),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    color = alt.Color(
        "run:N", legend=None, scale=alt.Scale(domain=list(runs), range=PALETTE[: len(runs)])
    )
    tooltip = [
        alt.Tooltip("run:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("loss:Q", format=".4~g"),
    ]
    lines = (
        alt.Chart(alt.NamedData("losses"))
        .mark_line(strokeWidth=2.5)
        .encode(EPOCH, loss, color, tooltip=tooltip)
    )
    ends = alt.Chart(alt.NamedData("last losses")).encode(EPOCH, loss)
    words = ends.mark_text(
        align=alt.expr("datum.epoch ? 'right' : 'left'"),
        dy=alt.expr("datum.above ? -10 : 14"),
        fontSize=12,
        fontWeight=600,
    ).encode(text="label:N", color=color)
    points = ends.mark_point(filled=True, size=45, opacity=1).encode(
        color=color, tooltip=tooltip
    )
    return [lines, points, words]


@cache
def _losses_specification(log: bool, runs: tuple[str, ...]) -> Specification:
    return specify(*_loss_layers(log, runs))


@Drawing
def losses(result: NaiveTrainerResult | Mapping[str, NaiveTrainerResult]) -> Content:
    """Draw the loss over the epochs, on a log axis; several runs by their names.

    A run that diverges is drawn up to where it left the chart, and labelled. The axis is
    linear where a loss that is to be drawn is not positive.

    Args:
        result: a run, or a name → a run.
    """
    runs = result if isinstance(result, Mapping) else {"loss": result}
    shown = {name: list(run.losses[: drawn(run.losses)]) for name, run in runs.items()}
    rows: Rows = [
        {"run": n, "epoch": i, "loss": loss}
        for n, values in shown.items()
        for i, loss in enumerate(values)
    ]
    ends: Rows = []
    sentences = []
    for name, run in runs.items():
        left, values = diverged_at(run.losses), shown[name]
        if not run.losses:
            outcome = "no epochs, nothing trained"
        elif left is not None:
            outcome = f"diverged at epoch {left}"
        else:
            outcome = f"loss {number(run.losses[0])} → {number(run.losses[-1])}"
        sentences.append(f"{name}: {outcome}" if len(runs) > 1 else outcome)
        if values:
            label = name if len(runs) > 1 else ""
            if left is not None:
                label = f"{name}, {outcome}" if label else outcome
            ends.append(
                {"run": name, "epoch": len(values) - 1, "loss": values[-1], "label": label}
            )
    if not any(shown.values()):
        return nothing("; ".join(sentences).capitalize())
    log = all(loss > 0 for values in shown.values() for loss in values)
    heights = {end["run"]: math.log(end["loss"]) if log else end["loss"] for end in ends}
    seen = [math.log(row["loss"]) if log else row["loss"] for row in rows]
    near = 0.1 * (max(seen) - min(seen))
    for end in ends:
        # A name stands above its line's end, or below where another end is close above it.
        others = [h for run, h in heights.items() if run != end["run"]]
        end["above"] = not any(0 <= h - heights[end["run"]] < near for h in others)
    title = sentences[0].capitalize() if len(runs) == 1 else "; ".join(sentences)
    return Content(
        _losses_specification(log, tuple(runs)),
        {"losses": rows, "last losses": ends},
        title,
        f"Line chart of the loss over the epochs{', on a log axis' if log else ''}. "
        + "; ".join(sentences)
        + ".",
    )


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def parameter_names(parameters: Sequence[Tensor], names: Sequence[str] | None) -> list[str]:
    """Name each number: w₁, w₂, …, b for a linear model, p₁ … for others."""
    if names is None:
        names = (
            ["w", "b"]
            if len(parameters) == 2
            else [f"p{i}·" for i in range(1, len(parameters) + 1)]
        )
    if len(names) != len(parameters):
        raise ValueError(
            f"names must be one for each of {len(parameters)} parameters, got {list(names)}"
        )
    return [
        name if p.numel() == 1 and name == "b" else name + str(i).translate(_SUBSCRIPTS)
        for name, p in zip(names, parameters, strict=True)
        for i in range(1, p.numel() + 1)
    ]


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
    spread = list(values)
    for position, i in zip(placed, order, strict=True):
        spread[i] = position
    return spread


def flat(tensors: Sequence[Tensor]) -> list[float]:
    """Return all numbers of several tensors, in order."""
    return [value for tensor in tensors for value in tensor.flatten().tolist()]


PARAMETER_TOOLTIP = [
    alt.Tooltip("parameter:N"),
    alt.Tooltip("epoch:Q"),
    alt.Tooltip("value:Q", format=".4~f"),
]


def parameter_color(names: Sequence[str]) -> alt.Color:
    """Return the same colour for the same parameter in every chart."""
    colors = [PALETTE[i % len(PALETTE)] for i in range(len(names))]
    return alt.Color(
        "parameter:N", legend=None, scale=alt.Scale(domain=list(names), range=colors)
    )


def _parameter_layers(
    names: tuple[str, ...], panel: list[float] | None = None
) -> list[alt.Chart]:
    scale = alt.Scale(
        zero=False, nice=False, range=alt.Undefined if panel is None else panel
    )
    value = alt.Y(
        "value:Q",
        title="parameter",
        scale=scale,
        axis=alt.Axis(tickCount=5, orient="left"),
    )
    color = parameter_color(names)
    lines = (
        alt.Chart(alt.NamedData("parameters"))
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(EPOCH, value, color, tooltip=PARAMETER_TOOLTIP)
    )
    ends = (
        alt.Chart(alt.NamedData("last parameters"))
        .mark_point(filled=True, size=30, opacity=1)
        .encode(EPOCH, value, color)
    )
    dashes = (
        alt.Chart(alt.NamedData("true"))
        .mark_rule(strokeDash=[4, 4], opacity=0.8)
        .encode(
            value,
            color,
            tooltip=[
                alt.Tooltip("parameter:N"),
                alt.Tooltip("value:Q", format=".4~f", title="true"),
            ],
        )
    )
    words = (
        alt.Chart(alt.NamedData("labels"))
        .mark_text(align="left", dx=5, fontSize=12, fontWeight=600)
        .encode(x=alt.value("width"), y=value, text="parameter:N", color=color)
    )
    return [dashes, lines, ends, words]


@cache
def _trajectories_specification(names: tuple[str, ...]) -> Specification:
    return specify(*_parameter_layers(names), right=30)


@Drawing
def trajectories(
    result: NaiveTrainerResult,
    true_parameters: Sequence[Tensor] | None = None,
    names: Sequence[str] | None = None,
) -> Content:
    """Draw each parameter over the epochs, and its true value as a dashed rule.

    Args:
        result: a run; where it diverges it is drawn up to there.
        true_parameters: tensors of the same shapes as one entry of `result.parameters`.
        names: one for each of these tensors; two are called w and b.

    Raises:
        ValueError: if `names` or `true_parameters` don't fit the parameters, or a true one
            is not finite.
    """
    # The loss at which a run left was measured before the update that gave parameters[end].
    shown = result.parameters[: drawn(result.losses)]
    shown = [entry for entry in shown if all(math.isfinite(value) for value in flat(entry))]
    pattern = result.parameters[0] if result.parameters else true_parameters or ()
    labels = parameter_names(pattern, names)
    if true_parameters is not None and [p.shape for p in true_parameters] != [
        p.shape for p in pattern
    ]:
        raise ValueError(
            f"true_parameters must have the shapes {[tuple(p.shape) for p in pattern]}, "
            f"got {[tuple(p.shape) for p in true_parameters]}"
        )
    for i, goal in enumerate(true_parameters or ()):
        check_all_finite(f"true_parameters[{i}]", goal)
    path = [flat(entry) for entry in shown]
    rows = [
        {"parameter": name, "epoch": i, "value": value}
        for i, values in enumerate(path, start=1)
        for name, value in zip(labels, values, strict=True)
    ]
    goals = flat(true_parameters) if true_parameters is not None else []
    ends = path[-1] if path else []
    seen = [value for values in path for value in values] + goals
    gap = 0.065 * ((max(seen) - min(seen)) or 1.0) if seen else 1.0
    places = spread(ends, gap)
    left = diverged_at(result.losses)
    if not rows:
        return nothing(
            "No epochs: no parameter has moved"
            if left is None
            else f"Diverged at epoch {left}"
        )
    if left is not None:
        title = f"Parameters, until the run diverged at epoch {left}"
    elif goals:
        off = max(abs(a - b) for a, b in zip(ends, goals, strict=True))
        title = f"Parameters: within {number(off)} of the true ones"
    else:
        title = "Parameters over the epochs"
    return Content(
        _trajectories_specification(tuple(labels)),
        {
            "parameters": rows,
            "last parameters": rows[-len(labels) :],
            "true": [
                {"parameter": n, "value": v} for n, v in zip(labels, goals, strict=False)
            ],
            "labels": [
                {"parameter": n, "value": v} for n, v in zip(labels, places, strict=True)
            ],
        },
        title,
        f"Line chart of {len(labels)} parameters over the epochs"
        + (", their true values as dashed rules. " if goals else ". ")
        + title
        + ".",
    )


@cache
def _training_specification(log: bool, names: tuple[str, ...]) -> Specification:
    panels = alt.layer(
        alt.layer(*_loss_layers(log, ("loss",), UPPER_PANEL)),
        alt.layer(*_parameter_layers(names, LOWER_PANEL)),
    ).resolve_scale(y="independent", color="independent")
    return specify(panels, height=PANELS_HEIGHT, right=30)


@Drawing
def training(
    result: NaiveTrainerResult,
    true_parameters: Sequence[Tensor] | None = None,
    names: Sequence[str] | None = None,
) -> Content:
    """Draw `losses` above `trajectories`.

    They are one view: half the work for a browser that draws while a slider is dragged.

    Args:
        result: a run.
        true_parameters: as for `trajectories`.
        names: as for `trajectories`.

    Raises:
        ValueError: if `names` or `true_parameters` don't fit the parameters, or a true one
            is not finite.
    """
    upper = losses.content(result)
    lower = trajectories.content(result, true_parameters, names)
    if "losses" not in upper.datasets or "parameters" not in lower.datasets:
        return upper
    log = all(row["loss"] > 0 for row in upper.datasets["losses"])
    labels = tuple(row["parameter"] for row in lower.datasets["labels"])
    return Content(
        _training_specification(log, labels),
        {**upper.datasets, **lower.datasets},
        [str(upper.title), str(lower.title)],
        f"{upper.description} {lower.description}",
    )


@cache
def _pace_specification() -> Specification:
    excess = alt.Y(
        "excess:Q",
        title="loss − least loss",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(tickCount=5, format="~e"),
    )
    measured = alt.Chart(alt.NamedData("measured")).encode(EPOCH, excess)
    tooltip = [alt.Tooltip("epoch:Q"), alt.Tooltip("excess:Q", format=".3~e")]
    slope = alt.Chart(alt.NamedData("slope")).encode(EPOCH, excess)
    return specify(
        slope.mark_line(strokeDash=[6, 4], strokeWidth=2, color=ORANGE, clip=True),
        measured.mark_line(strokeWidth=2.5, color=BLUE, clip=True),
        measured.mark_point(filled=True, size=22, opacity=1, color=BLUE).encode(
            tooltip=tooltip
        ),
        alt.Chart(alt.NamedData("labels"))
        .mark_text(
            align=alt.expr("datum.dy > 0 ? 'right' : 'left'"),
            dy=alt.expr("datum.dy"),
            fontSize=12,
            fontWeight=600,
        )
        .encode(EPOCH, excess, text="label:N", color=alt.Color("color:N", scale=None)),
    )


@Drawing
def pace(result: NaiveTrainerResult, least_loss: float, factor: float) -> Content:
    """Draw the loss's approach to its least value, beside the slowest direction's slope.

    Args:
        result: a run on a quadratic loss.
        least_loss: the loss at the solution; from a float64 run, or the difference drowns
            in rounding.
        factor: what an epoch leaves of the excess along the slowest direction, (1 − ηλ)².
    """
    if not result.losses:
        return nothing("No epochs, nothing trained")
    floor = 1e-13 * max(result.losses[0], least_loss)
    excess = [loss - least_loss for loss in result.losses[: drawn(result.losses)]]
    rows = [
        {"epoch": i, "excess": value} for i, value in enumerate(excess) if value > floor
    ]
    slope: Rows = []
    if rows and factor > 0:
        anchor = rows[-1]
        slope = [
            {
                "epoch": row["epoch"],
                "excess": anchor["excess"] * factor ** (row["epoch"] - anchor["epoch"]),
            }
            for row in rows
        ]
    labels = [
        {**line[at], "label": name, "color": color, "dy": dy}
        for line, at, name, color, dy in (
            (rows, len(rows) // 2, "measured", BLUE, -8),
            (slope, 3 * len(slope) // 5, "slowest direction alone", ORANGE, 16),
        )
        if line
    ]
    title = f"An epoch keeps × {factor:.3f} of the excess"
    return Content(
        _pace_specification(),
        {"measured": rows, "slope": slope, "labels": labels},
        title,
        "Line chart of the loss minus its least value over the epochs, on a log axis, "
        f"beside the dashed slope of the slowest direction, a factor of {factor:.3f} an "
        "epoch.",
    )
