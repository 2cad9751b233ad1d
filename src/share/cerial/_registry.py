"""Types whose instances travel by a rule: those a user registered, and process-local ones of the library."""

from collections.abc import Callable
from typing import Any

from share.cerial import _rebuild

__all__ = ["register", "rule_for", "unregister"]

Rule = Callable[[Any], Any]

_registered: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {}
_listeners: list[Callable[[], None]] = []

_BUILT_IN = frozenset(
    {
        int,
        bool,
        float,
        complex,
        str,
        bytes,
        bytearray,
        tuple,
        list,
        dict,
        set,
        frozenset,
        type,
        object,
        type(None),
    }
)


def register(cls: type, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
    """Say how instances of exactly ``cls`` travel between processes.

    Args:
        cls: the type; subclasses are not meant (register them too).
        encode: makes the state of an instance, anything that can travel; must leave the instance as it is.
        decode: makes an instance from such a state.

    The registration travels with each instance, by reference if ``encode`` and ``decode`` can be imported
    and by value if not: a process that receives one can send it on without registering anything.
    A later registration of the same type replaces the earlier one.

    Raises:
        TypeError: ``cls`` is not a class, or one of the others is not callable.
        ValueError: ``cls`` is a built-in type with an encoding of its own.

    >>> class Celsius:
    ...     __slots__ = ("degrees",)
    ...     def __init__(self, degrees):
    ...         self.degrees = degrees
    >>> register(Celsius, lambda t: t.degrees, Celsius)
    >>> from share import cerial
    >>> cerial.loads(cerial.dumps(Celsius(21))).degrees
    21
    >>> unregister(Celsius)
    """
    if not isinstance(cls, type):
        raise TypeError(f"register() needs a class, not {cls!r}")
    if not callable(encode) or not callable(decode):
        raise TypeError("register() needs two callables: encode(obj) -> state and decode(state) -> obj")
    if cls in _BUILT_IN:
        raise ValueError(f"{cls.__name__} has an encoding of its own; register a subclass of it instead")
    _registered[cls] = (encode, decode)
    _changed()


def unregister(cls: type) -> None:
    """Undo :func:`register`; values encoded before stay readable.

    Raises:
        KeyError: the type is not registered.
    """
    del _registered[cls]
    _changed()


def on_change(listener: Callable[[], None]) -> None:
    """Have ``listener`` called after each change to what is registered."""
    _listeners.append(listener)


def rule_for(cls: type) -> Rule | None:
    """The function that reduces instances of ``cls``, or None if they travel as pickle sends them."""
    if cls in _registered:
        return _reduce_registered
    return _rebuild.rule_for(cls)


def _changed() -> None:
    for listener in _listeners:
        listener()


def _reduce_registered(value: Any) -> tuple[Any, ...]:
    encode, decode = _registered[type(value)]
    return _restore, (type(value), encode, decode, encode(value))


def _restore(cls: type, encode: Callable[[Any], Any], decode: Callable[[Any], Any], state: Any) -> Any:
    if cls not in _registered:
        register(cls, encode, decode)
    return decode(state)
