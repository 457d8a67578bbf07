"""Chapter five's charts: handwritten digits, weights put back, and what is misread."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
from torch import Tensor

from groundup.charts.blocks import (
    BLUE,
    GHOST,
    GREY,
    ORANGE,
    VERMILION,
    Content,
    Line,
    Panel,
    Rows,
    Specification,
    axis,
    calculate,
    chosen_run,
    ends,
    explorer,
    number,
    on,
    plot,
    rounded,
    shape,
    slider,
    specify,
    unfold,
    wrapped,
)

SIDE = 8
"""Pixels of a picture, across and down."""

SHADES = "abcdefghijklmnopq"
"""A letter for each shade of a pixel, from 0 to 16: pictures are small as text."""

INK: list[Any] = [
    calculate("pixel", f"sequence({SIDE * SIDE})"),
    {"flatten": ["pixel"]},
    calculate(
        "shade", f"indexof('{SHADES}', slice(datum.ink, datum.pixel, datum.pixel + 1))"
    ),
    {"filter": "datum.shade > 0"},
]
"""Turn a picture's letters into a row for each pixel that has ink."""


def in_letters(images: Tensor) -> list[str]:
    """Write pictures of shape `(n, 8, 8)`, with values from 0 to 1, a letter a pixel."""
    if images.dim() != 3 or images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"images must have shape (n, 8, 8), got {tuple(images.shape)}")
    shades = (images.flatten(1) * (len(SHADES) - 1)).round().long().tolist()
    return ["".join(SHADES[shade] for shade in picture) for picture in shades]


def ink(pictures: alt.Chart, left: str, top: str, pixel: str) -> alt.Chart:
    """Draw pixels of rows with a `pixel` and a `shade`.

    Args:
        pictures: those rows.
        left: an expression for a picture's left edge, in pixels of the screen.
        top: the same for its upper one.
        pixel: the same for the size of one of its own.
    """

    def place(edge: str, at: str) -> Any:
        return alt.value(alt.expr(f"{edge} + {pixel} * ({at})"))

    column, row = f"datum.pixel % {SIDE}", f"floor(datum.pixel / {SIDE})"
    opacity = alt.value(alt.expr(f"datum.shade / {len(SHADES) - 1}"))
    drawn: alt.Chart = pictures.mark_rect(color=GREY).encode(
        x=place(left, column),
        x2=place(left, f"{column} + 1"),
        y=place(top, row),
        y2=place(top, f"{row} + 1"),
        opacity=opacity,
    )
    return drawn


# Pictures.

COLUMNS = 10
LARGEST = 56
"""Pixels of the screen that a picture is wide at most."""


