"""Commands that are functions: several attributes at once, compare and set, transactions, waits, steps."""

from collections.abc import Coroutine
from typing import Any

from share import cerial
from share._process import is_proven_dead
from share._protocol import encode
from share.errors import CorruptDataError

from ._generators import Generators
from ._parts import part, path_cells

__all__ = ["Transactions"]

_Path = tuple[Any, ...]
_Place = tuple[int, int, int]  # process entry, serial, ticket: one who waits in a line


class Transactions:
    """Runs such commands on the mirrors of a store."""

    def __init__(self, store: Any, control: Any) -> None:
        self.store = store
        self.control = control
        self.lines: dict[tuple[Any, ...], list[_Place]] = {}
        self.generators = Generators(store, control)
        self.functions: dict[str, Any] = {
            "step": self.generators.step,
            "end_generators": self.generators.end,
            "nothing": lambda payload, owner: None,
            "update": self._update,
            "cas": self._compare_and_set,
            "transact": self._transact,
            "wait_then": self._wait_then,
            "leave_line": self._leave_line,
        }

    def run(self, name: str, data: bytes, owner: int) -> Any:
        """Runs the function of that name for the process of that entry."""
        function = self.functions.get(name)
        if function is None:
            raise CorruptDataError(f"a command with an unknown function {name!r}")
        return function(cerial.loads(data), owner)

    def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs what an ``async def`` method has returned to its end: others' commands wait meanwhile."""
        import asyncio

        return asyncio.run(coroutine)

    def _reach(self, at: int, path: _Path) -> tuple[Any, Any]:
        """The mirror of the object with that id, and the object at the path in it."""
        mirror = self.store.held(at, path[0])
        return mirror, mirror.live if len(path) == 1 else part(mirror.live, path)

    def _update(self, payload: tuple[Any, ...], owner: int) -> None:
        at, path, attributes = payload
        mirror, found = self._reach(at, path)
        for name, value in attributes.items():
            self._assign(mirror, path, found, name, value)

    def _compare_and_set(self, payload: tuple[Any, ...], owner: int) -> bool:
        at, path, name, expected, new = payload
        mirror, found = self._reach(at, path)
        if not _same(getattr(found, name), expected):
            return False
        self._assign(mirror, path, found, name, new)
        return True

    def _assign(self, mirror: Any, path: _Path, found: Any, name: str, value: Any) -> None:
        cells = mirror.shape.setter_cells(name) if len(path) == 1 else path_cells(mirror.shape, path)
        self.store.note_change(mirror, cells)
        setattr(found, name, value)

    def _transact(self, payload: tuple[Any, ...], owner: int) -> Any:
        function, values, places = payload
        arguments = list(values)
        try:
            for i, at, path in places:
                mirror, arguments[i] = self._reach(at, path)
                self.store.note_change(mirror, None)
            self.store.note_all_reached()
            result = function(*arguments)
            encode(result, "result", self.store.reduce)  # what cannot be told leaves nothing behind either
        except BaseException:
            self.generators.drop(self.store.spoilt_ids())
            self.store.take_back()
            raise
        return result

    # -- waits ----------------------------------------------------------------------------------------
    #
    # Who waits for the same predicate and method stands in one line, in the order of arrival. Only the first may go.
    # The lines are no state: after a take-over they form anew.

    def _wait_then(self, payload: tuple[Any, ...], owner: int) -> tuple[bool, Any]:
        """(True, the method's result), or (False, whether the caller is first in its line)."""
        key, ticket, args, kwargs = payload
        at, path, name, predicate = key
        me = (owner, self.control.process_info(owner)[1], ticket)
        line = self.lines.setdefault(key, [])
        while line and line[0] != me and self._has_gone(line[0]):
            line.pop(0)
        if me not in line:
            line.append(me)
        if line[0] != me:
            return False, False
        try:
            if not cerial.loads(predicate)():
                return False, True
            mirror, found = self._reach(at, path)
            self.store.note_change(mirror, None if len(path) == 1 else path_cells(mirror.shape, path))
            result = getattr(found, name)(*args, **kwargs)
        except BaseException:
            self._leave(key, me)
            raise
        self._leave(key, me)
        return True, result

    def _leave_line(self, payload: tuple[Any, ...], owner: int) -> None:
        key, ticket = payload
        self._leave(key, (owner, self.control.process_info(owner)[1], ticket))

    def _leave(self, key: tuple[Any, ...], who: _Place) -> None:
        line = self.lines.get(key, [])
        if who in line:
            line.remove(who)
        if not line:
            self.lines.pop(key, None)
        self.control.note_left_line()

    def _has_gone(self, who: _Place) -> bool:
        word, serial = self.control.process_info(who[0])
        return serial != who[1] or word == 0 or bool(is_proven_dead(word))


def _same(current: Any, expected: Any) -> bool:
    """Whether two values are equal; also if only their encoded forms are, as with a NaN."""
    if current is expected or current == expected:
        return True
    if type(current) is not type(expected):
        return False
    return encode(current, "value") == encode(expected, "value")
