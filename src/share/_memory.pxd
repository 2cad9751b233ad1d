# A primitive's memory: a writable buffer held while in use, with a checked header at its start.
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    LINE = 128
    HEADER_BYTES = LINE
    LAYOUT_VERSION = 1

# The header, in the first 128 bytes. `ready` is written last of all by the creator.
cdef struct Header:
    uint64_t magic              # which primitive
    uint64_t version            # LAYOUT_VERSION
    uint64_t bytes              # of the whole primitive
    uint64_t count              # cells, bytes or flags
    uint64_t owners             # entries of the table of producers, or 0
    uint64_t namespace          # the pid namespace in which its process words mean something
    uint64_t checksum           # of the six above
    uint64_t ready

cdef class Memory:
    cdef Py_buffer view         # held: the owner cannot unmap it meanwhile
    cdef char* base             # NULL once detached
    cdef uint64_t available     # bytes of the buffer
    cdef uint32_t holders       # waits and claims that point into the memory just now ...
    cdef uint32_t holders_forks  # ... in the process of that fork_count(): a child has none of its parent's

    cdef int hold(self, object buffer) except -1
    # Creator: unready (and the fields), then its own initialisation, then make_ready.
    cdef int begin_header(self, bytes magic, uint64_t count, uint64_t owners, uint64_t bytes_) except -1
    cdef void make_ready(self) noexcept
    cdef Header* read_header(self, bytes magic) except NULL
    cdef int check(self) except -1
    cdef void enter(self) noexcept              # one more holder, until
    cdef void quit(self) noexcept
    cdef void leave(self) noexcept              # gives up what the memory knows of this process

# An int argument in a range, or TypeError, ValueError that name it.
cdef uint64_t integer(object value, str name, uint64_t least, uint64_t most) except? 0
