"""Chapter four: what its cells compute, its prose claims, and its exercises accept."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup import (
    MLP,
    SGD,
    Accumulated,
    Adam,
    AdamW,
    AveragedModel,
    Clipped,
    CosineSchedule,
    DataLoader,
    LinearRegression,
    LinearSchedule,
    OneCycleSchedule,
    Optimizer,
    Scheduled,
    TrainerConfig,
    charts,
    load_penguins,
    mean_squared_error,
    oracle,
)
from tests.helpers import assert_identical, seeded
from tests.notebooks.chapter import Cells, Chapter, only
from tests.notebooks.exercises import (
    Attempt,
    Change,
    Right,
    Wrong,
)
from tests.notebooks.measured import ratio

pytestmark = only(4)


@pytest.fixture(scope="module")
def cells(chapter: Chapter) -> Cells:
    """What the chapter's cells define before any control is moved."""
    return chapter.untouched


def said(chapter: Chapter, cells: Cells, name: str) -> str:
    """The words of the cell that defines a name."""
    text: str = cells.outputs[chapter.cell_that_defines(name)]._repr_markdown_()
    return " ".join(text.split())


def lines(content: charts.Content, data: str = "losses") -> set[str]:
    """The names of a chart's curves."""
    return {row["line"] for row in content.datasets[data]}


