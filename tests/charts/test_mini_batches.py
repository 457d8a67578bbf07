"""Chapter two's charts show which batch a sample is in, and what a batch's size does."""

import gzip
import json
import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from groundup import charts
from tests.charts.examples import (
    BLUE,
    BY_EPOCH,
    BY_UPDATE,
    COSTS,
    GREY,
    LEAST,
    ORANGE,
    SPREADS,
    VERMILION,
    batches_of,
    chart,
    near,
    spread_of,
)
from tests.charts.picture import Cell, Picture, draw
from tests.helpers import seeded

# The order of batches.


def overlap(cell: Cell, place: tuple[float, float]) -> bool:
    """Whether a place lies in a cell."""
    across, down = place[0] - cell.left, place[1] - cell.top
    return 0 < across < cell.width and 0 < down < cell.height


def order_of(picture: Picture, samples: int) -> list[list[str]]:
    """For each row of the grid the colours of its cells, "" where there is a gap."""
    across = (picture.x.span[1] - picture.x.span[0]) / samples
    rows = sorted({cell.top for cell in picture.cells})
    found = [[""] * samples for _ in rows]
    for cell in picture.cells:
        place = (cell.left - picture.x.span[0]) / across
        assert cell.width == pytest.approx(across, abs=0.1)
        found[rows.index(cell.top)][round(place)] = cell.color
    return found


@pytest.mark.parametrize("size", [1, 5, 24, 30])
@pytest.mark.parametrize("shuffle", [False, True])
def test_cells_of_one_colour_are_one_batch_of_the_loader_in_all_epochs(
    size: int, shuffle: bool
) -> None:
    epochs = batches_of(size, shuffle)
    picture = draw(charts.batch_order(epochs, 24, "A title"))
    colors: dict[int, set[str]] = {}
    for batches, row in zip(epochs, order_of(picture, 24), strict=True):
        assert all(row)
        for number, batch in enumerate(batches, 1):
            colors.setdefault(number, set()).update(row[i] for i in batch)
    assert [len(of) for of in colors.values()] == [1] * len(epochs[0])
    assert len(set.union(*colors.values())) == len(epochs[0])
    # The number is written on each cell: viridis is dark first and light last.
    assert len(picture.words) == 4 * 24
    for text in picture.words:
        (cell,) = [c for c in picture.cells if overlap(c, text.place)]
        assert {cell.color} == colors[int(text.words)]
        light = int(text.words) > 0.55 * len(epochs[0])
        assert text.color == ("black" if light else "white")
    assert picture.title == ["A title"]
    assert (picture.x.title, picture.y.title) == ("sample", "epoch")
    assert [*picture.x.ticks] == ["0", "4", "8", "12", "16", "20"]
    assert [*picture.y.ticks] == ["1", "2", "3", "4"]


def test_a_cell_too_narrow_for_its_number_is_left_without() -> None:
    assert not draw(charts.batch_order(batches_of(5), 24), 180).words
    # Two figures need more than one.
    assert {
        len(t.words) for t in draw(charts.batch_order(batches_of(1), 24), 400).words
    } == {1}


def test_dropped_samples_are_gaps_that_keep_their_place() -> None:
    picture = draw(charts.batch_order([[[0, 1, 2], [4, 5, 6]], [], [[7], []]], 8))
    first, *others = order_of(picture, 8)
    assert [bool(color) for color in first] == [True] * 3 + [False] + [True] * 3 + [False]
    assert [bool(color) for color in others[-1]] == [False] * 7 + [True]
    # An epoch without a batch has its row, which is empty.
    assert [*picture.y.ticks] == ["1", "2", "3"]
    assert len(picture.cells) == 7
    assert "which of 2 batches" in charts.batch_order([[[0], [1]]], 2).description


# The noise of a batch's gradient.


@pytest.mark.parametrize("samples", [512, 500, 16])
def test_the_dashed_lines_are_the_formulas_and_end_below_the_lowest_point(
    samples: int,
) -> None:
    measured = {1: 3.0, 8: spread_of(8, 3.0, samples)}
    picture = draw(charts.gradient_noise(measured, 3.0, samples))
    formulas: dict[str, Callable[[float], float]] = {
        ORANGE: lambda size: 3.0 / math.sqrt(size),
        VERMILION: lambda size: spread_of(size, 3.0, samples),
    }
    for color, formula in formulas.items():
        points = picture.runs()[color]
        assert picture.of(color).dashed
        assert points[0][0] == pytest.approx(1)
        assert [b for _, b in points] == [
            pytest.approx(formula(a), rel=4e-3) for a, _ in points[:]
        ]
        assert 0.49 * measured[8] < points[-1][1] < 1.01 * measured[8]
        assert max(b[0] / a[0] for a, b in pairwise(points)) < 1.1
    assert picture.x.log
    assert picture.y.log
    assert picture.x.title == "batch size"
    assert picture.y.title == "distance from the full gradient"


