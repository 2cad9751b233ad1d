"""A session: what proxies and ``Share`` send commands through, and wait for what they read."""

cimport cython

import weakref

from cpython.exc cimport PyErr_CheckSignals
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from .._arena cimport Region
from .._atomic cimport load_acq, load_rlx, pause, TESTPOINT
from .._control cimport Control
from .._flags cimport flag_raise
from .._layout cimport CLOSED_BIT
from .._protocol cimport CALL, CALL_AT, COMMAND_HEADER, Command, GET, GET_AT, RUN, spill_name, SPILLED, STORED, RESPOND
from .._ringbuf cimport CELL, CLAIM_CLOSED, CLAIM_CORRUPT, CLAIM_OK, MPSC, mpsc_body, mpsc_commit, mpsc_try_claim
from .._wait cimport wake
from ..cerial._codec cimport Encoder
from ._attachment cimport forks, nanoseconds
from ._iterations cimport Iterations
from ._large_arguments cimport await_spill_room, make_spill, store_arguments
from ._noted cimport noting, refuse_in_predicate
from ._responses cimport Receiver

from .._segment import unlink
from ..errors import CorruptDataError, ShareError, ShareFullError
from ._attachment import NoRoom, WouldWait

cdef uint64_t MASK63 = ~CLOSED_BIT


@cython.binding(False)
cdef class Unsent:
    """A command that found no room."""


@cython.auto_pickle(False)
@cython.binding(False)
cdef class Shared:
    """Base of what stands for shared state: proxies and ``Share``."""


@cython.binding(False)
cdef class ArgumentReducer:
    """The hook that an encoder of commands asks for objects in arguments."""

    def __init__(self, Control control not None):
        self.control = control

    def __call__(self, value):
        if not isinstance(value, Shared):
            return NotImplemented
        note_reference(self.control)
        return value.__reduce__()


cdef void note_reference(Control control) noexcept:
    """A proxy is about to travel in a command: from then on any command may reach any object."""
    # Ordered by the CAS of our own claim before the load that every later command does after its claim.
    control.note_references()


cdef extern from "<sched.h>" nogil:
    int sched_yield()


cdef enum:
    MOST_ATTEMPTS = 1 << 18     # of a read; each that fails has been overtaken by two commits


cdef int pause_before_retry(Session session, int* attempts) except -1:
    # A publication was under way; it takes well under a microsecond unless the coordinator is descheduled.
    attempts[0] += 1
    if attempts[0] % 64 == 0:
        if attempts[0] >= MOST_ATTEMPTS:
            raise CorruptDataError(f"share {session.name}: a slot has no whole version, its memory is damaged")
        PyErr_CheckSignals()
        with nogil:
            sched_yield()
        if attempts[0] % (1 << 12) == 0:
            session.control.look_after()
    else:
        pause()
    return 0


