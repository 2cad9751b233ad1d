"""Private copies of several shared objects, all as they are at one commit position."""

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
from ._replica cimport READY, Reader, TORN
from ._session cimport pause_before_retry, Session

from .. import _paths
from .._protocol import stand_ins
from ..errors import DeletedObjectError
from ._instances import instance_of
from ._proxy import MISSING


def snapshot(*objects, bint wait=True):
    """Plain copies of shared objects; see :meth:`share.Share.snapshot`.

    Without ``wait`` they are what is committed now, however much is queued.
    """
    cdef Proxy proxy, owner
    cdef Session session = None
    cdef dict owners = {}           # id -> owner, in order
    cdef list nodes = []
    cdef Reader reader
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
    # A replica of its own: nobody moves it.
    reader = Reader(session.control, True)
    made = {(session.name, id): object.__new__(type(owner)._share_class_)
            for id, owner in owners.items() if can_stand_in(owner)}
    outer = stand_ins.get(me := PyThread_get_thread_ident())
    stand_ins[me] = made        # where an object is met in its own state it is the copy
    try:
        states = read_together(session, reader, list(owners.values()), nodes, wait)
    finally:
        if outer is None:
            del stand_ins[me]
        else:
            stand_ins[me] = outer
    instances = {
        id: instance_of(type(owner), states[id], MISSING, made.get((session.name, id))) for id, owner in owners.items()
    }
    found = []
    for value in objects:
        proxy = value
        if not isinstance(value, Nested):
            found.append(instances[proxy.id])
            continue
        if (<Nested>value).owner is None:
            part = reader.tables.node(proxy.node)
            if part is None or reader.tables.home_of(proxy.node) != proxy.home:
                raise DeletedObjectError("one of the objects is no part of its share any more")
            if (<Nested>value).path:
                part = _paths.walk(part, (<Nested>value).path)
        else:
            part = _paths.walk(instances[(<Nested>value).owner.id], (<Nested>value).path)
        if type(part) is not type(value)._share_class_:
            raise DeletedObjectError("one of the objects is no part of its share any more")
        found.append(part)
    return found[0] if len(found) == 1 else tuple(found)


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


cdef dict read_together(Session session, Reader reader, list owners, list nodes, bint wait):
    """Freshly decoded values by cell of each owner, and in the reader's replica the nodes, at one commit position."""
    cdef Proxy owner
    cdef Version* versions
    cdef uint64_t position = 0, flag, c, found_owner = 0
    cdef Py_ssize_t total = 0, at
    cdef uint32_t i
    cdef bint torn
    cdef int status, attempts = 0
    cdef set known = set()
    cdef list roots
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
                status = reader.attempt(c, roots, True, known, &position, None)
                if status != READY and status != TORN:
                    continue
                torn = status != READY
            states = {}
            at = 0
            for owner in owners:
                values = []
                for _ in range(owner.cells):
                    if not torn:
                        if versions[at].kind == ABSENT:
                            values.append(MISSING)
                        elif versions[at].kind == NODE:
                            value = reader.tables.node(versions[at].payload[0])
                            values.append(value[0] if versions[at].payload[2] & BOXED else value)
                        else:
                            values.append(version_value(session.control, &versions[at], &torn))
                    at += 1
                states[owner.id] = values
            if not torn:
                return states
            pause_before_retry(session, &attempts)
    finally:
        free(versions)
