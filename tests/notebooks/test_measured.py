"""Where a chapter says how long something takes, it says what `make bench` found."""

import json
import re
from importlib import import_module
from typing import Any, NamedTuple

import marimo as mo
import pytest

from groundup import charts, notebook
from tests.notebooks.chapter import Chapter
from tests.notebooks.measured import rows

TENFOLD = 10
ELSEWHERE = "3 cores, a processor of its own"


class Told(NamedTuple):
    """What a chapter says beside another file of measurements."""

    words: list[str]
    """Cell by cell."""

    jobs: set[str]
    """What it has read."""


@pytest.fixture(scope="module")
def told(chapter: Chapter, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Run the chapter beside a file in which `groundup` takes ten times as long."""
    chapter.untouched  # noqa: B018  what is kept for all tests read the file as it is
    for row in (changed := rows()):
        if row["contender"] == "groundup":
            row["ratio"] *= TENFOLD
        row["processor"] = ELSEWHERE
    file = tmp_path_factory.mktemp("measured") / "benchmarks.json"
    file.write_text(json.dumps(changed), "utf-8")
    jobs = set()

    def noted(job: str, *args: Any, **kwargs: Any) -> notebook.Measured:
        jobs.add(job)
        return measured(job, *args, **kwargs)

    measured = notebook.measured
    cells = chapter.graph.cells.items()
    read = {i for i, cell in cells if "notebook.measured(" in cell.code}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebook, "BENCHMARKS", file)
        patch.setattr(notebook, "measured", noted)
        return Told(shown(chapter.run_again(read).outputs.values()), jobs)


def shown(outputs: Any) -> list[str]:
    """Return the cells' words, without their markup."""
    return [
        re.sub(r"\s+", " ", re.sub("<.*?>", "", output.text))
        for output in outputs
        if isinstance(output, mo.Html)
    ]


def said(words: list[str], start: str) -> str:
    """Return the one cell that has these words."""
    (found,) = [text for text in words if start in text]
    return found


def figures(chapter: Chapter, tenfold: float) -> dict[str, list[float]]:
    """Ask the chapter's own tests which ratios are to be named, and by which cell.

    Args:
        chapter: one that tells measurements.
        tenfold: how much slower ours is than measured.

    Returns:
        A cell's first words → the ratios.
    """
    if not chapter.declared.measures:
        return {}
    own = import_module(f"tests.notebooks.test_{chapter.file.stem}")
    expected: dict[str, list[float]] = own.figures(tenfold)
    assert expected
    return expected


def test_a_chapter_tells_the_measurements_that_it_declares(
    chapter: Chapter, told: Told
) -> None:
    assert told.jobs == {*chapter.declared.measures}


def test_a_chapter_says_what_was_measured_and_on_what(chapter: Chapter) -> None:
    words = shown(chapter.untouched.outputs.values())
    for start, ratios in figures(chapter, 1).items():
        text = said(words, start)
        assert [r for r in map(charts.times, ratios) if r not in text] == []
    processor = rows()[0]["processor"]
    assert any(processor in text for text in words) == bool(chapter.declared.measures)


def test_another_file_is_another_chapter(chapter: Chapter, told: Told) -> None:
    for start, ratios in figures(chapter, TENFOLD).items():
        text = said(told.words, start)
        assert [r for r in map(charts.times, ratios) if r not in text] == []
    assert any(ELSEWHERE in text for text in told.words) == bool(chapter.declared.measures)
