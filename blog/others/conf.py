"""Sphinx's configuration of pages that other notebooks become: `python -m blog.publish`.

Their title is given on the command line.
"""

from blog.conf import *  # noqa: F403 (how pages are read and how they look)

author = copyright = ""
html_show_copyright = False
html_baseurl = ""  # they are shown anywhere

# Without a feed, cards, a sitemap and documentation: what is told there is the series'.
extensions = ["myst_nb", "sphinx_copybutton", "blog.directives", "blog.mathml"]

# A notebook may jump from # to ###.
suppress_warnings = ["myst.header"]
