# cython: language_level=3, boundscheck=False, wraparound=False
"""Small concurrent programs over flags, wait words, rings and slots; conftest.py builds this module for the tests.

What the algorithms promise to one party at a time (bodies of records, blocks that a version refers to, what a wait is
for) is read and written plainly, so that ThreadSanitizer reports it if a promise is broken; what may race is relaxed.

Each program has two to four parties. Each iteration has memory of its own, which party 0 prepares; all
parties start it at one time by the clock, give or take some noise, each leaves one number, and party 0 adds
what the memory says afterwards. The test compares the set of all outcomes with the set that the memory model
and the algorithms allow. (Meeting before each iteration would be slow, and on a busy machine nothing would
ever overlap.)
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from share._atomic cimport (
    TESTPOINT, fence_acq, fence_rel, fence_sc, load32_acq, load_acq, load_rlx, pause, store_rel, store_rlx,
)
from share._flags cimport flag_raise, flag_read
from share._ringbuf cimport (
    CLAIM_OK, COMMITTED, MPSC, PAD, SPSC, SPSCRecord, mpsc_abort, mpsc_bind, mpsc_body, mpsc_close, mpsc_commit,
    mpsc_free, mpsc_help, mpsc_init, mpsc_pad, mpsc_peek, mpsc_try_claim, spsc_bind, spsc_init, spsc_peek,
    spsc_put, spsc_take,
)
from share._layout cimport EMPTY, INLINE, Slot, Version
from share._slots cimport block_unchanged, slot_assign, slot_begin, slot_publish, slot_read, slot_victim
from share._wait cimport announce, now_ns, wake, wake_always

cdef extern from *:
    """
    #include <sched.h>
    #include <stdint.h>
    static inline uint64_t arrive(uint64_t *p) { return __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST); }
    """
    uint64_t arrive(uint64_t* p) nogil
    int sched_yield() nogil

cdef enum:
    CELLS = 8
    # The memory: a page for meeting; a batch of places, one an iteration; the outcomes of all iterations.
    # Three words to meet at, so that who comes late to one does not learn there what the others have done since.
    PREPARED = 0
    READY = 128
    DONE = 256
    START = 384
    PLACES = 4096
    BATCH = 256
    # A place: words on lines of their own, the parties' numbers, a ring.
    X = 0
    Y = 128
    WORD = 256
    RESULTS = 384               # one int64 a party, 128 bytes apart
    RING = 1024
    PLACE = 2048
    INTERVAL = 600              # ns from the start of an iteration to that of the next
    NUMBERS = 5

OUTCOMES = PLACES + BATCH * PLACE   # four parties' numbers and the last word, of each iteration
OUTCOME_BYTES = NUMBERS * 8

cdef struct Place:
    char* memory
    uint64_t* x
    uint64_t* y
    uint32_t* word
    MPSC mpsc
    SPSC spsc

# A program: prepare (party 0 alone), a party's part, what is left at the end (party 0 alone).
ctypedef void (*Prepare)(Place* p) noexcept nogil
ctypedef int64_t (*Part)(Place* p, int who) noexcept nogil
ctypedef int64_t (*Final)(Place* p) noexcept nogil

cdef struct Program:
    const char* name
    int parties
    Prepare prepare
    Part part
    Final final


cdef void clear(Place* p) noexcept nogil:
    store_rlx(p.x, 0)
    store_rlx(p.y, 0)
    store_rlx(<uint64_t*> p.word, 0)
    mpsc_init(p.memory + RING, CELLS)


cdef void clear_spsc(Place* p) noexcept nogil:
    clear(p)
    spsc_init(p.memory + RING, 256)


cdef int64_t nothing(Place* p) noexcept nogil:
    return 0


# ---- flags ---------------------------------------------------------------------------------------

cdef int64_t returned_call(Place* p, int who) noexcept nogil:
    """0: a call raises its flag, ends, and says so. 1: who learned of the end reads the flag."""
    cdef int64_t learned
    if who == 0:
        flag_raise(p.x, 7)
        fence_sc()
        store_rlx(p.y, 1)
        return 0
    learned = load_rlx(p.y)
    return learned * 10 + <int64_t> flag_read(p.x)


cdef int64_t crossed_calls(Place* p, int who) noexcept nogil:
    """Each ends a call on a flag of its own, then reads the other's flag: not both can miss."""
    flag_raise(p.x if who == 0 else p.y, 1)
    fence_sc()
    return flag_read(p.y if who == 0 else p.x)


