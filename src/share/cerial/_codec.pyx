"""Object <-> bytes, compiled: the encoder, and what the rest of the library calls."""

cimport cython

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_F_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free
from cpython.object cimport Py_TYPE, PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from share.cerial cimport _tags as tags
from share.cerial._arrays cimport ARRAY_HEAD, MAX_DIMENSIONS, number_size
from share.cerial._checksum cimport checksum
from share.cerial._decoder cimport decode_value
from share.cerial._kinds cimport BY_PICKLE, Kind, class_record, has_copyreg_entry, is_importable, kind_of
from share.cerial._packed cimport put_packed, small_int
from share.cerial._plain cimport PLAIN_DEPTH, is_scalar, plain
from share.cerial._seen cimport Place, find_place, forget_all, make_room
from share.cerial._times cimport put_time, time_size
from share.cerial._writer cimport Writer, put_str, room

import pickle
from types import FunctionType

from share.cerial import _classes, _explain
from share.cerial._functions import FunctionReducer
from share.cerial._sentinels import is_sentinel, reduce_sentinel
from share.errors import NotShareableError, ShareError

cdef extern from "Python.h":
    const Py_buffer* PyPickleBuffer_GetBuffer(object) except NULL
    object PyObject_GenericGetDict(object, void*)
    PyObject* PyList_GET_ITEM(list, Py_ssize_t) noexcept
    PyObject* PyTuple_GET_ITEM(tuple, Py_ssize_t) noexcept
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
    Py_ssize_t PyUnicode_GET_LENGTH(object) noexcept
    Py_ssize_t PyDict_GET_SIZE(object) noexcept
    Py_ssize_t PySet_GET_SIZE(object) noexcept
    Py_ssize_t PyByteArray_GET_SIZE(object) noexcept
    char* PyByteArray_AS_STRING(object) noexcept
    double PyFloat_AS_DOUBLE(object) noexcept
    Py_ssize_t Py_REFCNT(PyObject*) noexcept
    ctypedef struct Py_complex:
        double real
        double imag
    Py_complex PyComplex_AsCComplex(object)

cdef enum:
    IN_BAND = 4096              # a shorter buffer is copied into the pickle itself
    PICKLE_HEAD = 17            # tag, checksum, size

# What `put` answers.
cdef enum:
    DONE = 0
    TO_PICKLE = 1               # the whole value has to be pickled

cdef dict plain_types = {}      # subclass of another type -> that type, or a function that gives the plain object


def register_plain(cls, base) -> None:
    """Have instances of ``cls``, a subclass of another type, travel as what that type, or a function, makes of them."""
    plain_types[cls] = base


class Pickler(pickle.Pickler):
    """A pickler of the C implementation that asks its encoder about every object it does not know."""

    reducer_override: object


