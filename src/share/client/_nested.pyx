"""Nested proxies: mutable objects that are part of other objects' state.

A nested proxy is the id of a node and the number of the cell where that is at home. It reads from this process's
replica, and writes by commands that name the node and raise the flag of its home. What is no node (the value of an
attribute that can only be encoded whole, and the parts of an array) is known by an owner, one of its cells and a path.
"""

import weakref
from functools import partial

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport Py_TYPE, PyTypeObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .._atomic cimport fence_acq, load_acq, load_rlx
from .._held cimport hold, Holding
from .._layout cimport CLOSED_BIT, EMPTY, LOOKED, Slot
from .._protocol cimport APPLY, CALL, CALL_AT, DELETE, DELETE_AT, GET_AT, RESPOND, SET, SET_AT
from .._slots cimport slot_find
from ..cerial._codec cimport Encoder
from .._internal cimport Maker, maker_of
from ._augmented cimport carrying, is_augmented_store, take_operation
from ._iterations cimport Iteration, reaches
from ._noted cimport note, noting
from ._proxy cimport Local, Proxy, array_at, class_attribute, empty_proxy, encode_arguments, has_dict, is_array_at, \
    own_descriptor, part, plain_copy
from ._replica cimport Cell, Reader, reader_of, Tables
from ._session cimport Session, Shared

from .. import _paths
from .._kinds import is_array, is_nested, is_value
from .._paths import ATTRIBUTE, ITEM
from .._protocol import encode, node_reference, reference
from ..cerial import loads
from ..errors import CorruptDataError, DeletedObjectError, ShareClosedError
from . import _proxy
from ._copies import sealed

cdef extern from "Python.h":
    void* _PyType_Lookup(PyTypeObject* cls, object name) noexcept
    object PyObject_GenericGetAttr(object self, object name)

cdef dict classes = {}              # user's class -> generated class

#: callable(user's class) -> generated class; set by _hooks.py.
class_factory = None


cdef object gone():
    return DeletedObjectError("this object is no part of its share any more (it was removed, or what held it was "
                              "deleted); read it from the share again")


cdef inline uint64_t newest_of(Cell cell, const uint64_t* wide) noexcept:
    cdef uint64_t position = load_rlx(cell.wildcard), flag = load_rlx(cell.flag)
    if flag > position:
        position = flag
    flag = load_rlx(wide)
    return flag if flag > position else position


