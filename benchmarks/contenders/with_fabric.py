"""Lightning Fabric: the loop stays by hand, Fabric prepares its pieces."""

import torch
from lightning.fabric import Fabric
from torch import Tensor

from benchmarks.contenders import torchs
from benchmarks.training import Job


def train(job: Job) -> list[Tensor]:
    """Run the loop of `torchs` with the pieces that Fabric has set up."""
    fabric = Fabric(accelerator="cpu", devices=1)
    model = job.make_model()
    optimizer = torch.optim.SGD(model.parameters(), job.learning_rate)
    wrapped, optimizer = fabric.setup(model, optimizer)
    train_loader, val_loader = torchs.loaders(job)
    train_loader = fabric.setup_dataloaders(train_loader)
    if val_loader is not None:
        val_loader = fabric.setup_dataloaders(val_loader)
    torchs.loop(
        job.epochs, wrapped, optimizer, train_loader, val_loader, backward=fabric.backward
    )
    return list(model.parameters())
