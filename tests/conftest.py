"""How Hypothesis searches, and the chapters as their tests need them."""

import re
from collections.abc import Iterator
from functools import cache
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


TOGETHER = {
    "tests/blog/test_build.py": "site",
    "tests/browser/test_blog.py": "site",
    "tests/browser/test_recordings.py": "site",
    "tests/blog/test_rebuild.py": "a rebuild",
    "tests/test_packaging.py": "a wheel",
}
"""Files whose tests share what is dear, whichever chapter they ask for."""


def group_of(test: str) -> str:
    """Name what a test shares, from its own name: the site, a chapter that ran, a file."""
    file, _, name = test.partition("::")
    chapter = re.search(r"\bchapter \d+\b", name.partition("[")[2])
    return TOGETHER.get(file) or (chapter[0] if chapter else file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `pytest -n`, have one process run all tests of a group.

    Not by `--dist loadgroup`, whose marks get lost on the way: xdist 3.8 writes a group
    where pytest 9.2 no longer reads a test's name.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 (it may be missing)

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False  # by numbers of tests, which say little
    return ByGroup(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Go chapter after chapter, so that each is run, served, exported and opened once."""

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
        groups.setdefault(group_of(item.nodeid), []).append(item)
    long = sorted((n for n in groups if not n.endswith(".py")), reverse=True)
    short = [n for n in groups if n.endswith(".py")]
    order = long[:workers] + short[:workers] + long[workers:] + short[workers:]
    items[:] = [item for name in order for item in groups[name]]


@pytest.fixture(scope="session", params=found(), ids="chapter {}".format)
def chapter(request: pytest.FixtureRequest) -> Iterator[Chapter]:
    """Give each chapter. A file about one of them says so: `pytestmark = only(2)`."""
    threads = torch.get_num_threads()
    yield chapter_numbered(request.param)
    torch.set_num_threads(threads)


@cache
def chapter_numbered(number: int) -> Chapter:
    """Return a chapter, which runs once though pytest may set its fixture up again."""
    return Chapter(found()[number])


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
