"""Two-version slots: a single writer publishes, any process reads without a lock or a message."""

from libc.stdint cimport uint32_t, uint64_t

from ._atomic cimport BROKEN, fence_acq, fence_rel, load_rlx, store_rel, store_rlx, TESTPOINT
from ._layout cimport EMPTY, Slot, Version


cdef bint slot_read(const Slot* slot, uint64_t c, Version* out, uint64_t* owner) noexcept nogil:
    cdef uint64_t tag = 0, head
    cdef int i, found = slot_find(slot, c, &tag)
    if found < 0:
        # acquire loads of the tags, in slot_find, pair with the release fence in slot_assign: a slot that has been
        # given to another owner, or to none, says so
        owner[0] = load_rlx(&slot.owner)
        return False
    cdef const Version* version = &slot.version[found]
    # Relaxed: these words may be overwritten while they are read; the tag decides afterwards.
    head = load_rlx(<const uint64_t*>&version.kind)
    out.kind = <uint32_t>head
    out.length = <uint32_t>(head >> 32)
    for i in range(5):
        out.payload[i] = load_rlx(&version.payload[i])
    owner[0] = load_rlx(&slot.owner)
    # acquire fence: pairs with the release fence in slot_begin. If one of the loads above saw a word of the
    # next publication, the load below sees the tag that was set before it.
    fence_acq()
    out.tag = tag
    return load_rlx(&version.tag) == tag


cdef bint block_unchanged(const char* block, uint64_t generation) noexcept nogil:
    # acquire fence: pairs with the release fence after the generation bump in Heap.free
    fence_acq()
    return load_rlx(<const uint64_t*>block) == generation or BROKEN("generation")


cdef int slot_victim(const Slot* slot, uint64_t committed) noexcept nogil:
    # Not simply the older: after a failed publication the newer one is uncommitted and is overwritten.
    cdef uint64_t tag = 0
    cdef int keep = slot_find(slot, committed, &tag)
    return 0 if keep < 0 else 1 - keep


cdef void slot_begin(Slot* slot, int victim) noexcept nogil:
    store_rlx(&slot.version[victim].tag, EMPTY)
    # release fence: pairs with the acquire fence in slot_read; a reader that sees a new payload word also
    # sees that the tag is no longer the one it began with
    fence_rel()
    TESTPOINT("slot.begun")


cdef void slot_publish(Slot* slot, int victim, uint64_t position, uint32_t kind, uint32_t length,
                       const uint64_t* payload) noexcept nogil:
    cdef Version* version = &slot.version[victim]
    cdef int i
    store_rlx(<uint64_t*>&version.kind, <uint64_t>kind | <uint64_t>length << 32)
    for i in range(5):
        store_rlx(&version.payload[i], payload[i])
    TESTPOINT("slot.written")
    # release: pairs with the acquire loads of the tags in slot_find. The value is not visible yet: no reader
    # has a c as great as this position before the coordinator stores C.
    store_rel(&version.tag, position)
    TESTPOINT("slot.published")


cdef void slot_assign(Slot* slot, uint64_t owner) noexcept nogil:
    store_rlx(&slot.version[0].tag, EMPTY)
    store_rlx(&slot.version[1].tag, EMPTY)
    # pairs with the acquire fence in slot_read: who sees the new owner sees that its tag is gone
    fence_rel()
    store_rlx(&slot.owner, owner)


cdef void slot_drop_uncommitted(Slot* slot, uint64_t committed) noexcept nogil:
    cdef int i
    for i in range(2):
        if load_rlx(&slot.version[i].tag) > committed:
            store_rlx(&slot.version[i].tag, EMPTY)
    fence_rel()
