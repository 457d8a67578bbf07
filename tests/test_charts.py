"""A chart shows what the result holds, and any browser can draw it."""

import gzip
import json
import math
import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import altair as alt
import pytest
import torch
from torch import Tensor

from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    charts,
    make_regression,
    mean_squared_error,
    oracle,
    sweep,
)
from tests.chart_checks import (
    GREY,
    OKABE_ITO,
    Object,
    as_vega_sees_it,
    colors,
    layers,
    scales,
    shown,
)
from tests.helpers import seeded
from tests.test_charts_of_training import CHARTS as OF_TRAINING

TRUE = (torch.tensor([[1.5], [-0.5]]), torch.tensor([0.5]))
X, y = make_regression(64, 2, generator=seeded(), weights=TRUE[0], bias=0.5)
LIMIT = oracle.largest_stable_learning_rate(X)


def model() -> LinearRegression:
    return LinearRegression(2, seeded(1))


def train(learning_rate: float, epochs: int) -> NaiveTrainerResult:
    config = NaiveTrainerConfig(epochs, learning_rate)
    return NaiveTrainer(model(), mean_squared_error, X, y, config).train()


def with_losses(*losses: float) -> NaiveTrainerResult:
    """A run with these losses, whose parameters move by one an epoch."""
    parameters: list[tuple[torch.Tensor, ...]] = [
        (torch.full((2, 1), float(i)), torch.ones(1)) for i in range(len(losses))
    ]
    return NaiveTrainerResult(list(losses), parameters)


MODEL = LinearRegression(2, seeded())
STABLE, DIVERGED = train(0.1, 20), train(3.0, 60)
assert math.isinf(max(DIVERGED.losses))
assert math.isnan(DIVERGED.losses[-1])

RESULTS = {
    "stable": STABLE,
    "one epoch": train(0.1, 1),
    "no epochs": train(0.1, 0),
    "diverged": DIVERGED,
    "diverged, still finite": train(3.0, 6),
    "not a number from the start": with_losses(math.nan, math.nan),
    "losses down to zero": with_losses(4.0, 1.0, 0.0),
    "negative losses": with_losses(1.0, -1.0, -2.0),
}
SWEEPS = {
    "stable and diverged": sweep(model(), mean_squared_error, X, y, [0.01, 0.1, 3.0], 60),
    "all diverged": sweep(model(), mean_squared_error, X, y, [3.0, 4.0], 60),
    "one run": sweep(model(), mean_squared_error, X, y, [0.1], 5),
    "no epochs": sweep(model(), mean_squared_error, X, y, [0.1], 0),
}
PROBLEMS = {
    "as drawn": charts.Problem(X, y, TRUE),
    "stretched": charts.Problem(X * 2, y, (TRUE[0] / 2, TRUE[1])),
}
EXPLORED = (PROBLEMS, model(), mean_squared_error, [0.05, 0.2, 3.0])

CHARTS = {
    **{f"losses, {name}": (charts.losses, (result,)) for name, result in RESULTS.items()},
    "losses of several runs": (charts.losses, (RESULTS,)),
    "losses of several runs without epochs": (
        charts.losses,
        ({"one": RESULTS["no epochs"], "two": RESULTS["no epochs"]},),
    ),
    **{f"trajectories, {name}": (charts.trajectories, (r,)) for name, r in RESULTS.items()},
    **{f"training, {name}": (charts.training, (r, TRUE)) for name, r in RESULTS.items()},
    "trajectories and truth": (charts.trajectories, (STABLE, TRUE, ["weight", "bias"])),
    **{f"pace, {name}": (charts.pace, (r, 0.01, 0.6)) for name, r in RESULTS.items()},
    **{
        f"sweep, {name}": (charts.sweep_losses, (result,))
        for name, result in SWEEPS.items()
    },
    "sweep and threshold": (charts.sweep_losses, (SWEEPS["stable and diverged"], LIMIT)),
    "explorer": (charts.learning_rate_explorer, EXPLORED),
    "explorer of one problem": (
        charts.learning_rate_explorer,
        ({"as drawn": PROBLEMS["as drawn"]}, *EXPLORED[1:]),
    ),
    "ratios": (
        charts.ratios,
        ({"by hand": 1.0, "groundup": 1.04}, "A title of some length"),
    ),
    "fit": (charts.fit, (X[:, :1], y, {"line": y / 2, "lost": y * math.nan}, "A title")),
    **OF_TRAINING,
}
each_chart = pytest.mark.parametrize("name", CHARTS)


