"""The site as its readers get it: every page, with the network off.

It is read on phones and desks, by day and by night.
"""

import io
import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from chapters import found
from edit import ask
from tests.browser.charts import CONTRAST, READABLE, WIDTHS
from tests.browser.conftest import opened
from tests.building import SLUGS, hosted
from tests.serving import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXPLORERS = {f"{chapter.slug}.html": len(chapter.explorers) for chapter in found().values()}
"""A page → how many explorers it shows."""

WITH_EXPLORERS = [*EXPLORERS]
WITH_TWO = next(name for name, explorers in EXPLORERS.items() if explorers == 2)
"""Where what the site's script does with any explorer is looked at."""

SOURCES = [
    f"_modules/groundup/{file.relative_to(ROOT / 'groundup').with_suffix('.html')}"
    for file in sorted(ROOT.glob("groundup/**/*.py"))
    if not file.name.startswith("_")
]
LOOPS = ["index.html", "without-backward.html"]
PAGES = [
    *LOOPS,
    *WITH_EXPLORERS,
    "api.html",
    "about.html",
    "search.html?q=loader",
    "404.html",
]
AXE = Axe()
LOOKS: list[Literal["light", "dark"]] = ["light", "dark"]
DRAWN = "document.documentElement.dataset.drawn === 'all'"


@pytest.fixture(scope="module")
def host(site: Path) -> Iterator[str]:
    """The site's address."""
    with hosted(site) as address:
        yield address


def reading(page: Page) -> Page:
    """The page once its charts are drawn and it stands still."""
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(250)
    return page


COLORS = ["color-contrast"]
NARROW = ["scrollable-region-focusable", "target-size"]
"""Axe's rules whose answer depends on the look, and on the width."""


def serious(page: Page, only: list[str] | None = None, but: str | None = None) -> list[str]:
    """What axe-core finds that keeps readers out.

    Args:
        page: where it looks.
        only: by some rules; None: by all but colours'.
        but: what it is not to look at.
    """
    rules: dict[str, Any] = {"resultTypes": ["violations"]}
    if only is None:
        rules["rules"] = {rule: {"enabled": False} for rule in COLORS}
    else:
        rules["runOnly"] = {"type": "rule", "values": only}
    where = {"exclude": [[but]]} if but else None
    found = AXE.run(page, where, rules).response["violations"]
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:200]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def wider_than_the_screen(page: Page) -> bool:
    wider: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wider


# Every page.


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, chromium: Browser, host: str) -> Iterator[Page]:
    """Each page, opened once on a light screen. It asks nobody else."""
    with opened(chromium, host, path=request.param, color_scheme="light") as page:
        yield reading(page)


def test_a_page_fits_every_screen(page: Page) -> None:
    for width in WIDTHS:
        narrow_to(page, width)
        page.wait_for_timeout(250)
        assert not wider_than_the_screen(page), width


def test_a_page_keeps_nobody_out(page: Page) -> None:
    narrow_to(page, max(WIDTHS))
    page.wait_for_timeout(250)
    assert serious(page) == []
    narrow_to(page, min(WIDTHS))
    page.wait_for_timeout(250)
    assert serious(page, NARROW) == []


@pytest.mark.parametrize("look", LOOKS)
def test_a_pages_words_are_readable(look: Literal["light", "dark"], page: Page) -> None:
    narrow_to(page, min(WIDTHS))
    page.emulate_media(color_scheme=look)
    page.add_style_tag(content=NO_SHADOWS)
    page.wait_for_timeout(250)
    # All listings have the colours of one style sheet, and thousands of words.
    one = page.url.endswith(f"/{WITH_TWO}")
    assert serious(page, COLORS, None if one else LISTINGS) == []


LISTINGS = "article pre, dl.py ~ dl.py dt.sig"
NO_SHADOWS = ":is(pre, .table-wrapper, .equation) { background-image: none !important }"
"""Over a picture axe does not judge."""


def narrow_to(page: Page, width: int) -> None:
    """Show the page as a screen so wide does."""
    page.set_viewport_size({"width": width, "height": 900})


