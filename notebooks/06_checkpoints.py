import marimo

__generated_with = "0.25.2"
app = marimo.App(
    app_title="6 · Checkpoints — From the Ground Up",
    css_file="style.css",
    html_head_file="06_checkpoints.head.html",
)

with app.setup(hide_code=True):
    import copy
    import hashlib
    import json
    import math
    import os
    import shutil
    import subprocess
    import sys
    import tempfile
    import time
    import warnings
    import weakref
    from contextlib import suppress
    from pathlib import Path

    import marimo as mo
    import torch
    from torch import nn

    from groundup import (
        Accumulated,
        AdamW,
        AveragedModel,
        Averaging,
        BestWeights,
        Callback,
        Checkpoint,
        Clipped,
        CosineSchedule,
        DataLoader,
        Dataset,
        Dropout,
        EarlyStopping,
        Linear,
        LogFile,
        Scheduled,
        Trainer,
        accuracy,
        charts,
        count_operations,
        cross_entropy,
        load_checkpoint,
        load_digits,
        notebook,
        save_checkpoint,
    )
    from groundup.checkpoints import ResumedLoader

    # On tensors this small a second thread costs more than it brings, most of all when readers share a machine.
    torch.set_num_threads(1)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # 6 · Checkpoints

    **What is the state of a run?**

    An hour's run is killed at minute 59: the power fails, the queue's time is over, someone types `kill -9`. What did you lose?

    Here you find out what a run is made of, one forgotten thing at a time, until a run that was killed is the run that nobody killed: the same numbers, to the last bit.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.imports()}

    ## At minute 59

    This run stands for the hour. 256 of chapter five's digits train, 256 others validate; it takes six epochs of eight steps. Dropout draws, a schedule counts, AdamW remembers.
    """)
    return


@app.function
def new_run(*callbacks):
    images, classes = load_digits()
    pictures = images.flatten(1)
    first, second, drops, order = (torch.Generator().manual_seed(i) for i in range(4))
    model = nn.Sequential(
        Linear(64, 16, first), nn.ReLU(), Dropout(0.2, drops), Linear(16, 10, second)
    )
    adamw = AdamW(model.parameters(), lr=0.02)
    return Trainer(
        model,
        cross_entropy,
        Scheduled(adamw, CosineSchedule(warmup_steps=4), total_steps=48),
        DataLoader(
            Dataset(pictures[:256], classes[:256]), 32, shuffle=True, generator=order
        ),
        epochs=6,
        val_loader=DataLoader(Dataset(pictures[256:512], classes[256:512]), 256),
        metrics={"accuracy": accuracy},
        callbacks=callbacks,
    )


@app.cell(hide_code=True)
def _():
    class Killed(BaseException):
        """The end of a process, as far as one process can play it."""

    class Kill(Callback):
        """Ends a run when so many steps are done."""

        def __init__(self, step):
            self.step = step

        def on_step_start(self, trainer):
            if trainer.step == self.step:
                raise Killed

    class Course(Callback):
        """What validation would give after each step, and the weights."""

        def __init__(self):
            self.losses, self.weights = [], []

        @torch.no_grad()
        def on_step_end(self, trainer):
            ((inputs, targets),) = trainer.val_loader
            trainer.model.eval()
            self.losses.append(cross_entropy(trainer.model(inputs), targets).item())
            trainer.model.train()
            parameters = nn.utils.parameters_to_vector(trainer.model.parameters())
            self.weights.append(parameters.clone())

        def distances(self, later, done):
            """How far the weights of a run that went on after some steps are from these."""
            pairs = zip(self.weights[done:], later.weights, strict=False)
            return [(ours - theirs).norm().item() for ours, theirs in pairs]

    mo.md(rf"""
    {notebook.code_above("new_run")}

    It is killed after 20 steps, in the middle of the third epoch. You were careful: the weights are in a file. So you put them into a run made anew and train the 28 steps that are missing. (`Kill(20)` plays the death, an exception as step 21 begins. `Course` writes down the validation loss and the weights after each step.)
    """)
    return Course, Kill, Killed


@app.cell
def _(Course, Kill, Killed):
    course = Course()
    never_killed = new_run(course)
    never_killed.train()

    dying, naive_course = new_run(Kill(20)), Course()
    with suppress(Killed):
        dying.train()
    with tempfile.TemporaryDirectory() as _folder:
        torch.save(dying.model.state_dict(), f"{_folder}/weights.pt")
        _weights = torch.load(f"{_folder}/weights.pt", weights_only=True)

    again = new_run(naive_course, Kill(28))
    again.model.load_state_dict(_weights)
    with suppress(Killed):
        again.train()
    naive_distances = course.distances(naive_course, 20)
    charts.resumed(course.losses, naive_course.losses, naive_distances, 20)
    return course, naive_course, naive_distances, never_killed


@app.cell(hide_code=True)
def _(course, naive_course, naive_distances):
    true_weights, naive_weights = (torch.stack(c.weights) for c in (course, naive_course))
    moved = (true_weights[-1] - true_weights[19]).norm().item()
    mo.md(rf"""
    {notebook.code_above("naive_course")}

    Nothing raises, and the loss goes on falling. It even ends *lower*: {naive_course.losses[-1]:.2f}, where the run that was never killed has {course.losses[-1]:.2f}. A success? The lower panel tells what it is: another run. After one step its weights are {naive_distances[0]:.2f} away from the true ones, at the end {naive_distances[-1]:.2f} (the norm of the difference), while the true run moves by {moved:.2f} in all that time.

    What you lost is your experiment. You try another learning rate, the queue kills the job, you resume, and the loss is lower: which of the two was it? Nobody can say, and nobody can repeat it.

    ## What a run is

    So save everything. **`Checkpoint`** is a callback, the last one. It saves after each epoch and, here, after each fifth step besides. This is all that a script needs:
    """)
    return moved, naive_weights, true_weights


@app.function
def live(folder, *callbacks):
    checkpoint = Checkpoint(folder / "files", every=5)
    trainer = new_run(*callbacks, LogFile(folder / "log.jsonl"), checkpoint)
    checkpoint.resume(trainer)
    trainer.train()
    return trainer


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("live")}

    Called for the first time, `live` begins a run: `resume` finds no file. After a death, called again, it goes on from the newest one. Nobody has to tell it which of the two it is. (Some queues send SIGTERM some seconds before they kill. `signal.signal(signal.SIGTERM, lambda *_: trainer.stop("SIGTERM"))` ends the run with its step, and saves it; where it comes while a batch is loaded, the newest file stands.)

    What is in such a file? One run saves after each fourth step, and `load_checkpoint` reads what it wrote:
    """)
    return


