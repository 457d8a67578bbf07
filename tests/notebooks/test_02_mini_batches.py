"""Chapter two: what its cells compute, its prose claims, and its exercises accept."""

import copy
import math
import re
import statistics
from collections.abc import Callable, Iterator
from itertools import chain, islice, pairwise
from typing import Any

import marimo as mo
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader as TorchDataLoader
from torch.utils.data import TensorDataset

from groundup import (
    SGD,
    Average,
    DataLoader,
    Dataset,
    Trainer,
    charts,
    count_operations,
    evaluate,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import (
    Attempt,
    Change,
    Right,
    Wrong,
    exercises,
)
from tests.notebooks.measured import ratio
from tests.notebooks.mini_batches import Equal, losses_of_the_trainer

pytestmark = only(2)

Setting = dict[str, Any]
START: Setting = {
    "batch_size": 32,
    "learning_rate": 0.05,
    "epochs": 10,
    "seed": 0,
    "shuffle": True,
}
WILD = START | {"batch_size": 8, "learning_rate": 1.0}
SETTINGS: dict[str, Setting] = {
    "as it opens": START,
    "small, far and long": WILD | {"epochs": 20},
    "large, slow, short and in order": {
        "batch_size": 512,
        "learning_rate": 0.001,
        "epochs": 1,
        "seed": 9,
        "shuffle": False,
    },
}


@pytest.fixture(scope="module")
def cells(chapter: Chapter) -> Cells:
    """What the chapter's cells define before any control is moved."""
    return chapter.untouched


def rows(table: mo.Html) -> list[list[str]]:
    """A table's words, row by row, without its headings."""
    lines = [
        re.findall(r"<td.*?>(.*?)</td>", line, re.S) for line in table.text.split("<tr>")
    ]
    return [[re.sub("<.*?>", "", word).strip() for word in line] for line in lines if line]


def loss_of(model: Any, X: Tensor, y: Tensor) -> float:
    """On all samples at once."""
    with torch.no_grad():
        return mean_squared_error(model(X), y).item()


def lines(chapter: Chapter, cells: Cells, runs: str) -> set[str]:
    """The names of the curves in the chart of these runs."""
    return {
        row["line"] for row in chapter.shown(cells, runs, charts.Content).datasets["losses"]
    }


# What a batch is a sample of.


def test_work_and_memory_of_a_step_grow_with_the_batch(cells: Cells) -> None:
    costs = cells["step_costs"]
    assert [cost["samples"] for cost in costs] == [10**2, 10**3, 10**4, 10**5]
    for less, more in pairwise(costs):
        assert more["operations"] == pytest.approx(10 * less["operations"])
        assert more["megabytes"] == pytest.approx(10 * less["megabytes"], rel=0.1)
    # A product and a sum for each weight and sample; two layers forward, the gradients of
    # both by their weights, and one by its inputs.
    layers = (6 * 16, 16)
    assert costs[0]["operations"] == 100 * 2 * (2 * sum(layers) + layers[1]) / 1e6


def test_the_gradient_of_each_sample_is_autograds(cells: Cells) -> None:
    X, y, model = (cells[name] for name in ("X", "y", "model"))
    assert cells["gradients"].shape == (512, 7)
    for sample in range(0, 512, 37):
        one = slice(sample, sample + 1)
        loss = mean_squared_error(model(X[one]), y[one])
        by_autograd = torch.autograd.grad(loss, list(model.parameters()))
        expected = torch.cat([part.flatten() for part in by_autograd])
        torch.testing.assert_close(cells["gradients"][sample], expected)


def test_the_gradient_of_all_is_the_mean_of_the_samples_gradients(cells: Cells) -> None:
    X, y, model = (cells[name] for name in ("X", "y", "model"))
    loss = mean_squared_error(model(X), y)
    by_autograd = torch.autograd.grad(loss, list(model.parameters()))
    expected = torch.cat([part.flatten() for part in by_autograd])
    torch.testing.assert_close(cells["gradients"].mean(0), expected)


def test_the_spread_of_batches_follows_the_formula(cells: Cells) -> None:
    gradients = cells["gradients"]
    n = len(gradients)
    one = (gradients - gradients.mean(0)).square().sum(1).mean().sqrt().item()
    assert list(cells["spreads"]) == [2**i for i in range(10)]
    for size, spread in cells["spreads"].items():
        expected = one / math.sqrt(size) * math.sqrt((n - size) / (n - 1))
        assert spread == pytest.approx(expected, rel=0.12, abs=1e-5 * one), size


def test_the_answer_says_twice_as_close(cells: Cells) -> None:
    assert cells["spreads"][8] == pytest.approx(2 * cells["spreads"][32], rel=0.1)


# The loop by hand, and its pains.


def test_a_small_batch_gets_further_in_ten_epochs(cells: Cells) -> None:
    whole, small = cells["first_runs"].values()
    assert len(whole) == len(small) == 10
    assert whole[-1] > 4 * small[-1]


class Batches:
    """What gives the batches of a slip, drawn anew for each epoch.

    Args:
        cells: the chapter's.
        batch_size: samples in a batch.
        cut: a batch's number and positions → its inputs and targets; None for none.
    """

    def __init__(self, cells: Cells, batch_size: int, cut: Callable[..., Any]) -> None:
        self.data = cells["data"].tensors
        self.batch_size, self.cut = batch_size, cut
        self.generator = seeded(0)

    def __iter__(self) -> Iterator[Any]:
        order = torch.randperm(512, generator=self.generator)
        batches = enumerate(order.split(self.batch_size))
        return (b for b in (self.cut(*self.data, i, p) for i, p in batches) if b)


def by_the_trainer(cells: Cells, batches: Batches) -> tuple[list[float], Any]:
    model = copy.deepcopy(cells["model"])
    optimizer = SGD(model.parameters(), 0.05)
    run = Trainer(model, mean_squared_error, optimizer, batches, epochs=10).train()
    return run.train_losses, model


def test_the_mismatched_run_is_one_whose_targets_stay_in_the_files_order(
    cells: Cells,
) -> None:
    def cut(X: Tensor, y: Tensor, number: int, positions: Tensor) -> tuple[Tensor, Tensor]:
        return X[positions], y[32 * number : 32 * number + 32]

    losses, student = cells["runs"]["mismatched"]
    expected, model = by_the_trainer(cells, Batches(cells, 32, cut))
    assert losses == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(student.weights, model.weights)


def test_mismatched_slices_teach_the_mean_and_shrink_the_weights(cells: Cells) -> None:
    (_, right), (losses, wrong) = cells["runs"].values()
    y = cells["y"]
    dullest = (y - y.mean()).square().mean().item()
    assert cells["variance"] == pytest.approx(dullest)
    assert losses[0] > 2 * losses[-1]
    assert losses[-1] == pytest.approx(dullest, rel=0.05)
    assert losses[-1] > dullest
    assert wrong.bias.item() == pytest.approx(y.mean().item(), abs=0.2)
    truth = cells["true_w"].norm().item()
    assert right.weights.norm().item() == pytest.approx(truth, rel=0.05)
    assert wrong.weights.norm() < 0.15 * truth < cells["model"].weights.norm()
    words = cells["what_it_learns"]
    lengths = [m.weights.norm() for m in (cells["model"], wrong, right)]
    for number in (losses[-1], dullest, *lengths, truth):
        assert f"{number:.2f}" in words


def test_the_mismatched_curve_is_drawn_by_its_switch(
    chapter: Chapter, cells: Cells
) -> None:
    broken = chapter.run(mismatch=True)
    assert lines(chapter, cells, "slices") == {"always the mean", "matched"}
    assert lines(chapter, broken, "slices") == {"always the mean", "matched", "mismatched"}
    assert broken["slices"]["mismatched"] == cells["runs"]["mismatched"][0]
    assert cells["slices"]["matched"] == cells["first_runs"]["by 32"]


def test_one_batch_short_half_of_the_samples_are_never_seen_and_the_report_is_half(
    chapter: Chapter, cells: Cells
) -> None:
    def cut(X: Tensor, y: Tensor, number: int, positions: Tensor) -> Any:
        return None if number else (X[positions], y[positions])

    expected, model = by_the_trainer(cells, Batches(cells, 256, cut))
    right, short = cells["cut_losses"].values()
    assert short == pytest.approx(
        (expected[-1] / 2, loss_of(model, cells["X"], cells["y"])), rel=1e-5
    )
    assert short[0] / short[1] == pytest.approx(0.5, abs=0.06)
    assert right[1] < right[0] < 1.3 * right[1]
    table = rows(cells.outputs[chapter.cell_that_defines("cut_losses")])
    for (_, *shown), numbers in zip(table, (right, short), strict=True):
        assert [float(word) for word in shown] == pytest.approx(numbers, rel=6e-3)


def test_the_loop_by_hand_can_not_train_a_part_of_a_model_and_the_pieces_can(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["complaint"].startswith("TypeError: ")
    assert "NoneType" in cells["complaint"]
    model = copy.deepcopy(cells["model"])
    model.bias.requires_grad_(False)
    before = model.bias.clone()
    optimizer, loader = SGD(model.parameters(), 0.05), DataLoader(cells["data"], 32)
    losses = chapter.module.train(model, mean_squared_error, optimizer, loader, 10)
    assert losses[0] > 4 * losses[-1]
    assert_identical(model.bias, before)


@pytest.mark.parametrize(("short", "least"), [(1, 0.1), (16, 0.005), (32, 0)])
def test_the_mean_of_batch_means_is_off_as_long_as_the_last_batch_is_short(
    chapter: Chapter, short: int, least: float
) -> None:
    moved = chapter.run(last_batch=short)
    of_batches, of_samples = moved["of_batches"], moved["of_samples"]
    off = abs(of_batches / of_samples - 1)
    assert off >= least
    assert short < 32 or off < 1e-6
    shown = rows(moved.outputs[chapter.cell_that_defines("of_batches")])
    assert [float(row[1]) for row in shown] == pytest.approx(
        [of_samples, of_batches], rel=0.01
    )
    assert shown[1][2] == f"{off:.1%}"


def test_the_shorter_the_last_batch_the_further_off_is_the_mean_of_means(
    cells: Cells,
) -> None:
    model, by_loader = cells["model"], means_by_the_loader
    here = [by_loader(model, last, seed=28) for last in (1, 16, 32)]
    middle = [
        statistics.median(by_loader(model, last, seed) for seed in range(300))
        for last in (1, 16)
    ]
    assert here[0] > 5 * here[1] > 5 * here[2]
    assert middle[0] > 5 * middle[1]
    words = cells["means_differ"]
    assert f"With 16 by {here[1]:.1%} here" in words
    assert f"by {middle[1]:.1%} in the middle" in words
    assert f"by {here[0]:.0%} here, and {middle[0]:.0%} in the middle" in words


def means_by_the_loader(model: Any, last: int, seed: int) -> float:
    """How far the mean over batches is off, of so many samples in the last one."""
    X, y = make_regression(128, 6, 0.5, seeded(seed), bias=2.0)
    data = Dataset(X[: 96 + last], y[: 96 + last])
    batches = [loss_of(model, *batch) for batch in DataLoader(data, 32)]
    return abs(statistics.fmean(batches) / loss_of(model, *data.tensors) - 1)


def test_the_last_batch_starts_where_it_gives_no_answer_away(cells: Cells) -> None:
    control = cells["last_batch"]
    assert control.start < control.value < control.stop


# The loader's order.


@pytest.mark.parametrize("size", [1, 5, 7, 24])
@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize("drop", [True, False], ids=["short one dropped", "short one kept"])
def test_the_picture_of_batches_is_what_its_controls_say(
    chapter: Chapter, size: int, shuffle: bool, drop: bool
) -> None:
    controls = {"order_size": size, "order_shuffle": shuffle, "order_drop": drop}
    loader = DataLoader(
        Dataset(torch.arange(24)),
        size,
        shuffle=shuffle,
        generator=seeded(0),
        drop_last=drop,
    )
    expected = [[positions.tolist() for (positions,) in loader] for _ in range(4)]
    assert drawn(chapter, controls) == expected
    whole = [sorted(chain.from_iterable(epoch)) for epoch in expected]
    assert drop or whole == [list(range(24))] * 4


def drawn(chapter: Chapter, controls: Setting) -> list[list[list[int]]]:
    """The batches as the chapter's picture shows them.

    Epoch by epoch, each with its samples in their order.
    """
    cells = chapter.run(**controls)
    batches: list[list[list[int]]] = cells["drawn_batches"]
    shown = chapter.shown(cells, "drawn_batches", charts.Content).datasets["cells"]
    for e, epoch in enumerate(batches, start=1):
        for b, positions in enumerate(epoch, start=1):
            in_sight = [r["sample"] for r in shown if (r["epoch"], r["batch"]) == (e, b)]
            assert in_sight == sorted(positions)
    in_some = [row for row in shown if row["batch"]]
    assert len(in_some) == sum(len(positions) for epoch in batches for positions in epoch)
    return batches


# The loop that is left.


def test_the_loop_that_is_left_is_a_dozen_lines(chapter: Chapter) -> None:
    (loop,) = [n for n in chapter.tree.body if getattr(n, "name", None) == "train"]
    assert 12 <= (loop.end_lineno or 0) - loop.lineno <= 14


def test_put_together_the_pieces_give_what_the_loop_by_hand_gave(cells: Cells) -> None:
    assert cells["bit_for_bit"] is True
    assert_identical(cells["losses_again"], cells["first_runs"]["by 32"])


# The live section.


@pytest.fixture(scope="module", params=SETTINGS.values(), ids=[*SETTINGS])
def setting(request: pytest.FixtureRequest) -> Setting:
    asked: Setting = request.param
    return asked


@pytest.fixture(scope="module")
def moved(chapter: Chapter, setting: Setting) -> Cells:
    """What the chapter's cells define once the live section's controls are moved."""
    return chapter.run(**setting)


def test_the_chapter_opens_as_its_page_says(cells: Cells) -> None:
    assert {name: cells[name].value for name in START} == START


def losses_at(cells: Cells, setting: Setting) -> list[float]:
    """What the trainer says of the live section's run."""
    model = copy.deepcopy(cells["model"])
    loader = DataLoader(
        cells["data"],
        setting["batch_size"],
        shuffle=setting["shuffle"],
        generator=seeded(setting["seed"]),
    )
    optimizer = SGD(model.parameters(), setting["learning_rate"])
    return (
        Trainer(model, mean_squared_error, optimizer, loader, epochs=setting["epochs"])
        .train()
        .train_losses
    )


def test_the_loop_is_told_what_the_controls_say(
    cells: Cells, moved: Cells, setting: Setting
) -> None:
    assert_identical(moved["losses"], losses_at(cells, setting))


@pytest.mark.parametrize(
    ("control", "value"), (WILD | {"epochs": 3, "seed": 4, "shuffle": False}).items()
)
def test_a_control_alone_can_be_moved(
    chapter: Chapter, cells: Cells, control: str, value: Any
) -> None:
    losses = chapter.run(**{control: value})["losses"]
    assert_identical(losses, losses_at(cells, START | {control: value}))
    assert losses != cells["losses"]


def test_there_and_back_gives_the_same_run(chapter: Chapter, cells: Cells) -> None:
    there = chapter.run(**SETTINGS["large, slow, short and in order"])["losses"]
    assert there != cells["losses"][:1]
    assert_identical(chapter.run(**START)["losses"], cells["losses"])


def test_only_the_highest_learning_rate_diverges_and_the_chart_says_so(
    chapter: Chapter, moved: Cells, setting: Setting
) -> None:
    chart = chapter.shown(moved, "losses", charts.Content)
    said = f"{chart.title} {chart.description}"
    diverges = setting["learning_rate"] == 1.0
    assert (charts.diverged_at(moved["losses"]) is not None) == diverges
    assert ("diverged at epoch" in said) == diverges


@pytest.mark.parametrize(("size", "diverges"), [(8, True), (512, False)])
def test_at_a_rate_that_all_the_data_stands_small_batches_diverge(
    chapter: Chapter, size: int, diverges: bool
) -> None:
    losses = chapter.run(batch_size=size, learning_rate=0.7)["losses"]
    assert (charts.diverged_at(losses) is not None) == diverges


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
def test_the_seed_moves_the_curve_of_a_shuffled_run_alone(
    chapter: Chapter, shuffle: bool
) -> None:
    runs = [chapter.run(seed=seed, shuffle=shuffle)["losses"] for seed in (0, 5)]
    assert (runs[0] != runs[1]) == shuffle


def test_the_sliders_reach_from_slow_to_diverging(cells: Cells) -> None:
    assert cells["batch_size"].steps == [8, 16, 32, 64, 128, 256, 512]
    rates = cells["learning_rate"].steps
    assert rates == sorted(rates)
    assert rates[0] == 0.001
    assert rates[-1] == WILD["learning_rate"]


# The equivalence ladder.


def test_the_first_three_rungs_are_equal_bit_for_bit_and_the_others_to_a_rounding(
    chapter: Chapter, moved: Cells, setting: Setting
) -> None:
    rungs = list(moved["rungs"].values())
    differences = [
        [distance(ours, theirs) for ours, theirs in zip(piece, other, strict=True)]
        for piece, other in zip(rungs[::2], rungs[1::2], strict=True)
    ]
    assert len(differences) == 5
    assert differences[:3] == [[0, 0]] * 3
    if setting is not SETTINGS["small, far and long"]:
        assert max(differences[3] + differences[4]) < 1e-5
    table = rows(chapter.shown(moved, "rungs", mo.Html))
    for row, numbers, piece in zip(table, differences, rungs[::2], strict=True):
        for word, number, ours in zip(row[2:], numbers, piece, strict=True):
            finite = ours is None or torch.as_tensor(ours).isfinite().all()
            assert (word != LOST) == finite
            assert word == LOST or float(word or 0) == pytest.approx(number, rel=0.06)


LOST = "both diverged"


def distance(ours: Any, theirs: Any) -> float:
    """The largest difference of two rungs' parameters or losses.

    Infinities and NaNs in the same places are none.
    """
    if ours is None:
        assert theirs is None
        return 0
    ours, theirs = (torch.as_tensor(v, dtype=torch.float64) for v in (ours, theirs))
    assert ours.shape == theirs.shape
    together = ours.isfinite() & theirs.isfinite()
    assert_identical(ours.masked_fill(together, 0), theirs.masked_fill(together, 0))
    return float((ours - theirs)[together].abs().max()) if together.any() else 0


def test_the_rungs_hold_what_the_loop_computes(cells: Cells) -> None:
    whole, naive, batches, by_hand, ours, theirs, *_, at_once = cells["rungs"].values()
    assert_identical(batches[1], cells["losses"][:5])
    assert_identical(whole[1][:2], naive[1][:2])
    assert len(whole[1]) == len(ours[1]) == 5
    assert ours[1] != batches[1]
    assert whole[0].shape == by_hand[0].shape == theirs[0].shape == (7,)
    assert whole[1][0] == pytest.approx(at_once[1])
    assert whole[1][-1] > 2 * batches[1][-1]


def test_one_run_that_diverged_alone_is_infinitely_far_from_the_other(
    chapter: Chapter,
) -> None:
    off_by = chapter.module.off_by
    assert off_by([1.0, math.nan], [1.0, math.inf]) == "both diverged"
    assert off_by([1.0, math.nan], [1.0, 2.0]) == "inf"
    assert off_by([1.0, 2.0], [1.0, math.inf]) == "inf"
    assert off_by([1.0, 2.0], [1.0, 2.0]) == "0"


# The explorer.


@pytest.mark.parametrize("equal", ["epochs", "updates"])
@pytest.mark.parametrize(("size", "rate"), [(2, 6), (32, 0), (32, 13), (64, 19), (512, 16)])
def test_a_lane_of_the_explorer_is_a_run_of_the_trainer(
    cells: Cells, equal: Equal, size: int, rate: int
) -> None:
    runs = cells["by_epoch"] if equal == "epochs" else cells["by_update"]
    lane = runs[int(math.log2(size)), rate]
    expected = losses_of_the_trainer(cells, equal, size, cells["rates"][rate].item())
    assert len(lane) == len(expected) == (13 if equal == "epochs" else 25)
    assert lane.tolist() == pytest.approx(expected, rel=1e-4)


def test_the_explorers_rates_are_even_on_a_log_axis_and_written_in_two_figures(
    cells: Cells,
) -> None:
    rates = cells["rates"].tolist()
    assert rates[-1] == 1
    assert all(b / a == pytest.approx(math.sqrt(2), rel=0.07) for a, b in pairwise(rates))
    assert rates == pytest.approx([float(f"{rate:.2g}") for rate in rates])


def test_runs_of_the_explorer_diverge_where_the_trainers_do(cells: Cells) -> None:
    by_both: list[tuple[Equal, Any]] = [
        ("epochs", cells["by_epoch"]),
        ("updates", cells["by_update"]),
    ]
    for equal, runs in by_both:
        assert not runs[0, -1, -1].isfinite()
        assert not math.isfinite(losses_of_the_trainer(cells, equal, 1, 1.0)[-1])


def test_middling_batches_do_well_at_equal_epochs_and_all_large_ones_at_equal_updates(
    cells: Cells,
) -> None:
    start = len(cells["rates"]) // 2
    good = []
    for runs in (cells["by_epoch"], cells["by_update"]):
        ends = runs[:, start, -1]
        good.append([2**i for i in range(10) if ends[i] < 1.02 * ends.min()])
    for sizes in good:
        assert sizes == [sizes[0] * 2**i for i in range(len(sizes))]
    assert 1 < good[0][0] < 32 <= good[0][-1] < 512
    assert good[1][-1] == 512
    for sizes in good:
        assert f"{sizes[0]} to {sizes[-1]}" in cells["which_sizes"]


def test_each_batch_size_does_as_well_at_a_rate_that_grows_with_it(cells: Cells) -> None:
    ends = cells["by_epoch"][..., -1].nan_to_num(nan=math.inf)
    assert ends.min(1).values.max() < 1.02 * ends.min()
    suited = [cells["rates"][i].item() for i in ends.argmin(1)]
    ratios = [b / a for a, b in pairwise(suited)]
    assert all(1.3 < ratio < 2.9 for ratio in ratios)
    assert statistics.geometric_mean(ratios) == pytest.approx(2, rel=0.1)


# Break it yourself.


def test_in_the_files_order_the_loss_on_all_samples_is_much_higher_than_reported(
    chapter: Chapter, cells: Cells
) -> None:
    broken = chapter.run(in_file_order=True)
    (shuffled,) = cells["cloud_runs"].values()
    again, ordered, reported = broken["cloud_runs"].values()
    assert again.losses == shuffled.losses
    assert len(shuffled.losses) == len(ordered.losses) == 16
    assert shuffled.losses[0] == ordered.losses[0]
    assert ordered.losses[-1] > 1.7 * shuffled.losses[-1]
    assert len(reported) == 15
    assert reported[-1] < 0.8 * ordered.losses[-1]
    assert lines(chapter, cells, "cloud_runs") == {"shuffled"}
    assert lines(chapter, broken, "cloud_runs") == {"shuffled", "in order", "as reported"}


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
def test_the_clouds_runs_are_the_trainers(cells: Cells, shuffle: bool) -> None:
    clouds = cells["clouds"]
    assert clouds.tensors[1].flatten().tolist() == [0] * 100 + [1] * 100
    fresh = copy.deepcopy(cells["model"])
    fresh = type(fresh)(2, seeded(0))
    loader = DataLoader(clouds, 20, shuffle=shuffle, generator=seeded(0))
    optimizer = SGD(fresh.parameters(), 0.2)
    run = Trainer(fresh, mean_squared_error, optimizer, loader, epochs=15).train()
    reported, measured = cells["train_on_clouds"](shuffle=shuffle)
    assert_identical(reported, run.train_losses)
    whole = evaluate(fresh, DataLoader(clouds, 200), {"loss": mean_squared_error})
    assert measured[-1] == pytest.approx(whole["loss"])


# What it costs.


def test_the_pieces_ask_torch_for_less_than_the_loop_by_hand(
    chapter: Chapter, cells: Cells
) -> None:
    by_hand, over_pieces = cells["operations"].values()
    assert over_pieces < by_hand
    X, y = cells["data"].tensors
    model = copy.deepcopy(cells["model"])
    train = chapter.module.train_by_hand
    counted = count_operations(
        lambda: train(model, mean_squared_error, X, y, 1, 32, 0.1, seeded())
    )
    assert counted.total() == by_hand


def test_torchs_loader_asks_for_two_rows_a_sample_and_ours_for_a_handful(
    cells: Cells,
) -> None:
    drawn, fetched, stacked, ours = cells["loader_operations"].values()
    assert fetched - drawn == 2 * 512
    assert stacked >= fetched + 2 * 16
    assert ours < 16


def test_no_cell_looks_at_the_clock(chapter: Chapter) -> None:
    assert chapter.timed_cells == set()


def test_the_frameworks_averages_of_ten_losses_are_as_told(
    chapter: Chapter, cells: Cells
) -> None:
    squares = [i * i for i in range(10)]
    of_means = [statistics.fmean(squares[i : i + 4]) for i in (0, 4, 8)]
    assert cells["weighed"].value() == pytest.approx(statistics.fmean(squares))
    assert cells["of_means"] == pytest.approx(statistics.fmean(of_means))
    (told,) = [
        output.text
        for output in cells.outputs.values()
        if isinstance(output, mo.Html) and "In the frameworks" in output.text
    ]
    assert "gives 28.5 and the other 35.8" in told
    links = re.findall(r'<a href="(https://github.com/.*?)"', told)
    assert len(links) > 20
    assert all(re.search("#L|/tree/", link) for link in links)
    assert "][" not in told


# The exercises. Each wrong attempt is the chapter's own solution with one thing changed.


def changed_batches(change: Any) -> Change:
    """What the solution yields, batch by batch, with something done to it."""
    return lambda right: lambda *a: [change(*batch) for batch in right(*a)]


def shuffled_in_place(X: Tensor, y: Tensor, size: int, generator: Any) -> list[Any]:
    order = torch.randperm(len(X), generator=generator)
    X.copy_(X[order])
    y.copy_(y[order])
    return [tuple(batch) for batch in DataLoader(Dataset(X, y), size, drop_last=True)]


def for_ever(batches: Any) -> Iterator[Any]:
    while True:
        yield from batches


def drawn_for_each(X: Tensor, y: Tensor, size: int, generator: Any) -> Iterator[Any]:
    for _ in range(len(X) // size):
        positions = torch.randperm(len(X), generator=generator)[:size]
        yield X[positions], y[positions]


WRONG: Wrong = {
    "keeps the file's order": (
        "loader",
        "from the generator, in its order",
        lambda right: (
            lambda X, y, size, _: list(DataLoader(Dataset(X, y), size, drop_last=True))
        ),
    ),
    "draws another order": (
        "loader",
        "from the generator, in its order",
        lambda right: lambda X, y, size, _: right(X, y, size, seeded(1)),
    ),
    "keeps the short batch": (
        "loader",
        "without a short one",
        lambda right: (
            lambda X, y, size, generator: list(
                DataLoader(Dataset(X, y), size, shuffle=True, generator=generator)
            )
        ),
    ),
    "gives targets of other samples": (
        "loader",
        "belong to other samples",
        lambda right: (
            lambda X, y, *a: [
                (inputs, targets.flip(0)) for inputs, targets in right(X, y, *a)
            ]
        ),
    ),
    "gives inputs alone": (
        "loader",
        "should be a pair",
        changed_batches(lambda inputs, targets: inputs),
    ),
    "gives batches that are too small": (
        "loader",
        "should have",
        changed_batches(lambda inputs, targets: (inputs[1:], targets[1:])),
    ),
    "gives how many there are": (
        "loader",
        "one by one",
        lambda right: lambda *a: len(list(right(*a))),
    ),
    "shuffles the data in place": (
        "loader",
        "came out changed",
        lambda right: shuffled_in_place,
    ),
    "draws an order for each batch": (
        "loader",
        "from the generator, in its order",
        lambda right: drawn_for_each,
    ),
    "draws without the generator": (
        "loader",
        "from the generator, in its order",
        lambda right: lambda X, y, size, _: right(X, y, size, seeded(7)),
    ),
    "never ends": (
        "loader",
        "but you give more",
        lambda right: lambda *a: for_ever(list(right(*a))),
    ),
    "forgets the last batch": (
        "loader",
        "but you give",
        lambda right: lambda *a: list(right(*a))[:-1],
    ),
    "gives lists of numbers": (
        "loader",
        "should be tensors",
        changed_batches(lambda inputs, targets: (inputs.tolist(), targets.tolist())),
    ),
    "gives all inputs, then all targets": (
        "loader",
        "should be a pair",
        lambda right: (
            lambda *a: [torch.cat(parts) for parts in zip(*right(*a), strict=True)]
        ),
    ),
    "gives everyone everything": (
        "shard",
        "should get",
        lambda right: lambda loader, rank, world: list(loader),
    ),
    "gives one process more": (
        "shard",
        "should get",
        lambda right: lambda loader, rank, world: list(loader)[rank::world],
    ),
    "gives everyone the first shard": (
        "shard",
        "should get",
        lambda right: lambda loader, rank, world: right(loader, 0, world),
    ),
    "counts processes from one": (
        "shard",
        "should get",
        lambda right: lambda loader, rank, world: right(loader, rank - 1, world),
    ),
    "fills up with the first ones": (
        "shard",
        "should get",
        lambda right: (
            lambda loader, rank, world: [
                (batches := list(loader))[i % len(batches)]
                for i in range(rank, rank + world * -(-len(loader) // world), world)
            ]
        ),
    ),
    "gives blocks": (
        "shard",
        "should get",
        lambda right: (
            lambda loader, rank, world: (batches := list(loader))[
                rank * (len(batches) // world) : (rank + 1) * (len(batches) // world)
            ]
        ),
    ),
    "never ends a shard": (
        "shard",
        "should get",
        lambda right: (
            lambda *a: for_ever(list(right(*a)) or [(torch.zeros(2).long(),) * 2])
        ),
    ),
    "shares out the samples of each batch": (
        "shard",
        "whole batches",
        lambda right: (
            lambda loader, rank, world: [
                (inputs[rank::world], targets[rank::world]) for inputs, targets in loader
            ]
        ),
    ),
    "gives inputs without targets": (
        "shard",
        "whole batches",
        lambda right: lambda *a: [inputs for inputs, _ in right(*a)],
    ),
    "gives numbers of batches": (
        "shard",
        "not their numbers",
        lambda right: (
            lambda loader, rank, world: range(rank, len(loader) // world * world, world)
        ),
    ),
    "gives how many": (
        "shard",
        "one by one",
        lambda right: lambda *a: len(list(right(*a))),
    ),
}


# Right attempts, in as many styles as came to mind.


def by_a_view(X: Tensor, y: Tensor, size: int, generator: Any) -> Iterator[Any]:
    order = torch.randperm(len(X), generator=generator)
    blocks = order[: len(X) // size * size].view(-1, size)
    return zip(X[blocks], y[blocks], strict=True)


def by_split(X: Tensor, y: Tensor, size: int, generator: Any) -> list[Any]:
    order = torch.randperm(len(X), generator=generator)
    pairs = zip(X[order].split(size), y[order].split(size), strict=True)
    return [pair for pair in pairs if len(pair[0]) == size]


def by_chunk(X: Tensor, y: Tensor, size: int, generator: Any) -> list[Any]:
    order = torch.randperm(len(X), generator=generator)[: len(X) // size * size]
    return [[X[part], y[part]] for part in order.chunk(len(X) // size)]


def by_a_while_loop(X: Tensor, y: Tensor, size: int, generator: Any) -> Iterator[Any]:
    order = torch.randperm(len(X), generator=generator)
    while len(order) >= size:
        positions, order = order[:size], order[size:]
        yield X[positions], y[positions]


def sample_by_sample(X: Tensor, y: Tensor, size: int, generator: Any) -> Iterator[Any]:
    some: list[int] = []
    for position in torch.randperm(len(X), generator=generator).tolist():
        some.append(position)
        if len(some) == size:
            yield torch.stack([X[i] for i in some]), torch.stack([y[i] for i in some])
            some = []


def by_unfold(X: Tensor, y: Tensor, size: int, generator: Any) -> list[Any]:
    order = torch.randperm(len(X), generator=generator)
    return [Dataset(X, y)[positions] for positions in order.unfold(0, size, size)]


def by_torchs_loader(X: Tensor, y: Tensor, size: int, generator: Any) -> Any:
    order = torch.randperm(len(X), generator=generator).tolist()
    # An order of its own is not shuffled again.
    data, options = TensorDataset(X, y), {"sampler": order, "generator": generator}
    return TorchDataLoader(data, size, drop_last=True, **options)


def by_our_loader(X: Tensor, y: Tensor, size: int, generator: Any) -> DataLoader:
    return DataLoader(
        Dataset(X, y), size, shuffle=True, generator=generator, drop_last=True
    )


def by_length(loader: Any, rank: int, world: int) -> Iterator[Any]:
    yield from islice(loader, rank, len(loader) // world * world, world)


def by_slices(loader: Any, rank: int, world: int) -> list[Any]:
    batches = list(loader)
    return batches[rank::world][: len(batches) // world]


def by_counting(loader: Any, rank: int, world: int) -> Iterator[Any]:
    last = len(loader) - len(loader) % world
    for number, batch in enumerate(loader):
        if number < last and number % world == rank:
            yield batch


def by_zipping(loader: Any, rank: int, world: int) -> list[Any]:
    # Not strict: what is left over is nobody's.
    return [group[rank] for group in zip(*[iter(loader)] * world)]  # noqa: B905


def by_holding_back(loader: Any, rank: int, world: int) -> Iterator[Any]:
    mine = None
    for number, batch in enumerate(loader):
        mine = batch if number % world == rank else mine
        if number % world == world - 1:
            yield mine


def by_next(loader: Any, rank: int, world: int) -> list[Any]:
    batches, given = iter(loader), []
    for _ in range(len(loader) // world):
        group = [next(batches) for _ in range(world)]
        given.append(list(group[rank]))
    return given


STYLES: dict[str, list[Attempt]] = {
    "loader": [
        by_a_view,
        by_split,
        by_chunk,
        by_a_while_loop,
        sample_by_sample,
        by_unfold,
        by_torchs_loader,
        by_our_loader,
    ],
    "shard": [by_length, by_slices, by_counting, by_zipping, by_holding_back, by_next],
}
RIGHT: Right = [(exercise, f) for exercise, of in STYLES.items() for f in of]


def test_every_exercise_gets_right_and_wrong_attempts(chapter: Chapter) -> None:
    for tried in ([e for e, _ in RIGHT], [e for e, *_ in WRONG.values()]):
        assert {*tried} == exercises(chapter.file).keys()
        assert min(map(tried.count, tried)) >= 6


def test_the_chapter_lists_its_pieces(chapter: Chapter) -> None:
    pieces = [Dataset.__getitem__, DataLoader.__iter__, SGD.step, Average]
    assert [piece for piece in pieces if piece not in chapter.listed] == []


def test_the_chapter_has_no_trainer_yet(chapter: Chapter) -> None:
    assert {"Trainer", "TrainerConfig", "evaluate"} & vars(chapter.module).keys() == set()


# What it tells of `make bench`: tests/notebooks/test_measured.py asks.


def figures(tenfold: float) -> dict[str, list[float]]:
    """A cell's first words → the ratios that it names. Torch's is beside ours already."""
    loader = ratio("loader", "torch", setting="100,000 × 6, batches of 32")
    return {"Where a loader's time goes": [loader]}
