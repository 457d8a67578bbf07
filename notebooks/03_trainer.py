import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="3 · The trainer — From the Ground Up",
    css_file="style.css",
    html_head_file="03_trainer.head.html",
)

with app.setup(hide_code=True):
    import copy
    import math
    import sys
    import textwrap

    import marimo as mo
    import torch
    from torch import nn

    from groundup import (
        MLP,
        PENGUIN_FEATURES,
        SGD,
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
        random_split,
        standardise,
    )

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 3 · The trainer

    **Did it learn, or memorise?**

    Chapter two left you with pieces, `Dataset`, `DataLoader`, `SGD` and `Average`, and with a loop over them that is still plain. It
    trains, and tells you a loss. What that loss is worth, you don't know yet.

    This chapter finds out, and the loop must bear it: it has to look at samples that it doesn't train on, remember what it saw, let
    others watch, stop when it is told, and leave nothing open when it breaks. Each time you feel the lack first, and then see the lines that mend it.
    At the end the loop is the one that every later chapter uses.
    """)
    return


@app.function(hide_code=True)
def grow(listing, *changes):
    """Put new lines in the place of old ones, however far in they stand: pairs of the two."""
    lines = listing.splitlines()
    for old, new in (map(textwrap.dedent, change) for change in changes):
        old, new = old.strip().splitlines(), new.strip().splitlines()
        (place,) = (
            i
            for i in range(len(lines))
            if textwrap.dedent("\n".join(lines[i : i + len(old)])).splitlines() == old
        )
        margin = lines[place][: -len(lines[place].lstrip())]
        lines[place : place + len(old)] = [(margin + line).rstrip() for line in new]
    return "\n".join(lines)


@app.function(hide_code=True)
def made(listing, name="Trainer", **others):
    """What a listing defines, with the package's own names around it, or others."""
    names = {**vars(sys.modules[Trainer.__module__]), **others}
    exec(listing, names)
    return names[name]


@app.cell(hide_code=True)
def _():
    plain = textwrap.dedent("""
        class Trainer:
            def __init__(
                self,
                model: nn.Module,
                loss: Measure,
                optimizer: _Optimizer,
                train_loader: Iterable[Any],
                *,
                epochs: int,
            ) -> None:
                self.model = model
                self.loss_function = loss
                self.optimizer = optimizer
                self.train_loader = train_loader
                self.epochs = epochs

            def train(self) -> list[float]:
                return [self._train_epoch() for _ in range(self.epochs)]

            def _train_epoch(self) -> float:
                train_loss = Average()
                for inputs, targets in self.train_loader:
                    loss = self._train_step(inputs, targets)
                    train_loss.add(loss, len(targets))
                return train_loss.value()

            def _train_step(self, inputs: Any, targets: Any) -> Tensor:
                self.optimizer.zero_grad()
                predictions = self.model(inputs)
                loss = self.loss_function(predictions, targets)
                loss.backward()
                self.optimizer.step()
                return loss
    """).strip()
    mo.md(rf"""
    ## The loop that you have

    {notebook.imports()}

    Here it is, as an object: what a run is told goes into `__init__`, and what it does has three names, a run, an epoch and a step.

    {notebook.listing(plain)}

    (`Measure` is short for a function of predictions and targets that gives a tensor, `_Optimizer` for whatever has `zero_grad` and `step`.)

    ## Did it learn, or memorise?

    Sixty samples of thirty features. Only the first feature counts, the others are noise, and so is a part of each target, with a
    variance of 1. Nobody can predict that part. Train on half of the samples. Each listing of this chapter is kept under a name, this one as `plain`, and `made` turns it into the class that it describes: what you read is what runs.
    """)
    return (plain,)


@app.cell
def _():
    draw, first_alone = torch.Generator().manual_seed(3), torch.eye(30)[:, :1]
    sixty = Dataset(*make_regression(60, 30, 1.0, draw, weights=first_alone))
    few_train, few_val = random_split(sixty, [0.5, 0.5], torch.Generator().manual_seed(0))
    return few_train, few_val


@app.cell
def _(few_train, plain):
    def pieces():
        model = LinearRegression(30, torch.Generator().manual_seed(0))
        nn.init.zeros_(model.weights)
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(few_train, 10, shuffle=True, generator=order)
        return model, mean_squared_error, SGD(model.parameters(), lr=0.02), loader

    memoriser, *rest = pieces()
    plain_losses = made(plain)(memoriser, *rest, epochs=60).train()
    charts.losses(plain_losses)
    return memoriser, pieces, plain_losses


@app.cell(hide_code=True)
def _(few_val, memoriser, plain_losses):
    with torch.no_grad():
        few_inputs, few_targets = few_val.tensors
        unseen = mean_squared_error(memoriser(few_inputs), few_targets).item()
    mo.md(rf"""
    {notebook.code_above("few_train", "plain_losses")}

    It ends at {plain_losses[-1]:.2f}.

    **Predict**: what is the loss of this model on the other thirty samples, which it has not seen? Smaller, the same, larger?

    {notebook.details("Answer", f"It is {unseen:.2f}, {unseen / plain_losses[-1]:.1f} times as large. You could have known that something was wrong: {plain_losses[-1]:.2f} is less than 1, the variance of the noise. A model that gets below it on average has learned the noise of these thirty samples by heart.")}

    ## Validation

    A loss on the samples that a model is trained on says how well it remembers. To know what it learned, ask it about others, and not at
    the end alone: you want to see *when* it went wrong. So after each epoch the trainer goes through a second loader:
    """)
    return


@app.cell(hide_code=True)
def _(plain):
    validated = grow(
        plain,
        (
            "epochs: int,",
            """
            epochs: int,
            val_loader: Iterable[Any] | None = None,
            """,
        ),
        (
            "self.epochs = epochs",
            """
            self.epochs = epochs
            self.val_loader = val_loader
            """,
        ),
        (
            "def train(self) -> list[float]:",
            "def train(self) -> list[tuple[float, float | None]]:",
        ),
        (
            "def _train_epoch(self) -> float:",
            "def _train_epoch(self) -> tuple[float, float | None]:",
        ),
        (
            "return train_loss.value()",
            """
            val_loss = None
            if self.val_loader is not None:
                measures = {"loss": self.loss_function}
                val_loss = evaluate(self.model, self.val_loader, measures)["loss"]
            return train_loss.value(), val_loss
            """,
        ),
    )
    notebook.diff(plain, validated, context=2)
    return (validated,)


@app.cell
def _(few_val, pieces, validated):
    both_losses = made(validated)(
        *pieces(), epochs=60, val_loader=DataLoader(few_val, 10)
    ).train()
    memorised = TrainerResult(*map(list, zip(*both_losses, strict=True)))
    charts.losses(memorised)
    return (memorised,)


