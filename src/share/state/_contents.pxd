# What a node holds, whole: written when it is born, and when a cell gets a new base.
from cpython.object cimport PyObject

from share.state._nodes cimport Bytes, Cell
from share.state._shapes cimport Shape

# The birth of a node and its content. What has to be hashed on arrival, and therefore comes last, goes into the list.
cdef int write_node(PyObject* object, Cell* cell, Bytes* births, Bytes* fills, list hashed) except -1
cdef bytes encode_opaque(object value)
# id of an opaque node that has been renewed -> the first one that it had
cdef dict first_ids
cdef bint is_opaque(Shape shape) noexcept
