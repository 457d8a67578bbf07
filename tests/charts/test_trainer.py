"""The trainer's charts show what a model thinks, what was promised, and what it costs."""

from itertools import chain, pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup import LogisticRegression, charts
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
from tests.charts.picture import Picture, draw
from tests.helpers import seeded

# Decision boundaries.


def boundary(model: Any = slanted, cells: int = 6, **others: Any) -> Picture:
    given = {"X": BIRDS, "y": MALE, **others}
    return draw(
        charts.decision_boundary(
            given["X"], given["y"], model, FEATURES, SEXES, "Two features", cells
        )
    )


def test_a_boundarys_cells_cover_the_plot_and_the_samples_without_a_gap() -> None:
    picture = boundary()
    assert len(picture.cells) == 36
    (left, right), (bottom, top) = picture.x.span, picture.y.span
    lefts = sorted({round(cell.left) for cell in picture.cells})
    tops = sorted({round(cell.top) for cell in picture.cells})
    assert (len(lefts), len(tops)) == (6, 6)
    assert {(round(c.left), round(c.top)) for c in picture.cells} == {
        (a, b) for a in lefts for b in tops
    }
    for cell in picture.cells:
        assert cell.width == pytest.approx((right - left) / 6, abs=1)
        assert cell.height == pytest.approx((bottom - top) / 6, abs=1)
    assert [lefts[0], tops[0]] == pytest.approx([left, top], abs=1)
    # A margin of a twentieth lies around the samples.
    for i, axis in enumerate((picture.x, picture.y)):
        low, high = BIRDS[:, i].min().item(), BIRDS[:, i].max().item()
        ends = [axis.read(place) for place in axis.span]
        margin = 0.05 * (high - low)
        assert ends == pytest.approx([low - margin, high + margin], rel=1e-3)
    assert (picture.x.title, picture.y.title) == FEATURES
    assert picture.title == ["Two features"]
    description = chart("boundary").description
    assert all(words in description for words in ("30 samples", *FEATURES, *SEXES))


def test_a_cells_colour_is_what_the_model_says_of_it_the_deeper_the_surer() -> None:
    picture = boundary(cells=8)
    sure = []
    for cell in picture.cells:
        middle = picture.at((cell.left + cell.width / 2, cell.top + cell.height / 2))
        p = torch.sigmoid(slanted(torch.tensor([middle]))).item()
        sure.append((abs(2 * p - 1), cell.opacity))
        if sure[-1][0] > 0.05:
            assert cell.color == (BLUE if p > 0.5 else ORANGE)
    assert {cell.color for cell in picture.cells} == {BLUE, ORANGE}
    sure.sort()
    assert all(b[1] >= a[1] - 0.01 for a, b in pairwise(sure))
    assert [sure[0][1], sure[-1][1]] == pytest.approx([0.05, 0.4], abs=0.1)


@pytest.mark.parametrize("labels", [MALE, MALE.flatten(), MALE.long(), MALE.bool()])
def test_a_boundarys_samples_are_the_datas_in_their_classes_colour_and_shape(
    labels: Tensor,
) -> None:
    picture = boundary(y=labels, cells=2)
    drawn = [(*picture.at(p.place), p.color) for p in picture.points]
    colors = [(ORANGE, BLUE)[int(label)] for label in labels.flatten()]
    expected = [(*xy, color) for xy, color in zip(BIRDS.tolist(), colors, strict=True)]
    for (x, y_, color), (true_x, true_y, true_color) in zip(drawn, expected, strict=True):
        assert (x, y_) == pytest.approx((true_x, true_y), rel=1e-3)
        assert color == true_color
    assert len({(p.color, p.shape) for p in picture.points}) == 2
    assert len({p.shape for p in picture.points}) == 2
    legend = [t.words for t in picture.texts if t.role == "legend-label"]
    assert legend == [*SEXES]


def test_places_that_the_model_has_no_answer_to_are_left_out() -> None:
    middle = BIRDS[:, 0].mean()
    half = boundary(lambda places: slanted(places).where(places[:, :1] > middle, NAN))
    assert 0 < len(half.cells) < 36
    assert min(half.x.read(c.left + c.width / 2) for c in half.cells) > middle
    assert not boundary(lambda places: slanted(places) * NAN).cells
    assert len(boundary(lambda places: slanted(places) * NAN).points) == 30


