"""A chart with sliders of its own that answers in the browser, without a kernel."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import altair as alt
from torch import Tensor, nn

from groundup import oracle
from groundup._checks import check_all_finite
from groundup.charts.drawing import (
    BLUE,
    EPOCHS_AXIS,
    GREY,
    LOWER_PANEL,
    PANELS_HEIGHT,
    UPPER_PANEL,
    VERMILION,
    Content,
    Drawing,
    Rows,
    Specification,
    calculate,
    specify,
    unfold_losses,
)
from groundup.charts.runs import (
    PARAMETER_TOOLTIP,
    flat,
    parameter_color,
    parameter_names,
    spread,
)
from groundup.sweep import sweep

# The numbers of the problem that the reader has chosen: see `_constants`.
CHOSEN = "numbers[problem]"


class Problem(NamedTuple):
    """A linear regression: a reader of `learning_rate_explorer` chooses among several."""

    X: Tensor
    """Features, shape `(n, num_features)`."""

    y: Tensor
    """Targets, shape `(n, 1)`."""

    true_parameters: tuple[Tensor, Tensor]
    """The true weights, shape `(num_features, 1)`, and bias, shape `(1,)`."""


@Drawing
def learning_rate_explorer(
    problems: Mapping[str, Problem],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    ghost_rates: Sequence[float],
    max_epochs: int = 60,
) -> Content:
    """Draw gradient descent on a linear regression at any learning rate.

    All is computed in the reader's browser.

    The chosen run is the closed form of `oracle.closed_form_path`, evaluated by Vega; the
    ghosts behind it are runs that `sweep` made, and the dashed line is the run at the
    largest stable learning rate. The upper panel shows the loss, the lower one the
    parameters.

    Args:
        problems: a name → a problem; the reader chooses among the names.
        model: the linear model at its start, whose parameters are weights and bias.
        loss: the mean squared error.
        ghost_rates: the learning rates of the ghosts.
        max_epochs: how far the epochs' slider goes.

    Raises:
        ValueError: if a problem, the model or a rate does not fit or is not finite, see
            `oracle.quadratic` and `groundup.sweep`.
    """
    weights, bias = (p.detach() for p in model.parameters())
    names = parameter_names([weights, bias], None)
    constants = {
        name: _constants(problem, weights, bias) for name, problem in problems.items()
    }
    highest = 10 * max(c["first"] for c in constants.values())
    lowest = 0.5 * min(c["least"] for c in constants.values())
    values = flat([weights, bias]) + [
        v for problem in problems.values() for v in flat(problem.true_parameters)
    ]
    margin = 0.25 * (max(values) - min(values))
    frame = (min(values) - margin, max(values) + margin)

    numbers = {"name": "numbers", "value": constants}
    specification = _specification(tuple(names), (lowest, highest), frame, max_epochs)
    params = [*_sliders(list(problems), max_epochs), numbers]
    return Content(
        {**specification, "params": params},
        {
            "ghosts": _ghosts(problems, model, loss, ghost_rates, max_epochs, highest),
            "goals": _goals(problems, names, gap=0.07 * (frame[1] - frame[0])),
        },
        {"text": {"expr": _verdict(len(names))}},
        "Two panels over the epochs: the loss on a log axis, over the ghosts of other "
        f"learning rates, and the parameters {', '.join(names)} against their true values. "
        "Sliders set the learning rate and the epochs.",
    )


@cache
def _specification(
    names: tuple[str, ...],
    losses: tuple[float, float],
    values: tuple[float, float],
    max_epochs: int,
) -> Specification:
    """Make the two panels, of losses and of values between these bounds."""
    lowest, highest = losses
    epoch = alt.X(
        "epoch:Q",
        title="epochs done",
        scale=alt.Scale(domain=[0, alt.ExprRef("epochs")], nice=False),
        axis=EPOCHS_AXIS,
    )
    loss_axis = alt.Y(
        "loss:Q",
        title="loss",
        scale=alt.Scale(
            type="log", domain=[lowest, highest], range=UPPER_PANEL, nice=False
        ),
        axis=alt.Axis(tickCount=4, format="~g"),
    )
    value_axis = alt.Y(
        "value:Q",
        title="parameter",
        scale=alt.Scale(domain=list(values), range=LOWER_PANEL, nice=False, clamp=True),
        axis=alt.Axis(tickCount=5, orient="left"),
    )
    color = parameter_color(names)

    inside = f"datum.loss <= {highest}"
    chosen_loss = alt.Chart().transform_filter(inside).encode(epoch, loss_axis)
    left = [
        alt.FilterTransform(f"!({inside})"),
        alt.AggregateTransform(
            aggregate=[alt.AggregatedFieldDef(op="min", field="epoch", **{"as": "epoch"})]
        ),
        alt.FilterTransform("isValid(datum.epoch)"),
        calculate("label", "'diverged at epoch ' + datum.epoch"),
    ]
    limit_axis = loss_axis.copy()
    limit_axis["shorthand"] = "limit:Q"
    at_limit = alt.Chart().encode(epoch, limit_axis)
    ghosts = alt.Chart(
        alt.NamedData("ghosts"),
        transform=[
            alt.FilterTransform("datum.problem == problem"),
            *unfold_losses("rate"),
            calculate("epoch", "datum.position - 1"),
        ],
    )
    loss_panel = [
        ghosts.mark_line(clip=True, strokeWidth=1, opacity=0.35, color=GREY).encode(
            epoch, loss_axis, detail="rate:N"
        ),
        at_limit.mark_line(clip=True, strokeWidth=1.5, strokeDash=[5, 4], color=VERMILION),
        at_limit.transform_filter("datum.epoch == epochs")
        .transform_calculate(
            label=f"'at 2 / λmax = ' + format({CHOSEN}.largest_stable, '.3f')"
        )
        .mark_text(align="right", dy=-8, fontSize=12, fontWeight=600, color=VERMILION)
        .encode(text="label:N"),
        chosen_loss.mark_line(clip=True, strokeWidth=3, color=BLUE),
        chosen_loss.transform_filter("datum.epoch == epochs").mark_point(
            filled=True, size=50, opacity=1, color=BLUE
        ),
        alt.Chart(transform=left)
        .mark_text(
            align=alt.expr("datum.epoch > epochs / 2 ? 'right' : 'left'"),
            fontSize=12,
            fontWeight=600,
            color=BLUE,
        )
        .encode(epoch, y=alt.value(8), text="label:N"),
    ]

    path = [
        alt.FilterTransform(inside),
        *(calculate(name, _parameter(j, len(names))) for j, name in enumerate(names)),
        alt.FoldTransform(fold=[*names], **{"as": ["parameter", "value"]}),
    ]
    goals = alt.Chart(
        alt.NamedData("goals"),
        transform=[alt.FilterTransform("datum.problem == problem")],
    )
    value_panel = [
        goals.mark_rule(strokeDash=[4, 4], opacity=0.8).encode(y=value_axis, color=color),
        alt.Chart(transform=path)
        .mark_line(clip=True, strokeWidth=2.5)
        .encode(epoch, value_axis, color, tooltip=PARAMETER_TOOLTIP),
        goals.transform_calculate(value="datum.place")
        .mark_text(align="left", dx=5, fontSize=12, fontWeight=600)
        .encode(x=alt.value("width"), y=value_axis, text="parameter:N", color=color),
    ]

    both = alt.layer(
        alt.layer(*loss_panel),
        alt.layer(*value_panel),
        data=alt.sequence(0, max_epochs + 1, as_="epoch", name="epochs_done"),
        transform=_run(len(names)),
    ).resolve_scale(y="independent")
    return specify(both, height=PANELS_HEIGHT, right=30)


def _run(directions: int) -> list[alt.FilterTransform | alt.CalculateTransform]:
    """Compute the closed form for each epoch, and the loss at the largest stable η.

    With p = (1 − ηλ)ᵏ for each direction the loss is L* + ½ Σ λ c² p².
    """
    power = f"pow(1 - learning_rate * {CHOSEN}.eigenvalues[{{i}}], datum.epoch)"
    share = f"{CHOSEN}.weights[{{i}}] * {{p}} * {{p}}"
    at_limit = (
        f"pow(1 - {CHOSEN}.largest_stable * {CHOSEN}.eigenvalues[{{i}}], datum.epoch)"
    )

    def loss(p: str) -> str:
        shares = (share.format(i=i, p=p.format(i=i)) for i in range(directions))
        return " + ".join([f"{CHOSEN}.least", *shares])

    return [
        alt.FilterTransform("datum.epoch <= epochs"),
        *(calculate(f"p{i}", power.format(i=i)) for i in range(directions)),
        *(calculate(f"q{i}", at_limit.format(i=i)) for i in range(directions)),
        calculate("loss", loss("datum.p{i}")),
        calculate("limit", loss("datum.q{i}")),
    ]


def _parameter(j: int, directions: int) -> str:
    """Compute θⱼ* + Σ qᵢⱼ cᵢ p."""
    terms = (f"{CHOSEN}.directions[{j}][{i}] * datum.p{i}" for i in range(directions))
    return " + ".join([f"{CHOSEN}.solution[{j}]", *terms])


def _verdict(directions: int) -> str:
    """Return the title, which speaks with the sliders."""
    kept = ", ".join(
        f"pow(1 - learning_rate * {CHOSEN}.eigenvalues[{i}], 2)" for i in range(directions)
    )
    stable = f"learning_rate < {CHOSEN}.largest_stable"
    return (
        f"[({stable} ? 'Stable' : 'Unstable') + ': learning rate ' "
        f"+ format(learning_rate, '.3~f') + ({stable} ? ' is below ' : ' is above ') "
        f"+ format({CHOSEN}.largest_stable, '.3f'), ({stable} "
        "? 'The slowest direction keeps × ' : 'The steepest direction grows × ') "
        f"+ format(max({kept}), '.3~r') + ' an epoch']"
    )


def _sliders(names: list[str], max_epochs: int) -> list[dict[str, Any]]:
    """Return the reader's sliders, with the same names as a notebook's own."""
    rates = {
        "input": "range",
        "min": 0.005,
        "max": 1.2,
        "step": 0.005,
        "name": "learning rate ",
    }
    epochs = {"input": "range", "min": 1, "max": max_epochs, "step": 1, "name": "epochs "}
    choice = (
        {"bind": {"input": "select", "options": names, "name": "data "}}
        if len(names) > 1
        else {}
    )
    return [
        {"name": "learning_rate", "value": 0.1, "bind": rates},
        {"name": "epochs", "value": 30, "bind": epochs},
        {"name": "problem", "value": names[0], **choice},
    ]


def _constants(problem: Problem, weights: Tensor, bias: Tensor) -> dict[str, Any]:
    """Return λ, ½ λ c² and q c for each direction, so that only powers are left."""
    for i, goal in enumerate(problem.true_parameters):
        check_all_finite(f"true_parameters[{i}]", goal)
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
    """Return the losses of `sweep`'s runs, in four figures, each cut at the edge."""
    rows: Rows = []
    for name, (X, y, _) in problems.items():
        for rate, run in zip(
            rates, sweep(model, loss, X, y, rates, epochs + 1).losses.tolist(), strict=True
        ):
            end = next((i for i, value in enumerate(run) if not value <= highest), len(run))
            # One point beyond the frame, so that the line leaves it.
            kept = [
                float(f"{value:.4g}") for value in run[: end + 1] if math.isfinite(value)
            ]
            rows.append({"problem": name, "rate": float(f"{rate:.3g}"), "losses": kept})
    return rows


def _goals(problems: Mapping[str, Problem], names: Sequence[str], gap: float) -> Rows:
    """Return each parameter's true value, and where its name touches no other."""
    rows: Rows = []
    for name, problem in problems.items():
        goals = flat(problem.true_parameters)
        rows += [
            {"problem": name, "parameter": parameter, "value": goal, "place": place}
            for parameter, goal, place in zip(names, goals, spread(goals, gap), strict=True)
        ]
    return rows
