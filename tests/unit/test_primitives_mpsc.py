"""The MPSC ring with many producers: owner entries, the one reader, and claims whose owner dies."""

import mmap
import os
import signal
import threading

import pytest

from share.errors import CorruptDataError, ShareClosedError, ShareError, ShareTimeoutError
from share.primitives import MPSCRing, SPSCRing


def shared(cells: int, producers: int = 64) -> mmap.mmap:
    return mmap.mmap(-1, MPSCRing.size_for(cells, producers))


def in_child(function: object) -> int:
    """Forks, runs the function in the child, which then waits to be killed; returns once it has run."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            function()  # type: ignore[operator]
            os.write(write, b"y")
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read(1) == b"y"
    return child


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("reading", ["get", "get_many", "try_get"])
def test_the_claim_of_a_killed_producer_is_stepped_over(reading: str) -> None:
    ring = MPSCRing(shared(64), 64, create=True)
    held = []
    child = in_child(lambda: held.append(ring.claim(100)))
    ring.put(b"behind")
    assert ring.try_get() is None  # the claimer lives: its record may still come
    kill(child)
    if reading == "get":
        assert ring.get(timeout=60) == b"behind"
    elif reading == "get_many":
        assert ring.get_many(timeout=60) == [b"behind"]
    else:
        while (record := ring.try_get()) is None:
            os.sched_yield()
        assert record == b"behind"
    assert ring.head == ring.tail


def test_the_claim_of_a_stopped_producer_is_waited_for() -> None:
    ring = MPSCRing(shared(64), 64, create=True)
    claims = []
    child = in_child(lambda: claims.append(ring.claim(1)))
    os.kill(child, signal.SIGSTOP)
    os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOWAIT)
    ring.put(b"behind")
    with pytest.raises(ShareTimeoutError):
        ring.get(timeout=0.1)
    kill(child)
    assert ring.get(timeout=60) == b"behind"


def test_a_waiting_reader_notices_the_death_by_itself() -> None:
    ring = MPSCRing(shared(64), 64, create=True)
    claims = []
    child = in_child(lambda: claims.append(ring.claim(1)))
    ring.put(b"behind")
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(ring.get(timeout=60)))
    thread.start()
    kill(child)
    thread.join()
    assert received == [b"behind"]


def test_entries_of_the_dead_are_used_again() -> None:
    ring = MPSCRing(shared(64, producers=1), 64, create=True, producers=1)
    for i in range(5):
        kill(in_child(lambda i=i: ring.put(b"%d" % i)))
        assert ring.get(timeout=60) == b"%d" % i


def test_an_entry_is_not_used_again_while_a_claim_of_the_dead_is_in_the_ring() -> None:
    ring = MPSCRing(shared(64, producers=1), 64, create=True, producers=1)
    claims = []
    kill(in_child(lambda: claims.append(ring.claim(1))))
    # Taking over the entry now would make the claim one of this living process, for ever unfinished.
    assert not ring.try_put(b"x")
    assert ring.try_get() is None
    while not ring.try_put(b"x"):
        ring.try_get()
    assert ring.get(timeout=60) == b"x"


def test_a_put_that_waits_for_an_entry_goes_on_once_the_reader_is_past_the_dead() -> None:
    ring = MPSCRing(shared(64, producers=1), 64, create=True, producers=1)
    kill(in_child(lambda: ring.put(b"dead")))
    thread = threading.Thread(target=ring.put, args=(b"living", 60))
    thread.start()
    assert [ring.get(timeout=60), ring.get(timeout=60)] == [b"dead", b"living"]
    thread.join()


def test_a_put_that_waits_for_an_entry_is_told_that_the_ring_is_closed() -> None:
    ring = MPSCRing(shared(64, producers=1), 64, create=True, producers=1)
    kill(in_child(lambda: ring.put(b"dead")))
    waiting = os.fork()
    if waiting == 0:
        os._exit(7 if closed_for(ring) else 8)
    ring.close()
    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == 7
    assert ring.get(timeout=60) == b"dead"


def closed_for(ring: MPSCRing) -> bool:
    signal.alarm(100)  # a wait that has no end ends the process
    try:
        ring.put(b"living", 60)
    except ShareClosedError:
        return True
    return False


def test_too_many_living_producers_are_refused_and_detaching_makes_room() -> None:
    memory = shared(64, producers=2)
    rings = [MPSCRing(memory, 64, create=True, producers=2), MPSCRing(memory), MPSCRing(memory)]
    rings[0].put(b"0")
    rings[1].put(b"1")
    with pytest.raises(ShareError, match="all 2 producer entries"):
        rings[2].put(b"2")
    rings[0].detach()
    rings[2].put(b"2")
    assert rings[1].get_many() == [b"0", b"1", b"2"]


def test_a_dropped_ring_gives_its_entry_back() -> None:
    memory = shared(64, producers=1)
    MPSCRing(memory, 64, create=True, producers=1).put(b"0")
    MPSCRing(memory).put(b"1")
    assert MPSCRing(memory).get_many() == [b"0", b"1"]


def test_a_forked_child_takes_an_entry_of_its_own() -> None:
    ring = MPSCRing(shared(64, producers=2), 64, create=True, producers=2)
    ring.put(b"parent")
    child = os.fork()
    if child == 0:
        ring.put(b"child")
        os._exit(0)
    os.waitpid(child, 0)
    ring.put(b"parent again")
    assert ring.get_many() == [b"parent", b"child", b"parent again"]


@pytest.mark.parametrize("kind", [MPSCRing, SPSCRing])
def test_there_is_one_reader_at_a_time(kind: type[MPSCRing] | type[SPSCRing]) -> None:
    ring = kind(mmap.mmap(-1, kind.size_for(1024)), 1024, create=True)
    ring.put_many([b"1", b"2", b"3"])
    got: list[bytes] = []
    child = in_child(lambda: got.append(ring.get()))
    with pytest.raises(ShareError, match=f"process {child} reads"):
        ring.try_get()
    kill(child)
    # In the middle of a claim of many: what the dead reader took is taken, the rest is still there.
    assert ring.get_many() == [b"2", b"3"]


def test_an_spsc_ring_has_one_writer_at_a_time() -> None:
    ring = SPSCRing(mmap.mmap(-1, SPSCRing.size_for(1024)), 1024, create=True)
    claims = []
    child = in_child(lambda: claims.append(ring.claim(100)))
    with pytest.raises(ShareError, match=f"process {child} writes"):
        ring.put(b"x")
    kill(child)
    ring.put(b"x")
    assert ring.get() == b"x"
    with ring.claim(1) as claim, pytest.raises(ShareError, match="another claim"):
        ring.put(b"y")
    assert len(claim) == 1


def test_damaged_stamps_and_records_are_reported_and_never_crash() -> None:
    for value in (0x7, 0xFFFFFFFFFFFFFFFF, 0x2, 0x1, 0x3, 5 << 15 | 2, 200 << 15 | 2):
        for at in range(0, 1024, 8):
            memory = bytearray(MPSCRing.size_for(64))
            ring = MPSCRing(memory, 64, create=True)
            ring.put_many([b"a" * 30, b"b" * 30])
            memory[512 + at : 520 + at] = value.to_bytes(8, "little")
            for attempt in (
                lambda ring=ring: ring.put(b"x", timeout=0),
                ring.try_get,
                ring.try_get,
                ring.close,
            ):
                try:
                    attempt()
                except (ShareError, ValueError):
                    pass


def test_a_damaged_record_is_skipped_with_an_error() -> None:
    memory = bytearray(MPSCRing.size_for(64))
    ring = MPSCRing(memory, 64, create=True)
    ring.put(b"to be damaged")
    ring.put(b"good")
    at = memory.index(b"to be damaged") - 8
    memory[at : at + 4] = (1 << 20).to_bytes(4, "little")
    with pytest.raises(CorruptDataError, match="skipped"):
        ring.get()
    assert ring.get() == b"good"
