"""From marimo's export to a page: what is taken over, left out, and refused by name."""

import json
import random
import re
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import repository
from blog.inputs import input_of
from blog.notebook import Notebook, of_chapter, of_file
from blog.page import NotPublishable, Page, check_sizes, page_of
from blog.recording import Control, Played, Recording
from chapters import Chapter

OPENING = "# 9 · A chapter\n\n**Does it?**\n\nIt does."
STATIC = {"description": "a line", "mark": "line"}
MOVABLE = {
    "description": "a line to move",
    "params": [
        {"name": "rate", "value": 1, "bind": {"input": "range", "min": 0, "max": 2}}
    ],
}
VEGA_LITE = "application/vnd.vegalite.v6+json"
SLIDER = (
    "<marimo-ui-element object-id='a'>"
    "<marimo-slider data-start='1'></marimo-slider>"
    "</marimo-ui-element>"
)


@pytest.fixture
def chapter(tmp_path: Path) -> Notebook:
    chapter = Chapter(
        tmp_path / "09_a_chapter.py",
        "9 · A chapter",
        "Does it?",
        "All about it.",
        date(2026, 3, 9),
        built="nothing",
        charts=1,
        explorers=[["rate"]],
        switches=0,
        predictions=0,
        exercises=0,
        measures=[],
    )
    return of_chapter(chapter)


def output(**data: Any) -> NotebookNode:
    names = {"html": "text/html", "markdown": "text/markdown", "chart": VEGA_LITE}
    kinds = {names.get(name, name): value for name, value in data.items()}
    made: NotebookNode = new_output("display_data", kinds)
    return made


def cell(
    *outputs: NotebookNode, source: str = "show(it)", hidden: bool = True
) -> NotebookNode:
    tags = {"tags": ["remove-input"]} if hidden else {}
    made: NotebookNode = new_code_cell(source, outputs=list(outputs), metadata=tags)
    return made


EXPLORER = cell(output(chart=json.dumps(MOVABLE)), source="explorer")


def page(chapter: Notebook, *cells: NotebookNode) -> Page:
    return page_of(
        chapter, new_notebook(cells=[new_markdown_cell(OPENING), *cells, EXPLORER])
    )


def texts(page: Page) -> list[str]:
    """What stands between the opening and the explorer."""
    return [cell.source for cell in page.notebook.cells[1:-1]]


# What a page says of itself.


def test_a_page_tells_what_it_is_about(chapter: Notebook) -> None:
    made = page(chapter)
    assert made.notebook.metadata["myst"]["html_meta"]["description"] == "All about it."


def test_the_day_and_the_minutes_stand_under_the_heading(chapter: Notebook) -> None:
    lines = page(chapter).notebook.cells[0].source.splitlines()
    assert lines[0] == "# 9 · A chapter"
    assert '<time datetime="2026-03-09">9 March 2026</time>' in lines[3]
    assert "wordcount-minutes" in lines[3]
    assert "**Does it?**" in lines


def test_a_chapter_links_to_its_source_where_there_is_an_address(
    chapter: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "url", lambda: "")
    assert "](" not in page(chapter).notebook.cells[0].source
    monkeypatch.setattr(repository, "url", lambda: "https://github.com/me/mine")
    file = f"me/mine/blob/main/notebooks/{chapter.file.name}"
    byline = page(chapter).notebook.cells[0].source
    assert f" · [source](https://github.com/{file})" in byline
    assert f" · [open in molab](https://molab.marimo.io/github/{file})" in byline


def test_a_chapter_that_shows_something_before_its_heading_is_refused(
    chapter: Notebook,
) -> None:
    started = new_notebook(cells=[new_markdown_cell("Hello."), EXPLORER])
    with pytest.raises(
        NotPublishable, match=r"09_a_chapter\.py must show '# 9 · A chapter'"
    ):
        page_of(chapter, started)


