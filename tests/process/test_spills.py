"""What is too large for a ring lies in an arena, or in a segment of its own: there when it is needed, and then gone."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from programs import wait_for, wait_for_none

from share import NotShareableError, PoisonedCommandError, Share

LARGE = 300_000  # bytes: more than an eighth of the ring
HUGE = 17_000_000  # more than a quarter of an arena


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

    def big(self, i: int, size: int = 3000) -> tuple[int, str]:
        self.n += 1
        return i, "x" * size

    def filled(self, i: int, size: int) -> bytes:
        self.n += 1
        return bytes([i % 256]) * size

    def hold(self, folder: str, i: int, size: int) -> bytes:
        self.wait_for(f"{folder}/{i}")
        return self.filled(i, size)

    def keep_if(self, i: int, data: bytes) -> None:
        if data == bytes([i % 256]) * len(data):
            self.n += 1


def segments(shared: Share, kind: str) -> list[str]:
    """The spills (s), answers (a), arenas for arguments (c) or for answers (l) of a share that are there."""
    prefix = f"{shared.session_of().name}_{kind}"
    return [name for name in os.listdir("/dev/shm") if name.startswith(prefix)]


def memory(shared: Share, kind: str) -> int:
    """How many bytes they have."""
    return sum(os.stat(f"/dev/shm/{name}").st_blocks * 512 for name in segments(shared, kind))


@pytest.mark.parametrize("size", [LARGE, pytest.param(HUGE, marks=pytest.mark.slow)])
def test_a_group_that_cannot_be_published(shared: Share, tmp_path: Any, size: int) -> None:
    """Its commands run again one by one, and the large arguments of the later ones are still there."""
    shared.box = Box()
    box = shared.box
    box.wait_for.send(str(tmp_path / "open"))
    box.spoil.send()
    for tag in "abc":
        box.put.send(tag, bytes(size))
    (tmp_path / "open").touch()
    with pytest.raises(NotShareableError):
        shared.flush()
    assert list(box.got) == [(tag, size) for tag in "abc"]
    assert not wait_for_none(lambda: segments(shared, "s"))


def test_threads_that_send_at_once(shared: Share) -> None:
    """Each command gets its own arguments."""
    shared.box = Box()
    box, count = shared.box, 30

    def size_of(i: int) -> int:
        return (HUGE if i == 15 else LARGE) + i

    def send(me: str) -> None:
        for i in range(count):
            box.put.send(f"{me}{i}", bytes(size_of(i)))

    threads = [threading.Thread(target=send, args=(me,)) for me in "ABC"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.flush()
    assert sorted(box.got) == sorted((f"{me}{i}", size_of(i)) for me in "ABC" for i in range(count))
    assert not wait_for_none(lambda: segments(shared, "s"))


@pytest.mark.parametrize("size", [LARGE, pytest.param(HUGE, marks=pytest.mark.slow)])
def test_a_command_that_is_skipped(shared: Share, size: int) -> None:
    """The spill of one that has killed two coordinators goes with it."""
    shared.box = Box()
    shared.box.die.send(bytes(size))
    with pytest.raises(PoisonedCommandError):
        shared.flush()
    shared.box.put.call("after", b"")
    assert list(shared.box.got) == [("after", 0)]
    assert not wait_for_none(lambda: segments(shared, "s"))


def open_files() -> Counter[str]:
    """What this process has open, and how often."""
    found: Counter[str] = Counter()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found[os.readlink(f"/proc/self/fd/{descriptor}")] += 1
        except FileNotFoundError:
            pass  # that of the listing itself
    return found


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


@pytest.mark.parametrize(
    ("size", "calls", "longest"),
    [(3000, 4000, 400), pytest.param(HUGE, 30, 100_000, marks=pytest.mark.slow)],
)
def test_calls_that_are_interrupted_leave_no_answers(
    shared: Share, alarms: None, size: int, calls: int, longest: int
) -> None:
    """A handler that raises while a large answer is read takes the answer away, and its segment too."""
    shared.box = Box()
    box = shared.box
    box.big.call(0)
    descriptors = open_files()
    interrupted = 0
    for i in range(calls):
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + i * longest // calls * 7 % longest))
            assert box.big.call(i, size)[0] == i
            signal.setitimer(signal.ITIMER_REAL, 0)
            pause()
        except Interrupted:
            interrupted += 1
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    assert interrupted
    box.big.call(1)  # takes what has been given up meanwhile
    assert not wait_for_none(lambda: segments(shared, "a"))
    assert not open_files() - descriptors  # an earlier test's may have been closed meanwhile


@pytest.mark.parametrize(
    ("kind", "size"), [("c", 5_000_000), pytest.param("s", HUGE, marks=pytest.mark.slow)]
)
def test_what_is_queued_of_them_is_bounded(shared: Share, tmp_path: Any, kind: str, size: int) -> None:
    """Who sends more waits, as for room in the ring."""
    shared.box = Box()
    box = shared.box
    box.wait_for.send(str(tmp_path / "open"))
    folder = os.statvfs("/dev/shm")
    most = min(1 << 26, folder.f_blocks * folder.f_frsize // 8)
    child = os.fork()
    if child == 0:
        try:
            for i in range(16):
                box.put.send(str(i), bytes(size))
            shared.flush()
            os._exit(0)
        finally:
            os._exit(1)
    wait_for(lambda: most - size < memory(shared, kind) <= most, "as much as may be queued")
    time.sleep(0.1)  # what must not happen: more
    assert memory(shared, kind) <= most
    (tmp_path / "open").touch()
    assert os.waitpid(child, 0)[1] == 0
    assert list(box.got) == [(str(i), size) for i in range(16)]


def test_arenas_are_used_again(shared: Share) -> None:
    """One for arguments and one for answers, however many there were, and with little memory."""
    shared.box = Box()
    box = shared.box
    for i in range(100):
        box.keep_if.send(i, bytes([i]) * (LARGE + i))
        shared.flush()
        assert box.filled.call(i, 2000 + 3000 * i) == bytes([i]) * (2000 + 3000 * i)
        assert not segments(shared, "a")
    assert box.n == 200
    assert len(segments(shared, "c")) == len(segments(shared, "l")) == 1
    assert memory(shared, "c") + memory(shared, "l") < 2_000_000


def test_what_is_stored_there_does_not_meet(shared: Share) -> None:
    """Arguments and answers of many sizes at once, from several threads, more than an arena has room for."""
    shared.box = Box()
    box, sizes = shared.box, [0, 900, 1500, 30_000, LARGE, 1_000_000, 5_000_000]

    def send(who: int) -> None:
        futures = []
        for n in range(28):
            i, size = 40 * who + n, sizes[n * (who + 1) % 7] + n
            box.keep_if.send(i, bytes([i]) * size)
            futures.append((i, size, box.filled.submit(i, size)))
        for i, size, future in futures:
            assert future.result() == bytes([i]) * size
        with lock:
            done.append(who)

    done: list[int] = []
    lock = threading.Lock()
    threads = [threading.Thread(target=send, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1, 2]
    assert box.n == 168


def test_memory_is_given_back(shared: Share) -> None:
    """What an arena needed once it does not keep."""
    shared.box = Box()
    box = shared.box
    for i in range(4):
        box.keep_if.send(i, bytes([i]) * 9_000_000)
        assert len(box.filled.call(i, 9_000_000)) == 9_000_000
    for i in range(40):
        box.keep_if.send(i, bytes([i]) * LARGE)
        shared.flush()
        box.filled.call(i, 2000)
    assert memory(shared, "c") < 3_000_000
    assert memory(shared, "l") < 3_000_000
    assert box.n == 88


def test_answers_that_a_predecessor_has_stored(shared: Share, tmp_path: Any) -> None:
    """A successor puts nothing where one lies that has not been taken."""
    shared.box = Box()
    box = shared.box
    box.filled.call(0, 1)
    control = shared.session_of().control
    before = control.commands()
    child = os.fork()
    if child == 0:
        try:
            found: dict[int, bytes] = {}

            def ask(i: int, size: int) -> None:
                found[i] = box.hold.call(str(tmp_path), i, size)

            sizes = [40_000, 30_000, 50_000, 20_000]
            threads = []
            for i, size in enumerate(sizes):
                threads.append(threading.Thread(target=ask, args=(i, size)))
                tail = control.tail()
                threads[-1].start()
                wait_for(lambda tail=tail: control.tail() > tail, "the command")
            (tmp_path / "sent").touch()
            for thread in threads:
                thread.join()
            assert found == {i: bytes([i]) * size for i, size in enumerate(sizes)}
            os._exit(0)
        finally:
            os._exit(1)
    wait_for((tmp_path / "sent").exists, "four commands")
    os.kill(child, signal.SIGSTOP)
    (tmp_path / "0").touch()
    (tmp_path / "1").touch()
    # Those two have run; they are committed too, unless the machine was very slow.
    wait_for(lambda: control.commands() >= before + 3, "the third")
    os.kill(shared.health().coordinator, signal.SIGKILL)
    (tmp_path / "2").touch()
    (tmp_path / "3").touch()
    shared.flush()
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_arenas_of_the_dead_are_given_back(shared: Share) -> None:
    """With the rest of what they had; those of a process that has left too."""
    shared.box = Box()
    box = shared.box
    pids = []
    for number in range(2):
        pids.append(os.fork())
        if pids[-1] == 0:
            try:
                box.keep_if.send(1, bytes(LARGE))
                assert len(box.filled.call(2, LARGE)) == LARGE
                if number:
                    shared.close()
                    os._exit(0)
                os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(1)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [-signal.SIGKILL, 0]
    box.filled.call(0, 1)
    wait_for(lambda: not segments(shared, "c") and not segments(shared, "l"), "their end")
