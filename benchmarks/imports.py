"""What `import` costs, in fresh processes."""

from benchmarks.fresh import number_from, peak
from benchmarks.rows import Row, rows_of

ROUNDS = 7
IMPORTS = {
    "torch": "torch",
    "groundup": "groundup",
    "fabric": "lightning.fabric",
    "ignite": "ignite.engine",
    "lightning": "lightning.pytorch",
    "transformers": "transformers.trainer",
    "skorch": "skorch",
}
SETTINGS = [
    "the module that holds the trainer, in a fresh process; the first round, which reads the disk, is not counted",
]

TIMED = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def measure(threads: int) -> list[Row]:
    """A row for each; the reference is torch alone, which all of them need."""
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for i in range(ROUNDS + 1):
        for name, module in IMPORTS.items():
            took = number_from(TIMED.format(module))
            if i > 0:
                seconds[name].append(took)
    memory = {
        name: peak(f"def work():\n    import {module}", warm=False)
        for name, module in IMPORTS.items()
    }
    return rows_of(
        "import", seconds, "torch", threads, "a fresh process", peak_megabytes=memory
    )
