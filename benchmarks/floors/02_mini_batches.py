"""The floor under chapter two's live section: the same slider and the same training, then a line of text."""

import marimo

__generated_with = "0.25.2"
app = marimo.App()

with app.setup:
    import copy

    import marimo as mo
    import torch

    from groundup import (
        Dataset,
        LinearRegression,
        TrainerConfig,
        make_regression,
        mean_squared_error,
        random_split,
    )

    torch.set_num_threads(1)


@app.cell
def _():
    data = Dataset(*make_regression(512, 6, 0.5, torch.Generator().manual_seed(42)))
    train, val = random_split(data, [0.5, 0.5], torch.Generator().manual_seed(1))
    model = LinearRegression(6, torch.Generator().manual_seed(0))
    return model, train, val


@app.cell
def _():
    learning_rate = mo.ui.slider(
        steps=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0],
        value=0.05,
        label="learning rate",
    )
    learning_rate
    return (learning_rate,)


@app.cell
def _(learning_rate, model, train, val):
    config = TrainerConfig(epochs=10, batch_size=32, learning_rate=learning_rate.value)
    result = config.build(
        copy.deepcopy(model), mean_squared_error, train, val_data=val
    ).train()
    mo.Html(f'<p class="floor">{learning_rate.value} {result}</p>')


if __name__ == "__main__":
    app.run()
