"""Generators that methods have returned: each runs here, a step a command, for the process that iterates over it."""

import logging
import os
from collections.abc import Awaitable
from contextlib import _AsyncGeneratorContextManager, _GeneratorContextManager
from itertools import count
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from share import _protocol
from share.errors import CoordinatorLostError, CorruptDataError, ShareError

if TYPE_CHECKING:
    import asyncio

__all__ = ["KINDS", "Generators"]

log = logging.getLogger("share.coordinator")

_Key = tuple[int, int]  # of this coordinator, and of the generator

#: What is kept here: generators, and context managers made of them.
KINDS: dict[type, str] = {
    GeneratorType: "generator",
    AsyncGeneratorType: "async generator",
    _GeneratorContextManager: "manager",
    _AsyncGeneratorContextManager: "async manager",
}


class _Kept:
    """What the caller gets of a generator: its key, and the object whose method it is."""

    __slots__ = ("key", "kind", "live")

    def __init__(self, key: _Key, live: Any, kind: str) -> None:
        self.key, self.live, self.kind = key, live, kind

    def __reduce__(self) -> tuple[Any, ...]:
        return _protocol.generator, (self.key, self.live, self.kind)


class Generators:
    """The generators that are not at their end, each with the object and the process that it belongs to."""

    def __init__(self, store: Any, control: Any) -> None:
        self.store, self.control = store, control
        # Each with the object whose method it is, and its number; 0: that is a part.
        self.running: dict[_Key, tuple[Any, Any, int, int, int]] = {}
        self.runner: asyncio.Runner | None = None  # whose loop asynchronous generators run in
        self.coordinator, self.numbers = int.from_bytes(os.urandom(7)), count(1)

    def keep(self, returned: Any, live: Any, owner: int) -> _Kept:
        """Keeps a generator, or that of a context manager, that a method of that object returns to that entry."""
        mirror = self.store.mirror_of(live)
        at = 0 if mirror is None else self.store.held(mirror.id, "object of a generator").id
        key = self.coordinator, next(self.numbers)
        kind = KINDS[type(returned)]
        generator = returned.gen if kind.endswith("manager") else returned
        self.running[key] = generator, live, at, owner, self.control.process_info(owner)[1]
        return _Kept(key, live, kind)

    def step(self, payload: tuple[Any, ...], owner: int) -> tuple[bool | None, Any]:
        """Lets a generator take a step: (False, what it yields), or at its end (True, what it returned).

        (None, whether as the cause of a RuntimeError): it has raised the very exception that was thrown into it.
        """
        key, action, value = payload
        found = self.running.get(key)
        if found is None:
            if action == "close":
                return True, None
            raise CoordinatorLostError(
                "this generator is gone: the coordinator in which it ran has died, or what it worked on was loaded "
                "anew after a command that failed; call the method again"
            )
        generator, live, at, *whose = found
        if whose != [owner, self.control.process_info(owner)[1]]:
            # A forked child has its parent's, and lets it go.
            if action == "close":
                return True, None
            raise ShareError(
                "this generator belongs to another process: call the method here, or make a list of it there"
            )
        self._note(live, at)
        ended = True
        try:
            if action == "close":
                self._close(generator)
                return True, None
            if action not in ("send", "throw"):
                raise CorruptDataError(f"a generator cannot {action!r}")
            if type(generator) is AsyncGeneratorType:
                result = self._await(getattr(generator, "a" + action)(value))
            else:
                result = getattr(generator, action)(value)
            ended = False
        except BaseException as error:
            if action == "throw" and _is_same(error, value):
                return None, False
            if isinstance(error, (StopIteration, StopAsyncIteration)):
                return True, getattr(error, "value", None)
            if action == "throw" and isinstance(error, RuntimeError) and error.__cause__ is value:
                return None, True
            raise
        finally:
            if ended:
                self.running.pop(key, None)
        return False, result

    def _note(self, live: Any, at: int) -> None:
        """A generator may change whatever the object has whose method it is."""
        if at:
            mirror = self.store.held(at, "generator")
            self.store.note_change(mirror, None)
            self.store.note_unsure(mirror, None)
        else:
            self.store.note_node(live, True)

    def _await(self, step: Awaitable[Any]) -> Any:
        """Runs a step of an asynchronous generator to its end, in a loop that all of them have."""

        async def take() -> Any:
            return await step

        if self.runner is None:
            import asyncio

            self.runner = asyncio.Runner()
        return self.runner.run(take())

    def has_of(self, serial: int) -> bool:
        """Whether there are any of the process that registered under that number."""
        return any(found[-1] == serial for found in self.running.values())

    def end(self, serial: int, owner: int) -> None:
        """Closes those of a process that has gone, as Python closes what nobody holds."""
        for key, (generator, live, at, _, whose) in list(self.running.items()):
            if whose == serial:
                del self.running[key]
                try:
                    self._note(live, at)
                    self._close(generator)
                except Exception:
                    log.exception("closing a generator of a process that has gone")

    def _close(self, generator: Any) -> None:
        self._await(generator.aclose()) if hasattr(generator, "aclose") else generator.close()

    def drop(self, ids: set[int] | None) -> None:
        """Closes those of these objects, or of all. To be called before these are loaded anew.

        What the generators refer to is no longer part of the state then; nor is what they change now.
        """
        for key, (generator, _, at, *_) in list(self.running.items()):
            if ids is None or at in ids:
                del self.running[key]
                try:
                    self._close(generator)
                except BaseException:
                    pass  # they are told at their next step that they are gone


def _is_same(error: BaseException, thrown: BaseException) -> bool:
    """Whether what a generator raises is what was thrown into it; a task that is cancelled raises one of its own."""
    return error is thrown or (type(error) is type(thrown) and type(error).__name__ == "CancelledError")
