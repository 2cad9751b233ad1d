"""Open files inside a value: a regular file is opened again, by name and mode, at the same position."""

import io
import os
import stat
import sys
from typing import Any

from share.errors import NotShareableError

__all__ = ["FILE_TYPES", "reduce_file", "reduce_stream"]

FILE_TYPES = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)

_STANDARD = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")


def reduce_file(file: Any) -> Any:
    """How an open file travels.

    The standard streams arrive as those of the receiving process. A regular file is opened there by its
    absolute path; one that was opened for writing is not truncated again. Text arrives with the default newline
    handling, because a file does not tell with which it was opened.

    Raises:
        NotShareableError: it is closed, or no regular file (a pipe, a socket, a terminal), or has no name.
    """
    standard = reduce_stream(file)
    if standard is not NotImplemented:
        return standard
    if file.closed:
        raise NotShareableError("a closed file cannot be shared; set the attribute to None after closing it")
    path = file.name
    if not isinstance(path, (str, bytes)) or not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise NotShareableError(
            "only regular files opened by name can be shared, no pipes, sockets, terminals or descriptors; "
            "share what is read from it, or the name to open it by"
        )
    path = os.path.abspath(path)
    try:
        same = os.path.samestat(os.stat(path), os.fstat(file.fileno()))
        if file.writable():
            file.flush()
        position = file.tell()
    except OSError as error:
        raise NotShareableError(
            f"an open file whose position cannot be told ({error}) cannot be shared"
        ) from error
    if not same:
        raise NotShareableError(f"{path!r} is no longer the file that was opened; it cannot be opened again")
    if isinstance(file, io.TextIOWrapper):
        text = (file.encoding, file.errors, file.line_buffering)
        return _open, (path, _mode_of(file.buffer), position, text, False)
    return _open, (path, _mode_of(file), position, None, isinstance(file, io.FileIO))


def reduce_stream(stream: Any) -> Any:
    """A standard stream by its name, whatever stands there (a notebook's, a test runner's); else pickle's way."""
    for name in _STANDARD:
        if stream is getattr(sys, name):
            return _standard, (name,)
    return NotImplemented


def _mode_of(file: Any) -> str:
    """The mode to open it with again: 'w' and 'x' must not truncate or complain."""
    raw = getattr(file, "raw", file)
    if not raw.writable():
        return "rb"
    if "a" in raw.mode:
        return "ab+" if raw.readable() else "ab"
    return "rb+"


def _open(path: Any, mode: str, position: int, text: Any, is_raw: bool) -> Any:
    file: Any = open(path, mode, buffering=0 if is_raw else -1)  # noqa: SIM115
    if text is not None:
        encoding, errors, line_buffering = text
        file = io.TextIOWrapper(file, encoding, errors, None, line_buffering)
        file.mode = mode.replace("b", "")
    file.seek(position)
    return file


def _standard(name: str) -> Any:
    return getattr(sys, name)