@app.cell(hide_code=True)
def _(few_val, memorised, pieces):
    least = min(memorised.val_losses)
    turned = memorised.val_losses.index(least) + 1
    untrained = evaluate(
        pieces()[0], DataLoader(few_val, 10), {"loss": mean_squared_error}
    )["loss"]
    mo.md(rf"""
    {notebook.code_above("both_losses")}

    On the other samples the untrained model has a loss of {untrained:.3f}. After epoch 1 it is {memorised.val_losses[0]:.3f}, after epoch {turned} it is least, at {least:.3f}, and it ends at {memorised.val_losses[-1]:.3f}. From epoch {turned} on
    each epoch makes the model better on what it has seen and worse on everything else. That is **overfitting**, and no training loss tells you.

    The training loss is drawn in mid-epoch: it is a mean over an epoch in which the model moved. Validation looks at the epoch's end, with the model standing still.

    ### What a validation must not do

    It is a loop over batches, too, but one that leaves no trace. It must not learn, nor keep a graph for it: `no_grad`. Some modules behave
    differently while they train: `nn.Dropout` throws away a part of its inputs, at random (chapter five takes it apart). So all of
    them have to be in `eval` mode. And afterwards each has to be as it was:

    {notebook.source(evaluate)}

    (The `check_…` say in words what doesn't fit, `checked_batches` passes batches on and refuses what is none, and `_set_modes` gives each module a mode.) Take these lines away, one at a time, from this very code, and train a network with dropout:
    """)
    return


@app.cell(hide_code=True)
def _():
    in_training_mode = mo.ui.switch(label="validate without `eval` mode")
    left_in_eval = mo.ui.switch(label="forget to give the modes back")
    mo.vstack([in_training_mode, left_in_eval])
    return in_training_mode, left_in_eval


@app.cell(hide_code=True)
def _(few_val, pieces, validated):
    def train_with_dropout(removed=None):
        """Train with half of the features thrown away, a line of `evaluate` missing."""
        listing = notebook.code_of(evaluate)
        if removed is not None:
            listing = grow(listing, (removed, "pass"))
        model, loss, optimizer, loader = pieces()
        net = nn.Sequential(nn.Dropout(0.5), model)
        trainer = made(validated, evaluate=made(listing, "evaluate"))
        with torch.random.fork_rng(devices=[]):  # dropout draws from torch's own generator
            torch.manual_seed(0)
            run = trainer(
                net, loss, optimizer, loader, epochs=60, val_loader=DataLoader(few_val, 10)
            ).train()
        return TrainerResult(*map(list, zip(*run, strict=True)))

    dropout_runs = {
        "as it is": train_with_dropout(),
        "no eval": train_with_dropout("_set_modes(dict.fromkeys(modes, False))"),
        "not restored": train_with_dropout("_set_modes(modes)"),
    }
    return (dropout_runs,)


@app.cell(hide_code=True)
def _(dropout_runs, in_training_mode, left_in_eval):
    _switches = {"no eval": in_training_mode, "not restored": left_in_eval}
    charts.losses(
        {n: r for n, r in dropout_runs.items() if n not in _switches or _switches[n].value}
    )
    return


@app.cell(hide_code=True)
def _(dropout_runs):
    right_end, noisy_end, woken_end = dropout_runs.values()

    def late(run):
        """Mean and spread of the last twenty validation losses."""
        losses = torch.tensor(run.val_losses[-20:])
        return f"{losses.mean():.2f} ± {losses.std():.2f}"

    mo.md(rf"""
    {notebook.details("What happens?", f"Over the last twenty epochs the validation loss is {late(right_end)}. Without `eval` it is {late(noisy_end)}: it trembles, since it measures a model with half of its inputs missing, which nobody will use. Forget to give the modes back, and dropout is off from the second epoch on, without a word: the training loss falls to {woken_end.train_losses[-1]:.2f} instead of {right_end.train_losses[-1]:.2f}, and the validation loss is {late(woken_end)}. You look at a curve, and the look changes the run.")}

    ### Where does memorising begin?

    You have three ways out: stop earlier, show it fewer features, or find more samples. **Predict**, for the chart's first place, 64 samples and all 32 features: which helps more, half of the
    features or twice the samples? Then move the sliders and find where memorising begins. Grey are the validation losses for all numbers of features, from as many samples.
    """)
    return


