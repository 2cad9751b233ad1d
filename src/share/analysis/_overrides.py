"""What the author of a class says about it, which goes before what analysis finds.

On a function, by decorators::

    @writes("items")
    @reads("items", "limit")
    def push(self, x): ...

or for a whole class, also one whose methods cannot be decorated::

    _shared_meta = {
        "methods": {"push": {"reads": ["items", "limit"], "writes": ["items"], "returns": False}},
        "properties": {"size": {"reads": ["items"], "writes": ["limit"]}},
    }

``"*"`` among the names means any attribute. ``reads`` of a property are those of its getter, ``writes`` those of
its setter and deleter.
"""

import difflib
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import AnalysisError
from ._classes import MISSING, lookup, own_mro

__all__ = ["Override", "checked", "functions_of", "overrides_of", "reads", "returns_value", "writes"]

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__share_effects__"
_KEYS = ("reads", "writes", "returns")
Names = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Override:
    """What is said about one function; MISSING where nothing is said, None for any attribute."""

    reads: Any = MISSING
    writes: Any = MISSING
    returns: Any = MISSING


def reads(*names: str) -> Callable[[F], F]:
    """Say that a method reads these attributes of its object and no others; ``"*"`` for any."""
    return _marker("reads", _names(names, "@reads"))


def writes(*names: str) -> Callable[[F], F]:
    """Say that a method may change these attributes of its object and no others; ``"*"`` for any."""
    return _marker("writes", _names(names, "@writes"))


def returns_value(flag: bool = True) -> Callable[[F], F]:
    """Say whether callers want what a method returns, and so wait for it."""
    if not isinstance(flag, bool):
        raise AnalysisError("@returns_value() is written with parentheses and takes True or False")
    return _marker("returns", flag)


def _marker(key: str, value: Any) -> Callable[[F], F]:
    def mark(function: F) -> F:
        target: Any = function
        if isinstance(target, property):
            target = target.fget
        elif isinstance(target, classmethod | staticmethod):
            target = target.__func__
        vars(target)[_MARK] = {**vars(target).get(_MARK, {}), key: value}
        return function

    return mark


def _names(names: Iterable[str], where: str) -> Names:
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if not isinstance(name, str):
            raise AnalysisError(f"{where} takes names of attributes as strings, not {name!r}")
    return None if "*" in names else frozenset(names)


def functions_of(raw: Any) -> list[types.FunctionType]:
    """The functions in something found on a class."""
    match raw:
        case types.FunctionType():
            return [raw]
        case staticmethod() | classmethod():
            return functions_of(raw.__func__)
        case property():
            return [found for part in (raw.fget, raw.fset, raw.fdel) for found in functions_of(part)]
    found = getattr(raw, "func", None)  # cached_property, partialmethod
    return [found] if isinstance(found, types.FunctionType) else []


def overrides_of(cls: type) -> dict[int, Override]:
    """Everything said about the functions of a class, by the id of the function.

    :raises AnalysisError: on a name that the class does not have, or a key that means nothing here.
    """
    found: dict[int, dict[str, Any]] = {}
    for base in reversed(own_mro(cls)):
        for value in base.__dict__.values():
            for function in functions_of(value):
                if marks := vars(function).get(_MARK):
                    found[id(function)] = dict(marks)
        meta = base.__dict__.get("_shared_meta")
        if meta is not None:
            _apply_meta(base, meta, found)
    return {key: Override(**said) for key, said in found.items()}


def _apply_meta(base: type, meta: Any, found: dict[int, dict[str, Any]]) -> None:
    """``_shared_meta`` speaks of the functions that its own class has or inherits, not of later overrides."""
    if not isinstance(meta, Mapping):
        raise AnalysisError(
            f"{base.__qualname__}._shared_meta must be a dictionary, not {type(meta).__name__}"
        )
    _check_keys(meta, ("methods", "properties"), f"{base.__qualname__}._shared_meta")
    for name, said in meta.get("methods", {}).items():
        where = f"{base.__qualname__}._shared_meta['methods'][{name!r}]"
        functions = functions_of(_member(base, name, "method", where))
        for function in functions:
            found.setdefault(id(function), {}).update(_said(said, where))
    for name, said in meta.get("properties", {}).items():
        where = f"{base.__qualname__}._shared_meta['properties'][{name!r}]"
        member = _member(base, name, "property", where)
        said = _said(said, where)
        getter = member.fget if isinstance(member, property) else getattr(member, "func", None)
        if getter is not None:
            found.setdefault(id(getter), {}).update(
                {key: said[key] for key in ("reads", "returns") if key in said}
            )
        for part in (member.fset, member.fdel) if isinstance(member, property) else ():
            if part is not None and "writes" in said:
                found.setdefault(id(part), {})["writes"] = said["writes"]


def _said(said: Any, where: str) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        raise AnalysisError(f"{where} must be a dictionary such as {{'reads': [...], 'writes': [...]}}")
    _check_keys(said, _KEYS, where)
    out: dict[str, Any] = {key: _names(said[key], where) for key in ("reads", "writes") if key in said}
    if "returns" in said:
        out["returns"] = bool(said["returns"])
    return out


def _check_keys(found: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in found:
        if key not in known:
            raise AnalysisError(f"{where} has {key!r}, which is not known{_nearest(str(key), known)}")


def _member(cls: type, name: str, what: str, where: str) -> Any:
    member = lookup(cls, name)
    if member is MISSING:
        names = [name for base in own_mro(cls) for name in base.__dict__ if not name.startswith("__")]
        raise AnalysisError(f"{where}: {cls.__qualname__} has no {what} {name!r}{_nearest(name, names)}")
    return member


def checked(names: Names, known: Iterable[str], where: str) -> Names:
    """The same names, if the class has all of them.

    :raises AnalysisError: suggesting the nearest name.
    """
    if names is not None:
        known = list(known)
        for name in sorted(names):
            if name not in known:
                raise AnalysisError(
                    f"{where} names the attribute {name!r}, which it has not{_nearest(name, known)}"
                )
    return names


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
