"""Chapter three in Chromium: controls move their charts, the explorer draws the runs."""

import pytest
from playwright.sync_api import Page

from tests.browser.charts import (
    computed,
    explorer,
    live_sliders,
    names_of_controls,
    there_and_back,
    title,
)
from tests.notebooks.chapter import Chapter, only

pytestmark = [pytest.mark.browser, pytest.mark.slow, only(3)]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)


# Live, under `marimo run`.


@pytest.mark.parametrize("label", ["learning rate", "batch size", "epochs", "weight decay"])
def test_a_sliders_step_moves_its_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live_sliders(live, label))


@pytest.mark.parametrize(
    "label",
    [
        "validate without eval mode",
        "forget to give the modes back",
        "standardise before splitting",
        "choose the epoch by the test part",
    ],
)
def test_a_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live.get_by_role("switch", name=label, exact=True))


# The explorer, on the published page.


@on_a_light_screen
def test_the_explorer_has_these_controls(published: Page) -> None:
    assert names_of_controls(published) == ["samples", "features", "epochs"]


@on_a_light_screen
@pytest.mark.parametrize(
    ("samples", "features", "epochs"), [(3, 5, 60), (0, 3, 6), (5, 0, 1)]
)
def test_what_the_browser_draws_is_the_training(
    published: Page, chapter: Chapter, samples: int, features: int, epochs: int
) -> None:
    signals = {
        "samples_place": samples,
        "features_place": features,
        "epochs": epochs,
    }
    explored = chapter.untouched["explored"][samples, features].tolist()
    rows = computed(explorer(published), "features", "done", "loss", **signals)
    drawn = {(done, loss) for of, done, loss in rows if of == features and done <= epochs}
    expected = {
        (done, float(f"{loss:.4g}"))
        for done, losses in enumerate(explored[: epochs + 1])
        for loss in losses
    }
    assert {(done, float(f"{loss:.4g}")) for done, loss in drawn} >= expected
    said = title(explorer(published), **signals)
    training, validation = explored[epochs]
    assert f"Training loss {training:.2f}, on new samples {validation:.2f}" in said
