import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="1 · Linear regression — From the Ground Up",
    css_file="style.css",
    html_head_file="01_linear_regression.head.html",
)

with app.setup(hide_code=True):
    import copy
    from itertools import pairwise

    import marimo as mo
    import torch
    from torch import nn

    import groundup
    from groundup import (
        MLP,
        LinearRegression,
        NaiveTrainer,
        NaiveTrainerConfig,
        NaiveTrainerResult,
        charts,
        count_operations,
        make_regression,
        notebook,
        oracle,
        sweep,
    )

    # On tensors this small a second thread costs more than it brings,
    # most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 1 · Linear regression

    **What does a trainer hide?**

    This is the first chapter of *From the Ground Up*, a series that rebuilds the training code of deep learning: not
    the networks, but the loop around them. You start from a loop over a `w` and a `b`. You end with a `NaiveTrainer`
    that trains any module on any loss. At each step between, ask three questions:

    1. What did this abstraction hide?
    2. What did it cost?
    3. How do I know that it still computes the same?

    The regression itself is easy on purpose. Its answer is known in closed form, so you can check everything.
    <span class="page-only">This is a published page. Its controls play recordings; in the notebook (`make edit`) every loop trains again.</span>

    How to read it: **predict** before you unfold an answer, **drag** every slider, and **break** what has a switch.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    ## Data

    You need data whose answer you know. `make_regression` draws features $X$, multiplies them with weights $w$, and
    adds a bias $b$ and some noise:

    $$\begin{{aligned}} y &= Xw + b + 0.1\,\varepsilon \\ X_{{ij}},\ \varepsilon_i &\sim \mathcal N(0, 1) \end{{aligned}}$$

    All random numbers come from a generator with a seed in sight: run the cell again and you get the same data.

    {notebook.imports()}
    """)
    return


@app.cell
def _():
    generator = torch.Generator().manual_seed(42)
    true_w = torch.randn(6, 1, generator=generator)
    true_b = torch.tensor([0.5])

    truth = {"weights": true_w, "bias": true_b.item()}
    X, y = make_regression(4096, 6, generator=generator, **truth)
    f"X {tuple(X.shape)}, y {tuple(y.shape)}"
    return X, true_b, true_w, y


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("X")}

    `make_regression` checks what it gets, draws $X$ and $\varepsilon$, and puts them together. No listing in this series
    is a copy: the notebook asks the package for its source.

    {notebook.details("The source of make_regression", notebook.source(make_regression))}

    ## The imperative loop

    The model has two tensors: six weights and a bias. Keep them in a tuple and count the numbers that training may
    change. The weights start at random, from a seed of their own.
    """)
    return


@app.cell
def _():
    w = torch.randn(6, 1, generator=torch.Generator().manual_seed(0))
    b = torch.zeros(1)
    params = (w, b)

    sum(p.numel() for p in params)
    return b, w


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("params")}

    A prediction is one line, and so is the **loss**: the mean of the squared errors.
    """)
    return


@app.function
def predict(X, w, b):
    return X @ w + b


@app.function
def mean_squared_error(y_pred, y_true):
    return ((y_pred - y_true) ** 2).mean()


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("predict", "mean_squared_error")}

    Now the loop. Each pass over the data, an **epoch**, takes five steps:

    1. **Zero the gradients.** `backward` *adds* to `.grad`, so what the last epoch left there has to go.
    2. **Predict.**
    3. **Loss.** One number that says how wrong the predictions are.
    4. **Backward.** Fills `p.grad` with the derivative of the loss by each parameter.
    5. **Update.** Move each parameter a little against its gradient: $p \leftarrow p - \eta\,\partial L/\partial p$,
       with the **learning rate** $\eta$.

    Every epoch uses all 4096 samples at once: this is gradient descent, but not yet *stochastic* gradient descent.
    """)
    return


@app.function
def train_by_hand(X, y, w, b, epochs, learning_rate):
    w = w.clone().requires_grad_()
    b = b.clone().requires_grad_()
    losses, parameters = [], []
    for _ in range(epochs):
        for p in (w, b):  # 1. zero the gradients
            p.grad = None
        y_pred = predict(X, w, b)  # 2. predict
        loss = mean_squared_error(y_pred, y)  # 3. loss
        loss.backward()  # 4. backward
        with torch.no_grad():  # 5. update
            for p in (w, b):
                p -= learning_rate * p.grad
        losses.append(loss.item())
        copies = tuple(p.detach().clone() for p in (w, b))
        parameters.append(copies)
    return {"losses": losses, "parameters": parameters}


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("train_by_hand")}

    Two lines deserve a second look.

    **`torch.no_grad()` around the update.** The update is arithmetic on tensors that require gradients. Without
    `no_grad`, autograd would record it, and the parameter would become the result of an operation instead of a **leaf**,
    a tensor that you made and whose `.grad` gets filled. So torch refuses to change such a leaf in place. Older code
    writes `p.data -= …` instead: that reaches around autograd, which then can't notice a change that it should know of.

    **`w.clone()` at the top.** The loop changes its parameters in place. Without the copy, a second call would go on
    from where the first one stopped, and a slider moved back would not bring the old curve back.

    ### How large may the learning rate be?

    **Predict** before you drag. A larger learning rate takes larger steps. From which one on does the loss run away
    instead of falling? <span class="controls-only">Set your guess.</span>
    """)
    return


@app.cell(hide_code=True)
def _():
    guess = mo.ui.slider(
        start=0.05, stop=3.0, step=0.05, value=0.3, label="my guess", show_value=True
    )
    guess
    return (guess,)


@app.cell(hide_code=True)
def _():
    epochs = mo.ui.slider(start=1, stop=60, value=10, label="epochs", show_value=True)
    learning_rate = mo.ui.slider(
        steps=sorted([0.9, 0.95, *(float(f"{10 ** (i / 16):.3g}") for i in range(-48, 9))]),
        value=0.1,
        label="learning rate",
        show_value=True,
    )
    mo.vstack([learning_rate, epochs])
    return epochs, learning_rate


@app.cell
def _(X, b, epochs, learning_rate, true_b, true_w, w, y):
    chosen = epochs.value, learning_rate.value
    by_hand = train_by_hand(X, y, w, b, *chosen)
    charts.training(NaiveTrainerResult(**by_hand), (true_w, true_b))
    return


@app.cell(hide_code=True)
def _(X, guess):
    # The answer, which depends on the guess.
    _limit = oracle.largest_stable_learning_rate(X)
    _side = (
        "too low"
        if guess.value < 0.95 * _limit
        else "too high"
        if guess.value > 1.05 * _limit
        else "close"
    )
    _answer = notebook.details(
        "Answer",
        f'At **{_limit:.3f}**. <span class="controls-only">Your guess of {guess.value:g} was {_side}.</span> Nothing in the '
        "loop tells you so; it is a number that the data sets. Where it comes from you will see once you have a trainer.",
    )

    mo.md(f"""
    {notebook.code_above("by_hand")}

    Dashed are the true values. Drag the learning rate up until the loss rises instead of falling. Just past that point a
    run needs many epochs to show it: the loss falls first, and turns. Drag back, and the same curves return, digit for
    digit.

    {_answer}

    The loss at epoch 0 is the loss *before* the first update; the parameters at epoch 1 are those *after* it.

    ## Break it yourself

    Each line of the loop is there for a reason. To see it, replace a line and train with what is left. The function takes
    the loop's own source, so nothing else can differ:
    """)
    return


@app.function
def train_with(changes, *arguments):
    lines = notebook.code_of(train_by_hand).splitlines()
    for number, code in changes.items():
        line = lines[number - 1]
        indent = line[: len(line) - len(line.lstrip())]
        lines[number - 1] = indent + code
    names = dict(train_by_hand.__globals__)
    exec("\n".join(lines), names)
    return names["train_by_hand"](*arguments)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("train_with")}

    {notebook.numbered(train_by_hand)}

    ### Forget to zero the gradients

    That is `pass` in line 7. **Predict** first. `backward` adds to `.grad`. If nobody zeroes it, each update also repeats
    all the gradients before it. Is the loss lower after 40 epochs, higher, or the same?
    """)
    return