@app.cell
def _():
    with tempfile.TemporaryDirectory() as _folder:
        new_run(Checkpoint(_folder, every=4, keep_last=99)).train()
        _files = sorted(Path(_folder).iterdir())
        states = {state["step"]: state for state in map(load_checkpoint, _files)}
        contents = {load_checkpoint(file)["step"]: file.read_bytes() for file in _files}
    return contents, states


@app.cell(hide_code=True)
def _(states):
    def tensors_in(value):
        """All tensors of a state, however deep."""
        if isinstance(value, torch.Tensor):
            return [value]
        parts = value.values() if isinstance(value, dict) else value
        inner = isinstance(value, dict | list | tuple)
        return [tensor for part in parts for tensor in tensors_in(part)] if inner else []

    _state = states[20]
    _average = _state["average"]
    inside = {
        "epoch, step, batch": f"{_state['epoch']}, {_state['step']}, {_state['batch']}: where it is",
        "average": f"the training loss so far in this epoch, over {_average['count']} samples",
        "result": f"the curves: {len(_state['result']['train_losses'])} epochs of them",
        "model": f"{len(tensors_in(_state['model']))} tensors: weights, and the state of dropout's generator",
        "optimizer": f"{len(tensors_in(_state['optimizer']))} tensors: AdamW's moments and counts of steps; the schedule's count, {_state['optimizer']['steps']}",
        "callbacks": "what each must remember: a log's length, the best weights; here nothing",
        "random": "the states of all other generators: the loader's, torch's, Python's, NumPy's if it is used",
        "epoch_start": "the same once more, as they were when this epoch began",
    }
    mo.md(rf"""
    {notebook.code_above("states")}

    This is what it holds after step 20:

    {notebook.table([{"name": f"`{name}`", "what": what} for name, what in inside.items()])}

    What the script makes anew is not in it: data, loss, the schedule's shape, the batch size. With more `epochs` a run that was over trains on; with another model or another number of batches the file is refused. Who wants the weights alone takes `load_checkpoint(path)["model"]`. And `torch.load` reads the file with `weights_only=True`, so that no code hides in it.

    Five things in it move the weights. Forget them, one at a time:
    """)
    return inside, tensors_in


@app.cell
def _():
    fresh = Checkpoint("unused").collect(new_run())

    def moments(state):
        state["optimizer"]["optimizer"]["state"] = {}

    def schedule(state):
        state["optimizer"]["steps"] = 0

    def position(state):
        state["batch"], state["average"] = 0, fresh["average"]

    def order(state):
        for states in filter(None, (state["random"], state["epoch_start"])):
            states["generators"] = fresh["random"]["generators"]

    def dropout(state):
        state["model"]["2._extra_state"] = fresh["model"]["2._extra_state"]

    def all_but_the_model(state):
        for forget in (moments, schedule, position, order):
            forget(state)

    return all_but_the_model, dropout, moments, order, position, schedule


@app.cell(hide_code=True)
def _(all_but_the_model, dropout, moments, order, position, schedule):
    forgetting = {
        "nothing": lambda state: None,
        "the moments": moments,
        "the schedule's count": schedule,
        "the place": position,
        "the loader's order": order,
        "dropout's generator": dropout,
        "all but the model": all_but_the_model,
    }
    mo.md(rf"""
    {notebook.code_above("moments")}

    (`fresh` is the state of a run that has not begun.) A state goes into a run that was made anew, which then goes on:
    """)
    return (forgetting,)


