"""Losses: functions of predictions and targets that give one number to be made small."""

from torch import Tensor

from groundup._checks import check_tensor


def mean_squared_error(y_pred: Tensor, y_true: Tensor) -> Tensor:
    """The mean of the squared differences between predictions and targets.

    Unlike `torch.nn.functional.mse_loss`, it refuses shapes that differ: `(n,)` against `(n, 1)` would be
    broadcast to `(n, n)`, and the model would learn to predict the mean.

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
    check_tensor("y_pred", y_pred)
    check_tensor("y_true", y_true)
    if y_pred.shape != y_true.shape:
        raise ValueError(
            f"y_pred and y_true must have the same shape, got {tuple(y_pred.shape)} and {tuple(y_true.shape)}"
        )
    return ((y_pred - y_true) ** 2).mean()
