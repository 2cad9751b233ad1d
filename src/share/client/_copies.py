"""Copies that are handed out as they are: arrays and other things that only C code can use directly."""

import sys
import weakref
from collections.abc import Callable
from typing import Any, Self

__all__ = ["Reference", "factory_of_asdict", "sealed"]


class Reference(weakref.ref[Any]):
    """A weak reference that has been read from a share. What it refers to lives there: a proxy of it lives as long."""

    __slots__ = ("_proxy",)

    _proxy: Any

    def __new__(cls, proxy: Any) -> Self:
        made = super().__new__(cls, proxy)
        made._proxy = proxy
        return made

    def __reduce__(self) -> Any:
        return weakref.ref, (self._proxy,)


def factory_of_asdict() -> tuple[Callable[..., Any], Any] | None:
    """(function, factory) if ``dataclasses.asdict`` asks for a deep copy of what it takes for no container.

    From Python 3.13 on it goes by ``type(...)``, which is that of the proxy.
    """
    function = getattr(sys.modules.get("dataclasses"), "_asdict_inner", None)
    frame = sys._getframe(1).f_back  # who has called copy.deepcopy
    if function is None or frame is None or frame.f_code is not function.__code__:
        return None
    return function, frame.f_locals["dict_factory"]


def sealed(value: Any) -> Any:
    """A private copy, made read-only where its type can be (NumPy arrays): a write to it would be lost in silence."""
    if type(value).__module__ == "numpy":
        flags = getattr(value, "flags", None)
        if flags is not None:
            flags.writeable = False
    return value
