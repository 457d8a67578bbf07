"""Notebooks as strangers write them, published: a page shows what `marimo run` does."""

import csv
import html
import json
import re
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any, NamedTuple
from urllib.parse import urljoin
from urllib.request import Request

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, expect

from blog.__main__ import publish, run_sphinx
from blog.publish import gather, run_notebook
from blog.recording import VEGA_LITE, Output, Played, Recording
from blog.shown import IN_WORDS
from edit import ask
from tests.browser.conftest import opened as opened_page
from tests.building import hosted
from tests.serving import ROOT, Control, Reader, reading, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOKS = ROOT / "tests/blog/notebooks"
NAMES = ["penguins", "waves"]
# Where no bird lives, a chart has no rows, of which Vega complains.
opened = partial(opened_page, expected="Infinite extent")
DRAWN = "document.documentElement.dataset.drawn === 'all'"
each_notebook = pytest.mark.parametrize("name", NAMES)


class Published(NamedTuple):
    """Both notebooks on one site."""

    address: str
    recordings: dict[str, Recording]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    build, site = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("site")
    pages = [run_notebook(NOTEBOOKS / f"{name}.py", build) for name in NAMES]
    publish(run_sphinx(gather(pages, "Two notebooks", build / "source"), build), site)
    recordings = {name: Recording.read(build / f"{name}.json") for name in NAMES}
    with hosted(site) as address:
        yield Published(address, recordings)


# Puts controls where a reader could, by an input event each, and tells what is seen then.
PLAY = """async ([id, controls, steps]) => {
    const boxes = [...document.querySelectorAll("[data-recorded]")];
    const element = boxes.find((box) => box.dataset.recorded === id);
    const set = (one, name, value) => {
        if (one[name] === value) return;
        one[name] = value;
        one.dispatchEvent(new Event("input", {bubbles: true}));
    };
    const seen = [];
    for (const step of steps) {
        for (const [i, name] of controls.entries()) {
            const control = document.querySelector(`.controls [name="${name}"]`);
            const inputs = [...control.querySelectorAll("input")];
            const at = step[i];
            if (control.matches(".several"))
                for (const one of inputs) set(one, "checked", (at & one.value) > 0);
            else if (control.matches(".radio"))
                for (const one of inputs) set(one, "checked", Number(one.value) === at);
            else if (control.matches(".span")) {
                const [low, high] = JSON.parse(control.dataset.words)[at].split(" to ");
                set(inputs[1], "value", inputs[1].max);
                set(inputs[0], "value", low);
                set(inputs[1], "value", high);
            } else if (control.type === "checkbox") set(control, "checked", at === 1);
            else set(control, "value", String(at));
        }
        await new Promise(requestAnimationFrame);
        if (element.matches("figure")) {
            await element.view.runAsync();
            seen.push(JSON.parse(JSON.stringify(element.view.data("rows_1"))));
        } else seen.push(element.textContent);
    }
    return seen;
}"""


def boxes(page: Page, cell: str) -> list[str]:
    """What of a cell is played on a page."""
    found: list[str] = page.locator("[data-recorded]").evaluate_all(
        "boxes => boxes.map((box) => box.dataset.recorded)"
    )
    return [box for box in found if re.search(rf"-{cell}(-\d+)?$", box)]


def seen_at(page: Page, cell: str, played: Played, steps: list[Any]) -> list[list[Any]]:
    """For each step what the parts of a cell show that change."""
    parts = [
        page.evaluate(PLAY, [box, played.controls, steps]) for box in boxes(page, cell)
    ]
    assert parts, cell
    return [list(step) for step in zip(*parts, strict=True)]


def rows_of(output: Output) -> list[dict[str, Any]] | None:
    """The rows of the chart in an output."""
    for part in output.get("parts", [output]):
        if VEGA_LITE in part:
            rows: list[dict[str, Any]] = part[VEGA_LITE]["datasets"]["rows_1"]
            return rows
    return None


def words_of(text: str) -> str:
    """What is read, tags and spaces aside."""
    return re.sub(r"\s", "", html.unescape(re.sub(r"<[^>]*>", "", text)))


