"""Going through tensors in memory, shuffled, and doing nothing with the batches."""

from collections.abc import Callable, Iterable
from itertools import islice

import torch
from torch.utils.data import BatchSampler, RandomSampler, TensorDataset
from torch.utils.data import DataLoader as TorchDataLoader

from benchmarks.fresh import peak
from benchmarks.rounds import in_turns
from benchmarks.rows import Row, rows_of
from groundup import DataLoader, Dataset, make_regression

AT_MOST = 100_000
"""Samples taken in a pass: more would tell nothing new, and torch's loader takes seconds for a million."""

CONTENDERS = ("groundup", "torch", "torch batch sampler", "torch workers")
SETTINGS = [
    "tensors in memory, 6 features and a target; a new order each pass, drawn within the time",
    f"at most {AT_MOST:,} samples of a pass are taken",
    "torch batch sampler: a BatchSampler as sampler and batch_size=None, so that a batch is one indexing",
    "torch workers: num_workers=2, persistent_workers=True",
    "peak memory: of one pass in a fresh process, beyond the data; without the workers' own",
]


def loader_of(contender: str, samples: int, batch_size: int) -> Iterable[object]:
    """A contender's loader over data from a seed."""
    X, y = make_regression(samples, 6, generator=torch.Generator().manual_seed(0))
    if contender == "groundup":
        return DataLoader(Dataset(X, y), batch_size, shuffle=True)
    dataset = TensorDataset(X, y)
    if contender == "torch batch sampler":
        sampler = BatchSampler(RandomSampler(dataset), batch_size, drop_last=False)
        return TorchDataLoader(dataset, None, sampler=sampler)
    workers = {"num_workers": 2, "persistent_workers": True}
    options = workers if contender == "torch workers" else {}
    return TorchDataLoader(dataset, batch_size, shuffle=True, **options)


def going_through(contender: str, samples: int, batch_size: int) -> Callable[[], None]:
    """One pass, or the first part of it."""
    loader = loader_of(contender, samples, batch_size)

    def work() -> None:
        for _ in islice(loader, min(AT_MOST, samples) // batch_size):
            pass

    return work


def measure(threads: int) -> list[Row]:
    """Rows for each size of the data and each batch size."""
    rows = []
    for samples in (100_000, 1_000_000):
        for batch_size in (32, 256, 4096):
            case = samples, batch_size
            # Workers hand over some thousand batches a second: at 32 samples that is all they would show.
            names = [c for c in CONTENDERS if c != "torch workers" or batch_size > 32]
            rounds = in_turns({name: going_through(name, *case) for name in names})
            taken = min(AT_MOST, samples) // batch_size * batch_size
            rows += rows_of(
                "loader",
                rounds,
                "groundup",
                threads,
                f"{samples:,} × 6, batches of {batch_size}",
                samples_per_second={n: round(taken / min(s)) for n, s in rounds.items()},
                peak_megabytes={name: _peak(name, *case) for name in names},
            )
    return rows


def _peak(contender: str, samples: int, batch_size: int) -> float | None:
    return peak(
        "from benchmarks.loader import going_through\n"
        f"work = going_through({contender!r}, {samples}, {batch_size})"
    )
