# The command ring (MPSC) and the response ring (SPSC) over memory that the caller lays out.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    CELL = 64                   # bytes of a cell
    MAX_CELLS = 1 << 17         # a claim's n has 18 bits
    MAX_OWNERS = 1 << 12

# What a stamp says.
cdef enum:
    FREE = 0
    CLAIMED = 1
    COMMITTED = 2
    PAD = 3
    CLOSED = 4
    CORRUPT = 7                 # only ever an answer of peek

# What try_claim answers.
cdef enum:
    CLAIM_OK = 0
    CLAIM_FULL = 1
    CLAIM_CLOSED = 2
    CLAIM_CORRUPT = 3           # a stamp that nobody of ours can have written

cdef struct MPSC:
    uint64_t* tail              # position, each of these on a cache line of its own
    uint64_t* head
    uint64_t* stamps            # one a cell
    char* cells
    uint64_t mask               # cells - 1 (a power of two)
    uint64_t shift              # log2(cells): position >> shift is the lap
    uint64_t head_seen          # private: a head that a producer of this process has seen (a lower bound)
    uint64_t tail_seen          # private: a tail that the consumer has seen (a lower bound)

# tail, head, stamps and cells together
cdef uint64_t mpsc_bytes(uint64_t cells) noexcept nogil
# once, by the creator, on zeroed memory
cdef void mpsc_init(char* base, uint64_t cells) noexcept nogil
cdef void mpsc_bind(MPSC* ring, char* base, uint64_t cells) noexcept nogil
# once, by the creator, before anybody else has it: positions begin with this one, which is a multiple of cells
cdef void mpsc_start(MPSC* ring, uint64_t position) noexcept nogil

# Producer. n cells (1 .. cells - 1: one cell always stays FREE, so that closing never waits for room),
# owner = process-table index (0..4095). On CLAIM_OK *position is the first cell's position; the end
# position is *position + n. `leave` cells more must be free, for somebody who waits for them; n + leave are at most
# cells - 1. Never blocks.
cdef int mpsc_try_claim(MPSC* ring, uint32_t owner, uint32_t n, uint32_t leave, uint64_t* position) noexcept nogil
cdef char* mpsc_body(MPSC* ring, uint64_t position) noexcept nogil      # n * CELL contiguous bytes
# False: it was padded meanwhile, the record is lost
cdef bint mpsc_commit(MPSC* ring, uint32_t owner, uint32_t n, uint64_t position) noexcept nogil
cdef bint mpsc_abort(MPSC* ring, uint32_t owner, uint32_t n, uint64_t position) noexcept nogil   # -> PAD
cdef bint mpsc_close(MPSC* ring) noexcept nogil                         # True: this call closed it
# moves tail over any finished claim at it
cdef void mpsc_help(MPSC* ring) noexcept nogil
# also True if closed: claim will say so
cdef bint mpsc_has_room(MPSC* ring, uint32_t n, uint32_t leave) noexcept nogil
cdef bint mpsc_is_closed(MPSC* ring) noexcept nogil

# Consumer (one at a time). peek answers a state for the cell at `position`: FREE (nothing yet), CLAIMED,
# COMMITTED, PAD, CLOSED, CORRUPT, and for the middle three *n and *owner; it helps tail past the cell.
cdef int mpsc_peek(MPSC* ring, uint64_t position, uint32_t* n, uint32_t* owner) noexcept nogil
# Consumer: whether the cell at a position is one of that lap, as it always is at the end of what was freed.
cdef bint mpsc_is_in_order(const MPSC* ring, uint64_t position) noexcept nogil
# CLAIMED of a process proven dead -> PAD
cdef bint mpsc_pad(MPSC* ring, uint64_t position) noexcept nogil
# every cell FREE(lap+1), then head = end
cdef void mpsc_free(MPSC* ring, uint64_t start, uint64_t end) noexcept nogil

# Whether the cell at `position` has been freed for the next lap already: a consumer died while it freed.
cdef bint mpsc_is_freed(MPSC* ring, uint64_t position) noexcept nogil

# SPSC byte ring: records of 8-byte-aligned length, each {uint32 length, uint32 kind, uint64 position,
# payload}.
cdef struct SPSC:
    uint64_t* tail              # bytes, monotonic
    uint64_t* head
    char* data
    uint64_t size               # bytes, a power of two
    uint64_t head_seen          # private: a head that the writer has seen (a lower bound)
    uint64_t* role              # changes before anybody cuts tail back; NULL if nobody ever does

cdef struct SPSCRecord:
    uint32_t length             # of the payload
    uint32_t kind               # free for the user of the ring; 0 is reserved for padding at the wrap
    uint64_t position

cdef uint64_t spsc_bytes(uint64_t size) noexcept nogil
cdef void spsc_init(char* base, uint64_t size) noexcept nogil
cdef void spsc_bind(SPSC* ring, char* base, uint64_t size) noexcept nogil
# what a payload of that length takes
cdef uint64_t spsc_record_bytes(uint32_t length) noexcept nogil
# The longest payload: half the ring. A longer one might never fit, as the padding before it can take the
# rest.
cdef uint64_t spsc_max_length(uint64_t size) noexcept nogil
# A claim in place: room for a payload, or NULL; nobody sees it before commit, and a second claim replaces
# it.
cdef char* spsc_try_claim(SPSC* ring, uint32_t length, uint64_t* start) noexcept nogil
cdef void spsc_commit(SPSC* ring, uint64_t start, uint32_t kind, uint64_t position,
                      uint32_t length) noexcept nogil
# Writes a record; False if there is no room (nothing written).
cdef bint spsc_put(SPSC* ring, uint32_t kind, uint64_t position, const char* payload,
                   uint32_t length) noexcept nogil
# The record at the reader's head, or NULL: *payload points into the ring and is valid until spsc_take.
# Returns -1 for a record whose bytes are impossible (corrupt), 0 for none, 1 for one.
cdef int spsc_peek(SPSC* ring, SPSCRecord* record, const char** payload) noexcept nogil
# steps over the record that peek showed
cdef void spsc_take(SPSC* ring) noexcept nogil
# The writer looks at what has not been taken: the record at *at or behind padding, and *at behind it. False: none.
cdef bint spsc_following(const SPSC* ring, uint64_t* at, SPSCRecord* record, const char** payload) noexcept nogil
# take-over: tail back to the first record > commit
cdef void spsc_cut(SPSC* ring, uint64_t commit) noexcept nogil
