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
    X,
    chart,
    explore,
    model,
    near,
    swept,
    with_losses,
    y,
)
from tests.charts.picture import Picture, draw
from tests.helpers import seeded

# A fit.


def test_a_fit_is_the_samples_and_each_prediction_along_x() -> None:
    feature = X[:, :1]
    content = charts.fit(feature, y, {"line": feature, "curve": feature**2}, "A title")
    picture = draw(content)
    samples = sorted(picture.at(p.place) for p in picture.points if p.color == GREY)
    assert samples == near(
        sorted(zip(feature.flatten().tolist(), y.flatten().tolist(), strict=True))
    )
    for words, color, powers in (("line", VERMILION, 1), ("curve", BLUE, 2)):
        points = picture.runs()[color]
        expected = [(x, x**powers) for x, _ in points]
        assert points == [pytest.approx(point, rel=1e-3, abs=3e-3) for point in expected]
        assert points[0][0] == pytest.approx(feature.min().item(), rel=1e-3)
        assert points[-1][0] == pytest.approx(feature.max().item(), rel=1e-3)
        assert len(points) >= 16
        assert all(a[0] <= b[0] for a, b in pairwise(points))
        assert picture.named(words).color == color
        assert picture.named(words).place[0] > picture.of(color).points[-1][0]
    assert picture.title == ["A title"]
    assert "64 samples with the predictions of line, curve. A title" in content.description


def test_predictions_that_are_not_finite_are_left_out() -> None:
    half = X[:, :1].where(X[:, :1] > 0, NAN)
    picture = draw(charts.fit(X[:, :1], y, {"half": half, "none": y * NAN}))
    assert [*picture.runs()] == [VERMILION]
    assert min(x for x, _ in picture.runs()[VERMILION]) > 0


# A sweep.


def test_a_sweeps_points_are_its_last_losses_and_its_crosses_the_diverged_runs() -> None:
    result = swept([4.0, 0.3, 0.01, 3.0, 0.1])
    content = charts.sweep_losses(result, LIMIT)
    picture = draw(content)
    order = result.learning_rates.argsort().tolist()
    rates = [result.learning_rates[i].item() for i in order]
    last = [result.losses[i, -1].item() for i in order]
    expected = near([*zip(rates[:3], last[:3], strict=True)])
    assert picture.runs() == {BLUE: expected}
    trained = [p for p in picture.points if p.color == BLUE and p.size < 40]
    assert [picture.at(p.place) for p in trained] == expected
    crosses = [p for p in picture.points if p.color == VERMILION]
    assert [picture.x.read(p.place[0]) for p in crosses] == near(rates[3:])
    assert {p.shape for p in crosses} == {"cross"}
    # At the upper edge of the plot, with the word beside them.
    top = min(picture.y.span)
    assert all(0 <= p.place[1] - top <= 10 for p in crosses)
    assert all(p.place[1] > top + 10 for p in trained)
    assert 5 < picture.named("diverged").place[1] - crosses[0].place[1] < 25
    assert picture.title == ["Loss after 20 epochs, by learning rate"]
    assert picture.x.log
    assert (picture.x.title, picture.y.title) == ("learning rate", "last loss")
    assert "over 5 learning rates" in content.description
    assert "; 2 runs diverged, from 3 on; " in content.description


def test_a_sweeps_limit_is_a_dashed_rule_with_its_value() -> None:
    picture = draw(charts.sweep_losses(swept(), LIMIT))
    (rule,) = picture.rules
    assert picture.x.read(rule.start[0]) == pytest.approx(LIMIT, rel=1e-3)
    assert sorted((rule.start[1], rule.end[1])) == near(sorted(picture.y.span))
    assert rule.dashed
    words = picture.named(f"2 / λmax = {LIMIT:.3f}")
    assert words.color == rule.color == VERMILION
    assert words.align == "right"
    assert 0 < rule.start[0] - words.place[0] < 10
    assert f"{LIMIT:.3f}" in charts.sweep_losses(swept(), LIMIT).description
    assert not draw(charts.sweep_losses(swept())).rules


def test_a_sweep_of_nothing_but_diverged_runs_has_crosses_alone() -> None:
    content = charts.sweep_losses(swept([3.0, 4.0, 5.0]))
    picture = draw(content)
    assert not picture.lines
    assert [picture.x.read(p.place[0]) for p in picture.points] == near([3.0, 4.0, 5.0])
    assert "3 runs diverged" in content.description
    stable = draw(charts.sweep_losses(swept([0.1, 0.2, 0.3])))
    assert "diverged" not in [text.words for text in stable.words]


