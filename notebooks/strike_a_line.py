import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Strike a line — From the Ground Up", css_file="style.css")

with app.setup(hide_code=True):
    import importlib

    import marimo as mo
    import torch

    from chapters import found
    from groundup import charts, make_regression, notebook

    torch.set_num_threads(1)

    # Chapter one's notebook, imported: its functions are there, its cells have not run.
    chapter = importlib.import_module(f"notebooks.{found()[1].file.stem}")
    loop = notebook.cells_of(found()[1].file.read_text("utf-8"))["train_by_hand"]
    steps = notebook.steps_of(loop)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Strike a line

    This is the loop of chapter one, cut from its notebook. Each epoch takes five steps. Strike one out, and the loop
    trains without it. Which of them does it miss with an error, and which without a word?
    """)
    return


@app.cell(hide_code=True)
def _():
    zero_grad, predict, loss, backward, update = (
        mo.ui.switch(label=f"strike out: {step}") for step in steps
    )
    mo.vstack([zero_grad, predict, loss, backward, update])
    return backward, loss, predict, update, zero_grad


@app.function
def without(struck):
    lines = loop.splitlines()
    for step, place in zip(steps.values(), struck, strict=True):
        for number in step:
            lines[number] = "" if place else lines[number]
    return "\n".join(line for line in lines if line)


@app.function
def losses_of(code, *arguments):
    names = dict(vars(chapter))
    exec(code, names)
    try:
        return names["train_by_hand"](*arguments)["losses"]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@app.cell
def _(backward, loss, predict, update, zero_grad):
    struck = {
        "zero_grad": zero_grad.value,
        "predict": predict.value,
        "loss": loss.value,
        "backward": backward.value,
        "update": update.value,
    }
    notebook.diff(loop, without(struck.values()))
    return (struck,)


@app.cell
def _(struck):
    generator = torch.Generator().manual_seed(1)
    weights = torch.tensor([[2.0], [-1.0]])
    X, y = make_regression(256, 2, generator=generator, weights=weights, bias=0.5)
    start = X, y, torch.zeros(2, 1), torch.zeros(1)

    # A loss is measured before its epoch's update: the last one after 40.
    whole = losses_of(loop, *start, 41, 0.05)
    run = losses_of(without(struck.values()), *start, 41, 0.05)
    missing = [name for name, out in struck.items() if out]
    charts.struck_loop(whole, run, missing)
    return missing, run, whole


@app.cell(hide_code=True)
def _(missing, run, whole):
    # What happened, and of a line that is struck alone, why.
    _why = {
        "zero_grad": "`backward` does not set `.grad`, it adds to it. So each update repeats all the gradients before it: the "
        "parameters gain speed on the way down, run past the bottom and climb the other side. They swing, and nothing "
        "slows them. It is the one line whose absence looks like training.",
        "predict": "It is the one line in which the parameters meet the data. Without it there is no `y_pred` to compare with "
        "`y`, and Python says so in the first epoch, before a parameter has moved.",
        "loss": "`backward` starts from one number that says how wrong the predictions are. Without it there is nothing to take "
        "a derivative of: the predictions are there, and nobody has said what is wrong with them.",
        "backward": "Nobody has filled `.grad`, so it is `None`, and the update can't multiply it. Here you are told. An optimizer "
        "of `torch.optim` passes over a parameter without a gradient: there the same slip raises nothing, and nothing is "
        "learned.",
        "update": "The gradients are there, the same ones in each epoch, and nobody follows them. The loop does all of its work "
        "but the step that the work was for.",
    }
    if isinstance(run, str):
        _said = f"`{run}`. The loop stops in its first epoch."
    elif not missing:
        _said = f"With every line in place the loss falls from {run[0]:.3g} to {run[-1]:.3g} in {len(run) - 1} epochs."
    elif len(set(run)) == 1:
        _said = f"Nothing raises. The loss stays at {run[0]:.3g}: no parameter moves."
    else:
        _said = f"Nothing raises. After {len(run) - 1} epochs the loss is {run[-1]:.3g}, where the whole loop has {whole[-1]:.3g}."
    mo.md("\n\n".join([_said, *(_why[name] for name in missing if missing == [name])]))
    return


if __name__ == "__main__":
    app.run()
