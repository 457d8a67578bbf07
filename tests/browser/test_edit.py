"""`make edit` opens the list of chapters, not marimo's list of files."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from chapters import found
from edit import ask
from tests.browser.conftest import opened
from tests.serving import PATIENCE, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@contextmanager
def editing(end: signal.Signals) -> Iterator[str]:
    """The address that `python -m edit` says and has a browser open: one that does nothing.

    It is ended as asked, and then nobody answers there any more.
    """
    command = [sys.executable, "-m", "edit"]
    quiet = os.environ | {"BROWSER": "true"}
    with subprocess.Popen(
        command, cwd=ROOT, env=quiet, stdout=subprocess.PIPE, text=True
    ) as editor:
        assert editor.stdout is not None
        said = "".join(editor.stdout.readline() for _ in range(3))
        told = re.search(r"http\S+", said)
        assert told, said
        try:
            yield told[0]
            editor.send_signal(end)
            code = editor.wait(PATIENCE)
        finally:
            editor.terminate()
        assert code == (0 if end == signal.SIGINT else 128 + end)
    with pytest.raises(URLError):
        ask(told[0])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with editing(signal.SIGINT) as address:  # Ctrl-C
        yield address


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_the_editor_ends_with_what_opened_it(end: signal.Signals) -> None:
    with editing(end) as address:
        assert address.startswith("http://127.0.0.1:")


def test_the_first_thing_in_sight_is_a_heading_and_then_the_chapters(
    chromium: Browser, address: str
) -> None:
    parts = urlsplit(address)
    with opened(chromium, f"http://{parts.netloc}", path=f"/?{parts.query}") as page:
        heading = page.get_by_role("heading", name="From the Ground Up")
        heading.wait_for()
        above = page.locator("[data-cell-id]").evaluate_all(
            "(cells, top) => cells.filter((c) => c.getBoundingClientRect().bottom < top)"
            ".length",
            heading.bounding_box()["y"],  # type: ignore[index]
        )
        assert above == 0
        for chapter in found().values():
            link = page.get_by_role("link", name=chapter.title, exact=True)
            asked = parse_qs(urlsplit(link.get_attribute("href") or "").query)
            assert asked == {"file": [chapter.file.name]}
