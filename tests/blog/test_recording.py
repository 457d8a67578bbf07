"""A recording has what a notebook shows at each place of its controls, or says why not."""

import re
import textwrap
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from blog.recording import VEGA_LITE, NotRecordable, Played, Recording, record


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


WITH_CHARTS = "import altair as alt\nimport marimo as mo\nimport pandas as pd"

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
    notebook = written(tmp_path, "n = mo.ui.slider(2, 3)\nn", bars, setup=WITH_CHARTS)
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
        # As marimo makes them of what a browser sends, for which 1.0 is 1.
        ("slider(0, 1, step=0.5)", "range", [0.0, 0.5, 1.0], ["0", "0.5", "1"], 0),
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
        ("dropdown(['a', 'b'])", "choice", [None, "a", "b"], ["–", "a", "b"], 0),
        ("radio(['p', 'q'], value='p')", "radio", ["p", "q"], ["p", "q"], 0),
        ("radio(['p'])", "radio", [None, "p"], ["–", "p"], 0),
        (
            "multiselect({'a': 1, 'b': 2}, value=['b'])",
            "several",
            [[], [1], [2], [1, 2]],
            ["–", "a", "b", "a, b"],
            2,
        ),
        (
            "range_slider(0, 1, value=[0, 1])",
            "span",
            [[0, 0], [0, 1], [1, 1]],
            ["0 to 0", "0 to 1", "1 to 1"],
            1,
        ),
        (
            "range_slider(steps=[1, 10])",
            "span",
            [[1, 1], [1, 10], [10, 10]],
            ["1 to 1", "1 to 10", "10 to 10"],
            1,
        ),
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
    (played,) = recording.cells.values()
    said = [played.outputs[state]["text/markdown"] for state in played.states]
    assert said == [str(place) for place in places]


def test_a_control_that_is_named_without_places_is_left_out(tmp_path: Path) -> None:
    notebook = written(
        tmp_path, "it = mo.ui.run_button()\nmo.vstack([it])", "mo.md(f'{it.value}')"
    )
    recording = record(notebook, {"it": []})
    assert (recording.controls, recording.panels) == ({}, {})
    (played,) = recording.cells.values()
    assert played == Played([], [0], [{"parts": []}])


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("text()", "a text, which has no places: a page can have a slider"),
        ("date()", "a date, which has no places"),
        ("file()", "a file, which has no places"),
        ("button()", "a button, which has no places"),
        ("run_button()", "a run_button, which has no places"),
        ("text().form()", "a form, which has no places"),
        ("array([mo.ui.switch()])", "an array, which has no places"),
        ("dictionary({'a': mo.ui.switch()})", "a dictionary, which has no places"),
        ("dataframe(pd.DataFrame({'x': [1]}))", "a dataframe, which has no places"),
        ("number(value=1)", "a number without start and stop"),
        ("slider(0, 1, step=0.3, value=0.5)", "stand at 0.5, which is none of its places"),
        ("multiselect([*'abcdefghij'])", "a multiselect of 10 options, which is too many"),
        ("multiselect(['a', 'b'], max_selections=1)", "or has a limit"),
        ("slider(1, 3, on_change=print)", "calls 'it' back"),
        ("table([{'a': 1}])", "a table, of which a cell asks it.value"),
        ("tabs({'a': 'b'})", "a tabs, of which a cell asks it.value"),
        (
            "altair_chart(alt.Chart(pd.DataFrame({'x': [1]})).mark_bar())",
            "an altair_chart, of which a cell asks it.value",
        ),
    ],
)
def test_a_control_that_a_page_cannot_have_is_refused_by_name(
    tmp_path: Path, made: str, why: str
) -> None:
    cells = f"it = mo.ui.{made}\nit", "mo.md(f'{it.value}')"
    notebook = written(tmp_path, *cells, setup=WITH_CHARTS)
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


# Another opening.


def test_a_recording_can_open_elsewhere_and_tells_the_same_at_each_place(
    tmp_path: Path,
) -> None:
    recording = record(written(tmp_path, *TWO), {})
    other = recording.opening_at(factor=3, minus=1)
    assert other.controls["factor"].start == 3
    assert {o.outputs[0]["text/markdown"] for o in other.cells.values()} == {
        "It is -40.",
        "Twice the factor is 8.",
    }
    for words, now in {"It is 20": "It is -40", "Twice": "Twice"}.items():
        assert told(other, now) == told(recording, words)
    assert other.opening_at(factor=1, minus=0).controls == recording.controls


def test_the_places_of_a_cells_states_come_in_their_order(tmp_path: Path) -> None:
    recording = record(written(tmp_path, *TWO), {})
    (twice,) = [p for p in recording.cells.values() if p.controls == ["factor"]]
    assert recording.places(twice) == [{"factor": i} for i in range(4)]


