"""Plain values: reading them never changes them, whatever way it is done.

Of an attribute that is filled from outside the analysis does not know what it holds. Iterating it moves it on if it is
an iterator, ``d[k]`` inserts if it is a ``defaultdict``; with a list, a dictionary or a text neither happens. A plan
says of which attributes a method takes that to be so, and whoever calls the method looks at them first.
"""

import types
from collections import OrderedDict, deque
from typing import Any

from ._classes import lookup, slot_names
from ._table import is_immutable_type, is_neutral_type, method_effect

__all__ = ["READING", "WHOLE", "is_plain"]

#: Stands for all the state of an object.
WHOLE = "*"

_MUTABLE = (list, dict, set, deque, OrderedDict)
_SEQUENCES = (list, tuple, set, frozenset, deque)
_OTHERS = (tuple, frozenset, str, bytes, int, float, complex, bool)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)
#: Objects that are looked at before it takes too long; more count as not plain.
_MOST = 1000


def _reading() -> frozenset[str]:
    names = {name for cls in (*_MUTABLE, *_OTHERS) for name in dir(cls) if not name.startswith("_")}
    for cls in _MUTABLE:
        for name in names & set(dir(cls)):
            if method_effect(getattr(lookup(cls, name), "__objclass__", cls), name) is None:
                names.discard(name)
    return frozenset(names)


#: Names of methods that plain objects have, and that change none of them.
READING = _reading()


def is_plain(instance: object, names: frozenset[str]) -> bool:
    """Whether some attributes of an object hold nothing but plain values, at any depth; none of its code is run.

    :arg names: the attributes; ``"*"`` among them: all, and what the object holds as a built-in container.
    """
    cls = type(instance)
    state = lookup(cls, "__dict__")
    found: dict[str, Any] = dict(state.__get__(instance)) if hasattr(state, "__get__") else {}
    for name in slot_names(cls):
        slot = lookup(cls, name)
        try:
            found[name] = slot.__get__(instance)
        except AttributeError:
            continue
    if WHOLE not in names:
        return _all_plain([value for name, value in found.items() if name in names])
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
    return _all_plain(held)


def _all_plain(todo: list[Any]) -> bool:
    seen: set[int] = set()
    room = _MOST - len(todo)
    while todo:
        value = todo.pop()
        cls: type = type(value)
        if value is None or is_immutable_type(cls) or cls in _FUNCTIONS or id(value) in seen:
            continue
        if cls in _SEQUENCES or cls is dict or cls is OrderedDict:
            seen.add(id(value))
            room -= len(value) + 1
            if room < 0:
                return False
            todo += value
            if cls is dict or cls is OrderedDict:
                todo += value.values()
        elif not is_neutral_type(cls):
            return False
    return room >= 0
