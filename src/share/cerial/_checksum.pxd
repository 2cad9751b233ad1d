# A fast 64-bit checksum against damaged bytes (it is no defence against forged ones). `seed` is what else
# it depends on: of a record, its tag.
from libc.stdint cimport uint64_t

cdef uint64_t checksum(const char* data, Py_ssize_t size, uint64_t seed) noexcept nogil
