"""Chapter five: what its cells compute, its prose claims, and its exercises accept."""

import copy
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup import (
    BestWeights,
    Callback,
    DataLoader,
    Dataset,
    Dropout,
    EarlyStopping,
    Linear,
    LinearRegression,
    LogFile,
    Trainer,
    accuracy,
    charts,
    cross_entropy,
    load_digits,
    make_regression,
    notebook,
    random_split,
)
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import (
    Attempt,
    Change,
    Right,
    Wrong,
)

pytestmark = only(5)


@pytest.fixture(scope="module")
def cells(chapter: Chapter) -> Cells:
    """What the chapter's cells define before any control is moved."""
    return chapter.untouched


def said(chapter: Chapter, cells: Cells, name: str) -> str:
    """The words of the cell that defines a name."""
    text: str = cells.outputs[chapter.cell_that_defines(name)]._repr_markdown_()
    return " ".join(text.split())


def lines(content: charts.Content) -> dict[str, list[float]]:
    """A chart's curves: a name → its values."""
    found: dict[str, list[float]] = {}
    for row in content.datasets["losses"]:
        found.setdefault(row["line"], []).append(row["y"])
    return found


# Five wishes.


def by_torch(epochs: int) -> tuple[list[float], list[list[Tensor]]]:
    """Chapter three's memoriser with torch's pieces: validation losses, and weights."""
    X, y = make_regression(60, 30, 1.0, seeded(3), weights=torch.eye(30)[:, :1])
    train, val = random_split(Dataset(X, y), [0.5, 0.5], seeded(0))
    model = LinearRegression(30, seeded(0))
    nn.init.zeros_(model.weights)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    loader = DataLoader(train, 10, shuffle=True, generator=seeded(0))
    losses, weights = [], []
    for _ in range(epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        with torch.no_grad():
            inputs, targets = val.tensors
            losses.append(nn.functional.mse_loss(model(inputs), targets).item())
        weights.append([p.detach().clone() for p in model.parameters()])
    return losses, weights


def test_both_loops_stop_in_time_and_put_back_the_best_weights(cells: Cells) -> None:
    losses, weights = by_torch(20)
    best = losses.index(min(losses))
    for run in (cells["by_hand"], cells["by_pieces"]):
        assert run.val_losses == pytest.approx(losses[: best + 6], rel=1e-5)
    for model in (cells["model_by_hand"], cells["model"]):
        torch.testing.assert_close([*model.parameters()], weights[best])
    assert cells["best"].epoch == best + 1


def test_pieces_give_what_the_swollen_loop_gives_bit_for_bit(
    chapter: Chapter, cells: Cells
) -> None:
    assert_identical(cells["by_hand"].train_losses, cells["by_pieces"].train_losses)
    assert_identical(cells["by_hand"].val_losses, cells["by_pieces"].val_losses)
    assert cells["by_hand_log"] == cells["pieces_log"]
    rows = [json.loads(line) for line in cells["pieces_log"].splitlines()]
    assert [row["val_loss"] for row in rows] == cells["by_pieces"].val_losses
    for p, q in zip(
        cells["model"].parameters(), cells["model_by_hand"].parameters(), strict=True
    ):
        assert_identical(p.detach(), q.detach())
    assert set(cells["rungs"].values()) == {True}
    assert "differs" not in said(chapter, cells, "rungs")


def test_without_its_wishes_the_swollen_loop_is_the_plain_one(
    chapter: Chapter, cells: Cells
) -> None:
    wishes = {"bar", "log", "stop", "best", "curves"}
    marked = [{*line.partition("  # ")[2].split(", ")} for line in cells["lines_swollen"]]
    assert set().union(*marked) == {*wishes, ""}
    left = [
        line
        for line, of in zip(cells["lines_swollen"], marked, strict=True)
        if not of & wishes
    ]
    # Seven lines are no wish's, but the name, and what opens and closes the block.
    plain = [line.strip() for line in cells["lines_plain"]]
    added = [line.strip() for line in left if line.strip() not in plain]
    assert [line for line in added if not line.startswith(("def ", "for epoch"))] == [
        "with (",
        "):",
    ]


def test_a_wish_taken_out_breaks_another_one_in_silence(
    chapter: Chapter, cells: Cells
) -> None:
    losses, _ = by_torch(60)
    least = min(losses)
    for wish in ("bar", "log", "curves"):
        epochs, left = cells["without"](wish)
        assert (epochs, left) == (7, pytest.approx(least, rel=1e-5))
    # Without a stop all weights are the best; without the best nothing is a gain.
    assert cells["without"]("stop") == (60, pytest.approx(losses[-1], rel=1e-5))
    assert cells["without"]("best")[0] == 5
    told = [row["take them out, and"] for row in cells["swelling"]]
    assert told == [
        "the others work",
        "the others work",
        f"weights with a loss of {losses[-1]:.2f} are put back",
        "it stops after 5 epochs",
        "the others work",
    ]


# Ten classes.


def split() -> tuple[Dataset, Dataset]:
    images, classes = load_digits()
    train, val = random_split(Dataset(images.flatten(1), classes), [0.8, 0.2], seeded(0))
    return train, val


def digit_run(
    model: nn.Module, epochs: int, data: Dataset | None = None, size: int = 64
) -> tuple[list[float], list[float], list[Tensor]]:
    """Validation losses, accuracies and what is read, by torch's pieces."""
    train, val = split()
    loader = DataLoader(data or train, size, shuffle=True, generator=seeded(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses, shares, read = [], [], []
    for _ in range(epochs):
        model.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            logits = model(val.tensors[0])
            losses.append(nn.functional.cross_entropy(logits, val.tensors[1]).item())
            read.append(logits.argmax(1))
            shares.append((read[-1] == val.tensors[1]).float().mean().item())
    return losses, shares, read


def network(units: int, dropout: nn.Module | None = None) -> nn.Module:
    draw = seeded(0)
    first, second = Linear(64, units, draw), Linear(units, 10, draw)
    return nn.Sequential(first, nn.ReLU(), dropout or nn.Identity(), second)


def test_the_table_of_surprises_is_torchs(chapter: Chapter, cells: Cells) -> None:
    for row in cells["surprises"]:
        z = torch.zeros(1, 10, dtype=torch.float64)
        z[0, 0] = row["one logit, the others 0"]
        z.requires_grad_()
        loss = nn.functional.cross_entropy(z, torch.tensor([1]))
        loss.backward()
        assert z.grad is not None
        assert row["`log_softmax`"] == pytest.approx(loss.item(), rel=1e-6)
        assert row["its gradient "] == pytest.approx(z.grad[0, 1].item(), rel=1e-6)
    *_, wrong, worst = cells["surprises"]
    assert math.isnan(wrong["its gradient"])
    assert worst["`softmax`, then `log`"] == math.inf


def test_an_untrained_network_has_no_idea(chapter: Chapter, cells: Cells) -> None:
    losses, shares, _ = digit_run(network(32), 0)
    untrained = cells["untrained"]
    train, val = split()
    with torch.no_grad():
        logits = network(32)(val.tensors[0])
    expected = nn.functional.cross_entropy(logits, val.tensors[1]).item()
    assert untrained["loss"] == pytest.approx(expected, rel=1e-5)
    assert untrained["loss"] == pytest.approx(math.log(10), rel=0.05)
    assert untrained["accuracy"] < 0.2
    assert f"log 10 = 2.303. It is {expected:.3f}" in said(chapter, cells, "untrained")
    assert (losses, shares) == ([], [])
    assert (len(train), len(val)) == (1438, 359)


@pytest.mark.parametrize(("units", "rate", "epochs"), [(8, 0.1, 2), (32, 0.001, 4)])
def test_the_live_run_follows_its_sliders(
    chapter: Chapter, units: int, rate: float, epochs: int
) -> None:
    moved = chapter.run(units=units, learning_rate=rate, epochs=epochs)
    train, val = split()
    model, optimizer_ = network(units), torch.optim.SGD
    loader = DataLoader(train, 64, shuffle=True, generator=seeded(0))
    optimizer = optimizer_(model.parameters(), lr=rate, momentum=0.9)
    result = Trainer(
        model,
        nn.functional.cross_entropy,
        optimizer,
        loader,
        epochs=epochs,
        val_loader=DataLoader(val, 512),
        metrics={"accuracy": accuracy},
    ).train()
    assert moved["watched"].val_losses == pytest.approx(result.val_losses, rel=1e-3)
    shown = chapter.shown(moved, "watched", charts.Content)
    assert {*lines(shown)} == {"train", "validation"}
    told = said(chapter, moved, "right_share")
    assert f"{result.metrics['accuracy'][-1]:.1%} are right" in told


# A stop that remembers nothing, and the best weights.


def by_heart() -> list[float]:
    train, _ = split()
    losses, *_ = digit_run(network(32), 60, Dataset(*train[:60]), 20)
    return losses


def test_looking_back_stops_where_counting_stopped_and_stays_there(
    chapter: Chapter, cells: Cells
) -> None:
    losses = by_heart()
    best = losses.index(min(losses))
    assert cells["turns"] == best + 1
    assert cells["looked"] == [best + 6] * 3
    ends = [0]
    for _ in range(3):  # the first loss after each start is a gain, and then five are none
        rest = losses[ends[-1] :]
        gains = [i for i, loss in enumerate(rest) if loss < min(rest[:i], default=math.inf)]
        gaps = zip(gains, [*gains[1:], len(rest)], strict=True)
        ends.append(ends[-1] + next(i + 6 for i, after in gaps if after > i + 5))
    once, twice, thrice = cells["counted"]
    assert [once, twice, thrice] == ends[1:]
    assert once == best + 6 < twice < thrice
    told = said(chapter, cells, "counted")
    assert f"{once} epochs after the first call, {twice} after the second" in told
    for once_more in (False, True):
        shown = chapter.shown(chapter.run(once_more=once_more), "stopped", charts.Content)
        drawn = {name: len(run) for name, run in lines(shown).items()}
        assert drawn == {"counts": twice if once_more else once, "looks back": once}


def test_references_put_back_the_last_weights_and_copies_the_best(
    chapter: Chapter, cells: Cells
) -> None:
    losses = by_heart()
    copied, referred = (chapter.run(by_reference=switch) for switch in (False, True))
    assert copied["put_back"] == pytest.approx(min(losses), rel=1e-3)
    assert referred["put_back"] == pytest.approx(losses[-1], rel=1e-3)
    assert losses[-1] > 1.1 * min(losses)
    shown = chapter.shown(referred, "put_back", charts.Content)
    assert lines(shown)["put back"] == [pytest.approx(losses[-1], rel=1e-3)] * 2


# Dropout, and the two modes.


def test_without_a_share_dropout_changes_nothing(chapter: Chapter, cells: Cells) -> None:
    assert cells["no_dropout_no_change"] is True
    assert "it is `network`, bit for bit" in said(chapter, cells, "no_dropout_no_change")


def test_under_dropout_the_training_loss_is_the_larger_and_at_rest_the_smaller(
    chapter: Chapter, cells: Cells
) -> None:
    losses, shares, _ = digit_run(network(32, Dropout(0.5, seeded(1))), 15)
    run = cells["half_run"]
    assert run.val_losses == pytest.approx(losses, rel=1e-3)
    assert run.metrics["accuracy"] == pytest.approx(shares, abs=0.01)
    assert cells["at_rest"] < run.val_losses[-1] < 0.5 * run.train_losses[-1]


def test_validated_in_training_mode_it_trembles_and_changes_the_run(
    chapter: Chapter, cells: Cells
) -> None:
    asleep, awake = cells["half_run"], cells["awake_run"]
    assert awake.val_losses[-1] > 2 * asleep.val_losses[-1]
    assert awake.metrics["accuracy"][-1] < asleep.metrics["accuracy"][-1] - 0.05
    assert awake.train_losses[0] == asleep.train_losses[0]
    assert awake.train_losses[1] != asleep.train_losses[1]
    both = {"in eval mode": asleep.val_losses, "in training": awake.val_losses}
    for switch in (False, True):
        shown = chapter.shown(chapter.run(awake=switch), "awake", charts.Content)
        assert lines(shown) == dict([*both.items()][: 1 + switch])


# Which are misread, and as what?


@pytest.mark.parametrize(("width", "share"), [(0, 0), (1, 2), (2, 1)])
def test_the_grids_runs_are_those_of_torchs_pieces(
    cells: Cells, width: int, share: int
) -> None:
    dropout = Dropout((0.0, 0.25, 0.5)[share], seeded(1))
    losses, _, read = digit_run(network((16, 32, 128)[width], dropout), 3)
    assert cells["grid_val"][width, share, :3].tolist() == pytest.approx(losses, rel=1e-3)
    assert (cells["grid_read"][width, share, :3] != torch.stack(read)).sum() <= 2


def test_looking_at_what_is_read_changes_no_run(cells: Cells) -> None:
    assert cells["grid_val"][1, 2].tolist() == pytest.approx(cells["half_run"].val_losses)


def test_dropout_harms_few_units_and_hardly_helps_many(
    chapter: Chapter, cells: Cells
) -> None:
    least = cells["least_of"]
    narrow, wide = least[:, 0], least[:, 2]
    assert narrow[:, 0].max() < narrow[:, 1:].min()
    assert wide[:, 1].mean() < wide[:, 0].mean()
    assert abs(wide[:, 1:].mean() - wide[:, 0].mean()) < wide[:, 0].max() - wide[:, 0].min()
    # A seed is no verdict: the first one says otherwise of the wide one.
    assert cells["grid_val"].min(-1).values.argmin(1).tolist() == [0, 0, 0]
    told = said(chapter, cells, "least_of")
    assert "no dropout at 3 of 3 widths" in told
    assert f"| 16 | {narrow[:, 0].mean():.3f} ({narrow[:, 0].min():.3f} to " in told


def test_another_seed_is_another_start_in_another_order(cells: Cells) -> None:
    least = cells["least_of"]
    assert len({*least[:, 0, 0].tolist()}) == len(least) == 3
    losses, _, _ = digit_run(network(16, Dropout(0.0)), 15)
    assert least[0, 0, 0].item() == pytest.approx(min(losses), rel=1e-3)


def test_the_commonest_mistakes_are_counted(chapter: Chapter, cells: Cells) -> None:
    _, val = split()
    pairs: Counter[tuple[int, int]] = Counter()
    for row in cells["grid_read"][:, :, -1].flatten(0, 1).tolist():
        pairs.update(
            (digit, read)
            for digit, read in zip(val.tensors[1].tolist(), row, strict=True)
            if digit != read
        )
    assert cells["pairs"] == pairs
    assert [pairs[pair] for pair in cells["commonest"]] == [
        count for _, count in pairs.most_common(3)
    ]
    wrong = cells["grid_read"][:, :, -1] != val.tensors[1]
    assert torch.equal(cells["always_wrong"], wrong.flatten(0, 1).all(0))
    number = int(cells["always_wrong"].sum())
    assert 0 < number < 10
    assert f"{number} pictures are wrong in all nine" in said(chapter, cells, "pairs")


def test_the_layers_and_losses_are_torchs(chapter: Chapter, cells: Cells) -> None:
    linear, dropout, loss, trained = cells["from_torch"].values()
    assert dropout == 0
    assert 0 < linear < 1e-6
    assert loss < 1e-6
    assert trained < 1e-5
    assert "| `Dropout` | 0 |" in said(chapter, cells, "from_torch")


# What a callback may not do, and what it costs.


def test_a_hook_that_clips_works_and_deceives_who_comes_before_it(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["in_a_hook"] == cells["in_a_wrapper"]
    first, last = cells["first"].norms, cells["last"].norms
    assert len(first) == len(last) == 3 * 23
    assert max(last) == pytest.approx(0.5, rel=1e-4)
    assert max(first) > 1
    for before, after in zip(first, last, strict=True):
        assert after == pytest.approx(min(before, 0.5), rel=1e-4)
    assert "bit for bit the one" in said(chapter, cells, "clips_alike")


def test_a_hook_that_raises_is_five_functions_away_and_the_others_hear_of_the_end(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["way"] == ["train", "_train_epoch", "_train_step", "_call", "on_step_end"]
    assert cells["last_words"] == "IndexError: list index out of range"
    assert cells["listening"].heard
    assert "through 5 functions" in said(chapter, cells, "way")


def test_a_callback_costs_what_it_does(chapter: Chapter, cells: Cells) -> None:
    calls = {row["callback"]: row["calls"] for row in cells["prices"]}
    steps = 2 * 3
    assert calls == {
        "`Callback`": 0,
        "`EarlyStopping`": 1 + 2,
        "`LogFile`": 1 + 2 + 2 + 1,
        "`BestWeights`": 1 + 2 + 1,
        "`Norms`": 1 + steps,
    }
    operations = {row["callback"]: row["operations of torch"] for row in cells["prices"]}
    assert operations["`Callback`"] == operations["`EarlyStopping`"] == 0
    assert operations["`LogFile`"] == 0 < operations["`BestWeights`"]
    assert operations["`Norms`"] % steps == 0


# The exercises.


class AtBackward(Callback):
    """The first exercise, by Python's numbers, before the update."""

    def on_backward_end(self, trainer: Trainer) -> None:
        assert trainer.loss is not None
        if not math.isfinite(trainer.loss.item()):
            trainer.stop("no number")


class ByDifference(Callback):
    """The first exercise: what is no number has no difference of 0 from itself."""

    def on_step_end(self, trainer: Trainer) -> None:
        assert trainer.loss is not None
        if (trainer.loss - trainer.loss).item() != 0:
            trainer.stop("what is this?")


class OneVector(Callback):
    """The second exercise, as one long vector."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_backward_end(self, trainer: Trainer) -> None:
        parts = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
        self.norms.append(float(torch.cat(parts).norm()))


class ByTorch(OneVector):
    """The second exercise, by what torch clips with."""

    def on_backward_end(self, trainer: Trainer) -> None:
        norm = nn.utils.clip_grad_norm_(trainer.model.parameters(), math.inf)
        self.norms += [norm.item()]


class Deadline(Callback):
    """The third exercise, by a point in time."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds, self.clock = seconds, clock

    def on_train_start(self, trainer: Trainer) -> None:
        self.deadline = self.clock() + self.seconds

    def on_step_end(self, trainer: Trainer) -> None:
        if self.clock() >= self.deadline:
            trainer.stop("time is up")


def left_over(seconds: float, clock: Callable[[], float]) -> Callback:
    """The third exercise, by what is left after each step."""

    class Budget(Callback):
        def on_train_start(self, trainer: Trainer) -> None:
            self.left, self.then = seconds, clock()

        def on_step_end(self, trainer: Trainer) -> None:
            now = clock()
            self.left, self.then = self.left - (now - self.then), now
            if self.left <= 0:
                trainer.stop(f"{seconds} s")

    return Budget()


RIGHT: Right = [
    ("nan", AtBackward),
    ("nan", ByDifference),
    ("norms", OneVector),
    ("norms", ByTorch),
    ("limit", Deadline),
    ("limit", left_over),
]


def listening(hook: str, act: Callable[[Any, Trainer], None], **values: Any) -> Change:
    """An attempt without arguments: a callback that acts at a hook."""

    def attempt() -> Callback:
        kind = type("Attempted", (Callback,), {hook: act, **copy.deepcopy(values)})
        made: Callback = kind()
        return made

    return lambda right: attempt


def limited(
    start: str = "on_train_start",
    end: str = "on_step_end",
    late: float = 0,
    once: bool = False,
) -> Change:
    """A time limit that begins to count at one hook and looks at another."""

    def attempt(seconds: float, clock: Callable[[], float]) -> Callback:
        def begin(self: Any, trainer: Any = None) -> None:
            if not (once and hasattr(self, "began")):
                self.began = clock()

        def look(self: Any, trainer: Trainer) -> None:
            if clock() - self.began >= seconds + late:
                trainer.stop("time is up")

        made: Callback = type("Attempted", (Callback,), {start: begin, end: look})()
        return made

    return lambda right: attempt


def no_clock(right: Attempt) -> Attempt:
    return lambda seconds, clock: right(seconds, lambda: 0.0)


def the_class(right: Attempt) -> Attempt:
    return lambda: AtBackward


def write(value: Callable[[Trainer], Any]) -> Callable[[Any, Trainer], None]:
    return lambda self, trainer: self.norms.append(value(trainer))


def norms(trainer: Trainer) -> Tensor:
    grads = [p.grad for p in trainer.model.parameters() if p.grad is not None]
    return torch.stack([grad.norm() for grad in grads])


def norm(trainer: Trainer) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(norms(trainer))
    return length


def shortens(self: Any, trainer: Trainer) -> None:
    self.norms.append(norm(trainer).item())
    nn.utils.clip_grad_norm_(trainer.model.parameters(), 0.1)


def stops_what_is_large(self: Any, trainer: Trainer) -> None:
    assert trainer.loss is not None
    if not trainer.loss.abs().item() < 1e6:
        trainer.stop("!")


WRONG: Wrong = {
    "returns a class": ("nan", "Return an instance", the_class),
    "looks at an epoch's end": (
        "nan",
        "stops after step 4",
        listening(
            "on_epoch_end",
            lambda self, t: (
                None if math.isfinite(t.result.train_losses[-1]) else t.stop("no number")
            ),
        ),
    ),
    "misses infinities": (
        "nan",
        "has a loss of inf, and the run is not stopped",
        listening("on_step_end", lambda self, t: t.stop("NaN") if t.loss.isnan() else None),  # type: ignore[union-attr]
    ),
    "misses what is negative": (
        "nan",
        "has a loss of -inf, and the run is not stopped",
        listening("on_step_end", lambda self, t: None if t.loss < 1e10 else t.stop("NaN")),  # type: ignore[operator]
    ),
    "stops always": (
        "nan",
        "where the loss is still a number",
        listening("on_step_end", lambda self, t: t.stop("one is enough")),
    ),
    "stops what is large": (
        "nan",
        "large, but a number",
        listening("on_step_end", stops_what_is_large),
    ),
    "stops what is well": (
        "nan",
        "losses are all numbers",
        listening(
            "on_step_end",
            lambda self, t: (
                t.stop("?") if t.step == 12 or not t.loss.isfinite() else None  # type: ignore[union-attr]
            ),
        ),
    ),
    "gives no reason": (
        "nan",
        "gives no reason",
        listening("on_step_end", lambda self, t: None if t.loss.isfinite() else t.stop("")),  # type: ignore[union-attr]
    ),
    "has no list": (
        "norms",
        "should have a list",
        listening("on_backward_end", lambda self, t: None),
    ),
    "writes once an epoch": (
        "norms",
        "for each of 12 steps, but has 3",
        listening("on_epoch_end", write(lambda t: 1.0), norms=[]),
    ),
    "looks after the update": (
        "norms",
        "what clipping has left",
        listening("on_step_end", write(lambda t: norm(t).item()), norms=[]),
    ),
    "keeps tensors": (
        "norms",
        "floats, not tensors",
        listening("on_backward_end", write(norm), norms=[]),
    ),
    "forgets the root": (
        "norms",
        "take its root",
        listening("on_backward_end", write(lambda t: norm(t).item() ** 2), norms=[]),
    ),
    "changes the run": (
        "norms",
        "look, and change nothing",
        listening("on_backward_end", shortens, norms=[]),
    ),
    "adds the norms up": (
        "norms",
        "the root of the sum of their squares",
        listening("on_backward_end", write(lambda t: norms(t).sum().item()), norms=[]),
    ),
    "takes the largest": (
        "norms",
        "take all together",
        listening("on_backward_end", write(lambda t: norms(t).max().item()), norms=[]),
    ),
    "looks at the first": (
        "norms",
        "take all together",
        listening("on_backward_end", write(lambda t: norms(t)[0].item()), norms=[]),
    ),
    "looks at the last": (
        "norms",
        "take all together",
        listening("on_backward_end", write(lambda t: norms(t)[-1].item()), norms=[]),
    ),
    "writes the loss": (
        "norms",
        "The first norm should be",
        listening("on_backward_end", write(lambda t: t.loss.item()), norms=[]),  # type: ignore[union-attr]
    ),
    "never asks": ("limit", "never ask the clock", no_clock),
    "counts from where it is made": ("limit", "count from where", limited("__init__")),
    "looks before a step": ("limit", "it took one more", limited(end="on_step_start")),
    "waits for more": ("limit", "it took one more", limited(late=0.5)),
    "looks at the epoch's end": (
        "limit",
        "ask at a step's end",
        limited(end="on_epoch_end"),
    ),
    "counts all calls as one": ("limit", "take the time anew", limited(once=True)),
}


def test_the_chapter_lists_its_pieces(chapter: Chapter) -> None:
    pieces = [
        LogFile.on_epoch_end,
        EarlyStopping.on_epoch_end,
        BestWeights.on_epoch_end,
        notebook.LiveCurves.on_epoch_end,
        cross_entropy,
        accuracy,
        Linear.forward,
        Dropout.forward,
    ]
    assert [piece for piece in pieces if piece not in chapter.listed] == []
