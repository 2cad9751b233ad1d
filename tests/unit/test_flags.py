"""Flags: up while raised beyond the commit position, lowered by it alone, waited for as they were at the start."""

import mmap
import os
import threading
from typing import Any

import pytest

from share.errors import SegmentError, ShareClosedError, ShareTimeoutError
from share.primitives import FlagArray


def make(n: int = 8) -> FlagArray:
    return FlagArray(mmap.mmap(-1, FlagArray.size_for(n)), n, create=True)


def test_flags_begin_down() -> None:
    flags = make()
    assert len(flags) == 8
    assert not any(flags.is_up(i) for i in range(8))
    assert flags.wait_until_down(*range(8)) == 0


def test_a_flag_is_up_until_the_commit_position_reaches_it() -> None:
    flags = make()
    flags.raise_to(2, 5)
    assert [flags.is_up(i) for i in range(4)] == [False, False, True, False]
    flags.commit_to(4)
    assert flags.is_up(2)
    flags.commit_to(5)
    assert not flags.is_up(2)


def test_a_commit_position_kept_elsewhere_can_be_given() -> None:
    flags = make()
    flags.raise_to(0, 5)
    assert flags.is_up(0, 4)
    assert not flags.is_up(0, commit=5)


def test_raising_never_lowers() -> None:
    flags = make()
    flags.raise_to(0, 9)
    flags.raise_to(0, 3)
    assert flags[0] == 9


def test_concurrent_raises_keep_the_highest() -> None:
    flags = make(1)
    children = []
    for first in range(4):
        child = os.fork()
        if child == 0:
            for position in range(first, 40_000, 4):
                flags.raise_to(0, position)
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert flags[0] == 39_999


def test_the_commit_position_never_goes_back() -> None:
    flags = make()
    flags.commit_to(7)
    with pytest.raises(ValueError, match="never goes back"):
        flags.commit_to(6)
    assert flags.commit == 7


def test_a_wait_ends_with_the_commit_that_reaches_the_highest_of_its_flags() -> None:
    flags = make()
    flags.raise_to(0, 3)
    flags.raise_to(1, 5)
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(flags.wait_until_down(0, 1, timeout=60)))
    thread.start()
    flags.commit_to(4)
    assert thread.is_alive()
    flags.commit_to(5)
    thread.join()
    assert seen == [5]


def test_a_wait_ends_at_its_time_out() -> None:
    flags = make()
    flags.raise_to(0, 3)
    with pytest.raises(ShareTimeoutError, match="still up"):
        flags.wait_until_down(0, timeout=0.02)


def test_another_process_sees_and_lowers_the_flags() -> None:
    memory = mmap.mmap(-1, FlagArray.size_for(4))
    flags = FlagArray(memory, 4, create=True)
    flags.raise_to(3, 10)
    child = os.fork()
    if child == 0:
        other = FlagArray(memory)
        if other.is_up(3):
            other.commit_to(10)
            os._exit(0)
        os._exit(1)
    assert flags.wait_until_down(3, timeout=60) == 10
    assert os.waitpid(child, 0)[1] == 0


def test_bad_input_is_answered_clearly() -> None:
    flags: Any = make()
    for attempt, error, text in (
        (lambda: flags.raise_to("0", 1), TypeError, "index is an int"),
        (lambda: flags.raise_to(0, 1.5), TypeError, "position is an int"),
        (lambda: flags.raise_to(0, -1), ValueError, "position"),
        (lambda: flags.raise_to(0, 1 << 63), ValueError, "position"),
        (lambda: flags.raise_to(8, 1), IndexError, "there are 8"),
        (lambda: flags[-1], IndexError, "there are 8"),
        (lambda: FlagArray(bytearray(1024), create=True), TypeError, "number of flags"),
        (lambda: FlagArray(bytearray(1024), 0, create=True), ValueError, "between"),
        (lambda: FlagArray(bytearray(392), 2, create=True), SegmentError, "400 are needed"),
        (lambda: FlagArray(bytearray(1024)), SegmentError, "empty"),
        (lambda: FlagArray(bytearray(8)), SegmentError, "only 8 bytes"),
        (lambda: flags.wait_until_down(0, timeout="x"), TypeError, "timeout"),
    ):
        with pytest.raises(error, match=text):
            attempt()
    flags.detach()
    with pytest.raises(ShareClosedError, match="detached"):
        flags.is_up(0)
