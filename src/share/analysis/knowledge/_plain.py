"""Plain values: reading them never changes them, whatever way it is done.

Of an attribute that is filled from outside the analysis does not know what it holds. Iterating it moves it on if it is
an iterator, ``d[k]`` inserts if it is a ``defaultdict``; with a list, a dictionary or a text neither happens. A plan
says of which attributes a method takes that to be so, and whoever calls the method looks at them first.
"""

import types
from collections import OrderedDict, deque
from enum import EnumType
from functools import lru_cache
from typing import Any

from .._classes import is_extension, lookup, slot_names
from ._table import callable_effect, immutable_types, is_immutable_type, is_neutral_type, method_effect

__all__ = [
    "ARGUMENTS",
    "CHANGING",
    "METHODS",
    "OF_CONTAINERS",
    "READING",
    "SAID",
    "SCALARS",
    "TYPES",
    "UNKNOWN",
    "WHOLE",
    "are_plain",
    "attributes_of",
    "has_no_code",
    "is_open",
    "is_plain",
]

#: Stands for all the state of an object, for the arguments of a call, and for attributes that hold no containers.
WHOLE, ARGUMENTS, SCALARS = "*", "()", "="

#: Why a plan is not proved; see :class:`share.analysis.MethodPlan`.
TYPES, SAID = "types", "said"

#: Stands for a method whose name is not known.
UNKNOWN = "?"

_MUTABLE = (list, dict, set, deque, OrderedDict)
_SEQUENCES = (list, tuple, set, frozenset, deque)
_OTHERS = (tuple, frozenset, str, bytes, int, float, complex, bool)
#: Objects that are looked at before it takes too long; more count as not plain.
_MOST = 1000


#: What built-in functions may do that are plain values too.
_LOOKING = ("inspect", "test")


@lru_cache(maxsize=1024)
def has_no_code(cls: type) -> bool:
    """Whether an immutable class, an enumeration say, has no methods that its user wrote."""
    return not isinstance(cls, EnumType) or not any(
        isinstance(value, types.FunctionType | classmethod | staticmethod | property)
        and getattr(getattr(value, "__func__", value), "__module__", None) != "enum"
        for base in cls.__mro__
        if base.__module__ != "enum"
        for value in vars(base).values()
    )


def _reading() -> frozenset[str]:
    names = {name for cls in (*_MUTABLE, *_OTHERS) for name in dir(cls) if not name.startswith("_")}
    for cls in _MUTABLE:
        for name in names & set(dir(cls)):
            if method_effect(getattr(lookup(cls, name), "__objclass__", cls), name) is None:
                names.discard(name)
    return frozenset(names)


def _changing() -> frozenset[str]:
    return frozenset(
        name
        for cls in _MUTABLE
        for name in dir(cls)
        if name != "__class__"
        and callable(getattr(cls, name))
        and method_effect(getattr(lookup(cls, name), "__objclass__", cls), name) is None
    )


#: Names of methods that plain objects have, and that change none of them.
READING = _reading()
#: Names of methods that change a plain object which has them, and of all methods of plain containers.
CHANGING = _changing() | {UNKNOWN}
METHODS = frozenset(
    name
    for cls in (*_MUTABLE, *_OTHERS, *immutable_types(), types.BuiltinFunctionType)
    for name in dir(cls)
    if callable(getattr(cls, name, None))
) | {"pack_into"}
OF_CONTAINERS = frozenset(name for cls in (*_MUTABLE, tuple, frozenset) for name in dir(cls))


@lru_cache(maxsize=1024)
def is_open(cls: type) -> bool:
    """Whether all that objects of a class hold is in attributes, so that it can be looked at."""
    return (
        bool(cls.__flags__ & (1 << 9))
        and not isinstance(cls, EnumType)
        and not issubclass(cls, type | BaseException)
        and all(
            base is object or (base.__flags__ & (1 << 9) and not is_extension(base)) for base in cls.__mro__
        )
    )


def attributes_of(instance: object) -> dict[str, Any]:
    """What an object holds in its ``__dict__`` and ``__slots__``; none of its code is run."""
    cls = type(instance)
    state = lookup(cls, "__dict__")
    found: dict[str, Any] = dict(state.__get__(instance)) if hasattr(state, "__get__") else {}
    for name in slot_names(cls):
        slot = lookup(cls, name)
        try:
            found[name] = slot.__get__(instance)
        except AttributeError:
            continue
    return found


def _is_immutable(cls: type) -> bool:
    return is_immutable_type(cls) and has_no_code(cls)


def is_plain(instance: object, names: frozenset[str], classes: frozenset[type] = frozenset()) -> bool:
    """Whether some attributes of an object hold nothing but plain values, at any depth; none of its code is run.

    :arg names: the attributes; ``"*"`` among them: all, and what the object holds as a built-in container. ``"="``
        among them: the attributes hold no containers.
    :arg classes: objects of exactly these are opened, and their attributes looked at.
    """
    cls = type(instance)
    found = attributes_of(instance)
    if SCALARS in names and not all(
        value is None or _is_immutable(type(value))
        for name, value in found.items()
        if name in names or WHOLE in names
    ):
        return False
    if WHOLE not in names:
        return _all_plain([value for name, value in found.items() if name in names], classes)
    held: list[Any] = list(found.values())
    for base in cls.__mro__:
        if base in _SEQUENCES:
            held += base.__iter__(instance)  # type: ignore[arg-type]
        elif base in (dict, OrderedDict):
            held += [*dict.keys(instance), *dict.values(instance)]  # type: ignore[arg-type]
        elif base is not object and not base.__flags__ & (1 << 9):
            return False  # other state in C, which cannot be seen
        else:
            continue
        break
    return _all_plain(held, classes)


def are_plain(args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> bool:
    """Whether the arguments of a call are plain values, at any depth: using them runs no code of any class.

    Of functions, only those built-in ones count that look at their arguments and give a number, text or truth.
    """
    return _all_plain([*args, *(kwargs or {}).values()])


def _all_plain(todo: list[Any], classes: frozenset[type] = frozenset()) -> bool:
    seen: set[int] = set()
    room = _MOST - len(todo)
    while todo:
        value = todo.pop()
        cls: type = type(value)
        if value is None or id(value) in seen:
            continue
        if is_immutable_type(cls):
            if has_no_code(cls):
                continue
            return False
        if cls is types.BuiltinFunctionType:
            if callable_effect(value) in _LOOKING:
                continue
            return False
        if cls in _SEQUENCES or cls is dict or cls is OrderedDict:
            seen.add(id(value))
            room -= len(value) + 1
            if room < 0:
                return False
            todo += value
            if cls is dict or cls is OrderedDict:
                todo += value.values()
        elif cls in classes:
            seen.add(id(value))
            parts = attributes_of(value)
            room -= len(parts) + 1
            if room < 0:
                return False
            todo += parts.values()
        elif not is_neutral_type(cls):
            return False
    return room >= 0
