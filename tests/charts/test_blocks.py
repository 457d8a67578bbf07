"""What holds for every chart, and for the blocks of which all are made."""

import copy
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import altair as alt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup import charts
from groundup.charts.blocks import (
    PALETTE,
    Line,
    ends,
    line_rows,
    linear_ticks,
    log_ticks,
    number,
    shape,
    wrapped,
)
from tests.charts.examples import (
    INF,
    NAN,
    NO_EPOCHS,
    PAIRS,
    STABLE,
    X1,
    chart,
    near,
    other,
    run,
    swept,
    with_losses,
    y,
)
from tests.charts.picture import draw
from tests.helpers import seeded

each_chart = pytest.mark.parametrize("name", PAIRS)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("width", [330, 680])
@each_chart
def test_all_that_is_drawn_lies_within_the_picture_and_no_words_touch(
    name: str, width: int
) -> None:
    for content in (chart(name), other(name))[: 2 if width == 330 else 1]:
        picture = draw(content, width)
        texts = picture.texts
        for text in texts:
            left, top, right, bottom = text.box
            # Words are as long as is estimated, to a few pixels.
            assert -3 < left < right < width + 3, text
            assert -1 < top < bottom < picture.height + 1, text
        for a, b in combinations([t for t in texts if t.role != "axis-label"], 2):
            assert not overlap(a.box, b.box), (a, b)
        clipped = picture.lines if name in ("explorer", "batch sizes", "bowl") else []
        for mark in [*picture.lines, *picture.points, *picture.rules]:
            for x, height in mark.points if mark not in clipped else ():
                assert picture.x.holds(x), mark
                assert any(panel.holds(height) for panel in picture.ys), mark


@each_chart
def test_titles_speak_axes_run_right_and_up_and_colours_are_okabe_and_itos(
    name: str,
) -> None:
    content = chart(name)
    picture = draw(content)
    assert picture.title[0][0].isupper() or picture.title[0][0].isdigit()
    assert max(map(len, picture.title)) <= 40  # of a phone's width
    assert content.description[0].isupper()
    assert len(content.description) > 25
    # Rows and epochs go down.
    down = name in ("batch order", "promises", "ratios")
    for side, axis in picture.axes:
        assert axis.title or name in ("ratios", "batch sizes", "promises")
        places = [*axis.ticks.values()]
        assert places == sorted(places, reverse=side == "left" and not down), axis
    drawn = [*picture.lines, *picture.points, *picture.rules, *picture.words]
    if name != "batch order":  # whose numbers stand on viridis in black or white
        assert {mark.color for mark in drawn} <= set(PALETTE)
    assert content.complete["width"] == "container"
    assert content.complete["config"]["background"] == "transparent"


@each_chart
def test_altairs_chart_is_the_same_checked_and_a_copy_and_rows_have_four_figures(
    name: str,
) -> None:
    content = chart(name)
    before = copy.deepcopy(content.complete)
    with alt.theme.enable("none"):
        altair = content.to_altair()
        assert altair.to_dict() == json.loads(content._mime_()[1])
    altair.properties(height=1, title="changed")
    altair.layer.pop()
    assert content.complete == before
    json.loads(json.dumps(before["datasets"]), parse_float=four_figures)


def four_figures(words: str) -> None:
    assert float(words) == float(f"{float(words):.4g}")


@each_chart
def test_a_specification_depends_on_no_result_and_stays_as_it_is(name: str) -> None:
    first, second = chart(name), other(name)
    made = copy.deepcopy(first.specification)
    second.to_altair().properties(height=1)
    assert second.specification is first.specification
    assert first.specification == made


def test_marimo_and_jupyter_show_vega_lite_and_python_a_line_of_ascii() -> None:
    content = charts.losses({"η = 0.1": STABLE})
    major = alt.SCHEMA_VERSION.removeprefix("v").split(".")[0]
    assert content._mime_()[0] == f"application/vnd.vegalite.v{major}+json"
    assert "vega" in str(content._repr_mimebundle_())
    assert repr(content).startswith("Content('Line chart of the loss over the epochs")
    assert repr(content).isascii()
    assert "\n" not in repr(content)
    with pytest.raises(ValueError, match="JSON"):
        replace(content, params={"y_ends": [1.0, NAN]})._mime_()


TOOLTIPS = {
    "losses": ("line", "epochs done", "loss"),
    "training": ("line", "epochs done", "parameter"),
    "fit": ("line", "x", "y"),
    "sweep": ("line", "learning rate", "last loss"),
    "explorer": ("line", "epoch", "value"),
    "quiz": ("epochs done", "loss"),
    "batch order": ("epoch", "sample", "batch"),
    "gradient noise": ("line", "batch size", "distance from the full gradient"),
    "promises": ("label", "x"),
}


