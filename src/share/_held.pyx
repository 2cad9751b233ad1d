"""Tables of held nodes: how the coordinator learns which nodes some process has proxies of.

A node lives as long as it is stored somewhere or held. Each process writes the ids of the nodes that it has proxies of
into a table of its own; the coordinator, before it lets nodes go that nothing stores any more, looks into all tables.

What is between the two is one word, LOOKED. The coordinator stores into it the end of the commit that will let nodes
go, fences, and looks. Whoever makes a proxy writes the id, fences, and loads LOOKED, then C: if LOOKED is not behind
C, a look is under way that may or may not have seen the id, and the maker waits until C has passed it. Then, and if it
was so from the start, it checks that what it has read is still what is published, which shows that the node is there:
from then on nobody lets it go. So while the coordinator looks, ids can only disappear from the tables, and it cannot
miss one that is moved from a place where it has not looked yet to one where it has (models/held.pml).

When a proxy dies, commands that name its node may still be queued. So its entry holds on until C has passed all that
this process has sent; nobody has to come back for that. The same table says which answers with nodes in them a process
has taken and not decoded yet.
"""

cimport cython
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from posix.stat cimport fstat, struct_stat
from posix.unistd cimport close as close_descriptor, read

from ._atomic cimport cas, fence_sc, load_acq, load_rlx, store_rel, store_rlx, TESTPOINT
from ._control cimport Control
from ._layout cimport HOLDERS, P_HELD
from ._segment cimport Segment

import errno
import os

from ._segment import unlink
from .errors import SegmentError, ShareClosedError, ShareMemoryError

cdef extern from *:
    """
    #ifdef SHARE_TESTPOINTS
    #define SH_FIRST_HELD 64        /* growing often, so that the crash suite meets it */
    #else
    #define SH_FIRST_HELD 256
    #endif
    """
    const uint64_t FIRST "SH_FIRST_HELD"

cdef enum:
    MOST = 1 << 22                  # entries; memory is reserved only where they are used
    MOST_AWAITED = 1 << 12


cdef str held_name(str share, uint64_t serial):
    return f"{share}_h{serial:x}"


@cython.no_gc
@cython.final
@cython.binding(False)
cdef class Fork:
    """A forked child, until it has written what it holds."""

    def __cinit__(self):
        cdef struct_stat status
        self.reading = self.writing = -1
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        fstat(self.reading, &status)
        self.inode = status.st_ino

    def __dealloc__(self):
        self.close(&self.reading)
        self.close(&self.writing)

    cdef void close(self, int* descriptor) noexcept:
        cdef struct_stat status
        if descriptor[0] >= 0 and fstat(descriptor[0], &status) == 0 and status.st_ino == self.inode:
            close_descriptor(descriptor[0])
        descriptor[0] = -1

    cdef bint has_ended(self) noexcept:
        cdef struct_stat status
        cdef char byte
        return fstat(self.reading, &status) == 0 and status.st_ino == self.inode and read(self.reading, &byte, 1) == 0


