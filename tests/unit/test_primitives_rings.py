"""What both rings promise: order, sizes, claims, closing, time-outs, and clear answers to bad input."""

import gc
import os
import pickle
import random
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from share.errors import (
    CorruptDataError,
    RecordTooLargeError,
    SegmentError,
    ShareClosedError,
    ShareError,
    ShareTimeoutError,
)
from share.primitives import MPSCRing, SPSCRing

Ring = MPSCRing | SPSCRing
Make = Callable[..., Ring]


def make_mpsc(cells: int = 16) -> Ring:
    return MPSCRing(bytearray(MPSCRing.size_for(cells)), cells, create=True)


def make_spsc(cells: int = 16) -> Ring:
    return SPSCRing(bytearray(SPSCRing.size_for(64 * cells)), 64 * cells, create=True)


@pytest.fixture(params=[make_mpsc, make_spsc], ids=["mpsc", "spsc"])
def make(request: pytest.FixtureRequest) -> Make:
    function: Make = request.param
    return function


@pytest.fixture
def ring(make: Make) -> Ring:
    return make()


def fill(ring: Ring) -> int:
    count = 0
    while ring.try_put(b"%d" % count):
        count += 1
    return count


# ---- records --------------------------------------------------------------------------------------------------


def test_records_arrive_as_they_were_in_the_order_they_were_put(ring: Ring) -> None:
    records = [b"", b"a", bytes(7), b"12345678", b"x" * 55, b"y" * 57]
    for record in records:
        ring.put(record)
    assert [ring.get() for _ in records] == records
    assert ring.try_get() is None


def test_any_contiguous_buffer_is_a_record(ring: Ring) -> None:
    ring.put(bytearray(b"abc"))
    ring.put(memoryview(b"abcdef")[2:4])
    assert ring.put_many([bytearray(b"1"), memoryview(b"2")]) == 2
    assert ring.get_many() == [b"abc", b"cd", b"1", b"2"]


