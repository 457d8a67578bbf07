"""The loop written out: the reference, and the same without a loader or an average."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.training import Job
from groundup import DataLoader, mean_squared_error


def train(job: Job) -> list[Tensor]:
    """Run the loop with all that the trainer does: batches, averages, validation."""
    model = job.make_model()
    params: list[Tensor] = list(model.parameters())
    train_loader = DataLoader(
        job.train, job.batch_size, shuffle=job.shuffle, generator=job.order()
    )
    val_loader = None if job.val is None else DataLoader(job.val, job.batch_size)
    train_losses, val_losses = [], []
    for _ in range(job.epochs):
        total, count = torch.zeros((), dtype=torch.float64), 0
        for inputs, targets in train_loader:
            for p in params:
                p.grad = None
            loss = mean_squared_error(model(inputs), targets)
            loss.backward()
            with torch.no_grad():
                for p in params:
                    p -= job.learning_rate * p.grad  # type: ignore[operator]
            total.add_(loss.detach(), alpha=len(targets))
            count += len(targets)
        train_losses.append(total.item() / count)
        if val_loader is not None:
            val_losses.append(validation_loss(model, val_loader))
    return params


def validation_loss(model: nn.Module, loader: Iterable[Any]) -> float:
    """Return the mean over all samples, as `evaluate` takes it."""
    total, count = torch.zeros((), dtype=torch.float64), 0
    model.eval()
    with torch.no_grad():
        for inputs, targets in loader:
            total.add_(mean_squared_error(model(inputs), targets), alpha=len(targets))
            count += len(targets)
    model.train()
    return total.item() / count


def bare(job: Job) -> list[Tensor]:
    """Take the five steps on the whole tensors."""
    model = job.make_model()
    params: list[Tensor] = list(model.parameters())
    X, y = job.train.tensors
    for _ in range(job.epochs):
        for p in params:
            p.grad = None
        loss = mean_squared_error(model(X), y)
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= job.learning_rate * p.grad  # type: ignore[operator]
    return params
