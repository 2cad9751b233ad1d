# numpy arrays of plain numbers, by way of the buffer protocol:
#
#   ARRAY   flags (1: 1 = read-only, 2 = Fortran order), number of dimensions (1), format (2: one or two
#           letters of the struct module, "Z" before a letter = complex), the dimensions (8 each), padding
#           size (1), padding, the numbers
#
# in native byte order. All other arrays are left to pickle.
cdef enum:
    ARRAY_HEAD = 6                  # without dimensions and padding
    MAX_DIMENSIONS = 32

cdef Py_ssize_t number_size(const char* format) noexcept    # 0 = no plain number
cdef object dtype_of(const char* format)
cdef object make_array(const char* format, tuple shape, object buffer, bint is_fortran)
