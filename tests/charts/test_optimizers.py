"""Chapter four's charts draw what the optimizers do: courses, rates, and a bowl."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup import SGD, Adam, charts, oracle
from tests.charts.examples import (
    BLUE,
    GREEN,
    GREY,
    INF,
    NAN,
    ORANGE,
    VERMILION,
    chart,
    near,
)
from tests.charts.picture import Mark, Picture, draw

# Courses.


def test_a_course_ends_where_it_diverges_or_comes_to_nothing_and_the_title_says_so() -> (
    None
):
    picture = draw(chart("courses"))
    runs = picture.runs()
    assert runs[BLUE] == near([(0, 8), (1, 4), (2, 2), (3, 1)])
    # A hundred times the first value is 800.
    assert runs[ORANGE] == near([(0, 8), (1, 40)])
    assert runs[GREEN] == near([(0, 8), (1, 1)])
    assert picture.y.log
    assert picture.title == [
        "Plain: 1 · wild: diverges in step 2",
        "Quick: a millionth in step 2",
    ]
    assert (picture.x.title, picture.y.title) == ("steps done", "loss above the least")


@pytest.mark.parametrize("wrong", [NAN, INF, -INF])
def test_a_course_ends_before_what_is_no_number(wrong: float) -> None:
    picture = draw(charts.courses({"a": [1.0, 2.0, wrong, 2.0]}, "weight", log=False))
    assert picture.runs()[BLUE] == near([(0, 1), (1, 2)])
    assert picture.title == ["A: diverges in step 2"]


def test_a_linear_course_may_be_negative_and_zero() -> None:
    picture = draw(charts.courses({"a": [1.0, 0.0, -2.0]}, "weight", log=False))
    assert picture.runs()[BLUE] == near([(0, 1), (1, 0), (2, -2)])


@pytest.mark.parametrize("runs", [{}, {"a": []}, {"a": [NAN, 1.0]}])
def test_no_course_is_said_in_words(runs: dict[str, list[float]]) -> None:
    assert draw(charts.courses(runs, "loss")).title == ["Nothing to draw"]


# A schedule.


def test_the_rate_of_each_update_stands_under_its_loss() -> None:
    picture = draw(chart("scheduled"))
    assert picture.runs(0)[BLUE] == near([(1, 3), (2, 2), (3, 1), (4, 0.5)])
    assert picture.runs(1)[ORANGE] == near([(1, 0.1), (2, 0.2), (3, 0.1), (4, 0.05)])
    assert picture.title == ["Last loss 0.5"]
    assert [axis.title for axis in picture.ys] == ["loss", "learning rate"]
    assert (picture.ys[0].log, picture.ys[1].log) == (True, False)
    assert picture.ys[1].read(max(picture.ys[1].span)) == pytest.approx(0, abs=1e-3)


def test_an_update_whose_loss_is_no_number_keeps_its_rate() -> None:
    picture = draw(charts.scheduled([2.0, INF, 1.0], [0.1, 0.2, 0.3], "A title"))
    assert picture.runs(0)[BLUE] == near([(1, 2), (3, 1)])
    assert picture.runs(1)[ORANGE] == near([(1, 0.1), (2, 0.2), (3, 0.3)])


# The bowl.

Setting = dict[str, Any]
OPENS: Setting = {
    "turn": 0,
    "rate": 1.6,
    "momentum": 0.7,
    "adams_rate": 0.1,
    "condition": 100,
}
SETTINGS: dict[str, Setting] = {
    "as it opens": OPENS,
    "turned": OPENS | {"turn": 33},
    "upright": OPENS | {"turn": 90},
    "no momentum": OPENS | {"momentum": 0},
    "no momentum, in one step": OPENS | {"momentum": 0, "rate": 1},
    "two equal roots": OPENS | {"momentum": 0.25, "rate": 0.25},
    "real roots": OPENS | {"momentum": 0.1, "rate": 0.3},
    "round": OPENS | {"condition": 1, "turn": 20},
    "near the limit": OPENS | {"momentum": 0.9, "rate": 3.75},
    "Adam fast": OPENS | {"adams_rate": 0.5, "turn": 10},
    "diverges": OPENS | {"rate": 3.5, "momentum": 0.2},
}
each_setting = pytest.mark.parametrize("setting", SETTINGS.values(), ids=[*SETTINGS])


def path(make: Callable[[list[Tensor]], Any], setting: Setting) -> tuple[Tensor, float]:
    """Places in the bowl, `(41, 2)`, by torch's gradients, and the last loss."""
    angle = math.radians(setting["turn"])
    flat = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    steep = torch.tensor([-math.sin(angle), math.cos(angle)], dtype=torch.float64)
    p = (1.2 * flat + 0.8 * steep).requires_grad_()
    places = [p.detach().clone()]
    optimizer = make([p])

    def loss() -> Tensor:
        squares: Tensor = (p @ steep) ** 2 + (p @ flat) ** 2 / setting["condition"]
        return squares / 2

    for _ in range(40):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        places.append(p.detach().clone())
    return torch.stack(places), loss().item()


