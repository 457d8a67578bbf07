"""The checks that several modules make on their arguments, with one wording for all."""

import difflib
import inspect
import math
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from groundup.callbacks.callback import HOOKS, Callback


def describe(value: object) -> str:
    """Return a value, cut short where it is long, and its type, for an error message."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def _is_finite(value: float) -> bool:
    """Return whether a number is among the floats; an integer of 400 digits is not."""
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


def check_share(name: str, value: float) -> None:
    """Refuse what is not a number from 0 up to, but not, 1."""
    check_finite(name, value)
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and less than 1, got {value}")


def check_flag(name: str, value: bool) -> None:
    """Refuse what is not True or False: a generator, for example, one place to the left."""
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


def check_all_finite(name: str, value: Tensor) -> None:
    """Refuse a tensor that holds a NaN or an infinity, and say where."""
    lost = (~value.isfinite()).nonzero()
    if len(lost):
        place = tuple(lost[0].tolist())
        raise ValueError(f"{name} must be finite, got {value[place].item()} at {place}")


def check_same_shape(**tensors: Tensor) -> None:
    """Refuse two tensors, given by their names, that torch would have to broadcast."""
    for name, value in tensors.items():
        check_tensor(name, value)
    (one, a), (other, b) = tensors.items()
    if a.shape != b.shape:
        raise ValueError(
            f"{one} and {other} must have the same shape, "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )


def check_no_gradients(name: str, value: Tensor) -> None:
    """Refuse data that requires gradients: the graph behind it is gone after one step."""
    if value.requires_grad:
        raise ValueError(
            f"{name} must not require gradients, got a tensor of shape "
            f"{tuple(value.shape)} that does: call detach()"
        )


def check_samples(X: Tensor, y: Tensor) -> None:
    """Refuse features and targets that differ in length, or hold no sample."""
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


def check_training_data(X: Tensor, y: Tensor) -> None:
    """Refuse what `check_samples` does, and data that requires gradients."""
    check_samples(X, y)
    check_no_gradients("X", X)
    check_no_gradients("y", y)


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
            "model must have a parameter that requires gradients, "
            f"got {type(model).__name__} with none"
        )
    if not callable(loss):
        raise TypeError(
            f"loss must be callable as loss(y_pred, y_true), got {describe(loss)}"
        )


def check_leaf(name: str, value: Tensor) -> None:
    """Refuse what is no tensor, or no leaf: the result of an operation, for example."""
    check_tensor(name, value)
    if not value.is_leaf:
        raise ValueError(f"{name} must be a leaf, got the result of {value.grad_fn}")


def check_schedule(schedule: Callable[[int, int], float]) -> None:
    """Refuse what can't be called: a name, for example, or a class that was not."""
    if not callable(schedule) or isinstance(schedule, type):
        raise TypeError(
            "schedule must be callable as schedule(step, total_steps), "
            f"got {describe(schedule)}"
        )


def check_state(whose: str, state: Mapping[str, Any], *names: str) -> None:
    """Refuse what is not a state with these keys."""
    if not isinstance(state, Mapping):
        raise TypeError(f"the state of {whose} must be a dict, got {describe(state)}")
    if state.keys() != {*names}:
        raise ValueError(
            f"the state of {whose} must have {', '.join(map(repr, names))}, "
            f"got {', '.join(map(repr, state))}"
        )


# What the trainer is given.


def checked_batches(loader: Iterable[Any], first: int = 0) -> Iterator[tuple[Any, Tensor]]:
    """Return the batches of a loader from the first one on, each checked as it comes."""
    # A generator would hold the batch that it gave.
    return islice(map(_checked_batch, loader), first, None)


def _checked_batch(batch: Any) -> tuple[Any, Tensor]:
    """Return a batch as `(inputs, targets)`; refuse anything else, and no sample."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise TypeError(
            "a batch must be a tuple or list of two, (inputs, targets), "
            f"got a {type(batch).__name__}{size}"
        )
    inputs, targets = batch
    check_tensor("targets of a batch", targets)
    if targets.dim() == 0 or targets.numel() == 0:
        raise ValueError(
            "targets of a batch must have a row a sample, one at least, "
            f"got shape {tuple(targets.shape)}"
        )
    return inputs, targets


def check_gave_batches(name: str, loader: object, count: int) -> None:
    """Refuse a loader that gave no batch when it was iterated."""
    if count == 0:
        raise ValueError(
            f"{name} must give a batch each time it is iterated, got none from "
            f"{describe(loader)}"
        )


def check_measure_value(value: Tensor) -> None:
    """Refuse what is not a tensor of one element."""
    check_tensor("a measure's value", value)
    if value.numel() != 1:
        raise ValueError(
            f"a measure's value must have one element, got shape {tuple(value.shape)}"
        )


def check_measures(kind: str, measures: Mapping[str, Any]) -> None:
    """Refuse what does not give a callable for each name."""
    if not isinstance(measures, Mapping):
        raise TypeError(f"{kind}s must map names to callables, got {describe(measures)}")
    for name, measure in measures.items():
        if not isinstance(name, str):
            raise TypeError(f"a {kind}'s name must be a string, got {describe(name)}")
        if not callable(measure):
            raise TypeError(f"{kind} {name!r} must be callable, got {describe(measure)}")


def check_metrics(metrics: Mapping[str, Any], val_loader: object) -> None:
    """Refuse metrics that nothing measures, and one that is called as a loss is."""
    check_measures("metric", metrics)
    if metrics and val_loader is None:
        raise ValueError(
            f"metrics need a val_loader to be measured on, got {list(metrics)}"
        )
    for name in ("loss", "train loss", "validation loss"):
        if name in metrics:
            raise ValueError(f"a metric must have a name other than {name!r}, got {name!r}")


def check_average(average: Callable[[], Any]) -> None:
    """Refuse what can't be called to make an average."""
    if not callable(average):
        raise TypeError(f"average must be callable, got {describe(average)}")