cdef int64_t highest(Place* p, int who) noexcept nogil:
    """0, 1, 2 raise to 1, 2, 3; 3 reads twice."""
    cdef int64_t first
    if who < 3:
        flag_raise(p.x, who + 1)
        return 0
    first = load_rlx(p.x)
    return first * 10 + <int64_t> load_rlx(p.x)


cdef int64_t highest_left(Place* p) noexcept nogil:
    return load_rlx(p.x)


cdef int64_t commit_shows(Place* p, int who) noexcept nogil:
    """0 publishes a value and moves the commit position; 1 reads the position, then the value."""
    if who == 0:
        p.x[0] = 5
        store_rel(p.y, 1)
        return 0
    return 10 + <int64_t> p.x[0] if load_acq(p.y) else 0


cdef int64_t fences_show(Place* p, int who) noexcept nogil:
    """The same with fences: 0 writes a value, then says so; who learned of it reads the value."""
    if who == 0:
        p.x[0] = 5
        fence_rel()
        store_rlx(p.y, 1)
        return 0
    if not load_rlx(p.y):
        return 0
    fence_acq()
    return 10 + <int64_t> p.x[0]


# ---- wait words ----------------------------------------------------------------------------------

cdef int64_t sleeper_and_waker(Place* p, int who) noexcept nogil:
    """0 announces itself and looks at the condition; 1 makes it true and wakes."""
    if who == 0:
        announce(p.word)
        return load_rlx(p.x)
    store_rlx(p.x, 1)
    wake(p.word)
    return 0


cdef int64_t still_odd(Place* p) noexcept nogil:
    return load32_acq(p.word) & 1               # 1: a sleep would not end


cdef int64_t sleeper_and_two_wakers(Place* p, int who) noexcept nogil:
    if who == 0:
        announce(p.word)
        return load_rlx(p.x) + load_rlx(p.y)
    store_rlx(p.x if who == 1 else p.y, 1)
    wake(p.word)
    return 0


cdef int64_t woken(Place* p, int who) noexcept nogil:
    """0 waits, for a while, for its word to change, and then reads what the waker wrote before."""
    cdef uint32_t w
    if who == 0:
        w = announce(p.word)
        for _ in range(400):
            if load32_acq(p.word) != w:
                return p.x[0]
            pause()
        return 0
    p.x[0] = 5
    wake(p.word)
    return 0


cdef int64_t unconditional_wake(Place* p, int who) noexcept nogil:
    cdef uint32_t w
    if who == 0:
        w = announce(p.word)
        store_rlx(p.y, w)
        return load_rlx(p.x)
    store_rlx(p.x, 1)
    wake_always(p.word)
    return 0


cdef int64_t unchanged(Place* p) noexcept nogil:
    return load32_acq(p.word) == load_rlx(p.y)


# ---- the MPSC ring -------------------------------------------------------------------------------

cdef int64_t claim(Place* p, uint32_t owner, uint32_t n) noexcept nogil:
    """The position, or -1 full, -2 closed."""
    cdef uint64_t position = 0
    cdef int answer = mpsc_try_claim(&p.mpsc, owner, n, 0, &position)
    return <int64_t> position if answer == CLAIM_OK else -answer


cdef int64_t two_claims(Place* p, int who) noexcept nogil:
    return claim(p, who, 2 + who)               # of 2 and 3 cells


cdef int64_t tail_left(Place* p) noexcept nogil:
    mpsc_help(&p.mpsc)
    return load_acq(p.mpsc.tail)


cdef int64_t three_claims(Place* p, int who) noexcept nogil:
    return claim(p, who, 1)


cdef void one_place_left(Place* p) noexcept nogil:
    clear(p)
    mpsc_bind(&p.mpsc, p.memory + RING, CELLS)
    claim(p, 9, 5)                              # seven may be claimed in all


