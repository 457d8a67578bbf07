"""From what marimo exports to what MyST-NB reads: Markdown, each chart a directive."""

import gzip
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from blog.recording import ADVICE, NOTHING, Control, Output, Played, Recording
from chapters import Chapter

Spec = dict[str, Any]

CHART = re.compile(r"application/vnd\.vega(lite)?\.v\d+\+json")
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
KERNEL_ONLY = re.compile(
    r'<span class="kernel-only">.*?</span>'
    r"|^/// \w+ \| [^\n]*\n    attrs: \{class: live-only\}\n.*?\n^///$",
    re.MULTILINE | re.DOTALL,
)
"""What the notebook says to those alone who can run it."""


class NotPublishable(Exception):
    """A chapter that raised, or holds what a page can't show; names it and the cell."""


@dataclass(frozen=True)
class Page:
    """A chapter as the site shows it."""

    notebook: nbformat.NotebookNode
    """Without charts, controls and anything of marimo's own: what MyST-NB reads."""

    charts: dict[str, Spec]
    """A name, as the notebook's directives call it → a Vega-Lite specification."""

    explorer: str
    """The name of the first chart that a reader can move."""

    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    """A name, as directives call it → what the page's script plays in that place."""


def sliders(spec: Spec) -> int:
    """Count the controls that a chart has of its own; one with any is an explorer."""
    return sum("bind" in param for param in spec.get("params", []))


