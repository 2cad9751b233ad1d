"""Looks at the cells of a shared object, one after the other, each of which says what has changed since the last."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport load_acq
from .._layout cimport ABSENT, DELETED, EMPTY, Version
from .._protocol cimport version_value
from .._slots cimport slot_find, slot_read
from .._wait cimport FOREVER, deadline_of
from ._nested cimport Nested
from ._noted cimport Watch
from ._proxy cimport Proxy, pause_before_retry
from ._session cimport Session

from ..errors import DeletedObjectError
from ._noted import Watch as new_watch
from ._proxy import MISSING
from ._waiting import wait_until_changed


@cython.binding(False)
cdef class Looks:
    """The cells of an object, and what they were at the last look."""

    cdef readonly Proxy owner
    cdef readonly Watch watch       # of these cells, since the last look
    cdef list indices
    cdef uint64_t* tags             # at the last look; EMPTY before the first

    def __cinit__(self, Proxy owner not None, indices):
        cdef uint32_t index
        self.owner = owner
        self.indices = list(indices)
        self.watch = new_watch(owner.session.control)
        self.tags = <uint64_t*>PyMem_Calloc(owner.cells, sizeof(uint64_t))
        if self.tags == NULL:
            raise MemoryError
        for index in range(owner.cells):
            self.tags[index] = EMPTY
        for index in self.indices:
            self.watch.add(owner.slots + index, owner.id)

    def __dealloc__(self):
        PyMem_Free(self.tags)

    def look(self):
        """(commit position, {cell: (value, whether versions in between may have been missed)}) of what has changed.

        A value is a copy of its own; MISSING: the cell is empty. What is committed is seen, however much is queued.
        """
        cdef uint64_t c, tag = 0, other, found_owner = 0
        cdef uint32_t index
        cdef Version version
        cdef bint torn
        cdef int attempts = 0, at
        cdef dict found, tags
        while True:
            c = self.owner.session.barrier(0)
            torn = False
            found, tags = {}, {}
            for index in self.indices:
                at = slot_find(self.owner.slots + index, c, &tag)
                if at >= 0 and tag == self.tags[index]:
                    continue
                # acquire: pairs with the release of the tag. EMPTY while it is being written: then nobody knows.
                other = load_acq(&self.owner.slots[index].version[1 - at].tag) if at >= 0 else EMPTY
                if not slot_read(self.owner.slots + index, c, &version, &found_owner):
                    torn = found_owner == self.owner.id
                if not torn and (found_owner != self.owner.id or version.kind == DELETED):
                    raise DeletedObjectError("the object that is looked at has been deleted from its share")
                if not torn:
                    value = MISSING if version.kind == ABSENT else \
                        version_value(self.owner.session.control, &version, &torn)
                if torn:
                    break
                found[index] = value, other != self.tags[index] and self.tags[index] != EMPTY
                tags[index] = version.tag
            if not torn:
                break
            pause_before_retry(self.owner.session, &attempts)
        for index, tag in tags.items():
            self.tags[index] = tag
        self.watch.since = c
        return c, found

    def wait(self, timeout):
        """Waits until something may have changed since the last look. False: not within `timeout` seconds."""
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        return wait_until_changed(self.watch, deadline)


def place_of(Session session not None, Proxy proxy not None):
    """(owner, cell or None for all of them, path in the owner) of a shared object or a part of one."""
    if proxy.session is not session:
        raise ValueError(f"an object of share {proxy.session.name} was given to a function of share {session.name}")
    if not proxy.is_nested:
        return proxy, None, ()
    return (<Nested>proxy).owner, (<Nested>proxy).index, (<Nested>proxy).path
