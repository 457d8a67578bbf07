"""Scheduling: the learning rate changes as a run goes on."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from groundup._checks import check_count, check_not_negative, check_schedule
from groundup.optimizers.wrapper import Wrapper

Schedule = Callable[[int, int], float]


class Scheduled(Wrapper):
    """Sets each group's rate right before a step: its first value times a factor.

    So there is no order of calls to get wrong, and whoever looks at `param_groups` after a
    step sees the rate that it was taken with. A run that takes more steps than it was said
    to, as one that was stopped in mid-epoch and goes on does, keeps the last one's rate.

    Args:
        optimizer: what takes the step.
        schedule: called as `schedule(step, total_steps)`, step from 0; gives a factor.
        total_steps: how many steps the run has, at least 1.

    Attributes:
        total_steps: may be set anew, where a run turns out to be longer.
        steps: how many were taken.
        rates: each group's first rate.

    Raises:
        TypeError: as `Wrapper`, and if the schedule can't be called or `total_steps` is not
            an integer.
        ValueError: as `Wrapper`, and if `total_steps` is not positive, or the schedule
            refuses it or gives a negative factor or none at its beginning or end.

    Example:
        >>> p = torch.ones(1, requires_grad=True)
        >>> p.grad = torch.ones(1)
        >>> optimizer = Scheduled(SGD([p], lr=0.1), LinearSchedule(), total_steps=2)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     print(optimizer.param_groups[0]["lr"])
        0.1
        0.05
    """

    def __init__(self, optimizer: Any, schedule: Schedule, total_steps: int) -> None:
        super().__init__(optimizer)
        check_schedule(schedule)
        check_count("total_steps", total_steps, minimum=1)
        self.schedule = schedule
        self.total_steps = int(total_steps)
        self.steps = 0
        self.rates = [group["lr"] for group in self.param_groups]
        for step in (0, self.total_steps - 1):
            self._factor(step)

    def step(self) -> None:
        """Set the rates, then step.

        Warns:
            RuntimeWarning: if all steps were taken: this one has the last one's rate.

        Raises:
            ValueError: if the schedule gives a negative factor or none, or the optimizer
                was given further groups. Nothing has moved then.
        """
        self._check_groups()
        factor = self._factor(self.steps)
        for group, rate in zip(self.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        super().step()
        self.steps += 1

    def _check_groups(self) -> None:
        if len(self.rates) != len(self.param_groups):
            raise ValueError(
                f"optimizer must have the {len(self.rates)} groups that it had when it was "
                f"wrapped, got {len(self.param_groups)}"
            )

    def _factor(self, step: int) -> float:
        if step >= self.total_steps:
            warnings.warn(
                f"a run of total_steps={self.total_steps} goes on at its last rate: "
                "set total_steps for a longer one",
                RuntimeWarning,
                stacklevel=3,
            )
            step = self.total_steps - 1
        factor = self.schedule(step, self.total_steps)
        check_not_negative("the schedule's factor", factor)
        return float(factor)

    def state_dict(self) -> dict[str, Any]:
        """Return how far the run is and its first rates, beside the optimizer's state."""
        inner = super().state_dict()
        return {"steps": self.steps, "rates": [*self.rates], "optimizer": inner}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, with this schedule and its total.

        Raises:
            TypeError, ValueError: if it is another's or of other groups. Nothing is changed
                then.
        """
        self._check_state(state_dict, "steps", "rates")
        steps, rates = state_dict["steps"], [*state_dict["rates"]]
        check_count("steps", steps, minimum=0)
        if len(rates) != len(self.rates):
            raise ValueError(
                f"state_dict must be of {len(self.rates)} groups, got {len(rates)}"
            )
        super().load_state_dict(state_dict["optimizer"])
        self.steps, self.rates = steps, rates

    def _options(self) -> tuple[str, ...]:
        return f"{self.schedule!r}", f"total_steps={self.total_steps}"
