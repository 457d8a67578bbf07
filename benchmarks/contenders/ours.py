"""The trainers of this package."""

from torch import Tensor

from benchmarks.training import Job
from groundup import (
    SGD,
    DataLoader,
    NaiveTrainer,
    NaiveTrainerConfig,
    Trainer,
    mean_squared_error,
)


def train(job: Job) -> list[Tensor]:
    """Run `Trainer`."""
    model = job.make_model()
    Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), job.learning_rate),
        DataLoader(job.train, job.batch_size, shuffle=job.shuffle, generator=job.order()),
        epochs=job.epochs,
        val_loader=None if job.val is None else DataLoader(job.val, job.batch_size),
    ).train()
    return list(model.parameters())


def naive(job: Job) -> list[Tensor]:
    """Run `NaiveTrainer` on all of the data at once."""
    model = job.make_model()
    config = NaiveTrainerConfig(job.epochs, job.learning_rate)
    X, y = job.train.tensors
    NaiveTrainer(model, mean_squared_error, X, y, config).train()
    return list(model.parameters())
