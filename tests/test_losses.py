"""Losses and measures: of numbers, of two classes, of many."""

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
    accuracy,
    binary_accuracy,
    binary_cross_entropy_with_logits,
    count_operations,
    cross_entropy,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded
from tests.strategies import logits_and_classes, logits_and_targets, tensor_pairs

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
def test_the_binary_cross_entropy_is_torchs(pair: tuple[Tensor, Tensor]) -> None:
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
def test_the_binary_cross_entropy_is_the_same_when_the_classes_change_names(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, targets = pair
    torch.testing.assert_close(
        binary_cross_entropy_with_logits(-logits, 1 - targets),
        binary_cross_entropy_with_logits(logits, targets),
    )


@given(p=st.floats(0.01, 0.99), target=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_the_binary_cross_entropy_is_the_expected_surprise_in_nats(
    p: float, target: float
) -> None:
    logit = torch.tensor([math.log(p / (1 - p))], dtype=torch.float64)
    loss = binary_cross_entropy_with_logits(logit, torch.full_like(logit, target))
    surprise = -target * math.log(p) - (1 - target) * math.log(1 - p)
    assert loss.item() == pytest.approx(surprise)


def test_at_a_logit_of_zero_the_binary_cross_entropy_is_log_2_and_its_gradient_a_half() -> (
    None
):
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


def test_the_binary_cross_entropy_has_the_dtype_of_the_logits() -> None:
    z = torch.zeros(2, dtype=torch.float64)
    assert binary_cross_entropy_with_logits(z, z).dtype == torch.float64


@given(logits_and_targets())
def test_the_binary_accuracy_is_the_share_of_samples_on_the_right_side_of_one_half(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, targets = pair[0], pair[1].round()
    right = [
        (1 / (1 + math.exp(-z)) > 0.5 if abs(z) < 700 else z > 0) == (t == 1)
        for z, t in zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True)
    ]
    share = binary_accuracy(logits, targets)
    assert share.shape == ()
    assert share.item() == pytest.approx(sum(right) / len(right))


def test_a_logit_of_zero_stands_for_the_class_0() -> None:
    zeros = torch.tensor([0.0, -0.0])
    assert binary_accuracy(zeros, torch.zeros(2)).item() == 1
    assert binary_accuracy(zeros, torch.ones(2)).item() == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.bool])
def test_the_targets_of_a_binary_accuracy_may_be_of_any_dtype(dtype: torch.dtype) -> None:
    targets = torch.tensor([1, 0, 0, 1]).to(dtype)
    share = binary_accuracy(torch.tensor([2.0, -1.0, 0.1, 1e-30]), targets)
    assert share.item() == 0.75


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
def test_the_binary_cross_entropy_wants_targets_that_are_floats(dtype: torch.dtype) -> None:
    message = f"^targets must be a floating-point tensor, got {dtype}$"
    with pytest.raises(TypeError, match=message):
        binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2).to(dtype))


def test_the_binary_cross_entropy_wants_logits_that_are_floats() -> None:
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


# Many classes.


@given(pair=logits_and_classes(torch.float32), choice=st.data())
def test_a_samples_cross_entropy_and_all_gradients_are_torchs_bit_for_bit(
    pair: tuple[Tensor, Tensor], choice: st.DataObject
) -> None:
    logits, classes = pair
    logits.requires_grad_()
    gradients = [
        torch.autograd.grad(measure(logits, classes), logits)
        for measure in (cross_entropy, F.cross_entropy)
    ]
    assert_identical(*gradients)
    i = choice.draw(st.integers(0, len(classes) - 1))
    one = logits[i : i + 1], classes[i : i + 1]
    assert_identical(cross_entropy(*one), F.cross_entropy(*one))