def page_of(
    chapter: Chapter, exported: nbformat.NotebookNode, recording: Recording = NOTHING
) -> Page:
    """Return a chapter's page, from what `marimo export ipynb` made of it.

    Args:
        chapter: the one.
        exported: its code and what it shows as it opens.
        recording: what it shows where its controls stand elsewhere.

    Raises:
        NotPublishable: if a cell raised, warned, or shows what a page can't.
    """
    writer = _Writer(chapter, recording)
    writer.check(exported)
    for cell in exported.cells:
        writer.charts_of(cell)
    for cell in exported.cells:
        writer.write(cell)
    check_sizes(chapter, writer.recorded)
    if writer.explorer is None:
        raise NotPublishable(
            f"{chapter.file.name} must have a chart with sliders of its own"
        )
    _sign(chapter, writer.cells)
    notebook = nbformat.v4.new_notebook(
        cells=writer.cells,
        metadata={
            "myst": {"html_meta": {"description": chapter.description}},
            "og:description": chapter.description,
            "og:type": "article",
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        },
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the generated ones are random
    return Page(notebook, writer.charts, writer.explorer, writer.recorded)


def check_sizes(chapter: Chapter, recorded: Mapping[str, dict[str, Any]]) -> None:
    """Refuse recordings that a page is not to carry.

    Raises:
        NotPublishable: if one of them, or all together, are larger than they may be.
    """
    sizes = {name: compressed(content) for name, content in recorded.items()}
    for name, size in sizes.items():
        if size > MOST_BYTES:
            of = " and ".join(control["name"] for control in recorded[name]["controls"])
            raise NotPublishable(
                f"{chapter.file.name}: what follows from {of} takes {size:,} bytes, "
                f"compressed, which is more than {MOST_BYTES:,}: {ADVICE}"
            )
    if sum(sizes.values()) > MOST_BYTES_IN_ALL:
        raise NotPublishable(
            f"{chapter.file.name}: its recordings take {sum(sizes.values()):,} bytes, "
            f"compressed, which is more than {MOST_BYTES_IN_ALL:,}: {ADVICE}"
        )


def compressed(content: object) -> int:
    """Return how many bytes a server would send."""
    return len(gzip.compress(json.dumps(content).encode(), mtime=0))


class _Writer:
    """A walk through a chapter's cells, which collects what its page holds."""

    def __init__(self, chapter: Chapter, recording: Recording) -> None:
        self.chapter = chapter
        self.recording = recording
        self.cells: list[nbformat.NotebookNode] = []
        self.charts: dict[str, Spec] = {}
        self.recorded: dict[str, dict[str, Any]] = {}

    @property
    def explorer(self) -> str | None:
        """The name of the first chart that a reader can move."""
        return next((name for name, spec in self.charts.items() if sliders(spec)), None)

    def check(self, exported: nbformat.NotebookNode) -> None:
        """Refuse a chapter of which a cell raised, or wrote where nobody meant it to."""
        outputs = [(cell, o) for cell in exported.cells for o in cell.get("outputs", [])]
        errors = [(cell, o) for cell, o in outputs if o.output_type == "error"]
        # Cells that need one that raised have an error, too, but no traceback.
        for cell, error in sorted(errors, key=lambda found: not found[1].traceback):
            raise self._refusal(cell, f"raises {error.ename}: {error.evalue}")
        for cell, output in outputs:
            if output.output_type == "stream":
                raise self._refusal(cell, f"writes to {output.name}: {output.text.strip()}")

    def charts_of(self, cell: nbformat.NotebookNode) -> None:
        """Name each chart of a cell; the same one the same, so its data is sent once."""
        for output in cell.get("outputs", []):
            spec = _chart(output)
            if spec is not None and not spec.get("description"):
                raise self._refusal(cell, "shows a chart without a description")
            if spec is not None and spec not in self.charts.values():
                self.charts[f"{self.chapter.slug}-{len(self.charts) + 1:02}"] = spec

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
        for output in cell.outputs:
            if played is None:
                self._show(cell, code, output)
            else:
                self._play(cell, output, played)
        if cell.id in self.recording.panels:
            self.cells.append(new_markdown_cell(self._panel(cell.id)))

    def _panel(self, cell: str) -> str:
        """Return the inputs of the controls that a cell shows."""
        played = {name for p in self.recording.cells.values() for name in p.controls}
        names = self.recording.panels[cell]
        inputs = [
            (_input if name in played else _fixed)(self.recording.controls[name])
            for name in names
        ]
        return f'<div class="controls" id="{names[0]}">{"".join(inputs)}</div>'

    def _play(
        self,
        cell: nbformat.NotebookNode,
        output: nbformat.NotebookNode,
        played: Played,
    ) -> None:
        """Add what a cell shows, and what it shows elsewhere for the page's script."""
        places = [
            {"name": name, "places": len(self.recording.controls[name].places)}
            for name in played.controls
        ]
        name = f"{self.chapter.slug}-{cell.id}"
        content: dict[str, Any] = {"controls": places, "states": played.states}
        specs = [spec for o in played.outputs if (spec := _spec_in(o)) is not None]
        if len(specs) == len(played.outputs):
            if _chart(output) != specs[0]:
                raise self._refusal(cell, "shows another chart when it is recorded")
            content |= _changes(specs)
            self.cells.append(_directive(self._name_of(specs[0]), recorded=name))
        elif specs:
            raise self._refusal(cell, "shows a chart at some places, and words at others")
        else:
            content["words"] = [self._words(cell, output) for output in played.outputs]
            self.cells.append(new_markdown_cell(f"```{{recorded}} {name}\n```"))
        self.recorded[name] = content

    def _words(self, cell: nbformat.NotebookNode, output: Output) -> str:
        """Return an output as Markdown."""
        apart = _Writer(self.chapter, NOTHING)
        made = new_output("display_data", output) if output else None
        if made is not None:
            apart._show(cell, new_code_cell(""), made)
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
        spec = _chart(output)
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
        self.cells.append(new_markdown_cell(BLOCK.sub(_block, text)))

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
            self.cells.append(new_markdown_cell(text))

    def _add_text(self, code: nbformat.NotebookNode, text: str) -> None:
        code.outputs.append(new_output("display_data", {"text/plain": text}))
        if code not in self.cells:
            self.cells.append(code)

    def _name_of(self, spec: Spec) -> str:
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
        first = cell.source.strip().splitlines()[0] if cell.source.strip() else cell.id
        return NotPublishable(f"{self.chapter.file.name}: the cell '{first}' {what}")


def _chart(output: nbformat.NotebookNode) -> Spec | None:
    """Return an output's chart, if it is one."""
    for kind, content in output.get("data", {}).items():
        if CHART.fullmatch(kind):
            spec: Spec = json.loads(content) if isinstance(content, str) else dict(content)
            return spec
    return None


def _directive(name: str, recorded: str = "") -> nbformat.NotebookNode:
    option = f":recorded: {recorded}\n" if recorded else ""
    cell: nbformat.NotebookNode = new_markdown_cell(f"```{{chart}} {name}\n{option}```")
    return cell


def _spec_in(output: Output) -> Spec | None:
    """Return a recorded output's chart, if it is one."""
    return next((spec for kind, spec in output.items() if CHART.fullmatch(kind)), None)


def _changes(specs: list[Spec]) -> dict[str, Any]:
    """Return what differs between a chart's states, so that a page need not draw anew.

    Charts of one kind differ in rows, in parameters' values and in the description.
    """
    kinds: list[Spec] = []
    charts: list[dict[str, Any]] = []
    bare = [_bare(spec) for spec in specs]
    for spec, kind in zip(specs, bare, strict=True):
        same = [s for s, k in zip(specs, bare, strict=True) if k == kind]
        if same[0] not in kinds:
            kinds.append(same[0])
        charts.append(
            {
                "kind": kinds.index(same[0]),
                "description": spec["description"],
                "data": {
                    name: _columns(rows)
                    for name, rows in spec["datasets"].items()
                    if any(other["datasets"][name] != rows for other in same)
                },
                "params": {
                    name: value
                    for name, value in _params(spec).items()
                    if any(_params(other)[name] != value for other in same)
                },
            }
        )
    return {"kinds": kinds[1:], "charts": charts}


def _columns(rows: list[dict[str, Any]]) -> list[Any]:
    """Return the number of rows and their columns; of one that is constant its value.

    A third of the bytes of the rows themselves.
    """
    columns = {}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        same = all(value == values[0] for value in values)
        columns[name] = values[0] if same else values
    return [len(rows), columns]


def _bare(spec: Spec) -> Spec:
    """Return what a chart is without its rows, its parameters' values, and its words."""
    rest = {k: v for k, v in spec.items() if k not in ("datasets", "description", "params")}
    names = [{**p, "value": None} for p in spec.get("params", [])]
    return {**rest, "params": names, "datasets": [*spec.get("datasets", {})]}


def _params(spec: Spec) -> dict[str, Any]:
    return {p["name"]: p["value"] for p in spec.get("params", []) if "value" in p}


def _input(control: Control) -> str:
    """Return a control as a page has it, whose places are counted from 0."""
    label, words = _label(control), html.escape(json.dumps(control.words))
    now = html.escape(control.words[control.start])
    common = f'name="{control.name}" data-words="{words}" autocomplete="off"'
    if control.kind == "switch":
        checked = " checked" * control.start
        box = f'<input type="checkbox" role="switch" {common}{checked}>'
        return f"<label>{box} <span>{label}</span></label>"
    if control.kind == "choice":
        options = "".join(
            f'<option value="{i}"{" selected" * (i == control.start)}>{html.escape(word)}'
            "</option>"
            for i, word in enumerate(control.words)
        )
        return f"<label><span>{label}</span> <select {common}>{options}</select></label>"
    return (
        f'<label><span>{label}</span> <input type="range" {common} min="0" '
        f'max="{len(control.places) - 1}" value="{control.start}" aria-valuetext="{now}"> '
        f'<output aria-hidden="true">{now}</output></label>'
    )


def _fixed(control: Control) -> str:
    """Return a control as words: on the page it stays where it starts."""
    now = html.escape(control.words[control.start])
    return f"<p><span>{_label(control)}</span> {now}</p>"


def _label(control: Control) -> str:
    return re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(control.label))


def _block(match: re.Match[str]) -> str:
    """Write marimo's `/// details | Title` in HTML and MyST."""
    kind, title, text = match[1], match[2], match[3].strip("\n")
    if kind == "details":
        return f"<details>\n<summary>{html.escape(title)}</summary>\n\n{text}\n\n</details>"
    return f":::{{admonition}} {title}\n{text}\n:::"


def _sign(chapter: Chapter, cells: list[nbformat.NotebookNode]) -> None:
    """Write the date and the minutes that reading takes between heading and question."""
    opening = f"# {chapter.heading}\n"
    if not cells or not cells[0].source.startswith(opening):
        raise NotPublishable(f"{chapter.file.name} must show '{opening.strip()}' first")
    day = chapter.published
    byline = (
        f'{{.byline}}\n<time datetime="{day}">{day.day} {day:%B %Y}</time> · '
        "{sub-ref}`wordcount-minutes` minutes to read"  # MyST counts
    )
    cells[0].source = cells[0].source.replace(opening, f"{opening}\n{byline}\n", 1)
