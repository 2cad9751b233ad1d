"""Top-level names: reading them from shared memory, assigning and deleting them through the ring."""

cimport cython
from libc.stdint cimport uint64_t

from .._atomic cimport fence_acq, load_acq, load_rlx, store_rlx
from .._layout cimport ABSENT, CLOSED_BIT, EMPTY, P_TOLD, REF, Slot, SLOT_SIZE, Version
from .._protocol cimport APPLY, ASSIGN, CLEAR, CREATE, IF_ABSENT, LINK, REMOVE, RESPOND
from .._slots cimport slot_find, slot_read
from ..cerial._codec cimport Encoder
from ._augmented cimport carrying, is_augmented_store, take_operation
from ._nested cimport Nested
from ._noted cimport note, noting
from ._proxy cimport Proxy, is_array_at, mark_cached, new_proxy, read_slot
from ._session cimport pause_before_retry, Session, Shared, note_reference

import weakref
from collections import deque

from .._kinds import is_value
from ..cerial import loads
from ..cerial._digests import check_code
from ..errors import ClassChangedError, DeletedObjectError, NotShareableError, ReservedNameError, ShareClosedError
from .._paths import ATTRIBUTE
from .._protocol import encode, end_making, failed_records, ItselfReducer, owed_records, start_making
from ._hooks import set_hooks
from ._proxy import MISSING, plain
from ._shapes import describe, may_be_missing, may_have_changed

set_hooks()

cdef object RESERVED = frozenset()


def reserve(names):
    """Sets which names belong to ``Share`` itself."""
    global RESERVED
    RESERVED = frozenset(names)


cdef bint is_array_class(cls):
    return cls.__name__ == "ndarray" and cls.__module__ == "numpy"


@cython.binding(False)
cdef class Cell:
    """Where a top-level name keeps its flag and its slot, and what was last read from there."""


cdef int encode_state(Encoder encoder, value, state, str name) except -1:
    """Encodes the state of an object; where it is met in there, that is a reference to it."""
    found = encoder.reduce = ItselfReducer(value, encoder.reduce)
    encoder.encode(state, name)
    cls = type(value)
    if found.met and cls.__hash__ is not object.__hash__ and cls.__hash__ is not None:
        # It is loaded before it has its attributes, and then cannot be put into a set or be a key.
        start_making(cls)
        try:
            loads(encode(state, name, found))
        except Exception as error:
            raise NotShareableError(
                f"{name}: {cls.__qualname__} is in a set or a key in its own state, and its __hash__ needs its "
                f"attributes ({type(error).__name__}: {error})"
            ) from error
        finally:
            end_making()
    return 0


cdef int try_decoding(value, str name) except -1:
    """Whether a container of a user's class can be loaded: the first time, where it is assigned."""
    data = encode(value, name)
    try:
        loads(data)
    except Exception as error:
        cls = type(value).__qualname__
        raise NotShareableError(
            f"{name}: it can be encoded, but not decoded again: {type(error).__name__}: {error}. As for copy.copy() "
            f"and pickle, {cls}.__init__ needs to work without arguments, or {cls} a __reduce__ of its own"
        ) from error
    return 0


