"""Object <-> bytes, compiled: the encoder, and what the rest of the library calls."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport Py_TYPE, PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from share.cerial cimport _tags as tags
from share.cerial._checksum cimport checksum
from share.cerial._decoder cimport decode_value
from share.cerial._kinds cimport BY_PICKLE, Kind, class_record, has_copyreg_entry, kind_of
from share.cerial._times cimport put_time, time_size

import enum
import pickle
from types import FunctionType

from share.cerial import _classes, _explain
from share.errors import CorruptDataError, NotShareableError, ShareError

cdef extern from "Python.h":
    object PyPickleBuffer_FromObject(object)
    const Py_buffer* PyPickleBuffer_GetBuffer(object) except NULL
    object PyObject_GenericGetDict(object, void*)
    bint PyLong_CheckExact(object) noexcept
    bint PyFloat_CheckExact(object) noexcept
    bint PyBytes_CheckExact(object) noexcept
    bint PyList_CheckExact(object) noexcept
    bint PyTuple_CheckExact(object) noexcept
    bint PyDict_CheckExact(object) noexcept
    bint PyComplex_CheckExact(object) noexcept
    bint PyByteArray_CheckExact(object) noexcept
    bint PyAnySet_CheckExact(object) noexcept
    bint PyFrozenSet_CheckExact(object) noexcept
    bint PyType_Check(object) noexcept
    bint PyUnicode_IS_COMPACT_ASCII(object) noexcept
    char* PyUnicode_DATA(object) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object) noexcept
    Py_ssize_t PyDict_GET_SIZE(object) noexcept
    Py_ssize_t PySet_GET_SIZE(object) noexcept
    Py_ssize_t PyByteArray_GET_SIZE(object) noexcept
    char* PyByteArray_AS_STRING(object) noexcept
    double PyFloat_AS_DOUBLE(object) noexcept
    long long PyLong_AsLongLongAndOverflow(object, int*) except? -1
    bint PyObject_TypeCheck(object, type) noexcept
    int _PyBytes_Resize(PyObject**, Py_ssize_t) except -1
    Py_ssize_t Py_REFCNT(PyObject*) noexcept
    ctypedef struct Py_complex:
        double real
        double imag
    Py_complex PyComplex_AsCComplex(object)

cdef enum:
    FIRST_CAPACITY = 512
    KEEP_CAPACITY = 1 << 20     # a longer buffer is not kept for the next value
    GIVE_AWAY = 1 << 16         # dumps() hands a longer result out instead of copying it
    IN_BAND = 4096              # a shorter buffer is copied into the pickle itself
    PICKLE_HEAD = 17            # tag, checksum, size
    KEEP_SEEN = 1 << 10

# What `put` answers.
cdef enum:
    DONE = 0
    TO_PICKLE = 1               # the whole value has to be pickled

cdef type EnumMeta = enum.EnumMeta


class Pickler(pickle.Pickler):
    """A pickler of the C implementation that asks its encoder about every object it does not know."""

    reducer_override: object


cdef class Encoder:
    """A growing, reusable buffer of encoded values."""

    def __cinit__(self):
        self.data = NULL
        self.size = 0
        self.capacity = 0
        self.seen = NULL
        self.seen_mask = -1
        self.seen_used = 0
        self.busy = False

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.seen != NULL:
            for i in range(self.seen_mask + 1):
                if self.seen[i].value != NULL:
                    Py_DECREF(<object>self.seen[i].value)
            PyMem_Free(self.seen)

    cdef void clear(self) noexcept:
        self.size = 0
        if self.capacity > KEEP_CAPACITY:
            self.storage = None
            self.data = NULL
            self.capacity = 0

    cdef int reserve(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t wanted, needed = self.size + more
        cdef PyObject* moved
        if needed <= self.capacity:
            return 0
        wanted = max(needed, self.capacity + (self.capacity >> 1), <Py_ssize_t>FIRST_CAPACITY)
        if self.storage is None:
            self.storage = PyBytes_FromStringAndSize(NULL, wanted)
        else:
            # Resizing needs the only reference, and on failure frees the object: the field lets go first.
            moved = <PyObject*>self.storage
            Py_INCREF(self.storage)
            self.storage = None
            self.data = NULL
            self.capacity = 0
            _PyBytes_Resize(&moved, wanted)
            self.storage = <object>moved
            Py_DECREF(self.storage)
        self.data = PyBytes_AS_STRING(self.storage)
        self.capacity = wanted
        return 0

    cdef bytes take(self):
        """What has been encoded, as bytes; the buffer is then empty."""
        cdef bytes result
        cdef PyObject* given
        if self.size < GIVE_AWAY:
            result = PyBytes_FromStringAndSize(self.data, self.size)
            self.size = 0
            return result
        given = <PyObject*>self.storage
        Py_INCREF(self.storage)
        self.storage = None
        self.data = NULL
        self.capacity = 0
        _PyBytes_Resize(&given, self.size)
        self.size = 0
        result = <bytes>given
        Py_DECREF(result)
        return result

    cdef int encode(self, object value, object where) except -1:
        cdef Py_ssize_t start = self.size
        if self.busy:
            raise RuntimeError("an Encoder was used again while it was encoding; keep one per nesting")
        self.busy = True
        self.start = start
        try:
            if self.put(value, 0) == TO_PICKLE:
                self.size = start
                self.put_pickle(value)
        except NotShareableError as error:
            self.size = start
            raise _explain.not_shareable(value, where, error, self.override) from error
        except (MemoryError, ShareError):
            self.size = start
            raise
        except Exception as error:
            self.size = start
            raise _explain.not_shareable(value, where, error, self.override) from error
        except BaseException:
            self.size = start
            raise
        finally:
            if self.seen_used:
                self.forget()
            self.busy = False
        return 0

    # ---- one value -------------------------------------------------------------------------------------

    cdef int put(self, object value, int depth) except -1:
        cdef int met, overflow = 0
        cdef long long number
        cdef Py_complex parts
        cdef double real
        if PyLong_CheckExact(value):
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
                return self.put_raw(tags.BIGINT, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            self.reserve(9)
            if -128 <= number < 128:
                self.data[self.size] = tags.INT8
                self.data[self.size + 1] = <int8_t>number
                self.size += 2
            elif -32768 <= number < 32768:
                self.data[self.size] = tags.INT16
                (<int16_t*>(self.data + self.size + 1))[0] = <int16_t>number
                self.size += 3
            elif -2147483648 <= number < 2147483648:
                self.data[self.size] = tags.INT32
                (<int32_t*>(self.data + self.size + 1))[0] = <int32_t>number
                self.size += 5
            else:
                self.data[self.size] = tags.INT64
                (<int64_t*>(self.data + self.size + 1))[0] = number
                self.size += 9
            return DONE
        if PyUnicode_CheckExact(value):
            if PyUnicode_GET_LENGTH(value) >= tags.LONG_TEXT and depth and Py_REFCNT(<PyObject*>value) > 2:
                met = self.remember(value, False)
                if met:
                    return met - 1
            if PyUnicode_IS_COMPACT_ASCII(value):
                return self.put_raw(tags.STR, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
            data = value.encode("utf-8", "surrogatepass")
            return self.put_raw(tags.STR, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        if value is None or value is True or value is False:
            self.reserve(1)
            self.data[self.size] = tags.NONE if value is None else tags.TRUE if value is True else tags.FALSE
            self.size += 1
            return DONE
        if PyFloat_CheckExact(value):
            self.reserve(9)
            real = PyFloat_AS_DOUBLE(value)
            self.data[self.size] = tags.FLOAT
            memcpy(self.data + self.size + 1, &real, 8)
            self.size += 9
            return DONE
        if PyBytes_CheckExact(value):
            if PyBytes_GET_SIZE(value) >= tags.LONG_TEXT and depth and Py_REFCNT(<PyObject*>value) > 2:
                met = self.remember(value, False)
                if met:
                    return met - 1
            return self.put_raw(tags.BYTES, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if PyComplex_CheckExact(value):
            self.reserve(17)
            parts = PyComplex_AsCComplex(value)
            self.data[self.size] = tags.COMPLEX
            memcpy(self.data + self.size + 1, &parts.real, 8)
            memcpy(self.data + self.size + 9, &parts.imag, 8)
            self.size += 17
            return DONE
        if PyTuple_CheckExact(value) and PyTuple_GET_SIZE(value) == 0:
            return self.put_size(tags.TUPLE, 0)

        # From here on: things that may be met twice. Whoever calls holds one reference besides the owner's,
        # so with two there is one owner, and the value cannot be reached on another way. The outermost
        # value may be reached from inside.
        if depth > tags.DEPTH:
            return TO_PICKLE
        if PyTuple_CheckExact(value) or PyFrozenSet_CheckExact(value):
            if Py_REFCNT(<PyObject*>value) <= 2 and depth:
                if PyTuple_CheckExact(value):
                    return self.put_tuple(value, depth)
                return self.put_set(value, tags.FROZENSET, depth)
            met = self.remember(value, True)
            if met:
                return met - 1
            if PyTuple_CheckExact(value):
                met = self.put_tuple(value, depth)
            else:
                met = self.put_set(value, tags.FROZENSET, depth)
            if met == DONE:
                self.place_of(<void*>value).is_open = False
            return met
        if PyType_Check(value):
            if self.reduce is not None and self.reduce(value) is not NotImplemented:
                return TO_PICKLE
            return self.put_class(value)
        if depth == 0 or Py_REFCNT(<PyObject*>value) > 2:
            met = self.remember(value, False)
            if met:
                return met - 1
        if PyList_CheckExact(value):
            return self.put_list(value, depth)
        if PyDict_CheckExact(value):
            return self.put_dict(value, depth)
        if PyAnySet_CheckExact(value):
            return self.put_set(value, tags.SET, depth)
        if PyByteArray_CheckExact(value):
            return self.put_raw(tags.BYTEARRAY, PyByteArray_AS_STRING(value), PyByteArray_GET_SIZE(value))
        return self.put_other(value, depth)

    cdef int put_list(self, list value, int depth) except -1:
        cdef Py_ssize_t i, count = PyList_GET_SIZE(value)
        self.put_size(tags.LIST, count)
        for i in range(count):
            if i >= PyList_GET_SIZE(value):     # a reducer changed it
                return TO_PICKLE
            item = <object>PyList_GET_ITEM(value, i)
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
        return DONE if PyList_GET_SIZE(value) == count else TO_PICKLE

    cdef int put_tuple(self, tuple value, int depth) except -1:
        cdef Py_ssize_t i, count = PyTuple_GET_SIZE(value)
        self.put_size(tags.TUPLE, count)
        for i in range(count):
            item = <object>PyTuple_GET_ITEM(value, i)
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
        return DONE

    cdef int put_dict(self, dict value, int depth) except -1:
        cdef Py_ssize_t count = PyDict_GET_SIZE(value), met = 0, at = 0
        cdef PyObject* c_key
        cdef PyObject* c_item
        self.put_size(tags.DICT, count)
        while PyDict_Next(value, &at, &c_key, &c_item):
            key = <object>c_key
            item = <object>c_item
            if met == count or self.put_key(key, depth + 1) == TO_PICKLE:
                return TO_PICKLE
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
            met += 1
        return DONE if met == count == PyDict_GET_SIZE(value) else TO_PICKLE

    cdef int put_set(self, object value, unsigned char tag, int depth) except -1:
        self.put_size(tag, PySet_GET_SIZE(value))
        for item in value:
            if self.put_key(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
        return DONE

    cdef int put_key(self, object value, int depth) except -1:
        # What is hashed on arrival must not be an object whose state is still to come.
        if PyUnicode_CheckExact(value) or PyLong_CheckExact(value) or is_plain(value):
            return self.put(value, depth)
        return TO_PICKLE

    cdef int put_other(self, object value, int depth) except -1:
        cdef object cls = <object>Py_TYPE(value)
        cdef Kind kind
        cdef Py_ssize_t size
        kind = kind_of(cls)
        if kind.code == BY_PICKLE:
            return TO_PICKLE
        if kind.code == tags.OBJECT:
            return self.put_object(value, cls, depth)
        if kind.code == tags.ENUM:
            name = value._name_
            if not PyUnicode_CheckExact(name) or cls._member_map_.get(name) is not value:
                return TO_PICKLE                # a combination of flags
            self.reserve(1)
            self.data[self.size] = tags.ENUM
            self.size += 1
            return TO_PICKLE if self.put_class(cls) == TO_PICKLE else self.put(name, depth + 1)
        if kind.code == tags.UUID:
            if value.is_safe.value is not None:
                return TO_PICKLE
            data = value.bytes
            self.reserve(17)
            self.data[self.size] = tags.UUID
            memcpy(self.data + self.size + 1, PyBytes_AS_STRING(data), 16)
            self.size += 17
            return DONE
        if kind.code == tags.DECIMAL:
            data = str(value).encode("ascii")
            return self.put_raw(tags.DECIMAL, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        self.reserve(time_size)
        size = put_time(value, kind.code, self.data + self.size)
        self.size += size
        return DONE if size else TO_PICKLE

    cdef int put_object(self, object value, object cls, int depth) except -1:
        cdef Py_ssize_t at = 0, met = 0, count
        cdef PyObject* c_key
        cdef PyObject* c_item
        cdef dict state
        if has_copyreg_entry(cls):
            return TO_PICKLE
        if self.reduce is not None and self.reduce(value) is not NotImplemented:
            return TO_PICKLE
        state = PyObject_GenericGetDict(value, NULL)
        count = PyDict_GET_SIZE(state)
        self.reserve(1)
        self.data[self.size] = tags.OBJECT
        self.size += 1
        if self.put_class(cls) == TO_PICKLE:
            return TO_PICKLE
        self.put_count(count)
        while PyDict_Next(state, &at, &c_key, &c_item):
            key = <object>c_key
            item = <object>c_item
            if met == count or not PyUnicode_CheckExact(key):
                return TO_PICKLE
            self.put(key, 0)
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
            met += 1
        return DONE if met == count == PyDict_GET_SIZE(state) else TO_PICKLE

    cdef int put_class(self, object cls) except -1:
        cdef int met = self.remember(cls, False)
        if met:
            return met - 1
        record = class_record(cls)
        if record is None:
            return TO_PICKLE
        self.reserve(PyBytes_GET_SIZE(record))
        memcpy(self.data + self.size, PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))
        self.size += PyBytes_GET_SIZE(record)
        return DONE

    # ---- raw records -----------------------------------------------------------------------------------

    cdef int put_size(self, unsigned char tag, Py_ssize_t size) except -1:
        self.reserve(10)
        self.data[self.size] = <char>tag
        self.size += 1
        return self.put_count(size)

    cdef int put_count(self, Py_ssize_t count) except -1:
        self.reserve(9)
        while count >= 128:
            self.data[self.size] = <char>(128 | (count & 127))
            self.size += 1
            count >>= 7
        self.data[self.size] = <char>count
        self.size += 1
        return DONE

    cdef int put_raw(self, unsigned char tag, const char* data, Py_ssize_t size) except -1:
        self.reserve(10 + size)
        self.put_size(tag, size)
        memcpy(self.data + self.size, data, size)
        self.size += size
        return DONE

    # ---- values met again ------------------------------------------------------------------------------

    cdef int remember(self, object value, bint is_open) except -1:
        """0: not met before; 1: met, and a REF has been written; 2: met, but only pickle can express it."""
        cdef Seen* place
        if 2 * self.seen_used > self.seen_mask:
            self.grow_seen()
        place = self.place_of(<void*>value)
        if place.value == NULL:
            Py_INCREF(value)
            place.value = <void*>value
            place.offset = self.size - self.start
            place.is_open = is_open
            self.seen_used += 1
            return 0
        if place.is_open or place.offset > 0xFFFFFFFF:
            return 2
        self.data[self.start + place.offset] |= <char>tags.MARK
        self.reserve(5)
        self.data[self.size] = tags.REF
        (<uint32_t*>(self.data + self.size + 1))[0] = <uint32_t>place.offset
        self.size += 5
        return 1

    cdef Seen* place_of(self, void* value) noexcept:
        cdef Py_ssize_t i = <Py_ssize_t>((<uint64_t>value >> 4) * 0x9E3779B97F4A7C15ULL >> 32) & self.seen_mask
        while self.seen[i].value != NULL and self.seen[i].value != value:
            i = (i + 1) & self.seen_mask
        return &self.seen[i]

    cdef int grow_seen(self) except -1:
        cdef Seen* old = self.seen
        cdef Py_ssize_t i, old_mask = self.seen_mask
        cdef Py_ssize_t places = 16 if old == NULL else 4 * (old_mask + 1)
        cdef Seen* fresh = <Seen*>PyMem_Calloc(places, sizeof(Seen))
        if fresh == NULL:
            raise MemoryError()
        self.seen = fresh
        self.seen_mask = places - 1
        for i in range(old_mask + 1):
            if old[i].value != NULL:
                self.place_of(old[i].value)[0] = old[i]
        PyMem_Free(old)
        return 0

    cdef void forget(self) noexcept:
        cdef Seen* seen = self.seen
        cdef Py_ssize_t i, mask = self.seen_mask
        # Letting go may run destructors: the table is taken away first.
        self.seen = NULL
        self.seen_mask = -1
        self.seen_used = 0
        for i in range(mask + 1):
            if seen[i].value != NULL:
                Py_DECREF(<object>seen[i].value)
                seen[i].value = NULL
        if mask < KEEP_SEEN and self.seen == NULL:
            self.seen = seen
            self.seen_mask = mask
        else:
            PyMem_Free(seen)

    # ---- pickle ----------------------------------------------------------------------------------------

    cdef int put_pickle(self, object value) except -1:
        cdef Py_ssize_t start = self.size
        cdef uint64_t size, total
        self.reserve(PICKLE_HEAD)
        self.size += PICKLE_HEAD
        pickler = self.pickler
        if pickler is None:
            pickler = Pickler(self, 5, buffer_callback=self.keep_buffer)
            pickler.reducer_override = self.override
        self.pickler = None                     # after an error its state is unknown: a new one next time
        self.buffers = None
        try:
            pickler.dump(value)
            pickler.clear_memo()
            self.pickler = pickler
            if self.buffers is not None:
                self.put_buffers(start)
        finally:
            self.helper = None
            self.buffers = None
        self.data[start] = tags.PICKLE if self.data[start] != tags.BUFFERS else tags.BUFFERS
        size = self.size - start - PICKLE_HEAD
        memcpy(self.data + start + 9, &size, 8)
        total = checksum(self.data + start + 9, size + 8)
        memcpy(self.data + start + 1, &total, 8)
        return DONE

    cdef int put_buffers(self, Py_ssize_t start) except -1:
        """Appends the out-of-band buffers and their directory to the pickle at ``start``."""
        cdef Py_ssize_t body = start + PICKLE_HEAD, padding
        cdef uint64_t entry
        cdef uint64_t pickled = self.size - body
        cdef const Py_buffer* view
        cdef list entries = []
        for buffer in self.buffers:
            view = PyPickleBuffer_GetBuffer(buffer)
            padding = -self.size & (tags.ALIGN - 1)
            self.reserve(padding + view.len)
            memset(self.data + self.size, 0, padding)
            self.size += padding
            memcpy(self.data + self.size, view.buf, view.len)
            entries += (self.size - body, view.len, view.readonly)
            self.size += view.len
        entries += (pickled, len(self.buffers))
        self.reserve(8 * len(entries))
        for number in entries:
            entry = number
            memcpy(self.data + self.size, &entry, 8)
            self.size += 8
        self.data[start] = tags.BUFFERS
        return DONE

    def write(self, data: object) -> None:
        """Append bytes of a pickle (called by the pickler)."""
        cdef const unsigned char[::1] view = data
        if view.shape[0]:
            self.reserve(view.shape[0])
            memcpy(self.data + self.size, &view[0], view.shape[0])
            self.size += view.shape[0]

    def keep_buffer(self, buffer: object) -> bool:
        """Whether a buffer is to be pickled in-band; a long one is kept aside (called by the pickler)."""
        cdef const Py_buffer* view = PyPickleBuffer_GetBuffer(buffer)
        if view.len < IN_BAND or not (view.ndim <= 1 or memoryview(buffer).contiguous):
            return True
        if self.buffers is None:
            self.buffers = []
        self.buffers.append(buffer)
        return False

    def override(self, value: object) -> object:
        """How to reduce a value that pickle has no built-in treatment for (called by the pickler)."""
        cdef Kind kind
        if self.reduce is not None:
            reduced = self.reduce(value)
            if reduced is not NotImplemented:
                return reduced
        if PyType_Check(value):
            return _classes.reduce_class(value)
        if type(value) is FunctionType:
            if self.helper is None:
                self.helper = _classes.FunctionReducer()
            return self.helper(value)
        kind = kind_of(<object>Py_TYPE(value))
        return NotImplemented if kind.rule is None else kind.rule(value)


cdef object decode(const char* data, Py_ssize_t size, Py_ssize_t* used):
    return decode_value(data, size, used)


cdef bint is_plain(object value) noexcept:
    return plain(value, 4)


cdef bint plain(object value, int depth) noexcept:
    cdef Py_ssize_t i
    cdef object cls
    if (
        value is None or value is True or value is False or PyLong_CheckExact(value)
        or PyUnicode_CheckExact(value) or PyFloat_CheckExact(value) or PyBytes_CheckExact(value)
        or PyComplex_CheckExact(value)
    ):
        return True
    if PyTuple_CheckExact(value):
        if depth == 0:
            return False
        for i in range(PyTuple_GET_SIZE(value)):
            if not plain(<object>PyTuple_GET_ITEM(value, i), depth - 1):
                return False
        return True
    if PyFrozenSet_CheckExact(value):
        return depth > 0 and plain_set(value, depth - 1)
    cls = <object>Py_TYPE(value)
    if PyObject_TypeCheck(cls, EnumMeta):
        return True
    return is_immutable_kind(cls)


cdef bint plain_set(object value, int depth) noexcept:
    try:
        for item in value:
            if not plain(item, depth):
                return False
    except Exception:
        return False
    return True


cdef bint is_immutable_kind(object cls) noexcept:
    try:
        return kind_of(cls).code in (tags.DATE, tags.TIME, tags.DATETIME, tags.TIMEDELTA, tags.UUID, tags.DECIMAL)
    except Exception:
        return False


# ---- from Python -----------------------------------------------------------------------------------------

cdef list idle = []             # encoders that nobody uses just now


def dumps(value: object) -> bytes:
    """The bytes that stand for ``value``.

    Args:
        value: anything; it is neither changed nor consumed.

    Raises:
        NotShareableError: the value, or something in it, cannot travel; the message names where it is.

    >>> loads(dumps({"a": [1, 2.5, None]}))
    {'a': [1, 2.5, None]}
    """
    cdef Encoder encoder
    encoder = <Encoder>idle.pop() if idle else Encoder()
    encoder.encode(value, "value")
    result = encoder.take()
    encoder.clear()
    if len(idle) < 8:
        idle.append(encoder)
    return result


def loads(data: bytes | bytearray | memoryview) -> object:
    """The value that ``data`` stands for; it shares no memory with ``data``.

    Args:
        data: what :func:`dumps` returned, in any contiguous buffer that stays as it is during the call.

    Raises:
        CorruptDataError: the bytes are damaged, cut short or followed by others.
    """
    cdef const unsigned char[::1] view
    cdef Py_ssize_t used = 0, size
    cdef const char* start
    if type(data) is bytes:
        start = PyBytes_AS_STRING(data)
        size = PyBytes_GET_SIZE(data)
    else:
        view = data
        size = view.shape[0]
        start = <const char*>&view[0] if size else NULL
    value = decode_value(start, size, &used)
    if used != size:
        raise CorruptDataError(f"{size - used} bytes are left over behind an encoded value")
    return value


def plain_copy(value: object) -> object:
    """A copy of ``value`` that shares nothing mutable with it: what another process would receive.

    Raises:
        NotShareableError: the value, or something in it, cannot travel.

    >>> original = [[1], [2]]
    >>> copy = plain_copy(original)
    >>> copy == original, copy[0] is original[0]
    (True, False)
    """
    if is_plain(value):
        return value
    return loads(dumps(value))


def is_immutable(value: object) -> bool:
    """Whether ``value`` is known to be immutable all the way down; False when in doubt.

    >>> is_immutable((1, "a")), is_immutable((1, []))
    (True, False)
    """
    return is_plain(value)
