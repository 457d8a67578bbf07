"""A recording has what a notebook shows at each place of its controls, or says why not."""

import textwrap
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from blog.recording import VEGA_LITE, NotRecordable, Recording, record


def written(folder: Path, *cells: str, setup: str = "import marimo as mo") -> Path:
    """A notebook of these cells, each as its reader would type it."""
    notebook = folder / "notebook.py"
    parts = ["import marimo", "app = marimo.App()"]
    parts.append("with app.setup:\n" + textwrap.indent(setup, "    "))
    for cell in cells:
        body = textwrap.indent(textwrap.dedent(cell).strip(), "    ")
        parts.append(f"@app.cell\ndef _():\n{body}\n    return")
    notebook.write_text("\n\n\n".join(parts) + "\n", "utf-8")
    return notebook


TWO = [
    """
    factor = mo.ui.slider(1, 4, value=2, label="the *factor*")
    minus = mo.ui.switch(label="minus")
    mo.vstack([minus, factor])
    """,
    """
    product_ = (-1 if minus.value else 1) * factor.value * 10
    mo.md(f"It is {product_}.")
    """,
    """
    mo.md(f"Twice the factor is {2 * factor.value}.")
    """,
    """
    mo.md("It stays.")
    """,
]


def told(recording: Recording, words: str) -> dict[tuple[Any, ...], str]:
    """For each combination of places what the one cell says that begins so."""
    (played,) = [
        played
        for played in recording.cells.values()
        if played.outputs[0]["text/markdown"].startswith(words)
    ]
    places = [recording.controls[name].places for name in played.controls]
    texts = [output["text/markdown"] for output in played.outputs]
    return dict(
        zip(product(*places), (texts[state] for state in played.states), strict=True)
    )


def test_a_cell_is_kept_at_all_places_of_the_controls_that_it_follows_from(
    tmp_path: Path,
) -> None:
    recording = record(written(tmp_path, *TWO), {})
    assert told(recording, "It is") == {
        (factor, minus): f"It is {(-1 if minus else 1) * factor * 10}."
        for factor in (1, 2, 3, 4)
        for minus in (False, True)
    }
    assert told(recording, "Twice") == {
        (factor,): f"Twice the factor is {2 * factor}." for factor in (1, 2, 3, 4)
    }


def test_a_cell_that_follows_from_no_control_is_not_kept(tmp_path: Path) -> None:
    assert len(record(written(tmp_path, *TWO), {}).cells) == 2


def test_what_a_notebook_opens_with_comes_first(tmp_path: Path) -> None:
    first = [
        played.outputs[0] for played in record(written(tmp_path, *TWO), {}).cells.values()
    ]
    assert {"text/markdown": "It is 20."} in first


