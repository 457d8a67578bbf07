"""Draw a chart by Vega itself, and say what is seen: lines, points, words, where and how.

All places are pixels of the whole picture, x to the right and y down. What they mean is
read off the axes, from the numbers at their ticks, as a reader does.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import vl_convert

from groundup import charts

Place = tuple[float, float]
NARROW, WIDE = "fijlrt.,:;·'()| ", "mwMW→×%−"


def refused(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


class Axis(NamedTuple):
    """An axis: its ticks' places by their labels, and the pixels that it spans."""

    title: str
    ticks: dict[str, float]
    span: tuple[float, float]

    @property
    def log(self) -> bool:
        """Whether the ticks stand where a logarithmic axis has them."""
        numbers, places = self._numbers, [*self.ticks.values()]
        if min(numbers) <= 0:
            return False
        assert len(numbers) > 2, f"{self.title}: {numbers} may be of either kind"
        share = math.log(numbers[1] / numbers[0]) / math.log(numbers[-1] / numbers[0])
        return abs(places[1] - places[0] - share * (places[-1] - places[0])) < 0.5

    @property
    def _numbers(self) -> list[float]:
        return [float(t.replace(",", "").replace("−", "-")) for t in self.ticks]

    def read(self, place: float) -> float:
        """The value at a place."""
        into, back = (math.log, math.exp) if self.log else (float, float)
        (a, *_, b), (p, *_, q) = self._numbers, self.ticks.values()
        return back(into(a) + (place - p) / (q - p) * (into(b) - into(a)))

    def holds(self, place: float) -> bool:
        """Whether the axis reaches so far, to a hair."""
        return min(self.span) - 0.1 <= place <= max(self.span) + 0.1


