"""Taking back what a command has done to nodes: each inverse that was noted, the latest first."""

cimport cython

import collections
from array import array

from cpython.list cimport PyList_GET_SIZE, PyList_Insert, PyList_Reverse
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.set cimport PySet_Add, PySet_Clear, PySet_Discard

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._arrays cimport set_bytes
from share.state._compare cimport lost
from share.state._instances cimport attributes_of, set_plain
from share.state._nodes cimport Inverse
from share.state._shapes cimport shape_of

cdef extern from "Python.h":
    int PyList_SetSlice(object, Py_ssize_t, Py_ssize_t, PyObject*) except -1
    int PyList_SetItem(object, Py_ssize_t, PyObject*) except -1
    int PyDict_SetItem(object, object, object) except -1
    int PyDict_DelItem(object, object) except -1
    bint PyODict_Check(object) noexcept
    int PyODict_SetItem(object, object, object) except -1
    int PyODict_DelItem(object, object) except -1
    bint PyDict_Check(object) noexcept
    bint PyList_Check(object) noexcept
    PyObject* PyDict_GetItemWithError(object, object) except? NULL

_nodes.here = _nodes.registry()
cdef object deque = collections.deque
cdef object ordered = collections.OrderedDict


@cython.binding(False)
cdef class Order:
    """The keys of a dict in the order that it is to have in the end; each step costs the same at any size."""

    cdef dict following, preceding
    cdef object last

    def __cinit__(self, keys):
        self.following = {}
        self.preceding = {}
        self.last = None                        # in a tuple: a key may be None
        for key in keys:
            self.add(key)

    cdef int add(self, object key) except -1:
        key = (key,)
        if key in self.preceding:
            return 0
        self.preceding[key] = self.last
        self.following[key] = None
        if self.last is not None:
            self.following[self.last] = key
        self.last = key
        return 0

    cdef int remove(self, object key) except -1:
        key = (key,)
        before = self.preceding.pop(key)
        after = self.following.pop(key)
        if before is not None:
            self.following[before] = after
        if after is not None:
            self.preceding[after] = before
        else:
            self.last = before
        return 0

    cdef int place(self, object key, object other) except -1:
        """``key`` comes to stand before ``other``."""
        if (other,) not in self.preceding or (key,) not in self.preceding:
            return 0                            # user code has changed the dict while it was being changed
        self.remove(key)
        own, after = (key,), (other,)
        before = self.preceding[after]
        self.preceding[own] = before
        self.following[own] = after
        self.preceding[after] = own
        if before is not None:
            self.following[before] = own
        return 0

    cdef list keys(self):
        cdef list backwards = []
        key = self.last
        while key is not None:
            backwards.append(key[0])
            key = self.preceding[key]
        backwards.reverse()
        return backwards


cdef int undo_all() except -1:
    cdef Inverse step
    cdef dict orders = {}                       # of dicts in which a key has to be put back in its place
    cdef bint is_exact = True
    cdef list kept = []                         # nothing is freed before all is as it was
    while _nodes.here.inverse_count:
        _nodes.here.inverse_count -= 1
        step = _nodes.here.inverses[_nodes.here.inverse_count]
        node = <object>step.node
        kept.append(node)
        give_up(step.node)
        if step.first != NULL:
            kept.append(<object>step.first)
            give_up(step.first)
        if step.second != NULL:
            kept.append(<object>step.second)
            give_up(step.second)
        if step.first != NULL and holds_lost(<object>step.first):
            is_exact = False
            continue
        undo_one(&step, node, orders)
    for dictionary, order in orders.values():
        put_in_order(dictionary, (<Order>order).keys())
    if not is_exact:
        raise RuntimeError(
            "a command could not be undone: past everything that records, it replaced the only reference to a part of "
            "the state; load the state from what has been published"
        )
    return 0


cdef bint holds_lost(object first) except -1:
    """Of what was compared only: the items or attributes that a node had."""
    cdef object items = first
    if type(first) is tuple and len(first) == 2 and type(first[1]) is list:
        items = first[1]
    if type(items) is not list:
        return False
    for item in items:
        if item is lost or type(item) is tuple and len(item) == 2 and (item[0] is lost or item[1] is lost):
            return True
    return False

cdef extern from "Python.h":
    void give_up "Py_DECREF"(PyObject*) noexcept


