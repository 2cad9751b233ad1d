"""Iterations over shared containers that are under way.

A loop goes over what it found at its beginning, as ``list(x)`` and ``sum(x)`` do in Python, where nobody else gets a
turn meanwhile. It needs no copy for that until the replica is moved: then it copies what is left. What its own thread
writes to the container it sees, as in Python; so whoever sends a command looks here.
"""

from gc import get_referents, is_tracked
from types import BuiltinFunctionType, FunctionType, ModuleType

cimport cython
from cpython.pythread cimport PyThread_get_thread_ident

cdef enum:
    MOST_LOOKED_AT = 1000

cdef tuple OUTSIDE = (type, ModuleType, FunctionType, BuiltinFunctionType)      # of the state


@cython.no_gc_clear         # it must find `loops` when it is freed
@cython.binding(False)
cdef class Iteration:
    """An iterator over a shared container."""

    cdef int keep_rest(self) except -1:
        return 0


@cython.no_gc               # nor may this have been cleared by then; it holds addresses only
@cython.binding(False)
cdef class Iterations:
    """Those of a session. They are not kept alive here: each takes itself out when it ends or is freed."""

    def __cinit__(self):
        self.under_way = {}

    cdef int add(self, Iteration loop) except -1:
        loop.thread = PyThread_get_thread_ident()
        loop.loops = self
        self.under_way[<size_t><void*>loop] = None
        return 0

    cdef int note_call(self, uint64_t** raised, int count) except -1:
        cdef unsigned long me = PyThread_get_thread_ident()
        cdef Iteration loop
        cdef int i
        for address in list(self.under_way):
            if address not in self.under_way:
                continue
            loop = <Iteration><void*><size_t>address
            if loop.thread == me and not loop.own:
                for i in range(count):
                    if raised == NULL or raised[i] == loop.flag or raised[i] == loop.wildcard:
                        loop.own = True
        return 0

    cdef list note_node(self, uint64_t node):
        cdef unsigned long me = PyThread_get_thread_ident()
        cdef Iteration loop
        cdef list others = []
        for address in list(self.under_way):
            if address not in self.under_way:
                continue
            loop = <Iteration><void*><size_t>address
            if loop.thread == me and not loop.own:
                if loop.node == node:
                    loop.own = True
                elif loop.node:
                    others.append(loop)
        return others

    cdef int moving(self, object cell) except -1:
        cdef Iteration loop
        for address in list(self.under_way):
            if address not in self.under_way:
                continue            # it has ended meanwhile
            loop = <Iteration><void*><size_t>address
            if loop.cell is cell:
                loop.keep_rest()
        return 0


cdef bint reaches(object start, object wanted) except -1:
    cdef list todo = [start]
    cdef dict seen = {}
    cdef Py_ssize_t looked_at = 0
    for value in todo:
        referents = get_referents(value)
        looked_at += len(referents)
        if value is wanted or looked_at > MOST_LOOKED_AT:
            return True
        for found in referents:
            if found is wanted:
                return True
            if <size_t><void*>found in seen or isinstance(found, OUTSIDE) or hasattr(type(found), "_share_class_"):
                continue
            if is_tracked(found):
                seen[<size_t><void*>found] = found
                todo.append(found)
    return False


cdef int leave(Iteration loop) except -1:
    if loop.loops is not None:
        loop.loops.under_way.pop(<size_t><void*>loop, None)
        loop.loops = None
    return 0
