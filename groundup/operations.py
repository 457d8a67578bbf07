"""Counts of torch's operations: exact and repeatable, where a time is noise."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from groundup._checks import describe


class _Counting(TorchDispatchMode):
    """A count of each operation on its way to the kernel that computes it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def count_operations(step: Callable[[], object]) -> Counter[str]:
    """Count each `aten` operation that `step()` dispatches, its backward pass included.

    One operation is one call that reaches torch's dispatcher: most run a kernel, a few only
    make a view of a tensor. The counts depend on the code alone, not on the size of the
    tensors or on the machine's load.

    Args:
        step: called once, without arguments.

    Returns:
        A name, such as `"mul"`, → a number; `.total()` adds them up.

    Raises:
        TypeError: if `step` can't be called.

    Example:
        >>> count_operations(lambda: torch.ones(3) * 2 + 1)
        Counter({'ones': 1, 'mul': 1, 'add': 1})
    """
    if not callable(step):
        raise TypeError(f"step must be callable without arguments, got {describe(step)}")
    counting = _Counting()
    with counting:
        step()
    return counting.counts