@app.cell(hide_code=True)
def _():
    forget_to_zero = mo.ui.switch(label="forget to zero the gradients")
    forget_to_zero
    return (forget_to_zero,)


@app.cell
def _(X, b, forget_to_zero, w, y):
    zeroed = train_with({}, X, y, w, b, 40, 0.1)
    not_zeroed = train_with({7: "pass"}, X, y, w, b, 40, 0.1)
    neglected = {"zeroed": zeroed}
    if forget_to_zero.value:
        neglected["not zeroed"] = not_zeroed
    runs = {n: NaiveTrainerResult(**r) for n, r in neglected.items()}
    charts.losses(runs)
    return not_zeroed, zeroed


@app.cell(hide_code=True)
def _(not_zeroed, zeroed):
    # The answer, whichever way the switch stands.
    _zeroed, _forgotten = zeroed["losses"], not_zeroed["losses"]
    _rises = sum(later > earlier for earlier, later in pairwise(_forgotten))
    _answer = notebook.details(
        "Answer",
        f"Higher: {_forgotten[-1]:.3g} after 40 epochs, where zeroing gives {_zeroed[-1]:.3g}, and on the way it rises "
        f"in {_rises} of 39 epochs. Summed gradients are a velocity: the parameters fall into the valley and, with "
        "nothing to slow them, roll up the other side and back. Add friction, and you have invented *momentum*. That is "
        "chapter four.",
    )

    mo.md(rf"""
    {notebook.code_above("neglected")}

    {_answer}

    ### Store what is not yours

    Lines 14 and 15 store numbers. Two shortcuts look as good. `detach()` gives a tensor without a graph; it does not give
    a tensor with numbers of its own. And `loss` without `.item()` is a tensor at the end of a graph, which stays alive for
    as long as your list does.
    """)
    return


@app.cell(hide_code=True)
def _():
    without_copying = mo.ui.switch(label="store the parameters without copying them")
    with_graph = mo.ui.switch(label="store the loss with its graph")
    mo.vstack([without_copying, with_graph])
    return with_graph, without_copying


@app.cell
def _(X, b, true_b, true_w, w, with_graph, without_copying, y):
    shortcuts = {}
    if with_graph.value:
        shortcuts[14] = "losses.append(loss)"
    if without_copying.value:
        shortcuts[15] = "copies = (w.detach(), b.detach())"
    stored = train_with(shortcuts, X, y, w, b, 40, 0.1)
    history = NaiveTrainerResult(parameters=stored["parameters"])
    charts.trajectories(history, (true_w, true_b))
    return (stored,)


@app.cell(hide_code=True)
def _(stored):
    mo.md(rf"""
    {notebook.code_above("stored")}

    The {len(stored["parameters"])} entries that were stored for $w$ live in
    **{len({w.data_ptr() for w, _ in stored["parameters"]})}** different places in memory.
    **{sum(hasattr(loss, "grad_fn") for loss in stored["losses"])}** graphs are alive.

    {
        notebook.details(
            "Stored without copying, the trajectories turn flat. Why?",
            "All 40 entries are one tensor under 40 names. Each update changes it in place, and with it the whole history. "
            "When the loop is over, every epoch shows the last one. Nothing raises, and the loss curve looks as it should. A "
            "stored graph shows in no curve at all: only memory grows.",
        )
    }

    ## Abstractions, one pain at a time

    ### "Now add a second layer"

    Your manager asks for a hidden layer, so there is another `w` and another `b`. What will the loop say?

    {notebook.code_above("outcome")}
    """)
    return


