"""The quiz draws a broken loop over the right one, and knows the guilty line."""

import json
from typing import Any

import pytest

from tests.charts.examples import BLUE, BUGS, DIVERGED, GREEN, GREY, STABLE, chart, near
from tests.charts.picture import draw


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_chosen_curve_is_drawn_over_the_right_ones(number: int) -> None:
    picture = draw(chart("quiz"), curve=number)
    runs, losses = picture.runs(), BUGS[number - 1].losses
    assert runs[GREY] == near([*enumerate(STABLE.losses)])
    shown = runs[BLUE]
    assert shown == near([*enumerate(losses)][: len(shown)])
    assert [picture.at(p.place) for p in picture.points] == shown
    # A run that diverges ends where it left; others are there to their end.
    assert (len(shown) < len(losses)) == (losses is DIVERGED.losses)
    assert (picture.x.title, picture.y.title) == ("epochs done", "loss")
    assert picture.y.log


def test_before_a_line_is_picked_nothing_is_given_away() -> None:
    picture = draw(chart("quiz"), curve=2)
    question = ["Curve 2: which line is guilty?", "Grey is the loop as it should be"]
    assert picture.title == question
    assert not picture.words
    assert not [b for b in BUGS if b.why in chart("quiz").description]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_title_says_of_each_line_whether_it_is_the_guilty_one(number: int) -> None:
    bug = BUGS[number - 1]
    for line in range(1, 10):
        picture = draw(chart("quiz"), curve=number, guilty=str(line))
        right = [f"Line {bug.line}: {bug.why}", f"Right: {bug.right}"]
        wrong = [f"Not line {line}", "What would it do to the curve?"]
        assert picture.title == (right if line == bug.line else wrong)
        drawn: list[Any] = [*picture.lines, *picture.points]
        assert {mark.color for mark in drawn} == {GREY, GREEN if line == bug.line else BLUE}


def test_the_reader_chooses_among_all_curves_and_all_lines() -> None:
    params = {p["name"]: p.get("bind", {}) for p in chart("quiz").complete["params"]}
    assert (params["curve"]["min"], params["curve"]["max"]) == (1, 3)
    assert params["guilty"]["options"] == ["?", *"123456789"]
    assert len(json.loads(chart("quiz")._mime_()[1])["datasets"]["runs"]) > 40


def test_the_description_tells_the_course_of_each_curve() -> None:
    words = chart("quiz").description
    for number, course in ((1, "falls from"), (2, "rises from"), (3, "stays at")):
        assert f"curve {number} {course}" in words
