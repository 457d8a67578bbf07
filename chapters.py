"""The chapters of the series, each as it declares itself.

A chapter is a notebook, `notebooks/NN_name.py`, and beside it `NN_name.head.html`: what
marimo puts into a page's head, which says what the chapter is about, when it came out, and
in a block of TOML what it has. Tests, site, benchmarks and README read it from here.

`python -m chapters` writes the README's table of them, and of those to come.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import repository

ROOT = Path(__file__).parent
NOTEBOOKS = ROOT / "notebooks"
README = ROOT / "README.md"

NAME = re.compile(r"(\d\d)_[a-z0-9_]+")
"""Of a chapter's files, without their endings."""

OPENING = re.compile(
    r'^ *mo\.md\(r?"""\n *# ((\d+) · .+)\n\n *\*\*(.+)\*\*\n', re.MULTILINE
)
"""A notebook's first words: number and title, and the question."""

TABLE = re.compile(r"\| \| chapter \|.*\n(\|.*\n)+")
"""The README's, of the chapters."""

COPY = re.compile(r"(```sh\ngit clone .*\n(.*\n)*?```\n\n)?(?=You need Python)")
"""Where the README says how to get a copy, or would."""


class NotDeclared(ValueError):
    """What a chapter fails to say of itself; names the file."""


class Live(NamedTuple):
    """The section of a chapter whose slider `make bench job=browser` moves."""

    slider: str
    """Its label."""

    charts: dict[str, str]
    """The charts that it draws, in the notebook's words → what they show."""


@dataclass(frozen=True)
class Chapter:
    """A notebook, and what it declares."""

    file: Path
    """The notebook."""

    heading: str
    """Number and title: `1 · Linear regression`."""

    question: str
    """What it answers."""

    description: str
    """What it is about, in a sentence or two."""

    published: date
    """The day that it came out."""

    built: str
    """What is built in it, in Markdown: the last column of the README's table."""

    charts: int
    """The number of charts, explorers included, that are there when it opens."""

    explorers: list[list[str]]
    """For each chart with controls of its own their names in Vega, from the top."""

    switches: int
    """The number of `mo.ui.switch`."""

    predictions: int
    """The number of answers, `notebook.details("Answer", …)`, that readers unfold."""

    exercises: int
    """The number of `notebook.exercise`."""

    measures: list[str]
    """The jobs of `make bench` whose results it tells."""

    live: Live | None = None
    """What is timed of it in a browser, beside its explorers."""

    places: dict[str, Any] = field(default_factory=dict)
    """A control → those of its places that a page has, or "all"; none: it is left out."""

    @property
    def number(self) -> int:
        """Its place in the series, from 1 on."""
        return int(self.file.name[:2])

    @property
    def slug(self) -> str:
        """Its page's name."""
        return self.file.stem.replace("_", "-")

    @property
    def title(self) -> str:
        """The heading without the number."""
        return self.heading.partition(" · ")[2]


@cache
def found(folder: Path = NOTEBOOKS) -> dict[int, Chapter]:
    """Return the chapters of a folder, by number and in their order.

    Raises:
        NotDeclared: if one lacks a file, or has a declaration with a mistake.
    """
    names = {
        file.name.removesuffix(ending)
        for ending in (".py", ".head.html")
        for file in folder.glob(f"[0-9]*{ending}")
    }
    chapters: dict[int, Chapter] = {}
    for name in sorted(names):
        chapter = declared(folder / f"{name}.py")
        if chapter.number in chapters:
            other = chapters[chapter.number].file.name
            raise NotDeclared(f"{chapter.file.name} has the number of {other}")
        chapters[chapter.number] = chapter
    return chapters


class ToCome(NamedTuple):
    """A chapter that is announced."""

    number: int
    title: str
    question: str


def to_come(folder: Path = NOTEBOOKS) -> list[ToCome]:
    """Return the chapters of `to_come.toml` whose notebook is not there yet."""
    file = folder / "to_come.toml"
    said = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
    listed = [ToCome(int(number), *words) for number, words in said.items()]
    return [chapter for chapter in listed if chapter.number not in found(folder)]


