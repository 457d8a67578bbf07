import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="4 · Optimizers — From the Ground Up",
    css_file="style.css",
    html_head_file="04_optimizers.head.html",
)

with app.setup(hide_code=True):
    import copy
    import math
    import textwrap

    import marimo as mo
    import torch
    from torch import nn

    from groundup import (
        MLP,
        SGD,
        Accumulated,
        Adam,
        AdamW,
        AdamWRecipe,
        AveragedModel,
        Averaging,
        Callback,
        Clipped,
        ConstantSchedule,
        CosineSchedule,
        DataLoader,
        Dataset,
        LinearRegression,
        LinearSchedule,
        OneCycleSchedule,
        Optimizer,
        Scheduled,
        Trainer,
        TrainerConfig,
        charts,
        count_operations,
        load_penguins,
        make_regression,
        mean_squared_error,
        notebook,
        oracle,
        random_split,
    )

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 4 · Optimizers

    **What is in `step()`?**

    Chapter three left you with a loop that will stay. It calls `optimizer.zero_grad()` and `optimizer.step()`, and asks nothing else. So far `step` is one line: each parameter moves against its gradient, times one learning rate.

    Here you put more into it, and then around it. The loop doesn't change.
    """)
    return


@app.cell(hide_code=True)
def _():
    shares = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0]
    X, y = make_regression(512, 6, noise=0.0, generator=torch.Generator().manual_seed(42))
    X = X * torch.tensor([1.0, 1.0, 0.3, 0.3, 0.1, 0.1])
    start = LinearRegression(6, torch.Generator().manual_seed(0))
    mo.md(rf"""
    {notebook.imports()}

    ## The bug that was momentum

    In chapter one you forgot to zero the gradients, and the loss rolled up and down the valley. Do it again, by halves. In place of zeroing, *keep a share* of the old gradient. A share of 0 zeroes, a share of 1 forgets to. The data `X`, `y` are of chapter one's kind, but four of its six features are small: the valley is long.
    """)
    return X, shares, start, y


@app.function
def descend(model, X, y, learning_rate, epochs, kept):
    losses = []
    for _ in range(epochs):
        for p in model.parameters():
            if p.grad is not None:
                p.grad *= kept  # in place of zeroing
        loss = mean_squared_error(model(X), y)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= learning_rate * p.grad
        losses.append(loss.item())
    return losses


@app.cell(hide_code=True)
def _(shares):
    kept = mo.ui.slider(
        steps=shares,
        value=1.0,
        label="share of the old gradient that is kept",
        show_value=True,
    )
    kept
    return (kept,)


@app.cell
def _(X, kept, start, y):
    zeroed = descend(copy.deepcopy(start), X, y, 0.1, 80, kept=0.0)
    half_zeroed = descend(copy.deepcopy(start), X, y, 0.1, 80, kept.value)
    charts.courses({"zeroed": zeroed, f"{kept.value:g} kept": half_zeroed}, "loss")
    return


@app.cell(hide_code=True)
def _(X, shares, start, y):
    def by_optimizer(make):
        """The losses of as many epochs, with an optimizer and its `zero_grad`."""
        model = copy.deepcopy(start)
        optimizer = make(model.parameters())
        losses = []
        for _ in range(80):
            optimizer.zero_grad()
            loss = mean_squared_error(model(X), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    all_kept = [descend(copy.deepcopy(start), X, y, 0.1, 80, b) for b in shares]
    same_bits = sum(
        run == by_optimizer(lambda p, b=b: SGD(p, lr=0.1, momentum=b))
        for b, run in zip(shares, all_kept, strict=True)
    )
    torchs = by_optimizer(lambda p: torch.optim.SGD(p, lr=0.1, momentum=1.0))
    best_kept = min(zip(all_kept, shares, strict=True), key=lambda of: of[0][-1])
    off_torch = notebook.largest_difference(all_kept[-1], torchs)
    mo.md(rf"""
    {notebook.code_above("descend", "half_zeroed")}

    Zeroed, the loss ends at {all_kept[0][-1]:.3g}; with all kept it rolls up again, to {all_kept[-1][-1]:.3g}. Between the two there is a best share: of those on the slider {best_kept[1]:g}, with {best_kept[0][-1]:.2g}.

    The bug has a name. What is kept is a velocity, and the share is what friction leaves of it: **momentum**, or the *heavy ball* (Polyak, 1964). Forgetting to zero is a momentum of 1, a ball without friction. Written down, with $g$ the gradient:

    $$\begin{{aligned}} b &\leftarrow \beta\, b + g \\ p &\leftarrow p - \eta\, b \end{{aligned}}$$

    The sum $b$ has to be somewhere between two steps. In your loop it lived in `.grad`, where any `zero_grad` would end it. An optimizer gives it a place of its own, a **state** for each parameter:

    {notebook.source(SGD._update)}

    (`dampening` takes less of each new gradient; `nesterov` is an exercise.) For {same_bits} of the {len(shares)} shares its losses are yours **bit for bit**, and with all kept they are within {off_torch:.0e} of `torch.optim.SGD(momentum=1)`. The base class does the rest, and a subclass writes `_update` alone:

    {notebook.source(Optimizer.step)}

    ## One rate for every direction

    Why does the ball help? Let a linear model tell a penguin's body mass in kg from three lengths in mm. Same birds, three ways to write them down:
    """)
    return all_kept, off_torch, same_bits


@app.cell
def _():
    birds, _ = load_penguins()
    lengths, mass = birds[:, :3].double(), birds[:, 3:].double() / 1000
    centred = lengths - lengths.mean(0)
    bowls = {"raw": lengths, "centred": centred, "standardised": centred / centred.std(0)}
    return bowls, mass


@app.cell(hide_code=True)
def _(bowls, mass):
    def steps_for(ratio, share=1000):
        """How many steps leave a thousandth of the distance, if each leaves (r − 1)/(r + 1)."""
        return math.ceil(math.log(share) / -math.log((ratio - 1) / (ratio + 1)))

    def ball_steps(ratio, share=1000):
        """The same for the best pair: a ball starts from a standstill, and pays for it."""
        r, steps = (math.sqrt(ratio) - 1) / (math.sqrt(ratio) + 1), 0
        while (1 + steps * (1 + r)) * r**steps > 1 / share:
            steps += 1
        return steps

    def in_words(count):
        """Three figures of a count."""
        return f"{float(f'{count:.3g}'):,.0f}"

    conditions = {}
    shapes_of_bowls = []
    for _name, _X in bowls.items():
        _curvatures = torch.linalg.eigvalsh(oracle.hessian(_X))
        conditions[_name] = (_curvatures[-1] / _curvatures[0]).item()
        shapes_of_bowls.append(
            {
                "features": _name,
                "condition number": conditions[_name],
                "largest rate": oracle.largest_stable_learning_rate(_X),
                "steps, plain": in_words(steps_for(conditions[_name])),
                "steps, momentum": in_words(ball_steps(conditions[_name])),
            }
        )
    best_rate, best_beta = oracle.best_momentum(bowls["centred"])
    curvatures = torch.linalg.eigvalsh(oracle.hessian(bowls["centred"]))
    plain_rate = 2 / (curvatures[0] + curvatures[-1]).item()
    least_loss = oracle.quadratic(
        bowls["centred"], mass, torch.zeros(3, 1), torch.zeros(1)
    ).least_loss

    def above_least(make, steps=60, X=bowls["centred"]):
        """The loss above the least before the first step, and after each."""
        model = LinearRegression(3, torch.Generator().manual_seed(0)).double()
        nn.init.zeros_(model.weights)
        optimizer, losses = make(model.parameters()), []
        for _ in range(steps + 1):
            optimizer.zero_grad()
            loss = mean_squared_error(model(X), mass)
            loss.backward()
            optimizer.step()
            losses.append(loss.item() - least_loss)
        return losses

    plain_run = above_least(lambda p: SGD(p, lr=plain_rate))
    best_run = above_least(lambda p: SGD(p, lr=best_rate, momentum=best_beta))

    mo.md(rf"""
    {notebook.code_above("bowls")}

    The loss is a bowl, as in chapter one, steep in one direction and flat in another. The steepest one caps the learning rate at $2/\lambda_\text{{max}}$; the flattest one then crawls. How much it crawls is the **condition number** $\kappa = \lambda_\text{{max}} / \lambda_\text{{min}}$:

    {notebook.table(shapes_of_bowls)}

    The last columns are the steps that leave a thousandth of the distance, at the best rates that there are. Centring mends nearly all, standardising the rest. That is the first lesson: *the cheapest optimizer is a better unit.* A network's inner layers have no units that you could choose, so look at what momentum does to $\kappa$: it takes its **square root**.

    Here is the centred bowl, loss above the least, where plain descent at its best rate keeps you waiting. Find the pair that beats it by most, and the place where it breaks. (`above_least` takes 60 steps from zero with an optimizer of its own, and gives the loss less the least that there is.)
    """)
    return (
        above_least,
        best_beta,
        best_rate,
        best_run,
        conditions,
        least_loss,
        plain_rate,
        plain_run,
    )


@app.cell(hide_code=True)
def _():
    rate = mo.ui.slider(
        steps=[0.001, 0.002, 0.004, 0.0047, 0.006, 0.0083, 0.01],
        value=0.004,
        label="learning rate",
        show_value=True,
    )
    momentum = mo.ui.slider(
        steps=[0.0, 0.2, 0.4, 0.6, 0.76, 0.9, 0.99],
        value=0.0,
        label="momentum",
        show_value=True,
    )
    mo.vstack([rate, momentum])
    return momentum, rate


@app.cell
def _(above_least, momentum, plain_run, rate):
    yours = above_least(lambda p: SGD(p, lr=rate.value, momentum=momentum.value))
    charts.courses({"plain": plain_run, "yours": yours}, "loss above the least")
    return (yours,)


@app.cell(hide_code=True)
def _(bowls, least_loss, mass, momentum, rate, yours):
    _formula = oracle.closed_form_path(
        bowls["centred"],
        mass,
        torch.zeros(3, 1),
        torch.zeros(1),
        rate.value,
        61,
        momentum=momentum.value,
    )
    from_formula = notebook.largest_difference(
        [loss - least_loss for loss in _formula.losses], yours
    ) / max(yours)
    _limit = oracle.largest_stable_learning_rate(bowls["centred"], momentum.value)
    mo.md(rf"""
    {notebook.code_above("yours")}

    Along each direction $\lambda$, two numbers live on, distance and velocity, and a step takes them by a matrix. The run is stable while both its eigenvalues are below 1 in size, and that is while $\eta\lambda < 2(1 + \beta)$: with a momentum of {momentum.value:g} up to a rate of {_limit:.4f}. So momentum also buys a larger rate. The matrix's powers are the path, without a loop: `oracle.closed_form_path` is within {from_formula:.0e} of the run above, as a share of its largest value.

    """)
    return (from_formula,)


@app.cell(hide_code=True)
def _(best_beta, best_rate, best_run, plain_rate, plain_run):
    pair = rf"""$\eta = \left(2 / (\sqrt{{\lambda_\text{{max}}}} + \sqrt{{\lambda_\text{{min}}}})\right)^2$ = {best_rate:.4f} and $\beta = \left((\sqrt\kappa - 1) / (\sqrt\kappa + 1)\right)^2$ = {best_beta:.2f}: {best_run[-1]:.1g} is left after 60 steps, where plain descent, at {plain_rate:.4f}, has {plain_run[-1]:.2g} left. It is the best in the long run; for sixty steps a pair a hair beside it may leave less."""
    mo.md(rf"""
    {notebook.details("The best pair in the long run, in closed form", pair)}

    ### A bowl that turns

    Now a bowl of two parameters, so that you see it from above. Three runs start at the same place: plain descent, momentum, and **Adam**, which you will build next. **Predict**: turn the bowl, and the start with it. Whose loss after 40 steps changes?

    Below it stands the plane of all choices, $\beta$ against $\eta\lambda$. The shaded region is where a direction is stable. Each direction of the bowl is a point in it, and both must be inside. Above the dashed line a direction swings as a ball does; under it, it creeps, or on the right zigzags.
    """)
    return


@app.cell(hide_code=True)
def _():
    charts.bowl_explorer()
    return


@app.cell(hide_code=True)
def _():
    def in_the_bowl(make, turn, condition=100.0, steps=40):
        """The loss after some steps in the explorer's bowl, by degrees."""
        angle = torch.tensor(math.radians(turn), dtype=torch.float64)
        turned = torch.stack(
            [
                torch.stack([torch.cos(angle), -torch.sin(angle)]),
                torch.stack([torch.sin(angle), torch.cos(angle)]),
            ]
        )
        curved = torch.tensor([1 / condition, 1.0], dtype=torch.float64)
        hessian = turned @ torch.diag(curved) @ turned.T
        p = (turned @ torch.tensor([1.2, 0.8], dtype=torch.float64)).requires_grad_()
        optimizer = make([p])
        for _ in range(steps):
            optimizer.zero_grad()
            (p @ hessian @ p / 2).backward()
            optimizer.step()
        return (p @ hessian @ p / 2).item()

    def rule(update):
        """An optimizer whose `_update` is this listing."""
        names = {"torch": torch}
        exec(update, names)
        return type("Rule", (Optimizer,), {"_update": names["_update"]})

    makers = {
        "plain": lambda p: SGD(p, lr=1.6),
        "momentum": lambda p: SGD(p, lr=1.6, momentum=0.7),
        "Adam": lambda p: Adam(p, lr=0.1),
    }
    turns = {name: [in_the_bowl(make, t) for t in (0, 45)] for name, make in makers.items()}
    grown = {
        "plain": """
    def _update(self, p, gradient, state, group):
        p -= group["lr"] * gradient
    """,
        "RMS": """
    def _update(self, p, gradient, state, group):
        if not state:
            state["squares"] = torch.zeros_like(p)
        squares = state["squares"].mul_(0.999).add_(0.001 * gradient**2)
        p -= group["lr"] * gradient / (squares.sqrt() + 1e-8)
    """,
        "corrected": """
    def _update(self, p, gradient, state, group):
        if not state:
            state["step"], state["squares"] = 0, torch.zeros_like(p)
        state["step"] += 1
        squares = state["squares"].mul_(0.999).add_(0.001 * gradient**2)
        squares = squares / (1 - 0.999 ** state["step"])
        p -= group["lr"] * gradient / (squares.sqrt() + 1e-8)
    """,
        "Adam": """
    def _update(self, p, gradient, state, group):
        if not state:
            state["step"], state["squares"] = 0, torch.zeros_like(p)
            state["average"] = torch.zeros_like(p)
        state["step"] += 1
        average = state["average"].mul_(0.9).add_(0.1 * gradient)
        average = average / (1 - 0.9 ** state["step"])
        squares = state["squares"].mul_(0.999).add_(0.001 * gradient**2)
        squares = squares / (1 - 0.999 ** state["step"])
        p -= group["lr"] * average / (squares.sqrt() + 1e-8)
    """,
    }
    grown = {name: textwrap.dedent(listing).strip() for name, listing in grown.items()}
    mo.md(rf"""
    {notebook.details("Answer", f"Plain descent and momentum don't notice: {turns['plain'][0]:.2g} and {turns['plain'][1]:.2g}, {turns['momentum'][0]:.1g} and {turns['momentum'][1]:.1g}. A step along the gradient knows no axes. Adam does: {turns['Adam'][0]:.1g} becomes {turns['Adam'][1]:.1g} at 45°. Whatever it does, it does for each parameter by itself, and a flat direction that lies across the parameters is nobody's own.")}

    ## A rate for each parameter

    Where a parameter is steep, its gradients are large. So divide by their size, and one rate fits all. One gradient alone is noise, so take the root of an average of its squares, *root mean square*: **RMS**.

    {notebook.diff(grown["plain"], grown["RMS"])}

    At each step 0.999 of the average stays, so it looks some thousand steps back. `grown` holds such listings by name, and `rule` makes an optimizer of one: what you read is what runs.
    """)
    return grown, in_the_bowl, rule, turns


