"""Losses and other measures: functions of predictions and targets that give one number."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from groundup._checks import check_same_shape, check_tensor


def mean_squared_error(y_pred: Tensor, y_true: Tensor) -> Tensor:
    """Return the mean of the squared differences between predictions and targets.

    Unlike `torch.nn.functional.mse_loss`, it refuses shapes that differ: `(n,)` against
    `(n, 1)` would be broadcast to `(n, n)`, and the model would learn to predict the mean.

    Args:
        y_pred: predictions, of any shape.
        y_true: targets, of the same shape.

    Returns:
        A tensor of shape `()`, in the square of the targets' unit.

    Raises:
        TypeError: if either is not a tensor.
        ValueError: if the shapes differ.

    Example:
        >>> mean_squared_error(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(2.)
    """
    check_same_shape(y_pred=y_pred, y_true=y_true)
    return ((y_pred - y_true) ** 2).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of −log p, p what a model of two classes gives to the target.

    It says how surprised the model is by what it sees. A logit z stands for the probability
    σ(z) = 1 / (1 + e⁻ᶻ) of the class 1. The logarithm of it is taken in one step and does
    not overflow, whatever the logit. After
    `torch.nn.functional.binary_cross_entropy_with_logits`.

    Args:
        logits: any real numbers, of any shape.
        targets: 0 or 1, or a probability between, of the same shape.

    Returns:
        A tensor of shape `()`, in nats.

    Raises:
        TypeError: if either is not a tensor of floating-point numbers.
        ValueError: if the shapes differ.

    Example:
        >>> logits, targets = torch.tensor([0.0, 1000.0]), torch.tensor([1.0, 1.0])
        >>> binary_cross_entropy_with_logits(logits, targets)
        tensor(0.3466)
    """
    check_same_shape(logits=logits, targets=targets)
    _check_floats(logits=logits, targets=targets)
    of_one, of_zero = logsigmoid(logits), logsigmoid(-logits)
    return -(targets * of_one + (1 - targets) * of_zero).mean()


def binary_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the share of samples whose class a model of two classes gets right.

    The model says 1 where the logit is positive, else 0. A logit that is NaN says neither,
    so it is never right; nor is any logit where the target is NaN.

    Args:
        logits: any real numbers, of any shape.
        targets: 0 or 1, of the same shape.

    Returns:
        A tensor of shape `()`, between 0 and 1.

    Raises:
        TypeError: if either is not a tensor.
        ValueError: if the shapes differ.

    Example:
        >>> binary_accuracy(torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0]))
        tensor(0.6667)
    """
    check_same_shape(logits=logits, targets=targets)
    right = (logits > 0) & (targets > 0.5) | (logits <= 0) & (targets <= 0.5)
    return right.float().mean()


def cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the mean of −log p, p what a model of k classes gives to the true one.

    A sample's logits z stand for the probabilities exp(zᵢ) / Σⱼ exp(zⱼ), their softmax. The
    logarithm of it is taken in one step and does not overflow, whatever the logits. After
    `torch.nn.functional.cross_entropy`, which also takes probabilities for classes and
    passes over those of −100: here each sample has a class, and counts.

    Args:
        logits: any real numbers, shape `(n, k)`.
        classes: the number of each sample's class, integers of shape `(n,)` from 0 to
            k − 1.

    Returns:
        A tensor of shape `()`, in nats. A model that gives all classes the same has log k.

    Raises:
        TypeError: if `logits` is not a tensor of floating-point numbers, or `classes` not
            one of integers.
        ValueError: if they have other shapes, or a class is out of range. On a GPU torch
            itself ends such a run, with an assertion.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0, 0.0], [9.0, 1000.0, -1000.0]])
        >>> cross_entropy(logits, torch.tensor([2, 1]))
        tensor(0.5493)
    """
    classes = _checked_classes(logits, classes)
    return (-_of_each_class(logits.log_softmax(1), classes)).mean()


def accuracy(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the share of samples whose class a model of k classes gets right.

    The model says the class of the largest logit, of several the first. A sample with a
    logit that is NaN has no largest one, so it is never right.

    Args:
        logits: any real numbers, shape `(n, k)`.
        classes: the number of each sample's class, integers of shape `(n,)` from 0 to
            k − 1.

    Returns:
        A tensor of shape `()`, between 0 and 1.

    Raises:
        TypeError: if `logits` is not a tensor of floating-point numbers, or `classes` not
            one of integers.
        ValueError: if they have other shapes, or a class is out of range. On a GPU torch
            itself ends such a run, with an assertion.

    Example:
        >>> logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
        >>> accuracy(logits, torch.tensor([1, 2]))
        tensor(0.5000)
    """
    classes = _checked_classes(logits, classes)
    # torch takes NaN for the largest of all.
    known = ~_of_each_class(logits, classes).isnan()
    return ((logits.argmax(1) == classes) & known).float().mean()


def _of_each_class(values: Tensor, classes: Tensor) -> Tensor:
    """Return from each row the value of its class, shape `(n,)`.

    Whether a class is in range is asked only when torch has said no: to ask first would
    cost each step two more operations, and a GPU a wait for their answer.
    """
    try:
        return values.gather(1, classes.unsqueeze(1)).squeeze(1)
    except RuntimeError:
        outside = classes[(classes < 0) | (classes >= values.shape[1])]
        if len(outside) == 0:
            raise
        raise ValueError(
            f"classes must be from 0 to {values.shape[1] - 1}, as there are "
            f"{values.shape[1]} logits a sample, got {outside[0].item()}"
        ) from None


def _checked_classes(logits: Tensor, classes: Tensor) -> Tensor:
    """Return n classes in int64; refuse what is no integers, or not of n logits' shape."""
    check_tensor("logits", logits)
    check_tensor("classes", classes)
    _check_floats(logits=logits)
    if classes.is_floating_point() or classes.is_complex() or classes.dtype is torch.bool:
        raise TypeError(f"classes must be a tensor of integers, got {classes.dtype}")
    if logits.dim() != 2 or classes.shape != logits.shape[:1]:
        raise ValueError(
            "logits and classes must have shapes (n, k) and (n,), "
            f"got {tuple(logits.shape)} and {tuple(classes.shape)}"
        )
    return classes.long()


def _check_floats(**tensors: Tensor) -> None:
    """Refuse tensors, given by their names, that hold anything but real numbers."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise TypeError(f"{name} must be a floating-point tensor, got {tensor.dtype}")
