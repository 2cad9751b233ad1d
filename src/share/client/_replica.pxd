# What a process knows of the nodes of a share, and how it moves that forward.
from libc.stdint cimport uint32_t, uint64_t

from .._control cimport Control
from .._layout cimport Slot, Version
from ._iterations cimport Iterations
from ._session cimport Session

cdef enum:
    READY = 0
    TORN = 1                        # something was published meanwhile: again with a new C
    BEHIND = 2                      # what was found is waited for: again with a C that is not before *position
    AGAIN = 3                       # with the replica that is the reader's now


# A cell as far as the replica has it. When the reader begins a new replica it makes new ones: the old have no tag.
cdef class Cell:
    cdef uint32_t number
    cdef Slot* slot                 # NULL: not looked at yet
    cdef uint64_t* wildcard         # flags of the object in which its nodes are at home; NULL: not looked at yet
    cdef uint64_t* flag
    cdef uint64_t owner             # of the slot
    cdef uint64_t tag               # of the version that the replica has; EMPTY: none
    cdef uint64_t log, generation   # its log: block and that block's generation ...
    cdef uint64_t done              # ... and how much of it the replica has
    cdef set types                  # the classes of its nodes
    cdef Py_ssize_t judged          # so many of them: what is said of these; -1: nothing is
    cdef bint harmless
    cdef int pins                   # runs, iterations and the like that look at its nodes
    cdef list closure               # itself and all cells that it refers to, as of `links`
    cdef uint64_t links


# What a replica says of its nodes. Who looks at objects of a replica for longer than an operation asks the tables
# that were the reader's when it began: another thread may make the reader begin another replica.
cdef class Tables:
    cdef dict nodes, objects, homes, first_ids, renewed
    cdef set opaque                 # ids of those that are decoded whole

    # A node, by id; None: it has gone. Opaque nodes are known by the first id that they had.
    cdef object node(self, uint64_t id)
    # 0: it is no node.
    cdef uint64_t id_of(self, object value) noexcept
    cdef uint32_t home_of(self, uint64_t id) except? 0xffffffff
    cdef uint64_t first_id(self, uint64_t id) except 0
    # What is known of these values and of what is in their tuples, when they may have gone.
    cdef Tables of_these(self, list values)


cdef class Reader:
    cdef Control control
    cdef readonly object replica
    cdef bint has_finalizers
    cdef Tables tables              # of the replica
    cdef uint64_t links             # of the replica, when it was last moved
    cdef readonly uint64_t serial   # of the replica, never used twice
    cdef dict cells                 # number -> Cell
    cdef set extra                  # cells that others need to be decoded
    cdef dict proxies               # id -> weak reference to the proxy
    cdef Iterations over                 # containers, which are under way
    cdef object lock
    cdef unsigned long mover        # the thread that moves the replica; 0: none does
    cdef int depth                  # moves of that thread within moves
    cdef bint is_circular           # they would never end

    cdef Cell cell(self, uint64_t number)
    # One try to have cells as they were at c, with `whole` also all that these refer to: READY, or why it has to be
    # done again. `known` are the cells whose flags this read has looked at before; `closure` gets the cells, or is
    # None.
    cdef int attempt(self, uint64_t c, list wanted, bint whole, set known, uint64_t* position, list closure) except -1
    cdef int try_at(self, uint64_t c, list wanted, bint whole, set known, uint64_t* position, list closure) except -1
    cdef int look_at(self, Cell cell, uint64_t c, set known, uint64_t* position, Version* version) except -1
    cdef bint take(self, Cell cell, const Version* version, dict bases, dict changes) except -1
    # Has cells as they are now.
    cdef int bring(self, Session session, list wanted, bint whole) except -1
    # The highest of a position and of the flags that guard cells; whether these are as they were at c.
    cdef uint64_t position_of(self, list cells, uint64_t position) noexcept
    cdef bint are_at(self, list cells, uint64_t c) noexcept
    # Whether cells are as they are now.
    cdef bint are_fresh(self, list cells) noexcept
    # All cells that one refers to, itself included, as they are now.
    cdef list whole(self, Session session, uint64_t number)
    # The flag to be raised by what writes to nodes of a cell.
    cdef uint64_t* flag_of(self, Session session, uint64_t number) except NULL
    # Gives the replica to whoever holds objects of it, and begins a new one; for who does not hold the lock, too.
    cdef int retire(self) except -1
    cdef int begin(self) except -1


cdef int pin(list cells) except -1
cdef int unpin(list cells) except -1
# Whether no operator and no read of an attribute changes any object of these cells.
cdef bint are_harmless(list cells) except -1
cdef Reader reader_of(Session session)
