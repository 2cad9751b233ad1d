# Nodes whose changes cannot be seen while they happen: each is compared with what it held before, itself alone.
from share.state._shapes cimport Shape

# What a node holds: references to its items and attributes.
cdef tuple shadow_of(object node, Shape shape)
# Records what has changed since.
cdef int compare(object node, Shape shape, tuple shadow) except -1
# In what is to be undone: an object that does not exist any more.
cdef object lost
