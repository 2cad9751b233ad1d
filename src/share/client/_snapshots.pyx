"""Private copies of several shared objects, all as they are at one commit position."""

cimport cython
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from .._atomic cimport BROKEN, fence_acq, load_rlx, TESTPOINT
from .._layout cimport ABSENT, BOXED, DELETED, NODE, Version
from .._protocol cimport version_value
from .._slots cimport slot_read
from ._nested cimport Nested
from ._noted cimport note, noting
from ._proxy cimport Proxy
from ._replica cimport BEHIND, Cell, pin, READY, Reader, reader_of, Tables, TORN, unpin
from ._session cimport pause_before_retry, Session, Shared

from array import array
from collections import Counter, OrderedDict, defaultdict, deque

from .. import _paths
from .._kinds import is_value
from .._protocol import stand_ins
from ..errors import DeletedObjectError
from ._instances import has_slots, instance_of, slots_of
from ._proxy import MISSING

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object, void*)

cdef enum:
    MOST_TUPLES = 50            # inside each other


class Unknown(Exception):
    """There is something that can only be decoded. Never leaves this module."""


@cython.binding(False)
@cython.final
cdef class Copier:
    """Copies what is reached from nodes of a replica, which nobody moves meanwhile.

    It takes the common cases, and raises Unknown for the others.
    """

    cdef Tables tables
    cdef str share
    cdef dict made              # (share, id) -> the copy of a top-level object
    cdef dict copies            # address of a node -> its copy
    cdef list todo              # (node, copy): not filled yet

    cdef object copy(self, object value):
        """The copy of a value, with all that it holds."""
        result = self.begun(value, 0)
        while self.todo:
            node, made = self.todo.pop()
            self.fill(node, made)
        return result

    cdef object begun(self, object value, int depth):
        cdef PyObject* found
        cdef uint64_t id
        cls = type(value)
        if cls is int or cls is str or cls is float or value is None or cls is bool:
            return value
        found = PyDict_GetItem(self.copies, <size_t><PyObject*>value)
        if found != NULL:
            return <object>found
        id = self.tables.id_of(value)
        if id:
            if id in self.tables.opaque:
                raise Unknown
            made = empty(value, cls)
            self.copies[<size_t><PyObject*>value] = made
            self.todo.append((value, made))
            return made
        if cls is tuple:
            if depth == MOST_TUPLES:
                raise Unknown
            return tuple([self.begun(item, depth + 1) for item in value])
        if isinstance(value, Shared):
            return self.made.get((self.share, (<Proxy>value).id), value) \
                if isinstance(value, Proxy) and not (<Proxy>value).is_nested \
                and (<Proxy>value).session.name == self.share else value
        if is_value(value):
            return value
        raise Unknown

    cdef int fill(self, object node, object made) except -1:
        cls = type(node)
        if cls is list:
            for item in <list>node:
                (<list>made).append(self.begun(item, 0))
        elif cls is dict or cls is OrderedDict or cls is defaultdict or cls is Counter:
            for key, item in node.items():
                made[checked(key)] = self.begun(item, 0)
        elif cls is set:
            for item in <set>node:
                (<set>made).add(checked(item))
        elif cls is deque:
            for item in node:
                made.append(self.begun(item, 0))
        elif cls is not bytearray and cls is not array:
            if cls.__dictoffset__:
                attributes = PyObject_GenericGetDict(made, NULL)
                for key, item in PyObject_GenericGetDict(node, NULL).items():
                    attributes[checked(key)] = self.begun(item, 0)
            if has_slots(cls):
                for key, item in slots_of(node).items():
                    object.__setattr__(made, key, self.begun(item, 0))
        return 0


cdef inline object checked(object key):
    """A key: not one that is asked for its hash before it has its attributes."""
    if type(key) is str or type(key) is int or is_value(key):
        return key
    raise Unknown


cdef object empty(object node, object cls):
    if cls is list or cls is dict or cls is set or cls is OrderedDict or cls is Counter:
        return cls()
    if cls is deque:
        return deque((), node.maxlen)
    if cls is bytearray:
        return bytearray(node)
    if cls is array:
        return (<object>node)[:]
    if cls is defaultdict and is_value(node.default_factory):
        return defaultdict(node.default_factory)
    if isinstance(node, (list, dict, set, deque, bytearray)):
        raise Unknown
    return object.__new__(cls)


