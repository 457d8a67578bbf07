"""Chapter six's charts draw the run that nobody killed, and how far another is from it."""

from typing import Any

import pytest

from groundup import charts
from tests.charts.examples import (
    APART,
    BLUE,
    FORGOTTEN,
    GREY,
    KILLS,
    NEVER_KILLED,
    RESUMES,
    VERMILION,
    chart,
    near,
)
from tests.charts.picture import Mark, Picture, draw

SAME = "the same weights, bit for bit"


# One resumed run.


def test_a_resumed_run_stands_over_the_one_that_was_never_killed() -> None:
    again, distances = RESUMES[0][1], APART[0][1]
    picture = draw(charts.resumed(NEVER_KILLED, again, distances, 2))
    assert picture.runs() == {
        GREY: near([*enumerate(NEVER_KILLED, 1)]),
        BLUE: near([*enumerate(again, 3)]),
    }
    assert picture.runs(1) == {VERMILION: near([*enumerate(distances, 3)])}
    assert next(iter(picture.ys[1].ticks)) in ("0", "0.0")
    assert " ".join(picture.title) == (
        f"Resumed after step 2 Weights {distances[-1]:.3g} apart at the end"
    )
    assert {words.words: words.color for words in picture.words} == {
        "never killed": GREY,
        "resumed": BLUE,
    }


def test_the_distance_of_a_run_that_is_the_same_lies_on_zero_and_the_title_says_so() -> (
    None
):
    content = charts.resumed(NEVER_KILLED, NEVER_KILLED[4:], [0.0] * 4, 4)
    picture = draw(content)
    assert picture.runs()[BLUE] == near([*enumerate(NEVER_KILLED[4:], 5)])
    assert picture.runs(1) == {VERMILION: near([(step, 0.0) for step in range(5, 9)])}
    assert " ".join(picture.title) == f"Resumed after step 4 {SAME.capitalize()}"
    assert SAME in content.description


def test_each_loss_has_a_distance() -> None:
    with pytest.raises(ValueError, match="distances must be as many as losses, 6, got 2"):
        charts.resumed(NEVER_KILLED, [1.0] * 6, [0.1, 0.2], 2)


# The explorer.

OPENS_AT = (4, "nothing")
PLACES = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 0)]
at_each_place = pytest.mark.parametrize(("place", "which"), PLACES)


def explored(place: int, which: int, width: float = 600) -> Picture:
    at: dict[str, Any] = {"kill": KILLS[place], "forgotten": [*FORGOTTEN][which]}
    return draw(chart("resumes"), width, **at)


def bold(picture: Picture, color: str) -> list[Mark]:
    """The chosen run's line."""
    return [line for line in picture.of("line", color) if len(line.points) > 1]


@at_each_place
def test_the_chosen_run_stands_over_the_true_one_and_the_thin_others(
    place: int, which: int
) -> None:
    picture, start = explored(place, which), KILLS[place] + 1
    (line,) = bold(picture, BLUE)
    assert picture.read(line) == near([*enumerate(RESUMES[place][which], start)])
    upper = [
        picture.read(line)
        for line in bold(picture, GREY)
        if picture.ys[0].holds(line.place[1])
    ]
    others = [[*enumerate(run, start)] for run in RESUMES[place]]
    for expected in ([*enumerate(NEVER_KILLED, 1)], *others):
        assert near(expected) in upper
    assert len(upper) == 1 + len(FORGOTTEN)


@at_each_place
def test_its_distance_stands_below_where_there_is_one(place: int, which: int) -> None:
    picture, start = explored(place, which), KILLS[place] + 1
    apart = [(s, d) for s, d in enumerate(APART[place][which], start) if d > 0]
    shown = [picture.read(line, 1) for line in bold(picture, VERMILION)]
    assert shown == ([near(apart)] if len(apart) > 1 else [])
    words = {words.words for words in picture.words}
    assert (SAME in words) is (not apart)
    assert picture.ys[1].log


@at_each_place
def test_a_rule_stands_where_it_was_killed_and_a_point_at_its_end(
    place: int, which: int
) -> None:
    picture = explored(place, which)
    (rule,) = [rule for rule in picture.rules if rule.dashed and rule.color == GREY]
    assert picture.x.read(rule.place[0]) == pytest.approx(KILLS[place], abs=0.01)
    (end,) = picture.of("symbol", BLUE)
    assert picture.at(end.place) == near([(8, RESUMES[place][which][-1])])[0]


@pytest.mark.parametrize("width", [330, 600])
@at_each_place
def test_the_title_tells_the_loss_and_the_distance_at_the_end(
    place: int, which: int, width: int
) -> None:
    apart = APART[place][which][-1]
    assert explored(place, which, width).title == [
        f"Resumed at {KILLS[place]} {[*FORGOTTEN.values()][which]}",
        f"Loss {RESUMES[place][which][-1]:.2f}, never killed 0.70",
        f"Weights {apart:.2g} apart at the end"
        if apart
        else "The same weights, bit for bit",
    ]


def test_each_kill_has_a_run_for_each_thing_that_is_forgotten() -> None:
    for name, given in (
        ("again", (RESUMES[:2], APART)),
        ("distances", (RESUMES, [row[:2] for row in APART])),
    ):
        with pytest.raises(ValueError, match=f"{name} must have 3 runs for each of 3"):
            charts.resume_explorer(NEVER_KILLED, *given, KILLS, FORGOTTEN, OPENS_AT)


def test_it_opens_at_one_of_its_runs() -> None:
    content = chart("resumes")
    assert (content.params["kill"], content.params["forgotten"]) == OPENS_AT
    for elsewhere in ((3, OPENS_AT[1]), (4, "the weather")):
        with pytest.raises(ValueError, match="opens_at must be one of"):
            charts.resume_explorer(
                NEVER_KILLED, RESUMES, APART, KILLS, FORGOTTEN, elsewhere
            )
