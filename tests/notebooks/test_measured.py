"""Where a chapter says how long something takes, it says what `make bench` found."""

import json
import re
from pathlib import Path
from typing import Any

import marimo as mo
import pytest

from groundup import charts, notebook
from tests.notebooks.chapter import Chapter

OURS = notebook.BENCHMARKS
TENFOLD = 10


def rows() -> list[dict[str, Any]]:
    """Return what was measured."""
    found: list[dict[str, Any]] = json.loads(OURS.read_text("utf-8"))
    return found


@pytest.fixture
def words(chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Read the measurements again, from a file in which `groundup` takes ten times as long.

    Gives what its cells show.
    """
    for row in (changed := rows()):
        if row["contender"] == "groundup":
            row["ratio"] *= TENFOLD
        row["processor"] = "3 cores, a processor of its own"
    file = tmp_path / "benchmarks.json"
    file.write_text(json.dumps(changed), "utf-8")
    monkeypatch.setattr(notebook, "BENCHMARKS", file)
    cells = chapter.graph.cells.items()
    read = {i for i, cell in cells if "notebook.measured(" in cell.code}
    return shown(chapter.run_again(read).outputs.values())


def shown(outputs: Any) -> list[str]:
    """Return the cells' words, without their markup."""
    return [
        re.sub(r"\s+", " ", re.sub("<.*?>", "", output.text))
        for output in outputs
        if isinstance(output, mo.Html)
    ]


def ratio(job: str, contender: str, threads: int = 1, **values: Any) -> float:
    """Return a contender's ratio in the project's own file."""
    wanted = {"job": job, "contender": contender, "threads": threads} | values
    (found,) = [r["ratio"] for r in rows() if wanted.items() <= r.items()]
    return float(found)


def said(words: list[str], start: str) -> str:
    """Return the one cell that has these words."""
    (found,) = [text for text in words if start in text]
    return found


def figures(chapter: int, tenfold: float) -> dict[str, list[float]]:
    """Return a cell's first words → the ratios to be named, if ours is that much slower."""
    loader = "100,000 × 6, batches of 32"
    if chapter == 1:
        sweeps = [r for r in rows() if r["job"] == "sweep"]
        naive, bare = (
            ratio("train-full-batch", name) for name in ("naive trainer", "bare")
        )
        return {
            "And in time?": [naive / bare],
            "What does it pay?": [
                1
                / (tenfold * ratio("sweep", "groundup", n, setting="64 rates × 50 epochs"))
                for n in {row["threads"] for row in sweeps}
            ],
        }
    ours = {
        job: tenfold * ratio(job, "groundup")
        for job in ("train-mini-batch", "train-network")
    }
    return {
        "Where does that vanish?": [
            ours["train-mini-batch"],
            *(
                ratio(job, name) / ours[job]
                for job in ours
                for name in ("torch", "lightning", "transformers")
            ),
        ],
        "Where a loader's time goes": [ratio("loader", "torch", setting=loader)],
    }


def test_a_chapter_says_what_was_measured_and_on_what(chapter: Chapter) -> None:
    words = shown(chapter.untouched.outputs.values())
    for start, ratios in figures(chapter.number, 1).items():
        text = said(words, start)
        assert [r for r in map(charts.times, ratios) if r not in text] == []
    assert any(rows()[0]["processor"] in text for text in words)


def test_another_file_is_another_chapter(chapter: Chapter, words: list[str]) -> None:
    for start, ratios in figures(chapter.number, TENFOLD).items():
        text = said(words, start)
        assert [r for r in map(charts.times, ratios) if r not in text] == []
    assert any("3 cores, a processor of its own" in text for text in words)
