"""Data: where the samples come from, and who decides which of them make a batch."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from numbers import Integral
from typing import Protocol

import torch
from torch import Tensor

from groundup._checks import (
    check_all_finite,
    check_count,
    check_finite,
    check_flag,
    check_generator,
    check_no_gradients,
    check_not_negative,
    check_tensor,
    describe,
)
from groundup._results import in_ascii

PENGUIN_FEATURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
"""The columns of `X` as `load_penguins` gives it."""


def make_regression(
    num_samples: int,
    num_features: int,
    noise: float = 0.1,
    generator: torch.Generator | None = None,
    *,
    weights: Tensor | None = None,
    bias: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return samples of a linear relation: `y = X @ weights + bias + noise * ε`.

    `X` and ε are standard normal. They are drawn in the order `X`, `weights`, ε, and ε also
    where `noise` is 0, so that a seed gives the same `X` whatever the noise. After
    `sklearn.datasets.make_regression`.

    Args:
        num_samples: number of rows of `X` and `y`, at least 1.
        num_features: number of columns of `X`, at least 1.
        noise: standard deviation of the noise, in the unit of `y`; finite, not negative.
        generator: source of all random numbers; None means torch's default generator.
        weights: the true coefficients, shape `(num_features, 1)`, whose dtype the data
            takes on; None draws standard normal ones in torch's default dtype.
        bias: the true intercept, in the unit of `y`.

    Returns:
        `X` of shape `(num_samples, num_features)` and `y` of shape `(num_samples, 1)`.

    Raises:
        TypeError: if a count is not an integer, `noise` or `bias` not a number, `weights`
            not a floating-point tensor or `generator` not a generator.
        ValueError: if a count is not positive, `noise` is negative or not finite, `bias` is
            not finite, or `weights` has another shape or is not finite.

    Example:
        >>> X, y = make_regression(100, 3, generator=torch.Generator().manual_seed(0))
        >>> X.shape, y.shape
        (torch.Size([100, 3]), torch.Size([100, 1]))
    """
    check_count("num_samples", num_samples, minimum=1)
    check_count("num_features", num_features, minimum=1)
    check_not_negative("noise", noise)
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
        check_all_finite("weights", weights)
        weights, dtype = weights.detach(), weights.dtype

    X = torch.randn(num_samples, num_features, generator=generator, dtype=dtype)
    if weights is None:
        weights = torch.randn(num_features, 1, generator=generator, dtype=dtype)
    epsilon = torch.randn(num_samples, 1, generator=generator, dtype=dtype)
    return X, X @ weights + bias + noise * epsilon


def load_penguins() -> tuple[Tensor, Tensor]:
    """Return four measurements and the sex of 333 penguins, by species, then by year.

    The file that comes with the package has 344 birds. The eleven of them that lack a value
    are left out: nine whose sex nobody noted, two that were not measured either.

    Source: Horst, Hill and Gorman (2020), *palmerpenguins*,
    https://doi.org/10.5281/zenodo.3960218, CC0.

    Returns:
        `X` of shape `(333, 4)`, whose columns are `PENGUIN_FEATURES`, in millimetres and
        grams, and `y` of shape `(333, 1)`: 1 for a male, 0 for a female.

    Example:
        >>> X, y = load_penguins()
        >>> X[0]
        tensor([  39.1000,   18.7000,  181.0000, 3750.0000])
        >>> int(y.sum())
        168
    """
    with (files("groundup") / "penguins.csv").open(encoding="utf-8") as file:
        birds = list(csv.DictReader(line for line in file if not line.startswith("#")))
    complete = [bird for bird in birds if "NA" not in bird.values()]
    X = [[float(bird[name]) for name in PENGUIN_FEATURES] for bird in complete]
    y = [[float(bird["sex"] == "male")] for bird in complete]
    return torch.tensor(X), torch.tensor(y)


