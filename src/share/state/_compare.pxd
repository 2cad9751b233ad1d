# Nodes whose changes cannot be seen while they happen: each is compared with what it held before, itself alone.
from share.state._shapes cimport Shape

# What a node holds: references to its items and attributes.
cdef tuple shadow_of(object node, Shape shape)
# Records what has changed since.
cdef int compare(object node, Shape shape, tuple shadow) except -1
# Records all that a node holds, for one that has changed unseen from what a replica has of it.
cdef int note_whole(object node, Shape shape, object copy) except -1
# Whether a replica has of a node what it holds; `ids`: address of each object of the replica -> id.
cdef bint is_published(object node, Shape shape, object copy, dict ids) except -1
# In what is to be undone: an object that does not exist any more.
cdef object lost