@app.cell(hide_code=True)
def _():
    how_many, how_wide = [8, 16, 32, 64, 128, 256], [1, 2, 4, 8, 16, 32]

    def losses_of(samples, features, epochs=60, rate=0.1):
        """Training and validation loss before a run over all samples at once and after each epoch."""
        draw = torch.Generator().manual_seed(3)
        first = torch.eye(32)[:, :1]
        X, y = make_regression(256 + 1000, 32, noise=1.0, generator=draw, weights=first)
        model = LinearRegression(features, torch.Generator().manual_seed(0))
        nn.init.zeros_(model.weights)
        optimizer = SGD(model.parameters(), lr=rate)
        losses = []
        for _ in range(epochs + 1):
            predictions = model(X[:, :features])
            loss = mean_squared_error(predictions[:samples], y[:samples])
            losses.append(
                [loss.item(), mean_squared_error(predictions[256:], y[256:]).item()]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return losses

    explored = torch.tensor([[losses_of(n, k) for k in how_wide] for n in how_many])
    charts.memorising_explorer(*explored.unbind(-1), how_many, how_wide, noise=1.0)
    return explored, how_many, how_wide


@app.cell(hide_code=True)
def _(explored, how_many, how_wide):
    _n, _k = how_many.index(64), how_wide.index(32)
    _validation = explored[..., 1]
    _start, _half, _twice = (
        _validation[place][-1].item() for place in ((_n, _k), (_n, _k - 1), (_n + 1, _k))
    )
    _best = _validation[_n, _k].min().item()
    _epoch = _validation[_n, _k].argmin().item()
    _equal, _many = explored[_n - 1, _k, -1, 0], _validation[-1, _k, -1]
    _worst, _double = _validation[0, how_wide.index(8), -1], _validation[0, _k, -1]
    mo.md(rf"""
    {notebook.details("Answer", f"Twice the samples: {_twice:.2f} after 60 epochs, where half of the features give {_half:.2f}, and {_start:.2f} is where you started. And the third way costs nothing: stopped after {_epoch} epochs, the run that you started from has {_best:.2f}. With as many samples as features, 32 of both, the training loss falls to {_equal:.2f}: all noise is learned. With eight times as many samples the validation loss ends at {_many:.2f}, where the noise is 1. (With *fewer* samples than features the picture turns, from {_worst:.2f} for 8 of both to {_double:.2f} for 8 and 32: among the many ways to fit everything, descent from zero finds the smallest. That is called double descent.)")}

    ## Results that outlive the run

    Press Ctrl-C in the middle of a long run. What is left of its losses? Here a loader does it for you, in the third epoch: `interrupted(loader, 7)` passes seven batches on and then raises what Ctrl-C raises, and `left_of(trainer)` trains and gives its result, if there is one.
    """)
    return


@app.function(hide_code=True)
def interrupted(loader, batches):
    """The loader's batches, and after so many of them Ctrl-C, once."""

    class Loader:
        left = batches

        def __iter__(self):
            for batch in loader:
                self.left -= 1
                if self.left == -1:
                    raise KeyboardInterrupt
                yield batch

    return Loader()


@app.function(hide_code=True)
def left_of(trainer):
    """What can be read of a run that is interrupted."""
    try:
        trainer.train()
    except KeyboardInterrupt:
        return getattr(trainer, "result", "nothing")


@app.cell
def _(few_val, pieces, validated):
    def with_ctrl_c(listing):
        *others, loader = pieces()
        val_loader = DataLoader(few_val, 10)
        return made(listing)(
            *others, interrupted(loader, 7), epochs=60, val_loader=val_loader
        )

    lost = left_of(with_ctrl_c(validated))
    return lost, with_ctrl_c


@app.cell(hide_code=True)
def _(lost, validated):
    recorded = grow(
        validated,
        (
            "val_loader: Iterable[Any] | None = None,",
            """
            val_loader: Iterable[Any] | None = None,
            metrics: Mapping[str, Measure] | None = None,
            """,
        ),
        (
            "self.val_loader = val_loader",
            """
            self.val_loader = val_loader
            metrics = {} if metrics is None else metrics
            self.measures = {"loss": loss, **metrics}

            self.epoch = self.step = 0
            self.result = TrainerResult(metrics={name: [] for name in metrics})
            """,
        ),
        (
            """
            def train(self) -> list[tuple[float, float | None]]:
                return [self._train_epoch() for _ in range(self.epochs)]

            def _train_epoch(self) -> tuple[float, float | None]:
            """,
            """
            def train(self) -> TrainerResult:
                while self.epoch < self.epochs:
                    self._train_epoch()
                return self.result

            def _train_epoch(self) -> None:
            """,
        ),
        (
            """
            val_loss = None
            if self.val_loader is not None:
                measures = {"loss": self.loss_function}
                val_loss = evaluate(self.model, self.val_loader, measures)["loss"]
            return train_loss.value(), val_loss
            """,
            """
            validated = {}
            if self.val_loader is not None:
                validated = evaluate(self.model, self.val_loader, self.measures)
            self.result.record(train_loss.value(), validated)
            self.epoch += 1
            """,
        ),
        (
            """
            self.optimizer.step()
            return loss
            """,
            """
            self.optimizer.step()
            self.step += 1
            return loss
            """,
        ),
    )
    mo.md(rf"""
    {notebook.code_above("lost")}

    What is left is {lost}. The list was a local variable of `train`, and died with it. What a run has found out must not depend on how it ends, so it goes into an object that the trainer holds from the
    start, and so does what a run has done: `epoch` and `step` count what is completed. With that, `train` can go on.

    {notebook.diff(validated, recorded, context=1)}

    `TrainerResult` has a list for each thing that is measured, and takes in an epoch at once:

    {notebook.source(TrainerResult.record)}

    While validation measures the loss, it may measure other things, too: `metrics`, functions like the loss, but with no need of a gradient. You will meet one with the birds.
    """)
    return (recorded,)


@app.cell
def _(recorded, with_ctrl_c):
    going_on = with_ctrl_c(recorded)
    interruption = repr(left_of(going_on))
    going_on.train()
    return going_on, interruption


@app.cell(hide_code=True)
def _(going_on, interruption, memorised, recorded):
    wished = grow(
        recorded,
        (
            "        self.optimizer.step()",
            """
            lengths = [p.grad.norm() for p in self.model.parameters()]
            self.gradient_lengths.append(torch.stack(lengths).norm())
            self.optimizer.step()
            """,
        ),
        (
            "self.epoch += 1",
            """
            self.epoch += 1
            print(f"epoch {self.epoch}: {train_loss.value():.3f}")
            self.parameters.append([p.clone() for p in self.model.parameters()])
            """,
        ),
    )
    _model = MLP(1000, 1000, torch.Generator().manual_seed(0))
    _numbers = sum(p.numel() for p in _model.parameters())
    mo.md(rf"""
    {notebook.code_above("going_on")}

    {notebook.table([{"when": "after Ctrl-C", "what can be read": interruption}, {"when": "once it has gone on", "what can be read": repr(going_on.result)}])}

    It goes on with the epoch that was cut, from that epoch's start: one step is taken twice, {going_on.step} in all and not {60 * 3}, so it does not end where an uninterrupted run ends ({memorised.val_losses[-1]:.3f}). Chapter six mends that.

    ## Who watches?

    You want the loss printed, the gradient's length written down, each parameter kept as in chapter one. Three wishes:

    {notebook.diff(recorded[recorded.index("    def _train_epoch") :], wished[wished.index("    def _train_epoch") :], context=1)}

    And tomorrow a fourth. Each costs those who did not ask for it: a network of {_numbers:,} numbers, kept after each of 100 epochs, takes {_numbers * 4 * 100 / 1e9:.1f} GB. `NaiveTrainer` kept them all, always.

    So the loop does none of it. It *says* where it is, and whoever wants to know listens: a **callback** is an object with methods, called **hooks**.

    {notebook.source(Callback)}

    Who listens wants to see something: the batch, the predictions, the loss. In local variables nobody could, so they become attributes.
    """)
    return


@app.cell(hide_code=True)
def _(recorded):
    # The package's own step, but that it does not yet forget.
    _step = notebook.code_of(Trainer._train_step).replace("    self._forget_step()", "")
    hooked = grow(
        recorded,
        (
            """
            def _train_step(self, inputs: Any, targets: Any) -> Tensor:
                self.optimizer.zero_grad()
                predictions = self.model(inputs)
                loss = self.loss_function(predictions, targets)
                loss.backward()
                self.optimizer.step()
                self.step += 1
                return loss
            """,
            f"{_step}\n\n{notebook.code_of(Trainer._call)}",
        ),
        (
            "metrics: Mapping[str, Measure] | None = None,",
            """
            metrics: Mapping[str, Measure] | None = None,
            callbacks: Iterable[Callback] = (),
            """,
        ),
        (
            'self.measures = {"loss": loss, **metrics}',
            """
            self.measures = {"loss": loss, **metrics}
            self._hooks = {
                hook: [getattr(c, hook) for c in callbacks if _overrides(c, hook)]
                for hook in HOOKS
            }
            """,
        ),
        (
            """
            while self.epoch < self.epochs:
                self._train_epoch()
            """,
            """
            self._call("on_train_start")
            while self.epoch < self.epochs:
                self._train_epoch()
            self._call("on_train_end")
            """,
        ),
        (
            """
            train_loss = Average()
            for inputs, targets in self.train_loader:
                loss = self._train_step(inputs, targets)
                train_loss.add(loss, len(targets))
            """,
            """
            self.batch, self.train_loss = 0, Average()
            self._call("on_epoch_start")
            for self.inputs, self.targets in self.train_loader:
                self._train_step()
            """,
        ),
        (
            """
            self.result.record(train_loss.value(), validated)
            self.epoch += 1
            """,
            """
            self.result.record(self.train_loss.value(), validated)
            self.epoch += 1
            self._call("on_epoch_end")
            """,
        ),
    )
    step, called = (listing.index("    def _train_step(") for listing in (recorded, hooked))
    X, y = make_regression(
        512, 6, noise=0.5, generator=torch.Generator().manual_seed(42), bias=0.5
    )
    model = LinearRegression(6, torch.Generator().manual_seed(0))
    naive = NaiveTrainer(
        copy.deepcopy(model), mean_squared_error, X, y, NaiveTrainerConfig(30, 0.2)
    ).train()
    mo.md(rf"""
    {notebook.diff(recorded[:step], hooked[:called], context=1)}

    And the step, which reads as before:

    {notebook.diff(recorded[step:], hooked[called:], context=1)}

    `HOOKS` are the names of the seven. `_hooks` is collected once, of those methods alone that a callback really has of its own: a hook that nobody listens to costs no call. And this is what left the loop:

    {notebook.source(ParameterHistory)}

    Hang it into a run over all of chapter one's kind of data at once, beside `NaiveTrainer`:
    """)
    return X, hooked, model, naive, y


@app.cell
def _(X, hooked, model, y):
    ours, history = copy.deepcopy(model), ParameterHistory()
    optimizer = SGD(ours.parameters(), lr=0.2)
    everything = DataLoader(Dataset(X, y), 512)
    watched = made(hooked)(
        ours, mean_squared_error, optimizer, everything, epochs=30, callbacks=[history]
    ).train()
    charts.training(NaiveTrainerResult(watched.train_losses, history.parameters))
    return (history,)


@app.cell(hide_code=True)
def _(few_val, history, naive, pieces):
    same_epochs = sum(
        all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))
        for ours, theirs in zip(history.parameters, naive.parameters, strict=True)
    )

    class Told(Callback):
        """Write down which ends of the run it was told of."""

        def __init__(self):
            self.ends = []

        def on_epoch_end(self, trainer):
            self.ends.append(f"epoch {trainer.epoch}")

        def on_train_end(self, trainer):
            self.ends.append("run")

    def ends_of(listing, *callbacks):
        """What a listener hears, and what reaches the caller."""
        told = Told()
        val_loader = DataLoader(few_val, 10)
        trainer = made(listing)(
            *pieces(), epochs=60, val_loader=val_loader, callbacks=[*callbacks, told]
        )
        try:
            given = trainer.train()
        except StopIteration as error:
            given = error
        return [
            {"who": "the caller gets", "what": repr(given)},
            {"who": "a listener hears of", "what": ", ".join(told.ends)},
        ]

    mo.md(rf"""
    {notebook.code_above("watched")}

    In {same_epochs} of {len(history.parameters)} epochs the seven numbers are the very ones that `NaiveTrainer` stored in itself.

    By agreement a callback never changes the arithmetic. Nothing stops one that does.

    ## Who says stop?

    The first run of this chapter memorises from its third epoch on. A callback sees it: it has the losses. But how can it end a run that is not its own? It can raise:
    """)
    return (ends_of,)


