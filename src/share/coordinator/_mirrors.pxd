# What the coordinator knows of classes, top-level names and top-level objects.
from libc.stdint cimport uint32_t, uint64_t

from .._layout cimport Slot


cdef class Call:
    cdef str text
    cdef tuple writes               # cell indices, None for all
    cdef tuple met                  # those that it reads or writes, None for all
    cdef tuple unseen               # those in which it may change nodes past recording; None: wherever it gets
    cdef bint records               # what it does to nodes that it is given is recorded
    cdef bint unsure                # methods of parts that its plan does not know may do so, too


cdef class Shape:
    cdef uint64_t at                # locator of its slot
    cdef readonly object cls
    cdef readonly tuple cells       # the attribute of each, from cell 1 on
    cdef readonly object plan
    cdef dict index_of
    cdef dict calls                 # method name (bytes) -> Call
    cdef bint opaque
    cdef bint is_container          # opaque, and its state is a node
    cdef str why                    # it cannot be loaded

    cdef Call call(self, bytes name)
    cdef object unseen_by(self, method)
    cdef bint expects(self, uint32_t one, uint32_t other) except -1


cdef class Root:
    cdef readonly str name
    cdef uint64_t flag_at, slot_at, owner
    cdef Slot* slot
    cdef readonly object value      # a plain value, a node, a Mirror, or MISSING
    cdef bint published


cdef class Mirror:
    cdef readonly uint64_t id
    cdef readonly Shape shape
    cdef readonly object live       # the user's object
    cdef uint64_t flags_at, slots_at
    cdef Slot* slots
    cdef uint32_t cells
    cdef list last                  # what each cell was last published from
    cdef list forms                 # and as what, see _store.pyx
    cdef dict kept                  # cell -> the box of its value; 0 -> the dict of the attributes without a cell
    cdef bytes reference            # how others refer to it, encoded
    cdef bint published
    cdef bint everything            # all cells may have changed
    cdef set touched                # cells that may have changed in place
    cdef set ran                    # names of the methods that ran since the last publication
    cdef readonly bint mixed        # attributes have parts in common of which the plan does not know
    cdef bint others                # and something else than methods has changed it
    cdef Call last_call             # already noted in this group
    cdef readonly int names         # how many it has


cdef Mirror new_mirror()