@app.cell
def _(above_least, grown, rule):
    rms_run = above_least(lambda p: rule(grown["RMS"])(p, lr=0.05))
    charts.courses({"RMS": rms_run}, "loss above the least")
    return (rms_run,)


@app.cell(hide_code=True)
def _(grown, rms_run, rule):
    def first_step(update, *gradients):
        """How far each parameter moves in the first step, in learning rates."""
        p = torch.zeros(len(gradients), requires_grad=True)
        p.grad = torch.tensor(gradients)
        rule(update)([p], lr=1.0).step()
        return p.tolist()

    leap = abs(first_step(grown["RMS"], 1.0)[0])
    adams_first = first_step(grown["Adam"], 1e4, 1e-4, -7.0)
    mo.md(rf"""
    {notebook.code_above("rms_run")}

    Look at the first step: from {rms_run[0]:.0f} to {rms_run[1]:.0f}. The average starts at 0, so after one step it holds a thousandth of $g^2$, and its root is far too small: each parameter leaps by {leap:.1f} learning rates. After $k$ steps of gradients of one size the step is still $1/\sqrt{{1 - 0.999^k}}$ times too long. So your learning rate is multiplied by {leap:.1f}, then by less and less: a schedule that nobody chose. This noiseless bowl even likes it; a network that starts well may not.

    The cure is arithmetic. After $k$ steps the weights of the average sum up to $1 - 0.999^k$. Divide by that, and it is an average from the first step on: **bias correction**.

    {notebook.diff(grown["RMS"], grown["corrected"], context=0)}

    Then the same for the gradient itself: an average in place of one noisy look, which is momentum again, with weights that sum up to 1. That is **Adam** (Kingma and Ba, 2015), whole:

    {notebook.diff(grown["corrected"], grown["Adam"], context=0)}

    **Predict** its first step, for three parameters with gradients of 10⁴, 10⁻⁴ and −7. How far does each go?

    {notebook.details("Answer", f"By one learning rate, all three: {adams_first[0]:+.3f}, {adams_first[1]:+.3f} and {adams_first[2]:+.3f} of it. In the first step the corrected average is the gradient itself, and the corrected root mean square its size, so what is left is the sign. That is why Adam's rate has the parameter's unit. Uncorrected, it would be {0.1 / math.sqrt(0.001):.2f} of them.")}
    """)
    return adams_first, leap


