"""The benchmarks' deterministic part: equal parameters, no operation more, a README that says what was measured."""

import json

import pytest

from benchmarks import report
from benchmarks.operations import measure
from benchmarks.rows import RESULTS, read
from benchmarks.training import CONTENDERS, JOBS, check

CONTENDERS_WITHOUT_PEERS = ("by hand", "bare", "groundup", "naive trainer")
NAMES = {name for contenders in CONTENDERS.values() for name in contenders}


@pytest.mark.parametrize("job", JOBS)
def test_what_needs_no_peer_ends_at_the_parameters_of_the_loop_by_hand(job: str):
    ours = [name for name in CONTENDERS[job] if name in CONTENDERS_WITHOUT_PEERS]
    assert set(check(JOBS[job], ours).values()) == {0.0}


def test_the_trainer_dispatches_not_one_operation_more_than_the_loop_by_hand():
    rows = measure(1)
    assert {row["setting"] for row in rows} == set(JOBS)
    for row in rows:
        if row["contender"] in ("groundup", "naive trainer"):
            assert row["ratio"] <= 1, row


def test_every_row_says_what_was_measured_on_what():
    rows = read()
    assert rows
    for row in rows:
        assert row["minimum"] <= row["median"] <= row["maximum"]
        assert row["minimum"] == min(row["rounds"])
        assert row["processor"]
        assert row["threads"] >= 1
        if row["job"] in JOBS:
            assert row["contender"] in NAMES
            assert len(row["rounds"]) >= 7


def test_the_files_numbers_are_json_that_any_program_reads():
    json.loads(RESULTS.read_text("utf-8"), parse_constant=pytest.fail)


def test_the_readme_has_the_files_figures():
    text = report.README.read_text("utf-8")
    section = text.split(report.START)[1].split(report.END)[0]
    assert section.strip() == report.readme_section(read())
