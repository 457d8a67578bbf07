"""Chapter six's charts: resumed runs over the one that nobody killed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import altair as alt

from groundup.charts.blocks import (
    BLUE,
    CHOSEN,
    GHOST,
    GREY,
    PALETTE,
    PANELS,
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
    key,
    number,
    on,
    panels,
    plot,
    rounded,
    shape,
    slider,
    unfold,
    wrapped,
)

Runs = Sequence[Sequence[Sequence[float]]]
"""For each kill and each thing that is forgotten: a value after each step from there on."""

SAME = "the same weights, bit for bit"


def resumed(
    losses: Sequence[float],
    again: Sequence[float],
    distances: Sequence[float],
    done: int,
) -> Content:
    """Draw a resumed run over the one that was never killed, above how far it is from it.

    Args:
        losses: of the run that was never killed, after each step.
        again: of the resumed run, the first one after step `done + 1`.
        distances: of its weights from the other's, after the same steps.
        done: how many steps were done when the run went on.

    Raises:
        ValueError: if there are not as many distances as losses.
    """
    if len(again) != len(distances):
        raise ValueError(
            f"distances must be as many as losses, {len(again)}, got {len(distances)}"
        )
    steps = range(done + 1, done + 1 + len(again))
    farthest = max(distances, default=0.0)
    end = f"weights {number(distances[-1])} apart at the end" if farthest > 0 else SAME
    upper = Panel(
        "losses",
        "validation loss",
        {
            "never killed": Line(
                [*enumerate(losses, 1)], "never killed", PALETTE.index(GREY)
            ),
            "resumed": Line(
                [*zip(steps, again, strict=True)], "resumed", PALETTE.index(BLUE)
            ),
        },
        wrapped([f"resumed after step {done}", end]),
        f"Line chart of the validation loss over the steps. Never killed, it "
        f"{shape(losses)}. Resumed after step {done}, it {shape(again)}.",
    )
    course = [*zip(steps, distances, strict=True)]
    lower = Panel(
        "distances",
        "distance of the weights",
        {"distance": Line(course, "", PALETTE.index(VERMILION))},
        [],
        "Below it the distance of its weights from those of the other: "
        + (f"it {shape(distances)}." if farthest > 0 else f"{SAME}."),
    )
    drawn = plot("steps done", upper, lower)
    return replace(drawn, params=drawn.params | ends("lower", [0.0, farthest or 1.0]))


def resume_explorer(
    losses: Sequence[float],
    again: Runs,
    distances: Runs,
    kills: Sequence[int],
    forgotten: Mapping[str, str],
    opens_at: tuple[int, str],
) -> Content:
    """Draw runs that were killed, and resumed without something, over the true one.

    Args:
        losses: of the run that was never killed, after each step.
        again: of the resumed runs, the first one after the step that follows the kill.
        distances: of their weights from the true ones, after the same steps.
        kills: after how many steps they were killed, evenly spaced.
        forgotten: what they were resumed without, each with its words in the title.
        opens_at: the kill and the thing at which its controls stand first.

    Raises:
        ValueError: if there are not as many runs as kills and things to forget, or it
            opens at none of them.
    """
    kill, without = opens_at
    if kill not in kills or without not in forgotten:
        raise ValueError(
            f"opens_at must be one of {[*kills]} and of {[*forgotten]}, got {opens_at}"
        )
    for name, runs in {"again": again, "distances": distances}.items():
        counts = [len(row) for row in runs]
        if counts != [len(forgotten)] * len(kills):
            raise ValueError(
                f"{name} must have {len(forgotten)} runs for each of {len(kills)} kills, "
                f"got {counts}"
            )
    seen = [v for row in again for run in row for v in run]
    apart = [d for row in distances for run in row for d in run if d > 0]
    spacing = kills[1] - kills[0] if len(kills) > 1 else 1
    return Content(
        _resumes(kills[0], kills[-1], spacing, tuple(forgotten)),
        {
            "runs": [{"run": i} for i in range(len(forgotten))],
            "true": [{"step": i, "loss": loss} for i, loss in enumerate(losses, 1)],
            "one": [{}],
        },
        "Runs that were killed, and resumed without something",
        "Two panels over the steps. Above, a line chart of the validation loss of the run "
        "that was never killed, and of one that was killed and resumed without something. "
        "Below, on a log axis, how far its weights are from the true ones; where nothing "
        "is forgotten they are the same. A slider sets when the run is killed, a choice "
        "what is forgotten.",
        {
            "numbers": {
                "kills": [*kills],
                "names": [*forgotten],
                "words": [*forgotten.values()],
                "again": rounded([[[*run] for run in row] for row in again]),
                "distances": rounded([[[*run] for run in row] for row in distances]),
                "end": rounded(losses[-1]),
            },
            "kill": kill,
            "forgotten": without,
            **ends("x", [0, len(losses)], margin=0, whole=True),
            **ends("y", [*seen, *losses]),
            **ends("lower", apart, log=True),
        },
    )


VERDICT = """[
    'Resumed at ' + kill + ' ' + numbers.words[which],
    'Loss ' + format(peek(ours), '.2f') + ', never killed ' + format(numbers.end, '.2f'),
    peek(apart) > 0
        ? 'Weights ' + format(peek(apart), '.2~r') + ' apart at the end'
        : 'The same weights, bit for bit'
]"""
"""The title, which speaks with the slider."""


@cache
def _resumes(
    first: int, last: int, spacing: int, forgotten: tuple[str, ...]
) -> Specification:
    x = axis("x", "step", "steps done")
    y = axis("y", "loss", "validation loss", panel=0)
    lower = axis("lower", "loss", "distance of the weights", log=True, panel=1)

    def runs(kind: str) -> alt.Chart:
        transform: list[Any] = [
            calculate("values", f"numbers.{kind}[place][datum.run]"),
            *unfold("values", "run"),
            calculate("step", "kill + datum.position"),
            # Not filtered: a run that comes back would be drawn after the others.
            calculate("loss", "datum.loss > 0 ? datum.loss : null"),
        ]
        return on("runs", transform=transform)

    def drawn(kind: str, vertical: Any, color: str) -> list[alt.Chart]:
        chosen = runs(kind).transform_filter("datum.run == which").encode(x, vertical)
        end = chosen.transform_filter("datum.step == x_ends[1]")
        return [
            runs(kind).mark_line(**GHOST).encode(x, vertical, detail="run:N"),
            chosen.mark_line(**CHOSEN | {"color": color}),
            end.mark_point(filled=True, size=45, opacity=1, color=color),
        ]

    true = on("true").mark_line(**CHOSEN | {"color": GREY}).encode(x, y)
    killed = on("one").transform_calculate(step="kill")
    rule = killed.mark_rule(strokeDash=[4, 4], color=GREY).encode(x)
    same = on("one").transform_filter("peek(apart) == 0")
    words = same.mark_text(align="left", color=GREY, text=SAME).encode(
        x=alt.value(8), y=alt.value(PANELS[1][0] - 10)
    )
    picture = panels(
        [
            true,
            rule,
            *drawn("again", y, BLUE),
            *key({"never killed": GREY, "resumed": BLUE, "thin: the other choices": GREY}),
        ],
        [*drawn("distances", lower, VERMILION), words],
    )
    return explorer(
        picture,
        [
            slider("kill", "killed after step", first, last, spacing),
            choice("forgotten", "forgotten", forgotten),
        ],
        VERDICT,
        place="indexof(numbers.kills, kill)",
        which="indexof(numbers.names, forgotten)",
        ours="numbers.again[place][which]",
        apart="numbers.distances[place][which]",
    )
