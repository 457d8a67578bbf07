"""Chapter three: what its cells compute, its prose claims, and its exercises accept."""

import copy
import csv
import json
import math
import statistics
from importlib.resources import files
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup import (
    PENGUIN_FEATURES,
    SGD,
    Average,
    Callback,
    DataLoader,
    Dataset,
    LinearRegression,
    LogisticRegression,
    Trainer,
    TrainerConfig,
    TrainerResult,
    binary_cross_entropy_with_logits,
    charts,
    evaluate,
    load_penguins,
    make_regression,
    mean_squared_error,
    notebook,
)
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import (
    Attempt,
    Change,
    Right,
    Wrong,
)
from tests.notebooks.measured import ratio

pytestmark = only(3)

GROWN = ["plain", "validated", "recorded", "hooked", "stoppable", "clean"]
"""The chapter's own trainers, each one pain further."""


@pytest.fixture(scope="module")
def cells(chapter: Chapter) -> Cells:
    """What the chapter's cells define before any control is moved."""
    return chapter.untouched


def last(losses: list[float]) -> float:
    return losses[-1]


def shown(chapter: Chapter, cells: Cells, name: str) -> Any:
    """What the cell shows that defines a name."""
    return cells.outputs[chapter.cell_that_defines(name)]


def said(chapter: Chapter, cells: Cells, name: str) -> str:
    """The words of the cell that defines a name."""
    text: str = shown(chapter, cells, name)._repr_markdown_()
    return " ".join(text.split())


def lines(content: charts.Content) -> set[str]:
    """The names of a chart's curves."""
    return {row["line"] for row in content.datasets["losses"]}


# How the trainer grows.


def test_each_trainer_computes_the_same_as_the_one_before_bit_for_bit(
    chapter: Chapter, cells: Cells
) -> None:
    assert len(cells["ladder"]) == len(GROWN) + 2
    *own, (losses, weights) = cells["ladder"].values()
    for others in own:
        assert_identical(others, own[0])
    assert notebook.largest_difference(losses, own[0][0]) < 1e-6
    assert notebook.largest_difference(weights, own[0][1]) < 1e-6
    table = shown(chapter, cells, "ladder")._repr_markdown_().splitlines()[2:]
    *zeros, torchs = [line.strip("| ").split(" | ")[1:] for line in table]
    assert zeros == [["0", "0"]] * len(own)
    assert 0 < float(torchs[0]) < 1e-6


def test_the_loop_never_grows_but_by_lines(cells: Cells) -> None:
    lengths = [len(cells[name].splitlines()) for name in GROWN]
    assert lengths == sorted(lengths)
    assert lengths[-1] < len(notebook.code_of(Trainer).splitlines())


def test_a_change_that_has_no_place_or_two_is_refused(chapter: Chapter) -> None:
    grow = chapter.module.grow
    assert grow("def f():\n    a\n    b", ("a", "c\nd")) == "def f():\n    c\n    d\n    b"
    assert grow("    a\n        b", ("a\n    b", "c")) == "    c"
    for listing in ("b", "a\na"):
        with pytest.raises(ValueError, match="unpack"):
            grow(listing, ("a", "c"))


