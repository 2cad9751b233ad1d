"""The coordinator's allocators: blocks of encoded state, and runs of flags and slots.

A locator of 0 is never handed out: every segment's first 64 bytes stay unused.
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t

from ._atomic cimport fence_rel, load_rlx, store_rlx, TESTPOINT
from ._control cimport Control
from ._layout cimport BLOCK_HEADER, LARGE_BLOCK, SEGMENT_HEAP, SEGMENT_SLOTS, SLOT_SIZE, locator, locator_offset, \
    locator_segment

from heapq import heappop, heappush

from .errors import CorruptDataError, ShareMemoryError

cdef enum:
    FIRST_HEAP = 1 << 18
    FIRST_CELLS = 1 << 16
    LARGEST_STEP = 1 << 26
    MOST_IDLE = 1 << 23
    STEP = 1 << 20
    START = 64


cdef uint64_t capacity_for(uint64_t length) noexcept nogil:
    # Four sizes a doubling: at most a quarter of a block is waste, and freed blocks find takers.
    cdef uint64_t need = length + BLOCK_HEADER, size = 64, step
    if need <= 64:
        return 64
    while size * 2 < need:
        size *= 2
    step = size // 4
    return ((size + (need - size + step - 1) // step * step) + 63) // 64 * 64


@cython.binding(False)
cdef class Heap:
    """Blocks ``{generation, capacity, bytes}``. A freed block's generation changes before it is used again."""

    def __cinit__(self, Control control):
        self.control = control
        self.free_blocks, self.bare = {}, set()
        self.next_size = FIRST_HEAP

    cdef uint64_t allocate(self, uint64_t length, uint64_t* generation) except 0:
        """A block for `length` bytes. Raises ShareMemoryError; then nothing has changed."""
        cdef uint64_t capacity = capacity_for(length), where, size, backed
        cdef char* block
        cdef list blocks = self.free_blocks.get(capacity)
        if blocks:
            where = blocks[len(blocks) - 1]
            if where in self.bare:
                self.control.reserve(where, capacity)
                self.bare.remove(where)
            elif capacity >= LARGE_BLOCK:
                self.idle -= capacity
            blocks.pop()
            block = self.control.at(where, BLOCK_HEADER)
            generation[0] = load_rlx(<uint64_t*>block)
            self.used += capacity
            return where
        if self.offset + capacity > self.end:
            self.give_back()        # rather than to hold more than there was ever need for
            if capacity > self.next_size // 2:
                # A segment of its own: the one that is being carved keeps its rest for smaller blocks.
                size = (capacity + START + 4095) // 4096 * 4096
                index = self.control.add_segment(SEGMENT_HEAP, size)
                self.reserved += size
                return self.carve(index, START, capacity, generation)
            size = self.next_size
            while True:
                try:
                    backed = min(size, max(<uint64_t>STEP, capacity + 2 * START))
                    index = self.control.add_segment(SEGMENT_HEAP, size, backed)
                    break
                except ShareMemoryError:
                    size //= 2          # there may be room for a smaller one
                    if size < FIRST_HEAP or size < capacity + START:
                        raise
            self.reserved += size
            self.segment, self.offset, self.end, self.backed = index, START, size, backed
            if size == self.next_size < LARGEST_STEP:
                self.next_size *= 2
        backed = min(self.end, self.offset + capacity + START)      # with the header at which a walk ends
        if backed > self.backed:
            backed = min(self.end, max(backed, self.offset + STEP))
            self.control.reserve(locator(self.segment, self.offset), backed - self.offset)
            self.backed = backed
        where = self.carve(self.segment, self.offset, capacity, generation)
        self.offset += capacity
        return where

    cdef uint64_t carve(self, uint64_t index, uint64_t offset, uint64_t capacity, uint64_t* generation) except 0:
        cdef uint64_t where = locator(index, offset)
        cdef char* block = self.control.at(where, capacity)
        # A segment's blocks can be walked from its first on: a capacity of 0 is where carving stopped.
        store_rlx(<uint64_t*>block, 1)
        store_rlx(<uint64_t*>(block + 8), capacity)
        # release fence: a coordinator that dies from here on leaves a whole header before the block's first byte
        fence_rel()
        TESTPOINT("heap.carved")
        generation[0] = 1
        self.used += capacity
        return where

    cdef int release(self, uint64_t where) except -1:
        """Frees a block to which no version with a tag <= C refers any more."""
        cdef char* block = self.control.at(where, BLOCK_HEADER)
        cdef uint64_t capacity = load_rlx(<uint64_t*>(block + 8))
        store_rlx(<uint64_t*>block, load_rlx(<uint64_t*>block) + 1)
        # release fence: pairs with the acquire fence in block_unchanged; a reader that copies a byte of the next
        # use also sees that the generation is no longer the one in its reference
        fence_rel()
        TESTPOINT("heap.released")
        self.free_blocks.setdefault(capacity, []).append(where)
        self.used -= capacity
        if capacity >= LARGE_BLOCK:
            self.idle += capacity
            if 2 * self.idle > self.used + MOST_IDLE:
                self.give_back()
        return 0

    cdef uint64_t renew(self, uint64_t where) except 0:
        """Begins another use of a block to which no version with a tag <= C refers any more; its generation."""
        cdef uint64_t* block = <uint64_t*>self.control.at(where, BLOCK_HEADER)
        cdef uint64_t generation = load_rlx(block) + 1
        store_rlx(block, generation)
        # release fence: pairs with the acquire fence in block_unchanged, as in release
        fence_rel()
        TESTPOINT("heap.renewed")
        return generation

    cdef int give_back(self) except -1:
        """Frees the memory of large free blocks, all but the page of their header.

        Who still copies from one by an old reference gets zeros, or EFAULT, and sees the new generation.
        """
        cdef uint64_t capacity, where
        for capacity, blocks in self.free_blocks.items():
            if capacity >= LARGE_BLOCK:
                for where in blocks:
                    if where not in self.bare:
                        self.control.give_back(where, capacity)
                        self.bare.add(where)
        self.idle = 0
        return 0

    def rebuild(self, set reserved):
        """Take-over: every block that no version refers to is free.

        `reserved` are the locators of the others. The free ones get another generation: some reader may still be
        copying the bytes of an object that has been deleted.
        """
        cdef uint64_t index, size, offset, capacity, where
        cdef char* block
        self.used = self.reserved = 0
        missing = len(reserved)
        for index, (kind, size) in enumerate(self.control.segments()):
            if kind != SEGMENT_HEAP:
                continue
            self.reserved += size
            offset = START
            while offset + 64 <= size:
                where = locator(index, offset)
                block = self.control.at(where, BLOCK_HEADER)
                capacity = load_rlx(<uint64_t*>(block + 8))
                if capacity == 0:
                    break               # carving stopped here
                if capacity % 64 or capacity > size - offset:
                    raise CorruptDataError(f"a heap block of {capacity} bytes at {offset} in a segment of {size}")
                if where in reserved:
                    self.used += capacity
                    missing -= 1
                else:
                    store_rlx(<uint64_t*>block, load_rlx(<uint64_t*>block) + 1)
                    self.free_blocks.setdefault(capacity, []).append(where)
                    if capacity >= LARGE_BLOCK:
                        self.bare.add(where)        # perhaps
                offset += capacity
            if size - offset > self.end - self.offset:
                self.segment, self.offset, self.end, self.backed = index, offset, size, offset
            if self.next_size < LARGEST_STEP:
                self.next_size *= 2
        if missing:
            raise CorruptDataError(f"{missing} slots refer to blocks that are not in the heap")
        # release fence: pairs with the acquire fence in block_unchanged, as in release
        fence_rel()
        TESTPOINT("takeover.heap")


