# Lists of nothing but int64s, or of nothing but floats, packed (INTS and FLOATS of _tags.pxd).
from cpython.object cimport PyObject

from share.cerial._reader cimport Reader
from share.cerial._writer cimport Writer

# 1 = written, 0 = the list is neither. It must not be empty.
cdef int put_packed(Writer writer, list value) except -1
cdef list get_ints(Reader* r)
cdef list get_floats(Reader* r)

cdef extern from *:
    """
    /* The value of an exact int. Nearly all fit into one digit, which is read without a call. */
    static inline long long share_small_int(PyObject *number, int *overflow)
    {
    #if PY_VERSION_HEX >= 0x030C0000
        if (PyUnstable_Long_IsCompact((PyLongObject *)number))
            return (long long)PyUnstable_Long_CompactValue((PyLongObject *)number);
    #else
        Py_ssize_t digits = Py_SIZE(number);
        if (digits >= -1 && digits <= 1)
            return digits * (long long)((PyLongObject *)number)->ob_digit[0];
    #endif
        int over = 0;
        long long value = PyLong_AsLongLongAndOverflow(number, &over);
        *overflow |= over;
        return value;
    }
    """
    long long small_int "share_small_int"(PyObject* number, int* overflow) noexcept
