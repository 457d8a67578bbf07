"""Chapter five in Chromium: controls move their charts, the explorer shows the mistakes."""

from collections import Counter
from typing import Any

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

pytestmark = [pytest.mark.browser, pytest.mark.slow, only(5)]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)


# Live, under `marimo run`.


@pytest.mark.parametrize("label", ["hidden units", "learning rate", "epochs"])
def test_a_sliders_step_moves_its_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live_sliders(live, label))


@pytest.mark.parametrize(
    "label", ["call train() twice", "the first way", "validate in training mode"]
)
def test_a_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live.get_by_role("switch", name=label, exact=True))


# The explorer, on the published page.


@on_a_light_screen
def test_the_explorer_has_these_controls(published: Page) -> None:
    assert names_of_controls(published) == ["hidden units", "dropout", "epochs"]


@on_a_light_screen
@pytest.mark.parametrize(
    ("units", "dropout", "epochs"), [(0, 2, 1), (1, 0, 15), (2, 1, 8), (0, 0, 3)]
)
def test_what_the_browser_shows_is_what_the_network_misreads(
    chapter: Chapter, published: Page, units: int, dropout: int, epochs: int
) -> None:
    cells = chapter.untouched
    read = cells["grid_read"][units, dropout, epochs - 1].tolist()
    written = cells["digit_val"].tensors[1].tolist()
    wrong = Counter((a, b) for a, b in zip(written, read, strict=True) if a != b)
    signals: dict[str, Any] = {
        "units_place": units,
        "dropout_place": dropout,
        "epochs": epochs,
    }
    shown = explorer(published)
    counted = computed(shown, "written", "read", "count", **signals)
    assert {(a, b, count) for a, b, count in counted} == {
        (a, b, count) for (a, b), count in wrong.items()
    }
    said = title(shown, **signals)
    assert f"{wrong.total()} of 359 misread" in said
    assert f"{epochs} epoch" in said
