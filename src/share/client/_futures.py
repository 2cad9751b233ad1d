"""Futures for calls: one thread a process, started by the first ``submit`` or ``aio``."""

import os
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

__all__ = ["future_of"]

_lock = threading.Lock()
_queues: dict[int, deque[tuple[int, "Future[Any]"]]] = {}


def future_of(session: Any, position: int) -> "Future[Any]":
    """A future for the response of the command that ends at ``position``."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()

    def deliver(kind: int, data: bytes) -> None:
        try:
            result = session.unwrap(position, kind, data)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    session.expect(position, deliver)
    with _lock:
        queue = _queues.get(id(session))
        if queue is None:
            queue = _queues[id(session)] = deque()
            threading.Thread(target=_serve, args=(session, queue), name="share-futures", daemon=True).start()
        queue.append((position, future))
    return future


def _serve(session: Any, queue: "deque[tuple[int, Future[Any]]]") -> None:
    while True:
        with _lock:
            if not queue:
                del _queues[id(session)]
                return
            position, future = queue.popleft()
        try:
            session.wait_for(position)
            session.drain_until(position)
        except BaseException as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                from share.errors import ShareClosedError

                future.set_exception(ShareClosedError("the share was closed before this call was executed"))


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held the old one
    _queues.clear()


os.register_at_fork(after_in_child=_after_fork)
