import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="5 · Callbacks — From the Ground Up",
    css_file="style.css",
    html_head_file="05_callbacks.head.html",
)

with app.setup(hide_code=True):
    import copy
    import json
    import math
    import tempfile
    import traceback
    from itertools import groupby
    from pathlib import Path

    import marimo as mo
    import torch
    from torch import nn

    from groundup import (
        SGD,
        Average,
        BestWeights,
        Callback,
        Clipped,
        DataLoader,
        Dataset,
        Dropout,
        EarlyStopping,
        Linear,
        LinearRegression,
        LogFile,
        Trainer,
        TrainerResult,
        accuracy,
        charts,
        count_operations,
        cross_entropy,
        evaluate,
        load_digits,
        make_regression,
        mean_squared_error,
        notebook,
        random_split,
    )

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 5 · Callbacks

    **How does a loop stay small?**

    The loop of chapter three is finished. Now people come with wishes: a bar, a log, a stop in time, the best weights, curves that move. None of them makes a better step; all of them want a place inside.

    Here you give in to all five, once. Then you take the loop back, and train on something new: pictures, in ten classes.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.imports()}

    ## Five wishes

    The loop that you know, in one function. `Average` counts each batch by its samples, `evaluate` validates in `eval` mode, and a `TrainerResult` keeps both losses.
    """)
    return


@app.function
def plain_loop(model, optimizer, train_loader, val_loader, epochs):
    result = TrainerResult()
    for _ in range(epochs):
        average = Average()
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            loss = mean_squared_error(model(inputs), targets)
            loss.backward()
            optimizer.step()
            average.add(loss, len(targets))
        measures = {"loss": mean_squared_error}
        result.record(average.value(), evaluate(model, val_loader, measures))
    return result


@app.cell(hide_code=True)
def _():
    sixty = Dataset(
        *make_regression(
            60,
            30,
            noise=1.0,
            generator=torch.Generator().manual_seed(3),
            weights=torch.eye(30)[:, :1],
        )
    )
    learned, unseen = random_split(sixty, [0.5, 0.5], torch.Generator().manual_seed(0))

    def memoriser():
        """Chapter three's first run: a model, its optimizer, and both loaders."""
        model = LinearRegression(30, torch.Generator().manual_seed(0))
        nn.init.zeros_(model.weights)
        shuffled = DataLoader(
            learned, 10, shuffle=True, generator=torch.Generator().manual_seed(0)
        )
        return model, SGD(model.parameters(), lr=0.02), shuffled, DataLoader(unseen, 10)

    mo.md(rf"""
    {notebook.code_above("plain_loop")}

    And these are the wishes, written into it: whom a line serves stands behind it. (`mo.output.replace` puts a chart under the cell while it still runs. `state_dict()` gives a model's tensors by name. `memoriser()` gives chapter three's first run: a linear model, its optimizer, and loaders of thirty samples to learn by heart and of thirty others.)
    """)
    return (memoriser,)


@app.function
def swollen_loop(model, optimizer, train_loader, val_loader, epochs, patience, path):
    result = TrainerResult()
    least, best_weights = math.inf, None  # best
    waited = 0  # stop
    with (
        path.open("w") as log,  # log
        mo.status.progress_bar(total=epochs, remove_on_exit=True) as bar,  # bar
    ):
        for epoch in range(1, epochs + 1):
            average = Average()
            for inputs, targets in train_loader:
                optimizer.zero_grad()
                loss = mean_squared_error(model(inputs), targets)
                loss.backward()
                optimizer.step()
                average.add(loss, len(targets))
            measures = {"loss": mean_squared_error}
            result.record(average.value(), evaluate(model, val_loader, measures))
            row = {"epoch": epoch, "step": epoch * len(train_loader)}  # log
            row["train_loss"] = average.value()  # log
            row["val_loss"] = result.val_losses[-1]  # log
            log.write(json.dumps(row) + "\n")  # log
            log.flush()  # log
            bar.update(subtitle=f"loss {average.value():.4g}")  # bar
            mo.output.replace(charts.losses(result))  # curves
            waited += 1  # stop
            if result.val_losses[-1] < least:  # best
                least, waited = result.val_losses[-1], 0  # best, stop
                best_weights = copy.deepcopy(model.state_dict())  # best
            if waited >= patience:  # stop
                break  # stop
    if best_weights is not None:  # best
        model.load_state_dict(best_weights)  # best
    return result


@app.cell
def _(memoriser):
    with tempfile.TemporaryDirectory() as _folder:
        by_hand_log = Path(_folder, "by_hand.jsonl")
        model_by_hand, *_pieces = memoriser()
        by_hand = swollen_loop(model_by_hand, *_pieces, 60, patience=5, path=by_hand_log)
        by_hand_log = by_hand_log.read_text()
    charts.losses(by_hand)
    return by_hand, by_hand_log, model_by_hand


