"""Private copies of several shared objects, all as they are at one commit position."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from .._atomic cimport BROKEN, fence_acq, load_rlx, TESTPOINT
from .._layout cimport ABSENT, DELETED, Version
from .._protocol cimport version_value
from .._slots cimport slot_read
from ._nested cimport Nested
from ._noted cimport note, noting
from ._proxy cimport Proxy
from ._session cimport pause_before_retry

from .. import _paths
from ..errors import DeletedObjectError
from ._instances import instance_of
from ._proxy import MISSING


def snapshot(*objects, bint wait=True):
    """Plain copies of shared objects; see :meth:`share.Share.snapshot`.

    Without ``wait`` they are what is committed now, however much is queued.
    """
    cdef Proxy proxy, owner
    cdef dict owners = {}           # id -> owner, in order
    objects = [shared_object(value) for value in objects]
    for value in objects:
        if not isinstance(value, Proxy):
            raise TypeError(f"snapshot() takes shared objects, not {type(value).__name__}")
        owner = (<Nested>value).owner if isinstance(value, Nested) else value
        if owners and owner.session is not (<Proxy>next(iter(owners.values()))).session:
            raise ValueError("snapshot() takes objects of one share: two shares have no common order of commits")
        owners[owner.id] = owner
    states = read_together(list(owners.values()), wait) if owners else {}
    found = []
    for value in objects:
        proxy = value
        if not isinstance(value, Nested):
            found.append(instance_of(type(proxy), states[proxy.id], MISSING))
            continue
        part = instance_of(type((<Nested>value).owner), states[proxy.id], MISSING)
        part = _paths.walk(part, (<Nested>value).path)
        if type(part) is not type(value)._share_class_:
            raise _paths.gone((<Nested>value).path)
        found.append(part)
    return found[0] if len(found) == 1 else tuple(found)


cdef object shared_object(value):
    """The proxy of what an array was read from; anything else as it is."""
    if type(value).__name__ != "SharedArray":
        return value
    from ._arrays import proxy_for

    return proxy_for(value)


cdef dict read_together(list owners, bint wait):
    """Freshly decoded values by cell of each owner, at one commit position."""
    cdef Proxy owner = owners[0]
    cdef Version* versions
    cdef uint64_t position, flag, c, found_owner = 0
    cdef Py_ssize_t total = 0, at
    cdef uint32_t i
    cdef bint torn
    cdef int attempts = 0
    fence_acq()
    position = load_rlx(owner.wide)
    for owner in owners:
        total += owner.cells
        for i in range(owner.cells):
            if noting:
                note(owner.session.control, owner.slots + i, owner.id)
            flag = load_rlx(owner.flags + i)
            if flag > position:
                position = flag
    if not wait:
        position = 0
    versions = <Version*>malloc(total * sizeof(Version))
    if versions == NULL:
        raise MemoryError
    try:
        while True:
            c = owner.session.barrier(position)
            torn = False
            at = 0
            for owner in owners:
                if BROKEN("together"):
                    TESTPOINT("snapshot.together")
                    c = owner.session.barrier(position)
                for i in range(owner.cells):
                    if not torn and not slot_read(owner.slots + i, c, &versions[at], &found_owner):
                        torn = True
                    if not torn and (found_owner != owner.id or versions[at].kind == DELETED):
                        raise DeletedObjectError("one of the objects has been deleted from its share")
                    at += 1
            states = {}
            at = 0
            for owner in owners:
                values = []
                for _ in range(owner.cells):
                    if not torn:
                        if versions[at].kind == ABSENT:
                            values.append(MISSING)
                        else:
                            values.append(version_value(owner.session.control, &versions[at], &torn))
                    at += 1
                states[owner.id] = values
            if not torn:
                return states
            pause_before_retry(owner.session, &attempts)
    finally:
        free(versions)
