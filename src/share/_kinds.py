"""Which objects are values: immutable all the way, so that they can be handed out as they are."""

import copyreg
import enum
import sys
import types
from collections.abc import Callable
from typing import Any, TypeVar

from share.cerial._sentinels import is_singleton

__all__ = ["is_array", "is_nested", "is_value", "pickles_itself", "register_value"]

T = TypeVar("T", bound=type)

_ATOMS: set[type] = {
    type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented), range,
    types.GenericAlias, types.UnionType,
}  # fmt: skip
# By name, because importing these modules would take a third of the time that `import share` takes. Whoever has
# an instance has the module too.
_STANDARD = {
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"PurePosixPath", "PosixPath", "PureWindowsPath", "WindowsPath"},
    "re": {"Pattern"},
    "uuid": {"UUID"},
    "zoneinfo": {"ZoneInfo"},
}
_frozen_fields: dict[type, tuple[str, ...]] = {}


def register_value(cls: T) -> T:
    """Declares that instances of ``cls`` never change, so that reads may share them. Returns ``cls``."""
    if not isinstance(cls, type):
        raise TypeError(f"register_value takes a class, not {cls!r}")
    _ATOMS.add(cls)
    return cls


def is_value(obj: Any, _atoms: set[type] = _ATOMS, _type: Callable[[Any], type] = type) -> bool:
    """Whether an object is immutable, its parts included."""
    cls = _type(obj)
    if cls in _atoms:
        return True
    if cls is dict or cls is list or cls is set:
        return False
    if cls is tuple or cls is frozenset:
        return all(map(is_value, obj))
    if isinstance(obj, (type, enum.Enum)):
        return True
    if cls is slice:
        return is_value((obj.start, obj.stop, obj.step))
    if cls is types.FunctionType:
        return _holds_values(obj)
    if cls is types.BuiltinFunctionType:  # which a bound method of a list is, too
        return obj.__self__ is None or isinstance(obj.__self__, (type, types.ModuleType))
    if isinstance(obj, tuple) and hasattr(cls, "_fields") and not hasattr(obj, "__dict__"):
        return all(map(is_value, obj))  # a named tuple
    if hasattr(cls, "__dataclass_fields__"):
        names = _frozen_fields.get(cls)
        if names is None:
            names = _frozen_fields[cls] = _fields_if_frozen(cls)
        return bool(names) and all(is_value(getattr(obj, name, None)) for name in names)
    return _is_standard(cls) or is_singleton(obj)


def _holds_values(function: types.FunctionType) -> bool:
    """Whether a function has nothing in its closure that can change; functions in there may lead back to it."""
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:
            continue  # not yet assigned
        if getattr(content, "__closure__", None) or not is_value(content):
            return False
    return True


def _fields_if_frozen(cls: Any) -> tuple[str, ...]:
    from dataclasses import fields

    return tuple(field.name for field in fields(cls)) if cls.__dataclass_params__.frozen else ()


def _is_standard(cls: type) -> bool:
    module, name = str(cls.__module__).partition(".")[0], cls.__name__
    if module == "numpy" and issubclass(cls, (numpy := sys.modules["numpy"]).generic):
        # A record can be written to.
        return not issubclass(cls, numpy.void)
    if name not in _STANDARD.get(module, ()) or getattr(sys.modules.get(module), name, None) is not cls:
        return False
    _ATOMS.add(cls)
    return True


def pickles_itself(cls: type) -> bool:
    """Whether a class says itself what the state of an instance is; dataclasses and attrs say it is its slots."""
    for name in _PICKLE_HOOKS:
        found = getattr(cls, name, None)
        code = getattr(found, "__code__", None)
        if found is not getattr(object, name, None) and (code is None or code.co_name not in _GENERATED):
            return True
    return cls in copyreg.dispatch_table


_PICKLE_HOOKS = (
    "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__",
)  # fmt: skip
_GENERATED = ("_dataclass_getstate", "_dataclass_setstate", "slots_getstate", "slots_setstate")


def is_array(obj: Any) -> bool:
    """Whether an object is a NumPy array of plain data, which can be handed out without a copy."""
    cls = type(obj)
    return (
        cls.__name__ == "ndarray"
        and cls.__module__ == "numpy"
        and not obj.dtype.hasobject
        and obj.dtype.itemsize > 0
    )


def is_nested(obj: Any) -> bool:
    """Whether a mutable object that is read from a share comes back as a nested proxy.

    The others come back as private copies: what only makes sense as an object of the process itself (exceptions,
    locks), and tables, whose users are C code that must have the real thing. Arrays are a kind of their own.
    """
    cls = type(obj)
    if issubclass(cls, BaseException) or _is_copied(cls):
        return False
    if cls is types.MethodType or cls is types.BuiltinMethodType or cls is types.MethodWrapperType:
        # A call of it may change what it is bound to: as a copy it would change that copy.
        bound = obj.__self__
        return bound is not None and not isinstance(bound, (type, types.ModuleType)) and not is_value(bound)
    return not callable(obj) or hasattr(cls, "__len__") or cls.__flags__ & (1 << 9) != 0


def _is_copied(cls: type) -> bool:
    package, _, rest = cls.__module__.partition(".")
    return package in _COPIED_MODULES and not (package == "numpy" and rest.partition(".")[0] == "random")


_COPIED_MODULES = frozenset(
    ("_thread", "threading", "logging", "numpy", "pandas", "polars", "pyarrow", "scipy", "torch")
)
