"""Engines for tests, which end with them."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "state"))

from backends import BACKENDS, Backend

numbers = itertools.count()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Backend]]:
    """Servers that several tests use, one after the other."""
    found: dict[str, Backend] = {
        name: cls(tmp_path_factory.mktemp("kept")) for name, cls in BACKENDS.items() if cls.is_kept
    }
    yield found
    for each in found.values():
        each.close()


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path, kept: dict[str, Backend]) -> Iterator[Backend]:
    made = kept.get(request.param)
    if made is None:
        made = BACKENDS[request.param](tmp_path)
    else:
        made.share = f"shop{next(numbers)}"
    try:
        made.start()
        yield made
    finally:
        made.release()
        if request.param not in kept:
            made.close()
