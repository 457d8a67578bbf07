"""What a reader waits for: a slider's input until the picture is there, in Chromium."""

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from benchmarks.rows import ROOT, Row, rows_of
from chapters import Chapter, Live, found
from tests.browser.charts import VIEW, live_sliders
from tests.browser.conftest import QUIET, opened
from tests.serving import running

MOVES = 30
"""Of an explorer's slider."""

LIVE_MOVES = 12
OPENINGS = 1
SIZE: dict[str, Any] = {"viewport": {"width": 1000, "height": 900}}
WARM = 2
"""Moves that are not counted."""

EXPLORERS = ".vega-embed:has(.vega-bind)"

SETTINGS = {
    "all": [
        f"{MOVES} moves of an explorer, {LIVE_MOVES} of a live cell, there and back, in "
        "headless Chromium without a GPU, at 1000 × 900 pixels; `marimo run`",
    ],
    "a frame": [
        "explorers: from one frame to the next with nothing to draw, on the same page; a "
        "display of 60 Hz takes as long"
    ],
    "the explorers' sliders": [
        "from the input event to the frame after Vega's rendering; they take turns",
        "on a page of `marimo export html` it is a few milliseconds more: the number "
        "beside the slider changes, and Chromium restyles some hundreds of the page's "
        "elements before it draws",
    ],
    "floor": [
        "live cells: the same chapter, and so the same training, where the cells that "
        "draw the charts show a line of text instead; from the key to the frame in which "
        "the lines have changed"
    ],
    "live": [
        "the chapter: from the key to the frame in which its charts are drawn anew; all "
        "pages are open side by side and take turns"
    ],
    "run": ["`marimo run`: the same moves as `live`"],
    "edit": [
        "`marimo edit` of a copy, which makes a code editor for every cell",
        f"opening: {OPENINGS} each, from the address to the first chart, a server of its "
        "own each time",
    ],
}

IDLE = """
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    await frame();  // a page that was idle gives the first one at once
    let start = performance.now();
    await frame();
    const nothing = performance.now() - start;
    start = performance.now();
"""
"""From one frame to the next, before a move is timed."""

FRAME = f"""async ([slider, move]) => {{
    const view = ({VIEW})(slider.closest(".vega-embed"));
    const steps = (slider.max - slider.min) / slider.step;
    const place = move % 2 ? 0.5 : 0.5 + (1 + move / 2) / steps / 2;
    {IDLE}
    slider.value = Number(slider.min) + place * (slider.max - slider.min);
    slider.dispatchEvent(new Event("input"));
    await view.runAsync();
    await frame();
    return [nothing, performance.now() - start];
}}"""

THERE = """charts => document.querySelectorAll(".vega-embed canvas").length === charts"""

WATCH = """(changes) => {
    const seen = () => [
        ...[...document.querySelectorAll(".vega-embed")].map((e) => e.ariaLabel),
        ...[...document.querySelectorAll(".floor")].map((e) => e.textContent),
    ];
    const before = seen();
    let start;
    const pressed = () => { start ??= performance.now() };
    window.addEventListener("keydown", pressed, {capture: true});
    window.waited = new Promise((resolve, reject) => {
        const late = () => reject(new Error("a slider was moved, and in 3 min no chart"));
        setTimeout(late, 180_000);  // an editor answers once it has made all its cells
        const look = () => {
            const now = seen();
            const changed = now.filter((words, i) => words !== before[i]).length;
            if (start && now.length === before.length && changed >= changes)
                resolve(performance.now() - start);
            else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    });
}"""


def measure(threads: int, job: str) -> list[Row]:
    """Rows for each explorer's sliders and each live section, beside their floors."""
    rows: list[Row] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET
        )
        for chapter in found().values():
            for what, times in _moved(chromium, chapter).items():
                setting = f"{chapter.file.stem}: {what}"
                rows += rows_of(job, times, next(iter(times)), threads, setting, unit="ms")
        chromium.close()
    return rows


Times = dict[str, list[float]]


