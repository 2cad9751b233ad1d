# Containers of live objects that record what their methods do, so that only that is published.
from libc.stdint cimport uint32_t, uint64_t

from ..cerial._codec cimport Encoder


cdef class Log:
    cdef bytearray data             # entries, see _logs.pxd
    cdef list pending               # (name, arguments) whose last argument can still change; behind them, in order
    cdef list handed                # [key, element] that running code has got hold of and may change
    cdef list popped                # elements that it has got hold of and that are here no more
    cdef bint whole                 # not all that happened is in the log
    cdef bint lost                  # nor will it be
    cdef bint muted                 # one of the container's own methods is at work
    cdef bint plain                 # all elements are values
    cdef bint doubtful              # there may be keys, or elements of a set, that are not
    cdef uint64_t mirror            # whose container this is, and of which cell
    cdef uint32_t cell
    cdef uint64_t most              # bytes: a longer log is not worth having
    cdef list waiting               # where the log puts itself when it has something to settle
    cdef bint is_waiting

    cdef bint says_all(self)
    cdef int reset(self, object container) except -1
    cdef int hand(self, object container, object key, object value) except -1
    cdef int settle(self, object container, Encoder encoder) except -1
    cdef int write_element(self, object container, Encoder encoder, list pair) except -1
    cdef int write(self, Encoder encoder, str name, tuple args, dict kwargs) except -1
    cdef int wait(self, object container) except -1
    cdef int note(self, object container, str name, tuple args, dict kwargs) except -1
    cdef int take_out(self, object container, object value) except -1
    cdef int hand_all(self) except -1
    cdef int move_handed(self, object container, str name, tuple args) except -1


cdef Log log_of(object container)
# The container to put in the place of one that nobody else refers to; None if it cannot be tracked.
cdef object tracked_copy(object container, uint64_t size, list waiting)
cdef bint is_tracked(object container)
# The plain container with the same elements.
cdef object untracked(object container)
