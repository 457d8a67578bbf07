"""The chapter under `marimo run`: each control moves its charts, and back again brings the same picture."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.charts import pictures, wait_for_changes

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("place", [0, 1], ids=["in the loop by hand", "with the trainer"])
@pytest.mark.parametrize("label", ["learning rate", "epochs"])
def test_a_sliders_step_moves_both_charts_and_back_again_gives_the_same_pictures(
    live: Page, label: str, place: int
):
    slider = live.get_by_role("slider", name=label, exact=True).nth(place)
    there_and_back(live, slider, charts=2)


@pytest.mark.parametrize("label", ["hidden units", "epochs"])
def test_a_step_of_the_waves_sliders_moves_its_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str
):
    slider = live.get_by_role("slider", name=label, exact=True).last
    there_and_back(live, slider, charts=1)


def there_and_back(page: Page, slider: Locator, charts: int) -> None:
    before = pictures(page)
    least, greatest = (slider.get_attribute(f"aria-value{end}") for end in ("min", "max"))
    assert least is not None
    at_the_end = slider.get_attribute("aria-valuenow") == greatest
    there, back = ("ArrowLeft", "ArrowRight") if at_the_end else ("ArrowRight", "ArrowLeft")
    slider.press(there)
    wait_for_changes(page, before, charts)
    slider.press(back)
    wait_for_changes(page, before, 0)


def test_both_places_show_the_same_sliders(live: Page):
    first, second = (
        live.get_by_role("slider", name="learning rate", exact=True).nth(i) for i in (0, 1)
    )
    before = pictures(live)
    start = first.get_attribute("aria-valuenow")
    assert start is not None
    first.press("ArrowRight")
    expect(second).to_have_attribute("aria-valuenow", str(int(start) + 1))
    wait_for_changes(live, before, 2)
    second.press("ArrowLeft")
    expect(first).to_have_attribute("aria-valuenow", start)
    wait_for_changes(live, before, 0)


@pytest.mark.parametrize(
    "label",
    ["forget to zero the gradients", "store the parameters without copying them"],
)
def test_a_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page, label: str
):
    before = pictures(live)
    switch = live.get_by_role("switch", name=label)
    switch.press("Space")
    wait_for_changes(live, before, 1)
    switch.press("Space")
    wait_for_changes(live, before, 0)


def test_the_switch_that_stores_graphs_changes_the_number_of_nodes_alive(live: Page):
    alive = live.get_by_text("graphs are alive")
    expect(alive).to_contain_text("0 nodes of 0 graphs are alive")
    switch = live.get_by_role("switch", name="store the loss with its graph")
    switch.press("Space")
    expect(alive).to_contain_text("nodes of 40 graphs are alive")
    switch.press("Space")
    expect(alive).to_contain_text("0 nodes of 0 graphs are alive")


def test_the_guess_changes_what_the_answer_says_of_it(live: Page):
    guess = live.get_by_role("slider", name="my guess")
    live.get_by_text("Answer", exact=True).nth(1).click()
    expect(live.get_by_text("Your guess of 0.3 was too low.")).to_be_visible()
    guess.press("End")
    expect(live.get_by_text("Your guess of 3 was too high.")).to_be_visible()


def test_nothing_of_a_published_page_is_shown(live: Page):
    notes = live.locator(".page-only")
    assert notes.count() > 0
    for note in notes.all():
        expect(note).to_be_hidden()
