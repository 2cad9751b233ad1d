"""Instances that record how their attributes change: ``__setattr__`` and ``__delattr__`` are put on their class."""

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._layouts cimport next_attribute
from share.state._nodes cimport ID, TOP, Cell, Inverse, begin, hook_free, home, inverse, is_noted, new_cell, number
from share.state._record cimport done, failed, put_operand
from share.state._shapes cimport Shape, shape_of
from share.state._types cimport METH_FASTCALL, METH_O, PyMethodDef

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object, object, PyObject*) except -1
    int set_noting "PyObject_GenericSetAttr"(object, object, PyObject*) noexcept
    object PyObject_GenericGetDict(object, void*)
    PyObject* _PyType_Lookup(PyTypeObject*, object) noexcept
    object PyDescr_NewMethod(PyTypeObject*, PyMethodDef*)
    PyTypeObject PyBaseObject_Type
    void Py_XDECREF(PyObject*) noexcept
    bint PyUnicode_CheckExact(object) noexcept

cdef extern from *:
    """
    /* Whether a class attribute takes part in setting, and is no slot. */
    static inline int share_is_setter(PyObject *attribute)
    {
        return Py_TYPE(attribute)->tp_descr_set != NULL && Py_TYPE(attribute) != &PyMemberDescr_Type;
    }

    /* The value of an instance's own attribute, a new reference, without making its __dict__; NULL: it has none. */
    static inline PyObject *share_own_attribute(PyObject *self, PyObject *name, PyObject *attribute)
    {
        PyObject *value = NULL;
        if (attribute && Py_TYPE(attribute) == &PyMemberDescr_Type)
            value = Py_TYPE(attribute)->tp_descr_get(attribute, self, (PyObject *)Py_TYPE(self));
        else if (attribute == NULL)
            return _PyObject_GenericGetAttrWithDict(self, name, NULL, 1);
        else {
            /* a class attribute stands behind it: look into the instance alone */
            PyObject **dict = _PyObject_GetDictPtr(self);
            if (dict && *dict) {
                value = PyDict_GetItemWithError(*dict, name);
                Py_XINCREF(value);
            }
        }
        if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_Clear();
        return value;
    }

    static inline int share_raise_here(void) { return -1; }
    """
    bint is_setter "share_is_setter"(PyObject*) noexcept
    PyObject* own_attribute "share_own_attribute"(object, object, PyObject*) noexcept
    int raise_it "share_raise_here"() except -1
    PyObject* PyErr_Occurred()

_nodes.here = _nodes.registry()
cells_of_attributes = {}


cdef Cell* cell_of_attribute(uint64_t id, object name) except? NULL:
    cdef PyObject* cells = PyDict_GetItem(cells_of_attributes, id)
    cdef PyObject* found
    if cells == NULL:
        return NULL
    found = PyDict_GetItem(<dict>cells, name)
    return NULL if found == NULL else _nodes.here.cells[<Py_ssize_t><object>found]


cdef Cell* make_cell_of_attribute(uint64_t id, object name) except NULL:
    """Its number is written into the home of the object itself."""
    cdef Cell* cell = new_cell()
    cell.owner = id
    cell.name = <PyObject*>name
    Py_INCREF(name)
    (<dict>cells_of_attributes.setdefault(id, {}))[name] = cell.number
    return cell


cdef Cell* cell_for_setting(Cell* own, uint64_t id, object name) except NULL:
    """Where a change of an attribute of a top-level object is recorded."""
    cdef Cell* cell = cell_of_attribute(id & ID, name)
    if cell == NULL:
        cell = make_cell_of_attribute(id & ID, name)
        begin(own, operations.HOME, id)
        put_operand(own, <PyObject*>name)
        number(&own.records, cell.number)
    return cell


cdef int set_plain(object self, object name, PyObject* value) except -1:
    return PyObject_GenericSetAttr(self, name, value)


