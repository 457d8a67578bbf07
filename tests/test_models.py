"""LinearRegression, LogisticRegression and MLP; the layers Linear and Dropout."""

import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from groundup import (
    MLP,
    Dropout,
    Linear,
    LinearRegression,
    LogisticRegression,
    count_operations,
)
from tests.helpers import assert_identical, global_random_state_untouched, seeded, values
from tests.strategies import seeds, sizes

MODELS = [
    lambda generator=None: LinearRegression(3, generator),
    lambda generator=None: LogisticRegression(3, generator),
    lambda generator=None: MLP(3, 4, generator),
    lambda generator=None: Linear(3, 2, generator),
]
MakeModel = Callable[..., nn.Module]
each = pytest.mark.parametrize(
    "make_model", MODELS, ids=["LinearRegression", "LogisticRegression", "MLP", "Linear"]
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


@given(seed=seeds, shape=st.lists(sizes, max_size=2), inputs=sizes, outputs=sizes)
def test_a_linear_layer_is_torchs(
    seed: int, shape: list[int], inputs: int, outputs: int
) -> None:
    generator = seeded(seed)
    ours, theirs = Linear(inputs, outputs, generator), nn.Linear(inputs, outputs)
    with torch.no_grad():
        theirs.weight.copy_(ours.weight.T)
        theirs.bias.copy_(ours.bias)
    x = torch.randn(*shape, inputs, generator=generator)
    out = ours(x)
    torch.testing.assert_close(out, theirs(x))
    out.square().sum().backward()
    theirs(x).square().sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad.T)  # type: ignore[union-attr]
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


@given(seed=seeds, n=st.integers(0, 20), num_features=sizes, hidden=sizes)
def test_two_linear_layers_around_tanh_are_an_mlp_bit_for_bit(
    seed: int, n: int, num_features: int, hidden: int
) -> None:
    mlp, generator = MLP(num_features, hidden, seeded(seed)), seeded(seed)
    layers = nn.Sequential(
        Linear(num_features, hidden, generator), nn.Tanh(), Linear(hidden, 1, generator)
    )
    assert_identical(values(layers), values(mlp))
    X = torch.randn(n, num_features, generator=generator)
    assert_identical(layers(X), mlp(X))


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
    layer = [(name, tuple(p.shape)) for name, p in Linear(3, 2).named_parameters()]
    assert layer == [("weight", (3, 2)), ("bias", (2,))]


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
    assert repr(Linear(3, 2, seeded())) == "Linear(inputs=3, outputs=2)"
    assert repr(Dropout(0.25, seeded())) == "Dropout(p=0.25)"


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
        (lambda: Linear(0, 2), ValueError, "inputs must be at least 1, got 0"),
        (lambda: Linear(2, 0), ValueError, "outputs must be at least 1, got 0"),
        (
            lambda: Linear(2, seeded()),  # type: ignore[arg-type]
            TypeError,
            r"outputs must be an integer, got .* \(Generator\)",
        ),
        (
            lambda: Linear(2, 3, 42),  # type: ignore[arg-type]
            TypeError,
            r"generator must be .* or None, got 42 \(int\)",
        ),
        (lambda: Dropout(1.0), ValueError, "p must be at least 0 and less than 1, got 1.0"),
        (
            lambda: Dropout(-0.1),
            ValueError,
            "p must be at least 0 and less than 1, got -0.1",
        ),
        (lambda: Dropout(math.nan), ValueError, "p must be finite, got nan"),
        (lambda: Dropout(True), TypeError, r"p must be a number, got True \(bool\)"),
        (
            lambda: Dropout(0.5, 42),  # type: ignore[arg-type]
            TypeError,
            r"generator must be .* or None, got 42 \(int\)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with global_random_state_untouched(), pytest.raises(error, match=f"^{message}$"):
        make()


# Dropout.

shares = st.sampled_from([0.0, 0.1, 0.5, 0.9]) | st.floats(0, 1, exclude_max=True)
dtypes = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])


@given(seed=seeds, p=shares, dtype=dtypes, shape=st.tuples(*[st.integers(1, 9)] * 2))
def test_dropout_is_torchs_from_the_same_random_state_bit_for_bit(
    seed: int, p: float, dtype: torch.dtype, shape: tuple[int, int]
) -> None:
    generator = seeded(seed)
    x = torch.randn(shape, generator=generator).to(dtype).T.requires_grad_()
    ours = Dropout(p, generator)
    with torch.random.fork_rng():
        torch.set_rng_state(generator.get_state())
        expected = [nn.Dropout(p)(x) for _ in range(2)]
        state = torch.get_rng_state()
    actual = [ours(x) for _ in range(2)]
    assert_identical(actual, expected)
    assert_identical(generator.get_state(), state)
    for out, other in zip(actual, expected, strict=True):
        assert out.stride() == other.stride()
        gradients = [torch.autograd.grad(y.sum(), x) for y in (out, other)]
        assert_identical(*gradients)


@given(seed=seeds, p=shares)
def test_without_a_generator_it_draws_from_torchs_as_torchs_does(
    seed: int, p: float
) -> None:
    x = torch.ones(4, 5)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        actual = Dropout(p)(x), torch.get_rng_state()
        torch.manual_seed(seed)
        expected = nn.Dropout(p)(x), torch.get_rng_state()
    assert_identical(actual, expected)