@app.function
def outcome(call):
    try:
        return repr(call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@app.cell
def _(X, b, w, y):
    w2, b2 = torch.ones(1, 1), torch.zeros(1)
    outcome(lambda: train_by_hand(X, y, w, b, w2, b2, 10, 0.1))
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("w2")}

    You could answer in three ways, all of them bad:

    - **Longer signatures.** Every layer changes every function that handles parameters: `predict`, the loop, the
      storing, the saving.
    - **A list, `params[3]`.** One signature for ever, and nobody knows what number three is.
    - **Globals.** `predict(X)` reads `w1` from the air. It works until there are two models.

    What you want is one thing that knows its parameters by name, finds them in its parts, and can be called. That is
    **`nn.Module`**. Assigning an **`nn.Parameter`** to an attribute registers it; so does assigning another module.

    {notebook.source(LinearRegression)}

    What else registers? Ask a module that has one of each:
    """)
    return


@app.cell
def _():
    class Collection(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.linear = LinearRegression(6, torch.Generator())
            self.offset = torch.zeros(1, requires_grad=True)
            self.hidden = [nn.Parameter(torch.ones(1))]

    collection = Collection()
    names = [name for name, _ in collection.named_parameters()]
    notebook.table({"registered": name} for name in names)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("collection")}

    The plain tensor and the list are missing, and nothing complains: they would never be trained. (`nn.ParameterList` is a
    list that registers.)

    The loop now takes a model and asks *it* for the parameters:
    """)
    return


