"""Charts of runs, batches and boundaries hold the results, and say what can't be drawn."""

import copy
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from groundup import DataLoader, Dataset, LogisticRegression, TrainerResult, charts
from tests.chart_checks import (
    GREY,
    Object,
    Specification,
    axes,
    colors,
    computed,
    drawn_rows,
    layers,
    layers_of,
    marks,
    scales,
    shown,
    signals,
)
from tests.helpers import seeded

BLUE, ORANGE, VERMILION = "#0072B2", "#E69F00", "#D55E00"
INF, NAN = math.inf, math.nan
LINE = 46
"""How many letters of a title fit beside each other on a phone."""


def run(
    train: Sequence[float], val: Sequence[float] = (), **metrics: list[float]
) -> TrainerResult:
    return TrainerResult([*train], [*val], metrics)


VALIDATED = run([4.0, 2.0, 1.0], [5.0, 3.0, 2.0], accuracy=[0.5, 0.75, 0.875])
TRAINED_ONLY = run([4.0, 2.0, 1.0])
OTHER = run([3.0, 1.0, 0.5], [4.0, 3.0, 2.5], accuracy=[0.25, 0.5, 0.625])
DIVERGED = run([4.0, 10.0, 1e5, INF], [5.0, 2.0, NAN, NAN], accuracy=[0.5, 0.5, 0.0, 0.0])
NO_EPOCHS = run([], [], accuracy=[])

# Two classes that a slanted line parts; none of it is the same with x and y exchanged.
X = torch.randn(30, 2, generator=seeded()) * torch.tensor([2.0, 500.0])
X += torch.tensor([17.0, 4000.0])


def slanted(places: Tensor) -> Tensor:
    """A logit for each place, between −6 and 6 or so."""
    return (places[:, :1] - 17) - (places[:, 1:] - 4000) / 400


y = (slanted(X) > 0).float()
MEASURES = ("bill depth in mm", "body mass in g")
SEXES = ("female", "male")
BIRDS = (X, y, slanted, MEASURES, SEXES, "Two features part the birds")


def epochs_of(batch_size: int, shuffle: bool = True, drop_last: bool = False) -> Any:
    """What a loader of 24 samples gives in four epochs: positions, batch by batch."""
    data = Dataset(torch.arange(24))
    loader = DataLoader(
        data, batch_size, shuffle=shuffle, generator=seeded(), drop_last=drop_last
    )
    return [[positions.tolist() for (positions,) in loader] for _ in range(4)]


def spread_of(size: float, one: float = 3.0, samples: int = 512) -> float:
    """σ/√B · √((n − B)/(n − 1))."""
    return one / math.sqrt(size) * math.sqrt((samples - size) / (samples - 1))


SPREADS = {2**i: spread_of(2**i) for i in range(10)}
COSTS = [
    {"samples": 100, "milliseconds": 0.2, "megabytes": 0.01},
    {"samples": 1_000, "milliseconds": 0.3, "megabytes": 0.1},
    {"samples": 100_000, "milliseconds": 6.2, "megabytes": 12.0},
]
PROMISES = {"by validation": (1.254, 1.266), "by test": (1.108, 1.344)}

RATES = [-3.0, -2.5, -2.0, -1.5]
LEAST = 0.25


def losses_of_runs(points: int) -> Tensor:
    """All from 8 down, each at its own pace: shape `(4 sizes, 4 rates, points)`."""
    paces = torch.linspace(0.1, 0.9, 16, dtype=torch.float64).reshape(4, 4, 1)
    return LEAST + 7.75 * torch.exp(-paces * torch.arange(points))


def with_diverged_runs() -> tuple[Tensor, Tensor]:
    by_epoch, by_update = losses_of_runs(5), losses_of_runs(7)
    by_epoch[0, 3] = torch.tensor([8.0, 70.0, 900.0, 8e4, 9e9])
    by_epoch[1, 3] = torch.tensor([8.0, 9.0, INF, NAN, NAN])
    by_epoch[2, 3] = torch.tensor([8.0, NAN, NAN, NAN, NAN])
    by_update[0, 3] = torch.tensor([8.0, 80.0, 80.1, 100.0, INF, NAN, NAN])
    return by_epoch, by_update


EXPLORED = (*with_diverged_runs(), RATES, 8, LEAST)

CHARTS: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    "learning curves": (charts.learning_curves, (VALIDATED,)),
    "learning curves without validation": (charts.learning_curves, (TRAINED_ONLY,)),
    "learning curves of several runs": (
        charts.learning_curves,
        ({"calm": VALIDATED, "wild": DIVERGED},),
    ),
    "learning curves and a metric": (charts.learning_curves, (VALIDATED, "accuracy")),
    "learning curves of several runs and a metric": (
        charts.learning_curves,
        ({"one": VALIDATED, "other": OTHER}, "accuracy"),
    ),
    "learning curves, a metric of nothing but NaN": (
        charts.learning_curves,
        (run([1.0], [1.0], accuracy=[NAN]), "accuracy"),
    ),
    "learning curves, diverged": (charts.learning_curves, (DIVERGED, "accuracy")),
    "learning curves, not a number from the start": (
        charts.learning_curves,
        (run([NAN], [INF]),),
    ),
    "learning curves down to zero": (charts.learning_curves, (run([2.0, 0.0]),)),
    "learning curves, negative": (charts.learning_curves, (run([1.0], [-1.0]),)),
    "learning curves, one epoch": (charts.learning_curves, (run([1.0]),)),
    "learning curves, no epochs": (charts.learning_curves, (NO_EPOCHS, "accuracy")),
    "learning curves of several runs without epochs": (
        charts.learning_curves,
        ({"one": NO_EPOCHS, "other": run([])},),
    ),
    "boundary": (charts.decision_boundary, (*BIRDS, 6)),
    "boundary of a model that gives NaN": (
        charts.decision_boundary,
        (X, y, lambda places: slanted(places) * NAN, MEASURES, SEXES, "A title", 3),
    ),
    "batch order": (charts.batch_order, (epochs_of(5), 24, "Batches of 5")),
    "batch order, no batches": (charts.batch_order, (epochs_of(25, drop_last=True), 24)),
    "gradient noise": (charts.gradient_noise, (SPREADS, 3.0, 512)),
    "gradient noise, nothing measured": (charts.gradient_noise, ({}, 3.0, 100)),
    "growth": (charts.growth, (COSTS,)),
    "promises": (charts.promises, (PROMISES,)),
    "batch sizes": (charts.batch_size_explorer, EXPLORED),
}
each_chart = pytest.mark.parametrize("name", CHARTS)


def content_of(name: str) -> charts.Content:
    drawing, arguments = CHARTS[name]
    content: charts.Content = drawing.show(*arguments)
    return content


def specification_of(name: str) -> Specification:
    return shown(content_of(name))


def curves(*arguments: Any) -> Specification:
    return shown(charts.learning_curves.show(*arguments))


def points(rows: Sequence[dict[str, Any]], line: str) -> list[tuple[float, float]]:
    """A line's points: how many epochs are done, and the value."""
    return [(row["epoch"], row["value"]) for row in rows if row["line"] == line]


def title_of(specification: Specification) -> str:
    """The title's lines in one."""
    title = specification["title"]
    return title if isinstance(title, str) else " · ".join(title)


# What all of them promise, beside what tests/test_charts.py asks of every chart.


