# cython: annotation_typing=False
"""A bounded lock-free queue in shared memory with one producer and one consumer.

    0     header        magic, version, size, pid namespace, checksum, ready
    128   items         wait word of the consumer
    256   room          wait word of the producer
    384   consumer      its process word; the byte up to which it has taken records
    512   producer      its process word
    640   shut          1 once closed
    768   ring          tail, head, data (see share._ringbuf)
"""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport cas, load_acq, load_rlx, store_rlx
from .._process cimport process_word, proven_dead
from .._ringbuf cimport (
    CLAIM_CLOSED, CLAIM_FULL, CLAIM_OK, SPSC, SPSCRecord, spsc_bind, spsc_bytes, spsc_commit, spsc_init,
    spsc_max_length, spsc_peek, spsc_record_bytes, spsc_take, spsc_try_claim,
)
from .._wait cimport wait_until, wake_always
from .._memory cimport HEADER_BYTES, LINE, Header, integer
from ._ring cimport DRAINED, NOTHING, PREFIX, RECORDS, Ring

from ..errors import CorruptDataError, SegmentError, ShareError

cdef enum:
    WORDS_AT = HEADER_BYTES
    PRODUCER_AT = HEADER_BYTES + 3 * LINE
    SHUT_AT = HEADER_BYTES + 4 * LINE
    RING_AT = HEADER_BYTES + 5 * LINE
    LEAST = 128
    MOST = 1 << 30
    KIND = 1

cdef bytes MAGIC = b"shrSPSC1"


cdef struct Room:
    SPSC* ring
    uint64_t* shut
    uint64_t bytes


cdef int has_room(void* context) noexcept nogil:
    cdef Room* room = <Room*> context
    cdef uint64_t size = room.ring.size
    cdef uint64_t tail = load_rlx(room.ring.tail)
    cdef uint64_t rest = size - (tail & (size - 1))
    cdef uint64_t need = room.bytes if room.bytes <= rest else rest + room.bytes
    if load_acq(room.shut):                     # pairs with the CAS in close()
        return 1
    return tail - load_acq(room.ring.head) + need <= size       # pairs with spsc_take


cdef struct Items:
    SPSC* ring
    uint64_t* shut


cdef int has_records(void* context) noexcept nogil:
    cdef Items* items = <Items*> context
    # Acquire both: shut pairs with the CAS in close(), tail with spsc_commit.
    return load_acq(items.shut) or load_acq(items.ring.tail) != load_rlx(items.ring.head)


