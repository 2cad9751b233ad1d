# Bytes -> object.
cdef object decode_value(const char* data, Py_ssize_t size, Py_ssize_t* used)
