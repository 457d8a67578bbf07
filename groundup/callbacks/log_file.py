"""A run's numbers in a file, a line an epoch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup._checks import check_count
from groundup.callbacks.callback import Callback

if TYPE_CHECKING:
    from groundup.trainer import Trainer

_OWN = ("epoch", "step", "train_loss", "val_loss")


class LogFile(Callback):
    """Writes a run's numbers into a file of its own: a JSON object a line, a line an epoch.

    A line has `epoch` and `step`, both completed, `train_loss`, `val_loss` where there is
    validation, and each metric by its name. It has no times, so that equal runs have equal
    logs, and is written as its epoch ends. JSON has no infinity and no NaN: they are null,
    which `pandas.read_json(path, lines=True)` takes for a missing number.

    A run that starts anew empties the file, one that goes on after a stop appends. One that
    was resumed with the state of this callback first cuts the file back to where it was
    saved, so that its log is that of a run which nobody interrupted. Both wait until the
    first epoch starts: a run that is refused costs no log.

    Args:
        path: the file, of this run alone. Its folder must be there.

    Raises:
        OSError: as training starts or an epoch ends, if the file can't be written. The
            model stays as the epoch has left it, whose line is missing; those before are
            whole.
        ValueError: as training starts, if a metric has the name of another number, or the
            file is shorter than where it is to be cut.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> model = LinearRegression(1)
        >>> loader = DataLoader(Dataset(torch.zeros(2, 1), torch.ones(2, 1)), batch_size=1)
        >>> optimizer = SGD(model.parameters(), lr=0.25)
        >>> with TemporaryDirectory() as folder:
        ...     log = LogFile(f"{folder}/log.jsonl")
        ...     trainer = Trainer(
        ...         model, mean_squared_error, optimizer, loader, epochs=2, callbacks=[log]
        ...     )
        ...     _ = trainer.train()
        ...     print(log.path.read_text(), end="")
        {"epoch": 1, "step": 2, "train_loss": 0.625}
        {"epoch": 2, "step": 4, "train_loss": 0.0390625}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._cut: int | None = None
        self._written: float = math.inf

    def on_train_start(self, trainer: Trainer) -> None:
        """See that there can be a log, and whether the file is to be cut."""
        for name in trainer.metrics:
            if name in _OWN:
                raise ValueError(
                    f"a metric in a log must have another name than {', '.join(_OWN)}, "
                    f"got {name!r}"
                )
        with self.path.open("ab") as file:
            size = file.tell()
            cut = 0 if trainer.step == 0 else size if self._cut is None else self._cut
            if cut > size:
                raise ValueError(
                    f"{self.path} must have the {cut} bytes that it had when the run was "
                    f"saved, got {size}"
                )
        self._cut = cut if cut < size else None
        self._written = trainer.epoch

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Empty the file, cut it, or leave it as it is: see above."""
        if self._cut is not None:
            os.truncate(self.path, self._cut)
            self._cut = None

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Write the epoch's line: all of it or nothing."""
        self._written = trainer.epoch
        result = trainer.result
        losses = {"train_loss": result.train_losses, "val_loss": result.val_losses}
        line: dict[str, float | None] = {"epoch": trainer.epoch, "step": trainer.step}
        for name, values in (losses | result.metrics).items():
            if values:
                line[name] = values[-1] if math.isfinite(values[-1]) else None
        size = os.path.getsize(self.path)
        try:
            with self.path.open("ab") as file:
                file.write(json.dumps(line).encode() + b"\n")
        except OSError:
            with suppress(OSError):
                os.truncate(self.path, size)
            raise

    def on_train_end(self, trainer: Trainer) -> None:
        """Write the last epoch's line, if something has come between."""
        if trainer.epoch > self._written:
            self.on_epoch_end(trainer)
        self._written = math.inf

    def state_dict(self) -> dict[str, Any]:
        """Return how long the file is, when so much is sure to be on the disk."""
        size = self._cut
        if size is None:
            with suppress(FileNotFoundError), self.path.open("rb+") as file:
                os.fsync(file.fileno())
                size = file.seek(0, os.SEEK_END)
        return {"size": size}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave. The file is cut when training starts.

        Raises:
            TypeError: if the state is no mapping.
            ValueError: if it has other keys, or the size is none.
        """
        super().load_state_dict(state)
        if state["size"] is not None:
            check_count("size", state["size"], minimum=0)
        self._cut = state["size"]
