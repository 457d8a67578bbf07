"""Draw a chart by Vega itself, and say what is seen: lines, points, words, where and how.

All places are pixels of the whole picture, x to the right and y down. What they mean is
read off the axes, from the numbers at their ticks, as a reader does.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import vl_convert

from groundup import charts

Place = tuple[float, float]

NARROW, WIDE = "fijlrt.,:;·'()| ", "mwMW→×%−"


def length(words: str) -> float:
    """How long words are, in heights of their font: an estimate for any usual one."""
    return sum(0.32 if w in NARROW else 0.86 if w in WIDE else 0.58 for w in words)


class Axis(NamedTuple):
    """An axis: the pixels that it spans, from its least value to its greatest."""

    title: str
    ticks: dict[str, float]
    """A label → its place along the axis."""

    span: tuple[float, float]

    @property
    def numbers(self) -> list[float]:
        """The values at the ticks."""
        return [float(t.replace(",", "").replace("−", "-")) for t in self.ticks]

    @property
    def log(self) -> bool:
        """Whether the ticks stand where a logarithmic axis has them."""
        numbers, places = self.numbers, [*self.ticks.values()]
        if min(numbers) <= 0:
            return False
        assert len(numbers) > 2, f"{self.title}: {numbers} may be of either kind"
        (a, b), (p, q) = (numbers[0], numbers[-1]), (places[0], places[-1])
        share = math.log(numbers[1] / a) / math.log(b / a)
        return abs(places[1] - (p + share * (q - p))) < 0.5

    def read(self, place: float) -> float:
        """The value at a place."""
        into, back = (math.log, math.exp) if self.log else (float, float)
        (a, b), (p, q) = ((x[0], x[-1]) for x in (self.numbers, [*self.ticks.values()]))
        return back(into(a) + (place - p) / (q - p) * (into(b) - into(a)))

    def holds(self, place: float) -> bool:
        """Whether the axis reaches so far, to a hair."""
        return min(self.span) - 0.1 <= place <= max(self.span) + 0.1


class Line(NamedTuple):
    """A line's points from its first to its last."""

    points: list[Place]
    color: str
    width: float
    opacity: float
    dashed: bool


class Point(NamedTuple):
    """A point, or another symbol."""

    place: Place
    color: str
    shape: str
    size: float


class Rule(NamedTuple):
    """A straight line across the plot or between two places."""

    start: Place
    end: Place
    color: str
    dashed: bool


class Cell(NamedTuple):
    """A filled rectangle."""

    left: float
    top: float
    width: float
    height: float
    color: str
    opacity: float


class Text(NamedTuple):
    """A line of words."""

    words: str
    place: Place
    align: str
    color: str
    role: str
    """title, axis-title, axis-label, legend-label, or mark."""

    size: float
    upright: bool

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, by an estimate of the words' width."""
        x, y = self.place
        across, down = self.size * length(self.words), self.size
        before = {"left": 0.0, "center": 0.5, "right": 1.0}[self.align] * across
        if self.upright:
            return x - down / 2, y - across + before, x + down / 2, y + before
        return x - before, y - down / 2, x - before + across, y + down / 2


class Picture(NamedTuple):
    """What is drawn, each kind in the order of drawing."""

    width: float
    height: float
    lines: list[Line]
    points: list[Point]
    rules: list[Rule]
    cells: list[Cell]
    texts: list[Text]
    x: Axis
    ys: list[Axis]
    """The vertical axes, the upper panel's first."""

    @property
    def y(self) -> Axis:
        (only,) = self.ys
        return only

    @property
    def title(self) -> list[str]:
        return [text.words for text in self.texts if text.role == "title"]

    @property
    def words(self) -> list[Text]:
        """What is written at the marks."""
        return [text for text in self.texts if text.role == "mark"]

    def named(self, words: str) -> Text:
        """The only words at a mark that are these."""
        (text,) = [text for text in self.words if text.words == words]
        return text

    def panel(self, line: Line) -> Axis:
        """The vertical axis beside which a line starts."""
        return next(axis for axis in self.ys if axis.holds(line.points[0][1]))

    def read(self, line: Line) -> list[Place]:
        """A line's points as the axes say."""
        y = self.panel(line)
        return [(self.x.read(a), y.read(b)) for a, b in line.points]

    def at(self, place: Place) -> Place:
        """What a place in the only panel means."""
        return self.x.read(place[0]), self.y.read(place[1])

    def of(self, color: str, panel: int = 0) -> Line:
        """The line of a colour in a panel, the last drawn."""
        shown = [a for a in self.lines if self.panel(a) is self.ys[panel]]
        return [line for line in shown if line.color == color][-1]

    def runs(self, panel: int = 0) -> dict[str, list[Place]]:
        """A colour → its line's points as the axes say, in a panel."""
        shown = [a for a in self.lines if self.panel(a) is self.ys[panel]]
        return {line.color: self.read(line) for line in shown}


