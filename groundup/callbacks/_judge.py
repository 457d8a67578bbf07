"""What judges a run: by which of its measures, and which of two values is better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from groundup._checks import describe
from groundup.callbacks.callback import Callback

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class Judge(Callback):
    """A callback that judges a run by one of its measures.

    Args:
        measure: `"loss"`, which is the validation loss, or a metric's name.
        mode: whether its least value, `"min"`, is the best or its largest, `"max"`.

    Attributes:
        worst: what any number is better than, but for an infinity.

    Raises:
        TypeError: if `measure` is not a string.
        ValueError: if `mode` is neither; as training starts, if the run does not validate
            the measure.
    """

    def __init__(self, measure: str, mode: Literal["min", "max"]) -> None:
        if not isinstance(measure, str):
            raise TypeError(f"measure must be a string, got {describe(measure)}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        self.measure = measure
        self.mode = mode
        self.worst = math.inf if mode == "min" else -math.inf

    def on_train_start(self, trainer: Trainer) -> None:
        """Refuse a measure that the run does not validate, before its first step."""
        if trainer.val_loader is None:
            raise ValueError(
                f"measure needs a val_loader to be validated on, got {self.measure!r}"
            )
        if self.measure not in trainer.measures:
            raise ValueError(
                f"measure must be one that the run validates, {[*trainer.measures]}, "
                f"got {self.measure!r}"
            )

    def values(self, trainer: Trainer) -> list[float]:
        """Return the measure after each epoch so far."""
        result = trainer.result
        return result.val_losses if self.measure == "loss" else result.metrics[self.measure]

    def is_better(self, value: float, best: float, by: float = 0.0) -> bool:
        """Return whether a value is better by more than so much. NaN never is."""
        return value + by < best if self.mode == "min" else value - by > best

    def last_gain(self, trainer: Trainer, by: float = 0.0) -> int:
        """Return the last epoch, counted from 1, that gained more than so much; or 0."""
        best, epoch = self.worst, 0
        for i, value in enumerate(self.values(trainer), start=1):
            if self.is_better(value, best, by):
                best, epoch = value, i
        return epoch
