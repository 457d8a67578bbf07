"""Results as data frames, and every public object in ASCII."""

import inspect
import math
import sys
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import groundup
from groundup import (
    MLP,
    SGD,
    Accumulated,
    Adam,
    AdamRecipe,
    AdamW,
    AdamWRecipe,
    Average,
    AveragedModel,
    Averaging,
    BestWeights,
    Callback,
    Checkpoint,
    Clipped,
    ConstantSchedule,
    CosineSchedule,
    DataLoader,
    Dataset,
    Dropout,
    EarlyStopping,
    Linear,
    LinearRegression,
    LinearSchedule,
    LogFile,
    LogisticRegression,
    NaiveTrainer,
    NaiveTrainerConfig,
    NaiveTrainerResult,
    OneCycleSchedule,
    Optimizer,
    ParameterHistory,
    Progress,
    Scheduled,
    SGDRecipe,
    SweepResult,
    Trainer,
    TrainerConfig,
    TrainerResult,
    Wrapper,
    make_regression,
    mean_squared_error,
    oracle,
    sweep,
)
from tests.helpers import assert_identical, seeded

X, y = make_regression(8, 2, generator=seeded())
numbers = st.floats(allow_nan=True, allow_infinity=True)


def naive(learning_rate: float = 0.1, epochs: int = 5) -> NaiveTrainerResult:
    config = NaiveTrainerConfig(epochs, learning_rate)
    return NaiveTrainer(MLP(2, 3, seeded()), mean_squared_error, X, y, config).train()


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """A column a measure, as a user of pandas makes it in one call."""
    return frame.pivot(index="epoch", columns="measure", values="value")


# Frames.


@pytest.mark.parametrize("learning_rate", [0.1, 1e8], ids=["converges", "diverges"])
def test_the_frame_of_a_naive_run_holds_each_loss_and_each_number_of_each_parameter(
    learning_rate: float,
) -> None:
    result = naive(learning_rate)
    assert math.isfinite(result.losses[-1]) == (learning_rate < 1)
    columns = wide(result.to_frame())
    assert_identical(columns["loss"].tolist(), result.losses)
    for i, p in enumerate(result.parameters[0]):
        for place in torch.ones(p.shape).nonzero().tolist():
            assert_identical(
                columns[f"parameter {i} {tuple(place)}"].tolist(),
                [parameters[i][tuple(place)].item() for parameters in result.parameters],
            )
    assert columns.shape == (5, 1 + 6 + 3 + 3 + 1)
    assert columns.index.tolist() == list(range(5))


def test_a_parameter_of_one_number_needs_no_place() -> None:
    result = NaiveTrainerResult([2.0], [(torch.tensor(3.0),)])
    assert wide(result.to_frame()).loc[0].to_dict() == {"loss": 2.0, "parameter 0": 3.0}


def test_a_result_of_losses_alone_has_a_frame_of_losses() -> None:
    assert NaiveTrainerResult([2.0, 1.0]).to_frame().value.tolist() == [2.0, 1.0]


@given(losses=st.lists(numbers, max_size=4), accuracy=st.lists(numbers, max_size=4))
def test_the_frame_of_a_trainers_run_holds_each_curve_as_it_is(
    losses: list[float], accuracy: list[float]
) -> None:
    result = TrainerResult(losses, accuracy[:2], {"accuracy": accuracy})
    frame = result.to_frame()
    curves = {
        str(name): (rows.epoch.tolist(), rows.value.tolist())
        for name, rows in frame.groupby("measure", sort=False)
    }
    given_curves = {
        "train loss": losses,
        "validation loss": accuracy[:2],
        "accuracy": accuracy,
    }
    expected = {n: (list(range(len(v))), v) for n, v in given_curves.items() if v}
    assert_identical(curves, expected)


def test_a_metric_of_a_losss_name_does_not_replace_it() -> None:
    result = TrainerResult([4.0], [5.0], {"train loss": [6.0]})
    assert result.to_frame().value.tolist() == [4.0, 5.0, 6.0]
    assert "train loss 4, validation loss 5, train loss 6" in repr(result)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_frame_of_a_sweep_holds_each_run_under_its_rate(dtype: torch.dtype) -> None:
    rates = [0.1, 0.5, 1e4]
    model = LinearRegression(2, seeded()).to(dtype)
    result = sweep(model, mean_squared_error, X.to(dtype), y.to(dtype), rates, epochs=40)
    assert not result.losses[2].isfinite().all()
    frame = result.to_frame()
    assert list(frame.columns) == ["learning_rate", "epoch", "measure", "value"]
    assert len(frame) == 3 * 40 * (1 + 2 + 1)
    for i, rate in enumerate(result.learning_rates.tolist()):
        columns = wide(frame[frame.learning_rate == rate])
        assert_identical(columns["loss"].tolist(), result.losses[i].tolist())
        for name, values in [
            ("parameter 0 (0, 0)", result.parameters[0][i, :, 0, 0]),
            ("parameter 0 (1, 0)", result.parameters[0][i, :, 1, 0]),
            ("parameter 1 (0,)", result.parameters[1][i, :, 0]),
        ]:
            assert_identical(columns[name].tolist(), values.tolist())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_run_of_a_sweep_is_found_by_the_rate_that_a_reader_types(
    dtype: torch.dtype,
) -> None:
    rates = torch.tensor([0.1, 0.3], dtype=dtype)
    frame = SweepResult(rates, torch.eye(2, dtype=dtype), ()).to_frame()
    assert frame[frame.learning_rate == 0.1].value.tolist() == [1.0, 0.0]