cdef int undo_one(Inverse* step, object node, dict orders) except -1:
    if PyList_Check(node):
        return undo_in_list(step, node)
    if PyDict_Check(node) and step.op != operations.ATTRIBUTE_SET and step.op != operations.ATTRIBUTE_DELETE:
        return undo_in_dict(step, node, orders)
    if isinstance(node, set):
        return undo_in_set(step, node)
    if isinstance(node, deque):
        return undo_in_deque(step, node)
    if isinstance(node, bytearray):
        return undo_in_bytes(step, node)
    if isinstance(node, array):
        return set_bytes(node, step.at, <object>step.second, first_of(step))
    return undo_in_attributes(step, node)


cdef inline object first_of(Inverse* step):
    return <object>step.first


cdef int undo_in_list(Inverse* step, object node) except -1:
    cdef int op = step.op
    cdef Py_ssize_t size = PyList_GET_SIZE(node), i, start, count, stride
    if op == operations.LIST_APPEND:
        return PyList_SetSlice(node, max(0, size - step.at), size, NULL)
    if op == operations.LIST_SET:
        if step.at < size:
            Py_INCREF(<object>step.first)
            PyList_SetItem(node, step.at, step.first)
        return 0
    if op == operations.LIST_DELETE:
        return PyList_Insert(node, step.at, first_of(step))
    if op == operations.LIST_INSERT:
        return PyList_SetSlice(node, step.at, step.at + 1, NULL)
    if op == operations.CUT:
        return PyList_SetSlice(node, step.at, size, NULL)
    if op == operations.LIST_ASSIGN:
        return PyList_SetSlice(node, 0, size, step.first)
    if op == operations.LIST_REVERSE:
        return PyList_Reverse(node)
    if op == operations.LIST_SLICE:
        start, count, stride = <object>step.second
        if stride == 1:
            return PyList_SetSlice(node, start, start + count, step.first)
        for i in range(count):
            list.__setitem__(node, start + i * stride, (<list>step.first)[i])
        return 0
    if op == operations.LIST_DELETE_SLICE:
        start, count, stride = <object>step.second
        if stride == 1:
            return PyList_SetSlice(node, start, start, step.first)
        removed = dict(zip(range(start, start + count * stride, stride), first_of(step), strict=True))
        rest = iter(list.__getitem__(node, slice(None)))
        items = [removed[i] if i in removed else next(rest) for i in range(size + count)]
        return PyList_SetSlice(node, 0, size, <PyObject*>items)
    return undo_in_attributes(step, node)


cdef int set_key(object node, object key, object value) except -1:
    return PyODict_SetItem(node, key, value) if PyODict_Check(node) else PyDict_SetItem(node, key, value)


cdef int delete_key(object node, object key) except -1:
    if PyDict_GetItemWithError(node, key) == NULL:
        return 0
    return PyODict_DelItem(node, key) if PyODict_Check(node) else PyDict_DelItem(node, key)


cdef int undo_in_dict(Inverse* step, object node, dict orders) except -1:
    cdef int op = step.op
    cdef Order order = None
    found = orders.get(id(node))
    if found is not None:
        order = found[1]
    elif op == operations.PLACE or op == operations.ORDERED_MOVE and step.second != NULL:
        order = Order(list(ordered.__iter__(node) if PyODict_Check(node) else dict.__iter__(node)))
        orders[id(node)] = (node, order)
    if op == operations.DICT_SET:
        if step.second != NULL:
            set_key(node, first_of(step), <object>step.second)
            if order is not None:
                order.add(first_of(step))
        elif PyDict_GetItemWithError(node, first_of(step)) != NULL:
            delete_key(node, first_of(step))
            if order is not None:
                order.remove(first_of(step))
    elif op == operations.DICT_DELETE:
        set_key(node, first_of(step), <object>step.second)
        if order is not None:
            order.add(first_of(step))
    elif op == operations.PLACE:
        order.place(first_of(step), <object>step.second)
    elif op == operations.ORDERED_MOVE:
        if step.second != NULL:
            order.place(first_of(step), <object>step.second)
        elif order is not None:
            order.remove(first_of(step))
            order.add(first_of(step))
        else:
            ordered.move_to_end(node, first_of(step))
    elif op == operations.DEFAULT_FACTORY:
        collections.defaultdict.default_factory.__set__(node, first_of(step))
    elif op == operations.DICT_ASSIGN:
        clear_dict(node)
        for key, value in first_of(step):
            set_key(node, key, value)
        if order is not None:
            orders[id(node)] = (node, Order([key for key, _ in first_of(step)]))
    else:
        return undo_in_attributes(step, node)
    return 0


