"""LogFile."""

import copy
import json
import math
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from groundup import Callback, EarlyStopping, LogFile, Trainer
from tests.callbacks.runs import STEPS, Raising, scripted
from tests.helpers import assert_identical, values

CURVE = [3.0, 1.5, 2.0, 0.1, 0.7]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("ascii")
    assert text == "" or text.endswith("\n")
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def whole(path: Path) -> bytes:
    """The log of a run that nobody interrupted."""
    other = path.with_name("whole.jsonl")
    scripted(CURVE, LogFile(other)).train()
    return other.read_bytes()


def test_a_line_has_the_numbers_of_its_epoch_bit_for_bit(path: Path) -> None:
    result = scripted(CURVE, LogFile(path)).train()
    assert lines(path) == [
        {
            "epoch": epoch,
            "step": STEPS * epoch,
            "train_loss": result.train_losses[epoch - 1],
            "val_loss": value,
            "score": value,
        }
        for epoch, value in enumerate(CURVE, start=1)
    ]


def test_what_the_run_does_not_measure_is_not_in_the_log(path: Path) -> None:
    scripted(CURVE, LogFile(path), val_loader=None, metrics=None).train()
    assert [list(line) for line in lines(path)] == [["epoch", "step", "train_loss"]] * 5


def test_equal_runs_have_equal_logs(path: Path) -> None:
    scripted(CURVE, LogFile(path)).train()
    assert path.read_bytes() == whole(path)


