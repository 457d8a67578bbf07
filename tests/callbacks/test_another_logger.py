"""The documentation's callback for another logger, as a reader would copy it."""

import re
from pathlib import Path
from typing import Any

import groundup
from tests.callbacks.runs import scripted

PAGE = Path(groundup.__file__).parents[1] / "blog" / "pages" / "api.md"


class Writer:
    """What is asked of torch's `SummaryWriter`: its names, in its order."""

    def __init__(self) -> None:
        self.written: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self.written.append((tag, scalar_value, global_step))


def example() -> str:
    """The one listing of the page."""
    (listing,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    return str(listing)


def written(**options: Any) -> tuple[groundup.TrainerResult, list[tuple[str, float, int]]]:
    names: dict[str, Any] = {}
    exec(compile(example(), str(PAGE), "exec"), names)
    writer = Writer()
    trainer = scripted([3.0, 1.0], names["ToTensorBoard"](writer), **options)
    return trainer.train(), writer.written


def test_a_logger_gets_the_numbers_of_each_epoch() -> None:
    result, numbers = written()
    first, second = result.train_losses
    assert numbers == [
        ("train loss", first, 1),
        ("validation loss", 3.0, 1),
        ("score", 3.0, 1),
        ("train loss", second, 2),
        ("validation loss", 1.0, 2),
        ("score", 1.0, 2),
    ]


def test_what_is_not_measured_is_not_logged() -> None:
    _, numbers = written(val_loader=None, metrics=None)
    assert [name for name, *_ in numbers] == ["train loss"] * 2


def test_it_takes_ten_lines() -> None:
    lines = [line for line in example().splitlines() if line.strip()]
    of_the_class = lines[lines.index("class ToTensorBoard(Callback):") :]
    assert len(of_the_class) <= 10
