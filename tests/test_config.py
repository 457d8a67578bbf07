"""TrainerConfig."""

import dataclasses
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from groundup import (
    MLP,
    SGD,
    Accumulated,
    Adam,
    AdamRecipe,
    AdamW,
    AdamWRecipe,
    Callback,
    Clipped,
    CosineSchedule,
    DataLoader,
    Dataset,
    LinearRegression,
    LinearSchedule,
    OneCycleSchedule,
    Optimizer,
    Scheduled,
    SGDRecipe,
    Trainer,
    TrainerConfig,
    evaluate,
    make_regression,
    mean_squared_error,
)
from tests.helpers import (
    assert_identical,
    global_random_state_untouched,
    seeded,
    seeded_module,
    values,
)
from tests.strategies import batch_sizes, configs, seeds

REQUIRED = {"epochs": 3, "batch_size": 4, "learning_rate": 0.1}
OPTIONAL = {
    "weight_decay": 0.0,
    "shuffle": True,
    "drop_last": False,
    "seed": 0,
    "optimizer": {"momentum": 0.0, "dampening": 0.0, "nesterov": False},
    "schedule": None,
    "max_gradient_norm": None,
    "accumulate": 1,
}
DATA = Dataset(*make_regression(11, 2, generator=seeded()))
NUMBERED = Dataset(torch.arange(30.0).unsqueeze(1), torch.zeros(30, 1))
NOTHING = Dataset(torch.ones(0, 2), torch.ones(0, 1))


def config(**changed: Any) -> TrainerConfig:
    return TrainerConfig(**(REQUIRED | changed))


def linear() -> nn.Module:
    return LinearRegression(2, seeded(1))


def mean_error(predictions: Tensor, targets: Tensor) -> Tensor:
    return (predictions - targets).abs().mean()


class Samples(Callback):
    """Notes the first feature of each sample, one list an epoch."""

    def __init__(self) -> None:
        self.epochs: list[list[float]] = []

    def on_epoch_start(self, trainer: Trainer) -> None:
        self.epochs.append([])

    def on_step_start(self, trainer: Trainer) -> None:
        self.epochs[-1] += trainer.inputs[:, 0].tolist()


def samples(config: TrainerConfig) -> list[list[float]]:
    """Which sample a run sees when, one list an epoch."""
    seen = Samples()
    config.build(
        LinearRegression(1, seeded()), mean_squared_error, NUMBERED, callbacks=[seen]
    ).train()
    return seen.epochs


def test_the_optional_fields_have_the_documented_defaults() -> None:
    assert dataclasses.asdict(config()) == REQUIRED | OPTIONAL


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_a_config_cannot_be_changed(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config(), name, 1)


def test_the_fields_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional argument"):
        TrainerConfig(3, 4, 0.1)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", REQUIRED)
def test_what_a_run_must_be_told_has_no_default(name: str) -> None:
    fields = {key: value for key, value in REQUIRED.items() if key != name}
    with pytest.raises(TypeError, match=f"'{name}'"):
        TrainerConfig(**fields)  # type: ignore[arg-type]


