"""Progress."""

import copy
import io
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import tqdm
from torch import Tensor

from groundup import (
    SGD,
    Callback,
    DataLoader,
    Dataset,
    LinearRegression,
    Progress,
    Trainer,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded, values

X, y = make_regression(5, 2, generator=seeded())
STEPS, EPOCHS = 3, 2


def pairs() -> DataLoader:
    return DataLoader(Dataset(X, y), batch_size=2)


class Unsized:
    """Batches without a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return iter(pairs())


class Unknown(Unsized):
    """Batches whose length is not known, said as abstract classes do."""

    def __len__(self) -> int:
        raise NotImplementedError


class StopAt(Callback):
    """Stops once, at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            trainer.stop("enough")


class FailAtTheStart(Callback):
    """Raises before the first step."""

    def on_train_start(self, trainer: Trainer) -> None:
        raise ZeroDivisionError


class FailAt(StopAt):
    """Raises once, at a step."""

    def on_step_end(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            raise KeyboardInterrupt


def trainer_of(
    *callbacks: Callback, train_loader: Iterable[Any] | None = None, **options: Any
) -> Trainer:
    model = LinearRegression(2, seeded())
    arguments: dict[str, Any] = {"epochs": EPOCHS, "callbacks": callbacks}
    return Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        pairs() if train_loader is None else train_loader,
        **(arguments | options),
    )


def written(file: io.StringIO) -> str:
    """What is on the terminal in the end: the last state of the bar."""
    return re.split(r"[\r\n]+", file.getvalue().strip())[-1]


@pytest.fixture(autouse=True)
def no_bar_is_left_open() -> Iterator[None]:
    yield
    assert not list(getattr(tqdm.tqdm, "_instances", ()))


def test_the_bar_ends_full_with_the_epoch_the_steps_and_the_last_losses() -> None:
    file = io.StringIO()
    trainer = trainer_of(
        Progress(file),
        val_loader=pairs(),
        metrics={
            "error": lambda predictions, targets: (predictions - targets).abs().mean()
        },
    )
    result = trainer.train()
    bar = written(file)
    assert bar.startswith("epoch 2/2: 100%|")
    assert "| 6/6 [" in bar
    assert "step" in bar
    train, val, error = (
        f"{losses[-1]:.4g}"
        for losses in (result.train_losses, result.val_losses, result.metrics["error"])
    )
    assert bar.endswith(f", train={train}, val={val}, error={error}]")


def test_losses_that_are_not_measured_are_not_shown() -> None:
    file = io.StringIO()
    result = trainer_of(Progress(file)).train()
    assert written(file).endswith(f", train={result.train_losses[-1]:.4g}]")


def test_the_losses_of_an_epoch_are_shown_as_soon_as_it_ends() -> None:
    class Look(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            shown.append(f"train={trainer.result.train_losses[-1]:.4g}" in written(file))

    shown: list[bool] = []
    file = io.StringIO()
    trainer_of(Progress(file), Look()).train()
    assert shown == [True] * EPOCHS


def test_the_epochs_are_counted_from_one() -> None:
    file = io.StringIO()
    trainer_of(Progress(file)).train()
    named = re.findall(r"epoch (\d+)/(\d+)", file.getvalue())
    assert list(dict.fromkeys(named)) == [("1", "2"), ("2", "2")]


@pytest.mark.parametrize("loader", [Unsized, Unknown])
def test_where_the_loader_has_no_length_the_steps_are_counted_without_a_total(
    loader: Any,
) -> None:
    file = io.StringIO()
    trainer_of(Progress(file), train_loader=loader()).train()
    bar = written(file)
    assert bar.startswith("epoch 2/2: ")
    assert " 6step [" in bar
    assert "%" not in bar


@pytest.mark.parametrize(("stop_at", "stopped"), [(1, "1/6"), (3, "3/6"), (4, "4/6")])
def test_after_a_stop_the_bar_goes_on_where_the_run_does(
    stop_at: int, stopped: str
) -> None:
    file = io.StringIO()
    trainer = trainer_of(Progress(file), StopAt(stop_at))
    trainer.train()
    assert f"| {stopped} [" in written(file)
    file.seek(0)
    file.truncate()
    trainer.train()
    first = re.search(r"\| (\d/6) \[", file.getvalue())
    assert first is not None
    assert first[1] == f"{3 * (stop_at // 3)}/6"
    assert "epoch 2/2: 100%" in written(file)
    assert "| 6/6 [" in written(file)


def test_a_run_restored_in_mid_epoch_starts_at_its_step() -> None:
    file = io.StringIO()
    trainer = trainer_of(Progress(file), epochs=3)
    trainer.epoch, trainer.step, trainer.batch = 1, 4, 1
    trainer.train_loss.total, trainer.train_loss.count = 2 * X.sum(), 2
    trainer.train()
    first = re.search(r"\| (\d/9) \[", file.getvalue())
    assert first is not None
    assert first[1] == "4/9"
    assert "| 9/9 [" in written(file)


def test_a_run_whose_epochs_are_raised_has_a_bar_for_all_of_them() -> None:
    file = io.StringIO()
    trainer = trainer_of(Progress(file), epochs=1)
    trainer.train()
    assert "epoch 1/1: 100%" in written(file)
    trainer.epochs = 4
    trainer.train()
    assert "epoch 4/4: 100%" in written(file)
    assert "| 12/12 [" in written(file)


def test_the_bar_is_closed_and_left_as_it_is_when_the_run_is_interrupted() -> None:
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        trainer_of(Progress(file), FailAt(4)).train()
    assert "| 4/6 [" in written(file)
    assert file.getvalue().endswith("\n")
    assert not list(tqdm.tqdm._instances)  # type: ignore[attr-defined]


def test_an_interruption_before_the_bar_is_opened_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        trainer_of(FailAtTheStart(), Progress(io.StringIO())).train()


@pytest.mark.parametrize(
    ("others", "raised"),
    [
        ([], None),
        ([StopAt(2)], None),
        ([FailAt(2)], KeyboardInterrupt),
        ([FailAtTheStart()], ZeroDivisionError),
    ],
    ids=["finished", "stopped", "interrupted", "never started"],
)
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))],
    ids=["deep-copied", "pickled"],
)
def test_a_trainer_can_be_copied_after_a_run_with_a_bar(
    copied: Any, others: list[Callback], raised: type[BaseException] | None
) -> None:
    trainer = trainer_of(Progress(), *others)
    with pytest.raises(raised) if raised else nullcontext():
        trainer.train()
    twin = copied(trainer)
    if raised is not ZeroDivisionError:
        assert twin.train() == trainer.train()


