"""Chapter six: what its cells compute, its prose claims, and its exercises accept."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup import (
    Callback,
    Dropout,
    Linear,
    Trainer,
    charts,
    load_digits,
)
from groundup.checkpoints import ResumedLoader
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import (
    Attempt,
    Change,
    Right,
    Wrong,
)
from tests.notebooks.measured import ratio

pytestmark = only(6)

STEPS, PER_EPOCH = 48, 8


@pytest.fixture(scope="module")
def cells(chapter: Chapter) -> Cells:
    """What the chapter's cells define before any control is moved."""
    return chapter.untouched


def said(chapter: Chapter, cells: Cells, name: str) -> str:
    """The words of the cell that defines a name."""
    text: str = cells.outputs[chapter.cell_that_defines(name)]._repr_markdown_()
    return " ".join(text.split())


# The run, by torch's pieces.


class ByTorch:
    """The chapter's run without its trainer: weights and validation losses of its steps.

    Args:
        before: a run whose weights and dropout's generator it takes over.
        done: after so many steps.
    """

    def __init__(self, before: "ByTorch | None" = None, done: int = 0) -> None:
        images, classes = load_digits()
        pictures = images.flatten(1)
        first, second, drops, order = (seeded(i) for i in range(4))
        self.model = nn.Sequential(
            Linear(64, 16, first), nn.ReLU(), Dropout(0.2, drops), Linear(16, 10, second)
        )
        if before is not None:
            weights = before.weights[done - 1].clone()
            nn.utils.vector_to_parameters(weights, self.model.parameters())
            drops.set_state(before.drops[done - 1])
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.02, weight_decay=0.01)
        self.weights: list[Tensor] = []
        self.losses: list[float] = []
        self.batches: list[Tensor] = []
        self.drops: list[Tensor] = []
        for step in range(STEPS - done):
            if step % PER_EPOCH == 0:
                positions = torch.randperm(256, generator=order).split(32)
            batch = positions[step % PER_EPOCH]
            for group in optimizer.param_groups:
                group["lr"] = 0.02 * rate(step)
            self.model.train()
            optimizer.zero_grad()
            logits = self.model(pictures[batch])
            nn.functional.cross_entropy(logits, classes[batch]).backward()
            optimizer.step()
            self.model.eval()
            with torch.no_grad():
                logits = self.model(pictures[256:512])
                loss = nn.functional.cross_entropy(logits, classes[256:512])
            self.losses.append(loss.item())
            self.weights.append(
                nn.utils.parameters_to_vector(self.model.parameters()).detach().clone()
            )
            self.batches.append(pictures[batch])
            self.drops.append(drops.get_state())


def rate(step: int) -> float:
    """Four steps up, and half a wave of a cosine down."""
    if step < 4:
        return (step + 1) / 4
    return (1 + math.cos(math.pi * (step - 4) / (STEPS - 4))) / 2


@pytest.fixture(scope="module")
def true_run() -> ByTorch:
    return ByTorch()


def test_the_run_that_nobody_killed_is_torchs(cells: Cells, true_run: ByTorch) -> None:
    assert cells["course"].losses == pytest.approx(true_run.losses, rel=2e-3)
    torch.testing.assert_close(
        cells["true_weights"], torch.stack(true_run.weights), atol=2e-3, rtol=0
    )
    torch.testing.assert_close(cells["true_batches"], torch.stack(true_run.batches))


def test_weights_alone_take_the_run_elsewhere_to_a_lower_loss(
    chapter: Chapter, cells: Cells, true_run: ByTorch
) -> None:
    again = ByTorch(true_run, 20)
    assert cells["naive_course"].losses == pytest.approx(again.losses, rel=5e-3)
    expected = [
        (a - b).norm().item()
        for a, b in zip(true_run.weights[20:], again.weights, strict=True)
    ]
    assert cells["naive_distances"] == pytest.approx(expected, rel=0.02)
    assert again.losses[-1] < true_run.losses[-1]
    moved = (true_run.weights[-1] - true_run.weights[19]).norm().item()
    assert cells["moved"] == pytest.approx(moved, rel=0.01)
    assert f"{cells['naive_distances'][-1]:.2f} (the norm" in said(chapter, cells, "moved")
    shown = chapter.shown(cells, "naive_distances", charts.Content)
    assert "Resumed after step 20" in shown.description


# What is forgotten.


