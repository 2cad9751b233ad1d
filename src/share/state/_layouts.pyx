"""What only CPython's own headers tell: attributes that have no dict yet, and places in a dict."""

from collections import OrderedDict

from cpython.object cimport PyObject

cdef extern from "state/_layouts.h":
    int share_next_attribute(PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    int share_odict_behind(PyObject*, PyObject*, Py_hash_t, PyObject*, PyObject**) noexcept
    PyObject* share_set_member(PyObject*, PyObject*, Py_hash_t) noexcept
    Py_ssize_t share_dict_place(PyObject*, PyObject*, Py_hash_t, PyObject*) noexcept

cdef extern from "Python.h":
    bint PyDict_Next(PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    Py_hash_t PyObject_Hash(object) except -1


cdef int next_attribute(PyObject* object, Py_ssize_t* at, PyObject** name, PyObject** value) noexcept:
    return share_next_attribute(object, at, name, value)


cdef int find_key(PyObject* dictionary, object key, Py_hash_t hash, PyObject* value, PyObject** stored,
                  PyObject** behind) except -1:
    cdef PyObject* found_value
    cdef Py_ssize_t at = share_dict_place(dictionary, <PyObject*>key, hash, value)
    stored[0] = behind[0] = NULL
    if at >= 0:
        PyDict_Next(dictionary, &at, stored, &found_value)
    else:                                       # its place is not known: look for it
        at = 0
        while PyDict_Next(dictionary, &at, stored, &found_value):
            if stored[0] == <PyObject*>key or found_value == value and <object>stored[0] == key:
                break
        else:
            raise KeyError(key)
    if not PyDict_Next(dictionary, &at, behind, &found_value):
        behind[0] = NULL
    return 0


cdef PyObject* own_key(PyObject* dictionary, object key, Py_hash_t hash, PyObject* value) noexcept:
    cdef PyObject* stored
    cdef PyObject* found_value
    cdef Py_ssize_t at = share_dict_place(dictionary, <PyObject*>key, hash, value)
    if at >= 0 and PyDict_Next(dictionary, &at, &stored, &found_value):
        return stored
    return <PyObject*>key


cdef bint is_odict_known = False


cdef bint find_behind(PyObject* ordered, object key, PyObject* value, PyObject** behind) except -1:
    return is_odict_known and share_odict_behind(ordered, <PyObject*>key, PyObject_Hash(key), value, behind)


cdef bint try_odict() except -1:
    """Whether an OrderedDict is laid out as we think."""
    cdef PyObject* behind
    sample = OrderedDict((n, [n]) for n in range(40))
    for n in range(0, 40, 3):
        del sample[n]
    sample.move_to_end(4)
    keys = list(sample)
    for n, following in zip(keys, [*keys[1:], None]):
        if not share_odict_behind(<PyObject*>sample, <PyObject*>n, hash(n), <PyObject*>sample[n], &behind):
            return False
        if (None if behind == NULL else <object>behind) is not following:
            return False
    return True


is_odict_known = try_odict()


cdef PyObject* find_member(PyObject* set, object member) except? NULL:
    return share_set_member(set, <PyObject*>member, PyObject_Hash(member))
