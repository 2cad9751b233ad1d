"""NumPy arrays as a share hands them out: read-only, without a copy, and writing into the share.

What is read is a view of the bytes that this process has decoded, and is the same object until the array changes. If
nobody has it any more by then, its memory is brought up to date: with what has changed, if the share says what that is.
Assigning elements and in-place operators are commands on the array in the share; the view stays as it was read.
Only a process that meets an array imports this module, and with it numpy.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from .._atomic cimport TESTPOINT
from .._layout cimport BLOCK_HEADER, EMPTY, MOST_RANGES, Range
from .._protocol cimport APPLY, CALL, copy_part, RESPOND
from .._slots cimport block_unchanged
from ..cerial._codec cimport Encoder
from ..cerial._decoder cimport array_layout
from ._augmented cimport carrying, is_augmented_store, note_operation, take_operation
from ._nested cimport Nested, new_nested, new_node, place_of
from ._proxy cimport Proxy
from ._session cimport Session

import operator
from weakref import getweakrefcount

from numpy import array, ascontiguousarray, may_share_memory, ndarray, uint8

from .. import _paths, _protocol
from .._paths import ITEM
from .._protocol import node_reference, reference
from ..cerial._codec import register_plain
from ..errors import CorruptDataError
from ._attachment import sessions


cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*) noexcept


@cython.binding(False)
cdef class Sealed:
    """Memory of an array that nobody can write to: through it, numpy will not let anyone make it writable."""

    cdef Py_buffer view

    def __cinit__(self, owner):
        PyObject_GetBuffer(owner, &self.view, PyBUF_SIMPLE)

    def __dealloc__(self):
        PyBuffer_Release(&self.view)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.view.buf, self.view.len, 1, flags)


@cython.binding(False)
cdef class Numbers:
    """Memory of a large array, as it is published; nobody can write to it either."""

    cdef char* data
    cdef uint64_t size
    cdef Py_ssize_t head            # bytes before the first number

    def __cinit__(self, uint64_t size):
        self.size = size
        self.data = <char*>malloc(size + 8)
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.data)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data + self.head, self.size - self.head, 1, flags)

    cdef bint copy(self, const char* block) noexcept:
        """Takes all of it. False: the block's memory has been given back."""
        with nogil:
            TESTPOINT("block.found")
            return copy_part(self.data, block, 0, self.size)

    cdef bint follow(self, const char* block, uint64_t count, uint64_t tag) noexcept:
        """Takes what has changed since the version of that tag. False: it is not known, or as above."""
        cdef Range[MOST_RANGES] ranges
        cdef Range* each
        cdef uint64_t i
        with nogil:
            TESTPOINT("block.found")
            if not copy_part(<char*>ranges, block, (self.size + 7) // 8 * 8, count * sizeof(Range)):
                return False
            for i in range(count):
                each = &ranges[i]
                if each.since < tag:
                    continue
                if each.start % 8 or each.start > self.size or each.length > self.size - each.start or \
                        not copy_part(self.data + each.start, block, each.start, each.length):
                    return False
        return True


def large_array(Proxy owner not None, uint32_t index, path, uint64_t where, uint64_t size, uint64_t generation,
                uint64_t count, uint64_t since):
    """A large array that is the value of a cell, as a reader may have it; None: its block has been reused."""
    cdef uint64_t tag = owner.tags[index]
    cdef Numbers numbers = None
    cdef const char* block
    if size > (<uint64_t>1 << 40) or count > MOST_RANGES:
        raise CorruptDataError(f"an array of {size} bytes, of which {count} ranges have changed")
    block = owner.session.control.at(where, BLOCK_HEADER + (size + 7) // 8 * 8 + count * sizeof(Range))
    known = owner.values[index]
    if type(known) is SharedArray and type(known.base) is Numbers:
        owner.cache(index, None, EMPTY)         # nobody else finds it from here on
        numbers = known.base
        if numbers.size != size or Py_REFCNT(<PyObject*>known) > 1 or Py_REFCNT(<PyObject*>numbers) > 2 or \
                getweakrefcount(known):
            known = numbers = None              # somebody has it, and sees it as it was
    else:
        known = None
    if numbers is not None and count and tag >= since and numbers.follow(block, count, tag):
        return known if block_unchanged(block, generation) else None
    if numbers is None:
        numbers = Numbers(size)
    known = None
    if not numbers.copy(block) or not block_unchanged(block, generation):
        return None
    shape, dtype, is_fortran, numbers.head = array_layout(numbers.data, size)
    made = ndarray.__new__(SharedArray, shape, dtype, numbers, 0, None, "F" if is_fortran else "C")
    put(made, Proxy.__reduce__(owner)[1], index, path, False)
    return made


cdef object call_of(Nested proxy, str name, tuple args):
    """Has a method of the array in the share run."""
    cdef bint wait = proxy.session.must_wait()
    position = proxy.send_at(CALL, name.encode(), args, None, wait)
    if wait:
        proxy.session.await_response(position, None)
    return None


def _writer(str name):
    method = getattr(ndarray, name)

    def write(self, *args, **kwargs):
        if self._owner is None:
            return method(self, *args, **kwargs)
        if kwargs:
            raise TypeError(f"{name}() of a shared array takes positional arguments only")
        call_of(proxy_of(self), name, args)
        return self if name.startswith("__") else None

    write.__name__ = name
    write.__doc__ = method.__doc__
    return write


def _inplace(str name):
    method = getattr(ndarray, f"__i{name}__")
    plain = getattr(operator, f"__{name}__")

    def inplace(self, other):
        if self._owner is not None:
            call_of(proxy_of(self), f"__i{name}__", (other,))
            return self
        if self._taken:
            return note_operation(plain(self.view(ndarray), other), f"i{name}", other)
        return method(self, other)

    inplace.__name__ = f"__i{name}__"
    return inplace


cdef Nested proxy_of(self):
    if len(self._owner) == 2:
        return new_node(session_of(self._owner[0]), self._owner[1], self._cell, self._path, ndarray)
    return new_nested(reference(*self._owner), self._cell, self._path, ndarray)


cdef Session session_of(str name):
    if name not in _protocol.node_resolvers:
        _protocol.attach_unknown(name)
    return next(session for session in sessions if session.name == name)


cdef bint same_key(first, second):
    """Whether two subscripts of one statement are the same."""
    if first is second:
        return True
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        return all([same_key(a, b) for a, b in zip(first, second)])
    return type(first) is type(second) and type(first) in (int, slice) and first == second


class SharedArray(ndarray):
    """An array, or a part of one, as it was when it was read from a share.

    ``a[...] = x`` and ``a += x`` change the array in the share; read it again to see that. Everything else is
    numpy's own and gives ordinary arrays.
    """

    # Where it is in the share: the owner's reference, its cell, and the path there; or (share, node), the cell where
    # that is at home, and the path from it. `_taken`: a private copy of some elements, which can only be written back
    # by the statement that has read it.
    __slots__ = ("_cell", "_owner", "_path", "_taken")
    __module__ = "share"

    def __array_finalize__(self, source):
        put(self, None, 0, (), False)

    def __array_wrap__(self, made, context=None, return_scalar=False):
        made = made.view(ndarray)
        return made[()] if made.ndim == 0 else made

    def __getitem__(self, key):
        found = ndarray.__getitem__(self, key)
        if self._owner is None:
            return found
        if not isinstance(found, SharedArray):
            return carrying(found)
        if not may_share_memory(found, self):
            put(found, None, 0, (), True)
        else:
            put(found, self._owner, self._cell, self._path + (ITEM, key), False)
        return found

    def __setitem__(self, key, value):
        cdef Nested proxy
        cdef Encoder encoder
        cdef int flags
        if self._owner is None:
            if not self.flags.writeable:
                raise ValueError("assignment destination is read-only: this was computed from an array of a share, and "
                                 "is not part of it. Write shared.obj.array[...] = ..., in a method of the object, or "
                                 "into a copy()")
            ndarray.__setitem__(self, key, value)
            return
        if isinstance(value, SharedArray) and value._owner == self._owner and len(value._path) == len(self._path) + 2 \
                and value._path[:len(self._path) + 1] == self._path + (ITEM,) \
                and same_key(value._path[len(self._path) + 1], key):
            return              # a[2:5] += 1: the part has done it itself
        proxy = proxy_of(self)
        operation = take_operation(value)
        if operation is None:
            call_of(proxy, "__setitem__", (key, value))
            return
        flags = RESPOND if proxy.session.must_wait() else 0
        encoder = proxy.session.borrow()
        try:
            encoder.encode(place_of(proxy, "", (ITEM, key))[1], "path")
            encoder.encode(operation[1], "operand")
            position = proxy.send_encoded(APPLY, flags, operation[0].encode(), encoder)
        finally:
            proxy.session.give_back(encoder)
        if flags:
            proxy.session.await_response(position, None)

    def __setattr__(self, name, value):
        # An unchanged array is handed out again and again: its shape must stay what it is.
        if self._owner is not None:
            raise AttributeError(f"an array that was read from a share keeps its {name}: use a copy, or a method of "
                                 "the object that the array belongs to")
        ndarray.__setattr__(self, name, value)

    def copy(self, order="C"):
        """A private copy, which can be changed."""
        return array(self, order=order)

    def __copy__(self):
        return array(self)

    def __deepcopy__(self, memo):
        return array(self)

    def __reduce__(self):
        if self._owner is None or not is_named(self._path):
            return array(self).__reduce__()
        if len(self._owner) == 2:
            return array_in_node, (*self._owner, self._cell, self._path)
        return array_reference, (*self._owner, self._cell, self._path)

    def __reduce_ex__(self, protocol):
        return SharedArray.__reduce__(self)

    def __repr__(self):
        return repr(self.view(ndarray))


for _name in ("fill", "sort", "partition", "put"):
    setattr(SharedArray, _name, _writer(_name))
for _name in "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor".split():
    if hasattr(ndarray, f"__i{_name}__"):
        setattr(SharedArray, f"__i{_name}__", _inplace(_name))


cdef object set_owner = SharedArray._owner.__set__
cdef object set_cell = SharedArray._cell.__set__
cdef object set_path = SharedArray._path.__set__
cdef object set_taken = SharedArray._taken.__set__


cdef int put(self, owner, uint32_t index, tuple path, bint taken) except -1:
    set_owner(self, owner)
    set_cell(self, index)
    set_path(self, path)
    set_taken(self, taken)
    return 0


cdef bint is_named(tuple path):
    """Whether every key of a path can be one of a dict, so that the path can be kept."""
    try:
        hash(path)
    except TypeError:
        return False
    return True


def plain_array(self):
    """A private copy of an array, as an ordinary one."""
    return array(self)


register_plain(SharedArray, plain_array)


cdef object view_of(value):
    fortran = value.flags.fnc
    flat = value.T if fortran else value
    if not flat.flags.c_contiguous:
        flat = ascontiguousarray(flat)
    sealed = Sealed(flat.reshape(-1).view(uint8))
    return ndarray.__new__(SharedArray, value.shape, value.dtype, sealed, 0, None, "F" if fortran else "C")


def array_at(Proxy owner not None, uint32_t index, tuple path, value):
    """A decoded array, which nobody will change, as a reader may have it."""
    made = view_of(value)
    put(made, Proxy.__reduce__(owner)[1], index, path, False)
    return made


def array_of_node(Session session not None, id, uint32_t home, value, tuple path=()):
    """An array that is a node, as a reader may have it. The replica has another one when it has changed."""
    made = view_of(value)
    put(made, (session.name, id), home, path, False)
    return made


def is_at(value, Proxy parent not None, tuple step):
    """Whether an array stands for that part of `parent`."""
    cdef Nested outer
    cdef tuple before = ()
    cdef Proxy owner = parent
    if not isinstance(value, SharedArray) or value._owner is None:
        return False
    if len(value._owner) == 2:
        return is_augmented_store()             # d["a"] += 1: the array has done it itself
    if parent.is_nested:
        outer = parent
        owner, before = outer.owner, outer.path
        if owner is None:
            return False
    return isinstance(value, SharedArray) and value._owner is not None and value._path == before + step \
        and value._owner[0] == owner.session.name and value._owner[1] == owner.id


def proxy_for(value):
    """What an array is in the share, for those who read it anew; None if it is nothing there."""
    return None if not isinstance(value, SharedArray) or value._owner is None else proxy_of(value)


def array_in_node(name, id, home, path):
    """What a pickled array that is a node becomes: the array, or in the share's own coordinator a copy."""
    found = node_reference(name, id, home)
    return found if isinstance(found, SharedArray) and not path else array(_paths.walk(found, path))


def array_reference(name, id, flags, slots, shape, cells, index, path):
    """What a pickled array of a share becomes: the array, or in the share's own coordinator a copy."""
    cdef Nested proxy
    owner = reference(name, id, flags, slots, shape, cells)
    if not isinstance(owner, Proxy):
        return array(_paths.walk(owner, path))
    proxy = new_nested(owner, index, path, ndarray)
    return array_at(owner, index, path, proxy.peek())
