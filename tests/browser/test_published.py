"""Every chapter as a published page, on phones and at night, too.

It is alive without a kernel, and nothing dead is in sight.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import (
    CONTRAST,
    READABLE,
    WIDTHS,
    WORDS,
    explorer,
    pictures,
    settle,
    there_and_back,
    wait_for_changes,
)
from tests.notebooks.chapter import Chapter

pytestmark = [pytest.mark.browser, pytest.mark.slow]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)
"""Layout is the same by night."""


@pytest.fixture(scope="session", params=WIDTHS)
def page(request: pytest.FixtureRequest, published: Page, charts_in_chapter: int) -> Page:
    """The page on screens from a phone's to a desk's."""
    published.set_viewport_size({"width": request.param, "height": 900})
    settle(published, charts_in_chapter)
    return published


@on_a_light_screen
def test_the_page_says_what_it_is(published: Page, chapter: Chapter, exported: str) -> None:
    declared = chapter.declared
    assert published.title() == f"{declared.heading} — From the Ground Up"
    # The first one is marimo's own.
    description = published.locator("meta[name=description]").last
    assert description.get_attribute("content") == declared.description
    head = chapter.file.with_suffix(".head.html").read_text("utf-8")
    assert head.strip() in exported


@on_a_light_screen
def test_each_of_the_explorers_controls_moves_it_and_back_again_gives_the_same_picture(
    published: Page, chapter: Chapter
) -> None:
    sliders = explorer(published).get_by_role("slider").all()
    choices = explorer(published).locator("select").all()
    names = [name for explorer in chapter.declared.explorers for name in explorer]
    assert len(sliders) + len(choices) == len(names)
    for slider in sliders:
        there_and_back(published, slider)
    for choice in choices:
        before = pictures(published)
        chosen = choice.evaluate("select => select.selectedIndex")
        choice.select_option(index=1 if chosen == 0 else 0)
        wait_for_changes(published, before, 1)
        choice.select_option(index=chosen)
        wait_for_changes(published, before, 0)


@on_a_light_screen
def test_every_chart_is_in_sight_and_no_wider_than_the_screen(page: Page) -> None:
    width = page.evaluate("window.innerWidth")
    for chart in page.locator(".vega-embed").all():
        box = chart.locator("canvas").bounding_box()
        label = chart.get_attribute("aria-label")
        assert box is not None, f"not to be seen: {label}"
        assert box["width"] > 250, label
        assert box["x"] >= 0, label
        assert box["x"] + box["width"] <= width, label


@on_a_light_screen
def test_no_dead_control_is_in_sight(page: Page) -> None:
    roles = "[role=slider], [role=switch], [role=radio], [role=checkbox], [role=combobox]"
    controls = f":is({roles}, input, select, textarea, marimo-button button)"
    alive = page.locator(".vega-bind :is(input, select)").all()
    for control in alive:
        expect(control).to_be_visible()
    in_sight = [c for c in page.locator(controls).all() if c.is_visible()]
    assert len(in_sight) == len(alive), [c.evaluate("e => e.outerHTML") for c in in_sight]


@on_a_light_screen
def test_what_the_page_says_instead_is_in_sight(page: Page, chapter: Chapter) -> None:
    notes = page.locator(".page-only").all()
    assert len(notes) == chapter.notes
    for note in notes:
        expect(note).to_be_visible()


@on_a_light_screen
def test_nothing_scrolls_sideways_or_is_cut_off(page: Page) -> None:
    width = page.evaluate("window.innerWidth")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    outside = page.evaluate(
        """() => Array.from(document.querySelectorAll(
            ".paragraph, h1, h2, h3, li, table, pre, details, "
            + ".katex-display, .vega-bind, canvas"
        )).filter((element) => {
            const box = element.getBoundingClientRect();
            return box.width > 0 && (box.left < 0 || box.right > window.innerWidth);
        }).map((element) => element.outerHTML.slice(0, 200))"""
    )
    assert outside == []


def test_the_page_is_as_light_or_dark_as_the_readers_system(
    published: Page, scheme: str
) -> None:
    brightness = published.evaluate(
        f"() => {{ {CONTRAST} return luminance(behind(document.querySelector('h1'))) }}"
    )
    assert (brightness > 0.5) == (scheme == "light")


@pytest.mark.parametrize(
    "words",
    [".paragraph", "h1", "h2", "td", "th", "li", ".page-only", "summary", ".vega-bind"],
)
def test_words_are_readable(published: Page, words: str) -> None:
    contrasts = published.locator(words).evaluate_all(
        f"""(elements) => {{ {CONTRAST}
            return elements
                .filter((element) => element.checkVisibility())
                .map((element) => contrast(element, getComputedStyle(element).color));
        }}"""
    )
    assert contrasts or not published.locator(words).count()
    assert min(contrasts, default=READABLE) >= READABLE


def test_the_charts_words_are_readable(published: Page) -> None:
    for chart in published.locator(".vega-embed").all():
        colors = chart.evaluate(WORDS)
        assert colors
        contrasts = chart.evaluate(
            f"(chart, colors) => {{ {CONTRAST} "
            "return colors.map((c) => contrast(chart, c)) }",
            colors,
        )
        assert min(contrasts) >= READABLE, (colors, chart.get_attribute("aria-label"))
