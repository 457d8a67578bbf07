"""Chapter two: what its cells compute, its prose claims, and its exercises accept."""

import copy
import json
import math
import re
from itertools import chain, pairwise
from typing import Any

import marimo as mo
import pytest
import torch
from torch import Tensor

from groundup import (
    PENGUIN_FEATURES,
    SGD,
    Callback,
    DataLoader,
    Dataset,
    Trainer,
    TrainerConfig,
    charts,
    evaluate,
    load_penguins,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import Change, Wrong, assert_hint, exercises
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
        "batch_size": 256,
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


def last(losses: list[float]) -> float:
    return losses[-1]


# What a batch is a sample of.


def test_the_memory_of_a_step_grows_with_the_batch(cells: Cells) -> None:
    costs = cells["step_costs"]
    assert [cost["samples"] for cost in costs] == [10**2, 10**3, 10**4, 10**5]
    for less, more in pairwise(costs):
        assert more["megabytes"] == pytest.approx(10 * less["megabytes"], rel=0.1)
        assert more["milliseconds"] > 0
    assert costs[-1]["milliseconds"] > 10 * costs[0]["milliseconds"]


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


def test_a_small_batch_gets_further_in_ten_epochs(cells: Cells) -> None:
    whole, small = (run.train_losses for run in cells["first_runs"].values())
    assert len(whole) == len(small) == 10
    assert whole[-1] > 4 * small[-1]


def test_the_trainer_put_together_gives_what_the_loop_by_hand_gave(
    chapter: Chapter, cells: Cells
) -> None:
    by_trainer = cells.outputs[chapter.cell_that_defines("student")]
    _, by_hand = cells["first_runs"].values()
    assert_identical(by_trainer.train_losses, by_hand.train_losses)


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


# Validation.


def test_who_learns_the_noise_by_heart_gets_worse_on_new_samples(cells: Cells) -> None:
    result = cells["memorised"].result
    assert last(result.train_losses) < 0.5
    assert min(result.val_losses) > 1
    assert last(result.val_losses) > 1.3 * result.val_losses[0]


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


def test_the_trainer_is_told_what_the_controls_say(
    cells: Cells, moved: Cells, setting: Setting
) -> None:
    assert moved["config"] == TrainerConfig(**setting)
    model = copy.deepcopy(cells["model"])
    order = seeded(setting["seed"])
    again = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), setting["learning_rate"]),
        DataLoader(
            cells["train_data"],
            setting["batch_size"],
            shuffle=setting["shuffle"],
            generator=order,
        ),
        epochs=setting["epochs"],
        val_loader=DataLoader(cells["val_data"], setting["batch_size"]),
    ).train()
    assert_identical(moved["result"].train_losses, again.train_losses)
    assert_identical(moved["result"].val_losses, again.val_losses)


def test_half_of_the_samples_train_and_the_other_half_validates(cells: Cells) -> None:
    parts = [cells[name].tensors[0] for name in ("train_data", "val_data")]
    assert [len(part) for part in parts] == [256, 256]
    together = sorted(torch.cat(parts).tolist())
    assert together == sorted(cells["X"].tolist())


@pytest.mark.parametrize(
    ("control", "value"), (WILD | {"epochs": 3, "seed": 4, "shuffle": False}).items()
)
def test_a_control_alone_can_be_moved(chapter: Chapter, control: str, value: Any) -> None:
    config = chapter.run(**{control: value})["config"]
    assert config == TrainerConfig(**(START | {control: value}))


def test_there_and_back_gives_the_same_run(chapter: Chapter, cells: Cells) -> None:
    there = chapter.run(**SETTINGS["large, slow, short and in order"])["result"]
    back = chapter.run(**START)["result"]
    assert there.train_losses != back.train_losses[:1]
    for run in (back, cells["result"]):
        assert_identical(run.train_losses, cells["result"].train_losses)
        assert_identical(run.val_losses, cells["result"].val_losses)


def test_only_the_highest_learning_rate_diverges_and_the_chart_says_so(
    chapter: Chapter, moved: Cells, setting: Setting
) -> None:
    chart = chapter.shown(moved, "result", charts.Content)
    said = f"{chart.title} {chart.description}"
    diverges = setting["learning_rate"] == 1.0
    assert (charts.diverged_at(moved["result"].train_losses) is not None) == diverges
    assert ("diverged at epoch" in said) == diverges


