"""The weights of a run's best epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from groundup._checks import check_same_tensors
from groundup.callbacks._judge import Judge

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class BestWeights(Judge):
    """Keeps a copy of a model's weights and buffers as they were after its best epoch.

    `restore` is called after the run, whoever has ended it. In a hook it would leave the
    callbacks behind it with weights and an optimizer of two different epochs.

    Of equal epochs the first is the best; an epoch of NaN never is. Where an
    `AveragedModel` was validated, the value is that of its average, and both its parts are
    restored. What a model has beside its tensors, as a dropout's generator, and the
    optimizer stay as they are: this is for using a model, not for going on.

    Args:
        measure: `"loss"`, which is the validation loss, or a metric's name.
        mode: whether its least value, `"min"`, is the best or its largest, `"max"`.

    Attributes:
        value: the best value so far; None before there is one.
        epoch: how many epochs were completed when it was reached; None likewise.

    Raises:
        TypeError: if `measure` is not a string.
        ValueError: if `mode` is neither; as training starts, if the run does not validate
            the measure.

    Example:
        >>> model = LinearRegression(1, torch.Generator().manual_seed(0))
        >>> batches = DataLoader(Dataset(torch.ones(2, 1), torch.ones(2, 1)), batch_size=1)
        >>> optimizer = SGD(model.parameters(), lr=0.6)  # a rate at which it diverges
        >>> best = BestWeights()
        >>> trainer = Trainer(
        ...     model,
        ...     mean_squared_error,
        ...     optimizer,
        ...     batches,
        ...     epochs=5,
        ...     val_loader=batches,
        ...     callbacks=[best],
        ... )
        >>> _ = trainer.train()
        >>> best.restore(trainer)
        >>> best.epoch, best.value == evaluate(model, batches, trainer.measures)["loss"]
        (1, True)
    """

    def __init__(self, measure: str = "loss", mode: Literal["min", "max"] = "min") -> None:
        super().__init__(measure, mode)
        self._started: float = math.inf
        self._forget()

    def _forget(self) -> None:
        self.value: float | None = None
        self.epoch: int | None = None
        self._kept: dict[str, Tensor] = {}

    def on_train_start(self, trainer: Trainer) -> None:
        """Forget another run's best. Epochs before this call are not judged any more."""
        super().on_train_start(trainer)
        if self.epoch and self.values(trainer)[self.epoch - 1 :][:1] != [self.value]:
            self._forget()
        self._started = trainer.epoch

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Copy the weights, if the epoch is the best so far."""
        value = self.values(trainer)[-1]
        if self.is_better(value, self.worst if self.value is None else self.value):
            tensors = _tensors(trainer.model).items()
            self._kept = {name: tensor.detach().clone() for name, tensor in tensors}
            self.value, self.epoch = value, trainer.epoch

    def on_train_end(self, trainer: Trainer) -> None:
        """Judge the last epoch of this call: another callback may have raised at its end.

        If it was judged, it is no better than itself.
        """
        if trainer.epoch > self._started:
            self.on_epoch_end(trainer)
        self._started = math.inf

    @torch.no_grad()
    def restore(self, trainer: Trainer) -> None:
        """Give a trainer's model the best weights and buffers, in place.

        Raises:
            ValueError: if there are none yet, or the model has other tensors. Nothing is
                changed then.
        """
        if self.value is None:
            raise ValueError(
                f"best weights need an epoch with a number as its {self.measure}, "
                f"got none after {trainer.epoch} of {trainer.epochs} epochs"
            )
        tensors = _tensors(trainer.model)
        check_same_tensors("have the tensors that were kept,", tensors, self._kept)
        for name, tensor in tensors.items():
            tensor.copy_(self._kept[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, its epoch and its weights, which no later step changes."""
        return {"value": self.value, "epoch": self.epoch, "weights": dict(self._kept)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave, as a copy.

        Raises:
            TypeError: if the state is no mapping.
            ValueError: if it has other keys.
        """
        super().load_state_dict(state)
        weights = state["weights"].items()
        self._kept = {name: tensor.detach().clone() for name, tensor in weights}
        self.value, self.epoch = state["value"], state["epoch"]


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's parameters and buffers by name; what is tied, once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}
