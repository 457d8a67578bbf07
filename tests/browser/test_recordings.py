"""On the site every control of a notebook answers with what the notebook gives there."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from blog.loop import HOME, NOTEBOOK
from blog.recording import VEGA_LITE, Output, Played, Recording
from chapters import found
from tests.browser.conftest import opened
from tests.building import hosted
from tests.serving import reading, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DRAWN = "document.documentElement.dataset.drawn === 'all'"
FILES = {c.slug: c.file for c in found().values()} | {HOME: NOTEBOOK}
"""A page with recordings → the notebook."""

THREE = found()[3].slug

each_page = pytest.mark.parametrize("slug", FILES)


@cache
def recording_of(site: Path, slug: str) -> Recording:
    """What the build kept of a notebook."""
    (kept,) = (site.parent / "build/blog/exports").glob(f"{FILES[slug].stem}-*.json")
    return Recording.read(kept)


def boxes(recording: Recording, slug: str) -> dict[str, Played]:
    """What follows from the page's controls, by the place where it stands."""
    if slug != HOME:
        played = {i: p for i, p in recording.cells.items() if p.controls}
        return {f"{slug}-{i}": p for i, p in played.items()}
    _, chart, words = recording.cells.values()
    return {HOME: chart, f"{HOME}-words": words}


@pytest.fixture(scope="module")
def host(site: Path) -> Iterator[str]:
    with hosted(site) as address:
        yield address


def address_of(slug: str, state: str = "") -> str:
    return f"/{slug}.html{state}"


# Puts controls where a reader could, by an input event each, and tells what is seen then.
PLAY = """async ([box, steps]) => {
    const element = document.querySelector(`[data-recorded="recorded-${box}"]`);
    const seen = [];
    for (const [places, names] of steps) {
        for (const [name, place] of Object.entries(places)) {
            const input = document.querySelector(`.controls [name="${name}"]`);
            if (input.type === "checkbox") input.checked = place === 1;
            else input.value = place;
            input.dispatchEvent(new Event("input", {bubbles: true}));
        }
        await new Promise(requestAnimationFrame);
        if (!element.matches("figure")) {
            seen.push(element.textContent);
            continue;
        }
        await element.view.runAsync();
        const rows = names.map((name) => [name, element.view.data(name)]);
        const lines = ".role-title :is(tspan, text:not(:has(tspan)))";
        const title = () => [...element.querySelectorAll(lines)];
        const edge = (part) => part.getBoundingClientRect().top;
        const top = () =>
            Math.min(...title().map(edge)) - edge(element.querySelector("svg"));
        // One with more lines needs a taller picture, a frame later.
        for (let i = 0; i < 30 && top() < -7; i++) await new Promise(requestAnimationFrame);
        seen.push({
            above: Math.max(0, -top()),
            description: element.querySelector(".plot").getAttribute("aria-label"),
            title: title().map((line) => line.textContent),
            rows: JSON.parse(JSON.stringify(Object.fromEntries(rows))),
        });
    }
    return seen;
}"""


def numbers(markdown: str) -> list[str]:
    """The numbers that words tell, and that no markup holds."""
    return re.findall(r"(?<![\w.{\\])\d+\.\d+(?![\w}])", markdown)


def assert_shows(seen: Any, output: Output) -> None:
    """A place on the page shows what the notebook gave."""
    if VEGA_LITE not in output:
        text = re.sub(r"\s", "", seen)
        assert [n for n in numbers(output["text/markdown"]) if n not in text] == []
        return
    spec = output[VEGA_LITE]
    assert seen["description"] == spec["description"]
    said = next(p["value"] for p in spec["params"] if p["name"] == "said")
    assert seen["title"] == ([said] if isinstance(said, str) else said)
    assert seen["rows"] == spec["datasets"]
    assert seen["above"] < 8, "the title's first line is cut off"  # it has 16 pixels


