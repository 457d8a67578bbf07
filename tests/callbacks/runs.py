"""Runs whose validation measures what a test has written down."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import (
    SGD,
    Callback,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    make_regression,
    mean_squared_error,
)
from tests.helpers import seeded

X, y = make_regression(5, 2, generator=seeded())
STEPS = 3
"""Of an epoch: two batches of 2 and one of 1."""

curves = st.lists(
    st.integers(-8, 8).map(lambda n: n / 4)  # sums of quarters are exact
    | st.sampled_from([float("nan"), float("inf"), -float("inf")]),
    min_size=1,
    max_size=12,
)


def scripted(
    curve: Sequence[float],
    *callbacks: Callback,
    model: nn.Module | None = None,
    **options: Any,
) -> Trainer:
    """A run whose validation loss and whose metric `score` are this curve's values."""
    model = LinearRegression(2, seeded()) if model is None else model

    def value(*_: Tensor) -> Tensor:
        return torch.tensor(curve[trainer.epoch], dtype=torch.float64)

    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return mean_squared_error(predictions, targets)
        return value()

    arguments: dict[str, Any] = {
        "epochs": len(curve),
        "val_loader": [(X[:1], y[:1])],  # one sample: the mean over it is the value itself
        "metrics": {"score": value},
    }
    trainer = Trainer(
        model,
        loss,
        SGD(model.parameters(), 0.05),
        DataLoader(Dataset(X, y), batch_size=2, shuffle=True, generator=seeded()),
        callbacks=callbacks,
        **(arguments | options),
    )
    return trainer


class Raising(Callback):
    """Raises once at each of these steps, or at the end of each of these epochs."""

    def __init__(self, steps: Iterable[int] = (), epochs: Iterable[int] = ()) -> None:
        self.steps, self.epochs = {*steps}, {*epochs}

    def on_step_end(self, trainer: Trainer) -> None:
        if trainer.step in self.steps:
            self.steps.remove(trainer.step)
            raise KeyboardInterrupt

    def on_epoch_end(self, trainer: Trainer) -> None:
        if trainer.epoch in self.epochs:
            self.epochs.remove(trainer.epoch)
            raise KeyboardInterrupt
