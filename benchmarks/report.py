"""What the rows say: a table for the terminal, the README's table, and the charts beside it."""

from collections.abc import Iterable, Sequence

from benchmarks.rows import ROOT, Row
from groundup import charts

README = ROOT / "README.md"
START, END = "<!-- make bench writes from here -->", "<!-- to here -->"
TRAINING = ("train-full-batch", "train-mini-batch", "train-network")
GREY = "#808080"
"""Of an image's words: a README is light or dark, and an image can't know."""


def table(rows: Sequence[Row]) -> str:
    """All rows of a run, for a terminal."""
    lines = []
    for job, setting, threads in dict.fromkeys(
        (r["job"], r["setting"], r["threads"]) for r in rows
    ):
        lines.append(f"\n{job}: {setting}, {threads} thread(s)")
        for row in rows:
            if (row["job"], row["setting"], row["threads"]) == (job, setting, threads):
                lines.append(
                    f"  {row['contender']:26} {row['ratio']:9.3g} ×   minimum {row['minimum']:<9.4g} "
                    f"median {row['median']:<9.4g} maximum {row['maximum']:<9.4g} {row['unit']}"
                )
    return "\n".join(lines)


def pick(rows: Iterable[Row], threads: int = 1, **values: object) -> dict[str, float]:
    """A contender → its ratio, of the rows with these values."""
    return {
        row["contender"]: row["ratio"]
        for row in rows
        if row["threads"] == threads and all(row[k] == v for k, v in values.items())
    }


def readme_section(rows: Sequence[Row]) -> str:
    """What stands between the README's markers: nothing in it is typed by hand."""
    # Where marimo is imported, transformers takes itself to be in a notebook and asks for IPython.
    from groundup.notebook import markdown_table  # noqa: PLC0415

    jobs = {job: pick(rows, job=job) for job in TRAINING}
    contenders = list(dict.fromkeys(name for ratios in jobs.values() for name in ratios))
    table_rows = [
        {"contender": name}
        | {f"`{job}`": _times(ratios.get(name)) for job, ratios in jobs.items()}
        for name in contenders
    ]
    lines = markdown_table(table_rows) if table_rows else ""
    loader = pick(rows, job="loader", setting="100,000 × 6, batches of 32")
    sweep = {
        threads: pick(rows, threads, job="sweep", setting="64 rates × 50 epochs")
        for threads in sorted({row["threads"] for row in rows if row["job"] == "sweep"})
    }
    sweeps = ", ".join(
        f"{1 / ratios['groundup']:.1f} × with {threads} thread{'s' if threads > 1 else ''}"
        for threads, ratios in sweep.items()
        if ratios
    )
    facts = [
        f"Torch's loader takes {loader['torch']:.0f} × the time of ours for shuffled batches of 32."
        if loader
        else "",
        f"A sweep of 64 learning rates is faster than 64 single runs: {sweeps}."
        if sweeps
        else "",
    ]
    machine = next((row["processor"] for row in rows), "")
    return "\n\n".join(
        part
        for part in (
            lines,
            " ".join(filter(None, facts)),
            f"Times as multiples of the loop by hand, one thread; `make bench` on {machine}.",
        )
        if part
    )


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f} ×"


def write_readme(rows: Sequence[Row]) -> None:
    """Rewrite what stands between the markers."""
    text = README.read_text("utf-8")
    head, rest = text.split(START)
    _, tail = rest.split(END)
    README.write_text(f"{head}{START}\n\n{readme_section(rows)}\n\n{END}{tail}", "utf-8")


def write_charts(rows: Sequence[Row]) -> None:
    """An image for each training job."""
    import vl_convert  # noqa: PLC0415 (in the peers' environment alone)

    for job in TRAINING:
        ratios = pick(rows, job=job)
        if ratios:
            content = charts.ratios.show(ratios, f"{job}: time, loop by hand = 1")
            look = {"labelColor": GREY, "titleColor": GREY}
            specification = dict(content.complete)
            specification["config"] = {
                **specification["config"],
                "axis": {**specification["config"]["axis"], **look},
                "title": {**specification["config"]["title"], "color": GREY},
            }
            image = vl_convert.vegalite_to_svg(specification | {"width": 640})
            (ROOT / f"docs/{job}.svg").write_text(image, "utf-8")
