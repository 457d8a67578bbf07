"""What the rows say: on a terminal, in RESULTS.md, in the README's table and chart."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.jobs import JOBS, settings
from benchmarks.rows import ROOT, Row, put
from groundup import charts

README = ROOT / "README.md"
START, END = "<!-- make bench writes from here -->", "<!-- to here -->"
REPORT = ROOT / "benchmarks/RESULTS.md"
CHART = ROOT / "docs/train-mini-batch.svg"
IN_README = (
    "train-full-batch",
    "train-full-batch-bulk",
    "train-mini-batch",
    "train-network",
)
GREY = "#808080"
"""Of an image's words: a README is light or dark, and an image can't know."""

HEAD = """<!-- Written by `make bench` from benchmarks.json and SETTINGS: don't edit it. -->

# What `make bench` measured

On {machine}. Each job is set up for its contenders alike and, where they train, checked
before it is timed: all see the same batches and end at the same parameters. They take
turns, at least seven rounds after one to warm up. A **ratio** is the median of the ratios
to the reference within a round; minimum, median and maximum are of all rounds, which
[benchmarks.json](../groundup/benchmarks.json) has one by one. All versions are pinned in
[constraints.txt](../constraints.txt).

What it does not show: training that takes a GPU, or many, or a model whose step takes
longer than all of this. Nobody should choose a trainer for a large model by these
figures."""


def table(rows: Sequence[Row]) -> str:
    """Return all rows of a run, for a terminal."""
    lines = []
    for job, setting, threads in dict.fromkeys(
        (r["job"], r["setting"], r["threads"]) for r in rows
    ):
        lines.append(f"\n{job}: {setting}, {_threads(threads)}")
        for row in rows:
            if (row["job"], row["setting"], row["threads"]) == (job, setting, threads):
                lines.append(
                    f"  {row['contender']:20} {row['ratio']:9.3g} ×   minimum "
                    f"{row['minimum']:<9.4g} "
                    f"median {row['median']:<9.4g} maximum {row['maximum']:<9.4g} "
                    f"{row['unit']}"
                )
    return "\n".join(lines)


def pick(rows: Iterable[Row], threads: int = 1, **values: object) -> dict[str, float]:
    """Return a contender → its ratio, of the rows with these values."""
    return {
        row["contender"]: row["ratio"]
        for row in rows
        if row["threads"] == threads and all(row[k] == v for k, v in values.items())
    }


def write(rows: Sequence[Row]) -> None:
    """Write all that follows from the rows: a test finds out who changes one by hand."""
    head, rest = README.read_text("utf-8").split(START)
    _, tail = rest.split(END)
    put(README, f"{head}{START}\n\n{readme_section(rows)}\n\n{END}{tail}")
    put(REPORT, report(rows))
    if ratios := pick(rows, job="train-mini-batch"):
        put(CHART, image(ratios))


# The README.


def readme_section(rows: Sequence[Row]) -> str:
    """Return what stands between the README's markers: nothing in it is typed by hand."""
    jobs = {job: pick(rows, job=job) for job in IN_README}
    contenders = list(dict.fromkeys(name for ratios in jobs.values() for name in ratios))
    lines = [
        {"contender": name}
        | {
            f"`{job}`": charts.times(ratios[name]) if name in ratios else ""
            for job, ratios in jobs.items()
        }
        for name in contenders
    ]
    machines = dict.fromkeys(row["processor"] for row in rows)
    parts = [
        _markdown(lines) if lines else "",
        " ".join(_facts(rows)),
        "Times as multiples of the loop by hand, one thread. Measured on "
        f"{' and '.join(machines) or 'no machine yet'} by `make bench`.",
    ]
    return "\n\n".join(filter(None, parts))


