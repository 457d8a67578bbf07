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

PICTURE_WIDTH = 680
"""Of a picture in the text, about as wide as the prose."""


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
    titled["padding"] = {"left": 20, "top": 20, "right": 36, "bottom": 16}
    # A chart's height is its own: so it is drawn as wide as a card of that height is, and
    # then made larger.
    height = _drawn(titled).height
    titled["width"] = round(height * CARD_WIDTH / CARD_HEIGHT)
    filling = (
        f'width="{CARD_WIDTH}" height="{CARD_HEIGHT}" preserveAspectRatio="xMidYMid slice"'
    )
    return vl_convert.svg_to_png(SIZE.sub(filling, _drawn(titled).svg, count=1))


def _drawn(spec: Spec) -> Picture:
    svg = vl_convert.vegalite_to_svg(spec)
    size = SIZE.search(svg)
    assert size is not None, svg[:200]
    return Picture(svg, round(float(size[2])))


def _on_white(spec: Spec, width: int) -> Spec:
    config = {**spec.get("config", {}), "background": "white"}
    return {**copy.deepcopy(spec), "width": width, "config": config}