# The pace.


def test_the_pace_is_the_loss_above_its_least_beside_the_slope_of_the_factor() -> None:
    content = charts.pace(STABLE, 0.005, 0.6)
    picture = draw(content)
    excess = [(i, loss - 0.005) for i, loss in enumerate(STABLE.losses)]
    runs = picture.runs()
    assert runs[BLUE] == near(excess)
    measured = [p for p in picture.points if p.size < 40]
    assert [picture.at(p.place) for p in measured] == near(excess)
    assert runs[ORANGE] == near([(i, excess[-1][1] * 0.6 ** (i - 19)) for i, _ in excess])
    assert (picture.of(BLUE).dashed, picture.of(ORANGE).dashed) == (False, True)
    assert picture.y.log
    assert picture.title == ["An epoch keeps × 0.600 of the excess"]
    assert {text.words for text in picture.words} == {"measured", "slowest"}
    for words in ("dashed slope", "0.600 an epoch", "falls from"):
        assert words in content.description


def test_what_drowns_in_rounding_is_no_part_of_the_pace() -> None:
    run = with_losses(1.0, 0.1, 0.01, 0.001, 0.0001, 1e-15, 0.0)
    assert len(draw(charts.pace(run, 0.0, 0.1)).runs()[BLUE]) == 5


# The explorer.

PLACES = [
    ("as drawn", 0.005, 12),
    ("as drawn", 0.1, 30),
    ("as drawn", 0.65, 60),
    ("first feature × 4", 0.02, 8),
    ("first feature × 4", 0.066, 45),
]


def explored(problem: str, rate: float, epochs: int, limit: str = "shown") -> Picture:
    return draw(
        chart("explorer"),
        problem=problem,
        rate_place=math.log10(rate),
        epochs=epochs,
        limit=limit,
    )


def path_of(problem: str, rate: float, epochs: int) -> NaiveTrainerResult:
    (features, targets, _), start = PROBLEMS[problem], model()
    return oracle.closed_form_path(
        features, targets, start.weights, start.bias, rate, epochs + 1
    )


@pytest.mark.parametrize(("problem", "rate", "epochs"), PLACES)
def test_the_explorer_draws_the_closed_form_wherever_its_sliders_stand(
    problem: str, rate: float, epochs: int
) -> None:
    picture = explored(problem, rate, epochs)
    path = path_of(problem, rate, epochs)
    run = picture.of(BLUE)
    assert picture.read(run) == near([*enumerate(path.losses)])
    assert picture.points[-1].place == run.points[-1]
    # The parameters, from the model's start on.

    entries = [tuple(model().parameters()), *path.parameters[:epochs]]
    paths = zip(
        *(torch.cat([p.flatten() for p in e]).tolist() for e in entries), strict=True
    )
    for color, values in zip((BLUE, ORANGE, GREEN), paths, strict=True):
        points = picture.read(picture.of(color, 1))
        assert points == [
            pytest.approx((i, v), rel=1e-3, abs=1e-4) for i, v in enumerate(values)
        ]
    # The goals of this problem alone, each named in the colour of its line.
    goals = [v for p in PROBLEMS[problem].true_parameters for v in p.flatten().tolist()]
    drawn = {rule.color: picture.ys[1].read(rule.start[1]) for rule in picture.rules}
    assert len(picture.rules) == 3
    assert drawn == pytest.approx(dict(zip((BLUE, ORANGE, GREEN), goals, strict=True)))
    for name, rule in zip(("w₁", "w₂", "b"), picture.rules, strict=True):
        words = picture.named(name)
        assert words.color == rule.color
        assert words.place[0] > max(picture.x.span)
        assert abs(words.place[1] - rule.start[1]) < 20
    # The run at the largest stable learning rate.
    limit = oracle.largest_stable_learning_rate(PROBLEMS[problem].X)
    dashed = picture.of(VERMILION)
    assert dashed.dashed
    assert dashed.opacity == 1
    assert picture.read(dashed) == near(
        [*enumerate(path_of(problem, limit, epochs).losses)]
    )
    assert picture.named(f"at 2 / λmax = {limit:.3f}").color == VERMILION
    # The title, and an axis that ends where the epochs do.
    q = oracle.quadratic(*PROBLEMS[problem][:2], model().weights, model().bias)
    kept = max((1 - rate * v) ** 2 for v in q.eigenvalues.tolist())
    assert picture.title[0] == f"Learning rate {rate:g} is below 2 / λmax = {limit:.3f}"
    loss, of, said = re.split(" after |, × ", picture.title[1].removesuffix(" an epoch"))
    assert (loss[:5], of) == ("Loss ", f"{epochs} epochs")
    assert float(loss[5:]) == pytest.approx(path.losses[epochs], rel=6e-3)
    assert float(said) == pytest.approx(kept, rel=6e-3)
    assert picture.x.read(picture.x.span[1]) == pytest.approx(epochs, rel=2e-3)
    assert [y.title for y in picture.ys] == ["loss", "parameter"]


