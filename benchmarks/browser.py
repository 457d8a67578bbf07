"""What a reader waits for: a slider's input until the picture is there, in Chromium."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from benchmarks.rows import ROOT, Row, rows_of
from tests.browser.charts import VIEW
from tests.browser.conftest import PUBLISHED, QUIET, opened
from tests.serving import export, running

MOVES = 30
EXPLORERS = {
    "01_linear_regression": ["learning rate", "epochs"],
    "02_mini_batches": ["batch size = 2^", "learning rate = 2^"],
}
LIVE = {
    "01_linear_regression": ("learning rate", 2),
    "02_mini_batches": ("learning rate", 1),
}
"""A chapter → the slider that is moved, and how many charts follow it."""

SETTINGS = [
    f"medians of {MOVES} moves, there and back, in headless Chromium without a GPU",
    "explorer: from the slider's input event to the frame after Vega's rendering",
    "live cell: from the key to the frame in which all its charts are redrawn, under `marimo run`",
    "floor: the same training, and a line of markdown in place of the charts",
]

FRAME = f"""async (slider) => {{
    const view = ({VIEW})(slider.closest(".vega-embed"));
    const times = [];
    const steps = (slider.max - slider.min) / slider.step;
    for (let i = 0; i < {MOVES}; i++) {{
        const place = i % 2 ? 0.5 : 0.5 + (1 + i / 2) / steps / 2;
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        slider.value = Number(slider.min) + place * (slider.max - slider.min);
        slider.dispatchEvent(new Event("input"));
        await view.runAsync();
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - start);
    }}
    return times;
}}"""

WATCH = """(changes) => {
    const seen = () => [
        ...Array.from(document.querySelectorAll(".vega-embed"), (e) => e.getAttribute("aria-label")),
        ...Array.from(document.querySelectorAll(".floor"), (e) => e.textContent),
    ];
    const before = seen();
    let start;
    window.addEventListener("keydown", () => { start ??= performance.now() }, {capture: true});
    window.waited = new Promise((resolve) => {
        const look = () => {
            const now = seen();
            const changed = now.filter((label, i) => label !== before[i]).length;
            if (start && now.length === before.length && changed >= changes)
                resolve(performance.now() - start);
            else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    });
}"""


def measure(threads: int) -> list[Row]:
    """Rows for each explorer's sliders and each live section with its floor."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET
        )
        rows = []
        for chapter, sliders in EXPLORERS.items():
            body = export(ROOT / f"notebooks/{chapter}.py", Path(folder) / "page.html")
            with opened(chromium, PUBLISHED, body) as page:
                for name in sliders:
                    slider = page.locator(".vega-bind input[type=range]").nth(
                        sliders.index(name)
                    )
                    slider.wait_for()
                    times = {f"{chapter}, {name}": slider.evaluate(FRAME)}
                    rows += _rows("explorer: input to frame", times, threads)
        for chapter, (name, charts) in LIVE.items():
            waits = {
                "floor": _live(chromium, ROOT / f"benchmarks/floors/{chapter}.py", name, 1),
                "live": _live(chromium, ROOT / f"notebooks/{chapter}.py", name, charts),
            }
            rows += _rows(f"live cell of {chapter}: key to charts", waits, threads)
        chromium.close()
    return rows


def _rows(setting: str, milliseconds: dict[str, list[float]], threads: int) -> list[Row]:
    reference = next(iter(milliseconds))
    return rows_of("browser", milliseconds, reference, threads, setting, unit="ms")


def _live(chromium: object, notebook: Path, name: str, charts: int) -> list[float]:
    with running(notebook) as address, opened(chromium, address) as page:  # type: ignore[arg-type]
        slider = page.get_by_role("slider", name=name, exact=True).first
        slider.wait_for()
        page.wait_for_timeout(8000)  # the rest of the chapter
        waits = [_wait(page, slider, charts, i) for i in range(MOVES + 2)]
    return waits[2:]


def _wait(page: Page, slider: Locator, charts: int, move: int) -> float:
    page.evaluate(WATCH, charts)
    slider.press("ArrowLeft" if move % 2 else "ArrowRight")
    waited: float = page.evaluate("() => window.waited")
    page.wait_for_timeout(150)
    return waited
