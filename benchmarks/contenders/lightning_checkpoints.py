"""Lightning's checkpoints."""

import logging
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from benchmarks.checkpoint import BATCH_SIZE, CUT, EPOCHS, Job, Run

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
# It recommends workers for the loader, an empty folder, and to resume at an epoch's end.
warnings.filterwarnings("ignore", category=PossibleUserWarning)
warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
warnings.filterwarnings("ignore", "You're resuming from a checkpoint that ended before")
warnings.filterwarnings(
    "ignore", "`isinstance\\(treespec, LeafSpec\\)` is deprecated", FutureWarning
)


class Module(LightningModule):
    """A job's model."""

    def __init__(self, job: Job, run: Run) -> None:
        super().__init__()
        self.model = run.watch(job.model())
        self.run = run

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return torch's AdamW."""
        return torch.optim.AdamW(self.model.parameters())

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the loss; the trainer does the rest of a step."""
        inputs, classes = batch
        return self.run.loss(self.model(inputs), classes)


def _fitted(job: Job, run: Run, folder: Path, every: int, path: Path | None) -> Any:
    saves = ModelCheckpoint(folder, "{step}", every_n_train_steps=every, save_top_k=-1)
    trainer = Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[saves],
    )
    module = Module(job, run)
    loader = torch.utils.data.DataLoader(job.data(), BATCH_SIZE, shuffle=True)
    trainer.fit(module, loader, ckpt_path=path)
    run.end(module.model, trainer.optimizers[0])
    return trainer


def train(job: Job, folder: Path, resume: bool = False) -> Run:
    """Train from the start and keep the file of the cut, or go on from it."""
    run = Run()
    path = folder / f"step={CUT}.ckpt" if resume else None
    _fitted(job, run, folder, CUT, path)
    return run


def saving(contender: str, job: Job, folder: Path) -> Callable[[], object]:
    """Return what saves a run that is over."""
    trainer = _fitted(job, Run(), folder.with_name("unused"), 1000, None)
    return partial(trainer.save_checkpoint, folder / "run.ckpt")
