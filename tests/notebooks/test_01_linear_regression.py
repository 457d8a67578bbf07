"""Chapter one: what cells compute and exercises accept; its listings are the package's."""

import copy

import pytest
import torch

import groundup
from groundup import NaiveTrainer, NaiveTrainerConfig, charts, oracle
from tests.helpers import assert_identical
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import Change, Wrong, assert_hint, exercises
from tests.notebooks.measured import ratio, rows

pytestmark = only(1)

SETTINGS = [(1, 0.1), (10, 0.1), (60, 0.649), (60, 3.16)]


# The controls.


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda s: f"{s[0]} epochs at {s[1]}")
def setting(request: pytest.FixtureRequest) -> tuple[int, float]:
    epochs, learning_rate = request.param
    return epochs, learning_rate


@pytest.fixture(scope="module")
def moved(chapter: Chapter, setting: tuple[int, float]) -> Cells:
    """What the chapter's cells define once both pairs of sliders are moved."""
    return chapter.run(**both(*setting))


def both(epochs: int, learning_rate: float) -> dict[str, float]:
    """The controls of the loop by hand and of the trainer, at the same place."""
    return {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "trainer_epochs": epochs,
        "trainer_rate": learning_rate,
    }


def test_the_loop_by_hand_gives_what_the_trainer_gives(moved: Cells) -> None:
    assert_identical(moved["by_hand"]["losses"], moved["result"].losses)
    assert_identical(moved["by_hand"]["parameters"], moved["result"].parameters)


def test_the_trainer_is_told_what_the_sliders_say(
    moved: Cells, setting: tuple[int, float]
) -> None:
    config = NaiveTrainerConfig(*setting)
    assert moved["trainer"].config == config
    model = copy.deepcopy(moved["model"])
    again = NaiveTrainer(model, groundup.mean_squared_error, moved["X"], moved["y"], config)
    assert_identical(moved["result"].losses, again.train().losses)


def test_the_highest_learning_rate_diverges_and_the_others_do_not(
    moved: Cells, setting: tuple[int, float]
) -> None:
    left = charts.diverged_at(moved["result"].losses)
    assert (left is not None) == (setting[1] == 3.16)


@pytest.fixture(scope="module")
def untouched(chapter: Chapter) -> Cells:
    """What the chapter's cells define before any control is moved."""
    return chapter.untouched


def test_there_and_back_gives_the_same_run(chapter: Chapter, untouched: Cells) -> None:
    start = {name: untouched[name].value for name in both(0, 0)}
    there = chapter.run(**both(60, 3.16))
    back = chapter.run(**start)
    assert there["result"].losses[:10] != back["result"].losses
    assert_identical(back["result"].losses, untouched["result"].losses)
    assert_identical(back["result"].parameters, untouched["result"].parameters)
    assert_identical(back["by_hand"], untouched["by_hand"])


def test_the_learning_rates_reach_from_slow_to_diverging(untouched: Cells) -> None:
    rates = untouched["learning_rate"].steps
    limit = oracle.largest_stable_learning_rate(untouched["X"])
    assert rates == sorted(rates)
    assert rates[0] < limit / 100
    assert rates[-1] > 2 * limit


def test_the_switches_break_what_they_say(chapter: Chapter, untouched: Cells) -> None:
    broken = chapter.run(forget_to_zero=True, without_copying=True, with_graph=True)
    places = [
        len({w.data_ptr() for w, _ in definitions["stored"].parameters})
        for definitions in (untouched, broken)
    ]
    assert places == [40, 1]
    assert sum(untouched["nodes"]) == 0
    assert min(broken["nodes"]) > 0
    zeroed, not_zeroed = (
        broken["neglected"][w]["losses"] for w in ("zeroed", "not zeroed")
    )
    assert_identical(zeroed, untouched["neglected"]["zeroed"]["losses"])
    assert not_zeroed[-1] > 10 * zeroed[-1]


# The exercises. Each wrong attempt is the chapter's own solution with one thing changed.

WRONG: Wrong = {
    "leaves the decay out": (
        "decay",
        "the parameters end elsewhere",
        lambda right: lambda *a: right(*a[:-1], 0.0),
    ),
    "turns the decay round": (
        "decay",
        "the parameters end elsewhere",
        lambda right: lambda *a: right(*a[:-1], -a[-1]),
    ),
    "trains a copy": (
        "decay",
        "the parameters end elsewhere",
        lambda right: lambda model, *a: right(copy.deepcopy(model), *a),
    ),
    "gives the losses after the updates": (
        "decay",
        "not those *before* each update",
        lambda right: lambda *a: [*right(*a)[1:], 0.0],
    ),
    "gives the last loss": (
        "decay",
        "Return a list",
        lambda right: lambda *a: right(*a)[-1],
    ),
    "gives a tensor of losses": (
        "decay",
        "Return a list",
        lambda right: lambda *a: torch.tensor(right(*a)),
    ),
    "stops an epoch late": (
        "stopping",
        "it should be",
        lambda right: lambda losses, patience: right(losses, patience) + 1,
    ),
    "waits too long": (
        "stopping",
        "it should be",
        lambda right: lambda losses, patience: right(losses, patience + 1),
    ),
    "never stops": (
        "stopping",
        "it should be",
        lambda right: lambda losses, patience: len(losses),
    ),
    "takes a tie for a gain": (
        "stopping",
        "it should be",
        lambda right: (
            lambda losses, patience: right(
                [loss - 1e-6 * i for i, loss in enumerate(losses)], patience
            )
        ),
    ),
    "takes no notice of delta": (
        "huber",
        "it should be",
        lambda right: lambda y_pred, y_true, delta: right(y_pred, y_true, 1.0),
    ),
    "forgets the half": (
        "huber",
        "it should be",
        lambda right: lambda y_pred, y_true, delta: 2 * right(y_pred, y_true, delta),
    ),
    "takes no mean": (
        "huber",
        "a tensor of shape",
        lambda right: lambda y_pred, y_true, delta: (y_pred - y_true).abs(),
    ),
    "gives a number": (
        "huber",
        "a tensor of shape",
        lambda right: lambda *a: right(*a).item(),
    ),
    "loses the graph": (
        "huber",
        "no graph",
        lambda right: lambda *a: right(*a).detach(),
    ),
}


@pytest.mark.parametrize(("exercise", "hint", "change"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_attempt_gets_a_hint(
    chapter: Chapter, exercise: str, hint: str, change: Change
) -> None:
    assert_hint(chapter, exercise, hint, change)


def test_every_exercise_gets_wrong_attempts(chapter: Chapter) -> None:
    assert {exercise for exercise, *_ in WRONG.values()} == exercises(chapter.file).keys()


def test_the_chapter_lists_its_trainer(chapter: Chapter) -> None:
    assert NaiveTrainer in chapter.listed


# What it tells of `make bench`: tests/notebooks/test_measured.py asks.


def figures(tenfold: float) -> dict[str, list[float]]:
    """A cell's first words → the ratios that it names, if ours is that much slower."""
    naive, bare = (ratio("train-full-batch", name) for name in ("naive trainer", "bare"))
    threads = {row["threads"] for row in rows() if row["job"] == "sweep"}
    swept = {"setting": "64 rates × 50 epochs"}
    return {
        "And in time?": [naive / bare],
        "What does it pay?": [
            1 / (tenfold * ratio("sweep", "groundup", n, **swept)) for n in threads
        ],
    }
