"""What an object of each class is to the state: decided once a class."""

cimport cython

import enum
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport Py_TPFLAGS_HEAPTYPE, PyObject, PyTypeObject

from share.cerial._kinds cimport kind_of
from share.state cimport _nodes
from share.state._layouts cimport next_attribute

from share._kinds import _ATOMS, _COPIED_MODULES, is_value, pickles_itself
from share.cerial import dumps
from share.cerial._sentinels import is_singleton
from share.state._unreadable import UnreadableClass

cdef extern from *:
    """
    /* Whether nothing below the classes written in Python has a layout of its own. */
    static int share_is_plain_layout(PyTypeObject *cls, PyTypeObject *ordinary)
    {
        while (cls->tp_flags & Py_TPFLAGS_HEAPTYPE) {
            PyTypeObject *base = cls->tp_base;
            if (cls->tp_itemsize || base == NULL || cls->tp_dealloc != ordinary->tp_dealloc)
                return 0;
            /* Slots, a dict and weak references: whatever else there is is for code in C. */
            Py_ssize_t known = Py_SIZE(cls) * (Py_ssize_t)sizeof(PyObject *);
            known += (cls->tp_weaklistoffset > 0 && base->tp_weaklistoffset == 0) * (Py_ssize_t)sizeof(PyObject *);
            known += (cls->tp_dictoffset > 0 && base->tp_dictoffset == 0) * (Py_ssize_t)sizeof(PyObject *);
            if (cls->tp_basicsize - base->tp_basicsize != known)
                return 0;
            cls = base;
        }
        return cls == &PyBaseObject_Type;
    }
    """
    bint is_plain_layout "share_is_plain_layout"(PyTypeObject*, PyTypeObject* ordinary) noexcept


class Ordinary:
    """A class written in Python."""


# From the most special one on; what is both of the first two keeps an order.
cdef tuple BUILT_IN = (
    (OrderedDict, _nodes.ORDERED), (Counter, _nodes.COUNTER), (defaultdict, _nodes.DEFAULT), (dict, _nodes.DICT),
    (list, _nodes.LIST), (set, _nodes.SET), (deque, _nodes.DEQUE), (bytearray, _nodes.BYTEARRAY),
    (array, _nodes.ARRAY),
)
cdef tuple NUMBERS_AND_TEXT = (int, float, complex, str, bytes)

cdef dict shapes = {}
cdef dict built_in_shapes = {}
numbered = []


@cython.binding(False)
cdef class Shape:
    """A class, as far as the state is concerned with it."""


cdef Shape shape_of(object cls):
    cdef PyObject* found = PyDict_GetItem(shapes, cls)
    if found != NULL:
        return <Shape>found
    shape = decide(cls)
    shapes[cls] = shape
    return shape


cdef int same_shape(object cls, object known) except -1:
    built_in_shapes[cls] = shapes[cls] = shape_of(known)
    return 0


cdef int forget_shapes() except -1:
    """A new state numbers classes anew."""
    shapes.clear()
    shapes.update(built_in_shapes)
    numbered.clear()
    return 0


cdef int number_class(object cls) except -1:
    cdef Shape shape
    cdef int wanted
    if isinstance(cls, UnreadableClass):
        number_unreadable(cls)
        return 0
    shape = shape_of(cls)
    wanted = len(numbered)
    if shape.number < 0:
        shape.record = dumps(cls)
        shape.number = wanted
        numbered.append(shape)
    elif shape.number == wanted - 1 and numbered[wanted - 1] is shape:
        pass                                    # by shape_of
    else:
        raise ValueError(f"{cls!r} has been numbered twice")
    return 0


cdef int number_unreadable(object unreadable) except -1:
    """The next number is that of a class that cannot be loaded; what is published of it stays as it is."""
    cdef Shape shape = make(unreadable, EITHER)
    cdef int number = len(numbered), kind
    shape.record = unreadable.content
    shape.number = number
    numbered.append(shape)
    for base, cls in unreadable.made.items():
        kind = NAMED_TUPLE if base is tuple else _nodes.INSTANCE | _nodes.CLASSED
        if base is not tuple and base is not object:
            kind = shape_of(base).kind | _nodes.CLASSED
        shape = make(cls, kind)
        shape.record = unreadable.content
        shape.number = number
        shapes[cls] = shape if kind == NAMED_TUPLE else with_attributes(shape)
    return 0


cdef Shape make(object cls, int kind):
    cdef Shape shape = Shape.__new__(Shape)
    shape.cls = cls
    shape.kind = kind
    shape.number = -1
    shape.slots = ()
    return shape