@pytest.mark.parametrize("name", TOOLTIPS)
def test_a_tooltip_names_the_line_and_both_axes(name: str) -> None:
    content = chart(name)
    written = re.findall(r'"tooltip": (\[.*?\])', json.dumps(content.specification))
    found = [json.loads(tooltip) for tooltip in written]
    told = {tuple(each.get("title", each["field"]) for each in of) for of in found}
    assert TOOLTIPS[name] in told
    # What a tooltip tells, the rows have.
    text = json.dumps(content.complete)
    assert all(f'"{each["field"]}"' in text for of in found for each in of)


# Words in place of an empty plot.


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (charts.losses(NO_EPOCHS), "No epochs, nothing trained"),
        (charts.losses(run([], accuracy=[]), "accuracy"), "No epochs, nothing trained"),
        (charts.losses([]), "No epochs, nothing trained"),
        (charts.losses({}), "No runs, nothing trained"),
        (charts.losses(with_losses(NAN, NAN)), "Diverged at epoch 0"),
        (charts.losses(run([NAN], [INF])), "Diverged at epoch 1"),
        (charts.losses({"one": NO_EPOCHS}), "One: no epochs, nothing trained"),
        (charts.trajectories(NO_EPOCHS), "No epochs: no parameter has moved"),
        (charts.training(NO_EPOCHS), "No epochs, nothing trained"),
        (charts.pace(NO_EPOCHS, 0.1, 0.5), "No epochs, nothing trained"),
        (charts.sweep_losses(swept([0.1], 0)), "No epochs, nothing trained"),
        (charts.batch_order([[], [[]]], 24), "No batches"),
    ],
)
def test_words_stand_in_place_of_an_empty_plot(content: charts.Content, title: str) -> None:
    picture = draw(content)
    assert picture.title == [title]
    assert [text.words for text in picture.words] == ["nothing to draw"]
    assert not picture.axes
    assert title in content.description


# Axes.


@given(st.floats(-1e6, 1e6), st.floats(1e-5, 1e6))
def test_a_linear_axis_has_some_round_numbers(low: float, length: float) -> None:
    ticks = linear_ticks(low, low + length)
    assert 3 <= len(ticks) <= 11
    assert low - 1e-6 * length <= ticks[0] < ticks[-1] <= low + length * (1 + 1e-6)
    assert f"{ticks[1] - ticks[0]:.0e}"[0] in "125"


@given(st.floats(1e-9, 1e6), st.floats(1.05, 1e12))
def test_a_logarithmic_axis_has_1_2_5_or_decades_or_even_steps(
    low: float, ratio: float
) -> None:
    ticks = log_ticks(low, low * ratio)
    assert 3 <= len(ticks) <= 9
    assert low * 0.998 <= ticks[0] <= ticks[-1] <= low * ratio * 1.002
    leading = {f"{tick:.0e}"[0] for tick in ticks}
    steps = {f"{b - a:.2e}" for a, b in pairwise(ticks)}
    assert leading <= {*"125"} or len(steps) == 1
    if leading == {"1"}:
        assert len({f"{b / a:.2e}" for a, b in pairwise(ticks)}) == 1


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.0, 9.0], "1 2 5 10"),
        ([0.004, 20.0], "0.01 0.1 1 10"),
        ([300.0, 4e5], "1,000 10,000 100,000"),
        ([0.24, 0.45], "0.25 0.3 0.35 0.4 0.45"),
        ([1e-7, 1e-2], "1e-7 1e-6 1e-5 0.0001 0.001 0.01"),
        ([0.0, 1.0], "0 0.2 0.4 0.6 0.8 1"),
        ([-3.0, 30.0], "0 5 10 15 20 25 30"),
    ],
)
def test_ticks_are_written_as_they_are_spoken_on_a_log_axis_where_all_are_positive(
    values: list[float], labels: str
) -> None:
    content = charts.losses(run(values))
    assert [*draw(content).y.ticks] == labels.split()
    assert draw(content).y.log is ("log axis" in content.description) is (min(values) > 0)


@pytest.mark.parametrize(
    ("epochs", "labels"),
    [
        (1, "0 1"),
        (3, "0 1 2 3"),
        (10, "0 2 4 6 8 10"),
        (60, "0 10 20 30 40 50 60"),
        (1000, "0 200 400 600 800 1,000"),
    ],
)
def test_epochs_are_whole_from_zero_to_the_last(epochs: int, labels: str) -> None:
    axis = draw(charts.losses(run([1.0] * epochs, [2.0] * epochs))).x
    assert [*axis.ticks] == labels.split()
    first, *_, last = axis.ticks.values()
    assert axis.span == pytest.approx((first, last), abs=0.5)


