import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="2 · Mini-batches — From the Ground Up",
    css_file="style.css",
    html_head_file="02_mini_batches.head.html",
)

with app.setup(hide_code=True):
    import copy
    import math
    import statistics
    from functools import partial
    from itertools import chain, islice, repeat

    import marimo as mo
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from groundup import (
        MLP,
        SGD,
        Average,
        DataLoader,
        Dataset,
        LinearRegression,
        NaiveTrainer,
        NaiveTrainerConfig,
        NaiveTrainerResult,
        charts,
        count_operations,
        make_regression,
        mean_squared_error,
        notebook,
        oracle,
    )

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 2 · Mini-batches

    **Who decides what a batch is?**

    Chapter one left you with a `NaiveTrainer`. It looks at *all* of the data before it moves at all. This chapter lets it
    move after a few samples, and that raises questions that it never had to ask: which samples belong together, in which
    order do they come, how does a parameter move, what is averaged? Each one gets a piece of its own.

    You end with four of them, `Dataset`, `DataLoader`, `SGD` and `Average`, and a loop of a dozen lines over them. Chapter three
    makes a trainer of it.

    The three questions are the old ones: what does an abstraction hide, what does it cost, and how do you know that it
    still computes the same?
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## All at once, and what it costs

    One step of `NaiveTrainer` sends every sample forward and every error back. What does that cost as the data grows? Take
    an `MLP` of 16 hidden units, and count two things in one step: its floating-point operations, and the memory of the
    tensors that its graph keeps for the way back.
    """)
    return


@app.cell(hide_code=True)
def _():
    # What one step over so many samples costs, counted: work and memory.
    def cost_of_a_step(samples):
        X, y = make_regression(samples, 6, generator=torch.Generator().manual_seed(1))
        model = MLP(6, 16, torch.Generator().manual_seed(0))
        kept = {}

        def keep(tensor):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with (
            FlopCounterMode(display=False) as work,
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        ):
            mean_squared_error(model(X), y).backward()
        return {
            "samples": samples,
            "operations": work.get_total_flops() / 1e6,
            "megabytes": sum(kept.values()) / 1e6,
        }

    step_costs = [cost_of_a_step(10**exponent) for exponent in range(2, 6)]
    charts.growth(step_costs)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    Both grow with the data, sample by sample. Ten million samples need a hundred times what the right edge of the chart
    shows, for *one* step.

    ### What a batch is a sample of

    But look at what you pay for. The gradient of a mean loss is the mean of the samples' gradients:

    $$\nabla L = \frac1n \sum_{{i=1}}^n \nabla \ell_i$$

    You know what to do with a mean over too many: you ask a few, at random. A random part of the samples is a
    **mini-batch**, and the mean over its $B$ gradients is an estimate of $\nabla L$. It is right on average. How far off is it
    each time? Here is the data for this chapter:

    {notebook.imports()}
    """)
    return


@app.cell
def _():
    generator = torch.Generator().manual_seed(42)
    true_w = torch.randn(6, 1, generator=generator)
    truth = {"weights": true_w, "bias": 0.5}
    X, y = make_regression(512, 6, 0.5, generator, **truth)
    model = LinearRegression(6, torch.Generator().manual_seed(0))
    return X, model, true_w, y


@app.cell(hide_code=True)
def _(spreads):
    mo.md(rf"""
    {notebook.code_above("true_w")}

    **Predict**: you take four times as many samples into a batch. How much closer to $\nabla L$ does its gradient come?

    {notebook.details("Answer", f"Twice as close. Four times the samples, four times the work, half the distance: with 8 samples it is {spreads[8]:.3g}, with 32 {spreads[32]:.3g}. The larger the batch, the less each further sample buys.")}

    Measure it: the gradient of every single sample, and the means of 200 batches of each size.

    {notebook.code_above("gradients_of_samples")}
    """)
    return


@app.function
def gradients_of_samples(model, X, y):
    """Of each sample's squared error by weights and bias: a row a sample."""
    with torch.no_grad():
        error = model(X) - y
        return torch.cat([2 * error * X, 2 * error], dim=1)


