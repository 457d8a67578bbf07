"""Stochastic gradient descent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from groundup._checks import check_finite, check_flag, check_not_negative
from groundup.optimizers.optimizer import Optimizer


def _check_momentum(momentum: float, dampening: float, nesterov: bool) -> None:
    """Refuse options that are out of range, and Nesterov's step without its momentum."""
    check_not_negative("momentum", momentum)
    check_finite("dampening", dampening)
    check_flag("nesterov", nesterov)
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError(
            "nesterov needs momentum and no dampening, got momentum "
            f"{momentum} and dampening {dampening}"
        )


class SGD(Optimizer):
    """Stochastic gradient descent: moves each parameter a little against its gradient.

    Without momentum the update is `p -= lr * (gradient + weight_decay * p)`, in place. With
    it, the gradients are summed up first: `buffer = momentum * buffer + gradient`, and the
    buffer takes the gradient's place. After `torch.optim.SGD`, which multiplies and adds in
    one rounding where this rounds twice.

    Args:
        params: the tensors to be moved, such as `model.parameters()`, or groups of them.
        lr: how far, in units of parameter per unit of gradient.
        momentum: the share of the buffer that is left at the next step, at least 0.
        dampening: the share of a gradient, from the second on, that the buffer leaves out.
        weight_decay: how strongly each parameter is pulled towards zero, at least 0.
        nesterov: go by the gradient and `momentum` times the buffer, one step ahead of it.

    Raises:
        TypeError: if `params` holds what is no tensor, or an option is of the wrong type.
        ValueError: if there is no parameter, one is not a leaf or is there twice, `lr` is
            not positive and finite, another number is out of its range, or `nesterov` comes
            without momentum or with dampening.

    Example:
        >>> p = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = SGD([p], lr=0.1)
        >>> (p**2).sum().backward()
        >>> optimizer.step()
        >>> p
        tensor([0.8000, 1.6000], requires_grad=True)
    """

    state_names = frozenset({"momentum_buffer"})

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def _check(self, group: Mapping[str, Any]) -> None:
        super()._check(group)
        _check_momentum(group["momentum"], group["dampening"], group["nesterov"])

    def _update(
        self, p: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if group["weight_decay"]:
            gradient = group["weight_decay"] * p + gradient
        if group["momentum"]:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = gradient.clone()
            else:
                buffer.mul_(group["momentum"]).add_(gradient, alpha=1 - group["dampening"])
            gradient = (
                gradient + group["momentum"] * buffer if group["nesterov"] else buffer
            )
        p -= group["lr"] * gradient


@dataclass(frozen=True)
class SGDRecipe:
    """What SGD can be told beside the rate and the decay, which every optimizer takes.

    Raises:
        TypeError, ValueError: as `SGD` does.

    Example:
        >>> SGDRecipe(momentum=0.9).build([torch.ones(2)], lr=0.1).defaults["momentum"]
        0.9
    """

    momentum: float = 0.0
    """The share of the buffer of gradients that is left at the next step."""

    dampening: float = 0.0
    """The share of a gradient, from the second on, that the buffer leaves out."""

    nesterov: bool = False
    """Whether a step goes by the gradient and `momentum` times the buffer."""

    def __post_init__(self) -> None:
        _check_momentum(self.momentum, self.dampening, self.nesterov)
        for name in ("momentum", "dampening"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def build(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float = 0.0,
    ) -> SGD:
        """Return the optimizer of these parameters."""
        return SGD(
            params, lr, self.momentum, self.dampening, weight_decay, nesterov=self.nesterov
        )
