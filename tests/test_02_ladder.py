"""The equivalence ladder of chapter two.

Each piece, and the plain loop over them, gives the numbers of what it replaces.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import DataLoader as TorchDataLoader
from torch.utils.data import TensorDataset

from groundup import (
    MLP,
    SGD,
    DataLoader,
    Dataset,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    count_operations,
    make_regression,
    mean_squared_error,
    oracle,
)
from tests.helpers import assert_identical, seeded, values
from tests.notebooks.chapter import Chapter, only
from tests.strategies import seeds, sizes

pytestmark = only(2)

MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "linear": lambda num_features, seed: LinearRegression(num_features, seeded(seed)),
    "mlp": lambda num_features, seed: MLP(num_features, 3, seeded(seed)),
}
every_model = pytest.mark.parametrize("make_model", MODELS.values(), ids=MODELS)
every_dtype = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64], ids=["float32", "float64"]
)


def data(
    num_samples: int, num_features: int, seed: int, dtype: torch.dtype = torch.float32
) -> Dataset:
    X, y = make_regression(num_samples, num_features, generator=seeded(seed))
    return Dataset(X.to(dtype), y.to(dtype))


def trained(
    chapter: Chapter,
    model: nn.Module,
    loader: Any,
    epochs: int,
    learning_rate: float = 0.1,
    optimizers: Callable[..., Any] = SGD,
    **options: float,
) -> tuple[list[float], tuple[Tensor, ...]]:
    """By the loop that is left at the chapter's end."""
    optimizer = optimizers(model.parameters(), lr=learning_rate, **options)
    losses = chapter.module.train(model, mean_squared_error, optimizer, loader, epochs)
    return losses, values(model)


# One batch of all the data.


@every_model
@every_dtype
@pytest.mark.parametrize("learning_rate", [0.01, 0.1, 3.0])
@pytest.mark.parametrize("batch_size", [16, 1000])
def test_one_batch_of_all_the_data_gives_the_naive_trainer_bit_for_bit(
    chapter: Chapter,
    make_model: Callable[[int, int], nn.Module],
    dtype: torch.dtype,
    learning_rate: float,
    batch_size: int,
) -> None:
    dataset = data(16, 3, seed=0, dtype=dtype)  # times 16 and divided by it: exact
    model, twin = make_model(3, 0).to(dtype), make_model(3, 0).to(dtype)
    loader = DataLoader(dataset, batch_size)
    losses, parameters = trained(chapter, model, loader, 30, learning_rate)
    config = NaiveTrainerConfig(30, learning_rate)
    X, y = dataset.tensors
    naive = NaiveTrainer(twin, mean_squared_error, X, y, config).train()
    assert_identical(losses, naive.losses)
    assert_identical(parameters, naive.parameters[-1])


def test_one_batch_of_all_the_data_follows_the_closed_form(chapter: Chapter) -> None:
    dataset = data(50, 3, seed=0, dtype=torch.float64)
    model = LinearRegression(3, seeded()).double()
    X, y = dataset.tensors
    weights, bias = values(model)
    path = oracle.closed_form_path(X, y, weights, bias, 0.1, 40)
    losses, parameters = trained(chapter, model, DataLoader(dataset, 50), 40)
    torch.testing.assert_close(losses, path.losses, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(parameters, path.parameters[-1], rtol=1e-9, atol=1e-12)


# The loop by hand.


@given(
    seed=seeds,
    num_samples=st.integers(1, 20),
    num_features=sizes,
    batch_size=st.integers(1, 24),
    epochs=st.integers(0, 4),
    learning_rate=st.floats(1e-3, 0.5),
    make_model=st.sampled_from([*MODELS.values()]),
)
def test_the_loop_over_the_pieces_gives_the_loop_by_hand_bit_for_bit(
    chapter: Chapter,
    seed: int,
    num_samples: int,
    num_features: int,
    batch_size: int,
    epochs: int,
    learning_rate: float,
    make_model: Callable[[int, int], nn.Module],
) -> None:
    dataset = data(num_samples, num_features, seed)
    model, twin = make_model(num_features, seed), make_model(num_features, seed)
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=seeded(seed))
    losses, parameters = trained(chapter, model, loader, epochs, learning_rate)
    by_hand = chapter.module.train_by_hand(
        twin,
        mean_squared_error,
        *dataset.tensors,
        epochs,
        batch_size,
        learning_rate,
        seeded(seed),
    )
    assert_identical(losses, by_hand)
    assert_identical(parameters, values(twin))


# Torch's loader, and torch's optimizer.


@every_model
@pytest.mark.parametrize("drop_last", [False, True])
def test_unshuffled_our_loader_and_torchs_give_the_same_run_bit_for_bit(
    chapter: Chapter, make_model: Callable[[int, int], nn.Module], drop_last: bool
) -> None:
    dataset = data(23, 3, 0)
    theirs = TorchDataLoader(
        TensorDataset(*dataset.tensors), 4, drop_last=drop_last, generator=seeded()
    )
    ours = DataLoader(dataset, 4, drop_last=drop_last)
    runs = [trained(chapter, make_model(3, 0), loader, 20) for loader in (ours, theirs)]
    assert_identical(*runs)


@every_model
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_our_sgd_and_torchs_give_the_same_run_to_rounding(
    chapter: Chapter, make_model: Callable[[int, int], nn.Module], weight_decay: float
) -> None:
    loader = DataLoader(data(23, 3, 0, torch.float64), 4)
    runs = [
        trained(
            chapter,
            make_model(3, 0).double(),
            loader,
            20,
            optimizers=optimizers,
            weight_decay=weight_decay,
        )
        for optimizers in (SGD, torch.optim.SGD)
    ]
    torch.testing.assert_close(*runs, rtol=1e-12, atol=1e-12)


# The average.


class Still:
    """An optimizer that moves nothing."""

    def __init__(self, params: Any, lr: float) -> None: ...
    def zero_grad(self) -> None: ...
    def step(self) -> None: ...


@pytest.mark.parametrize("batch_size", [1, 5, 23])
def test_the_mean_over_unequal_batches_is_the_mean_over_all_samples_at_once(
    chapter: Chapter, batch_size: int
) -> None:
    dataset = data(23, 3, seed=0, dtype=torch.float64)
    model = LinearRegression(3, seeded()).double()
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=seeded())
    losses, _ = trained(chapter, model, loader, 2, optimizers=Still)
    X, y = dataset.tensors
    whole = mean_squared_error(model(X), y).item()
    assert losses == pytest.approx([whole] * 2, rel=1e-14)


# What it costs.


@every_model
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_the_loop_over_the_pieces_asks_for_no_more_than_the_loop_by_hand(
    chapter: Chapter, make_model: Callable[[int, int], nn.Module], batch_size: int
) -> None:
    dataset = data(100, 3, 0)
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=seeded())
    over_pieces = count_operations(lambda: trained(chapter, make_model(3, 0), loader, 3))
    by_hand = count_operations(
        lambda: chapter.module.train_by_hand(
            make_model(3, 0),
            mean_squared_error,
            *dataset.tensors,
            3,
            batch_size,
            0.1,
            seeded(),
        )
    )
    # It waits for the device once an epoch, the loop by hand at each step.
    waits = "_local_scalar_dense"
    assert (over_pieces[waits], by_hand[waits]) == (3, 3 * len(loader))
    assert over_pieces["mm"] == by_hand["mm"]
    assert batch_size == 100 or over_pieces.total() < by_hand.total()
