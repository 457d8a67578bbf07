"""Another notebook is published whole or not at all, and what it lacks is said in words."""

from pathlib import Path

import pytest

from blog.notebook import NotPublishable, places_beside
from blog.publish import main
from tests.blog.test_recording import written
from tests.building import contents


def refusal(folder: Path, *notebooks: Path) -> str:
    """What is said where nothing is published."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, notebooks), "--to", str(folder)])
    return str(ended.value.code)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of something else."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    return folder


def test_a_folder_of_something_else_is_not_replaced(theirs: Path, tmp_path: Path) -> None:
    said = refusal(theirs, written(tmp_path, "1"))
    assert "theirs holds what is no published notebook" in said
    assert said.endswith("theirs is as it was.")
    assert contents(theirs) == {"thesis.txt": b"years of work"}


def test_a_notebook_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "there is no " in refusal(tmp_path / "site", tmp_path / "missing.py")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[places", "waves.toml has a mistake in its TOML"),
        ("[place]", "waves.toml must have a table [places], and nothing else"),
        ("places = 3", "waves.toml must have a table [places]"),
        ("[places]\nrate = 3", 'rate must be a list of places, or "all", got 3'),
    ],
)
def test_places_with_a_mistake_are_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "waves.toml").write_text(text)
    with pytest.raises(NotPublishable) as refused:
        places_beside(tmp_path / "waves.py")
    assert why in str(refused.value)


def test_a_notebook_without_a_file_beside_it_names_no_places(tmp_path: Path) -> None:
    assert places_beside(tmp_path / "waves.py") == {}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder where a notebook was published before."""
    folder = tmp_path / "site"
    (folder / "_static").mkdir(parents=True)
    (folder / "_static/recording.js").write_text("// the old one")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("print('hello')", "the cell 'print('hello')' writes to stdout: hello"),
        ("1 / 0", "the cell '1 / 0' raises ZeroDivisionError: division by zero"),
        ("it = mo.ui.text()\nit", "makes 'it', a text, which has no places"),
    ],
)
def test_a_refused_notebook_is_told_by_its_cell_and_leaves_the_folder_as_it_was(
    published: Path, tmp_path: Path, cell: str, why: str
) -> None:
    before = contents(published)
    said = refusal(published, written(tmp_path, cell))
    assert said.startswith("publish: notebook.py: the cell '")
    assert why in said
    assert "Traceback" not in said
    assert contents(published) == before


def test_two_notebooks_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    both = [written(tmp_path / name, "mo.md('# Hello')") for name in ("a", "b")]
    assert "each notebook must have a name of its own" in refusal(tmp_path / "site", *both)
