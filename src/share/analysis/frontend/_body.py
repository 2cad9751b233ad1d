"""Chooses the front end of a function: its syntax tree if that can be found and believed, else its bytecode."""

import weakref
from types import CodeType

from ._bytecode import lower_code
from ._ir import Body, UnsupportedCodeError
from ._lower import lower_function
from ._source import find_tree

__all__ = ["body_of", "source_wanted"]

#: id of a code object -> what it was, and its body. A code object hashes by value, which is slow and too equal.
_bodies: dict[int, tuple[weakref.ref[CodeType], Body | None]] = {}

#: Set to False by tests, so that everything goes through the bytecode.
source_wanted = True


def body_of(code: CodeType) -> Body | None:
    """The instructions of a function; None if neither front end understands it."""
    key = id(code)
    found = _bodies.get(key)
    if found is not None and found[0]() is code and source_wanted:
        return found[1]
    body = _translate(code)
    if source_wanted:
        _bodies[key] = (weakref.ref(code, lambda _: _bodies.pop(key, None)), body)
    return body


def _translate(code: CodeType) -> Body | None:
    if source_wanted:
        found = find_tree(code)
        if found is not None:
            tree, offset, owner = found
            try:
                return lower_function(tree, code.co_filename, offset, owner)
            except (UnsupportedCodeError, RecursionError):
                pass
    try:
        return lower_code(code)
    except (UnsupportedCodeError, RecursionError):
        return None