@cython.binding(False)
cdef class Nested(Proxy):
    """Base of the generated classes of nested proxies."""

    cdef object peek(self):
        """The object as it is now, for looking at only; what it holds need not be up to date."""
        cdef Cell cell = self.cell
        cdef uint64_t position, c, tag = 0
        if self.owner is not None:
            return self.value_of_owner()
        if cell.wildcard != NULL:
            if noting:
                note(self.session.control, cell.slot, cell.owner)
            fence_acq()         # pairs with the seq_cst operation that ends every call
            position = newest_of(cell, self.wide)
            c = load_acq(self.commit)
            if c - position < CLOSED_BIT and slot_find(cell.slot, c, &tag) >= 0 and tag == cell.tag:
                return self.found if tag == self.seen else self.find()
        self.reader.bring(self.session, [self.home], False)
        return self.find()

    cdef uint64_t newest(self) noexcept:
        if self.owner is not None:
            return self.owner.position_of(self.index)
        return EMPTY if self.cell.wildcard == NULL else newest_of(self.cell, self.wide)

    cdef object find(self):
        """The node's object in the replica that there is now. Raises DeletedObjectError if there is none."""
        cdef Tables tables = self.reader.tables
        found = tables.node(self.node)
        if found is not None and tables.home_of(self.node) != self.home:
            found = None
        if found is not None and self.path:
            found = _paths.walk(found, self.path)
        if found is None or type(found) is not type(self)._share_class_:
            self.found, self.seen = None, 0
            raise gone()
        if self.reader.tables is tables:        # else another thread has begun a new replica
            self.cell = self.reader.cell(self.home)
            self.found, self.seen = found, self.cell.tag
        return found

    cdef object value_of_owner(self):
        found = self.owner.cell_state(self.index).values[self.index]
        if found is _proxy.MISSING:
            raise _paths.gone(self.path)
        if self.inner:
            found = _paths.walk(found, self.inner)
        if type(found) is not type(self)._share_class_:
            raise _paths.gone(self.path)
        return found

    cdef object current(self):
        """The object as it is now with all that it holds, for looking at only."""
        if self.owner is not None:
            return self.value_of_owner()
        self.reader.whole(self.session, self.home)
        if self.cell.tag == self.seen and self.found is not None:
            return self.found
        return self.find()

    cdef Local take_local(self, uint32_t* indices, int count, int number):
        return self.lend(self.current())

    cdef object whole(self):
        return self.current()

    cdef list held(self):
        return [] if self.owner is not None else [self.cell] if self.cell.closure is None else self.cell.closure

    cdef int forget_snapshot(self) except -1:
        self.own = self.found = None
        self.seen = 0
        if self.owner is not None:
            return self.owner.forget_snapshot()
        return self.reader.retire()

    cdef object child(self, Tables tables, int kind, object key, object value):
        if self.owner is not None:
            return part_at(self.owner, self.index, self.path + (kind, key), value)
        cls = type(value)
        if cls is int or cls is str or tables.id_of(value) or is_value(value) or isinstance(value, Shared):
            return part(self.session, tables, value)
        return self.inside(tables, self.path + (kind, key), value)

    cdef object inside(self, Tables tables, tuple path, value):
        """What a caller may have of what is at a path in a node, and may be part of something that is encoded whole."""
        cls = type(value)
        if isinstance(value, tuple):
            items = [item if is_value(item) else self.inside(tables, path + (ITEM, i), item)
                     for i, item in enumerate(tuple.__iter__(value))]
            return tuple(items) if cls is tuple else tuple.__new__(cls, items)
        if not tables.id_of(value) and not isinstance(value, Shared):
            if is_nested(value):
                made = at_node(self.session, self.node, self.home, path, cls, NULL, 0)
                if made is not None:
                    return made
            elif is_array(value):
                return array_in(self.session, self.node, self.home, path, value)
        return part(self.session, tables, value)

    cdef object attribute(self, str name):
        found = self.peek()
        tables = self.reader.tables
        value = state_of(found, name)
        if value is not _proxy.MISSING:
            return self.child(tables, ATTRIBUTE, name, value)
        return class_attribute(self, name)

    # -- commands -------------------------------------------------------------------------------------

    cdef uint64_t* raised(self) except NULL:
        """The flag that a command raises."""
        if self.owner is None:
            if self.cell.flag != NULL and self.cell.tag != EMPTY:
                return self.cell.flag
            return self.reader.flag_of(self.session, self.home)
        if self.owner.opaque or type(self.owner)._share_plan_.entangled:
            return self.owner.flags
        return self.owner.flags + self.index

    cdef uint64_t send_encoded(self, int kind, int flags, bytes name, object payload) except 0:
        cdef Encoder encoder = payload
        cdef uint64_t* raised = self.raised()
        cdef uint64_t end = self.session.send(kind, flags, 0 if self.owner is None else self.owner.id, name, encoder,
                                              &raised, 1)
        if self.session.over.under_way and self.owner is None:
            self.note_loops()
        return end

    cdef int note_loops(self) except -1:
        """Loops of this thread go over what a command on this part may have changed."""
        cdef list others = self.session.over.note_node(self.node)
        cdef Tables tables = self.reader.tables
        cdef Iteration loop
        if not others or type(self)._share_class_.__module__ in ("builtins", "collections"):
            return 0                    # a method of these changes nothing in what it holds
        found = tables.node(self.node)
        for loop in others:
            other = tables.node(loop.node)
            if found is not None and other is not None and reaches(found, other):
                loop.own = True
        return 0

    cdef tuple head(self, str name):
        """How a command names this object, or one whose class need not be looked at."""
        return (name, *self.path) if self.owner is not None else (name, self.node, *self.path)

    cdef object begin(self):
        """An encoder that holds the head."""
        cdef Encoder encoder = self.session.borrow()
        if self.prefix is None:
            self.prefix = encode(self.head(type(self)._share_class_.__qualname__), "path")
        encoder.reserve(PyBytes_GET_SIZE(self.prefix))
        memcpy(encoder.data + encoder.size, PyBytes_AS_STRING(self.prefix), PyBytes_GET_SIZE(self.prefix))
        encoder.size += PyBytes_GET_SIZE(self.prefix)
        return encoder

    cdef uint64_t send_at(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0:
        cdef Encoder encoder = self.begin()
        cdef int flags = RESPOND if respond else 0
        try:
            if kind == CALL:
                flags |= encode_arguments(encoder, args, kwargs)
                kind = CALL_AT
            elif kind == SET:
                encoder.encode(args[0], f"attribute {name.decode()}")
                kind = SET_AT
            elif kind == DELETE:
                kind = DELETE_AT
            else:
                kind = GET_AT
            return self.send_encoded(kind, flags, name, encoder)
        finally:
            self.session.give_back(encoder)

    # -- what Python asks -----------------------------------------------------------------------------

    def __getattribute__(self, str name):
        if _PyType_Lookup(Py_TYPE(self), name) != NULL or name.startswith("__") or name.startswith("_share_"):
            return PyObject_GenericGetAttr(self, name)
        return self.attribute(name)

    def __setattr__(self, str name, value):
        descriptor = own_descriptor(self, name)
        if hasattr(type(descriptor), "__set__"):
            type(descriptor).__set__(descriptor, self, value)
            return
        cls = type(self)._share_class_
        if not has_dict(cls) and not type(self)._share_plan_.custom_setattr and not hasattr(cls, name):
            raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
        set_part(self, ATTRIBUTE, name, value)

    def __delattr__(self, str name):
        descriptor = own_descriptor(self, name)
        if hasattr(type(descriptor), "__delete__"):
            type(descriptor).__delete__(descriptor, self)
            return
        wait = self.session.must_wait() or not self.session.assignments_queue   # it may not be there
        position = self.send_at(DELETE, name.encode(), (), None, wait)
        if wait:
            self.session.await_response(position, None)

    def __eq__(self, other):
        return same_place(self, other)

    def __ne__(self, other):
        equal = self.__eq__(other)      # which a class may define
        return equal if equal is NotImplemented else not equal

    def __hash__(self):
        if self.owner is None:
            return hash((self.session.name, self.node, self.path))
        return hash((self.session.name, self.owner.id, self.path))

    def __reduce__(self):
        if self.owner is None:
            if self.path:
                return part_reference, (self.session.name, self.node, self.home, self.path)
            return node_reference, (self.session.name, self.node, self.home)
        cls = type(self)._share_class_
        encoded = cls if cls.__module__ in ("builtins", "collections") else encode(cls, "class")
        return nested_reference, (*Proxy.__reduce__(self.owner)[1], self.index, self.path, encoded)

    def __reduce_ex__(self, protocol):
        return Nested.__reduce__(self)

    def __repr__(self):
        name = type(self)._share_class_.__qualname__
        if self.owner is None:
            return f"<shared {name} object, node {self.node} on {self.session.name}>"
        return f"<shared {name} object at {_paths.path_text(self.path)} of " \
               f"{type(self.owner)._share_class_.__qualname__} {self.owner.id} on {self.session.name}>"

    def __dir__(self):
        return sorted({*dir(type(self)._share_class_), *dir(self.peek())})


cdef Maker maker = maker_of(<PyTypeObject*>Nested)


cdef bint same_place(Nested self, other):
    cdef Nested second
    if self is other:
        return True
    if not isinstance(other, Nested):
        return False
    second = other
    return self.session is second.session and self.owner is second.owner and self.node == second.node \
        and self.path == second.path


cdef object state_of(found, str name):
    """An attribute that an instance itself holds; MISSING if it does not."""
    if has_dict(type(found)) and name in found.__dict__:
        return found.__dict__[name]
    for base in type(found).__mro__:
        member = base.__dict__.get(name)
        if member is not None:
            if type(member).__name__ == "member_descriptor":
                return getattr(found, name, _proxy.MISSING)
            break
    return _proxy.MISSING


cdef int set_part(Proxy parent, int kind, key, value) except -1:
    """Queues the assignment of an attribute (of a nested object) or an item (of any container)."""
    cdef Session session = parent.session
    cdef Encoder encoder
    cdef int flags = RESPOND if session.must_wait() else 0
    cdef uint64_t position
    if kind == ATTRIBUTE and type(parent)._share_plan_.custom_setattr and not session.assignments_queue:
        flags = RESPOND
    operation = take_operation(value)
    if operation is not None:
        encoder = session.borrow()
        try:
            encoder.encode(head_of(parent, "", (kind, key)), "path")
            encoder.encode(operation[1], "operand")
            position = send_to(parent, APPLY, flags, operation[0].encode(), encoder)
        finally:
            session.give_back(encoder)
    elif isinstance(value, Nested) and is_augmented_store():
        return 0                # x.items += [1]: the list has done it itself
    elif is_array_at(value, parent, (kind, key)):
        return 0
    elif kind == ATTRIBUTE:
        position = parent.send_at(SET, key.encode(), (value,), None, flags & RESPOND)
    else:
        _proxy.run(parent, "__setitem__", (key, value))
        return 0
    if flags & RESPOND:
        session.await_response(position, None)
    return 0


cdef uint64_t send_to(Proxy parent, int kind, int flags, bytes name, Encoder encoder) except 0:
    cdef uint64_t* raised = parent.flags
    if parent.is_nested:
        return (<Nested>parent).send_encoded(kind, flags, name, encoder)
    return parent.session.send(kind, flags, parent.id, name, encoder, &raised, 1)


def set_item(Proxy parent not None, key, value):
    """``parent[key] = value`` for a container."""
    set_part(parent, ITEM, key, value)


cdef tuple head_of(Proxy proxy, str name, tuple steps):
    return ((<Nested>proxy).head(name) if proxy.is_nested else (name,)) + steps


cdef tuple place_of(Proxy proxy, str name, tuple steps):
    cdef Nested nested
    if not proxy.is_nested:
        return proxy.id, (name, *steps)
    nested = proxy
    return 0 if nested.owner is None else nested.owner.id, nested.head(name) + steps


cdef uint64_t* wildcard_of(Proxy proxy) except NULL:
    """The flag of whatever may change in an object, or in the one in which a part is at home."""
    cdef Nested nested
    cdef Cell cell
    if not proxy.is_nested:
        return proxy.flags
    nested = proxy
    if nested.owner is not None:
        return nested.owner.flags
    nested.raised()             # finds out where the flags are
    cell = nested.reader.cell(nested.home)
    return cell.wildcard


cdef object generated_for(cls):
    generated = classes.get(cls)
    if generated is None:
        generated = classes[cls] = class_factory(cls)
    return generated


def node_proxy(Session session not None, id, home, cls, size_t slot=0, uint64_t tag=0):
    """The proxy of a node of class ``cls``, one for each node and process. None: the node has gone.

    ``slot`` is the address of what refers to it and had that tag; 0: it has been found in the replica.
    """
    return at_node(session, id, home, (), cls, <const Slot*>slot, tag)


cdef object at_node(Session session, id, home, tuple path, cls, const Slot* slot, uint64_t tag):
    cdef Nested proxy
    cdef Holding holding
    cdef dict proxies = reader_of(session).proxies
    key = (id, path) if path else id
    weak = proxies.get(key)
    if weak is not None:
        found = weak()
        if found is not None and type(found) is classes.get(cls):
            return found
    holding = hold_node(session, id, home, slot, tag)
    if holding is None:
        return None
    weak = proxies.get(key)             # another thread may have made it meanwhile
    if weak is not None:
        found = weak()
        if found is not None and type(found) is classes.get(cls):
            return found
    proxy = new_node(session, id, home, path, cls)
    proxy.holding = holding
    proxies[key] = weakref.ref(proxy, partial(forget, proxies, key))
    return proxy


cdef Holding hold_node(Session session, uint64_t id, uint64_t home, const Slot* slot, uint64_t tag):
    cdef Reader reader
    cdef Cell cell
    cdef Holding holding
    cdef uint64_t looked, c, seen = 0
    if home > <uint32_t>-1:
        raise CorruptDataError(f"share {session.name}: a part is said to be at home in cell {home}")
    if session.held.segment is None:
        session.open_held()
    holding = hold(session.held, id)    # ends with a fence
    reader = session.reader
    if slot == NULL:
        cell = reader.cell(home)
        if reader.tables.node(id) is not None:
            slot, tag = cell.slot, cell.tag
    looked = load_rlx(session.control.word(LOOKED))
    c = load_acq(session.control.commit)
    if looked <= c and slot != NULL and slot_find(slot, c, &seen) >= 0 and seen == tag:
        return holding                  # it was there when everybody could see that we hold it
    session.barrier(looked)
    reader.bring(session, [home], False)
    if reader.tables.node(id) is None or reader.tables.home_of(id) != home:
        return None
    return holding


cdef object array_in(Session session, id, home, tuple path, value):
    return _proxy.arrays().array_of_node(session, id, home, value, path)


cdef Nested new_node(Session session, uint64_t id, uint64_t home, tuple path, cls):
    cdef Nested proxy
    generated = generated_for(cls)
    proxy = empty_proxy(maker, generated)
    proxy.session = session
    proxy.commit, proxy.wide = session.control.commit, session.control.wide
    proxy.is_nested = True
    proxy.opaque = generated._share_plan_.kind == "opaque"
    proxy.reader = reader_of(session)
    proxy.node, proxy.home, proxy.path = id, <uint32_t>home, path
    proxy.cell = proxy.reader.cell(home)
    return proxy


def node_resolver_for(Session session not None):
    """What turns a reference to a node of this share into its proxy. Raises DeletedObjectError if there is none."""
    weak = weakref.ref(session)

    def resolve(id, home):
        cdef Session session = weak()
        cdef Reader reader
        cdef Tables tables
        if session is None:
            raise ShareClosedError("the share has been closed")
        reader = reader_of(session)
        reader.bring(session, [home], False)
        tables = reader.tables
        found = tables.node(id)
        if found is None or tables.home_of(id) != home:
            raise gone()
        made = part(session, tables, found)
        if is_nested(found) and not isinstance(made, Shared):
            raise gone()
        return made

    return resolve


def nested_at(Proxy owner not None, uint32_t index, tuple path, cls):
    """The proxy of the part at a path that is no node, one for each path and process."""
    cdef dict children = owner.children
    if children is None:
        children = owner.children = {}
    weak = children.get(path)
    if weak is not None:
        found = weak()
        if found is not None and type(found) is classes.get(cls):
            return found
    proxy = new_nested(owner, index, path, cls)
    children[path] = weakref.ref(proxy, partial(forget, children, path))
    return proxy


cdef Nested new_nested(Proxy owner, uint32_t index, tuple path, cls):
    cdef Nested proxy
    generated = generated_for(cls)
    proxy = empty_proxy(maker, generated)
    proxy.session = owner.session
    proxy.commit, proxy.wide, proxy.flags, proxy.slots = owner.commit, owner.wide, owner.flags, owner.slots
    proxy.reader = owner.reader
    proxy.id = owner.id
    proxy.is_nested = True
    proxy.opaque = generated._share_plan_.kind == "opaque"
    proxy.owner, proxy.index, proxy.path = owner, index, path
    # An opaque owner's cell holds the whole object; an attribute's cell what the first step gives.
    proxy.inner = path if owner.opaque else path[2:]
    return proxy


def forget(dict proxies not None, key, dead):
    """Called when a nested proxy has died."""
    if proxies.get(key) is dead:
        del proxies[key]


def forget_found(dict proxies not None):
    """Lets proxies that live longer than a replica not keep it."""
    cdef Nested proxy
    for weak in list(proxies.values()):
        proxy = weak()
        if proxy is not None:
            proxy.found, proxy.own, proxy.seen = None, None, 0


cdef object part_at(Proxy owner, uint32_t index, tuple path, value):
    """What a caller may have of a part of something that is no node."""
    if is_value(value):
        return carrying(value)
    if isinstance(value, Shared):
        return value
    if is_array(value):
        return array_at(owner, index, path, value)
    if not is_nested(value):
        return sealed(plain_copy(owner.session, value))
    return nested_at(owner, index, path, type(value))


def part_reference(name, id, home, path):
    """What a pickled proxy of a part of an opaque node becomes: a proxy, or in the share's own coordinator the live
    object."""
    found = node_reference(name, id, home)
    if isinstance(found, Nested):
        for i in range(0, len(path), 2):
            state = (<Nested>found).peek()
            tables = (<Nested>found).reader.tables
            found = (<Nested>found).child(tables, path[i], path[i + 1], _paths.walk(state, path[i:i + 2]))
        return found
    return _paths.walk(found, path)


def nested_reference(name, id, flags, slots, shape, cells, index, path, cls):
    """What a pickled proxy of a part that is no node becomes: a proxy, or in the share's own coordinator the live
    object."""
    owner = reference(name, id, flags, slots, shape, cells)
    if isinstance(owner, Proxy):
        return nested_at(owner, index, path, loads(cls) if isinstance(cls, bytes) else cls)
    return _paths.walk(owner, path)