COLUMNS = {"epoch": "int64", "measure": pd.Series(["a"]).dtype, "value": "float64"}


@pytest.mark.parametrize(
    ("full", "empty"),
    [
        (naive(), naive(epochs=0)),
        (TrainerResult([1.0]), TrainerResult(metrics={"accuracy": []})),
        (
            SweepResult(torch.ones(1), torch.ones(1, 1), ()),
            SweepResult(torch.ones(2), torch.ones(2, 0), (torch.ones(2, 0, 3, 1),)),
        ),
    ],
    ids=lambda result: type(result).__name__,
)
def test_no_epochs_give_a_frame_without_rows_whose_columns_are_the_same(
    full: Any, empty: Any
) -> None:
    frame = empty.to_frame()
    assert len(frame) == 0
    assert frame.dtypes.to_dict() == full.to_frame().dtypes.to_dict()
    assert frame[list(COLUMNS)].dtypes.to_dict() == COLUMNS


@pytest.mark.parametrize(
    "result",
    [
        NaiveTrainerResult(),
        TrainerResult(),
        SweepResult(torch.ones(1), torch.ones(1, 1), ()),
    ],
    ids=lambda result: type(result).__name__,
)
def test_without_pandas_a_frame_is_refused_with_the_extra_that_brings_it(
    result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # an import of it raises
    message = r"^to_frame needs pandas: pip install 'groundup\[notebooks\]'$"
    with pytest.raises(ImportError, match=message):
        result.to_frame()


# What is printed.


def trainer(**options: Any) -> Trainer:
    config = TrainerConfig(epochs=2, batch_size=4, learning_rate=0.1)
    model = LinearRegression(2, seeded())
    return config.build(model, mean_squared_error, Dataset(X, y), **options)


def plain() -> SGD:
    return SGD([torch.ones(2, requires_grad=True)], 0.1)


averaged = AveragedModel(LinearRegression(2, seeded()), 0.9)

PUBLIC = [
    MLP(2, 3, seeded()),
    LinearRegression(2, seeded()),
    LogisticRegression(2, seeded()),
    Linear(2, 3, seeded()),
    Dropout(0.5),
    plain(),
    Optimizer([torch.ones(2, requires_grad=True)], lr=0.1),
    Adam([torch.ones(2, requires_grad=True)]),
    AdamW([torch.ones(2, requires_grad=True)]),
    SGDRecipe(),
    AdamRecipe(),
    AdamWRecipe(),
    Wrapper(plain()),
    Clipped(plain(), 1.0),
    Scheduled(plain(), CosineSchedule(), 4),
    Accumulated(plain(), 2),
    averaged,
    Averaging(SGD(averaged.parameters(), 0.1), averaged),
    ConstantSchedule(),
    LinearSchedule(),
    CosineSchedule(),
    OneCycleSchedule(),
    Average(),
    Callback(),
    EarlyStopping(patience=3),
    BestWeights(),
    LogFile("log.jsonl"),
    Checkpoint("checkpoints"),
    ParameterHistory(),
    Progress(),
    Dataset(X, y),
    DataLoader(Dataset(X, y), 2, shuffle=True, drop_last=True),
    NaiveTrainerConfig(1, 0.1),
    NaiveTrainer(
        LinearRegression(2, seeded()), mean_squared_error, X, y, NaiveTrainerConfig(1, 0.1)
    ),
    naive(),
    TrainerConfig(epochs=2, batch_size=4, learning_rate=0.1),
    trainer(),
    trainer(val_data=Dataset(X, y), metrics={"größe": mean_squared_error}).train(),
    TrainerResult([2.0, 1.0], stop_reason="genug – θ steht still"),
    sweep(LinearRegression(2, seeded()), mean_squared_error, X, y, [0.1, 0.2], 3),
    oracle.quadratic(X, y, torch.zeros(2, 1), torch.zeros(1)),
]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: type(thing).__name__)
def test_whatever_is_public_prints_itself_in_ascii(thing: object) -> None:
    assert repr(thing).isascii()
    assert str(thing).isascii()


def test_everything_public_is_printed_here() -> None:
    public = [getattr(groundup, name) for name in groundup.__all__] + [oracle.Quadratic]
    classes = {thing for thing in public if inspect.isclass(thing)}
    assert {type(thing) for thing in PUBLIC} == classes


def test_letters_that_a_terminal_may_lack_are_escaped_and_the_others_stay() -> None:
    shown = repr(TrainerResult([1.0], stop_reason="θ is still"))
    assert shown == "TrainerResult(1 epoch, train loss 1, stopped: \\u03b8 is still)"
