"""Charts as a page has them: with words for those who can't see them, and to be played."""

import json
from collections.abc import Iterator
from typing import Any

from blog.shown import Spec


def sliders(spec: Spec) -> int:
    """Count the controls that a chart has of its own; one with any is an explorer."""
    return sum(isinstance(param.get("bind"), dict) for param in spec.get("params", []))


LOOKS: Spec = {
    "background": "transparent",
    "axis": {"gridOpacity": 0.15, "domainOpacity": 0.5, "tickOpacity": 0.5},
    "view": {"stroke": None},
}
"""What lets a chart follow the page's colours, by day and by night."""


def at_home(spec: Spec) -> Spec:
    """Return a chart with a description, and with the page's looks where it has none."""
    own = spec.get("config", {})
    config = {
        name: {**look, **own.get(name, {})}
        if isinstance(look, dict)
        else own.get(name, look)
        for name, look in LOOKS.items()
    }
    words = spec.get("description") or described(spec)
    facets = {"row", "column", "facet"} & {*spec.get("encoding", {})}
    wide = {"width": "container"} if {"mark", "layer"} & {*spec} and not facets else {}
    return {**wide, **spec, "config": {**own, **config}, "description": words}


def urls(spec: Any) -> Iterator[str]:
    """Find what a chart loads."""
    if isinstance(spec, dict):
        data = spec.get("data")
        if isinstance(data, dict) and "url" in data:
            yield str(data["url"])
    rows = spec.values() if isinstance(spec, dict) else spec
    for inner in rows if isinstance(spec, dict | list) else ():
        yield from urls(inner)


def described(spec: Spec) -> str:
    """Return what a chart without a description is of: its title, and what it draws."""
    title = spec.get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    drawn = f"A chart of {', '.join(dict.fromkeys(_fields(spec))) or 'data'}"
    return f"{title}. {drawn}" if isinstance(title, str) and title else drawn


def _fields(spec: Any) -> Iterator[str]:
    """Find what a chart's encodings draw."""
    if isinstance(spec, dict):
        for channel in spec.get("encoding", {}).values():
            if isinstance(channel, dict) and isinstance(channel.get("field"), str):
                yield channel["field"]
        for views in ("layer", "hconcat", "vconcat", "concat"):
            for view in spec.get(views, ()):
                yield from _fields(view)
        yield from _fields(spec.get("spec"))


def changes(specs: list[Spec]) -> dict[str, Any]:
    """Return what differs between a chart's states, so that a page need not draw anew.

    Charts of one kind differ in rows, in parameters' values and in the description.
    """
    kinds: list[Spec] = []
    charts: list[dict[str, Any]] = []
    bare = [_bare(spec) for spec in specs]
    for spec, kind in zip(specs, bare, strict=True):
        same = [s for s, k in zip(specs, bare, strict=True) if k == kind]
        if same[0] not in kinds:
            kinds.append(same[0])
        charts.append(
            {
                "kind": kinds.index(same[0]),
                "description": spec["description"],
                "data": {
                    name: _columns(rows)
                    for name, rows in spec.get("datasets", {}).items()
                    if any(other["datasets"][name] != rows for other in same)
                },
                "params": {
                    name: value
                    for name, value in _params(spec).items()
                    if any(_params(other)[name] != value for other in same)
                },
            }
        )
    played = {"kinds": kinds[1:], "charts": charts}
    # Vega reads dates as it loads rows, and not where rows are put in later.
    return {**played, "anew": True} if '"temporal"' in json.dumps(bare) else played


def _columns(rows: list[dict[str, Any]]) -> list[Any]:
    """Return the number of rows and their columns; of one that is constant its value.

    A third of the bytes of the rows themselves.
    """
    columns = {}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        same = all(value == values[0] for value in values)
        columns[name] = values[0] if same else values
    return [len(rows), columns]


def _bare(spec: Spec) -> Spec:
    """Return what a chart is without its rows, its parameters' values, and its words."""
    rest = {k: v for k, v in spec.items() if k not in ("datasets", "description", "params")}
    names = [{**p, "value": None} for p in spec.get("params", [])]
    return {**rest, "params": names, "datasets": [*spec.get("datasets", {})]}


def _params(spec: Spec) -> dict[str, Any]:
    return {p["name"]: p["value"] for p in spec.get("params", []) if "value" in p}
