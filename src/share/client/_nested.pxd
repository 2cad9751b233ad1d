# Nested proxies: a mutable object that is part of another object's state, named by its path.
from libc.stdint cimport uint32_t, uint64_t

from ._proxy cimport Local, Proxy, Snapshot


cdef class Nested(Proxy):
    cdef Proxy owner
    cdef uint32_t index             # the owner's cell that holds it
    cdef tuple path                 # from the owner; see _paths.py
    cdef bint together              # the cell is one of several attributes, a dict
    cdef tuple inner                # from the value of the cell, or what it has under the attribute's name
    cdef bytes prefix               # the encoded path that begins each command
    cdef uint64_t seen              # serial of the owner's snapshot in which `found` was looked up
    cdef object found
    cdef Local own                  # has `found` as its instance

    cdef object look(self)
    cdef object begin(self)
    cdef uint64_t send_encoded(self, int kind, int flags, bytes name, object encoder) except 0


# A proxy that nobody else will get.
cdef Nested new_nested(Proxy owner, uint32_t index, tuple path, object cls)
cdef object nested(Proxy owner, uint32_t index, tuple path, object cls)