@each_page
def test_at_every_recorded_place_the_page_shows_what_was_recorded(
    slug: str, site: Path, host: str, chromium: Browser
) -> None:
    recording = recording_of(site, slug)
    assert recording.cells
    with opened(chromium, host, path=address_of(slug)) as page:
        page.wait_for_function(DRAWN)
        for box, played in boxes(recording, slug).items():
            outputs = [played.outputs[state] for state in played.states]
            names = [[*o.get(VEGA_LITE, {}).get("datasets", {})] for o in outputs]
            start = {n: recording.controls[n].start for n in played.controls}
            steps = [*zip(recording.places(played), names, strict=True)]
            *seen, back = page.evaluate(PLAY, [box, [*steps, (start, names[0])]])
            for shown, output in zip(seen, outputs, strict=True):
                assert_shows(shown, output)
            assert_shows(back, played.outputs[0])


@each_page
def test_what_was_recorded_is_what_a_reader_of_marimo_run_gets(
    slug: str, site: Path
) -> None:
    recording = recording_of(site, slug)
    with running(FILES[slug]) as address, reading(address) as reader:
        for panel, names in recording.panels.items():
            for name, control in zip(names, reader.panels[panel].values(), strict=True):
                kept = recording.controls[name]
                follow = {c: p for c, p in recording.cells.items() if name in p.controls}
                for place in {0, len(kept.places) - 1} - {kept.start}:
                    reader.send({control: control.sent(kept.places[place])})
                    for cell, played in follow.items():
                        where = {n: recording.controls[n].start for n in played.controls}
                        state = recording.places(played).index({**where, name: place})
                        output = played.outputs[played.states[state]]
                        if VEGA_LITE in output:
                            assert json.loads(reader.outputs[cell]) == output[VEGA_LITE]
                        else:
                            text = re.sub(r"<.*?>|\s", "", reader.outputs[cell])
                            told = numbers(output["text/markdown"])
                            assert [n for n in told if n not in text] == []
                reader.send({control: control.start})


def state_of(page: Page) -> list[list[Any]]:
    """Where each control stands."""
    stands: list[list[Any]] = page.evaluate(
        "() => [...document.querySelectorAll('.controls :is(input, select)')]"
        ".map((input) => [input.name, input.checked, input.value])"
    )
    return stands


@each_page
def test_every_control_is_moved_by_the_keyboard_and_a_link_opens_its_state_and_lands_on_it(
    slug: str, host: str, chromium: Browser
) -> None:
    phone: dict[str, Any] = {
        "viewport": {"width": 390, "height": 800},
        "color_scheme": "dark",
    }
    with opened(chromium, host, path=address_of(slug), **phone) as page:
        page.wait_for_function(DRAWN)
        opened_at = state_of(page)
        for panel in page.locator(".controls").all():
            for control in panel.locator("input, select").all():
                before = state_of(page)
                control.focus()
                at_end = control.evaluate("control => control.value === control.max")
                switch = control.get_attribute("role") == "switch"
                page.keyboard.press(
                    "Space" if switch else "ArrowLeft" if at_end else "ArrowRight"
                )
                assert state_of(page) != before
            identity = panel.get_attribute("id")
            page.wait_for_url(re.compile(rf"#{identity}\?"))
            page.wait_for_timeout(400)  # it was the first move's, and follows the last
            expect(panel.locator(".spoken")).not_to_be_empty()
            moved, link = state_of(page), page.url.removeprefix(host)
            page.reload()
            page.wait_for_function(DRAWN)
            here = panel.locator("input, select").evaluate_all(
                "inputs => inputs.map((input) => input.name)"
            )
            expected = [
                m if m[0] in here else o for m, o in zip(moved, opened_at, strict=True)
            ]
            assert state_of(page) == expected, link
            expect(panel).to_be_in_viewport()


def test_what_a_link_names_and_the_page_lacks_is_left_out(
    host: str, chromium: Browser
) -> None:
    slug = THREE
    with opened(chromium, host, path=address_of(slug)) as page:
        before = state_of(page)
    link = "#learning_rate?learning_rate=123&nothing=1&epochs=-1"
    with opened(chromium, host, path=address_of(slug, link)) as page:
        page.wait_for_function(DRAWN)
        assert state_of(page) == before


def test_without_scripts_the_first_picture_stands_and_no_dead_control(
    host: str, chromium: Browser
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(host + address_of(THREE))
    assert page.locator("figure.chart img").first.is_visible()
    assert page.locator(".controls").count() > 0
    for panel in page.locator(".controls").all():
        expect(panel).to_be_hidden()
    context.close()
