"""The objects of one value that may be met again: a hash table from address to place."""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.ref cimport Py_DECREF
from libc.stdint cimport uint64_t

cdef enum:
    FIRST = 16
    KEEP = 1 << 10                  # a larger table is not kept for the next value


cdef Place* find_place(Seen* seen, void* value) noexcept:
    cdef Py_ssize_t i = <Py_ssize_t>((<uint64_t>value >> 4) * 0x9E3779B97F4A7C15ULL >> 32) & seen.mask
    while seen.places[i].value != NULL and seen.places[i].value != value:
        i = (i + 1) & seen.mask
    return &seen.places[i]


cdef int make_room(Seen* seen) except -1:
    cdef Place* old = seen.places
    cdef Py_ssize_t i, old_mask = seen.mask
    cdef Py_ssize_t count = FIRST if old == NULL else 4 * (old_mask + 1)
    cdef Place* fresh
    if 2 * seen.used <= old_mask:
        return 0
    fresh = <Place*>PyMem_Calloc(count, sizeof(Place))
    if fresh == NULL:
        raise MemoryError()
    seen.places = fresh
    seen.mask = count - 1
    for i in range(old_mask + 1):
        if old[i].value != NULL:
            find_place(seen, old[i].value)[0] = old[i]
    PyMem_Free(old)
    return 0


cdef void forget_all(Seen* seen) noexcept:
    cdef Seen old = seen[0]
    cdef Py_ssize_t i
    # Letting go may run destructors, so the table is taken away first.
    seen.places = NULL
    seen.mask = -1
    seen.used = 0
    for i in range(old.mask + 1):
        if old.places[i].value != NULL:
            Py_DECREF(<object>old.places[i].value)
            old.places[i].value = NULL
    if old.mask < KEEP and seen.places == NULL:
        seen.places = old.places
        seen.mask = old.mask
    else:
        PyMem_Free(old.places)
