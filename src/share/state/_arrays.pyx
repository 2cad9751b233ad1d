"""Arrays of the module ``array`` that record what is done to them, as bytes that take the place of others."""

from array import array

from cpython.array cimport array as c_array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

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
)

cdef extern from "Python.h":
    bint PyIndex_Check(object) noexcept
    Py_ssize_t PyNumber_AsSsize_t(object, object) except? -1
    int PySlice_Unpack(object, Py_ssize_t*, Py_ssize_t*, Py_ssize_t*) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t, Py_ssize_t*, Py_ssize_t*, Py_ssize_t) noexcept
    bint PySlice_Check(object) noexcept
    Py_ssize_t Py_SIZE(object) noexcept

cdef extern from *:
    """
    static inline int share_array_set(PyObject *type, PyObject *self, PyObject *key, PyObject *value)
    {
        return ((PyTypeObject *)type)->tp_as_mapping->mp_ass_subscript(self, key, value);
    }
    """
    int plain_set "share_array_set"(object, object, object, PyObject*) except -1

_nodes.here = _nodes.registry()
cdef enum:
    STEP = 4096                 # bytes that are compared at once

cdef object plain_append = array.append
cdef object plain_extend = array.extend
cdef object plain_insert = array.insert
cdef object plain_pop = array.pop
cdef object plain_remove = array.remove
cdef object plain_reverse = array.reverse
cdef object plain_byteswap = array.byteswap
cdef object plain_frombytes = array.frombytes
cdef object plain_fromfile = array.fromfile
cdef object plain_fromlist = array.fromlist
cdef object plain_fromunicode = array.fromunicode
cdef object plain_repeat = array.__imul__


cdef inline PyObject* owned(object value) noexcept:
    Py_INCREF(value)
    return <PyObject*>value


cdef char* data_of(object self) noexcept:
    return (<c_array>self).data.as_chars


cdef Py_ssize_t item_size(object self) noexcept:
    return (<c_array>self).ob_descr.itemsize


cdef Py_ssize_t bytes_of(object self) noexcept:
    return Py_SIZE(self) * item_size(self)


cdef bytes content_of_array(object self):
    return PyBytes_FromStringAndSize(data_of(self), bytes_of(self))