cdef int64_t last_place(Place* p, int who) noexcept nogil:
    return claim(p, who, 2)


cdef void near_the_end(Place* p) noexcept nogil:
    """Head and tail at 6: two cells before the end."""
    cdef uint32_t n, owner
    clear(p)
    mpsc_bind(&p.mpsc, p.memory + RING, CELLS)
    mpsc_commit(&p.mpsc, 9, 6, claim(p, 9, 6))
    mpsc_peek(&p.mpsc, 0, &n, &owner)
    mpsc_free(&p.mpsc, 0, 6)


cdef int64_t wrapped_claims(Place* p, int who) noexcept nogil:
    return claim(p, who, 3)                     # one pads 6 and 7 and begins at 8; no room for another


cdef int64_t claim_and_close(Place* p, int who) noexcept nogil:
    return claim(p, 0, 2) if who == 0 else mpsc_close(&p.mpsc)


cdef int64_t two_closes(Place* p, int who) noexcept nogil:
    return mpsc_close(&p.mpsc)


cdef uint64_t* word_at(Place* p, uint64_t position) noexcept nogil:
    return <uint64_t*> mpsc_body(&p.mpsc, position)


cdef int64_t body_of_a_commit(Place* p, int who) noexcept nogil:
    """0 claims two cells, writes and commits them; 1 looks, and adds up the body if it is committed."""
    cdef uint64_t* body
    cdef uint32_t n = 0, owner = 0
    cdef int64_t position
    cdef int state
    if who == 0:
        position = claim(p, 3, 2)
        body = <uint64_t*> mpsc_body(&p.mpsc, position)
        body[0] = 1
        body[15] = 2
        mpsc_commit(&p.mpsc, 3, 2, position)
        return 0
    state = mpsc_peek(&p.mpsc, 0, &n, &owner)
    if state != COMMITTED:
        return state
    body = <uint64_t*> mpsc_body(&p.mpsc, 0)
    return COMMITTED + 10 * <int64_t> (body[0] + body[15]) + 100 * n + 1000 * owner


cdef void body_clear(Place* p) noexcept nogil:
    clear(p)
    mpsc_bind(&p.mpsc, p.memory + RING, CELLS)
    word_at(p, 0)[0] = 0
    word_at(p, 0)[15] = 0


cdef void claimed_at_head(Place* p) noexcept nogil:
    clear(p)
    mpsc_bind(&p.mpsc, p.memory + RING, CELLS)
    claim(p, 0, 2)


cdef int64_t commit_against_pad(Place* p, int who) noexcept nogil:
    return mpsc_commit(&p.mpsc, 0, 2, 0) if who == 0 else mpsc_pad(&p.mpsc, 0)


cdef int64_t state_at_head(Place* p) noexcept nogil:
    cdef uint32_t n, owner
    return mpsc_peek(&p.mpsc, 0, &n, &owner)


cdef void full(Place* p) noexcept nogil:
    clear(p)
    mpsc_bind(&p.mpsc, p.memory + RING, CELLS)
    claim(p, 9, 7)
    word_at(p, 0)[0] = word_at(p, 0)[8] = 1
    mpsc_commit(&p.mpsc, 9, 7, 0)


cdef int64_t free_against_claim(Place* p, int who) noexcept nogil:
    """0 reads the body at 0 and frees all; 1 tries to claim the whole next lap's begin and writes there."""
    cdef uint32_t n, owner
    cdef int64_t seen, position
    if who == 0:
        mpsc_peek(&p.mpsc, 0, &n, &owner)
        seen = word_at(p, 0)[0]
        mpsc_free(&p.mpsc, 0, 7)
        return seen
    position = claim(p, 1, 1)                   # 7, the last cell
    if position < 0:
        return position
    position = claim(p, 1, 1)                   # 8, which is cell 0 again
    if position == 8:
        word_at(p, 8)[0] = 2
    return position