@app.cell
def _(X, model, y):
    gradients = gradients_of_samples(model, X, y)

    def distances(means):
        return (means - gradients.mean(0)).square().sum(1)

    def spread_of_batches(batch_size):
        generator = torch.Generator().manual_seed(batch_size)
        means = []
        for _ in range(200):
            batch = torch.randperm(512, generator=generator)[:batch_size]
            means.append(gradients[batch].mean(0))
        return distances(torch.stack(means)).mean().sqrt().item()

    spreads = {2**i: spread_of_batches(2**i) for i in range(10)}
    of_one = distances(gradients).mean().sqrt().item()
    charts.gradient_noise(spreads, of_one, 512)
    return (spreads,)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("spreads")}

    The points are measured, the lines are theory. Call the distance of a batch's gradient from $\nabla L$, as a root mean
    square over many batches, $\sigma_B$, and that of single samples $\sigma_1$. It falls as $1/\sqrt B$, and then faster. You
    draw without putting back, so a batch that is nearly everything can't be far from everything:

    $$\sigma_B^2 = \frac{{\sigma_1^2}}{{B}} \cdot \frac{{n - B}}{{n - 1}}$$

    ## A mini-batch loop, by hand

    Draw an order, cut it into pieces, take a step for each piece. One pass through all of them is still an **epoch**. The
    five steps of chapter one are in it, untouched. An epoch's loss is now a mean over its samples, each seen *before* the
    step that it led to. The model moves meanwhile, so the charts draw it in the middle of its epoch.

    {notebook.code_above("train_by_hand")}
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
    def ten_epochs(train, batch_size):
        """A loop's losses, and the copy of the model that it trained."""
        student = copy.deepcopy(model)
        task = student, mean_squared_error, X, y
        order = torch.Generator().manual_seed(0)
        return train(*task, 10, batch_size, 0.05, order), student

    first_runs = {
        "all at once": ten_epochs(train_by_hand, 512)[0],
        "by 32": ten_epochs(train_by_hand, 32)[0],
    }
    charts.losses(first_runs)
    return first_runs, ten_epochs


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("first_runs")}

    Both runs sent each sample through the model ten times. The one took 10 steps, the other 160.

    It works, and four decisions have come together in one function: which rows belong together, what a batch is, how a parameter moves,
    what is averaged. Make each of them wrong, see what it does, and take it out. As `train_with` did in chapter one, a helper
    makes the slip in the loop's own text, so that nothing else differs:
    """)
    return


@app.function
def with_slip(line, slip):
    """The loop by hand with a slip in place of a line."""
    names = {"torch": torch}
    code = notebook.code_of(train_by_hand)
    exec(code.replace(line, slip), names)
    return names["train_by_hand"]


@app.cell(hide_code=True)
def _(what_it_learns):
    mo.md(rf"""
    {notebook.code_above("with_slip")}

    ## One pain at a time

    ### Two slices that must agree

    `X[positions], y[positions]`. Write `y[start : start + batch_size]` by mistake: the shapes still fit, nothing raises, and each
    sample gets another's target. **Predict**: what does the model learn?

    {notebook.details("Answer", what_it_learns)}
    """)
    return


@app.cell(hide_code=True)
def _():
    mismatch = mo.ui.switch(label="give each sample another's target")
    mismatch
    return (mismatch,)


@app.cell
def _(mismatch, ten_epochs, y):
    not_drawn = "y[start : start + batch_size]"
    mismatched = with_slip("y[positions]", not_drawn)
    loops = {"matched": train_by_hand, "mismatched": mismatched}
    runs = {n: ten_epochs(loop, 32) for n, loop in loops.items()}
    variance = y.var(correction=0).item()

    slices = {"always the mean": [variance] * 10}
    slices["matched"] = runs["matched"][0]
    if mismatch.value:
        slices["mismatched"] = runs["mismatched"][0]
    charts.losses(slices)
    return runs, variance


@app.cell(hide_code=True)
def _(model, runs, true_w, variance):
    # What the two models of the switch have learned, in words.
    lengths = {name: student.weights.norm().item() for name, (_, student) in runs.items()}
    what_it_learns = (
        f"The mean, and nothing else. Its loss falls to {runs['mismatched'][0][-1]:.2f}; a model that always answers with the mean of `y` "
        f"has {variance:.2f}, the variance of `y`. Targets of other samples have nothing to do with the inputs, so the best weights are none: "
        f"their length falls from {model.weights.norm().item():.2f} to {lengths['mismatched']:.2f}, where the matched run ends at "
        f"{lengths['matched']:.2f} and the truth is {true_w.norm().item():.2f}. A curve that falls, and a model that looks away."
    )
    return (what_it_learns,)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("slices")}

    Add sample weights, and there are three slices to keep in step. What belongs together should be cut together. A
    **`Dataset`** is tensors of the same length, and one slice cuts them all. (Its `__init__` only checks them.)

    {notebook.source(Dataset.__getitem__)}
    """)
    return


@app.cell
def _(X, y):
    data = Dataset(X, y)
    three = data[torch.tensor([3, 1, 4])]
    data
    return data, three


@app.cell(hide_code=True)
def _(three):
    mo.md(rf"""
    {notebook.code_above("data")}

    `three` is a tuple: inputs of shape {tuple(three[0].shape)}, and the targets that belong to them, {tuple(three[1].shape)}.

    ### Who decides what a batch is?

    The loop by hand cuts the order itself, by `range(0, len(X), batch_size)`. Write
    `range(0, len(X) - batch_size, batch_size)`, so as not to run over the end, and see what the loop reports of the last epoch in
    batches of 256, beside the loss of the finished model, measured on all samples:
    """)
    return


@app.cell
def _(X, ten_epochs, y):
    short = with_slip("range(0, len(X)", "range(0, len(X) - batch_size")
    cuts = {"all batches": train_by_hand, "one batch short": short}

    def two_losses(train):
        losses, student = ten_epochs(train, 256)
        return losses[-1], mean_squared_error(student(X), y).item()

    cut_losses = {n: two_losses(loop) for n, loop in cuts.items()}
    notebook.table(
        {"loop": name, "reported": reported, "measured": measured}
        for name, (reported, measured) in cut_losses.items()
    )
    return (cut_losses,)


