"""Which arguments a method may change so that its caller would see it, had it not been given a copy."""

import io
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from types import FunctionType

from .cerial._files import FILE_TYPES

cdef frozenset FILLABLE = frozenset((
    list, dict, OrderedDict, defaultdict, Counter, set, deque, bytearray, array, memoryview, io.StringIO, io.BytesIO,
    *FILE_TYPES,                # read on, or written on, from where it is then
))


cpdef bint is_fillable(cls) except -1:
    """Whether an argument of that class can be brought up to date where the caller has it."""
    return cls in FILLABLE or cls.__name__ == "ndarray" and cls.__module__ == "numpy"


cdef int may_be_filled(tuple args, dict kwargs) except -1:
    cdef int found = may_be_filled(tuple(kwargs.values()), None) if kwargs else 0
    for arg in args:
        cls = type(arg)
        if cls is int or cls is str or cls is float or cls is bytes or cls is tuple or arg is None:
            continue
        if is_fillable(cls):
            found |= FILLED
        elif cls.__dictoffset__ and not isinstance(arg, (type, FunctionType)):
            found |= CHANGED
    return found
