"""Accumulated: several batches, one step, as if they were one batch."""

import copy
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import (
    MLP,
    SGD,
    Accumulated,
    AdamW,
    Dataset,
    LinearRegression,
    Trainer,
    binary_cross_entropy_with_logits,
    count_operations,
    evaluate,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded, values
from tests.optimizers.penguins import BIRDS, furthest
from tests.strategies import seeds

X, y = make_regression(60, 3, generator=seeded())


def in_parts(
    model: nn.Module,
    optimizer: Accumulated,
    sizes: Sequence[int],
    dataset: Dataset,
    loss: Any,
) -> None:
    weighed = optimizer.weighing(loss)
    for first, size in zip(accumulate([0, *sizes]), sizes, strict=False):
        inputs, targets = dataset[first : first + size]
        optimizer.zero_grad()
        weighed(model(inputs), targets).backward()
        optimizer.step()


@given(
    seed=seeds,
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=10),
    every=st.integers(1, 4),
)
def test_a_window_is_one_large_batch_whatever_the_sizes_and_wherever_it_ends(
    seed: int, sizes: list[int], every: int
) -> None:
    dataset = Dataset(X.double(), y.double())
    parts, whole = MLP(3, 4, seeded(seed)).double(), MLP(3, 4, seeded(seed)).double()
    optimizer = Accumulated(AdamW(parts.parameters(), 0.05), every)
    in_parts(parts, optimizer, sizes, dataset, mean_squared_error)
    large, first = AdamW(whole.parameters(), 0.05), 0
    windows = len(sizes) // every
    for i in range(windows):
        samples = sum(sizes[i * every : (i + 1) * every])
        inputs, targets = dataset[first : first + samples]
        large.zero_grad()
        mean_squared_error(whole(inputs), targets).backward()
        large.step()
        first += samples
    # A last window that is open is not applied.
    assert (optimizer.updates, optimizer.batches) == divmod(len(sizes), every)
    assert furthest(values(parts), values(whole)) < 1e-9


def one_update(dtype: torch.dtype, sizes: Sequence[int]) -> tuple[float, float]:
    """Return how far an update in parts is from one in whole, and a mean of means is."""
    dataset = Dataset(*(tensor.to(dtype) for tensor in BIRDS[: sum(sizes)]))
    loss = binary_cross_entropy_with_logits
    parts, whole, means = (MLP(4, 16, seeded()).to(dtype) for _ in range(3))
    in_parts(
        parts, Accumulated(SGD(parts.parameters(), 1.0), len(sizes)), sizes, dataset, loss
    )
    loss(whole(dataset[:][0]), dataset[:][1]).backward()
    SGD(whole.parameters(), 1.0).step()
    for first, size in zip(accumulate([0, *sizes]), sizes, strict=False):
        inputs, targets = dataset[first : first + size]
        (loss(means(inputs), targets) / len(sizes)).backward()
    SGD(means.parameters(), 1.0).step()
    expected = values(whole)
    return furthest(values(parts), expected), furthest(values(means), expected)


def test_equal_parts_are_the_large_batch_to_rounding() -> None:
    assert one_update(torch.float32, [32] * 4)[0] < 6e-8
    assert one_update(torch.float64, [32] * 4)[0] < 2e-16


def test_unequal_parts_are_the_large_batch_and_a_mean_of_means_is_not() -> None:
    weighed, mean_of_means = one_update(torch.float32, [32, 1])
    assert weighed < 2e-7
    assert mean_of_means > 0.2


def test_windows_go_on_over_the_ends_of_epochs_and_what_is_open_at_the_end_is_left() -> (
    None
):
    # 126 batches by 4: 31 updates, 2 batches over.
    model = LinearRegression(3, seeded())
    optimizer = Accumulated(SGD(model.parameters(), 0.01), 4)
    batches = [Dataset(X, y)[i : i + 2] for i in range(0, 42, 2)]
    trainer = Trainer(
        model, optimizer.weighing(mean_squared_error), optimizer, batches, epochs=6
    )
    trainer.train()
    assert (trainer.step, optimizer.updates, optimizer.batches) == (126, 31, 2)


def test_the_value_that_is_recorded_and_validated_is_the_losss_own() -> None:
    model, twin = LinearRegression(3, seeded()), LinearRegression(3, seeded())
    batches = [Dataset(X, y)[i : i + 7] for i in range(0, 56, 7)]
    optimizer = Accumulated(SGD(model.parameters(), 0.1), 100)
    weighed = optimizer.weighing(mean_squared_error)
    result = Trainer(
        model, weighed, optimizer, batches, epochs=1, val_loader=batches
    ).train()
    expected = evaluate(twin, batches, {"loss": mean_squared_error})["loss"]
    assert result.train_losses == [expected]  # no window was full, so nothing moved
    assert result.val_losses == [expected]
    assert optimizer.samples == 56  # validation counted none


def test_nothing_is_forgotten_or_moved_while_a_window_is_open() -> None:
    p = torch.zeros(1, requires_grad=True)
    optimizer = Accumulated(SGD([p], 1.0), 2)
    loss = optimizer.weighing(lambda predictions, targets: (predictions * targets).mean())
    loss(p, torch.tensor([2.0])).backward()
    optimizer.step()
    optimizer.zero_grad()
    assert_identical(p.grad, torch.tensor([2.0]))
    loss(p, torch.tensor([4.0, 8.0])).backward()
    optimizer.step()
    assert p.item() == pytest.approx(-(2 + 4 + 8) / 3)
    optimizer.zero_grad()
    assert p.grad is None


