# The names of a share: top-level values and objects.
from libc.stdint cimport uint64_t

from .._layout cimport Slot
from ._session cimport Session, Shared


cdef class Cell:
    cdef uint64_t* flag
    cdef Slot* slot
    cdef uint64_t owner
    cdef uint64_t tag
    cdef object value
    cdef uint64_t value_at          # position of this process's last assignment of a plain value; 0: none
    cdef bint is_array              # the value is the proxy of an array, which is read anew each time


cdef class Namespace(Shared):
    cdef Session session
    cdef dict cells                 # name -> Cell
    cdef uint64_t directory_tag
    cdef bint detached
    cdef object loaded          # classes of objects that were assigned and not refused
    cdef object __weakref__

    cdef uint64_t root_position(self) noexcept
    cdef int refresh(self) except -1
    cdef object look_up(self, str name)
    cdef object read_cell(self, Cell cell)
    cdef object read_anew(self, Cell cell, uint64_t position, uint64_t* tag)
    cdef object array_of(self, Cell cell)
    cdef object published_errors(self, bint wait)
    cdef bint may_be_object(self, str name, Cell cell) except -1
    cdef int command(self, int kind, str name, uint64_t target, encoder, str operation=*, int flags=*,
                     bint wait=*) except -1