def _moved(chromium: Browser, chapter: Chapter) -> dict[str, Times]:
    """Milliseconds of each move of the live section, if there is one, and the explorers.

    Gives what was moved → the floor first.
    """
    moved: dict[str, Times] = {}
    build = ROOT / "build"  # below the project's configuration of marimo
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as folder, ExitStack() as stack:
        notebooks = {"live": chapter.file}
        if chapter.live:
            beside = floor(chapter, chapter.live, Path(folder))
            edited = beside.with_name(f"edit_{beside.name}")
            shutil.copy(chapter.file, edited)  # since the editor writes what it opens
            notebooks = {"floor": beside, "live": chapter.file, "edit": edited}
            both = {"run": chapter.file, "edit": edited}
            moved["opening, address to first chart"] = _openings(chromium, both)
        pages = {}
        for name, notebook in notebooks.items():
            command = "edit" if name == "edit" else "run"
            address = stack.enter_context(running(notebook, command))
            pages[name] = stack.enter_context(opened(chromium, address, **SIZE))
        for name, page in pages.items():
            gone = len(chapter.live.charts) if chapter.live and name == "floor" else 0
            page.wait_for_function(THERE, arg=chapter.charts - gone, timeout=300_000)
            page.wait_for_timeout(2000)
        if chapter.live:
            times = _live(pages, chapter.live)
            run = {"run": times["live"], "edit": times.pop("edit")}
            moved["live cell, key to charts"] = times
            moved["live cell, key to charts in the editor"] = run
        for place, names in enumerate(chapter.explorers):
            what = "explorer" if place == 0 else f"explorer {place + 1}"
            explorer = pages["live"].locator(EXPLORERS).nth(place)
            moved[f"{what}, input to frame"] = _explorer(pages["live"], explorer, names)
    return moved


def _openings(chromium: Browser, notebooks: dict[str, Path]) -> Times:
    """Milliseconds until the first chart is there."""
    times: Times = {name: [] for name in notebooks}
    for _ in range(OPENINGS):
        for name, notebook in notebooks.items():
            with running(notebook, name) as address:
                start = time.perf_counter()
                with opened(chromium, address, **SIZE) as page:
                    page.wait_for_selector(".vega-embed canvas", timeout=300_000)
                    times[name].append(1000 * (time.perf_counter() - start))
    return times


def _live(pages: dict[str, Page], live: Live) -> Times:
    times: Times = {name: [] for name in pages}
    for move in range(LIVE_MOVES + WARM):
        for name, page in pages.items():
            slider = live_sliders(page, live.slider).first
            page.evaluate(WATCH, len(live.charts))
            slider.press("ArrowLeft" if move % 2 else "ArrowRight")
            took = page.evaluate("() => window.waited")
            page.wait_for_timeout(150)  # what runs below the charts
            if move >= WARM:
                times[name].append(took)
    return times


def _explorer(page: Page, explorer: Locator, names: list[str]) -> Times:
    """Milliseconds of each move of an explorer's sliders; its choices aside."""
    controls = {
        n: explorer.locator(f".vega-bind input[type=range][name={n}]") for n in names
    }
    sliders = {
        name.replace("_", " "): control.element_handle()
        for name, control in controls.items()
        if control.count()
    }
    times: Times = {name: [] for name in ("a frame", *sliders)}
    for move in range(MOVES + WARM):
        for i, (name, slider) in enumerate(sliders.items()):
            frame, took = page.evaluate(FRAME, [slider, move])
            if move >= WARM:
                times[name].append(took)
                if i == 0:
                    times["a frame"].append(frame)
    return times


def floor(chapter: Chapter, live: Live, folder: Path) -> Path:
    """Write the chapter with a line of text where the charts of its live section are drawn.

    Args:
        chapter: the one.
        live: its live section.
        folder: where it is written, with all that a chapter needs beside it.

    Raises:
        ValueError: if the chapter does not draw each of these charts in one place.
    """
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=lambda *_: ["__marimo__"]
    )
    notebook = folder / "notebooks" / chapter.file.name
    source = notebook.read_text("utf-8")
    for drawn, result in live.charts.items():
        if source.count(f"    {drawn}\n") != 1:
            raise ValueError(f"{notebook.name} must draw `{drawn}` in one place")
        line = f"mo.Html(f'<p class=\"floor\">{{{result}}}</p>')"
        source = source.replace(f"    {drawn}\n", f"    {line}\n")
    notebook.write_text(source, "utf-8")
    return notebook