# What marimo's own documentation does.


def shown(notebook: Path) -> list[Any]:
    """What the cells show that change, or hold more than controls, where they start."""
    return [played.outputs[0] for played in record(notebook, {}).cells.values()]


def test_charts_words_and_controls_that_stand_together_are_told_apart(
    tmp_path: Path,
) -> None:
    notebook = written(
        tmp_path,
        "n = mo.ui.slider(1, 2, label='n')",
        """
        chart = alt.Chart(pd.DataFrame({"x": [n.value]})).mark_bar().encode(x="x:Q")
        mo.vstack([mo.hstack([n, mo.md("by *hand*")]), chart, {"a": 1}, "b"])
        """,
        setup=WITH_CHARTS,
    )
    recording = record(notebook, {})
    (played,) = recording.cells.values()
    assert [*recording.panels.values()] == [["n"]]
    for n, output in zip((1, 2), played.outputs, strict=True):
        control, prose, chart, rest = output["parts"]
        assert control == {"control": "n"}
        assert "by <em>hand</em>" in prose["text/html"]
        assert chart[VEGA_LITE]["datasets"] == {"rows_1": [{"x": n}]}
        assert "b" in rest["text/html"]


def test_a_tuple_is_shown_as_if_it_were_stacked(tmp_path: Path) -> None:
    (output,) = shown(written(tmp_path, "n = mo.ui.slider(1, 2)", "n, mo.md('words')"))
    assert [[*part] for part in output["parts"]] == [["control"], ["text/html"]]


def test_a_dictionary_of_things_to_see_shows_each_under_its_name(tmp_path: Path) -> None:
    (output,) = shown(written(tmp_path, "{'one': mo.md('first'), 'two': 2}"))
    (part,) = output["parts"]
    assert re.sub(r"<.*?>|\s+", " ", part["text/html"]).split() == [
        "one",
        "first",
        "two",
        "2",
    ]


def test_a_control_within_prose_keeps_its_place_in_it(tmp_path: Path) -> None:
    cells = ["n = mo.ui.slider(1, 2)\nmo.md(f'Choose {n} or $x$.')", "mo.md(f'{n.value}')"]
    first, _ = shown(written(tmp_path, *cells))
    text = 'Choose <page-control name="n"></page-control> or $x$.'
    assert first == {"text/markdown": text}


def test_prose_with_a_chart_in_it_is_taken_apart_and_keeps_its_equations(
    tmp_path: Path,
) -> None:
    cell = """
    chart = alt.Chart(pd.DataFrame({"x": [1]})).mark_bar().encode(x="x:Q")
    mo.md(f"Over $x$:\\n\\n{mo.as_html(chart)}\\n\\nUnder.")
    """
    (output,) = shown(written(tmp_path, cell, setup=WITH_CHARTS))
    before, chart, after = output["parts"]
    assert "<math" in before["text/html"]
    assert [*chart] == [VEGA_LITE]
    assert "Under." in after["text/html"]


def test_a_chart_of_marimos_own_is_a_chart_where_nobody_asks_what_is_selected(
    tmp_path: Path,
) -> None:
    cells = [
        "n = mo.ui.slider(1, 2)\nn",
        """
        _frame = pd.DataFrame({"x": [n.value]})
        chart = mo.ui.altair_chart(alt.Chart(_frame).mark_bar().encode(x="x:Q"))
        mo.hstack([chart])
        """,
        "chart",
    ]
    recording = record(written(tmp_path, *cells, setup=WITH_CHARTS), {})
    together, alone = recording.cells.values()
    rows = [{"rows_1": [{"x": 1}]}, {"rows_1": [{"x": 2}]}]
    assert [o["parts"][0][VEGA_LITE]["datasets"] for o in together.outputs] == rows
    assert [o[VEGA_LITE]["datasets"] for o in alone.outputs] == rows


def test_tabs_show_all_that_is_in_them_each_under_its_name(tmp_path: Path) -> None:
    cell = "mo.ui.tabs({'One': mo.md('first'), 'Two': pd.DataFrame({'x': [7]})})"
    (output,) = shown(written(tmp_path, cell, setup=WITH_CHARTS))
    (part,) = output["parts"]
    text = re.sub(r"<.*?>|\s+", " ", part["text/html"]).split()
    assert text == ["One", "first", "Two", "x", "0", "7"]


def test_callouts_and_figures_are_words(tmp_path: Path) -> None:
    cell = "mo.vstack([mo.callout('Mind', kind='warn'), mo.stat(3, label='birds')])"
    (output,) = shown(written(tmp_path, cell))
    (part,) = output["parts"]
    assert re.sub(r"<.*?>|\s+", " ", part["text/html"]).split() == ["Mind", "3", "birds"]


