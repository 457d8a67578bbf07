"""Runs of either trainer, as more than one chapter shows them: losses and parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from groundup._checks import check_all_finite
from groundup.charts.blocks import (
    Content,
    Line,
    Panel,
    Points,
    nothing,
    number,
    plot,
    shape,
    wrapped,
)
from groundup.naive import NaiveTrainerResult
from groundup.trainer import TrainerResult

Result = NaiveTrainerResult | TrainerResult | Sequence[float]

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


class Curve(NamedTuple):
    """What can be drawn of a run's losses, and how they came to their end."""

    points: Points
    outcome: str
    """In words: "12.3 → 0.01", or "diverged at epoch 31"."""

    diverged: bool


def curve(losses: Sequence[float], start: float) -> Curve:
    """Return losses as points, the first one so far into its epoch.

    A run that diverges is drawn up to where it left, with the last finite point.
    """
    left = diverged_at(losses)
    shown = losses if left is None else losses[: left + 1]
    points = [(i + start, loss) for i, loss in enumerate(shown) if math.isfinite(loss)]
    if left is not None:
        return Curve(points, f"diverged at epoch {math.ceil(left + start)}", True)
    course = [number(losses[i]) for i in (0, -1)[: len(losses)]]
    return Curve(points, " → ".join(course) or "no epochs, nothing trained", False)


def curves(result: Result) -> dict[str, Curve]:
    """Return a run's losses by their names: `loss`, or `train` and `validation`.

    A training loss is the mean over an epoch while the model moves: it is drawn in the
    epoch's middle, and so is each loss of a plain list. Other losses stand where they were
    measured.
    """
    if isinstance(result, Sequence):
        return {"loss": curve(result, 0.5)}
    if isinstance(result, NaiveTrainerResult):
        return {"loss": curve(result.losses, 0)}
    both = {"train": curve(result.train_losses, 0.5)}
    return both | ({"validation": curve(result.val_losses, 1)} if result.val_losses else {})


def compared(runs: Mapping[str, Result]) -> dict[str, Curve]:
    """Return one curve a run: its validation loss, where every trained run has one."""
    found = {name: [*curves(run).values()] for name, run in runs.items()}
    trained = [of for of in found.values() if of[0].points or of[0].diverged]
    every = all(len(of) == 2 for of in trained)
    return {name: of[-1 if every else 0] for name, of in found.items()}


def losses(result: Result | Mapping[str, Result], metric: str | None = None) -> Content:
    """Draw losses over the epochs, on a log axis where they are positive.

    They are a run's, with its validation losses if it has any, or those of several runs by
    their names, compared by their validation losses where all have some. A run that
    diverges is drawn up to where it left the chart, and labelled.

    Args:
        result: a run, or a name → a run; a plain list is a run's training losses.
        metric: a metric of the runs, drawn below.

    Raises:
        ValueError: if a run has no such metric.
    """
    several = isinstance(result, Mapping)
    runs = result if isinstance(result, Mapping) else {"validation": result}
    found = compared(runs) if several else curves(runs["validation"])
    drawn = any(of.points for of in found.values())
    panel = _loss_panel(found, several)
    if not drawn:
        return nothing(*(panel.title if several else [next(iter(found.values())).outcome]))
    lower = [] if metric is None else [_metric_panel(runs, metric, several)]
    return plot("epochs done", panel, *lower)


def _loss_panel(found: Mapping[str, Curve], several: bool) -> Panel:
    shown, courses = {}, []
    for hue, (name, of) in enumerate(found.items()):
        named = several or len(found) > 1
        label = ", ".join([name] * named + [of.outcome] * of.diverged)
        shown[name] = Line(of.points, label, hue)
        losses = [y for _, y in of.points]
        if losses:
            courses.append(f"{name} {of.outcome if of.diverged else shape(losses)}")
    log = all(y > 0 for line in shown.values() for _, y in line.points)
    return Panel(
        "losses",
        "loss",
        shown,
        wrapped([f"{name}: {of.outcome}" for name, of in found.items()]),
        f"Line chart of the loss over the epochs{', on a log axis' if log else ''}: "
        f"{'; '.join(courses)}.",
        log,
    )


