"""What the package does with more than torch, and what to install for it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Tell how to install what an import in this block lacks.

    Args:
        name: of the extra that brings it.

    Raises:
        ModuleNotFoundError: if an import in the block does.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed: pip install 'groundup[{name}]'",
            name=error.name,
        ) from error
