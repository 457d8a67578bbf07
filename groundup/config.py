"""A recipe for a run, and how its pieces are built. The loop never reads it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields

import torch
from torch import nn

from groundup._checks import (
    check_count,
    check_flag,
    check_learning_rate,
    check_not_negative,
    check_trainable,
    describe,
)
from groundup.callbacks.callback import Callback
from groundup.data import DataLoader, Dataset
from groundup.optimizers.sgd import SGD
from groundup.trainer import Measure, Trainer


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Everything that a run of `Trainer` can be told by a number or a word.

    Raises:
        TypeError: if a field has another type than it should.
        ValueError: if a field's value is out of its range.

    Example:
        >>> config = TrainerConfig(epochs=10, batch_size=32, learning_rate=0.1)
        >>> TrainerConfig.from_json(config.to_json()) == config
        True
    """

    epochs: int
    """How often the model sees all the data; 0 trains nothing."""

    batch_size: int
    """Samples in a mini-batch, at least 1; for validation, too."""

    learning_rate: float
    """How far a parameter moves: in units of parameter per unit of gradient."""

    weight_decay: float = 0.0
    """How strongly each parameter, biases included, is pulled towards zero."""

    shuffle: bool = True
    """Whether each epoch goes through the training data in an order of its own."""

    drop_last: bool = False
    """Whether an epoch of training leaves out a last batch that is shorter than the others.

    Batch normalisation, for one, can't train on a single sample."""

    seed: int = 0
    """Where the shuffling starts, from 0 to 2⁶⁴ − 1; the model has its own generator."""

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, minimum=0)
        check_count("batch_size", self.batch_size, minimum=1)
        check_learning_rate("learning_rate", self.learning_rate)
        check_not_negative("weight_decay", self.weight_decay)
        check_flag("shuffle", self.shuffle)
        check_flag("drop_last", self.drop_last)
        check_count("seed", self.seed, minimum=0)
        if self.seed >= 2**64:
            raise ValueError(f"seed must be less than 2**64, got {self.seed}")
        # NumPy's numbers and fractions pass the checks, but files know Python's alone.
        kinds = {
            int: ("epochs", "batch_size", "seed"),
            float: ("learning_rate", "weight_decay"),
        }
        for kind, names in kinds.items():
            for name in names:
                object.__setattr__(self, name, kind(getattr(self, name)))

    def to_json(self) -> str:
        """Return the recipe as JSON text, one field a line."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "TrainerConfig":
        """Return the recipe that `to_json` wrote. Fields with a default may be missing.

        Raises:
            TypeError: if a field has another type than it should.
            ValueError: if the text is no JSON object, has an unknown field or lacks a
                required one, or a value is out of its range.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"a config must be a JSON object, got {describe(values)}")
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"unknown field {name!r}; known are {', '.join(known)}")
        for field in fields(cls):
            if field.default is MISSING and field.name not in values:
                raise ValueError(f"required field {field.name!r} is missing in {values}")
        return cls(**values)

    def build(
        self,
        model: nn.Module,
        loss: Measure,
        train_data: Dataset,
        *,
        val_data: Dataset | None = None,
        metrics: Mapping[str, Measure] | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> Trainer:
        """Return a trainer made of the pieces that the recipe names; nothing is trained.

        Args:
            model: the module to train, in place.
            loss: called as `loss(predictions, targets)`.
            train_data: samples `(inputs, targets)`, in batches of `batch_size`.
            val_data: the same for validation, never shuffled; or None.
            metrics: as for `Trainer`.
            callbacks: as for `Trainer`.

        Raises:
            TypeError, ValueError: as the pieces do.
        """
        check_trainable(model, loss)
        return Trainer(
            model,
            loss,
            SGD(model.parameters(), self.learning_rate, weight_decay=self.weight_decay),
            DataLoader(
                train_data,
                self.batch_size,
                shuffle=self.shuffle,
                generator=torch.Generator().manual_seed(self.seed),
                drop_last=self.drop_last,
            ),
            epochs=self.epochs,
            val_loader=None if val_data is None else DataLoader(val_data, self.batch_size),
            metrics=metrics,
            callbacks=callbacks,
        )
