"""Finds what in a value cannot travel, after the encoder has failed, and says so."""

from collections.abc import Callable
from typing import Any

from share.errors import NotShareableError


def not_shareable(
    value: Any, where: str, error: BaseException, reduce: Callable[[Any], Any]
) -> NotShareableError:
    """The exception that names the attribute path to what cannot travel."""
    return NotShareableError(f"{where}: {error}")