@app.function
def train_module(model, X, y, epochs, learning_rate):
    losses, parameters = [], []
    for _ in range(epochs):
        for p in model.parameters():  # 1. zero the gradients
            p.grad = None
        y_pred = model(X)  # 2. predict
        loss = mean_squared_error(y_pred, y)  # 3. loss
        loss.backward()  # 4. backward
        with torch.no_grad():  # 5. update
            for p in model.parameters():
                p -= learning_rate * p.grad
        losses.append(loss.item())
        copies = tuple(p.detach().clone() for p in model.parameters())
        parameters.append(copies)
    return {"losses": losses, "parameters": parameters}


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("train_module")}

    What changed, computed from the two sources:

    {notebook.diff(notebook.code_of(train_by_hand), notebook.code_of(train_module))}

    `w` and `b` are gone. What is hidden now: which tensors exist, and how many. Note one more change, because nobody
    announces it: the copies at the top are gone too. The loop trains the module that you hand it, *in place*. That is
    the convention of the whole field, and the reason why you will copy models in the cells below.

    ### Numbers that belong together, and an answer with names

    Call it carelessly, three times:
    """)
    return


@app.cell
def _(X, y):
    model = LinearRegression(6, torch.Generator().manual_seed(0))

    def careless(epochs, learning_rate, wanted="losses"):
        trained = copy.deepcopy(model)
        run = train_module(trained, X, y, epochs, learning_rate)
        return [round(number, 2) for number in run[wanted]]

    slips = {
        "sign": lambda: careless(3, -0.1),
        "order": lambda: careless(0.1, 3),
        "name": lambda: careless(3, 0.1, "loses"),
    }
    calls = slips.items()
    notebook.table({"slip": s, "gives": outcome(c)} for s, c in calls)
    return (model,)


@app.cell(hide_code=True)
def _():
    # What the config refuses, tried out.
    _refusals = notebook.table(
        {
            "arguments": f"`{arguments}`",
            "outcome": outcome(lambda a=arguments: NaiveTrainerConfig(**a)),
        }
        for arguments in [
            {"epochs": 3, "learning_rate": 0.1},
            {"epochs": 3, "learning_rate": -0.1},
            {"epochs": 0.1, "learning_rate": 3},
        ]
    )

    mo.md(rf"""
    {notebook.code_above("model")}

    The wrong sign trains away from the solution without a word, swapped numbers raise far from the mistake, and the
    misspelt name raises when the run, however long, is over. So put the numbers into a **config**: one object, checked
    once, printed in one line, saved in one file. A frozen dataclass is enough.

    {notebook.source(NaiveTrainerConfig)}

    {_refusals}

    And the answer into a **result object**, with attributes that an editor can complete and a checker can check, and a
    line of its own when a cell ends in it.

    {notebook.source(NaiveTrainerResult)}

    `transformers` returns a [`TrainOutput`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_utils.py#L260-L263)
    whose `training_loss` is *one* number, the mean over the run; the curve is logged elsewhere, in
    `trainer.state.log_history`. Ours keeps the curve and the trajectories, which you can afford with seven parameters.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    ### The trainer

    What remains is a loop that needs a model, a loss, data and a config. Put them into an object, and the loop into a
    method:

    {notebook.source(NaiveTrainer)}

    Beside the loop over a module little is new. The loss is whatever you hand over, and parameters that are frozen, or
    that the loss does not reach, stay as they are:

    {notebook.diff(notebook.code_of(train_module), notebook.code_of(NaiveTrainer.train))}

    **Why do `X` and `y` go into `__init__`?** If you like functions, it looks odd: data is an argument, so why not
    `train(X, y)`? Because a trainer is not a function but an *orchestrator*. Before a run it has to set things up: check
    what can be seen without running the model (now, not after an hour), build loaders, and later send shards of the data
    to a mesh of devices. All of that needs the data, and none of it is training. So `__init__` prepares, and `train()`
    only launches.

    Who brought the trainer? Lightning had a
    [`Trainer` class](https://github.com/Lightning-AI/pytorch-lightning/blob/0.0.2/pytorch_lightning/models/trainer.py#L10) in
    its first releases in March 2019. `transformers` added
    [its own](https://github.com/huggingface/transformers/blob/v2.9.0/src/transformers/trainer.py) with version 2.9.0 in
    May 2020, and made it a habit: data sets go into `__init__`, and `train()` takes almost nothing. Lightning chose
    otherwise. Its `Trainer` holds *how* to train, and data arrives at `fit(model, dataloaders)`, so that one trainer can
    serve several models. Keras and scikit-learn take data at `fit`, too.

    From here on the loss is the package's, your line behind a check:

    {notebook.source(groundup.mean_squared_error)}

    Shapes `(n,)` and `(n, 1)` would give `(n, n)` without a word. You will see below what that does to a curve.

    ## The loop, again

    The same run as by hand<span class="controls-only">, on the same two sliders</span>, now with the trainer behind it.
    """)
    return


@app.cell(hide_code=True)
def _():
    trainer_epochs = mo.ui.slider(
        start=1, stop=60, value=10, label="epochs", show_value=True
    )
    trainer_rate = mo.ui.slider(
        steps=sorted([0.9, 0.95, *(float(f"{10 ** (i / 16):.3g}") for i in range(-48, 9))]),
        value=0.1,
        label="learning rate",
        show_value=True,
    )
    mo.vstack([trainer_rate, trainer_epochs])
    return trainer_epochs, trainer_rate


@app.cell
def _(X, model, trainer_epochs, trainer_rate, true_b, true_w, y):
    trainer = NaiveTrainer(
        copy.deepcopy(model),
        groundup.mean_squared_error,
        X,
        y,
        NaiveTrainerConfig(trainer_epochs.value, trainer_rate.value),
    )
    result = trainer.train()
    charts.training(result, (true_w, true_b))
    return (result,)


@app.cell(hide_code=True)
def _(result):
    mo.md(rf"""
    {notebook.code_above("trainer")}

    The result says of itself: `{result}`.

    ### The equivalence ladder

    The curves look like those of the loop by hand. *Looking* the same is not enough, so climb a ladder: six ways of
    training the same model on the same data from the same start, each held against the one before it and against the
    last. That one, the **closed form**, needs no loop at all: a formula, derived below, gives the parameters after any
    number of epochs. The one before it is `sweep`, which trains many learning rates at once, each in a **lane** of its
    own; here it has one. Another is torch's own optimizer:
    """)
    return


@app.function
def train_with_sgd(model, X, y, epochs, learning_rate):
    result = NaiveTrainerResult()
    optimizer = torch.optim.SGD(model.parameters(), learning_rate)
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = mean_squared_error(model(X), y)
        loss.backward()
        optimizer.step()
        result.losses.append(loss.item())
        copies = tuple(p.detach().clone() for p in model.parameters())
        result.parameters.append(copies)
    return result


@app.cell(hide_code=True)
def _(X, b, model, w, y):
    # The six ways, and the operations that a step of each takes.
    def _fresh():
        return copy.deepcopy(model)

    def _trainer(epochs, rate):
        config = NaiveTrainerConfig(epochs, rate)
        return NaiveTrainer(_fresh(), groundup.mean_squared_error, X, y, config).train()

    def _lane(epochs, rate):
        swept = sweep(model, groundup.mean_squared_error, X, y, [rate], epochs)
        path = list(zip(*(p[0] for p in swept.parameters), strict=True))
        return NaiveTrainerResult(swept.losses[0].tolist(), path)

    rungs = {
        "the bare loop": lambda epochs, rate: NaiveTrainerResult(
            **train_by_hand(X, y, w, b, epochs, rate)
        ),
        "the loop over a module": lambda epochs, rate: NaiveTrainerResult(
            **train_module(_fresh(), X, y, epochs, rate)
        ),
        "`NaiveTrainer`": _trainer,
        "`torch.optim.SGD`": lambda epochs, rate: train_with_sgd(
            _fresh(), X, y, epochs, rate
        ),
        "one lane of `sweep`": _lane,
        "the closed form": lambda epochs, rate: oracle.closed_form_path(
            X, y, w, b, rate, epochs
        ),
    }

    def _operations_of_a_step(run):
        """One more epoch is one more step: what is set up before the loop cancels out."""
        return (
            count_operations(lambda: run(2, 0.1)) - count_operations(lambda: run(1, 0.1))
        ).total()

    operations = {
        name: _operations_of_a_step(run)
        for name, run in rungs.items()
        if name != "the closed form"
    }
    return operations, rungs


@app.cell(hide_code=True)
def _(operations, result, rungs, trainer_epochs, trainer_rate):
    # One of the six runs is already there: the chart above shows it.
    _runs = {
        name: result
        if name == "`NaiveTrainer`"
        else run(trainer_epochs.value, trainer_rate.value)
        for name, run in rungs.items()
    }
    _exact = _runs["the closed form"]
    _differences = [
        {
            "rung": name,
            "from the one above": ""
            if above is None
            else f"{notebook.largest_difference(run.parameters, above.parameters):.2g}",
            "from the closed form": f"{notebook.largest_difference(run.parameters, _exact.parameters):.2g}",
            "operations a step": operations.get(name, ""),
        }
        for (name, run), above in zip(
            _runs.items(), [None, *_runs.values()][:-1], strict=True
        )
    ]

    mo.md(rf"""
    {notebook.code_above("train_with_sgd")}

    {notebook.table(_differences)}

    The differences are the largest over all parameters and epochs<span class="controls-only">, computed again as you drag
    the trainer's sliders</span>. The first three rungs are **equal, bit for bit**: the trainer does the same arithmetic
    in the same order. `torch.optim.SGD` may differ in the last digits, because it multiplies and adds in one rounding
    where `p -= learning_rate * p.grad` rounds twice. The lane of `sweep` equals the trainer here. Don't count on that
    elsewhere, since batched kernels may add in another order. And while a run converges, all of them stay within rounding
    of the closed form, computed in double precision.

    The last column is what an abstraction costs in work, which unlike time does not depend on what else your machine is
    doing. One **operation** is one call that reaches torch's dispatcher. The bare loop asks for {operations["the bare loop"]}
    and the trainer for {operations["`NaiveTrainer`"]}: the abstraction adds not one.
    The {operations["one lane of `sweep`"]} of `sweep` serve all of its lanes, one or a thousand.
    """)
    return


@app.cell(hide_code=True)
def _(operations):
    # What `make bench` measured of the trainer.
    _bench = notebook.measured("train-full-batch")
    _ratio = _bench.ratios["naive trainer"] / _bench.ratios["bare"]

    mo.md(rf"""
    And in time? That is noise here, so `make bench` measures it, in turns and many times over. On
    {_bench.machine} with one thread, for {_bench.setting}, `NaiveTrainer` takes **{charts.times(_ratio)}** the time of the
    five steps alone, of a loop that keeps nothing. What it adds is what your loop keeps too, and what is in
    its {operations["the bare loop"]} operations: each loss as a number, and a copy of all parameters after each step.

    ## What it pays

    So far the trainer has been a longer way to write the same loop. Now the reason. A target that bends:

    $$y = \sin(1.5\,x) + 0.1\,\varepsilon$$

    A line can't fit it. An `MLP`, a line after a layer of $\tanh$ units, can. The trainer does not change, not by a line.

    {notebook.code_above("losses_on_waves")}
    """)
    return


@app.cell(hide_code=True)
def _():
    hidden = mo.ui.slider(start=1, stop=8, value=8, label="hidden units", show_value=True)
    wave_epochs = mo.ui.slider(
        start=10, stop=300, step=10, value=200, label="epochs", show_value=True
    )
    mo.vstack([hidden, wave_epochs])
    return hidden, wave_epochs


@app.cell
def _():
    def seeded(seed=0):
        return torch.Generator().manual_seed(seed)

    X_wave = torch.rand(256, 1, generator=seeded(1)) * 6 - 3
    noise = torch.randn(256, 1, generator=seeded(2))
    y_wave = torch.sin(1.5 * X_wave) + 0.1 * noise

    def losses_on_waves(model, epochs):
        data, config = (X_wave, y_wave), NaiveTrainerConfig(epochs, 0.1)
        loss = groundup.mean_squared_error
        return NaiveTrainer(model, loss, *data, config).train().losses

    return X_wave, losses_on_waves, seeded, y_wave


@app.cell
def _(X_wave, hidden, losses_on_waves, seeded, wave_epochs, y_wave):
    line, mlp = LinearRegression(1, seeded()), MLP(1, hidden.value, seeded())
    line_loss = losses_on_waves(line, wave_epochs.value)[-1]
    mlp_loss = losses_on_waves(mlp, wave_epochs.value)[-1]
    fits = {"line": line(X_wave), "MLP": mlp(X_wave)}
    told = f"Last loss: line {line_loss:.3f}, MLP {mlp_loss:.3f}"
    charts.fit(X_wave, y_wave, fits, told)
    return


@app.cell(hide_code=True)
def _(losses_on_waves, seeded):
    # The answer: the epochs after which so many units have half the line's loss.
    _half = losses_on_waves(LinearRegression(1, seeded()), 300)[-1] / 2

    def _epochs_to_half(units):
        losses = losses_on_waves(MLP(1, units, seeded()), 300)
        return next((epoch for epoch, loss in enumerate(losses) if loss < _half), None)

    units_to_half = {units: _epochs_to_half(units) for units in (1, 2, 8)}
    _answer = notebook.details(
        "How few hidden units halve the line's loss within 300 epochs?",
        f"Two do, after {units_to_half[2]} epochs; eight need {units_to_half[8]}. One never does: a single tanh only "
        "rises or only falls.",
    )

    mo.md(rf"""
    {notebook.code_above("fits")}

    {_answer}

    ## What the learning rate's limit is

    The loss is quadratic. So its gradient is $H(\theta - \theta^*)$, with $\theta^*$ the least-squares solution and $H$ the
    **Hessian**, the matrix of second derivatives. An update multiplies $\theta - \theta^*$ by $I - \eta H$, and after $k$ of
    them you have the ladder's closed form:

    $$\theta_k - \theta^* = (I - \eta H)^k\,(\theta_0 - \theta^*)$$

    Along an eigenvector of $H$ the loss has the **curvature** $\lambda$, its eigenvalue, and an update multiplies the
    distance by $1 - \eta\lambda$. If that is below −1, each step lands further out on the other side. The largest curvature
    decides, so the limit is $2/\lambda_{{\max}}$.

    Do the runs agree? `sweep` gives `torch.func.vmap` one model and 64 learning rates, and each run is a lane of one
    batched computation:
    """)
    return


@app.cell
def _(X, model, y):
    swept = sweep(
        model,
        groundup.mean_squared_error,
        X,
        y,
        torch.logspace(-3, 0.5, 64),
        epochs=50,
    )
    limit = oracle.largest_stable_learning_rate(X)
    charts.sweep_losses(swept, limit)
    return limit, swept


@app.cell(hide_code=True)
def _(limit, swept):
    # How wide the comfortable range is, and what `make bench` measured of a sweep.
    _last = swept.losses[:, -1]
    _slowest = (
        swept.learning_rates[_last < 2 * _last.nan_to_num(torch.inf).min()].min().item()
    )
    _one, _all = (
        notebook.measured("sweep", "64 rates × 50 epochs", all_cores)
        for all_cores in (False, True)
    )
    _single, _threaded = (charts.times(1 / m.ratios["groundup"]) for m in (_one, _all))

    mo.md(rf"""
    {notebook.code_above("swept")}

    They do. The limit is {limit / _slowest:.0f} times the lowest rate that comes to within twice the least loss in 50
    epochs: a range that you can hit with a guess. It is not always so wide.

    What does it pay? On {_one.machine}, `make bench` had `NaiveTrainer` train 64 such runs one after
    another. They took **{_single}** the time of one `sweep` with one thread, and {_threaded} with {_all.threads}. What is
    saved are calls: the operations that you counted serve all lanes.

    ### The explorer

    This chart computes in your browser. Along the eigenvectors of $H$, each direction goes its own way, so the loss after
    $k$ epochs is a formula,

    $$L(k) = L^* + \tfrac12 \sum_i \lambda_i\, c_i^2\,(1 - \eta\lambda_i)^{{2k}}$$

    with $c_i$ the distance to the solution along the $i$-th of them, at the start. Any learning rate will do, not only
    those that somebody trained. The grey lines are runs that `sweep` did train. Find the learning rate that is fastest.
    Then have the limit shown, a dashed line, and cross it.
    """)
    return


@app.cell(hide_code=True)
def _(X, model, true_b, true_w, y):
    # The explorer, on four notations of the same data.
    def _stretched(strength):
        """The same targets, but the first feature in another unit, so that its true weight is smaller."""
        scale = torch.tensor([strength, 1.0, 1.0, 1.0, 1.0, 1.0])
        return charts.Problem(X * scale, y, (true_w / scale.unsqueeze(1), true_b))

    problems = {
        "as drawn": _stretched(1),
        "first feature × 2": _stretched(2),
        "first feature × 4": _stretched(4),
        "first feature ÷ 2": _stretched(1 / 2),
    }
    charts.learning_rate_explorer(
        problems, model, groundup.mean_squared_error, torch.logspace(-2, 0.2, 12).tolist()
    )
    return (problems,)


@app.cell(hide_code=True)
def _(problems):
    # The answer: the eigenvalues of each problem's Hessian, and what follows from them.
    def _spectrum(name, X):
        eigenvalues = torch.linalg.eigvalsh(oracle.hessian(X))
        smallest, largest = eigenvalues[0].item(), eigenvalues[-1].item()
        return {
            "data": name,
            "λmin": smallest,
            "λmax": largest,
            "2 / λmax": 2 / largest,
            "kept": (1 - 2 / (smallest + largest) * smallest) ** 2,
        }

    spectra = [_spectrum(name, problem.X) for name, problem in problems.items()]
    _answer = notebook.details(
        "Answer",
        f"""The last: {spectra[2]["kept"]:.3f}, where the data as drawn keeps {spectra[0]["kept"]:.3f}. The table shows the
    smallest and the largest eigenvalue, the limit, and what an epoch keeps at the best rate, 2 / (λmin + λmax).

    {notebook.markdown_table(spectra)}

    The **steepest direction sets the limit, and the slowest sets the pace**: one learning rate has to serve both.
    λmax / λmin is the **condition number**, and much of chapter four is about living with it.""",
    )

    mo.md(rf"""
    ### Stretch one feature

    Now choose *first feature × 4* under the chart. Nothing about the problem is harder: it is the same feature, noted in
    another unit, say in quarters of a metre. But the limit drops, and what was a good learning rate diverges.
    **Predict**: take the best learning rate that this data allows. How much of the excess over the least loss is left
    after an epoch, far along? Half a per cent? Five? Eighty?

    {_answer}

    You can read the pace off a log axis. Far along only the slowest direction is left, and each epoch keeps the same share
    of the excess, $(1 - \eta\lambda_{{\min}})^2$: a straight line, whose slope is the logarithm of that factor. Here is a run
    on the stretched data in double precision, over that line. At nine tenths of the limit it keeps a little more than at
    the best rate:
    """)
    return


@app.cell(hide_code=True)
def _(model, problems):
    # A run near the limit of the stretched data, in double precision.
    steep_X, steep_y, _ = problems["first feature × 4"]
    rate = 0.9 * oracle.largest_stable_learning_rate(steep_X)
    slow_run = NaiveTrainer(
        copy.deepcopy(model).double(),
        groundup.mean_squared_error,
        steep_X.double(),
        steep_y.double(),
        NaiveTrainerConfig(epochs=60, learning_rate=rate),
    ).train()
    quadratic = oracle.quadratic(steep_X, steep_y, *model.parameters())
    kept = (1 - rate * quadratic.eigenvalues[0].item()) ** 2
    charts.pace(slow_run, quadratic.least_loss, kept)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    ## Ten curves, ten bugs

    Back to the loop by hand. Each of these ten curves was trained by it with *one* line replaced, on the first 512
    samples, 40 epochs at a learning rate of 0.1; grey is the loop as it should be. Every loop was called twice with
    the same `w` and `b`, and you see the second call. Which line is guilty?

    {notebook.numbered(train_by_hand)}
    """)
    return


@app.cell(hide_code=True)
def _(X, b, w, y):
    # The ten bugs: a look in here is a look at the answers.
    def _second_call(changes):
        data, start = (X[:512], y[:512]), (w.clone(), b.clone())
        for _ in range(2):
            run = train_with(changes, *data, *start, 40, 0.1)
        return run["losses"]

    bugs = {
        12: ("for p in (w,):", "b never moves"),
        7: ("pass", "no gradient is ever zeroed"),
        14: ("losses.append(loss.item() / len(y))", "the mean is divided again"),
        10: ("(-loss).backward()", "the wrong sign, so it climbs"),
        9: (
            "loss = mean_squared_error(y_pred, y.flatten())",
            "each prediction meets each y",
        ),
        2: ("w = w.requires_grad_()", "no copy, so call two goes on"),
        6: ("for p in (w,):", "b's gradients pile up"),
        13: ("p -= 10 * learning_rate * p.grad", "steps ten times too large"),
        8: ("y_pred = predict(X, w, b).relu()", "nothing below 0 is predicted"),
        5: ("for _ in range(epochs // 4):", "it stops after a quarter"),
    }
    right_lines = notebook.code_of(train_by_hand).splitlines()
    quiz_curves = [
        charts.Bug(
            line,
            why,
            right_lines[line - 1].split("  #")[0].strip(),
            _second_call({line: code}),
        )
        for line, (code, why) in bugs.items()
    ]
    charts.guilty_line(_second_call({}), quiz_curves, len(right_lines))
    return bugs, quiz_curves


@app.cell(hide_code=True)
def _(bugs, quiz_curves, y):
    # The answers, and how many of the ten look healthy.
    _healthy = sum(bug.losses[-1] < bug.losses[0] / 2 for bug in quiz_curves)
    _answers = notebook.table(
        {
            "curve": number,
            "line": bug.line,
            "reads": f"`{bugs[bug.line][0]}`",
            "last loss": bug.losses[-1],
        }
        for number, bug in enumerate(quiz_curves, 1)
    )

    mo.md(rf"""
    {notebook.details("All ten", _answers)}

    None of them raises, and {_healthy} of the ten end below half of their first loss. **A falling loss says that
    *something* fell.** Compare it with the loss of the dullest model you can think of: one that always answers with the mean of `y`
    has {y[:512].var(correction=0).item():.3g} here, and one of the ten ends just there.

    ## In the frameworks

    You have built these pieces once. Here they are in four frameworks, by their names and with their defaults; the links
    lead to the very lines.

    | here | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 | [torchtitan][tt] 0.2.2 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- | :--- | :--- |
    | five steps | [`closure`][lt-step], [`step`][lt-opt] | [`training_step`][hf-step], [epoch][hf-epoch] | [`train_step`][tt-step] | [`train_step`][ke-step] |
    | data | at [`fit`][lt-fit] | in [`__init__`][hf-init] | in [`__init__`][tt-data] | at [`fit`][ke-fit] |
    | epochs | [1000][lt-epochs] | [3][hf-args] | [10,000 steps][tt-steps] | [1][ke-fit] |
    | learning rate | [yours][lt-lr] | [5e-5][hf-lr] | [8e-4][tt-lr] | [0.01][ke-lr] |
    | result | [None][lt-fit] | [`TrainOutput`][hf-out] | [None][tt-train] | [`History`][ke-history] |

    Ours have no default: a number that decides the run should be somebody's decision. The five steps stand in another
    order. Lightning computes the loss *before* it zeroes the gradients, and `transformers` zeroes after the update instead
    of before the next: any place between an update and the next `backward` will do. And `transformers` tests its trainer
    with [data][hf-data] and [a model][hf-model] of one slope and one intercept, for the reason that you are reading about
    one: the answer is known.

    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-step]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/optimization/automatic.py#L128-L142
    [lt-opt]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/core/module.py#L1337-L1368
    [lt-fit]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L522-L530
    [lt-epochs]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/utilities.py#L71-L80
    [lt-lr]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/core/module.py#L990-L1090
    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-step]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2043-L2120
    [hf-epoch]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1928-L1946
    [hf-init]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L379-L398
    [hf-args]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L777-L779
    [hf-lr]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L787
    [hf-out]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_utils.py#L260-L263
    [hf-data]: https://github.com/huggingface/transformers/blob/2d754248977f8e25edd8cd4d6d272e86f362d4a5/tests/trainer/trainer_test_utils.py#L126-L141
    [hf-model]: https://github.com/huggingface/transformers/blob/2d754248977f8e25edd8cd4d6d272e86f362d4a5/tests/trainer/trainer_test_utils.py#L302-L315
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-step]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L547-L601
    [tt-data]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L126-L135
    [tt-steps]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L267-L268
    [tt-lr]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L133-L139
    [tt-train]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L650-L713
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-step]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L41-L81
    [ke-fit]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L175-L193
    [ke-lr]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/sgd.py#L43-L45
    [ke-history]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/history.py#L34-L42
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your turn

    Three functions to write. In the notebook, replace `raise NotImplementedError` and run the cell: the verdict under it
    tells what is still wrong. The solutions are folded away.

    ### Weight decay

    Add **weight decay** to the loop: in step five each parameter, bias included, also moves towards zero, by
    `learning_rate * weight_decay` times itself, as in `torch.optim.SGD(…, weight_decay=…)`. Train `model` in place on the
    mean squared error, and return the list of losses, one before each update.
    """)
    return


@app.function
def train_with_decay(model, X, y, epochs, learning_rate, weight_decay):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_decay(attempt):
        def run(train, decay, epochs, rate, **changed):
            generator = torch.Generator().manual_seed(7)
            X, y = make_regression(64, 3, generator=generator)
            model = LinearRegression(3, generator)
            answer = train(model, X, y, epochs, rate, decay, **changed)
            return answer, torch.cat([p.detach().flatten() for p in model.parameters()])

        def by_torch(
            model, X, y, epochs, rate, decay, factor=1.0, bias=1.0, zero=True, late=False
        ):
            optimizer = torch.optim.SGD(
                [{"params": [p]} for p in model.parameters()], lr=rate
            )
            for group, share in zip(optimizer.param_groups, (1.0, bias), strict=True):
                group["weight_decay"] = 0.0 if late else factor * share * decay
            losses = []
            for _ in range(epochs):
                if zero:
                    optimizer.zero_grad()
                loss = groundup.mean_squared_error(model(X), y)
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    for p in model.parameters():
                        p *= 1 - late * rate * decay
                losses.append(loss.item())
            return losses

        def close(ours, theirs):
            return torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=1e-5)

        for decay, epochs, rate in ((0.5, 20, 0.1), (0.0, 20, 0.1), (0.5, 5, 0.05)):
            setting = decay, epochs, rate
            answer, end = run(attempt, *setting)
            losses, goal = run(by_torch, *setting)
            if not isinstance(answer, list | tuple):
                return f"Return a list of losses; this is a `{type(answer).__name__}`."
            if len(answer) != epochs:
                return f"Return one loss for each of the {epochs} epochs; there are {len(answer)}."
            if any(getattr(loss, "requires_grad", False) for loss in answer):
                return "The list holds tensors, and each keeps its graph alive: store `loss.item()`."
            mistakes = {
                "`model` itself has not moved: train it in place, not a copy.": {
                    "factor": 0,
                    "epochs": 0,
                },
                "the weights do not decay.": {"factor": 0},
                "the decay pushes away from zero: look at its sign.": {"factor": -1},
                "the decay is not multiplied by `learning_rate`.": {"factor": 1 / rate},
                "the decay is multiplied by `learning_rate` twice.": {"factor": rate},
                "the decay is twice as large: the derivative of p² is 2p.": {"factor": 2},
                "the bias does not decay, and in `torch.optim.SGD` it does.": {"bias": 0},
                "the gradients add up: nothing zeroes them.": {"zero": False},
                "the decay comes after the update: take it from the parameter as it was before.": {
                    "late": True
                },
            }
            start = f"With `weight_decay={decay}` and `learning_rate={rate}`: "
            if not close(end.tolist(), goal.tolist()):
                for words, changed in mistakes.items():
                    told = {"decay": decay, "epochs": epochs, "rate": rate} | changed
                    if close(end.tolist(), run(by_torch, **told)[1].tolist()):
                        return start + words
                return (
                    start + "the parameters end elsewhere than those of `torch.optim.SGD`."
                )
            told = [float(loss) for loss in answer]
            if close(told[:-1], losses[1:]):
                return "The losses are those after each update: store them *before* it."
            if not close(told, losses):
                return "The parameters are right, but the losses are not mean squared errors before each update: no penalty belongs in them."
        return None

    def decay_solution(model, X, y, epochs, learning_rate, weight_decay):
        losses = []
        for _ in range(epochs):
            for p in model.parameters():
                p.grad = None
            loss = groundup.mean_squared_error(model(X), y)
            loss.backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= learning_rate * (p.grad + weight_decay * p)
            losses.append(loss.item())
        return losses

    notebook.exercise(train_with_decay, check_decay, decay_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Stop when nothing is gained

    Given the losses of a run, return the epoch at which to stop, counted from 0: the first one at which the best loss so
    far is `patience` epochs old. A loss that only equals the best does not renew it. If there is no such epoch, return
    `len(losses)`. For `losses = [3.0, 2.0, 2.5, 2.0, 1.0]` and `patience = 2` it is 3.
    """)
    return


@app.function
def stopping_epoch(losses, patience):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_stopping(attempt):
        cases = [
            ([1.0, 2.0, 3.0, 4.0], 2, 2, "1.0 is then two epochs old"),
            ([3.0, 4.0, 3.5, 3.2], 2, 2, "only a loss below the best, 3.0, is a gain"),
            (
                [3.0, 2.0, 2.5, 2.0, 1.0],
                2,
                3,
                "a loss that only equals the best is no gain",
            ),
            ([3.0, 2.0, 2.5, 2.0, 1.0], 3, 5, "the best is never that old"),
            ([2.0, 3.0, 1.0, 2.0, 2.0, 0.1], 2, 4, "a new best starts the count anew"),
            ([1.0, 0.5, 0.9, 0.8, 0.7], 3, 4, "the last epoch counts, too"),
            ([1.0, 1.0], 1, 1, "the best is one epoch old at epoch 1"),
            ([], 1, 0, "there is no epoch"),
        ]
        for losses, patience, expected, why in cases:
            answer = attempt(list(losses), patience)
            if answer != expected:
                return f"For `losses = {losses}` and `patience = {patience}` it should be {expected}, since {why}; it is {answer}."
        return None

    def stopping_solution(losses, patience):
        best, since = float("inf"), 0
        for epoch, loss in enumerate(losses):
            best, since = (loss, 0) if loss < best else (best, since + 1)
            if since == patience:
                return epoch
        return len(losses)

    notebook.exercise(stopping_epoch, check_stopping, stopping_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### A loss that resists outliers

    Squared, an error of 100 counts a hundred times as much as one of 10. Write the **Huber loss**: half the squared error
    where the error is at most `delta`, and `delta * (|error| - delta / 2)` beyond, averaged. Any callable of predictions and
    targets fits the trainer, so yours will, too.
    """)
    return


@app.function
def huber(y_pred, y_true, delta=1.0):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_huber(attempt):
        generator = torch.Generator().manual_seed(11)
        y_pred = (4 * torch.randn(50, 1, generator=generator)).requires_grad_()
        y_true = torch.randn(50, 1, generator=generator)
        error = (y_pred - y_true).detach()
        size, before = error.abs(), y_true.clone()
        for delta in (0.5, 1.0, 3.0, None):
            answer = attempt(y_pred, y_true, *([] if delta is None else [delta]))
            case, delta = (
                ("Without a `delta`", 1.0)
                if delta is None
                else (f"With `delta={delta}`", delta)
            )
            expected = nn.functional.huber_loss(y_pred, y_true, delta=delta)
            if not isinstance(answer, torch.Tensor):
                return f"Return a tensor: a `{type(answer).__name__}` has no graph, and nothing could be trained with it."
            if answer.numel() != 1:
                return f"Return the mean, one number; the shape is {tuple(answer.shape)}."
            if not torch.equal(y_true, before):
                return "It changes `y_true`, which belongs to the caller."
            linear = delta * (size - delta / 2)
            mistakes = {
                "that is the sum, not the mean": expected * len(error),
                "small errors lack the half": torch.where(
                    size <= delta, size**2, linear
                ).mean(),
                "large errors are squared, too": (size**2 / 2).mean(),
                "small errors are not squared": linear.mean(),
                "large negative errors are squared, too: take `abs()`": torch.where(
                    error <= delta, error**2 / 2, delta * (error - delta / 2)
                ).mean(),
                "large errors lack `- delta / 2`": torch.where(
                    size <= delta, size**2 / 2, delta * size
                ).mean(),
                "large errors lack the factor `delta`": torch.where(
                    size <= delta, size**2 / 2, size - delta / 2
                ).mean(),
                "that is divided by `delta`, as `smooth_l1_loss` is": expected / delta,
                "it takes no notice of `delta`": nn.functional.huber_loss(y_pred, y_true),
            }
            value = answer.detach().reshape(())
            if not torch.allclose(value, expected, atol=1e-6):
                named = (
                    f", and {w}"
                    for w, v in mistakes.items()
                    if torch.allclose(value, v, atol=1e-6)
                )
                return f"{case} it should be {expected.item():.4f}; it is {value.item():.4f}{next(named, '')}."
            if not answer.requires_grad:
                return "The number is right, but it has no graph: nothing could be trained with it."
            (slope,) = torch.autograd.grad(answer.sum(), y_pred, allow_unused=True)
            (right,) = torch.autograd.grad(expected, y_pred)
            if slope is None or not torch.allclose(slope, right, atol=1e-6):
                return "The number is right, but not its gradient: part of it has lost its graph."
        return None

    def huber_solution(y_pred, y_true, delta=1.0):
        error = (y_pred - y_true).abs()
        return torch.where(error <= delta, error**2 / 2, delta * (error - delta / 2)).mean()

    notebook.exercise(huber, check_huber, huber_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Next

    You have a trainer, and you know what it hides: which tensors a model has, when gradients are zeroed, what is copied,
    and what is refused before the first step. It costs no operation more than a loop that keeps the same, and it computes
    the same.

    It is naive in one respect that matters. It looks at *all* of the data before it moves at all. Chapter two asks
    **who decides what a batch is**.

    ## Sources

    - Jorge Nocedal and Stephen Wright, *Numerical Optimization*, 2nd edition, Springer 2006: section 3.3, the rate of
      convergence of steepest descent.
    - Gabriel Goh, [*Why Momentum Really Works*](https://distill.pub/2017/momentum/), Distill 2017: gradient descent in the
      eigenbasis of a quadratic.
    - The PyTorch documentation: [autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html) and
      [`torch.func.vmap`](https://docs.pytorch.org/docs/stable/generated/torch.func.vmap.html).
    - Masataka Okabe and Kei Ito, [*Color Universal Design*](https://jfly.uni-koeln.de/color/), 2008: the palette of the
      charts.
    """)
    return


if __name__ == "__main__":
    app.run()