# The bug that was momentum.


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9, 1.0])
def test_what_is_kept_of_the_gradient_is_momentum_bit_for_bit(
    chapter: Chapter, cells: Cells, kept: float
) -> None:
    X, y = cells["X"], cells["y"]
    by_bug = chapter.module.descend(copy.deepcopy(cells["start"]), X, y, 0.1, 30, kept)
    model, losses = copy.deepcopy(cells["start"]), []
    optimizer = SGD(model.parameters(), lr=0.1, momentum=kept)
    for _ in range(30):
        optimizer.zero_grad()
        loss = mean_squared_error(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert by_bug == losses


def test_forgetting_to_zero_is_torchs_momentum_of_one(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["same_bits"] == len(cells["shares"]) == 8
    assert 0 < cells["off_torch"] < 1e-5
    told = said(chapter, cells, "off_torch")
    assert "For 8 of the 8 shares its losses are yours **bit for bit**" in told
    zeroed, best, all_of_it = (cells["all_kept"][i] for i in (0, 6, 7))
    assert best[-1] == min(run[-1] for run in cells["all_kept"])
    assert best[-1] < zeroed[-1] < all_of_it[-1]
    assert "of those on the slider 0.95" in told


def test_the_share_moves_its_chart(chapter: Chapter, cells: Cells) -> None:
    moved = chapter.run(kept=0.5)
    shown = chapter.shown(moved, "kept", charts.Content)
    assert lines(shown, "courses") == {"zeroed", "0.5 kept"}
    assert moved["half_zeroed"] == cells["all_kept"][2]


# One rate for every direction.


def test_the_condition_numbers_are_those_of_the_features(
    chapter: Chapter, cells: Cells
) -> None:
    birds = load_penguins()[0][:, :3].double()
    centred = birds - birds.mean(0)
    for name, X in {
        "raw": birds,
        "centred": centred,
        "standardised": centred / centred.std(0),
    }.items():
        A = torch.cat([X, torch.ones(len(X), 1).double()], dim=1)
        sizes = torch.linalg.svdvals(A)
        ratio_ = (sizes[0] / sizes[-1]).item() ** 2
        assert cells["conditions"][name] == pytest.approx(ratio_, rel=1e-6)
    told = said(chapter, cells, "conditions")
    assert f"| centred | 211 | 0.00474 | 729 | {rolled(centred)} |" in told
    standardised = rolled(centred / centred.std(0))
    assert f"| standardised | 8.54 | 0.503 | 30 | {standardised} |" in told


def rolled(X: Tensor) -> int:
    """Steps of a ball, from rest and where it is steepest, until a thousandth is left."""
    rate, momentum = oracle.best_momentum(X)
    curvature = torch.linalg.eigvalsh(oracle.hessian(X))[-1].item()
    place, velocity, steps = 1.0, 0.0, 0
    while abs(place) > 1e-3:
        velocity = momentum * velocity + curvature * place
        place -= rate * velocity
        steps += 1
    return steps


def test_no_other_pair_is_faster_in_the_long_run(cells: Cells) -> None:
    curvatures = torch.linalg.eigvalsh(oracle.hessian(cells["bowls"]["centred"]))

    def slowest(rate: float, momentum: float) -> float:
        return oracle.spectral_radius(rate * curvatures, momentum).max().item()

    rate, momentum = cells["best_rate"], cells["best_beta"]
    best = slowest(rate, momentum)
    for r in (0.9, 0.99, 1.0, 1.01, 1.1):
        for m in (0.9, 0.99, 1.0, 1.01, 1.1):
            assert slowest(r * rate, m * momentum) >= best - 1e-6
    assert cells["best_run"][-1] < 1e-3 * cells["plain_run"][-1]


@pytest.mark.parametrize(("rate", "momentum"), [(0.001, 0.0), (0.01, 0.4), (0.0083, 0.76)])
def test_the_closed_form_follows_the_reader(
    chapter: Chapter, rate: float, momentum: float
) -> None:
    moved = chapter.run(rate=rate, momentum=momentum)
    assert moved["from_formula"] < 1e-12
    birds = load_penguins()[0]
    X, y = birds[:, :3].double(), birds[:, 3:].double() / 1000
    model = LinearRegression(3, seeded(0)).double()
    nn.init.zeros_(model.weights)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    losses = []
    for _ in range(61):
        optimizer.zero_grad()
        loss = mean_squared_error(model(X - X.mean(0)), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item() - moved["least_loss"])
    assert moved["yours"] == pytest.approx(losses, rel=1e-6, abs=1e-9)


def test_beyond_the_limit_the_chart_says_so(chapter: Chapter) -> None:
    moved = chapter.run(rate=0.01, momentum=0.0)
    title = chapter.shown(moved, "yours", charts.Content).title
    assert any("diverges" in line for line in title)


def test_adam_alone_notices_the_turning(chapter: Chapter, cells: Cells) -> None:
    for name, (straight, turned) in cells["turns"].items():
        if name == "Adam":
            assert turned > 5 * straight
        else:
            assert turned == pytest.approx(straight, rel=1e-6)
    assert "Adam does: 0.0008 becomes 0.008 at 45°" in said(chapter, cells, "turns")


# A rate for each parameter.


def test_each_line_of_adam_has_its_effect(chapter: Chapter, cells: Cells) -> None:
    leaping, runs = cells["rms_run"], cells["by_rule"]
    assert max(leaping) == leaping[1] > 40 * leaping[0]
    assert max(runs["corrected"]) == runs["corrected"][0]
    assert runs["Adam"][-1] < 0.01 * runs["corrected"][-1]
    assert runs["momentum"][-1] < runs["Adam"][-1]
    assert cells["leap"] == pytest.approx(1 / math.sqrt(0.001), rel=1e-4)
    told = said(chapter, cells, "leap")
    assert f"leaps by {1000**0.5:.1f} learning rates" in told
    assert f"multiplied by {1000**0.5:.1f}, then by less and less" in told


def test_the_grown_rule_is_adam(cells: Cells) -> None:
    assert cells["from_paper"] < 1e-12
    ours = cells["above_least"](lambda p: torch.optim.Adam(p, lr=0.05), steps=200)
    assert cells["by_rule"]["Adam"] == pytest.approx(ours, rel=1e-9, abs=1e-12)


def test_adams_first_step_is_the_sign(chapter: Chapter, cells: Cells) -> None:
    assert cells["adams_first"] == pytest.approx([-1, -1, 1], abs=2e-4)
    assert "Uncorrected, it would be 3.16 of them." in said(chapter, cells, "leap")


def test_decay_inside_is_felt_by_small_gradients_alone(
    chapter: Chapter, cells: Cells
) -> None:
    (loud, quiet), (loud_beside, quiet_beside) = cells["inside_ends"], cells["beside_ends"]
    assert loud > 0.95
    assert quiet < 0.3
    expected = (1 - 0.001) ** 200
    assert loud_beside == pytest.approx(expected, abs=0.02)
    assert quiet_beside == pytest.approx(expected, abs=0.02)
    for beside, ends in ((False, cells["inside_ends"]), (True, cells["beside_ends"])):
        assert chapter.run(beside=beside)["decayed"][-1] == ends


# Around the step.


def test_one_bird_in_grams_spoils_what_clipping_saves(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["hurt"] > 100 * cells["healed"]
    assert cells["healed"] == pytest.approx(cells["never_hurt"], rel=0.02)
    wrong = cells["dirty"].tensors[1] > 100
    assert wrong.sum() == 1
    for clip in (False, True):
        shown = chapter.shown(chapter.run(clip=clip), "clip", charts.Content)
        assert lines(shown) == {"one in grams", *["clipped"] * clip}


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("linear", LinearSchedule()),
        ("warm-up, then cosine", CosineSchedule(40)),
        ("one cycle", OneCycleSchedule()),
    ],
)
def test_the_rate_that_is_drawn_is_the_schedules(
    chapter: Chapter, name: str, schedule: Callable[[int, int], float]
) -> None:
    watched = chapter.run(schedule=name)["watched"]
    assert len(watched.losses) == 3 * 67
    assert watched.rates == [0.3 * schedule(step, 201) for step in range(201)]


def test_a_falling_rate_settles_where_a_constant_one_rattles(
    chapter: Chapter, cells: Cells
) -> None:
    assert cells["reachable"] < cells["falling"] < cells["steady"]
    assert cells["falling"] - cells["reachable"] < 0.3 * (
        cells["steady"] - cells["reachable"]
    )
    X, y = cells["birds_train"].tensors
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1).double()
    rest = torch.linalg.lstsq(A, y.double()).solution
    least = ((A @ rest - y.double()) ** 2).mean().item()
    assert cells["reachable"] == pytest.approx(least, rel=1e-6)


