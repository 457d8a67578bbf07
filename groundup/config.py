"""A recipe for a run, and how its pieces are built. The loop never reads it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from groundup._checks import (
    check_count,
    check_flag,
    check_learning_rate,
    check_not_negative,
    check_schedule,
    check_trainable,
    describe,
)
from groundup.callbacks.callback import Callback
from groundup.data import DataLoader, Dataset
from groundup.optimizers.accumulated import Accumulated
from groundup.optimizers.adam import AdamRecipe
from groundup.optimizers.adamw import AdamWRecipe
from groundup.optimizers.clipped import Clipped
from groundup.optimizers.scheduled import Schedule, Scheduled
from groundup.optimizers.schedules import (
    ConstantSchedule,
    CosineSchedule,
    LinearSchedule,
    OneCycleSchedule,
)
from groundup.optimizers.sgd import SGDRecipe
from groundup.trainer import Measure, Trainer

KINDS: dict[str, dict[str, type[Any]]] = {
    "optimizer": {"SGD": SGDRecipe, "Adam": AdamRecipe, "AdamW": AdamWRecipe},
    "schedule": {
        "Constant": ConstantSchedule,
        "Linear": LinearSchedule,
        "Cosine": CosineSchedule,
        "OneCycle": OneCycleSchedule,
    },
}
"""A field whose value has fields of its own -> how its kinds are called in a text."""

AROUND_THE_STEP = ("optimizer", "schedule", "max_gradient_norm", "accumulate")
"""Fields that a text has where they are not the defaults."""


class _Recipe(Protocol):
    """What makes an optimizer."""

    def build(
        self, params: Iterable[Tensor], lr: float, weight_decay: float = 0.0
    ) -> Any: ...


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

    optimizer: _Recipe = SGDRecipe()  # noqa: RUF009 (it is frozen)
    """What moves the parameters: `SGDRecipe()`, `AdamRecipe()`, `AdamWRecipe()`, or any
    object whose `build(params, lr, weight_decay)` makes one."""

    schedule: Schedule | None = None
    """What becomes of the learning rate, by updates: `CosineSchedule()`, for example."""

    max_gradient_norm: float | None = None
    """The greatest norm of all gradients together that a step is taken along."""

    accumulate: int = 1
    """How many mini-batches make an update."""

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
        if isinstance(self.optimizer, type) or not hasattr(self.optimizer, "build"):
            raise TypeError(
                "optimizer must be a recipe such as SGDRecipe(), with a build(), "
                f"got {describe(self.optimizer)}"
            )
        if self.schedule is not None:
            check_schedule(self.schedule)
        if self.max_gradient_norm is not None:
            check_learning_rate("max_gradient_norm", self.max_gradient_norm)
        check_count("accumulate", self.accumulate, minimum=1)
        # NumPy's numbers and fractions pass the checks, but files know Python's alone.
        kinds = {
            int: ("epochs", "batch_size", "seed", "accumulate"),
            float: ("learning_rate", "weight_decay", "max_gradient_norm"),
        }
        for kind, names in kinds.items():
            for name in names:
                if (value := getattr(self, name)) is not None:
                    object.__setattr__(self, name, kind(value))

    def to_json(self) -> str:
        """Return the recipe as JSON text, one field a line.

        What lies between gradients and new weights is written where it is not the default:
        the text of a plain run is a plain one.

        Raises:
            ValueError: if the optimizer's or the schedule's kind is none of the package's,
                so that `from_json` could not read it.
        """
        values = {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
            or field.name not in AROUND_THE_STEP
        }
        for name in KINDS.keys() & values.keys():
            values[name] = _tagged(name, values[name])
        lines = (f"  {json.dumps(name)}: {json.dumps(v)}" for name, v in values.items())
        return "{\n" + ",\n".join(lines) + "\n}"

    @classmethod
    def from_json(cls, text: str) -> "TrainerConfig":
        """Return the recipe that `to_json` wrote. Fields with a default may be missing.

        Raises:
            TypeError: if a field has another type than it should.
            ValueError: if the text is no JSON object, has an unknown field or kind or lacks
                a required one, or a value is out of its range.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"a config must be a JSON object, got {describe(values)}")
        _check_fields(cls, values)
        for field in fields(cls):
            if field.default is MISSING and field.name not in values:
                raise ValueError(f"required field {field.name!r} is missing in {values}")
        for name in KINDS.keys() & values.keys():
            values[name] = _untagged(name, values[name])
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
        loader = DataLoader(
            train_data,
            self.batch_size,
            shuffle=self.shuffle,
            generator=torch.Generator().manual_seed(self.seed),
            drop_last=self.drop_last,
        )
        optimizer, loss = self._stepping(model, loss, self.epochs * len(loader))
        return Trainer(
            model,
            loss,
            optimizer,
            loader,
            epochs=self.epochs,
            val_loader=None if val_data is None else DataLoader(val_data, self.batch_size),
            metrics=metrics,
            callbacks=callbacks,
        )

    def _stepping(
        self, model: nn.Module, loss: Measure, batches: int
    ) -> tuple[Any, Measure]:
        """Return the optimizer in all that is around it, and the loss that goes with it."""
        optimizer: Any = self.optimizer.build(
            model.parameters(), self.learning_rate, self.weight_decay
        )
        if self.max_gradient_norm is not None:
            optimizer = Clipped(optimizer, self.max_gradient_norm)
        if self.schedule is not None and batches:
            total = max(1, batches // self.accumulate)
            optimizer = Scheduled(optimizer, self.schedule, total)
        if self.accumulate == 1:
            return optimizer, loss
        if 0 < batches < self.accumulate:
            raise ValueError(
                f"accumulate must be at most {batches}, all batches of the run, "
                f"got {self.accumulate}: no update would be made"
            )
        accumulated = Accumulated(optimizer, self.accumulate)
        return accumulated, accumulated.weighing(loss)


def _tagged(name: str, piece: Any) -> dict[str, Any]:
    """Return a piece's fields, and before them what kind it is."""
    for kind, known in KINDS[name].items():
        if type(piece) is known:
            return {"kind": kind, **asdict(piece)}
    raise ValueError(
        f"{name} must be of one of the kinds {', '.join(KINDS[name])} to be written, "
        f"got {describe(piece)}"
    )


def _untagged(name: str, values: Any) -> Any:
    """Return the piece that was written; what is no object is left to the config."""
    if not isinstance(values, dict):
        return values
    kind, options = values.get("kind"), {k: v for k, v in values.items() if k != "kind"}
    if not isinstance(kind, str) or kind not in KINDS[name]:
        raise ValueError(
            f"{name}'s kind must be one of {', '.join(KINDS[name])}, got {kind!r}"
        )
    _check_fields(KINDS[name][kind], options)
    return KINDS[name][kind](**options)


def _check_fields(cls: type[Any], values: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(cls)]
    for name in values:
        if name not in known:
            raise ValueError(f"unknown field {name!r}; known are {', '.join(known)}")
