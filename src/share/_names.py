"""Names of segments: how they are made, and which of them exist."""

import os
import secrets

from share._segment import unlink

__all__ = ["new_name", "segments_of", "sweep"]

_FOLDER = "/dev/shm"


def new_name() -> str:
    """A name for a new share that nobody can guess."""
    return f"share_{secrets.token_hex(8)}"


def segments_of(prefix: str) -> list[str]:
    """The segments that exist and whose names begin with ``prefix``."""
    try:
        return [name for name in os.listdir(_FOLDER) if name.startswith(prefix)]
    except FileNotFoundError:
        return []


def sweep(name: str) -> None:
    """Unlinks every segment of a share whose coordinator has ended."""
    for segment in segments_of(f"{name}_"):
        unlink(segment)
    unlink(name)
