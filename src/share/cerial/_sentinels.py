"""Sentinels: a bare ``object()``, or an instance without state, that a module or a class has under a name.

They are compared by identity, so they travel by that name.
"""

import sys
from importlib import import_module
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from share.cerial._tokens import MAIN_NAMES

__all__ = ["is_sentinel", "is_singleton", "reduce_sentinel"]

_HEAP_TYPE = 1 << 9
_CODE = (FunctionType, classmethod, staticmethod, property)
_HOOKS = (
    "__init__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getattr__",
    "__slots__",
)

#: id of a bare object -> itself, and where it was found. For as many modules as there were then.
_bare: dict[int, tuple[object, str, str]] = {}
_modules = 0
#: What stands for the sentinels of a main module that is not that of this process.
_made: dict[tuple[str, str, type], object] = {}
_made_names: dict[int, tuple[str, str]] = {}


def is_sentinel(value: Any) -> bool:
    """Whether an object travels by its name."""
    cls = type(value)
    return _may_be(cls) and not getattr(value, "__dict__", None) and _name_of(value, cls) is not None


def is_singleton(value: Any) -> bool:
    """Whether an object is a sentinel, or is found in its module and says so by a ``__reduce__`` that gives a text."""
    cls = type(value)
    if _may_be(cls):
        return is_sentinel(value)
    return _reduces(cls) and _name_of(value, cls) is not None and type(value.__reduce__()) is str


def reduce_sentinel(value: Any) -> Any:
    """What ``reducer_override`` returns for a sentinel, NotImplemented for everything else."""
    cls = type(value)
    if not _may_be(cls) or getattr(value, "__dict__", None):
        return NotImplemented
    name = _name_of(value, cls)
    return NotImplemented if name is None else (_sentinel, (*name, cls))


def _sentinel(module: str, name: str, cls: type) -> object:
    try:
        found = _at(sys.modules["__main__"] if module in MAIN_NAMES else import_module(module), name)
    except (ImportError, AttributeError):
        found = None
    if type(found) is cls:
        return found
    made = _made.setdefault((module, name, cls), cls())
    _made_names[id(made)] = (module, name)
    return made


def _may_be(cls: type) -> bool:
    """Whether a class is one that sentinels are of: no state, and no methods but special ones."""
    return cls is object or (type(cls) is type and cls.__bases__ == (object,) and _is_stateless(cls))


_stateless: "WeakKeyDictionary[type, bool]" = (
    WeakKeyDictionary()
)  # a class, and its module, must be able to go


def _is_stateless(cls: type) -> bool:
    found = _stateless.get(cls)
    if found is None:
        found = _stateless[cls] = _looks_stateless(cls)
    return found


def _looks_stateless(cls: type) -> bool:
    return bool(cls.__flags__ & _HEAP_TYPE) and not any(
        (isinstance(value, _CODE) and not (name.startswith("__") and name.endswith("__")))
        or (name in _HOOKS and value != ())
        for name, value in vars(cls).items()
    )


def _reduces(cls: type) -> bool:
    return type(cls) is type and isinstance(vars(cls).get("__reduce__"), FunctionType)


def _name_of(value: object, cls: type) -> tuple[str, str] | None:
    if id(value) in _made_names:
        return _made_names[id(value)]
    if cls is object:
        return _name_of_bare(value)
    module = sys.modules.get(cls.__module__)
    for space, prefix in ((module, ""), (cls, f"{cls.__qualname__}.")):
        for name, found in [] if space is None else list(vars(space).items()):
            if found is value:
                return cls.__module__, prefix + name
    return None


def _name_of_bare(value: object) -> tuple[str, str] | None:
    global _modules
    if len(sys.modules) != _modules:
        _modules = len(sys.modules)
        _bare.clear()
        for module in list(sys.modules):
            _look_through(module)
    elif id(value) not in _bare:
        _look_through("__main__")  # to which names are added as it runs
    found = _bare.get(id(value))
    if found is None:
        return None
    try:
        return found[1:] if _at(sys.modules[found[1]], found[2]) is value else None
    except (KeyError, AttributeError):
        return None


def _look_through(module_name: str) -> None:
    space = getattr(sys.modules.get(module_name), "__dict__", None) or {}
    for name, value in list(space.items()):
        if type(value) is object:
            _bare.setdefault(id(value), (value, module_name, name))
        elif isinstance(value, type) and value.__dict__.get("__module__") == module_name:
            for inner, held in list(value.__dict__.items()):
                if type(held) is object:
                    _bare.setdefault(id(held), (held, module_name, f"{name}.{inner}"))


def _at(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module
