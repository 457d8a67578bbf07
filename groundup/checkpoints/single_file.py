"""A run in a file of its own, and what is in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.checkpoints._files import read, write
from groundup.checkpoints._state import check_states, state_of
from groundup.checkpoints.checkpoint import Checkpoint

if TYPE_CHECKING:
    from groundup.trainer import Trainer


def save_checkpoint(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Save a run between two steps: into one file, whole or not at all.

    In mid-epoch that is in a callback's `on_step_end`, and a `Checkpoint` must be among the
    callbacks: it alone knows the random states in which the epoch began. What comes after
    that callback has not seen the step. `Checkpoint.resume` finds the file, if it is in its
    folder and its name ends in `.pt`.

    Args:
        trainer: whose run it is.
        path: the file. Its folder must be there; what had this name is replaced.

    Raises:
        OSError: if the file can't be written. What had this name stands.
        TypeError: if the optimizer or the average has no `state_dict`, or a state holds
            what `torch.load` takes from no file.
        ValueError: in mid-epoch without a `Checkpoint`, or in the middle of a step.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> model = LinearRegression(1)
        >>> loader = DataLoader(Dataset(torch.zeros(2, 1), torch.ones(2, 1)), batch_size=1)
        >>> optimizer = SGD(model.parameters(), lr=0.25)
        >>> trainer = Trainer(model, mean_squared_error, optimizer, loader, epochs=1)
        >>> with TemporaryDirectory() as folder:
        ...     save_checkpoint(trainer, f"{folder}/untrained.pt")
        ...     torch.load(f"{folder}/untrained.pt", weights_only=True)["step"]
        0
    """
    checkpoint = next((c for c in trainer.callbacks if isinstance(c, Checkpoint)), None)
    if checkpoint is None and trainer.batch > 0:
        raise ValueError(
            "a run in mid-epoch must have a Checkpoint among its callbacks to be saved, "
            f"got {trainer.batch} batches done without one"
        )
    seen = trainer.step if checkpoint is None else checkpoint._seen
    if trainer.inputs is not None and trainer.step == seen:
        raise ValueError(
            f"a run must be saved between two steps, got one in the middle of step "
            f"{trainer.step + 1}"
        )
    check_states(trainer)
    if checkpoint is None:
        write(state_of(trainer, None), Path(path))
        return
    state = checkpoint.collect(trainer)
    if checkpoint.writes:
        write(state, Path(path))


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a checkpoint holds, its tensors on the CPU.

    A flipped byte, which `torch.load` doesn't notice, is found by the checksums of the zip
    archive that the file is. `"model"` and `"optimizer"` are what `load_state_dict` takes.

    Args:
        path: a file that `Checkpoint` or `save_checkpoint` has written.

    Raises:
        OSError: if there is no such file, or it can't be read.
        ValueError: if it is damaged, no checkpoint, or one of another format.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> model = LinearRegression(1)
        >>> loader = DataLoader(Dataset(torch.zeros(2, 1), torch.ones(2, 1)), batch_size=1)
        >>> optimizer = SGD(model.parameters(), lr=0.25)
        >>> trainer = Trainer(model, mean_squared_error, optimizer, loader, epochs=1)
        >>> _ = trainer.train()
        >>> with TemporaryDirectory() as folder:
        ...     save_checkpoint(trainer, f"{folder}/run.pt")
        ...     state = load_checkpoint(f"{folder}/run.pt")
        >>> state["epoch"], state["step"], state["model"]["bias"]
        (1, 2, tensor([0.7500]))
    """
    return read(Path(path))
