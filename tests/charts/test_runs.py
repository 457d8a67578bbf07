"""Charts of runs show the losses and parameters that the runs hold."""

from typing import Any

import pytest
import torch

from groundup import NaiveTrainerResult, charts
from groundup.charts.blocks import number
from groundup.charts.runs import flat
from tests.charts.examples import (
    BLUE,
    DIVERGED,
    GREEN,
    INF,
    NAN,
    ORANGE,
    OTHER,
    STABLE,
    TRUE,
    VALIDATED,
    near,
    run,
    with_losses,
)
from tests.charts.picture import Mark, draw

BOTH = {"one": VALIDATED, "other": OTHER}


def beside(text: Mark, line: Mark) -> bool:
    """Whether words begin right of a line's end, at its height and in its colour."""
    (x, y), (right, down) = line.end, text.end
    at_end = 3 < right - x < 15 and abs(down - y) < 1
    return at_end and text.item["align"] == "left" and text.color == line.color


# Losses. All stand where they were measured: a training loss is an epoch's mean.

TRAINED = [(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)], [(1.0, 5.0), (2.0, 3.0), (3.0, 2.0)]
OTHERS = [(0.5, 3.0), (1.5, 1.0), (2.5, 0.5)], [(1.0, 4.0), (2.0, 3.0), (3.0, 2.5)]
MEASURED = [(1.0, 0.5), (2.0, 0.75), (3.0, 0.875)], [(1.0, 0.25), (2.0, 0.5), (3.0, 0.625)]
NAIVE = [*enumerate(STABLE.losses)]
ENDS = " → ".join(number(STABLE.losses[i]) for i in (0, -1))


@pytest.mark.parametrize(
    ("result", "metric", "upper", "lower", "names", "title"),
    [
        (STABLE, None, [NAIVE], [], [""], [f"Loss: {ENDS}"]),
        (
            VALIDATED,
            "accuracy",
            TRAINED,
            [[], MEASURED[0]],
            ["train", "validation", "validation"],
            ["Train: 4 → 1 · validation: 5 → 2", "Accuracy 0.875"],
        ),
        (
            BOTH,
            "accuracy",
            [TRAINED[1], OTHERS[1]],
            MEASURED,
            ["one", "other"] * 2,
            ["One: 5 → 2 · other: 4 → 2.5", "Accuracy 0.875 one", "Accuracy 0.625 other"],
        ),
        (
            {"naive": STABLE, "new": OTHER},
            None,
            [NAIVE, OTHERS[0]],
            [],
            ["naive", "new"],
            [f"Naive: {ENDS} · new: 3 → 0.5"],
        ),
        # A run that has a name has its colour in both panels, also where it stands alone.
        (
            {"one": VALIDATED},
            "accuracy",
            [TRAINED[1]],
            [MEASURED[0]],
            ["one"] * 2,
            ["One: 5 → 2", "Accuracy 0.875"],
        ),
        # A plain list is a run's training losses.
        (VALIDATED.train_losses, None, [TRAINED[0]], [], [""], ["Loss: 4 → 1"]),
        (
            {"list": VALIDATED.train_losses, "new": OTHER},
            None,
            [TRAINED[0], OTHERS[0]],
            [],
            ["list", "new"],
            ["List: 4 → 1 · new: 3 → 0.5"],
        ),
    ],
)
def test_the_losses_drawn_are_the_runs_and_a_metric_has_a_panel_below(
    result: Any, metric: str | None, upper: Any, lower: Any, names: Any, title: Any
) -> None:
    picture = draw(charts.losses(result, metric))
    for panel, curves in enumerate((upper, lower)[: len(picture.ys)]):
        drawn = zip((BLUE, ORANGE), curves, strict=False)
        assert picture.runs(panel) == {color: near(of) for color, of in drawn if of}
    lines = [line for line in picture.lines if not line.dashed]
    assert [point.points[0] for point in picture.points] == [line.end for line in lines]
    assert [text.words for text in picture.words] == [name for name in names if name]
    for text, line in zip(picture.words, lines, strict=names != [""]):
        assert beside(text, line)
    assert picture.title == title
    assert [y.title for y in picture.ys] == ["loss", metric][: len(picture.ys)]
    assert [y.log for y in picture.ys] == [True, False][: len(picture.ys)]
    assert picture.x.title == "epochs done"
    if result is VALIDATED:
        assert charts.losses(result, metric).description == (
            "Line chart of the loss over the epochs, on a log axis: train falls from 4 to "
            "1, half of the way in 1 of 2 steps; validation falls from 5 to 2, half of the "
            "way in 1 of 2 steps. Accuracy 0.875."
        )
    # Panels have a scale, and a part of the height, of their own.
    spans = [place for y in picture.ys for place in sorted(y.span)]
    assert spans == sorted(spans)


def test_a_metric_is_left_out_where_it_is_not_a_number() -> None:
    picture = draw(charts.losses(run([4.0] * 3, [5.0] * 3, a=[0.5, NAN, 0.75]), "a"))
    assert picture.runs(1) == {ORANGE: near([(1.0, 0.5), (3.0, 0.75)])}
    content = charts.losses(run([4.0], [5.0], a=[NAN]), "a")
    assert draw(content).title == ["Train: 4 · validation: 5"]
    assert "nan" not in content.description.lower()


