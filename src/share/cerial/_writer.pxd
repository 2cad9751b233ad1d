# A growing, reusable buffer of bytes.

cdef class Writer:
    cdef char* data
    cdef Py_ssize_t size            # bytes used
    cdef Py_ssize_t capacity
    cdef object storage             # the bytes object that `data` points into

    cdef void clear(self) noexcept
    cdef int reserve(self, Py_ssize_t more) except -1
    cdef bytes resized(self, Py_ssize_t size)
    cdef bytes take(self)
    cdef int put_count(self, Py_ssize_t count) except -1
    cdef int put_tagged(self, unsigned char tag, Py_ssize_t count) except -1
    cdef int put_raw(self, unsigned char tag, const char* data, Py_ssize_t size) except -1
    cdef int put_text(self, object value) except -1
    cdef int put_aligned(self, const void* data, Py_ssize_t size) except -1
    cdef int write_view(self, object data) except -1


# `reserve`, at no cost when there is room.
cdef inline int room(Writer writer, Py_ssize_t more) except -1:
    if writer.capacity - writer.size < more:
        return writer.reserve(more)
    return 0
