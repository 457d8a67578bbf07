"""Chapter one's own charts: a fit, a sweep, the pace of the descent, and the explorer."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import altair as alt
import torch
from torch import Tensor, nn

from groundup import oracle
from groundup._checks import check_all_finite
from groundup.charts.blocks import (
    BLUE,
    CHOSEN,
    GHOST,
    GREY,
    HUE,
    VERMILION,
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
    line_rows,
    lines,
    nothing,
    on,
    panels,
    plot,
    points,
    shape,
    slider,
    specify,
    spread_on,
    unfold,
)
from groundup.charts.runs import curve, diverged_at, flat, parameter_names
from groundup.naive import NaiveTrainerResult
from groundup.sweep import SweepResult, sweep

GREY_HUE, RED_HUE = 6, 3


@cache
def _fit() -> Specification:
    x, y = axis("x", "x", "x"), axis("y", "y", "y")
    return specify(points("samples", x, y, size=16, opacity=0.45), *lines("curves", x, y))


def fit(X: Tensor, y: Tensor, predicted: Mapping[str, Tensor], title: str = "") -> Content:
    """Draw samples of one feature, and what models predict for them.

    Args:
        X: the feature, shape `(n, 1)`.
        y: targets, shape `(n, 1)`.
        predicted: a name → predictions for `X`, shape `(n, 1)`; those that are not finite
            are left out.
        title: what is to be seen.
    """
    check_all_finite("X", X)
    check_all_finite("y", y)
    order = X.flatten().argsort()
    xs, ys = X.flatten()[order].tolist(), y.flatten()[order].tolist()
    curves: dict[str, Line] = {}
    for name, values in predicted.items():
        # Every fourth sample draws the same curve with a quarter of the rows.
        along = list(zip(xs, values.detach().flatten()[order].tolist(), strict=True))
        kept = [p for p in along[:-1:4] + along[-1:] if math.isfinite(p[1])]
        curves[name] = Line(kept, name, (RED_HUE, 0, 1, 2)[len(curves) % 4])
    samples = [{"x": a, "y": b, "hue": GREY_HUE} for a, b in zip(xs, ys, strict=True)]
    seen = ys + [b for line in curves.values() for _, b in line.points]
    return Content(
        _fit(),
        {"samples": samples, **line_rows("curves", curves)},
        title,
        f"Scatter chart of {len(xs)} samples with the predictions of {', '.join(curves)}. "
        f"{title}",
        ends("x", xs, margin=0) | ends("y", seen),
    )


@cache
def _sweep_losses(log: bool) -> Specification:
    rate, loss = axis("x", "x", "learning rate", log=True), axis("y", "y", "last loss", log)
    crosses = on("diverged").mark_point(
        shape="cross", angle=45, size=60, filled=True, opacity=1
    )
    limit = on("limit").encode(rate, HUE)
    words = on("diverged").mark_text(align="right", dy=20)
    return specify(
        limit.mark_rule(strokeDash=[4, 4], opacity=0.8),
        limit.mark_text(align="right", dx=-5).encode(y=alt.value(38), text="label:N"),
        *lines("trained", rate, loss, dots=True),
        crosses.encode(rate, HUE, y=alt.value(6), tooltip=["x:Q", "outcome:N"]),
        words.encode(HUE, x=alt.value("width"), y=alt.value(0), text="label:N"),
    )


def sweep_losses(result: SweepResult, largest_stable: float | None = None) -> Content:
    """Draw the last loss of each run over its learning rate.

    The largest stable learning rate is a rule. A run that diverged is a cross at the
    chart's upper edge.

    Args:
        result: a sweep.
        largest_stable: the learning rate 2 / λmax, see
            `oracle.largest_stable_learning_rate`.

    Raises:
        ValueError: if `largest_stable` is not finite.
    """
    if largest_stable is not None:
        check_all_finite("largest_stable", torch.tensor(largest_stable))
    epochs = result.losses.shape[1]
    if epochs == 0:
        return nothing("No epochs, nothing trained")
    trained = []
    diverged: Rows = []
    rates, runs = result.learning_rates.tolist(), result.losses.tolist()
    for rate, losses in sorted(zip(rates, runs, strict=True)):
        left = diverged_at(losses)
        if left is None:
            trained.append((rate, losses[-1]))
        else:
            label = "" if diverged else "diverged"
            row = {"x": rate, "hue": RED_HUE, "label": label}
            diverged.append({**row, "outcome": f"diverged at epoch {left}"})
    last = [loss for _, loss in trained]
    log = bool(last) and min(last) > 0
    told = f"Line chart of the loss after {epochs} epochs over {len(rates)} learning rates"
    if last:
        told += f": it {shape(last)}"
    if diverged:
        told += f"; {len(diverged)} runs diverged, from {diverged[0]['x']:.3g} on"
    limit: Rows = []
    if largest_stable is not None:
        words = f"2 / λmax = {largest_stable:.3f}"
        limit = [{"x": largest_stable, "hue": RED_HUE, "label": words}]
        told += f"; {words}, the largest stable learning rate, is marked"
    rows = line_rows("trained", {"trained": Line(trained)}, log)
    return Content(
        _sweep_losses(log),
        {**rows, "diverged": diverged, "limit": limit},
        f"Loss after {epochs} epochs, by learning rate",
        told + ".",
        ends("x", rates + [row["x"] for row in limit], log=True, margin=0.02)
        | ends("y", last, log, margin=0.12),
    )


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
    run = [(x, y - least_loss) for x, y in curve(result.losses, 0).points]
    run = [(x, y) for x, y in run if y > floor]
    end, least = run[-1] if run else (0, 0)
    slope = [(x, least * factor ** (x - end)) for x, _ in run if factor > 0]
    shown = {
        "measured": Line(run, "measured", 0),
        "slope": Line(slope, "slowest", 1, dashed=True),
    }
    course = f": it {shape([y for _, y in run])}" if run else ""
    panel = Panel(
        "curves",
        "loss − least loss",
        shown,
        [f"An epoch keeps × {factor:.3f} of the excess"],
        "Line chart of the loss minus its least value over the epochs, on a log axis, "
        "beside the dashed slope of the slowest direction, a factor of "
        f"{factor:.3f} an epoch{course}.",
        log=True,
        dots=True,
    )
    return plot("epochs done", panel)


# The explorer. It carries no runs: Vega computes the closed form in the reader's browser.


class Problem(NamedTuple):
    """A linear regression: a reader of `learning_rate_explorer` chooses among several."""

    X: Tensor
    """Features, shape `(n, num_features)`."""

    y: Tensor
    """Targets, shape `(n, 1)`."""

    true_parameters: tuple[Tensor, Tensor]
    """The true weights, shape `(num_features, 1)`, and bias, shape `(1,)`."""


def learning_rate_explorer(
    problems: Mapping[str, Problem],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    ghost_rates: Sequence[float],
    max_epochs: int = 60,
) -> Content:
    """Draw gradient descent on a linear regression at any learning rate.

    The chosen run is the closed form of `oracle.closed_form_path`, evaluated by Vega; the
    ghosts behind it are runs that `sweep` made. The upper panel shows the loss, the lower
    one the parameters. The largest stable learning rate, which a reader may first want to
    guess, and the run at it, a dashed line, are shown when they are asked for.

    Args:
        problems: a name → a problem; the reader chooses among the names.
        model: the linear model at its start, whose parameters are weights and bias.
        loss: the mean squared error.
        ghost_rates: the learning rates of the ghosts.
        max_epochs: how far the epochs' slider goes.

    Raises:
        ValueError: if a problem, the model or a rate does not fit, see `oracle.quadratic`
            and `groundup.sweep`.
    """
    for name, problem in problems.items():
        for i, true in enumerate(problem.true_parameters):
            check_all_finite(f"true_parameters[{i}] of {name!r}", true)
    start = [p.detach() for p in model.parameters()]
    names = parameter_names(start, None)
    numbers = {name: _constants(problem, start) for name, problem in problems.items()}
    highest = 10 * max(of["first"] for of in numbers.values())
    lowest = 0.5 * min(of["least"] for of in numbers.values())
    goals = {name: flat(problem.true_parameters) for name, problem in problems.items()}
    frame = ends("lower", [*flat(start), *chain(*goals.values())], margin=0.25)
    rules: Rows = []
    ghosts: Rows = []
    for name, (X, y, _) in problems.items():
        places = spread_on(goals[name], frame["lower_ends"])
        for i, (goal, place) in enumerate(zip(goals[name], places, strict=True)):
            row = {"problem": name, "line": names[i], "hue": i % 7}
            rules.append({**row, "y": goal, "place": place})
        runs = sweep(model, loss, X, y, ghost_rates, max_epochs + 1).losses.tolist()
        for rate, run in zip(ghost_rates, runs, strict=True):
            row = {"problem": name, "rate": rate}
            ghosts.append({**row, "losses": framed(run, highest)})
    return Content(
        _explorer(tuple(names), tuple(problems), max_epochs),
        {"ghosts": ghosts, "goals": rules},
        "Gradient descent at any learning rate",
        "Two panels over the epochs: the loss on a log axis, over the ghosts of other "
        f"learning rates, and the parameters {', '.join(names)} against their true values. "
        "Sliders set the learning rate and the epochs, a choice shows the limit.",
        {
            "numbers": numbers,
            "rate_place": -1,
            "epochs": 30,
            "problem": next(iter(problems)),
            "limit": "hidden",
            **ends("y", [], log=True, low=lowest, high=highest),
            **frame,
        },
    )


VERDICT = """[
    'Learning rate ' + format(learning_rate, '.3~f') + (shown
        ? (learning_rate < of.largest_stable ? ' is below ' : ' is above ')
            + 'the limit, ' + format(of.largest_stable, '.3f')
        : ''),
    (last <= y_ends[1] ? 'Loss ' + format(last, '.3~g') : 'Off the chart')
        + ' after ' + epochs + ' epochs'
        + (shown ? ', × ' + format(pace, '.3~r') + ' an epoch' : '')
]"""
"""The title, which speaks with the sliders, and of the limit when it is shown."""


@cache
def _explorer(
    names: tuple[str, ...], problems: tuple[str, ...], most: int
) -> Specification:
    def each(term: str) -> list[str]:
        """Write a term for each direction, of which # stands for one."""
        return [term.replace("#", str(i)) for i in range(len(names))]

    def total(first: str, term: str) -> str:
        return " + ".join([first, *each(term)])

    x = axis("x", "epoch", "epochs done")
    loss, at_limit = (
        axis("y", column, "loss", log=True, panel=0) for column in ("loss", "at_limit")
    )
    value, goal, place = (
        axis("lower", column, "parameter", panel=1) for column in ("value", "y", "place")
    )
    inside, last = "datum.loss <= y_ends[1]", "datum.epoch == epochs"
    of_problem = {"filter": "datum.problem == problem"}
    ghosts = on("ghosts", transform=[of_problem, *unfold("losses", "rate")])
    run = alt.Chart().transform_filter(inside)
    limit = alt.Chart().transform_filter("shown").encode(x, at_limit)
    left = alt.Chart().transform_filter(f"!({inside})")
    left = left.transform_aggregate(epoch="min(epoch)")
    left = left.transform_filter("isValid(datum.epoch)")
    left_side = alt.expr("datum.epoch > epochs / 2 ? 'right' : 'left'")
    paths = run.transform_fold([*names], as_=["line", "value"]).transform_calculate(
        hue=f"indexof({[*names]}, datum.line) % 7"
    )
    goals = on("goals", transform=[of_problem])
    upper = [
        ghosts.transform_calculate(epoch="datum.position - 1")
        .mark_line(**GHOST)
        .encode(x, loss, detail="rate:N"),
        limit.mark_line(clip=True, strokeWidth=1.5, strokeDash=[5, 4], color=VERMILION),
        limit.transform_filter(last)
        .transform_calculate(label="'at the limit, ' + format(of.largest_stable, '.3f')")
        .mark_text(align="right", dy=-8, color=VERMILION)
        .encode(text="label:N"),
        run.mark_line(**CHOSEN).encode(x, loss),
        run.transform_filter(last)
        .mark_point(filled=True, size=50, opacity=1, color=BLUE)
        .encode(x, loss),
        left.transform_calculate(label="'diverged at epoch ' + datum.epoch")
        .mark_text(color=BLUE, align=left_side)
        .encode(x, y=alt.value(8), text="label:N"),
        *key({"this learning rate": BLUE, "others": GREY}, top=24),
    ]
    lower = [
        goals.mark_rule(strokeDash=[4, 4], opacity=0.8).encode(goal, HUE),
        paths.mark_line(clip=True, strokeWidth=2.5).encode(
            x, value, HUE, detail="line:N", tooltip=["line:N", "epoch:Q", "value:Q"]
        ),
        goals.mark_text(align="left", dx=7).encode(
            place, HUE, x=alt.value("width"), text="line:N"
        ),
    ]
    # With p = (1 − ηλ)ᵏ for each direction, the loss is L* + ½ Σ λ c² p², and a parameter
    # θⱼ* + Σ qᵢⱼ cᵢ p.
    powers = each("pow(1 - learning_rate * of.eigenvalues[#], datum.epoch)")
    closed_form = dict(zip(each("p#"), powers, strict=True))
    closed_form["loss"] = total("of.least", "of.weights[#] * datum.p# * datum.p#")
    power = "pow(1 - of.largest_stable * of.eigenvalues[#], 2 * datum.epoch)"
    closed_form["at_limit"] = total("of.least", f"of.weights[#] * {power}")
    for j, name in enumerate(names):
        closed_form[name] = total(f"of.solution[{j}]", f"of.directions[{j}][#] * datum.p#")
    picture = panels(
        upper,
        lower,
        data=alt.sequence(0, most + 1, as_="epoch"),
        transform=[
            {"filter": "datum.epoch <= epochs"},
            *(calculate(name, formula) for name, formula in closed_form.items()),
        ],
    )
    # What an epoch leaves of each direction's share of the excess: the most is the pace.
    factor = "pow(1 - learning_rate * of.eigenvalues[#], 2)"
    return explorer(
        picture,
        [
            slider("rate_place", "learning rate", -2.3, 0.08, 0.01),
            slider("epochs", "epochs", 1, most, 1),
            *([choice("problem", "data", problems)] if len(problems) > 1 else []),
            choice("limit", "limit", ["hidden", "shown"]),
        ],
        VERDICT,
        "epochs",
        of="numbers[problem]",
        learning_rate="round(1000 * pow(10, rate_place)) / 1000",
        shown="limit == 'shown'",
        last=total("of.least", f"of.weights[#] * pow({factor}, epochs)"),
        pace=f"max({', '.join(each(factor))})",
    )


def _constants(problem: Problem, start: Sequence[Tensor]) -> dict[str, Any]:
    """Return λ, ½ λ c² and q c for each direction, so that only powers are left."""
    q = oracle.quadratic(problem.X, problem.y, *start)
    share = 0.5 * q.eigenvalues * q.offsets**2
    return {
        "eigenvalues": q.eigenvalues.tolist(),
        "weights": share.tolist(),
        "directions": (q.eigenvectors * q.offsets).tolist(),
        "solution": q.solution.tolist(),
        "least": q.least_loss,
        "first": q.least_loss + share.sum().item(),
        "largest_stable": 2 / q.eigenvalues[-1].item(),
    }
