"""What lies around an optimizer: the base of all wrappers, and laws that all keep."""

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from groundup import (
    MLP,
    SGD,
    Accumulated,
    Adam,
    AdamW,
    AveragedModel,
    Averaging,
    Clipped,
    ConstantSchedule,
    CosineSchedule,
    DataLoader,
    Dataset,
    LinearRegression,
    Scheduled,
    Trainer,
    Wrapper,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded, values

X, y = make_regression(24, 3, generator=seeded())

INSIDE: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda params: SGD(params, 0.05, momentum=0.9, nesterov=True),
    "Adam": lambda params: Adam(params, 0.01),
    "AdamW": lambda params: AdamW(params, 0.01),
    "torch's AdamW": lambda params: torch.optim.AdamW(params, 0.01),
}


class Run:
    """A model, an optimizer in wrappers and the loss that goes with them."""

    def __init__(self, inside: str, around: list[str], every: int) -> None:
        self.model: Any = MLP(3, 4, seeded())
        self.optimizer: Any = INSIDE[inside](self.model.parameters())
        self.loss: Any = mean_squared_error
        for name in around:
            if name == "clipped":
                self.optimizer = Clipped(self.optimizer, 0.5)
            elif name == "scheduled":
                self.optimizer = Scheduled(self.optimizer, CosineSchedule(3), 100)
            elif name == "averaging":
                self.model = AveragedModel(self.model, 0.5)
                self.optimizer = Averaging(self.optimizer, self.model)
            else:
                self.optimizer = Wrapper(self.optimizer)
        if every > 1:
            self.optimizer = Accumulated(self.optimizer, every)
            self.loss = self.optimizer.weighing(self.loss)

    def steps(self, first: int, last: int) -> None:
        for i in range(first, last):
            size = 1 + i % 5  # batches of all sizes, as they come
            self.optimizer.zero_grad()
            self.loss(self.model(X[i : i + size]), y[i : i + size]).backward()
            self.optimizer.step()


around = st.lists(st.sampled_from(["clipped", "scheduled", "plain"]), max_size=3).flatmap(
    lambda names: st.permutations([*names, "averaging"]) | st.just(names)
)
stacks = st.fixed_dictionaries(
    {"inside": st.sampled_from([*INSIDE]), "around": around, "every": st.integers(1, 4)}
)


@given(stack=stacks, cut=st.integers(0, 9))
def test_any_stack_goes_on_from_its_state_bit_for_bit_wherever_it_is_cut(
    stack: Any, cut: int
) -> None:
    whole, before, after = (Run(**stack) for _ in range(3))
    whole.steps(0, 12)
    before.steps(0, cut)
    state = copy.deepcopy(before.optimizer.state_dict())
    after.model.load_state_dict(before.model.state_dict())
    after.optimizer.load_state_dict(state)
    before.steps(cut, 12)  # shares nothing with what goes on from it
    assert_identical(after.optimizer.state_dict(), state)
    after.steps(cut, 12)
    assert_identical(after.model.state_dict(), whole.model.state_dict())
    assert_identical(after.optimizer.state_dict(), whole.optimizer.state_dict())


@given(stack=stacks, cut=st.integers(0, 9))
def test_a_copy_of_any_stack_goes_on_alone(stack: Any, cut: int) -> None:
    run = Run(**stack)
    run.steps(0, cut)
    for twin in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        before = copy.deepcopy(run.model.state_dict())
        twin.steps(cut, 12)
        assert_identical(run.model.state_dict(), before)
        whole = Run(**stack)
        whole.steps(0, 12)
        assert_identical(twin.model.state_dict(), whole.model.state_dict())


def test_a_state_can_be_saved_and_loaded_as_weights_only(tmp_path: Any) -> None:
    run = Run("AdamW", ["clipped", "scheduled", "averaging"], 4)
    run.steps(0, 6)
    torch.save([run.optimizer.state_dict(), run.model.state_dict()], tmp_path / "run.pt")
    state, weights = torch.load(tmp_path / "run.pt", weights_only=True)
    other = Run("AdamW", ["clipped", "scheduled", "averaging"], 4)
    other.optimizer.load_state_dict(state)
    other.model.load_state_dict(weights)
    for each in (run, other):
        each.steps(6, 12)
    assert_identical(values(other.model), values(run.model))
    assert other.model.updates == run.model.updates == 3


