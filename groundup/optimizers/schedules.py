"""Schedules: what becomes of a learning rate over a run, as functions without a state."""

import math
from dataclasses import dataclass

from groundup._checks import (
    check_count,
    check_not_negative,
    check_share,
)


def _check_place(step: int, total: int) -> None:
    check_count("total", total, minimum=1)
    check_count("step", step, minimum=0)
    if step > total:
        raise ValueError(f"step must be at most {total}, the total, got {step}")


@dataclass(frozen=True)
class ConstantSchedule:
    """A rate that rises to its full height and stays there.

    In a warm-up the updates 0, 1, 2, … have the factors 1 / w, 2 / w, 3 / w, … up to 1.

    Raises:
        TypeError: if `warmup_steps` is not an integer.
        ValueError: if it is negative; when called, if it is longer than the run.

    Example:
        >>> [ConstantSchedule(warmup_steps=4)(step, 6) for step in range(6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    warmup_steps: int = 0
    """How many updates the rise takes."""

    def __post_init__(self) -> None:
        check_count("warmup_steps", self.warmup_steps, minimum=0)
        object.__setattr__(self, "warmup_steps", int(self.warmup_steps))

    def __call__(self, step: int, total: int) -> float:
        """Return the factor of update `step`, from 0, of `total`."""
        _check_place(step, total)
        if self.warmup_steps > total:
            raise ValueError(
                f"warmup_steps must be at most {total}, the total of updates, "
                f"got {self.warmup_steps}"
            )
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        if step == total:
            return self._after(1.0)
        return self._after((step - self.warmup_steps) / (total - self.warmup_steps))

    def _after(self, part: float) -> float:
        """Return the factor when this part, from 0 to 1, of what follows is over."""
        return 1.0


@dataclass(frozen=True)
class LinearSchedule(ConstantSchedule):
    """A rate that goes straight from its full height to `final`, after a warm-up.

    Raises:
        TypeError: if `warmup_steps` is not an integer, or `final` no number.
        ValueError: if one is out of its range; when called, if the warm-up is longer than
            the run.

    Example:
        >>> [LinearSchedule()(step, 4) for step in range(4)]
        [1.0, 0.75, 0.5, 0.25]
    """

    final: float = 0.0
    """The factor that comes after the last update's, at least 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_not_negative("final", self.final)
        object.__setattr__(self, "final", float(self.final))

    def _after(self, part: float) -> float:
        return 1 + (self.final - 1) * part


@dataclass(frozen=True)
class CosineSchedule(LinearSchedule):
    """A rate that falls to `final` by half a cosine, after a warm-up: slow, fast, slow.

    Raises:
        TypeError, ValueError: as `LinearSchedule` does.

    Example:
        >>> [round(CosineSchedule()(step, 4), 3) for step in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """

    def _after(self, part: float) -> float:
        return _cosine(1.0, self.final, part)


@dataclass(frozen=True)
class OneCycleSchedule:
    """A rate that rises by half a cosine and falls by another (Smith and Topin, 2018).

    As `torch.optim.lr_scheduler.OneCycleLR`, which counts its last update, not what comes
    after it, as the end.

    Raises:
        TypeError: if a field is no number.
        ValueError: if one is out of its range.

    Example:
        >>> [round(OneCycleSchedule()(step, 10), 3) for step in range(10)]
        [0.04, 0.52, 1.0, 0.95, 0.812, 0.611, 0.389, 0.188, 0.05, 0.0]
    """

    peak: float = 0.3
    """The part of the run after which the rate has its full height, in [0, 1)."""

    start: float = 0.04
    """The first factor, at least 0."""

    final: float = 4e-6
    """The last factor, at least 0."""

    def __post_init__(self) -> None:
        check_share("peak", self.peak)
        check_not_negative("start", self.start)
        check_not_negative("final", self.final)
        for name in ("peak", "start", "final"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def __call__(self, step: int, total: int) -> float:
        """Return the factor of update `step`, from 0, of `total`."""
        _check_place(step, total)
        peak, last = self.peak * total - 1, total - 1
        if step < peak:
            return _cosine(self.start, 1.0, step / peak)
        return _cosine(1.0, self.final, min(1.0, (step - peak) / (last - peak)))


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)
