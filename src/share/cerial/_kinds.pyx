"""What the encoder does with instances of a class: decided once, forgotten when the class changes or dies."""

import copyreg
import datetime
import enum
import sys
import weakref

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject

from share.cerial cimport _tags as tags

from share.cerial import _classes, _registry

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        unsigned int tp_version_tag
        unsigned long tp_flags
        Py_ssize_t tp_itemsize
    unsigned long Py_TPFLAGS_HEAPTYPE
    PyObject* PyModule_GetDict(object) except NULL
    bint PyType_Check(object) noexcept

cdef dict kinds = {}            # address of a class -> Kind; the weak reference in it removes the entry
cdef dict modules = sys.modules
cdef str cloudpickle_name = "cloudpickle.cloudpickle"
cdef dict copyreg_table = copyreg.dispatch_table

cdef dict TIMES = {
    datetime.date: tags.DATE,
    datetime.time: tags.TIME,
    datetime.datetime: tags.DATETIME,
    datetime.timedelta: tags.TIMEDELTA,
}
# Of modules that are imported only when somebody uses them.
cdef dict NAMED = {
    ("uuid", "UUID"): tags.UUID,
    ("decimal", "Decimal"): tags.DECIMAL,
    ("numpy", "ndarray"): tags.ARRAY,
}

# With any of these defined, how an instance is pickled is the class's own affair.
cdef tuple PICKLE_HOOKS = ("__setstate__", "__getnewargs__", "__getnewargs_ex__")
cdef tuple OBJECT_DEFAULTS = ("__reduce__", "__reduce_ex__", "__getstate__", "__new__", "__getattribute__")


cdef Kind kind_of(object cls):
    cdef PyTypeObject* c_type = <PyTypeObject*><PyObject*>cls
    cdef PyObject* found = PyDict_GetItem(kinds, <Py_ssize_t><PyObject*>cls)
    cdef Kind kind
    if found != NULL:
        kind = <Kind>found
        # A static type cannot change; another gets a new tag with every change to it or to a base.
        if not c_type.tp_flags & Py_TPFLAGS_HEAPTYPE or (
            kind.version == c_type.tp_version_tag and kind.version
        ):
            return kind
    return decide(cls)


cdef Kind decide(object cls):
    cdef Kind kind = Kind.__new__(Kind)
    cdef Py_ssize_t address = <Py_ssize_t><PyObject*>cls
    kind.rule = _registry.rule_for(cls)
    kind.code = BY_PICKLE if kind.rule is not None else code_of(cls)
    kind.version = (<PyTypeObject*><PyObject*>cls).tp_version_tag
    kind.owner = weakref.ref(cls, lambda _, address=address: kinds.pop(address, None))
    kinds[address] = kind
    return kind


cdef int code_of(object cls) except -1:
    code = TIMES.get(cls)
    if code is not None:
        return code
    if isinstance(cls, enum.EnumMeta):
        return tags.ENUM
    code = NAMED.get((cls.__module__, cls.__qualname__))
    if code is not None and getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls:
        return code
    return tags.OBJECT if is_ordinary(cls) else BY_PICKLE


cdef bint is_ordinary(object cls) except -1:
    """Whether pickle would send instances as nothing but the class and their ``__dict__``."""
    cdef PyTypeObject* c_type = <PyTypeObject*><PyObject*>cls
    if not c_type.tp_flags & Py_TPFLAGS_HEAPTYPE or c_type.tp_itemsize:
        return False
    for name in PICKLE_HOOKS:
        if hasattr(cls, name):
            return False
    for name in OBJECT_DEFAULTS:
        if getattr(cls, name) is not getattr(object, name):
            return False
    if "__dict__" in cls.__dict__ and isinstance(cls.__dict__["__dict__"], property):
        return False
    return cls.__dictoffset__ != 0 and not slot_names(cls)


cdef list slot_names(object cls):
    # Not copyreg._slotnames, which writes its answer into the class.
    return [base for base in cls.__mro__ if base.__dict__.get("__slots__")]


cdef object class_record(object cls):
    cdef Kind kind = kind_of(cls)
    if kind.record is None or kind.module is not None and not is_at(cls, kind.module, kind.name):
        # Not asked before, or replaced in its module since: then it travels by value from now on.
        kind.record, kind.module, kind.name = _classes.record_of(cls)
    return kind.record


cdef bint is_importable(object value) noexcept:
    cdef Kind kind
    try:
        if PyType_Check(value):
            kind = kind_of(value)
            if kind.module is None:
                if kind.record is None:
                    class_record(value)
                return kind.module is not None
            return is_at(value, kind.module, kind.name)
        name = value.__module__
        return name != "__main__" and name != "__mp_main__" and is_at(value, name, value.__qualname__)
    except Exception:
        return False


cdef bint is_at(object value, object module_name, object name) except -1:
    """Whether a module has ``value`` under this name, and is not one that cloudpickle sends by value."""
    cdef PyObject* module = PyDict_GetItem(modules, module_name)
    if module == NULL:
        return False
    if PyDict_GetItem(<object>PyModule_GetDict(<object>module), name) != <PyObject*>value:
        return False
    return PyDict_GetItem(modules, cloudpickle_name) == NULL or not _classes.sent_by_value(<object>module)


cdef bint has_copyreg_entry(object cls) noexcept:
    return PyDict_GetItem(copyreg_table, cls) != NULL


def forget_kinds() -> None:
    """Decide anew about every class: the registered types have changed."""
    kinds.clear()


_registry.on_change(forget_kinds)