BAD_FIELDS = [
    ("epochs", -1, ValueError, "epochs must be at least 0, got -1"),
    ("epochs", 2.0, TypeError, "epochs must be an integer, got 2.0 (float)"),
    ("epochs", True, TypeError, "epochs must be an integer, got True (bool)"),
    ("epochs", "3", TypeError, "epochs must be an integer, got '3' (str)"),
    ("epochs", None, TypeError, "epochs must be an integer, got None (NoneType)"),
    ("batch_size", 0, ValueError, "batch_size must be at least 1, got 0"),
    ("batch_size", 2.5, TypeError, "batch_size must be an integer, got 2.5 (float)"),
    ("batch_size", False, TypeError, "batch_size must be an integer, got False (bool)"),
    (
        "learning_rate",
        0.0,
        ValueError,
        "learning_rate must be positive and finite, got 0.0",
    ),
    (
        "learning_rate",
        -1,
        ValueError,
        "learning_rate must be positive and finite, got -1",
    ),
    (
        "learning_rate",
        math.inf,
        ValueError,
        "learning_rate must be positive and finite, got inf",
    ),
    (
        "learning_rate",
        math.nan,
        ValueError,
        "learning_rate must be positive and finite, got nan",
    ),
    (
        "learning_rate",
        "0.1",
        TypeError,
        "learning_rate must be a number, got '0.1' (str)",
    ),
    ("weight_decay", -0.1, ValueError, "weight_decay must not be negative, got -0.1"),
    ("weight_decay", math.nan, ValueError, "weight_decay must be finite, got nan"),
    ("weight_decay", [], TypeError, "weight_decay must be a number, got [] (list)"),
    ("shuffle", 1, TypeError, "shuffle must be True or False, got 1 (int)"),
    ("shuffle", "no", TypeError, "shuffle must be True or False, got 'no' (str)"),
    ("shuffle", None, TypeError, "shuffle must be True or False, got None (NoneType)"),
    ("drop_last", 1, TypeError, "drop_last must be True or False, got 1 (int)"),
    ("seed", -1, ValueError, "seed must be at least 0, got -1"),
    ("seed", 2**64, ValueError, f"seed must be less than 2**64, got {2**64}"),
    ("seed", 0.5, TypeError, "seed must be an integer, got 0.5 (float)"),
    ("seed", None, TypeError, "seed must be an integer, got None (NoneType)"),
    (
        "optimizer",
        "AdamW",
        TypeError,
        "optimizer must be a recipe such as SGDRecipe(), with a build(), got 'AdamW' (str)",
    ),
    (
        "optimizer",
        None,
        TypeError,
        "optimizer must be a recipe such as SGDRecipe(), with a build(), got None "
        "(NoneType)",
    ),
    (
        "schedule",
        "cosine",
        TypeError,
        "schedule must be callable as schedule(step, total_steps), got 'cosine' (str)",
    ),
    (
        "max_gradient_norm",
        0,
        ValueError,
        "max_gradient_norm must be positive and finite, got 0",
    ),
    (
        "max_gradient_norm",
        "1",
        TypeError,
        "max_gradient_norm must be a number, got '1' (str)",
    ),
    ("accumulate", 0, ValueError, "accumulate must be at least 1, got 0"),
    ("accumulate", None, TypeError, "accumulate must be an integer, got None (NoneType)"),
]
bad_fields = pytest.mark.parametrize(("name", "value", "error", "message"), BAD_FIELDS)


