"""What a process of its own needs: its time and its memory, which another's leftovers would blur."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.rows import ROOT

PEAK = """
from pathlib import Path

def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

def peak_of(work):
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before
"""
"""Defines `peak_of`: the megabytes that a call needs beyond what is there; Linux alone knows."""


def number_from(program: str) -> float:
    """The number that a program prints last, run in a fresh process with one thread."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def peak(program: str, warm: bool = True) -> float | None:
    """The megabytes that `work`, which the program defines, needs at its peak; None where no one can say.

    Args:
        program: defines `work`.
        warm: call it once before, so that what is needed only once does not count.
    """
    if not Path("/proc/self/clear_refs").exists():
        return None
    once = "work()" if warm else ""
    return round(number_from(f"{PEAK}\n{program}\n{once}\nprint(peak_of(work))"), 1)
