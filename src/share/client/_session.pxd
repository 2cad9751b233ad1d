# One process's attachment to a share: it sends commands and takes responses.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._arena cimport Arena, Region
from .._control cimport Control
from .._held cimport Held
from .._layout cimport Slot, Version
from .._ringbuf cimport SPSC
from .._segment cimport Segment
from ..cerial._codec cimport Encoder
from ._iterations cimport Iterations


cdef class Session


cdef class Shared:
    pass


cdef class ArgumentReducer:
    cdef Control control


cdef void note_reference(Control control) noexcept
cdef int64_t nanoseconds(timeout) except -2
# Before a read is tried again that a publication has overtaken.
cdef int pause_before_retry(Session session, int* attempts) except -1


cdef enum:
    MOST_RAISED = 64                # flags of one command


# A command that found no room, to be sent again: see ``Session.resend``.
cdef class Unsent:
    cdef int kind, flags, count
    cdef uint64_t target
    cdef bytes name, payload
    cdef uint64_t* raised[MOST_RAISED]


cdef class Session:
    cdef readonly Control control
    cdef readonly str name
    cdef int64_t entry              # in the process table, -1 before the first command (and after a fork)
    cdef uint64_t serial
    cdef uint64_t spills            # number of the last
    cdef uint64_t wants             # how often somebody here has waited for several cells
    cdef Arena arguments            # of commands that are too large for the ring; None before the first
    cdef Segment large_answers      # where the coordinator puts them; None before the first
    cdef bint answers_gone          # it is not there any more: the share has been closed
    cdef object queued_spills       # deque of (end position, bytes) of those that may still be needed
    cdef uint64_t queued_bytes
    cdef Encoder spare
    cdef object reduce_argument
    cdef object opening             # lock: one thread registers this process, or opens its response ring
    cdef Segment response_segment
    cdef SPSC responses
    cdef int outstanding            # calls whose response has not been taken from the ring
    cdef dict arrived               # end position -> (kind, payload)
    cdef set abandoned
    cdef Held held                  # nodes that this process has proxies of
    cdef dict taken                 # end position -> entry in there, of answers with nodes that are still to be decoded
    cdef dict expected              # end position -> ticket, of those who do not wait in a thread of theirs
    cdef object delivered           # deque of (ticket, position, kind, payload), for the bridge
    cdef public object bridge       # what serves them; None before the first
    cdef Iterations over                 # containers: loops that are under way
    cdef int loops                  # open blocks of ``in_loop``, of any thread
    cdef int limits                 # open blocks of ``limited``, of any thread
    cdef public bint on_full_raises
    cdef public bint assignments_queue  # also those that may raise
    cdef public uint64_t last_sent
    cdef public uint64_t last_raised
    cdef public bint writes_wait
    cdef int waiting_blocks
    cdef readonly object local      # thread-local: .waiting
    cdef object proxies             # id -> proxy, weak
    cdef public object reader       # of nodes; None before the first
    cdef dict classes               # shape locator -> generated proxy class
    cdef public object owner_state  # what only the owner has; None elsewhere
    cdef object __weakref__

    cdef int64_t patience(self) except -2
    cdef bint goes_behind(self) except -1
    cdef Encoder borrow(self)
    cdef void give_back(self, Encoder encoder) noexcept
    cdef int register(self) except -1
    cdef int open_held(self) except -1
    cdef int note_decoded(self, uint64_t position) except -1
    cdef uint64_t send(self, int kind, int flags, uint64_t target, bytes name, Encoder payload,
                       uint64_t** raised, int count) except 0
    cdef int reserve_response(self, uint64_t serial) except -1
    cdef int check_registered(self, uint64_t serial) except -1
    cdef Region store_arguments(self, const char* data, uint64_t size, uint64_t serial)
    cdef int open_arguments(self, uint64_t serial) except -1
    cdef bint await_memory(self) except -1
    cdef int await_spill_room(self, uint64_t size) except -1
    cdef int make_spill(self, str name, bytes payload) except -1
    cdef int open_responses(self, uint64_t serial) except -1
    cdef int drain(self) except -1
    cdef tuple large_answer(self, uint32_t kind, const char* reference, uint64_t size)
    cdef str answer_name(self, uint64_t position)
    cdef int throw_away(self, uint64_t position, int kind) except -1
    cdef object decoded(self, uint64_t position, int kind, data)
    cdef object await_response(self, uint64_t position, object timeout)
    cdef bint must_wait(self)
    cdef uint64_t barrier(self, uint64_t position) except? 0xffffffffffffffff
