"""Every example in the pages and docstrings of the primitives runs and says what it shows."""

import doctest
from pathlib import Path

import pytest

from share import _flags, _process, _wait
from share.primitives import _mpsc, _slotarray, _spsc, _waitword

PAGES = Path(__file__).parents[2] / "docs" / "primitives"


@pytest.mark.parametrize("module", [_flags, _process, _wait, _mpsc, _slotarray, _spsc, _waitword])
def test_docstrings(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    "page", ["mpsc_ring.md", "spsc_ring.md", "flag_array.md", "slots.md", "wait_word.md"]
)
def test_pages(page: str) -> None:
    result = doctest.testfile(str(PAGES / page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
