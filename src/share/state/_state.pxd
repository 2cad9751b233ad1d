# What the coordinator, compiled too, uses of the state; the rest is for Python.
from libc.stdint cimport uint64_t
from cpython.object cimport PyObject

from share.state._nodes cimport Bytes, Cell
from share.state._shapes cimport Shape

cdef class State:
    cdef readonly object names          # a dict
    cdef readonly uint64_t commits      # the number of the last command that has ended
    cdef object __weakref__
    cdef size_t filled                  # of the nodes born in the command under way, how many have been written
    cdef int published_classes
    cdef dict hashed                    # cell -> [(id, bytes)] of contents that come last in it
    cdef dict compared                  # id -> what a node held that cannot record its changes
    cdef dict opaque                    # id -> weak reference to an opaque node, or the node itself
    cdef set strong                     # ids of those of which it is the node itself
    cdef size_t most_strong             # with more of these it is looked for such as nothing else holds
    cdef dict pending                   # what the next end of a command is to publish first
    cdef dict opaque_in                 # cell -> ids of the opaque nodes at home in it
    cdef dict renewed                   # first id of an opaque node -> the one that it has now
    cdef dict digests                   # id of an opaque node -> of what was published of it
    cdef dict far_opaque                # the same -> other cells that may refer to it
    cdef readonly list gone             # numbers of the cells that the last end of a command has given back
    cdef bint keeps                     # what nothing stores any more, until it is known who holds it
    cdef dict removed                   # address -> node: what has been removed since that was last known
    cdef dict proxied                   # the same of those that were held then, removed or not
    cdef bint only_held                 # some of these are stored nowhere
    cdef set left                       # ids of those that answers of the command under way take away
    cdef list held                      # nodes that the command under way may remove past recording
    cdef set held_cells                 # whose nodes these are
    cdef list entered                   # ids of the nodes that have entered by themselves in the command under way
    cdef dict spare                     # address -> references of the command under way that will have gone at its end
    cdef size_t spare_inverses, spare_born, spare_held      # so many of each have been counted
    cdef bint is_closed

    cdef int look_at_removed(self, PyObject* node) except -1
    cdef int keep_removed_of(self, PyObject* removed) except -1
    cdef set freed_cells(self)
    cdef int keep_for_now(self, object value) except -1
    cdef int note_left(self, set ids) except -1
    cdef int keep_loaded(self, object replica) except -1
    cdef int give_up(self, list proxied) except -1
    cdef int give_up_opaque(self) except -1
    cdef int hold(self, cells) except -1
    cdef int let_go(self) except -1
    cdef set renew_opaque(self, set cells)
    cdef Py_ssize_t spare_references(self, PyObject* object) except -1
    cdef int note_spare_items(self, PyObject* container) except -1
    cdef int forget_spare(self) except -1
    cdef set departed(self, object result, dict replaced, set proxied)
    cdef int check_open(self) except -1
    cdef int write_births(self) except -1
    cdef int write_birth(self, PyObject* object, Shape shape) except -1
    cdef int compare_bound(self, object opaque) except -1
    cdef int begin_recording(self, PyObject* object, Shape shape) except -1
    cdef int write_hole(self, PyObject* object) except -1
    cdef int watch_opaque(self, PyObject* object) except -1
    cdef int check_holes(self, list holes) except -1
    cdef set reachable(self)
    cdef int settle(self) except -1
    cdef dict take(self)
    cdef int put_classes(self) except -1
    cdef int compare_all(self) except -1
    cdef int adopt(self, object replica, uint64_t next_id) except -1
    cdef int write_top_base(self, Cell* own, PyObject* object, Bytes* births, Bytes* fills) except -1
    cdef int write_attribute(self, Cell* own, Bytes* fills) except -1
    cdef Cell* cell(self, object n) except NULL
    cdef bint nothing_done(self) noexcept
    cdef PyObject* object_at(self, uint64_t id) except? NULL

# Tells what is the same as before from what is not.
cdef bytes digest_of(bytes content)
