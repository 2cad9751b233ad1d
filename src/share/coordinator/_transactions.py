"""Commands that are functions: several attributes at once, compare and set, transactions, waits, steps."""

import logging
import os
import sys
import time
from collections.abc import Coroutine
from typing import Any

from share import cerial
from share._process import is_proven_dead
from share._protocol import encode, node_reference, reference
from share.cerial._classes import find_class
from share.cerial._digests import code_of
from share.errors import CorruptDataError

from . import _streams
from ._generators import Generators
from ._parts import part, setting_goes_past, starts_at_node

__all__ = ["Transactions"]

_OUTSIDE = (
    "a command that runs in the coordinator has no `transact`, except a transaction: call the function itself, it is a "
    "part of the command. (What it has changed cannot be undone alone.)"
)
#: When this process began, on the clock of files, CLOCK_REALTIME_COARSE: it has loaded no module before.
STARTED = time.clock_gettime(5)
_Head = tuple[Any, ...]  # (class name, [node id,] step, ...): see _parts.py
_Place = tuple[int, int, int]  # process entry, serial, ticket: one who waits in a line


_MOST_OTHERS = 20


class _Again(BaseException):
    """Ends a run of a transaction in which an inner one has failed."""


class Running:
    """A transaction that runs, with what is known of those inside it.

    If one of these fails, all that the transaction has done is undone, and it runs again, with the inner one as a call
    that only raises.
    """

    def __init__(self, store: Any) -> None:
        self.store = store
        #: Of each inner one, in order: its key and what it has raised. None: it has not failed.
        self.known: list[tuple[Any, BaseException] | None] = []
        self.others = 0
        self.begin()

    def begin(self) -> None:
        """Before each run."""
        self.at = 0
        self.is_void = False
        self.first = self.store.new_id()  # what is made from now on has greater ids
        self.made: dict[int, int] = {}  # id -> number, of what inner ones were given of that

    def inner(self, function: Any, args: tuple[Any, ...]) -> Any:
        """Runs a function all or nothing."""
        if self.is_void:
            return function(*args)  # somebody has caught _Again; what is done now is undone, too
        key = self._key(function, args)
        i = self.at
        self.at += 1
        known = self.known[i] if i < len(self.known) else None
        if known is not None:
            if known[0] == key:
                raise known[1].with_traceback(None)
            del self.known[i:]  # this run goes another way
            self.others += 1
            if self.others == _MOST_OTHERS:
                raise RuntimeError(
                    "a transaction has gone another way each time that it ran again after an inner one had failed: "
                    "give it what depends on chance or time as an argument"
                )
        if i == len(self.known):
            self.known.append(None)
        try:
            return function(*args)
        except _Again:
            raise
        except BaseException as error:
            self.known[i:] = [(key, _without_frames(error))]
            self.is_void = True
            raise _Again from None

    def _key(self, function: Any, args: tuple[Any, ...]) -> Any:
        try:
            return getattr(function, "__qualname__", ""), encode(args, "argument", self._reduce)
        except Exception:
            return None

    def _reduce(self, value: Any) -> Any:
        """References; to what this run has made by a number, as that has another id in each run."""
        reduced = self.store.reduce(value)
        if (
            reduced is NotImplemented
            or reduced[0] not in (reference, node_reference)
            or reduced[1][1] < self.first
        ):
            return reduced
        return int, (self.made.setdefault(reduced[1][1], -1 - len(self.made)),)


#: The transaction that runs; there is one at most.
running: Running | None = None


def inner_transaction(function: Any, /, *args: Any, timeout: float | None = None) -> Any:
    """``share.transact`` inside a transaction."""
    if running is None:
        raise AttributeError(_OUTSIDE)
    return running.inner(function, args)


def _without_frames(error: BaseException) -> BaseException:
    """Frames would keep objects alive that are undone."""
    found: BaseException | None = error
    for _ in range(8):
        if found is None:
            break
        found.__traceback__ = None
        found = found.__cause__ or found.__context__
    return error