def test_parts_count_by_their_samples(cells: Cells) -> None:
    weighed, unweighed = cells["parts_off"].values()
    assert weighed < 1e-6
    assert unweighed > 1e4 * weighed
    assert cells["large_bytes"] == 4 * cells["small_bytes"]


def test_averaged_weights_calm_validation_and_change_no_step(
    chapter: Chapter, cells: Cells
) -> None:
    rough, calm = cells["rough"], cells["calm"]
    assert_identical(rough.train_losses, calm.train_losses)
    assert "both are the very same" in said(chapter, cells, "same_training")
    ends = [run.val_losses[-5:] for run in (rough, calm)]
    assert max(ends[1]) - min(ends[1]) < 0.1 * (max(ends[0]) - min(ends[0]))
    assert calm.val_losses[0] > rough.val_losses[0]
    for average in (False, True):
        shown = chapter.shown(chapter.run(average=average), "average", charts.Content)
        assert lines(shown) == {"as it is", *["averaged"] * average}


# In which order?


def test_the_right_order_is_that_of_the_config(cells: Cells) -> None:
    config = TrainerConfig(
        epochs=6,
        batch_size=8,
        learning_rate=0.3,
        schedule=CosineSchedule(),
        max_gradient_norm=3.0,
        accumulate=4,
    )
    model = LinearRegression(3, seeded(0))
    result = config.build(model, mean_squared_error, cells["birds_train"]).train()
    assert_identical(result.train_losses, cells["orders"][False, False].train_losses)


def test_each_wrapper_outside_of_the_accumulation_spoils_the_run(
    chapter: Chapter, cells: Cells
) -> None:
    ends = cells["order_ends"]
    right, schedule, clip, both = (
        ends[of] for of in ((False, False), (False, True), (True, False), (True, True))
    )
    assert right < 0.3 * schedule < schedule < clip < both
    assert "must be the outermost" in cells["refused"]
    for clips in (False, True):
        for schedules in (False, True):
            moved = chapter.run(clip_outside=clips, schedule_outside=schedules)
            shown = chapter.shown(moved, "clip_outside", charts.Content)
            expected = {"as it should be", *["yours"] * (clips or schedules)}
            assert lines(shown) == expected


# The ladder.


def test_each_piece_is_torchs(chapter: Chapter, cells: Cells) -> None:
    differences = cells["differences"]
    exact = {name for name, gap in differences.items() if gap == 0}
    assert exact == {"`Adam`", "`AdamW`", "`Clipped`", "`Scheduled`", "`AveragedModel`"}
    assert max(differences.values()) < 1e-5


