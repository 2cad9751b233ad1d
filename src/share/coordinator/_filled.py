"""Arguments that a method fills: what it is given here is a copy, of which its caller is told what has become."""

import io
import logging
from collections import deque
from types import CoroutineType
from typing import Any

from share._protocol import Filled, decode_bytes, encode

from ._failures import class_name
from ._generators import KINDS

__all__ = ["FILLABLE", "Fillings"]

log = logging.getLogger("share.coordinator")

#: What can be brought up to date where the caller has it.
FILLABLE = frozenset((list, dict, set, deque, bytearray, io.StringIO, io.BytesIO))
_LOOKS = 3  # so many queued calls of a method are looked at


class Fillings:
    """Finds out what methods have changed of their arguments."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.looks: dict[tuple[type, str], int] = {}

    def told(self, result: Any, args: tuple[Any, ...], data: bytes) -> Any:
        """What the caller of a method gets who waits for its result; ``data`` are the arguments as they came."""
        if type(result) in KINDS or type(result) is CoroutineType:
            return result  # it has not run yet
        changed = self._changed(args, data)
        for i in changed:
            encode(
                args[i], f"what was put into argument[{i}]", self.store.reduce
            )  # raises where it cannot travel
        return Filled(result, {i: args[i] for i in changed}) if changed else result

    def warn(self, cls: type, name: str, args: tuple[Any, ...], data: bytes) -> None:
        """Says once that a queued call has changed an argument, which nobody sees."""
        seen = self.looks[cls, name] = self.looks.get((cls, name), 0) + 1
        if seen <= _LOOKS and self._changed(args, data):
            self.looks[cls, name] = _LOOKS
            log.warning(
                "a queued call of %s.%s has changed its argument, which its caller does not see: "
                "obj.%s.call(...) waits, and brings the change back",
                class_name(cls), name, name,
            )  # fmt: skip

    def may_look(self, cls: type, name: str) -> bool:
        """Whether a queued call of that method is to be looked at."""
        return self.looks.get((cls, name), 0) < _LOOKS

    def _changed(self, args: tuple[Any, ...], data: bytes) -> list[int]:
        reduce = self.store.reduce
        try:
            if encode(args, "argument") == data:
                return []
            before = decode_bytes(data)
            return [
                i
                for i, arg in enumerate(args)
                if type(arg) in FILLABLE
                and encode(arg, "argument", reduce) != encode(before[i], "argument", reduce)
            ]
        except Exception:
            # What it has put there cannot travel: who waits is told so when the answer is encoded.
            return [i for i, arg in enumerate(args) if type(arg) in FILLABLE]
