# Bytes -> object.
cdef object decode_value(const char* data, Py_ssize_t size, Py_ssize_t* used)

# (shape, dtype, whether it is in Fortran order, where its numbers begin) of an encoded array.
cdef tuple array_layout(const char* data, Py_ssize_t size)
