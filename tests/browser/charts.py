"""The charts of a page as Chromium has drawn them, and what Vega knows of them."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

# react-vega keeps the view in its component's state, which React hangs on the element.
VIEW = """(chart) => {
    const name = Object.keys(chart).find((key) => key.startsWith("__reactFiber"));
    for (let fiber = chart[name]; fiber; fiber = fiber.return)
        for (const version of [fiber, fiber.alternate])
            for (
                let hook = version?.memoizedState;
                hook?.next !== undefined;
                hook = hook.next
            )
                if (hook.memoizedState?.view?.runAsync) return hook.memoizedState.view;
}"""

# A number for a canvas's pixels: soon told, and soon sent, beside a picture in PNG. Each is
# painted anew before, as a whole: what Vega repaints in parts differs by shades at edges.
NOW = """() => Array.from(document.querySelectorAll(".vega-embed canvas"), (canvas) => {
    const {width, height} = canvas;
    if (width * height === 0) return "";
    const view = (VIEW)(canvas.closest(".vega-embed"));
    if (!view) return "";
    view._renderer._redraw = true;
    view._renderer.render(view.scenegraph().root);
    const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
    let seen = 0;
    for (const pixel of new Uint32Array(data.buffer))
        seen = Math.imul((seen << 13) | (seen >>> 19), 5) ^ pixel;
    return `${width} × ${height}: ${seen}`;
})""".replace("VIEW", VIEW)

SETTLED = f"""(charts) => {{
    const pictures = ({NOW})();
    const same = String(pictures) === window.lastPictures;
    window.lastPictures = String(pictures);
    return same && pictures.length === charts;
}}"""

CHANGED = f"""([before, changes]) => {{
    const now = ({NOW})();
    const changed = now.filter((picture, i) => picture !== before[i]).length;
    return now.length === before.length && changed === changes;
}}"""

# What a look at the view sees while the chart's sliders stand elsewhere.
LOOK = """async (chart, [signals, ...rest]) => {
    const view = (VIEW)(chart);
    const move = (signals) => {
        for (const [name, value] of Object.entries(signals)) view.signal(name, value);
        return view.runAsync();
    };
    const {signals: before} = view.getState({signals: (name) => name in signals});
    await move(signals);
    const seen = (SEEN)(view, ...rest);
    await move(before);
    return seen;
}""".replace("VIEW", VIEW)

ROWS = LOOK.replace(
    "SEEN",
    """(view, columns) => {
    const {data} = view.getState({data: () => true});
    return Object.keys(data).flatMap((name) => view.data(name) ?? [])
        .filter((row) => columns.every((column) => column in row))
        .map((row) => columns.map((column) => row[column]));
}""",
)

TITLE = LOOK.replace(
    "SEEN",
    """(view) => {
    const found = [];
    const walk = (item) => {
        if (item.role === "title-text")
            found.push(...item.items.map((words) => words.text));
        else (item.items ?? []).forEach(walk);
    };
    walk(view.scenegraph().root);
    return found.flat().join("\\n");
}""",
)

WORDS = f"""(chart) => {{
    const words = [];
    const walk = (item) => {{
        if (/axis-label|axis-title|title-text/.test(item.role))
            words.push(
                ...item.items.filter((word) => word.opacity !== 0).map((word) => word.fill)
            );
        else (item.items ?? []).forEach(walk);
    }};
    walk(({VIEW})(chart).scenegraph().root);
    return [...new Set(words)];
}}"""


WIDTHS = [390, 820, 1440]
"""Pixels: a phone, a tablet, a desk."""

READABLE = 4.5
"""The least contrast of words that WCAG calls readable."""

# A canvas of one pixel tells what a colour is, in whatever notation. Contrast is WCAG's.
CONTRAST = """
const paint = (color) => {
    const pixel = new OffscreenCanvas(1, 1).getContext("2d");
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    return pixel.getImageData(0, 0, 1, 1).data;
};
const luminance = (color) => {
    const [r, g, b] = Array.from(paint(color)).slice(0, 3).map((part) =>
        part <= 10.31 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
    const color = element ? getComputedStyle(element).backgroundColor : "white";
    return paint(color)[3] === 255 ? color : behind(element.parentElement);
};
const contrast = (element, color) => {
    const [dark, light] = [color, behind(element)].map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
};
"""


def settle(page: Page, charts: int) -> None:
    """Wait until so many charts are drawn and a look later are still the same."""
    page.wait_for_function(SETTLED, arg=charts, polling=250)


def pictures(page: Page) -> list[str]:
    """What each chart shows: the same words for the same pixels."""
    drawn: list[str] = page.evaluate(NOW)
    return drawn


def wait_for_changes(page: Page, before: list[str], changes: int) -> None:
    """Wait until just so many charts are not what they were."""
    page.wait_for_function(CHANGED, arg=[before, changes], polling=100)


def names_of_controls(page: Page) -> list[str]:
    """What stands beside the explorers' controls, each of which can be seen."""
    names = []
    for name in page.locator(".vega-bind-name").all():
        name.scroll_into_view_if_needed()
        expect(name).to_be_visible()
        names.append(name.inner_text().strip())
    return names


def explorer(page: Page) -> Locator:
    """The chart with sliders of its own."""
    return page.locator(".vega-embed:has(.vega-bind)")


def computed(chart: Locator, *columns: str, **signals: Any) -> list[list[Any]]:
    """What Vega computes for these columns, row by row, with the sliders like this."""
    rows: list[list[Any]] = chart.evaluate(ROWS, [signals, columns])
    return rows


def title(chart: Locator, **signals: Any) -> str:
    """What a chart's title says with its sliders like this."""
    said: str = chart.evaluate(TITLE, [signals])
    return said


def live_sliders(page: Page, label: str) -> Locator:
    """Marimo's sliders of a name, not the explorer's, which are inputs of the browser."""
    return page.get_by_role("slider", name=label, exact=True).and_(page.locator("span"))


def there_and_back(page: Page, control: Locator, charts: int = 1) -> None:
    """Moves a slider by a step or turns a switch, and back again.

    So many charts change on the way there. Back again they are what they were.
    """
    before = pictures(page)
    there, back = _keys(control)
    control.press(there)
    wait_for_changes(page, before, charts)
    control.press(back)
    wait_for_changes(page, before, 0)


def _keys(control: Locator) -> tuple[str, str]:
    if control.get_attribute("role") == "switch":
        return "Space", "Space"
    # A slider is marimo's, or Vega's, which is an input of the browser.
    now, greatest = (
        control.get_attribute(marimo) or control.evaluate(f"slider => slider.{vega}")
        for marimo, vega in (("aria-valuenow", "value"), ("aria-valuemax", "max"))
    )
    keys = "ArrowRight", "ArrowLeft"
    return keys[::-1] if float(now) == float(greatest) else keys
