# The MPSC ring as a class of its own.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from .._ringbuf cimport MPSC
from ._ring cimport Ring

# What a waiting consumer looks at, also without the GIL.
cdef struct Reader:
    MPSC ring
    uint64_t* owners            # process words, by the owner number in a claim
    uint64_t count
    uint64_t stalled_at         # position of the claim that the reader last found unfinished at head
    int64_t stalled_since       # now_ns

cdef class MPSCRing(Ring):
    cdef Reader reader
    cdef uint32_t owner
    cdef uint32_t registered    # fork_count() + 1 of the process that has `owner`
    cdef uint64_t vacant_at     # no owner entry is free before head is here

    cdef bint register(self) except -1
    cdef bint registered_as(self, uint64_t owner) noexcept
    cdef void clear(self, uint64_t owners) noexcept
