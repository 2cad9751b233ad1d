# Which nodes other processes hold, as far as the coordinator has looked.
from libc.stdint cimport uint32_t, uint64_t

from .._control cimport Control
from .._ringbuf cimport SPSC
from .._segment cimport Segment
from ..state._state cimport State


cdef class Table:
    cdef Segment segment
    cdef uint64_t serial


# An answer that refers to nodes, from when it is in its caller's ring until that has been decoded.
cdef class Sent:
    cdef uint32_t owner
    cdef Segment segment            # the caller's response ring ...
    cdef uint64_t* head             # ... and how much of it has been taken
    cdef uint64_t behind            # taken when head is here
    cdef uint64_t end               # of the command
    cdef list nodes


cdef class Holders:
    cdef Control control
    cdef uint64_t known             # how many tables had been made at the last look for them
    cdef bint is_blind              # some table could not be opened: whatever is in there may be held
    cdef bint has_lost              # a process has gone since the last look
    cdef dict tables                # entry of a process -> Table
    cdef list sent                  # Sent
    cdef dict before                # entry of a process -> (serial, where its ring ended at the take-over)
    cdef uint64_t taken_over        # C then

    # Notes which answers of a predecessor's are still to be decoded: who knows which nodes these refer to.
    cdef int take_over(self) except -1
    # From here on ids only disappear from the tables, until C is at that position.
    cdef int begin(self, uint64_t position) except -1
    cdef int find(self) except -1
    cdef Segment attach_ring(self, uint64_t entry, SPSC* ring)
    # Lets go of what answers refer to that have been decoded.
    cdef int settle(self, State state) except -1
    cdef set taken_from(self, uint32_t owner)
    # Those that are held of some nodes, by their present ids, if everything before that position has been executed.
    cdef set among(self, State state, set ids, uint64_t position)
    # All nodes that are held: strong references.
    cdef list objects(self, State state)
    # Whether no answer of a predecessor's is still to be decoded.
    cdef bint are_settled(self) except -1
    cdef int forget(self, State state, uint32_t entry) except -1
