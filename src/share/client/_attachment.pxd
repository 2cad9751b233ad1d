# What a process holds of a share.
from libc.stdint cimport int64_t, uint64_t

from .._arena cimport Arena
from .._control cimport Control

cdef uint64_t forks                 # how many lie between this process and the first

cdef int64_t nanoseconds(timeout) except -2


cdef class Attachment:
    cdef readonly Control control
    cdef readonly str name
    cdef int64_t entry              # in the process table, -1 before the first command (and after a fork)
    cdef uint64_t serial
    cdef object opening             # lock: one thread registers this process, or opens its response ring
    cdef Arena arguments            # of commands that are too large for the ring; None before the first
    cdef uint64_t spills            # number of the last
    cdef object queued_spills       # deque of (end position, bytes) of those that may still be needed
    cdef uint64_t queued_bytes
    cdef public object bridge       # what serves those who do not wait in a thread of theirs; None before the first
    cdef int loops                  # open blocks of ``in_loop``, of any thread
    cdef int limits                 # open blocks of ``limited``, of any thread
    cdef public bint on_full_raises
    cdef int waiting_blocks
    cdef readonly object local      # thread-local: .waiting
    cdef public object owner_state  # what only the owner has; None elsewhere
    cdef object __weakref__

    cdef int register(self) except -1
    cdef int64_t patience(self) except -2
    cdef bint goes_behind(self) except -1
    cdef object ended_error(self, str message)
    cdef int check_registered(self, uint64_t serial) except -1
