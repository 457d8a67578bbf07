"""`make serve`, on a machine that need not be the reader's."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edit import ask, free_port
from tests.building import copy_of_the_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose site is one page."""
    root = copy_of_the_project(tmp_path_factory.mktemp("project"))
    (root / "site").mkdir()
    (root / "site/index.html").write_text("the site")
    return root


@contextmanager
def make_serve(root: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """What `make serve` runs; interrupted in the end, as a reader does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "blog.serve", *options],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_it_says_where_and_the_site_is_there(root: Path, host: str) -> None:
    port = free_port()
    with make_serve(root, f"--host={host}", f"--port={port}") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert f"http://{host}:{port}/" in line
        with ask(f"http://127.0.0.1:{port}/") as answer:
            assert answer.read() == b"the site"


def test_a_free_port_is_found_and_an_interrupt_ends_it_without_a_word(root: Path) -> None:
    with make_serve(root, "--port=0") as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        ask(found[0]).close()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host=nowhere.invalid"], "host 'nowhere.invalid' and port 8000"),
        (["--port=70000"], "port 70000"),
    ],
)
def test_where_it_cannot_listen_it_says_so(
    root: Path, options: list[str], words: str
) -> None:
    assert words in refusal(root, *options)


def test_a_port_in_use_is_told_with_what_to_do(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refusal(root, f"--port={port}")
    assert f"port {port}" in said
    assert "in use" in said
    assert "make serve port=9000" in said


def refusal(root: Path, *options: str) -> str:
    """What it says when it gives up at once: one line."""
    with make_serve(root, *options) as process:
        printed, said = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert printed == ""
    assert len(said.splitlines()) == 1, said
    return said


def test_without_a_site_it_says_what_builds_one(tmp_path: Path) -> None:
    assert "make blog" in refusal(copy_of_the_project(tmp_path))
