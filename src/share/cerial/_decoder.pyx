"""Bytes -> object: every length is checked against what is there before anything is made of it."""

from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem, PyDict_SetItem
from cpython.list cimport PyList_Append, PyList_New, PyList_SET_ITEM
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.set cimport PyFrozenSet_New, PySet_Add
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from share.cerial cimport _tags as tags
from share.cerial._checksum cimport checksum
from share.cerial._times cimport body_size, get_time

import pickle

from share.cerial import _classes
from share.errors import CorruptDataError

cdef extern from "Python.h":
    enum:
        PyBUF_READ
    object PyObject_GenericGetDict(object, void*)
    object PyComplex_FromDoubles(double, double)
    object PyLong_FromLong(long)
    object PyLong_FromLongLong(long long)
    bint PyType_Check(object) noexcept
    bint PyUnicode_CheckExact(object) noexcept
    void PyUnicode_InternInPlace(PyObject**) noexcept

cdef enum:
    KEEP_CLASSES = 4096

cdef object unpickle = pickle.loads
cdef object new_object = object.__new__
cdef object no_tuple = ()
cdef dict class_places = {}     # the text of a CLASS record -> (module, names), so that it is parsed once
cdef object Uuid = None         # uuid and decimal are imported by the first value that needs them
cdef object Decimal = None


cdef struct Reader:
    const char* start           # of the value
    const char* at
    const char* end
    PyObject* marked            # dict: offset -> what a REF may name; NULL = none yet
    int depth


cdef object decode_value(const char* data, Py_ssize_t size, Py_ssize_t* used):
    cdef Reader reader
    reader.start = reader.at = data
    reader.end = data + size
    reader.marked = NULL
    reader.depth = 0
    try:
        value = get(&reader)
    finally:
        Py_XDECREF(reader.marked)
    used[0] = reader.at - data
    return value


cdef int corrupt(Reader* r, str what) except -1:
    raise CorruptDataError(f"{what} at byte {r.at - r.start} of an encoded value")


cdef inline int need(Reader* r, Py_ssize_t size) except -1:
    if r.end - r.at < size:
        corrupt(r, "data cut short")
    return 0


