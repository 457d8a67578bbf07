"""The equivalence ladder of chapter five: digits by our layers, by torch's and by hand.

The loop is that of chapter three, and knows nothing of dropout, modes or classes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup import (
    SGD,
    DataLoader,
    Dataset,
    Dropout,
    Linear,
    Trainer,
    TrainerResult,
    accuracy,
    count_operations,
    cross_entropy,
    load_digits,
    random_split,
)
from tests.helpers import assert_identical, seeded, values

EPOCHS, SIZE, RATE, HIDDEN, P = 5, 32, 0.5, 32, 0.25
SEED = 3  # of what is dropped

images, classes = load_digits()
TRAIN, VAL = random_split(Dataset(images.flatten(1), classes), [0.6, 0.4], seeded())
HELD_OUT = DataLoader(VAL, 256)


class Outcome(NamedTuple):
    """What a run leaves behind."""

    result: TrainerResult
    parameters: tuple[Tensor, ...]
    random_state: Tensor


def batches() -> DataLoader:
    return DataLoader(TRAIN, SIZE, shuffle=True, generator=seeded())


def network(dropout: Callable[[], nn.Module]) -> nn.Sequential:
    generator = seeded()
    return nn.Sequential(
        Linear(64, HIDDEN, generator),
        nn.Tanh(),
        dropout(),
        Linear(HIDDEN, HIDDEN, generator),
        nn.Tanh(),
        dropout(),
        Linear(HIDDEN, 10, generator),
    )


def in_torchs_layers(ours: nn.Sequential) -> nn.Sequential:
    """The same network, from the same weights, of torch's linear layers."""
    layers: list[nn.Module] = []
    for layer in ours:
        if isinstance(layer, Linear):
            theirs = nn.Linear(*layer.weight.shape)
            with torch.no_grad():
                theirs.weight.copy_(layer.weight.T)
                theirs.bias.copy_(layer.bias)
            layers.append(theirs)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def trained(model: nn.Module, loss: Callable[[Any, Any], Tensor]) -> TrainerResult:
    return Trainer(
        model,
        loss,
        SGD(model.parameters(), RATE),
        batches(),
        epochs=EPOCHS,
        val_loader=HELD_OUT,
        metrics={"accuracy": accuracy},
    ).train()


def by_our_pieces(loss: Callable[[Any, Any], Tensor] = cross_entropy) -> Outcome:
    generator = seeded(SEED)
    model = network(lambda: Dropout(P, generator))
    result = trained(model, loss)
    return Outcome(result, values(model), generator.get_state())


def by_torchs_dropout(
    loss: Callable[[Any, Any], Tensor] = cross_entropy,
    layers: Callable[[nn.Sequential], nn.Sequential] = lambda model: model,
) -> Outcome:
    with torch.random.fork_rng():
        model = layers(network(lambda: nn.Dropout(P)))
        torch.manual_seed(SEED)
        result = trained(model, loss)
        return Outcome(result, values(model), torch.get_rng_state())


def by_hand() -> Outcome:
    generator, drops = seeded(), seeded(SEED)

    def layer(inputs: int, outputs: int) -> list[Tensor]:
        bound = inputs**-0.5
        return [
            torch.empty(shape).uniform_(-bound, bound, generator=generator).requires_grad_()
            for shape in ((inputs, outputs), (outputs,))
        ]

    params = [*layer(64, HIDDEN), *layer(HIDDEN, HIDDEN), *layer(HIDDEN, 10)]

    def logits_of(inputs: Tensor, training: bool) -> Tensor:
        x = inputs
        for weight, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
            x = torch.tanh(x @ weight + bias)
            if training:
                mask = torch.empty_like(x).bernoulli_(1 - P, generator=drops)
                x = x * mask.div_(1 - P)
        return x @ params[-2] + params[-1]

    def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
        log_p = logits.log_softmax(1)
        return (-log_p.gather(1, targets.unsqueeze(1)).squeeze(1)).mean()

    result, train_loader = TrainerResult(metrics={"accuracy": []}), batches()
    for _ in range(EPOCHS):
        total, seen = torch.zeros((), dtype=torch.float64), 0
        for inputs, targets in train_loader:
            for p in params:
                p.grad = None
            loss = loss_of(logits_of(inputs, training=True), targets)
            loss.backward()
            with torch.no_grad():
                for p in params:
                    p -= RATE * p.grad  # type: ignore[operator]
            total.add_(loss.detach(), alpha=len(targets))
            seen += len(targets)
        sums = {name: torch.zeros((), dtype=torch.float64) for name in ("loss", "accuracy")}
        held_out = 0
        with torch.no_grad():
            for inputs, targets in HELD_OUT:
                logits = logits_of(inputs, training=False)
                n = len(targets)
                sums["loss"].add_(loss_of(logits, targets), alpha=n)
                sums["accuracy"].add_(accuracy(logits, targets), alpha=n)
                held_out += n
        validated = {name: value.item() / held_out for name, value in sums.items()}
        result.record(total.item() / seen, validated)
    parameters = tuple(p.detach().clone() for p in params)
    return Outcome(result, parameters, drops.get_state())


def furthest(one: Outcome, other: Outcome) -> tuple[float, float]:
    """By how much two runs differ at most: in a parameter, and in a loss."""
    pairs = zip(one.parameters, other.parameters, strict=True)
    losses = [
        torch.tensor(run.result.train_losses + run.result.val_losses).double()
        for run in (one, other)
    ]
    return (
        max((a - b).abs().max().item() for a, b in pairs),
        (losses[0] - losses[1]).abs().max().item(),
    )


def assert_the_same(one: Outcome, other: Outcome) -> None:
    assert one.result == other.result
    assert_identical(one.parameters, other.parameters)
    assert_identical(one.random_state, other.random_state)


def test_by_hand_and_by_our_pieces_a_run_is_the_same_bit_for_bit() -> None:
    ours = by_our_pieces()
    assert_the_same(ours, by_hand())
    assert ours.result.metrics["accuracy"][-1] > 0.85


def test_the_trainer_dispatches_not_one_operation_more_than_the_same_by_hand() -> None:
    assert count_operations(by_our_pieces) == count_operations(by_hand)


def test_torchs_dropout_from_the_same_random_state_gives_the_same_run_bit_for_bit() -> None:
    assert_the_same(by_our_pieces(), by_torchs_dropout())


def test_torchs_cross_entropy_gives_the_same_weights_bit_for_bit() -> None:
    ours, theirs = by_our_pieces(), by_our_pieces(F.cross_entropy)
    assert_identical(ours.parameters, theirs.parameters)
    assert furthest(ours, theirs)[1] < 2e-7
    assert ours.result.metrics == theirs.result.metrics


def test_torchs_layers_and_loss_together_give_the_same_run_to_rounding() -> None:
    # torch's linear layer adds the bias as it multiplies, ours adds it to the product.
    ours, theirs = by_our_pieces(), by_torchs_dropout(F.cross_entropy, in_torchs_layers)
    lying_as_ours = tuple(p.T if p.dim() == 2 else p for p in theirs.parameters)
    parameters, losses = furthest(ours, theirs._replace(parameters=lying_as_ours))
    assert parameters < 2e-6
    assert losses < 1e-6
    assert_identical(ours.random_state, theirs.random_state)
