"""Charts of runs show the losses and parameters that the runs hold."""

from typing import Any

import pytest
import torch
from torch import Tensor

from groundup import NaiveTrainerResult, charts
from groundup.charts.blocks import number
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
    chart,
    near,
    run,
    with_losses,
)
from tests.charts.picture import Text, draw


def beside(text: Text, place: tuple[float, float]) -> bool:
    """Whether words begin right of a place, and at its height."""
    (x, y), (right, down) = place, text.place
    return text.align == "left" and 3 < right - x < 15 and abs(down - y) < 1


def flat(entry: tuple[Tensor, ...]) -> list[float]:
    return [value for p in entry for value in p.flatten().tolist()]


# Losses.


def test_the_losses_drawn_are_the_runs_from_epoch_zero_on() -> None:
    picture = draw(charts.losses(STABLE))
    assert picture.runs() == {BLUE: near([*enumerate(STABLE.losses)])}
    assert (picture.x.title, picture.y.title) == ("epochs done", "loss")
    assert picture.y.log
    assert [point.place for point in picture.points] == [picture.lines[0].points[-1]]
    first, last = (number(STABLE.losses[i]) for i in (0, -1))
    assert picture.title == [f"Loss: {first} → {last}"]


def test_a_training_loss_stands_mid_epoch_and_a_validation_loss_at_its_end() -> None:
    picture = draw(charts.losses(VALIDATED))
    assert picture.runs() == {
        BLUE: near([(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)]),
        ORANGE: near([(1.0, 5.0), (2.0, 3.0), (3.0, 2.0)]),
    }
    for words, color in (("train", BLUE), ("validation", ORANGE)):
        assert picture.named(words).color == color
        assert beside(picture.named(words), picture.of(color).points[-1])
    assert picture.title == ["Train: 4 → 1 · validation: 5 → 2"]
    assert not any(line.dashed for line in picture.lines)


def test_a_plain_list_is_drawn_as_a_runs_training_losses() -> None:
    mid_epoch = near([(0.5, 4.0), (1.5, 2.0), (2.5, 1.0)])
    picture = draw(charts.losses(VALIDATED.train_losses))
    assert picture.runs() == {BLUE: mid_epoch}
    assert picture.title == ["Loss: 4 → 1"]
    several = draw(charts.losses({"list": [4.0, 2.0, 1.0], "result": OTHER}))
    assert several.runs()[BLUE] == mid_epoch
    assert several.title == ["List: 4 → 1 · result: 3 → 0.5"]
    assert draw(charts.losses([])).title == draw(charts.losses(run([]))).title


def test_runs_are_compared_by_their_validation_losses_if_all_have_some() -> None:
    assert draw(charts.losses({"one": VALIDATED, "other": OTHER})).runs() == {
        BLUE: near([(1.0, 5.0), (2.0, 3.0), (3.0, 2.0)]),
        ORANGE: near([(1.0, 4.0), (2.0, 3.0), (3.0, 2.5)]),
    }
    # Runs of both trainers stand in one chart. A line that ends early has its name there.
    picture = draw(charts.losses({"naive": STABLE, "new": OTHER}))
    assert picture.runs() == {
        BLUE: near([*enumerate(STABLE.losses)]),
        ORANGE: near([(0.5, 3.0), (1.5, 1.0), (2.5, 0.5)]),
    }
    assert beside(picture.named("new"), picture.of(ORANGE).points[-1])
    assert beside(picture.named("naive"), picture.of(BLUE).points[-1])


def test_a_metric_has_a_panel_and_a_scale_of_its_own_below_in_validations_colour() -> None:
    picture = draw(charts.losses(VALIDATED, "accuracy"))
    loss, accuracy = picture.ys
    assert (loss.title, accuracy.title) == ("loss", "accuracy")
    assert max(loss.span) < min(accuracy.span)
    assert (loss.log, accuracy.log) == (True, False)
    assert picture.runs(1) == {ORANGE: near([(1.0, 0.5), (2.0, 0.75), (3.0, 0.875)])}
    alone = draw(charts.losses(VALIDATED)).runs()
    assert picture.runs() == {color: near(points) for color, points in alone.items()}
    assert picture.title == ["Train: 4 → 1 · validation: 5 → 2", "Accuracy 0.875"]
    assert picture.words[-1].words == "validation"
    assert beside(picture.words[-1], picture.of(ORANGE, 1).points[-1])


