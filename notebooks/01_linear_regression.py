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

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
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

    How to read it: **drag** every slider, since each one trains again while you watch. **Break** what has a switch.
    **Predict** before you unfold an answer.
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "This is a published page: it has no Python behind it. The charts with sliders under them compute in your "
        "browser. In the notebook (`make edit`) there is more to drag: every loop below trains again as you move it."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Data

    You need data whose answer you know. `make_regression` draws features $X$, multiplies them with weights $w$, and
    adds a bias $b$ and some noise:

    $$y = Xw + b + 0.1\,\varepsilon, \qquad X_{ij},\ \varepsilon_i \sim \mathcal N(0, 1)$$

    All its random numbers come from a generator with a seed in sight. Run the cell again and you get the same data.
    """)
    return


@app.cell
def _():
    generator = torch.Generator().manual_seed(42)
    true_w = torch.randn(6, 1, generator=generator)
    true_b = torch.tensor([0.5])

    X, y = make_regression(4096, 6, generator=generator, weights=true_w, bias=0.5)
    f"X {tuple(X.shape)}, y {tuple(y.shape)}"
    return X, true_b, true_w, y


@app.cell(hide_code=True)
def _(true_b, true_w):
    notebook.table(
        [
            {"parameter": name, "true value": value}
            for name, value in zip(
                ["w₁", "w₂", "w₃", "w₄", "w₅", "w₆", "b"],
                [*true_w.flatten().tolist(), true_b.item()],
                strict=True,
            )
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    This is what you called. No listing in this series is a copy: the cell below asks the package for its own source.
    Note how much of it refuses bad input, and that the checks come before any work is done.
    """)
    return


@app.cell
def _():
    notebook.source(make_regression)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
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
    mo.md(r"""
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
    mo.md(r"""
    Now the loop. Each pass over the data, an **epoch**, takes five steps:

    1. **Zero the gradients.** `backward` *adds* to `.grad`, so what the last epoch left there has to go.
    2. **Predict.**
    3. **Loss.** One number that says how wrong the predictions are.
    4. **Backward.** Fills `p.grad` with the derivative of the loss by each parameter.
    5. **Update.** Move each parameter a little against its gradient: $p \leftarrow p - \eta\,\partial L/\partial p$.

    Every epoch uses all 4096 samples at once, so this is gradient descent, but not yet *stochastic* gradient descent.
    Who decides what a batch is? That is the question of chapter two.
    """)
    return


@app.function
def train_by_hand(X, y, w, b, epochs, learning_rate):
    w = w.clone().requires_grad_()
    b = b.clone().requires_grad_()
    results = {"losses": [], "parameters": []}
    for _ in range(epochs):
        for p in (w, b):  # 1. zero the gradients
            p.grad = None
        y_pred = predict(X, w, b)  # 2. predict
        loss = mean_squared_error(y_pred, y)  # 3. loss
        loss.backward()  # 4. backward
        with torch.no_grad():  # 5. update
            for p in (w, b):
                p -= learning_rate * p.grad
        results["losses"].append(loss.item())
        results["parameters"].append((w.detach().clone(), b.detach().clone()))
    return results


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Two lines deserve a second look.

    **`torch.no_grad()` around the update.** The update is arithmetic on tensors that require gradients. Without
    `no_grad`, autograd would record it, and the parameter would become the result of an operation instead of a **leaf**,
    a tensor that you made and whose `.grad` gets filled. So torch refuses to change such a leaf in place. Older code writes
    `p.data -= …` instead. That reaches around autograd rather than switching it off, so autograd can't notice a change that
    it should know of; and it costs one operation more for each parameter, as you will count below.

    **`w.clone()` at the top.** The loop changes its parameters in place. Without the copy, a second call would go on
    from where the first one stopped, and a slider moved back would not bring the old curve back.
    """)
    return


@app.cell
def _():
    epochs = mo.ui.slider(start=1, stop=60, value=10, label="epochs", show_value=True)
    learning_rate = mo.ui.slider(
        steps=[float(f"{10 ** (i / 16):.3g}") for i in range(-48, 9)],
        value=0.1,
        label="learning rate",
        show_value=True,
    )
    return epochs, learning_rate


@app.cell(hide_code=True)
def _(epochs, learning_rate):
    mo.vstack([learning_rate, epochs])
    return


@app.cell
def _(X, b, epochs, learning_rate, w, y):
    by_hand = train_by_hand(X, y, w, b, epochs.value, learning_rate.value)
    return (by_hand,)


@app.cell(hide_code=True)
def _(by_hand, true_b, true_w):
    charts.training(NaiveTrainerResult(**by_hand), (true_w, true_b))
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook (`make edit`) two sliders, *learning rate* and *epochs*, train this very loop again as you drag "
        "them. The explorer has the same two and needs no Python: it draws what training gives, from a formula that you "
        "will meet further down.",
        explorer=True,
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Drag the learning rate up towards 0.5: fewer epochs are needed. Drag it past 1: the loss explodes, and the chart says at
    which epoch. Drag it back: the very same curves return, digit for digit.

    The loss at epoch 0 is the loss *before* the first update; the parameters at epoch 1 are those *after* it.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Break it yourself

    Each line of the loop is there for a reason. Here it is once more, for 40 epochs at a learning rate of 0.1, with three of
    its duties open to neglect.
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook three switches break the loop, one duty each, and mend it again. Here the answers say what they do."
    )
    return


