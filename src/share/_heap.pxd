# Blocks of encoded state in heap segments; the coordinator alone allocates.
from libc.stdint cimport uint64_t

from ._control cimport Control


# Bytes of the block that is given for so many.
cdef uint64_t capacity_for(uint64_t length) noexcept nogil


cdef class Heap:
    cdef Control control
    cdef dict free_blocks           # capacity -> list of locators
    cdef set bare                   # of these, whose memory has been given back
    cdef uint64_t idle              # bytes of large free blocks that still have memory
    cdef uint64_t segment           # the one that is being carved, and where
    cdef uint64_t offset
    cdef uint64_t end
    cdef uint64_t backed            # where its memory ends
    cdef uint64_t next_size
    cdef readonly uint64_t used     # bytes in blocks that are in use
    cdef readonly uint64_t reserved

    cdef uint64_t allocate(self, uint64_t length, uint64_t* generation) except 0
    cdef uint64_t carve(self, uint64_t index, uint64_t offset, uint64_t capacity, uint64_t* generation) except 0
    cdef int release(self, uint64_t where) except -1
    cdef uint64_t renew(self, uint64_t where) except 0
    cdef int give_back(self) except -1


cdef class Cells:
    cdef Control control
    cdef int kind
    cdef uint64_t unit
    cdef dict free_runs             # units -> list of locators
    cdef list gaps                  # a heap of (-bytes, locator, end): unused space, the largest first
    cdef uint64_t segment
    cdef uint64_t offset
    cdef uint64_t end
    cdef uint64_t next_size

    cdef uint64_t allocate(self, uint64_t count) except 0
    cdef int release(self, uint64_t where, uint64_t count) except -1
    cdef uint64_t length_of(self, uint64_t count) noexcept nogil
    cdef int add_gap(self, uint64_t where, uint64_t end) except -1
