"""The jobs: what each asks, which module measures it, and how its contenders are set up."""

from importlib import import_module
from typing import NamedTuple

import torch

from benchmarks.rows import Row


class Job(NamedTuple):
    """What `make bench` can be asked for by name."""

    module: str
    """Has `measure(threads, job)` and `SETTINGS`: "all" or a contender → what is set."""

    question: str
    """What its rows answer."""

    all_cores: bool = False
    """Whether it is measured with one thread and with all, or with one only."""


JOBS = {
    "operations": Job(
        "operations",
        "How many operations does a whole training run ask of torch? Exact, and no matter "
        "of time.",
    ),
    "train-full-batch": Job(
        "training",
        "Every sample in one batch: what does each contender take, set up as its own "
        "documentation does it?",
        all_cores=True,
    ),
    "train-full-batch-bulk": Job(
        "training",
        "The same, where torch's loader is made to gather the whole batch at once: what "
        "do the trainers alone take?",
        all_cores=True,
    ),
    "train-mini-batch": Job(
        "training",
        "Many small steps: what does a step cost beside its arithmetic?",
        all_cores=True,
    ),
    "train-network": Job(
        "training",
        "A network large enough that arithmetic dominates: how much of the overhead is "
        "left?",
        all_cores=True,
    ),
    "loader": Job(
        "loader",
        "How long does it take to go through data in memory, shuffled?",
        all_cores=True,
    ),
    "sweep": Job(
        "sweep",
        "One model at many learning rates: run by run, or all at once?",
        all_cores=True,
    ),
    "optimizers": Job(
        "optimizers",
        "What does a step of AdamW take, by itself?",
    ),
    "checkpoint": Job(
        "checkpoint",
        "What does it take to save a run, and what is the same when it is resumed from the "
        "file in mid-epoch?",
    ),
    "import": Job("imports", "What does `import` cost before anything is trained?"),
    "growth": Job(
        "growth",
        "One step over all samples: does it grow as the samples do?",
        all_cores=True,
    ),
    "browser": Job(
        "browser",
        "How long does a reader wait, from the address to the first chart, and from a "
        "slider's move to the picture?",
    ),
    "pages": Job(
        "pages",
        "How long does a reader of a published page wait, from a control's move to the "
        "picture?",
    ),
}
"""A name → a job, in the order in which they run."""


def measured(name: str) -> list[Row]:
    """Measure a job: return its rows, new ones."""
    job = JOBS[name]
    # Imported when it is needed: the browsers' bring marimo, and beside that transformers
    # asks for IPython.
    measure = import_module(f"benchmarks.{job.module}").measure
    cores = torch.get_num_threads()
    rows: list[Row] = []
    for threads in sorted({1, cores}) if job.all_cores else [1]:
        torch.set_num_threads(threads)
        rows += measure(threads, name)
    torch.set_num_threads(cores)
    return rows


def settings(name: str) -> dict[str, list[str]]:
    """Return how contenders are set up: "all", or a contender → what is set."""
    found: dict[str, list[str]] = import_module(f"benchmarks.{JOBS[name].module}").SETTINGS
    return found
