"""A checkpoint's file: whole or not there, checked, and no larger than what it holds."""

import os
import resource
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from groundup import (
    SGD,
    Callback,
    Checkpoint,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    load_checkpoint,
    mean_squared_error,
    save_checkpoint,
)
from groundup.checkpoints import _files as files
from tests.checkpoints.runs import STEPS, Kill, Killed, assert_same, everything
from tests.helpers import assert_identical, seeded


def small(*callbacks: Callback, model: nn.Module | None = None, lr: Any = 0.1) -> Trainer:
    model = LinearRegression(2, seeded()) if model is None else model
    loader = DataLoader(Dataset(torch.ones(5, 2), torch.ones(5, 1)), 2)
    optimizer = SGD(model.parameters(), lr)
    return Trainer(
        model, mean_squared_error, optimizer, loader, epochs=2, callbacks=callbacks
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A run that was killed in its second epoch, and the newest of its files."""
    trainer, _ = everything(tmp_path, Kill(STEPS + 2))
    with pytest.raises(Killed):
        trainer.train()
    newest = max((tmp_path / "checkpoints").iterdir())
    assert newest.name == f"step-{STEPS + 2:08}-epoch-0001-batch-000002.pt"
    return newest


# What is in it.


def test_it_holds_all_that_a_run_is(saved: Path) -> None:
    state = load_checkpoint(saved)
    assert (state["epoch"], state["step"], state["batch"]) == (1, STEPS + 2, 2)
    assert state["batches"] == STEPS
    assert state["average"]["count"] == 8
    assert len(state["result"]["val_losses"]) == 1
    assert {*state["callbacks"]} == {"BestWeights 1", "LogFile 1"}
    assert state["model"]["_extra_state"] == state["optimizer"]["updates"] == 2
    assert state["epoch_start"].keys() == state["random"].keys()


def test_between_two_epochs_it_holds_the_random_states_once(tmp_path: Path) -> None:
    small(Checkpoint(tmp_path)).train()
    assert {load_checkpoint(path)["epoch_start"] for path in tmp_path.iterdir()} == {None}


def test_torch_itself_loads_it_with_weights_only(saved: Path) -> None:
    assert_same(torch.load(saved, weights_only=True), load_checkpoint(saved))


def test_a_models_weights_are_loaded_from_it_by_torchs_own_means(tmp_path: Path) -> None:
    trainer = small()
    trainer.train()
    save_checkpoint(trainer, tmp_path / "run.pt")
    model, optimizer = LinearRegression(2), None
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    model.load_state_dict(state["model"])
    assert_identical(model.state_dict(), trainer.model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    optimizer.load_state_dict(state["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_numpys_numbers_become_pythons(tmp_path: Path) -> None:
    trainer = small(lr=np.float64(0.1))
    trainer.optimizer.param_groups[0]["lr"] = np.float64(0.25)  # type: ignore[attr-defined]
    save_checkpoint(trainer, tmp_path / "run.pt")
    (group,) = load_checkpoint(tmp_path / "run.pt")["optimizer"]["param_groups"]
    assert type(group["lr"]) is float
    assert group["lr"] == 0.25


class Keeping(Callback):
    """A callback whose state is what a test gives it."""

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self.kept}


def test_a_view_is_saved_without_the_rest_of_its_storage(tmp_path: Path) -> None:
    large = torch.randn(1000, 1000)
    save_checkpoint(small(Keeping(large[3])), tmp_path / "view.pt")
    save_checkpoint(small(Keeping(large[3].clone())), tmp_path / "clone.pt")
    sizes = [(tmp_path / name).stat().st_size for name in ("view.pt", "clone.pt")]
    assert sizes[0] <= sizes[1] < 100_000
    loaded = load_checkpoint(tmp_path / "view.pt")["callbacks"]["Keeping 1"]["kept"]
    assert_identical(loaded, large[3])


def test_what_is_tied_is_saved_once(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(200, 200, bias=False), nn.Linear(200, 200, bias=False))
    save_checkpoint(small(model=model), tmp_path / "loose.pt")
    model[1].weight = model[0].weight
    save_checkpoint(small(model=model), tmp_path / "tied.pt")
    sizes = [(tmp_path / name).stat().st_size for name in ("loose.pt", "tied.pt")]
    assert sizes[0] - sizes[1] == pytest.approx(200 * 200 * 4, rel=0.01)


def test_a_view_that_is_tied_is_saved_once() -> None:
    row = torch.arange(12.0).reshape(3, 4)[1]
    one, other = files.plain([row, row.view(4)])
    assert one is other
    assert one.untyped_storage().nbytes() == 16


def test_the_versions_of_modules_come_with_their_state() -> None:
    state = nn.BatchNorm1d(2).state_dict()
    saved = files.plain(state)
    assert isinstance(saved, OrderedDict)
    assert saved._metadata == state._metadata == {"": {"version": 2}}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "kept",
    [np.ones(2), Path("x"), seeded(), {1, 2}, object()],
    ids=lambda k: type(k).__name__,
)
def test_what_torch_would_not_load_is_refused_before_the_first_step(
    kept: Any, tmp_path: Path
) -> None:
    trainer = small(Keeping([0, {"deep": kept}]), Checkpoint(tmp_path))
    complaint = (
        r"the state of Keeping\['kept'\]\[1\]\['deep'\] must be made of tensors, num"
    )
    with pytest.raises(TypeError, match=complaint):
        trainer.train()
    assert trainer.step == 0


# What is wrong with it is found.


def test_a_file_that_is_cut_anywhere_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for size in [*range(0, len(whole), len(whole) // 40), len(whole) - 1]:
        saved.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=f"^{saved} is damaged: "):
            load_checkpoint(saved)


def test_a_byte_that_is_flipped_is_found_or_does_no_harm(saved: Path) -> None:
    whole, state = bytearray(saved.read_bytes()), load_checkpoint(saved)
    found = 0
    positions = range(0, len(whole), len(whole) // 150)
    for position in positions:
        flipped = whole.copy()
        flipped[position] ^= 0xFF
        saved.write_bytes(flipped)
        try:
            assert_same(load_checkpoint(saved), state)
        except ValueError as error:
            assert str(error).startswith(f"{saved} is damaged: ")  # noqa: PT017
            found += 1
    assert found > len(positions) / 2


def test_a_byte_of_a_tensor_that_is_flipped_is_found_where_torch_sees_nothing(
    saved: Path,
) -> None:
    with zipfile.ZipFile(saved) as archive:
        tensors = [info for info in archive.infolist() if "/data/" in info.filename]
        largest = max(tensors, key=lambda info: info.file_size)
        start = largest.header_offset
    flipped = bytearray(saved.read_bytes())
    flipped[start + 2000] ^= 1
    saved.write_bytes(flipped)
    torch.load(saved, weights_only=True)
    with pytest.raises(ValueError, match=f"damaged: the checksum of {largest.filename}"):
        load_checkpoint(saved)


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_format_is_refused(version: object, saved: Path) -> None:
    torch.save(load_checkpoint(saved) | {"format": version}, saved)
    with pytest.raises(
        ValueError, match=f"must be a checkpoint of format 1, got .* {version!r}"
    ):
        load_checkpoint(saved)


@pytest.mark.parametrize("other", [{"weight": torch.ones(2)}, [1, 2], torch.ones(2)])
def test_what_torch_has_saved_of_something_else_is_refused(
    other: Any, tmp_path: Path
) -> None:
    torch.save(other, tmp_path / "other.pt")
    with pytest.raises(
        ValueError, match=r"other\.pt must be a checkpoint, got a file of som"
    ):
        load_checkpoint(tmp_path / "other.pt")


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        load_checkpoint(tmp_path / "none.pt")
    with pytest.raises(IsADirectoryError):
        load_checkpoint(tmp_path)


# It is there whole or not at all.


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file can grow beyond some bytes, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_where_the_disk_is_full_the_old_file_stands_and_no_half_of_one(
    saved: Path, full_disk: None
) -> None:
    before = saved.read_bytes()
    beside = {*saved.parent.iterdir()}
    with pytest.raises(OSError, match=f"File too large: '{saved}'"):
        files.write({"weights": torch.randn(10_000)}, saved)
    assert saved.read_bytes() == before
    assert {*saved.parent.iterdir()} == beside


def test_a_run_whose_disk_is_full_goes_on_when_there_is_room(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole, _ = everything(tmp_path / "whole")
    whole.train()

    class Full(Callback):
        def on_step_start(self, trainer: Trainer) -> None:
            if trainer.step == STEPS + 2:
                request.getfixturevalue("full_disk")

    trainer, _ = everything(tmp_path / "full", Full())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError, match="File too large"):
        trainer.train()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    again, checkpoint = everything(tmp_path / "full")
    assert checkpoint.resume(again)
    assert again.step == STEPS + 2
    again.train()
    assert_same(vars(again.result), vars(whole.result))
    assert_same(dict(again.model.state_dict()), dict(whole.model.state_dict()))


def test_whoever_stops_a_save_in_the_middle_leaves_the_old_file_alone(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()
    beside = {*saved.parent.iterdir()}

    def half(state: Any, file: Any) -> None:
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        files.write({}, saved)
    assert saved.read_bytes() == before
    assert {*saved.parent.iterdir()} == beside


def test_who_stops_torch_while_it_writes_is_not_told_of_its_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> "Interrupted":
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def write(self, data: Any) -> int:
            raise KeyboardInterrupt

    true = Path.open
    monkeypatch.setattr(Path, "open", lambda path, mode: Interrupted(true(path, mode)))
    with pytest.raises(KeyboardInterrupt):
        files.write({"weights": torch.zeros(100_000)}, tmp_path / "run.pt")
    assert [*tmp_path.iterdir()] == []


def test_an_error_of_torchs_own_is_not_taken_for_one_that_was_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(state: Any, file: Any) -> None:
        raise RuntimeError("torch's own")

    monkeypatch.setattr(torch, "save", broken)
    try:
        raise OSError("before")
    except OSError:
        with pytest.raises(RuntimeError, match="torch's own"):
            files.write({}, tmp_path / "run.pt")


def test_it_has_checksums_also_where_torch_was_told_to_save_without(
    tmp_path: Path,
) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        save_checkpoint(small(), tmp_path / "run.pt")
        assert not torch.serialization.get_crc32_options()
    finally:
        torch.serialization.set_crc32_options(True)
    load_checkpoint(tmp_path / "run.pt")


def test_it_has_its_name_when_it_is_on_the_disk_and_the_name_is_made_to_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut leaves can't be tried here: the order of the calls can."""
    calls: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        calls.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        calls.append(f"replace {path.name} {target.name}")
        assert path.parent == target.parent
        assert path.stat().st_size > 1000  # nothing is left in a buffer
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renamed)
    save_checkpoint(small(), tmp_path / "run.pt")
    assert calls == [
        "fsync run.pt.part",
        "replace run.pt.part run.pt",
        f"fsync {tmp_path.name}",
    ]