@app.cell(hide_code=True)
def _(cut_losses):
    mo.md(rf"""
    {notebook.code_above("cut_losses")}

    The right loop reports more than its model deserves in the end, since the model got better during the epoch. The other one never
    sees half of its samples, divides by all of them, and so *reports* {cut_losses["one batch short"][0] / cut_losses["one batch short"][1]:.0%} of what is true.

    What a batch is, is not the data's decision: the same samples serve in batches of 8 today and of 512 tomorrow. Nor the
    loop's: it takes a step for whatever comes. It is a decision of its own, made once and tested once, and it gets an object of its
    own. A **`DataLoader`** goes through a data set once each time you iterate it:

    {notebook.source(DataLoader.__iter__)}

    The order is drawn at the moment of `iter`, from the loader's generator, and kept by that one iterator. So two passes at
    once don't disturb each other, and the loader has no position that could be wrong. And this is how the order is cut:

    {notebook.source(DataLoader._batches, DataLoader._cut)}

    The first batch shows how large a sample is. Then the loader gathers a *block* of some thousands of samples in one operation (`_gather` asks
    the data set for these positions, and checks what comes) and cuts the batches from it. They are views of the block, so who wants to keep one for
    long should `clone()` it. You will see further down what the block brings.

    Watch which of 24 samples lands in which batch:
    """)
    return


@app.cell(hide_code=True)
def _():
    order_size = mo.ui.slider(
        start=1, stop=24, value=5, label="samples in a batch", show_value=True
    )
    order_shuffle = mo.ui.switch(value=True, label="shuffle the 24")
    order_drop = mo.ui.switch(label="drop a short last batch")
    mo.vstack([order_size, order_shuffle, order_drop])
    return order_drop, order_shuffle, order_size


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
    charts.batch_order(drawn_batches, 24)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("drawn_batches")}

    Each sample comes once an epoch, in every row. When 24 is no multiple of the batch size, the last batch is shorter.
    `drop_last` leaves it out: then some samples miss the epoch. Shuffled, other ones each time; in order, always the same.

    ### The update

    `p -= learning_rate * p.grad` stands in the loop, so another rule means another loop. It is also less general than it looks.
    Freeze the bias, as one does to train a part of a model:
    """)
    return


@app.cell
def _(X, model, y):
    frozen = copy.deepcopy(model)
    frozen.bias.requires_grad_(False)
    try:
        some = torch.Generator().manual_seed(0)
        task = frozen, mean_squared_error, X, y
        train_by_hand(*task, 1, 32, 0.05, some)
    except TypeError as _error:
        complaint = f"{type(_error).__name__}: {_error}"
    return (complaint,)


@app.cell(hide_code=True)
def _(complaint, means_differ):
    mo.md(rf"""
    {notebook.code_above("complaint")}

    `{complaint}`. A frozen parameter has no gradient. `NaiveTrainer` asked `if p.grad is not None`, inside its loop; this loop
    forgot to. Every loop must remember, unless the rule gets an object that knows the parameters, and which of them have a
    gradient. What the loop needs of it is two verbs. In **`SGD`**, stochastic gradient descent, one is

    {notebook.source(SGD.zero_grad)}

    and the other asks for each parameter what is to be done with it:

    {notebook.source(SGD.step)}

    That is `_update`. (Most of it, like groups and state, is for chapter four: here `weight_decay` and `momentum` are 0, there is one
    group, and the last line is all that happens.)

    {notebook.source(SGD._update)}

    What is stochastic about it? Nothing in this code. The chance is in the batches.

    ### The average

    An epoch's loss is the mean of its batches' losses, isn't it? Take three batches of 32 and a last one that is shorter, and average
    over the samples, and over the batches. **Predict** for which size of the last batch the two means differ most, and for which
    not at all.

    {notebook.details("Answer", means_differ)}


    {notebook.code_above("two_means")}
    """)
    return


@app.function
def two_means(model, last, seed):
    """The mean loss on random data: over batches, and over samples."""
    generator = torch.Generator().manual_seed(seed)
    X, y = make_regression(128, 6, 0.5, generator, bias=2.0)
    with torch.no_grad():
        losses = (model(X) - y).square()[: 96 + last]
    batches = [batch.mean().item() for batch in losses.split(32)]
    return statistics.fmean(batches), losses.mean().item()


@app.cell(hide_code=True)
def _():
    last_batch = mo.ui.slider(
        start=1, stop=32, value=16, label="samples in the last batch", show_value=True
    )
    last_batch
    return (last_batch,)


@app.cell
def _(last_batch, model):
    of_batches, of_samples = two_means(model, last_batch.value, seed=28)
    off = f"{abs(of_batches / of_samples - 1):.1%}"
    notebook.table(
        [
            {"mean over": "samples", "loss": of_samples, "off by": ""},
            {"mean over": "batches", "loss": of_batches, "off by": off},
        ]
    )
    return


@app.cell(hide_code=True)
def _(model):
    # How far the two means are apart, in words: here, and over 300 draws of the data.
    def _off(last, seed):
        of_batches, of_samples = two_means(model, last, seed)
        return abs(of_batches / of_samples - 1)

    _here = {last: _off(last, 28) for last in (1, 16)}
    _middle = {
        last: statistics.median(_off(last, seed) for seed in range(300)) for last in (1, 16)
    }
    means_differ = (
        f"With 32 samples in the last batch not at all. With 16 by {_here[16]:.1%} here; over 300 draws of the data by "
        f"{_middle[16]:.1%} in the middle. With a single one by {_here[1]:.0%} here, and {_middle[1]:.0%} in the middle: that one "
        "sample counts as much as 32 others, so everything depends on which one it is."
    )
    return (means_differ,)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("of_batches")}

    So `total += batch_loss.item() * len(inputs)` is easy to get wrong. Out it goes, into an **`Average`** that is told how many samples
    each value is the mean of:

    {notebook.source(Average)}

    Note what it does *not* do at each step, and the loop by hand did: `item()`. On a GPU that waits for the device, at each of
    160 steps. Once an epoch is enough. (`_zero` is a zero in double precision; where the device has none, a `_TwoTermSum`, which keeps beside
    a sum what its additions have rounded away. The lines around it are for values of odd kinds.)

    ## The loop that is left
    """)
    return


