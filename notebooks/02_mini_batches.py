import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="2 · Mini-batches — From the Ground Up",
    css_file="style.css",
    html_head_file="02_mini_batches.head.html",
)

with app.setup(hide_code=True):
    import copy
    import csv
    import math
    import statistics
    import time
    from importlib.resources import files
    from itertools import chain, islice, repeat

    import marimo as mo
    import torch

    from groundup import (
        MLP,
        PENGUIN_FEATURES,
        SGD,
        Average,
        Callback,
        DataLoader,
        Dataset,
        LinearRegression,
        LogisticRegression,
        NaiveTrainer,
        NaiveTrainerConfig,
        NaiveTrainerResult,
        ParameterHistory,
        Trainer,
        TrainerConfig,
        TrainerResult,
        binary_accuracy,
        binary_cross_entropy_with_logits,
        charts,
        count_operations,
        evaluate,
        load_penguins,
        make_regression,
        mean_squared_error,
        notebook,
        oracle,
        random_split,
        standardise,
        time_in_turns,
    )

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 2 · Mini-batches

    **Who decides what a batch is?**

    Chapter one left you with a `NaiveTrainer`. It looks at *all* of the data before it moves at all. This chapter lets it
    move after a few samples, and asks at each step whose business that is: the data's, the loop's, the loader's?

    You end with a `Trainer` whose loop fits on one screen. No later chapter will touch it again. Optimizers, schedules,
    checkpoints and many devices will be pieces *beside* it.

    The three questions are the old ones: what does an abstraction hide, what does it cost, and how do you know that it
    still computes the same?
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "This is a published page: it has no Python behind it. The chart with sliders under it computes in your "
        "browser. In the notebook (`make edit`) there is more to drag: the loops below train again as you move them."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## All at once, and what it costs

    One step of `NaiveTrainer` sends every sample forward and every error back. What does that cost as the data grows? Take
    an `MLP` of 16 hidden units and measure two things: the time of a step, and the memory of the tensors that its graph
    keeps for the way back.
    """)
    return


@app.function
def cost_of_a_step(samples):
    X, y = make_regression(samples, 6, generator=torch.Generator().manual_seed(1))
    model = MLP(6, 16, torch.Generator().manual_seed(0))
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mean_squared_error(model(X), y).backward()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        mean_squared_error(model(X), y).backward()
        times.append(time.perf_counter() - start)
    return {
        "samples": samples,
        "milliseconds": round(1000 * min(times), 3),
        "megabytes": round(sum(kept.values()) / 1e6, 3),
    }


@app.cell
def _():
    measure_again = mo.ui.run_button(label="measure again")
    measure_again
    return (measure_again,)


@app.cell
def _(measure_again):
    measure_again.value  # a new click, a new measurement
    step_costs = [cost_of_a_step(10**exponent) for exponent in range(2, 6)]
    return (step_costs,)


@app.cell(hide_code=True)
def _(step_costs):
    charts.growth(step_costs)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The memory grows with the data, sample by sample. The time does, too, once there is enough work to drown the fixed price
    of asking torch for anything at all. Ten million samples need a hundred times what the right edge of the chart shows, for
    *one* step.

    ### What a batch is a sample of

    But look at what you pay for. The gradient of a mean loss is the mean of the samples' gradients:

    $$\nabla L = \frac1n \sum_{i=1}^n \nabla \ell_i$$

    You know what to do with a mean over too many: you ask a few, at random. A random part of the samples is a
    **mini-batch**, and the mean over its $B$ gradients is an estimate of $\nabla L$. It is right on average. How far off is it
    each time? Here is the data for this chapter:
    """)
    return


@app.cell
def _():
    generator = torch.Generator().manual_seed(42)
    true_w = torch.randn(6, 1, generator=generator)
    X, y = make_regression(512, 6, noise=0.5, generator=generator, weights=true_w, bias=0.5)
    model = LinearRegression(6, torch.Generator().manual_seed(0))
    return X, model, y


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Predict**: you take four times as many samples into a batch. How much closer to $\nabla L$ does its gradient come?
    """)
    return


@app.cell(hide_code=True)
def _(spreads):
    notebook.details(
        "Answer",
        f"Twice as close. Four times the samples, four times the work, half the noise: with 8 samples it is "
        f"{spreads[8]:.3g} away, with 32 {spreads[32]:.3g}. The larger the batch, the less each further sample buys.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Measure it: the gradient of every single sample, and the means of 200 batches of each size.
    """)
    return


@app.function
def gradients_of_samples(model, X, y):
    """The gradient of each sample's squared error by weights and bias, one row a sample."""
    with torch.no_grad():
        error = model(X) - y
        return torch.cat([2 * error * X, 2 * error], dim=1)


@app.cell
def _(X, model, y):
    gradients = gradients_of_samples(model, X, y)

    def spread_of_batches(batch_size, draws=200):
        generator = torch.Generator().manual_seed(batch_size)
        means = torch.stack(
            [
                gradients[torch.randperm(len(X), generator=generator)[:batch_size]].mean(0)
                for _ in range(draws)
            ]
        )
        return (means - gradients.mean(0)).square().sum(1).mean().sqrt().item()

    spreads = {2**i: spread_of_batches(2**i) for i in range(10)}
    return gradients, spreads


@app.cell(hide_code=True)
def _(gradients, spreads):
    def _():
        one = (gradients - gradients.mean(0)).square().sum(1).mean().sqrt().item()
        return charts.gradient_noise(spreads, one, len(gradients))

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The points are measured, the lines are theory. Call the distance of a batch's gradient from $\nabla L$, as a root mean
    square over many batches, $\sigma_B$, and that of single samples $\sigma_1$. It falls as $1/\sqrt B$, and then faster. You
    draw without putting back, so a batch that is nearly everything can't be far from everything:

    $$\sigma_B^2 = \frac{\sigma_1^2}{B} \cdot \frac{n - B}{n - 1}$$

    ## A mini-batch loop, by hand

    Draw an order, cut it into pieces, take a step for each piece. One pass through all of them is still an **epoch**. The
    five steps of chapter one are in it, untouched.
    """)
    return


@app.function
def train_by_hand(model, loss, X, y, epochs, batch_size, learning_rate, generator):
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        total = 0
        for start in range(0, len(X), batch_size):
            positions = order[start : start + batch_size]
            inputs, targets = X[positions], y[positions]
            for p in model.parameters():  # 1. zero the gradients
                p.grad = None
            predictions = model(inputs)  # 2. predict
            batch_loss = loss(predictions, targets)  # 3. loss
            batch_loss.backward()  # 4. backward
            with torch.no_grad():  # 5. update
                for p in model.parameters():
                    p -= learning_rate * p.grad
            total += batch_loss.item() * len(inputs)
        losses.append(total / len(X))
    return losses


@app.cell
def _(X, model, y):
    def ten_epochs(batch_size):
        losses = train_by_hand(
            copy.deepcopy(model),
            mean_squared_error,
            X,
            y,
            epochs=10,
            batch_size=batch_size,
            learning_rate=0.05,
            generator=torch.Generator().manual_seed(0),
        )
        return TrainerResult(train_losses=losses)

    first_runs = {"all at once": ten_epochs(512), "by 32": ten_epochs(32)}
    return (first_runs,)


@app.cell(hide_code=True)
def _(first_runs):
    charts.losses(first_runs)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Both runs sent each sample through the model ten times. The one took 10 steps, the other 160.

    It works, and it hurts. Five things have come together in one function: which samples belong together, in which order
    they come, how a parameter moves, what is averaged, and the loop itself. Take them out, one pain at a time.

    ## One pain at a time

    ### Two slices that must agree

    `X[positions], y[positions]`. Write `y[start : start + batch_size]` by mistake: the shapes still fit, and each sample
    gets another's target. No error, only a model that learns nothing. Add sample weights, and there are three slices to keep in step. What belongs together should be cut together: a **`Dataset`** is tensors of the same length. (Its `__init__` only checks them.)
    """)
    return


@app.cell
def _():
    notebook.source(Dataset.__len__, Dataset.__getitem__)
    return


@app.cell
def _(X, y):
    data = Dataset(X, y)
    data
    return (data,)


