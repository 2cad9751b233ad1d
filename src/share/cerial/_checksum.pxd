# A fast 64-bit checksum against damaged bytes (it is no defence against forged ones).
from libc.stdint cimport uint64_t

cdef uint64_t checksum(const char* data, Py_ssize_t size) noexcept nogil