@app.function
def train(model, loss, optimizer, loader, epochs):
    losses = []
    for _ in range(epochs):
        average = Average()
        for inputs, targets in loader:
            optimizer.zero_grad()
            predictions = model(inputs)
            batch_loss = loss(predictions, targets)
            batch_loss.backward()
            optimizer.step()
            average.add(batch_loss, len(inputs))
        losses.append(average.value())
    return losses


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("train")}

    Your five steps, in your order, with names in place of code. This is what has gone, and what came for it:

    {notebook.diff(notebook.code_of(train_by_hand), notebook.code_of(train))}

    Ask of each name whose decision it is. What a batch is, and in which order: the `loader`'s. How a parameter moves: the
    `optimizer`'s. What is averaged, and over whom: the `average`'s. The loop decides one thing: what comes after what. That is
    why a better optimizer or another data set need not touch it. What it can't do yet, chapter three adds.

    Put the pieces together, and compare with the second run that you trained by hand:
    """)
    return


@app.cell
def _(data, first_runs, model):
    student = copy.deepcopy(model)
    same_order = torch.Generator().manual_seed(0)
    losses_again = train(
        student,
        mean_squared_error,
        SGD(student.parameters(), lr=0.05),
        DataLoader(data, 32, shuffle=True, generator=same_order),
        epochs=10,
    )
    bit_for_bit = losses_again == first_runs["by 32"]
    return (bit_for_bit,)


@app.cell(hide_code=True)
def _(bit_for_bit):
    mo.md(rf"""
    {notebook.code_above("losses_again")}

    `losses_again == first_runs["by 32"]` is **{bit_for_bit}**: ten losses, the same to the last bit.

    ## The loop, live

    The same loop, with what it was told in your hands.<span class="kernel-only"> Each move trains it anew.</span>
    """)
    return


@app.cell(hide_code=True)
def _():
    batch_size = mo.ui.slider(
        steps=[8, 16, 32, 64, 128, 256, 512], value=32, label="batch size", show_value=True
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
    mo.vstack([batch_size, learning_rate, epochs, seed, shuffle])
    return batch_size, epochs, learning_rate, seed, shuffle


@app.cell
def _(batch_size, data, epochs, learning_rate, model, seed, shuffle):
    order = torch.Generator().manual_seed(seed.value)
    how = {"shuffle": shuffle.value, "generator": order}
    loader = DataLoader(data, batch_size.value, **how)
    pupil = copy.deepcopy(model)
    optimizer = SGD(pupil.parameters(), lr=learning_rate.value)
    pieces = pupil, mean_squared_error, optimizer, loader
    losses = train(*pieces, epochs.value)
    charts.losses(losses)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("losses")}

    Make the batch smaller and the same epochs hold more steps, so the loss arrives sooner. Now raise the learning rate to 0.7: batches of 8
    diverge, all 512 at once do not. <span class="kernel-only">Move the seed: shuffled, the order of the batches changes, and the curve with it; in order, nothing does.</span>

    ### The equivalence ladder

    As in chapter one: *looking* the same is not enough. Each row holds a piece against what it replaces, at the batch size,
    learning rate and seed of the run above, for at most five epochs. The last row measures the untrained model. The numbers are the largest differences:
    """)
    return


