# The SPSC ring as a class of its own.
from libc.stdint cimport int64_t, uint64_t
from .._ringbuf cimport SPSC
from ._ring cimport Ring

cdef class SPSCRing(Ring):
    cdef SPSC ring
    cdef uint64_t* producer     # the process word of the writer
    cdef uint64_t* shut         # 1 once closed
    cdef bint claimed           # begin() has not been followed by publish() or withdraw() yet

    cdef int become_producer(self) except -1
