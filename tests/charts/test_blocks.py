"""What holds for every chart, and for the blocks of which all are made."""

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import altair as alt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup import charts, mean_squared_error
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
    BIRDS,
    CHARTS,
    COSTS,
    DIVERGED,
    FEATURES,
    INF,
    LEFT,
    MADE,
    MALE,
    NAN,
    NO_EPOCHS,
    OTHER,
    PROBLEMS,
    SEXES,
    STABLE,
    TRUE,
    X,
    batches_of,
    chart,
    model,
    near,
    paced,
    run,
    slanted,
    swept,
    with_losses,
    y,
)
from tests.charts.picture import Picture, draw
from tests.helpers import seeded

each_chart = pytest.mark.parametrize("name", CHARTS)
EXPLORERS = ("explorer", "batch sizes", "quiz")


def overlap(a: Any, b: Any) -> bool:
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])


@pytest.mark.parametrize("width", [330, 680])
@each_chart
def test_all_that_is_drawn_lies_within_the_picture_and_no_words_touch(
    name: str, width: int
) -> None:
    picture = draw(chart(name), width)
    for text in picture.texts:
        left, top, right, bottom = text.box
        # Words are as long as is estimated, to a few pixels.
        assert -3 < left < right < width + 3, text
        assert -1 < top < bottom < picture.height + 1, text
    for a, b in combinations([t for t in picture.texts if t.role != "axis-label"], 2):
        assert not overlap(a.box, b.box), (a, b)
    heights = [point.place[1] for point in picture.points]
    heights += [y for rule in picture.rules for y in (rule.start[1], rule.end[1])]
    assert all(any(panel.holds(y) for panel in picture.ys) for y in heights)
    assert all(picture.x.holds(point.place[0]) for point in picture.points)
    for line in picture.lines if name not in EXPLORERS else []:
        assert all(picture.x.holds(x) for x, _ in line.points), line
        assert all(picture.panel(line).holds(y) for _, y in line.points), line


@each_chart
def test_titles_speak_and_colours_are_okabe_and_itos_on_the_pages_own_ground(
    name: str,
) -> None:
    content = chart(name)
    picture = draw(content)
    for line in picture.title or [""]:
        assert line[0].isupper() or line[0].isdigit()
    assert content.description[0].isupper()
    assert len(content.description) > 25
    if picture.ys:
        assert picture.x.title or name in ("ratios", "batch sizes")
        assert all(y.title for y in picture.ys) or name in ("promises", "ratios")
    # Time and sizes run to the right, values upwards; rows and epochs go down.
    down = name in ("batch order", "promises", "ratios")
    for axis, way in ((picture.x, 1), *((up, 1 if down else -1) for up in picture.ys)):
        places = [*axis.ticks.values()]
        assert places == sorted(places, reverse=way < 0), axis
    drawn: list[Any] = [*picture.lines, *picture.points, *picture.rules]
    if name != "batch order":  # whose numbers stand on viridis in black or white
        assert {mark.color for mark in [*drawn, *picture.words]} <= set(PALETTE)
    assert content.complete["width"] == "container"
    assert content.complete["config"]["background"] == "transparent"


@each_chart
def test_altairs_chart_is_the_same_checked_and_a_copy(name: str) -> None:
    content = chart(name)
    before = copy.deepcopy(content.complete)
    with alt.theme.enable("none"):
        altair = content.to_altair()
        assert altair.to_dict() == json.loads(content._mime_()[1])
    altair.properties(height=1, title="changed")
    altair.layer.pop()
    assert content.complete == before


