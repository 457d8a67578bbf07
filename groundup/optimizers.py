"""Optimizers: what happens between gradients and new weights."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from groundup._checks import check_learning_rate, check_not_negative, check_tensor, describe


class SGD:
    """Stochastic gradient descent: moves each parameter a little against its gradient.

    The update is `p -= learning_rate * (p.grad + weight_decay * p)`, in place. A parameter without a gradient stays as
    it is. After `torch.optim.SGD`, which multiplies and adds in one rounding where this rounds twice.

    Args:
        parameters: the tensors to be moved, such as `model.parameters()`.
        learning_rate: how far, in units of parameter per unit of gradient.
        weight_decay: how strongly each parameter is pulled towards zero, at least 0.

    Attributes:
        param_groups: a list of one dictionary with `"params"`, `"lr"` and `"weight_decay"`, as torch's optimizers have
            it. They are read at each step: who changes `"lr"` changes the next one.

    Raises:
        TypeError: if `parameters` is a single tensor or holds what is none, or a number is not one.
        ValueError: if there is no parameter, one is not a leaf, `learning_rate` is not positive and finite, or
            `weight_decay` is negative or not finite.

    Example:
        >>> p = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = SGD([p], learning_rate=0.1)
        >>> (p**2).sum().backward()
        >>> optimizer.step()
        >>> p
        tensor([0.8000, 1.6000], requires_grad=True)
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
            raise TypeError(
                f"parameters must be an iterable of tensors, got {describe(parameters)}"
            )
        params = list(parameters)
        if not params:
            raise ValueError("parameters must hold at least one tensor, got none")
        for i, p in enumerate(params):
            check_tensor(f"parameter {i}", p)
            if not p.is_leaf:
                raise ValueError(
                    f"parameter {i} must be a leaf, got the result of {p.grad_fn}"
                )
        check_learning_rate("learning_rate", learning_rate)
        check_not_negative("weight_decay", weight_decay)
        self.param_groups: list[dict[str, Any]] = [
            {"params": params, "lr": learning_rate, "weight_decay": weight_decay}
        ]

    def zero_grad(self) -> None:
        """Forget the gradients, since `backward` adds to what it finds."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters once."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    gradient = p.grad
                    if group["weight_decay"]:
                        gradient = gradient + group["weight_decay"] * p
                    p -= group["lr"] * gradient
