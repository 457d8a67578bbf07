"""Runs of all that chapters four and five have, small enough to be cut at every step."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from groundup import (
    Accumulated,
    AdamW,
    AveragedModel,
    Averaging,
    BestWeights,
    Callback,
    Checkpoint,
    Clipped,
    CosineSchedule,
    DataLoader,
    Dataset,
    Dropout,
    EarlyStopping,
    Linear,
    LogFile,
    Scheduled,
    Trainer,
    accuracy,
    cross_entropy,
)
from tests.helpers import seeded

SAMPLES, EPOCHS, STEPS, WINDOW = 26, 3, 7, 4
"""Batches of 4, the last one of 2. A window goes on over an epoch's end, and one is open
when the run ends."""

Loaders = Callable[[Dataset], Any]
Optimizers = Callable[[Any], Any]


def data() -> Dataset:
    X = torch.randn(SAMPLES, 3, generator=seeded(1))
    return Dataset(X, (X.sum(1) > 0).long() + (X[:, 0] > 0.5).long())


class Drawing:
    """Samples that are drawn at: by torch, by NumPy and by `random`, all global."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        x, y = self.dataset[i]
        noise = torch.randn(()) + np.random.standard_normal() + random.gauss(0, 1)
        return x + 0.1 * noise.float(), y


class OwnGenerators(Drawing):
    """Samples that are drawn at by generators of their own, of every kind."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self.draws: list[Any] = [seeded(3), random.Random(4), np.random.default_rng(5)]
        self.older = np.random.RandomState(6)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        x, y = self.dataset[i]
        torchs, pythons, numpys = self.draws
        noise = torch.randn((), generator=torchs) + pythons.gauss(0, 1)
        noise = noise + numpys.standard_normal() + self.older.standard_normal()
        return x + 0.1 * noise.float(), y


def ours(dataset: Dataset) -> DataLoader:
    return DataLoader(dataset, 4, shuffle=True, generator=seeded(2))


def ours_by_the_global_state(dataset: Dataset) -> DataLoader:
    return DataLoader(dataset, 4, shuffle=True)


def torchs(
    dataset: Any, samples: Callable[[Dataset], Any] = Drawing, **options: Any
) -> torch.utils.data.DataLoader[Any]:
    return torch.utils.data.DataLoader(samples(dataset), 4, shuffle=True, **options)


def stack(model: AveragedModel) -> Accumulated:
    clipped = Clipped(AdamW(model.parameters(), lr=0.1), max_norm=0.5)
    total = EPOCHS * STEPS // WINDOW
    scheduled = Scheduled(clipped, CosineSchedule(2), total)
    return Accumulated(Averaging(scheduled, model), WINDOW)


def everything(
    folder: Path,
    *callbacks: Callback,
    metric: Callable[[Any, Any], Tensor] = accuracy,
    loader: Loaders = ours,
    optimizer: Optimizers = stack,
    epochs: int = EPOCHS,
    scramble: int = 0,
    **options: Any,
) -> tuple[Trainer, Checkpoint]:
    """A run with all of chapters four and five in it, and its checkpoint.

    `folder` is for its log and its checkpoints; `callbacks` come before the others; with
    another `scramble` all that is global has another state, as in a new process.
    """
    seed_all(scramble)
    net = nn.Sequential(
        Linear(3, 8, seeded(7)), nn.ReLU(), Dropout(0.2, seeded(8)), Linear(8, 3, seeded(9))
    )
    net.append(nn.Dropout(0.1))  # draws from the global state
    model = AveragedModel(net, decay=0.9)
    made = optimizer(model)
    loss = made.weighing(cross_entropy) if isinstance(made, Accumulated) else cross_entropy
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(folder / "checkpoints", **{"every": 1, **options})
    trainer = Trainer(
        model,
        loss,
        made,
        loader(data()),
        epochs=epochs,
        val_loader=DataLoader(data(), 16),
        metrics={"accuracy": metric},
        callbacks=[
            *callbacks,
            EarlyStopping(patience=50),
            BestWeights("accuracy", "max"),
            LogFile(folder / "log.jsonl"),
            checkpoint,
        ],
    )
    return trainer, checkpoint


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def end_of(trainer: Trainer) -> dict[str, Any]:
    """All that a run has left behind, collected piece by piece."""
    log = next(c for c in trainer.callbacks if isinstance(c, LogFile))
    best = next(c for c in trainer.callbacks if isinstance(c, BestWeights))
    return copy.deepcopy(
        {
            "model": dict(trainer.model.state_dict()),
            "optimizer": trainer.optimizer.state_dict(),  # type: ignore[attr-defined]
            "result": vars(trainer.result),
            "place": (trainer.epoch, trainer.step, trainer.batch),
            "log": log.path.read_text(),
            "best": best.state_dict(),
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]
            "python": random.getstate(),
            "next order": [batch[1].tolist() for batch in trainer.train_loader],
        }
    )


def assert_same(actual: Any, expected: Any, place: str = "") -> None:
    """The same numbers, bit for bit, and the same words; where not, the place is named.

    On whichever device: what a callback gets back from a file may wait on the CPU.
    """
    assert type(actual) is type(expected), place
    if isinstance(expected, dict):
        assert [*actual] == [*expected], place
        for name in expected:
            assert_same(actual[name], expected[name], f"{place}[{name!r}]")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), place
        for i, pair in enumerate(zip(actual, expected, strict=True)):
            assert_same(*pair, f"{place}[{i}]")
    elif isinstance(expected, Tensor):
        assert actual.dtype == expected.dtype, place
        assert torch.equal(actual.cpu(), expected.cpu()), place
    else:
        assert actual == expected, place


class Killed(BaseException):
    """The end of a process, as far as one process can play it."""


class Kill(Callback):
    """Ends a run as a step starts, when so many are done."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_start(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            raise Killed


class Unmeasured:
    """A metric that ends a run in a validation, when so many epochs are done."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.trainer: Trainer | None = None

    def __call__(self, predictions: Tensor, targets: Tensor) -> Tensor:
        assert self.trainer is not None
        if self.trainer.epoch == self.epoch:
            raise Killed
        return accuracy(predictions, targets)