def test_a_chapter_without_an_explorer_is_refused(chapter: Notebook) -> None:
    with pytest.raises(
        NotPublishable, match=r"09_a_chapter\.py must have a chart with sliders"
    ):
        page_of(chapter, new_notebook(cells=[new_markdown_cell(OPENING)]))


def test_the_same_export_gives_the_same_page_to_the_byte(chapter: Notebook) -> None:
    cells = [
        new_markdown_cell("words"),
        cell(output(chart=json.dumps(STATIC)), hidden=False),
    ]
    one, other = (nbformat.writes(page(chapter, *cells).notebook) for _ in range(2))
    assert one == other


# Charts.


@pytest.mark.parametrize("kind", [VEGA_LITE, "application/vnd.vega.v6+json"])
@pytest.mark.parametrize("write", [json.dumps, dict])
def test_a_chart_becomes_a_directive_and_a_specification(
    chapter: Notebook, kind: str, write: Any
) -> None:
    made = page(chapter, cell(new_output("display_data", {kind: write(STATIC)})))
    assert texts(made) == ["```{chart} 09-a-chapter-01\n```"]
    assert made.charts == {"09-a-chapter-01": STATIC, "09-a-chapter-02": MOVABLE}
    assert made.explorer == "09-a-chapter-02"


def test_a_chart_that_comes_twice_is_one(chapter: Notebook) -> None:
    twice = [cell(output(chart=json.dumps(STATIC))) for _ in range(2)]
    made = page(chapter, *twice)
    assert texts(made) == ["```{chart} 09-a-chapter-01\n```"] * 2
    assert len(made.charts) == 2


def test_a_chart_without_a_description_is_refused(chapter: Notebook) -> None:
    with pytest.raises(
        NotPublishable, match=r"09_a_chapter.*'show\(it\)'.*without a description"
    ):
        page(chapter, cell(output(chart='{"mark": "line"}')))


# Text.


def test_code_in_sight_stays_and_hidden_code_does_not(chapter: Notebook) -> None:
    made = page(chapter, cell(source="seen", hidden=False), cell(source="hidden"))
    assert texts(made) == ["seen"]


def test_a_value_stands_under_its_code(chapter: Notebook) -> None:
    shown = output(html="<pre class='text-xs'>a &lt; b</pre>")
    made = page(chapter, cell(shown, source="a", hidden=False))
    (code,) = made.notebook.cells[1:-1]
    assert code.source == "a"
    assert code.outputs[0].data == {"text/plain": "a < b"}


def test_a_value_of_hidden_code_is_shown_without_it(chapter: Notebook) -> None:
    made = page(chapter, cell(output(html="<pre class='text-xs'>7</pre>")))
    (code,) = made.notebook.cells[1:-1]
    assert code.metadata.tags == ["remove-input"]
    assert code.outputs[0].data == {"text/plain": "7"}


def test_a_list_is_shown_as_text(chapter: Notebook) -> None:
    made = page(chapter, cell(new_output("display_data", {"application/json": "[1, 2]"})))
    assert made.notebook.cells[1].outputs[0].data == {"text/plain": "[1, 2]"}


def test_computed_markdown_is_prose_with_headings_of_its_own(chapter: Notebook) -> None:
    assert texts(page(chapter, cell(output(markdown="It is 3.\n\n### Next")))) == [
        "It is 3.\n\n### Next"
    ]


def test_a_data_frame_stays_a_table(chapter: Notebook) -> None:
    table = '<table border="1"><tr><td>1</td></tr></table>'
    (text,) = texts(page(chapter, cell(output(html=table))))
    # Which the keyboard can scroll where it is wider than the screen.
    made = BeautifulSoup(text, "html.parser").select_one("div.table-wrapper > table")
    assert made is not None
    assert [c.get_text() for c in made.find_all("td")] == ["1"]


def test_folded_text_stays_folded_with_its_listing(chapter: Notebook) -> None:
    folded = (
        "/// details | Why <so>?\n\nBecause:\n\n```python\nif a < b:\n    ...\n```\n\n///"
    )
    (text,) = texts(page(chapter, cell(output(markdown=folded))))
    assert text == (
        "<details>\n<summary>Why &lt;so&gt;?</summary>\n\n"
        "Because:\n\n```python\nif a < b:\n    ...\n```\n\n</details>"
    )