@each_chart
def test_a_layer_draws_a_data_set_that_is_there_and_columns_that_it_has(name: str) -> None:
    specification = specification_of(name)
    drawn = set()
    for layer in layers(specification):
        rows = specification["datasets"][layer["data"]["name"]]
        made = {column for step in layer["transform"] for column in _made(step)}
        for channel, definition in layer["encoding"].items():
            if "field" in definition:
                assert all(definition["field"] in {*row, *made} for row in rows), channel
        drawn.add(layer["data"]["name"])
    assert drawn == set(specification["datasets"])


def _made(step: dict[str, Any]) -> list[str]:
    """The columns that a transform adds."""
    if "window" in step:
        return [window["as"] for window in step["window"]]
    added = step.get("as", [])
    return [added] if isinstance(added, str) else added


@pytest.mark.parametrize(
    ("drawing", "arguments", "others"),
    [
        (charts.learning_curves, (VALIDATED,), (run([9.0], [8.0]),)),
        (charts.learning_curves, (VALIDATED, "accuracy"), (DIVERGED, "accuracy")),
        (charts.learning_curves, (NO_EPOCHS,), ({},)),
        (
            charts.decision_boundary,
            BIRDS,
            (X, 1 - y, lambda places: -slanted(places), *BIRDS[3:5], "Other", 5),
        ),
        (charts.batch_order, (epochs_of(5), 24), (epochs_of(5, False), 24, "In order")),
        (charts.gradient_noise, (SPREADS, 3.0, 512), ({1: 2.0}, 2.0, 64)),
        (charts.growth, (COSTS,), (COSTS[:2],)),
        (charts.promises, (PROMISES,), ({"by dice": (1.0, 2.0)},)),
        (
            charts.batch_size_explorer,
            EXPLORED,
            (losses_of_runs(9)[:3], losses_of_runs(9)[:3], [0.0, 1.0, 2.0, 3.0], 8, LEAST),
        ),
    ],
)
def test_a_specification_is_made_once_and_left_alone_by_the_next_chart(
    drawing: Any, arguments: tuple[Any, ...], others: tuple[Any, ...]
) -> None:
    first = drawing.show(*arguments)
    made = copy.deepcopy(first.specification)
    before = copy.deepcopy(first.complete)
    second = drawing.show(*others)
    assert second.specification["layer"] is first.specification["layer"]
    assert first.complete == before
    # Altair's checks and copies don't reach it either.
    drawing(*others).properties(height=1, title="changed")
    assert first.complete == before
    assert first.specification == made
    assert drawing.show(*arguments).complete == before


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_json_never_reaches_a_browser(value: float) -> None:
    content = charts.promises.show({"by validation": (1.0, value)})
    with pytest.raises(ValueError, match="JSON"):
        content._mime_()


# Learning curves.


def test_a_training_loss_stands_mid_epoch_and_a_validation_loss_at_its_end() -> None:
    rows = curves(VALIDATED)["datasets"]["losses"]
    assert points(rows, "train") == [(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)]
    assert points(rows, "validation") == [(1.0, 5.0), (2.0, 3.0), (3.0, 2.0)]
    assert len(rows) == 6


def test_a_run_without_validation_is_one_line() -> None:
    rows = curves(TRAINED_ONLY)["datasets"]["losses"]
    assert points(rows, "train") == [(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)]
    assert {row["line"] for row in rows} == {"train"}


def test_several_runs_are_compared_by_their_validation_losses() -> None:
    rows = curves({"one": VALIDATED, "other": OTHER})["datasets"]["losses"]
    assert points(rows, "one") == [(1.0, 5.0), (2.0, 3.0), (3.0, 2.0)]
    assert points(rows, "other") == [(1.0, 4.0), (2.0, 3.0), (3.0, 2.5)]
    assert len(rows) == 6


def test_several_runs_are_compared_by_their_training_losses_where_one_has_no_other() -> (
    None
):
    rows = curves({"one": TRAINED_ONLY, "other": OTHER})["datasets"]["losses"]
    assert points(rows, "one") == [(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)]
    assert points(rows, "other") == [(0.5, 3.0), (1.5, 1.0), (2.5, 0.5)]
    assert len(rows) == 6


def test_training_and_validation_keep_their_colours_and_runs_differ_in_theirs() -> None:
    assert colors(curves(VALIDATED)) == {"train": BLUE, "validation": ORANGE}
    assert colors(curves(VALIDATED, "accuracy")) == {"train": BLUE, "validation": ORANGE}
    assert colors(curves({"one": VALIDATED, "other": OTHER}, "accuracy")) == {
        "one": BLUE,
        "other": ORANGE,
    }
    scale, *others = scales(curves(VALIDATED, "accuracy"), "color")
    assert len(others) == 5
    assert all(other == scale for other in others)


def test_a_metric_is_drawn_at_the_ends_of_its_epochs() -> None:
    rows = curves(VALIDATED, "accuracy")["datasets"]["measures"]
    assert points(rows, "validation") == [(1.0, 0.5), (2.0, 0.75), (3.0, 0.875)]
    assert len(rows) == 3
    rows = curves({"one": VALIDATED, "other": OTHER}, "accuracy")["datasets"]["measures"]
    assert points(rows, "one") == [(1.0, 0.5), (2.0, 0.75), (3.0, 0.875)]
    assert points(rows, "other") == [(1.0, 0.25), (2.0, 0.5), (3.0, 0.625)]
    assert len(rows) == 6


def test_a_metric_has_a_panel_and_a_linear_scale_of_its_own_below_the_losses() -> None:
    specification = curves(VALIDATED, "accuracy")
    panels = {
        data: layers_of(specification, data)[0]["encoding"]["y"]
        for data in ("losses", "measures")
    }
    assert panels["losses"]["title"] == "loss"
    assert panels["losses"]["scale"]["type"] == "log"
    assert panels["measures"]["title"] == "accuracy"
    assert "type" not in panels["measures"]["scale"]
    assert panels["measures"]["scale"]["zero"] is False
    upper, lower = (panels[data]["scale"]["range"] for data in ("losses", "measures"))
    assert 0 == upper[1] < upper[0] < lower[1] < lower[0] == specification["height"]
    (panel,) = specification["layer"]
    assert panel["resolve"]["scale"]["y"] == "independent"


def test_without_a_metric_the_losses_have_the_whole_height() -> None:
    specification = curves(VALIDATED)
    assert all("range" not in scale for scale in scales(specification, "y"))
    assert set(specification["datasets"]) == {"losses", "last of losses", "names of losses"}
    assert axes(specification) == {"epochs done", "loss"}


def test_a_metric_of_nothing_but_nan_is_an_empty_panel_and_no_number_in_the_title() -> None:
    specification = curves(run([4.0], [5.0], accuracy=[NAN]), "accuracy")
    assert specification["datasets"]["measures"] == []
    assert specification["datasets"]["names of measures"] == []
    assert "ccuracy" not in title_of(specification)
    assert "nan" not in specification["description"].lower()


def test_a_metric_that_was_nan_once_is_left_out_where_it_was() -> None:
    result = run([4.0] * 3, [5.0] * 3, accuracy=[0.5, NAN, 0.75])
    rows = curves(result, "accuracy")["datasets"]["measures"]
    assert points(rows, "validation") == [(1.0, 0.5), (3.0, 0.75)]


