"""Chapter four's charts: descents in a bowl that turns, steps, and a rate as a run goes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import altair as alt

from groundup.charts.blocks import (
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    Content,
    Line,
    Panel,
    Specification,
    axis,
    calculate,
    choice,
    ends,
    explorer,
    nothing,
    number,
    on,
    plot,
    shape,
    slider,
    specify,
    wrapped,
)

LEAST, MOST = 1e-6, 100.0
"""A course is cut where it leaves them, as shares of the greatest first value."""


def courses(runs: Mapping[str, Sequence[float]], unit: str, log: bool = True) -> Content:
    """Draw values over a run's steps, from 0 on.

    A run is drawn up to where its values are no numbers or beyond a hundred times the
    greatest first one, or on a log axis where a millionth of it is left.

    Args:
        runs: a name → a value before the first step and after each.
        unit: the vertical axis's words.
        log: whether it is logarithmic.
    """
    first = max((abs(run[0]) for run in runs.values() if run), default=1.0)
    lines: dict[str, Line] = {}
    sentences, told = [], []
    for hue, (name, run) in enumerate(runs.items()):
        inside = [abs(value) <= MOST * first for value in run]  # which NaN is not
        over = [log and value <= LEAST * first for value in run]
        pairs = enumerate(zip(inside, over, strict=True))
        end = next((i for i, (fits, gone) in pairs if not fits or gone), len(run))
        if end == 0:
            continue
        lines[name] = Line([*enumerate(run[:end])], name, hue)
        outcome = number(run[end - 1])
        if end < len(run):
            outcome = f"a millionth in step {end}"
            if not inside[end]:
                outcome = f"diverges in step {end}"
        sentences.append(f"{name}: {outcome}")
        told.append(f"{name} {shape(run[:end])}")
    if not lines:
        return nothing("Nothing to draw")
    panel = Panel(
        "courses",
        unit,
        lines,
        wrapped(sentences),
        f"Line chart of the {unit} over the steps{', on a log axis' if log else ''}: "
        f"{'; '.join(told)}.",
        log,
    )
    return plot("steps done", panel)


def scheduled(losses: Sequence[float], rates: Sequence[float], title: str) -> Content:
    """Draw the loss of each update above the learning rate that it was made with.

    Args:
        losses: one for each update; those that are not positive and finite are left out.
        rates: one for each update.
        title: what is to be seen.
    """
    seen = [(i, v) for i, v in enumerate(losses, 1) if math.isfinite(v) and v > 0]
    if not seen:
        return nothing(title)
    course = [(i, v) for i, v in enumerate(rates, 1)]
    upper = Panel(
        "losses",
        "loss",
        {"loss": Line(seen, "loss", 0)},
        [title],
        "Line chart of the loss after each update, on a log axis: it "
        f"{shape([v for _, v in seen])}.",
        log=True,
    )
    lower = Panel(
        "rates",
        "learning rate",
        {"rate": Line(course, "rate", 1)},
        [],
        f"Below it the learning rate: it {shape([*rates])}.",
    )
    content = plot("updates done", upper, lower)
    return replace(content, params=content.params | ends("lower", rates, low=0.0))


# The explorer. It carries no runs: Vega computes all three in the reader's browser.

STEPS = 40
START = (0.8, 1.2)
"""Where a run begins: along the steep direction of the bowl, and along the flat one."""

BETAS = (0.9, 0.999)
EPS = 1e-8

HEIGHTS = ([280.0, 0.0], [480.0, 340.0])
"""The bowl's part of the view and, under it, the plane's."""

REACH = 1.5
"""From the middle of the bowl to the upper edge of its picture."""

LEVELS = (0.02, 0.08, 0.2, 0.4, 0.7)
"""The losses that the bowl's lines stand for."""

CONDITIONS = (1, 10, 100)
COLORS = {"plain": VERMILION, "momentum": BLUE, "Adam": GREEN}


