"""mean_squared_error."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.nn import functional as F

from groundup import mean_squared_error
from tests.helpers import assert_identical
from tests.strategies import tensor_pairs


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
