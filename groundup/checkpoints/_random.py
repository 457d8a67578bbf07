"""The random states of a run: who draws, what they are, and back to them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import chain, islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from groundup.trainer import Trainer

_FEW = 100
"""A list that is longer holds samples, not pieces."""


def random_states(trainer: Trainer) -> dict[str, Any]:
    """Return the states of all that a run may draw from, beside the model's own.

    Those are what torch, NumPy and `random` keep for the whole process, and the generators
    that loaders, loss and metrics hold: other pieces have a `state_dict` to tell theirs.
    """
    states: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    if "numpy.random" in sys.modules:  # who has not imported it has not drawn from it
        states["numpy"] = _without_arrays(_numpy().get_state(legacy=False))
    states["generators"] = {name: _get(g) for name, g in generators(trainer).items()}
    return states


def set_random_states(trainer: Trainer, states: Mapping[str, Any]) -> None:
    """Go back to what `random_states` gave, of a run of the same pieces."""
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    if "cuda" in states and torch.cuda.is_available():
        for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state, device)
    if "mps" in states and torch.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
    if "numpy" in states:
        _numpy().set_state(states["numpy"])
    for name, generator in generators(trainer).items():
        if name in states["generators"]:  # some are made when they first draw
            _set(generator, states["generators"][name])


def generators(trainer: Trainer) -> dict[str, Any]:
    """Return the generators in a run's pieces without a `state_dict`, by their places."""
    found: dict[str, Any] = {}
    seen = {id(piece) for piece in (trainer, trainer.model, trainer.optimizer)}
    pieces: list[tuple[str, Any]] = [
        ("train_loader", trainer.train_loader),
        ("val_loader", trainer.val_loader),
        ("loss_function", trainer.loss_function),
        ("metrics", dict(trainer.metrics)),
    ]
    while pieces:
        name, piece = pieces.pop(0)
        if id(piece) in seen:
            continue
        seen.add(id(piece))
        if _draws(piece):
            found[name] = piece
        else:
            pieces += [(f"{name}{place}", part) for place, part in _parts(piece)]
    return found


def _parts(piece: Any) -> Iterator[tuple[str, Any]]:
    """Give what an object holds. An iterator's place is nobody's to look into."""
    if isinstance(piece, type | ModuleType | torch.Tensor) or hasattr(piece, "__next__"):
        return
    if isinstance(piece, dict) and len(piece) <= _FEW:
        yield from ((f"[{key!r}]", part) for key, part in piece.items())
    elif isinstance(piece, list | tuple) and len(piece) <= _FEW:
        yield from ((f"[{i}]", part) for i, part in enumerate(piece))
    elif hasattr(piece, "__dict__"):
        yield from ((f".{name}", part) for name, part in vars(piece).items())


def _draws(piece: Any) -> bool:
    kinds: tuple[type, ...] = (torch.Generator, random.Random)
    if "numpy.random" in sys.modules:
        kinds += (_numpy().Generator, _numpy().RandomState)
    return isinstance(piece, kinds)


def _get(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    if hasattr(generator, "bit_generator"):
        return _without_arrays(generator.bit_generator.state)
    return _without_arrays(generator.get_state(legacy=False))


def _set(generator: Any, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    elif isinstance(generator, random.Random):
        generator.setstate(state)
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


def _numpy() -> Any:
    return import_module("numpy.random")


def _without_arrays(state: Any) -> Any:
    """Return a state of NumPy's as numbers and lists: `torch.load` takes no array."""
    if isinstance(state, dict):
        return {name: _without_arrays(value) for name, value in state.items()}
    return state.tolist() if hasattr(state, "tolist") else state


class ResumedLoader:
    """A loader that stands in for the true one where a run goes on in mid-epoch, once.

    From the random states in which the epoch began it gives the epoch's batches anew; those
    that are done are for the loop to skip. Before the next one come the random states of
    the save.

    Args:
        trainer: gets its true loader back as soon as this one is iterated.
        start: the random states in which the epoch began.
        now: those of the save.
    """

    def __init__(
        self, trainer: Trainer, start: Mapping[str, Any], now: Mapping[str, Any]
    ) -> None:
        self.trainer = trainer
        self.loader = trainer.train_loader
        self.start = start
        self.now = now

    def __iter__(self) -> Iterator[Any]:
        self.trainer.train_loader = self.loader
        set_random_states(self.trainer, self.start)
        batches = iter(self.loader)
        return chain(islice(batches, self.trainer.batch), self._rest(batches))

    def _rest(self, batches: Iterator[Any]) -> Iterator[Any]:
        set_random_states(self.trainer, self.now)
        yield from batches


def persistent_loaders(trainer: Trainer) -> list[Any]:
    """Return the loaders whose worker processes live as long as the run."""
    return [
        loader
        for loader in (trainer.train_loader, trainer.val_loader)
        if getattr(loader, "persistent_workers", False)
        and getattr(loader, "num_workers", 0)
    ]
