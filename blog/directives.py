"""What a page can hold beyond Markdown: charts, the list of chapters, the loop."""

import html
import json
import os
import re
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

import repository
from blog.page import sliders

SLIDER_HEIGHT = 40
"""Pixels that a slider takes under its chart."""


class chart(nodes.General, nodes.Element):
    """A chart that the browser draws; its child is the picture where it has no scripts."""


class recorded(nodes.General, nodes.Element):
    """Words that follow from controls; its children are what stands there, each a state."""


class state(nodes.General, nodes.Element):
    """What stands there at some places of the controls."""


def recording(directive: SphinxDirective, name: str) -> dict[str, Any]:
    """Read what a page's script plays in a place."""
    file = Path(directive.env.srcdir, "recorded", f"{name}.json")
    directive.env.note_dependency(str(file))
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


class RecordedDirective(SphinxDirective):
    """The directive `{recorded} NAME`: the words of `recorded/NAME.json`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the words' node."""
        name = self.arguments[0]
        content = recording(self, name)
        node = recorded(name=name, content=content)
        counts = self.state._renderer.md_env["wordcount"]  # MyST counts what it parses
        for number, words in enumerate(content["words"]):
            node += state("", *self.parse_text_to_nodes(words))
            if number == 0:
                read = dict(counts)
        counts.update(read)  # a reader reads one state
        return [node]


def visit_recorded(self: HTML5Translator, node: recorded) -> None:
    """Begin to collect the states."""
    node["html"] = []


def visit_state(self: HTML5Translator, node: state) -> None:
    """Note where the state's words begin."""
    node["start"] = len(self.body)


def depart_state(self: HTML5Translator, node: state) -> None:
    """Take the state's words out of the page's text."""
    node.parent["html"].append("".join(self.body[node["start"] :]))
    del self.body[node["start"] :]


def depart_recorded(self: HTML5Translator, node: recorded) -> None:
    """Write the first state, and all of them for the script."""
    content = {**node["content"], "words": node["html"]}
    self.body.append(script(f"recorded-{node['name']}", content))
    self.body.append(
        f'<div data-recorded="recorded-{node["name"]}">{node["html"][0]}</div>'
    )


def script(identity: str, content: object) -> str:
    """Return data for a page's script."""
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    data = data.replace("</", "<\\/")
    return f'<script type="application/json" id="{identity}">{data}</script>\n'


class ChartDirective(SphinxDirective):
    """The directive `{chart} NAME`: `charts/NAME.json`, and its picture."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"recorded": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return the chart's node."""
        name = self.arguments[0]
        file = Path(self.env.srcdir, "charts", f"{name}.json")
        if not file.is_file():
            raise self.error(f"there is no chart {name!r}: {file.name} is missing")
        self.env.note_dependency(str(file))
        content = json.loads(file.read_text("utf-8"))
        node = chart(name=name, spec=content["spec"], height=content["height"])
        if "recorded" in self.options:
            node["recorded"] = self.options["recorded"]
            node["content"] = recording(self, node["recorded"])
        node += nodes.image(
            uri=f"/charts/{content['picture']}",
            alt=content["spec"]["description"],
            loading="lazy",
        )
        return [node]


def visit_chart(self: HTML5Translator, node: chart) -> None:
    """Open a figure to draw in. Its data is sent once, however often a page shows it."""
    name, controls = node["name"], sliders(node["spec"])
    before = list(takewhile(lambda other: other is not node, self.document.findall(chart)))
    if all(other["name"] != name for other in before):
        self.body.append(script(f"data-{name}", node["spec"]))
    attributes = 'class="chart"'
    if controls:
        number = 1 + sum(sliders(other["spec"]) > 0 for other in before)
        identity = "explorer" if number == 1 else f"explorer-{number}"
        attributes = f'class="chart explorer" id="{identity}"'
    if "recorded" in node:
        self.body.append(script(f"recorded-{node['recorded']}", node["content"]))
        attributes += f' data-recorded="recorded-{node["recorded"]}"'
    height = node["height"] + controls * SLIDER_HEIGHT
    self.body.append(
        f'<figure {attributes} data-chart="data-{name}">'
        f'<div class="plot" style="min-height: {height}px"></div>\n<noscript>'
    )