@pytest.mark.parametrize(("size", "diverges"), [(8, True), (256, False)])
def test_at_a_rate_that_all_the_data_stands_small_batches_diverge(
    chapter: Chapter, size: int, diverges: bool
) -> None:
    losses = chapter.run(batch_size=size, learning_rate=0.7)["result"].train_losses
    assert (charts.diverged_at(losses) is not None) == diverges


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
def test_the_seed_moves_the_curve_of_a_shuffled_run_alone(
    chapter: Chapter, shuffle: bool
) -> None:
    runs = [chapter.run(seed=seed, shuffle=shuffle)["result"] for seed in (0, 5)]
    assert (runs[0] != runs[1]) == shuffle


def test_the_sliders_reach_from_slow_to_diverging(cells: Cells) -> None:
    assert cells["batch_size"].steps == [8, 16, 32, 64, 128, 256]
    rates = cells["learning_rate"].steps
    assert rates == sorted(rates)
    assert rates[0] == 0.001
    assert rates[-1] == WILD["learning_rate"]


# The equivalence ladder.


def test_the_first_two_rungs_are_equal_bit_for_bit_and_the_others_to_a_rounding(
    chapter: Chapter, moved: Cells, setting: Setting
) -> None:
    pieces = list(moved["pieces"].values())
    differences = [
        [distance(ours, theirs) for ours, theirs in zip(piece, other, strict=True)]
        for piece, other in zip(pieces[::2], pieces[1::2], strict=True)
    ]
    assert len(differences) == 4
    assert differences[:2] == [[0, 0], [0, 0]]
    if setting is not SETTINGS["small, far and long"]:
        assert max(differences[2] + differences[3]) < 1e-5
    table = rows(chapter.shown(moved, "pieces", mo.Html))
    assert [row[2:] for row in table[:2]] in ([["0", "0"]] * 2, [["0", "0"], [LOST, LOST]])
    for row, numbers, piece in zip(table, differences, pieces[::2], strict=True):
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


def test_the_rungs_hold_what_the_trainer_computes(cells: Cells) -> None:
    whole, naive, batches, *_, at_once = cells["pieces"].values()
    first = cells["result"].train_losses[:5]
    assert_identical(batches[1], first)
    assert whole[0].shape == naive[0].shape == (5, 7)
    assert whole[1][0] == pytest.approx(at_once[1])
    assert whole[1][-1] > 2 * first[-1]


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
@pytest.mark.parametrize(
    ("size", "exponent"), [(2, -5.0), (32, -8.0), (32, -3.5), (64, -0.5), (256, -2.0)]
)
def test_a_lane_of_the_explorer_is_a_run_of_the_trainer(
    cells: Cells, equal: Equal, size: int, exponent: float
) -> None:
    runs = cells["by_epoch"] if equal == "epochs" else cells["by_update"]
    lane = runs[int(math.log2(size)), cells["rate_exponents"].index(exponent)]
    expected = losses_of_the_trainer(cells, equal, size, 2**exponent)
    assert len(lane) == len(expected) == (13 if equal == "epochs" else 25)
    assert lane.tolist() == pytest.approx(expected, rel=1e-4)


def test_runs_of_the_explorer_diverge_where_the_trainers_do(cells: Cells) -> None:
    by_both: list[tuple[Equal, Any]] = [
        ("epochs", cells["by_epoch"]),
        ("updates", cells["by_update"]),
    ]
    for equal, runs in by_both:
        assert not runs[0, -1, -1].isfinite()
        assert not math.isfinite(last(losses_of_the_trainer(cells, equal, 1, 1.0)))


def test_middling_batches_do_well_at_equal_epochs_and_all_large_ones_at_equal_updates(
    cells: Cells,
) -> None:
    start = len(cells["rate_exponents"]) // 2
    good = []
    for runs in (cells["by_epoch"], cells["by_update"]):
        ends = runs[:, start, -1]
        good.append([2**i for i in range(9) if ends[i] < 1.02 * ends.min()])
    for sizes in good:
        assert sizes == [sizes[0] * 2**i for i in range(len(sizes))]
    assert 1 < good[0][0] < 32 <= good[0][-1] < 256
    assert good[1][-1] == 256


def test_each_batch_size_does_as_well_at_a_rate_that_grows_with_it(cells: Cells) -> None:
    ends = cells["by_epoch"][..., -1].nan_to_num(nan=math.inf)
    assert ends.min(1).values.max() < 1.02 * ends.min()
    suited = ends.argmin(1).tolist()
    assert suited == sorted(suited)
    assert suited[-1] - suited[0] > 8


# Break it yourself.