def test_an_interrupted_run_loses_its_list_and_keeps_its_result(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["lost"] == "nothing"
    assert "What is left is nothing." in said(chapter, cells, "recorded")
    assert cells["interruption"].startswith("TrainerResult(2 epochs")
    finished: TrainerResult = cells["going_on"].result
    assert len(finished.val_losses) == 60
    # One step of the third epoch was taken twice.
    assert cells["going_on"].step == 181
    told = said(chapter, cells, "wished")
    assert cells["interruption"] in told
    assert "181 in all and not 180" in told


def test_the_history_is_what_chapter_ones_trainer_stored(
    chapter: Chapter, cells: Cells
) -> None:
    assert len(cells["history"].parameters) == 30
    assert_identical(cells["history"].parameters, cells["naive"].parameters)
    assert_identical(cells["watched"].train_losses, cells["naive"].losses)
    assert "In 30 of 30 epochs" in said(chapter, cells, "same_epochs")


def test_a_callback_that_raises_ends_the_run_unheard_and_one_that_stops_does_not(
    cells: Cells,
) -> None:
    raised, stopped = (
        {row["who"]: row["what"] for row in cells[name]} for name in ("raised", "stopped")
    )
    assert raised["the caller gets"] == "StopIteration('it memorises')"
    assert raised["a listener hears of"] == "epoch 1, epoch 2"
    assert "stopped: it memorises" in stopped["the caller gets"]
    assert stopped["a listener hears of"] == "epoch 1, epoch 2, epoch 3, run"


def test_the_lamp_burns_after_an_interruption_until_the_clean_up_is_there(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["lamp"].burns is True
    assert "It still burns: nobody told it." in said(chapter, cells, "clean")
    assert "the lamp is out" in said(chapter, cells, "clean")


def test_the_mistakes_are_refused_in_words_and_the_first_one_trained_nothing(
    chapter: Chapter, cells: Cells
) -> None:
    assert [m["what you get"].split(":")[0] for m in cells["mistakes"]] == [
        "ValueError",
        "ValueError",
        "TypeError",
    ]
    assert cells["unmoved"] is True
    assert "leaves each weight where it was" in said(chapter, cells, "mistakes")


# Did it learn, or memorise?


def test_the_model_gets_below_the_noise_and_does_far_worse_on_what_it_has_not_seen(
    chapter: Chapter, cells: Cells
) -> None:
    assert last(cells["plain_losses"]) < 0.5
    assert cells["unseen"] > 1.5
    assert f"It is {cells['unseen']:.2f}" in said(chapter, cells, "unseen")


def test_the_validation_loss_turns_where_the_prose_says(
    chapter: Chapter, cells: Cells
) -> None:
    losses = cells["memorised"].val_losses
    assert losses.index(min(losses)) == 1
    assert losses[1:] == sorted(losses[1:])
    told = said(chapter, cells, "turned")
    for number in (cells["untrained"], min(losses), last(losses)):
        assert f"{number:.3f}" in told
    assert cells["untrained"] > losses[0] > losses[1]
    assert_identical(cells["memorised"].train_losses, cells["plain_losses"])


@pytest.mark.parametrize("no_eval", [False, True])
@pytest.mark.parametrize("not_restored", [False, True])
def test_a_switch_shows_what_a_missing_line_of_evaluate_does(
    chapter: Chapter, cells: Cells, no_eval: bool, not_restored: bool
) -> None:
    moved = chapter.run(in_training_mode=no_eval, left_in_eval=not_restored)
    expected = {"as it is", *["no eval"] * no_eval, *["not restored"] * not_restored}
    assert lines(chapter.shown(moved, "dropout_runs", charts.Content)) == expected


def test_without_eval_the_validation_loss_trembles_and_not_restored_dropout_is_off(
    cells: Cells,
) -> None:
    right, noisy, woken = (cells[f"{name}_end"] for name in ("right", "noisy", "woken"))

    def trembling(losses: list[float]) -> float:
        return float(torch.tensor(losses[30:]).std())

    assert last(noisy.val_losses) > 1.2 * last(right.val_losses)
    assert trembling(noisy.val_losses) > 1.5 * trembling(right.val_losses)
    assert last(woken.train_losses) < 0.3 * last(right.train_losses)
    assert last(woken.val_losses) > 1.5 * last(right.val_losses)
    # The first epoch is trained before the first validation.
    assert woken.train_losses[0] == right.train_losses[0]


@pytest.mark.parametrize(("samples", "features"), [(8, 1), (64, 32), (256, 8)])
def test_a_lane_of_the_explorer_is_a_run_of_the_trainer(
    cells: Cells, samples: int, features: int
) -> None:
    X, y = make_regression(
        1256, 32, noise=1.0, generator=seeded(3), weights=torch.eye(32)[:, :1]
    )
    model = LinearRegression(features, seeded(0))
    nn.init.zeros_(model.weights)
    some = Dataset(X[:samples, :features], y[:samples])
    others = Dataset(X[256:, :features], y[256:])
    run = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), lr=0.1),
        DataLoader(some, samples),
        epochs=60,
        val_loader=DataLoader(others, 1000),
    ).train()
    lane = cells["explored"][
        cells["how_many"].index(samples), cells["how_wide"].index(features)
    ]
    assert lane.shape == (61, 2)
    assert lane[:-1, 0].tolist() == pytest.approx(run.train_losses, rel=1e-4)
    assert lane[1:, 1].tolist() == pytest.approx(run.val_losses, rel=1e-4)


