"""Chapter one's charts show the fit, the sweep, the pace and the closed form."""

import gzip
import json
import math
import re
from itertools import pairwise
from typing import Any

import pytest
import torch

from groundup import (
    LinearRegression,
    NaiveTrainerResult,
    charts,
    make_regression,
    mean_squared_error,
    oracle,
    sweep,
)
from groundup.charts.runs import flat
from tests.charts.examples import (
    BLUE,
    GHOSTS,
    GREEN,
    GREY,
    LIMIT,
    NAN,
    ORANGE,
    PROBLEMS,
    STABLE,
    TRUE,
    VERMILION,
    X1,
    X,
    chart,
    model,
    near,
    swept,
    with_losses,
    y,
)
from tests.charts.picture import Picture, draw
from tests.helpers import seeded


def test_a_fit_is_the_samples_and_each_finite_prediction_along_x() -> None:
    half = X1.where(X1 > 0, NAN)
    predicted = {"line": X1, "curve": X1**2, "half": half, "none": y * NAN}
    content = charts.fit(X1, y, predicted, "A title")
    picture = draw(content)
    samples = sorted(picture.at(p.place) for p in picture.of("symbol", GREY))
    assert samples == near(sorted(zip(flat([X1]), flat([y]), strict=True)))
    assert [*picture.runs()] == [VERMILION, BLUE, ORANGE]
    powers = (("line", VERMILION, 1), ("curve", BLUE, 2), ("half", ORANGE, 1))
    for words, color, power in powers:
        points = picture.runs()[color]
        for a, b in points:
            assert b == pytest.approx(a**power, rel=1e-3, abs=3e-3)
        if words != "half":
            ends = (X1.min().item(), X1.max().item())
            assert (points[0][0], points[-1][0]) == pytest.approx(ends, rel=1e-3)
            assert len(points) >= 16
        assert all(a[0] <= b[0] for a, b in pairwise(points))
        assert picture.named(words).color == color
        assert picture.named(words).end[0] > picture.line(color).end[0]
    assert min(x for x, _ in picture.runs()[ORANGE]) > 0
    assert picture.title == ["A title"]
    assert "64 samples with the predictions of line, curve" in content.description


@pytest.mark.parametrize(
    ("rates", "kept"),
    [([4.0, 0.3, 0.01, 3.0, 0.1], 3), ([0.1, 0.2, 0.3], 3), ([3.0, 4.0, 5.0], 0)],
)
def test_a_sweeps_points_are_its_last_losses_and_its_crosses_the_diverged_runs(
    rates: list[float], kept: int
) -> None:
    result = swept(rates)
    content = charts.sweep_losses(result, LIMIT)
    picture = draw(content)
    last = dict(zip(rates, result.losses[:, -1].tolist(), strict=True))
    expected = near([(rate, last[rate]) for rate in sorted(rates)[:kept]])
    assert picture.runs() == ({BLUE: expected} if kept else {})
    crosses, points = picture.of("symbol", VERMILION), picture.of("symbol", BLUE)
    assert [picture.x.read(p.end[0]) for p in crosses] == near(sorted(rates)[kept:])
    assert {p.item["shape"] for p in crosses} <= {"cross"}
    # At the upper edge of the plot, with the word beside the first.
    top = min(picture.y.span)
    assert all(0 <= p.end[1] - top <= 10 for p in crosses)
    assert all(p.end[1] > top + 10 for p in points)
    assert [picture.at(p.place) for p in points] == expected
    words = [text for text in picture.words if text.words == "diverged"]
    assert len(words) == bool(crosses)
    assert all(5 < text.end[1] - crosses[0].end[1] < 25 for text in words)
    assert ("runs diverged, from 3 on; " in content.description) is bool(crosses)
    assert f"over {len(rates)} learning rates" in content.description
    assert picture.title == ["Loss after 20 epochs, by learning rate"]
    assert picture.x.log
    assert (picture.x.title, picture.y.title) == ("learning rate", "last loss")
    # The limit is a dashed rule with its value.
    (rule,) = picture.rules
    assert picture.x.read(rule.end[0]) == pytest.approx(LIMIT, rel=1e-3)
    assert sorted(height for _, height in rule.points) == near(sorted(picture.y.span))
    assert rule.dashed
    limit = picture.named(f"2 / λmax = {LIMIT:.3f}")
    assert limit.color == rule.color == VERMILION
    assert 0 < rule.end[0] - limit.box[2] < 10
    assert limit.words in content.description
    assert not draw(charts.sweep_losses(result)).rules