def digits(images: Tensor, classes: Tensor, title: str = "") -> Content:
    """Draw handwritten digits, ten in a row, each above the digit that it is.

    Args:
        images: shape `(n, 8, 8)`, ink from 0 to 1.
        classes: which digits they are, shape `(n,)`.
        title: what is to be seen.

    Raises:
        ValueError: if the images have another shape.
    """
    rows: Rows = [
        {"place": i, "ink": letters, "label": str(label)}
        for i, (letters, label) in enumerate(
            zip(in_letters(images), classes.tolist(), strict=True)
        )
    ]
    said = f"{len(rows)} handwritten digits of {SIDE} by {SIDE} pixels"
    told = ", ".join(row["label"] for row in rows)
    height = -(-len(rows) // COLUMNS) * (LARGEST + 20)
    return Content(
        _digits(),
        {"pictures": rows},
        title or said,
        f"Pictures of {said}: {told}.",
        {"height": height},
    )


@cache
def _digits() -> Specification:
    size = f"min({LARGEST}, 0.85 * width / {COLUMNS})"
    left = f"(datum.place % {COLUMNS}) * width / {COLUMNS}"
    top = f"floor(datum.place / {COLUMNS}) * ({size} + 20)"
    labels = on("pictures").mark_text(color=GREY)
    return specify(
        ink(on("pictures", transform=INK), left, top, f"({size}) / {SIDE}"),
        labels.encode(
            x=alt.value(alt.expr(f"{left} + {size} / 2")),
            y=alt.value(alt.expr(f"{top} + {size} + 9")),
            text="label:N",
        ),
    )


# Weights put back.


def restored(val_losses: Sequence[float], loss: float) -> Content:
    """Draw a run's validation losses, and that of the weights that were put back after it.

    Args:
        val_losses: after each epoch.
        loss: what is measured once the weights are put back: a dashed rule.
    """
    epochs = len(val_losses)
    sentences = [
        f"least {number(min(val_losses))} in epoch {val_losses.index(min(val_losses)) + 1}",
        f"last {number(val_losses[-1])}",
        f"put back {number(loss)}",
    ]
    lines = {
        "validation": Line([*enumerate(val_losses, 1)], "validation", 1),
        "put back": Line([(0, loss), (epochs, loss)], "put back", 3, dashed=True),
    }
    panel = Panel(
        "losses",
        "loss",
        lines,
        wrapped(sentences),
        f"Line chart of the validation loss, which {shape(val_losses)}. The weights that "
        f"are put back have a loss of {number(loss)}, a dashed rule.",
    )
    return plot("epochs done", panel)


# The explorer.

UPPER, TOP, HEIGHT = 170, 224, 464
"""Pixels: where the losses end, where the matrix begins, and where all ends."""

PIXELS = (3, 4, 5, 6, 7)
"""How large a pixel of a misread picture may be on the screen."""


def mistakes_explorer(
    training: Tensor,
    validation: Tensor,
    read: Tensor,
    images: Tensor,
    classes: Tensor,
    units: Sequence[int],
    dropout: Sequence[float],
) -> Content:
    """Draw runs of networks that read digits, and what the chosen one misreads.

    Above, its losses over the validation losses of all; below, how often which digit was
    read as which, and the pictures themselves, as many as there is room for.

    Args:
        training: losses, shape `(len(units), len(dropout), epochs)`.
        validation: the same on the pictures below.
        read: what each run reads after each epoch in each picture, shape
            `(len(units), len(dropout), epochs, n)`.
        images: shape `(n, 8, 8)`, ink from 0 to 1.
        classes: which digits they are, shape `(n,)`.
        units: the networks' hidden units.
        dropout: the shares of them that are thrown away.

    Raises:
        ValueError: if the shapes don't fit.
    """
    grid, n = (len(units), len(dropout)), len(classes)
    for name, losses in {"training": training, "validation": validation}.items():
        if losses.dim() != 3 or losses.shape != training.shape or losses.shape[:2] != grid:
            raise ValueError(
                f"{name} must have shape ({grid[0]}, {grid[1]}, epochs), as the other one, "
                f"got {tuple(losses.shape)}"
            )
    if read.shape != (*training.shape, n) or len(images) != n:
        raise ValueError(
            f"read must have shape {(*training.shape, n)}, and images {n} pictures, "
            f"got {tuple(read.shape)} and {len(images)}"
        )
    wrong = read != classes
    misread = wrong.flatten(0, -2).any(0).nonzero().flatten().tolist()
    of = {picture: i for i, picture in enumerate(misread)}
    letters = in_letters(images)
    # A mistake is one number: the picture's, and which digit was read.
    mistakes = [
        [
            [
                [10 * of[i] + int(after[i]) for i in missed.nonzero().flatten().tolist()]
                for after, missed in zip(run, runs_wrong, strict=True)
            ]
            for run, runs_wrong in zip(row, row_wrong, strict=True)
        ]
        for row, row_wrong in zip(read, wrong, strict=True)
    ]
    epochs = training.shape[2]
    seen = validation.flatten().tolist() + training.flatten().tolist()
    return Content(
        _mistakes(*grid, epochs),
        {
            "runs": [{"run": i} for i in range(grid[0] * grid[1])],
            "one": [{}],
            "digits": [{"digit": i} for i in range(10)],
        },
        "Networks that read digits, and what they misread",
        "Two panels. Above, a line chart of the training and the validation loss over the "
        "epochs, over the validation losses of all networks. Below, at the left, a table "
        "of how often which digit was read as which other one, and at the right the "
        "misread pictures. Sliders set the number of hidden units, the share of them that "
        f"dropout throws away, and the epochs. {len(misread)} of {n} pictures are misread "
        "at some place.",
        {
            "numbers": {
                "units": [*units],
                "dropout": [*dropout],
                "training": rounded(training.tolist()),
                "validation": rounded(validation.tolist()),
                "mistakes": mistakes,
                "pictures": [letters[i] for i in misread],
                "classes": classes[misread].tolist(),
                "all": n,
            },
            "units_place": grid[0] // 2,
            "dropout_place": 0,
            "epochs": epochs,
            **ends("x_done", [0, epochs], whole=True, margin=0.02, low=0.0),
            **ends("y", seen, log=True),
        },
    )


VERDICT = """[
    numbers.units[units_place] + ' hidden units, dropout '
        + format(numbers.dropout[dropout_place], '.2~f') + ', '
        + epochs + (epochs == 1 ? ' epoch' : ' epochs'),
    'Loss ' + format(training, '.3f') + ', validation ' + format(validation, '.3f'),
    length(mistakes) + ' of ' + numbers.all + ' misread'
        + (shown < length(mistakes) ? ', ' + shown + ' shown' : '')
]"""
"""The title, which speaks with the sliders."""


@cache
def _mistakes(units: int, dropout: int, epochs: int) -> Specification:
    done = axis("x_done", "done", "epochs done")
    done["axis"]["orient"] = "top"
    loss = axis("y", "loss", "loss", log=True)
    loss["scale"]["range"] = [UPPER, 0]

    def curves(kind: str) -> alt.Chart:
        place = f"numbers.{kind}[floor(datum.run / {dropout})][datum.run % {dropout}]"
        at = "datum.position - 0.5" if kind == "training" else "datum.position"
        transform = [
            calculate("losses", place),
            *unfold("losses", "run"),
            calculate("done", at),
        ]
        chart: alt.Chart = on("runs", transform=transform).encode(done, loss)
        return chart

    def chosen(kind: str, color: str, other: str) -> list[alt.Chart]:
        run = curves(kind).transform_filter(
            f"datum.run == units_place * {dropout} + dropout_place"
        )
        run = run.transform_filter("datum.done <= epochs")
        last = run.transform_filter("datum.done > epochs - 1")
        # Early on a name stands beside its point, since above it there may be the axis.
        early = f"epochs < {0.3 * epochs}"
        aligned = alt.expr(f"{early} ? 'left' : 'right'")
        dx = alt.expr(f"{early} ? 8 : 0")
        dy = alt.expr(f"{kind} < {other} ? 14 : {early} ? -2 : -10")
        return chosen_run(run, last, kind, color, align=aligned, dx=dx, dy=dy)

    mistakes = on(
        "one",
        transform=[
            calculate("mistake", "mistakes"),
            {"flatten": ["mistake"]},
            {"filter": "isValid(datum.mistake)"},
            calculate("picture", "floor(datum.mistake / 10)"),
            calculate("read", "datum.mistake % 10"),
            calculate("written", "numbers.classes[datum.picture]"),
            calculate("ink", "numbers.pictures[datum.picture]"),
            calculate("label", "datum.written + ' → ' + datum.read"),
            {"window": [{"op": "row_number", "as": "position"}]},
        ],
    )
    # An aggregate would keep its groups' order from one move to the next, and draw another.
    of: list[Any] = ["written", "read"]
    counts = mistakes.transform_joinaggregate(count="count()", groupby=of)
    counts = counts.transform_window(nth="row_number()", groupby=of)
    counts = counts.transform_filter("datum.nth == 1").transform_calculate(
        words="datum.written + ' read as ' + datum.read + ': ' + datum.count"
    )

    def cell(value: str, half: float = 0.0) -> Any:
        return alt.value(alt.expr(value + (f" + {half} * cell" if half else "")))

    down, across = f"{TOP} + cell * datum.written", "16 + cell * datum.read"
    table = [
        on("digits")
        .mark_rect(color=GREY, opacity=0.15)
        .encode(
            x=cell("16 + cell * datum.digit"),
            x2=cell("16 + cell * (datum.digit + 1)"),
            y=cell(f"{TOP} + cell * datum.digit"),
            y2=cell(f"{TOP} + cell * (datum.digit + 1)"),
        ),
        counts.mark_rect(color=VERMILION).encode(
            x=cell(across),
            x2=cell(f"{across} + cell"),
            y=cell(down),
            y2=cell(f"{down} + cell"),
            opacity=alt.value(alt.expr("min(0.5, 0.1 + 0.05 * datum.count)")),
            tooltip="words:N",
        ),
        counts.mark_text(fontSize=10, color=VERMILION).encode(
            x=cell(across, 0.5), y=cell(down, 0.5), text="count:Q"
        ),
        on("digits")
        .mark_text(fontSize=10, color=GREY)
        .encode(x=alt.value(6), y=cell(f"{TOP} + cell * datum.digit", 0.5), text="digit:Q"),
        on("digits")
        .mark_text(fontSize=10, color=GREY)
        .encode(
            x=cell("16 + cell * datum.digit", 0.5), y=alt.value(TOP - 8), text="digit:Q"
        ),
        alt.Chart(alt.sequence(1))
        .mark_text(align="left", color=GREY, text="written ↓  read as →")
        .encode(x=alt.value(16), y=alt.value(TOP - 26)),
    ]
    drawn = mistakes.transform_filter("datum.position <= room")
    place = "(datum.position - 1)"
    left = f"pictures_left + ({place} % columns) * across"
    top = f"{TOP - 14} + floor({place} / columns) * down"
    pictures = [
        ink(_with(drawn, INK), left, top, "pixel"),
        drawn.mark_text(fontSize=10, color=GREY).encode(
            x=alt.value(alt.expr(f"{left} + 4 * pixel")),
            y=alt.value(alt.expr(f"{top} + 8 * pixel + 8")),
            text="label:N",
        ),
    ]
    upper = [
        curves("validation").mark_line(**GHOST).encode(detail="run:N"),
        *chosen("training", BLUE, "validation"),
        *chosen("validation", ORANGE, "training"),
        alt.Chart(alt.sequence(1))
        .mark_text(align="left", color=GREY, text="grey: validation of the others")
        .encode(x=alt.value(8), y=alt.value(UPPER - 9)),
    ]
    picture = specify(*upper, *table, *pictures, height=HEIGHT)
    return explorer(
        picture,
        [
            slider("units_place", "hidden units", 0, units - 1, 1),
            slider("dropout_place", "dropout", 0, dropout - 1, 1),
            slider("epochs", "epochs", 1, epochs, 1),
        ],
        VERDICT,
        training="numbers.training[units_place][dropout_place][epochs - 1]",
        validation="numbers.validation[units_place][dropout_place][epochs - 1]",
        mistakes="numbers.mistakes[units_place][dropout_place][epochs - 1]",
        cell=f"min({(HEIGHT - TOP) // 10}, 0.045 * width)",
        pictures_left="16 + 10 * cell + 20",
        pixel=_largest_that_fits(),
        across="8 * pixel + 12",
        down="8 * pixel + 20",
        columns=_columns("pixel"),
        room=_room("pixel"),
        shown="min(room, length(mistakes))",
    )


def _columns(pixel: str) -> str:
    """Write how many pictures with pixels of this size stand side by side."""
    return f"max(1, floor((width - pictures_left + 12) / (8 * {pixel} + 12)))"


def _room(pixel: str) -> str:
    """Write how many there is room for."""
    return f"{_columns(pixel)} * floor({HEIGHT - TOP + 14} / (8 * {pixel} + 20))"


def _largest_that_fits() -> str:
    """Write the size of a pixel at which all mistakes are to be seen, or the least one."""
    least, *larger = PIXELS
    fitting = "".join(
        f"length(mistakes) <= {_room(str(size))} ? {size} : " for size in reversed(larger)
    )
    return f"{fitting}{least}"


def _with(chart: alt.Chart, transforms: Sequence[dict[str, Any]]) -> alt.Chart:
    """Return a chart of more transforms."""
    changed: alt.Chart = chart.copy()
    changed.transform = [*chart.transform, *transforms]
    return changed
