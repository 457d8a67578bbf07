"""A loss whose gradient counts by its batch's samples."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from torch import Tensor

from groundup._checks import describe

Loss = Callable[[Any, Any], Tensor]


class _Counter(Protocol):
    samples: int


class Weighing:
    """A loss as `Accumulated.weighing` gives it: no closure, so that it can be copied.

    Args:
        loss: gives the mean over a batch.
        optimizer: whose `samples` are counted as the gradient passes.
    """

    def __init__(self, loss: Loss, optimizer: _Counter) -> None:
        if not callable(loss):
            raise TypeError(f"loss must be callable, got {describe(loss)}")
        self.loss = loss
        self.optimizer = optimizer

    def __call__(self, predictions: Any, targets: Tensor) -> Tensor:
        value = self.loss(predictions, targets)
        if value.requires_grad:
            value.register_hook(partial(self._weigh, len(targets)))
        return value

    def _weigh(self, samples: int, gradient: Tensor) -> Tensor:
        self.optimizer.samples += samples
        return gradient * samples
