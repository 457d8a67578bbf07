"""A checkout as people have it: unpacked from an archive, renamed, built in."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.building import copy_of_the_project
from tests.serving import ROOT

BUILT = [".venv", ".venv-bench", "build/blog/source", "build/lib", "dist", "site"]
"""Where tools, `make blog` and a build of the package put what nobody wrote."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without git, and in it what was built: each file is full of mistakes."""
    root = copy_of_the_project(tmp_path_factory.mktemp("unpacked"))
    for folder in BUILT:
        (root / folder).mkdir(parents=True)
        (root / folder / "test_built.py").write_text("import os\ndef test_built(): ( 1 )\n")
    return root


def told(command: list[str], root: Path) -> str:
    """What a tool says of a checkout."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_copy_holds_what_was_written_and_nothing_that_was_built(unpacked: Path) -> None:
    again = copy_of_the_project(unpacked.parent / "again", unpacked)
    names = {str(f.relative_to(again)) for f in again.rglob("*") if f.is_file()}
    assert {"pyproject.toml", "groundup/trainer.py", ".github/workflows/pages.yml"} < names
    assert [name for name in names if "test_built" in name or ".git/" in name] == []


@pytest.mark.parametrize("check", [["check", "--no-cache"], ["format", "--check"]])
def test_ruff_reads_nothing_that_was_built(unpacked: Path, check: list[str]) -> None:
    assert "built" not in told(["ruff", *check], unpacked)


def test_pytest_collects_nothing_that_was_built(unpacked: Path) -> None:
    options = ["--collect-only", "-q", "-p", "no:cacheprovider"]
    ours = ["tests", "benchmarks", "notebooks", "groundup/charts", "groundup/notebook.py"]
    others = [f"--ignore={folder}" for folder in ours]  # their imports take seconds
    collected = told(["pytest", *options, *others, "."], unpacked)
    assert "groundup/trainer.py" in collected
    assert "test_built" not in collected


# The folder's name.


def dry_run(root: Path, target: str) -> str:
    """What make would do."""
    done = subprocess.run(
        ["make", "-n", target], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(("target", "venv"), [("edit", ".venv"), ("bench", ".venv-bench")])
def test_an_environment_is_set_up_once_and_again_where_its_folder_was_renamed(
    target: str, venv: str, tmp_path: Path
) -> None:
    made = tmp_path / "made here, first"
    copy_of_the_project(made)
    assert "pip install" in dry_run(made, target)
    (made / venv).mkdir()
    (made / venv / ".complete").write_text(f"{made}\n")
    assert "pip install" not in dry_run(made, target)
    renamed = made.rename(tmp_path / "and renamed")
    assert "pip install" in dry_run(renamed, target)


@pytest.mark.parametrize("file", ["Makefile", "README.md", "docs/screenshot.py"])
def test_tools_are_called_as_modules_since_their_scripts_know_the_folders_old_name(
    file: str,
) -> None:
    text = (ROOT / file).read_text("utf-8").replace("$(BIN)", ".venv/bin")
    called = re.findall(r"\.venv(?:-bench)?/bin/(\w+)", text)
    assert called
    assert set(called) == {"python"}
