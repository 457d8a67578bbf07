"""SGD: torch's, with and without momentum."""

import copy
import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import (
    MLP,
    SGD,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    count_operations,
    make_regression,
    mean_squared_error,
)
from tests.helpers import (
    assert_identical,
    global_random_state_untouched,
    seeded,
    seeded_module,
    values,
)
from tests.strategies import Problem, problems, seeds

X, y = make_regression(8, 3, generator=seeded())
learning_rates = st.floats(1e-3, 0.3)
weight_decays = st.just(0.0) | st.floats(1e-3, 1.0)


def train(
    model: nn.Module, optimizer: Any, X: Tensor = X, y: Tensor = y, steps: int = 5
) -> tuple[Tensor, ...]:
    """The parameters after some steps over all the data."""
    for _ in range(steps):
        optimizer.zero_grad()
        mean_squared_error(model(X), y).backward()
        optimizer.step()
    return values(model)


def with_gradient(value: list[float], gradient: list[float]) -> Tensor:
    p = torch.tensor(value, requires_grad=True)
    p.grad = torch.tensor(gradient)
    return p


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Return what SGD can be told, plain in every second example."""
    given = {"lr": draw(learning_rates), "weight_decay": draw(weight_decays)}
    if draw(st.booleans()):
        given["momentum"] = draw(st.floats(0.1, 0.95))
        given["nesterov"] = draw(st.booleans())
        given["dampening"] = 0.0 if given["nesterov"] else draw(st.floats(-0.9, 0.9))
    return given


@given(problem=problems(), options=options())
def test_the_steps_are_those_of_torchs_sgd(
    problem: Problem, options: dict[str, Any]
) -> None:
    model, twin = problem.model, copy.deepcopy(problem.model)
    ours = train(model, SGD(model.parameters(), **options), problem.X, problem.y)
    optimizer = torch.optim.SGD(twin.parameters(), **options)
    theirs = train(twin, optimizer, problem.X, problem.y)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_momentum_sums_gradients_that_are_added_up_over_two_backward_passes() -> None:
    model, twin = MLP(3, 4, seeded()), MLP(3, 4, seeded())
    options: dict[str, Any] = {"lr": 0.01, "momentum": 0.9}
    for each, sgd in ((model, SGD), (twin, torch.optim.SGD)):
        optimizer = sgd(each.parameters(), **options)
        for _ in range(3):  # and never zeroed
            mean_squared_error(each(X), y).backward()
            optimizer.step()
    torch.testing.assert_close(values(model), values(twin))


def test_the_arguments_are_in_the_order_of_torchs() -> None:
    ours, theirs = (inspect.signature(sgd).parameters for sgd in (SGD, torch.optim.SGD))
    assert list(ours) == [name for name in theirs if name in ours]
    assert list(ours) == list(theirs)[: len(ours)]
    assert ours["lr"].default is inspect.Parameter.empty
    for name in ("momentum", "dampening", "weight_decay", "nesterov"):
        assert ours[name].default == theirs[name].default


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.5}, {"momentum": 0.5}], ids=str)
def test_a_sparse_gradient_moves_what_a_dense_one_does(options: dict[str, Any]) -> None:
    def moved(sparse: bool) -> Tensor:
        table = nn.Embedding(4, 2, sparse=sparse)
        with torch.no_grad():
            table.weight.copy_(torch.arange(8.0).view(4, 2))
        optimizer = SGD(table.parameters(), 0.25, **options)
        for _ in range(3):
            optimizer.zero_grad()
            table(torch.tensor([1, 3, 1])).square().sum().backward()
            optimizer.step()
        return table.weight.detach()

    assert_identical(moved(sparse=True), moved(sparse=False))


@given(seed=seeds, learning_rate=learning_rates, weight_decay=weight_decays)
def test_a_step_is_the_documented_update_bit_for_bit(
    seed: int, learning_rate: float, weight_decay: float
) -> None:
    model = seeded_module(MLP(3, 4), seed)
    mean_squared_error(model(X), y).backward()
    with torch.no_grad():
        expected = [
            p - learning_rate * (p.grad + weight_decay * p)
            for p in model.parameters()
            if p.grad is not None
        ]
    SGD(model.parameters(), learning_rate, weight_decay=weight_decay).step()
    assert_identical(values(model), tuple(expected))


@given(seed=seeds, learning_rate=learning_rates)
def test_the_steps_are_those_of_the_naive_trainer_bit_for_bit(
    seed: int, learning_rate: float
) -> None:
    naive, ours = MLP(3, 4, seeded(seed)), MLP(3, 4, seeded(seed))
    config = NaiveTrainerConfig(epochs=5, learning_rate=learning_rate)
    NaiveTrainer(naive, mean_squared_error, X, y, config).train()
    assert_identical(train(ours, SGD(ours.parameters(), learning_rate)), values(naive))


def test_without_weight_decay_a_step_is_two_operations_a_parameter() -> None:
    model = LinearRegression(3, seeded())
    mean_squared_error(model(X), y).backward()
    plain = SGD(model.parameters(), 0.1)
    assert count_operations(plain.step) == {"mul": 2, "sub_": 2}
    decayed = SGD(model.parameters(), 0.1, weight_decay=0.1)
    assert count_operations(decayed.step) == {"mul": 4, "add": 2, "sub_": 2}
    assert not count_operations(plain.zero_grad)


def test_weight_decay_alone_shrinks_a_parameter_towards_zero() -> None:
    p = with_gradient([4.0, -8.0], [0.0, 0.0])
    SGD([p], lr=0.5, weight_decay=0.5).step()
    assert_identical(p.detach(), torch.tensor([3.0, -6.0]))


def test_a_parameter_without_a_gradient_stays_as_it_is() -> None:
    moved, unreached = with_gradient([1.0], [1.0]), torch.ones(1, requires_grad=True)
    frozen = torch.ones(1)
    SGD([unreached, moved, frozen], lr=0.5, weight_decay=0.5).step()
    assert_identical((unreached.detach(), frozen), (torch.ones(1), torch.ones(1)))
    assert moved.item() == 0.25


def test_zero_grad_forgets_the_gradients_so_that_a_step_changes_nothing() -> None:
    p = with_gradient([1.0, 2.0], [3.0, 4.0])
    optimizer = SGD([p], lr=0.1, weight_decay=0.1)
    optimizer.zero_grad()
    assert p.grad is None
    optimizer.step()
    assert_identical(p.detach(), torch.tensor([1.0, 2.0]))


def test_a_step_moves_the_parameter_in_place_and_leaves_its_gradient() -> None:
    p = with_gradient([1.0, 2.0], [3.0, 4.0])
    place = p.data_ptr()
    SGD([p], lr=0.1, weight_decay=0.1).step()
    assert p.data_ptr() == place
    assert p.is_leaf
    assert p.requires_grad
    assert_identical(p.grad, torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_a_step_keeps_the_dtype_of_the_parameter(weight_decay: float) -> None:
    p = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    p.grad = torch.ones_like(p)
    SGD([p], 0.5, weight_decay=weight_decay).step()
    assert p.dtype == torch.bfloat16
    assert p[0].item() == 0.5 - 0.5 * weight_decay


def test_the_parameter_groups_are_as_torchs() -> None:
    p, q = torch.ones(1, requires_grad=True), torch.ones(2, requires_grad=True)
    (ours,) = SGD([p, q], 0.25, weight_decay=0.5).param_groups
    (theirs,) = torch.optim.SGD([p, q], 0.25, weight_decay=0.5).param_groups
    assert ours.keys() <= theirs.keys()
    assert isinstance(ours["params"], list)
    for held, expected in zip(ours["params"], theirs["params"], strict=True):
        assert held is expected
    assert ours["lr"] == theirs["lr"] == 0.25
    assert ours["weight_decay"] == theirs["weight_decay"] == 0.5


def test_weight_decay_is_nothing_unless_it_is_given() -> None:
    assert SGD([torch.ones(1)], 0.1).param_groups[0]["weight_decay"] == 0


def test_the_groups_are_read_at_each_step() -> None:
    p, late = with_gradient([8.0], [1.0]), with_gradient([1.0], [1.0])
    optimizer = SGD([p], lr=1.0)
    optimizer.step()
    assert p.item() == 7
    optimizer.param_groups[0]["lr"] = 3.0
    optimizer.step()
    assert p.item() == 4
    optimizer.param_groups[0]["weight_decay"] = 0.25
    optimizer.step()
    assert p.item() == -2  # 4 - 3 (1 + 0.25 · 4)
    optimizer.add_param_group({"params": [late], "lr": 0.5})
    optimizer.step()
    assert late.item() == 0.5
    optimizer.zero_grad()
    assert p.grad is late.grad is None


def test_the_parameters_may_come_from_a_generator() -> None:
    model, twin = LinearRegression(3, seeded()), LinearRegression(3, seeded())
    ours = train(model, SGD((p for p in model.parameters()), 0.1))
    assert_identical(ours, train(twin, SGD([*twin.parameters()], 0.1)))


def test_a_list_that_grows_later_is_not_the_optimizers() -> None:
    parameters = [with_gradient([1.0], [1.0])]
    optimizer = SGD(parameters, 0.5)
    parameters.append(with_gradient([1.0], [1.0]))
    optimizer.step()
    assert [p.item() for p in parameters] == [0.5, 1.0]


@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_numpys_numbers_are_numbers(number: Callable[[float], float]) -> None:
    model, twin = LinearRegression(3, seeded()), LinearRegression(3, seeded())
    assert_identical(
        train(model, SGD(model.parameters(), number(0.25), weight_decay=number(0.5))),
        train(twin, SGD(twin.parameters(), 0.25, weight_decay=0.5)),
    )


def test_a_step_draws_no_random_numbers() -> None:
    model = LinearRegression(3, seeded())
    with global_random_state_untouched():
        train(model, SGD(model.parameters(), 0.1))


leaf = torch.ones(2, requires_grad=True)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"params": torch.ones(1)},
            TypeError,
            "params must be an iterable of tensors or of groups, got tensor([1.]) (Tensor)",
        ),
        (
            {"params": 5},
            TypeError,
            "params must be an iterable of tensors or of groups, got 5 (int)",
        ),
        (
            {"params": []},
            ValueError,
            "params must hold at least one tensor, got none",
        ),
        (
            {"params": iter(())},
            ValueError,
            "params must hold at least one tensor, got none",
        ),
        (
            {"params": [leaf, 1.5]},
            TypeError,
            "parameter 1 must be a torch.Tensor, got 1.5 (float)",
        ),
        (
            {"params": {"w": leaf}},
            TypeError,
            "params must be an iterable of tensors or of groups, got "
            "{'w': tensor([1., 1...res_grad=True)} (dict)",
        ),
        (
            {"params": {leaf}},
            TypeError,
            "params must be an iterable of tensors or of groups, got "
            "{tensor([1., 1...res_grad=True)} (set)",
        ),
        (
            {"params": [leaf, leaf]},
            ValueError,
            "a parameter must be given once, got parameter 1 of shape (2,) again: "
            "it would be moved twice a step",
        ),
        (
            {"momentum": -0.5},
            ValueError,
            "momentum must not be negative, got -0.5",
        ),
        (
            {"momentum": "0.9"},
            TypeError,
            "momentum must be a number, got '0.9' (str)",
        ),
        (
            {"dampening": math.inf},
            ValueError,
            "dampening must be finite, got inf",
        ),
        (
            {"nesterov": 1},
            TypeError,
            "nesterov must be True or False, got 1 (int)",
        ),
        (
            {"nesterov": True},
            ValueError,
            "nesterov needs momentum and no dampening, got momentum 0.0 and dampening 0.0",
        ),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.5},
            ValueError,
            "nesterov needs momentum and no dampening, got momentum 0.9 and dampening 0.5",
        ),
        (
            {"lr": 0},
            ValueError,
            "lr must be positive and finite, got 0",
        ),
        (
            {"lr": -0.1},
            ValueError,
            "lr must be positive and finite, got -0.1",
        ),
        (
            {"lr": math.inf},
            ValueError,
            "lr must be positive and finite, got inf",
        ),
        (
            {"lr": math.nan},
            ValueError,
            "lr must be positive and finite, got nan",
        ),
        (
            {"lr": "0.1"},
            TypeError,
            "lr must be a number, got '0.1' (str)",
        ),
        (
            {"lr": True},
            TypeError,
            "lr must be a number, got True (bool)",
        ),
        (
            {"weight_decay": -0.5},
            ValueError,
            "weight_decay must not be negative, got -0.5",
        ),
        (
            {"weight_decay": math.nan},
            ValueError,
            "weight_decay must be finite, got nan",
        ),
        (
            {"weight_decay": math.inf},
            ValueError,
            "weight_decay must be finite, got inf",
        ),
        (
            {"weight_decay": None},
            TypeError,
            "weight_decay must be a number, got None (NoneType)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"params": [leaf], "lr": 0.1}
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        SGD(**(arguments | changed))


def test_a_parameter_that_is_the_result_of_something_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^parameter 1 must be a leaf, got the result of <MulBackward0 "
    ):
        SGD([leaf, leaf * 2], 0.1)