@app.function
def train_with_mistakes(
    X,
    y,
    w,
    b,
    zero=True,
    store_parameter=lambda p: p.detach().clone(),
    store_loss=lambda loss: loss.item(),
):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    results = {"losses": [], "parameters": []}
    for _ in range(40):
        if zero:
            w.grad = b.grad = None
        loss = mean_squared_error(predict(X, w, b), y)
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            b -= 0.1 * b.grad
        results["losses"].append(store_loss(loss))
        results["parameters"].append((store_parameter(w), store_parameter(b)))
    return results


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Forget to zero the gradients

    **Predict** first. `backward` adds to `.grad`. If nobody zeroes it, each update also repeats all the gradients
    before it. Is the loss lower after 40 epochs, higher, or the same?
    """)
    return


@app.cell(hide_code=True)
def _():
    forget_to_zero = mo.ui.switch(label="forget to zero the gradients")
    forget_to_zero
    return (forget_to_zero,)


@app.cell
def _(X, b, forget_to_zero, w, y):
    neglected = {"zeroed": train_with_mistakes(X, y, w, b)}
    if forget_to_zero.value:
        neglected["not zeroed"] = train_with_mistakes(X, y, w, b, zero=False)
    return (neglected,)


@app.cell(hide_code=True)
def _(neglected):
    charts.losses({name: NaiveTrainerResult(**run) for name, run in neglected.items()})
    return


@app.cell(hide_code=True)
def _(X, b, w, y):
    def _():
        zeroed, forgotten = (
            train_with_mistakes(X, y, w, b, zero=zero)["losses"] for zero in (True, False)
        )
        rises = sum(later > earlier for earlier, later in pairwise(forgotten))
        return notebook.details(
            "Answer",
            f"Higher: {forgotten[-1]:.3g} after 40 epochs, where zeroing gives {zeroed[-1]:.3g}, and on the way it rises "
            f"in {rises} of 39 epochs. Summed gradients are a velocity: the parameters fall into the valley and, with "
            "nothing to slow them, roll up the other side and back, for ever. Add friction, and you have invented "
            "*momentum*. That is chapter three.",
        )

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Store the parameters without copying them

    `detach()` gives a tensor without a graph. It does not give a tensor with numbers of its own.
    """)
    return


@app.cell(hide_code=True)
def _():
    without_copying = mo.ui.switch(
        value=notebook.switched_on(), label="store the parameters without copying them"
    )
    without_copying
    return (without_copying,)


@app.cell
def _(X, b, w, without_copying, y):
    def store(p):
        return p.detach() if without_copying.value else p.detach().clone()

    stored = NaiveTrainerResult(**train_with_mistakes(X, y, w, b, store_parameter=store))
    return (stored,)


@app.cell(hide_code=True)
def _(stored, true_b, true_w):
    charts.trajectories(stored, (true_w, true_b))
    return


@app.cell(hide_code=True)
def _(stored):
    mo.md(f"""
    {len(stored.parameters)} entries were stored for $w$. They live in **{len({w.data_ptr() for w, _ in stored.parameters})}**
    different places in memory.
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.details(
        "Why do the trajectories turn flat?",
        "All 40 entries are one tensor under 40 names. Each update changes it in place, and with it the whole history. "
        "When the loop is over, every epoch shows the last one. Nothing raises, and the loss curve looks as it should.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Store the loss instead of its number

    `loss` is a tensor at the end of a graph. `loss.item()` is a float. Store the tensor, and each epoch's graph stays
    alive for as long as your list does.
    """)
    return


@app.function
def count_nodes(loss):
    """How many nodes of its graph a stored loss keeps alive; a float keeps none."""
    todo, seen = [getattr(loss, "grad_fn", None)], set()
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo += [parent for parent, _ in node.next_functions]
    return len(seen)


@app.cell(hide_code=True)
def _():
    with_graph = mo.ui.switch(
        value=notebook.switched_on(), label="store the loss with its graph"
    )
    with_graph
    return (with_graph,)


@app.cell
def _(X, b, w, with_graph, y):
    def store_loss(loss):
        return loss if with_graph.value else loss.item()

    stored_losses = train_with_mistakes(X, y, w, b, store_loss=store_loss)["losses"]
    nodes = [count_nodes(loss) for loss in stored_losses]
    return (nodes,)


@app.cell(hide_code=True)
def _(X, b, nodes, w, y):
    def _():
        with_graphs = train_with_mistakes(X, y, w, b, store_loss=lambda loss: loss)[
            "losses"
        ]
        kept = [count_nodes(loss) for loss in with_graphs]
        return mo.md(f"""
    **{sum(nodes)}** nodes of **{sum(n > 0 for n in nodes)}** graphs are alive.

    With the switch on it is {sum(kept)} nodes of {sum(n > 0 for n in kept)} graphs, {kept[0]} for each epoch, and no end
    to it. After `backward` little else does: the tensors of 4096 rows that the graph had saved are freed. Store the loss of
    a *validation* pass that forgot `no_grad`, where no `backward` follows, and they stay, too:
    """)

    _()
    return