def snapshot(*objects, bint wait=True):
    """Plain copies of shared objects; see :meth:`share.Share.snapshot`.

    Without ``wait`` they are what is committed now, however much is queued.
    """
    cdef Proxy owner
    cdef Session session = None
    cdef dict owners = {}           # id -> owner, in order
    cdef list nodes = []
    cdef Copier copier
    objects = [shared_object(value) for value in objects]
    for value in objects:
        if not isinstance(value, Proxy):
            raise TypeError(f"snapshot() takes shared objects, not {type(value).__name__}")
        if session is not None and (<Proxy>value).session is not session:
            raise ValueError("snapshot() takes objects of one share: two shares have no common order of commits")
        session = (<Proxy>value).session
        if isinstance(value, Nested) and (<Nested>value).owner is None:
            nodes.append(value)
            continue
        owner = (<Nested>value).owner if isinstance(value, Nested) else value
        owners[owner.id] = owner
    if session is None:
        return ()
    copier = Copier.__new__(Copier)
    copier.share = session.name
    try:
        found = copies_of(session, reader_of(session), copier, objects, owners, nodes, wait)
    except Unknown:
        # With a replica of its own, which is given away.
        found = copies_of(session, Reader(session.control, True), None, objects, owners, nodes, wait)
    return found[0] if len(found) == 1 else tuple(found)


cdef list copies_of(Session session, Reader reader, Copier copier, list objects, dict owners, list nodes, bint wait):
    """Copies of the objects, made of what the reader's replica has; without a copier, the nodes of it themselves."""
    cdef Proxy proxy, owner
    cdef list parts = []
    made = {(session.name, id): object.__new__(type(owner)._share_class_)
            for id, owner in owners.items() if can_stand_in(owner)}
    if copier is not None:
        copier.made = made
    outer = stand_ins.get(me := PyThread_get_thread_ident())
    stand_ins[me] = made        # where an object is met in its own state it is the copy
    try:
        states = read_together(session, reader, copier, list(owners.values()), nodes, parts, wait)
    finally:
        if outer is None:
            del stand_ins[me]
        else:
            stand_ins[me] = outer
    instances = {
        id: instance_with(type(owner), states[id], made.get((session.name, id))) for id, owner in owners.items()
    }
    found = []
    parts.reverse()
    for value in objects:
        proxy = value
        if not isinstance(value, Nested):
            found.append(instances[proxy.id])
            continue
        if (<Nested>value).owner is None:
            part = parts.pop()
        else:
            part = _paths.walk(instances[(<Nested>value).owner.id], (<Nested>value).path)
        if type(part) is not type(value)._share_class_:
            raise DeletedObjectError("one of the objects is no part of its share any more")
        found.append(part)
    return found


cdef object instance_with(generated, list values, made):
    """An instance of the values by cell; `made` if there is one already."""
    cdef dict attributes
    cdef Py_ssize_t i = 0
    cls = generated._share_class_
    if made is None or not cls.__dictoffset__ or has_slots(cls):
        return instance_of(generated, values, MISSING, made)
    attributes = PyObject_GenericGetDict(made, NULL)
    if values[0] is not MISSING:
        attributes.update(values[0])
    for name in <tuple>generated._share_cells_:
        i += 1
        if values[i] is not MISSING:
            attributes[name] = values[i]
    return made


cdef bint can_stand_in(Proxy owner) noexcept:
    """Whether an instance can be met before it has its attributes: not one that is asked for its hash then."""
    cls = type(owner)._share_class_
    return type(owner)._share_plan_.kind != "opaque" and cls.__hash__ in (None, object.__hash__)


def shared_object(value):
    """The proxy of what an array was read from; anything else as it is."""
    if type(value).__name__ != "SharedArray":
        return value
    from ._arrays import proxy_for

    return proxy_for(value)


cdef object node_of(Tables tables, Copier copier, Nested nested):
    found = tables.node(nested.node)
    if found is None or tables.home_of(nested.node) != nested.home:
        if copier is not None:
            raise Unknown
        raise DeletedObjectError("one of the objects is no part of its share any more")
    if nested.path:
        if copier is not None:
            raise Unknown
        found = _paths.walk(found, nested.path)
    return found if copier is None else copier.copy(found)


