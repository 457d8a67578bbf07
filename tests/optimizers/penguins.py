"""Five hundred steps on real data, for an optimizer to be compared with another."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle, islice
from typing import Any

from torch import Tensor

from groundup import (
    MLP,
    DataLoader,
    Dataset,
    binary_cross_entropy_with_logits,
    load_penguins,
    standardise,
)
from tests.helpers import seeded, values

(BIRDS,) = standardise(Dataset(*load_penguins()), Dataset(*load_penguins()))
BATCHES = [*DataLoader(BIRDS, 32)]
STEPS = 500


def network() -> MLP:
    return MLP(BIRDS.tensors[0].shape[1], 16, seeded())


def batches(steps: int = STEPS) -> Iterator[tuple[Tensor, ...]]:
    return islice(cycle(BATCHES), steps)


def train(model: MLP, optimizer: Any, steps: int = STEPS) -> tuple[Tensor, ...]:
    """Return the parameters after some steps."""
    for inputs, targets in batches(steps):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(model(inputs), targets).backward()
        optimizer.step()
    return values(model)


@cache
def trained(
    make: Callable[..., Any], *arguments: Any, **options: Any
) -> tuple[Tensor, ...]:
    """Return the parameters of a network that an optimizer made so has trained."""
    model = network()
    return train(model, make(model.parameters(), *arguments, **options))


def furthest(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> float:
    """Return by how much two sets of parameters differ at most."""
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))
