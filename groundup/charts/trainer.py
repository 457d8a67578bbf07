"""Chapter three's charts: boundaries, promises, peers, and where memorising begins."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import altair as alt
import torch
from torch import Tensor

from groundup._checks import check_all_finite
from groundup.charts.blocks import (
    BLUE,
    GHOST,
    GREY,
    HUE,
    ORANGE,
    Content,
    Rows,
    Specification,
    axis,
    calculate,
    chosen_run,
    ends,
    explorer,
    key,
    on,
    points,
    rounded,
    slider,
    specify,
    times,
    unfold,
    wrapped,
)


@cache
def _boundary(features: tuple[str, str], classes: tuple[str, str]) -> Specification:
    x, y = axis("x", "x", features[0]), axis("y", "y", features[1])
    legend = alt.Legend(orient="top", direction="horizontal", symbolOpacity=1)
    color = alt.Color(
        "class:N",
        title=None,
        legend=legend,
        scale=alt.Scale(domain=list(classes), range=[ORANGE, BLUE]),
    )
    shade = alt.Opacity(
        "certainty:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.02, 0.4])
    )
    shape = alt.Shape(
        "class:N", title=None, legend=legend, scale=alt.Scale(domain=list(classes))
    )
    cells = on("grid").mark_rect()
    samples = on("samples")
    return specify(
        cells.encode(x, y, color, shade, x2="x2:Q", y2="y2:Q"),
        samples.mark_point(filled=True, size=32, opacity=0.9).encode(x, y, color, shape),
        height=320,
    )


def decision_boundary(
    X: Tensor,
    y: Tensor,
    model: Callable[[Tensor], Tensor],
    features: tuple[str, str],
    classes: tuple[str, str],
    title: str = "",
    cells: int = 36,
) -> Content:
    """Draw samples of two features and two classes over what a model thinks of every place.

    The deeper a place's colour, the surer the model.

    Args:
        X: features, shape `(n, 2)`.
        y: 1 for the second class, 0 for the first, shape `(n, 1)`.
        model: gives a logit for each row of features.
        features: the names of the two.
        classes: the names of the two.
        title: what is to be seen.
        cells: how fine the grid is.

    Raises:
        ValueError: if `X` has other features than two, or a number is not finite.
    """
    if X.dim() != 2 or X.shape[1] != 2:
        raise ValueError(f"X must have shape (n, 2), got {tuple(X.shape)}")
    check_all_finite("X", X)
    check_all_finite("y", y)
    low, high = X.min(0).values, X.max(0).values
    margin = 0.05 * (high - low)
    across, up = (
        torch.linspace(a, b, cells + 1).tolist()
        for a, b in zip((low - margin).tolist(), (high + margin).tolist(), strict=True)
    )
    centres = [
        torch.tensor([(a + b) / 2 for a, b in pairwise(e)], dtype=X.dtype)
        for e in (across, up)
    ]
    with torch.no_grad():
        sure = torch.sigmoid(model(torch.cartesian_prod(*centres))).flatten().tolist()
    places = [(a, b) for a in pairwise(across) for b in pairwise(up)]
    grid: Rows = [
        {
            "x": x,
            "x2": x2,
            "y": y,
            "y2": y2,
            "class": classes[p > 0.5],
            "certainty": abs(2 * p - 1),
        }
        for ((x, x2), (y, y2)), p in zip(places, sure, strict=True)
        if math.isfinite(p)
    ]
    samples: Rows = [
        {"x": a, "y": b, "class": classes[int(label)]}
        for (a, b), label in zip(X.tolist(), y.flatten().tolist(), strict=True)
    ]
    return Content(
        _boundary(features, classes),
        {"grid": grid, "samples": samples},
        title,
        f"Scatter chart of {len(samples)} samples by {features[0]} and {features[1]}, over "
        f"the regions where the model says {classes[0]} or {classes[1]}. {title}",
        ends("x", [across[0], across[-1]], margin=0) | ends("y", [up[0], up[-1]], margin=0),
    )


@cache
def _promises() -> Specification:
    loss = axis("x", "x", "loss")
    row = alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelLimit=140, ticks=False))
    at_end = on("ends").encode(loss, row, HUE)
    gaps = on("gaps").mark_rule(strokeWidth=2, opacity=0.5, color=GREY)
    words = at_end.mark_text(dy=alt.expr("datum.hue == 0 ? -13 : 15"))
    return specify(
        gaps.encode(loss, row, x2="x2:Q"),
        at_end.mark_point(filled=True, size=90, opacity=1).encode(
            tooltip=["label:N", "x:Q"]
        ),
        words.encode(text="label:N"),
    )


def promises(
    choices: Mapping[str, Sequence[float]], shown: Sequence[str] | None = None
) -> Content:
    """Draw the loss that a way of choosing promises, and the loss of fresh samples.

    Args:
        choices: a way of choosing → the loss promised and the loss delivered.
        shown: those that are drawn, on an axis that has room for all; None for all.
    """
    drawn = {row: choices[row] for row in (choices if shown is None else shown)}
    at_end: Rows = [
        {"row": row, "x": loss, "label": label, "hue": hue}
        for row, losses in drawn.items()
        for loss, label, hue in zip(losses, ("promised", "delivered"), (0, 3), strict=True)
    ]
    gaps: Rows = [{"row": row, "x": a, "x2": b} for row, (a, b) in drawn.items()]
    sentences = [
        f"{row}: {promised:.2f} promised, {delivered:.2f} delivered"
        for row, (promised, delivered) in drawn.items()
    ]
    return Content(
        _promises(),
        {"ends": at_end, "gaps": gaps},
        wrapped(sentences),
        f"Chart of the loss promised and the loss delivered. {'; '.join(sentences)}.",
        ends("x", [loss for losses in choices.values() for loss in losses], margin=0.4)
        | {"height": 60 * len(drawn)},
    )


@cache
def _ratios() -> Specification:
    ratio = axis("x", "x", None, log=True)
    # Room for the names is fixed: an image's reader may have a wider font than its maker.
    names = alt.Axis(minExtent=96, labelLimit=160, ticks=False, domain=False)
    row = alt.Y("row:N", title=None, sort=None, axis=names)
    contender = on("ratios").encode(ratio, row, HUE)
    one = on("reference").mark_rule(strokeDash=[4, 4], color=GREY)
    return specify(
        one.encode(ratio),
        contender.mark_rule(strokeWidth=2, opacity=0.4).encode(x2="one:Q"),
        points("ratios", ratio, row, size=90),
        contender.mark_text(align="left", dx=9).encode(
            axis("x", "place", None, log=True), text="label:N"
        ),
    )


def ratios(measured: Mapping[str, float], title: str, ours: str = "groundup") -> Content:
    """Draw each contender's time in the reference's, on a log axis, the fastest first.

    Args:
        measured: a contender → its ratio.
        title: what is to be seen.
        ours: the contender in another colour.
    """
    rows: Rows = [
        {
            "row": name,
            "x": ratio,
            "one": 1,
            "place": max(ratio, 1.0),
            "label": times(ratio),
            "hue": 3 * (name == ours),
        }
        for name, ratio in sorted(measured.items(), key=lambda item: item[1])
    ]
    return Content(
        _ratios(),
        {"ratios": rows, "reference": [{"x": 1}]},
        title,
        f"{title}: " + ", ".join(f"{row['row']} {row['label']}" for row in rows) + ".",
        ends("x", [1, *measured.values()], log=True, margin=0.08)
        | {"height": 26 * len(rows)},
    )


# The explorer.


def memorising_explorer(
    training: Tensor,
    validation: Tensor,
    samples: Sequence[int],
    features: Sequence[int],
    noise: float,
) -> Content:
    """Draw the losses of runs on more or fewer samples, of models that see more or less.

    The chosen run's two losses stand over the validation losses of all models that learn
    from as many samples.

    Args:
        training: the loss on the samples that a run learns from, before it and after each
            epoch, shape `(len(samples), len(features), epochs + 1)`.
        validation: the same on samples that it never sees.
        samples: from how many samples a run learns.
        features: how many features its model sees.
        noise: the least loss that can be expected on new samples, a dashed rule.

    Raises:
        ValueError: if the shapes don't fit.
    """
    grid = (len(samples), len(features))
    for name, losses in {"training": training, "validation": validation}.items():
        if losses.shape != training.shape or losses.shape[:2] != grid or losses.dim() != 3:
            raise ValueError(
                f"{name} must have shape ({grid[0]}, {grid[1]}, epochs + 1), as the other "
                f"one, got {tuple(losses.shape)}"
            )
    epochs = training.shape[2] - 1
    models: Rows = [{"features": place} for place in range(grid[1])]
    return Content(
        _memorising(*grid, epochs),
        {"models": models, "noise": [{"loss": noise}]},
        "Runs on more or fewer samples, of larger and smaller models",
        "Line chart of the training and the validation loss over the epochs, over the "
        "validation losses of all models, and the noise as a dashed rule. Sliders "
        "set the number of samples, the number of features and the epochs.",
        {
            "numbers": {
                "samples": [*samples],
                "features": [*features],
                "training": rounded(training.tolist()),
                "validation": rounded(validation.tolist()),
            },
            "samples_place": grid[0] // 2,
            "features_place": grid[1] - 1,
            "epochs": epochs,
            # Room for the last point: the plot would shift as it leaves the edge.
            **ends("x", [0, epochs], whole=True, margin=0.02, low=0.0),
            **ends("y", validation.flatten().tolist(), low=0.0),
        },
    )


VERDICT = """[
    numbers.samples[samples_place] + ' samples, '
        + numbers.features[features_place] + ' of ' + peek(numbers.features)
        + ' features, ' + epochs + (epochs == 1 ? ' epoch' : ' epochs'),
    'Training loss ' + format(training, '.2f')
        + ', on new samples ' + format(validation, '.2f')
]"""
"""The title, which speaks with the sliders."""


@cache
def _memorising(samples: int, features: int, epochs: int) -> Specification:
    done, loss = axis("x", "done", "epochs done"), axis("y", "loss", "loss")

    def curves(kind: str) -> alt.Chart:
        transform = [
            calculate("losses", f"numbers.{kind}[samples_place][datum.features]"),
            *unfold("losses", "features"),
            calculate("done", "datum.position - 1"),
        ]
        chart: alt.Chart = on("models", transform=transform).encode(done, loss)
        return chart

    def chosen(kind: str, color: str, other: str) -> list[alt.Chart]:
        run = curves(kind).transform_filter("datum.features == features_place")
        run = run.transform_filter("datum.done <= epochs")
        last = run.transform_filter("datum.done == epochs")
        aligned = alt.expr("epochs < 0.3 * x_ends[1] ? 'left' : 'right'")
        dy = alt.expr(f"{kind} < {other} ? 16 : -10")
        return chosen_run(run, last, kind, color, align=aligned, dy=dy)

    noise = on("noise")
    words = noise.mark_text(dy=12, color=GREY, text="noise")
    picture = specify(
        # The chosen one is among the ghosts: left out it would come back as the last.
        curves("validation").mark_line(**GHOST).encode(detail="features:N"),
        noise.mark_rule(strokeDash=[5, 4], color=GREY, strokeWidth=1.5).encode(y=loss),
        words.encode(loss, x=alt.value(alt.expr("0.6 * width"))),
        *chosen("training", BLUE, "validation"),
        *chosen("validation", ORANGE, "training"),
        *key({"validation, with other features": GREY}),
        height=320,
    )
    return explorer(
        picture,
        [
            slider("samples_place", "samples", 0, samples - 1, 1),
            slider("features_place", "features", 0, features - 1, 1),
            slider("epochs", "epochs", 0, epochs, 1),
        ],
        VERDICT,
        training="numbers.training[samples_place][features_place][epochs]",
        validation="numbers.validation[samples_place][features_place][epochs]",
    )