def test_an_admonition_becomes_mysts(chapter: Notebook) -> None:
    made = page(chapter, new_markdown_cell("/// admonition | Note\n\nMind.\n\n///"))
    assert texts(made) == [":::{admonition} Note\nMind.\n:::"]


def test_a_block_of_another_kind_is_refused(chapter: Notebook) -> None:
    with pytest.raises(NotPublishable, match="'/// tab'"):
        page(chapter, new_markdown_cell("/// tab | One\n\nWords.\n\n///"))


def test_what_only_a_kernel_can_tell_is_left_out(chapter: Notebook) -> None:
    told = 'At 0.9. <span class="kernel-only">Your guess of 0.3\nwas low.</span> So.'
    assert texts(page(chapter, cell(output(markdown=told)))) == ["At 0.9.  So."]


def test_a_verdict_on_an_exercise_is_left_out(chapter: Notebook) -> None:
    verdict = "/// attention | Not yet\n    attrs: {class: live-only}\n\nWrite.\n\n///"
    solved = "/// details | Solution\n\nSo.\n\n///"
    made = page(chapter, cell(output(markdown=f"{verdict}\n\n{solved}")))
    assert texts(made) == ["<details>\n<summary>Solution</summary>\n\nSo.\n\n</details>"]


def test_an_output_of_an_unknown_kind_is_refused(chapter: Notebook) -> None:
    with pytest.raises(NotPublishable, match="shows video/mp4"):
        page(chapter, cell(new_output("display_data", {"video/mp4": ""})))


# Cells that fail.


def error(name: str, value: str, traceback: list[str]) -> NotebookNode:
    made: NotebookNode = new_output("error", ename=name, evalue=value, traceback=traceback)
    return made


