"""Chapter one: what cells compute and exercises accept; its listings are the package's."""

import copy
import math
import re
from collections import Counter
from functools import reduce
from itertools import accumulate, combinations, zip_longest
from typing import Any

import marimo as mo
import pytest
import torch
from torch import Tensor, nn

import groundup
from groundup import NaiveTrainer, NaiveTrainerConfig, charts, notebook, oracle
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import (
    Attempt,
    Change,
    Right,
    Wrong,
    exercises,
)
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
    below, above = (
        max(rate for rate in rates if rate < limit),
        min(rate for rate in rates if rate > limit),
    )
    assert below > 0.96 * limit
    assert above < 1.04 * limit


def test_just_past_the_limit_the_loss_falls_first_and_turns(chapter: Chapter) -> None:
    limit = oracle.largest_stable_learning_rate(chapter.untouched["X"])
    rates = chapter.untouched["learning_rate"].steps
    rate = min(rate for rate in rates if rate > limit)
    losses = chapter.run(epochs=60, learning_rate=rate)["by_hand"]["losses"]
    least = losses.index(min(losses))
    assert losses[:10] == sorted(losses[:10], reverse=True)
    assert least < 15
    assert losses[-1] > 2 * losses[0]
    assert losses[least:] == sorted(losses[least:])


def test_two_hidden_units_halve_the_lines_loss_and_one_does_not(
    chapter: Chapter, untouched: Cells
) -> None:
    def trained(model: nn.Module, epochs: int) -> float:
        X, y = untouched["X_wave"], untouched["y_wave"]
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(epochs):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(X), y).backward()
            optimizer.step()
        return nn.functional.mse_loss(model(X), y).item()

    half = trained(groundup.LinearRegression(1, seeded(0)), 299) / 2
    found = untouched["units_to_half"]
    for units in (2, 8):
        epochs = found[units]
        assert trained(groundup.MLP(1, units, seeded(0)), epochs) < half
        assert trained(groundup.MLP(1, units, seeded(0)), epochs - 1) > half
    assert found[1] is None
    assert trained(groundup.MLP(1, 1, seeded(0)), 299) > half
    said = chapter.shown(untouched, "units_to_half", mo.Html).text
    assert f"after {found[2]} epochs; eight need {found[8]}" in said


def test_the_switches_break_what_they_say(chapter: Chapter, untouched: Cells) -> None:
    broken = chapter.run(forget_to_zero=True, without_copying=True, with_graph=True)
    stored = [cells["stored"] for cells in (untouched, broken)]
    assert [len({w.data_ptr() for w, _ in s["parameters"]}) for s in stored] == [40, 1]
    assert [sum(isinstance(x, Tensor) for x in s["losses"]) for s in stored] == [0, 40]
    said = chapter.shown(broken, "stored", mo.Html).text
    for words in ("1</strong> different places", "40</strong> graphs are alive"):
        assert words in re.sub(r"\s+", " ", said)
    zeroed, not_zeroed = (
        broken["neglected"][w]["losses"] for w in ("zeroed", "not zeroed")
    )
    assert_identical(zeroed, untouched["neglected"]["zeroed"]["losses"])
    assert not_zeroed[-1] > 10 * zeroed[-1]


def test_the_answer_says_on_which_side_the_guess_was(chapter: Chapter) -> None:
    limit = oracle.largest_stable_learning_rate(chapter.untouched["X"])
    (answer,) = chapter.cells_that_use("guess")
    for guess, side in ((0.3, "too low"), (0.95, "close"), (3.0, "too high")):
        said = chapter.run(guess=guess).outputs[answer].text
        assert f"Your guess of {guess:g} was {side}." in said
        assert f"<strong>{limit:.3f}</strong>" in said


def test_nothing_gives_the_limit_away_before_the_answer(
    chapter: Chapter, untouched: Cells
) -> None:
    limit = f"{oracle.largest_stable_learning_rate(untouched['X']):.3f}"
    texts = [getattr(output, "text", "") for output in untouched.outputs.values()]
    answer = next(i for i, text in enumerate(texts) if "Your guess of" in text)
    before = " ".join(texts[:answer]) + texts[answer].partition("Answer")[0]
    assert not re.search(rf"{limit}|λ|lambda|slowest|explode", before)
    # The explorer shows it when it is asked.
    explorer = untouched.outputs[chapter.cell_that_defines("problems")]
    assert explorer.params["limit"] == "hidden"
    assert limit not in f"{explorer.title} {explorer.description}"