def test_with_everything_the_weights_are_the_same_wherever_it_is_killed(
    chapter: Chapter, cells: Cells
) -> None:
    true = cells["course"]
    for kill, later in cells["wrong_runs"]["nothing"].items():
        assert later.losses == true.losses[kill:]
        assert_identical(torch.stack(later.weights), cells["true_weights"][kill:])
    assert cells["kills"] == [*range(4, 48, 4)]
    assert cells["exact_resumes"] == 11
    assert "0 at the end of 11 of 11 runs" in said(chapter, cells, "exact_resumes")


def test_each_forgotten_thing_takes_a_run_elsewhere_but_the_place_at_an_epochs_end(
    cells: Cells,
) -> None:
    for name, runs in cells["wrong_runs"].items():
        for kill, later in runs.items():
            apart = not torch.equal(
                torch.stack(later.weights), cells["true_weights"][kill:]
            )
            between = kill % PER_EPOCH == 0
            right = name == "nothing" or (name == "the place" and between)
            assert apart is not right, (name, kill)
    assert cells["harmless"] == ["the place"]


def test_without_the_schedules_count_the_rate_begins_anew(
    cells: Cells, true_run: ByTorch
) -> None:
    """Its only fault: at step 20 of torch's run the rate is the first one again."""
    assert cells["most"] == max(
        (name for name in cells["ends"] if name not in ("nothing", "all but the model")),
        key=lambda name: max(apart for _, apart in cells["ends"][name].values()),
    )
    assert cells["most"] == "the schedule's count"
    assert cells["first"] == "the moments"
    late = cells["ends"]["the schedule's count"][44][1]
    assert late > 5 * max(
        cells["ends"][name][44][1] for name in ("the loader's order", "dropout's generator")
    )


def test_without_the_moments_the_loss_comes_back_and_the_weights_do_not(
    chapter: Chapter, cells: Cells
) -> None:
    true, later = cells["course"], cells["wrong_runs"]["the moments"][20]
    off = max(abs(a - b) for a, b in zip(later.losses, true.losses[20:], strict=True))
    assert cells["shock"] == pytest.approx(off)
    assert off < 0.03
    first, *_, last = true.distances(later, 20)
    assert last > first > 0
    told = said(chapter, cells, "shock")
    assert f"never more than {off:.2f} off" in told
    assert f"{first:.2f} away after one step, are {last:.2f} away at the end" in told


def test_wrong_resumes_that_look_better_are_counted(chapter: Chapter, cells: Cells) -> None:
    last = cells["course"].losses[-1]
    wrong = [
        later.losses[-1]
        for runs in cells["wrong_runs"].values()
        for later in runs.values()
        if not torch.equal(later.weights[-1], cells["true_weights"][-1])
    ]
    better = sum(loss < last for loss in wrong)
    assert (cells["looks_better"], len(cells["wrong_ends"])) == (better, len(wrong))
    assert better > 10
    told = said(chapter, cells, "looks_better")
    assert f"Of {len(wrong)} wrong resumes {better} end" in told


def test_the_explorer_draws_these_runs(chapter: Chapter, cells: Cells) -> None:
    numbers = chapter.shown(cells, "wrong_runs", charts.Content).params["numbers"]
    for i, kill in enumerate(numbers["kills"]):
        for j, name in enumerate(numbers["names"]):
            later = cells["wrong_runs"][name][kill]
            assert numbers["again"][i][j] == pytest.approx(later.losses, rel=1e-3)
            apart = (cells["true_weights"][kill:] - torch.stack(later.weights)).norm(dim=1)
            assert numbers["distances"][i][j] == pytest.approx(apart.tolist(), rel=1e-3)


# Random states, twice.


def test_one_of_the_two_random_states_is_not_enough(chapter: Chapter, cells: Cells) -> None:
    rows = cells["twice"]
    assert [row["digits seen twice in this epoch"] > 0 for row in rows.values()] == [
        True,
        False,
        False,
    ]
    assert [row["the next epoch's order"] for row in rows.values()] == [
        "the true one",
        "this epoch's again",
        "the true one",
    ]
    assert [row["distance at the end"] > 0 for row in rows.values()] == [True, True, False]


def test_with_the_saves_states_alone_the_next_epochs_half_comes_too_early(
    cells: Cells, true_run: ByTorch
) -> None:
    done = {tuple(row) for row in torch.cat(true_run.batches[16:20]).tolist()}
    rest = {tuple(row) for row in torch.cat(true_run.batches[28:32]).tolist()}
    assert cells["repeated"] == len(done & rest) > 0


# Files.


