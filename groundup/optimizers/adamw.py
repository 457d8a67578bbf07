"""AdamW: Adam, with the decay beside the gradient instead of inside it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from groundup.optimizers.adam import Adam, AdamRecipe, Betas, Params


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    Each step first takes `lr * weight_decay` of a parameter away. Inside the gradient, as
    in `Adam`, the decay is divided by the gradient's size as all else is, and hardly felt
    where gradients are large. In the order of `torch.optim.AdamW`, for-loop and foreach,
    and equal to them bit for bit.

    Args:
        params: the tensors to be moved, such as `model.parameters()`, or groups of them.
        lr: how far a number moves at most, or nearly, in its own unit.
        betas: the shares of the two averages that are left at the next step, in [0, 1).
        eps: added to the root, in the gradient's unit; positive.
        weight_decay: how strongly each parameter is pulled towards zero, at least 0; not
            nothing, as torch's.

    Raises:
        TypeError, ValueError: as `Adam` does.

    Example:
        >>> p = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> p.grad = torch.zeros(2)
        >>> AdamW([p], lr=0.1, weight_decay=0.5).step()
        >>> p
        tensor([0.9500, 1.9000], requires_grad=True)
    """

    fixed = MappingProxyType({"decoupled_weight_decay": True})

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def _decayed(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        """Shrink the parameter and return the gradient as it is."""
        p.mul_(1 - group["lr"] * group["weight_decay"])
        return gradient


@dataclass(frozen=True)
class AdamWRecipe(AdamRecipe):
    """What AdamW can be told beside the rate and the decay, which every optimizer takes.

    Raises:
        TypeError, ValueError: as `Adam` does.

    Example:
        >>> AdamWRecipe().build([torch.ones(2)], lr=0.01, weight_decay=0.1)
        AdamW(2 parameters, lr=0.01, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.1)
    """

    def build(self, params: Params, lr: float, weight_decay: float = 0.0) -> AdamW:
        """Return the optimizer of these parameters."""
        return AdamW(params, lr, self.betas, self.eps, weight_decay)
