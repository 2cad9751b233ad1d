"""Arguments that a method fills: what it is given here is a copy, of which its caller is told what has become."""

import io
import logging
from collections import deque
from copy import copy
from types import CoroutineType
from typing import Any

from share._protocol import Filled, decode_bytes, encode

from ._failures import class_name
from ._generators import KINDS

__all__ = ["FILLABLE", "Fillings"]

_Args = tuple[Any, ...]
_Kwargs = dict[str, Any] | None

log = logging.getLogger("share.coordinator")

#: What can be brought up to date where the caller has it.
FILLABLE = frozenset((list, dict, set, deque, bytearray, io.StringIO, io.BytesIO))
_LOOKS = 3  # so many queued calls of a method are looked at


class Fillings:
    """Finds out what methods have changed of their arguments."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.looks: dict[tuple[type, str], int] = {}

    def told(self, result: Any, args: _Args, kwargs: _Kwargs, *data: bytes) -> Any:
        """What the caller of a method gets who waits for its result; ``data`` are the arguments as they came."""
        if type(result) in KINDS or type(result) is CoroutineType:
            return result  # it has not run yet
        changed = self._changed(args, kwargs, *data)
        for i, arg in changed.items():  # raises where it cannot travel
            encode(arg, f"what was put into argument[{i!r}]", self.store.reduce)
        # Copies: by now it may be a part of the state, which would be told as such.
        return Filled(result, {i: copy(arg) for i, arg in changed.items()}) if changed else result

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

    def may_look(self, cls: type, name: str) -> bool:
        """Whether a queued call of that method is to be looked at."""
        return self.looks.get((cls, name), 0) < _LOOKS

    def _changed(self, args: _Args, kwargs: _Kwargs, data: bytes, more: bytes) -> dict[int | str, Any]:
        """Those that it has changed, by number or name."""
        reduce = self.store.reduce_objects  # not parts: what the method has taken over is what it was
        given: dict[Any, Any] = {**dict(enumerate(args)), **(kwargs or {})}
        given = {i: arg for i, arg in given.items() if type(arg) in FILLABLE}
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
