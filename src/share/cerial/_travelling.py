"""Exceptions that are to leave this process, whatever they hold."""

from typing import cast

from share.cerial._bytes import dumps
from share.cerial._exceptions import make

__all__ = ["travelling"]


def travelling(error: BaseException) -> BaseException:
    """The exception, or if it cannot travel, one of its class with what of it can: arguments as texts, no more."""
    try:
        dumps(error)
    except Exception:
        return cast("BaseException", make(type(error), tuple(_shown(arg) for arg in error.args)))
    return error


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__} object>"