@app.cell
def _(above_least, best_beta, best_rate, grown, rule):
    by_rule = {
        name: above_least(lambda p, name=name: rule(grown[name])(p, lr=0.05), steps=200)
        for name in ("corrected", "Adam")
    }
    by_rule["momentum"] = above_least(
        lambda p: SGD(p, lr=best_rate, momentum=best_beta), steps=200
    )
    charts.courses(by_rule, "loss above the least")
    return (by_rule,)


@app.cell(hide_code=True)
def _(above_least, by_rule):
    packages = above_least(lambda p: Adam(p, lr=0.05), steps=200)
    from_paper = notebook.largest_difference(packages, by_rule["Adam"])
    mo.md(rf"""
    {notebook.code_above("by_rule")}

    Now the rate is the 0.05 that is written, at every step. With no average of the gradient (*corrected*), the steep direction rattles, and {by_rule["corrected"][-1]:.2g} is left. Adam's average lets what points to and fro cancel out: {by_rule["Adam"][-1]:.1g}. Momentum with the best pair is ahead of both, since here you could compute it. Adam's strength is that you needn't know the curvatures; a rate, in the parameter's unit, you still choose.

    The package's `Adam` has the same lines in another order, torch's, in which roundings fall as they fall there. From yours it is {from_paper:.0e} away.

    {notebook.source(Adam._update)}

    (`compiling` is for `torch.compile`, chapter seven's.)

    ### Decay, inside and beside

    Weight decay pulls each parameter towards zero. Chapter three's way adds `weight_decay * p` to the gradient. Two rows of 400 weights start at 1; their gradients are noise, of size 10 in one row and 0.1 in the other. Nothing else pulls. **Predict**, before you look at the chart: does Adam's decay pull both rows alike?
    """)
    return from_paper, packages


@app.function
def decaying(kind):
    weights = torch.ones(2, 400, requires_grad=True)
    optimizer = kind([weights], lr=0.01, weight_decay=0.1)
    draw, means = torch.Generator().manual_seed(0), [[1.0, 1.0]]
    for _ in range(200):
        noise = torch.randn(2, 400, generator=draw)
        weights.grad = torch.tensor([[10.0], [0.1]]) * noise
        optimizer.step()
        means.append(weights.detach().mean(1).tolist())
    return means


@app.cell(hide_code=True)
def _():
    beside = mo.ui.switch(label="decay beside the gradient")
    beside
    return (beside,)


@app.cell
def _(beside):
    decayed = decaying(AdamW if beside.value else Adam)
    loud, quiet = map(list, zip(*decayed, strict=True))
    charts.courses({"large gradients": loud, "small": quiet}, "mean weight", log=False)
    return


