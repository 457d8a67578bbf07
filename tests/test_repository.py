"""The repository's address: set once, refused where it is none, left out where unset."""

from pathlib import Path

import pytest

import repository

CHAPTER = "notebooks/01_linear_regression.py"


@pytest.fixture
def pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's file, which the environment does not overrule."""
    monkeypatch.delenv("REPOSITORY_URL", raising=False)
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\n", "utf-8")
    monkeypatch.setattr(repository, "PYPROJECT", file)
    return file


def test_where_none_is_set_nothing_is_linked(pyproject: Path) -> None:
    assert repository.url() == ""
    assert repository.links(CHAPTER) == {}
    assert repository.clone() == ""


def test_on_github_a_file_has_its_source_and_a_place_to_run_it(pyproject: Path) -> None:
    pyproject.write_text('[project.urls]\nRepository = "https://github.com/me/mine"\n')
    assert repository.links(CHAPTER) == {
        "source": f"https://github.com/me/mine/blob/main/{CHAPTER}",
        "open in molab": f"https://molab.marimo.io/github/me/mine/blob/main/{CHAPTER}",
    }
    assert repository.clone() == "git clone https://github.com/me/mine\ncd mine\n"


def test_elsewhere_the_source_is_the_repository(pyproject: Path) -> None:
    pyproject.write_text('[project.urls]\nRepository = "https://git.example/a/b/c"\n')
    assert repository.links(CHAPTER) == {"source": "https://git.example/a/b/c"}


def test_the_environment_sets_it_for_one_build(
    pyproject: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPOSITORY_URL", "https://github.com/you/yours")
    assert repository.url() == "https://github.com/you/yours"


@pytest.mark.parametrize(
    "address",
    [
        "github.com/me/mine",
        "http://github.com/me/mine",
        "https://github.com/me",
        "https://github.com/me/mine/",
        "https://github.com/me/mine.git",
        "https://github.com/me/mine?a=b",
        "git@github.com:me/mine.git",
        "https://github.com/me/'; rm -rf",
    ],
)
def test_what_is_no_address_is_refused_in_words(
    address: str, pyproject: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPOSITORY_URL", address)
    with pytest.raises(ValueError, match="repository_url must be an address such as https"):
        repository.url()
