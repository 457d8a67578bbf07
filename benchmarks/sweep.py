"""How much faster `sweep` trains 64 learning rates than 64 runs of `NaiveTrainer`, both in turn in one process."""

import copy
import statistics
import time
from collections.abc import Callable

import torch

from groundup import (
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    make_regression,
    mean_squared_error,
    sweep,
)

ROUNDS = 9
EPOCHS = 50
RATES = torch.logspace(-3, -0.1, 64)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the rounds' median and least times and the median of their ratios."""
    generator = torch.Generator().manual_seed(42)
    X, y = make_regression(4096, 6, generator=generator)
    model = LinearRegression(6, generator)

    def single_runs() -> None:
        for rate in RATES.tolist():
            config = NaiveTrainerConfig(EPOCHS, rate)
            NaiveTrainer(copy.deepcopy(model), mean_squared_error, X, y, config).train()

    def one_sweep() -> None:
        sweep(model, mean_squared_error, X, y, RATES, EPOCHS)

    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        single_runs(), one_sweep()  # the first calls import and allocate
        rounds = [(seconds(single_runs), seconds(one_sweep)) for _ in range(ROUNDS)]
        ratios = [single / swept for single, swept in rounds]
        print(
            f"{threads} thread(s), {len(RATES)} rates × {EPOCHS} epochs on {X.shape[0]} × {X.shape[1]}"
        )
        for name, times in zip(
            ("single runs", "sweep"), zip(*rounds, strict=True), strict=True
        ):
            print(
                f"  {name:12} {min(times):.3f} s least, {statistics.median(times):.3f} s median"
            )
        print(
            f"  sweep is {statistics.median(ratios):.1f} times faster (median of {ROUNDS} rounds, "
            f"{min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    main()