@app.cell(hide_code=True)
def _():
    inside_ends, beside_ends = decaying(Adam)[-1], decaying(AdamW)[-1]
    mo.md(rf"""
    {notebook.code_above("decaying", "decayed")}

    {notebook.details("Why?", f"Inside the gradient, the decay is divided by the gradient's size, as all else is: it pulls the one to {inside_ends[0]:.2f} and the other to {inside_ends[1]:.2f}. Whoever has large gradients hardly feels it. Beside it, {beside_ends[0]:.2f} and {beside_ends[1]:.2f}, as (1 − 0.01 × 0.1)²⁰⁰ = {(1 - 0.01 * 0.1) ** 200:.2f} says.")}

    **AdamW** (Loshchilov and Hutter, 2019) takes the decay out of the gradient. It changes one method:

    {notebook.source(AdamW._decayed)}

    Mind a default: a decay of 0.01 in `AdamW`, torch's and ours, and of 0 in `SGD` and `Adam`.

    ## Around the step

    What follows is no rule for one parameter, and it would have to be written into every optimizer anew, torch's included. So it goes *around* one: a **`Wrapper`** is an optimizer that holds an optimizer, acts, and passes on.

    ### Clipping

    One of the birds gets its mass typed in grams. (`sgd` is plain descent, and `train` builds chapter three's `Trainer` around what it is given, for a linear model on these birds.)
    """)
    return beside_ends, inside_ends


@app.cell
def _(bowls, mass):
    clean = Dataset(bowls["standardised"].float(), mass.float())
    birds_train, birds_val = random_split(
        clean, [0.8, 0.2], torch.Generator().manual_seed(0)
    )
    inputs, kilograms = birds_train.tensors
    typed = kilograms.clone()
    typed[7] *= 1000
    dirty = Dataset(inputs, typed)
    return birds_train, birds_val, dirty


@app.cell(hide_code=True)
def _(birds_train, birds_val):
    def sgd(model, lr=0.05):
        """Plain descent."""
        return SGD(model.parameters(), lr)

    def train(make, data=birds_train, epochs=15, size=8, model=None, callbacks=()):
        """A run of `Trainer`, on a linear model."""
        model = model or LinearRegression(3, torch.Generator().manual_seed(0))
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(data, size, shuffle=True, generator=order)
        optimizer = make(model)
        loss = getattr(optimizer, "weighing", lambda loss: loss)(mean_squared_error)
        return Trainer(
            model,
            loss,
            optimizer,
            loader,
            epochs=epochs,
            val_loader=DataLoader(birds_val, 128),
            callbacks=callbacks,
        ).train()

    return sgd, train


@app.cell
def _(dirty, sgd, train):
    outlier = {
        "one in grams": train(sgd, dirty),
        "clipped": train(lambda model: Clipped(sgd(model), max_norm=3.0), dirty),
    }
    return (outlier,)


@app.cell(hide_code=True)
def _():
    clip = mo.ui.switch(label="clip the gradients")
    clip
    return (clip,)


@app.cell(hide_code=True)
def _(clip, outlier):
    charts.losses({n: r for n, r in outlier.items() if n != "clipped" or clip.value})
    return


@app.cell(hide_code=True)
def _(outlier, sgd, train):
    hurt, healed = (run.val_losses[-1] for run in outlier.values())
    never_hurt = train(sgd).val_losses[-1]
    mo.md(rf"""
    {notebook.code_above("clean", "outlier")}

    The other birds, on which it is validated, are right. But once an epoch one batch throws the model away, and the validation loss ends at {hurt:.0f}. Clipped, it is {healed:.3f}; with the mass corrected, {never_hurt:.3f}. **Clipping** shortens *all gradients together*, as one vector, so that the direction stays:

    {notebook.source(Clipped.step)}

    It doesn't find the mistake. It bounds what one batch may do, and `.norm` tells you when there was something to bound.

    ### Schedules

    A large rate gets down fast, and then rattles at the bottom: each batch pulls elsewhere. A small one settles, late. You want both, in that order. What the loss does, over all training birds after each update, and the rate that the update was made with:
    """)
    return healed, hurt, never_hurt


@app.cell
def _(birds_train, sgd, train):
    X_all, y_all = birds_train.tensors

    class Rates(Callback):
        def on_train_start(self, trainer):
            self.losses, self.rates = [], []

        @torch.no_grad()
        def on_step_end(self, trainer):
            loss = mean_squared_error(trainer.model(X_all), y_all)
            self.losses.append(loss.item())
            self.rates.append(trainer.optimizer.param_groups[0]["lr"])

    def scheduled(schedule, epochs=3, size=4):
        watch, updates = Rates(), epochs * math.ceil(len(X_all) / size)

        def make(model):
            return Scheduled(sgd(model, lr=0.3), schedule, updates)

        train(make, epochs=epochs, size=size, callbacks=[watch])
        return watch

    schedules = {
        "constant": ConstantSchedule(),
        "warm-up, then constant": ConstantSchedule(warmup_steps=40),
        "linear": LinearSchedule(),
        "warm-up, then cosine": CosineSchedule(warmup_steps=40),
        "one cycle": OneCycleSchedule(),
    }
    return scheduled, schedules


@app.cell(hide_code=True)
def _(schedules):
    schedule = mo.ui.dropdown(
        [*schedules],
        value="constant",
        label="schedule",
    )
    schedule
    return (schedule,)


@app.cell
def _(schedule, scheduled, schedules):
    watched = scheduled(schedules[schedule.value])
    ends_at = f"The loss ends at {watched.losses[-1]:.3f}"
    charts.scheduled(watched.losses, watched.rates, ends_at)
    return


@app.cell(hide_code=True)
def _(birds_train, scheduled):
    def last_loss(schedule):
        return scheduled(schedule).losses[-1]

    steady, falling = last_loss(ConstantSchedule()), last_loss(LinearSchedule())
    fallen = oracle.least_squares(*birds_train.tensors)
    with torch.no_grad():
        reachable = mean_squared_error(
            birds_train.tensors[0].double() @ fallen[0] + fallen[1],
            birds_train.tensors[1].double(),
        ).item()
    mo.md(rf"""
    {notebook.code_above("scheduled", "watched")}

    Constant it ends at {steady:.3f}, wherever the last batch threw it; with a rate that falls to zero at {falling:.3f}, where {reachable:.3f} is the least that there is. A **schedule** is a function of the step and the total, without memory: it can be drawn before you train, and a resumed run needs nothing but the count.

    {notebook.source(LinearSchedule._after)}

    (`part` goes from 0 to 1 over what follows the warm-up; `final` is the factor at the end.) The **warm-up**, a rise over the first steps, is for rules such as Adam's, whose averages rest on few gradients at first; around plain descent, as here, it only starts later. Torch's schedulers change the rate *after* a step, on a call of their own, which can stand in the wrong place. Here the wrapper sets it right before:

    {notebook.source(Scheduled.step)}

    ### Accumulation

    A batch of 64 doesn't fit into memory? Take four of 16, add up the gradients, step once. Adding up is what `backward` does, so it costs a `zero_grad` that waits. But the mean over 33 birds, in a part of 32 and a part of 1, is *not* the mean of the two parts' means:
    """)
    return falling, reachable, steady


@app.cell
def _(birds_train):
    def gradients(parts, weight):
        model = MLP(3, 16, torch.Generator().manual_seed(0))
        for birds_here, targets in zip(
            *(t[:33].split(parts) for t in birds_train.tensors), strict=True
        ):
            loss = mean_squared_error(model(birds_here), targets)
            (loss * weight(len(targets))).backward()
        return [p.grad for p in model.parameters()]

    whole = gradients([33], lambda samples: 1)
    by_samples = gradients([32, 1], lambda samples: samples / 33)
    mean_of_means = gradients([32, 1], lambda samples: 1 / 2)
    return by_samples, mean_of_means, whole


