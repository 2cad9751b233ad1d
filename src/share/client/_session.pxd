# What commands are sent through.
from libc.stdint cimport uint64_t

from .._control cimport Control
from ..cerial._codec cimport Encoder
from ._iterations cimport Iterations
from ._responses cimport Receiver


cdef class Session


cdef class Shared:
    pass


cdef class ArgumentReducer:
    cdef Control control


cdef void note_reference(Control control) noexcept
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


cdef class Session(Receiver):
    cdef uint64_t wants             # how often somebody here has waited for several cells
    cdef Encoder spare
    cdef object reduce_argument
    cdef Iterations over            # containers: loops that are under way
    cdef public bint assignments_queue  # also those that may raise
    cdef public uint64_t last_sent
    cdef public uint64_t last_raised
    cdef public bint writes_wait
    cdef object proxies             # id -> proxy, weak
    cdef public object reader       # of nodes; None before the first
    cdef dict classes               # shape locator -> generated proxy class

    cdef Encoder borrow(self)
    cdef void give_back(self, Encoder encoder) noexcept
    cdef uint64_t send(self, int kind, int flags, uint64_t target, bytes name, Encoder payload,
                       uint64_t** raised, int count) except 0
    cdef bint must_wait(self)
    cdef uint64_t barrier(self, uint64_t position) except? 0xffffffffffffffff
