"""Ours, and torch's `save` of the same dictionary."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from benchmarks.checkpoint import BATCH_SIZE, CUT, EPOCHS, Job, Run
from groundup import Callback, Checkpoint, Trainer, save_checkpoint


def _trainer(job: Job, run: Run, *callbacks: Callback) -> Trainer:
    model = run.watch(job.model())
    return Trainer(
        model,
        run.loss,
        torch.optim.AdamW(model.parameters()),
        torch.utils.data.DataLoader(job.data(), BATCH_SIZE, shuffle=True),
        epochs=EPOCHS,
        callbacks=callbacks,
    )


def train(job: Job, folder: Path, resume: bool = False) -> Run:
    """Train from the start and keep every file, or go on from that of the cut."""
    run = Run()
    if resume:
        later = folder.with_name("later")
        later.mkdir()
        (cut,) = folder.glob(f"step-{CUT:08}-*.pt")
        shutil.copy(cut, later)
        folder = later
    checkpoint = Checkpoint(folder, every=1, keep_last=EPOCHS * job.samples)
    trainer = _trainer(job, run, checkpoint)
    checkpoint.resume(trainer)
    trainer.train()
    run.end(trainer.model, trainer.optimizer)
    return run


def saving(contender: str, job: Job, folder: Path) -> Callable[[], object]:
    """Return what saves a run that is over."""
    folder.mkdir(parents=True)
    checkpoint = Checkpoint(folder.with_name("unused"))
    trainer = _trainer(job, Run(), checkpoint)
    trainer.train()
    if contender == "groundup":
        return partial(save_checkpoint, trainer, folder / "run.pt")
    return partial(torch.save, checkpoint.collect(trainer), folder / "run.pt")