def test_in_the_files_order_the_validation_loss_is_much_higher(
    chapter: Chapter, cells: Cells
) -> None:
    broken = chapter.run(in_file_order=True)
    assert list(cells["cloud_runs"]) == ["shuffled"]
    assert list(broken["cloud_runs"]) == ["shuffled", "in order"]
    shuffled, ordered = broken["cloud_runs"].values()
    assert shuffled == cells["cloud_runs"]["shuffled"]
    assert last(ordered.val_losses) > 1.7 * last(shuffled.val_losses)
    assert last(ordered.train_losses) < 0.8 * last(ordered.val_losses)
    assert lines(chapter, cells, "cloud_runs") == {"shuffled"}
    assert lines(chapter, broken, "cloud_runs") == {"shuffled", "in order"}


def lines(chapter: Chapter, cells: Cells, runs: str) -> set[str]:
    """The names of the curves in the chart of these runs."""
    return {
        row["line"] for row in chapter.shown(cells, runs, charts.Content).datasets["losses"]
    }


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
    off = [abs(a / b - 1) for a, b in map(cells["means"], (1, 16, 32))]
    assert off[0] > 5 * off[1] > 5 * off[2]


def test_standardised_too_early_the_validation_loss_is_lower_by_orders(
    chapter: Chapter, cells: Cells
) -> None:
    early = chapter.run(too_early=True)
    assert list(cells["split_runs"]) == ["split first"]
    assert list(early["split_runs"]) == ["split first", "too early"]
    right, wrong = early["split_runs"].values()
    assert right == cells["split_runs"]["split first"]
    assert last(right.val_losses) > 1000 * last(wrong.val_losses)
    assert lines(chapter, early, "split_runs") == {"split first", "too early"}


def test_chosen_by_the_test_part_an_epoch_delivers_less_than_it_promises(
    chapter: Chapter, cells: Cells
) -> None:
    opened = list(cells["promises"].values())
    (honest, fresh), (promised, delivered) = chapter.run(choose_by_test=True)[
        "promises"
    ].values()
    assert opened == [(honest, fresh)]
    assert abs(fresh - honest) < 0.05 * fresh
    assert promised < 0.9 * delivered
    assert fresh == pytest.approx(delivered, rel=0.05)
    assert cells["forty_epochs"].shape == (30, 40, 3)


# The birds.


def test_the_birds_are_counted_as_the_prose_says(chapter: Chapter, cells: Cells) -> None:
    table = rows(cells.outputs[chapter.cell_that_defines("birds")])
    assert [int(row[1]) for row in table] == [344, 2, 9, 333]
    assert len(cells["birds"]) == 344


def test_the_birds_are_split_and_no_bird_is_in_two_parts(cells: Cells) -> None:
    parts = [cells[f"raw_{part}"] for part in ("train", "val", "test")]
    assert [len(part) for part in parts] == [200, 67, 66]
    birds = torch.cat([torch.cat(part.tensors, dim=1) for part in parts])
    assert sorted(birds.tolist()) == sorted(torch.cat(load_penguins(), dim=1).tolist())


