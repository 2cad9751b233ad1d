"""Standard output and error of a coordinator: those of who started it, but never in the way of a command.

What is printed is handed to a thread, which alone waits for a pipe that is full. And a pipe must have its end when the
program that owns it has ended: a shell would wait for the coordinator too.
"""

import io
import os
import select
import stat
import sys
import threading
from collections import deque
from typing import Any

__all__ = ["finish", "install", "let_go"]

_LIMIT = 1 << 20  # bytes that may wait to be written, of each stream
_NOTE = "\n[share: {} bytes of output were dropped here, as nobody was reading]\n"


class Stream(io.RawIOBase):
    """The raw half of ``sys.stdout`` or ``sys.stderr``."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.changed = threading.Condition()
        self.waiting: deque[bytes] = deque()
        self.size = 0  # bytes in it, and in the hand of the thread
        self.dropped = 0
        self.leaving = False  # nothing more is taken
        self.useless = False  # nobody can read it any more
        self.process = os.getpid()
        self.running = False  # the thread

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def isatty(self) -> bool:
        return os.isatty(self.descriptor)

    def write(self, data) -> int:  # type: ignore[no-untyped-def] # any buffer
        data = bytes(data)
        if self.process != os.getpid():
            self._write_out(data)  # a child that a method has forked: it has no thread, and holds up nobody
            return len(data)
        if not self.running and not self._begin():
            self._write_what_fits(data)
            return len(data)
        with self.changed:
            if self.leaving or self.useless or self.size + len(data) > _LIMIT:
                self.dropped += len(data)
            else:
                self.waiting.append(data)
                self.size += len(data)
                self.changed.notify_all()
        return len(data)

    def _begin(self) -> bool:
        """Starts the thread. False if there is no memory for it."""
        try:
            threading.Thread(target=self._run, name="share-output", daemon=True).start()
        except RuntimeError:
            return False
        self.running = True
        return True

    def _write_what_fits(self, data: bytes) -> None:
        poller = select.poll()
        poller.register(self.descriptor, select.POLLOUT)
        for start in range(0, len(data), select.PIPE_BUF):  # a pipe that is ready has room for that much
            if not self.useless and poller.poll(0):
                self._write_out(data[start : start + select.PIPE_BUF])
            else:
                self.dropped += len(data) - start
                break

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self.waiting and (self.useless or not self.dropped):
                    if self.leaving:
                        self._release()
                    self.changed.wait()
                if self.waiting:
                    data = b"".join(self.waiting)
                    self.waiting.clear()
                else:
                    data, self.dropped = _NOTE.format(self.dropped).encode(), 0
                    self.size += len(data)
            for start in range(0, len(data), 1 << 16):
                part = data[start : start + (1 << 16)]
                self._write_out(part)
                with self.changed:
                    self.size -= len(part)
                    self.changed.notify_all()

    def _write_out(self, data: bytes) -> None:
        while data and not self.useless:
            try:
                data = data[os.write(self.descriptor, data) :]
            except BlockingIOError:
                select.select([], [self.descriptor], [])
            except OSError:
                self.useless = True

    def finish(self, seconds: float) -> None:
        """Waits until everything has been written, or nobody has read any of it for so many seconds."""
        if self.running and self.process == os.getpid():
            with self.changed:
                while (self.size or self.dropped) and not self.useless:
                    if not self.changed.wait(seconds):
                        break

    def leave(self) -> None:
        """What is there is written yet; then the descriptor is closed to whoever reads from it."""
        self.leaving = True
        if self.running:
            with self.changed:
                self.changed.notify_all()
        else:
            self._release()

    def _release(self) -> None:
        if not self.useless:
            self.useless = True
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.descriptor)
            os.close(null)


_streams: list[Stream] = []


def install() -> None:
    """Replaces ``sys.stdout`` and ``sys.stderr`` of this process, the coordinator."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        stream = Stream(descriptor)
        make: Any = io.TextIOWrapper  # its stub does not know that a raw stream will do
        text = make(stream, encoding=old.encoding, errors=old.errors, line_buffering=True)
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
        _streams.append(stream)


def let_go() -> None:
    """Who started this process has ended: whoever reads a pipe of theirs must see its end. Files stay."""
    for stream in _streams:
        kind = os.fstat(stream.descriptor).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            stream.leave()


def finish(seconds: float = 2.0) -> None:
    """Before the end of this process: what has been printed is written, if anybody reads it."""
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in _streams:
        stream.finish(seconds)
