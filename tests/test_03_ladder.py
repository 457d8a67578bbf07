"""The equivalence ladder of chapter three.

The trainer gives the numbers, and costs the work, of what it replaces.
"""

from collections.abc import Callable, Iterable
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
    LogisticRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    ParameterHistory,
    Trainer,
    TrainerResult,
    binary_accuracy,
    binary_cross_entropy_with_logits,
    count_operations,
    make_regression,
    mean_squared_error,
    oracle,
)
from tests.helpers import assert_identical, seeded, values
from tests.strategies import seeds, sizes
from tests.test_02_ladder import MODELS, data, every_dtype, every_model

Loss = Callable[[Tensor, Tensor], Tensor]


def mean_error(predictions: Tensor, targets: Tensor) -> Tensor:
    return (predictions - targets).abs().mean()


def by_hand(
    model: nn.Module,
    loss: Loss,
    train_loader: Iterable[Any],
    learning_rate: float,
    epochs: int,
    weight_decay: float = 0.0,
    val_loader: Iterable[Any] = (),
    metrics: dict[str, Loss] | None = None,
) -> tuple[TrainerResult, list[tuple[Tensor, ...]]]:
    """A mini-batch loop: it zeroes, updates, averages, validates and copies."""
    params: list[Tensor] = list(model.parameters())
    measures = {"loss": loss} | (metrics or {})
    train_losses, parameters = [], []
    validated: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(epochs):
        total, samples = torch.zeros((), dtype=torch.float64), 0
        for inputs, targets in train_loader:
            for p in params:
                p.grad = None
            value = loss(model(inputs), targets)
            value.backward()
            with torch.no_grad():
                for p in params:
                    if weight_decay:
                        p -= learning_rate * (p.grad + weight_decay * p)  # type: ignore[operator]
                    else:
                        p -= learning_rate * p.grad  # type: ignore[operator]
            total.add_(value.detach(), alpha=len(targets))
            samples += len(targets)
        train_losses.append(total.item() / samples)
        totals: dict[str, Tensor] = {}
        samples = 0
        with torch.no_grad():
            for inputs, targets in val_loader:
                if not samples:
                    totals = {m: torch.zeros((), dtype=torch.float64) for m in measures}
                predictions = model(inputs)
                for name, measure in measures.items():
                    totals[name].add_(measure(predictions, targets), alpha=len(targets))
                samples += len(targets)
        for name, total in totals.items():
            validated[name].append(total.item() / samples)
        parameters.append(tuple(p.detach().clone() for p in model.parameters()))
    return TrainerResult(train_losses, validated.pop("loss"), validated), parameters


def by_the_trainer(
    model: nn.Module,
    loss: Loss,
    train_loader: Iterable[Any],
    learning_rate: float,
    epochs: int,
    weight_decay: float = 0.0,
    **options: Any,
) -> tuple[TrainerResult, list[tuple[Tensor, ...]]]:
    history = ParameterHistory()
    optimizer = SGD(model.parameters(), learning_rate, weight_decay=weight_decay)
    trainer = Trainer(
        model, loss, optimizer, train_loader, epochs=epochs, callbacks=[history], **options
    )
    return trainer.train(), history.parameters


# One batch of all the data


@every_model
@every_dtype
@pytest.mark.parametrize("learning_rate", [0.01, 0.1, 3.0])
@pytest.mark.parametrize("batch_size", [16, 1000])
def test_one_batch_of_all_the_data_gives_the_naive_trainer_bit_for_bit(
    make_model: Callable[[int, int], nn.Module],
    dtype: torch.dtype,
    learning_rate: float,
    batch_size: int,
) -> None:
    dataset = data(16, 3, seed=0, dtype=dtype)  # times 16 and divided by it: exact
    model, twin = make_model(3, 0).to(dtype), make_model(3, 0).to(dtype)
    result, parameters = by_the_trainer(
        model, mean_squared_error, DataLoader(dataset, batch_size), learning_rate, 30
    )
    X, y = dataset.tensors
    config = NaiveTrainerConfig(30, learning_rate)
    naive = NaiveTrainer(twin, mean_squared_error, X, y, config).train()
    assert_identical(result.train_losses, naive.losses)
    assert_identical(parameters, naive.parameters)


