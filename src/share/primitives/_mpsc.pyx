# cython: annotation_typing=False
"""A bounded lock-free queue in shared memory with any number of producers and one consumer.

    0     header        magic, version, sizes, pid namespace, checksum, ready
    128   items         wait word of the consumer
    256   room          wait word of the producers
    384   consumer      its process word; the byte up to which it has taken records
    512   owners        one process word per producer, 8 bytes each, padded to 128
    ...   ring          tail, head, stamps, cells (see share._ringbuf)
"""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport cas, load_acq, load_rlx, store_rlx
from .._process cimport fork_count, process_word, proven_dead
from .._ringbuf cimport (
    CELL, CLAIM_CLOSED, CLAIM_CORRUPT, CLAIM_FULL, CLAIMED, CLOSED, COMMITTED, CORRUPT, FREE, MAX_CELLS, MAX_OWNERS,
    MPSC, PAD,
    mpsc_abort, mpsc_bind, mpsc_body, mpsc_bytes, mpsc_close, mpsc_commit, mpsc_free, mpsc_has_room,
    mpsc_help, mpsc_init, mpsc_is_closed, mpsc_is_freed, mpsc_pad, mpsc_peek, mpsc_try_claim,
)
from .._wait cimport now_ns, wait_until, wake, wake_always
from .._memory cimport HEADER_BYTES, LINE, Header, integer
from ._ring cimport DRAINED, NOTHING, PREFIX, RECORDS, Ring

from ..errors import CorruptDataError, SegmentError, ShareError

cdef enum:
    WORDS_AT = HEADER_BYTES
    OWNERS_AT = HEADER_BYTES + 3 * LINE
    PATIENCE = 1000000          # ns a claim may stay unfinished before its owner's death is looked into

cdef bytes MAGIC = b"shrMPSC1"


cdef uint64_t ring_at(uint64_t owners) noexcept nogil:
    return OWNERS_AT + (owners * 8 + LINE - 1) // LINE * LINE


# ---- conditions, looked at while a thread spins or is about to sleep -----------------------------

cdef struct Room:
    MPSC* ring
    uint32_t cells
    uint64_t head               # and head must have come here


cdef int has_room(void* context) noexcept nogil:
    cdef Room* room = <Room*> context
    if load_acq(room.ring.head) < room.head:        # pairs with mpsc_free
        return mpsc_is_closed(room.ring)
    return mpsc_has_room(room.ring, room.cells, 0)


cdef int has_records(void* context) noexcept nogil:
    """1: something at head, or the end; 0: nothing; -1: a claim at head, which may be a dead one's."""
    cdef Reader* reader = <Reader*> context
    cdef uint64_t head = load_rlx(reader.ring.head)
    cdef uint32_t n = 0, owner = 0
    cdef int state = mpsc_peek(&reader.ring, head, &n, &owner)
    if state == FREE:
        return 0
    if state != CLAIMED:
        return 1
    # An unfinished claim is normal for some hundred nanoseconds. If it stays, its owner was killed or is
    # paused; only a proof of death tells which, and it costs a few system calls.
    if reader.stalled_at != head + 1:
        reader.stalled_at = head + 1
        reader.stalled_since = now_ns()
    elif now_ns() - reader.stalled_since > PATIENCE:
        # pairs with register()
        if owner < reader.count and proven_dead(load_acq(reader.owners + owner)):
            # The entry still names the owner of this claim: it is given away only once head is past it.
            mpsc_pad(&reader.ring, head)
            return 1
        reader.stalled_since = now_ns()
    return -1