@app.cell
def _(data):
    inputs, targets = data[torch.tensor([3, 1, 4])]
    mo.md(f"inputs {tuple(inputs.shape)}, targets {tuple(targets.shape)}")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Who decides what a batch is?

    Not the data: the same samples serve in batches of 8 today and of 512 tomorrow. Not the loop: it takes a step for
    whatever comes. It is a decision of its own, and it gets an object of its own, the **`DataLoader`**: it goes through a
    data set once each time you iterate it.
    """)
    return


@app.cell
def _():
    notebook.source(
        DataLoader.__len__, DataLoader.__iter__, DataLoader._batches, DataLoader._cut
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The order is drawn at the moment of `iter`, from the loader's generator, and kept by that one iterator. So two passes at
    once don't disturb each other, and the loader has no position that could be wrong. It gathers a block of some thousands
    of samples in one operation and cuts the batches from it: they are views of the block, so who wants to keep one batch
    for long should `clone()` it. You will see further down what the block brings.

    Watch which of 24 samples lands in which batch:
    """)
    return


@app.cell
def _():
    order_size = mo.ui.slider(
        start=1, stop=24, value=5, label="samples in a batch", show_value=True
    )
    order_shuffle = mo.ui.switch(value=True, label="shuffle the 24")
    order_drop = mo.ui.switch(label="drop a short last batch")
    return order_drop, order_shuffle, order_size


@app.cell(hide_code=True)
def _(order_drop, order_shuffle, order_size):
    mo.vstack([order_size, order_shuffle, order_drop])
    return


@app.cell
def _(order_drop, order_shuffle, order_size):
    positions_loader = DataLoader(
        Dataset(torch.arange(24)),
        order_size.value,
        shuffle=order_shuffle.value,
        generator=torch.Generator().manual_seed(0),
        drop_last=order_drop.value,
    )
    drawn_batches = [
        [positions.tolist() for (positions,) in positions_loader] for _ in range(4)
    ]
    return (drawn_batches,)


@app.cell(hide_code=True)
def _(drawn_batches):
    charts.batch_order(
        drawn_batches,
        24,
        f"Batches of {', '.join(str(len(batch)) for batch in drawn_batches[0][:8])}"
        + (" …" if len(drawn_batches[0]) > 8 else ""),
    )
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook a slider and two switches change the batch size, the shuffling and the fate of the last batch."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Each sample comes once an epoch, in every row. When 24 is no multiple of the batch size, the last batch is shorter.
    `drop_last` leaves it out: then some samples miss the epoch. Shuffled, other ones each time; in order, always the same.

    ### The update

    `p -= learning_rate * p.grad` stands in the loop, so another rule means another loop. Give the rule an object that
    knows the parameters. What the loop needs of it is two verbs. This is **`SGD`**, stochastic gradient descent:
    """)
    return


@app.cell
def _():
    notebook.source(SGD.zero_grad, SGD.step, SGD._update)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    What is stochastic about it? Nothing in this code. The chance is in the batches. `param_groups` is a list with one
    dictionary: torch's optimizers have the same, and chapter three will need it. (`weight_decay` pulls each parameter towards
    zero by a little at each step; `momentum` is chapter three's. Here both are 0, and the last line is all there is.)

    ### The average

    `total += batch_loss.item() * len(inputs)` is easy to get wrong, and you will get it wrong on purpose below. Out it goes:
    """)
    return


@app.cell
def _():
    notebook.source(Average)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Note what it does *not* do at each step, and the loop above did: `item()`. On a GPU that waits for the device, at each of the
    160 steps. Once an epoch is enough.

    ### The loop

    What is left is the loop. Here it is, whole:
    """)
    return


@app.cell
def _():
    notebook.source(
        Trainer.train,
        Trainer._train_epoch,
        Trainer._train_step,
        Trainer._start_over,
        Trainer._forget_step,
        Trainer._call,
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Read `_train_step` first: your five steps, in your order, with names in place of code. Then ask of each name whose decision it is.

    | in the loop | whose decision | what the trainer asks of it |
    | :--- | :--- | :--- |
    | `train_loader` | what a batch is, in which order | that it can be iterated |
    | `model` | what is predicted | `model(inputs)` |
    | `loss_function`, `measures` | what is wrong | `f(predictions, targets)` |
    | `optimizer` | how a parameter moves | `zero_grad()`, `step()` |
    | `train_loss` | what is averaged, and over whom | `add(value, count)`, `value()` |
    | `_call("on_…")` | who watches | a `Callback` |

    The loop decides one thing: what comes after what. That is why it need never grow.

    Three lines look odd. **`for self.inputs, self.targets in …`** keeps the batch in attributes, not in local variables: so a
    callback can see it, and `_forget_step` can let go of it before the loader makes the next block. In a local variable it would
    live on, and two blocks would be in memory at once. **`checked_batches(…, self.batch)`** refuses
    what is no batch, and skips those that are done: none, until chapter five resumes a run in the middle of an epoch. And **`ExitStack`** is a
    `finally` that can't be forgotten: whatever happens, Ctrl-C included, the callbacks hear of the end, and then the epoch is reset.

    Now put the pieces together:
    """)
    return


@app.cell
def _(data, model):
    student = copy.deepcopy(model)
    Trainer(
        student,
        mean_squared_error,
        SGD(student.parameters(), lr=0.05),
        DataLoader(data, 32, shuffle=True, generator=torch.Generator().manual_seed(0)),
        epochs=10,
    ).train()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    That is the second of the two runs that you trained by hand. A **`TrainerConfig`** makes the same pieces from numbers; you will meet it in the
    next cells, and look inside it further down.

    ### Did it learn, or memorise?

    A loss on the samples that the model was trained on says how well it remembers. To know what it learned, ask it about
    samples that it has not seen. Here are 60 samples of 30 features, of which only the first counts. `random_split` gives
    half to training and half to **validation**:
    """)
    return


@app.cell
def _():
    few_X, few_y = make_regression(
        60,
        30,
        noise=1.0,
        generator=torch.Generator().manual_seed(3),
        weights=torch.eye(30)[:, :1],
    )
    few_train, few_val = random_split(
        Dataset(few_X, few_y), [0.5, 0.5], torch.Generator().manual_seed(0)
    )
    pupil = LinearRegression(30, torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(pupil.weights)
    memorised = TrainerConfig(epochs=60, batch_size=10, learning_rate=0.02).build(
        pupil, mean_squared_error, few_train, val_data=few_val
    )
    memorised.train()
    return (memorised,)


@app.cell(hide_code=True)
def _(memorised):
    charts.losses(memorised.result)
    return


@app.cell(hide_code=True)
def _(memorised):
    mo.md(f"""
    The training loss ends at {memorised.result.train_losses[-1]:.2f}, far below 1, which is the variance of the noise: the model has learned
    noise by heart. On samples that it has not seen it gets worse all the while, from {memorised.result.val_losses[0]:.2f} to
    {memorised.result.val_losses[-1]:.2f}. That is **overfitting**, and no training loss will ever tell you.

    The training loss is drawn in the middle of its epoch, since it is a mean over an epoch in which the model moved. The validation loss
    is measured at the end, with the model standing still. Validation is a loop, too, but one that must not leave a trace:
    no gradients, no training mode, and every submodule gets back the mode that it had.
    """)
    return


@app.cell
def _():
    notebook.source(evaluate)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The loop, live

    Half of the 512 samples for training, half for validation. Drag.
    """)
    return


@app.cell
def _(data):
    train_data, val_data = random_split(data, [0.5, 0.5], torch.Generator().manual_seed(1))
    return train_data, val_data


@app.cell
def _():
    batch_size = mo.ui.slider(
        steps=[8, 16, 32, 64, 128, 256], value=32, label="batch size", show_value=True
    )
    learning_rate = mo.ui.slider(
        steps=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0],
        value=0.05,
        label="learning rate",
        show_value=True,
    )
    epochs = mo.ui.slider(start=1, stop=20, value=10, label="epochs", show_value=True)
    seed = mo.ui.slider(start=0, stop=9, value=0, label="seed", show_value=True)
    shuffle = mo.ui.switch(value=True, label="shuffle")
    return batch_size, epochs, learning_rate, seed, shuffle


@app.cell(hide_code=True)
def _(batch_size, epochs, learning_rate, seed, shuffle):
    mo.vstack([batch_size, learning_rate, epochs, seed, shuffle])
    return


@app.cell
def _(
    batch_size,
    epochs,
    learning_rate,
    model,
    seed,
    shuffle,
    train_data,
    val_data,
):
    config = TrainerConfig(
        epochs=epochs.value,
        batch_size=batch_size.value,
        learning_rate=learning_rate.value,
        shuffle=shuffle.value,
        seed=seed.value,
    )
    trainer = config.build(
        copy.deepcopy(model), mean_squared_error, train_data, val_data=val_data
    )
    result = trainer.train()
    result
    return config, result


