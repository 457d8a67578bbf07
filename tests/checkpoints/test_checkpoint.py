"""Checkpoint: when it saves, what it keeps, what it goes on from and what it refuses."""

import copy
import io
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup import (
    SGD,
    Callback,
    Checkpoint,
    DataLoader,
    EarlyStopping,
    LogFile,
    Trainer,
    count_operations,
    load_checkpoint,
    save_checkpoint,
)
from groundup.checkpoints._random import random_states
from tests.callbacks.runs import scripted
from tests.checkpoints.runs import (
    STEPS,
    Kill,
    Killed,
    assert_same,
    end_of,
    everything,
    ours,
    torchs,
)

CURVE = [3.0, 1.0, 2.0, 1.0, math.nan, 4.0]


def names(folder: Path) -> list[str]:
    """All that is in a folder, hidden files, too, as (step, epoch, batch)."""
    return sorted(path.name for path in folder.iterdir())


def name(step: int, epoch: int, batch: int) -> str:
    return f"step-{step:08}-epoch-{epoch:04}-batch-{batch:06}.pt"


class Look(Callback):
    """What a folder holds as each step starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[list[str]] = []

    def on_step_start(self, trainer: Trainer) -> None:
        self.seen.append(names(self.folder))


# When it saves, and what it keeps.


def test_it_saves_each_epochs_end_and_keeps_the_last_two(tmp_path: Path) -> None:
    look = Look(tmp_path)
    scripted(CURVE, look, Checkpoint(tmp_path)).train()
    assert look.seen[0] == look.seen[2] == []
    assert look.seen[3] == [name(3, 1, 0)]
    assert look.seen[9] == [name(6, 2, 0), name(9, 3, 0)]
    assert names(tmp_path) == [name(15, 5, 0), name(18, 6, 0)]


def test_it_saves_every_so_many_steps_besides_and_on_both_sides_of_validation(
    tmp_path: Path,
) -> None:
    scripted(CURVE[:2], Checkpoint(tmp_path, every=2, keep_last=99)).train()
    assert names(tmp_path) == [
        *(name(2, 0, 2), name(3, 1, 0), name(4, 1, 1)),
        *(name(6, 1, 3), name(6, 2, 0)),
    ]


def test_one_file_is_enough(tmp_path: Path) -> None:
    look = Look(tmp_path)
    scripted(CURVE, look, Checkpoint(tmp_path, every=1, keep_last=1)).train()
    assert {len(seen) for seen in look.seen[1:]} == {1}
    assert names(tmp_path) == [name(18, 6, 0)]


@pytest.mark.parametrize(
    ("keep_best", "epoch"), [("loss", 2), ("-loss", 6), ("score", 2), ("-score", 6)]
)
def test_the_best_epochs_file_is_kept_and_of_equal_ones_the_first(
    keep_best: str, epoch: int, tmp_path: Path
) -> None:
    trainer = scripted(CURVE, Checkpoint(tmp_path, every=1, keep_best=keep_best))
    trainer.train()
    kept = {name(3 * epoch, epoch, 0), name(18, 5, 3), name(18, 6, 0)}
    assert {*names(tmp_path)} == kept
    values = load_checkpoint(tmp_path / name(3 * epoch, epoch, 0))["result"]["val_losses"]
    assert values[-1] == (min if keep_best[0] != "-" else max)(
        value for value in CURVE if not math.isnan(value)
    )


def test_a_run_of_no_numbers_has_no_best_file(tmp_path: Path) -> None:
    scripted([math.nan] * 4, Checkpoint(tmp_path, keep_best="loss", keep_last=1)).train()
    assert names(tmp_path) == [name(12, 4, 0)]


def test_no_file_is_deleted_before_the_next_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    replace, unlink = Path.replace, Path.unlink

    def recorded(path: Path, target: Path) -> Path:
        order.append(f"+{target.name}")
        return replace(path, target)

    def deleted(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".pt":
            order.append(f"-{path.name}")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "replace", recorded)
    monkeypatch.setattr(Path, "unlink", deleted)
    scripted(CURVE[:3], Checkpoint(tmp_path, keep_last=1)).train()
    first, second, third = (name(3 * epoch, epoch, 0) for epoch in (1, 2, 3))
    assert order == [f"+{first}", f"+{second}", f"-{first}", f"+{third}", f"-{second}"]


def test_what_a_killed_run_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / f"{name(2, 0, 2)}.part").write_bytes(b"half")
    scripted(CURVE, Checkpoint(tmp_path)).train()
    assert names(tmp_path) == [name(15, 5, 0), name(18, 6, 0)]


def test_its_folder_is_made(tmp_path: Path) -> None:
    scripted(CURVE[:1], Checkpoint(tmp_path / "deep" / "deeper")).train()
    assert names(tmp_path / "deep" / "deeper") == [name(3, 1, 0)]


def test_the_steps_that_are_not_saved_cost_nothing(tmp_path: Path) -> None:
    def counted(*callbacks: Callback) -> list[Any]:
        counts: list[Any] = []

        class Counted(SGD):
            """Counts from one step to the next."""

        trainer = scripted(CURVE[:2], *callbacks)
        train_step = trainer._train_step

        def step() -> None:
            counts.append(count_operations(train_step))

        trainer._train_step = step  # type: ignore[method-assign]
        trainer.train()
        return counts

    assert counted(Checkpoint(tmp_path)) == counted()


# What it goes on from.


def test_without_a_file_the_run_is_a_new_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        checkpoint = Checkpoint(folder)
        trainer = scripted(CURVE, checkpoint)
        assert checkpoint.resume(trainer) is False
        assert trainer.step == 0


def killed(folder: Path, step: int = STEPS + 3, **options: Any) -> list[Path]:
    """Let a run be killed; give its files, the newest first."""
    trainer, checkpoint = everything(folder, Kill(step), keep_last=3, **options)
    with pytest.raises(Killed):
        trainer.train()
    return sorted(checkpoint.folder.iterdir(), reverse=True)


def broken(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [broken, cut])
def test_a_damaged_file_is_passed_over_with_a_warning_and_the_end_is_the_same(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    whole, _ = everything(tmp_path / "whole")
    whole.train()
    expected = end_of(whole)
    newest, older, _ = killed(tmp_path / "killed")
    damage(newest)
    trainer, checkpoint = everything(tmp_path / "killed", scramble=1)
    with pytest.warns(UserWarning, match=f"{newest} is damaged: .* from {older}$"):
        assert checkpoint.resume(trainer)
    assert trainer.step == STEPS + 2
    trainer.train()
    assert_same(end_of(trainer), expected)


def test_damaged_files_do_not_crowd_out_a_whole_one(tmp_path: Path) -> None:
    newest, newer, _ = killed(tmp_path)
    broken(newest)
    broken(newer)
    trainer, checkpoint = everything(tmp_path, Kill(STEPS + 2), keep_last=1)
    with pytest.warns(UserWarning, match="is damaged"):
        checkpoint.resume(trainer)
    assert newest.exists()  # until there is a new one
    with pytest.raises(Killed):
        trainer.train()
    (kept,) = checkpoint.folder.iterdir()
    assert load_checkpoint(kept)["step"] == STEPS + 2


def test_where_no_file_is_whole_that_is_an_error_that_names_one(tmp_path: Path) -> None:
    files = killed(tmp_path)
    for path in files:
        broken(path)
    trainer, checkpoint = everything(tmp_path)
    with pytest.raises(ValueError, match=f"whole, got none: {files[0]} is damaged"):
        checkpoint.resume(trainer)
    assert trainer.step == 0


def other_model(trainer: Trainer) -> None:
    trainer.model = nn.Sequential(nn.Linear(3, 3))


def other_shape(trainer: Trainer) -> None:
    net = trainer.model.model
    net[3].bias = nn.Parameter(torch.zeros(5))  # type: ignore[index, union-attr]


def other_loader(trainer: Trainer) -> None:
    trainer.train_loader = DataLoader(trainer.train_loader.dataset, 5)  # type: ignore[attr-defined]


def other_metrics(trainer: Trainer) -> None:
    trainer._metrics = {}


def no_validation(trainer: Trainer) -> None:
    trainer.val_loader = None


def other_callbacks(trainer: Trainer) -> None:
    trainer.callbacks = trainer.callbacks[2:]


def other_optimizer(trainer: Trainer) -> None:
    trainer.optimizer = SGD(trainer.model.parameters(), 0.1)


def other_groups(trainer: Trainer) -> None:
    first, *rest = trainer.model.parameters()
    trainer.optimizer = torch.optim.AdamW([{"params": [first]}, {"params": rest}])


def untouched(trainer: Trainer) -> list[Any]:
    """What a refusal may not change."""
    optimizer: Any = trainer.optimizer
    model, state = dict(trainer.model.state_dict()), optimizer.state_dict()
    return copy.deepcopy([model, state, torch.get_rng_state()])


class Stubborn(Callback):
    """Refuses its state, when the other pieces have got theirs."""

    def state_dict(self) -> dict[str, Any]:
        return {"something": 1}

    def load_state_dict(self, state: Any) -> None:
        raise ValueError("not mine")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            other_model,
            "^model must be the one that was saved, with '0.weight' as None, got",
        ),
        (other_shape, r"with 'model.3.bias' as torch.float32 \(3,\), got .*\(5,\)\n"),
        (other_loader, "^batches of train_loader must be as they were saved, 7, got 6\n"),
        (other_metrics, r"^metrics must be as they were saved, \['accuracy'\], got \[\]\n"),
        (no_validation, "^val_loader must be there if it was when the run was saved, got"),
        (
            other_callbacks,
            r"^callbacks with a state must be .*'BestWeights 1'.*, got \['Log",
        ),
        (other_optimizer, "^state_dict must be a dict with 'state' and 'param_groups'"),
        (other_groups, "param_groups"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_run_of_other_pieces_is_refused_and_untouched(
    change: Callable[[Trainer], None], complaint: str, tmp_path: Path
) -> None:
    (newest, *_) = killed(tmp_path)
    trainer, checkpoint = everything(tmp_path)
    change(trainer)
    before = untouched(trainer)
    with pytest.raises((ValueError, TypeError, KeyError), match=complaint) as refused:
        checkpoint.resume(trainer)
    assert refused.value.__notes__ == [f"{newest} was to be resumed from"]
    assert (trainer.epoch, trainer.step, trainer.batch) == (0, 0, 0)
    assert trainer.result.train_losses == []
    assert_same(untouched(trainer), before)


def test_a_piece_that_refuses_its_state_late_leaves_the_others_as_they_were(
    tmp_path: Path,
) -> None:
    trainer, _ = everything(tmp_path, Stubborn())
    trainer.train()
    again, checkpoint = everything(tmp_path, Stubborn(), scramble=1)
    before = copy.deepcopy([dict(again.model.state_dict()), torch.get_rng_state()])
    with pytest.raises(ValueError, match="not mine"):
        checkpoint.resume(again)
    assert_same([dict(again.model.state_dict()), torch.get_rng_state()], before)
    assert (again.step, again.result.train_losses) == (0, [])


def test_callbacks_without_a_state_may_come_and_go(tmp_path: Path) -> None:
    killed(tmp_path)
    trainer, checkpoint = everything(tmp_path, EarlyStopping(patience=9), Kill(-1))
    assert checkpoint.resume(trainer)


def test_a_step_that_is_done_is_not_overwritten(tmp_path: Path) -> None:
    trainer, checkpoint = everything(tmp_path)
    trainer.train()
    with pytest.raises(ValueError, match=r"made anew to be resumed, got one with 21 steps"):
        checkpoint.resume(trainer)


def test_a_trainer_without_it_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be the trainer's last callback, .*\[\]$"):
        Checkpoint(tmp_path).resume(scripted(CURVE))


def test_generators_that_are_others_are_told_of(tmp_path: Path) -> None:
    killed(tmp_path, loader=ours)
    trainer, checkpoint = everything(tmp_path, loader=torchs)
    with pytest.warns(UserWarning, match=r"generators: train_loader\.generator were"):
        checkpoint.resume(trainer)


# Where it must stand, and what it needs.


@pytest.mark.parametrize("place", ["first", "between", "twice"])
def test_anywhere_but_last_it_is_refused_before_the_first_step(
    place: str, tmp_path: Path
) -> None:
    checkpoint, log = Checkpoint(tmp_path), LogFile(tmp_path / "log.jsonl")
    trainer = scripted(
        CURVE,
        *{
            "first": (checkpoint, log),
            "between": (log, checkpoint, EarlyStopping(3)),
            "twice": (checkpoint, Checkpoint(tmp_path / "other")),
        }[place],
    )
    with pytest.raises(ValueError, match=r"^a Checkpoint must be the trainer's last"):
        trainer.train()
    assert trainer.step == 0
    with pytest.raises(ValueError, match=r"^a Checkpoint must be the trainer's last"):
        checkpoint.resume(scripted(CURVE, checkpoint, log))


class Bare:
    """An optimizer, as far as the trainer asks."""

    def zero_grad(self) -> None: ...
    def step(self) -> None: ...


class Sum:
    """An average, as far as the trainer asks."""

    def add(self, value: Tensor, count: int) -> None: ...
    def value(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"optimizer": Bare()}, r"^optimizer must be an object with state_dict\(\), got "),
        ({"train_loss": Sum()}, r"^average must make objects with state_dict\(\), got "),
    ],
)
def test_pieces_that_cannot_tell_their_state_are_refused_before_the_first_step(
    change: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path)
    trainer = scripted(CURVE, checkpoint)
    for attribute, piece in change.items():
        setattr(trainer, attribute, piece)
    for act in (lambda: checkpoint.resume(trainer), trainer.train):
        with pytest.raises(TypeError, match=complaint):
            act()
    assert trainer.step == 0


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"every": 1.5}, TypeError, "every must be an integer, got 1.5"),
        ({"every": True}, TypeError, "every must be an integer, got True"),
        ({"keep_last": 0}, ValueError, "keep_last must be at least 1, got 0"),
        ({"keep_last": None}, TypeError, "keep_last must be an integer, got None"),
        ({"keep_best": True}, TypeError, "keep_best must be a string or None, got True"),
        ({"writes": 0}, TypeError, "writes must be True or False, got 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=f"^{complaint}"):
        Checkpoint("nowhere", **options)
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("measure", ["recall", "-recall"])
def test_a_best_measure_that_is_not_validated_is_refused_before_the_first_step(
    measure: str, tmp_path: Path
) -> None:
    trainer = scripted(CURVE, Checkpoint(tmp_path, keep_best=measure))
    with pytest.raises(ValueError, match=r"one that the run validates, .* got 'recall'$"):
        trainer.train()
    assert trainer.step == 0


def test_a_new_run_does_not_mix_with_anothers_files(tmp_path: Path) -> None:
    scripted(CURVE, Checkpoint(tmp_path)).train()
    before = names(tmp_path)
    trainer = scripted(CURVE, Checkpoint(tmp_path))
    with pytest.raises(ValueError, match=f"must be empty or .* from, got {tmp_path} "):
        trainer.train()
    assert trainer.step == 0
    assert names(tmp_path) == before


def test_a_trainer_that_was_not_resumed_is_not_taken_for_one_that_was(
    tmp_path: Path,
) -> None:
    scripted(CURVE[:3], Checkpoint(tmp_path)).train()
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.resume(scripted(CURVE, checkpoint))
    trainer = scripted(CURVE, checkpoint)
    with pytest.raises(ValueError, match=r"must be empty or the one that the run was"):
        trainer.train()
    assert trainer.step == 0


def test_a_run_that_has_fallen_behind_its_folder_does_not_go_on(tmp_path: Path) -> None:
    killed(tmp_path)
    late, checkpoint = everything(tmp_path)
    assert checkpoint.resume(late)
    other, quick = everything(tmp_path)
    assert quick.resume(other)
    other.train()
    with pytest.raises(ValueError, match=r"resumed from, got .* with step-00000021-"):
        late.train()


# The folder.


@pytest.mark.parametrize("where", ["in its place", "above it"])
def test_a_folder_that_cannot_be_made_is_told_before_the_first_step(
    where: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("here is a file")
    folder = file if where == "in its place" else file / "folder"
    checkpoint = Checkpoint(folder)
    trainer = scripted(CURVE, checkpoint)
    assert not checkpoint.resume(trainer)
    with pytest.raises(OSError, match="file"):
        trainer.train()
    assert trainer.step == 0


def refuse_to_write(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A folder that is made read-only, also for root."""
    true = io.open

    def opened(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if isinstance(file, Path) and file.parent == folder and "w" in mode:
            raise PermissionError(13, "Permission denied", str(file))
        return true(file, mode, *rest, **options)

    monkeypatch.setattr(io, "open", opened)


def test_a_folder_that_is_read_only_is_told_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_write(monkeypatch, tmp_path)
    trainer = scripted(CURVE, Checkpoint(tmp_path))
    with pytest.raises(PermissionError, match=str(tmp_path)):
        trainer.train()
    assert trainer.step == 0


def test_a_folder_that_becomes_read_only_ends_the_run_and_its_files_stand(
    tmp_path: Path,
) -> None:
    with pytest.MonkeyPatch.context() as patch:

        class Shut(Callback):
            def on_step_start(self, trainer: Trainer) -> None:
                if trainer.step == 4:
                    refuse_to_write(patch, tmp_path)

        trainer = scripted(CURVE, Shut(), Checkpoint(tmp_path))
        with pytest.raises(PermissionError, match=name(6, 2, 0)):
            trainer.train()
    assert names(tmp_path) == [name(3, 1, 0)]
    checkpoint = Checkpoint(tmp_path)
    again = scripted(CURVE, checkpoint)
    assert checkpoint.resume(again)
    assert len(again.train().val_losses) == len(CURVE)


class During(Callback):
    """Does something in a run's fifth step."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def on_step_start(self, trainer: Trainer) -> None:
        if trainer.step == 4:
            self.act()


def test_one_run_at_a_time_writes_into_a_folder(tmp_path: Path) -> None:
    def another() -> None:
        checkpoint = Checkpoint(tmp_path)
        trainer = scripted(CURVE, checkpoint)
        for act in (lambda: checkpoint.resume(trainer), trainer.train):
            with pytest.raises(ValueError, match=f"got {tmp_path}, into which another"):
                act()
        assert trainer.step == 0

    scripted(CURVE, During(another), Checkpoint(tmp_path)).train()
    assert names(tmp_path) == [name(15, 5, 0), name(18, 6, 0)]
    assert Checkpoint(tmp_path).resume is not None


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_that_a_run_forks_does_not_keep_its_folder(tmp_path: Path) -> None:
    """A worker may outlive a run that was killed."""
    read, write = os.pipe()
    children: list[int] = []

    def fork() -> None:
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)  # until the test is over
            os._exit(0)
        children.append(child)

    scripted(CURVE, During(fork), Checkpoint(tmp_path)).train()
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.resume(scripted(CURVE, checkpoint))
    os.close(write)
    os.close(read)
    os.waitpid(children[0], 0)


def test_a_copy_has_no_lock_to_give_up(tmp_path: Path) -> None:
    def copied() -> None:
        for other in (copy.deepcopy(checkpoint), pickle.loads(pickle.dumps(checkpoint))):
            other.on_train_end(scripted(CURVE))
        other = Checkpoint(tmp_path)
        with pytest.raises(ValueError, match="into which another run writes"):
            other.resume(scripted(CURVE, other))

    checkpoint = Checkpoint(tmp_path)
    scripted(CURVE, During(copied), checkpoint).train()


# save_checkpoint.


class Save(Callback):
    """Saves in one of the hooks, by hand."""

    def __init__(self, hook: str, path: Path, step: int) -> None:
        self.path, self.step = path, step
        setattr(self, hook, self.save)

    def save(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            save_checkpoint(trainer, self.path)

    def on_step_start(self, trainer: Trainer) -> None: ...
    def on_backward_end(self, trainer: Trainer) -> None: ...
    def on_step_end(self, trainer: Trainer) -> None: ...
    def on_epoch_end(self, trainer: Trainer) -> None: ...


@pytest.mark.parametrize("step", [1, 2, 4])
def test_in_mid_epoch_a_file_can_be_saved_by_hand_and_resumed_from(
    step: int, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    save = Save("on_step_end", elsewhere / "by hand.pt", step)
    whole = scripted(CURVE, save, Checkpoint(tmp_path / "whole"))
    whole.train()
    checkpoint = Checkpoint(elsewhere)
    trainer = scripted(CURVE, Kill(-1), checkpoint)
    assert checkpoint.resume(trainer)
    assert trainer.step == step
    trainer.train()
    assert_same(dict(trainer.model.state_dict()), dict(whole.model.state_dict()))
    assert trainer.result.train_losses == whole.result.train_losses
    assert (elsewhere / "by hand.pt").exists()


def test_the_newest_file_is_taken_whoever_named_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    scripted(CURVE, Save("on_step_end", folder / "a.pt", 17), Checkpoint(folder)).train()
    torch.save({"weight": torch.ones(2)}, folder / "no checkpoint.pt")
    for step in (18, 17, 15):
        checkpoint = Checkpoint(folder)
        trainer = scripted(CURVE, checkpoint)
        assert checkpoint.resume(trainer)
        assert trainer.step == step
        {18: folder / name(18, 6, 0), 17: folder / "a.pt", 15: folder / name(15, 5, 0)}[
            step
        ].unlink()


def test_in_mid_epoch_it_needs_a_checkpoint_among_the_callbacks(tmp_path: Path) -> None:
    trainer = scripted(CURVE, Save("on_step_end", tmp_path / "a.pt", 2))
    with pytest.raises(ValueError, match=r"^a run in mid-epoch must have a Checkpoint"):
        trainer.train()
    assert names(tmp_path) == []


def test_between_epochs_it_needs_none(tmp_path: Path) -> None:
    trainer = scripted(CURVE, Save("on_epoch_end", tmp_path / "a.pt", 6))
    trainer.train()
    checkpoint = Checkpoint(tmp_path)
    again = scripted(CURVE, checkpoint)
    assert checkpoint.resume(again)
    assert again.epoch == 2
    again.train()
    assert_same(dict(again.model.state_dict()), dict(trainer.model.state_dict()))


@pytest.mark.parametrize("hook", ["on_step_start", "on_backward_end"])
@pytest.mark.parametrize("step", [0, 2, 3])
@pytest.mark.parametrize("among", [True, False])
def test_in_the_middle_of_a_step_it_is_refused(
    hook: str, step: int, among: bool, tmp_path: Path
) -> None:
    more = [Checkpoint(tmp_path / "folder")] if among else []
    trainer = scripted(CURVE, Save(hook, tmp_path / "a.pt", step), *more)
    with pytest.raises(ValueError, match=r"between two steps|must have a Checkpoint among"):
        trainer.train()
    assert not (tmp_path / "a.pt").exists()


def test_in_the_middle_of_a_step_it_is_refused_also_after_an_interruption(
    tmp_path: Path,
) -> None:
    class Once(Callback):
        """Raises after an update, before the checkpoint sees it; then saves too early."""

        raised = False

        def on_step_end(self, trainer: Trainer) -> None:
            if not self.raised:
                self.raised = True
                raise KeyboardInterrupt

        def on_backward_end(self, trainer: Trainer) -> None:
            if self.raised:
                save_checkpoint(trainer, tmp_path / "a.pt")

    trainer = scripted(CURVE, Once(), Checkpoint(tmp_path / "folder"))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    with pytest.raises(ValueError, match="between two steps"):
        trainer.train()
    assert not (tmp_path / "a.pt").exists()


def test_what_it_replaces_stands_where_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"before")
    trainer = scripted(CURVE)
    trainer.optimizer.param_groups[0]["lr"] = object()  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"\['lr'\] must be made of tensors"):
        save_checkpoint(trainer, path)
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["a.pt"]


# Others may collect a state otherwise.


def test_a_process_that_does_not_write_collects_beside_the_one_that_does(
    tmp_path: Path,
) -> None:
    class Second(Checkpoint):
        collected = 0

        def collect(self, trainer: Trainer) -> dict[str, Any]:
            self.collected += 1
            return super().collect(trainer)

    def beside() -> None:
        second = Second(tmp_path, every=1, writes=False)
        trainer = scripted(CURVE, Save("on_step_end", tmp_path / "a.pt", 7), second)
        assert second.resume(trainer)
        assert trainer.step == 3
        trainer.train()
        assert second.collected == 15 + 5 + 1

    scripted(CURVE, During(beside), Checkpoint(tmp_path)).train()
    assert names(tmp_path) == [name(15, 5, 0), name(18, 6, 0)]


def test_what_a_subclass_collects_is_what_it_gets_back(tmp_path: Path) -> None:
    class WithSeed(Checkpoint):
        seed = 0

        def collect(self, trainer: Trainer) -> dict[str, Any]:
            return {**super().collect(trainer), "seed": self.seed}

        def restore(self, trainer: Trainer, state: Any) -> None:
            super().restore(trainer, state)
            self.seed = state["seed"]

    checkpoint = WithSeed(tmp_path)
    checkpoint.seed = 5
    scripted(CURVE, checkpoint).train()
    again = WithSeed(tmp_path)
    assert again.resume(scripted(CURVE, again))
    assert again.seed == 5


def test_a_run_goes_on_from_the_random_states_that_a_subclass_restores(
    tmp_path: Path,
) -> None:
    class OfThisProcess(Checkpoint):
        """One of several processes: each has random states of its own in the file."""

        def restore(self, trainer: Trainer, state: Any) -> None:
            super().restore(trainer, {**state, "random": own})

    scripted(CURVE[:3], Checkpoint(tmp_path)).train()
    torch.manual_seed(77)
    own = random_states(scripted(CURVE))
    expected = torch.rand(3)
    torch.manual_seed(0)
    drawn: list[Tensor] = []
    checkpoint = OfThisProcess(tmp_path)
    trainer = scripted(CURVE, checkpoint)
    checkpoint.resume(trainer)
    torch.manual_seed(0)
    train_step = trainer._train_step

    def step() -> None:
        drawn.append(torch.rand(3))
        train_step()

    trainer._train_step = step  # type: ignore[method-assign]
    trainer.train()
    assert torch.equal(drawn[0], expected)
