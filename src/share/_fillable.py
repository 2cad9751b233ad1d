"""Which arguments can be brought up to date where the caller has them, when a method has changed its copy."""

import io
from array import array
from collections import Counter, OrderedDict, defaultdict, deque

from share.cerial._files import FILE_TYPES

__all__ = ["is_fillable"]

_CONTAINERS = list, dict, OrderedDict, defaultdict, Counter, set, deque, bytearray, array, memoryview
#: A file is read on, or written on, from where it is then.
_FILLABLE = frozenset((*_CONTAINERS, io.StringIO, io.BytesIO, *FILE_TYPES))


def is_fillable(cls: type) -> bool:
    """Whether an argument of that class can be brought up to date."""
    return cls in _FILLABLE or (cls.__name__ == "ndarray" and cls.__module__ == "numpy")