def test_a_wrapper_alone_changes_nothing_and_asks_nothing_of_torch() -> None:
    plain, wrapped = Run("AdamW", [], 1), Run("AdamW", ["plain", "plain"], 1)
    for run in (plain, wrapped):
        run.steps(0, 5)
    assert_identical(values(wrapped.model), values(plain.model))
    assert_identical(wrapped.optimizer.state_dict(), plain.optimizer.state_dict())
    assert wrapped.optimizer.param_groups is wrapped.optimizer.optimizer.param_groups


def test_a_wrapped_optimizer_of_another_model_is_refused_by_the_trainer() -> None:
    model, other = LinearRegression(3, seeded()), LinearRegression(3, seeded())
    loader = DataLoader(Dataset(X, y), 4)
    stack = Scheduled(Clipped(SGD(other.parameters(), 0.1), 1.0), ConstantSchedule(), 9)
    with pytest.raises(ValueError, match=r"^optimizer must hold parameters of the model, "):
        Trainer(model, mean_squared_error, stack, loader, epochs=1)


class NoGroups:
    """What the trainer takes, but no wrapper."""

    def zero_grad(self) -> None: ...
    def step(self) -> None: ...
    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Any) -> None: ...


def parameters() -> list[Tensor]:
    return [torch.ones(2, requires_grad=True)]


EACH: dict[str, Callable[[Any], Any]] = {
    "Wrapper": Wrapper,
    "Clipped": lambda optimizer: Clipped(optimizer, 1.0),
    "Scheduled": lambda optimizer: Scheduled(optimizer, ConstantSchedule(), 9),
    "Accumulated": lambda optimizer: Accumulated(optimizer, 2),
    "Averaging": lambda o: Averaging(o, AveragedModel(LinearRegression(1), 0.5)),
}
each = pytest.mark.parametrize("name", EACH)


@each
@pytest.mark.parametrize(
    ("optimizer", "error", "message"),
    [
        (NoGroups(), TypeError, "optimizer must have param_groups, got <"),
        (SGD, TypeError, "optimizer must be an object with zero_grad(), got <class"),
        (
            [0.1],
            TypeError,
            "optimizer must be an object with zero_grad(), got [0.1] (list)",
        ),
        (
            torch.optim.LBFGS(parameters()),
            TypeError,
            "optimizer must take a step from one backward pass, without arguments, got LBF",
        ),
        (
            Accumulated(SGD(parameters(), 0.1), 2),
            ValueError,
            "Accumulated must be the outermost, got ",
        ),
    ],
)
def test_what_cannot_be_wrapped_is_refused(
    name: str, optimizer: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        EACH[name](optimizer)


@pytest.mark.parametrize("around", [["scheduled"], ["clipped", "scheduled", "plain"]])
@pytest.mark.parametrize("every", [1, 3])
def test_the_state_of_another_stack_is_refused_and_nothing_is_changed(
    around: list[str], every: int
) -> None:
    others = [Run("AdamW", [], 1), Run("AdamW", ["scheduled", "scheduled"], every)]
    if every > 1:
        others.append(Run("AdamW", around, 1))
    others.append(Run("SGD", around, every))  # right to the inside, and wrong there
    for other in others:
        run = Run("AdamW", around, every)
        run.steps(0, 4)
        other.steps(0, 5)
        before = copy.deepcopy(run.optimizer.state_dict())
        gradients = [copy.deepcopy(p.grad) for p in run.model.parameters()]
        with pytest.raises((TypeError, ValueError), match="state_dict"):
            run.optimizer.load_state_dict(other.optimizer.state_dict())
        assert_identical(run.optimizer.state_dict(), before)
        assert_identical([p.grad for p in run.model.parameters()], gradients)


def test_a_stack_shows_what_it_is_from_the_outside_in() -> None:
    stack = Scheduled(Clipped(SGD(parameters(), 0.1), 1.0), CosineSchedule(3), 100)
    assert repr(Accumulated(stack, 4)) == (
        "Accumulated(Scheduled(Clipped(SGD(2 parameters, lr=0.1, momentum=0.0, "
        "dampening=0.0, weight_decay=0.0, nesterov=False), max_norm=1.0), "
        "CosineSchedule(warmup_steps=3, final=0.0), total_steps=100), every=4)"
    )
    assert repr(Clipped(torch.optim.AdamW(parameters()), 1.0)) == (
        "Clipped(AdamW, max_norm=1.0)"
    )
