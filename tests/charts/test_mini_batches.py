"""Chapter two's charts show which batch a sample is in, and what a batch's size does."""

import gzip
import json
import math
from itertools import pairwise

import pytest
import torch

from groundup import charts
from tests.charts.examples import (
    BLUE,
    BY_EPOCH,
    BY_UPDATE,
    COSTS,
    GREY,
    LEAST,
    ORANGE,
    RATES,
    SPREADS,
    VERMILION,
    batches_of,
    chart,
    near,
    spread_of,
)
from tests.charts.picture import Picture, draw
from tests.helpers import seeded

# The order of batches.


def order_of(picture: Picture, samples: int) -> list[list[str]]:
    """For each row of the grid the colours of its cells, "" where there is a gap."""
    left, right = picture.x.span
    rows = sorted({cell.end[1] for cell in picture.cells})
    found = [[""] * samples for _ in rows]
    for cell in picture.cells:
        place = round((cell.end[0] - left) / (right - left) * samples)
        found[rows.index(cell.end[1])][place] = cell.color
    return found


@pytest.mark.parametrize("size", [1, 5, 24, 30])
@pytest.mark.parametrize("shuffle", [False, True])
def test_cells_of_one_colour_are_one_batch_of_the_loader_in_all_epochs(
    size: int, shuffle: bool
) -> None:
    epochs = batches_of(size, shuffle)
    picture = draw(charts.batch_order(epochs, 24, "A title"))
    order = order_of(picture, 24)
    colors = [
        {row[i] for row, of in zip(order, epochs, strict=True) for i in of[number]}
        for number in range(len(epochs[0]))
    ]
    assert [len(of) for of in colors] == [1] * len(epochs[0])
    assert len(set.union(*colors) - {""}) == len(epochs[0])
    # The number is written on each cell: viridis is dark first and light last.
    assert len(picture.words) == len(picture.cells) == 4 * 24
    middles = {tuple(map(round, cell.middle)): cell.color for cell in picture.cells}
    for text in picture.words:
        number = int(text.words)
        (x, y) = map(round, text.end)
        assert {middles[x, y]} == colors[number - 1]
        assert text.color == ("black" if number > 0.55 * len(epochs[0]) else "white")
    assert picture.title == ["A title"]
    assert (picture.x.title, picture.y.title) == ("sample", "epoch")
    assert [*picture.x.ticks] == ["0", "4", "8", "12", "16", "20"]
    assert [*picture.y.ticks] == ["1", "2", "3", "4"]


def test_a_cell_too_narrow_for_its_number_is_left_without() -> None:
    assert not draw(charts.batch_order(batches_of(5), 24), 180).words
    # Two figures need more than one.
    narrow = draw(charts.batch_order(batches_of(1), 24), 400)
    assert narrow.title == ["24 samples · 24 batches an epoch"]
    assert {len(text.words) for text in narrow.words} == {1}


def test_dropped_samples_are_gaps_that_keep_their_place() -> None:
    content = charts.batch_order([[[0, 1, 2], [4, 5, 6]], [], [[7], []]], 8)
    picture = draw(content)
    first, last = (map(bool, row) for row in order_of(picture, 8))
    assert [*first] == [True] * 3 + [False] + [True] * 3 + [False]
    assert [*last] == [False] * 7 + [True]
    # An epoch without a batch has its row, which is empty.
    assert [*picture.y.ticks] == ["1", "2", "3"]
    assert "which of 2 batches" in content.description


# The noise of a batch's gradient, and what a step costs.


