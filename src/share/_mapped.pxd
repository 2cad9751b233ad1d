# The control segment and the segments that it lists, as one process has them mapped.
from libc.stdint cimport uint32_t, uint64_t

from ._layout cimport Slot
from ._ringbuf cimport MPSC
from ._segment cimport Segment


cdef inline bint is_cell_count(uint64_t cells) noexcept nogil:
    return 64 <= cells <= 1 << 17 and not cells & (cells - 1)


cdef class Mapped:
    cdef readonly str name
    cdef char* base
    cdef MPSC ring
    cdef readonly uint64_t cells
    cdef uint64_t* commit           # C
    cdef uint64_t* wide             # share-wide flag
    cdef uint64_t* references
    cdef uint64_t* root_flag
    cdef uint32_t* wait_work
    cdef uint32_t* wait_commit
    cdef uint32_t* wait_room
    cdef uint32_t* wait_change      # of those who wait for what a commit publishes ...
    cdef uint32_t* awaited          # ... and what that is
    cdef Slot* directory
    cdef Slot* errors
    cdef Segment segment
    cdef list attached              # Segment or None, by index
    cdef char** bases
    cdef uint64_t* sizes

    cdef inline uint64_t* word(self, uint64_t offset) noexcept nogil:
        return <uint64_t*>(self.base + offset)

    cdef char* at(self, uint64_t where, uint64_t length) except NULL
    cdef int reserve(self, uint64_t where, uint64_t length) except -1
    cdef int give_back(self, uint64_t where, uint64_t length) except -1
    # The slot of a cell of nodes. NULL: its page is not there (yet), so C was read before the cell was.
    cdef Slot* cell_slot(self, uint64_t cell) except? NULL
    cdef int attach_segment(self, uint64_t index) except -1
    cdef uint64_t add_segment(self, uint32_t kind, uint64_t size, uint64_t reserved=*) except? 0xffffffff
    cdef uint64_t committed(self) noexcept nogil
