# Nested proxies: mutable objects that are part of other objects' state.
from libc.stdint cimport uint32_t, uint64_t

from .._held cimport Holding
from .._layout cimport Slot
from ._proxy cimport Proxy
from ._replica cimport Tables
from ._session cimport Session


cdef class Nested(Proxy):
    # Of a part that is no node (an array, something that can only be encoded whole): it is known by the way there.
    cdef Proxy owner                # None: it is a node
    cdef uint32_t index             # the owner's cell that holds it
    cdef tuple path                 # from the owner, or from the node; see _paths.py
    cdef tuple inner                # from the value of the cell
    cdef bytes prefix               # the encoded head that begins each command

    cdef object find(self)
    cdef object value_of_owner(self)
    cdef object inside(self, Tables tables, tuple path, object value)
    cdef tuple head(self, str name)
    cdef object begin(self)
    cdef uint64_t* raised(self) except NULL
    cdef uint64_t send_encoded(self, int kind, int flags, bytes name, object encoder) except 0
    cdef int note_loops(self) except -1


# A proxy that nobody else will get: of what is at a path in an object, or in a node.
cdef Nested new_nested(Proxy owner, uint32_t index, tuple path, object cls)
cdef Nested new_node(Session session, uint64_t id, uint64_t home, tuple path, object cls)
# Holds a node that has been read; None: it has gone meanwhile. `slot`: what refers to it, if that had `tag` when it was
# read; NULL: the node has been found in the replica.
cdef Holding hold_node(Session session, uint64_t id, uint64_t home, const Slot* slot, uint64_t tag)
# How a command names an object: (id of the object, head).
cdef tuple place_of(Proxy proxy, str name, tuple steps)
# The flag of whatever may change in an object, or in the one in which a part is at home.
cdef uint64_t* wildcard_of(Proxy proxy) except NULL
