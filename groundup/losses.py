"""Losses and other measures: functions of predictions and targets that give one number."""

from torch import Tensor
from torch.nn.functional import logsigmoid

from groundup._checks import check_same_shape


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
    for name, tensor in (("logits", logits), ("targets", targets)):
        if not tensor.is_floating_point():
            raise TypeError(f"{name} must be a floating-point tensor, got {tensor.dtype}")
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