@given(logits_and_classes(torch.float32))
def test_the_mean_cross_entropy_is_exact_to_two_tenths_of_a_millionth(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, classes = pair
    loss, exact = cross_entropy(*pair), F.cross_entropy(logits.double(), classes)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), exact, rtol=2e-7, atol=2e-7)
    # torch's own is off as far, on either side.
    torch.testing.assert_close(loss, F.cross_entropy(*pair), rtol=4e-7, atol=2e-7)


@given(logits_and_classes())
def test_the_cross_entropy_is_the_surprise_at_the_softmax_of_the_true_class(
    pair: tuple[Tensor, Tensor],
) -> None:
    surprises = []
    for row, c in zip(pair[0].tolist(), pair[1].tolist(), strict=True):
        largest = max(row)
        total = sum(math.exp(z - largest) for z in row)
        surprises.append(math.log(total) - (row[c] - largest))
    expected = sum(surprises) / len(surprises)
    assert cross_entropy(*pair).item() == pytest.approx(expected, rel=1e-12, abs=1e-14)


@given(logits_and_classes())
def test_the_gradient_of_the_cross_entropy_is_the_softmax_less_one_at_the_true_class(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, classes = pair
    logits.requires_grad_()
    cross_entropy(logits, classes).backward()
    expected = logits.detach().softmax(1)
    expected[torch.arange(len(classes)), classes] -= 1
    torch.testing.assert_close(logits.grad, expected / len(classes))


def test_two_derivatives_of_the_cross_entropy_are_its_differences() -> None:
    logits = torch.randn(5, 4, generator=seeded(), dtype=torch.float64, requires_grad=True)
    classes = torch.tensor([0, 3, 1, 1, 2])
    assert torch.autograd.gradcheck(lambda z: cross_entropy(z, classes), logits)
    assert torch.autograd.gradgradcheck(lambda z: cross_entropy(z, classes), logits)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_a_model_that_gives_all_classes_the_same_has_a_cross_entropy_of_log_k(
    k: int,
) -> None:
    classes = torch.arange(k)
    assert cross_entropy(torch.full((k, k), -7.0), classes).item() == pytest.approx(
        math.log(k)
    )


@given(pair=logits_and_targets())
def test_of_two_classes_whose_first_has_a_logit_of_0_it_is_the_binary_one(
    pair: tuple[Tensor, Tensor],
) -> None:
    logits, targets = pair[0].flatten(), pair[1].round().flatten()
    of_two = torch.stack([torch.zeros_like(logits), logits], dim=1)
    for many, binary in (
        (cross_entropy, binary_cross_entropy_with_logits),
        (accuracy, binary_accuracy),
    ):
        value = many(of_two, targets.long())
        torch.testing.assert_close(value, binary(logits, targets).to(value))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e3, 1e30, 1e38])
def test_no_logits_of_many_classes_overflow(size: float, dtype: torch.dtype) -> None:
    logits = torch.tensor([[size, -size, 0.0]] * 3, dtype=dtype, requires_grad=True)
    right, wrong = (cross_entropy(logits[:1], torch.tensor([c])) for c in (0, 1))
    assert str(right.item()) == "0.0"
    torch.testing.assert_close(wrong.detach(), torch.tensor(2 * size, dtype=dtype))
    cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
    expected = torch.tensor([[0.0, 0, 0], [1, -1, 0], [1, 0, -1]], dtype=dtype) / 3
    assert_identical(logits.grad, expected)


@given(logits_and_classes())
def test_the_accuracy_is_the_share_of_samples_whose_largest_logit_is_the_classs(
    pair: tuple[Tensor, Tensor],
) -> None:
    rows = zip(pair[0].tolist(), pair[1].tolist(), strict=True)
    right = [row.index(max(row)) == c for row, c in rows]  # of several the first
    share = accuracy(*pair)
    assert share.shape == ()
    assert share.item() == pytest.approx(sum(right) / len(right))


