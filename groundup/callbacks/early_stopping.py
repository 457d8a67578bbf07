"""The end of a run that gains nothing any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from groundup._checks import check_count, check_not_negative
from groundup.callbacks._judge import Judge

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class EarlyStopping(Judge):
    """Stops a run once a measure has not gained for so many epochs on end.

    It remembers nothing: each time it goes through all values of the result. So a run that
    was stopped, interrupted or resumed stops where it would have stopped anyway, and one
    that has stopped takes no further step when it is trained again.

    `patience` counts as Lightning's and Keras' does: with 3, the third epoch on end without
    a gain is the last. (Keras' default, 0, does what its 1 does; and it counts anew in each
    `fit`.) Lightning stops at once at a value that is not finite: here an infinity is a
    number like others, and NaN is no gain.

    Args:
        patience: how many epochs on end without a gain end the run, at least one.
        min_delta: a value is a gain if it is better than that of the last gain by more than
            this, in the measure's own unit.
        measure: `"loss"`, which is the validation loss, or a metric's name.
        mode: whether the measure's least value, `"min"`, is the best or its largest,
            `"max"`.

    Raises:
        TypeError: if `patience` is not an integer, `min_delta` not a number or `measure`
            not a string.
        ValueError: if `patience` is not positive, `min_delta` negative or not finite, or
            `mode` neither; as training starts, if the run does not validate the measure.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> train, val = random_split(
        ...     Dataset(*make_regression(40, 9, noise=1.0, generator=generator)),
        ...     [0.5, 0.5],
        ...     generator,
        ... )
        >>> model = LinearRegression(9, generator)
        >>> config = TrainerConfig(epochs=100, batch_size=5, learning_rate=0.02)
        >>> stopping = EarlyStopping(patience=3)
        >>> trainer = config.build(
        ...     model, mean_squared_error, train, val_data=val, callbacks=[stopping]
        ... )
        >>> losses = trainer.train().val_losses
        >>> trainer.result.stop_reason
        'no better loss for 3 epochs'
        >>> len(losses) - 1 - losses.index(min(losses))
        3
    """

    def __init__(
        self,
        patience: int,
        min_delta: float = 0.0,
        measure: str = "loss",
        mode: Literal["min", "max"] = "min",
    ) -> None:
        super().__init__(measure, mode)
        check_count("patience", patience, minimum=1)
        check_not_negative("min_delta", min_delta)
        self.patience = patience
        self.min_delta = min_delta

    def on_train_start(self, trainer: Trainer) -> None:
        """Judge the run before it goes on: it may have stopped already."""
        super().on_train_start(trainer)
        self.on_epoch_end(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Stop if the last epochs brought no gain."""
        waited = len(self.values(trainer)) - self.last_gain(trainer, by=self.min_delta)
        if waited >= self.patience:
            epochs = "epoch" if waited == 1 else "epochs"
            trainer.stop(f"no better {self.measure} for {waited} {epochs}")
