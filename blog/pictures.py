"""Charts drawn at build time: pictures for readers without scripts, cards beside links."""

import copy
import re
from typing import NamedTuple

import vl_convert

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


def _drawn(spec: Spec) -> Picture:
    svg = vl_convert.vegalite_to_svg(spec)
    svg = WORDS.sub(lambda text: f'{text[1]}{INK.get(text[2], text[2])}"', svg)
    size = SIZE.search(svg)
    assert size is not None, svg[:200]
    return Picture(svg, round(float(size[2])))


def _on_white(spec: Spec, width: int) -> Spec:
    config = {**spec.get("config", {}), "background": "white"}
    return {**copy.deepcopy(spec), "width": width, "config": config}