def test_the_cell_that_raised_is_named_not_those_that_needed_it(chapter: Notebook) -> None:
    with pytest.raises(NotPublishable) as refused:
        page(
            chapter,
            cell(error("Ancestor raised", "An ancestor raised", []), source="needs(it)"),
            cell(
                error("ZeroDivisionError", "division by zero", ["line 1"]),
                source="it = 1 / 0",
            ),
        )
    assert str(refused.value) == (
        "09_a_chapter.py: the cell 'it = 1 / 0' raises ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_cell_that_prints_or_warns_is_named(chapter: Notebook, stream: str) -> None:
    warned = new_output("stream", name=stream, text="UserWarning: careful\n")
    with pytest.raises(NotPublishable, match=f"writes to {stream}: UserWarning: careful"):
        page(chapter, cell(warned))


# What is recorded.

CONTROLS = {
    "rate": Control("rate", "range", "the `rate`", [0.1, 0.5], ["0.1", "0.5"], 1, [0, 1]),
    "wrong": Control(
        "wrong", "switch", "go wrong", [False, True], ["off", "on"], 0, [False, True]
    ),
    "data": Control("data", "choice", "data", ["a", "b"], ["A", "B"], 0, [["A"], ["B"]]),
    "still": Control("still", "range", "epochs", [1, 2], ["1", "2"], 1, [1, 2]),
}


def recording(*outputs: dict[str, Any], **shown: list[str]) -> Recording:
    """Of a cell `follows` at two places of the rate, and of cells that show controls."""
    names = ["rate", "wrong", "data"]
    also = {name: Played([name], [0, 0], [outputs[0]]) for name in names[1:]}
    cells = {"follows": Played(["rate"], [1, 0], [*outputs]), **also}
    return Recording(CONTROLS, shown, cells, 0.0)


def recorded(chapter: Notebook, shown: NotebookNode, *outputs: dict[str, Any]) -> Page:
    shown["id"] = "follows"
    notebook = new_notebook(cells=[new_markdown_cell(OPENING), shown, EXPLORER])
    return page_of(chapter, notebook, recording(*outputs))


def test_words_that_follow_from_a_control_are_kept_for_each_state(
    chapter: Notebook,
) -> None:
    first, second = "/// details | Why?\n\nOne.\n\n///", "Two."
    made = recorded(
        chapter,
        cell(output(markdown=first)),
        {"text/markdown": first},
        {"text/markdown": second},
    )
    assert texts(made) == ["```{recorded} 09-a-chapter-follows\n```"]
    (content,) = made.recorded.values()
    assert content["controls"] == [{"name": "rate", "places": 2}]
    assert content["states"] == [1, 0]
    folded, plain = content["words"]
    assert folded.startswith("<details>\n<summary>Why?</summary>")
    assert plain == "Two."


def spec(
    rows: list[Any], words: str, top: float = 1.0, mark: str = "line"
) -> dict[str, Any]:
    return {
        "description": words,
        "mark": mark,
        "datasets": {"line": rows, "ghosts": [{"x": 0}]},
        "params": [{"name": "top", "value": top}, {"name": "low", "value": 0}],
    }


def test_of_a_chart_only_what_differs_is_kept(chapter: Notebook) -> None:
    specs = [
        spec([{"x": 1, "hue": 0}, {"x": 2, "hue": 0}], "one"),
        spec([{"x": 3, "hue": 0}], "two", top=5.0),
        spec([], "three", mark="bar"),
    ]
    made = recorded(
        chapter, cell(output(chart=json.dumps(specs[0]))), *({VEGA_LITE: s} for s in specs)
    )
    assert texts(made) == [
        "```{chart} 09-a-chapter-01\n:recorded: 09-a-chapter-follows\n```"
    ]
    (content,) = made.recorded.values()
    assert content["kinds"] == [specs[2]]
    one, two, three = content["charts"]
    assert one == {
        "kind": 0,
        "description": "one",
        "data": {"line": [2, {"x": [1, 2], "hue": 0}]},
        "params": {"top": 1.0},
    }
    assert two["data"] == {"line": [1, {"x": 3, "hue": 0}]}
    assert two["params"] == {"top": 5.0}
    assert three == {"kind": 1, "description": "three", "data": {}, "params": {}}


def test_a_chart_that_is_another_one_when_it_is_recorded_is_refused(
    chapter: Notebook,
) -> None:
    opened, played = spec([], "one"), spec([{"x": 1}], "one")
    with pytest.raises(NotPublishable, match="shows another chart when it is recorded"):
        recorded(
            chapter,
            cell(output(chart=json.dumps(opened))),
            {VEGA_LITE: played},
            {VEGA_LITE: opened},
        )


def test_a_cell_that_shows_a_chart_here_and_words_there_is_refused(
    chapter: Notebook,
) -> None:
    chart = spec([], "one")
    with pytest.raises(NotPublishable, match="a chart at some places, and words at others"):
        recorded(
            chapter,
            cell(output(chart=json.dumps(chart))),
            {VEGA_LITE: chart},
            {"text/markdown": "None."},
        )


@pytest.mark.parametrize(
    ("many", "length", "words"),
    [(1, 200_000, "follows from rate"), (4, 90_000, "recordings take")],
)
def test_recordings_that_are_too_large_are_refused_with_their_size(
    chapter: Notebook, many: int, length: int, words: str
) -> None:
    noise = "".join(random.Random(0).choices("0123456789abcdef", k=length))
    content = {"controls": [{"name": "rate"}], "words": [noise]}
    with pytest.raises(NotPublishable, match=words) as refused:
        check_sizes(chapter, {str(i): content for i in range(many)})
    assert re.search(r"\d\d,\d{3} bytes", str(refused.value))
    assert "[places]" in str(refused.value)


def test_controls_stand_where_the_notebook_has_them(chapter: Notebook) -> None:
    shown = cell(output(html=SLIDER))
    shown["id"] = "panel"
    said = {"text/markdown": "."}
    names = ["wrong", "rate", "data", "still"]
    notebook = new_notebook(cells=[new_markdown_cell(OPENING), shown, EXPLORER])
    made = page_of(chapter, notebook, recording(said, said, panel=names))
    (text,) = texts(made)
    panel = BeautifulSoup(text, "html.parser").select_one("div.controls")
    assert panel is not None
    assert panel["id"] == "wrong"
    switch, slider, choice = panel.select("input, select")
    assert (switch["role"], switch.get("checked")) == ("switch", None)
    assert (slider["max"], slider["value"], slider["aria-valuetext"]) == ("1", "1", "0.5")
    assert [option.text for option in choice.select("option")] == ["A", "B"]
    labels = [label.get_text(" ", strip=True) for label in panel.select("label")]
    assert labels == ["go wrong", "the rate 0.5", "data A B"]
    assert panel.code is not None
    # What is not recorded is said, and can't be moved.
    assert panel.select("p")[0].get_text(" ", strip=True) == "epochs 2"


# Other notebooks than the series'.


def other(*cells: NotebookNode) -> Page:
    exported = new_notebook(cells=[*cells])
    return page_of(of_file(Path("my_waves.py"), exported), exported)


def test_another_notebook_is_called_by_its_first_heading_wherever_that_stands() -> None:
    made = other(
        cell(source="import math", hidden=False),
        new_markdown_cell("# *My* waves\n\nThey **meet** [here](x.md).\n\nAnd part."),
    )
    assert (made.of.heading, made.of.description) == ("*My* waves", "They meet here.")
    sources = [c.source for c in made.notebook.cells]
    assert sources[:2] == ["# *My* waves\n", "import math"]
    assert "# " not in sources[2]


def test_one_without_a_heading_is_called_by_its_file() -> None:
    made = other(new_markdown_cell("They meet."))
    assert made.notebook.cells[0].source == "# My waves\n"
    assert made.of.slug == "my-waves"


def test_a_chart_of_another_notebook_is_described_by_its_title_and_what_it_draws() -> None:
    plain = {"title": "Meeting", "mark": "line", "encoding": {"x": {"field": "t"}}}
    (spec,) = other(cell(output(chart=json.dumps(plain)))).charts.values()
    assert spec["description"] == "Meeting. A chart of t"
    assert spec["config"]["background"] == "transparent"  # so that it follows the theme


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (
            output(chart='{"mark": "bar", "data": {"url": "https://a.example/cars.json"}}'),
            "loads https://a.example/cars.json",
        ),
        (output(markdown="![a cat](https://a.example/cat.png)"), "loads https://a.example"),
        (output(html='<img src="//a.example/cat.png">'), "asks another site"),
    ],
)
def test_what_would_be_loaded_from_elsewhere_is_refused(
    shown: NotebookNode, why: str
) -> None:
    with pytest.raises(NotPublishable, match=re.escape(why)):
        other(cell(shown))