@app.cell(hide_code=True)
def _(result):
    charts.losses(result)
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook (`make edit`) four sliders and a switch train this run again as you drag: batch size, learning "
        "rate, epochs, seed and shuffling. Here the explorer stands in their place, at settings of its own: it has batch size "
        "and learning rate, and shows the loss on all training samples alone.",
        explorer=True,
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Make the batch smaller and the same epochs hold more steps, so the loss arrives sooner. Now raise the learning rate to 0.7: batches of 8
    diverge, all 256 at once do not. <span class="kernel-only">Move the seed: shuffled, the order of the batches changes, and the curve with it; in order, nothing does.</span>

    ### The equivalence ladder

    As in chapter one: *looking* the same is not enough. Each row holds a piece against what it replaces, at your batch size,
    learning rate and seed, for at most five epochs. The last row measures the untrained model.
    """)
    return


@app.function
def off_by(ours, theirs):
    """The largest difference in words: where both runs left the numbers there is nothing to compare."""
    lost = [not torch.as_tensor(run).isfinite().all() for run in (ours, theirs)]
    return (
        "both diverged" if all(lost) else f"{notebook.largest_difference(ours, theirs):.2g}"
    )


@app.function
def numbers_of(parameters):
    return torch.cat([p.detach().flatten() for p in parameters])


@app.function
def train_copy(model, optimizer, loader, epochs, callbacks=()):
    """Train a copy. Gives its parameters and the result."""
    moved = copy.deepcopy(model)
    optimizer = optimizer(moved.parameters())
    run = Trainer(
        moved, mean_squared_error, optimizer, loader, epochs=epochs, callbacks=callbacks
    ).train()
    return numbers_of(moved.parameters()), run.train_losses


@app.cell
def _(config, model, train_data):
    def _():
        some = min(config.epochs, 5)
        rate, size = config.learning_rate, config.batch_size
        X, y = train_data.tensors

        def ours(parameters):
            return SGD(parameters, rate)

        def torchs(parameters):
            return torch.optim.SGD(parameters, lr=rate, foreach=False)

        def order():
            return torch.Generator().manual_seed(config.seed)

        history = ParameterHistory()
        everything = DataLoader(train_data, len(train_data))
        _, losses = train_copy(model, ours, everything, some, [history])
        naive = NaiveTrainer(
            copy.deepcopy(model), mean_squared_error, X, y, NaiveTrainerConfig(some, rate)
        ).train()

        by_hand = copy.deepcopy(model)
        hand_losses = train_by_hand(
            by_hand, mean_squared_error, X, y, some, size, rate, order()
        )
        theirs = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(X, y), size, generator=order()
        )
        in_48s = evaluate(model, DataLoader(train_data, 48), {"loss": mean_squared_error})

        def path(run):
            return torch.stack([numbers_of(parameters) for parameters in run.parameters])

        return {
            "`Trainer`, one batch of all": (path(history), losses),
            "`NaiveTrainer`": (path(naive), naive.losses),
            f"`Trainer`, {size} a batch, shuffled": train_copy(
                model,
                ours,
                DataLoader(train_data, size, shuffle=True, generator=order()),
                some,
            ),
            "the loop by hand": (numbers_of(by_hand.parameters()), hand_losses),
            "our loader and `SGD`, in order": train_copy(
                model, ours, DataLoader(train_data, size), some
            ),
            "torch's loader and `SGD`": train_copy(model, torchs, theirs, some),
            "`evaluate`, batches of 48": (None, in_48s["loss"]),
            "all 256 at once": (None, mean_squared_error(model(X), y).item()),
        }

    pieces = _()
    return (pieces,)


@app.cell(hide_code=True)
def _(pieces):
    def _():
        names = list(pieces)
        rows = []
        for piece, other in zip(names[::2], names[1::2], strict=True):
            (ours, losses), (theirs, their_losses) = pieces[piece], pieces[other]
            rows.append(
                {
                    "piece": piece,
                    "against": other,
                    "parameters": "" if ours is None else off_by(ours, theirs),
                    "losses": off_by(losses, their_losses),
                }
            )
        return notebook.table(rows)

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The numbers are the largest differences. The first two rows are equal **bit for bit**: the same arithmetic in the same order. Torch's `SGD` multiplies and adds in
    one rounding where ours rounds twice, so the last digits may differ; its loader and ours give the same batches as long as nobody
    shuffles. The mean over five batches of 48 and one of 16 adds in another order than the mean over all, and `Average` weighs the short one right.

    ### The explorer

    There are two fair ways to compare batch sizes, and they need not give the same winner. At equal **epochs**, all runs have *seen* as much. At
    equal **updates**, all have *moved* as often. **Predict**, for the learning rate at which the chart starts: which batch
    sizes do well at equal epochs, and which at equal updates? (Grey are the other sizes at the same rate.)
    """)
    return


@app.function
def losses_at_rates(X, y, model, rates, batch_size, updates, every):
    """The loss on all data before and after every so many updates: a column for each learning rate, trained side by side."""
    w = model.weights.detach().repeat(1, len(rates))
    b = model.bias.detach().repeat(len(rates))
    loader = DataLoader(
        Dataset(X, y), batch_size, shuffle=True, generator=torch.Generator().manual_seed(0)
    )
    losses = [((X @ w + b - y) ** 2).mean(0)]
    batches = chain.from_iterable(repeat(loader))
    for update, (inputs, targets) in enumerate(islice(batches, updates), start=1):
        error = inputs @ w + b - targets
        w -= rates * (2 * inputs.T @ error / len(inputs))
        b -= rates * (2 * error.mean(0))
        if update % every == 0:
            losses.append(((X @ w + b - y) ** 2).mean(0))
    return torch.stack(losses)


