"""What the explorer draws is what training gives: its formulas as Chromium evaluates them, beside the ladder."""

import copy
from typing import Any

import pytest
from playwright.sync_api import Page

from groundup import (
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    closed_form_path,
    largest_stable_learning_rate,
    mean_squared_error,
)
from tests.browser.charts import computed, explorer
from tests.serving import Run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.parametrize("scheme", ["light"], indirect=True),
]

EPOCHS = 40
NAMES = ["w₁", "w₂", "w₃", "w₄", "w₅", "w₆", "b"]

Path = dict[tuple[int, str], tuple[float, float]]
"""A run: an epoch and a parameter → the loss before the next update, and the parameter's value."""


@pytest.fixture(scope="module")
def cells(run: Run) -> dict[str, Any]:
    return run()


def drawn(page: Page, **signals: Any) -> Path:
    """The chosen run as the browser computes it."""
    columns = ("epoch", "parameter", "loss", "value")
    rows = computed(explorer(page), *columns, **signals)
    return {(epoch, parameter): (loss, value) for epoch, parameter, loss, value in rows}


def path(result: NaiveTrainerResult) -> Path:
    """A run of Python's, from epoch 1 on, where both the loss and the parameters are known."""
    points = {}
    for epoch, loss in enumerate(result.losses[1:], start=1):
        values = [v for p in result.parameters[epoch - 1] for v in p.flatten().tolist()]
        for name, value in zip(NAMES, values, strict=True):
            points[epoch, name] = (loss, value)
    return points


@pytest.mark.parametrize("problem", ["as drawn", "first feature × 4"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_what_the_browser_computes_is_the_closed_form_and_the_training(
    published: Page, cells: dict[str, Any], problem: str, share: float
):
    (X, y, _), model = cells["problems"][problem], cells["model"]
    learning_rate = share * largest_stable_learning_rate(X)
    start = model.weights, model.bias
    exact = path(closed_form_path(X, y, *start, learning_rate, EPOCHS + 1))
    config = NaiveTrainerConfig(EPOCHS + 1, learning_rate)
    trainer = NaiveTrainer(copy.deepcopy(model), mean_squared_error, X, y, config)
    trained = path(trainer.train())

    shown = drawn(published, problem=problem, learning_rate=learning_rate, epochs=EPOCHS)
    assert shown.keys() == {(k, name) for k in range(EPOCHS + 1) for name in NAMES}
    for point, values in exact.items():
        assert shown[point] == pytest.approx(values, rel=1e-9)
        assert shown[point] == pytest.approx(trained[point], rel=2e-5, abs=2e-5)


@pytest.mark.parametrize("problem", ["as drawn", "first feature × 4"])
def test_past_the_limit_the_run_is_said_to_diverge_where_it_leaves_the_chart(
    published: Page, cells: dict[str, Any], problem: str
):
    limit = largest_stable_learning_rate(cells["problems"][problem].X)
    for learning_rate, diverges in ((0.9 * limit, False), (1.2 * limit, True)):
        signals = {"problem": problem, "learning_rate": learning_rate, "epochs": 60}
        labels = [
            label
            for epoch, label in computed(explorer(published), "epoch", "label", **signals)
            if label.startswith("diverged at epoch")
        ]
        last = max(epoch for epoch, _ in drawn(published, **signals))
        assert labels == ([f"diverged at epoch {last + 1}"] if diverges else [])
