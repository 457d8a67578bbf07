"""One model trained at many learning rates: run by run, at once, and not at all."""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.rows import Row, rows_of
from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    make_regression,
    mean_squared_error,
    oracle,
    sweep,
    time_in_turns,
)

EPOCHS = {4: 50, 16: 50, 64: 50, 256: 20}
"""How many rates → how many epochs."""

SETTINGS = {
    "all": [
        "4096 × 6, learning rates from 0.001 to 0.8, evenly spaced on a log axis",
        "all keep each epoch's loss and parameters; the last weights are compared before "
        "anything is timed",
    ],
    "naive trainer": ["a NaiveTrainer for each rate, one after the other: the reference"],
    "groundup": [
        "`sweep`: one batched graph by torch.func.vmap, one wide product for all rates"
    ],
    "closed form": [
        "the floor: the path of each rate from the eigenvalues, without training; it "
        "knows that the model is linear"
    ],
}

GENERATOR = torch.Generator().manual_seed(42)
X, y = make_regression(4096, 6, generator=GENERATOR)
MODEL = LinearRegression(6, GENERATOR)


def naive_trainer(rates: list[float], epochs: int) -> list[Tensor]:
    """Train run by run. Gives each run's last weights, as the others do."""
    weights = []
    for rate in rates:
        config = NaiveTrainerConfig(epochs, rate)
        model = copy.deepcopy(MODEL)
        result = NaiveTrainer(model, mean_squared_error, X, y, config).train()
        weights.append(result.parameters[-1][0])
    return weights


def at_once(rates: list[float], epochs: int) -> list[Tensor]:
    """Train all runs in one."""
    result = sweep(MODEL, mean_squared_error, X, y, rates, epochs)
    return list(result.parameters[0][:, -1])


def closed_form(rates: list[float], epochs: int) -> list[Tensor]:
    """Train nothing: the closed form."""
    paths = (
        oracle.closed_form_path(X, y, MODEL.weights, MODEL.bias, rate, epochs)
        for rate in rates
    )
    return [path.parameters[-1][0] for path in paths]


CONTENDERS: dict[str, Callable[[list[float], int], list[Tensor]]] = {
    "naive trainer": naive_trainer,
    "groundup": at_once,
    "closed form": closed_form,
}


def check(rates: list[float], epochs: int) -> None:
    """Hold all contenders to the first.

    Raises:
        ValueError: if one ends at other weights; it is named.
    """
    expected = torch.stack(CONTENDERS["naive trainer"](rates, epochs)).double()
    for name, work in CONTENDERS.items():
        off = (torch.stack(work(rates, epochs)).double() - expected).abs().max().item()
        if not off < 1e-4:
            raise ValueError(
                f"{name} in sweep must end at the weights of the naive trainer, got some "
                f"that are off by {off:.3g}"
            )


def measure(threads: int, job: str) -> list[Row]:
    """Rows for 4, 16, 64 and 256 learning rates."""
    rows = []
    for count, epochs in EPOCHS.items():
        rates = torch.logspace(-3, -0.1, count).tolist()
        if count == min(EPOCHS):
            check(rates, epochs)
        rounds = time_in_turns(
            {name: partial(work, rates, epochs) for name, work in CONTENDERS.items()}
        )
        setting = f"{count} rates × {epochs} epochs"
        rows += rows_of(job, rounds, "naive trainer", threads, setting)
    return rows
