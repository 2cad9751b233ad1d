"""``shared.changes``: what commits change in an object, one after the other."""

from hashlib import blake2b
from time import monotonic
from typing import Any, Self

from share import _paths
from share._protocol import encode
from share.client._change import Change
from share.client._instances import instance_of
from share.client._looks import Looks, place_of
from share.client._proxy import MISSING, Proxy
from share.client._snapshots import shared_object
from share.errors import DeletedObjectError, NotShareableError, ShareTimeoutError

__all__ = ["ALL", "Changes"]

ALL: Any = type("ALL", (), {"__slots__": ()})()


class Changes:
    """An iterator, and an asynchronous one, over :class:`Change`; ``next(timeout=...)`` limits a wait."""

    def __init__(self, session: Any, obj: Any, name: Any) -> None:
        obj = shared_object(obj)
        if not isinstance(obj, Proxy):
            raise TypeError(
                f"changes() takes a shared object or a part of one, not {type(obj).__name__}; for a value give the "
                'object that it is in, changes(shared.config, "limit"), or take wait_for'
            )
        self._session, self._obj, self._name = session, obj, name
        owner, cell, self._inner = place_of(session, obj)
        self._class: Any = type(owner)
        opaque = self._class._share_plan_.kind == "opaque"
        self._opaque, self._nested, self._begun = opaque, obj.is_nested, False
        self._is_node = owner.is_nested
        self._cells: tuple[Any, ...] = (
            "",
            *(() if self._is_node else self._class._share_cells_),
        )  # the name of each
        self._whole = cell is None and name is ALL and not opaque and not self._is_node
        if self._is_node:
            cell = 0
        elif cell is None and not opaque:
            if name is not ALL and not isinstance(name, str):
                raise TypeError(f"the name of an attribute is a str, not {type(name).__name__}")
            cell = None if name is ALL else self._class._share_index_.get(name, 0)
            self._inner = () if name is ALL else (_paths.ATTRIBUTE, name)
        elif cell is None:
            cell = 1
        self._extra = not opaque and not self._is_node and cell == 0  # an attribute without a cell of its own
        self._looks = Looks(owner, range(len(self._cells)) if cell is None else [cell])
        self._digests: dict[int, dict[Any, Any]] = {}  # by cell, of what is in it
        self._ended: DeletedObjectError | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change:
        return self.next()

    def next(self, timeout: float | None = None) -> Change:
        """The next change. Raises ShareTimeoutError if there is none for ``timeout`` seconds."""
        until = None if timeout is None else monotonic() + timeout
        while True:
            change = self._look()
            if change is not None:
                return change
            if not self._looks.wait(None if until is None else max(0.0, until - monotonic())):
                raise ShareTimeoutError(f"nothing that is watched has changed for {timeout} s")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        from share.client._futures import changed

        while True:
            change = self._look()
            if change is not None:
                return change
            await changed(self._session, self._looks.watch)

    def _look(self) -> Change | None:
        """What has changed since the last look."""
        if self._ended is not None:
            raise self._ended
        try:
            position, found = self._looks.look()
            values = self._attributes(found) if self._whole else self._one(found)
        except DeletedObjectError as error:
            self._ended = error  # it is gone for ever: nothing would end another wait
            raise
        if not values:
            return None
        changed = {path: value for path, value in values.items() if value is not MISSING}
        gone = tuple(path for path, value in values.items() if value is MISSING)
        self._begun, begun = True, self._begun
        return Change(position, changed, gone, begun and any(gap for _, _, gap in found.values()))

    def _attributes(self, found: dict[int, tuple[Any, bool, bool]]) -> dict[tuple[Any, ...], Any]:
        changed: dict[tuple[Any, ...], Any] = {}
        for cell, (value, assigned, _) in found.items():
            before = self._digests.get(cell, {})
            there = {self._cells[cell]: value} if cell else {} if value is MISSING else value
            digests = self._digests[cell] = {name: _digest(held) for name, held in there.items()}
            for name in {**before, **there}:
                if (cell and assigned) or before.get(name) != digests.get(name):
                    changed[name,] = there.get(name, MISSING)
        if not self._begun:
            values = [found[cell][0] for cell in range(len(self._cells))]
            return {(): instance_of(self._class, values, MISSING)}
        return changed

    def _one(self, found: dict[int, tuple[Any, bool, bool]]) -> dict[tuple[Any, ...], Any]:
        # A part of what has changed need not have.
        is_all = self._name is ALL and not self._inner
        for cell, (value, assigned, _) in found.items():
            part = self._part(value)
            before, digest = self._digests.get(cell), _digest(part)
            self._digests[cell] = {ALL: digest}
            if not (assigned and is_all) and before == {ALL: digest}:
                break
            return {() if self._name is ALL else (self._name,): part}
        return {}

    def _part(self, value: Any) -> Any:
        """What is watched, in the value of its cell."""
        path = self._inner
        if path and not self._opaque:
            if self._extra:
                value = {} if value is MISSING else value
                value = value.get(path[1], MISSING)
            path = path[2:]
        if not self._nested and not self._opaque:
            return value  # an attribute of the object itself
        if self._is_node:
            return self._named(value)
        if value is MISSING:
            raise _paths.gone(self._inner)
        value = _paths.walk(value, path)
        if type(value) is not type(self._obj)._share_class_:
            raise _paths.gone(self._inner)
        return self._named(value)

    def _named(self, value: Any) -> Any:
        if self._name is ALL:
            return value
        if isinstance(value, dict):
            return value.get(self._name, MISSING)
        return getattr(value, self._name, MISSING)


def _digest(value: Any) -> Any:
    if value is MISSING:
        return b""
    try:
        return blake2b(encode(value, "value"), digest_size=16).digest()
    except NotShareableError:
        return object()  # what cannot be encoded is another one each time
