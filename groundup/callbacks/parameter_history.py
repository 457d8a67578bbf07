"""The trajectory of a model's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import Tensor

from groundup.callbacks.callback import Callback

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class ParameterHistory(Callback):
    """Copies of a model's parameters over a run, as `NaiveTrainer` keeps them in its loop.

    Args:
        every: after each `"epoch"`, or after each `"step"`.

    Attributes:
        parameters: one entry an epoch or a step: detached copies in the order of
            `model.parameters()`, frozen ones included. A second run goes on at the end.

    Raises:
        ValueError: if `every` is something else.

    Example:
        >>> model = LinearRegression(2, torch.Generator().manual_seed(0))
        >>> optimizer = SGD(model.parameters(), lr=0.1)
        >>> loader = DataLoader(Dataset(torch.ones(6, 2), torch.ones(6, 1)), batch_size=2)
        >>> history = ParameterHistory(every="step")
        >>> trainer = Trainer(
        ...     model, mean_squared_error, optimizer, loader, epochs=2, callbacks=[history]
        ... )
        >>> _ = trainer.train()
        >>> len(history.parameters)
        6
    """

    def __init__(self, every: Literal["epoch", "step"] = "epoch") -> None:
        if every not in ("epoch", "step"):
            raise ValueError(f"every must be 'epoch' or 'step', got {every!r}")
        self.every = every
        self.parameters: list[tuple[Tensor, ...]] = []

    def on_step_end(self, trainer: Trainer) -> None:
        """Copy after each step, if so asked."""
        if self.every == "step":
            self._copy(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Copy after each epoch, if so asked."""
        if self.every == "epoch":
            self._copy(trainer)

    def _copy(self, trainer: Trainer) -> None:
        self.parameters.append(
            tuple(p.detach().clone() for p in trainer.model.parameters())
        )
