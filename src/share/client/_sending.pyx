"""Queues commands that are no calls of a method: what they carry is one tuple."""
from libc.stdint cimport uint64_t

from .._protocol cimport LINKS, RESPOND, RUN
from ..cerial._codec cimport Encoder
from ._session cimport Session


cdef uint64_t send(Session session, int kind, bytes name, uint64_t target, tuple payload, uint64_t** raised, int n,
                   bint respond, bint links=False) except 0:
    cdef Encoder encoder = session.borrow()
    try:
        encoder.encode(payload, name.decode())
        if not links:
            return session.send(kind, RESPOND if respond else 0, target, name, encoder, raised, n)
        session.control.count_linking(1)
        try:
            return session.send(kind, LINKS | (RESPOND if respond else 0), target, name, encoder, raised, n)
        except BaseException:
            session.control.count_linking(-1)   # it has not been queued
            raise
    finally:
        session.give_back(encoder)


def caught_up(Session session not None):
    """Queues a command that does nothing: it is answered when all before it are committed."""
    return send(session, RUN, b"nothing", 0, (), NULL, 0, True)
