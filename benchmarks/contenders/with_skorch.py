"""skorch: a scikit-learn estimator around a module."""

import torch
from skorch import NeuralNet
from skorch.helper import predefined_split
from torch import Tensor

from benchmarks.contenders import torchs
from benchmarks.training import Job
from groundup import mean_squared_error


def train(job: Job) -> list[Tensor]:
    """Fit its estimator, without callbacks."""
    model = job.make_model()
    net = NeuralNet(
        model,
        criterion=lambda: mean_squared_error,
        optimizer=torch.optim.SGD,
        lr=job.learning_rate,
        max_epochs=job.epochs,
        batch_size=job.batch_size,
        iterator_train__sampler=torchs.sampler(job),
        iterator_train__collate_fn=torchs.collate(job),
        iterator_valid__collate_fn=torchs.collate(job),
        train_split=None
        if job.val is None
        else predefined_split(torchs.dataset(job, job.val)),
        callbacks="disable",
        verbose=0,
        device="cpu",
    )
    net.fit(torchs.dataset(job, job.train), None)
    parts = ("train", "valid") if job.val is not None else ("train",)
    for part in parts:  # the mean of each epoch, which its callbacks would take
        columns = net.history[:, "batches", :, (f"{part}_loss", f"{part}_batch_size")]
        [sum(loss * n for loss, n in epoch) / sum(n for _, n in epoch) for epoch in columns]
    return list(model.parameters())
