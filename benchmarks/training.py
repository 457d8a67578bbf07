"""The same small training jobs for every contender, held equal before anything is timed.

A contender trains from scratch: model, optimizer, loaders and trainer are made anew inside
each call, so that what a library sets up before its first step counts, for everybody alike.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import zip_longest

import torch
from torch import Tensor, nn

from benchmarks.rows import Row, rows_of
from groundup import Dataset, LinearRegression, make_regression, time_in_turns

REFERENCE = "by hand"


@dataclass(frozen=True)
class Job:
    """What is trained, with plain SGD on the mean squared error; contenders add nothing."""

    name: str
    """As in `CONTENDERS`."""

    epochs: int
    """How often the model sees all the data; it is validated after each."""

    batch_size: int
    """Samples in a batch, for validation too; fewer than all are shuffled."""

    learning_rate: float
    """The same at every step."""

    make_model: Callable[[], nn.Module]
    """Gives a freshly initialised model, the same each time."""

    train: Dataset
    """The samples trained on, inputs and targets."""

    val: Dataset | None
    """The samples validated on, or None."""

    bulk: bool = False
    """Whether torch's loader gathers a batch at once; its default stacks samples."""

    @property
    def shuffle(self) -> bool:
        """Whether an epoch has an order at all."""
        return self.batch_size < len(self.train)

    def order(self) -> torch.Generator:
        """Return the source of the orders, at its start: one `torch.randperm` an epoch."""
        return torch.Generator().manual_seed(2)


Contender = Callable[[Job], list[Tensor]]
"""Trains from scratch; gives the final parameters, in the order of `model.parameters()`."""


def _contender(module: str, function: str = "train") -> Contender:
    """Return a function of a module in `contenders`, imported when it is first called."""

    def contender(job: Job) -> list[Tensor]:
        parameters: list[Tensor] = getattr(
            import_module(f"benchmarks.contenders.{module}"), function
        )(job)
        return parameters

    return contender


def _jobs() -> dict[str, Job]:
    """Return the jobs.

    Their rates are so small that a run ends on its way, where another step would show.
    """
    draw = torch.Generator().manual_seed(0)
    X, y = make_regression(4096 + 512, 6, generator=draw)
    train, val = Dataset(X[:4096], y[:4096]), Dataset(X[4096:], y[4096:])
    linear = LinearRegression(6, torch.Generator().manual_seed(1))
    with torch.random.fork_rng():  # nn.Linear can't be given a generator
        torch.manual_seed(1)
        network = nn.Sequential(
            nn.Linear(6, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 1)
        )
    make_linear, make_network = (
        partial(copy.deepcopy, linear),
        partial(copy.deepcopy, network),
    )
    jobs = (
        Job("train-full-batch", 10, 4096, 0.01, make_linear, train, None),
        Job("train-full-batch-bulk", 50, 4096, 0.01, make_linear, train, None, bulk=True),
        Job("train-mini-batch", 3, 32, 0.003, make_linear, train, val),
        Job("train-network", 2, 256, 0.05, make_network, train, val),
    )
    return {job.name: job for job in jobs}


JOBS = _jobs()

_ALL = {
    "by hand": _contender("by_hand"),
    "groundup": _contender("ours"),
    "torch": _contender("torchs"),
    "fabric": _contender("with_fabric"),
    "ignite": _contender("with_ignite"),
    "lightning": _contender("with_lightning"),
    "transformers": _contender("with_transformers"),
    "skorch": _contender("with_skorch"),
}

_AT_FULL_BATCH = {
    **_ALL,
    "bare": _contender("by_hand", "bare"),
    "naive trainer": _contender("ours", "naive"),
}

CONTENDERS: dict[str, dict[str, Contender]] = {
    "train-full-batch": _AT_FULL_BATCH,
    "train-full-batch-bulk": _AT_FULL_BATCH,
    "train-mini-batch": _ALL,
    "train-network": _ALL,
}
"""A job's name → a contender's name → the contender."""

