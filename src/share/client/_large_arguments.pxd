# Arguments of commands that are too large for the ring.
from libc.stdint cimport uint64_t

from .._arena cimport Region
from ._attachment cimport Attachment

cdef Region store_arguments(Attachment session, const char* data, uint64_t size, uint64_t serial)
cdef int await_spill_room(Attachment session, uint64_t size) except -1
cdef int make_spill(Attachment session, str name, bytes payload) except -1
