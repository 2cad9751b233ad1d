"""Proxies: reads go to shared memory, writes become commands."""

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport Py_TYPE, PyObject, PyObject_GenericGetAttr, PyTypeObject
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .._atomic cimport BROKEN, fence_acq, load_acq, load_rlx, pause, TESTPOINT
from .._layout cimport ABSENT, CLOSED_BIT, DELETED, EMPTY, LOG, Slot, SLOT_SIZE, Version
from .._protocol cimport APPLY, CALL, DELETE, KEYWORDS, RESPOND, SET, log_applied, version_value
from .._slots cimport slot_find, slot_read
from ..cerial._codec cimport Encoder, decode
from ._augmented cimport carrying, take_operation
from ._session cimport Session, Shared

from .._protocol import reference
from ..errors import CorruptDataError, DeletedObjectError, NotShareableError
from .._kinds import is_array, is_nested, is_value
from ._copies import sealed
from .._paths import ATTRIBUTE, ITEM
from ._instances import instance_of

#: callable(owner proxy, cell, path, class) -> nested proxy; set by the module that makes them.
nested_factory = None

MISSING = type("MISSING", (), {"__repr__": lambda self: "MISSING", "__slots__": ()})()


cdef enum:
    MOST_ATTEMPTS = 1 << 18     # of a read; each that fails has been overtaken by two commits


cdef int pause_before_retry(Session session, int* attempts) except -1:
    # A publication was under way; it takes well under a microsecond unless the coordinator is descheduled.
    attempts[0] += 1
    if attempts[0] % 64 == 0:
        if attempts[0] >= MOST_ATTEMPTS:
            raise CorruptDataError(f"share {session.name}: a slot has no whole version, its memory is damaged")
        PyErr_CheckSignals()
        with nogil:
            sched_yield()
        if attempts[0] % (1 << 12) == 0:
            session.control.look_after()
    else:
        pause()
    return 0


cdef extern from "Python.h":
    PyObject* _PyType_Lookup(PyTypeObject* type, object name)      # borrowed, no exception set
    Py_ssize_t Py_REFCNT(PyObject*) noexcept


cdef extern from "<sched.h>" nogil:
    int sched_yield()


cdef object read_slot(Session session, const Slot* slot, uint64_t owner, uint64_t position, uint64_t* tag):
    """The value of a slot, fresh to `position`; MISSING if it is absent. Mutable values are new objects."""
    cdef Version version
    cdef uint64_t found_owner = 0, c
    cdef bint torn = False, complete
    cdef int attempts = 0
    while True:
        c = session.barrier(position)
        complete = slot_read(slot, c, &version, &found_owner)
        if found_owner != owner or (complete and version.kind == DELETED):
            raise deleted()
        if not complete:
            pause_before_retry(session, &attempts)
            continue
        tag[0] = version.tag
        if version.kind == ABSENT:
            return MISSING
        value = version_value(session.control, &version, &torn)
        if not torn:
            return value
        pause_before_retry(session, &attempts)


cdef object array_at(Proxy owner, uint32_t index, tuple path, value):
    from ._arrays import array_at       # needs numpy, which whoever has an array has imported

    return array_at(owner, index, path, value)


cdef bint is_array_at(value, Proxy parent, tuple step):
    """Whether a value is an array that has been read from just that part of `parent`."""
    if type(value).__name__ != "SharedArray":
        return False
    from ._arrays import is_at

    return is_at(value, parent, step)


cdef object deleted():
    return DeletedObjectError("this object has been deleted from its share (its name was deleted or given to another "
                              "value); read it from the share again")


cdef object copy_container(value):
    if isinstance(value, list):
        return list(value)
    return value.copy()


cdef class Snapshot:
    """Decoded state of an object, by cell, and an instance made of it; never changed once it is in use."""

    def __dealloc__(self):
        free(self.tags)

    cdef Snapshot copy(self):
        cdef Snapshot other = empty_snapshot(len(self.values))
        memcpy(other.tags, self.tags, len(self.values) * sizeof(uint64_t))
        other.values = list(self.values)
        other.logs = self.logs
        return other

    cdef int put(self, uint32_t index, uint64_t tag, object value, const Version* version) except -1:
        """Sets a cell, before the snapshot is in use."""
        self.values[index] = value
        self.tags[index] = tag
        # A dict of its own: other snapshots share the old one.
        if version.kind == LOG:
            self.logs = dict(self.logs) if self.logs is not None else {}
            self.logs[index] = (version.payload[0], version.payload[2], version.length)
        elif self.logs is not None and index in self.logs:
            self.logs = dict(self.logs)
            del self.logs[index]
        return 0


