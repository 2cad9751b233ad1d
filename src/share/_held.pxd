# Which nodes a process has proxies of: a table in shared memory that the process alone writes.
#
#      0 | how many entries are used, the first included; forks whose child has |
#        | not yet written what it holds                                        |
#     16 | entry 1: {id of the node, position until which it holds that}        |
#     32 | entry 2 ...                                                          |
#
# An entry without an id, or whose position C has passed, holds nothing and is used again.
from libc.stdint cimport uint64_t

from ._control cimport Control
from ._segment cimport Segment

cdef extern from *:
    const uint64_t FOREVER "UINT64_MAX"
    # An id with this bit is the position of a command: its answer has been taken and is still to be decoded.
    const uint64_t TAKEN "(1ULL << 63)"


cdef struct Hold:
    uint64_t id
    uint64_t until


# A forked child that has not yet written what it holds: a pipe that ends when it has, or with the child.
cdef class Fork:
    cdef int reading, writing       # -1: none
    cdef uint64_t inode             # somebody may have closed the descriptors, and their numbers name other files

    cdef void close(self, int* descriptor) noexcept
    cdef bint has_ended(self) noexcept


# What the process knows of an entry of its own.
cdef struct Own:
    uint64_t id, until
    uint64_t next                   # in a chain of entries that can be used again


cdef class Held:
    cdef Control control
    cdef Segment segment            # None: this process is not registered, or has not had a proxy of a part
    cdef Hold* entries              # in there
    cdef uint64_t reserved          # so many of them have memory
    cdef uint64_t last_sent         # end of the last command that this process has sent
    cdef Own* own
    cdef uint64_t room, used        # of these; how many are used, the first, which is none, included
    cdef uint64_t free              # chain of those that can be used again at once
    cdef uint64_t oldest, youngest  # chain of those that can be when C has passed their position, in that order
    cdef readonly uint64_t living   # entries that hold until they are released
    cdef list forks                 # Fork
    cdef bint lacks_fork            # there was no descriptor for one

    # Has this process, which is registered with that entry and serial, say what it holds.
    cdef int open(self, uint64_t entry, uint64_t serial) except -1
    cdef void close(self) noexcept
    cdef int make_room(self, uint64_t count) except -1
    # An entry that holds a node: from here on seen by whoever looks into the tables after the next check of LOOKED.
    cdef uint64_t take(self, uint64_t id) except 0
    cdef void write(self, uint64_t entry) noexcept
    # Before a fork: until the child says that it holds the same, or has ended, nothing in the table is let go of.
    cdef bint begin_fork(self) noexcept
    cdef bint awaits_child(self) noexcept
    # It holds the node until C is at that position.
    cdef void release(self, uint64_t entry, uint64_t until) noexcept


# Holds a node as long as it lives itself.
cdef class Holding:
    cdef Held held
    cdef uint64_t entry


cdef Holding hold(Held held, uint64_t id)
cdef str held_name(str share, uint64_t serial)
# The entries of another process's table: None if there is none (any more).
# In the child.
cdef void end_fork(Segment parents) noexcept
cdef Segment open_table(str name)
cdef const Hold* entries_of(Segment segment, uint64_t* used, bint* awaits_child) noexcept