def load_digits() -> tuple[Tensor, Tensor]:
    """Return 1,797 handwritten digits as pictures, and which digit each of them is.

    Thirteen people wrote them, whom the file does not name: a random split is one within
    writers, and says little of what a model makes of a hand that it has never seen.

    Source: Alpaydin and Kaynak (1998), *Optical Recognition of Handwritten Digits*, its
    test part, https://doi.org/10.24432/C50P49, CC BY 4.0. `sklearn.datasets.load_digits`
    gives the same, in 0 to 16.

    Returns:
        Images of shape `(1797, 8, 8)`, in float32: how much of a pixel is ink, from 0 to 1
        in steps of 1 / 16. Classes of shape `(1797,)`, in int64, from 0 to 9.

    Example:
        >>> images, classes = load_digits()
        >>> int(classes[13])
        3
        >>> for row in images[13] > 0.4:
        ...     print("".join("#" if ink else "." for ink in row))
        ..####..
        ..#####.
        ....##..
        ...##...
        ....##..
        .....#..
        ....##..
        ..####..
    """
    with (files("groundup") / "digits.txt").open(encoding="ascii") as file:
        digits = "".join(line for line in file if not line.startswith("#"))
    # A line has 67 letters: a class, a space, 64 pixels and the line's end.
    lines = torch.frombuffer(bytearray(digits, "ascii"), dtype=torch.uint8).reshape(-1, 67)
    images = (lines[:, 2:66].float() - ord("a")) / 16
    return images.reshape(-1, 8, 8), lines[:, 0].long() - ord("0")


class Dataset:
    """Tensors whose rows belong together: row i of each is sample i.

    After `torch.utils.data.TensorDataset`.

    Args:
        *tensors: at least one, each of shape `(n, …)` with the same n; n may be 0.

    Raises:
        TypeError: if one of them is not a tensor, or a sparse one.
        ValueError: if there is none, one is 0-d or requires gradients, or their lengths
            differ.

    Example:
        >>> dataset = Dataset(torch.arange(6.0).reshape(3, 2), torch.ones(3, 1))
        >>> dataset
        Dataset(3 samples, (2,) (1,))
        >>> dataset[torch.tensor([2, 0])]
        (tensor([[4., 5.],
                [0., 1.]]), tensor([[1.],
                [1.]]))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("a data set must hold at least one tensor, got none")
        for i, tensor in enumerate(tensors):
            check_tensor(f"tensor {i} of a data set", tensor)
            if tensor.layout is not torch.strided:
                raise TypeError(
                    f"tensor {i} of a data set must be dense, got one of {tensor.layout}: "
                    "call to_dense()"
                )
            if tensor.dim() == 0:
                raise ValueError(
                    f"tensor {i} of a data set must have a dimension of samples, "
                    "got shape ()"
                )
            check_no_gradients(f"tensor {i} of a data set", tensor)
        lengths = [len(tensor) for tensor in tensors]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"tensors of a data set must be of the same length, got {lengths}"
            )
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, positions: int | slice | Tensor) -> tuple[Tensor, ...]:
        """Return from each tensor a sample, a slice, or the rows at a tensor of positions.

        What a tensor of positions gives is a copy, the others are views.

        Raises:
            IndexError: if a position is not there.
            TypeError: if `positions` is something else.
        """
        if isinstance(positions, bool) or not isinstance(
            positions, Integral | slice | Tensor
        ):
            raise TypeError(
                "positions must be an integer, a slice or a tensor, "
                f"got {describe(positions)}"
            )
        return tuple(_rows(tensor, positions) for tensor in self.tensors)

    def __repr__(self) -> str:
        unit = "sample" if len(self) == 1 else "samples"
        shapes = " ".join(str(tuple(tensor.shape[1:])) for tensor in self.tensors)
        return f"Dataset({len(self)} {unit}, {shapes})"


def _rows(tensor: Tensor, positions: int | slice | Tensor) -> Tensor:
    """Return `tensor[positions]`, but copy row by row where torch would number by number.

    `index_select` takes a third to a half of the time, but no mask and no negative
    position, and off the CPU it can't be asked whether a position is there.
    """
    if (
        isinstance(positions, Tensor)
        and positions.dtype is torch.int64
        and positions.dim() == 1
        and positions.is_cpu
        and tensor.is_cpu
    ):
        try:
            return tensor.index_select(0, positions)
        except IndexError:
            pass
    return tensor[positions]


def random_split(
    dataset: Dataset, fractions: Sequence[float], generator: torch.Generator | None = None
) -> tuple[Dataset, ...]:
    """Return parts of a data set, drawn at random: each sample goes to one of them.

    The same parts as `torch.utils.data.random_split` draws from the same seed: each has
    `floor(fraction * n)` samples, and those that are left over go to the first parts, one
    to each. Here a part is a copy, not a list of positions.

    Args:
        dataset: what is split.
        fractions: each part's share, not negative; together they are 1.
        generator: source of the order; None means torch's default generator.

    Raises:
        TypeError: if `dataset` is not a `Dataset`, a fraction is not a number or
            `generator` not a generator.
        ValueError: if a fraction is negative, or they don't add up to 1.

    Example:
        >>> dataset = Dataset(torch.arange(10.0))
        >>> random_split(dataset, [0.7, 0.3], torch.Generator().manual_seed(0))
        (Dataset(7 samples, ()), Dataset(3 samples, ()))
    """
    _check_dataset("dataset", dataset)
    if not isinstance(fractions, Sequence):
        raise TypeError(
            f"fractions must be a sequence of numbers, got {describe(fractions)}"
        )
    for i, fraction in enumerate(fractions):
        check_not_negative(f"fraction {i}", fraction)
    if not math.isclose(sum(fractions), 1):
        raise ValueError(
            f"fractions must add up to 1, got {list(fractions)} "
            f"with a sum of {sum(fractions)}"
        )
    check_generator(generator)
    sizes = [math.floor(fraction * len(dataset)) for fraction in fractions]
    for i in range(len(dataset) - sum(sizes)):
        sizes[i % len(sizes)] += 1
    order = torch.randperm(len(dataset), generator=generator)
    return tuple(Dataset(*dataset[positions]) for positions in order.split(sizes))


def standardise(reference: Dataset, *datasets: Dataset) -> tuple[Dataset, ...]:
    """Return data sets whose features are in standard deviations of the reference's.

    They are counted from the reference's mean. A feature that is the same in all of its
    samples has no deviation and is only moved. After
    `sklearn.preprocessing.StandardScaler`, which divides by n where this divides by n − 1.

    Args:
        reference: whose mean and deviation count: the training part, and nothing besides.
        *datasets: what is standardised. The first tensor of each holds the features, shape
            `(n, …)`, as that of the reference; the others stay as they are.

    Raises:
        TypeError: if one of them is not a `Dataset`, or its features are not
            floating-point.
        ValueError: if the reference has fewer samples than two, or features differ in
            shape.

    Example:
        >>> train = Dataset(torch.tensor([[1.0], [3.0]]))
        >>> new = Dataset(torch.tensor([[4.0]]))
        >>> [part.tensors[0].flatten().tolist() for part in standardise(train, train, new)]
        [[-0.7071067690849304, 0.7071067690849304], [1.4142135381698608]]
    """
    _check_features(reference, datasets)
    known = reference.tensors[0]
    # The mean of equal numbers need not be that number, to rounding, nor their deviation 0.
    constant = (known == known[0]).all(0)
    mean = torch.where(constant, known[0], known.mean(0))
    deviation = torch.where(constant, 1, known.std(0))
    return tuple(
        Dataset((X - mean) / deviation, *rest)
        for X, *rest in (dataset.tensors for dataset in datasets)
    )


def _check_features(reference: Dataset, datasets: Sequence[Dataset]) -> None:
    """Refuse features without a mean and deviation, and other ones than the reference's."""
    for i, dataset in enumerate((reference, *datasets)):
        name = f"data set {i}" if i else "reference"
        _check_dataset(name, dataset)
        features = dataset.tensors[0]
        if not features.is_floating_point():
            raise TypeError(
                f"features of {name} must be floating-point, got {features.dtype}"
            )
        if features.shape[1:] != reference.tensors[0].shape[1:]:
            raise ValueError(
                f"features of {name} must be of the reference's shape "
                f"{tuple(reference.tensors[0].shape[1:])}, got {tuple(features.shape[1:])}"
            )
    if len(reference) < 2:
        raise ValueError(f"reference must have two samples or more, got {len(reference)}")


