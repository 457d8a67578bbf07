"""`python -m benchmarks`: every job, or one; a table, the file of results, the README's table and the charts."""

import argparse
import time
from importlib import import_module

import torch

from benchmarks import report, rows

JOBS = {
    "operations": ("operations", False),
    "train-full-batch": ("training", True),
    "train-full-batch-bulk": ("training", True),
    "train-mini-batch": ("training", True),
    "train-network": ("training", True),
    "loader": ("loader", False),
    "sweep": ("sweep", True),
    "import": ("imports", False),
    "growth": ("growth", True),
    "browser": ("browser", False),
}
"""A job → its module, and whether all cores are a case of their own."""


def measured(job: str) -> list[rows.Row]:
    """The rows of a job: with one thread, and with all where that may matter."""
    module, all_cores = JOBS[job]
    measure = import_module(f"benchmarks.{module}").measure
    cores = torch.get_num_threads()
    found = []
    for threads in sorted({1, cores}) if all_cores else [1]:
        torch.set_num_threads(threads)
        found += measure(threads, job) if module == "training" else measure(threads)
    torch.set_num_threads(cores)
    return found


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--job", choices=JOBS, help="one job only: the others' rows stay")
    asked = parser.parse_args().job
    for job in [asked] if asked else JOBS:
        start = time.perf_counter()
        new = measured(job)
        every = rows.write(new)
        print(report.table(new))
        print(f"({job}: {time.perf_counter() - start:.0f} s)", flush=True)
    report.write_readme(every)
    report.write_charts(every)


if __name__ == "__main__":
    main()