@cython.binding(False)
@cython.final
cdef class Encoder(Writer):
    """A growing, reusable buffer of encoded values."""

    def __cinit__(self):
        self.seen.places = NULL
        self.seen.mask = -1
        self.seen.used = 0
        self.busy = False

    def __dealloc__(self):
        forget_all(&self.seen)
        PyMem_Free(self.seen.places)

    cdef int encode(self, object value, object where) except -1:
        cdef Py_ssize_t start = self.size
        if self.busy:
            raise RuntimeError("an Encoder was used again while it was encoding; keep one per nesting")
        if is_scalar(value):
            return self.put(value, 0)
        self.busy = True
        self.start = start
        self.root = NULL
        self.first_class = NULL
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
            if self.seen.used:
                forget_all(&self.seen)
            self.busy = False
        return 0

    # ---- one value -------------------------------------------------------------------------------------

    cdef int put(self, object value, int depth) except -1:
        cdef int overflow = 0
        cdef long long number
        cdef Py_complex parts
        cdef double real
        if PyLong_CheckExact(value):
            number = small_int(<PyObject*>value, &overflow)
            if overflow:
                data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
                return self.put_raw(tags.BIGINT, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            return self.put_int(number)
        if PyUnicode_CheckExact(value):
            if PyUnicode_GET_LENGTH(value) >= tags.LONG_TEXT and depth and Py_REFCNT(<PyObject*>value) > 2:
                met = self.remember(value, False)
                if met:
                    return met - 1
            return put_str(self, value)
        if value is None or value is True or value is False:
            room(self, 1)
            self.data[self.size] = tags.NONE if value is None else tags.TRUE if value is True else tags.FALSE
            self.size += 1
            return DONE
        if PyFloat_CheckExact(value):
            room(self, 9)
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
            room(self, 17)
            parts = PyComplex_AsCComplex(value)
            self.data[self.size] = tags.COMPLEX
            memcpy(self.data + self.size + 1, &parts.real, 8)
            memcpy(self.data + self.size + 9, &parts.imag, 8)
            self.size += 17
            return DONE
        if depth > tags.DEPTH:
            return TO_PICKLE
        if PyTuple_CheckExact(value) or PyFrozenSet_CheckExact(value):
            return self.put_immutable(value, depth)
        if PyType_Check(value):
            if has_copyreg_entry(<object>Py_TYPE(value)):       # of its metaclass
                return TO_PICKLE
            if self.reduce is not None and self.reduce(value) is not NotImplemented:
                return TO_PICKLE
            return self.put_class(value)
        return self.put_mutable(value, depth)

    # Which objects may be met twice? Whoever calls `put` holds one reference besides the owner's, so with
    # two references there is one owner and no other way to the object: nothing needs to be remembered.
    # The outermost object (depth 0) is compared with directly.

    cdef int put_immutable(self, object value, int depth) except -1:
        cdef bint is_remembered = depth and Py_REFCNT(<PyObject*>value) > 2
        cdef int met
        if PyTuple_CheckExact(value) and PyTuple_GET_SIZE(value) == 0:
            return self.put_tagged(tags.TUPLE, 0)
        if depth == 0:
            self.root = <void*>value
        elif is_remembered:
            met = self.remember(value, True)
            if met:
                return met - 1
        if PyTuple_CheckExact(value):
            met = self.put_tuple(value, depth)
        else:
            met = self.put_set(value, tags.FROZENSET, depth)
        if is_remembered and met == DONE:
            find_place(&self.seen, <void*>value).is_open = False
        return met

    cdef int put_mutable(self, object value, int depth) except -1:
        cdef int met
        cdef object cls = <object>Py_TYPE(value)
        if not PyList_CheckExact(value) and not PyDict_CheckExact(value) and cls in plain_types:
            if depth and Py_REFCNT(<PyObject*>value) > 2 and isinstance(value, (list, dict, set)):
                met = self.remember(value, False)
                if met:
                    return met - 1
            return self.put(plain_types[cls](value), depth)
        if depth == 0:
            self.root = <void*>value
        elif Py_REFCNT(<PyObject*>value) > 2:
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

    cdef int put_int(self, long long number) except -1:
        cdef char* to
        room(self, 9)
        to = self.data + self.size
        if -128 <= number < 128:
            to[0] = tags.INT8
            to[1] = <int8_t>number
            self.size += 2
        elif -32768 <= number < 32768:
            to[0] = tags.INT16
            (<int16_t*>(to + 1))[0] = <int16_t>number
            self.size += 3
        elif -2147483648 <= number < 2147483648:
            to[0] = tags.INT32
            (<int32_t*>(to + 1))[0] = <int32_t>number
            self.size += 5
        else:
            to[0] = tags.INT64
            memcpy(to + 1, &number, 8)
            self.size += 9
        return DONE

    cdef int put_list(self, list value, int depth) except -1:
        cdef Py_ssize_t i, count = PyList_GET_SIZE(value)
        if count >= tags.PACKED and put_packed(self, value):
            return DONE
        self.put_tagged(tags.LIST, count)
        for i in range(count):
            if i >= PyList_GET_SIZE(value):     # a reducer changed it
                return TO_PICKLE
            item = <object>PyList_GET_ITEM(value, i)
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
        return DONE if PyList_GET_SIZE(value) == count else TO_PICKLE

    cdef int put_tuple(self, tuple value, int depth) except -1:
        cdef Py_ssize_t i, count = PyTuple_GET_SIZE(value)
        self.put_tagged(tags.TUPLE, count)
        for i in range(count):
            item = <object>PyTuple_GET_ITEM(value, i)
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
        return DONE

    cdef int put_dict(self, dict value, int depth) except -1:
        cdef Py_ssize_t count = PyDict_GET_SIZE(value), met = 0, at = 0
        cdef PyObject* c_key
        cdef PyObject* c_item
        self.put_tagged(tags.DICT, count)
        while PyDict_Next(value, &at, &c_key, &c_item):
            key = <object>c_key
            item = <object>c_item
            if met == count:
                return TO_PICKLE
            if PyUnicode_CheckExact(key) and PyUnicode_GET_LENGTH(key) < tags.LONG_TEXT:
                put_str(self, key)
            elif self.put_key(key, depth + 1) == TO_PICKLE:
                return TO_PICKLE
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
            met += 1
        return DONE if met == count == PyDict_GET_SIZE(value) else TO_PICKLE

    cdef int put_set(self, object value, unsigned char tag, int depth) except -1:
        self.put_tagged(tag, PySet_GET_SIZE(value))
        for item in value:
            if self.put_key(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
        return DONE

    cdef int put_key(self, object value, int depth) except -1:
        # What is hashed on arrival must not be an object whose state is still to come.
        if (
            PyUnicode_CheckExact(value) or PyLong_CheckExact(value) or is_plain(value)
            or <object>Py_TYPE(value) in plain_types
        ):
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
            return self.put_member(value, cls)
        if kind.code == tags.ARRAY:
            return self.put_array(value)
        if kind.code == tags.UUID:
            if value.is_safe.value is not None:
                return TO_PICKLE
            data = value.bytes
            room(self, 17)
            self.data[self.size] = tags.UUID
            memcpy(self.data + self.size + 1, PyBytes_AS_STRING(data), 16)
            self.size += 17
            return DONE
        if kind.code == tags.DECIMAL:
            data = str(value).encode("ascii")
            return self.put_raw(tags.DECIMAL, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        room(self, time_size)
        size = put_time(value, kind.code, self.data + self.size)
        self.size += size
        return DONE if size else TO_PICKLE

    cdef int put_member(self, object value, object cls) except -1:
        name = value._name_
        if not PyUnicode_CheckExact(name) or cls._member_map_.get(name) is not value:
            return TO_PICKLE                    # a combination of flags
        room(self, 1)
        self.data[self.size] = tags.ENUM
        self.size += 1
        return TO_PICKLE if self.put_class(cls) == TO_PICKLE else put_str(self, name)

    cdef int put_array(self, object value) except -1:
        cdef Py_buffer view
        if not self.put_array_head(value, &view):
            return TO_PICKLE
        try:
            room(self, view.len)
            memcpy(self.data + self.size, view.buf, view.len)
            self.size += view.len
        finally:
            PyBuffer_Release(&view)
        return DONE

    cdef bint put_array_head(self, object value, Py_buffer* view) except -1:
        cdef int64_t dimension
        cdef Py_ssize_t padding
        cdef int i
        cdef char* to
        cdef bint is_fortran
        if self.reduce is not None and self.reduce(value) is not NotImplemented:
            return False
        is_fortran = value.flags.fnc
        try:
            PyObject_GetBuffer(
                value, view, PyBUF_FORMAT | (PyBUF_F_CONTIGUOUS if is_fortran else PyBUF_C_CONTIGUOUS)
            )
        except (BufferError, ValueError):
            return False
        try:
            if view.ndim > MAX_DIMENSIONS or view.itemsize == 0 or number_size(view.format) != view.itemsize:
                PyBuffer_Release(view)
                return False
            room(self, ARRAY_HEAD + 8 * view.ndim + tags.ALIGN)
            to = self.data + self.size
            to[0] = <char>tags.ARRAY
            to[1] = view.readonly | is_fortran << 1
            to[2] = <char>view.ndim
            to[3] = view.format[0]
            to[4] = view.format[1]
            for i in range(view.ndim):
                dimension = view.shape[i]
                memcpy(to + 5 + 8 * i, &dimension, 8)
            self.size += ARRAY_HEAD + 8 * view.ndim
            padding = -self.size & (tags.ALIGN - 1)
            self.data[self.size - 1] = <char>padding
            memset(self.data + self.size, 0, padding)
            self.size += padding
        except BaseException:
            PyBuffer_Release(view)
            raise
        return True

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
        if not count and is_sentinel(value):
            return TO_PICKLE
        room(self, 1)
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
            put_str(self, key)
            if self.put(item, depth + 1) == TO_PICKLE:
                return TO_PICKLE
            met += 1
        return DONE if met == count == PyDict_GET_SIZE(state) else TO_PICKLE

    cdef int put_class(self, object cls) except -1:
        cdef int met
        if self.first_class == NULL:
            self.first_class = <void*>cls
            self.first_class_offset = self.size - self.start
        else:
            met = self.remember(cls, False)
            if met:
                return met - 1
        record = class_record(cls)
        if record is None:
            return TO_PICKLE
        room(self, PyBytes_GET_SIZE(record))
        memcpy(self.data + self.size, PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))
        self.size += PyBytes_GET_SIZE(record)
        return DONE

    # ---- values met again ------------------------------------------------------------------------------

    cdef int remember(self, object value, bint is_open) except -1:
        """0: not met before; 1: met, and a REF has been written; 2: met, but only pickle can express it."""
        cdef Place* place
        if <void*>value == self.root:
            return 2 if PyTuple_CheckExact(value) or PyFrozenSet_CheckExact(value) else self.put_reference(0)
        if <void*>value == self.first_class:
            return self.put_reference(self.first_class_offset)
        make_room(&self.seen)
        place = find_place(&self.seen, <void*>value)
        if place.value == NULL:
            Py_INCREF(value)
            place.value = <void*>value
            place.offset = self.size - self.start
            place.is_open = is_open
            self.seen.used += 1
            return 0
        return 2 if place.is_open else self.put_reference(place.offset)

    cdef int put_reference(self, Py_ssize_t offset) except -1:
        cdef uint32_t short_offset = <uint32_t>offset
        if offset > 0xFFFFFFFF:
            return 2
        self.data[self.start + offset] |= <char>tags.MARK
        room(self, 5)
        self.data[self.size] = tags.REF
        memcpy(self.data + self.size + 1, &short_offset, 4)
        self.size += 5
        return 1

    # ---- pickle ----------------------------------------------------------------------------------------

    cdef int put_pickle(self, object value) except -1:
        cdef Py_ssize_t start = self.size
        cdef uint64_t size, total
        room(self, PICKLE_HEAD)
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
            self.data[start] = tags.PICKLE if self.buffers is None else tags.BUFFERS
            if self.buffers is not None:
                self.put_buffers(start)
        finally:
            self.function_reducer = None
            self.buffers = None
        size = self.size - start - PICKLE_HEAD
        memcpy(self.data + start + 9, &size, 8)
        total = checksum(self.data + start + 9, size + 8, self.data[start])
        memcpy(self.data + start + 1, &total, 8)
        return DONE

    cdef int put_buffers(self, Py_ssize_t start) except -1:
        """Appends the out-of-band buffers and their directory to the pickle at ``start``."""
        cdef Py_ssize_t body = start + PICKLE_HEAD, wanted = 16
        cdef uint64_t number
        cdef uint64_t pickled = self.size - body
        cdef const Py_buffer* view
        cdef list directory = []
        for buffer in self.buffers:
            wanted += PyPickleBuffer_GetBuffer(buffer).len + tags.ALIGN + 24
        room(self, wanted)
        for buffer in self.buffers:
            view = PyPickleBuffer_GetBuffer(buffer)
            self.put_aligned(view.buf, view.len)
            directory += (self.size - view.len - body, view.len, view.readonly)
        directory += (pickled, len(self.buffers))
        for number in directory:
            memcpy(self.data + self.size, &number, 8)
            self.size += 8
        return DONE

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
            if has_copyreg_entry(<object>Py_TYPE(value)):
                return NotImplemented
            return NotImplemented if is_importable(value) else _classes.reduce_class(value)
        if type(value) is FunctionType:
            if is_importable(value):
                return NotImplemented
            if self.function_reducer is None:
                self.function_reducer = FunctionReducer()
            return self.function_reducer(value)
        kind = kind_of(<object>Py_TYPE(value))
        if self.fresh is not None and not kind.decoded:
            self.fresh.add(kind)
        return reduce_sentinel(value) if kind.rule is None else kind.rule(value)


cdef object decode(const char* data, Py_ssize_t size, Py_ssize_t* used):
    return decode_value(data, size, used)


cdef bint is_plain(object value) noexcept:
    return plain(value, PLAIN_DEPTH)