@bad_fields
def test_a_bad_field_is_named_with_its_value(
    name: str, value: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        config(**{name: value})


@bad_fields
def test_a_bad_field_is_named_with_its_value_when_it_is_read_from_text(
    name: str, value: Any, error: type[Exception], message: str
) -> None:
    text = json.dumps(REQUIRED | {name: value})
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        TrainerConfig.from_json(text)


def test_the_ends_of_a_fields_range_are_within_it() -> None:
    config(epochs=0, batch_size=1, learning_rate=5e-324, weight_decay=0, seed=2**64 - 1)


@given(configs)
def test_a_config_read_from_its_own_text_is_the_same(config: TrainerConfig) -> None:
    again = TrainerConfig.from_json(config.to_json())
    assert again == config
    assert repr(again) == repr(config)


def kind(piece: object) -> str | None:
    """Return a piece's class without its last word."""
    return re.sub("Recipe|Schedule|NoneType", "", type(piece).__name__) or None


@given(configs)
def test_the_text_is_json_with_one_field_a_line(config: TrainerConfig) -> None:
    text = config.to_json()
    read, expected = json.loads(text), json.loads(json.dumps(dataclasses.asdict(config)))
    assert len(text.splitlines()) == len(read) + 2
    for name in ("optimizer", "schedule"):  # which also say what they are
        if name in read:
            assert read[name].pop("kind") == kind(getattr(config, name))
    for field in dataclasses.fields(config):
        if field.name not in read:  # of what lies around the step, the defaults
            assert field.name in list(OPTIONAL)[4:]
            assert getattr(config, field.name) == field.default
            del expected[field.name]
    assert read == expected


def test_the_text_of_a_plain_run_tells_nothing_of_what_may_be_around_the_step() -> None:
    assert list(json.loads(config().to_json())) == [*REQUIRED, *list(OPTIONAL)[:4]]


def test_a_config_of_numpys_numbers_can_be_written() -> None:
    written = config(
        epochs=np.int64(3), batch_size=np.int32(4), learning_rate=np.float32(0.25)
    )
    assert TrainerConfig.from_json(written.to_json()) == config(learning_rate=0.25)


def test_fields_with_a_default_may_be_missing_from_the_text() -> None:
    assert TrainerConfig.from_json(json.dumps(REQUIRED)) == config()
    for name, value in {"weight_decay": 0.5, "shuffle": False, "seed": 7}.items():
        read = TrainerConfig.from_json(json.dumps(REQUIRED | {name: value}))
        assert read == config(**{name: value})


def test_text_from_before_a_field_existed_can_be_read() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Later(TrainerConfig):
        momentum: float = 0.9

    read = Later.from_json(config(seed=7).to_json())
    assert read == Later(**REQUIRED, seed=7)  # type: ignore[arg-type]
    assert Later.from_json(read.to_json()) == read


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_required_field_is_refused_by_name(name: str) -> None:
    fields = {key: value for key, value in (REQUIRED | OPTIONAL).items() if key != name}
    with pytest.raises(ValueError, match=f"^required field '{name}' is missing in "):
        TrainerConfig.from_json(json.dumps(fields))


@pytest.mark.parametrize("name", ["lr", "Epochs", "", "build", "epochs "])
def test_an_unknown_field_is_refused_by_name(name: str) -> None:
    message = re.escape(
        f"unknown field {name!r}; known are "
        "epochs, batch_size, learning_rate, weight_decay, shuffle, drop_last, seed, "
        "optimizer, schedule, max_gradient_norm, accumulate"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        TrainerConfig.from_json(json.dumps(REQUIRED | {name: 1}))


@pytest.mark.parametrize("value", [None, 3, "epochs", [REQUIRED], True, []], ids=repr)
def test_text_that_holds_something_else_than_an_object_is_refused(value: Any) -> None:
    got = re.escape(f"({type(value).__name__})")
    with pytest.raises(ValueError, match=f"^a config must be a JSON object, got .*{got}$"):
        TrainerConfig.from_json(json.dumps(value))


@pytest.mark.parametrize("text", ["", "{", "epochs: 3", "{'epochs': 3}"])
def test_text_that_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="line 1 column"):
        TrainerConfig.from_json(text)


@pytest.mark.parametrize("text", [None, REQUIRED, 3])
def test_only_text_is_read(text: Any) -> None:
    with pytest.raises(TypeError):
        TrainerConfig.from_json(text)


@given(
    batch_size=batch_sizes,
    shuffle=st.booleans(),
    seed=seeds,
    weight_decay=st.sampled_from([0.0, 0.01]),
    epochs=st.integers(0, 3),
)
def test_what_is_built_trains_as_the_pieces_put_together_by_hand(
    batch_size: int, shuffle: bool, seed: int, weight_decay: float, epochs: int
) -> None:
    built_model, model = MLP(2, 3, seeded(seed)), MLP(2, 3, seeded(seed))
    val_data = Dataset(*make_regression(7, 2, generator=seeded(seed)))
    built = TrainerConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=0.05,
        weight_decay=weight_decay,
        shuffle=shuffle,
        seed=seed,
    ).build(
        built_model,
        mean_squared_error,
        DATA,
        val_data=val_data,
        metrics={"error": mean_error},
    )
    by_hand = Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), 0.05, weight_decay=weight_decay),
        DataLoader(DATA, batch_size, shuffle=shuffle, generator=seeded(seed)),
        epochs=epochs,
        val_loader=DataLoader(val_data, batch_size),
        metrics={"error": mean_error},
    )
    assert built.train() == by_hand.train()
    assert len(built.result.metrics["error"]) == epochs
    assert built.step == by_hand.step
    assert_identical(values(built_model), values(model))


def test_a_recipe_written_and_read_back_gives_the_same_run() -> None:
    runs = []
    for recipe in (config(seed=5), TrainerConfig.from_json(config(seed=5).to_json())):
        model = linear()
        runs.append((recipe.build(model, mean_squared_error, DATA).train(), values(model)))
    assert runs[0][0] == runs[1][0]
    assert_identical(runs[0][1], runs[1][1])


def test_building_hands_over_what_it_is_given_and_trains_nothing() -> None:
    model, seen = linear(), Samples()
    before = values(model)
    trainer = config().build(model, mean_error, DATA, val_data=DATA, callbacks=[seen])
    assert trainer.model is model
    assert trainer.loss_function is mean_error
    assert trainer.callbacks == (seen,)
    assert trainer.epochs == 3
    assert trainer.step == trainer.epoch == 0
    assert seen.epochs == []
    assert_identical(values(model), before)


