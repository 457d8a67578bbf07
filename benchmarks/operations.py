"""The operations that torch is asked for in an epoch: exact, the same on every machine."""

from benchmarks.rows import Row, rows_of
from benchmarks.training import CONTENDERS, JOBS
from groundup import count_operations

COUNTED = ("by hand", "bare", "groundup", "naive trainer", "torch")
SETTINGS = ["the training jobs, whole; what is set up before the first step counts, too"]


def measure(threads: int) -> list[Row]:
    """Rows for each training job."""
    rows = []
    for name, job in JOBS.items():
        counts = {
            contender: [
                float(count_operations(lambda train=train, job=job: train(job)).total())
            ]
            for contender, train in CONTENDERS[name].items()
            if contender in COUNTED
        }
        rows += rows_of("operations", counts, "by hand", threads, name, unit="operations")
    return rows
