"""Contenders that take turns: what disturbs one round disturbs all of them."""

import gc
import time
from collections.abc import Callable, Mapping


def in_turns(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 7
) -> dict[str, list[float]]:
    """Call each contender once to warm up, then in rounds, each round from another one on.

    The garbage of one contender is collected before the next one's time starts; while it
    runs, the collector is on, as users have it. What was imported is frozen, so that no
    contender's collections look through all the others' libraries, which no user has in one
    process.

    Args:
        contenders: a name → what is called, without arguments.
        rounds: how often each is timed.

    Returns:
        A name → seconds, one number a round.
    """
    for work in contenders.values():
        work()  # the first calls import and allocate
    gc.collect()
    gc.freeze()
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        turn = i % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            start = time.perf_counter()
            contenders[name]()
            seconds[name].append(time.perf_counter() - start)
    gc.unfreeze()
    return seconds
