# What has changed in a large array from version to version, so that a reader who has an older one need not copy it all.
#
# They lie behind the array's bytes, at the next multiple of 8, and the slot says how many there are and since which
# version they are complete: whoever has that one or a later one is up to date with those of the ranges whose version
# before is not older than his. All begin at multiples of 64, and all but the last of the array end there.
from libc.stdint cimport uint64_t

from .._layout cimport MOST_RANGES, Range


cdef class Ranges:
    cdef Range[MOST_RANGES] ranges
    cdef int count
    cdef uint64_t position      # the tag of the version that they lead to

    # Adds how an array of `size` bytes differs from what the version of that tag has, behind `head` bytes: in so many
    # ranges. Older ones make room.
    cdef int add(self, uint64_t tag, const char* before, const char* now, uint64_t head, uint64_t size) except -1
    # The same ones.
    cdef Ranges another(self)
