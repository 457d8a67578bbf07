"""Adam: a rate of its own for each number of a parameter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from groundup._checks import check_learning_rate, check_share, describe
from groundup.optimizers.optimizer import Optimizer

Params = Iterable[Tensor] | Iterable[dict[str, Any]]
Betas = tuple[float, float]


def _check_adam(betas: Betas, eps: float) -> None:
    """Refuse betas that are not two numbers in [0, 1), and an eps that is not positive."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas must be two numbers, got {describe(betas)}")
    for i, beta in enumerate(betas):
        check_share(f"betas[{i}]", beta)
    check_learning_rate("eps", eps)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): averages of the gradient and of its square rule a step.

    A number moves by `lr * average / (sqrt(average of squares) + eps)`: about `lr`, however
    steep it is. Both averages start at 0; to divide each by `1 - beta**step` makes up for
    it. In the order of `torch.optim.Adam`, for-loop and foreach, and equal to them bit for
    bit.

    Args:
        params: the tensors to be moved, such as `model.parameters()`, or groups of them.
        lr: how far a number moves at most, or nearly, in its own unit.
        betas: the shares of the two averages that are left at the next step, in [0, 1).
        eps: added to the root, in the gradient's unit; positive.
        weight_decay: times the parameter, added to the gradient; at least 0.

    Raises:
        TypeError: if `params` holds what is no tensor, or an option is of the wrong type.
        ValueError: if there is no parameter, one is complex, not a leaf or there twice, or
            an option is out of its range.

    Example:
        >>> p = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (p * torch.tensor([1e4, -1e-3])).sum().backward()
        >>> Adam([p], lr=0.1).step()
        >>> p
        tensor([0.9000, 2.1000], requires_grad=True)
    """

    state_names = frozenset({"step", "exp_avg", "exp_avg_sq"})
    fixed = MappingProxyType({"decoupled_weight_decay": False})

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        _check_adam(group["betas"], group["eps"])
        for p in group["params"]:
            if p.is_complex():
                raise ValueError(f"parameters must be real, got one of {p.dtype}")

    def _update(
        self, p: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        beta1, beta2 = group["betas"]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(p)
            state["exp_avg_sq"] = torch.zeros_like(p)
        state["step"] += 1
        if group["weight_decay"]:
            gradient = self._decayed(p, gradient, group)
        average = state["exp_avg"].lerp_(gradient, 1 - beta1)
        squares = state["exp_avg_sq"].mul_(beta2)
        squares.addcmul_(gradient, gradient, value=1 - beta2)
        # A compiled step keeps the count a tensor: of a number, it would be compiled anew.
        compiling = torch.compiler.is_compiling()
        step = state["step"].double() if compiling else state["step"].item()
        rate = group["lr"] / (1 - beta1**step)
        root = squares.sqrt().div_((1 - beta2**step) ** 0.5).add_(group["eps"])
        if compiling:
            p.sub_(rate * average / root)
        else:
            p.addcdiv_(average, root, value=-rate)

    def _decayed(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        """Return the gradient with the decay in it."""
        return gradient.add(p, alpha=group["weight_decay"])


@dataclass(frozen=True)
class AdamRecipe:
    """What Adam can be told beside the rate and the decay, which every optimizer takes.

    Raises:
        TypeError, ValueError: as `Adam` does.

    Example:
        >>> AdamRecipe(betas=(0.9, 0.99)).build([torch.ones(2)], lr=0.01)
        Adam(2 parameters, lr=0.01, betas=(0.9, 0.99), eps=1e-08, weight_decay=0.0)
    """

    betas: Betas = (0.9, 0.999)
    """The shares of the two averages that are left at the next step."""

    eps: float = 1e-8
    """Added to the root of the average of squares."""

    def __post_init__(self) -> None:
        _check_adam(self.betas, self.eps)
        beta1, beta2 = self.betas
        object.__setattr__(self, "betas", (float(beta1), float(beta2)))
        object.__setattr__(self, "eps", float(self.eps))

    def build(self, params: Params, lr: float, weight_decay: float = 0.0) -> Adam:
        """Return the optimizer of these parameters."""
        return Adam(params, lr, self.betas, self.eps, weight_decay)
