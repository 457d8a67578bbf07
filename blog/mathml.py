"""Equations as MathML, made at build time: real text that needs no script and no font."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

DIGITS = re.compile(r"(\\[dt]?frac)(\d)(\d)")


def mathml(equation: str, block: bool = False) -> str:
    r"""Return LaTeX as MathML.

    To LaTeX `\frac12` is one half; docutils would make it 12 over what follows.
    """
    return str(tex2mathml(DIGITS.sub(r"\1{\2}{\3}", equation), as_block=block))


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write an equation within a line."""
    self.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation that stands alone, and scrolls where the screen is narrower."""
    self.body.append(f'<div class="equation">{mathml(node.astext(), block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make it one of Sphinx's ways to write equations: `html_math_renderer = "mathml"`."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
