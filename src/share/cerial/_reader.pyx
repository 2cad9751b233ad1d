"""Reading encoded bytes: sizes, text, marks and checksums, each checked against what is there."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from share.cerial cimport _tags as tags
from share.cerial._checksum cimport checksum

from share.errors import CorruptDataError

cdef extern from "Python.h":
    Py_ssize_t PyUnicode_GET_LENGTH(object) noexcept
    char* PyUnicode_DATA(object) noexcept
    void PyUnicode_InternInPlace(PyObject**) noexcept

cdef enum:
    KEYS = 1024
    KEY_SIZE = 32

# Short keys that were read lately, each at a place that its length and three of its bytes give.
cdef PyObject* keys[KEYS]
memset(keys, 0, sizeof(keys))


cdef int corrupt(Reader* r, object what) except -1:
    raise CorruptDataError(f"{what} at byte {r.at - r.start} of an encoded value")


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


cdef Py_ssize_t get_items(Reader* r) except -1:
    """The number of items of a list or tuple, for which space is set aside at once.

    Nested ones could each announce as many items as there are bytes left, so the sum is limited too.
    """
    cdef Py_ssize_t count = get_count(r, 1)
    r.budget -= count
    if r.budget < 0:
        corrupt(r, "more items than bytes")
    return count


cdef int put_mark(Reader* r, Py_ssize_t offset, object value) except -1:
    cdef dict fresh
    if r.marked == NULL:
        fresh = {}
        Py_INCREF(fresh)
        r.marked = <PyObject*>fresh
    (<dict>r.marked)[offset] = value
    return 0


cdef object get_text(Reader* r, Py_ssize_t size):
    try:
        value = PyUnicode_DecodeUTF8(r.at, size, "surrogatepass")
    except UnicodeDecodeError as error:
        raise CorruptDataError(f"damaged text at byte {r.at - r.start} of an encoded value") from error
    r.at += size
    return value


cdef object get_key_text(Reader* r):
    """A dict key or attribute name: short ASCII ones are interned, and the last ones kept at hand."""
    cdef unsigned char size
    cdef uint32_t place = 0
    cdef Py_ssize_t i
    cdef PyObject* known
    if r.end - r.at < 2 or r.at[0] != tags.STR:
        return None
    size = r.at[1]
    if size == 0 or size > KEY_SIZE or size > r.end - r.at - 2:
        return None
    place = (
        size + 31 * <unsigned char>r.at[2] + 961 * <unsigned char>r.at[1 + size]
        + 29791 * <unsigned char>r.at[2 + size // 2]
    ) % KEYS
    known = keys[place]
    if (
        known != NULL and PyUnicode_GET_LENGTH(<object>known) == size
        and memcmp(PyUnicode_DATA(<object>known), r.at + 2, size) == 0
    ):
        r.at += 2 + size
        return <object>known
    for i in range(size):
        if r.at[2 + i] & 128:
            return None
    r.at += 2
    key = intern_text(get_text(r, size))
    known = keys[place]
    Py_INCREF(key)
    keys[place] = <PyObject*>key
    Py_XDECREF(known)
    return key


cdef object intern_text(object text):
    cdef PyObject* place = <PyObject*>text
    Py_INCREF(text)
    PyUnicode_InternInPlace(&place)
    interned = <object>place
    Py_XDECREF(place)
    return interned


cdef int verify(Reader* r, Py_ssize_t size, unsigned char tag) except -1:
    """Steps over the checksum at hand and compares it with the ``size`` bytes behind it."""
    cdef uint64_t expected
    need(r, 8)
    memcpy(&expected, r.at, 8)
    r.at += 8
    need(r, size)
    if checksum(r.at, size, tag) != expected:
        corrupt(r, "wrong checksum")
    return 0