def test_the_packages_source_fits_every_screen_and_keeps_nobody_out(
    chromium: Browser, host: str, site: Path
) -> None:
    there = {str(f.relative_to(site)) for f in site.glob("_modules/**/*.html")}
    listings = sorted(there & set(SOURCES))
    assert len(listings) > 15
    with opened(chromium, host, color_scheme="light") as page:
        for name in [*listings, "_modules/index.html"]:
            page.goto(host + name)
            page.wait_for_function(DRAWN)
            for width in WIDTHS:
                narrow_to(page, width)
                assert not wider_than_the_screen(page), f"{name} at {width}"
            assert serious(page) == [], name
        page.goto(host + "_modules/groundup/trainer.html")
        for look in LOOKS:  # all listings have the colours of one style sheet
            page.emulate_media(color_scheme=look)
            page.wait_for_timeout(250)
            assert serious(page, COLORS) == [], look


KNOWN = (
    ".explorer .vega-bind input, .explorer .vega-bind select, .theme-toggle, summary, "
    ".copybtn, .sidebar-search, .sidebar-toggle, form[action='search.html'] input, "
    ".controls input, .controls select, .toctree-checkbox, a[href], label, pre, "
    ".table-wrapper, .equation"
)
CONTROLS = (
    "button, input:not([type=hidden]), select, textarea, summary, "
    "[role=slider], [role=switch], [tabindex], [onclick]"
)


def test_no_control_is_of_a_kind_that_no_test_moves(page: Page) -> None:
    unknown = page.evaluate(
        "([controls, known]) => [...document.querySelectorAll(controls)]"
        ".filter((e) => !e.matches(known)).map((e) => e.outerHTML.slice(0, 200))",
        [CONTROLS, KNOWN],
    )
    assert unknown == []


# What scrolls, and what stands over a chart.


def shade(box: Locator, x: int) -> float:
    """How light a column of pixels is, where there are no letters."""
    image = Image.open(io.BytesIO(box.screenshot())).convert("L")
    return statistics.median(image.tobytes()[x % image.width :: image.width])


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("what", ["pre", ".table-wrapper"])
def test_a_listing_or_table_that_scrolls_shows_on_which_side_there_is_more(
    what: str, width: int, look: Literal["light", "dark"], chromium: Browser, host: str
) -> None:
    screen = {"width": width, "height": 900}
    name = f"{SLUGS[1]}.html"
    with opened(chromium, host, path=name, viewport=screen, color_scheme=look) as page:
        reading(page)
        page.add_style_tag(content=".copybtn { display: none }")
        box = page.locator(f"article {what}:visible").first
        wide = "<div style='width: 1500px; height: 1px'></div>"
        box.evaluate("(box, wide) => box.insertAdjacentHTML('beforeend', wide)", wide)
        page.evaluate("dispatchEvent(new Event('resize'))")
        expect(box).to_have_attribute("tabindex", "0")
        left, right, inside = shade(box, 1), shade(box, -2), shade(box, 60)
        assert abs(right - inside) > 15
        assert abs(left - inside) < 6
        box.evaluate("box => { box.scrollLeft = 100 }")
        assert abs(shade(box, 1) - inside) > 15
        box.evaluate("box => { box.scrollLeft = 1e4 }")
        assert abs(shade(box, -2) - inside) < 6


UNCOVERED = """figure => {
    const header = document.querySelector(".mobile-header").getBoundingClientRect();
    const { left, top, width, bottom } = figure.getBoundingClientRect();
    const over = new Set(), end = Math.min(bottom, innerHeight);
    for (let x = left + 4; x < left + width - 4; x += width / 24)
        for (let y = Math.max(top, header.bottom) + 4; y < end; y += 12)
            if (!figure.contains(document.elementFromPoint(x, y)))
                over.add(document.elementFromPoint(x, y)?.outerHTML.slice(0, 80));
    return [...over];
}"""