@cython.binding(False)
cdef class Cells:
    """Runs of flags (8 bytes) or slots (128 bytes).

    Their memory only ever serves the same purpose again, so a late flag of a deleted object's caller can do no
    more than make a reader wait.
    """

    def __cinit__(self, Control control, int kind):
        self.control = control
        self.kind = kind
        self.unit = SLOT_SIZE if kind == SEGMENT_SLOTS else 64
        self.free_runs, self.gaps = {}, []
        self.next_size = FIRST_CELLS

    cdef uint64_t allocate(self, uint64_t count) except 0:
        """A run of at least `count` cells, aligned to 64 bytes."""
        cdef uint64_t length = self.length_of(count), where, size
        cdef list runs = self.free_runs.get(length)
        if runs:
            return runs.pop()
        if self.offset + length > self.end and self.gaps and -self.gaps[0][0] >= length:
            _, where, end = heappop(self.gaps)
            self.add_gap(locator(self.segment, self.offset), self.end)
            self.segment, self.offset, self.end = locator_segment(where), locator_offset(where), end
        if self.offset + length > self.end:
            size = max(self.next_size, (length + START + 4095) // 4096 * 4096)
            self.segment = self.control.add_segment(self.kind, size)
            self.offset, self.end = START, size
            if self.next_size < LARGEST_STEP:
                self.next_size *= 2
        where = locator(self.segment, self.offset)
        self.offset += length
        return where

    cdef int release(self, uint64_t where, uint64_t count) except -1:
        self.free_runs.setdefault(self.length_of(count), []).append(where)
        return 0

    cdef int add_gap(self, uint64_t where, uint64_t end) except -1:
        cdef uint64_t start = (locator_offset(where) + 63) // 64 * 64
        if start + self.unit <= end:
            heappush(self.gaps, (<int64_t>start - <int64_t>end, locator(locator_segment(where), start), end))
        return 0

    def rebuild(self, list used):
        """Take-over: what lies between the used runs, [(locator, bytes)] in ascending order, is free.

        Returns the gaps as [(locator, end offset)].
        """
        cdef uint64_t index, size, where, length, position = START
        found = []
        sizes = [(index, size) for index, (kind, size) in enumerate(self.control.segments()) if kind == self.kind]
        runs = iter([*used, (locator((1 << 23) - 1, 0), 0)])
        where, length = next(runs)
        for index, size in sizes:
            position = START
            while locator_segment(where) == index:
                if locator_offset(where) < position or locator_offset(where) > size or \
                        length > size - locator_offset(where):
                    raise CorruptDataError(f"a run of {length} bytes at {locator_offset(where)} in a segment of {size}")
                found.append((locator(index, position), locator_offset(where)))
                position = locator_offset(where) + length
                where, length = next(runs)
            found.append((locator(index, position), size))
            if self.next_size < LARGEST_STEP:
                self.next_size *= 2
        for where, end in found:
            self.add_gap(where, end)
        return found

    cdef uint64_t length_of(self, uint64_t count) noexcept nogil:
        if self.kind == SEGMENT_SLOTS:
            return count * SLOT_SIZE
        return (count * 8 + 63) // 64 * 64
