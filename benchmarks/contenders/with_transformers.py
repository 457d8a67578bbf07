"""Hugging Face transformers: a trainer that is configured by its arguments."""

import atexit
import tempfile
from typing import Any

from torch import Tensor, nn
from transformers import PrinterCallback, TrainingArguments
from transformers import Trainer as TransformersTrainer

from benchmarks.contenders import torchs
from benchmarks.training import Job
from groundup import mean_squared_error

# The trainer creates its directory, though it writes nothing there.
OUTPUT = tempfile.TemporaryDirectory()
atexit.register(OUTPUT.cleanup)


class WithLoss(nn.Module):
    """A model that is given its labels and returns its loss, as transformers' own do."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the loss and the predictions."""
        predictions = self.model(inputs)
        return {"loss": mean_squared_error(predictions, labels), "logits": predictions}


class Trainer(TransformersTrainer):
    """Its trainer over the others' loaders: its own sampler can't be given a generator."""

    def __init__(self, job: Job, model: nn.Module, args: TrainingArguments) -> None:
        to_batch = torchs.collate(job)

        def collate(samples: Any) -> dict[str, Tensor]:
            inputs, labels = to_batch(samples)
            return {
                "inputs": inputs,
                "labels": labels,
            }  # the names of the model's arguments

        self.loaders = train_loader, val_loader = torchs.loaders(job, collate)
        super().__init__(
            model,
            args,
            train_dataset=train_loader.dataset,
            eval_dataset=None if val_loader is None else val_loader.dataset,
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> Any:
        """Return the loader, prepared as its own is."""
        return self.accelerator.prepare(self.loaders[0])

    def get_eval_dataloader(self, eval_dataset: object = None) -> Any:
        """Return the loader, prepared as its own is."""
        return self.accelerator.prepare(self.loaders[1])


def train(job: Job) -> list[Tensor]:
    """Run its trainer, with everything optional switched off."""
    model = job.make_model()
    args = TrainingArguments(
        OUTPUT.name,
        num_train_epochs=job.epochs,
        per_device_train_batch_size=job.batch_size,
        per_device_eval_batch_size=job.batch_size,
        learning_rate=job.learning_rate,
        optim="sgd",
        lr_scheduler_type="constant",
        warmup_steps=0,
        weight_decay=0.0,
        max_grad_norm=0.0,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        save_strategy="no",
        eval_strategy="no" if job.val is None else "epoch",
        prediction_loss_only=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        use_cpu=True,
    )
    Trainer(job, WithLoss(model), args).train()
    return list(model.parameters())
