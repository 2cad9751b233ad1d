"""What a ``Share`` is inside its own coordinator: live objects, changed as part of the running command."""

from collections.abc import Iterator
from typing import Any

from share import _runtime
from share._kinds import is_value

from ._live import MISSING

__all__ = ["Inside"]


class Inside:
    """The names of the share, as live objects: what a method sees that was given the share as an argument."""

    __slots__ = ("_store",)

    def __init__(self, store: Any) -> None:
        object.__setattr__(self, "_store", store)

    def __getattr__(self, name: str) -> Any:
        value = self._store.root_value(name)
        if value is MISSING:
            raise AttributeError(f"the share has no {name!r}")
        return self._store.reached(value)

    def __setattr__(self, name: str, value: Any) -> None:
        mirror = self._store.mirror_of(value)
        if mirror is None and not is_value(value):
            from share import cerial
            from share._protocol import encode
            from share.analysis import plan

            cls = type(value)
            state: Any = value
            cells: tuple[Any, ...] = ("",)
            found = plan(cls)
            if found.kind != "opaque":
                from share._cells import cells_for

                from ._live import all_state

                state = all_state(value)
                cells = cells_for(found, state, self._store.mirror_of, value)
            shape = self._store.shape(encode((cls, cells, found), name))
            mirror = self._store.create(shape, cerial.loads(encode(state, name, self._store.reduce)))
        self._store.assign(name, value if mirror is None else mirror)

    def __delattr__(self, name: str) -> None:
        self._store.assign(name, MISSING)

    __getitem__ = __getattr__
    __setitem__ = __setattr__
    __delitem__ = __delattr__

    def __contains__(self, name: str) -> bool:
        return self._store.root_value(name) is not MISSING

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.names())

    def __len__(self) -> int:
        return len(self._store.names())

    def __reduce__(self) -> Any:
        return _runtime.share_of, (self._store.name,)

    def __repr__(self) -> str:
        return f"<Share {self._store.name} in its coordinator: {', '.join(self._store.names())}>"
