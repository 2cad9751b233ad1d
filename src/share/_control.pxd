# The control segment, and waiting on its words.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ._roles cimport Roles

cdef enum:
    BACKSTOP_NS = 500000000         # longest uninterrupted sleep; a wake-up normally ends it
    FIRST_SLEEP_NS = 10000000       # a wait's first sleep; then it proves, at growing intervals, that somebody works
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


cdef class Control(Roles):
    cdef void note_references(self) noexcept nogil
    cdef void count_linking(self, int64_t change) noexcept nogil
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
    cpdef uint64_t backlog(self)
