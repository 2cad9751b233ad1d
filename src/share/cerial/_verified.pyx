"""Decoding what executes something (imports, definitions, pickles): never before its checksum was right."""

from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from libc.stdint cimport uint16_t, uint64_t
from libc.string cimport memcpy

from share.cerial cimport _tags as tags
from share.cerial._reader cimport Reader, corrupt, get_count, need, verify

import pickle

from share.cerial import _classes

cdef extern from "Python.h":
    enum:
        PyBUF_READ

cdef enum:
    KEEP_CLASSES = 4096
    SHORT_PICKLE = 1024             # copying it costs less than a view of it

cdef object unpickle = pickle.loads
cdef object stand_ins = None        # asked for classes and pickles, where none may be loaded
cdef dict class_places = {}         # the text of a CLASS record -> (module, names): parsed once


def set_stand_ins(found):
    """Who is asked for classes and pickles from now on instead of loading them; ``None``: they are loaded."""
    global stand_ins
    before, stand_ins = stand_ins, found
    return before


cdef object get_class(Reader* r):
    cdef Py_ssize_t size = get_count(r, 1)
    cdef bytes text
    cdef PyObject* found
    verify(r, size, tags.CLASS)
    text = PyBytes_FromStringAndSize(r.at, size)
    r.at += size
    found = PyDict_GetItem(class_places, text)
    if found != NULL:
        place = <object>found
    else:
        if len(class_places) >= KEEP_CLASSES:
            class_places.clear()
        module, _, names = text.decode("utf-8").partition(":")
        place = class_places[text] = (module, names)
    if stand_ins is not None:
        return stand_ins.by_reference(*place)
    return _classes.find_class(*place)


cdef object get_local_class(Reader* r):
    cdef Py_ssize_t size = get_count(r, 1)
    cdef uint16_t token_size
    need(r, size + 8)
    if size < 2:
        corrupt(r, "data cut short")
    memcpy(&token_size, r.at + 8, 2)
    if token_size > size - 2:
        corrupt(r, "data cut short")
    token = PyBytes_FromStringAndSize(r.at + 10, token_size)
    if stand_ins is not None:
        verify(r, size, tags.LOCAL_CLASS)
        r.at += size
        return stand_ins.by_value(token)
    value = _classes.by_token(token)
    if value is None:
        # Only now does it matter whether the definition is undamaged.
        verify(r, size, tags.LOCAL_CLASS)
        value = _classes.load_class(
            token, PyBytes_FromStringAndSize(r.at + 2 + token_size, size - 2 - token_size)
        )
        r.at += size
    else:
        r.at += 8 + size
    return value


cdef object get_pickle(Reader* r, bint with_buffers):
    cdef uint64_t size
    cdef Py_ssize_t length
    cdef list buffers = None
    need(r, 16)
    memcpy(&size, r.at + 8, 8)
    if size > <uint64_t>(r.end - r.at - 16):
        corrupt(r, "size beyond the end")
    length = size
    verify(r, length + 8, tags.BUFFERS if with_buffers else tags.PICKLE)
    r.at += 8
    if stand_ins is not None:
        r.at += size
        return stand_ins.pickled(PyBytes_FromStringAndSize(r.at - size, length))
    if with_buffers:
        buffers = []
        length = get_buffers(r, length, buffers)
    if length <= SHORT_PICKLE and buffers is None:
        value = unpickle(PyBytes_FromStringAndSize(r.at, length))
    else:
        view = PyMemoryView_FromMemory(<char*>r.at, length, PyBUF_READ)
        try:
            value = unpickle(view, buffers=buffers)
        finally:
            view.release()
    r.at += size
    return value


cdef Py_ssize_t get_buffers(Reader* r, Py_ssize_t size, list buffers) except -1:
    """Copies the buffers out of a verified BUFFERS body; the length of the pickle before them."""
    cdef uint64_t[2] tail
    cdef uint64_t[3] entry
    cdef uint64_t i, end
    cdef const char* directory
    if size < 16:
        corrupt(r, "data cut short")
    memcpy(tail, r.at + size - 16, 16)
    end = size - 16
    if tail[0] > end or tail[1] > end // 24:
        corrupt(r, "size beyond the end")
    end -= tail[1] * 24
    directory = r.at + end
    for i in range(tail[1]):
        memcpy(entry, directory + i * 24, 24)
        if entry[0] > end or entry[1] > end - entry[0]:
            corrupt(r, "size beyond the end")
        if entry[2]:
            buffers.append(PyBytes_FromStringAndSize(r.at + entry[0], entry[1]))
        else:
            buffers.append(PyByteArray_FromStringAndSize(r.at + entry[0], entry[1]))
    return tail[0]