@app.cell
def _(model, train_data):
    rate_exponents = [i / 2 for i in range(-16, 1)]

    def _():
        X, y = train_data.tensors
        rates = 2.0 ** torch.tensor(rate_exponents)
        sizes = [2**i for i in range(9)]
        by_epoch = torch.stack(
            [
                losses_at_rates(X, y, model, rates, size, 12 * (256 // size), 256 // size)
                for size in sizes
            ]
        )
        by_update = torch.stack(
            [losses_at_rates(X, y, model, rates, size, 192, 8) for size in sizes]
        )
        return by_epoch.transpose(1, 2), by_update.transpose(1, 2)

    by_epoch, by_update = _()
    return by_epoch, by_update, rate_exponents


@app.cell(hide_code=True)
def _(by_epoch, by_update, model, rate_exponents, train_data):
    def _():
        X, y = train_data.tensors
        least = oracle.quadratic(X, y, *model.parameters()).least_loss
        return charts.batch_size_explorer(by_epoch, by_update, rate_exponents, 8, least)

    _()
    return


@app.cell(hide_code=True)
def _(by_epoch, by_update, rate_exponents):
    def _():
        last = by_epoch[..., -1].nan_to_num(nan=math.inf)
        start = len(rate_exponents) // 2

        def good(runs):
            ends = runs[:, start, -1].nan_to_num(nan=math.inf)
            return [
                2**i for i, loss in enumerate(ends.tolist()) if loss < 1.02 * ends.min()
            ]

        epochs, updates = good(by_epoch), good(by_update)
        suited = [f"{2 ** rate_exponents[i]:.2g}" for i in last.argmin(1).tolist()]
        least, most = last.min(1).values.min(), last.min(1).values.max()
        return notebook.details(
            "Answer",
            f"At a learning rate of 2^{rate_exponents[start]:g}, batches of {epochs[0]} to {epochs[-1]} get within 2 % of the best at equal epochs: smaller ones "
            "tremble too much, larger ones move too seldom. At equal updates it is batches of "
            f"{updates[0]} to {updates[-1]}: nothing speaks against a large batch but its price.\n\n"
            "Now let each batch size have the learning rate that suits it, and after 12 epochs all nine lie between "
            f"{least:.4f} and {most:.4f}. The rates that suit 1, 2, 4, … 256 samples are {', '.join(suited)}: twice the batch, "
            "about twice the rate, up to the limit of chapter one. A step's noise grows with the learning rate and shrinks with the batch size.",
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Break it yourself

    Four mistakes that raise no error.<span class="kernel-only"> Each has a switch or a slider.</span>

    ### Sorted by class, not shuffled

    Two clouds of points, a hundred of each class, and a linear model that is to give 0 for the one and 1 for the other. In
    the file the classes come one after the other, as they so often do. What does an epoch in the file's order do?
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook three switches and a slider make these mistakes and mend them again, and the charts show them "
        "beside the right way."
    )
    return


@app.cell(hide_code=True)
def _():
    in_file_order = mo.ui.switch(
        value=notebook.switched_on(), label="take the samples in the file's order"
    )
    in_file_order
    return (in_file_order,)


@app.cell
def _(in_file_order):
    def sorted_clouds(seed):
        classes = torch.cat([torch.zeros(100, 1), torch.ones(100, 1)])
        noise = torch.randn(200, 2, generator=torch.Generator().manual_seed(seed))
        return Dataset(2 * classes - 1 + noise, classes)

    def train_on_clouds(shuffle):
        recipe = TrainerConfig(epochs=15, batch_size=20, learning_rate=0.2, shuffle=shuffle)
        return recipe.build(
            LinearRegression(2, torch.Generator().manual_seed(0)),
            mean_squared_error,
            sorted_clouds(0),
            val_data=sorted_clouds(1),
        ).train()

    cloud_runs = {"shuffled": train_on_clouds(shuffle=True)}
    if in_file_order.value:
        cloud_runs["in order"] = train_on_clouds(shuffle=False)
    return cloud_runs, train_on_clouds


@app.cell(hide_code=True)
def _(cloud_runs):
    charts.losses(cloud_runs)
    return


@app.cell(hide_code=True)
def _(train_on_clouds):
    def _():
        shuffled, ordered = (train_on_clouds(shuffle=shuffle) for shuffle in (True, False))
        return notebook.details(
            "What happens in the file's order?",
            f"On new samples the loss ends at {ordered.val_losses[-1]:.3f} instead of {shuffled.val_losses[-1]:.3f}. Five "
            "batches of the first class teach the model to say 0, five of the second to say 1, and each epoch ends with "
            f"the second. The training loss of {ordered.train_losses[-1]:.2f} hides it: most batches look like the one before, "
            "for which the model was corrected a moment ago. A batch is a sample of the data only if it is drawn like one.",
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### The mean of batch means

    An epoch's loss is the mean of its batches' losses, isn't it? Three batches of 32, and a last one that is shorter.
    <span class="kernel-only">Drag its size.</span> **Predict** where the two means differ most, and where not at all.
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook a slider sets how short the last batch is. Here it has one sample."
    )
    return


@app.cell(hide_code=True)
def _():
    last_batch = mo.ui.slider(
        start=1, stop=32, value=1, label="samples in the last batch", show_value=True
    )
    last_batch
    return (last_batch,)


@app.cell
def _(last_batch, model):
    def means(last):
        X, y = make_regression(128, 6, 0.5, torch.Generator().manual_seed(28), bias=2.0)
        X, y = X[: 96 + last], y[: 96 + last]
        with torch.no_grad():
            batches = [
                mean_squared_error(model(inputs), targets).item()
                for inputs, targets in DataLoader(Dataset(X, y), 32)
            ]
            every_sample = mean_squared_error(model(X), y).item()
        return statistics.fmean(batches), every_sample

    of_batches, of_samples = means(last_batch.value)
    notebook.table(
        [
            {"mean over": "samples", "loss": of_samples, "off by": ""},
            {
                "mean over": "batches",
                "loss": of_batches,
                "off by": f"{abs(of_batches / of_samples - 1):.1%}",
            },
        ]
    )
    return (means,)


@app.cell(hide_code=True)
def _(means):
    def _():
        off = {last: abs(a / b - 1) for last in (1, 16, 32) for a, b in [means(last)]}
        return notebook.details(
            "Answer",
            f"With 32 samples in the last batch not at all, with 16 by {off[16]:.1%}, with a single one by {off[1]:.0%}: "
            "that one sample counts as much as 32 others, so everything depends on which one it is. `Average` takes the number "
            "of samples for that reason. `transformers` 5.23 reports the mean of batch means as its training loss; Lightning and "
            "Keras weigh, as here (see the tables of frameworks).",
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Standardise before splitting

    Features of different units are **standardised**: minus their mean, over their standard deviation. Of which samples? In the data below
    one validation sample was noted in grams where all others are in kilos. Standardise all, then split: what does the
    validation loss say of it?
    """)
    return


@app.cell
def _():
    notebook.source(standardise)
    return


@app.cell(hide_code=True)
def _():
    too_early = mo.ui.switch(
        value=notebook.switched_on(), label="standardise before splitting"
    )
    too_early
    return (too_early,)


@app.cell
def _(too_early):
    def train_standardised(before_splitting):
        X, y = make_regression(
            64, 3, generator=torch.Generator().manual_seed(8), weights=torch.ones(3, 1)
        )
        X[60, 0] *= 1000
        everything = Dataset(X, y)
        train, val = Dataset(X[:48], y[:48]), Dataset(X[48:], y[48:])
        train, val = standardise(everything if before_splitting else train, train, val)
        recipe = TrainerConfig(epochs=20, batch_size=16, learning_rate=0.05)
        untrained = LinearRegression(3, torch.Generator().manual_seed(0))
        return recipe.build(untrained, mean_squared_error, train, val_data=val).train()

    split_runs = {"split first": train_standardised(before_splitting=False)}
    if too_early.value:
        split_runs["too early"] = train_standardised(before_splitting=True)
    return split_runs, train_standardised


@app.cell(hide_code=True)
def _(split_runs):
    charts.losses(split_runs)
    return


@app.cell(hide_code=True)
def _(train_standardised):
    def _():
        right, wrong = (train_standardised(before_splitting=b) for b in (False, True))
        return notebook.details(
            "Which of the two is the truth?",
            f"The ugly one. Split first, and validation shows what the world holds: a loss of {right.val_losses[-1]:,.0f}, "
            "because a sample came along that is nothing like those you trained on. Standardise too early, and that sample sets the unit: all the others "
            f"shrink to nearly nothing, the model learns to ignore the feature, and the loss is {wrong.val_losses[-1]:.2g}. "
            "The validation part has told the training part what to expect. Tomorrow's samples can't do you that favour.",
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Choose the epoch by the test part

    You train too long, you notice, and you keep the epoch that was best. Best on which data? If you choose on the test part, you
    can't report on it: among forty epochs, one looks good by luck. Thirty times over, here is the loss that you would promise, and
    the loss on 2000 fresh samples, which is what you would deliver.
    """)
    return


@app.cell(hide_code=True)
def _():
    choose_by_test = mo.ui.switch(
        value=notebook.switched_on(), label="choose the epoch by the test part"
    )
    choose_by_test
    return (choose_by_test,)


@app.cell
def _():
    def losses_by_epoch(seed):
        """The losses of one run on 12 validation, 12 test and 2000 fresh samples, after each of 40 epochs."""
        draw = torch.Generator().manual_seed(seed)
        drawn = Dataset(*make_regression(2048, 20, 1.0, draw, weights=torch.eye(20)[:, :1]))
        parts = [drawn[24:36], drawn[36:48], drawn[48:]]
        student = LinearRegression(20, draw)
        torch.nn.init.zeros_(student.weights)
        recipe = TrainerConfig(epochs=0, batch_size=12, learning_rate=0.05, seed=seed)
        run = recipe.build(student, mean_squared_error, Dataset(*drawn[:24]))
        rows = []
        for epoch in range(1, 41):
            run.epochs = epoch  # a finished run goes on when it is given more
            run.train()
            with torch.no_grad():
                rows.append([mean_squared_error(student(X), y) for X, y in parts])
        return torch.tensor(rows)

    forty_epochs = torch.stack([losses_by_epoch(seed) for seed in range(30)])
    return (forty_epochs,)


@app.cell
def _(choose_by_test, forty_epochs):
    def promise_and_delivery(part):
        val, test, fresh = forty_epochs.unbind(-1)
        chosen = {"validation": val, "test": test}[part].argmin(1, keepdim=True)
        return test.gather(1, chosen).mean().item(), fresh.gather(1, chosen).mean().item()

    promises = {
        f"by {part}": promise_and_delivery(part)
        for part in ["validation", *(["test"] if choose_by_test.value else [])]
    }
    return promise_and_delivery, promises


@app.cell(hide_code=True)
def _(promises):
    charts.promises(promises)
    return


@app.cell(hide_code=True)
def _(forty_epochs, promise_and_delivery):
    def _():
        (honest, fresh), (promised, delivered) = map(
            promise_and_delivery, ("validation", "test")
        )
        val, test, new = forty_epochs.unbind(-1)
        gaps = (test - new).gather(1, val.argmin(1, keepdim=True))
        error = gaps.std().item() / math.sqrt(len(gaps))
        return notebook.details(
            "What does the test part promise?",
            f"Chosen by validation, the test loss is {honest:.2f} on average and fresh samples give {fresh:.2f}: no difference beyond "
            f"chance, whose standard error is {error:.2f}. Chosen by the test part itself, it promises {promised:.2f} and you deliver {delivered:.2f}. Nothing was "
            "trained on it, not one gradient. Choosing is enough. So open it once, at the very end.",
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Birds

    Time for data that nobody made up. Between 2007 and 2009 Kristen Gorman measured penguins of three species at Palmer Station,
    Antarctica. The package brings the file. Some birds lack a value:
    """)
    return


@app.cell
def _():
    with (files("groundup") / "penguins.csv").open(encoding="utf-8") as _file:
        birds = list(csv.DictReader(line for line in _file if not line.startswith("#")))

    notebook.table(
        [
            {"birds": "in the file", "number": len(birds)},
            {
                "birds": "not measured",
                "number": sum(bird["body_mass_g"] == "NA" for bird in birds),
            },
            {
                "birds": "measured, sex unknown",
                "number": sum(
                    bird["sex"] == "NA" and bird["body_mass_g"] != "NA" for bird in birds
                ),
            },
            {
                "birds": "complete",
                "number": sum("NA" not in bird.values() for bird in birds),
            },
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    `load_penguins` leaves out the eleven that lack a value. You could guess the missing ones; for eleven of 344 it is not worth the
    doubt. What is left are four measurements each, and a question that is not trivial: is the bird male? Males are heavier, but the average female Gentoo
    outweighs the average male Adelie, and nobody tells the model the species.

    Three parts this time. Train on the first, choose by the second, and leave the third shut. All three are standardised with
    the numbers of the training part.
    """)
    return


@app.cell
def _():
    penguins = Dataset(*load_penguins())
    raw_train, raw_val, raw_test = random_split(
        penguins, [0.6, 0.2, 0.2], torch.Generator().manual_seed(0)
    )
    bird_train, bird_val, bird_test = standardise(raw_train, raw_train, raw_val, raw_test)
    mo.md(
        f"{len(bird_train)} birds for training, {len(bird_val)} for validation, {len(bird_test)} for the end."
    )
    return bird_test, bird_train, bird_val, raw_train


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### The model changes, the loss changes

    A yes or no wants a probability. **Logistic regression** is your linear model, read in another way: its output $z$ is a **logit**,
    and the probability of a male is $\sigma(z) = 1 / (1 + e^{-z})$.
    """)
    return


@app.cell
def _():
    notebook.source(LogisticRegression)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The loss is how surprised the model is by what it sees, $-\log p$ of the right answer: the **binary cross-entropy**. It takes logits, not
    probabilities, and does the logarithm and the sigmoid in one step. Why not one after the other? Let the model be sure, and wrong:
    """)
    return


@app.cell
def _():
    def surprises(z):
        """−log(1 − σ(z)), the loss of a logit z where the answer is 0, in two steps and in one; each with its gradient."""
        rows = {"logit": z}
        for name, loss in {
            "two steps": lambda z: -torch.log(1 - torch.sigmoid(z)),
            "one step": lambda z: binary_cross_entropy_with_logits(z, torch.tensor(0.0)),
        }.items():
            logit = torch.tensor(z, requires_grad=True)
            value = loss(logit)
            value.backward()
            rows |= {
                f"{name}: loss": value.item(),
                "its gradient" + " " * (name == "one step"): logit.grad.item(),
            }
        return rows

    notebook.table([surprises(z) for z in (1.0, 10.0, 16.0, 20.0, 100.0)])
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    From a logit of 17 on, $\sigma(z)$ is exactly 1 in single precision, so two steps give $\log 0$: an infinite loss, and a gradient that is no number.
    One such sample, and every parameter is gone. In one step the loss of a sure mistake is $z$, as it should be. Here is how:
    """)
    return


@app.cell
def _():
    notebook.source(binary_cross_entropy_with_logits)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### The trainer does not

    A loss is a measure with a gradient. What you want to *know* is often a measure without one: here the share of birds that the model gets right, its
    **accuracy**. It goes in as a **metric**, and is averaged like the loss.
    """)
    return


