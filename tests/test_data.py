"""make_regression, load_penguins and load_digits; Dataset, random_split and DataLoader."""

import math
import re
import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils import data as torch_data

from groundup import (
    PENGUIN_FEATURES,
    DataLoader,
    Dataset,
    count_operations,
    load_digits,
    load_penguins,
    make_regression,
    random_split,
    standardise,
)
from groundup.data import _memory
from tests.helpers import assert_identical, global_random_state_untouched, seeded
from tests.strategies import (
    batch_sizes,
    blocks,
    datasets,
    fractions,
    noises,
    seeds,
    sizes,
)

Batch = tuple[Tensor, ...]


def make_loader(
    dataset: Any, *arguments: Any, block: int = DataLoader.block_bytes, **options: Any
) -> DataLoader:
    """A loader whose blocks take fewer bytes than they might."""
    loader = DataLoader(dataset, *arguments, **options)
    loader.block_bytes = block
    return loader


def blocks_of(batches: int, batch_size: int) -> int:
    """The bytes of so many batches of `Rows` with their views."""
    return batches * _memory((torch.zeros(batch_size, dtype=torch.int64),))


def order(batches: Iterable[Batch]) -> list[int]:
    """The samples' own numbers, held by their first tensor, in the order they came in."""
    return [number for batch in batches for number in batch[0].tolist()]


def storages(tensors: Iterable[Tensor]) -> set[int]:
    """Where the tensors' memory lies."""
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


