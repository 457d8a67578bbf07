"""Clipped: torch's clip_grad_norm_, around a step."""

import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from groundup import SGD, AdamW, Clipped, binary_cross_entropy_with_logits, count_operations
from tests.helpers import assert_identical, seeded, values
from tests.optimizers.penguins import batches, network
from tests.strategies import seeds


def with_gradients(gradients: list[Tensor]) -> list[Tensor]:
    parameters = [torch.zeros_like(g).requires_grad_() for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g.clone()
    return parameters


def flat(parameters: list[Tensor]) -> Tensor:
    return torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])


@pytest.mark.parametrize("foreach", [None, False, True])
def test_norms_gradients_and_steps_are_those_of_torchs_clip_grad_norm_bit_for_bit(
    foreach: bool | None,
) -> None:
    ours, theirs = network(), network()
    clipped = Clipped(AdamW(ours.parameters(), 0.01), 0.3)
    bare = AdamW(theirs.parameters(), 0.01)
    seen = []
    for inputs, targets in batches(150):
        for model in (ours, theirs):
            model.zero_grad()
            binary_cross_entropy_with_logits(model(inputs), targets).backward()
        norm = clip_grad_norm_(theirs.parameters(), 0.3, foreach=foreach)
        bare.step()
        clipped.step()
        assert_identical(clipped.norm, norm)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert_identical(p.grad, q.grad)
        seen.append(float(norm))
    assert_identical(values(ours), values(theirs))
    assert min(seen) < 0.3 < max(seen)  # some were clipped, and some were not


@given(
    seed=seeds,
    shapes=st.lists(st.lists(st.integers(1, 3), max_size=2), min_size=1, max_size=4),
    size=st.floats(-30, 30),
    max_norm=st.floats(1e-3, 1e3),
)
def test_clipping_never_lengthens_and_keeps_the_direction(
    seed: int, shapes: list[list[int]], size: float, max_norm: float
) -> None:
    generator = seeded(seed)
    gradients = [
        10**size * torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in shapes
    ]
    parameters = with_gradients(gradients)
    before = flat(parameters)
    optimizer = Clipped(SGD(parameters, 1.0), max_norm)
    optimizer.step()
    after = flat(parameters)
    assert optimizer.norm is not None
    assert optimizer.norm.item() == pytest.approx(before.norm().item())
    assert after.norm() <= min(before.norm().item(), max_norm) * (1 + 1e-12)
    torch.testing.assert_close(after * before.norm(), before * after.norm())
    if before.norm() < max_norm * (1 - 1e-3) - 1e-6:
        assert_identical(after, before)
    moved = torch.cat([p.detach().flatten() for p in parameters])
    assert_identical(moved, 0 - after)  # and the step was along what was left


def test_parameters_without_a_gradient_are_passed_over() -> None:
    moved, unreached = torch.zeros(2, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = Clipped(SGD([unreached, moved], 1.0), 1.0)
    optimizer.step()
    assert optimizer.norm is None
    moved.grad = torch.tensor([3.0, 4.0])
    optimizer.step()
    assert optimizer.norm == 5
    assert (unreached.item(), moved.norm().item()) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_makes_all_no_numbers_as_torchs_does(
    value: float,
) -> None:
    gradients = [torch.tensor([1.0, value]), torch.tensor([2.0])]
    ours, theirs = with_gradients(gradients), with_gradients(gradients)
    Clipped(SGD(ours, 1.0), 1.0).step()
    clip_grad_norm_(theirs, 1.0)
    assert_identical(flat(ours), flat(theirs))


def test_it_asks_two_operations_a_parameter_and_five_more() -> None:
    parameters = with_gradients([torch.ones(3), torch.ones(2, 2)])
    bare, clipped = SGD(parameters, 0.1), Clipped(SGD(parameters, 0.1), 1.0)
    more = count_operations(clipped.step) - count_operations(bare.step)
    norm = more.pop("linalg_vector_norm")
    assert norm == 3
    assert more == {
        "stack": 1,
        "add": 1,
        "reciprocal": 1,
        "mul": 1,
        "clamp": 1,
        "mul_": 2,
    }


@pytest.mark.parametrize(
    ("max_norm", "error", "message"),
    [
        (0, ValueError, "max_norm must be positive and finite, got 0"),
        (-1.0, ValueError, "max_norm must be positive and finite, got -1.0"),
        (math.inf, ValueError, "max_norm must be positive and finite, got inf"),
        (math.nan, ValueError, "max_norm must be positive and finite, got nan"),
        ("1", TypeError, "max_norm must be a number, got '1' (str)"),
    ],
)
def test_a_norm_that_is_not_positive_is_refused(
    max_norm: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Clipped(SGD([torch.ones(1)], 0.1), max_norm)