cdef int64_t freed_in_two_parts(Place* p, int who) noexcept nogil:
    """0 frees a first cell, reads the body of the next and frees the rest; 1 tries to claim both and writes there."""
    cdef uint32_t n, owner
    cdef int64_t seen, position
    if who == 0:
        mpsc_peek(&p.mpsc, 0, &n, &owner)
        mpsc_free(&p.mpsc, 0, 1)
        seen = word_at(p, 0)[8]
        mpsc_free(&p.mpsc, 1, 7)
        return seen
    position = claim(p, 1, 1)                   # 7, the last cell
    if position < 0:
        return position
    position = claim(p, 1, 2)                   # 8 and 9, which are 0 and 1 again
    if position == 8:
        word_at(p, 8)[8] = 2
    return position


cdef int64_t aborted(Place* p, int who) noexcept nogil:
    """0 writes into the claim at 0 and gives it up; 1 frees it, if it has been, and writes there in the next lap."""
    cdef uint32_t n = 0, owner = 0
    cdef int64_t position
    if who == 0:
        word_at(p, 0)[0] = 1
        return mpsc_abort(&p.mpsc, 0, 2, 0)
    if mpsc_peek(&p.mpsc, 0, &n, &owner) != PAD:
        return 0
    mpsc_free(&p.mpsc, 0, n)
    claim(p, 1, 6)                              # 2 to 7
    position = claim(p, 1, 1)
    word_at(p, position)[0] = 2
    return position


cdef int64_t kept_full(Place* p, int who) noexcept nogil:
    """0 to 2 claim and commit one cell each; 3 consumes and frees what it finds, at most three."""
    cdef int64_t position
    cdef uint64_t head = 0
    cdef uint32_t n = 0, owner = 0
    if who < 3:
        position = claim(p, who, 1)
        word_at(p, position)[0] = who + 1
        mpsc_commit(&p.mpsc, who, 1, position)
        return 0
    cdef int64_t seen = 0
    for _ in range(200):
        if head < 3 and mpsc_peek(&p.mpsc, head, &n, &owner) == COMMITTED:
            if word_at(p, head)[0] != owner + 1:
                return -1                       # a body of somebody else
            seen |= 1 << owner
            mpsc_free(&p.mpsc, head, head + n)
            head += n
    return seen if head == <uint64_t> (seen & 1) + ((seen >> 1) & 1) + ((seen >> 2) & 1) else -2


# ---- the SPSC ring -------------------------------------------------------------------------------

cdef int64_t records_in_order(Place* p, int who) noexcept nogil:
    """0 puts 1 and 2; 1 takes what there is, twice: its digits."""
    cdef SPSCRecord record
    cdef const char* payload = NULL
    cdef uint64_t value
    cdef int64_t seen = 0
    cdef int i
    if who == 0:
        for i in range(1, 3):
            value = i
            spsc_put(&p.spsc, 1, i, <char*> &value, 8)
        return 0
    for _ in range(2):
        if spsc_peek(&p.spsc, &record, &payload) == 1:
            seen = seen * 10 + (<int64_t*> payload)[0]
            if record.position != (<uint64_t*> payload)[0]:
                return -1
            spsc_take(&p.spsc)
    return seen


cdef void full_spsc(Place* p) noexcept nogil:
    """Ten records, 1 to 10, of 24 bytes each; sixteen bytes are left."""
    cdef uint64_t value
    clear_spsc(p)
    spsc_bind(&p.spsc, p.memory + RING, 256)
    for value in range(1, 11):
        spsc_put(&p.spsc, 1, value, <char*> &value, 8)


cdef int64_t records_reused(Place* p, int who) noexcept nogil:
    """0 puts 11 and 12 if there is room; 1 takes two: their digits."""
    cdef SPSCRecord record
    cdef const char* payload = NULL
    cdef uint64_t value
    cdef int64_t seen = 0
    if who == 0:
        for value in range(11, 13):
            seen += spsc_put(&p.spsc, 1, value, <char*> &value, 8)
        return seen
    for _ in range(2):
        if spsc_peek(&p.spsc, &record, &payload) != 1:
            return -1
        seen = seen * 10 + (<int64_t*> payload)[0]
        spsc_take(&p.spsc)
    return seen