@app.cell(hide_code=True)
def _(by_hand, memoriser):
    lines_plain, lines_swollen = (
        notebook.code_of(loop).splitlines() for loop in (plain_loop, swollen_loop)
    )

    def serves(line, wish):
        """Whether a line of the loop is there for a wish."""
        return wish in line.partition("  # ")[2].split(", ")

    def without(wish):
        """What becomes of a run from whose loop a wish's lines are taken out."""
        kept = [line for line in lines_swollen if not serves(line, wish)]
        names = {**globals()}
        exec("\n".join(kept), names)
        with tempfile.TemporaryDirectory() as folder:
            model, *pieces, val_loader = memoriser()
            arguments = (model, *pieces, val_loader, 60, 5, Path(folder, "log.jsonl"))
            epochs = len(names["swollen_loop"](*arguments).val_losses)
        left = evaluate(model, val_loader, {"loss": mean_squared_error})["loss"]
        return epochs, left

    def verdict(wish):
        """The same in words, beside the loop with all five."""
        epochs, left = without(wish)
        should_stop = wish != "stop" and epochs != len(by_hand.val_losses)
        should_keep = wish != "best" and left != min(by_hand.val_losses)
        wrong = [f"it stops after {epochs} epochs"] * should_stop
        wrong += [f"weights with a loss of {left:.2f} are put back"] * should_keep
        return " and ".join(wrong) or "the others work"

    swelling = []
    for _wish, _words in {
        "bar": "a bar that tells how far it is",
        "log": "a log that outlives the run",
        "stop": "a stop when validation gains nothing",
        "best": "the best weights, not the last",
        "curves": "curves that move while it trains",
    }.items():
        marked = [serves(line, _wish) for line in lines_swollen]
        swelling.append(
            {
                "wish": _words,
                "lines": sum(marked),
                "places": sum(there for there, _ in groupby(marked)),
                "take them out, and": verdict(_wish),
            }
        )
    mo.md(rf"""
    {notebook.code_above("swollen_loop", "by_hand")}

    It works: stopped after {len(by_hand.val_losses)} of 60 epochs, the weights of epoch {by_hand.val_losses.index(min(by_hand.val_losses)) + 1} put back, with a validation loss of {min(by_hand.val_losses):.2f}. But it has grown from {len(lines_plain)} lines to {len(lines_swollen)}, and the five that train stand inside other people's `with`. Tomorrow a run wants four of the five. Delete the lines of one, and train again:

    {notebook.table(swelling)}

    Two of the five share a line. Take one out, and the other is wrong, without a word. And a sixth wish will come.

    ## Each a piece

    The trainer says where it is, and each wish listens. A **callback** holds what its wish needs, in one place, and nobody else's:
    """)
    return lines_plain, lines_swollen, swelling, without


@app.cell
def _(memoriser):
    with tempfile.TemporaryDirectory() as _folder:
        pieces_log = Path(_folder, "pieces.jsonl")
        model, *_pieces, val_loader = memoriser()
        best = BestWeights()
        watchers = [
            notebook.ProgressBar(),
            LogFile(pieces_log),
            EarlyStopping(patience=5),
            best,
            notebook.LiveCurves(),
        ]
        trainer = Trainer(
            model,
            mean_squared_error,
            *_pieces,
            epochs=60,
            val_loader=val_loader,
            callbacks=watchers,
        )
        by_pieces = trainer.train()
        best.restore(trainer)
        pieces_log = pieces_log.read_text()
    charts.losses(by_pieces)
    return best, by_pieces, model, pieces_log, trainer


@app.cell(hide_code=True)
def _(
    best,
    by_hand,
    by_hand_log,
    by_pieces,
    model,
    model_by_hand,
    pieces_log,
    trainer,
):
    def as_one(same):
        """A verdict for a table."""
        return "the same" if same else "**differs**"

    rungs = {
        "losses of all epochs": (by_hand.train_losses, by_hand.val_losses)
        == (by_pieces.train_losses, by_pieces.val_losses),
        "the epoch of the stop": len(by_hand.val_losses) == len(by_pieces.val_losses),
        "the log, byte for byte": by_hand_log == pieces_log,
        "the weights that are put back": all(
            torch.equal(p, q)
            for p, q in zip(
                model.state_dict().values(),
                model_by_hand.state_dict().values(),
                strict=True,
            )
        ),
    }
    mo.md(rf"""
    {notebook.code_above("by_pieces")}

    {notebook.table([{"what": what, "by hand and by pieces": as_one(same)} for what, same in rungs.items()])}

    Bit for bit; and `Trainer.train` has not one line more than in chapter three. Whoever wants three of the five lists three. Here is one of them from inside:

    {notebook.source(LogFile.on_epoch_end)}

    A line an epoch, all of it or nothing, so that what you read of a run that died is whole. A logger of your own, for TensorBoard say, gets the same numbers in the same place.

    `restore` is no hook. You call it after the run, whoever ended it, to *use* the model. Optimizer and result stay at epoch {trainer.epoch}, the weights are those of epoch {best.epoch}: don't train on from there. In `on_train_end` the callbacks listed after it would meet that mixture.

    ## Ten classes

    The birds had two answers. Now ten: 1,797 handwritten digits of 8 by 8 pixels, each with one of 17 shades, by Ethem Alpaydin and Cenk Kaynak. A network takes a picture as 64 numbers from 0 to 1.
    """)
    return (rungs,)


@app.cell
def _():
    images, classes = load_digits()
    digits = Dataset(images.flatten(1), classes)
    digit_train, digit_val = random_split(
        digits, [0.8, 0.2], torch.Generator().manual_seed(0)
    )
    charts.digits(images[:20], classes[:20])
    return classes, digit_train, digit_val, digits


@app.cell(hide_code=True)
def _(digit_train, digit_val):
    def surprise(z):
        """The loss of a logit z among ten where another class is right, in two steps and in one."""
        row = {"one logit, the others 0": z}
        for name, loss in {
            "`softmax`, then `log`": lambda z, y: (
                -z.softmax(1).log().gather(1, y[:, None]).mean()
            ),
            "`log_softmax`": cross_entropy,
        }.items():
            logits = torch.zeros(1, 10)
            logits[0, 0] = z
            logits.requires_grad_()
            value = loss(logits, torch.tensor([1]))
            value.backward()
            row |= {
                name: value.item(),
                "its gradient" + " " * (name == "`log_softmax`"): logits.grad[0, 1].item(),
            }
        return row

    surprises = [surprise(z) for z in (1.0, 10.0, 100.0, 200.0)]
    mo.md(rf"""
    {notebook.code_above("digits")}

    {len(digit_train):,} train, {len(digit_val)} validate. The split is at random, so the same hands wrote both parts: validation asks how well the network reads *other digits of writers it has seen*. How well it reads yours, it does not tell.

    ### From one logit to ten

    The bird's probability was $\sigma(z) = 1 / (1 + e^{{-z}}) = e^z / (e^z + e^0)$: the male's share of two, with a logit of 0 for the female. Give each class a logit of its own, and its share of all is the **softmax**:

    $$p_i = \frac{{e^{{z_i}}}}{{\sum_j e^{{z_j}}}}$$

    The loss is what it was, the surprise at the right answer:

    $$-\log p_y = \log \sum_j e^{{z_j}} - z_y$$

    Two steps, `softmax` and then `log`, fail where the right answer's probability is too small for single precision: at a wrong logit of 200 it is 0, and log 0 is infinite; at 100 the loss still comes out, but not its gradient. `log_softmax` is the right-hand side in one step, and never forms that probability. (It takes the largest logit out of the sum first, so that no exponential overflows.) Let one wrong class be surer and surer; the gradient is that of the right class's logit:

    {notebook.table(surprises)}

    The **cross-entropy** in one step, and the share of pictures that are right:

    {notebook.source(cross_entropy)}

    {notebook.source(accuracy)}

    (`_of_each_class` takes from each row the number of its class. A picture with a logit that is no number is never right.)

    ### A network of our layers

    Chapter one's `w` and `b`, for more than one output: a column of weights for each. The first values are drawn as torch draws them, from a generator of your own.

    {notebook.source(Linear.forward)}
    """)
    return (surprises,)