@app.cell
def _(ends_of, hooked):
    class Raise(Callback):
        def on_epoch_end(self, trainer):
            losses = trainer.result.val_losses
            if min(losses) < losses[-1]:
                raise StopIteration("it memorises")

    raised = ends_of(hooked, Raise())
    return (raised,)


@app.cell(hide_code=True)
def _(hooked, raised):
    stoppable = grow(
        hooked,
        (
            "def train(self) -> TrainerResult:",
            """
            def stop(self, reason: str) -> None:
                if self.result.stop_reason is None:
                    self.result.stop_reason = reason

            def train(self) -> TrainerResult:
            """,
        ),
        (
            """
            self._call("on_train_start")
            while self.epoch < self.epochs:
            """,
            """
            if self.epoch >= self.epochs:
                return self.result
            self.result.stop_reason = None
            self._call("on_train_start")
            while self.epoch < self.epochs and self.result.stop_reason is None:
            """,
        ),
        (
            """
            for self.inputs, self.targets in self.train_loader:
                self._train_step()
            """,
            """
            for self.inputs, self.targets in self.train_loader:
                if self.result.stop_reason is not None:
                    return
                self._train_step()
            """,
        ),
    )
    mo.md(rf"""
    {notebook.code_above("Raise")}

    {notebook.table(raised)}

    An error where there was none, and whoever listens below hears neither of the last epoch nor of the end. So give stopping a word: `trainer.stop(reason)` only writes the reason down, and the loop looks before each step.

    {notebook.diff(hooked, stoppable, context=1)}

    A stop in an epoch's last step lets the epoch be validated and recorded; any other unfinished epoch is not recorded. Call `train` again, and the run goes on until `epochs` are done.
    """)
    return (stoppable,)


@app.cell
def _(ends_of, stoppable):
    class Stop(Callback):
        def on_epoch_end(self, trainer):
            losses = trainer.result.val_losses
            if min(losses) < losses[-1]:
                trainer.stop("it memorises")

    stopped = ends_of(stoppable, Stop())
    return (stopped,)


@app.cell(hide_code=True)
def _(pieces, stopped):
    def after_ctrl_c(listing, callback):
        """The callback, after a run that was interrupted in its third epoch."""
        *others, loader = pieces()
        run = made(listing)(
            *others, interrupted(loader, 7), epochs=60, callbacks=[callback]
        )
        left_of(run)
        return callback

    mo.md(rf"""
    {notebook.code_above("Stop")}

    {notebook.table(stopped)}

    Every listener hears of both, and the caller gets a result that says why.

    ## Who turns off the light?

    Some callbacks open something while the run lasts: a file, a progress bar, a connection. Let one light a lamp, and press Ctrl-C in the third epoch. Does it still burn?
    """)
    return (after_ctrl_c,)


@app.cell
def _(after_ctrl_c, stoppable):
    class Lamp(Callback):
        def on_train_start(self, trainer):
            self.burns = True

        def on_train_end(self, trainer):
            self.burns = False

    lamp = after_ctrl_c(stoppable, Lamp())
    return Lamp, lamp


@app.cell(hide_code=True)
def _(Lamp, after_ctrl_c, lamp, stoppable):
    clean = grow(
        stoppable,
        (
            """
            self._call("on_train_start")
            while self.epoch < self.epochs and self.result.stop_reason is None:
                self._train_epoch()
            self._call("on_train_end")
            """,
            """
            with ExitStack() as at_the_end:  # which calls the last one first
                for method in reversed(self._hooks["on_train_end"]):
                    at_the_end.callback(method, self)
                self._call("on_train_start")
                while self.epoch < self.epochs and self.result.stop_reason is None:
                    self._train_epoch()
            """,
        ),
    )
    mo.md(rf"""
    {notebook.code_above("Lamp")}

    It {"still burns: nobody told it" if lamp.burns else "is out"}. `on_train_end` has to be called whatever happens, for every callback, also when another one raises there. That is a `finally` that can't be forgotten:
    an `ExitStack` keeps what is to be called at the end, and calls it when its block is left, last one first. An error reaches the caller all the same.

    {notebook.diff(stoppable, clean, context=1)}

    Now the lamp {"still burns" if after_ctrl_c(clean, Lamp()).burns else "is out"}.

    ## The trainer, whole

    What is left is what a library owes to people whom it doesn't know: the last lines between yours and the package's, `__init__` aside.

    {notebook.diff(loop_of(clean), loop_of(notebook.code_of(Trainer)), context=1)}

    - **`checked_batches`** passes the batches on and refuses what is none, in words, before a parameter moves; `check_gave_batches` refuses a loader that gave nothing.
    - **`_forget_step`**: the attributes would keep a step's tensors alive, and with them the block of batches that the loader gathered, while it gathers the next.
    - **`_start_over`** makes a fresh average by `self._average`, so that several processes can bring one that adds up over all of them. It stands where an epoch *ends*, and `checked_batches` skips the first `self.batch` ones: a run
      that is put back into the middle of an epoch goes on there. How, is chapter six's.

    And `__init__` refuses what can't work. (Setting `callbacks` there is what collects the hooks, so that it happens again when they are set anew. `measures` has become a property: the loss as it is now, and the metrics.)

    {notebook.details("The whole of __init__", notebook.source(Trainer.__init__))}
    """)
    return (clean,)


@app.function(hide_code=True)
def loop_of(listing):
    """A trainer's listing from `stop` on."""
    return listing[listing.index("    def stop(") :]


