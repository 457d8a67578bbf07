"""The notebooks' furniture: listings are the source, a blank exercise never passes."""

import ast
import contextlib
import copy
import inspect
import json
import math
import pickle
import re
import textwrap
from pathlib import Path
from typing import Any

import marimo as mo
import pytest
import torch

import groundup
from groundup import NaiveTrainer, NaiveTrainerConfig, charts, notebook
from tests.serving import export

LISTED = [
    *(
        thing
        for thing in vars(groundup).values()
        if inspect.isclass(thing) or inspect.isfunction(thing)
    ),
    NaiveTrainer.train,
    charts.diverged_at,
    notebook.exercise,
]


def is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def syntax(source: str) -> str:
    """Return a tree without docstrings, but the first line of those that stand alone."""
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            words = ast.Expr(ast.Constant((ast.get_docstring(node) or "").split("\n")[0]))
            node.body = [s for s in node.body if not is_text(s)] or [words]
    return ast.dump(tree)


@pytest.mark.parametrize("thing", LISTED, ids=lambda thing: thing.__qualname__)
def test_a_listing_is_the_source_without_its_docstrings(thing: Any) -> None:
    listing = notebook.code_of(thing)
    assert ast.dump(ast.parse(listing)) == syntax(inspect.getsource(thing))


def test_a_listing_keeps_comments_and_leaves_no_gaps() -> None:
    listing = notebook.code_of(NaiveTrainer)
    assert "# 1. zero the gradients" in listing
    assert "\n\n\n" not in listing
    assert ":\n\n" not in listing
    assert listing == listing.strip("\n")


def test_a_listing_keeps_what_a_hook_is_for_and_a_texts_blank_lines() -> None:
    listing = notebook.code_of(Observed)
    assert listing.splitlines() == [
        "class Observed:",
        "    def hook(self) -> None:",
        '        """Do what is to be done when something is seen."""',
        "",
        "    def text(self) -> str:",
        '        return """one:',
        "",
        '        two"""',
    ]


class Observed:
    """Not in the listing."""

    def hook(self) -> None:
        """Do what is to be done when something is seen.

        Neither is this.
        """

    def text(self) -> str:
        """Nor this."""
        return """one:

        two"""


def test_a_listing_is_shown_as_python() -> None:
    shown = notebook.source(NaiveTrainerConfig, NaiveTrainer.train).text
    assert "language-python" in shown
    for line in ("epochs", "learning_rate", "backward"):
        assert line in shown
    assert "How often the model sees all the data" not in shown


def test_a_numbered_listing_counts_its_lines_from_one() -> None:
    shown = f"{notebook.numbered(NaiveTrainer.train)}".splitlines()[1:-1]
    code = notebook.code_of(NaiveTrainer.train).splitlines()
    assert shown == [f"{i:>2}  {line}" for i, line in enumerate(code, 1)]


SETUP = """import torch
from torch import nn

# Why.
torch.set_num_threads(1)"""


@pytest.mark.parametrize(
    "file",
    [
        "app = marimo.App()\n\nwith app.setup(hide_code=True):\n"
        + textwrap.indent(SETUP, "    ")
        + "\n\n\n@app.cell\ndef _():\n    return\n",
        '__generated_with = "0.25.2"\n\n# %%\n' + SETUP + "\n\n# %%\nprint(1)\n",
    ],
    ids=["of a notebook", "of the script that marimo exports"],
)
def test_the_imports_are_the_setup_cells_code(file: str, tmp_path: Path) -> None:
    assert notebook.setup_of(file) == SETUP
    path = tmp_path / "notebook.py"
    path.write_text(file, "utf-8")
    called = eval("notebook.imports()", {"notebook": notebook, "__file__": str(path)})
    assert f"```python\n{SETUP}\n```" in called._repr_markdown_()
    assert called._repr_markdown_().startswith("/// details | The imports")


