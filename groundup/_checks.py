"""The checks that several modules make on their arguments, with one wording for all."""

import math
import reprlib
from collections.abc import Callable
from numbers import Integral, Real

import torch
from torch import Tensor, nn


def describe(value: object) -> str:
    """A value, cut short where it is long, and its type, as the error messages quote them."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def _is_finite(value: float) -> bool:
    """Whether a number has a place among the floats; an integer of 400 digits has none."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_count(name: str, value: int, minimum: int) -> None:
    """Refuse what is not an integer of at least `minimum`; a bool is no integer."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {describe(value)}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")


def check_finite(name: str, value: float) -> None:
    """Refuse what is not a finite real number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {describe(value)}")
    if not _is_finite(value):
        raise ValueError(f"{name} must be finite, got {value}")


def check_not_negative(name: str, value: float) -> None:
    """Refuse what is not a finite number of at least zero."""
    check_finite(name, value)
    if value < 0:
        raise ValueError(f"{name} must not be negative, got {value}")


def check_learning_rate(name: str, value: float) -> None:
    """Refuse what is not a positive, finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {describe(value)}")
    if not (_is_finite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")


def check_flag(name: str, value: bool) -> None:
    """Refuse what is not True or False: a generator, for example, that slipped one place to the left."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {describe(value)}")


def check_generator(generator: torch.Generator | None) -> None:
    """Refuse what is neither a generator nor None: a seed, for example."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator or None, got {describe(generator)}"
        )


def check_tensor(name: str, value: Tensor) -> None:
    """Refuse what is not a tensor: a list, an array, a data frame."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {describe(value)}")


def check_same_shape(**tensors: Tensor) -> None:
    """Refuse two tensors, given by their names, that are not tensors or that torch would have to broadcast."""
    for name, value in tensors.items():
        check_tensor(name, value)
    (one, a), (other, b) = tensors.items()
    if a.shape != b.shape:
        raise ValueError(
            f"{one} and {other} must have the same shape, got {tuple(a.shape)} and {tuple(b.shape)}"
        )


def check_samples(X: Tensor, y: Tensor) -> None:
    """Refuse features and targets that are not tensors of the same number of samples, one at least."""
    for name, value in (("X", X), ("y", y)):
        check_tensor(name, value)
        if value.dim() == 0:
            raise ValueError(
                f"{name} must have a dimension of samples, got a tensor of shape ()"
            )
    if len(X) != len(y):
        raise ValueError(
            f"X and y must be of the same length, got {len(X)} and {len(y)} samples"
        )
    if len(X) == 0:
        raise ValueError("X and y must hold at least one sample, got 0")


def check_model(model: nn.Module) -> None:
    """Refuse what is not a module: a class, for example, that was not called."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {describe(model)}")


def check_trainable(model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Refuse a model with nothing to train or no values yet, and what is no loss."""
    check_model(model)
    state = [*model.named_parameters(), *model.named_buffers()]
    for name, tensor in state:
        if nn.parameter.is_lazy(tensor):
            raise ValueError(
                f"model must have values to start from, but {name!r} of "
                f"{type(model).__name__} has none yet: a lazy layer makes them when it is "
                "called, model(X)"
            )
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            f"model must have a parameter that requires gradients, got {type(model).__name__} with none"
        )
    if not callable(loss):
        raise TypeError(
            f"loss must be callable as loss(y_pred, y_true), got {describe(loss)}"
        )


def length_of(loader: object) -> int | None:
    """How many batches a loader says it gives; None where it can't say, as torch's over iterable data sets can't."""
    try:
        return len(loader)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None
