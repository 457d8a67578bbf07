"""From what marimo exports to what MyST-NB reads: Markdown, each chart a directive."""

import gzip
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import repository
from blog.chart import at_home, changes, sliders, urls
from blog.inputs import fixed, input_of
from blog.notebook import HEADING, Notebook, NotPublishable
from blog.recording import ADVICE, NOTHING, Played, Recording
from blog.shown import IN_WORDS, Output, Spec, spec_in

__all__ = ["NotPublishable", "Page", "Spec", "compressed", "page_of", "sliders"]

CONTROLS = {
    "button",
    "checkbox",
    "date",
    "dropdown",
    "multiselect",
    "number",
    "radio",
    "range-slider",
    "slider",
    "switch",
    "text",
    "text-area",
    "ui-element",
}
"""marimo's elements that do nothing without a kernel, and say nothing of their own."""

MOST_BYTES, MOST_BYTES_IN_ALL = 60_000, 150_000
"""Of what is recorded of one cell, and of a chapter, compressed."""

BLOCK = re.compile(r"^/// (\w+) \| ([^\n]*)\n(.*?)\n^///$", re.MULTILINE | re.DOTALL)
ELSEWHERE = re.compile(r"^(https?:)?//")
ELSEWHERE_IN_WORDS = re.compile(r"""!\[[^\]]*\]\(<?((?:https?:)?//[^)\s>]+)""")
STOPPED = "ancestor-stopped"
"""What marimo's export calls a cell that did not run, by `mo.stop`."""

KERNEL_ONLY = re.compile(
    r'<span class="kernel-only">.*?</span>'
    r"|^/// \w+ \| [^\n]*\n    attrs: \{class: live-only\}\n.*?\n^///$",
    re.MULTILINE | re.DOTALL,
)
"""What the notebook says to those alone who can run it."""


@dataclass(frozen=True)
class Page:
    """A notebook as the site shows it."""

    of: Notebook

    notebook: nbformat.NotebookNode
    """Without charts, controls and anything of marimo's own: what MyST-NB reads."""

    charts: dict[str, Spec]
    """A name, as the notebook's directives call it → a Vega-Lite specification."""

    explorer: str | None
    """The name of the first chart that a reader can move, if there is one."""

    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    """A name, as directives call it → what the page's script plays in that place."""


def page_of(
    notebook: Notebook, exported: nbformat.NotebookNode, recording: Recording = NOTHING
) -> Page:
    """Return a notebook's page, from what `marimo export ipynb` made of it.

    Args:
        notebook: the one.
        exported: its code and what it shows as it opens.
        recording: what it shows where its controls stand elsewhere.

    Raises:
        NotPublishable: if a cell raised, warned, or shows what a page can't.
    """
    check(notebook, exported)
    writer = _Writer(notebook, recording)
    for cell in exported.cells:
        writer.write(cell)
    check_sizes(notebook, writer.recorded)
    if notebook.ours and writer.explorer is None:
        raise NotPublishable(
            f"{notebook.file.name} must have a chart with sliders of its own"
        )
    _head(notebook, writer.cells)
    made = nbformat.v4.new_notebook(
        cells=writer.cells,
        metadata={
            "myst": {"html_meta": {"description": notebook.description}},
            "og:description": notebook.description,
            "og:type": "article",
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        },
    )
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"  # the generated ones are random
    return Page(notebook, made, writer.charts, writer.explorer, writer.recorded)


def check(notebook: Notebook, exported: nbformat.NotebookNode) -> None:
    """Refuse a notebook of which a cell raised, or wrote where nobody meant it to.

    Raises:
        NotPublishable: and names the cell.
    """
    outputs = [(cell, o) for cell in exported.cells for o in cell.get("outputs", [])]
    errors = [(cell, o) for cell, o in outputs if o.output_type == "error"]
    # Cells that need one that raised have an error, too, but no traceback.
    for cell, error in sorted(errors, key=lambda found: not found[1].traceback):
        if error.ename != STOPPED:
            raise _refusal(notebook, cell, f"raises {error.ename}: {error.evalue}")
    for cell, output in outputs:
        if output.output_type == "stream":
            raise _refusal(
                notebook, cell, f"writes to {output.name}: {output.text.strip()}"
            )


def _refusal(notebook: Notebook, cell: nbformat.NotebookNode, what: str) -> NotPublishable:
    first = cell.source.strip().splitlines()[0] if cell.source.strip() else cell.id
    return NotPublishable(f"{notebook.file.name}: the cell '{first}' {what}")