def test_several_runs_metrics_have_their_runs_colours_and_names() -> None:
    picture = draw(charts.losses({"one": VALIDATED, "other": OTHER}, "accuracy"))
    assert picture.runs(1) == {
        BLUE: near([(1.0, 0.5), (2.0, 0.75), (3.0, 0.875)]),
        ORANGE: near([(1.0, 0.25), (2.0, 0.5), (3.0, 0.625)]),
    }
    assert [t.words for t in picture.words] == ["one", "other"] * 2
    assert [t.color for t in picture.words] == [BLUE, ORANGE] * 2
    assert picture.title == [
        "One: 5 → 2 · other: 4 → 2.5",
        "Accuracy 0.875 one · accuracy 0.625 other",
    ]


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
        expected = [(i + start, loss) for i, loss in enumerate(losses[:kept])]
        (line,) = picture.lines
        assert line.points[-1] == picture.points[0].place
        assert len(line.points) == kept
        if min(losses[:kept]) > 0 and kept > 2:
            assert picture.runs() == {BLUE: near(expected)}
        words = f"diverged at epoch {left if start == 0 else (left or 0) + 1}"
        for said in (str(picture.title), str(picture.words), content.description):
            assert (words in said) is (left is not None)
            assert ("diverged" in said) is (left is not None)


@pytest.mark.parametrize("losses", [[INF], [NAN, 1.0], []])
def test_a_run_may_have_left_before_anything_can_be_drawn(losses: list[float]) -> None:
    assert charts.diverged_at(losses) == (0 if losses else None)
    picture = draw(charts.losses({"lost": with_losses(*losses), "calm": STABLE}))
    # The colour that is the other's stays its own.
    assert picture.runs() == {ORANGE: near([*enumerate(STABLE.losses)])}
    outcome = "diverged at epoch 0" if losses else "no epochs, nothing trained"
    assert picture.title[0] == f"Lost: {outcome}"


def test_among_several_runs_words_at_the_end_name_the_one_that_diverged() -> None:
    picture = draw(charts.losses({"calm": STABLE, "wild": with_losses(1.0, 2.0, 900.0)}))
    wild = picture.named("wild, diverged at epoch 2")
    assert beside(wild, picture.of(ORANGE).points[-1])
    # Where they would leave the picture they stand before the end, and above it.
    late = draw(
        charts.losses({"a": with_losses(*[1.0] * 9), "b": with_losses(*[1.0] * 9, 900.0)})
    )
    text, (x, y) = late.named("b, diverged at epoch 9"), late.of(ORANGE).points[-1]
    assert text.align == "right"
    assert text.place[0] < x
    assert 6 < y - text.place[1] < 20


@pytest.mark.parametrize("losses", [[4.0, 1.0, 0.0], [1.0, -1.0, -2.0]])
def test_losses_have_a_logarithmic_axis_only_where_all_are_positive(
    losses: list[float],
) -> None:
    for content in (charts.losses(run([4.0], losses)), charts.losses(with_losses(*losses))):
        assert not draw(content).y.log
        assert "log axis" not in content.description


def test_the_description_tells_each_curves_course_and_the_metric() -> None:
    assert charts.losses(VALIDATED, "accuracy").description == (
        "Line chart of the loss over the epochs, on a log axis: train falls from 4 to 1, "
        "half of the way in 1 of 2 steps; validation falls from 5 to 2, half of the way in "
        "1 of 2 steps; accuracy 0.875."
    )


# Parameters.