def test_nothing_covers_a_chart_of_a_page_enlarged_to_200_per_cent(
    chromium: Browser, host: str
) -> None:
    enlarged = {"width": 640, "height": 450}
    with opened(chromium, host, path=WITH_TWO, viewport=enlarged) as page:
        reading(page)
        for figure in page.locator("figure.chart").all():
            for block in ("start", "end"):
                figure.evaluate(
                    "(f, block) => f.scrollIntoView({ block, behavior: 'instant' })", block
                )
                page.mouse.wheel(
                    0, -40
                )  # whoever reads upwards is offered a way to the top
                page.wait_for_timeout(80)
                assert figure.evaluate(UNCOVERED) == []


# Explorers.


PICTURE = (
    'figure => figure.querySelector("svg").innerHTML'
    r""".replaceAll(/<defs>.*?<\/defs>|clip\d+|(aria-label|role)="[^"]*"/g, "")"""
)
"""What a figure shows, but for its clips, used or not, and what Vega does not renew."""


def picture(figure: Locator) -> str:
    """What is drawn now."""
    drawn: str = figure.evaluate(PICTURE)
    return drawn


def wait_until_it_is(figure: Locator, before: str, same: bool) -> None:
    """Until a figure shows what it did, or something else."""
    figure.page.wait_for_function(
        "([id, before, same]) => "
        f"(({PICTURE})(document.getElementById(id)) === before) === same",
        arg=[figure.get_attribute("id"), before, same],
        timeout=15_000,
    )


def state(page: Page) -> dict[str, str]:
    """What the address says of the sliders."""
    return dict(parse_qsl(page.url.partition("#")[2].partition("?")[2]))


@pytest.mark.parametrize("name", WITH_EXPLORERS)
def test_the_keyboard_moves_every_slider_and_back_again_gives_the_same_picture(
    name: str, chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path=name) as page:
        reading(page)
        figures = page.locator("figure.explorer").all()
        assert len(figures) == EXPLORERS[name]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for figure in figures:
                page.wait_for_timeout(
                    400
                )  # the width, and the other figures of the same chart
                there_and_back(figure)


AT_ITS_END = "c => c.value === (c.max ?? c.options[c.options.length - 1].value)"


def there_and_back(figure: Locator) -> None:
    """Each control of an explorer by a step, and back."""
    sliders = figure.get_by_role("slider").all()
    choices = figure.locator("select").all()
    assert sliders or choices
    keys = [(slider, "ArrowRight", "ArrowLeft") for slider in sliders]
    for control, there, back in [*keys, *((c, "ArrowDown", "ArrowUp") for c in choices)]:
        if control.evaluate(AT_ITS_END):
            there, back = back, there
        before = picture(figure)
        control.press(there)
        wait_until_it_is(figure, before, same=False)
        control.press(back)
        wait_until_it_is(figure, before, same=True)


@pytest.mark.parametrize(
    ("name", "controls"),
    [(WITH_TWO, ".vega-bind :is(input, select)"), ("index.html", ".loop input")],
)
def test_the_tab_key_alone_reaches_every_control(
    name: str, controls: str, chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path=name) as page:
        reading(page)
        wanted = page.locator(controls).count()
        assert wanted >= 3
        reached = set()
        for _ in range(150):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate(
                    "controls => document.activeElement.matches(controls) "
                    "&& document.activeElement.name",
                    controls,
                )
            )
        assert len(reached - {False}) == wanted


# The loop whose lines can be struck out.


@pytest.mark.parametrize("look", LOOKS)
def test_a_touch_anywhere_on_a_step_strikes_it_and_the_curve_follows(
    look: Literal["light", "dark"], chromium: Browser, host: str
) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with opened(chromium, host, color_scheme=look, **phone) as page:
        reading(page)
        loop = page.locator("#loop")
        assert loop.evaluate("loop => loop.scrollWidth <= loop.clientWidth")
        for label in loop.locator("label").all():
            box, code = label.bounding_box(), label.locator(".line").first
            assert box is not None
            assert box["height"] >= 40
            before = code.evaluate("line => getComputedStyle(line).backgroundSize")
            label.tap(position={"x": box["width"] - 4, "y": box["height"] - 4})
            switch = label.get_by_role("switch")
            expect(switch).to_be_checked()
            struck = switch.get_attribute("name")
            said = page.locator(".struck .plot")
            expect(said).to_have_attribute("aria-label", re.compile(f"Without {struck}"))
            expect(page.locator(".struck .role-title")).to_contain_text(f"Without {struck}")
            expect(code).not_to_have_css("background-size", before)
            link = page.get_by_role("link", name="Why?")
            assert (link.get_attribute("href") or "").startswith("without-")
            label.tap()
            expect(switch).not_to_be_checked()