@app.cell(hide_code=True)
def _(X, batch_size, data, epochs, learning_rate, model, seed, y):
    # The rungs: of each two the parameters at the end, and the losses.
    def _():
        some, rate, size = min(epochs.value, 5), learning_rate.value, batch_size.value

        def order():
            return torch.Generator().manual_seed(seed.value)

        def ours(parameters):
            return SGD(parameters, rate)

        def torchs(parameters):
            return torch.optim.SGD(parameters, lr=rate, foreach=False)

        def trained(optimizer, loader):
            moved = copy.deepcopy(model)
            losses = train(
                moved, mean_squared_error, optimizer(moved.parameters()), loader, some
            )
            return numbers_of(moved), losses

        def numbers_of(model):
            return torch.cat([p.detach().flatten() for p in model.parameters()])

        by_hand, naive = copy.deepcopy(model), copy.deepcopy(model)
        naive_losses = (
            NaiveTrainer(naive, mean_squared_error, X, y, NaiveTrainerConfig(some, rate))
            .train()
            .losses
        )
        hand_losses = train_by_hand(
            by_hand, mean_squared_error, X, y, some, size, rate, order()
        )
        shuffled = DataLoader(data, size, shuffle=True, generator=order())
        in_order = DataLoader(data, size)
        theirs = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(X, y), size, generator=order()
        )
        average = Average()
        with torch.no_grad():
            for inputs, targets in DataLoader(data, 48):
                average.add(mean_squared_error(model(inputs), targets), len(inputs))
            at_once = mean_squared_error(model(X), y).item()

        return {
            "`train`, one batch of all": trained(ours, DataLoader(data, len(data))),
            "`NaiveTrainer`": (numbers_of(naive), naive_losses),
            f"`train`, batches of {size}, shuffled": trained(ours, shuffled),
            "the loop by hand": (numbers_of(by_hand), hand_losses),
            "our loader, in order": trained(ours, in_order),
            "torch's loader": trained(ours, theirs),
            "our `SGD`": trained(ours, in_order),
            "torch's `SGD`": trained(torchs, in_order),
            "`Average`, batches of 48": (None, average.value()),
            "all 512 at once": (None, at_once),
        }

    rungs = _()
    return (rungs,)


@app.function(hide_code=True)
def off_by(ours, theirs):
    """The largest difference in words: where both runs left the numbers there is nothing to compare."""
    lost = [not torch.as_tensor(run).isfinite().all() for run in (ours, theirs)]
    return (
        "both diverged" if all(lost) else f"{notebook.largest_difference(ours, theirs):.2g}"
    )


@app.cell(hide_code=True)
def _(rungs):
    # The ladder, a row for two rungs.
    def _():
        names = list(rungs)
        for piece, other in zip(names[::2], names[1::2], strict=True):
            (ours, losses), (theirs, their_losses) = rungs[piece], rungs[other]
            yield {
                "piece": piece,
                "against": other,
                "parameters": "" if ours is None else off_by(ours, theirs),
                "losses": off_by(losses, their_losses),
            }

    notebook.table(_())
    return


@app.cell(hide_code=True)
def _(which_sizes):
    mo.md(rf"""
    The first three rows are equal **bit for bit**: the same arithmetic in the same order. (Shuffled, torch's loader draws an order of its own.) Torch's
    `SGD` multiplies and adds in one rounding where ours rounds twice, so the last digits may differ. The mean over ten batches of 48 and one
    of 32 adds in another order than the mean over all, and `Average` weighs the short one right.

    ### The explorer

    There are two fair ways to compare batch sizes, and they need not give the same winner. At equal **epochs**, all runs have *seen* as much. At
    equal **updates**, all have *moved* as often. **Predict**, for the learning rate at which the chart starts: which batch
    sizes do well at equal epochs, and which at equal updates? (Grey are the other sizes at the same rate.)

    {notebook.details("Answer", which_sizes)}
    """)
    return