@pytest.mark.parametrize(
    ("problem", "epochs"), [("as drawn", 20), ("first feature × 4", 60)]
)
def test_the_explorers_ghosts_are_runs_of_sweep(problem: str, epochs: int) -> None:
    picture = explored(problem, 0.1, epochs)
    ghosts = [line for line in picture.lines if line.color == GREY]
    features, targets, _ = PROBLEMS[problem]
    runs = sweep(model(), mean_squared_error, features, targets, GHOSTS, 61).losses.tolist()
    # A ghost that leaves ends one point beyond the frame.
    for ghost, run_ in zip(ghosts, runs, strict=True):
        inside = [(i, v) for i, v in enumerate(run_) if v <= run_[0] * 8]
        assert picture.read(ghost)[: len(inside)] == near(inside)
        assert len(ghost.points) <= 61
        assert ghost.width < 2
        assert ghost.opacity < 0.6


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
    assert picture.read(picture.of(BLUE)) == near([*enumerate(kept)])
    for color in (BLUE, ORANGE, GREEN):
        line = picture.of(color, 1)
        assert len(line.points) == len(kept)
        assert all(picture.ys[1].holds(y) for _, y in line.points)
    assert picture.title[0] == f"Learning rate {rate:g} is above 2 / λmax = {LIMIT:.3f}"
    assert picture.title[1].startswith("Off the chart after " if left else "Loss ")


def test_the_explorer_tells_of_the_limit_only_when_it_is_asked() -> None:
    for rate, epochs in ((0.1, 30), (1.1, 20)):
        picture = explored("as drawn", rate, epochs, limit="hidden")
        assert picture.of(VERMILION).opacity == 0
        assert not [t for t in picture.texts if f"{LIMIT:.3f}" in t.words or "λ" in t.words]
        assert picture.title[0] == f"Learning rate {rate:g}"
        assert re.fullmatch(
            rf"(Loss \S+|Off the chart) after {epochs} epochs", picture.title[1]
        )
    start = draw(chart("explorer"))
    assert start.title == explored("as drawn", 0.1, 30, limit="hidden").title


def test_the_explorers_sliders_are_named_as_the_notebooks_are() -> None:
    def controls(content: charts.Content) -> dict[str, Any]:
        params = content.complete["params"]
        return {p["bind"]["name"].strip(): p["bind"] for p in params if "bind" in p}

    binds = controls(chart("explorer"))
    assert binds["learning rate"]["input"] == binds["epochs"]["input"] == "range"
    assert binds["data"]["options"] == [*PROBLEMS]
    one = explore("as drawn")
    assert "data" not in controls(one)
    assert len(draw(one).rules) == 3


def test_the_explorers_formulas_are_under_4_kilobytes_on_their_way() -> None:
    truth = (torch.ones(6, 1), torch.ones(1))
    problem = charts.Problem(*make_regression(64, 6, generator=seeded()), truth)
    start = LinearRegression(6, seeded(1))
    content = charts.learning_rate_explorer(
        {"as drawn": problem}, start, mean_squared_error, [0.1]
    )
    formulas = json.dumps({**content.complete, "datasets": {}})
    assert len(gzip.compress(formulas.encode())) < 4096


LOST = torch.full((64, 1), torch.nan)


def test_what_is_drawn_and_not_finite_is_named_with_its_value_and_place() -> None:
    with pytest.raises(ValueError, match=r"^X must be finite, got nan at \(0, 0\)$"):
        charts.fit(LOST, y, {})
    with pytest.raises(ValueError, match=r"^y must be finite, got nan at \(0, 0\)$"):
        charts.fit(y, LOST, {})
    with pytest.raises(ValueError, match=r"^true_parameters\[0\] of 'lost' must be finite"):
        charts.learning_rate_explorer(
            {"lost": charts.Problem(X, y, (LOST[:2], TRUE[1]))},
            model(),
            mean_squared_error,
            [0.1],
        )
    with pytest.raises(ValueError, match=r"^largest_stable must be finite, got nan"):
        charts.sweep_losses(swept([0.1], 2), NAN)
