"""Reusable memory for payloads that are too large for a ring: each lies there until its reader says so by a count.

Who makes an arena alone gives its parts out and takes them back, and notes in memory of its own which are in use; what
others see of it is what a record of a ring refers to. So a death leaves nothing half done:

- A sender's arena holds arguments of its commands. A part is free when C has passed the command, whoever executed it
  and how often. When the sender has died the arena goes with its entry, for which C must have passed all it had queued.
- The coordinator's arena for one process holds answers. A part is free when that process has taken the record that
  refers to it, for which it has copied the bytes before. A successor finds in the ring what is in use: records that C
  has passed stay until they are taken, all others have been cut off.
"""

import os
from collections import deque

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from ._atomic cimport TESTPOINT
from ._segment cimport Segment

from ._segment import unlink
from .errors import CorruptDataError, SegmentError

cdef extern from *:
    """
    #ifdef SHARE_TESTPOINTS
    /* full, growing and shrinking all the time, so that the crash suite meets everything */
    #define SH_ARENA (1 << 16)
    #define SH_STEP (1 << 12)
    #define SH_KEPT (1 << 12)
    #else
    #define SH_ARENA (1 << 26)
    #define SH_STEP (1 << 16)
    #define SH_KEPT (1 << 20)
    #endif
    """
    const uint64_t MOST "SH_ARENA"      # bytes of an arena, unless an eighth of /dev/shm is less
    const uint64_t STEP "SH_STEP"       # memory is reserved in such steps, and in larger ones where there is much
    const uint64_t KEPT "SH_KEPT"       # so much of it is not given back

cdef uint64_t bytes_of_one = 0


cdef uint64_t arena_bytes() except 0:
    """How large an arena is; memory is reserved only where it is used."""
    global bytes_of_one
    if bytes_of_one == 0:
        folder = os.statvfs("/dev/shm")
        bytes_of_one = max(STEP, min(MOST, <uint64_t>(folder.f_blocks * folder.f_frsize // 8)))
        bytes_of_one = bytes_of_one // STEP * STEP
    return bytes_of_one


cdef class Region:
    """A part of an arena."""


cdef class Arena:
    """Parts are given out and come back in turn, as in a ring; the lowest addresses are used first."""

    def __cinit__(self, Segment segment not None):
        self.segment = segment
        self.regions = deque()

    cdef Region take(self, uint64_t size):
        """A part of at least that many bytes, PENDING. None: there is no room. Raises ShareMemoryError."""
        cdef uint64_t start = 0, end, first
        cdef Region region
        size = (size + 63) // 64 * 64
        if size > self.segment.size // 4:
            return None
        if self.regions:
            first = (<Region>self.regions[0]).start
            start = self.next
            if start <= first:
                if size > first - start:
                    return None
            elif start + size > self.reserved and size <= first:
                start = 0           # rather than to reserve more
            elif start + size > self.segment.size:
                return None
        region = self.take_at(start, start + size, PENDING)
        if region.end > self.reserved:
            end = max(region.end, min(self.segment.size, self.reserved + self.reserved // 4))
            end = min(self.segment.size, (end + STEP - 1) // STEP * STEP)
            try:
                self.segment.reserve(self.reserved, end - self.reserved)
                TESTPOINT("arena.grown")
            except BaseException:
                region.until = 0
                raise
            # Another thread may have been here meanwhile, and may have come further.
            self.reserved = max(self.reserved, end)
            self.touched = max(self.touched, end)
        return region

    cdef Region take_at(self, uint64_t start, uint64_t end, uint64_t until):
        cdef Region region = Region()
        region.start, region.end, region.until = start, end, until
        self.regions.append(region)
        self.next = end
        self.used = max(self.used, end)
        return region

    cdef int release(self, uint64_t count) except -1:
        """Takes back what was in use until then. Of memory that has not been needed lately most is given back."""
        cdef uint64_t kept
        while self.regions and (<Region>self.regions[0]).until <= count:
            self.regions.popleft()
        if self.regions:
            return 0
        self.next = 0
        self.lately = max(self.lately - self.lately // 8, self.used)
        self.used = 0
        kept = max(KEPT, (self.lately + STEP - 1) // STEP * STEP)
        if self.touched > 2 * kept:
            self.segment.give_back(kept, self.touched - kept)
            TESTPOINT("arena.given_back")
            self.reserved = min(self.reserved, kept)
            self.touched = kept
        return 0

    cdef bint has_spare(self) noexcept:
        """Whether releasing may give memory back some time."""
        return self.touched > 2 * KEPT


cdef Arena open_arena(str name):
    """Makes an arena; or takes over that of a predecessor, of which nothing is in use as far as this knows."""
    cdef Segment segment
    cdef Arena arena
    cdef uint64_t size = arena_bytes(), reserved = STEP, touched = STEP
    try:
        segment = Segment.create(name, size, STEP)
    except FileExistsError:
        try:
            segment = Segment.attach(name, STEP)
            reserved, touched = 0, segment.size     # nothing is known
        except SegmentError:        # its maker died making it, so nothing can refer to it
            unlink(name)
            segment = Segment.create(name, size, STEP)
    TESTPOINT("arena.made")
    arena = Arena(segment)
    arena.reserved, arena.touched = reserved, touched
    return arena


cdef const char* referred(Segment segment, const char* reference, uint64_t size, uint64_t* length) except NULL:
    cdef uint64_t[2] found
    if size != sizeof(found):
        raise CorruptDataError(f"a reference of {size} bytes to what lies in an arena")
    memcpy(found, reference, sizeof(found))
    if found[0] > segment.size or found[1] > segment.size - found[0]:
        raise CorruptDataError(f"a reference to {found[1]} bytes at {found[0]} in an arena of {segment.size}")
    length[0] = found[1]
    return segment.base + found[0]
