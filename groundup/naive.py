"""The trainer of chapter one: the five steps of the loop around any module and any loss."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

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


@dataclass(frozen=True)
class NaiveTrainerConfig:
    """The hyper-parameters of a run of `NaiveTrainer`.

    Raises:
        TypeError: if `epochs` is not an integer or `learning_rate` not a number.
        ValueError: if `epochs` is negative, or `learning_rate` not positive and finite.

    Example:
        >>> NaiveTrainerConfig(epochs=10, learning_rate=0.1)
        NaiveTrainerConfig(epochs=10, learning_rate=0.1)
    """

    epochs: int
    """Passes over all the data; 0 trains nothing."""

    learning_rate: float
    """Units that a parameter moves against its gradient, per unit of gradient."""

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, minimum=0)
        check_learning_rate("learning_rate", self.learning_rate)


@dataclass(eq=False)
class NaiveTrainerResult:
    """The history of a run: its losses and its parameters.

    Example:
        >>> NaiveTrainerResult([4.0, 1.0], [(torch.ones(2),), (torch.zeros(2),)])
        NaiveTrainerResult(2 epochs, loss 4 -> 1, parameters (2,))
    """

    losses: list[float] = field(default_factory=list)
    """`losses[i]` is the loss *before* update i, counted from 0."""

    parameters: list[tuple[Tensor, ...]] = field(default_factory=list)
    """`parameters[i]` are copies of the parameters *after* update i, frozen ones included,
    in the order of `model.parameters()`."""

    def __repr__(self) -> str:
        if not self.losses:
            return "NaiveTrainerResult(0 epochs)"
        unit = "epoch" if len(self.losses) == 1 else "epochs"
        parts = [
            f"{len(self.losses)} {unit}",
            f"loss {self.losses[0]:.4g} -> {self.losses[-1]:.4g}",
        ]
        lost = next(
            (i for i, loss in enumerate(self.losses) if not math.isfinite(loss)), None
        )
        if lost is not None:
            parts.append(f"not finite from epoch {lost}")
        if self.parameters:
            parts.append(
                "parameters " + " ".join(str(tuple(p.shape)) for p in self.parameters[-1])
            )
        return f"NaiveTrainerResult({', '.join(parts)})"

    def to_frame(self) -> "DataFrame":
        """Return the run as a pandas data frame in tidy form, a number a row.

        Returns:
            Columns `epoch`, `measure` and `value`. Epochs count from 0, as `losses` and
            `parameters` do: at epoch i stand the loss before update i and the parameters
            after it. A measure is `loss`, in the loss's own unit, or a number of a
            parameter, by its position in `parameters[i]` and its place in the tensor.

        Raises:
            ImportError: if pandas is not installed.

        Example:
            >>> parameters = [(torch.ones(2, 1),), (torch.zeros(2, 1),)]
            >>> frame = NaiveTrainerResult([4.0, 1.0], parameters).to_frame()
            >>> frame
               epoch             measure  value
            0      0                loss    4.0
            1      1                loss    1.0
            2      0  parameter 0 (0, 0)    1.0
            3      1  parameter 0 (0, 0)    0.0
            4      0  parameter 0 (1, 0)    1.0
            5      1  parameter 0 (1, 0)    0.0
            >>> wide = frame.pivot(index="epoch", columns="measure", values="value")
            >>> wide["parameter 0 (1, 0)"].tolist()
            [1.0, 0.0]
        """
        parameters = map(torch.stack, zip(*self.parameters, strict=True))
        return tidy(rows_of([("loss", self.losses), *parameter_curves(parameters)]))


class NaiveTrainer:
    """A trainer of any module on all of the data at once, by gradient descent.

    It takes everything that a run needs when it is made, checks it there, and only launches
    in `train`. The update is `p -= learning_rate * p.grad`. A parameter that does not
    require gradients, or that the loss does not reach, stays as it is.

    Args:
        model: the module to train, in place. Called as `model(X)`.
        loss: called as `loss(model(X), y)`; gives a tensor of one element.
        X: features, shape `(n, …)`, n ≥ 1.
        y: targets, shape `(n, …)`.
        config: the run's hyper-parameters.

    Raises:
        TypeError: if `model` is not a module, `loss` can't be called, `X` or `y` is not a
            tensor, or `config` is not a `NaiveTrainerConfig`.
        ValueError: if no parameter requires gradients, or `X` and `y` differ in length, are
            empty or 0-d.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> X, y = make_regression(100, 2, generator=generator)
        >>> model = LinearRegression(2, generator)
        >>> config = NaiveTrainerConfig(epochs=50, learning_rate=0.1)
        >>> NaiveTrainer(model, mean_squared_error, X, y, config).train()
        NaiveTrainerResult(50 epochs, loss 0.9987 -> 0.009098, parameters (2, 1) (1,))
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        X: Tensor,
        y: Tensor,
        config: NaiveTrainerConfig,
    ) -> None:
        check_trainable(model, loss)
        check_training_data(X, y)
        if not isinstance(config, NaiveTrainerConfig):
            raise TypeError(f"config must be a NaiveTrainerConfig, got {describe(config)}")
        self.model = model
        self.loss = loss
        self.X = X
        self.y = y
        self.config = config

    def train(self) -> NaiveTrainerResult:
        """Train the model in place for `config.epochs` epochs.

        A second call goes on from where the model stands.

        Returns:
            The losses and the parameters of this call, one entry an epoch.

        Raises:
            Whatever the model and the loss raise. In the first epoch no parameter has moved
            by then.
        """
        result = NaiveTrainerResult()
        trainable: list[Tensor] = [p for p in self.model.parameters() if p.requires_grad]
        for _ in range(self.config.epochs):
            for p in trainable:  # 1. zero the gradients
                p.grad = None
            y_pred = self.model(self.X)  # 2. predict
            loss = self.loss(y_pred, self.y)  # 3. loss
            loss.backward()  # 4. backward
            with torch.no_grad():  # 5. update
                for p in trainable:
                    if p.grad is not None:
                        p -= self.config.learning_rate * p.grad
            result.losses.append(loss.item())
            result.parameters.append(
                tuple(p.detach().clone() for p in self.model.parameters())
            )
        return result