cdef uint64_t last_serial = 0


cdef Snapshot empty_snapshot(uint32_t cells):
    global last_serial
    cdef Snapshot self = Snapshot()
    cdef uint32_t i
    last_serial += 1
    self.serial = last_serial
    self.tags = <uint64_t*>malloc(cells * sizeof(uint64_t))
    if self.tags == NULL:
        raise MemoryError
    for i in range(cells):
        self.tags[i] = EMPTY
    self.values = [MISSING] * cells
    return self


cdef class Proxy(Shared):
    """Base of all generated proxy classes."""

    def __cinit__(self):
        self.tags = NULL

    def __dealloc__(self):
        free(self.tags)

    cdef uint64_t position_of(self, uint32_t index) noexcept:
        """What a read of that cell has to wait for."""
        cdef uint64_t flag, position
        fence_acq()
        position = load_rlx(self.flags)
        if index:
            flag = load_rlx(self.flags + index)
            if flag > position:
                position = flag
        flag = load_rlx(self.wide)
        return flag if flag > position else position

    cdef object read(self, uint32_t index):
        """Barrier and slot read of one cell; MISSING if the attribute does not exist."""
        cdef uint64_t tag
        cdef Version version
        value = self.read_version(index, self.position_of(index), &version)
        tag = version.tag
        if value is MISSING or is_value(value):
            value = carrying(value)
        elif index and is_array(value):
            value = array_at(self, index, () if self.opaque else (ATTRIBUTE, type(self)._share_cells_[index - 1]),
                             value)
        elif index and not isinstance(value, Shared) and is_nested(value):
            self.keep(index, value, &version)
            value = nested_factory(self, index, (ATTRIBUTE, type(self)._share_cells_[index - 1]), type(value))
        else:
            self.tags[index] = EMPTY
            self.values[index] = None
            return sealed(value)
        self.values[index] = value
        self.tags[index] = tag
        return value

    cdef object read_together(self, uint32_t index, str name, uint32_t place):
        """As ``read``, of one of several attributes in a cell; its cached value has a place of its own."""
        cdef Snapshot snapshot = self.cell_state(index)
        state = snapshot.values[index]
        if state is MISSING or name not in state:
            return MISSING
        value = state[name]
        # What `child` gives as a copy is the caller's; a proxy or a value may be given again.
        cached = is_value(value) or is_nested(value) or isinstance(value, Shared)
        value = self.child(ATTRIBUTE, name, value)
        self.tags[place] = snapshot.tags[index] if cached else EMPTY
        self.values[place] = value if cached else None
        return value

    cdef object read_array(self):
        """The value of an object that is an array."""
        cdef uint64_t tag = 0, position = self.position_of(1), c = load_acq(self.commit)
        if c - position < CLOSED_BIT and slot_find(self.slots + 1, c, &tag) >= 0 and tag == self.tags[1]:
            return self.values[1]
        return self.read(1)

    cdef Snapshot keep(self, uint32_t index, object value, const Version* version):
        """Makes a decoded value this process's replica of a cell; from then on nobody may change it."""
        cdef Snapshot new = self.snapshot.copy()
        new.put(index, version.tag, value, version)
        self.snapshot = new
        return new

    cdef Snapshot cell_state(self, uint32_t index):
        """A snapshot in which that cell is fresh; the others, and the instance, need not be."""
        cdef uint64_t position = self.position_of(index), tag = 0, c = load_acq(self.commit)
        cdef Snapshot old = self.snapshot
        cdef Version version
        if c - position < CLOSED_BIT and slot_find(self.slots + index, c, &tag) >= 0 and tag == old.tags[index]:
            return old
        old = None              # read_version looks whether anybody has it besides us
        value = self.read_version(index, position, &version)
        if self.opaque and index == 1 and not isinstance(value, type(self)._share_class_):
            raise CorruptDataError(f"share {self.session.name}: a {type(value).__name__} is where a "
                                   f"{type(self)._share_class_.__name__} should be, its memory is damaged")
        return self.keep(index, value, &version)

    cdef object read_version(self, uint32_t index, uint64_t position, Version* version):
        """The value of a cell, fresh, and its version; a container is brought up to date by what its log has new."""
        cdef uint64_t found_owner = 0, c, done = 0
        cdef bint torn
        cdef int attempts = 0
        while True:
            c = self.session.barrier(position)
            torn = not slot_read(self.slots + index, c, version, &found_owner)
            if not torn:
                if found_owner != self.id or version.kind == DELETED:
                    raise deleted()
                if version.kind == ABSENT:
                    return MISSING
                value = self.take_replica(index, version, &done) if version.kind == LOG else None
                if value is not None:
                    value = log_applied(self.session.control, value, version, done, &torn)
                else:
                    value = version_value(self.session.control, version, &torn)
                if not torn:
                    return value
            pause_before_retry(self.session, &attempts)

    cdef object take_replica(self, uint32_t index, const Version* version, uint64_t* done):
        """The replica of a cell, to be changed by the rest of the version's log; None if it is of another base.

        It is ours alone, or a copy, if somebody still looks at it.
        """
        cdef Snapshot old = self.snapshot
        cdef tuple seen = old.logs.get(index) if old.logs is not None else None
        if seen is None or old.tags[index] == EMPTY or seen[0] != version.payload[0] or seen[1] != version.payload[2] \
                or seen[2] >= version.length:
            return None
        done[0] = seen[2]
        value = old.values[index]
        if Py_REFCNT(<PyObject*>old) == 2:
            # Nobody but us has this snapshot: what it holds can go on in the next one.
            old.tags[index] = EMPTY
            old.values[index] = MISSING
            old.instance = None
            if Py_REFCNT(<PyObject*>value) == 1:
                return value
        return copy_container(value)

    cdef int advance_logs(self, uint32_t* indices, int count) except -1:
        """Brings the containers among some cells up to date one by one, so that a snapshot need not decode them."""
        cdef uint32_t index
        cdef int i
        if self.snapshot.logs is not None:
            for i in range(count if count >= 0 else <int>self.cells):
                index = indices[i] if count >= 0 else <uint32_t>i
                if index in self.snapshot.logs:
                    self.cell_state(index)
        return 0

    cdef object current(self):
        """The object as it is now, for reading only."""
        return self.cell_state(1).values[1] if self.opaque else self.take_snapshot(NULL, -1).instance

    cdef object child(self, int kind, object key, object value):
        """What a caller may have of a part of the present state."""
        cdef uint32_t index
        cls = type(value)
        if cls is not dict and cls is not list and cls is not set:
            if is_value(value):
                return carrying(value)
            if isinstance(value, Shared):
                return value
            if not is_nested(value) and not is_array(value):
                return sealed(plain_copy(self.session, value))
        index = 1 if self.opaque else type(self)._share_index_.get(key, 0)
        if is_array(value):
            return array_at(self, index, (kind, key), value)
        return nested_factory(self, index, (kind, key), cls)

    cdef object attribute(self, str name):
        """An attribute that has no descriptor."""
        state = self.cell_state(1).values[1] if self.opaque else self.cell_state(0).values[0]
        if state is not MISSING:
            if not self.opaque:
                if name in state:
                    return self.child(ATTRIBUTE, name, state[name])
            elif has_dict(type(state)) and name in state.__dict__:
                return self.child(ATTRIBUTE, name, state.__dict__[name])
        return class_attribute(self, name)

    cdef uint64_t send_at(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0:
        raise NotImplementedError

    cdef Snapshot take_snapshot(self, uint32_t* indices, int count):
        """The given cells (count < 0: all) as they are at one C, in an instance of the user's class."""
        cdef uint64_t position, flag, c, tag = 0, owner = 0
        cdef uint32_t index
        cdef int i, n = count if count >= 0 else <int>self.cells, attempts = 0
        cdef bint fresh, torn = False
        cdef Version* versions
        cdef Snapshot old, new
        if self.opaque:
            new = self.cell_state(1)
            if new.instance is None:
                new.instance = new.values[1]
            return new
        self.advance_logs(indices, count)
        # Another thread may replace it while we wait or decode: we go on from this one.
        old = self.snapshot
        fence_acq()
        position = load_rlx(self.flags)
        for i in range(n):
            flag = load_rlx(self.flags + (indices[i] if count >= 0 else <uint32_t>i))
            if flag > position:
                position = flag
        flag = load_rlx(self.wide)
        if flag > position:
            position = flag
        c = self.session.barrier(position)
        if old.instance is not None:
            fresh = True
            for i in range(n):
                index = indices[i] if count >= 0 else <uint32_t>i
                if slot_find(self.slots + index, c, &tag) < 0 or tag != old.tags[index]:
                    fresh = False
                    break
            if fresh:
                return old
        versions = <Version*>malloc(sizeof(Version) * (n if n else 1))
        if versions == NULL:
            raise MemoryError
        try:
            while True:
                # All headers at one c first, so that a long copy is not outrun by later publications.
                torn = False
                for i in range(n):
                    index = indices[i] if count >= 0 else <uint32_t>i
                    TESTPOINT("snapshot.header")
                    if BROKEN("snapshot"):
                        c = self.session.barrier(position)
                    torn = not slot_read(self.slots + index, c, &versions[i], &owner)
                    if owner != self.id or (not torn and versions[i].kind == DELETED):
                        raise deleted()
                    if torn:
                        break
                if not torn:
                    new = old.copy()
                    for i in range(n):
                        index = indices[i] if count >= 0 else <uint32_t>i
                        if versions[i].tag == old.tags[index]:
                            continue
                        value = MISSING
                        if versions[i].kind != ABSENT:
                            value = version_value(self.session.control, &versions[i], &torn)
                            if torn:
                                break
                        new.put(index, versions[i].tag, value, &versions[i])
                if not torn:
                    break
                pause_before_retry(self.session, &attempts)
                c = self.session.barrier(position)
        finally:
            free(versions)
        new.instance = instance_of(type(self), new.values, MISSING)
        self.snapshot = new
        return new

    cdef int forget_snapshot(self) except -1:
        """Gives the cached snapshot away: its holder may change it."""
        self.snapshot = empty_snapshot(self.cells)
        return 0

    cdef object hand_out(self, Snapshot snapshot, object result):
        """What a caller may have of a local method's result: nothing that aliases the cached snapshot."""
        if result is snapshot.instance:
            return self
        if result is None or is_value(result) or isinstance(result, Shared):
            return result
        found = part_of(snapshot.instance, result)
        if found is not None:
            return self.child(found[0], found[1], result)
        try:
            return plain_copy(self.session, result)
        except NotShareableError:
            # Iterators, views, functions bound to the snapshot: they get the snapshot, we make a new one.
            self.forget_snapshot()
            return result

    cdef int let_out(self, object error) except -1:
        """What a local method raised goes to its caller: with the cached snapshot, if it holds a part of that."""
        for _ in range(8):              # ``raise error from error`` is a chain without an end
            if error is None:
                return 0
            if error.__dict__ or not is_value(error.args):
                break
            error = error.__cause__ or error.__context__
        self.forget_snapshot()
        return 0

    def __reduce__(self):
        return reference, (self.session.name, self.id, self.flags_at, self.slots_at, self.shape_at, self.cells)

    def __reduce_ex__(self, protocol):
        return Proxy.__reduce__(self)

    def __copy__(self):
        return plain(self)

    def __deepcopy__(self, memo):
        import copy

        return copy.deepcopy(self.current(), memo)      # of the replica: what classes say of deep copies holds

    def __dir__(self):
        return sorted({*dir(type(self)._share_class_), *type(self)._share_index_})

    def __repr__(self):
        return f"<shared {type(self)._share_class_.__qualname__} object, id {self.id} on {self.session.name}>"

    def __getattribute__(self, str name):
        # Not __getattr__: for that, Python-level subclasses would look names up the slow way.
        try:
            return PyObject_GenericGetAttr(self, name)
        except AttributeError:
            if name.startswith("__") or name.startswith("_share_"):
                raise
        # Neither an attribute with a cell nor a method: extras, then the class.
        return self.attribute(name)

    def __setattr__(self, str name, value):
        descriptor = own_descriptor(self, name)
        if hasattr(type(descriptor), "__set__"):
            type(descriptor).__set__(descriptor, self, value)
        else:
            set_attribute(self, name, value, 0)

    def __delattr__(self, str name):
        descriptor = own_descriptor(self, name)
        if hasattr(type(descriptor), "__delete__"):
            type(descriptor).__delete__(descriptor, self)
        else:
            delete_attribute(self, name, 0)


cdef object own_descriptor(Proxy proxy, str name):
    """What the proxy's class has under that name, itself: getattr would give the user's class's own property or slot,
    which would run here, on the proxy, instead of in the coordinator."""
    cdef PyObject* found = _PyType_Lookup(Py_TYPE(proxy), name)
    return None if found == NULL else <object>found


cdef object class_attribute(Proxy proxy, str name):
    cdef Snapshot snapshot
    cls = type(proxy)._share_class_
    found = getattr(cls, name, MISSING)
    if found is not MISSING:
        if hasattr(type(found), "__get__") and not isinstance(found, type):
            raw = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
            if not isinstance(raw, (staticmethod, classmethod)):
                return getattr(proxy.take_snapshot(NULL, -1).instance, name)
        return found
    if hasattr(cls, "__getattr__"):
        snapshot = proxy.take_snapshot(NULL, -1)
        return proxy.hand_out(snapshot, cls.__getattr__(snapshot.instance, name))
    raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=proxy)