# The recipe.


def test_the_text_of_the_recipe_gives_the_very_same_run(
    chapter: Chapter, cells: Cells
) -> None:
    assert TrainerConfig(**json.loads(cells["text"])) == cells["recipe"]
    assert cells["same_run"] is True
    assert "that is the very same run" in said(chapter, cells, "recipe")


def test_texts_from_elsewhere_are_refused_by_name(cells: Cells) -> None:
    names = ("learning_rate", "batch_size", "momentum")
    for refused, name in zip(cells["refusals"], names, strict=True):
        assert refused["what you get"].startswith("ValueError")
        assert name in refused["what you get"]


# The birds, live.

Setting = dict[str, Any]
START: Setting = {
    "learning_rate": 0.5,
    "batch_size": 32,
    "epochs": 40,
    "weight_decay": 0.0,
}
SETTINGS: dict[str, Setting] = {
    "as it opens": START,
    "wild": {"learning_rate": 10.0, "batch_size": 1, "epochs": 2, "weight_decay": 0.0},
    "held": {"learning_rate": 0.001, "batch_size": 200, "epochs": 5, "weight_decay": 1.0},
}


def test_the_chapter_opens_as_its_page_says(cells: Cells) -> None:
    assert {name: cells[name].value for name in START} == START


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=[*SETTINGS])
def test_the_trainer_is_told_what_the_controls_say(
    chapter: Chapter, cells: Cells, setting: Setting
) -> None:
    moved = chapter.run(**setting)
    assert moved["config"] == TrainerConfig(**setting)
    model = LogisticRegression(4, seeded(0))
    again = Trainer(
        model,
        binary_cross_entropy_with_logits,
        SGD(
            model.parameters(),
            setting["learning_rate"],
            weight_decay=setting["weight_decay"],
        ),
        DataLoader(
            cells["bird_train"],
            setting["batch_size"],
            shuffle=True,
            generator=seeded(0),
        ),
        epochs=setting["epochs"],
        val_loader=DataLoader(cells["bird_val"], setting["batch_size"]),
    ).train()
    assert_identical(moved["result"].train_losses, again.train_losses)
    assert_identical(moved["result"].val_losses, again.val_losses)
    assert [*moved["result"].metrics] == ["accuracy"]


def test_there_and_back_gives_the_same_run(chapter: Chapter, cells: Cells) -> None:
    there = chapter.run(**SETTINGS["held"])["result"]
    back = chapter.run(**START)["result"]
    assert there != back == cells["result"]


def test_males_are_heavier_but_not_than_females_of_another_species(
    chapter: Chapter,
) -> None:
    assert "an average female Gentoo outweighs an average male Adelie" in chapter.code
    text = (files("groundup") / "penguins.csv").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    masses: dict[tuple[str, str], list[float]] = {}
    for bird in csv.DictReader(lines):
        if "NA" not in bird.values():
            kind = bird["species"], bird["sex"]
            masses.setdefault(kind, []).append(float(bird["body_mass_g"]))
    means = {kind: statistics.fmean(of) for kind, of in masses.items()}
    for species in ("Adelie", "Gentoo", "Chinstrap"):
        assert means[species, "male"] > means[species, "female"]
    assert means["Gentoo", "female"] > means["Adelie", "male"]


def test_the_birds_are_split_and_no_bird_is_in_two_parts(cells: Cells) -> None:
    parts = [cells[f"raw_{part}"] for part in ("train", "val", "test")]
    assert [len(part) for part in parts] == [200, 67, 66]
    birds = torch.cat([torch.cat(part.tensors, dim=1) for part in parts])
    assert sorted(birds.tolist()) == sorted(torch.cat(load_penguins(), dim=1).tolist())


def test_the_birds_are_standardised_by_the_training_part_alone(cells: Cells) -> None:
    reference = cells["raw_train"].tensors[0]
    for part in ("train", "val", "test"):
        raw, y = cells[f"raw_{part}"].tensors
        features, sexes = cells[f"bird_{part}"].tensors
        expected = (raw - reference.mean(0)) / reference.std(0)
        torch.testing.assert_close(features, expected)
        assert_identical(sexes, y)