def test_a_screen_reader_hears_which_line_a_switch_strikes(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host) as page:
        reading(page)
        switch = page.get_by_role(
            "switch", name="strike out: # 4. backward loss.backward()"
        )
        switch.press("Space")
        expect(switch).to_be_checked()
        expect(page.locator("#loop .spoken")).to_contain_text("it raises TypeError")


def test_the_page_without_a_line_opens_with_its_picture_and_gives_the_whole_one_back(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path="without-update.html") as page:
        reading(page)
        title = page.locator(".struck .role-title")
        expect(title).to_contain_text("Without update")
        page.get_by_role("switch", name="update").uncheck()
        expect(title).to_contain_text("Every line in place")


def test_without_scripts_the_loop_is_a_listing_beside_its_picture(
    chromium: Browser, host: str
) -> None:
    with opened(
        chromium, host, path="without-update.html", java_script_enabled=False
    ) as page:
        expect(page.locator("#loop .line").first).to_be_visible()
        for switch in page.locator("#loop input").all():
            expect(switch).to_be_hidden()
        expect(page.locator(".struck noscript img")).to_be_visible()


# An explorer's address.


@pytest.mark.parametrize("drawer", ["navigation", "table of contents"])
def test_the_keyboard_opens_a_drawer_on_a_phone(
    drawer: str, chromium: Browser, host: str
) -> None:
    where = {"navigation": ".sidebar-drawer", "table of contents": ".toc-drawer"}[drawer]
    phone = {"width": 390, "height": 844}
    with opened(chromium, host, path=f"{SLUGS[0]}.html", viewport=phone) as page:
        reading(page)
        expect(page.locator(where)).not_to_be_in_viewport()
        for _ in range(4):
            page.keyboard.press("Tab")
            if drawer in page.evaluate("document.activeElement.ariaLabel ?? ''"):
                break
        page.keyboard.press("Space")
        expect(page.locator(where)).to_be_in_viewport()


def test_the_sliders_places_are_in_the_address_and_open_again_from_it(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path=WITH_TWO) as page:
        reading(page)
        figure = page.locator("figure.explorer").last
        for slider in figure.get_by_role("slider").all():
            slider.press("ArrowRight")
            slider.press("ArrowRight")
        for choice in figure.get_by_role("combobox").all():
            choice.press("ArrowDown")
        identity = figure.get_attribute("id")
        page.wait_for_url(re.compile(rf"#{identity}\?"))
        page.wait_for_timeout(400)
        places = [
            c.input_value() for c in figure.locator(".vega-bind :is(input, select)").all()
        ]
        assert list(state(page).values()) == places
        moved, address = picture(figure), page.url
        page.reload()
        reading(page)
        assert page.url == address
        wait_until_it_is(figure, moved, same=True)
        expect(figure).to_be_in_viewport()


ASIDE = """figure => Object.fromEntries(
    [...figure.querySelectorAll(".vega-bind :is(input, select)")].map((control) => [
        control.name,
        control.matches("select")
            ? control.options[control.options.length - 1].value
            : control.value === control.min ? control.max : control.min,
    ]))"""
"""A place of each control where it does not stand."""