@pytest.mark.parametrize("metric", ["precision", "loss", ""])
def test_a_metric_that_was_not_measured_is_refused(metric: str) -> None:
    message = rf"^metric must be one of \['accuracy'\] in .*, got '{metric}'$"
    with pytest.raises(ValueError, match=message):
        charts.losses(VALIDATED, metric)
    with pytest.raises(ValueError, match=r"one of \[\] in bare, got 'accuracy'"):
        charts.losses({"one": VALIDATED, "bare": STABLE}, "accuracy")


@pytest.mark.parametrize(
    ("losses", "left", "kept"),
    [
        ([1.0, 100.0, 99.0], None, 3),
        ([1.0, 50.0, 100.1, 1e4, 1e6], 2, 3),
        ([1.0, 2.0, INF, NAN], 2, 2),
        ([1.0, 2.0, NAN, -3.0], 2, 2),
        ([0.0, 5.0, 1e9], None, 3),
    ],
)
def test_a_run_that_diverges_is_drawn_up_to_where_it_left_and_says_when(
    losses: list[float], left: int | None, kept: int
) -> None:
    assert charts.diverged_at(losses) == left
    for result, start in ((with_losses(*losses), 0.0), (run(losses), 0.5)):
        content = charts.losses(result)
        picture = draw(content)
        (line,) = picture.lines
        assert line.end == picture.points[0].points[0]
        assert len(line.points) == kept
        if min(losses[:kept]) > 0 and kept > 2:
            expected = [(i + start, loss) for i, loss in enumerate(losses[:kept])]
            assert picture.runs() == {BLUE: near(expected)}
        words = f"diverged at epoch {left if start == 0 else (left or 0) + 1}"
        for said in (str(picture.title), str(picture.words), content.description):
            assert (words in said) is ("diverged" in said) is (left is not None)


@pytest.mark.parametrize("losses", [[INF], [NAN, 1.0], []])
def test_a_run_may_have_left_before_anything_can_be_drawn(losses: list[float]) -> None:
    assert charts.diverged_at(losses) == (0 if losses else None)
    picture = draw(charts.losses({"lost": with_losses(*losses), "calm": STABLE}))
    # The colour that is the other's stays its own.
    assert picture.runs() == {ORANGE: near(NAIVE)}
    outcome = "diverged at epoch 0" if losses else "no epochs, nothing trained"
    assert picture.title[0] == f"Lost: {outcome}"


# Parameters, alone and below the losses.


@pytest.mark.parametrize("result", [STABLE, DIVERGED])
def test_parameters_are_the_runs_with_their_names_and_goals_in_one_colour_each(
    result: NaiveTrainerResult,
) -> None:
    alone, both = charts.trajectories(result, TRUE), charts.training(result, TRUE)
    upper = draw(charts.losses(result))
    left = charts.diverged_at(result.losses)
    entries = result.parameters[: None if left is None else left + 1]
    paths = zip((BLUE, ORANGE, GREEN), zip(*map(flat, entries), strict=True), strict=True)
    expected = {color: near([*enumerate(path, 1)]) for color, path in paths}
    goals = zip((BLUE, ORANGE, GREEN), (1.5, -0.5, 0.5), strict=True)
    across = {color: near([(0, v), (len(entries), v)]) for color, v in goals}
    off = max(abs(a - b) for a, b in zip(flat(entries[-1]), flat(TRUE), strict=True))
    title = f"Parameters: {off:.3g} from the true ones"
    if left is not None:
        title = f"Parameters, diverged at epoch {left}"
    for content, panel in ((alone, 0), (both, 1)):
        picture = draw(content)
        assert picture.runs(panel) == expected
        assert picture.runs(panel, dashed=True) == across
        names = ((BLUE, "w₁"), (ORANGE, "w₂"), (GREEN, "b"))
        for color, name in names:
            assert beside(picture.named(name), picture.line(color, panel))
        assert picture.title == [*(upper.title if panel else []), title]
        assert title in content.description
        assert "0" in picture.x.ticks
        assert (picture.x.title, picture.ys[panel].title) == ("epochs done", "parameter")
    picture = draw(both)
    assert picture.runs() == {BLUE: near(upper.runs()[BLUE])}
    assert max(picture.ys[0].span) < min(picture.ys[1].span)
    assert charts.losses(result).description in both.description


def test_parameters_have_names_without_true_ones_and_in_other_models_too() -> None:
    alone = draw(charts.trajectories(STABLE, names=["weight", "b"]))
    assert alone.title == ["Parameters over the epochs"]
    assert len(alone.lines) == 3
    assert {text.words for text in alone.words} == {"weight₁", "weight₂", "b"}
    three = NaiveTrainerResult([1.0], [(torch.ones(2), torch.ones(1), torch.ones(1))])
    names = [text.words for text in draw(charts.trajectories(three)).words]
    assert names == ["p1·₁", "p1·₂", "p2·₁", "p3·₁"]


@pytest.mark.parametrize("draws", [charts.trajectories, charts.training])
def test_names_and_true_parameters_that_do_not_fit_are_refused(draws: Any) -> None:
    for names in (["w"], ["w", "b", "c"], []):
        with pytest.raises(ValueError, match="names must be one for each of 2 parameters"):
            draws(STABLE, names=names)
    ones = torch.ones
    for true in ((ones(2), ones(1)), (ones(2, 1),), (ones(2, 1), ones(1), ones(1))):
        with pytest.raises(ValueError, match="true_parameters must have the shapes"):
            draws(STABLE, true)
    with pytest.raises(ValueError, match=r"^true_parameters\[1\] must be finite, got -inf"):
        draws(STABLE, (TRUE[0], torch.tensor([-INF])))