@cache
def chart(name: str) -> alt.LayerChart:
    drawing, results = CHARTS[name]
    drawn: alt.LayerChart = drawing(*results)
    return drawn


@cache
def specification_of(name: str) -> dict[str, Any]:
    drawing, results = CHARTS[name]
    return shown(drawing.show(*results))


@each_chart
def test_a_chart_is_one_that_altair_accepts(name: str) -> None:
    assert chart(name).to_dict()["layer"]


@each_chart
def test_show_carries_the_very_specification_of_the_altair_chart(name: str) -> None:
    with alt.theme.enable("none"):
        assert specification_of(name) == chart(name).to_dict()


def test_what_is_shown_is_of_the_vega_lite_that_altair_writes() -> None:
    kind, _ = charts.losses.show(STABLE)._mime_()
    major = alt.SCHEMA_VERSION.removeprefix("v").split(".")[0]
    assert kind == f"application/vnd.vegalite.v{major}+json"


@each_chart
def test_a_chart_has_a_description_in_sentences(name: str) -> None:
    description = specification_of(name)["description"]
    assert len(description) > 25
    assert description[0].isupper()


@each_chart
def test_a_chart_is_as_wide_as_the_prose_and_shows_the_page_through(name: str) -> None:
    specification = specification_of(name)
    assert specification["width"] == "container"
    assert specification["config"]["background"] == "transparent"


@each_chart
def test_every_colour_is_of_okabe_and_itos_palette(name: str) -> None:
    used = set(re.findall(r"#\w{6}\b", json.dumps(specification_of(name))))
    assert used <= OKABE_ITO | {GREY}


@pytest.mark.parametrize(
    "name",
    [
        "losses, no epochs",
        "losses, not a number from the start",
        "losses of several runs without epochs",
        "trajectories, no epochs",
        "trajectories, not a number from the start",
        "training, no epochs",
        "training, not a number from the start",
        "pace, no epochs",
        "sweep, no epochs",
        "learning curves, no epochs",
        "learning curves of several runs without epochs",
        "batch order, no batches",
    ],
)
def test_words_stand_in_place_of_an_empty_plot(name: str) -> None:
    specification = specification_of(name)
    assert specification["datasets"] == {"nothing": [{"label": "nothing to draw"}]}
    assert specification["title"]
    assert [layer["mark"]["type"] for layer in layers(specification)] == ["text"]


# Losses and parameters of runs.


def test_the_losses_drawn_are_the_results() -> None:
    rows = shown(charts.losses.show(STABLE))["datasets"]["losses"]
    assert [row["epoch"] for row in rows] == list(range(20))
    assert [row["loss"] for row in rows] == STABLE.losses


def test_each_of_several_runs_is_drawn_in_a_colour_and_under_a_name_of_its_own() -> None:
    slow, fast = train(0.01, 20), train(0.3, 20)
    specification = shown(charts.losses.show({"slow": slow, "fast": fast}))
    for name, run in {"slow": slow, "fast": fast}.items():
        rows = specification["datasets"]["losses"]
        assert [row["loss"] for row in rows if row["run"] == name] == run.losses
    assert len(set(colors(specification).values())) == 2
    assert [end["label"] for end in specification["datasets"]["last losses"]] == [
        "slow",
        "fast",
    ]


@pytest.mark.parametrize(
    ("losses", "left", "points"),
    [
        ([1.0, 100.0, 99.0], None, 3),
        ([1.0, 50.0, 100.1, 1e4, 1e6], 2, 3),
        ([1.0, 2.0, math.inf, math.nan], 2, 2),
        ([1.0, 2.0, math.nan, 3.0], 2, 2),
        ([0.0, 5.0, 1e9], None, 3),
        ([2.0], None, 1),
        ([math.inf], 0, 0),
        ([], None, 0),
    ],
)
def test_a_diverged_run_is_drawn_up_to_where_it_left(
    losses: list[float], left: int | None, points: int
) -> None:
    specification = shown(charts.losses.show(with_losses(*losses)))
    assert charts.diverged_at(losses) == left
    drawn = [row["loss"] for row in specification["datasets"].get("losses", [])]
    assert drawn == losses[:points]


