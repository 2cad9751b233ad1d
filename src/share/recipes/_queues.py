"""Queue, PriorityQueue, and JobQueue, whose workers may die."""

import bisect
import math
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from share import ProcessId, Share, ShareTimeoutError, this_process

__all__ = ["Job", "JobQueue", "PriorityQueue", "Queue"]


class Items:
    """What is in a queue."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.items: deque[Any] = deque()

    def size(self) -> int:
        return len(self.items)

    def filled(self) -> bool:
        return len(self.items) > 0

    def has_room(self) -> bool:
        return self.most <= 0 or len(self.items) < self.most

    def put(self, item: Any) -> None:
        self.items.append(item)

    def get(self) -> Any:
        return self.items.popleft()


class Queue:
    """As ``queue.Queue``, for processes: any number of them put and get, and each item is got once."""

    make: Callable[[int], Any] = Items

    def __init__(self, shared: Share, name: str, maxsize: int = 0) -> None:
        self.shared, self.maxsize = shared, maxsize
        self.items: Items = shared.setdefault(name, type(self).make(maxsize))

    def put(self, item: Any, timeout: float | None = None) -> None:
        """Waits for room, if there is a ``maxsize``. Raises ``queue.Full`` after ``timeout`` seconds."""
        if self.maxsize <= 0:
            self.items.put(item)
            return
        try:
            self.shared.wait_then(self.items.has_room, self.items.put, item, timeout=timeout)
        except ShareTimeoutError:
            raise queue.Full from None

    def get(self, timeout: float | None = None) -> Any:
        """Waits for an item. Raises ``queue.Empty`` after ``timeout`` seconds."""
        try:
            return self.shared.wait_then(self.items.filled, self.items.get, timeout=timeout)
        except ShareTimeoutError:
            raise queue.Empty from None

    def qsize(self) -> int:
        """How many items are there now."""
        return self.items.size()

    def empty(self) -> bool:
        """Whether there is none."""
        return not self.items.filled()


class Ordered(Items):
    """The same, in the order of the items; of equal ones, in that in which they were put."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.items: list[Any] = []  # type: ignore[assignment]

    def put(self, item: Any) -> None:
        self.items.insert(bisect.bisect_right(self.items, item), item)

    def get(self) -> Any:
        return self.items.pop(0)


class PriorityQueue(Queue):
    """As ``queue.PriorityQueue``: the smallest item comes first."""

    make = Ordered


class Job(NamedTuple):
    """A job that has been taken."""

    key: str
    what: Any
    attempt: int  # 1 for the first


class Jobs:
    """Jobs that wait, and who works on the others, until when."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        self.waiting: deque[tuple[Any, int]] = deque()
        self.running: dict[str, tuple[ProcessId, float, Any, int]] = {}
        self.done = 0
        self.lost: list[Any] = []

    def lapsed(self) -> list[str]:
        now = time.monotonic()
        return [key for key, (who, until, _, _) in self.running.items() if not who.alive or until <= now]

    def available(self) -> bool:
        return len(self.waiting) > 0 or len(self.lapsed()) > 0

    def finished(self) -> bool:
        return not self.waiting and not self.running

    def soonest(self) -> float:
        return min((until for _, until, _, _ in self.running.values()), default=math.inf)

    def put(self, what: Any) -> None:
        self.waiting.append((what, 0))

    def again(self, key: str) -> None:
        _, _, what, attempt = self.running.pop(key)
        if attempt < self.attempts:
            self.waiting.append((what, attempt))
        else:
            self.lost.append(what)

    def take(self, key: str, who: ProcessId, seconds: float) -> tuple[Any, int] | None:
        for each in self.lapsed():
            self.again(each)
        if not self.waiting:
            return None  # all that had lapsed have been tried often enough
        what, attempt = self.waiting.popleft()
        self.running[key] = who, time.monotonic() + seconds, what, attempt + 1
        return what, attempt + 1

    def finish(self, key: str) -> bool:
        if self.running.pop(key, None) is None:
            return False
        self.done += 1
        return True

    def fail(self, key: str) -> None:
        if key in self.running:
            self.again(key)


class JobQueue:
    """Jobs of which each is done, also if workers die: a job comes back when its worker dies or its lease is over.

    ``finish`` counts a job once. A worker that was slower than its lease may have done it a second time; what it
    wants to keep should be kept by whoever ``finish`` gives True.

    Args:
        lease: seconds that a worker has for a job; None: as long as it lives.
        attempts: after so many a job is not tried again, but put aside (``lost``).
    """

    def __init__(self, shared: Share, name: str, lease: float | None = None, attempts: int = 3) -> None:
        self.shared, self.lease = shared, math.inf if lease is None else lease
        self.jobs: Jobs = shared.setdefault(name, Jobs(attempts))

    def put(self, what: Any) -> None:
        """Adds a job."""
        self.jobs.put(what)

    def take(self, timeout: float | None = None) -> Job:
        """Waits for a job. Raises ``queue.Empty`` after ``timeout`` seconds."""
        jobs, me, end = self.jobs, this_process(), math.inf if timeout is None else time.monotonic() + timeout
        while True:
            now, key = time.monotonic(), uuid.uuid4().hex
            rest = max(0.0, min(end, max(jobs.soonest(), now + 0.01)) - now)
            try:
                found = self.shared.wait_then(
                    jobs.available, jobs.take, key, me, self.lease, timeout=None if math.isinf(rest) else rest
                )
            except ShareTimeoutError:
                if time.monotonic() >= end:
                    raise queue.Empty from None
                continue
            except BaseException:
                jobs.fail(key)
                raise
            if found is not None:
                return Job(key, *found)

    def finish(self, job: Job) -> bool:
        """The job is done. False: it had been given to another, as the lease was over."""
        return self.jobs.finish(job.key)

    def fail(self, job: Job) -> None:
        """The job is to be tried again, if it has not been too often."""
        self.jobs.fail(job.key)

    def work(self, function: Callable[[Any], Any], timeout: float = 0.0) -> Iterator[Any]:
        """Takes jobs and does them, until there is none for ``timeout`` seconds; gives the results."""
        while True:
            try:
                job = self.take(timeout)
            except queue.Empty:
                return
            try:
                result = function(job.what)
            except Exception:
                self.fail(job)
                continue
            if self.finish(job):
                yield result

    def join(self, timeout: float | None = None) -> None:
        """Waits until all jobs are done or lost. Raises ShareTimeoutError."""
        self.shared.wait_for(self.jobs.finished, timeout)

    @property
    def done(self) -> int:
        """How many have been done."""
        return self.jobs.done

    @property
    def lost(self) -> list[Any]:
        """Those that have been tried too often."""
        return list(self.jobs.lost)
