# Object <-> bytes: what the other compiled modules use. The layout is drawn in _tags.pxd.
cdef struct Seen:               # an object of the value being encoded that may be met again
    void* value                 # a strong reference, NULL = free place
    Py_ssize_t offset           # where its tag is, from the start of the value
    bint is_open                # an immutable container whose items are not all written yet


# A growing, reusable buffer. Not thread-safe: the GIL is held throughout, but Python code that runs
# while something is pickled may want to encode too, so keep one per nesting.
cdef class Encoder:
    cdef char* data
    cdef Py_ssize_t size        # bytes used
    cdef Py_ssize_t capacity
    # None or callable(obj) -> NotImplemented | reduce tuple: asked, before anything else, for every
    # object that has no built-in treatment.
    cdef public object reduce

    cdef object storage         # the bytes object that `data` points into
    cdef object pickler
    cdef object helper          # reduces functions by value, and lives as long as one pickling
    cdef list buffers           # out-of-band buffers of the pickling under way
    cdef bint busy
    cdef Py_ssize_t start       # of the value being encoded
    cdef Seen* seen             # open addressing, `seen_mask + 1` places
    cdef Py_ssize_t seen_mask
    cdef Py_ssize_t seen_used

    cdef void clear(self) noexcept
    cdef int reserve(self, Py_ssize_t more) except -1
    # Appends one encoded value; on an error `size` is as before. `where` is the root of the attribute
    # path in a NotShareableError ("argument 1", "attribute words").
    cdef int encode(self, object value, object where) except -1

    cdef bytes take(self)
    cdef int put(self, object value, int depth) except -1
    cdef int put_list(self, list value, int depth) except -1
    cdef int put_tuple(self, tuple value, int depth) except -1
    cdef int put_dict(self, dict value, int depth) except -1
    cdef int put_set(self, object value, unsigned char tag, int depth) except -1
    cdef int put_key(self, object value, int depth) except -1
    cdef int put_other(self, object value, int depth) except -1
    cdef int put_class(self, object cls) except -1
    cdef int put_object(self, object value, object cls, int depth) except -1
    cdef int put_pickle(self, object value) except -1
    cdef int put_buffers(self, Py_ssize_t start) except -1
    cdef int put_size(self, unsigned char tag, Py_ssize_t size) except -1
    cdef int put_count(self, Py_ssize_t count) except -1
    cdef int put_raw(self, unsigned char tag, const char* data, Py_ssize_t size) except -1
    cdef int remember(self, object value, bint is_open) except -1
    cdef Seen* place_of(self, void* value) noexcept
    cdef int grow_seen(self) except -1
    cdef void forget(self) noexcept

# Decodes one value from the front; *used = bytes consumed. Bounds are checked everywhere.
# Raises CorruptDataError for bad bytes. `data` must stay as it is until the call returns.
cdef object decode(const char* data, Py_ssize_t size, Py_ssize_t* used)

# Whether a value is immutable all the way down (cheap, and False when in doubt).
cdef bint is_plain(object value) noexcept
