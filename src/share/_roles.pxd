# Who is registered with a share, and who is its coordinator.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ._mapped cimport Mapped

cdef enum:
    MOST_RESCUES = 12               # that begin at one C: then the state itself kills its coordinators
    MOST_STARTS = 3                 # of coordinators, as long as none has got as far as to take the role
    PATIENT_RESCUES = 10            # of those, that give up for want of memory; later ones mark what they cannot load
    FAST_RESCUES = 3                # that are made without a pause
    FIRST_PAUSE_NS = 20000000       # before the next one; each is twice as long as the one before it
    LONGEST_PAUSE_NS = 1000000000


# What the role word says of its process.
cdef enum:
    ROLE_COORDINATOR = 0
    ROLE_RESCUER = 1
    FIRST_EPOCH = 1                 # that of the owner, who starts the first coordinator


cdef inline uint64_t role_word(uint64_t epoch, uint64_t state, uint64_t entry) noexcept nogil:
    return epoch << 32 | state << 16 | entry


cdef class Roles(Mapped):
    cdef public object rescuer      # called with this object when the coordinator is proven dead

    cdef uint64_t* process(self, uint64_t entry, uint64_t field) noexcept nogil
    cdef int64_t take_entry(self, uint64_t first, uint64_t end, uint64_t serial) noexcept
    cdef int note_registration(self, uint64_t entry, bint even_if_ending) except -1
    cdef uint64_t next_serial(self) noexcept nogil
    cdef bint await_entry(self) except -1
    cdef bint has_gone(self, uint64_t entry) noexcept nogil
    cdef int look_after(self) except -1
    cdef void wake_waiters(self, uint32_t classes) noexcept nogil
    cdef bint coordinator_lost(self) noexcept nogil