@pytest.mark.parametrize("careless", [False, True])
def test_a_save_that_dies_leaves_the_old_file_or_half_of_the_new(
    chapter: Chapter, careless: bool
) -> None:
    left = {row["file"]: row for row in chapter.run(careless=careless)["left_over"]}
    whole = left["`run.pt`"]
    if careless:
        assert [*left] == ["`run.pt`"]
        assert whole["size"] == "20 kB"
        assert "unreadable" in whole["torch.load"]
    else:
        assert whole["torch.load"] == "step 8"
        assert left["`run.pt.part`"]["size"] == "20 kB" != whole["size"]


def test_one_bit_of_one_weight_is_wrong(cells: Cells) -> None:
    right, wrong = cells["contents"][20], cells["rotten"]
    pairs = [(a, b) for a, b in zip(right, wrong, strict=True) if a != b]
    assert [(a ^ b).bit_count() for a, b in pairs] == [1]
    weight = cells["states"][20]["model"]["3.weight"][5, 3].item()
    told = [float(cells[name].replace("−", "-")) for name in ("trained", "sixteenfold")]
    assert told == pytest.approx([weight, 16 * weight], abs=0.005)


def test_who_believes_the_wrong_bit_goes_another_way(
    chapter: Chapter, cells: Cells
) -> None:
    true, believed = cells["course"], cells["believed"]
    assert believed.losses[0] > true.losses[20] + 0.02
    told = said(chapter, cells, "believed")
    assert f"is {believed.losses[0]:.2f} and not {true.losses[20]:.2f}" in told
    apart = (believed.weights[-1] - true.weights[-1]).norm().item()
    assert f"still {apart:.2f} away" in told


@pytest.mark.parametrize("trusting", [False, True])
def test_a_flipped_bit_is_believed_or_passed_over(chapter: Chapter, trusting: bool) -> None:
    cells = chapter.run(trusting=trusting)
    true = chapter.untouched["true_weights"]
    later = torch.stack(cells["rotten_course"].weights)
    assert cells["done"] == (20 if trusting else 16)
    assert torch.equal(later, true[cells["done"] :]) is not trusting
    told = said(chapter, cells, "refusal")
    assert "refuses: `20.pt is damaged: the checksum of" in told


@pytest.mark.parametrize("listed_first", [False, True])
def test_a_checkpoint_before_the_log_loses_it_a_line(
    chapter: Chapter, listed_first: bool
) -> None:
    cells = chapter.run(listed_first=listed_first)
    epochs = [row["epoch"] for row in cells["log_lines"]]
    assert epochs == ([1, 2, 4, 5, 6] if listed_first else [1, 2, 3, 4, 5, 6])
    assert cells["resumed_run"].step == STEPS
    assert "last callback" in chapter.untouched["not_last"]


# Killed.


@pytest.mark.parametrize("step", [3, 16, 22, 47])
def test_a_run_that_is_killed_and_called_again_has_the_same_hash_and_log(
    chapter: Chapter, step: int
) -> None:
    cells = chapter.run(killed_at=step)
    assert cells["revived"] == cells["unharmed"] == chapter.untouched["unharmed"]
    saves = (s for s in range(step + 1) if s % 5 == 0 or s % PER_EPOCH == 0)
    assert cells["found"] == max(saves)


