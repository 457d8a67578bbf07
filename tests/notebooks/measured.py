"""What `make bench` found, for chapters that tell it."""

import json
from typing import Any

from groundup import notebook

OURS = notebook.BENCHMARKS


def rows() -> list[dict[str, Any]]:
    """Return what was measured."""
    found: list[dict[str, Any]] = json.loads(OURS.read_text("utf-8"))
    return found


def ratio(job: str, contender: str, threads: int = 1, **values: Any) -> float:
    """Return a contender's ratio in the project's own file."""
    wanted = {"job": job, "contender": contender, "threads": threads} | values
    (found,) = [r["ratio"] for r in rows() if wanted.items() <= r.items()]
    return float(found)
