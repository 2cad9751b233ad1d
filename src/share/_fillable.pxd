# Arguments of which the caller of a method has another copy.

cdef enum:
    FILLED = 1                  # something that can be brought up to date where the caller has it
    CHANGED = 2                 # an object: it cannot

cpdef bint is_fillable(cls) except -1
# Which of these there are among the arguments of a call.
cdef int may_be_filled(tuple args, dict kwargs) except -1