@app.cell(hide_code=True)
def _(birds_train, by_samples, mean_of_means, whole):
    _largest = max(g.abs().max().item() for g in whole)
    parts_off = {
        "each part by its samples": notebook.largest_difference(whole, by_samples),
        "the mean of the means": notebook.largest_difference(whole, mean_of_means),
    }

    def bytes_for_backward(samples):
        """What a forward pass keeps for the backward one, parameters aside."""
        model, seen = MLP(3, 64, torch.Generator().manual_seed(0)), {}
        own = {p.data_ptr() for p in model.parameters()}

        def keep(tensor):
            if tensor.data_ptr() not in own:
                seen[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            X, y = (t[:samples] for t in birds_train.tensors)
            loss = mean_squared_error(model(X), y)
        del loss
        return sum(seen.values())

    large_bytes, small_bytes = bytes_for_backward(64), bytes_for_backward(16)
    mo.md(rf"""
    {notebook.code_above("whole")}

    {notebook.table([{"accumulated": name, "largest difference from one batch, of the largest gradient": f"{gap / _largest:.1e}"} for name, gap in parts_off.items()])}

    The lone bird counts as much as the other 32 together. So each part has to count by its samples, and only the loss sees how many there are. `weighing` gives you a loss whose value is the same and whose gradient is times its samples, and `step` divides by all of them:

    {notebook.source(Accumulated.zero_grad)}

    {notebook.source(Accumulated.step)}

    What does it save? For the backward pass a network of 64 units keeps {large_bytes:,} bytes of 64 birds, and {small_bytes:,} of 16.

    ### Averaged weights

    The other cure for rattling: let it rattle, and use an average of where it has been. **`AveragedModel`** keeps one beside the model, which fades as Adam's do: at each step 0.98 of it stays and 0.02 of the model comes in, so it looks some fifty steps back. It starts as a copy of the model, not at 0, and needs no correction. While you train, it answers as the model; in `eval`, as the average.

    {notebook.source(AveragedModel.forward)}

    {notebook.source(AveragedModel.update)}

    A wrapper of the optimizer, `Averaging`, calls `update` after each step. So the trainer validates the average, and knows nothing of it:
    """)
    return large_bytes, parts_off, small_bytes


@app.cell
def _(sgd, train):
    averaged = AveragedModel(LinearRegression(3, torch.Generator().manual_seed(0)), 0.98)
    rattling = {
        "as it is": train(lambda model: sgd(model, lr=0.3), size=4),
        "averaged": train(
            lambda model: Averaging(sgd(model, lr=0.3), model), size=4, model=averaged
        ),
    }
    return (rattling,)


@app.cell(hide_code=True)
def _():
    average = mo.ui.switch(label="average the weights")
    average
    return (average,)


@app.cell(hide_code=True)
def _(average, rattling):
    charts.losses({n: r for n, r in rattling.items() if n != "averaged" or average.value})
    return


@app.cell(hide_code=True)
def _(rattling):
    rough, calm = rattling.values()
    same_training = calm.train_losses == rough.train_losses
    mo.md(rf"""
    {notebook.code_above("rattling")}

    Over the last five epochs the validation loss moves between {min(rough.val_losses[-5:]):.2f} and {max(rough.val_losses[-5:]):.2f}, the average's between {min(calm.val_losses[-5:]):.3f} and {max(calm.val_losses[-5:]):.3f}. The training losses of both are {"the very same" if same_training else "not the same"}: it costs memory, and changes no step.

    ## In which order?

    Wrappers compose, so they compose in an order: of those that act before the step, the outer one acts first. `Accumulated(Scheduled(Clipped(SGD(…))))` says: gather a window; then set the rate; then clip what was gathered; then step. **Predict**: what if clipping or the schedule stands outside of the accumulation, and acts at each batch of a window of four?
    """)
    return calm, rough, same_training


@app.cell(hide_code=True)
def _():
    clip_outside = mo.ui.switch(label="clip outside: each batch")
    schedule_outside = mo.ui.switch(label="schedule outside: each batch")
    mo.vstack([clip_outside, schedule_outside])
    return clip_outside, schedule_outside


@app.cell(hide_code=True)
def _(birds_train, sgd, train):
    class Careless(Accumulated):
        """Lets itself be wrapped, which ours refuses."""

        outermost = False

    def ordered(clip_first, schedule_first, every=4, epochs=6):
        """A run of some epochs with the wrappers in this order."""
        updates = epochs * math.ceil(len(birds_train) / 8) // every
        windows = []

        def cosine(step, total):
            """Counts what it is called for, and stays at its end."""
            return CosineSchedule()(min(step, updates), updates)

        def stack(model):
            optimizer = sgd(model, lr=0.3)
            if not clip_first:
                optimizer = Clipped(optimizer, max_norm=3.0)
            if not schedule_first:
                optimizer = Scheduled(optimizer, cosine, updates)
            optimizer = Careless(optimizer, every)
            windows.append(optimizer)
            if clip_first:
                optimizer = Clipped(optimizer, max_norm=3.0)
            if schedule_first:
                optimizer = Scheduled(optimizer, cosine, updates * every + every)
            optimizer.weighing = windows[0].weighing
            return optimizer

        return train(stack, epochs=epochs)

    orders = {
        (clips, schedules): ordered(clips, schedules)
        for clips in (False, True)
        for schedules in (False, True)
    }
    refused = ""
    try:
        Clipped(Accumulated(SGD([torch.zeros(1, requires_grad=True)], lr=0.1), 4), 1.0)
    except ValueError as error:
        refused = str(error)
    return orders, refused


@app.cell(hide_code=True)
def _(clip_outside, orders, schedule_outside):
    _chosen = clip_outside.value, schedule_outside.value
    charts.losses(
        {"as it should be": orders[False, False]}
        | ({"yours": orders[_chosen]} if any(_chosen) else {})
    )
    return


@app.cell(hide_code=True)
def _(orders, refused):
    order_ends = {of: run.val_losses[-1] for of, run in orders.items()}
    mo.md(rf"""
    {notebook.details("Answer", f"Both spoil it, clipping more. The validation loss after six epochs is {order_ends[False, False]:.2f} as it should be, {order_ends[False, True]:.2f} with the schedule outside, {order_ends[True, False]:.1f} with clipping outside, {order_ends[True, True]:.1f} with both. A schedule that counts batches is at its end after a quarter of the run. A clip that sees each batch meets a *sum* over samples, already 8 times as long after the first batch as the mean that its limit is meant for. It cuts that to 3, again after every batch; then the window is divided by its samples, 32 as a rule, so no step's gradient is longer than 3/32.")}

    No name of a class tells you that. So `Accumulated` refuses to be wrapped, before anything has moved: "{refused}".

    ## Does it still compute the same?

    Each piece beside torch's, a hundred updates of a small network on the birds:
    """)
    return (order_ends,)


@app.cell(hide_code=True)
def _(birds_train):
    def parameters_after(make, steps=100, model=None, before=None):
        """A small network's parameters after some updates over batches of 32."""
        model = model or MLP(3, 16, torch.Generator().manual_seed(0))
        optimizer = make(model) if before is None else before
        order = torch.Generator().manual_seed(0)
        loader, done = DataLoader(birds_train, 32, shuffle=True, generator=order), 0
        while done < steps:
            for inputs, targets in loader:
                if done < steps:
                    optimizer.zero_grad()
                    mean_squared_error(model(inputs), targets).backward()
                    optimizer.step()
                    done += 1
        return [p.detach() for p in model.parameters()]

    class TorchsClip:
        """torch's clipping before torch's step."""

        def __init__(self, model):
            self.model, self.inner = model, torch.optim.SGD(model.parameters(), lr=0.1)

        def zero_grad(self):
            self.inner.zero_grad()

        def step(self):
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.inner.step()

    class TorchsSchedule(TorchsClip):
        """torch's scheduler after torch's step."""

        def __init__(self, model):
            super().__init__(model)
            self.scheduler = torch.optim.lr_scheduler.LambdaLR(
                self.inner, lambda step: CosineSchedule(warmup_steps=10)(step, 100)
            )

        def step(self):
            self.inner.step()
            self.scheduler.step()

    class TorchsAverage(TorchsClip):
        """torch's averaged weights."""

        def __init__(self, model):
            super().__init__(model)
            swa = torch.optim.swa_utils
            self.averaged = swa.AveragedModel(
                model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.9)
            )

        def step(self):
            self.inner.step()
            self.averaged.update_parameters(self.model)

    optim = torch.optim
    pairs = {
        "`SGD`, momentum": (
            lambda m: SGD(m.parameters(), lr=0.1, momentum=0.9),
            lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9),
        ),
        "`SGD`, Nesterov": (
            lambda m: SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True),
            lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True),
        ),
        "`Adam`": (
            lambda m: Adam(m.parameters(), lr=0.01),
            lambda m: optim.Adam(m.parameters(), lr=0.01, foreach=False),
        ),
        "`AdamW`": (
            lambda m: AdamW(m.parameters(), lr=0.01),
            lambda m: optim.AdamW(m.parameters(), lr=0.01, foreach=True),
        ),
        "`AdamW` and a fused kernel": (
            lambda m: AdamW(m.parameters(), lr=0.01),
            lambda m: optim.AdamW(m.parameters(), lr=0.01, fused=True),
        ),
        "`Clipped`": (
            lambda m: Clipped(optim.SGD(m.parameters(), lr=0.1), max_norm=1.0),
            TorchsClip,
        ),
        "`Scheduled`": (
            lambda m: Scheduled(
                optim.SGD(m.parameters(), lr=0.1), CosineSchedule(warmup_steps=10), 100
            ),
            TorchsSchedule,
        ),
    }
    differences = {
        name: notebook.largest_difference(*map(parameters_after, both))
        for name, both in pairs.items()
    }
    _network, _torchs = AveragedModel(MLP(3, 16, torch.Generator().manual_seed(0)), 0.9), []
    parameters_after(
        lambda m: Averaging(optim.SGD(m.model.parameters(), lr=0.1), m), model=_network
    )
    parameters_after(lambda m: _torchs.append(TorchsAverage(m)) or _torchs[0])
    differences["`AveragedModel`"] = notebook.largest_difference(
        [p.detach() for p in _network.average.parameters()],
        [p.detach() for p in _torchs[0].averaged.module.parameters()],
    )
    notebook.table(
        {"piece": name, "largest difference from torch's": gap}
        for name, gap in differences.items()
    )
    return differences, parameters_after