def test_a_dropout_of_its_own_generator_leaves_the_global_random_state() -> None:
    with global_random_state_untouched():
        Dropout(0.5, seeded())(torch.ones(9))


@given(p=shares)
def test_in_eval_all_pass_and_nothing_is_drawn(p: float) -> None:
    dropout, x = Dropout(p, seeded()).eval(), torch.randn(4, 5, generator=seeded())
    assert dropout(x) is x
    assert_identical(dropout.generator.get_state(), seeded().get_state())  # type: ignore[union-attr]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_a_share_p_is_dropped_and_the_mean_stays(p: float) -> None:
    out = Dropout(p, seeded())(torch.ones(100_000))
    assert (out == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert out.mean().item() == pytest.approx(1, abs=0.02)
    assert_identical(out.unique(), torch.tensor([0, 1 / (1 - p)]))


def test_dropout_dispatches_not_one_operation_more_than_torchs() -> None:
    ours, theirs, x = Dropout(0.5, seeded()), nn.Dropout(0.5), torch.ones(3)
    with torch.random.fork_rng():
        assert count_operations(lambda: ours(x)) == count_operations(lambda: theirs(x))


X = torch.ones(4, 16)


def network(seed: int = 0) -> nn.Sequential:
    """Two dropouts, each with a generator of its own."""
    generator = seeded(seed)
    return nn.Sequential(
        Linear(16, 16, generator),
        Dropout(0.5, seeded(seed + 1)),
        Linear(16, 8, generator),
        Dropout(0.25, seeded(seed + 2)),
    )


def pickled(module: nn.Module) -> Any:
    return pickle.loads(pickle.dumps(module))


def saved_and_loaded(module: nn.Module) -> nn.Module:
    """Another module, with the state that went through a file of tensors alone."""
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = network(seed=7)
    other.load_state_dict(torch.load(file, weights_only=True))
    return other


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, saved_and_loaded])
def test_a_copy_drops_what_the_original_drops_and_neither_disturbs_the_other(
    copied: Callable[[nn.Module], nn.Module],
) -> None:
    model, undisturbed = network(), network()
    for module in (model, undisturbed):
        module(X)
    twin = copied(model)
    expected = [undisturbed(X) for _ in range(3)]
    assert_identical([twin(X) for _ in range(3)], expected)
    assert_identical([model(X) for _ in range(3)], expected)
    assert not torch.equal(expected[0], expected[1])


def test_a_state_that_was_taken_does_not_go_on_with_the_module() -> None:
    model = network()
    state = model.state_dict()
    first = model(X)
    model.load_state_dict(state)
    assert_identical(model(X), first)


def test_layers_that_share_a_generator_draw_in_turn_and_share_it_in_a_copy() -> None:
    def sharing(generator: torch.Generator) -> nn.Sequential:
        return nn.Sequential(Dropout(0.5, generator), Dropout(0.5, generator))

    model, generator = sharing(seeded()), seeded()
    by_hand = Dropout(0.5, generator)
    assert_identical(model(X), by_hand(by_hand(X)))
    for twin in (copy.deepcopy(model), pickled(model)):
        assert twin[0].generator is twin[1].generator
    loaded = sharing(seeded(5))
    loaded.load_state_dict(model.state_dict())
    for module in (copy.deepcopy(model), pickled(model), loaded, model):
        go_on = copy.deepcopy(by_hand)
        assert_identical(module(X), go_on(go_on(X)))


def test_all_that_a_state_holds_is_tensors_with_or_without_a_generator() -> None:
    for dropout in (Dropout(0.5), Dropout(0.5, seeded())):
        (state,) = dropout.state_dict().values()
        assert isinstance(state, Tensor)
        assert (len(state) > 0) == (dropout.generator is not None)
        twin = copy.deepcopy(dropout)
        twin.load_state_dict({"_extra_state": state})


CPU_STATE, GPU_STATE = len(seeded().get_state()), 16


@pytest.mark.parametrize(
    ("generator", "size"), [(None, CPU_STATE), (seeded(), 0), (seeded(), GPU_STATE)]
)
def test_the_state_of_another_kind_of_generator_or_of_none_is_refused(
    generator: torch.Generator | None, size: int
) -> None:
    dropout = Dropout(0.5, generator)
    expected = CPU_STATE if generator else 0
    message = f"^dropout's random state must have {expected} bytes, got {size}: was it "
    with pytest.raises(ValueError, match=message):
        dropout.load_state_dict({"_extra_state": torch.zeros(size, dtype=torch.uint8)})


def test_what_is_dropped_is_drawn_where_the_generator_is() -> None:
    # The device without memory stands for any that the generator is not on.
    model, x = Dropout(0.5, seeded()), torch.ones(4, 5)
    out = model.to("meta")(x.to("meta"))
    assert (out.device.type, out.shape) == ("meta", (4, 5))
    twin = Dropout(0.5, seeded())
    twin(x)
    assert_identical(model(x), twin(x))
