"""What others see of the site: a feed, and the card beside a shared link."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import feedgenerator
from docutils import nodes
from docutils.utils import new_document
from sphinx.application import Sphinx
from sphinxext.opengraph import get_tags

from blog.directives import chapters

FEED = "feed.xml"


def write_feed(app: Sphinx, error: Exception | None) -> None:
    """Write an Atom feed of the chapters, the newest first."""
    if error is not None:
        return
    site = app.config.html_baseurl
    feed = feedgenerator.Atom1Feed(
        title=app.config.project,
        link=site,
        description=app.config.ogp_description,
        language=app.config.language,
        author_name=app.config.author,
        feed_url=urljoin(site, FEED),
        feed_guid=site,
    )
    for chapter in sorted(chapters(app.srcdir), key=lambda c: c["published"], reverse=True):
        link = urljoin(site, f"{chapter['slug']}.html")
        day = datetime.fromisoformat(chapter["published"]).replace(tzinfo=UTC)
        feed.add_item(
            title=chapter["heading"],
            link=link,
            description=chapter["description"],
            pubdate=day,
            updateddate=day,
            unique_id=link,
        )
    Path(app.outdir, FEED).write_text(feed.writeString("utf-8"), "utf-8")


def add_to_head(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Say where the feed is, and which card is the page's.

    Pages that no document makes, such as the search, have one, too.
    """
    site = app.config.html_baseurl
    context["metatags"] = context.get("metatags", "") + (
        f'<link rel="alternate" type="application/atom+xml" title="{app.config.project}" '
        f'href="{urljoin(site, FEED)}">\n'
    )
    meta = context.get("meta")
    card = f"cards/{page}.png"
    if Path(app.srcdir, "static", card).is_file():
        chapter = page in {chapter["slug"] for chapter in chapters(app.srcdir)}
        drawn = "A chart from the chapter" if chapter else "Curves of the training loop:"
        context["meta"] = (meta or {}) | {
            "og:image": urljoin(site, f"_static/{card}"),
            "og:image:alt": f"{drawn} {context['title']}",
        }
    if doctree is None:  # and the search has no title here: it is in its template
        context["meta"] = {"og:description": app.config.ogp_description}
        context["metatags"] += get_tags(
            {"title": app.config.project, **context},
            new_document(page),
            srcdir=app.srcdir,
            outdir=app.outdir,
            config=app.config,
            builder=app.builder,
            env=app.env,
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Join in before sphinxext.opengraph, which reads what is set here."""
    app.add_config_value("ogp_description", "", "html")
    app.connect("html-page-context", add_to_head, priority=400)
    app.connect("build-finished", write_feed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