cdef Py_ssize_t get_count(Reader* r, Py_ssize_t each) except -1:
    """A base-128 number of things that take at least ``each`` bytes, which must all be there."""
    cdef uint64_t count = 0
    cdef int shift = 0
    cdef unsigned char low
    while True:
        need(r, 1)
        low = r.at[0]
        r.at += 1
        count |= <uint64_t>(low & 127) << shift
        if low < 128:
            break
        shift += 7
        if shift > 56:
            corrupt(r, "impossible size")
    if count > <uint64_t>((r.end - r.at) // each):
        corrupt(r, "size beyond the end")
    return <Py_ssize_t>count


cdef int mark(Reader* r, Py_ssize_t offset, object value) except -1:
    """Let REFs find ``value``; offset -1: nobody refers to it."""
    cdef dict fresh
    if offset >= 0:
        if r.marked == NULL:
            fresh = {}
            Py_INCREF(fresh)
            r.marked = <PyObject*>fresh
        (<dict>r.marked)[offset] = value
    return 0


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


cdef object get_text(Reader* r, Py_ssize_t size):
    try:
        value = PyUnicode_DecodeUTF8(r.at, size, "surrogatepass")
    except UnicodeDecodeError as error:
        raise CorruptDataError(f"damaged text at byte {r.at - r.start} of an encoded value") from error
    r.at += size
    return value


cdef list get_list(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t i, count = get_count(r, 1)
    cdef list value
    if offset >= 0:
        # It can be reached while it is being filled, so it must never have unset items.
        value = []
        mark(r, offset, value)
        for i in range(count):
            PyList_Append(value, get(r))
        return value
    value = PyList_New(count)
    for i in range(count):
        item = get(r)
        Py_INCREF(item)
        PyList_SET_ITEM(value, i, item)
    return value


cdef tuple get_tuple(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t i, count = get_count(r, 1)
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
    cdef Py_ssize_t i, count = get_count(r, 2)
    cdef dict value = {}
    mark(r, offset, value)
    for i in range(count):
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
    cdef Py_ssize_t i, count = get_count(r, 1)
    for i in range(count):
        item = get(r)
        try:
            PySet_Add(value, item)
        except Exception as error:
            raise CorruptDataError("a set member that cannot be one, in an encoded value") from error
    return value


cdef object get_object(Reader* r, Py_ssize_t offset):
    cdef Py_ssize_t i, count
    cdef dict state
    cdef object name
    cls = get(r)
    if not PyType_Check(cls):
        corrupt(r, "an object of no class")
    value = new_object(cls)
    mark(r, offset, value)
    count = get_count(r, 2)
    state = PyObject_GenericGetDict(value, NULL)
    for i in range(count):
        name = get(r)
        if not PyUnicode_CheckExact(name):
            corrupt(r, "an attribute without a name")
        name = intern_text(name)
        PyDict_SetItem(state, name, get(r))
    return value


cdef object intern_text(object text):
    cdef PyObject* place = <PyObject*>text
    Py_INCREF(text)
    PyUnicode_InternInPlace(&place)
    interned = <object>place
    Py_XDECREF(place)
    return interned


cdef object get_other(Reader* r, unsigned char tag, Py_ssize_t offset):
    cdef Py_ssize_t size
    cdef uint32_t place
    cdef PyObject* found = NULL
    if tag == tags.REF:
        need(r, 4)
        memcpy(&place, r.at, 4)
        r.at += 4
        if r.marked != NULL:
            found = PyDict_GetItem(<dict>r.marked, place)
        if found == NULL:
            corrupt(r, "a reference to nothing")
        return <object>found
    if tag == tags.PICKLE or tag == tags.BUFFERS:
        if r.depth != 1:
            corrupt(r, "a pickle inside another value")
        return get_pickle(r, tag == tags.BUFFERS)
    if tag == tags.SET:
        value = set()
        mark(r, offset, value)
        return get_set(r, value)
    if tag == tags.FROZENSET:
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


# ---- what executes something: verified first -------------------------------------------------------------

cdef int verify(Reader* r, Py_ssize_t size) except -1:
    """Steps over the checksum at hand and compares it with the ``size`` bytes behind it."""
    cdef uint64_t expected
    need(r, 8)
    memcpy(&expected, r.at, 8)
    r.at += 8
    need(r, size)
    if checksum(r.at, size) != expected:
        corrupt(r, "wrong checksum")
    return 0


cdef object get_class(Reader* r):
    cdef Py_ssize_t size = get_count(r, 1)
    cdef bytes text
    cdef PyObject* found
    verify(r, size)
    text = PyBytes_FromStringAndSize(r.at, size)
    r.at += size
    found = PyDict_GetItem(class_places, text)
    if found != NULL:
        place = <object>found
    else:
        if len(class_places) >= KEEP_CLASSES:
            class_places.clear()
        module, _, names = text.decode("utf-8").partition(":")
        place = class_places[text] = (module, names)
    return _classes.find_class(*place)


cdef object get_local_class(Reader* r):
    cdef Py_ssize_t size = get_count(r, 1)
    cdef uint16_t token_size
    verify(r, size)
    if size < 2:
        corrupt(r, "data cut short")
    memcpy(&token_size, r.at, 2)
    if token_size > size - 2:
        corrupt(r, "data cut short")
    token = PyBytes_FromStringAndSize(r.at + 2, token_size)
    value = _classes.known(token)
    if value is None:
        blob = PyBytes_FromStringAndSize(r.at + 2 + token_size, size - 2 - token_size)
        value = _classes.load_class(token, blob)
    r.at += size
    return value


cdef object get_member(Reader* r):
    cls = get(r)
    name = get(r)
    try:
        return cls._member_map_[name]
    except (AttributeError, KeyError, TypeError) as error:
        raise CorruptDataError(f"{cls!r} has no member {name!r}") from error


cdef object get_pickle(Reader* r, bint with_buffers):
    cdef uint64_t size
    cdef Py_ssize_t length
    cdef list buffers = None
    need(r, 16)
    memcpy(&size, r.at + 8, 8)
    if size > <uint64_t>(r.end - r.at - 16):
        corrupt(r, "size beyond the end")
    length = size
    verify(r, length + 8)
    r.at += 8
    if with_buffers:
        buffers = []
        length = get_buffers(r, length, buffers)
    view = PyMemoryView_FromMemory(<char*>r.at, length, PyBUF_READ)
    try:
        value = unpickle(view, buffers=buffers)
    finally:
        view.release()
    r.at += size
    return value


cdef Py_ssize_t get_buffers(Reader* r, Py_ssize_t size, list buffers) except -1:
    """Copies the buffers out of a verified BUFFERS body; the length of the pickle before them."""
    cdef uint64_t[2] tail
    cdef uint64_t[3] entry
    cdef uint64_t i, end
    cdef const char* directory
    if size < 16:
        corrupt(r, "data cut short")
    memcpy(tail, r.at + size - 16, 16)
    end = size - 16
    if tail[0] > end or tail[1] > end // 24:
        corrupt(r, "size beyond the end")
    end -= tail[1] * 24
    directory = r.at + end
    for i in range(tail[1]):
        memcpy(entry, directory + i * 24, 24)
        if entry[0] > end or entry[1] > end - entry[0]:
            corrupt(r, "size beyond the end")
        if entry[2]:
            buffers.append(PyBytes_FromStringAndSize(r.at + entry[0], entry[1]))
        else:
            buffers.append(PyByteArray_FromStringAndSize(r.at + entry[0], entry[1]))
    return tail[0]
