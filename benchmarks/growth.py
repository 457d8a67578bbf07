"""One step over all samples at once, as there are more of them: linear?"""

from collections.abc import Callable

import torch

from benchmarks.fresh import peaks
from benchmarks.rows import Row, rows_of
from groundup import (
    SGD,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    make_regression,
    mean_squared_error,
    time_in_turns,
)

SAMPLES = {f"{10**exponent:,} samples": 10**exponent for exponent in range(3, 8)}
SETTINGS = {
    "all": [
        "LinearRegression of 6 features; one epoch of one batch of everything, by "
        "groundup.Trainer",
        "peak memory: of a second epoch in a fresh process, beyond the data; with one "
        "thread",
        "where a tensor has more than 32 MB, glibc gives its memory back after each step, "
        "and the next one pays for fresh pages, in the loader's copy and in the model's "
        "own results alike: from a million samples to ten it is more than ten times. Told "
        "to keep it (`GLIBC_TUNABLES=glibc.malloc.mmap_max=0:"
        "glibc.malloc.trim_threshold=20000000000`), it is about ten",
    ]
}


def one_epoch(samples: int) -> Callable[[], None]:
    """Return what trains one epoch of one batch, ready to be called again and again."""
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


def measure(threads: int, job: str) -> list[Row]:
    """Rows for 10³ to 10⁷ samples; the reference is a thousand."""
    works = {name: one_epoch(samples) for name, samples in SAMPLES.items()}
    rows = rows_of(
        job, time_in_turns(works), "1,000 samples", threads, "one step over all samples"
    )
    if threads == 1:
        work = "from benchmarks.growth import one_epoch\nwork = one_epoch({})"
        memory = peaks({name: work.format(samples) for name, samples in SAMPLES.items()})
        rows = [row | {"peak_megabytes": memory[row["contender"]]} for row in rows]
    return rows
