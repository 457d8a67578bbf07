"""Runs, data and one chart of each kind for what holds for every chart."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup import (
    DataLoader,
    Dataset,
    LinearRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    SweepResult,
    TrainerResult,
    charts,
    make_regression,
    mean_squared_error,
    oracle,
    sweep,
)
from tests.helpers import seeded

INF, NAN = math.inf, math.nan
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY = "#8C8C8C"

TRUE = (torch.tensor([[1.5], [-0.5]]), torch.tensor([0.5]))
X, y = make_regression(64, 2, generator=seeded(), weights=TRUE[0], bias=0.5)
X1 = X[:, :1]
LIMIT = oracle.largest_stable_learning_rate(X)


def model() -> LinearRegression:
    return LinearRegression(2, seeded(1))


def train(learning_rate: float, epochs: int) -> NaiveTrainerResult:
    config = NaiveTrainerConfig(epochs, learning_rate)
    return NaiveTrainer(model(), mean_squared_error, X, y, config).train()


def with_losses(*losses: float) -> NaiveTrainerResult:
    """A run with these losses, whose weights grow by one an epoch."""
    parameters: list[tuple[Tensor, ...]] = [
        (torch.full((2, 1), float(i)), torch.ones(1)) for i in range(len(losses))
    ]
    return NaiveTrainerResult(list(losses), parameters)


def run(
    training: Sequence[float], validation: Sequence[float] = (), **metrics: list[float]
) -> TrainerResult:
    return TrainerResult([*training], [*validation], metrics)


BELOW = with_losses(1.0, -2.0)
STABLE, NO_EPOCHS, DIVERGED = train(0.1, 20), train(0.1, 0), train(3.0, 60)
VALIDATED = run([4.0, 2.0, 1.0], [5.0, 3.0, 2.0], accuracy=[0.5, 0.75, 0.875])
OTHER = run([3.0, 1.0, 0.5], [4.0, 3.0, 2.5], accuracy=[0.25, 0.5, 0.625])
LEFT = run([4.0, 10.0, 1e5, INF], [5.0, 2.0, NAN, NAN], accuracy=[0.5, 0.5, 0.0, 0.0])

PROBLEMS = {
    "as drawn": charts.Problem(X, y, TRUE),
    "first feature × 4": charts.Problem(
        X * torch.tensor([4.0, 1.0]), y, (TRUE[0] / torch.tensor([[4.0], [1.0]]), TRUE[1])
    ),
}
HALVED = {name: charts.Problem(X / 2, 3 * y, TRUE) for name in PROBLEMS}
GHOSTS = [0.05, 0.2, 3.0]

# Two classes that a slanted line parts; none of it is the same with x and y exchanged.
BIRDS = torch.randn(30, 2, generator=seeded()) * torch.tensor([2.0, 500.0])
BIRDS += torch.tensor([17.0, 4000.0])


def slanted(places: Tensor) -> Tensor:
    """A logit for each place, between −6 and 6 or so."""
    return (places[:, :1] - 17) - (places[:, 1:] - 4000) / 400


MALE = (slanted(BIRDS) > 0).float()
FEATURES = ("bill depth in mm", "body mass in g")
SEXES = ("female", "male")


def batches_of(size: int, shuffle: bool = True) -> list[list[list[int]]]:
    """What a loader of 24 samples gives in four epochs: positions, batch by batch."""
    data = Dataset(torch.arange(24))
    loader = DataLoader(data, size, shuffle=shuffle, generator=seeded())
    return [[positions.tolist() for (positions,) in loader] for _ in range(4)]


def spread_of(size: float, one: float = 3.0, samples: int = 512) -> float:
    """σ/√B · √((n − B)/(n − 1)): how far a batch's mean is from that of all."""
    return one / math.sqrt(size) * math.sqrt((samples - size) / (samples - 1))


SPREADS = {2**i: spread_of(2**i) for i in range(10)}
COSTS = [
    {"samples": 100, "operations": 0.2, "megabytes": 0.01},
    {"samples": 1_000, "operations": 0.3, "megabytes": 0.1},
    {"samples": 100_000, "operations": 6.2, "megabytes": 12.0},
]
COURSES = {
    "plain": [8.0, 4.0, 2.0, 1.0],
    "wild": [8.0, 40.0, 900.0, 1e5],
    "quick": [8.0, 1.0, 1e-7, 1e-12],
}
PROMISES = {"by validation": (1.254, 1.266), "by test": (1.108, 1.344)}
MEASURED = {"groundup": 1.041, "torch": 12.345, "by hand": 1.0, "naive": 0.57}

