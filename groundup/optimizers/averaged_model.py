"""Averaged weights: validation sees where a run has been, not only where it is."""

import copy
from typing import Any

import torch
from torch import nn

from groundup._checks import check_model, check_share


class AveragedModel(nn.Module):
    """A model, and beside it the moving average of its parameters, which answers in `eval`.

    In training it is the model itself, bit for bit. An average's parameters are as those of
    `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)`: the first
    update copies, each further one is `average.lerp_(p, 1 - decay)`; buffers are copied.

    Args:
        model: the module that is trained.
        decay: the share of the average that is left at the next update, in [0, 1).

    Attributes:
        model: the module itself.
        average: a copy of it, whose parameters require no gradients.
        updates: how many updates the average has seen. It is in `state_dict()`.

    Raises:
        TypeError: if `model` is not a module or `decay` not a number.
        ValueError: if `decay` is out of its range.

    Example:
        >>> model = AveragedModel(LinearRegression(1), decay=0.5)
        >>> for bias in (1.0, 3.0):
        ...     _ = model.model.bias.data.fill_(bias)
        ...     model.update()
        >>> model.train()(torch.zeros(1, 1)).item(), model.eval()(torch.zeros(1, 1)).item()
        (3.0, 2.0)
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        check_model(model)
        check_share("decay", decay)
        self.model = model
        self.average = copy.deepcopy(model).requires_grad_(False)
        self.decay = float(decay)
        self.updates = 0

    def forward(self, *inputs: Any) -> Any:
        """Return the model's answer in training, the average's in `eval`."""
        return (self.model if self.training else self.average)(*inputs)

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's parameters, as they are now, into the average."""
        pairs = zip(self.average.parameters(), self.model.parameters(), strict=True)
        for average, p in pairs:
            if self.updates:
                average.lerp_(p, 1 - self.decay)
            else:
                average.copy_(p)
        for copied, b in zip(self.average.buffers(), self.model.buffers(), strict=True):
            copied.copy_(b)
        self.updates += 1

    def get_extra_state(self) -> int:
        """Return what `state_dict` holds beside tensors: the number of updates."""
        return self.updates

    def set_extra_state(self, state: int) -> None:
        """Take it from a `state_dict`."""
        self.updates = state

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        return f"decay={self.decay}"
