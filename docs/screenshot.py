"""The README's picture: chapter one, its learning rate dragged up a little.

.venv/bin/python -m docs.screenshot
"""

import re
import shutil
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from chapters import found
from tests.browser.charts import live_sliders
from tests.browser.conftest import QUIET
from tests.serving import ROOT, running

PICTURE = Path(__file__).with_name("chapter-one.png")


def main() -> None:
    """Serve the chapter, move its sliders, take the picture."""
    with running(found()[1].file) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET
        )
        page = browser.new_page(
            viewport={"width": 840, "height": 640}, device_scale_factor=1.5
        )
        page.goto(address)
        chart = page.locator(".vega-embed").first
        expect(chart).to_be_visible(timeout=120_000)
        # The explorer's sliders are native inputs; the live ones are marimo's.
        learning_rate, epochs = (
            live_sliders(page, label).first for label in ("learning rate", "epochs")
        )
        for _ in range(10):
            epochs.press("ArrowRight")
        for _ in range(4):
            learning_rate.press("ArrowRight")
        expect(chart).to_have_attribute("aria-label", re.compile("within"), timeout=60_000)
        page.wait_for_timeout(3000)
        chart.evaluate("chart => chart.scrollIntoView({block: 'end'})")
        page.wait_for_timeout(1000)
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
