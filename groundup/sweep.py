"""One model trained at many learning rates at once: a run is a lane of a batched run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils._python_dispatch import TorchDispatchMode

from groundup._checks import (
    check_count,
    check_learning_rate,
    check_trainable,
    check_training_data,
    describe,
)
from groundup._results import parameter_curves, rows_of, tidy

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(eq=False)
class SweepResult:
    """A sweep's history: for each learning rate what a run of `NaiveTrainer` gives.

    Example:
        >>> losses, weights = torch.ones(2, 50), torch.zeros(2, 50, 6, 1)
        >>> SweepResult(torch.tensor([0.1, 1.0]), losses, (weights,))
        SweepResult(2 runs of 50 epochs, learning rates 0.1 ... 1, parameters (6, 1))
    """

    learning_rates: Tensor
    """Shape `(runs,)`, in the order given."""

    losses: Tensor
    """Shape `(runs, epochs)`: each run's loss *before* each update."""

    parameters: tuple[Tensor, ...]
    """For each parameter of the model, in the order of `model.parameters()`, its values in
    each run *after* each update: shape `(runs, epochs, *shape)`."""

    def __repr__(self) -> str:
        runs, epochs = self.losses.shape
        shapes = " ".join(str(tuple(p.shape[2:])) for p in self.parameters)
        return (
            f"SweepResult({runs} {'run' if runs == 1 else 'runs'} "
            f"of {epochs} {'epoch' if epochs == 1 else 'epochs'}, "
            f"learning rates {self.learning_rates[0]:.4g} ... "
            f"{self.learning_rates[-1]:.4g}, "
            f"parameters {shapes})"
        )

    def to_frame(self) -> "DataFrame":
        """Return all runs as one pandas data frame in tidy form, a number a row.

        Returns:
            Columns `learning_rate`, `epoch`, `measure` and `value`: for each rate the rows
            of a `NaiveTrainerResult`. In a sweep of float32, so is `learning_rate`, so that
            `frame.learning_rate == 0.1` finds the run at 0.1.

        Raises:
            ImportError: if pandas is not installed.

        Example:
            >>> losses = torch.tensor([[4.0, 1.0], [4.0, 9.0]])
            >>> result = SweepResult(torch.tensor([0.1, 1.5]), losses, ())
            >>> frame = result.to_frame()
            >>> frame
               learning_rate  epoch measure  value
            0            0.1      0    loss    4.0
            1            0.1      1    loss    1.0
            2            1.5      0    loss    4.0
            3            1.5      1    loss    9.0
            >>> frame[frame.learning_rate == 0.1].value.tolist()
            [4.0, 1.0]
        """
        rows = [
            (rate, *row)
            for rate, losses, *parameters in zip(
                self.learning_rates.tolist(),
                self.losses.tolist(),
                *self.parameters,
                strict=True,
            )
            for row in rows_of([("loss", losses), *parameter_curves(parameters)])
        ]
        single = self.learning_rates.dtype == torch.float32
        return tidy(rows, "learning_rate").astype(
            {"learning_rate": "float32" if single else "float64"}
        )


class _Watch(TorchDispatchMode):
    """Raises before an operation that would draw random numbers: torch tags them all.

    Attributes:
        largest: how many numbers the largest result of an operation had, one at least.
    """

    largest = 1

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise ValueError(
                "sweep needs a model and a loss that draw no random numbers, "
                f"but {func} was called: model.eval() switches dropout off"
            )
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.largest = max(self.largest, result.numel())
        return result


def _check_forward(
    model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], X: Tensor, y: Tensor
) -> int:
    """Run the model once, on copies of its buffers, and refuse what lanes can't share.

    Returns:
        How many numbers the largest result of an operation on the way had.
    """
    copies = {name: buffer.clone() for name, buffer in model.named_buffers()}
    state = dict(copies)
    versions = {name: buffer._version for name, buffer in copies.items()}
    with torch.no_grad(), _Watch() as watch:  # type: ignore[no-untyped-call]
        value = loss(functional_call(model, state, (X,)), y)
    for name, buffer in copies.items():
        if state[name] is not buffer or buffer._version != versions[name]:
            raise ValueError(
                "sweep needs a model that updates no buffer, but its forward pass updates "
                f"{name!r}: model.eval() keeps a normalisation's running statistics fixed"
            )
    if not isinstance(value, Tensor) or value.dim() != 0:
        got = (
            f"one of shape {tuple(value.shape)}"
            if isinstance(value, Tensor)
            else describe(value)
        )
        raise ValueError(f"loss must give a tensor of shape (), got {got}")
    return int(watch.largest)


