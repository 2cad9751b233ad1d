# The objects of one value that may be met again, and where they were written.
cdef struct Place:
    void* value                     # a strong reference; NULL = nothing here
    Py_ssize_t offset               # of its tag, from the start of the value
    bint is_open                    # an immutable container whose items are not all written yet

cdef struct Seen:
    Place* places                   # open addressing, `mask + 1` places
    Py_ssize_t mask                 # -1 = no table yet
    Py_ssize_t used

cdef Place* find_place(Seen* seen, void* value) noexcept    # where it is, or where it would go
cdef int make_room(Seen* seen) except -1                    # before find_place, so that one more fits
cdef void forget_all(Seen* seen) noexcept
