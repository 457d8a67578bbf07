"""The state of a run: what it is, whether it fits, and how a run gets it back."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundup._checks import check_same_tensors, check_steps, describe, length_of
from groundup.checkpoints._random import generators, random_states, set_random_states

if TYPE_CHECKING:
    from groundup.callbacks.callback import Callback
    from groundup.trainer import Trainer


def state_of(trainer: Trainer, epoch_start: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return all that a run is, between two steps. The tensors are those in use.

    Args:
        trainer: whose run it is.
        epoch_start: the random states in which the epoch began; None between two epochs.
    """
    result = trainer.result
    return {
        "epoch": trainer.epoch,
        "step": trainer.step,
        "batch": trainer.batch,
        "batches": length_of(trainer.train_loader),
        "average": trainer.train_loss.state_dict(),
        "result": {
            "train_losses": result.train_losses,
            "val_losses": result.val_losses,
            "metrics": result.metrics,
            "stop_reason": result.stop_reason,
        },
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),  # type: ignore[attr-defined]
        "callbacks": _of_callbacks(trainer),
        "epoch_start": epoch_start,
        "random": random_states(trainer),
    }


def _numbered(trainer: Trainer) -> dict[str, Callback]:
    """Return the callbacks by kind and number."""
    named, numbers = {}, Counter[str]()
    for callback in trainer.callbacks:
        kind = type(callback).__name__
        numbers[kind] += 1
        named[f"{kind} {numbers[kind]}"] = callback
    return named


def _of_callbacks(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """Return the states of the callbacks that have one."""
    states = {name: c.state_dict() for name, c in _numbered(trainer).items()}
    return {name: state for name, state in states.items() if state}


def check_states(trainer: Trainer) -> None:
    """Refuse pieces that can't tell their state."""
    check_steps(trainer.optimizer, "state_dict", "load_state_dict")
    for method in ("state_dict", "load_state_dict"):
        if not callable(getattr(trainer.train_loss, method, None)):
            raise TypeError(
                f"average must make objects with {method}(), "
                f"got {describe(trainer.train_loss)}"
            )


def put_back(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Give a state to a run of the same pieces: all of it or, where it is refused, nothing.

    Raises:
        TypeError, ValueError: if it is that of a run of other pieces.
    """
    _check_fits(trainer, state)
    others = generators(trainer).keys() ^ state["random"]["generators"].keys()
    if others:
        warnings.warn(
            f"a resumed run draws other numbers where it has other generators: "
            f"{', '.join(sorted(others))} were not there both when it was saved and now",
            stacklevel=5,
        )
    # A piece may refuse its state when others have got theirs.
    before = copy.deepcopy(state_of(trainer, None))
    try:
        _put(trainer, state)
    except BaseException:
        _put(trainer, before)
        raise


def _put(trainer: Trainer, state: Mapping[str, Any]) -> None:
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])  # type: ignore[attr-defined]
    for name, callback in _numbered(trainer).items():
        if name in state["callbacks"]:
            callback.load_state_dict(state["callbacks"][name])
    average = trainer.average()
    average.load_state_dict(state["average"])
    trainer.train_loss = average
    for name, value in copy.deepcopy(state["result"]).items():
        setattr(trainer.result, name, value)
    for name in ("epoch", "step", "batch"):
        setattr(trainer, name, state[name])
    set_random_states(trainer, state["random"])


def _check_fits(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Refuse the state of a run of other pieces, as far as it can be seen beforehand."""
    check_same_tensors(
        "be the one that was saved, with", trainer.model.state_dict(), state["model"]
    )
    for what, now, then in (
        ("batches of train_loader", length_of(trainer.train_loader), state["batches"]),
        ("metrics", [*trainer.metrics], [*state["result"]["metrics"]]),
        ("callbacks with a state", [*_of_callbacks(trainer)], [*state["callbacks"]]),
    ):
        if now != then:
            raise ValueError(f"{what} must be as they were saved, {then}, got {now}")
    validated = len(state["result"]["val_losses"])
    if state["epoch"] and bool(validated) != (trainer.val_loader is not None):
        raise ValueError(
            f"val_loader must be there if it was when the run was saved, got "
            f"{trainer.val_loader} after {validated} validations"
        )