@cython.binding(False)
cdef class MPSCRing(Ring):
    """A queue of byte strings: any number of producers in any processes, one consumer process.

    ``buffer`` is any writable buffer, in practice ``SharedMemory(...).buf``. The creator says ``create=True``
    and how many ``cells`` of 64 bytes the ring has (a power of two, default: what fits) and how many
    ``producers`` may be attached at a time; all others attach by the buffer alone. Records arrive in the
    order in which they were claimed, each exactly once. A producer killed at any instruction loses at most
    the record it was writing, and holds nobody up.

    Raises ``SegmentError`` if the buffer is too small or holds no such ring, ``ShareMemoryError`` if it is to be made
    and the buffer's shared memory does not fit into /dev/shm.

    >>> memory = bytearray(MPSCRing.size_for(cells=64))
    >>> ring = MPSCRing(memory, 64, create=True)
    >>> ring.put(b"one")
    >>> ring.put_many([b"two", b"three"])
    2
    >>> ring.get()
    b'one'
    >>> ring.get_many()
    [b'two', b'three']
    >>> with ring.claim(4) as claim:
    ...     claim.write(b"four")
    >>> ring.close()
    True
    >>> list(ring)
    [b'four']
    """

    def __init__(
        self, buffer, cells: int | None = None, *, create: bool = False, producers: int = 64
    ) -> None:
        cdef uint64_t count, owners
        cdef Header* header
        if cells is not None:
            check_cells(cells)
        owners = integer(producers, "producers", 1, MAX_OWNERS)
        self.hold(buffer)
        if create:
            if cells is None:
                cells = MAX_CELLS
                while cells > 2 and ring_at(owners) + mpsc_bytes(cells) > self.available:
                    cells //= 2
            count = cells
            self.begin_header(MAGIC, count, owners, ring_at(owners) + mpsc_bytes(count))
            self.clear(owners)
            mpsc_init(self.base + ring_at(owners), count)
            self.make_ready()
        else:
            header = self.read_header(MAGIC)
            count, owners = header.count, header.owners
            if cells is not None and cells != count:
                raise SegmentError(f"this MPSCRing has {count} cells, not {cells}")
        self.bind_words(self.base + WORDS_AT)
        self.reader.owners = <uint64_t*> (self.base + OWNERS_AT)
        self.reader.count = owners
        mpsc_bind(&self.reader.ring, self.base + ring_at(owners), count)
        self.largest = (count - 1) * CELL - PREFIX
        self.batch = max(<uint64_t> CELL, min(count // 8 * CELL, <uint64_t> 1 << 16))

    @staticmethod
    def size_for(cells: int, producers: int = 64) -> int:
        """How many bytes of buffer such a ring needs."""
        check_cells(cells)
        return ring_at(integer(producers, "producers", 1, MAX_OWNERS)) + mpsc_bytes(cells)

    cdef void clear(self, uint64_t owners) noexcept:
        cdef uint64_t i
        for i in range((ring_at(owners) - WORDS_AT) // 8):
            store_rlx(<uint64_t*> (self.base + WORDS_AT) + i, 0)

    # ---- producer --------------------------------------------------------------------------------

    cdef bint register(self) except -1:
        """Finds an owner entry for this process; False if one will be free once head is at vacant_at."""
        cdef uint64_t* entry
        cdef uint64_t i, word, tail
        cdef bint dead = False
        for i in range(self.reader.count):
            entry = self.reader.owners + i
            if load_rlx(entry) == 0 and cas(entry, 0, process_word()):
                return self.registered_as(i)
        for i in range(self.reader.count):
            entry = self.reader.owners + i
            word = load_acq(entry)              # pairs with the CAS that put it there
            if not proven_dead(word):
                continue
            dead = True
            # Its claims are all before the tail that helping leaves. When head is past that, none of them
            # can be at head any more, unfinished, and be held for a claim of the living process that we
            # make of it.
            mpsc_help(&self.reader.ring)
            tail = load_acq(self.reader.ring.tail)          # pairs with every CAS on tail
            if load_acq(self.reader.ring.head) < tail:      # pairs with mpsc_free
                self.vacant_at = tail
            elif cas(entry, word, process_word()):
                return self.registered_as(i)
        if not dead:
            raise ShareError(f"all {self.reader.count} producer entries of this MPSCRing are taken by living "
                             f"processes; create it with more (producers=...)")
        return False

    cdef bint registered_as(self, uint64_t owner) noexcept:
        self.owner = <uint32_t> owner
        self.registered = fork_count() + 1
        self.vacant_at = 0
        return True

    cdef int begin(self, uint64_t bytes_) except -1:
        cdef uint32_t n = <uint32_t> ((bytes_ + CELL - 1) // CELL)
        cdef int answer
        # A forked child inherits the object, but the entry names its parent: it takes one of its own.
        if self.registered != fork_count() + 1 and not self.register():
            return CLAIM_CLOSED if mpsc_is_closed(&self.reader.ring) else CLAIM_FULL
        answer = mpsc_try_claim(&self.reader.ring, self.owner, n, 0, &self.position)
        if answer == CLAIM_CORRUPT:
            raise CorruptDataError("a stamp of this MPSCRing is damaged; create it anew")
        self.body = mpsc_body(&self.reader.ring, self.position)
        self.capacity = <uint64_t> n * CELL
        return answer

    cdef int publish(self, uint64_t position, uint64_t capacity) except -1:
        if not mpsc_commit(&self.reader.ring, self.owner, <uint32_t> (capacity // CELL), position):
            raise ShareError("the consumer took this process for dead and dropped the record")
        return 0

    cdef int withdraw(self, uint64_t position, uint64_t capacity) except -1:
        mpsc_abort(&self.reader.ring, self.owner, <uint32_t> (capacity // CELL), position)
        return 0

    cdef int wait_room(self, uint64_t bytes_, int64_t deadline) except -1:
        cdef Room room
        room.ring = &self.reader.ring
        room.cells = <uint32_t> ((bytes_ + CELL - 1) // CELL)
        room.head = self.vacant_at
        return wait_until(self.room, self.items, has_room, &room, deadline)

    # ---- consumer --------------------------------------------------------------------------------

    cdef void resume(self) noexcept:
        # Killed while it freed the cells of a claim, a reader leaves head at cells that look like those of
        # the next lap. Before the first it stored how far it had come: to the end of that claim.
        cdef MPSC* ring = &self.reader.ring
        cdef uint64_t head = load_rlx(ring.head)
        if mpsc_is_freed(ring, head) and load_rlx(self.taken) > head * CELL:
            mpsc_free(ring, head, load_rlx(self.taken) // CELL)
            wake(self.room)

    cdef int look(self) except -1:
        cdef MPSC* ring = &self.reader.ring
        cdef uint64_t head
        cdef uint32_t n = 0, owner = 0
        cdef int state
        cdef bint padded = False
        while True:
            head = load_rlx(ring.head)          # written by readers only, and there is one at a time
            state = mpsc_peek(ring, head, &n, &owner)
            if state == COMMITTED:
                self.position = head
                self.start = head * CELL
                self.body = mpsc_body(ring, head)
                self.capacity = <uint64_t> n * CELL
                break
            if state == PAD:
                store_rlx(self.taken, (head + n) * CELL)        # for resume(), ordered by the release in free
                mpsc_free(ring, head, head + n)
                padded = True
            elif state == CORRUPT:
                raise CorruptDataError("a stamp of this MPSCRing is damaged; create it anew")
            elif state != CLAIMED or has_records(&self.reader) <= 0:
                break
        if padded:
            wake(self.room)
        return RECORDS if state == COMMITTED else DRAINED if state == CLOSED else NOTHING

    cdef void step(self) noexcept:
        mpsc_free(&self.reader.ring, self.position, self.position + self.capacity // CELL)

    cdef int wait_records(self, int64_t deadline) except -1:
        return wait_until(self.items, NULL, has_records, &self.reader, deadline)

    # ---- state -----------------------------------------------------------------------------------

    def close(self) -> bool:
        """Close the ring for everybody: no more records; the reader still gets those that were claimed.

        True if this call closed it, False if it was closed before.
        """
        cdef bint done
        self.check()
        done = mpsc_close(&self.reader.ring)
        wake_always(self.items)
        wake_always(self.room)
        return done

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` has been called, here or elsewhere."""
        self.check()
        return mpsc_is_closed(&self.reader.ring)

    @property
    def cells(self) -> int:
        """How many cells of 64 bytes the ring has. One of them always stays free."""
        self.check()
        return self.reader.ring.mask + 1

    @property
    def tail(self) -> int:
        """The position, in cells since creation, at which the next claim begins."""
        self.check()
        return load_acq(self.reader.ring.tail)              # pairs with every CAS on tail

    @property
    def head(self) -> int:
        """The position, in cells since creation, up to which the reader has freed the ring."""
        self.check()
        return load_acq(self.reader.ring.head)              # pairs with mpsc_free

    cdef void leave(self) noexcept:
        # No claim of ours is open (detach sees to that), so the entry is free at once.
        if self.registered == fork_count() + 1:
            cas(self.reader.owners + self.owner, process_word(), 0)
        Ring.leave(self)

    def __dealloc__(self):
        if self.base != NULL and self.registered == fork_count() + 1:
            cas(self.reader.owners + self.owner, process_word(), 0)


cdef int check_cells(object cells) except -1:
    cdef uint64_t count = integer(cells, "cells", 2, MAX_CELLS)
    if count & (count - 1):
        raise ValueError(f"cells is {cells}; it must be a power of two")
    return 0