@app.cell
def _():
    notebook.source(binary_accuracy)
    return


@app.cell
def _(bird_train, bird_val):
    bird_config = TrainerConfig(epochs=40, batch_size=32, learning_rate=0.5)
    bird_model = LogisticRegression(4, torch.Generator().manual_seed(0))
    bird_trainer = bird_config.build(
        bird_model,
        binary_cross_entropy_with_logits,
        bird_train,
        val_data=bird_val,
        metrics={"accuracy": binary_accuracy},
    )
    bird_trainer.train()
    return bird_config, bird_model, bird_trainer


@app.cell(hide_code=True)
def _(bird_trainer):
    charts.losses(bird_trainer.result, metric="accuracy")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### What the weights say

    The features are in standard deviations, so the weights can be compared. One standard deviation more multiplies the odds of a male by $e^w$:
    """)
    return


@app.cell
def _(bird_model, raw_train):
    notebook.table(
        {
            "feature": name,
            "weight": weight,
            "odds, one deviation up": f"× {math.exp(weight):.2g}",
            "a deviation is": f"{deviation:.3g} {name.rsplit('_', 1)[1]}",
        }
        for name, weight, deviation in zip(
            PENGUIN_FEATURES,
            bird_model.weights.flatten().tolist(),
            raw_train.tensors[0].std(0).tolist(),
            strict=True,
        )
    )
    return


@app.cell(hide_code=True)
def _(bird_config, bird_model, bird_train, raw_train):
    def _():
        X, male = raw_train.tensors[0], raw_train.tensors[1].flatten() == 1
        longer = (X[male].mean(0) - X[~male].mean(0))[2].item()
        without_mass = LogisticRegression(3, torch.Generator().manual_seed(0))
        inputs, targets = bird_train.tensors
        bird_config.build(
            without_mass, binary_cross_entropy_with_logits, Dataset(inputs[:, :3], targets)
        ).train()
        _, depth, flipper, mass = bird_model.weights.flatten().tolist()
        return mo.md(
            f"Heavier and with a deeper bill means male: ${mass:+.1f}$ and ${depth:+.1f}$. And the flipper? Males' flippers are "
            f"{longer:.0f} mm longer on average, and yet its weight of ${flipper:+.2f}$ says nearly nothing. That is no contradiction. "
            "What a long flipper could tell, the mass tells already: leave the mass out, and the flipper's weight becomes "
            f"${without_mass.weights[2].item():+.1f}$. A weight speaks of one feature *with the others held still*."
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Four features can't be drawn, two can. Trained on bill depth and body mass alone, the model draws one straight line through three species:
    """)
    return


@app.cell
def _(bird_config, bird_train, raw_train):
    two = [PENGUIN_FEATURES.index(name) for name in ("bill_depth_mm", "body_mass_g")]
    raw_X, raw_y = raw_train.tensors[0][:, two], raw_train.tensors[1]
    two_train = Dataset(bird_train.tensors[0][:, two], bird_train.tensors[1])
    two_model = LogisticRegression(2, torch.Generator().manual_seed(0))
    bird_config.build(two_model, binary_cross_entropy_with_logits, two_train).train()
    two_right = evaluate(
        two_model, DataLoader(two_train, 64), {"accuracy": binary_accuracy}
    )["accuracy"]
    return raw_X, raw_y, two_model, two_right


@app.cell(hide_code=True)
def _(raw_X, raw_y, two_model, two_right):
    charts.decision_boundary(
        raw_X,
        raw_y,
        lambda places: two_model((places - raw_X.mean(0)) / raw_X.std(0)),
        ("bill depth in mm", "body mass in g"),
        ("female", "male"),
        f"Two features get {two_right:.0%} of the training birds right",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The cloud at the left, heavy birds with shallow bills, are the Gentoos.

    ### The test part, once

    There was little to choose here, and it is chosen: model, learning rate, epochs. Now open the part that nobody has looked at.
    """)
    return


@app.cell
def _(bird_model, bird_test):
    on_new_birds = evaluate(
        bird_model,
        DataLoader(bird_test, 32),
        {"loss": binary_cross_entropy_with_logits, "accuracy": binary_accuracy},
    )
    notebook.table([on_new_birds])
    return (on_new_birds,)


@app.cell(hide_code=True)
def _(bird_test, bird_trainer, bird_val, on_new_birds):
    def _():
        n, share = len(bird_test), on_new_birds["accuracy"]
        validated = bird_trainer.result.metrics["accuracy"][-1]
        shares = (share, n), (validated, len(bird_val))
        margin = math.sqrt(sum(p * (1 - p) / birds for p, birds in shares))
        return mo.md(
            f"{round(share * n)} of {n} birds are right, {share:.0%}, where validation had {validated:.0%}. Shares of so few birds are "
            f"uncertain: the difference between the two has a standard error of {margin:.0%}, so it may well be chance."
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Callbacks, a first one

    `NaiveTrainer` kept the trajectory of every parameter, in its loop. For seven numbers that was fine, for seven billion it is not, and the new loop has no such line. Who wants a
    history hangs a **callback** into the run: an object with methods, called **hooks**, at the places where something happens.
    """)
    return


