"""Pieces of code that are timed in turns: what disturbs one round disturbs all of them."""

import gc
import time
from collections.abc import Callable, Mapping

from groundup._checks import check_count, describe


def time_in_turns(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 7
) -> dict[str, list[float]]:
    """Time contenders in rounds, each from another one on, after a call of each to warm up.

    The garbage of one contender is collected before the next one's time starts; while it
    runs, the collector is on, as users have it. What was there before is frozen, so that no
    contender's collections look through all the others' libraries, which no user has in one
    process.

    Args:
        contenders: a name → what is called, without arguments.
        rounds: how often each is timed, at least once.

    Returns:
        A name → seconds, one number a round.

    Raises:
        TypeError: if a contender can't be called, or `rounds` is not an integer.
        ValueError: if there is no contender, or `rounds` is not positive.

    Example:
        >>> x = torch.ones(100, 100)
        >>> seconds = time_in_turns({"sum": x.sum, "product": lambda: x @ x}, rounds=3)
        >>> {name: len(times) for name, times in seconds.items()}
        {'sum': 3, 'product': 3}
    """
    check_count("rounds", rounds, minimum=1)
    if not contenders:
        raise ValueError("contenders must hold at least one, got none")
    for name, work in contenders.items():
        if not callable(work):
            raise TypeError(
                f"contender {name!r} must be callable without arguments, "
                f"got {describe(work)}"
            )
    for work in contenders.values():
        work()  # the first calls import and allocate
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    try:
        for i in range(rounds):
            turn = i % len(names)
            for name in names[turn:] + names[:turn]:
                gc.collect()
                start = time.perf_counter()
                contenders[name]()
                seconds[name].append(time.perf_counter() - start)
    finally:
        gc.unfreeze()
    return seconds
