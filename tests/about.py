"""What a test is about."""

import re

import pytest

from chapters import found

OWN = re.compile(r"test_(\d\d)_")
"""How the name of a file begins whose tests are all about one chapter."""

PAGES = {page: n for n, c in found().items() for page in (c.slug, f"{c.slug}.html")}
"""A page's name, with and without its ending → its chapter's number."""


def chapter_of(item: pytest.Item) -> int | None:
    """The number of the chapter that a test is about, if there is one.

    Its file's name says so, or what it is parametrised by: the chapter, or its page.
    """
    if own := OWN.match(item.path.name):
        return int(own[1])
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if "chapter" in given:
        number: int = given["chapter"]
        return number
    return next(
        (PAGES[v] for v in given.values() if isinstance(v, str) and v in PAGES), None
    )