@app.cell(hide_code=True)
def _(differences):
    exact = sum(gap == 0 for gap in differences.values())
    mo.md(rf"""
    {exact} of {len(differences)} are equal bit for bit. (`Clipped` and the wrappers below it hold *torch's* `SGD` here, which rounds otherwise than ours: any optimizer fits inside.) A fused kernel is another program, and differs in the last places.

    Equal steps are not enough to go on with a run elsewhere: the state must travel, too. Ours has torch's format. So thirty steps by our `AdamW`, thirty by torch's, thirty by ours again:
    """)
    return


@app.cell
def _(parameters_after):
    def handed_over(*kinds):
        model, state = MLP(3, 16, torch.Generator().manual_seed(0)), None
        for kind in kinds:
            optimizer = kind(model.parameters(), lr=0.01)
            if state is not None:
                optimizer.load_state_dict(state)
            parameters_after(None, steps=30, model=model, before=optimizer)
            state = optimizer.state_dict()
        return [p.detach() for p in model.parameters()]

    there_and_back = handed_over(AdamW, torch.optim.AdamW, AdamW)
    all_torch = handed_over(*[torch.optim.AdamW] * 3)
    notebook.largest_difference(there_and_back, all_torch)
    return all_torch, there_and_back


@app.cell(hide_code=True)
def _(all_torch, there_and_back):
    handed = notebook.largest_difference(there_and_back, all_torch)
    mo.md(rf"""
    {notebook.code_above("there_and_back")}

    {"The same, bit for bit, as ninety of torch's." if handed == 0 else f"They differ by {handed:.0e}."} A run can be handed over in the middle, and taken back.

    ## Groups

    A decay pulls weights towards zero because small weights make a smooth model. A bias only says where zero is: to pull it gains little. So parameters come in **groups**, each with options of its own, and what a group doesn't say is the optimizer's:
    """)
    return (handed,)


@app.cell
def _():
    network = MLP(3, 16, torch.Generator().manual_seed(0))
    matrices = [p for p in network.parameters() if p.dim() > 1]
    biases = [p for p in network.parameters() if p.dim() == 1]

    grouped = AdamW(
        [{"params": matrices}, {"params": biases, "weight_decay": 0.0}],
        lr=0.01,
        weight_decay=0.5,
    )
    return biases, grouped, matrices, network


@app.cell(hide_code=True)
def _(birds_train, biases, grouped, matrices, network):
    def sizes():
        return [
            torch.cat([p.detach().flatten() for p in of]).norm().item()
            for of in (matrices, biases)
        ]

    before_decay = sizes()
    for _p in network.parameters():
        _p.grad = torch.zeros_like(_p)
    for _ in range(20):
        grouped.step()
    after_decay = sizes()
    recipe = TrainerConfig(
        epochs=4,
        batch_size=8,
        learning_rate=0.01,
        optimizer=AdamWRecipe(),
        weight_decay=0.1,
        schedule=CosineSchedule(warmup_steps=5),
        max_gradient_norm=3.0,
        accumulate=4,
    )

    def run_of(config):
        model = MLP(3, 16, torch.Generator().manual_seed(0))
        return config.build(model, mean_squared_error, birds_train).train()

    same_recipe = run_of(TrainerConfig.from_json(recipe.to_json())) == run_of(recipe)
    mo.md(rf"""
    {notebook.code_above("grouped")}

    Twenty steps with gradients of zero: the matrices' length goes from {before_decay[0]:.2f} to {after_decay[0]:.2f}, the biases' from {before_decay[1]:.2f} to {after_decay[1]:.2f}. A schedule multiplies each group's own rate.

    ## The recipe

    `TrainerConfig` has a field for each seam. What makes an optimizer is a small recipe of its own, and in the text its kind is written with it:

    {notebook.listing(recipe.to_json())}

    {"Read back, it is the very same run." if same_recipe else "Read back, it is another run."} What `build` adds is a line a piece, with the accumulation outermost; nobody else knows epochs, batches and windows, and so the schedule's total:

    {notebook.source(TrainerConfig._stepping)}

    Groups and averages are not in it: they need the model's own parts, so hand those pieces to `Trainer` yourself.

    ## What it costs
    """)
    return after_decay, before_decay, same_recipe


