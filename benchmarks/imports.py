"""What `import` costs, in fresh processes."""

from benchmarks.fresh import number_from, peaks
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
SETTINGS = {
    "all": [
        "each import in a process of its own, one after the other, in turns",
        "before it is timed, each module is imported once to find its memory: so all of "
        "them are read from the disk's cache, and compiled",
        "peak memory: beyond Python's own",
    ],
    **{name: [f"`import {module}`"] for name, module in IMPORTS.items()},
}
SETTINGS["fabric"].append(
    "this runs `lightning/__init__.py`, which imports all of Lightning"
)

TIMED = """
import os, time
start = time.perf_counter()
import {}
print(time.perf_counter() - start, flush=True)
os._exit(0)  # to take the modules down again takes some of them a second
"""


def measure(threads: int, job: str) -> list[Row]:
    """Return a row for each; the reference is torch alone, which all of them need."""
    names = list(IMPORTS)
    memory = peaks(
        {name: f"def work():\n    import {module}" for name, module in IMPORTS.items()},
        warm=False,
    )
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(ROUNDS):
        turn = i % len(names)
        for name in names[turn:] + names[:turn]:
            seconds[name].append(number_from(TIMED.format(IMPORTS[name])))
    return rows_of(job, seconds, "torch", threads, "a fresh process", peak_megabytes=memory)
