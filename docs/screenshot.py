"""Draws the README's picture: chapter one in `marimo run`, its learning rate dragged to where training is fastest.

.venv/bin/python docs/screenshot.py
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.serving import CHROMIUM_ARGUMENTS, marimo_run  # noqa: E402

PICTURE = ROOT / "docs" / "chapter-one.png"


def main() -> None:
    """Serve the chapter, move the sliders, take the picture."""
    chapter = ROOT / "notebooks" / "01_linear_regression.py"
    with marimo_run(chapter) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS
        )
        page = browser.new_page(
            viewport={"width": 860, "height": 700}, device_scale_factor=1.5
        )
        page.goto(url)
        heading = page.get_by_role("heading", name="The equivalence ladder")
        expect(heading).to_be_visible(timeout=120_000)
        learning_rate, epochs = (page.get_by_role("slider").nth(i) for i in range(2))
        for slider, key, times in (
            (epochs, "ArrowRight", 10),
            (learning_rate, "ArrowRight", 4),
        ):
            for _ in range(times):
                slider.press(key)
        page.get_by_text("The imperative loop").scroll_into_view_if_needed()
        learning_rate.evaluate("slider => slider.scrollIntoView({block: 'start'})")
        page.mouse.wheel(0, -40)
        page.wait_for_timeout(2000)
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