cdef int64_t response_before_commit(Place* p, int who) noexcept nogil:
    """0 puts the response to 1, then moves the commit position there; 1 reads the position, then the ring."""
    cdef SPSCRecord record
    cdef const char* payload = NULL
    cdef uint64_t value = 5
    cdef int64_t commit
    if who == 0:
        spsc_put(&p.spsc, 1, 1, <char*> &value, 8)
        store_rel(p.y, 1)
        return 0
    commit = load_acq(p.y)
    return commit * 10 + spsc_peek(&p.spsc, &record, &payload)


# ---- slots ---------------------------------------------------------------------------------------
#
# Two slots and two blocks, {generation, two words}, where the ring is otherwise. C is y. At position 0 everything
# is 1, at position p it is p + 1.

cdef enum:
    LOST = 9                    # the reader was overtaken and would retry


cdef Slot* slot_of(Place* p, int which) noexcept nogil:
    return <Slot*> (p.memory + RING + 128 * which)


cdef uint64_t* block_of(Place* p, int which) noexcept nogil:
    return <uint64_t*> (p.memory + RING + 512 + 128 * which)


cdef void clear_slots(Place* p) noexcept nogil:
    cdef int i, word
    clear(p)
    for i in range(2):
        for word in range(16):
            store_rlx(<uint64_t*> slot_of(p, i) + word, 0)
        store_rlx(<uint64_t*> &slot_of(p, i).version[0].kind, INLINE)
        for word in range(5):
            store_rlx(&slot_of(p, i).version[0].payload[word], 1)
        store_rlx(&slot_of(p, i).version[1].tag, EMPTY)
        block_of(p, i)[0] = 1
        block_of(p, i)[1] = block_of(p, i)[2] = 1


cdef void publish(Place* p, int which, uint64_t position) noexcept nogil:
    cdef uint64_t[5] payload
    cdef int i, victim = slot_victim(slot_of(p, which), position - 1)
    for i in range(5):
        payload[i] = position + 1
    slot_begin(slot_of(p, which), victim)
    slot_publish(slot_of(p, which), victim, position, INLINE, 40, payload)


cdef int64_t look(Place* p, int which, uint64_t c) noexcept nogil:
    """The slot's value at c, LOST, or -1 if it is torn."""
    cdef Version version
    cdef uint64_t owner = 0
    if not slot_read(slot_of(p, which), c, &version, &owner):
        return LOST
    return version.payload[0] if version.payload[0] == version.payload[4] else -1


cdef int64_t one_publication(Place* p, int who) noexcept nogil:
    """0 publishes and commits once; 1 reads C, then the slot."""
    cdef uint64_t c
    if who == 0:
        publish(p, 0, 1)
        store_rel(p.y, 1)
        return 0
    c = load_acq(p.y)
    return 10 * <int64_t> c + look(p, 0, c)


cdef int64_t two_publications(Place* p, int who) noexcept nogil:
    """0 publishes and commits twice, the second time over what is read at 0; 1 reads C, then the slot."""
    if who == 0:
        one_publication(p, 0)
        publish(p, 0, 2)
        store_rel(p.y, 2)
        return 0
    return one_publication(p, 1)


cdef int64_t one_commit_shows_both(Place* p, int who) noexcept nogil:
    """0 publishes two slots a commit, twice; 1 reads both at one C."""
    cdef uint64_t c
    cdef int64_t first
    if who == 0:
        for c in range(1, 3):
            publish(p, 0, c)
            publish(p, 1, c)
            store_rel(p.y, c)
        return 0
    c = load_acq(p.y)
    first = look(p, 0, c)
    return 100 * <int64_t> c + 10 * first + look(p, 1, c)


cdef int64_t block_of_a_version(Place* p, int who) noexcept nogil:
    """0 writes a block, then publishes it at 1; 1, who has heard of 1 otherwise, reads what the slot has."""
    cdef Version version
    cdef uint64_t owner = 0
    if who == 0:
        block_of(p, 1)[1] = 2
        publish(p, 0, 1)
        return 0
    if not slot_read(slot_of(p, 0), 1, &version, &owner):
        return LOST
    return block_of(p, 1)[1] if version.tag == 1 else 1