def test_the_seed_covers_the_shuffling() -> None:
    assert samples(config(seed=1)) == samples(config(seed=1))
    assert samples(config(seed=1)) != samples(config(seed=2))


def test_each_epoch_sees_every_sample_in_an_order_of_its_own() -> None:
    epochs = samples(config())
    assert all(sorted(epoch) == list(range(30)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_run_that_is_not_shuffled_goes_through_the_data_in_their_order() -> None:
    assert samples(config(shuffle=False)) == [list(range(30))] * 3


def test_a_short_last_batch_is_left_out_of_training_alone_where_the_recipe_says_so() -> (
    None
):
    recipe = config(batch_size=4, drop_last=True)
    assert [len(epoch) for epoch in samples(recipe)] == [28] * 3
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    nine = Dataset(*(tensor[:9] for tensor in DATA.tensors))
    trainer = recipe.build(seeded_module(model), mean_squared_error, nine, val_data=nine)
    trainer.train()  # batch normalisation can't train on a single sample
    assert isinstance(trainer.val_loader, DataLoader)
    assert (trainer.step, len(trainer.val_loader)) == (6, 3)


def test_a_recipe_can_be_built_again_and_gives_the_same_order() -> None:
    recipe = config(seed=3)
    assert samples(recipe) == samples(recipe)
    assert recipe == config(seed=3)


@pytest.mark.parametrize("shuffle", [False, True])
def test_validation_goes_through_its_data_in_order_in_batches_of_batch_size(
    shuffle: bool,
) -> None:
    batches: list[list[float]] = []

    def note(predictions: Tensor, targets: Tensor) -> Tensor:
        batches.append(targets.flatten().tolist())
        return targets.mean()

    val_data = Dataset(torch.ones(10, 2), torch.arange(10.0).unsqueeze(1))
    result = (
        config(epochs=2, shuffle=shuffle)
        .build(
            linear(), mean_squared_error, DATA, val_data=val_data, metrics={"note": note}
        )
        .train()
    )
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] * 2
    assert result.metrics["note"] == [4.5, 4.5]


def test_the_validation_loss_is_that_of_all_its_samples() -> None:
    model = linear()
    val_data = Dataset(*make_regression(9, 2, generator=seeded(3)))
    result = config().build(model, mean_squared_error, DATA, val_data=val_data).train()
    expected = evaluate(model, [val_data.tensors], {"loss": mean_squared_error})["loss"]
    assert result.val_losses[-1] == pytest.approx(expected)
    assert len(result.val_losses) == 3


def test_without_validation_data_nothing_is_validated() -> None:
    assert config().build(linear(), mean_squared_error, DATA).train().val_losses == []


def test_weight_decay_applies_to_all_parameters_biases_included() -> None:
    model = seeded_module(MLP(2, 3))
    before = values(model)

    def flat(predictions: Tensor, targets: Tensor) -> Tensor:
        return 0 * predictions.sum()

    config(epochs=1, batch_size=11, learning_rate=0.5, weight_decay=0.5).build(
        model, flat, DATA
    ).train()
    torch.testing.assert_close(values(model), tuple(0.75 * p for p in before))


def test_a_run_leaves_the_global_random_state() -> None:
    model = linear()
    with global_random_state_untouched():
        config().build(model, mean_squared_error, DATA, val_data=DATA).train()


def test_a_run_does_not_depend_on_the_global_random_state() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        one = samples(config())
        torch.manual_seed(2)
        assert samples(config()) == one


def test_the_largest_seed_is_one() -> None:
    assert samples(config(seed=2**64 - 1)) != samples(config())


def test_a_data_set_of_torchs_will_do() -> None:
    one, other = linear(), linear()
    config().build(one, mean_squared_error, TensorDataset(*DATA.tensors)).train()  # type: ignore[arg-type]
    config().build(other, mean_squared_error, DATA).train()
    assert_identical(values(one), values(other))


class Unread(Dataset):
    """A data set that refuses to be read."""

    def __getitem__(self, positions: object) -> tuple[Tensor, ...]:
        raise AssertionError("the data were read")


class Uncalled(LinearRegression):
    """A model that refuses to be called."""

    def forward(self, X: Tensor) -> Tensor:
        raise AssertionError("the model was called")


def test_building_neither_calls_the_model_nor_reads_the_data() -> None:
    data = Unread(*DATA.tensors)
    config().build(Uncalled(2, seeded()), mean_squared_error, data, val_data=data)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"model": len},
            TypeError,
            "model must be a torch.nn.Module, got <built-in function len>",
        ),
        (
            {"model": nn.Tanh()},
            ValueError,
            "model must have a parameter that requires gradients, got Tanh with none",
        ),
        ({"loss": "mse"}, TypeError, "loss must be callable as "),
        (
            {"train_data": torch.ones(3)},
            TypeError,
            "dataset must be a groundup.Dataset or something like it, "
            "got tensor([1., 1., 1.])",
        ),
        (
            {"train_data": DataLoader(DATA, 2)},
            TypeError,
            "dataset must be a groundup.Dataset or something like it, got DataLoader(",
        ),
        (
            {"train_data": NOTHING},
            ValueError,
            "train_loader must give at least one batch, got ",
        ),
        (
            {"train_data": Dataset(torch.ones(3, 2))},
            ValueError,
            "train_loader must give batches (inputs, targets), got 1 tensors a sample",
        ),
        (
            {"val_data": NOTHING},
            ValueError,
            "val_loader must give at least one batch, got ",
        ),
        (
            {"val_data": []},
            TypeError,
            "dataset must be a groundup.Dataset or something like it, got []",
        ),
        (
            {"val_data": DataLoader(DATA, 2)},
            TypeError,
            "dataset must be a groundup.Dataset or something like it, got DataLoader(",
        ),
        (
            {"metrics": {"error": mean_error}},
            ValueError,
            "metrics need a val_loader to be measured on, got ['error']",
        ),
        (
            {"callbacks": [len]},
            TypeError,
            "callback 0 must be a groundup.Callback, got <built-in function len>",
        ),
    ],
)
def test_a_bad_piece_is_named_before_any_work(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {
        "model": Uncalled(2, seeded()),
        "loss": mean_squared_error,
        "train_data": Unread(*DATA.tensors),
    } | changed
    before = values(arguments["model"]) if "model" not in changed else ()
    with global_random_state_untouched(), pytest.raises(error, match=re.escape(message)):
        config().build(**arguments)
    if "model" not in changed:
        assert_identical(values(arguments["model"]), before)


def test_what_validates_is_given_by_name() -> None:
    build: Callable[..., Trainer] = config().build
    with pytest.raises(TypeError, match="positional argument"):
        build(linear(), mean_squared_error, DATA, DATA)


# What lies between gradients and new weights.


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [(SGDRecipe(0.9), SGD), (AdamRecipe(), Adam), (AdamWRecipe(), AdamW)],
)
def test_a_recipe_makes_its_optimizer_with_the_configs_rate_and_decay(
    recipe: Any, kind: type[Optimizer]
) -> None:
    written = config(optimizer=recipe, weight_decay=0.25)
    trainer = written.build(linear(), mean_squared_error, DATA)
    assert type(trainer.optimizer) is kind
    assert isinstance(trainer.optimizer, Optimizer)
    defaults = trainer.optimizer.defaults
    assert (defaults["lr"], defaults["weight_decay"]) == (0.1, 0.25)
    fields = dataclasses.asdict(recipe)
    assert fields.items() <= defaults.items()
    assert fields.keys() | {"lr", "weight_decay"} == defaults.keys()