NUMBERS_AT_ONCE = 2**20
"""How many numbers a result of the lanes that are computed together may have. Larger ones
leave the cache, and their memory goes back to the system, which clears it each time."""


def sweep(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    X: Tensor,
    y: Tensor,
    learning_rates: Iterable[float] | Tensor,
    epochs: int,
) -> SweepResult:
    """Train copies of a model at many learning rates at once, by gradient descent.

    Each run starts from the model as it is and gives what `NaiveTrainer` gives, to
    rounding: `torch.func.vmap` batches the forward pass over the runs, and since no run's
    loss depends on another's parameters, one backward pass through the sum of the losses
    gives each run its own gradients. A run that diverges harms no other.

    Args:
        model: any module whose forward pass draws no random numbers and updates no buffer.
            It is left as it was, gradients included.
        loss: called as `loss(model(X), y)`; gives a tensor of shape `()`.
        X: features, shape `(n, …)`, n ≥ 1.
        y: targets, shape `(n, …)`.
        learning_rates: one a run, at least one, each positive and finite.
        epochs: number of updates, at least 0.

    Returns:
        A `SweepResult` with tensors in the model's dtype.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if no parameter requires gradients, one has no values yet (a lazy
            layer's), the loss reaches none, `X` and `y` differ in length or are empty, a
            learning rate or `epochs` is out of range, there is no learning rate, or the
            forward pass draws random numbers or updates a buffer.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> X, y = make_regression(100, 6, generator=generator)
        >>> model, rates = LinearRegression(6, generator), [0.1, 0.2, 0.5]
        >>> sweep(model, mean_squared_error, X, y, rates, epochs=20)
        SweepResult(3 runs of 20 epochs, learning rates 0.1 ... 0.5, parameters (6, 1) (1,))
    """
    check_trainable(model, loss)
    check_training_data(X, y)
    rates = _learning_rates(learning_rates)
    check_count("epochs", epochs, minimum=0)
    largest = _check_forward(model, loss, X, y)

    # A run is the *last* dimension of every lane, so that X @ weights reads and writes
    # neighbouring numbers.
    runs = len(rates)
    names = [name for name, _ in model.named_parameters()]
    lanes = [
        p.detach()
        .unsqueeze(-1)
        .repeat(*[1] * p.dim(), runs)
        .requires_grad_(p.requires_grad)
        for p in model.parameters()
    ]
    trainable = [lane for lane in lanes if lane.requires_grad]
    learning_rate = torch.tensor(
        rates, dtype=trainable[0].dtype, device=trainable[0].device
    )
    losses = learning_rate.new_empty(epochs, runs)
    history = [lane.new_empty(epochs, *lane.shape) for lane in lanes]

    def lane_loss(parameters: list[Tensor]) -> Tensor:
        return loss(
            functional_call(model, dict(zip(names, parameters, strict=True)), (X,)), y
        )

    # Where X requires gradients, torch computes X @ weights as one wide product instead of
    # a small one a run, but copies it. That pays where no result is larger than y.
    if largest <= y.numel() and X.is_floating_point():
        X = X.detach().requires_grad_()
    # Of larger results so many runs at once as the processor's cache can hold.
    at_once = max(1, NUMBERS_AT_ONCE // largest)
    lane_losses = vmap(lane_loss, in_dims=(-1,), chunk_size=at_once)
    for epoch in range(epochs):
        loss_of_each = lane_losses(lanes)
        gradients = torch.autograd.grad(loss_of_each.sum(), trainable, allow_unused=True)
        if all(gradient is None for gradient in gradients):
            raise ValueError("loss must depend on a parameter that requires gradients")
        with torch.no_grad():
            for lane, gradient in zip(trainable, gradients, strict=True):
                if gradient is not None:
                    lane -= learning_rate * gradient
            losses[epoch] = loss_of_each
            for past, lane in zip(history, lanes, strict=True):
                past[epoch] = lane
    return SweepResult(
        learning_rate, losses.T, tuple(past.movedim(-1, 0) for past in history)
    )


def _learning_rates(learning_rates: Iterable[float] | Tensor) -> list[float]:
    """Return the learning rates as checked numbers."""
    if isinstance(learning_rates, Tensor):
        if learning_rates.dim() != 1:
            raise ValueError(
                f"learning_rates must have shape (runs,), got {tuple(learning_rates.shape)}"
            )
        rates = learning_rates.tolist()
    elif isinstance(learning_rates, Iterable):
        rates = list(learning_rates)
    else:
        raise TypeError(
            f"learning_rates must be several numbers, got {describe(learning_rates)}"
        )
    if not rates:
        raise ValueError("learning_rates must hold at least one learning rate, got none")
    for i, rate in enumerate(rates):
        check_learning_rate(f"learning_rates[{i}]", rate)
    return rates
