"""Clipping: a step is never taken along a gradient that is too long."""

from typing import Any

import torch
from torch import Tensor

from groundup._checks import check_learning_rate
from groundup.optimizers.wrapper import Wrapper


class Clipped(Wrapper):
    """Shortens all gradients together, in place, to `max_norm` where they are longer.

    The norm is that of all gradients as one vector, so their direction stays. As
    `torch.nn.utils.clip_grad_norm_`, bit for bit; and as there, a norm that is no number
    makes all gradients no numbers.

    Args:
        optimizer: what takes the step.
        max_norm: the greatest norm left, positive and finite.

    Attributes:
        norm: that of the last step's gradients before clipping, a tensor, since reading it
            waits for the device; None before the first step.

    Raises:
        TypeError: as `Wrapper`, and if `max_norm` is no number.
        ValueError: as `Wrapper`, and if it is not positive and finite.

    Example:
        >>> p = torch.tensor([1.0, 1.0], requires_grad=True)
        >>> p.grad = torch.tensor([30.0, 40.0])
        >>> optimizer = Clipped(SGD([p], lr=1.0), max_norm=0.5)
        >>> optimizer.step()
        >>> optimizer.norm, p
        (tensor(50.), tensor([0.7000, 0.6000], requires_grad=True))
    """

    def __init__(self, optimizer: Any, max_norm: float) -> None:
        super().__init__(optimizer)
        check_learning_rate("max_norm", max_norm)
        self.max_norm = float(max_norm)
        self.norm: Tensor | None = None

    @torch.no_grad()
    def step(self) -> None:
        """Clip, then step."""
        gradients = [p.grad for p in self._parameters() if p.grad is not None]
        if gradients:
            norms = [torch.linalg.vector_norm(g).to(gradients[0].device) for g in gradients]
            self.norm = torch.linalg.vector_norm(torch.stack(norms))
            factor = (self.max_norm / (self.norm + 1e-6)).clamp(max=1.0)
            for g in gradients:
                g.mul_(factor.to(g.device))
        super().step()

    def _options(self) -> tuple[str, ...]:
        return (f"max_norm={self.max_norm}",)
