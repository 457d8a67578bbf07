"""A reader's controls and curves, through marimo's server: alone, and among twenty."""

import ast
import copy
import html
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from groundup import NaiveTrainer, NaiveTrainerConfig, charts, mean_squared_error
from tests.notebooks.chapter import Chapter, only
from tests.serving import PATIENCE, Reader, reading, running

pytestmark = pytest.mark.slow

READERS = 20


class Move(NamedTuple):
    """A control moved, and put back where it stood. A button is only pressed."""

    control: str
    kind: str
    ran: set[str]
    """The cells that ran."""

    changed: set[str]
    """The cells that then showed something else."""

    left: set[str]
    """The cells that showed something else still when the control was back."""


@pytest.fixture(scope="module")
def reader(served: str) -> Iterator[Reader]:
    """A reader, whose tests put each control back to where it was."""
    with reading(served) as reader:
        yield reader


@pytest.fixture(scope="module")
def moves(reader: Reader) -> list[Move]:
    """A reader plays with everything that there is, sliders to both of their ends."""
    done = []
    opened = dict(reader.outputs)
    for name, control in reader.controls.items():
        for place in control.elsewhere:
            reader.send({control: place})
            ran, changed = reader.ran, _changed(reader, opened)
            if control.kind == "button":
                opened = dict(reader.outputs)
            else:
                reader.send({control: control.start})
            done.append(Move(name, control.kind, ran, changed, _changed(reader, opened)))
    assert done
    return done


def _changed(reader: Reader, before: dict[str, str]) -> set[str]:
    return {cell for cell, output in reader.outputs.items() if output != before.get(cell)}


def test_no_control_is_dead(moves: list[Move]) -> None:
    assert [move.control for move in moves if not move.changed] == []


def test_each_control_there_and_back_gives_the_very_same_page(moves: list[Move]) -> None:
    assert [move.control for move in moves if move.left] == []


def test_a_button_runs_nothing_that_a_slider_runs(moves: list[Move]) -> None:
    pressed, moved = set(), set()
    for move in moves:
        if move.kind == "button":
            pressed |= move.ran
        else:
            moved |= move.ran
    assert pressed & moved == set()


def test_a_reader_of_marimo_run_sees_the_code_that_the_editor_shows(
    reader: Reader, chapter: Chapter
) -> None:
    shown = re.sub(r"<.*?>", "", "\n".join(reader.outputs.values()))
    words = "".join(html.unescape(shown).split())
    for cell in chapter.in_sight.values():
        for statement in ast.parse(cell.code).body:
            written = ast.get_source_segment(cell.code, statement) or ""
            assert "".join(written.split()) in words, written


@only(1)
def test_two_sliders_there_and_back_give_the_very_same_charts(reader: Reader) -> None:
    before = dict(reader.charts)
    there = reader.move({"learning rate": 1.33, "epochs": 60})
    back = reader.move({"learning rate": 0.1, "epochs": 10})
    assert len(there) == len(back) == 1
    for cell in back:
        assert there[cell] != before[cell]
        assert back[cell] == before[cell]


@only(1)
@pytest.mark.parametrize(
    "switch",
    ["forget to zero the gradients", "store the parameters without copying them"],
)
def test_a_switch_on_and_off_gives_the_very_same_chart(reader: Reader, switch: str) -> None:
    before = dict(reader.charts)
    on, off = reader.move({switch: True}), reader.move({switch: False})
    ((cell, broken),) = on.items()
    assert broken != before[cell]
    assert off == {cell: before[cell]}


@pytest.fixture
def excerpt(chapter: Chapter, tmp_path: Path) -> Iterator[str]:
    """The address of the chapter's live sections without the rest, which all would run."""
    code = {i: cell.code for i, cell in chapter.graph.cells.items()}
    shown = (
        "charts.training(NaiveTrainerResult(**by_hand)",
        "mo.vstack([learning_rate, epochs])",
    )
    live = {i for i in code if any(show in code[i] for show in shown)}
    assert len(live) == 2
    notebook = tmp_path / "excerpt.py"
    notebook.write_text(chapter.excerpt(live), "utf-8")
    for name in ("style.css", chapter.file.with_suffix(".head.html").name):
        shutil.copy(chapter.file.with_name(name), tmp_path)
    with running(notebook) as address:
        yield address


@only(1)
def test_twenty_readers_at_once_each_see_their_own_curves(
    excerpt: str, chapter: Chapter
) -> None:
    cells = chapter.untouched
    rates = cells["learning_rate"].steps
    settings = [(5 + i, rates[-1 - 2 * i]) for i in range(READERS)]

    def move(reader: Reader, setting: tuple[int, float]) -> list[str]:
        epochs, learning_rate = setting
        everyone.wait()
        reader.move({"epochs": 60, "learning rate": learning_rate})
        return list(reader.move({"epochs": epochs}).values())

    def expected(setting: tuple[int, float]) -> str:
        result = NaiveTrainer(
            copy.deepcopy(cells["model"]),
            mean_squared_error,
            cells["X"],
            cells["y"],
            NaiveTrainerConfig(*setting),
        ).train()
        content = charts.training(result, (cells["true_w"], cells["true_b"]))
        return content._mime_()[1]

    everyone = threading.Barrier(READERS, timeout=PATIENCE)
    with ExitStack() as sessions, ThreadPoolExecutor(READERS) as threads:
        readers = [sessions.enter_context(reading(excerpt)) for _ in settings]
        seen = list(threads.map(move, readers, settings))
    assert len({curves[0] for curves in seen}) == READERS
    for setting, curves in zip(settings, seen, strict=True):
        assert curves == [expected(setting)]
