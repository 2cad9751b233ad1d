# Where payloads lie that are too large for a ring, one behind the other.
from libc.stdint cimport uint64_t

from ._segment cimport Segment

cdef enum:
    REFERENCE = 16              # bytes of {offset u64, length u64}: how a ring's record names what lies in an arena

cdef extern from *:
    const uint64_t PENDING "UINT64_MAX"     # until of a region whose end is not known yet


# A part of an arena that is in use.
cdef class Region:
    cdef uint64_t until         # free as soon as the count of its arena is there; 0: now
    cdef uint64_t start, end


cdef class Arena:
    cdef Segment segment
    cdef readonly uint64_t reserved     # so many bytes, from the first on, have memory
    cdef uint64_t touched           # the bytes behind these have none
    cdef uint64_t next              # behind the last region
    cdef uint64_t used, lately      # how far regions went since it was last empty; and before, falling off slowly
    cdef object regions             # deque, oldest first

    cdef Region take(self, uint64_t size)
    cdef Region take_at(self, uint64_t start, uint64_t end, uint64_t until)
    cdef int release(self, uint64_t count) except -1
    cdef bint has_spare(self) noexcept


cdef uint64_t arena_bytes() except 0
# A fresh one, or that which a predecessor has left.
cdef Arena open_arena(str name)
# What a reference means; raises CorruptDataError if it leads out of the segment.
cdef const char* referred(Segment segment, const char* reference, uint64_t size, uint64_t* length) except NULL
