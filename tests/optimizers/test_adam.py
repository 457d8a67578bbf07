"""Adam and AdamW: torch's, the paper's, and what tells them apart."""

import copy
import inspect
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from groundup import (
    MLP,
    SGD,
    Adam,
    AdamRecipe,
    AdamW,
    AdamWRecipe,
    Optimizer,
    count_operations,
)
from tests.helpers import assert_identical, seeded, values
from tests.optimizers.penguins import furthest, network, train, trained
from tests.strategies import seeds

KINDS = [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)]
kinds = pytest.mark.parametrize(("ours", "theirs"), KINDS, ids=["Adam", "AdamW"])
decays = pytest.mark.parametrize("weight_decay", [0.0, 0.3])
variants = pytest.mark.parametrize("foreach", [False, True], ids=["for-loop", "foreach"])
Kind = Any


@kinds
@decays
@variants
def test_five_hundred_steps_are_torchs_bit_for_bit(
    ours: Kind, theirs: Any, weight_decay: float, foreach: bool
) -> None:
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": weight_decay}
    expected = trained(theirs, **options, foreach=foreach)
    assert_identical(trained(ours, **options), expected)
    assert furthest(expected, values(network())) > 0.4  # it went somewhere


@kinds
@decays
def test_torchs_fused_kernels_differ_in_the_last_digits_alone(
    ours: Kind, theirs: Any, weight_decay: float
) -> None:
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": weight_decay}
    fused = trained(theirs, **options, fused=True)
    assert furthest(trained(ours, **options), fused) < 5e-7


class Paper(Optimizer):
    """Adam as its authors wrote it, and AdamW as its own did."""

    def _update(
        self, p: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        (b1, b2), t = group["betas"], state.get("t", 0) + 1
        if not group["beside"]:
            gradient = gradient + group["weight_decay"] * p
        m = b1 * state.get("m", 0) + (1 - b1) * gradient
        v = b2 * state.get("v", 0) + (1 - b2) * gradient**2
        state |= {"t": t, "m": m, "v": v}
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        if group["beside"]:
            p *= 1 - group["lr"] * group["weight_decay"]
        p -= group["lr"] * m_hat / (v_hat**0.5 + group["eps"])


@kinds
@decays
def test_five_hundred_steps_are_those_of_the_papers_formulas(
    ours: Kind, theirs: Any, weight_decay: float
) -> None:
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": weight_decay}
    paper = trained(Paper, **options, betas=(0.9, 0.999), eps=1e-8, beside=ours is AdamW)
    assert furthest(trained(ours, **options), paper) < 5e-7


@given(
    seed=seeds,
    lr=st.floats(1e-4, 1.0),
    betas=st.tuples(st.floats(0, 0.99), st.floats(0, 0.999)),
    eps=st.floats(1e-10, 1.0),
    weight_decay=st.just(0.0) | st.floats(1e-4, 1.0),
    kind=st.sampled_from(KINDS),
)
def test_a_few_steps_are_torchs_bit_for_bit_whatever_the_options(
    seed: int, kind: tuple[Any, Any], **options: Any
) -> None:
    generator = seeded(seed)
    start = torch.randn(3, 2, generator=generator)
    gradients = [torch.randn(3, 2, generator=generator) * 10.0**i for i in (-6, 0, 6, 2)]

    def moved(make: Any, **more: Any) -> Tensor:
        p = start.clone().requires_grad_()
        optimizer = make([p], **options, **more)
        for gradient in gradients:
            p.grad = gradient.clone()
            optimizer.step()
            assert_identical(p.grad, gradient)  # and the gradient is left alone
        return p.detach()

    ours, theirs = kind
    assert_identical(moved(ours), moved(theirs, foreach=False))


@kinds
def test_arguments_and_defaults_are_torchs(ours: Kind, theirs: Any) -> None:
    names, others = (inspect.signature(kind).parameters for kind in (ours, theirs))
    assert list(names) == list(others)[: len(names)]
    for name, parameter in names.items():
        assert parameter.default == others[name].default, name


@kinds
@variants
def test_a_run_is_handed_to_torch_and_back_bit_for_bit(
    ours: Kind, theirs: Any, foreach: bool
) -> None:
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1}
    expected = trained_on([theirs, theirs, theirs], options, foreach)
    assert_identical(trained_on([ours, theirs, ours], options, foreach), expected)