@given(
    seed=seeds,
    num_samples=st.integers(1, 20),
    num_features=sizes,
    epochs=st.integers(0, 8),
    learning_rate=st.floats(1e-3, 0.5),
)
def test_one_batch_of_all_the_data_gives_the_naive_trainer_for_any_data(
    seed: int, num_samples: int, num_features: int, epochs: int, learning_rate: float
) -> None:
    dataset = data(num_samples, num_features, seed)
    model, twin = MLP(num_features, 3, seeded(seed)), MLP(num_features, 3, seeded(seed))
    loader = DataLoader(dataset, num_samples)
    result, parameters = by_the_trainer(
        model, mean_squared_error, loader, learning_rate, epochs
    )
    X, y = dataset.tensors
    config = NaiveTrainerConfig(epochs, learning_rate)
    naive = NaiveTrainer(twin, mean_squared_error, X, y, config).train()
    assert_identical(parameters, naive.parameters)
    eps = torch.finfo(torch.float32).eps
    assert result.train_losses == pytest.approx(naive.losses, rel=eps, nan_ok=True)


def test_one_batch_of_all_the_data_follows_the_closed_form() -> None:
    dataset = data(50, 3, seed=0, dtype=torch.float64)
    model = LinearRegression(3, seeded()).double()
    X, y = dataset.tensors
    weights, bias = values(model)
    path = oracle.closed_form_path(X, y, weights, bias, 0.1, 40)
    result, parameters = by_the_trainer(
        model, mean_squared_error, DataLoader(dataset, 50), 0.1, 40
    )
    torch.testing.assert_close(result.train_losses, path.losses, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(parameters, path.parameters, rtol=1e-9, atol=1e-12)


# The mini-batch loop written by hand


@given(
    seed=seeds,
    num_samples=st.integers(1, 20),
    num_features=sizes,
    batch_size=st.integers(1, 8),
    epochs=st.integers(0, 4),
    learning_rate=st.floats(1e-3, 0.5),
    weight_decay=st.sampled_from([0.0, 0.01, 0.3]),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    make_model=st.sampled_from([*MODELS.values()]),
)
def test_the_mini_batch_loop_by_hand_gives_the_trainer_bit_for_bit(
    seed: int,
    num_samples: int,
    num_features: int,
    batch_size: int,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    shuffle: bool,
    drop_last: bool,
    make_model: Callable[[int, int], nn.Module],
) -> None:
    drop_last = drop_last and batch_size <= num_samples
    dataset, held_out = (
        data(num_samples, num_features, seed),
        data(7, num_features, seed + 1),
    )

    def run(train: Callable[..., Any]) -> Any:
        model = make_model(num_features, seed)
        loader = DataLoader(
            dataset,
            batch_size,
            shuffle=shuffle,
            generator=seeded(seed),
            drop_last=drop_last,
        )
        return train(
            model,
            mean_squared_error,
            loader,
            learning_rate,
            epochs,
            weight_decay,
            val_loader=DataLoader(held_out, batch_size),
            metrics={"error": mean_error},
        )

    result, parameters = run(by_the_trainer)
    expected, expected_parameters = run(by_hand)
    assert_identical(parameters, expected_parameters)
    assert_identical(result.train_losses, expected.train_losses)
    assert_identical(result.val_losses, expected.val_losses)
    assert_identical(result.metrics, expected.metrics)


def test_the_mean_over_unequal_batches_is_the_mean_over_all_samples_at_once() -> None:
    dataset = data(23, 3, seed=0, dtype=torch.float64)
    model = LinearRegression(3, seeded()).double()
    whole = mean_squared_error(model(dataset.tensors[0]), dataset.tensors[1]).item()

    class Still:
        def zero_grad(self) -> None: ...
        def step(self) -> None: ...

    result = Trainer(
        model,
        mean_squared_error,
        Still(),
        DataLoader(dataset, 5, shuffle=True, generator=seeded()),
        epochs=2,
        val_loader=DataLoader(dataset, 4),
    ).train()
    assert result.train_losses == pytest.approx([whole] * 2, rel=1e-14)
    assert result.val_losses == pytest.approx([whole] * 2, rel=1e-14)


# torch's loader and torch's optimizer


@every_model
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_loader_and_the_optimizer_of_torch_give_the_same_to_rounding(
    make_model: Callable[[int, int], nn.Module], weight_decay: float, drop_last: bool
) -> None:
    dataset, held_out = data(23, 3, 0, torch.float64), data(9, 3, 1, torch.float64)
    model, twin = make_model(3, 0).double(), make_model(3, 0).double()
    history = ParameterHistory()
    torchs = Trainer(
        twin,
        nn.MSELoss(),
        torch.optim.SGD(twin.parameters(), lr=0.1, weight_decay=weight_decay),
        TorchDataLoader(
            TensorDataset(*dataset.tensors), 4, drop_last=drop_last, generator=seeded()
        ),
        epochs=20,
        val_loader=TorchDataLoader(TensorDataset(*held_out.tensors), 4, generator=seeded()),
        metrics={"error": nn.L1Loss()},
        callbacks=[history],
    ).train()
    ours, parameters = by_the_trainer(
        model,
        mean_squared_error,
        DataLoader(dataset, 4, drop_last=drop_last),
        0.1,
        20,
        weight_decay,
        val_loader=DataLoader(held_out, 4),
        metrics={"error": mean_error},
    )
    torch.testing.assert_close(history.parameters, parameters, rtol=1e-12, atol=1e-12)
    for name in ("train_losses", "val_losses"):
        assert getattr(torchs, name) == pytest.approx(getattr(ours, name), rel=1e-12)
    assert torchs.metrics["error"] == pytest.approx(ours.metrics["error"], rel=1e-12)


# What it costs


@every_model
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize(
    ("weight_decay", "validated", "shuffle"),
    [(0.0, False, False), (0.1, False, True), (0.0, True, True), (0.1, True, False)],
)
def test_the_trainer_dispatches_not_one_operation_more_than_the_loop_by_hand(
    make_model: Callable[[int, int], nn.Module],
    batch_size: int,
    weight_decay: float,
    validated: bool,
    shuffle: bool,
) -> None:
    dataset, held_out = data(10, 3, 0), data(5, 3, 1)

    def run(train: Callable[..., Any]) -> Callable[[], Any]:
        options: dict[str, Any] = {}
        if validated:
            options["val_loader"] = DataLoader(held_out, 2)
            options["metrics"] = {"error": mean_error}
        model, loader = (
            make_model(3, 0),
            DataLoader(dataset, batch_size, shuffle=shuffle, generator=seeded()),
        )
        return lambda: train(
            model, mean_squared_error, loader, 0.1, 3, weight_decay, **options
        )

    assert count_operations(run(by_the_trainer)) == count_operations(run(by_hand))


def test_a_classifier_with_a_metric_costs_what_its_loop_by_hand_does() -> None:
    X, y = make_regression(10, 3, generator=seeded())
    dataset = Dataset(X, (y > 0).float())

    def run(train: Callable[..., Any]) -> Any:
        return train(
            LogisticRegression(3, seeded()),
            binary_cross_entropy_with_logits,
            DataLoader(dataset, 4, shuffle=True, generator=seeded()),
            0.5,
            6,
            val_loader=DataLoader(dataset, 3),
            metrics={"accuracy": binary_accuracy},
        )

    results: list[Any] = []
    counts = [
        count_operations(lambda: results.append(run(train)))  # noqa: B023 (called at once)
        for train in (by_the_trainer, by_hand)
    ]
    assert counts[0] == counts[1]
    (result, parameters), (expected, expected_parameters) = results
    assert result == expected
    assert_identical(parameters, expected_parameters)
    assert result.metrics["accuracy"][-1] > 0.8


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_the_device_is_waited_for_once_a_measure_and_epoch_however_many_steps_there_are(
    steps: int,
) -> None:
    dataset = data(steps, 3, 0)
    model = LinearRegression(3, seeded())
    trainer = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        DataLoader(dataset, 1),
        epochs=2,
        val_loader=DataLoader(dataset, 1),
        metrics={"error": mean_error},
    )
    counts = count_operations(trainer.train)
    assert counts["_local_scalar_dense"] == 2 * (1 + 2)
    assert counts["mm"] >= 2 * 2 * steps
