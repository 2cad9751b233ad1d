"""What a commit publishes: slots' next versions, prepared while they may still fail, then stored all together."""

cimport cython

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from .._atomic cimport copy_to_shared, load_rlx, TESTPOINT
from .._control cimport change_class, Control
from .._heap cimport Heap
from .._layout cimport ABSENT, BLOCK, BLOCK_HEADER, EMPTY, INLINE, INLINE_BYTES, LARGE_ARRAY, MOST_RANGES, NODES, \
    Range, Slot, Version
from .._slots cimport slot_begin, slot_find, slot_publish, slot_victim
from ..cerial cimport _tags as tags
from ..cerial._codec cimport Encoder
from ..cerial._kinds cimport kind_of
from ._ranges cimport Ranges

from ._live import MISSING


cdef list blocks_of(const Version* version):
    if version.kind == BLOCK:
        return [version.payload[0]]
    if version.kind == NODES:
        return [version.payload[0], version.payload[3]] if version.payload[3] else [version.payload[0]]
    return []


@cython.binding(False)
cdef class Publication:
    """One slot's next version, encoded and stored, not yet visible."""


@cython.binding(False)
cdef class Publications:
    """Those of the commit in preparation."""

    def __cinit__(self, Control control not None, Encoder encoder not None):
        self.control = control
        self.heap = Heap(control)
        self.encoder = encoder
        self.pending = []
        self.ranges = {}

    cdef Publication put(self, Slot* slot, uint64_t owner, uint32_t kind):
        cdef Publication result = Publication()
        memset(result.payload, 0, sizeof(result.payload))
        result.slot, result.owner, result.kind = slot, owner, kind
        self.pending.append(result)
        return result

    cdef bint put_value(self, Slot* slot, uint64_t owner, bint fresh, object value, str where) except -1:
        """Encodes a value for a slot. False: it is what the slot already says, nothing to publish."""
        cdef Encoder encoder = self.encoder
        cdef Py_buffer numbers
        if value is MISSING:
            self.put(slot, owner, ABSENT)
            return True
        encoder.clear()
        encoder.fresh.clear()
        if kind_of(type(value)).code == tags.ARRAY and value.nbytes >= LARGE_ARRAY:
            if encoder.put_array_head(value, &numbers):
                try:
                    return self.put_array(slot, owner, fresh, &numbers)
                finally:
                    PyBuffer_Release(&numbers)
            encoder.clear()
        encoder.encode(value, where)
        if encoder.fresh:
            self.try_decoding(where)
        if not fresh and self.says(slot, encoder.data, encoder.size):
            return False
        self.put_bytes(slot, owner, encoder.data, encoder.size)
        return True

    cdef Publication put_bytes(self, Slot* slot, uint64_t owner, const char* data, uint64_t size):
        """Encoded bytes: inline if they fit, else in a new block."""
        cdef Publication result
        cdef uint64_t where, generation = 0
        if size <= INLINE_BYTES:
            result = self.put(slot, owner, INLINE)
            result.length = size
            memcpy(result.payload, data, size)
        else:
            where = self.new_block(data, size, &generation)
            result = self.put(slot, owner, BLOCK)
            result.payload[0], result.payload[1], result.payload[2] = where, size, generation
        return result

    cdef bint put_array(self, Slot* slot, uint64_t owner, bint fresh, const Py_buffer* numbers) except -1:
        """An array of which the encoder has the head: in the block of the version before the last, brought up to date.

        So a commit costs what has changed, for it and for its readers, beside the comparison.
        """
        cdef uint64_t head = self.encoder.size, size = head + numbers.len
        cdef uint64_t tag = 0, since = EMPTY, where, generation = 0
        cdef uint64_t behind = (size + 7) // 8 * 8
        cdef int i, victim, current = slot_find(slot, self.control.committed(), &tag)
        cdef Ranges ranges = None, known = self.ranges.get(<size_t>slot)
        cdef Publication result
        cdef Range* each
        cdef char* block
        if current >= 0 and slot.version[current].kind == BLOCK and slot.version[current].payload[1] == size:
            block = self.control.at(slot.version[current].payload[0], size + BLOCK_HEADER) + BLOCK_HEADER
            if memcmp(block, self.encoder.data, head) == 0:
                ranges = Ranges() if known is None or known.position != tag else known.another()
                if not ranges.add(tag, block, <const char*>numbers.buf, head, numbers.len) and not fresh:
                    return False
        victim = 1 - current
        if current >= 0 and self.is_room(&slot.version[victim], size):
            where = slot.version[victim].payload[0]
            if ranges is not None and ranges.count and ranges.ranges[0].since <= slot.version[victim].tag < tag:
                since = slot.version[victim].tag        # what it lacks is known
            # Nobody who reads at C needs it. Pairs with the acquire fence in slot_read, as where it is overwritten.
            slot_begin(slot, victim)
            generation = self.heap.renew(where)
        else:
            where = self.heap.allocate(behind + MOST_RANGES * sizeof(Range), &generation)
        block = self.control.at(where, behind + MOST_RANGES * sizeof(Range) + BLOCK_HEADER) + BLOCK_HEADER
        result = self.put(slot, owner, BLOCK)
        result.payload[0], result.payload[1], result.payload[2] = where, size, generation
        if since == EMPTY:
            copy_to_shared(block, self.encoder.data, head)
            copy_to_shared(block + head, numbers.buf, numbers.len)
        if ranges is not None and ranges.count:
            for i in range(ranges.count):
                each = &ranges.ranges[i]
                if since != EMPTY and each.since >= since:
                    copy_to_shared(block + each.start, <const char*>numbers.buf + each.start - head, each.length)
            copy_to_shared(block + behind, ranges.ranges, ranges.count * sizeof(Range))
            result.ranges = ranges
            result.payload[3], result.payload[4] = ranges.count, ranges.ranges[0].since
        TESTPOINT("store.array_copied")
        return True

    cdef bint is_room(self, const Version* version, uint64_t size) except -1:
        """Whether the block of a version that nobody needs has room for an array and its ranges."""
        if version.tag == EMPTY or version.kind != BLOCK or version.payload[1] != size:
            return False
        capacity = load_rlx(<uint64_t*>(self.control.at(version.payload[0], BLOCK_HEADER) + 8))
        return capacity >= BLOCK_HEADER + (size + 7) // 8 * 8 + MOST_RANGES * sizeof(Range)

    cdef uint64_t new_block(self, const char* data, uint64_t size, uint64_t* generation) except 0:
        cdef uint64_t where = self.heap.allocate(size, generation)
        copy_to_shared(self.control.at(where, size + BLOCK_HEADER) + BLOCK_HEADER, data, size)
        return where

    cdef bint says(self, Slot* slot, const char* data, uint64_t size) except -1:
        """Whether the slot's committed version consists of just these bytes."""
        cdef uint64_t tag = 0
        cdef Version* version
        cdef int current = slot_find(slot, self.control.committed(), &tag)
        if current < 0:
            return False
        version = &slot.version[current]
        if version.kind == INLINE:
            return version.length == size and memcmp(version.payload, data, size) == 0
        if version.kind == BLOCK:
            return version.payload[1] == size and \
                memcmp(self.control.at(version.payload[0], size + BLOCK_HEADER) + BLOCK_HEADER, data, size) == 0
        return False

    cdef int publish(self, uint64_t position) except -1:
        """Stores all of them into their slots, as versions of that position. It cannot fail."""
        cdef Publication publication
        cdef uint64_t committed = self.control.committed()
        for publication in self.pending:
            self.store(publication.slot, committed, position, publication.kind, publication.length,
                       publication.payload)
            if publication.ranges is not None:
                publication.ranges.position = position
                self.ranges[<size_t>publication.slot] = publication.ranges
        self.pending.clear()
        return 0

    cdef int store(self, Slot* slot, uint64_t committed, uint64_t position, uint32_t kind, uint32_t length,
                   const uint64_t* payload) except -1:
        cdef int victim = slot_victim(slot, committed)
        cdef Version old = slot.version[victim]
        if self.ranges:
            self.ranges.pop(<size_t>slot, None)
        self.changed |= change_class(load_rlx(&slot.owner))
        slot_begin(slot, victim)
        if old.tag != EMPTY:
            # Only now: no version refers to them any more.
            self.release_blocks(slot, victim, &old, kind, payload)
        slot_publish(slot, victim, position, kind, length, payload)
        return 0

    cdef int release_blocks(self, Slot* slot, int victim, const Version* old, uint32_t kind,
                            const uint64_t* payload) except -1:
        """Frees the blocks of a version that is being overwritten, but for what the other or the new one refers to."""
        cdef Version* other = &slot.version[1 - victim]
        cdef uint64_t where
        if old.kind != BLOCK and old.kind != NODES:
            return 0
        kept = blocks_of(other) if other.tag != EMPTY else []
        if kind == NODES:
            kept += [payload[0], payload[3]]
        for where in blocks_of(old):
            if where not in kept:
                self.heap.release(where)
                TESTPOINT("store.released")
        return 0

    cdef int clear_slot(self, Slot* slot) except -1:
        """Gives back the blocks of a slot, which nobody reads any more; that it is deleted stays to be seen."""
        cdef int v
        cdef Version* version
        cdef uint64_t where
        blocks = set()
        for v in range(2):
            version = &slot.version[v]
            if version.tag != EMPTY and (version.kind == BLOCK or version.kind == NODES):
                blocks.update(blocks_of(version))
                slot_begin(slot, v)
        for where in blocks:
            self.heap.release(where)
        return 0

    cdef int abandon(self) except -1:
        """Frees what was encoded for a commit that does not come."""
        cdef Publication publication
        for publication in self.pending:
            if publication.kind == BLOCK or publication.new_base:
                self.heap.release(publication.payload[0])
            if publication.new_log:
                self.heap.release(publication.payload[3])
        self.pending.clear()
        return 0
