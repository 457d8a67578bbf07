"""What several test files share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def seeded_module(module: Module, seed: int = 0) -> Module:
    """The module with a seed's values: torch.nn's own come from the global random state."""
    generator = seeded(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.uniform_(-0.5, 0.5, generator=generator)
    return module


def values(module: nn.Module) -> tuple[Tensor, ...]:
    """Copies of a module's parameters."""
    return tuple(p.detach().clone() for p in module.parameters())


def assert_identical(actual: Any, expected: Any) -> None:
    """The same shapes, dtypes and numbers, bit for bit; NaN is NaN."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)


@contextmanager
def global_random_state_untouched() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert_identical(torch.get_rng_state(), before)