@app.cell(hide_code=True)
def _(clean, pieces):
    def said_of(optimizer=None, loader=None):
        """What `Trainer` says of pieces that don't fit."""
        model, loss, right, whole = pieces()
        try:
            Trainer(model, loss, optimizer or right, loader or whole, epochs=2).train()
        except (TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}".partition(", got")[0]

    student, *_, batches = pieces()
    start = copy.deepcopy(student.weights)
    made(clean)(student, mean_squared_error, pieces()[2], batches, epochs=2).train()
    unmoved = torch.equal(student.weights, start)
    mistakes = [
        {
            "what you hand over": "the optimizer of another model",
            "what you get": said_of(optimizer=pieces()[2]),
        },
        {
            "what you hand over": "a generator, empty in the second epoch",
            "what you get": said_of(loader=(batch for batch in pieces()[3])),
        },
        {
            "what you hand over": "batches of inputs alone",
            "what you get": said_of(loader=[batch[0] for batch in pieces()[3]]),
        },
    ]
    mo.md(rf"""
    Three mistakes. Unchecked, the first one trains for two epochs, says nothing, and {"leaves each weight where it was" if unmoved else "moves the weights"}:

    {notebook.table(mistakes)}

    And here is the loop. A step: your five, in your order.

    {notebook.source(Trainer._train_step)}

    An epoch:

    {notebook.source(Trainer._train_epoch)}

    A run:

    {notebook.source(Trainer.train)}

    Ask of each name whose decision it is.

    | in the loop | whose decision | what the trainer asks of it |
    | :--- | :--- | :--- |
    | `train_loader` | what a batch is, in which order | that it can be iterated |
    | `model` | what is predicted | `model(inputs)` |
    | `loss_function`, `measures` | what is wrong | `f(predictions, targets)` |
    | `optimizer` | how a parameter moves | `zero_grad()`, `step()` |
    | `train_loss` | what is averaged, and over whom | `add(value, count)`, `value()` |
    | `_call("on_…")` | who watches | a `Callback` |

    The loop decides one thing: what comes after what. That is why it need never grow.

    ### Does it still compute the same?

    Each trainer of this chapter, on the same sixty samples: the largest difference from the loop that you began with.
    """)
    return


@app.cell(hide_code=True)
def _(clean, hooked, pieces, plain, recorded, stoppable, validated):
    def trained(trainer, optimizer=SGD, foreign=False):
        """Losses and weights of ten epochs."""
        model, loss, _, loader = pieces()
        if foreign:
            loader = torch.utils.data.DataLoader(loader.dataset, 10)
        result = trainer(
            model, loss, optimizer(model.parameters(), lr=0.02), loader, epochs=10
        ).train()
        losses = getattr(result, "train_losses", result)
        if isinstance(losses[0], tuple):
            losses = [loss for loss, _ in losses]
        return losses, model.weights.detach()

    def in_order(parameters, lr):
        return torch.optim.SGD(parameters, lr=lr, foreach=False)

    ladder = {"plain": trained(made(plain))}
    for _name, _listing in {
        "with validation": validated,
        "with results": recorded,
        "with hooks": hooked,
        "with stopping": stoppable,
        "with clean-up": clean,
    }.items():
        ladder[_name] = trained(made(_listing))
    ladder |= {
        "`Trainer`": trained(Trainer),
        "`Trainer` with `torch.optim.SGD`": trained(Trainer, in_order),
    }
    notebook.table(
        {
            "trainer": name,
            "losses": notebook.largest_difference(losses, ladder["plain"][0]),
            "weights": notebook.largest_difference(weights, ladder["plain"][1]),
        }
        for name, (losses, weights) in ladder.items()
    )
    return


