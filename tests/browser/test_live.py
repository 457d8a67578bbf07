"""Every chapter under `marimo run`."""

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks.chapter import Chapter

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_nothing_of_a_published_page_is_shown(live: Page, chapter: Chapter) -> None:
    notes = live.locator(".page-only").all()
    assert len(notes) == chapter.notes
    for note in notes:
        expect(note).to_be_hidden()
