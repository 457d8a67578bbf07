"""What a measurement leaves behind: one row a contender, all of them in one file."""

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "groundup/benchmarks.json"
Row = dict[str, Any]
DISTRIBUTIONS = {
    "torch": "torch",
    "fabric": "lightning",
    "ignite": "pytorch-ignite",
    "lightning": "lightning",
    "transformers": "transformers",
    "skorch": "skorch",
}
"""A contender's first word → what is installed for it, whose version a row keeps."""


def rows_of(
    job: str,
    rounds: Mapping[str, Sequence[float]],
    reference: str,
    threads: int,
    setting: str,
    unit: str = "s",
    **more: Mapping[str, object],
) -> list[Row]:
    """Return a row for each contender, from what its rounds came to.

    Args:
        job: the job's name.
        rounds: a contender → one number a round, all in the same order.
        reference: the contender that the ratios are to: the median of the ratios within a
            round.
        threads: how many torch used.
        setting: what was done, in words.
        unit: of the rounds.
        more: a name → what else is known: a contender → a value.
    """
    rows = []
    for contender, measured in rounds.items():
        pairs = zip(measured, rounds[reference], strict=True)
        row = {
            "job": job,
            "setting": setting,
            "contender": contender,
            "threads": threads,
            "ratio": _short(statistics.median(a / b for a, b in pairs)),
            "unit": unit,
            "minimum": _short(min(measured)),
            "median": _short(statistics.median(measured)),
            "maximum": _short(max(measured)),
            "rounds": [_short(value) for value in measured],
            "processor": processor(),
        }
        if installed := DISTRIBUTIONS.get(contender.partition(" ")[0]):
            row["version"] = version(installed)
        rows.append(row | {name: values[contender] for name, values in more.items()})
    return rows


def _short(value: float) -> float:
    """Four figures: the fifth is another run's."""
    return float(f"{value:.4g}")


def processor() -> str:
    """Return what computed: cores and kind."""
    kind = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    cores = 0
    if cpuinfo.exists():
        lines = [
            line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line
        ]
        cores = sum(name.strip() == "processor" for name, _ in lines)
        kind = next((v.strip() for n, v in lines if n.strip() == "model name"), kind)
    return f"{cores or 'some'} cores, {kind}"


def read() -> list[Row]:
    """Return the rows of the last runs; none if there was no run."""
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []


def write(new: Sequence[Row]) -> list[Row]:
    """Put new rows in the place of those of the same jobs. Gives all rows."""
    jobs = {row["job"] for row in new}
    rows = [row for row in read() if row["job"] not in jobs] + list(new)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    put(RESULTS, f"[\n{lines}\n]\n")
    return rows


def put(file: Path, text: str) -> None:
    """Write a file whole: whoever stops it in the middle leaves the old one."""
    written = file.with_name(f"{file.name}.tmp")
    written.write_text(text, "utf-8")
    written.replace(file)