@pytest.mark.parametrize("metric", ["precision", "loss", ""])
def test_a_metric_that_was_not_measured_is_refused(metric: str) -> None:
    with pytest.raises(ValueError, match=r"metric must be one of \['accuracy'\]") as raised:
        charts.learning_curves(VALIDATED, metric)
    assert repr(metric) in str(raised.value)


def test_the_run_that_lacks_a_metric_is_named() -> None:
    with pytest.raises(ValueError, match=r"one of \[\] in bare, got 'accuracy'"):
        charts.learning_curves({"one": VALIDATED, "bare": TRAINED_ONLY}, "accuracy")


@pytest.mark.parametrize(
    ("losses", "left", "kept"),
    [
        ([1.0, 100.0, 99.0], None, 3),
        ([1.0, 50.0, 100.1, 1e4, 1e6], 3, 3),
        ([1.0, 2.0, INF, NAN], 3, 2),
        ([1.0, 2.0, NAN, 3.0], 3, 2),
        ([2.0, INF], 2, 1),
    ],
)
def test_a_run_that_diverges_is_drawn_up_to_where_it_left_and_labelled_with_the_epoch(
    losses: list[float], left: int | None, kept: int
) -> None:
    words = "diverged at epoch" if left is None else f"diverged at epoch {left}"
    for parts in (([*losses], []), ([1.0] * len(losses), losses)):
        specification = curves(run(*parts))
        drawn = specification["datasets"]["losses"]
        line = "validation" if parts[1] else "train"
        assert [value for _, value in points(drawn, line)] == losses[:kept]
        assert (words in title_of(specification)) is (left is not None)
        assert (words in specification["description"]) is (left is not None)
        assert title_of(specification).count("diverged") == (left is not None)


def test_among_several_runs_the_title_names_the_one_that_diverged() -> None:
    lines = curves({"calm": VALIDATED, "wild": DIVERGED})["title"]
    assert lines == ["Calm: 5 → 2 · wild: diverged at epoch 3"]


def test_a_run_of_which_nothing_can_be_drawn_does_not_hide_the_others() -> None:
    specification = curves({"lost": run([NAN, NAN]), "calm": TRAINED_ONLY})
    rows = specification["datasets"]["losses"]
    assert points(rows, "calm") == [(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)]
    assert len(rows) == 3
    assert title_of(specification) == "Lost: diverged at epoch 1 · calm: 4 → 1"
    assert colors(specification) == {"lost": BLUE, "calm": ORANGE}


def test_a_run_that_diverged_in_its_first_epoch_is_not_said_to_have_had_none() -> None:
    title = title_of(curves(run([NAN, NAN], [INF, NAN])))
    assert "No epochs" not in title
    assert "diverged at epoch 1" in title


def test_the_title_in_place_of_curves_fits_a_phone_too() -> None:
    lines = curves(run([NAN, NAN], [INF, NAN]))["title"]
    assert lines == ["Train: diverged at epoch 1", "Validation: diverged at epoch 1"]


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (VALIDATED, "log"),
        (DIVERGED, "log"),
        (run([4.0, 1.0, 0.0]), None),
        (run([4.0, 1.0], [2.0, 0.0]), None),
        (run([1.0, -1.0, -2.0]), None),
    ],
)
@pytest.mark.parametrize("metric", [None, "accuracy"])
def test_the_losses_have_a_logarithmic_axis_unless_one_is_not_positive(
    result: TrainerResult, kind: str | None, metric: str | None
) -> None:
    result = TrainerResult(result.train_losses, result.val_losses, {"accuracy": [0.5]})
    specification = curves(result, metric)
    for data in ("losses", "last of losses", "names of losses"):
        (layer,) = layers_of(specification, data)
        scale = layer["encoding"]["y"]["scale"]
        assert scale.get("type") == kind
        assert scale.get("zero", False) is False
        assert scale["nice"] is False
    assert ("on a log axis" in specification["description"]) is (kind == "log")


def test_what_lies_beyond_a_divergence_does_not_rule_the_axis() -> None:
    specification = curves(run([1.0, 2.0, NAN, -1.0]))
    assert {scale.get("type") for scale in scales(specification, "y")} == {"log"}


@pytest.mark.parametrize("result", [NO_EPOCHS, run([]), {}, {"one": NO_EPOCHS}])
def test_words_stand_in_place_of_curves_without_an_epoch(result: Any) -> None:
    specification = curves(result)
    assert specification["datasets"] == {"nothing": [{"label": "nothing to draw"}]}
    assert specification["title"] == "No epochs, nothing trained"
    assert "No epochs, nothing trained" in specification["description"]


def test_a_line_ends_in_a_point_and_its_name_stands_at_the_charts_edge() -> None:
    specification = curves(VALIDATED, "accuracy")
    for panel, ends in {
        "losses": {"train": (2.5, 1.0), "validation": (3.0, 2.0)},
        "measures": {"validation": (3.0, 0.875)},
    }.items():
        assert marks(specification, panel) == ["line"]
        assert marks(specification, f"last of {panel}") == ["point"]
        last = specification["datasets"][f"last of {panel}"]
        assert {row["line"]: (row["epoch"], row["value"]) for row in last} == ends
        assert len(last) == len(ends)
        (words,) = layers_of(specification, f"names of {panel}")
        assert words["mark"]["type"] == "text"
        assert words["mark"]["align"] == "left"
        assert words["mark"]["dx"] > 0
        assert words["encoding"]["x"] == {"value": "width"}
        assert words["encoding"]["text"]["field"] == "line"
        names = specification["datasets"][f"names of {panel}"]
        assert {row["line"] for row in names} == set(ends)


@pytest.mark.parametrize("metric", [None, "accuracy"])
def test_the_names_beside_a_chart_count_to_its_width(metric: str | None) -> None:
    specification = curves(VALIDATED, metric)
    assert specification["autosize"] == {"type": "fit-x", "contains": "padding"}
    assert specification["width"] == "container"


def test_names_stand_at_the_lines_ends_where_these_are_far_apart() -> None:
    names = curves({"one": run([1.0, 4.0]), "other": run([1.0, 0.01])})["datasets"]
    heights = {row["line"]: row["value"] for row in names["names of losses"]}
    assert heights == pytest.approx({"one": 4.0, "other": 0.01})


LOSSES = st.floats(1e-3, 1e3)
ENDS = st.lists(st.tuples(LOSSES, LOSSES), min_size=6, max_size=6)


@given(ENDS, st.booleans(), st.booleans())
def test_names_at_the_lines_ends_stand_in_their_order_and_do_not_touch(
    ends: list[tuple[float, float]], alike: bool, log: bool
) -> None:
    last = ends[0][1]
    values = [(a, last if alike else b) for a, b in ends]
    runs = {
        f"run {i}": run(pair if log else [-pair[0], pair[1]], pair, accuracy=[*pair])
        for i, pair in enumerate(values)
    }
    if not log:
        runs = {name: run(r.train_losses, (), **r.metrics) for name, r in runs.items()}
    datasets = curves(runs, "accuracy")["datasets"]
    # Of a panel 195 pixels high, 10 at each edge are free where the scale has padding.
    for panel, logarithmic, height in (("losses", log, 175), ("measures", False, 195)):
        measure = math.log if logarithmic else float
        names = {r["line"]: measure(r["value"]) for r in datasets[f"names of {panel}"]}
        drawn = [measure(row["value"]) for row in datasets[panel]]
        seen = max(*names.values(), *drawn) - min(*names.values(), *drawn)
        order = sorted(names, key=names.__getitem__)
        apart = [(names[b] - names[a]) * height / seen for a, b in pairwise(order)]
        assert min(apart) >= 10
        true = {row["line"]: row["value"] for row in datasets[f"last of {panel}"]}
        assert [true[name] for name in order] == sorted(true.values())


