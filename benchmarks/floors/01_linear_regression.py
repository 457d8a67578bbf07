"""The floor under chapter one's live section: the same sliders and the same training, then a line of text."""

import marimo

__generated_with = "0.25.2"
app = marimo.App()

with app.setup:
    import copy

    import marimo as mo
    import torch

    from groundup import (
        LinearRegression,
        NaiveTrainer,
        NaiveTrainerConfig,
        make_regression,
        mean_squared_error,
    )

    torch.set_num_threads(1)


@app.cell
def _():
    X, y = make_regression(4096, 6, generator=torch.Generator().manual_seed(42))
    model = LinearRegression(6, torch.Generator().manual_seed(0))
    return X, model, y


@app.cell
def _():
    epochs = mo.ui.slider(start=1, stop=60, value=10, label="epochs")
    learning_rate = mo.ui.slider(
        steps=[float(f"{10 ** (i / 16):.3g}") for i in range(-48, 9)],
        value=0.1,
        label="learning rate",
    )
    mo.vstack([learning_rate, epochs])
    return epochs, learning_rate


@app.cell
def _(X, epochs, learning_rate, model, y):
    config = NaiveTrainerConfig(epochs=epochs.value, learning_rate=learning_rate.value)
    runs = [
        NaiveTrainer(copy.deepcopy(model), mean_squared_error, X, y, config).train()
        for _ in range(2)
    ]
    mo.Html(f'<p class="floor">{learning_rate.value} {runs[0].losses[-1]}</p>')


if __name__ == "__main__":
    app.run()