@app.cell
def _():
    notebook.source(Callback)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    A callback watches, and may say `trainer.stop(reason)`. By agreement it never changes the arithmetic; nothing stops one that does. The trainer looks once, before the run, which hooks
    a callback really overrides, and calls no others. And this is what left the loop:
    """)
    return


@app.cell
def _():
    notebook.source(ParameterHistory)
    return


@app.cell
def _(X, model, y):
    history = ParameterHistory()
    observed = TrainerConfig(epochs=30, batch_size=512, learning_rate=0.2, shuffle=False)
    watched = observed.build(
        copy.deepcopy(model),
        mean_squared_error,
        Dataset(X, y),
        callbacks=[history, notebook.ProgressBar()],
    ).train()

    stored_itself = NaiveTrainer(
        copy.deepcopy(model), mean_squared_error, X, y, NaiveTrainerConfig(30, 0.2)
    ).train()
    return history, stored_itself, watched


@app.cell(hide_code=True)
def _(history, watched):
    charts.training(NaiveTrainerResult(watched.train_losses, history.parameters))
    return


@app.cell(hide_code=True)
def _(history, stored_itself):
    def _():
        pairs = zip(history.parameters, stored_itself.parameters, strict=True)
        same = sum(
            all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))
            for ours, theirs in pairs
        )
        return mo.md(
            f"Of {len(history.parameters)} epochs, **{same}** have the very same seven numbers as chapter one's trainer stored "
            "in itself. (While the cell above ran, a second callback drew a progress bar.)"
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### The config is a recipe

    You have seen `TrainerConfig(…).build(…)` for a while now. The config is the one place for everything that a run can be told by a number or a
    word. What it does not hold is the data and the model, with its first weights. The loop never reads it: `build` turns it into pieces *before* the run, a line for each, and hands them over.
    """)
    return


@app.cell
def _():
    notebook.source(TrainerConfig.build)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    So who wants another piece hands it to `Trainer` directly, and no flag has to be invented for it. What a recipe buys is that it can be kept. Here is that of
    the live loop above, as text:
    """)
    return


@app.cell
def _(config):
    text = config.to_json()
    mo.plain_text(text)
    return (text,)


@app.cell
def _(model, result, text, train_data, val_data):
    again = (
        TrainerConfig.from_json(text)
        .build(copy.deepcopy(model), mean_squared_error, train_data, val_data=val_data)
        .train()
    )
    # As words, in which one NaN is like another.
    same = str(vars(again)) == str(vars(result))
    mo.md(
        f"Read back and trained again on the same data: {'the very same run' if same else 'another run'}."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    A text from elsewhere may hold anything, so it is checked before a run starts:
    """)
    return


