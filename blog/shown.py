"""What a cell shows, as the parts of which a page is made: words, charts and controls.

marimo writes what stands together, in `mo.vstack` or in prose with a slider in it, as one
text of HTML with elements of its own. Here it is taken apart again.
"""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

import marimo as mo
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from marimo._output.formatting import try_format  # as its exports do; nothing public does

from blog.controls import POSSIBLE, Control, Element, NotRecordable
from blog.mathml import mathml

Output = dict[str, Any]
"""A MIME type → what is shown. Nothing is an empty one.

Beside MIME types: `parts` → outputs, one under another; `control` → its name.
"""

Spec = dict[str, Any]

VEGA_LITE = "application/vnd.vegalite.v6+json"
CHART = re.compile(r"application/vnd\.vega(lite)?\.v\d+\+json")
ELEMENT = re.compile(
    r"<marimo-ui-element object-id='([^']*)'[^>]*>(?:(?!<marimo-ui-element).)*?"
    r"</marimo-ui-element>",
    re.DOTALL,
)
IN_WORDS = re.compile(r'<page-control name="(\w+)"></page-control>')
"""A control within prose, as it stands in an output."""

SHOWN_WITHIN = re.compile(r'"(text|application|image)/[a-z.+0-9-]+:')
"""What a list or a dictionary holds beside numbers and texts."""

COUNTED = re.compile(r'"(data-[0-9a-f]{32}|view_\d+|param_[0-9a-f]+)"')
"""Names that Altair makes up anew for each chart."""

CALLED = {"data": "rows", "view": "view", "para": "chosen"}
"""What they are called instead; `data_1` would be one of Vega-Lite's own."""


def spec_in(output: Mapping[str, Any]) -> Spec | None:
    """Return an output's chart, if it is one, with names that tell it from no other."""
    for kind, content in output.items():
        if CHART.fullmatch(kind):
            spec = json.loads(content) if isinstance(content, str) else dict(content)
            text = was = json.dumps(spec, sort_keys=True)
            for i, name in enumerate(dict.fromkeys(COUNTED.findall(text)), 1):
                text = text.replace(f'"{name}"', f'"{CALLED[name[:4]]}_{i}"')
            return dict(spec if text == was else json.loads(text))
    return None


def output_of(
    shown: Any, elements: Mapping[str, Any] = {}, controls: Mapping[str, Control] = {}
) -> Output:
    """Return what a cell shows as marimo's export has it, in parts where it has some.

    Args:
        shown: the value.
        elements: the notebook's, by their names.
        controls: those of them that a page can have.

    Raises:
        NotRecordable: if there is something that a page can't show.
    """
    reader = _Reader(elements, controls)
    if not isinstance(shown, Element) and hasattr(shown, "_repr_markdown_"):
        text = shown._repr_markdown_()
        inline = ELEMENT.sub(reader.placeholder, text)
        if "<marimo-" not in inline:
            return {"text/markdown": inline}
        return _one(reader.parts(shown.text))
    formatted = try_format(shown)
    if CHART.fullmatch(formatted.mimetype):
        return {VEGA_LITE: spec_in({VEGA_LITE: formatted.data})}
    text = formatted.data
    if isinstance(shown, Element) and formatted.mimetype == "text/markdown":
        text = shown.text  # which is escaped there
    if formatted.mimetype == "application/json" and SHOWN_WITHIN.search(text):
        named = isinstance(shown, dict)
        text = (mo.ui.tabs(shown) if named else mo.vstack([*shown])).text
    if "<marimo-" in text or text is not formatted.data:
        return _one(reader.parts(text))
    return {formatted.mimetype: formatted.data} if formatted.data else {}


def _one(parts: list[Output]) -> Output:
    return parts[0] if len(parts) == 1 and "control" in parts[0] else {"parts": parts}