def trained_on(
    hands: list[Any], options: dict[str, Any], foreach: bool
) -> tuple[Tensor, ...]:
    """Return the parameters after thirty steps in the hands of each optimizer."""
    model, state = network(), None
    for kind in hands:
        more = {} if kind in (Adam, AdamW) else {"foreach": foreach}
        # From the second on, options come with the state.
        optimizer = kind(model.parameters(), **(options if state is None else {}), **more)
        if state is not None:
            optimizer.load_state_dict(state)
        result = train(model, optimizer, 30)
        state = copy.deepcopy(optimizer.state_dict())
    return result


@kinds
def test_the_state_has_the_names_shapes_and_numbers_of_torchs(
    ours: Kind, theirs: Any
) -> None:
    states = []
    for kind in (ours, theirs):
        model = network()
        optimizer = kind(model.parameters())
        train(model, optimizer, 3)
        states.append(optimizer.state_dict())
    assert_identical(states[0]["state"], states[1]["state"])
    (group,), (other,) = (state["param_groups"] for state in states)
    assert group.items() <= other.items()


@kinds
def test_groups_have_rates_betas_and_decays_of_their_own(ours: Kind, theirs: Any) -> None:
    def groups(model: MLP) -> list[dict[str, Any]]:
        matrices = [p for p in model.parameters() if p.dim() == 2]
        others = [p for p in model.parameters() if p.dim() < 2]
        return [
            {"params": matrices, "weight_decay": 0.2},
            {"params": others[:1], "lr": 0.1, "weight_decay": 0.0},
            {"params": others[1:], "betas": (0.5, 0.9), "eps": 1e-3},
        ]

    results = []
    for kind, more in ((ours, {}), (theirs, {"foreach": False})):
        model = network()
        results.append(train(model, kind(groups(model), lr=0.02, **more), 20))
    assert_identical(*results)


@kinds
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_are_torchs_bit_for_bit_too(
    ours: Kind, theirs: Any, dtype: torch.dtype
) -> None:
    def moved(kind: Any, **more: Any) -> Tensor:
        p = torch.linspace(-1, 1, 7, dtype=dtype, requires_grad=True)
        optimizer = kind([p], lr=0.1, weight_decay=0.1, **more)
        for _ in range(20):
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()
        assert optimizer.state[p]["exp_avg"].dtype == dtype
        return p.detach()

    assert_identical(moved(ours), moved(theirs, foreach=False))


# What it does.


def test_the_first_step_is_the_rate_however_steep_the_loss() -> None:
    p = torch.zeros(3, requires_grad=True)
    p.grad = torch.tensor([1e4, 1e-4, -7.0])
    Adam([p], lr=0.5).step()
    torch.testing.assert_close(
        p.detach(), torch.tensor([-0.5, -0.5, 0.5]), rtol=2e-4, atol=0
    )


def test_decay_beside_the_gradient_shrinks_by_a_share_and_decay_inside_it_by_the_rate() -> (
    None
):
    def shrunk(kind: Kind) -> list[float]:
        p = torch.tensor([1.0, 100.0], requires_grad=True)
        p.grad = torch.zeros(2)
        kind([p], lr=0.5, weight_decay=0.5).step()
        return p.tolist()

    assert shrunk(AdamW) == [0.75, 75.0]
    assert shrunk(Adam) == pytest.approx([0.5, 99.5])


@kinds
@decays
def test_a_step_asks_for_nine_operations_and_no_more_than_torchs_for_loop(
    ours: Kind, theirs: Any, weight_decay: float
) -> None:
    def asked(kind: Any, **more: Any) -> int:
        p = torch.ones(2, requires_grad=True)
        optimizer = kind([p], weight_decay=weight_decay, **more)
        p.grad = torch.ones(2)
        optimizer.step()
        return count_operations(optimizer.step).total()

    # Count, average, squares (2), count as a number, root (3), move; and the decay.
    assert asked(ours) == 9 + (weight_decay > 0)
    assert asked(ours) <= asked(theirs, foreach=False)


