# Which process is meant, and whether it is certainly dead.
from libc.stdint cimport uint32_t, uint64_t

# A process word: the pid in the low 22 bits, above it the start time in clock ticks since boot (42 bits).
# Never 0 and, unlike a pid, never used twice.
cdef uint64_t process_word() noexcept nogil                 # of this process; correct after fork too
# True only if the whole thread group has exited (a zombie counts). Word 0 is nobody: False.
cdef bint proven_dead(uint64_t word) noexcept nogil
# A pidfd for exactly that process (the caller closes it); -1: it is gone; -2: there are no pidfds here.
cdef int open_pidfd(uint64_t word) noexcept nogil
cdef uint64_t pid_namespace() noexcept nogil                # its inode, 0 where unknown
cdef uint32_t fork_count() noexcept nogil                   # forks between the first process and this one
