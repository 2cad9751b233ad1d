"""What makes a recording type: a heap type of the same layout as the built-in one."""

cimport cython

import collections
from array import array

from cpython.object cimport PyObject, PyTypeObject, visitproc
from cpython.ref cimport Py_INCREF
from libc.string cimport memset

from share.state cimport _nodes
from share.state._shapes cimport same_shape

cdef extern from *:
    """
    #include "state/_nodes.h"

    static destructor share_python_dealloc;     /* of classes that are written in Python */

    /* An object of a recording type is freed as one of the built-in type, whose trashcan and free lists then work.
     * One of a user's subclass keeps its class: subtype_dealloc leaves the reference to it to a base that is a heap
     * type, as ours is. */
    static void share_dealloc(PyObject *object)
    {
        share_registry *r = share_registry_here;
        PyTypeObject *cls = Py_TYPE(object);
        int kind;
        for (kind = 1; kind < SHARE_KINDS; kind++)
            if (r->recording[kind] == cls)
                break;
        share_forget(object);
        if (kind < SHARE_KINDS) {
            Py_SET_TYPE(object, r->plain[kind]);
            Py_DECREF((PyObject *)cls);
            r->plain[kind]->tp_dealloc(object);
            return;
        }
        PyTypeObject *base = cls;
        while (base->tp_dealloc != share_dealloc)
            base = base->tp_base;
        base = base->tp_base;
        if (base->tp_dealloc == share_python_dealloc) { /* Counter: its own subtype_dealloc is to see itself */
            Py_INCREF((PyObject *)base);
            Py_SET_TYPE(object, base);
        }
        else if (base->tp_flags & Py_TPFLAGS_HEAPTYPE) {    /* deque, from 3.12 on: it lets go of the object's class, */
            base->tp_dealloc(object);                       /* by which it knows how much memory that has */
            return;
        }
        base->tp_dealloc(object);
        Py_DECREF((PyObject *)cls);
    }

    static PyTypeObject *share_plain_of(PyTypeObject *cls)
    {
        share_registry *r = share_registry_here;
        for (int kind = 1; kind < SHARE_KINDS; kind++)
            if (r->recording[kind] == cls)
                return r->plain[kind];
        return NULL;
    }

    /* To make one is to make a built-in one. */
    static PyObject *share_new(PyTypeObject *cls, PyObject *args, PyObject *names)
    {
        PyTypeObject *plain = share_plain_of(cls);
        if (plain)
            return PyObject_Call((PyObject *)plain, args, names);
        for (plain = cls; plain->tp_dealloc != share_dealloc; )
            plain = plain->tp_base;
        return plain->tp_base->tp_new(cls, args, names);
    }

    static PyObject *share_get_class(PyObject *self, void *unused)
    {
        PyTypeObject *plain = share_plain_of(Py_TYPE(self));
        return Py_NewRef(plain ? (PyObject *)plain : (PyObject *)Py_TYPE(self));
    }

    static int share_set_class(PyObject *self, PyObject *cls, void *unused)
    {
        PyObject *own = PyDict_GetItemString(PyBaseObject_Type.tp_dict, "__class__");
        if (cls && own && share_plain_of(Py_TYPE(self)) == NULL)
            return Py_TYPE(own)->tp_descr_set(own, self, cls);
        PyErr_SetString(PyExc_TypeError, "the class of a built-in container cannot be replaced");
        return -1;
    }

    static PyGetSetDef share_class_attribute = {"__class__", share_get_class, share_set_class, NULL, NULL};

    /* Puts a recording type in the place of its built-in one among the bases of a user's class. The assignment asks for
     * CPython's own dealloc of subclasses, so it is put in for the time being. */
    static int share_rebase(PyObject *cls, PyObject *bases, PyTypeObject *recording, PyTypeObject *probe)
    {
        destructor own = recording->tp_dealloc;
        recording->tp_dealloc = share_python_dealloc = probe->tp_dealloc;
        int result = PyObject_SetAttrString(cls, "__bases__", bases);
        recording->tp_dealloc = own;
        return result;
    }

    typedef struct { visitproc visit; void *arg; PyObject *skipped; } share_visit;

    static int share_visit_others(PyObject *object, void *arg)
    {
        share_visit *v = (share_visit *)arg;
        return object == v->skipped ? 0 : v->visit(object, v->arg);
    }

    static int share_traverse(PyObject *object, visitproc visit, void *arg)
    {
        PyTypeObject *cls = Py_TYPE(object), *base = cls;
        while (base->tp_traverse != share_traverse)
            base = base->tp_base;
        if (base != cls)                /* a recording type lives for ever, and is not to be seen */
            Py_VISIT((PyObject *)cls);
        base = base->tp_base;
        if (!(base->tp_flags & Py_TPFLAGS_HEAPTYPE))
            return base->tp_traverse(object, visit, arg);
        /* Counter: CPython's own function for subclasses starts at the type of the object, and visits that. */
        share_visit others = {visit, arg, (PyObject *)base};
        Py_SET_TYPE(object, base);
        int result = base->tp_traverse(object, share_visit_others, &others);
        Py_SET_TYPE(object, cls);
        return result;
    }

    static void *share_function_of(PyObject *method)
    {
        if (Py_TYPE(method) != &PyMethodDescr_Type
            || !(((PyMethodDescrObject *)method)->d_method->ml_flags & (METH_O | METH_NOARGS))) {
            PyErr_SetString(PyExc_SystemError, "no built-in method of one argument or none");
            return NULL;
        }
        return (void *)((PyMethodDescrObject *)method)->d_method->ml_meth;
    }
    """
    void share_dealloc(PyObject*) noexcept
    int share_traverse(PyObject*, visitproc, void*) noexcept
    void* share_function_of(object) except NULL
    void* share_new
    PyGetSetDef share_class_attribute
    int share_rebase(object, object, PyTypeObject*, PyTypeObject*) except -1