def test_the_title_says_the_first_and_the_last_loss_and_the_last_metric() -> None:
    assert title_of(curves(run([4.0, 2.0, 0.12345], [5.0, 1.0 / 3]))) == (
        "Train: 4 → 0.123 · validation: 5 → 0.333"
    )
    assert curves(VALIDATED, "accuracy")["title"] == [
        "Train: 4 → 1 · validation: 5 → 2",
        "Accuracy 0.875",
    ]
    assert curves({"one": VALIDATED, "other": OTHER}, "accuracy")["title"] == [
        "One: 5 → 2 · other: 4 → 2.5",
        "Accuracy 0.875 one · accuracy 0.625 other",
    ]
    assert title_of(curves(run([0.5], [0.25]))) == "Train: 0.5 · validation: 0.25"


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (0.0012345, "0.00123"),
        (123.4, "123"),
        (1234.5, "1,234"),
        (2345678.0, "2,345,678"),
        (1.5e9, "1.5e+09"),
        (999.7, "1,000"),
    ],
)
def test_a_loss_is_said_without_a_power_of_ten_where_there_need_be_none(
    loss: float, words: str
) -> None:
    assert curves(run([loss]))["title"] == [f"Train: {words}"]


@pytest.mark.parametrize("metric", [None, "accuracy"])
@pytest.mark.parametrize("count", [2, 9])
def test_a_title_has_as_few_lines_as_fit_a_phone(count: int, metric: str | None) -> None:
    runs = {"a" * (2 * i + 1): VALIDATED for i in range(count)}
    lines = curves(runs, metric)["title"]
    assert max(map(len, lines)) <= LINE
    for line, following in pairwise(lines):
        assert len(f"{line} · {following.split(' · ')[0]}") > LINE
    assert sum(line.count("5 → 2") for line in lines) == count
    assert all(line[0].isupper() for line in lines)


def test_a_title_fills_a_line_to_its_last_letter() -> None:
    exactly = "b" * (LINE - len("A: 5 → 2 · : 5 → 2"))
    assert curves({"a": VALIDATED, exactly: VALIDATED})["title"] == [
        f"A: 5 → 2 · {exactly}: 5 → 2"
    ]
    assert len(curves({"a": VALIDATED, f"{exactly}b": VALIDATED})["title"]) == 2


def test_the_curves_description_says_what_is_drawn_and_what_came_of_each_line() -> None:
    assert curves(VALIDATED, "accuracy")["description"] == (
        "Line chart of the losses over the epochs, on a log axis. "
        "train: 4 → 1; validation: 5 → 2; accuracy 0.875."
    )
    assert curves(run([0.0, 1.0]))["description"] == (
        "Line chart of the losses over the epochs. train: 0 → 1."
    )


def test_the_epochs_axis_has_no_label_between_two_epochs() -> None:
    specification = curves(VALIDATED, "accuracy")
    for layer in layers(specification):
        axis = layer["encoding"]["x"].get("axis")
        if axis is not None:
            datum = {"value": 1.5, "label": "1.5"}
            assert computed(axis["labelExpr"], {"datum": datum}) == ""
            datum = {"value": 2, "label": "2"}
            assert computed(axis["labelExpr"], {"datum": datum}) == "2"
    assert axes(specification) == {"epochs done", "loss", "accuracy"}


def test_a_curve_answers_to_a_pointer() -> None:
    for layer in layers(curves(VALIDATED, "accuracy")):
        if layer["mark"]["type"] in ("line", "point"):
            fields = [entry["field"] for entry in layer["encoding"]["tooltip"]]
            assert fields == ["line", "epoch", "value"]


# Decision boundaries.


def boundary(*arguments: Any) -> Specification:
    return shown(charts.decision_boundary.show(*arguments))


def test_the_boundarys_grid_covers_the_samples_with_a_margin_and_has_no_gap() -> None:
    specification = boundary(*BIRDS, 6)
    grid = specification["datasets"]["grid"]
    assert len(grid) == 36
    for i, (near, far) in enumerate((("x", "x2"), ("y", "y2"))):
        edges = sorted({row[near] for row in grid} | {row[far] for row in grid})
        assert len(edges) == 7
        assert {(row[near], row[far]) for row in grid} == set(pairwise(edges))
        low, high = X[:, i].min().item(), X[:, i].max().item()
        margin = 0.05 * (high - low)
        assert edges[0] == pytest.approx(low - margin, abs=1e-3)
        assert edges[-1] == pytest.approx(high + margin, abs=1e-3)
        widths = [b - a for a, b in pairwise(edges)]
        assert widths == pytest.approx([(edges[-1] - edges[0]) / 6] * 6, rel=1e-2)
        domains = [scale["domain"] for scale in scales(specification, near)]
        assert domains == [[edges[0], edges[-1]]] * 2
    assert len({(row["x"], row["y"]) for row in grid}) == 36


def test_a_cell_says_what_the_model_thinks_of_its_centre_and_how_surely() -> None:
    grid = boundary(*BIRDS, 8)["datasets"]["grid"]
    corners = torch.tensor([[row["x"], row["x2"], row["y"], row["y2"]] for row in grid])
    centres = corners.reshape(-1, 2, 2).mean(2)
    probabilities = torch.sigmoid(slanted(centres)).flatten().tolist()
    seen = set()
    for row, p in zip(grid, probabilities, strict=True):
        assert row["certainty"] == pytest.approx(abs(2 * p - 1), abs=2e-3)
        if abs(2 * p - 1) > 0.01:
            assert row["class"] == SEXES[p > 0.5]
            seen.add(row["class"])
    assert seen == set(SEXES)


def test_the_boundary_is_as_fine_as_is_asked_for() -> None:
    assert len(boundary(*BIRDS, 1)["datasets"]["grid"]) == 1
    assert len(boundary(*BIRDS, 11)["datasets"]["grid"]) == 121
    assert len(boundary(*BIRDS)["datasets"]["grid"]) >= 900


@pytest.mark.parametrize("labels", [y, y.flatten(), y.long(), y.bool()])
def test_the_boundarys_samples_are_the_datas(labels: Tensor) -> None:
    samples = boundary(X, labels, *BIRDS[2:], 2)["datasets"]["samples"]
    assert [row["class"] for row in samples] == [SEXES[int(label)] for label in y.flatten()]
    for i, channel in enumerate("xy"):
        assert [row[channel] for row in samples] == pytest.approx(
            X[:, i].tolist(), abs=1e-4
        )


def test_the_boundarys_classes_differ_in_colour_and_in_shape() -> None:
    specification = boundary(*BIRDS, 2)
    assert colors(specification) == {"female": ORANGE, "male": BLUE}
    assert all(
        s == scales(specification, "color")[0] for s in scales(specification, "color")
    )
    (cells,) = layers_of(specification, "grid")
    (birds,) = layers_of(specification, "samples")
    assert cells["mark"]["type"] == "rect"
    assert birds["mark"]["type"] == "point"
    assert cells["encoding"]["color"]["field"] == birds["encoding"]["color"]["field"]
    assert birds["encoding"]["shape"]["field"] == "class"
    assert cells["encoding"]["color"]["legend"]["orient"] == "top"
    assert list(layers(specification)) == [cells, birds], "the samples lie on top"