def test_of_equal_logits_the_first_is_what_the_model_says() -> None:
    logits = torch.tensor([[0.0, 1.0, 1.0]] * 3)
    assert accuracy(logits, torch.tensor([1, 1, 1])).item() == 1
    assert accuracy(logits, torch.tensor([2, 0, 2])).item() == 0


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_sample_with_a_logit_that_is_no_number_has_no_loss_and_is_never_right(
    place: int,
) -> None:
    logits = torch.tensor([[5.0, 1.0, 1.0], [5.0, 1.0, 1.0]])
    logits[0, place] = NAN
    for c in range(3):
        classes = torch.tensor([c, 0])
        assert accuracy(logits, classes).item() == 0.5
        assert cross_entropy(logits, classes).isnan()


many = pytest.mark.parametrize("measure", [cross_entropy, accuracy])


@many
@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16]
)
def test_classes_may_be_integers_of_any_size(measure: Measure, dtype: torch.dtype) -> None:
    logits, classes = torch.eye(4, 5), torch.tensor([0, 1, 2, 4])
    assert_identical(measure(logits, classes.to(dtype)), measure(logits, classes))


@many
@pytest.mark.parametrize(
    ("logits", "classes"),
    [
        ((3, 4), (3, 1)),
        ((3, 4), (3, 4)),
        ((3, 4), (4,)),
        ((3,), (3,)),
        ((3, 4, 2), (3, 2)),
        ((3, 4), ()),
        ((3, 4), (1,)),
    ],
)
def test_logits_are_a_row_a_sample_and_classes_a_number(
    measure: Measure, logits: tuple[int, ...], classes: tuple[int, ...]
) -> None:
    with pytest.raises(
        ValueError, match=r"logits and classes must have shapes \(n, k\) and \(n,\)"
    ) as error:
        measure(torch.ones(logits), torch.ones(classes).long())
    assert str(error.value).endswith(f"got {logits} and {classes}")


@many
@pytest.mark.parametrize(
    ("logits", "classes", "message"),
    [
        ([[1.0]], torch.tensor([0]), "logits must be a torch.Tensor, got .*[(]list[)]"),
        (torch.ones(1, 1), [0], "classes must be a torch.Tensor, got .*[(]list[)]"),
        (
            torch.ones(1, 1).long(),
            torch.tensor([0]),
            "logits must be a floating-point tensor, got torch.int64",
        ),
        *(
            (
                torch.ones(1, 1),
                torch.tensor([0]).to(dtype),
                f"classes must be a tensor of integers, got {dtype}",
            )
            for dtype in (torch.float32, torch.float64, torch.bool, torch.complex64)
        ),
    ],
)
def test_logits_are_floats_and_classes_integers(
    measure: Measure, logits: Any, classes: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        measure(logits, classes)


@many
@pytest.mark.parametrize("outside", [-100, -1, 3, 10**12])
def test_a_class_that_no_logit_stands_for_is_named(measure: Measure, outside: int) -> None:
    message = (
        f"^classes must be from 0 to 2, as there are 3 logits a sample, got {outside}$"
    )
    with pytest.raises(ValueError, match=message):
        measure(torch.ones(4, 3), torch.tensor([0, 2, outside, 1]))


@many
def test_what_else_torch_refuses_stays_its_own(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gather(*arguments: Any) -> Tensor:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Tensor, "gather", gather)
    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        measure(torch.ones(2, 3), torch.tensor([0, 1]))


def test_that_classes_are_in_range_costs_no_operation() -> None:
    logits, classes = torch.ones(2, 3), torch.tensor([0, 1])

    def by_hand() -> Tensor:
        return (-logits.log_softmax(1).gather(1, classes.unsqueeze(1)).squeeze(1)).mean()

    ours = count_operations(lambda: cross_entropy(logits, classes))
    assert ours == count_operations(by_hand)
    shares = count_operations(lambda: accuracy(logits, classes))
    assert not {"_local_scalar_dense", "is_nonzero"} & (ours | shares).keys()  # no wait
