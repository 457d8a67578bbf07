"""The trainer's charts show what a model thinks, what was promised, and what it costs."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup import charts
from tests.charts.examples import (
    BIRDS,
    BLUE,
    FEATURES,
    GREY,
    INF,
    MALE,
    MEASURED,
    NAN,
    ORANGE,
    PROMISES,
    SEXES,
    TRAINING,
    VALIDATION,
    VERMILION,
    chart,
    near,
    slanted,
)
from tests.charts.picture import Mark, Picture, draw

# Decision boundaries.


def boundary(
    model: Any = slanted, cells: int = 6, X: Tensor = BIRDS, y: Tensor = MALE
) -> Picture:
    words = FEATURES, SEXES, "Two features"
    return draw(charts.decision_boundary(X, y, model, *words, cells))


def test_a_boundarys_cells_cover_the_plot_and_the_samples_without_a_gap() -> None:
    picture = boundary()
    (left, right), (bottom, top) = picture.x.span, picture.y.span
    across, down = (right - left) / 6, (bottom - top) / 6
    middles = [
        (left + (i + 0.5) * across, top + (j + 0.5) * down)
        for i in range(6)
        for j in range(6)
    ]
    drawn = sorted(cell.middle for cell in picture.cells)
    assert drawn == [pytest.approx(place, abs=1) for place in middles]
    for cell in picture.cells:
        size = cell.item["width"], cell.item["height"]
        assert size == pytest.approx((across, down), abs=1)
    # A margin of a twentieth lies around the samples.
    for i, axis in enumerate((picture.x, picture.y)):
        low, high = BIRDS[:, i].min().item(), BIRDS[:, i].max().item()
        margin = 0.05 * (high - low)
        ends = [axis.read(place) for place in axis.span]
        assert ends == pytest.approx([low - margin, high + margin], rel=1e-3)
    assert (picture.x.title, picture.y.title) == FEATURES
    assert picture.title == ["Two features"]
    description = chart("boundary").description
    assert all(words in description for words in ("30 samples", *FEATURES, *SEXES))


def test_a_cells_colour_is_what_the_model_says_of_it_the_deeper_the_surer() -> None:
    picture = boundary(cells=8)
    sure = []
    for cell in picture.cells:
        middle = picture.at(cell.middle)
        p = torch.sigmoid(slanted(torch.tensor([middle]))).item()
        sure.append((abs(2 * p - 1), cell.item["opacity"]))
        if sure[-1][0] > 0.05:
            assert cell.color == (BLUE if p > 0.5 else ORANGE)
    assert {cell.color for cell in picture.cells} == {BLUE, ORANGE}
    sure.sort()
    assert all(b[1] >= a[1] - 0.01 for a, b in pairwise(sure))
    assert [sure[0][1], sure[-1][1]] == pytest.approx([0.05, 0.4], abs=0.1)
    # One that is infinitely sure is drawn as sure.
    infinite = boundary(lambda places: slanted(places).sign() * INF)
    assert {cell.item["opacity"] for cell in infinite.cells} == {0.4}


@pytest.mark.parametrize("labels", [MALE, MALE.flatten(), MALE.long(), MALE.bool()])
def test_a_boundarys_samples_are_the_datas_in_their_classes_colour_and_shape(
    labels: Tensor,
) -> None:
    picture = boundary(y=labels, cells=2)
    assert [picture.at(p.place) for p in picture.points] == [
        pytest.approx(place, rel=1e-3) for place in BIRDS.tolist()
    ]
    colors = [(ORANGE, BLUE)[int(label)] for label in labels.flatten()]
    assert [point.color for point in picture.points] == colors
    shapes = {(point.color, point.item["shape"]) for point in picture.points}
    assert len(shapes) == len({shape for _, shape in shapes}) == 2
    legend = [text.words for text in picture.texts if text.role == "legend-label"]
    assert legend == [*SEXES]


def test_places_that_the_model_has_no_answer_to_are_left_out() -> None:
    middle = BIRDS[:, 0].mean()
    half = boundary(lambda places: slanted(places).where(places[:, :1] > middle, NAN))
    assert 0 < len(half.cells) < 36
    assert min(half.x.read(cell.middle[0]) for cell in half.cells) > middle
    none = boundary(lambda places: slanted(places) * NAN)
    assert (len(none.cells), len(none.points)) == (0, 30)


def test_a_boundarys_model_is_asked_once_and_without_gradients() -> None:
    asked = []

    def model(places: Tensor) -> Tensor:
        asked.append((tuple(places.shape), places.dtype, torch.is_grad_enabled()))
        return slanted(places)

    boundary(model, 5)
    boundary(model, 1, BIRDS.double())
    assert asked == [((25, 2), torch.float32, False), ((1, 2), torch.float64, False)]


@pytest.mark.parametrize("shape", [(5, 1), (5, 3), (5,), (5, 2, 1), ()])
def test_a_boundary_has_two_features(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\), got") as raised:
        boundary(X=torch.zeros(shape))
    assert str(raised.value).endswith(str(shape))


def test_a_boundary_wants_as_many_labels_as_samples_and_all_of_them_finite() -> None:
    with pytest.raises(ValueError, match="shorter"):
        boundary(y=MALE[:-1])
    with pytest.raises(ValueError, match=r"^X must be finite, got nan at \(0, 1\)$"):
        boundary(X=torch.tensor([[1.0, NAN]]))
    with pytest.raises(ValueError, match=r"^y must be finite, got nan at \(0, 0\)$"):
        boundary(y=MALE * NAN)


# What a choice promises, and what it costs.


def level(marks: list[Mark], height: float, within: float = 20) -> list[Mark]:
    """The marks of a row, from the top one down."""
    shown = [mark for mark in marks if abs(mark.end[1] - height) < within]
    return sorted(shown, key=lambda mark: mark.end[1])


def test_promised_and_delivered_losses_are_the_ends_of_a_rule() -> None:
    content = charts.promises(PROMISES)
    picture = draw(content)
    assert [*picture.y.ticks] == [*PROMISES]
    for row, losses in PROMISES.items():
        height = picture.y.ticks[row]
        points, words = level(picture.points, height), level(picture.words, height)
        assert [point.color for point in points] == [BLUE, VERMILION]
        assert [picture.x.read(point.end[0]) for point in points] == near(losses)
        # The promise above the rule, what was delivered below it.
        told = [(text.words, text.color) for text in words]
        assert told == [("promised", BLUE), ("delivered", VERMILION)]
        assert words[0].end[1] + 10 < height < words[1].end[1] - 10
        (rule,) = level(picture.rules, height)
        assert sorted(picture.x.read(x) for x, _ in rule.points) == near(sorted(losses))
    assert picture.x.title == "loss"
    said = [
        "by validation: 1.25 promised, 1.27 delivered",
        "by test: 1.11 promised, 1.34 delivered",
    ]
    assert " ".join(picture.title).lower() == " ".join(said)
    assert "; ".join(said) in content.description


def test_a_promise_stands_where_it_will_stand_beside_the_others() -> None:
    first, _ = PROMISES
    alone = draw(charts.promises(PROMISES, shown=[first]))
    assert [*alone.y.ticks] == [first]
    assert len(alone.points) == 2
    both = draw(charts.promises(PROMISES))
    assert alone.x.ticks.keys() == both.x.ticks.keys()
    assert alone.points[0].end[0] == pytest.approx(both.points[0].end[0], abs=1)


@pytest.mark.parametrize("ours", ["groundup", "torch"])
def test_the_fastest_stands_first_each_at_its_ratio_on_a_line_from_the_reference(
    ours: str,
) -> None:
    content = charts.ratios(MEASURED, "A title", ours)
    picture = draw(content)
    fastest_first = sorted(MEASURED, key=MEASURED.__getitem__)
    assert sorted(picture.y.ticks, key=picture.y.ticks.__getitem__) == fastest_first
    one = picture.x.ticks["1"]
    reference, *bars = sorted(picture.rules, key=lambda rule: not rule.dashed)
    assert [x for x, _ in reference.points] == near([one, one])
    for name, height in picture.y.ticks.items():
        (point,), (rule,), (text,) = (
            level(marks, height, 1) for marks in (picture.points, bars, picture.words)
        )
        assert picture.x.read(point.end[0]) == pytest.approx(MEASURED[name], rel=1e-3)
        assert point.color == (VERMILION if name == ours else BLUE)
        assert sorted(x for x, _ in rule.points) == near(sorted((point.end[0], one)))
        assert text.words == charts.times(MEASURED[name])
        # Right of the line and of the point, so that neither strikes the words out.
        assert text.end[0] > max(x for x, _ in rule.points) + 5
    assert picture.x.log
    assert picture.title == ["A title"]
    assert content.description == (
        "A title: naive 0.57 ×, by hand 1.00 ×, groundup 1.04 ×, torch 12 ×."
    )


# The explorer of where memorising begins.


def explored(samples: int, features: int, epochs: int) -> Picture:
    places = {"samples_place": samples, "features_place": features}
    return draw(chart("memorising"), epochs=epochs, **places)


@pytest.mark.parametrize("samples", [0, 1])
@pytest.mark.parametrize("features", [0, 2])
@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_the_chosen_run_has_its_two_losses_up_to_the_epoch_and_the_title_says_the_last(
    samples: int, features: int, epochs: int
) -> None:
    picture = explored(samples, features, epochs)
    kinds = ((BLUE, "training", TRAINING), (ORANGE, "validation", VALIDATION))
    for color, kind, losses in kinds:
        run = losses[samples, features, : epochs + 1].tolist()
        line = picture.line(color)
        assert picture.read(line) == near([*enumerate(run)])
        assert [p.place for p in picture.of("symbol", color)] == [line.end]
        assert picture.named(kind).color == color
    training, validation = (of[samples, features, epochs] for _, _, of in kinds)
    assert picture.title == [
        f"{(8, 16)[samples]} samples, {(1, 2, 4)[features]} of 4 features, "
        f"{epochs} epoch{'' if epochs == 1 else 's'}",
        f"Training loss {training:.2f}, on new samples {validation:.2f}",
    ]


def test_the_ghosts_are_all_models_validation_losses_on_as_many_samples() -> None:
    picture = explored(1, 0, 2)
    ghosts = [picture.read(line) for line in picture.of("line", GREY)]
    assert ghosts == [near([*enumerate(run)]) for run in VALIDATION[1].tolist()]
    (rule,) = picture.rules
    assert picture.y.read(rule.place[1]) == pytest.approx(1.0)
    assert rule.dashed
    assert picture.named("noise").color == rule.color == GREY


@pytest.mark.parametrize(("above", "gap"), [("validation", 1.7), ("training", -0.02)])
def test_the_names_of_two_losses_stand_on_either_side_also_of_close_ones(
    above: str, gap: float
) -> None:
    content = charts.memorising_explorer(TRAINING, TRAINING + gap, [8, 16], [1, 2, 4], 1.0)
    picture = draw(content, samples_place=0, features_place=0)
    heights = {kind: picture.named(kind).place[1] for kind in ("training", "validation")}
    assert min(heights, key=heights.__getitem__) == above
    assert abs(heights["training"] - heights["validation"]) > 20


def test_the_frame_holds_all_runs_wherever_the_sliders_stand() -> None:
    first, last = explored(0, 0, 0), explored(1, 2, 4)
    assert first.axes == last.axes
    bottom, top = (last.y.read(place) for place in last.y.span)
    assert bottom == pytest.approx(0, abs=1e-6)
    assert top > VALIDATION.max()
    assert (last.x.title, last.y.title) == ("epochs done", "loss")


@pytest.mark.parametrize(
    ("wrong", "shape"),
    [
        ("training", (2, 3)),
        ("validation", (3, 2, 5)),
        ("training", (2, 3, 4)),
        ("validation", (2, 3, 4)),
        ("training and validation", (2, 3)),
        ("training and validation", (2, 3, 5, 1)),
    ],
)
def test_losses_of_another_shape_than_the_grid_are_refused(
    wrong: str, shape: tuple[int, ...]
) -> None:
    losses = {"training": TRAINING, "validation": VALIDATION}
    losses |= dict.fromkeys(wrong.split(" and "), torch.zeros(shape))
    with pytest.raises(ValueError, match=r"must have shape \(2, 3, epochs \+ 1\)"):
        charts.memorising_explorer(**losses, samples=[8, 16], features=[1, 2, 4], noise=1)
