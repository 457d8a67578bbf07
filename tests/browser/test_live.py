"""Every chapter under `marimo run`."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_nothing_of_a_published_page_is_shown(live: Page) -> None:
    notes = live.locator(".page-only")
    assert notes.count() > 0
    for note in notes.all():
        expect(note).to_be_hidden()
