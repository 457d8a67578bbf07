"""One step over all samples at once, as there are more of them: linear?"""

import torch

from benchmarks.fresh import peak
from benchmarks.rounds import in_turns
from benchmarks.rows import Row, rows_of
from groundup import (
    SGD,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    make_regression,
    mean_squared_error,
)

SETTINGS = [
    "LinearRegression of 6 features; one epoch of one batch of everything, by groundup.Trainer",
    "peak memory: of a second epoch in a fresh process, beyond the data",
]


def one_epoch(samples: int) -> object:
    """What trains one epoch of one batch, ready to be called again and again."""
    X, y = make_regression(samples, 6, generator=torch.Generator().manual_seed(0))
    model = LinearRegression(6, torch.Generator().manual_seed(1))
    trainer = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.01),
        DataLoader(Dataset(X, y), samples),
        epochs=0,
    )

    def work() -> None:
        trainer.epochs += 1
        trainer.train()

    return work


def measure(threads: int) -> list[Row]:
    """Rows for 10³ to 10⁷ samples; the reference is a thousand."""
    works = {f"{10**e:,} samples": one_epoch(10**e) for e in range(3, 8)}
    memory = {
        f"{10**e:,} samples": peak(
            f"from benchmarks.growth import one_epoch\nwork = one_epoch({10**e})"
        )
        for e in range(3, 8)
    }
    return rows_of(
        "growth",
        in_turns(works),
        "1,000 samples",
        threads,
        "one step over all samples",
        peak_megabytes=memory,
    )
