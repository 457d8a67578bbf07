"""The equivalence ladder of chapter four: what lies around a step, and by hand.

The trainer's loop knows none of it. What it trains by a stack of wrappers has the numbers,
and costs the operations, of a loop that does all of it itself.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import lr_scheduler

from groundup import (
    MLP,
    SGD,
    Accumulated,
    AdamW,
    AdamWRecipe,
    AveragedModel,
    Averaging,
    Clipped,
    CosineSchedule,
    DataLoader,
    Scheduled,
    Trainer,
    TrainerConfig,
    TrainerResult,
    binary_cross_entropy_with_logits,
    count_operations,
    evaluate,
)
from tests.helpers import assert_identical, seeded, values
from tests.optimizers.penguins import BIRDS, furthest, network

loss = binary_cross_entropy_with_logits
EPOCHS, SIZE, RATE, DECAY, NORM, EVERY, KEEP = 3, 32, 0.02, 0.1, 0.3, 4, 0.9
SCHEDULE = CosineSchedule(warmup_steps=2)
BATCHES = 11
TOTAL = EPOCHS * BATCHES // EVERY
Outcome = tuple[TrainerResult, tuple[Tensor, ...]]


def loader() -> DataLoader:
    return DataLoader(BIRDS, SIZE, shuffle=True, generator=seeded())


def by_the_trainer() -> Outcome:
    model = AveragedModel(network(), KEEP)
    inside = Averaging(
        Clipped(AdamW(model.parameters(), RATE, weight_decay=DECAY), NORM), model
    )
    optimizer = Accumulated(Scheduled(inside, SCHEDULE, TOTAL), EVERY)
    result = Trainer(
        model,
        optimizer.weighing(loss),
        optimizer,
        loader(),
        epochs=EPOCHS,
        val_loader=[BIRDS[:]],
    ).train()
    return result, values(model)


def by_hand() -> Outcome:
    model = network()
    average = copy.deepcopy(model).requires_grad_(False)
    params: list[Any] = list(model.parameters())
    moments: list[Any] = []
    result, batches, samples, updates = TrainerResult(), 0, 0, 0
    train_loader, held_out = loader(), [BIRDS[:]]
    for _ in range(EPOCHS):
        total, seen = torch.zeros((), dtype=torch.float64), 0
        for inputs, targets in train_loader:
            if batches % EVERY == 0:
                samples = 0
                for p in params:
                    p.grad = None
            value = loss(model(inputs), targets)
            value.backward(torch.ones_like(value) * len(targets))
            total.add_(value.detach(), alpha=len(targets))
            seen, samples, batches = (
                seen + len(targets),
                samples + len(targets),
                batches + 1,
            )
            if batches % EVERY == 0:
                with torch.no_grad():
                    for p in params:
                        p.grad /= samples
                    norms = [torch.linalg.vector_norm(p.grad) for p in params]
                    norm = torch.linalg.vector_norm(torch.stack(norms))
                    factor = (NORM / (norm + 1e-6)).clamp(max=1.0)
                    for p in params:
                        p.grad *= factor
                    if not moments:
                        moments = [
                            (torch.tensor(0.0), torch.zeros_like(p), torch.zeros_like(p))
                            for p in params
                        ]
                    lr = RATE * SCHEDULE(updates, TOTAL)
                    for p, (step, m, v) in zip(params, moments, strict=True):
                        step += 1
                        p *= 1 - lr * DECAY
                        m.lerp_(p.grad, 1 - 0.9)
                        v.mul_(0.999).addcmul_(p.grad, p.grad, value=1 - 0.999)
                        k = step.item()
                        root = v.sqrt().div_((1 - 0.999**k) ** 0.5).add_(1e-8)
                        p.addcdiv_(m, root, value=-lr / (1 - 0.9**k))
                    for a, p in zip(average.parameters(), params, strict=True):
                        a.copy_(p) if updates == 0 else a.lerp_(p, 1 - KEEP)
                updates += 1
        validated = evaluate(average, held_out, {"loss": loss})
        result.record(total.item() / seen, validated)
    return result, (*values(model), *values(average))


def with_torchs_pieces() -> Outcome:
    """Without the average, which is held to torch's elsewhere."""
    model, result, batches, samples = network(), TrainerResult(), 0, 0
    optimizer = torch.optim.AdamW(
        model.parameters(), RATE, weight_decay=DECAY, foreach=False
    )
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: SCHEDULE(step, TOTAL))
    train_loader = loader()
    for _ in range(EPOCHS):
        for inputs, targets in train_loader:
            if batches % EVERY == 0:
                samples = 0
                optimizer.zero_grad()
            (loss(model(inputs), targets) * len(targets)).backward()
            samples, batches = samples + len(targets), batches + 1
            if batches % EVERY == 0:
                for p in model.parameters():
                    p.grad.div_(samples)  # type: ignore[union-attr]
                clip_grad_norm_(model.parameters(), NORM, foreach=False)
                optimizer.step()
                scheduler.step()
    return result, values(model)


def test_the_whole_stack_by_hand_gives_the_trainer_bit_for_bit() -> None:
    (result, parameters), (expected, by_hands) = by_the_trainer(), by_hand()
    assert_identical(parameters, by_hands)
    assert result == expected
    assert result.val_losses[-1] < 0.65


def test_the_trainer_dispatches_not_one_operation_more_than_the_same_by_hand() -> None:
    ours, theirs = count_operations(by_the_trainer), count_operations(by_hand)
    assert ours == theirs


