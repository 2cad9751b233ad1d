# Iterations over shared containers that are under way in this process.
from libc.stdint cimport uint64_t


cdef class Iteration:
    cdef Iterations loops                # those of the session; None: it is not, or no longer, one of them
    cdef object cell                # where what it goes over is, which is changed in place; None: that is not changed
    cdef uint64_t node              # its id; 0: it is no node
    cdef uint64_t* flag             # of the attribute in which it is; NULL: none is known
    cdef uint64_t* wildcard
    cdef unsigned long thread
    cdef bint own                   # its thread has written to what it goes over

    # What it goes over is about to be changed: it copies what is left of it.
    cdef int keep_rest(self) except -1


cdef class Iterations:
    cdef dict under_way             # their addresses

    cdef int add(self, Iteration loop) except -1
    # This thread has sent a call with these flags; NULL: of anything.
    cdef int note_call(self, uint64_t** raised, int count) except -1
    # A command on a node. Gives the loops over other nodes, which it may reach.
    cdef list note_node(self, uint64_t node)
    # Nodes of a cell are about to be changed.
    cdef int moving(self, object cell) except -1


# Whether one object of a replica can be reached from another; also if that takes too long to say. No user code runs.
cdef bint reaches(object start, object wanted) except -1
cdef int leave(Iteration loop) except -1
