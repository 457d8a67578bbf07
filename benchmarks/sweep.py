"""How much faster `sweep` trains 64 learning rates than 64 runs of `NaiveTrainer`."""

import copy

import torch
from rounds import compare

from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    make_regression,
    mean_squared_error,
    sweep,
)

EPOCHS = 50
RATES = torch.logspace(-3, -0.1, 64)


def main() -> None:
    """Print what the rounds came to."""
    generator = torch.Generator().manual_seed(42)
    X, y = make_regression(4096, 6, generator=generator)
    model = LinearRegression(6, generator)

    def single_runs() -> None:
        for rate in RATES.tolist():
            config = NaiveTrainerConfig(EPOCHS, rate)
            NaiveTrainer(copy.deepcopy(model), mean_squared_error, X, y, config).train()

    def one_sweep() -> None:
        sweep(model, mean_squared_error, X, y, RATES, EPOCHS)

    job = f"{len(RATES)} rates × {EPOCHS} epochs on {X.shape[0]} × {X.shape[1]}"
    compare(job, {"sweep": one_sweep, "single runs": single_runs})


if __name__ == "__main__":
    main()
