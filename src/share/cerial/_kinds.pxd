# What the encoder does with instances of a class, decided once a class.
cdef enum:
    BY_PICKLE = 0               # beside these: ENUM, OBJECT, DATE, ..., the tags of _tags.pxd

cdef class Kind:
    cdef int code
    cdef unsigned int version   # tp_version_tag of the class when this was decided, 0 = unknown
    cdef object rule            # None or callable(obj) -> reduce tuple
    cdef bint decoded           # an instance has been decoded in this process
    cdef object owner           # weak reference to the class
    cdef object record          # how the class itself is written, None = not asked yet
    cdef object module          # where it can be imported from, None = it travels by value
    cdef object name

cdef Kind kind_of(object cls)
# How a class is written (CLASS or LOCAL_CLASS), or None if only pickle knows.
cdef object class_record(object cls)
# Whether other processes can import a class or function by its name. (True only when sure.)
cdef bint is_importable(object value) noexcept
cdef bint has_copyreg_entry(object cls) noexcept