@pytest.mark.parametrize("samples", [512, 500, 16])
def test_the_dashed_lines_are_the_formulas_and_end_below_the_lowest_point(
    samples: int,
) -> None:
    measured = {1: 3.0, 8: spread_of(8, 3.0, samples)}
    picture = draw(charts.gradient_noise(measured, 3.0, samples))
    runs = picture.runs(dashed=True)
    for color, words in ((ORANGE, "put back"), (VERMILION, "not put back")):
        for a, b in runs[color]:
            expected = {ORANGE: 3.0 / math.sqrt(a), VERMILION: spread_of(a, 3.0, samples)}
            assert b == pytest.approx(expected[color], rel=4e-3)
        assert runs[color][0][0] == pytest.approx(1)
        assert 0.49 * measured[8] < runs[color][-1][1] < 1.01 * measured[8]
        assert max(b[0] / a[0] for a, b in pairwise(runs[color])) < 1.1
        text, end = picture.named(words), picture.line(color, dashed=True).end
        assert text.color == color
        assert 3 < text.end[0] - end[0] < 15
        assert abs(text.end[1] - end[1]) < 20
    assert picture.x.log
    assert picture.y.log
    titles = picture.x.title, picture.y.title
    assert titles == ("batch size", "distance from the full gradient")


def test_the_points_are_what_was_measured_but_for_the_whole_which_has_no_spread() -> None:
    shuffled = dict(sorted(SPREADS.items(), key=lambda item: str(item[0])))
    for measured in (shuffled, SPREADS | {512: 1e-7}):
        content = charts.gradient_noise(measured, 3.0, 512)
        picture = draw(content)
        points = [picture.at(point.place) for point in picture.points]
        assert points == near([*SPREADS.items()][:9])
        assert "512 samples" in content.description
    assert len(draw(charts.gradient_noise({1: 3.0, 512: 0.01}, 3.0, 512)).points) == 2
    assert len(draw(charts.gradient_noise({}, 3.0, 100)).lines) == 2


def test_costs_are_those_measured_work_above_memory_all_on_log_axes() -> None:
    content = charts.growth(COSTS)
    picture = draw(content)
    columns = ((BLUE, "operations"), (VERMILION, "megabytes"))
    for panel, (color, column) in enumerate(columns):
        expected = near([(row["samples"], row[column]) for row in COSTS])
        assert picture.runs(panel) == {color: expected}
        points = picture.of("symbol", color)
        assert [picture.at(p.place, panel) for p in points] == expected
        assert picture.ys[panel].log
    assert picture.x.log
    assert max(picture.ys[0].span) < min(picture.ys[1].span)
    titles = [axis.title for axis in (picture.x, *picture.ys)]
    assert titles == ["samples in the batch", "million operations", "megabytes kept"]
    assert picture.title == ["1,000 × the samples:", "31 × the work, 1,200 × the memory"]
    assert " ".join(picture.title) in content.description


# The explorer of batch sizes.


