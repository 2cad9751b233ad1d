# A growing, reusable buffer of bytes.
from libc.string cimport memcpy

from share.cerial cimport _tags as tags

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object) noexcept
    char* PyUnicode_DATA(object) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object) noexcept


cdef class Writer:
    cdef char* data
    cdef Py_ssize_t size            # bytes used
    cdef Py_ssize_t capacity
    cdef object storage             # the bytes object that `data` points into

    cdef void clear(self) noexcept
    cdef int reserve(self, Py_ssize_t more) except -1
    cdef bytes resized(self, Py_ssize_t size)
    cdef bytes take(self)
    cdef int put_count(self, Py_ssize_t count) except -1
    cdef int put_tagged(self, unsigned char tag, Py_ssize_t count) except -1
    cdef int put_raw(self, unsigned char tag, const char* data, Py_ssize_t size) except -1
    cdef int put_text(self, object value) except -1
    cdef int put_aligned(self, const void* data, Py_ssize_t size) except -1
    cdef int write_view(self, object data) except -1


# `reserve`, at no cost when there is room.
cdef inline int room(Writer writer, Py_ssize_t more) except -1:
    if writer.capacity - writer.size < more:
        return writer.reserve(more)
    return 0


# An exact str as a STR; short ASCII ones, which nearly all are, without a call.
cdef inline int put_str(Writer writer, object value) except -1:
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(value)
    cdef char* to
    if size >= 128 or not PyUnicode_IS_COMPACT_ASCII(value):
        return writer.put_text(value)
    room(writer, 2 + size)
    to = writer.data + writer.size
    to[0] = tags.STR
    to[1] = <char>size
    memcpy(to + 2, PyUnicode_DATA(value), size)
    writer.size += 2 + size
    return 0