BUGS = [
    charts.Bug(7, "too slow", "p -= rate * p.grad", train(0.02, 20).losses),
    charts.Bug(3, "too fast", "loss = error.square().mean()", DIVERGED.losses),
    charts.Bug(2, "it stops at once", "for _ in range(epochs):", STABLE.losses[:1]),
]

SWINGS = [9 * 0.9**i for i in range(40)], [4.5 + 4.5 * math.cos(i / 2) for i in range(40)]

LEAST = 0.25
RATES = [0.13, 0.18, 0.25, 0.35]


def paced(points: int) -> Tensor:
    """Losses from 8.05 down, a run at its own pace: shape `(4 sizes, 4 rates, points)`."""
    paces = torch.linspace(0.1, 0.9, 16).reshape(4, 4, 1)
    return LEAST + 7.8 * torch.exp(-paces * torch.arange(points))


BY_EPOCH, BY_UPDATE = paced(5), paced(7)
BY_EPOCH[0, 3] = torch.tensor([8.0, 30.0, 900.0, 8e4, 9e9])
BY_EPOCH[1, 3] = torch.tensor([8.0, 9.0, INF, NAN, NAN])
BY_UPDATE[0, 3] = torch.tensor([8.0, 80.0, 80.1, 100.0, INF, NAN, NAN])

TRAINING = torch.linspace(2, 0, 5).expand(2, 3, 5) + torch.arange(6).reshape(2, 3, 1) / 10
VALIDATION = TRAINING + torch.linspace(0.1, 1.7, 5)

IMAGES = torch.randint(0, 17, (12, 8, 8), generator=seeded()) / 16
CLASSES = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
READ = CLASSES.expand(2, 3, 5, 12).clone()
READ[:, :, :, 0] = 8  # always
READ[:, :, 0, 1:8] = torch.tensor([7, 7, 7, 3, 3, 7, 0])  # at first
READ[1, 2, 4, 9] = 5  # in one place alone, where the last one is right
READ[0, 0, 4] = CLASSES

NEVER_KILLED = [2.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.75, 0.7]
KILLS = [2, 4, 6]
FORGOTTEN = {"nothing": "with everything", "moments": "without moments", "order": "alone"}
RESUMES = [
    [NEVER_KILLED[k:], [2.5 - k / 10 - i / 9 for i in range(8 - k)], [0.6] * (8 - k)]
    for k in KILLS
]
APART = [
    [[0.0] * (8 - k), [0.01 * k * 2**i for i in range(8 - k)], [0.0] + [0.3] * (7 - k)]
    for k in KILLS
]
"""Weights that part at once, and such as part after a step."""


def swept(
    rates: Sequence[float] = (0.01, 0.1, 0.3, 3.0, 4.0), epochs: int = 20
) -> SweepResult:
    return sweep(model(), mean_squared_error, X, y, rates, epochs)


def near(values: Sequence[Any]) -> list[Any]:
    """Numbers, or points, to the four figures that a chart keeps."""
    return [pytest.approx(value, rel=6e-4, abs=1e-6) for value in values]