@app.function
def network(units):
    draw = torch.Generator().manual_seed(0)
    return nn.Sequential(Linear(64, units, draw), nn.ReLU(), Linear(units, 10, draw))


@app.cell(hide_code=True)
def _(digit_train, digit_val):
    untrained = evaluate(
        network(32),
        DataLoader(digit_val, 512),
        {"loss": cross_entropy, "accuracy": accuracy},
    )

    def digit_trainer(
        model, data=digit_train, epochs=15, size=64, lr=0.1, callbacks=(), make=SGD, seed=0
    ):
        """A trainer on digits: momentum, and validation on the others."""
        order = torch.Generator().manual_seed(seed)
        return Trainer(
            model,
            cross_entropy,
            make(model.parameters(), lr=lr, momentum=0.9),
            DataLoader(data, size, shuffle=True, generator=order),
            epochs=epochs,
            val_loader=DataLoader(digit_val, 512),
            metrics={"accuracy": accuracy},
            callbacks=callbacks,
        )

    mo.md(rf"""
    {notebook.code_above("network")}

    `nn.ReLU` puts zero in the place of what is negative; without something that bends between them, two lines in a row would be one line.

    **Predict**: this network is untrained. What is its loss, about? And the share that it gets right?

    {notebook.details("Answer", f"Ten answers, and no idea: the right one has a probability of about 1/10, so the loss is about log 10 = {math.log(10):.3f}. It is {untrained['loss']:.3f}, with {untrained['accuracy']:.0%} right. A first loss far from that number means a bug before the first step, in the labels as a rule, or first weights that are too large.")}

    ## Live

    A run that you watch is a run that you stop in time. `LiveCurves` draws both curves anew after an epoch, unless the last picture is younger than a fifth of a second: each takes time from the run.

    {notebook.source(notebook.LiveCurves.on_epoch_end)}

    <span class="kernel-only">Ask for 64 epochs, and they grow under the cell while it trains.</span><span class="page-only">On this page you see each run's last picture.</span> (`digit_trainer` puts together what you have seen: cross-entropy, `SGD` with a momentum of 0.9, batches of 64, accuracy as a metric.)
    """)
    return digit_trainer, untrained


@app.cell(hide_code=True)
def _():
    units = mo.ui.slider(
        steps=[8, 16, 32, 64, 128], value=32, label="hidden units", show_value=True
    )
    learning_rate = mo.ui.slider(
        steps=[0.001, 0.01, 0.03, 0.1, 0.3, 1.0],
        value=0.1,
        label="learning rate",
        show_value=True,
    )
    epochs = mo.ui.slider(
        steps=[1, 2, 4, 8, 16, 32, 64], value=8, label="epochs", show_value=True
    )
    mo.vstack([units, learning_rate, epochs])
    return epochs, learning_rate, units


@app.cell
def _(digit_trainer, epochs, learning_rate, units):
    watched = digit_trainer(
        network(units.value),
        epochs=epochs.value,
        lr=learning_rate.value,
        callbacks=[notebook.LiveCurves()],
    ).train()
    charts.losses(watched)
    return (watched,)


@app.cell(hide_code=True)
def _(digit_val, watched):
    right_share = watched.metrics["accuracy"][-1]
    mo.md(rf"""
    {notebook.code_above("watched")}

    At the end {right_share:.1%} are right: {round(right_share * len(digit_val))} of {len(digit_val)} digits.
    """)
    return (right_share,)


@app.cell(hide_code=True)
def _(digit_train, digit_trainer):
    few_digits = Dataset(*digit_train[:60])

    def few_trainer(*callbacks, epochs=60):
        """A run that learns sixty digits by heart."""
        return digit_trainer(network(32), few_digits, epochs, 20, callbacks=callbacks)

    learned_by_heart = few_trainer().train()
    turns = learned_by_heart.val_losses.index(min(learned_by_heart.val_losses)) + 1
    mo.md(rf"""
    ## A stop that remembers nothing

    Take 60 of the digits, and the network knows them by heart soon: after {turns} epochs the validation loss is least, {min(learned_by_heart.val_losses):.3f}, and after 60 it is {learned_by_heart.val_losses[-1]:.3f}. Early stopping waits for a number of epochs, its **patience**, and then gives up. As everybody writes it, it counts (`few_trainer` makes this run anew, with the callbacks that it is given):
    """)
    return few_trainer, learned_by_heart, turns


