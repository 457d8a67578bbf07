"""The benchmarks' deterministic part: who is measured and how, what is written from it."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import __main__ as command
from benchmarks import browser, checkpoint, jobs, optimizers, report, rows, sweep, training
from benchmarks.operations import measure
from benchmarks.training import CONTENDERS, JOBS, check
from chapters import found
from groundup import AdamW, charts

CONTENDERS_WITHOUT_PEERS = ("by hand", "bare", "groundup", "naive trainer")
EVERYWHERE = {
    *("by hand", "groundup", "torch", "fabric", "ignite", "lightning"),
    *("transformers", "skorch"),
}
AT_FULL_BATCH = {*EVERYWHERE, "bare", "naive trainer"}


def row(job: str, contender: str, ratio: float = 1.0, **more: object) -> rows.Row:
    """Return a row of an invented run."""
    (made,) = rows.rows_of(job, {contender: [2.0] * 7}, contender, 1, "a setting")
    return made | {"ratio": ratio} | more


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that a run writes goes into a folder of its own, where another run has been."""
    monkeypatch.setattr(rows, "RESULTS", tmp_path / "benchmarks.json")
    for name in ("README", "REPORT", "CHART"):
        monkeypatch.setattr(report, name, tmp_path / name)
    (tmp_path / "README").write_text(f"Above.\n{report.START}\nold\n{report.END}\nBelow.\n")
    rows.write([row("growth", "one"), row("loader", "groundup"), row("loader", "torch")])
    return tmp_path


# The contenders do the same work.


