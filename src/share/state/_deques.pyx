"""Deques that record what is done to them."""

import collections
import operator

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._nodes cimport Cell, begin, home, inverse, inverse_again, number, zigzag
from share.state._record cimport failed, put_operand
from share.state._types cimport (
    METH_FASTCALL,
    METH_NOARGS,
    METH_O,
    Blueprint,
    Py_sq_ass_item,
    Py_sq_inplace_concat,
    Py_sq_inplace_repeat,
    Py_tp_init,
    function_of,
)

cdef extern from "Python.h":
    Py_ssize_t PyObject_Size(object) except -1

ctypedef object (*one_argument)(object, object)

cdef extern from *:
    """
    static inline PyObject *share_get(PyObject *descriptor, PyObject *self)
    {
        PyGetSetDef *definition = ((PyGetSetDescrObject *)descriptor)->d_getset;
        return definition->get(self, definition->closure);
    }

    /* What sets and deletes an item of a deque: the slot of the built-in type. */
    static int share_deque_set(PyTypeObject *deque, PyObject *self, Py_ssize_t index, PyObject *value)
    {
        return deque->tp_as_sequence->sq_ass_item(self, index, value);
    }
    """
    object get_by_descriptor "share_get"(object, object)
    int share_deque_set(PyTypeObject*, object, Py_ssize_t, PyObject*) except -1

_nodes.here = _nodes.registry()
cdef object deque = collections.deque
cdef one_argument plain_append = <one_argument>function_of(deque.append)
cdef one_argument plain_appendleft = <one_argument>function_of(deque.appendleft)
cdef one_argument plain_pop = <one_argument>function_of(deque.pop)
cdef one_argument plain_popleft = <one_argument>function_of(deque.popleft)
cdef object plain_iter = deque.__iter__
cdef object plain_get = deque.__getitem__
cdef object maxlen_of = deque.maxlen.__get__
cdef object maxlen_descriptor = deque.maxlen


cdef inline object plain_maxlen(object self):
    return get_by_descriptor(maxlen_descriptor, self)


cdef object plain_clear = deque.clear
cdef object plain_reverse = deque.reverse
cdef object plain_rotate = deque.rotate
cdef object plain_insert = deque.insert


cdef inline PyObject* owned(object value) noexcept:
    Py_INCREF(value)
    return <PyObject*>value


cdef object add_at_end(object self, object item, bint is_right):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef int operation = operations.DEQUE_APPEND if is_right else operations.DEQUE_APPENDLEFT
    cdef bint is_full
    if cell == NULL:
        return plain_append(self, item) if is_right else plain_appendleft(self, item)
    limit = plain_maxlen(self)
    is_full = limit is not None and PyObject_Size(self) >= limit
    if is_full and limit == 0:
        return None
    lost = None
    if is_full:
        lost = plain_get(self, 0 if is_right else -1)
    begin(cell, operation, id)
    put_operand(cell, <PyObject*>item)
    if is_right:
        plain_append(self, item)
    else:
        plain_appendleft(self, item)
    if is_full:
        inverse(
            operations.RAISE_LEFT if is_right else operations.RAISE_RIGHT, <PyObject*>self, 0, owned(lost), NULL
        )
    else:
        inverse_again(operation, <PyObject*>self)
    return None


cdef object append(object self, object item):
    return add_at_end(self, item, True)


cdef object appendleft(object self, object item):
    return add_at_end(self, item, False)


cdef object extend(object self, object items):
    if items is self:
        items = list(plain_iter(self))
    for item in items:
        add_at_end(self, item, True)
    return None


cdef object extendleft(object self, object items):
    if items is self:
        items = list(plain_iter(self))
    for item in items:
        add_at_end(self, item, False)
    return None


cdef object add_in_place(object self, object items):
    extend(self, items)
    return self