def test_a_diff_marks_what_went_and_what_came() -> None:
    shown = notebook.diff("same\nold\nlast", "same\nnew\nlast").text
    assert re.findall(r'<span class="gd">(.*?)</span>', shown) == ["-old"]
    assert re.findall(r'<span class="gi">(.*?)</span>', shown) == ["+new"]
    assert "same" in shown
    assert "last" in shown


def test_a_diff_of_indented_lines_has_no_empty_ones() -> None:
    shown = notebook.diff("def f():\n    old\n    same", "def f():\n    new\n    same")
    (listing,) = re.findall(r"<code>(.*?)\s*</code>", shown.text, re.S)
    assert len(listing.splitlines()) == 4
    assert "" not in listing.splitlines()


def test_a_diff_shows_lines_that_look_like_a_diffs_own() -> None:
    shown = notebook.diff("a\n-- b\n", "a\n++ c\n").text
    assert "--- b" in shown
    assert "+++ c" in shown


def test_a_diff_leaves_out_what_is_far_from_a_change_and_says_where() -> None:
    before, after = ["a", "b", "c", "d", "e"], ["A", "b", "c", "d", "E"]
    shown = notebook.diff("\n".join(before), "\n".join(after), context=1).text
    assert re.sub("<.*?>", "", shown).split() == ["-a", "+A", "b", "…", "d", "-e", "+E"]


def test_a_diff_of_equal_listings_says_so() -> None:
    assert "no difference" in notebook.diff("same", "same").text


def rows_of(table: Any) -> list[list[str]]:
    """Return the text of a table's cells, its headings first."""
    rows = re.findall(r"<tr>(.*?)</tr>", table.text, re.S)
    return [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in rows]


def test_a_table_sets_numbers_to_the_right_and_words_to_the_left() -> None:
    table = notebook.table([{"name": "w", "value": 0.5, "count": 3}])
    sides = re.findall(r"<td style=\"text-align: (\w+);\">", table.text)
    assert sides == ["left", "right", "right"]


def test_a_tables_headings_are_the_first_rows_keys() -> None:
    assert rows_of(notebook.table([{"name": "w", "value": 0.5}]))[0] == ["name", "value"]


def test_a_bar_in_a_cell_stays_in_its_cell() -> None:
    assert rows_of(notebook.table([{"loss": "|error|", "value": 1}]))[1] == ["|error|", "1"]


def test_a_table_prints_three_figures_and_whole_numbers_whole() -> None:
    rows = [
        {"loss": 0.123456, "epochs": 4096},
        {"loss": 1e-9, "epochs": 10},
        {"loss": 0.0, "epochs": 0},
    ]
    assert rows_of(notebook.table(rows))[1:] == [
        ["0.123", "4096"],
        ["1e-09", "10"],
        ["0", "0"],
    ]


def test_a_bar_in_a_heading_stays_in_it_and_a_bool_is_a_word() -> None:
    table = notebook.markdown_table([{"a|b": True}])
    assert table.splitlines() == ["| a\\|b |", "| :--- |", "| True |"]


def test_a_table_takes_rows_that_are_made_on_the_way() -> None:
    table = notebook.table({"number": number} for number in range(3))
    assert rows_of(table)[1:] == [["0"], ["1"], ["2"]]


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="rows must hold at least one row, got none"):
        notebook.table([])


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ([1.0, math.nan, math.inf], [1.0, math.nan, math.inf], 0),
        ([1.0, 2.0], [1.0, -2.5], 4.5),
        ([1.0, 2.0], [1.0, math.nan], math.inf),
        ([1.0, math.inf], [1.0, 2.0], math.inf),
        ([math.inf], [-math.inf], math.inf),
        ([math.nan], [math.inf], math.inf),
        (3, 2.5, 0.5),
        (torch.ones(2, 2), torch.ones(2, 2).double() + 2**-40, 2**-40),
        (
            [(torch.zeros(2), torch.ones(1))] * 2,
            [(torch.zeros(2), torch.ones(1)), (torch.zeros(2), torch.ones(1) - 3)],
            3,
        ),
    ],
)
def test_a_difference_is_seen_wherever_it_is(
    ours: Any, theirs: Any, difference: float
) -> None:
    assert notebook.largest_difference(ours, theirs) == difference
    assert notebook.largest_difference(theirs, ours) == difference


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([], []),
        ([1.0], [1.0, 2.0]),
        (torch.ones(2), torch.ones(1)),
        (torch.ones(2, 3), torch.ones(3, 2)),
        ([torch.ones(2)], [torch.ones(2, 1)]),
        (torch.ones(0), torch.ones(0)),
    ],
)
def test_what_does_not_stand_in_the_same_places_is_not_compared(
    ours: Any, theirs: Any
) -> None:
    with pytest.raises(ValueError, match=r"empty|shorter|longer|same shape"):
        notebook.largest_difference(ours, theirs)


