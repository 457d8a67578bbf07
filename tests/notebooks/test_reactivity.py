"""A reader's sliders and curves, through marimo's own server: alone, and with nineteen others at once."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from groundup import NaiveTrainer, NaiveTrainerConfig, charts, mean_squared_error
from tests.serving import PATIENCE, Reader, Run, reading

pytestmark = pytest.mark.slow

READERS = 20


def test_a_slider_there_and_back_gives_the_very_same_charts(served: str):
    with reading(served) as reader:
        before = dict(reader.charts)
        there = reader.move({"learning rate": 1.33, "epochs": 60})
        back = reader.move({"learning rate": 0.1, "epochs": 10})
    assert len(there) == len(back) == 2
    for cell in back:
        assert there[cell] != before[cell]
        assert back[cell] == before[cell]


@pytest.mark.parametrize(
    "switch",
    ["forget to zero the gradients", "store the parameters without copying them"],
)
def test_a_switch_on_and_off_gives_the_very_same_chart(served: str, switch: str):
    with reading(served) as reader:
        before = dict(reader.charts)
        on, off = reader.move({switch: True}), reader.move({switch: False})
    ((cell, broken),) = on.items()
    assert broken != before[cell]
    assert off == {cell: before[cell]}


def test_twenty_readers_at_once_each_see_their_own_curves(served: str, run: Run):
    chapter = run()
    rates = chapter["learning_rate"].steps
    settings = [(5 + i, rates[-1 - 2 * i]) for i in range(READERS)]

    def move(reader: Reader, setting: tuple[int, float]) -> list[str]:
        epochs, learning_rate = setting
        everyone.wait()
        reader.move({"epochs": 60, "learning rate": learning_rate})
        return list(reader.move({"epochs": epochs}).values())

    def expected(setting: tuple[int, float]) -> str:
        result = NaiveTrainer(
            copy.deepcopy(chapter["model"]),
            mean_squared_error,
            chapter["X"],
            chapter["y"],
            NaiveTrainerConfig(*setting),
        ).train()
        content = charts.training.show(result, (chapter["true_w"], chapter["true_b"]))
        return content._mime_()[1]

    everyone = threading.Barrier(READERS, timeout=PATIENCE)
    with ExitStack() as sessions, ThreadPoolExecutor(READERS) as threads:
        readers = [sessions.enter_context(reading(served)) for _ in settings]
        seen = list(threads.map(move, readers, settings))
    assert len({curves[0] for curves in seen}) == READERS
    for setting, curves in zip(settings, seen, strict=True):
        assert curves == [expected(setting)] * 2
