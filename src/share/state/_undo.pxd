# Taking back what a command has done to nodes.
cdef int undo_all() except -1
