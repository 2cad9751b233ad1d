"""Scalars, as bytes."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport Py_TYPE, PyObject

from share.cerial cimport _tags as tags
from share.state._nodes cimport Bytes, append, number, reserve

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(PyObject*) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject*) noexcept
    char* PyUnicode_DATA(PyObject*) noexcept


cdef int put_raw(Bytes* to, int tag, const char* data, Py_ssize_t size) except -1:
    reserve(to, size + 11)
    to.data[to.size] = <char>tag
    to.size += 1
    number(to, size)
    append(to, data, size)
    return 1


cdef int put_text(Bytes* to, PyObject* value) except -1:
    if PyUnicode_IS_COMPACT_ASCII(value):
        return put_raw(to, tags.STR, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
    data = (<object>value).encode("utf-8", "surrogatepass")
    return put_raw(to, tags.STR, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef int put_long_scalar(Bytes* to, PyObject* value) except -1:
    cdef object cls = <object>Py_TYPE(<object>value)
    if cls is str:
        return put_text(to, value)
    if cls is bytes:
        return put_raw(to, tags.BYTES, PyBytes_AS_STRING(<object>value), PyBytes_GET_SIZE(<object>value))
    if cls is int:
        data = (<object>value).to_bytes((<object>value).bit_length() // 8 + 1, "little", signed=True)
        return put_raw(to, tags.BIGINT, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return 0