def test_the_parameters_drawn_are_the_runs_each_named_at_its_end() -> None:
    picture = draw(charts.trajectories(STABLE, TRUE))
    paths = [*zip(*map(flat, STABLE.parameters), strict=True)]
    assert picture.runs() == {
        color: near([*enumerate(path, 1)])
        for color, path in zip((BLUE, ORANGE, GREEN), paths, strict=True)
    }
    for name, color in (("w₁", BLUE), ("w₂", ORANGE), ("b", GREEN)):
        assert picture.named(name).color == color
        assert beside(picture.named(name), picture.of(color).points[-1])
    assert "0" in picture.x.ticks
    assert (picture.x.title, picture.y.title) == ("epochs done", "parameter")


def test_dashed_rules_are_the_true_parameters_and_the_title_says_how_far_off() -> None:
    content = charts.trajectories(STABLE, TRUE)
    picture = draw(content)
    drawn = {rule.color: picture.y.read(rule.start[1]) for rule in picture.rules}
    assert drawn == pytest.approx({BLUE: 1.5, ORANGE: -0.5, GREEN: 0.5})
    for rule in picture.rules:
        assert rule.dashed
        assert sorted((rule.start[0], rule.end[0])) == near([*picture.x.span])
    pairs = zip(flat(STABLE.parameters[-1]), flat(TRUE), strict=True)
    off = max(abs(a - b) for a, b in pairs)
    assert picture.title == [f"Parameters: within {off:.3g} of the true ones"]
    assert picture.title[0] in content.description
    alone = draw(charts.trajectories(STABLE))
    assert alone.title == ["Parameters over the epochs"]
    assert not alone.rules


def test_the_parameters_of_a_diverged_run_end_where_its_losses_do() -> None:
    picture = draw(charts.trajectories(DIVERGED, TRUE))
    left = charts.diverged_at(DIVERGED.losses)
    assert left is not None
    assert picture.title == [f"Parameters, until the run diverged at epoch {left}"]
    kept = [*map(flat, DIVERGED.parameters[: left + 1])]
    assert picture.runs()[GREEN] == near([(i, e[2]) for i, e in enumerate(kept, 1)])


def test_other_models_parameters_have_names_too() -> None:
    three = NaiveTrainerResult(
        [1.0] * 3, [(torch.ones(2), torch.ones(1), torch.ones(1))] * 3
    )
    assert [t.words for t in draw(charts.trajectories(three)).words] == [
        "p1·₁",
        "p1·₂",
        "p2·₁",
        "p3·₁",
    ]
    named = draw(charts.trajectories(STABLE, names=["weight", "b"]))
    assert {t.words for t in named.words} == {"weight₁", "weight₂", "b"}


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


# Both.


@pytest.mark.parametrize("result", [STABLE, DIVERGED])
def test_training_is_the_losses_above_the_parameters(result: NaiveTrainerResult) -> None:
    both = draw(charts.training(result, TRUE))
    upper, lower = draw(charts.losses(result)), draw(charts.trajectories(result, TRUE))
    assert [y.title for y in both.ys] == ["loss", "parameter"]
    assert max(both.ys[0].span) < min(both.ys[1].span)
    assert both.title == upper.title + lower.title
    for panel, one in enumerate((upper, lower)):
        expected = {color: near(points) for color, points in one.runs().items()}
        assert both.runs(panel) == expected
        assert [*both.ys[panel].ticks] == [*one.y.ticks]
    goals = [both.ys[1].read(rule.start[1]) for rule in both.rules]
    assert goals == near([1.5, -0.5, 0.5])
    names = both.words[-3:]
    assert [t.words for t in names] == ["w₁", "w₂", "b"]
    for description in (charts.losses(result), charts.trajectories(result, TRUE)):
        assert description.description in charts.training(result, TRUE).description


def test_a_parameter_has_the_same_colour_in_every_chart_and_panel() -> None:
    wide = draw(chart("training"))
    lone, explorer = draw(chart("trajectories")), draw(chart("explorer"))
    for name, color in (("w₁", BLUE), ("w₂", ORANGE), ("b", GREEN)):
        assert {p.named(name).color for p in (wide, lone, explorer)} == {color}
