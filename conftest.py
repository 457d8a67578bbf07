"""One chapter's tests alone, one thread of torch a process, and what examples may use."""

import os
import signal
from typing import Any

import pytest

# Before torch is imported. Its tensors are small here, and the tests' processes run beside
# one another, those that they start included.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import groundup
from chapters import NotDeclared, found
from tests.about import chapter_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take `--chapter 2`."""
    parser.addoption(
        "--chapter", type=int, metavar="NUMBER", help="only the tests about this chapter"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse, before anything is collected, a chapter that is none or misdeclared."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A script's background job ignores Ctrl-C, and so would all that tests start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        known = found()
    except NotDeclared as error:
        raise pytest.UsageError(str(error)) from None
    asked = config.getoption("chapter")
    if asked is not None and asked not in known:
        numbers = ", ".join(map(str, known))
        raise pytest.UsageError(f"--chapter must be one of {numbers}, got {asked}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests out that are not about the chapter that is asked for."""
    asked = config.getoption("chapter")
    if asked is None:
        return
    about = [chapter_of(item) == asked for item in items]
    others = [item for item, here in zip(items, about, strict=True) if not here]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item, here in zip(items, about, strict=True) if here]


@pytest.fixture(scope="session", autouse=True)
def names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    """Give the package's public names, and torch."""
    doctest_namespace["torch"] = torch
    doctest_namespace |= {name: getattr(groundup, name) for name in groundup.__all__}