@app.cell
def _(Course, Kill, Killed):
    def gone_on(state, course=Course):
        later, checkpoint = course(), Checkpoint("unused", writes=False)
        trainer = new_run(later, Kill(48), checkpoint)
        checkpoint.restore(trainer, state)
        with suppress(Killed):
            trainer.train()
        return later

    return (gone_on,)


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    {notebook.code_above("gone_on")}

    **Predict**: which of them, forgotten alone, takes the run farthest from the true one, early and late? Which is harmless at an epoch's end? Choose what is forgotten, and when the run is killed.
    """)
    return


@app.cell(hide_code=True)
def _(course, forgetting, gone_on, states):
    def without(kill, forget):
        """A run that was killed, and resumed without something."""
        state = copy.deepcopy(states[kill])
        forget(state)
        return gone_on(state)

    kills = [*range(4, 48, 4)]
    wrong_runs = {
        name: {kill: without(kill, forget) for kill in kills}
        for name, forget in forgetting.items()
    }
    ends = {
        name: {
            kill: (later.losses[-1], course.distances(later, kill)[-1])
            for kill, later in runs.items()
        }
        for name, runs in wrong_runs.items()
    }
    end_losses, end_distances = (
        torch.tensor([[end[i] for end in of.values()] for of in ends.values()])
        for i in (0, 1)
    )
    _at = [[runs[kill] for runs in wrong_runs.values()] for kill in kills]
    charts.resume_explorer(
        course.losses,
        [[later.losses for later in row] for row in _at],
        [
            [course.distances(later, kill) for later in row]
            for kill, row in zip(kills, _at, strict=True)
        ],
        kills,
        {name: f"without {name}" for name in forgetting}
        | {
            "nothing": "with everything",
            "dropout's generator": "without dropout's state",
            "all but the model": "with the model alone",
        },
        (20, "the moments"),
    )
    return end_distances, end_losses, ends, kills, wrong_runs


@app.cell(hide_code=True)
def _(course, ends, kills, wrong_runs):
    farthest = {name: max(d for _, d in of.values()) for name, of in ends.items()}
    wrong_ends = [end for of in ends.values() for end in of.values() if end[1] > 0]
    looks_better = sum(loss < course.losses[-1] for loss, _ in wrong_ends)
    single = [name for name in ends if name not in ("nothing", "all but the model")]
    most = max(single, key=farthest.get)
    early = kills[0]
    first = max(single, key=lambda name: ends[name][early][1])
    harmless = [
        name
        for name in single
        if all(d == 0 for kill, (_, d) in ends[name].items() if kill % 8 == 0)
    ]
    shocked = wrong_runs["the moments"][20]
    shock = max(
        abs(ours - theirs)
        for ours, theirs in zip(shocked.losses, course.losses[20:], strict=True)
    )
    rows_at_20 = [
        {
            "forgotten": name,
            "loss at the end": ends[name][20][0],
            "distance at the end": ends[name][20][1],
        }
        for name in ends
    ]
    exact_resumes = sum(d == 0 for _, d in ends["nothing"].values())
    mo.md(rf"""
    {notebook.details("Answer", f"It depends on when. Killed after {early} steps, {first}: {ends[first][early][1]:.2f} away at the end, since nothing has settled yet. Later {most}: up to {farthest[most]:.2f} away. The count begins anew, so the rate climbs once more to its full height, where it should fall to nothing. Without the moments the loss is never more than {shock:.2f} off; yet the weights, {course.distances(shocked, 20)[0]:.2f} away after one step, are {course.distances(shocked, 20)[-1]:.2f} away at the end: they don't come back. Another order, another dropout: that is other noise, which matters less, the smaller the rate has become. At an epoch's end nothing is lost with {', '.join(harmless)}, as the next epoch begins at its first batch anyway. Killed after 20 steps:{chr(10)}{chr(10)}{notebook.markdown_table(rows_at_20)}")}

    Of {len(wrong_ends)} wrong resumes {looks_better} end with a *lower* loss than the true run. A larger rate for longer does this run good, and that is a finding about the schedule, not about the resume. **A curve cannot judge a resume. Equality can**: with nothing forgotten, the distance is {max(d for _, d in ends["nothing"].values()):g} at the end of {exact_resumes} of {len(kills)} runs.
    """)
    return exact_resumes, farthest, first, harmless, looks_better, most, shock, wrong_ends


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Random states, twice

    A generator's state is a few thousand bytes, and `get_state` hands them out. Why save it twice?

    The loader draws the whole epoch's order as the epoch begins. In its middle, that order is nowhere but in an iterator, which can't be saved. So it must be drawn again, and the batches that are done must be skipped.

    | in the third epoch | the loader's generator | torch's, if a step draws from it |
    | :--- | :--- | :--- |
    | the epoch begins | A | a |
    | its order is drawn | **B** | a |
    | four steps are done, and saved | **B** | **b** |
    | the epoch ends | B | c |
    | the next order is drawn | C | c |

    **Predict**: you have the states of the save alone, in bold. You put them back, iterate the loader, and skip four batches. Which digits does the rest of the epoch train on?
    """)
    return


@app.cell(hide_code=True)
def _(Course, course, gone_on, states):
    class Seen(Course):
        """Also which digits each step has trained on, and in which order."""

        def __init__(self):
            super().__init__()
            self.batches = []

        def on_step_start(self, trainer):
            self.batches.append([tuple(picture) for picture in trainer.inputs.tolist()])

    whole_course = Seen()
    new_run(whole_course).train()
    all_batches = whole_course.batches
    true_batches = torch.tensor(all_batches)
    twice = {}
    for _words, _taken in {
        "the save's": ("random", "random"),
        "the epoch's start's": ("epoch_start", "epoch_start"),
        "both": ("epoch_start", "random"),
    }.items():
        _state = copy.deepcopy(states[20])
        _state["epoch_start"], _state["random"] = (_state[name] for name in _taken)
        _seen = gone_on(_state, Seen)
        _epoch = [p for b in all_batches[16:20] + _seen.batches[:4] for p in b]
        _next = _seen.batches[4:12]
        twice[_words] = {
            "states put back": _words,
            "digits seen twice in this epoch": len(_epoch) - len({*_epoch}),
            "the next epoch's order": "the true one"
            if _next == all_batches[24:32]
            else "this epoch's again"
            if _next == all_batches[16:24]
            else "another",
            "distance at the end": course.distances(_seen, 20)[-1],
        }
    repeated = twice["the save's"]["digits seen twice in this epoch"]
    mo.md(rf"""
    {notebook.details("Answer", f"On the second half of the *next* epoch. From B the loader draws the order that leads to C, of which the first four batches are skipped. {repeated} digits are seen twice in this epoch, {repeated} never. No curve shows it.")}

    With the states of the epoch's start alone, A and a, this order is right. But what the four steps drew is drawn a second time; and put back once more after the skipping, as the save's states have to be, they give the next epoch this one's order.

    {notebook.table([*twice.values()])}

    So both, and in this order: go back to the epoch's start, iterate the loader, let it give the batches that are done, go to the states of the save just before the next one, and give the rest. For one epoch an object that does so stands in for the loader:

    {notebook.source(ResumedLoader.__iter__, ResumedLoader._rest)}

    The loop skips as many batches as `trainer.batch` says, as it did in chapter three. It knows nothing of all this, and has not grown by a line. The batches that are skipped are loaded all the same: to go on in mid-epoch costs the reading of what is done.
    """)
    return all_batches, repeated, true_batches, twice


@app.cell(hide_code=True)
def _():
    room = 20_000

    class FullDisk(type(Path())):
        """A path on a disk that has room for so many bytes."""

        def open(self, *args):
            return Cut(super().open(*args))

    class Cut:
        """A file that takes so many bytes."""

        def __init__(self, file):
            self.file, self.room = file, room

        def write(self, data):
            self.file.write(bytes(data)[: self.room])
            self.room -= len(data)
            if self.room < 0:
                raise OSError("No space left on device")
            return len(data)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

    def found_in(path):
        """A file, and what comes of reading it."""
        try:
            read = f"step {torch.load(path, weights_only=True)['step']}"
        except Exception as error:
            read = f"**unreadable**, {type(error).__name__}"
        size = f"{path.stat().st_size / 1000:.0f} kB"
        return {"file": f"`{path.name}`", "size": size, "torch.load": read}

    mo.md(rf"""
    ## A file that is whole

    A run may die while it saves, too. Here its disk is full after {room // 1000} kB, as the second epoch is saved over the first. **Predict** what the folder holds then, if the save writes into the file that is there (the first function, and the switch), and if it doesn't (the second):
    """)
    return FullDisk, found_in


@app.function
def careless_save(state, path):
    with path.open("wb") as file:
        torch.save(state, file)