def test_the_count_of_steps_is_a_tensor_and_the_moments_are_made_like_the_parameter() -> (
    None
):
    p = torch.ones(2, 3).t().requires_grad_()
    p.grad = torch.ones(3, 2)
    optimizer = Adam([p])
    optimizer.step()
    state = optimizer.state[p]
    assert_identical(state["step"], torch.tensor(1.0))
    assert state["exp_avg"].stride() == p.stride()
    assert not state["exp_avg_sq"].requires_grad


def test_a_compiled_steps_arithmetic_is_the_same_to_rounding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def moved() -> tuple[Tensor, ...]:
        model = network()
        return train(model, AdamW(model.parameters(), lr=0.01), 100)

    expected = moved()
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert furthest(moved(), expected) < 5e-7


# State of another kind.


def state_of(kind: Any, **options: Any) -> dict[str, Any]:
    model = network()
    optimizer = kind(model.parameters(), **options)
    train(model, optimizer, 1)
    state: dict[str, Any] = optimizer.state_dict()
    return state


@pytest.mark.parametrize(
    ("kind", "state", "message"),
    [
        (Adam, state_of(AdamW), "state_dict must be that of Adam, whose decoupled_w"),
        (Adam, state_of(torch.optim.AdamW), "state_dict must be that of Adam, whose d"),
        (AdamW, state_of(Adam), "state_dict must be that of AdamW, whose decoupled_w"),
        (AdamW, state_of(torch.optim.Adam), "state_dict must be that of AdamW, whose d"),
        (AdamW, state_of(SGD, lr=0.1), "state_dict must be that of AdamW, got one "),
        (SGD, state_of(Adam), "state_dict must be that of SGD, got one without"),
        (Adam, state_of(torch.optim.Adam, amsgrad=True), "Adam has no option 'amsgrad'"),
        (Adam, state_of(torch.optim.Adam, maximize=True), "Adam has no option 'maximize'"),
    ],
)
def test_the_state_of_another_kind_is_refused(
    kind: Any, state: Mapping[str, Any], message: str
) -> None:
    model = network()
    optimizer = kind(model.parameters(), lr=0.5)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.state_dict()["state"] == {}


def test_a_moment_of_another_shape_is_refused() -> None:
    state = state_of(Adam)
    state["state"][0]["exp_avg_sq"] = torch.ones(3)
    with pytest.raises(ValueError, match=r"^'exp_avg_sq' must have its parameter's shape"):
        Adam(network().parameters()).load_state_dict(state)


def test_numpys_betas_can_be_saved_and_loaded_as_weights_only(tmp_path: Path) -> None:
    options: dict[str, Any] = {"betas": (np.float64(0.5), np.float32(0.5))}
    torch.save(state_of(Adam, **options), tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert loaded["param_groups"][0]["betas"] == (0.5, 0.5)


# Options out of range.

BAD = [
    ({"betas": (1.0, 0.9)}, ValueError, "betas[0] must be at least 0 and less than 1, got"),
    ({"betas": (0.9, -0.1)}, ValueError, "betas[1] must be at least 0 and less than 1, "),
    ({"betas": (0.9, math.nan)}, ValueError, "betas[1] must be finite, got nan"),
    ({"betas": (0.9, "1")}, TypeError, "betas[1] must be a number, got '1' (str)"),
    ({"betas": 0.9}, TypeError, "betas must be two numbers, got 0.9 (float)"),
    ({"betas": (0.9,)}, TypeError, "betas must be two numbers, got (0.9,) (tuple)"),
    ({"eps": 0.0}, ValueError, "eps must be positive and finite, got 0.0"),
    ({"eps": None}, TypeError, "eps must be a number, got None (NoneType)"),
]
bad = pytest.mark.parametrize(("options", "error", "message"), BAD)


@bad
@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_an_option_out_of_its_range_is_named_with_its_value(
    kind: Kind, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    p = torch.ones(1, requires_grad=True)
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        kind([p], **options)
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        kind([{"params": [p], **options}])


@bad
@pytest.mark.parametrize("recipe", [AdamRecipe, AdamWRecipe])
def test_a_recipe_refuses_what_its_optimizer_would(
    recipe: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        recipe(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0}, "lr must be positive"),
        ({"weight_decay": -1}, "weight_decay must not be"),
    ],
)
def test_rate_and_decay_are_checked_as_every_optimizers(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Adam([torch.ones(1)], **options)


def test_complex_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^parameters must be real, got one of torch.com"):
        Adam([torch.ones(1, dtype=torch.complex64)])