def test_a_cell_is_the_deeper_the_surer_the_model_is() -> None:
    (cells,) = layers_of(boundary(*BIRDS, 2), "grid")
    opacity = cells["encoding"]["opacity"]
    assert opacity["field"] == "certainty"
    assert opacity["scale"]["domain"] == [0, 1]
    faint, deep = opacity["scale"]["range"]
    assert 0 <= faint < 0.1 < deep < 0.6


def test_the_boundarys_axes_are_named_after_the_features() -> None:
    specification = boundary(*BIRDS, 2)
    for layer in layers(specification):
        encoding = layer["encoding"]
        assert (encoding["x"]["title"], encoding["y"]["title"]) == MEASURES


def test_the_boundarys_title_and_description_say_what_is_to_be_seen() -> None:
    specification = boundary(*BIRDS, 2)
    assert specification["title"] == "Two features part the birds"
    for words in ("30 samples", *MEASURES, *SEXES, "Two features part the birds"):
        assert words in specification["description"]
    assert boundary(*BIRDS[:5], "", 2)["title"] == ""


def test_places_that_the_model_has_no_answer_to_are_left_out() -> None:
    def half(places: Tensor) -> Tensor:
        return slanted(places).where(places[:, :1] > X[:, 0].mean(), NAN)

    grid = boundary(X, y, half, *BIRDS[3:], 6)["datasets"]["grid"]
    whole = boundary(*BIRDS, 6)["datasets"]["grid"]
    middle = X[:, 0].mean().item()
    assert grid == [row for row in whole if (row["x"] + row["x2"]) / 2 > middle]
    assert 0 < len(grid) < 36
    nowhere = specification_of("boundary of a model that gives NaN")["datasets"]
    assert nowhere["grid"] == []
    assert len(nowhere["samples"]) == 30


def test_a_model_that_is_infinitely_sure_is_drawn_as_sure() -> None:
    def infinite(places: Tensor) -> Tensor:
        return slanted(places).sign() * INF

    grid = boundary(X, y, infinite, *BIRDS[3:], 4)["datasets"]["grid"]
    assert len(grid) == 16
    assert {row["certainty"] for row in grid} == {1.0}


def test_a_boundarys_model_is_asked_once_and_without_gradients() -> None:
    asked = []

    def model(places: Tensor) -> Tensor:
        asked.append((tuple(places.shape), torch.is_grad_enabled()))
        return slanted(places)

    boundary(X, y, model, *BIRDS[3:], 5)
    assert asked == [((25, 2), False)]


def test_a_boundary_of_float64_asks_a_model_of_float64() -> None:
    model = LogisticRegression(2, seeded()).double()
    grid = boundary(X.double(), y.double(), model, *BIRDS[3:], 2)["datasets"]["grid"]
    assert len(grid) == 4


@pytest.mark.parametrize("shape", [(5, 1), (5, 3), (5,), (2,), (5, 2, 1), ()])
def test_a_boundary_has_two_features(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\), got") as raised:
        charts.decision_boundary(torch.zeros(shape), y, *BIRDS[2:])
    assert str(raised.value).endswith(str(shape))


def test_a_boundary_wants_as_many_labels_as_samples() -> None:
    with pytest.raises(ValueError, match="shorter"):
        charts.decision_boundary(X, y[:-1], *BIRDS[2:])


# The order of batches.


def order(*arguments: Any) -> Specification:
    return shown(charts.batch_order.show(*arguments))


def batches_of(specification: Specification) -> list[list[set[int]]]:
    """For each epoch its batches, as the cells say."""
    cells = specification["datasets"]["cells"]
    epochs = range(1, 1 + max(row["epoch"] for row in cells))
    count = max(row["batch"] for row in cells)
    return [
        [
            {row["sample"] for row in cells if (row["epoch"], row["batch"]) == (e, b)}
            for b in range(1, count + 1)
        ]
        for e in epochs
    ]


@pytest.mark.parametrize("batch_size", [1, 5, 24, 30])
@pytest.mark.parametrize("shuffle", [False, True])
def test_the_cells_are_what_the_loader_gave(batch_size: int, shuffle: bool) -> None:
    given = epochs_of(batch_size, shuffle)
    specification = order(given, 24)
    assert batches_of(specification) == [[set(batch) for batch in e] for e in given]
    cells = specification["datasets"]["cells"]
    places = [(row["epoch"], row["sample"]) for row in cells]
    assert places == list(product(range(1, 5), range(24)))


def test_dropped_samples_have_no_cell_and_keep_their_place() -> None:
    given = epochs_of(7, drop_last=True)
    specification = order(given, 24)
    assert len(specification["datasets"]["cells"]) == 4 * 21
    in_one_order = order([[[0, 1, 2], [4, 5, 6]]], 8)
    assert {row["sample"] for row in in_one_order["datasets"]["cells"]}.isdisjoint({3, 7})
    assert [scale["domain"] for scale in scales(in_one_order, "x")] == [[*range(8)]] * 2
    assert batches_of(specification) == [[set(batch) for batch in e] for e in given]


def test_an_epoch_may_be_without_a_batch_and_a_batch_without_a_sample() -> None:
    cells = order([[[1], [0]], [], [[], [0, 1]]], 2)["datasets"]["cells"]
    assert [(row["epoch"], row["sample"], row["batch"]) for row in cells] == [
        (1, 0, 2),
        (1, 1, 1),
        (3, 0, 2),
        (3, 1, 2),
    ]


@pytest.mark.parametrize("epochs", [[], [[], []], [[[]]]])
def test_words_stand_in_place_of_an_order_without_a_batch(epochs: Any) -> None:
    specification = order(epochs, 24)
    assert specification["datasets"] == {"nothing": [{"label": "nothing to draw"}]}
    assert specification["title"] == "No batches"


def test_a_batchs_colour_grows_with_its_number_and_its_number_is_seen_on_it() -> None:
    specification = order(epochs_of(5), 24, "Batches of 5")
    cells, words = layers(specification)
    assert cells["mark"]["type"] == "rect"
    assert cells["encoding"]["color"]["field"] == "batch"
    assert cells["encoding"]["color"]["scale"] == {
        "domain": [1, 2, 3, 4, 5],
        "scheme": "viridis",
    }
    for batch in range(1, 6):
        ink = computed(words["mark"]["color"]["expr"], {"datum": {"batch": batch}})
        assert ink == ("black" if batch >= 3 else "white")


@pytest.mark.parametrize(
    ("width", "batch", "seen"),
    [(640, 5, "5"), (200, 5, "5"), (190, 5, ""), (200, 12, ""), (400, 12, "12")],
)
def test_a_cell_too_narrow_for_its_number_is_left_without(
    width: int, batch: int, seen: str
) -> None:
    _, words = layers(order(epochs_of(5), 24))
    text = computed(
        words["mark"]["text"]["expr"], {"width": width, "datum": {"batch": batch}}
    )
    assert str(text) == seen