def test_the_ladders_updates_are_those_of_a_plain_loop(cells: Cells) -> None:
    model = MLP(3, 16, seeded(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, foreach=False)
    loader = DataLoader(cells["birds_train"], 32, shuffle=True, generator=seeded(0))
    for inputs, targets in [*loader, *loader]:
        optimizer.zero_grad()
        mean_squared_error(model(inputs), targets).backward()
        optimizer.step()
    steps = 2 * len(loader)
    ours = cells["parameters_after"](lambda m: Adam(m.parameters(), lr=0.01), steps=steps)
    assert_identical(ours, [p.detach() for p in model.parameters()])


def test_a_run_is_handed_to_torch_and_back_bit_for_bit(
    chapter: Chapter, cells: Cells
) -> None:
    assert_identical(cells["there_and_back"], cells["all_torch"])
    assert "bit for bit, as ninety of torch's" in said(chapter, cells, "handed")


# Groups, recipe, costs.


def test_biases_are_spared_from_decay(cells: Cells) -> None:
    (matrices, biases), (shrunk, same) = cells["before_decay"], cells["after_decay"]
    assert shrunk == pytest.approx(matrices * (1 - 0.01 * 0.5) ** 20, rel=1e-4)
    assert same == biases


def test_the_recipe_read_back_is_the_very_same_run(chapter: Chapter, cells: Cells) -> None:
    assert cells["same_recipe"] is True
    assert "Read back, it is the very same run." in said(chapter, cells, "same_recipe")


def test_the_costs_are_counted(chapter: Chapter, cells: Cells) -> None:
    bytes_ = [row["bytes of state a number"] for row in cells["costs"]]
    assert bytes_ == [0, 4, 8, 8, 8, 8]
    counts = [row["operations a tensor"] for row in cells["costs"]]
    assert counts[3] == counts[2] + 1  # the decay
    assert counts[5] == counts[3]  # a schedule costs none
    assert counts[4] > counts[3]
    assert "16 bytes a number where plain `SGD` has 8" in said(chapter, cells, "costs")


# The exercises.


def in_place(
    p: Tensor, gradient: Tensor, buffer: Tensor, lr: float, momentum: float
) -> Any:
    buffer.mul_(momentum).add_(gradient)
    return [p.sub_(lr * (gradient + momentum * buffer)), buffer]


def by_torch(
    p: Tensor, gradient: Tensor, buffer: Tensor, lr: float, momentum: float
) -> Any:
    q = p.clone().requires_grad_()
    optimizer = torch.optim.SGD([q], lr=lr, momentum=momentum, nesterov=True)
    optimizer.state[q]["momentum_buffer"] = buffer.clone()
    q.grad = gradient
    optimizer.step()
    return q, optimizer.state[q]["momentum_buffer"]


def with_graph(
    p: Tensor, gradient: Tensor, buffer: Tensor, lr: float, momentum: float
) -> Any:
    p = p.requires_grad_()
    new = momentum * buffer + gradient
    return p - lr * gradient - lr * momentum * new, new


class TorchsSign(torch.optim.Optimizer):
    """The exercise, by torch's base class."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(torch.sign(p.grad), alpha=-group["lr"])


class OwnSign:
    """The exercise, without a base class."""

    def __init__(self, params: Any, lr: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": [*params], "lr": lr}]

    def zero_grad(self) -> None:
        for p in self.param_groups[0]["params"]:
            p.grad = None

    def step(self) -> None:
        (group,) = self.param_groups
        for p in group["params"]:
            if p.grad is not None:
                p.data -= group["lr"] * ((p.grad > 0).float() - (p.grad < 0).float())

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Any) -> None:
        pass


def three_cases(warmup: int, decay: int) -> Callable[[int, int], float]:
    def schedule(step: int, total: int) -> float:
        if step + 1 < warmup:
            return (step + 1) / warmup
        if step < total - decay:
            return 1
        return 1 - (step - (total - decay)) / decay

    return schedule


RIGHT: Right = [
    ("nesterov", in_place),
    ("nesterov", by_torch),
    ("nesterov", with_graph),
    ("signs", TorchsSign),
    ("signs", OwnSign),
    (
        "phases",
        lambda w, d: lambda step, total: min(1, (step + 1) / w, (total - step) / d),
    ),
    ("phases", three_cases),
    (
        "phases",
        lambda w, d: lambda s, t: torch.tensor([1, (s + 1) / w, (t - s) / d]).min(),
    ),
]


def step_by(rule: Callable[..., Any]) -> Change:
    return lambda right: rule


def signs_by(update: Callable[..., Any]) -> Change:
    class Attempted(Optimizer):
        def _update(self, p: Any, gradient: Any, state: Any, group: Any) -> None:
            update(p, gradient, group)

    return lambda right: lambda params, lr: Attempted(params, lr=lr)


def frozen(right: Attempt) -> Attempt:
    def attempt(params: Any, lr: float) -> Optimizer:
        class Frozen(Optimizer):
            def _update(self, p: Any, gradient: Any, state: Any, group: Any) -> None:
                p -= lr * gradient.sign()

        return Frozen(params, lr=lr)

    return attempt


class Bare:
    """No state to save."""

    def __init__(self, params: Any, lr: float) -> None:
        self.inner = OwnSign(params, lr)
        self.param_groups = self.inner.param_groups
        self.zero_grad, self.step = self.inner.zero_grad, self.inner.step


def moves_all(right: Attempt) -> Attempt:
    class Moves(OwnSign):
        def step(self) -> None:
            for p in self.param_groups[0]["params"]:
                slope = torch.ones_like(p) if p.grad is None else p.grad
                p.data -= self.param_groups[0]["lr"] * slope.sign()

    return Moves


def keeps_gradients(right: Attempt) -> Attempt:
    class Keeps(OwnSign):
        def zero_grad(self) -> None:
            pass

    return Keeps


WRONG: Wrong = {
    "takes the heavy ball's step": (
        "nesterov",
        "heavy ball's step",
        step_by(lambda p, g, b, lr, m: (p - lr * (m * b + g), m * b + g)),
    ),
    "goes up": (
        "nesterov",
        "you went up",
        step_by(lambda p, g, b, lr, m: (p + lr * (g + m * (m * b + g)), m * b + g)),
    ),
    "gives the old buffer back": (
        "nesterov",
        "still the old one",
        step_by(lambda p, g, b, lr, m: (p - lr * (g + m * (m * b + g)), b)),
    ),
    "averages": (
        "nesterov",
        "your buffer averages",
        step_by(lambda p, g, b, lr, m: (p - lr * g, m * b + (1 - m) * g)),
    ),
    "returns the parameter alone": (
        "nesterov",
        "Return two things",
        step_by(lambda p, g, b, lr, m: p - lr * g),
    ),
    "forgets the momentum": (
        "nesterov",
        "the parameter should be",
        step_by(lambda p, g, b, lr, m: (p - lr * g, m * b + g)),
    ),
    "divides by the size": (
        "signs",
        "gives NaN",
        signs_by(lambda p, g, group: p.sub_(group["lr"] * g / g.abs())),
    ),
    "climbs": (
        "signs",
        "You went up",
        signs_by(lambda p, g, group: p.add_(group["lr"] * g.sign())),
    ),
    "divides by the norm": (
        "signs",
        "should move by",
        signs_by(lambda p, g, group: p.sub_(group["lr"] * g / g.norm())),
    ),
    "changes the gradient": (
        "signs",
        "changed the gradient itself",
        signs_by(lambda p, g, group: p.sub_(group["lr"] * g.sign_())),
    ),
    "keeps the first rate": ("signs", "the rate stays", frozen),
    "returns the parameters": (
        "signs",
        "Return an optimizer",
        lambda right: lambda params, lr: params,
    ),
    "can't be wrapped": ("signs", "refuses it: optimizer must", lambda right: Bare),
    "moves what has no gradient": ("signs", "without a gradient moved", moves_all),
    "keeps the gradients": ("signs", "leaves the gradient where it was", keeps_gradients),
    "starts at zero": (
        "phases",
        "moves nothing",
        lambda right: lambda w, d: lambda s, t: s / w if s < w else right(w, d)(s, t),
    ),
    "never decays": (
        "phases",
        "in the decay",
        lambda right: lambda w, d: lambda s, t: min(1, (s + 1) / w),
    ),
    "ends a step early": (
        "phases",
        "zero comes only after it",
        lambda right: (
            lambda w, d: lambda s, t: min(right(w, d)(s, t), (t - 1 - s) / (d - 1))
        ),
    ),
    "overshoots": (
        "phases",
        "must not exceed 1",
        lambda right: lambda w, d: lambda s, t: 2 * right(w, d)(s, t),
    ),
    "decays from the start": (
        "phases",
        "in the stable part",
        lambda right: lambda w, d: lambda s, t: min(1, (s + 1) / w, (t - s) / (t - w)),
    ),
    "returns a number": (
        "phases",
        "Return a function",
        lambda right: lambda w, d: 1.0,
    ),
}


def test_the_chapter_lists_its_pieces(chapter: Chapter) -> None:
    pieces = [
        Optimizer.step,
        SGD._update,
        Adam._update,
        AdamW._decayed,
        Clipped.step,
        Scheduled.step,
        Accumulated.step,
        AveragedModel.update,
        TrainerConfig._stepping,
    ]
    assert [piece for piece in pieces if piece not in chapter.listed] == []


# What it tells of `make bench`: tests/notebooks/test_measured.py asks.


def figures(tenfold: float) -> dict[str, list[float]]:
    """A cell's first words → the ratios that it names, if ours is that much slower."""
    settings = (
        "a small MLP: 97 parameters in 4 tensors",
        "a million parameters in 100 tensors",
        "a million parameters in 1 tensor",
    )
    return {
        "Work and memory, counted.": [
            factor * ratio("optimizers", contender, setting=setting)
            for setting in settings
            for contender, factor in (
                ("groundup", tenfold),
                ("torch foreach", 1.0),
                ("torch fused", 1.0),
            )
        ],
    }