class Rows:
    """What a loader asks of a data set and no more.

    It notes what it is asked, and which of its answers still live.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.asked: list[list[int]] = []
        self.living: set[int] = set()
        self.living_when_asked: list[int] = []

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, positions: Tensor) -> Batch:
        self.living_when_asked.append(len(self.living))
        memory, number = positions.numpy().copy(), len(self.asked)
        self.asked.append(positions.tolist())
        self.living.add(number)
        weakref.finalize(memory, self.living.discard, number)
        return (torch.from_numpy(memory),)


@given(
    seed=seeds,
    num_samples=st.integers(1, 40),
    num_features=sizes,
    noise=noises,
    bias=st.floats(-10, 10),
)
def test_the_data_are_features_then_weights_then_noise_in_the_order_of_drawing(
    seed: int, num_samples: int, num_features: int, noise: float, bias: float
) -> None:
    generator = seeded(seed)
    X = torch.randn(num_samples, num_features, generator=generator)
    weights = torch.randn(num_features, 1, generator=generator)
    epsilon = torch.randn(num_samples, 1, generator=generator)
    data = make_regression(num_samples, num_features, noise, seeded(seed), bias=bias)
    assert_identical(data, (X, X @ weights + bias + noise * epsilon))


@given(seed=seeds, num_samples=st.integers(1, 40), num_features=sizes)
def test_given_weights_are_not_drawn(
    seed: int, num_samples: int, num_features: int
) -> None:
    weights = torch.arange(1.0, num_features + 1).unsqueeze(1)
    generator = seeded(seed)
    X = torch.randn(num_samples, num_features, generator=generator)
    epsilon = torch.randn(num_samples, 1, generator=generator)
    data = make_regression(
        num_samples, num_features, 0.5, seeded(seed), weights=weights, bias=2.0
    )
    assert_identical(data, (X, X @ weights + 2.0 + 0.5 * epsilon))


@given(seed=seeds, num_samples=st.integers(1, 40), noise=noises, other=noises)
def test_another_noise_gives_the_same_features_and_leaves_the_generator_at_the_same_place(
    seed: int, num_samples: int, noise: float, other: float
) -> None:
    generator, twin = seeded(seed), seeded(seed)
    X, _ = make_regression(num_samples, 2, noise, generator)
    X_twin, _ = make_regression(num_samples, 2, other, twin)
    assert_identical(X, X_twin)
    assert_identical(generator.get_state(), twin.get_state())


def test_without_noise_the_targets_are_the_linear_relation() -> None:
    weights = torch.tensor([[1.0], [-2.0]])
    X, y = make_regression(10, 2, noise=0, generator=seeded(), weights=weights, bias=3.0)
    assert_identical(y, X @ weights + 3.0)


def test_noise_is_the_standard_deviation_around_the_relation() -> None:
    weights = torch.zeros(1, 1)
    _, y = make_regression(
        100_000, 1, noise=0.5, generator=seeded(), weights=weights, bias=-1.0
    )
    assert y.mean().item() == pytest.approx(-1.0, abs=0.01)
    assert y.std().item() == pytest.approx(0.5, abs=0.01)


def test_features_are_standard_normal() -> None:
    X, _ = make_regression(100_000, 2, generator=seeded())
    torch.testing.assert_close(X.T.cov(), torch.eye(2), rtol=0, atol=0.02)
    torch.testing.assert_close(X.mean(dim=0), torch.zeros(2), rtol=0, atol=0.02)


def test_noise_is_a_tenth_unless_it_is_given() -> None:
    assert_identical(
        make_regression(5, 2, generator=seeded()), make_regression(5, 2, 0.1, seeded())
    )


def test_a_given_generator_leaves_the_global_random_state() -> None:
    with global_random_state_untouched():
        make_regression(20, 3, generator=seeded())


def test_no_generator_is_the_global_one() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        from_global = make_regression(20, 3)
    assert_identical(from_global, make_regression(20, 3, generator=seeded(7)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_data_take_on_the_dtype_of_the_weights(dtype: torch.dtype) -> None:
    X, y = make_regression(5, 2, generator=seeded(), weights=torch.ones(2, 1, dtype=dtype))
    assert X.dtype == y.dtype == dtype


def test_without_weights_the_data_have_the_default_dtype() -> None:
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        X, y = make_regression(5, 2, generator=seeded())
    finally:
        torch.set_default_dtype(default)
    assert X.dtype == y.dtype == torch.float64


def test_data_of_weights_that_require_gradients_do_not() -> None:
    weights = torch.ones(2, 1, requires_grad=True)
    _, y = make_regression(5, 2, generator=seeded(), weights=weights)
    assert not y.requires_grad


def test_numpy_numbers_are_numbers() -> None:
    data = make_regression(
        np.int64(5),  # type: ignore[arg-type]
        np.int32(2),  # type: ignore[arg-type]
        np.float64(0.5),
        seeded(),
        bias=np.float64(1),
    )
    assert_identical(data, make_regression(5, 2, 0.5, seeded(), bias=1.0))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"num_samples": 0}, ValueError, "num_samples must be at least 1, got 0"),
        (
            {"num_samples": 1.5},
            TypeError,
            r"num_samples must be an integer, got 1.5 \(float\)",
        ),
        (
            {"num_samples": True},
            TypeError,
            r"num_samples must be an integer, got True \(bool\)",
        ),
        ({"num_features": 0}, ValueError, "num_features must be at least 1, got 0"),
        ({"num_features": -2}, ValueError, "num_features must be at least 1, got -2"),
        (
            {"num_features": "3"},
            TypeError,
            r"num_features must be an integer, got '3' \(str\)",
        ),
        ({"noise": -0.1}, ValueError, "noise must not be negative, got -0.1"),
        ({"noise": math.nan}, ValueError, "noise must be finite, got nan"),
        ({"noise": math.inf}, ValueError, "noise must be finite, got inf"),
        ({"noise": True}, TypeError, r"noise must be a number, got True \(bool\)"),
        ({"noise": "0.1"}, TypeError, r"noise must be a number, got '0.1' \(str\)"),
        ({"bias": -math.inf}, ValueError, "bias must be finite, got -inf"),
        ({"bias": None}, TypeError, r"bias must be a number, got None \(NoneType\)"),
        (
            {"generator": 0},
            TypeError,
            r"generator must be a torch.Generator or None, got 0 \(int\)",
        ),
        (
            {"weights": [[1.0], [2.0]]},
            TypeError,
            "weights must be a torch.Tensor, got .*[(]list[)]",
        ),
        (
            {"weights": torch.ones(2, 1).long()},
            TypeError,
            "weights must be a floating-point tensor, got torch.int64",
        ),
        (
            {"weights": torch.ones(2)},
            ValueError,
            r"weights must have shape \(2, 1\), got \(2,\)",
        ),
        (
            {"weights": torch.ones(1, 2)},
            ValueError,
            r"weights must have shape \(2, 1\), got \(1, 2\)",
        ),
        (
            {"weights": torch.tensor([[1.0], [math.nan]])},
            ValueError,
            r"weights must be finite, got nan at \(1, 0\)",
        ),
    ],
)
def test_a_bad_argument_is_named_with_its_value_before_anything_is_drawn(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {
        "num_samples": 5,
        "num_features": 2,
        "generator": seeded(),
    }
    arguments |= changed
    with global_random_state_untouched(), pytest.raises(error, match=f"^{message}$"):
        make_regression(**arguments)
    if "generator" not in changed:
        assert_identical(arguments["generator"].get_state(), seeded().get_state())


def test_the_penguins_are_those_of_the_file_that_lack_nothing_in_its_order() -> None:
    path = files("groundup") / "penguins.csv"
    with path.open(encoding="utf-8") as file:
        birds = pd.read_csv(file, comment="#")
    complete = birds.dropna()
    assert len(birds) == 344
    assert len(birds) - len(complete) == 11
    assert birds["sex"].isna().sum() == 11
    assert birds[list(PENGUIN_FEATURES)].isna().any(axis=1).sum() == 2
    X, y = load_penguins()
    expected = torch.from_numpy(complete[list(PENGUIN_FEATURES)].to_numpy("float32"))
    assert_identical(X, expected)
    assert_identical(
        y[:, 0], torch.tensor([float(sex == "male") for sex in complete["sex"]])
    )


def test_the_penguins_have_the_documented_shapes() -> None:
    X, y = load_penguins()
    assert X.shape == (333, 4)
    assert y.shape == (333, 1)
    assert X.dtype == y.dtype == torch.float32
    assert X.isfinite().all()
    assert Counter(y.flatten().tolist()) == {1.0: 168, 0.0: 165}


def test_the_penguins_features_are_in_millimetres_and_grams() -> None:
    assert PENGUIN_FEATURES == (
        "bill_length_mm",
        "bill_depth_mm",
        "flipper_length_mm",
        "body_mass_g",
    )
    X, _ = load_penguins()
    smallest, largest = X.amin(dim=0).tolist(), X.amax(dim=0).tolist()
    assert smallest == pytest.approx([32.1, 13.1, 172, 2700])
    assert largest == pytest.approx([59.6, 21.5, 231, 6300])


def test_the_penguins_come_with_their_source_and_licence() -> None:
    text = (files("groundup") / "penguins.csv").read_text(encoding="utf-8")
    head = "".join(line for line in text.splitlines() if line.startswith("#"))
    for word in ["Horst", "Hill", "Gorman", "2020", "10.5281/zenodo.3960218", "CC0"]:
        assert word in head


def test_who_changes_the_penguins_changes_a_copy() -> None:
    load_penguins()[0].zero_()
    assert load_penguins()[0].all()


def test_the_digits_have_the_documented_shapes_and_types() -> None:
    images, classes = load_digits()
    assert images.shape == (1797, 8, 8)
    assert images.dtype == torch.float32
    assert classes.shape == (1797,)
    assert classes.dtype == torch.int64


def test_there_are_as_many_of_each_digit_as_uci_says_of_its_test_part() -> None:
    _, classes = load_digits()
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert classes.bincount().tolist() == counts


def test_a_pixel_is_a_number_of_sixteenths_from_no_ink_to_all() -> None:
    images, _ = load_digits()
    assert_identical((images * 16).unique(), torch.arange(17.0))


def test_the_digits_stand_upright_and_are_written_from_left_to_right() -> None:
    images, classes = load_digits()

    def ink(digit: int) -> Tensor:
        return images[classes == digit].mean(0)

    hole = (slice(3, 5), slice(3, 5))
    assert ink(0)[hole].mean() < ink(1)[hole].mean() / 4
    assert ink(6)[5:].sum() > 1.3 * ink(6)[:3].sum()  # its round part is below
    assert ink(9)[5:].sum() < ink(9)[:3].sum()  # and that of a nine above
    assert ink(7)[0].sum() > 3 * ink(7)[:, 0].sum()  # a stroke on top, none at the left
    assert ink(6)[1:4, :4].sum() > ink(6)[1:4, 4:].sum()  # a six opens to the right


def test_the_digits_are_scikit_learns() -> None:
    # `make bench` sets up an environment that has it.
    sklearn = pytest.importorskip("sklearn.datasets")
    expected = sklearn.load_digits()
    images, classes = load_digits()
    assert_identical(images, torch.from_numpy(expected.images).float() / 16)
    assert_identical(classes, torch.from_numpy(expected.target).long())


def test_the_digits_come_with_their_source_and_licence() -> None:
    text = (files("groundup") / "digits.txt").read_text(encoding="ascii")
    head = "".join(line for line in text.splitlines() if line.startswith("#"))
    for word in ["Alpaydin", "Kaynak", "1998", "10.24432/C50P49", "CC BY 4.0", "Changed"]:
        assert word in head


def test_who_changes_the_digits_changes_a_copy() -> None:
    for tensor in load_digits():
        tensor.fill_(7)
    images, classes = load_digits()
    assert images.max() == 1
    assert classes.min() == 0


@given(dataset=datasets(min_samples=1), choice=st.data())
def test_a_data_set_gives_what_torchs_gives(
    dataset: Dataset, choice: st.DataObject
) -> None:
    n = len(dataset)
    twin = torch_data.TensorDataset(*dataset.tensors)
    assert n == len(twin)
    position = st.integers(-n, n - 1)
    mask = st.lists(st.booleans(), min_size=n, max_size=n)
    choices: list[int | slice | Tensor] = [
        choice.draw(position),
        slice(*choice.draw(st.tuples(position, position, st.integers(1, 3)))),
        torch.tensor(choice.draw(st.lists(position)), dtype=torch.int64),
        torch.tensor(choice.draw(mask)),
    ]
    for positions in choices:
        assert_identical(dataset[positions], twin[positions])


@given(datasets())
def test_a_data_set_is_its_samples_one_after_another(dataset: Dataset) -> None:
    numbers = [int(sample[0]) for sample in dataset]  # type: ignore[attr-defined]
    assert numbers == list(range(len(dataset)))


def test_a_data_set_holds_its_tensors_and_copies_those_at_positions() -> None:
    X, y = torch.ones(3, 2), torch.ones(3, 1)
    dataset = Dataset(X, y)
    assert dataset.tensors[0] is X
    assert dataset.tensors[1] is y
    assert storages(dataset[torch.arange(3)]).isdisjoint(storages([X, y]))


@pytest.mark.parametrize(
    "rows", [torch.rand(5, 6), torch.rand(6, 5).T, torch.rand(5)[:, None]]
)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
@pytest.mark.parametrize("shape", [(4,), (2, 2), (0,), ()])
def test_rows_at_positions_of_every_kind_are_those_that_a_tensor_gives(
    rows: Tensor, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    positions = torch.randint(5, shape, generator=seeded()).to(dtype)
    if dtype is torch.bool and shape:
        positions = torch.tensor([True, False, True, True, False])
    assert_identical(Dataset(rows)[positions], (rows[positions],))


def test_a_data_set_takes_numpys_integers_as_positions() -> None:
    sample = Dataset(torch.arange(3))[np.int64(2)]  # type: ignore[index]
    assert_identical(sample, (torch.tensor(2),))


@pytest.mark.parametrize("positions", [3, -4, torch.tensor([0, 3])], ids=repr)
def test_a_position_that_is_not_there_is_an_error(positions: Any) -> None:
    with pytest.raises(IndexError):
        Dataset(torch.ones(3))[positions]


@pytest.mark.parametrize(
    "positions", [True, 1.0, "0", None, [0, 1], (0, 1), np.arange(2)], ids=repr
)
def test_positions_are_integers_slices_or_tensors(positions: Any) -> None:
    got = re.escape(f"{positions!r} ({type(positions).__name__})")
    with pytest.raises(
        TypeError, match=f"^positions must be an integer, a slice or a tensor, got {got}$"
    ):
        Dataset(torch.ones(3, 2))[positions]


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        ([], ValueError, "a data set must hold at least one tensor, got none"),
        (
            [[1.0, 2.0]],
            TypeError,
            "tensor 0 of a data set must be a torch.Tensor, got [1.0, 2.0] (list)",
        ),
        (
            [torch.ones(2), np.ones(2)],
            TypeError,
            "tensor 1 of a data set must be a torch.Tensor, got array([1., 1.]) (ndarray)",
        ),
        (
            [torch.ones(1), torch.tensor(1.0)],
            ValueError,
            "tensor 1 of a data set must have a dimension of samples, got shape ()",
        ),
        (
            (torch.ones(3), torch.ones(3, 2, requires_grad=True)),
            ValueError,
            "tensor 1 of a data set must not require gradients, "
            "got a tensor of shape (3, 2) that does: call detach()",
        ),
        (
            (torch.ones(3, 2).to_sparse(),),
            TypeError,
            "tensor 0 of a data set must be dense, got one of torch.sparse_coo: "
            "call to_dense()",
        ),
        (
            [torch.ones(3, 2), torch.ones(4, 1)],
            ValueError,
            "tensors of a data set must be of the same length, got [3, 4]",
        ),
        (
            [torch.ones(3), torch.ones(3), torch.ones(0)],
            ValueError,
            "tensors of a data set must be of the same length, got [3, 3, 0]",
        ),
    ],
)
def test_a_data_set_is_made_of_tensors_of_one_length(
    tensors: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Dataset(*tensors)


def test_a_printed_data_set_names_its_size_and_a_samples_shapes() -> None:
    assert repr(Dataset(torch.ones(1, 2), torch.ones(1))) == "Dataset(1 sample, (2,) ())"
    assert repr(Dataset(torch.ones(0, 2, 3))) == "Dataset(0 samples, (2, 3))"
    assert len(repr(Dataset(torch.ones(10_000, 4)))) < 50


@given(dataset=datasets(), fractions=fractions(), seed=seeds)
def test_a_split_is_torchs_from_the_same_seed(
    dataset: Dataset, fractions: list[float], seed: int
) -> None:
    assume(sum(fractions) <= 1)  # torch takes 1.0000000000000002 for a length
    generator, twin = seeded(seed), seeded(seed)
    parts = random_split(dataset, fractions, generator)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Length of split at index")
        theirs = torch_data.random_split(
            torch_data.TensorDataset(*dataset.tensors), fractions, twin
        )
    assert len(parts) == len(theirs)
    for part, their in zip(parts, theirs, strict=True):
        assert_identical(part.tensors, dataset[torch.tensor(their.indices).long()])
    assert_identical(generator.get_state(), twin.get_state())


@given(dataset=datasets(), fractions=fractions(), seed=seeds)
def test_the_parts_of_a_split_have_every_sample_once(
    dataset: Dataset, fractions: list[float], seed: int
) -> None:
    parts = random_split(dataset, fractions, seeded(seed))
    numbers = order(part.tensors for part in parts)
    assert sorted(numbers) == list(range(len(dataset)))
    together = [
        torch.cat(columns)
        for columns in zip(*(part.tensors for part in parts), strict=True)
    ]
    assert_identical(tuple(together), dataset[torch.tensor(numbers).long()])


@given(dataset=datasets(), fractions=fractions())
def test_a_part_has_its_share_rounded_down_and_at_most_one_sample_more(
    dataset: Dataset, fractions: list[float]
) -> None:
    parts = random_split(dataset, fractions, seeded())
    for part, fraction in zip(parts, fractions, strict=True):
        assert -1e-9 < len(part) - math.floor(fraction * len(dataset)) <= 1


def test_the_samples_left_over_go_to_the_first_parts() -> None:
    dataset = Dataset(torch.arange(11))
    assert [len(p) for p in random_split(dataset, [0.25] * 4, seeded())] == [3, 3, 3, 2]
    assert [len(p) for p in random_split(dataset, [0.1] * 10, seeded())] == [2, *[1] * 9]


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [1, 0]])
def test_the_parts_of_a_split_are_copies(shares: list[float]) -> None:
    dataset = Dataset(torch.ones(6, 2), torch.ones(6, 1))
    parts = random_split(dataset, shares, seeded())
    places = [
        storages(held.tensors) for held in (dataset, *parts) if len(held)
    ]  # no sample, no place
    assert len(set.union(*places)) == 2 * len(places)


def test_a_split_with_a_generator_leaves_the_global_random_state() -> None:
    with global_random_state_untouched():
        random_split(Dataset(torch.arange(9)), [0.5, 0.5], seeded())


def test_a_split_without_a_generator_draws_from_the_global_one() -> None:
    dataset = Dataset(torch.arange(9))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        from_global = random_split(dataset, [0.5, 0.5])
    assert order(part.tensors for part in from_global) == order(
        part.tensors for part in random_split(dataset, [0.5, 0.5], seeded(7))
    )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"dataset": [1, 2]},
            TypeError,
            "dataset must be a groundup.Dataset, got [1, 2] (list)",
        ),
        (
            {"dataset": torch.ones(1)},
            TypeError,
            "dataset must be a groundup.Dataset, got tensor([1.]) (Tensor)",
        ),
        (
            {"fractions": [1.5, -0.5]},
            ValueError,
            "fraction 1 must not be negative, got -0.5",
        ),
        (
            {"fractions": ["0.5", 0.5]},
            TypeError,
            "fraction 0 must be a number, got '0.5' (str)",
        ),
        (
            {"fractions": [True]},
            TypeError,
            "fraction 0 must be a number, got True (bool)",
        ),
        (
            {"fractions": [0.5, math.nan]},
            ValueError,
            "fraction 1 must be finite, got nan",
        ),
        (
            {"fractions": [0.5, 0.25]},
            ValueError,
            "fractions must add up to 1, got [0.5, 0.25] with a sum of 0.75",
        ),
        (
            {"fractions": (0.75, 0.5)},
            ValueError,
            "fractions must add up to 1, got [0.75, 0.5] with a sum of 1.25",
        ),
        (
            {"fractions": [0.999999]},
            ValueError,
            "fractions must add up to 1, got [0.999999] with a sum of 0.999999",
        ),
        (
            {"fractions": [3, 2]},
            ValueError,
            "fractions must add up to 1, got [3, 2] with a sum of 5",
        ),
        (
            {"fractions": []},
            ValueError,
            "fractions must add up to 1, got [] with a sum of 0",
        ),
        (
            {"fractions": 0.5},
            TypeError,
            "fractions must be a sequence of numbers, got 0.5 (float)",
        ),
        (
            {"generator": 42},
            TypeError,
            "generator must be a torch.Generator or None, got 42 (int)",
        ),
    ],
)
def test_what_cannot_be_split_is_named_before_anything_is_drawn(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {
        "dataset": Dataset(torch.ones(5)),
        "fractions": [0.5, 0.5],
        "generator": seeded(),
    }
    arguments |= changed
    with (
        global_random_state_untouched(),
        pytest.raises(error, match=f"^{re.escape(message)}$"),
    ):
        random_split(**arguments)
    if "generator" not in changed:
        assert_identical(arguments["generator"].get_state(), seeded().get_state())


def test_fractions_may_miss_1_by_a_rounding() -> None:
    for shares in ([0.1] * 10, [0.7, 0.2, 0.1], [1.1 / 3, 1.9 / 3], [1 / 49] * 49):
        parts = random_split(Dataset(torch.arange(50)), shares, seeded())
        assert sum(map(len, parts)) == 50


# Standardising.


@given(seed=seeds, scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_the_references_features_have_mean_0_and_deviation_1_and_others_its_measure(
    seed: int, scale: float
) -> None:
    X, y = make_regression(20, 3, generator=seeded(seed))
    X = (scale * X + 5 * scale).double()
    train, val = Dataset(X[:12], y[:12]), Dataset(X[12:], y[12:])
    ours, other = standardise(train, train, val)
    features = ours.tensors[0]
    torch.testing.assert_close(features.mean(0), torch.zeros(3).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(features.std(0), torch.ones(3).double())
    # It is one straight line for both: what is between two samples stays in proportion.
    back = other.tensors[0] * X[:12].std(0) + X[:12].mean(0)
    torch.testing.assert_close(back, X[12:])
    assert_identical((ours.tensors[1], other.tensors[1]), (y[:12], y[12:]))


@pytest.mark.parametrize("value", [7.0, 0.1, 1 / 3, 123.456])
@pytest.mark.parametrize("samples", [2, 10, 1000])
def test_a_feature_that_never_changes_is_only_moved(value: float, samples: int) -> None:
    X = torch.stack([torch.arange(float(samples)), torch.full((samples,), value)], dim=1)
    known, new = standardise(Dataset(X), Dataset(X), Dataset(X + 2))
    assert_identical(known.tensors[0][:, 1], torch.zeros(samples))
    torch.testing.assert_close(new.tensors[0][:, 1], torch.full((samples,), 2.0))


GRAMS = Dataset(torch.ones(3, 2), torch.ones(3, 1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.ones(3), GRAMS), TypeError, "reference must be a groundup.Dataset, got "),
        ((GRAMS, torch.ones(3)), TypeError, "data set 1 must be a groundup.Dataset, got "),
        (
            (GRAMS, GRAMS, Dataset(torch.ones(3, 1))),
            ValueError,
            "features of data set 2 must be of the reference's shape (2,), got (1,)",
        ),
        (
            (Dataset(torch.arange(3)),),
            TypeError,
            "features of reference must be floating-point, got torch.int64",
        ),
        (
            (Dataset(torch.ones(1, 2)), GRAMS),
            ValueError,
            "reference must have two samples or more, got 1",
        ),
    ],
)
def test_what_cannot_be_standardised_is_named(
    arguments: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        standardise(*arguments)


# The loader.


@given(dataset=datasets(), batch_size=batch_sizes, block=blocks, drop_last=st.booleans())
def test_unshuffled_the_batches_are_torchs(
    dataset: Dataset, batch_size: int, block: int, drop_last: bool
) -> None:
    loader = make_loader(dataset, batch_size, drop_last=drop_last, block=block)
    theirs = torch_data.DataLoader(
        torch_data.TensorDataset(*dataset.tensors),
        batch_size,
        drop_last=drop_last,
        generator=seeded(),
    )
    assert_identical(list(loader), [tuple(batch) for batch in theirs])
    assert len(loader) == len(theirs)


@given(
    dataset=datasets(),
    batch_size=batch_sizes,
    block=blocks,
    seed=seeds,
    drop_last=st.booleans(),
)
def test_shuffled_the_batches_are_the_samples_of_the_data_set_in_another_order(
    dataset: Dataset, batch_size: int, block: int, seed: int, drop_last: bool
) -> None:
    loader = make_loader(
        dataset,
        batch_size,
        shuffle=True,
        generator=seeded(seed),
        drop_last=drop_last,
        block=block,
    )
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader)
        numbers = order(batches)
        assert len(set(numbers)) == len(numbers)
        left_out = len(dataset) % batch_size if drop_last else 0
        assert len(numbers) == len(dataset) - left_out
        assert all(len(batch[0]) == batch_size for batch in batches[:-1])
        for batch in batches:  # the tensors of a sample stay together
            assert_identical(batch, dataset[batch[0]])


@given(dataset=datasets(), batch_size=batch_sizes, seed=seeds, drop_last=st.booleans())
def test_the_order_does_not_depend_on_the_block(
    dataset: Dataset, batch_size: int, seed: int, drop_last: bool
) -> None:
    one, other = (
        list(
            make_loader(
                dataset,
                batch_size,
                shuffle=True,
                generator=seeded(seed),
                drop_last=drop_last,
                block=block,
            )
        )
        for block in (1, 2**20)
    )
    assert_identical(one, other)


@given(n=st.integers(20, 60), batch_size=batch_sizes, seed=seeds)
def test_each_epoch_has_an_order_of_its_own_and_a_seed_gives_the_same_ones(
    n: int, batch_size: int, seed: int
) -> None:
    def epochs(seed: int) -> list[list[int]]:
        loader = DataLoader(
            Dataset(torch.arange(n)), batch_size, shuffle=True, generator=seeded(seed)
        )
        return [order(loader) for _ in range(3)]

    first = epochs(seed)
    assert len({tuple(epoch) for epoch in first}) == 3
    assert first == epochs(seed)
    assert first != epochs(seed + 1)


def test_every_order_is_as_likely_as_any_other() -> None:
    loader = DataLoader(Dataset(torch.arange(3)), 2, shuffle=True, generator=seeded())
    counts = Counter(tuple(order(loader)) for _ in range(600))
    assert len(counts) == 6
    assert min(counts.values()) > 70


def test_every_sample_may_be_the_one_that_drop_last_leaves_out() -> None:
    loader = DataLoader(
        Dataset(torch.arange(3)), 2, shuffle=True, generator=seeded(), drop_last=True
    )
    assert {sum(order(loader)) for _ in range(30)} == {0 + 1, 0 + 2, 1 + 2}


def test_a_loader_shuffles_and_drops_only_when_asked() -> None:
    assert order(DataLoader(Dataset(torch.arange(50)), 8)) == list(range(50))


def test_the_order_is_drawn_when_iter_is_called() -> None:
    generator = seeded()
    loader = make_loader(
        Dataset(torch.arange(20)), 3, shuffle=True, generator=generator, block=1
    )
    assert_identical(generator.get_state(), seeded().get_state())
    iterator = iter(loader)
    drawn = generator.get_state()
    assert not torch.equal(drawn, seeded().get_state())
    list(iterator)
    assert_identical(generator.get_state(), drawn)


def test_the_order_is_made_once_and_not_beside_another_of_its_length() -> None:
    loader = DataLoader(Dataset(torch.arange(20)), 3, shuffle=True, generator=seeded())
    assert count_operations(lambda: iter(loader)) == {"randperm": 1}
    loader = DataLoader(Dataset(torch.arange(20)), 3)
    assert count_operations(lambda: iter(loader)) == {"arange": 1}


def test_two_iterators_at_once_do_not_disturb_each_other() -> None:
    def twin() -> DataLoader:
        return make_loader(
            Dataset(torch.arange(20)),
            3,
            shuffle=True,
            generator=seeded(),
            block=blocks_of(2, 3),
        )

    one_after_another = twin()
    epochs = [list(one_after_another), list(one_after_another)]
    at_once = twin()
    first, second = iter(at_once), iter(at_once)
    pairs = list(zip(first, second, strict=True))
    assert_identical([list(epoch) for epoch in zip(*pairs, strict=True)], epochs)


def test_an_epoch_that_was_broken_off_does_not_matter_to_the_next() -> None:
    loader = DataLoader(Dataset(torch.arange(10)), 3)
    next(iter(loader))
    assert order(loader) == list(range(10))


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_loader_with_a_generator_leaves_the_global_random_state(shuffle: bool) -> None:
    with global_random_state_untouched():
        list(DataLoader(Dataset(torch.arange(10)), 3, shuffle=shuffle, generator=seeded()))


def test_a_loader_that_does_not_shuffle_draws_nothing() -> None:
    generator = seeded()
    with global_random_state_untouched():
        list(DataLoader(Dataset(torch.arange(10)), 3))
        list(DataLoader(Dataset(torch.arange(10)), 3, generator=generator))
    assert_identical(generator.get_state(), seeded().get_state())


def test_a_loader_without_a_generator_draws_from_the_global_one() -> None:
    dataset = Dataset(torch.arange(10))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        from_global = order(DataLoader(dataset, 3, shuffle=True))
    assert from_global == order(DataLoader(dataset, 3, shuffle=True, generator=seeded(7)))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_an_empty_data_set_gives_no_batch(shuffle: bool, drop_last: bool) -> None:
    loader = DataLoader(
        Dataset(torch.ones(0, 2)),
        3,
        shuffle=shuffle,
        generator=seeded(),
        drop_last=drop_last,
    )
    assert len(loader) == 0
    assert list(loader) == []


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 10, 100])
def test_a_batch_shares_no_memory_with_the_data_set_and_no_sample_with_another_batch(
    batch_size: int, shuffle: bool
) -> None:
    dataset = Dataset(torch.arange(10), torch.ones(10, 3), torch.ones(10, 1)[:, :0])
    loader = make_loader(
        dataset, batch_size, shuffle=shuffle, generator=seeded(), block=4_000
    )
    batches = list(loader)
    held = storages(dataset.tensors[:2])
    for i, (numbers, ones, _) in enumerate(batches):
        assert storages([numbers, ones]).isdisjoint(held)
        ones.fill_(-i)
    for i, (_, ones, _) in enumerate(batches):
        assert (ones == -i).all()
    assert_identical(dataset[:2], (torch.arange(2), torch.ones(2, 3), torch.ones(2, 0)))


@given(n=st.integers(0, 40), batch_size=batch_sizes, batches=st.integers(1, 20))
def test_a_block_is_copied_at_once_and_each_sample_in_one_block(
    n: int, batch_size: int, batches: int
) -> None:
    rows = Rows(n)
    list(make_loader(rows, batch_size, block=blocks_of(batches, batch_size)))
    samples = list(range(n))
    first, rest = samples[:batch_size], samples[batch_size:]
    size = batches * batch_size
    blocks = [rest[start : start + size] for start in range(0, len(rest), size)]
    assert rows.asked == [asked for asked in [first, *blocks] if asked]


def test_a_block_has_some_thousands_of_small_samples() -> None:
    rows = Rows(100_000)
    batches = list(DataLoader(rows, 32))
    assert len(batches) == len(DataLoader(rows, 32)) == 3125
    first, *full, _ = (len(asked) for asked in rows.asked)
    assert first == 32
    assert all(5_000 < asked < 100_000 for asked in full)


@pytest.mark.parametrize("batch_size", [1, 2, 16])
@pytest.mark.parametrize("shape", [(), (6,), (3, 32, 32), (3, 512, 512), (0,)])
def test_a_block_is_bounded_in_bytes_whatever_a_sample_is_unless_it_is_one_batch(
    shape: tuple[int, ...], batch_size: int
) -> None:
    class Images(Rows):
        def __getitem__(self, positions: Tensor) -> Batch:
            self.asked.append(positions.tolist())
            return (torch.zeros(1).expand(len(positions), *shape),)

    images = Images(5_000)
    loader = DataLoader(images, batch_size)
    iterator = iter(loader)
    views = [next(iterator) for _ in range(3)]
    sample = 4 * math.prod(shape)
    for asked in images.asked:
        memory = len(asked) * sample + len(asked) / batch_size * 600
        assert memory <= loader.block_bytes or len(asked) == batch_size
    if 2 * (sample * batch_size + 600) <= loader.block_bytes:
        assert len(images.asked[1]) > batch_size
    assert all(len(view) == batch_size for (view,) in views)


def test_a_block_is_copied_when_its_first_batch_is_asked_for() -> None:
    rows = Rows(10)
    iterator = iter(make_loader(rows, 2, block=blocks_of(2, 2)))
    counts = [len(rows.asked), *(len(rows.asked) for _ in iterator)]
    assert counts == [0, 1, 2, 2, 3, 3]


def test_the_first_batch_is_copied_alone_so_that_it_comes_soon() -> None:
    rows = Rows(1_000_000)
    next(iter(DataLoader(rows, 32)))
    assert rows.asked == [list(range(32))]


def consumed_by_a_loop(loader: DataLoader) -> Iterator[Batch]:
    for batch in loader:
        del batch
    yield from ()


def held_first(loader: DataLoader) -> Iterator[Batch]:
    iterator = iter(loader)
    yield next(iterator)
    for batch in iterator:
        del batch


@pytest.mark.parametrize(("consume", "held"), [(consumed_by_a_loop, 0), (held_first, 1)])
def test_no_block_lives_when_the_next_is_copied_but_those_of_batches_still_held(
    consume: Callable[[DataLoader], Iterator[Batch]], held: int
) -> None:
    rows = Rows(40)
    batches = list(consume(make_loader(rows, 4, block=blocks_of(2, 4))))
    assert rows.living_when_asked == [0, *[held] * 5]
    assert len(rows.living) == len(batches) == held
    batches.clear()
    assert not rows.living


def test_a_loader_goes_over_a_data_set_of_torchs() -> None:
    X, y = torch.randn(10, 2, generator=seeded()), torch.arange(10)
    for shuffle in (False, True):
        assert_identical(
            list(
                DataLoader(
                    torch_data.TensorDataset(X, y), 3, shuffle=shuffle, generator=seeded()
                )
            ),
            list(DataLoader(Dataset(X, y), 3, shuffle=shuffle, generator=seeded())),
        )


def test_a_subset_of_torchs_is_gone_over_where_its_indices_are_a_tensor() -> None:
    data, indices = Dataset(torch.arange(10)), torch.tensor([7, 1, 4, 2])
    subset: Any = torch_data.Subset(data, indices)  # type: ignore[arg-type]
    assert order(DataLoader(subset, 3)) == [7, 1, 4, 2]


def test_a_subset_of_torchs_with_a_list_is_refused_and_told_what_to_do() -> None:
    data = torch_data.TensorDataset(torch.arange(10))
    for subset in [torch_data.Subset(data, [7, 1]), *torch_data.random_split(data, [1, 9])]:
        with pytest.raises(TypeError, match=r"Subset whose indices are a list: Subset\("):
            DataLoader(subset, 2)


class OneByOne(torch_data.Dataset[Any]):
    """A data set as torch's loader takes it: it reads the sample at an integer."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        return torch.ones(2), int(position)


