# The responses to this process's calls.
from libc.stdint cimport uint32_t, uint64_t

from .._ringbuf cimport SPSC
from .._segment cimport Segment
from ._attachment cimport Attachment


cdef class Receiver(Attachment):
    cdef Segment response_segment
    cdef SPSC responses
    cdef Segment large_responses    # where the coordinator puts those that are too large; None before the first
    cdef bint large_responses_gone  # it is not there any more: the share has been closed
    cdef int outstanding            # calls whose response has not been taken from the ring
    cdef dict arrived               # end position -> (kind, payload)
    cdef set abandoned
    cdef dict taken                 # end position -> entry in `held`, of responses with nodes that are still to decode
    cdef dict expected              # end position -> ticket, of those who do not wait in a thread of theirs
    cdef object delivered           # deque of (ticket, position, kind, payload), for the bridge

    cdef int reserve_response(self, uint64_t serial) except -1
    cdef int open_responses(self, uint64_t serial) except -1
    cdef int drain(self) except -1
    cdef tuple large_response(self, uint32_t kind, const char* reference, uint64_t size)
    cdef int note_decoded(self, uint64_t position) except -1
    cdef object decoded(self, uint64_t position, int kind, data)
    cdef str response_name(self, uint64_t position)
    cdef int throw_away(self, uint64_t position, int kind) except -1
    cdef object await_response(self, uint64_t position, object timeout)
