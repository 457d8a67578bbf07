"""What a reader of a published page waits for: a move until the picture is there."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Page, sync_playwright

from benchmarks.browser import IDLE
from benchmarks.rows import ROOT, Row, rows_of
from chapters import found
from tests.browser.conftest import QUIET, opened

MOVES = 12
"""Of each control, there and back."""

WARM = 2
"""Moves that are not counted."""

SETTINGS = {
    "all": [
        f"{MOVES} moves of each control that plays a recording, there and back, in "
        "headless Chromium without a GPU, at 1000 × 900 pixels; `make blog`",
    ],
    "a frame": [
        "from one frame to the next with nothing to draw, on the same page; a display of "
        "60 Hz takes as long"
    ],
    "a control": [
        "from the input event to the frame after Vega's rendering of every chart, and the "
        "writing of all words, that follow from it; the page's controls take turns"
    ],
}

MOVE = """async (name) => {
    const input = document.querySelector(`.controls [name="${name}"]`);
    const recorded = [...document.querySelectorAll("figure[data-recorded]")];
    const following = recorded.filter((figure) =>
        JSON.parse(document.getElementById(figure.dataset.recorded).textContent)
            .controls.some((control) => control.name === name));
    IDLE
    if (input.type === "checkbox") input.checked = !input.checked;
    else {
        const last = Number(input.max ?? input.options.length - 1);
        const middle = Math.floor(last / 2);
        input.value = Number(input.value) === middle ? middle + 1 : middle;
    }
    input.dispatchEvent(new Event("input", {bubbles: true}));
    await Promise.all(following.map((figure) => figure.view.runAsync()));
    await frame();
    return [nothing, performance.now() - start];
}""".replace("IDLE", IDLE)


def measure(threads: int, job: str) -> list[Row]:
    """Build the site, and time each page's controls beside a frame."""
    subprocess.run(["make", "blog"], cwd=ROOT, check=True, capture_output=True)
    rows: list[Row] = []
    with _hosted() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET
        )
        for chapter in found().values():
            path = f"{chapter.slug}.html"
            size = {"width": 1000, "height": 900}
            with opened(chromium, address, path=path, viewport=size) as page:
                page.wait_for_function("document.documentElement.dataset.drawn === 'all'")
                times = _moved(page)
            setting = f"{chapter.file.stem}: recorded controls, input to frame"
            rows += rows_of(job, times, "a frame", threads, setting, unit="ms")
        chromium.close()
    return rows


def _moved(page: Page) -> dict[str, list[float]]:
    """Milliseconds of each move of each of a page's controls, and of a frame."""
    inputs = page.locator(".controls :is(input, select)")
    names: list[str] = inputs.evaluate_all("all => all.map((input) => input.name)")
    times: dict[str, list[float]] = {name: [] for name in ("a frame", *names)}
    for move in range(MOVES + WARM):
        for i, name in enumerate(names):
            frame, took = page.evaluate(MOVE, name)
            if move >= WARM:
                times[name].append(took)
                if i == 0:
                    times["a frame"].append(frame)
    return times


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


@contextmanager
def _hosted() -> Iterator[str]:
    """Serve the site. Gives its address on this machine."""
    answering = partial(_Silent, directory=str(ROOT / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