@app.cell
def _(X, b, w, y):
    def saved_errors(loss):
        """The tensor that the square in a loss's graph has saved for `backward`."""
        square = loss.grad_fn.next_functions[0][0]
        try:
            return f"{len(square._saved_self)} rows"
        except RuntimeError:
            return "freed"

    def fresh_loss():
        return mean_squared_error(predict(X, w.clone().requires_grad_(), b), y)

    trained, validated = fresh_loss(), fresh_loss()
    trained.backward()
    notebook.table(
        [
            {
                "a stored loss": "of a training step",
                "its saved errors": saved_errors(trained),
            },
            {
                "a stored loss": "of a validation pass",
                "its saved errors": saved_errors(validated),
            },
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Abstractions, one pain at a time

    ### "Now add a second layer"

    Your manager asks for a hidden layer. `predict(X, w, b)` becomes `predict(X, w1, b1, w2, b2)`, and so does everything
    that calls it. You could answer in three ways, all of them bad:

    - **Longer signatures.** Every layer changes every function that handles parameters: `predict`, the loop, the
      storing, the saving.
    - **A list, `params[3]`.** One signature for ever, and nobody knows what number three is.
    - **Globals.** `predict(X)` reads `w1` from the air. It works until there are two models.

    What you want is one thing that knows its parameters by name, finds them in its parts, and can be called. That is
    **`nn.Module`**. Assigning an **`nn.Parameter`** to an attribute registers it; so does assigning another module.
    A plain tensor is not registered, and the optimizer will never see it.
    """)
    return


@app.cell
def _():
    notebook.source(LinearRegression)
    return


@app.cell
def _():
    model = LinearRegression(6, torch.Generator().manual_seed(0))
    notebook.table(
        {"name": name, "shape": tuple(p.shape)} for name, p in model.named_parameters()
    )
    return (model,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    What registers what? Ask a module that has one of each:
    """)
    return


@app.cell
def _():
    class Collection(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))  # a parameter
            self.linear = LinearRegression(6, torch.Generator())  # another module
            self.offset = torch.zeros(1, requires_grad=True)  # a plain tensor
            self.hidden = [nn.Parameter(torch.ones(1))]  # a list of parameters

    collection = Collection()
    notebook.table({"registered": f"`{name}`"} for name, _ in collection.named_parameters())
    return (collection,)


@app.cell
def _(collection):
    mo.plain_text(str(collection))
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The plain tensor and the list are missing, and nothing complains: they would never be trained. (`nn.ParameterList` is a
    list that registers.) Printed, the module shows the tree of its parts.

    The loop now takes a model and asks *it* for the parameters. Here it is, and then what changed, computed from the two
    sources:
    """)
    return


@app.function
def train_module(model, X, y, epochs, learning_rate):
    results = {"losses": [], "parameters": []}
    for _ in range(epochs):
        for p in model.parameters():  # 1. zero the gradients
            p.grad = None
        y_pred = model(X)  # 2. predict
        loss = mean_squared_error(y_pred, y)  # 3. loss
        loss.backward()  # 4. backward
        with torch.no_grad():  # 5. update
            for p in model.parameters():
                p -= learning_rate * p.grad
        results["losses"].append(loss.item())
        results["parameters"].append(tuple(p.detach().clone() for p in model.parameters()))
    return results


@app.cell(hide_code=True)
def _():
    notebook.diff(notebook.code_of(train_by_hand), notebook.code_of(train_module))
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    `w` and `b` are gone. What is hidden now: which tensors exist, and how many. Note one more change, because nobody
    announces it: the copies at the top are gone too. The loop trains the module that you hand it, *in place*. That is
    the convention of the whole field, and the reason why you will copy models in the cells below.

    ### Numbers that belong together

    `epochs, learning_rate` today; batch size, weight decay, seed tomorrow. Pass them one by one and every function
    between you and the loop repeats the list. Put them into a **config**: one object, checked once, printed in one
    line, saved in one file. A frozen dataclass is enough.
    """)
    return


@app.cell
def _():
    notebook.source(NaiveTrainerConfig)
    return


@app.cell
def _():
    def refusal(**arguments):
        try:
            return repr(NaiveTrainerConfig(**arguments))
        except (TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    notebook.table(
        {
            "epochs": epochs,
            "learning_rate": rate,
            "what you get": refusal(epochs=epochs, learning_rate=rate),
        }
        for epochs, rate in [(10, 0.1), (10, -0.1), (2.5, 0.1), (True, 0.1)]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### An answer with names

    `results["loses"]` is a `KeyError` at the end of a long run. A **result object** has attributes that an editor can
    complete, a type that a checker can check, and a line of its own when a cell ends in it.
    """)
    return


@app.cell
def _():
    notebook.source(NaiveTrainerResult)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    `transformers` returns a [`TrainOutput`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_utils.py#L260-L263)
    with `global_step`, `training_loss` and `metrics`. Its `training_loss` is *one* number, the mean over the run; the
    curve is logged elsewhere, in `trainer.state.log_history`. Ours keeps the curve and
    the trajectories, because here you want to look at them. That is a choice you can afford with seven parameters.

    ### The trainer

    What remains is a loop that needs a model, a loss, data and a config. Put them into an object, and the loop into a
    method:
    """)
    return


@app.cell
def _():
    notebook.source(NaiveTrainer)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Set beside the loop over a module, little is new. The loss is now whatever you hand over, parameters that are frozen
    are left out of the update, and so are those that the loss does not reach:
    """)
    return


@app.cell(hide_code=True)
def _():
    notebook.diff(notebook.code_of(train_module), notebook.code_of(NaiveTrainer.train))
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Why do `X` and `y` go into `__init__`?** If you like functions, it looks odd: data is an argument, so why not
    `train(X, y)`? Because a trainer is not a function but an *orchestrator*. Before a run it has to set things up: check
    what can be seen without running the model (now, not after an hour), build loaders, and later send shards of the data to a mesh of
    devices. All of that needs the data, and none of it is training. So `__init__` prepares, and `train()` only launches.

    Who brought the trainer? Lightning had a
    [`Trainer` class](https://github.com/Lightning-AI/pytorch-lightning/blob/0.0.2/pytorch_lightning/models/trainer.py#L10) in
    its first releases in March 2019, and showed that one loop could be kept apart from all models and still scale to many
    GPUs. `transformers` added
    [its own](https://github.com/huggingface/transformers/blob/v2.9.0/src/transformers/trainer.py) with version 2.9.0 in
    May 2020, and made it a habit: data sets go into `__init__`, and `train()` takes almost nothing. Lightning chose
    otherwise. Its `Trainer` holds *how* to train, and data arrives at `fit(model, dataloaders)`, so that one trainer can
    serve several models. Keras and scikit-learn take data at `fit`, too.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    From here on the loss is the package's. It is your line behind a check that pays for itself the first time somebody
    hands it shapes `(n,)` and `(n, 1)`, which torch would broadcast to `(n, n)` without a word:
    """)
    return


