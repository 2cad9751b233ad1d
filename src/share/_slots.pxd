# Slots: where one attribute's published value lives, as two versions tagged with positions.
#
# One writer (the coordinator) publishes; any number of readers copy and validate, without a lock. The
# reader's rule: of the two versions, the one with the greatest tag <= c is the value at commit position c.
from libc.stdint cimport uint32_t, uint64_t

from ._atomic cimport fence_acq, load_acq, load_rlx
from ._layout cimport EMPTY, Slot, Version


# Index of the version with the greatest tag <= c, or -1. *tag is the tag that was seen.
cdef inline int slot_find(const Slot* slot, uint64_t c, uint64_t* tag) noexcept nogil:
    # acquire: pairs with the release of the tag in slot_publish; the payload is as new as the tag
    cdef uint64_t t0 = load_acq(&slot.version[0].tag)
    cdef uint64_t t1 = load_acq(&slot.version[1].tag)
    if t0 <= c and (t1 > c or t0 > t1):
        tag[0] = t0
        return 0
    if t1 <= c:
        tag[0] = t1
        return 1
    return -1


# Copies the value at c into *out and the owner into *owner. False: it was overwritten meanwhile, or there is
# no version <= c; read C again and retry. The owner is told in either case: if it is another one than the reader
# knows, the object has gone for ever.
cdef bint slot_read(const Slot* slot, uint64_t c, Version* out, uint64_t* owner) noexcept nogil

# Whether a copied block is the one that the reference meant: its generation is as the reference says.
cdef bint block_unchanged(const char* block, uint64_t generation) noexcept nogil

# Writer. The version to overwrite: never the one that readers at `committed` need.
cdef int slot_victim(const Slot* slot, uint64_t committed) noexcept nogil
# Marks the victim as being written; only after this may what it refers to be freed.
cdef void slot_begin(Slot* slot, int victim) noexcept nogil
cdef void slot_publish(Slot* slot, int victim, uint64_t position, uint32_t kind, uint32_t length,
                       const uint64_t* payload) noexcept nogil
# Gives the slot to another owner: both versions become EMPTY first.
cdef void slot_assign(Slot* slot, uint64_t owner) noexcept nogil
# Take-over: versions that were never committed become EMPTY.
cdef void slot_drop_uncommitted(Slot* slot, uint64_t committed) noexcept nogil
