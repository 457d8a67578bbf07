"""Chapter one's own charts: a fit, a sweep, the pace of the descent, and the explorer."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import altair as alt
import torch
from torch import Tensor, nn

from groundup import oracle
from groundup._checks import check_all_finite
from groundup.charts.blocks import (
    BLUE,
    GREY,
    HUE,
    VERMILION,
    Content,
    Line,
    Rows,
    Specification,
    axis,
    calculate,
    choice,
    ends,
    line_rows,
    lines,
    nothing,
    panels,
    points,
    rule,
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
    samples: Rows = [{"x": a, "y": b, "hue": GREY_HUE} for a, b in zip(xs, ys, strict=True)]
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
    tooltip = [alt.Tooltip("x:Q", title="learning rate", format=".3~g")]
    tooltip.append(alt.Tooltip("outcome:N"))
    crosses = alt.Chart(alt.NamedData("diverged")).encode(rate, HUE, y=alt.value(6))
    limit = alt.Chart(alt.NamedData("limit")).encode(rate, HUE)
    return specify(
        rule("limit", rate),
        limit.mark_text(align="right", dx=-5).encode(y=alt.value(38), text="label:N"),
        *lines("trained", rate, loss),
        points("runs", rate, loss, size=30).encode(
            tooltip=[*tooltip, alt.Tooltip("y:Q", title="last loss")]
        ),
        crosses.mark_point(shape="cross", angle=45, size=60, filled=True, opacity=1).encode(
            tooltip=tooltip
        ),
        alt.Chart(alt.NamedData("diverged"))
        .mark_text(align="right", dy=20)
        .encode(HUE, x=alt.value("width"), y=alt.value(0), text="label:N"),
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
    trained, diverged = [], []
    rates, runs = result.learning_rates.tolist(), result.losses.tolist()
    for rate, losses in sorted(zip(rates, runs, strict=True)):
        left = diverged_at(losses)
        row = {"x": rate, "hue": 0 if left is None else RED_HUE, "label": ""}
        if left is None:
            trained.append({**row, "y": losses[-1], "outcome": "trained"})
        else:
            diverged.append({**row, "outcome": f"diverged at epoch {left}"})
    if diverged:
        diverged[0]["label"] = "diverged"
    words = "" if largest_stable is None else f"2 / λmax = {largest_stable:.3f}"
    limit = [{"x": largest_stable, "hue": RED_HUE, "label": words}] if words else []
    last = [row["y"] for row in trained]
    log = bool(last) and min(last) > 0
    told = f"Line chart of the loss after {epochs} epochs over {len(rates)} learning rates"
    if last:
        told += f": it {shape(last)}"
    if diverged:
        told += f"; {len(diverged)} runs diverged, from {diverged[0]['x']:.3g} on"
    if words:
        told += f"; {words}, the largest stable learning rate, is marked"
    return Content(
        _sweep_losses(log),
        {
            **line_rows(
                "trained", {"trained": Line([(r["x"], r["y"]) for r in trained])}, log
            ),
            "runs": trained,
            "diverged": diverged,
            "limit": limit,
        },
        f"Loss after {epochs} epochs, by learning rate",
        told + ".",
        ends("x", rates + [row["x"] for row in limit], log=True, margin=0.02)
        | ends("y", last, log, margin=0.12),
    )


@cache
def _pace() -> Specification:
    x, y = axis("x", "x", "epochs done"), axis("y", "y", "loss − least loss", log=True)
    return specify(points("measured", x, y, size=22), *lines("curves", x, y))


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
    slope = []
    if run and factor > 0:
        end, least = run[-1]
        slope = [(x, least * factor ** (x - end)) for x, _ in run]
    shown = {
        "measured": Line(run, "measured", 0),
        "slope": Line(slope, "slowest", 1, dashed=True),
    }
    title = f"An epoch keeps × {factor:.3f} of the excess"
    excess = [y for _, y in run]
    return Content(
        _pace(),
        {
            **line_rows("curves", shown, log=True),
            "measured": [{"x": x, "y": y, "hue": 0} for x, y in run],
        },
        title,
        "Line chart of the loss minus its least value over the epochs, on a log axis, "
        "beside the dashed slope of the slowest direction, a factor of "
        f"{factor:.3f} an epoch" + (f": it {shape(excess)}." if excess else "."),
        ends("x", [x for x, _ in run] + [0], whole=True, margin=0)
        | ends("y", excess + [y for _, y in slope], log=True),
    )


# The explorer. It carries no runs: Vega computes the closed form in the reader's browser.

CHOSEN = "numbers[problem]"
SHOWN = "limit == 'shown'"
RATE = "round(1000 * pow(10, rate_place)) / 1000"


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
        for i, goal in enumerate(problem.true_parameters):
            check_all_finite(f"true_parameters[{i}] of {name!r}", goal)
    weights, bias = (p.detach() for p in model.parameters())
    names = parameter_names([weights, bias], None)
    numbers = {
        name: _constants(problem, weights, bias) for name, problem in problems.items()
    }
    highest = 10 * max(of["first"] for of in numbers.values())
    lowest = 0.5 * min(of["least"] for of in numbers.values())
    goals = {name: flat(problem.true_parameters) for name, problem in problems.items()}
    values = flat([weights, bias]) + [value for of in goals.values() for value in of]
    frame = ends("lower", values, margin=0.25)
    rules: Rows = [
        {"problem": name, "line": line, "y": goal, "hue": hue % 7, "place": place}
        for name, of in goals.items()
        for hue, (line, goal, place) in enumerate(
            zip(names, of, spread_on(of, frame["lower_ends"]), strict=True)
        )
    ]
    return Content(
        _explorer(tuple(names), tuple(problems), max_epochs),
        {
            "ghosts": _ghosts(problems, model, loss, ghost_rates, max_epochs, highest),
            "goals": rules,
        },
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


@cache
def _explorer(
    names: tuple[str, ...], problems: tuple[str, ...], most: int
) -> Specification:
    x = axis("x", "epoch", "epochs done")
    loss = axis("y", "loss", "loss", log=True, panel=0)
    value = axis("lower", "value", "parameter", panel=1, clamp=True)
    run = alt.Chart().encode(x, loss)
    limit = alt.Chart().encode(x, axis("y", "at_limit", "loss", log=True, panel=0))
    inside = "datum.loss <= y_ends[1]"
    last = "datum.epoch == epochs"
    left = [
        alt.FilterTransform(f"!({inside})"),
        alt.AggregateTransform(
            aggregate=[alt.AggregatedFieldDef(op="min", field="epoch", **{"as": "epoch"})]
        ),
        alt.FilterTransform("isValid(datum.epoch)"),
        calculate("label", "'diverged at epoch ' + datum.epoch"),
    ]
    of_problem = alt.FilterTransform("datum.problem == problem")
    ghosts = alt.Chart(
        alt.NamedData("ghosts"),
        transform=[
            of_problem,
            *unfold("losses", "rate"),
            calculate("epoch", "datum.position - 1"),
        ],
    )
    upper = [
        ghosts.mark_line(clip=True, strokeWidth=1, opacity=0.35, color=GREY).encode(
            x, loss, detail="rate:N"
        ),
        limit.mark_line(
            clip=True,
            strokeWidth=1.5,
            strokeDash=[5, 4],
            color=VERMILION,
            opacity=alt.expr(f"{SHOWN} ? 1 : 0"),
        ),
        limit.transform_filter(last)
        .transform_calculate(
            label=f"{SHOWN} ? 'at 2 / λmax = ' "
            f"+ format({CHOSEN}.largest_stable, '.3f') : ''"
        )
        .mark_text(align="right", dy=-8, color=VERMILION)
        .encode(text="label:N"),
        run.transform_filter(inside).mark_line(clip=True, strokeWidth=3, color=BLUE),
        run.transform_filter(f"{inside} && {last}").mark_point(
            filled=True, size=50, opacity=1, color=BLUE
        ),
        alt.Chart(transform=left)
        .mark_text(
            align=alt.expr("datum.epoch > epochs / 2 ? 'right' : 'left'"), color=BLUE
        )
        .encode(x, y=alt.value(8), text="label:N"),
    ]
    path = [
        alt.FilterTransform(inside),
        *(calculate(name, _parameter(j, len(names))) for j, name in enumerate(names)),
        alt.FoldTransform(fold=[*names], **{"as": ["line", "value"]}),
        calculate("hue", f"indexof({[*names]}, datum.line) % 7"),
    ]
    goals = alt.Chart(alt.NamedData("goals"), transform=[of_problem])
    lower = [
        goals.mark_rule(strokeDash=[4, 4], opacity=0.8).encode(
            axis("lower", "y", "parameter", panel=1, clamp=True), HUE
        ),
        alt.Chart(transform=path)
        .mark_line(clip=True, strokeWidth=2.5)
        .encode(x, value, HUE, detail="line:N", tooltip=["line:N", "epoch:Q", "value:Q"]),
        goals.mark_text(align="left", dx=7).encode(
            axis("lower", "place", "parameter", panel=1, clamp=True),
            HUE,
            x=alt.value("width"),
            text="line:N",
        ),
    ]
    sequence = alt.sequence(0, most + 1, as_="epoch", name="epochs_done")
    return {
        **panels(upper, lower, data=sequence, transform=_run(len(names))),
        "title": {"text": {"expr": _verdict(len(names))}},
        "params": [
            slider("rate_place", "learning rate", -2.3, 0.08, 0.01),
            slider("epochs", "epochs", 1, most, 1),
            choice("problem", "data", problems)
            if len(problems) > 1
            else {"name": "problem"},
            choice("limit", "limit", ["hidden", "shown"]),
            {"name": "learning_rate", "expr": RATE},
            {"name": "x_ends", "expr": "[0, epochs]"},
            {
                "name": "x_ticks",
                "expr": "sequence(0, epochs + 1, max(1, round(epochs / 6)))",
            },
        ],
    }


def _run(directions: int) -> list[alt.FilterTransform | alt.CalculateTransform]:
    """Compute the closed form for each epoch, and the loss at the largest stable η.

    With p = (1 − ηλ)ᵏ for each direction the loss is L* + ½ Σ λ c² p².
    """

    def power(rate: str, i: int) -> str:
        return f"pow(1 - {rate} * {CHOSEN}.eigenvalues[{i}], datum.epoch)"

    def loss(p: str) -> str:
        shares = (
            f"{CHOSEN}.weights[{i}] * datum.{p}{i} * datum.{p}{i}"
            for i in range(directions)
        )
        return " + ".join([f"{CHOSEN}.least", *shares])

    rates = {"p": "learning_rate", "q": f"{CHOSEN}.largest_stable"}
    return [
        alt.FilterTransform("datum.epoch <= epochs"),
        *(
            calculate(f"{p}{i}", power(rate, i))
            for p, rate in rates.items()
            for i in range(directions)
        ),
        calculate("loss", loss("p")),
        calculate("at_limit", loss("q")),
    ]


def _parameter(j: int, directions: int) -> str:
    """Compute θⱼ* + Σ qᵢⱼ cᵢ p."""
    terms = (f"{CHOSEN}.directions[{j}][{i}] * datum.p{i}" for i in range(directions))
    return " + ".join([f"{CHOSEN}.solution[{j}]", *terms])


def _verdict(directions: int) -> str:
    """Return the title, which speaks with the sliders, and of the limit when it is shown.

    An epoch multiplies each direction's share of the excess by (1 − ηλ)²: the largest of
    these factors is the pace.
    """
    factors = [
        f"pow(1 - learning_rate * {CHOSEN}.eigenvalues[{i}], 2)" for i in range(directions)
    ]
    shares = (
        f"{CHOSEN}.weights[{i}] * pow({factor}, epochs)" for i, factor in enumerate(factors)
    )
    last = " + ".join([f"{CHOSEN}.least", *shares])
    stable = f"learning_rate < {CHOSEN}.largest_stable"
    return (
        "['Learning rate ' + format(learning_rate, '.3~f') "
        f"+ ({SHOWN} ? ({stable} ? ' is below ' : ' is above ') + '2 / λmax = ' "
        f"+ format({CHOSEN}.largest_stable, '.3f') : ''), "
        f"({last} <= y_ends[1] ? 'Loss ' + format({last}, '.3~g') : 'Off the chart') "
        "+ ' after ' + epochs + ' epochs' "
        f"+ ({SHOWN} ? ', × ' + format(max({', '.join(factors)}), '.3~r') + ' an epoch' "
        ": '')]"
    )


def _constants(problem: Problem, weights: Tensor, bias: Tensor) -> dict[str, Any]:
    """Return λ, ½ λ c² and q c for each direction, so that only powers are left."""
    q = oracle.quadratic(problem.X, problem.y, weights, bias)
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


def _ghosts(
    problems: Mapping[str, Problem],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    rates: Sequence[float],
    epochs: int,
    highest: float,
) -> Rows:
    """Return the losses of `sweep`'s runs, each cut one point beyond the edge."""
    rows: Rows = []
    for name, (X, y, _) in problems.items():
        runs = sweep(model, loss, X, y, rates, epochs + 1).losses.tolist()
        for rate, run in zip(rates, runs, strict=True):
            end = next((i for i, value in enumerate(run) if not value <= highest), len(run))
            kept = [value for value in run[: end + 1] if math.isfinite(value)]
            rows.append({"problem": name, "rate": rate, "losses": kept})
    return rows