@app.cell
def _():
    notebook.source(groundup.mean_squared_error)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The loop, again

    The same two sliders, now with the trainer behind them.
    """)
    return


@app.cell
def _():
    trainer_epochs = mo.ui.slider(
        start=1, stop=60, value=10, label="epochs", show_value=True
    )
    trainer_rate = mo.ui.slider(
        steps=[float(f"{10 ** (i / 16):.3g}") for i in range(-48, 9)],
        value=0.1,
        label="learning rate",
        show_value=True,
    )
    return trainer_epochs, trainer_rate


@app.cell(hide_code=True)
def _(trainer_epochs, trainer_rate):
    mo.vstack([trainer_rate, trainer_epochs])
    return


@app.cell
def _(X, model, trainer_epochs, trainer_rate, y):
    trainer = NaiveTrainer(
        copy.deepcopy(model),
        groundup.mean_squared_error,
        X,
        y,
        NaiveTrainerConfig(epochs=trainer_epochs.value, learning_rate=trainer_rate.value),
    )
    result = trainer.train()
    result
    return (result,)


@app.cell(hide_code=True)
def _(result, true_b, true_w):
    charts.training(result, (true_w, true_b))
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook two sliders train with the trainer, too, and the curves are the loop's, digit for digit. Here "
        "the explorer stands in their place, at settings of its own.",
        explorer=True,
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### The equivalence ladder

    The curves look the same. *Looking* the same is not enough, so climb a ladder. Six ways of training the same model on
    the same data from the same start, each held against the one before it and against the closed form, which needs no
    loop at all: with $H$ the Hessian of the loss and $\theta^*$ the least-squares solution,

    $$\theta_k - \theta^* = (I - \eta H)^k\,(\theta_0 - \theta^*).$$

    The differences are the largest over all parameters and epochs<span class="kernel-only">, and they are computed again as you drag</span>.
    """)
    return


@app.function
def train_with_sgd(model, X, y, epochs, learning_rate):
    result = NaiveTrainerResult()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, foreach=False)
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = mean_squared_error(model(X), y)
        loss.backward()
        optimizer.step()
        result.losses.append(loss.item())
        result.parameters.append(tuple(p.detach().clone() for p in model.parameters()))
    return result


@app.cell
def _(X, b, model, w, y):
    def _rungs():
        def fresh():
            return copy.deepcopy(model)

        def trainer(epochs, rate):
            config = NaiveTrainerConfig(epochs, rate)
            return NaiveTrainer(fresh(), groundup.mean_squared_error, X, y, config).train()

        def lane(epochs, rate):
            swept = sweep(model, groundup.mean_squared_error, X, y, [rate], epochs)
            return NaiveTrainerResult(
                swept.losses[0].tolist(),
                list(zip(*(p[0] for p in swept.parameters), strict=True)),
            )

        return {
            "the bare loop": lambda epochs, rate: NaiveTrainerResult(
                **train_by_hand(X, y, w, b, epochs, rate)
            ),
            "the loop over a module": lambda epochs, rate: NaiveTrainerResult(
                **train_module(fresh(), X, y, epochs, rate)
            ),
            "`NaiveTrainer`": trainer,
            "`torch.optim.SGD`": lambda epochs, rate: train_with_sgd(
                fresh(), X, y, epochs, rate
            ),
            "one lane of `sweep`": lane,
            "the closed form": lambda epochs, rate: oracle.closed_form_path(
                X, y, w, b, rate, epochs
            ),
        }

    rungs = _rungs()
    return (rungs,)


@app.cell
def _(rungs):
    def operations_of_a_step(run):
        """One more epoch is one more step: what is set up before the loop cancels out."""
        return (
            count_operations(lambda: run(2, 0.1)) - count_operations(lambda: run(1, 0.1))
        ).total()

    operations = {
        name: operations_of_a_step(run)
        for name, run in rungs.items()
        if name != "the closed form"
    }
    return (operations,)


