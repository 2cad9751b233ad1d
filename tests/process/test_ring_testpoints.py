"""The rings with a process killed, stopped or delayed at each named test point of their paths.

These need a build with test points, beside the ordinary one:

    SHARE_TESTPOINTS=1 python setup.py build --build-base build/testpoints --build-lib build/testpoints/lib
    PYTHONPATH=build/testpoints/lib python -m pytest tests/process/test_ring_testpoints.py
"""

import mmap
import os
import signal
import struct
from collections.abc import Callable

import pytest

from share.primitives import FlagArray, MPSCRing, SPSCRing, WaitWord

pytestmark = pytest.mark.testpoints

CELLS = 16
RECORD = struct.Struct("<II")


def record(producer: int, number: int) -> bytes:
    """One to four cells, so that the end of the ring is met at every distance."""
    return RECORD.pack(producer, number) + bytes(number * 37 % 200)


def shared(ring_type: type[MPSCRing] | type[SPSCRing] = MPSCRing, cells: int = CELLS) -> MPSCRing | SPSCRing:
    size = cells if ring_type is MPSCRing else cells * 64
    return ring_type(mmap.mmap(-1, ring_type.size_for(size)), size, create=True)


def fork(function: Callable[[], object], testpoint: str = "") -> int:
    child = os.fork()
    if child == 0:
        if testpoint:
            os.environ["SHARE_TESTPOINT"] = testpoint
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def killed(child: int, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Waits for the child and checks that it met its test point."""
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        meanwhile()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"status {status}: point not met"


class Received:
    """Takes records and checks that each producer's come in order, none of them twice."""

    def __init__(self, ring: MPSCRing | SPSCRing) -> None:
        self.ring = ring
        self.numbers: dict[int, list[int]] = {}

    def note(self, data: bytes | None) -> None:
        if data is not None:
            producer, number = RECORD.unpack_from(data)
            assert data == record(producer, number)
            self.numbers.setdefault(producer, []).append(number)

    def try_get(self) -> None:
        self.note(self.ring.try_get())

    def get_until(self, producer: int, count: int) -> None:
        while len(self.numbers.get(producer, ())) < count:
            self.note(self.ring.get(timeout=60))


def produce(ring: MPSCRing | SPSCRing, producer: int, count: int) -> None:
    """Puts, with an aborted claim before every fifth record."""
    for number in range(count):
        if number % 5 == 4:
            ring.claim(100).abort()
        ring.put(record(producer, number))


PRODUCER_POINTS = [
    "mpsc.claimed",
    "mpsc.moved_tail",
    "mpsc.written",
    "mpsc.committed",
    "mpsc.wrapped",
    "mpsc.aborted",
    "wait.announced",
    "wait.bumped_always",
]


@pytest.mark.parametrize("others", [1, 4])
@pytest.mark.parametrize("nth", [1, 2, 7])
@pytest.mark.parametrize("point", PRODUCER_POINTS)
def test_a_producer_killed_at_any_point_holds_nobody_up(point: str, nth: int, others: int) -> None:
    ring = shared()
    received = Received(ring)
    children = [fork(lambda i=i: produce(ring, i, 30)) for i in range(1, others + 1)]  # type: ignore[misc]
    victim = fork(lambda: produce(ring, 0, 10_000), f"{point}:kill:{nth}")

    if point.startswith("wait."):
        # It fills the ring, waits, and is killed while it announces itself or wakes the reader: the nth time.
        step = iter(range(1 << 62))
        killed(victim, lambda: received.try_get() if next(step) % 1000 == 0 else None)
    else:
        killed(victim, received.try_get)
    for i in range(1, others + 1):
        received.get_until(i, 30)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    produce_after = fork(lambda: produce(ring, 9, 30))
    received.get_until(9, 30)
    assert os.waitpid(produce_after, 0)[1] == 0
    for numbers in received.numbers.values():
        assert numbers == list(range(len(numbers)))
    received.try_get()
    assert isinstance(ring, MPSCRing)
    assert ring.head == ring.tail
    assert ring.close()


def test_a_producer_killed_while_it_helps_holds_nobody_up() -> None:
    ring = shared()
    killed(fork(lambda: ring.put(record(0, 0)), "mpsc.claimed:kill"))  # leaves tail behind its claim
    killed(fork(lambda: ring.put(record(1, 0)), "mpsc.helped:kill"))
    ring.put(record(2, 0))
    received = Received(ring)
    received.get_until(2, 1)
    assert received.numbers == {2: [0]}


def test_a_claim_left_at_tail_is_helped_over_by_the_reader_alone() -> None:
    ring = shared()
    assert isinstance(ring, MPSCRing)
    for _ in range(3 * CELLS):  # at every cell, the wrap included
        before = ring.tail
        killed(fork(lambda: ring.put(b"lost"), "mpsc.claimed:kill"))
        assert ring.tail == before
        while ring.tail == before or ring.head != ring.tail:
            assert ring.try_get() is None
    ring.put(b"kept")
    assert ring.get() == b"kept"


def test_padding_left_at_tail_is_helped_over_by_the_reader_alone() -> None:
    ring = shared()
    assert isinstance(ring, MPSCRing)
    while ring.tail != CELLS - 2:
        ring.put(b"")
        ring.get()
    killed(fork(lambda: ring.put(bytes(200)), "mpsc.wrapped:kill"))
    assert ring.tail == CELLS - 2
    assert ring.try_get() is None
    assert ring.head == ring.tail == CELLS
    ring.put(bytes(200))
    assert ring.get() == bytes(200)


def test_closing_with_a_claim_left_at_tail_comes_after_it() -> None:
    ring = shared()
    killed(fork(lambda: ring.put(b"sent"), "mpsc.committed:kill"))
    killed(fork(lambda: ring.put(b"lost"), "mpsc.claimed:kill"))
    killed(fork(ring.close, "mpsc.closed:kill"))
    assert ring.closed
    assert list(ring) == [b"sent"]


READER_POINTS = [
    "ring.became_consumer",
    "ring.taken",
    "ring.taken_last",
    "mpsc.consumer_helped",
    "mpsc.padded",
    "mpsc.freed",
    "mpsc.moved_head",
    "wait.announced",
]


@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize("point", READER_POINTS)
def test_a_reader_killed_at_any_point_is_succeeded(point: str, nth: int) -> None:
    if nth > 1 and point in ("ring.became_consumer", "mpsc.padded", "mpsc.consumer_helped"):
        pytest.skip("met once in this scenario")
    ring = shared(cells=64)  # so that put_many has several records in a claim
    log = mmap.mmap(-1, 4096)
    killed(fork(lambda: ring.put(b"lost"), "mpsc.claimed:kill"))  # at head: helped over and padded
    first = 3 if point not in ("wait.announced", "mpsc.consumer_helped") else 0
    ring.put_many([record(0, i) for i in range(first)])

    def read() -> None:
        while True:
            number = RECORD.unpack_from(ring.get())[1]
            log[number] = 1  # a record that get() returned is this reader's for good

    victim = fork(read, f"{point}:kill:{nth}")
    if point == "wait.announced":
        # The first time for the dead claim, later ones for an empty ring.
        feeder = fork(lambda: produce(ring, 0, 3))
        killed(victim)
        assert os.waitpid(feeder, 0)[1] == 0
    else:
        if first == 0:
            killed(victim)  # before any producer helps
        producer = fork(lambda: ring.put_many([record(0, i) for i in range(first, 30)]))
        if first:
            killed(victim)
        received = Received(ring)
        while 29 not in received.numbers.get(0, ()):
            received.note(ring.get(timeout=60))
        assert os.waitpid(producer, 0)[1] == 0
        by_the_dead = [i for i in range(30) if log[i]]
        after = received.numbers[0]
        assert by_the_dead == list(range(len(by_the_dead)))
        assert after == list(range(after[0], 30))
        # The one record that it was about to return is read again or gone with it; no other is.
        assert after[0] - len(by_the_dead) in (0, 1)
    if point == "wait.announced":
        ring.put(record(3, 0))
        received = Received(ring)
        received.get_until(3, 1)


@pytest.mark.parametrize("laps", [1, 2, 3])
def test_a_producer_that_slept_for_whole_laps_claims_no_cell_twice(laps: int) -> None:
    ring = shared()
    assert isinstance(ring, MPSCRing)
    child = fork(lambda: ring.put(record(0, 0)), "mpsc.claiming:stop")  # it has found cell 0 free
    os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOWAIT)
    for number in range(laps * CELLS):
        ring.put(b"%d" % number)
        assert ring.get() == b"%d" % number
    assert ring.tail == laps * CELLS  # cell 0 is free again, of another lap
    ring.put(b"before")
    os.kill(child, signal.SIGCONT)
    assert [ring.get(timeout=60), ring.get(timeout=60)] == [b"before", record(0, 0)]
    assert os.waitpid(child, 0)[1] == 0
    assert ring.head == ring.tail == laps * CELLS + 2


