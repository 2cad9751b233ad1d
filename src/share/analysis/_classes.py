"""Looks at a class without running any of its code: members, slots, declared fields, kind of state."""

import ast
import copyreg
import types
from typing import Any

from ._plan import Kind
from .frontend._source import parse

__all__ = [
    "MISSING",
    "annotations_of",
    "declared_fields",
    "is_extension",
    "is_of_object",
    "kind_of",
    "lookup",
    "own_mro",
    "slot_names",
]

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()


def lookup(cls: type, name: str) -> Any:
    """What ``cls.__dict__`` or that of a base holds under a name, descriptors unbound; else MISSING."""
    for base in type.__dict__["__mro__"].__get__(cls):
        value = base.__dict__.get(name, MISSING)
        if value is not MISSING:
            return object.__dict__.get(name, value) if is_of_object(value) else value
    return MISSING


def is_of_object(value: Any) -> bool:
    """Whether something in a class is what ``object`` has, or stands for that where changes are recorded."""
    return type(value) is types.MethodDescriptorType and value.__objclass__ is object


def own_mro(cls: type) -> tuple[type, ...]:
    """The class and its bases without ``object``."""
    return tuple(base for base in cls.__mro__ if base is not object)


def slot_names(cls: type) -> list[str]:
    """Names in ``__slots__`` of the class and its bases, base first, private ones mangled."""
    names: list[str] = []
    for base in reversed(cls.__mro__):
        for name, value in base.__dict__.items():
            if isinstance(value, types.MemberDescriptorType) and _is_heap_type(base):
                names.append(name)
    return names


def _is_heap_type(cls: type) -> bool:
    return bool(cls.__flags__ & (1 << 9))


def annotations_of(cls: type) -> dict[str, Any]:
    """Annotations in the bodies of the class and its bases, base first, as written (never evaluated)."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        raw = base.__dict__.get("__annotations__")
        if isinstance(raw, dict):
            found.update(raw)
    return found


def declared_fields(cls: type) -> dict[str, Any]:
    """Instance attributes that the class declares by annotation, with the annotation; no class variables."""
    return {name: hint for name, hint in annotations_of(cls).items() if not _is_class_variable(hint)}


def _is_class_variable(hint: Any) -> bool:
    text = hint if isinstance(hint, str) else repr(hint)
    try:
        tree = parse(text, "eval").body if isinstance(hint, str) else None
    except SyntaxError:
        return False
    while isinstance(tree, ast.Subscript):
        tree = tree.value
    name = ast.unparse(tree) if tree is not None else text.partition("[")[0]
    return name.rpartition(".")[2] in ("ClassVar", "InitVar")


#: Bases that keep no state of their own, so that a class on them is still an ``object``.
_STATELESS_BASES = ("typing.Generic", "typing.Protocol", "abc.ABC")


def kind_of(cls: type) -> Kind:
    """``object`` if the state of an instance is its ``__dict__`` and ``__slots__``, and nothing else.

    Everything else is ``opaque``: C types and classes on them (their state is not in attributes), and classes
    that say themselves what their state is by ``__reduce__``, ``__reduce_ex__``, ``__getnewargs__`` and the
    like, by ``copyreg``, or by a metaclass that controls what an instance is.
    """
    for base in own_mro(cls):
        if not _is_heap_type(base) or base.__flags__ & (1 << 8):  # built in, or an immutable heap type
            return "opaque"
        if is_extension(base):
            return "opaque"
    for name in ("__reduce__", "__reduce_ex__", "__getstate__"):
        found = lookup(cls, name)
        if found is not object.__dict__.get(name, MISSING) and not _is_generated(found):
            return "opaque"
    for name in ("__setstate__", "__getnewargs__", "__getnewargs_ex__"):
        found = lookup(cls, name)
        if found is not MISSING and not _is_generated(found):
            return "opaque"
    return "opaque" if cls in copyreg.dispatch_table else "object"


def _is_generated(method: Any) -> bool:
    """Whether a pickling method was made by dataclasses or attrs for a class with slots: all attributes, no more."""
    code = getattr(method, "__code__", None)
    return code is not None and code.co_name in (
        "_dataclass_getstate", "_dataclass_setstate", "slots_getstate", "slots_setstate"
    )  # fmt: skip


def is_extension(cls: type) -> bool:
    """Whether a heap type comes from C: its methods are then C descriptors, not functions."""
    descriptors = (types.MethodDescriptorType, types.WrapperDescriptorType)
    return any(isinstance(value, descriptors) for value in cls.__dict__.values()) and not any(
        isinstance(value, types.FunctionType) for value in cls.__dict__.values()
    )
