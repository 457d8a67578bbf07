"""The base class of all optimizers: groups of parameters and their state, as torch's."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from groundup._checks import (
    check_leaf,
    check_learning_rate,
    check_not_negative,
    describe,
)
from groundup._results import in_ascii

NOT_OURS = {
    "base_momentum",
    "capturable",
    "differentiable",
    "foreach",
    "fused",
    "initial_lr",
    "max_lr",
    "max_momentum",
    "min_lr",
    "param_names",
}
"""Options of torch's and its schedulers' that don't change what a step computes."""


class Optimizer:
    """Moves parameters by their gradients; a subclass says how, in `_update`.

    After `torch.optim.Optimizer`: the same groups, and the same format of the state, so
    that a run can be handed to torch and back.

    Args:
        params: the tensors to be moved, such as `model.parameters()`, or groups of them:
            dictionaries with `"params"` and the options in which the group differs.
        **defaults: the options of a group that does not set them. `lr`, how far a parameter
            moves, and `weight_decay`, how strongly it is pulled towards zero, are checked
            here.

    Attributes:
        param_groups: a dictionary for each group: its tensors in `"params"`, and every
            option. They are read at each step: who changes `"lr"` changes the next one.
        state: a parameter -> what the optimizer remembers of it, by name.

    Raises:
        TypeError: if `params` is a single tensor, a set, or holds what is no tensor, or an
            option is of another type than it should be.
        ValueError: if there is no parameter, one is not a leaf or is there twice, a group
            has an option that this optimizer lacks, or an option is out of its range.

    Example:
        >>> class SignDescent(Optimizer):
        ...     def _update(self, p, gradient, state, group):
        ...         p -= group["lr"] * gradient.sign()
        >>> p = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (p**2).sum().backward()
        >>> SignDescent([p], lr=0.5).step()
        >>> p
        tensor([0.5000, 1.5000], requires_grad=True)
    """

    state_names: frozenset[str] | None = None
    """What this kind remembers of a parameter, and knows its state by; None: anything."""

    fixed: Mapping[str, Any] = MappingProxyType({})
    """Options of torch's that this kind leaves nobody to choose, and is known by."""

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], **defaults: Any
    ) -> None:
        # The order of a set is another one in the next process, and the state goes by it.
        unordered = isinstance(params, Mapping | set | frozenset)
        if unordered or isinstance(params, Tensor) or not isinstance(params, Iterable):
            raise TypeError(
                "params must be an iterable of tensors or of groups, "
                f"got {describe(params)}"
            )
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        groups: list[Any] = list(params)
        if not any(isinstance(group, Mapping) for group in groups):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        if not self._parameters():
            raise ValueError("params must hold at least one tensor, got none")

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Take in more parameters, with the defaults for the options that they don't set.

        Raises:
            TypeError, ValueError: as at construction; then nothing is taken in.
        """
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"a group must be a dict with 'params', got {describe(group)}")
        given = group["params"]
        if isinstance(given, set | frozenset) or not isinstance(given, Iterable):
            raise TypeError(f"a group's params must be tensors, got {describe(given)}")
        tensors = [given] if isinstance(given, Tensor) else list(given)
        held = {id(p) for p in self._parameters()}
        for i, p in enumerate(tensors):
            check_leaf(f"parameter {i}", p)
            if id(p) in held:
                raise ValueError(
                    f"a parameter must be given once, got parameter {i} of shape "
                    f"{tuple(p.shape)} again: it would be moved twice a step"
                )
            held.add(id(p))
        for option in group.keys() - self.defaults.keys() - {"params"}:
            raise ValueError(
                f"options of {type(self).__name__} are {', '.join(self.defaults)}, "
                f"got {option!r}"
            )
        complete = {**self.defaults, **group, **self.fixed, "params": tensors}
        self._check(complete)
        self.param_groups.append({name: _plain(v) for name, v in complete.items()})

    def _check(self, group: Mapping[str, Any]) -> None:
        """Refuse options that are out of range; a subclass adds those of its own."""
        if "lr" in group:
            check_learning_rate("lr", group["lr"])
        if "weight_decay" in group:
            check_not_negative("weight_decay", group["weight_decay"])

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Forget the gradients, since `backward` adds to what it finds."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter once; one without a gradient stays as it is."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, self.state[p], group)

    def _update(
        self, p: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Move one parameter in place.

        Args:
            p: the parameter.
            gradient: the loss's gradient by it, of its shape; not to be changed.
            state: what this optimizer remembers of it; empty at the first step.
            group: the options of its group.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _update")

    def state_dict(self) -> dict[str, Any]:
        """Return options and state in torch's format, a number in place of a parameter.

        The tensors are the optimizer's own, as torch's: clone what must outlive a step.
        """
        parameters = self._parameters()
        numbers = {id(p): i for i, p in enumerate(parameters)}
        return {
            "state": {
                i: self.state[p] for i, p in enumerate(parameters) if self.state.get(p)
            },
            "param_groups": [
                {**group, "params": [numbers[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`: ours, or that of torch's optimizer of this name.

        State is copied and moves to its parameter's device and dtype, but for a count of
        steps, which torch keeps where it is.

        Raises:
            TypeError: if it is not a dictionary.
            ValueError: if it is of other groups or of another kind of optimizer, has an
                option that this one lacks, or a tensor of another shape than its parameter.
                Nothing is changed then.
        """
        groups, state = _fitted(state_dict, self)
        for group, loaded in zip(self.param_groups, groups, strict=True):
            group.update(loaded)
        self.state = defaultdict(dict, state)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.defaults.items())
        count = sum(p.numel() for p in self._parameters())
        return in_ascii(f"{type(self).__name__}({count} parameters, {options})")


