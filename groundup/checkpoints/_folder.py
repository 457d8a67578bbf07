"""A folder of checkpoints: their names, who may write there, and which are kept."""

import os
import re
import weakref
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from groundup.checkpoints._files import PART, Damaged, read

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"step-(\d+)-epoch-(\d+)-batch-(\d+)\.pt")


class Place(NamedTuple):
    """Where a run stood. A later place is greater: a step comes before its validation."""

    step: int
    epoch: int
    batch: int

    def file(self) -> str:
        """Return the name of a checkpoint that was taken here."""
        return f"step-{self.step:08}-epoch-{self.epoch:04}-batch-{self.batch:06}.pt"


class Folder:
    """A folder that one run at a time writes into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __getstate__(self) -> dict[str, object]:  # a copy has no lock
        return {"path": self.path, "_lock": None}

    def own(self) -> dict[Path, Place]:
        """Return the files that a `Checkpoint` has named, the newest first."""
        found = {}
        for path in self.path.glob("*.pt"):
            if match := _NAME.fullmatch(path.name):
                found[path] = Place(*map(int, match.groups()))
        return dict(sorted(found.items(), key=lambda item: item[1], reverse=True))

    def newest_first(self) -> list[Path]:
        """Return all checkpoints, also those that the caller of `save_checkpoint` named.

        Of one with such a name that is damaged nobody knows how old it is: it comes first.
        """
        places: dict[Path, tuple[float, ...]] = {**self.own()}
        for path in self.path.glob("*.pt"):
            if path in places:
                continue
            try:
                state = read(path)
            except Damaged:
                places[path] = (float("inf"),)
            except ValueError:  # something else that torch has saved
                continue
            else:
                places[path] = tuple(state[name] for name in Place._fields)
        return sorted(places, key=lambda path: places[path], reverse=True)

    def open(self) -> None:
        """Make the folder, keep other runs out, and find out whether it can be written.

        Raises:
            OSError: if it can't be made or written.
            ValueError: if another run writes into it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.lock()
        for left in self.path.glob(f"*.pt{PART}"):  # by a run that was killed
            left.unlink()
        probe = self.path / f"probe.pt{PART}"
        try:
            probe.write_bytes(b"\0")
        finally:
            probe.unlink(missing_ok=True)

    def lock(self) -> None:
        """Keep other runs out, as long as this process lives.

        The lock is on the folder itself: no file is left when the process is killed.

        Raises:
            ValueError: if another run writes into it.
        """
        if fcntl is None or self._lock is not None:
            return
        self._lock = os.open(self.path, os.O_RDONLY)
        _folders.add(self)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ValueError(
                f"folder must be this run's alone, got {self.path}, into which another "
                "run writes"
            ) from None
        except OSError:  # a file system without locks
            self.close()

    def close(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    __del__ = close

    def prune(self, newest: Path, keep: int, best: int | None) -> None:
        """Delete what is not to be kept, when the newest is on the disk.

        What is later than the newest was damaged, and passed over when the run was resumed.

        Args:
            newest: the file that was just written.
            keep: how many files stay, this one included.
            best: the epoch, counted from 1, whose end is kept besides.
        """
        files = self.own()
        past = [path for path, place in files.items() if place <= files[newest]]
        for path, place in files.items():
            is_best = place.epoch == best and place.batch == 0
            if path not in past[:keep] and not (is_best and path in past):
                path.unlink(missing_ok=True)


_folders: weakref.WeakSet[Folder] = weakref.WeakSet()


def _let_go() -> None:
    """Close, in a process that was forked, what would keep its parent's lock alive."""
    for folder in _folders:
        with suppress(OSError):
            folder.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
