"""Generators that methods have returned: each runs here, a step a command, for the process that iterates over it."""

import os
from collections.abc import Generator
from itertools import count
from typing import Any

from share import _protocol
from share.errors import CoordinatorLostError, CorruptDataError, ShareError

__all__ = ["Generators"]

_Key = tuple[int, int]  # of this coordinator, and of the generator


class _Kept:
    """What the caller gets of a generator: its key, and the object whose method it is."""

    __slots__ = ("key", "live")

    def __init__(self, key: _Key, live: Any) -> None:
        self.key, self.live = key, live

    def __reduce__(self) -> tuple[Any, ...]:
        return _protocol.generator, (self.key, self.live)


class Generators:
    """The generators that are not at their end, each with the object and the process that it belongs to."""

    def __init__(self, store: Any, control: Any) -> None:
        self.store, self.control = store, control
        self.running: dict[_Key, tuple[Generator[Any, Any, Any], Any, int, int]] = {}
        self.coordinator, self.numbers = int.from_bytes(os.urandom(7)), count(1)

    def keep(self, generator: Generator[Any, Any, Any], live: Any, owner: int) -> _Kept:
        """Keeps a generator that a method of that object returns to the process of that entry."""
        key = self.coordinator, next(self.numbers)
        self.running[key] = generator, live, owner, self.control.process_info(owner)[1]
        return _Kept(key, live)

    def step(self, payload: tuple[Any, ...], owner: int) -> tuple[bool, Any]:
        """Lets a generator take a step: (True, what it returned) at its end, else (False, what it yields)."""
        key, action, value = payload
        found = self.running.get(key)
        if found is None:
            if action == "close":
                return True, None
            raise CoordinatorLostError(
                "this generator is gone: the coordinator in which it ran has died, or what it worked on was loaded "
                "anew after a command that failed; call the method again"
            )
        generator, live, *whose = found
        if whose != [owner, self.control.process_info(owner)[1]]:
            # A forked child has its parent's, and lets it go.
            if action == "close":
                return True, None
            raise ShareError(
                "this generator belongs to another process: call the method here, or make a list of it there"
            )
        mirror = self.store.mirror_of(live)
        if mirror is None:
            self.store.note_node(live, True)
        else:
            self.store.note_change(mirror, None)
            self.store.note_unsure(mirror, None)
        ended = True
        try:
            if action == "send":
                result = generator.send(value)
            elif action == "throw":
                result = generator.throw(value)
            elif action == "close":
                generator.close()
                return True, None
            else:
                raise CorruptDataError(f"a generator cannot {action!r}")
            ended = False
        except StopIteration as end:
            return True, end.value
        finally:
            if ended:
                self.running.pop(key, None)
        return False, result

    def forget(self, serial: int) -> None:
        """Ends the generators of a process that has gone."""
        for key, found in list(self.running.items()):
            if found[3] == serial:
                del self.running[key]

    def forget_all(self) -> None:
        """The state has been loaded anew: what the generators refer to is no longer part of it."""
        self.running.clear()