def _plain(value: Any) -> Any:
    """Return a number of NumPy's as Python's: torch.load takes no other from a file."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.item() if type(value).__module__ == "numpy" else value


def _fitted(
    state_dict: Mapping[str, Any], optimizer: Optimizer
) -> tuple[list[dict[str, Any]], dict[Tensor, dict[str, Any]]]:
    """Return each group's options and each parameter's state, made to fit the optimizer."""
    if not isinstance(state_dict, Mapping) or {"state", "param_groups"} - set(state_dict):
        raise TypeError(
            "state_dict must be a dict with 'state' and 'param_groups', "
            f"got {describe(state_dict)}"
        )
    theirs, ours = state_dict["param_groups"], optimizer.param_groups
    sizes = [[len(group["params"]) for group in groups] for groups in (theirs, ours)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"state_dict must have groups of {sizes[1]} parameters, got {sizes[0]}"
        )
    groups = [
        _options(theirs, ours, optimizer) for theirs, ours in zip(theirs, ours, strict=True)
    ]
    numbers = [number for group in theirs for number in group["params"]]
    parameters = dict(zip(numbers, optimizer._parameters(), strict=True))
    for number in state_dict["state"].keys() - parameters.keys():
        raise ValueError(f"state_dict must hold state of its parameters, got {number!r}")
    names = optimizer.state_names
    for held in state_dict["state"].values():
        if names is not None and held and held.keys() != names:
            raise ValueError(
                f"state_dict must be that of {type(optimizer).__name__}, which holds "
                f"{sorted(names)}, got {sorted(held)}"
            )
    state = {
        parameters[number]: {
            name: _fitting(name, value, parameters[number]) for name, value in held.items()
        }
        for number, held in state_dict["state"].items()
    }
    return groups, state


def _options(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], optimizer: Optimizer
) -> dict[str, Any]:
    """Return a group's options as they were saved, if this optimizer has all that count."""
    kind = type(optimizer).__name__
    for name in ours.keys() - theirs.keys():
        raise ValueError(f"state_dict must be that of {kind}, got one without {name!r}")
    for name in theirs.keys() - ours.keys() - NOT_OURS:
        if theirs[name]:
            raise ValueError(f"{kind} has no option {name!r}, got {theirs[name]!r}")
    for name, value in optimizer.fixed.items():
        if theirs[name] != value:
            raise ValueError(
                f"state_dict must be that of {kind}, whose {name} is {value}, "
                f"got {theirs[name]!r}"
            )
    return {name: theirs[name] for name in optimizer.defaults}


def _fitting(name: str, value: Any, p: Tensor) -> Any:
    if not isinstance(value, Tensor):
        return value
    if name == "step":
        return value.clone()
    if value.shape != p.shape:
        raise ValueError(
            f"{name!r} must have its parameter's shape {tuple(p.shape)}, "
            f"got {tuple(value.shape)}"
        )
    return value.to(p, copy=True)
