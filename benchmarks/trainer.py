"""What `Trainer` costs beside the same loop written by hand, over the same loader, with validation each epoch."""

import torch
from rounds import compare
from torch import Tensor

from groundup import (
    SGD,
    DataLoader,
    Dataset,
    LinearRegression,
    Trainer,
    make_regression,
    mean_squared_error,
)

EPOCHS, BATCH_SIZE, RATE = 5, 32, 0.1
DRAW = torch.Generator().manual_seed(0)
TRAIN = Dataset(*make_regression(4096, 6, generator=DRAW))
VAL = Dataset(*make_regression(512, 6, generator=DRAW))


def pieces() -> tuple[LinearRegression, DataLoader, DataLoader]:
    """The same start for both."""
    model = LinearRegression(6, torch.Generator().manual_seed(1))
    order = torch.Generator().manual_seed(2)
    return model, DataLoader(TRAIN, BATCH_SIZE, True, order), DataLoader(VAL, BATCH_SIZE)


def by_hand() -> list[Tensor]:
    """The loop with all that the trainer does: zeroing, averages, validation. Gives the final parameters."""
    model, train_loader, val_loader = pieces()
    params = list(model.parameters())
    train_losses, val_losses = [], []
    for _ in range(EPOCHS):
        total, count = torch.zeros(()), 0
        for inputs, targets in train_loader:
            for p in params:
                p.grad = None
            loss = mean_squared_error(model(inputs), targets)
            loss.backward()
            with torch.no_grad():
                for p in params:
                    p -= RATE * p.grad
            total += loss.detach() * len(targets)
            count += len(targets)
        train_losses.append(total.item() / count)
        total, count = torch.zeros(()), 0
        model.eval()
        with torch.no_grad():
            for inputs, targets in val_loader:
                total += mean_squared_error(model(inputs), targets) * len(targets)
                count += len(targets)
        model.train()
        val_losses.append(total.item() / count)
    return params


def by_trainer() -> list[Tensor]:
    """The same by `Trainer`."""
    model, train_loader, val_loader = pieces()
    optimizer = SGD(model.parameters(), RATE)
    Trainer(
        model,
        mean_squared_error,
        optimizer,
        train_loader,
        epochs=EPOCHS,
        val_loader=val_loader,
    ).train()
    return list(model.parameters())


def main() -> None:
    """Check that both end at the same parameters, bit for bit, then print what the rounds came to."""
    for ours, theirs in zip(by_trainer(), by_hand(), strict=True):
        assert torch.equal(ours, theirs)
    compare(
        f"{EPOCHS} epochs of {len(TRAIN)} × 6 in batches of {BATCH_SIZE}",
        {"by hand": by_hand, "Trainer": by_trainer},
    )


if __name__ == "__main__":
    main()
