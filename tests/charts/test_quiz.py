"""The quiz draws a broken loop over the right one, and knows the guilty line."""

import pytest

from groundup import charts
from tests.charts.examples import BLUE, BUGS, GREEN, GREY, STABLE, chart, near
from tests.charts.picture import draw

each_curve = pytest.mark.parametrize(("curve", "bug"), [*enumerate(BUGS, 1)])


@each_curve
def test_the_chosen_curve_stands_over_the_right_one_and_gives_nothing_away(
    curve: int, bug: charts.Bug
) -> None:
    picture = draw(chart("quiz"), curve=curve)
    # A run that diverges ends where it left; others are there to their end.
    left = charts.diverged_at(bug.losses)
    shown = [*enumerate(bug.losses)][: None if left is None else left + 1]
    assert picture.read(picture.line(GREY)) == near([*enumerate(STABLE.losses)])
    assert picture.read(picture.line(BLUE)) == near(shown)
    assert [picture.at(p.place) for p in picture.points] == near(shown)
    assert (picture.x.title, picture.y.title) == ("epochs done", "loss")
    assert picture.y.log
    question = [f"Curve {curve}: which line is guilty?", "Grey is the loop as it should be"]
    assert picture.title == question
    assert not picture.words
    assert bug.why not in chart("quiz").description


@each_curve
def test_the_title_says_of_each_line_whether_it_is_the_guilty_one(
    curve: int, bug: charts.Bug
) -> None:
    for line in range(1, 10):
        picture = draw(chart("quiz"), curve=curve, guilty=str(line))
        right = [f"Line {bug.line}: {bug.why}", f"Right: {bug.right}"]
        wrong = [f"Not line {line}", "What would it do to the curve?"]
        assert picture.title == (right if line == bug.line else wrong)
        drawn = {mark.color for mark in picture.lines + picture.points}
        assert drawn == {GREY, GREEN if line == bug.line else BLUE}


def test_the_reader_chooses_among_all_curves_and_lines_and_reads_each_curves_course() -> (
    None
):
    content = chart("quiz")
    params = {param["name"]: param.get("bind", {}) for param in content.complete["params"]}
    assert (params["curve"]["min"], params["curve"]["max"]) == (1, 3)
    assert params["guilty"]["options"] == ["?", *"123456789"]
    for curve, course in enumerate(("falls from", "rises from", "stays at"), 1):
        assert f"curve {curve} {course}" in content.description
