"""From what marimo exports to what MyST-NB reads: Markdown, each chart a directive."""

import html
import json
import re
from dataclasses import dataclass
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

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


def sliders(spec: Spec) -> int:
    """Count the controls that a chart has of its own; one with any is an explorer."""
    return sum("bind" in param for param in spec.get("params", []))


def page_of(chapter: Chapter, exported: nbformat.NotebookNode) -> Page:
    """Return a chapter's page, from what `marimo export ipynb` made of it.

    Raises:
        NotPublishable: if a cell raised, warned, or shows what a page can't.
    """
    writer = _Writer(chapter)
    writer.check(exported)
    for cell in exported.cells:
        writer.charts_of(cell)
    for cell in exported.cells:
        writer.write(cell)
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
    return Page(notebook, writer.charts, writer.explorer)


class _Writer:
    """A walk through a chapter's cells, which collects what its page holds."""

    def __init__(self, chapter: Chapter) -> None:
        self.chapter = chapter
        self.cells: list[nbformat.NotebookNode] = []
        self.charts: dict[str, Spec] = {}

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
        for output in cell.outputs:
            self._show(cell, code, output)

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


def _directive(name: str) -> nbformat.NotebookNode:
    cell: nbformat.NotebookNode = new_markdown_cell(f"```{{chart}} {name}\n```")
    return cell


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
