"""Bytes -> object: every length is checked against what is there before anything is made of it."""

from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem, PyDict_SetItem
from cpython.list cimport PyList_Append, PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.set cimport PySet_Add
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from share.cerial cimport _tags as tags
from share.cerial._arrays cimport dtype_of, MAX_DIMENSIONS, make_array, number_size
from share.cerial._packed cimport get_floats, get_ints
from share.cerial._reader cimport Reader, corrupt, get_count, get_items, get_key_text, get_text, mark, need
from share.cerial._times cimport body_size, get_time
from share.cerial._verified cimport get_class, get_local_class, get_pickle

from share.errors import CorruptDataError

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object, void*)
    object PyComplex_FromDoubles(double, double)
    object PyLong_FromLong(long)
    object PyLong_FromLongLong(long long)
    bint PyType_Check(object) noexcept
    bint PyUnicode_CheckExact(object) noexcept
    ctypedef struct PyTypeObject
    ctypedef object (*new_function)(PyTypeObject*, PyObject*, PyObject*)
    ctypedef struct PyTypeObject:
        new_function tp_new
        unsigned long tp_flags
        Py_ssize_t tp_dictoffset
    unsigned long Py_TPFLAGS_HEAPTYPE
    PyTypeObject PyBaseObject_Type

cdef object no_tuple = ()
cdef object Uuid = None             # uuid and decimal are imported by the first value that needs them
cdef object Decimal = None


cdef object decode_value(const char* data, Py_ssize_t size, Py_ssize_t* used):
    cdef Reader reader
    reader.start = reader.at = data
    reader.end = data + size
    reader.marked = NULL
    reader.last_found = NULL
    reader.depth = 0
    reader.budget = size
    try:
        value = get(&reader)
    finally:
        Py_XDECREF(reader.marked)
    used[0] = reader.at - data
    return value


cdef object get(Reader* r):
    cdef unsigned char tag
    cdef Py_ssize_t size, offset = -1
    cdef double real, imaginary
    cdef int8_t i8
    cdef int16_t i16
    cdef int32_t i32
    cdef int64_t i64
    need(r, 1)
    tag = r.at[0]
    if tag & tags.MARK:
        offset = r.at - r.start
        tag &= 127
    r.at += 1

    if tag == tags.INT8:
        need(r, 1)
        i8 = r.at[0]
        r.at += 1
        return PyLong_FromLong(i8)
    if tag == tags.INT16:
        need(r, 2)
        memcpy(&i16, r.at, 2)
        r.at += 2
        return PyLong_FromLong(i16)
    if tag == tags.INT32:
        need(r, 4)
        memcpy(&i32, r.at, 4)
        r.at += 4
        return PyLong_FromLong(i32)
    if tag == tags.INT64:
        need(r, 8)
        memcpy(&i64, r.at, 8)
        r.at += 8
        return PyLong_FromLongLong(i64)
    if tag == tags.STR:
        size = get_count(r, 1)
        value = get_text(r, size)
        mark(r, offset, value)
        return value
    if tag == tags.NONE:
        return None
    if tag == tags.TRUE:
        return True
    if tag == tags.FALSE:
        return False
    if tag == tags.FLOAT:
        need(r, 8)
        memcpy(&real, r.at, 8)
        r.at += 8
        return real
    if tag == tags.BYTES:
        size = get_count(r, 1)
        value = PyBytes_FromStringAndSize(r.at, size)
        r.at += size
        mark(r, offset, value)
        return value
    if tag == tags.COMPLEX:
        need(r, 16)
        memcpy(&real, r.at, 8)
        memcpy(&imaginary, r.at + 8, 8)
        r.at += 16
        return PyComplex_FromDoubles(real, imaginary)
    if tag == tags.BIGINT:
        size = get_count(r, 1)
        r.at += size
        return int.from_bytes(PyBytes_FromStringAndSize(r.at - size, size), "little", signed=True)

    r.depth += 1
    if r.depth > tags.DEPTH + 8:
        corrupt(r, "nested too deeply")
    if tag == tags.LIST:
        value = get_list(r, offset)
    elif tag == tags.TUPLE:
        value = get_tuple(r, offset)
    elif tag == tags.DICT:
        value = get_dict(r, offset)
    elif tag == tags.OBJECT:
        value = get_object(r, offset)
    else:
        value = get_other(r, tag, offset)
    r.depth -= 1
    return value