@app.cell
def _():
    class Counter(Callback):
        def __init__(self, patience):
            self.patience = patience

        def on_train_start(self, trainer):
            self.least, self.waited = math.inf, 0

        def on_epoch_end(self, trainer):
            self.waited += 1
            if trainer.result.val_losses[-1] < self.least:
                self.least, self.waited = trainer.result.val_losses[-1], 0
            if self.waited >= self.patience:
                trainer.stop(f"no gain for {self.patience} epochs")

    return (Counter,)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("Counter")}

    **Predict**: `train()` goes on where a run has stopped. In a notebook it is soon called a second time, by a cell that runs again, or by you, after Ctrl-C. When will the counter stop it then?
    """)
    return


@app.cell(hide_code=True)
def _():
    once_more = mo.ui.switch(label="call train() twice")
    once_more
    return (once_more,)


@app.cell
def _(Counter, few_trainer, once_more):
    stoppers = {"counts": Counter(5), "looks back": EarlyStopping(5)}
    stopped = {}
    for _name, _callback in stoppers.items():
        _trainer = few_trainer(_callback)
        for _ in range(1 + once_more.value):
            stopped[_name] = _trainer.train()
    charts.losses(stopped)
    return (stopped,)


@app.cell(hide_code=True)
def _(Counter, few_trainer):
    def epochs_of(callback, calls):
        """How many epochs a run has after some calls of `train`."""
        trainer = few_trainer(callback)
        for _ in range(calls):
            trainer.train()
        return trainer.epoch

    counted = [epochs_of(Counter(5), calls) for calls in (1, 2, 3)]
    looked = [epochs_of(EarlyStopping(5), calls) for calls in (1, 2, 3)]
    mo.md(rf"""
    {notebook.code_above("stopped")}

    {notebook.details("Answer", f"Late, and again each time: {counted[0]} epochs after the first call, {counted[1]} after the second, {counted[2]} after the third. It begins anew and forgets its best: the first loss that it meets is a gain, however bad, and the five epochs are counted from the least loss that it has met *itself*. It could begin anew only where `trainer.step` is 0. Then each further call costs an epoch, and in a run that is resumed tomorrow the counter is new in any case, unless someone saves it.")}

    All that it counts stands in the result already. So don't count, look: **`EarlyStopping`** has no state, only a rule that it folds over the losses, and it looks before the first step, too. After three calls: {", ".join(map(str, looked))} epochs.

    {notebook.source(EarlyStopping.on_train_start, EarlyStopping.on_epoch_end, EarlyStopping.last_gain)}

    (`values` are the losses after each epoch, or a metric; `is_better` compares by `mode`: of a loss the least is best, of an accuracy the largest.)

    ## The best weights

    The run has stopped, five epochs too late: that is what patience means. The weights that you want are those of epoch {looked[0] - 5}. So keep them while they are best. As it is written first (without patience, for all 60 epochs):
    """)
    return counted, looked


@app.cell
def _():
    class Keeper(Callback):
        def on_train_start(self, trainer):
            self.least = math.inf

        def on_epoch_end(self, trainer):
            if trainer.result.val_losses[-1] < self.least:
                self.least = trainer.result.val_losses[-1]
                self.weights = trainer.model.state_dict()

        def restore(self, trainer):
            trainer.model.load_state_dict(self.weights)

    return (Keeper,)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("Keeper")}

    **Predict**: after 60 epochs `restore` is called. Which validation loss has the model then?
    """)
    return


@app.cell(hide_code=True)
def _():
    by_reference = mo.ui.switch(label="the first way")
    by_reference
    return (by_reference,)


@app.cell
def _(Keeper, by_reference, few_trainer):
    keeper = Keeper() if by_reference.value else BestWeights()
    kept_trainer = few_trainer(keeper)
    kept_run = kept_trainer.train()
    keeper.restore(kept_trainer)
    put_back = evaluate(
        kept_trainer.model, kept_trainer.val_loader, {"loss": cross_entropy}
    )["loss"]
    charts.restored(kept_run.val_losses, put_back)
    return kept_run, put_back


@app.cell(hide_code=True)
def _(learned_by_heart, turns):
    mo.md(rf"""
    {notebook.code_above("put_back")}

    {notebook.details("Answer", f"`state_dict()` copies nothing: its tensors share the parameters' memory, as `w.detach()` did in chapter one. The optimizer goes on writing there, so in the end you restore the last weights, {learned_by_heart.val_losses[-1]:.3f}, and not those of epoch {turns}, {min(learned_by_heart.val_losses):.3f}. Nothing complains.")}

    {notebook.source(BestWeights.on_epoch_end)}

    (`_tensors` are parameters and buffers by name.) The epoch is chosen by the validation part, so its loss is a little too good, as in chapter three: what you report is the test part's.

    Unlike the stop, this needs a **state**: no result holds weights. So a callback has a `state_dict` and a `load_state_dict`, empty unless it says otherwise, for whoever saves a run: chapter six.

    ## Dropout, and the two modes

    A network that learns by heart may rely on units that know one picture each. **Dropout** throws away each hidden unit with a probability $p$, anew for each picture and step, so that no unit can rely on another. What is left is divided by $1 - p$: with $m$ the mask, 1 with a probability of $1 - p$ and else 0, $\mathbb{{E}}[m] / (1 - p) = 1$, so each sum is on average what it is without. And only while it trains: who asks for an answer wants the whole network. That is what the two modes are for.

    {notebook.source(Dropout.forward)}

    Torch's `nn.Dropout` draws from the one generator that all of torch shares. This one has its own, whose state goes with the weights, so that a run can be repeated and resumed. (The mask is drawn where the generator is, and moved.)
    """)
    return


@app.function
def thinned(units, p, kind=Dropout, seed=0):
    draw, own = (torch.Generator().manual_seed(2 * seed + i) for i in (0, 1))
    return nn.Sequential(
        Linear(64, units, draw), nn.ReLU(), kind(p, own), Linear(units, 10, draw)
    )


@app.cell(hide_code=True)
def _(digit_trainer):
    whole, none_thrown = (
        digit_trainer(model, epochs=2).train() for model in (network(32), thinned(32, 0.0))
    )
    no_dropout_no_change = whole == none_thrown
    mo.md(rf"""
    {notebook.code_above("thinned")}

    With $p = 0$ it is {"`network`, bit for bit" if no_dropout_no_change else "another network"}. Now let half of the hidden units go. **Predict**: after 15 epochs, which loss is the larger, training or validation? And why?
    """)
    return (no_dropout_no_change,)


@app.cell
def _(digit_trainer):
    half = thinned(32, 0.5)
    half_run = digit_trainer(half).train()
    charts.losses(half_run, metric="accuracy")
    return half, half_run