@app.cell
def _(operations, result, rungs, trainer_epochs, trainer_rate):
    def _():
        # One of the six runs is already there: the chart above shows it.
        runs = {
            name: result
            if name == "`NaiveTrainer`"
            else run(trainer_epochs.value, trainer_rate.value)
            for name, run in rungs.items()
        }
        *_, exact = runs.values()
        rows, below = [], None
        for name, run in runs.items():
            rows.append(
                {
                    "rung": name,
                    "from the rung below": ""
                    if below is None
                    else f"{notebook.largest_difference(run.parameters, below.parameters):.2g}",
                    "from the closed form": f"{notebook.largest_difference(run.parameters, exact.parameters):.2g}",
                    "operations a step": operations.get(name, ""),
                }
            )
            below = run
        return notebook.table(rows)

    _()
    return


@app.cell(hide_code=True)
def _(operations):
    mo.md(f"""
    Read it from the top. The first three rungs are **equal, bit for bit**: the trainer does the same arithmetic in the same
    order. `torch.optim.SGD` may differ in the last digits, because it multiplies and adds in one rounding where
    `p -= learning_rate * p.grad` rounds twice. The lane of `sweep` stands off SGD by as much as the trainer does: here it
    equals the trainer. Don't count on that elsewhere, since batched kernels may add in another order. And all of them stay
    within rounding of the closed form, which is computed in double precision.
    <span class="kernel-only">Drag the learning rate past the point of divergence and the differences explode with the run: rounding errors grow by
    the same factor as everything else.</span>

    The last column is what an abstraction costs in work, which unlike time does not depend on what else your machine is
    doing. One **operation** is one call that reaches torch's dispatcher: most run a kernel, a few only make
    a view of a tensor. The bare loop asks for {operations["the bare loop"]} and the trainer for
    {operations["`NaiveTrainer`"]}: the abstraction adds not one. `torch.optim.SGD` comes to
    {operations["`torch.optim.SGD`"]}. It multiplies and adds in one operation a parameter, which saves two, and tells the
    profiler where `zero_grad` and `step` begin and end, which costs four. The {operations["one lane of `sweep`"]} of `sweep`
    serve all of its lanes, one or a thousand.

    That leaves the count that the update of `p.data` still owes you:
    """)
    return


@app.cell
def _(X, model, y):
    def _update(through_data):
        trained = copy.deepcopy(model)
        mean_squared_error(trained(X), y).backward()

        def step():
            if through_data:
                for p in trained.parameters():
                    p.data -= 0.1 * p.grad
            else:
                with torch.no_grad():
                    for p in trained.parameters():
                        p -= 0.1 * p.grad

        return count_operations(step).total()

    notebook.table(
        {
            "update of two parameters": way,
            "operations": _update(through_data=way == "`p.data`"),
        }
        for way in ["`torch.no_grad()`", "`p.data`"]
    )
    return


@app.cell
def _():
    full_batch = notebook.measured("train-full-batch")
    return (full_batch,)


@app.cell(hide_code=True)
def _(full_batch):
    mo.md(f"""
    And in time? That is noise here, so it is measured elsewhere, in turns and many times over: by `make bench`, whose file
    the cell above reads. On {full_batch.machine} with one thread, for {full_batch.setting}, `NaiveTrainer` takes
    **{charts.times(full_batch.ratios["naive trainer"] / full_batch.ratios["bare"])}** the time of the five steps alone. What it adds is what it keeps: each loss
    as a number, and a copy of all parameters after each step. How other people's trainers compare is a question for
    chapter two, since most of their time goes into making batches.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What it pays

    So far the trainer has been a longer way to write the same loop. Now the reason. A target that bends:

    $$y = \sin(1.5\,x) + 0.1\,\varepsilon$$

    A line can't fit it. An `MLP`, a line after a layer of $\tanh$ units, can. The trainer does not change, not by a line.
    """)
    return


@app.cell
def _():
    _generator = torch.Generator().manual_seed(1)
    X_wave = torch.rand(256, 1, generator=_generator) * 6 - 3
    y_wave = torch.sin(1.5 * X_wave) + 0.1 * torch.randn(256, 1, generator=_generator)
    return X_wave, y_wave


@app.cell
def _():
    hidden = mo.ui.slider(start=1, stop=8, value=8, label="hidden units", show_value=True)
    wave_epochs = mo.ui.slider(
        start=10, stop=300, step=10, value=200, label="epochs", show_value=True
    )
    return hidden, wave_epochs


@app.cell(hide_code=True)
def _(hidden, wave_epochs):
    mo.vstack([hidden, wave_epochs])
    return


@app.cell
def _(X_wave, hidden, wave_epochs, y_wave):
    def fitted(model):
        config = NaiveTrainerConfig(epochs=wave_epochs.value, learning_rate=0.1)
        NaiveTrainer(model, groundup.mean_squared_error, X_wave, y_wave, config).train()
        with torch.no_grad():
            return model(X_wave)

    wave_fits = {
        "line": fitted(LinearRegression(1, torch.Generator().manual_seed(0))),
        "MLP": fitted(MLP(1, hidden.value, torch.Generator().manual_seed(0))),
    }
    return (wave_fits,)


@app.cell(hide_code=True)
def _(X_wave, wave_fits, y_wave):
    charts.fit(
        X_wave,
        y_wave,
        wave_fits,
        "Loss: "
        + ", ".join(
            f"{groundup.mean_squared_error(fit, y_wave):.3f} for the {name}"
            for name, fit in wave_fits.items()
        ),
    )
    return


