"""Arenas at bad moments: other code of the process runs, memory is refused, the share is closed, a coordinator dies."""

import _posixshmem
import errno
import gc
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from programs import wait_for

from share import Share, ShareClosedError, ShareMemoryError

LARGE = 300_000  # bytes: more than an eighth of the ring


def no_memory(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Box:
    def __init__(self) -> None:
        self.n = 0
        self.seen: list[int] = []
        self.taken: list[int] = []

    def wait_for(self, path: str) -> None:
        wait_for(lambda: os.path.exists(path))

    def see(self, i: int, data: bytes) -> None:
        self.seen.append(i if data == bytes([i]) * len(data) else -1)

    def filled(self, i: int, size: int) -> bytes:
        self.n += 1
        return bytes([i % 256]) * size

    def take_descriptors(self) -> None:
        """All that the coordinator may have."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.taken = []
        with suppress(OSError):
            while True:
                self.taken.append(os.open(os.devnull, os.O_RDONLY))

    def give_descriptors_back(self) -> int:
        count = len(self.taken)
        while self.taken:
            os.close(self.taken.pop())
        return count

    def refuse(self) -> None:
        """From now on the coordinator gets no memory."""
        os.posix_fallocate = no_memory  # type: ignore[assignment]


def memory(shared: Share, kind: str) -> int:
    """How many bytes the share's segments of that kind have."""
    prefix = f"{shared.session_of().name}_{kind}"
    names = [name for name in os.listdir("/dev/shm") if name.startswith(prefix)]
    return sum(os.stat(f"/dev/shm/{name}").st_blocks * 512 for name in names)


def arena_bytes() -> int:
    folder = os.statvfs("/dev/shm")
    return max(1 << 16, min(1 << 26, folder.f_blocks * folder.f_frsize // 8) // (1 << 16) * (1 << 16))


def fork(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def ended_well(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def collections(code: Callable[[], None]) -> Iterator[None]:
    """The collector runs as often as it can, and Python code with it, as finalizers do."""
    threshold, kept = gc.get_threshold(), []

    def run(phase: str, _: Any) -> None:
        if phase == "start":
            code()
            kept.append([(i, i) for i in range(2500)])  # so that the next tuple of two is a new one

    gc.callbacks.append(run)
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(run)


def test_a_collection_while_an_answer_is_copied(shared: Share) -> None:
    """A finalizer that makes a call takes the answer that was being taken; nothing is taken twice."""
    shared.box = Box()
    box, right = shared.box, []
    box.filled.call(0, 3000)

    def call() -> None:
        right.append(box.filled.call(7, 2000) == b"\7" * 2000)

    with collections(call):
        for i in range(30):
            right.append(box.filled.call(i, 1000 + i) == bytes([i]) * (1000 + i))
    assert all(right)
    assert box.filled.call(9, 900) == b"\11" * 900


def test_no_room_for_as_many_answers_as_can_be(shared: Share, tmp_path: Path) -> None:
    """What says so takes no more of the response ring than was reserved."""
    shared.box = Box()
    box = shared.box
    box.refuse.call()
    shared.flush()

    def ask() -> None:
        mine, futures = shared.session_of(), []
        box.wait_for.send(str(tmp_path / "open"))
        futures.append(box.filled.submit(0, 3000))
        while mine.has_room():
            futures.append(box.filled.submit(len(futures), 3000))
        os.kill(os.getpid(), signal.SIGSTOP)
        for future in futures:
            with pytest.raises(ShareMemoryError, match="has been executed.*/dev/shm"):
                future.result(60)
        assert box.n == len(futures) > 200

    child = fork(ask)
    wait_for(lambda: state_of(child) == "T", "as many calls as there can be")
    (tmp_path / "open").touch()
    shared.flush()
    os.kill(child, signal.SIGCONT)
    assert ended_well(child)


def test_closed_by_another_thread(shared: Share, tmp_path: Path) -> None:
    """A thread that waits for room in the arena does not send what lies in one that its process has no more."""
    shared.box = Box()
    shared.flush()

    def send() -> None:
        box, size = shared.box, arena_bytes() // 4 - 1000
        sent, refused = [], []
        box.wait_for.send(str(tmp_path / "open"))

        def work() -> None:
            try:
                while len(sent) < 9:
                    box.see.send(len(sent), bytes([len(sent)]) * size)
                    sent.append(size)
            except ShareClosedError as error:
                refused.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        wait_for(lambda: len(sent) == 4, "a full arena")
        wait_for(lambda: state_of(thread.native_id or 0) == "S", "one that waits")
        shared.close()
        (tmp_path / "open").touch()
        thread.join()
        box.see.call(0, bytes(LARGE))  # a proxy goes on
        assert list(box.seen) == [*range(len(sent)), 0]
        assert refused or len(sent) == 9  # that thread was slow, and began its command after the closing

    assert ended_well(fork(send))
    shared.flush()
    assert shared.errors == []


def test_closed_while_the_answers_are_attached(shared: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may close meanwhile: then there is nothing to take any more, and no memory to look at."""
    shared.box = Box()
    shared.flush()
    shm_open = _posixshmem.shm_open

    def closes(path: str, *arguments: Any, **options: Any) -> int:
        if "_l" in path:
            monkeypatch.undo()
            shared.close()
        return int(shm_open(path, *arguments, **options))

    def ask() -> None:
        box = shared.box
        monkeypatch.setattr(_posixshmem, "shm_open", closes)
        with pytest.raises(ShareClosedError):
            box.filled.call(1, 3000)
        for i in range(3):
            assert box.filled.call(i, 3000 + i) == bytes([i]) * (3000 + i)

    assert ended_well(fork(ask))


def test_a_handler_sends_while_the_arena_is_made(
    shared: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one, and nobody puts anything where something lies."""
    shared.box = Box()
    shared.flush()
    reserve = os.posix_fallocate

    def send() -> None:
        box = shared.box
        box.wait_for.send(str(tmp_path / "open"))

        def handled(*arguments: int) -> None:
            monkeypatch.undo()
            box.see.send(1, b"\1" * LARGE)
            reserve(*arguments)

        monkeypatch.setattr(os, "posix_fallocate", handled)
        box.see.send(2, b"\2" * LARGE)
        box.see.send(3, b"\3" * LARGE)
        (tmp_path / "open").touch()
        shared.flush()
        assert list(box.seen) == [1, 2, 3]

    assert ended_well(fork(send))


def test_memory_for_the_arena_is_waited_for(
    shared: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If there is none, what is queued may have it."""
    shared.box = Box()
    shared.flush()

    def send() -> None:
        box = shared.box
        box.wait_for.send(str(tmp_path / "open"))

        def refused(*_: Any) -> None:
            monkeypatch.undo()
            (tmp_path / "refused").touch()
            no_memory()

        monkeypatch.setattr(os, "posix_fallocate", refused)
        box.see.send(1, b"\1" * LARGE)
        shared.flush()
        assert list(box.seen) == [1]

    child = fork(send)
    wait_for((tmp_path / "refused").exists, "the refusal")
    wait_for(lambda: state_of(child) in "SZ", "one that waits")
    (tmp_path / "open").touch()
    assert ended_well(child)


def test_flushing_gives_memory_back(shared: Share) -> None:
    """Who sends nothing large any more does not keep what that needed."""
    shared.box = Box()
    for i in range(4):
        shared.box.see.send(i, bytes([i]) * 9_000_000)
    for _ in range(40):
        shared.flush()
    assert memory(shared, "c") < 3_000_000


def test_a_successor_gives_memory_back(shared: Share) -> None:
    """What its predecessor needed once it does not keep."""
    shared.box = Box()
    box = shared.box
    assert len(box.filled.call(1, 9_000_000)) == 9_000_000
    os.kill(shared.health().coordinator, signal.SIGKILL)
    for i in range(3):
        assert box.filled.call(i, 2000) == bytes([i]) * 2000
    assert memory(shared, "l") < 3_000_000


@pytest.mark.slow
def test_an_idle_coordinator_gives_memory_back(shared: Share) -> None:
    """Without anybody who asks for anything."""
    shared.box = Box()
    box = shared.box
    assert len(box.filled.call(1, 5_000_000)) == 5_000_000
    wait_for(lambda: memory(shared, "l") < 3_000_000, "memory that was not needed lately")
    for i in range(3):
        assert box.filled.call(i, 3_000_000) == bytes([i]) * 3_000_000


def test_waiting_for_answers_gives_memory_back(shared: Share) -> None:
    shared.box = Box()
    for i in range(4):
        shared.box.see.send(i, bytes([i]) * 9_000_000)
    for i in range(40):
        shared.box.filled.call(i, 10)
    assert memory(shared, "c") < 3_000_000


def test_a_collection_while_a_spill_is_sent(shared: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer that waits for what has been sent waits for no command whose sender it has interrupted."""
    shared.box = Box()
    shared.flush()
    close, kept = os.close, []

    def send() -> None:
        box, data = shared.box, bytes(arena_bytes() // 4 + 1)
        signal.alarm(60)

        def closes(descriptor: int) -> None:
            close(descriptor)
            gc.set_threshold(0)
            kept.append([(i, i) for i in range(2500)])  # so that the next tuple of two is a new one
            gc.set_threshold(1)

        with collections(lambda: box.filled.call(1, 10)):
            monkeypatch.setattr(os, "close", closes)
            for i in range(4):
                box.see.send(0, data)
                kept.append([[] for _ in range(i)])  # another one of what is made then meets the collector
        shared.flush()

    assert ended_well(fork(send))
    assert list(shared.box.seen) == [0] * 4


@pytest.mark.parametrize("where", ["arena", "growth", "spill"])
def test_forked_in_the_middle(
    shared: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A child that a signal handler has forked sends nothing for its parent, and takes nothing away from it."""
    shared.box = Box()
    shared.flush()
    reserve = os.posix_fallocate
    size = arena_bytes() // 4 + 1 if where == "spill" else LARGE
    calls: list[int] = []
    born: list[int] = []

    def handled(*arguments: int) -> None:
        reserve(*arguments)
        calls.append(arguments[1])
        if len(calls) == (2 if where == "growth" else 1):
            monkeypatch.undo()
            born.append(os.fork())
            if not born[0]:
                wait_for((tmp_path / "go").exists)

    def go() -> None:
        (tmp_path / "go").touch()
        assert ended_well(born[0])

    def send() -> None:
        box = shared.box
        monkeypatch.setattr(os, "posix_fallocate", handled)
        if where != "growth":
            box.wait_for.send(str(tmp_path / "open"))
        try:
            box.see.send(1, b"\1" * size)
        except ShareClosedError:
            os._exit(born != [0])
        assert born[0]
        if where == "growth":  # its memory is used again before the child goes on
            shared.flush()
            box.wait_for.send(str(tmp_path / "open"))
            box.see.send(2, b"\2" * size)
            go()
        else:
            go()
            box.see.send(2, b"\2" * size)
        (tmp_path / "open").touch()
        shared.flush()
        assert list(box.seen) == [1, 2]

    assert ended_well(fork(send))
    assert shared.errors == []


def test_a_coordinator_whose_methods_have_taken_all_descriptors(shared: Share) -> None:
    """It still finds memory, for a process that has not asked it before and for what is large."""
    shared.box = Box()
    box = shared.box
    coordinator = shared.health().coordinator
    box.take_descriptors.call()
    assert box.filled.call(1, 3000) == b"\1" * 3000
    box.see.call(2, b"\2" * LARGE)
    assert box.give_descriptors_back.call() > 0
    assert list(box.seen) == [2]
    assert shared.health().coordinator == coordinator