def test_a_diverged_run_is_labelled_with_the_epoch_at_which_it_left() -> None:
    words = f"diverged at epoch {charts.diverged_at(DIVERGED.losses)}"
    for specification in (
        shown(charts.losses.show(DIVERGED)),
        shown(charts.trajectories.show(DIVERGED, TRUE)),
        shown(charts.training.show(DIVERGED, TRUE)),
    ):
        assert words in str(specification["title"]).lower()
        assert words in specification["description"].lower()
    (end,) = shown(charts.losses.show(DIVERGED))["datasets"]["last losses"]
    assert end["label"] == words


def test_among_several_runs_the_label_names_the_one_that_diverged() -> None:
    specification = shown(charts.losses.show({"calm": STABLE, "wild": DIVERGED}))
    labels = [end["label"] for end in specification["datasets"]["last losses"]]
    assert labels == [
        "calm",
        f"wild, diverged at epoch {charts.diverged_at(DIVERGED.losses)}",
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("stable", "log"), ("losses down to zero", None), ("negative losses", None)],
)
def test_the_losses_axis_is_logarithmic_unless_a_loss_is_not_positive(
    name: str, kind: str | None
) -> None:
    specification = shown(charts.losses.show(RESULTS[name]))
    assert {scale.get("type") for scale in scales(specification, "y")} == {kind}


def test_the_parameters_drawn_are_the_results_from_epoch_one_on() -> None:
    rows = shown(charts.trajectories.show(STABLE))["datasets"]["parameters"]
    for i, name in enumerate(["w₁", "w₂", "b"]):
        own = [row for row in rows if row["parameter"] == name]
        assert [row["epoch"] for row in own] == list(range(1, 21))
        path = [
            torch.cat([p.flatten() for p in entry])[i].item() for entry in STABLE.parameters
        ]
        assert [row["value"] for row in own] == path


def test_the_dashed_rules_are_the_true_parameters() -> None:
    specification = shown(charts.trajectories.show(STABLE, TRUE))
    assert specification["datasets"]["true"] == [
        {"parameter": "w₁", "value": 1.5},
        {"parameter": "w₂", "value": -0.5},
        {"parameter": "b", "value": 0.5},
    ]
    (rules,) = [layer for layer in layers(specification) if layer["data"]["name"] == "true"]
    assert rules["mark"]["type"] == "rule"
    assert rules["mark"]["strokeDash"]


def test_the_trajectories_title_says_how_far_the_end_is_from_the_true_parameters() -> None:
    last = torch.cat([p.flatten() for p in STABLE.parameters[-1]])
    off = (last - torch.cat([p.flatten() for p in TRUE])).abs().max().item()
    assert f"within {off:.3g} of" in shown(charts.trajectories.show(STABLE, TRUE))["title"]


def test_the_trajectories_of_a_diverged_run_end_where_its_losses_do() -> None:
    rows = shown(charts.trajectories.show(DIVERGED))["datasets"]["parameters"]
    losses = shown(charts.losses.show(DIVERGED))["datasets"]["losses"]
    assert max(row["epoch"] for row in rows) == len(losses)


@pytest.mark.parametrize("name", ["stable", "one epoch", "diverged"])
def test_training_is_the_losses_above_the_trajectories(name: str) -> None:
    both = specification_of(f"training, {name}")
    losses = shown(charts.losses.show(RESULTS[name]))
    trajectories = shown(charts.trajectories.show(RESULTS[name], TRUE))
    assert both["datasets"] == losses["datasets"] | trajectories["datasets"]
    assert both["title"] == [losses["title"], trajectories["title"]]
    axes = [layer["encoding"]["y"] for layer in layers(both)]
    ranges = {y["title"]: y["scale"]["range"] for y in axes if "title" in y}
    assert max(ranges["loss"]) < min(ranges["parameter"])


@pytest.mark.parametrize("names", [["w"], ["w", "b", "c"], []])
def test_names_that_do_not_fit_the_parameters_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="names must be one for each of 2 parameters"):
        charts.trajectories(STABLE, names=names)


