"""The checks that several modules share."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    mean_squared_error,
    sweep,
)
from groundup import _checks as checks
from tests.helpers import seeded

NO_INTEGERS = [
    True,
    False,
    np.bool_(True),
    2.0,
    2.5,
    math.nan,
    "2",
    None,
    np.float64(2),
    torch.tensor(2),
]
NO_NUMBERS = [True, np.bool_(False), "0.1", None, 1j, [0.1], torch.tensor(0.1)]


@pytest.mark.parametrize("value", NO_INTEGERS, ids=repr)
def test_a_count_is_an_integer(value: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"^n must be an integer, got {re.escape(repr(value))}"
    ):
        checks.check_count("n", value, minimum=0)


@pytest.mark.parametrize(("value", "minimum"), [(-1, 0), (0, 1), (np.int64(1), 2)])
def test_a_count_reaches_its_minimum(value: int, minimum: int) -> None:
    with pytest.raises(ValueError, match=rf"^n must be at least {minimum}, got {value}$"):
        checks.check_count("n", value, minimum)
    checks.check_count("n", minimum, minimum)


@pytest.mark.parametrize(
    "check",
    [checks.check_finite, checks.check_not_negative, checks.check_learning_rate],
)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a_number_is_a_real_number(check: Callable[[str, Any], None], value: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"^x must be a number, got {re.escape(repr(value))}"
    ):
        check("x", value)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.float32(math.nan), 10**400]
)
def test_a_finite_number_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match=f"^x must be finite, got {value}$"):
        checks.check_finite("x", value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_what_must_not_be_negative_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match=f"^x must be finite, got {value}$"):
        checks.check_not_negative("x", value)


@pytest.mark.parametrize("value", [-1, -1e-300, np.float32(-0.5), Fraction(-1, 3)])
def test_what_must_not_be_negative_may_be_zero(value: float) -> None:
    with pytest.raises(ValueError, match=f"^x must not be negative, got {value}$"):
        checks.check_not_negative("x", value)
    checks.check_not_negative("x", 0)
    checks.check_not_negative("x", -0.0)


@pytest.mark.parametrize(
    "value", [0, 0.0, -0.0, -0.1, math.nan, math.inf, -math.inf, np.float32(-1), 10**400]
)
def test_a_learning_rate_is_positive_and_finite(value: float) -> None:
    with pytest.raises(
        ValueError, match=f"^rate must be positive and finite, got {value}$"
    ):
        checks.check_learning_rate("rate", value)


@pytest.mark.parametrize("number", [int, np.int32, np.int64, np.uint8])
def test_every_kind_of_integer_is_a_count(number: Callable[[int], int]) -> None:
    checks.check_count("n", number(3), minimum=3)


@pytest.mark.parametrize("number", [int, float, np.float32, np.float64, np.int64])
def test_every_kind_of_real_number_is_a_number(number: Callable[[int], float]) -> None:
    checks.check_finite("x", number(3))
    checks.check_not_negative("x", number(3))
    checks.check_learning_rate("x", number(3))


@pytest.mark.parametrize(
    "value", [0, 1, "True", None, np.bool_(True), torch.tensor(True)], ids=repr
)
def test_a_flag_is_true_or_false(value: Any) -> None:
    got = re.escape(f"{value!r} ({type(value).__name__})")
    with pytest.raises(TypeError, match=f"^x must be True or False, got {got}$"):
        checks.check_flag("x", value)
    checks.check_flag("x", True)
    checks.check_flag("x", False)


@pytest.mark.parametrize("value", [0, "0", torch.Generator])
def test_a_generator_is_a_generator_or_none(value: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"^generator must be .* or None, got {re.escape(repr(value))}"
    ):
        checks.check_generator(value)
    checks.check_generator(None)
    checks.check_generator(torch.Generator())


@pytest.mark.parametrize("value", [[1.0], np.ones(1), None, 1.0], ids=repr)
def test_a_tensor_is_a_tensor(value: Any) -> None:
    got = re.escape(f"{value!r} ({type(value).__name__})")
    with pytest.raises(TypeError, match=rf"^z must be a torch.Tensor, got {got}$"):
        checks.check_tensor("z", value)


@pytest.mark.parametrize(
    ("one", "other"), [((3,), (3, 1)), ((3, 1), (1, 3)), ((), (1,)), ((0, 1), (0, 2))]
)
def test_tensors_of_other_shapes_are_refused_by_the_names_that_they_were_given(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    message = re.escape(f"a and b must have the same shape, got {one} and {other}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        checks.check_same_shape(a=torch.ones(one), b=torch.ones(other))
    checks.check_same_shape(a=torch.ones(one), b=torch.zeros(one))


@pytest.mark.parametrize("name", ["a", "b"])
def test_shapes_are_compared_of_tensors_only(name: str) -> None:
    arguments: dict[str, Any] = {"a": torch.ones(1), "b": torch.ones(1)} | {name: [1.0]}
    message = re.escape(f"{name} must be a torch.Tensor, got [1.0] (list)")
    with pytest.raises(TypeError, match=f"^{message}$"):
        checks.check_same_shape(**arguments)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ([[1.0]], torch.ones(1), TypeError, "X must be a torch.Tensor, got .*[(]list[)]"),
        (
            torch.ones(1),
            np.ones(1),
            TypeError,
            "y must be a torch.Tensor, got .*[(]ndarray[)]",
        ),
        (
            torch.tensor(1.0),
            torch.ones(1),
            ValueError,
            r"X must have a dimension of samples, .* shape \(\)",
        ),
        (
            torch.ones(1),
            torch.tensor(1.0),
            ValueError,
            r"y must have a dimension of samples, .* shape \(\)",
        ),
        (
            torch.ones(3, 2),
            torch.ones(4, 1),
            ValueError,
            "X and y must be of the same length, got 3 and 4 samples",
        ),
        (
            torch.ones(0, 2),
            torch.ones(0, 1),
            ValueError,
            "X and y must hold at least one sample, got 0",
        ),
    ],
)
def test_samples_are_as_many_features_as_targets(
    X: Any, y: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        checks.check_samples(X, y)


@pytest.mark.parametrize("name", ["X", "y"])
@pytest.mark.parametrize("train", ["NaiveTrainer", "sweep"])
def test_data_that_requires_gradients_is_refused_by_whatever_trains(
    name: str, train: str
) -> None:
    data = {"X": torch.ones(3, 2), "y": torch.ones(3, 1)}
    data[name] = (2 * data[name].requires_grad_()).tanh()
    model = LinearRegression(2, seeded())
    config = NaiveTrainerConfig(3, 0.1)
    run: dict[str, Callable[[], object]] = {
        "NaiveTrainer": lambda: NaiveTrainer(
            model, mean_squared_error, **data, config=config
        ),
        "sweep": lambda: sweep(
            model, mean_squared_error, **data, learning_rates=[1], epochs=3
        ),
    }
    with pytest.raises(
        ValueError, match=f"^{name} must not require gradients, got a tensor"
    ):
        run[train]()


@pytest.mark.parametrize(
    ("model", "loss", "error", "message"),
    [
        (
            len,
            mean_squared_error,
            TypeError,
            "model must be a torch.nn.Module, got <built-in function len>",
        ),
        (
            nn.Linear,
            mean_squared_error,
            TypeError,
            "model must be a torch.nn.Module, got <class .*Linear",
        ),
        (
            nn.Tanh(),
            mean_squared_error,
            ValueError,
            "model must have a parameter that requires .*, got Tanh with none",
        ),
        (
            nn.Linear(1, 1).requires_grad_(False),
            mean_squared_error,
            ValueError,
            "model must .*, got Linear with none",
        ),
        (
            nn.Linear(1, 1),
            "mse",
            TypeError,
            "loss must be callable as .*, got 'mse' \\(str\\)",
        ),
    ],
)
def test_what_can_be_trained_is_a_module_and_a_loss(
    model: Any, loss: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        checks.check_trainable(model, loss)


def test_a_description_gives_a_value_and_its_type() -> None:
    assert checks.describe(Fraction(1, 2)) == "Fraction(1, 2) (Fraction)"


def test_a_description_of_a_long_value_is_short() -> None:
    description = checks.describe(list(range(10_000)))
    assert description.endswith("(list)")
    assert len(description) < 60


@pytest.mark.parametrize("error", [TypeError, NotImplementedError])
def test_a_loader_that_cannot_tell_its_length_has_none(error: type[Exception]) -> None:
    class Endless:
        def __len__(self) -> int:
            raise error

    assert checks.length_of(Endless()) is None
    assert checks.length_of(iter([])) is None
    assert checks.length_of([]) == 0
    assert checks.length_of([1, 2]) == 2


def test_another_error_in_a_loaders_length_is_not_swallowed() -> None:
    class Broken:
        def __len__(self) -> int:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match=r"^broken$"):
        checks.length_of(Broken())
