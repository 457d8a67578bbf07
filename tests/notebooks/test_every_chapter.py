"""Every chapter runs, repeats itself, has fair exercises and lists the package's code."""

import ast
import json
import re
import runpy
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import pytest
import torch
from torch import Tensor

from chapters import found
from tests.helpers import assert_identical
from tests.notebooks.chapter import Chapter
from tests.notebooks.exercises import assert_right, exercises, solution, verdict
from tests.serving import MARIMO, ROOT

LISTING = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
SCREEN = 50
"""Lines of code: as many as the trainer's loop may have."""

EXERCISES = [
    pytest.param(number, exercise, id=f"chapter {number}-{exercise}")
    for number, declared in found().items()
    for exercise in exercises(declared.file)
]


def test_a_chapter_runs_from_the_top_without_a_word(chapter: Chapter) -> None:
    assert chapter.untouched  # pytest has each warning raise
    assert chapter.said.getvalue() == ""
    *_, last = chapter.tree.body
    assert ast.unparse(last) == "if __name__ == '__main__':\n    app.run()"


def test_no_cell_reads_a_clock_so_what_is_measured_comes_from_the_benchmarks(
    chapter: Chapter,
) -> None:
    assert chapter.untouched
    assert chapter.clocks == set()


@pytest.mark.slow
def test_a_chapter_as_a_plain_script_elsewhere_runs_without_a_word_and_gives_the_same(
    chapter: Chapter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    first = chapter.untouched
    script = tmp_path / "script.py"
    command: list[str | Path] = [*MARIMO, "export", "script", chapter.file, "-o", script]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    monkeypatch.chdir(tmp_path)  # it needs none of the files beside it
    capfd.readouterr()
    before = torch.get_rng_state()
    again = runpy.run_path(str(script), run_name="__main__")
    assert capfd.readouterr() == ("", "")
    # All randomness comes from seeds in sight.
    assert_identical(torch.get_rng_state(), before)
    tensors = [name for name, value in first.items() if isinstance(value, Tensor)]
    assert len(tensors) > 5
    assert_identical({n: again[n] for n in tensors}, {n: first[n] for n in tensors})


@pytest.mark.slow
def test_a_chapter_is_as_marimo_wants_it(chapter: Chapter) -> None:
    command: list[str | Path] = [*MARIMO, "check", "--strict", chapter.file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# What it declares.


def test_a_chapter_has_as_many_switches_as_it_declares(chapter: Chapter) -> None:
    assert len(chapter.calls("mo.ui.switch")) == chapter.declared.switches


def test_a_chapter_has_as_many_predictions_as_it_declares(chapter: Chapter) -> None:
    folded = [ast.literal_eval(c.args[0]) for c in chapter.calls("notebook.details")]
    assert folded.count("Answer") == chapter.declared.predictions


def test_a_chapter_has_as_many_exercises_as_it_declares(chapter: Chapter) -> None:
    assert len(exercises(chapter.file)) == chapter.declared.exercises


def test_a_chapter_opens_with_as_many_charts_as_it_declares(chapter: Chapter) -> None:
    assert len(specifications(chapter)) == chapter.declared.charts


def test_a_chapter_has_the_explorers_that_it_declares_and_their_controls(
    chapter: Chapter,
) -> None:
    bound = [
        [param["name"] for param in specification.get("params", []) if "bind" in param]
        for specification in specifications(chapter)
    ]
    assert [names for names in bound if names] == chapter.declared.explorers


def specifications(chapter: Chapter) -> list[dict[str, Any]]:
    """What the chapter's charts are to Vega, as it opens."""
    found = []
    for output in chapter.untouched.outputs.values():
        if isinstance(output, alt.TopLevelMixin):
            found.append(output.to_dict())
        elif hasattr(output, "_mime_") and "vegalite" in output._mime_()[0]:
            found.append(json.loads(output._mime_()[1]))
    return found


# What it computes.


def test_what_is_timed_is_not_timed_again_by_a_slider(chapter: Chapter) -> None:
    driven = {cell: chapter.controls_before(cell) for cell in chapter.timed_cells}
    assert {cell: controls for cell, controls in driven.items() if controls} == {}


# The exercises.


@pytest.mark.parametrize(("chapter", "exercise"), EXERCISES, indirect=["chapter"])
def test_a_solution_passes_its_own_check(chapter: Chapter, exercise: str) -> None:
    assert_right(chapter, exercise, solution(chapter, exercise))


@pytest.mark.parametrize(("chapter", "exercise"), EXERCISES, indirect=["chapter"])
def test_an_exercise_left_blank_is_not_yet_done(chapter: Chapter, exercise: str) -> None:
    blank = getattr(chapter.module, exercises(chapter.file)[exercise])
    shown = verdict(chapter, exercise, blank)
    assert "Not yet" in shown
    assert "Well done" not in shown


@pytest.mark.parametrize(("chapter", "exercise"), EXERCISES, indirect=["chapter"])
def test_an_exercise_that_returns_nothing_is_told_so(
    chapter: Chapter, exercise: str
) -> None:
    def forgetful(*args: Any, **kwargs: Any) -> None:
        pass

    assert "returns nothing" in verdict(chapter, exercise, forgetful)


# What reading it takes.


def test_a_chapter_has_at_most_64_cells_since_an_editor_opens_as_slowly_as_it_has_many(
    chapter: Chapter,
) -> None:
    assert len(chapter.graph.cells) <= 64


def test_a_chapter_reads_in_forty_minutes(chapter: Chapter) -> None:
    texts = chapter.texts
    listings = [code for text in texts for code in LISTING.findall(text)]
    listings += [cell.code for cell in chapter.in_sight.values()]
    text = LISTING.sub("", "\n".join(texts))
    prose = re.sub(r"\]\(.*?\)|^\|.*|^\[.*?\]: .*", "", text, flags=re.MULTILINE)
    assert len(re.findall(r"[A-Za-z][A-Za-z’'-]*", prose)) <= 3300
    assert len(listings) <= 44
    assert max(len(listing.splitlines()) for listing in listings) <= SCREEN
    assert sum(len(listing.splitlines()) < 10 for listing in listings) > len(listings) / 2


def test_a_number_that_starts_a_line_is_an_items_of_a_list(chapter: Chapter) -> None:
    """A computed one with a full stop after it would be made an item, too."""
    for told in chapter.texts:
        text = LISTING.sub("", told)
        starts = re.findall(r"^ *(\d+)[.)] ", text, re.MULTILINE)
        for before, number in pairwise([0, *map(int, starts)]):
            assert number in {1, before + 1}, text


# The listings.


def bodies(source: str) -> dict[str, str]:
    """A function's name → what it does, docstring aside; blank exercises do nothing."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if list(map(ast.unparse, body)) != ["raise NotImplementedError"]:
                found[node.name] = "\n".join(ast.dump(statement) for statement in body)
    return found


def test_no_function_of_a_chapter_stands_elsewhere_too(chapter: Chapter) -> None:
    package = ROOT / "groundup"
    others = {*package.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")}
    others |= {declared.file for declared in found().values()} - {chapter.file}
    theirs = {body for file in others for body in bodies(file.read_text("utf-8")).values()}
    ours = bodies(chapter.file.read_text("utf-8"))
    assert {f"{e}_solution" for e in exercises(chapter.file)} <= ours.keys()
    assert [name for name, body in ours.items() if body in theirs] == []


def test_no_listing_is_written_into_the_prose(chapter: Chapter) -> None:
    strings = [
        node.value
        for node in ast.walk(chapter.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert any(chapter.declared.question in text for text in strings)
    assert [text for text in strings if "```" in text] == []


def test_the_listings_are_of_the_package(chapter: Chapter) -> None:
    assert len(chapter.calls("notebook.source")) == chapter.code.count("notebook.source(")
    elsewhere = [t for t in chapter.listed if not t.__module__.startswith("groundup.")]
    assert elsewhere == []
