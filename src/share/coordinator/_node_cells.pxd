# The cells of nodes: where each is published, and how: as a base and a log of changes.
from libc.stdint cimport uint32_t, uint64_t

from .._control cimport Control
from .._heap cimport Cells
from .._layout cimport Slot
from ..state._state cimport State
from ._publications cimport Publications

cdef enum:
    LEAST_LOG = 4096            # a log may be as long as this, or half its base, before there is a new base


cdef class NodeCell:
    cdef Slot* slot
    cdef uint64_t owner             # an id; the number may be given out again, this is not
    cdef uint64_t mirror            # id of the object at home here, 0: all of them
    cdef uint32_t index             # of its attribute
    cdef uint64_t changed           # the number of the last of the state's commits that has changed it
    cdef bytes digest               # of all that it held when that was last looked at; None: not since it has changed
    cdef bint published


cdef class NodeCells:
    cdef Control control
    cdef Cells slots
    cdef Publications to
    cdef dict by_number             # number -> NodeCell
    cdef dict damaged               # number -> what a cell raised that could not be loaded: nobody can read it
    cdef dict of_mirror             # id of a mirror -> {index: set of numbers}
    cdef list fresh                 # numbers of those that no commit has published yet
    cdef list going                 # NodeCells that the commit under way deletes

    cdef int begin(self, uint64_t number, uint64_t mirror, uint32_t index, uint64_t purpose,
                   uint64_t owner) except -1
    cdef set cells_of(self, uint64_t mirror, indices)
    cdef Slot* slot_of(self, uint64_t number) except NULL
    cdef int prepare(self, State state, uint64_t number, bytes data, bint anew) except -1
    cdef int put_base(self, NodeCell cell, bytes base) except -1
    cdef int put_new_base(self, NodeCell cell, bytes base, bytes data) except -1
    cdef bytes bytes_at(self, uint64_t where, uint64_t start, uint64_t end)
    cdef int prepare_unsure(self, State state, uint64_t number, bytes whole, bytes data) except -1
    cdef int retire(self, uint64_t number) except -1
    cdef int publish(self, uint64_t position) except -1
    cdef int settle(self) except -1
    cdef int abandon(self) except -1
    cdef int forget_mirror(self, uint64_t mirror) except -1
    cdef tuple load(self)
    cdef tuple committed(self, numbers)
    cdef set places(self)
    cdef list pages(self)
