"""Slots as a primitive of its own: versions, commits, take-over, bad input, readers against a writer."""

import multiprocessing
import struct
import threading
from multiprocessing import shared_memory

import pytest

from share.errors import SegmentError, ShareClosedError, ShareTimeoutError
from share.primitives import Slots


def make(n: int = 4) -> Slots:
    return Slots(bytearray(Slots.size_for(n)), n, create=True)


def test_nothing_shows_before_the_commit_and_all_of_it_after() -> None:
    slots = make()
    slots.publish(0, b"a")
    slots.publish(3, b"b" * 40)
    assert slots.snapshot(0, 3) == (0, [None, None])
    assert slots.commit() == 1
    assert slots.snapshot(0, 3) == (1, [b"a", b"b" * 40])


def test_the_last_of_two_publications_in_one_commit_counts_and_readers_never_lose_the_committed_one() -> None:
    slots = make()
    slots.publish(0, b"old")
    slots.commit()
    slots.publish(0, b"new")
    slots.publish(0, b"newer")
    assert slots.read(0) == b"old"
    slots.commit()
    assert slots.read(0) == b"newer"


def test_none_empties_a_slot() -> None:
    slots = make()
    slots.publish(1, b"x")
    slots.commit()
    slots.publish(1, None)
    slots.commit()
    assert slots.read(1) is None


def test_take_over_drops_what_was_not_committed() -> None:
    buffer = bytearray(Slots.size_for(1))
    first = Slots(buffer, 1, create=True)
    first.publish(0, b"kept")
    first.commit()
    first.publish(0, b"lost")
    first.detach()
    second = Slots(buffer)
    second.take_over()
    second.commit()
    assert second.read(0) == b"kept"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.read(4), IndexError),
        (lambda s: s.read(-1), IndexError),
        (lambda s: s.read("0"), TypeError),
        (lambda s: s.read(True), TypeError),
        (lambda s: s.publish(0, b"x" * 41), ValueError),
        (lambda s: s.publish(0, 1), TypeError),
        (lambda s: s.wait_for(-1), ValueError),
        (lambda s: s.wait_for(1, timeout=0), ShareTimeoutError),
        (lambda s: s.__reduce__(), TypeError),
    ],
)
def test_bad_input(call, error) -> None:
    slots = make()
    with pytest.raises(error):
        call(slots)
    assert slots.snapshot(0, 1, 2, 3) == (0, [None] * 4)


def test_bad_memory() -> None:
    with pytest.raises(SegmentError, match="needed"):
        Slots(bytearray(64), 1, create=True)
    with pytest.raises(SegmentError, match="empty"):
        Slots(bytearray(1024))
    with pytest.raises(SegmentError, match="something else"):
        Slots(bytearray(b"x" * 1024))
    with pytest.raises(TypeError):
        Slots(b"read only", 1, create=True)
    buffer = bytearray(Slots.size_for(2))
    Slots(buffer, 2, create=True)
    with pytest.raises(SegmentError, match="2 slots"):
        Slots(buffer, 3)


def test_use_after_detach() -> None:
    slots = make()
    slots.detach()
    for call in (lambda: slots.read(0), slots.commit, lambda: slots.publish(0, b""), lambda: slots.position):
        with pytest.raises(ShareClosedError):
            call()


def test_wait_for_is_woken_by_the_commit() -> None:
    slots = make()
    seen: list[int] = []
    waiter = threading.Thread(target=lambda: seen.append(slots.wait_for(1)))
    waiter.start()
    slots.commit()
    waiter.join()
    assert seen == [1]


def _write(name: str, commits: int) -> None:
    memory = shared_memory.SharedMemory(name)
    slots = Slots(memory.buf)
    for number in range(1, commits + 1):
        word = struct.pack("<QQQQQ", number, number, number, number, number)
        for index in range(len(slots)):
            slots.publish(index, word)
        slots.commit()
    slots.detach()
    memory.close()


def test_a_reader_never_sees_a_torn_slot_or_two_positions_in_one_snapshot() -> None:
    memory = shared_memory.SharedMemory(create=True, size=Slots.size_for(3))
    try:
        slots = Slots(memory.buf, 3, create=True)
        writer = multiprocessing.get_context("fork").Process(target=_write, args=(memory.name, 30_000))
        writer.start()
        last = reads = 0
        while last < 30_000:
            position, values = slots.snapshot(0, 1, 2)
            numbers = {n for value in values if value is not None for n in struct.unpack("<QQQQQ", value)}
            assert numbers == ({position} if position else set())
            assert position >= last
            last = position
            reads += 1
        writer.join()
        assert writer.exitcode == 0
        assert reads > 100
        slots.detach()
    finally:
        memory.close()
        memory.unlink()


@pytest.mark.parametrize("damage", [b"\xff" * 8, b"\0" * 7 + b"\x7f"])
def test_a_slot_without_a_whole_version_is_reported(damage: bytes) -> None:
    """No reader waits for ever for the next version of what has none."""
    memory = bytearray(Slots.size_for(2))
    slots = Slots(memory, 2, create=True)
    slots.publish(1, b"value")
    slots.commit()
    memory[-128:] = damage * 16
    with pytest.raises(SegmentError, match="slot 1"):
        slots.read(1)
    assert slots.read(0) is None