def test_a_long_table_shows_ten_rows_and_says_how_many_there_are(tmp_path: Path) -> None:
    cells = ["n = mo.ui.slider(30, 31)\nn", "pd.DataFrame({'x': range(n.value)})"]
    (played,) = record(written(tmp_path, *cells, setup=WITH_CHARTS), {}).cells.values()
    first, second = played.outputs
    assert first["text/html"].count("<tr>") == 11  # one is of dots
    assert "30 rows" in first["text/html"]
    assert "31 rows" in second["text/html"]


def test_a_cell_that_stops_shows_what_it_stops_with_and_what_follows_nothing(
    tmp_path: Path,
) -> None:
    cells = [
        "on = mo.ui.switch()\non",
        "mo.stop(not on.value, mo.md('off'))\nword = 'on'\nmo.md('is')",
        "mo.md(word)",
    ]
    stopping, following = record(written(tmp_path, *cells), {}).cells.values()
    assert [o["text/markdown"] for o in stopping.outputs] == ["off", "is"]
    assert following.outputs == [{}, {"text/markdown": "on"}]


def test_what_is_stopped_stays_so_until_that_which_stops_it_runs_again(
    tmp_path: Path,
) -> None:
    cells = [
        "on = mo.ui.switch()\nsize = mo.ui.slider(1, 3)\nmo.vstack([on, size])",
        "mo.stop(not on.value)\nword = 'long'",
        "mo.md(f'{word} {size.value}')",
    ]
    (played,) = record(written(tmp_path, *cells), {}).cells.values()
    words = [played.outputs[i].get("text/markdown") for i in played.states]
    assert words == [None, None, None, "long 1", "long 2", "long 3"]


def test_only_what_follows_from_a_control_that_was_moved_runs_again(tmp_path: Path) -> None:
    cells = [
        "a = mo.ui.switch()\nb = mo.ui.slider(1, 3)\nmo.vstack([a, b])",
        "runs.append(a.value)\nrun = len(runs)",
        "mo.md(f'{run} {b.value}')",
    ]
    setup = "import marimo as mo\nruns = []"
    (shown,) = record(written(tmp_path, *cells, setup=setup), {}).cells.values()
    words = [shown.outputs[i]["text/markdown"].split() for i in shown.states]
    assert [b for _, b in words] == ["1", "2", "3"] * 2
    off, on = ({run for run, _ in half} for half in (words[:3], words[3:]))
    assert len(off) == len(on) == 1
    assert off != on


def test_a_dropdown_tells_which_of_its_keys_is_chosen(tmp_path: Path) -> None:
    cells = [
        "pick = mo.ui.dropdown({'sine': math.sin, 'cosine': math.cos}, value='sine')\npick",
        "mo.md(f'{pick.selected_key} of 0 is {pick.value(0)}')",
    ]
    notebook = written(tmp_path, *cells, setup="import math\nimport marimo as mo")
    assert told(record(notebook, {}), "sine") == {
        ("sine",): "sine of 0 is 0.0",
        ("cosine",): "cosine of 0 is 1.0",
    }


def test_some_subsets_of_a_multiselect_are_a_choice(tmp_path: Path) -> None:
    cells = ["it = mo.ui.multiselect(['a', 'b'])\nit", "mo.md(f'{it.value}')"]
    control = record(written(tmp_path, *cells), {"it": [[], ["a", "b"]]}).controls["it"]
    assert (control.kind, control.words) == ("choice", ["–", "a, b"])
    whole = record(written(tmp_path, *cells), {"it": "all"}).controls["it"]
    assert (whole.kind, len(whole.places)) == ("several", 4)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (
            ["get, put = mo.state(0)", "get()"],
            "makes 'get', a mo.state, which a page can't",
        ),
        (
            ["a = mo.ui.slider(1, 3)\na", "b = mo.ui.slider(1, a.value + 1)\nb"],
            "makes 'b' anew when 'a' is moved",
        ),
        (["mo.vstack([mo.ui.slider(1, 3)])"], "shows a slider that no variable holds"),
        (["_n = mo.ui.slider(1, 3)\n_n"], "shows a slider that no variable holds"),
        (["mo.vstack([mo.ui.text()])"], "shows a text that no variable holds"),
        (["mo.mermaid('graph TD')"], "shows marimo-mermaid, which a page can't"),
    ],
)
def test_what_a_page_cannot_show_is_refused_by_name(
    tmp_path: Path, cells: list[str], why: str
) -> None:
    with pytest.raises(NotRecordable, match=r"notebook\.py: the cell '") as refused:
        record(written(tmp_path, *cells), {})
    assert why in str(refused.value)
