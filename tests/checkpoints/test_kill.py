"""Runs in processes of their own, which are killed: nobody can tell from their ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.checkpoints.nursery import KILLS
from tests.checkpoints.runs import assert_same

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")


def nursery(scenario: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", "-m", "tests.checkpoints.nursery"]
    done = subprocess.run(
        [*command, scenario, folder],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ends(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/end.pt"))


def test_a_run_that_is_killed_at_random_moments_comes_to_the_very_same_end(
    tmp_path: Path,
) -> None:
    assert int(nursery("random", tmp_path)) == KILLS >= 10
    *killed, uninterrupted = ends(tmp_path)
    assert killed
    expected = torch.load(uninterrupted)
    for end in killed:
        assert_same(torch.load(end), expected)
        assert all(path.suffix == ".pt" for path in (end.parent / "checkpoints").iterdir())


def test_of_two_processes_on_one_folder_the_second_is_refused_until_the_first_is_dead(
    tmp_path: Path,
) -> None:
    told = nursery("two", tmp_path)
    assert told == (
        "folder must be this run's alone, got "
        f"{tmp_path / 'shared' / 'checkpoints'}, into which another run writes"
    )
    shared, uninterrupted = ends(tmp_path)
    assert_same(torch.load(shared), torch.load(uninterrupted))
