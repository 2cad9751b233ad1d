# The bytes of one value, and how far they have been read.
from cpython.object cimport PyObject


cdef struct Reader:
    const char* start               # of the value
    const char* at
    const char* end
    PyObject* marked                # dict: offset -> what a REF may name; NULL = none yet
    PyObject* last_found            # what the latest REF named, borrowed from `marked`; NULL = none yet
    unsigned int last_place
    int depth
    Py_ssize_t budget               # items that may still be announced: each takes at least one byte

cdef int corrupt(Reader* r, object what) except -1                      # raises CorruptDataError
cdef Py_ssize_t get_count(Reader* r, Py_ssize_t each) except -1
cdef Py_ssize_t get_items(Reader* r) except -1
cdef object get_text(Reader* r, Py_ssize_t size)
cdef object get_key_text(Reader* r)                                     # None: not a short ASCII STR
cdef int put_mark(Reader* r, Py_ssize_t offset, object value) except -1
cdef int verify(Reader* r, Py_ssize_t size, unsigned char tag) except -1


cdef inline int need(Reader* r, Py_ssize_t size) except -1:
    if r.end - r.at < size:
        corrupt(r, "data cut short")
    return 0


# Lets REFs find `value`; offset -1: nobody refers to it.
cdef inline int mark(Reader* r, Py_ssize_t offset, object value) except -1:
    return 0 if offset < 0 else put_mark(r, offset, value)
