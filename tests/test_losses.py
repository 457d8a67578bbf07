"""mean_squared_error, binary_cross_entropy_with_logits and binary_accuracy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from groundup import (
    binary_accuracy,
    binary_cross_entropy_with_logits,
    mean_squared_error,
)
from tests.helpers import assert_identical
from tests.strategies import logits_and_targets, tensor_pairs

Measure = Callable[[Any, Any], Tensor]


@given(tensor_pairs())
def test_the_mean_squared_error_is_torchs(pair: tuple[Tensor, Tensor]) -> None:
    loss = mean_squared_error(*pair)
    assert loss.shape == ()
    torch.testing.assert_close(loss, F.mse_loss(*pair))


@given(tensor_pairs())
def test_its_gradient_is_twice_the_difference_over_the_number_of_targets(
    pair: tuple[Tensor, Tensor],
) -> None:
    y_pred, y_true = pair
    y_pred.requires_grad_()
    mean_squared_error(y_pred, y_true).backward()
    torch.testing.assert_close(y_pred.grad, 2 * (y_pred - y_true).detach() / y_true.numel())


@given(tensor_pairs())
def test_it_does_not_matter_which_is_the_target(pair: tuple[Tensor, Tensor]) -> None:
    y_pred, y_true = pair
    assert_identical(mean_squared_error(y_pred, y_true), mean_squared_error(y_true, y_pred))


@given(tensor_pairs())
def test_a_perfect_prediction_has_no_error(pair: tuple[Tensor, Tensor]) -> None:
    assert mean_squared_error(pair[0], pair[0].clone()).item() == 0


def test_its_dtype_is_the_predictions() -> None:
    y = torch.ones(2, dtype=torch.float64)
    assert mean_squared_error(y, y).dtype == torch.float64


@pytest.mark.parametrize(
    ("y_pred", "y_true"),
    [((3,), (3, 1)), ((3, 1), (3,)), ((3, 1), (1, 1)), ((3, 1), ()), ((2,), (3,))],
)
def test_shapes_that_differ_are_refused_even_where_torch_would_broadcast(
    y_pred: tuple[int, ...], y_true: tuple[int, ...]
) -> None:
    with pytest.raises(
        ValueError, match="y_pred and y_true must have the same shape"
    ) as error:
        mean_squared_error(torch.ones(y_pred), torch.ones(y_true))
    assert str(error.value).endswith(f"got {y_pred} and {y_true}")


@pytest.mark.parametrize(
    ("y_pred", "y_true", "message"),
    [
        ([1.0], torch.ones(1), "y_pred must be a torch.Tensor, got .*[(]list[)]"),
        (torch.ones(1), np.ones(1), "y_true must be a torch.Tensor, got .*[(]ndarray[)]"),
        (torch.ones(1), 1.0, "y_true must be a torch.Tensor, got .*[(]float[)]"),
    ],
)
def test_only_tensors_are_compared(y_pred: Any, y_true: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        mean_squared_error(y_pred, y_true)


@given(logits_and_targets())
def test_the_cross_entropy_is_torchs(pair: tuple[Tensor, Tensor]) -> None:
    loss = binary_cross_entropy_with_logits(*pair)
    assert loss.shape == ()
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(*pair))


@given(logits_and_targets())
def test_its_gradient_is_the_probability_less_the_target_over_their_number(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, targets = pair
    logits.requires_grad_()
    binary_cross_entropy_with_logits(logits, targets).backward()
    expected = (torch.sigmoid(logits.detach()) - targets) / targets.numel()
    torch.testing.assert_close(logits.grad, expected)


@given(logits_and_targets())
def test_the_cross_entropy_is_the_same_when_the_classes_change_names(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, targets = pair
    torch.testing.assert_close(
        binary_cross_entropy_with_logits(-logits, 1 - targets),
        binary_cross_entropy_with_logits(logits, targets),
    )


@given(p=st.floats(0.01, 0.99), target=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_the_cross_entropy_is_the_expected_surprise_in_nats(
    p: float, target: float
) -> None:
    logit = torch.tensor([math.log(p / (1 - p))], dtype=torch.float64)
    loss = binary_cross_entropy_with_logits(logit, torch.full_like(logit, target))
    surprise = -target * math.log(p) - (1 - target) * math.log(1 - p)
    assert loss.item() == pytest.approx(surprise)


def test_at_a_logit_of_zero_the_cross_entropy_is_log_2_and_its_gradient_a_half() -> None:
    targets = torch.tensor([0.0, 1.0, 0.5])
    logits = torch.zeros(3, requires_grad=True)
    loss = binary_cross_entropy_with_logits(logits, targets)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    torch.testing.assert_close(logits.grad, (0.5 - targets) / 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e4, 1e30, 3e38])
def test_no_logit_overflows(size: float, dtype: torch.dtype) -> None:
    for sign, target in [(1, 1.0), (1, 0.0), (-1, 1.0), (-1, 0.0), (1, 0.25), (-1, 0.25)]:
        logits = torch.tensor([sign * size], dtype=dtype, requires_grad=True)
        loss = binary_cross_entropy_with_logits(logits, torch.tensor([target], dtype=dtype))
        loss.backward()
        probability = float(sign > 0)  # the other class is too unlikely for a float
        torch.testing.assert_close(
            loss.detach(), torch.tensor(abs(probability - target) * size, dtype=dtype)
        )
        assert_identical(logits.grad, torch.tensor([probability - target], dtype=dtype))


def test_the_cross_entropy_has_the_dtype_of_the_logits() -> None:
    z = torch.zeros(2, dtype=torch.float64)
    assert binary_cross_entropy_with_logits(z, z).dtype == torch.float64


@given(logits_and_targets())
def test_the_accuracy_is_the_share_of_samples_on_the_right_side_of_one_half(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, targets = pair[0], pair[1].round()
    right = [
        (1 / (1 + math.exp(-z)) > 0.5 if abs(z) < 700 else z > 0) == (t == 1)
        for z, t in zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True)
    ]
    accuracy = binary_accuracy(logits, targets)
    assert accuracy.shape == ()
    assert accuracy.item() == pytest.approx(sum(right) / len(right))


def test_a_logit_of_zero_stands_for_the_class_0() -> None:
    zeros = torch.tensor([0.0, -0.0])
    assert binary_accuracy(zeros, torch.zeros(2)).item() == 1
    assert binary_accuracy(zeros, torch.ones(2)).item() == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.bool])
def test_the_classes_of_an_accuracy_may_be_of_any_dtype(dtype: torch.dtype) -> None:
    targets = torch.tensor([1, 0, 0, 1]).to(dtype)
    accuracy = binary_accuracy(torch.tensor([2.0, -1.0, 0.1, 1e-30]), targets)
    assert accuracy.item() == 0.75


@pytest.mark.parametrize("measure", [binary_cross_entropy_with_logits, binary_accuracy])
@pytest.mark.parametrize(
    ("logits", "targets"), [((3,), (3, 1)), ((3, 1), (3,)), ((3, 1), (1, 1)), ((3,), ())]
)
def test_logits_and_targets_are_of_one_shape(
    measure: Measure, logits: tuple[int, ...], targets: tuple[int, ...]
) -> None:
    with pytest.raises(
        ValueError, match="logits and targets must have the same shape"
    ) as error:
        measure(torch.ones(logits), torch.ones(targets))
    assert str(error.value).endswith(f"got {logits} and {targets}")


@pytest.mark.parametrize("measure", [binary_cross_entropy_with_logits, binary_accuracy])
@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        ([1.0], torch.ones(1), "logits must be a torch.Tensor, got .*[(]list[)]"),
        (torch.ones(1), np.ones(1), "targets must be a torch.Tensor, got .*[(]ndarray[)]"),
    ],
)
def test_logits_and_targets_are_tensors(
    measure: Measure, logits: Any, targets: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        measure(logits, targets)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_the_cross_entropy_wants_targets_that_are_floats(dtype: torch.dtype) -> None:
    message = f"^targets must be a floating-point tensor, got {dtype}$"
    with pytest.raises(TypeError, match=message):
        binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2).to(dtype))


def test_the_cross_entropy_wants_logits_that_are_floats() -> None:
    message = "^logits must be a floating-point tensor, got torch.int64$"
    with pytest.raises(TypeError, match=message):
        binary_cross_entropy_with_logits(torch.ones(2).long(), torch.ones(2))


NAN = math.nan


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_logit_that_is_no_number_is_never_right(target: float) -> None:
    targets = torch.full((4,), target)
    assert binary_accuracy(torch.full((4,), NAN), targets).item() == 0
    right = 3.0 if target else -3.0
    logits = torch.tensor([right, NAN, right, right])
    assert binary_accuracy(logits, targets).item() == 0.75


def test_no_logit_is_right_where_the_target_is_no_number() -> None:
    logits = torch.tensor([-1.0, 1.0, NAN, 1.0])
    assert binary_accuracy(logits, torch.tensor([NAN, NAN, NAN, 1.0])).item() == 0.25


@pytest.mark.parametrize(
    ("logits", "targets"), [([NAN, 1.0], [0.0, 1.0]), ([1.0, 1.0], [NAN, 1.0])]
)
def test_a_loss_of_what_is_no_number_is_no_number(
    logits: list[float], targets: list[float]
) -> None:
    for loss in (binary_cross_entropy_with_logits, mean_squared_error):
        assert loss(torch.tensor(logits), torch.tensor(targets)).isnan()
