"""The operations that torch is asked for in an epoch: exact, the same on every machine."""

from functools import partial

from benchmarks.rows import Row, rows_of
from benchmarks.training import CONTENDERS, JOBS
from groundup import count_operations

COUNTED = ("by hand", "bare", "groundup", "naive trainer", "torch")
SETTINGS = {
    "all": [
        "the training jobs, whole, set up as there; what is asked for before the first "
        "step counts, too",
        "the frameworks' trainers are left out: this part runs in `make test`, without "
        "them",
    ]
}


def measure(threads: int, job: str) -> list[Row]:
    """Rows for each training job."""
    rows = []
    for name, training in JOBS.items():
        counts = {
            contender: [float(count_operations(partial(train, training)).total())]
            for contender, train in CONTENDERS[name].items()
            if contender in COUNTED
        }
        rows += rows_of(job, counts, "by hand", threads, name, unit="operations")
    return rows
