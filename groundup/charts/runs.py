"""Runs of either trainer, as more than one chapter shows them: losses and parameters."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from torch import Tensor

from groundup._checks import check_all_finite
from groundup.charts.blocks import (
    Content,
    Line,
    Rows,
    Specification,
    axis,
    ends,
    line_rows,
    lines,
    nothing,
    number,
    panels,
    rule,
    shape,
    specify,
    wrapped,
)
from groundup.naive import NaiveTrainerResult
from groundup.trainer import TrainerResult

Result = NaiveTrainerResult | TrainerResult | Sequence[float]
Points = list[tuple[float, float]]

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
    points = [(int(x) if x == int(x) else x, y) for x, y in points]
    if left is not None:
        return Curve(points, f"diverged at epoch {math.ceil(left + start)}", True)
    if not losses:
        return Curve([], "no epochs, nothing trained", False)
    course = [number(losses[0]), number(losses[-1])][: len(losses)]
    return Curve(points, " → ".join(course), False)


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
    """Return one curve a run: its validation loss, where every run has one."""
    found = {name: curves(run) for name, run in runs.items()}
    trained = [
        of for of in found.values() if any(c.points or c.diverged for c in of.values())
    ]
    part = "validation" if trained and all("validation" in of for of in trained) else None
    return {
        name: of.get(part or next(iter(of)), next(iter(of.values())))
        for name, of in found.items()
    }


@cache
def _losses(log: bool, metric: str | None) -> Specification:
    x = axis("x", "x", "epochs done")
    loss = axis("y", "y", "loss", log, panel=None if metric is None else 0)
    upper = lines("losses", x, loss)
    if metric is None:
        return specify(*upper)
    return panels(upper, lines("measures", x, axis("lower", "y", metric, panel=1)))


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
    found = compared(result) if isinstance(result, Mapping) else curves(result)
    runs = result if isinstance(result, Mapping) else {"validation": result}
    sentences = [f"{name}: {of.outcome}" for name, of in found.items()]
    shown = {
        name: Line(of.points, _label(name, of, several or len(found) > 1), hue)
        for hue, (name, of) in enumerate(found.items())
    }
    seen = [y for line in shown.values() for _, y in line.points]
    if not seen:
        return nothing(*(sentences if several else [next(iter(found.values())).outcome]))
    log = min(seen) > 0
    last = max(x for line in shown.values() for x, _ in line.points)
    params = ends("x", [0, math.ceil(last)], whole=True, margin=0) | ends("y", seen, log)
    datasets = line_rows("losses", shown, log)
    if metric is not None:
        measured = _measured(runs, metric)
        datasets |= line_rows("measures", measured)
        params |= ends("lower", [y for line in measured.values() for _, y in line.points])
        sentences += [
            f"{metric} {number(line.points[-1][1])}" + (f" {name}" if several else "")
            for name, line in measured.items()
            if line.points
        ]
    courses = [
        f"{name} {of.outcome if of.diverged else shape([y for _, y in of.points])}"
        for name, of in found.items()
        if of.points
    ]
    return Content(
        _losses(log, metric),
        datasets,
        wrapped(sentences),
        f"Line chart of the loss over the epochs{', on a log axis' if log else ''}: "
        + "; ".join(courses + sentences[len(found) :])
        + ".",
        params,
    )


def _label(name: str, of: Curve, named: bool) -> str:
    return ", ".join([name] * named + [of.outcome] * of.diverged)


def _measured(runs: Mapping[str, Result], metric: str) -> dict[str, Line]:
    measured = {}
    for hue, (name, run) in enumerate(runs.items()):
        metrics = getattr(run, "metrics", {})
        if metric not in metrics:
            raise ValueError(
                f"metric must be one of {list(metrics)} in {name}, got {metric!r}"
            )
        points = [(i, v) for i, v in enumerate(metrics[metric], 1) if math.isfinite(v)]
        # Metrics are measured on the validation data, whose curve is a run's second one.
        measured[name] = Line(points, name, hue if len(runs) > 1 else 1)
    return measured


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


@cache
def _trajectories() -> Specification:
    x, value = axis("x", "x", "epochs done"), axis("lower", "y", "parameter")
    return specify(rule("goals", value), *lines("parameters", x, value))


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
    pattern = result.parameters[0] if result.parameters else true_parameters or ()
    labels = parameter_names(pattern, names)
    goals: list[float] = []
    if true_parameters is not None:
        _check_shapes(true_parameters, pattern)
        goals = flat(true_parameters)
    left = diverged_at(result.losses)
    # The loss at which a run left was measured before the update of parameters[left].
    path = [
        flat(entry) for entry in result.parameters[: None if left is None else left + 1]
    ]
    path = [entry for entry in path if all(map(math.isfinite, entry))]
    if not path:
        return nothing(
            "No epochs: no parameter has moved"
            if left is None
            else f"Diverged at epoch {left}"
        )
    if left is not None:
        title = f"Parameters, until the run diverged at epoch {left}"
    elif goals:
        off = max(abs(a - b) for a, b in zip(path[-1], goals, strict=True))
        title = f"Parameters: within {number(off)} of the true ones"
    else:
        title = "Parameters over the epochs"
    shown = {
        name: Line([(epoch, entry[i]) for epoch, entry in enumerate(path, 1)], name, i)
        for i, name in enumerate(labels)
    }
    rules: Rows = [
        {"line": name, "y": goal, "hue": line.hue % 7}
        for (name, line), goal in zip(shown.items(), goals, strict=False)
    ]
    seen = [value for entry in path for value in entry] + goals
    return Content(
        _trajectories(),
        {**line_rows("parameters", shown), "goals": rules},
        title,
        f"Line chart of {len(labels)} parameters over the epochs"
        + (", their true values as dashed rules. " if goals else ". ")
        + title
        + ".",
        ends("x", [0, len(path)], whole=True, margin=0) | ends("lower", seen),
    )


def _check_shapes(true: Sequence[Tensor], pattern: Sequence[Tensor]) -> None:
    for i, parameter in enumerate(true):
        check_all_finite(f"true_parameters[{i}]", parameter)
    shapes, expected = ([tuple(p.shape) for p in tensors] for tensors in (true, pattern))
    if shapes != expected:
        raise ValueError(f"true_parameters must have the shapes {expected}, got {shapes}")


@cache
def _training(log: bool) -> Specification:
    x, value = axis("x", "x", "epochs done"), axis("lower", "y", "parameter", panel=1)
    loss = lines("losses", x, axis("y", "y", "loss", log, panel=0))
    return panels(loss, [rule("goals", value), *lines("parameters", x, value)])


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
    upper, lower = losses(result), trajectories(result, true_parameters, names)
    if "losses" not in upper.datasets or "parameters" not in lower.datasets:
        return upper
    return Content(
        _training(min(row["y"] for row in upper.datasets["losses"]) > 0),
        {**upper.datasets, **lower.datasets},
        [*upper.title, str(lower.title)],
        f"{upper.description} {lower.description}",
        {**upper.params, **lower.params},
    )