@app.cell(hide_code=True)
def _():
    notebook.page_only(
        "In the notebook two sliders, *hidden units* and *epochs*, train both models again as you drag them."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Go down to one hidden unit: from this start it does no better than the line.

    ## How large may the learning rate be?

    **Predict** first. Same data as at the start, six standard normal features. From which learning rate on does the loss
    run away instead of falling? Make a guess, then unfold the answer.
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
def _(X, guess):
    def _():
        limit = oracle.largest_stable_learning_rate(X)
        side = (
            "too low"
            if guess.value < 0.95 * limit
            else "too high"
            if guess.value > 1.05 * limit
            else "close"
        )
        return notebook.details(
            "Answer",
            f'At **{limit:.3f}**, that is 2 / λmax. <span class="kernel-only">Your guess of {guess.value:g} was {side}.</span> Along a direction in which '
            "the loss has the curvature λ, an update multiplies the distance to the solution by 1 − ηλ. If that is below "
            "−1, each step lands further out on the other side. The largest curvature decides.",
        )

    _()
    return


@app.cell
def _(X, model, y):
    swept = sweep(
        model, groundup.mean_squared_error, X, y, torch.logspace(-3, 0.5, 64), epochs=50
    )
    swept
    return (swept,)


@app.cell(hide_code=True)
def _(X, swept):
    charts.sweep_losses(swept, oracle.largest_stable_learning_rate(X))
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Those are 64 runs, trained at once: `sweep` gives `torch.func.vmap` one model and 64 learning rates, and each run is a
    lane of one batched computation. Between "too small to arrive in 50 epochs" and "too large to arrive at all" lies a
    factor of about twenty. That is comfortable. It is not always.
    """)
    return


@app.cell(hide_code=True)
def _():
    def _():
        one, all_of_them = (
            notebook.measured("sweep", "64 rates × 50 epochs", all_cores)
            for all_cores in (False, True)
        )
        single, threaded = (1 / m.ratios["groundup"] for m in (one, all_of_them))
        return mo.md(f"""
    What does it pay? On {one.machine}, `make bench` had `NaiveTrainer` train 64 such runs one after the other. They took
    **{charts.times(single)}** the time of one `sweep` with one thread, and {charts.times(threaded)} with {all_of_them.threads}. What
    is saved are calls: the operations that you counted serve all lanes.
    """)

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### The explorer

    This chart computes in your browser. In the eigenbasis of $H$ the loss after $k$ epochs is a formula,

    $$L(k) = L^* + \tfrac12 \sum_i \lambda_i\, c_i^2\,(1 - \eta\lambda_i)^{2k}$$

    with $c = Q^\top(\theta_0 - \theta^*)$, so any learning rate will do, not only those that somebody trained. The grey lines are runs that `sweep` did train, and
    the dashed line is the run exactly at $2/\lambda_{\max}$. Find the learning rate that is fastest. Then cross the line.
    """)
    return


@app.cell
def _(X, true_b, true_w, y):
    def stretched(strength):
        """The same targets, but the first feature in another unit, so that its true weight is smaller."""
        scale = torch.tensor([strength, 1.0, 1.0, 1.0, 1.0, 1.0])
        return charts.Problem(X * scale, y, (true_w / scale.unsqueeze(1), true_b))

    problems = {
        "as drawn": stretched(1),
        "first feature × 2": stretched(2),
        "first feature × 4": stretched(4),
        "first feature ÷ 2": stretched(1 / 2),
    }
    return (problems,)


@app.cell(hide_code=True)
def _(model, problems):
    charts.learning_rate_explorer(
        problems, model, groundup.mean_squared_error, torch.logspace(-2, 0.2, 12).tolist()
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Stretch one feature

    Now choose *first feature × 4* under the chart. Nothing about the problem is harder: it is the same feature, noted in
    another unit, say in quarters of a metre. But the limit drops, and what was a good learning rate diverges.
    **Predict**: take the best learning rate that each of the two allows. How much of the excess loss is left after an epoch,
    half a per cent as before? Five? Eighty?
    """)
    return


@app.cell
def _(problems):
    def spectrum(name, problem):
        eigenvalues = torch.linalg.eigvalsh(oracle.hessian(problem.X))
        smallest, largest = eigenvalues[0].item(), eigenvalues[-1].item()
        best_rate = 2 / (smallest + largest)
        return {
            "data": name,
            "λmin": smallest,
            "λmax": largest,
            "2 / λmax": 2 / largest,
            "kept, at best": (1 - best_rate * smallest) ** 2,
        }

    spectra = [spectrum(name, problem) for name, problem in problems.items()]
    return (spectra,)


@app.cell(hide_code=True)
def _(spectra):
    notebook.details(
        "Answer",
        f"""The last. The table shows the smallest and the largest eigenvalue of the Hessian, the limit, and what an
    epoch keeps of the excess loss at the best possible rate, 2 / (λmin + λmax). Stretching by four takes it from
    {spectra[0]["kept, at best"]:.3f} to {spectra[2]["kept, at best"]:.2f}.

    {notebook.markdown_table(spectra)}

    The **steepest direction sets the limit, and the slowest sets the pace**: one learning rate has to serve both. λmax / λmin is
    the **condition number**, and much of chapter three is about living with it.""",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    You can read the pace off a log axis. Far along, only the slowest direction is left, and the loss above its least value
    falls by the same factor each epoch: a straight line, whose slope is $(1 - \eta\lambda_{\min})^2$ an epoch. Here is a run in
    double precision on the stretched data, over that slope:
    """)
    return


