"""`python -m tests.checkpoints.nursery SCENARIO FOLDER`: runs that are killed for real.

torch is imported once, and each run is a fork of this process, which has no other thread.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from groundup import Callback, Trainer
from tests.checkpoints.runs import end_of, everything, seed_all, torchs

KILLS = 12


class Tell(Callback):
    """Says that training begins, and each step."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def on_train_start(self, trainer: Trainer) -> None:
        os.write(self.pipe, b"!")

    def on_step_start(self, trainer: Trainer) -> None:
        os.write(self.pipe, b".")


def life(folder: Path, pipe: int) -> None:
    """Train from where the folder's files say, as far as this process lives."""
    other = os.getpid()  # a process has random states of its own
    trainer, checkpoint = everything(folder, Tell(pipe), loader=torchs, scramble=other)
    if not checkpoint.resume(trainer):
        seed_all(0)  # a new run is the same in each
    trainer.train()
    torch.save(end_of(trainer), folder / "end.pt")


def born(act: Callable[..., None], *arguments: Any) -> int:
    """Fork a process that does something; give its number."""
    child = os.fork()
    if child == 0:
        try:
            act(*arguments)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return child


def started(folder: Path, said: bytes = b"!") -> int:
    """Return the number of a process that has begun to train, or is over."""
    ours, theirs = os.pipe()
    child = born(life, folder, theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as pipe:
        while heard := pipe.read(1):
            if heard == said:
                break
    return child


def finished(child: int) -> bool:
    """Wait for a process: whether it came to its end by itself."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        sys.exit(f"a run ended with {status}")
    return status == 0


def killed_at_random(folder: Path) -> None:
    """Kill run after run at random moments, each until it is done; print how often."""
    draw = random.Random(0)
    kills = runs = 0
    while kills < KILLS:
        run = folder / f"killed {runs}"
        runs += 1
        while True:
            child = started(run)
            if kills < KILLS:
                time.sleep(draw.uniform(0, 0.06))
                os.kill(child, signal.SIGKILL)
            if finished(child):
                break
            kills += 1
    finished(started(folder / "uninterrupted"))
    print(kills)


def two_at_once(folder: Path) -> None:
    """Have a second process try a folder while the first holds it, and after its death."""
    first = started(folder / "shared", b".")
    os.kill(first, signal.SIGSTOP)
    ours, theirs = os.pipe()
    second = born(told, folder / "shared", theirs)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        print(answer.read().strip("!."))
    os.waitpid(second, 0)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    finished(started(folder / "shared"))
    finished(started(folder / "uninterrupted"))


def told(folder: Path, pipe: int) -> None:
    """Try to train, and say what is said against it."""
    try:
        life(folder, pipe)
    except ValueError as error:
        os.write(pipe, str(error).encode())


if __name__ == "__main__":
    scenario, where = sys.argv[1:]
    {"random": killed_at_random, "two": two_at_once}[scenario](Path(where))