def _changed(file: str | None) -> float:
    """When a file was written, or touched."""
    try:
        return 0.0 if file is None else os.stat(file).st_ctime
    except OSError:
        return 0.0


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
            "store": self._store,
            "update": self._update,
            "cas": self._compare_and_set,
            "wait_then": self._wait_then,
            "leave_line": self._leave_line,
            "new_code": self._new_code,
        }
        self.stores = False  # the commit to come waits until everything is stored
        self.steps_down = False  # once what has been executed is committed

    def _store(self, payload: Any, owner: int) -> None:
        self.stores = True

    def run(self, name: str, data: bytes, owner: int) -> Any:
        """Runs the function of that name for the process of that entry."""
        if name == "transact":
            return self._transaction(data)
        function = self.functions.get(name)
        if function is None:
            raise CorruptDataError(f"a command with an unknown function {name!r}")
        return function(cerial.loads(data), owner)

    def _new_code(self, payload: tuple[Any, ...], owner: int) -> bool:
        """Whether this process has, or a successor will have, the code of a class that another one has.

        A successor loads all modules and all state anew. This process cannot: its modules, and what is stored, refer
        to each other's classes.
        """
        module, name, code, path = payload
        cls = find_class(module, name)
        found = code_of(cls)
        if found is None or code is None or found[2] == code[2]:
            return found is not None and code is not None
        files = {getattr(sys.modules.get(base.__module__), "__file__", None) for base in cls.__mro__}
        own = max(map(_changed, files))
        others = 0.0 if code[1] in files else _changed(code[1])
        if others > own or others >= STARTED:
            # A release in a folder of its own. It comes first: the files of this process may have been touched since.
            self.steps_down = self._look_elsewhere(path)
        else:
            # Else the other one has what was in the file before, or an older file.
            self.steps_down = own >= STARTED
        return self.steps_down

    def _look_elsewhere(self, path: list[str]) -> bool:
        """Has successors find modules where another process does."""
        configuration = {**cerial.loads(self.control.configuration()), "path": path}
        done: bool = self.control.reconfigure(cerial.dumps(configuration))
        return done

    def step_down(self) -> None:
        """Ends this process as if it had been killed: whoever waits starts a successor."""
        logging.getLogger("share.coordinator").info("this coordinator makes room for one that loads new code")
        logging.shutdown()
        _streams.finish()
        os._exit(0)

    def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs what an ``async def`` method has returned to its end: others' commands wait meanwhile."""
        import asyncio

        return asyncio.run(coroutine)

    def _reach(self, at: int, head: _Head, cells: tuple[int, ...] | None = None, sure: bool = False) -> Any:
        """The object that a head means, and of what kind it is; what a function does to it need not be recorded."""
        if starts_at_node(head):
            start, steps = self.store.node(head[1]), head[2:]
            found = part(start, head, steps)
            self.store.note_node(start, not sure)
            return found
        mirror = self.store.held(at, head[0])
        found = part(mirror.live, head, head[1:])
        self.store.note_change(mirror, cells)
        if not sure:
            self.store.note_unsure(mirror, cells)
        return found

    def _update(self, payload: tuple[Any, ...], owner: int) -> None:
        at, head, attributes = payload
        for name, value in attributes.items():
            setattr(self._reach_attribute(at, head, name), name, value)

    def _compare_and_set(self, payload: tuple[Any, ...], owner: int) -> bool:
        at, head, name, expected, new = payload
        found = self._reach_attribute(at, head, name)
        if not _same(getattr(found, name), expected):
            return False
        setattr(found, name, new)
        return True

    def _reach_attribute(self, at: int, head: _Head, name: str) -> Any:
        """The object that a head means, of which an attribute is to be assigned."""
        if starts_at_node(head):
            node = self.store.node(head[1])
            return self._reach(
                at, head, None, len(head) == 2 and not setting_goes_past(node, name, self.store)
            )
        shape = self.store.held(at, head[0]).shape
        cells = shape.setter_cells(name) if len(head) == 1 else None
        return self._reach(at, head, cells, cells is not None and len(cells) == 1)

    def _transaction(self, data: bytes) -> Any:
        global running
        running = Running(self.store)
        try:
            while True:
                try:
                    return self._transact(cerial.loads(data), running)
                except BaseException:
                    if not running.is_void:
                        raise
                    running.begin()
        finally:
            running = None

    def _transact(self, payload: tuple[Any, ...], run: Running) -> Any:
        function, values, places = payload
        arguments = list(values)
        try:
            for i, at, head in places:
                arguments[i] = self._reach(at, head)
            self.store.note_all_reached()
            result = function(*arguments)
            if run.is_void:
                raise _Again
            encode(result, "result", self.store.reduce)  # what cannot be told leaves nothing behind either
        except BaseException:
            self.generators.drop(self.store.spoilt_ids())
            if self.store.abandon():
                self.generators.drop(None)
            raise
        finally:
            arguments.clear()  # a traceback that lives on would keep them alive
        return result

    # -- waits ----------------------------------------------------------------------------------------
    #
    # Who waits for the same predicate and method stands in one line, in the order of arrival. Only the first may go.
    # The lines are no state: after a take-over they form anew.

    def _wait_then(self, payload: tuple[Any, ...], owner: int) -> tuple[bool, Any]:
        """(True, the method's result), or (False, whether the caller is first in its line)."""
        key, ticket, args, kwargs = payload
        at, head, name, predicate = key
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
            result = getattr(self._reach(at, head), name)(*args, **kwargs)
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