def test_just_the_runs_of_the_sweep_beyond_the_limit_diverge(untouched: Cells) -> None:
    swept = untouched["swept"]
    left = [charts.diverged_at(losses) is not None for losses in swept.losses.tolist()]
    assert left == (swept.learning_rates > untouched["limit"]).tolist()


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_ladders_first_rungs_are_equal_and_all_stay_with_the_closed_form(
    untouched: Cells, rate: float
) -> None:
    runs = [run(30, rate) for run in untouched["rungs"].values()]
    for run in runs[1:3]:
        assert_identical(run.parameters, runs[0].parameters)
    for run in runs:
        off = notebook.largest_difference(run.parameters, runs[-1].parameters)
        assert off < 30 * torch.finfo(torch.float32).eps


def test_the_trainer_takes_the_bare_loops_operations(untouched: Cells) -> None:
    operations = untouched["operations"]
    assert operations["`NaiveTrainer`"] == operations["the bare loop"] > 0


# One line replaced.


def test_the_loop_with_no_line_replaced_is_the_loop(untouched: Cells) -> None:
    data = [untouched[name] for name in ("X", "y", "w", "b")]
    again = untouched["train_with"]({}, *data, 10, 0.1)
    assert_identical(again, untouched["train_by_hand"](*data, 10, 0.1))


def test_the_loop_that_never_zeroes_sums_its_gradients(untouched: Cells) -> None:
    X, y, w, b = (untouched[name] for name in ("X", "y", "w", "b"))
    losses = untouched["train_with"]({7: "pass"}, X, y, w, b, 10, 0.1)["losses"]
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1)
    theta, velocity, expected = torch.cat([w, b.reshape(1, 1)]), 0.0, []
    for _ in range(10):
        error = A @ theta - y
        expected.append(error.square().mean().item())
        velocity = velocity + 2 / len(X) * A.T @ error
        theta = theta - 0.1 * velocity
    assert losses == pytest.approx(expected, rel=1e-4)


def test_each_bug_is_one_line_of_the_loop_and_what_it_should_be_is_that_line(
    untouched: Cells,
) -> None:
    lines = notebook.code_of(untouched["train_by_hand"]).splitlines()
    assert len({bug.line for bug in untouched["quiz_curves"]}) == 10
    for bug in untouched["quiz_curves"]:
        wrong, _ = untouched["bugs"][bug.line]
        assert lines[bug.line - 1].partition("#")[0].strip() == bug.right != wrong


def test_no_two_of_the_ten_curves_and_the_right_one_look_alike(
    chapter: Chapter, untouched: Cells
) -> None:
    drawn = chapter.shown(untouched, "bugs", charts.Content).datasets["runs"]
    runs = [[math.log10(row["y"]) for row in drawn if row["curve"] == i] for i in range(11)]
    reach = max(map(max, runs)) - min(map(min, runs))
    for one, other in combinations(runs, 2):
        pairs = zip_longest(one, other, fillvalue=math.inf)
        assert max(abs(a - b) for a, b in pairs) > 0.05 * reach


def test_the_curve_of_the_broadcast_ends_at_the_loss_of_the_mean(untouched: Cells) -> None:
    (bug,) = [
        bug
        for bug in untouched["quiz_curves"]
        if "flatten" in untouched["bugs"][bug.line][0]
    ]
    dullest = untouched["y"][:512].var(correction=0).item()
    assert bug.losses[-1] == pytest.approx(dullest, rel=0.01)


# The exercises.