@app.function
def careful_save(state, path):
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@app.cell(hide_code=True)
def _():
    careless = mo.ui.switch(label="save without os.replace")
    careless
    return (careless,)


@app.cell
def _(FullDisk, careless, found_in, states):
    save = careless_save if careless.value else careful_save
    with tempfile.TemporaryDirectory() as _folder:
        save(states[8], Path(_folder, "run.pt"))
        with suppress(OSError, RuntimeError):
            save(states[16], FullDisk(_folder, "run.pt"))
        left_over = [found_in(path) for path in sorted(Path(_folder).iterdir())]
    notebook.table(left_over)
    return (left_over,)


@app.cell(hide_code=True)
def _(contents, states):
    def flipped(content, state):
        """A file in which one bit of a weight is another one."""
        weights = bytes(state["model"]["3.weight"].view(torch.uint8).flatten().tolist())
        place = 4 * (5 * 10 + 3)  # of hidden unit 5 and the class of the threes
        at = content.index(weights) + place + 3  # its sign and exponent
        return content[:at] + bytes([content[at] ^ 2]) + content[at + 1 :]

    rotten = flipped(contents[20], states[20])
    mo.md(rf"""
    {notebook.code_above("careless_save", "careful_save", "left_over")}

    {notebook.details("Answer", "`open` with `wb` empties the file before the first new byte is there: from then until the last one there is no checkpoint at all, neither the old nor the new. Save beside it, and rename when all is there: a name points to the old file or to the new one, never to half of one.")}

    The unfinished file must lie in the same folder, since between two disks there is no renaming. `fsync` waits until the bytes are on the disk, or a power cut could leave the new name with an empty file. `Checkpoint` gives each file a name of its own, so that an old one is never written over; it renames all the same, or half a file would be the newest. It also syncs the folder, clears unfinished files away, and deletes older ones only afterwards.

    ### A byte that is wrong

    A disk keeps a file of {len(rotten) / 1000:.0f} kB for years, and one bit of it turns: in the checkpoint of step 20, in the exponent of one weight. The one of step 16 is still there. **Predict**: who notices?
    """)
    return (rotten,)


@app.cell(hide_code=True)
def _():
    trusting = mo.ui.switch(label="read with torch.load alone")
    trusting
    return (trusting,)


@app.cell
def _(Course, contents, course, gone_on, rotten, trusting):
    with tempfile.TemporaryDirectory() as _folder:
        Path(_folder, "16.pt").write_bytes(contents[16])
        Path(_folder, "20.pt").write_bytes(rotten)
        if trusting.value:
            done = 20
            rotten_course = gone_on(torch.load(f"{_folder}/20.pt", weights_only=True))
        else:
            rotten_course, _checkpoint = Course(), Checkpoint(_folder)
            _trainer = new_run(rotten_course, _checkpoint)
            with warnings.catch_warnings(action="ignore"):
                _checkpoint.resume(_trainer)
            done = _trainer.step
            _trainer.train()
    rotten_distances = course.distances(rotten_course, done)
    charts.resumed(course.losses, rotten_course.losses, rotten_distances, done)
    return done, rotten_course, rotten_distances


@app.cell(hide_code=True)
def _(contents, course, gone_on, rotten, states, true_weights):
    with tempfile.TemporaryDirectory() as _folder:
        _file = Path(_folder, "20.pt")
        _file.write_bytes(rotten)
        _state = torch.load(_file, weights_only=True)
        trained, sixteenfold = (
            f"{one['model']['3.weight'][5, 3]:.2f}".replace("-", "−")
            for one in (states[20], _state)
        )
        believed = gone_on(_state)
        try:
            load_checkpoint(_file)
        except ValueError as error:
            refusal = str(error).replace(f"{_file}", "20.pt")
        _file.write_bytes(contents[20][:-100])
        try:
            torch.load(_file, weights_only=True)
        except Exception as error:
            cut_off = type(error).__name__
    believed_weights = torch.stack(believed.weights)
    believed_end = (believed_weights[-1] - true_weights[-1]).norm().item()
    mo.md(rf"""
    {notebook.code_above("rotten_course")}

    {notebook.details("Answer", f"Not `torch.load`: it takes the file, and says nothing. One weight is {sixteenfold} where training had left {trained}; the loss after the next step is {believed.losses[0]:.2f} and not {course.losses[20]:.2f}, and at the end the run is still {believed_end:.2f} away. A file that is cut off is noticed ({cut_off}); a bit that is flipped is not.")}

    What `torch.save` writes is a zip archive, and a zip has a checksum for each part, at which `torch.load` doesn't look. `load_checkpoint` does, and refuses: `{refusal}`. And `resume` passes a damaged file over with a warning, and takes the newest whole one: the run goes on from step 16, and comes to the very same end.

    ### Who comes last

    A callback that saves is one of several, and each hook calls them in the order in which they are listed. Does the order matter for something that only looks? The run is killed in its fourth epoch, and resumed from what was saved at the end of the third.
    """)
    return (
        believed,
        believed_end,
        believed_weights,
        cut_off,
        refusal,
        sixteenfold,
        trained,
    )


@app.cell
def _():
    class SaveHere(Callback):
        def __init__(self, path):
            self.path = path

        def on_epoch_end(self, trainer):
            save_checkpoint(trainer, self.path)

    return (SaveHere,)


@app.cell(hide_code=True)
def _():
    listed_first = mo.ui.switch(label="list it before the log")
    listed_first
    return (listed_first,)


@app.cell
def _(Kill, Killed, SaveHere, listed_first):
    with tempfile.TemporaryDirectory() as _folder:
        log = LogFile(f"{_folder}/log.jsonl")
        saves = SaveHere(f"{_folder}/run.pt")
        both = (saves, log) if listed_first.value else (log, saves)
        with suppress(Killed):
            new_run(*both, Kill(28)).train()

        log, checkpoint = LogFile(f"{_folder}/log.jsonl"), Checkpoint(_folder)
        resumed_run = new_run(log, checkpoint)
        checkpoint.resume(resumed_run)
        resumed_run.train()
        log_lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    notebook.table(log_lines)
    return log_lines, resumed_run


