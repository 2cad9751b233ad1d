"""Arguments that a method fills: what it is given here is a copy, of which its caller is told what has become."""

import io
import logging
from copy import copy
from sys import getrefcount
from types import FunctionType
from typing import Any

from share._fillable import is_fillable
from share._kinds import is_value
from share._protocol import Filled, decode_bytes, encode
from share.cerial._files import FILE_TYPES, reduce_stream
from share.errors import NotShareableError

from ._failures import class_name
from ._generators import KINDS

__all__ = ["Fillings"]

_Args = tuple[Any, ...]
_Kwargs = dict[str, Any] | None

log = logging.getLogger("share.coordinator")

_LOOKS = 3  # so many queued calls of a method are looked at


def _now(arg: Any) -> Any:
    """What its caller has to be told of an argument. Copies: by now it may be a part of the state."""
    if isinstance(arg, io.IOBase) and arg.closed:
        return None
    if isinstance(arg, FILE_TYPES):
        try:
            if arg.writable():
                arg.flush()
            return arg.tell()
        except OSError as error:
            raise NotShareableError(
                f"how far the method has read {arg.name!r} cannot be told ({error}): "
                "read it with readline(), or give the method its lines"
            ) from error
    return arg.tobytes() if isinstance(arg, memoryview) else copy(arg)


def _counted(args: _Args, kwargs: _Kwargs) -> list[tuple[Any, Any, int]]:
    """(number or name, argument, how many references there are to it)."""
    given: dict[Any, Any] = {**dict(enumerate(args)), **(kwargs or {})}
    return [(i, arg, getrefcount(arg)) for i, arg in given.items()]


_OURS = _counted((object(),), None)[0][2]  # those to an argument that nobody keeps


class Fillings:
    """Finds out what methods have changed of their arguments."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.looks: dict[tuple[Any, ...], int] = {}

    def told(self, result: Any, args: _Args, kwargs: _Kwargs, *data: bytes) -> Any:
        """What the caller of a method gets who waits for its result; ``data`` are the arguments as they came."""
        if type(result) in KINDS:
            return result  # it has not run yet
        changed = self._changed(args, kwargs, *data)
        for i, arg in changed.items():  # raises where it cannot travel
            if not isinstance(arg, FILE_TYPES):
                encode(arg, f"what was put into argument[{i!r}]", self.store.reduce)
        if not changed:
            return result
        now = {i: _now(arg) for i, arg in changed.items()}
        for i, arg in changed.items():
            if result is arg:
                result = now[i]  # so its caller sees that it is that argument
        return Filled(result, now)

    def warn(self, cls: type, name: str, args: _Args, kwargs: _Kwargs, *data: bytes) -> None:
        """Says once that a queued call has changed an argument, which nobody sees."""
        seen = self.looks[cls, name] = self.looks.get((cls, name), 0) + 1
        if seen <= _LOOKS and self._changed(args, kwargs, *data):
            self.looks[cls, name] = _LOOKS
            log.warning(
                "a queued call of %s.%s has changed its argument, which its caller does not see: "
                "obj.%s.call(...) waits, and brings the change back",
                class_name(cls), name, name,
            )  # fmt: skip

    def look_at_objects(
        self, cls: type, name: str, args: _Args, kwargs: _Kwargs, data: bytes, more: bytes
    ) -> None:
        """Says once that a call has changed an object that it was given, of which its caller has another copy."""
        seen = self.looks[cls, name, True] = self.looks.get((cls, name, True), 0) + 1
        reduce = self.store.reduce_objects
        before: dict[Any, Any] = {
            **dict(enumerate(decode_bytes(data))),
            **(decode_bytes(more) if more else {}),
        }
        for i, arg, references in _counted(args, kwargs):
            if references > _OURS:
                continue  # who keeps it has taken it over
            if is_fillable(type(arg)) or not type(arg).__dictoffset__ or isinstance(arg, type | FunctionType):
                continue
            if self.store.state.id_of(arg) or self.store.mirror_of(arg) is not None or is_value(arg):
                continue  # it is a part of the state, by now
            try:
                is_same = encode(arg, "argument", reduce) == encode(before[i], "argument", reduce)
            except Exception:
                continue
            if is_same:
                continue
            self.looks[cls, name, True] = max(seen, _LOOKS)
            log.warning(
                "a call of %s.%s has changed the %s that it was given, which its caller does not see: "
                "let the method return it, or give it one that is in the share",
                class_name(cls), name, class_name(type(arg)),
            )  # fmt: skip

    def may_look(self, cls: type, name: str, objects: bool = False) -> bool:
        """Whether a queued call of that method, or the objects that a call is given, are to be looked at."""
        return self.looks.get((cls, name, True) if objects else (cls, name), 0) < _LOOKS

    def _changed(self, args: _Args, kwargs: _Kwargs, data: bytes, more: bytes) -> dict[int | str, Any]:
        """Those that it has changed, by number or name."""
        reduce = self.store.reduce_objects  # not parts: what the method has taken over is what it was
        given: dict[Any, Any] = {**dict(enumerate(args)), **(kwargs or {})}
        given = {
            i: arg
            for i, arg in given.items()
            if is_fillable(type(arg))
            and not (isinstance(arg, FILE_TYPES) and reduce_stream(arg) is not NotImplemented)
        }
        try:
            if encode(args, "argument") == data and (not kwargs or encode(kwargs, "argument") == more):
                return {}
            before = {**dict(enumerate(decode_bytes(data))), **(decode_bytes(more) if more else {})}
            return {
                i: arg
                for i, arg in given.items()
                if encode(arg, "argument", reduce) != encode(before[i], "argument", reduce)
            }
        except Exception:
            # What it has put there cannot travel: who waits is told so when the answer is encoded.
            return given