def test_an_order_is_as_high_as_its_epochs_and_names_its_axes() -> None:
    specification = order(epochs_of(5), 24)
    assert specification["height"] == 4 * 28
    assert axes(specification) == {"sample", "epoch"}
    for layer in layers(specification):
        assert layer["encoding"]["x"]["field"] == "sample"
        assert layer["encoding"]["y"]["field"] == "epoch"
    label = layer["encoding"]["x"]["axis"]["labelExpr"]
    seen = [computed(label, {"datum": {"value": i, "label": str(i)}}) for i in range(9)]
    assert seen == ["0", "", "", "", "4", "", "", "", "8"]


def test_an_orders_title_and_description_say_what_is_to_be_seen() -> None:
    specification = order(epochs_of(5), 24, "Batches of 5")
    assert specification["title"] == "Batches of 5"
    for words in ("samples and epochs", "5 batches", "Batches of 5"):
        assert words in specification["description"]


# The noise of a batch's gradient.


def noise(*arguments: Any) -> dict[str, Any]:
    rows: dict[str, Any] = shown(charts.gradient_noise.show(*arguments))["datasets"]
    return rows


@pytest.mark.parametrize("samples", [512, 500, 3, 2])
def test_the_dashed_lines_are_the_formulas(samples: int) -> None:
    measured = {1: 3.0, samples - 1: 0.1}
    theory = noise(measured, 3.0, samples)["theory"]
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in theory:
        lines.setdefault(row["color"], []).append((row["size"], row["spread"]))
    for color, bends in ((ORANGE, False), (VERMILION, True)):
        sizes, values = zip(*lines[color], strict=True)
        assert sizes[0] == 1
        assert sizes[-1] <= samples
        assert max(b / a for a, b in pairwise(sizes)) == pytest.approx(2**0.125)
        expected = [
            spread_of(size, 3.0, samples) if bends else 3.0 / math.sqrt(size)
            for size in sizes
        ]
        assert values == pytest.approx(expected, rel=1e-12)
    assert set(lines) == {ORANGE, VERMILION}
    # With replacement, the line goes on as far as there are samples.
    assert lines[ORANGE][-1][0] * 2**0.125 > samples


def test_the_lines_end_a_little_below_the_lowest_point() -> None:
    theory = noise(SPREADS, 3.0, 512)["theory"]
    assert min(row["spread"] for row in theory) > 0.5 * SPREADS[256]
    bent = [row["spread"] for row in theory if row["color"] == VERMILION]
    assert min(bent) < SPREADS[256]


def test_the_points_are_what_was_measured_but_for_the_whole_which_has_no_spread() -> None:
    shuffled = dict(sorted(SPREADS.items(), key=lambda item: str(item[0])))
    measured = noise(shuffled, 3.0, 512)["measured"]
    assert measured == [{"size": 2**i, "spread": SPREADS[2**i]} for i in range(9)]
    nearly_none = {**SPREADS, 512: 1e-7}
    assert noise(nearly_none, 3.0, 512)["measured"] == measured
    assert noise({1: 3.0, 512: 0.01}, 3.0, 512)["measured"][-1]["size"] == 512


def test_the_noises_axes_are_logarithmic_and_its_lines_dashed() -> None:
    specification = specification_of("gradient noise")
    for channel in "xy":
        assert {s["type"] for s in scales(specification, channel)} == {"log"}
    lines, words = layers_of(specification, "theory")
    (points_,) = layers_of(specification, "measured")
    assert lines["mark"]["type"] == "line"
    assert lines["mark"]["strokeDash"]
    assert lines["encoding"]["detail"]["field"] == "line"
    assert words["mark"]["type"] == "text"
    assert (points_["mark"]["type"], points_["mark"]["color"]) == ("point", BLUE)
    assert axes(specification) == {"batch size", "spread of the gradient"}


def test_each_of_the_two_lines_is_named_once_on_a_side_of_its_own() -> None:
    specification = specification_of("gradient noise")
    _, words = layers_of(specification, "theory")
    assert words["encoding"]["text"]["field"] == "label"
    assert [step["filter"] for step in words["transform"]] == ["datum.label"]
    named = [row for row in specification["datasets"]["theory"] if row["label"]]
    assert [(row["label"], row["color"]) for row in named] == [
        ("put back", ORANGE),
        ("not put back", VERMILION),
    ]
    assert all(row["label"] == row["line"] for row in named)
    assert all(8 < row["size"] < 512 for row in named)
    aligned, right, down = (
        [computed(words["mark"][key]["expr"], {"datum": row}) for row in named]
        for key in ("align", "dx", "dy")
    )
    assert aligned == ["left", "right"]
    assert right[0] > 0 > right[1]
    assert down[0] < 0 < down[1]


def test_the_noises_title_and_description_say_what_is_to_be_seen() -> None:
    specification = specification_of("gradient noise")
    assert specification["title"] == "The larger the batch, the smaller the noise"
    for words in ("spread", "batch size", "512 samples", "square root", "log axes"):
        assert words in specification["description"]


# What a step costs.


def test_the_costs_drawn_are_those_measured() -> None:
    specification = specification_of("growth")
    assert specification["datasets"]["batches"] == COSTS
    drawn = {
        (layer["mark"]["type"], layer["mark"]["color"], layer["encoding"]["y"]["field"])
        for layer in layers(specification)
    }
    assert drawn == {
        (mark, color, field)
        for mark in ("line", "point")
        for color, field in ((BLUE, "milliseconds"), (VERMILION, "megabytes"))
    }
    assert all(a["encoding"]["x"]["field"] == "samples" for a in layers(specification))


def test_the_chart_of_costs_keeps_rows_of_its_own() -> None:
    rows = [dict(row) for row in COSTS]
    content = charts.growth.show(rows)
    rows[0]["milliseconds"] = -1.0
    assert shown(content)["datasets"]["batches"] == COSTS


def test_the_title_of_costs_compares_the_last_row_with_the_first() -> None:
    specification = specification_of("growth")
    assert specification["title"] == [
        "1,000 × the samples:",
        "31 × the time, 1,200 × the memory",
    ]
    assert (
        "1,000 × the samples: 31 × the time, 1,200 × the memory"
        in specification["description"]
    )
    assert "milliseconds" in specification["description"]
    assert "megabytes" in specification["description"]


def test_time_stands_above_memory_each_on_a_log_axis_of_its_own() -> None:
    specification = specification_of("growth")
    for channel in "xy":
        assert {s["type"] for s in scales(specification, channel)} == {"log"}
    panels = {
        layer["encoding"]["y"]["field"]: layer["encoding"]["y"]["scale"]["range"]
        for layer in layers(specification)
    }
    assert max(panels["milliseconds"]) < min(panels["megabytes"])
    assert max(panels["megabytes"]) == specification["height"]
    (panel,) = specification["layer"]
    assert panel["resolve"]["scale"]["y"] == "independent"
    assert axes(specification) == {
        "samples in the batch",
        "milliseconds a step",
        "megabytes kept",
    }


# What a choice promises.


