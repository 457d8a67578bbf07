"""torch's own optimizer and loaders, which the peers take too, with the loop by hand."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset, default_collate

from benchmarks.contenders.by_hand import validation_loss
from benchmarks.training import Job
from groundup import Dataset, mean_squared_error


class Bulk(TensorDataset):
    """A data set that gathers a batch at once, where the loader asks it to."""

    def __getitems__(self, positions: list[int]) -> tuple[Tensor, ...]:
        """Return the batch at these positions: a tensor of each, not a list of samples."""
        batch: tuple[Tensor, ...] = self[torch.tensor(positions)]
        return batch


def dataset(job: Job, data: Dataset) -> TensorDataset:
    """Return a part of a job's data, as torch has data."""
    return (Bulk if job.bulk else TensorDataset)(*data.tensors)


def collate(job: Job) -> Callable[[Any], Any]:
    """Return what makes a batch of what the data set gave."""
    return (lambda batch: batch) if job.bulk else default_collate


def sampler(job: Job) -> SubsetRandomSampler | None:
    """Return the shuffled order: one `torch.randperm` an epoch.

    `RandomSampler` draws a second one as an epoch ends.
    """
    return SubsetRandomSampler(range(len(job.train)), job.order()) if job.shuffle else None


def loaders(
    job: Job, collate_fn: Callable[[Any], Any] | None = None
) -> tuple[DataLoader[Any], DataLoader[Any] | None]:
    """Return the loaders for training and for validation."""
    make = partial(
        DataLoader, batch_size=job.batch_size, collate_fn=collate_fn or collate(job)
    )
    train_loader = make(dataset(job, job.train), sampler=sampler(job))
    return train_loader, None if job.val is None else make(dataset(job, job.val))


def train(job: Job) -> list[Tensor]:
    """Run the loop over torch's pieces."""
    model = job.make_model()
    optimizer = torch.optim.SGD(model.parameters(), job.learning_rate)
    loop(job.epochs, model, optimizer, *loaders(job), backward=Tensor.backward)
    return list(model.parameters())


def loop(
    epochs: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any] | None,
    backward: Callable[[Tensor], None],
) -> None:
    """Do what the loop by hand does, with an optimizer's `zero_grad` and `step`."""
    train_losses, val_losses = [], []
    for _ in range(epochs):
        total, count = torch.zeros(()), 0
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            loss = mean_squared_error(model(inputs), targets)
            backward(loss)
            optimizer.step()
            total += loss.detach() * len(targets)
            count += len(targets)
        train_losses.append(total.item() / count)
        if val_loader is not None:
            val_losses.append(validation_loss(model, val_loader))