@app.cell(hide_code=True)
def _(digit_train, half, half_run):
    at_rest = evaluate(half, DataLoader(digit_train, 512), {"loss": cross_entropy})["loss"]
    mo.md(rf"""
    {notebook.code_above("half_run")}

    {notebook.details("Answer", f"The training loss: {half_run.train_losses[-1]:.2f}, where validation has {half_run.val_losses[-1]:.2f}. They are the losses of two networks: training measures one with half of its hidden units missing, validation the whole one. Measured as validation does, the training digits have {at_rest:.2f}, and the order is the usual one. So under dropout the gap between the curves tells nothing about learning by heart.")}

    Chapter three forgot `eval`. This can't be cured by it: a layer that doesn't ask for its mode. (`nn.functional.dropout` doesn't, unless you hand it `training`.)
    """)
    return (at_rest,)


@app.cell
def _():
    class Awake(Dropout):
        def forward(self, x):
            self.training = True  # whatever it was told
            return super().forward(x)

    return (Awake,)


@app.cell(hide_code=True)
def _():
    awake = mo.ui.switch(label="validate in training mode")
    awake
    return (awake,)


@app.cell(hide_code=True)
def _(Awake, digit_trainer):
    awake_run = digit_trainer(thinned(32, 0.5, Awake)).train()
    return (awake_run,)


@app.cell(hide_code=True)
def _(awake, awake_run, half_run):
    charts.losses(
        {"in eval mode": half_run} | ({"in training": awake_run} if awake.value else {}),
        metric="accuracy",
    )
    return


@app.cell(hide_code=True)
def _(awake_run, half_run):
    mo.md(rf"""
    {notebook.code_above("Awake")}

    {notebook.details("What happens?", f"The validation loss ends at {awake_run.val_losses[-1]:.2f}, and {awake_run.metrics['accuracy'][-1]:.0%} are right in place of {half_run.metrics['accuracy'][-1]:.0%}: numbers of a network that nobody will use. And looking changes the run: the masks of validation come out of the same generator, so from the second epoch on training draws others. Its last loss is {awake_run.train_losses[-1]:.3f} and no longer {half_run.train_losses[-1]:.3f}.")}

    ## Which are misread, and as what?

    **Predict**: does dropout help here? Which of no dropout, a quarter and a half reaches the least validation loss in 15 epochs, with 16, 32 and 128 hidden units?

    Then look at the mistakes themselves. Under the losses stands, at the left, what was read (across) for what was written (down); at the right are the pictures: 7 → 4 is a seven, read as a four.
    """)
    return


@app.cell(hide_code=True)
def _(digit_trainer, digit_val):
    widths, shares, most_epochs = [16, 32, 128], [0.0, 0.25, 0.5], 15

    class Readings(Callback):
        """What is read in each validation picture, after each epoch."""

        def __init__(self):
            self.read = []

        @torch.no_grad()
        def on_epoch_end(self, trainer):
            trainer.model.eval()
            self.read.append(trainer.model(digit_val.tensors[0]).argmax(1))
            trainer.model.train()

    def readings_of(units, p):
        """A run, and what it reads."""
        readings = Readings()
        run = digit_trainer(thinned(units, p), epochs=most_epochs, callbacks=[readings])
        return run.train(), torch.stack(readings.read)

    grid = [[readings_of(units, p) for p in shares] for units in widths]
    grid_train, grid_val = (
        torch.tensor([[getattr(run, name) for run, _ in row] for row in grid])
        for name in ("train_losses", "val_losses")
    )
    grid_read = torch.stack([torch.stack([read for _, read in row]) for row in grid])
    charts.mistakes_explorer(
        grid_train,
        grid_val,
        grid_read,
        digit_val.tensors[0].reshape(-1, 8, 8),
        digit_val.tensors[1],
        widths,
        shares,
    )
    return grid_read, grid_train, grid_val, shares, widths


@app.cell(hide_code=True)
def _(digit_train, digit_trainer, digit_val, grid_read, grid_val, shares, widths):
    def least_with(units, p, seed):
        """The least validation loss of one more run of the grid, from another start."""
        run = digit_trainer(
            thinned(units, p, seed=seed), epochs=grid_val.shape[-1], seed=seed
        )
        return min(run.train().val_losses)

    seeds = [
        torch.tensor([[least_with(units, p, seed) for p in shares] for units in widths])
        for seed in (1, 2)
    ]
    least_of = torch.stack([grid_val.min(-1).values, *seeds])
    least_table = [
        {"hidden units": units}
        | {
            f"p = {p:g}": f"{runs.mean():.3f} ({runs.min():.3f} to {runs.max():.3f})"
            for p, runs in zip(shares, least_of[:, i].T, strict=True)
        }
        for i, units in enumerate(widths)
    ]
    best_without = (least_of.argmin(-1) == 0).sum(0).tolist()
    alone_without = int((least_of[0].argmin(-1) == 0).sum())
    last_read, written = grid_read[:, :, -1], digit_val.tensors[1]
    wrong = last_read != written
    pairs = {}
    for _picture in wrong.nonzero().tolist():
        _pair = written[_picture[-1]].item(), last_read[tuple(_picture)].item()
        pairs[_pair] = pairs.get(_pair, 0) + 1
    commonest = sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:3]
    always_wrong = wrong.flatten(0, 1).all(0)
    counts_wrong = wrong.sum(-1)
    mo.md(rf"""
    {notebook.details("Answer", f"Hardly. The least validation loss, as the mean of {len(least_of)} runs that start and are shuffled otherwise, with its least and its largest:{chr(10)}{chr(10)}{notebook.markdown_table(least_table)}{chr(10)}{chr(10)}No dropout is the best of the three in {best_without[0]} of {len(least_of)} runs with {widths[0]} units, where too little is left; in {best_without[1]} with {widths[1]}, but by a hair; and in {best_without[2]} with {widths[2]}, which can spare some. Dropout is a cure for learning by heart, and with {len(digit_train):,} digits and {grid_val.shape[-1]} epochs there is not much to cure. Mind the seed: the explorer's runs alone say no dropout at {alone_without} of {len(widths)} widths. (Nor go by the number of mistakes, {int(counts_wrong.min())} to {int(counts_wrong.max())} of {len(written)} at the end: a handful more or less is chance.)")}

    Over the nine runs, after 15 epochs, the commonest mistakes are {", ".join(f"{a} read as {b} ({pairs[a, b]} times)" for a, b in commonest)}. {int(always_wrong.sum())} pictures are wrong in all nine. No loss tells you that. Look at them before you blame the network:
    """)
    return always_wrong, alone_without, best_without, commonest, least_of, pairs