def test_promised_and_delivered_losses_are_the_ends_of_a_rule() -> None:
    specification = specification_of("promises")
    assert specification["datasets"]["ends"] == [
        {"choice": "by validation", "kind": "promised", "loss": 1.254},
        {"choice": "by validation", "kind": "delivered", "loss": 1.266},
        {"choice": "by test", "kind": "promised", "loss": 1.108},
        {"choice": "by test", "kind": "delivered", "loss": 1.344},
    ]
    assert specification["datasets"]["gaps"] == [
        {"choice": "by validation", "promised": 1.254, "delivered": 1.266},
        {"choice": "by test", "promised": 1.108, "delivered": 1.344},
    ]
    (gap,) = layers_of(specification, "gaps")
    assert gap["mark"]["type"] == "rule"
    assert gap["encoding"]["x"]["field"] == "promised"
    assert gap["encoding"]["x2"]["field"] == "delivered"
    assert colors(specification) == {"promised": BLUE, "delivered": VERMILION}
    for layer in layers(specification):
        assert layer["encoding"]["y"]["field"] == "choice"
        assert layer["encoding"]["y"]["sort"] is None, "in the order given"
    assert "loss" in axes(specification)


def test_the_names_of_a_promises_ends_stand_on_either_side_of_the_rule() -> None:
    specification = specification_of("promises")
    assert marks(specification, "ends") == ["point", "text"]
    words = layers_of(specification, "ends")[1]
    assert words["encoding"]["text"]["field"] == "kind"
    above, below = (
        computed(words["mark"]["dy"]["expr"], {"datum": {"kind": kind}})
        for kind in ("promised", "delivered")
    )
    assert above <= -12 < 12 <= below


def test_the_title_of_promises_has_their_numbers() -> None:
    specification = specification_of("promises")
    assert specification["title"] == [
        "By validation: 1.25 promised, 1.27 delivered",
        "By test: 1.11 promised, 1.34 delivered",
    ]
    for words in (
        "promised",
        "delivered",
        "by validation: 1.25 promised, 1.27 delivered; by test: 1.11",
    ):
        assert words in specification["description"]


def test_the_titles_of_the_chapters_promises_fit_a_phone() -> None:
    choices = {"by validation": (1.25, 1.27), "by test": (1.11, 1.34)}
    title = shown(charts.promises.show(choices))["title"]
    assert max(map(len, title)) <= LINE


# The explorer of batch sizes.


BY_EPOCH, BY_UPDATE = EXPLORED[:2]


def explorer(*arguments: Any) -> Specification:
    return shown(charts.batch_size_explorer.show(*arguments))


def parameters(specification: Specification) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in specification["params"]}


def runs_drawn(specification: Specification, values: Object) -> tuple[Any, Any]:
    """The points of the ghosts by their sizes, and those of the chosen run."""
    ghosts, chosen = layers_of(specification, "runs")
    lines: dict[int, list[tuple[float, float]]] = {}
    for row in drawn_rows(specification, ghosts, values):
        lines.setdefault(row.size, []).append((row.done, row.loss))
    return lines, [(r.done, r.loss) for r in drawn_rows(specification, chosen, values)]


def test_the_explorers_sliders_set_the_exponents_of_size_and_rate() -> None:
    found = parameters(explorer(*EXPLORED))
    assert set(found) == {"batch_size", "learning_rate", "equal", "numbers"}
    assert found["batch_size"]["bind"] == {
        "input": "range",
        "min": 0,
        "max": 3,
        "step": 1,
        "name": "batch size = 2^ ",
    }
    assert found["learning_rate"]["bind"] == {
        "input": "range",
        "min": -3.0,
        "max": -1.5,
        "step": 0.5,
        "name": "learning rate = 2^ ",
    }
    assert found["equal"]["bind"] == {
        "input": "select",
        "options": ["epochs", "updates"],
        "name": "compare at equal ",
    }
    assert "bind" not in found["numbers"]


@pytest.mark.parametrize(("sizes", "chosen"), [(1, 0), (4, 3), (6, 5), (9, 5)])
def test_the_explorer_opens_on_batches_of_32_and_the_middle_rate(
    sizes: int, chosen: int
) -> None:
    losses = torch.ones(sizes, 5, 3)
    rates = [-4.0, -3.0, -2.0, -1.0, 0.0]
    found = parameters(explorer(losses, losses, rates, 8, 0.5))
    assert found["batch_size"]["value"] == chosen
    assert found["learning_rate"]["value"] == -2.0
    assert found["equal"]["value"] == "epochs"


def test_whatever_the_sliders_say_there_is_a_run() -> None:
    specification = explorer(*EXPLORED)
    found = parameters(specification)
    grids = []
    for name in ("batch_size", "learning_rate"):
        bind, value = found[name]["bind"], found[name]["value"]
        steps = round((bind["max"] - bind["min"]) / bind["step"])
        grids.append([bind["min"] + i * bind["step"] for i in range(steps + 1)])
        assert value in grids[-1]
    rows = specification["datasets"]["runs"]
    assert [(row["size"], row["rate"]) for row in rows] == list(product(*grids))


@pytest.mark.parametrize("equal", ["epochs", "updates"])
@pytest.mark.parametrize("rate", range(3))
def test_the_chosen_run_stands_over_those_of_all_sizes_at_its_rate(
    equal: str, rate: int
) -> None:
    specification = explorer(*EXPLORED)
    losses, every = (BY_EPOCH, 1) if equal == "epochs" else (BY_UPDATE, 8)
    for size in range(4):
        values = signals(
            specification, equal=equal, learning_rate=RATES[rate], batch_size=size
        )
        ghosts, chosen = runs_drawn(specification, values)
        assert list(ghosts) == [0, 1, 2, 3]
        for ghost, line in ghosts.items():
            done, values_ = zip(*line, strict=True)
            assert list(done) == [every * i for i in range(losses.shape[2])]
            # To four figures.
            assert values_ == pytest.approx(losses[ghost, rate].tolist(), rel=5.1e-4)
            assert all(value == float(f"{value:.4g}") for value in values_)
        assert chosen == ghosts[size]


def frame_of(specification: Specification) -> tuple[float, float]:
    """The least and the greatest loss that the explorer's losses axis shows."""
    frames = {tuple(scale["domain"]) for scale in scales(specification, "y")}
    (frame,) = frames
    return frame


def test_a_run_that_leaves_the_explorer_ends_one_point_beyond_its_frame() -> None:
    by_epoch, by_update = losses_of_runs(5), losses_of_runs(7)
    _, top = frame_of(explorer(by_epoch, by_update, *EXPLORED[2:]))
    beyond = top + 0.1
    by_epoch[0, 3] = torch.tensor([8.0, top, beyond, 8e4, 9e9])
    by_epoch[1, 3] = torch.tensor([8.0, 9.0, INF, NAN, NAN])
    by_epoch[2, 3] = torch.tensor([8.0, NAN, 7.0, 6.0, 5.0])
    by_epoch[3, 3] = torch.tensor([8.0, top, top, top, beyond])
    by_update[0, 3] = torch.tensor([8.0, 1e30, 8.0, 7.0, 6.0, INF, NAN])
    specification = explorer(by_epoch, by_update, *EXPLORED[2:])
    values = signals(specification, learning_rate=RATES[3])
    ghosts, _ = runs_drawn(specification, values)
    assert ghosts[0] == [(0, 8.0), (1, top), (2, beyond)]
    # JSON has no infinity: what is none or more goes a long way up.
    *before, (done, far) = ghosts[1]
    assert before == [(0, 8.0), (1, 9.0)]
    assert done == 2
    assert 100 * top < far < 1e30
    assert ghosts[2] == [(0, 8.0), (1, far)]
    assert ghosts[3] == [(0, 8.0), (1, top), (2, top), (3, top), (4, beyond)]
    ghosts, _ = runs_drawn(specification, Object(values | {"equal": "updates"}))
    assert ghosts[0] == [(0, 8.0), (8, far)]
    assert len(ghosts[1]) == 7
    assert 100 * top < far < 1e30


