# What a predicate reads, noted while it runs; so who waits for the predicate knows what to wait for.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._control cimport Control
from .._layout cimport Slot

cdef int noting                     # predicates that run now, in any thread: every read of shared state looks here

# A read of that slot, whose owner has that id. An error (another share's) is kept for the end of the predicate.
cdef void note(Control control, const Slot* slot, uint64_t owner) noexcept
# Raises RuntimeError if this thread runs a predicate: a command in it would be sent again and again.
cdef int refuse_in_predicate() except -1


cdef class Watch:
    cdef Control control            # of the share that was read; None: nothing has been
    cdef const Slot** slots
    cdef Py_ssize_t count, room
    cdef set seen                   # their addresses
    cdef list processes             # words of processes that were asked whether they live, and did
    cdef readonly uint32_t classes  # to sleep for
    cdef readonly uint64_t since    # C before the predicate ran
    cdef object error

    cdef int add(self, const Slot* slot, uint64_t owner) except -1
    cdef bint published(self) noexcept nogil
    cdef bint changed(self) noexcept
