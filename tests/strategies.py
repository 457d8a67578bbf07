"""Random inputs for Hypothesis."""

from typing import NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from groundup import LinearRegression, make_regression
from tests.helpers import seeded

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 5)
noises = st.sampled_from([0.0, 0.1, 3.0])


class Problem(NamedTuple):
    """Data and a linear model to be trained on them."""

    X: Tensor
    y: Tensor
    model: nn.Module


@st.composite
def problems(draw: st.DrawFn, dtype: torch.dtype = torch.float64) -> Problem:
    """Few samples or many, features that are alike or stretched; float64, in which a law holds to 1e-9."""
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
