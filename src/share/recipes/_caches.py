"""Cache, once and get_or_create: computed by one, used by all."""

import math
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from share import ProcessId, Share, this_process

from ._locks import Lock

__all__ = ["Cache", "get_or_create", "once"]

T = TypeVar("T")


class Entries:
    """Values by key, the one used last at the end, and who computes which."""

    def __init__(self, most: float) -> None:
        self.most = most
        self.values: dict[Hashable, tuple[Any, float]] = {}
        self.pending: dict[Hashable, ProcessId] = {}

    def find(self, key: Hashable) -> tuple[Any] | None:
        found = self.values.get(key)
        return None if found is None or found[1] <= time.monotonic() else (found[0],)

    def settled(self, key: Hashable) -> bool:
        who = self.pending.get(key)
        return who is None or not who.alive

    def touch(self, key: Hashable) -> None:
        if key in self.values:
            self.values[key] = self.values.pop(key)

    def claim(self, key: Hashable, who: ProcessId) -> tuple[Any] | bool:
        found = self.find(key)
        if found is not None:
            return found
        if not self.settled(key):
            return False
        self.pending[key] = who
        return True

    def store(self, key: Hashable, value: Any, until: float) -> None:
        self.pending.pop(key, None)
        self.values.pop(key, None)
        self.values[key] = value, until
        while len(self.values) > self.most:
            del self.values[next(iter(self.values))]

    def give_up(self, key: Hashable) -> None:
        self.pending.pop(key, None)

    def drop(self, key: Hashable) -> None:
        self.values.pop(key, None)

    def clear(self) -> None:
        self.values.clear()

    def size(self) -> int:
        return len(self.values)


class Cache:
    """Values that are computed once for all processes: others wait meanwhile; if the process dies, another computes it.

    Args:
        maxsize: beyond so many values the least recently used one is forgotten; None: no limit.
        ttl: seconds for which a value holds; None: for ever.
    """

    def __init__(
        self, shared: Share, name: str, maxsize: int | None = None, ttl: float | None = None
    ) -> None:
        self.shared, self.ttl = shared, math.inf if ttl is None else ttl
        self.entries: Entries = shared.setdefault(name, Entries(math.inf if maxsize is None else maxsize))

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of a key, which is computed if there is none."""
        entries = self.entries
        found: Any = entries.find(key)
        if found is not None:
            entries.touch(key)
            return found[0]  # type: ignore[no-any-return]
        while (claimed := entries.claim(key, this_process())) is not True:
            if claimed:
                return claimed[0]  # type: ignore[no-any-return]
            self.shared.wait_for(lambda: entries.settled(key))
        try:
            value = compute()
        except BaseException:
            entries.give_up(key)
            raise
        entries.store(key, value, time.monotonic() + self.ttl)
        return value

    def drop(self, key: Hashable) -> None:
        """Forgets the value of a key."""
        self.entries.drop(key)

    def clear(self) -> None:
        """Forgets all values."""
        self.entries.clear()

    def __len__(self) -> int:
        return self.entries.size()


def once(shared: Share, name: str, function: Callable[[], T]) -> T:
    """What ``function()`` gives, called by one process only; if that dies meanwhile, another calls it."""
    return Cache(shared, name).get(name, function)


def get_or_create(shared: Share, name: str, factory: Callable[[], Any]) -> Any:
    """The object of that name, made by ``factory()`` if there is none: by one process, while others wait for it.

    Where the factory is cheap, ``shared.setdefault(name, factory())`` does the same.
    """
    if name not in shared:
        with Lock(shared, f"{name}:lock"):
            if name not in shared:
                shared[name] = factory()
    return shared[name]