@app.cell(hide_code=True)
def _(always_wrong, digit_val):
    charts.digits(
        digit_val.tensors[0].reshape(-1, 8, 8)[always_wrong],
        digit_val.tensors[1][always_wrong],
    )
    return


@app.cell(hide_code=True)
def _(digit_trainer, digit_val):
    def torchs(ours):
        """The same network of torch's layers, which lay their weights the other way round."""
        layers = []
        for layer in ours:
            if isinstance(layer, Linear):
                theirs = nn.Linear(*layer.weight.shape)
                with torch.no_grad():
                    theirs.weight.copy_(layer.weight.T)
                    theirs.bias.copy_(layer.bias)
                layer = theirs
            layers.append(nn.Dropout(layer.p) if isinstance(layer, Dropout) else layer)
        return nn.Sequential(*layers)

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        pictures, answers = digit_val.tensors
        mine, theirs = network(32), torchs(network(32))
        logits = mine(pictures)
        torch.manual_seed(1)
        from_torch = {
            "`Linear`": (logits, theirs(pictures)),
            "`Dropout`": (
                Dropout(0.5, torch.Generator().manual_seed(1))(pictures),
                nn.Dropout(0.5)(pictures),
            ),
            "`cross_entropy`": (
                cross_entropy(logits, answers),
                nn.functional.cross_entropy(logits, answers),
            ),
        }
    with torch.random.fork_rng(devices=[]):
        twin = torchs(thinned(32, 0.5))
        torch.manual_seed(1)
        from_torch["validation losses of 3 epochs, with dropout"] = (
            digit_trainer(thinned(32, 0.5), epochs=3).train().val_losses,
            digit_trainer(twin, epochs=3).train().val_losses,
        )
    from_torch = {
        name: notebook.largest_difference(*both) for name, both in from_torch.items()
    }
    mo.md(rf"""
    ## Does it still compute the same?

    Our layers and losses beside torch's, with the same weights and the same random state, on the validation digits; and the same network trained with either:

    {notebook.table([{"piece": name, "largest difference from torch's": gap} for name, gap in from_torch.items()])}

    Torch multiplies by $W^\top$ and adds the bias in one kernel, with other roundings.

    ## What a callback may not do

    It may look at everything, and it may say stop. It may not change the arithmetic (but for chapter four's rate that reads the validation loss, which has no other place). Nothing stops one that does, and it even works:
    """)
    return (from_torch,)


@app.cell
def _():
    class ClipHere(Callback):
        def on_backward_end(self, trainer):
            nn.utils.clip_grad_norm_(trainer.model.parameters(), max_norm=0.5)

    return (ClipHere,)


@app.cell(hide_code=True)
def _():
    class Norms(Callback):
        def on_train_start(self, trainer):
            self.norms = []

        def on_backward_end(self, trainer):
            gradients = [p.grad.norm() for p in trainer.model.parameters()]
            self.norms.append(torch.stack(gradients).norm().item())

    return (Norms,)


@app.cell
def _(ClipHere, Norms, digit_trainer):
    def clipped_sgd(*args, **options):
        return Clipped(SGD(*args, **options), max_norm=0.5)

    first, last = Norms(), Norms()
    in_order = [first, ClipHere(), last]
    in_a_hook = digit_trainer(network(32), epochs=3, callbacks=in_order).train()
    in_a_wrapper = digit_trainer(network(32), epochs=3, make=clipped_sgd).train()
    charts.courses({"listed before": first.norms, "after": last.norms}, "gradient norm")
    return first, in_a_hook, in_a_wrapper, last


@app.cell(hide_code=True)
def _(first, in_a_hook, in_a_wrapper, last):
    clips_alike = in_a_hook == in_a_wrapper
    mo.md(rf"""
    {notebook.code_above("ClipHere", "in_a_wrapper")}

    (`Norms` notes the norm of all gradients in each step: you will write it yourself.)

    The run is {"bit for bit the one" if clips_alike else "not the one"} with chapter four's `Clipped`. But look at two logs of one and the same run: the callback listed first saw norms up to {max(first.norms):.1f}, the last one none above {max(last.norms):.2f}. **What a watcher sees now depends on its place in a list.** Under `Accumulated` the hook would clip each part of a batch, chapter four's mistake. And no recipe knows that there was clipping. What acts between gradients and new weights has its place: around the optimizer.

    And a hook that raises? This one looks for a validation loss before there is one:
    """)
    return (clips_alike,)


@app.cell
def _():
    class Impatient(Callback):
        def on_step_end(self, trainer):
            if trainer.result.val_losses[-1] < 0.1:
                trainer.stop("good enough")

    return (Impatient,)