def check_sizes(notebook: Notebook, recorded: Mapping[str, dict[str, Any]]) -> None:
    """Refuse recordings that a page is not to carry.

    Raises:
        NotPublishable: if one of them, or all together, are larger than they may be.
    """
    sizes = {name: compressed(content) for name, content in recorded.items()}
    for name, size in sizes.items():
        if size > MOST_BYTES:
            of = " and ".join(control["name"] for control in recorded[name]["controls"])
            raise NotPublishable(
                f"{notebook.file.name}: what follows from {of} takes {size:,} bytes, "
                f"compressed, which is more than {MOST_BYTES:,}: {ADVICE}"
            )
    if sum(sizes.values()) > MOST_BYTES_IN_ALL:
        raise NotPublishable(
            f"{notebook.file.name}: its recordings take {sum(sizes.values()):,} bytes, "
            f"compressed, which is more than {MOST_BYTES_IN_ALL:,}: {ADVICE}"
        )


def compressed(content: object) -> int:
    """Return how many bytes a server would send."""
    return len(gzip.compress(json.dumps(content).encode(), mtime=0))


class _Writer:
    """A walk through a notebook's cells, which collects what its page holds."""

    def __init__(self, notebook: Notebook, recording: Recording) -> None:
        self.notebook = notebook
        self.recording = recording
        self.placed: set[str] = set()
        """The controls that stand somewhere already."""

        self.cells: list[nbformat.NotebookNode] = []
        self.charts: dict[str, Spec] = {}
        self.recorded: dict[str, dict[str, Any]] = {}

    @property
    def explorer(self) -> str | None:
        """The name of the first chart that a reader can move."""
        return next((name for name, spec in self.charts.items() if sliders(spec)), None)

    def _chart(self, cell: nbformat.NotebookNode, output: Output) -> Spec | None:
        """Return an output's chart, if it is one, with a description."""
        spec = spec_in(output)
        if spec is None:
            return None
        if self.notebook.ours and not spec.get("description"):
            raise self._refusal(cell, "shows a chart without a description")
        if url := next((url for url in urls(spec) if not url.startswith("data:")), None):
            raise self._refusal(
                cell,
                f"shows a chart that loads {url}, but a page loads nothing: read it "
                "into a data frame",
            )
        return spec if self.notebook.ours else at_home(spec)

    def write(self, cell: nbformat.NotebookNode) -> None:
        """Add what a cell shows."""
        if cell.cell_type == "markdown":
            self._add_markdown(cell, cell.source)
            return
        tags = cell.metadata.get("tags", [])
        code = new_code_cell(cell.source, metadata={"tags": tags})
        if "remove-input" not in tags:
            self.cells.append(code)
        played = self.recording.cells.get(cell.id)
        if played is not None:
            self._play_all(cell, code, played)
        elif cell.id in self.recording.panels:
            self._add_panel(self.recording.panels[cell.id])
        else:
            for output in cell.outputs:
                self._show(cell, code, output)

    def _control(self, name: str) -> str:
        """Return a control: one that nothing follows from is not to be moved."""
        played = {name for p in self.recording.cells.values() for name in p.controls}
        return (input_of if name in played else fixed)(self.recording.controls[name])

    def _add_panel(self, names: Sequence[str]) -> None:
        """Add the inputs of controls that stand together."""
        inputs = "".join(map(self._control, names))
        panel = f'<div class="controls"{self._identity(names[0])}>{inputs}</div>'
        self.cells.append(new_markdown_cell(panel))

    def _identity(self, name: str) -> str:
        """Return what an address calls the place where a control stands first."""
        again = name in self.placed
        self.placed.add(name)
        return "" if again else f' id="{name}"'

    def _within(self, match: re.Match[str]) -> str:
        """Return a control that stands within words."""
        control = self.recording.controls[match[1]]
        inner = self._control(match[1]).replace("<p>", "<span>").replace("</p>", "</span>")
        if control.label == control.name:  # it has none: the sentence says what it is
            inner = inner.replace("<span>", '<span class="visually-hidden">', 1)
        return f'<span class="controls within"{self._identity(match[1])}>{inner}</span>'

    def _play_all(
        self, cell: nbformat.NotebookNode, code: nbformat.NotebookNode, played: Played
    ) -> None:
        """Add the parts of what a cell shows, controls that stand together as one."""
        for output in cell.outputs:  # a witness: recorded and exported in two processes
            spec = self._chart(cell, output.get("data", {}))
            if spec not in (None, self._chart(cell, played.outputs[0])):
                raise self._refusal(cell, "shows another chart when it is recorded")
        together: list[str] = []
        pieces = self._pieces(cell, played)
        for number, piece in enumerate(pieces, 1):
            if "control" in piece.outputs[0]:
                together.append(piece.outputs[0]["control"])
                continue
            if together:
                self._add_panel(together)
                together = []
            if len(piece.outputs) > 1:
                name = f"{self.notebook.slug}-{cell.id}"
                self._play(cell, f"{name}-{number}" if len(pieces) > 1 else name, piece)
            elif piece.outputs[0]:
                self._show(cell, code, new_output("display_data", piece.outputs[0]))
        if together:
            self._add_panel(together)

    def _pieces(self, cell: nbformat.NotebookNode, played: Played) -> list[Played]:
        """Return the parts of what a cell shows, each played by itself."""
        states = [output.get("parts", [output]) for output in played.outputs]
        shapes = [[_shape(part) for part in parts] for parts in states]
        if any(shape != shapes[0] for shape in shapes):
            if any(kind != "words" for shape in shapes for kind in shape):
                raise self._refusal(
                    cell,
                    "shows a chart at some places, and words at others, or a control "
                    "at some places only",
                )
            return [played]
        pieces = []
        for parts in zip(*states, strict=True):
            once: list[Output] = []
            for part in parts:
                if part not in once:
                    once.append(part)
            numbers = [once.index(parts[state]) for state in played.states]
            pieces.append(Played(played.controls, numbers, once))
        return pieces

    def _play(self, cell: nbformat.NotebookNode, name: str, played: Played) -> None:
        """Add what a cell shows, and what it shows elsewhere for the page's script."""
        content = moves(self.recording, played)
        specs = [spec for o in played.outputs if (spec := self._chart(cell, o)) is not None]
        if specs:
            content |= changes(specs)
            self.cells.append(_directive(self._name_of(specs[0]), recorded=name))
        else:
            content["words"] = [self._words(cell, output) for output in played.outputs]
            self.cells.append(new_markdown_cell(f"```{{recorded}} {name}\n```"))
        self.recorded[name] = content

    def _words(self, cell: nbformat.NotebookNode, output: Output) -> str:
        """Return an output as Markdown."""
        apart = _Writer(self.notebook, NOTHING)
        for part in output.get("parts", [output] if output else []):
            if IN_WORDS.search(str(part)):
                raise self._refusal(
                    cell, "shows a control within words that change: show it before them"
                )
            apart._show(cell, new_code_cell(""), new_output("display_data", part))
        texts = [
            one.source
            or "\n".join(
                f"```\n{o.data['text/plain']}\n```" for o in one.get("outputs", [])
            )
            for one in apart.cells
        ]
        return "\n\n".join(texts)

    def _show(
        self,
        cell: nbformat.NotebookNode,
        code: nbformat.NotebookNode,
        output: nbformat.NotebookNode,
    ) -> None:
        if output.output_type == "error":  # of a cell that was stopped: it shows nothing
            return
        spec = self._chart(cell, output.data)
        if spec is not None:
            self.cells.append(_directive(self._name_of(spec)))
        elif "text/markdown" in output.data:
            self._add_markdown(cell, output.data["text/markdown"])
        elif "text/html" in output.data:
            self._add_html(cell, code, output.data["text/html"])
        elif "text/plain" in output.data:
            self._add_text(code, output.data["text/plain"])
        elif "application/json" in output.data:  # a list or a dictionary
            self._add_text(code, output.data["application/json"])
        else:
            raise self._refusal(cell, f"shows {', '.join(output.data)}")

    def _add_markdown(self, cell: nbformat.NotebookNode, text: str) -> None:
        if "&lt;marimo-" in text:  # an element alone is exported as if it were prose
            text = html.unescape(text)
        if "<marimo-" in text:
            self._check_controls(cell, text)
            return
        text = KERNEL_ONLY.sub("", text).strip("\n")
        for kind, _, _ in BLOCK.findall(text):
            if kind not in ("details", "admonition"):
                raise self._refusal(cell, f"has a block of the kind '/// {kind}'")
        if elsewhere := ELSEWHERE_IN_WORDS.search(text):
            raise self._refusal(
                cell, f"loads {elsewhere[1]}, but a page asks no other site"
            )
        text = IN_WORDS.sub(self._within, BLOCK.sub(_block, text))
        self.cells.append(new_markdown_cell(text))

    def _add_html(
        self, cell: nbformat.NotebookNode, code: nbformat.NotebookNode, text: str
    ) -> None:
        if "<marimo-" in text:
            self._check_controls(cell, text)
            return
        soup = BeautifulSoup(text, "html.parser")
        plain = soup.select_one("pre.text-xs")
        if soup.find(["script", "style"]) or soup.find(src=ELSEWHERE):
            raise self._refusal(
                cell, "shows HTML with scripts or styles of its own, or asks another site"
            )
        if plain is not None:
            self._add_text(code, plain.get_text())
        else:
            for table in soup.find_all("table"):
                del table["border"]
                for row in table.find_all("tr"):
                    del row["style"]  # of headings that stand right, above cells that don't
                table["class"] = "docutils"  # whose looks are Furo's
                table.wrap(soup.new_tag("div", attrs={"class": "table-wrapper frame"}))
            text = str(soup) if soup.find("table") else text
            self.cells.append(new_markdown_cell(IN_WORDS.sub(self._within, text)))

    def _add_text(self, code: nbformat.NotebookNode, text: str) -> None:
        code.outputs.append(new_output("display_data", {"text/plain": text}))
        if code not in self.cells:
            self.cells.append(code)

    def _name_of(self, spec: Spec) -> str:
        """Name a chart; the same one the same, so its data is sent once."""
        if spec not in self.charts.values():
            self.charts[f"{self.notebook.slug}-{len(self.charts) + 1:02}"] = spec
        return next(name for name, known in self.charts.items() if known == spec)

    def _check_controls(self, cell: nbformat.NotebookNode, text: str) -> None:
        """Refuse what would go missing with the controls, which have no place on a page."""
        soup = BeautifulSoup(text, "html.parser")
        elements = {
            tag.name.removeprefix("marimo-")
            for tag in soup.find_all(re.compile("^marimo-"))
        }
        if elements - CONTROLS:
            raise self._refusal(cell, f"shows marimo-{min(elements - CONTROLS)}")
        if soup.get_text().strip():
            raise self._refusal(cell, "mixes controls with text, which would go missing")

    def _refusal(self, cell: nbformat.NotebookNode, what: str) -> NotPublishable:
        return _refusal(self.notebook, cell, what)