def test_a_data_set_that_takes_no_tensor_raises_its_own_error_with_a_note() -> None:
    two = torch_data.ConcatDataset[Any]([OneByOne(), OneByOne()])
    refused: list[torch_data.Dataset[Any]] = [OneByOne(), two]
    for dataset in refused:
        with pytest.raises((TypeError, ValueError, RuntimeError)) as error:
            list(DataLoader(dataset, 2))  # type: ignore[arg-type]
        assert "asks its data set for many samples at once" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (None, TypeError, "give a tuple of tensors .*, got None"),
        ((), TypeError, r"give a tuple of tensors .*, got \(\)"),
        (torch.ones(2, 2), TypeError, r"give a tuple of tensors .* \(Tensor\)$"),
        ((torch.ones(2), [1, 2]), TypeError, r"dense tensors .*, got \[1, 2\] .* number 1"),
        ((torch.ones(2, 2).to_sparse(),), TypeError, "dense tensors .* number 0"),
        ((torch.ones(3),), ValueError, r"a row for each of 2 .*, got shape \(3,\)"),
        ((torch.tensor(1.0),), ValueError, r"a row for each of 2 .*, got shape \(\)"),
    ],
    ids=repr,
)
def test_what_a_data_set_gives_is_a_tuple_of_dense_tensors_with_a_row_a_position(
    given: Any, error: type[Exception], message: str
) -> None:
    class Gives(Rows):
        def __getitem__(self, positions: Tensor) -> Any:
            return given

    with pytest.raises(error, match=message):
        next(iter(DataLoader(Gives(2), 2)))


