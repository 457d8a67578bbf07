"""Chapter one in Chromium, live and as a published page.

Its live controls move their charts, and its explorer draws what training gives.
"""

import copy
import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from groundup import (
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    mean_squared_error,
    oracle,
)
from tests.browser.charts import (
    computed,
    explorer,
    live_sliders,
    pictures,
    there_and_back,
    title,
    wait_for_changes,
)
from tests.notebooks.chapter import Chapter, only

pytestmark = [pytest.mark.browser, pytest.mark.slow, only(1)]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)


# Live, under `marimo run`.


@pytest.mark.parametrize("place", [0, 1], ids=["in the loop by hand", "with the trainer"])
@pytest.mark.parametrize("label", ["learning rate", "epochs"])
def test_a_sliders_step_moves_its_own_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str, place: int
) -> None:
    slider = live_sliders(live, label).nth(place)
    there_and_back(live, slider, charts=1)


@pytest.mark.parametrize("label", ["hidden units", "epochs"])
def test_a_step_of_the_waves_sliders_moves_its_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    slider = live_sliders(live, label).last
    there_and_back(live, slider, charts=1)


@pytest.mark.parametrize(
    "label",
    ["forget to zero the gradients", "store the parameters without copying them"],
)
def test_a_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    before = pictures(live)
    switch = live.get_by_role("switch", name=label)
    switch.press("Space")
    wait_for_changes(live, before, 1)
    switch.press("Space")
    wait_for_changes(live, before, 0)


def test_the_switch_that_stores_graphs_changes_the_number_of_graphs_alive(
    live: Page,
) -> None:
    alive = live.get_by_text("graphs are alive")
    expect(alive).to_contain_text(" 0 graphs are alive")
    switch = live.get_by_role("switch", name="store the loss with its graph")
    switch.press("Space")
    expect(alive).to_contain_text(" 40 graphs are alive")
    switch.press("Space")
    expect(alive).to_contain_text(" 0 graphs are alive")


def test_the_guess_changes_what_the_answer_says_of_it(live: Page) -> None:
    guess = live.get_by_role("slider", name="my guess")
    live.get_by_text("Answer", exact=True).first.click()
    expect(live.get_by_text("Your guess of 0.3 was too low.")).to_be_visible()
    guess.press("End")
    expect(live.get_by_text("Your guess of 3 was too high.")).to_be_visible()


# The published page's explorer: its formulas as Chromium evaluates them, beside the ladder.

EPOCHS = 40
NAMES = ["w₁", "w₂", "w₃", "w₄", "w₅", "w₆", "b"]

Path = dict[tuple[int, str], tuple[float, float]]
"""A run: epoch, parameter → the loss before the next update, and the parameter's value."""


def drawn(page: Page, **signals: Any) -> Path:
    """The chosen run as the browser computes it."""
    columns = ("epoch", "line", "loss", "value")
    rows = computed(explorer(page).first, *columns, **signals)
    return {(epoch, parameter): (loss, value) for epoch, parameter, loss, value in rows}


def path(result: NaiveTrainerResult) -> Path:
    """A run of Python's, from epoch 1 on, where both loss and parameters are known."""
    points = {}
    for epoch, loss in enumerate(result.losses[1:], start=1):
        values = [v for p in result.parameters[epoch - 1] for v in p.flatten().tolist()]
        for name, value in zip(NAMES, values, strict=True):
            points[epoch, name] = (loss, value)
    return points


@on_a_light_screen
@pytest.mark.parametrize("problem", ["as drawn", "first feature × 4"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.95])
def test_what_the_browser_computes_is_the_closed_form_and_the_training(
    published: Page, chapter: Chapter, problem: str, share: float
) -> None:
    cells = chapter.untouched
    (X, y, _), model = cells["problems"][problem], cells["model"]
    rate_place = math.log10(share * oracle.largest_stable_learning_rate(X))
    learning_rate = round(1000 * 10**rate_place) / 1000
    start = model.weights, model.bias
    exact = path(oracle.closed_form_path(X, y, *start, learning_rate, EPOCHS + 1))
    config = NaiveTrainerConfig(EPOCHS + 1, learning_rate)
    trainer = NaiveTrainer(copy.deepcopy(model), mean_squared_error, X, y, config)
    trained = path(trainer.train())

    shown = drawn(published, problem=problem, rate_place=rate_place, epochs=EPOCHS)
    assert shown.keys() == {(k, name) for k in range(EPOCHS + 1) for name in NAMES}
    for point, values in exact.items():
        assert shown[point] == pytest.approx(values, rel=1e-9)
        assert shown[point] == pytest.approx(trained[point], rel=2e-5, abs=2e-5)


@on_a_light_screen
@pytest.mark.parametrize("problem", ["as drawn", "first feature × 4"])
def test_past_the_limit_the_run_is_said_to_diverge_where_it_leaves_the_chart(
    published: Page, chapter: Chapter, problem: str
) -> None:
    limit = oracle.largest_stable_learning_rate(chapter.untouched["problems"][problem].X)
    for learning_rate, diverges in ((0.9 * limit, False), (1.2 * limit, True)):
        rate_place = math.log10(learning_rate)
        signals = {"problem": problem, "rate_place": rate_place, "epochs": 60}
        labels = [
            label
            for epoch, label in computed(
                explorer(published).first, "epoch", "label", **signals
            )
            if label.startswith("diverged at epoch")
        ]
        last = max(epoch for epoch, _ in drawn(published, **signals))
        assert labels == ([f"diverged at epoch {last + 1}"] if diverges else [])


@on_a_light_screen
def test_the_page_says_that_it_is_about_a_trainer(published: Page) -> None:
    assert published.title().startswith("1 · Linear regression")
    description = published.locator("meta[name=description]").last
    assert "trainer" in (description.get_attribute("content") or "")


@on_a_light_screen
def test_the_explorer_has_the_sliders_names(published: Page) -> None:
    rates = explorer(published).first
    assert rates.locator("input, select").count() == 4
    for label in ("learning rate", "epochs"):
        there_and_back(published, rates.get_by_label(label))


@on_a_light_screen
def test_the_explorers_choice_of_data_changes_it(published: Page) -> None:
    before = pictures(published)
    choice = explorer(published).first.get_by_label("data")
    choice.select_option("first feature × 4")
    wait_for_changes(published, before, 1)
    choice.select_option("as drawn")
    wait_for_changes(published, before, 0)


@on_a_light_screen
def test_the_explorer_shows_the_limit_when_a_reader_asks(
    published: Page, chapter: Chapter
) -> None:
    limit = f"{oracle.largest_stable_learning_rate(chapter.untouched['X']):.3f}"
    rates = explorer(published).first
    assert limit not in title(rates)
    assert f"is below the limit, {limit}" in title(rates, limit="shown")


@on_a_light_screen
def test_the_quiz_knows_the_guilty_line_of_each_curve(
    published: Page, chapter: Chapter
) -> None:
    quiz = explorer(published).last
    for curve, bug in enumerate(chapter.untouched["quiz_curves"], 1):
        assert title(quiz, curve=curve) == (
            f"Curve {curve}: which line is guilty?\nGrey is the loop as it should be"
        )
        picked = title(quiz, curve=curve, guilty=str(bug.line))
        assert picked == f"Line {bug.line}: {bug.why}\nRight: {bug.right}"
        assert title(quiz, curve=curve, guilty="1").startswith("Not line 1\n")
