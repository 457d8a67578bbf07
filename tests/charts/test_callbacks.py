"""Chapter five's charts draw the pictures, the losses, and each mistake in its place."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup import charts
from tests.charts.examples import (
    BLUE,
    CLASSES,
    GREY,
    IMAGES,
    ORANGE,
    READ,
    TRAINING,
    VALIDATION,
    VERMILION,
    chart,
    near,
)
from tests.charts.picture import Mark, Picture, draw


def above(picture: Picture, words: Mark, pixel: float, under: float) -> Tensor:
    """The ink that is seen in a picture of 8 by 8 pixels so far above its words."""
    left, top = words.place[0] - 4 * pixel, words.place[1] - under - 8 * pixel
    ink = torch.zeros(8, 8)
    for cell in picture.cells:
        x, y = (cell.middle[0] - left) / pixel, (cell.middle[1] - top) / pixel
        inside = 0 < x < 8 and 0 < y < 8 and cell.color == GREY
        if inside and cell.item["width"] == pytest.approx(pixel, abs=1e-3):
            ink[int(y), int(x)] = cell.item["opacity"]
    return ink


# Pictures.


@pytest.mark.parametrize("width", [330, 700])
def test_each_picture_stands_above_the_digit_that_it_is(width: int) -> None:
    picture = draw(chart("digits"), width)
    pixel = min(56.0, 0.085 * picture.frame["x"]) / 8
    assert [words.words for words in picture.words] == [*map(str, CLASSES.tolist())]
    for words, image in zip(picture.words, IMAGES, strict=True):
        torch.testing.assert_close(
            above(picture, words, pixel, 9), image, atol=2e-3, rtol=0
        )
    places = [words.place for words in picture.words]
    assert [y for _, y in places] == [places[0][1]] * 10 + [places[10][1]] * 2
    assert places[10][0] == places[0][0]
    assert max(x for x, _ in places) + 4 * pixel < picture.width


def test_pictures_say_how_many_they_are_and_of_what() -> None:
    picture = draw(chart("digits"))
    assert picture.title == ["12 handwritten digits of 8 by 8 pixels"]
    assert "3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8" in chart("digits").description


@pytest.mark.parametrize("shape", [(8, 8), (2, 64), (2, 8, 7), (1, 2, 8, 8)])
def test_a_picture_has_eight_by_eight_pixels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(n, 8, 8\), got"):
        charts.digits(torch.zeros(shape), CLASSES)


# Weights put back.


@pytest.mark.parametrize("loss", [2.0, 2.5])
def test_the_loss_of_what_was_put_back_is_a_dashed_rule(loss: float) -> None:
    picture = draw(charts.restored([3.0, 2.0, 2.5], loss))
    assert picture.runs() == {ORANGE: near([(1, 3), (2, 2), (3, 2.5)])}
    assert picture.runs(dashed=True) == {VERMILION: near([(0, loss), (3, loss)])}
    assert picture.title == ["Least 2 in epoch 2 · last 2.5", f"Put back {loss:g}"]
    assert {words.words: words.color for words in picture.words} == {
        "validation": ORANGE,
        "put back": VERMILION,
    }


# The explorer of mistakes.

PLACES = [(0, 0, 1), (0, 0, 5), (1, 2, 5), (1, 0, 3), (0, 2, 1)]
at_each_place = pytest.mark.parametrize(("units", "dropout", "epochs"), PLACES)


def explored(units: int, dropout: int, epochs: int, width: float = 700) -> Picture:
    places: dict[str, Any] = {"units_place": units, "dropout_place": dropout}
    return draw(chart("mistakes"), width, epochs=epochs, **places)


def mistakes(units: int, dropout: int, epochs: int) -> list[tuple[int, int, int]]:
    """A picture, which digit it is, and which was read."""
    read = READ[units, dropout, epochs - 1].tolist()
    pairs = enumerate(zip(CLASSES.tolist(), read, strict=True))
    return [(i, digit, said) for i, (digit, said) in pairs if digit != said]


@at_each_place
def test_the_chosen_runs_losses_stand_over_those_of_all(
    units: int, dropout: int, epochs: int
) -> None:
    picture = explored(units, dropout, epochs)
    for color, losses, start in ((BLUE, TRAINING + 0.1, 0.5), (ORANGE, VALIDATION, 1)):
        run = losses[units, dropout, :epochs].tolist()
        line = picture.of("line", color)[-1]
        seen = [(picture.top.read(x), picture.y.read(y)) for x, y in line.points]
        expected = [(start + i, loss) for i, loss in enumerate(run)]
        for place, right in zip(seen, expected, strict=True):
            assert place == pytest.approx(right, rel=3e-3)
    ghosts = [
        [(picture.top.read(x), picture.y.read(y)) for x, y in line.points]
        for line in picture.of("line", GREY)
    ]
    assert [len(ghost) for ghost in ghosts] == [5] * 6
    for ghost, run in zip(ghosts, VALIDATION.flatten(0, 1).tolist(), strict=True):
        assert [loss for _, loss in ghost] == pytest.approx(run, rel=3e-3)
        assert [epoch for epoch, _ in ghost] == pytest.approx(range(1, 6))


@at_each_place
def test_the_title_counts_the_mistakes(units: int, dropout: int, epochs: int) -> None:
    wrong = len(mistakes(units, dropout, epochs))
    training = (TRAINING + 0.1)[units, dropout, epochs - 1]
    validation = VALIDATION[units, dropout, epochs - 1]
    assert explored(units, dropout, epochs).title == [
        f"{(16, 32)[units]} hidden units, dropout {('0', '0.25', '0.5')[dropout]}, "
        f"{epochs} epoch{'' if epochs == 1 else 's'}",
        f"Loss {training:.3f}, validation {validation:.3f}",
        f"{wrong} of 12 misread",
    ]


@pytest.mark.parametrize("width", [330, 700])
@at_each_place
def test_the_table_counts_which_digit_was_read_as_which(
    units: int, dropout: int, epochs: int, width: int
) -> None:
    picture = explored(units, dropout, epochs, width)
    digits = [words for words in picture.words if words.words.isdecimal()]
    left, top = (min(words.place[i] for words in digits) for i in (0, 1))
    down = {w.place[1]: int(w.words) for w in digits if w.place[0] == left}
    across = {w.place[0]: int(w.words) for w in digits if w.place[1] == top}
    assert [*down.values()] == [*across.values()] == [*range(10)]
    seen = {
        (down[words.place[1]], across[words.place[0]]): int(words.words)
        for words in digits
        if words.place[0] != left and words.place[1] != top
    }
    expected = Counter((digit, said) for _, digit, said in mistakes(units, dropout, epochs))
    assert seen == expected
    cells = [
        (down[y], across[x])
        for y in down
        for x in across
        for cell in picture.of("rect", VERMILION)
        if cell.middle == pytest.approx((x, y), abs=0.1)
    ]
    assert sorted(cells) == sorted(expected)


@pytest.mark.parametrize("width", [330, 700])
@at_each_place
def test_the_misread_pictures_are_shown_and_no_others(
    units: int, dropout: int, epochs: int, width: int
) -> None:
    picture = explored(units, dropout, epochs, width)
    named = [words for words in picture.words if " → " in words.words]
    expected = mistakes(units, dropout, epochs)
    assert [words.words for words in named] == [f"{a} → {b}" for _, a, b in expected]
    inked = [cell for cell in picture.cells if cell.color == GREY]
    sizes = {round(cell.item["width"], 2) for cell in inked[10:]}
    (pixel,) = sizes or {7}
    assert pixel in ((5, 6, 7) if width == 330 else (7,))
    for words, (i, _, _) in zip(named, expected, strict=True):
        torch.testing.assert_close(
            above(picture, words, pixel, 8), IMAGES[i], atol=2e-3, rtol=0
        )
        assert words.box[2] < picture.width
        assert words.box[3] < picture.height


def test_more_mistakes_than_there_is_room_for_are_cut_and_counted() -> None:
    read = torch.zeros(1, 1, 2, 60, dtype=torch.long)
    losses, ones = torch.ones(1, 1, 2), torch.ones(60, dtype=torch.long)
    images = torch.ones(60, 8, 8)
    content = charts.mistakes_explorer(losses, losses, read, images, ones, [8], [0.0])
    for width in (330, 700):
        picture = draw(content, width)
        shown = [words for words in picture.words if words.words == "1 → 0"]
        assert 10 < len(shown) < 60
        assert picture.title[2] == f"60 of 60 misread, {len(shown)} shown"
        assert picture.named("60").color == VERMILION
        for one in shown:
            assert one.box[2] < picture.width + 4
            assert one.box[3] < picture.height


def test_pictures_that_nobody_misreads_are_not_sent() -> None:
    content = chart("mistakes")
    wrong = (READ != CLASSES).flatten(0, 2).any(0)
    assert len(content.params["numbers"]["pictures"]) == wrong.sum() == 9
    assert "9 of 12 pictures are misread at some place" in content.description


def test_mistakes_of_another_shape_than_the_grid_are_refused() -> None:
    def explorer(**changed: Tensor) -> charts.Content:
        given = {
            "training": TRAINING,
            "validation": VALIDATION,
            "read": READ,
            "images": IMAGES,
            "classes": CLASSES,
        }
        return charts.mistakes_explorer(
            **{**given, **changed}, units=[16, 32], dropout=[0.0, 0.25, 0.5]
        )

    with pytest.raises(ValueError, match=r"training must have shape \(2, 3, epochs\)"):
        explorer(training=TRAINING[:1])
    with pytest.raises(ValueError, match=r"validation must have shape \(2, 3, epochs\)"):
        explorer(validation=VALIDATION[..., :2])
    with pytest.raises(ValueError, match=r"read must have shape \(2, 3, 5, 12\)"):
        explorer(read=READ[..., :3])
    with pytest.raises(ValueError, match="images 12 pictures"):
        explorer(images=IMAGES[:3])
