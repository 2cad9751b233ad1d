"""Paths: how both sides name an object that is part of another object's state."""

import operator
from collections.abc import Callable
from typing import Any

from share.errors import DeletedObjectError

__all__ = ["ATTRIBUTE", "ITEM", "OPERATIONS", "apply", "path_text", "walk"]

#: A path is a flat tuple: kind of step, key, kind of step, key, ...
ATTRIBUTE = 0  # key is an attribute's name
ITEM = 1  # key is a dict's key, or an index from the front

#: The in-place operators that can be applied to whatever is at a path when the command runs.
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name)
    for name in "iadd iand ifloordiv ilshift imatmul imul imod ior ipow irshift isub itruediv ixor".split()
}


def step_into(obj: Any, kind: int, key: Any) -> Any:
    """One step of a path; raises AttributeError, LookupError or TypeError if there is nothing there."""
    if kind == ATTRIBUTE:
        return getattr(obj, key)
    if isinstance(obj, dict):
        return dict.__getitem__(obj, key)  # no __missing__: that would be a write
    if isinstance(obj, list):
        return list.__getitem__(obj, key)
    return obj[key]


def walk(obj: Any, path: tuple[Any, ...]) -> Any:
    """The object at a path. Raises DeletedObjectError if the path no longer exists."""
    try:
        for i in range(0, len(path), 2):
            obj = step_into(obj, path[i], path[i + 1])
    except (AttributeError, LookupError, TypeError):
        raise gone(path) from None
    return obj


def gone(path: tuple[Any, ...]) -> DeletedObjectError:
    """The error for a path that leads nowhere, or to an object of another class."""
    return DeletedObjectError(
        f"there is nothing at {path_text(path)} any more, or something else (it was deleted, moved or given another "
        "value); read it from the share again"
    )


def path_text(path: tuple[Any, ...]) -> str:
    """A path as one would write it: ``.stats['ann'][3]``."""
    return "".join(
        f".{path[i + 1]}" if path[i] == ATTRIBUTE else f"[{path[i + 1]!r}]" for i in range(0, len(path), 2)
    )


def apply(obj: Any, path: tuple[Any, ...], operation: str, operand: Any) -> None:
    """``obj<path> operation= operand``: on the value that is there now."""
    function = OPERATIONS[operation]
    parent = walk(obj, path[:-2])
    key = path[-1]
    if path[-2] == ATTRIBUTE:
        setattr(parent, key, function(getattr(parent, key), operand))
    else:
        parent[key] = function(parent[key], operand)