cdef Shape decide(object cls):
    cdef int kind
    for base, kind in BUILT_IN:
        if cls is base:
            shape = make(cls, kind)
            built_in_shapes[cls] = shape
            return shape
    if issubclass(cls, tuple):
        if cls.__dictoffset__ or cls is tuple:
            return make(cls, EITHER)
        return with_class(cls, NAMED_TUPLE)
    if issubclass(cls, (type, enum.Enum, *NUMBERS_AND_TEXT)) or cls in _ATOMS:
        return make(cls, EITHER)
    if cls.__flags__ & Py_TPFLAGS_HEAPTYPE:
        for base, kind in BUILT_IN:
            if issubclass(cls, base) and base is not array:
                return with_attributes(with_class(cls, kind | _nodes.CLASSED))
        if is_plain_class(cls) and kind_of(cls).rule is None \
                and not is_opaque_class(cls) and not pickles_itself(cls):
            if is_frozen(cls) and cls.__hash__ is not object.__hash__:
                return with_attributes(with_class(cls, EITHER, True))
            return with_attributes(with_class(cls, _nodes.INSTANCE | _nodes.CLASSED))
    return make(cls, EITHER)


cdef bint is_plain_class(object cls) noexcept:
    return is_plain_layout(<PyTypeObject*>cls, <PyTypeObject*>Ordinary)


cdef bint is_opaque_class(object cls) except -1:
    """Whether instances are taken whole although they have attributes: C code must have them, or the class says so."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] in _COPIED_MODULES or "_share_opaque_" in base.__dict__:
            return True
    return False


cdef bint is_frozen(object cls):
    parameters = cls.__dict__.get("__dataclass_params__")
    return parameters is not None and parameters.frozen


cdef Shape with_class(object cls, int kind, bint frozen=False):
    cdef Shape shape = make(cls, kind)
    try:
        shape.record = dumps(cls, where=f"class {cls.__qualname__}")
    except Exception:
        return make(cls, EITHER)            # its instances cannot travel; that is said when one is to be published
    shape.number = len(numbered)
    shape.is_frozen = frozen
    numbered.append(shape)
    return shape


cdef Shape with_attributes(Shape shape):
    cdef list slots = []
    shape.has_dict = shape.cls.__dictoffset__ != 0
    for base in shape.cls.__mro__:
        for name, attribute in base.__dict__.items():
            if type(attribute) is types.MemberDescriptorType and attribute.__objclass__ is base:
                if base.__flags__ & Py_TPFLAGS_HEAPTYPE and name not in slots:
                    slots.append(name)
    shape.slots = tuple(slots)
    return shape


cdef bint is_sentinel(object value, Shape shape) except -1:
    """Whether an instance without attributes is one that is known by its name, and so the same one everywhere."""
    cdef PyObject* name
    cdef PyObject* content
    cdef Py_ssize_t at = 0
    cdef int more
    if shape.kind != _nodes.INSTANCE | _nodes.CLASSED or shape.slots:
        return False
    if shape.has_dict:
        more = next_attribute(<PyObject*>value, &at, &name, &content)
        if more > 0 or more < 0 and value.__dict__:
            return False
    return is_singleton(value)


def is_value_of(shape: Shape, value: object) -> bool:
    """Whether an object of a class of which some are values and others nodes is a value."""
    if issubclass(shape.cls, NUMBERS_AND_TEXT):
        return not getattr(value, "__dict__", None)
    return is_value(value)


cdef int role_of(object value) except -1:
    """What an object is to the state: a value, a node, a tuple with nodes in it, or what is encoded whole."""
    cdef object cls = type(value)
    cdef Shape shape
    if cls is int or cls is str or cls is float or value is None or cls is bool or cls is bytes:
        return IS_VALUE
    shape = shape_of(cls)
    if shape.kind != EITHER and shape.kind != NAMED_TUPLE:
        return IS_VALUE if is_sentinel(value, shape) else IS_NODE
    if is_value_of(shape, value):
        return IS_VALUE
    if shape.is_frozen:
        return IS_NODE
    if shape.kind == NAMED_TUPLE or cls is tuple or cls is frozenset:
        return IS_BOXED
    return IS_OPAQUE


cdef int built_in_kind(object cls) noexcept:
    cdef int kind = shape_of(cls).kind
    return kind if kind < _nodes.INSTANCE or kind == _nodes.ARRAY else 0


cdef bint is_node_class(object cls) except -1:
    return shape_of(cls).kind != EITHER and shape_of(cls).kind != NAMED_TUPLE