CELLS = """
import marimo

app = marimo.App()

with app.setup(hide_code=True):
    import torch


@app.function
def double(number):
    return 2 * number


@app.cell
def _(double):
    first, second = double(1), double(2)
    [inside for inside in (first, second)]

    def third():
        inside = 3
        return inside
    return first, second


@app.cell(hide_code=True)
def _():
    return
"""


def test_a_name_of_a_notebook_gives_the_cell_that_defines_it() -> None:
    cells = notebook.cells_of(CELLS)
    function = "def double(number):\n    return 2 * number"
    written = (
        "first, second = double(1), double(2)\n"
        "[inside for inside in (first, second)]\n\n"
        "def third():\n    inside = 3\n    return inside"
    )
    assert cells == {"double": function} | dict.fromkeys(
        ("first", "second", "third"), written
    )


def test_a_step_is_its_comments_line_and_what_is_indented_under_it() -> None:
    loop = (
        "for x in data:\n"
        "    for p in some:  # 1. forget\n"
        "        p = None\n\n"
        "        p = 1\n"
        "    y = x  # 2. go on\n"
        "    keep(y)  # as they are\n"
        "    with y:  # 3. end\n"
        "        end()"
    )
    assert notebook.steps_of(loop) == {
        "forget": range(1, 5),
        "go on": range(5, 6),
        "end": range(7, 9),
    }


def test_details_fold_their_text_away() -> None:
    shown = notebook.details("Answer", "At **0.9**.").text
    assert re.search(
        r"<details>\s*<summary>Answer</summary>.*<strong>0.9</strong>.*</details>",
        shown,
        re.S,
    )


def check_double(attempt: Any) -> str | None:
    """Check an exercise: write a function that doubles."""
    return None if attempt(2) == 4 and attempt(3) == 6 else "Twice as much, please."


def verdict_on(attempt: Any, check: Any = check_double) -> str:
    shown = notebook.exercise(attempt, check, groundup.mean_squared_error).text
    return re.sub(r"<.*?>", "", shown.partition("<details>")[0])


def test_a_solution_is_folded_away_and_is_the_source() -> None:
    shown = notebook.exercise(left_blank, check_double, groundup.mean_squared_error).text
    _, folded = shown.split("<details>")
    assert "<summary>Solution</summary>" in folded
    assert "mean_squared_error" in folded


def test_a_right_attempt_is_well_done() -> None:
    assert "Well done" in verdict_on(lambda number: 2 * number)


def left_blank(number: float) -> float:
    raise NotImplementedError


def test_an_exercise_left_blank_is_not_yet_done() -> None:
    verdict = verdict_on(left_blank)
    assert "Not yet" in verdict
    assert "Well done" not in verdict


def test_an_attempt_that_returns_nothing_is_told_so() -> None:
    verdict = verdict_on(lambda number: None)
    assert "Not quite" in verdict
    assert "returns nothing" in verdict


def test_an_exercise_left_blank_is_named() -> None:
    assert "left_blank" in verdict_on(left_blank)


def check_that_catches(attempt: Any) -> str | None:
    try:
        attempt(1)
    except Exception:
        return None
    return None