def test_a_cell_that_was_stopped_shows_nothing() -> None:
    stopped = error("ancestor-stopped", "It was stopped.", [])
    (heading,) = other(cell(stopped)).notebook.cells
    assert heading.source == "# My waves\n"


def played(*outputs: dict[str, Any]) -> Page:
    """Another notebook, of which one cell shows these at the places of a rate."""
    chart = outputs[0].get(VEGA_LITE)
    shown = cell(output(chart=chart) if chart else output(html="<marimo-slider/>"))
    shown["id"] = "mixed"
    exported = new_notebook(cells=[shown])
    states = [*range(len(outputs))] if len(outputs) > 1 else [0]
    names = ["rate"] if len(outputs) > 1 else []
    also = {"still": Played(["wrong"], [0, 1], [{"text/markdown": "a"}, {}])}
    mixed = {"mixed": Played(names, states, [*outputs])}
    recording = Recording(CONTROLS, {}, {**mixed, **also}, 0.0)
    return page_of(of_file(Path("my_waves.py"), exported), exported, recording)


def words(text: str) -> dict[str, Any]:
    return {"text/html": f"<p>{text}</p>"}


def test_what_stands_together_is_played_part_by_part() -> None:
    controls = [{"control": "wrong"}, {"control": "rate"}]
    states = [("one", "here"), ("two", "here"), ("one", "there")]
    made = played(
        *(
            {"parts": [*controls, words("fixed"), words(a), {"text/plain": b}]}
            for a, b in states
        )
    )
    _, panel, same, one, two = [c.source for c in made.notebook.cells]
    assert [tag["name"] for tag in BeautifulSoup(panel, "html.parser").select("input")] == [
        "wrong",
        "rate",
    ]
    assert same == "<p>fixed</p>"
    assert one == "```{recorded} my-waves-mixed-4\n```"
    assert two == "```{recorded} my-waves-mixed-5\n```"
    first, second = made.recorded.values()
    assert (first["states"], first["words"]) == ([0, 1, 0], ["<p>one</p>", "<p>two</p>"])
    assert second["states"] == [0, 0, 1]


