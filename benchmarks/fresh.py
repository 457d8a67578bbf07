"""What a process of its own needs: time and memory, which leftovers would blur."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
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
"""Defines `peak_of`: the megabytes that a call needs beyond what is there, on Linux."""


def number_from(program: str) -> float:
    """Return the number that a program prints last, in a fresh process with one thread."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a fresh process failed: {done.stderr.strip()}\n{program}")
    return float(done.stdout.split()[-1])


def peaks(programs: Mapping[str, str], warm: bool = True) -> dict[str, float | None]:
    """Return the megabytes that each program's `work` needs at its peak; None if unknown.

    Memory is not time: these processes need not take turns, and run side by side.

    Args:
        programs: a contender → a program that defines `work`.
        warm: call it once before, so that what is needed only once does not count.
    """
    if not Path("/proc/self/clear_refs").exists():
        return dict.fromkeys(programs)
    once = "work()" if warm else ""
    whole = [f"{PEAK}\n{p}\n{once}\nprint(peak_of(work))" for p in programs.values()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [round(megabytes, 1) for megabytes in pool.map(number_from, whole)]
    return dict(zip(programs, found, strict=True))
