# cython: annotation_typing=False
"""Cells behind a commit position, and the wait for it: what FlagArray and Slots have in common.

    0     header        magic, version, number of cells, checksum, ready
    128   commit        the position up to which everything is done
    256   moved         wait word of those who wait for commit
    384   cells
"""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ._atomic cimport load_acq, store_rel
from ._memory cimport HEADER_BYTES, LINE, Header, Memory, integer
from ._wait cimport FOREVER, deadline_of, wait_until

from .errors import SegmentError

cdef enum:
    COMMIT_AT = HEADER_BYTES
    MOVED_AT = HEADER_BYTES + LINE
    CELLS_AT = HEADER_BYTES + 2 * LINE

cdef uint64_t MOST = 0x10000000000
cdef uint64_t LAST_POSITION = 0x7FFFFFFFFFFFFFFF


cdef struct Goal:
    uint64_t* commit
    uint64_t position


cdef int reached(void* context) noexcept nogil:
    cdef Goal* goal = <Goal*> context
    return load_acq(goal.commit) >= goal.position       # pairs with the release in commit_at


cdef uint64_t bytes_for(object n, uint64_t cell_bytes) except 0:
    return CELLS_AT + cell_bytes * integer(n, "n", 1, MOST)


cdef uint64_t position_of(object position) except? 0:
    return integer(position, "position", 0, LAST_POSITION)


@cython.binding(False)
cdef class Committed(Memory):
    """Base of the primitives that are an array with a commit position."""

    cdef int open_cells(self, object buffer, object n, bint create, bytes magic, uint64_t cell_bytes,
                        str noun) except -1:
        cdef Header* header
        cdef uint64_t size
        if n is not None:
            size = bytes_for(n, cell_bytes)
        elif create:
            raise TypeError(f"create=True needs the number of {noun}s, n")
        self.hold(buffer)
        if create:
            self.count = n
            self.begin_header(magic, self.count, 0, size)
            memset(self.base + COMMIT_AT, 0, size - COMMIT_AT)
        else:
            header = self.read_header(magic)
            self.count = header.count
            if n is not None and n != self.count:
                raise SegmentError(f"this {type(self).__name__} has {self.count} {noun}s, not {n}")
        self.commit_word = <uint64_t*> (self.base + COMMIT_AT)
        self.moved = <uint32_t*> (self.base + MOVED_AT)
        self.cells = self.base + CELLS_AT
        self.cell_bytes = cell_bytes
        self.noun = noun
        return 0

    cdef char* cell(self, object index) except NULL:
        self.check()
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"index is an int, not {type(index).__name__}")
        if not 0 <= index < self.count:
            raise IndexError(f"{self.noun} {index}: there are {self.count}")
        return self.cells + <uint64_t> index * self.cell_bytes

    cdef uint64_t committed(self) noexcept nogil:
        return load_acq(self.commit_word)       # pairs with the release in commit_at

    cdef void commit_at(self, uint64_t position) noexcept:
        # release: pairs with the acquire in committed and reached; who sees the position sees what was done for it
        store_rel(self.commit_word, position)

    cdef int wait_for_commit(self, uint64_t position, object timeout) except -1:
        cdef Goal goal
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        goal.commit = self.commit_word
        goal.position = position
        if reached(&goal):
            return 1
        self.enter()
        try:
            return wait_until(self.moved, NULL, reached, &goal, deadline)
        finally:
            self.quit()

    def __len__(self) -> int:
        return self.count
