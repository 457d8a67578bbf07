"""LinearRegression, LogisticRegression and MLP."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from groundup import MLP, LinearRegression, LogisticRegression
from tests.helpers import assert_identical, global_random_state_untouched, seeded, values
from tests.strategies import seeds, sizes

MODELS = [
    lambda generator=None: LinearRegression(3, generator),
    lambda generator=None: LogisticRegression(3, generator),
    lambda generator=None: MLP(3, 4, generator),
]
MakeModel = Callable[..., nn.Module]
each = pytest.mark.parametrize(
    "make_model", MODELS, ids=["LinearRegression", "LogisticRegression", "MLP"]
)


@given(seed=seeds, n=st.integers(0, 20), num_features=sizes)
def test_a_linear_regression_is_torchs_linear_layer(
    seed: int, n: int, num_features: int
) -> None:
    generator = seeded(seed)
    model = LinearRegression(num_features, generator)
    nn.init.normal_(model.bias, generator=generator)
    X = torch.randn(n, num_features, generator=generator)
    torch.testing.assert_close(model(X), F.linear(X, model.weights.T, model.bias))


@given(seed=seeds, n=st.integers(0, 20), num_features=sizes, hidden=sizes)
def test_an_mlp_is_two_of_torchs_linear_layers_around_tanh(
    seed: int, n: int, num_features: int, hidden: int
) -> None:
    generator = seeded(seed)
    model = MLP(num_features, hidden, generator)
    X = torch.randn(n, num_features, generator=generator)
    hidden_layer = torch.tanh(F.linear(X, model.hidden_weights.T, model.hidden_bias))
    torch.testing.assert_close(
        model(X), F.linear(hidden_layer, model.weights.T, model.bias)
    )


@given(seed=seeds, num_features=sizes)
def test_a_linear_regression_starts_from_standard_normal_weights_and_no_bias(
    seed: int, num_features: int
) -> None:
    model = LinearRegression(num_features, seeded(seed))
    assert_identical(
        values(model),
        (torch.randn(num_features, 1, generator=seeded(seed)), torch.zeros(1)),
    )


@given(seed=seeds, n=st.integers(0, 20), num_features=sizes)
def test_a_logistic_regression_gives_the_logits_of_the_same_linear_model(
    seed: int, n: int, num_features: int
) -> None:
    model = LogisticRegression(num_features, seeded(seed))
    linear = LinearRegression(num_features, seeded(seed))
    assert_identical(values(model), values(linear))
    X = torch.randn(n, num_features, generator=seeded(seed + 1))
    assert_identical(model(X), linear(X))
    assert model(X).shape == (n, 1)


def test_its_sigmoid_is_the_logistic_function_of_the_linear_one() -> None:
    model = LogisticRegression(2, seeded())
    with torch.no_grad():
        model.weights.copy_(torch.tensor([[2.0], [-1.0]]))
        model.bias.fill_(0.5)
    X = torch.tensor([[1.0, 3.0], [0.0, 0.0], [-0.5, -2.0]])
    expected = [[1 / (1 + math.exp(-(2 * a - b + 0.5)))] for a, b in X.tolist()]
    torch.testing.assert_close(torch.sigmoid(model(X)), torch.tensor(expected))


def test_an_mlp_starts_as_torchs_linear_layers_do() -> None:
    num_features, hidden = 4, 10_000
    model = MLP(num_features, hidden, seeded())
    for p, inputs in zip(
        model.parameters(), [num_features, num_features, hidden, hidden], strict=True
    ):
        assert p.abs().max() <= 1 / math.sqrt(inputs)
        if (
            p.numel() >= hidden
        ):  # a uniform distribution between ±bound has the variance bound² / 3
            assert p.std().item() == pytest.approx(1 / math.sqrt(3 * inputs), rel=0.02)
            assert abs(p.mean().item()) < 0.02 / math.sqrt(inputs)


def test_parameters_come_layer_by_layer_in_the_documented_shapes() -> None:
    linear = [
        (name, tuple(p.shape))
        for name, p in LinearRegression(3, seeded()).named_parameters()
    ]
    logistic = [
        (name, tuple(p.shape))
        for name, p in LogisticRegression(3, seeded()).named_parameters()
    ]
    assert linear == logistic == [("weights", (3, 1)), ("bias", (1,))]
    mlp = [(name, tuple(p.shape)) for name, p in MLP(3, 4, seeded()).named_parameters()]
    assert mlp == [
        ("hidden_weights", (3, 4)),
        ("hidden_bias", (4,)),
        ("weights", (4, 1)),
        ("bias", (1,)),
    ]


@each
def test_every_parameter_learns(make_model: MakeModel) -> None:
    model = make_model(seeded())
    model(torch.ones(2, 3)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@each
def test_a_seed_gives_the_same_model(make_model: MakeModel) -> None:
    assert_identical(values(make_model(seeded(3))), values(make_model(seeded(3))))
    assert not torch.equal(
        values(make_model(seeded(3)))[0], values(make_model(seeded(4)))[0]
    )


@each
def test_a_given_generator_leaves_the_global_random_state(make_model: MakeModel) -> None:
    with global_random_state_untouched():
        make_model(seeded())


@each
def test_no_generator_is_the_global_one(make_model: MakeModel) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        from_global = values(make_model())
    assert_identical(from_global, values(make_model(seeded(7))))


def test_printed_models_name_their_sizes() -> None:
    assert repr(LinearRegression(3, seeded())) == "LinearRegression(num_features=3)"
    assert repr(LogisticRegression(3, seeded())) == "LogisticRegression(num_features=3)"
    assert repr(MLP(3, 4, seeded())) == "MLP(num_features=3, hidden=4)"


def test_numpy_integers_are_integers() -> None:
    three: Any = np.int64(3)
    four: Any = np.int32(4)
    assert_identical(values(MLP(three, four, seeded())), values(MLP(3, 4, seeded())))
    assert_identical(
        values(LinearRegression(three, seeded())), values(LinearRegression(3, seeded()))
    )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LinearRegression(0), ValueError, "num_features must be at least 1, got 0"),
        (
            lambda: LinearRegression(True),
            TypeError,
            r"num_features must be an integer, got True \(bool\)",
        ),
        (
            lambda: LinearRegression(2.0),  # type: ignore[arg-type]
            TypeError,
            r"num_features must be an integer, got 2.0 \(float\)",
        ),
        (
            lambda: LinearRegression(2, 42),  # type: ignore[arg-type]
            TypeError,
            r"generator must be .* or None, got 42 \(int\)",
        ),
        (
            lambda: LogisticRegression(0),
            ValueError,
            "num_features must be at least 1, got 0",
        ),
        (
            lambda: LogisticRegression(4, 42),  # type: ignore[arg-type]
            TypeError,
            r"generator must be .* or None, got 42 \(int\)",
        ),
        (lambda: MLP(-1, 4), ValueError, "num_features must be at least 1, got -1"),
        (
            lambda: MLP("2", 4),  # type: ignore[arg-type]
            TypeError,
            r"num_features must be an integer, got '2' \(str\)",
        ),
        (lambda: MLP(2, 0), ValueError, "hidden must be at least 1, got 0"),
        (
            lambda: MLP(2, None),  # type: ignore[arg-type]
            TypeError,
            r"hidden must be an integer, got None \(NoneType\)",
        ),
        (
            lambda: MLP(2, 4, "seed"),  # type: ignore[arg-type]
            TypeError,
            r"generator must be .* or None, got 'seed' \(str\)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with global_random_state_untouched(), pytest.raises(error, match=f"^{message}$"):
        make()