def test_without_a_standard_error_nothing_is_shown_and_the_run_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    watched = trainer_of(Progress(), val_loader=pairs())
    assert watched.train() == trainer_of(val_loader=pairs()).train()


def test_without_a_standard_error_a_file_is_still_written_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    file = io.StringIO()
    trainer_of(Progress(file)).train()
    assert "| 6/6 [" in written(file)


def test_a_bar_is_for_standard_error_as_it_is_when_the_run_starts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(Progress())
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    trainer.train()
    assert "epoch 2/2: 100%" in written(file)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_file_that_is_given_is_the_only_one_written_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trainer_of(Progress(io.StringIO())).train()
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_nothing_is_written_before_the_run_nor_by_a_run_that_is_finished() -> None:
    file = io.StringIO()
    trainer = trainer_of(Progress(file))
    assert file.getvalue() == ""
    trainer.train()
    before = file.getvalue()
    trainer.train()
    assert file.getvalue() == before


def test_the_run_is_the_same_with_a_bar_and_without() -> None:
    watched, alone = trainer_of(Progress(io.StringIO())), trainer_of()
    assert watched.train() == alone.train()
    assert_identical(values(watched.model), values(alone.model))


def test_tqdm_is_imported_when_a_run_starts_and_not_before() -> None:
    check = """
import sys
sys.modules["tqdm"] = None  # an import of it raises
import groundup, torch
model = groundup.LinearRegression(2, torch.Generator())
loader = groundup.DataLoader(groundup.Dataset(torch.ones(4, 2), torch.ones(4, 1)), 2)
trainer = groundup.Trainer(
    model,
    groundup.mean_squared_error,
    groundup.SGD(model.parameters(), 0.1),
    loader,
    epochs=1,
    callbacks=[groundup.Progress()],
)
try:
    trainer.train()
except ImportError:
    print("imported by the run")
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", check],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "imported by the run\n"
