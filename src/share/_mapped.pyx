"""A share's memory as one process has it mapped: the control segment, and the segments that it lists."""

cimport cython

import errno
import os

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from ._atomic cimport load_acq, load_rlx, store_rel, store_rlx, TESTPOINT
from ._layout cimport *
from ._ringbuf cimport mpsc_bind, mpsc_bytes
from ._segment cimport Segment

from ._segment import unlink
from .errors import CorruptDataError, SegmentError, ShareClosedError, ShareError

cdef uint64_t MASK63 = ~CLOSED_BIT
cdef enum:
    LEAST_SEGMENT = 4096        # a page; all are made of whole ones


@cython.binding(False)
cdef class Mapped:
    """The control segment with all pointers into it. The mapping lasts as long as this object."""

    def __cinit__(self, Segment segment not None, uint64_t cells):
        if not is_cell_count(cells) or segment.size < RING + mpsc_bytes(cells):
            raise SegmentError(errno.EINVAL, f"segment {segment.name!r} is damaged: its ring cannot have {cells} cells")
        self.bases = <char**>calloc(MAX_SEGMENTS, sizeof(char*))
        self.sizes = <uint64_t*>calloc(MAX_SEGMENTS, sizeof(uint64_t))
        self.attached = []
        if self.bases == NULL or self.sizes == NULL:
            raise MemoryError
        cdef char* base = segment.base
        self.name = segment.name
        self.segment = segment
        self.base = base
        self.cells = cells
        self.commit = <uint64_t*>(base + COMMIT)
        self.wide = <uint64_t*>(base + WIDE)
        self.references = <uint64_t*>(base + REFERENCES)
        self.root_flag = <uint64_t*>(base + ROOT_FLAG)
        self.wait_work = <uint32_t*>(base + WAIT_WORK)
        self.wait_commit = <uint32_t*>(base + WAIT_COMMIT)
        self.wait_room = <uint32_t*>(base + WAIT_ROOM)
        self.wait_change = <uint32_t*>(base + WAIT_CHANGE)
        self.awaited = <uint32_t*>(base + CLASSES)
        self.directory = <Slot*>(base + DIRECTORY_SLOT)
        self.errors = <Slot*>(base + ERRORS_SLOT)
        mpsc_bind(&self.ring, base + RING, cells)

    def __dealloc__(self):
        free(self.bases)
        free(self.sizes)

    cdef char* at(self, uint64_t where, uint64_t length) except NULL:
        """The memory that a locator means, attached on first use and checked against the segment's size."""
        cdef uint64_t index = locator_segment(where), offset = locator_offset(where)
        if index >= MAX_SEGMENTS:
            raise CorruptDataError(f"a reference to segment {index} of {MAX_SEGMENTS}")
        if self.bases[index] == NULL:
            self.attach_segment(index)
        if offset % 8 or offset > self.sizes[index] or length > self.sizes[index] - offset:
            raise CorruptDataError(f"a reference of {length} bytes at {offset} in a segment of {self.sizes[index]}")
        return self.bases[index] + offset

    cdef int reserve(self, uint64_t where, uint64_t length) except -1:
        """Finds memory for what has been given back. Raises ShareMemoryError."""
        cdef Segment segment
        self.at(where, length)
        segment = self.attached[locator_segment(where)]
        segment.reserve(locator_offset(where), length)
        return 0

    cdef int give_back(self, uint64_t where, uint64_t length) except -1:
        """Frees the memory of a part, but for the page in which it begins and the one in which it ends."""
        cdef Segment segment
        cdef uint64_t start = (locator_offset(where) // 4096 + 1) * 4096
        cdef uint64_t end = (locator_offset(where) + length) // 4096 * 4096
        self.at(where, length)
        segment = self.attached[locator_segment(where)]
        if start < end:
            segment.give_back(start, end - start)
        return 0

    cdef Slot* cell_slot(self, uint64_t cell) except? NULL:
        cdef uint64_t page, place = 0, where
        if cell >= 0xFFFFFFC0:
            raise CorruptDataError(f"a reference to cell {cell}")
        page = page_of_cell(cell, &place)
        # acquire: pairs with the release in which the coordinator adds a page
        where = load_acq(self.word(CELL_PAGES + 8 * page))
        if where == 0:
            return NULL
        return <Slot*>self.at(where + place * SLOT_SIZE, SLOT_SIZE)

    cdef int attach_segment(self, uint64_t index) except -1:
        # acquire: pairs with the release in add_segment; a listed segment exists and has its size
        if index >= load_acq(self.word(SEGMENTS)):
            raise CorruptDataError(f"a reference to segment {index}, which does not exist")
        cdef uint64_t size = load_rlx(self.word(SEGMENT_TABLE + index * SEGMENT_ENTRY + 8))
        try:
            self._keep(index, Segment.attach(f"{self.name}_m{index:x}", size))
        except SegmentError as error:
            if error.errno == errno.ENOENT:
                raise ShareClosedError("the share has been closed") from None
            raise
        return 0

    def _keep(self, uint64_t index, Segment segment):
        if self.bases[index] != NULL:
            return          # another thread was faster, and pointers into its mapping are in use
        while <uint64_t>len(self.attached) <= index:
            self.attached.append(None)
        self.attached[index] = segment
        self.sizes[index] = segment.size
        self.bases[index] = segment.base

    cdef uint64_t add_segment(self, uint32_t kind, uint64_t size, uint64_t reserved=0) except? 0xffffffff:
        """Creates the next segment (the coordinator only), with memory for its first `reserved` bytes or for all.

        Returns its index.
        """
        cdef uint64_t index = load_rlx(self.word(SEGMENTS))
        if index >= MAX_SEGMENTS:
            raise ShareError(f"a share has at most {MAX_SEGMENTS} segments")
        name = f"{self.name}_m{index:x}"
        try:
            segment = Segment.create(name, size, reserved)
        except FileExistsError:         # of a coordinator that died between the two steps below
            unlink(name)
            segment = Segment.create(name, size, reserved)
        TESTPOINT("coordinator.made_segment")
        self._keep(index, segment)
        store_rlx(self.word(SEGMENT_TABLE + index * SEGMENT_ENTRY), kind)
        store_rlx(self.word(SEGMENT_TABLE + index * SEGMENT_ENTRY + 8), size)
        store_rel(self.word(SEGMENTS), index + 1)       # pairs with the acquire in attach_segment
        TESTPOINT("coordinator.listed_segment")
        return index

    def segments(self):
        """[(kind, bytes)] of the segments besides the control segment, by index."""
        count = load_acq(self.word(SEGMENTS))
        if count > MAX_SEGMENTS:
            raise CorruptDataError(f"share {self.name} with {count} segments: its memory is damaged")
        found = [(load_rlx(self.word(SEGMENT_TABLE + i * SEGMENT_ENTRY)),
                  load_rlx(self.word(SEGMENT_TABLE + i * SEGMENT_ENTRY + 8))) for i in range(count)]
        for _, size in found:
            if size < LEAST_SEGMENT:
                raise CorruptDataError(f"share {self.name} with a segment of {size} bytes: its memory is damaged")
        return found

    def memory(self):
        """Bytes of memory that the segments besides the control segment have."""
        total = 0
        for index, (_, size) in enumerate(self.segments()):
            try:
                total += min(size, os.stat(f"/dev/shm/{self.name}_m{index:x}").st_blocks * 512)
            except OSError:
                total += size           # it has been unlinked
        return total

    cdef uint64_t committed(self) noexcept nogil:
        return load_acq(self.commit) & MASK63
