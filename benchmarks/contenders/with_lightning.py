"""Lightning: a trainer that calls the methods of a module."""

import logging
import warnings

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from benchmarks.contenders import torchs
from benchmarks.training import Job
from groundup import mean_squared_error

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
# It recommends workers for the loaders; with these data they would cost more than they
# spare.
warnings.filterwarnings("ignore", category=PossibleUserWarning)
warnings.filterwarnings(
    "ignore", "`isinstance\\(treespec, LeafSpec\\)` is deprecated", FutureWarning
)


class Module(LightningModule):
    """A job's model; it adds its losses up by hand: `self.log` would cost more."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.model = job.make_model()
        self.learning_rate = job.learning_rate
        self.train_losses: list[float] = []
        self.val_losses: list[float] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain SGD."""
        return torch.optim.SGD(self.model.parameters(), self.learning_rate)

    def on_train_epoch_start(self) -> None:
        """Start the average anew."""
        self.total, self.count = torch.zeros(()), 0

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the loss; the trainer does the rest of a step."""
        inputs, targets = batch
        loss = mean_squared_error(self.model(inputs), targets)
        self.total += loss.detach() * len(targets)
        self.count += len(targets)
        return loss

    def on_train_epoch_end(self) -> None:
        """Read the average."""
        self.train_losses.append(self.total.item() / self.count)

    def on_validation_epoch_start(self) -> None:
        """Start the average anew."""
        self.val_total, self.val_count = torch.zeros(()), 0

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Add the loss up."""
        inputs, targets = batch
        self.val_total += mean_squared_error(self.model(inputs), targets) * len(targets)
        self.val_count += len(targets)

    def on_validation_epoch_end(self) -> None:
        """Read the average."""
        self.val_losses.append(self.val_total.item() / self.val_count)


def train(job: Job) -> list[Tensor]:
    """Run its trainer in barebones mode."""
    module = Module(job)
    train_loader, val_loader = torchs.loaders(job)
    Trainer(
        max_epochs=job.epochs,
        accelerator="cpu",
        devices=1,
        barebones=True,
        limit_val_batches=0 if val_loader is None else None,
        use_distributed_sampler=False,
        enable_autolog_hparams=False,
    ).fit(module, train_loader, val_loader)
    return list(module.model.parameters())