def test_equal_outputs_are_kept_once(tmp_path: Path) -> None:
    parity = ["n = mo.ui.slider(1, 9)\nn", "mo.md('even' if n.value % 2 == 0 else 'odd')"]
    (played,) = record(written(tmp_path, *parity), {}).cells.values()
    assert played.outputs == [{"text/markdown": "odd"}, {"text/markdown": "even"}]
    assert played.states == [0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_controls_stand_where_a_cell_shows_them_and_in_its_order(tmp_path: Path) -> None:
    (panel,) = record(written(tmp_path, *TWO), {}).panels.values()
    assert panel == ["minus", "factor"]


def test_a_cell_that_changes_what_another_one_made_finds_it_new_at_each_place(
    tmp_path: Path,
) -> None:
    growing = [
        "n = mo.ui.slider(1, 3)\nn",
        "seen = []\nseen.append(n.value)",
        "mo.md(f'{seen}')",
    ]
    (played,) = record(written(tmp_path, *growing), {}).cells.values()
    assert [o["text/markdown"] for o in played.outputs] == ["[1]", "[2]", "[3]"]


def test_a_chart_is_kept_as_vega_lite(tmp_path: Path) -> None:
    bars = """
    alt.Chart(pd.DataFrame({"x": [1, n.value]})).mark_bar().encode(x="x:Q")
    """
    setup = "import altair as alt\nimport marimo as mo\nimport pandas as pd"
    notebook = written(tmp_path, "n = mo.ui.slider(2, 3)\nn", bars, setup=setup)
    (played,) = record(notebook, {}).cells.values()
    drawn = [[*output[VEGA_LITE]["datasets"].values()] for output in played.outputs]
    assert drawn == [[[{"x": 1}, {"x": 2}]], [[{"x": 1}, {"x": 3}]]]


def test_a_recording_can_be_written_and_read(tmp_path: Path) -> None:
    recording = record(written(tmp_path, *TWO), {})
    recording.write(tmp_path / "kept.json")
    assert Recording.read(tmp_path / "kept.json") == recording


# Controls.


@pytest.mark.parametrize(
    ("made", "kind", "places", "words", "start"),
    [
        ("slider(1, 3, value=2)", "range", [1, 2, 3], ["1", "2", "3"], 1),
        ("slider(0, 1, step=0.5)", "range", [0, 0.5, 1], ["0", "0.5", "1"], 0),
        (
            "slider(steps=[1, 10, 100], value=10)",
            "range",
            [1, 10, 100],
            ["1", "10", "100"],
            1,
        ),
        ("number(2, 4, value=4)", "range", [2, 3, 4], ["2", "3", "4"], 2),
        ("switch(value=True)", "switch", [False, True], ["off", "on"], 1),
        ("checkbox()", "switch", [False, True], ["off", "on"], 0),
        ("dropdown({'a': 1, 'b': 2}, value='b')", "choice", [1, 2], ["a", "b"], 1),
        ("radio(['p', 'q'], value='p')", "choice", ["p", "q"], ["p", "q"], 0),
    ],
)
def test_a_control_has_places_and_words_for_them(
    tmp_path: Path, made: str, kind: str, places: list[Any], words: list[str], start: int
) -> None:
    notebook = written(tmp_path, f"it = mo.ui.{made}\nit", "mo.md(f'{it.value}')")
    recording = record(notebook, {})
    control = recording.controls["it"]
    assert (control.kind, control.places, control.words) == (kind, places, words)
    assert control.start == start
    assert told(recording, str(places[start])) == {(p,): str(p) for p in places}


@pytest.mark.parametrize("made", ["button()", "run_button()"])
def test_a_button_is_left_aside(tmp_path: Path, made: str) -> None:
    notebook = written(tmp_path, f"it = mo.ui.{made}\nit", "mo.md(f'{it.value}')")
    recording = record(notebook, {})
    assert (recording.controls, recording.panels, recording.cells) == ({}, {}, {})


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("multiselect(['a', 'b'])", "a multiselect, which has no places"),
        ("text()", "a text, which has no places"),
        ("slider(1, 3, on_change=print)", "calls 'it' back"),
    ],
)
def test_a_control_that_a_page_cannot_have_is_refused_by_name(
    tmp_path: Path, made: str, why: str
) -> None:
    notebook = written(tmp_path, f"it = mo.ui.{made}\nit", "mo.md(f'{it.value}')")
    with pytest.raises(NotRecordable, match=r"notebook\.py: the cell 'it = ") as refused:
        record(notebook, {})
    assert why in str(refused.value)


def test_a_cell_that_raises_at_one_place_is_named_with_the_place(tmp_path: Path) -> None:
    cells = ["n = mo.ui.slider(0, 3, value=2)\nn", "mo.md(f'{6 / n.value}')"]
    with pytest.raises(NotRecordable) as refused:
        record(written(tmp_path, *cells), {})
    assert str(refused.value) == (
        "notebook.py: the cell 'mo.md(f'{6 / n.value}')' raises ZeroDivisionError: "
        "division by zero at n = 0"
    )


# Too many places.

MANY = [
    "a = mo.ui.slider(1, 30)\nb = mo.ui.slider(1, 30)\nmo.vstack([a, b])",
    "mo.md(f'{a.value} and {b.value}')",
]


def test_too_many_places_are_refused_with_their_number_and_what_can_be_done(
    tmp_path: Path,
) -> None:
    with pytest.raises(NotRecordable) as refused:
        record(written(tmp_path, *MANY), {})
    for words in ("900 places", "30 of a × 30 of b", "more than 500", "[places]"):
        assert words in str(refused.value)


def test_named_places_are_kept_and_a_control_without_a_name_stays_where_it_starts(
    tmp_path: Path,
) -> None:
    recording = record(written(tmp_path, *MANY), {"a": [1, 20, 30]})
    assert told(recording, "1 and 1") == {(n,): f"{n} and 1" for n in (1, 20, 30)}
    assert recording.controls["a"].words == ["1", "20", "30"]
    assert recording.controls["a"].start == 0


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ({"c": [1]}, "'c', which is no control; there is a, b"),
        ({"a": [1, 31]}, "31 of 'a'"),
        ({"a": [2, 3]}, "1 of 'a' if and only if the control has it: it starts there"),
    ],
)
def test_places_that_do_not_fit_are_refused(
    tmp_path: Path, named: dict[str, list[int]], why: str
) -> None:
    with pytest.raises(NotRecordable) as refused:
        record(written(tmp_path, *MANY), named)
    assert why in str(refused.value)