@pytest.mark.parametrize("job", JOBS)
def test_what_needs_no_peer_ends_at_the_parameters_of_the_loop_by_hand(job: str) -> None:
    ours = [name for name in CONTENDERS[job] if name in CONTENDERS_WITHOUT_PEERS]
    assert set(check(JOBS[job], ours).values()) == {0.0}


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"learning_rate": 0.0031}, "ignite in train-mini-batch must end at the same"),
        ({"batch_size": 64}, "ignite in train-mini-batch must call the model as by hand"),
        ({"epochs": 2}, "ignite in train-mini-batch must call the model as by hand"),
    ],
)
def test_a_contender_that_trains_otherwise_is_named(
    other: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = CONTENDERS["train-mini-batch"]["by hand"]

    def otherwise(job: training.Job) -> list[Tensor]:
        return by_hand(replace(job, **other))

    monkeypatch.setitem(CONTENDERS["train-mini-batch"], "ignite", otherwise)
    with pytest.raises(ValueError, match=complaint):
        check(JOBS["train-mini-batch"], ["groundup", "ignite"])


def test_a_sweep_a_run_and_the_closed_form_are_held_to_the_same_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep.check([0.01, 0.8], 20)
    shorter = sweep.CONTENDERS["groundup"]
    monkeypatch.setitem(
        sweep.CONTENDERS, "groundup", lambda r, epochs: shorter(r, epochs - 1)
    )
    with pytest.raises(ValueError, match="groundup in sweep must end at the weights"):
        sweep.check([0.01, 0.8], 20)


def test_every_step_of_adamw_is_held_to_torchs_for_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shapes = [(3, 2), (2,)]
    optimizers.check(shapes, steps=20)
    monkeypatch.setitem(optimizers.CONTENDERS, "groundup", partial(AdamW, lr=1e-3))
    with pytest.raises(ValueError, match="groundup in optimizers must end at the param"):
        optimizers.check(shapes, steps=20)


def test_a_run_of_ours_is_the_same_after_a_resume_and_what_is_not_is_not_named(
    tmp_path: Path,
) -> None:
    same = checkpoint.compare("groundup", checkpoint.Job(hidden=4), tmp_path / "files")
    named = same.split(", ")
    assert len(named) == 7
    whole, other = checkpoint.Run(), checkpoint.Run()
    for run, last in ((whole, 1), (other, 2)):
        run.samples = run.batches = [*range(23), last]
    other.random_state = torch.ones(1)
    assert other.same(whole) == "weights, losses, weights at the end, AdamW at the end"


def test_the_trainer_dispatches_not_one_operation_more_than_the_loop_by_hand() -> None:
    counted = measure(1, "operations")
    assert {row["setting"] for row in counted} == set(JOBS)
    for row in counted:
        if row["contender"] in ("groundup", "naive trainer"):
            assert row["ratio"] <= 1, row


def test_a_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    # Both slow down threefold in the last round: the ratio knows nothing of it.
    measured = {"one": [1.0, 1.0, 3.0], "other": [2.0, 2.2, 6.0]}
    one, other = rows.rows_of("job", measured, "one", 1, "setting")
    assert (one["ratio"], other["ratio"]) == (1.0, 2.0)
    assert (other["minimum"], other["median"], other["maximum"]) == (2.0, 2.2, 6.0)


def test_the_floor_is_the_chapter_with_text_in_place_of_its_charts(tmp_path: Path) -> None:
    for chapter in found().values():
        if chapter.live is None:
            continue
        floor = browser.floor(chapter, chapter.live, tmp_path / chapter.slug)
        theirs, ours = (
            notebook.read_text("utf-8").splitlines() for notebook in (chapter.file, floor)
        )
        changed = [(a, b) for a, b in zip(theirs, ours, strict=True) if a != b]
        assert [a.strip() for a, _ in changed] == list(chapter.live.charts)
        assert all('class="floor"' in b for _, b in changed)


# How they are set up is told.


@pytest.mark.parametrize("job", jobs.JOBS)
def test_a_job_says_how_it_is_set_up(job: str) -> None:
    settings = jobs.settings(job)
    assert settings["all"]
    for lines in settings.values():
        assert lines
        assert all(isinstance(line, str) and line for line in lines)


@pytest.mark.parametrize("job", JOBS)
def test_each_trainer_says_how_it_is_set_up(job: str) -> None:
    assert set(CONTENDERS[job]) < set(jobs.settings(job))


# The file of results.


def test_the_file_has_every_job_and_every_contender() -> None:
    measured = {
        job: {row["contender"] for row in rows.read() if row["job"] == job}
        for job in jobs.JOBS
    }
    assert all(measured.values()), measured
    assert measured["train-full-batch"] == AT_FULL_BATCH
    assert measured["train-full-batch-bulk"] == AT_FULL_BATCH
    assert measured["train-mini-batch"] == EVERYWHERE
    assert measured["train-network"] == EVERYWHERE


def test_every_row_says_what_was_measured_on_what() -> None:
    measured = rows.read()
    assert measured
    for row in measured:
        assert row["job"] in jobs.JOBS
        assert row["ratio"] > 0
        assert row["minimum"] <= row["median"] <= row["maximum"]
        assert row["minimum"] == min(row["rounds"])
        assert row["maximum"] == max(row["rounds"])
        once = row["job"] == "operations" or "opening" in row["setting"]  # exact, or dear
        assert len(row["rounds"]) >= (1 if once else 7)
        assert row["unit"] in ("s", "ms", "operations")
        assert re.search(r"\d+ cores, .+", row["processor"])
        assert row["threads"] >= 1


def test_the_files_numbers_are_json_that_any_program_reads() -> None:
    json.loads(rows.RESULTS.read_text("utf-8"), parse_constant=pytest.fail)


def test_a_jobs_new_rows_replace_its_old_ones_and_no_others(elsewhere: Path) -> None:
    new = row("loader", "torch", ratio=7.0)
    rows.write([new])
    assert [(r["job"], r["contender"], r["ratio"]) for r in rows.read()] == [
        ("growth", "one", 1.0),
        ("loader", "torch", 7.0),
    ]


def test_a_file_is_written_whole_or_not_at_all(elsewhere: Path) -> None:
    before = rows.RESULTS.read_text("utf-8")
    with pytest.raises(TypeError):
        rows.write([row("loader", "torch", rounds=torch.ones(1))])
    with pytest.raises(UnicodeEncodeError):
        rows.put(rows.RESULTS, "\ud800")
    assert rows.RESULTS.read_text("utf-8") == before


# What is written from the file.


def test_the_readme_has_the_files_figures() -> None:
    text = report.README.read_text("utf-8")
    section = text.split(report.START)[1].split(report.END)[0]
    assert section.strip() == report.readme_section(rows.read())


def test_the_report_has_the_files_figures() -> None:
    assert report.REPORT.read_text("utf-8") == report.report(rows.read())


def test_the_chart_has_the_files_figures() -> None:
    (said,) = re.findall(
        r'<svg role="img" aria-label="(.*?)"', report.CHART.read_text("utf-8")
    )
    ratios = report.pick(rows.read(), job="train-mini-batch")
    assert all(f"{name} {charts.times(ratio)}" in said for name, ratio in ratios.items())


def test_the_report_has_each_job_with_its_settings_and_its_rows() -> None:
    text = report.report(rows.read())
    assert text.startswith("<!-- Written by `make bench`")
    for job in jobs.JOBS:
        assert f"\n## {job}\n" in text
        assert all(line in text for how in jobs.settings(job).values() for line in how)
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(tables) == len(rows.read()) + 2 * len(jobs.JOBS)


def test_another_ratio_is_another_readme_and_another_report() -> None:
    measured = rows.read()
    changed = [
        r | {"ratio": 7.77}
        if (r["job"], r["contender"]) == ("train-network", "skorch")
        else r
        for r in measured
    ]
    assert "7.77 ×" not in report.readme_section(measured)
    assert "7.77 ×" in report.readme_section(changed)
    assert report.report(changed) != report.report(measured)


def test_only_what_is_between_the_markers_is_rewritten(elsewhere: Path) -> None:
    report.write(rows.read())
    head, rest = report.README.read_text("utf-8").split(report.START)
    section, tail = rest.split(report.END)
    assert (head, tail) == ("Above.\n", "\nBelow.\n")
    assert section.strip() == report.readme_section(rows.read())
    assert report.REPORT.read_text("utf-8") == report.report(rows.read())


# The command.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`python -m benchmarks` with these arguments; the peers are taken to be there."""
    monkeypatch.setattr(command, "find_spec", lambda name: name)

    def run(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
        command.main()

    return run


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "measured", pytest.fail)
    monkeypatch.setattr(report, "write", pytest.fail)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_its_tables_are_printed_also_where_the_stream_lacks_their_signs(
    encoding: str, asked: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "measured", lambda job: [])
    monkeypatch.setattr(rows, "write", lambda new: None)
    monkeypatch.setattr(report, "write", lambda all_rows: None)
    monkeypatch.setattr(report, "table", lambda new: "1 \u03bc")
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(BytesIO(), encoding))
    asked("--job", "train-network")
    sys.stdout.seek(0)
    assert sys.stdout.readline() == "1 ?\n"