def test_a_line_is_in_the_file_as_soon_as_its_epoch_ends(path: Path) -> None:
    class Look(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            assert [line["epoch"] for line in lines(path)] == [*range(1, trainer.epoch + 1)]
            looked.append(trainer.epoch)

    looked: list[int] = []
    scripted(CURVE, LogFile(path), Look()).train()
    assert looked == [1, 2, 3, 4, 5]


def test_what_is_no_number_in_json_is_null_and_pandas_takes_it_for_missing(
    path: Path,
) -> None:
    scripted([math.nan, math.inf, -math.inf, 0.5], LogFile(path)).train()
    assert [line["val_loss"] for line in lines(path)] == [None, None, None, 0.5]
    frame = pd.read_json(path, lines=True)
    assert frame.val_loss.dtype == "float64"
    assert frame.val_loss.isna().tolist() == [True, True, True, False]


def test_a_metric_of_any_name_comes_back_under_it(path: Path) -> None:
    name = 'größe "θ"\n'
    scripted([1.0], LogFile(path), metrics={name: lambda p, t: torch.tensor(2.0)}).train()
    (line,) = lines(path)
    assert line[name] == 2.0


def test_the_run_is_the_same_with_a_log_and_without(path: Path) -> None:
    watched, alone = scripted(CURVE, LogFile(path)), scripted(CURVE)
    assert watched.train() == alone.train()
    assert_identical(values(watched.model), values(alone.model))


# Anew, on, resumed.


def test_a_run_that_starts_anew_empties_the_file_before_its_first_step(path: Path) -> None:
    class Look(Callback):
        def on_step_start(self, trainer: Trainer) -> None:
            if trainer.step == 0:
                sizes.append(path.stat().st_size)

    sizes: list[int] = []
    path.write_text("the log of another run\n")
    scripted(CURVE, LogFile(path), Look()).train()
    assert sizes == [0]
    assert path.read_bytes() == whole(path)


def test_a_log_may_be_used_for_one_run_after_another(path: Path) -> None:
    log = LogFile(path)
    scripted([9.0] * 7, log).train()
    scripted(CURVE, log).train()
    assert path.read_bytes() == whole(path)


class StopEachEpoch(Callback):
    """Has a run go on by further calls of `train` alone."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        trainer.stop("once more")


@pytest.mark.parametrize("interrupted_at", [[], [1], [4, 8], [3, 15]])
def test_a_run_that_goes_on_appends(path: Path, interrupted_at: list[int]) -> None:
    trainer = scripted(CURVE, LogFile(path), Raising(interrupted_at), StopEachEpoch())
    while trainer.epoch < 5:
        with suppress(KeyboardInterrupt):
            trainer.train()
    result = trainer.result
    assert [line["epoch"] for line in lines(path)] == [1, 2, 3, 4, 5]
    assert [line["train_loss"] for line in lines(path)] == result.train_losses
    assert lines(path)[-1]["step"] == trainer.step >= 5 * STEPS


def test_an_interruption_before_its_turn_costs_no_line(path: Path) -> None:
    class InterruptOnce(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            if trainer.epoch == 2 and not interrupted:
                interrupted.append(trainer.epoch)
                raise KeyboardInterrupt

    interrupted: list[int] = []
    trainer = scripted(CURVE, InterruptOnce(), LogFile(path))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert [line["epoch"] for line in lines(path)] == [1, 2]
    trainer.train()
    assert path.read_bytes() == whole(path)


def test_a_run_that_is_refused_costs_no_log(path: Path) -> None:
    scripted(CURVE, LogFile(path)).train()
    refused = scripted(CURVE, LogFile(path), EarlyStopping(3, measure="acuracy"))
    with pytest.raises(ValueError, match="'acuracy'"):
        refused.train()
    assert path.read_bytes() == whole(path)


def test_a_log_stays_where_it_is_when_a_run_goes_elsewhere(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leave(Callback):
        def on_epoch_end(self, trainer: Trainer) -> None:
            monkeypatch.chdir("/")

    monkeypatch.chdir(tmp_path)
    scripted(CURVE, LogFile(path.name), Leave()).train()
    assert path.read_bytes() == whole(path)


def test_a_note_between_two_calls_of_train_stays(path: Path) -> None:
    trainer = scripted(CURVE, LogFile(path), epochs=2)
    trainer.train()
    with path.open("a") as file:
        file.write('{"note": "more epochs"}\n')
    trainer.epochs = 3
    trainer.train()
    assert [next(iter(line)) for line in lines(path)] == ["epoch", "epoch", "note", "epoch"]


def test_a_new_log_of_a_run_that_goes_on_keeps_what_the_file_has(path: Path) -> None:
    trainer = scripted(CURVE, LogFile(path), epochs=2)
    trainer.train()
    trainer.callbacks, trainer.epochs = [LogFile(path)], 5
    trainer.train()
    assert path.read_bytes() == whole(path)


@pytest.mark.parametrize("saved_at", [1, 3, 4])
@pytest.mark.parametrize("lost", [0, 1])
def test_a_resumed_run_cuts_the_file_back_to_where_it_was_saved(
    path: Path, saved_at: int, lost: int
) -> None:
    log = LogFile(path)
    trainer = scripted(CURVE, log, epochs=saved_at)
    trainer.train()
    model, result, state = copy.deepcopy(
        (trainer.model.state_dict(), trainer.result, log.state_dict())
    )
    loader: Any = trainer.train_loader
    order = loader.generator.get_state()
    trainer.epochs = saved_at + lost
    trainer.train()

    log = LogFile(path)
    log.load_state_dict(state)
    resumed = scripted(CURVE, log, StopEachEpoch())  # goes on once more, without a cut
    resumed.epoch, resumed.step, resumed.result = saved_at, STEPS * saved_at, result
    resumed.model.load_state_dict(model)
    loader = resumed.train_loader
    loader.generator.set_state(order)
    while resumed.epoch < 5:
        resumed.train()
    assert path.read_bytes() == whole(path)


def test_its_state_is_the_files_size_and_before_the_run_nothing(path: Path) -> None:
    log = LogFile(path)
    assert log.state_dict() == {"size": None}
    assert not path.exists()
    scripted(CURVE, log).train()
    assert log.state_dict() == {"size": path.stat().st_size}


def test_a_state_that_was_taken_back_is_given_again_until_the_run_goes_on(
    path: Path,
) -> None:
    scripted(CURVE, LogFile(path)).train()
    log = LogFile(path)
    log.load_state_dict({"size": 20})
    assert log.state_dict() == {"size": 20}
    assert path.stat().st_size > 20


def test_what_its_state_counts_is_on_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda f: synced.append(os.fstat(f).st_size))
    log = LogFile(path)
    scripted(CURVE, log).train()
    assert synced == []
    assert log.state_dict() == {"size": synced[0]}


def test_a_file_that_is_shorter_than_where_it_is_to_be_cut_is_refused(path: Path) -> None:
    path.write_text('{"epoch": 1}\n')
    log = LogFile(path)
    log.load_state_dict({"size": 300})
    trainer = scripted(CURVE, log)
    trainer.epoch, trainer.step = 1, STEPS
    with pytest.raises(ValueError, match=r"log.jsonl must have the 300 bytes .*, got 13$"):
        trainer.train()
    assert trainer.step == STEPS
    assert lines(path) == [{"epoch": 1}]


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))]
)
def test_a_log_can_be_copied_between_two_calls_of_train(path: Path, copied: Any) -> None:
    log = LogFile(path)
    scripted(CURVE, log).train()
    assert vars(copied(log)) == vars(log)


# What bad input gets.


@pytest.mark.parametrize("name", ["epoch", "step", "train_loss", "val_loss"])
def test_a_metric_of_another_numbers_name_is_refused_before_the_first_step(
    path: Path, name: str
) -> None:
    path.write_text("not to be emptied")
    trainer = scripted(CURVE, LogFile(path), metrics={name: lambda p, t: torch.ones(())})
    message = "^a metric in a log must have another name than epoch, step, train_loss, "
    with pytest.raises(ValueError, match=f"{message}val_loss, got '{name}'$"):
        trainer.train()
    assert trainer.step == 0
    assert path.read_text() == "not to be emptied"


@pytest.mark.parametrize(
    ("place", "error"),
    [("nowhere/log.jsonl", FileNotFoundError), (".", IsADirectoryError)],
)
def test_a_place_that_can_hold_no_file_is_refused_before_the_first_step(
    tmp_path: Path, place: str, error: type[OSError]
) -> None:
    trainer = scripted(CURVE, LogFile(tmp_path / place))
    with pytest.raises(error):
        trainer.train()
    assert trainer.step == 0


def test_a_file_that_goes_away_ends_the_run_with_the_error_and_the_model_whole(
    path: Path,
) -> None:
    class Remove(Callback):
        def on_epoch_start(self, trainer: Trainer) -> None:
            if trainer.epoch == 2:
                path.unlink()

    trainer = scripted(CURVE, LogFile(path), Remove())
    with pytest.raises(FileNotFoundError):
        trainer.train()
    alone = scripted(CURVE, epochs=3)
    assert trainer.result == alone.train()
    assert_identical(values(trainer.model), values(alone.model))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has one")
def test_a_full_disk_ends_the_run_with_its_error_and_the_model_whole() -> None:
    trainer = scripted(CURVE, LogFile("/dev/full"))
    with pytest.raises(OSError, match="No space left on device"):
        trainer.train()
    alone = scripted(CURVE, epochs=1)
    assert trainer.result == alone.train()
    assert_identical(values(trainer.model), values(alone.model))


def test_where_only_half_a_line_fits_the_lines_before_it_are_all_there_is(
    path: Path,
) -> None:
    expected = whole(path).splitlines(keepends=True)
    room = len(expected[0] + expected[1]) + 10
    run = f"""
import resource
from tests.callbacks.runs import scripted
from tests.callbacks.test_log_file import CURVE, LogFile
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
trainer = scripted(CURVE, LogFile({str(path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, limit[1]))
try:
    trainer.train()
except OSError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    print(error.strerror, trainer.epoch, len(open({str(path)!r}).readlines()))
    trainer.train()
"""
    ran = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "File too large 3 2\n"
    assert path.read_bytes() == b"".join([*expected[:2], *expected[3:]])


@pytest.mark.parametrize("size", ["9", -5, True, 2.5])
def test_a_size_that_is_none_is_refused(path: Path, size: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^size must be "):
        LogFile(path).load_state_dict({"size": size})


def test_a_state_of_another_callback_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"^state must be LogFile's, of \['size'\], got "):
        LogFile(path).load_state_dict({})