def assert_shows(seen: list[Any], output: Output) -> None:
    """What is seen of a cell is what was recorded of it."""
    rows = rows_of(output)
    if rows is not None:
        assert seen == [rows]
        return
    parts = [part for part in output.get("parts", [output]) if "control" not in part]
    text = " ".join(str(value) for part in parts for value in part.values())
    assert words_of("".join(seen)) == words_of(text)


@each_notebook
def test_at_every_place_the_page_shows_what_was_recorded(
    name: str, others: Published, chromium: Browser
) -> None:
    recording = others.recordings[name]
    with opened(chromium, others.address, path=f"{name}.html") as page:
        page.wait_for_function(DRAWN)
        for cell, played in recording.cells.items():
            if len(played.outputs) == 1:
                continue
            start = [recording.controls[n].start for n in played.controls]
            steps = [*([*at.values()] for at in recording.places(played)), start]
            *seen, back = seen_at(page, cell, played, steps)
            for shown, state in zip(seen, played.states, strict=True):
                assert_shows(shown, played.outputs[state])
            assert_shows(back, played.outputs[0])


# What a reader of `marimo run` gets.


def attribute(name: str, output: str) -> Any:
    """What an element of marimo's is given."""
    found = re.search(rf"data-{name}='(.*?)'", output)
    assert found is not None, output[:200]
    return json.loads(html.unescape(found[1]))


def plain(row: dict[str, Any]) -> dict[str, str]:
    """A row as text: 3 and 3.0 are the same."""
    return {
        name: f"{value + 0.0:.10g}" if isinstance(value, int | float) else value
        for name, value in row.items()
    }


def number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def rows_run(output: str, address: str) -> list[dict[str, str]]:
    """The rows of the chart that marimo's front end gets, by whichever way."""
    if "marimo-vega" in output:
        file = attribute("spec", output)["data"]["url"]
        if "/0-" in file:  # of no bytes: marimo serves none
            return []
        with ask(Request(urljoin(f"{address}/", file))) as answer:
            rows = csv.DictReader(StringIO(answer.read().decode()))
        return [plain({n: number(v) for n, v in row.items() if n}) for row in rows]
    spec = json.loads(attribute("data", output))
    (data,) = spec["datasets"].values()
    return [plain(row) for row in data]


def assert_runs(output: Output, run: str, address: str) -> None:
    """What was recorded of a cell is what a reader of `marimo run` gets."""
    rows = rows_of(output)
    if rows is not None:
        assert [plain(row) for row in rows] == rows_run(run, address)
        return
    text = " ".join(str(v) for part in output.get("parts", [output]) for v in part.values())
    if "<table" in text:
        told = BeautifulSoup(text, "html.parser").select("td, th")
        cells = {number(cell.get_text()) for cell in told}
        for row in json.loads(attribute("data", run.partition("<marimo-table")[2]))[:3]:
            assert {*row.values()} <= cells
    elif "marimo-stat" in run:
        said = re.findall("data-value='(.*?)'", run)
        values = [words_of(str(json.loads(html.unescape(value)))) for value in said]
        assert [value for value in values if value not in words_of(text)] == []
    elif "marimo-callout" in run:
        assert words_of(text) == words_of(attribute("html", run))
    else:
        assert words_of(text) == words_of(run)


def controls_in(reader: Reader, recording: Recording) -> dict[str, Control]:
    """How the front end calls each control."""
    called = {}
    for cell, names in recording.panels.items():
        element = r"object-id='(.*?)'[^>]*><marimo-(?!vega|table|tabs)"
        found = re.findall(element, reader.outputs[cell])
        for name, identity in zip(names, found, strict=True):
            called[name] = Control("any", identity, None, (0, 0), ())
    return called


