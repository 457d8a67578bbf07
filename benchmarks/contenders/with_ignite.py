"""pytorch-ignite: an engine that calls handlers at events."""

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Average, Loss
from torch import Tensor

from benchmarks.contenders import torchs
from benchmarks.training import Job
from groundup import mean_squared_error


def train(job: Job) -> list[Tensor]:
    """Run its supervised trainer, with its evaluator after each epoch."""
    model = job.make_model()
    optimizer = torch.optim.SGD(model.parameters(), job.learning_rate)
    train_loader, val_loader = torchs.loaders(job)
    trainer = create_supervised_trainer(
        model,
        optimizer,
        mean_squared_error,
        output_transform=lambda x, y, y_pred, loss: loss.detach(),
    )
    Average().attach(trainer, "loss")
    if val_loader is not None:
        evaluator = create_supervised_evaluator(model, {"loss": Loss(mean_squared_error)})
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(val_loader))
    trainer.run(train_loader, max_epochs=job.epochs)
    return list(model.parameters())