cdef object set_attribute(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell
    cdef PyObject* attribute
    cdef PyObject* old
    cdef size_t start, end
    if count != 2:
        raise TypeError(f"expected 2 arguments, got {count}")
    cell = home(<PyObject*>self, &id)
    if cell == NULL:
        PyObject_GenericSetAttr(self, <object>args[0], args[1])
        return None
    attribute = _PyType_Lookup(Py_TYPE(self), <object>args[0])
    if attribute != NULL and is_setter(attribute):
        return set_by_descriptor(self, <object>args[0], args[1])
    if id & TOP:
        cell = cell_for_setting(cell, id, <object>args[0])
    old = own_attribute(self, <object>args[0], attribute)
    if old == NULL and PyErr_Occurred() != NULL:
        raise_it()
    begin(cell, operations.ATTRIBUTE_SET, id)
    put_operand(cell, args[0])
    put_operand(cell, args[1])
    start = cell.open
    end = cell.records.size
    if set_noting(self, <object>args[0], args[1]) < 0:
        failed(cell, start, end)
        Py_XDECREF(old)
        raise_it()
    done(cell, start, end)
    if is_noted(operations.ATTRIBUTE_SET, <PyObject*>self, 0, args[0]):
        Py_XDECREF(old)
        return None
    Py_INCREF(<object>args[0])
    inverse(operations.ATTRIBUTE_SET, <PyObject*>self, 0, args[0], old)
    return None


cdef object delete_attribute(object self, object name):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef PyObject* attribute
    cdef PyObject* old
    cdef size_t start, end
    if cell == NULL:
        PyObject_GenericSetAttr(self, name, NULL)
        return None
    attribute = _PyType_Lookup(Py_TYPE(self), name)
    if attribute != NULL and is_setter(attribute):
        return set_by_descriptor(self, name, NULL)
    old = own_attribute(self, name, attribute)
    if old == NULL:
        PyObject_GenericSetAttr(self, name, NULL)       # raises
        return None
    if id & TOP:
        cell = cell_for_setting(cell, id, name)
    behind = None
    if attribute == NULL:
        behind = name_behind(self, name)
    begin(cell, operations.ATTRIBUTE_DELETE, id)
    put_operand(cell, <PyObject*>name)
    start = cell.open
    end = cell.records.size
    if set_noting(self, name, NULL) < 0:
        failed(cell, start, end)
        Py_XDECREF(old)
        raise_it()
    done(cell, start, end)
    Py_INCREF(name)
    if behind is not None:
        Py_INCREF(name)
        Py_INCREF(behind)
        inverse(operations.PLACE, <PyObject*>self, 0, <PyObject*>name, <PyObject*>behind)
    inverse(operations.ATTRIBUTE_DELETE, <PyObject*>self, 0, <PyObject*>name, old)
    return None


cdef object name_behind(object self, object name):
    cdef PyObject* key
    cdef PyObject* value
    cdef Py_ssize_t at = 0
    cdef int more = next_attribute(<PyObject*>self, &at, &key, &value)
    cdef bint is_found = False
    if more < 0:
        if not type(self).__dictoffset__:
            return None
        names = iter(PyObject_GenericGetDict(self, NULL))
        for own in names:
            if own == name:
                return next(names, None)
        return None
    while more > 0:
        if is_found:
            return <object>key
        is_found = <object>key == name
        more = next_attribute(<PyObject*>self, &at, &key, &value)
    return None


cdef object set_by_descriptor(object self, object name, PyObject* value):
    """A property, which may set attributes in turn; or what replaces all of them."""
    cdef Shape shape
    cdef uint64_t id = 0
    cdef size_t start
    if name != "__dict__" and name != "__class__":
        if home(<PyObject*>self, &id) == NULL or id & TOP:
            PyObject_GenericSetAttr(self, name, value)
            return None
        before = attributes_of(self, shape_of(type(self)))
        start = _nodes.here.inverse_count
        try:
            PyObject_GenericSetAttr(self, name, value)
        finally:
            note_unseen(self, before, start)
        return None
    before = attributes_of(self, shape_of(type(self)))
    old_class = type(self)
    if name == "__class__" and value != NULL and isinstance(<object>value, type):
        shape = shape_of(<object>value)
        if shape.kind == _nodes.INSTANCE | _nodes.CLASSED:
            prepare(shape)                      # or the assignment would find another way of freeing there
    PyObject_GenericSetAttr(self, name, value)
    note_all(self, before, old_class)
    return None


cdef int note_unseen(object self, list before, size_t start) except -1:
    """Records what a setter has stored in the object's ``__dict__``, where nothing else sees it."""
    cdef Inverse* step
    cdef size_t i
    cdef dict old = dict(before), changed = {}
    for name, value in attributes_of(self, shape_of(type(self))):
        if name not in old or old.pop(name) is not value:
            changed[name] = value
    changed.update(old)                         # these are gone
    for i in range(start - 1 if start else 0, _nodes.here.inverse_count):
        step = &_nodes.here.inverses[i]
        if step.node == <PyObject*>self and step.first != NULL \
                and (step.op == operations.ATTRIBUTE_SET or step.op == operations.ATTRIBUTE_DELETE):
            changed.pop(<object>step.first, None)
    return note_all(self, before, type(self)) if changed else 0


cdef int note_all(object self, list before, object old_class) except -1:
    """Records all attributes of an object whose ``__dict__`` or class is another one."""
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Shape shape = shape_of(type(self))
    cdef list after = attributes_of(self, shape)
    if shape.kind != _nodes.INSTANCE | _nodes.CLASSED:
        raise TypeError(f"an object that is part of a share cannot become a {type(self).__qualname__}")
    if id & TOP:
        raise TypeError("the __dict__ and the class of a top-level object of a share cannot be replaced")
    begin(cell, operations.ATTRIBUTES_ASSIGN, id)
    number(&cell.records, shape.number)
    number(&cell.records, len(after))
    for name, value in after:
        put_operand(cell, <PyObject*>name)
        put_operand(cell, <PyObject*>value)
    was = (old_class, before)
    Py_INCREF(was)
    return inverse(operations.ATTRIBUTES_ASSIGN, <PyObject*>self, 0, <PyObject*>was, NULL)


cdef list attributes_of(object self, Shape shape):
    cdef list found = []
    cdef PyObject* name
    cdef PyObject* value
    cdef Py_ssize_t at = 0
    cdef int more
    for slot in shape.slots:
        try:
            found.append((slot, object.__getattribute__(self, slot)))
        except AttributeError:
            pass
    if not shape.has_dict:
        return found
    more = next_attribute(<PyObject*>self, &at, &name, &value)
    if more >= 0:
        while more > 0:
            found.append((<object>name, <object>value))
            more = next_attribute(<PyObject*>self, &at, &name, &value)
        return found
    attributes = PyObject_GenericGetDict(self, NULL)
    found.extend(dict.items(attributes))
    return found


cdef PyMethodDef definitions[2]
definitions[0].ml_name = "__setattr__"
definitions[0].ml_meth = <void*>set_attribute
definitions[0].ml_flags = METH_FASTCALL
definitions[0].ml_doc = NULL
definitions[1].ml_name = "__delattr__"
definitions[1].ml_meth = <void*>delete_attribute
definitions[1].ml_flags = METH_O
definitions[1].ml_doc = NULL
cdef object setattr_method = PyDescr_NewMethod(&PyBaseObject_Type, &definitions[0])
cdef object delattr_method = PyDescr_NewMethod(&PyBaseObject_Type, &definitions[1])


cdef int prepare(Shape shape) except -1:
    cdef object cls = shape.cls
    if shape.is_prepared:
        return 0
    if not hook_free(<PyTypeObject*>cls):
        raise TypeError(f"instances of {cls.__qualname__} free their memory in a way of their own")
    if cls.__setattr__ is object.__setattr__ and cls.__delattr__ is object.__delattr__:
        type.__setattr__(cls, "__setattr__", setattr_method)
        type.__setattr__(cls, "__delattr__", delattr_method)
    if cls.__setattr__ is not setattr_method or cls.__delattr__ is not delattr_method:
        shape.is_compared = True                # it has its own, or inherits one, which may do more than set
    shape.is_prepared = True
    return 0


def is_recorded(object cls) -> bool:
    """Whether changes to instances of a class are seen when they happen."""
    return cls.__setattr__ is setattr_method