@each_notebook
def test_what_was_recorded_is_what_a_reader_of_marimo_run_gets(
    name: str, others: Published
) -> None:
    recording = others.recordings[name]
    with running(NOTEBOOKS / f"{name}.py") as address, reading(address) as reader:
        called = controls_in(reader, recording)
        assert called.keys() == recording.controls.keys()
        for control, kept in recording.controls.items():
            follow = {c: p for c, p in recording.cells.items() if control in p.controls}
            assert follow, control
            for place in {0, len(kept.places) // 2, len(kept.places) - 1} - {kept.start}:
                reader.send({called[control]: kept.sent[place]})
                for cell, played in follow.items():
                    at = {n: recording.controls[n].start for n in played.controls}
                    at[control] = place
                    state = played.states[recording.places(played).index(at)]
                    assert_runs(played.outputs[state], reader.outputs[cell], address)
            reader.send({called[control]: kept.sent[kept.start]})


# By hand.


def state_of(page: Page) -> list[list[Any]]:
    """Where each input stands."""
    stands: list[list[Any]] = page.evaluate(
        "() => [...document.querySelectorAll('.controls :is(input, select)')]"
        ".map((input) => [input.checked, input.value])"
    )
    return stands


@each_notebook
def test_the_keyboard_moves_every_control_and_its_link_opens_what_was_seen(
    name: str, others: Published, chromium: Browser
) -> None:
    phone: dict[str, Any] = {
        "viewport": {"width": 390, "height": 800},
        "color_scheme": "dark",
    }
    path, recording = f"{name}.html", others.recordings[name]
    with opened(chromium, others.address, path=path, **phone) as page:
        page.wait_for_function(DRAWN)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for control in recording.controls:
            before = state_of(page)
            field = page.locator(f".controls [name='{control}']").first
            group = field.evaluate("field => field.matches('fieldset')")
            checked = "input[type=radio]:checked"
            some = field.locator("input")
            one = field.locator(checked) if field.locator(checked).count() else some.last
            target = one if group else field
            target.focus()
            kind = target.get_attribute("type")
            at_end = target.evaluate(
                "one => (one.max && one.value === one.max) || "
                "(one.options && one.selectedIndex === one.options.length - 1)"
            )
            key = "ArrowLeft" if at_end else "ArrowRight"
            page.keyboard.press("Space" if kind == "checkbox" else key)
            moved = state_of(page)
            assert moved != before, control
            panel = field.locator("xpath=ancestor::*[contains(@class, 'controls')]")
            page.wait_for_url(re.compile(rf"#{panel.get_attribute('id')}\?.*{control}="))
            expect(panel.locator(".spoken")).not_to_be_empty()
            page.reload()
            page.wait_for_function(DRAWN)
            expect(panel).to_be_in_viewport()
            here = page.locator(f".controls [name='{control}']").first.evaluate(
                "field => [field, ...field.querySelectorAll('input')]"
                ".filter((one) => one.matches('input, select'))"
                ".map((input) => [input.checked, input.value])"
            )
            assert [one for one in here if one not in moved] == []


@each_notebook
def test_the_smallest_phone_draws_charts_that_say_nothing_of_titles(
    name: str, others: Published, chromium: Browser
) -> None:
    small = {"width": 320, "height": 640}
    with opened(chromium, others.address, path=f"{name}.html", viewport=small) as page:
        page.wait_for_function(DRAWN)


def test_a_control_stands_within_its_sentence(others: Published, chromium: Browser) -> None:
    (text,) = [
        played.outputs[0]["text/markdown"]
        for played in others.recordings["waves"].cells.values()
        if IN_WORDS.search(str(played.outputs[0]))
    ]
    with opened(chromium, others.address, path="waves.html") as page:
        sentence = page.locator("p", has=page.locator(".controls.within")).first
        assert sentence.locator("input").count() == len(IN_WORDS.findall(text)) == 2
        expect(sentence).to_contain_text("The second wave has a")


def test_nobody_lives_there_is_said_where_a_cell_stops(
    others: Published, chromium: Browser
) -> None:
    with opened(chromium, others.address, path="penguins.html") as page:
        page.wait_for_function(DRAWN)
        chosen = page.locator("fieldset.several input:checked")
        while chosen.count() > 0:
            chosen.first.uncheck()
        callout = page.locator(".admonition.warn")
        expect(callout).to_have_text("Nobody lives there. Choose another island.")
        page.locator("fieldset.several input").first.check()
        expect(callout).to_have_count(0)


def test_a_home_page_lists_both_by_heading_and_description(
    others: Published, chromium: Browser
) -> None:
    with opened(chromium, others.address) as page:
        assert page.locator("h1").inner_text().startswith("Two notebooks")
        items = page.locator("article li").all_inner_texts()
    assert [item.partition(":")[0] for item in items] == [
        "A walk through the penguins",
        "Waves",
    ]
    assert "Three species of penguins were measured" in items[0]