def test_the_pace_is_the_loss_above_its_least_beside_the_slope_of_the_factor() -> None:
    content = charts.pace(STABLE, 0.005, 0.6)
    picture = draw(content)
    excess = [(i, loss - 0.005) for i, loss in enumerate(STABLE.losses)]
    assert picture.runs() == {BLUE: near(excess)}
    slope = near([(i, excess[-1][1] * 0.6 ** (i - 19)) for i, _ in excess])
    assert picture.runs(dashed=True) == {ORANGE: slope}
    assert [picture.at(p.place) for p in picture.points] == near(excess)
    assert picture.y.log
    assert picture.title == ["An epoch keeps × 0.600 of the excess"]
    assert {text.words for text in picture.words} == {"measured", "slowest"}
    for words in ("dashed slope", "0.600 an epoch", "falls from"):
        assert words in content.description
    # What drowns in rounding is no part of it.
    run = with_losses(1.0, 0.1, 0.01, 0.001, 0.0001, 1e-15, 0.0)
    assert len(draw(charts.pace(run, 0.0, 0.1)).runs()[BLUE]) == 5


# The explorer.


def explored(problem: str, rate: float, epochs: int, limit: str = "shown") -> Picture:
    controls: dict[str, Any] = {"problem": problem, "epochs": epochs, "limit": limit}
    return draw(chart("explorer"), rate_place=math.log10(rate), **controls)


def path_of(problem: str, rate: float, epochs: int) -> NaiveTrainerResult:
    (features, targets, _), (weights, bias) = PROBLEMS[problem], model().parameters()
    return oracle.closed_form_path(features, targets, weights, bias, rate, epochs + 1)


@pytest.mark.parametrize(
    ("problem", "rate", "epochs"),
    [
        ("as drawn", 0.005, 12),
        ("as drawn", 0.1, 30),
        ("as drawn", 0.65, 60),
        ("first feature × 4", 0.02, 8),
        ("first feature × 4", 0.066, 45),
    ],
)
def test_the_explorer_draws_the_closed_form_wherever_its_sliders_stand(
    problem: str, rate: float, epochs: int
) -> None:
    picture = explored(problem, rate, epochs)
    features, targets, goals = PROBLEMS[problem]
    path = path_of(problem, rate, epochs)
    assert picture.read(picture.line(BLUE)) == near([*enumerate(path.losses)])
    assert picture.points[-1].end == picture.line(BLUE).end
    # The parameters, from the model's start on, and the goals of this problem alone.
    entries = [flat([*model().parameters()]), *map(flat, path.parameters[:epochs])]
    colors, names = (BLUE, ORANGE, GREEN), ("w₁", "w₂", "b")
    assert [rule.color for rule in picture.rules] == [*colors]
    for i, (color, name, rule) in enumerate(zip(colors, names, picture.rules, strict=True)):
        values = [
            pytest.approx((e, v[i]), rel=1e-3, abs=1e-4) for e, v in enumerate(entries)
        ]
        assert picture.runs(1)[color] == values
        assert picture.ys[1].read(rule.end[1]) == pytest.approx(flat(goals)[i])
        words = picture.named(name)
        assert words.color == color
        assert words.end[0] > max(picture.x.span)
        assert abs(words.end[1] - rule.end[1]) < 20
    # The run at the largest stable learning rate.
    limit = oracle.largest_stable_learning_rate(features)
    dashed = near([*enumerate(path_of(problem, limit, epochs).losses)])
    assert picture.runs(dashed=True) == {VERMILION: dashed}
    assert picture.named(f"at the limit, {limit:.3f}").color == VERMILION
    # The title, and an axis that ends where the epochs do.
    q = oracle.quadratic(features, targets, model().weights, model().bias)
    kept = max((1 - rate * v) ** 2 for v in q.eigenvalues.tolist())
    assert picture.title[0] == f"Learning rate {rate:g} is below the limit, {limit:.3f}"
    pattern = rf"Loss (\S+) after {epochs} epochs, × (\S+) an epoch"
    said = re.fullmatch(pattern, picture.title[1])
    assert said
    numbers = [float(words) for words in said.groups()]
    assert numbers == pytest.approx([path.losses[epochs], kept], rel=6e-3)
    assert picture.x.read(picture.x.span[1]) == pytest.approx(epochs, rel=2e-3)
    assert [y.title for y in picture.ys] == ["loss", "parameter"]
    # The ghosts are runs of sweep. One that leaves ends one point beyond the frame.
    runs = sweep(model(), mean_squared_error, features, targets, GHOSTS, 61).losses.tolist()
    for ghost, losses in zip(picture.of("line", GREY), runs, strict=True):
        inside = [(i, v) for i, v in enumerate(losses) if v <= losses[0] * 8]
        assert picture.read(ghost)[: len(inside)] == near(inside)
        assert len(ghost.points) <= min(len(inside) + 3, 61)
        assert ghost.item["strokeWidth"] < 2
        assert ghost.item["opacity"] < 0.6


