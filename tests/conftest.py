"""How Hypothesis searches, and the chapters as their tests need them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def asked(item: pytest.Item) -> dict[str, Any]:
    """Return what a test is parametrised with."""
    return item.callspec.params if hasattr(item, "callspec") else {}


def group_of(item: pytest.Item) -> str:
    """Name what a test shares: a chapter that has run, the site, or its file's fixtures."""
    if "site" in getattr(item, "fixturenames", ()):
        return "site"
    if "chapter" in asked(item):
        return f"chapter {asked(item)['chapter']}"
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Go chapter after chapter, so that each is run, served, exported and opened once.

    With `pytest -n … --dist loadgroup` one process runs all tests of a group.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group_of(item)))
    yield

    def place(item: pytest.Item) -> tuple[int, str]:
        return asked(item).get("chapter", 0), asked(item).get("scheme", "")

    items.sort(key=place)
    workers = getattr(config, "workerinput", {}).get("workercount")
    if workers is not None:
        dearest_first(items, workers)


def dearest_first(items: list[pytest.Item], workers: int) -> None:
    """Have each process start with a long group, since short ones fill what is left.

    A process is given its second group with its first, so after the first long ones comes
    a short one for each.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        (name,) = item.iter_markers("xdist_group")
        groups.setdefault(name.args[0], []).append(item)
    long = sorted((n for n in groups if not n.endswith(".py")), reverse=True)
    short = [n for n in groups if n.endswith(".py")]
    order = long[:workers] + short[:workers] + long[workers:] + short[workers:]
    items[:] = [item for name in order for item in groups[name]]


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
