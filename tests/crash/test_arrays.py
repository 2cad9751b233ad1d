"""Coordinators that are killed while they bring the block of a large array up to date."""

import os

import numpy as np
import pytest

from share import Share

pytestmark = pytest.mark.testpoints


@pytest.mark.parametrize("nth", [1, 2, 9])
@pytest.mark.parametrize("point", ["heap.renewed", "store.array_copied"])
def test_nothing_is_lost_of_an_array(point: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARE_TESTPOINT", f"{point}:kill:{nth}")
    with Share() as share:
        monkeypatch.delenv("SHARE_TESTPOINT")  # successors live
        first = share.health().coordinator
        twin = np.zeros(100_000)
        share.a = twin
        for i in range(15):
            share.a[i * 1000] += i + 1
            twin[i * 1000] += i + 1
            assert np.array_equal(share.a, twin)
            share.a[::7000] = twin[::7000] = i
            held = share.a
            assert np.array_equal(held, twin)
        assert share.health().coordinator != first
        assert os.environ.get("SHARE_TESTPOINT") is None
        assert share.errors == []
