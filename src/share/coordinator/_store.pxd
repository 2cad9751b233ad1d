# The coordinator's live objects and their publication.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._control cimport Control
from .._heap cimport Cells
from .._layout cimport Slot, Version
from ..cerial._codec cimport Encoder
from ..state._state cimport State
from ._holders cimport Holders
from ._mirrors cimport Call, Mirror, Shape
from ._node_cells cimport NodeCell, NodeCells
from ._publications cimport Publications


cdef enum:
    # An object whose only name another object has got is kept for a while: to swap two names is two commands.
    KEPT_SECONDS = 10


cdef class Store:
    cdef readonly Control control
    cdef str identity               # the share's name in references
    cdef Publications to
    cdef NodeCells cells
    cdef readonly State state
    cdef Cells flags
    cdef Cells slots
    cdef Encoder encoder
    cdef dict roots                 # name -> Root
    cdef readonly dict mirrors      # id -> Mirror
    cdef dict by_identity           # id(live) -> Mirror
    cdef dict shapes                # encoded shape -> Shape
    cdef dict unnamed               # id -> Mirror: those that only other objects of the state may hold
    cdef set loose                  # those of them that have lost their name in this group
    cdef set condemned              # ids of those of them that nothing but themselves refers to
    cdef dict replaced              # id -> when another object got the only name of this one
    cdef uint64_t most_unnamed      # beyond so many it is looked whether they only hold each other
    cdef uint64_t root_page_flags, root_page_slots
    cdef int root_page_used
    cdef set dirty                  # mirrors
    cdef list changing              # those that the commit in preparation has looked at
    cdef set dirty_roots
    cdef list assigned              # (root, its value before), since the last commit
    cdef dict unsure                # id of a mirror -> cells with nodes that may have changed past recording; None: all
    cdef bint unsure_everywhere
    cdef bint given_is_recorded     # what the command in hand does to nodes that it is given
    cdef set trusting               # mirrors of which methods have run that are unsure of what parts do
    cdef Py_ssize_t looked_at       # how many of the state's classes have been looked at
    cdef bint has_wild              # one of these has methods that change nodes past recording
    cdef bint ended                 # the state's command has ended, so that it cannot be undone any more
    cdef bint directory_dirty
    cdef object errors              # FailureBook
    cdef tuple errors_before        # its state at the last commit
    cdef bint errors_dirty
    cdef bint errors_late           # there was no memory to publish them; the next commit tries again
    cdef uint64_t errors_told       # position of the last that has been published
    cdef bint linked                # the state refers to a top-level object, or parts of one are in another
    cdef object self_encoded        # the mirror's object whose own state is being encoded
    cdef readonly Holders holders
    cdef list handed                # nodes that the answer being encoded refers to
    cdef uint64_t position          # executed up to here
    cdef set let_go_in              # cells of which the commit under way has given up removed parts
    cdef int64_t next_look          # when it is looked again which nodes are held
    cdef bint is_loaded             # ... of all that have been loaded, which may be by answers of a predecessor's
    cdef set departed               # ids of nodes that have left the state with the result that is being encoded
    cdef list doomed                # mirrors that this commit deletes
    cdef readonly bint check
    cdef readonly bint moves_on     # whether classes may have new code
    cdef public bint plans_anew     # the plans that are loaded are of another version of this library
    cdef list replanned             # (shape, encoded) of those that have been made anew, until that is committed
    cdef list new_code              # (shape, encoded) of those that have, until that is committed
    cdef bint loading
    cdef bint patient               # what it has no memory to load it leaves to its successor
    cdef bint preparing
    cdef object replica             # of all cells, while they are being loaded
    cdef list unfilled              # adopted mirrors without their state
    cdef set warned                 # what the log has been told of once
    cdef list reports               # records of what could not be loaded, until they can be added to the errors

    cdef Mirror find(self, uint64_t id)
    cdef bint is_held(self, Mirror mirror) except -1
    cdef int begin_mirror(self, Mirror mirror) except -1
    cdef tuple enter(self, Mirror mirror, uint32_t index, value)
    cdef int touch(self, Mirror mirror, writes) except -1
    cdef int note_written(self, Mirror mirror, writes) except -1
    cdef bint stays_inside(self, Mirror mirror, Call call) except -1
    cdef int touch_unseen_everywhere(self) except -1
    cdef int touch_unseen(self, Mirror mirror, cells) except -1
    cdef int touch_call(self, Mirror mirror, Call call) except -1
    cdef int touch_accessor(self, Mirror mirror, method) except -1
    cdef int touch_referred(self) except -1
    cdef int look_at_result(self, result, uint64_t start, uint64_t end) except -1
    cdef bint wants_look(self) except -1
    cdef int look(self) except -1
    cdef int enter_values(self, Mirror mirror, list values) except -1
    cdef int enter_extras(self, Mirror mirror, extras) except -1
    cdef bint has_unknown(self, result) except -1
    cpdef int prepare(self) except -1
    cpdef int publish(self, uint64_t position) except -1
    cpdef int settle(self) except -1
    cpdef int abandon(self) except -1
    cdef int64_t keeps_removed(self) noexcept
    cdef bint dirty_at_all(self) noexcept
    cdef int prepare_all(self) except -1
    cdef int prepare_mirror(self, Mirror mirror) except -1
    cdef int calm(self, Mirror mirror) except -1
    cdef int prepare_opaque(self, Mirror mirror, bint was_published) except -1
    cdef bint put_node(self, Mirror mirror, uint32_t i, value, uint64_t bits) except -1
    cdef bint prepare_attribute(self, Mirror mirror, uint32_t i, value) except -1
    cdef int prepare_extras(self, Mirror mirror, extras) except -1
    cdef int prepare_nodes(self) except -1
    cdef int look_at_links(self) except -1
    cdef bint may_be_loaded(self, error) except -1
    cdef int note_link(self, uint64_t id, uint32_t index, NodeCell other) except -1
    cdef int end_state(self, dict changes) except -1
    cdef set renewed(self)
    cdef int explain(self, error) except -1
    cdef set unsure_cells(self)
    cdef int look_at_trusting(self) except -1
    cdef int trust(self, Mirror mirror) except -1
    cpdef bint is_wild(self) except -1
    cdef int warn_of_cell(self, uint64_t number) except -1
    cdef int warn_outside_plan(self, Mirror mirror, uint32_t i) except -1
    cdef list unheld(self)
    cdef int note_unreadable_parts(self) except -1
    cdef bint can_undo(self) except -1
    cdef bint undo(self) except -1
    cdef bint is_committed(self, Slot* slot) noexcept
    cdef bint is_new(self, Mirror mirror) noexcept
    cdef int reload(self) except -1
    cdef int forget_changes(self) except -1
    cdef object read(self, Slot* slot, Version* version)
