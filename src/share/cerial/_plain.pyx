"""Which values are immutable all the way down: such values need no copies."""

from cpython.object cimport Py_TYPE, PyObject
from cpython.tuple cimport PyTuple_GET_SIZE

from share.cerial cimport _tags as tags
from share.cerial._kinds cimport kind_of

import enum

cdef extern from "Python.h":
    PyObject* PyTuple_GET_ITEM(tuple, Py_ssize_t) noexcept
    bint PyTuple_CheckExact(object) noexcept
    bint PyFrozenSet_CheckExact(object) noexcept
    bint PyObject_TypeCheck(object, type) noexcept

cdef type EnumMeta = enum.EnumMeta


cdef bint plain(object value, int depth) noexcept:
    cdef Py_ssize_t i
    cdef object cls
    if is_scalar(value):
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
    cdef int code
    try:
        code = kind_of(cls).code
        return tags.DATE <= code <= tags.TIMEDELTA or code == tags.UUID or code == tags.DECIMAL
    except Exception:
        return False