PAIRS: dict[str, tuple[Callable[..., charts.Content], tuple[Any, ...], tuple[Any, ...]]] = {
    "losses": (charts.losses, (STABLE,), ({"a": run([9.0, 8.0]), "b": DIVERGED},)),
    "losses of runs": (charts.losses, ({"calm": VALIDATED, "wild": LEFT},), (DIVERGED,)),
    "linear losses": (charts.losses, (run([2.0, 1.0, 0.0], [1.0, 0.5, -1.0]),), (BELOW,)),
    "losses and a metric": (
        charts.losses,
        (VALIDATED, "accuracy"),
        ({"calm": OTHER, "wild": LEFT}, "accuracy"),
    ),
    "trajectories": (charts.trajectories, (STABLE, TRUE), (DIVERGED, None, ["v", "b"])),
    "training": (charts.training, (STABLE, TRUE), (DIVERGED,)),
    "fit": (charts.fit, (X1, y, {"line": 1.5 * X1, "curve": X1**2}, "A"), (y, y, {})),
    "sweep": (charts.sweep_losses, (swept(), LIMIT), (swept([0.01, 0.02], 3),)),
    "pace": (charts.pace, (STABLE, 0.005, 0.6), (DIVERGED, 0.1, 0.9)),
    "explorer": (
        charts.learning_rate_explorer,
        (PROBLEMS, model(), mean_squared_error, GHOSTS),
        (HALVED, model(), mean_squared_error, [0.3]),
    ),
    "quiz": (charts.guilty_line, (STABLE.losses, BUGS, 9), ([9.0, 8.0], BUGS[::-1], 9)),
    "struck loop": (
        charts.struck_loop,
        (SWINGS[0], SWINGS[1], ["zero_grad"]),
        ([9.0, 8.0], "TypeError: no number", ["a_step", "b_step", "c_step", "d_step"]),
    ),
    "batch order": (
        charts.batch_order,
        (batches_of(5), 24, "Batches of 5"),
        (batches_of(7, False)[:2], 30),
    ),
    "gradient noise": (charts.gradient_noise, (SPREADS, 3.0, 512), ({1: 2.0}, 2.0, 64)),
    "growth": (charts.growth, (COSTS,), (COSTS[:2],)),
    "batch sizes": (
        charts.batch_size_explorer,
        (BY_EPOCH, BY_UPDATE, RATES, 8, LEAST),
        (2 * paced(9), paced(3), [0, 1, 2, 3], 4, 0.1),
    ),
    "boundary": (
        charts.decision_boundary,
        (BIRDS, MALE, slanted, FEATURES, SEXES, "A title", 6),
        (BIRDS * 3, 1 - MALE, lambda at: -slanted(at), FEATURES, SEXES, "", 3),
    ),
    "promises": (charts.promises, (PROMISES,), ({"by dice": (1.0, 2.0)},)),
    "memorising": (
        charts.memorising_explorer,
        (TRAINING, VALIDATION, [8, 16], [1, 2, 4], 1.0),
        (VALIDATION, 9 * TRAINING, [20, 40], [2, 4, 8], 0.5),
    ),
    "courses": (
        charts.courses,
        (COURSES, "loss above the least"),
        ({"a": [1.0, 0.5], "b": [1.0, 1e9]}, "loss above the least"),
    ),
    "linear courses": (
        charts.courses,
        ({"up": [-1.0, 0.5]}, "weight", False),
        (COURSES, "weight", False),
    ),
    "scheduled": (
        charts.scheduled,
        ([3.0, 2.0, 1.0, 0.5], [0.1, 0.2, 0.1, 0.05], "Last loss 0.5"),
        ([3.0, INF, 9.0], [1.0, 2.0, 3.0], "Other"),
    ),
    "bowl": (charts.bowl_explorer, (), ()),
    "digits": (
        charts.digits,
        (IMAGES, CLASSES),
        (IMAGES[:3], CLASSES[1:4], "Three"),
    ),
    "restored": (charts.restored, ([3.0, 2.0, 2.5], 2.5), ([1.0], 1.0)),
    "mistakes": (
        charts.mistakes_explorer,
        (TRAINING + 0.1, VALIDATION, READ, IMAGES, CLASSES, [16, 32], [0.0, 0.25, 0.5]),
        (VALIDATION, TRAINING + 1, READ, 1 - IMAGES, CLASSES, [8, 9], [0.1, 0.2, 0.3]),
    ),
    "resumed": (
        charts.resumed,
        (NEVER_KILLED, RESUMES[0][1], APART[0][1], 2),
        (NEVER_KILLED, RESUMES[1][0], APART[1][0], 4),
    ),
    "resumes": (
        charts.resume_explorer,
        (NEVER_KILLED, RESUMES, APART, KILLS, FORGOTTEN, (4, "nothing")),
        (NEVER_KILLED[::-1], APART, RESUMES, KILLS, FORGOTTEN, (6, "moments")),
    ),
    "ratios": (charts.ratios, (MEASURED, "A long title"), ({"a": 4.0}, "Other", "a")),
    "no epochs": (charts.losses, (NO_EPOCHS,), ({},)),
}
"""A name → a kind of chart, what the chart of this name is made from, and another one."""


@cache
def chart(name: str) -> charts.Content:
    make, first, _ = PAIRS[name]
    return make(*first)


def other(name: str) -> charts.Content:
    make, _, second = PAIRS[name]
    return make(*second)