cdef object part_of(state, result):
    """(kind of step, key) of a part of an object that a method returned; None if it is none or not easily found."""
    if has_dict(type(state)):
        for name, value in state.__dict__.items():
            if value is result:
                return ATTRIBUTE, name
    if isinstance(state, (list, tuple)) and len(state) <= 100:
        for i, value in enumerate(state):
            if value is result:
                return ITEM, i
    elif isinstance(state, dict) and len(state) <= 100:
        for key, value in state.items():
            if value is result:
                return ITEM, key
    return None


cdef object plain_copy(Session session, value):
    """A copy that shares nothing with `value`; other shared objects in it stay references."""
    cdef Encoder encoder = session.borrow()
    cdef Py_ssize_t used = 0
    encoder.reduce = None
    try:
        encoder.encode(value, "result")
        return decode(encoder.data, encoder.size, &used)
    finally:
        session.give_back(encoder)


cdef int apply_operation(Proxy proxy, str name, operation, uint32_t index) except -1:
    cdef Session session = proxy.session
    cdef uint64_t* raised = proxy.flags + index
    cdef Encoder encoder = session.borrow()
    try:
        encoder.encode(("", ATTRIBUTE, name), "path")
        encoder.encode(operation[1], f"operand for attribute {name}")
        wait = session.must_wait()
        position = session.send(APPLY, RESPOND if wait else 0, proxy.id, operation[0].encode(), encoder, &raised, 1)
    finally:
        session.give_back(encoder)
    if wait:
        session.await_response(position, None)
    return 0


