# Proxies: what user code holds of a shared object.
from libc.stdint cimport uint32_t, uint64_t

from .._layout cimport Slot, Version
from ..cerial._codec cimport Encoder
from ._session cimport Session, Shared


cdef class Snapshot:
    cdef uint64_t* tags
    cdef list values
    cdef object instance            # None until it is complete
    cdef uint64_t serial            # of the snapshot, never used twice in a process
    cdef dict plain                 # attributes -> whether these are plain, as far as that was asked
    cdef dict logs                  # cell -> (base, its generation, how much of the log the value has); never changed

    cdef Snapshot copy(self)
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
    cdef dict children              # path -> weak reference to the nested proxy; None before the first
    cdef readonly bint is_nested
    cdef readonly bint opaque       # one cell for all state
    cdef object __weakref__

    cdef object read(self, uint32_t index)
    cdef object read_together(self, uint32_t index, str name, uint32_t place)
    cdef object read_array(self)
    cdef Snapshot take_snapshot(self, uint32_t* indices, int count)
    cdef int forget_snapshot(self) except -1
    cdef object hand_out(self, Snapshot snapshot, object result)
    cdef int let_out(self, object error) except -1
    cdef Snapshot cell_state(self, uint32_t index)
    cdef object take_replica(self, uint32_t index, const Version* version, uint64_t* done)
    cdef object read_version(self, uint32_t index, uint64_t position, Version* version)
    cdef int advance_logs(self, uint32_t* indices, int count) except -1
    cdef Snapshot keep(self, uint32_t index, object value, const Version* version)
    cdef uint64_t position_of(self, uint32_t index) noexcept
    # Overridden by nested proxies.
    cdef object current(self)
    cdef object child(self, int kind, object key, object value)
    cdef object attribute(self, str name)
    cdef uint64_t send_at(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0


cdef int pause_before_retry(Session session, int* attempts) except -1
cdef Snapshot empty_snapshot(uint32_t cells)
cdef object class_attribute(Proxy proxy, str name)
cdef int set_attribute(Proxy proxy, str name, object value, uint32_t index) except -1
cdef int delete_attribute(Proxy proxy, str name, uint32_t index) except -1
cdef object own_descriptor(Proxy proxy, str name)
cdef object plain_copy(Session session, object value)
cdef int encode_arguments(Encoder encoder, tuple args, dict kwargs) except -1
cdef object plain_operand(object value)
cdef object execute(Proxy proxy, str name, tuple args, dict kwargs, bint wait)
cdef bint has_dict(object cls)
cdef object array_at(Proxy owner, uint32_t index, tuple path, object value)
cdef bint is_array_at(object value, Proxy parent, tuple step)


cdef Proxy new_proxy(object cls, Session session, uint64_t id, uint64_t flags_at, uint64_t slots_at,
                     uint64_t shape_at, uint32_t cells)
cdef object read_slot(Session session, const Slot* slot, uint64_t owner, uint64_t position, uint64_t* tag)