@cython.binding(False)
cdef class Namespace(Shared):
    """The names of a share; base of :class:`share.Share`."""

    def __init__(self, Session session not None):
        self.session = session
        self.cells = {}
        self.directory_tag = EMPTY
        self.loaded = weakref.WeakSet()

    # -- reading --------------------------------------------------------------------------------------

    cdef uint64_t root_position(self) noexcept:
        cdef uint64_t position, wide
        if noting:
            note(self.session.control, self.session.control.directory, 0)
        fence_acq()
        position = load_rlx(self.session.control.root_flag)
        wide = load_rlx(self.session.control.wide)
        return wide if wide > position else position

    cdef int refresh(self) except -1:
        """Brings the table of names up to date."""
        cdef uint64_t tag = 0, c
        cdef Cell cell
        if self.session is None:
            raise TypeError("a share is made by Share(...), Share.open or Share.attach")
        c = self.session.barrier(self.root_position())
        if slot_find(self.session.control.directory, c, &tag) >= 0 and tag == self.directory_tag:
            return 0
        table = read_slot(self.session, self.session.control.directory, 0, 0, &tag)
        if table is not MISSING:
            for name, (flag, slot, owner) in table.items():
                if name not in self.cells:
                    cell = Cell()
                    cell.flag = <uint64_t*>self.session.control.at(flag, 8)
                    cell.slot = <Slot*>self.session.control.at(slot, SLOT_SIZE)
                    cell.owner = owner
                    cell.tag = EMPTY
                    self.cells[name] = cell
        self.directory_tag = tag
        return 0

    cdef object read_cell(self, Cell cell):
        cdef uint64_t position, flag, c, tag = 0
        if noting:
            note(self.session.control, cell.slot, cell.owner)
        fence_acq()             # pairs with the seq_cst operation that ends every call
        position = load_rlx(self.session.control.root_flag)
        flag = load_rlx(cell.flag)
        if flag > position:
            position = flag
        flag = load_rlx(self.session.control.wide)
        if flag > position:
            position = flag
        c = load_acq(self.session.control.commit)
        if c - position < CLOSED_BIT and slot_find(cell.slot, c, &tag) >= 0 and tag == cell.tag:
            return self.array_of(cell) if cell.is_array else cell.value
        value = carrying(self.read_anew(cell, position, &tag))
        is_array = isinstance(value, Proxy) and is_array_class(type(value)._share_class_)
        # One store: the end of the old value may let other threads in, so it outlives all three.
        old = cell.value
        if old is not value:
            mark_cached(old, False)
            mark_cached(value, True)
        cell.value, cell.tag, cell.is_array = value, tag, is_array
        del old
        return self.array_of(cell) if is_array else value

    cdef object read_anew(self, Cell cell, uint64_t position, uint64_t* tag):
        try:
            return read_slot(self.session, cell.slot, cell.owner, position, tag)
        except ClassChangedError as error:
            from ._commands import moved_on

            if not moved_on(self.session, error):
                raise
        return read_slot(self.session, cell.slot, cell.owner, position, tag)

    cdef object array_of(self, Cell cell):
        """The array that a name stands for; another, if the name was given away since it was looked at."""
        cdef uint64_t tag = 0
        try:
            return (<Proxy>cell.value).read_array()
        except DeletedObjectError:
            # What deleted the object has given the name a new version.
            if slot_find(cell.slot, load_acq(self.session.control.commit), &tag) >= 0 and tag == cell.tag:
                raise
        return self.read_cell(cell)

    cdef object look_up(self, str name):
        """The value or proxy of a name, or MISSING."""
        cdef Cell cell = self.cells.get(name)
        if self.detached:
            raise ShareClosedError(f"this process has closed its use of share {self.session.name}")
        if cell is None:
            self.refresh()
            cell = self.cells.get(name)
            if cell is None:
                return MISSING
        return self.read_cell(cell)

    def __getattribute__(self, str name):
        cdef Cell cell = self.cells.get(name)
        if cell is not None:
            value = self.look_up(name)
            if value is not MISSING:
                return value
        elif name in RESERVED or name.startswith("__"):
            return object.__getattribute__(self, name)
        else:
            value = self.look_up(name)
            if value is not MISSING:
                return value
        raise AttributeError(f"the share has no {name!r}: assign it first (shared.{name} = ...), or look at "
                             f"list(shared)", name=name, obj=self)

    def __getitem__(self, str name):
        value = self.look_up(name)
        if value is MISSING:
            raise KeyError(name)
        return value

    def __contains__(self, name):
        return isinstance(name, str) and self.look_up(name) is not MISSING

    def __iter__(self):
        return iter(self.present_names())

    def __len__(self):
        return len(self.present_names())

    def __bool__(self):
        return True

    def present_names(self):
        """The names that exist now, all at one commit position, in the order in which they first appeared."""
        cdef uint64_t position, c, owner = 0
        cdef Cell cell
        cdef Version version
        cdef int attempts = 0
        self.refresh()
        while True:
            position = self.root_position()
            for cell in self.cells.values():
                if noting:
                    note(self.session.control, cell.slot, cell.owner)
                position = max(position, load_rlx(cell.flag))
            c = self.session.barrier(position)
            names = []
            for name, cell in self.cells.items():
                if not slot_read(cell.slot, c, &version, &owner):
                    pause_before_retry(self.session, &attempts)
                    break
                if version.kind != ABSENT:
                    names.append(name)
            else:
                return names

    # -- writing --------------------------------------------------------------------------------------

    cdef bint may_be_object(self, str name, Cell cell) except -1:
        """Whether a name may mean an object now, or once what is queued has been executed."""
        cdef Version version
        cdef uint64_t owner = 0, c
        if self.root_position() > load_acq(self.session.control.commit):
            return True
        if cell is None:
            self.refresh()      # which does not wait: nothing is queued that the table of names waits for
            cell = self.cells.get(name)
            if cell is None:
                return False
        c = load_acq(self.session.control.commit)
        if cell.value_at and load_rlx(cell.flag) == cell.value_at and \
                load_rlx(self.session.control.root_flag) <= cell.value_at:
            return False        # the last that is queued is our own assignment of a value
        if load_rlx(cell.flag) > c or not slot_read(cell.slot, c, &version, &owner):
            return True
        return version.kind == REF

    cdef int command(self, int kind, str name, uint64_t target, encoder, str operation=None, int flags=0,
                     bint wait=False) except -1:
        cdef Cell cell = self.cells.get(name)
        cdef uint64_t* raised[2]
        cdef int count = 1
        cdef uint64_t position
        wait = wait or self.session.must_wait()
        if self.detached:
            raise ShareClosedError(f"this process has closed its use of share {self.session.name}")
        raised[0] = cell.flag if cell is not None else self.session.control.root_flag
        if kind != APPLY and not flags & IF_ABSENT and self.may_be_object(name, cell):
            # The command may end an object of which somebody has a proxy: every read waits for it.
            raised[1], count = self.session.control.wide, 2
        position = self.session.send(kind, flags | (RESPOND if wait else 0), target, (operation or name).encode(),
                                     <Encoder>encoder, raised, count)
        if cell is not None and kind == ASSIGN and not flags & IF_ABSENT:
            cell.value_at = position
        if wait:
            self.session.await_response(position, None)
        return 0

    @cython.nonecheck(True)
    def setdefault(self, str name not None, default):
        """The value or object of a name; if there is none, the default is assigned first.

        Of several processes that do this at once, all get what one of them has assigned.
        """
        value = self.look_up(name)
        if value is MISSING:
            self.assign(name, default, IF_ABSENT)
            value = self.look_up(name)
        return value

    @cython.nonecheck(True)
    def assign(self, str name not None, value, int flags=0):
        """Queues ``shared.name = value``."""
        cdef Proxy proxy
        cdef Encoder encoder
        if name in RESERVED or name.startswith("__"):
            raise ReservedNameError(f"{name!r} is a name of Share itself: choose another")
        if isinstance(value, Namespace):
            raise NotShareableError("a Share cannot be kept in a share: pass it to other processes as an argument")
        if type(value).__name__ == "SharedArray":
            found = self.look_up(name)
            if is_augmented_store() or \
                    type(found) is type(value) and is_array_at(value, (<Cell>self.cells[name]).value, ()):
                return              # shared.a += 1: the array has done it itself
            value = plain(value)
        operation = take_operation(value)
        if operation is not None:
            encoder = self.session.borrow()
            try:
                encoder.encode(("", ATTRIBUTE, name), "path")
                encoder.encode(operation[1], f"operand for {name}")
                self.command(APPLY, name, 0, encoder, operation[0])
            finally:
                self.session.give_back(encoder)
            return
        if isinstance(value, Proxy) and (<Proxy>value).is_nested and \
                ((<Proxy>value).session is not self.session or (<Nested>value).owner is not None):
            value = plain(value)        # no node of this share
        if isinstance(value, Proxy):
            proxy = value
            if proxy.is_nested and is_augmented_store():
                return
            if proxy.session is self.session and not proxy.is_nested:
                if is_augmented_store() or self.look_up(name) is proxy:
                    return          # shared.items += [1]: the list has done it itself
                note_reference(self.session.control)
                self.command(LINK, name, proxy.id, None, None, flags)
                return
        encoder = self.session.borrow()
        try:
            if is_value(value) or isinstance(value, Proxy):
                encoder.encode(value, name)
                self.command(ASSIGN, name, 0, encoder, None, flags)
            else:
                shape, state = describe(value, name)
                cls = type(value)
                if cls not in self.loaded and isinstance(value, (list, dict, set, deque)) and \
                        cls.__module__ not in ("builtins", "collections"):
                    try_decoding(value, name)
                encoder.encode(shape, name)
                if state is value:
                    encoder.encode(state, name)     # pickle knows what it has met
                else:
                    encode_state(encoder, value, state, name)
                # A class that the coordinator may be unable to load is waited for, the first time: it is said here.
                # So is one of which the coordinator may have loaded other code.
                wait = cls not in self.loaded and (
                    may_have_changed(cls, self.session.owner_state is not None)
                    or may_be_missing(cls, self.session.control))
                try:
                    self.command(CREATE, name, 0, encoder, None, flags, wait)
                except ClassChangedError as error:
                    from ._commands import moved_on

                    if not moved_on(self.session, error):
                        raise
                    self.command(CREATE, name, 0, encoder, None, flags, wait)
                self.loaded.add(cls)
        finally:
            self.session.give_back(encoder)

    @cython.nonecheck(True)
    def remove(self, str name not None):
        """Queues ``del shared.name``."""
        if name not in self.cells:
            self.refresh()
            if name not in self.cells:
                raise AttributeError(f"the share has no {name!r}", name=name, obj=self)
        self.command(REMOVE, name, 0, None)

    @cython.nonecheck(True)
    def remove_all(self):
        """Queues the deletion of every name."""
        cdef uint64_t* raised = self.session.control.wide
        cdef bint wait = self.session.must_wait()
        position = self.session.send(CLEAR, RESPOND if wait else 0, 0, b"", None, &raised, 1)
        if wait:
            self.session.await_response(position, None)

    def __setattr__(self, str name, value):
        self.assign(name, value)

    def __delattr__(self, str name):
        self.remove(name)

    def __setitem__(self, str name, value):
        self.assign(name, value)

    def __delitem__(self, str name):
        if self.look_up(name) is MISSING:
            raise KeyError(name)
        self.remove(name)

    def detach(self):
        """Ends this process's use of the share; the share itself goes on."""
        self.detached = True

    def session_of(self):
        """The session behind this namespace."""
        return self.session

    def read_errors(self, bint wait=True):
        """The records of failed commands that the coordinator keeps, oldest first; `wait`: of all queued so far."""
        found = self.published_errors(wait)
        return [] if found is MISSING else failed_records(found)

    @cython.nonecheck(True)
    def take_owed_errors(self):
        """(records, how many more) of this process's own failed commands since this was last called."""
        cdef Session session = self.session
        identity = session.identity
        found = MISSING if identity is None else self.published_errors(True)
        if found is MISSING:
            return [], 0
        records, more, last = owed_records(found, identity[1])
        records = [record for record in records if record[0] > session.last_raised]
        if last <= <uint64_t>session.last_raised:
            return [], 0
        session.last_raised = last
        # Relaxed, and read so by the coordinator: an old value only makes it keep what we pass over here.
        store_rlx(session.control.process(identity[0], P_TOLD), last)
        return records, more

    @cython.nonecheck(True)
    cdef object published_errors(self, bint wait):
        cdef uint64_t tag = 0, position = load_acq(self.session.control.ring.tail) if wait else 0
        return read_slot(self.session, self.session.control.errors, 0, position, &tag)