def makers(setting: Setting) -> dict[str, Callable[[list[Tensor]], Any]]:
    rate, momentum = setting["rate"], setting["momentum"]
    return {
        "plain": lambda p: torch.optim.SGD(p, lr=rate),
        "momentum": lambda p: torch.optim.SGD(p, lr=rate, momentum=momentum),
        "Adam": lambda p: torch.optim.Adam(p, lr=setting["adams_rate"]),
    }


COLORS = {"plain": VERMILION, "momentum": BLUE, "Adam": GREEN}


def in_the_bowl(picture: Picture, marks: list[Mark]) -> list[tuple[float, float]]:
    """Where points of the upper panel are."""
    bowl = picture.ys[0]
    return [
        (picture.top.read(x), bowl.read(y))
        for x, y in (mark.place for mark in marks)
        if bowl.holds(y)
    ]


@each_setting
@pytest.mark.parametrize("name", COLORS)
def test_the_page_computes_the_run_that_torch_makes(name: str, setting: Setting) -> None:
    picture = draw(chart("bowl"), 680, **setting)
    places, loss = path(makers(setting)[name], setting)
    expected = [
        (x, y) for x, y in places.tolist() if abs(y) < 1.4 and abs(x) < 1.5 * 600 / 280
    ]
    drawn = in_the_bowl(picture, picture.of("symbol", COLORS[name]))
    for x, y in expected:
        near_by = min(math.dist((x, y), place) for place in drawn)
        assert near_by < 1e-3, (x, y)
    (said,) = [t.words for t in picture.words if t.words.startswith(f"{name}: ")]
    if loss > 1e3:
        assert said == f"{name}: diverged"
    else:
        value = float(said.partition("loss ")[2].replace("−", "-"))
        assert value == pytest.approx(loss, rel=0.06, abs=1e-17)


def test_turning_the_bowl_changes_adams_loss_alone() -> None:
    straight, turned = (draw(chart("bowl"), turn=turn) for turn in (0, 45))
    words = {
        name: [
            [t.words for t in picture.words if t.words.startswith(f"{name}: ")]
            for picture in (straight, turned)
        ]
        for name in COLORS
    }
    assert {name for name, (a, b) in words.items() if a != b} == {"Adam"}


@each_setting
def test_both_directions_stand_in_the_plane_and_the_title_says_on_which_side(
    setting: Setting,
) -> None:
    picture = draw(chart("bowl"), **setting)
    plane = picture.ys[1]
    drawn = [
        mark.place for mark in picture.of("symbol", BLUE) if plane.holds(mark.place[1])
    ]
    drawn = [(picture.x.read(x), plane.read(y)) for x, y in drawn]
    steep = setting["rate"], setting["momentum"]
    flat = setting["rate"] / setting["condition"], setting["momentum"]
    assert sorted(drawn) == [
        pytest.approx(place, abs=0.01) for place in sorted([flat, steep])
    ]
    factor = oracle.spectral_radius(torch.tensor([steep[0]]), steep[1]).item()
    verdict = "stable" if factor < 1 else "diverges"
    assert picture.title[1].endswith(verdict)
    assert picture.title[0] == f"Bowl turned by {setting['turn']}°, after 40 steps"


def test_a_line_of_the_bowl_is_a_line_of_equal_loss() -> None:
    picture = draw(chart("bowl"), turn=30, condition=10)
    angle = math.radians(30)
    levels = []
    for line in picture.of("line", GREY):
        if line.dashed:
            continue
        losses = []
        for x, y in ((picture.top.read(a), picture.ys[0].read(b)) for a, b in line.points):
            flat = x * math.cos(angle) + y * math.sin(angle)
            steep = y * math.cos(angle) - x * math.sin(angle)
            losses.append((steep**2 + flat**2 / 10) / 2)
        assert losses == pytest.approx([losses[0]] * len(losses), rel=0.01)
        levels.append(losses[0])
    assert levels == pytest.approx([0.02, 0.08, 0.2, 0.4, 0.7], rel=0.01)


def test_the_bowl_is_not_stretched_however_wide_the_page_is() -> None:
    for width in (330, 680):
        picture = draw(chart("bowl"), width)
        across, up = picture.top, picture.ys[0]
        one = across.ticks["1"] - across.ticks["0"]
        assert up.ticks["0"] - up.ticks["1"] == pytest.approx(one, rel=0.01)


def test_our_optimizers_are_those_of_the_picture() -> None:
    for ours, theirs in (
        (lambda p: SGD(p, lr=1.6, momentum=0.7), makers(OPENS)["momentum"]),
        (lambda p: Adam(p, lr=0.1), makers(OPENS)["Adam"]),
    ):
        torch.testing.assert_close(path(ours, OPENS)[0], path(theirs, OPENS)[0])