def explored(size: int, rate: int, equal: str = "epochs") -> Picture:
    return draw(chart("batch sizes"), size_place=size, rate_place=rate, equal=equal)


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
    ghosts, chosen = picture.of("line", GREY), picture.lines[-1]
    assert [picture.read(line) for line in ghosts] == runs
    assert picture.read(chosen) == runs[size]
    assert [line.color for line in picture.lines] == [GREY] * 4 + [BLUE]
    assert chosen.item["strokeWidth"] > 2 * ghosts[0].item["strokeWidth"]
    assert ghosts[0].item["opacity"] < 0.6
    # What lies along the axis is said below it, and all in the title.
    assert picture.named(f"{equal} done").end[1] > max(picture.y.span) + 20
    assert picture.y.title == "loss on all samples"
    assert all(float(tick).is_integer() for tick in picture.x.ticks)
    first, second = picture.title
    head, said = first.split(": loss ")
    assert head == f"Batch size {2**size}, rate {RATES[rate]}"
    assert float(said) == pytest.approx(losses[size, rate, -1].item(), rel=6e-3)
    epochs, updates = (4, 32 // 2**size) if equal == "epochs" else (6 * 2**size, 48)
    told = f"4 epochs are {updates} updates", f"48 updates are {epochs} epochs"
    assert second == told[equal == "updates"]
    # The frame is around the first and the least loss, which is a dashed rule.
    bottom, top = (picture.y.read(place) for place in picture.y.span)
    assert 0.5 * LEAST < bottom < 0.9 * LEAST
    assert 2 * 8.0 < top < 20 * 8.0
    (rule,), words = picture.rules, picture.named("least loss")
    assert picture.y.read(rule.end[1]) == pytest.approx(LEAST, rel=1e-3)
    assert rule.dashed
    assert words.color == rule.color == ORANGE
    assert abs(words.end[1] - rule.end[1]) < 20


@pytest.mark.parametrize("size", range(4))
@pytest.mark.parametrize(("equal", "gone"), [("epochs", (0, 1)), ("updates", (0,))])
def test_a_run_that_leaves_the_explorer_ends_beyond_its_frame_and_says_diverged(
    size: int, equal: str, gone: tuple[int, ...]
) -> None:
    picture = explored(size, 3, equal)
    losses = (BY_EPOCH if equal == "epochs" else BY_UPDATE)[size, 3].tolist()
    (line,) = picture.of("line", BLUE)
    beyond = [point for point in line.points if not picture.y.holds(point[1])]
    assert beyond == line.points[-1:] * (size in gone)
    inside = [i for i, loss in enumerate(losses) if loss <= 40]
    assert len(line.points) == len(inside) + (size in gone)
    diverged = not losses[-1] <= 100 * losses[0]
    assert picture.title[0].endswith(": diverged") is diverged
    # The axis stays, whatever has left it.
    end = picture.x.read(picture.x.span[1])
    assert end == pytest.approx(4 if equal == "epochs" else 48)


@pytest.mark.parametrize(("sizes", "chosen"), [(1, 1), (4, 8), (9, 32)])
def test_the_explorer_opens_on_batches_of_32_the_middle_rate_and_epochs(
    sizes: int, chosen: int
) -> None:
    losses = 1 + torch.rand(sizes, 5, 13, generator=seeded())
    content = charts.batch_size_explorer(losses, losses, [0.1, 0.2, 0.25, 0.3, 0.5], 8, 0.5)
    title = draw(content).title
    assert title[0].startswith(f"Batch size {chosen}, rate 0.25: loss ")
    assert title[1] == f"12 epochs are {12 * 2 ** (sizes - 1) / chosen:,.0f} updates"
    binds = [param["bind"] for param in content.complete["params"] if "bind" in param]
    assert [(bind["name"], bind.get("max")) for bind in binds] == [
        ("batch size ", sizes - 1),
        ("learning rate ", 4),
        ("compare at equal ", None),
    ]


GRID = torch.ones(4, 4, 5)


@pytest.mark.parametrize("other", [GRID[1:], GRID[:, 1:], GRID[0], GRID[0, 0]])
def test_runs_of_other_sizes_or_rates_are_refused(other: torch.Tensor) -> None:
    cases = [(other, GRID, 4), (GRID, other, 4), (GRID, GRID, 3), (GRID, GRID, 5)]
    for by_epoch, by_update, rates in cases:
        with pytest.raises(ValueError, match="must have as many sizes and rates") as raised:
            charts.batch_size_explorer(by_epoch, by_update, [0.5] * rates, 8, 1)
        for found in (tuple(by_epoch.shape), tuple(by_update.shape), f"{rates} rates"):
            assert str(found) in str(raised.value)


def test_the_chapters_explorer_is_under_25_kilobytes_on_its_way() -> None:
    points = torch.arange(25)
    down = torch.exp(-torch.rand(10, 17, 1, generator=seeded()) * points)
    losses = LEAST + 7 * down + 0.1 * torch.rand(10, 17, 25, generator=seeded(1))
    rates = [2 ** (i / 2) for i in range(-16, 1)]
    content = charts.batch_size_explorer(losses[..., :13], losses, rates, 8, LEAST)
    assert len(gzip.compress(json.dumps(content.complete).encode())) < 25_000
