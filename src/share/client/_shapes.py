"""What a new object brings along: its class, its cells, the class's plan, and its state."""

import os
import sys
import time
import warnings
import weakref
from functools import cache
from importlib.machinery import PathFinder
from types import MemberDescriptorType
from typing import Any

from share._cells import cells_for, with_aliases
from share._protocol import encode
from share.cerial import loads
from share.cerial._classes import modules_named
from share.cerial._digests import code_of
from share.errors import NotShareableError

from ._session import Shared

__all__ = ["describe", "may_be_missing", "may_have_changed"]

# class -> {(cells, groups of attributes): encoded shape}; encoding a class and its plan is too slow to do at every
# assignment.
_encoded: "weakref.WeakKeyDictionary[type, dict[tuple[Any, ...], bytes]]" = weakref.WeakKeyDictionary()


def describe(instance: Any, where: str) -> tuple[bytes, Any]:
    """(encoded shape, state) of an instance that is about to be copied into a share.

    A shape is the tuple (class, cells, plan, the class's code). Raises NotShareableError for what can never be shared.
    """
    from share.analysis import draft  # not at the top: analysis is half of all import time

    cls = type(instance)
    plan = draft(cls)
    if plan.kind == "opaque":
        return _shape(cls, ("",), plan, where), instance
    state = _state(instance)
    cells, aliases = cells_for(plan, state, is_shared, instance)
    return _shape(cls, cells, plan, where, aliases), state


def may_be_missing(cls: type, control: Any) -> bool:
    """Whether the coordinator may be unable to load a class: it, or what it uses, is in no module of its path."""
    names = modules_named(cls) - sys.stdlib_module_names
    if not names:
        return False
    path = loads(control.configuration())["path"]
    return any(PathFinder.find_spec(name, path) is None for name in names)


def may_have_changed(cls: type, is_owner: bool) -> bool:
    """Whether the coordinator may have loaded other code of a class than this process.

    It has what the owner has, unless a file was changed since the owner was started.
    """
    if code_of(cls) is None:
        return False
    if not is_owner:
        return True
    try:
        return any(_changed(base) >= _started() for base in cls.__mro__[:-1])
    except OSError:
        return True


def _changed(cls: type) -> float:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return 0.0 if file is None else os.stat(file).st_ctime


@cache
def _started() -> float:
    """When this process was started, on the clock of files."""
    with open("/proc/self/stat", "rb") as file:
        ticks = int(file.read().rpartition(b")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age - 1.0  # both are rounded


def is_shared(value: Any) -> bool:
    return issubclass(type(value), Shared)


def _shape(
    cls: type,
    cells: tuple[str, ...],
    plan: Any,
    where: str,
    aliases: frozenset[frozenset[str]] = frozenset(),
) -> bytes:
    shapes = _encoded.setdefault(cls, {})
    found = shapes.get((cells, aliases))
    if found is None:
        if plan.hashes and not shapes and not os.environ.get("PYTHONHASHSEED", "random").isdigit():
            warnings.warn(
                f"{cls.__qualname__}.{plan.hashes} may keep the result of hash(...) in the object. The hash of a text "
                "is another one in the coordinator and in processes that were not forked: start the program with "
                "PYTHONHASHSEED=0, or keep no hashes.",
                stacklevel=2,
            )
        found = encode((cls, cells, with_aliases(plan, aliases), code_of(cls)), f"class of {where}")
        shapes[cells, aliases] = found
    return found


def _state(instance: Any) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for base in type(instance).__mro__:
        for name, member in vars(base).items():
            if isinstance(member, MemberDescriptorType) and hasattr(instance, name):
                state[name] = getattr(instance, name)
    state.update(getattr(instance, "__dict__", {}))
    for name in state:
        if not isinstance(name, str):
            raise NotShareableError(
                f"{type(instance).__name__} has an attribute whose name is not a string: {name!r}"
            )
    return state