def test_a_model_of_random_operations_agrees(make: Make) -> None:
    random_ = random.Random(7)
    ring = make(32)
    model: deque[bytes] = deque()
    for _ in range(20_000):
        match random_.randrange(6):
            case 0 | 1:
                record = random_.randbytes(random_.randrange(ring.largest // 3))
                if ring.try_put(record):
                    model.append(record)
                else:
                    assert model
            case 2:
                batch = [random_.randbytes(random_.randrange(40)) for _ in range(random_.randrange(9))]
                try:
                    model.extend(batch[: ring.put_many(batch, timeout=0)])
                except ShareTimeoutError:
                    assert model
            case 3:
                claim = ring.try_claim(random_.randrange(200))
                if claim is not None:
                    if random_.random() < 0.5:
                        claim.write(b"\x05" * len(claim))
                        claim.commit()
                        model.append(b"\x05" * len(claim))
                    else:
                        claim.abort()
            case 4:
                assert ring.try_get() == (model.popleft() if model else None)
            case 5:
                limit = random_.randrange(1, 6)
                expected = [model.popleft() for _ in range(min(limit, len(model)))]
                if expected:
                    assert ring.get_many(limit) == expected
    assert [ring.try_get() for _ in range(len(model))] == list(model)


def test_the_longest_record_fits_at_every_offset_and_a_longer_one_is_refused(make: Make) -> None:
    ring = make()
    longest = os.urandom(ring.largest)
    for _ in range(40):
        ring.put(longest, timeout=10)
        assert ring.get() == longest
        ring.put(b"x", timeout=10)  # moves the place where the next one begins
        assert ring.get() == b"x"
    for attempt in (
        ring.put,
        ring.try_put,
        lambda data: ring.put_many([b"", data]),
        lambda data: ring.claim(len(data)),
    ):
        with pytest.raises(RecordTooLargeError, match=f"at most {ring.largest}"):
            attempt(longest + b"!")
    assert ring.try_get() is None


def test_a_full_ring_takes_nothing_and_after_a_get_it_does_again(ring: Ring) -> None:
    count = fill(ring)
    assert count > 3
    assert ring.try_claim(1) is None
    for _ in range(3):
        assert ring.get() is not None
    assert ring.try_put(b"again")
    assert ring.get_many()[-1] == b"again"


def test_put_many_says_how_many_it_could_queue(ring: Ring) -> None:
    records = [b"%d" % i for i in range(1000)]
    done = ring.put_many(records, timeout=0)
    assert 0 < done < 1000
    while ring.try_put(b"to the brim"):
        pass
    with pytest.raises(ShareTimeoutError):
        ring.put_many(records[done:], timeout=0)
    received = ring.get_many()
    assert received[:done] == records[:done]
    assert set(received[done:]) <= {b"to the brim"}


def test_nothing_of_a_bad_batch_is_queued(ring: Ring) -> None:
    with pytest.raises(TypeError, match="encode it first"):
        ring.put_many([b"good", "bad"])  # type: ignore[list-item]
    assert ring.try_get() is None


def test_put_many_of_nothing_does_nothing(ring: Ring) -> None:
    assert ring.put_many([]) == 0
    assert ring.try_get() is None


def test_get_many_takes_at_most_the_limit(ring: Ring) -> None:
    ring.put_many([b"1", b"2", b"3", b"4"])
    assert ring.get_many(3) == [b"1", b"2", b"3"]
    assert ring.get_many(3) == [b"4"]


# ---- claims ---------------------------------------------------------------------------------------------------


def test_a_claim_is_written_in_place_and_sent_by_commit(ring: Ring) -> None:
    claim = ring.claim(8)
    assert len(claim) == 8
    assert ring.try_get() is None
    with memoryview(claim) as view:
        view[:4] = b"abcd"
    claim.write(b"efgh", 4)
    claim.commit()
    assert ring.get() == b"abcdefgh"


def test_a_claim_as_a_context_commits_or_if_it_raises_aborts(ring: Ring) -> None:
    with ring.claim(2) as claim:
        claim.write(b"ok")
    with pytest.raises(ZeroDivisionError), ring.claim(2) as claim:
        claim.write(b"%d" % (1 // 0))
    ring.put(b"after")
    assert ring.get_many() == [b"ok", b"after"]


def test_a_forgotten_claim_is_aborted(ring: Ring) -> None:
    claim = ring.claim(10)
    del claim
    gc.collect()
    ring.put(b"after")
    assert ring.get(timeout=10) == b"after"


def test_a_finished_claim_refuses_everything(ring: Ring) -> None:
    claim = ring.claim(4)
    claim.write(b"1234")
    claim.commit()
    for attempt in (claim.commit, claim.abort, lambda: claim.write(b"x"), lambda: memoryview(claim)):
        with pytest.raises(ShareClosedError, match="committed or aborted"):
            attempt()
    assert ring.get() == b"1234"


def test_a_claim_with_a_live_view_is_not_sent_before_the_view_is_released(ring: Ring) -> None:
    claim = ring.claim(4)
    view = memoryview(claim)
    with pytest.raises(BufferError, match="memoryviews"):
        claim.commit()
    view[:] = b"1234"
    view.release()
    claim.commit()
    assert ring.get() == b"1234"


def test_writing_beside_a_claim_is_refused(ring: Ring) -> None:
    with ring.claim(4) as claim:
        for data, at in ((b"12345", 0), (b"1", 4), (b"1", -1)):
            with pytest.raises(ValueError, match="do not fit"):
                claim.write(data, at)
        claim.write(b"good")


def test_a_ring_with_an_open_claim_cannot_be_detached(ring: Ring) -> None:
    claim = ring.claim(1)
    with pytest.raises(BufferError, match="in use"):
        ring.detach()
    claim.abort()
    ring.detach()
    assert ring.detached


def test_a_forked_child_can_detach_whatever_its_parent_was_doing(ring: Ring) -> None:
    claim = ring.claim(1)
    child = os.fork()
    if child == 0:
        ring.detach()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(BufferError):
        ring.detach()
    claim.abort()


def test_a_claim_cannot_be_finished_by_a_forked_child(ring: Ring) -> None:
    claim = ring.claim(4)
    claim.write(b"mine")
    child = os.fork()
    if child == 0:
        try:
            claim.commit()
        except ShareError:
            del claim  # nor does the child's copy abort it
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    claim.commit()
    assert ring.get() == b"mine"


# ---- waiting --------------------------------------------------------------------------------------------------


def test_put_and_claim_end_at_the_time_out_when_there_is_no_room(ring: Ring) -> None:
    fill(ring)
    for attempt in (lambda: ring.put(b"x", timeout=0.02), lambda: ring.claim(1, timeout=0.02)):
        with pytest.raises(ShareTimeoutError, match="no room"):
            attempt()


def test_get_ends_at_the_time_out_when_there_is_nothing(ring: Ring) -> None:
    for attempt in (lambda: ring.get(timeout=0.02), lambda: ring.get_many(timeout=0)):
        with pytest.raises(TimeoutError, match="no record"):
            attempt()


def test_a_waiting_get_is_woken_by_a_put(ring: Ring) -> None:
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(ring.get(timeout=60)))
    thread.start()
    ring.put(b"x")
    thread.join()
    assert received == [b"x"]


def test_a_waiting_put_is_woken_by_a_get(ring: Ring) -> None:
    count = fill(ring)
    thread = threading.Thread(target=ring.put, args=(b"last", 60))
    thread.start()
    received = [ring.get(timeout=60) for _ in range(count + 1)]
    thread.join()
    assert received == [b"%d" % i for i in range(count)] + [b"last"]


def test_a_waiting_get_is_ended_by_close(ring: Ring) -> None:
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(ShareClosedError):
            ring.get()
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    ring.close()
    thread.join()
    assert ended.is_set()


def test_a_waiting_put_is_ended_by_close(ring: Ring) -> None:
    fill(ring)
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(ShareClosedError):
            ring.put(b"x")
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    ring.close()
    thread.join()
    assert ended.is_set()


# ---- closing --------------------------------------------------------------------------------------------------


def test_what_was_put_before_close_still_arrives(ring: Ring) -> None:
    ring.put_many([b"1", b"2"])
    assert not ring.closed
    assert ring.close()
    assert ring.closed
    assert not ring.close()
    for attempt in (
        lambda: ring.put(b"x"),
        lambda: ring.try_put(b"x"),
        lambda: ring.put_many([b"x"]),
        lambda: ring.claim(1),
    ):
        with pytest.raises(ShareClosedError, match="closed"):
            attempt()
    assert list(ring) == [b"1", b"2"]
    with pytest.raises(ConnectionError, match="closed and empty"):
        ring.get()


def test_a_full_ring_can_be_closed(ring: Ring) -> None:
    count = fill(ring)
    assert ring.close()
    assert len(list(ring)) == count


def test_a_detached_ring_refuses_everything(make: Make) -> None:
    with make() as ring:
        ring.put(b"x")
    for attempt in (
        lambda: ring.put(b"x"),
        lambda: ring.try_put(b"x"),
        lambda: ring.put_many([b"x"]),
        lambda: ring.claim(1),
        ring.get,
        ring.try_get,
        ring.get_many,
        ring.close,
        lambda: ring.closed,
        ring.__enter__,
    ):
        with pytest.raises(ShareClosedError, match="detached"):
            attempt()
    ring.detach()


# ---- attaching ------------------------------------------------------------------------------------------------


def test_a_second_object_over_the_memory_is_the_same_ring(make: Make) -> None:
    ring = make()
    kind = type(ring)
    memory = bytearray(4096 + kind.size_for(4096))
    first = kind(memory, 1024, create=True)
    second = kind(memory)
    first.put(b"through")
    assert second.get() == b"through"


def damage(memory: bytearray, at: int, value: int) -> bytearray:
    memory = bytearray(memory)
    memory[at : at + 8] = value.to_bytes(8, "little")
    return memory


def test_memory_that_holds_no_such_ring_is_refused(make: Make) -> None:
    kind = type(make())
    good = bytearray(kind.size_for(1024))
    kind(good, 1024, create=True).detach()
    other = bytearray(MPSCRing.size_for(1024) if kind is SPSCRing else SPSCRing.size_for(1024))
    (MPSCRing if kind is SPSCRing else SPSCRing)(other, 1024, create=True).detach()
    cases = [
        (bytearray(64), "only 64 bytes"),
        (bytearray(len(good)), "memory is empty"),
        (bytearray(os.urandom(len(good))), "something else"),
        (other, "something else"),
        (damage(good, 8, 0), "layout version 0"),
        (damage(good, 8, 2), "layout version 2"),
        (damage(good, 56, 0), "half initialised"),
        (damage(good, 24, 512), "damaged"),
        (damage(good, 56, 77), "damaged"),
        (good[:-64], "the buffer only"),
    ]
    for memory, text in cases:
        with pytest.raises(SegmentError, match=text):
            kind(memory)
    with pytest.raises(SegmentError, match="1024"):
        kind(good, 512)
    kind(good, 1024).put(b"x")


def test_a_position_between_two_records_is_damage() -> None:
    """What stands there could be taken for a record, or what is written there could go beyond the end."""
    size, tail, head = SPSCRing.size_for(256), 768, 896
    memory = bytearray(size) + b"\xaa" * 64
    ring = SPSCRing(memory, 256, create=True)
    ring.put(b"a record")
    first = memory.index(b"a record") - 16
    kind = memory[first + 4 : first + 8]
    ring.put(bytes(5) + (3).to_bytes(4, "little") + kind + bytes(40))
    struct.pack_into("<Q", memory, head, 24 + 16 + 5)
    with pytest.raises(CorruptDataError, match="damaged"):
        ring.get(timeout=0)
    struct.pack_into("<Q", memory, tail, 256 + 253)
    struct.pack_into("<Q", memory, head, 256 + 248)
    writer = SPSCRing(memory)
    with pytest.raises(CorruptDataError, match="tail"):
        writer.put(b"another", timeout=0)
    assert memory[size:] == b"\xaa" * 64


def test_a_buffer_too_small_to_create_in_is_refused(make: Make) -> None:
    kind = type(make())
    with pytest.raises(SegmentError, match="are needed"):
        kind(bytearray(100), create=True)
    with pytest.raises(SegmentError, match="are needed"):
        kind(bytearray(kind.size_for(1024) - 1), 1024, create=True)


def test_without_a_size_the_ring_takes_what_fits(make: Make) -> None:
    kind = type(make())
    ring = kind(bytearray(kind.size_for(1024) + 7), create=True)
    assert (ring.cells if isinstance(ring, MPSCRing) else ring.size) == 1024


# ---- wrong types ----------------------------------------------------------------------------------------------


def test_wrong_types_are_named(make: Make) -> None:
    ring: Any = make()
    for attempt, text in (
        (lambda: ring.put("text"), "not str"),
        (lambda: ring.put(b"x", timeout="1"), "timeout"),
        (lambda: ring.put_many(5), "not iterable"),
        (lambda: ring.claim(1.5), "length"),
        (lambda: ring.claim(True), "length"),
        (lambda: ring.get(timeout=b""), "timeout"),
        (lambda: ring.get_many("3"), "limit"),
        (lambda: type(ring)(b"read-only"), "writable"),
        (lambda: type(ring)(None), "NoneType"),
        (lambda: type(ring)(bytearray(9000), "8"), "int"),
        (lambda: pickle.dumps(ring), "attach there"),
        (lambda: ring.__init__(bytearray(9000), create=True), "initialised once"),
    ):
        with pytest.raises(TypeError, match=text):
            attempt()


@pytest.mark.parametrize("size", [0, 1, 100, -8, 1 << 40])
def test_sizes_that_are_no_power_of_two_in_range_are_refused(make: Make, size: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        type(make())(bytearray(100_000), size, create=True)
    with pytest.raises(ValueError, match="must be"):
        type(make()).size_for(size)


def test_limits_and_lengths_out_of_range_are_refused(ring: Ring) -> None:
    with pytest.raises(ValueError, match="limit"):
        ring.get_many(0)
    with pytest.raises(ValueError, match="negative"):
        ring.claim(-1)