def test_marimo_and_jupyter_show_vega_lite_and_python_a_line_of_ascii() -> None:
    content = charts.losses({"η = 0.1": STABLE})
    kind, _ = content._mime_()
    major = alt.SCHEMA_VERSION.removeprefix("v").split(".")[0]
    assert kind == f"application/vnd.vegalite.v{major}+json"
    bundle = content._repr_mimebundle_()
    assert "vega" in str(bundle)
    assert repr(content).startswith("Content('Line chart of the loss over the epochs")
    assert repr(content).isascii()
    assert "\n" not in repr(content)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_json_never_reaches_a_browser(value: float) -> None:
    content = charts.losses(STABLE)
    with pytest.raises(ValueError, match="JSON"):
        replace(content, params={**content.params, "y_ends": [1.0, value]})._mime_()


@each_chart
def test_rows_are_rounded_to_four_figures(name: str) -> None:
    def floats(data: Any) -> list[float]:
        if isinstance(data, list | dict):
            inner = data.values() if isinstance(data, dict) else data
            return [found for value in inner for found in floats(value)]
        return [data] if isinstance(data, float) else []

    found = floats(chart(name).complete["datasets"])
    assert all(value == float(f"{value:.4g}") for value in found)


# A recording swaps rows, parameters, title and description alone.

OTHERS: dict[str, Callable[[], charts.Content]] = {
    "losses": lambda: charts.losses({"a": run([9.0, 8.0]), "b": DIVERGED, "c": STABLE}),
    "linear losses": lambda: charts.losses(with_losses(1.0, -2.0)),
    "losses and a metric": lambda: charts.losses({"calm": OTHER, "wild": LEFT}, "accuracy"),
    "trajectories": lambda: charts.trajectories(DIVERGED, names=["weight", "bias"]),
    "training": lambda: charts.training(DIVERGED),
    "fit": lambda: charts.fit(y, y, {"one": y * NAN}),
    "sweep": lambda: charts.sweep_losses(swept([0.01, 0.02], 3)),
    "pace": lambda: charts.pace(DIVERGED, 0.1, 0.9),
    "batch order": lambda: charts.batch_order(batches_of(7, False)[:2], 30),
    "gradient noise": lambda: charts.gradient_noise({1: 2.0}, 2.0, 64),
    "growth": lambda: charts.growth(COSTS[:2]),
    "batch sizes": lambda: charts.batch_size_explorer(
        2 * paced(9), paced(3), [0, 1, 2, 3], 4, 0.1
    ),
    "boundary": lambda: charts.decision_boundary(
        BIRDS * 3, 1 - MALE, lambda places: -slanted(places), FEATURES, SEXES, "", 3
    ),
    "promises": lambda: charts.promises({"by dice": (1.0, 2.0)}),
    "ratios": lambda: charts.ratios({"a": 4.0}, "Other", ours="a"),
    "no epochs": lambda: charts.batch_order([], 3),
    "explorer": lambda: charts.learning_rate_explorer(
        {n: charts.Problem(X / 2, 3 * y, TRUE) for n in PROBLEMS},
        model(),
        mean_squared_error,
        [0.3],
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_specification_depends_on_no_result_and_stays_as_it_is(
    name: str,
) -> None:
    first = chart(name)
    made, before = copy.deepcopy(first.specification), copy.deepcopy(first.complete)
    second = OTHERS[name]()
    second.to_altair().properties(height=1)
    assert second.specification is first.specification
    assert first.specification == made
    assert first.complete == before == MADE[name]().complete


losses_of_a_run = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5)


@given(losses_of_a_run, losses_of_a_run)
def test_any_two_runs_share_one_specification(a: list[float], b: list[float]) -> None:
    assert charts.losses(run(a)).specification is charts.losses(run(b)).specification
    one, other = (charts.training(with_losses(*of)) for of in (a, b))
    if "losses" in one.datasets and "losses" in other.datasets:
        assert one.specification is other.specification


# Words in place of an empty plot.


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (charts.losses(NO_EPOCHS), "No epochs, nothing trained"),
        (charts.losses(run([], accuracy=[]), "accuracy"), "No epochs, nothing trained"),
        (charts.losses({}), "No runs, nothing trained"),
        (charts.losses(with_losses(NAN, NAN)), "Diverged at epoch 0"),
        (charts.losses(run([NAN], [INF])), "Diverged at epoch 1"),
        (charts.losses({"one": NO_EPOCHS}), "One: no epochs, nothing trained"),
        (charts.trajectories(NO_EPOCHS), "No epochs: no parameter has moved"),
        (charts.training(NO_EPOCHS, TRUE), "No epochs, nothing trained"),
        (charts.pace(NO_EPOCHS, 0.1, 0.5), "No epochs, nothing trained"),
        (charts.sweep_losses(swept([0.1], 0)), "No epochs, nothing trained"),
        (charts.batch_order([], 24), "No batches"),
        (charts.batch_order([[], [[]]], 24), "No batches"),
    ],
)
def test_words_stand_in_place_of_an_empty_plot(content: charts.Content, title: str) -> None:
    picture = draw(content)
    assert picture.title == [title]
    assert [text.words for text in picture.words] == ["nothing to draw"]
    assert not picture.ys
    assert title in content.description