cdef int set_attribute(Proxy proxy, str name, value, uint32_t index) except -1:
    cdef Session session = proxy.session
    cdef Encoder encoder
    cdef uint64_t* raised = proxy.flags + index
    cdef uint64_t position
    cls = type(proxy)
    operation = take_operation(value)
    if operation is not None:
        return apply_operation(proxy, name, operation, 0 if cls._share_plan_.custom_setattr else index)
    if isinstance(value, Proxy) and (<Proxy>value).is_nested and value._share_is_at_(proxy, (ATTRIBUTE, name)):
        return 0            # shared.x.items += [1]: the list has done it itself
    if is_array_at(value, proxy, (ATTRIBUTE, name)):
        return 0
    if index == 0 and not cls._share_plan_.custom_setattr and not has_dict(cls._share_class_):
        raise AttributeError(f"{cls._share_class_.__name__!r} object has no attribute {name!r}")
    if cls._share_plan_.custom_setattr:
        raised = proxy.flags
    encoder = session.borrow()
    try:
        encoder.encode(value, f"attribute {name}")
        wait = session.must_wait()
        position = session.send(SET, RESPOND if wait else 0, proxy.id, name.encode(), encoder, &raised, 1)
    finally:
        session.give_back(encoder)
    if wait:
        session.await_response(position, None)
    return 0