def _directive(name: str, recorded: str = "") -> nbformat.NotebookNode:
    option = f":recorded: {recorded}\n" if recorded else ""
    cell: nbformat.NotebookNode = new_markdown_cell(f"```{{chart}} {name}\n{option}```")
    return cell


def moves(recording: Recording, played: Played) -> dict[str, Any]:
    """Return what a page's script needs to know which of a cell's outputs is due."""
    places = [
        {"name": name, "places": len(recording.controls[name].places)}
        for name in played.controls
    ]
    return {"controls": places, "states": played.states}


def _shape(part: Output) -> str:
    """Return what kind of thing a part is; a control is one of its own."""
    if "control" in part:
        return f"control {part['control']}"
    return "words" if spec_in(part) is None else "chart"


def _block(match: re.Match[str]) -> str:
    """Write marimo's `/// details | Title` in HTML and MyST."""
    kind, title, text = match[1], match[2], match[3].strip("\n")
    if kind == "details":
        return f"<details>\n<summary>{html.escape(title)}</summary>\n\n{text}\n\n</details>"
    return f":::{{admonition}} {title}\n{text}\n:::"


def _head(notebook: Notebook, cells: list[nbformat.NotebookNode]) -> None:
    """Have the page start with its heading, and say when it came out under it.

    The series' notebooks start with theirs; others may set up things first.
    """
    opening = f"# {notebook.heading}\n"
    if notebook.ours and (not cells or not cells[0].source.startswith(opening)):
        raise NotPublishable(f"{notebook.file.name} must show '{opening.strip()}' first")
    if not notebook.ours:
        for cell in cells:
            found = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
            if found and found[1] == notebook.heading:
                cell.source = HEADING.sub("", cell.source, count=1).strip("\n")
                break
        cells[:] = [new_markdown_cell(opening), *(c for c in cells if c.source.strip())]
    if day := notebook.published:
        byline = (
            f'{{.byline}}\n<time datetime="{day}">{day.day} {day:%B %Y}</time> · '
            "{sub-ref}`wordcount-minutes` minutes to read"  # MyST counts
        )
        for words, address in repository.links(f"notebooks/{notebook.file.name}").items():
            byline += f" · [{words}]({address})"
        cells[0].source = cells[0].source.replace(opening, f"{opening}\n{byline}\n", 1)
