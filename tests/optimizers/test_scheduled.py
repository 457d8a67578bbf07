"""Scheduled: the rate that a step is taken with."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import lr_scheduler

from groundup import (
    SGD,
    AdamW,
    Callback,
    ConstantSchedule,
    CosineSchedule,
    Dataset,
    LinearRegression,
    LinearSchedule,
    Scheduled,
    Trainer,
    TrainerConfig,
    mean_squared_error,
)
from tests.helpers import assert_identical
from tests.optimizers.penguins import network, train


def two_groups(kind: Any, model: Any, **options: Any) -> Any:
    first, *rest = model.parameters()
    groups: list[dict[str, Any]] = [{"params": [first]}, {"params": rest, "lr": 0.003}]
    return kind(groups, lr=0.01, **options)


def ready() -> Tensor:
    p = torch.zeros(1, requires_grad=True)
    p.grad = torch.ones(1)
    return p


def test_each_groups_rate_follows_as_with_torchs_lambda_lr_bit_for_bit() -> None:
    ours, theirs = network(), network()
    schedule, steps = CosineSchedule(warmup_steps=5, final=0.1), 60
    scheduled = Scheduled(two_groups(AdamW, ours), schedule, steps)
    bare = two_groups(torch.optim.AdamW, theirs)
    by_lambda = lr_scheduler.LambdaLR(bare, lambda step: schedule(step, steps))

    class ByHand:
        """Torch's order of calls: the optimizer's step, then the scheduler's."""

        zero_grad = bare.zero_grad

        def step(self) -> None:
            bare.step()
            by_lambda.step()

    assert_identical(train(ours, scheduled, steps), train(theirs, ByHand(), steps))


def test_the_rate_after_a_step_is_the_one_that_it_was_taken_with() -> None:
    p = ready()
    optimizer = Scheduled(SGD([p], 2.0), LinearSchedule(), 4)
    rates = []
    for _ in range(4):
        before = p.item()
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        assert before - p.item() == rates[-1]
    assert rates == [2.0, 1.5, 1.0, 0.5]
    assert optimizer.steps == 4


def test_a_rate_of_zero_may_come() -> None:
    p = ready()
    Scheduled(SGD([p], 2.0), LinearSchedule(final=0.0), 1)
    optimizer = Scheduled(SGD([p], 2.0), lambda step, total: 0.0, 1)
    optimizer.step()
    assert p.item() == 0


def test_a_run_that_takes_more_steps_keeps_its_last_rate_and_says_so() -> None:
    p = ready()
    optimizer = Scheduled(SGD([p], 1.0), LinearSchedule(), 2)
    optimizer.step()
    optimizer.step()
    with pytest.warns(RuntimeWarning, match=r"^a run of total_steps=2 goes on at its last"):
        optimizer.step()
    assert (p.item(), optimizer.steps) == (-2, 3)
    longer = Scheduled(SGD([p], 1.0), LinearSchedule(), 4)
    longer.load_state_dict(optimizer.state_dict())
    longer.step()
    assert (p.item(), longer.steps) == (-2.25, 4)


def test_a_run_that_was_stopped_in_mid_epoch_goes_on_to_its_end() -> None:
    class StopInMidEpoch(Callback):
        def on_step_end(self, trainer: Trainer) -> None:
            if trainer.step == 3:
                trainer.stop("enough for now")

    config = TrainerConfig(
        epochs=2, batch_size=2, learning_rate=0.1, schedule=LinearSchedule()
    )
    data = Dataset(torch.ones(8, 2), torch.ones(8, 1))
    trainer = config.build(
        LinearRegression(2), mean_squared_error, data, callbacks=[StopInMidEpoch()]
    )
    trainer.train()
    with pytest.warns(RuntimeWarning, match="goes on at its last rate"):
        result = trainer.train()
    assert (len(result.train_losses), trainer.step) == (2, 3 + 8)


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (-0.1, "the schedule's factor must not be negative, got -0.1"),
        (math.nan, "the schedule's factor must be finite, got nan"),
        (math.inf, "the schedule's factor must be finite, got inf"),
    ],
)
@pytest.mark.parametrize("when", [0, 1, 3])
def test_a_factor_that_is_negative_or_none_is_refused_before_that_steps_parameters_move(
    factor: float, message: str, when: int
) -> None:
    p = ready()

    def schedule(step: int, total: int) -> float:
        return factor if step == when else 1.0

    refused = pytest.raises(ValueError, match=f"^{re.escape(message)}$")
    if when in (0, 3):  # the first and the last are looked at before the run
        with refused:
            Scheduled(SGD([p], 1.0), schedule, 4)
        return
    optimizer = Scheduled(SGD([p], 1.0), schedule, 4)
    optimizer.step()
    with refused:
        optimizer.step()
    assert (p.item(), optimizer.steps) == (-1, 1)


@pytest.mark.parametrize(
    ("schedule", "total", "error", "message"),
    [
        (CosineSchedule(9), 8, ValueError, "warmup_steps must be at most 8, the total of"),
        (CosineSchedule(), 0, ValueError, "total_steps must be at least 1, got 0"),
        (CosineSchedule(), 2.5, TypeError, "total_steps must be an integer, got 2.5 (flo"),
        (
            CosineSchedule,
            8,
            TypeError,
            "schedule must be callable as schedule(step, total_",
        ),
        (
            "cosine",
            8,
            TypeError,
            "schedule must be callable as schedule(step, total_steps)",
        ),
        (lambda s, t: "1", 8, TypeError, "the schedule's factor must be a number, got '1'"),
    ],
)
def test_a_schedule_or_a_total_that_does_not_fit_is_refused(
    schedule: Any, total: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        Scheduled(SGD([ready()], 0.1), schedule, total)


def test_a_group_that_comes_after_the_wrapping_is_refused_at_the_next_step() -> None:
    p, late = ready(), ready()
    optimizer = Scheduled(SGD([p], 1.0), ConstantSchedule(), 4)
    optimizer.optimizer.add_param_group({"params": [late]})
    with pytest.raises(ValueError, match=r"^optimizer must have the 1 groups that it had"):
        optimizer.step()
    assert p.item() == late.item() == 0


@pytest.mark.parametrize("changed", [{"rates": [0.1, 0.1]}, {"steps": -1}], ids=str)
def test_a_state_of_another_run_is_refused(changed: dict[str, Any]) -> None:
    optimizer = Scheduled(SGD([ready()], 1.0), ConstantSchedule(), 8)
    with pytest.raises(ValueError, match=r"^st"):
        optimizer.load_state_dict(optimizer.state_dict() | changed)
    assert optimizer.steps == 0


def test_a_resumed_runs_first_rates_are_those_that_it_began_with() -> None:
    optimizer = Scheduled(SGD([ready()], 1.0), LinearSchedule(), 4)
    optimizer.step()
    optimizer.step()
    p = ready()
    resumed = Scheduled(SGD([p], 7.0), LinearSchedule(), 4)
    resumed.load_state_dict(optimizer.state_dict())
    resumed.step()
    assert resumed.param_groups[0]["lr"] == -p.item() == 0.5