@cython.binding(False)
cdef class Session(Receiver):
    """What a process holds of a share. One per share and process; proxies and ``Share`` objects refer to it."""

    def __cinit__(self, Control control not None):
        self.over = Iterations()
        self.proxies = weakref.WeakValueDictionary()
        self.classes = {}
        self.reduce_argument = ArgumentReducer(control)

    def forget_process(self):
        """In a forked child: as Attachment."""
        Receiver.forget_process(self)
        self.spare = None
        if self.reader is not None:
            self.reader.forget_process()

    cdef Encoder borrow(self):
        # Encoding may run Python code, and so other threads: each call has an encoder of its own.
        cdef Encoder encoder = self.spare
        self.spare = None
        if encoder is None:
            encoder = Encoder()
        encoder.clear()
        encoder.reduce = self.reduce_argument
        return encoder

    cdef void give_back(self, Encoder encoder) noexcept:
        if encoder.capacity <= 1 << 22:
            self.spare = encoder

    # -- sending --------------------------------------------------------------------------------------

    cdef bint must_wait(self):
        # The count of open blocks, of any thread, spares the look-up in the usual case that there is none.
        return self.writes_wait or (self.waiting_blocks > 0 and getattr(self.local, "waiting", 0) > 0)

    def resend(self, Unsent unsent not None):
        """Sends a command that found no room. Raises NoRoom again, or returns its position."""
        cdef Encoder encoder = None
        if unsent.payload is not None:
            encoder = self.borrow()
            encoder.reserve(PyBytes_GET_SIZE(unsent.payload))
            memcpy(encoder.data, PyBytes_AS_STRING(unsent.payload), PyBytes_GET_SIZE(unsent.payload))
            encoder.size = PyBytes_GET_SIZE(unsent.payload)
        self.limited(-1)
        try:
            return self.send(unsent.kind, unsent.flags, unsent.target, unsent.name, encoder, unsent.raised,
                             unsent.count)
        finally:
            self.limited(None)
            if encoder is not None:
                self.give_back(encoder)

    cdef uint64_t send(self, int kind, int flags, uint64_t target, bytes name, Encoder payload,
                       uint64_t** raised, int count) except 0:
        """Queues a command and raises flags. Returns the command's end position.

        The arguments are encoded before; from the claim to the commit no Python code runs and the GIL is held.
        """
        cdef uint64_t length = COMMAND_HEADER + PyBytes_GET_SIZE(name), position = 0, end, n, limit, serial
        cdef Command header
        cdef char* body
        cdef int answer, i, given = flags
        cdef uint64_t forked = forks
        cdef str spill = None
        cdef Region region = None
        cdef bint large, reserved = False
        cdef uint64_t wanted = 0        # what we have others leave to us
        cdef Unsent unsent
        cdef uint64_t[2] spilled
        cdef MPSC* ring = &self.control.ring
        while self.entry < 0:
            self.register()
        serial = self.serial
        if noting and count > 0:        # without a flag it asks the coordinator for state
            refuse_in_predicate()
        if PyBytes_GET_SIZE(name) > 1024:
            raise ValueError("names of attributes and methods may have at most 1024 bytes")
        if payload is not None:
            length += payload.size
        limit = self.control.cells // 8 * CELL
        large = length > limit
        if large:
            length = COMMAND_HEADER + PyBytes_GET_SIZE(name) + sizeof(spilled)
        n = (length + CELL - 1) // CELL
        header.size = length
        header.kind = kind
        header.name_length = PyBytes_GET_SIZE(name)
        header.target = target
        try:
            if self.limits > 0 and self.goes_behind():
                raise NoRoom
            if large:
                region = store_arguments(self, payload.data, payload.size, serial)
                spilled[1] = payload.size
                if region is not None:
                    spilled[0] = region.start
                    flags |= STORED
                else:
                    await_spill_room(self, payload.size)
                    self.check_registered(serial)
                    self.spills += 1    # the number is this command's alone: other threads take theirs meanwhile
                    spilled[0] = self.spills
                    flags |= SPILLED
                    spill = spill_name(self.control, self.entry, spilled[0])
                    make_spill(self, spill, payload.data[:payload.size])
                    TESTPOINT("client.spilled")
            if flags & RESPOND:
                self.reserve_response(serial)
                reserved = True
            while True:
                self.check_registered(serial)
                answer = mpsc_try_claim(ring, self.entry, n, self.control.to_leave(wanted), &position)
                if answer == CLAIM_OK:
                    self.control.unwant(wanted)
                    break
                if answer == CLAIM_CLOSED:
                    raise self.closed_error()
                if answer == CLAIM_CORRUPT:
                    raise CorruptDataError(f"share {self.name}: the command ring is damaged, nothing can be queued")
                if self.on_full_raises:
                    self.patience()     # who has a place to wait in is told so instead
                    raise ShareFullError(f"share {self.name}: the ring has no room for this command, which has not "
                                         "been queued")
                if n > 1 and wanted == 0:
                    self.wants += 1
                    wanted = self.control.want(self.entry, n, self.wants)
                self.control.await_room(n, self.patience(), wanted)
        except BaseException as error:
            self.control.unwant(wanted)
            if spill is not None and forks == forked:   # else it is the parent's
                unlink(spill)
            if region is not None:
                region.until = 0
            if reserved and self.serial == serial:
                self.outstanding -= 1
            if type(error) is NoRoom:
                unsent = Unsent()
                unsent.kind, unsent.flags, unsent.target, unsent.name = kind, given, target, name
                unsent.payload = None if payload is None else payload.data[:payload.size]
                unsent.count = count
                for i in range(count):
                    unsent.raised[i] = raised[i]
                raise NoRoom(unsent)
            raise
        end = position + n
        if region is not None:
            region.until = end
        TESTPOINT("client.claimed")
        # Flags before the commit: when the call has returned, every later read sees them.
        for i in range(count):
            flag_raise(raised[i], end)
        # Loaded after the claim: a command that carried a proxy before ours set it before its own claim.
        if load_rlx(self.control.references):
            flag_raise(self.control.wide, end)
        TESTPOINT("client.flagged")
        header.flags = flags
        body = mpsc_body(ring, position)
        memcpy(body, &header, COMMAND_HEADER)
        body += COMMAND_HEADER
        memcpy(body, PyBytes_AS_STRING(name), header.name_length)
        body += header.name_length
        if large:
            memcpy(body, spilled, sizeof(spilled))
        elif payload is not None:
            memcpy(body, payload.data, payload.size)
        TESTPOINT("client.written")
        if not mpsc_commit(ring, self.entry, n, position):
            raise ShareError("this process's claim was taken back as that of a dead process; please report this")
        TESTPOINT("client.committed")
        if spill is not None:           # only now: a new tuple may have the collector run, which may run Python code
            self.queued_spills.append((end, spilled[1]))
            self.queued_bytes += spilled[1]
        wake(self.control.wait_work)
        self.last_sent = end
        if self.over.under_way and (kind == CALL or kind == GET or kind == RUN or
                                    (kind == CALL_AT or kind == GET_AT) and target):
            self.over.note_call(raised, count)
        return end

    # -- reading --------------------------------------------------------------------------------------

    cdef uint64_t barrier(self, uint64_t position) except? 0xffffffffffffffff:
        """Waits until C >= position. Returns C; raises ShareClosedError if the share is closed."""
        cdef uint64_t c = load_acq(self.control.commit)
        if c < position:
            if self.loops and getattr(self.local, "in_loop", False):
                self.local.would_wait = True
                raise WouldWait
            c = self.control.await_commit(position, -1)
        if c & CLOSED_BIT:
            raise self.closed_error()
        return c

    def wait_for(self, uint64_t position, timeout=None):
        """Waits until everything up to ``position`` is committed. Raises ShareTimeoutError, ShareClosedError."""
        cdef uint64_t c = self.control.await_commit(position, nanoseconds(timeout))
        if (c & MASK63) < position:
            raise self.ended_error(f"share {self.name} was closed before position {position} was committed")
        if self.arguments is not None:
            self.arguments.release(c & MASK63)      # who flushes may not send more; c: as in store_arguments