def test_the_birds_are_standardised_by_the_training_part_alone(cells: Cells) -> None:
    X = cells["bird_train"].tensors[0]
    torch.testing.assert_close(X.mean(0), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(X.std(0), torch.ones(4))
    reference = cells["raw_train"].tensors[0]
    for part in ("train", "val", "test"):
        raw, y = cells[f"raw_{part}"].tensors
        features, sexes = cells[f"bird_{part}"].tensors
        expected = (raw - reference.mean(0)) / reference.std(0)
        torch.testing.assert_close(features, expected)
        assert_identical(sexes, y)
    assert cells["bird_test"].tensors[0].mean(0).abs().max() > 0.01


def test_the_birds_model_does_well_on_the_test_part_too(cells: Cells) -> None:
    assert cells["on_new_birds"]["accuracy"] > 0.85
    X, y = cells["bird_test"].tensors
    with torch.no_grad():
        right = (cells["bird_model"](X) > 0) == (y == 1)
    assert cells["on_new_birds"]["accuracy"] == pytest.approx(right.float().mean().item())
    assert len(cells["bird_trainer"].result.metrics["accuracy"]) == 40


def test_the_test_part_is_opened_once_at_the_end_of_its_section(chapter: Chapter) -> None:
    order = list(chapter.graph.cells)
    opened = [order.index(cell) for cell in chapter.cells_that_use("bird_test")]
    assert len(opened) == 2
    names = [
        "raw_train",
        "bird_train",
        "bird_val",
        "bird_trainer",
        "bird_config",
        "two_model",
    ]
    before = [
        order.index(cell)
        for name in names
        for cell in chapter.cells_that_use(name)
        if order.index(cell) not in opened
    ]
    assert max(before) < min(opened)
    for name in ("penguins", "raw_test", "birds"):
        assert chapter.cells_that_use(name) == []


def test_the_weights_are_what_the_prose_says_of_them(cells: Cells) -> None:
    weights = dict(
        zip(PENGUIN_FEATURES, cells["bird_model"].weights.flatten().tolist(), strict=True)
    )
    assert min(weights["bill_depth_mm"], weights["body_mass_g"]) > 1
    assert abs(weights["flipper_length_mm"]) < 0.3
    X, y = cells["raw_train"].tensors
    male = y.flatten() == 1
    assert (X[male] - X[~male].mean(0)).mean(0)[2] > 5


def test_two_features_get_as_many_training_birds_right_as_the_chart_says(
    chapter: Chapter, cells: Cells
) -> None:
    chart = chapter.shown(cells, "two_right", charts.Content)
    assert f"{cells['two_right']:.0%}" in str(chart.title)
    assert cells["two_right"] > 0.8
    assert len(chart.datasets["samples"]) == 200


@pytest.mark.parametrize("logit", [1.0, 10.0, 16.0, 17.0, 100.0])
def test_two_steps_overflow_and_one_step_does_not(cells: Cells, logit: float) -> None:
    _, two, slope_of_two, one, slope_of_one = cells["surprises"](logit).values()
    assert one == pytest.approx(math.log1p(math.exp(-logit)) + logit)
    assert slope_of_one == pytest.approx(1 / (1 + math.exp(-logit)))
    # The prose draws the line at 17: from there on the sigmoid is 1 in single precision.
    assert (torch.sigmoid(torch.tensor(logit)) < 1) == (logit < 17)
    if logit < 17:
        assert two == pytest.approx(one, rel=0.01)
        assert slope_of_two == pytest.approx(slope_of_one)
    else:
        assert two == math.inf
        assert math.isnan(slope_of_two)


def test_the_table_of_surprises_shows_the_overflow(chapter: Chapter, cells: Cells) -> None:
    table = rows(cells.outputs[chapter.cell_that_defines("surprises")])
    assert [row[1] == "inf" for row in table] == [False, False, False, True, True]
    assert [row[2] == "nan" for row in table] == [False, False, False, True, True]
    assert all(math.isfinite(float(word)) for row in table for word in (row[3], row[4]))


# Callbacks and the config.


def test_the_history_is_what_chapter_ones_trainer_stored(cells: Cells) -> None:
    assert len(cells["history"].parameters) == 30
    assert_identical(cells["history"].parameters, cells["stored_itself"].parameters)
    assert_identical(cells["watched"].train_losses, cells["stored_itself"].losses)


def test_the_text_of_the_config_gives_the_very_same_run(
    chapter: Chapter, moved: Cells, setting: Setting
) -> None:
    rest = {"weight_decay": 0.0, "drop_last": False}
    assert json.loads(moved["text"]) == {**setting, **rest}
    assert_identical(moved["again"].train_losses, moved["result"].train_losses)
    assert_identical(moved["again"].val_losses, moved["result"].val_losses)


def test_the_chapter_says_that_it_is_the_very_same_run(
    chapter: Chapter, moved: Cells
) -> None:
    assert "the very same run" in moved.outputs[chapter.cell_that_defines("again")].text


def test_texts_from_elsewhere_are_refused_by_name(chapter: Chapter, cells: Cells) -> None:
    table = rows(cells.outputs[chapter.cell_that_defines("refusal")])
    assert len(table) == 3
    for (_, answer), name in zip(
        table, ("learning_rate", "momentum", "batch_size"), strict=True
    ):
        assert answer.startswith("ValueError")
        assert name in answer


# What it costs.


def test_the_trainer_asks_torch_for_not_one_operation_more(cells: Cells) -> None:
    by_slicing, by_loader, by_trainer = cells["operations"].values()
    assert by_trainer == by_loader < by_slicing


def test_three_cells_look_at_the_clock(chapter: Chapter) -> None:
    cells = chapter.graph.cells.items()
    in_turns = {i for i, cell in cells if "time_in_turns(" in cell.code}
    timed = {*in_turns, *chapter.cells_that_use("cost_of_a_step")}
    assert len(timed) == 3
    assert timed <= chapter.timed_cells


# The exercises. Each wrong attempt is the chapter's own solution with one thing changed.


def changed_batches(change: Any) -> Change:
    """What the solution yields, batch by batch, with something done to it."""
    return lambda right: lambda *a: [change(*batch) for batch in right(*a)]


def with_stopping(change: Any) -> Change:
    """The solution's callback, with another `on_epoch_end`."""

    def changed(right: Any) -> Any:
        def attempt(patience: int) -> Callback:
            inner = right(patience)

            class Attempt(Callback):
                def on_epoch_end(self, trainer: Any) -> None:
                    change(inner, trainer)

            return Attempt()

        return attempt

    return changed


def stop_without_reason(inner: Callback, trainer: Any) -> None:
    inner.on_epoch_end(trainer)
    if trainer.result.stop_reason is not None:
        trainer.result.stop_reason = ""


def shuffled_in_place(X: Tensor, y: Tensor, size: int, generator: Any) -> list[Any]:
    order = torch.randperm(len(X), generator=generator)
    X.copy_(X[order])
    y.copy_(y[order])
    return [tuple(batch) for batch in DataLoader(Dataset(X, y), size, drop_last=True)]


WRONG: Wrong = {
    "keeps the file's order": (
        "loader",
        "are not those of one `torch.randperm`",
        lambda right: (
            lambda X, y, size, _: list(DataLoader(Dataset(X, y), size, drop_last=True))
        ),
    ),
    "draws another order": (
        "loader",
        "are not those of one `torch.randperm`",
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
        "should be a tuple",
        changed_batches(lambda inputs, targets: inputs),
    ),
    "gives lists": (
        "loader",
        "should be a tuple",
        changed_batches(lambda inputs, targets: [inputs, targets]),
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
    "waits too long": (
        "stopping",
        "should end after",
        lambda right: lambda patience: right(patience + 1),
    ),
    "stops an epoch early": (
        "stopping",
        "should end after",
        lambda right: lambda patience: right(patience - 1),
    ),
    "never stops": (
        "stopping",
        "should end after",
        with_stopping(lambda inner, trainer: None),
    ),
    "takes a tie for a gain": (
        "stopping",
        "should end after",
        with_stopping(
            lambda inner, trainer: (
                trainer.stop("no gain")
                if (losses := trainer.result.val_losses[::-1]).index(min(losses)) >= 2
                else None
            )
        ),
    ),
    "gives no reason": ("stopping", "gives no reason", with_stopping(stop_without_reason)),
    "returns a class": (
        "stopping",
        "Return an instance",
        lambda right: lambda patience: type(right(patience)),
    ),
    "returns a function": (
        "stopping",
        "Return an instance",
        lambda right: lambda patience: right(patience).on_epoch_end,
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
    "gives blocks": (
        "shard",
        "should get",
        lambda right: (
            lambda loader, rank, world: (batches := list(loader))[
                rank * (len(batches) // world) : (rank + 1) * (len(batches) // world)
            ]
        ),
    ),
    "gives how many": (
        "shard",
        "one by one",
        lambda right: lambda *a: len(list(right(*a))),
    ),
}


@pytest.mark.parametrize(("exercise", "hint", "change"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_attempt_gets_a_hint(
    chapter: Chapter, exercise: str, hint: str, change: Change
) -> None:
    assert_hint(chapter, exercise, hint, change)


def test_every_exercise_gets_wrong_attempts(chapter: Chapter) -> None:
    assert {exercise for exercise, *_ in WRONG.values()} == exercises(chapter.file).keys()


def test_the_chapter_lists_its_pieces(chapter: Chapter) -> None:
    pieces = [
        Dataset.__getitem__,
        DataLoader.__iter__,
        SGD.step,
        Trainer.train,
        evaluate,
        TrainerConfig.build,
    ]
    assert [piece for piece in pieces if piece not in chapter.listed] == []


# What it tells of `make bench`: tests/notebooks/test_measured.py asks.


def figures(tenfold: float) -> dict[str, list[float]]:
    """A cell's first words → the ratios that it names, if ours is that much slower."""
    ours = {
        job: tenfold * ratio(job, "groundup")
        for job in ("train-mini-batch", "train-network")
    }
    loader = ratio("loader", "torch", setting="100,000 × 6, batches of 32")
    return {
        "Where does that vanish?": [
            ours["train-mini-batch"],
            *(
                ratio(job, name) / ours[job]
                for job in ours
                for name in ("torch", "lightning", "transformers")
            ),
        ],
        "Where a loader's time goes": [loader],
    }