@app.cell
def _(model, problems):
    def _():
        X, y, _ = problems["first feature × 4"]
        rate = 0.9 * oracle.largest_stable_learning_rate(X)
        slowest = torch.linalg.eigvalsh(oracle.hessian(X))[0].item()
        double = copy.deepcopy(model).double()
        config = NaiveTrainerConfig(epochs=60, learning_rate=rate)
        run = NaiveTrainer(
            double, groundup.mean_squared_error, X.double(), y.double(), config
        ).train()
        least = oracle.quadratic(X, y, *model.parameters()).least_loss
        return charts.pace(run, least, (1 - rate * slowest) ** 2)

    _()
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A bug worth seeing

    Somebody prepared this data. Train on it, and the loss falls and settles, as it should:
    """)
    return


@app.cell
def _():
    def prepare(noise=0.1):
        generator = torch.Generator().manual_seed(42)
        X = torch.randn(4096, 6, generator=generator)
        y = torch.randn(4096, 1, generator=generator) + 2
        return X * noise, y

    X_odd, y_odd = prepare()
    odd = NaiveTrainer(
        LinearRegression(6, torch.Generator().manual_seed(0)),
        groundup.mean_squared_error,
        X_odd,
        y_odd,
        NaiveTrainerConfig(epochs=50, learning_rate=0.1),
    ).train()
    return odd, y_odd


@app.cell(hide_code=True)
def _(odd):
    charts.losses(odd)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    It looks fine. Would you ship it? Look at the trajectories before you answer. The dashed rules are the weights that the
    author meant to put into the data.
    """)
    return


@app.cell(hide_code=True)
def _(odd, true_w):
    charts.trajectories(odd, (true_w, torch.tensor([2.0])))
    return


@app.cell(hide_code=True)
def _(odd, y_odd):
    notebook.details(
        "What is wrong?",
        f"Six lines hardly move: only the bias has learned anything, and what it learned is the mean of `y`. The last loss is "
        f"**{odd.losses[-1]:.4f}**; the variance of `y`, which is the loss of a model that always answers with the mean, is "
        f"**{y_odd.var(correction=0).item():.4f}**. The model is worse than the dullest one.\n\n"
        "Two slips, both easy. `y` comes from a `randn` of its own and has nothing to do with `X`. And `noise` multiplies "
        "the features instead of the noise, which leaves a hundredth of the curvature along each weight: so even weights that "
        "have something to learn would crawl. A falling loss says that *something* fell. Compare it with the loss of the dullest model you can think of.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## In the frameworks

    You have built these pieces once. Here is each of them in four frameworks, by their names and with their defaults; the
    links lead to the very lines.

    | here | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 | [torchtitan][tt] 0.2.2 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- | :--- | :--- |
    | the five steps, in `train` | [`Closure.closure`][lt-step]: loss, zero, backward; [`optimizer.step`][lt-opt] calls it | [`training_step`][hf-step]: loss, backward; [the epoch][hf-epoch] updates, then zeroes | [`train_step`][tt-step]: zero, [forward and backward][tt-fb], update | [`train_step`][ke-step]: predict, zero, loss, backward, update |
    | `X`, `y` in `__init__` | loaders at [`fit`][lt-fit] | data sets in [`__init__`][hf-init] | [built in `__init__`][tt-data], from the config | arrays at [`fit`][ke-fit], in batches of [32][ke-32] |
    | `epochs`, no default | `max_epochs=None`: [1000][lt-epochs] | [`num_train_epochs=3.0`][hf-args] | [`steps=10000`][tt-steps] | [`epochs=1`][ke-fit] |
    | `learning_rate`, no default | yours, in [`configure_optimizers`][lt-lr] | [`learning_rate=5e-5`][hf-lr], for AdamW | [`lr=8e-4`][tt-lr], for AdamW | [`learning_rate=0.01`][ke-lr], in SGD |
    | `NaiveTrainerConfig` | arguments of [`Trainer`][lt-init] | [`TrainingArguments`][hf-config] | [`JobConfig`][tt-config] | arguments of [`compile`][ke-compile] and `fit` |
    | `NaiveTrainerResult` | [None][lt-fit]; look at [`callback_metrics`][lt-metrics] | [`TrainOutput`][hf-out] | [None][tt-train]; the losses are logged | [`History`][ke-history]: a list for each measure |
    | `p.grad = None` | [`optimizer.zero_grad`][lt-zero] | [`model.zero_grad`][hf-epoch] | [`optimizers.zero_grad`][tt-step] | [`self.zero_grad`][ke-step] |
    | `make_regression` and `LinearRegression`, to test it all | | [`RegressionDataset`][hf-data] with $a = 2$, $b = 3$, noise 0.1 and seed 42; [`RegressionModel`][hf-model] with parameters `a` and `b` | | |

    The zeroing, four times by another name, ends in torch's `zero_grad(set_to_none=True)`, that of
    [the optimizer][pt-zero] or that of [the module][pt-module], and both do what step one of your loop does. Two differences are worth a thought. Lightning computes the loss *before* it zeroes the gradients, and
    `transformers` zeroes after the update instead of before the next: any place will do between an update and the next
    `backward`. And `transformers` tests its trainer with a linear regression of one slope and one intercept, for the reason
    that you are reading about one: the answer is known.

    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-step]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/optimization/automatic.py#L128-L142
    [lt-opt]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/core/module.py#L1337-L1368
    [lt-fit]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L522-L530
    [lt-epochs]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/utilities.py#L71-L80
    [lt-lr]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/core/module.py#L990-L1090
    [lt-init]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L93-L102
    [lt-metrics]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L1700-L1724
    [lt-zero]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/core/module.py#L1370-L1391
    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-step]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2043-L2120
    [hf-epoch]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1928-L1946
    [hf-init]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L379-L398
    [hf-args]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L777-L779
    [hf-lr]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L787
    [hf-config]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L179-L180
    [hf-out]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_utils.py#L260-L263
    [hf-data]: https://github.com/huggingface/transformers/blob/2d754248977f8e25edd8cd4d6d272e86f362d4a5/tests/trainer/trainer_test_utils.py#L126-L141
    [hf-model]: https://github.com/huggingface/transformers/blob/2d754248977f8e25edd8cd4d6d272e86f362d4a5/tests/trainer/trainer_test_utils.py#L302-L315
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-step]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L547-L601
    [tt-fb]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L481-L545
    [tt-data]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L126-L135
    [tt-steps]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L267-L268
    [tt-lr]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L133-L139
    [tt-config]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L999-L1011
    [tt-train]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L650-L713
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-step]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L41-L81
    [ke-fit]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L175-L193
    [ke-32]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/data_adapters/array_data_adapter.py#L87-L88
    [ke-lr]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/sgd.py#L43-L45
    [ke-compile]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/trainer.py#L40-L51
    [ke-history]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/history.py#L34-L42
    [pt-module]: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/modules/module.py#L2948
    [pt-zero]: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/optimizer.py#L1024-L1062
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your turn

    Three functions to write. In the notebook, replace `raise NotImplementedError` and run the cell: the verdict under it
    tells what is still wrong. The solutions are folded away.

    ### Weight decay

    Add **weight decay** to the loop: in step five each parameter also moves towards zero, by
    `learning_rate * weight_decay` times itself, as in `torch.optim.SGD(…, weight_decay=…)`. Train `model` in place and
    return the list of losses.
    """)
    return


@app.function
def train_with_decay(model, X, y, epochs, learning_rate, weight_decay):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_decay(attempt):
        for weight_decay in (0.0, 0.5):
            generator = torch.Generator().manual_seed(7)
            X, y = make_regression(64, 3, generator=generator)
            model = LinearRegression(3, generator)
            expected = copy.deepcopy(model)
            optimizer = torch.optim.SGD(
                expected.parameters(), lr=0.1, weight_decay=weight_decay
            )
            losses = []
            for _ in range(20):
                optimizer.zero_grad()
                loss = groundup.mean_squared_error(expected(X), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            answer = attempt(model, X, y, 20, 0.1, weight_decay)
            if not isinstance(answer, list) or len(answer) != 20:
                return "Return a list with one loss for each of the 20 epochs."
            for p, q in zip(model.parameters(), expected.parameters(), strict=True):
                if not torch.allclose(p, q, atol=1e-5):
                    return f"With `weight_decay={weight_decay}` the parameters end elsewhere than those of `torch.optim.SGD`."
            if not torch.allclose(torch.tensor(answer), torch.tensor(losses), atol=1e-5):
                return "The parameters are right, but the losses are not those *before* each update."
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

    Given the losses of a run, return the epoch at which to stop: the first one at which the best loss so far is
    `patience` epochs old. A loss that only equals the best does not renew it. If there is no such epoch, return `len(losses)`.
    For `losses = [3.0, 2.0, 2.5, 2.0, 1.0]` and `patience = 2` it is 3.
    """)
    return


