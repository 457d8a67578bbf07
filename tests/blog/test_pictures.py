"""Pictures for readers without scripts, and the cards beside shared links."""

import re
from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup, Tag

from blog.pictures import SIZE, card_drawing, picture
from tests.charts.examples import chart

EXPLORERS = {
    "explorer": ["this learning rate", "others", "b"],
    "batch sizes": ["this batch size", "others", "least loss"],
    "memorising": ["training", "validation", "noise", "validation, with other features"],
}
"""A chart whose picture is a card, too → what its lines are called."""

each_explorer = pytest.mark.parametrize("name", EXPLORERS)


def words(svg: str) -> Iterator[Tag]:
    """What is written in a drawing."""
    for text in BeautifulSoup(svg, "html.parser").find_all("text"):
        if text.get_text().strip():
            yield text


def lightness(color: str) -> float:
    """Its relative luminance, as WCAG 2 has it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@each_explorer
def test_a_picture_has_the_charts_own_title(name: str) -> None:
    soup = BeautifulSoup(picture(chart(name).complete).svg, "html.parser")
    title = soup.select_one(".role-title-text")
    assert title is not None
    assert re.search(r"\d", title.get_text()), "it speaks of what is drawn"


@each_explorer
def test_the_words_of_a_picture_are_readable_on_white(name: str) -> None:
    for text in words(picture(chart(name).complete).svg):
        color = str(text["fill"]).replace("#000", "#000000")[:7]
        assert 1.05 / (lightness(color) + 0.05) >= 4.5, text


@each_explorer
def test_a_cards_lines_are_labelled_in_letters_that_are_large_enough(name: str) -> None:
    svg = card_drawing(chart(name).complete, "1 · A heading", "Is this a question?")
    shown = {text.get_text(): text for text in words(svg)}
    assert {"1 · A heading", "Is this a question?", *EXPLORERS[name]} <= shown.keys()
    size = SIZE.search(svg)
    box = re.search(r'viewBox="0 0 (\d+) ', svg)
    assert size is not None
    assert box is not None
    for label in EXPLORERS[name]:
        pixels = float(str(shown[label]["font-size"])[:-2]) * float(size[1]) / int(box[1])
        assert pixels >= 16, label
