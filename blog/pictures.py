"""Charts drawn at build time: pictures for readers without scripts, cards beside links."""

import copy
import html
import re
import textwrap
from collections.abc import Set
from typing import NamedTuple

import vl_convert
from pygments import highlight
from pygments.formatters import SvgFormatter
from pygments.lexers import PythonLexer

from blog.page import Spec

CARD_WIDTH, CARD_HEIGHT = 1200, 630
"""Pixels of a card, which Open Graph and Twitter show at this shape."""

SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
"""Of an SVG's first element."""

AXIS_ON_CARD = {"labelFontSize": 13, "titleFontSize": 13}

PICTURE_WIDTH = 680
"""Of a picture in the text, about as wide as the prose."""

INK = {
    "#E69F00": "#966700",
    "#009E73": "#00805d",
    "#D55E00": "#b95200",
    "#CC79A7": "#9b5c7f",
    "#56B4E9": "#39779a",
    "#8C8C8C": "#707070",
}
"""A line's colour → its words' on white, as in `static/blog.css`."""

WORDS = re.compile(r'(<text [^>]*fill=")(#[0-9A-F]{6})"')


class Picture(NamedTuple):
    """A drawn chart."""

    svg: str
    height: int


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script: it sets `window.vegaEmbed`."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # Within a function, since its names would collide with those of Sphinx's scripts.
    return f"(() => {{{bundle}}})();"


def picture(spec: Spec) -> Picture:
    """Draw a chart as it stands before anybody has moved its sliders.

    On white, so that a reader at night still sees its words.
    """
    return _drawn(_on_white(spec, PICTURE_WIDTH))


def card(spec: Spec, heading: str, line: str) -> bytes:
    """Draw a chart as the PNG beside a shared link, with a heading and a line above it."""
    return vl_convert.svg_to_png(card_drawing(spec, heading, line))


def card_drawing(spec: Spec, heading: str, line: str) -> str:
    """Draw a card as an SVG, whose words can still be read where it is shown small."""
    titled = _on_white(spec, CARD_WIDTH)
    titled["title"] = {
        "text": heading,
        "subtitle": line,
        "anchor": "start",
        "fontSize": 32,
        "subtitleFontSize": 20,
        "subtitlePadding": 6,
        "offset": 14,
    }
    for part, size in (("text", {"fontSize": 15}), ("axis", AXIS_ON_CARD)):
        titled["config"][part] = {**titled["config"].get(part, {}), **size}
    titled["padding"] = {"left": 20, "top": 20, "right": 36, "bottom": 16}
    # A chart's height is its own: so it is drawn as wide as a card of that height is, and
    # then made larger.
    height = _drawn(titled).height
    titled["width"] = round(height * CARD_WIDTH / CARD_HEIGHT)
    filling = (
        f'width="{CARD_WIDTH}" height="{CARD_HEIGHT}" preserveAspectRatio="xMidYMid slice"'
    )
    return SIZE.sub(filling, _drawn(titled).svg, count=1)


CODE_SIZE, CODE_STEP = 20, 29
"""Pixels of a card's code: its letters' height, and from line to line."""


def loop_card(spec: Spec, heading: str, line: str, code: str, struck: Set[int]) -> bytes:
    """Draw a card with code, some of its lines struck, and a chart on its right."""
    letter = 0.602 * CODE_SIZE  # of DejaVu's and most other fonts of one width
    left, top, right = 40, 208, 575
    style = SvgFormatter(
        nowrap=True,
        style="a11y-high-contrast-light",
        xoffset=left,
        yoffset=top,
        ystep=CODE_STEP,
    )
    font = f'font-family="DejaVu Sans Mono, monospace" font-size="{CODE_SIZE}px"'
    drawn = [f"<g {font}>{highlight(code, PythonLexer(), style)}</g>"]
    for number, text in enumerate(code.splitlines()):
        if number in struck:
            a, b = len(text) - len(text.lstrip()), len(text)
            y = top + CODE_STEP * number - 0.32 * CODE_SIZE
            drawn.append(
                f'<path d="M{left + a * letter - 3} {y}H{left + b * letter + 3}" '
                'stroke="#b0400f" stroke-width="3"/>'
            )
    for i, words in enumerate(textwrap.wrap(line, 84)):
        drawn.append(_text(left, 120 + 34 * i, 26, words))
    drawn.append(_text(left, 72, 48, heading, ' font-weight="bold"'))
    plot = {**_on_white(spec, 390), "title": None}
    size = f'x="{right}" y="{top - 30}" width="{CARD_WIDTH - right - 20}" height="430"'
    drawn.append(SIZE.sub(size, _drawn(plot).svg, count=1))
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{CARD_WIDTH}" '
        f'height="{CARD_HEIGHT}"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(drawn)}</svg>"
    )


def _text(x: float, y: float, size: int, words: str, look: str = "") -> str:
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="{size}px"{look}>'
        f"{html.escape(words)}</text>"
    )


def _drawn(spec: Spec) -> Picture:
    svg = vl_convert.vegalite_to_svg(spec)
    svg = WORDS.sub(lambda text: f'{text[1]}{INK.get(text[2], text[2])}"', svg)
    size = SIZE.search(svg)
    assert size is not None, svg[:200]
    return Picture(svg, round(float(size[2])))


def _on_white(spec: Spec, width: int) -> Spec:
    config = {**spec.get("config", {}), "background": "white"}
    return {**copy.deepcopy(spec), "width": width, "config": config}