def declared(notebook: Path) -> Chapter:
    """Return the chapter of a notebook.

    Raises:
        NotDeclared: if it lacks a file, or its declaration has a mistake.
    """
    head = notebook.with_suffix(".head.html")
    if not NAME.fullmatch(notebook.stem):
        raise NotDeclared(f"{notebook.name} must be named like 01_linear_regression.py")
    for file, other in ((head, notebook), (notebook, head)):
        if not file.is_file():
            raise NotDeclared(f"{other.name} must have {file.name} beside it")
    number = int(notebook.name[:2])
    opening = OPENING.search(notebook.read_text("utf-8"))
    if opening is None or int(opening[2]) != number:
        raise NotDeclared(
            f"{notebook.name} must start with '# {number} · Title' and '**Question?**'"
        )
    said = _said(head)
    said["published"] = date.fromisoformat(said["published"])
    if "live" in said:
        said["live"] = Live(**said["live"])
    return Chapter(notebook, opening[1], opening[3], **said)


def _said(head: Path) -> dict[str, Any]:
    """Read a declaration, and refuse what is missing, unknown or of another kind."""
    parser = _Head()
    parser.feed(head.read_text("utf-8"))
    parser.close()
    try:
        said = tomllib.loads(parser.toml)
    except tomllib.TOMLDecodeError as error:
        raise NotDeclared(f"{head.name} has a mistake in its TOML: {error}") from None
    for name, tag in TAGS.items():
        if name in said:
            raise NotDeclared(f"{head.name} must declare {name} in <meta>, not in TOML")
        if tag in parser.meta:
            said[name] = parser.meta[tag]
    for name in said:
        if name not in KINDS:
            known = ", ".join(KINDS)
            raise NotDeclared(f"{head.name} declares {name!r}, which is none of {known}")
    for name, (right, words) in KINDS.items():
        if name not in said and name not in ("live", "places"):
            raise NotDeclared(f"{head.name} must declare {name}: {words}")
        if name in said and not right(said[name]):
            raise NotDeclared(f"{head.name}: {name} must be {words}, got {said[name]!r}")
    return said


class _Head(HTMLParser):
    """What a page's head says: its meta tags' contents, and its block of TOML."""

    def __init__(self) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.toml = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "meta":
            name = said.get("name") or said.get("property") or ""
            self.meta[name] = said.get("content") or ""
        self._inside = tag == "script" and said.get("type") == "application/toml"

    def handle_data(self, data: str) -> None:
        self.toml += data if self._inside else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_explorers(value: object) -> bool:
    return isinstance(value, list) and all(one and _are_texts(one) for one in value)


def _are_places(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(places, list) or places == "all" for places in value.values()
    )


def _is_live(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"slider", "charts"}
        and _is_text(value["slider"])
        and isinstance(value["charts"], dict)
        and value["charts"] != {}
        and _are_texts([*value["charts"].values()])
    )


KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "description": (_is_text, 'a text, in <meta name="description">'),
    "published": (
        _is_day,
        'a day, 2026-11-23, in <meta property="article:published_time">',
    ),
    "built": (_is_text, "a text"),
    "charts": (_is_count, "a whole number"),
    "explorers": (_are_explorers, 'for each the names of its controls, [["rate", …], …]'),
    "switches": (_is_count, "a whole number"),
    "predictions": (_is_count, "a whole number"),
    "exercises": (_is_count, "a whole number"),
    "measures": (_are_texts, "a list of jobs of `make bench`"),
    "places": (_are_places, 'a table: a control and its places, a list or "all"'),
    "live": (_is_live, "a table of `slider` and `charts`, which is a table of texts"),
}
"""A field → whether a value is right, and what a right one is in words."""


TAGS = {"description": "description", "published": "article:published_time"}
"""A field that other readers of a page want, too → its <meta>."""


def table(chapters: dict[int, Chapter], announced: list[ToCome]) -> str:
    """Return the README's table of the chapters, in Markdown."""
    lines = ["| | chapter | the question | what is built |", "| --- | --- | --- | --- |"]
    for number, c in chapters.items():
        file = f"notebooks/{c.file.name}"
        lines.append(f"| {number} | [{c.title}]({file}) | {c.question} | {c.built} |")
    for later in announced:
        lines.append(f"| {later.number} | {later.title}, *to come* | {later.question} | |")
    return "".join(f"{line}\n" for line in lines)


def copy() -> str:
    """Return how to get a copy, in Markdown, if the repository has an address."""
    lines = repository.clone()
    return f"```sh\n{lines}```\n\n" if lines else ""


def main() -> None:
    """Write the README's table, and how to get a copy."""
    text = README.read_text("utf-8")
    text = TABLE.sub(lambda _: table(found(), to_come()), text, count=1)
    README.write_text(COPY.sub(lambda _: copy(), text, count=1), "utf-8")


if __name__ == "__main__":
    main()