@pytest.mark.parametrize(
    "true_parameters",
    [
        (torch.ones(2), torch.ones(1)),
        (torch.ones(2, 1),),
        (torch.ones(2, 1), torch.ones(1), torch.ones(1)),
    ],
)
def test_true_parameters_of_other_shapes_are_refused(
    true_parameters: tuple[Tensor, ...],
) -> None:
    with pytest.raises(ValueError, match="true_parameters must have the shapes"):
        charts.trajectories(STABLE, true_parameters)


def test_the_pace_is_the_loss_above_its_least_with_a_straight_line_on_a_log_axis() -> None:
    specification = shown(charts.pace.show(STABLE, 0.005, 0.6))
    measured, slope = (specification["datasets"][name] for name in ("measured", "slope"))
    assert [row["excess"] for row in measured] == [loss - 0.005 for loss in STABLE.losses]
    ratios = [b["excess"] / a["excess"] for a, b in pairwise(slope)]
    assert ratios == pytest.approx([0.6] * 19)
    assert slope[-1] == measured[-1]
    assert {scale["type"] for scale in scales(specification, "y")} == {"log"}


def test_a_parameter_has_the_same_colour_in_every_chart() -> None:
    trajectories = colors(shown(charts.trajectories.show(STABLE, TRUE)))
    assert trajectories == colors(specification_of("explorer"))
    assert list(trajectories) == ["w₁", "w₂", "b"]
    assert len(set(trajectories.values())) == 3


# Sweeps.


def test_a_sweeps_points_are_its_last_losses() -> None:
    result = SWEEPS["stable and diverged"]
    trained = shown(charts.sweep_losses.show(result))["datasets"]["trained"]
    assert [row["learning_rate"] for row in trained] == result.learning_rates[:2].tolist()
    assert [row["loss"] for row in trained] == result.losses[:2, -1].tolist()


def test_a_sweeps_diverged_lanes_are_crosses_that_say_when_they_left() -> None:
    result = SWEEPS["stable and diverged"]
    specification = shown(charts.sweep_losses.show(result))
    (lane,) = specification["datasets"]["diverged"]
    left = charts.diverged_at(result.losses[2].tolist())
    assert lane == {"learning_rate": 3.0, "outcome": f"diverged at epoch {left}"}
    (crosses,) = [a for a in layers(specification) if a["data"]["name"] == "diverged"]
    assert crosses["mark"]["shape"] == "cross"
    assert "1 run" in specification["description"]


def test_a_sweeps_threshold_is_a_rule_with_its_value() -> None:
    specification = shown(charts.sweep_losses.show(SWEEPS["stable and diverged"], LIMIT))
    (row,) = specification["datasets"]["limit"]
    assert row["learning_rate"] == LIMIT
    assert f"{LIMIT:.3f}" in row["label"]
    assert f"{LIMIT:.3f}" in specification["description"]
    marks = [
        a["mark"]["type"] for a in layers(specification) if a["data"]["name"] == "limit"
    ]
    assert marks == ["rule", "text"]


# The explorer.


def explored(problem: str, learning_rate: float, epoch: int) -> Object:
    """What the explorer's own formulas, which mean the same in Python, give at an epoch."""
    specification = specification_of("explorer")
    values = {p["name"]: p["value"] for p in specification["params"]}
    names: Object = as_vega_sees_it(values)
    (transforms,) = [
        layer["transform"]
        for layer in layers(specification)
        if any("fold" in step for step in layer["transform"])
    ]
    datum = Object(epoch=epoch)
    names |= {"problem": problem, "learning_rate": learning_rate, "datum": datum}
    for step in transforms:
        if "calculate" in step:
            datum[step["as"]] = eval(step["calculate"], {"pow": pow}, names)
    return datum


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("learning_rate", [0.005, 0.1, 0.5])
def test_the_explorers_formulas_give_the_closed_form(
    problem: str, learning_rate: float
) -> None:
    start = model()
    data = PROBLEMS[problem]
    path = oracle.closed_form_path(
        data.X, data.y, start.weights, start.bias, learning_rate, 31
    )
    for epoch in (0, 1, 2, 30):
        values = explored(problem, learning_rate, epoch)
        assert values["loss"] == pytest.approx(path.losses[epoch], rel=1e-12)
        if epoch > 0:
            theta = torch.cat([p.flatten() for p in path.parameters[epoch - 1]]).tolist()
            assert [values[name] for name in ("w₁", "w₂", "b")] == pytest.approx(
                theta, rel=1e-9
            )


