"""The lock-free rings: many producers, one consumer (commands) and one of each (responses).

A stamp of the MPSC ring is one of

    63                                          3   2   0
    |               lap (61 bits)               |  FREE |
    |  lap, low 31 bits  |  n (18)  | owner (12) | other |

A FREE stamp holds the full lap, so that a producer that slept for any number of laps cannot mistake the cell.
The others need only the low bits: they can be confused after 2^31 laps at the earliest, and every step that
follows from one of them is a CAS on `tail` or on a stamp whose owner is alive.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ._atomic cimport TESTPOINT, cas, fence_acq, fence_rel, load32_rlx, load_acq, load_rlx, store_rel, store_rlx

cdef enum:
    LINE = 128                  # two cache lines: neighbours are fetched in pairs
    HEAD_AT = LINE
    STAMPS_AT = 2 * LINE
    STATE_BITS = 3
    STATE_MASK = 7
    OWNER_SHIFT = 3
    OWNER_MASK = MAX_OWNERS - 1
    N_SHIFT = 15
    N_MASK = (1 << 18) - 1
    LAP_SHIFT = 33
    LAP_MASK = 0x7FFFFFFF


# ---- MPSC: stamps ---------------------------------------------------------------------------------

cdef inline uint64_t free_stamp(MPSC* ring, uint64_t position) noexcept nogil:
    return (position >> ring.shift) << STATE_BITS | FREE


cdef inline uint64_t held_stamp(MPSC* ring, uint64_t position, int state, uint32_t owner,
                                uint64_t n) noexcept nogil:
    return ((position >> ring.shift) << LAP_SHIFT | n << N_SHIFT
            | (<uint64_t> (owner & OWNER_MASK)) << OWNER_SHIFT | <uint64_t> state)


cdef inline bint is_of_lap(MPSC* ring, uint64_t stamp, uint64_t position) noexcept nogil:
    if stamp & STATE_MASK == FREE:
        return stamp >> STATE_BITS == position >> ring.shift
    return stamp >> LAP_SHIFT == (position >> ring.shift) & LAP_MASK


cdef inline uint32_t cells_of(MPSC* ring, uint64_t stamp, uint64_t position) noexcept nogil:
    """The n of a held stamp at that position, or 0 for one that is impossible there."""
    cdef uint64_t n = (stamp >> N_SHIFT) & N_MASK
    if stamp & STATE_MASK > PAD or n > ring.mask + 1 - (position & ring.mask):
        return 0
    return <uint32_t> n


# ---- MPSC: memory ---------------------------------------------------------------------------------

cdef uint64_t mpsc_bytes(uint64_t cells) noexcept nogil:
    return STAMPS_AT + (cells * 8 + LINE - 1) // LINE * LINE + cells * CELL


cdef void mpsc_init(char* base, uint64_t cells) noexcept nogil:
    # Zeroed memory is an empty ring in lap 0; a creator on used memory gets one too.
    cdef uint64_t i
    for i in range((STAMPS_AT + cells * 8) // 8):
        store_rlx(<uint64_t*> base + i, 0)


cdef void mpsc_bind(MPSC* ring, char* base, uint64_t cells) noexcept nogil:
    ring.tail = <uint64_t*> base
    ring.head = <uint64_t*> (base + HEAD_AT)
    ring.stamps = <uint64_t*> (base + STAMPS_AT)
    ring.cells = base + STAMPS_AT + (cells * 8 + LINE - 1) // LINE * LINE
    ring.mask = cells - 1
    ring.shift = 0
    while 1 << ring.shift < <int> cells:
        ring.shift += 1
    ring.head_seen = load_acq(ring.head)        # pairs with the store of head in mpsc_free
    ring.tail_seen = 0


cdef void mpsc_start(MPSC* ring, uint64_t position) noexcept nogil:
    cdef uint64_t i
    for i in range(ring.mask + 1):
        store_rlx(&ring.stamps[i], free_stamp(ring, position))
    store_rlx(ring.head, position)
    store_rlx(ring.tail, position)
    ring.head_seen = position


# ---- MPSC: producer -------------------------------------------------------------------------------

cdef inline bint room_for(MPSC* ring, uint64_t tail, uint64_t need, bint* stale) noexcept nogil:
    """Whether `need` cells from `tail` on, and one more, are free; *stale: head has passed this tail."""
    # Acquire, pairs with the release of head in mpsc_free: the consumer's reads of the old bodies, and the
    # FREE stamps of the interior cells, come before our writes. Threads of one process pass a seen head on
    # to each other, so that store and load are a release/acquire pair too.
    cdef uint64_t head = load_acq(&ring.head_seen)
    stale[0] = False
    if tail - head + need <= ring.mask:
        return True
    head = load_acq(ring.head)
    store_rel(&ring.head_seen, head)
    stale[0] = head > tail
    return not stale[0] and tail - head + need <= ring.mask


cdef int mpsc_try_claim(MPSC* ring, uint32_t owner, uint32_t n, uint32_t leave, uint64_t* position) noexcept nogil:
    cdef uint64_t tail, stamp, rest
    cdef uint64_t* cell
    cdef uint32_t help
    cdef bint stale
    while True:
        tail = load_acq(ring.tail)              # pairs with every CAS on tail
        cell = ring.stamps + (tail & ring.mask)
        stamp = load_acq(cell)                  # pairs with the FREE store in mpsc_free and the CASes below
        if not is_of_lap(ring, stamp, tail):
            # The tail is old: others have gone on by whole laps. It cannot be that the cell is not yet
            # freed, since one cell is always kept FREE. (Without that a full ring would look the same.)
            if load_acq(ring.tail) == tail:
                return CLAIM_CORRUPT
            continue
        if stamp & STATE_MASK == CLOSED:
            return CLAIM_CLOSED
        if stamp & STATE_MASK != FREE:
            # A claim whose owner has not yet moved tail, or was killed before. Everyone helps, whatever
            # state it is in by now: it may have been committed or padded, and even be the consumer's next.
            help = cells_of(ring, stamp, tail)
            if help == 0:
                return CLAIM_CORRUPT
            cas(ring.tail, tail, tail + help)
            TESTPOINT("mpsc.helped")
            continue
        rest = ring.mask + 1 - (tail & ring.mask)
        if not room_for(ring, tail, (n if n <= rest else rest) + leave, &stale):
            if not stale:
                return CLAIM_FULL
            # The reader never passes tail: with head beyond this tail there is a newer one.
            if load_acq(ring.tail) == tail:
                return CLAIM_CORRUPT
            continue
        if n > rest:
            # The wrap in one CAS. In two (claim the rest, then pad it) a killed producer would leave a
            # claim.
            if cas(cell, stamp, held_stamp(ring, tail, PAD, 0, rest)):
                TESTPOINT("mpsc.wrapped")
            continue                            # and help tail over it like anyone else
        TESTPOINT("mpsc.claiming")
        # The linearisation point. Release: with it the owner is named, so that from here on a death is
        # noticed. Acquire: pairs with the FREE store of the consumer. The full lap in `stamp` makes ABA
        # impossible.
        if not cas(cell, stamp, held_stamp(ring, tail, CLAIMED, owner, n)):
            continue
        TESTPOINT("mpsc.claimed")
        cas(ring.tail, tail, tail + n)          # pairs with the loads of tail; fails if somebody helped
        TESTPOINT("mpsc.moved_tail")
        position[0] = tail
        return CLAIM_OK


cdef char* mpsc_body(MPSC* ring, uint64_t position) noexcept nogil:
    return ring.cells + (position & ring.mask) * CELL


cdef bint mpsc_commit(MPSC* ring, uint32_t owner, uint32_t n, uint64_t position) noexcept nogil:
    # Release, pairs with the acquire of the stamp in mpsc_peek: the body is there for who sees COMMITTED.
    # It fails only if the consumer held this process for dead and padded the claim.
    TESTPOINT("mpsc.written")
    cdef bint done = cas(ring.stamps + (position & ring.mask), held_stamp(ring, position, CLAIMED, owner, n),
                         held_stamp(ring, position, COMMITTED, owner, n))
    TESTPOINT("mpsc.committed")
    return done


cdef bint mpsc_abort(MPSC* ring, uint32_t owner, uint32_t n, uint64_t position) noexcept nogil:
    # Release, pairs with the acquire in mpsc_peek, so that freeing comes after our last write to the body.
    cdef bint done = cas(ring.stamps + (position & ring.mask), held_stamp(ring, position, CLAIMED, owner, n),
                         held_stamp(ring, position, PAD, 0, n))
    TESTPOINT("mpsc.aborted")
    return done


cdef bint mpsc_close(MPSC* ring) noexcept nogil:
    cdef uint64_t tail, stamp
    cdef uint64_t* cell
    cdef uint32_t help
    while True:
        tail = load_acq(ring.tail)              # pairs with every CAS on tail
        cell = ring.stamps + (tail & ring.mask)
        stamp = load_acq(cell)                  # pairs with the CASes on stamps
        if not is_of_lap(ring, stamp, tail):
            if load_acq(ring.tail) == tail:
                return False                    # corrupt
            continue
        if stamp & STATE_MASK == CLOSED:
            return False
        if stamp & STATE_MASK == FREE:
            # A claim CASes this same stamp: either it was first, and is drained, or it finds CLOSED.
            if cas(cell, stamp, held_stamp(ring, tail, CLOSED, 0, 0)):
                TESTPOINT("mpsc.closed")
                return True
            continue
        help = cells_of(ring, stamp, tail)
        if help == 0:
            return False
        cas(ring.tail, tail, tail + help)


cdef void mpsc_help(MPSC* ring) noexcept nogil:
    """Moves tail until the stamp at it is FREE or CLOSED: then every claim made before is behind tail."""
    cdef uint64_t tail, stamp
    cdef uint32_t help
    while True:
        tail = load_acq(ring.tail)              # pairs with every CAS on tail
        stamp = load_acq(ring.stamps + (tail & ring.mask))      # pairs with the CASes on stamps
        if is_of_lap(ring, stamp, tail):
            help = cells_of(ring, stamp, tail) if stamp & STATE_MASK != FREE else 0
            if help == 0:
                return
            cas(ring.tail, tail, tail + help)
        elif load_acq(ring.tail) == tail:
            return                              # corrupt


cdef bint mpsc_has_room(MPSC* ring, uint32_t n, uint32_t leave) noexcept nogil:
    cdef uint64_t tail = load_acq(ring.tail)    # pairs with every CAS on tail
    cdef uint64_t rest = ring.mask + 1 - (tail & ring.mask)
    cdef bint stale
    return room_for(ring, tail, (n if n <= rest else rest) + leave, &stale) or stale or mpsc_is_closed(ring)


cdef bint mpsc_is_closed(MPSC* ring) noexcept nogil:
    # True is final. False may be old by the time it is read, as any such answer.
    cdef uint64_t tail = load_acq(ring.tail)    # pairs with every CAS on tail
    cdef uint64_t stamp = load_acq(ring.stamps + (tail & ring.mask))    # pairs with the CAS in mpsc_close
    return stamp & STATE_MASK == CLOSED and is_of_lap(ring, stamp, tail)


# ---- MPSC: consumer -------------------------------------------------------------------------------

cdef bint mpsc_is_in_order(const MPSC* ring, uint64_t position) noexcept nogil:
    # Acquire, pairs with the CASes on stamps; a claim of this lap is in order as well.
    return is_of_lap(<MPSC*>ring, load_acq(ring.stamps + (position & ring.mask)), position)


cdef int mpsc_peek(MPSC* ring, uint64_t position, uint32_t* n, uint32_t* owner) noexcept nogil:
    # Acquire, pairs with the release CAS in mpsc_commit: the body; and with mpsc_abort.
    cdef uint64_t stamp = load_acq(ring.stamps + (position & ring.mask))
    cdef int state = stamp & STATE_MASK
    if state == FREE or not is_of_lap(ring, stamp, position):
        return FREE
    if state == CLOSED:
        return CLOSED
    n[0] = cells_of(ring, stamp, position)
    owner[0] = (stamp >> OWNER_SHIFT) & OWNER_MASK
    if n[0] == 0:
        return CORRUPT
    # Before anything is done with the cell tail must be past it: else it could be freed and claimed for the
    # next lap while tail still points here, and a producer of this lap would never get on. A seen tail
    # beyond the cell saves the look at a line that the producers fight for.
    if ring.tail_seen <= position:
        ring.tail_seen = load_acq(ring.tail)    # pairs with every CAS on tail
        if ring.tail_seen == position:
            cas(ring.tail, position, position + n[0])
            TESTPOINT("mpsc.consumer_helped")
    return state


cdef bint mpsc_pad(MPSC* ring, uint64_t position) noexcept nogil:
    cdef uint64_t* cell = ring.stamps + (position & ring.mask)
    cdef uint64_t stamp = load_acq(cell)        # pairs with the claim CAS
    cdef uint32_t n
    if stamp & STATE_MASK != CLAIMED or not is_of_lap(ring, stamp, position):
        return False
    n = cells_of(ring, stamp, position)
    if n == 0:
        return False
    cas(ring.tail, position, position + n)      # help first, as in mpsc_peek
    # One step from CLAIMED, so that a commit that was under way after all wins or loses as a whole.
    cdef bint done = cas(cell, stamp, held_stamp(ring, position, PAD, 0, n))
    TESTPOINT("mpsc.padded")
    return done


cdef void mpsc_free(MPSC* ring, uint64_t start, uint64_t end) noexcept nogil:
    cdef uint64_t position
    for position in range(start, end):
        # Every cell, interior ones too: a later record may begin there. Release, pairs with the acquire of
        # the stamp in mpsc_try_claim. Repeating this after a crash stores the same values: nobody can have
        # claimed the cells, since head has not passed them.
        store_rel(ring.stamps + (position & ring.mask), free_stamp(ring, position + ring.mask + 1))
        TESTPOINT("mpsc.freed")
    store_rel(ring.head, end)                   # pairs with the acquire of head in room_for
    TESTPOINT("mpsc.moved_head")


cdef bint mpsc_is_freed(MPSC* ring, uint64_t position) noexcept nogil:
    # Acquire, pairs with the release of the stamp in mpsc_free.
    return load_acq(ring.stamps + (position & ring.mask)) == free_stamp(ring, position + ring.mask + 1)


# ---- SPSC -----------------------------------------------------------------------------------------
#
# A record {uint32 length, uint32 kind, uint64 position, payload} never crosses the end: what is left there
# is padding, eight bytes or more, of which the first eight are {0, kind 0}.

cdef enum:
    DATA_AT = 2 * LINE
    UNIT = 8                    # where a record may begin
    RECORD = 16                 # bytes of a record's head


cdef uint64_t spsc_bytes(uint64_t size) noexcept nogil:
    return DATA_AT + size


cdef void spsc_init(char* base, uint64_t size) noexcept nogil:
    store_rlx(<uint64_t*> base, 0)
    store_rlx(<uint64_t*> (base + HEAD_AT), 0)


cdef void spsc_bind(SPSC* ring, char* base, uint64_t size) noexcept nogil:
    ring.tail = <uint64_t*> base
    ring.head = <uint64_t*> (base + HEAD_AT)
    ring.data = base + DATA_AT
    ring.size = size
    ring.head_seen = load_acq(ring.head)        # pairs with the store of head in spsc_take
    ring.role = NULL


cdef uint64_t spsc_record_bytes(uint32_t length) noexcept nogil:
    return RECORD + (<uint64_t> length + 7) // 8 * 8


cdef uint64_t spsc_max_length(uint64_t size) noexcept nogil:
    return size // 2 - RECORD


cdef char* spsc_try_claim(SPSC* ring, uint32_t length, uint64_t* start) noexcept nogil:
    cdef uint64_t tail = load_rlx(ring.tail)    # our own
    cdef uint64_t bytes = spsc_record_bytes(length)
    cdef uint64_t at = tail & (ring.size - 1)
    cdef uint64_t skip = ring.size - at if bytes > ring.size - at else 0
    if at % UNIT:
        return NULL                             # damaged; like a ring that stays full
    if tail - ring.head_seen + skip + bytes > ring.size:
        ring.head_seen = load_acq(ring.head)    # pairs with spsc_take: its reads come before our writes
        if tail - ring.head_seen + skip + bytes > ring.size:
            return NULL
    if skip:
        (<uint32_t*> (ring.data + at))[0] = 0
        (<uint32_t*> (ring.data + at))[1] = 0   # kind 0: padding up to the end
        TESTPOINT("spsc.wrapped")
    start[0] = tail + skip
    return ring.data + (start[0] & (ring.size - 1)) + RECORD


cdef void spsc_commit(SPSC* ring, uint64_t start, uint32_t kind, uint64_t position,
                      uint32_t length) noexcept nogil:
    cdef SPSCRecord* record = <SPSCRecord*> (ring.data + (start & (ring.size - 1)))
    record.length = length
    record.kind = kind
    # A word of its own and never torn: a client that still holds a tail from before a take-over may look at
    # it.
    store_rlx(&record.position, position)
    TESTPOINT("spsc.written")
    # pairs with the acquire of tail in spsc_peek
    store_rel(ring.tail, start + spsc_record_bytes(length))
    TESTPOINT("spsc.committed")


cdef bint spsc_put(SPSC* ring, uint32_t kind, uint64_t position, const char* payload,
                   uint32_t length) noexcept nogil:
    cdef uint64_t start = 0
    cdef char* body = spsc_try_claim(ring, length, &start)
    if body == NULL:
        return False
    memcpy(body, payload, length)
    spsc_commit(ring, start, kind, position, length)
    return True


cdef int spsc_peek(SPSC* ring, SPSCRecord* record, const char** payload) noexcept nogil:
    cdef uint64_t head = load_rlx(ring.head)    # our own
    cdef uint64_t at, tail, role = 0
    cdef bint sound
    cdef SPSCRecord* found
    while True:
        if ring.role != NULL:
            role = load_acq(ring.role)          # pairs with the CAS that takes the role
        # Acquire, pairs with the release of tail in spsc_commit. Loaded anew each time: a take-over cuts tail
        # back.
        tail = load_acq(ring.tail)
        if head == tail:
            return 0
        TESTPOINT("spsc.looked")
        at = head & (ring.size - 1)
        if at % UNIT:                           # then a record's head might cross the end of the ring
            return -1
        found = <SPSCRecord*> (ring.data + at)
        record.length = load32_rlx(&found.length)
        record.kind = load32_rlx(&found.kind)
        if record.kind == 0:                    # padding; a record is behind it, or has been cut
            sound = ring.size - at <= tail - head <= ring.size
        else:
            sound = RECORD <= tail - head <= ring.size \
                and spsc_record_bytes(record.length) <= min(tail - head, ring.size - at)
        if sound and record.kind != 0:
            # If a successor has written it meanwhile, its position tells that: none that C has passed is cut.
            record.position = load_rlx(&found.position)
            payload[0] = ring.data + at + RECORD
            return 1
        if ring.role != NULL:
            # What we saw may be a successor's, and beyond the tail that we knew. pairs with the fence in spsc_cut
            fence_acq()
            if load_rlx(ring.role) != role or load_rlx(ring.tail) != tail:
                continue
        if not sound:
            return -1
        head += ring.size - at
        store_rel(ring.head, head)              # pairs with the acquire of head in spsc_try_claim
        TESTPOINT("spsc.skipped")


cdef void spsc_take(SPSC* ring) noexcept nogil:
    cdef uint64_t head = load_rlx(ring.head)    # our own
    cdef SPSCRecord* record = <SPSCRecord*> (ring.data + (head & (ring.size - 1)))
    # pairs with the acquire in spsc_try_claim, and with those of who frees what the records refer to (_answers.pyx)
    store_rel(ring.head, head + spsc_record_bytes(record.length))
    TESTPOINT("spsc.taken")


cdef bint spsc_following(const SPSC* ring, uint64_t* at, SPSCRecord* record, const char** payload) noexcept nogil:
    cdef uint64_t tail = load_rlx(ring.tail), offset    # our own; records before it stay as they are
    cdef const SPSCRecord* found
    while at[0] < tail and tail - at[0] <= ring.size and at[0] % UNIT == 0:
        offset = at[0] & (ring.size - 1)
        found = <const SPSCRecord*> (ring.data + offset)
        if found.kind == 0:
            at[0] += ring.size - offset
            continue
        record[0] = found[0]
        payload[0] = ring.data + offset + RECORD
        at[0] += spsc_record_bytes(record.length)
        return at[0] <= tail and offset + spsc_record_bytes(record.length) <= ring.size
    return False


cdef void spsc_cut(SPSC* ring, uint64_t commit) noexcept nogil:
    # pairs with spsc_take; the client may go on taking meanwhile
    cdef uint64_t head = load_acq(ring.head)
    cdef uint64_t tail = load_acq(ring.tail)    # pairs with spsc_commit of the dead coordinator
    cdef uint64_t at
    cdef SPSCRecord* record
    if tail - head > ring.size or head % UNIT:
        tail = head                             # damaged: nothing in it can be believed
    while head < tail:
        at = head & (ring.size - 1)
        record = <SPSCRecord*> (ring.data + at)
        if record.kind == 0:
            # Padding before an uncommitted record stays: the client may have stepped over it already.
            head += ring.size - at
            continue
        if record.position > commit or spsc_record_bytes(record.length) > min(tail - head, ring.size - at):
            break
        head += spsc_record_bytes(record.length)
    store_rel(ring.tail, min(head, tail))       # pairs with the acquire of tail in spsc_peek
    fence_rel()                                 # the role has changed before; pairs with the fence in spsc_peek
    TESTPOINT("spsc.cut")