def test_one_field_makes_one_wrapper_in_a_stated_order() -> None:
    trainer = config(
        schedule=CosineSchedule(1), max_gradient_norm=2.0, accumulate=2, epochs=5
    ).build(linear(), mean_squared_error, DATA)
    accumulated = trainer.optimizer
    assert isinstance(accumulated, Accumulated)
    assert accumulated.every == 2
    scheduled = accumulated.optimizer
    assert isinstance(scheduled, Scheduled)
    assert (scheduled.schedule, scheduled.total_steps) == (CosineSchedule(1), 5 * 3 // 2)
    assert isinstance(scheduled.optimizer, Clipped)
    assert scheduled.optimizer.max_norm == 2
    assert isinstance(scheduled.optimizer.optimizer, SGD)
    trainer.train()
    assert (scheduled.steps, accumulated.updates, accumulated.batches) == (7, 7, 1)


@given(
    epochs=st.integers(1, 3),
    batch_size=st.integers(1, 11),
    accumulate=st.integers(1, 4),
    drop_last=st.booleans(),
)
def test_the_schedules_total_is_the_updates_of_the_run(
    epochs: int, batch_size: int, accumulate: int, drop_last: bool
) -> None:
    recipe = config(
        epochs=epochs,
        batch_size=batch_size,
        accumulate=accumulate,
        drop_last=drop_last,
        schedule=LinearSchedule(),
    )
    batches = epochs * (11 // batch_size if drop_last else -(-11 // batch_size))
    if batches < accumulate:
        message = f"^accumulate must be at most {batches}, all batches of the run, got "
        with pytest.raises(ValueError, match=message):
            recipe.build(linear(), mean_squared_error, DATA)
        return
    trainer = recipe.build(linear(), mean_squared_error, DATA)
    trainer.train()
    stack: Any = trainer.optimizer
    scheduled = stack.optimizer if accumulate > 1 else stack
    assert scheduled.steps == scheduled.total_steps


def test_no_epochs_at_all_are_fine_with_everything_around_the_step() -> None:
    recipe = config(
        epochs=0,
        schedule=CosineSchedule(warmup_steps=5),
        max_gradient_norm=1.0,
        accumulate=9,
    )
    trainer = recipe.build(linear(), mean_squared_error, DATA)
    assert trainer.train().train_losses == []


def test_a_warm_up_longer_than_the_run_is_refused_before_anything_is_trained() -> None:
    recipe = config(schedule=CosineSchedule(warmup_steps=10))
    message = "^warmup_steps must be at most 9, the total of updates, got 10$"
    with pytest.raises(ValueError, match=message):
        recipe.build(Uncalled(2, seeded()), mean_squared_error, Unread(*DATA.tensors))


def test_accumulated_batches_are_one_large_batch() -> None:
    parts, whole = linear().double(), linear().double()
    data = Dataset(*(tensor[:8].double() for tensor in DATA.tensors))
    config(batch_size=2, accumulate=4).build(parts, mean_squared_error, data).train()
    config(batch_size=8).build(whole, mean_squared_error, data).train()
    torch.testing.assert_close(values(parts), values(whole), rtol=1e-12, atol=1e-12)


def test_the_text_says_what_kind_a_recipe_and_a_schedule_are() -> None:
    written = config(optimizer=AdamWRecipe(), schedule=OneCycleSchedule())
    text = json.loads(written.to_json())
    assert text["optimizer"] == {"kind": "AdamW", "betas": [0.9, 0.999], "eps": 1e-8}
    assert text["schedule"] == {
        "kind": "OneCycle",
        "peak": 0.3,
        "start": 0.04,
        "final": 4e-6,
    }


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        (
            "optimizer",
            {"kind": "Lion"},
            ValueError,
            "optimizer's kind must be one of SGD, ",
        ),
        ("optimizer", {"momentum": 0.9}, ValueError, "optimizer's kind must be one of SGD"),
        (
            "optimizer",
            {"kind": "SGD", "lr": 1},
            ValueError,
            "unknown field 'lr'; known are momentum, dampening, nesterov",
        ),
        (
            "optimizer",
            {"kind": "Adam", "eps": 0},
            ValueError,
            "eps must be positive and finite, got 0",
        ),
        (
            "optimizer",
            {"kind": "Adam", "betas": [0.9, 1.0]},
            ValueError,
            "betas[1] must be at least 0 and less than 1, got 1.0",
        ),
        ("schedule", {"kind": []}, ValueError, "schedule's kind must be one of Constant, "),
        (
            "schedule",
            {"kind": "Cosine", "final": -1},
            ValueError,
            "final must not be negative, got -1",
        ),
        ("schedule", 3, TypeError, "schedule must be callable as schedule(step, total"),
    ],
)
def test_a_piece_that_does_not_fit_is_refused_when_it_is_read(
    field: str, value: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        TrainerConfig.from_json(json.dumps(REQUIRED | {field: value}))


def half(step: int, total: int) -> float:
    return 0.5


def test_a_piece_of_ones_own_trains_and_is_refused_when_it_is_to_be_written() -> None:
    model, twin = linear(), linear()
    recipe = config(schedule=half)
    recipe.build(model, mean_squared_error, DATA).train()
    config(learning_rate=0.05).build(twin, mean_squared_error, DATA).train()
    assert_identical(values(model), values(twin))
    with pytest.raises(
        ValueError, match=r"^schedule must be of one of the kinds Constant, "
    ):
        recipe.to_json()