def _facts(rows: Sequence[Row]) -> list[str]:
    """Return what two more jobs say, in a sentence each."""
    facts = []
    if loader := pick(rows, job="loader", setting="100,000 × 6, batches of 32"):
        facts.append(
            "Going through data in memory in shuffled batches of 32, torch's loader takes "
            f"{charts.times(loader['torch'])} the time of ours."
        )
    sweeps = {
        threads: pick(rows, threads, job="sweep", setting="64 rates × 50 epochs")
        for threads in sorted({row["threads"] for row in rows if row["job"] == "sweep"})
    }
    how_often = ", ".join(
        f"{charts.times(1 / ratios['groundup'])} with {_threads(threads)}"
        for threads, ratios in sweeps.items()
        if ratios
    )
    if how_often:
        facts.append(
            f"64 single runs, beside one `sweep` of their learning rates, take {how_often}."
        )
    return facts


# RESULTS.md.


def report(rows: Sequence[Row]) -> str:
    """Return, job by job, what was asked, how contenders are set up, what was measured."""
    machines = dict.fromkeys(row["processor"] for row in rows)
    parts = [HEAD.format(machine=" and ".join(machines) or "no machine yet")]
    told: dict[str, str] = {}
    for name, job in JOBS.items():
        measured = [row for row in rows if row["job"] == name]
        if measured:
            parts += [f"## {name}", job.question]
            if job.module not in told:
                parts.append(_settings(name))
            else:
                parts.append(f"Set up as in [{told[job.module]}](#{told[job.module]}).")
            told.setdefault(job.module, name)
            parts.append(_table(measured))
    return "\n\n".join(parts) + "\n"


def _settings(job: str) -> str:
    lines = []
    for contender, how in settings(job).items():
        lines.append("All:" if contender == "all" else f"**{contender}**:")
        lines.append("\n".join(f"- {line}" for line in how))
    return "\n\n".join(lines)


def _table(rows: Sequence[Row]) -> str:
    several = len({row["setting"] for row in rows}) > 1
    more = {
        "samples_per_second": "samples a second",
        "peak_megabytes": "peak memory, MB",
        "megabytes": "size, MB",
        "version": "version",
        "same": "the same after a resume",
    }
    lines = []
    for row in rows:
        scale, unit = (1000, "ms") if row["unit"] == "s" else (1, row["unit"])
        lines.append(
            {
                **({"setting": row["setting"]} if several else {}),
                "contender": row["contender"],
                "threads": row["threads"],
                "ratio": _figure(row["ratio"]),
                **{
                    f"{name}, {unit}": _figure(scale * row[name])
                    for name in ("minimum", "median", "maximum")
                },
                **{
                    words: "" if row.get(name) is None else row[name]
                    for name, words in more.items()
                    if any(name in other for other in rows)
                },
            }
        )
    setting = "" if several else f"{rows[0]['setting']}:\n\n"
    return f"{setting}{_markdown(lines)}"


def _figure(value: float) -> float:
    """Three figures; all of a number that has more before its point."""
    return round(value) if abs(value) >= 100 else value


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _markdown(lines: Sequence[Mapping[str, object]]) -> str:
    # Where marimo is imported, transformers takes itself to be in a notebook and asks for
    # IPython.
    from groundup.notebook import markdown_table  # noqa: PLC0415

    return markdown_table(lines)


# The chart.


def image(ratios: dict[str, float]) -> str:
    """Return the ratios as an SVG that says what it shows, on white and on black."""
    import vl_convert  # noqa: PLC0415 (in the peers' environment alone)

    content = charts.ratios(ratios, "Batches of 32: time, loop by hand = 1")
    look = {"labelColor": GREY, "titleColor": GREY}
    specification = dict(content.complete)
    specification["config"] = {
        **specification["config"],
        "axis": {**specification["config"]["axis"], **look},
        "title": {**specification["config"]["title"], "color": GREY},
    }
    drawn: str = vl_convert.vegalite_to_svg(specification | {"width": 640})
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{content.description}" ', 1)
