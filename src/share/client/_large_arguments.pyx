"""Arguments of commands that are too large for the ring: in the arena of this process, or in segments of their own."""

import os

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from .._arena cimport Arena, arena_bytes, open_arena, PENDING, Region
from .._atomic cimport TESTPOINT
from .._protocol cimport arguments_name
from ._attachment cimport Attachment, forks

from .._protocol import write_spill
from .._segment import unlink
from ..errors import SegmentError, ShareFullError, ShareMemoryError

cdef uint64_t most_queued = 0       # bytes of queued large arguments of one process


cdef int find_most_queued() except -1:
    """64 MiB, but no more than an eighth of /dev/shm."""
    global most_queued
    folder = os.statvfs("/dev/shm")
    most_queued = max(<uint64_t>1, min(<uint64_t>1 << 26, <uint64_t>(folder.f_blocks * folder.f_frsize // 8)))
    return 0


cdef Region store_arguments(Attachment session, const char* data, uint64_t size, uint64_t serial):
    """Puts arguments into the arena, for the command that this thread is about to send.

    Waits for room there, as for room in the ring. None: they are too large for it, or there is none and this thread
    cannot wait.
    """
    cdef Arena arena
    cdef Region region, oldest
    cdef bint waits = session.limits == 0 or getattr(session.local, "limit", None) != 0, again = False
    if size > arena_bytes() // 4:
        return None
    while True:
        try:
            if session.arguments is None:
                open_arguments(session, serial)
            arena = session.arguments
            # C is loaded with acquire: pairs with its release, before which the coordinator has read what is freed.
            arena.release(session.control.committed())
            region = arena.take(size)
        except ShareMemoryError:
            if again or not await_memory(session):
                raise
            again = True
            continue
        except SegmentError:
            session._raise_if_closed()
            raise
        if region is not None:
            break
        oldest = arena.regions[0]
        if not waits or oldest.until == PENDING:
            return None
        if session.on_full_raises:
            raise ShareFullError(f"share {session.name}: {arena.segment.size} bytes of large arguments are queued "
                                 "already; this command has not been")
        session.control.await_commit(oldest.until, session.patience())
        session._raise_if_closed()
    if session.serial != serial:
        region.until = 0
        session.check_registered(serial)
    memcpy(arena.segment.base + region.start, data, size)
    TESTPOINT("client.stored")
    return region


cdef int open_arguments(Attachment session, uint64_t serial) except -1:
    cdef Arena arena
    cdef uint64_t forked = forks
    with session.opening:
        if session.arguments is not None:
            return 0        # another thread has just done it
        session.check_registered(serial)
        name = arguments_name(session.name, serial)
        arena = open_arena(name)
        if session.control.closed or session.serial != serial:
            # Whoever removes the share's segments did so after setting that bit, perhaps before ours was there.
            if forks == forked:
                unlink(name)
            session._raise_if_closed()
            session.check_registered(serial)
        if session.arguments is None:      # else a signal handler that sends something has been faster
            session.arguments = arena
    return 0


cdef bint await_memory(Attachment session) except -1:
    """There is no memory for large arguments: waits until what is queued does not need its own any more.

    False if this thread does not wait.
    """
    if session.on_full_raises or session.limits > 0 and getattr(session.local, "limit", None) == 0:
        return False
    session.control.await_commit(session.control.tail(), session.patience())
    session._raise_if_closed()
    return True


cdef int await_spill_room(Attachment session, uint64_t size) except -1:
    """Waits, as for room in the ring, until what this process has queued of large arguments is not too much.

    One is always let through. A call of an event loop's is too: it has no place to wait in.
    """
    if session.limits > 0 and getattr(session.local, "limit", None) == 0:
        return 0
    if most_queued == 0:
        find_most_queued()
    while session.queued_spills:
        while session.queued_spills and session.queued_spills[0][0] <= session.control.committed():
            session.queued_bytes -= session.queued_spills.popleft()[1]
        if not session.queued_spills or session.queued_bytes + size <= most_queued:
            break
        if session.on_full_raises:
            raise ShareFullError(f"share {session.name}: {session.queued_bytes} bytes of large arguments are queued "
                                 "already; this command has not been")
        session.control.await_commit(session.queued_spills[0][0], session.patience())
        session._raise_if_closed()
    return 0


cdef int make_spill(Attachment session, str name, bytes payload) except -1:
    """Writes a spill. If there is no memory, what is queued may have it: then once more when that is executed."""
    try:
        write_spill(name, payload)
    except ShareMemoryError:
        if not await_memory(session):
            raise
        write_spill(name, payload)
    return 0