@app.cell
def _():
    def refusal(text):
        try:
            return repr(TrainerConfig.from_json(text))
        except (TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    notebook.table(
        {"text": f"`{text}`", "what you get": refusal(text)}
        for text in [
            '{"epochs": 3, "batch_size": 8}',
            '{"epochs": 3, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.9}',
            '{"epochs": 3, "batch_size": 0, "learning_rate": 0.1}',
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What it costs

    ### In operations

    The loop by hand and the trainer, over the same loader, for one epoch of eight batches. What each asks of torch, counted:
    """)
    return


@app.cell
def _(model, train_data):
    def _by_hand():
        train_by_hand(
            copy.deepcopy(model),
            mean_squared_error,
            *train_data.tensors,
            1,
            32,
            0.1,
            torch.Generator().manual_seed(0),
        )

    def _over_the_loader():
        moved, average = copy.deepcopy(model), Average()
        for inputs, targets in DataLoader(
            train_data, 32, shuffle=True, generator=torch.Generator().manual_seed(0)
        ):
            for p in moved.parameters():
                p.grad = None
            loss = mean_squared_error(moved(inputs), targets)
            loss.backward()
            with torch.no_grad():
                for p in moved.parameters():
                    p -= 0.1 * p.grad
            average.add(loss, len(inputs))
        average.value()

    def _trainer():
        TrainerConfig(epochs=1, batch_size=32, learning_rate=0.1).build(
            copy.deepcopy(model), mean_squared_error, train_data
        ).train()

    ways = {
        "by hand, slicing": _by_hand,
        "by hand, our loader": _over_the_loader,
        "`Trainer`": _trainer,
    }
    operations = {name: count_operations(way).total() for name, way in ways.items()}
    notebook.table({"way": name, "operations": n} for name, n in operations.items())
    return operations, ways


@app.cell(hide_code=True)
def _(operations):
    mo.md(f"""
    The abstraction adds **{operations["`Trainer`"] - operations["by hand, our loader"]}** operations to the loop over the same loader. Slicing by hand needs more: it gathers each batch on its
    own.

    ### In time

    Operations are exact, time is noise: the three take turns here, and what counts is the ratio. A few hundredths either way mean
    nothing.<span class="kernel-only"> Press the button, and it is measured again.</span>
    """)
    return


@app.cell
def _():
    time_again = mo.ui.run_button(label="time them again")
    time_again
    return (time_again,)


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook a button measures again, on your machine. The times here are those of the machine that built "
        "this page."
    )
    return


@app.cell
def _(time_again, ways):
    time_again.value  # a new click, a new measurement

    def _():
        times = {
            name: 1000 * statistics.median(seconds)
            for name, seconds in time_in_turns(ways, rounds=15).items()
        }
        return notebook.table(
            {
                "way": name,
                "ms an epoch": took,
                "ratio": took / times["by hand, our loader"],
            }
            for name, took in times.items()
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Beside what people use instead

    `make bench` trains one small linear model with other trainers, too. Whatever is optional is switched off in them, and
    before anything is timed, all must have seen the same batches and end at the same parameters. It leaves a file:
    """)
    return


@app.cell
def _():
    small, large = (notebook.measured(job) for job in ("train-mini-batch", "train-network"))
    charts.ratios(small.ratios, "Batches of 32: time, loop by hand = 1")
    return large, small


@app.cell(hide_code=True)
def _(large, small):
    def _():
        def over_ours(job, contender):
            return charts.times(job.ratios[contender] / job.ratios["groundup"])

        return mo.md(f"""
    That is {small.setting}, on {small.machine}, with one thread. `Trainer` takes {charts.times(small.ratios["groundup"])} the time of the loop by hand.
    Lightning takes **{over_ours(small, "lightning")}** the time of `Trainer`, `transformers` **{over_ours(small, "transformers")}**. Part of that they share with *torch*, the loop by hand
    over torch's own loader and optimizer: {over_ours(small, "torch")}. The rest is what a trainer for every purpose does around each step: hooks, devices, precisions.

    Where does that vanish? Where a step has more to compute. With two layers of 512 units in place of the line ({large.setting}), Lightning
    takes {over_ours(large, "lightning")} the time of `Trainer`, `transformers` {over_ours(large, "transformers")}, and torch's pieces alone {over_ours(large, "torch")}. The larger the step, the less is left of all of this:
    so choose no trainer for a large model by this chart. It says what an abstraction costs, not what it is worth.
    Every round is in `groundup/benchmarks.json`, and how each contender is set up in `benchmarks/RESULTS.md`.
    """)

    _()
    return


@app.cell(hide_code=True)
def _():
    def _():
        case = "100,000 × 6, batches of 32"
        loader = notebook.measured("loader", case)
        return mo.md(f"""
    ### Where a loader's time goes

    On tensors that are already in memory, our loader and `torch.utils.data.DataLoader` do the same job. In `make bench` ({case}, shuffled),
    torch's takes **{charts.times(loader.ratios["torch"])}** the time of ours, and not by a trick. Here is torch's work, one step more in each row, for 20,000 samples
    of 6 features in batches of 32, timed where this ran:
    """)

    _()
    return


@app.cell
def _(time_again):
    time_again.value  # a new click, a new measurement

    def _():
        generator = torch.Generator().manual_seed(0)
        X, y = make_regression(20_000, 6, generator=generator)
        theirs = torch.utils.data.TensorDataset(X, y)
        ours = Dataset(X, y)

        def positions():
            sampler = torch.utils.data.RandomSampler(theirs, generator=generator)
            return list(torch.utils.data.BatchSampler(sampler, 32, drop_last=False))

        def samples():
            for batch in positions():
                [theirs[i] for i in batch]

        def through(loader):
            for _ in loader:
                pass

        turns = time_in_turns(
            {
                "draw positions": positions,
                "… and fetch each sample": samples,
                "… and stack them: torch's loader": lambda: through(
                    torch.utils.data.DataLoader(
                        theirs, 32, shuffle=True, generator=generator
                    )
                ),
                "our loader": lambda: through(
                    DataLoader(ours, 32, shuffle=True, generator=generator)
                ),
            },
            rounds=3,
        )
        times = {name: 1000 * statistics.median(seconds) for name, seconds in turns.items()}
        return notebook.table(
            {
                "what": name,
                "ms": took,
                "× ours": took / times["our loader"],
            }
            for name, took in times.items()
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Torch's loader takes [each sample by itself](https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/_utils/fetch.py#L48-L57): two tensors of one row, for every one of them. Then it
    [stacks](https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/_utils/collate.py#L246-L275) what was stacked to begin with. By default it must assume nothing: samples may be files, images, sentences of
    any length. (A data set may offer `__getitems__` to fetch a batch at once; `TensorDataset` does not.) Ours asks the data set for
    thousands of rows in *one* operation and cuts them into views. It can, because its samples are rows. The
    generality costs the factor; where fetching a sample means decoding an image, you would not notice it.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## In the frameworks

    Who owns the batch, the zeroing, the averaging? Four frameworks, by their names and with their defaults; the links lead to the very lines.

    | what | here | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 |
    | :--- | :--- | :--- | :--- |
    | who makes the batches | you: a `DataLoader`; no default | you: [loaders at `fit`][lt-fit], torch's default [1][pt-loader] | [`get_train_dataloader`][hf-loader], [8][hf-batch] for each device |
    | who shuffles | you: `shuffle=True` | you, by [`shuffle=True`][pt-samplers]; on several devices [Lightning][lt-shuffle], asked or not | the trainer: [`RandomSampler`][hf-shuffle] |
    | the short last batch | kept: `drop_last=False` | kept: torch's [`drop_last=False`][pt-loader] | kept: [`dataloader_drop_last=False`][hf-drop] |
    | who zeroes the gradients | the loop, first of all | the [closure][lt-step], between loss and `backward` | the loop, [after the update][hf-zero] |
    | the training loss of an epoch | weighted by samples | if logged `on_epoch`: [weighted by batch size][lt-mean], so over samples | [batch means summed, divided by updates][hf-mean]: unweighted |
    | the validation loss | the same | [the same][lt-mean] | each batch mean [repeated for its samples][hf-repeat], then the mean |
    | no gradients in validation | `no_grad`, in `evaluate` | [`no_grad`][lt-nograd] around the loop | [`no_grad`][hf-nograd] in each step |
    | who restores training mode | `evaluate`, module by module | the loop, [module][lt-eval] by [module][lt-modes] | the next step: [`model.train()`][hf-train] |
    | callbacks | `Callback`, 7 hooks | [`Callback`][lt-callback], 35 hooks | [`TrainerCallback`][hf-callback], 16 hooks |
    | stop | `trainer.stop(…)`: before the next step | `trainer.should_stop`: [before the next batch][lt-stop], after a [last validation][lt-stopval] | [`control.should_training_stop`][hf-control]: [after this batch][hf-stop] |
    | the configuration | `TrainerConfig`, or none | arguments of [`Trainer`][lt-init] | [`TrainingArguments`][hf-config] |
    | data, loader and optimizer | given to `__init__`; `build` makes them | at `fit`; the optimizer by [`configure_optimizers`][lt-optim] | data in [`__init__`][hf-init]; loader and optimizer [as training starts][hf-prepare] |
    | lines of the loop | at most 50 | [556][lt-fitloop] and [588][lt-epochloop], two files | [94][hf-inner] and [173][hf-run], in a file of 4760 |

    | what | here | [torchtitan][tt] 0.2.2 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- | :--- |
    | who makes the batches | you: a `DataLoader`; no default | [built in `__init__`][tt-data], [8][tt-batch] for each device | an adapter of the arrays at `fit`, [32][ke-32] |
    | who shuffles | you: `shuffle=True` | nobody: the [order of the stream][tt-stream] | [`fit(shuffle=True)`][ke-fit]: [`RandomSampler`][ke-shuffle] |
    | the short last batch | kept: `drop_last=False` | none: the stream [starts again][tt-infinite] | kept: [`drop_last=False`][ke-last] |
    | who zeroes the gradients | the loop, first of all | [`train_step`][tt-zero], first of all | [`train_step`][ke-zero], between prediction and loss |
    | the training loss of an epoch | weighted by samples | none; of one step, [over its tokens][tt-scale] | [weighted by batch size][ke-loss], so over samples |
    | the validation loss | the same | mean of the [batch means][tt-valmean] | [the same][ke-testloss] |
    | no gradients in validation | `no_grad`, in `evaluate` | [`no_grad`][tt-val] | [`no_grad`][ke-nograd] in each step |
    | who restores training mode | `evaluate`, module by module | `validate`, at its end: [`model.train()`][tt-valtrain] | the next epoch: [`self.train()`][ke-train] |
    | callbacks | `Callback`, 7 hooks | none; parts in a [`TrainSpec`][tt-spec] | [`Callback`][ke-callback], 16 hooks |
    | stop | `trainer.stop(…)`: before the next step | [`should_continue_training`][tt-continue], to override: before the next step | `model.stop_training`: [after this batch][ke-stop]; validation still runs |
    | the configuration | `TrainerConfig`, or none | [`JobConfig`][tt-config] | arguments of [`compile`][ke-compile] and [`fit`][ke-fit] |
    | data, loader and optimizer | given to `__init__`; `build` makes them | all [in][tt-data] [`__init__`][tt-optim] | optimizer in [`compile`][ke-compile], data [at `fit`][ke-iter] |
    | lines of the loop | at most 50 | [61][tt-train] and [102][tt-step] | [152][ke-loop] |

    Set three rows beside what you built. **The training loss**: Lightning and Keras weigh each batch by its samples, `transformers` does not: your second mistake (in validation it weighs). For ten
    samples whose losses are 0, 1, 4, 9, … 81, in batches of 4, 4 and 2, the one gives 28.5 and the other 35.8. **Restoring the mode**: Lightning gives each submodule back the mode that it had, as `evaluate` does;
    the others call `train()` on the whole, which wakes a submodule that you had put to sleep on purpose. **Shuffling**: on several
    devices Lightning [shuffles the training data][lt-shuffle] even where your loader does not.

    And where does the recipe go? torchtitan prepares everything in `__init__`, from a config, as `build` does. `transformers` takes
    the data there, but builds loaders and optimizer as training starts. Lightning and Keras take data at `fit`: one trainer serves many
    models. What a config buys is that a run is one text; what it costs is that each new piece wants a flag, unless, as here, the pieces can also be handed over.

    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-batch]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L777
    [hf-callback]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L295-L426
    [hf-config]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L179-L180
    [hf-control]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L234-L266
    [hf-drop]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L1320-L1322
    [hf-init]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L379-L398
    [hf-inner]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1583-L1676
    [hf-loader]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L916-L934
    [hf-mean]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1997-L2000
    [hf-nograd]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L3239
    [hf-prepare]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1596-L1615
    [hf-repeat]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2997-L3000
    [hf-run]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1819-L1991
    [hf-shuffle]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1142-L1145
    [hf-stop]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1963-L1966
    [hf-train]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2072
    [hf-zero]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1946
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-32]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L85-L93
    [ke-callback]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/callback.py#L7-L308
    [ke-compile]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/trainer.py#L40-L51
    [ke-fit]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L175-L193
    [ke-iter]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L221-L231
    [ke-last]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L300-L305
    [ke-loop]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L174-L325
    [ke-loss]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L57-L62
    [ke-nograd]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L142-L146
    [ke-shuffle]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L292-L311
    [ke-stop]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L269-L272
    [ke-testloss]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L96-L101
    [ke-train]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L257-L260
    [ke-zero]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L50-L52
    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-callback]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/callbacks/callback.py#L25-L286
    [lt-epochloop]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/training_epoch_loop.py#L148-L158
    [lt-eval]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/evaluation_loop.py#L338-L352
    [lt-fit]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L522-L530
    [lt-fitloop]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/fit_loop.py#L208-L224
    [lt-init]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L93-L102
    [lt-mean]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/logger_connector/result.py#L231-L252
    [lt-modes]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/utilities/model_helpers.py#L64-L83
    [lt-nograd]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/utilities.py#L157-L181
    [lt-optim]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/strategies/strategy.py#L131-L139
    [lt-shuffle]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/data_connector.py#L478-L494
    [lt-step]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/optimization/automatic.py#L128-L142
    [lt-stop]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/training_epoch_loop.py#L135-L144
    [lt-stopval]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/training_epoch_loop.py#L540-L543
    [pt-loader]: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/dataloader.py#L255-L270
    [pt-samplers]: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/dataloader.py#L395-L407
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-batch]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L253-L259
    [tt-config]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L999-L1011
    [tt-continue]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L712-L713
    [tt-data]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L126-L135
    [tt-infinite]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/hf_datasets/text_datasets.py#L174
    [tt-optim]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L274-L277
    [tt-scale]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L533-L538
    [tt-spec]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/protocols/train_spec.py#L43-L56
    [tt-step]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L547-L648
    [tt-stream]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/hf_datasets/text_datasets.py#L112-L145
    [tt-train]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L650-L710
    [tt-val]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/validate.py#L158-L166
    [tt-valmean]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/validate.py#L257-L262
    [tt-valtrain]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/validate.py#L272-L274
    [tt-zero]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L550
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your turn

    Three pieces to write. In the notebook, replace `raise NotImplementedError` and run the cell: the verdict under it
    tells what is still wrong. The solutions are folded away.

    ### A loader of your own

    Write a generator that gives what `DataLoader(…, shuffle=True, drop_last=True)` gives: tuples `(inputs, targets)` of `batch_size` samples each, in
    an order drawn from `generator` by `torch.randperm`, and no short batch at the end.
    """)
    return


@app.function
def draw_batches(X, y, batch_size, generator):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_loader(attempt):
        for samples, batch_size in ((12, 4), (11, 4), (5, 5), (3, 4)):
            X, y = make_regression(
                samples, 2, generator=torch.Generator().manual_seed(samples)
            )
            before = X.clone()
            expected = list(
                DataLoader(
                    Dataset(before, y.clone()),
                    batch_size,
                    shuffle=True,
                    generator=torch.Generator().manual_seed(0),
                    drop_last=True,
                )
            )
            what = f"{samples} samples in batches of {batch_size}"
            batches = attempt(X, y, batch_size, torch.Generator().manual_seed(0))
            if not hasattr(batches, "__iter__"):
                return "Give the batches one by one, with `yield`, or in a list."
            batches = list(batches)
            if not all(isinstance(batch, tuple) and len(batch) == 2 for batch in batches):
                return "Each batch should be a tuple `(inputs, targets)`."
            if len(batches) != len(expected):
                return f"{what} make {len(expected)} batches without a short one, but you gave {len(batches)}."
            for (inputs, targets), (right_inputs, right_targets) in zip(
                batches, expected, strict=True
            ):
                if len(inputs) != batch_size or len(targets) != batch_size:
                    return f"With {what} each batch should have {batch_size} samples, but one has {len(inputs)}."
                if not torch.equal(inputs, right_inputs):
                    return f"With {what} the inputs are not those of one `torch.randperm` from the generator, in its order."
                if not torch.equal(targets, right_targets):
                    return "The inputs are right, but the targets belong to other samples."
            if not torch.equal(X, before):
                return "The batches are right, but the data came out changed."
        return None

    def loader_solution(X, y, batch_size, generator):
        order = torch.randperm(len(X), generator=generator)
        for start in range(0, len(X) - batch_size + 1, batch_size):
            positions = order[start : start + batch_size]
            yield X[positions], y[positions]

    notebook.exercise(draw_batches, check_loader, loader_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Stop when validation gains nothing

    In chapter one you found the epoch at which to stop, when it was too late. Now stop the run: return a `Callback` that calls `trainer.stop("…")` at the end of the first
    epoch at which the best validation loss is `patience` epochs old. The losses are in `trainer.result.val_losses`.
    """)
    return


