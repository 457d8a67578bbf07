"""transformers' checkpoints."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainingArguments

from benchmarks.checkpoint import BATCH_SIZE, CUT, EPOCHS, Drawn, Job, Run


class WithLoss(nn.Module):
    """A model that is given its labels and returns its loss, as transformers' own do."""

    def __init__(self, job: Job, run: Run) -> None:
        super().__init__()
        self.model = run.watch(job.model())
        self.run = run

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the loss and the predictions."""
        predictions = self.model(inputs)
        return {"loss": self.run.loss(predictions, labels), "logits": predictions}


class Named(torch.utils.data.Dataset[dict[str, Tensor]]):
    """A job's samples, with the names of the model's arguments."""

    def __init__(self, data: Drawn) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        inputs, labels = self.data[i]
        return {"inputs": inputs, "labels": labels}


def _trained(job: Job, run: Run, folder: Path, every: int, path: Path | None) -> Any:
    model = WithLoss(job, run)
    args = TrainingArguments(
        str(folder),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH_SIZE,
        max_grad_norm=0.0,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        save_strategy="steps",
        save_steps=every,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=True,
    )
    trainer = Trainer(model, args, train_dataset=Named(job.data()))
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=None if path is None else str(path))
    run.end(model, trainer.optimizer)
    return trainer


def train(job: Job, folder: Path, resume: bool = False) -> Run:
    """Train from the start and keep the files of the cut, or go on from them."""
    run = Run()
    path = folder / f"checkpoint-{CUT}" if resume else None
    _trained(job, run, folder, CUT, path)
    return run


def saving(contender: str, job: Job, folder: Path) -> Callable[[], object]:
    """Return what saves a run that is over."""
    trainer = _trained(job, Run(), folder, 1000, None)
    return partial(trainer._save_checkpoint, trainer.model, None)
