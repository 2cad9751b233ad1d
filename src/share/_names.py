"""Names of segments: how they are made, and which of them exist."""

import errno
import fcntl
import os
import re
from typing import Any

from share._segment import unlink
from share.errors import SegmentError, ShareError

__all__ = [
    "base_of",
    "bury",
    "check_name",
    "give_name",
    "is_ours",
    "new_name",
    "public_segment",
    "segments_of",
    "sweep",
    "take_name",
]

_FOLDER = "/dev/shm"


def new_name() -> str:
    """A name for a new share that nobody can guess."""
    return f"share_{os.urandom(8).hex()}"


def segments_of(prefix: str) -> list[str]:
    """The segments that exist and whose names begin with ``prefix``."""
    try:
        return [name for name in os.listdir(_FOLDER) if name.startswith(prefix)]
    except FileNotFoundError:
        return []


def is_ours(segment: str) -> bool:
    """Whether a segment belongs to this user; False also if it has just gone."""
    try:
        return os.stat(f"{_FOLDER}/{segment}", follow_symlinks=False).st_uid == os.geteuid()
    except FileNotFoundError:
        return False


def sweep(name: str, public: str | None = None) -> None:
    """Unlinks every segment of a share whose coordinator has ended; ``public`` is the name the user gave it."""
    if public is not None and base_of(public) == name:
        unlink(public_segment(public))
    for segment in segments_of(f"{name}_"):
        unlink(segment)
    unlink(name)


def bury(control: Any, public: str | None) -> bool:
    """Removes the memory of a share that nobody lives to serve or to save. False: somebody does."""
    try:
        if not control.stale():
            return False
        # Whoever else attaches now and waits would start a coordinator. Only one of us is elected.
        entry, _ = control.register(True)
        role = control.elect(entry)
    except ShareError:
        return False
    if not role:
        control.leave(entry)
        return False
    if control.in_use(entry):
        control.note_started(role, 0)  # somebody has come: he may start a coordinator
        control.leave(entry)
        return False
    control.abolish(role)
    sweep(control.name, public)
    return True


# -- names given by users -------------------------------------------------------------------------------
#
# A named share's control segment has a second name, a hard link that is made when the segment is complete. So a
# name either leads to a whole control segment or to nothing, and the first to make the link has created the share.


def check_name(public: str) -> str:
    """The name itself. Raises TypeError or ValueError if it cannot be the name of a share."""
    if not isinstance(public, str):
        raise TypeError(f"the name of a share is a str, not {type(public).__name__}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", public):
        raise ValueError(
            f"{public!r} cannot be the name of a share: up to 200 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return public


def public_segment(public: str) -> str:
    """The segment name that stands for a user's name."""
    return f"share.{public}"


def base_of(public: str) -> str | None:
    """The share that has this user's name now; None if there is none."""
    from share._control import Control

    try:
        return str(Control.base_name(public_segment(public)))
    except SegmentError as error:
        if error.errno == errno.ENOENT:
            return None
        raise


def give_name(name: str, public: str) -> bool:
    """Gives a complete share a user's name. False: the name is taken."""
    try:
        os.link(f"{_FOLDER}/{name}", f"{_FOLDER}/{public_segment(public)}")
    except FileExistsError:
        return False
    return True


def take_name(name: str, public: str, stale: str) -> bool:
    """Gives a user's name, which the dead share ``stale`` had, to another one. False: somebody was faster."""
    path = f"{_FOLDER}/{public_segment(public)}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return give_name(name, public)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # one taker at a time for each dead share
        try:
            current = os.stat(path, follow_symlinks=False).st_ino
        except FileNotFoundError:
            return give_name(name, public)
        if current != os.fstat(descriptor).st_ino or base_of(public) != stale:
            return False
        spare = f"{_FOLDER}/{name}_n"
        os.link(f"{_FOLDER}/{name}", spare)
        os.rename(spare, path)
    finally:
        os.close(descriptor)
    sweep(stale)
    return True
