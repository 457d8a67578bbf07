"""A resumed run equals the one that nobody interrupted, bit for bit."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup import (
    SGD,
    Accumulated,
    AdamW,
    Averaging,
    Callback,
    Checkpoint,
    DataLoader,
    Dataset,
    Trainer,
)
from tests.checkpoints.runs import (
    EPOCHS,
    STEPS,
    Drawing,
    Kill,
    Killed,
    OwnGenerators,
    Unmeasured,
    assert_same,
    data,
    end_of,
    everything,
    ours,
    ours_by_the_global_state,
    seed_all,
    torchs,
)

# From Python 3.12 on, whoever forks is told of threads, as pytest-xdist has one.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

SCRAMBLED = 99


def uninterrupted(folder: Path, **options: Any) -> dict[str, Any]:
    trainer, _ = everything(folder / "uninterrupted", **options)
    trainer.train()
    return end_of(trainer)


def killed_at(step: int, folder: Path, *callbacks: Callback, **options: Any) -> None:
    trainer, checkpoint = everything(folder, Kill(step), *callbacks, **options)
    checkpoint.resume(trainer)
    with pytest.raises(Killed):
        trainer.train()


def resumed(folder: Path, **options: Any) -> dict[str, Any]:
    trainer, checkpoint = everything(folder, scramble=SCRAMBLED, **options)
    assert checkpoint.resume(trainer)
    seed_all(SCRAMBLED)  # who looks at a model, say, may draw before it is trained
    trainer.train()
    return end_of(trainer)


@pytest.mark.parametrize("every", [1, None], ids="every {}".format)
def test_it_is_the_same_cut_at_every_step_with_everything_in_it(
    every: int | None, tmp_path: Path
) -> None:
    expected = uninterrupted(tmp_path, every=every)
    for step in range(every or STEPS, EPOCHS * STEPS):  # before it there is no file
        folder = tmp_path / f"cut at {step}"
        killed_at(step, folder, every=every)
        assert_same(resumed(folder, every=every), expected)


def test_it_is_the_same_cut_between_an_epochs_last_step_and_its_validation(
    tmp_path: Path,
) -> None:
    expected = uninterrupted(tmp_path, loader=torchs)
    for epoch in range(EPOCHS):
        folder = tmp_path / f"cut in validation {epoch}"
        metric = Unmeasured(epoch)
        trainer, _ = everything(folder, metric=metric, loader=torchs)
        metric.trainer = trainer
        with pytest.raises(Killed):
            trainer.train()
        assert trainer.step == (epoch + 1) * STEPS
        assert_same(resumed(folder, loader=torchs), expected)


class Stream(torch.utils.data.IterableDataset[tuple[Tensor, Tensor]]):
    """Samples that come one after the other, without a length; global states are drawn."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = Drawing(dataset)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self.dataset[i] for i in torch.randperm(len(self.dataset)).tolist())


def stream(dataset: Dataset) -> torch.utils.data.DataLoader[Any]:
    return torch.utils.data.DataLoader(Stream(dataset), 4)


def batches(dataset: Dataset) -> list[Any]:
    return [*ours(dataset)]


LOADERS = {
    "a list of batches": batches,
    "torch's over a stream": stream,
    "ours": ours,
    "ours by the global state": ours_by_the_global_state,
    "torch's with data that draw": torchs,
    "torch's with a generator": lambda dataset: torchs(
        dataset, generator=torch.Generator().manual_seed(5)
    ),
    "torch's with data that have generators": partial(torchs, samples=OwnGenerators),
}


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
def test_it_is_the_same_whatever_draws_the_batches(loader: Any, tmp_path: Path) -> None:
    expected = uninterrupted(tmp_path, loader=loader)
    for step in (1, 5, STEPS, STEPS + 1, 2 * STEPS + 4):
        folder = tmp_path / f"cut at {step}"
        killed_at(step, folder, loader=loader)
        assert_same(resumed(folder, loader=loader), expected)


