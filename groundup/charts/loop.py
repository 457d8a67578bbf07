"""A training loop of which some lines are struck out, beside the whole loop."""

from collections.abc import Sequence
from functools import cache

from groundup.charts.blocks import (
    Content,
    Line,
    Specification,
    axis,
    ends,
    line_rows,
    lines,
    number,
    shape,
    specify,
)

WHOLE, STRUCK, FADED = 0, 3, 6
"""Hues: blue, vermilion and grey."""


def struck_loop(
    whole: Sequence[float], run: Sequence[float] | str, struck: Sequence[str]
) -> Content:
    """Draw the losses of a loop that lacks some lines over those of the whole loop.

    The axes are the whole loop's, whatever is struck, so that nothing moves but the curve.

    Args:
        whole: the losses of the whole loop.
        run: those of what is left of it, or what it raises.
        struck: the names of the lines that it lacks.
    """
    few = len(struck) < 4  # more names would be wider than a phone
    named = f"without {', '.join(struck) if few else f'{len(struck)} of its lines'}"
    top = max(whole)
    shown = {"whole": Line([*enumerate(whole)], "every line in place", FADED)}
    if not struck:
        title = ["Every line in place", f"Loss {number(whole[0])} → {number(whole[-1])}"]
        shown["whole"] = shown["whole"]._replace(hue=WHOLE)
        told = ""
    elif isinstance(run, str):
        title = [named.capitalize(), f"{run.partition(':')[0]}: no curve"]
        # Words alone: a dashed line ends in no point, and this one is none.
        shown["run"] = Line([(0, 1.15 * top)], "raises at once", STRUCK, dashed=True)
        told = f" {named.capitalize()} there is no curve: it raises {run}."
    else:
        title = [named.capitalize(), f"Loss {number(run[0])} → {number(run[-1])}"]
        shown["run"] = Line([*enumerate(run)], named, STRUCK)
        told = f" {named.capitalize()} it {shape(run)}."
    datasets = line_rows("losses", shown)
    # Every name at a line's end inside, so that the plot keeps its width; that of the whole
    # loop under its line, where no loss can be.
    words = datasets["ends of losses"]
    datasets["ends of losses"] = [{**end, "inside": end["x"] > 0} for end in words]
    datasets["ends of losses"][0]["place"] = -0.17 * top
    return Content(
        _struck_loop(),
        datasets,
        title,
        "Line chart of the loss over the epochs. With every line of the loop in place it "
        f"{shape(whole)}.{told}",
        {
            **ends("x", [0, len(whole) - 1], margin=0, whole=True),
            **ends("y", [], low=-0.2 * top, high=1.3 * top),
        },
    )


@cache
def _struck_loop() -> Specification:
    x, y = axis("x", "x", "epochs done"), axis("y", "y", "loss")
    return specify(*lines("losses", x, y), height=230)
