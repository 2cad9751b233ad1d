"""Which objects are values: immutable all the way, so that they can be handed out as they are."""

import datetime
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

__all__ = ["is_value", "register_value"]

T = TypeVar("T", bound=type)

_ATOMS: set[type] = {
    type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented), range,
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone,
    decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern,
    pathlib.PurePosixPath, pathlib.PosixPath, pathlib.PureWindowsPath, pathlib.WindowsPath,
    types.FunctionType, types.BuiltinFunctionType,
}  # fmt: skip
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
    if cls is tuple or cls is frozenset:
        return all(map(is_value, obj))
    if isinstance(obj, (type, enum.Enum)):
        return True
    if isinstance(obj, tuple) and hasattr(cls, "_fields") and not hasattr(obj, "__dict__"):
        return all(map(is_value, obj))  # a named tuple
    if is_dataclass(cls):
        names = _frozen_fields.get(cls)
        if names is None:
            frozen = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
            names = tuple(f.name for f in fields(cls)) if frozen else ()
            _frozen_fields[cls] = names
        return bool(names) and all(is_value(getattr(obj, name, None)) for name in names)
    return False
