"""How a change is recorded while it happens: its operands, and the nodes that are born by it."""

import sys

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport Py_TYPE, PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memset

from share.cerial cimport _tags as tags
from share.cerial._codec cimport Encoder
from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._nodes cimport (
    Bytes,
    Cell,
    Node,
    add_node,
    append,
    find,
    new_cell,
    note_birth,
    number,
    release,
    reserve,
    rotate,
    touch,
    withdraw,
)
from share.state._shapes cimport EITHER, is_sentinel, NAMED_TUPLE, Shape, shape_of
from share.state._values cimport put_scalar

from share.state._shapes import is_value_of

cdef extern from "Python.h":
    Py_ssize_t PyTuple_GET_SIZE(PyObject*) noexcept
    PyObject* PyTuple_GET_ITEM(PyObject*, Py_ssize_t) noexcept

_nodes.here = _nodes.registry()
places_of_opaque = {}
encoded_foreign = None
reduce_foreign = None
far_opaque = {}
far_cells = set()
cdef list idle_encoders = []


cdef int set_foreign(object encoded, object reduce) except -1:
    global encoded_foreign, reduce_foreign
    encoded_foreign, reduce_foreign = encoded, reduce
    return 0


cdef bint put_foreign(Bytes* to, object value) except -1:
    """False: the object is not foreign."""
    cdef bytes data
    if encoded_foreign is None:
        return False
    data = encoded_foreign(value)
    if data is None:
        return False
    put_head(to, operations.VALUE, PyBytes_GET_SIZE(data))
    append(to, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return True


cdef int put_class(Bytes* to, int class_number) except -1:
    reserve(to, 10)
    number(to, class_number)
    return 0


cdef int put_reference(Cell* cell, Bytes* to, Node* node) except -1:
    cdef Shape shape
    if node.id & _nodes.HOST and put_foreign(to, <object>node.object):
        return 0
    reserve(to, 40)
    if node.cell == cell.number:
        to.data[to.size] = operations.NODE
        to.size += 1
        number(to, node.id & _nodes.ID)
        return 0
    shape = shape_of(<object>Py_TYPE(<object>node.object))
    to.data[to.size] = operations.FAR
    to.size += 1
    number(to, node.cell)
    number(to, node.id & _nodes.ID)
    put_kind(to, shape, <object>node.object)
    far_cells.add(<uint64_t>cell.number << 32 | node.cell)
    if shape.kind == EITHER and not shape.is_frozen:
        (<set>far_opaque.setdefault(node.id & _nodes.ID, set())).add(cell.number)
    return 0


cdef int put_kind(Bytes* to, Shape shape, object node) except -1:
    reserve(to, 12)
    to.data[to.size] = <char>(_nodes.OPAQUE if shape.kind == EITHER and not shape.is_frozen else kind_of_node(shape))
    to.size += 1
    if shape.kind == _nodes.ARRAY:
        number(to, ord(node.typecode))
    elif shape.number >= 0 and shape.kind != NAMED_TUPLE:
        number(to, shape.number)
    return 0


cdef int kind_of_node(Shape shape) noexcept:
    return _nodes.INSTANCE | _nodes.CLASSED if shape.kind == EITHER else shape.kind


cdef int bear(Cell* cell, Bytes* to, PyObject* value, Shape shape) except -1:
    """An object becomes a node, at home where it is stored; what it holds is written at the end of the command."""
    cdef Cell* home = cell if cell.number else new_cell()
    cdef uint64_t bits = _nodes.FRESH
    if cell.number == 0 and shape.kind == _nodes.INSTANCE | _nodes.CLASSED:
        bits |= _nodes.TOP
    note_birth(value)
    add_node(value, home, bits)
    touch(home)
    if shape.kind == EITHER and not shape.is_frozen:
        note_place(value)
    return put_reference(cell, to, find(value))


cdef int note_place(PyObject* value) except -1:
    try:
        frame = sys._getframe()
        places_of_opaque[find(value).id & _nodes.ID] = (frame.f_code.co_filename, frame.f_lineno)
    except ValueError:
        pass                                    # no Python code is running
    return 0


cdef int put_long_operand(Cell* cell, PyObject* value) except -1:
    cdef size_t start = cell.open, end = cell.records.size
    cdef Bytes operand
    if put_simple(cell, &cell.records, value):
        return 0
    # User code may run: the operand is written aside, so that what is recorded meanwhile finds no half a record.
    memset(&operand, 0, sizeof(Bytes))
    try:
        put_any(cell, &operand, <object>value)
        if cell.records.size != end:
            rotate(&cell.records, start, end)
            start = cell.records.size - (end - start)
            end = cell.records.size
        cell.open = start
        append(&cell.records, operand.data, operand.size)
    except BaseException:
        withdraw(&cell.records, start, end)
        raise
    finally:
        release(&operand)
    return 0


cdef int put_other(Cell* cell, Bytes* to, PyObject* value) except -1:
    if put_simple(cell, to, value):
        return 0
    return put_any(cell, to, <object>value)


cdef int put_simple(Cell* cell, Bytes* to, PyObject* value) except -1:
    """1: written; 0: it takes more, of which some may be user code."""
    cdef Node* node
    cdef size_t before
    cdef Py_ssize_t i, count
    cdef Shape shape
    cdef object cls
    if put_scalar(to, value):
        return 1
    node = find(value)
    if node != NULL:
        put_reference(cell, to, node)
        return 1
    cls = <object>Py_TYPE(<object>value)
    if cls is tuple:
        before = to.size
        count = PyTuple_GET_SIZE(value)
        put_head(to, tags.TUPLE, count)
        for i in range(count):
            if not put_scalar(to, PyTuple_GET_ITEM(value, i)):
                to.size = before
                return 0
        return 1
    if cls is frozenset:
        return 0
    shape = shape_of(cls)
    if shape.kind == EITHER or shape.kind == NAMED_TUPLE or is_sentinel(<object>value, shape):
        return 0
    if not put_foreign(to, <object>value):
        bear(cell, to, value, shape)
    return 1


cdef int put_head(Bytes* to, int tag, Py_ssize_t count) except -1:
    reserve(to, 12)
    to.data[to.size] = <char>tag
    to.size += 1
    number(to, count)
    return 0


cdef int put_any(Cell* cell, Bytes* to, object value) except -1:
    """A tuple as deep as it may be is no reason to recurse."""
    cdef list rest = [value]
    cdef Node* node
    cdef Shape shape
    cdef object cls
    while rest:
        value = rest.pop()
        if put_scalar(to, <PyObject*>value):
            continue
        node = find(<PyObject*>value)
        if node != NULL:
            put_reference(cell, to, node)
            continue
        cls = <object>Py_TYPE(value)
        if cls is tuple:
            put_head(to, tags.TUPLE, len(value))
            rest.extend(value[::-1])
            continue
        if cls is frozenset:
            put_head(to, tags.FROZENSET, len(value))
            rest.extend(value)
            continue
        shape = shape_of(cls)
        if shape.kind == NAMED_TUPLE:
            put_head(to, operations.RECORD, shape.number)
            items = tuple.__getitem__(value, slice(None, None, -1))
            reserve(to, 10)
            number(to, len(items))
            rest.extend(items)
            continue
        if put_foreign(to, value) or \
                (shape.kind == EITHER or is_sentinel(value, shape)) and put_value(to, shape, value):
            continue
        bear(cell, to, <PyObject*>value, shape)
    return 0


cdef bint put_value(Bytes* to, Shape shape, object value) except -1:
    """False: it is no value, or one that cannot be encoded; either way it is a node, which may be gone at the end."""
    cdef Encoder encoder
    try:
        if not is_value_of(shape, value):
            return False
    except Exception:
        return False
    encoder = idle_encoders.pop() if idle_encoders else Encoder()
    encoder.reduce = reduce_foreign
    try:
        encoder.encode(value, "a value")
        reserve(to, encoder.size + 12)
        put_head(to, operations.VALUE, encoder.size)
        append(to, encoder.data, encoder.size)
    except Exception:
        return False
    finally:
        encoder.reduce = None
        encoder.clear()
        if len(idle_encoders) < 4:
            idle_encoders.append(encoder)
    return True
