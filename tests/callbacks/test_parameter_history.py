"""ParameterHistory."""

from typing import Any

import pytest
import torch
from torch import nn

from groundup import (
    MLP,
    SGD,
    Callback,
    DataLoader,
    Dataset,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    ParameterHistory,
    Trainer,
    count_operations,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded, values

X, y = make_regression(5, 2, generator=seeded())
STEPS, EPOCHS = 3, 2


def trainer_of(*callbacks: Callback, model: nn.Module | None = None) -> Trainer:
    model = LinearRegression(2, seeded()) if model is None else model
    return Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.1),
        DataLoader(Dataset(X, y), batch_size=2),
        epochs=EPOCHS,
        callbacks=callbacks,
    )


class Beside(Callback):
    """Copies at each step, written another way."""

    def __init__(self) -> None:
        self.steps: list[tuple[torch.Tensor, ...]] = []

    def on_step_end(self, trainer: Trainer) -> None:
        self.steps.append(values(trainer.model))


def test_the_history_of_a_full_batch_is_what_the_naive_trainer_keeps() -> None:
    model, twin, history = MLP(2, 3, seeded()), MLP(2, 3, seeded()), ParameterHistory()
    loader = DataLoader(Dataset(X, y), batch_size=5)
    optimizer = SGD(model.parameters(), 0.1)
    Trainer(
        model, mean_squared_error, optimizer, loader, epochs=7, callbacks=[history]
    ).train()
    naive = NaiveTrainer(twin, mean_squared_error, X, y, NaiveTrainerConfig(7, 0.1)).train()
    assert len(history.parameters) == 7
    assert_identical(history.parameters, naive.parameters)


@pytest.mark.parametrize("every", ["epoch", "step"])
def test_an_entry_is_what_the_parameters_were_after_each_epoch_or_step(every: Any) -> None:
    history, beside = ParameterHistory(every), Beside()
    trainer_of(beside, history).train()
    expected = beside.steps if every == "step" else beside.steps[STEPS - 1 :: STEPS]
    assert len(history.parameters) == (EPOCHS * STEPS if every == "step" else EPOCHS)
    assert_identical(history.parameters, expected)


def test_by_default_it_copies_after_each_epoch() -> None:
    assert ParameterHistory().every == "epoch"
    assert ParameterHistory().parameters == []


def test_entries_are_detached_copies_in_the_order_of_the_parameters_frozen_ones_too() -> (
    None
):
    model, history = MLP(2, 3, seeded()), ParameterHistory(every="step")
    model.hidden_bias.requires_grad_(False)
    start = values(model)
    trainer_of(history, model=model).train()
    kept = [tuple(p.clone() for p in entry) for entry in history.parameters]
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(7)
    assert_identical(history.parameters, kept)
    assert [[p.shape for p in entry] for entry in kept] == [[p.shape for p in start]] * 6
    assert not any(p.requires_grad for entry in history.parameters for p in entry)
    assert_identical([entry[1] for entry in history.parameters], [start[1]] * 6)
    for copied in history.parameters[0]:
        copied.fill_(9)
    assert_identical(history.parameters[1:], kept[1:])


def test_a_second_run_goes_on_at_the_end() -> None:
    class Once(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            trainer.stop("once")

    history, whole = ParameterHistory(), ParameterHistory()
    trainer = trainer_of(history, Once())
    trainer.train()
    assert len(history.parameters) == 1
    trainer.train()
    trainer_of(whole).train()
    assert_identical(history.parameters, whole.parameters)


def test_two_histories_do_not_share_their_entries() -> None:
    first, second = ParameterHistory(), ParameterHistory()
    trainer_of(first).train()
    assert second.parameters == []


@pytest.mark.parametrize(("every", "copies"), [("epoch", EPOCHS), ("step", EPOCHS * STEPS)])
def test_it_costs_a_copy_of_each_parameter_and_nothing_else(
    every: Any, copies: int
) -> None:
    watched = count_operations(trainer_of(ParameterHistory(every)).train)
    alone = count_operations(trainer_of().train)
    assert watched - alone == {"detach": 2 * copies, "clone": 2 * copies}


@pytest.mark.parametrize("every", ["batch", "", None, 1, ["step"]])
def test_another_rhythm_is_refused_with_its_value(every: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^every must be 'epoch' or 'step', got "
    ) as refused:
        ParameterHistory(every)
    assert str(refused.value).endswith(repr(every))
