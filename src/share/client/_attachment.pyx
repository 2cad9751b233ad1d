"""What a process holds of a share: its registration, how its threads wait, and the arguments that it has put aside."""

cimport cython

import os
import threading
import weakref
from collections import deque

from libc.stdint cimport int64_t, uint64_t

from .._control cimport Control
from .._wait cimport now_ns

from .._names import sweep
from ..cerial import loads
from ..errors import FencedError, ShareClosedError, ShareError

cdef object registration_hook = None


def set_registration_hook(hook):
    """Sets what is called whenever this process has registered with a share."""
    global registration_hook
    registration_hook = hook


#: Every session of this process, so that a forked child can start afresh.
sessions = weakref.WeakSet()


class WouldWait(BaseException):
    """A read of an event loop's would wait. Never leaves this package."""


class NoRoom(Exception):
    """The ring, or the one for responses, has no room; ``args[0]`` is the command. Never leaves this package."""


cdef int64_t nanoseconds(timeout) except -2:
    if timeout is None:
        return -1
    if timeout != timeout or timeout < 0:
        raise ValueError(f"timeout must be None or at least 0 seconds, not {timeout!r}")
    return <int64_t>(min(timeout, 1e9) * 1e9)


@cython.binding(False)
cdef class Attachment:
    """One process's use of a share."""

    def __cinit__(self, Control control not None):
        self.control = control
        self.name = control.name
        self.entry = -1
        self.queued_spills = deque()
        self.local = threading.local()
        self.opening = threading.RLock()
        sessions.add(self)

    cdef int register(self) except -1:
        with self.opening:
            if self.entry >= 0:
                return 0        # another thread has just done it
            entry, serial = self.control.register()
            self.serial = serial
            self.entry = entry
        if registration_hook is not None:
            registration_hook()
        return 0

    def join(self):
        """Registers this process now. Raises ShareClosedError if the share is ending."""
        if self.entry < 0:
            self.register()

    def adopt_entry(self, int64_t entry):
        """The owner registered when it created the control segment."""
        self.serial = self.control.process_info(entry)[1]
        self.entry = entry
        if registration_hook is not None:
            registration_hook()

    def forget_process(self):
        """In a forked child: nothing of what the parent has registered or awaits is the child's."""
        self.entry = -1
        self.serial = 0
        self.opening = threading.RLock()
        self.arguments = None
        self.bridge = None
        # The thread that forked may be inside a waiting block; the others are not in the child.
        self.waiting_blocks = getattr(self.local, "waiting", 0)
        self.limits = hasattr(self.local, "limit")
        self.loops = 0
        self.local.in_loop = False
        self.spills = self.queued_bytes = 0
        self.queued_spills.clear()
        self.owner_state = None

    def leave(self):
        """Gives back what this process has registered, unless it is the owner. Nothing it has queued is lost."""
        if self.entry >= 0 and self.owner_state is None:
            entry, bridge = self.entry, self.bridge
            if bridge is not None:
                bridge.fail_all(ShareClosedError(f"this process has closed its use of share {self.name}"))
            self.forget_process()
            self.control.leave(entry)

    @property
    def identity(self):
        """(entry, serial) of this process in the share, or None before its first command."""
        return None if self.entry < 0 else (self.entry, self.serial)

    def waiting(self, int change):
        """Opens (1) or closes (-1) a block in which this thread's writes wait."""
        self.local.waiting = getattr(self.local, "waiting", 0) + change
        self.waiting_blocks += change

    def limited(self, limit):
        """Says how long this thread's next command waits for room: until that monotonic time in nanoseconds.

        0: not at all. Then it raises NoRoom, also if others already wait for room (-1: only if there is none). None
        ends this.
        """
        had = hasattr(self.local, "limit")
        if limit is None:
            if had:
                del self.local.limit
        else:
            self.local.limit = limit
        self.limits += (limit is not None) - had

    def in_loop(self, bint begins):
        """Says whether this thread's reads may wait, or are those of an event loop and raise WouldWait.

        At the end: whether one has, as who reads may have caught it.
        """
        raised = getattr(self.local, "would_wait", False)
        self.local.in_loop = begins
        self.local.would_wait = False
        self.loops += 1 if begins else -1
        return raised

    cdef int64_t patience(self) except -2:
        """How long the command that this thread sends may wait for room, in nanoseconds; -1: for ever."""
        limit = getattr(self.local, "limit", None) if self.limits > 0 else None
        if limit is None:
            return -1
        if limit <= 0:
            raise NoRoom
        return max(0, limit - now_ns())

    cdef bint goes_behind(self) except -1:
        """Whether others of this process already wait for room, and this thread would rather do so than block."""
        return self.bridge is not None and self.bridge.unsent and getattr(self.local, "limit", None) == 0

    cdef int check_registered(self, uint64_t serial) except -1:
        """Raises ShareClosedError if this process is not registered with that serial any more.

        Another thread has closed its use of the share, or a signal handler has forked and this is the child. What has
        been made for the command that this thread is about to send is that registration's (models/arena.pml, BUG_LEFT).
        """
        if self.serial != serial:
            raise ShareClosedError(f"share {self.name}: while this command waited to be sent, this process has closed "
                                   "the share, or was forked")
        return 0

    def closed_error(self):
        """The error for who finds the share closed; sees to it that its end gets finished, if nobody else can."""
        try:
            self.control.look_after()   # the ring is closed, and who was executing the rest of it is dead
        except ShareError:
            pass
        if self.control.closed and self.control.lost:
            sweep(self.name, loads(self.control.configuration())["name"])   # dead before it removed the memory
        return self.ended_error(f"share {self.name} has been closed")

    cdef object ended_error(self, str message):
        """The error for who waits for what the share did not come to."""
        if not self.control.is_fenced():
            return ShareClosedError(message)
        return FencedError(f"another home has taken over share {self.name}, which has ended here: what was queued and "
                           "not answered may be lost, and so may what was committed after position "
                           f"{self.control.durable()}")

    def _raise_if_closed(self):
        if self.control.closed:
            raise self.closed_error()


def _after_fork():
    global forks
    forks += 1
    for session in list(sessions):
        session.forget_process()


os.register_at_fork(after_in_child=_after_fork)
