"""Data: where the samples come from."""

import torch
from torch import Tensor

from groundup._checks import check_count, check_finite, check_generator, check_tensor


def make_regression(
    num_samples: int,
    num_features: int,
    noise: float = 0.1,
    generator: torch.Generator | None = None,
    *,
    weights: Tensor | None = None,
    bias: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Samples of a linear relation with noise: `y = X @ weights + bias + noise * ε`.

    `X` and ε are standard normal. They are drawn in the order `X`, `weights`, ε, and ε also where `noise` is 0,
    so that a seed gives the same `X` whatever the noise. After `sklearn.datasets.make_regression`.

    Args:
        num_samples: number of rows of `X` and `y`, at least 1.
        num_features: number of columns of `X`, at least 1.
        noise: standard deviation of the noise, in the unit of `y`; finite, not negative.
        generator: source of all random numbers; None means torch's default generator.
        weights: the true coefficients, shape `(num_features, 1)`, whose dtype the data takes on; None draws
            standard normal ones in torch's default dtype.
        bias: the true intercept, in the unit of `y`.

    Returns:
        `X` of shape `(num_samples, num_features)` and `y` of shape `(num_samples, 1)`.

    Raises:
        TypeError: if a count is not an integer, `noise` or `bias` not a number, `weights` not a floating-point
            tensor or `generator` not a generator.
        ValueError: if a count is not positive, `noise` is negative or not finite, `bias` is not finite, or
            `weights` has another shape.

    Example:
        >>> X, y = make_regression(100, 3, generator=torch.Generator().manual_seed(0))
        >>> X.shape, y.shape
        (torch.Size([100, 3]), torch.Size([100, 1]))
    """
    check_count("num_samples", num_samples, minimum=1)
    check_count("num_features", num_features, minimum=1)
    check_finite("noise", noise)
    if noise < 0:
        raise ValueError(f"noise must not be negative, got {noise}")
    check_generator(generator)
    check_finite("bias", bias)
    dtype = torch.get_default_dtype()
    if weights is not None:
        check_tensor("weights", weights)
        if not weights.is_floating_point():
            raise TypeError(f"weights must be a floating-point tensor, got {weights.dtype}")
        if weights.shape != (num_features, 1):
            raise ValueError(
                f"weights must have shape ({num_features}, 1), got {tuple(weights.shape)}"
            )
        weights, dtype = weights.detach(), weights.dtype

    X = torch.randn(num_samples, num_features, generator=generator, dtype=dtype)
    if weights is None:
        weights = torch.randn(num_features, 1, generator=generator, dtype=dtype)
    epsilon = torch.randn(num_samples, 1, generator=generator, dtype=dtype)
    return X, X @ weights + bias + noise * epsilon
