"""What a process knows of the nodes of a share: a replica, moved forward by what was published since.

The objects of a replica stay the same ones as long as their nodes live, and are changed in place. So nobody may look at
one while it is moved: who looks for longer than one operation *pins* its cells. When a cell that is pinned has to be
moved, or when objects have got out to somebody who may keep them, the replica *retires*: it is never moved again, and
the reader begins another one.
"""

import threading

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject, PyTypeObject
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .._atomic cimport fence_acq, load_acq, load_rlx
from .._control cimport Control
from .._internal cimport make_internal
from .._layout cimport CLOSED_BIT, DELETED, EMPTY, NODES, PURPOSE_INDEX, Version
from .._protocol cimport copy_of_block
from .._slots cimport slot_find, slot_read
from ._iterations cimport Iterations
from ._noted cimport note, noting
from ._session cimport pause_before_retry, Session

from ..errors import CorruptDataError, DeletedObjectError, WouldDeadlockError
from ..state._replica import CellMissingError, Replica

cdef uint64_t LOCATOR = (<uint64_t>1 << PURPOSE_INDEX) - 1
cdef int DEEPEST = 8
cdef uint64_t last_serial = 0

#: callable(proxies by id): they let go of what they have found; set by the module that makes them.
forget_found = None


@cython.binding(False)
cdef class Cell:
    """A cell as far as a replica has it."""


cdef int pin(list cells) except -1:
    cdef Cell cell
    for cell in cells:
        cell.pins += 1
    return 0


cdef int unpin(list cells) except -1:
    cdef Cell cell
    for cell in cells:
        cell.pins -= 1
    return 0


cdef bint are_harmless(list cells) except -1:
    cdef Cell cell
    for cell in cells:
        if cell.types is not None and len(cell.types) != cell.judged:
            judge(cell)
        if cell.types is not None and not cell.harmless:
            return False
    return True


cdef int judge(Cell cell) except -1:
    from . import _harmless

    types = frozenset(cell.types)       # another thread may move the cell meanwhile
    cell.harmless = _harmless.are_harmless(types)
    cell.judged = len(types)
    return 0


@cython.binding(False)
cdef class Tables:

    cdef object node(self, uint64_t id):
        cdef PyObject* found = PyDict_GetItem(self.nodes, id)
        if found == NULL and id in self.renewed:
            found = PyDict_GetItem(self.nodes, self.renewed[id])
        return None if found == NULL else <object>found

    cdef uint64_t id_of(self, object value) noexcept:
        cdef PyObject* found = PyDict_GetItem(self.objects, <size_t><PyObject*>value)
        return 0 if found == NULL else <uint64_t><object>found

    cdef uint32_t home_of(self, uint64_t id) except? 0xffffffff:
        return self.homes[self.renewed[id] if id in self.renewed else id]

    cdef uint64_t first_id(self, uint64_t id) except 0:
        return self.first_ids.get(id, id) if self.first_ids else id

    cdef Tables of_these(self, list values):
        cdef Tables found = Tables.__new__(Tables)
        cdef uint64_t id
        cdef list todo = list(values)
        found.nodes, found.objects, found.homes, found.first_ids, found.renewed = {}, {}, {}, {}, {}
        found.opaque = self.opaque
        while todo:
            value = todo.pop()
            if type(value) is int or type(value) is str:
                continue
            id = self.id_of(value)
            if id:
                found.objects[<size_t><PyObject*>value] = id
                found.homes[id], found.first_ids[id] = self.home_of(id), self.first_id(id)
            elif isinstance(value, (tuple, frozenset)):
                todo += tuple.__iter__(value) if isinstance(value, tuple) else frozenset.__iter__(value)
        return found


cdef Tables tables_of(replica):
    cdef Tables self = Tables.__new__(Tables)
    self.nodes, self.objects, self.homes = replica.nodes, replica.objects, replica.homes
    self.first_ids, self.renewed, self.opaque = replica.first_ids, replica.renewed, replica.opaque
    return self