def _check_dataset(name: str, dataset: Dataset) -> None:
    if not isinstance(dataset, Dataset):
        raise TypeError(f"{name} must be a groundup.Dataset, got {describe(dataset)}")


class _Samples(Protocol):
    """What a loader asks of a data set."""

    def __len__(self) -> int: ...
    def __getitem__(self, positions: Tensor, /) -> tuple[Tensor, ...]: ...


class DataLoader:
    """Decides what a batch is: goes through a data set once for each time it is iterated.

    It copies a block of samples at once and cuts the batches from it, so that what it
    yields shares no memory with the data set. Beyond the data it needs the order (8 bytes a
    sample), a block of at most `block_bytes`, or one batch where that is larger, and what
    its user holds: a batch is a view of its block, so who keeps the one keeps the other,
    unless it is cloned. The variable of a `for` loop holds a batch, too: while a block is
    copied, the one before lives on. The loader has no position of its own: two iterators at
    once don't disturb each other. After `torch.utils.data.DataLoader`, whose batches it
    gives when they are not shuffled; a shuffled order is its own.

    Args:
        dataset: a `Dataset`, or what has a length and gives a tuple of tensors for a tensor
            of positions.
        batch_size: samples in a batch, at least 1; the last one may be shorter.
        shuffle: draw a new order each time, as soon as `iter` is called.
        generator: source of the order; None means torch's default generator.
        drop_last: leave out a last batch that is shorter.

    Raises:
        TypeError: if `dataset` is no data set (a loader, a tensor, a list) or torch's
            `Subset` with a list of indices, `batch_size` is not an integer, `generator` not
            a generator, or `shuffle` or `drop_last` not a bool.
        ValueError: if `batch_size` is not positive.

    Example:
        >>> loader = DataLoader(Dataset(torch.arange(5.0)), batch_size=2)
        >>> len(loader)
        3
        >>> list(loader)
        [(tensor([0., 1.]),), (tensor([2., 3.]),), (tensor([4.]),)]
    """

    block_bytes = 2**20
    """Bytes that a block may take, the views that are cut from it included. One batch is
    copied at once however large it is."""

    def __init__(
        self,
        dataset: _Samples,
        batch_size: int,
        *,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        indexed = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
        array = hasattr(dataset, "__array__") or isinstance(dataset, Sequence | Mapping)
        if not indexed or array or isinstance(dataset, type):
            raise TypeError(
                "dataset must be a groundup.Dataset or something like it, "
                f"got {describe(dataset)}"
            )
        _refuse_subset(dataset)
        check_count("batch_size", batch_size, minimum=1)
        check_flag("shuffle", shuffle)
        check_generator(generator)
        check_flag("drop_last", drop_last)
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.generator = generator
        self.drop_last = drop_last

    def __len__(self) -> int:
        batches, rest = divmod(len(self.dataset), self.batch_size)
        return batches + (rest > 0 and not self.drop_last)

    def __repr__(self) -> str:
        options = "".join(
            f", {name}=True" for name in ("shuffle", "drop_last") if getattr(self, name)
        )
        text = f"DataLoader({self.dataset}, batch_size={self.batch_size}{options})"
        return in_ascii(text)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        n = len(self.dataset)
        order = (
            torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)
        )
        if self.drop_last:
            order = order[: len(self) * self.batch_size]
        return self._batches(order)

    def _batches(self, order: Tensor) -> Iterator[tuple[Tensor, ...]]:
        if len(order) == 0:
            return
        first = _gather(self.dataset, order[: self.batch_size])
        batches_in_a_block = max(1, self.block_bytes // _memory(first))
        yield first
        del first  # now it lives as long as its user wants
        size = batches_in_a_block * self.batch_size
        for start in range(self.batch_size, len(order), size):
            yield from self._cut(order[start : start + size])

    def _cut(self, positions: Tensor) -> Iterator[tuple[Tensor, ...]]:
        block = _gather(self.dataset, positions)
        return zip(*(tensor.split(self.batch_size) for tensor in block), strict=True)


_A_VIEW = 600
"""Bytes that a view itself takes: as many as a few small samples."""


def _memory(batch: tuple[Tensor, ...]) -> int:
    """Count the bytes of a batch's tensors and of their views of a block."""
    return sum(tensor.nbytes + _A_VIEW for tensor in batch)


def _gather(dataset: _Samples, positions: Tensor) -> tuple[Tensor, ...]:
    """Ask a data set for samples, and hold it to what it has to give."""
    try:
        samples = dataset[positions]
    except Exception as error:
        error.add_note(
            "A groundup.DataLoader asks its data set for many samples at once: "
            "dataset[positions], where positions is a tensor of integers."
        )
        raise
    if not isinstance(samples, tuple | list) or not samples:
        raise TypeError(
            "dataset must give a tuple of tensors for a tensor of positions, "
            f"got {describe(samples)}"
        )
    for i, tensor in enumerate(samples):
        if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided:
            raise TypeError(
                "dataset must give a tuple of dense tensors for a tensor of positions, "
                f"got {describe(tensor)} as number {i}"
            )
        check_no_gradients(f"tensor {i} of a data set's samples", tensor)
        if tensor.shape[:1] != positions.shape:
            raise ValueError(
                f"dataset must give a row for each of {len(positions)} positions, "
                f"got shape {tuple(tensor.shape)} as number {i}"
            )
    return tuple(samples)


def _refuse_subset(dataset: _Samples) -> None:
    """Refuse torch's `Subset` with positions that no tensor can index, nested ones, too."""
    inner: object = dataset
    while hasattr(inner, "indices"):
        if not isinstance(inner.indices, Tensor):
            raise TypeError(
                "dataset must take a tensor of positions, got a torch.utils.data.Subset "
                f"whose indices are a {type(inner.indices).__name__}: "
                "Subset(data, torch.tensor(indices)) takes one"
            )
        inner = getattr(inner, "dataset", None)