def test_what_is_not_finite_does_not_rule_an_axis() -> None:
    assert ends("y", [1.0, NAN, INF, 2.0]) == ends("y", [1.0, 2.0])
    assert ends("y", [1.0, -1.0, 0.0, 2.0], log=True) == ends("y", [1.0, 2.0], log=True)
    assert len(ends("y", [])["y_ticks"]) > 2


# Lines, and the names at their ends.


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_names_stand_right_of_their_own_lines_ends_in_order_and_do_not_touch(
    seed: int, alike: bool
) -> None:
    last = (7 * torch.rand(6, generator=seeded(seed))).exp().tolist()
    runs = {
        f"run {i}": run([1e9, last[0] if alike else b], accuracy=[math.log(b), i + b])
        for i, b in enumerate(last)
    }
    picture = draw(charts.losses(runs, "accuracy"))
    for panel in (0, 1):
        names = picture.words[6 * panel : 6 * panel + 6]
        names.sort(key=lambda text: text.end[1])
        true = [picture.line(text.color, panel).end for text in names]
        for text, (x, _) in zip(names, true, strict=True):
            assert text.words == f"run {PALETTE.index(text.color)}"
            assert 3 < text.box[0] - x < 15
        assert min(b.end[1] - a.end[1] for a, b in pairwise(names)) >= 10
        heights = [height for _, height in true]
        assert heights == pytest.approx(sorted(heights))


@pytest.mark.parametrize(
    "losses",
    [[9, 3, 1, 0.5, 0.2], [9, 9, 9, 0.2], [1, 1, 1, 90], [1, 2, 0.1, 5], [1, 0.5, 2, 1]],
)
@pytest.mark.parametrize("width", [330, 680])
def test_a_long_name_stands_inside_above_its_own_line_and_does_not_cross_it(
    losses: list[float], width: int
) -> None:
    runs = {"calm": with_losses(1.0), "wild": with_losses(*losses, NAN)}
    picture = draw(charts.losses(runs), width)
    words = picture.named(f"wild, diverged at epoch {len(losses)}")
    line = picture.line(words.color)
    left, _, right, bottom = words.box
    assert right < line.end[0]
    for (a, p), (b, q) in pairwise(line.points):
        shares = [min(1, max(0, (x - a) / (b - a))) for x in (left, right)]
        if left < b and a < right:
            assert all(bottom < p + share * (q - p) for share in shares)


def test_an_eighth_line_has_the_first_ones_colour_and_a_line_without_points_none() -> None:
    rows = line_rows("data", {"far": Line([(0, 1)], hue=7), "none": Line([])})
    assert [row["hue"] for row in rows["ends of data"]] == [0]
    assert len(rows["data"]) == 1


def test_a_curve_is_drawn_in_the_order_of_its_points_also_where_it_turns_back() -> None:
    turning = [(0.0, 0.0), (2.0, 1.0), (1.0, 2.0), (3.0, 3.0)]
    content = charts.fit(X1, y, {"a": X1})
    rows = line_rows("curves", {"a": Line(turning, "a")})
    params = ends("x", [0, 3], margin=0) | ends("y", [0, 3])
    shown = draw(replace(content, datasets={"samples": [], **rows}, params=params))
    assert shown.read(shown.lines[0]) == near(turning)


# Words.


@pytest.mark.parametrize(
    ("say", "value", "words"),
    [
        (number, 0.0012345, "0.00123"),
        (number, 123.4, "123"),
        (number, 1234.5, "1,234"),
        (number, 2345678.0, "2,345,678"),
        (number, 1.5e9, "1.5e+9"),
        (number, 999.7, "1,000"),
        (number, -0.5, "−0.5"),
        (charts.times, 0.573, "0.57 ×"),
        (charts.times, 9.994, "9.99 ×"),
        (charts.times, 10.5, "10 ×"),
        (charts.times, 1234.5, "1,234 ×"),
        (shape, [2.0, 2.0], "stays at 2"),
        (shape, [8.0, 5.0, 4.0, 1.0], "falls from 8 to 1, half of the way in 2 of 3 steps"),
        (shape, [8.0, 1.0, 3.0], "falls from 8 to its least, 1, in step 1 of 2, ends at 3"),
        (shape, [1.0, 9.0, 3.0], "rises from 1 to 9, ends at 3"),
    ],
)
def test_numbers_have_the_figures_that_count_and_a_curves_course_is_told(
    say: Callable[[Any], str], value: Any, words: str
) -> None:
    assert say(value) == words


@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=1, max_size=9))
def test_sentences_are_set_in_as_few_lines_as_fit_a_phone(sentences: list[str]) -> None:
    lines = wrapped(sentences)
    assert " · ".join(lines).lower() == " · ".join(sentences)
    assert max(map(len, lines)) <= 40
    assert all(line[0].isupper() for line in lines)
    for line, following in pairwise(lines):
        assert len(f"{line} · {following.split(' · ')[0]}") > 40
