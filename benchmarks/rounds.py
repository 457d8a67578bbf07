"""Contenders that take turns: what disturbs one round disturbs all of them, and what counts is the ratio in a round."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

ROUNDS = 9


def compare(job: str, contenders: Mapping[str, Callable[[], object]]) -> None:
    """Print each contender's least and median time, and its ratio to the first one; with one thread, then with all."""
    reference, *_ = contenders
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for work in contenders.values():
            work()  # the first calls import and allocate
        times: dict[str, list[float]] = {name: [] for name in contenders}
        names = list(contenders)
        for i in range(ROUNDS):
            turn = i % len(names)
            for name in names[turn:] + names[:turn]:
                start = time.perf_counter()
                contenders[name]()
                times[name].append(time.perf_counter() - start)
        print(f"{job}, {threads} thread(s)")
        for name, measured in times.items():
            ratios = [a / b for a, b in zip(measured, times[reference], strict=True)]
            least, median = min(measured), statistics.median(measured)
            print(
                f"  {name:12} {1000 * least:8.1f} ms least, {1000 * median:8.1f} ms median, "
                f"{statistics.median(ratios):.2f} × ({min(ratios):.2f} to {max(ratios):.2f})"
            )