cdef int delete_attribute(Proxy proxy, str name, uint32_t index) except -1:
    cdef uint64_t* raised = proxy.flags + index
    cdef uint64_t position
    if type(proxy)._share_plan_.custom_setattr:
        raised = proxy.flags
    wait = proxy.session.must_wait()
    position = proxy.session.send(DELETE, RESPOND if wait else 0, proxy.id, name.encode(), None, &raised, 1)
    if wait:
        proxy.session.await_response(position, None)
    return 0


cdef bint has_dict(cls):
    return getattr(cls, "__dictoffset__", 0) != 0


cdef int encode_arguments(Encoder encoder, tuple args, dict kwargs) except -1:
    """What a call carries after its head; gives the flag that says whether there are keywords."""
    encoder.encode(args, "argument")
    if not kwargs:
        return 0
    encoder.encode(kwargs, "argument")
    return KEYWORDS


cdef object plain_operand(value):
    if isinstance(value, Proxy) and (<Proxy>value).opaque:
        return (<Proxy>value).current()
    return value


cdef object execute(Proxy proxy, str name, tuple args, dict kwargs, bint wait):
    """Has a method of an object of one cell run by the coordinator; its result if waited for."""
    cdef Session session = proxy.session
    cdef Encoder encoder
    cdef uint64_t* raised = proxy.flags
    cdef uint64_t position
    cdef int flags
    if session.must_wait():
        wait = True
    if proxy.is_nested:
        position = proxy.send_at(CALL, name.encode(), args, kwargs, wait)
    else:
        flags = RESPOND if wait else 0
        encoder = session.borrow()
        try:
            flags |= encode_arguments(encoder, args, kwargs)
            position = session.send(CALL, flags, proxy.id, name.encode(), encoder, &raised, 1)
        finally:
            session.give_back(encoder)
    return session.await_response(position, None) if wait else None


