"""What a build gives: pages whose links resolve, with all that a blog needs."""

import ast
import copy
import json
import re
from collections.abc import Iterable
from datetime import date
from itertools import product
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from PIL import Image

import groundup
from blog.conf import site_url
from blog.mathml import mathml
from chapters import Chapter, found, to_come
from groundup import charts, oracle
from groundup.notebook import cells_of
from tests.building import SLUGS, addresses
from tests.serving import ROOT

pytestmark = pytest.mark.slow

STEPS = ["zero_grad", "predict", "loss", "backward", "update"]
STRUCK = {f"without-{step.replace('_', '-')}": step for step in STEPS}
"""A page of the loop without a line → the line."""

CHARTS = {chapter.slug: chapter.charts for chapter in found().values()}


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Each page by its name."""
    files = sorted(site.rglob("*.html"))
    return {
        str(f.relative_to(site)): BeautifulSoup(f.read_text("utf-8"), "html.parser")
        for f in files
    }


# Links.


def test_every_link_and_anchor_within_the_site_resolves(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    checked = 0
    anchors = {
        name: {t["id"] for t in page.find_all(id=True)} for name, page in pages.items()
    }
    for name, page in pages.items():
        for address in addresses(page):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            path = parts.path if not parts.path.startswith("/") else parts.path[1:]
            target = unquote(urljoin(name, path)) if parts.path else name
            assert (site / target).is_file(), f"{name}: {address}"
            if parts.fragment and target in anchors:
                assert unquote(parts.fragment) in anchors[target], f"{name}: {address}"
            checked += 1
    assert checked > 500


def test_no_page_loads_anything_from_elsewhere(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    for name, page in pages.items():
        loaded = [str(tag["src"]) for tag in page.find_all(src=True)]
        loaded += [
            str(tag["href"])
            for tag in page.find_all("link", href=True)
            if not {"canonical", "alternate"} & set(tag["rel"])
        ]
        assert [a for a in loaded if urlsplit(a).netloc] == [], name
    styles = "".join(file.read_text("utf-8") for file in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", styles) == []


# What makes it a blog.


def said(page: BeautifulSoup, name: str) -> str:
    """The content of one meta tag."""
    tags = page.select(f'head > meta:is([property="{name}"], [name="{name}"])')
    assert len(tags) == 1, f"{name}: {tags}"
    return str(tags[0]["content"])


def test_every_page_has_a_card_with_a_picture_that_exists(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    for name, page in pages.items():
        for tag in ("og:title", "og:description", "og:url", "og:site_name", "og:image:alt"):
            assert said(page, tag), f"{name}: {tag}"
        assert said(page, "twitter:card") == "summary_large_image"
        slug = name.removesuffix(".html")
        own = slug if slug in {*STRUCK, *SLUGS} else "index"
        picture = f"_static/cards/{own}.png"
        assert said(page, "og:image") == urljoin(site_url, picture), name
        with Image.open(site / picture) as image:
            assert image.size == (1200, 630)
            assert (
                len(image.convert("RGB").getcolors(1 << 24) or []) > 100
            )  # a chart, not a blank


def test_every_page_says_where_it_stands_and_where_the_feed_is(
    pages: dict[str, BeautifulSoup],
) -> None:
    for name, page in pages.items():
        canonical = page.find("link", rel="canonical")
        assert canonical is not None, name
        assert canonical["href"] == urljoin(site_url, name)
        feed = page.find("link", rel="alternate", type="application/atom+xml")
        assert feed is not None, name
        assert feed["href"] == urljoin(site_url, "feed.xml")
        assert page.find("link", rel="shortcut icon") is not None


def test_the_feed_is_valid_and_holds_every_chapter(
    site: Path, pages: dict[str, BeautifulSoup]
) -> None:
    feed = feedparser.parse((site / "feed.xml").read_bytes())
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    assert feed.feed.id == feed.feed.link == site_url
    assert feed.feed.author
    assert {entry.link for entry in feed.entries} == {
        urljoin(site_url, f"{s}.html") for s in SLUGS
    }
    for entry in feed.entries:
        page = pages[entry.link.removeprefix(site_url)]
        day = page.find("time")
        assert day is not None
        published = date(*entry.published_parsed[:3])  # in UTC
        assert published.isoformat() == day["datetime"]
        assert entry.summary == said(page, "description")
        assert entry.id == entry.link
        assert entry.updated >= entry.published


def test_the_sitemap_holds_the_pages_that_a_search_engine_should_show(site: Path) -> None:
    names = {"http": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    root = ElementTree.parse(site / "sitemap.xml").getroot()
    listed = {loc.text for loc in root.findall("http:url/http:loc", names)}
    shown = [*SLUGS, *STRUCK, "index", "api", "about", "other-notebooks"]
    assert listed == {urljoin(site_url, f"{name}.html") for name in shown}


@pytest.mark.parametrize("slug", SLUGS)
def test_a_chapter_has_its_date_its_minutes_and_its_neighbours(
    slug: str, pages: dict[str, BeautifulSoup]
) -> None:
    page = pages[f"{slug}.html"]
    byline = page.select_one(".byline")
    assert byline is not None
    said = re.search(r"\d+ \w+ 20\d\d · (\d+) minutes to read", byline.get_text())
    assert said is not None
    assert 5 < int(said[1]) < 40
    place = SLUGS.index(slug)
    before = page.select_one("a.prev-page")
    assert before is not None
    assert before["href"] == (f"{SLUGS[place - 1]}.html" if place else "index.html")
    after = page.select_one("a.next-page")
    assert after is not None
    assert after["href"] == (
        f"{SLUGS[place + 1]}.html" if place + 1 < len(SLUGS) else "api.html"
    )


def test_the_home_page_lists_every_chapter_with_its_question(
    pages: dict[str, BeautifulSoup],
) -> None:
    listed = pages["index.html"].select("ul.chapters li")
    assert len(listed) == len(SLUGS)
    for item, slug in zip(listed, SLUGS, strict=True):
        link, question = item.select_one("a"), item.select_one("em")
        assert link is not None
        assert question is not None
        assert link["href"] == f"{slug}.html"
        assert question.get_text().endswith("?")


def test_what_is_to_come_is_listed_as_such_and_promised_nowhere_else(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    home = pages["index.html"]
    listed = home.select("ol.to-come > li")
    assert [str(item["value"]) for item in listed] == [str(c.number) for c in to_come()]
    for item, later in zip(listed, to_come(), strict=True):
        assert item.get_text() == f"{later.title} {later.question.replace('`', '')}"
        assert item.find("a") is None
    for place in home.select("ol.to-come"):
        place.decompose()
    elsewhere = home.get_text() + (site / "feed.xml").read_text("utf-8")
    elsewhere += "".join(said(page, "og:description") for page in pages.values())
    for later in to_come():
        assert later.title.lower() not in elsewhere.lower()


def test_no_number_that_a_chapter_lets_its_readers_guess_is_told_before(
    pages: dict[str, BeautifulSoup], site: Path
) -> None:
    feed = feedparser.parse((site / "feed.xml").read_bytes())
    told = [entry.summary for entry in feed.entries]
    told += [said(pages[f"{slug}.html"], "og:description") for slug in SLUGS]
    told += [s.get_text() for s in pages["index.html"].select("section section")]
    assert len(told) > 2 * len(SLUGS)
    for text in told:
        assert re.findall(r"(?<!Python )\b\d+\.\d+", text) == []


# The loop whose lines can be struck out.


@pytest.mark.parametrize("slug", ["index", *STRUCK])
def test_a_page_opens_with_the_loop_of_chapter_one_and_its_own_line_struck(
    slug: str, pages: dict[str, BeautifulSoup]
) -> None:
    loop = pages[f"{slug}.html"].select_one("#loop")
    assert loop is not None
    names = [str(box["name"]) for box in loop.select("input[role=switch]")]
    assert names == STEPS
    struck = [str(box["name"]) for box in loop.select("input[checked]")]
    assert struck == ([STRUCK[slug]] if slug in STRUCK else [])
    # Each comment stands above its line, and nothing else differs from chapter one's code.
    shown = [line.get_text() for line in loop.select(".line, .c1")]
    code = cells_of(found()[1].file.read_text("utf-8"))["train_by_hand"].splitlines()
    written = [part.strip() for line in code for part in re.split(r"(?=# \d\.)", line)]
    start = written.index(shown[0])
    assert sorted(shown) == sorted(written[start : start + len(shown)])
    for label in loop.select("label"):
        assert label.get_text().startswith("strike out: ")


def test_the_page_without_a_line_tells_why_it_is_there_and_links_to_its_chapter(
    pages: dict[str, BeautifulSoup],
) -> None:
    told = set()
    for slug, step in STRUCK.items():
        page = pages[f"{slug}.html"]
        heading = page.select_one("h1")
        assert heading is not None
        assert heading.get_text().startswith(f"Without {step}")
        assert said(page, "og:title") == f"Without {step}"
        words = page.select_one(".struck > div[data-recorded]")
        assert words is not None
        assert words.get_text().strip() == said(page, "og:description")
        assert page.select(f'article a[href^="{SLUGS[0]}.html#"]')
        assert not page.select(f'.sidebar-tree a[href="{slug}.html"]')
        told.add(said(page, "og:description"))
    assert len(told) > 3  # two of them may raise in the same words


def test_the_home_page_links_to_a_lines_page_just_where_it_is_struck_alone(
    pages: dict[str, BeautifulSoup],
) -> None:
    content = pages["index.html"].select_one("#recorded-index-words")
    assert content is not None
    played = json.loads(content.get_text())
    names = [control["name"] for control in played["controls"]]
    for state, places in zip(played["states"], product((0, 1), repeat=5), strict=True):
        struck = [name for name, place in zip(names, places, strict=True) if place]
        linked = re.findall(r'href="(.+?)\.html"', played["words"][state])
        assert [STRUCK[slug] for slug in linked] == (struck if len(struck) == 1 else [])


def test_the_home_page_gives_no_answer_of_a_chapter_away(
    pages: dict[str, BeautifulSoup],
) -> None:
    answers = [
        " ".join(details.get_text().split())
        for slug in SLUGS
        for details in pages[f"{slug}.html"].select("details")
        if details.get_text().strip().startswith("Answer")
    ]
    assert len(answers) >= len(SLUGS)
    home = copy.copy(pages["index.html"])
    for script in home.select("script"):  # what is played once a line is struck
        script.decompose()
    text = home.get_text()
    for answer in answers:
        for number in re.findall(r"(?<![\d.])\d+\.\d{2,}", answer):
            assert number not in text
    assert re.findall(r"(?i)limit|λ|diverge|not zeroed|how large", text) == []
    assert said(pages["index.html"], "og:image").endswith("cards/index.png")


# Charts and text.


@pytest.mark.parametrize("slug", [*SLUGS, *STRUCK, "index"])
def test_a_reader_without_scripts_sees_a_picture_of_every_chart(
    slug: str, pages: dict[str, BeautifulSoup], site: Path
) -> None:
    page = pages[f"{slug}.html"]
    figures = page.select("figure.chart")
    assert len(figures) == CHARTS.get(slug, 1)
    for figure in figures:
        picture = figure.select_one("noscript img")
        assert picture is not None
        assert len(str(picture["alt"])) > 40
        drawn = (site / str(picture["src"])).read_text("utf-8")
        title = BeautifulSoup(drawn, "html.parser").select_one(".role-title-text")
        assert title is not None
        assert title.get_text().strip(), picture["src"]


@pytest.mark.parametrize("slug", [*SLUGS, *STRUCK, "index"])
def test_a_charts_data_is_in_its_page_once(
    slug: str, pages: dict[str, BeautifulSoup]
) -> None:
    page = pages[f"{slug}.html"]
    data = [script.get_text() for script in page.select('script[type="application/json"]')]
    assert len(set(data)) == len(data)
    shown = {figure["data-chart"] for figure in page.select("figure.chart")}
    shown |= {place["data-recorded"] for place in page.select("[data-recorded]")}
    assert shown == {
        script["id"] for script in page.select('script[type="application/json"]')
    }


@pytest.mark.parametrize("slug", SLUGS)
def test_nothing_of_marimos_own_is_left_in_a_page(
    slug: str, pages: dict[str, BeautifulSoup]
) -> None:
    page = pages[f"{slug}.html"]
    assert page.find(re.compile("^marimo-")) is None
    text = page.get_text()
    for mark in ("<marimo-", "&lt;marimo-", "///", "kernel-only", "Not yet"):
        assert mark not in text


@pytest.mark.parametrize("slug", SLUGS)
def test_every_equation_of_a_chapter_is_mathml(
    slug: str, pages: dict[str, BeautifulSoup]
) -> None:
    page = copy.copy(pages[f"{slug}.html"])
    (chapter,) = [chapter for chapter in found().values() if chapter.slug == slug]
    assert bool(page.find_all("math")) == bool(equations([chapter]))
    for math in page.find_all("math"):
        math.decompose()
    for script in page.find_all("script"):
        script.decompose()
    assert re.findall(r"\\(?:frac|lambda|sum|nabla|mathcal)", page.get_text()) == []


def test_a_page_opens_without_the_mistakes_that_its_switches_make(
    pages: dict[str, BeautifulSoup],
) -> None:
    text = " ".join(pages[f"{SLUGS[0]}.html"].get_text().split())
    assert "live in 40 different places in memory" in text
    assert "0 graphs are alive" in text
    for slug, mistakes in {
        SLUGS[0]: ["not zeroed"],
        SLUGS[1]: ["mismatched", "in order"],
        SLUGS[2]: ["no eval", "too early", "by test"],
    }.items():
        opens, recorded = (
            "".join(s.get_text() for s in pages[f"{slug}.html"].select(f"[id^={kind}-]"))
            for kind in ("data", "recorded")
        )
        assert [m for m in mistakes if f'"{m}"' in opens] == []
        assert [m for m in mistakes if f'"{m}"' not in recorded] == []


def equations(chapters: Iterable[Chapter]) -> list[str]:
    """Every equation of some chapters."""
    trees = [ast.parse(chapter.file.read_text("utf-8")) for chapter in chapters]
    texts = [node for tree in trees for node in ast.walk(tree)]
    text = "\n\n".join(
        node.value
        for node in texts
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    inline = r"(?<!\$)\$([^$\n{]+?|[^$\n]*?\\[^$\n]+?)\$(?!\$)"
    return sorted(
        {*re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL), *re.findall(inline, text)}
    )


@pytest.mark.parametrize("equation", equations(found().values()))
def test_an_equation_has_the_numbers_and_letters_that_another_converter_gives(
    equation: str,
) -> None:
    ours, theirs = (
        [
            token.get_text(strip=True)
            for token in BeautifulSoup(text, "html.parser").find_all(["mn", "mi"])
            if token.get_text(strip=True).isalnum()
        ]
        for text in (mathml(equation), convert(equation))
    )
    assert ours
    # A script N is a letter of its own to one, and an N in another style to the other.
    assert [t for t in ours if t != "𝒩"] == [t for t in theirs if t != "N"]


# The package's page.


def test_the_packages_page_has_every_public_name_linked_to_its_source(
    pages: dict[str, BeautifulSoup],
) -> None:
    page = pages["api.html"]
    described = {str(tag["id"]) for tag in page.select("dt.sig[id]")}
    public = {f"groundup.{name}" for name in groundup.__all__}
    public |= {f"groundup.charts.{name}" for name in charts.__all__} - {
        "groundup.charts.Content"
    }
    public |= {
        f"groundup.oracle.{name}"
        for name, thing in vars(oracle).items()
        if name[0] != "_" and getattr(thing, "__module__", "") == "groundup.oracle"
    }
    assert public - described == set()
    linked = {
        str(link.parent["id"])
        for link in page.select("dt.sig a.reference.internal:has(.viewcode-link)")
        if link.parent is not None
    }
    data = {"groundup.PENGUIN_FEATURES"}  # has no source of its own
    assert public - data <= linked


def test_the_workflow_for_github_pages_runs_only_when_its_owner_turns_it_on() -> None:
    workflow = (ROOT / ".github/workflows/pages.yml").read_text("utf-8")
    assert "make blog" in workflow
    assert "vars.PUBLISH_PAGES == 'true'" in workflow
