"""The site as `make blog` builds it in a copy of the project, and as a host serves it."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from blog.serve import serving
from chapters import found
from tests.serving import PATIENCE, ROOT, free_port

SLUGS = [chapter.slug for chapter in found().values()]
"""The chapters' pages, by name."""


def copy_of_the_project(to: Path, root: Path = ROOT) -> Path:
    """All files that git would take, for a test to break; also where there is no git."""
    built = (root / ".gitignore").read_text("utf-8").split()
    ignored = shutil.ignore_patterns(".git", *(name.rstrip("/") for name in built))
    return Path(shutil.copytree(root, to, ignore=ignored, dirs_exist_ok=True))


def make_blog(root: Path, site_url: str = "") -> subprocess.CompletedProcess[str]:
    """What `make blog` runs once everything is set up."""
    command = [sys.executable, "-m", "blog"]
    environment = {**os.environ, "SITE_URL": site_url}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def contents(site: Path) -> dict[str, bytes]:
    """A site's files by their names."""
    files = (file for file in sorted(site.rglob("*")) if file.is_file())
    return {str(file.relative_to(site)): file.read_bytes() for file in files}


@contextmanager
def hosted(site: Path, under: str = "") -> Iterator[str]:
    """A site's address on this machine, at the root or under a path such as `/blog`."""
    port = free_port()
    config = uvicorn.Config(
        serving(site, under or "/"), port=port, log_level="error", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    end = time.monotonic() + PATIENCE
    while not server.started and time.monotonic() < end:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}{under}/"
    finally:
        server.should_exit = True
        thread.join()
