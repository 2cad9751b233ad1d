# Scalars, as bytes.
from cpython.object cimport PyObject

from share.state._nodes cimport Bytes

# 1: written, 0: it is no scalar.
cdef int put_long_scalar(Bytes* to, PyObject* value) except -1
cdef int put_text(Bytes* to, PyObject* value) except -1

cdef extern from *:
    """
    #ifndef SHARE_SCALARS
    #define SHARE_SCALARS
    #include "state/_nodes.h"
    enum { SHARE_NONE = 1, SHARE_FALSE, SHARE_TRUE, SHARE_INT8, SHARE_INT16, SHARE_INT32, SHARE_INT64,
           SHARE_FLOAT = 9, SHARE_STR = 11, SHARE_BYTES = 12 };        /* as in cerial/_tags.pxd */

    /* 1: written, 0: no short scalar, -1: an error. */
    static inline int share_put_short(share_bytes *to, PyObject *value)
    {
        PyTypeObject *cls = Py_TYPE(value);
        char *data;
        if (share_reserve(to, 160) < 0)
            return -1;
        data = to->data + to->size;
        if (cls == &PyLong_Type) {
            long long number;
            int overflow = 0;
    #if PY_VERSION_HEX >= 0x030C0000
            if (PyUnstable_Long_IsCompact((PyLongObject *)value))
                number = (long long)PyUnstable_Long_CompactValue((PyLongObject *)value);
    #else
            Py_ssize_t digits = Py_SIZE(value);
            if (digits >= -1 && digits <= 1)
                number = digits * (long long)((PyLongObject *)value)->ob_digit[0];
    #endif
            else
                number = PyLong_AsLongLongAndOverflow(value, &overflow);
            if (overflow)
                return 0;
            if (number == (int8_t)number) {
                data[0] = SHARE_INT8;
                data[1] = (char)number;
                to->size += 2;
            } else if (number == (int16_t)number) {
                int16_t n = (int16_t)number;
                data[0] = SHARE_INT16;
                memcpy(data + 1, &n, 2);
                to->size += 3;
            } else if (number == (int32_t)number) {
                int32_t n = (int32_t)number;
                data[0] = SHARE_INT32;
                memcpy(data + 1, &n, 4);
                to->size += 5;
            } else {
                data[0] = SHARE_INT64;
                memcpy(data + 1, &number, 8);
                to->size += 9;
            }
            return 1;
        }
        if (cls == &PyUnicode_Type) {
            if (!PyUnicode_IS_COMPACT_ASCII(value) || PyUnicode_GET_LENGTH(value) > 127)
                return 0;
            Py_ssize_t size = PyUnicode_GET_LENGTH(value);
            data[0] = SHARE_STR;
            data[1] = (char)size;
            memcpy(data + 2, PyUnicode_DATA(value), size);
            to->size += 2 + size;
            return 1;
        }
        if (value == Py_None) {
            data[0] = SHARE_NONE;
            to->size++;
            return 1;
        }
        if (cls == &PyFloat_Type) {
            double number = PyFloat_AS_DOUBLE(value);
            data[0] = SHARE_FLOAT;
            memcpy(data + 1, &number, 8);
            to->size += 9;
            return 1;
        }
        if (cls == &PyBool_Type) {
            data[0] = value == Py_True ? SHARE_TRUE : SHARE_FALSE;
            to->size++;
            return 1;
        }
        return 0;
    }
    #endif
    """
    int put_short "share_put_short"(Bytes* to, PyObject* value) except -1


cdef inline int put_scalar(Bytes* to, PyObject* value) except -1:
    if put_short(to, value):
        return 1
    return put_long_scalar(to, value)