@app.cell(hide_code=True)
def _(X, data, model, y):
    # Runs of all batch sizes at all learning rates, the rates side by side.
    def losses_at_rates(batch_size, updates, every):
        w = model.weights.detach().repeat(1, len(rates))
        b = model.bias.detach().repeat(len(rates))
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(data, batch_size, shuffle=True, generator=order)
        losses = [((X @ w + b - y) ** 2).mean(0)]
        batches = chain.from_iterable(repeat(loader))
        for update, (inputs, targets) in enumerate(islice(batches, updates), start=1):
            error = inputs @ w + b - targets
            w -= rates * (2 * inputs.T @ error / len(inputs))
            b -= rates * (2 * error.mean(0))
            if update % every == 0:
                losses.append(((X @ w + b - y) ** 2).mean(0))
        return torch.stack(losses, dim=1)

    rates = torch.tensor([float(f"{2 ** (i / 2):.2g}") for i in range(-20, 1)])
    sizes = [2**i for i in range(10)]
    by_epoch = torch.stack(
        [losses_at_rates(size, 12 * 512 // size, 512 // size) for size in sizes]
    )
    by_update = torch.stack([losses_at_rates(size, 192, 8) for size in sizes])
    least = oracle.quadratic(X, y, *model.parameters()).least_loss
    charts.batch_size_explorer(by_epoch, by_update, rates.tolist(), 8, least)
    return by_epoch, by_update, rates, sizes


@app.cell(hide_code=True)
def _(by_epoch, by_update, rates, sizes):
    # Which batch sizes do well, in words.
    def _():
        start = len(rates) // 2
        last = by_epoch[..., -1].nan_to_num(nan=math.inf)

        def good(runs):
            ends = runs[:, start, -1].nan_to_num(nan=math.inf).tolist()
            return [sizes[i] for i, loss in enumerate(ends) if loss < 1.02 * min(ends)]

        epochs, updates = good(by_epoch), good(by_update)
        suited = rates[last.argmin(1)]
        ends = last.min(1).values
        return (
            f"At a learning rate of {rates[start]:.2g}, batches of {epochs[0]} to {epochs[-1]} get within 2 % of the best at equal epochs: smaller ones "
            "tremble too much, larger ones move too seldom. At equal updates it is batches of "
            f"{updates[0]} to {updates[-1]}: nothing speaks against a large batch but its price.\n\n"
            "Now let each batch size have the learning rate that suits it, and after 12 epochs all of them have the same loss "
            f"to {ends.max() / ends.min() - 1:.2%}. That rate is {suited[0]:.2g} for single samples and {suited[-1]:.2g} for batches "
            "of 512: twice the batch, about twice the rate. A step's noise grows with the learning rate and shrinks with the batch size."
        )

    which_sizes = _()
    return (which_sizes,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Break it yourself: sorted by class, not shuffled

    Two clouds of points, a hundred of each class, and a linear model that is to give 0 for the one and 1 for the other. In
    the file the classes come one after the other, as they so often do. What does an epoch in the file's order do? Measure the loss
    on all samples, with the model standing still, before each epoch and after the last.
    """)
    return


@app.cell(hide_code=True)
def _():
    in_file_order = mo.ui.switch(label="take the samples in the file's order")
    in_file_order
    return (in_file_order,)


@app.cell
def _(in_file_order):
    classes = torch.cat([torch.zeros(100, 1), torch.ones(100, 1)])
    noise = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    clouds = Dataset(2 * classes - 1 + noise, classes)

    def train_on_clouds(shuffle):
        model = LinearRegression(2, torch.Generator().manual_seed(0))
        optimizer = SGD(model.parameters(), lr=0.2)
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(clouds, 20, shuffle=shuffle, generator=order)
        pieces = model, mean_squared_error, optimizer, loader

        def measure():
            points, classes = clouds.tensors
            return mean_squared_error(model(points), classes).item()

        reported, measured = [], [measure()]
        for _ in range(15):
            reported += train(*pieces, epochs=1)
            measured.append(measure())
        return reported, measured

    shuffled = train_on_clouds(shuffle=True)
    ordered = train_on_clouds(shuffle=False)
    cloud_runs = {"shuffled": NaiveTrainerResult(shuffled[1], [])}
    if in_file_order.value:
        cloud_runs["in order"] = NaiveTrainerResult(ordered[1], [])
        cloud_runs["as reported"] = ordered[0]
    charts.losses(cloud_runs)
    return ordered, shuffled


@app.cell(hide_code=True)
def _(loader_operations, loader_times, operations, ordered, shuffled):
    mo.md(rf"""
    {notebook.code_above("cloud_runs")}

    {notebook.details("What happens in the file's order?", f"The loss on all samples ends at {ordered[1][-1]:.3f} instead of {shuffled[1][-1]:.3f}. Five batches of the first class teach the model to say 0, five of the second to say 1, and each epoch ends with the second. The loss that the loop *reports*, {ordered[0][-1]:.3f}, hides it: most batches look like the one before, for which the model was corrected a moment ago. A batch is a sample of the data only if it is drawn like one.")}

    ## What it costs

    ### In operations

    The loop by hand and the loop over the pieces, for one epoch of 16 batches. What each asks of torch, counted:

    {notebook.table({"loop": name, "operations": n} for name, n in operations.items())}

    The pieces ask for *less*: the loader gathers a block where the loop by hand gathers each batch on its own, and `Average` reads its number
    once.

    ### Where a loader's time goes

    On tensors that are already in memory, our loader and `torch.utils.data.DataLoader` do the same job. In `make bench` ({loader_times.setting}, shuffled; on
    {loader_times.machine}, with one thread) torch's takes **{charts.times(loader_times.ratios["torch"])}** the time of ours, and not by a trick. Here is torch's
    work for your 512 samples in batches of 32, one step more in each row, counted again:

    {notebook.table({"what": name, "operations": n} for name, n in loader_operations.items())}

    Torch's loader takes [each sample by itself](https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/_utils/fetch.py#L48-L57): two tensors of one row, for every one of them. Then it
    [stacks](https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/_utils/collate.py#L246-L275) what was stacked to begin with. By default it must assume nothing: samples may be files, images, sentences of
    any length. (A data set may offer `__getitems__` to fetch a batch at once; `TensorDataset` does not.) Ours asks the data set for
    thousands of rows in *one* operation and cuts them into views. It can, because its samples are rows. The
    generality costs the factor; where fetching a sample means decoding an image, you would not notice it.
    """)
    return


@app.cell(hide_code=True)
def _(X, data, model, y):
    # What is counted: the two loops, and two loaders.
    def _by_hand(moved):
        order = torch.Generator().manual_seed(0)
        train_by_hand(moved, mean_squared_error, X, y, 1, 32, 0.1, order)

    def _over_pieces(moved):
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(data, 32, shuffle=True, generator=order)
        train(moved, mean_squared_error, SGD(moved.parameters(), 0.1), loader, 1)

    def _positions():
        order = torch.Generator().manual_seed(0)
        sampler = torch.utils.data.RandomSampler(data, generator=order)
        return list(torch.utils.data.BatchSampler(sampler, 32, drop_last=False))

    def _samples():
        theirs = torch.utils.data.TensorDataset(X, y)
        return [[theirs[i] for i in batch] for batch in _positions()]

    def _through(loaders, dataset):
        order = torch.Generator().manual_seed(0)
        return list(loaders(dataset, 32, shuffle=True, generator=order))

    def _torchs():
        theirs = torch.utils.data.TensorDataset(X, y)
        return _through(torch.utils.data.DataLoader, theirs)

    def _counted(ways):
        return {name: count_operations(way).total() for name, way in ways.items()}

    operations = _counted(
        {
            "by hand": partial(_by_hand, copy.deepcopy(model)),
            "over the pieces": partial(_over_pieces, copy.deepcopy(model)),
        }
    )
    loader_operations = _counted(
        {
            "draw positions": _positions,
            "… and fetch each sample": _samples,
            "… and stack them: torch's loader": _torchs,
            "our loader": partial(_through, DataLoader, data),
        }
    )
    loader_times = notebook.measured("loader", "100,000 × 6, batches of 32")
    return loader_operations, loader_times, operations


@app.cell(hide_code=True)
def _():
    # Ten losses, averaged in two ways.
    ten_losses = torch.arange(10.0) ** 2
    weighed = Average()
    for part in ten_losses.split(4):
        weighed.add(part.mean(), len(part))
    of_means = statistics.fmean(part.mean().item() for part in ten_losses.split(4))
    return of_means, weighed


@app.cell(hide_code=True)
def _(of_means, weighed):
    mo.md(rf"""
    ## In the frameworks

    Who makes the batch, who zeroes, who averages? Four frameworks, by their names and with their defaults; the links lead to the very lines.

    | what | here | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 |
    | :--- | :--- | :--- | :--- |
    | makes the batches | you: a `DataLoader` | you: [loaders at `fit`][lt-fit], of [1][pt-loader] | [the trainer][hf-loader], of [8][hf-batch] a device |
    | shuffles | you: `shuffle=True` | you; on several devices [it does][lt-shuffle] | the trainer: [`RandomSampler`][hf-shuffle] |
    | the short last batch | kept | [kept][pt-loader] | [kept][hf-drop] |
    | zeroes the gradients | the loop, first of all | the [closure][lt-step], between loss and `backward` | the loop, [after the update][hf-zero] |
    | an epoch's training loss | over samples | if logged `on_epoch`: [over samples][lt-mean] | [mean of batch means][hf-mean] |

    | what | [torchtitan][tt] 0.2.2 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- |
    | makes the batches | [the trainer][tt-data], of [8][tt-batch] a device | an adapter of the arrays at `fit`, of [32][ke-32] |
    | shuffles | nobody: the [order of the stream][tt-stream] | [`fit(shuffle=True)`][ke-fit]: [`RandomSampler`][ke-shuffle] |
    | the short last batch | none: the stream [starts again][tt-infinite] | [kept][ke-last] |
    | zeroes the gradients | [`train_step`][tt-zero], first of all | [`train_step`][ke-zero], between prediction and loss |
    | an epoch's training loss | none; a step's, [over its tokens][tt-scale] | [over samples][ke-loss] |

    **The batch size** has a default everywhere but here, from torch's 1 to 32. It is part of what you train, so here you say it.
    **Shuffling** is yours, the trainer's or nobody's, and on several devices Lightning [shuffles the training data][lt-shuffle] even where your loader does
    not. **The short last batch** is where the averages part: Lightning and Keras weigh each batch by its samples, `transformers` does not.
    For ten samples whose losses are 0, 1, 4, 9, … 81, in batches of 4, 4 and 2, the first gives {weighed.value():.1f} and the other {of_means:.1f}. **Zeroing** stands in
    four places among the five, and any will do between an update and the next `backward`.

    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-batch]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L777
    [hf-drop]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L1320-L1322
    [hf-loader]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L916-L934
    [hf-mean]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1997-L2000
    [hf-shuffle]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1142-L1145
    [hf-zero]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1946
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-32]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L85-L93
    [ke-fit]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L175-L193
    [ke-last]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L300-L305
    [ke-loss]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L57-L62
    [ke-shuffle]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L292-L311
    [ke-zero]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L50-L52
    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-fit]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L522-L530
    [lt-mean]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/logger_connector/result.py#L231-L252
    [lt-shuffle]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/data_connector.py#L478-L494
    [lt-step]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/optimization/automatic.py#L128-L142
    [pt-loader]: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/data/dataloader.py#L255-L270
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-batch]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L253-L259
    [tt-data]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L126-L135
    [tt-infinite]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/hf_datasets/text_datasets.py#L174
    [tt-scale]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L533-L538
    [tt-stream]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/hf_datasets/text_datasets.py#L112-L145
    [tt-zero]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L550
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your turn

    Two pieces to write.<span class="kernel-only"> Replace `raise NotImplementedError` and run the cell: the verdict under it tells what is
    still wrong.</span><span class="page-only"> In the notebook (`make edit`) you replace `raise NotImplementedError`, and a verdict tells what is
    still wrong.</span> The solutions are folded away.

    ### A loader of your own

    Give what `DataLoader(…, shuffle=True, drop_last=True)` gives: pairs `(inputs, targets)` of `batch_size` samples each, one by one with `yield` or all in
    a list, and no short batch at the end. Draw one order for all of them by `torch.randperm`, from `generator`. There is at least one full batch.
    """)
    return


@app.function
def draw_batches(X, y, batch_size, generator):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_loader(attempt):
        for samples, batch_size in ((12, 4), (11, 4), (5, 5), (7, 1)):
            X, y = make_regression(
                samples, 2, generator=torch.Generator().manual_seed(samples)
            )
            before = X.clone(), y.clone()
            order = torch.randperm(samples, generator=torch.Generator().manual_seed(0))
            right = order[: samples - samples % batch_size].split(batch_size)
            what = f"{samples} samples in batches of {batch_size}"
            batches = attempt(X, y, batch_size, torch.Generator().manual_seed(0))
            if not hasattr(batches, "__iter__"):
                return "Give the batches one by one, with `yield`, or in a list."
            batches = list(islice(batches, len(right) + 1))
            for batch in batches:
                if not isinstance(batch, tuple | list) or len(batch) != 2:
                    return "Each batch should be a pair `(inputs, targets)`."
                if not all(isinstance(part, torch.Tensor) and part.dim() for part in batch):
                    return "Inputs and targets of a batch should be tensors with a row a sample."
            if len(batches) > len(right):
                return f"{what} make {len(right)} without a short one, but you give more."
            for (inputs, targets), positions in zip(batches, right, strict=False):
                if {len(inputs), len(targets)} != {batch_size}:
                    return f"With {what} each should have {batch_size}, but one has {len(inputs)} inputs and {len(targets)} targets."
                if not torch.equal(inputs, before[0][positions]):
                    return f"With {what} the inputs are not those of one `torch.randperm` from the generator, in its order."
                if not torch.equal(targets, before[1][positions]):
                    return "The inputs are right, but the targets belong to other samples."
            if len(batches) < len(right):
                return f"{what} make {len(right)}, but you give {len(batches)}."
            if not (torch.equal(X, before[0]) and torch.equal(y, before[1])):
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
    ### A fair shard

    Chapter eight will train on many devices, each with its part of the batches. Give process `rank` of `world`, counted from 0, every `world`-th
    batch of a `DataLoader`, from number `rank` on, one by one or in a list. *Every process gets the same number*: batches that are left over at the end go to
    nobody. (Who has one batch more would wait for the others for ever.)
    """)
    return