def draw(content: charts.Content, width: float = 600, **sliders: Any) -> Picture:
    """Draw what a notebook's cell gives to the browser, with its sliders set."""
    specification = json.loads(content._mime_()[1], parse_constant=refused)
    params = {param["name"]: param for param in specification["params"]}
    for name, value in sliders.items():
        assert "bind" in params[name], f"{name} is no slider"
        params[name]["value"] = value
    scene = vl_convert.vegalite_to_scenegraph(specification | {"width": width})
    left, top = scene["origin"]
    found = [*_items(scene["scenegraph"], left, top, "mark")]
    axes = sorted(_axes(scene["scenegraph"], left, top), key=lambda pair: pair[1].span[1])
    none = Axis("", {}, (0.0, 0.0))
    return Picture(
        scene["width"],
        scene["height"],
        [mark for mark in found if isinstance(mark, Line)],
        [mark for mark in found if isinstance(mark, Point)],
        [mark for mark in found if isinstance(mark, Rule)],
        [mark for mark in found if isinstance(mark, Cell)],
        [mark for mark in found if isinstance(mark, Text)],
        next((axis for side, axis in axes if side == "bottom"), none),
        [axis for side, axis in axes if side == "left"],
    )


def refused(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


Mark = Line | Point | Rule | Cell | Text


def _items(mark: Any, x: float, y: float, role: str) -> Iterator[Mark]:
    """What a mark of Vega's scene draws."""
    kind, within = mark["marktype"], mark.get("role") or role
    if kind == "line":
        yield from _lines(mark, x, y)
    for item in mark["items"] if kind != "line" else ():
        if kind == "group":
            # Vega moves axes by half a pixel, so that their lines are sharp.
            half = 0.5 if within == "axis" else 0
            dx, dy = item.get("x", 0) - half, item.get("y", 0) - half
            for inner in item["items"]:
                yield from _items(inner, x + dx, y + dy, role)
        elif item.get("opacity", 1) > 0:
            yield from _drawn(kind, item, (x, y), within)


def _lines(mark: Any, x: float, y: float) -> Iterator[Line]:
    shown = [i for i in mark["items"] if i.get("defined", True) and i["y"] is not None]
    points = [(x + i["x"], y + i["y"]) for i in shown]
    for item in shown[:1]:
        dashed = (item.get("strokeDash") or [1, 0])[1] > 0
        opacity = item.get("opacity", 1)
        yield Line(points, item["stroke"], item["strokeWidth"], opacity, dashed)


def _drawn(kind: str, item: Any, origin: Place, role: str) -> Iterator[Mark]:
    place = origin[0] + item.get("x", 0), origin[1] + item.get("y", 0)
    color = item.get("fill") or item.get("stroke")
    if kind == "text":
        yield from _texts(item, place, color, role)
    elif role == "mark" and kind == "symbol":
        yield Point(place, color, item["shape"], item["size"])
    elif role == "mark" and kind == "rule":
        end = item.get("x2", item.get("x", 0)), item.get("y2", item.get("y", 0))
        there = origin[0] + end[0], origin[1] + end[1]
        yield Rule(place, there, color, bool(item.get("strokeDash")))
    elif role == "mark" and kind == "rect":
        opacity = item.get("opacity", 1) * item.get("fillOpacity", 1)
        yield Cell(*place, item["width"], item["height"], color, opacity)


def _texts(item: Any, place: Place, color: str, role: str) -> Iterator[Text]:
    words = item["text"] if isinstance(item["text"], list) else [item["text"]]
    size, baseline = item["fontSize"], item.get("baseline", "middle")
    to_middle = {"top": size / 2, "bottom": -size / 2}.get(baseline, 0.0)
    upright = item.get("angle", 0) == -90
    for i, line in enumerate(words):
        x, y = place[0] + item.get("dx", 0), place[1] + item.get("dy", 0)
        x, y = (x + to_middle, y) if upright else (x, y + to_middle + i * (size + 2))
        if str(line):
            role = {"title-text": "title"}.get(role, role)
            yield Text(
                str(line), (x, y), item.get("align", "left"), color, role, size, upright
            )


def _axes(mark: Any, x: float, y: float, frame: Any = None) -> Iterator[tuple[str, Axis]]:
    """Each axis with its side; one without a line is as long as the plot."""
    for item in mark["items"] if mark["marktype"] == "group" else ():
        frame = frame or {"x": item["width"], "y": item["height"]}
        side = item.get("orient")
        inner = {m["role"]: m["items"] for m in item["items"] if m.get("role")}
        left, top = x + item.get("x", 0), y + item.get("y", 0)
        if mark.get("role") == "axis" and "axis-label" in inner:
            along = "x" if side == "bottom" else "y"
            shift = (left if side == "bottom" else top) - 0.5
            title = inner["axis-title"][0]["text"] if "axis-title" in inner else ""
            ticks = {i["text"]: shift + i[along] for i in inner["axis-label"] if i["text"]}
            ends = inner.get("axis-domain", [{f"{along}2": frame[along]}])[0]
            span = shift + ends.get(along, 0), shift + ends.get(f"{along}2", 0)
            yield side, Axis(title, ticks, span)
        for each in item["items"]:
            yield from _axes(each, left, top, frame)