# Axes.

bounds = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-5, 1e6))


@given(bounds)
def test_a_linear_axis_has_some_round_numbers(bounds: tuple[float, float]) -> None:
    low, high = bounds[0], bounds[0] + bounds[1]
    ticks = linear_ticks(low, high)
    step = high - low
    assert 3 <= len(ticks) <= 11
    assert all(low - 1e-6 * step <= tick <= high + 1e-6 * step for tick in ticks)
    step = ticks[1] - ticks[0]
    assert f"{step:.0e}"[0] in "125"


@given(st.floats(1e-9, 1e6), st.floats(1.05, 1e12))
def test_a_logarithmic_axis_has_1_2_5_or_decades_or_even_steps(
    low: float, ratio: float
) -> None:
    ticks = log_ticks(low, low * ratio)
    assert 3 <= len(ticks) <= 9
    assert low * 0.998 <= ticks[0] <= ticks[-1] <= low * ratio * 1.002
    leading = {f"{tick:.0e}"[0] for tick in ticks}
    steps = {f"{b - a:.2e}" for a, b in pairwise(ticks)}
    assert leading == {"1"} or leading <= {*"125"} or len(steps) == 1
    if leading == {"1"}:
        assert len({f"{b / a:.2e}" for a, b in pairwise(ticks)}) == 1


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.0, 9.0], ["1", "2", "5", "10"]),
        ([0.004, 20.0], ["0.01", "0.1", "1", "10"]),
        ([300.0, 4e5], ["1,000", "10,000", "100,000"]),
        ([0.24, 0.45], ["0.25", "0.3", "0.35", "0.4", "0.45"]),
        ([1e-7, 1e-2], ["1e-7", "1e-6", "1e-5", "0.0001", "0.001", "0.01"]),
        ([0.0, 1.0], ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ([-3.0, 30.0], ["0", "5", "10", "15", "20", "25", "30"]),
    ],
)
def test_ticks_are_written_as_they_are_spoken(
    values: list[float], labels: list[str]
) -> None:
    picture = draw(charts.losses(run(values)))
    assert [*picture.y.ticks] == labels
    assert picture.y.log is (min(values) > 0)


@pytest.mark.parametrize(
    ("epochs", "labels"),
    [
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (10, ["0", "2", "4", "6", "8", "10"]),
        (60, ["0", "10", "20", "30", "40", "50", "60"]),
        (1000, ["0", "200", "400", "600", "800", "1,000"]),
    ],
)
def test_epochs_are_whole_from_zero_to_the_last(epochs: int, labels: list[str]) -> None:
    axis = draw(charts.losses(run([1.0] * epochs, [2.0] * epochs))).x
    assert [*axis.ticks] == labels
    assert axis.title == "epochs done"
    assert axis.span == pytest.approx((axis.ticks["0"], axis.ticks[labels[-1]]), abs=0.5)