def test_most_of_these_deaths_are_in_mid_epoch(chapter: Chapter, cells: Cells) -> None:
    assert cells["found"] % PER_EPOCH > 0
    stops = cells["killed_at"].steps
    assert sum(max(s // 5 * 5, s // 8 * 8) % PER_EPOCH > 0 for s in stops) >= 5


def test_a_real_process_is_killed_and_resumed_to_the_same_bits(cells: Cells) -> None:
    life = cells["life"]
    for early in (life.strike, life.go_on):
        assert "start a run first" in early()
    assert "runs: 48 steps" in life.begin()
    first = life.process
    assert "kill it first" in life.go_on()
    assert f"Process {first.pid} ended with -9" in life.strike()
    assert "was over already" in life.strike()
    told = life.go_on()
    assert told.count(cells["unharmed"][0]) == 2
    assert "the same bytes" in told
    assert "differs" not in told
    life.end()


def test_cut_at_every_step_everything_is_equal(chapter: Chapter, cells: Cells) -> None:
    steps = len(cells["cuts"])
    assert steps == 2 * PER_EPOCH + 2 - 1  # after each step and epoch, but the last
    assert set(cells["equal"].values()) == {steps}
    kinds = [type(c).__name__ for c in cells["whole"].callbacks]
    assert kinds == ["EarlyStopping", "BestWeights", "LogFile", "Checkpoint"]
    assert f"{steps} of {steps}" in said(chapter, cells, "sizes")


def test_equality_finds_a_single_bit(cells: Cells) -> None:
    same = cells["same"]
    one = {"a": [torch.ones(2), 1.0, (1, "x")]}
    assert same(one, {"a": [torch.ones(2), 1.0, (1, "x")]})
    for other in (
        {"a": [torch.ones(2).nextafter(torch.tensor(2.0)), 1.0, (1, "x")]},
        {"a": [torch.ones(2).double(), 1.0, (1, "x")]},
        {"a": [torch.ones(2), 1.0, (1, "y")]},
        {"b": [torch.ones(2), 1.0, (1, "x")]},
    ):
        assert not same(one, other)


def test_a_save_has_these_bytes_and_none_while_it_is_not_due(cells: Cells) -> None:
    parameters = 64 * 16 + 16 + 16 * 10 + 10
    sizes = cells["sizes"]
    assert sizes["weights"] == 4 * parameters
    assert sizes["AdamW's moments and counts"] >= 8 * parameters
    *parts, whole = sizes.values()
    assert sum(parts) == whole == len(cells["contents"][20])
    assert cells["per_parameter"] == 12
    assert cells["with_one"] == cells["without_one"] > 0
    assert cells["row_of_a_view"] > 4 * 1000 * 1000


# The exercises.


def one_by_one(saved: list[tuple[int, float]], last: int) -> list[int]:
    """The first exercise, as a loop that finds the best."""
    best = None
    for step, loss in saved:
        if not math.isnan(loss) and (best is None or loss <= best[1]):
            best = (step, loss)
    kept = [step for step, _ in saved[max(0, len(saved) - last) :]]
    return kept if best is None or best[0] in kept else [best[0], *kept]


def by_minimum(saved: list[tuple[int, float]], last: int) -> tuple[int, ...]:
    """The first exercise, where what is no number is infinite."""
    numbers = [pair for pair in saved if not math.isnan(pair[1])]
    best = [min(numbers, key=lambda pair: pair[1])] if numbers else []
    return tuple({step for step, _ in [*best, *saved[-last:]]})


def by_tensors(saved: list[tuple[int, float]], last: int) -> set[int]:
    """The first exercise, as torch sorts."""
    kept = {step for step, _ in saved[-last:]}
    losses = torch.tensor([loss for _, loss in saved]).nan_to_num(nan=math.inf)
    if losses.isfinite().any():
        kept.add(saved[int(losses.argmin())][0])
    return kept


class AtDeadline(Callback):
    """The second exercise, by the next point in time."""

    def __init__(
        self, seconds: float, save: Callable[[Trainer], None], clock: Callable[[], float]
    ) -> None:
        self.seconds, self.save, self.clock = seconds, save, clock

    def on_train_start(self, trainer: Trainer) -> None:
        self.due = self.clock() + self.seconds

    def on_step_end(self, trainer: Trainer) -> None:
        now = self.clock()
        if now >= self.due:
            self.save(trainer)
            self.due = now + self.seconds


class ByAge(AtDeadline):
    """The second exercise, by the age that each step adds to."""

    def on_train_start(self, trainer: Trainer) -> None:
        self.age, self.then = 0.0, self.clock()

    def on_step_end(self, trainer: Trainer) -> None:
        now = self.clock()
        self.age, self.then = self.age + now - self.then, now
        if self.age >= self.seconds:
            self.save(trainer)
            self.age = 0.0


def closed_over(
    seconds: float, save: Callable[[Trainer], None], clock: Callable[[], float]
) -> Callback:
    """The second exercise, as two functions about one list."""
    then: list[float] = []

    def begin(self: Any, trainer: Trainer) -> None:
        then[:] = [clock()]

    def look(self: Any, trainer: Trainer) -> None:
        if clock() - then[0] < seconds:
            return
        save(trainer)
        begin(self, trainer)

    made: Callback = type(
        "Aged", (Callback,), {"on_train_start": begin, "on_step_end": look}
    )()
    return made


RIGHT: Right = [
    ("keep", one_by_one),
    ("keep", by_minimum),
    ("keep", by_tensors),
    ("keep", lambda saved, last: torch.tensor(sorted(by_tensors(saved, last)))),
    ("age", AtDeadline),
    ("age", ByAge),
    ("age", closed_over),
]


def kept(act: Callable[[list[tuple[int, float]], int], Any]) -> Change:
    """An attempt at the first exercise."""
    return lambda right: act


def pairs(saved: list[tuple[int, float]], last: int) -> Any:
    return saved[-last:]


def a_number(saved: list[tuple[int, float]], last: int) -> Any:
    return 3


def aged(
    start: str = "on_train_start",
    end: str = "on_step_end",
    late: float = 0,
    once: bool = False,
    again: bool = True,
) -> Change:
    """A save by age that begins to count at one hook and looks at another."""

    def attempt(
        seconds: float, save: Callable[[Trainer], None], clock: Callable[[], float]
    ) -> Callback:
        def begin(self: Any, trainer: Any = None) -> None:
            if not (once and hasattr(self, "then")):
                self.then = clock()

        def look(self: Any, trainer: Trainer) -> None:
            if clock() - self.then >= seconds + late:
                save(trainer)
                if again:
                    self.then = clock()

        made: Callback = type("Attempted", (Callback,), {start: begin, end: look})()
        return made

    return lambda right: attempt


def no_clock(right: Attempt) -> Attempt:
    return lambda seconds, save, clock: right(seconds, save, lambda: 0.0)


def saves_twice(right: Attempt) -> Attempt:
    def attempt(seconds: float, save: Callable[[Trainer], None], clock: Any) -> Any:
        def twice(trainer: Trainer) -> None:
            save(trainer)
            save(trainer)

        return right(seconds, twice, clock)

    return attempt


def saves_at_the_end(right: Attempt) -> Attempt:
    def attempt(seconds: float, save: Callable[[Trainer], None], clock: Any) -> Any:
        made = right(seconds, save, clock)
        made.on_train_end = save
        return made

    return attempt


WRONG: Wrong = {
    "forgets the best": (
        "keep",
        "which is the best",
        kept(lambda s, k: {n for n, _ in s[-k:]}),
    ),
    "takes the oldest": (
        "keep",
        "one of the newest",
        kept(
            lambda s, k: (
                {n for n, _ in s[:k]} | {min(s, key=lambda p: p[1])[0]} if s else set()
            )
        ),
    ),
    "keeps all": (
        "keep",
        "neither among the newest nor the best",
        kept(lambda s, k: [n for n, _ in s]),
    ),
    "believes NaN": (
        "keep",
        "NaN",
        kept(
            lambda s, k: (
                {n for n, _ in s[-k:]}
                | ({min(s, key=lambda p: (not math.isnan(p[1]), p[1]))[0]} if s else set())
            )
        ),
    ),
    "returns pairs": ("keep", "Return steps, not pairs", kept(pairs)),
    "returns a number": ("keep", "Return a collection of steps", kept(a_number)),
    "finds the least of nothing": (
        "keep",
        "Where all losses are NaN, it raises ValueError",
        kept(
            lambda s, k: (
                {n for n, _ in s[-k:]}
                | {min((p for p in s if not math.isnan(p[1])), key=lambda p: p[1])[0]}
            )
        ),
    ),
    "sorts what it is given": (
        "keep",
        "leave it as it is",
        lambda right: lambda s, k: (right(s, k), s.sort(key=lambda p: p[1]))[0],
    ),
    "returns a class": (
        "age",
        "Return an instance",
        lambda right: lambda *given: AtDeadline,
    ),
    "never asks": ("age", "never ask the clock", no_clock),
    "counts from where it is made": ("age", "count from where", aged("__init__")),
    "waits for more": ("age", "exactly so much has passed", aged(late=0.5)),
    "looks before a step": ("age", "ask at a step's end", aged(end="on_step_start")),
    "counts from the start": ("age", "count from the last save", aged(again=False)),
    "saves twice": ("age", "once after a step is enough", saves_twice),
    "counts anew each epoch": ("age", "over an epoch's end", aged("on_epoch_start")),
    "counts anew each step": ("age", "only when you have saved", aged("on_step_start")),
    "looks as an epoch ends": ("age", "look as each step ends", aged(end="on_epoch_end")),
    "saves as the run ends, too": ("age", "not as an epoch", saves_at_the_end),
    "counts all calls as one": ("age", "take the time anew", aged(once=True)),
}


def test_the_chapter_lists_its_pieces(chapter: Chapter) -> None:
    pieces = [
        ResumedLoader.__iter__,
        ResumedLoader._rest,
    ]
    assert [piece for piece in pieces if piece not in chapter.listed] == []


# What was measured.


def figures(tenfold: float) -> dict[str, list[float]]:
    """A cell's first words → the ratios that it names, if ours is that much slower."""
    return {
        "And time?": [
            factor * ratio("checkpoint", who, setting=f"{size} parameters")
            for size in ("2,410", "614,410")
            for who, factor in (
                ("groundup", tenfold),
                ("lightning", 1.0),
                ("transformers", 1.0),
            )
        ]
    }
