"""Chapter two in Chromium, live and as a published page.

Its live controls move their charts, and its explorer draws what training gives.
"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.charts import (
    computed,
    explorer,
    live_sliders,
    names_of_controls,
    pictures,
    there_and_back,
    title,
    wait_for_changes,
)
from tests.notebooks.chapter import Chapter, only
from tests.notebooks.mini_batches import Equal, losses_of_the_trainer

pytestmark = [pytest.mark.browser, pytest.mark.slow, only(2)]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)


# Live, under `marimo run`.


@pytest.mark.parametrize(
    "label", ["batch size", "learning rate", "epochs", "seed", "samples in a batch"]
)
def test_a_sliders_step_moves_its_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live_sliders(live, label))


@pytest.mark.parametrize(
    "label",
    [
        "shuffle",
        "shuffle the 24",
        "drop a short last batch",
        "give each sample another's target",
        "take the samples in the file's order",
    ],
)
def test_a_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live.get_by_role("switch", name=label, exact=True))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("samples in the last batch", "mean over"),
        ("batch size", "against"),
        ("learning rate", "against"),
    ],
)
def test_a_sliders_step_changes_its_table_and_back_again_gives_the_same_numbers(
    live: Page, label: str, words: str
) -> None:
    slider = live_sliders(live, label)
    (table,) = tables(live, words)
    before = table.inner_text()
    slider.press("ArrowRight")
    expect(table).not_to_have_text(before, use_inner_text=True)
    slider.press("ArrowLeft")
    expect(table).to_have_text(before, use_inner_text=True)


def tables(page: Page, heading: str) -> list[Locator]:
    return page.locator("table", has=page.locator("th", has_text=re.compile(heading))).all()


def test_the_highest_learning_rate_is_said_to_diverge_with_small_batches(
    live: Page,
) -> None:
    before = pictures(live)
    sizes, rates = (live_sliders(live, name) for name in ("batch size", "learning rate"))
    sizes.press("Home")
    rates.press("End")
    diverged = live.locator(".vega-embed[aria-label*='diverged at epoch']")
    expect(diverged).to_have_count(1)
    rates.press("Home")
    expect(diverged).to_have_count(0)
    for slider, steps in ((sizes, 2), (rates, 5)):
        for _ in range(steps):
            slider.press("ArrowRight")
    wait_for_changes(live, before, 0)


# The explorer, on the published page.


@on_a_light_screen
def test_the_explorer_has_these_controls(published: Page) -> None:
    assert names_of_controls(published) == [
        "batch size",
        "learning rate",
        "compare at equal",
    ]


@on_a_light_screen
@pytest.mark.parametrize("equal", ["epochs", "updates"])
@pytest.mark.parametrize(
    ("size", "rate_place"),
    [(5, 10), (2, 3), (0, 20), (9, 20)],
    ids=["opening", "small", "diverging at once", "leaving the frame"],
)
def test_what_the_browser_draws_is_the_training(
    published: Page, chapter: Chapter, equal: Equal, size: int, rate_place: int
) -> None:
    rate = chapter.untouched["rates"][rate_place].item()
    signals = {"size_place": size, "rate_place": rate_place, "equal": equal}
    columns = ("size", "rate", "done", "loss")
    losses = losses_of_the_trainer(chapter.untouched, equal, 2**size, rate)
    rows = computed(explorer(published), *columns, **signals)
    assert {place for _, place, *_ in rows} == {rate_place}
    assert {of for of, *_ in rows} == set(range(10))
    drawn = sorted({(done, loss) for of, _, done, loss in rows if of == size})
    step = 1 if equal == "epochs" else 8
    assert [done for done, _ in drawn] == [step * i for i in range(len(drawn))]
    shown = [loss for _, loss in drawn]
    if len(shown) < len(losses):
        # It left the frame: the last point is beyond it.
        *shown, beyond = shown
        assert beyond > 3 * losses[0]
        assert not losses[len(shown)] <= 3 * losses[0]
    assert shown == pytest.approx(losses[: len(shown)], rel=1e-3)
    assert len(shown) >= 1

    said = title(explorer(published), **signals)
    assert f"Batch size {2**size}," in said
    left = not losses[-1] <= 100 * losses[0]
    assert ("diverged" in said) == left
    if not left:
        (loss,) = re.findall(r"loss ([\d.e+]+)", said)
        assert float(loss) == pytest.approx(losses[-1], rel=0.006)
    counts = f"12 epochs are {12 * 512 // 2**size:,} updates"
    if equal == "updates":
        counts = f"192 updates are {192 * 2**size / 512:.3g} epochs"
    assert counts in said