def test_the_points_are_what_was_measured_but_for_the_whole_which_has_no_spread() -> None:
    shuffled = dict(sorted(SPREADS.items(), key=lambda item: str(item[0])))
    for measured in (shuffled, SPREADS | {512: 1e-7}):
        picture = draw(charts.gradient_noise(measured, 3.0, 512))
        points = [picture.at(p.place) for p in picture.points]
        assert points == near([(size, SPREADS[size]) for size in SPREADS][:9])
    whole = charts.gradient_noise({1: 3.0, 512: 0.01}, 3.0, 512)
    assert len(draw(whole).points) == 2
    assert "512 samples" in whole.description
    assert len(draw(charts.gradient_noise({}, 3.0, 100)).lines) == 2


def test_each_formula_is_named_at_its_lines_end() -> None:
    picture = draw(chart("gradient noise"))
    for words, color in (("put back", ORANGE), ("not put back", VERMILION)):
        text, end = picture.named(words), picture.of(color).points[-1]
        assert text.color == color
        assert 3 < text.place[0] - end[0] < 15
        assert abs(text.place[1] - end[1]) < 20


# What a step costs.


def test_costs_are_those_measured_work_above_memory_all_on_log_axes() -> None:
    content = charts.growth(COSTS)
    picture = draw(content)
    for panel, (color, column) in enumerate(
        ((BLUE, "operations"), (VERMILION, "megabytes"))
    ):
        expected = near([(row["samples"], row[column]) for row in COSTS])
        assert picture.runs(panel) == {color: expected}
        axis = picture.ys[panel]
        points = {p.place for p in picture.points if p.color == color}
        assert sorted((picture.x.read(x), axis.read(y)) for x, y in points) == expected
        assert axis.log
    assert picture.x.log
    assert max(picture.ys[0].span) < min(picture.ys[1].span)
    titles = [axis.title for axis in (picture.x, *picture.ys)]
    assert titles == ["samples in the batch", "million operations", "megabytes kept"]
    words = ["1,000 × the samples:", "31 × the work, 1,200 × the memory"]
    assert picture.title == words
    assert " ".join(words) in content.description


# The explorer of batch sizes.


def explored(size: int, rate: int, equal: str = "epochs") -> Picture:
    return draw(chart("batch sizes"), size_place=size, rate_place=rate, equal=equal)


def read(picture: Picture, color: str) -> list[list[tuple[float, float]]]:
    return [picture.read(line) for line in picture.lines if line.color == color]


@pytest.mark.parametrize(("size", "rate"), [(0, 0), (3, 2), (2, 1), (3, 0)])
@pytest.mark.parametrize("equal", ["epochs", "updates"])
def test_the_chosen_run_stands_over_those_of_all_sizes_at_its_rate(
    size: int, rate: int, equal: str
) -> None:
    picture = explored(size, rate, equal)
    losses, every = (BY_EPOCH, 1) if equal == "epochs" else (BY_UPDATE, 8)
    runs = [
        near([(every * i, v) for i, v in enumerate(of)]) for of in losses[:, rate].tolist()
    ]
    assert read(picture, GREY) == runs
    assert read(picture, BLUE) == [runs[size]]
    assert picture.lines[-1].color == BLUE
    assert picture.lines[-1].width > 2 * picture.lines[0].width
    assert all(line.opacity < 0.6 for line in picture.lines if line.color == GREY)
    # What lies along the axis is said below it, and all in the title.
    assert picture.named(f"{equal} done").place[1] > max(picture.y.span) + 20
    assert picture.y.title == "loss on all samples"
    assert all(float(tick).is_integer() for tick in picture.x.ticks)
    first, second = picture.title
    head, said = first.split(": loss ")
    assert head == f"Batch size {2**size}, rate {(0.13, 0.18, 0.25)[rate]}"
    assert float(said) == pytest.approx(losses[size, rate, -1].item(), rel=6e-3)
    updates, epochs = 4 * 8 // 2**size, 48 * 2**size // 8
    assert second == (
        f"4 epochs are {updates} updates"
        if equal == "epochs"
        else f"48 updates are {epochs} epochs"
    )


