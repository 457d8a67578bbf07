"""The base of all optimizers: groups, and a state that torch can read and write."""

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from groundup import MLP, SGD, Optimizer, make_regression, mean_squared_error
from tests.helpers import assert_identical, seeded, values

X, y = make_regression(8, 3, generator=seeded())
MOMENTUM: dict[str, Any] = {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}


def train(model: nn.Module, optimizer: Any, steps: int) -> tuple[Tensor, ...]:
    """Return the parameters after some steps over all the data."""
    for _ in range(steps):
        optimizer.zero_grad()
        mean_squared_error(model(X), y).backward()
        optimizer.step()
    return values(model)


def made(**options: Any) -> tuple[nn.Module, SGD]:
    model = MLP(3, 4, seeded())
    return model, SGD(model.parameters(), **MOMENTUM | options)


class Twice(Optimizer):
    """A rule of one's own, with an option and a state of its own."""

    def __init__(self, params: Any, lr: float, times: int = 2) -> None:
        super().__init__(params, lr=lr, times=times)

    def _update(
        self, p: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        state["calls"] = state.get("calls", 0) + 1
        p -= group["times"] * group["lr"] * gradient


# Groups.


def test_a_subclass_writes_its_update_alone() -> None:
    model, twin = MLP(3, 4, seeded()), MLP(3, 4, seeded())
    optimizer = Twice(model.parameters(), 0.05)
    doubled = train(twin, SGD(twin.parameters(), 0.1), 5)
    torch.testing.assert_close(train(model, optimizer, 5), doubled)
    assert [state["calls"] for state in optimizer.state.values()] == [5] * 4


def test_an_update_that_is_missing_is_named() -> None:
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    with pytest.raises(NotImplementedError, match=r"^Optimizer must define _update$"):
        Optimizer([p], lr=0.1).step()


def test_a_group_has_the_options_that_it_sets_and_the_defaults_for_the_others() -> None:
    model, twin = MLP(3, 4, seeded()), MLP(3, 4, seeded())

    def groups(model: MLP) -> list[dict[str, Any]]:
        return [
            {"params": [model.hidden_weights, model.weights]},
            {"params": model.bias, "lr": 0.2},
            {"params": [model.hidden_bias], "weight_decay": 0.0, "momentum": 0.0},
        ]

    ours = train(model, SGD(groups(model), **MOMENTUM), 5)
    theirs = train(twin, torch.optim.SGD(groups(twin), **MOMENTUM), 5)
    torch.testing.assert_close(ours, theirs)


def test_groups_given_later_count_as_those_at_the_start() -> None:
    model, twin = MLP(3, 4, seeded()), MLP(3, 4, seeded())
    first, *rest = model.parameters()
    optimizer = SGD([first], **MOMENTUM)
    optimizer.add_param_group({"params": rest, "lr": 0.2})
    first, *rest = twin.parameters()
    groups: list[dict[str, Any]] = [{"params": [first]}, {"params": rest, "lr": 0.2}]
    at_once = SGD(groups, **MOMENTUM)
    assert_identical(train(model, optimizer, 3), train(twin, at_once, 3))


p, q = (torch.ones(2, requires_grad=True) for _ in range(2))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([p, {"params": [q]}], TypeError, "a group must be a dict with 'params', got "),
        ([{"lr": 0.1}], TypeError, "a group must be a dict with 'params', got {'lr': 0.1}"),
        (
            [{"params": [p]}, {"params": [q, p]}],
            ValueError,
            "a parameter must be given once",
        ),
        ([{"params": [p], "lrr": 1}], ValueError, "options of SGD are lr, momentum, "),
        ([{"params": [p], "lr": 0}], ValueError, "lr must be positive and finite, got 0"),
        ([{"params": [p], "nesterov": True}], ValueError, "nesterov needs momentum"),
        ([{"params": []}], ValueError, "params must hold at least one tensor, got none"),
        ([{"params": {p}}], TypeError, "a group's params must be tensors, got {tensor("),
        ([{"params": 3}], TypeError, "a group's params must be tensors, got 3 (int)"),
        (frozenset([p]), TypeError, "params must be an iterable of tensors or of groups, "),
        ([("w", p)], TypeError, "parameter 0 must be a torch.Tensor, got ('w', "),
    ],
)
def test_groups_that_do_not_fit_are_refused(
    params: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        SGD(params, 0.1)


def test_a_group_that_is_refused_is_not_taken_in() -> None:
    optimizer = SGD([p], 0.1)
    with pytest.raises(ValueError, match="given once"):
        optimizer.add_param_group({"params": [q, p]})
    assert len(optimizer.param_groups) == 1


# State.


@pytest.mark.parametrize("options", [{}, {"nesterov": True}, {"dampening": 0.3}], ids=str)
def test_a_run_can_be_handed_to_torch_and_back(options: dict[str, Any]) -> None:
    alone, its_own = MLP(3, 4, seeded()), MLP(3, 4, seeded())
    theirs = torch.optim.SGD(alone.parameters(), **MOMENTUM | options)
    expected = train(alone, theirs, 30)
    ours = SGD(its_own.parameters(), **MOMENTUM | options)
    train(its_own, ours, 10)
    between = torch.optim.SGD(its_own.parameters(), lr=1.0)
    between.load_state_dict(ours.state_dict())
    train(its_own, between, 10)
    again = SGD(its_own.parameters(), lr=1.0)
    again.load_state_dict(between.state_dict())
    torch.testing.assert_close(train(its_own, again, 10), expected)


def test_the_state_is_in_torchs_format() -> None:
    model, optimizer = made()
    twin = MLP(3, 4, seeded())
    theirs = torch.optim.SGD(twin.parameters(), **MOMENTUM)
    train(model, optimizer, 2)
    train(twin, theirs, 2)
    state, expected = optimizer.state_dict(), theirs.state_dict()
    torch.testing.assert_close(state["state"], expected["state"])
    (group,), (other,) = state["param_groups"], expected["param_groups"]
    assert group.items() <= other.items()


@pytest.mark.parametrize(
    "through", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_run_goes_on_from_its_state_bit_for_bit(through: Any, momentum: float) -> None:
    model, optimizer = made(momentum=momentum)
    train(model, optimizer, 5)
    restored, other = made(lr=1.0)
    restored.load_state_dict(through(model.state_dict()))
    other.load_state_dict(through(optimizer.state_dict()))
    assert_identical(train(restored, other, 5), train(model, optimizer, 5))


def test_a_run_without_momentum_has_no_state() -> None:
    model, optimizer = made(momentum=0.0)
    train(model, optimizer, 2)
    assert optimizer.state_dict()["state"] == {}


def test_what_was_remembered_before_a_load_is_gone() -> None:
    _, fresh = made()
    model, optimizer = made()
    train(model, optimizer, 2)
    optimizer.load_state_dict(fresh.state_dict())
    assert optimizer.state_dict()["state"] == {}


def test_the_numbers_of_a_state_are_names_and_no_positions() -> None:
    model, optimizer = made()
    train(model, optimizer, 2)
    state = optimizer.state_dict()
    names = dict(zip(range(4), [7, 3, 9, 1], strict=True))
    renamed = {names[i]: held for i, held in state["state"].items()}
    groups = [{**state["param_groups"][0], "params": [7, 3, 9, 1]}]
    _, other = made()
    other.load_state_dict({"state": renamed, "param_groups": groups})
    assert_identical(other.state_dict()["state"], state["state"])


def test_numpys_rates_can_be_saved_and_loaded_as_weights_only(tmp_path: Path) -> None:
    model, optimizer = made(lr=np.float64(0.05), momentum=np.float32(0.5))
    train(model, optimizer, 1)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    _, other = made()
    other.load_state_dict(loaded)
    assert_identical(other.state_dict(), optimizer.state_dict())


def test_two_optimizers_share_no_state_after_one_has_loaded_the_others() -> None:
    model, optimizer = made()
    train(model, optimizer, 3)
    before = copy.deepcopy(optimizer.state_dict())
    restored, other = made()
    other.load_state_dict(optimizer.state_dict())
    train(restored, other, 3)
    assert_identical(optimizer.state_dict(), before)


def test_a_copy_with_its_model_goes_on_alone() -> None:
    model, optimizer = made()
    train(model, optimizer, 3)
    twin, copied = copy.deepcopy((model, optimizer))
    assert_identical(train(twin, copied, 3), train(model, optimizer, 3))


def test_a_rate_of_zero_which_a_schedule_may_reach_is_restored() -> None:
    _, optimizer = made()
    optimizer.param_groups[0]["lr"] = 0.0
    _, other = made()
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr"] == 0.0


def test_state_takes_the_dtype_of_its_parameter_and_a_count_of_steps_does_not() -> None:
    model, optimizer = made()
    train(model, optimizer, 1)
    state = optimizer.state_dict()
    for held in state["state"].values():
        held["step"] = torch.tensor(3.0)
    fine = MLP(3, 4, seeded()).double()
    other = Counting(fine.parameters(), **MOMENTUM)
    other.load_state_dict(state)
    held = other.state[next(fine.parameters())]
    assert held["momentum_buffer"].dtype == torch.float64
    assert held["step"].dtype == torch.float32
    held["step"] += 1
    assert state["state"][0]["step"] == 3


class Counting(SGD):
    """A kind that remembers more."""

    state_names = frozenset({"momentum_buffer", "step"})


def saved(**changed: Any) -> dict[str, Any]:
    """Return a state of SGD after a step, its one group changed."""
    model, optimizer = made()
    train(model, optimizer, 1)
    state = optimizer.state_dict()
    state["param_groups"][0] |= changed
    return state


def without(key: str) -> dict[str, Any]:
    state = saved()
    del state["param_groups"][0][key]
    return state


def of_another_kind() -> dict[str, Any]:
    state = saved()
    state["state"][2] = {"exp_avg": torch.zeros(4, 1)}
    return state


def reshaped() -> dict[str, Any]:
    state = saved()
    state["state"][1]["momentum_buffer"] = torch.ones(7)
    return state


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (saved(maximize=True), ValueError, "SGD has no option 'maximize', got True"),
        (saved(amsgrad=True), ValueError, "SGD has no option 'amsgrad', got True"),
        (
            without("momentum"),
            ValueError,
            "state_dict must be that of SGD, got one without ",
        ),
        (
            reshaped(),
            ValueError,
            "'momentum_buffer' must have its parameter's shape (4,), ",
        ),
        (saved(params=[0, 1]), ValueError, "state_dict must have groups of [4] parameters"),
        (saved() | {"state": {9: {}}}, ValueError, "state_dict must hold state of its "),
        ({"state": {}}, TypeError, "state_dict must be a dict with 'state' and "),
        (None, TypeError, "state_dict must be a dict with 'state' and 'param_groups', "),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed(
    state: Any, error: type[Exception], message: str
) -> None:
    model, optimizer = made(lr=0.5)
    train(model, optimizer, 2)
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        optimizer.load_state_dict(state)
    assert_identical(optimizer.state_dict(), before)


@pytest.mark.parametrize(
    "option",
    [
        *("foreach", "fused", "capturable", "differentiable", "param_names"),
        *("initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"),
    ],
)
def test_how_torch_computes_a_step_and_what_its_schedulers_keep_does_not_matter(
    option: str,
) -> None:
    _, optimizer = made()
    optimizer.load_state_dict(saved(**{option: True, "maximize": False}))
    assert option not in optimizer.param_groups[0]


def test_an_optimizer_shows_what_it_was_told() -> None:
    assert repr(SGD([p, q], 0.1, momentum=0.5)) == (
        "SGD(4 parameters, lr=0.1, momentum=0.5, "
        "dampening=0.0, weight_decay=0.0, nesterov=False)"
    )
