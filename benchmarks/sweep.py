"""One model trained at many learning rates: run by run, at once, and not at all (the closed form)."""

import copy

import torch

from benchmarks.rounds import in_turns
from benchmarks.rows import Row, rows_of
from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    closed_form_path,
    make_regression,
    mean_squared_error,
    sweep,
)

EPOCHS = 50
SETTINGS = [
    f"{EPOCHS} epochs on 4096 × 6, learning rates from 0.001 to 0.8, evenly spaced on a log axis",
    "closed form: the path of each rate from the eigenvalues; it knows that the model is linear",
]


def measure(threads: int) -> list[Row]:
    """Rows for 4, 16, 64 and 256 learning rates."""
    generator = torch.Generator().manual_seed(42)
    X, y = make_regression(4096, 6, generator=generator)
    model = LinearRegression(6, generator)
    rows = []
    for count in (4, 16, 64, 256):
        rates = torch.logspace(-3, -0.1, count).tolist()

        def single_runs(rates: list[float] = rates) -> None:
            for rate in rates:
                config = NaiveTrainerConfig(EPOCHS, rate)
                NaiveTrainer(copy.deepcopy(model), mean_squared_error, X, y, config).train()

        def at_once(rates: list[float] = rates) -> None:
            sweep(model, mean_squared_error, X, y, rates, EPOCHS)

        def closed_form(rates: list[float] = rates) -> None:
            for rate in rates:
                closed_form_path(X, y, model.weights, model.bias, rate, EPOCHS)

        works = {
            "naive trainer": single_runs,
            "groundup": at_once,
            "closed form": closed_form,
        }
        setting = f"{count} rates × {EPOCHS} epochs"
        rows += rows_of("sweep", in_turns(works), "naive trainer", threads, setting)
    return rows