def _along(direction: int) -> str:
    """Write where momentum is in step `datum.step`, along one of the bowl's directions.

    With the roots r of r² − (1 + β − ηλ) r + β and w(k) = (r₁ᵏ − r₂ᵏ) / (r₁ − r₂), it is
    its start times w(k + 1) − β w(k).
    """

    def w(k: str) -> str:
        half, root = f"of[{direction}].half", f"of[{direction}].root"
        real = f"(pow({half} + {root}, {k}) - pow({half} - {root}, {k})) / (2 * {root})"
        turning = f"pow(momentum, ({k}) / 2) * sin(({k}) * of[{direction}].angle) / {root}"
        equal = f"({k}) * pow({half}, ({k}) - 1)"
        kind = f"of[{direction}].kind"
        return f"(({k}) == 0 ? 0 : {kind} == 0 ? {equal} : {kind} > 0 ? {real} : {turning})"

    return f"{START[direction]} * ({w('datum.step + 1')} - momentum * {w('datum.step')})"


def _roots(direction: int) -> str:
    """Write the roots of a direction: their half sum, half difference, kind and angle."""
    half = f"(1 + momentum - rate * curvatures[{direction}]) / 2"
    square = f"(pow({half}, 2) - momentum)"
    return (
        f"{{half: {half}, root: sqrt(abs({square})), "
        f"kind: abs({square}) < 1e-9 ? 0 : {square} > 0 ? 1 : -1, "
        f"angle: acos(clamp({half} / sqrt(max(momentum, 1e-12)), -1, 1))}}"
    )


def _adam() -> dict[str, str]:
    """Write Adam's run: parameters that each refer to the one before.

    A step's parameter is [x, y, averages of the gradient, averages of its squares].
    """
    beta1, beta2 = BETAS
    params = {"a0": "[" + ", ".join([*_turned(*map(str, START)), *"0000"]) + "]"}
    for k in range(1, STEPS + 1):
        a, g = f"a{k - 1}", f"g{k}"
        params[g] = (
            f"[bowl[0] * {a}[0] + bowl[1] * {a}[1], bowl[1] * {a}[0] + bowl[2] * {a}[1]]"
        )
        averages = [f"{beta1} * {a}[{2 + i}] + {1 - beta1:.3g} * {g}[{i}]" for i in (0, 1)]
        squares = [
            f"{beta2} * {a}[{4 + i}] + {1 - beta2:.3g} * {g}[{i}] * {g}[{i}]"
            for i in (0, 1)
        ]
        m, v = 1 - beta1**k, 1 - beta2**k
        moved = [
            f"{a}[{i}] - adams_rate * ({average}) / {m!r} "
            f"/ (sqrt(({square}) / {v!r}) + {EPS})"
            for i, (average, square) in enumerate(zip(averages, squares, strict=True))
        ]
        params[f"a{k}"] = "[" + ", ".join([*moved, *averages, *squares]) + "]"
    params["adam"] = "[" + ", ".join(f"a{k}" for k in range(STEPS + 1)) + "]"
    return params


def _turned(steep: str, flat: str) -> tuple[str, str]:
    """Write a place of the bowl's axes in the parameters': at first the flat one is x."""
    return (
        f"(({flat}) * cosine - ({steep}) * sine)",
        f"(({flat}) * sine + ({steep}) * cosine)",
    )


IN_THE_BOWL = calculate("y", f"datum.y > -{REACH} && datum.y < 1e6 ? datum.y : null")
"""Takes away what would stand in the lower panel, or far off."""


def _loss(steep: str, flat: str) -> str:
    return f"(curvatures[0] * pow({steep}, 2) + curvatures[1] * pow({flat}, 2)) / 2"


VERDICT = """[
    'Bowl turned by ' + turn + '°, after 40 steps',
    'ηλ ' + format(rate, '.3~g') + ' and ' + format(rate * curvatures[1], '.2~g')
        + ', β ' + format(momentum, '.2f')
        + (rate < 2 * (1 + momentum) ? ': stable' : ': diverges')
]"""
"""The title, which speaks with the sliders."""


