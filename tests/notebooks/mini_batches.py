"""What chapter two's explorer should show, by the trainer and not by the chapter."""

import copy
from typing import Any, Literal

import torch

from groundup import SGD, Callback, DataLoader, Trainer, evaluate, mean_squared_error
from tests.notebooks.chapter import Cells

Equal = Literal["epochs", "updates"]


def losses_of_the_trainer(
    cells: Cells, equal: Equal, batch_size: int, learning_rate: float
) -> list[float]:
    """The loss on all samples before the run and after each of 12 epochs.

    Or, where updates are equal, after every 8 of 192 updates.
    """
    data = cells["data"]
    model = copy.deepcopy(cells["model"])
    order = torch.Generator().manual_seed(0)
    updates_an_epoch = len(data) // batch_size

    class Watch(Callback):
        def on_train_start(self, trainer: Any) -> None:
            self.losses: list[float] = []
            self.look(trainer)

        def on_step_end(self, trainer: Any) -> None:
            if equal == "updates" and trainer.step % 8 == 0:
                self.look(trainer)
            if equal == "updates" and trainer.step == 192:
                trainer.stop("192 updates are done")

        def on_epoch_end(self, trainer: Any) -> None:
            if equal == "epochs":
                self.look(trainer)

        def look(self, trainer: Any) -> None:
            everything = DataLoader(data, len(data))
            measured = evaluate(trainer.model, everything, {"loss": mean_squared_error})
            self.losses.append(measured["loss"])

    watch = Watch()
    Trainer(
        model,
        mean_squared_error,
        SGD(model.parameters(), learning_rate),
        DataLoader(data, batch_size, shuffle=True, generator=order),
        epochs=12 if equal == "epochs" else 192 // updates_an_epoch + 1,
        callbacks=[watch],
    ).train()
    return watch.losses
