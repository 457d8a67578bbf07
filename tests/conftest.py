"""How Hypothesis searches, and chapter one as its tests need it: imported, run, served and exported."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import settings

from tests.serving import CHAPTER_1, Run, export, running

# Few examples, the same ones at each run, so that a failure repeats.
settings.register_profile("groundup", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("groundup")


@pytest.fixture(scope="session")
def chapter() -> Iterator[ModuleType]:
    """The chapter as a module: its functions, and its `app`."""
    threads = torch.get_num_threads()
    spec = spec_from_file_location("chapter_1", CHAPTER_1)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def run(chapter: ModuleType) -> Run:
    """Runs the chapter's cells with some of its controls at other values, and gives what they define."""

    def run(**controls: Any) -> dict[str, Any]:
        moved = {name: SimpleNamespace(value=value) for name, value in controls.items()}
        _, definitions = chapter.app.run(defs=moved)
        return dict(definitions)

    return run


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of the chapter under `marimo run`."""
    with running(CHAPTER_1) as address:
        yield address


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page that `marimo export html` makes of the chapter."""
    return export(CHAPTER_1, tmp_path_factory.mktemp("exported") / "page.html")
