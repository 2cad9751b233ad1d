# The control segment and the segments that it lists, as one process has them mapped.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ._layout cimport Slot
from ._ringbuf cimport MPSC
from ._segment cimport Segment

cdef enum:
    BACKSTOP_NS = 500000000         # longest uninterrupted sleep; a wake-up normally ends it
    FIRST_SLEEP_NS = 10000000       # a wait's first sleep; then it proves, at growing intervals, that somebody works
    MOST_RESCUES = 12               # that begin at one C: then the state itself kills its coordinators
    MOST_STARTS = 3                 # of coordinators, as long as none has got as far as to take the role
    PATIENT_RESCUES = 10            # of those, that give up for want of memory; later ones mark what they cannot load
    FAST_RESCUES = 3                # that are made without a pause
    FIRST_PAUSE_NS = 20000000       # before the next one; each is twice as long as the one before it
    LONGEST_PAUSE_NS = 1000000000
    COMPLAIN_NS = 5000000000        # after this long a wait says in the log what it waits for

# What processes wait for on the word of changes, a bit each; the rest are classes of what commits publish.
cdef enum:
    PUBLISHED = (1 << 27) - 1
    DIED = 1 << 27                  # a process that used the share
    LINE = 1 << 28                  # who is first among those who wait to run a command
    ROOM = 1 << 29                  # in the command ring
    ANSWERS = 1 << 30
    ALL_CHANGES = 0x7fffffff


cdef inline uint32_t change_class(uint64_t owner) noexcept nogil:
    # By the id of the object or name that a slot serves, which is the same number in every process.
    return <uint32_t>1 << owner % 27


# What the role word says of its process.
cdef enum:
    ROLE_COORDINATOR = 0
    ROLE_RESCUER = 1
    FIRST_EPOCH = 1                 # that of the owner, who starts the first coordinator


cdef inline uint64_t role_word(uint64_t epoch, uint64_t state, uint64_t entry) noexcept nogil:
    return epoch << 32 | state << 16 | entry


# One wait, from its first sleep on.
cdef struct Wait:
    int64_t start
    int64_t timeout                 # ns, negative: none
    int64_t next_proof              # when to look again whether the coordinator lives
    bint complained


cdef inline int64_t sleep_length(const Wait* wait, int64_t now) noexcept nogil:
    # As long as the wait has lasted so far: a coordinator that dies is missed after at most that time.
    cdef int64_t rest = now - wait.start
    rest = FIRST_SLEEP_NS if rest < FIRST_SLEEP_NS else BACKSTOP_NS if rest > BACKSTOP_NS else rest
    if wait.timeout >= 0 and wait.start + wait.timeout - now < rest:
        rest = wait.start + wait.timeout - now
    return rest


cdef class Control:
    cdef readonly str name
    cdef char* base
    cdef MPSC ring
    cdef readonly uint64_t cells
    cdef uint64_t* commit           # C
    cdef uint64_t* wide             # share-wide flag
    cdef uint64_t* references
    cdef void note_references(self) noexcept nogil
    cdef void count_linking(self, int64_t change) noexcept nogil
    cdef uint64_t* root_flag
    cdef uint32_t* wait_work
    cdef uint32_t* wait_commit
    cdef uint32_t* wait_room
    cdef uint32_t* wait_change      # of those who wait for what a commit publishes ...
    cdef uint32_t* awaited          # ... and what that is
    cdef Slot* directory
    cdef Slot* errors
    cdef Segment segment
    cdef list attached              # Segment or None, by index
    cdef char** bases
    cdef public object rescuer      # called with this object when the coordinator is proven dead
    cdef uint64_t* sizes

    cdef inline uint64_t* word(self, uint64_t offset) noexcept nogil:
        return <uint64_t*>(self.base + offset)

    cdef uint64_t* process(self, uint64_t entry, uint64_t field) noexcept nogil
    cdef int64_t take_entry(self, uint64_t first, uint64_t end, uint64_t serial) noexcept
    cdef int note_registration(self, uint64_t entry, bint even_if_ending) except -1
    cdef uint64_t next_serial(self) noexcept nogil
    cdef bint await_entry(self) except -1
    cdef bint has_gone(self, uint64_t entry) noexcept nogil
    cdef char* at(self, uint64_t where, uint64_t length) except NULL
    cdef int reserve(self, uint64_t where, uint64_t length) except -1
    cdef int give_back(self, uint64_t where, uint64_t length) except -1
    # The slot of a cell of nodes. NULL: its page is not there (yet), so C was read before the cell was.
    cdef Slot* cell_slot(self, uint64_t cell) except? NULL
    cdef int attach_segment(self, uint64_t index) except -1
    cdef uint64_t add_segment(self, uint32_t kind, uint64_t size, uint64_t reserved=*) except? 0xffffffff
    cdef uint64_t committed(self) noexcept nogil
    cdef uint64_t await_commit(self, uint64_t position, int64_t timeout_ns) except? 0xffffffffffffffff
    cdef uint32_t to_leave(self, uint64_t mine) noexcept nogil
    cdef uint64_t want(self, uint64_t entry, uint32_t n, uint64_t number) noexcept nogil
    cdef void unwant(self, uint64_t mine) noexcept nogil
    cdef void forget_wanted(self, uint64_t entry) noexcept nogil
    cdef int await_room(self, uint32_t n, int64_t timeout_ns, uint64_t mine=*) except -1
    cdef bint begin_wait(self, uint64_t until) except -1
    cdef bint is_met(self, uint64_t until) noexcept nogil
    cdef bint waits_for(self, Control first) except -1
    cdef int _check(self, Wait* wait, int64_t now, uint64_t position, str what) except -1
    cdef int look_after(self) except -1
    cdef void wake_waiters(self, uint32_t classes) noexcept nogil
    cdef bint coordinator_lost(self) noexcept nogil
    cpdef uint64_t backlog(self)
