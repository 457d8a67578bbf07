"""The callback that saves a run, and takes it up again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup._checks import check_count, check_flag, describe
from groundup.callbacks._judge import Judge
from groundup.callbacks.callback import Callback
from groundup.checkpoints._files import Damaged, plain, read, write
from groundup.checkpoints._folder import Folder, Place
from groundup.checkpoints._random import (
    ResumedLoader,
    persistent_loaders,
    random_states,
    set_random_states,
)
from groundup.checkpoints._state import check_states, put_back, state_of

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class Checkpoint(Callback):
    """Saves a run at each epoch's end and every so many steps, and takes it up again.

    A run that was killed and resumed gives what it would have given, bit for bit: weights,
    result and random states. It is the last of the callbacks: those before it have seen
    what it saves.

    Each file is written beside the others and gets its name when it is on the disk; older
    ones are deleted afterwards. So the folder always has a whole one, and nothing else
    after a save. A run that is stopped in mid-epoch is saved as its step ends. After an
    exception the newest file stands, and after a stop that comes while a batch is drawn, as
    from a signal's handler: what was drawn can't be put back.

    What has to be the same when a run is resumed is made by the same script: the data, the
    loss, the schedule, which parameters are frozen. The state of model, optimizer, average
    and callbacks is what their `state_dict` tells; loaders, loss and metrics have none and
    are searched for generators. What else has a state can be made a part of the model, or a
    callback's.

    Args:
        folder: where the files are. It is made, and one run at a time writes there.
        every: after how many steps to save besides; None: at an epoch's end alone.
        keep_last: how many files are kept.
        keep_best: a measure, `"loss"` for the validation loss or a metric's name: the file
            of the epoch with its least value is kept, too. `"-accuracy"`: with the largest.
        writes: whether this process writes. Of several that train together, one does.

    Raises:
        TypeError: if a number is not an integer, `keep_best` not a string or `writes` not a
            bool; as training starts, if the optimizer or the average has no `state_dict`,
            or a callback's holds what `torch.load` takes from no file.
        ValueError: if a number is not positive; as training starts, if it is not the last
            callback, the run does not validate `keep_best`, another run writes into the
            folder, or there are files that the run was not resumed from.
        OSError: as training starts, if the folder can't be made or written; if a file can't
            be. The older ones stand.

    Warns:
        UserWarning: as training starts, if a loader has persistent workers: what they draw
            is out of reach.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> def run(folder, epochs):
        ...     generator = torch.Generator().manual_seed(0)
        ...     data = Dataset(*make_regression(100, 2, generator=generator))
        ...     checkpoint = Checkpoint(folder)
        ...     config = TrainerConfig(epochs=epochs, batch_size=10, learning_rate=0.1)
        ...     model = LinearRegression(2, generator)
        ...     trainer = config.build(
        ...         model, mean_squared_error, data, callbacks=[checkpoint]
        ...     )
        ...     resumed = checkpoint.resume(trainer)
        ...     return resumed, trainer.train()
        >>> with TemporaryDirectory() as folder, TemporaryDirectory() as other:
        ...     run(folder, epochs=2)
        ...     run(folder, epochs=5)
        ...     _, uninterrupted = run(other, epochs=5)
        (False, TrainerResult(2 epochs, train loss 0.2676 -> 0.01109))
        (True, TrainerResult(5 epochs, train loss 0.2676 -> 0.009598))
        >>> uninterrupted
        TrainerResult(5 epochs, train loss 0.2676 -> 0.009598)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every: int | None = None,
        keep_last: int = 2,
        keep_best: str | None = None,
        writes: bool = True,
    ) -> None:
        if every is not None:
            check_count("every", every, minimum=1)
        check_count("keep_last", keep_last, minimum=1)
        if keep_best is not None and not isinstance(keep_best, str):
            raise TypeError(
                f"keep_best must be a string or None, got {describe(keep_best)}"
            )
        check_flag("writes", writes)
        self.folder = Path(folder)
        self.every = every
        self.keep_last = keep_last
        self.keep_best = keep_best
        self.writes = writes
        self._judge: Judge | None = None
        if keep_best is not None:
            largest = keep_best.startswith("-")
            self._judge = Judge(keep_best.removeprefix("-"), "max" if largest else "min")
        self._folder = Folder(self.folder)
        self._known: set[Path] = set()
        self._epoch_start: Mapping[str, Any] | None = None
        self._resumed: Mapping[str, Any] | None = None
        self._seen = 0

    def resume(self, trainer: Trainer) -> bool:
        """Put the newest whole checkpoint into a trainer that was made anew.

        Then `trainer.train()` goes on. A damaged file is passed over, with a warning.

        Args:
            trainer: of the same pieces as the one that was saved, this callback included.

        Returns:
            True if there was one; otherwise the run is a new one.

        Raises:
            ValueError: if this is not the trainer's last callback, steps are done already,
                there are files and none is whole, the newest is of another format or of a
                run of other pieces, or a run writes into the folder. The trainer is as it
                was then.

        Warns:
            UserWarning: if a file is damaged, and an older one is taken.
        """
        self._check_pieces(trainer)
        if trainer.step or trainer.epoch:
            raise ValueError(
                f"trainer must be made anew to be resumed, got one with {trainer.step} "
                "steps done"
            )
        if not self.folder.exists():
            return False
        if self.writes:
            self._folder.lock()
        try:
            return self._resume(trainer)
        finally:
            self._folder.close()

    def _resume(self, trainer: Trainer) -> bool:
        damaged: list[Damaged] = []
        files = self._folder.newest_first()
        for path in files:
            try:
                state = read(path)
            except Damaged as error:
                damaged.append(error)
                continue
            try:
                self.restore(trainer, state)
            except Exception as error:
                error.add_note(f"{path} was to be resumed from")
                raise
            for passed_over in damaged:
                warnings.warn(f"{passed_over}. Resumed from {path}", stacklevel=3)
            self._known = {*files}
            return True
        if damaged:
            raise ValueError(f"a checkpoint must be whole, got none: {damaged[0]}")
        return False

    def collect(self, trainer: Trainer) -> dict[str, Any]:
        """Return the state of a run: what is saved. The tensors are those in use.

        A subclass may gather it from several processes: all of them call this, also those
        that write nothing.
        """
        return state_of(trainer, self._epoch_start if trainer.batch else None)

    def restore(self, trainer: Trainer, state: Mapping[str, Any]) -> None:
        """Give a run what `collect` returned: all of it or, where it is refused, nothing.

        Raises:
            TypeError, ValueError: if it is the state of a run of other pieces.
        """
        put_back(trainer, state)
        self._epoch_start, self._resumed = state["epoch_start"], state["random"]
        self._seen = trainer.step

    def on_train_start(self, trainer: Trainer) -> None:
        """Refuse what could not be saved, and go back to the random states of the save."""
        self._check_pieces(trainer)
        if trainer.step != self._seen:  # another trainer was resumed
            self._resumed = None
        for callback in trainer.callbacks:
            plain(callback.state_dict(), f"the state of {type(callback).__name__}")
        if self._judge is not None:
            self._judge.on_train_start(trainer)
        if self.writes:
            self._folder.open()
            self._check_folder(trainer)
        persistent = persistent_loaders(trainer)
        if persistent:
            warnings.warn(
                "a run is resumed exactly where its loaders' persistent workers draw no "
                "random numbers: their random states are out of reach",
                stacklevel=4,
            )
        if self._resumed is not None:
            if trainer.epoch:  # the workers were made in an epoch that is over
                for loader in persistent:
                    iter(loader)
            set_random_states(trainer, self._resumed)
            if trainer.batch == 0:
                self._resumed = None

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Keep the random states in which the epoch begins, or go back to them."""
        self._seen = trainer.step
        if self._resumed is None:
            self._epoch_start = random_states(trainer)
        else:
            assert self._epoch_start is not None
            trainer.train_loader = ResumedLoader(trainer, self._epoch_start, self._resumed)
            self._resumed = None

    def on_step_end(self, trainer: Trainer) -> None:
        """Save every so many steps, and if the run is stopped."""
        self._seen = trainer.step
        due = self.every is not None and trainer.step % self.every == 0
        if due or trainer.result.stop_reason is not None:
            self._save(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Save each epoch."""
        self._save(trainer)

    def on_train_end(self, trainer: Trainer) -> None:
        """Let other runs into the folder."""
        self._resumed = None
        self._folder.close()

    def _check_folder(self, trainer: Trainer) -> None:
        """Refuse the files of a run that this one does not go on from."""
        if trainer.step == 0 and self._resumed is None:
            others = {*self._folder.newest_first()}
        else:
            others = {*self._folder.own()} - self._known
        if others:
            raise ValueError(
                f"folder must be empty or the one that the run was resumed from, got "
                f"{self.folder} with {', '.join(sorted(path.name for path in others))}"
            )

    def _save(self, trainer: Trainer) -> None:
        state = self.collect(trainer)
        if not self.writes:
            return
        place = Place(trainer.step, trainer.epoch, trainer.batch)
        path = self.folder / place.file()
        write(state, path)
        best = self._judge.last_gain(trainer) if self._judge is not None else 0
        self._folder.prune(path, self.keep_last, best or None)
        self._known = {*self._folder.own()}

    def _check_pieces(self, trainer: Trainer) -> None:
        if not trainer.callbacks or trainer.callbacks[-1] is not self:
            raise ValueError(
                "a Checkpoint must be the trainer's last callback, which has seen what the "
                f"others have, got it among {[type(c).__name__ for c in trainer.callbacks]}"
            )
        check_states(trainer)
