# Object <-> bytes: what the other compiled modules use. The layout is drawn in _tags.pxd.
cimport cython

from share.cerial._seen cimport Seen
from share.cerial._writer cimport Writer


# A growing, reusable buffer of encoded values: `data`, `size`, `capacity`, `clear()`, `reserve()`.
# Not thread-safe: the GIL is held throughout, but Python code that runs while something is pickled may
# want to encode too, so keep one per nesting.
@cython.final
cdef class Encoder(Writer):
    # None or callable(obj) -> NotImplemented | reduce tuple: asked, before anything else, for every
    # object that has no built-in treatment.
    cdef public object reduce

    # None or a set: gets the Kind of each class whose instances are pickled by code of its own and have not been
    # decoded in this process (Kind.decoded).
    cdef set fresh

    cdef object pickler
    cdef object function_reducer    # reduces functions by value, and lives as long as one pickling
    cdef list buffers               # out-of-band buffers of the pickling under way
    cdef bint busy
    # Of the value being encoded:
    cdef Py_ssize_t start
    cdef void* root                 # its outermost container, borrowed
    cdef void* first_class          # the first class written, borrowed: most values have no other
    cdef Py_ssize_t first_class_offset
    cdef Seen seen

    # Appends one encoded value; on an error `size` is as before. `where` is the root of the attribute
    # path in a NotShareableError ("argument 1", "attribute words").
    cdef int encode(self, object value, object where) except -1

    cdef int put(self, object value, int depth) except -1
    cdef int put_int(self, long long number) except -1
    cdef int put_mutable(self, object value, int depth) except -1
    cdef int put_immutable(self, object value, int depth) except -1
    cdef int put_list(self, list value, int depth) except -1
    cdef int put_tuple(self, tuple value, int depth) except -1
    cdef int put_dict(self, dict value, int depth) except -1
    cdef int put_set(self, object value, unsigned char tag, int depth) except -1
    cdef int put_key(self, object value, int depth) except -1
    cdef int put_other(self, object value, int depth) except -1
    cdef int put_class(self, object cls) except -1
    cdef int put_member(self, object value, object cls) except -1
    cdef int put_object(self, object value, object cls, int depth) except -1
    cdef int put_array(self, object value) except -1
    # What comes before an array's numbers, which `view` has until it is released. False: it is to be pickled.
    cdef bint put_array_head(self, object value, Py_buffer* view) except -1
    cdef int put_pickle(self, object value) except -1
    cdef int put_buffers(self, Py_ssize_t start) except -1
    cdef int remember(self, object value, bint is_open) except -1
    cdef int put_reference(self, Py_ssize_t offset) except -1

# Decodes one value from the front; *used = bytes consumed. Bounds are checked everywhere.
# Raises CorruptDataError for bad bytes. `data` must stay as it is until the call returns.
cdef object decode(const char* data, Py_ssize_t size, Py_ssize_t* used)

# Whether a value is immutable all the way down (cheap, and False when in doubt).
cdef bint is_plain(object value) noexcept
