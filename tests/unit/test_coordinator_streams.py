"""The streams of a coordinator: what becomes of output that nobody reads, and where there is no thread to write it."""

import fcntl
import os
import threading
from collections.abc import Iterator

import pytest

from share.coordinator._streams import Stream


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe with room for a page."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    yield ends
    for end in ends:
        os.close(end)


def read_all(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    found = b""
    try:
        while data := os.read(descriptor, 1 << 16):
            found += data
    except BlockingIOError:
        pass
    return found


def test_what_is_not_read_waits_and_then_is_dropped_and_counted(pipe: tuple[int, int]) -> None:
    stream = Stream(pipe[1])
    for number in range(300):
        assert stream.write(b"%07d\n" % number * 1024) == 8192
    assert stream.size <= 1 << 20 and stream.dropped > 1 << 20
    kept = 300 * 8192 - stream.dropped
    dropped, found = stream.dropped, b""
    while b"dropped" not in found:
        found += os.read(pipe[0], 1 << 16)
    stream.finish(5)
    found += read_all(pipe[0])
    assert len(found.partition(b"\n[share: ")[0]) == kept
    assert b"[share: %d bytes of output were dropped here" % dropped in found
    stream.write(b"again\n")
    stream.finish(5)
    assert read_all(pipe[0]) == b"again\n"


def test_finish_does_not_wait_for_a_reader_that_never_comes(pipe: tuple[int, int]) -> None:
    stream = Stream(pipe[1])
    stream.write(b"x" * 100_000)
    stream.finish(0.05)
    assert 0 < stream.size <= 100_000
    while stream.size:  # the thread must not live on to write into other tests' pipes
        os.read(pipe[0], 1 << 16)
        stream.finish(0.05)


def test_no_memory_for_a_thread(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits is written; nothing waits, nothing is raised."""

    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    stream = Stream(pipe[1])
    assert stream.write(b"a" * 4000) == 4000
    assert stream.write(b"b" * 10_000) == 10_000
    assert stream.dropped == 10_000
    assert read_all(pipe[0]) == b"a" * 4000
    monkeypatch.undo()
    stream.write(b"#")
    stream.finish(5)
    found = read_all(pipe[0])
    assert b"10000 bytes of output were dropped" in found and found.count(b"#") == 1


def test_a_stream_that_is_left_is_closed_to_its_reader(pipe: tuple[int, int]) -> None:
    """Once what is there has been written."""
    copy = os.dup(pipe[1])
    stream = Stream(copy)
    stream.write(b"last")
    stream.leave()
    assert os.read(pipe[0], 100) == b"last"
    while os.readlink(f"/proc/self/fd/{copy}") != os.devnull:
        pass
    assert stream.write(b"more") == 4
    assert stream.dropped == 4 and read_all(pipe[0]) == b""
    os.close(copy)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12's on forks of processes with threads
def test_a_forked_child_writes_itself(pipe: tuple[int, int]) -> None:
    """It has no thread, and may end at once."""
    stream = Stream(pipe[1])
    stream.write(b"parent ")
    stream.finish(5)
    child = os.fork()
    if child == 0:
        stream.write(b"child")
        os._exit(0)
    os.waitpid(child, 0)
    assert read_all(pipe[0]) == b"parent child"