def test_the_weighing_loss_counts_on_the_way_back_and_as_often_as_it_is_gone() -> None:
    p = torch.zeros(1, requires_grad=True)
    optimizer = Accumulated(SGD([p], 1.0), 2)
    value = optimizer.weighing(lambda predictions, _: predictions.sum())(p, torch.ones(3))
    assert optimizer.samples == 0
    value.backward(retain_graph=True)
    value.backward()
    assert optimizer.samples == 6


def test_a_copied_losss_samples_count_for_the_copied_optimizer() -> None:
    p = torch.zeros(1, requires_grad=True)
    optimizer = Accumulated(SGD([p], 1.0), 2)
    loss = optimizer.weighing(nn.L1Loss())
    model, twin_loss, twin = copy.deepcopy((p, loss, optimizer))
    twin_loss(model, torch.ones(1)).backward()
    assert (optimizer.samples, twin.samples) == (0, 1)


def test_a_copy_in_the_middle_of_a_window_has_its_gradients() -> None:
    p = torch.zeros(1, requires_grad=True)
    optimizer = Accumulated(SGD([p], 1.0), 2)
    optimizer.weighing(lambda q, _: 3 * q.mean())(p, torch.ones(2)).backward()
    optimizer.step()
    twin = copy.deepcopy(optimizer)
    (q,) = twin.param_groups[0]["params"]
    assert q is not p
    assert_identical(q.grad, torch.tensor([6.0]))
    assert q.grad is not p.grad


def test_a_loss_that_does_not_count_is_refused_before_a_parameter_moves() -> None:
    model = LinearRegression(3, seeded())
    before = values(model)
    optimizer = Accumulated(SGD(model.parameters(), 0.1), 2)
    trainer = Trainer(model, mean_squared_error, optimizer, [(X, y)], epochs=2)
    with pytest.raises(
        ValueError, match=r"^a batch must count its samples, got none: train"
    ):
        trainer.train()
    assert_identical(values(model), before)


def test_a_batch_asks_for_one_operation_more_and_an_update_for_one_a_parameter() -> None:
    model = LinearRegression(3, seeded())
    bare = SGD(model.parameters(), 0.1)
    optimizer = Accumulated(bare, 1)
    weighed = optimizer.weighing(mean_squared_error)

    def step(loss: Any, stepping: Any) -> None:
        stepping.zero_grad()
        loss(model(X), y).backward()
        stepping.step()

    plain = count_operations(lambda: step(mean_squared_error, bare))
    more = count_operations(lambda: step(weighed, optimizer)) - plain
    assert more == {"mul": 1, "div_": 2}


@pytest.mark.parametrize(
    ("every", "error", "message"),
    [
        (0, ValueError, "every must be at least 1, got 0"),
        (True, TypeError, "every must be an integer, got True (bool)"),
        (2.0, TypeError, "every must be an integer, got 2.0 (float)"),
    ],
)
def test_a_window_that_is_no_number_of_batches_is_refused(
    every: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Accumulated(SGD([torch.ones(1)], 0.1), every)


def test_only_what_can_be_called_can_be_weighed() -> None:
    with pytest.raises(TypeError, match=r"^loss must be callable, got 'mse' \(str\)$"):
        Accumulated(SGD([torch.ones(1)], 0.1), 2).weighing("mse")  # type: ignore[arg-type]


def half_full(every: int = 3) -> tuple[Tensor, Accumulated]:
    p = torch.zeros(2, requires_grad=True)
    optimizer = Accumulated(SGD([p], 1.0), every)
    optimizer.weighing(lambda q, _: q.sum())(p, torch.ones(2)).backward()
    optimizer.step()
    return p, optimizer


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batches": 3}, "an open window must have fewer batches than every=3, got 3"),
        ({"batches": 0}, "a window of 0 batches must have 0 gradients, got 1"),
        ({"gradients": []}, "a window of 1 batches must have 1 gradients, got 0"),
        (
            {"gradients": [torch.ones(3)]},
            "parameter and gradient must have the same shape, ",
        ),
        ({"samples": -1}, "samples must be at least 0, got -1"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed(
    changed: dict[str, Any], message: str
) -> None:
    _, saved = half_full()
    p, optimizer = half_full()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        optimizer.load_state_dict(saved.state_dict() | changed)
    assert_identical(p.grad, torch.tensor([2.0, 2.0]))
    assert (optimizer.batches, optimizer.samples) == (1, 2)


def test_a_state_between_two_windows_forgets_a_window_that_is_open() -> None:
    p, optimizer = half_full()
    fresh = Accumulated(SGD([torch.zeros(2, requires_grad=True)], 1.0), 3)
    optimizer.load_state_dict(fresh.state_dict())
    assert p.grad is None
    assert optimizer.batches == 0


def test_a_window_that_was_loaded_shares_no_gradient_with_the_one_that_was_saved() -> None:
    (p, saved), (q, optimizer) = half_full(), half_full()
    optimizer.load_state_dict(saved.state_dict())
    assert q.grad is not None
    assert p.grad is not None
    q.grad.zero_()
    assert_identical(p.grad, torch.tensor([2.0, 2.0]))