cdef int set_bytes(object self, Py_ssize_t start, Py_ssize_t removed, bytes data) except -1:
    cdef Py_ssize_t item = item_size(self), size = bytes_of(self)
    if removed == PyBytes_GET_SIZE(data):
        memcpy(data_of(self) + start, PyBytes_AS_STRING(data), removed)
        return 0
    if start == size and not removed:
        plain_frombytes(self, data)
        return 0
    made = array(self.typecode, data)
    plain_set(array, self, slice(start // item, (start + removed) // item), <PyObject*>made)
    return 0


cdef int splice(object self, Cell* cell, uint64_t id, Py_ssize_t start, bytes removed, Py_ssize_t count) except -1:
    """``count`` bytes from ``start`` on stand for those that were removed."""
    begin(cell, operations.BYTES_SPLICE, id)
    reserve(&cell.records, count + 32)
    number(&cell.records, start)
    number(&cell.records, PyBytes_GET_SIZE(removed))
    number(&cell.records, count)
    append(&cell.records, data_of(self) + start, count)
    return inverse(operations.BYTES_SPLICE, <PyObject*>self, start, owned(removed), owned(count))


cdef int note_splice(object self, bytes before) except -1:
    """Records how the items differ from what they were: what is between the same beginning and the same end."""
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef const char* old = PyBytes_AS_STRING(before)
    cdef const char* new = data_of(self)
    cdef Py_ssize_t old_size = PyBytes_GET_SIZE(before), new_size = bytes_of(self), item = item_size(self)
    cdef Py_ssize_t start = 0, end = 0, shorter = min(old_size, new_size)
    while start + STEP <= shorter and memcmp(old + start, new + start, STEP) == 0:
        start += STEP
    while start < shorter and memcmp(old + start, new + start, item) == 0:
        start += item
    if start == old_size == new_size:
        return 0
    shorter -= start
    while end + STEP <= shorter and memcmp(old + old_size - end - STEP, new + new_size - end - STEP, STEP) == 0:
        end += STEP
    while end < shorter and memcmp(old + old_size - end - item, new + new_size - end - item, item) == 0:
        end += item
    return splice(self, cell, id, start, before[start : old_size - end], new_size - end - start)


cdef object changed(object self, object function, tuple arguments):
    """Calls a method of array that takes as long as there are items, and records what came of it."""
    cdef uint64_t id = 0
    if home(<PyObject*>self, &id) == NULL:
        return function(self, *arguments)
    before = content_of_array(self)
    try:
        return function(self, *arguments)
    finally:
        note_splice(self, before)


cdef object grown(object self, object function, object argument):
    """The same of one that appends what no user code is asked for."""
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t size = bytes_of(self)
    function(self, argument)
    if cell != NULL and bytes_of(self) > size:
        splice(self, cell, id, size, b"", bytes_of(self) - size)
    return None


cdef int set_subscript(object self, object key, PyObject* value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t index, stop, step, count, item = item_size(self), size
    if cell == NULL:
        return plain_set(array, self, key, value)
    if PyIndex_Check(key):
        index = PyNumber_AsSsize_t(key, IndexError)
        if index < 0:
            index += Py_SIZE(self)
        if not 0 <= index < Py_SIZE(self):
            return plain_set(array, self, index, value)     # which says what is wrong
        if value != NULL and type(<object>value) is not int and type(<object>value) is not float:
            converted = array(self.typecode, (<object>value,))[0]       # user code may run, and change this array
            value = <PyObject*>converted
        if index < Py_SIZE(self):
            before = PyBytes_FromStringAndSize(data_of(self) + index * item, item)
        plain_set(array, self, index, value)
        return splice(self, cell, id, index * item, before, 0 if value == NULL else item)
    if PySlice_Check(key) and value != NULL and isinstance(<object>value, array) and is_of_numbers(key):
        PySlice_Unpack(key, &index, &stop, &step)
        size = Py_SIZE(self)
        count = PySlice_AdjustIndices(size, &index, &stop, step)
        if step == 1:
            before = PyBytes_FromStringAndSize(data_of(self) + index * item, count * item)
            plain_set(array, self, key, value)
            return splice(self, cell, id, index * item, before, (count + Py_SIZE(self) - size) * item)
    before = content_of_array(self)
    try:
        plain_set(array, self, key, value)
    finally:
        note_splice(self, before)
    return 0


cdef bint is_of_numbers(object key):
    for part in (key.start, key.stop, key.step):
        if part is not None and type(part) is not int:
            return False
    return True


cdef int set_by_index(object self, Py_ssize_t index, PyObject* value) except -1:
    if index < 0:
        raise IndexError("array assignment index out of range")
    return set_subscript(self, index, value)


cdef object append_item(object self, object item):
    if type(item) is not int and type(item) is not float:
        item = array(self.typecode, (item,))[0]
    return grown(self, plain_append, item)


cdef object extend(object self, object other):
    if isinstance(other, array):
        return grown(self, plain_extend, other)
    for item in other:
        append_item(self, item)
    return None


cdef object from_bytes(object self, object data):
    if type(data) is bytes or type(data) is bytearray or isinstance(data, array):
        return grown(self, plain_frombytes, data)
    return changed(self, plain_frombytes, (data,))


cdef object from_list(object self, object items):
    return changed(self, plain_fromlist, (items,))


cdef object from_unicode(object self, object text):
    return changed(self, plain_fromunicode, (text,))


cdef object from_file(object self, PyObject** args, Py_ssize_t count):
    return changed(self, plain_fromfile, tuple([<object>args[i] for i in range(count)]))


cdef object add_in_place(object self, object other):
    if not isinstance(other, array):
        return array.__iadd__(self, other)      # which says what it cannot be
    extend(self, other)
    return self


cdef object repeat_in_place(object self, Py_ssize_t times):
    changed(self, plain_repeat, (times,))
    return self


cdef object insert(object self, PyObject** args, Py_ssize_t count):
    return changed(self, plain_insert, tuple([<object>args[i] for i in range(count)]))


cdef object pop(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t item = item_size(self), at = bytes_of(self) - item
    if cell == NULL or count or at < 0:
        return changed(self, plain_pop, tuple([<object>args[i] for i in range(count)]))
    before = PyBytes_FromStringAndSize(data_of(self) + at, item)
    last = plain_pop(self)
    splice(self, cell, id, at, before, 0)
    return last


cdef object remove(object self, object item):
    return changed(self, plain_remove, (item,))


cdef object reverse(object self, object _):
    return changed(self, plain_reverse, ())


cdef object byteswap(object self, object _):
    return changed(self, plain_byteswap, ())


cdef Blueprint blueprint = Blueprint()
blueprint.method("append", <void*>append_item, METH_O)
blueprint.method("extend", <void*>extend, METH_O)
blueprint.method("insert", <void*>insert, METH_FASTCALL)
blueprint.method("pop", <void*>pop, METH_FASTCALL)
blueprint.method("remove", <void*>remove, METH_O)
blueprint.method("reverse", <void*>reverse, METH_NOARGS)
blueprint.method("byteswap", <void*>byteswap, METH_NOARGS)
blueprint.method("frombytes", <void*>from_bytes, METH_O)
blueprint.method("fromlist", <void*>from_list, METH_O)
blueprint.method("fromunicode", <void*>from_unicode, METH_O)
blueprint.method("fromfile", <void*>from_file, METH_FASTCALL)
blueprint.slot(Py_mp_ass_subscript, <void*>set_subscript)
blueprint.slot(Py_sq_ass_item, <void*>set_by_index)
blueprint.slot(Py_sq_inplace_concat, <void*>add_in_place)
blueprint.slot(Py_sq_inplace_repeat, <void*>repeat_in_place)
RecordingArray = blueprint.build("share.state.array", array, _nodes.ARRAY)