@app.cell(hide_code=True)
def _():
    try:
        with tempfile.TemporaryDirectory() as _folder:
            new_run(Checkpoint(_folder), LogFile(f"{_folder}/log.jsonl")).train()
    except ValueError as error:
        not_last = str(error)
    mo.md(rf"""
    {notebook.code_above("SaveHere", "log_lines")}

    {notebook.details("What happens?", "Listed first, it saves when the log has not yet written the epoch's line. The checkpoint says that three epochs are done, and that the log has two. So the resumed log is cut back to two lines and goes on with the fourth. Whatever has a state lags behind by one epoch in the same way: the best weights, too.")}

    So a `Checkpoint` is the last one, and elsewhere it is an error before the first step: `{not_last}`.

    ## Kill it yourself

    `live` is what you have seen: a run in a folder. Kill it by an exception that nobody catches, throw all its objects away, and call it again. Two runs are told apart by a hash of all their weights, in which a single bit makes another one:
    """)
    return (not_last,)


@app.function
def fingerprint(model):
    weights = nn.utils.parameters_to_vector(model.parameters()).detach()
    return hashlib.sha256(weights.numpy().tobytes()).hexdigest()[:12]


@app.cell(hide_code=True)
def _():
    def left_by(folder):
        """The hash and the log of a run that lives there to its end."""
        return fingerprint(live(folder).model), (folder / "log.jsonl").read_text()

    with tempfile.TemporaryDirectory() as _folder:
        unharmed = left_by(Path(_folder))

    def beside(whose, end):
        """Both runs, as rows of a table."""
        same = "the same bytes" if end[1] == unharmed[1] else "**differs**"
        names = ("", "hash of the weights", "log")
        rows = ("never killed", unharmed[0], "6 lines"), (whose, end[0], same)
        return [dict(zip(names, row, strict=True)) for row in rows]

    mo.md(rf"""{notebook.code_above("fingerprint")}""")
    return beside, left_by, unharmed


@app.cell(hide_code=True)
def _():
    killed_at = mo.ui.slider(
        steps=[3, 13, 16, 22, 28, 33, 39, 47],
        value=22,
        label="killed after step",
        show_value=True,
    )
    killed_at
    return (killed_at,)


@app.cell
def _(Kill, Killed, beside, killed_at, left_by):
    with tempfile.TemporaryDirectory() as _name:
        _folder = Path(_name)
        with suppress(Killed):
            live(_folder, Kill(killed_at.value))
        _saved = [load_checkpoint(file)["step"] for file in _folder.glob("files/*.pt")]
        found = max(_saved, default=0)
        revived = left_by(_folder)
    notebook.table(beside(f"resumed from step {found}" if found else "begun anew", revived))
    return found, revived


@app.function
def live_slowly(folder):
    class Slow(Callback):
        def on_step_end(self, trainer):
            time.sleep(0.1)

    return live(folder, Slow())


