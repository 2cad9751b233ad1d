"""Copies that are handed out as they are: arrays and other things that only C code can use directly."""

from typing import Any

__all__ = ["sealed"]


def sealed(value: Any) -> Any:
    """A private copy, made read-only where its type can be (NumPy arrays): a write to it would be lost in silence."""
    if type(value).__module__ == "numpy":
        flags = getattr(value, "flags", None)
        if flags is not None:
            flags.writeable = False
    return value
