"""Bytearrays that record what is done to them."""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._nodes cimport Cell, append, begin, home, inverse, number, reserve
from share.state._types cimport (
    METH_FASTCALL,
    METH_NOARGS,
    METH_O,
    Blueprint,
    Py_mp_ass_subscript,
    Py_sq_ass_item,
    Py_sq_inplace_concat,
    Py_sq_inplace_repeat,
    Py_tp_init,
)

cdef extern from "Python.h":
    bint PyIndex_Check(object) noexcept
    Py_ssize_t PyNumber_AsSsize_t(object, object) except? -1
    bint PyBytes_CheckExact(object) noexcept

cdef extern from *:
    """
    static inline int share_bytearray_set(PyObject *self, PyObject *key, PyObject *value)
    {
        return PyByteArray_Type.tp_as_mapping->mp_ass_subscript(self, key, value);
    }
    """
    int plain_set "share_bytearray_set"(object, object, PyObject*) except -1

_nodes.here = _nodes.registry()
cdef object plain_extend = bytearray.extend
cdef object plain_insert = bytearray.insert
cdef object plain_pop = bytearray.pop
cdef object plain_remove = bytearray.remove
cdef object plain_reverse = bytearray.reverse
cdef object plain_clear = bytearray.clear
cdef object plain_init = bytearray.__init__
cdef object plain_append = bytearray.append


cdef inline PyObject* owned(object value) noexcept:
    Py_INCREF(value)
    return <PyObject*>value


cdef int note_splice(object self, bytes before) except -1:
    """Records how the bytes differ from what they were: what is between the same beginning and the same end."""
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef const char* old = PyBytes_AS_STRING(before)
    cdef const char* new = PyByteArray_AS_STRING(self)
    cdef Py_ssize_t old_size = PyBytes_GET_SIZE(before), new_size = PyByteArray_GET_SIZE(self)
    cdef Py_ssize_t start = 0, end = 0, shorter = min(old_size, new_size)
    while start < shorter and old[start] == new[start]:
        start += 1
    while end < shorter - start and old[old_size - 1 - end] == new[new_size - 1 - end]:
        end += 1
    if start == old_size == new_size:
        return 0
    splice(self, cell, id, start, before[start : old_size - end], new_size - end - start)
    return 0


cdef int splice(object self, Cell* cell, uint64_t id, Py_ssize_t start, bytes removed, Py_ssize_t count) except -1:
    """``count`` bytes from ``start`` on stand for those that were removed."""
    begin(cell, operations.BYTES_SPLICE, id)
    reserve(&cell.records, count + 32)
    number(&cell.records, start)
    number(&cell.records, PyBytes_GET_SIZE(removed))
    number(&cell.records, count)
    append(&cell.records, PyByteArray_AS_STRING(self) + start, count)
    return inverse(operations.BYTES_SPLICE, <PyObject*>self, start, owned(removed), owned(count))


cdef object changed(object self, object function, tuple arguments):
    """Calls a method of bytearray that takes as long as there are bytes, and records what came of it."""
    cdef uint64_t id = 0
    if home(<PyObject*>self, &id) == NULL:
        return function(self, *arguments)
    before = bytes(self)
    try:
        return function(self, *arguments)
    finally:
        note_splice(self, before)


cdef int set_subscript(object self, object key, PyObject* value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t index
    if cell == NULL:
        return plain_set(self, key, value)
    if PyIndex_Check(key) and value != NULL:
        index = PyNumber_AsSsize_t(key, IndexError)
        if index < 0:
            index += PyByteArray_GET_SIZE(self)
        if 0 <= index < PyByteArray_GET_SIZE(self):
            old = <unsigned char>PyByteArray_AS_STRING(self)[index]
            plain_set(self, index, value)
            begin(cell, operations.BYTES_SET, id)
            number(&cell.records, index)
            cell.records.data[cell.records.size] = PyByteArray_AS_STRING(self)[index]
            cell.records.size += 1
            return inverse(operations.BYTES_SET, <PyObject*>self, index, owned(old), NULL)
    before = bytes(self)
    try:
        plain_set(self, key, value)
    finally:
        note_splice(self, before)
    return 0


cdef int set_by_index(object self, Py_ssize_t index, PyObject* value) except -1:
    if index < 0:
        raise IndexError("bytearray index out of range")
    return set_subscript(self, index, value)


cdef object append_byte(object self, object byte):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    plain_append(self, byte)
    if cell != NULL:
        splice(self, cell, id, PyByteArray_GET_SIZE(self) - 1, b"", 1)
    return None


cdef object extend(object self, object other):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t size = PyByteArray_GET_SIZE(self)
    if cell == NULL or not isinstance(other, (bytes, bytearray, memoryview)):
        return changed(self, plain_extend, (other,))
    plain_extend(self, other)
    if PyByteArray_GET_SIZE(self) > size:
        splice(self, cell, id, size, b"", PyByteArray_GET_SIZE(self) - size)
    return None


cdef object add_in_place(object self, object other):
    if isinstance(other, (bytes, bytearray, memoryview)):
        extend(self, other)
    else:
        memoryview(other)                       # raises what bytearray raises, nearly always
        changed(self, plain_extend, (bytes(other),))
    return self


cdef object repeat_in_place(object self, Py_ssize_t times):
    content = bytes(self)
    if times <= 0:
        changed(self, plain_clear, ())
    elif times > 1:
        extend(self, content * (times - 1))
    return self


cdef object insert(object self, PyObject** args, Py_ssize_t count):
    return changed(self, plain_insert, tuple([<object>args[i] for i in range(count)]))


cdef object pop(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell == NULL or count:
        return changed(self, plain_pop, tuple([<object>args[i] for i in range(count)]))
    byte = plain_pop(self)
    splice(self, cell, id, PyByteArray_GET_SIZE(self), bytes((byte,)), 0)
    return byte


cdef object remove(object self, object byte):
    return changed(self, plain_remove, (byte,))


cdef object reverse(object self, object _):
    return changed(self, plain_reverse, ())


cdef object clear(object self, object _):
    return changed(self, plain_clear, ())


cdef int init(object self, PyObject* args, PyObject* names) except -1:
    cdef uint64_t id = 0
    given = <dict>names if names != NULL else {}
    if home(<PyObject*>self, &id) == NULL:
        plain_init(self, *<tuple>args, **given)
        return 0
    content = bytearray(*<tuple>args, **given)
    set_subscript(self, slice(None), <PyObject*>content)
    return 0


cdef Blueprint blueprint = Blueprint()
blueprint.method("append", <void*>append_byte, METH_O)
blueprint.method("extend", <void*>extend, METH_O)
blueprint.method("insert", <void*>insert, METH_FASTCALL)
blueprint.method("pop", <void*>pop, METH_FASTCALL)
blueprint.method("remove", <void*>remove, METH_O)
blueprint.method("reverse", <void*>reverse, METH_NOARGS)
blueprint.method("clear", <void*>clear, METH_NOARGS)
blueprint.slot(Py_tp_init, <void*>init)
blueprint.slot(Py_mp_ass_subscript, <void*>set_subscript)
blueprint.slot(Py_sq_ass_item, <void*>set_by_index)
blueprint.slot(Py_sq_inplace_concat, <void*>add_in_place)
blueprint.slot(Py_sq_inplace_repeat, <void*>repeat_in_place)
RecordingBytearray = blueprint.build("share.state.bytearray", bytearray, _nodes.BYTEARRAY)