@app.function
def shard(loader, rank, world):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_shard(attempt):
        for batches, world in ((6, 2), (7, 2), (8, 3), (2, 3), (5, 1)):
            numbers = torch.arange(batches).repeat_interleave(2)
            loader = DataLoader(Dataset(numbers, numbers), 2)
            rounds = batches // world
            for rank in range(world):
                answer = attempt(loader, rank, world)
                if not hasattr(answer, "__iter__"):
                    return "Give the batches one by one, with `yield`, or in a list."
                given = []
                for batch in islice(answer, batches + 1):
                    parts = list(batch) if isinstance(batch, tuple | list) else [batch]
                    if not all(isinstance(part, torch.Tensor) for part in parts):
                        return (
                            "Give the batches themselves, not their numbers or positions."
                        )
                    if [part.tolist() for part in parts] != 2 * [2 * [int(parts[0].max())]]:
                        return "Give whole batches, as they come from the loader."
                    given.append(int(parts[0][0]))
                expected = [rank + world * i for i in range(rounds)]
                if given != expected:
                    return f"Of batches 0 to {batches - 1}, process {rank} of {world} should get {expected}, but it gets {given}."
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

    You have a loop of a dozen lines over four pieces. You know what the pieces hide, that they ask torch for less than the loop by hand
    did, and that they compute the same.

    What you don't know is whether your model is any good. Every number in this chapter was measured on the samples that it was trained
    on. Chapter three asks **did it learn, or memorise?**, and makes of the twelve lines a trainer that can tell.

    ## Sources

    - Léon Bottou, Frank Curtis and Jorge Nocedal, [*Optimization Methods for Large-Scale Machine
      Learning*](https://arxiv.org/abs/1606.04838), SIAM Review 60(2), 2018: why and when stochastic gradients pay.
    - William Cochran, *Sampling Techniques*, 3rd edition, Wiley 1977: section 2.6, the finite population correction.
    - The PyTorch documentation: [`torch.utils.data`](https://docs.pytorch.org/docs/stable/data.html).
    """)
    return


if __name__ == "__main__":
    app.run()
