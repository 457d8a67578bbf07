"""count_operations, and what the trainer costs by it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _len_torch_dispatch_stack  # type: ignore[attr-defined]

from groundup import (
    MLP,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    count_operations,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded

EPOCHS = 3


def squared(n: int) -> Callable[[], None]:
    x = torch.ones(n, requires_grad=True)
    return lambda: (x * x).sum().backward()


@pytest.mark.parametrize(
    ("step", "counts"),
    [
        (lambda: None, {}),
        (lambda: torch.ones(3), {"ones": 1}),
        (lambda: torch.ones(3) * 2 + 1, {"ones": 1, "mul": 1, "add": 1}),
        (lambda: torch.ones(2, 2) @ torch.ones(2, 2), {"ones": 2, "mm": 1}),
        (
            lambda: torch.ones(3).mul_(2).sum().item(),
            {"ones": 1, "mul_": 1, "sum": 1, "_local_scalar_dense": 1},
        ),
        (lambda: [torch.ones(3) for _ in range(5)], {"ones": 5}),
        # Backward: a gradient of 1, spread over the sum's terms, times each factor, summed.
        (squared(3), {"mul": 3, "sum": 1, "ones_like": 1, "expand": 1, "add": 1}),
    ],
)
def test_every_operation_is_counted_the_backward_pass_included(
    step: Callable[[], object], counts: dict[str, int]
) -> None:
    assert {
        name: count for name, count in count_operations(step).items() if name != "detach"
    } == counts


def test_counts_add_up() -> None:
    counts = count_operations(lambda: torch.ones(3) * 2)
    assert isinstance(counts, Counter)
    assert counts.total() == 2


@pytest.mark.parametrize("n", [1, 10, 10_000])
def test_counts_do_not_depend_on_the_size_of_the_tensors(n: int) -> None:
    assert count_operations(squared(n)) == count_operations(squared(2))


def test_a_step_is_called_once() -> None:
    calls: list[int] = []
    count_operations(lambda: calls.append(1))
    assert calls == [1]


def test_counting_ends_with_the_step_also_when_it_raises() -> None:
    counts = count_operations(lambda: torch.ones(1))
    with pytest.raises(ZeroDivisionError):
        count_operations(lambda: 1 / 0)
    torch.ones(1) + torch.ones(1)
    assert counts == {"ones": 1}
    assert _len_torch_dispatch_stack() == 0


def test_the_result_of_an_operation_is_the_same_while_it_is_counted() -> None:
    results: list[torch.Tensor] = []
    count_operations(
        lambda: results.append(
            torch.ones(2, dtype=torch.float64).add(torch.ones(2), alpha=3)
        )
    )
    assert_identical(results, [torch.tensor([4.0, 4.0], dtype=torch.float64)])


@pytest.mark.parametrize("step", [3, torch.ones(1), None], ids=repr)
def test_what_cannot_be_called_is_refused(step: Any) -> None:
    with pytest.raises(
        TypeError,
        match=r"^step must be callable without arguments, "
        r"got .* \((int|Tensor|NoneType)\)$",
    ):
        count_operations(step)


def loop_by_hand(
    model: nn.Module, X: torch.Tensor, y: torch.Tensor, by_data: bool = False
) -> None:
    """What a trainer that keeps losses and copies of the parameters can't do without."""
    params: list[Tensor] = list(model.parameters())
    losses, parameters = [], []
    for _ in range(EPOCHS):
        for p in params:
            p.grad = None
        loss = mean_squared_error(model(X), y)
        loss.backward()
        if by_data:
            for p in params:
                p.data -= 0.1 * p.grad  # type: ignore[operator]
        else:
            with torch.no_grad():
                for p in params:
                    p -= 0.1 * p.grad  # type: ignore[operator]
        losses.append(loss.item())
        parameters.append([p.detach().clone() for p in model.parameters()])


@pytest.mark.parametrize(
    "make_model", [lambda: LinearRegression(3, seeded()), lambda: MLP(3, 4, seeded())]
)
def test_the_trainer_dispatches_not_one_operation_more_than_the_loop_by_hand(
    make_model: Callable[[], nn.Module],
) -> None:
    X, y = make_regression(10, 3, generator=seeded())
    trainer = NaiveTrainer(
        make_model(), mean_squared_error, X, y, NaiveTrainerConfig(EPOCHS, 0.1)
    )
    model = make_model()
    assert count_operations(trainer.train) == count_operations(
        lambda: loop_by_hand(model, X, y)
    )


def test_an_update_through_data_dispatches_one_more_operation_a_parameter() -> None:
    X, y = make_regression(10, 3, generator=seeded())
    model = LinearRegression(3, seeded())
    plain = count_operations(lambda: loop_by_hand(model, X, y))
    by_data = count_operations(lambda: loop_by_hand(model, X, y, by_data=True))
    assert by_data.total() - plain.total() == EPOCHS * len(list(model.parameters()))
