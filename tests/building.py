"""The site as `make blog` builds it in a copy of the project, and as a host serves it."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from bs4 import BeautifulSoup

from blog.serve import serving
from chapters import found
from edit import free_port
from groundup.notebook import cells_of
from tests.serving import PATIENCE, ROOT

SLUGS = [chapter.slug for chapter in found().values()]
"""The chapters' pages, by name."""

THREE_CELLS = '''
import marimo

app = marimo.App(html_head_file="01_three_cells.head.html")

with app.setup(hide_code=True):
    import altair as alt
    import marimo as mo
    import torch

    from groundup import mean_squared_error, notebook


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 1 · Three cells

    **Is this enough to build?**

    A loss is $\\frac{1}{n}\\sum_i r_i^2$.

    ## A loop
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.source(mean_squared_error)
    return


@app.cell(hide_code=True)
def _():
    rate = alt.param("rate", value=1, bind=alt.binding_range(min=0, max=2, step=0.5))
    points = alt.Data(values=[{"x": x, "y": x**2} for x in range(9)])
    chart = alt.Chart(points, description="Nine points on a parabola.")
    chart.mark_line(strokeWidth=rate).encode(x="x:Q", y="y:Q").add_params(rate)
    return
'''
"""A chapter with all that a page must have, which runs at once, but its loop."""

HEAD = (
    '<meta property="article:published_time" content="2026-11-23">\n'
    '<meta name="description" content="A chapter of three cells.">\n'
    """<script type="application/toml">
built = "nothing"
charts = 1
explorers = [["rate"]]
switches = 0
predictions = 0
exercises = 0
measures = []
</script>
"""
)
ONE_FUNCTION = """# The package

```{eval-rst}
.. currentmodule:: groundup

.. autofunction:: mean_squared_error
```
"""


def copy_of_the_project(to: Path, root: Path = ROOT) -> Path:
    """All files that git would take, for a test to break; also where there is no git."""
    built = (root / ".gitignore").read_text("utf-8").split()
    ignored = shutil.ignore_patterns(".git", *(name.rstrip("/") for name in built))
    return Path(shutil.copytree(root, to, ignore=ignored, dirs_exist_ok=True))


def small_project(to: Path) -> Path:
    """The project, but its series is three cells, and its package's page one function.

    The loop on the home page is that of the true chapter one.
    """
    root = copy_of_the_project(to)
    for file in root.glob("notebooks/[0-9][0-9]_*"):
        file.unlink()
    cells = cells_of(found()[1].file.read_text("utf-8"))
    loop = (f"\n\n@app.function\n{cells[n]}\n" for n in ("predict", "train_by_hand"))
    (root / "notebooks/01_three_cells.py").write_text(THREE_CELLS + "".join(loop), "utf-8")
    (root / "notebooks/01_three_cells.head.html").write_text(HEAD, "utf-8")
    (root / "blog/pages/api.md").write_text(ONE_FUNCTION, "utf-8")
    return root


def make_blog(root: Path, site_url: str = "") -> subprocess.CompletedProcess[str]:
    """What `make blog` runs once everything is set up."""
    command = [sys.executable, "-m", "blog"]
    environment = {**os.environ, "SITE_URL": site_url}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def contents(site: Path) -> dict[str, bytes]:
    """A site's files by their names."""
    files = (file for file in sorted(site.rglob("*")) if file.is_file())
    return {str(file.relative_to(site)): file.read_bytes() for file in files}


def addresses(page: BeautifulSoup) -> list[str]:
    """What a page refers to."""
    tags = page.find_all(["a", "link", "script", "img"])
    found = [tag.get("href") or tag.get("src") for tag in tags]
    return [str(address) for address in found if address]


@contextmanager
def hosted(site: Path, under: str = "") -> Iterator[str]:
    """A site's address on this machine, at the root or under a path such as `/blog`."""
    port = free_port()
    config = uvicorn.Config(
        serving(site, under or "/"), port=port, log_level="error", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    end = time.monotonic() + PATIENCE
    while not server.started and time.monotonic() < end:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}{under}/"
    finally:
        server.should_exit = True
        thread.join()