def test_a_producer_stopped_in_a_claim_delays_the_rest_and_then_all_is_there() -> None:
    ring = shared()
    child = fork(lambda: ring.put(record(0, 0)), "mpsc.claimed:stop")
    os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOWAIT)
    ring.put(record(1, 0))  # helps tail over the claim
    with pytest.raises(TimeoutError):
        ring.get(timeout=0.1)
    os.kill(child, signal.SIGCONT)
    assert [ring.get(timeout=60), ring.get(timeout=60)] == [record(0, 0), record(1, 0)]
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    "point",
    ["mpsc.claimed", "mpsc.moved_tail", "mpsc.written", "mpsc.committed", "mpsc.wrapped", "mpsc.helped"],
)
def test_producers_delayed_at_a_point_keep_every_record_and_the_order(point: str) -> None:
    ring = shared()
    received = Received(ring)
    children = [
        fork(lambda i=i: produce(ring, i, 40), f"{point}:delay" if i < 2 else "")  # type: ignore[misc]
        for i in range(4)
    ]
    for i in range(4):
        received.get_until(i, 40)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert received.numbers == {i: list(range(40)) for i in range(4)}


@pytest.mark.parametrize("point", ["mpsc.freed", "mpsc.moved_head", "mpsc.consumer_helped", "wait.announced"])
def test_a_delayed_reader_gets_every_record_in_order(point: str) -> None:
    ring = shared()

    def read() -> None:
        received = Received(ring)
        for i in range(1, 3):
            received.get_until(i, 15)
        assert received.numbers == {i: list(range(15)) for i in range(1, 3)}

    reader = fork(read, f"{point}:delay")
    children = [fork(lambda i=i: produce(ring, i, 15)) for i in range(1, 3)]  # type: ignore[misc]
    for child in (reader, *children):
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("point", ["spsc.written", "spsc.committed", "spsc.wrapped"])
@pytest.mark.parametrize("nth", [1, 3])
def test_an_spsc_writer_killed_at_any_point_is_succeeded(point: str, nth: int) -> None:
    ring = shared(SPSCRing)
    received = Received(ring)
    killed(fork(lambda: produce(ring, 0, 10_000), f"{point}:kill:{nth}"), received.try_get)
    child = fork(lambda: produce(ring, 1, 30))
    received.get_until(1, 30)
    assert os.waitpid(child, 0)[1] == 0
    for numbers in received.numbers.values():
        assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("point", ["ring.taken_last", "spsc.taken", "spsc.skipped"])