@app.cell(hide_code=True)
def _(beside):
    class Life:
        """A run in a process of its own, in a folder that goes when this object does."""

        process = end = None

        def spawn(self, name):
            """Start a process that calls one of the functions listed above."""
            script = [
                "import hashlib, sys, time, torch",
                "from pathlib import Path",
                "from torch import nn",
                "from groundup import *",
                "torch.set_num_threads(1)",
                *map(notebook.code_of, (new_run, live, live_slowly, fingerprint)),
                f"print(fingerprint({name}(Path(sys.argv[1])).model))",
            ]
            return subprocess.Popen(
                [sys.executable, "-c", "\n".join(script), self.folder],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

        def begin(self):
            """Start a new run, slow enough to be killed."""
            if self.end is not None:
                self.end()
            self.folder = tempfile.mkdtemp()
            self.process = self.spawn("live_slowly")
            self.end = weakref.finalize(self, buried, self.process, self.folder)
            return f"Process {self.process.pid} runs: 48 steps, a tenth of a second each. Kill it soon."

        def strike(self):
            """Kill it, whatever it does."""
            if self.process is None:
                return "There is nothing to kill: start a run first."
            if self.process.poll() is not None:
                return f"Process {self.process.pid} was over already: start another."
            self.process.kill()
            self.process.wait()
            return f"Process {self.process.pid} ended with {self.process.returncode}. It leaves {self.left()}."

        def left(self):
            """What there is of it, in words."""
            log = Path(self.folder, "log.jsonl")
            lines = len(log.read_text().splitlines()) if log.exists() else 0
            files = sorted(p.name for p in Path(self.folder, "files").glob("*.pt"))
            newest = f"`{files[-1]}`" if files else "no checkpoint"
            return f"{newest} and a log of {lines} lines"

        def go_on(self):
            """Resume it in another process, and wait for its end."""
            if self.process is None:
                return "There is nothing to resume: start a run first."
            if self.process.poll() is None:
                return f"Process {self.process.pid} still lives: kill it first."
            left = self.left()
            process = self.spawn("live")
            told, wrong = process.communicate()
            if process.returncode:
                return f"It ended with {process.returncode}: {wrong.splitlines()[-1]}"
            end = told.strip(), Path(self.folder, "log.jsonl").read_text()
            rows = beside(f"process {self.process.pid}, then {process.pid}", end)
            return f"Found {left}.\n\n{notebook.markdown_table(rows)}"

    def buried(process, folder):
        """End a process, and take its folder away."""
        process.kill()
        process.communicate()
        shutil.rmtree(folder, ignore_errors=True)

    life = Life()
    mo.md(rf"""
    {notebook.code_above("revived", "live_slowly")}

    An exception is a gentle death: Python still closes files. <span class="page-only">In the notebook three buttons do it for real: they start the run in a process of its own, `kill -9` it whenever you like, and resume it in another one. A page has no process to kill. The package's tests do it instead, at random moments, some of them in the middle of a save, and ask for the same bits.</span><span class="kernel-only">So do it for real. The first button starts `live_slowly` in a process of its own; the second sends it `kill -9`, which no program can catch; the third starts another process, with `live`.</span>
    """)
    return (life,)


@app.cell(hide_code=True)
def _():
    begin = mo.ui.run_button(label="start a run")
    strike = mo.ui.run_button(label="kill -9")
    go_on = mo.ui.run_button(label="resume")
    mo.vstack([begin, strike, go_on])
    return begin, go_on, strike


@app.cell(hide_code=True)
def _(begin, life):
    mo.md(life.begin() if begin.value else "")
    return


@app.cell(hide_code=True)
def _(life, strike):
    mo.md(life.strike() if strike.value else "")
    return


@app.cell(hide_code=True)
def _(go_on, life):
    mo.md(life.go_on() if go_on.value else "")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Cut at every step

    Now with everything in it that chapters four and five have: averaged weights, clipping, a schedule, gradients accumulated over windows of five batches, so that a window stays half-filled over an epoch's end; dropout, early stopping, best weights, a log. And with a question that you can ask of any trainer, yours too: is the state at the end the same?
    """)
    return


@app.function
def everything(folder, writes=True):
    plain = new_run()
    model = AveragedModel(plain.model, decay=0.9)
    clipped = Clipped(AdamW(model.parameters(), lr=0.02), max_norm=0.5)
    scheduled = Scheduled(clipped, CosineSchedule(warmup_steps=1), total_steps=3)
    optimizer = Accumulated(Averaging(scheduled, model), every=5)
    checkpoint = Checkpoint(folder / "files", every=1, keep_last=99, writes=writes)
    log = LogFile(folder / "log.jsonl")
    return Trainer(
        model,
        optimizer.weighing(cross_entropy),
        optimizer,
        plain.train_loader,
        epochs=2,
        val_loader=plain.val_loader,
        metrics={"accuracy": accuracy},
        callbacks=[EarlyStopping(9), BestWeights(), log, checkpoint],
    )


@app.function
def same(ours, theirs):
    if isinstance(ours, torch.Tensor):
        return ours.dtype == theirs.dtype and torch.equal(ours, theirs)
    if isinstance(ours, dict):
        return [*ours] == [*theirs] and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list | tuple):
        pairs = zip(ours, theirs, strict=True)
        return len(ours) == len(theirs) and all(same(a, b) for a, b in pairs)
    return ours == theirs


@app.cell(hide_code=True)
def _():
    def end_of(trainer):
        """All that a run is at its end, and its log."""
        *_, log, checkpoint = trainer.callbacks
        return {**checkpoint.collect(trainer), "log": log.path.read_text()}

    mo.md(rf"""
    {notebook.code_above("everything", "same")}

    One run saves after each step. Then from each of its files a run goes on that was made anew, with torch's own random state somewhere else, as in a new process:
    """)
    return (end_of,)


@app.cell
def _(end_of):
    with tempfile.TemporaryDirectory() as _name, torch.random.fork_rng(devices=[]):
        _folder = Path(_name)
        whole = everything(_folder)
        whole.train()
        expected = copy.deepcopy(end_of(whole))
        *cuts, _ = sorted((_folder / "files").iterdir())
        equal = dict.fromkeys(expected, 0)
        for _cut in cuts:
            _place = _folder / _cut.stem
            (_place / "files").mkdir(parents=True)
            shutil.copy(_cut, _place / "files")
            shutil.copy(_folder / "log.jsonl", _place)
            torch.manual_seed(99)
            cut_run = everything(_place, writes=False)
            cut_run.callbacks[-1].resume(cut_run)
            cut_run.train()
            for _part, _value in end_of(cut_run).items():
                equal[_part] += same(_value, expected[_part])
    return cuts, equal, expected, whole


@app.cell(hide_code=True)
def _(Kill, Killed, contents, cuts, equal, never_killed, states, tensors_in):
    def operations(*callbacks):
        """Count those of seven steps, of which an epoch has eight."""
        trainer = new_run(Kill(7), *callbacks)

        def train():
            with suppress(Killed):
                trainer.train()

        return count_operations(train).total()

    with tempfile.TemporaryDirectory() as _folder:
        without_one, with_one = operations(), operations(Checkpoint(_folder))
        one_save = count_operations(
            lambda: save_checkpoint(never_killed, f"{_folder}/run.pt")
        ).total()
    _state = states[20]
    _bytes = {
        "weights": [v for k, v in _state["model"].items() if "extra" not in k],
        "AdamW's moments and counts": _state["optimizer"],
        "random states of torch": [
            _state["random"],
            _state["epoch_start"],
            _state["model"]["2._extra_state"],
        ],
    }
    sizes = {k: sum(t.nbytes for t in tensors_in(v)) for k, v in _bytes.items()}
    sizes["the rest: Python's and NumPy's states, names, checksums"] = len(
        contents[20]
    ) - sum(sizes.values())
    sizes["the file"] = len(contents[20])
    per_parameter = (sizes["weights"] + sizes["AdamW's moments and counts"]) // (
        sizes["weights"] // 4
    )
    _table = torch.zeros(1000, 1000)
    with tempfile.TemporaryDirectory() as _folder:
        torch.save(_table[0], f"{_folder}/row.pt")
        row_of_a_view = os.path.getsize(f"{_folder}/row.pt")
    mo.md(rf"""
    {notebook.code_above("equal")}

    All parts, {", ".join(equal)}, are the same after {min(equal.values())} of {len(cuts)} cuts, bit for bit: in an open window, before and after a validation. The package's tests ask for the same of torch's loaders and optimizers, of data that draw by NumPy and `random`, and of worker processes.

    Two things are out of reach. *Persistent* workers that draw have states that nobody outside can see: `Checkpoint` warns of them before the first step. And a checkpoint keeps the run's state, not the machine's arithmetic. Another version of torch, another processor or number of threads may add in another order, and a GPU does so from run to run unless you ask for [deterministic kernels][deterministic]: then even a run that nobody kills is not the same twice.

    [deterministic]: https://docs.pytorch.org/docs/stable/notes/randomness.html

    ## What it costs

    Not to save costs next to nothing: seven steps take {without_one:,} of torch's operations without a `Checkpoint`, and {with_one:,} with one that is not due, which only reads the generators as an epoch begins. One save takes {one_save}.

    Its file, after step 20, has {sizes["the file"] / 1000:.0f} kB. Most of it is random states, which don't grow. What grows with the model is {per_parameter} bytes for each parameter: with AdamW in float32, three times the weights. For seven billion parameters that is {7 * per_parameter} GB, and best weights or averaged ones come on top. (A trap: `torch.save` writes a view's whole storage, so that one row of {_table.shape[1] * 4 // 1000} kB out of a table becomes a file of {row_of_a_view / 1e6:.0f} MB. `Checkpoint` copies such a view first.)
    """)
    return (
        one_save,
        per_parameter,
        row_of_a_view,
        sizes,
        with_one,
        without_one,
    )


@app.cell(hide_code=True)
def _():
    small, large = (
        notebook.measured("checkpoint", f"{size} parameters")
        for size in ("2,410", "614,410")
    )
    compared = small.same["groundup"]

    def exact(parts):
        """How many, and which if not all of them."""
        which = "" if parts == compared else f": {', '.join(parts)}"
        return f"{len(parts)} of {len(compared)}{which}"

    names_of = {
        "torch.save": "`torch.save` of the same state",
        "groundup": "here",
        "lightning": "Lightning",
        "transformers": "`transformers`",
    }
    one_save_each = [
        {
            "who": names_of[who],
            small.setting: charts.times(small.ratios[who]),
            large.setting: charts.times(large.ratios[who]),
            "the same after a resume": ""
            if who not in small.same
            else exact(small.same[who]),
        }
        for who in names_of
    ]
    mo.md(rf"""
    And time? `make bench job=checkpoint` measured one save, on {small.machine}, with one thread, each of everything that its maker saves by default. Then it cut a run in mid-epoch, resumed it, and compared it with the run that was not cut: {", ".join(compared)}.

    {notebook.table(one_save_each)}

    Twice the time buys two `fsync`, a checksum that is looked at, and every random state, twice. The last column is what the next table explains.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## In the frameworks

    | what | [Lightning][lt] 2.6.5 | [transformers][hf] 5.23.0 | [torchtitan][tt] 0.2.2 |
    | :--- | :--- | :--- | :--- |
    | in a checkpoint | [a dictionary][lt-dump] in one file | [a folder][hf-save] of files | [its states][tt-states], in shards |
    | random states | none | [Python's, NumPy's, torch's][hf-rng], once | none beside the loader's |
    | in mid-epoch | a loader that has a state gets it back; any other draws a new order for the batches that are left, with [a warning][lt-warning] | [skips][hf-skip] what is done | [the loader's state][tt-loader] |
    | a death in mid-save | [a transaction][lt-atomic], without `fsync` | leaves [half a folder][hf-save] | as torch's [`dcp.save`][tt-dcp] does |

    **Once is not enough.** `transformers` draws the order of an epoch from a seed and skips, so the order is right. But it fetches the next batches [first][hf-order] and puts the random states back afterwards: what is drawn while they are fetched, for augmentation say, is other numbers. [A pull request of 2026][hf-46628] measured it, and found that putting them back first does not help either, since the skipped batches are fetched in the same `next`. They have to be put back between the two, as `_rest` does. In 5.23.0 nothing has changed.

    **The checksum that nobody reads.** torch writes one for each part of a file, and since 2019 [does not look at it][crc] when it reads: the transport has checksums of its own, it was said, and some small errors in weights need not be a catastrophe. Who asked for a check in 2024 [was told][crc-wish] that turning it on again could be an option.

    [crc]: https://github.com/pytorch/pytorch/pull/28858
    [crc-wish]: https://github.com/pytorch/pytorch/issues/126952
    [hf]: https://github.com/huggingface/transformers/tree/v5.23.0
    [hf-46628]: https://github.com/huggingface/transformers/pull/46628
    [hf-order]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1873-L1882
    [hf-rng]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L3462-L3475
    [hf-save]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L3367-L3395
    [hf-skip]: https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/trainer.py#L1842-L1849
    [lt]: https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.5
    [lt-atomic]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/fabric/utilities/cloud_io.py#L96-L117
    [lt-dump]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/trainer/connectors/checkpoint_connector.py#L444-L480
    [lt-warning]: https://github.com/Lightning-AI/pytorch-lightning/blob/2.6.5/src/lightning/pytorch/loops/training_epoch_loop.py#L222-L230
    [tt]: https://github.com/pytorch/torchtitan/tree/v0.2.2
    [tt-dcp]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/checkpoint.py#L403-L419
    [tt-loader]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/dataloader.py#L115-L142
    [tt-states]: https://github.com/pytorch/torchtitan/blob/v0.2.2/torchtitan/components/checkpoint.py#L199-L207
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Your turn

    Two pieces to write. In the notebook, replace `raise NotImplementedError` and run the cell: the verdict under it tells what is still wrong. The solutions are folded away.

    ### The last and the best

    `saved` has a pair for each file, `(step, loss)`, the oldest first. Return the steps whose files stay: the `last` newest ones, and the one with the least loss. Of two that are equally good either may stay. A loss that is NaN is never the best.
    """)
    return


@app.function
def steps_to_keep(saved, last):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_keep(attempt):
        nan = math.nan
        cases = [
            ("the best is among the newest", [(1, 0.9), (2, 0.5), (3, 0.7)], 2, {2, 3}),
            ("the best is old", [(1, 0.2), (2, 0.5), (3, 0.7), (4, 0.6)], 2, {1, 3, 4}),
            ("one of the newest stays", [(5, 0.1), (9, 0.5), (20, 0.7)], 1, {5, 20}),
            ("there are fewer than `last`", [(1, 0.9), (2, 0.5)], 3, {1, 2}),
            ("the first loss is NaN", [(1, nan), (2, 0.5), (3, 0.7)], 1, {2, 3}),
            ("another loss is NaN", [(1, 0.5), (2, nan), (3, 0.7)], 1, {1, 3}),
            ("all losses are NaN", [(1, nan), (2, nan)], 1, {2}),
            ("there is no file", [], 2, set()),
        ]
        for what, saved, last, right in cases:
            given = list(saved)
            try:
                kept = attempt(given, last)
            except (ValueError, IndexError) as error:
                return f"Where {what}, it raises {type(error).__name__}: {error}."
            if given != saved:
                return f"Where {what}, you change `saved` itself: leave it as it is."
            try:
                kept = set(kept.tolist() if hasattr(kept, "tolist") else kept)
            except TypeError:
                return "Return a collection of steps: a list, a set or a tuple."
            if wrong := kept - {step for step, _ in saved}:
                return f"Return steps, not pairs, losses or places: where {what}, there is no file of {min(wrong, key=str)}."
            if missing := right - kept:
                newest = {step for step, _ in saved[-last:]}
                why = "one of the newest" if missing & newest else "the best"
                return f"Where {what}, with last={last}, you delete step {min(missing)}, which is {why}: {saved}."
            if more := kept - right:
                return f"Where {what}, with last={last}, you keep step {min(more)}, which is neither among the newest nor the best: {saved}."
        two = {int(step) for step in attempt([(1, 0.5), (2, 0.5), (3, 0.9)], 1)}
        if two not in ({1, 3}, {2, 3}):
            return f"Of two equally good ones one stays, but of steps 1 and 2, with the same loss, you keep {len(two & {1, 2})}."
        return None

    def keep_solution(saved, last):
        newest = [step for step, _ in saved[-last:]]
        numbers = [(loss, step) for step, loss in saved if not math.isnan(loss)]
        return {*newest, *(step for _, step in sorted(numbers)[:1])}

    notebook.exercise(steps_to_keep, check_keep, keep_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    ### Never older than

    Steps differ in length, so "every 1,000 steps" doesn't say how much time a death costs. How much should it? With a save every $T$ seconds, one that takes $C$, and a death every $M$ on average, saving takes the share $C/T$ of the time, and what a death undoes $T/2M$. The sum is least at $T = \sqrt{{2CM}}$ ([Young 1974](https://doi.org/10.1145/361147.361115)): with saves of ten seconds and a death a day, every {math.sqrt(2 * 10 * 24 * 3600) / 60:.0f} minutes.

    Return a `Callback` that calls `save(trainer)` at the end of each step at which `seconds` or more have passed since the last save, or since `train()` began if there was none yet in this call. `clock()` gives the time in seconds, from whenever; a save takes none here.
    """)
    return


@app.function
def save_in_time(seconds, save, clock):
    raise NotImplementedError


@app.cell(hide_code=True)
def _():
    def check_age(attempt):
        class Time:
            """A clock that each step moves on, as much as its list says."""

            def __init__(self, lengths):
                self.now, self.asked, self.lengths = 1000.0, False, iter(lengths)
                self.in_step = False

            def __call__(self):
                self.asked = True
                return self.now

        class Before(Callback):
            """Moves the clock, and says that a step has begun."""

            def __init__(self, clock):
                self.clock = clock

            def on_step_start(self, trainer):
                self.clock.now += next(self.clock.lengths)
                self.clock.in_step = True

        class After(Callback):
            """Says that a step is over, and ends the run after some."""

            def __init__(self, clock, step):
                self.clock, self.step = clock, step

            def on_step_end(self, trainer):
                self.clock.in_step = False
                if trainer.step == self.step:
                    trainer.stop("enough")

        def saves_of(seconds, lengths, late=0.0, until=None):
            """After which steps it saves, whether once between two steps, and the clock."""
            clock, saves = Time(lengths), []
            callback = attempt(
                seconds, lambda t: saves.append((t.step, clock.in_step)), clock
            )
            if not isinstance(callback, Callback):
                return None, False, clock
            clock.now += late
            trainer = new_run()
            for step in until or [len(lengths)]:
                trainer.callbacks = [Before(clock), callback, After(clock, step)]
                trainer.train()
                clock.now += late
            return [step for step, _ in saves], not all(ok for _, ok in saves), clock

        for seconds, lengths, right in (
            (3.0, [1.0, 1.0, 1.0, 1.0], [3]),
            (2.0, [1.0, 1.0, 1.0, 1.0], [2, 4]),
            (3.0, [4.0, 4.0, 4.0, 4.0], [1, 2, 3, 4]),
            (3.0, [2.0, 2.0, 2.0, 1.0], [2, 4]),
            (9.0, [2.0, 2.0, 2.0, 2.0], []),
            (5.0, [1.0] * 10, [5, 10]),
        ):
            saves, elsewhere, clock = saves_of(seconds, lengths)
            if saves is None:
                return "Return an instance of a class that inherits from `Callback`."
            if not clock.asked:
                return "You never ask the clock that you are given."
            if saves == right and not elsewhere:
                continue
            steps = f"{len(lengths)} steps of {', '.join(f'{n:g}' for n in dict.fromkeys(lengths))}"
            what = f"With {seconds:g} seconds and {steps}, it should save after {f'steps {right}' if right else 'none'}, but it saves after {saves or 'none'}:"
            if elsewhere:
                return f"{what} save as a step ends, and not as an epoch or the run does."
            if not saves:
                return f"{what} look as each step ends, and take the time anew only when you have saved."
            if len(saves) != len({*saves}):
                return f"{what} once after a step is enough."
            off = saves[0] - right[0] if right else 0
            if off == -1:
                return f"{what} ask at a step's end, not at its start."
            if off == 1 and len({*lengths}) == 1:
                return f"{what} ask at a step's end, and save also when exactly so much has passed."
            if saves[:1] == right[:1]:
                return f"{what} count from the last save, over an epoch's end, too."
            return f"{what} count from where `train()` begins, and then from the last save."
        if (saves := saves_of(3.0, [1.0] * 4, late=500.0)[0]) != [3]:
            return f"Made long before `train()` is called, it saves after steps {saves} and not after [3]: count from where `train()` begins."
        saves = saves_of(3.0, [1.0] * 8, late=500.0, until=[4, 8])[0]
        if saves != [3, 7]:
            return f"With `train()` called twice, for four steps each, it should save after [3, 7], but saves after {saves}: take the time anew in `on_train_start`."
        return None

    def age_solution(seconds, save, clock):
        class Young(Callback):
            def on_train_start(self, trainer):
                self.then = clock()

            def on_step_end(self, trainer):
                if clock() - self.then >= seconds:
                    save(trainer)
                    self.then = clock()

        return Young()

    notebook.exercise(save_in_time, check_age, age_solution)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Next

    A run is what its loop counts, what its pieces remember, and every generator that it draws from. Put back in the right order, it is the run that nobody killed; and whether it is, no curve tells you, only equality. With that you may kill a run whenever you like, and you will: chapter seven asks **where does the time go?**, and starts many runs that you won't want to see to their end.

    ## Sources

    - Thanumalayan Sankaranarayana Pillai and others, [*All File Systems Are Not Created Equal: On the Complexity of Crafting Crash-Consistent Applications*](https://www.usenix.org/conference/osdi14/technical-sessions/presentation/pillai), OSDI 2014.
    - John W. Young, [*A First Order Approximation to the Optimum Checkpoint Interval*](https://doi.org/10.1145/361147.361115), Communications of the ACM 17, 1974.
    """)
    return


if __name__ == "__main__":
    app.run()