OPTIMIZERS = {
    "ours": lambda model: AdamW(model.parameters(), 0.01),
    "ours with momentum": lambda model: SGD(model.parameters(), 0.01, momentum=0.9),
    "torch's AdamW": lambda model: torch.optim.AdamW(model.parameters(), 0.01),
    "torch's fused AdamW": lambda model: torch.optim.AdamW(
        model.parameters(), 0.01, fused=True
    ),
    "torch's SGD in a window": lambda model: Accumulated(
        Averaging(torch.optim.SGD(model.parameters(), 0.01, momentum=0.9), model), 4
    ),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_it_is_the_same_whatever_takes_the_steps(optimizer: Any, tmp_path: Path) -> None:
    expected = uninterrupted(tmp_path, optimizer=optimizer)
    for step in (3, STEPS, 2 * STEPS + 1):
        folder = tmp_path / f"cut at {step}"
        killed_at(step, folder, optimizer=optimizer)
        assert_same(resumed(folder, optimizer=optimizer), expected)


def test_it_is_the_same_cut_again_and_again(tmp_path: Path) -> None:
    expected = uninterrupted(tmp_path, loader=torchs)
    for step in range(1, EPOCHS * STEPS):
        killed_at(step, tmp_path / "cut", loader=torchs)
    assert_same(resumed(tmp_path / "cut", loader=torchs), expected)


@pytest.mark.parametrize("validation", [torchs, ours, ours_by_the_global_state])
def test_it_is_the_same_where_validation_draws(validation: Any, tmp_path: Path) -> None:
    def run(folder: Path, *callbacks: Callback) -> tuple[Trainer, Checkpoint]:
        trainer, checkpoint = everything(folder, *callbacks, loader=torchs)
        trainer.val_loader = validation(data())
        return trainer, checkpoint

    whole, _ = run(tmp_path / "uninterrupted")
    whole.train()
    expected = end_of(whole)
    for step in (2, STEPS, STEPS + 5):
        folder = tmp_path / f"cut at {step}"
        trainer, _ = run(folder, Kill(step))
        with pytest.raises(Killed):
            trainer.train()
        again, checkpoint = run(folder)
        assert checkpoint.resume(again)
        again.train()
        assert_same(end_of(again), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("fused", [False, True])
def test_it_is_the_same_on_a_gpu(fused: bool, tmp_path: Path) -> None:
    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(model.cuda().parameters(), 0.01, fused=fused)

    def loader(dataset: Dataset) -> DataLoader:
        on_gpu = Dataset(*(tensor.cuda() for tensor in dataset.tensors))
        return DataLoader(
            on_gpu, 4, shuffle=True, generator=torch.Generator().manual_seed(2)
        )

    def run(folder: Path, *callbacks: Callback) -> tuple[Trainer, Checkpoint]:
        trainer, checkpoint = everything(
            folder, *callbacks, loader=loader, optimizer=optimizer
        )
        trainer.val_loader = loader(data())
        return trainer, checkpoint

    whole, _ = run(tmp_path / "uninterrupted")
    whole.train()
    expected = end_of(whole) | {"gpu": torch.cuda.get_rng_state()}
    for step in (2, STEPS, STEPS + 5):
        folder = tmp_path / f"cut at {step}"
        trainer, _ = run(folder, Kill(step))
        with pytest.raises(Killed):
            trainer.train()
        torch.cuda.manual_seed(SCRAMBLED)
        again, checkpoint = run(folder)
        assert checkpoint.resume(again)
        again.train()
        assert_same(end_of(again) | {"gpu": torch.cuda.get_rng_state()}, expected)


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None  # as if it were not installed
import torch
from groundup import *

for epochs in (1, 2):
    checkpoint = Checkpoint(sys.argv[1])
    model = LinearRegression(2)
    loader = DataLoader(Dataset(torch.ones(5, 2), torch.ones(5, 1)), 2, shuffle=True)
    optimizer = AdamW(model.parameters())
    trainer = Trainer(
        model, mean_squared_error, optimizer, loader, epochs=epochs, callbacks=[checkpoint]
    )
    print(checkpoint.resume(trainer))
    trainer.train()
"""


def test_numpy_need_not_be_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_NUMPY, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["False", "True"], done.stderr


# Worker processes.


def by_workers(dataset: Dataset, **options: Any) -> torch.utils.data.DataLoader[Any]:
    return torchs(dataset, num_workers=2, multiprocessing_context="fork", **options)


def test_it_is_the_same_with_two_worker_processes_that_draw(tmp_path: Path) -> None:
    expected = uninterrupted(tmp_path, loader=by_workers)
    assert_same(uninterrupted(tmp_path / "again", loader=by_workers), expected)
    for step in (2, STEPS, 2 * STEPS + 4):
        folder = tmp_path / f"cut at {step}"
        killed_at(step, folder, loader=by_workers)
        assert_same(resumed(folder, loader=by_workers), expected)


TOLD = "persistent workers"


def persistent(dataset: Dataset) -> torch.utils.data.DataLoader[Any]:
    return by_workers(dataset, persistent_workers=True)


def persistent_without_draws(dataset: Dataset) -> torch.utils.data.DataLoader[Any]:
    return by_workers(dataset, persistent_workers=True, samples=lambda same: same)


@pytest.mark.parametrize(
    ("loader", "steps"),
    [(persistent, (1, STEPS - 1)), (persistent_without_draws, (3, STEPS, STEPS + 5))],
    ids=["that draw, in the first epoch", "that draw nothing, anywhere"],
)
def test_it_is_the_same_with_persistent_workers(
    loader: Any, steps: tuple[int, ...], tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=TOLD):
        expected = uninterrupted(tmp_path, loader=loader)
    for step in steps:
        folder = tmp_path / f"cut at {step}"
        with pytest.warns(UserWarning, match=TOLD):
            killed_at(step, folder, loader=loader)
        with pytest.warns(UserWarning, match=TOLD):
            assert_same(resumed(folder, loader=loader), expected)


def test_it_is_the_same_where_validation_has_persistent_workers(tmp_path: Path) -> None:
    def run(folder: Path, *callbacks: Callback) -> tuple[Trainer, Checkpoint]:
        trainer, checkpoint = everything(folder, *callbacks, loader=torchs)
        trainer.val_loader = persistent_without_draws(data())
        return trainer, checkpoint

    trainer, _ = run(tmp_path / "uninterrupted")
    with pytest.warns(UserWarning, match=TOLD):
        trainer.train()
    expected = end_of(trainer)
    for step in (2, STEPS, STEPS + 5):
        folder = tmp_path / f"cut at {step}"
        killed, _ = run(folder, Kill(step))
        with pytest.warns(UserWarning, match=TOLD), pytest.raises(Killed):
            killed.train()
        again, checkpoint = run(folder)
        assert checkpoint.resume(again)
        with pytest.warns(UserWarning, match=TOLD):
            again.train()
        assert_same(end_of(again), expected)


def test_persistent_workers_are_told_of_before_the_first_step(tmp_path: Path) -> None:
    trainer, _ = everything(tmp_path, loader=persistent)
    with pytest.raises(UserWarning, match=TOLD):  # here a warning is an error
        trainer.train()
    assert trainer.step == 0


# Ends that are no kill.


class StopIn(Callback):
    """Asks for the end in one of a step's hooks."""

    def __init__(self, hook: str, step: int) -> None:
        self.step = step
        setattr(self, hook, self.stop)

    def stop(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            trainer.stop("enough")

    def on_step_start(self, trainer: Trainer) -> None: ...
    def on_backward_end(self, trainer: Trainer) -> None: ...
    def on_step_end(self, trainer: Trainer) -> None: ...


@pytest.mark.parametrize("hook", ["on_step_start", "on_backward_end", "on_step_end"])
@pytest.mark.parametrize("step", [3, STEPS - 1, STEPS, STEPS + 2])
def test_a_run_that_was_stopped_goes_on_from_where_it_was_stopped(
    hook: str, step: int, tmp_path: Path
) -> None:
    expected = uninterrupted(tmp_path, loader=torchs)
    trainer, _ = everything(
        tmp_path / "stopped", StopIn(hook, step), loader=torchs, every=None
    )
    trainer.train()
    done = trainer.step
    again, checkpoint = everything(
        tmp_path / "stopped", loader=torchs, every=None, scramble=SCRAMBLED
    )
    assert checkpoint.resume(again)
    assert again.step == done
    again.train()
    assert_same(end_of(again), expected)


@pytest.mark.parametrize("stopped", [False, True])
def test_after_an_interruption_in_validation_the_file_of_the_last_step_stands(
    stopped: bool, tmp_path: Path
) -> None:
    expected = uninterrupted(tmp_path, loader=torchs)
    metric = Unmeasured(epoch=1)
    callbacks = [StopIn("on_step_end", 2 * STEPS)] if stopped else []
    folder = tmp_path / "interrupted"
    trainer, _ = everything(folder, *callbacks, metric=metric, loader=torchs)
    metric.trainer = trainer
    with pytest.raises(Killed):
        trainer.train()
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names[-1].startswith(f"step-{2 * STEPS:08}-epoch-0001-batch-{STEPS:06}")
    assert_same(resumed(folder, loader=torchs), expected)


def test_a_run_that_was_stopped_and_trained_again_is_resumed_as_that_one(
    tmp_path: Path,
) -> None:
    def run(folder: Path, step: int) -> tuple[Trainer, Checkpoint]:
        stop, kill = StopIn("on_step_end", 4), Kill(step)
        return everything(
            folder, stop, kill, loader=torchs, optimizer=OPTIMIZERS["torch's AdamW"]
        )

    whole, _ = run(tmp_path / "whole", -1)
    whole.train()
    whole.train()  # the unfinished epoch from its start
    expected = end_of(whole)
    killed, _ = run(tmp_path / "killed", 13)
    killed.train()
    with pytest.raises(Killed):
        killed.train()
    trainer, checkpoint = run(tmp_path / "killed", -1)
    assert checkpoint.resume(trainer)
    trainer.train()
    assert trainer.step == EPOCHS * STEPS + 4
    assert_same(end_of(trainer), expected)


def test_a_finished_run_is_resumed_with_its_end(tmp_path: Path) -> None:
    trainer, _ = everything(tmp_path, loader=torchs)
    trainer.train()
    expected = end_of(trainer)
    again, checkpoint = everything(tmp_path, loader=torchs, scramble=SCRAMBLED)
    assert checkpoint.resume(again)
    again.train()
    assert_same(end_of(again), expected)


def test_a_callback_may_draw_as_an_epoch_starts(tmp_path: Path) -> None:
    class Draws(Callback):
        def on_epoch_start(self, trainer: Trainer) -> None:
            torch.rand(3)

    trainer, _ = everything(tmp_path / "whole", Draws(), loader=ours_by_the_global_state)
    trainer.train()
    expected = end_of(trainer)
    for step in (3, STEPS, STEPS + 1):
        folder = tmp_path / f"cut at {step}"
        killed_at(step, folder, Draws(), loader=ours_by_the_global_state)
        again, checkpoint = everything(
            folder, Draws(), loader=ours_by_the_global_state, scramble=SCRAMBLED
        )
        assert checkpoint.resume(again)
        again.train()
        assert_same(end_of(again), expected)
