"""The trainer of chapter three and of every later one: batches, validation, hooks.

The loop never grows. What watches a run is a `Callback`, what lies between gradients and
new weights is an optimizer, what measures is a metric, what decides what a batch is is a
loader.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from groundup._checks import (
    check_average,
    check_callbacks,
    check_count,
    check_gave_batches,
    check_loader,
    check_measure_value,
    check_measures,
    check_metrics,
    check_model,
    check_optimizer,
    check_state,
    check_trainable,
    checked_batches,
    describe,
)
from groundup._results import in_ascii, rows_of, tidy
from groundup.callbacks.callback import HOOKS, Callback

if TYPE_CHECKING:
    from pandas import DataFrame

Measure = Callable[[Any, Any], Tensor]
"""A loss or a metric: `f(predictions, targets)` gives a tensor of one element."""


class _Optimizer(Protocol):
    """What the trainer asks of an optimizer."""

    def zero_grad(self) -> None: ...
    def step(self) -> object: ...


class Average:
    """The mean of a measure over samples that come in batches of any size.

    It is exact to float64, in which it adds up; where a device has none, to 1e-6.

    Attributes:
        total: the sum over all samples so far, on the device of the values; None at first.
        count: how many samples that is.

    Example:
        >>> average = Average()
        >>> average.add(torch.tensor(1.0), count=3)
        >>> average.add(torch.tensor(5.0), count=1)
        >>> average.value()
        2.0
    """

    def __init__(self) -> None:
        self.total: Tensor | _TwoTermSum | None = None
        self.count = 0

    def add(self, value: Tensor, count: int) -> None:
        """Take in the mean over `count` more samples, without waiting for the device.

        Args:
            value: a tensor of one element.
            count: how many samples it is the mean of.

        Raises:
            TypeError: if `value` is not a tensor.
            ValueError: if it has more elements than one, or none.
        """
        check_measure_value(value)
        if self.total is None:
            self.total = _zero(value.device)
        elif self.total.device != value.device:  # it was loaded to the CPU
            self.total = _sum_on(value.device, *_terms(self.total))
        if value.requires_grad:
            value = value.detach()
        if value.dtype.itemsize == 1:  # a bool; a float8, which can't be added to a float64
            value = value.float()
        self.total.add_(value.reshape(()) if value.dim() else value, alpha=count)
        self.count += count

    def value(self) -> float:
        """Return the mean so far.

        Raises:
            ValueError: if there is no sample yet.
        """
        if self.total is None or self.count == 0:
            raise ValueError("an average needs at least one sample, got none")
        return self.total.item() / self.count

    def state_dict(self) -> dict[str, Any]:
        """Return the sum and the count, as numbers of Python's, to which they are exact."""
        total = None if self.total is None else _terms(self.total)
        return {"total": total, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, also on another device.

        Raises:
            TypeError: if the state is no mapping, or its count no integer.
            ValueError: if it has other keys, or a negative count.
        """
        check_state("an average", state, "total", "count")
        check_count("count", state["count"], minimum=0)
        total = state["total"]
        self.total = None if total is None else _sum_on(torch.device("cpu"), *total)
        self.count = state["count"]


class _TwoTermSum:
    """A sum in float32 and what it has lost so far (Kahan, 1965)."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.sum = torch.zeros((), device=device, dtype=torch.float32)
        self.lost = torch.zeros_like(self.sum)

    def add_(self, value: Tensor, *, alpha: int) -> None:
        term = value.float() * alpha - self.lost
        total = self.sum + term
        # What an infinity leaves over is no number.
        self.lost = ((total - self.sum) - term).nan_to_num(0.0, 0.0, 0.0)
        self.sum = total

    def item(self) -> float:
        return self.sum.item() - self.lost.item()


def _zero(device: torch.device) -> Tensor | _TwoTermSum:
    """Return what adds up on a device: Apple's has no float64."""
    if device.type == "mps":
        return _TwoTermSum(device)
    return torch.zeros((), device=device, dtype=torch.float64)


def _sum_on(device: torch.device, total: float, lost: float) -> Tensor | _TwoTermSum:
    """Return what adds up on a device, from where a sum and what it has lost are."""
    moved = _zero(device)
    if isinstance(moved, Tensor):
        return moved.fill_(total - lost)
    moved.sum.fill_(total)
    rest = moved.sum.item() - total  # which a float32 leaves of a float64
    moved.lost.fill_(lost + (rest if math.isfinite(rest) else 0.0))
    return moved


def _terms(total: Tensor | _TwoTermSum) -> tuple[float, float]:
    """Return a sum and what it has lost."""
    if isinstance(total, _TwoTermSum):
        return total.sum.item(), total.lost.item()
    return total.item(), 0.0


def evaluate(
    model: nn.Module,
    loader: Iterable[Any],
    measures: Mapping[str, Measure],
    average: Callable[[], Average] = Average,
) -> dict[str, float]:
    """Return the mean of each measure over all samples, in `eval` mode, without gradients.

    Each of the model's submodules gets the mode back that it had, also when something
    raises: by its own `train(mode)`, which may do work.

    Args:
        model: called as `model(inputs)`.
        loader: gives batches `(inputs, targets)`, at least one.
        measures: a name -> called as `measure(predictions, targets)`, gives the mean over a
            batch.
        average: makes what averages, anew for each measure.

    Returns:
        A name -> the mean, weighted by the number of samples in each batch.

    Raises:
        TypeError: if the model is not a module, the loader can't be iterated or is a data
            set, a measure or `average` can't be called, or a batch is not a tuple or list
            of two whose targets are a tensor.
        ValueError: if the loader gives no batch, its samples have no target, or a batch has
            no sample.

    Example:
        >>> model = LinearRegression(2, torch.Generator().manual_seed(0))
        >>> loader = DataLoader(Dataset(torch.zeros(5, 2), torch.ones(5, 1)), batch_size=2)
        >>> evaluate(model, loader, {"mse": mean_squared_error})
        {'mse': 1.0}
    """
    check_model(model)
    check_loader("loader", loader)
    check_measures("measure", measures)
    check_average(average)
    modes = {module: module.training for module in model.modules()}
    averages = {name: average() for name in measures}
    batches = 0
    try:
        _set_modes(dict.fromkeys(modes, False))
        with torch.no_grad():
            for inputs, targets in checked_batches(loader):
                predictions = model(inputs)
                for name, measure in measures.items():
                    averages[name].add(measure(predictions, targets), len(targets))
                batches += 1
    finally:
        _set_modes(modes)
    check_gave_batches("loader", loader, batches)
    return {name: average.value() for name, average in averages.items()}


def _set_modes(modes: Mapping[nn.Module, bool]) -> None:
    """Give each module its mode, from the outside in: `train` reaches what is inside."""
    for module, training in modes.items():
        if module.training != training:
            module.train(training)
            module.training = training  # also where its train() has a mind of its own


@dataclass
class TrainerResult:
    """The history of a run: one float an epoch.

    Example:
        >>> TrainerResult([4.0, 1.0], [5.0, 2.0], {})
        TrainerResult(2 epochs, train loss 4 -> 1, validation loss 5 -> 2)
    """

    train_losses: list[float] = field(default_factory=list)
    """`train_losses[i]` is the mean over the samples of epoch i, *before* each update."""

    val_losses: list[float] = field(default_factory=list)
    """`val_losses[i]` is the validation loss *after* epoch i; empty without a loader."""

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
            Columns `epoch`, `measure` and `value`. Epochs count from 0, as the lists of
            this result do. A measure is `train loss`, `validation loss` or a metric by its
            name, each in its own unit. What was not measured has no rows.

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
        loss: called as `loss(predictions, targets)`; gives a tensor of one element, the
            mean over a batch.
        optimizer: asked for `zero_grad()` and `step()`: ours, one of torch's, or one that
            wraps another.
        train_loader: iterated once an epoch; gives batches `(inputs, targets)`: a tuple or
            list of two, whose targets are a tensor with a row a sample.
        epochs: how often the model sees all the data; 0 trains nothing.
        val_loader: the same for validation, or None.
        metrics: a name -> what else to measure on the validation data, called as the loss.
        callbacks: called in this order at each hook; `on_train_end` of each also where
            another's raises.
        average: makes what averages a measure over an epoch, anew for each.

    Attributes:
        loss_function: the loss; set anew, it counts for training and validation alike.
        epoch: epochs completed.
        step: steps completed, over the whole run; never turned back.
        batch: batches completed in this epoch.
        train_loss: the average over them.
        result: what the run has given so far.
        inputs, targets, predictions, loss: those of a step, while it lasts; else None.

    `epoch`, `step`, `batch`, `train_loss` and `result` are all that a run is besides its
    pieces: set before `train`, they resume it, even in mid-epoch.

    Raises:
        TypeError: if the model is not a module, the loss or a metric can't be called, the
            optimizer lacks a method or its step needs an argument, a loader can't be
            iterated or is a data set, `epochs` is not an integer, or a callback is not a
            `Callback` or has a hook that does not exist or can't be called.
        ValueError: if no parameter requires gradients, the optimizer holds none of the
            model's, a loader has no batch or its samples no target, `epochs` is negative,
            there is a metric without a `val_loader` or named as a loss is, or a callback
            twice.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> X, y = make_regression(100, 2, generator=generator)
        >>> model = LinearRegression(2, generator)
        >>> optimizer = SGD(model.parameters(), lr=0.1)
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
        check_optimizer(optimizer, model)
        check_count("epochs", epochs, minimum=0)
        check_loader("train_loader", train_loader)
        if val_loader is not None:
            check_loader("val_loader", val_loader)
        metrics = {} if metrics is None else metrics
        check_metrics(metrics, val_loader)
        check_average(average)
        self.model = model
        self.loss_function = loss
        self.optimizer = optimizer
        self.train_loader = train_loader
        self.epochs = epochs
        self.val_loader = val_loader
        self._metrics = dict(metrics)
        self.callbacks = callbacks
        self._average = average

        self.epoch = self.step = 0
        self.result = TrainerResult(metrics={name: [] for name in metrics})
        self._start_over()

    @property
    def metrics(self) -> Mapping[str, Measure]:
        """What is measured on the validation data beside the loss: a read-only view."""
        return MappingProxyType(self._metrics)

    @property
    def measures(self) -> Mapping[str, Measure]:
        """The loss, as it is now, and the metrics: a read-only view."""
        return MappingProxyType({"loss": self.loss_function, **self._metrics})

    @property
    def average(self) -> Callable[[], Average]:
        """What makes an average; not to be set, since one is under way from the start."""
        return self._average

    @property
    def callbacks(self) -> tuple[Callback, ...]:
        """What watches the run. Whoever sets them anew has all of them checked again."""
        return self._callbacks

    @callbacks.setter
    def callbacks(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = check_callbacks(callbacks)
        self._hooks = {
            hook: [getattr(c, hook) for c in self._callbacks if _overrides(c, hook)]
            for hook in HOOKS
        }

    def stop(self, reason: str) -> None:
        """End the run, while it lasts, before its next step.

        An epoch whose last step is done is still validated and recorded.

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

        Called again after a stop or an interruption it goes on; on a finished run it does
        nothing.

        Returns:
            The losses and metrics of all epochs completed, those of earlier calls included.

        Raises:
            TypeError: if a batch is not a tuple or list of two whose targets are a tensor.
            ValueError: if a batch has no sample, or a loader gives no batch.
            Whatever the pieces raise. `on_train_end` is called all the same, and `result`
            stays readable.
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
        for self.inputs, self.targets in checked_batches(self.train_loader, self.batch):
            if self.result.stop_reason is not None:
                self._forget_step()
                return
            self._train_step()
        check_gave_batches("train_loader", self.train_loader, self.batch)
        validated = {}
        if self.val_loader is not None:
            validated = evaluate(self.model, self.val_loader, self.measures, self._average)
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
        """Go back to what an epoch starts from: not one batch done, nothing averaged."""
        self.batch, self.train_loss = 0, self._average()
        self._forget_step()

    def _forget_step(self) -> None:
        """Let go of a step's tensors: in local variables they would outlive it."""
        self.inputs = self.targets = self.predictions = self.loss = None

    def _call(self, hook: str) -> None:
        for method in self._hooks[hook]:
            method(self)


def _overrides(callback: Callback, hook: str) -> bool:
    """Return whether a hook is a callback's own, whichever class on the way defines it."""
    method = getattr(callback, hook)
    return getattr(method, "__func__", method) is not getattr(Callback, hook)
