"""What a node holds, whole: written when it is born, and when a cell gets a new base.

The content of a node by its kind: of lists and sets the count and the items; of dicts the count and key, value, key,
value (a defaultdict's factory first); of deques 0 or the greatest length + 1, then as of a list; of bytearrays and
arrays size and bytes; of opaque objects size and what share.cerial makes of them. Instances, and after the rest those of subclasses of
containers, have count and name, value, name, value.
"""

cimport cython

import collections

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport Py_TYPE, PyObject
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t
from libc.string cimport memset

from share.cerial._codec cimport Encoder
from share.cerial._kinds cimport Kind
from share.state cimport _nodes, _record
from share.state._arrays cimport content_of_array
from share.state cimport _operations as operations
from share.state._instances cimport attributes_of, make_cell_of_attribute
from share.state._nodes cimport ID, TOP, Bytes, Cell, Node, append, find, number, object_of, release, reserve, touch
from share.state._record cimport kind_of_node, put, put_kind
from share.state._shapes cimport EITHER, Shape, shape_of
from share.state._values cimport put_scalar

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object, Py_ssize_t) noexcept
    Py_ssize_t PyDict_Size(object) except -1
    Py_ssize_t PySet_GET_SIZE(object) noexcept
    int PyGC_Disable() noexcept
    int PyGC_Enable() noexcept

from share.cerial import loads
from share.errors import NotShareableError
from share.state._unreadable import Unreadable

_nodes.here = _nodes.registry()
cdef object plain_iter_of_set = set.__iter__
cdef object ordered_items = collections.OrderedDict.items


cdef int write_node(PyObject* object, Cell* cell, Bytes* births, Bytes* fills, list hashed) except -1:
    cdef Node* node = find(object)
    cdef Node was = node[0]                     # the table may move
    cdef uint64_t id = was.id & ID
    cdef Shape shape = shape_of(<object>Py_TYPE(<object>object))
    cdef Bytes aside
    reserve(births, 24)
    births.data[births.size] = operations.BORN
    births.size += 1
    number(births, id)
    put_kind(births, shape, <object>object)
    if is_opaque(shape):
        data = encode_opaque(<object>object)
        put_bytes(births, data)
        if id in first_ids:
            put_operation(fills, operations.RENEWED, id)
            reserve(fills, 10)
            number(fills, first_ids[id])
        return 0
    if was.id & TOP:
        return write_top(<object>object, cell, id, shape, births, fills)
    memset(&aside, 0, sizeof(Bytes))
    try:
        put_operation(&aside, operations.FILL, id)
        if write_content(<object>object, cell, &aside, shape):
            hashed.append((id, PyBytes_FromStringAndSize(aside.data, aside.size)))
        else:
            append(fills, aside.data, aside.size)
    finally:
        release(&aside)
    return 0


cdef bint is_opaque(Shape shape) noexcept:
    return shape.kind == EITHER and not shape.is_frozen or shape.kind == _nodes.OPAQUE


cdef inline int put_operation(Bytes* to, int operation, uint64_t id) except -1:
    reserve(to, 24)
    to.data[to.size] = <char>operation
    to.size += 1
    number(to, id)
    return 0


cdef int write_top(
    object self, Cell* own, uint64_t id, Shape shape, Bytes* births, Bytes* fills
) except -1:
    """A top-level object: its attributes are at home in cells of their own."""
    cdef Cell* cell
    for name, value in attributes_of(self, shape):
        cell = make_cell_of_attribute(id, name)
        touch(cell)
        put_operation(fills, operations.HOME, id)
        put(own, fills, <PyObject*>name)
        reserve(fills, 10)
        number(fills, cell.number)
        put_operation(&cell.fills, operations.ATTRIBUTE_SET, id)
        put(cell, &cell.fills, <PyObject*>name)
        put(cell, &cell.fills, <PyObject*>value)
    return 0


cdef bint write_content(object self, Cell* cell, Bytes* to, Shape shape) except -1:
    """Whether something that is no scalar will be hashed on arrival."""
    cdef int kind = kind_of_node(shape) & ~_nodes.CLASSED
    cdef bint is_late = False
    if kind == _nodes.LIST:
        write_list(self, cell, to)
    elif kind == _nodes.SET:
        is_late = write_set(self, cell, to)
    elif kind == _nodes.DEQUE:
        reserve(to, 20)
        number(to, 0 if self.maxlen is None else self.maxlen + 1)
        write_items(list(collections.deque.__iter__(self)), cell, to)
    elif kind == _nodes.BYTEARRAY:
        reserve(to, 10)
        number(to, PyByteArray_GET_SIZE(self))
        append(to, PyByteArray_AS_STRING(self), PyByteArray_GET_SIZE(self))
        reserve(to, 10)
    elif kind == _nodes.ARRAY:
        put_bytes(to, content_of_array(self))
        reserve(to, 10)
    elif kind == _nodes.ORDERED:
        is_late = write_pairs(list(ordered_items(self)), cell, to)
    elif kind != _nodes.INSTANCE:
        if kind == _nodes.DEFAULT:
            put(cell, to, <PyObject*>self.default_factory)
        is_late = write_dict(self, cell, to)
    if kind == _nodes.INSTANCE or shape.kind & _nodes.CLASSED:
        write_pairs(attributes_of(self, shape), cell, to)
    return is_late