@cython.binding(False)
cdef class SPSCRing(Ring):
    """A queue of byte strings from one producer process to one consumer process.

    ``buffer`` is any writable buffer, in practice ``SharedMemory(...).buf``. The creator says ``create=True``
    and how many bytes of data the ring has (``size``, a power of two, default: what fits); the other side
    attaches by the buffer alone. Whoever first puts is the producer, whoever first gets the consumer, until
    they detach or are proven dead. Several threads of a process may use one object. A record may take half of
    the ring.

    Raises ``SegmentError`` if the buffer is too small or holds no such ring, ``ShareMemoryError`` if it is to be made
    and the buffer's shared memory does not fit into /dev/shm.

    >>> memory = bytearray(SPSCRing.size_for(1024))
    >>> sender = SPSCRing(memory, 1024, create=True)
    >>> receiver = SPSCRing(memory)
    >>> sender.put_many([b"a", b"b"])
    2
    >>> receiver.get(), receiver.get(), receiver.try_get()
    (b'a', b'b', None)
    >>> sender.close()
    True
    >>> receiver.get()
    Traceback (most recent call last):
    ...
    share.errors.ShareClosedError: this SPSCRing is closed and empty
    """

    def __init__(self, buffer, size: int | None = None, *, create: bool = False) -> None:
        cdef uint64_t count, i
        cdef Header* header
        if size is not None:
            check_size(size)
        self.hold(buffer)
        if create:
            if size is None:
                size = MOST
                while size > LEAST and RING_AT + spsc_bytes(size) > self.available:
                    size //= 2
            count = size
            self.begin_header(MAGIC, count, 0, RING_AT + spsc_bytes(count))
            for i in range(<uint64_t> (RING_AT - WORDS_AT) // 8):
                store_rlx(<uint64_t*> (self.base + WORDS_AT) + i, 0)
            spsc_init(self.base + RING_AT, count)
            self.make_ready()
        else:
            header = self.read_header(MAGIC)
            count = header.count
            if size is not None and size != count:
                raise SegmentError(f"this SPSCRing has {count} bytes of data, not {size}")
        self.bind_words(self.base + WORDS_AT)
        self.producer = <uint64_t*> (self.base + PRODUCER_AT)
        self.shut = <uint64_t*> (self.base + SHUT_AT)
        spsc_bind(&self.ring, self.base + RING_AT, count)
        self.largest = spsc_max_length(count) - PREFIX
        self.batch = min(count // 8, <uint64_t> 1 << 16)

    @staticmethod
    def size_for(size: int) -> int:
        """How many bytes of buffer a ring with ``size`` bytes of data needs."""
        check_size(size)
        return RING_AT + spsc_bytes(size)

    # ---- producer --------------------------------------------------------------------------------

    cdef int become_producer(self) except -1:
        cdef uint64_t me = process_word(), other
        while True:
            other = load_acq(self.producer)     # pairs with the CAS below and in leave()
            if other == me:
                return 0
            if other != 0 and not proven_dead(other):
                raise ShareError(f"process {other & 0x3FFFFF} writes to this SPSCRing; there can be one "
                                 f"writer only, see MPSCRing for more")
            if cas(self.producer, other, me):
                self.claimed = False            # what the other had begun is nowhere: tail never moved
                return 0

    cdef int begin(self, uint64_t bytes_) except -1:
        if load_rlx(self.producer) != process_word():
            self.become_producer()
        if self.claimed:
            raise ShareError("another claim of this SPSCRing is open: commit or abort it first")
        if load_acq(self.shut):                 # pairs with the CAS in close()
            return CLAIM_CLOSED
        self.body = spsc_try_claim(&self.ring, <uint32_t> bytes_, &self.position)
        if self.body == NULL:
            if load_rlx(self.ring.tail) % 8:
                raise CorruptDataError("this SPSCRing is damaged, no record can begin at its tail; create it anew")
            return CLAIM_FULL
        self.capacity = (bytes_ + 7) // 8 * 8
        self.claimed = True
        return CLAIM_OK

    cdef int publish(self, uint64_t position, uint64_t capacity) except -1:
        self.claimed = False
        spsc_commit(&self.ring, position, KIND, 0, <uint32_t> capacity)
        return 0

    cdef int withdraw(self, uint64_t position, uint64_t capacity) except -1:
        self.claimed = False                    # nobody has seen it
        return 0

    cdef int wait_room(self, uint64_t bytes_, int64_t deadline) except -1:
        cdef Room room
        room.ring = &self.ring
        room.shut = self.shut
        room.bytes = spsc_record_bytes(<uint32_t> bytes_)
        return wait_until(self.room, self.items, has_room, &room, deadline)

    # ---- consumer --------------------------------------------------------------------------------

    cdef int look(self) except -1:
        cdef SPSCRecord record
        cdef const char* payload = NULL
        # Before the look at the records: what was sent before closing is seen by who sees it closed.
        cdef bint shut = load_acq(self.shut)    # pairs with the CAS in close()
        cdef int answer = spsc_peek(&self.ring, &record, &payload)
        if answer < 0:
            raise CorruptDataError("a record of this SPSCRing is damaged; create it anew")
        if answer == 0:
            return DRAINED if shut else NOTHING
        self.start = load_rlx(self.ring.head)
        self.body = <char*> payload
        self.capacity = record.length
        return RECORDS

    cdef void step(self) noexcept:
        spsc_take(&self.ring)

    cdef int wait_records(self, int64_t deadline) except -1:
        cdef Items items
        items.ring = &self.ring
        items.shut = self.shut
        return wait_until(self.items, NULL, has_records, &items, deadline)

    # ---- state -----------------------------------------------------------------------------------

    def close(self) -> bool:
        """Close the ring for both sides: no more records; the reader still gets those that were sent.

        True if this call closed it. Closed by the reader, a record that is being sent at this moment may
        still arrive after it.
        """
        cdef bint done
        self.check()
        done = cas(self.shut, 0, 1)
        wake_always(self.items)
        wake_always(self.room)
        return done

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` has been called, here or on the other side."""
        self.check()
        return load_acq(self.shut) != 0         # pairs with the CAS in close()

    @property
    def size(self) -> int:
        """Bytes of data in the ring."""
        self.check()
        return self.ring.size

    cdef void leave(self) noexcept:
        cas(self.producer, process_word(), 0)
        Ring.leave(self)


cdef int check_size(object size) except -1:
    cdef uint64_t count = integer(size, "size", LEAST, MOST)
    if count & (count - 1):
        raise ValueError(f"size is {size}; it must be a power of two")
    return 0
