"""Copies that are handed out as they are: arrays and other things that only C code can use directly."""

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["factory_of_asdict", "sealed"]


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