def test_a_model_that_is_infinitely_sure_is_drawn_as_sure() -> None:
    picture = boundary(lambda places: slanted(places).sign() * INF)
    assert {cell.opacity for cell in picture.cells} == {0.4}


def test_a_boundarys_model_is_asked_once_and_without_gradients() -> None:
    asked = []

    def model(places: Tensor) -> Tensor:
        asked.append((tuple(places.shape), places.dtype, torch.is_grad_enabled()))
        return slanted(places)

    boundary(model, 5)
    charts.decision_boundary(BIRDS.double(), MALE, model, FEATURES, SEXES, "", 1)
    assert asked == [((25, 2), torch.float32, False), ((1, 2), torch.float64, False)]
    content = charts.decision_boundary(
        BIRDS, MALE, LogisticRegression(2, seeded()), FEATURES, SEXES
    )
    assert len(content.datasets["grid"]) >= 900


@pytest.mark.parametrize("shape", [(5, 1), (5, 3), (5,), (2,), (5, 2, 1), ()])
def test_a_boundary_has_two_features(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\), got") as raised:
        charts.decision_boundary(torch.zeros(shape), MALE, slanted, FEATURES, SEXES)
    assert str(raised.value).endswith(str(shape))


def test_a_boundary_wants_as_many_labels_as_samples_and_all_of_them_finite() -> None:
    with pytest.raises(ValueError, match="shorter"):
        boundary(y=MALE[:-1])
    with pytest.raises(ValueError, match=r"^X must be finite, got nan at \(0, 1\)$"):
        boundary(
            X=BIRDS.clone().index_put((torch.tensor(0), torch.tensor(1)), torch.tensor(NAN))
        )
    with pytest.raises(ValueError, match=r"^y must be finite, got nan at \(0, 0\)$"):
        boundary(y=MALE * NAN)


# What a choice promises.


def test_promised_and_delivered_losses_are_the_ends_of_a_rule() -> None:
    content = charts.promises(PROMISES)
    picture = draw(content)
    assert [*picture.y.ticks] == [*PROMISES]
    for row, (promised, delivered) in PROMISES.items():
        height = picture.y.ticks[row]
        for color, loss, words, side in (
            (BLUE, promised, "promised", -1),
            (VERMILION, delivered, "delivered", 1),
        ):
            (point,) = [
                p
                for p in picture.points
                if p.color == color and abs(p.place[1] - height) < 1
            ]
            assert picture.x.read(point.place[0]) == pytest.approx(loss, rel=1e-3)
            (text,) = [
                t
                for t in picture.words
                if t.words == words and abs(t.place[1] - height) < 20
            ]
            # The promise above the rule, what was delivered below it.
            assert 10 < side * (text.place[1] - height) < 20
            assert text.color == color
        (rule,) = [r for r in picture.rules if abs(r.start[1] - height) < 1]
        ends = sorted(picture.x.read(x) for x in (rule.start[0], rule.end[0]))
        assert ends == near(sorted((promised, delivered)))
    assert picture.x.title == "loss"
    assert picture.title == [
        "By validation: 1.25 promised, 1.27 delivered",
        "By test: 1.11 promised, 1.34 delivered",
    ]
    assert (
        "by validation: 1.25 promised, 1.27 delivered; by test: 1.11" in content.description
    )


# What it costs.


def test_the_fastest_stands_first_each_at_its_ratio_on_a_line_from_the_reference() -> None:
    content = charts.ratios(MEASURED, "A title")
    picture = draw(content)
    fastest_first = sorted(MEASURED, key=MEASURED.__getitem__)
    assert sorted(picture.y.ticks, key=picture.y.ticks.__getitem__) == fastest_first
    one = picture.x.ticks["1"]
    points = {p.place[1]: p for p in picture.points}
    for name, height in picture.y.ticks.items():
        (point,) = [p for y_, p in points.items() if abs(y_ - height) < 1]
        assert picture.x.read(point.place[0]) == pytest.approx(MEASURED[name], rel=1e-3)
        assert point.color == (VERMILION if name == "groundup" else BLUE)
        (rule,) = [
            r for r in picture.rules if not r.dashed and abs(r.start[1] - height) < 1
        ]
        assert sorted((rule.start[0], rule.end[0])) == near(sorted((point.place[0], one)))
        (text,) = [t for t in picture.words if abs(t.place[1] - height) < 1]
        assert text.words == charts.times(MEASURED[name])
        # Right of the line and of the point, so that neither strikes the words out.
        assert text.place[0] > max(rule.start[0], rule.end[0]) + 5
    (reference,) = [r for r in picture.rules if r.dashed]
    assert reference.start[0] == pytest.approx(one)
    assert picture.x.log
    assert picture.title == ["A title"]
    assert content.description == (
        "A title: naive 0.57 ×, by hand 1.00 ×, groundup 1.04 ×, torch 12 ×."
    )

    other = draw(charts.ratios(MEASURED, "A title", ours="torch"))
    assert [p.color for p in other.points] == [BLUE, BLUE, BLUE, VERMILION]


