"""The trainer of chapter two and of every later one: a loop that goes through batches, validates and calls hooks.

The loop never grows. What watches a run is a `Callback`, what lies between gradients and new weights is an optimizer,
what measures is a metric, what decides what a batch is is a loader.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from groundup._checks import (
    check_count,
    check_model,
    check_tensor,
    check_trainable,
    describe,
    length_of,
)
from groundup._results import in_ascii, rows_of, tidy
from groundup.callbacks.callback import Callback
from groundup.data import DataLoader, Dataset

if TYPE_CHECKING:
    from pandas import DataFrame

Measure = Callable[[Any, Any], Tensor]
"""A loss or a metric: `f(predictions, targets)` gives a tensor of one element."""

HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class _Optimizer(Protocol):
    """What the trainer asks of an optimizer."""

    def zero_grad(self) -> None: ...
    def step(self) -> object: ...


class Average:
    """The mean of a measure over samples that come in batches of any size.

    Attributes:
        total: the sum over all samples so far; a tensor from the first one on, in float32 or finer.
        count: how many samples that is.

    Example:
        >>> average = Average()
        >>> average.add(torch.tensor(1.0), count=3)
        >>> average.add(torch.tensor(5.0), count=1)
        >>> average.value()
        2.0
    """

    def __init__(self) -> None:
        self.total: Tensor | int = 0
        self.count = 0

    def add(self, value: Tensor, count: int) -> None:
        """Take in the mean over `count` more samples, of one element, without waiting for the device.

        Raises:
            TypeError: if `value` is not a tensor.
            ValueError: if it has more elements than one, or none.
        """
        check_tensor("a measure's value", value)
        if value.numel() != 1:
            raise ValueError(
                f"a measure's value must have one element, got shape {tuple(value.shape)}"
            )
        if value.requires_grad:
            value = value.detach()
        # A sum in bfloat16 would stand still: its eight bits are full at 256.
        if value.dtype not in (torch.float32, torch.float64):
            value = value.float()
        self.total += value * count
        self.count += count

    def value(self) -> float:
        """The mean so far.

        Raises:
            ValueError: if there is no sample yet.
        """
        if isinstance(self.total, int) or self.count == 0:
            raise ValueError("an average needs at least one sample, got none")
        return self.total.item() / self.count


def evaluate(
    model: nn.Module,
    loader: Iterable[Any],
    measures: Mapping[str, Measure],
    average: Callable[[], Average] = Average,
) -> dict[str, float]:
    """The mean of each measure over all samples of a loader, in evaluation mode and without gradients.

    Each of the model's submodules gets the mode back that it had, also when something raises.

    Args:
        model: called as `model(inputs)`.
        loader: gives batches `(inputs, targets)`, at least one.
        measures: a name → called as `measure(predictions, targets)`, gives the mean over a batch.
        average: makes what averages, anew for each measure.

    Returns:
        A name → the mean, weighted by the number of samples in each batch.

    Raises:
        TypeError: if the model is not a module, the loader can't be iterated or is a data set, or a measure or
            `average` can't be called.
        ValueError: if the loader gives no batch, or its samples have no target.

    Example:
        >>> model = LinearRegression(2, torch.Generator().manual_seed(0))
        >>> loader = DataLoader(Dataset(torch.zeros(5, 2), torch.ones(5, 1)), batch_size=2)
        >>> evaluate(model, loader, {"mse": mean_squared_error})
        {'mse': 1.0}
    """
    check_model(model)
    _check_loader("loader", loader)
    _check_measures("measure", measures)
    _check_average(average)
    modes = [(module, module.training) for module in model.modules()]
    averages = {name: average() for name in measures}
    batches = 0
    try:
        model.eval()
        with torch.no_grad():
            for inputs, targets in loader:
                predictions = model(inputs)
                for name, measure in measures.items():
                    averages[name].add(measure(predictions, targets), len(targets))
                batches += 1
    finally:
        for module, training in modes:
            module.training = training
    if batches == 0:
        raise ValueError(f"loader gave no batch: {loader}")
    return {name: average.value() for name, average in averages.items()}


@dataclass
class TrainerResult:
    """The history of a run: one float an epoch.

    Example:
        >>> TrainerResult([4.0, 1.0], [5.0, 2.0], {"accuracy": [0.5, 0.75]})
        TrainerResult(2 epochs, train loss 4 -> 1, validation loss 5 -> 2, accuracy 0.5 -> 0.75)
    """

    train_losses: list[float] = field(default_factory=list)
    """`train_losses[i]` is the mean over the batches of epoch i, each taken *before* its update."""

    val_losses: list[float] = field(default_factory=list)
    """`val_losses[i]` is the loss on the validation data *after* epoch i; empty if there are none."""

    metrics: dict[str, list[float]] = field(default_factory=dict)
    """A name → the measure on the validation data after each epoch."""

    stop_reason: str | None = None
    """What `Trainer.stop` was told; None if the run was not stopped."""

    def record(self, train_loss: float, measures: Mapping[str, float]) -> None:
        """Take in an epoch: its training loss and what validation measured, if anything."""
        self.train_losses.append(train_loss)
        for name, value in measures.items():
            (self.val_losses if name == "loss" else self.metrics[name]).append(value)

    def __repr__(self) -> str:
        epochs = len(self.train_losses)
        parts = [
            f"{epochs} epoch" if epochs == 1 else f"{epochs} epochs",
            *(
                f"{name} {values[0]:.4g}"
                + (f" -> {values[-1]:.4g}" if len(values) > 1 else "")
                for name, values in self._curves()
                if values
            ),
        ]
        if self.stop_reason is not None:
            parts.append(f"stopped: {self.stop_reason}")
        return in_ascii(f"TrainerResult({', '.join(parts)})")

    def _curves(self) -> list[tuple[str, list[float]]]:
        return [
            ("train loss", self.train_losses),
            ("validation loss", self.val_losses),
            *self.metrics.items(),
        ]

    def to_frame(self) -> "DataFrame":
        """Return the run as a pandas data frame in tidy form, a number a row.

        Returns:
            Columns `epoch`, `measure` and `value`. Epochs count from 0, as the lists of this
            result do. A measure is `train loss`, `validation loss` or a metric by its name,
            each in its own unit. What was not measured has no rows.

        Raises:
            ImportError: if pandas is not installed.

        Example:
            >>> result = TrainerResult([4.0, 1.0], [5.0, 2.0], {"accuracy": [0.5, 0.75]})
            >>> frame = result.to_frame()
            >>> frame
               epoch          measure  value
            0      0       train loss   4.00
            1      1       train loss   1.00
            2      0  validation loss   5.00
            3      1  validation loss   2.00
            4      0         accuracy   0.50
            5      1         accuracy   0.75
            >>> wide = frame.pivot(index="epoch", columns="measure", values="value")
            >>> wide["accuracy"].tolist()
            [0.5, 0.75]
        """
        return tidy(rows_of(self._curves()))


class Trainer:
    """Trains any module on any batches, and validates it after each epoch.

    Args:
        model: the module to train, in place. Called as `model(inputs)`.
        loss: called as `loss(predictions, targets)`; gives a tensor of one element, the mean over a batch.
        optimizer: asked for `zero_grad()` and `step()`: ours, one of torch's, or one that wraps another.
        train_loader: iterated once an epoch; gives batches `(inputs, targets)`, with a target a sample: `len(targets)`
            weighs a batch.
        epochs: how often the model sees all the data; 0 trains nothing.
        val_loader: the same for validation, or None.
        metrics: a name → what else to measure on the validation data, called as the loss is.
        callbacks: called in this order at each hook; `on_train_end` of each also where another's raises.
        average: makes what averages a measure over an epoch, anew for each.

    Attributes:
        epoch: epochs completed.
        step: steps completed, over the whole run; never turned back.
        batch: batches completed in this epoch.
        train_loss: the average over them.
        result: what the run has given so far.
        inputs, targets, predictions, loss: those of a step, while it lasts; else None.

    The first five are all that a run is besides its pieces: set before `train`, they resume it, even in mid-epoch.

    Raises:
        TypeError: if the model is not a module, the loss or a metric can't be called, the optimizer lacks a method, a
            loader can't be iterated or is a data set, `epochs` is not an integer, or a callback is not a `Callback`.
        ValueError: if no parameter requires gradients, the optimizer holds none of the model's, a loader has no batch
            or its samples no target, `epochs` is negative, or there is a metric without a `val_loader` or named `loss`.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> X, y = make_regression(100, 2, generator=generator)
        >>> model = LinearRegression(2, generator)
        >>> optimizer = SGD(model.parameters(), learning_rate=0.1)
        >>> loader = DataLoader(Dataset(X, y), 10, shuffle=True, generator=generator)
        >>> Trainer(model, mean_squared_error, optimizer, loader, epochs=5).train()
        TrainerResult(5 epochs, train loss 0.2792 -> 0.009318)
    """

    inputs: Any
    targets: Any
    predictions: Any
    loss: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        loss: Measure,
        optimizer: _Optimizer,
        train_loader: Iterable[Any],
        *,
        epochs: int,
        val_loader: Iterable[Any] | None = None,
        metrics: Mapping[str, Measure] | None = None,
        callbacks: Iterable[Callback] = (),
        average: Callable[[], Average] = Average,
    ) -> None:
        check_trainable(model, loss)
        _check_optimizer(optimizer, model)
        check_count("epochs", epochs, minimum=0)
        _check_loader("train_loader", train_loader)
        if val_loader is not None:
            _check_loader("val_loader", val_loader)
        metrics = {} if metrics is None else metrics
        _check_measures("metric", metrics)
        if metrics and val_loader is None:
            raise ValueError(
                f"metrics need a val_loader to be measured on, got {list(metrics)}"
            )
        if "loss" in metrics:
            raise ValueError("a metric must have a name other than 'loss', got 'loss'")
        _check_average(average)
        self.model = model
        self.loss_function = loss
        self.optimizer = optimizer
        self.train_loader = train_loader
        self.epochs = epochs
        self.val_loader = val_loader
        self.measures = {"loss": loss, **metrics}
        self.callbacks = _checked_callbacks(callbacks)
        self.average = average

        self.epoch = self.step = 0
        self.result = TrainerResult(metrics={name: [] for name in metrics})
        self._start_over()
        self._hooks = {
            hook: [getattr(c, hook) for c in self.callbacks if _overrides(c, hook)]
            for hook in HOOKS
        }

    def stop(self, reason: str) -> None:
        """End the run before its next step. An epoch whose last step is done is still validated and recorded.

        Args:
            reason: what the result is to say; of several, the first one counts.

        Raises:
            TypeError: if the reason is not a string.
        """
        if not isinstance(reason, str):
            raise TypeError(f"reason must be a string, got {describe(reason)}")
        if self.result.stop_reason is None:
            self.result.stop_reason = reason

    def train(self) -> TrainerResult:
        """Train until `epochs` epochs are done.

        Called again after a stop or an interruption it goes on; on a finished run it does nothing.

        Returns:
            The losses and metrics of all epochs completed, those of earlier calls included.

        Raises:
            ValueError: if a loader gives no batch.
            Whatever the pieces raise. `on_train_end` is called all the same, and `result` stays readable.
        """
        if self.epoch >= self.epochs:
            return self.result
        self.result.stop_reason = None
        with ExitStack() as at_the_end:  # which calls the last one first
            at_the_end.callback(self._start_over)
            for method in reversed(self._hooks["on_train_end"]):
                at_the_end.callback(method, self)
            self._call("on_train_start")
            while self.epoch < self.epochs and self.result.stop_reason is None:
                self._train_epoch()
        return self.result

    def _train_epoch(self) -> None:
        self._call("on_epoch_start")
        for self.inputs, self.targets in islice(self.train_loader, self.batch, None):
            if self.result.stop_reason is not None:
                self._forget_step()
                return
            self._train_step()
        if self.batch == 0:
            raise ValueError(f"train_loader gave no batch in epoch {self.epoch + 1}")
        validated = {}
        if self.val_loader is not None:
            validated = evaluate(self.model, self.val_loader, self.measures, self.average)
        self.result.record(self.train_loss.value(), validated)
        self.epoch += 1
        self._start_over()
        self._call("on_epoch_end")

    def _train_step(self) -> None:
        self._call("on_step_start")
        self.optimizer.zero_grad()
        self.predictions = self.model(self.inputs)
        self.loss = self.loss_function(self.predictions, self.targets)
        self.loss.backward()
        self._call("on_backward_end")
        self.optimizer.step()
        self.train_loss.add(self.loss, len(self.targets))
        self.step += 1
        self.batch += 1
        self._call("on_step_end")
        self._forget_step()

    def _start_over(self) -> None:
        """What an epoch starts from: not one batch done, nothing averaged."""
        self.batch = 0
        self.train_loss = self.average()
        self._forget_step()

    def _forget_step(self) -> None:
        """Let go of a step's tensors, which are in attributes alone: a local variable would outlive the step."""
        self.inputs = self.targets = self.predictions = self.loss = None

    def _call(self, hook: str) -> None:
        for method in self._hooks[hook]:
            method(self)


