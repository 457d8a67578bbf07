"""make_regression."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup import make_regression
from tests.helpers import assert_identical, global_random_state_untouched, seeded
from tests.strategies import noises, seeds, sizes


@given(
    seed=seeds,
    num_samples=st.integers(1, 40),
    num_features=sizes,
    noise=noises,
    bias=st.floats(-10, 10),
)
def test_the_data_are_features_then_weights_then_noise_in_the_order_of_drawing(
    seed: int, num_samples: int, num_features: int, noise: float, bias: float
) -> None:
    generator = seeded(seed)
    X = torch.randn(num_samples, num_features, generator=generator)
    weights = torch.randn(num_features, 1, generator=generator)
    epsilon = torch.randn(num_samples, 1, generator=generator)
    data = make_regression(num_samples, num_features, noise, seeded(seed), bias=bias)
    assert_identical(data, (X, X @ weights + bias + noise * epsilon))


@given(seed=seeds, num_samples=st.integers(1, 40), num_features=sizes)
def test_given_weights_are_not_drawn(
    seed: int, num_samples: int, num_features: int
) -> None:
    weights = torch.arange(1.0, num_features + 1).unsqueeze(1)
    generator = seeded(seed)
    X = torch.randn(num_samples, num_features, generator=generator)
    epsilon = torch.randn(num_samples, 1, generator=generator)
    data = make_regression(
        num_samples, num_features, 0.5, seeded(seed), weights=weights, bias=2.0
    )
    assert_identical(data, (X, X @ weights + 2.0 + 0.5 * epsilon))


@given(seed=seeds, num_samples=st.integers(1, 40), noise=noises, other=noises)
def test_another_noise_gives_the_same_features_and_leaves_the_generator_at_the_same_place(
    seed: int, num_samples: int, noise: float, other: float
) -> None:
    generator, twin = seeded(seed), seeded(seed)
    X, _ = make_regression(num_samples, 2, noise, generator)
    X_twin, _ = make_regression(num_samples, 2, other, twin)
    assert_identical(X, X_twin)
    assert_identical(generator.get_state(), twin.get_state())


def test_without_noise_the_targets_are_the_linear_relation() -> None:
    weights = torch.tensor([[1.0], [-2.0]])
    X, y = make_regression(10, 2, noise=0, generator=seeded(), weights=weights, bias=3.0)
    assert_identical(y, X @ weights + 3.0)


def test_noise_is_the_standard_deviation_around_the_relation() -> None:
    weights = torch.zeros(1, 1)
    _, y = make_regression(
        100_000, 1, noise=0.5, generator=seeded(), weights=weights, bias=-1.0
    )
    assert y.mean().item() == pytest.approx(-1.0, abs=0.01)
    assert y.std().item() == pytest.approx(0.5, abs=0.01)


def test_features_are_standard_normal() -> None:
    X, _ = make_regression(100_000, 2, generator=seeded())
    torch.testing.assert_close(X.T.cov(), torch.eye(2), rtol=0, atol=0.02)
    torch.testing.assert_close(X.mean(dim=0), torch.zeros(2), rtol=0, atol=0.02)


def test_noise_is_a_tenth_unless_it_is_given() -> None:
    assert_identical(
        make_regression(5, 2, generator=seeded()), make_regression(5, 2, 0.1, seeded())
    )


def test_a_given_generator_leaves_the_global_random_state() -> None:
    with global_random_state_untouched():
        make_regression(20, 3, generator=seeded())


def test_no_generator_is_the_global_one() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        from_global = make_regression(20, 3)
    assert_identical(from_global, make_regression(20, 3, generator=seeded(7)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_data_take_on_the_dtype_of_the_weights(dtype: torch.dtype) -> None:
    X, y = make_regression(5, 2, generator=seeded(), weights=torch.ones(2, 1, dtype=dtype))
    assert X.dtype == y.dtype == dtype


def test_without_weights_the_data_have_the_default_dtype() -> None:
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        X, y = make_regression(5, 2, generator=seeded())
    finally:
        torch.set_default_dtype(default)
    assert X.dtype == y.dtype == torch.float64


def test_data_of_weights_that_require_gradients_do_not() -> None:
    weights = torch.ones(2, 1, requires_grad=True)
    _, y = make_regression(5, 2, generator=seeded(), weights=weights)
    assert not y.requires_grad


def test_numpy_numbers_are_numbers() -> None:
    data = make_regression(
        np.int64(5), np.int32(2), np.float64(0.5), seeded(), bias=np.float64(1)
    )
    assert_identical(data, make_regression(5, 2, 0.5, seeded(), bias=1.0))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"num_samples": 0}, ValueError, "num_samples must be at least 1, got 0"),
        (
            {"num_samples": 1.5},
            TypeError,
            r"num_samples must be an integer, got 1.5 \(float\)",
        ),
        (
            {"num_samples": True},
            TypeError,
            r"num_samples must be an integer, got True \(bool\)",
        ),
        ({"num_features": 0}, ValueError, "num_features must be at least 1, got 0"),
        ({"num_features": -2}, ValueError, "num_features must be at least 1, got -2"),
        (
            {"num_features": "3"},
            TypeError,
            r"num_features must be an integer, got '3' \(str\)",
        ),
        ({"noise": -0.1}, ValueError, "noise must not be negative, got -0.1"),
        ({"noise": math.nan}, ValueError, "noise must be finite, got nan"),
        ({"noise": math.inf}, ValueError, "noise must be finite, got inf"),
        ({"noise": True}, TypeError, r"noise must be a number, got True \(bool\)"),
        ({"noise": "0.1"}, TypeError, r"noise must be a number, got '0.1' \(str\)"),
        ({"bias": -math.inf}, ValueError, "bias must be finite, got -inf"),
        ({"bias": None}, TypeError, r"bias must be a number, got None \(NoneType\)"),
        (
            {"generator": 0},
            TypeError,
            r"generator must be a torch.Generator or None, got 0 \(int\)",
        ),
        (
            {"weights": [[1.0], [2.0]]},
            TypeError,
            "weights must be a torch.Tensor, got .*[(]list[)]",
        ),
        (
            {"weights": torch.ones(2, 1).long()},
            TypeError,
            "weights must be a floating-point tensor, got torch.int64",
        ),
        (
            {"weights": torch.ones(2)},
            ValueError,
            r"weights must have shape \(2, 1\), got \(2,\)",
        ),
        (
            {"weights": torch.ones(1, 2)},
            ValueError,
            r"weights must have shape \(2, 1\), got \(1, 2\)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value_before_anything_is_drawn(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"num_samples": 5, "num_features": 2, "generator": seeded()} | changed
    with global_random_state_untouched(), pytest.raises(error, match=f"^{message}$"):
        make_regression(**arguments)
    if "generator" not in changed:
        assert_identical(arguments["generator"].get_state(), seeded().get_state())
