"""Nested proxies: mutable objects that are part of another object's state.

A nested proxy is an owner, one of its cells and a path. It reads from the replica of the cell, and writes by commands
that name the path and raise the flag of the cell.
"""

import weakref
from functools import partial

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport Py_TYPE, PyTypeObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .._protocol cimport APPLY, CALL, CALL_AT, DELETE, DELETE_AT, GET_AT, RESPOND, SET, SET_AT
from ..cerial._codec cimport Encoder
from .._internal cimport Maker, maker_of
from ._augmented cimport carrying, take_operation
from ._proxy cimport Local, Proxy, Snapshot, array_at, class_attribute, empty_proxy, encode_arguments, has_dict, \
    is_array_at, lent_local, own_descriptor, plain_copy
from ._session cimport Session, Shared

from .. import _paths
from .._kinds import is_array, is_nested, is_value
from .._paths import ATTRIBUTE, ITEM
from .._protocol import encode, reference
from ..cerial import loads
from . import _proxy
from ._copies import sealed

cdef extern from "Python.h":
    void* _PyType_Lookup(PyTypeObject* cls, object name) noexcept
    object PyObject_GenericGetAttr(object self, object name)

cdef dict classes = {}              # user's class -> generated class


@cython.binding(False)
cdef class Nested(Proxy):
    """Base of the generated classes of nested proxies."""

    cdef object look(self):
        """The object at the path as it is now, for reading only. Raises DeletedObjectError if there is none."""
        cdef Snapshot snapshot = self.owner.cell_state(self.index)
        if snapshot.serial == self.seen:
            return self.found
        found = snapshot.values[self.index]
        if found is _proxy.MISSING:
            raise _paths.gone(self.path)
        if self.together:               # the attributes in this cell, by name
            if self.path[1] not in found:
                raise _paths.gone(self.path)
            found = found[self.path[1]]
        if self.inner:
            found = _paths.walk(found, self.inner)
        if type(found) is not type(self)._share_class_:
            raise _paths.gone(self.path)
        self.own = None
        if self.inner or self.together:
            # Not the value of a cell itself: to hold that would keep it from being changed in place.
            self.found = found
            self.seen = snapshot.serial
        return found

    cdef object current(self):
        return self.look()

    cdef Local take_local(self, uint32_t* indices, int count, int number):
        cdef Local own
        found = self.look()
        own = self.own
        if own is None or own.instance is not found:
            own = lent_local(found)
            if self.found is found:
                self.own = own
        return own

    cdef object whole(self):
        return self.look()

    cdef int forget_snapshot(self) except -1:
        self.own = self.found = None
        self.seen = 0
        return self.owner.forget_snapshot()

    cdef object child(self, int kind, object key, object value):
        cls = type(value)
        if cls is not dict and cls is not list and cls is not set:
            if is_value(value):
                return carrying(value)
            if isinstance(value, Shared):
                return value
            if is_array(value):
                return array_at(self.owner, self.index, self.path + (kind, key), value)
            if not is_nested(value):
                return sealed(plain_copy(self.session, value))
        return nested(self.owner, self.index, self.path + (kind, key), cls)

    cdef object attribute(self, str name):
        value = state_of(self.look(), name)
        if value is not _proxy.MISSING:
            return self.child(ATTRIBUTE, name, value)
        return class_attribute(self, name)

    # -- commands -------------------------------------------------------------------------------------

    cdef uint64_t send_encoded(self, int kind, int flags, bytes name, object payload) except 0:
        cdef Encoder encoder = payload
        cdef uint64_t* raised = self.owner.flags
        if not self.owner.opaque and not type(self.owner)._share_plan_.entangled:
            raised += self.index
        return self.session.send(kind, flags, self.owner.id, name, encoder, &raised, 1)

    cdef object begin(self):
        """An encoder that holds the path."""
        cdef Encoder encoder = self.session.borrow()
        if self.prefix is None:
            self.prefix = encode((type(self)._share_class_.__qualname__, *self.path), "path")
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
        wait = self.session.must_wait()
        position = self.send_at(DELETE, name.encode(), (), None, wait)
        if wait:
            self.session.await_response(position, None)

    def __eq__(self, other):
        return same_place(self, other)

    def __ne__(self, other):
        return not same_place(self, other)

    def __hash__(self):
        return hash((self.session.name, self.owner.id, self.path))

    def __reduce__(self):
        cls = type(self)._share_class_
        encoded = cls if cls.__module__ in ("builtins", "collections") else encode(cls, "class")
        return nested_reference, (*Proxy.__reduce__(self.owner)[1], self.index, self.path, encoded)

    def __reduce_ex__(self, protocol):
        return Nested.__reduce__(self)

    def __repr__(self):
        return f"<shared {type(self)._share_class_.__qualname__} object at {_paths.path_text(self.path)} of " \
               f"{type(self.owner)._share_class_.__qualname__} {self.owner.id} on {self.session.name}>"

    def __dir__(self):
        return sorted({*dir(type(self)._share_class_), *dir(self.look())})

    def _share_is_at_(self, Proxy parent, tuple step):
        """Whether this proxy stands for that part of `parent`."""
        cdef Nested outer
        if parent.is_nested:
            outer = parent
            return self.owner is outer.owner and self.path == outer.path + step
        return self.owner is parent and self.path == step


cdef Maker maker = maker_of(<PyTypeObject*>Nested)


cdef bint same_place(Nested self, other):
    return self is other or (
        isinstance(other, Nested) and (<Nested>other).owner is self.owner and (<Nested>other).path == self.path)


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
            path = (kind, key) if not parent.is_nested else (<Nested>parent).path + (kind, key)
            encoder.encode(("", *path), "path")
            encoder.encode(operation[1], "operand")
            position = send_to(parent, APPLY, flags, operation[0].encode(), encoder)
        finally:
            session.give_back(encoder)
    elif isinstance(value, Nested) and (<Nested>value)._share_is_at_(parent, (kind, key)):
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


cdef object nested(Proxy owner, uint32_t index, tuple path, cls):
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
    generated = classes.get(cls)
    if generated is None:
        from ._classes import nested_class

        generated = classes[cls] = nested_class(cls)
    proxy = empty_proxy(maker, generated)
    proxy.session = owner.session
    proxy.commit, proxy.wide, proxy.flags, proxy.slots = owner.commit, owner.wide, owner.flags, owner.slots
    proxy.id = owner.id
    proxy.is_nested = True
    proxy.opaque = generated._share_plan_.kind == "opaque"
    proxy.owner, proxy.index, proxy.path = owner, index, path
    # An opaque owner's cell holds the whole object; an attribute's cell what the first step gives.
    proxy.inner = path if owner.opaque else path[2:]
    proxy.together = not owner.opaque and (index == 0 or type(type(owner)._share_cells_[index - 1]) is tuple)
    return proxy


def forget(dict children not None, tuple path not None, dead):
    """Called when a nested proxy has died."""
    if children.get(path) is dead:
        del children[path]


def make_nested(Proxy owner not None, uint32_t index, tuple path, cls):
    """The nested proxy of the object of class ``cls`` at a path, one for each path and process."""
    return nested(owner, index, path, cls)


def nested_reference(name, id, flags, slots, shape, cells, index, path, cls):
    """What a pickled nested proxy becomes: a proxy, or in the share's own coordinator the live object."""
    owner = reference(name, id, flags, slots, shape, cells)
    if isinstance(owner, Proxy):
        return nested(owner, index, path, loads(cls) if isinstance(cls, bytes) else cls)
    return _paths.walk(owner, path)


_proxy.nested_factory = make_nested