def test_a_chart_with_dates_is_drawn_anew_since_vega_reads_them_as_it_loads() -> None:
    def chart(rows: list[Any], kind: str) -> dict[str, Any]:
        encoding = {"x": {"field": "day", "type": kind}}
        return {VEGA_LITE: {"mark": "line", "encoding": encoding, "datasets": {"a": rows}}}

    for kind in ("temporal", "quantitative"):
        made = played(chart([{"day": 1}], kind), chart([{"day": 2}], kind))
        (content,) = made.recorded.values()
        assert content.get("anew", False) == (kind == "temporal")


def test_a_control_within_a_sentence_stands_there() -> None:
    sentence = 'It goes <page-control name="wrong"></page-control> here.'
    made = played({"text/markdown": sentence})
    text = made.notebook.cells[1].source
    assert text.startswith('It goes <span class="controls within" id="wrong">')
    assert 'role="switch"' in text
    assert text.endswith("</span> here.")


def test_a_control_within_words_that_change_is_refused() -> None:
    sentence = '<page-control name="rate"></page-control> is {}.'
    with pytest.raises(NotPublishable, match="a control within words that change"):
        played({"text/markdown": sentence + "1"}, {"text/markdown": sentence + "2"})


def test_words_are_shown_where_another_state_has_more_of_them() -> None:
    made = played({"parts": [words("a"), {"text/plain": "b"}]}, words("none"))
    assert made.recorded["my-waves-mixed"]["words"] == [
        "<p>a</p>\n\n```\nb\n```",
        "<p>none</p>",
    ]


@pytest.mark.parametrize(
    ("kind", "sent", "words", "start", "inputs"),
    [
        ("radio", ["a", "b"], ["a", "b"], 1, [("radio", "0", False), ("radio", "1", True)]),
        ("radio", [None, "a"], ["–", "a"], 0, [("radio", "1", False)]),
        (
            "several",
            [[], ["a"], ["b"], ["a", "b"]],
            ["–", "a", "b", "a, b"],
            2,
            [("checkbox", "1", False), ("checkbox", "2", True)],
        ),
        (
            "span",
            [[0, 0], [0, 5], [5, 5]],
            ["0 to 0", "0 to 5", "5 to 5"],
            1,
            [("range", "0", False), ("range", "1", False)],
        ),
    ],
)
def test_a_control_of_several_inputs_is_one_group_with_its_name_and_its_words(
    kind: str,
    sent: list[Any],
    words: list[str],
    start: int,
    inputs: list[tuple[str, str, bool]],
) -> None:
    control = Control("it", kind, "**it**", words, words, start, sent)
    group = BeautifulSoup(input_of(control), "html.parser").select_one("fieldset")
    assert group is not None
    assert (group["name"], group["class"]) == ("it", [kind])
    assert json.loads(str(group["data-words"])) == words
    assert str(group.legend) == "<legend><strong>it</strong></legend>"
    assert [
        (one["type"], one["value"], one.has_attr("checked"))
        for one in group.select("input")
    ] == inputs