SETTINGS: dict[str, list[str]] = {
    "all": [
        "float32 on the CPU; groundup.mean_squared_error as the loss, so that it is the "
        "same operations for all",
        "model, optimizer, loaders and trainer made anew in each round, and timed: what "
        "setting up costs counts",
        "shuffled orders from one seed: one torch.randperm an epoch (checked: every "
        "batch, every step is the same)",
        "the mean training loss an epoch, and the validation loss, summed as tensors and "
        "read once an epoch, where the library lets its user; transformers and skorch "
        "keep what they always keep",
    ],
    "by hand": [
        "groundup.DataLoader; averages and validates what groundup.Trainer does; p -= "
        "rate * p.grad under no_grad",
    ],
    "bare": ["the whole tensors: no loader, no average, no validation"],
    "groundup": ["Trainer, SGD, DataLoader; no callback"],
    "naive trainer": [
        "NaiveTrainer: keeps each loss as a float and a copy of all parameters after each "
        "step"
    ],
    "torch": [
        "torch.optim.SGD(lr), nothing else set: no momentum, no weight decay",
        "DataLoader(TensorDataset(X, y), batch_size, num_workers=0, pin_memory=False): "
        "sample by sample, its default",
        "in a job with bulk: the same loader, its data set with `__getitems__`, so that a "
        "batch is gathered at once",
        "sampler=SubsetRandomSampler(range(n), generator) where shuffled: one randperm an "
        "epoch. RandomSampler, which shuffle=True makes, draws a second one as an epoch "
        "ends, and its next order would be another",
    ],
    "fabric": [
        "torch's loop and loaders, with setup, setup_dataloaders and Fabric.backward",
        'accelerator="cpu", devices=1: no search for devices',
        "no logger and no callback: its defaults",
    ],
    "ignite": [
        "torch's loaders; create_supervised_trainer and create_supervised_evaluator, "
        "which runs at EPOCH_COMPLETED",
        "output_transform: the loss stays a tensor; the default reads it as a float at "
        "each step",
        "metrics.Average over the training loss, metrics.Loss for validation; no progress "
        "bar, logger, checkpoint or other handler: its defaults",
    ],
    "lightning": [
        "torch's loaders; automatic optimization, its default",
        "barebones=True, documented for measuring the trainer's overhead: logger=False, "
        "enable_checkpointing=False, enable_progress_bar=False, "
        "enable_model_summary=False, num_sanity_val_steps=0, log_every_n_steps=0, no "
        "profiler, no anomaly detection",
        "no self.log, which barebones mode refuses: the module adds the losses up itself, "
        "which is cheaper",
        'accelerator="cpu", devices=1: no search for devices',
        "limit_val_batches=0 where the job has no validation",
        "gradient_clip_val=None, deterministic=None: the defaults",
        "use_distributed_sampler=False: there is one process",
        "enable_autolog_hparams=False: there is no logger to tell",
    ],
    "transformers": [
        "torch's loaders, by get_train_dataloader and get_eval_dataloader, prepared by "
        "its accelerator as its own are",
        "the collator makes a dictionary of each batch; the wrapped model returns its "
        "loss, as its own do",
        'optim="sgd": the default is AdamW',
        'lr_scheduler_type="constant", warmup_steps=0: the default decays to zero',
        "max_grad_norm=0: the default clips at 1.0; it still computes the norm at each "
        "step, which can't be turned off",
        "weight_decay=0, gradient_accumulation_steps=1: the defaults",
        'logging_strategy="no", report_to="none", disable_tqdm=True, log_level="error"; '
        "PrinterCallback removed",
        "logging_nan_inf_filter=False: no look at each step's loss for NaN",
        'save_strategy="no"; output_dir, which it creates, is a temporary directory',
        'eval_strategy="epoch" where the job validates, else "no"; '
        "prediction_loss_only=True: predictions not kept",
        "dataloader_pin_memory=False, dataloader_num_workers=0, use_cpu=True",
        "remove_unused_columns=False: nothing to remove",
        "bf16=False, fp16=False, torch_compile=False, skip_memory_metrics=True: the "
        "defaults",
        "it seeds Python, NumPy and torch as it is made (seed=42): nothing here draws "
        "from them",
    ],
    "skorch": [
        "torch's loaders' data set and sampler, by fit(TensorDataset, None) and "
        "iterator_train__sampler",
        'callbacks="disable": no timer, no scoring, no printed table; verbose=0',
        "train_split=predefined_split where the job validates, else None: the default "
        "keeps a fifth for validation",
        "its history reads each batch's loss as a float, which can't be turned off; the "
        "epoch's mean is taken from it",
        'torch.optim.SGD(lr), device="cpu", compile=False: the defaults',
    ],
}
"""A contender → how it is set up, what is off and why. None writes a file that stays."""


def ready(
    job: Job, only: Iterable[str] | None = None
) -> dict[str, Callable[[], list[Tensor]]]:
    """Return contenders, all or those named in `only`, to be called without arguments."""
    all_of_them = CONTENDERS[job.name]
    return {name: partial(all_of_them[name], job) for name in only or all_of_them}


def check(job: Job, only: Iterable[str] | None = None) -> dict[str, float]:
    """Train each contender once and hold it to the loop by hand.

    It must see the same batches and end at the same parameters.

    Args:
        job: what is trained.
        only: the names of the contenders to check; None means all that the job has.

    Returns:
        A contender → the largest difference of a parameter from the reference's.

    Raises:
        ValueError: if a contender calls the model on other batches, or ends at other
            parameters; it is named.
    """
    contenders = CONTENDERS[job.name]
    expected, expected_calls = _watched(contenders[REFERENCE], job)
    differences = {}
    for name in only or contenders:
        actual, calls = _watched(contenders[name], job)
        for i, (a, b) in enumerate(zip_longest(calls, expected_calls)):
            if a != b:
                raise ValueError(
                    f"{name} in {job.name} must call the model as {REFERENCE} does: call "
                    f"{i} is (training, samples, "
                    f"first number) {b}, got {a}"
                )
        for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
            if a.dtype != b.dtype or not torch.allclose(a, b, rtol=1e-4, atol=1e-5):
                raise ValueError(
                    f"{name} in {job.name} must end at the same parameters as {REFERENCE}: "
                    f"parameter {i}, {a.dtype}, is off by {(a - b).abs().max().item():.3g}"
                )
        differences[name] = max(
            (a - b).abs().max().item() for a, b in zip(actual, expected, strict=True)
        )
    return differences


def _watched(
    train: Contender, job: Job
) -> tuple[list[Tensor], list[tuple[bool, int, float]]]:
    """Return the final parameters; for each call its mode, batch size and first number."""
    calls: list[tuple[bool, int, float]] = []

    def make_model() -> nn.Module:
        model = job.make_model()
        model.register_forward_pre_hook(
            lambda module, args: calls.append(
                (module.training, len(args[0]), args[0].flatten()[0].item())
            )
        )
        return model

    parameters = train(replace(job, make_model=make_model))
    return [p.detach().clone() for p in parameters], calls


def measure(threads: int, name: str) -> list[Row]:
    """Rows for a training job, once all contenders are held equal."""
    job = JOBS[name]
    check(job)
    rounds = time_in_turns(ready(job))
    validated = ", validation each epoch" if job.val else ""
    work = f"{job.epochs} epochs of {len(job.train)} × 6 in batches of {job.batch_size}"
    return rows_of(name, rounds, REFERENCE, threads, work + validated)