cdef int bring(Reader reader, uint64_t c, list roots, set known, uint64_t* position, list closure) except -1:
    """As ``attempt``; what is decoded there may be others' as well, so that in it no copy stands for an object."""
    cdef Cell cell
    cdef list cells
    cdef int status
    made = stand_ins.pop(me := PyThread_get_thread_ident())
    try:
        del closure[:]
        for number in roots:
            cell = reader.cell(number)
            cells = cell.closure
            if cells is None or cell.links != reader.links or not reader.are_at(cells, c):
                cells = []
                status = reader.attempt(c, [number], True, known, position, cells)
                if status != READY:
                    return status
                cell = reader.cell(number)
                cell.closure, cell.links = cells, reader.links
            elif known is not None:
                position[0] = reader.position_of(cells, position[0])
                if position[0] > c:
                    return BEHIND
            closure += cells
        return READY
    finally:
        stand_ins[me] = made


cdef dict read_together(Session session, Reader reader, Copier copier, list owners, list nodes, list parts, bint wait):
    """Freshly decoded values by cell of each owner, and `parts`, which the nodes are, at one commit position."""
    cdef Proxy owner
    cdef Version* versions
    cdef uint64_t position = 0, flag, c, found_owner = 0
    cdef Py_ssize_t total = 0, at
    cdef uint32_t i
    cdef bint torn
    cdef int status, attempts = 0
    cdef set known = set()
    cdef list roots, closure = []
    cdef Tables tables = reader.tables
    fence_acq()
    position = load_rlx(session.control.wide)
    for owner in owners:
        total += owner.cells
        for i in range(owner.cells):
            if noting:
                note(session.control, owner.slots + i, owner.id)
            flag = load_rlx(owner.flags + i)
            if flag > position:
                position = flag
    if not wait:
        position = 0
        known = None
    versions = <Version*>malloc((total + 1) * sizeof(Version))
    if versions == NULL:
        raise MemoryError
    try:
        while True:
            c = session.barrier(position)
            torn = False
            at = 0
            roots = [(<Nested>value).home for value in nodes]
            for owner in owners:
                if BROKEN("together"):
                    TESTPOINT("snapshot.together")
                    c = session.barrier(position)
                for i in range(owner.cells):
                    if not torn and not slot_read(owner.slots + i, c, &versions[at], &found_owner):
                        torn = True
                    if not torn and (found_owner != owner.id or versions[at].kind == DELETED):
                        raise DeletedObjectError("one of the objects has been deleted from its share")
                    if not torn and versions[at].kind == NODE:
                        roots.append(versions[at].payload[1])
                    at += 1
            if roots and not torn:
                if copier is None:
                    status = reader.attempt(c, roots, True, known, &position, None)
                else:
                    status = bring(reader, c, roots, known, &position, closure)
                if status != READY and status != TORN:
                    continue
                torn = status != READY
            if not torn:
                tables = reader.tables
                if copier is not None:
                    copier.tables, copier.copies, copier.todo = tables, {}, []
                pin(closure)
                try:
                    states = states_of(session, tables, copier, owners, versions, &torn)
                    if not torn:
                        parts[:] = [node_of(tables, copier, value) for value in nodes]
                        return states
                finally:
                    unpin(closure)
            pause_before_retry(session, &attempts)
    finally:
        free(versions)


cdef dict states_of(Session session, Tables tables, Copier copier, list owners, const Version* version, bint* torn):
    cdef Proxy owner
    cdef dict states = {}
    cdef list values
    for owner in owners:
        states[owner.id] = values = []
        for _ in range(owner.cells):
            if version.kind == ABSENT:
                values.append(MISSING)
            elif version.kind == NODE:
                value = tables.node(version.payload[0])
                if copier is None:
                    values.append(value[0] if version.payload[2] & BOXED else value)
                elif value is None:
                    raise Unknown
                else:
                    values.append(copier.copy(value[0] if version.payload[2] & BOXED else value))
            else:
                values.append(version_value(session.control, version, torn))
                if torn[0]:
                    return states
            version += 1
    return states
