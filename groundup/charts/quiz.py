"""A quiz: a loss curve of a loop with one wrong line, and the reader picks the line."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import altair as alt

from groundup.charts.blocks import (
    BLUE,
    CHOSEN,
    GREEN,
    GREY,
    Content,
    Rows,
    Specification,
    axis,
    choice,
    ends,
    explorer,
    on,
    shape,
    slider,
    specify,
)
from groundup.charts.runs import curve

UNPICKED = "?"
"""The first choice among the lines."""


class Bug(NamedTuple):
    """A wrong line of a loop, and what comes of it."""

    line: int
    """Its number, from 1 on."""

    why: str
    """What is wrong, in a few words."""

    right: str
    """What the line should be."""

    losses: list[float]
    """Of a run of the loop with the wrong line."""


def guilty_line(right: Sequence[float], bugs: Sequence[Bug], lines: int) -> Content:
    """Draw the losses of a loop with a wrong line, over those of the loop as it should be.

    The reader chooses the curve and the line; the title says whether it is that one, and
    the curve turns green if it is.

    Args:
        right: losses of the loop as it should be, all positive.
        bugs: the wrong lines, a curve each, in the order of their numbers.
        lines: how many lines the loop has.
    """
    runs = [curve(losses, 0).points for losses in [right, *(bug.losses for bug in bugs)]]
    rows: Rows = [
        {"curve": i, "x": x, "y": y} for i, run in enumerate(runs) for x, y in run
    ]
    told = [f"curve {i} {shape([y for _, y in run])}" for i, run in enumerate(runs) if i]
    answers = [
        {
            "line": str(bug.line),
            "said": [f"Line {bug.line}: {bug.why}", f"Right: {bug.right}"],
        }
        for bug in bugs
    ]
    return Content(
        _guilty_line(len(bugs), lines),
        {"runs": rows},
        "",
        f"Line chart of the losses of {len(bugs)} loops with one wrong line each, on a log "
        "axis, over those of the right loop. Controls choose the curve and the guilty "
        f"line. In words: {'; '.join(told)}.",
        {
            "answers": answers,
            "curve": 1,
            "guilty": UNPICKED,
            **ends("x", [row["x"] for row in rows], whole=True, margin=0),
            **ends("y", [row["y"] for row in rows], log=True),
        },
    )


VERDICT = f"""guilty == '{UNPICKED}'
    ? ['Curve ' + curve + ': which line is guilty?', 'Grey is the loop as it should be']
    : found ? answers[curve - 1].said
    : ['Not line ' + guilty, 'What would it do to the curve?']"""
"""The title, which speaks with the controls."""


@cache
def _guilty_line(curves: int, lines: int) -> Specification:
    x, y = axis("x", "x", "epochs done"), axis("y", "y", "loss", log=True)
    rows = on("runs").encode(x, y)
    right = rows.transform_filter("datum.curve == 0")
    chosen = rows.transform_filter("datum.curve == curve")
    color = alt.expr(f"found ? '{GREEN}' : '{BLUE}'")
    tooltip = [
        alt.Tooltip("x:Q", title="epochs done"),
        alt.Tooltip("y:Q", title="loss", format=",.4~g"),
    ]
    picture = specify(
        right.mark_line(strokeWidth=2.5, opacity=0.6, color=GREY),
        chosen.mark_line(**CHOSEN | {"color": color}),
        chosen.mark_point(filled=True, size=25, opacity=1, color=color).encode(
            tooltip=tooltip
        ),
        height=260,
    )
    return explorer(
        picture,
        [
            slider("curve", "curve", 1, curves, 1),
            choice("guilty", "guilty line", [UNPICKED, *map(str, range(1, lines + 1))]),
        ],
        VERDICT,
        found="guilty == answers[curve - 1].line",
    )