cdef list get_list(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t i, _i, count = get_items(r)
    cdef list value
    if offset >= 0:
        # It can be reached while it is being filled, so it must never have unset items.
        value = []
        mark(r, offset, value)
        for _i in range(count):
            PyList_Append(value, get(r))
        return value
    value = PyList_New(count)
    for i in range(count):
        item = get(r)
        Py_INCREF(item)
        PyList_SET_ITEM(value, i, item)
    return value


cdef tuple get_tuple(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t i, count = get_items(r)
    cdef tuple value
    if count == 0:
        return no_tuple
    value = PyTuple_New(count)
    for i in range(count):
        item = get(r)
        Py_INCREF(item)
        PyTuple_SET_ITEM(value, i, item)
    mark(r, offset, value)
    return value


cdef dict get_dict(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t _i, count = get_count(r, 2)
    cdef dict value = {}
    mark(r, offset, value)
    for _i in range(count):
        key = get_key_text(r)
        if key is None:
            key = get(r)
        item = get(r)
        if PyUnicode_CheckExact(key):
            PyDict_SetItem(value, key, item)
            continue
        try:
            PyDict_SetItem(value, key, item)
        except Exception as error:
            raise CorruptDataError("a dict key that cannot be one, in an encoded value") from error
    return value


cdef object get_set(Reader* r, object value):
    cdef Py_ssize_t _i, count = get_count(r, 1)
    for _i in range(count):
        item = get(r)
        try:
            PySet_Add(value, item)
        except Exception as error:
            raise CorruptDataError("a set member that cannot be one, in an encoded value") from error
    return value


cdef object new_object(Reader* r, object cls):
    """What ``object.__new__(cls)`` makes, where that is all that making an instance takes."""
    cdef PyTypeObject* c_type = <PyTypeObject*><PyObject*>cls
    if not PyType_Check(cls):
        corrupt(r, "an object of no class")
    if (
        c_type.tp_new != PyBaseObject_Type.tp_new or c_type.tp_dictoffset == 0
        or not c_type.tp_flags & Py_TPFLAGS_HEAPTYPE
    ):
        corrupt(r, f"an object of {cls!r}, which is no class of plain objects here,")
    try:
        return PyBaseObject_Type.tp_new(c_type, <PyObject*>no_tuple, NULL)
    except TypeError as error:
        raise CorruptDataError(f"an encoded object is of {cls!r}, which has no instances here") from error


cdef object get_object(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t _i, count
    cdef dict state
    cdef object name
    cls = get(r)
    value = new_object(r, cls)
    mark(r, offset, value)
    count = get_count(r, 2)
    state = PyObject_GenericGetDict(value, NULL)
    for _i in range(count):
        name = get_key_text(r)
        if name is None:
            name = get(r)
        if not PyUnicode_CheckExact(name):
            corrupt(r, "an attribute without a name")
        PyDict_SetItem(state, name, get(r))
    return value


cdef object get_other(Reader* r, unsigned char tag, Py_ssize_t offset):
    cdef Py_ssize_t size
    cdef uint32_t place
    cdef PyObject* found = NULL
    if tag == tags.REF:
        need(r, 4)
        memcpy(&place, r.at, 4)
        r.at += 4
        if r.last_found != NULL and r.last_place == place:
            return <object>r.last_found
        if r.marked != NULL:
            found = PyDict_GetItem(<dict>r.marked, place)
        if found == NULL:
            corrupt(r, "a reference to nothing")
        r.last_found = found
        r.last_place = place
        return <object>found
    if tag == tags.PICKLE or tag == tags.BUFFERS:
        if r.depth != 1 or offset >= 0:
            corrupt(r, "a pickle inside another value")
        return get_pickle(r, tag == tags.BUFFERS)
    if tag == tags.SET:
        value = set()
        mark(r, offset, value)
        return get_set(r, value)
    if tag == tags.INTS:
        value = get_ints(r)
    elif tag == tags.FLOATS:
        value = get_floats(r)
    elif tag == tags.ARRAY:
        value = get_array(r)
    elif tag == tags.FROZENSET:
        # A set of which this is the only reference may still be filled.
        value = frozenset(get_set(r, set()))
    elif tag == tags.BYTEARRAY:
        size = get_count(r, 1)
        value = PyByteArray_FromStringAndSize(r.at, size)
        r.at += size
    elif tag == tags.CLASS:
        value = get_class(r)
    elif tag == tags.LOCAL_CLASS:
        value = get_local_class(r)
    elif tag == tags.ENUM:
        value = get_member(r)
    elif tags.DATE <= tag <= tags.TIMEDELTA:
        size = body_size(tag)
        need(r, size)
        try:
            value = get_time(tag, r.at)
        except (ValueError, OverflowError) as error:
            raise CorruptDataError("an impossible date or time in an encoded value") from error
        r.at += size
    elif tag == tags.UUID:
        need(r, 16)
        value = get_uuid(PyBytes_FromStringAndSize(r.at, 16))
        r.at += 16
    elif tag == tags.DECIMAL:
        size = get_count(r, 1)
        value = get_decimal(get_text(r, size))
    else:
        r.at -= 1
        corrupt(r, f"unknown tag {tag}")
    mark(r, offset, value)
    return value


cdef object get_uuid(bytes data):
    global Uuid
    if Uuid is None:
        from uuid import UUID as Uuid
    return Uuid(bytes=data)


cdef object get_decimal(str text):
    global Decimal
    if Decimal is None:
        from decimal import Decimal
    try:
        return Decimal(text)
    except (ArithmeticError, ValueError) as error:
        raise CorruptDataError("an impossible Decimal in an encoded value") from error


cdef object get_member(Reader* r):
    cls = get(r)
    name = get(r)
    try:
        return cls._member_map_[name]
    except (AttributeError, KeyError, TypeError) as error:
        raise CorruptDataError(f"{cls!r} has no member {name!r}") from error


cdef object get_array(Reader* r):
    cdef unsigned char flags = 0
    cdef char[3] format
    cdef list shape = []
    cdef Py_ssize_t size = get_array_head(r, &flags, format, shape)
    if flags & 1:
        data = PyBytes_FromStringAndSize(r.at, size)
    else:
        data = PyByteArray_FromStringAndSize(r.at, size)
    r.at += size
    return make_array(format, tuple(shape), data, flags & 2)


cdef tuple array_layout(const char* data, Py_ssize_t size):
    cdef Reader reader
    cdef unsigned char flags = 0
    cdef char[3] format
    cdef list shape = []
    reader.start = data
    reader.at = data + 1
    reader.end = data + size
    if size < 1 or data[0] != tags.ARRAY:
        corrupt(&reader, "no array")
    if get_array_head(&reader, &flags, format, shape) != reader.end - reader.at:
        corrupt(&reader, "an array of another size")
    return tuple(shape), dtype_of(format), bool(flags & 2), reader.at - data


cdef Py_ssize_t get_array_head(Reader* r, unsigned char* flags, char* format, list shape) except -1:
    """How many bytes the numbers take, which come next."""
    cdef unsigned char dimensions, padding
    cdef int64_t length
    cdef Py_ssize_t size
    cdef int _i
    need(r, 4)
    flags[0] = r.at[0]
    dimensions = r.at[1]
    format[0] = r.at[2]
    format[1] = r.at[3]
    format[2] = 0
    r.at += 4
    size = number_size(format)
    if size == 0 or dimensions > MAX_DIMENSIONS or flags[0] > 3:
        corrupt(r, "no array of numbers")
    need(r, 8 * dimensions + 1)
    for _i in range(dimensions):
        memcpy(&length, r.at, 8)
        r.at += 8
        shape.append(length)
        if length < 0 or size and length > (r.end - r.at) // size:
            corrupt(r, "size beyond the end")
        size *= length
    padding = r.at[0]
    need(r, 1 + padding + size)
    r.at += 1 + padding
    return size
