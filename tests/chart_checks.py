"""What a chart's specification holds, and what Vega's expressions make of it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context
from functools import cache
from types import CodeType
from typing import Any

from groundup import charts

OKABE_ITO = {"#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"}
GREY = "#8C8C8C"

Specification = dict[str, Any]


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def shown(content: charts.Content) -> Specification:
    """The specification that a notebook's cell gives to the browser."""
    _, data = content._mime_()
    specification: Specification = json.loads(data, parse_constant=refuse_constant)
    return specification


def layers(
    specification: Specification, data: Any = None, outer: Sequence[Any] = ()
) -> Iterator[Specification]:
    """The layers that draw a mark, lowest first, with inherited data and transforms."""
    data = specification.get("data", data)
    transforms = [*outer, *specification.get("transform", [])]
    if "layer" not in specification:
        yield {**specification, "data": data, "transform": transforms}
    for layer in specification.get("layer", []):
        yield from layers(layer, data, transforms)


def layers_of(specification: Specification, data: str) -> list[Specification]:
    """The layers that draw a data set, lowest first."""
    return [a for a in layers(specification) if a["data"].get("name") == data]


def marks(specification: Specification, data: str) -> list[str]:
    """The kinds of marks that draw a data set, lowest first."""
    return [layer["mark"]["type"] for layer in layers_of(specification, data)]


def scales(specification: Specification, channel: str) -> list[dict[str, Any]]:
    """The scales of a channel, over all layers that have one."""
    encodings = [layer.get("encoding", {}) for layer in layers(specification)]
    return [e[channel]["scale"] for e in encodings if "scale" in e.get(channel, {})]


def colors(specification: Specification) -> dict[str, str]:
    """A name → its colour."""
    scale = next(scale for scale in scales(specification, "color") if scale)
    return dict(zip(scale["domain"], scale["range"], strict=True))


def axes(specification: Specification) -> set[str]:
    """The names of all axes."""
    encodings = [layer.get("encoding", {}) for layer in layers(specification)]
    titles = {e.get(channel, {}).get("title") for e in encodings for channel in "xy"}
    return titles - {None}


class Object(dict[str, Any]):
    """An object in Vega's expressions: `object["name"]` and `object.name` are the same."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


def as_vega_sees_it(value: Any) -> Any:
    return json.loads(json.dumps(value), object_hook=Object)


class Text(str):
    """A string to which, as in JavaScript, a number can be added."""

    def __add__(self, other: Any) -> "Text":
        return Text(f"{self!s}{_written(other)}")

    def __radd__(self, other: Any) -> "Text":
        return Text(f"{_written(other)}{self!s}")


def _written(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _format(value: float, pattern: str) -> Text:
    """D3's three formats that the charts ask for, of numbers that need no exponent."""
    if pattern == ",":
        return Text(f"{value:,.12g}")
    digits = re.fullmatch(r"\.(\d)~[gr]", pattern)
    assert digits, pattern
    # To so many figures, and a 5 is rounded up; Python's own formats round it to even.
    context = Context(prec=int(digits[1]), rounding=ROUND_HALF_UP)
    return Text(f"{context.create_decimal(value).normalize():f}")


FUNCTIONS = {
    "Text": Text,
    "format": _format,
    "isValid": lambda value: value is not None,
    "length": len,
    "pow": pow,
    "round": round,
}


@cache
def _in_python(expression: str) -> CodeType:
    """A Vega expression in Python's grammar, where `a ? b : c` and strings' `+` differ."""
    parts: list[str] = []

    def put_aside(part: str) -> str:
        parts.append(part)
        return f"«{len(parts) - 1}»"

    def conditional(part: str) -> str:
        choice = re.fullmatch(r"(.*?)\?(.*?):(.*)", part)
        if choice is None:
            return part
        condition, yes, no = choice.groups()
        return put_aside(f"(({yes}) if ({condition}) else ({conditional(no)}))")

    def conditionals(part: str) -> str:
        return ",".join(conditional(item) for item in part.split(","))

    text = re.sub(r"'[^']*'", lambda m: put_aside(f"Text({m[0]})"), expression)
    innermost = re.compile(r"([(\[])([^()\[\]]*)([)\]])")
    while innermost.search(text):
        text = innermost.sub(lambda m: put_aside(m[1] + conditionals(m[2]) + m[3]), text)
    text = conditionals(text)
    while "«" in text:
        text = re.sub(r"«(\d+)»", lambda m: parts[int(m[1])], text)
    return compile(text.strip(), expression, "eval")


def computed(expression: str, names: Mapping[str, Any]) -> Any:
    """What a Vega expression gives where these names have these values."""
    return eval(_in_python(expression), FUNCTIONS, as_vega_sees_it(names))


def signals(specification: Specification, **moved: Any) -> Object:
    """The values of a chart's parameters, with some of its sliders moved."""
    values = {p["name"]: p["value"] for p in specification["params"]}
    assert moved.keys() <= values.keys(), moved
    seen: Object = as_vega_sees_it(values | moved)
    return seen


def _flattened(row: Object, field: str, name: str) -> list[Object]:
    return [Object(row | {name: value}) for value in row[field]]


def drawn_rows(
    specification: Specification, layer: Specification, values: Object
) -> list[Object]:
    """A layer's rows after its transforms, with these values of the chart's parameters."""
    rows: list[Object] = as_vega_sees_it(specification["datasets"][layer["data"]["name"]])

    def results(expression: str) -> list[Any]:
        code = _in_python(expression)
        return [eval(code, FUNCTIONS, {**values, "datum": row}) for row in rows]

    for step in layer["transform"]:
        if "filter" in step:
            rows = [
                row for row, keep in zip(rows, results(step["filter"]), strict=True) if keep
            ]
        elif "calculate" in step:
            for row, result in zip(rows, results(step["calculate"]), strict=True):
                row[step["as"]] = result
        elif "flatten" in step:
            (field,), (name,) = step["flatten"], step["as"]
            rows = [flat for row in rows for flat in _flattened(row, field, name)]
        else:
            (window,) = step["window"]
            assert window["op"] == "row_number", window
            seen: dict[Any, int] = {}
            for row in rows:
                group = tuple(row[field] for field in step["groupby"])
                row[window["as"]] = seen[group] = seen.get(group, 0) + 1
    return rows