cdef int64_t given_away(Place* p, int who) noexcept nogil:
    """0 gives the slot to owner 2; 1 reads it: 10 for each owner, and 1 if it took the value."""
    cdef Version version
    cdef uint64_t owner = 0
    if who == 0:
        slot_assign(slot_of(p, 0), 2)
        return 0
    return <int64_t> slot_read(slot_of(p, 0), 0, &version, &owner) + 10 * <int64_t> owner


cdef int64_t reused_block(Place* p, int who) noexcept nogil:
    """0 publishes block 1, then block 0 anew, whose generation it has changed; 1 copies the block that it finds."""
    cdef uint64_t[5] payload
    cdef uint64_t c, owner = 0, first, second
    cdef uint64_t* block
    cdef Version version
    cdef int i, victim
    if who == 0:
        for c in range(1, 3):
            block = block_of(p, c & 1)
            victim = slot_victim(slot_of(p, 0), c - 1)
            slot_begin(slot_of(p, 0), victim)
            if c == 2:
                store_rlx(block, 2)
                fence_rel()             # as Heap.release: pairs with the fence in block_unchanged
            store_rlx(block + 1, c + 1)
            store_rlx(block + 2, c + 1)
            for i in range(5):
                payload[i] = c & 1
            payload[2] = load_rlx(block)
            slot_publish(slot_of(p, 0), victim, c, INLINE, 40, payload)
            store_rel(p.y, c)
        return 0
    c = load_acq(p.y)
    if not slot_read(slot_of(p, 0), c, &version, &owner):
        return 10 * <int64_t> c + LOST
    if c == 0:                          # as it was prepared: block 0 in its first generation
        version.payload[0], version.payload[2] = 0, 1
    block = block_of(p, version.payload[0])
    TESTPOINT("litmus.found")
    first = load_rlx(block + 1)
    TESTPOINT("litmus.half")
    second = load_rlx(block + 2)
    if not block_unchanged(<char*> block, version.payload[2]):
        return 10 * <int64_t> c + LOST
    return 10 * <int64_t> c + <int64_t> first if first == second else -1


# ---- running them --------------------------------------------------------------------------------

cdef enum:
    PROGRAMS = 30

cdef Program[PROGRAMS] programs
programs[0] = Program(b"returned_call", 2, clear, returned_call, nothing)
programs[1] = Program(b"crossed_calls", 2, clear, crossed_calls, nothing)
programs[2] = Program(b"highest", 4, clear, highest, highest_left)
programs[3] = Program(b"commit_shows", 2, clear, commit_shows, nothing)
programs[4] = Program(b"fences_show", 2, clear, fences_show, nothing)
programs[5] = Program(b"sleeper_and_waker", 2, clear, sleeper_and_waker, still_odd)
programs[6] = Program(b"sleeper_and_two_wakers", 3, clear, sleeper_and_two_wakers, still_odd)
programs[7] = Program(b"woken", 2, clear, woken, nothing)
programs[8] = Program(b"unconditional_wake", 2, clear, unconditional_wake, unchanged)
programs[9] = Program(b"two_claims", 2, clear, two_claims, tail_left)
programs[10] = Program(b"three_claims", 3, clear, three_claims, tail_left)
programs[11] = Program(b"last_place", 2, one_place_left, last_place, tail_left)
programs[12] = Program(b"wrapped_claims", 2, near_the_end, wrapped_claims, tail_left)
programs[13] = Program(b"claim_and_close", 2, clear, claim_and_close, tail_left)
programs[14] = Program(b"two_closes", 2, clear, two_closes, tail_left)
programs[15] = Program(b"body_of_a_commit", 2, body_clear, body_of_a_commit, nothing)
programs[16] = Program(b"commit_against_pad", 2, claimed_at_head, commit_against_pad, state_at_head)
programs[17] = Program(b"free_against_claim", 2, full, free_against_claim, nothing)
programs[18] = Program(b"freed_in_two_parts", 2, full, freed_in_two_parts, nothing)
programs[19] = Program(b"aborted", 2, claimed_at_head, aborted, nothing)
programs[20] = Program(b"kept_full", 4, clear, kept_full, tail_left)
programs[21] = Program(b"one_publication", 2, clear_slots, one_publication, nothing)
programs[22] = Program(b"two_publications", 2, clear_slots, two_publications, nothing)
programs[23] = Program(b"one_commit_shows_both", 2, clear_slots, one_commit_shows_both, nothing)
programs[24] = Program(b"reused_block", 2, clear_slots, reused_block, nothing)
programs[25] = Program(b"block_of_a_version", 2, clear_slots, block_of_a_version, nothing)
programs[26] = Program(b"given_away", 2, clear_slots, given_away, nothing)
programs[27] = Program(b"records_in_order", 2, clear_spsc, records_in_order, nothing)
programs[28] = Program(b"records_reused", 2, full_spsc, records_reused, nothing)
programs[29] = Program(b"response_before_commit", 2, clear_spsc, response_before_commit, nothing)


