"""AveragedModel and Averaging: torch's averaged weights, which validation sees."""

import copy
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from groundup import (
    SGD,
    Accumulated,
    AdamW,
    AveragedModel,
    Averaging,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    binary_cross_entropy_with_logits,
    count_operations,
    evaluate,
    make_regression,
    mean_squared_error,
)
from tests.helpers import assert_identical, seeded, seeded_module, values
from tests.optimizers.penguins import BIRDS, network, train

DATA = Dataset(*make_regression(20, 3, generator=seeded()))


def averaged(decay: float = 0.5) -> tuple[AveragedModel, Averaging]:
    model = AveragedModel(LinearRegression(3, seeded()), decay)
    return model, Averaging(SGD(model.parameters(), 0.1), model)


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
def test_five_hundred_averages_are_torchs_bit_for_bit(decay: float) -> None:
    ours, theirs = AveragedModel(network(), decay), network()
    function = swa_utils.get_ema_multi_avg_fn(decay)
    torchs = swa_utils.AveragedModel(theirs, multi_avg_fn=function)
    train(ours, Averaging(AdamW(ours.parameters(), 0.01), ours))  # type: ignore[arg-type]
    bare = AdamW(theirs.parameters(), 0.01)

    class ByHand:
        zero_grad = bare.zero_grad

        def step(self) -> None:
            bare.step()
            torchs.update_parameters(theirs)

    train(theirs, ByHand())
    assert_identical(values(ours.model), values(theirs))
    assert_identical(values(ours.average), values(torchs.module))


def run(model: nn.Module, optimizer: Any) -> Any:
    loader = DataLoader(BIRDS, 32, shuffle=True, generator=seeded())
    return Trainer(
        model,
        binary_cross_entropy_with_logits,
        optimizer,
        loader,
        epochs=3,
        val_loader=[BIRDS[:]],
    ).train()


def test_training_is_that_without_and_validation_sees_the_average() -> None:
    bare, model = network(), AveragedModel(network(), 0.9)
    without = run(bare, AdamW(bare.parameters(), 0.01))
    optimizer = Averaging(AdamW(model.parameters(), 0.01), model)
    result = run(model, optimizer)
    assert_identical(result.train_losses, without.train_losses)
    assert_identical(values(model.model), values(bare))
    measures = {"loss": binary_cross_entropy_with_logits}
    assert result.val_losses[-1] == evaluate(model.average, [BIRDS[:]], measures)["loss"]
    assert result.val_losses[-1] != without.val_losses[-1]


def test_buffers_are_copied() -> None:
    inner = seeded_module(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    model = AveragedModel(inner, 0.9)
    for _ in range(3):
        model(DATA.tensors[0])
        model.update()
    assert_identical([*model.average.buffers()], [*inner.buffers()])


def test_the_average_has_no_gradients_and_shares_nothing_with_the_model() -> None:
    model, optimizer = averaged()
    mean_squared_error(model(DATA.tensors[0]), DATA.tensors[1]).backward()
    optimizer.step()
    assert all(p.grad is None and not p.requires_grad for p in model.average.parameters())
    before = values(model.average)
    optimizer.step()
    assert not torch.equal(before[0], values(model.average)[0])
    assert_identical(values(AveragedModel(model.model, 0.5).average), values(model.model))


def test_an_average_goes_on_from_the_models_state_bit_for_bit() -> None:
    (model, optimizer), (other, other_optimizer) = averaged(), averaged()
    for _ in range(3):
        mean_squared_error(model(DATA.tensors[0]), DATA.tensors[1]).backward()
        optimizer.step()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    other_optimizer.load_state_dict(optimizer.state_dict())
    assert other.updates == 3
    for each, stepping in ((model, optimizer), (other, other_optimizer)):
        stepping.zero_grad()
        mean_squared_error(each(DATA.tensors[0]), DATA.tensors[1]).backward()
        stepping.step()
    assert_identical(other.state_dict(), model.state_dict())


def test_inside_accumulated_it_counts_updates_and_not_batches() -> None:
    model = AveragedModel(LinearRegression(3, seeded()), 0.5)
    inside = Averaging(SGD(model.parameters(), 0.1), model)
    optimizer = Accumulated(inside, 3)
    loss = optimizer.weighing(mean_squared_error)
    Trainer(model, loss, optimizer, DataLoader(DATA, 2), epochs=1).train()
    assert model.updates == optimizer.updates == 3


def test_an_update_is_one_operation_a_parameter() -> None:
    model, _ = averaged()
    assert count_operations(model.update) == {"copy_": 2}
    assert count_operations(model.update) == {"lerp_": 2}


def test_a_model_is_called_with_all_its_inputs() -> None:
    bilinear = seeded_module(nn.Bilinear(2, 3, 1))
    one, other = torch.ones(4, 2), torch.ones(4, 3)
    expected: Tensor = bilinear(one, other)
    assert_identical(AveragedModel(bilinear, 0.5)(one, other), expected)


@pytest.mark.parametrize(
    ("decay", "error", "message"),
    [
        (1.0, ValueError, "decay must be at least 0 and less than 1, got 1.0"),
        (-0.1, ValueError, "decay must be at least 0 and less than 1, got -0.1"),
        (math.nan, ValueError, "decay must be finite, got nan"),
        ("0.9", TypeError, "decay must be a number, got '0.9' (str)"),
    ],
)
def test_a_decay_out_of_its_range_is_named(
    decay: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        AveragedModel(LinearRegression(1, seeded()), decay)


def test_what_is_averaged_is_a_model_and_what_updates_it_moves_it() -> None:
    model, _ = averaged()
    with pytest.raises(TypeError, match=r"^model must be a torch.nn.Module, got "):
        AveragedModel(values, 0.5)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"^averaged_model must be a groundup.AveragedModel"
    ):
        Averaging(SGD(model.parameters(), 0.1), model.model)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^optimizer must hold parameters of the model"):
        Averaging(SGD(LinearRegression(3, seeded()).parameters(), 0.1), model)
