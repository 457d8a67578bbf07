"""What the results of all runs share: words in ASCII, and a data frame in tidy form."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from pandas import DataFrame

Curves = Iterable[tuple[str, Sequence[float]]]
"""Measures, each a name and a number an epoch."""


def in_ascii(text: str) -> str:
    """Return a text that any terminal can print, with escapes for letters it may lack."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def parameter_curves(parameters: Iterable[Tensor]) -> Iterator[tuple[str, list[float]]]:
    """Give each number of parameters of shape `(epochs, *shape)` a name and a curve."""
    for i, parameter in enumerate(parameters):
        epochs, *shape = parameter.shape
        columns = parameter.reshape(epochs, prod(shape)).T.tolist()
        for place, curve in zip(product(*map(range, shape)), columns, strict=True):
            yield f"parameter {i} {place}" if place else f"parameter {i}", curve


def rows_of(curves: Curves) -> Iterator[tuple[int, str, float]]:
    """Give a row `(epoch, measure, value)` for each number of each curve."""
    for measure, values in curves:
        for epoch, value in enumerate(values):
            yield epoch, measure, value


def tidy(rows: Iterable[tuple[Any, ...]], *columns: str) -> "DataFrame":
    """Return rows of `rows_of`, behind these further columns, as a data frame.

    Raises:
        ImportError: if pandas is not installed.
    """
    try:
        import pandas  # noqa: PLC0415 (so that importing groundup stays light)
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas: pip install 'groundup[notebooks]'"
        ) from error
    frame = pandas.DataFrame(list(rows), columns=[*columns, "epoch", "measure", "value"])
    # Said, since a frame without rows could not tell.
    return frame.astype({"epoch": "int64", "measure": "str", "value": "float64"})
