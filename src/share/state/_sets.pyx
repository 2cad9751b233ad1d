"""Sets that record what is done to them."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._layouts cimport find_member
from share.state._nodes cimport Cell, begin, home, inverse
from share.state._record cimport done, failed, put_operand
from share.state._types cimport (
    METH_FASTCALL,
    METH_NOARGS,
    METH_O,
    Blueprint,
    Py_nb_inplace_and,
    Py_nb_inplace_or,
    Py_nb_inplace_subtract,
    Py_nb_inplace_xor,
    Py_tp_init,
    Py_tp_repr,
)

cdef extern from "Python.h":
    int PySet_Add(object, object) except -1
    int PySet_Discard(object, object) except -1
    int PySet_Contains(object, object) except -1
    int PySet_Clear(object) except -1
    Py_ssize_t PySet_GET_SIZE(object) noexcept
    Py_hash_t PyObject_Hash(object) except -1
    bint PyUnicode_CheckExact(object) noexcept

_nodes.here = _nodes.registry()
cdef object plain_iter = set.__iter__
cdef object plain_pop = set.pop
cdef tuple VIEWS = (type({}.keys()), type({}.items()))


cdef inline PyObject* owned(object value) noexcept:
    Py_INCREF(value)
    return <PyObject*>value


cdef int add_member(object self, Cell* cell, uint64_t id, object member) except -1:
    cdef size_t start, end
    cdef int is_there
    if not PyUnicode_CheckExact(member):
        PyObject_Hash(member)
    is_there = PySet_Contains(self, member)
    if is_there:
        return 0
    begin(cell, operations.SET_ADD, id)
    put_operand(cell, <PyObject*>member)
    start = cell.open
    end = cell.records.size
    try:
        PySet_Add(self, member)
    except BaseException:
        failed(cell, start, end)
        raise
    done(cell, start, end)
    return inverse(operations.SET_ADD, <PyObject*>self, 0, owned(member), NULL)


cdef bint discard_member(object self, Cell* cell, uint64_t id, object member) except -1:
    """Whether it was there."""
    cdef size_t start, end
    cdef PyObject* stored
    if not PySet_Contains(self, member):
        return False
    stored = find_member(<PyObject*>self, member)
    if stored != NULL:
        member = <object>stored                 # which the other one only equals
    begin(cell, operations.SET_DISCARD, id)
    put_operand(cell, <PyObject*>member)
    start = cell.open
    end = cell.records.size
    try:
        PySet_Discard(self, member)
    except BaseException:
        failed(cell, start, end)
        raise
    done(cell, start, end)
    inverse(operations.SET_DISCARD, <PyObject*>self, 0, owned(member), NULL)
    return True


cdef object hashable(object member):
    return frozenset(member) if isinstance(member, set) else member    # a set in a set is looked for as a frozenset


cdef object members(object other):
    """What can be gone through while this set is changed."""
    cdef object cls = type(other)
    if cls is list or isinstance(other, (set, frozenset, dict)):
        return list(other)
    return other


cdef object add(object self, object member):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell == NULL:
        PySet_Add(self, member)
    else:
        add_member(self, cell, id, member)
    return None


cdef object discard(object self, object member):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell == NULL:
        PySet_Discard(self, hashable(member))
    else:
        discard_member(self, cell, id, hashable(member))
    return None


cdef object remove(object self, object member):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef bint is_gone
    if cell == NULL:
        is_gone = PySet_Discard(self, hashable(member)) == 1
    else:
        is_gone = discard_member(self, cell, id, hashable(member))
    if not is_gone:
        raise KeyError(member)
    return None


cdef object pop(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    member = plain_pop(self)
    if cell != NULL:
        begin(cell, operations.SET_DISCARD, id)
        put_operand(cell, <PyObject*>member)
        inverse(operations.SET_DISCARD, <PyObject*>self, 0, owned(member), NULL)
    return member


cdef object clear(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell != NULL and PySet_GET_SIZE(self):
        before = list(plain_iter(self))
        begin(cell, operations.SET_CLEAR, id)
        inverse(operations.SET_ASSIGN, <PyObject*>self, 0, owned(before), NULL)
    PySet_Clear(self)
    return None


cdef object update(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t i
    for i in range(count):
        other = <object>args[i]
        if cell == NULL:
            set.update(self, other)
        elif other is not self:
            for member in members(other):
                add_member(self, cell, id, member)
    return None


cdef object difference_update(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t i
    for i in range(count):
        other = <object>args[i]
        if cell == NULL:
            set.difference_update(self, other)
        elif other is self:
            clear(self, None)
        elif isinstance(other, (set, frozenset)) and len(other) > PySet_GET_SIZE(self):
            for member in [member for member in plain_iter(self) if member in other]:
                discard_member(self, cell, id, member)
        else:
            for member in members(other):
                discard_member(self, cell, id, member)
    return None


cdef object intersection_update(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t i
    others = [<object>args[i] for i in range(count)]
    if cell == NULL:
        set.intersection_update(self, *others)
        return None
    kept = set.intersection(self, *others)
    for member in [member for member in plain_iter(self) if member not in kept]:
        discard_member(self, cell, id, member)
    for member in kept:
        if find_member(<PyObject*>self, member) != <PyObject*>member:
            # One of the others that only equals ours takes its place, as in a set.
            discard_member(self, cell, id, member)
            add_member(self, cell, id, member)
    return None


cdef object symmetric_difference_update(object self, object other):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell == NULL:
        set.symmetric_difference_update(self, other)
        return None
    if other is self:
        return clear(self, None)
    for member in (list(other) if isinstance(other, dict) else set(other)):
        if not discard_member(self, cell, id, member):
            add_member(self, cell, id, member)
    return None


cdef object or_in_place(object self, object other):
    cdef PyObject* argument = <PyObject*>other
    if not isinstance(other, (set, frozenset)) and type(other) not in VIEWS:
        return NotImplemented
    update(self, &argument, 1)
    return self


cdef object and_in_place(object self, object other):
    cdef PyObject* argument = <PyObject*>other
    if not isinstance(other, (set, frozenset)):
        return NotImplemented
    intersection_update(self, &argument, 1)
    return self


cdef object subtract_in_place(object self, object other):
    cdef PyObject* argument = <PyObject*>other
    if not isinstance(other, (set, frozenset)):
        return NotImplemented
    difference_update(self, &argument, 1)
    return self


cdef object xor_in_place(object self, object other):
    if not isinstance(other, (set, frozenset)):
        return NotImplemented
    symmetric_difference_update(self, other)
    return self


cdef int init(object self, object args, PyObject* names) except -1:
    cdef uint64_t id = 0
    cdef PyObject* argument
    if home(<PyObject*>self, &id) == NULL:
        set.__init__(self, *<tuple>args, **(<dict>names if names != NULL else {}))
        return 0
    if len(<tuple>args) > 1:
        raise TypeError(f"set expected at most 1 argument, got {len(<tuple>args)}")
    clear(self, None)
    if <tuple>args:
        only = (<tuple>args)[0]
        argument = <PyObject*>only
        update(self, &argument, 1)
    return 0


cdef object as_text(object self):
    """As of a set: a subclass would show its name."""
    cdef object cls = type(self)
    members = repr(list(plain_iter(self))).removeprefix("[").removesuffix("]")
    if cls is not RecordingSet:
        return f"{cls.__name__}({{{members}}})" if members else f"{cls.__name__}()"
    return f"{{{members}}}" if members else "set()"


cdef Blueprint blueprint = Blueprint()
blueprint.method("add", <void*>add, METH_O)
blueprint.method("discard", <void*>discard, METH_O)
blueprint.method("remove", <void*>remove, METH_O)
blueprint.method("pop", <void*>pop, METH_NOARGS)
blueprint.method("clear", <void*>clear, METH_NOARGS)
blueprint.method("update", <void*>update, METH_FASTCALL)
blueprint.method("difference_update", <void*>difference_update, METH_FASTCALL)
blueprint.method("intersection_update", <void*>intersection_update, METH_FASTCALL)
blueprint.method("symmetric_difference_update", <void*>symmetric_difference_update, METH_O)
blueprint.slot(Py_tp_init, <void*>init)
blueprint.slot(Py_tp_repr, <void*>as_text)
blueprint.slot(Py_nb_inplace_or, <void*>or_in_place)
blueprint.slot(Py_nb_inplace_and, <void*>and_in_place)
blueprint.slot(Py_nb_inplace_subtract, <void*>subtract_in_place)
blueprint.slot(Py_nb_inplace_xor, <void*>xor_in_place)
RecordingSet = blueprint.build("share.state.set", set, _nodes.SET)