@pytest.mark.parametrize(("rate", "epochs"), [(0.78, 30), (1.1, 20), (0.75, 60)])
def test_the_explorer_says_where_a_run_diverged_and_keeps_each_panels_lines_in_it(
    rate: float, epochs: int
) -> None:
    picture = explored("as drawn", rate, epochs)
    losses = path_of("as drawn", rate, epochs).losses
    top = picture.ys[0].read(picture.ys[0].span[1])
    left = next((i for i, loss in enumerate(losses) if loss > top), None)
    words = [text.words for text in picture.words if "diverged" in text.words]
    assert words == [f"diverged at epoch {left}"] * (left is not None)
    kept = losses if left is None else losses[:left]
    assert picture.read(picture.line(BLUE)) == near([*enumerate(kept)])
    for color in (BLUE, ORANGE, GREEN):
        line = picture.line(color, 1)
        assert len(line.points) == len(kept)
        assert all(picture.ys[1].holds(height) for _, height in line.points)
    assert picture.title[0] == f"Learning rate {rate:g} is above the limit, {LIMIT:.3f}"
    assert picture.title[1].startswith("Off the chart after " if left else "Loss ")


def test_the_explorer_tells_of_the_limit_only_when_it_is_asked() -> None:
    for rate, epochs in ((0.1, 30), (1.1, 20)):
        picture = explored("as drawn", rate, epochs, limit="hidden")
        assert not picture.of("line", VERMILION)
        assert not [t for t in picture.texts if f"{LIMIT:.3f}" in t.words or "λ" in t.words]
        assert picture.title[0] == f"Learning rate {rate:g}"
        pattern = rf"(Loss \S+|Off the chart) after {epochs} epochs"
        assert re.fullmatch(pattern, picture.title[1])
    start = draw(chart("explorer"))
    assert start.title == explored("as drawn", 0.1, 30, limit="hidden").title


def test_the_explorers_formulas_are_under_4_kilobytes_and_its_sliders_the_notebooks() -> (
    None
):
    truth = (torch.ones(6, 1), torch.ones(1))
    problem = charts.Problem(*make_regression(64, 6, generator=seeded()), truth)
    content = charts.learning_rate_explorer(
        {"a": problem, "b": problem}, LinearRegression(6), mean_squared_error, [0.1]
    )
    formulas = json.dumps({**content.complete, "datasets": {}})
    assert len(gzip.compress(formulas.encode())) < 4096
    binds = [param["bind"] for param in content.complete["params"] if "bind" in param]
    named = [(bind["name"], bind["input"], bind.get("options")) for bind in binds]
    assert named == [
        ("learning rate ", "range", None),
        ("epochs ", "range", None),
        ("data ", "select", ["a", "b"]),
        ("limit ", "select", ["hidden", "shown"]),
    ]


LOST = torch.full((64, 1), torch.nan)


def test_what_is_drawn_and_not_finite_is_named_with_its_value_and_place() -> None:
    with pytest.raises(ValueError, match=r"^X must be finite, got nan at \(0, 0\)$"):
        charts.fit(LOST, y, {})
    with pytest.raises(ValueError, match=r"^y must be finite, got nan at \(0, 0\)$"):
        charts.fit(y, LOST, {})
    lost = {"lost": charts.Problem(X, y, (LOST[:2], TRUE[1]))}
    with pytest.raises(ValueError, match=r"^true_parameters\[0\] of 'lost' must be finite"):
        charts.learning_rate_explorer(lost, model(), mean_squared_error, [0.1])
    with pytest.raises(ValueError, match=r"^largest_stable must be finite, got nan"):
        charts.sweep_losses(swept([0.1], 2), NAN)