@cython.binding(False)
cdef class Reader:
    """A process's replica of a share's nodes. One per session."""

    def __init__(self, Control control not None, bint has_finalizers=False, Iterations over=None):
        self.control = control
        self.over = Iterations() if over is None else over
        self.has_finalizers = has_finalizers
        self.proxies = {}
        self.forget_process()

    def forget_process(self):
        """In a forked child: what other threads of the parent did is left as it was."""
        self.lock = threading.RLock()
        self.mover = 0
        self.depth = 0
        self.is_circular = False
        self.begin()

    cdef int retire(self) except -1:
        with self.lock:             # another thread may be about to move it
            self.begin()
        return 0

    cdef int begin(self) except -1:
        global last_serial
        cdef Cell cell
        old = self.cells, self.replica, self.tables     # outlive what is below
        last_serial += 1
        self.serial = last_serial
        self.cells = {}
        self.extra = set()
        self.replica = Replica(self.has_finalizers)
        self.tables = tables_of(self.replica)
        self.links = 0
        if old[0] is not None:
            for cell in old[0].values():
                cell.tag = EMPTY
                cell.closure = None
            if self.proxies:
                forget_found(self.proxies)
        return 0

    cdef Cell cell(self, uint64_t number):
        cdef Cell cell = self.cells.get(number)
        if cell is None:
            cell = Cell.__new__(Cell)
            cell.number = <uint32_t>number
            cell.tag = EMPTY
            cell.judged = -1
            self.cells[number] = cell
        return cell

    cdef int attempt(self, uint64_t c, list wanted, bint whole, set known, uint64_t* position,
                     list closure) except -1:
        cdef unsigned long me = PyThread_get_thread_ident(), outer
        if self.mover == me:
            if self.is_circular or self.depth == DEEPEST:
                self.is_circular = True
                raise WouldDeadlockError("to load a part of this object reads the object (by a key function or a "
                                         "__hash__): use it in the coordinator only, obj.method.call(...)")
            self.retire()           # what the move runs (a key's __eq__) reads: with a replica of its own
        with self.lock:
            outer = self.mover
            self.mover = me
            self.depth += 1
            try:
                return self.try_at(c, wanted, whole, known, position, closure)
            finally:
                self.mover = outer
                self.depth -= 1
                if not self.depth:
                    self.is_circular = False

    cdef int try_at(self, uint64_t c, list wanted, bint whole, set known, uint64_t* position, list closure) except -1:
        cdef list todo = list(wanted), stale, cells = []
        cdef set seen = set(wanted)
        cdef dict bases, changes
        cdef uint64_t serial = self.serial
        cdef Version* versions = NULL
        cdef Version version
        cdef Cell cell
        cdef Py_ssize_t i
        cdef int status
        cdef bint classes = False
        while todo:
            for number in self.extra:
                if number not in seen:
                    seen.add(number)
                    todo.append(number)
            stale = []
            bases, changes = {}, {}
            free(versions)
            versions = <Version*>malloc((len(todo) + 1) * sizeof(Version))
            if versions == NULL:
                raise MemoryError
            try:
                # All headers at one c first, so that a long copy is not outrun by later publications.
                for number in todo:
                    cell = self.cell(number)
                    cells.append(cell)
                    status = self.look_at(cell, c, known, position, &version)
                    if status != READY:
                        return status
                    if version.kind == DELETED:
                        if cell.pins:
                            self.retire()
                            return AGAIN
                        if self.over.under_way:
                            self.over.moving(cell)
                        self.replica.drop(number)
                        self.replica.absent.add(number)
                        cell.tag = EMPTY
                    elif cell.tag != EMPTY and version.tag < cell.tag:
                        return TORN                 # another thread has gone further
                    elif version.tag != cell.tag:
                        versions[len(stale)] = version
                        stale.append(cell)
                if stale and not classes:
                    # What concerns the state as a whole, the classes above all. It has no flag: it is as old as c.
                    classes = True
                    cell = self.cell(0)
                    status = self.look_at(cell, c, None, position, &version)
                    if status != READY:
                        return status
                    if version.kind != DELETED and cell.tag != EMPTY and version.tag < cell.tag:
                        return TORN
                    if version.kind != DELETED and version.tag != cell.tag and cell not in stale:
                        versions[len(stale)] = version
                        stale.append(cell)
                for i, cell in enumerate(stale):
                    if cell.pins:
                        self.retire()
                        return AGAIN
                    if not self.take(cell, &versions[i], bases, changes):
                        return TORN
                if self.serial != serial:
                    return AGAIN            # what runs here (a finalizer, a signal's handler) has read, too
                if stale:
                    if self.over.under_way:
                        for cell in stale:
                            self.over.moving(cell)
                        if self.serial != serial:
                            return AGAIN
                    for cell in stale:
                        cell.tag = EMPTY        # whoever looks meanwhile waits for us
                    try:
                        self.replica.bring(bases, changes)
                    except CellMissingError as error:
                        if error.cell in seen:
                            self.retire()
                            raise CorruptDataError(f"share {self.control.name}: {error}") from None
                        extra = self.extra
                        self.retire()
                        self.extra = extra | {error.cell}
                        return AGAIN
                    except BaseException as error:
                        more = set()
                        if isinstance(error.__cause__, Exception) and not self.is_circular:
                            # The hash of a key may need what is in other cells.
                            for number in seen:
                                more |= self.replica.referred(number)
                        if self.serial == serial:
                            extra = self.extra
                            self.retire()
                            if not more <= seen:
                                self.extra = extra | more
                                return AGAIN
                        raise
                    if self.serial != serial:
                        return AGAIN
                    types = self.replica.types
                    for i, cell in enumerate(stale):
                        found = types.get(cell.number)
                        if found is not cell.types:
                            cell.types, cell.judged = found, -1
                        cell.tag = versions[i].tag
                        cell.log, cell.generation = versions[i].payload[3], versions[i].payload[4]
                        cell.done = versions[i].length
                    self.links = self.replica.links
            finally:
                free(versions)
                versions = NULL
            if not whole:
                break
            seen_before, todo = todo, []
            for number in seen_before:
                for other in self.replica.referred(number):
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
        if self.serial != serial:
            return AGAIN
        if closure is not None:
            closure[:] = [cell for cell in cells if cell.tag != EMPTY]
        return READY

    cdef int look_at(self, Cell cell, uint64_t c, set known, uint64_t* position, Version* version) except -1:
        """The version of a cell at c, of kind DELETED if there is none; when a read first meets it, whether c is late
        enough."""
        cdef uint64_t owner = 0, purpose, flag
        cdef bint complete
        if cell.slot == NULL:
            cell.slot = self.control.cell_slot(cell.number)
            if cell.slot == NULL:
                version.kind = DELETED
                return READY
        complete = slot_read(cell.slot, c, version, &owner)
        if complete and version.kind != DELETED:
            if owner != cell.owner or cell.wildcard == NULL:
                purpose = load_rlx(&cell.slot.purpose)
                fence_acq()
                if load_rlx(&cell.slot.owner) != owner:
                    return TORN
                if cell.owner and owner != cell.owner:
                    if cell.pins:
                        self.retire()
                        return AGAIN
                    cell.tag = EMPTY        # another cell of that number; nodes of it may have been met already
                    cell.log = 0
                cell.owner = owner
                if cell.number:
                    index = purpose >> PURPOSE_INDEX
                    cell.wildcard = <uint64_t*>self.control.at(purpose & LOCATOR, (index + 1) * 8)
                    cell.flag = cell.wildcard + <uint64_t>index
            if version.kind != NODES:
                raise CorruptDataError(f"cell {cell.number} holds something of kind {version.kind}")
        else:
            fence_acq()
            if load_acq(self.control.commit) != c and not complete:
                return TORN
            version.kind = DELETED
        if noting:
            note(self.control, cell.slot, cell.owner)
        if known is not None and cell.wildcard != NULL and cell.number not in known:
            known.add(cell.number)
            fence_acq()
            flag = load_rlx(cell.wildcard)
            if flag > position[0]:
                position[0] = flag
            flag = load_rlx(cell.flag)
            if flag > position[0]:
                position[0] = flag
            flag = load_rlx(self.control.wide)
            if flag > position[0]:
                position[0] = flag
        return BEHIND if position[0] > c else READY

    cdef bint take(self, Cell cell, const Version* version, dict bases, dict changes) except -1:
        """Copies what the replica does not have of a cell. False: some of it has been overwritten."""
        cdef uint64_t start = 0, length = version.length, since
        cdef char* copy
        if length:
            if cell.tag != EMPTY and cell.log == version.payload[3] and cell.generation == version.payload[4] \
                    and cell.done <= length:
                start = (cell.done + 8) & ~<uint64_t>7
            copy = copy_of_block(self.control, version.payload[3], start, length + 8 - start, version.payload[4])
            if copy == NULL:
                return False
            try:
                memcpy(&since, copy, 8)
                if start:
                    changes[cell.number] = PyBytes_FromStringAndSize(
                        copy + (cell.done + 8 - start), <Py_ssize_t>(length - cell.done))
                    return True
                changes[cell.number] = PyBytes_FromStringAndSize(copy + 8, <Py_ssize_t>length)
            finally:
                free(copy)
            if cell.tag != EMPTY and self.replica.position(cell.number) >= since:
                return True
        copy = copy_of_block(self.control, version.payload[0], 0, version.payload[1], version.payload[2])
        if copy == NULL:
            return False
        try:
            bases[cell.number] = PyBytes_FromStringAndSize(copy, <Py_ssize_t>version.payload[1])
        finally:
            free(copy)
        return True

    cdef int bring(self, Session session, list wanted, bint whole) except -1:
        cdef uint64_t c, position = 0
        cdef int status, attempts = 0
        cdef set known = set()
        while True:
            c = session.barrier(position)
            status = self.attempt(c, wanted, whole, known, &position, None)
            if status == READY:
                return 0
            if status == TORN:
                pause_before_retry(session, &attempts)

    cdef uint64_t position_of(self, list cells, uint64_t position) noexcept:
        cdef uint64_t flag
        cdef Cell cell
        fence_acq()
        for cell in cells:
            if cell.wildcard == NULL:
                continue
            flag = load_rlx(cell.wildcard)
            if flag > position:
                position = flag
            flag = load_rlx(cell.flag)
            if flag > position:
                position = flag
        return position

    cdef bint are_at(self, list cells, uint64_t c) noexcept:
        cdef uint64_t tag = 0
        cdef Cell cell
        for cell in cells:
            if cell.tag == EMPTY or slot_find(cell.slot, c, &tag) < 0 or tag != cell.tag:
                return False
        if noting:
            for cell in cells:
                note(self.control, cell.slot, cell.owner)
        return True

    cdef bint are_fresh(self, list cells) noexcept:
        cdef uint64_t position = self.position_of(cells, 0), wide = load_rlx(self.control.wide), c
        if wide > position:
            position = wide
        c = load_acq(self.control.commit)
        return c - position < CLOSED_BIT and self.are_at(cells, c)

    cdef list whole(self, Session session, uint64_t number):
        cdef Cell cell = self.cell(number)
        cdef uint64_t c, position = 0
        cdef int status, attempts = 0
        cdef set known
        cdef list closure
        if cell.closure is not None and cell.links == self.links and self.are_fresh(cell.closure):
            return cell.closure
        closure, known = [], set()
        while True:
            c = session.barrier(position)
            status = self.attempt(c, [number], True, known, &position, closure)
            if status == READY:
                cell = self.cell(number)
                cell.closure, cell.links = closure, self.links
                return closure
            if status == TORN:
                pause_before_retry(session, &attempts)

    cdef uint64_t* flag_of(self, Session session, uint64_t number) except NULL:
        cdef Cell cell = self.cell(number)
        cdef Version version
        cdef uint64_t c, position = 0
        cdef int status, attempts = 0
        while cell.flag == NULL:
            c = session.barrier(0)
            status = self.look_at(cell, c, None, &position, &version)
            if status == READY and version.kind == DELETED:
                raise DeletedObjectError("this object is no part of its share any more; read it from the share again")
            if status == TORN:
                pause_before_retry(session, &attempts)
            cell = self.cell(number)
        return cell.flag

    # -- for tests ------------------------------------------------------------------------------------

    def read(self, Session session not None, id, number, function=None):
        """The object of a node, as it is now with all that it holds, for looking at only; or what a function makes of
        it. While that runs nobody moves it."""
        cdef list cells = self.whole(session, number)
        if function is None:
            return self.tables.node(id)
        found = self.tables.node(id)
        pin(cells)
        try:
            return function(found)
        finally:
            unpin(cells)


cdef Reader reader_of(Session session):
    if session.reader is None:
        session.reader = Reader(session.control, over=session.over)
    return session.reader


make_internal(<PyTypeObject*>Cell)
make_internal(<PyTypeObject*>Tables)