def _overrides(callback: Callback, hook: str) -> bool:
    """Whether a callback has a hook of its own, whichever class on the way defines it."""
    method = getattr(callback, hook)
    return getattr(method, "__func__", method) is not getattr(Callback, hook)


def _checked_callbacks(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    if not isinstance(callbacks, Iterable):
        raise TypeError(
            f"callbacks must be an iterable of groundup.Callback, got {describe(callbacks)}"
        )
    checked = tuple(callbacks)
    for i, callback in enumerate(checked):
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callback {i} must be a groundup.Callback, got {describe(callback)}"
            )
    return checked


def _check_measures(kind: str, measures: Mapping[str, Measure]) -> None:
    if not isinstance(measures, Mapping):
        raise TypeError(f"{kind}s must map names to callables, got {describe(measures)}")
    for name, measure in measures.items():
        if not isinstance(name, str):
            raise TypeError(f"a {kind}'s name must be a string, got {describe(name)}")
        if not callable(measure):
            raise TypeError(f"{kind} {name!r} must be callable, got {describe(measure)}")


def _check_optimizer(optimizer: _Optimizer, model: nn.Module) -> None:
    for method in ("zero_grad", "step"):
        if isinstance(optimizer, type) or not callable(getattr(optimizer, method, None)):
            raise TypeError(
                f"optimizer must be an object with {method}(), got {describe(optimizer)}"
            )
    groups = getattr(optimizer, "param_groups", None)
    if groups is not None:
        moved = {id(p) for group in groups for p in group["params"]}
        if not any(id(p) in moved for p in model.parameters()):
            raise ValueError(
                "optimizer must hold parameters of the model, got one that holds none of "
                f"{type(model).__name__}'s: was the model copied after the optimizer was made?"
            )


def _check_average(average: Callable[[], Average]) -> None:
    if not callable(average):
        raise TypeError(f"average must be callable, got {describe(average)}")


def _check_loader(name: str, loader: Iterable[Any]) -> None:
    batches = hasattr(loader, "__iter__") and not isinstance(loader, type)
    if not batches or isinstance(loader, Tensor | str | Mapping):
        raise TypeError(
            f"{name} must give batches (inputs, targets) when it is iterated, as a DataLoader does, "
            f"got {describe(loader)}"
        )
    if isinstance(loader, DataLoader) and isinstance(loader.dataset, Dataset):
        tensors = len(loader.dataset.tensors)
        if tensors != 2:
            raise ValueError(
                f"{name} must give batches (inputs, targets), got {tensors} tensors a sample"
            )
    if length_of(loader) == 0:
        raise ValueError(f"{name} must give at least one batch, got {loader} of length 0")