def test_a_loader_of_torchs_goes_over_our_data_set() -> None:
    X, y = torch.randn(10, 2, generator=seeded()), torch.arange(10)
    ours: Any = Dataset(X, y)
    theirs = torch_data.DataLoader(ours, 3, generator=seeded())
    assert_identical([tuple(batch) for batch in theirs], list(DataLoader(ours, 3)))


def test_a_batch_size_of_numpys_is_one() -> None:
    dataset = Dataset(torch.arange(10))
    loader = DataLoader(dataset, np.int64(3))  # type: ignore[arg-type]
    assert_identical(list(loader), list(DataLoader(dataset, 3)))


def test_a_printed_loader_shows_what_it_goes_over_and_how() -> None:
    dataset = Dataset(torch.ones(5, 2))
    assert repr(DataLoader(dataset, 2)) == (
        "DataLoader(Dataset(5 samples, (2,)), batch_size=2)"
    )
    assert repr(DataLoader(dataset, 3, shuffle=True, drop_last=True)) == (
        "DataLoader(Dataset(5 samples, (2,)), batch_size=3, shuffle=True, drop_last=True)"
    )


NO_DATA_SETS = [
    DataLoader(Dataset(torch.ones(3)), 2),
    torch_data.DataLoader(torch_data.TensorDataset(torch.ones(3)), 2),
    torch.ones(3, 2),
    np.ones((3, 2)),
    [torch.ones(3)],
    (torch.ones(3), torch.ones(3)),
    {"X": torch.ones(3)},
    range(3),
    "data",
    iter([torch.ones(3)]),
    Dataset,
    None,
]