def check_steps(optimizer: Any, *more: str) -> None:
    """Refuse what is no optimizer, lacks one of more methods, or wants more than a step."""
    for method in ("zero_grad", "step", *more):
        if isinstance(optimizer, type) or not callable(getattr(optimizer, method, None)):
            raise TypeError(
                f"optimizer must be an object with {method}(), got {describe(optimizer)}"
            )
    for name, parameter in inspect.signature(optimizer.step).parameters.items():
        if parameter.default is parameter.empty and "VAR" not in parameter.kind.name:
            raise TypeError(
                "optimizer must take a step from one backward pass, without arguments, "
                f"got {type(optimizer).__name__}, whose step() needs {name!r}"
            )


def check_optimizer(optimizer: Any, model: nn.Module) -> None:
    """Refuse what is no optimizer, wants more than a step, or moves another model."""
    check_steps(optimizer)
    groups = getattr(optimizer, "param_groups", None)
    if groups is not None:
        moved = {id(p) for group in groups for p in group["params"]}
        if not any(id(p) in moved for p in model.parameters()):
            raise ValueError(
                "optimizer must hold parameters of the model, got one that holds none of "
                f"{type(model).__name__}'s: was the model copied after it was made?"
            )


def check_same_tensors(
    expected: str, now: Mapping[str, Any], then: Mapping[str, Any]
) -> None:
    """Refuse a model whose named tensors have other names, types or shapes than kept ones.

    Args:
        expected: what the model must do: "be the one that was saved, with", say.
        now: a name -> a tensor of the model, or what its state holds beside tensors.
        then: the same, as it was kept.
    """
    ours, theirs = _kinds(now), _kinds(then)
    for name in ours | theirs:
        if ours.get(name) != theirs.get(name):
            raise ValueError(
                f"model must {expected} {name!r} as {theirs.get(name)}, "
                f"got {ours.get(name)}"
            )


def _kinds(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what can be seen of named tensors beside their numbers."""
    return {
        name: f"{value.dtype} {tuple(value.shape)}"
        if isinstance(value, Tensor)
        else "no tensor"
        for name, value in values.items()
    }


def check_loader(name: str, loader: Iterable[Any]) -> None:
    """Refuse what gives no batches, as far as it can be seen before it is iterated."""
    batches = hasattr(loader, "__iter__") and not isinstance(loader, type)
    if not batches or isinstance(loader, Tensor | str | Mapping):
        raise TypeError(
            f"{name} must give batches (inputs, targets) when it is iterated, as a "
            f"DataLoader does, got {describe(loader)}"
        )
    # A data set over tensors tells what a sample is made of; torch's loaders collate it.
    tensors = getattr(getattr(loader, "dataset", None), "tensors", (0, 0))
    if len(tensors) != 2 and not hasattr(loader, "collate_fn"):
        raise ValueError(
            f"{name} must give batches (inputs, targets), "
            f"got {len(tensors)} tensors a sample"
        )
    if length_of(loader) == 0:
        raise ValueError(f"{name} must give at least one batch, got {loader} of length 0")


def length_of(loader: object) -> int | None:
    """Return how many batches a loader says it gives; None where it can't say.

    torch's loaders over iterable data sets can't.
    """
    try:
        return len(loader)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None


def _check_hook(whose: str, callback: Callback, hook: str) -> None:
    """Refuse a hook that can't be called with the trainer alone, or would only begin."""
    method = getattr(callback, hook)
    if not callable(method) or inspect.iscoroutinefunction(method):
        raise TypeError(f"{whose} must have a function as {hook}, got {describe(method)}")
    try:
        with suppress(ValueError):  # what is written in C need not say what it takes
            inspect.signature(method).bind(None)
    except TypeError as error:
        raise TypeError(f"{whose} must take the trainer alone in {hook}: {error}") from None


def check_callbacks(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    """Return the callbacks, and refuse what is none or has a hook that can't be called."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(
            f"callbacks must be an iterable of groundup.Callback, got {describe(callbacks)}"
        )
    checked = tuple(callbacks)
    for i, callback in enumerate(checked):
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callback {i} must be a groundup.Callback, got {describe(callback)}"
            )
        if any(callback is other for other in checked[:i]):
            raise ValueError(f"each callback must be there once, got {callback!r} twice")
        for hook in HOOKS:
            _check_hook(f"callback {i}, {type(callback).__name__},", callback, hook)
        for name in dir(callback):
            unknown = name.startswith("on_") and name not in HOOKS
            if unknown and callable(getattr(callback, name)):
                (nearest,) = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0)
                raise TypeError(
                    f"callback {i}, {type(callback).__name__}, has {name!r}, which is no "
                    f"hook and would never be called: did you mean {nearest!r}?"
                )
    return checked
