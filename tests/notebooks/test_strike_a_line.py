"""The notebook that strikes lines out of chapter one's loop, and tells what happens."""

import importlib
import re
from itertools import product
from types import ModuleType
from typing import Any

import pytest
import torch

from blog.loop import NOTEBOOK
from blog.recording import VEGA_LITE, Recording, record
from chapters import found
from tests.helpers import seeded

STEPS = ("zero_grad", "predict", "loss", "backward", "update")
LINES = {
    "zero_grad": ["for p in (w, b):  # 1. zero the gradients", "p.grad = None"],
    "predict": ["y_pred = predict(X, w, b)  # 2. predict"],
    "loss": ["loss = mean_squared_error(y_pred, y)  # 3. loss"],
    "backward": ["loss.backward()  # 4. backward"],
    "update": [
        "with torch.no_grad():  # 5. update",
        "for p in (w, b):",
        "p -= learning_rate * p.grad",
    ],
}
ALL = [*product((False, True), repeat=5)]
START = (
    torch.randn(32, 3, generator=seeded(1)),
    torch.randn(32, 1, generator=seeded(2)),
    torch.randn(3, 1, generator=seeded(3)),
    torch.zeros(1),
)


@pytest.fixture(scope="module")
def notebook() -> ModuleType:
    return importlib.import_module(f"notebooks.{NOTEBOOK.stem}")


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return importlib.import_module(f"notebooks.{found()[1].file.stem}")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(NOTEBOOK, {})


def shown(recording: Recording, struck: tuple[bool, ...]) -> tuple[dict[str, Any], str]:
    """The chart where these steps are struck, and what is said of it."""
    _, chart, words = recording.cells.values()
    at = dict(zip(STEPS, map(int, struck), strict=True))
    where = recording.places(chart).index(at)
    output = chart.outputs[chart.states[where]][VEGA_LITE]
    return output, words.outputs[words.states[where]]["text/markdown"]


def test_each_line_of_the_loop_has_a_switch_named_after_it_in_its_order(
    recording: Recording,
) -> None:
    assert [*recording.panels.values()] == [[*STEPS]]
    said = [recording.controls[name].label for name in STEPS]
    comments = [LINES[name][0].partition(". ")[2] for name in STEPS]
    assert said == [f"strike out: {comment}" for comment in comments]


def test_just_the_struck_lines_are_left_out(notebook: ModuleType) -> None:
    whole = [line.strip() for line in notebook.loop.splitlines()]
    for struck in ALL:
        gone = [
            line for s, out in zip(STEPS, struck, strict=True) for line in LINES[s] * out
        ]
        left = [line.strip() for line in notebook.without(struck).splitlines()]
        assert len(left) == len(whole) - len(gone)
        for line in gone:
            assert left.count(line) == whole.count(line) - gone.count(line)


def test_the_whole_loop_gives_chapter_ones_very_losses(
    notebook: ModuleType, chapter: ModuleType
) -> None:
    here = notebook.losses_of(notebook.without([False] * 5), *START, 30, 0.1)
    assert here == chapter.train_by_hand(*START, 30, 0.1)["losses"]


def test_without_zeroing_it_is_torchs_momentum_without_friction(
    notebook: ModuleType,
) -> None:
    X, y, w, b = START
    params = [p.clone().requires_grad_() for p in (w, b)]
    optimizer = torch.optim.SGD(params, lr=0.1, momentum=1.0)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(X @ params[0] + params[1], y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    code = notebook.without([True, False, False, False, False])
    assert notebook.losses_of(code, *START, 30, 0.1) == pytest.approx(losses, rel=1e-5)


def outcome(
    zero_grad: bool, predict: bool, loss: bool, backward: bool, update: bool
) -> str:
    """What must happen, read off the loop: its first line that lacks something."""
    if not loss and predict:
        return "NameError: name 'y_pred' is not defined"
    if loss and not backward:
        return "NameError: name 'loss' is not defined"
    if backward and not update:
        return "TypeError: unsupported operand type(s) for *: 'float' and 'NoneType'"
    if loss:
        return "NameError: name 'loss' is not defined"
    if update:
        return "no parameter moves"
    return "where the whole loop has" if zero_grad else "every line in place"


@pytest.mark.parametrize("struck", ALL, ids=lambda s: "".join(str(int(x)) for x in s))
def test_what_is_said_and_drawn_is_what_must_happen(
    struck: tuple[bool, ...], recording: Recording
) -> None:
    chart, said = shown(recording, struck)
    due = outcome(*struck)
    assert due in said
    drawn = {row["line"] for row in chart["datasets"]["losses"] if row["x"] > 0}
    raises = "Error" in due
    assert drawn == {"whole", *(["run"] if any(struck) and not raises else [])}
    assert (due in chart["description"]) is raises


def test_one_specification_holds_all_32_charts(recording: Recording) -> None:
    def bare(chart: dict[str, Any]) -> str:
        params = [{**param, "value": None} for param in chart["params"]]
        dropped = {"description", "datasets"}
        return str(
            {k: v for k, v in chart.items() if k not in dropped} | {"params": params}
        )

    assert len({bare(shown(recording, struck)[0]) for struck in ALL}) == 1


def test_why_is_told_of_a_line_that_is_struck_alone_and_of_no_other(
    recording: Recording,
) -> None:
    told = {struck: shown(recording, struck)[1].partition("\n\n")[2] for struck in ALL}
    for struck, why in told.items():
        assert bool(why) == (sum(struck) == 1)
        assert len(re.findall(r"[.?:](?: |$)", why)) in (range(2, 6) if why else [0])
    assert len({why for why in told.values() if why}) == 5


def test_torchs_optimizers_pass_over_a_parameter_without_a_gradient() -> None:
    for kind in (torch.optim.SGD, torch.optim.AdamW):
        parameter = torch.nn.Parameter(torch.ones(2))
        kind([parameter], lr=0.1).step()
        assert parameter.tolist() == [1.0, 1.0]