def test_the_explorers_ghosts_are_runs_of_sweep_to_four_figures() -> None:
    ghosts = specification_of("explorer")["datasets"]["ghosts"]
    rates = EXPLORED[3]
    assert len(ghosts) == len(PROBLEMS) * len(rates)
    for ghost in ghosts:
        data = PROBLEMS[ghost["problem"]]
        run = sweep(model(), mean_squared_error, data.X, data.y, [ghost["rate"]], 61)
        drawn = ghost["losses"]
        assert drawn == pytest.approx(run.losses[0, : len(drawn)].tolist(), rel=5e-4)
        assert len(drawn) == 61 or drawn[-1] > 10 * drawn[0]


def test_the_explorers_dashed_rules_are_each_problems_true_parameters() -> None:
    goals = specification_of("explorer")["datasets"]["goals"]
    for name, problem in PROBLEMS.items():
        values = [row["value"] for row in goals if row["problem"] == name]
        assert values == [v for p in problem.true_parameters for v in p.flatten().tolist()]


def test_the_explorers_formulas_are_under_4_kilobytes_on_their_way() -> None:
    truth = (torch.ones(6, 1), torch.ones(1))
    problem = charts.Problem(*make_regression(64, 6, generator=seeded()), truth)
    content = charts.learning_rate_explorer.show(
        {"as drawn": problem}, LinearRegression(6, seeded(1)), mean_squared_error, [0.1]
    )
    formulas = json.dumps({**shown(content), "datasets": {}})
    assert len(gzip.compress(formulas.encode())) < 4096


def test_the_explorers_sliders_are_named_as_the_notebooks_are() -> None:
    specification = specification_of("explorer")
    binds = {p["bind"]["name"]: p["bind"] for p in specification["params"] if "bind" in p}
    assert binds["learning rate "]["input"] == binds["epochs "]["input"] == "range"
    assert binds["data "]["options"] == list(PROBLEMS)


def test_the_explorer_of_one_problem_asks_for_no_choice() -> None:
    one = {"as drawn": PROBLEMS["as drawn"]}
    specification = shown(charts.learning_rate_explorer.show(one, *EXPLORED[1:]))
    assert "data " not in [p.get("bind", {}).get("name") for p in specification["params"]]


LOST = torch.full((2, 1), torch.nan)
POINTS = torch.zeros(2, 2)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: charts.fit.show(LOST, POINTS[:, :1], {}),
            "X must be finite, got nan at (0, 0)",
        ),
        (
            lambda: charts.fit.show(POINTS[:, :1], LOST, {}),
            "y must be finite, got nan at (0, 0)",
        ),
        (
            lambda: charts.decision_boundary.show(
                torch.cat([POINTS[:, :1], LOST], 1), LOST, MODEL, ("a", "b"), ("c", "d")
            ),
            "X must be finite, got nan at (0, 1)",
        ),
        (
            lambda: charts.decision_boundary.show(
                POINTS, LOST, MODEL, ("a", "b"), ("c", "d")
            ),
            "y must be finite, got nan at (0, 0)",
        ),
        (
            lambda: charts.training.show(STABLE, (TRUE[0], torch.tensor([-torch.inf]))),
            "true_parameters[1] must be finite, got -inf at (0,)",
        ),
        (
            lambda: charts.learning_rate_explorer.show(
                {"lost": charts.Problem(X, y, (LOST, TRUE[1]))},
                MODEL,
                mean_squared_error,
                [0.1],
            ),
            "true_parameters[0] must be finite, got nan at (0, 0)",
        ),
        (
            lambda: charts.sweep_losses.show(
                sweep(MODEL, mean_squared_error, X, y, [0.1], 2), math.nan
            ),
            "largest_stable must be positive and finite, got nan",
        ),
    ],
)
def test_what_is_drawn_and_not_finite_is_named_with_its_value_and_place(
    draw: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        draw()


@pytest.mark.parametrize("name", ["losses", "training"])
def test_a_chart_prints_a_line_in_ascii(name: str) -> None:
    shown = repr(getattr(charts, name).show(STABLE))
    assert shown.startswith("Content('Line chart of the loss over the epochs")
    assert shown.isascii()
    assert "\n" not in shown
