"""A file that is there as a whole or not at all, and that shows if it was damaged."""

import os
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from torch import Tensor
from torch.utils.serialization import config

from groundup._checks import describe

FORMAT = 1
"""What a file's `"format"` says: another number is another layout."""

PART = ".part"
"""How the name of a file ends while it is being written."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_PLAIN_OF_TORCH = (torch.Size, torch.dtype, torch.device)


class Damaged(ValueError):
    """A file that is not as it was written."""


def read(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds: see `load_checkpoint`."""
    try:
        with ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise Damaged(f"the checksum of {broken} is another")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, PermissionError, MemoryError):
        raise
    except Exception as error:  # torch and zipfile raise whatever a cut makes of a file
        raise Damaged(f"{path} is damaged: {error}") from error
    if not isinstance(state, dict) or "format" not in state:
        raise ValueError(f"{path} must be a checkpoint, got a file of something else")
    if state["format"] != FORMAT:
        raise ValueError(
            f"{path} must be a checkpoint of format {FORMAT}, got one of format "
            f"{describe(state['format'])}"
        )
    return state


def write(state: Mapping[str, Any], path: Path) -> None:
    """Write a state into a file, on the disk before it has its name.

    Whoever stops this in the middle, or cuts the power, leaves the file as it was before,
    or none. The half of one lies beside it, in the same folder: between two disks there is
    no renaming.

    Raises:
        OSError: if it can't be written. Nothing is left behind then.
        TypeError: if the state holds what `torch.load` takes from no file.
    """
    whole = plain({"format": FORMAT, **state})
    part = path.with_name(path.name + PART)
    handled = sys.exception()
    try:
        checksums = config.patch("save.compute_crc32", True)  # type: ignore[attr-defined]
        with part.open("wb") as file, checksums:
            torch.save(whole, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        # torch speaks of its own archive's size where the disk was full.
        cause = error.__context__
        if isinstance(error, RuntimeError) and cause is not None and cause is not handled:
            if isinstance(cause, OSError):
                cause.filename = str(path)
            raise cause from None
        raise
    if os.name == "posix":  # the name is in the folder, and Windows can't open one
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def plain(
    value: Any, name: str = "the state", views: dict[Any, Tensor] | None = None
) -> Any:
    """Return a state as `torch.load(weights_only=True)` takes it from a file.

    Tensors are on the CPU, and each has no more memory than it has numbers: of a view, the
    whole storage would be saved. NumPy's numbers become Python's.

    Raises:
        TypeError: if something is of a type that it does not take; its place is named.
    """
    views = {} if views is None else views
    if isinstance(value, Tensor):
        return _alone(value.detach(), views)
    if isinstance(value, Mapping):
        items = {
            plain(k, name): plain(v, f"{name}[{k!r}]", views) for k, v in value.items()
        }
        if not hasattr(value, "_metadata"):
            return items
        modules = OrderedDict(items)  # which a module's versions come with
        modules._metadata = value._metadata  # type: ignore[attr-defined]
        return modules
    if isinstance(value, _PLAIN_OF_TORCH):
        return value
    if isinstance(value, list | tuple):
        parts = [*value]
        if not all(type(part) in _PLAIN for part in parts):  # a random state has hundreds
            parts = [plain(v, f"{name}[{i}]", views) for i, v in enumerate(parts)]
        return tuple(parts) if isinstance(value, tuple) else parts
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        value = value.item()
    if type(value) not in _PLAIN:
        raise TypeError(
            f"{name} must be made of tensors, numbers, strings, lists and dictionaries, "
            f"got {describe(value)}"
        )
    return value


def _alone(tensor: Tensor, views: dict[Any, Tensor]) -> Tensor:
    """Return a tensor with a storage of its own; the same one for what is tied."""
    if tensor.layout is not torch.strided:
        return tensor.cpu()
    if tensor.is_cpu and tensor.untyped_storage().nbytes() == tensor.nbytes:
        return tensor
    key = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
    if key not in views:
        views[key] = tensor.to("cpu", copy=True)
    return views[key]