@pytest.mark.parametrize(
    "check",
    [
        lambda attempt: None,
        lambda attempt: None if all([]) else "wrong",
        check_that_catches,
    ],
    ids=["asks nothing", "an empty list", "catches everything"],
)
def test_nothing_to_check_is_never_well_done(check: Any) -> None:
    verdict = verdict_on(lambda number: None, check)
    assert "Not yet" in verdict
    assert "Well done" not in verdict


def test_a_wrong_attempt_gets_the_checks_hint() -> None:
    verdict = verdict_on(lambda number: number)
    assert "Not quite" in verdict
    assert "Twice as much, please." in verdict


def test_an_attempt_that_raises_gets_the_errors_name_and_words() -> None:
    verdict = verdict_on(lambda number: number.double())
    assert "It raises" in verdict
    assert "AttributeError" in verdict
    assert "double" in verdict


def run_with_bar(fails: bool = False) -> tuple[Any, list[dict[str, Any]]]:
    """Run two epochs under a notebook's bar, and what marimo was told of it."""
    told: list[dict[str, Any]] = []
    opened: list[Any] = []

    class Recorded(notebook.ProgressBar):
        def on_train_start(self, trainer: groundup.Trainer) -> None:
            super().on_train_start(trainer)
            opened.append(self._bar)
            update = self._bar.progress.update

            def recorded(**words: Any) -> None:
                told.append(words)
                update(**words)

            self._bar.progress.update = recorded

    class Failing(groundup.Callback):
        def on_step_end(self, trainer: groundup.Trainer) -> None:
            if fails:
                raise KeyError("step")

    model = groundup.LinearRegression(1, torch.Generator().manual_seed(0))
    trainer = groundup.Trainer(
        model,
        groundup.mean_squared_error,
        groundup.SGD(model.parameters(), 0.1),
        [(torch.ones(4, 1), torch.ones(4, 1))],
        epochs=2,
        callbacks=[Recorded(), Failing()],
    )
    with contextlib.suppress(KeyError):
        trainer.train()
    (bar,) = opened
    return bar, told


def test_a_runs_bar_counts_its_epochs_shows_the_loss_and_closes() -> None:
    bar, told = run_with_bar()
    assert [words.get("increment", 1) for words in told] == [1, 1, 0]
    assert re.fullmatch(r"loss [\d.e-]+", told[0]["subtitle"])
    assert bar.progress.current == bar.progress.total == 2
    assert bar.progress.closed


def test_a_runs_bar_closes_also_when_the_run_raises() -> None:
    bar, _ = run_with_bar(fails=True)
    assert bar.progress.current == 0
    assert bar.progress.closed


class Failing(groundup.Callback):
    """Raises at one hook."""

    def __init__(self, hook: str) -> None:
        setattr(self, hook, self.fail)

    def fail(self, trainer: groundup.Trainer) -> None:
        raise KeyError("hook")


@pytest.mark.parametrize("hook", ["on_train_end", "on_step_end", "on_train_start"])
def test_a_trainer_can_be_copied_after_a_run_with_a_bar(hook: str) -> None:
    model = groundup.LinearRegression(1, torch.Generator().manual_seed(0))
    batches = [(torch.ones(4, 1), torch.ones(4, 1))]
    optimizer = groundup.SGD(model.parameters(), 0.1)
    trainer = groundup.Trainer(
        model,
        groundup.mean_squared_error,
        optimizer,
        batches,
        epochs=2,
        callbacks=[Failing(hook), notebook.ProgressBar()],
    )
    with pytest.raises(KeyError):
        trainer.train()
    assert pickle.loads(pickle.dumps(trainer)).result == trainer.result
    assert copy.deepcopy(trainer).result == trainer.result


# Curves while a run trains.


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.read = 0

    def __call__(self) -> float:
        self.read += 1
        return self.now


