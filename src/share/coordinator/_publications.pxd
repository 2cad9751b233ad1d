# What a commit publishes: slots' next versions, prepared while they may still fail, then stored all together.
from libc.stdint cimport uint32_t, uint64_t

from .._control cimport Control
from .._heap cimport Heap
from .._layout cimport Slot, Version
from ..cerial._codec cimport Encoder
from ._ranges cimport Ranges


cdef class Publication:
    cdef Slot* slot
    cdef uint64_t owner
    cdef uint32_t kind
    cdef uint32_t length
    cdef uint64_t[5] payload
    cdef bint new_base, new_log     # which of a NODES' blocks are of this publication
    cdef Ranges ranges              # of an array, if any are published


cdef class Publications:
    cdef Control control
    cdef Heap heap
    cdef Encoder encoder
    cdef object try_decoding        # called when classes are in what was encoded that have not been decoded here
    cdef list pending
    cdef dict ranges                # address of a slot -> Ranges of the array that is published there
    cdef uint32_t changed           # classes of the slots that the commit under way publishes

    # Without bytes: ABSENT, REF, NODE.
    cdef Publication put(self, Slot* slot, uint64_t owner, uint32_t kind)
    cdef bint put_value(self, Slot* slot, uint64_t owner, bint fresh, object value, str where) except -1
    cdef Publication put_bytes(self, Slot* slot, uint64_t owner, const char* data, uint64_t size)
    cdef bint put_array(self, Slot* slot, uint64_t owner, bint fresh, const Py_buffer* numbers) except -1
    cdef bint is_room(self, const Version* version, uint64_t size) except -1
    cdef uint64_t new_block(self, const char* data, uint64_t size, uint64_t* generation) except 0
    cdef bint says(self, Slot* slot, const char* data, uint64_t size) except -1
    cdef int publish(self, uint64_t position) except -1
    cdef int store(self, Slot* slot, uint64_t committed, uint64_t position, uint32_t kind, uint32_t length,
                   const uint64_t* payload) except -1
    cdef int release_blocks(self, Slot* slot, int victim, const Version* old, uint32_t kind,
                            const uint64_t* payload) except -1
    # After the commit that published DELETED.
    cdef int clear_slot(self, Slot* slot) except -1
    cdef int abandon(self) except -1

# The blocks that a version refers to.
cdef list blocks_of(const Version* version)
