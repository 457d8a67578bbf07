"""One thread of torch a process, and what every docstring's example may use."""

import os
from typing import Any

import pytest

# Before torch is imported. Its tensors are small here, and the tests' processes run beside
# one another, those that they start included.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import groundup


@pytest.fixture(scope="session", autouse=True)
def names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    """Give the package's public names, and torch."""
    doctest_namespace["torch"] = torch
    doctest_namespace |= {name: getattr(groundup, name) for name in groundup.__all__}
