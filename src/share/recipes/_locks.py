"""Lock, Semaphore, Barrier and Event, whose holders may die."""

import math
import time
import uuid
from typing import Any, Self

from share import ProcessId, Share, ShareTimeoutError, send, this_process

__all__ = ["Barrier", "Event", "Lock", "Semaphore"]


class Permits:
    """Who holds which of some permits, and until when (monotonic seconds)."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.held: dict[str, tuple[ProcessId, float]] = {}

    def free(self) -> bool:
        now = time.monotonic()
        return sum(who.alive and until > now for who, until in self.held.values()) < self.number

    def soonest(self) -> float:
        return min((until for _, until in self.held.values()), default=math.inf)

    def holds(self, key: str | None) -> bool:
        return key in self.held and self.held[key][1] > time.monotonic()

    def take(self, key: str, who: ProcessId, seconds: float) -> None:
        now = time.monotonic()
        self.held = {k: (w, until) for k, (w, until) in self.held.items() if w.alive and until > now}
        self.held[key] = who, now + seconds

    def give_back(self, key: str | None) -> bool:
        return self.held.pop(key or "", None) is not None


class Semaphore:
    """At most so many holders at a time; the permit of one that dies, or whose lease is over, is free again.

    Args:
        lease: seconds after which a permit is free whether or not it has been given back; None: never.
    """

    def __init__(self, shared: Share, name: str, permits: int = 1, lease: float | None = None) -> None:
        self.shared, self.lease = shared, math.inf if lease is None else lease
        self.permits: Permits = shared.setdefault(name, Permits(permits))
        self.keys: list[str] = []  # of the permits that this handle holds

    def acquire(self, timeout: float | None = None) -> bool:
        """Waits for a permit, first come, first served; False: there was none within ``timeout`` seconds."""
        key, end = uuid.uuid4().hex, math.inf if timeout is None else time.monotonic() + timeout
        permits, me = self.permits, this_process()
        while True:
            now = time.monotonic()
            rest = max(0.0, min(end, max(permits.soonest(), now + 0.01)) - now)
            try:
                self.shared.wait_then(
                    permits.free,
                    permits.take,
                    key,
                    me,
                    self.lease,
                    timeout=None if math.isinf(rest) else rest,
                )
            except ShareTimeoutError:
                if time.monotonic() >= end:
                    return False
            except BaseException:
                send(permits.give_back, key)  # it may have been taken for us just now
                raise
            else:
                self.keys.append(key)
                return True

    def release(self) -> None:
        """Gives a permit back. Raises RuntimeError if this handle holds none, or its lease was over."""
        if not self.keys or not self.permits.give_back(self.keys.pop()):
            raise RuntimeError("this handle holds no permit, or its lease was over and another has taken it")

    @property
    def held(self) -> bool:
        """Whether this handle holds a permit, whose lease is not over."""
        return bool(self.keys) and self.permits.holds(self.keys[-1])

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "keys": []}  # what one process holds, another does not


class Lock(Semaphore):
    """One holder at a time, until it gives the lock back, dies, or its ``lease`` is over."""

    def __init__(self, shared: Share, name: str, lease: float | None = None) -> None:
        super().__init__(shared, name, 1, lease)


class Round:
    """Who has arrived at a barrier."""

    def __init__(self, parties: int) -> None:
        self.parties, self.number = parties, 0
        self.waiting: list[ProcessId] = []

    def arrive(self, who: ProcessId) -> int:
        number = self.number
        self.waiting = [*(each for each in self.waiting if each.alive), who]
        if len(self.waiting) >= self.parties:
            self.number, self.waiting = number + 1, []
        return number

    def leave(self, who: ProcessId) -> None:
        if who in self.waiting:
            self.waiting.remove(who)


class Barrier:
    """All wait until so many have come. One that dies while it waits does not count."""

    def __init__(self, shared: Share, name: str, parties: int) -> None:
        self.shared = shared
        self.round: Round = shared.setdefault(name, Round(parties))

    def wait(self, timeout: float | None = None) -> int:
        """Returns the number of the round, from 0. Raises ShareTimeoutError after ``timeout`` seconds."""
        me = this_process()
        number: int = self.round.arrive(me)
        try:
            self.shared.wait_for(lambda: self.round.number > number, timeout)
        except BaseException:
            self.round.leave(me)
            raise
        return number


class Switch:
    """On or off."""

    def __init__(self) -> None:
        self.on = False


class Event:
    """As ``threading.Event``, for processes."""

    def __init__(self, shared: Share, name: str) -> None:
        self.shared = shared
        self.switch: Switch = shared.setdefault(name, Switch())

    def set(self) -> None:
        """Lets everybody go who is waiting."""
        self.switch.on = True

    def clear(self) -> None:
        """From now on they wait again."""
        self.switch.on = False

    def is_set(self) -> bool:
        """Whether it is set."""
        return self.switch.on

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is set; False: it was not within ``timeout`` seconds."""
        try:
            return self.shared.wait_for(self.is_set, timeout)
        except ShareTimeoutError:
            return False
