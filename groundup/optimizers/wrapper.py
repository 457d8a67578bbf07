"""The base of what lies around an optimizer."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from groundup._checks import check_steps, describe
from groundup._results import in_ascii


class Wrapper:
    """An optimizer around an optimizer, and itself without effect: a subclass adds some.

    What happens between gradients and new weights is written once, around any optimizer,
    ours or torch's, and in a stated order: the outer one acts first.

    Args:
        optimizer: any with `param_groups`, `zero_grad`, `step`, `state_dict` and
            `load_state_dict`.

    Attributes:
        optimizer: what is wrapped.

    Raises:
        TypeError: if it lacks one of them, or its step needs an argument.
        ValueError: if it must be the outermost, as `Accumulated` must.

    Example:
        >>> class Loud(Wrapper):
        ...     def step(self):
        ...         print("step")
        ...         super().step()
        >>> p = torch.tensor([1.0], requires_grad=True)
        >>> p.sum().backward()
        >>> Loud(SGD([p], lr=0.5)).step()
        step
        >>> p
        tensor([0.5000], requires_grad=True)
    """

    outermost = False
    """Whether nothing may be around it."""

    def __init__(self, optimizer: Any) -> None:
        check_steps(optimizer, "state_dict", "load_state_dict")
        if not hasattr(optimizer, "param_groups"):
            raise TypeError(
                f"optimizer must have param_groups, got {describe(optimizer)} without"
            )
        if getattr(optimizer, "outermost", False):
            raise ValueError(
                f"{type(optimizer).__name__} must be the outermost, got "
                f"{type(self).__name__} around it"
            )
        self.optimizer = optimizer

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of what is wrapped."""
        groups: list[dict[str, Any]] = self.optimizer.param_groups
        return groups

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Have the gradients forgotten."""
        self.optimizer.zero_grad()

    def step(self) -> None:
        """Have each parameter moved."""
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of what is wrapped; a wrapper with its own puts it beside."""
        state: dict[str, Any] = self.optimizer.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict` of the same stack of wrappers.

        Raises:
            TypeError, ValueError: if it is another's. Nothing is changed then.
        """
        self.optimizer.load_state_dict(state_dict)

    def __repr__(self) -> str:
        inner = repr(self.optimizer)
        if "\n" in inner:  # torch's takes a screen
            inner = type(self.optimizer).__name__
        more = "".join(f", {option}" for option in self._options())
        return in_ascii(f"{type(self).__name__}({inner}{more})")

    def _options(self) -> tuple[str, ...]:
        """Return what a subclass was told beside the optimizer, as its repr shows it."""
        return ()

    def _check_state(self, state_dict: Mapping[str, Any], *names: str) -> None:
        """Refuse what is not the state of such a wrapper: that of its inside, say."""
        expected = {*names, "optimizer"}
        if not isinstance(state_dict, Mapping) or state_dict.keys() != expected:
            raise TypeError(
                f"state_dict of {type(self).__name__} must be a dict with "
                f"{', '.join(map(repr, names))} and 'optimizer', got {describe(state_dict)}"
            )
