# Logs of changes: how a container's state is published as a base and what has been done to it since.
#
# An entry: {size u32, name length u16, arguments u16}, the method's name, its encoded arguments, padding to a
# multiple of 8 bytes. The size is that of the whole entry; `arguments` is 0: none, 1: positional, 2: and keywords.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

cdef enum:
    LEAST_BASE = 256            # a smaller state is published whole
    LEAST_LOG = 4096            # a log may be as long as this, or half its base, before the state is published anew

cdef struct Entry:
    uint32_t size
    uint16_t name_length
    uint16_t arguments

cdef object replay(object value, const char* data, uint64_t size)
cdef bytes entry(bytes name, bint keywords, const char* data, uint64_t size)
cdef bint is_logged(object cls, bytes name)
cdef bint has_log(object cls)
