"""Chromium without a network, and pages that fail a test when they complain.

They complain, too, when they ask for anything foreign.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import marimo
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Route,
    sync_playwright,
)

from tests.browser.charts import settle
from tests.notebooks.chapter import Chapter

FRONT_END = Path(marimo.__file__).parent / "_static"
FRONT_END_ADDRESS = re.compile(
    r"https://cdn\.jsdelivr\.net/npm/@marimo-team/frontend@[^/]+/dist/([^?]+)"
)
PUBLISHED = "http://published.test/"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_CHROMIUM = (
    "the browser tests need Chromium on the PATH, and there is none: "
    "apt-get install chromium"
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        browser.new_context().close()
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    address: str,
    body: str = "",
    path: str = "",
    expected: str = "nothing",
    **looks: Any,
) -> Iterator[Page]:
    """A page whose charts are drawn.

    On leaving it: no error was logged, Vega warned of nothing, and nothing foreign was
    asked for.

    Args:
        browser: where it opens.
        address: the page's, which is all its site.
        body: the page itself, if nothing serves it.
        path: what is opened of the site; its front page if there is none.
        expected: what a warning of Vega's may hold.
        looks: of the browser, such as `color_scheme`.
    """
    complaints: list[str] = []

    def answer(route: Route) -> None:
        url = route.request.url
        part = FRONT_END_ADDRESS.match(url)
        if url == address:
            route.fulfill(body=body, content_type="text/html; charset=utf-8")
        elif part and (FRONT_END / part[1]).is_file():
            allowed = {"access-control-allow-origin": "*"}
            route.fulfill(path=FRONT_END / part[1], headers=allowed)
        else:
            complaints.append(f"asked for {url}")
            route.abort()

    def look_at(request: Request) -> None:
        if request.url.startswith("http") and not request.url.startswith(address):
            complaints.append(f"asked for {request.url}")

    context = browser.new_context(**looks)
    page = context.new_page()
    page.set_default_timeout(60_000)

    def listen(message: ConsoleMessage) -> None:
        # A warning of Vega's begins with its level.
        warned = message.text.startswith("WARN") and expected not in message.text
        if message.type == "error" or warned:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    if body:
        page.route(re.compile("^https?:"), answer)
    else:
        page.on("request", look_at)
    page.goto(address + path)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def charts_in_chapter(chapter: Chapter) -> int:
    """How many charts the chapter has."""
    return chapter.declared.charts


@pytest.fixture(scope="session")
def live(chromium: Browser, served: str, charts_in_chapter: int) -> Iterator[Page]:
    """The chapter under `marimo run`. Its tests put each control back to where it was."""
    with opened(chromium, served, viewport={"width": 1000, "height": 900}) as page:
        settle(page, charts_in_chapter)
        yield page


@pytest.fixture(scope="session", params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Literal["light", "dark"]:
    """What the reader's system asks for."""
    asked: Literal["light", "dark"] = request.param
    return asked


@pytest.fixture(scope="session")
def published(
    scheme: str, chromium: Browser, exported: str, charts_in_chapter: int
) -> Iterator[Page]:
    """The chapter as a published page, on a light and on a dark screen."""
    with opened(chromium, PUBLISHED, exported, color_scheme=scheme) as page:
        settle(page, charts_in_chapter)
        yield page