cdef extern from "Python.h":
    ctypedef struct PyType_Slot:
        int slot
        void* pfunc
    ctypedef struct PyType_Spec:
        const char* name
        int basicsize
        int itemsize
        unsigned int flags
        PyType_Slot* slots
    int Py_tp_dealloc, Py_tp_traverse, Py_tp_clear, Py_tp_methods, Py_tp_new, Py_tp_getset
    unsigned long Py_TPFLAGS_DEFAULT, Py_TPFLAGS_BASETYPE, Py_TPFLAGS_HAVE_GC, Py_TPFLAGS_HEAPTYPE
    object PyType_FromSpecWithBases(PyType_Spec*, object)

_nodes.here = _nodes.registry()
# PyType_FromSpec points into what it is given.
cdef list kept = []


class Probe(dict):
    """Its tp_clear is CPython's own for subclasses, which an assignment to ``__bases__`` asks for."""

    __slots__ = ()


cdef void* function_of(object method) except NULL:
    return share_function_of(method)


@cython.binding(False)
cdef class Blueprint:
    """The methods and slots of a recording type, in the making."""

    cdef int method(self, const char* name, void* function, int flags) except -1:
        cdef PyMethodDef* method = &self.methods[self.method_count]
        method.ml_name = name
        method.ml_meth = function
        method.ml_flags = flags
        method.ml_doc = NULL
        self.method_count += 1
        memset(&self.methods[self.method_count], 0, sizeof(PyMethodDef))
        return 0

    cdef int slot(self, int slot, void* function) except -1:
        self.slots[self.slot_count] = slot
        self.functions[self.slot_count] = function
        self.slot_count += 1
        return 0

    cdef int attribute(self, const char* name, void* get, void* set) except -1:
        self.attributes[1].name = name
        self.attributes[1].get = get
        self.attributes[1].set = set
        return 0

    cdef type build(self, const char* name, object base, int kind):
        cdef PyType_Slot slots[28]
        cdef PyType_Spec spec
        cdef PyTypeObject* plain = <PyTypeObject*>base
        cdef bint is_collected = plain.tp_flags & Py_TPFLAGS_HAVE_GC
        cdef int i
        cdef int count = 0
        self.method("__reduce_ex__", <void*>reduce_as_plain, METH_O)
        self.method("__copy__", <void*>copy_as_plain, METH_NOARGS)
        self.attributes[0] = share_class_attribute
        memset(slots, 0, sizeof(slots))
        for i in range(self.slot_count):
            slots[count].slot = self.slots[i]
            slots[count].pfunc = self.functions[i]
            count += 1
        slots[count].slot = Py_tp_dealloc
        slots[count].pfunc = <void*>share_dealloc
        slots[count + 1].slot = Py_tp_methods
        slots[count + 1].pfunc = self.methods
        slots[count + 2].slot = Py_tp_new
        slots[count + 2].pfunc = <void*>share_new
        slots[count + 3].slot = Py_tp_getset
        slots[count + 3].pfunc = self.attributes
        count += 2
        if is_collected:
            # With one of them alone neither would be inherited, and cycles would not be freed.
            slots[count + 2].slot = Py_tp_traverse
            slots[count + 2].pfunc = <void*>share_traverse
            if not plain.tp_flags & Py_TPFLAGS_HEAPTYPE:
                slots[count + 3].slot = Py_tp_clear
                slots[count + 3].pfunc = <void*>(<PyTypeObject*>Probe).tp_clear
            elif plain.tp_clear != NULL:        # arrays hold nothing
                slots[count + 3].slot = Py_tp_clear
                slots[count + 3].pfunc = <void*>plain.tp_clear
        spec.name = name
        spec.basicsize = 0
        spec.itemsize = 0
        spec.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | (Py_TPFLAGS_HAVE_GC if is_collected else 0)
        spec.slots = slots
        cls = PyType_FromSpecWithBases(&spec, (base,))
        kept.append(self)
        Py_INCREF(base)
        Py_INCREF(cls)
        _nodes.registry().plain[kind] = plain
        _nodes.registry().recording[kind] = <PyTypeObject*>cls
        same_shape(cls, base)
        return cls


