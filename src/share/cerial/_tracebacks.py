"""Tracebacks and frames: what arrives shows the same files, functions and lines, and holds nothing else."""

import sys
from types import FrameType, TracebackType
from typing import Any

__all__ = ["reduce_frame", "reduce_traceback"]

_MOST = 200  # entries: of a deeper traceback the last ones

_Place = tuple[str, str, int]  # file, function, line


def reduce_traceback(traceback: TracebackType) -> tuple[Any, ...]:
    """The rule for tracebacks."""
    places: list[_Place] = []
    entry: TracebackType | None = traceback
    while entry is not None:
        places.append(_place(entry.tb_frame, entry.tb_lineno))
        entry = entry.tb_next
    return _make_traceback, (places[-_MOST:],)


def reduce_frame(frame: FrameType) -> tuple[Any, ...]:
    """The rule for frames."""
    return _make_frame, _place(frame, frame.f_lineno)


def _place(frame: FrameType, line: int | None) -> _Place:
    return frame.f_code.co_filename, frame.f_code.co_name, line or 1


def _make_traceback(places: list[_Place]) -> TracebackType | None:
    made: TracebackType | None = None
    for place in reversed(places):
        # Without a place in the code (-1), whoever shows an entry goes by its line.
        made = TracebackType(made, _make_frame(*place), -1, place[2])
    return made


def _make_frame(file: str, function: str, line: int) -> FrameType:
    # The only way to a frame is to run something: a statement that stands in that line.
    code = compile("\n" * (line - 1) + "_frame()", file, "exec").replace(co_name=function)
    names: dict[str, Any] = {"_frame": lambda: found.append(sys._getframe(1))}
    found: list[FrameType] = []
    exec(code, names)
    names.clear()
    return found.pop()
