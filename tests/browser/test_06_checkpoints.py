"""Chapter six in Chromium: a switch, a run killed for real, and the explorer."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import (
    computed,
    explorer,
    names_of_controls,
    there_and_back,
    title,
)
from tests.notebooks.chapter import Chapter, only

pytestmark = [pytest.mark.browser, pytest.mark.slow, only(6)]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)


# Live, under `marimo run`.


def test_the_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page,
) -> None:
    switch = live.get_by_role("switch", name="read with torch.load alone", exact=True)
    there_and_back(live, switch)


def test_a_run_is_killed_by_a_button_and_resumed_by_another(live: Page) -> None:
    """`kill -9` for real, and the bits are those of the run that nobody killed."""
    live.get_by_role("button", name="start a run").click()
    expect(live.get_by_text("48 steps, a tenth of a second each")).to_be_visible()
    live.get_by_role("button", name="kill -9").click()
    expect(live.get_by_text("ended with -9")).to_be_visible()
    live.get_by_role("button", name="resume").click()
    resumed = live.get_by_role("row").filter(has_text="process").filter(has_text="then")
    expect(resumed).to_contain_text("the same bytes", timeout=60_000)


# The explorer, on the published page.


@on_a_light_screen
def test_the_explorer_has_these_controls(published: Page) -> None:
    assert names_of_controls(published) == ["killed after step", "forgotten"]


@on_a_light_screen
@pytest.mark.parametrize(
    ("kill", "forgotten"),
    [
        (24, "nothing"),
        (4, "the schedule's count"),
        (20, "the place"),
        (24, "the place"),
        (44, "all but the model"),
    ],
)
def test_what_the_browser_shows_is_the_run_that_was_resumed(
    chapter: Chapter, published: Page, kill: int, forgotten: str
) -> None:
    cells = chapter.untouched
    later = cells["wrong_runs"][forgotten][kill]
    apart = cells["course"].distances(later, kill)[-1]
    shown = explorer(published)
    said = title(shown, kill=kill, forgotten=forgotten)
    assert f"Resumed at {kill} with" in said
    assert f"Loss {later.losses[-1]:.2f}, never killed" in said
    assert ("The same weights, bit for bit" in said) is (apart == 0)
    rows = computed(shown, "step", "loss", "run", kill=kill, forgotten=forgotten)
    which = [*cells["wrong_runs"]].index(forgotten)
    losses = {step: loss for step, loss, run in rows if run == which}
    assert set(losses) == {*range(kill + 1, 49)}
