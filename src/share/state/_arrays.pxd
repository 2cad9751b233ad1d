# Arrays of the module `array`, as bytes.
cdef bytes content_of_array(object self)
# `data` takes the place of so many bytes from `start` on, nothing of which is recorded; all are multiples of an item.
cdef int set_bytes(object self, Py_ssize_t start, Py_ssize_t removed, bytes data) except -1
