"""Chapter four in Chromium: controls move their charts, the explorer draws the runs."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page
from torch import Tensor

from groundup import SGD, Adam
from tests.browser.charts import (
    computed,
    explorer,
    live_sliders,
    names_of_controls,
    there_and_back,
    title,
)
from tests.notebooks.chapter import only

pytestmark = [pytest.mark.browser, pytest.mark.slow, only(4)]
on_a_light_screen = pytest.mark.parametrize("scheme", ["light"], indirect=True)


# Live, under `marimo run`.


@pytest.mark.parametrize(
    "label", ["share of the old gradient that is kept", "learning rate", "momentum"]
)
def test_a_sliders_step_moves_its_chart_and_back_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live_sliders(live, label))


@pytest.mark.parametrize(
    "label",
    [
        "decay beside the gradient",
        "clip the gradients",
        "average the weights",
        "clip outside: each batch",
        "schedule outside: each batch",
    ],
)
def test_a_switch_changes_its_chart_and_off_again_gives_the_same_picture(
    live: Page, label: str
) -> None:
    there_and_back(live, live.get_by_role("switch", name=label, exact=True))


# The explorer, on the published page.


@on_a_light_screen
def test_the_explorer_has_these_controls(published: Page) -> None:
    assert names_of_controls(published) == [
        "turn of the bowl",
        "learning rate",
        "momentum",
        "Adam's rate",
        "condition number",
    ]


def path(make: Callable[[list[Tensor]], Any], turn: float, condition: float) -> Tensor:
    """Where a run in the bowl is before each step and after the last one."""
    angle = torch.tensor(math.radians(turn), dtype=torch.float64)
    flat = torch.stack([angle.cos(), angle.sin()])
    steep = torch.stack([-angle.sin(), angle.cos()])
    p = (1.2 * flat + 0.8 * steep).requires_grad_()
    optimizer, places = make([p]), [p.detach().clone()]
    for _ in range(40):
        optimizer.zero_grad()
        (((p @ steep) ** 2 + (p @ flat) ** 2 / condition) / 2).backward()
        optimizer.step()
        places.append(p.detach().clone())
    return torch.stack(places)


@on_a_light_screen
@pytest.mark.parametrize(
    ("turn", "rate", "momentum", "adams_rate", "condition"),
    [
        (0, 1.6, 0.7, 0.1, 100),
        (45, 0.05, 0.99, 0.5, 10),
        (90, 1.95, 0.0, 0.01, 1),
        (33, 1.0, 0.25, 0.3, 100),
    ],
)
def test_what_the_browser_draws_is_the_training(
    published: Page,
    turn: float,
    rate: float,
    momentum: float,
    adams_rate: float,
    condition: int,
) -> None:
    signals = {
        "turn": turn,
        "rate": rate,
        "momentum": momentum,
        "adams_rate": adams_rate,
        "condition": condition,
    }
    rows = computed(explorer(published), "step", "plain0", "x", "y", **signals)
    makers: list[Callable[[list[Tensor]], Any]] = [
        lambda p: SGD(p, lr=rate),
        lambda p: SGD(p, lr=rate, momentum=momentum),
        lambda p: Adam(p, lr=adams_rate),
    ]
    drawn = [(step, x, y) for step, _, x, y in rows if x is not None and y is not None]
    for make in makers:
        for step, (x, y) in enumerate(path(make, turn, condition).tolist()):
            if abs(y) < 1.5:
                off = min(math.dist((x, y), row[1:]) for row in drawn if row[0] == step)
                assert off < 1e-9, (step, x, y)
    said = title(explorer(published), **signals)
    assert f"Bowl turned by {turn}°, after 40 steps" in said