cdef object pop(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    item = plain_pop(self, None)
    if cell != NULL:
        begin(cell, operations.DEQUE_POP, id)
        inverse(operations.DEQUE_POP, <PyObject*>self, 0, owned(item), NULL)
    return item


cdef object popleft(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    item = plain_popleft(self, None)
    if cell != NULL:
        begin(cell, operations.DEQUE_POPLEFT, id)
        inverse(operations.DEQUE_POPLEFT, <PyObject*>self, 0, owned(item), NULL)
    return item


cdef int set_item(object self, Py_ssize_t index, PyObject* value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell == NULL or index < 0 or index >= PyObject_Size(self):
        return share_deque_set(<PyTypeObject*>deque, self, index, value)
    old = plain_get(self, index)
    begin(cell, operations.DEQUE_SET if value != NULL else operations.DEQUE_DELETE, id)
    number(&cell.records, index)
    if value != NULL:
        put_operand(cell, value)
    try:
        share_deque_set(<PyTypeObject*>deque, self, index, value)
    except BaseException:
        failed(cell, cell.open, cell.records.size)
        raise
    return inverse(
        operations.DEQUE_SET if value != NULL else operations.DEQUE_DELETE, <PyObject*>self, index, owned(old), NULL
    )


cdef object insert(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t index, size = PyObject_Size(self)
    if count != 2:
        raise TypeError(f"insert expected 2 arguments, got {count}")
    position = operator.index(<object>args[0])
    if cell == NULL:
        return plain_insert(self, position, <object>args[1])
    limit = maxlen_of(self)
    if limit is not None and size >= limit:
        raise IndexError("deque already at its maximum size")
    index = max(0, position + size) if position < 0 else min(position, size)
    begin(cell, operations.DEQUE_INSERT, id)
    number(&cell.records, index)
    put_operand(cell, args[1])
    plain_insert(self, index, <object>args[1])
    inverse(operations.DEQUE_INSERT, <PyObject*>self, index, NULL, NULL)
    return None


cdef object remove(object self, object value):
    cdef Py_ssize_t i = 0
    for item in plain_iter(self):
        if item is value or item == value:
            set_item(self, i, NULL)
            return None
        i += 1
    raise ValueError("deque.remove(x): x not in deque")


cdef object rotate(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t steps = 1, size = PyObject_Size(self)
    if count > 1:
        raise TypeError(f"rotate expected at most 1 argument, got {count}")
    if count:
        steps = operator.index(<object>args[0])
    if cell != NULL and size > 1 and steps % size:
        begin(cell, operations.DEQUE_ROTATE, id)
        number(&cell.records, zigzag(steps))
        inverse(operations.DEQUE_ROTATE, <PyObject*>self, steps, NULL, NULL)
    plain_rotate(self, steps)
    return None


cdef object clear(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell != NULL and PyObject_Size(self):
        before = list(plain_iter(self))
        begin(cell, operations.DEQUE_CLEAR, id)
        inverse(operations.DEQUE_ASSIGN, <PyObject*>self, 0, owned(before), NULL)
    plain_clear(self)
    return None


cdef object reverse(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell != NULL:
        begin(cell, operations.DEQUE_REVERSE, id)
        inverse(operations.DEQUE_REVERSE, <PyObject*>self, 0, NULL, NULL)
    plain_reverse(self)
    return None


cdef object repeat_in_place(object self, Py_ssize_t times):
    items = list(plain_iter(self))
    if times <= 0:
        clear(self, None)
    for _ in range(times - 1):
        extend(self, items)
    return self


cdef int init(object self, PyObject* args, PyObject* names) except -1:
    cdef uint64_t id = 0
    cdef tuple given = <tuple>args
    if home(<PyObject*>self, &id) == NULL:
        deque.__init__(self, *given, **(<dict>names if names != NULL else {}))
        return 0
    if len(given) > 1 or names != NULL and <dict>names:
        raise TypeError("a deque that is part of a share cannot be given another maxlen")
    clear(self, None)
    if given:
        extend(self, given[0])
    return 0


cdef Blueprint blueprint = Blueprint()
blueprint.method("append", <void*>append, METH_O)
blueprint.method("appendleft", <void*>appendleft, METH_O)
blueprint.method("extend", <void*>extend, METH_O)
blueprint.method("extendleft", <void*>extendleft, METH_O)
blueprint.method("pop", <void*>pop, METH_NOARGS)
blueprint.method("popleft", <void*>popleft, METH_NOARGS)
blueprint.method("insert", <void*>insert, METH_FASTCALL)
blueprint.method("remove", <void*>remove, METH_O)
blueprint.method("rotate", <void*>rotate, METH_FASTCALL)
blueprint.method("clear", <void*>clear, METH_NOARGS)
blueprint.method("reverse", <void*>reverse, METH_NOARGS)
blueprint.slot(Py_tp_init, <void*>init)
blueprint.slot(Py_sq_ass_item, <void*>set_item)
blueprint.slot(Py_sq_inplace_concat, <void*>add_in_place)
blueprint.slot(Py_sq_inplace_repeat, <void*>repeat_in_place)
RecordingDeque = blueprint.build("share.state.deque", deque, _nodes.DEQUE)
