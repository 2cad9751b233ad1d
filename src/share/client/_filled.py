"""Arguments that a method has filled in the coordinator are brought up to date here."""

import io
from array import array
from typing import Any, cast

from share.cerial._files import FILE_TYPES

__all__ = ["fill"]


def fill(args: tuple[Any, ...], kwargs: dict[str, Any] | None, filled: Any) -> Any:
    """Gives the caller's own arguments what they contain now; returns what the method has returned."""
    value = filled.value
    for i, now in filled.arguments.items():
        mine = (kwargs or {})[i] if isinstance(i, str) else args[i]
        if now is filled.value and type(now) is type(mine):
            value = mine
        if now is None:
            mine.close()
        elif isinstance(mine, (list, bytearray, array)):
            mine[:] = now
        elif isinstance(mine, memoryview):
            if mine.c_contiguous:
                mine.cast("B")[:] = now
            else:
                mine[:] = memoryview(now).cast(cast("Any", mine.format))  # of one dimension; else it says so
        elif isinstance(mine, FILE_TYPES):
            mine.seek(now)
        elif isinstance(mine, (io.StringIO, io.BytesIO)):
            mine.seek(0)
            mine.truncate()
            mine.write(now.getvalue())
            mine.seek(now.tell())
        elif isinstance(mine, dict):
            mine.clear()
            mine.update(now)
        elif hasattr(mine, "dtype"):
            mine[...] = now
        elif hasattr(mine, "extend"):
            mine.clear()
            mine.extend(now)
        else:
            mine.clear()
            mine.update(now)
    return value