def decay_by_torch(
    model: Any, X: Tensor, y: Tensor, epochs: int, lr: float, decay: float
) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr, weight_decay=decay)

    def step() -> float:
        loss = nn.functional.mse_loss(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return [step() for _ in range(epochs)]


def decay_by_ours(
    model: Any, X: Tensor, y: Tensor, epochs: int, lr: float, decay: float
) -> tuple[float, ...]:
    optimizer = groundup.SGD(model.parameters(), lr, weight_decay=decay)
    losses: tuple[float, ...] = ()
    while len(losses) < epochs:
        optimizer.zero_grad()
        loss = ((model(X) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses = (*losses, float(loss.detach()))
    return losses


def decay_by_a_penalty(
    model: Any,
    X: Tensor,
    y: Tensor,
    epochs: int,
    lr: float,
    decay: float,
    told: bool = False,
) -> list[float]:
    losses = []
    for _ in range(epochs):
        model.zero_grad()
        loss = groundup.mean_squared_error(model(X), y)
        whole = loss + decay / 2 * sum(p.square().sum() for p in model.parameters())
        whole.backward()
        for p in model.parameters():
            p.data = p.data - lr * p.grad
        losses.append((whole if told else loss).item())
    return losses


def decay_in_place(
    model: Any,
    X: Tensor,
    y: Tensor,
    epochs: int,
    lr: float,
    decay: float,
    late: bool = False,
    spared: int = 0,
    zero: bool = True,
    graph: bool = False,
) -> list[Any]:
    losses, params = [], [*model.parameters()]
    for _ in range(epochs):
        loss = groundup.mean_squared_error(model(X), y)
        if zero:
            model.zero_grad(set_to_none=False)
        loss.backward()
        for i, p in enumerate(params):
            shrunk = 1 - lr * decay * (i < len(params) - spared)
            if late:
                p.data.sub_(lr * p.grad).mul_(shrunk)
            else:
                p.data.mul_(shrunk).sub_(lr * p.grad)
        losses.append(loss if graph else loss.detach())
    return losses


def decay_by_autograd(
    model: Any, X: Tensor, y: Tensor, epochs: int, lr: float, decay: float
) -> list[float]:
    losses: list[float] = []
    for _ in range(epochs):
        loss = groundup.mean_squared_error(model(X), y)
        gradients = torch.autograd.grad(loss, [*model.parameters()])
        with torch.no_grad():
            for p, g in zip(model.parameters(), gradients, strict=True):
                p.copy_(p - lr * g - lr * decay * p)
        losses += [loss.item()]
    return losses


def decay_by_formula(
    model: Any, X: Tensor, y: Tensor, epochs: int, lr: float, decay: float
) -> list[float]:
    losses = []
    for _ in range(epochs):
        error = (model(X) - y).detach()
        losses.append(error.square().mean().item())
        slopes = {"weights": 2 * X.T @ error / len(X), "bias": 2 * error.mean(0)}
        state = model.state_dict()
        model.load_state_dict(
            {name: p - lr * (slopes[name] + decay * p) for name, p in state.items()}
        )
    return losses


def stopping_by_torch(losses: list[float], patience: int) -> Any:
    if not losses:
        return 0
    best = torch.tensor(losses).cummin(0).values
    places = torch.arange(len(losses))
    renewed = torch.cat([torch.tensor([True]), best[1:] < best[:-1]])
    ages = places - places.where(renewed, 0).cummax(0).values
    old = (ages >= patience).nonzero()
    return old[0, 0] if len(old) else len(losses)


def stopping_by_emptying(losses: list[float], patience: int) -> int:
    best, since, epoch = math.inf, 0, 0
    while losses:
        loss = losses.pop(0)
        since += 1
        if loss < best:
            best, since = loss, 0
        if since == patience:
            return epoch
        epoch += 1
    return epoch


def stopping_by_recursion(losses: list[float], patience: int, epoch: int = 0) -> int:
    if epoch >= len(losses):
        return len(losses)
    seen = losses[: epoch + 1]
    if epoch - seen.index(min(seen)) == patience:
        return epoch
    return stopping_by_recursion(losses, patience, epoch + 1)


def stopping_by_reduction(losses: list[float], patience: int) -> int:
    def step(state: tuple[Any, ...], now: tuple[int, float]) -> tuple[Any, ...]:
        best, since, end = state
        epoch, loss = now
        since = 0 if loss < best else since + 1
        end = epoch if end is None and since >= patience else end
        return min(best, loss), since, end

    *_, end = reduce(step, enumerate(losses), (math.inf, 0, None))
    return len(losses) if end is None else int(end)


def stopping_against_the_one_before(losses: list[float], patience: int) -> int:
    since = 0
    for epoch in range(1, len(losses)):
        since = 0 if losses[epoch] < losses[epoch - 1] else since + 1
        if since == patience:
            return epoch
    return len(losses)


def stopping_that_never_starts_anew(losses: list[float], patience: int) -> int:
    best, bad = math.inf, 0
    for epoch, loss in enumerate(losses):
        bad += loss >= best
        best = min(best, loss)
        if bad == patience:
            return epoch
    return len(losses)


def stopping_that_overlooks_the_last(losses: list[float], patience: int) -> int:
    found = stopping_by_recursion(losses, patience)
    return found + (found == len(losses) - 1 and len(losses) == 5)


def huber_of_parts(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    error = (y_pred - y_true).abs()
    inner = error.clamp(max=delta)
    return (inner**2 / 2 + delta * (error - inner)).mean()


def huber_one_by_one(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    total: Tensor = torch.zeros(1)
    for ours, theirs in zip(y_pred, y_true, strict=True):
        error = abs(ours - theirs)
        total = total + (error**2 / 2 if error <= delta else delta * (error - delta / 2))
    return total.div(len(y_pred))


def huber_of_a_list(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    errors = (y_pred - y_true).flatten().abs().unbind()
    return torch.stack(
        [e.square() / 2 if e < delta else delta * e - delta**2 / 2 for e in errors]
    ).mean()


def huber_by_masks(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    error = (y_pred - y_true).abs()
    losses = torch.empty_like(error)
    small = error <= delta
    losses[small] = error[small] ** 2 / 2
    losses[~small] = delta * (error[~small] - delta / 2)
    return losses.sum() / losses.numel()


def huber_by_a_mask_of_numbers(
    y_pred: Tensor, y_true: Tensor, delta: float = 1.0
) -> Tensor:
    error = y_pred - y_true
    small = (error.abs() <= delta).float()
    large = delta * (error * error.sign() - delta / 2)
    return torch.mean(small * 0.5 * error**2 + (1 - small) * large)


def huber_by_torch(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    return nn.functional.huber_loss(y_pred, y_true, delta=delta)


def huber_by_smooth_l1(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    return delta * nn.functional.smooth_l1_loss(y_pred, y_true, beta=delta)


RIGHT: Right = [
    ("decay", decay_by_torch),
    ("decay", decay_by_ours),
    ("decay", decay_by_a_penalty),
    ("decay", decay_in_place),
    ("decay", decay_by_autograd),
    ("decay", decay_by_formula),
    ("stopping", stopping_by_torch),
    ("stopping", stopping_by_emptying),
    ("stopping", stopping_by_recursion),
    ("stopping", stopping_by_reduction),
    (
        "stopping",
        lambda losses, patience: next(
            (
                i
                for i in range(patience, len(losses))
                if min(losses[: i - patience + 1]) <= min(losses[i - patience + 1 : i + 1])
            ),
            len(losses),
        ),
    ),
    (
        "stopping",
        lambda losses, patience: (
            [
                i - losses.index(best) >= patience
                for i, best in enumerate(accumulate(losses, min))
            ]
            + [True]
        ).index(True),
    ),
    ("huber", huber_of_parts),
    ("huber", huber_one_by_one),
    ("huber", huber_of_a_list),
    ("huber", huber_by_masks),
    ("huber", huber_by_a_mask_of_numbers),
    ("huber", huber_by_torch),
    ("huber", huber_by_smooth_l1),
]


def of(number: int, change: Any) -> Change:
    """A solution that is given one of its arguments changed."""
    return lambda right: lambda *a: right(*a[:number], change(*a), *a[number + 1 :])


def instead(attempt: Attempt, **options: Any) -> Change:
    """Another attempt in the solution's place."""
    return lambda _: lambda *a: attempt(*a, **options)


def linear(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    return delta * ((y_pred - y_true).abs() - delta / 2)


def parted(small: Any, large: Any, size: Any = Tensor.abs) -> Change:
    """A Huber loss with other parts, of errors by their size."""

    def attempt(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
        error = size(y_pred - y_true)
        return torch.where(error <= delta, small(error, delta), large(error, delta)).mean()

    return instead(attempt)


def half(error: Tensor, delta: float) -> Tensor:
    return error**2 / 2


def beyond(error: Tensor, delta: float) -> Tensor:
    return delta * (error - delta / 2)


def changes_its_targets(y_pred: Tensor, y_true: Tensor, delta: float = 1.0) -> Tensor:
    loss = huber_by_torch(y_pred, y_true.clone(), delta)
    y_true -= y_pred.detach()
    return loss


# A mistake → its exercise, words of the hint, and what to change in the solution.
WRONG: Wrong = {
    "leaves the decay out": (
        "decay",
        "the weights do not decay",
        of(5, lambda *a: 0.0),
    ),
    "turns the decay round": ("decay", "look at its sign", of(5, lambda *a: -a[5])),
    "decays at once": (
        "decay",
        "is not multiplied by <code>learning_rate</code>",
        of(5, lambda *a: a[5] / a[4]),
    ),
    "decays too slowly": (
        "decay",
        "by <code>learning_rate</code> twice",
        of(5, lambda *a: a[5] * a[4]),
    ),
    "derives the penalty wrong": ("decay", "is 2p", of(5, lambda *a: 2 * a[5])),
    "spares the bias": (
        "decay",
        "the bias does not decay",
        instead(decay_in_place, spared=1),
    ),
    "never zeroes": ("decay", "nothing zeroes them", instead(decay_in_place, zero=False)),
    "decays afterwards": ("decay", "after the update", instead(decay_in_place, late=True)),
    "trains a copy": ("decay", "has not moved", of(0, lambda *a: copy.deepcopy(a[0]))),
    "trains half as fast": (
        "decay",
        "end elsewhere than those",
        of(4, lambda *a: a[4] / 2),
    ),
    "keeps the graphs": (
        "decay",
        "keeps its graph alive",
        instead(decay_in_place, graph=True),
    ),
    "tells the penalty, too": (
        "decay",
        "no penalty belongs in them",
        instead(decay_by_a_penalty, told=True),
    ),
    "gives the losses after the updates": (
        "decay",
        "those after each update",
        lambda right: lambda *a: [*right(*a)[1:], 0.0],
    ),
    "returns within the loop": ("decay", "there are 1", of(3, lambda *a: 1)),
    "gives the last loss": (
        "decay",
        "this is a <code>float</code>",
        lambda right: lambda *a: right(*a)[-1],
    ),
    "gives a tensor of losses": (
        "decay",
        "this is a <code>Tensor</code>",
        lambda right: lambda *a: torch.tensor(right(*a)),
    ),
    "stops an epoch late": (
        "stopping",
        "should be 2, since 1.0 is then two epochs old; it is 3",
        lambda right: lambda *a: right(*a) + 1,
    ),
    "waits too long": ("stopping", "two epochs old; it is 3", of(1, lambda *a: a[1] + 1)),
    "never stops": (
        "stopping",
        "two epochs old; it is 4",
        lambda right: lambda losses, patience: len(losses),
    ),
    "gives the epoch of the best": (
        "stopping",
        "two epochs old; it is 0",
        lambda right: lambda losses, patience: losses.index(min(losses)),
    ),
    "compares with the epoch before": (
        "stopping",
        "only a loss below the best",
        instead(stopping_against_the_one_before),
    ),
    "takes a tie for a gain": (
        "stopping",
        "only equals the best",
        of(0, lambda losses, _: [loss - 1e-6 * i for i, loss in enumerate(losses)]),
    ),
    "never starts anew": (
        "stopping",
        "starts the count anew",
        instead(stopping_that_never_starts_anew),
    ),
    "overlooks the last epoch": (
        "stopping",
        "the last epoch counts, too",
        instead(stopping_that_overlooks_the_last),
    ),
    "takes no notice of delta": (
        "huber",
        "takes no notice of <code>delta</code>",
        lambda right: lambda y_pred, y_true, delta=1.0: right(y_pred, y_true),
    ),
    "has another delta than 1": (
        "huber",
        "Without a <code>delta</code>",
        lambda right: lambda y_pred, y_true, delta=2.0: right(y_pred, y_true, delta),
    ),
    "takes the sum": (
        "huber",
        "the sum, not the mean",
        lambda right: lambda *a: right(*a) * len(a[0]),
    ),
    "forgets the half": (
        "huber",
        "lack the half",
        parted(lambda e, d: e**2, beyond),
    ),
    "squares everything": ("huber", "large errors are squared", parted(half, half)),
    "squares nothing": ("huber", "small errors are not squared", parted(beyond, beyond)),
    "forgets the sign": (
        "huber",
        "large negative errors",
        parted(half, beyond, size=lambda error: error),
    ),
    "makes a jump": (
        "huber",
        "lack <code>- delta / 2</code>",
        parted(half, lambda e, d: d * e),
    ),
    "forgets a factor": (
        "huber",
        "lack the factor",
        parted(half, lambda e, d: e - d / 2),
    ),
    "is torch's other loss": (
        "huber",
        "as <code>smooth_l1_loss</code> is",
        lambda right: lambda *a: right(*a) / (a[2] if len(a) > 2 else 1.0),
    ),
    "takes no mean": ("huber", "Return the mean, one number", instead(linear)),
    "gives a number": (
        "huber",
        "a <code>float</code> has no graph",
        lambda right: lambda *a: right(*a).item(),
    ),
    "loses the graph": (
        "huber",
        "but it has no graph",
        lambda right: lambda *a: right(*a).detach(),
    ),
    "loses half of the graph": (
        "huber",
        "not its gradient",
        parted(half, lambda e, d: beyond(e, d).detach()),
    ),
    "changes the targets": (
        "huber",
        "belongs to the caller",
        instead(changes_its_targets),
    ),
}


def test_every_exercise_gets_six_wrong_attempts_and_six_right_ones(
    chapter: Chapter,
) -> None:
    for attempts in ([*WRONG.values()], RIGHT):
        tried = Counter(exercise for exercise, *_ in attempts)
        assert tried.keys() == exercises(chapter.file).keys()
        assert min(tried.values()) >= 6


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