def test_the_frame_is_around_the_first_and_the_least_loss_which_is_a_dashed_rule() -> None:
    picture = explored(1, 1)
    bottom, top = (picture.y.read(place) for place in picture.y.span)
    assert 0.5 * LEAST < bottom < 0.9 * LEAST
    assert 2 * 8.0 < top < 20 * 8.0
    (rule,) = picture.rules
    assert picture.y.read(rule.start[1]) == pytest.approx(LEAST, rel=1e-3)
    assert rule.dashed
    assert picture.named("least loss").color == rule.color == ORANGE
    assert abs(picture.named("least loss").place[1] - rule.start[1]) < 20


def test_a_run_that_leaves_the_explorer_ends_beyond_its_frame_and_says_diverged() -> None:
    for equal, gone in (("epochs", (0, 1)), ("updates", (0,))):
        losses = BY_EPOCH if equal == "epochs" else BY_UPDATE
        for size in range(4):
            picture = explored(size, 3, equal)
            (line,) = [line for line in picture.lines if line.color == BLUE]
            beyond = [point for point in line.points if not picture.y.holds(point[1])]
            assert beyond == line.points[-1:] * (size in gone)
            assert len(line.points) == {0: 3, 1: 3}.get(size, 5) or equal == "updates"
            last = losses[size, 3, -1].item()
            left = not last <= 100 * losses[size, 3, 0].item()
            assert picture.title[0].endswith(": diverged") is left
            # The axis stays, whatever has left it.
            assert picture.x.read(picture.x.span[1]) == pytest.approx(
                4 if equal == "epochs" else 48
            )


@pytest.mark.parametrize(("sizes", "chosen"), [(1, 1), (4, 8), (9, 32)])
def test_the_explorer_opens_on_batches_of_32_the_middle_rate_and_epochs(
    sizes: int, chosen: int
) -> None:
    losses = 1 + torch.rand(sizes, 5, 13, generator=seeded())
    content = charts.batch_size_explorer(losses, losses, [0.1, 0.2, 0.25, 0.3, 0.5], 8, 0.5)
    title = draw(content).title
    assert title[0].startswith(f"Batch size {chosen}, rate 0.25: loss ")
    assert title[1] == f"12 epochs are {12 * 2 ** (sizes - 1) / chosen:,.0f} updates"
    if sizes == 9:
        assert draw(content, size_place=0).title[1] == "12 epochs are 3,072 updates"
    binds = {p["name"]: p["bind"] for p in content.complete["params"] if "bind" in p}
    assert [bind["name"] for bind in binds.values()] == [
        "batch size ",
        "learning rate ",
        "compare at equal ",
    ]
    assert (binds["size_place"]["max"], binds["rate_place"]["max"]) == (sizes - 1, 4)


SHAPES = [[3, 4, 5], [4, 3, 5], [4, 4]]


@pytest.mark.parametrize(
    ("by_epoch", "by_update", "rates"),
    [(s, [4, 4, 7], 4) for s in SHAPES]
    + [([4, 4, 5], s, 4) for s in [*SHAPES, [4]]]
    + [([4, 4, 5], [4, 4, 7], rates) for rates in (3, 5)],
)
def test_runs_of_other_sizes_or_rates_are_refused(
    by_epoch: list[int], by_update: list[int], rates: int
) -> None:
    by = torch.ones(by_epoch), torch.ones(by_update)
    with pytest.raises(ValueError, match="must have as many sizes and rates") as raised:
        charts.batch_size_explorer(*by, [0.5] * rates, 8, 1)
    for found in (*(tuple(tensor.shape) for tensor in by), f"{rates} rates"):
        assert str(found) in str(raised.value)


def test_the_chapters_explorer_is_under_25_kilobytes_on_its_way() -> None:
    def losses(points: int) -> Tensor:
        down = torch.exp(-torch.rand(10, 17, 1, generator=seeded()) * torch.arange(points))
        return LEAST + 7 * down + 0.1 * torch.rand(10, 17, points, generator=seeded(1))

    rates = [2 ** (i / 2) for i in range(-16, 1)]
    content = charts.batch_size_explorer(losses(13), losses(25), rates, 8, LEAST)
    assert len(gzip.compress(json.dumps(content.complete).encode())) < 25_000
