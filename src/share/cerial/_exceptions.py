"""Exceptions: they travel as class, ``args`` and attributes, and arrive without their ``__init__`` being run."""

from collections.abc import Callable
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

__all__ = ["make", "rule_for"]

_HEAP_TYPE = 1 << 9
#: A class that has one of these says itself how its instances travel.
_HOOKS = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
)
# Of BaseException itself: a class may have properties of these names.
_attributes_of = BaseException.__dict__["__dict__"].__get__
_set_args = BaseException.__dict__["args"].__set__


def rule_for(cls: type) -> Callable[[Any], Any] | None:
    """The rule for instances of a class of exceptions; None if pickle's own way is right."""
    if not cls.__flags__ & _HEAP_TYPE:
        return None
    built_in = _built_in(cls)
    for base in cls.__mro__:
        if base.__flags__ & _HEAP_TYPE and any(hook in base.__dict__ for hook in _HOOKS):
            return None
    return None if not issubclass(built_in, BaseException) else _reduce


def _built_in(cls: type) -> Any:
    """The class whose instances an exception's memory is laid out as: the one in C that it is derived from."""
    while cls.__flags__ & _HEAP_TYPE:
        assert cls.__base__ is not None
        cls = cls.__base__
    return cls


def _reduce(error: BaseException) -> tuple[Any, ...]:
    cls = type(error)
    reduced = _built_in(cls).__reduce__(error)
    state = dict(reduced[2]) if len(reduced) > 2 and reduced[2] else {}
    for name in _members(cls):
        try:
            state[name] = object.__getattribute__(error, name)
        except AttributeError:
            pass  # not set
    if isinstance(error, BaseExceptionGroup):  # a class with a __new__ of its own can have other args
        return (
            _make_group,
            (cls, error.message, error.exceptions, reduced[1]),
            state or None,
            None,
            None,
            _fill,
        )
    return make, (cls, reduced[1]), state or None, None, None, _fill


def make(cls: type, args: tuple[Any, ...]) -> Any:
    built_in = _built_in(cls)
    try:
        error = built_in.__new__(cls, *args)
        built_in.__init__(error, *args)
    except (TypeError, ValueError):  # `args` was changed later
        error = built_in.__new__(cls)
        _set_args(error, args)
    return error


def _make_group(cls: type, message: str, errors: tuple[Any, ...], args: tuple[Any, ...]) -> Any:
    group: Any = BaseExceptionGroup.__new__(cls, message, errors)
    _set_args(group, args)
    return group


def _fill(error: Any, state: dict[str, Any]) -> None:
    members = _members(type(error))
    attributes = _attributes_of(error)
    for name, value in state.items():
        if name in members:
            object.__setattr__(error, name, value)
        else:
            attributes[name] = value


def _members(cls: type) -> set[str]:
    """The names of attributes that are not in an exception's ``__dict__`` and not made from its ``args`` either."""
    found = set()
    for base in cls.__mro__:
        own = base.__flags__ & _HEAP_TYPE or base in (ImportError, NameError, AttributeError)
        for name, descriptor in base.__dict__.items() if own else ():
            if type(descriptor) in (MemberDescriptorType, GetSetDescriptorType) and not name.startswith("__"):
                found.add(name)
    return found
