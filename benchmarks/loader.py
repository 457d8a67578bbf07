"""Going through tensors in memory, shuffled, and doing nothing with the batches."""

import statistics
from collections.abc import Callable, Iterable
from itertools import islice

import torch
from torch.utils.data import BatchSampler, RandomSampler, TensorDataset
from torch.utils.data import DataLoader as TorchDataLoader

from benchmarks.fresh import peaks
from benchmarks.rows import Row, rows_of
from groundup import DataLoader, Dataset, make_regression, time_in_turns

BATCHES_OF_WORKERS = 100
"""Batches taken from workers, who hand over some hundreds a second."""

SIZES = {100_000: (32, 256, 4096), 1_000_000: (32, 256)}
"""How many samples → the batch sizes in which all of them are taken."""

CONTENDERS = ("groundup", "torch", "torch batch sampler", "torch workers")
SETTINGS = {
    "all": [
        "tensors in memory, 6 features and a target; a new order each pass, drawn within "
        "the time",
        "whole passes: a part would pay for the order of all samples",
        "with all cores one case alone: what a loader does is hardly what torch divides "
        "among threads",
        "peak memory: of one pass in a fresh process, beyond the data; not of workers, "
        "who have processes of their own",
    ],
    "groundup": ["`DataLoader(Dataset(X, y), batch_size, shuffle=True)`"],
    "torch": [
        "`DataLoader(TensorDataset(X, y), batch_size, shuffle=True)`, its defaults: "
        "sample by sample, in this process"
    ],
    "torch batch sampler": [
        "as torch, with `sampler=BatchSampler(RandomSampler(…), batch_size)`, "
        "`batch_size=None`: one indexing a batch"
    ],
    "torch workers": [
        "as torch, with `num_workers=2, persistent_workers=True`: they are started before "
        "the time is taken",
        f"at most {BATCHES_OF_WORKERS} batches are taken, and the time is scaled up to the "
        "others' samples",
    ],
}


def loader_of(contender: str, samples: int, batch_size: int) -> Iterable[object]:
    """Return a contender's loader over data from a seed."""
    X, y = make_regression(samples, 6, generator=torch.Generator().manual_seed(0))
    if contender == "groundup":
        return DataLoader(Dataset(X, y), batch_size, shuffle=True)
    dataset = TensorDataset(X, y)
    if contender == "torch batch sampler":
        sampler = BatchSampler(RandomSampler(dataset), batch_size, drop_last=False)
        return TorchDataLoader(dataset, None, sampler=sampler)
    workers = 2 if contender == "torch workers" else 0
    return TorchDataLoader(
        dataset,
        batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def batches(contender: str, samples: int, batch_size: int) -> int:
    """Return how many are taken in a pass."""
    of_all = samples // batch_size
    return min(of_all, BATCHES_OF_WORKERS) if contender == "torch workers" else of_all


def going_through(contender: str, samples: int, batch_size: int) -> Callable[[], None]:
    """Return what makes one pass, or the first part of it."""
    loader = loader_of(contender, samples, batch_size)

    def work() -> None:
        for _ in islice(loader, batches(contender, samples, batch_size)):
            pass

    return work


def measure(threads: int, job: str) -> list[Row]:
    """Rows for each size of the data and each batch size."""
    rows = []
    for samples, sizes in (SIZES if threads == 1 else {100_000: (32,)}).items():
        for batch_size in sizes:
            case = samples, batch_size
            taken = {name: batches(name, *case) for name in CONTENDERS}
            most = taken["groundup"]
            timed = time_in_turns({name: going_through(name, *case) for name in CONTENDERS})
            rounds = {
                name: [took * most / taken[name] for took in seconds]
                for name, seconds in timed.items()
            }
            memory = peaks(
                {
                    name: "from benchmarks.loader import going_through\n"
                    f"work = going_through{(name, *case)}"
                    for name in CONTENDERS
                    if name != "torch workers"
                }
            )
            rows += rows_of(
                job,
                rounds,
                "groundup",
                threads,
                f"{samples:,} × 6, batches of {batch_size}",
                samples_per_second={
                    name: round(most * batch_size / statistics.median(seconds))
                    for name, seconds in rounds.items()
                },
                peak_megabytes={name: memory.get(name) for name in CONTENDERS},
            )
    return rows