@app.function
def stopping_epoch(losses, patience):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_stopping(attempt):
        cases = [
            ([3.0, 2.0, 2.5, 2.0, 1.0], 2),
            ([3.0, 2.0, 2.5, 2.0, 1.0], 3),
            ([5.0, 4.0, 3.0, 2.0, 1.0], 1),
            ([1.0, 1.0], 1),
            ([1.0, 2.0, 0.5, 2.0, 2.0, 0.1], 2),
            ([], 1),
        ]
        for losses, patience in cases:
            streaks = range(patience, len(losses))
            expected = next(
                (
                    i
                    for i in streaks
                    if min(losses[i - patience + 1 : i + 1])
                    >= min(losses[: i - patience + 1])
                ),
                len(losses),
            )
            answer = attempt(list(losses), patience)
            if answer != expected:
                return f"For `losses = {losses}` and `patience = {patience}` it should be {expected}, but it is {answer}."
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

    A squared error of 100 counts a hundred times as much as one of 10. Write the **Huber loss**: half the squared error
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
        for delta in (0.5, 1.0, 3.0):
            y_pred = (4 * torch.randn(50, 1, generator=generator)).requires_grad_()
            y_true = torch.randn(50, 1, generator=generator)
            answer = attempt(y_pred, y_true, delta)
            expected = nn.functional.huber_loss(y_pred, y_true, delta=delta)
            if not isinstance(answer, torch.Tensor) or answer.dim() != 0:
                return "Return a tensor of shape `()`."
            if not torch.allclose(answer, expected, atol=1e-6):
                return f"With `delta={delta}` it should be {expected.item():.4f}, but it is {answer.item():.4f}."
            if not answer.requires_grad:
                return "The number is right, but it has no graph: nothing could be trained with it."
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
    and what is refused before the first step. You know what it costs: not one operation more. And you know that it
    computes the same.

    It is naive in one respect that matters. It looks at *all* of the data before it moves at all. Chapter two asks
    **who decides what a batch is**, and ends with the loop that no later chapter will touch again.

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
