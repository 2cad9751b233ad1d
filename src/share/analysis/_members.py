"""The callable parts of a class, one by one: methods, and what properties and other descriptors do."""

import functools
import types
from collections.abc import Iterator
from typing import Any

from ._classes import MISSING, is_of_object, lookup, own_mro
from ._plan import MethodKind

__all__ = ["Member", "members_of"]

#: Members of every class that are no methods of it.
_NOT_METHODS = (
    "__class__",
    "__dict__",
    "__weakref__",
    "__doc__",
    "__module__",
    "__slots__",
    "__annotations__",
)
_C_FUNCTIONS = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.BuiltinFunctionType,
)


def is_compiled(value: Any) -> bool:
    """Whether it is a function of a compiler's own type (Cython, pybind11), which binds as functions do."""
    bind = lookup(type(value), "__get__")
    return callable(value) and bind is not MISSING and not isinstance(bind, types.FunctionType)


class Member:
    """One callable part of a class: what to call it and where its effects come from."""

    __slots__ = ("function", "kind", "name", "raw", "wild")
    kind: MethodKind

    def __init__(self, name: str, kind: MethodKind, raw: Any, function: Any) -> None:
        self.name, self.kind, self.raw, self.function = name, kind, raw, function
        self.wild = ""  # why nothing is known of it


def members_of(cls: type) -> Iterator[Member]:
    """Every callable and every descriptor with code, by name, as Python would find it."""
    seen: set[str] = set()
    for base in own_mro(cls):
        for name, value in base.__dict__.items():
            if name in seen or name in _NOT_METHODS or is_of_object(value):
                continue
            seen.add(name)
            yield from _parts(name, value)


def _parts(name: str, value: Any) -> Iterator[Member]:
    match value:
        case staticmethod():
            yield Member(name, "staticmethod", value, value.__func__)
        case classmethod():
            yield Member(name, "classmethod", value, value.__func__)
        case property():
            parts: list[tuple[MethodKind, Any]] = [
                ("getter", value.fget), ("setter", value.fset), ("deleter", value.fdel)
            ]  # fmt: skip
            for kind, function in parts:
                if function is not None:
                    yield Member(name, kind, value, function)
        case functools.cached_property():
            yield Member(name, "getter", value, None)
        case types.MemberDescriptorType() | types.GetSetDescriptorType():
            return
        case types.ClassMethodDescriptorType():
            yield Member(name, "classmethod", value, value)
        case type():
            return
        case _ if isinstance(value, _C_FUNCTIONS):
            yield Member(name, "method", value, value)
        case types.FunctionType() | functools.partialmethod() | functools.singledispatchmethod():
            yield Member(name, "method", value, value)
        case _ if is_compiled(value):
            yield Member(name, "method", value, value)
        case _ if hasattr(type(value), "__get__"):
            wrapped = getattr(value, "__wrapped__", None)
            if isinstance(wrapped, types.FunctionType) and callable(value):
                yield Member(name, "method", value, value)
                return
            yield Member(name, "getter", value, None)
            if type(value).__module__ == "_collections":
                return  # a field of a named tuple, which cannot be set
            if hasattr(type(value), "__set__"):
                yield Member(name, "setter", value, None)
            if hasattr(type(value), "__delete__"):
                yield Member(name, "deleter", value, None)
        case _ if callable(value):
            yield Member(name, "staticmethod", value, value)