cdef Program* find(bytes name) except NULL:
    for i in range(PROGRAMS):
        if programs[i].name == name:
            return &programs[i]
    raise KeyError(name)


def parties(name: str) -> int:
    return find(name.encode()).parties


def memory_bytes(batches: int) -> int:
    return OUTCOMES + batches * BATCH * OUTCOME_BYTES


cdef void meet(uint64_t* barrier, uint64_t goal, int patience) noexcept nogil:
    """Waits for all; a party that waits longer than some rounds leaves its core to the others."""
    cdef int rounds = 0
    arrive(barrier)
    while load_acq(barrier) < goal:             # pairs with the arrival of the last
        rounds += 1
        if rounds % patience == 0:
            sched_yield()
        else:
            pause()


cdef void bind(Place* place, char* memory) noexcept nogil:
    place.memory = memory
    place.x = <uint64_t*> (memory + X)
    place.y = <uint64_t*> (memory + Y)
    place.word = <uint32_t*> (memory + WORD)
    mpsc_bind(&place.mpsc, memory + RING, CELLS)
    spsc_bind(&place.spsc, memory + RING, 256)


def run(name: str, who: int, batches: int, memory) -> None:
    """One party's part, without the GIL. The memory begins zeroed and is shared by all parties."""
    cdef Program* program = find(name.encode())
    cdef unsigned char[::1] view = memory
    cdef Place[BATCH] places
    cdef Place* place
    cdef int64_t* outcome
    cdef int64_t start
    cdef uint64_t goal = 0, noise = 88172645463325252ULL + who
    cdef int batch, i, j, me = who, count = batches
    cdef char* base = <char*> &view[0]
    cdef char* outcomes = base + <int> OUTCOMES
    with nogil:
        for batch in range(count):
            if me == 0:
                for i in range(BATCH):
                    bind(&places[i], base + PLACES + i * PLACE)
                    program.prepare(&places[i])
            goal += program.parties
            meet(<uint64_t*> (base + PREPARED), goal, 64)
            for i in range(BATCH):              # now: it would learn in between what another has done
                bind(&places[i], base + PLACES + i * PLACE)
            if me == 0:
                store_rlx(<uint64_t*> (base + START), now_ns() + 2000)
            meet(<uint64_t*> (base + READY), goal, 20000)       # all of them are running
            start = load_rlx(<uint64_t*> (base + START))
            for i in range(BATCH):
                place = &places[i]
                noise ^= noise << 13
                noise ^= noise >> 7
                noise ^= noise << 17
                start += INTERVAL
                while now_ns() < start:
                    pass
                for _ in range(<int> (noise & 3)):      # who is first varies
                    pause()
                (<int64_t*> (place.memory + RESULTS + me * 128))[0] = program.part(place, me)
            meet(<uint64_t*> (base + DONE), goal, 64)
            if me == 0:
                for i in range(BATCH):
                    place = &places[i]
                    outcome = <int64_t*> outcomes + (batch * BATCH + i) * NUMBERS
                    for j in range(NUMBERS - 1):
                        outcome[j] = 0
                        if j < program.parties:
                            outcome[j] = (<int64_t*> (place.memory + RESULTS + j * 128))[0]
                    outcome[NUMBERS - 1] = program.final(place)
