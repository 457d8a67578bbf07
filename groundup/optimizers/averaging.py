"""Averaging: the optimizer's side of averaged weights."""

from typing import Any

from groundup._checks import check_optimizer, describe
from groundup.optimizers.averaged_model import AveragedModel
from groundup.optimizers.wrapper import Wrapper


class Averaging(Wrapper):
    """Updates an `AveragedModel` after each step; inside `Accumulated`, after each update.

    Its state is the optimizer's: the average is in the model's.

    Args:
        optimizer: what takes the step.
        averaged_model: the model whose parameters it moves; train it, not what is inside.

    Raises:
        TypeError: as `Wrapper`, and if `averaged_model` is no `AveragedModel`.
        ValueError: as `Wrapper`, and if the optimizer holds none of the model's parameters.

    Example:
        >>> model = AveragedModel(LinearRegression(1), decay=0.9)
        >>> optimizer = Averaging(SGD(model.parameters(), lr=0.1), model)
        >>> model(torch.ones(1, 1)).sum().backward()
        >>> optimizer.step()
        >>> model.updates
        1
    """

    def __init__(self, optimizer: Any, averaged_model: AveragedModel) -> None:
        super().__init__(optimizer)
        if not isinstance(averaged_model, AveragedModel):
            raise TypeError(
                "averaged_model must be a groundup.AveragedModel, "
                f"got {describe(averaged_model)}"
            )
        check_optimizer(optimizer, averaged_model.model)
        self.averaged_model = averaged_model

    def step(self) -> None:
        """Step, then update the average."""
        super().step()
        self.averaged_model.update()
