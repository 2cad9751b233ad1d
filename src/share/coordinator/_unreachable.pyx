"""Which top-level objects without a name nothing refers to but themselves: Python's own way of finding such cycles."""

cimport cython

import gc
from types import BuiltinFunctionType, FrameType, FunctionType, GeneratorType, ModuleType

from cpython.object cimport PyObject

from ._mirrors cimport Mirror

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*) noexcept

# Whatever these refer to is held by something else than the state.
cdef tuple ELSEWHERE = (type, ModuleType, FunctionType, BuiltinFunctionType, FrameType, GeneratorType)


@cython.binding(False)
cdef class Graph:
    """Objects, each with how many of the references to it are accounted for."""

    cdef list objects
    cdef dict known                 # address -> references from objects of this graph, and from mirrors
    cdef dict by_identity           # id of a live object -> its mirror
    cdef list mirrors

    cdef int add(self, object value) except -1:
        cdef size_t address = <size_t><PyObject*>value
        if address in self.known:
            self.known[address] += 1
        elif gc.is_tracked(value) and not isinstance(value, ELSEWHERE):
            self.known[address] = 1
            self.objects.append(value)
        return 0

    cdef int add_mirror(self, Mirror mirror) except -1:
        self.mirrors.append(mirror)
        self.add(mirror.live)
        for value in mirror.last:
            self.add(value)
        for value in mirror.kept.values():
            self.add(value)
        return 0


def unreachable(candidates, dict by_identity not None):
    """Those of some mirrors without a name, and of such as they refer to, to which nothing else refers."""
    cdef Graph graph = Graph()
    cdef Mirror mirror
    cdef size_t i = 0, address
    cdef set alive = set()
    cdef list rest
    graph.objects, graph.known, graph.by_identity, graph.mirrors = [], {}, by_identity, []
    met = set()
    for mirror in candidates:
        met.add(mirror.id)
        graph.add_mirror(mirror)
    while i < <size_t>len(graph.objects):
        address = <size_t><PyObject*>graph.objects[i]
        mirror = by_identity.get(address)
        if mirror is not None and mirror.id not in met and mirror.names == 0:
            met.add(mirror.id)
            graph.add_mirror(mirror)
        if mirror is None or mirror.names == 0:
            for part in gc.get_referents(graph.objects[i]):
                graph.add(part)
            part = None
        i += 1
    rest = []
    for i in range(<size_t>len(graph.objects)):
        address = <size_t><PyObject*>graph.objects[i]
        # one is that of the list
        if Py_REFCNT(<PyObject*>address) - 1 > <Py_ssize_t>graph.known[address]:
            alive.add(address)
            rest.append(i)
    places = {<size_t><PyObject*>graph.objects[i]: i for i in range(<size_t>len(graph.objects))}
    while rest:
        for part in gc.get_referents(graph.objects[rest.pop()]):
            address = <size_t><PyObject*>part
            if address in places and address not in alive:
                alive.add(address)
                rest.append(places[address])
        part = None
    return [mirror for mirror in graph.mirrors if <size_t><PyObject*>mirror.live not in alive]
