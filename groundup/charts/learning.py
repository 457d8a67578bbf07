"""Losses and metrics of a trainer's run, and where a model draws the line."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import altair as alt
import torch
from torch import Tensor

from groundup._checks import check_all_finite
from groundup.charts.drawing import (
    BLUE,
    GREY,
    LOWER_PANEL,
    ORANGE,
    PALETTE,
    PANELS_HEIGHT,
    UPPER_PANEL,
    VERMILION,
    Content,
    Drawing,
    Rows,
    Specification,
    loss_scale,
    nothing,
    number,
    specify,
)
from groundup.charts.runs import EPOCH, diverged_at, drawn, spread
from groundup.trainer import TrainerResult

PARTS = ("train", "validation")


def _color(names: Sequence[str]) -> alt.Color:
    return alt.Color(
        "line:N",
        legend=None,
        scale=alt.Scale(domain=list(names), range=PALETTE[: len(names)]),
    )


def _curves(data: str, value: alt.Y, color: alt.Color) -> list[alt.Chart]:
    """Draw lines with a point at each end and their names beside them."""
    tooltip = [
        alt.Tooltip("line:N"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("value:Q", format=".4~g"),
    ]
    rows = alt.Chart(alt.NamedData(data)).encode(EPOCH, value, color)
    ends = alt.Chart(alt.NamedData(f"last of {data}")).encode(EPOCH, value, color)
    places = alt.Chart(alt.NamedData(f"names of {data}")).encode(
        value, color, x=alt.value("width"), text="line:N"
    )
    return [
        rows.mark_line(strokeWidth=2.5).encode(tooltip=tooltip),
        ends.mark_point(filled=True, size=45, opacity=1).encode(tooltip=tooltip),
        places.mark_text(align="left", dx=6, fontSize=12, fontWeight=600),
    ]


def _close(scale: alt.Scale) -> alt.Scale:
    """End a scale a little beyond its values rather than at the next power of ten."""
    return alt.Scale(**scale.to_dict(), nice=False, padding=10)


@cache
def _specification(log: bool, names: tuple[str, ...], metric: str | None) -> Specification:
    loss = alt.Y(
        "value:Q",
        title="loss",
        scale=_close(loss_scale(log, UPPER_PANEL if metric else None)),
        axis=alt.Axis(tickCount=5, format="~g", orient="left"),
    )
    losses = _curves("losses", loss, _color(names))
    if metric is None:
        return specify(*losses)
    measure = alt.Y(
        "value:Q",
        title=metric,
        scale=alt.Scale(zero=False, range=LOWER_PANEL),
        axis=alt.Axis(tickCount=5, format="~g", orient="left"),
    )
    panels = alt.layer(
        alt.layer(*losses), alt.layer(*_curves("measures", measure, _color(names)))
    ).resolve_scale(y="independent")
    return specify(panels, height=PANELS_HEIGHT)


@Drawing
def learning_curves(
    result: TrainerResult | Mapping[str, TrainerResult], metric: str | None = None
) -> Content:
    """Draw the losses over the epochs, on a log axis.

    They are those of one run on training and validation data, or of several runs. A
    training loss is the mean over an epoch while the model moves, so it is drawn in the
    epoch's middle; a validation loss stands where it was measured, at the end. Several runs
    are compared by their validation losses, or by their training losses where one of them
    has no other. A run that diverges is drawn up to where it left.

    Args:
        result: a run, or a name → a run.
        metric: one of the run's metrics, drawn below.

    Raises:
        ValueError: if a run has no such metric.
    """
    if isinstance(result, Mapping):
        runs = dict(result)
        validated = all(run.val_losses for run in runs.values() if run.train_losses)
        lines = {
            name: (run.val_losses, 1.0) if validated else (run.train_losses, 0.5)
            for name, run in runs.items()
        }
    else:
        runs = {"validation": result}  # on which alone metrics are measured
        curves = (result.train_losses, 0.5), (result.val_losses, 1.0)
        lines = {part: c for part, c in zip(PARTS, curves, strict=True) if c[0]}
    for name, run in runs.items():
        if metric is not None and metric not in run.metrics:
            raise ValueError(
                f"metric must be one of {list(run.metrics)} in {name}, got {metric!r}"
            )
    rows = _rows({n: (values[: drawn(values)], at) for n, (values, at) in lines.items()})
    sentences = [_outcome(name, values) for name, (values, _) in lines.items() if values]
    if not rows:
        return nothing(_wrapped(sentences) or "No epochs, nothing trained")
    log = all(row["value"] > 0 for row in rows)
    datasets = _datasets("losses", rows, log)
    if metric is not None:
        measured = _rows({name: (run.metrics[metric], 1.0) for name, run in runs.items()})
        datasets |= _datasets("measures", measured, log=False)
        sentences += [
            f"{metric} {number(end['value'])}"
            + (f" {end['line']}" if len(runs) > 1 else "")
            for end in datasets["last of measures"]
        ]
    return Content(
        _specification(log, tuple(lines), metric),
        datasets,
        _wrapped(sentences),
        f"Line chart of the losses over the epochs{', on a log axis' if log else ''}. "
        + "; ".join(sentences)
        + ".",
    )


def _outcome(name: str, losses: Sequence[float]) -> str:
    left = diverged_at(losses)
    if left is not None:
        return f"{name}: diverged at epoch {left + 1}"
    if len(losses) == 1:
        return f"{name}: {number(losses[0])}"
    return f"{name}: {number(losses[0])} → {number(losses[-1])}"


def _wrapped(sentences: list[str], width: int = 46) -> list[str]:
    """Set sentences in as few lines as fit a phone."""
    lines: list[str] = []
    for sentence in sentences:
        if lines and len(lines[-1]) + len(sentence) + 3 <= width:
            lines[-1] += f" · {sentence}"
        else:
            lines.append(sentence)
    return [line[0].upper() + line[1:] for line in lines]


def _rows(lines: Mapping[str, tuple[Sequence[float], float]]) -> Rows:
    """Return each line's finite values, the first of them so far into its epoch."""
    return [
        {"line": name, "epoch": i + at, "value": value}
        for name, (values, at) in lines.items()
        for i, value in enumerate(values)
        if math.isfinite(value)
    ]