@app.function
def early_stopping(patience):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_stopping(attempt):
        runs = [
            ([3.0, 2.0, 2.5, 2.0, 1.0], 2, 4),
            ([3.0, 2.0, 2.5, 2.0, 1.0], 3, 5),
            ([5.0, 4.0, 3.0, 2.0, 1.0], 1, 5),
            ([1.0, 1.0, 0.5], 1, 2),
            ([1.0, 2.0, 0.5, 2.0, 2.0, 0.1], 2, 5),
        ]
        for losses, patience, epochs in runs:
            callback = attempt(patience)
            if not isinstance(callback, Callback):
                return "Return an instance of a class that inherits from `Callback`."
            model = LinearRegression(1, torch.Generator().manual_seed(0))
            train = [(torch.ones(1, 1), torch.ones(1, 1))]
            still_to_come = iter(losses)

            def loss(predictions, targets, model=model, still_to_come=still_to_come):
                if torch.is_grad_enabled():
                    return mean_squared_error(predictions, targets)
                return torch.tensor(next(still_to_come))

            optimizer = SGD(model.parameters(), 0.1)
            trainer = Trainer(
                model,
                loss,
                optimizer,
                train,
                epochs=len(losses),
                val_loader=train,
                callbacks=[callback],
            )
            stopped = trainer.train()
            if trainer.epoch != epochs:
                return f"With validation losses {losses} and patience {patience} the run should end after {epochs} epochs, but it ended after {trainer.epoch}."
            if epochs < len(losses) and not stopped.stop_reason:
                return "The run stopped in time, but gives no reason."
        return None

    def stopping_solution(patience):
        class EarlyStopping(Callback):
            def on_epoch_end(self, trainer):
                losses = trainer.result.val_losses
                best = losses.index(min(losses))
                if len(losses) - 1 - best >= patience:
                    trainer.stop(f"no gain for {patience} epochs")

        return EarlyStopping()

    notebook.exercise(early_stopping, check_stopping, stopping_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### A fair shard

    Chapter seven will train on many devices, each with its part of the batches. Write a generator that gives process `rank` of `world` every `world`-th
    batch of a loader, from the `rank`-th on, and gives *every process the same number*: batches that are left over at the end go to nobody.
    (Who has one batch more would wait for the others for ever.)
    """)
    return


@app.function
def shard(loader, rank, world):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_shard(attempt):
        for batches, world in ((6, 2), (7, 2), (8, 3), (2, 3), (5, 1)):
            loader = [(torch.tensor([i]), torch.tensor([i])) for i in range(batches)]
            rounds = batches // world
            for rank in range(world):
                answer = attempt(iter(loader) if world > 1 else loader, rank, world)
                if not hasattr(answer, "__iter__"):
                    return "Give the batches one by one, with `yield`, or in a list."
                given = [int(inputs) for inputs, _ in answer]
                expected = [rank + world * i for i in range(rounds)]
                if given != expected:
                    return f"Of {batches} batches, process {rank} of {world} should get {expected}, but it gets {given}."
        return None

    def shard_solution(loader, rank, world):
        group = []
        for batch in loader:
            group.append(batch)
            if len(group) == world:
                yield group[rank]
                group = []

    notebook.exercise(shard, check_shard, shard_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Next

    You have a loop that will stay. It knows nothing of batch sizes, learning rates or sexes of birds: it knows what comes after what.
    You know what it hides, that it adds not one operation, and that it computes the same as the loop that you wrote by hand.

    One of its pieces is still poor. `SGD` has one idea, and one learning rate for every direction. Chapter three asks **what is
    in `step()`**, and finds momentum, Adam, schedules and clipping there, each in a few lines, none of them in the loop.

    ## Sources

    - Allison Horst, Alison Hill and Kristen Gorman, [*palmerpenguins*](https://doi.org/10.5281/zenodo.3960218), 2020, CC0; from Kristen Gorman, Tony
      Williams and William Fraser, [*Ecological Sexual Dimorphism and Environmental Variability within a Community of Antarctic
      Penguins*](https://doi.org/10.1371/journal.pone.0090081), PLoS ONE 9(3), 2014.
    - Léon Bottou, Frank Curtis and Jorge Nocedal, [*Optimization Methods for Large-Scale Machine
      Learning*](https://arxiv.org/abs/1606.04838), SIAM Review 60(2), 2018: why and when stochastic gradients pay.
    - William Cochran, *Sampling Techniques*, 3rd edition, Wiley 1977: section 2.6, the finite population correction.
    - The PyTorch documentation: [`torch.utils.data`](https://docs.pytorch.org/docs/stable/data.html).
    """)
    return


if __name__ == "__main__":
    app.run()
