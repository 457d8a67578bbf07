"""A chapter declares itself once, and each mistake in that is told by the file's name."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import chapters
import repository
from chapters import Chapter, Live, NotDeclared, ToCome, found, to_come

DAY = '<meta property="article:published_time" content="2026-03-09">\n'
WORDS = '<meta name="description" content="All &amp; more.">\n'
TOML = """
built = "nothing"
charts = 2
explorers = [["rate"], ["size", "rate"]]
switches = 1
predictions = 0
exercises = 4
measures = ["loader"]
"""
LIVE = '[live]\nslider = "rate"\ncharts = { "draw(it)" = "it" }\n'
NOTEBOOK = '''app = marimo.App()

@app.cell
def _():
    mo.md(r"""
    # 9 · A title

    **Does it?**

    It does.
    """)
'''


def head(toml: str = TOML, meta: str = DAY + WORDS) -> str:
    return f'{meta}<script type="application/toml">{toml}</script>\n'


def write(folder: Path, said: str, name: str = "09_a_title") -> None:
    (folder / f"{name}.py").write_text(NOTEBOOK, "utf-8")
    (folder / f"{name}.head.html").write_text(said, "utf-8")


def test_a_chapter_is_found_from_its_notebook_and_the_file_beside_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, head(TOML + LIVE))
    chapter = Chapter(
        tmp_path / "09_a_title.py",
        "9 · A title",
        "Does it?",
        "All & more.",
        date(2026, 3, 9),
        built="nothing",
        charts=2,
        explorers=[["rate"], ["size", "rate"]],
        switches=1,
        predictions=0,
        exercises=4,
        measures=["loader"],
        live=Live("rate", {"draw(it)": "it"}),
    )
    assert found(tmp_path) == {9: chapter}
    assert (chapter.number, chapter.slug) == (9, "09-a-title")
    assert chapter.title == "A title"


def test_a_live_section_is_a_chapters_choice(tmp_path: Path) -> None:
    write(tmp_path, head())
    assert found(tmp_path)[9].live is None


def test_chapters_come_in_their_order_and_a_draft_is_none(tmp_path: Path) -> None:
    (tmp_path / "draft.py").write_text("a notebook")
    for number in (11, 2, 1):
        write(tmp_path, head(), f"{number:02}_x")
        notebook = tmp_path / f"{number:02}_x.py"
        notebook.write_text(NOTEBOOK.replace("# 9", f"# {number}"), "utf-8")
    assert [*found(tmp_path)] == [1, 2, 11]


FIELDS = [
    "built",
    "charts",
    "explorers",
    "switches",
    "predictions",
    "exercises",
    "measures",
]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_missing_is_named(tmp_path: Path, field: str) -> None:
    write(tmp_path, head(re.sub(f"{field} = .*", "", TOML)))
    with pytest.raises(NotDeclared, match=rf"^09_a_title\.head\.html must declare {field}"):
        found(tmp_path)


@pytest.mark.parametrize(("field", "meta"), [("published", WORDS), ("description", DAY)])
def test_a_tag_that_is_missing_is_named(tmp_path: Path, field: str, meta: str) -> None:
    write(tmp_path, head(meta=meta))
    with pytest.raises(NotDeclared, match=f"head.html must declare {field}: .*<meta "):
        found(tmp_path)


def test_a_field_that_there_is_not_is_named(tmp_path: Path) -> None:
    write(tmp_path, head(f"{TOML}switchs = 3\n"))
    with pytest.raises(NotDeclared, match=r"head\.html declares 'switchs', .*, switches,"):
        found(tmp_path)


def test_what_stands_in_a_tag_does_not_stand_in_the_block_too(tmp_path: Path) -> None:
    write(tmp_path, head(f'{TOML}description = "Other words."\n'))
    with pytest.raises(NotDeclared, match=r"head\.html must declare description in <meta>"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("built = .*", 'built = " "', "built must be a text, got ' '"),
        ("charts = .*", 'charts = "two"', "charts must be a whole number, got 'two'"),
        ("switches = .*", "switches = -1", "switches must be a whole number, got -1"),
        ("switches = .*", "switches = true", "switches must be a whole number, got True"),
        ("exercises = .*", "exercises = 1.5", "exercises must be a whole number, got 1.5"),
        ("explorers = .*", 'explorers = ["rate"]', "explorers must be for each the names"),
        ("explorers = .*", "explorers = [[]]", "explorers must be for each the names"),
        ("measures = .*", "measures = [1]", "measures must be a list of jobs"),
        ("slider = .*", "", "live must be a table of `slider` and `charts`"),
        ("charts = {.*", "charts = {}", "live must be a table of `slider` and `charts`"),
        ("charts = {.*", "charts = { a = 1 }", "live must be a table of `slider` and"),
        ("2026-03-09", "2026-02-30", "published must be a day, .*, got '2026-02-30'"),
        ("2026-03-09", "20260309", "published must be a day, .*, got '20260309'"),
        ("2026-03-09", "soon", "published must be a day, .*, got 'soon'"),
        ("All.*more.", "", "description must be a text, .*, got ''"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_words(
    tmp_path: Path, right: str, wrong: str, words: str
) -> None:
    said = re.sub(right, wrong, whole := head(TOML + LIVE))
    assert said != whole
    write(tmp_path, said)
    with pytest.raises(NotDeclared, match=rf"^09_a_title\.head\.html: {words}"):
        found(tmp_path)


def test_a_block_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, head("charts = \n"))
    with pytest.raises(
        NotDeclared, match=r"head\.html has a mistake in its TOML: .*line 1"
    ):
        found(tmp_path)


def test_a_notebook_without_a_declaration_is_named(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / "09_a_title.head.html").unlink()
    missing = r"09_a_title\.py must have 09_a_title\.head\.html beside it"
    with pytest.raises(NotDeclared, match=missing):
        found(tmp_path)


def test_a_declaration_without_a_notebook_is_named(tmp_path: Path) -> None:
    write(tmp_path, head())
    (tmp_path / "09_a_title.py").unlink()
    missing = r"09_a_title\.head\.html must have 09_a_title\.py beside it"
    with pytest.raises(NotDeclared, match=missing):
        found(tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("# 9 ", "# 8 "), (r"\*\*Does it\?\*\*", ""), ("# 9 · A title", "")],
)
def test_a_notebook_that_does_not_say_its_number_and_question_is_named(
    tmp_path: Path, right: str, wrong: str
) -> None:
    write(tmp_path, head())
    (tmp_path / "09_a_title.py").write_text(re.sub(right, wrong, NOTEBOOK), "utf-8")
    opening = r"09_a_title\.py must start with '# 9 · Title' and '\*\*Question\?\*\*'"
    with pytest.raises(NotDeclared, match=opening):
        found(tmp_path)


@pytest.mark.parametrize("name", ["9_a_title", "09-a-title"])
def test_a_name_without_two_digits_and_a_word_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, head(), name)
    with pytest.raises(NotDeclared, match=rf"{name}\.py must be named like 01_linear"):
        found(tmp_path)


def test_a_number_is_given_once(tmp_path: Path) -> None:
    for name in ("09_a_title", "09_b_title"):
        write(tmp_path, head(), name)
    with pytest.raises(
        NotDeclared, match=r"09_b_title\.py has the number of 09_a_title\.py"
    ):
        found(tmp_path)


def test_a_chapter_is_to_come_until_its_notebook_is_there(tmp_path: Path) -> None:
    (tmp_path / "to_come.toml").write_text('8 = ["A", "B?"]\n9 = ["C", "D?"]\n', "utf-8")
    first, second = ToCome(8, "A", "B?"), ToCome(9, "C", "D?")
    assert to_come(tmp_path) == [first, second]
    write(tmp_path, head())
    found.cache_clear()
    assert to_come(tmp_path) == [first]
    assert "| 8 | A, *to come* | B? | |\n" in chapters.table({}, [first])


def test_nothing_is_to_come_where_nothing_was_announced(tmp_path: Path) -> None:
    assert to_come(tmp_path) == []


def test_the_readmes_table_is_the_chapters_own() -> None:
    shown = chapters.TABLE.findall(readme := chapters.README.read_text("utf-8"))
    assert len(shown) == 1
    say = "write it anew: .venv/bin/python -m chapters"
    assert chapters.table(found(), to_come()) in readme, say
    assert chapters.copy() in readme, say
    assert ("git clone" in readme) is bool(chapters.copy()), say


def test_the_readmes_table_is_written_from_the_chapters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "README.md"
    monkeypatch.setenv("REPOSITORY_URL", "https://github.com/me/mine")
    start = "You need Python 3.\n\n"
    before = start + "| | chapter | x |\n| - | - | - |\n| 1 | old | x |\n"
    after = "\n| module | what |\n| - | - |\n"
    file.write_text(before + after, "utf-8")
    monkeypatch.setattr(chapters, "README", file)
    chapters.main()
    written = file.read_text("utf-8")
    copy = "```sh\ngit clone https://github.com/me/mine\ncd mine\n```\n\n"
    assert written == f"{copy}{start}{chapters.table(found(), to_come())}{after}"
    chapters.main()
    assert file.read_text("utf-8") == written
    monkeypatch.delenv("REPOSITORY_URL")
    monkeypatch.setattr(repository, "url", lambda: "")
    chapters.main()
    assert file.read_text("utf-8") == written.removeprefix(copy)
    for chapter in found().values():
        assert f"| {chapter.number} | [{chapter.title}](notebooks/" in written


def test_reading_the_declarations_loads_nothing_heavy() -> None:
    program = "import sys, chapters; chapters.found(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=chapters.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "chapters" in loaded
    assert loaded & {"torch", "marimo", "altair", "pandas", "bs4", "nbformat"} == set()