@app.cell(hide_code=True)
def _(few_val, pieces):
    recipe = TrainerConfig(epochs=3, batch_size=10, learning_rate=0.02)
    text = recipe.to_json()

    def run_of(config):
        model, loss, _, loader = pieces()
        return config.build(model, loss, loader.dataset, val_data=few_val).train()

    same_run = run_of(TrainerConfig.from_json(text)) == run_of(recipe)

    def refusal(text):
        try:
            return repr(TrainerConfig.from_json(text))
        except (TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    refusals = [
        {"text": f"`{text}`", "what you get": refusal(text)}
        for text in (
            '{"epochs": 3, "batch_size": 8}',
            '{"epochs": 3, "batch_size": 0, "learning_rate": 0.1}',
            '{"epochs": 3, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.9}',
        )
    ]
    mo.md(rf"""
    Each step of the growth is equal to the one before, **bit for bit**. Torch's `SGD` multiplies and adds in one rounding where ours rounds twice, as in chapter two.

    ## The recipe

    To run this you put five pieces together. A **`TrainerConfig`** holds what a run can be told by a number or a word, and makes the pieces from it:

    {notebook.source(TrainerConfig.build)}

    Data, model and loss are not in it. The loop never reads a recipe: `build` turns it into pieces *before* the run, a line for each. So who wants another piece hands it to `Trainer` directly, and no flag has to be invented for it.
    What a recipe buys is that it can be kept, as text:

    {notebook.listing(text)}

    Read back and trained again on the same data, that is {"the very same run" if same_run else "another run"}.
    A text from elsewhere may hold anything, so it is checked before a run starts:

    {notebook.table(refusals)}

    ## Birds

    Data that nobody made up: between 2007 and 2009 Kristen Gorman measured penguins of three species at Palmer Station, Antarctica, and whoever uses the file can ask a question that is not trivial: is the bird male? Males are
    heavier, but an average female Gentoo outweighs an average male Adelie, and nobody tells the model the species.

    Three parts: train on the first, choose by the second, leave the third shut. All three are counted in standard deviations of the *training* part, from its mean (why, you will see).
    """)
    return


@app.cell
def _():
    penguins = Dataset(*load_penguins())
    raw_train, raw_val, raw_test = random_split(
        penguins, [0.6, 0.2, 0.2], torch.Generator().manual_seed(0)
    )
    bird_train, bird_val, bird_test = standardise(raw_train, raw_train, raw_val, raw_test)
    [len(bird_train), len(bird_val), len(bird_test)]
    return bird_test, bird_train, bird_val, penguins, raw_train


@app.cell(hide_code=True)
def _(bird_val, penguins):
    def surprises(z):
        """The loss of a logit z where the answer is 0, in two steps and in one, each with its gradient."""
        row = {"logit": z}
        for name, loss in {
            "two steps": lambda z: -torch.log(1 - torch.sigmoid(z)),
            "one step": lambda z: binary_cross_entropy_with_logits(z, torch.tensor(0.0)),
        }.items():
            logit = torch.tensor(z, requires_grad=True)
            value = loss(logit)
            value.backward()
            row |= {
                name: value.item(),
                "its gradient" + " " * (name == "one step"): logit.grad.item(),
            }
        return row

    mo.md(rf"""
    {notebook.code_above("penguins")}

    `load_penguins` gives the {len(penguins)} birds of which all is known, with four measurements each. And this is `standardise`:

    {notebook.source(standardise)}

    The model changes. **Logistic regression** is your linear model, read in another way: its output $z$ is a **logit**, and the probability of a male is $\sigma(z) = 1 / (1 + e^{{-z}})$. The loss changes, too: how surprised
    is the model by what it sees, $-\log p$ of the right answer? That is the **binary cross-entropy**, and it takes logits, not probabilities. Why not one after the other? Let the model be sure, and wrong:

    {notebook.table([surprises(z) for z in (1.0, 10.0, 16.0, 20.0, 100.0)])}

    From a logit of 17 on, $\sigma(z)$ is exactly 1 in single precision, so two steps give $\log 0$: an infinite loss, a gradient that is no number, and every parameter is gone. In one step a sure mistake costs $z$, as it should:

    {notebook.source(binary_cross_entropy_with_logits)}

    The trainer does *not* change. What you want to know is the share of birds that are right, a measure without a gradient. It goes in as a **metric**:

    {notebook.source(binary_accuracy)}

    ### The trainer, live

    <span class="controls-only">Drag.</span> Training and validation loss, and the share of the {len(bird_val)} validation birds that are right:
    """)
    return


@app.cell(hide_code=True)
def _():
    learning_rate = mo.ui.slider(
        steps=[0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
        value=0.5,
        label="learning rate",
        show_value=True,
    )
    batch_size = mo.ui.slider(
        steps=[1, 4, 8, 16, 32, 64, 128, 200], value=32, label="batch size", show_value=True
    )
    epochs = mo.ui.slider(start=1, stop=40, value=40, label="epochs", show_value=True)
    weight_decay = mo.ui.slider(
        steps=[0.0, 0.001, 0.01, 0.1, 1.0], value=0.0, label="weight decay", show_value=True
    )
    mo.vstack([learning_rate, batch_size, epochs, weight_decay])
    return batch_size, epochs, learning_rate, weight_decay


@app.cell
def _(batch_size, epochs, learning_rate, weight_decay):
    config = TrainerConfig(
        epochs=epochs.value,
        batch_size=batch_size.value,
        learning_rate=learning_rate.value,
        weight_decay=weight_decay.value,
    )
    return (config,)


@app.cell
def _(bird_train, bird_val, config):
    result = config.build(
        LogisticRegression(4, torch.Generator().manual_seed(0)),
        binary_cross_entropy_with_logits,
        bird_train,
        val_data=bird_val,
        metrics={"accuracy": binary_accuracy},
    ).train()
    charts.losses(result, metric="accuracy")
    return


@app.cell(hide_code=True)
def _(bird_train, raw_train):
    bird_recipe = TrainerConfig(epochs=40, batch_size=32, learning_rate=0.5)

    def birds_model(columns):
        """A model of these features, trained by the recipe."""
        model = LogisticRegression(len(columns), torch.Generator().manual_seed(0))
        inputs, targets = bird_train.tensors
        some = Dataset(inputs[:, columns], targets)
        bird_recipe.build(model, binary_cross_entropy_with_logits, some).train()
        return model

    bird_model = birds_model([0, 1, 2, 3])
    without_mass = birds_model([0, 1, 2])
    _X, _male = raw_train.tensors[0], raw_train.tensors[1].flatten() == 1
    longer = (_X[_male].mean(0) - _X[~_male].mean(0))[2].item()
    _, depth, flipper, mass = bird_model.weights.flatten().tolist()
    weights_of_birds = [
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
    ]
    mo.md(rf"""
    {notebook.code_above("config", "result")}

    ### What the weights say

    The features are in standard deviations, so their weights can be compared. One deviation more multiplies the odds of a male by $e^w$:

    {notebook.table(weights_of_birds)}

    (`birds_model` trains by the recipe that the sliders start with, on the features that it is given; here on all four.) Heavier and with a deeper bill means male: {mass:+.1f} and {depth:+.1f}. And the flipper? Males' are {longer:.0f} mm longer on average, and yet its weight of {flipper:+.2f} says nearly nothing. That is no contradiction: what a long flipper could tell, the mass
    tells already. Leave the mass out, and the flipper's weight becomes {without_mass.weights[2].item():+.1f}. A weight speaks of one feature *with the others held still*. With two features you can see it, one straight line through three species:
    """)
    return bird_model, birds_model


@app.cell(hide_code=True)
def _(bird_train, birds_model, raw_train):
    two = [PENGUIN_FEATURES.index(name) for name in ("bill_depth_mm", "body_mass_g")]
    two_model = birds_model(two)
    two_train = Dataset(bird_train.tensors[0][:, two], bird_train.tensors[1])
    two_right = evaluate(
        two_model, DataLoader(two_train, 64), {"accuracy": binary_accuracy}
    )
    raw_X, raw_y = raw_train.tensors[0][:, two], raw_train.tensors[1]
    charts.decision_boundary(
        raw_X,
        raw_y,
        lambda places: two_model((places - raw_X.mean(0)) / raw_X.std(0)),
        ("bill depth in mm", "body mass in g"),
        ("female", "male"),
        f"Two features get {two_right['accuracy']:.0%} of the training birds right",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The cloud at the left, heavy birds with shallow bills, are the Gentoos.

    ### The test part, once

    All is chosen: model, learning rate, epochs. Now open the part that nobody has looked at.
    """)
    return


@app.cell
def _(bird_model, bird_test):
    measures = {"loss": binary_cross_entropy_with_logits, "accuracy": binary_accuracy}
    on_new_birds = evaluate(bird_model, DataLoader(bird_test, 32), measures)
    return (on_new_birds,)


@app.cell(hide_code=True)
def _(bird_model, bird_test, bird_val, on_new_birds):
    share = on_new_birds["accuracy"]
    validated_share = evaluate(
        bird_model, DataLoader(bird_val, 32), {"accuracy": binary_accuracy}
    )["accuracy"]
    margin = math.sqrt(
        sum(
            p * (1 - p) / len(birds)
            for p, birds in ((share, bird_test), (validated_share, bird_val))
        )
    )
    mo.md(rf"""
    {notebook.code_above("on_new_birds")}

    {notebook.table([on_new_birds])}

    {round(share * len(bird_test))} of {len(bird_test)} birds are right, {share:.0%}, where validation had {validated_share:.0%}. Shares of so
    few birds are uncertain: the difference has a standard error of {margin:.0%}, so it may well be chance.

    ## Break it yourself

    Two mistakes with data that no loop can prevent. Each makes a promise, the loss on the part that you look at. What you deliver is the loss on 2000 samples that nobody has looked at.

    ### Standardise before splitting

    Incomes, masses, sizes of cities: most are small, and a few are ten times as large. Three such features; the target depends on their logarithms, which the model doesn't know. Two hundred times over, 24 samples
    train, and 24 validate. Every number is right. **Predict**: what changes if you standardise all 48 before you split them?
    """)
    return


@app.cell(hide_code=True)
def _():
    too_early = mo.ui.switch(label="standardise before splitting")
    too_early
    return (too_early,)


@app.cell(hide_code=True)
def _():
    def promise(before_splitting, seed):
        """The loss on 24 validation samples, and on 2000 fresh ones."""
        draw = torch.Generator().manual_seed(seed)
        logs, y = make_regression(2048, 3, 0.3, draw, weights=torch.ones(3, 1))
        drawn = Dataset(torch.exp(logs), y)
        both = drawn[:48] if before_splitting else drawn[:24]
        parts = standardise(
            Dataset(*both),
            *(
                Dataset(*drawn[part])
                for part in (slice(24), slice(24, 48), slice(48, None))
            ),
        )
        model = LinearRegression(3, torch.Generator().manual_seed(0))
        nn.init.zeros_(model.weights)
        recipe = TrainerConfig(epochs=5, batch_size=24, learning_rate=0.2)
        recipe.build(model, mean_squared_error, parts[0]).train()
        with torch.no_grad():
            return [
                mean_squared_error(model(X), y).item()
                for X, y in (part.tensors for part in parts[1:])
            ]

    split_losses = {
        order: torch.tensor([promise(early, seed) for seed in range(200)]).mean(0).tolist()
        for order, early in {"split first": False, "too early": True}.items()
    }
    return (split_losses,)


@app.cell(hide_code=True)
def _(split_losses, too_early):
    charts.promises(split_losses, shown=["split first", "too early"][: 1 + too_early.value])
    return


@app.cell(hide_code=True)
def _(split_losses):
    honest_first, wrong_first = split_losses.values()
    mo.md(rf"""
    {notebook.details("Answer", f"Split first, you promise {honest_first[0]:.1f} and deliver {honest_first[1]:.1f}: ugly, and true. Standardise too early, and you promise {wrong_first[0]:.1f} and deliver {wrong_first[1]:.1f}. The largest sample of the validation part has set the unit in which all are counted, so it can't surprise the model any more. The next large one, tomorrow, can: nobody will have counted it in. That is **leakage**: the part that should judge has helped to train.")}

    ### Choose the epoch by the test part

    You train too long, you notice, and you keep the epoch that was best. Best on which part? Thirty times over: 24 samples train, 12 validate, 12 are the test part, and it has forty epochs to choose from.
    """)
    return


@app.cell(hide_code=True)
def _():
    choose_by_test = mo.ui.switch(label="choose the epoch by the test part")
    choose_by_test
    return (choose_by_test,)


@app.cell(hide_code=True)
def _():
    def losses_by_epoch(seed):
        """The losses on 12 validation, 12 test and 2000 fresh samples, after each of 40 epochs."""
        draw = torch.Generator().manual_seed(seed)
        drawn = Dataset(*make_regression(2048, 20, 1.0, draw, weights=torch.eye(20)[:, :1]))
        parts = [drawn[24:36], drawn[36:48], drawn[48:]]
        student = LinearRegression(20, draw)
        nn.init.zeros_(student.weights)

        rows = []

        class Look(Callback):
            def on_epoch_end(self, trainer):
                with torch.no_grad():
                    rows.append([mean_squared_error(student(X), y) for X, y in parts])

        recipe = TrainerConfig(epochs=40, batch_size=12, learning_rate=0.05, seed=seed)
        train = Dataset(*drawn[:24])
        recipe.build(student, mean_squared_error, train, callbacks=[Look()]).train()
        return torch.tensor(rows)

    forty_epochs = torch.stack([losses_by_epoch(seed) for seed in range(30)])

    def chosen_by(part):
        val, test, fresh = forty_epochs.unbind(-1)
        best = {"validation": val, "test": test}[part].argmin(1, keepdim=True)
        return test.gather(1, best).mean().item(), fresh.gather(1, best).mean().item()

    return chosen_by, forty_epochs


@app.cell(hide_code=True)
def _(choose_by_test, chosen_by):
    test_promises = {f"by {part}": chosen_by(part) for part in ("validation", "test")}
    charts.promises(
        test_promises, shown=["by validation", "by test"][: 1 + choose_by_test.value]
    )
    return


@app.cell(hide_code=True)
def _(chosen_by, forty_epochs):
    by_validation, by_test = chosen_by("validation"), chosen_by("test")
    _val, _test, _fresh = forty_epochs.unbind(-1)
    _gaps = (_test - _fresh).gather(1, _val.argmin(1, keepdim=True))
    chance = _gaps.std().item() / math.sqrt(len(_gaps))
    mo.md(rf"""
    {notebook.details("What does the test part promise?", f"Chosen by validation, the test loss is {by_validation[0]:.2f} on average and fresh samples give {by_validation[1]:.2f}: no difference beyond chance, whose standard error is {chance:.2f}. Chosen by the test part itself, it promises {by_test[0]:.2f} and you deliver {by_test[1]:.2f}. Nothing was trained on it, not one gradient: among forty epochs, one looks good by luck. Choosing is enough. So open it once, at the very end.")}

    ## What it costs

    Operations first, since they can be counted: one epoch of the loop that you began with and of `Trainer`, over the same batches.
    """)
    return


@app.cell
def _(pieces, plain):
    operations = {
        name: count_operations(trainer(*pieces(), epochs=1).train).total()
        for name, trainer in {"plain": made(plain), "`Trainer`": Trainer}.items()
    }
    small, large = (notebook.measured(job) for job in ("train-mini-batch", "train-network"))
    charts.ratios(small.ratios, "Batches of 32: time, loop by hand = 1")
    return large, operations, small


@app.cell(hide_code=True)
def _(large, operations, small):
    mo.md(rf"""
    {notebook.code_above("operations")}

    Hooks, results, stopping and clean-up have added **none**: {operations["plain"]} operations before, {operations["`Trainer`"]} after. What they cost is Python's time. `make bench` measured it beside what people use instead: the chart shows {small.setting}, on {small.machine}, with one thread, all that is optional switched off, all seeing the same batches and ending at the same parameters.

    `Trainer` (*groundup* in the chart) takes {charts.times(small.ratios["groundup"])} the time of the loop by hand, Lightning **{charts.times(small.ratios["lightning"])}**, `transformers` **{charts.times(small.ratios["transformers"])}**. Part of that they share with *torch*, the loop by hand over torch's own loader
    and optimizer: {charts.times(small.ratios["torch"])}. The rest is what a trainer for every purpose does around each step. (*fabric* is Lightning's layer for loops of one's own, *ignite* and *skorch* are two more trainers.)

    Where does that vanish? Where a step has more to compute. With two layers of 512 units in place of the line ({large.setting}), Lightning takes {charts.times(large.ratios["lightning"])} the time of the loop by hand, `transformers` {charts.times(large.ratios["transformers"])}, torch's pieces alone {charts.times(large.ratios["torch"])}, `Trainer` {charts.times(large.ratios["groundup"])}.
    The chart says what an abstraction costs, not what it is worth. How each contender is set up stands in `benchmarks/RESULTS.md`.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## In the frameworks

    Who measures, who stops, who is told? Four frameworks, by their names and with their defaults; the links lead to the very lines.

    | what | here | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 |
    | :--- | :--- | :--- | :--- |
    | the validation loss | weighted by samples | [weighted by batch size][lt-mean] | each batch mean [repeated][hf-repeat] by the configured batch size and cut to the number of samples, then the mean |
    | who restores training mode | `evaluate`, module by module | the loop, [module][lt-eval] by [module][lt-modes] | the next step: [`model.train()`][hf-train] |
    | who watches | a `Callback` | a [`Callback`][lt-callback] | a [`TrainerCallback`][hf-callback] |
    | stop | `trainer.stop(…)`: before the next step | `trainer.should_stop`: [before the next batch][lt-stop], after a [last validation][lt-stopval] | [`control.should_training_stop`][hf-control]: [after this batch][hf-stop] |
    | who makes the pieces | `TrainerConfig.build`, or you | you, at [`fit`][lt-fit]; the optimizer by [`configure_optimizers`][lt-optim] | the trainer, from [`TrainingArguments`][hf-config], [as training starts][hf-prepare] |

    | what | here | [torchtitan][tt] 0.2.2 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- | :--- |
    | the validation loss | weighted by samples | mean of the [batch means][tt-valmean] | [weighted by batch size][ke-testloss] |
    | who restores training mode | `evaluate`, module by module | `validate`, at its end: [`model.train()`][tt-valtrain] | the next epoch: [`self.train()`][ke-train] |
    | who watches | a `Callback` | nobody; parts in a [`TrainSpec`][tt-spec] | a [`Callback`][ke-callback] |
    | stop | `trainer.stop(…)`: before the next step | [`should_continue_training`][tt-continue], to override: before the next step | `model.stop_training`: [after this batch][ke-stop]; validation still runs |
    | who makes the pieces | `TrainerConfig.build`, or you | the trainer, from a [`JobConfig`][tt-config], [in][tt-data] [`__init__`][tt-optim] | you: optimizer in [`compile`][ke-compile], data [at `fit`][ke-iter] |

    **Restoring the mode**: Lightning gives each submodule back the mode that it had, as `evaluate` does; the others call `train()` on the whole, which wakes a submodule that you had put to sleep on purpose.

    **And where does the recipe go?** torchtitan prepares everything in `__init__`, from a config, as `build` does. `transformers` takes the data there, but builds loaders and optimizer as training starts. Lightning and Keras take data at `fit`: one trainer serves many
    models. What a config buys is that a run is one text; what it costs is that each new piece wants a flag, unless, as here, the pieces can also be handed over.

    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-callback]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L295-L426
    [hf-config]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L179-L180
    [hf-control]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L234-L266
    [hf-prepare]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1596-L1615
    [hf-repeat]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2997-L3000
    [hf-stop]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1963-L1966
    [hf-train]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2072
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-callback]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/callback.py#L7-L308
    [ke-compile]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/trainers/trainer.py#L40-L51
    [ke-iter]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L221-L231
    [ke-stop]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L269-L272
    [ke-testloss]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L96-L101
    [ke-train]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/backend/torch/trainer.py#L257-L260
    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-callback]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/callbacks/callback.py#L25-L286
    [lt-eval]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/evaluation_loop.py#L338-L352
    [lt-fit]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L522-L530
    [lt-mean]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/logger_connector/result.py#L231-L252
    [lt-modes]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/utilities/model_helpers.py#L64-L83
    [lt-optim]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/strategies/strategy.py#L131-L139
    [lt-stop]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/training_epoch_loop.py#L135-L144
    [lt-stopval]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/training_epoch_loop.py#L540-L543
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-config]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L999-L1011
    [tt-continue]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L712-L713
    [tt-data]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L126-L135
    [tt-optim]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L274-L277
    [tt-spec]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/protocols/train_spec.py#L43-L56
    [tt-valmean]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/validate.py#L257-L262
    [tt-valtrain]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/validate.py#L272-L274
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your turn

    Two pieces to write. In the notebook, replace `raise NotImplementedError` and run the cell: the verdict under it tells what is still wrong. The solutions are folded away.

    ### Stop when validation gains nothing

    Return a `Callback` that calls `trainer.stop("…")` at the end of the first epoch at which the best validation loss is `patience` epochs old. The losses are in `trainer.result.val_losses`; an equal loss is no gain.
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

        class Epochs(Callback):
            begun = 0

            def on_epoch_start(self, trainer):
                self.begun += 1

        for losses, patience, epochs in runs:
            callback, heard = attempt(patience), Epochs()
            if not isinstance(callback, Callback):
                return "Return an instance of a class that inherits from `Callback`."
            model = LinearRegression(1, torch.Generator().manual_seed(0))
            train = [(torch.ones(1, 1), torch.ones(1, 1))]
            still_to_come = iter(losses)

            def loss(predictions, targets, still_to_come=still_to_come):
                if torch.is_grad_enabled():
                    return mean_squared_error(predictions, targets)
                return torch.tensor(next(still_to_come))

            trainer = Trainer(
                model,
                loss,
                SGD(model.parameters(), 0.1),
                train,
                epochs=len(losses),
                val_loader=train,
                callbacks=[callback, heard],
            )
            stopped = trainer.train()
            what = f"With validation losses {losses} and patience {patience}"
            if trainer.epoch != epochs:
                return f"{what} the run should end after {epochs} epochs, but it ended after {trainer.epoch}."
            if heard.begun != epochs:
                return f"{what} epoch {epochs + 1} was begun before the run ended: stop at the end of epoch {epochs}."
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
    ### A validation of your own

    Write what `evaluate` does for one measure: return the mean of `loss(predictions, targets)` over all samples of the loader, as a float, without a trace in the model. A submodule that its owner has put to
    sleep with `eval()` must still be asleep afterwards.
    """)
    return


@app.function
def mean_loss(model, loader, loss):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_validation(attempt):
        inner = LinearRegression(2, torch.Generator().manual_seed(0))
        model = nn.Sequential(nn.Dropout(0.5), inner, asleep := nn.BatchNorm1d(1))
        asleep.eval()
        modes = [module.training for module in model.modules()]
        loader = DataLoader(
            Dataset(*make_regression(10, 2, 1.0, torch.Generator().manual_seed(2))), 4
        )
        awake, graphs, means = [], [], []
        for module in model.modules():  # a copy of the model has this hook, too
            module.register_forward_pre_hook(
                lambda module, inputs: awake.append(module.training)
            )

        def loss(predictions, targets):
            graphs.append(torch.is_grad_enabled())
            means.append(mean_squared_error(predictions, targets))
            return means[-1]

        expected = evaluate(model, loader, {"loss": mean_squared_error})["loss"]
        awake.clear()
        given = attempt(model, loader, loss)
        if isinstance(given, torch.Tensor) or not isinstance(given, float):
            return f"Return a float, not a {type(given).__name__}."
        if any(awake):
            return "A module was in training mode while you measured."
        if any(graphs):
            return "The predictions carry a graph: measure without gradients."
        if [module.training for module in model.modules()] != modes:
            woken = (
                "A submodule that was asleep is awake"
                if asleep.training
                else "The model is left in `eval` mode"
            )
            return f"{woken} afterwards: give each module the mode that it had."
        if not torch.is_grad_enabled():
            return "Gradients are still switched off afterwards."
        if math.isclose(given, expected, rel_tol=1e-5):
            return None
        of_batches = sum(mean.item() for mean in means) / max(len(means), 1)
        if math.isclose(given, of_batches, rel_tol=1e-5):
            return "That is the mean of the batches' means, but the last batch is shorter."
        return (
            f"The mean over all samples should be {expected:.4f}, but you gave {given:.4f}."
        )

    def validation_solution(model, loader, loss):
        modes = {module: module.training for module in model.modules()}
        model.eval()
        total = count = 0
        with torch.no_grad():
            for inputs, targets in loader:
                total += loss(model(inputs), targets).item() * len(targets)
                count += len(targets)
        for module, training in modes.items():
            module.training = training
        return total / count

    notebook.exercise(mean_loss, check_validation, validation_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Next

    You have a loop that will stay. One of its pieces is still poor. `SGD` has one idea, and one learning rate for every direction. Chapter four asks **what is in `step()`**, and finds momentum, Adam, schedules and clipping there, none of them in the loop.

    ## Sources

    - Allison Horst, Alison Hill and Kristen Gorman, [*palmerpenguins*](https://doi.org/10.5281/zenodo.3960218), 2020, CC0; from Kristen Gorman, Tony
      Williams and William Fraser, [*Ecological Sexual Dimorphism and Environmental Variability within a Community of Antarctic
      Penguins*](https://doi.org/10.1371/journal.pone.0090081), PLoS ONE 9(3), 2014.
    - Shachar Kaufman, Saharon Rosset, Claudia Perlich and Ori Stitelman, [*Leakage in Data Mining: Formulation, Detection, and
      Avoidance*](https://doi.org/10.1145/2382577.2382579), ACM TKDD 6(4), 2012.
    - The Python documentation: [`contextlib.ExitStack`](https://docs.python.org/3/library/contextlib.html#contextlib.ExitStack).
    """)
    return


if __name__ == "__main__":
    app.run()
