# What only CPython's own headers tell: attributes that have no dict yet, and places in a dict.
from cpython.object cimport PyObject

# The next attribute of an instance: 1 one, 0 the end, -1 ask its __dict__. What it gives is borrowed.
cdef int next_attribute(PyObject* object, Py_ssize_t* at, PyObject** name, PyObject** value) noexcept
# The key itself that is stored with this very value, for one that equals it; and the one behind it, NULL: it is the
# last. Both are borrowed.
cdef int find_key(PyObject* dictionary, object key, Py_hash_t hash, PyObject* value, PyObject** stored,
                  PyObject** behind) except -1
# Only the key itself; what was given if that is not known. Borrowed.
cdef PyObject* own_key(PyObject* dictionary, object key, Py_hash_t hash, PyObject* value) noexcept
# The key behind one of an OrderedDict, borrowed, NULL: it is the last; False: look for it.
cdef bint find_behind(PyObject* ordered, object key, PyObject* value, PyObject** behind) except -1
# The member itself, for one that equals it, of which there is one; borrowed, NULL: it is not known.
cdef PyObject* find_member(PyObject* set, object member) except? NULL
