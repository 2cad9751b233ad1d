"""A fingerprint of any value, equal exactly while nothing that can be seen of the value has changed."""

import types
from typing import Any

__all__ = ["fingerprint"]

_ATOMS = (int, float, complex, bool, str, bytes, type(None), range, type(...), type(NotImplemented))
_BY_IDENTITY = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.CodeType)


def fingerprint(value: Any, known: dict[int, Any] | None = None) -> Any:
    """Nested tuples that stand for a value and all that it reaches.

    What has no contents that can be seen (a lock, a file) is told by identity; an iterator or generator also by
    how far it has come.

    :arg known: objects by id that are not to be looked into, with what to put in their place.
    """
    return _encode(value, dict(known or {}), [])


def _encode(value: Any, memo: dict[int, Any], keep: list[Any]) -> Any:
    cls = type(value)
    if cls in _ATOMS:
        return (cls.__name__, repr(value) if cls in (float, complex) else value)
    if isinstance(value, _BY_IDENTITY):
        return ("is", id(value))
    key = id(value)
    if key in memo:
        return ("again", memo[key])
    memo[key] = len(memo)
    keep.append(value)  # so that no id is used twice

    def inner(part: Any) -> Any:
        return _encode(part, memo, keep)

    if cls in (list, tuple):
        return (cls.__name__, tuple(map(inner, value)))
    if cls is dict:
        return ("dict", tuple((inner(key), inner(item)) for key, item in value.items()))
    if cls in (set, frozenset):
        return (cls.__name__, tuple(sorted(repr(inner(item)) for item in value)))
    if cls in (bytearray, memoryview):
        return (cls.__name__, bytes(value))
    if isinstance(value, types.GeneratorType):
        return ("generator", key, value.gi_frame.f_lasti if value.gi_frame is not None else -1)
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:
        state = getattr(value, "__dict__", None)
        return ("opaque", key, inner(dict(state)) if isinstance(state, dict) else None)
    if isinstance(reduced, str):
        return ("is", key)
    parts = list(reduced)
    for place in (3, 4):  # the items of a list and of a dictionary come as iterators
        if len(parts) > place and parts[place] is not None:
            parts[place] = list(parts[place])
    return ("object", cls.__name__, tuple(map(inner, parts)))
