# One block of shared memory, mapped for as long as this object lives.
from cpython.buffer cimport Py_buffer
from libc.stdint cimport uint64_t


cdef class Segment:
    cdef object memory
    cdef Py_buffer view
    cdef bint mapped
    cdef char* base
    cdef readonly uint64_t size
    cdef readonly str name
    cdef int reserve(self, uint64_t start, uint64_t length) except -1
    cdef void give_back(self, uint64_t start, uint64_t length) noexcept
    cpdef _map(self, memory, str name)