def rebase(cls: type) -> bool:
    """Has a user's subclass of a built-in container record; False: its instances have to be compared."""
    cdef PyTypeObject* recording
    cdef list built_in = [plain_of(base) or base for base in cls.__mro__ if plain_of(base) or kind_of_plain(base)]
    if not all([issubclass(built_in[0], base) for base in built_in]):
        return False            # of several: which one's method it uses is not what a recording type would give it
    for base in reversed(cls.__mro__):
        if not base.__flags__ & Py_TPFLAGS_HEAPTYPE or plain_of(base) is not None or base is collections.Counter:
            continue
        bases = []
        recording = NULL
        for parent in base.__bases__:
            kind = kind_of_plain(parent)
            if kind:
                recording = _nodes.registry().recording[kind]
                parent = <object><PyObject*>recording
            bases.append(parent)
        if recording == NULL:
            continue
        try:
            share_rebase(base, tuple(bases), recording, <PyTypeObject*>Probe)
        except TypeError:
            return False
    # Another built-in container between it and the recording one would store past that.
    for base in cls.__mro__:
        if plain_of(base) is not None:
            return True
        if kind_of_plain(base) or not base.__flags__ & Py_TPFLAGS_HEAPTYPE:
            return False
    return False


cdef int kind_of_plain(object cls) noexcept:
    cdef int kind
    for kind in range(1, _nodes.KINDS):
        if _nodes.registry().plain[kind] == <PyTypeObject*>cls and _nodes.registry().recording[kind] != NULL:
            return kind
    return 0


# What pickle and copy see of a recording object is what they see of the built-in one.

cdef object reduce_as_plain(object self, object protocol):
    cdef object cls = type(self)
    for base in cls.__mro__:
        if plain_of(base) is not None:
            plain = plain_of(base)
            break
    if cls is not base:                         # a user's subclass
        return object.__reduce_ex__(self, protocol) if plain is not collections.Counter else plain.__reduce__(self)
    if plain is collections.Counter:
        return plain, (dict(self),)
    if plain is collections.defaultdict:
        return plain, (self.default_factory,), None, None, iter(self.items())
    if plain is collections.deque:
        return plain, ((), self.maxlen) if self.maxlen is not None else (), None, iter(self)
    if issubclass(plain, dict):
        return plain, (), None, None, iter(self.items())
    if plain is list:
        return plain, (), None, iter(self)
    if plain is array:
        return plain.__getitem__(self, slice(None)).__reduce_ex__(protocol)
    return plain, (bytes(self) if plain is bytearray else list(self),)


cdef object plain_of(object cls):
    cdef int kind
    for kind in range(1, _nodes.KINDS):
        if _nodes.registry().recording[kind] == <PyTypeObject*>cls:
            return <object>_nodes.registry().plain[kind]
    return None


cdef object copy_as_plain(object self, object _):
    cdef object cls = type(self)
    plain = plain_of(cls)
    if plain is None:                           # a user's subclass: as copy.copy would without us
        import copy

        return copy._reconstruct(self, None, *object.__reduce_ex__(self, 4))
    if plain is collections.defaultdict:
        return plain(self.default_factory, self)
    if plain is collections.deque:
        return plain(self, self.maxlen)
    if plain is array:
        return plain.__getitem__(self, slice(None))
    return plain(self)
