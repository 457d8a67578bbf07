"""A bar on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from groundup._checks import length_of
from groundup._extras import extra
from groundup._results import in_ascii
from groundup.callbacks.callback import Callback

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class Progress(Callback):
    """A bar on a terminal with a run's steps, their pace and the losses of the last epoch.

    Args:
        file: where to write; None means the standard error stream, as it is when the run
            starts. Where there is none, as under `pythonw`, nothing is shown.

    Raises:
        ModuleNotFoundError: as training starts, if tqdm is not installed; the extra
            `notebooks` brings it.

    Example:
        >>> model = LinearRegression(2, torch.Generator().manual_seed(0))
        >>> optimizer = SGD(model.parameters(), lr=0.1)
        >>> loader = DataLoader(Dataset(torch.ones(6, 2), torch.ones(6, 1)), batch_size=2)
        >>> bar = Progress()
        >>> trainer = Trainer(
        ...     model, mean_squared_error, optimizer, loader, epochs=2, callbacks=[bar]
        ... )
        >>> trainer.train()  # epoch 2/2: 100%|███| 6/6 [00:00, 1533step/s, train=9.92e-05]
        TrainerResult(2 epochs, train loss 0.02422 -> 9.921e-05)
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self._bar: Any = None

    def on_train_start(self, trainer: Trainer) -> None:
        """Open the bar, at the step where the run goes on."""
        with extra("notebooks"):
            from tqdm import tqdm  # noqa: PLC0415 (so that importing groundup stays light)

        steps = length_of(trainer.train_loader)
        self._bar = tqdm(
            total=steps and steps * trainer.epochs,
            initial=(steps or 0) * trainer.epoch + trainer.batch,
            unit="step",
            file=self.file,
            dynamic_ncols=True,
            disable=self.file is None and sys.stderr is None,
        )

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Name the epoch."""
        self._bar.set_description(f"epoch {trainer.epoch + 1}/{trainer.epochs}")

    def on_step_end(self, trainer: Trainer) -> None:
        """Count the step. The loss is not asked for: that would wait for the device."""
        self._bar.update()

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Show the epoch's losses and metrics."""
        result = trainer.result
        curves = {"train": result.train_losses, "val": result.val_losses, **result.metrics}
        self._bar.set_postfix(
            {
                in_ascii(name): f"{values[-1]:.4g}"
                for name, values in curves.items()
                if values
            }
        )

    def on_train_end(self, trainer: Trainer) -> None:
        """Leave the bar as it is, also when the run was cut short."""
        bar, self._bar = self._bar, None  # an open file can't be copied or pickled
        if bar is not None:
            bar.close()
