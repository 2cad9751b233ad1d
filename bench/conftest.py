"""Lets the benchmarks import one another, and starts what they compare."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture(scope="session")
def names():
    from bench.cases import setting

    with setting() as names:
        yield names
