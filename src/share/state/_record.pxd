# How a change is recorded while it happens: the operands, nodes that are born by it, user code that gets in between.
#
#     begin(cell, OPERATION, id)                  the record is open
#     put_operand(cell, value) ...                on an error the record is withdrawn
#     start = cell.open; end = cell.records.size  only now: what ran meanwhile may have moved it
#     the built-in operation
#     failed(cell, start, end) or done(cell, start, end), and inverse(...)
from cpython.object cimport PyObject

from share.state._nodes cimport Bytes, Cell, Node, rotate, withdraw
from share.state._shapes cimport Shape
from share.state._values cimport put_short

# A value that is no short scalar.
cdef int put_other(Cell* cell, Bytes* to, PyObject* value) except -1
cdef int put_long_operand(Cell* cell, PyObject* value) except -1
cdef int put_class(Bytes* to, int number) except -1
# A name is given to an object of a cell: that of a node, and what it is.
cdef int put_reference(Cell* cell, Bytes* to, Node* node) except -1
# The kind of a node, and its class or typecode if need be.
cdef int put_kind(Bytes* to, Shape shape, object node) except -1
cdef int kind_of_node(Shape shape) noexcept
cdef int put_head(Bytes* to, int tag, Py_ssize_t count) except -1
# What could not be encoded when it was stored: where that was.
cdef dict places_of_opaque
# Foreign objects are no part of the state, and are referred to from it. Gives the encoded reference to one; None: the
# object is none.
cdef object encoded_foreign
# Another reducer for what is encoded whole: it knows foreign objects.
cdef object reduce_foreign
# id of an opaque node -> numbers of other cells in which it is referred to.
cdef dict far_opaque
# (a cell << 32 | another one to which it has got a reference): for whoever takes them out.
cdef set far_cells
cdef int set_foreign(object encoded, object reduce) except -1

cdef inline int put(Cell* cell, Bytes* to, PyObject* value) except -1:
    if put_short(to, value):
        return 0
    return put_other(cell, to, value)

# An operand of the record that is open.
cdef inline int put_operand(Cell* cell, PyObject* value) except -1:
    if put_short(&cell.records, value):
        return 0
    return put_long_operand(cell, value)

# The operation has happened: its record goes behind those of whatever happened during it.
cdef inline int done(Cell* cell, size_t start, size_t end) except -1:
    if cell.records.size != end:
        rotate(&cell.records, start, end)
    return 0

# It has not.
cdef inline void failed(Cell* cell, size_t start, size_t end) noexcept:
    withdraw(&cell.records, start, end)
