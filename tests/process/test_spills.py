"""What is too large for a ring has a segment of its own, which is there when it is needed, and then gone."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from programs import wait_for, wait_for_none

from share import NotShareableError, PoisonedCommandError, Share

LARGE = 300_000  # bytes: more than an eighth of the ring


class Box:
    """What a test needs."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.bad: Any = None
        self.n = 0

    def put(self, tag: str, data: bytes) -> None:
        self.got.append((tag, len(data)))

    def wait_for(self, path: str) -> None:
        while not os.path.exists(path):
            time.sleep(0.001)

    def spoil(self) -> None:
        self.bad = (i for i in range(3))

    def die(self, data: bytes) -> None:
        os._exit(3)

    def big(self, i: int) -> tuple[int, str]:
        self.n += 1
        return i, "x" * 3000


def segments(shared: Share, kind: str) -> list[str]:
    """The spills (s) or answers (a) of a share that are there."""
    prefix = f"{shared.session_of().name}_{kind}"
    return [name for name in os.listdir("/dev/shm") if name.startswith(prefix)]


def test_a_group_that_cannot_be_published(shared: Share, tmp_path: Any) -> None:
    """Its commands run again one by one, and the large arguments of the later ones are still there."""
    shared.box = Box()
    box = shared.box
    box.wait_for.send(str(tmp_path / "open"))
    box.spoil.send()
    for tag in "abc":
        box.put.send(tag, bytes(LARGE))
    (tmp_path / "open").touch()
    with pytest.raises(NotShareableError):
        shared.flush()
    assert list(box.got) == [(tag, LARGE) for tag in "abc"]
    assert not wait_for_none(lambda: segments(shared, "s"))


def test_threads_that_send_at_once(shared: Share) -> None:
    """Each command gets its own arguments."""
    shared.box = Box()
    box, count = shared.box, 30

    def send(me: str) -> None:
        for i in range(count):
            box.put.send(f"{me}{i}", bytes(LARGE + i))

    threads = [threading.Thread(target=send, args=(me,)) for me in "ABC"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.flush()
    assert sorted(box.got) == sorted((f"{me}{i}", LARGE + i) for me in "ABC" for i in range(count))
    assert not wait_for_none(lambda: segments(shared, "s"))


def test_a_command_that_is_skipped(shared: Share) -> None:
    """The spill of one that has killed two coordinators goes with it."""
    shared.box = Box()
    shared.box.die.send(bytes(LARGE))
    with pytest.raises(PoisonedCommandError):
        shared.flush()
    shared.box.put.call("after", b"")
    assert list(shared.box.got) == [("after", 0)]
    assert not wait_for_none(lambda: segments(shared, "s"))


def pause() -> None:
    """Where a handler that has still to run does so."""


class Interrupted(Exception):
    """Raised by the handler of a signal."""


def interrupt(*_: object) -> None:
    raise Interrupted


@pytest.fixture
def alarms() -> Iterator[None]:
    """SIGALRM raises, and is quiet and as before in the end."""
    before = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_calls_that_are_interrupted_leave_no_answers(shared: Share, alarms: None) -> None:
    """A handler that raises while a large answer is read takes the answer away, and its segment too."""
    shared.box = Box()
    box = shared.box
    box.big.call(0)
    descriptors = len(os.listdir("/proc/self/fd"))
    interrupted = 0
    for i in range(4000):
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + i % 400))
            assert box.big.call(i)[0] == i
            signal.setitimer(signal.ITIMER_REAL, 0)
            pause()
        except Interrupted:
            interrupted += 1
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    assert interrupted
    box.big.call(1)  # takes what has been given up meanwhile
    assert not wait_for_none(lambda: segments(shared, "a"))
    assert len(os.listdir("/proc/self/fd")) == descriptors


def spilled_bytes(shared: Share) -> int:
    """How much memory queued large arguments have."""
    return sum(os.stat(f"/dev/shm/{name}").st_size for name in segments(shared, "s"))


def test_what_is_queued_of_them_is_bounded(shared: Share, tmp_path: Any) -> None:
    """Who sends more waits, as for room in the ring."""
    shared.box = Box()
    box, size = shared.box, 5_000_000
    box.wait_for.send(str(tmp_path / "open"))
    folder = os.statvfs("/dev/shm")
    most = min(1 << 26, folder.f_blocks * folder.f_frsize // 8)
    child = os.fork()
    if child == 0:
        try:
            for i in range(20):
                box.put.send(str(i), bytes(size))
            shared.flush()
            os._exit(0)
        finally:
            os._exit(1)
    wait_for(lambda: most - size < spilled_bytes(shared) <= most, "as much as may be queued")
    time.sleep(0.1)  # what must not happen: more
    assert spilled_bytes(shared) <= most
    (tmp_path / "open").touch()
    assert os.waitpid(child, 0)[1] == 0
    assert list(box.got) == [(str(i), size) for i in range(20)]
