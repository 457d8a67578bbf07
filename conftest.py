"""What every docstring's example may use without importing it."""

from typing import Any

import pytest
import torch

import groundup


@pytest.fixture(scope="session", autouse=True)
def names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    """Give the package's public names, and torch."""
    doctest_namespace["torch"] = torch
    doctest_namespace |= {name: getattr(groundup, name) for name in groundup.__all__}