class Ticking(groundup.Callback):
    """Moves a clock before each epoch's end; stops or raises after so many epochs."""

    def __init__(self, clock: Clock, seconds: float, end: str = "", after: int = 0) -> None:
        self.clock, self.seconds, self.end, self.after = clock, seconds, end, after

    def on_step_end(self, trainer: groundup.Trainer) -> None:
        if self.end == "raise" and trainer.epoch == self.after:
            raise KeyError("step")
        self.clock.now += self.seconds

    def on_epoch_end(self, trainer: groundup.Trainer) -> None:
        if self.end == "stop" and trainer.epoch == self.after:
            trainer.stop("enough")


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The specifications of what is drawn under a cell, as if there were one."""
    drawn: list[Any] = []

    def replace(output: Any) -> None:
        assert isinstance(output, mo.Html)  # else marimo makes HTML of it
        kind, data = output._mime_()
        assert kind == "application/vnd.vegalite.v6+json"
        drawn.append(json.loads(data))

    monkeypatch.setattr(mo, "running_in_notebook", lambda: True)
    monkeypatch.setattr(mo.output, "replace", replace)
    return drawn


def watched_run(*callbacks: groundup.Callback, epochs: int) -> groundup.Trainer:
    model = groundup.LinearRegression(1, torch.Generator().manual_seed(0))
    return groundup.Trainer(
        model,
        groundup.mean_squared_error,
        groundup.SGD(model.parameters(), 0.1),
        [(torch.ones(4, 1), torch.ones(4, 1))],
        epochs=epochs,
        val_loader=[(torch.zeros(4, 1), torch.ones(4, 1))],
        callbacks=callbacks,
    )


def epochs_in(picture: Any) -> int:
    """How many training losses a picture shows."""
    return sum(row["line"] == "train" for row in picture["datasets"]["losses"])


@pytest.mark.parametrize(
    ("seconds", "drawn"),
    [
        (1.0, [1, 2, 3, 4, 5, 6, 7, 8]),
        (0.25, [1, 2, 3, 4, 5, 6, 7, 8]),
        (0.125, [1, 3, 5, 7, 8]),
        (0.0625, [1, 5, 8]),
        (0.0, [1, 8]),
    ],
)
def test_curves_are_drawn_at_most_five_times_a_second_and_when_the_run_ends(
    pictures: list[Any], seconds: float, drawn: list[int]
) -> None:
    clock = Clock()
    trainer = watched_run(Ticking(clock, seconds), notebook.LiveCurves(clock), epochs=8)
    result = trainer.train()
    assert [epochs_in(picture) for picture in pictures] == drawn
    assert pictures[-1] == json.loads(charts.losses(result)._mime_()[1])


@pytest.mark.parametrize(("end", "raised"), [("stop", None), ("raise", KeyError)])
def test_the_last_picture_is_drawn_whatever_ends_the_run_and_the_first_when_it_goes_on(
    pictures: list[Any], end: str, raised: type[Exception] | None
) -> None:
    clock = Clock()
    ticking = Ticking(clock, 0.0, end, after=3)
    trainer = watched_run(ticking, notebook.LiveCurves(clock), epochs=6)
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        trainer.train()
    assert [epochs_in(picture) for picture in pictures] == [1, 3]
    ticking.end = ""
    trainer.train()
    assert [epochs_in(picture) for picture in pictures] == [1, 3, 4, 6]


def test_outside_a_notebook_no_curve_is_drawn_and_no_clock_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mo.output, "replace", pytest.fail)
    clock = Clock()
    watched_run(notebook.LiveCurves(clock), epochs=3).train()
    assert clock.read == 0


def test_the_run_is_the_same_with_curves_and_without(
    pictures: list[Any],
) -> None:
    watched = watched_run(notebook.LiveCurves(), epochs=5)
    assert watched.train() == watched_run(epochs=5).train()
    assert len(pictures) > 1


@pytest.mark.parametrize("hook", ["on_train_end", "on_step_end", "on_train_start"])
def test_a_trainer_can_be_copied_after_a_run_with_curves(
    pictures: list[Any], hook: str
) -> None:
    trainer = watched_run(Failing(hook), notebook.LiveCurves(), epochs=2)
    with pytest.raises(KeyError):
        trainer.train()
    assert pickle.loads(pickle.dumps(trainer)).result == trainer.result
    assert copy.deepcopy(trainer).result == trainer.result
    # A run that never started is not drawn.
    assert (pictures == []) == (hook == "on_train_start")


NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import torch
    import groundup
    from groundup import notebook

    return groundup, notebook, torch


@app.cell
def _(groundup, notebook, torch):
    model = groundup.LinearRegression(1, torch.Generator().manual_seed(0))
    batches = [(torch.ones(4, 1), torch.ones(4, 1))]
    optimizer = groundup.SGD(model.parameters(), 0.1)
    live = [notebook.LiveCurves()]
    _ = groundup.Trainer(
        model, groundup.mean_squared_error, optimizer, batches, epochs=37, callbacks=live
    ).train()
    return
"""