def test_the_birds_model_does_well_on_the_test_part_too(
    chapter: Chapter, cells: Cells
) -> None:
    X, y = cells["bird_test"].tensors
    with torch.no_grad():
        right = ((cells["bird_model"](X) > 0) == (y == 1)).sum().item()
    assert cells["on_new_birds"]["accuracy"] == pytest.approx(right / len(y))
    assert right / len(y) > 0.85
    assert f"{right} of {len(y)} birds are right" in said(chapter, cells, "share")


def test_the_test_part_is_opened_after_all_that_is_chosen(chapter: Chapter) -> None:
    order = list(chapter.graph.cells)
    opened = [order.index(cell) for cell in chapter.cells_that_use("bird_test")]
    assert len(opened) == 2
    for name in ("bird_train", "raw_train", "birds_model", "config"):
        assert max(map(order.index, chapter.cells_that_use(name))) < min(opened)
    assert chapter.cells_that_use("raw_test") == []


def test_the_weights_are_what_the_prose_says_of_them(cells: Cells) -> None:
    weights = dict(
        zip(PENGUIN_FEATURES, cells["bird_model"].weights.flatten().tolist(), strict=True)
    )
    assert min(weights["bill_depth_mm"], weights["body_mass_g"]) > 1
    assert abs(weights["flipper_length_mm"]) < 0.3
    assert cells["without_mass"].weights[2].item() > 1
    assert cells["longer"] > 5


def test_two_features_get_as_many_training_birds_right_as_the_chart_says(
    chapter: Chapter, cells: Cells
) -> None:
    chart = shown(chapter, cells, "two_right")
    accuracy = cells["two_right"]["accuracy"]
    assert f"{accuracy:.0%}" in str(chart.title)
    assert accuracy > 0.8
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


# Break it yourself.


def test_split_first_delivers_what_it_promises_and_too_early_promises_too_much(
    chapter: Chapter, cells: Cells
) -> None:
    (promised, delivered), (too_good, true) = cells["split_losses"].values()
    assert promised == pytest.approx(delivered, rel=0.1)
    assert too_good < 0.75 * true
    assert promised_in(chapter, "too_early") == (["split first"], [*cells["split_losses"]])


def promised_in(chapter: Chapter, switch: str) -> tuple[list[str], list[str]]:
    """The rows of a chart of promises before its switch is turned on, and after."""
    rows = []
    for moved in (chapter.untouched, chapter.run(**{switch: True})):
        (cell,) = chapter.cells_that_use(switch)
        content: charts.Content = moved.outputs[cell]
        rows.append(list(dict.fromkeys(row["row"] for row in content.datasets["ends"])))
    return rows[0], rows[1]


def test_chosen_by_the_test_part_an_epoch_delivers_less_than_it_promises(
    chapter: Chapter, cells: Cells
) -> None:
    honest, fresh = cells["by_validation"]
    promised, delivered = cells["by_test"]
    assert abs(fresh - honest) < 2 * cells["chance"]
    assert promised < 0.9 * delivered
    assert cells["forty_epochs"].shape == (30, 40, 3)
    rows = promised_in(chapter, "choose_by_test")
    assert rows == (["by validation"], ["by validation", "by test"])


# What it costs.


def test_the_trainer_asks_torch_for_not_one_operation_more(
    chapter: Chapter, cells: Cells
) -> None:
    plain, trainer = cells["operations"].values()
    assert trainer == plain > 0
    (told,) = (text for text in chapter.texts if "Where does that vanish?" in text)
    assert f"**none**: {plain} operations before, {trainer} after" in told


# The exercises.


class Waits(Callback):
    """Counts the epochs without a gain."""

    def __init__(self, patience: int) -> None:
        self.patience, self.best, self.waited = patience, math.inf, 0

    def on_epoch_end(self, trainer: Any) -> None:
        loss = trainer.result.val_losses[-1]
        self.waited = 0 if loss < self.best else self.waited + 1
        self.best = min(self.best, loss)
        if self.waited >= self.patience:
            trainer.stop("waited long enough")