@app.cell(hide_code=True)
def _(Impatient, Norms, few_trainer):
    class Told(Callback):
        """Hears of the end, or doesn't."""

        heard = False

        def on_train_end(self, trainer):
            self.heard = True

    listening = Told()
    broken = few_trainer(Impatient(), listening)
    try:
        broken.train()
    except IndexError as error:
        way = [frame.name for frame in traceback.extract_tb(error.__traceback__)][1:]
        last_words = f"{type(error).__name__}: {error}"

    def counted_with(*callbacks):
        """Calls of hooks, and operations, of two epochs with these."""
        calls = []

        class Counted(Trainer):
            def _call(self, hook):
                calls.extend(self._hooks[hook])
                super()._call(hook)

        trainer = few_trainer(*callbacks, epochs=2)
        trainer.__class__ = Counted
        done = count_operations(trainer.train).total()
        return len(calls) + len(trainer._hooks["on_train_end"]), done

    nobody = counted_with()
    with tempfile.TemporaryDirectory() as _folder:
        prices = [
            {
                "callback": f"`{type(callback).__name__}`",
                "calls": (priced := counted_with(callback))[0],
                "operations of torch": priced[1] - nobody[1],
            }
            for callback in (
                Callback(),
                EarlyStopping(5),
                LogFile(Path(_folder, "log.jsonl")),
                BestWeights(),
                Norms(),
            )
        ]
    mo.md(rf"""
    {notebook.code_above("Impatient")}

    The error reaches you as it is, through {len(way)} functions, all of which you have read: {" → ".join(f"`{name}`" for name in way)}: `{last_words}`. Nothing is wrapped, swallowed or logged away. The callback behind it {"hears" if listening.heard else "doesn't hear"} of the end, as chapter three's `ExitStack` promised, and the result can be read.

    ## What it costs

    What it does. A hook that nobody overrides is not called at all: a plain `Callback()` costs nothing. Two epochs, {2 * len(broken.train_loader)} steps in all, take {nobody[1]:,} operations without a callback. Each adds:

    {notebook.table(prices)}

    (Those of the package also look as training starts, some as an epoch starts or all ends.) `BestWeights` copies each tensor in an epoch that is the best so far. `Norms` looks at each step, and its `item()` waits for the device: on a graphics card that is the dear one. Who watches each step should gather tensors, and read them at the epoch's end.
    """)
    return last_words, listening, nobody, prices, way


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## In the frameworks

    | what | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- | :--- |
    | a hook gets | [trainer and module][lt-hooks] | [all there is][hf-event], and gives back a [control][hf-control] of five switches | [numbers][ke-hooks]; the model is its attribute |
    | order | as listed, [checkpoints last][lt-order] | [its own first][hf-order], then as listed | as listed, then [history and bar][ke-order] |
    | patience | a counter, [3][lt-count] by default | a counter, [1][hf-count] by default | a counter, [reset][ke-reset] as each `fit` begins |
    | its state | [in the checkpoint][lt-state] | in the checkpoint, restored [if you ask][hf-state] | nowhere |
    | best weights | [a file][lt-best], which you load | a file, [loaded][hf-best] as the run ends | in memory, put back in [a hook][ke-best] |

    **A counter is a promise to keep it.** `transformers` restores callbacks from a checkpoint only if you ask: else a resumed run has its whole patience again. Keras begins anew at each `fit`, so that an object can be used twice; then a run in two halves waits twice. Who looks back needs neither.

    **Order.** Lightning moves checkpoints to the end, so that they save what the others have done. Here nothing is moved.

    torchtitan has no callbacks: who wants to watch overrides [a method][tt-train] of its trainer.

    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-best]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2016-L2017
    [hf-control]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L234-L266
    [hf-count]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L728-L743
    [hf-event]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer_callback.py#L543-L560
    [hf-order]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L586-L595
    [hf-state]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L1276-L1277
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-best]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/early_stopping.py#L129-L141
    [ke-hooks]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/callback.py#L7-L308
    [ke-order]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/callback_list.py#L86-L103
    [ke-reset]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/callbacks/early_stopping.py#L87-L93
    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-best]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/callbacks/model_checkpoint.py#L55-L56
    [lt-count]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/callbacks/early_stopping.py#L118
    [lt-hooks]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/callbacks/callback.py#L25-L286
    [lt-order]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/callback_connector.py#L240-L265
    [lt-state]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/callbacks/early_stopping.py#L187-L206
    [tt-train]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L547
    """)
    return


@app.cell(hide_code=True)
def _():
    def small_trainer(callbacks, added=(), make=SGD):
        """Three epochs of four steps, at which something is added to the loss."""
        draw, still_to_come = torch.Generator().manual_seed(1), iter(added)
        model = nn.Sequential(Linear(2, 3, draw), Linear(3, 1, draw))
        model[1].bias.requires_grad_(False)
        batches = [make_regression(4, 2, 1.0, draw) for _ in range(4)]

        def loss(predictions, targets):
            value = mean_squared_error(predictions, targets)
            return value + next(still_to_come, 0.0)

        moved = [p for p in model.parameters() if p.requires_grad]
        optimizer = make(moved, lr=0.1)
        return Trainer(model, loss, optimizer, batches, epochs=3, callbacks=callbacks)

    mo.md(r"""
    ## Your turn

    Three callbacks to write. In the notebook, replace `raise NotImplementedError` and run the cell: the verdict under it tells what is still wrong. The solutions are folded away.

    ### Stop where there is no number

    Return a `Callback` that stops the run at the first step whose loss is not finite: NaN, or an infinity. No further step may follow. Give a reason.
    """)
    return (small_trainer,)


@app.function
def stop_at_nan():
    raise NotImplementedError


@app.cell(hide_code=True)
def _(small_trainer):
    def check_nan(attempt):
        for bad in (math.nan, math.inf, -math.inf):
            for step in (1, 6):
                callback = attempt()
                if not isinstance(callback, Callback):
                    return "Return an instance of a class that inherits from `Callback`."
                trainer = small_trainer([callback], [0.0] * (step - 1) + [bad])
                reason = trainer.train().stop_reason
                what = f"Step {step} of 12 has a loss of {bad}, and"
                if reason is None:
                    return f"{what} the run is not stopped."
                if trainer.step > step:
                    return f"{what} the run stops after step {trainer.step}: look at each step's loss, `trainer.loss`."
                if trainer.step < step:
                    return f"{what} the run stops after step {trainer.step}, where the loss is still a number."
                if not reason:
                    return f"{what} the run stops in time, but gives no reason."
        callback = attempt()
        if small_trainer([callback]).train().stop_reason is not None:
            return "You stop a run whose losses are all numbers."
        if small_trainer([attempt()], [1e9]).train().stop_reason is not None:
            return "You stop at a loss of 1e9, which is large, but a number."
        return None

    def nan_solution():
        class StopAtNaN(Callback):
            def on_step_end(self, trainer):
                if not trainer.loss.isfinite():
                    trainer.stop(f"the loss of step {trainer.step} is {trainer.loss:.3g}")

        return StopAtNaN()

    notebook.exercise(stop_at_nan, check_nan, nan_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Log the gradients' norm

    Return a `Callback` with a list `norms`: for each step the norm of all gradients together, before the optimizer has done anything with them, as a float. A frozen parameter has no gradient, and the run stays as it is without you.
    """)
    return


@app.function
def gradient_norms():
    raise NotImplementedError