@cython.no_gc
@cython.binding(False)
cdef class Held:
    """What this process holds of a share."""

    def __cinit__(self, Control control not None):
        self.control = control
        self.used = 1
        self.forks = []
        self.make_room(FIRST)

    def __dealloc__(self):
        free(self.own)

    cdef int make_room(self, uint64_t count) except -1:
        cdef Own* own
        if count > self.room:
            own = <Own*>realloc(self.own, count * sizeof(Own))
            if own == NULL:
                raise MemoryError("no memory for what this process holds of a share")
            self.own, self.room = own, count
        return 0

    cdef int open(self, uint64_t entry, uint64_t serial) except -1:
        cdef Segment segment
        cdef uint64_t count, i
        cdef uint64_t reserved = FIRST
        while reserved < self.used + 1:
            reserved *= 2
        name = held_name(self.control.name, serial)
        try:
            segment = Segment.create(name, MOST * sizeof(Hold), reserved * sizeof(Hold))
        except FileExistsError:
            return 0                # another thread has just made it
        if self.control.closed:
            # Whoever removes the share's segments did so after setting that bit, perhaps before ours was there.
            unlink(name)
            raise ShareClosedError(f"share {self.control.name} has been closed")
        self.segment, self.reserved = segment, reserved
        self.entries = <Hold*>segment.base
        for i in range(1, self.used):
            self.write(i)
        store_rlx(<uint64_t*>segment.base, self.used)
        TESTPOINT("held.made")
        # release: pairs with the acquire in Holders.find
        store_rel(self.control.process(entry, P_HELD), 1)
        TESTPOINT("held.noted")
        while True:
            # acq_rel, and before the fence in `take`: pairs with the load in Holders.begin
            count = load_acq(self.control.word(HOLDERS))
            if cas(self.control.word(HOLDERS), count, count + 1):
                break
        fence_sc()                  # as that in `take`, for what is held already
        return 0

    cdef void close(self) noexcept:
        """This process is not registered any more, or is a forked child."""
        self.segment, self.entries, self.reserved = None, NULL, 0
        self.forks, self.lacks_fork = [], False

    cdef uint64_t take(self, uint64_t id) except 0:
        cdef uint64_t entry, wanted
        while True:
            entry = self.oldest if not self.awaits_child() else 0
            if entry and self.own[entry].until <= self.control.committed():
                self.oldest = self.own[entry].next
                break
            entry = self.free if not self.awaits_child() else 0
            if entry:
                self.free = self.own[entry].next
                break
            if self.used < self.room and (self.segment is None or self.used < self.reserved):
                entry = self.used
                self.used += 1
                break
            # Other threads may run meanwhile.
            wanted = 2 * self.used
            if self.used >= MOST:
                raise ShareMemoryError(f"share {self.control.name}: this process has proxies of {MOST} parts, and "
                                       "there is no room for more: let go of some")
            wanted = min(wanted, <uint64_t>MOST)
            self.make_room(wanted)
            if self.segment is not None and self.reserved < wanted:
                segment = self.segment
                try:
                    self.segment.reserve(self.reserved * sizeof(Hold), (wanted - self.reserved) * sizeof(Hold))
                except SegmentError:
                    if self.control.closed:
                        raise ShareClosedError(f"share {self.control.name} has been closed") from None
                    raise
                TESTPOINT("held.grown")
                if self.segment is segment:
                    self.reserved = max(self.reserved, wanted)
        self.own[entry].id, self.own[entry].until = id, FOREVER
        self.living += 1
        self.write(entry)
        if self.entries != NULL:
            # release: pairs with the acquire in entries_of; what is counted is written
            store_rel(<uint64_t*>self.entries, self.used)
        TESTPOINT("held.written")
        # seq_cst: pairs with the one in Holders.begin. Either the coordinator sees this entry when it looks, or whoever
        # made it sees that the coordinator looks.
        fence_sc()
        return entry

    cdef void write(self, uint64_t entry) noexcept:
        if self.entries != NULL:
            # In this order: an id is never seen with a position of the node that had the entry before.
            store_rlx(&self.entries[entry].until, self.own[entry].until)
            # release: pairs with the acquire of the id by who looks
            store_rel(&self.entries[entry].id, self.own[entry].id)

    cdef bint begin_fork(self) noexcept:
        cdef uint64_t count
        if self.entries == NULL or self.living == 0:
            return False
        self.awaits_child()
        while True:
            count = load_rlx(&self.entries[0].until)
            if cas(&self.entries[0].until, count, count + 1):
                return True

    cdef bint awaits_child(self) noexcept:
        """Whether no entry may be used again: what it has held is to be held until a child holds it."""
        cdef Fork fork
        if self.entries != NULL and load_rlx(&self.entries[0].until) != 0:
            if self.used < MOST_AWAITED + 4 * self.living:
                if self.lacks_fork:
                    return True
                for fork in self.forks:
                    if not fork.has_ended():
                        return True
            # Some were killed on their first steps. release: pairs with the acquire in entries_of
            store_rel(&self.entries[0].until, 0)
        if self.forks or self.lacks_fork:
            self.forks, self.lacks_fork = [], False
        return False

    cdef void release(self, uint64_t entry, uint64_t until) noexcept:
        self.own[entry].until = until
        self.own[entry].next = 0
        self.living -= 1
        if self.entries != NULL:
            # release: what is held instead, since before, is seen by whoever sees this
            store_rel(&self.entries[entry].until, until)
        if until == 0:
            self.own[entry].next = self.free
            self.free = entry
        elif self.oldest == 0:
            self.oldest = self.youngest = entry
        else:
            self.own[self.youngest].next = entry
            self.youngest = entry


@cython.no_gc
@cython.final
@cython.freelist(64)
@cython.binding(False)
cdef class Holding:
    """Holds a node as long as it lives itself."""

    def __dealloc__(self):
        if self.entry:
            self.held.release(self.entry, self.held.last_sent)


cdef Holding hold(Held held, uint64_t id):
    cdef Holding self = Holding.__new__(Holding)
    self.held = held
    self.entry = held.take(id)
    return self


cdef void end_fork(Segment parents) noexcept:
    cdef Hold* entries = <Hold*>parents.base
    cdef uint64_t count
    while True:
        # acq_rel: pairs with the acquire in entries_of. Who sees this finds our own table.
        count = load_acq(&entries[0].until)
        if count == 0 or cas(&entries[0].until, count, count - 1):
            break


cdef Segment open_table(str name):
    try:
        return Segment.attach(name, FIRST * sizeof(Hold))
    except SegmentError as error:
        if error.errno == errno.ENOENT:
            return None
        raise


cdef const Hold* entries_of(Segment segment, uint64_t* used, bint* awaits_child) noexcept:
    cdef uint64_t most = segment.size // sizeof(Hold)
    # acquire: pairs with the release in `take`
    used[0] = min(load_acq(<uint64_t*>segment.base), most)
    awaits_child[0] = load_acq(&(<const Hold*>segment.base).until) != 0     # acquire: pairs with the one in end_fork
    return <const Hold*>segment.base
