"""`python -m blog.publish NOTEBOOK … --to FOLDER`: other notebooks as pages that answer.

`blog/pages/other-notebooks.md` tells what such a page can have.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blog.__main__ import (
    ROOT,
    NotBuilt,
    add_looks,
    check_place,
    export,
    publish,
    recorded,
    run_sphinx,
    write_page,
)
from blog.console import speak_anywhere
from blog.notebook import NotPublishable, of_file, slug_of
from blog.page import Page, compressed

OURS = Path("_static/recording.js")
"""What a folder has where an earlier publishing may be replaced."""

INDEX = """# {title}

{links}

```{{toctree}}
:hidden:

{slugs}
```
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Publish notebooks. What went wrong is said in words, and the folder stays."""
    speak_anywhere()
    parser = argparse.ArgumentParser(prog="python -m blog.publish", description=__doc__)
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--to", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--title", default="Notebooks", help="of several notebooks' home")
    said = parser.parse_args(arguments)
    try:
        pages = publish_all(said.notebooks, said.to, said.title)
    except (NotPublishable, NotBuilt, OSError, ValueError) as error:
        sys.exit(f"publish: {error}\n{said.to} is as it was.")
    for page in pages:
        size = sum(map(compressed, page.recorded.values())) / 1000
        name = page.of.slug if len(pages) > 1 else "index"
        print(
            f"{name}.html: {page.of.heading}, charts: {len(page.charts)}, "
            f"recordings: {len(page.recorded)}, {size:.0f} kB"
        )


def publish_all(notebooks: Sequence[Path], to: Path, title: str) -> list[Page]:
    """Put pages into a folder, and a home page where there are several.

    Raises:
        NotPublishable: if a notebook raised or printed, or shows what a page can't.
        NotBuilt: if the folder holds something else, or Sphinx complains.
    """
    check_place(to)
    if to.is_dir() and any(to.iterdir()) and not (to / OURS).is_file():
        raise NotBuilt(f"{to} holds what is no published notebook, and would be replaced")
    for file in notebooks:
        if not file.is_file():
            raise NotBuilt(f"there is no {file}")
    slugs = [slug_of(file) for file in notebooks]
    if len({*slugs, "index"}) <= len(slugs):
        raise NotBuilt(f"each notebook must have a name of its own, got {', '.join(slugs)}")
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        build = Path(folder)
        pages = list(pool.map(lambda file: run_notebook(file.resolve(), build), notebooks))
        source = gather(pages, title, build / "source")
        heading = pages[0].of.heading if len(pages) == 1 else title
        publish(run_sphinx(source, build, project=heading, html_title=heading), to)
    return pages


def run_notebook(file: Path, build: Path) -> Page:
    """Run a notebook in its own folder, where its data is, and return its page."""
    exported = export(file, build / f"{file.stem}.ipynb", file.parent)
    return recorded(
        of_file(file, exported), exported, build / f"{file.stem}.json", file.parent
    )


def gather(pages: Sequence[Page], title: str, source: Path) -> Path:
    """Fill Sphinx's source folder."""
    source.mkdir()
    add_looks(source)
    shutil.copy(ROOT / "blog/others/conf.py", source)
    for page in pages:
        write_page(source, page)
    alone = len(pages) == 1
    if not alone:
        links = "\n".join(
            f"- [{page.of.heading}]({page.of.slug}.ipynb): {page.of.description}"
            for page in pages
        )
        slugs = "\n".join(page.of.slug for page in pages)
        home = INDEX.format(title=title, links=links, slugs=slugs)
        (source / "index.md").write_text(home, "utf-8")
    if alone:
        (source / f"{pages[0].of.slug}.ipynb").rename(source / "index.ipynb")
    return source


if __name__ == "__main__":
    main()
