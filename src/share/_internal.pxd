# Types of which only our own compiled code makes instances: made by Python code these would be empty, and crash.
from cpython.object cimport PyTypeObject


cdef extern from *:
    """
    /* Compiled code of the type's own module calls the allocating function itself; these are Python's ways to it. */
    static inline void share_make_internal(PyTypeObject* type) {
        if (PyDict_DelItemString(type->tp_dict, "__new__") < 0)
            PyErr_Clear();
        type->tp_new = NULL;
        type->tp_vectorcall = NULL;
        PyType_Modified(type);
    }

    static inline newfunc share_maker_of(PyTypeObject* type) {
        return type->tp_new;
    }
    """
    ctypedef object (*Maker "newfunc")(PyTypeObject* cls, object args, void* kwargs)
    void make_internal "share_make_internal"(PyTypeObject* cls)
    Maker maker_of "share_maker_of"(PyTypeObject* cls)
