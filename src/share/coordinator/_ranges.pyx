"""What has changed in a large array, found by comparing it with what is published."""

cimport cython

from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, memmove

from .._layout cimport MOST_RANGES, Range

cdef enum:
    LINE = 64                   # a range is made of as many bytes, or of a multiple
    LEAST_STEP = 4096           # so many are compared at once, or more
    MOST_NEW = MOST_RANGES // 2     # so those of the version before remain


@cython.binding(False)
cdef class Ranges:
    """The latest changes of one array, the oldest first."""

    cdef int add(self, uint64_t tag, const char* before, const char* now, uint64_t head, uint64_t size) except -1:
        cdef Range[MOST_NEW] found
        cdef uint64_t step = LEAST_STEP, at, start, end, changed = 0
        cdef int count = 0, old = 0
        while step * MOST_NEW < size:
            step *= 2
        for at in range(head, head + size, step):
            start, end = at, min(at + step, head + size)
            if memcmp(before + start, now + start - head, end - start) == 0:
                continue
            while is_same(before, now - head, start, end):
                start += LINE
            at = (end - 1 - start) // LINE * LINE + start
            while is_same(before, now - head, at, end):
                end = at
                at -= LINE
            changed += end - start
            if count and found[count - 1].start + found[count - 1].length == start:
                found[count - 1].length += end - start
                continue
            found[count].since, found[count].start, found[count].length = tag, start, end - start
            count += 1
        if 2 * changed > size:
            count = 1
            found[0].start, found[0].length = head, size
        if self.count + count > MOST_RANGES:
            while self.count - old + count > MOST_RANGES or self.ranges[old].since == self.ranges[old - 1].since:
                old += 1
            self.count -= old
            memmove(self.ranges, self.ranges + old, self.count * sizeof(Range))
        memcpy(self.ranges + self.count, found, count * sizeof(Range))
        self.count += count
        return count

    cdef Ranges another(self):
        cdef Ranges other = Ranges()
        other.count = self.count
        memcpy(other.ranges, self.ranges, self.count * sizeof(Range))
        return other


cdef inline bint is_same(const char* before, const char* now, uint64_t start, uint64_t end) noexcept:
    return memcmp(before + start, now + start, min(<uint64_t>LINE, end - start)) == 0