@app.cell(hide_code=True)
def _(small_trainer):
    def check_norms(attempt):
        def clipped(params, lr):
            return Clipped(SGD(params, lr=lr), max_norm=0.5)

        class Expected(Callback):
            def __init__(self):
                self.norms, self.left = [], []

            def of_each(self, trainer):
                gradients = [p.grad for p in trainer.model.parameters()]
                return [g.norm().item() for g in gradients if g is not None]

            def on_backward_end(self, trainer):
                self.norms.append(self.of_each(trainer))

            def on_step_end(self, trainer):
                self.left.append(math.hypot(*self.of_each(trainer)))

        callback, expected = attempt(), Expected()
        if not isinstance(callback, Callback):
            return "Return an instance of a class that inherits from `Callback`."
        alone = small_trainer([expected], make=clipped)
        alone.train()
        watched = small_trainer([callback], make=clipped)
        watched.train()
        norms = getattr(callback, "norms", None)
        if not isinstance(norms, list):
            return "The callback should have a list, `norms`."
        if len(norms) != alone.step:
            return f"`norms` should have a number for each of {alone.step} steps, but has {len(norms)}."
        ended, expected_end = (
            torch.nn.utils.parameters_to_vector(trainer.model.parameters())
            for trainer in (watched, alone)
        )
        if not torch.equal(ended, expected_end):
            return "With your callback the run ends at other weights: look, and change nothing."
        if any(isinstance(norm, torch.Tensor) for norm in norms):
            return "Write down floats, not tensors."

        def are(values):
            return all(
                math.isclose(norm, value, rel_tol=1e-4)
                for norm, value in zip(norms, values, strict=True)
            )

        right = [math.hypot(*norms) for norms in expected.norms]
        if are(right):
            return None
        if are(expected.left):
            return "That is what clipping has left of them: look before the update, in `on_backward_end`."
        if are([norm**2 for norm in right]):
            return "That is the square of the norm: take its root."
        if are(map(sum, expected.norms)):
            return "That is the sum of the parameters' norms: the norm of all together is the root of the sum of their squares."
        if any(map(are, [*zip(*expected.norms, strict=True), map(max, expected.norms)])):
            return "That is the norm of one parameter's gradient: take all together."
        return (
            f"The first norm should be {right[0]:.4f}, but you wrote down {norms[0]:.4f}."
        )

    def norms_solution():
        class GradientNorms(Callback):
            def __init__(self):
                self.norms = []

            def on_backward_end(self, trainer):
                gradients = [p.grad for p in trainer.model.parameters()]
                squares = [g.square().sum() for g in gradients if g is not None]
                self.norms.append(torch.stack(squares).sum().sqrt().item())

        return GradientNorms()

    notebook.exercise(gradient_norms, check_norms, norms_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### A time limit

    Return a `Callback` that stops the run at the end of the first step at which `seconds` or more have passed since `train()` began. `clock()` gives the time in seconds, from whenever. Called again, `train()` has its whole time once more.
    """)
    return


@app.function
def time_limit(seconds, clock):
    raise NotImplementedError


@app.cell(hide_code=True)
def _(small_trainer):
    def check_limit(attempt):
        class Time:
            """A second a step."""

            now, asked = 1000.0, 0

            def __call__(self):
                self.asked += 1
                return self.now

            def __iter__(self):
                while True:
                    self.now += 1
                    yield 0.0

        for seconds, begins in ((3.0, 1500.0), (5.0, 1000.0)):
            clock = Time()
            callback = attempt(seconds, clock)
            if not isinstance(callback, Callback):
                return "Return an instance of a class that inherits from `Callback`."
            clock.now = begins
            trainer = small_trainer([callback], clock)
            reason = trainer.train().stop_reason
            what = f"With {seconds:g} seconds and steps that take one each, the run should end after {seconds:g} steps,"
            if not clock.asked:
                return "You never ask the clock that you are given."
            if trainer.step < seconds and begins > 1000.0:
                return f"{what} but it ended after {trainer.step}: count from where `train()` begins, not from where the callback is made."
            if trainer.step == seconds + 1:
                return f"{what} but it took one more: ask at a step's end, and stop when exactly so much has passed."
            if trainer.step != seconds:
                return f"{what} but it ended after {trainer.step}."
            if not reason:
                return "The run stopped in time, but gives no reason."
            trainer.train()
            if trainer.step != 2 * seconds:
                return f"Called again, `train()` should have {seconds:g} steps more, but it had {trainer.step - seconds:g}: take the time anew in `on_train_start`."
        clock = Time()
        if small_trainer([attempt(100.0, clock)], clock).train().stop_reason is not None:
            return "You stop a run that ends in time."
        return None

    def limit_solution(seconds, clock):
        class TimeLimit(Callback):
            def on_train_start(self, trainer):
                self.began = clock()

            def on_step_end(self, trainer):
                if clock() - self.began >= seconds:
                    trainer.stop(f"{seconds} seconds have passed")

        return TimeLimit()

    notebook.exercise(time_limit, check_limit, limit_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Next

    The loop stays small because it says where it is, and listens to nobody but `stop`. What watches stands beside it, each piece with its own state, or better with none. One wish is left that all of them share: to go on tomorrow where the run was cut today. Chapter six asks **what is the state of a run**, and kills it at will.

    ## Sources

    - Ethem Alpaydin and Cenk Kaynak, [*Optical Recognition of Handwritten Digits*](https://doi.org/10.24432/C50P49), UCI Machine Learning Repository, 1998, CC BY 4.0; the 1,797 pictures of its test part.
    - Nitish Srivastava, Geoffrey Hinton, Alex Krizhevsky, Ilya Sutskever and Ruslan Salakhutdinov, [*Dropout: A Simple Way to Prevent Neural Networks from Overfitting*](https://jmlr.org/papers/v15/srivastava14a.html), JMLR 15, 2014.
    - Lutz Prechelt, [*Early Stopping, But When?*](https://doi.org/10.1007/3-540-49430-8_3), in *Neural Networks: Tricks of the Trade*, Springer, 1998.
    """)
    return


if __name__ == "__main__":
    app.run()
