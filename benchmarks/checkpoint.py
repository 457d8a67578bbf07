"""A run's checkpoint: what a save takes, and what is the same after a resume from it."""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.rows import Row, rows_of
from groundup import time_in_turns

BATCH_SIZE, EPOCHS, CUT = 32, 3, 13
"""The file that a run is resumed from is that of step 13 of 8 an epoch."""

CONTENDERS = {
    "torch.save": "checkpoints",
    "groundup": "checkpoints",
    "lightning": "lightning_checkpoints",
    "transformers": "transformers_checkpoints",
}
"""A contender -> its module in `contenders`."""

SETTINGS = {
    "all": [
        "torch's AdamW, dropout of torch's, shuffled batches of 32, seeded by "
        "`torch.manual_seed`, on the CPU; noise is drawn and added to each sample as it "
        "is loaded, one number of it excepted",
        "time: one save after a run's last step, everything that the contender saves by "
        "default, over the file of the save before",
        "size: of all that a save writes",
        "same: a run of 3 epochs of 8 steps, resumed with other random states "
        "from the file of step 13, beside the run that wrote it; equal bit for bit or not "
        "named: the weights that step 14 begins with, the order of the samples from there "
        "on, the batches with their noise, the losses; at the end the weights, the state "
        "of AdamW, torch's random state",
    ],
    "torch.save": [
        "`torch.save` of the very dictionary that groundup saves: the reference; nothing "
        "of it is put back"
    ],
    "groundup": ["`Checkpoint`; its time has two `fsync` in it, which the others lack"],
    "lightning": ["`Trainer.save_checkpoint`, `fit(ckpt_path=...)`"],
    "transformers": [
        "`_save_checkpoint`, which its `save_steps` calls; "
        "`train(resume_from_checkpoint=...)`"
    ],
}


@dataclass(frozen=True)
class Job:
    """What is trained: a network of two layers, on noise with labels."""

    hidden: int
    samples: int = 8 * BATCH_SIZE

    def model(self) -> nn.Module:
        """Return the network at its start, the same each time."""
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return nn.Sequential(
                nn.Linear(64, self.hidden),
                nn.ReLU(),
                nn.Dropout(0.2),
                nn.Linear(self.hidden, 10),
            )

    def data(self) -> "Drawn":
        """Return the samples."""
        draw = torch.Generator().manual_seed(0)
        inputs = torch.randn(self.samples, 64, generator=draw)
        return Drawn(inputs, torch.randint(10, (self.samples,), generator=draw))


class Drawn(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Samples that are drawn at, as pictures are that are turned and cut at random."""

    def __init__(self, inputs: Tensor, classes: Tensor) -> None:
        self.inputs = inputs
        self.classes = classes

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        noise = 0.1 * torch.randn(64)
        noise[0] = 0
        return self.inputs[i] + noise, self.classes[i]


class Run:
    """What is seen of a run: its batches and losses, and how it ends."""

    def __init__(self) -> None:
        self.weights: list[float] = []
        self.samples: list[int] = []
        self.batches: list[int] = []
        self.losses: list[float] = []
        self.parameters: list[Tensor] = []
        self.optimizer: dict[str, Any] = {}
        self.random_state = torch.empty(0)

    def loss(self, predictions: Tensor, classes: Tensor) -> Tensor:
        """Return the loss, and keep it."""
        value = nn.functional.cross_entropy(predictions, classes)
        self.losses.append(value.item())
        return value

    def watch(self, model: nn.Module) -> nn.Module:
        """Have a model's weights and each of its batches kept, as a number each."""
        model.register_forward_pre_hook(self._see)
        return model

    def _see(self, model: nn.Module, inputs: tuple[Tensor]) -> None:
        values = [p.detach().double().sum().item() for p in model.parameters()]
        self.weights.append(sum(values))
        self.samples.append(hash(tuple(inputs[0][:, 0].tolist())))
        self.batches.append(hash(tuple(inputs[0].flatten().tolist())))

    def end(self, model: nn.Module, optimizer: Any) -> None:
        """Keep what is there when a run is over."""
        self.parameters = [p.detach().clone() for p in model.parameters()]
        self.optimizer = copy.deepcopy(optimizer.state_dict()["state"])
        self.random_state = torch.get_rng_state()

    def same(self, whole: "Run") -> str:
        """Name what is as in the run that was not interrupted."""
        n = len(whole.batches) - CUT
        equal = {
            "weights": self.weights[-n:][:1] == whole.weights[-n:][:1],
            "order": self.samples[-n:] == whole.samples[-n:],
            "batches": self.batches[-n:] == whole.batches[-n:],
            "losses": self.losses[-n:] == whole.losses[-n:],
            "weights at the end": _equal(self.parameters, whole.parameters),
            "AdamW at the end": _equal(_tensors(self.optimizer), _tensors(whole.optimizer)),
            "random state at the end": torch.equal(self.random_state, whole.random_state),
        }
        return ", ".join(name for name, is_so in equal.items() if is_so) or "nothing"


def _tensors(state: dict[Any, dict[str, Tensor]]) -> list[Tensor]:
    return [state[i][name] for i in sorted(state) for name in sorted(state[i])]


def _equal(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    return len(ours) == len(theirs) and all(map(torch.equal, ours, theirs))


def seed(number: int) -> None:
    """Give all that is global another state, as a new process has."""
    torch.manual_seed(number)
    random.seed(number)


def compare(contender: str, job: Job, folder: Path) -> str:
    """Return what of a resumed run is as in the run that was not interrupted."""
    module = import_module(f"benchmarks.contenders.{CONTENDERS[contender]}")
    seed(0)
    whole: Run = module.train(job, folder)
    seed(99)
    resumed: Run = module.train(job, folder, resume=True)
    return resumed.same(whole)


def measure(
    threads: int, name: str, hidden: Sequence[int] = (32, 8192), rounds: int = 15
) -> list[Row]:
    """Rows for a small network and one of 600,000 parameters."""
    rows = []
    for width in hidden:
        job = Job(width)
        with TemporaryDirectory() as there:
            saves: dict[str, Callable[[], object]] = {}
            sizes, same = {}, {}
            for contender, module in CONTENDERS.items():
                folder = Path(there) / contender
                made = import_module(f"benchmarks.contenders.{module}")
                saves[contender] = made.saving(contender, job, folder / "timed")
                saves[contender]()
                sizes[contender] = round(_megabytes(folder / "timed"), 3)
                resumed = partial(compare, contender, job, folder / "resumed")
                same[contender] = "" if contender == "torch.save" else resumed()
            seconds = time_in_turns(saves, rounds=rounds)
        parameters = sum(p.numel() for p in job.model().parameters())
        rows += rows_of(
            name,
            seconds,
            "torch.save",
            threads,
            f"{parameters:,} parameters",
            megabytes=sizes,
            same=same,
        )
    return rows


def _megabytes(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / 1e6