def _datasets(data: str, rows: Rows, log: bool) -> dict[str, Rows]:
    """Return a panel's rows, each line's last, and places where no two names touch."""
    ends = list({row["line"]: row for row in rows}.values())
    heights = [math.log(row["value"]) if log else row["value"] for row in rows]
    gap = 0.09 * ((max(heights) - min(heights)) or 1.0) if heights else 1.0
    places = spread([math.log(e["value"]) if log else e["value"] for e in ends], gap)
    names = [
        {"line": end["line"], "value": math.exp(place) if log else place}
        for end, place in zip(ends, places, strict=True)
    ]
    return {data: rows, f"last of {data}": ends, f"names of {data}": names}


@cache
def _boundary_specification(
    features: tuple[str, str], classes: tuple[str, str], frame: tuple[float, ...]
) -> Specification:
    left, right, low, high = frame
    x = alt.X(
        "x:Q",
        title=features[0],
        scale=alt.Scale(domain=[left, right], nice=False, zero=False),
        axis=alt.Axis(tickCount=6),
    )
    y = alt.Y(
        "y:Q",
        title=features[1],
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=alt.Axis(tickCount=5),
    )
    color = alt.Color(
        "class:N",
        title=None,
        legend=alt.Legend(orient="top", direction="horizontal", symbolOpacity=1),
        scale=alt.Scale(domain=list(classes), range=[ORANGE, BLUE]),
    )
    shade = alt.Opacity(
        "certainty:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.02, 0.4])
    )
    return specify(
        alt.Chart(alt.NamedData("grid"))
        .mark_rect()
        .encode(x, y, color, shade, x2="x2:Q", y2="y2:Q"),
        alt.Chart(alt.NamedData("samples"))
        .mark_point(filled=True, size=32, opacity=0.9)
        .encode(x, y, color, shape=alt.Shape("class:N", legend=None)),
        height=320,
    )


