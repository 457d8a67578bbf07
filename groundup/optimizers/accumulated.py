"""Accumulation: one step for several batches, as if they were one."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from groundup._checks import check_count, check_same_shape
from groundup.optimizers._weighing import Loss, Weighing
from groundup.optimizers.wrapper import Wrapper


class Accumulated(Wrapper):
    """Adds up the gradients of several batches, and steps once along their mean.

    The mean is over samples, whatever the sizes of the batches: each one's gradient counts
    by its samples, which only the loss sees. So train by `optimizer.weighing(loss)`.

    Args:
        optimizer: what takes the step.
        every: how many batches make a step: a window. It may go on over an epoch's end; one
            that is open when the run ends is not applied.

    Attributes:
        updates: how many steps the optimizer has taken.
        batches: those in the open window.
        samples: those in it, or in the last one until `zero_grad`.

    Raises:
        TypeError: as `Wrapper`, and if `every` is not an integer.
        ValueError: as `Wrapper`, and if it is not positive.

    Example:
        >>> p = torch.zeros(1, requires_grad=True)
        >>> optimizer = Accumulated(SGD([p], lr=1.0), every=2)
        >>> loss = optimizer.weighing(lambda predictions, y: (predictions - y).mean())
        >>> for y in (torch.ones(1), torch.ones(3)):
        ...     optimizer.zero_grad()
        ...     loss(2 * p, y).backward()
        ...     optimizer.step()
        >>> p, optimizer.samples, optimizer.updates
        (tensor([-2.], requires_grad=True), 4, 1)
    """

    outermost = True

    def __init__(self, optimizer: Any, every: int) -> None:
        super().__init__(optimizer)
        check_count("every", every, minimum=1)
        self.every = int(every)
        self.updates = self.batches = self.samples = 0

    def weighing(self, loss: Loss) -> Loss:
        """Return the loss whose gradient, not its value, is times its batch's samples.

        It counts them as the gradient passes. Copied or pickled together with this
        optimizer, it counts for the copy.

        Raises:
            TypeError: if the loss can't be called.
        """
        return Weighing(loss, self)

    def zero_grad(self) -> None:
        """Forget the gradients, unless a window is open."""
        if self.batches == 0:
            super().zero_grad()
            self.samples = 0

    @torch.no_grad()
    def step(self) -> None:
        """Count a batch; with the window's last one, step.

        Raises:
            ValueError: if no sample was counted. Nothing has moved then.
        """
        if self.samples == 0:
            raise ValueError(
                "a batch must count its samples, got none: train by "
                "optimizer.weighing(loss) in place of the loss"
            )
        self.batches += 1
        if self.batches == self.every:
            for p in self._parameters():
                if p.grad is not None:
                    p.grad.div_(self.samples)
            super().step()
            self.updates += 1
            self.batches = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the counts and an open window's gradients, beside the optimizer's state.

        The tensors are those in use: clone what must outlive a step.
        """
        return {
            "updates": self.updates,
            "batches": self.batches,
            "samples": self.samples,
            "gradients": self._open_gradients(),
            "optimizer": super().state_dict(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, also in the middle of a window.

        Raises:
            TypeError, ValueError: if it is another's, its window is not shorter than
                `every`, or a gradient is of another shape. Nothing is changed then.
        """
        counts = ("updates", "batches", "samples")
        self._check_state(state_dict, *counts, "gradients")
        for name in counts:
            check_count(name, state_dict[name], minimum=0)
        gradients = state_dict["gradients"]
        if state_dict["batches"] >= self.every:
            raise ValueError(
                f"an open window must have fewer batches than every={self.every}, "
                f"got {state_dict['batches']}"
            )
        expected = len(self._parameters()) if state_dict["batches"] else 0
        if len(gradients) != expected:
            raise ValueError(
                f"a window of {state_dict['batches']} batches must have {expected} "
                f"gradients, got {len(gradients)}"
            )
        for p, g in zip(self._parameters(), gradients, strict=False):
            if g is not None:
                check_same_shape(parameter=p, gradient=g)
        super().load_state_dict(state_dict["optimizer"])
        self.updates, self.batches, self.samples = (state_dict[name] for name in counts)
        self._take(gradients)

    def _open_gradients(self) -> list[Tensor | None]:
        return [p.grad for p in self._parameters()] if self.batches else []

    def _take(self, gradients: list[Tensor | None]) -> None:
        for p, g in zip_longest(self._parameters(), gradients):
            p.grad = None if g is None else g.to(p, copy=True)

    def __getstate__(self) -> dict[str, Any]:  # a parameter's copy has no gradient
        return {**self.__dict__, "gradients": self._open_gradients()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        gradients = state.pop("gradients")
        self.__dict__.update(state)
        self._take(gradients)

    def _options(self) -> tuple[str, ...]:
        return (f"every={self.every}",)
