# Dates and times as fixed fields, little-endian:
#
#   DATE       year (2), month (1), day (1)
#   TIME       hour (1), minute (1), second (1), microsecond (4), zone and fold (1)
#   DATETIME   a DATE body, then a TIME body
#   TIMEDELTA  days (4), seconds (4), microseconds (4)
#
# Zone and fold: bit 0 = fold, bit 1 = timezone.utc (else naive). Other zones are left to pickle.
cdef enum:
    time_size = 13              # the longest, tag included

# Writes tag and body of an exact datetime type; the size, or 0 if its zone has to be pickled.
cdef Py_ssize_t put_time(object value, int tag, char* to) noexcept
# The size of a body, and the value that it stands for (ValueError or OverflowError if impossible).
cdef Py_ssize_t body_size(int tag) noexcept
cdef object get_time(int tag, const char* at)