@Drawing
def decision_boundary(
    X: Tensor,
    y: Tensor,
    model: Callable[[Tensor], Tensor],
    features: tuple[str, str],
    classes: tuple[str, str],
    title: str = "",
    cells: int = 36,
) -> Content:
    """Draw samples of two features and two classes over what a model thinks of every place.

    The deeper a place's colour, the surer the model.

    Args:
        X: features, shape `(n, 2)`.
        y: 1 for the second class, 0 for the first, shape `(n, 1)`.
        model: gives a logit for each row of features.
        features: the names of the two.
        classes: the names of the two.
        title: what is to be seen.
        cells: how fine the grid is.

    Raises:
        ValueError: if `X` has other features than two, or `X` or `y` is not finite.
    """
    if X.dim() != 2 or X.shape[1] != 2:
        raise ValueError(f"X must have shape (n, 2), got {tuple(X.shape)}")
    check_all_finite("X", X)
    check_all_finite("y", y)
    low, high = X.min(0).values, X.max(0).values
    margin = 0.05 * (high - low)
    edges = [
        torch.linspace(a, b, cells + 1).tolist()
        for a, b in zip((low - margin).tolist(), (high + margin).tolist(), strict=True)
    ]
    centres = [
        torch.tensor([(a + b) / 2 for a, b in pairwise(e)], dtype=X.dtype) for e in edges
    ]
    with torch.no_grad():
        probability = torch.sigmoid(model(torch.cartesian_prod(*centres))).flatten()
    grid: Rows = [
        {
            "x": round(edges[0][i], 4),
            "x2": round(edges[0][i + 1], 4),
            "y": round(edges[1][j], 4),
            "y2": round(edges[1][j + 1], 4),
            "class": classes[p > 0.5],
            "certainty": round(abs(2 * p - 1), 3),
        }
        for (i, j), p in zip(
            ((i, j) for i in range(cells) for j in range(cells)),
            probability.tolist(),
            strict=True,
        )
        if math.isfinite(p)
    ]
    samples: Rows = [
        {"x": round(a, 4), "y": round(b, 4), "class": classes[int(label)]}
        for (a, b), label in zip(X.tolist(), y.flatten().tolist(), strict=True)
    ]
    frame = tuple(round(e, 4) for edge in edges for e in (edge[0], edge[-1]))
    return Content(
        _boundary_specification(features, classes, frame),
        {"grid": grid, "samples": samples},
        title,
        f"Scatter chart of {len(samples)} samples by {features[0]} and {features[1]}, over "
        f"the regions where the model says {classes[0]} or {classes[1]}. {title}",
    )


@cache
def _promises_specification() -> Specification:
    loss = alt.X(
        "loss:Q",
        title="loss",
        scale=alt.Scale(zero=False, padding=45),
        axis=alt.Axis(tickCount=5),
    )
    row = alt.Y("choice:N", title=None, sort=None, axis=alt.Axis(labelLimit=140))
    color = alt.Color(
        "kind:N",
        legend=None,
        scale=alt.Scale(domain=["promised", "delivered"], range=[BLUE, VERMILION]),
    )
    ends = alt.Chart(alt.NamedData("ends")).encode(loss, row, color)
    return specify(
        alt.Chart(alt.NamedData("gaps"))
        .mark_rule(strokeWidth=2, opacity=0.5, color=GREY)
        .encode(alt.X("promised:Q"), row, x2="delivered:Q"),
        ends.mark_point(filled=True, size=90, opacity=1).encode(
            tooltip=[alt.Tooltip("kind:N"), alt.Tooltip("loss:Q", format=".3~f")]
        ),
        ends.mark_text(
            dy=alt.expr("datum.kind == 'promised' ? -13 : 15"), fontSize=12, fontWeight=600
        ).encode(text="kind:N"),
        height=150,
    )


@Drawing
def promises(choices: Mapping[str, tuple[float, float]]) -> Content:
    """Draw the loss that a way of choosing promises, and the loss of fresh samples.

    Args:
        choices: a way of choosing → the loss promised and the loss delivered.
    """
    ends: Rows = [
        {"choice": choice, "kind": kind, "loss": loss}
        for choice, losses in choices.items()
        for kind, loss in zip(("promised", "delivered"), losses, strict=True)
    ]
    gaps: Rows = [
        {"choice": choice, "promised": promised, "delivered": delivered}
        for choice, (promised, delivered) in choices.items()
    ]
    sentences = [
        f"{choice}: {promised:.2f} promised, {delivered:.2f} delivered"
        for choice, (promised, delivered) in choices.items()
    ]
    return Content(
        _promises_specification(),
        {"ends": ends, "gaps": gaps},
        _wrapped(sentences),
        f"Chart of the loss promised and the loss delivered. {'; '.join(sentences)}.",
    )