def test_what_is_not_finite_does_not_rule_an_axis() -> None:
    assert ends("y", [1.0, NAN, INF, 2.0]) == ends("y", [1.0, 2.0])
    assert ends("y", [1.0, -1.0, 0.0, 2.0], log=True) == ends("y", [1.0, 2.0], log=True)
    assert len(ends("y", [])["y_ticks"]) > 2


# Names at the lines' ends.


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
        for text in names:
            x, _ = picture.of(text.color, panel).points[-1]
            assert text.words == f"run {PALETTE.index(text.color)}"
            assert text.align == "left"
            assert 3 < text.place[0] - x < 15
        names.sort(key=lambda text: text.place[1])
        gaps = [b.place[1] - a.place[1] for a, b in pairwise(names)]
        assert min(gaps) >= 10
        true = [picture.of(text.color, panel).points[-1][1] for text in names]
        assert true == pytest.approx(sorted(true))


def test_names_stand_at_their_lines_ends_where_these_are_far_apart() -> None:
    runs = {"one": run([1.0, 4.0]), "two": run([1.0, 0.01]), "short": run([0.2])}
    picture = draw(charts.losses(runs))
    for text, point in zip(picture.words, picture.points, strict=True):
        x, height = point.place
        assert [*text.place] == pytest.approx([x + 7, height], abs=0.5)


def test_an_eighth_line_has_the_first_ones_colour_and_a_line_without_points_none() -> None:
    rows = line_rows("data", {"far": Line([(0, 1)], hue=7), "none": Line([])})
    assert [row["hue"] for row in rows["ends of data"]] == [0]
    assert len(rows["data"]) == 1


def test_a_curve_is_drawn_in_the_order_of_its_points_also_where_it_turns_back() -> None:
    turning = [(0.0, 0.0), (2.0, 1.0), (1.0, 2.0), (3.0, 3.0)]
    content = charts.fit(X[:, :1], y, {"a": X[:, :1]})
    rows = line_rows("curves", {"a": Line(turning, "a")})
    params = ends("x", [0, 3], margin=0) | ends("y", [0, 3])
    shown: Picture = draw(replace(content, datasets={"samples": [], **rows}, params=params))
    assert shown.read(shown.lines[0]) == near(turning)


# Words.


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0012345, "0.00123"),
        (123.4, "123"),
        (1234.5, "1,234"),
        (2345678.0, "2,345,678"),
        (1.5e9, "1.5e+9"),
        (999.7, "1,000"),
        (-0.5, "−0.5"),
    ],
)
def test_a_number_has_three_figures_and_a_power_of_ten_only_where_need_be(
    value: float, words: str
) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.573, "0.57 ×"), (9.994, "9.99 ×"), (10.5, "10 ×"), (1234.5, "1,234 ×")],
)
def test_a_ratio_has_hundredths_only_where_they_count(ratio: float, words: str) -> None:
    assert charts.times(ratio) == words


@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=1, max_size=9))
def test_sentences_are_set_in_as_few_lines_as_fit_a_phone(sentences: list[str]) -> None:
    lines = wrapped(sentences)
    assert " · ".join(lines).lower() == " · ".join(sentences)
    assert max(map(len, lines)) <= 46
    assert all(line[0].isupper() for line in lines)
    for line, following in pairwise(lines):
        assert len(f"{line} · {following.split(' · ')[0]}") > 46


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([2.0, 2.0], "stays at 2"),
        ([8.0, 5.0, 4.0, 2.0, 1.0], "falls from 8 to 1, half of the way in 2 of 4 steps"),
        ([8.0, 1.0, 3.0], "falls from 8 to its least, 1, in step 1 of 2, ends at 3"),
        ([1.0, 9.0, 3.0], "rises from 1 to 9, ends at 3"),
    ],
)
def test_a_curves_course_is_told(values: list[float], words: str) -> None:
    assert shape(values) == words
    assert words in charts.losses(with_losses(*values)).description
