"""Exact augmented assignment: values that remember the operation from ``+=`` to the store that follows it.

Python runs ``shared.n += 1`` as a read, an addition and a store. What a read gives is an instance of a subclass of
the built-in type that differs in one thing: its in-place operators note the operation and its operand for the thread.
They return the plain result. The store that belongs to the same statement, and only that one, then sends the operation
instead of the result. Whether it is the same statement can be seen in the calling frame: the bytecode is the in-place
operator, then at most rearrangements of the stack, then the store. So the target is the one that was read from, and

>>> x = shared.n            # doctest: +SKIP
>>> x += 1
>>> shared.n = x

stores a number, as it says.
"""

import copyreg
import operator
from opcode import opmap
from sys import modules

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.pythread cimport PyThread_get_thread_ident

from ..cerial._codec import register_plain
from .._kinds import register_value

cdef extern from "Python.h":
    """
    /* Its code as bytes, without specialisations; a new reference. */
    static PyObject *sh_frame_code(PyFrameObject *frame)
    {
        PyCodeObject *code = PyFrame_GetCode(frame);
        PyObject *bytes = PyCode_GetCode(code);
        Py_DECREF(code);
        return bytes;
    }
    """
    ctypedef struct PyFrameObject:
        pass
    object sh_frame_code(PyFrameObject* frame)
    int PyFrame_GetLasti(PyFrameObject* frame)
    PyFrameObject* PyEval_GetFrame() noexcept

cdef enum:
    FIRST_INPLACE = 13          # NB_INPLACE_ADD ...
    LAST_INPLACE = 25           # ... NB_INPLACE_XOR, operands of BINARY_OP

cdef int BINARY_OP = opmap["BINARY_OP"]
cdef int EXTENDED_ARG = opmap["EXTENDED_ARG"]
cdef int SWAP = opmap["SWAP"]
cdef int CACHE = opmap.get("CACHE", 0)
cdef set STORES = {opmap["STORE_ATTR"], opmap["STORE_SUBSCR"]}

cdef object MISSING = object()

# thread -> (result, operation, operand, address of the frame, offset of the operator)
cdef dict noted = {}


cdef int operator_of_store(PyFrameObject* frame) except -2:
    """Offset of the in-place operator whose result the instruction that `frame` is at stores; else -1."""
    cdef int at = PyFrame_GetLasti(frame)
    cdef bytes code
    cdef const unsigned char* text
    if at < 0:
        return -1
    code = sh_frame_code(frame)
    text = <const unsigned char*>PyBytes_AS_STRING(code)
    if text[at] not in STORES:
        return -1
    at -= 2
    while at > 0 and (text[at] == SWAP or text[at] == CACHE or text[at] == EXTENDED_ARG):
        at -= 2
    if at > 0 and text[at] == BINARY_OP and FIRST_INPLACE <= text[at + 1] <= LAST_INPLACE:
        return at
    return -1


cdef bint is_augmented_store() noexcept:
    """Whether the running store is the last part of an augmented assignment."""
    cdef PyFrameObject* frame = PyEval_GetFrame()
    if frame == NULL:
        return False
    try:
        return operator_of_store(frame) >= 0
    except Exception:
        return False


cdef object take_operation(object value):
    """(operation, operand) if the running store is the end of an augmented assignment of a read value; or None."""
    cdef PyFrameObject* frame
    cdef tuple note
    if not noted:
        return None
    thread = PyThread_get_thread_ident()
    note = noted.get(thread)
    if note is None or note[0] is not value:
        return None
    frame = PyEval_GetFrame()
    if frame == NULL or note[3] != <size_t>frame or note[4] != operator_of_store(frame):
        return None
    del noted[thread]
    return note[1], note[2]


cdef object note_operation(object result, str operation, object operand):
    cdef PyFrameObject* frame = PyEval_GetFrame()
    if frame != NULL and result is not NotImplemented:
        noted[PyThread_get_thread_ident()] = \
            (result, operation, operand, <size_t>frame, PyFrame_GetLasti(frame))
    return result


def _inplace(str operation, function):
    def inplace(self, other):
        return note_operation(function(self, other), operation, other)

    inplace.__name__ = inplace.__qualname__ = f"__{operation}__"
    return inplace


class CarrierType(type):
    """The class of these subclasses. In a pickle each is the class that it stands for: who reads it knows no other."""


copyreg.pickle(CarrierType, lambda cls: (_itself, (cls.__base__,)))


def _itself(cls):
    """What a pickled carrier's class becomes."""
    return cls


def _carrier(base, names):
    members = {
        "__slots__": (),
        "__module__": base.__module__,
        "__doc__": base.__doc__,
        "__class__": property(lambda self: base),
        "__reduce_ex__": lambda self, protocol: (base, (base(self),)),
        "__copy__": lambda self: base(self),
        "__deepcopy__": lambda self, memo: base(self),
    }
    for name in names.split():
        members[f"__i{name}__"] = _inplace(f"i{name}", getattr(operator, f"__{name}__"))
    if base.__module__ == "numpy":
        members["__repr__"] = lambda self: repr(base(self))     # NumPy's depends on the very class
    cls = CarrierType(base.__name__, (base,), members)
    register_value(cls)
    register_plain(cls, base)
    return cls


cdef object Int = _carrier(int, "add sub mul floordiv truediv mod pow lshift rshift and or xor")
cdef object Float = _carrier(float, "add sub mul floordiv truediv mod pow")
cdef object Complex = _carrier(complex, "add sub mul truediv pow")
cdef object Str = _carrier(str, "add mul mod")
cdef object Bytes = _carrier(bytes, "add mul mod")
cdef object Tuple = _carrier(tuple, "add mul")
cdef object FrozenSet = _carrier(frozenset, "and or xor sub")
cdef dict CARRIERS = {int: Int, float: Float, complex: Complex, str: Str, bytes: Bytes, tuple: Tuple,
                      frozenset: FrozenSet}


cdef object carrying(object value):
    """A value as reads hand it out: equal, and of a subclass if its type has in-place operators."""
    cls = CARRIERS.get(type(value), MISSING)
    if cls is MISSING:
        cls = numpy_carrier(type(value)) if type(value).__module__ == "numpy" else None
    return value if cls is None else cls(value)


cdef object numpy_carrier(cls):
    """The subclass of a class of NumPy's scalars; None if it cannot have one."""
    made = None
    if issubclass(cls, modules["numpy"].number):
        made = _carrier(cls, "add sub mul floordiv truediv mod pow lshift rshift and or xor")
        CARRIERS[made] = None
    CARRIERS[cls] = made
    return made
