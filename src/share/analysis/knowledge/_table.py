"""Turns the names of :mod:`share.analysis.knowledge._effects` into look-ups by object.

Only modules that are already imported count: a class cannot hold what its process has never loaded.
"""

import sys
from functools import lru_cache
from typing import Any

from ._effects import BLOCKING, CALLABLES, IMMUTABLE, METHODS, NEUTRAL, RESULTS

__all__ = [
    "blocking_name",
    "callable_effect",
    "immutable_types",
    "is_immutable_type",
    "is_neutral_type",
    "method_effect",
    "result_type",
]


class _Table:
    """Objects by identity, filled module by module as these get imported."""

    def __init__(self, rows: list[tuple[str, str, Any]]) -> None:
        self.pending = list(rows)
        self.found: dict[int, Any] = {}
        self.keep: list[object] = []  # an id is good only while its object lives
        self.modules = 0

    def get(self, item: object) -> Any:
        if self.pending and len(sys.modules) != self.modules:
            self.modules = len(sys.modules)
            self.pending = [row for row in self.pending if not self.resolve(*row)]
        return self.found.get(id(item))

    def resolve(self, module: str, names: str, value: Any) -> bool:
        if module not in sys.modules:
            return False
        space = vars(sys.modules[module])
        wanted = [name for name in space if not name.startswith("_")] if names == "*" else names.split()
        for name in wanted:
            item: Any = space.get(name.partition(".")[0], _BUILTIN_TYPES.get(name))
            for part in name.split(".")[1:]:
                item = getattr(item, part, None)
            if item is not None:
                self.found[id(item)] = value
                self.keep.append(item)
        return True


_BUILTIN_TYPES: dict[str, type] = {
    "NoneType": type(None),
    "ellipsis": type(...),
    "NotImplementedType": type(NotImplemented),
    "dict_keys": type({}.keys()),
    "dict_items": type({}.items()),
    "dict_values": type({}.values()),
    "mappingproxy": type(type.__dict__),
}

_callables = _Table([(module, names, kind) for kind, module, names, _ in CALLABLES])
_immutable = _Table([(module, names, True) for module, names, _ in IMMUTABLE])
_neutral = _Table([(module, names, True) for module, names, _ in NEUTRAL])
_blocking = _Table(
    [(module, name, f"{module}.{name}") for module, names in BLOCKING for name in names.split()]
)
_results = _Table([(module, name, (where, cls)) for module, name, where, cls in RESULTS])
_methods = _Table(
    [
        (name.rpartition(".")[0], name.rpartition(".")[2], frozenset(names.split()))
        for name, names, _ in METHODS
    ]
)


def callable_effect(item: object) -> str | None:
    """What a callable does to its arguments, as the table says; None if it says nothing."""
    effect: str | None = _callables.get(item)
    return effect


def blocking_name(item: object) -> str | None:
    """The name of a callable that waits for something outside; None for all others."""
    name: str | None = _blocking.get(item)
    return name


def result_type(item: object) -> type | None:
    """The class of what a function gives, where the table knows it."""
    found = _results.get(item)
    if found is None or found[0] not in sys.modules:
        return None
    cls = getattr(sys.modules[found[0]], found[1], None)
    return cls if isinstance(cls, type) else None


@lru_cache(maxsize=4096)
def is_immutable_type(cls: type) -> bool:
    """Whether values of exactly this type never change (tuples and frozensets depend on what they hold)."""
    return bool(_immutable.get(cls)) or _is_enum(cls)


def immutable_types() -> list[type]:
    """Those of the table whose modules are imported by now."""
    _immutable.get(int)
    return [item for item in _immutable.keep if isinstance(item, type)]


def _is_enum(cls: type) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(cls, enum.EnumMeta)


def is_neutral_type(cls: type) -> bool:
    """Whether values of this type are locks or loggers, which are no state."""
    return any(_neutral.get(base) for base in cls.__mro__)


def method_effect(owner: type, name: str) -> str | None:
    """Of a method implemented in C: ``read`` (may give a part), ``look`` (shares nothing) or None: may change."""
    for cls in (owner, object):
        names = _methods.get(cls)
        if names is not None:
            if f"={name}" in names:
                return "look"
            if name in names:
                return "read"
    return "look" if is_immutable_type(owner) or is_neutral_type(owner) else None
