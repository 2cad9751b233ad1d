"""numpy arrays of plain numbers; numpy is imported only by a process that meets one."""

cdef dict dtypes = {}               # format -> numpy.dtype
cdef object ndarray = None


cdef Py_ssize_t number_size(const char* format) noexcept:
    cdef char letter = format[0]
    cdef Py_ssize_t factor = 1
    if letter == b"Z":
        letter = format[1]
        factor = 2
        if letter not in (b"f", b"d") or format[2] != 0:
            return 0
    elif format[1] != 0:
        return 0
    if letter in (b"?", b"b", b"B"):
        return 1
    if letter in (b"h", b"H", b"e"):
        return 2
    if letter in (b"i", b"I", b"f"):
        return 4 * factor
    if letter in (b"q", b"Q", b"d"):
        return 8 * factor
    if letter in (b"l", b"L"):
        return sizeof(long)
    return 0


cdef object make_array(const char* format, tuple shape, object buffer, bint is_fortran):
    global ndarray
    if ndarray is None:
        from numpy import ndarray
    if is_fortran:
        return ndarray(shape, dtype_of(format), buffer, 0, None, "F")
    return ndarray(shape, dtype_of(format), buffer)


cdef object dtype_of(const char* format):
    dtype = dtypes.get(<bytes>format)
    if dtype is None:
        from numpy import dtype as new_dtype

        # numpy spells complex numbers "F" and "D", not "Zf" and "Zd".
        text = (<bytes>format).decode("ascii")
        dtype = dtypes[<bytes>format] = new_dtype({"Zf": "F", "Zd": "D"}.get(text, text))
    return dtype