def by_slices(patience: int) -> Callback:
    class Slices(Callback):
        def on_epoch_end(self, trainer: Any) -> None:
            losses = trainer.result.val_losses
            older, newer = losses[:-patience], losses[-patience:]
            if older and min(older) <= min(newer):
                trainer.stop("no gain")

    return Slices()


def by_tensors(patience: int) -> Callback:
    class Tensors(Callback):
        def on_epoch_end(self, trainer: Any) -> None:
            losses = torch.tensor(trainer.result.val_losses)
            if len(losses) - 1 - int(losses.argmin()) >= patience:
                trainer.stop("no gain")

    return Tensors()


def by_a_function_set_on_it(patience: int) -> Callback:
    def stop(trainer: Any) -> None:
        losses = trainer.result.val_losses
        if losses.index(min(losses)) < trainer.epoch - patience:
            trainer.stop("no gain")

    callback = Callback()
    callback.on_epoch_end = stop  # type: ignore[method-assign]
    return callback


def by_a_loop(patience: int) -> Callback:
    class Loop(Callback):
        def on_epoch_end(self, trainer: Any) -> None:
            best, at = math.inf, 0
            for epoch, loss in enumerate(trainer.result.val_losses):
                if loss < best:
                    best, at = loss, epoch
            if trainer.epoch - 1 - at == patience:
                trainer.stop("no gain")

    return Loop()


