# The coordinator's live objects and their publication.
from libc.stdint cimport uint32_t, uint64_t

from .._control cimport Control
from .._heap cimport Cells, Heap
from .._layout cimport Slot, Version
from ..cerial._codec cimport Encoder


cdef class Call:
    cdef str text
    cdef tuple writes               # cell indices, None for all; but for
    cdef tuple seen                 # cells whose containers record all that it does to them
    cdef bint logged                # a container's own method, which goes into its log


cdef class Shape:
    cdef uint64_t at                # locator of its slot
    cdef readonly object cls
    cdef readonly tuple cells       # from cell 1 on: the attribute, or a tuple of several
    cdef readonly tuple together    # the cells of several attributes
    cdef readonly object plan
    cdef dict index_of
    cdef dict calls                 # method name (bytes) -> Call
    cdef bint opaque
    cdef str why                    # it cannot be loaded

    cdef Call call(self, bytes name)
    cdef bint has_own(self, uint32_t index) noexcept


cdef class Root:
    cdef readonly str name
    cdef uint64_t flag_at, slot_at, owner
    cdef Slot* slot
    cdef readonly object value      # a plain value, a Mirror, or MISSING
    cdef bint published


cdef class Mirror:
    cdef readonly uint64_t id
    cdef readonly Shape shape
    cdef readonly object live       # the user's object
    cdef uint64_t flags_at, slots_at
    cdef Slot* slots
    cdef uint32_t cells
    cdef list last                  # what each cell was last published from
    cdef list references            # by cell: set of object ids, or None
    cdef bint published
    cdef bint everything            # all cells may have changed
    cdef set touched                # cells that may have changed in place
    cdef set seen                   # cells that may, but for what a tracked container in them says
    cdef dict journals              # cell -> bytearray: what is to be appended to its log; None if nothing
    cdef set ran                    # names of the methods that ran since the last publication
    cdef bint others                # and something else than methods has changed it
    cdef Call last_call             # already noted in this group
    cdef int holders


cdef class Publication:
    cdef Slot* slot
    cdef uint64_t owner
    cdef uint32_t kind
    cdef uint32_t length
    cdef uint64_t[5] payload
    cdef bint new_base, new_log     # which of a LOG's blocks are of this publication


cdef class Store:
    cdef uint32_t changed           # classes of the slots that the commit under way publishes
    cdef readonly Control control
    cdef Heap heap
    cdef Cells flags
    cdef Cells slots
    cdef Encoder encoder
    cdef dict roots                 # name -> Root
    cdef readonly dict mirrors      # id -> Mirror
    cdef dict by_identity           # id(live) -> Mirror
    cdef dict shapes                # encoded shape -> Shape
    cdef uint64_t next_id
    cdef uint64_t root_page_flags, root_page_slots
    cdef int root_page_used
    cdef set dirty                  # mirrors
    cdef set dirty_roots
    cdef bint directory_dirty
    cdef object errors              # FailureBook
    cdef tuple errors_before        # its state at the last commit
    cdef bint errors_dirty
    cdef bint errors_late           # there was no memory to publish them; the next commit tries again
    cdef uint64_t errors_told       # position of the last that has been published
    cdef bint linked                # some published cell refers to a mirror
    cdef set found                  # ids that the encoding in progress referred to
    cdef readonly uint64_t resolutions  # references that commands have carried
    cdef object self_encoded        # the mirror's object whose own state is being encoded
    cdef list pending               # publications of the commit in preparation
    cdef list doomed                # mirrors that this commit deletes
    cdef readonly bint check
    cdef bint loading
    cdef list unfilled              # adopted mirrors without their state
    cdef set warned                 # what the log has been told of once
    cdef list reports               # records of what could not be loaded, until they can be added to the errors
    cdef list waiting               # tracked containers that have something to settle

    cdef Mirror find(self, uint64_t id)
    cdef int touch(self, Mirror mirror, writes) except -1
    cdef int touch_seen(self, Mirror mirror, uint32_t cell) except -1
    cdef bint tracks(self, Mirror mirror, uint32_t cell, tuple path)
    cdef int settle_logs(self) except -1
    cdef int follow(self, Mirror mirror, uint32_t i, uint64_t size) except -1
    cdef int touch_call(self, Mirror mirror, Call call) except -1
    cdef int journal(self, Mirror mirror, uint32_t cell, bytes name, bint keywords, const char* data,
                     uint64_t size) except -1
    cdef int prepare(self) except -1
    cdef int publish(self, uint64_t position) except -1
    cdef int settle(self) except -1
    cdef int abandon(self) except -1
    cdef bint dirty_at_all(self) noexcept
    cdef int prepare_mirror(self, Mirror mirror) except -1
    cdef bint prepare_log(self, Slot* slot, uint64_t owner, bytearray journal) except -1
    cdef bint prepare_value(self, Slot* slot, uint64_t owner, bint fresh, object value, str where) except -1
    cdef object read(self, Slot* slot, Version* version)
    cdef int try_decoding(self, str where) except -1
    cdef bint says(self, Slot* slot, const char* data, uint64_t size) except -1
    cdef Publication publication(self, Slot* slot, uint64_t owner, const char* data, uint64_t size)
    cdef int release_blocks(self, Slot* slot, int victim, const Version* old, uint32_t kind,
                            const uint64_t* payload) except -1
    cdef int store(self, Slot* slot, uint64_t committed, uint64_t position, uint32_t kind, uint32_t length,
                   const uint64_t* payload) except -1

# The blocks that a version refers to.
cdef list blocks_of(const Version* version)