@pytest.mark.slow
def test_under_marimo_the_last_picture_stays_under_the_cell(tmp_path: Path) -> None:
    file = tmp_path / "live.py"
    file.write_text(NOTEBOOK, "utf-8")
    page = export(file, tmp_path / "live.html")
    assert re.search(r'"application/vnd\.vegalite\.v6\+json": ', page)
    assert "Line chart of the loss over the epochs" in page


# What `make bench` measured.


def measured_row(contender: str, ratio: float, **more: Any) -> dict[str, Any]:
    row = {"job": "race", "setting": "a mile", "threads": 1, "processor": "2 cores, a kind"}
    return row | {"contender": contender, "ratio": ratio} | more


@pytest.fixture
def two_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One job of a single setting and two numbers of threads, one of two settings."""
    file = tmp_path / "benchmarks.json"
    rows = [
        measured_row("one", 1.0),
        measured_row("other", 2.5),
        measured_row("one", 1.0, threads=4),
        measured_row("other", 1.5, threads=4),
        measured_row("one", 1.0, job="jump", setting="high"),
        measured_row("one", 3.0, job="jump", setting="long", same="shoes, hat"),
        measured_row("other", 4.0, job="jump", setting="long", same=""),
    ]
    file.write_text(json.dumps(rows), "utf-8")
    monkeypatch.setattr(notebook, "BENCHMARKS", file)


@pytest.mark.usefixtures("two_jobs")
def test_what_was_measured_is_read_with_its_setting_and_its_machine() -> None:
    measured = notebook.measured("race")
    assert measured.ratios == {"one": 1.0, "other": 2.5}
    assert (measured.setting, measured.threads) == ("a mile", 1)
    assert measured.machine == "2 cores, a kind"


@pytest.mark.usefixtures("two_jobs")
def test_what_was_measured_with_all_cores_is_a_case_of_its_own() -> None:
    measured = notebook.measured("race", all_cores=True)
    assert (measured.ratios["other"], measured.threads) == (1.5, 4)


@pytest.mark.usefixtures("two_jobs")
def test_of_several_settings_the_one_that_is_asked_for_is_read() -> None:
    assert notebook.measured("jump", "high").ratios == {"one": 1.0}
    assert notebook.measured("jump", "long").ratios == {"one": 3.0, "other": 4.0}


@pytest.mark.usefixtures("two_jobs")
def test_what_came_out_the_same_is_told_of_whom_it_was_compared() -> None:
    assert notebook.measured("jump", "long").same == {"one": ["shoes", "hat"]}
    assert notebook.measured("race").same == {}


@pytest.mark.usefixtures("two_jobs")
@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (("swim", None), "job must be one of race, jump, got 'swim'"),
        (("jump", None), r"setting of jump must be one of \['high', 'long'\], got None"),
        (("race", "a lap"), r"setting of race must be one of \['a mile'\], got 'a lap'"),
    ],
)
def test_a_job_that_was_not_measured_is_named(
    asked: tuple[str, str | None], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        notebook.measured(*asked)