def bowl_explorer() -> Content:
    """Draw plain descent, momentum and Adam in a bowl that a reader turns.

    Its curvatures are 1, and 1 over the condition number. All three runs begin at the same
    place of the bowl, which turns with it. Below, the plane of momentum β against ηλ with
    the region where a run is stable, and where both directions of the bowl stand in it.
    """
    return Content(
        _bowl(),
        {
            "names": [{"name": name, "row": i} for i, name in enumerate(COLORS)],
            "levels": [{"level": level} for level in LEVELS],
            "words": [
                {"eta": 0.9, "beta": 0.4, "words": "stable"},
                {"eta": 3.2, "beta": 0.2, "words": "diverges"},
            ],
        },
        "Three descents in a bowl that turns",
        "Two panels. Above, the paths of plain descent, momentum and Adam in a bowl of two "
        "parameters, over its lines of equal loss. Below, the plane of momentum against "
        "the learning rate times the curvature, with the region of stable runs and a point "
        "for each of the bowl's two directions. Sliders turn the bowl and set the learning "
        "rate, the momentum and Adam's rate; a choice sets the condition number.",
        {
            "turn": 0,
            "rate": 1.6,
            "momentum": 0.7,
            "adams_rate": 0.1,
            "condition": 100,
            **ends("y", [-REACH, REACH], margin=0),
            **ends("lower", [0, 1], margin=0),
            **ends("x_eta", [0, 4], margin=0),
        },
    )


