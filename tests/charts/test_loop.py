"""A loop that lacks lines stands over the whole one, in axes that are the whole one's."""

import pytest

from groundup import charts
from tests.charts.examples import BLUE, GREY, SWINGS, VERMILION, chart, near
from tests.charts.picture import draw

WHOLE, SWINGING = SWINGS
RAISED = "TypeError: no number"


def test_the_whole_loop_stands_alone_in_blue_with_its_name() -> None:
    picture = draw(charts.struck_loop(WHOLE, WHOLE, []))
    assert picture.runs() == {BLUE: near([*enumerate(WHOLE)])}
    assert [words.words for words in picture.words] == ["every line in place"]
    assert picture.title == ["Every line in place", "Loss 9 → 0.148"]


def test_what_lacks_a_line_stands_in_vermilion_over_the_whole_loop_in_grey() -> None:
    picture = draw(chart("struck loop"))
    assert picture.runs() == {
        GREY: near([*enumerate(WHOLE)]),
        VERMILION: near([*enumerate(SWINGING)]),
    }
    assert [line.color for line in picture.lines] == [GREY, VERMILION]
    assert picture.named("every line in place").color == GREY
    assert picture.named("without zero_grad").color == VERMILION
    assert picture.title == ["Without zero_grad", f"Loss 9 → {SWINGING[-1]:.3g}"]
    assert (picture.x.title, picture.y.title) == ("epochs done", "loss")


def test_what_raises_has_no_curve_and_says_so() -> None:
    content = charts.struck_loop(WHOLE, RAISED, ["loss", "update"])
    picture = draw(content)
    assert picture.runs() == {GREY: near([*enumerate(WHOLE)])}
    assert picture.named("raises at once").color == VERMILION
    assert len(picture.points) == 1  # at the end of the whole loop's line
    assert picture.title == ["Without loss, update", "TypeError: no curve"]
    assert content.description.endswith(f"it raises {RAISED}.")


@pytest.mark.parametrize("width", [330, 376, 680])
def test_nothing_but_the_curve_moves_whatever_is_struck(width: int) -> None:
    flat = [9.0] * 40
    shown: list[tuple[list[float] | str, list[str]]] = [
        (WHOLE, []),
        (SWINGING, ["a"]),
        (flat, ["update"]),
        (flat, ["zero_grad", "backward", "update"]),
        (RAISED, [*"abcde"]),
    ]
    pictures = [draw(charts.struck_loop(WHOLE, run, names), width) for run, names in shown]
    assert len({str((p.axes, p.frame, p.height)) for p in pictures}) == 1
    for picture in pictures:
        name = picture.named("every line in place")
        heights = [height for line in picture.lines for _, height in line.points]
        assert name.box[1] > max(heights)  # under all lines: no loss is there