@pytest.mark.parametrize("dataset", NO_DATA_SETS, ids=lambda value: type(value).__name__)
def test_a_loader_goes_over_a_data_set_only(dataset: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^dataset must be a groundup\.Dataset or something like it, got "
    ) as error:
        DataLoader(dataset, 2)
    assert str(error.value).endswith(f"({type(dataset).__name__})")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": -1}, ValueError, "batch_size must be at least 1, got -1"),
        (
            {"batch_size": 2.0},
            TypeError,
            "batch_size must be an integer, got 2.0 (float)",
        ),
        (
            {"batch_size": True},
            TypeError,
            "batch_size must be an integer, got True (bool)",
        ),
        (
            {"batch_size": None},
            TypeError,
            "batch_size must be an integer, got None (NoneType)",
        ),
        (
            {"generator": 0},
            TypeError,
            "generator must be a torch.Generator or None, got 0 (int)",
        ),
        (
            {"shuffle": "no"},
            TypeError,
            "shuffle must be True or False, got 'no' (str)",
        ),
        (
            {"drop_last": 1},
            TypeError,
            "drop_last must be True or False, got 1 (int)",
        ),
    ],
)
def test_a_loaders_bad_argument_is_named_with_its_value(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"dataset": Dataset(torch.ones(3)), "batch_size": 2}
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        DataLoader(**(arguments | changed))


def test_a_generator_in_the_place_of_shuffle_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"^shuffle must be True or False, got <torch.*\(Generator\)$"
    ):
        DataLoader(Dataset(torch.ones(3)), 2, shuffle=seeded())  # type: ignore[arg-type]
