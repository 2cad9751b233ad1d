# Queues commands that are no calls of a method.
from libc.stdint cimport uint64_t

from ._session cimport Session

# `raised` are the `n` flags to be raised. Returns the position of the command in the ring.
cdef uint64_t send(Session session, int kind, bytes name, uint64_t target, tuple payload, uint64_t** raised, int n,
                   bint respond, bint links=*) except 0
