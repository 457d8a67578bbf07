"""How Hypothesis searches, and the chapters as their tests need them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from chapters import found
from tests.building import copy_of_the_project, make_blog
from tests.notebooks.chapter import Chapter
from tests.serving import export, running

# Few examples, the same ones at each run, so that a failure repeats.
settings.register_profile("groundup", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("groundup")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Go chapter after chapter, so that each is run, served, exported and opened once."""

    def place(item: pytest.Item) -> tuple[int, str]:
        asked = item.callspec.params if hasattr(item, "callspec") else {}
        return asked.get("chapter", 0), asked.get("scheme", "")

    items.sort(key=place)


@pytest.fixture(scope="session", params=found(), ids="chapter {}".format)
def chapter(request: pytest.FixtureRequest) -> Iterator[Chapter]:
    """Give each chapter. A file about one of them says so: `pytestmark = only(2)`."""
    threads = torch.get_num_threads()
    yield Chapter(found()[request.param])
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def served(chapter: Chapter) -> Iterator[str]:
    """Give the address of the chapter under `marimo run`."""
    with running(chapter.file) as address:
        yield address


@pytest.fixture(scope="session")
def exported(chapter: Chapter, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the page that `marimo export html` makes of the chapter."""
    return export(chapter.file, tmp_path_factory.mktemp("exported") / "page.html")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site once in a copy of the project, which is the folder around it."""
    root = copy_of_the_project(tmp_path_factory.mktemp("project"))
    done = make_blog(root)
    assert done.returncode == 0, done.stderr
    return root / "site"