OFF_CENTRE = """figure => {
    const { top, bottom } = figure.getBoundingClientRect();
    return Math.abs((top + bottom - innerHeight) / 2);
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_a_link_lands_on_its_own_explorer_also_in_the_page_and_after_a_reload(
    width: int, chromium: Browser, host: str
) -> None:
    screen = {"width": width, "height": 900}
    with opened(chromium, host, path=WITH_TWO, viewport=screen) as page:
        # Safari does not hold a page still while what stands above grows.
        page.context.add_init_script(
            "addEventListener('DOMContentLoaded', () => "
            "{ document.documentElement.style.overflowAnchor = 'none' })"
        )
        reading(page)
        links = [
            (f.get_attribute("id"), f.evaluate(ASIDE))
            for f in page.locator("figure.explorer").all()
        ]

        def landed(identity: str | None, places: dict[str, str]) -> None:
            figure = page.locator(f"#{identity}")
            expect(figure).to_be_in_viewport()
            page.wait_for_function(
                f"id => ({OFF_CENTRE})(document.getElementById(id)) < 60",
                arg=identity,
                timeout=5000,
            )
            controls = figure.locator(".vega-bind :is(input, select)").all()
            assert {c.get_attribute("name"): c.input_value() for c in controls} == places

        for identity, places in links:
            page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
            page.evaluate(
                "hash => { location.hash = hash }", f"{identity}?{urlencode(places)}"
            )
            landed(identity, places)
        for identity, places in links:
            page.goto("about:blank")
            page.goto(f"{host}{WITH_TWO}#{identity}?{urlencode(places)}")
            landed(identity, places)
            reading(page)
            landed(identity, places)
            page.reload()
            reading(page)
            landed(identity, places)


def test_a_link_opens_the_very_state_that_it_names(chromium: Browser, host: str) -> None:
    link = f"{WITH_TWO}#explorer?rate_place=-0.02&epochs=12"
    with opened(chromium, host, path=link) as page:
        reading(page)
        explorer = page.locator("#explorer")
        epochs = explorer.get_by_role("slider", name="epochs")
        rate = explorer.get_by_role("slider", name="learning rate")
        assert (rate.input_value(), epochs.input_value()) == ("-0.02", "12")
        expect(explorer.locator(".spoken")).to_contain_text("Learning rate 0.955")
        page.evaluate(
            "location.hash = 'explorer?rate_place=-0.3'"
        )  # a link within the page
        expect(explorer.locator("svg")).to_contain_text("Learning rate 0.501")
        assert epochs.input_value() == "12"


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("rate_place=9", "0.08"),
        ("rate_place=-9", "-2.3"),
        ("rate_place=-0.998", "-1"),
        ("rate_place=fast", "-1"),
        ("rate_place=", "-1"),
        ("rate_place=Infinity", "-1"),
        ("nonsense=1", "-1"),
    ],
)
def test_an_address_that_asks_for_what_cant_be_gets_what_can(
    asked: str, place: str, chromium: Browser, host: str
) -> None:
    link = f"{WITH_TWO}#explorer?{asked}&problem=none"
    with opened(chromium, host, path=link) as page:
        reading(page)
        explorer = page.locator("#explorer")
        rate = explorer.get_by_role("slider", name="learning rate")
        assert rate.input_value() == place
        assert explorer.get_by_role("combobox").first.input_value() == "as drawn"


def test_a_screen_reader_is_told_what_a_chart_shows_and_what_a_move_did(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path=f"{SLUGS[0]}.html") as page:
        reading(page)
        for chart in page.locator("figure.chart .vega-embed").all():
            assert len(chart.get_attribute("aria-label") or "") > 40
        explorer = page.locator("figure.explorer").first
        told = explorer.locator(".spoken")
        before = told.text_content()
        explorer.get_by_role("slider", name="learning rate").press("ArrowRight")
        expect(told).to_contain_text("Learning rate 0.102")
        assert told.text_content() != before


FITTED = """async () => {
    const changed = [];
    for (const { view, dataset } of document.querySelectorAll("figure.chart")) {
        const before = view.width();
        await view.resize().runAsync();
        const now = view.width();
        if (Math.abs(now - before) > 1) changed.push([dataset.chart, before, now]);
    }
    return changed;
}"""


@pytest.mark.parametrize("slug", SLUGS)
def test_no_title_takes_a_charts_width_on_the_smallest_phone(
    chromium: Browser, host: str, slug: str
) -> None:
    small = {"width": 320, "height": 640}
    with opened(chromium, host, path=f"{slug}.html", viewport=small) as page:
        reading(page)
        assert page.evaluate(FITTED) == []


# Light and dark.


@pytest.mark.parametrize("name", WITH_EXPLORERS)
def test_the_switch_turns_the_charts_too_without_moving_a_slider(
    name: str, chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path=name, color_scheme="light") as page:
        reading(page)
        loaded: list[str] = []
        page.on(
            "request", lambda r: loaded.append(r.url) if "favicon" not in r.url else None
        )
        slider = page.get_by_role("slider").first
        slider.press("ArrowRight")
        place = slider.input_value()
        page.wait_for_timeout(300)
        shape = picture(page.locator("figure.explorer").first)
        ink = {}
        for look in ("light", "dark"):
            while page.evaluate("document.body.dataset.theme") != look:
                page.locator(".theme-toggle:visible").first.click()
            ink[look] = page.evaluate(WORDS_OF_CHARTS)
            assert len(ink[look]) > 3
            for words, contrast in ink[look]:
                assert contrast >= READABLE, (look, words)
        assert ink["light"] != ink["dark"]
        assert slider.input_value() == place
        assert picture(page.locator("figure.explorer").first) == shape
        assert loaded == []


WORDS_OF_CHARTS = f"""() => {{
    {CONTRAST}
    const onCells = (text) => ["black", "white"].includes(text.getAttribute("fill"));
    return [...document.querySelectorAll("figure.chart svg text")]
        .filter((text) => text.textContent.trim() && !onCells(text))
        .map((text) => [
            text.textContent,
            contrast(text.closest("figure"), getComputedStyle(text).fill)
        ]);
}}"""


# Weight, print, and readers without scripts.


def test_chapter_one_is_light(chromium: Browser, host: str) -> None:
    sizes = []
    with opened(chromium, host) as page:
        page.goto("about:blank")
        page.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
        page.context.clear_cookies()
        page.goto(host + f"{SLUGS[0]}.html")
        reading(page)
    assert 5 < len(sizes) <= 30
    assert 0.1e6 < sum(sizes) <= 0.7e6


def test_the_text_is_there_before_any_script_has_run(chromium: Browser, host: str) -> None:
    with opened(chromium, host, path=f"{SLUGS[0]}.html", java_script_enabled=False) as page:
        expect(page.get_by_role("heading", name="The imperative loop")).to_be_visible()
        pictures = page.locator("figure.chart noscript img")
        assert pictures.count() > 5
        first = pictures.first
        first.scroll_into_view_if_needed()
        expect(first).to_be_visible()
    page_source = ask(host + f"{SLUGS[0]}.html").read().decode()
    for script in ("vega.js", "blog.js"):
        assert re.search(rf'<script defer="defer" src="_static/{script}', page_source)


def test_on_paper_there_are_charts_and_whole_lines_but_no_sliders(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path=f"{SLUGS[0]}.html") as page:
        reading(page)
        page.emulate_media(media="print")
        expect(page.locator("figure.chart svg").first).to_be_visible()
        controls = (".vega-bindings", ".controls", ".copybtn")
        for gone in (*controls, ".page-only", ".sidebar-drawer"):
            for part in page.locator(gone).all()[:5]:
                expect(part).to_be_hidden()
        page.set_viewport_size({"width": 700, "height": 900})
        assert page.evaluate(
            "[...document.querySelectorAll('pre')]"
            ".every((pre) => pre.scrollWidth <= pre.clientWidth + 1)"
        )


# Search, copies, folded answers, addresses that don't exist, and other places.


def test_the_search_finds_a_chapter_by_its_words(chromium: Browser, host: str) -> None:
    with opened(chromium, host, viewport={"width": 1440, "height": 900}) as page:
        reading(page)
        box = page.locator(".sidebar-search")
        box.fill("penguins")
        box.press("Enter")
        expect(
            page.locator("#search-results li a").filter(has_text="The trainer").first
        ).to_be_visible()


def test_the_search_finds_sections_those_of_chapters_first_and_leads_there(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path="search.html?q=validation") as page:
        results = page.locator("#search-results li a")
        expect(page.locator(".search-summary")).to_contain_text("found")
        found = [str(a.get_attribute("href")) for a in results.all()]
        kinds = [a[:1].isdigit() + (not a.startswith("_modules/")) for a in found]
        assert kinds == sorted(kinds, reverse=True)
        assert {0, 1, 2} & {*kinds} >= {1, 2}
        assert len([a for a in found if a.startswith(SLUGS[2]) and "#" in a]) > 3
        assert results.first.inner_text() == "3 · The trainer > Validation"
        results.first.click()
        expect(
            page.get_by_role("heading", name="Validation", exact=True)
        ).to_be_in_viewport()
        assert page.url.endswith("03-trainer.html#validation")


def test_the_search_finds_what_the_packages_page_documents(
    chromium: Browser, host: str
) -> None:
    with opened(chromium, host, path="search.html?q=random_split") as page:
        expect(page.locator(".search-summary")).to_contain_text("found")
        link = page.locator("#search-results a", has_text="groundup.random_split")
        link.first.click()
        expect(page.locator("[id='groundup.random_split']")).to_be_in_viewport()


def test_a_listing_is_copied_as_it_stands(chromium: Browser, host: str) -> None:
    granted = ["clipboard-read", "clipboard-write"]
    with opened(chromium, host, path=f"{SLUGS[0]}.html", permissions=granted) as page:
        reading(page)
        listing = page.locator(".highlight").filter(has_text="def predict(X, w, b)").first
        listing.hover()
        listing.locator(".copybtn").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == "def predict(X, w, b):\n    return X @ w + b"


def test_an_answer_is_folded_until_it_is_asked_for(chromium: Browser, host: str) -> None:
    with opened(chromium, host, path=f"{SLUGS[0]}.html") as page:
        reading(page)
        answers = page.locator("article details")
        assert answers.count() > 5
        for answer in answers.all():
            inside = answer.locator("p, pre").first
            expect(inside).to_be_hidden()
            answer.locator("summary").click()
            expect(inside).to_be_visible()


def test_headings_have_anchors_that_can_be_sent(chromium: Browser, host: str) -> None:
    with opened(chromium, host, path=f"{SLUGS[0]}.html#the-imperative-loop") as page:
        reading(page)
        expect(page.get_by_role("heading", name="The imperative loop")).to_be_in_viewport()
        links = page.locator("article :is(h2, h3) > a.headerlink")
        assert links.count() > 15


def test_an_address_that_doesnt_exist_gets_a_page_that_leads_home(host: str) -> None:
    with pytest.raises(HTTPError, match="404") as missing:
        ask(host + "no/such/page.html")
    body = missing.value.read().decode()
    assert "Nothing here" in body
    assert 'href="/index.html"' in body


def test_the_site_works_under_a_path(chromium: Browser, site: Path) -> None:
    with hosted(site, "/some/blog") as address, opened(chromium, address) as page:
        reading(page)
        page.get_by_role("switch").last.press("Space")
        expect(page.locator(".struck .role-title")).to_contain_text("Without update")
        page.get_by_role("link", name="1 · Linear regression").first.click()
        reading(page)
        assert page.url.startswith(f"{address}{SLUGS[0]}.html")
        assert page.locator("figure.chart svg").count() > 5
        page.goto(f"{address}search.html?q=sweep")
        expect(page.locator("#search-results li a").first).to_be_visible()


def test_a_page_is_alive_in_a_phone_held_sideways_and_back(
    chromium: Browser, host: str
) -> None:
    phone, chapter = {"width": 390, "height": 844}, f"{SLUGS[0]}.html"
    with opened(chromium, host, path=chapter, viewport=phone) as page:
        reading(page)
        svg = page.locator("figure svg").first
        narrow = json.loads(
            svg.evaluate("svg => JSON.stringify(svg.getBoundingClientRect())")
        )
        page.set_viewport_size({"width": 844, "height": 390})
        page.wait_for_function("document.querySelector('figure svg').clientWidth > 500")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function(
            "width => document.querySelector('figure svg').clientWidth === width",
            arg=narrow["width"],
        )
