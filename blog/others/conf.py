"""Sphinx's configuration of pages that other notebooks become: `python -m blog.publish`."""

import json
from pathlib import Path

from blog.conf import *  # noqa: F403 (how pages are read and how they look)

said = json.loads(Path(__file__).with_name("said.json").read_text("utf-8"))

project = html_title = said["title"]
author = copyright = ""
root_doc = said["root"]
html_show_copyright = False
html_baseurl = ""  # they are shown anywhere

# Without a feed, cards, a sitemap and documentation: what is told there is the series'.
extensions = ["myst_nb", "sphinx_copybutton", "blog.directives", "blog.mathml"]

# A notebook may jump from # to ###.
suppress_warnings = ["myst.header"]