def test_the_recipes_run_is_that_of_torchs_pieces_bit_for_bit() -> None:
    config = TrainerConfig(
        epochs=EPOCHS,
        batch_size=SIZE,
        learning_rate=RATE,
        weight_decay=DECAY,
        optimizer=AdamWRecipe(),
        schedule=SCHEDULE,
        max_gradient_norm=NORM,
        accumulate=EVERY,
    )
    model = network()
    config.build(model, loss, BIRDS).train()
    assert_identical(values(model), with_torchs_pieces()[1])


def test_the_order_of_the_wrappers_is_an_order_of_effects() -> None:
    # Of one that clips each batch, by hand, the numbers are others.
    def ended(stack: Callable[[Any], Any]) -> tuple[Tensor, ...]:
        model = network()
        optimizer = Accumulated(stack(SGD(model.parameters(), 0.5)), EVERY)
        weighed = optimizer.weighing(loss)
        Trainer(model, weighed, optimizer, loader(), epochs=1).train()
        return values(model)

    def around(optimizer: Any) -> Any:
        return Scheduled(Clipped(optimizer, NORM), SCHEDULE, TOTAL)

    def inside(optimizer: Any) -> Any:
        return Clipped(Scheduled(optimizer, SCHEDULE, TOTAL), NORM)

    assert_identical(ended(around), ended(inside))  # a rate is no part of a gradient
    assert furthest(ended(around), ended(lambda optimizer: optimizer)) > 1e-2


# Where momentum comes from: chapter one's forgotten zero_grad.


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_a_factor_in_place_of_the_zeroing_is_momentum_bit_for_bit(beta: float) -> None:
    faded, heavy = network(), network()
    optimizer = SGD(heavy.parameters(), 0.05, momentum=beta)
    inputs, targets = BIRDS[:]
    for _ in range(100):
        for p in faded.parameters():
            if p.grad is not None:
                p.grad *= beta
        loss(faded(inputs), targets).backward()
        with torch.no_grad():
            for p in faded.parameters():
                p -= 0.05 * p.grad  # type: ignore[operator, misc]
        optimizer.zero_grad()
        loss(heavy(inputs), targets).backward()
        optimizer.step()
    assert_identical(values(faded), values(heavy))


def test_a_forgotten_zero_grad_is_torchs_momentum_of_one() -> None:
    forgetful, heavy = network(), network()
    ours = SGD(forgetful.parameters(), 0.001)
    theirs = torch.optim.SGD(heavy.parameters(), 0.001, momentum=1.0)
    inputs, targets = BIRDS[:]
    for _ in range(100):
        loss(forgetful(inputs), targets).backward()
        ours.step()
        theirs.zero_grad()
        loss(heavy(inputs), targets).backward()
        theirs.step()
    assert furthest(values(forgetful), values(heavy)) < 2e-7


# Drop-in, both ways.


class Bridge(torch.optim.Optimizer):
    """One of ours as one of torch's, for what asks for the type: its groups are shared."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        super().__init__(optimizer.param_groups, optimizer.defaults)

    def step(self, closure: Any = None) -> Any:
        self.optimizer.step()


def trained_with(make: Callable[[nn.Module], Any], steps: int = 60) -> tuple[Tensor, ...]:
    """Return the parameters after steps of an optimizer, clipped and scheduled by torch."""
    model = network()
    optimizer = make(model)
    bridge = Bridge(optimizer) if not isinstance(optimizer, torch.optim.Optimizer) else None
    scheduler = lr_scheduler.OneCycleLR(bridge or optimizer, 0.05, steps)
    for i in range(steps):
        inputs, targets = BIRDS[5 * i % 300 : 5 * i % 300 + 16]
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        clip_grad_norm_(model.parameters(), 0.3)
        (bridge or optimizer).step()
        scheduler.step()
    return values(model)


def test_ours_in_torchs_schedulers_by_a_bridge_and_clipping_is_torchs_bit_for_bit() -> None:
    assert_identical(
        trained_with(lambda model: AdamW(model.parameters(), 0.01)),
        trained_with(lambda model: torch.optim.AdamW(model.parameters(), 0.01)),
    )


def test_torchs_schedulers_take_no_other_type() -> None:
    optimizer: Any = SGD(network().parameters(), 0.1)
    with pytest.raises(TypeError, match=r"^SGD is not an Optimizer$"):
        lr_scheduler.StepLR(optimizer, 1)


def test_torchs_in_our_wrappers_is_as_ours_bit_for_bit() -> None:
    def trained(kind: Any, **more: Any) -> tuple[Tensor, ...]:
        model = AveragedModel(MLP(4, 16, seeded()), KEEP)
        inside = Clipped(kind(model.parameters(), RATE, **more), NORM)
        optimizer = Accumulated(Averaging(Scheduled(inside, SCHEDULE, TOTAL), model), EVERY)
        weighed = optimizer.weighing(loss)
        Trainer(model, weighed, optimizer, loader(), epochs=EPOCHS).train()
        return values(model)

    assert_identical(trained(AdamW), trained(torch.optim.AdamW, foreach=False))


def test_torchs_gradient_scaler_steps_ours() -> None:
    plain, scaled = network(), network()
    optimizer = AdamW(plain.parameters(), 0.01)
    other: Any = Clipped(AdamW(scaled.parameters(), 0.01), 1e9)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for i in range(20):
        inputs, targets = BIRDS[8 * i : 8 * i + 8]
        optimizer.zero_grad()
        loss(plain(inputs), targets).backward()
        optimizer.step()
        other.zero_grad()
        scaler.scale(loss(scaled(inputs), targets)).backward()
        scaler.unscale_(other)
        scaler.step(other)
        scaler.update()
    assert_identical(values(scaled), values(plain))  # a power of two costs no digit
    before = values(scaled)
    for p in scaled.parameters():
        p.grad = torch.full_like(p, torch.inf)
    scaler.step(other)  # an infinity is passed over
    assert_identical(values(scaled), before)
