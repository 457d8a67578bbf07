"""Charts drawn at build time by vl-convert: pictures for readers without scripts, cards for those who share a link."""

import copy
import re
from typing import Any, NamedTuple

import vl_convert

Spec = dict[str, Any]

CARD_WIDTH, CARD_HEIGHT = 1200, 630
"""Pixels of a card, which Open Graph and Twitter show at this shape."""

SCALE = 2
"""Pixels of a card for each of its units, so that its words can be read when it is shown small."""

PICTURE_WIDTH = 680
"""Of a picture in the text, about as wide as the prose."""


class Picture(NamedTuple):
    """A drawn chart."""

    svg: str
    width: int
    height: int


def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which sets `window.vegaEmbed`."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return (
        f"(() => {{{bundle}}})();"  # its names would collide with those of Sphinx's scripts
    )


def picture(spec: Spec) -> Picture:
    """A chart as it stands before anybody has moved its sliders, on white: a reader at night still sees its words."""
    svg = vl_convert.vegalite_to_svg(_on_white(spec, PICTURE_WIDTH))
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    assert size is not None, svg[:200]
    return Picture(svg, round(float(size[1])), round(float(size[2])))


def card(spec: Spec, heading: str, line: str) -> bytes:
    """A chart as the PNG that stands beside a shared link, with a heading and a line above it."""
    width, height = CARD_WIDTH // SCALE, CARD_HEIGHT // SCALE
    drawn = _on_white(spec, width)
    drawn |= {
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 16,
        "title": {
            "text": heading,
            "subtitle": line,
            "anchor": "start",
            "fontSize": 22,
            "subtitleFontSize": 14,
            "offset": 8,
        },
    }
    return vl_convert.vegalite_to_png(drawn, scale=SCALE)


def _on_white(spec: Spec, width: int) -> Spec:
    config = {**spec.get("config", {}), "background": "white"}
    return {**copy.deepcopy(spec), "width": width, "config": config}