def depart_chart(self: HTML5Translator, node: chart) -> None:
    """Close the figure."""
    self.body.append("</noscript></figure>\n")


def add_vega(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Send Vega to the pages that have a chart, and to no other."""
    if doctree is not None and any(doctree.findall(chart)):
        app.add_js_file("vega.js", priority=700, defer="defer")


class LoopDirective(SphinxDirective):
    """The directive `{loop} NAME`: the loop of `loops/NAME.html`, beside its curves."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the listing, the chart and the words, in boxes that stand side by side."""
        name = self.arguments[0]
        file = Path(self.env.srcdir, "loops", f"{name}.html")
        self.env.note_dependency(str(file))
        parts = [f"{{chart}} {name}\n:recorded: {name}", f"{{recorded}} {name}-words"]
        shown = "\n\n".join(f"```{part}\n```" for part in parts)
        opening = f'<div class="strike">{file.read_text("utf-8")}<div class="struck">'
        return [
            nodes.raw("", opening, format="html"),
            *self.parse_text_to_nodes(shown),
            nodes.raw("", "</div></div>", format="html"),
        ]


@cache  # each page asks
def chapters(source: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Read what the build knows of the chapters, from slug to day of publication."""
    known: list[dict[str, str]] = json.loads(
        Path(source, "chapters.json").read_text("utf-8")
    )
    return known


def announced(source: str | os.PathLike[str]) -> str:
    """Return the chapters that are to come, in HTML, without links."""
    listed = json.loads(Path(source, "to_come.json").read_text("utf-8"))
    if not listed:
        return ""
    items = "".join(
        f'<li value="{c["number"]}">{html.escape(c["title"])} '
        f"<em>{code(html.escape(c['question']))}</em></li>"
        for c in listed
    )
    return f'<p>To come:</p><ol class="to-come">{items}</ol>'


def code(text: str) -> str:
    """Write what stands in backticks as code."""
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


class ChaptersDirective(SphinxDirective):
    """The directive `{chapters}`: each with its question, and those that are to come."""

    def run(self) -> list[nodes.Node]:
        """Return one raw list: its links are to files beside the page that holds it."""
        items = [
            f'<li><a href="{c["slug"]}.html">'
            f"<strong>{html.escape(c['heading'])}</strong></a>"
            f"<em>{html.escape(c['question'])}</em> "
            f"<p>{html.escape(c['description'].removeprefix(c['question']).strip())}"
            "</p></li>"
            for c in chapters(self.env.srcdir)
        ]
        listed = f'<ul class="chapters">{" ".join(items)}</ul>'
        listed += announced(self.env.srcdir)
        return [nodes.raw("", listed, format="html")]


class CloneDirective(SphinxDirective):
    """The directive `{clone}`: how to get a copy, where the repository has an address."""

    def run(self) -> list[nodes.Node]:
        """Return a listing, or nothing."""
        lines = repository.clone().rstrip()
        return [nodes.literal_block(lines, lines, language="sh")] if lines else []


def setup(app: Sphinx) -> dict[str, bool]:
    """Make both known to Sphinx."""
    app.connect("html-page-context", add_vega)
    app.add_node(chart, html=(visit_chart, depart_chart))
    app.add_directive("chart", ChartDirective)
    app.add_node(recorded, html=(visit_recorded, depart_recorded))
    app.add_node(state, html=(visit_state, depart_state))
    app.add_directive("recorded", RecordedDirective)
    app.add_directive("chapters", ChaptersDirective)
    app.add_directive("clone", CloneDirective)
    app.add_directive("loop", LoopDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
