"""What a page is made of: a notebook, and what is said of it beside its cells."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import nbformat

from chapters import Chapter

HEADING = re.compile(r"^# +(.+?) *$", re.MULTILINE)
MARKUP = re.compile(r"!\[.*?\]\(.*?\)|<.*?>|[*_`$]|\[(.*?)\]\(.*?\)")


class NotPublishable(Exception):
    """A notebook that raised, or holds what a page can't show; names it and the cell."""


@dataclass(frozen=True)
class Notebook:
    """A notebook to be published."""

    file: Path
    slug: str
    """Its page's name."""

    heading: str
    description: str
    published: date | None = None
    places: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """A control → those of its places that a page has, or "all"; none: it is left out."""

    ours: bool = False
    """Whether it keeps the series' rules: a heading first, an explorer, words on charts."""


def of_chapter(chapter: Chapter) -> Notebook:
    """Return a chapter's notebook."""
    return Notebook(
        chapter.file,
        chapter.slug,
        chapter.heading,
        chapter.description,
        chapter.published,
        chapter.places,
        ours=True,
    )


def places_beside(file: Path) -> dict[str, Sequence[Any]]:
    """Return the places that `NAME.toml` names beside `NAME.py`, if it is there.

    Raises:
        NotPublishable: if it has a mistake.
    """
    beside = file.with_suffix(".toml")
    try:
        said = tomllib.loads(beside.read_text("utf-8")) if beside.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise NotPublishable(f"{beside.name} has a mistake in its TOML: {error}") from None
    places: Any = said.get("places", {})
    if said.keys() - {"places"} or not isinstance(places, dict):
        raise NotPublishable(f"{beside.name} must have a table [places], and nothing else")
    for name, some in places.items():
        if not isinstance(some, list) and some != "all":
            raise NotPublishable(
                f'{beside.name}: {name} must be a list of places, or "all", got {some!r}'
            )
    return dict(places)


def slug_of(file: Path) -> str:
    """Return what a notebook's page is called."""
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "notebook"


def of_file(file: Path, exported: nbformat.NotebookNode) -> Notebook:
    """Return any notebook, whose first heading and first words say what it is.

    Args:
        file: the notebook.
        exported: what `marimo export ipynb` made of it.
    """
    texts = [_text(cell) for cell in exported.cells]
    headings = [found[1] for text in texts if (found := HEADING.search(text))]
    name = file.stem.replace("_", " ").replace("-", " ").strip()
    lines = "\n\n".join(HEADING.sub("", text) for text in texts).split("\n\n")
    prose = (_plain(lines_) for lines_ in lines if lines_.strip()[:1].isalnum())
    heading = headings[0] if headings else name[:1].upper() + name[1:]
    return Notebook(
        file,
        slug_of(file),
        heading,
        next(prose, _plain(heading)),
        places=places_beside(file),
    )


def _text(cell: nbformat.NotebookNode) -> str:
    """Return a cell's Markdown, written or computed."""
    if cell.cell_type == "markdown":
        return str(cell.source)
    shown = [o.get("data", {}).get("text/markdown", "") for o in cell.get("outputs", [])]
    return "\n\n".join(text for text in shown if "marimo-" not in text)


def _plain(markdown: str) -> str:
    text = MARKUP.sub(lambda found: found[1] or "", markdown)
    return " ".join(text.split())