def by_history_of_its_own(patience: int) -> Callback:
    class History(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_epoch_end(self, trainer: Any) -> None:
            self.seen.append(trainer.result.val_losses[-1])
            recent = self.seen[-patience - 1 :]
            if len(recent) > patience and recent[0] == min(self.seen):
                trainer.stop("no gain")

    return History()


def with_average(model: nn.Module, loader: Any, loss: Any) -> float:
    average = Average()
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = False
    with torch.no_grad():
        for inputs, targets in loader:
            average.add(loss(model(inputs), targets), len(targets))
    for module, training in modes:
        module.training = training
    return average.value()


def with_evaluate(model: nn.Module, loader: Any, loss: Any) -> float:
    return evaluate(model, loader, {"it": loss})["it"]


@torch.no_grad()
def on_a_copy(model: nn.Module, loader: Any, loss: Any) -> float:
    asleep = copy.deepcopy(model).eval()
    pairs = [(loss(asleep(X), y).item(), len(y)) for X, y in loader]
    return float(sum(mean * n for mean, n in pairs) / sum(n for _, n in pairs))


def with_inference_mode(model: nn.Module, loader: Any, loss: Any) -> float:
    was = {name: module.training for name, module in model.named_modules()}
    try:
        model.eval()
        with torch.inference_mode():
            sums = torch.tensor(
                [[loss(model(X), y) * len(y), len(y)] for X, y in loader]
            ).sum(0)
    finally:
        for name, module in model.named_modules():
            module.training = was[name]
    return float(sums[0] / sums[1])


def with_grad_switched_off(model: nn.Module, loader: Any, loss: Any) -> float:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    total, count = torch.zeros(()), 0
    for batch in loader:
        total += loss(model(batch[0]), batch[1]) * batch[1].shape[0]
        count += batch[1].shape[0]
    torch.set_grad_enabled(before)
    for module, mode in modes.items():
        module.train(mode)
    for module, mode in modes.items():
        module.training = mode
    return total.item() / count


def with_weights(model: nn.Module, loader: Any, loss: Any) -> float:
    modes = [module.training for module in model.modules()]
    model.eval()
    with torch.no_grad():
        means, sizes = zip(
            *((float(loss(model(X), y)), len(y)) for X, y in loader), strict=True
        )
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    weighted: Tensor = torch.tensor(means, dtype=torch.float64) @ torch.tensor(
        sizes, dtype=torch.float64
    )
    return float(weighted.item() / sum(sizes))


def of_all_at_once(model: nn.Module, loader: Any, loss: Any) -> float:
    asleep = copy.deepcopy(model).eval()
    inputs, targets = (torch.cat(parts) for parts in zip(*loader, strict=True))
    with torch.no_grad():
        return float(loss(asleep(inputs), targets))


RIGHT: Right = [
    *(
        ("stopping", attempt)
        for attempt in (
            Waits,
            by_slices,
            by_tensors,
            by_a_function_set_on_it,
            by_a_loop,
            by_history_of_its_own,
        )
    ),
    *(
        ("validation", attempt)
        for attempt in (
            with_average,
            with_evaluate,
            on_a_copy,
            with_inference_mode,
            with_grad_switched_off,
            with_weights,
            of_all_at_once,
        )
    ),
]


def with_stopping(change: Any, hook: str = "on_epoch_end") -> Change:
    """The solution's callback, with another hook in place of its own."""

    def changed(right: Any) -> Any:
        def attempt(patience: int) -> Callback:
            inner = right(patience)
            hooks = {hook: lambda self, trainer: change(inner, trainer)}
            attempt_class: Any = type("Attempt", (Callback,), hooks)
            callback: Callback = attempt_class()
            return callback

        return attempt

    return changed


def stop_without_reason(inner: Callback, trainer: Any) -> None:
    inner.on_epoch_end(trainer)
    if trainer.result.stop_reason is not None:
        trainer.result.stop_reason = ""


def measured(
    graph: bool = False, awake: bool = False, left: bool = False, train: bool = False
) -> Attempt:
    """A validation that lacks something."""

    def attempt(model: nn.Module, loader: Any, loss: Any) -> float:
        modes = {module: module.training for module in model.modules()}
        if not awake:
            model.eval()
        with torch.set_grad_enabled(graph):
            pairs = [(loss(model(X), y).item(), len(y)) for X, y in loader]
        if train:
            model.train()
        elif not left:
            for module, mode in modes.items():
                module.training = mode
        return float(sum(mean * n for mean, n in pairs) / sum(n for _, n in pairs))

    return attempt


def of_batch_means(model: nn.Module, loader: Any, loss: Any) -> float:
    means: list[float] = []

    def noted(predictions: Any, targets: Any) -> Tensor:
        value: Tensor = loss(predictions, targets)
        means.append(value.item())
        return value

    evaluate(model, loader, {"it": noted})
    return sum(means) / len(means)


WRONG: Wrong = {
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
    "stops as the next epoch begins": (
        "stopping",
        "was begun before the run ended",
        with_stopping(
            lambda inner, trainer: (
                inner.on_epoch_end(trainer) if trainer.result.val_losses else None
            ),
            "on_epoch_start",
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
    "measures in training mode": (
        "validation",
        "was in training mode",
        lambda right: measured(awake=True),
    ),
    "keeps a graph": ("validation", "carry a graph", lambda right: measured(graph=True)),
    "leaves the model asleep": (
        "validation",
        "The model is left in",
        lambda right: measured(left=True),
    ),
    "wakes what was asleep": (
        "validation",
        "was asleep is awake",
        lambda right: measured(train=True),
    ),
    "takes the mean of batch means": (
        "validation",
        "mean of the batches' means",
        lambda right: of_batch_means,
    ),
    "returns a tensor": (
        "validation",
        "Return a float, not a Tensor",
        lambda right: lambda *a: torch.tensor(right(*a)),
    ),
    "returns the sum": (
        "validation",
        "over all samples should be",
        lambda right: lambda *a: 10 * right(*a),
    ),
    "looks at the first batch alone": (
        "validation",
        "over all samples should be",
        lambda right: (
            lambda model, loader, loss: (
                right(model, loader, loss) - right(model, loader, loss) / 2
            )
        ),
    ),
}


def test_the_chapter_lists_its_pieces(chapter: Chapter) -> None:
    pieces = [
        evaluate,
        Callback,
        Trainer.__init__,
        Trainer.train,
        Trainer._train_epoch,
        Trainer._train_step,
        TrainerConfig.build,
    ]
    assert [piece for piece in pieces if piece not in chapter.listed] == []


# What it tells of `make bench`: tests/notebooks/test_measured.py asks.


def figures(tenfold: float) -> dict[str, list[float]]:
    """A cell's first words → the ratios that it names, if ours is that much slower."""
    jobs = ("train-mini-batch", "train-network")
    return {
        "Where does that vanish?": [
            *(tenfold * ratio(job, "groundup") for job in jobs),
            *(
                ratio(job, name)
                for job in jobs
                for name in ("torch", "lightning", "transformers")
            ),
        ],
    }