def test_the_explorers_frame_reaches_from_below_the_least_loss_to_above_the_first() -> None:
    specification = explorer(*EXPLORED)
    bottom, top = frame_of(specification)
    assert 0.5 * LEAST < bottom < 0.9 * LEAST
    assert 2 * 8.0 < top < 20 * 8.0
    assert {scale["type"] for scale in scales(specification, "y")} == {"log"}
    assert all(layer["mark"]["clip"] for layer in layers_of(specification, "runs"))
    other = explorer(2 * BY_EPOCH, BY_UPDATE, RATES, 8, 3 * LEAST)
    assert frame_of(other) == pytest.approx((3 * bottom, 2 * top))


@pytest.mark.parametrize(("equal", "done"), [("epochs", 4), ("updates", 48)])
def test_the_explorers_lower_axis_stays_when_all_runs_diverge(
    equal: str, done: int
) -> None:
    specification = explorer(*EXPLORED)
    values = signals(specification, equal=equal)
    for scale in scales(specification, "x"):
        assert scale["domainMin"] == 0
        assert computed(scale["domainMax"]["expr"], values) == done
    assert scales(specification, "x")


def test_the_explorers_chosen_run_is_in_full_colour_over_faint_ghosts() -> None:
    specification = explorer(*EXPLORED)
    ghosts, chosen = layers_of(specification, "runs")
    assert ghosts["encoding"]["detail"]["field"] == "size"
    assert ghosts["mark"]["color"] == GREY
    assert ghosts["mark"]["opacity"] < 0.6
    assert chosen["mark"]["color"] == BLUE
    assert chosen["mark"]["strokeWidth"] > 2 * ghosts["mark"]["strokeWidth"]


def test_the_explorers_dashed_rule_is_the_least_loss_and_says_so() -> None:
    (rule,) = [a for a in layers(explorer(*EXPLORED)) if a["mark"]["type"] == "rule"]
    assert rule["mark"]["strokeDash"]
    assert rule["encoding"]["y"]["field"] == "loss"
    specification = explorer(*EXPLORED)
    assert specification["datasets"][rule["data"]["name"]] == [{"loss": LEAST}]
    words = [a for a in layers(specification) if a["mark"].get("text") == "least loss"]
    assert [a["data"] for a in words] == [rule["data"]]
    assert words[0]["mark"]["color"] == rule["mark"]["color"] == ORANGE


@pytest.mark.parametrize(
    ("equal", "size", "rate", "title"),
    [
        ("epochs", 0, 0, ["Batch size 1, learning rate 0.13", "4 epochs are 32 updates"]),
        ("epochs", 3, 2, ["Batch size 8, learning rate 0.25", "4 epochs are 4 updates"]),
        ("epochs", 2, 1, ["Batch size 4, learning rate 0.18", "4 epochs are 8 updates"]),
        ("updates", 0, 0, ["Batch size 1, learning rate 0.13", "48 updates are 6 epochs"]),
        ("updates", 3, 1, ["Batch size 8, learning rate 0.18", "48 updates are 48 epochs"]),
        ("updates", 1, 3, ["Batch size 2, learning rate 0.35", "48 updates are 12 epochs"]),
    ],
)
def test_the_explorers_title_speaks_with_the_sliders(
    equal: str, size: int, rate: int, title: list[str]
) -> None:
    specification = explorer(*EXPLORED)
    values = signals(specification, equal=equal, batch_size=size, learning_rate=RATES[rate])
    loss = (BY_EPOCH if equal == "epochs" else BY_UPDATE)[size, rate, -1].item()
    head, tail = title
    assert computed(specification["title"]["text"]["expr"], values) == [
        f"{head}: loss {float(f'{loss:.4g}'):.3g}",
        tail,
    ]


@pytest.mark.parametrize(("equal", "sizes"), [("epochs", (1, 2)), ("updates", (0,))])
def test_the_explorers_title_says_which_run_diverged(
    equal: str, sizes: tuple[int, ...]
) -> None:
    specification = explorer(*EXPLORED)
    for size in range(4):
        values = signals(
            specification, equal=equal, batch_size=size, learning_rate=RATES[3]
        )
        first, _ = computed(specification["title"]["text"]["expr"], values)
        assert first.endswith(": diverged") is (size in sizes)


def test_the_explorers_long_numbers_have_commas() -> None:
    losses = torch.ones(11, 2, 13)
    specification = explorer(losses, losses, [-1, 0], 8, 0.5)
    values = signals(specification, batch_size=0)
    _, second = computed(specification["title"]["text"]["expr"], values)
    assert second == "12 epochs are 12,288 updates"


def test_the_explorers_axes_are_named_and_the_lower_one_by_what_is_equal() -> None:
    specification = explorer(*EXPLORED)
    assert axes(specification) == {"loss on all samples"}
    texts = [a["encoding"].get("text") for a in layers(specification)]
    (name,) = [t["value"]["expr"] for t in texts if t and "expr" in str(t)]
    for equal in ("epochs", "updates"):
        assert computed(name, signals(specification, equal=equal)) == f"{equal} done"


def test_the_explorers_description_says_what_is_to_be_seen_and_what_to_move() -> None:
    description = explorer(*EXPLORED)["description"]
    for words in ("Line chart", "log axis", "batch size", "learning rate", "Sliders"):
        assert words in description


@pytest.mark.parametrize(
    ("by_epoch", "by_update", "rates"),
    [
        ((3, 4, 5), (4, 4, 7), 4),
        ((4, 3, 5), (4, 4, 7), 4),
        ((4, 4, 5), (4, 4, 7), 3),
        ((4, 4, 5), (4, 4, 7), 5),
        ((4, 4, 5), (4,), 4),
    ],
)
def test_runs_of_other_sizes_or_rates_are_refused(
    by_epoch: tuple[int, ...], by_update: tuple[int, ...], rates: int
) -> None:
    with pytest.raises(ValueError, match="must have as many sizes and rates") as raised:
        charts.batch_size_explorer(
            torch.ones(by_epoch),
            torch.ones(by_update),
            [0.5 * i for i in range(rates)],
            8,
            1,
        )
    for found in (by_epoch, by_update, f"{rates} rates"):
        assert str(found) in str(raised.value)


@pytest.mark.parametrize(
    ("by_epoch", "by_update"), [((4, 4), (4, 4, 7)), ((4, 4, 5), (4, 4))]
)
def test_runs_of_other_dimensions_are_refused_in_words(
    by_epoch: tuple[int, ...], by_update: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="must have"):
        charts.batch_size_explorer(
            torch.ones(by_epoch), torch.ones(by_update), RATES, 8, LEAST
        )


def test_the_chapters_explorer_is_under_25_kilobytes_on_its_way() -> None:
    def losses(points: int) -> Tensor:
        down = torch.exp(-torch.rand(9, 17, 1, generator=seeded()) * torch.arange(points))
        noise = torch.rand(9, 17, points, generator=seeded(1))
        return LEAST + 7 * down + 0.1 * noise

    rates = [i / 2 for i in range(-16, 1)]
    specification = explorer(losses(13), losses(25), rates, 8, LEAST)
    assert len(specification["datasets"]["runs"]) == 9 * 17
    assert len(gzip.compress(json.dumps(specification).encode())) < 25_000