def test_an_spsc_reader_killed_at_any_point_is_succeeded(point: str) -> None:
    ring = shared(SPSCRing, cells=64)
    log = mmap.mmap(-1, 4096)

    def read() -> None:
        while True:
            log[RECORD.unpack_from(ring.get())[1]] = 1

    producer = fork(lambda: produce(ring, 0, 60))
    killed(fork(read, f"{point}:kill"))
    received = Received(ring)
    while 59 not in received.numbers.get(0, ()):
        received.note(ring.get(timeout=60))
    assert os.waitpid(producer, 0)[1] == 0
    by_the_dead = sum(log[:60])
    after = received.numbers[0]
    assert after == list(range(after[0], 60))
    assert after[0] - by_the_dead in (0, 1)


def test_a_waker_killed_before_the_system_call_leaves_nobody_asleep_for_long() -> None:
    word = WaitWord(mmap.mmap(-1, 4096))
    seen = word.announce()
    killed(fork(word.wake, "wait.bumped:kill"))
    assert word.sleep(seen, timeout=60)  # the word has changed


def test_a_raise_survives_its_process() -> None:
    flags = FlagArray(mmap.mmap(-1, FlagArray.size_for(1)), 1, create=True)
    killed(fork(lambda: flags.raise_to(0, 4), "flags.raised:kill"))
    assert flags.is_up(0)
    killed(fork(lambda: flags.commit_to(4), "flags.committed:kill"))
    assert not flags.is_up(0)
