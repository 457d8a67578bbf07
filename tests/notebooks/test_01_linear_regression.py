"""Chapter one: what its cells compute, what its exercises accept, and that its listings are the package's."""

import ast
import copy
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import groundup
from groundup import NaiveTrainer, NaiveTrainerConfig, charts, notebook
from tests.helpers import assert_identical
from tests.serving import CHAPTER_1, MARIMO, ROOT, Run

SETTINGS = [(1, 0.1), (10, 0.1), (60, 0.649), (60, 3.16)]


@pytest.mark.slow
def test_the_chapter_runs_from_the_top_without_a_word():
    command = [sys.executable, "-W", "error", CHAPTER_1]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_the_chapter_is_as_marimo_wants_it():
    command = [*MARIMO, "check", "--strict", CHAPTER_1]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# The controls.


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda s: f"{s[0]} epochs at {s[1]}")
def setting(request: pytest.FixtureRequest) -> tuple[int, float]:
    epochs, learning_rate = request.param
    return epochs, learning_rate


@pytest.fixture(scope="module")
def moved(run: Run, setting: tuple[int, float]) -> dict[str, Any]:
    """What the chapter's cells define once the two sliders are moved."""
    epochs, learning_rate = setting
    return run(epochs=epochs, learning_rate=learning_rate)


def test_the_loop_by_hand_gives_what_the_trainer_gives(moved: dict[str, Any]):
    assert_identical(moved["by_hand"]["losses"], moved["result"].losses)
    assert_identical(moved["by_hand"]["parameters"], moved["result"].parameters)


def test_the_trainer_is_told_what_the_sliders_say(
    moved: dict[str, Any], setting: tuple[int, float]
):
    config = NaiveTrainerConfig(*setting)
    assert moved["trainer"].config == config
    model = copy.deepcopy(moved["model"])
    again = NaiveTrainer(model, groundup.mean_squared_error, moved["X"], moved["y"], config)
    assert_identical(moved["result"].losses, again.train().losses)


def test_the_highest_learning_rate_diverges_and_the_others_do_not(
    moved: dict[str, Any], setting: tuple[int, float]
):
    left = charts.diverged_at(moved["result"].losses)
    assert (left is not None) == (setting[1] == 3.16)


@pytest.fixture(scope="module")
def untouched(run: Run) -> dict[str, Any]:
    """What the chapter's cells define before any control is moved."""
    return run()


def test_there_and_back_gives_the_same_run(run: Run, untouched: dict[str, Any]):
    start = {name: untouched[name].value for name in ("epochs", "learning_rate")}
    there = run(epochs=60, learning_rate=3.16)
    back = run(**start)
    assert there["result"].losses[:10] != back["result"].losses
    assert_identical(back["result"].losses, untouched["result"].losses)
    assert_identical(back["result"].parameters, untouched["result"].parameters)
    assert_identical(back["by_hand"], untouched["by_hand"])


def test_the_learning_rates_reach_from_slow_to_diverging(untouched: dict[str, Any]):
    rates = untouched["learning_rate"].steps
    limit = groundup.largest_stable_learning_rate(untouched["X"])
    assert rates == sorted(rates)
    assert rates[0] < limit / 100
    assert rates[-1] > 2 * limit


def test_the_switches_break_what_they_say(run: Run, untouched: dict[str, Any]):
    broken = run(forget_to_zero=True, without_copying=True, with_graph=True)
    places = [
        len({w.data_ptr() for w, _ in definitions["stored"].parameters})
        for definitions in (untouched, broken)
    ]
    assert places == [40, 1]
    assert sum(untouched["nodes"]) == 0
    assert min(broken["nodes"]) > 0


def test_all_randomness_comes_from_seeds_in_sight(run: Run, untouched: dict[str, Any]):
    before = torch.get_rng_state()
    again = run()
    assert_identical(torch.get_rng_state(), before)
    assert_identical(again["X"], untouched["X"])
    assert_identical(again["odd"].losses, untouched["odd"].losses)


# The exercises. Each wrong attempt is the chapter's own solution with one thing changed.

Attempt = Callable[..., Any]
Change = Callable[[Attempt], Attempt]

EXERCISES = {
    "decay": "train_with_decay",
    "stopping": "stopping_epoch",
    "huber": "huber",
}
WRONG: dict[str, tuple[str, str, Change]] = {
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


def verdict(chapter: ModuleType, exercise: str, attempt: Attempt) -> str:
    return notebook.exercise(attempt, getattr(chapter, f"check_{exercise}")).text


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_solution_passes_its_own_check(chapter: ModuleType, exercise: str):
    solution = getattr(chapter, f"{exercise}_solution")
    assert getattr(chapter, f"check_{exercise}")(solution) is None
    assert "Well done" in verdict(chapter, exercise, solution)


@pytest.mark.parametrize(("exercise", "blank"), EXERCISES.items())
def test_an_exercise_left_blank_is_not_yet_done(
    chapter: ModuleType, exercise: str, blank: str
):
    shown = verdict(chapter, exercise, getattr(chapter, blank))
    assert "Not yet" in shown
    assert "Well done" not in shown


@pytest.mark.parametrize(("exercise", "hint", "change"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_attempt_gets_a_hint(
    chapter: ModuleType, exercise: str, hint: str, change: Change
):
    check = getattr(chapter, f"check_{exercise}")
    attempt = change(getattr(chapter, f"{exercise}_solution"))
    assert hint in check(attempt)
    assert "Not quite" in verdict(chapter, exercise, attempt)


def test_every_exercise_of_the_chapter_is_tested(chapter: ModuleType):
    checks = {name.removeprefix("check_") for name in vars(chapter) if "check_" in name}
    assert checks == EXERCISES.keys()


# The listings.


def bodies(source: str) -> dict[str, str]:
    """A function's name → what it does, docstring aside."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found[node.name] = "\n".join(ast.dump(statement) for statement in body)
    return found


def test_no_function_of_the_package_is_copied_into_the_chapter():
    package = Path(inspect.getfile(groundup)).parent.rglob("*.py")
    theirs = {body for file in package for body in bodies(file.read_text()).values()}
    ours = bodies(CHAPTER_1.read_text())
    assert [name for name, body in ours.items() if body in theirs] == []


def test_no_listing_is_written_into_the_prose():
    strings = [
        node.value
        for node in ast.walk(ast.parse(CHAPTER_1.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(strings) > 50
    assert [text for text in strings if "```" in text] == []


def test_the_listings_are_of_the_package(chapter: ModuleType):
    listed = [
        getattr(chapter, argument.id)
        for node in ast.walk(ast.parse(CHAPTER_1.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "notebook.source"
        for argument in node.args
        if isinstance(argument, ast.Name)
    ]
    assert NaiveTrainer in listed
    assert {thing.__module__.partition(".")[0] for thing in listed} == {"groundup"}