cdef Proxy new_proxy(object cls, Session session, uint64_t id, uint64_t flags_at, uint64_t slots_at,
                     uint64_t shape_at, uint32_t cells):
    cdef Proxy proxy = cls.__new__(cls)
    cdef uint32_t i, places = cls._share_places_
    proxy.session = session
    proxy.commit = session.control.commit
    proxy.wide = session.control.wide
    proxy.id = id
    proxy.flags = <uint64_t*>session.control.at(flags_at, <uint64_t>cells * 8)
    proxy.slots = <Slot*>session.control.at(slots_at, <uint64_t>cells * SLOT_SIZE)
    proxy.cells = cells
    proxy.opaque = cls._share_plan_.kind == "opaque"
    proxy.flags_at, proxy.slots_at, proxy.shape_at = flags_at, slots_at, shape_at
    proxy.tags = <uint64_t*>malloc(places * 8)
    if proxy.tags == NULL:
        raise MemoryError
    for i in range(places):
        proxy.tags[i] = EMPTY
    proxy.values = [None] * places
    proxy.forget_snapshot()
    return proxy


def plain(value):
    """A plain, private copy of a shared object: an instance of the user's class that nothing else refers to.

    Anything that is not a shared object is returned as it is.
    """
    cdef Proxy proxy
    if not isinstance(value, Proxy):
        return value.copy() if type(value).__name__ == "SharedArray" else value
    proxy = <Proxy>value
    if proxy.is_nested:
        return plain_copy(proxy.session, proxy.current())
    result = proxy.take_snapshot(NULL, -1).instance
    proxy.forget_snapshot()
    return result


def run(Proxy proxy not None, str name, tuple args, dict kwargs=None, bint wait=False):
    """Has a method of an object of one cell, or of a nested one, run by the coordinator; see ``execute``."""
    return execute(proxy, name, args, kwargs, wait)


def identity(Proxy proxy not None):
    """(share name, object id) of a proxy."""
    return proxy.session.name, proxy.id
