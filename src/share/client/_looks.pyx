"""Looks at the cells of a shared object, one after the other, each of which says what has changed since the last."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport load_acq, load_rlx
from .._layout cimport ABSENT, BOXED, DELETED, EMPTY, NODE, Slot, Version
from .._protocol cimport version_value
from .._slots cimport slot_find, slot_read
from .._wait cimport FOREVER, deadline_of
from ._nested cimport Nested
from ._noted cimport Watch
from ._proxy cimport Proxy
from ._replica cimport Cell, READY, Reader
from ._session cimport pause_before_retry, Session

from .. import _paths
from ..errors import DeletedObjectError
from ._noted import Watch as new_watch
from ._proxy import MISSING
from ._waiting import wait_until_changed


@cython.binding(False)
cdef class Seen:
    """A cell of nodes as it was at a look."""

    cdef const Slot* slot
    cdef uint64_t owner, tag


cdef Seen seen_of(Cell cell):
    cdef Seen self = Seen.__new__(Seen)
    self.slot, self.owner, self.tag = cell.slot, cell.owner, cell.tag
    return self


cdef bint is_as_seen(Seen cell, uint64_t c) noexcept:
    cdef uint64_t tag = 0
    return load_rlx(&cell.slot.owner) == cell.owner and slot_find(cell.slot, c, &tag) >= 0 and tag == cell.tag


cdef bint follows(const Slot* slot, uint64_t c, uint64_t tag, uint64_t before) noexcept:
    """Whether the version with that tag, the newest, has followed the one with the tag `before`."""
    cdef uint64_t found = 0
    cdef int at = slot_find(slot, c, &found)
    # acquire: pairs with the release of the tag. EMPTY while it is being written: then nobody knows.
    return at >= 0 and found == tag and load_acq(&slot.version[1 - at].tag) == before


@cython.binding(False)
cdef class Looks:
    """The cells of an object, or the node of a part, and what they were at the last look."""

    cdef readonly Proxy owner       # or the part that is a node
    cdef readonly Watch watch       # of what was read, since the last look
    cdef bint is_node
    cdef list indices
    cdef uint64_t* tags             # at the last look; EMPTY before the first
    cdef dict nodes                 # index -> {number: Seen} of the cells that an attribute was in

    def __cinit__(self, Proxy owner not None, indices):
        cdef uint32_t index
        self.owner = owner
        self.is_node = owner.is_nested
        self.indices = [0] if self.is_node else list(indices)
        self.nodes = {}
        self.tags = <uint64_t*>PyMem_Calloc(1 if self.is_node else owner.cells, sizeof(uint64_t))
        if self.tags == NULL:
            raise MemoryError
        for index in range(1 if self.is_node else owner.cells):
            self.tags[index] = EMPTY
        self.watch = new_watch(owner.session.control)

    def __dealloc__(self):
        PyMem_Free(self.tags)

    def look(self):
        """(commit position, {cell: (value, whether it was assigned, whether versions may have been missed)}) of what
        has changed.

        A value is a copy of its own; MISSING: the cell is empty. What is committed is seen, however much is queued.
        """
        cdef uint64_t c
        cdef int attempts = 0
        # Of its own: nobody else moves it, and what is read in the end belongs to whoever asked.
        cdef Reader reader = Reader(self.owner.session.control, True)
        cdef dict found, tags, nodes
        while True:
            c = self.owner.session.barrier(0)
            found, tags, nodes = {}, {}, {}
            for index in self.indices:
                if not self.look_at(index, c, reader, found, tags, nodes):
                    break
            else:
                break
            pause_before_retry(self.owner.session, &attempts)
        for index, tag in tags.items():
            self.tags[<uint32_t>index] = tag
        if found:
            self.nodes.update(nodes)
            self.begin_watch()
        self.watch.since = c
        return c, found

    cdef bint look_at(self, uint32_t index, uint64_t c, Reader reader, dict found, dict tags,
                      dict nodes) except -1:
        """One cell; False: what is there was being written."""
        cdef Proxy owner = self.owner
        cdef uint64_t tag = EMPTY, found_owner = 0
        cdef Version version
        cdef bint torn = False, assigned = False, gap = False
        cdef const Slot* slot = NULL
        cdef Seen cell
        if not self.is_node:
            slot = owner.slots + index
            if slot_find(slot, c, &tag) < 0 or tag != self.tags[index]:
                assigned = True
            elif index not in self.nodes:
                return True
        if not assigned and index in self.nodes:
            for cell in self.nodes[index].values():
                if not is_as_seen(cell, c):
                    break
            else:
                return True
        if self.is_node:
            version.payload[0], version.payload[1], version.payload[2] = owner.node, owner.home, 0
            version.kind, version.tag = NODE, EMPTY
        else:
            if not slot_read(slot, c, &version, &found_owner):
                if found_owner == owner.id:
                    return False
                raise deleted()
            if found_owner != owner.id or version.kind == DELETED:
                raise deleted()
            gap = assigned and self.tags[index] != EMPTY and not follows(slot, c, version.tag, self.tags[index])
        if version.kind == NODE:
            cells = {}
            nodes[index] = cells
            value = self.node_at(index, c, reader, &version, cells, assigned, &gap)
            if value is None:
                return False
        else:
            nodes[index] = {}
            value = MISSING
            if version.kind != ABSENT:
                value = version_value(owner.session.control, &version, &torn)
                if torn:
                    return False
        found[index] = value, assigned, gap
        tags[index] = version.tag
        return True

    cdef object node_at(self, uint32_t index, uint64_t c, Reader reader, const Version* version, dict cells,
                        bint assigned, bint* gap):
        """A copy of a node with all that it holds; None: it was being written."""
        cdef uint64_t position = 0
        cdef list closure = []
        cdef dict before = self.nodes.get(index)
        cdef set tags = {version.tag} if assigned else set()
        cdef Cell cell
        cdef Seen seen
        if reader.attempt(c, [version.payload[1]], True, None, &position, closure) != READY:
            return None
        value = reader.tables.node(version.payload[0])
        if self.is_node:
            if value is None or reader.tables.home_of(version.payload[0]) != version.payload[1]:
                raise deleted()
            value = _paths.walk(value, (<Nested>self.owner).path)
            if type(value) is not type(self.owner)._share_class_:
                raise deleted()
        elif value is None:
            return None
        for cell in closure:
            cells[cell.number] = seen_of(cell)
            if before is None:
                continue
            seen = before.get(cell.number)
            if seen is None or seen.owner != cell.owner:
                if cell.tag > self.watch.since:
                    tags.add(cell.tag)
            elif seen.tag != cell.tag:
                tags.add(cell.tag)
                gap[0] = gap[0] or not follows(cell.slot, c, cell.tag, seen.tag)
        gap[0] = gap[0] or len(tags) > 1
        return value[0] if version.payload[2] & BOXED else value

    cdef int begin_watch(self) except -1:
        cdef Seen cell
        self.watch = new_watch(self.owner.session.control)
        if not self.is_node:
            for index in self.indices:
                self.watch.add(self.owner.slots + <uint32_t>index, self.owner.id)
        for cells in self.nodes.values():
            for cell in cells.values():
                self.watch.add(cell.slot, cell.owner)
        return 0

    def wait(self, timeout):
        """Waits until something may have changed since the last look. False: not within `timeout` seconds."""
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        return wait_until_changed(self.watch, deadline)


cdef object deleted():
    return DeletedObjectError("the object that is looked at has been deleted from its share")


def place_of(Session session not None, Proxy proxy not None):
    """(object or part that is looked at, cell or None for all of them, path in the cell) of a shared object."""
    cdef Nested nested
    if proxy.session is not session:
        raise ValueError(f"an object of share {proxy.session.name} was given to a function of share {session.name}")
    if not proxy.is_nested:
        return proxy, None, ()
    nested = proxy
    return (proxy, None, ()) if nested.owner is None else (nested.owner, nested.index, nested.path)
