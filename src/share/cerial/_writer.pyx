"""A growing, reusable buffer that encoded values are written into."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcpy, memset

from share.cerial cimport _tags as tags

cdef extern from "Python.h":
    bint PyBytes_CheckExact(object) noexcept
    int _PyBytes_Resize(PyObject**, Py_ssize_t) except -1

cdef enum:
    FIRST_CAPACITY = 512
    KEEP_CAPACITY = 1 << 22         # a longer buffer is not kept for the next value
    GIVE_AWAY = 1 << 16             # a longer result is handed out instead of being copied


@cython.binding(False)
cdef class Writer:
    """Bytes are appended at ``data[size]``; whoever writes there reserves the room first."""

    def __cinit__(self):
        self.data = NULL
        self.size = 0
        self.capacity = 0

    cdef void clear(self) noexcept:
        self.size = 0
        if self.capacity > KEEP_CAPACITY:
            self.storage = None
            self.data = NULL
            self.capacity = 0

    cdef int reserve(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t wanted, needed = self.size + more
        cdef bytes fresh
        if needed <= self.capacity:
            return 0
        # Exact for a long value: what need not be shortened stays in reach of the allocator when it is freed.
        wanted = max(needed, self.capacity + (self.capacity >> 1), <Py_ssize_t>FIRST_CAPACITY)
        if self.storage is None:
            fresh = PyBytes_FromStringAndSize(NULL, wanted)
        else:
            fresh = self.resized(wanted)
        self.storage = fresh
        self.data = PyBytes_AS_STRING(fresh)
        self.capacity = wanted
        return 0

    cdef bytes resized(self, Py_ssize_t size):
        """The storage, made longer or shorter, taken out of this writer."""
        cdef PyObject* moved = <PyObject*>self.storage
        # Resizing needs the only reference, and on a failure it frees the object.
        Py_INCREF(self.storage)
        self.storage = None
        self.data = NULL
        self.capacity = 0
        _PyBytes_Resize(&moved, size)
        result = <bytes>moved
        Py_DECREF(result)
        return result

    cdef bytes take(self):
        """What has been written, as bytes; the buffer is then empty."""
        cdef Py_ssize_t size = self.size
        self.size = 0
        if size < GIVE_AWAY:
            return PyBytes_FromStringAndSize(self.data, size)
        return self.resized(size)

    cdef int put_count(self, Py_ssize_t count) except -1:
        """A base-128 number, low digits first."""
        self.reserve(9)
        while count >= 128:
            self.data[self.size] = <char>(128 | (count & 127))
            self.size += 1
            count >>= 7
        self.data[self.size] = <char>count
        self.size += 1
        return 0

    cdef int put_tagged(self, unsigned char tag, Py_ssize_t count) except -1:
        self.reserve(10)
        self.data[self.size] = <char>tag
        self.size += 1
        return self.put_count(count)

    cdef int put_raw(self, unsigned char tag, const char* data, Py_ssize_t size) except -1:
        self.reserve(10 + size)
        self.data[self.size] = <char>tag
        self.size += 1
        if size < 128:
            self.data[self.size] = <char>size
            self.size += 1
        else:
            self.put_count(size)
        memcpy(self.data + self.size, data, size)
        self.size += size
        return 0

    cdef int put_text(self, object value) except -1:
        cdef bytes data
        if PyUnicode_IS_COMPACT_ASCII(value):
            return self.put_raw(tags.STR, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
        data = value.encode("utf-8", "surrogatepass")
        return self.put_raw(tags.STR, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int put_aligned(self, const void* data, Py_ssize_t size) except -1:
        """Zeros up to a multiple of ALIGN within this buffer, then the bytes."""
        cdef Py_ssize_t padding = -self.size & (tags.ALIGN - 1)
        self.reserve(padding + size)
        memset(self.data + self.size, 0, padding)
        self.size += padding
        memcpy(self.data + self.size, data, size)
        self.size += size
        return 0

    def write(self, data: object) -> None:
        """Append bytes (called by a pickler)."""
        if not PyBytes_CheckExact(data):
            self.write_view(data)
            return
        # With some room beyond, because a pickler goes on writing.
        self.reserve(PyBytes_GET_SIZE(data) + (PyBytes_GET_SIZE(data) >> 3))
        memcpy(self.data + self.size, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        self.size += PyBytes_GET_SIZE(data)

    cdef int write_view(self, object data) except -1:
        cdef const unsigned char[::1] view = data
        if view.shape[0]:
            self.reserve(view.shape[0])
            memcpy(self.data + self.size, &view[0], view.shape[0])
            self.size += view.shape[0]
        return 0
