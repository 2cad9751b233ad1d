# Proxies: what user code holds of a shared object.
from libc.stdint cimport uint32_t, uint64_t

from .._internal cimport Maker
from .._layout cimport Slot, Version
from ..cerial._codec cimport Encoder
from ._replica cimport Cell, Reader, Tables
from ._session cimport Session, Shared


cdef class Proxy(Shared)


cdef class Local:
    """What a local run gets: an instance of the user's class, with some cells decoded and the others on demand."""

    cdef object instance
    cdef dict attributes            # the instance's own; None: it has none, or they are not looked at
    cdef bytes offsets              # of its slots, if its class has any
    cdef uint64_t mark              # of what the attributes were before the run; see `mark_of`
    cdef uint64_t* tags             # by cell; EMPTY: not decoded, or the value has no tag
    cdef uint64_t position          # at which the last run looked
    cdef dict plain                 # attributes -> whether these are plain, as far as that was asked
    cdef Proxy proxy                # while a run may need it
    cdef int waiting                # placeholders for cells that are not decoded
    cdef int runs                   # under way
    cdef bint own                   # nobody else has the instance
    cdef bint touched               # a cell that the plan did not name has been decoded
    cdef bint failed                # ... but not as it was at `position`: the run is void
    cdef bint written               # an attribute was assigned before that, or a part was seen to be changed
    cdef bytes seen                 # its state before runs, for those that are looked at; b"": not to be compared
    cdef uint64_t seen_at           # the nodes' versions then
    cdef Tables tables              # of the reader, while a run is under way
    cdef list roots                 # numbers of the cells that its attributes are in
    cdef list cells                 # those and all that they refer to, as of `links`; None: no nodes
    cdef list pinned                # while a run is under way
    cdef uint64_t links, serial
    cdef object __weakref__

    cdef int add_cells(self, list cells) except -1
    cdef int begin(self, Proxy proxy) except -1
    cdef int end(self) except -1
    cdef int look(self, uint32_t index) except -1
    cdef int settle(self, uint32_t index, object value, object cell) except -1
    cdef int complete(self, Proxy proxy) except -1
    cdef bint is_clean(self) noexcept
    cdef bint has_written(self) noexcept


cdef class Snapshot:
    cdef uint64_t* tags
    cdef list values
    cdef uint64_t serial            # of the snapshot, never used twice in a process

    cdef Snapshot another(self)
    cdef int put(self, uint32_t index, uint64_t tag, object value, const Version* version) except -1