@app.cell(hide_code=True)
def _():
    def cost(name, make):
        """Operations of a step, and bytes of state, for a tensor of a thousand numbers."""
        p = torch.zeros(1000, requires_grad=True)
        optimizer = make([p])
        for _ in range(2):  # the first step makes the state
            p.grad = torch.ones(1000)
            counted = count_operations(optimizer.step).total()
        inner = optimizer
        while not hasattr(inner, "state"):
            inner = inner.optimizer
        held = [t for t in inner.state[p].values() if t.dim()] if p in inner.state else []
        state = sum(t.numel() * t.element_size() for t in held) // p.numel()
        return {
            "optimizer": name,
            "operations a tensor": counted,
            "bytes of state a number": state,
        }

    costs = [
        cost("`SGD`", lambda p: SGD(p, lr=0.1)),
        cost("`SGD`, momentum", lambda p: SGD(p, lr=0.1, momentum=0.9)),
        cost("`Adam`", Adam),
        cost("`AdamW`", AdamW),
        cost("`Clipped(AdamW)`", lambda p: Clipped(AdamW(p), 1.0)),
        cost("`Scheduled(AdamW)`", lambda p: Scheduled(AdamW(p), LinearSchedule(), 9)),
    ]
    timed = [
        notebook.measured("optimizers", setting)
        for setting in (
            "a small MLP: 97 parameters in 4 tensors",
            "a million parameters in 100 tensors",
            "a million parameters in 1 tensor",
        )
    ]
    million = timed[-1]
    seconds = [
        {
            "what is moved": of.setting,
            "ours": charts.times(of.ratios["groundup"]),
            "torch's foreach": charts.times(of.ratios["torch foreach"]),
            "torch's fused kernel": charts.times(of.ratios["torch fused"]),
        }
        for of in timed
    ]
    mo.md(rf"""
    Work and memory, counted. A parameter of single precision has 4 bytes itself, and 4 of gradient:

    {notebook.table(costs)}

    Adam's two averages double what a run holds for each parameter, activations aside: {4 + 4 + costs[2]["bytes of state a number"]} bytes a number where plain `SGD` has 8. A schedule costs no operation, since a rate is a number of Python's.

    And time, from `make bench`, on {million.machine}, with one thread. A step of `AdamW`, as a multiple of torch's own for-loop:

    {notebook.table(seconds)}

    One kernel for all the lines of `_update` reads each number once, and that is what a production optimizer buys.
    """)
    return (costs,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## In the frameworks

    | what | here | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 |
    | :--- | :--- | :--- | :--- |
    | clipping | `Clipped`, off | `gradient_clip_val`, [off][lt-clip], [before the step][lt-clipped] | `max_grad_norm`, [1.0][hf-clip] |
    | a schedule steps | every update | every [epoch][lt-interval], if you don't say "step" | [every update][hf-step]; [linear to 0][hf-schedule] |
    | accumulated parts | by their samples | divided by [their number][lt-accumulate] | by [labels in the window][hf-items], if the loss takes them |
    | no decay for | what you group | what you group | [biases and norms][hf-decay] |

    | what | here | [torchtitan][tt] 0.2.2 | [Keras][ke] 3.15.1 |
    | :--- | :--- | :--- | :--- |
    | clipping | `Clipped`, off | `max_norm`, [1.0][tt-clip] | [`global_clipnorm`][ke-options], off |
    | a schedule steps | every update | [every update][tt-step]; [warm-up, stable, decay][tt-schedule] | a rate that is [a function of the count of batches][ke-rate], also while they accumulate |
    | accumulated parts | by their samples | by [tokens in the window][tt-tokens], fetched first | divided by [their number][ke-accumulate] |
    | no decay for | what you group | [nobody excepted][tt-decay] | [`exclude_from_weight_decay`][ke-exclude] |

    **Where does it live?** Keras has decay, clipping, averaging, loss scale and accumulation as [branches of one class][ke-branches]. Lightning and `transformers` put them into the trainer. Here each is a wrapper that fits around any optimizer.

    **Unequal parts** were wrong in `transformers` until [October 2024][hf-mended]; it came out when [users][hf-report] compared with one large batch. torchtitan fetches a window's batches before it computes the first one, to know the number of tokens. Weighing on the way back needs no look ahead.

    **What doesn't fit.** A rule that asks for the loss several times a step (L-BFGS's `step(closure)`) and two optimizers in turn (GANs): each needs a loop of its own. A rate that reads the validation loss (`ReduceLROnPlateau`) is no function of the step: a callback sets it, at an epoch's end.

    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-clip]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L866
    [hf-decay]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1408-L1417
    [hf-items]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L2298-L2359
    [hf-mended]: https://github.com/huggingface/transformers/pull/34191
    [hf-report]: https://github.com/huggingface/trl/issues/2175
    [hf-schedule]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/training_args.py#L788
    [hf-step]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1935-L1944
    [ke]: https://github.com/keras-team/keras/tree/v3.15.1
    [ke-accumulate]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/base_optimizer.py#L563-L568
    [ke-branches]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/base_optimizer.py#L551-L600
    [ke-exclude]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/base_optimizer.py#L883
    [ke-options]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/base_optimizer.py#L72-L79
    [ke-rate]: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/optimizers/base_optimizer.py#L777-L781
    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-accumulate]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/optimization/automatic.py#L80-L83
    [lt-clip]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/trainer.py#L120
    [lt-clipped]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/plugins/precision/precision.py#L84-L94
    [lt-interval]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/utilities/types.py#L86
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-clip]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/config/job_config.py#L264
    [tt-decay]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/optimizer.py#L76-L84
    [tt-schedule]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/lr_scheduler.py#L139-L160
    [tt-step]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L592-L601
    [tt-tokens]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/train.py#L558-L573

    ## Your turn

    ### Nesterov's step

    Heavy ball rolls where its buffer points. Nesterov's looks one step ahead: it goes by the gradient plus `momentum` times the *new* buffer. Take one step, and return the new parameter and the new buffer, $\beta b + g$.
    """)
    return


@app.function
def nesterov_step(p, gradient, buffer, lr, momentum):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_nesterov(attempt):
        draw = torch.Generator().manual_seed(0)
        for lr, momentum in ((0.1, 0.9), (0.3, 0.5)):
            p, buffer = torch.randn(2, 3, generator=draw)
            expected, kept = p.clone(), buffer.clone()
            for step in range(1, 4):
                gradient = torch.randn(3, generator=draw)
                old, old_buffer = expected.clone(), kept.clone()
                kept = momentum * kept + gradient
                expected = expected - lr * (gradient + momentum * kept)
                given = attempt(p.clone(), gradient.clone(), buffer.clone(), lr, momentum)
                if not isinstance(given, tuple | list) or len(given) != 2:
                    return "Return two things: the new parameter and the new buffer."
                if not all(isinstance(g, torch.Tensor) and g.shape == (3,) for g in given):
                    return "The new parameter and the new buffer have the shape of the old ones."
                p, buffer = (g.detach().clone() for g in given)
                where = f"In step {step}, with lr {lr} and momentum {momentum},"
                if torch.allclose(buffer, old_buffer, atol=1e-6) and not torch.allclose(
                    kept, old_buffer
                ):
                    return f"{where} the buffer that you return is still the old one."
                if torch.allclose(
                    buffer, momentum * old_buffer + (1 - momentum) * gradient, atol=1e-6
                ):
                    return f"{where} your buffer averages; here it sums up: βb + g."
                if not torch.allclose(buffer, kept, atol=1e-5):
                    return f"{where} the buffer should be βb + g, {kept.tolist()}, but you gave {buffer.tolist()}."
                if torch.allclose(p, expected, atol=1e-5):
                    continue
                if torch.allclose(p, old - lr * kept, atol=1e-5):
                    return f"{where} that is the heavy ball's step: add momentum times the *new* buffer to the gradient."
                if torch.allclose(p, 2 * old - expected, atol=1e-5):
                    return f"{where} you went up: subtract the step."
                return f"{where} the parameter should be {expected.tolist()}, but you gave {p.tolist()}."
        return None

    def nesterov_solution(p, gradient, buffer, lr, momentum):
        buffer = momentum * buffer + gradient
        return p - lr * (gradient + momentum * buffer), buffer

    notebook.exercise(nesterov_step, check_nesterov, nesterov_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Descend by the sign

    Adam's first step, for ever: each number moves by one learning rate against the sign of its gradient, and stays where that is 0. Return an optimizer of these parameters. It must work inside `Scheduled`, and leave alone what has no gradient.
    """)
    return