def _metric_panel(runs: Mapping[str, Result], metric: str, several: bool) -> Panel:
    shown, last = {}, []
    for hue, (name, run) in enumerate(runs.items()):
        metrics = getattr(run, "metrics", {})
        if metric not in metrics:
            raise ValueError(
                f"metric must be one of {list(metrics)} in {name}, got {metric!r}"
            )
        points = [(i, v) for i, v in enumerate(metrics[metric], 1) if math.isfinite(v)]
        # Metrics are measured on the validation data, whose curve is a run's second one.
        shown[name] = Line(points, name, hue if several else 1)
        of = f" {name}" if len(runs) > 1 else ""
        last += [f"{metric} {number(value)}{of}" for _, value in points[-1:]]
    return Panel("measures", metric, shown, wrapped(last), "; ".join(wrapped(last)) + ".")


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def parameter_names(parameters: Sequence[Tensor], names: Sequence[str] | None) -> list[str]:
    """Name each number: w₁, w₂, …, b for a linear model, p₁ … for others."""
    if names is None:
        several = [f"p{i}·" for i in range(1, len(parameters) + 1)]
        names = ["w", "b"] if len(parameters) == 2 else several
    if len(names) != len(parameters):
        raise ValueError(
            f"names must be one for each of {len(parameters)} parameters, got {list(names)}"
        )
    return [
        name if p.numel() == 1 and name == "b" else name + str(i).translate(_SUBSCRIPTS)
        for name, p in zip(names, parameters, strict=True)
        for i in range(1, p.numel() + 1)
    ]


def flat(tensors: Sequence[Tensor]) -> list[float]:
    """Return all numbers of several tensors, in order."""
    return [value for tensor in tensors for value in tensor.flatten().tolist()]


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
        ValueError: if `names` or `true_parameters` don't fit the parameters.
    """
    panel = _parameter_panel(result, true_parameters, names)
    return plot("epochs done", panel) if panel.lines else nothing(*panel.title)


def _parameter_panel(
    result: NaiveTrainerResult,
    true_parameters: Sequence[Tensor] | None,
    names: Sequence[str] | None,
) -> Panel:
    pattern = result.parameters[0] if result.parameters else true_parameters or ()
    labels = parameter_names(pattern, names)
    if true_parameters is not None:
        _check_shapes(true_parameters, pattern)
    goals = flat(true_parameters or ())
    left = diverged_at(result.losses)
    # The loss at which a run left was measured before the update of parameters[left].
    path = [
        flat(entry) for entry in result.parameters[: None if left is None else left + 1]
    ]
    path = [entry for entry in path if all(map(math.isfinite, entry))]
    if left is not None:
        title = f"Parameters, diverged at epoch {left}"
    elif not path:
        title = "No epochs: no parameter has moved"
    elif goals:
        off = max(abs(a - b) for a, b in zip(path[-1], goals, strict=True))
        title = f"Parameters: {number(off)} from the true ones"
    else:
        title = "Parameters over the epochs"
    shown = {
        f"true {name}": Line([(0, goal), (len(path), goal)], "", i, dashed=True)
        for i, (name, goal) in enumerate(zip(labels, goals, strict=False))
    }
    for i, name in enumerate(labels):
        shown[name] = Line([(e, entry[i]) for e, entry in enumerate(path, 1)], name, i)
    dashed = ", their true values dashed" if goals else ""
    said = f"Line chart of {len(labels)} parameters over the epochs{dashed}. {title}."
    return Panel("parameters", "parameter", shown if path else {}, [title], said)


def _check_shapes(true: Sequence[Tensor], pattern: Sequence[Tensor]) -> None:
    for i, parameter in enumerate(true):
        check_all_finite(f"true_parameters[{i}]", parameter)
    shapes, expected = ([tuple(p.shape) for p in tensors] for tensors in (true, pattern))
    if shapes != expected:
        raise ValueError(f"true_parameters must have the shapes {expected}, got {shapes}")


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
        ValueError: if `names` or `true_parameters` don't fit the parameters.
    """
    lower = _parameter_panel(result, true_parameters, names)
    upper = _loss_panel(curves(result), several=False)
    return plot("epochs done", upper, lower) if lower.lines else losses(result)
