"""What a ``Share`` is inside a coordinator: its own one live objects, and one that is made there nothing at all."""

import sys
from collections.abc import Iterator
from typing import Any, Self

from share import _runtime
from share._kinds import is_value
from share.errors import WouldDeadlockError

from ._live import MISSING
from ._transactions import inner_transaction

__all__ = ["Inside", "StandIn"]


class Inside:
    """The names of the share, as live objects: what a method sees that was given the share as an argument."""

    __slots__ = ("_store",)

    def __init__(self, store: Any) -> None:
        object.__setattr__(self, "_store", store)

    def __getattr__(self, name: str) -> Any:
        value = self._store.root_value(name)
        if value is MISSING and name == "transact":
            return inner_transaction
        if value is MISSING:
            raise AttributeError(
                f"the share has no {name!r} (in the coordinator it has its objects, and no functions)"
            )
        return self._store.reached(value)

    def __setattr__(self, name: str, value: Any) -> None:
        mirror = self._store.mirror_of(value)
        if mirror is None and not is_value(value) and not self._store.state.id_of(value):
            from share._protocol import encode
            from share.analysis import draft
            from share.cerial._digests import code_of

            cls = value.__class__
            state: Any = value
            cells: tuple[Any, ...] = ("",)
            found = draft(cls)
            if found.kind != "opaque":
                from share._cells import cells_for, with_aliases

                from ._live import all_state

                state = all_state(value)
                cells, aliases = cells_for(found, state, self._store.mirror_of, value)
                found = with_aliases(found, aliases)
            shape = self._store.shape(encode((cls, cells, found, code_of(cls)), name))
            encode(state, name, self._store.reduce)  # what cannot be shared is said here
            mirror = self._store.create(shape, state, None if found.kind == "opaque" else value)
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


class StandIn:
    """What ``Share()``, ``Share.open`` and ``Share.attach`` give in a coordinator, and all that is got from it.

    A coordinator imports the modules of users' classes; what these do with a share at their top level has been done by
    the users' processes. So while a module is imported nothing comes of it. A method that uses it is told.
    """

    __slots__ = ()
    _share_opaque_ = True  # so that it is refused where it is kept

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._used()

    def _used(self, *_: Any, **__: Any) -> Self:
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                return self
            frame = frame.f_back  # type: ignore[assignment]
        raise WouldDeadlockError(
            "a method that runs in the coordinator uses a share that its module has made, opened or attached there: "
            "give the method the share, or an object of it, as an argument"
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise WouldDeadlockError(
            "a share that was made, opened or attached in the coordinator cannot be kept or returned"
        )

    def __iter__(self) -> Iterator[Any]:
        self._used()
        return iter(())

    def __len__(self) -> int:
        self._used()
        return 0

    def __contains__(self, name: object) -> bool:
        self._used()
        return False

    def __bool__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        self._used()

    def __repr__(self) -> str:
        return "<Share made in a coordinator>"


_OPERATORS = """
    call setattr delattr getitem setitem delitem enter neg pos invert abs lt le gt ge
    add sub mul matmul truediv floordiv mod divmod pow lshift rshift and or xor
    radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand ror rxor
"""
for _name in _OPERATORS.split():
    setattr(StandIn, f"__{_name}__", StandIn._used)