def committed(Session session not None, unreadable):
    """{name: value or proxy} of what is committed now. Waits for nothing that is queued, unlike all other reads.

    unreadable: gives, for the exception that reading a name raises, what stands for its value.
    """
    cdef uint64_t tag = 0
    found = {}
    table = read_slot(session, session.control.directory, 0, 0, &tag)
    for name, (_, slot, owner) in ({} if table is MISSING else table).items():
        try:
            value = read_slot(session, <Slot*>session.control.at(slot, SLOT_SIZE), owner, 0, &tag)
        except Exception as error:
            value = unreadable(error)
        if value is not MISSING:
            found[name] = value
    return found


def resolver_for(Session session not None):
    """What turns a reference to an object of this share into its proxy, one for each id."""
    import weakref
    weak = weakref.ref(session)

    def resolve(uint64_t id, uint64_t flags_at, uint64_t slots_at, uint64_t shape_at, cells):
        cdef Session session = weak()
        cdef uint64_t tag = 0
        if session is None:
            raise ShareClosedError("the share has been closed")
        proxy = session.proxies.get(id)
        if proxy is None:
            cls = session.classes.get(shape_at)
            if cls is None:
                from ._classes import proxy_class

                shape = read_slot(session, <Slot*>session.control.at(shape_at, SLOT_SIZE), shape_at, 0, &tag)
                check_code(shape[0], shape[3])
                cls = session.classes[shape_at] = proxy_class(*shape[:3])
            proxy = session.proxies.setdefault(id, new_proxy(cls, session, id, flags_at, slots_at, shape_at, cells))
        return proxy

    return resolve


def is_detached(Namespace share not None):
    """Whether this process has ended its use of the share through this object."""
    return share.detached
