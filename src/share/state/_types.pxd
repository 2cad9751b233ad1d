# What makes a recording type: a heap type of the same layout as the built-in one.
from cpython.object cimport PyObject, PyTypeObject

cdef extern from "Python.h":
    ctypedef struct PyMethodDef:
        const char* ml_name
        void* ml_meth
        int ml_flags
        const char* ml_doc
    int METH_O, METH_NOARGS, METH_FASTCALL, METH_KEYWORDS, METH_VARARGS
    int Py_tp_init, Py_tp_repr, Py_mp_ass_subscript, Py_sq_ass_item, Py_sq_inplace_concat, Py_sq_inplace_repeat
    int Py_nb_inplace_or, Py_nb_inplace_and, Py_nb_inplace_xor, Py_nb_inplace_subtract, Py_nb_inplace_add

    ctypedef struct PyGetSetDef:
        const char* name
        void* get
        void* set
        const char* doc
        void* closure

cdef class Blueprint:
    cdef PyGetSetDef attributes[3]
    cdef PyMethodDef methods[24]
    cdef int method_count
    cdef int slots[16]
    cdef void* functions[16]
    cdef int slot_count

    # METH_FASTCALL: `f(object self, PyObject** args, Py_ssize_t count)`; METH_O and METH_NOARGS: `f(object, object)`.
    cdef int method(self, const char* name, void* function, int flags) except -1
    cdef int slot(self, int slot, void* function) except -1
    # `get(object self, void*)` and `int set(object self, PyObject* value, void*)`; one at most.
    cdef int attribute(self, const char* name, void* get, void* set) except -1
    # The finished type, known from now on as that of recording objects of this kind.
    cdef type build(self, const char* name, object base, int kind)

# The C function of a method of a built-in class that takes one argument or none.
cdef void* function_of(object method) except NULL
