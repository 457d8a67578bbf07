"""The chart of costs holds the measured ratios, the package's own in its own colour."""

import pytest

from groundup import charts
from tests.chart_checks import layers_of, marks, shown

MEASURED = {"groundup": 1.041, "torch": 12.345, "by hand": 1.0, "naive": 0.57}


def test_the_fastest_contender_stands_first_and_each_at_its_ratio() -> None:
    rows = shown(charts.ratios.show(MEASURED, "A title"))["datasets"]["ratios"]
    assert [(row["contender"], row["ratio"]) for row in rows] == [
        ("naive", 0.57),
        ("by hand", 1.0),
        ("groundup", 1.041),
        ("torch", 12.345),
    ]


def test_the_contender_that_is_ours_alone_has_another_colour() -> None:
    specification = shown(charts.ratios.show(MEASURED, "A title", ours="torch"))
    rows = specification["datasets"]["ratios"]
    assert [row["contender"] for row in rows if row["ours"]] == ["torch"]
    for layer in layers_of(specification, "ratios"):
        color = layer["encoding"]["color"]
        assert color["condition"]["test"] == "datum.ours"
        assert color["condition"]["value"] != color["value"]


def test_a_line_leads_from_the_reference_to_each_point_and_a_label_says_its_ratio() -> None:
    specification = shown(charts.ratios.show(MEASURED, "A title"))
    assert marks(specification, "ratios") == ["rule", "point", "text"]
    assert {row["reference"] for row in specification["datasets"]["ratios"]} == {1}
    labels = [row["label"] for row in specification["datasets"]["ratios"]]
    assert labels == ["0.57 ×", "1.00 ×", "1.04 ×", "12 ×"]


def test_the_description_names_every_contender_with_its_ratio() -> None:
    description = shown(charts.ratios.show(MEASURED, "A title"))["description"]
    assert description == (
        "A title: naive 0.57 ×, by hand 1.00 ×, groundup 1.04 ×, torch 12 ×."
    )


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.573, "0.57 ×"), (9.994, "9.99 ×"), (10.5, "10 ×"), (1234.5, "1,234 ×")],
)
def test_a_ratio_has_hundredths_only_where_they_count(ratio: float, words: str) -> None:
    assert charts.times(ratio) == words
