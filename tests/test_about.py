"""`--chapter 2` takes the tests about that chapter: all of them, and no other."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chapters import found
from tests.about import chapter_of

TWO = found()[2].slug


def item(file: str, **params: Any) -> Any:
    """What is asked of a test; one that has no parameters has no place for them."""
    given = {"callspec": SimpleNamespace(params=params)} if params else {}
    return SimpleNamespace(path=Path(file), **given)


@pytest.mark.parametrize(
    ("file", "params", "number"),
    [
        ("tests/notebooks/test_01_linear_regression.py", {}, 1),
        ("tests/browser/test_11_a_title.py", {"scheme": "dark"}, 11),
        ("tests/browser/test_11_a_title.py", {"chapter": 11}, 11),
        ("tests/notebooks/test_every_chapter.py", {"chapter": 1, "exercise": "decay"}, 1),
        ("tests/notebooks/test_every_chapter.py", {"chapter": 11}, 11),
        ("tests/blog/test_build.py", {"slug": TWO}, 2),
        ("tests/browser/test_blog.py", {"name": f"{TWO}.html", "look": "dark"}, 2),
    ],
)
def test_a_test_is_about_its_files_chapter_or_its_parameters(
    file: str, params: dict[str, Any], number: int
) -> None:
    assert chapter_of(item(file, **params)) == number


@pytest.mark.parametrize(
    ("file", "params"),
    [
        ("tests/test_trainer.py", {}),
        ("tests/test_data.py", {"samples": 2, "epochs": 1}),
        ("tests/blog/test_build.py", {"slug": "index"}),
        ("tests/browser/test_blog.py", {"name": "api.html", "look": ["light"]}),
        ("groundup/losses.py", {}),
    ],
)
def test_most_tests_are_about_no_chapter(file: str, params: dict[str, Any]) -> None:
    assert chapter_of(item(file, **params)) is None
