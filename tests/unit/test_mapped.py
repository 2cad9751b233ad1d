"""A control segment is mapped only where there is one: nobody reads past the end of what is too short for it."""

import os

import pytest

from share._control import Control
from share._segment import Segment, unlink
from share.errors import SegmentError


@pytest.mark.parametrize("cells", [0, 63, 64, 96, 1 << 17, 1 << 18, (1 << 64) - 1])
def test_what_is_too_short_for_its_ring_is_refused(cells: int) -> None:
    name = f"share_{int.from_bytes(os.urandom(8), 'little'):016x}"
    segment = Segment.create(name, 4096)
    try:
        for kind in Control.__mro__[:-1]:
            with pytest.raises(SegmentError, match="is damaged"):
                kind(segment, cells)
    finally:
        unlink(name)


def test_it_needs_a_segment() -> None:
    for kind in Control.__mro__[:-1]:
        with pytest.raises(TypeError):
            kind()
        with pytest.raises(TypeError):
            kind(None, 64)