@cache
def _bowl() -> Specification:
    def bowl(name: str, field: str, title: str | None) -> Any:
        drawn = axis(name, field, title)
        drawn["scale"]["range"] = HEIGHTS[0]
        return drawn

    x, y = axis("x", "x", "first parameter"), bowl("y", "y", "second parameter")
    x["axis"]["orient"] = "top"
    eta, beta = axis("x_eta", "eta", "ηλ"), axis("lower", "beta", "momentum β")
    beta["scale"]["range"] = HEIGHTS[1]
    ellipse = _turned(
        "sqrt(2 * datum.level / curvatures[0]) * sin(datum.k * PI / 24)",
        "sqrt(2 * datum.level / curvatures[1]) * cos(datum.k * PI / 24)",
    )
    lines = on(
        "levels",
        transform=[
            calculate("k", "sequence(49)"),
            {"flatten": ["k"]},
            calculate("x", ellipse[0]),
            calculate("y", ellipse[1]),
            IN_THE_BOWL,
        ],
    )
    steps = alt.Chart(
        alt.sequence(0, STEPS + 1, as_="step"),
        transform=[
            calculate("plain0", f"{START[0]} * pow(1 - rate * curvatures[0], datum.step)"),
            calculate("plain1", f"{START[1]} * pow(1 - rate * curvatures[1], datum.step)"),
            calculate("momentum0", _along(0)),
            calculate("momentum1", _along(1)),
        ],
    )
    drawn = []
    for name, color in COLORS.items():
        place = (
            ("adam[datum.step][0]", "adam[datum.step][1]")
            if name == "Adam"
            else _turned(f"datum.{name}0", f"datum.{name}1")
        )
        path = steps.transform_calculate(x=place[0], y=place[1])
        path = path.transform_calculate(y=IN_THE_BOWL["calculate"])
        path = path.encode(
            x, y, order=alt.Order("step:Q"), tooltip=["step:Q", "x:Q", "y:Q"]
        )
        drawn += [
            path.mark_line(clip=True, strokeWidth=2, color=color, opacity=0.8),
            path.mark_point(clip=True, filled=True, size=14, opacity=1, color=color),
        ]
        words = on("names").transform_filter(f"datum.name == '{name}'")
        words = words.transform_calculate(
            label=f"'{name}: ' + ({name.lower()}_loss < 1e3 ? 'loss ' "
            f"+ format({name.lower()}_loss, '.2~g') : 'diverged')"
        )
        drawn.append(
            words.mark_text(align="left", color=color).encode(
                x=alt.value(0),
                y=alt.value(HEIGHTS[0][0] + 12 + 17 * [*COLORS].index(name)),
                text="label:N",
            )
        )
    minimum = (
        on("names").transform_filter("datum.row == 0").transform_calculate(x="0", y="0")
    )
    upper = [
        lines.mark_line(clip=True, strokeWidth=1, opacity=0.45, color=GREY).encode(
            x, y, detail="level:Q", order=alt.Order("k:Q")
        ),
        minimum.mark_point(
            shape="cross", size=60, filled=True, opacity=1, color=GREY
        ).encode(x, y),
        *drawn,
    ]
    region = alt.Chart(
        alt.sequence(0, 4.01, 0.1, as_="eta"),
        transform=[
            calculate("beta", "max(0, datum.eta / 2 - 1)"),
            calculate("top", "1"),
            calculate("equal", "pow(1 - sqrt(datum.eta), 2)"),
        ],
    )
    equal = axis("lower", "equal", "momentum β")
    equal["scale"]["range"] = HEIGHTS[1]
    standing = alt.Chart(
        alt.sequence(0, 2, as_="direction"),
        transform=[
            calculate("eta", "rate * curvatures[datum.direction]"),
            calculate("beta", "momentum"),
            calculate("zero", "0"),
            calculate("label", "datum.direction == 0 ? 'steep' : 'flat'"),
            {"filter": "datum.eta <= 4"},
        ],
    )
    zero = axis("lower", "zero", "momentum β")
    zero["scale"]["range"] = HEIGHTS[1]
    dots: dict[str, Any] = {"filled": True, "size": 60, "opacity": 1}
    lower = [
        region.mark_area(opacity=0.12, color=BLUE, line=False).encode(
            eta, beta, y2="top:Q"
        ),
        region.transform_filter("datum.equal <= 1")
        .mark_line(strokeWidth=1.2, strokeDash=[4, 4], color=GREY)
        .encode(eta, equal, order=alt.Order("eta:Q")),
        on("words").mark_text(color=GREY).encode(eta, beta, text="words:N"),
        standing.mark_point(**dots, color=VERMILION).encode(eta, zero),
        standing.mark_point(**dots, color=BLUE).encode(eta, beta),
        standing.mark_text(dx=8, align="left", color=BLUE).encode(
            eta, beta, text="label:N"
        ),
    ]
    both = alt.layer(alt.layer(*upper), alt.layer(*lower))
    both = both.resolve_scale(x="independent", y="independent")
    picture = specify(both, height=HEIGHTS[1][0])
    ratio = f"{REACH} * width / {HEIGHTS[0][0]}"
    last = STEPS
    momentum = [_along(i).replace("datum.step", str(last)) for i in (0, 1)]
    plain = [f"{s} * pow(1 - rate * curvatures[{i}], {last})" for i, s in enumerate(START)]
    adam = (
        f"adam[{last}][1] * cosine - adam[{last}][0] * sine",
        f"adam[{last}][0] * cosine + adam[{last}][1] * sine",
    )
    return explorer(
        picture,
        [
            slider("turn", "turn of the bowl", 0, 90, 1),
            slider("rate", "learning rate", 0.05, 4, 0.05),
            slider("momentum", "momentum", 0, 0.99, 0.01),
            slider("adams_rate", "Adam's rate", 0.01, 0.5, 0.01),
            choice("condition", "condition number", CONDITIONS),
        ],
        VERDICT,
        curvatures="[1, 1 / condition]",
        cosine="cos(turn * PI / 180)",
        sine="sin(turn * PI / 180)",
        # The Hessian in the parameters' axes.
        bowl="[curvatures[0] * sine * sine + curvatures[1] * cosine * cosine, "
        "(curvatures[1] - curvatures[0]) * sine * cosine, "
        "curvatures[0] * cosine * cosine + curvatures[1] * sine * sine]",
        of=f"[{_roots(0)}, {_roots(1)}]",
        **_adam(),
        plain_loss=_loss(*plain),
        momentum_loss=_loss(*momentum),
        adam_loss=_loss(*adam),
        x_ends=f"[-{ratio}, {ratio}]",
        x_ticks=f"sequence(-ceil({ratio}), ceil({ratio}) + 1)",
    )
