"""Sphinx's configuration of the site, whose pages `python -m blog` gathers."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from blog.address import checked

# Where the site will stand; `make blog site_url=https://…` sets it. Links between its
# pages are relative; this is for those who see it from elsewhere: the feed, the sitemap,
# canonical links, cards, and the page for what doesn't exist.
site_url = checked(os.environ.get("SITE_URL", ""))

project = "From the Ground Up"
author = "The From the Ground Up authors"
copyright = f"2026 {author}. MIT licence"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_sitemap",
    "sphinxext.opengraph",
    "notfound.extension",
    "blog.directives",
    "blog.mathml",
    "blog.search",
    "blog.sharing",
]

# The chapters have run already, by marimo.
nb_execution_mode = "off"
myst_enable_extensions = ["attrs_block", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
myst_words_per_minute = 200
html_math_renderer = "mathml"

# The package's docstrings write code in single backticks.
default_role = "code"
highlight_language = "none"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
viewcode_line_numbers = True

html_title = project
html_theme = "furo"
html_favicon = "static/favicon.svg"
html_static_path = ["static"]
templates_path = ["templates"]
html_css_files = ["blog.css"]
html_js_files = [("blog.js", {"defer": "defer"}), ("recording.js", {"defer": "defer"})]
html_search_scorer = str(Path(__file__).parent / "static/scorer.js")
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_baseurl = site_url
html_theme_options = {
    "light_css_variables": {"font-stack": "system-ui, sans-serif"},
    "dark_css_variables": {"font-stack": "system-ui, sans-serif"},
}
copybutton_exclude = ".linenos, .gp, .go"

sitemap_url_scheme = "{link}"
sitemap_excludes = ["search.html", "404.html", "_modules/*"]

notfound_urls_prefix = urlsplit(site_url).path
notfound_context = {
    "title": "Page not found",
    "body": (
        "<h1>Nothing here</h1><p>The loss of this address is infinite. Start again "
        f'<a href="{notfound_urls_prefix}index.html">from the ground up</a>.</p>'
    ),
}

ogp_site_url = site_url
ogp_description = (
    "The training code of deep learning, rebuilt from the ground up: from a bare loop over "
    "w and b to a trainer for any module and any loss."
)
ogp_image = "_static/cards/index.png"
ogp_image_alt = "The losses of a training loop, whole and without its last line"
ogp_social_cards = {"enable": False}
ogp_custom_meta_tags = [
    '<meta property="og:image:width" content="1200" />',
    '<meta property="og:image:height" content="630" />',
    '<meta name="twitter:card" content="summary_large_image" />',
]