# The explorer of where memorising begins.

GRID = chart("memorising")


@pytest.mark.parametrize("samples", [0, 1])
@pytest.mark.parametrize("features", [0, 2])
@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_the_chosen_run_has_its_two_losses_up_to_the_epoch_and_the_title_says_the_last(
    samples: int, features: int, epochs: int
) -> None:
    places = {
        "samples_place": samples,
        "features_place": features,
        "epochs": epochs,
    }
    picture = draw(GRID, **places)
    for color, kind, losses in (
        (BLUE, "training", TRAINING),
        (ORANGE, "validation", VALIDATION),
    ):
        run = losses[samples, features, : epochs + 1].tolist()
        seen = [line.points for line in picture.lines if line.color == color]
        read = [(picture.x.read(x), picture.y.read(y)) for x, y in chain(*seen)]
        for (done, loss), expected in zip(read, enumerate(run), strict=True):
            assert (done, loss) == pytest.approx(expected, abs=0.02)
        assert picture.named(kind).color == color
    first, second = picture.title
    assert first == (
        f"{(8, 16)[samples]} samples, {(1, 2, 4)[features]} of 4 features, "
        f"{epochs} epoch{'' if epochs == 1 else 's'}"
    )
    training, validation = (of[samples, features, epochs] for of in (TRAINING, VALIDATION))
    assert second == f"Loss {training:.2f} in training, {validation:.2f} on new samples"


def test_the_ghosts_are_all_models_validation_losses_on_as_many_samples() -> None:
    picture = draw(GRID, samples_place=1, features_place=0, epochs=2)
    ghosts = [line for line in picture.lines if line.color == GREY]
    ends = sorted(picture.y.read(line.points[-1][1]) for line in ghosts)
    expected = sorted(VALIDATION[1, :, -1].tolist())
    assert ends == pytest.approx(expected, abs=0.02)
    assert all(len(line.points) == 5 for line in ghosts)
    (rule,) = picture.rules
    assert picture.y.read(rule.start[1]) == pytest.approx(1.0, abs=0.01)
    assert rule.dashed
    assert picture.named("noise").color == GREY


def test_the_names_of_two_close_losses_stand_on_either_side() -> None:
    close = charts.memorising_explorer(TRAINING, TRAINING - 0.02, [8, 16], [1, 2, 4], 1.0)
    for content in (GRID, close):
        picture = draw(content, samples_place=0, features_place=0, epochs=4)
        higher = ("validation", "training")[content is close]
        kinds = ("training", "validation")
        heights = {kind: picture.named(kind).place[1] for kind in kinds}
        assert min(heights, key=heights.__getitem__) == higher
        assert abs(heights["training"] - heights["validation"]) > 20


def test_the_frame_holds_all_runs_wherever_the_sliders_stand() -> None:
    frames = {
        draw(GRID, samples_place=i, features_place=j, epochs=k).y.span
        for i, j, k in ((0, 0, 0), (1, 2, 4))
    }
    assert len(frames) == 1
    picture = draw(GRID)
    assert picture.y.read(picture.y.span[0]) == pytest.approx(0, abs=1e-6)
    assert picture.y.read(picture.y.span[1]) > VALIDATION.max()
    assert (picture.x.title, picture.y.title) == ("epochs done", "loss")


@pytest.mark.parametrize("name", ["training", "validation"])
@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 5), (2, 3, 4)])
def test_losses_of_another_shape_than_the_grid_are_refused(
    name: str, shape: tuple[int, ...]
) -> None:
    losses = {"training": TRAINING, "validation": VALIDATION, name: torch.zeros(shape)}
    with pytest.raises(ValueError, match=r"must have shape \(2, 3, epochs \+ 1\)"):
        charts.memorising_explorer(**losses, samples=[8, 16], features=[1, 2, 4], noise=1)
