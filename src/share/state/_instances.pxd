# Instances that record how their attributes change.
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

from share.state._nodes cimport Cell
from share.state._shapes cimport Shape

# From now on changes of attributes of a class's instances are seen; for classes where they cannot be, it is
# noted that the instances have to be compared.
cdef int prepare(Shape shape) except -1
# [(name, value), ...] of all attributes, without making a __dict__.
cdef list attributes_of(object self, Shape shape)
# The cell of an attribute of a top-level object, NULL if it has none.
cdef Cell* cell_of_attribute(uint64_t id, object name) except? NULL
# The same, made if need be.
cdef Cell* cell_for_setting(Cell* own, uint64_t id, object name) except NULL
cdef Cell* make_cell_of_attribute(uint64_t id, object name) except NULL
# id of a top-level object -> {name: number of the cell}
cdef dict cells_of_attributes
cdef int set_plain(object self, object name, PyObject* value) except -1