cdef int clear_dict(object node) except -1:
    if PyODict_Check(node):
        ordered.clear(node)
    else:
        dict.clear(node)
    return 0


cdef int put_in_order(object node, list keys) except -1:
    cdef list items = []
    for key in keys:
        items.append((key, <object>PyDict_GetItemWithError(node, key)))
    clear_dict(node)
    for key, value in items:
        set_key(node, key, value)
    return 0


cdef int undo_in_set(Inverse* step, object node) except -1:
    if step.op == operations.SET_ADD:
        PySet_Discard(node, first_of(step))
    elif step.op == operations.SET_DISCARD:
        PySet_Add(node, first_of(step))
    elif step.op == operations.SET_ASSIGN:
        PySet_Clear(node)
        for member in first_of(step):
            PySet_Add(node, member)
    else:
        return undo_in_attributes(step, node)
    return 0


cdef int undo_in_deque(Inverse* step, object node) except -1:
    cdef int op = step.op
    cdef Py_ssize_t _i
    if op == operations.DEQUE_APPEND:
        for _i in range(min(step.at, len(node))):
            deque.pop(node)
    elif op == operations.DEQUE_APPENDLEFT:
        for _i in range(min(step.at, len(node))):
            deque.popleft(node)
    elif op == operations.DEQUE_POP:
        deque.append(node, first_of(step))
    elif op == operations.DEQUE_POPLEFT:
        deque.appendleft(node, first_of(step))
    elif op == operations.DEQUE_SET:
        deque.__setitem__(node, step.at, first_of(step))
    elif op == operations.DEQUE_DELETE:
        deque.insert(node, step.at, first_of(step))
    elif op == operations.DEQUE_INSERT:
        deque.__delitem__(node, step.at)
    elif op == operations.DEQUE_ROTATE:
        deque.rotate(node, -step.at)
    elif op == operations.DEQUE_REVERSE:
        deque.reverse(node)
    elif op == operations.DEQUE_ASSIGN:
        deque.clear(node)
        deque.extend(node, first_of(step))
    elif op == operations.RAISE_LEFT:
        deque.pop(node)
        deque.appendleft(node, first_of(step))
    elif op == operations.RAISE_RIGHT:
        deque.popleft(node)
        deque.append(node, first_of(step))
    else:
        return undo_in_attributes(step, node)
    return 0


cdef int undo_in_bytes(Inverse* step, object node) except -1:
    if step.op == operations.BYTES_SET:
        bytearray.__setitem__(node, step.at, first_of(step))
    elif step.op == operations.BYTES_SPLICE:
        bytearray.__setitem__(node, slice(step.at, step.at + <object>step.second), first_of(step))
    else:
        return undo_in_attributes(step, node)
    return 0


cdef int put_name_before(object node, object name, object other) except -1:
    """Names are few: what stands behind is set anew."""
    cdef bint is_behind = False
    for own, value in attributes_of(node, shape_of(type(node))):
        if own == other:
            is_behind = True
        if is_behind and own != name:
            set_plain(node, own, NULL)
            set_plain(node, own, <PyObject*>value)
    return 0


cdef int undo_in_attributes(Inverse* step, object node) except -1:
    if step.op == operations.ATTRIBUTE_SET:
        set_plain(node, first_of(step), step.second)
    elif step.op == operations.ATTRIBUTE_DELETE:
        set_plain(node, first_of(step), step.second)
    elif step.op == operations.PLACE:
        put_name_before(node, first_of(step), <object>step.second)
    elif step.op == operations.ATTRIBUTES_ASSIGN:
        old_class, before = first_of(step)
        if type(node) is not old_class:
            object.__setattr__(node, "__class__", old_class)
        for name, _ in attributes_of(node, shape_of(type(node))):
            set_plain(node, name, NULL)
        for name, value in before:
            set_plain(node, name, <PyObject*>value)
    else:
        raise SystemError(f"nothing is known of how to undo operation {step.op} on a {type(node).__name__}")
    return 0
