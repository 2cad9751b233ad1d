# Which values are immutable all the way down.
cdef enum:
    PLAIN_DEPTH = 4                 # tuples and frozensets nested deeper are not looked into


# Whether a value is of an exact type that is written as one record and never refers to anything.
cdef inline bint is_scalar(object value) noexcept:
    return (
        value is None or value is True or value is False or PyLong_CheckExact(value)
        or PyUnicode_CheckExact(value) or PyFloat_CheckExact(value) or PyBytes_CheckExact(value)
        or PyComplex_CheckExact(value)
    )

cdef bint plain(object value, int depth) noexcept

cdef extern from "Python.h":
    bint PyLong_CheckExact(object) noexcept
    bint PyUnicode_CheckExact(object) noexcept
    bint PyFloat_CheckExact(object) noexcept
    bint PyBytes_CheckExact(object) noexcept
    bint PyComplex_CheckExact(object) noexcept
