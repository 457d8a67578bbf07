"""The base class of all callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundup.trainer import Trainer


class Callback:
    """An observer of a run of `Trainer`: it may stop it, and never changes the arithmetic.

    A subclass overrides the hooks that it needs; the others cost nothing. Each is given the
    trainer, whose attributes say where the run stands: they are up to date before a hook
    whose name ends in `end` is called.

    Example:
        >>> class StopAt(Callback):
        ...     def on_step_end(self, trainer):
        ...         if trainer.step == 100:
        ...             trainer.stop("100 steps are enough")
    """

    def on_train_start(self, trainer: Trainer) -> None:
        """Called when `train` begins, or goes on after a stop."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Called before the loader is iterated.

        Also where a restored run goes on in mid-epoch.
        """

    def on_step_start(self, trainer: Trainer) -> None:
        """Called once a batch is there: see `inputs` and `targets`."""

    def on_backward_end(self, trainer: Trainer) -> None:
        """Called before the update: see `loss`, `predictions`, each `grad`."""

    def on_step_end(self, trainer: Trainer) -> None:
        """Called after the update; afterwards the step's tensors are let go."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Called after validation, when `result` has the epoch's losses."""

    def on_train_end(self, trainer: Trainer) -> None:
        """Called when `train` ends, for whatever reason.

        An exception and Ctrl-C pass through afterwards. Where they come in mid-step,
        `inputs` is not None.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know of this callback: here nothing.

        Numbers, strings, tensors, and lists and dictionaries of them: `torch.load` takes no
        more from a file.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave: before the run, into a callback made anew.

        A subclass that has some calls this first: it refuses what is not for it.

        Raises:
            TypeError: if the state is no mapping.
            ValueError: if it has other keys than this callback's own.
        """
        kind, known = type(self).__name__, [*self.state_dict()]
        if not isinstance(state, Mapping):
            other = type(state).__name__
            raise TypeError(f"state must be what {kind}.state_dict() gives, got a {other}")
        if {*state} != {*known}:
            raise ValueError(f"state must be {kind}'s, of {known}, got one of {[*state]}")


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The hooks' names, in the order in which a run calls them."""
