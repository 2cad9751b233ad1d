# Cells behind a commit position: what FlagArray and Slots have in common.
from libc.stdint cimport uint32_t, uint64_t
from ._memory cimport Memory

cdef class Committed(Memory):
    cdef uint64_t* commit_word
    cdef uint32_t* moved
    cdef char* cells
    cdef uint64_t cell_bytes
    cdef uint64_t count
    cdef str noun               # of a cell, in the singular

    # Creator: everything is 0 and not ready yet (make_ready says so); else the header has been read.
    cdef int open_cells(self, object buffer, object n, bint create, bytes magic, uint64_t cell_bytes,
                        str noun) except -1
    cdef char* cell(self, object index) except NULL
    cdef uint64_t committed(self) noexcept nogil
    # Called by the one writer.
    cdef void commit_at(self, uint64_t position) noexcept
    # 0: the time-out (seconds or None) has passed.
    cdef int wait_for_commit(self, uint64_t position, object timeout) except -1

cdef uint64_t bytes_for(object n, uint64_t cell_bytes) except 0
cdef uint64_t position_of(object position) except? 0