class _Reader:
    """Takes marimo's HTML apart."""

    def __init__(
        self, elements: Mapping[str, Any], controls: Mapping[str, Control]
    ) -> None:
        self.elements, self.controls = elements, controls
        self.names = {
            found[1]: name
            for name, element in elements.items()
            if (found := re.search("object-id='([^']*)'", element.text))
        }

    def placeholder(self, match: re.Match[str]) -> str:
        """Write a control within words so that a page knows it again."""
        name = self.names.get(match[1], "")
        if name not in self.controls:
            return match[0]
        return f'<page-control name="{name}"></page-control>'

    def parts(self, text: str) -> list[Output]:
        """Return what stands in marimo's HTML, from top to bottom; words are one part."""
        return _joined(self._walk(_plain(text)))

    def _walk(self, tag: Tag) -> list[Output]:
        return [part for child in tag.children for part in self._parts_of(child)]

    def _parts_of(self, child: Any) -> list[Output]:
        if not isinstance(child, Tag):
            words = isinstance(child, NavigableString) and str(child).strip()
            return [_words(html.escape(str(child), quote=False))] if words else []
        if child.name.startswith("marimo-"):
            return self._marimo(child)
        if child.find(re.compile("^marimo-")) is None:
            return [_words(str(child))]
        if child.name != "div":
            line = BeautifulSoup(
                ELEMENT.sub(self.placeholder, _quoted(child)), "html.parser"
            )
            for equation in line.find_all("marimo-tex"):
                equation.replace_with(BeautifulSoup(_equation(equation), "html.parser"))
            if line.find(re.compile("^marimo-")) is None:
                return [_words(str(line))]
        return self._walk(child)

    def _marimo(self, tag: Tag) -> list[Output]:  # noqa: PLR0911 (one kind after another)
        kind = tag.name.removeprefix("marimo-")
        said = {
            name.removeprefix("data-"): json.loads(str(value))
            for name, value in tag.attrs.items()
            if name.startswith("data-")
        }
        if kind == "ui-element":
            return self._element(tag)
        if kind == "mime-renderer":
            return self._rendered(said["mime"], said["data"])
        if kind in ("tabs", "accordion"):
            labels = said["tabs" if kind == "tabs" else "labels"]
            titled = zip(labels, tag.find_all("div", recursive=False), strict=True)
            return [
                part
                for label, content in titled
                for part in (
                    _titled(label),
                    *self._walk(content),
                )
            ]
        if kind == "callout-output":
            parts = self.parts(said["html"])
            if all("text/html" in part for part in parts):
                inner = "".join(part["text/html"] for part in parts)
                return [_words(f'<div class="admonition {said["kind"]}">{inner}</div>')]
            return parts
        if kind == "stat":
            value, label, caption = (said.get(n) for n in ("value", "label", "caption"))
            rest = " · ".join(html.escape(str(text)) for text in (label, caption) if text)
            shown = html.escape(str(value))
            return [_words(f'<p class="stat"><strong>{shown}</strong> {rest}</p>')]
        if kind == "json-output":
            text = html.escape(json.dumps(said["json-data"], ensure_ascii=False))
            return [_words(f"<pre>{text}</pre>")]
        if kind == "tex":
            return [_words(_equation(tag))]
        raise NotRecordable(f"shows marimo-{kind}, which a page can't: {POSSIBLE}")

    def _element(self, tag: Tag) -> list[Output]:
        """Return a control by its name, or what a view shows."""
        name = self.names.get(str(tag["object-id"]), "")
        inner = tag.find(True)
        assert isinstance(inner, Tag)
        if name in self.controls:
            return [{"control": name}]
        if inner.name in ("marimo-tabs", "marimo-accordion"):
            return self._marimo(inner)
        if name and inner.name in ("marimo-vega", "marimo-table"):
            return [output_of(self.elements[name])]
        if name:
            return []  # left out by its author
        kind = inner.name.removeprefix("marimo-")
        raise NotRecordable(
            f"shows a {kind} that no variable holds: give it a name of its own, at the top "
            "of a cell"
        )

    def _rendered(self, kind: str, data: Any) -> list[Output]:
        if CHART.fullmatch(kind):
            return [{VEGA_LITE: spec_in({VEGA_LITE: data})}]
        if kind == "text/html":
            return self.parts(str(data))
        return [{kind: data}]


def _plain(text: str) -> BeautifulSoup:
    """Return HTML without what only marimo's styles know: its prose is of spans."""
    soup = BeautifulSoup(text, "html.parser")
    for span in soup.select("span.markdown"):
        span.unwrap()
    for span in soup.select("span.paragraph"):
        span.name = "p"
        del span["class"]
    return soup


def _titled(label: str) -> Output:
    title = html.escape(BeautifulSoup(label, "html.parser").get_text().strip())
    return _words(f"<p><strong>{title}</strong></p>")


def _quoted(tag: Tag) -> str:
    """Return HTML in which an element's identity is quoted as marimo does it."""
    return re.sub(r'object-id="([^"]*)"', r"object-id='\1'", str(tag))


def _equation(tag: Tag) -> str:
    text = tag.get_text()
    block = text.startswith("||[")
    return mathml(text[3:-3], block=block)  # ||(…||) or ||[…||]


def _words(text: str) -> Output:
    return {"text/html": text}


def _joined(parts: list[Output]) -> list[Output]:
    """Make one part of words that follow on words."""
    joined: list[Output] = []
    for part in parts:
        if joined and "text/html" in part and "text/html" in joined[-1]:
            joined[-1] = _words(f"{joined[-1]['text/html']}\n{part['text/html']}")
        else:
            joined.append(part)
    return joined
