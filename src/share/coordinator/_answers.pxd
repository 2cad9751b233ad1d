# Answers to calls, from their encoding to the callers' response rings.
from libc.stdint cimport uint32_t, uint64_t

from .._arena cimport Arena, Region
from .._control cimport Control
from .._ringbuf cimport SPSC
from .._segment cimport Segment
from ..cerial._codec cimport Encoder
from ._holders cimport Holders


cdef class Responses:
    cdef Segment segment
    cdef SPSC ring
    cdef uint64_t serial
    cdef Arena arena                # for answers that are too large for the ring; None before the first

    cdef Region store(self, str share, const char* data, uint64_t size)
    cdef int find_stored(self, str share) except -1


# One that is not committed yet.
cdef class Answer:
    cdef uint32_t owner
    cdef int kind
    cdef uint64_t end, size
    cdef bytes data                 # None: it lies in the arena
    cdef Region region
    cdef list nodes                 # to which it refers


cdef class Answers:
    cdef Control control
    cdef Encoder encoder
    cdef Holders holders
    cdef list handed                # nodes that what is being encoded refers to
    cdef dict rings                 # process-table entry -> Responses
    cdef list prepared              # of this batch: Answer
    cdef bint keeps                 # whether there may be memory to give back

    cdef int prepare(self, uint32_t owner, uint64_t end, int kind, object value) except -1
    cdef int prepare_error(self, uint32_t owner, uint64_t end, failure) except -1
    cdef int add(self, uint32_t owner, uint64_t end, int kind) except -1
    cdef int forget(self) except -1
    cdef int give_back(self) except -1
    cdef int send(self) except -1
    cdef Responses ring_of(self, uint32_t owner)