@pytest.mark.usefixtures("nothing_runs")
def test_an_unknown_job_is_named_beside_those_that_there_are(
    asked: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        asked("--job", "nonsense")
    said = capsys.readouterr().err
    assert "'nonsense'" in said
    assert all(job in said for job in jobs.JOBS)


@pytest.mark.usefixtures("nothing_runs")
def test_peers_that_are_missing_are_named_before_the_first_job(
    asked: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        command, "find_spec", lambda name: None if name == "skorch" else name
    )
    with pytest.raises(SystemExit):
        asked()
    assert "skorch must be installed: `make bench`" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_runs")
def test_the_browsers_job_asks_for_chromium_before_anything_runs(
    asked: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SystemExit):
        asked("--job", "browser")
    assert "needs Chromium on the PATH" in capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
def test_without_chromium_all_other_jobs_run_and_its_own_is_said_to_be_left_out(
    asked: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(jobs, "measured", lambda name: [row(name, "one")])
    monkeypatch.setattr(report, "write", lambda rows: None)
    asked()
    assert "It is left out" in capsys.readouterr().out.splitlines()[0]
    assert {r["job"] for r in rows.read()} == set(jobs.JOBS) - {"browser", "pages"}


@pytest.mark.usefixtures("elsewhere")
def test_a_job_that_fails_loses_nothing_of_those_before_it(
    asked: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(name: str) -> list[rows.Row]:
        if name == "growth":
            raise ValueError("growth fails")
        return [row("loader", "groundup", ratio=3.0)]

    monkeypatch.setattr(jobs, "JOBS", {job: jobs.JOBS[job] for job in ("loader", "growth")})
    monkeypatch.setattr(jobs, "measured", measured)
    with pytest.raises(ValueError, match="growth fails"):
        asked()
    assert [(r["job"], r["ratio"]) for r in rows.read()] == [
        ("growth", 1.0),
        ("loader", 3.0),
    ]
    assert report.REPORT.read_text("utf-8") == report.report(rows.read())