cdef class Proxy(Shared):
    cdef Session session
    cdef uint64_t* commit           # C, the share-wide flag: copied from the control for speed
    cdef uint64_t* wide
    cdef uint64_t id
    cdef uint64_t* flags            # [wildcard, attribute 1, ...]
    cdef Slot* slots                # [extras, attribute 1, ...]
    cdef uint32_t cells
    cdef uint64_t flags_at, slots_at, shape_at
    cdef uint64_t* tags             # of the cached value, by place: that of its cell, if the cell has one attribute
    cdef list values
    cdef Snapshot snapshot
    cdef list locals                # by the number of a set of cells that methods read; of all cells first
    cdef bint lazy                  # cells can be decoded when they are touched
    # Of a nested proxy, and of an object of one cell, if its state is a node:
    cdef Reader reader
    cdef uint64_t node              # its id
    cdef uint64_t node_tag          # of the version that says so; EMPTY: none does
    cdef uint32_t home              # number of the cell where it is at home
    cdef Cell cell                  # that cell
    cdef object found               # its object in the replica ...
    cdef uint64_t seen              # ... when the cell had this tag
    cdef uint64_t assigned          # end position of this process's last assignment to an item of a sequence
    cdef Local own                  # has `found` as its instance
    cdef dict children              # path -> weak reference to the nested proxy; None before the first
    cdef readonly bint is_nested
    cdef readonly bint opaque       # one cell for all state
    cdef object __weakref__

    cdef object read(self, uint32_t index)
    cdef object node_value(self, const Version* version)
    cdef object read_array(self)
    cdef int cache(self, uint32_t place, object value, uint64_t tag) except -1
    cdef Local take_local(self, uint32_t* indices, int count, int number)
    cdef Local lend(self, object found)
    cdef bint move_nodes(self, Local local, uint64_t c) except -1
    cdef Local make_local(self, uint32_t* indices, int count, uint64_t position)
    cdef object whole(self)
    cdef Snapshot states_at(self, uint32_t* indices, int count, uint64_t position, uint64_t* at, list roots,
                            list closure)
    cdef int nodes_at(self, uint64_t c, Version* versions, uint32_t* indices, int count, Snapshot new, set known,
                      uint64_t* position, list roots, list closure) except -1
    cdef object later_of(self, Local local, object result)
    cdef object handed(self, Local local, object value, dict memo)
    cdef Snapshot fetch(self)
    cdef int forget_snapshot(self) except -1
    cdef object hand_out(self, Local local, object result)
    cdef object function_of(self, Local local, object function, dict memo)
    cdef object method_of(self, Local local, object method, dict memo)
    cdef int take_back(self, object args, Local local) except -1
    cdef int let_out(self, object error, Local local) except -1
    cdef Snapshot cell_state(self, uint32_t index)
    cdef object state_of(self, uint32_t index)
    cdef object look_slowly(self, uint32_t index, bint whole)
    cdef tuple value_at(self, uint32_t index, uint64_t position)
    cdef object read_version(self, uint32_t index, uint64_t position, Version* version, bint* is_handed)
    cdef bint is_large_array(self, const Version* version) except -1
    cdef object large_array(self, uint32_t index, const Version* version)
    cdef Snapshot keep(self, uint32_t index, object value, const Version* version)
    cdef uint64_t position_of(self, uint32_t index) noexcept
    # The object as it is now, for looking at only: with all that it holds, or only itself.
    cdef object current(self)
    cdef object peek(self)
    # The end position of the last command that may write a container; EMPTY: unknown.
    cdef uint64_t newest(self) noexcept
    # The cells that `found` is in, to be pinned by who looks at it for longer.
    cdef list held(self)
    # What a caller may have of a part of the state that belongs to these tables.
    cdef object child(self, Tables tables, int kind, object key, object value)
    cdef object attribute(self, str name)
    # Overridden by nested proxies.
    cdef uint64_t send_at(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0
    cdef uint64_t send_to_all(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0
    cdef int drop(self, Local local) except -1


cdef Snapshot empty_snapshot(uint32_t cells)
cdef object class_attribute(Proxy proxy, str name)
cdef int set_attribute(Proxy proxy, str name, object value, uint32_t index) except -1
cdef int delete_attribute(Proxy proxy, str name, uint32_t index) except -1
cdef object own_descriptor(Proxy proxy, str name)
cdef object plain_copy(Session session, object value, object reduce=*)
cdef Local lent_local(object instance)
cdef uint64_t mark_of(Local local) noexcept
cdef int encode_arguments(Encoder encoder, tuple args, dict kwargs) except -1
cdef object plain_operand(object value)
cdef object execute(Proxy proxy, str name, tuple args, dict kwargs, bint wait)
cdef bint has_dict(object cls)
cdef object array_at(Proxy owner, uint32_t index, tuple path, object value)
cdef object part(Session session, Tables tables, object value)
cdef bint is_array_at(object value, Proxy parent, tuple step)


cdef Proxy empty_proxy(Maker base, object cls)
cdef Proxy new_proxy(object cls, Session session, uint64_t id, uint64_t flags_at, uint64_t slots_at,
                     uint64_t shape_at, uint32_t cells)
cdef object read_slot(Session session, const Slot* slot, uint64_t owner, uint64_t position, uint64_t* tag)
