"""Random inputs for Hypothesis."""

from typing import NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor

from groundup import (
    AdamRecipe,
    AdamWRecipe,
    ConstantSchedule,
    CosineSchedule,
    Dataset,
    LinearRegression,
    LinearSchedule,
    OneCycleSchedule,
    SGDRecipe,
    TrainerConfig,
    make_regression,
)
from tests.helpers import seeded

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 5)
noises = st.sampled_from([0.0, 0.1, 3.0])


class Problem(NamedTuple):
    """Data and a linear model to be trained on them."""

    X: Tensor
    y: Tensor
    model: LinearRegression


@st.composite
def problems(draw: st.DrawFn, dtype: torch.dtype = torch.float64) -> Problem:
    """Few samples or many, features that are alike or stretched.

    They are of float64, in which a law holds to 1e-9.
    """
    generator = seeded(draw(seeds))
    num_features = draw(sizes)
    X, y = make_regression(draw(st.integers(1, 20)), num_features, draw(noises), generator)
    stretch = torch.tensor(
        draw(
            st.lists(
                st.sampled_from([0.3, 1.0, 4.0]),
                min_size=num_features,
                max_size=num_features,
            )
        )
    )
    return Problem(
        (X * stretch).to(dtype),
        y.to(dtype),
        LinearRegression(num_features, generator).to(dtype),
    )


@st.composite
def tensor_pairs(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Two tensors of the same shape, of one to three dimensions."""
    shape = draw(st.lists(sizes, min_size=1, max_size=3))
    generator = seeded(draw(seeds))
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)


batch_sizes = st.integers(1, 12)
blocks = st.sampled_from([1, 3_000, 10_000, 2**20])  # bytes


@st.composite
def datasets(draw: st.DrawFn, min_samples: int = 0) -> Dataset:
    """One to three tensors of different shapes and dtypes.

    The first holds each sample's own number.
    """
    n = draw(st.integers(min_samples, 30))
    generator = seeded(draw(seeds))
    others = [
        torch.randn(n, 2, 3, generator=generator, dtype=torch.float64),
        torch.randint(10, (n, 1), generator=generator),
    ]
    return Dataset(torch.arange(n), *others[: draw(st.integers(0, 2))])


@st.composite
def fractions(draw: st.DrawFn) -> list[float]:
    """Shares that add up to 1, some of them 0."""
    weights = draw(st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any))
    return [weight / sum(weights) for weight in weights]


@st.composite
def logits_and_targets(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits small or huge and targets hard or soft, in float64 and of the same shape."""
    shape = draw(st.lists(sizes, min_size=1, max_size=3))
    generator = seeded(draw(seeds))
    scale = draw(st.sampled_from([1.0, 30.0, 1e4]))
    logits = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    targets = torch.rand(shape, generator=generator, dtype=torch.float64)
    return logits, targets.round() if draw(st.booleans()) else targets


@st.composite
def logits_and_classes(
    draw: st.DrawFn, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Logits of a few classes, small or of up to ±1000, and the class of each sample."""
    n, k = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    generator = seeded(draw(seeds))
    scale = draw(st.sampled_from([1.0, 30.0, 1e3]))
    logits = scale * torch.randn(n, k, generator=generator, dtype=dtype)
    return logits.clamp(-1e3, 1e3), torch.randint(k, (n,), generator=generator)


rates = st.floats(min_value=0, exclude_min=True, allow_infinity=False)

momenta = st.floats(0, 1, exclude_max=True)
betas = st.tuples(momenta, momenta)
recipes = (
    st.builds(SGDRecipe, momentum=momenta, dampening=momenta)
    | st.builds(AdamRecipe, betas=betas, eps=rates)
    | st.builds(AdamWRecipe, betas=betas, eps=rates)
)
schedules = (
    st.builds(ConstantSchedule, warmup_steps=st.integers(0, 9))
    | st.builds(LinearSchedule, warmup_steps=st.integers(0, 9), final=st.floats(0, 2))
    | st.builds(CosineSchedule, warmup_steps=st.integers(0, 9), final=st.floats(0, 2))
    | st.builds(
        OneCycleSchedule,
        peak=st.floats(0, 0.99),
        start=st.floats(0, 2),
        final=st.floats(0, 2),
    )
)
configs = st.builds(
    TrainerConfig,
    epochs=st.integers(0, 10**6),
    batch_size=st.integers(1, 10**6),
    learning_rate=rates,
    weight_decay=rates | st.just(0.0),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
    optimizer=recipes,
    schedule=schedules | st.none(),
    max_gradient_norm=rates | st.none(),
    accumulate=st.integers(1, 10**6),
)