@app.function
def sign_descent(params, lr):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_signs(attempt):
        p, idle = (torch.ones(4, requires_grad=True) for _ in range(2))
        optimizer = attempt([p, idle], 0.5)
        missing = [
            n for n in ("zero_grad", "step", "param_groups") if not hasattr(optimizer, n)
        ]
        if missing:
            return f"Return an optimizer: an object of a class that inherits from `Optimizer`, say. Yours has no `{missing[0]}`."
        slope = torch.tensor([1e4, -1e-4, 0.0, -7.0])
        p.grad = slope.clone()
        optimizer.step()
        moved = (1 - p.detach()) / 0.5
        if moved.isnan().any():
            return (
                "A gradient of 0 gives NaN: it has no size to divide by, and its sign is 0."
            )
        if torch.equal(moved, -slope.sign()):
            return "You went up: move *against* the sign."
        if not torch.allclose(moved, slope.sign()):
            return f"With gradients {slope.tolist()} the numbers should move by {slope.sign().tolist()} learning rates, but they moved by {moved.tolist()}."
        if not torch.equal(idle.detach(), torch.ones(4)):
            return "A parameter without a gradient moved."
        if not torch.equal(p.grad, slope):
            return "You changed the gradient itself; whoever looks at it afterwards sees another one."
        optimizer.zero_grad()
        if p.grad is not None and p.grad.any():
            return "`zero_grad` leaves the gradient where it was."
        before = p.detach().clone()
        try:
            scheduled = Scheduled(optimizer, LinearSchedule(), total_steps=4)
        except TypeError as error:
            return f"`Scheduled` refuses it: {error}."
        for _ in range(2):
            p.grad = torch.ones(4)
            scheduled.step()
        if torch.allclose(before - p.detach(), torch.tensor(1.0)):
            return (
                "Inside `Scheduled` the rate stays: read `lr` from the group at each step."
            )
        if not torch.allclose(before - p.detach(), torch.tensor(0.5 * (1 + 0.75))):
            return "Inside `Scheduled` a step is not one of the group's learning rates."
        return None

    def signs_solution(params, lr):
        class SignDescent(Optimizer):
            def _update(self, p, gradient, state, group):
                p -= group["lr"] * gradient.sign()

        return SignDescent(params, lr=lr)

    notebook.exercise(sign_descent, check_signs, signs_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ### Warm-up, stable, decay

    torchtitan's schedule. Return a function of `step` (from 0) and `total` that gives the factor: in the first `warmup` updates 1/warmup, 2/warmup, … up to 1; then 1; and in the last `decay` updates straight down: the first of them still has 1, the last 1/decay, and 0 would come at `total`.
    """)
    return


@app.function
def warmup_stable_decay(warmup, decay):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_phases(attempt):
        for warmup, decay, total in ((4, 5, 20), (1, 10, 12), (2, 4, 9)):
            schedule = attempt(warmup, decay)
            if not callable(schedule):
                return "Return a function of `step` and `total`, not a number."
            what = f"With warmup {warmup}, decay {decay} and a total of {total},"
            factors = [schedule(step, total) for step in range(total)]
            if None in factors:
                return "Your schedule returns nothing. Does it end in a `return`?"
            factors = [*map(float, factors)]
            if factors[0] == 0:
                return f"{what} the first update has a factor of 0 and moves nothing: count from 1."
            if max(factors) > 1 + 1e-6:
                return f"{what} the largest factor is {max(factors):.3g}: it must not exceed 1."
            if abs(factors[-1]) < 1e-6:
                return f"{what} the last update has a factor of 0: zero comes only after it, at the total."
            for step, given in enumerate(factors):
                phase, expected = "stable part", 1.0
                if step < warmup:
                    phase, expected = "warm-up", (step + 1) / warmup
                elif step >= total - decay:
                    phase, expected = "decay", (total - step) / decay
                if not math.isclose(given, expected, abs_tol=1e-6):
                    return f"{what} update {step}, in the {phase}, should have the factor {expected:.3g}, but you gave {given:.3g}."
        return None

    def phases_solution(warmup, decay):
        def schedule(step, total):
            if step < warmup:
                return (step + 1) / warmup
            return min(1.0, (total - step) / decay)

        return schedule

    notebook.exercise(warmup_stable_decay, check_phases, phases_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Next

    All that happens between gradients and new weights now has a place: rules for a parameter inside `step`, everything else around it, in an order that is stated. The loop has not changed by a line. Chapter five asks **how a loop stays small** when everybody wants to watch it: early stopping, best weights, logs, and curves that move while it trains.

    ## Sources

    - Boris Polyak, *Some methods of speeding up the convergence of iteration methods*, USSR Computational Mathematics and Mathematical Physics 4(5), 1964; the best pair is his.
    - Gabriel Goh, [*Why Momentum Really Works*](https://distill.pub/2017/momentum/), Distill, 2017.
    - Diederik Kingma and Jimmy Ba, [*Adam: A Method for Stochastic Optimization*](https://arxiv.org/abs/1412.6980), ICLR 2015.
    - Ilya Loshchilov and Frank Hutter, [*Decoupled Weight Decay Regularization*](https://arxiv.org/abs/1711.05101), ICLR 2019.
    - Penguins: see chapter three.
    """)
    return


if __name__ == "__main__":
    app.run()
