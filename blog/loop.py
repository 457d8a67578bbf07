"""The loop on the home page, each of whose lines can be struck out, and a page a line.

`notebooks/strike_a_line.py` trains it without the lines and says what happens. Here its
recording becomes a listing whose lines are switches, and a page for each line that is
struck alone: to be linked, with a card of its own.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from blog import pictures
from blog.chart import changes
from blog.inputs import switch
from blog.page import moves
from blog.recording import Recording
from blog.shown import VEGA_LITE, Spec
from chapters import NOTEBOOKS, Chapter
from groundup.notebook import cells_of, steps_of

NOTEBOOK = NOTEBOOKS / "strike_a_line.py"
HOME = "index"
HOME_CARD = "update"
"""The line that is struck on the home page's card: no chapter has the reader guess it."""


@dataclass(frozen=True)
class LoopPage:
    """A page that shows the loop."""

    slug: str
    chart: Spec
    """As the page opens."""

    listing: str
    """In HTML."""

    recorded: dict[str, dict[str, Any]]
    """A name, as directives call it → what the page's script plays in that place."""

    card: bytes
    """A PNG."""

    text: str
    """In Markdown; the home page's is written by hand."""


def pages(recording: Recording, chapter: Chapter) -> list[LoopPage]:
    """Return what the home page shows of the loop, and a page without each of its lines.

    Args:
        recording: of the notebook.
        chapter: the one that the loop is from.
    """
    (names,) = recording.panels.values()
    return [_page(recording, chapter, name) for name in ("", *names)]


def slug_of(name: str) -> str:
    """Return the name of the page without a line."""
    return f"without-{name.replace('_', '-')}" if name else HOME


def _page(recording: Recording, chapter: Chapter, name: str) -> LoopPage:
    opening = recording.opening_at(**{name: 1} if name else {})
    specs, said, why = _shown(opening)
    code = chapter.file.read_text("utf-8")
    parts, slug = parts_of(cells_of(code)["train_by_hand"]), slug_of(name)
    _, chart, _ = opening.cells.values()
    if name:
        card = pictures.loop_card(
            specs[0], f"Without {name}", said, *_struck(parts, opening)
        )
    else:
        other = recording.opening_at(**{HOME_CARD: 1})
        question = "What does a Trainer actually do? Strike a line of its loop, and see."
        card = pictures.loop_card(
            _shown(other)[0][0], "From the Ground Up", question, *_struck(parts, other)
        )
    return LoopPage(
        slug,
        specs[0],
        listing(parts, opening),
        {
            slug: moves(opening, chart) | changes(specs),
            f"{slug}-words": _words(opening, name),
        },
        card,
        _text(name, said, why, chapter, code) if name else "",
    )


def _shown(recording: Recording) -> tuple[list[Spec], str, str]:
    """Return the chart at all states, and what is said of the first, and why it is so."""
    _, chart, words = recording.cells.values()  # before them, what is left of the loop
    said, _, why = words.outputs[0]["text/markdown"].partition("\n\n")
    return [output[VEGA_LITE] for output in chart.outputs], said.replace("`", ""), why


def _words(recording: Recording, own: str) -> dict[str, Any]:
    """Return what is said at each state; of one line alone, with a link to its page."""
    *_, words = recording.cells.values()
    places = recording.places(words)
    said = []
    for at, state in zip(places, words.states, strict=True):
        text = words.outputs[state]["text/markdown"].partition("\n\n")[0]
        struck = [name for name, place in at.items() if place]
        if len(struck) == 1 and struck != [own]:
            text += f" [Why?]({slug_of(struck[0])}.md)"
        said.append(text)
    first = said[places.index({name: recording.controls[name].start for name in places[0]})]
    outputs = [*dict.fromkeys([first, *said])]
    states = [outputs.index(text) for text in said]
    return moves(recording, replace(words, states=states)) | {"words": outputs}


def _struck(parts: list[str], recording: Recording) -> tuple[str, set[int]]:
    """Return the loop as text, and the numbers of the lines of it that are struck."""
    (names,) = recording.panels.values()
    starts = [False, *(recording.controls[name].start == 1 for name in names)]
    lines = [
        (line, struck and not line.lstrip().startswith("#"))
        for part, struck in zip(parts, starts, strict=True)
        for line in part.splitlines()
    ]
    struck = {number for number, (_, out) in enumerate(lines) if out}
    return "\n".join(line for line, _ in lines), struck


def parts_of(code: str) -> list[str]:
    """Return a loop's head and its steps, each below its comment, as far out as may be."""
    lines = code.splitlines()
    steps = [*steps_of(code).values()]
    parts = [lines[steps[0].start - 1]]
    for step in steps:
        first, *rest = (lines[number] for number in step)
        own, _, comment = first.partition("  #")
        indent = own[: len(own) - len(own.lstrip())]
        parts.append("\n".join([f"{indent}#{comment}", own, *rest]))
    depth = len(parts[0]) - len(parts[0].lstrip())
    return [re.sub(f"^ {{{depth}}}", "", part, flags=re.MULTILINE) for part in parts]


def listing(parts: list[str], recording: Recording) -> str:
    """Return the loop as a listing whose steps are switches."""
    (names,) = recording.panels.values()
    head, *steps = parts
    rows = [
        f"<label>{switch(recording.controls[name])}"
        f'<span class="visually-hidden">strike out: </span>{_marked(step)}</label>'
        for name, step in zip(names, steps, strict=True)
    ]
    opening = '<div class="controls loop highlight" id="loop">'
    return f"{opening}{_marked(head)}{''.join(rows)}</div>"


APART = r'\1<span class="line">\2</span>'


def _marked(code: str) -> str:
    """Set code in colours, and each line but its comment apart from its indentation."""
    lines = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
    line = re.compile(r'^( *)(?!<span class="c1)(\S.*)$', re.MULTILINE)
    return f"<code>{line.sub(APART, lines)}</code>"


def _text(name: str, said: str, why: str, chapter: Chapter, code: str) -> str:
    """Return a page in Markdown. It links to the section of the chapter with the loop."""
    before = code.partition("def train_by_hand")[0]
    section = re.findall(r"^ *#{2,4} (.+)$", before, re.MULTILINE)[-1]
    anchor = re.sub(r"[^\w -]", "", section.lower()).replace(" ", "-")
    link = f"{chapter.slug}.ipynb#{anchor}"
    meta = {
        "orphan": True,
        "og:description": said,
        "myst": {"html_meta": {"description": said}},
    }
    return f"""---
{json.dumps(meta)}
---
# Without {name}

```{{loop}} {slug_of(name)}
```

{why}

This is the loop of chapter {chapter.number}, where [{section}]({link})
builds it step by step. Or strike out [another line]({HOME}.md).
"""