cdef int put_bytes(Bytes* to, bytes data) except -1:
    reserve(to, 10)
    number(to, PyBytes_GET_SIZE(data))
    return append(to, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


# What runs of user code while a value is encoded could change the object at hand: then its command fails.

cdef int write_list(object self, Cell* cell, Bytes* to) except -1:
    cdef Py_ssize_t i, count = PyList_GET_SIZE(self)
    reserve(to, 10)
    number(to, count)
    for i in range(count):
        if i >= PyList_GET_SIZE(self):
            break
        item = <object>PyList_GET_ITEM(self, i)
        put(cell, to, <PyObject*>item)
    if PyList_GET_SIZE(self) != count:
        raise RuntimeError("a list changed while it was encoded")
    return 0


cdef int write_items(list items, Cell* cell, Bytes* to) except -1:
    reserve(to, 10)
    number(to, len(items))
    for item in items:
        put(cell, to, <PyObject*>item)
    return 0


cdef bint write_set(object self, Cell* cell, Bytes* to) except -1:
    cdef bint is_late = False
    reserve(to, 10)
    number(to, PySet_GET_SIZE(self))
    for member in plain_iter_of_set(self):
        if not put_scalar(to, <PyObject*>member):
            is_late = True
            put(cell, to, <PyObject*>member)
    return is_late


cdef bint write_pairs(list pairs, Cell* cell, Bytes* to) except -1:
    cdef bint is_late = False
    reserve(to, 10)
    number(to, len(pairs))
    for key, value in pairs:
        if not put_scalar(to, <PyObject*>key):
            is_late = True
            put(cell, to, <PyObject*>key)
        put(cell, to, <PyObject*>value)
    return is_late


cdef bint write_dict(object self, Cell* cell, Bytes* to) except -1:
    cdef bint is_late = False
    cdef Py_ssize_t at = 0, count = PyDict_Size(self), met = 0
    cdef PyObject* c_key
    cdef PyObject* c_value
    reserve(to, 10)
    number(to, count)
    while met < count and PyDict_Next(self, &at, &c_key, &c_value):
        key = <object>c_key                     # held, whatever user code does meanwhile
        value = <object>c_value
        met += 1
        if not put_scalar(to, <PyObject*>key):
            is_late = True
            put(cell, to, <PyObject*>key)
        put(cell, to, <PyObject*>value)
    if met != count or PyDict_Size(self) != count:
        raise RuntimeError("a dict changed while it was encoded")
    return is_late


# ---- opaque objects: encoded whole, with the ids of nodes in them ----------------------------------------


def node_at(cell: int, id: int) -> object:
    """Stands for a node in the bytes of an opaque object; replicas give another meaning to it."""
    return _lookups[PyThread_get_thread_ident()](cell, id)


first_ids = {}
_lookups: dict[int, object] = {}            # by thread


def set_replica_lookup(lookup: object) -> object:
    """What finds a node for an opaque object that this thread is decoding (None: it is not); returns the one before."""
    thread = PyThread_get_thread_ident()
    before = _lookups.pop(thread, None)
    if lookup is not None:
        _lookups[thread] = lookup
    return before


cdef object as_node(object value):
    cdef Node* node = find(<PyObject*>value)
    if node == NULL or node.id & _nodes.HOST:
        return NotImplemented if _record.reduce_foreign is None else _record.reduce_foreign(value)
    return node_at, (node.cell, node.id & ID)


cdef list idle_encoders = []


@cython.binding(False)
cdef class Outermost:
    """Has everything but the opaque object itself reduced to what it is as a node."""

    cdef object outermost

    def __call__(self, value: object) -> object:
        return NotImplemented if value is self.outermost else as_node(value)


cdef bytes encode_opaque(object value):
    cdef Encoder encoder
    cdef Outermost outermost
    if type(value) is Unreadable:
        return value._share_content
    encoder = idle_encoders.pop() if idle_encoders else Encoder()
    outermost = Outermost.__new__(Outermost)
    outermost.outermost = value
    encoder.reduce = outermost
    encoder.fresh = fresh = set()
    try:
        encoder.encode(value, "an object")
        data = encoder.take()
    finally:
        # An encoder and its pickler hold each other, so it is kept, and holds nothing else.
        encoder.reduce = None
        encoder.fresh = None
        encoder.clear()
        if not encoder.busy and len(idle_encoders) < 4:
            idle_encoders.append(encoder)
    if fresh:
        try_decoding(data, fresh)
    return data


cdef object node_of(object cell, object id):
    return <object>object_of(id)


cdef int try_decoding(bytes data, set fresh) except -1:
    """What is published must be loadable: so far no instances of these classes have been decoded here."""
    cdef Kind kind
    before = set_replica_lookup(node_of)
    try:
        loads(data)
    except BaseException as error:
        raise NotShareableError(
            f"it can be encoded, but not decoded again: {type(error).__name__}: {error}"
        ) from error
    finally:
        set_replica_lookup(before)
    for kind in fresh:
        kind.decoded = True
    return 0
