"""A step of AdamW: ours beside torch's for-loop, foreach and fused kernels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.rows import Row, rows_of
from groundup import MLP, AdamW, LinearRegression, time_in_turns

RATE = 1e-4

CONTENDERS: dict[str, Callable[[list[Tensor]], Any]] = {
    "torch for-loop": partial(torch.optim.AdamW, lr=RATE, foreach=False),
    "groundup": partial(AdamW, lr=RATE),
    "torch foreach": partial(torch.optim.AdamW, lr=RATE, foreach=True),
    "torch fused": partial(torch.optim.AdamW, lr=RATE, fused=True),
}

SETTINGS = {
    "all": [
        "float32 on the CPU, gradients from a seed and the same at each step: nothing but "
        "`step()` is timed",
        "200 steps a round; 20 for a million parameters",
        "lr 0.0001, all else by default, weight decay 0.01 included; the parameters after "
        "a round's steps are compared before anything is timed",
    ],
    "torch for-loop": ["`torch.optim.AdamW(foreach=False)`: the reference"],
    "groundup": ["`AdamW`: one parameter after the other, in the same operations"],
    "torch foreach": [
        "`torch.optim.AdamW(foreach=True)`: one operation for all parameters"
    ],
    "torch fused": ["`torch.optim.AdamW(fused=True)`: one kernel for all operations"],
}


def _like(shapes: list[tuple[int, ...]]) -> list[Tensor]:
    """Return parameters with a gradient each, the same at each call."""
    draw = torch.Generator().manual_seed(0)
    parameters = [torch.randn(shape, generator=draw).requires_grad_() for shape in shapes]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=draw)
    return parameters


def _shapes(module: torch.nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in module.parameters()]


PARAMETERS: dict[str, tuple[list[tuple[int, ...]], int]] = {
    "chapter one's 7 parameters in 2 tensors": (_shapes(LinearRegression(6)), 200),
    "a small MLP: 97 parameters in 4 tensors": (_shapes(MLP(4, 16)), 200),
    "a million parameters in 1 tensor": ([(1000, 1000)], 20),
    "a million parameters in 100 tensors": ([(100, 100)] * 100, 20),
}
"""What is moved -> its shapes, and how many steps a round are timed."""


def check(shapes: list[tuple[int, ...]], steps: int) -> None:
    """Hold all contenders to the first.

    Raises:
        ValueError: if one ends at other parameters; it is named.
    """
    ends = {}
    for name, make in CONTENDERS.items():
        parameters = _like(shapes)
        _steps(make(parameters), steps)
        ends[name] = torch.cat([p.detach().flatten() for p in parameters])
    expected = ends["torch for-loop"]
    for name, end in ends.items():
        off = (end - expected).abs().max().item()
        if not off < 1e-6:
            raise ValueError(
                f"{name} in optimizers must end at the parameters of torch's for-loop, got "
                f"some that are off by {off:.3g}"
            )


def _steps(optimizer: Any, count: int) -> None:
    for _ in range(count):
        optimizer.step()


def measure(threads: int, job: str) -> list[Row]:
    """Rows for each set of parameters."""
    rows = []
    for setting, (shapes, steps) in PARAMETERS.items():
        check(shapes, steps)
        work = {
            name: partial(_steps, make(_like(shapes)), steps)
            for name, make in CONTENDERS.items()
        }
        rounds = {
            name: [seconds / steps for seconds in measured]
            for name, measured in time_in_turns(work, rounds=15).items()
        }
        rows += rows_of(job, rounds, "torch for-loop", threads, setting)
    return rows