class Mark(NamedTuple):
    """What is drawn: a line, a point, a rule with its two ends, a cell, or words."""

    kind: str
    points: list[Place]
    color: str
    item: dict[str, Any]
    role: str = "mark"
    """title, axis-title, axis-label, legend-label, or mark."""

    words: str = ""

    @property
    def place(self) -> Place:
        return self.points[0]

    @property
    def end(self) -> Place:
        return self.points[-1]

    @property
    def dashed(self) -> bool:
        return self.item.get("strokeDash") not in (None, [], [1, 0])

    @property
    def middle(self) -> Place:
        """The centre of a cell."""
        (x, y), size = self.place, self.item
        return x + size["width"] / 2, y + size["height"] / 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of words, by an estimate for any usual font."""
        (x, y), size = self.place, self.item["fontSize"]
        letters = [0.32 if w in NARROW else 0.86 if w in WIDE else 0.58 for w in self.words]
        across, align = size * sum(letters), self.item.get("align", "left")
        before = {"left": 0.0, "center": 0.5, "right": 1.0}[align] * across
        if self.item.get("angle") == -90:
            return x - size / 2, y - across + before, x + size / 2, y + before
        return x - before, y - size / 2, x - before + across, y + size / 2


@dataclass
class Picture:
    """What is drawn, in the order of drawing, and the axes with the side where they are."""

    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)
    axes: list[tuple[str, Axis]] = field(default_factory=list)
    frame: dict[str, float] = field(default_factory=dict)

    def of(self, kind: str, color: str = "") -> list[Mark]:
        """The marks of a kind, and of a colour."""
        shown = [mark for mark in self.marks if mark.kind == kind and mark.role == "mark"]
        return [mark for mark in shown if color in ("", mark.color)]

    @property
    def lines(self) -> list[Mark]:
        return self.of("line")

    @property
    def points(self) -> list[Mark]:
        return self.of("symbol")

    @property
    def rules(self) -> list[Mark]:
        return self.of("rule")

    @property
    def cells(self) -> list[Mark]:
        return self.of("rect")

    @property
    def words(self) -> list[Mark]:
        """What is written at the marks."""
        return self.of("text")

    @property
    def texts(self) -> list[Mark]:
        """What is written anywhere."""
        return [mark for mark in self.marks if mark.kind == "text"]

    @property
    def title(self) -> list[str]:
        return [mark.words for mark in self.marks if mark.role == "title"]

    @property
    def x(self) -> Axis:
        """The horizontal axis, the lower one of two."""
        shown = dict(self.axes)
        return shown["bottom"] if "bottom" in shown else shown["top"]

    @property
    def top(self) -> Axis:
        """The horizontal axis above, where there are two."""
        return next(axis for side, axis in self.axes if side == "top")

    @property
    def ys(self) -> list[Axis]:
        """The vertical axes, the upper panel's first."""
        shown = [axis for side, axis in self.axes if side == "left"]
        return sorted(shown, key=lambda axis: axis.span[1])

    @property
    def y(self) -> Axis:
        (only,) = self.ys
        return only

    def named(self, words: str) -> Mark:
        """The only words at a mark that are these."""
        (text,) = [text for text in self.words if text.words == words]
        return text

    def at(self, place: Place, panel: int = 0) -> Place:
        """What a place means, as the axes say."""
        return self.x.read(place[0]), self.ys[panel].read(place[1])

    def read(self, mark: Mark, panel: int = 0) -> list[Place]:
        """A mark's points as the axes say."""
        return [self.at(place, panel) for place in mark.points]

    def line(self, color: str, panel: int = 0, dashed: bool = False) -> Mark:
        """The line of a colour that begins in a panel, the last drawn."""
        shown = [line for line in self.of("line", color) if line.dashed is dashed]
        return [line for line in shown if self.ys[panel].holds(line.place[1])][-1]

    def runs(self, panel: int = 0, dashed: bool = False) -> dict[str, list[Place]]:
        """A colour → its line's points as the axes say, in a panel."""
        shown = [line for line in self.lines if line.dashed is dashed]
        shown = [line for line in shown if self.ys[panel].holds(line.place[1])]
        return {x.color: self.read(x, panel) for x in shown if len(x.points) > 1}

    def add(self, mark: Any, x: float, y: float, role: str = "mark") -> None:
        """Add what a mark of Vega's scene draws."""
        kind, within = mark["marktype"], mark.get("role") or role
        items = [item for item in mark["items"] if item.get("opacity", 1) > 0]
        if kind == "line":
            items = [i for i in items if i.get("defined", True) and i["y"] is not None]
            points = [(x + item["x"], y + item["y"]) for item in items]
            self.marks += [Mark(kind, points, item["stroke"], item) for item in items[:1]]
            return
        for item in items:
            a, b = x + item.get("x", 0), y + item.get("y", 0)
            if kind == "group":
                self.frame = self.frame or {"x": item["width"], "y": item["height"]}
                # Vega moves axes by half a pixel, so that their lines are sharp.
                a, b = (a - 0.5, b - 0.5) if within == "axis" else (a, b)
                if within == "axis":
                    self._add_axis(item, a, b)
                for inner in item["items"]:
                    self.add(inner, a, b, role)
            elif kind == "text":
                self._add_words(item, a, b, within)
            else:
                end = (x + item["x2"], b) if "x2" in item else (a, b)
                end = (end[0], y + item["y2"]) if "y2" in item else end
                color = item.get("fill") or item.get("stroke")
                self.marks.append(Mark(kind, [(a, b), end], color, item, within))

    def _add_words(self, item: Any, x: float, y: float, role: str) -> None:
        words = item["text"] if isinstance(item["text"], list) else [item["text"]]
        size, upright = item["fontSize"], item.get("angle", 0) == -90
        shift = {"top": size / 2, "bottom": -size / 2}.get(item.get("baseline"), 0.0)
        x, y = x + item.get("dx", 0), y + item.get("dy", 0)
        x, y = (x + shift, y) if upright else (x, y + shift)
        role = {"title-text": "title"}.get(role, role)
        for i, line in enumerate(map(str, words)):
            places = [(x, y + i * (size + 2))]
            if line:
                self.marks.append(Mark("text", places, item["fill"], item, role, line))

    def _add_axis(self, item: Any, x: float, y: float) -> None:
        """An axis without a line is as long as the plot."""
        inner = {m["role"]: m["items"] for m in item["items"] if m.get("role")}
        side = item["orient"]
        along, shift = ("x", x) if side in ("top", "bottom") else ("y", y)
        if "axis-label" in inner:
            title = inner["axis-title"][0]["text"] if "axis-title" in inner else ""
            ticks = {i["text"]: shift + i[along] for i in inner["axis-label"] if i["text"]}
            ends = inner.get("axis-domain", [{f"{along}2": self.frame[along]}])[0]
            span = shift + ends.get(along, 0), shift + ends.get(f"{along}2", 0)
            self.axes.append((side, Axis(title, ticks, span)))


def draw(content: charts.Content, width: float = 600, **sliders: Any) -> Picture:
    """Draw what a notebook's cell gives to the browser, with its sliders set."""
    specification = json.loads(content._mime_()[1], parse_constant=refused)
    params = {param["name"]: param for param in specification["params"]}
    for name, value in sliders.items():
        assert "bind" in params[name], f"{name} is no slider"
        params[name]["value"] = value
    scene = vl_convert.vegalite_to_scenegraph(specification | {"width": width})
    picture = Picture(scene["width"], scene["height"])
    picture.add(scene["scenegraph"], *scene["origin"])
    return picture
