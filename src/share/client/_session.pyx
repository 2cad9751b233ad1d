"""A process's attachment to a share: registration, sending commands, taking responses."""

cimport cython

import os
import threading
import weakref
from collections import deque

from cpython.exc cimport PyErr_CheckSignals
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from .._arena cimport Arena, arena_bytes, open_arena, PENDING, referred, Region
from .._atomic cimport load_acq, load_rlx, pause, store_rel, TESTPOINT
from .._control cimport Control
from .._flags cimport flag_raise
from .._held cimport end_fork, Held, TAKEN
from .._layout cimport CLOSED_BIT, LOOKED, P_RESPONSE, ROLE
from .._protocol cimport answers_name, arguments_name, CALL, CALL_AT, COMMAND_HEADER, Command, ERROR, ERROR_SPILLED, \
    ERROR_STORED, GET, GET_AT, NODES_INSIDE, RESPONSE_BYTES, RESPONSE_INLINE, RESULT, RESULT_SPILLED, \
    RESULT_STORED, RUN, spill_name, SPILLED, STORED, RESPOND
from .._ringbuf cimport CELL, CLAIM_CLOSED, CLAIM_CORRUPT, CLAIM_OK, MPSC, SPSCRecord, mpsc_body, mpsc_commit, \
    mpsc_has_room, mpsc_try_claim, spsc_bind, spsc_bytes, spsc_init, spsc_peek, spsc_record_bytes, spsc_take
from .._segment cimport Segment
from .._wait cimport now_ns, wake
from ..cerial._codec cimport Encoder, decode
from ..cerial._tags cimport BYTES, STR
from ._iterations cimport Iterations
from ._noted cimport noting, refuse_in_predicate

from .._protocol import error_from, read_spill, write_spill
from .._names import sweep
from .._segment import unlink
from ..cerial import loads
from ..errors import CorruptDataError, SegmentError, ShareClosedError, ShareError, ShareFullError, \
    ShareMemoryError, ShareTimeoutError

cdef uint64_t MASK63 = ~CLOSED_BIT
cdef enum:
    DECODED = 100               # kind of a response whose payload is the result itself

cdef object registration_hook = None
cdef uint64_t forks = 0             # how many forks lie between this process and the first


def set_registration_hook(hook):
    """Sets what is called whenever this process has registered with a share."""
    global registration_hook
    registration_hook = hook


#: Every session of this process, so that a forked child can start afresh.
sessions = weakref.WeakSet()


class RemoteTraceback(Exception):
    """The traceback that an exception had in the coordinator; shown as its cause."""

    def __str__(self):
        return f"\n{self.args[0]}"


cdef int64_t nanoseconds(timeout) except -2:
    if timeout is None:
        return -1
    if timeout != timeout or timeout < 0:
        raise ValueError(f"timeout must be None or at least 0 seconds, not {timeout!r}")
    return <int64_t>(min(timeout, 1e9) * 1e9)


class WouldWait(BaseException):
    """A read of an event loop's would wait. Never leaves this package."""


class NoRoom(Exception):
    """The ring, or the one for responses, has no room; ``args[0]`` is the command. Never leaves this package."""


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
cdef class Session:
    """What a process holds of a share. One per share and process; proxies and ``Share`` objects refer to it."""

    def __cinit__(self, Control control not None):
        self.control = control
        self.name = control.name
        self.entry = -1
        self.queued_spills = deque()
        self.arrived = {}
        self.abandoned = set()
        self.expected, self.taken = {}, {}
        self.held = Held(control)
        self.delivered = deque()
        self.local = threading.local()
        self.opening = threading.RLock()
        self.over = Iterations()
        self.proxies = weakref.WeakValueDictionary()
        self.classes = {}
        self.reduce_argument = ArgumentReducer(control)
        sessions.add(self)

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

    cdef int register(self) except -1:
        with self.opening:
            if self.entry >= 0:
                return 0        # another thread has just done it
            entry, serial = self.control.register()
            self.serial = serial
            self.entry = entry
        if self.held.living:
            self.open_held()    # what a parent, or this process under an earlier registration, has proxies of
        if registration_hook is not None:
            registration_hook()
        return 0

    cdef int open_held(self) except -1:
        """Registers this process if it is not, and makes its table of held nodes."""
        while self.held.segment is None:
            if self.entry < 0:
                self.register()
            with self.opening:
                if self.held.segment is None and self.entry >= 0:
                    self.held.open(self.entry, self.serial)
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
        self.held.close()
        while self.taken:
            self.held.release(self.taken.popitem()[1], 0)
        self.response_segment = self.large_answers = None
        self.arguments = None
        self.answers_gone = False
        self.outstanding = 0
        self.arrived = {}
        self.abandoned = set()
        self.expected = {}
        self.delivered = deque()
        self.bridge = None
        # The thread that forked may be inside a waiting block; the others are not in the child.
        self.waiting_blocks = getattr(self.local, "waiting", 0)
        self.limits = hasattr(self.local, "limit")
        self.loops = 0
        self.local.in_loop = False
        self.spare = None
        self.spills = self.queued_bytes = 0
        self.queued_spills.clear()
        self.owner_state = None
        if self.reader is not None:
            self.reader.forget_process()

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

    # -- sending --------------------------------------------------------------------------------------

    cdef bint must_wait(self):
        # The count of open blocks, of any thread, spares the look-up in the usual case that there is none.
        return self.writes_wait or (self.waiting_blocks > 0 and getattr(self.local, "waiting", 0) > 0)

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
                region = self.store_arguments(payload.data, payload.size, serial)
                spilled[1] = payload.size
                if region is not None:
                    spilled[0] = region.start
                    flags |= STORED
                else:
                    self.await_spill_room(payload.size)
                    self.check_registered(serial)
                    self.spills += 1    # the number is this command's alone: other threads take theirs meanwhile
                    spilled[0] = self.spills
                    flags |= SPILLED
                    spill = spill_name(self.control, self.entry, spilled[0])
                    self.make_spill(spill, payload.data[:payload.size])
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
        self.last_sent = self.held.last_sent = end
        if self.over.under_way and (kind == CALL or kind == GET or kind == RUN or
                                    (kind == CALL_AT or kind == GET_AT) and target):
            self.over.note_call(raised, count)
        return end

    cdef int check_registered(self, uint64_t serial) except -1:
        """Raises ShareClosedError if this process is not registered with that serial any more.

        Another thread has closed its use of the share, or a signal handler has forked and this is the child. What has
        been made for the command that this thread is about to send is that registration's (models/arena.pml, BUG_LEFT).
        """
        if self.serial != serial:
            raise ShareClosedError(f"share {self.name}: while this command waited to be sent, this process has closed "
                                   "the share, or was forked")
        return 0

    cdef Region store_arguments(self, const char* data, uint64_t size, uint64_t serial):
        """Puts arguments into the arena, for the command that this thread is about to send.

        Waits for room there, as for room in the ring. None: they are too large for it, or there is none and this thread
        cannot wait.
        """
        cdef Arena arena
        cdef Region region, oldest
        cdef bint waits = self.limits == 0 or getattr(self.local, "limit", None) != 0, again = False
        if size > arena_bytes() // 4:
            return None
        while True:
            try:
                if self.arguments is None:
                    self.open_arguments(serial)
                arena = self.arguments
                # C is loaded with acquire: pairs with its release, before which the coordinator has read what is freed.
                arena.release(self.control.committed())
                region = arena.take(size)
            except ShareMemoryError:
                if again or not self.await_memory():
                    raise
                again = True
                continue
            except SegmentError:
                self._raise_if_closed()
                raise
            if region is not None:
                break
            oldest = arena.regions[0]
            if not waits or oldest.until == PENDING:
                return None
            if self.on_full_raises:
                raise ShareFullError(f"share {self.name}: {arena.segment.size} bytes of large arguments are queued "
                                     "already; this command has not been")
            self.control.await_commit(oldest.until, self.patience())
            self._raise_if_closed()
        if self.serial != serial:
            region.until = 0
            self.check_registered(serial)
        memcpy(arena.segment.base + region.start, data, size)
        TESTPOINT("client.stored")
        return region

    cdef int open_arguments(self, uint64_t serial) except -1:
        cdef Arena arena
        cdef uint64_t forked = forks
        with self.opening:
            if self.arguments is not None:
                return 0        # another thread has just done it
            self.check_registered(serial)
            name = arguments_name(self.name, serial)
            arena = open_arena(name)
            if self.control.closed or self.serial != serial:
                # Whoever removes the share's segments did so after setting that bit, perhaps before ours was there.
                if forks == forked:
                    unlink(name)
                self._raise_if_closed()
                self.check_registered(serial)
            if self.arguments is None:      # else a signal handler that sends something has been faster
                self.arguments = arena
        return 0

    cdef bint await_memory(self) except -1:
        """There is no memory for large arguments: waits until what is queued does not need its own any more.

        False if this thread does not wait.
        """
        if self.on_full_raises or self.limits > 0 and getattr(self.local, "limit", None) == 0:
            return False
        self.control.await_commit(self.control.tail(), self.patience())
        self._raise_if_closed()
        return True

    cdef int await_spill_room(self, uint64_t size) except -1:
        """Waits, as for room in the ring, until what this process has queued of large arguments is not too much.

        One is always let through. A call of an event loop's is too: it has no place to wait in.
        """
        if self.limits > 0 and getattr(self.local, "limit", None) == 0:
            return 0
        if most_queued == 0:
            find_most_queued()
        while self.queued_spills:
            while self.queued_spills and self.queued_spills[0][0] <= self.control.committed():
                self.queued_bytes -= self.queued_spills.popleft()[1]
            if not self.queued_spills or self.queued_bytes + size <= most_queued:
                break
            if self.on_full_raises:
                raise ShareFullError(f"share {self.name}: {self.queued_bytes} bytes of large arguments are queued "
                                     "already; this command has not been")
            self.control.await_commit(self.queued_spills[0][0], self.patience())
            self._raise_if_closed()
        return 0

    cdef int make_spill(self, str name, bytes payload) except -1:
        """Writes a spill. If there is no memory, what is queued may have it: then once more when that is executed."""
        try:
            write_spill(name, payload)
        except ShareMemoryError:
            if not self.await_memory():
                raise
            write_spill(name, payload)
        return 0

    # -- responses ------------------------------------------------------------------------------------

    cdef int reserve_response(self, uint64_t serial) except -1:
        cdef uint64_t each = spsc_record_bytes(RESPONSE_INLINE)
        cdef int most = RESPONSE_BYTES // each - 2
        cdef uint64_t c
        if self.response_segment is None:
            self.open_responses(serial)
        while self.outstanding >= most:
            # C before the draining: what is missing after it is beyond this C, and will be committed.
            c = self.control.committed()
            self.drain()
            if self.outstanding >= most:
                try:
                    self.control.await_commit(c + 1, self.patience())
                except ShareTimeoutError:
                    raise ShareTimeoutError(f"share {self.name}: {most} calls of this process wait for their answers; "
                                            "this one has not been queued") from None
                self._raise_if_closed()
                self.check_registered(serial)
        self.outstanding += 1
        return 0

    def has_room(self):
        """Whether a small command that is answered would find room now."""
        cdef uint64_t each = spsc_record_bytes(RESPONSE_INLINE)
        return self.outstanding < <int>(RESPONSE_BYTES // each - 2) and \
            mpsc_has_room(&self.control.ring, 1, self.control.to_leave(0))

    def closed_error(self):
        """The error for who finds the share closed; sees to it that its end gets finished, if nobody else can."""
        try:
            self.control.look_after()   # the ring is closed, and who was executing the rest of it is dead
        except ShareError:
            pass
        if self.control.closed and self.control.lost:
            sweep(self.name, loads(self.control.configuration())["name"])   # dead before it removed the memory
        return ShareClosedError(f"share {self.name} has been closed")

    cdef int open_responses(self, uint64_t serial) except -1:
        cdef Segment segment
        cdef uint64_t forked = forks
        with self.opening:
            if self.response_segment is not None:
                return 0        # another thread has just done it
            self.check_registered(serial)
            name = f"{self.name}_r{serial:x}"
            segment = Segment.create(name, spsc_bytes(RESPONSE_BYTES))
            if self.control.closed or self.serial != serial:
                # Whoever removes the share's segments did so after setting that bit, perhaps before ours was there.
                if forks == forked:
                    unlink(name)
                self._raise_if_closed()
                self.check_registered(serial)
            spsc_init(segment.base, RESPONSE_BYTES)
            spsc_bind(&self.responses, segment.base, RESPONSE_BYTES)
            self.responses.role = self.control.word(ROLE)
            # release: pairs with the coordinator's acquire before it attaches the ring
            store_rel(self.control.process(self.entry, P_RESPONSE), RESPONSE_BYTES)
            TESTPOINT("client.opened_responses")
            self.response_segment = segment
        return 0

    def _raise_if_closed(self):
        if self.control.closed:
            raise self.closed_error()

    cdef int drain(self) except -1:
        """Takes every committed response from the ring: one drainer at a time, as the GIL is held from peek to take."""
        cdef SPSCRecord record
        cdef const char* payload
        cdef int found
        cdef bint nodes
        cdef uint64_t c, head, entry
        cdef Segment ring
        # C first, then the ring's tail (inside peek): a record whose position is <= c was written before C was.
        c = self.control.committed()
        if self.arguments is not None:
            self.arguments.release(c)       # who waits for answers may not send more
        while True:
            ring = self.response_segment    # held, so that it stays mapped if another thread closes this session
            if ring is None:
                return 0
            found = spsc_peek(&self.responses, &record, &payload)
            if found < 0:
                raise CorruptDataError(f"share {self.name}: the response ring is damaged")
            if found == 0 or record.position > c:
                return 0
            position = record.position
            nodes = record.kind & NODES_INSIDE and position not in self.abandoned
            record.kind &= ~<uint32_t>NODES_INSIDE
            entry = 0
            head = load_rlx(self.responses.head)
            if nodes:
                # Before the record is taken, from when on the coordinator does not hold the nodes for us any more.
                if self.held.segment is None:
                    if self.entry < 0:
                        return 0
                    self.open_held()
                    continue        # other threads have run
                entry = self.held.take(position | TAKEN)
                if self.response_segment is not ring or load_rlx(self.responses.head) != head:
                    self.held.release(entry, 0)     # other threads have run
                    continue
            if record.kind == RESULT_STORED or record.kind == ERROR_STORED:
                if self.large_answers is None and not self.answers_gone:
                    self.open_answers()
                    if entry:
                        self.held.release(entry, 0)
                    continue        # other threads have run
                kind, data = ERROR, None
                if not self.answers_gone and position not in self.abandoned:
                    kind, data = self.large_answer(record.kind, payload, record.length)
                TESTPOINT("client.copied_answer")
                # The collector may have run, and with it code that has taken this record (models/arena.pml,
                # BUG_NO_RECHECK).
                if self.response_segment is not ring or load_rlx(self.responses.head) != head:
                    if entry:
                        self.held.release(entry, 0)
                    continue
            else:
                kind = record.kind
                data = PyBytes_FromStringAndSize(payload, record.length)
            spsc_take(&self.responses)
            self.outstanding -= 1
            if entry:
                self.taken[position] = entry
            if position in self.abandoned:
                self.abandoned.discard(position)
                self.throw_away(position, kind)
            elif position in self.expected:
                self.delivered.append((self.expected.pop(position), position, kind, data))
            else:
                self.arrived[position] = (kind, data)

    cdef object await_response(self, uint64_t position, object timeout):
        """The value that a call returned, or its exception, raised."""
        try:
            if position not in self.arrived:
                self.control.await_commit(position, nanoseconds(timeout))
                self.drain()
                if position not in self.arrived:
                    raise ShareClosedError(f"share {self.name} was closed before this call was executed")
        except BaseException:
            # The answer is abandoned, never the command.
            if position in self.arrived:
                self.throw_away(position, self.arrived.pop(position)[0])
            else:
                self.abandoned.add(position)
            raise
        kind, data = self.arrived.pop(position)
        return self.unwrap(position, kind, data)

    def open_answers(self):
        """Attaches the arena with the answers to this process."""
        cdef uint64_t serial = self.serial
        try:
            segment = Segment.attach(answers_name(self.name, serial))
        except SegmentError:
            if self.serial == serial:
                if not self.control.closed:
                    raise
                self.answers_gone = True
        else:
            if self.serial == serial:       # else another thread has closed this session meanwhile
                self.large_answers = segment

    cdef tuple large_answer(self, uint32_t kind, const char* reference, uint64_t size):
        """(kind, payload): the coordinator uses its place again as soon as the record that refers to it is taken."""
        cdef uint64_t length = 0
        cdef Py_ssize_t used = 0
        reference = referred(self.large_answers, reference, size, &length)
        if kind == RESULT_STORED and length > 0 and (reference[0] == BYTES or reference[0] == STR):
            try:
                return DECODED, decode(reference, length, &used)    # runs nobody's code, and so no other thread
            except CorruptDataError:
                pass                # said by unwrap
        return RESULT if kind == RESULT_STORED else ERROR, PyBytes_FromStringAndSize(reference, length)

    cdef str answer_name(self, uint64_t position):
        return f"{self.name}_a{self.serial:x}_{position:x}"

    cdef int throw_away(self, uint64_t position, int kind) except -1:
        """Removes the segment of an answer that nobody will read."""
        self.note_decoded(position)
        if kind == RESULT_SPILLED or kind == ERROR_SPILLED:
            unlink(self.answer_name(position))
        return 0

    cdef int note_decoded(self, uint64_t position) except -1:
        """What an answer refers to is held by its proxies now, or by nobody."""
        if self.taken:
            entry = self.taken.pop(position, None)
            if entry is not None:
                self.held.release(entry, 0)
        return 0

    def unwrap(self, uint64_t position, int kind, data):
        """Decodes a response: returns the result, or raises the remote exception."""
        try:
            return self.decoded(position, kind, data)
        finally:
            if self.taken:
                self.note_decoded(position)

    cdef object decoded(self, uint64_t position, int kind, data):
        cdef Py_ssize_t used = 0
        if kind == DECODED:
            return data
        if data is None:
            raise self.closed_error()
        if kind == RESULT_SPILLED or kind == ERROR_SPILLED:
            try:
                if len(data) != 8:
                    raise CorruptDataError(f"a reference of {len(data)} bytes to an answer's segment")
                data = read_spill(self.answer_name(position), int.from_bytes(data, "little"))
                TESTPOINT("client.read_answer")
            finally:                # a signal handler may have raised: nobody else will ask for this answer
                unlink(self.answer_name(position))
        value = decode(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &used)
        if kind == RESULT or kind == RESULT_SPILLED:
            return value
        if kind != ERROR and kind != ERROR_SPILLED:
            raise CorruptDataError(f"a response of unknown kind {kind}")
        if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], bytes)
                and isinstance(value[1], str)):
            raise CorruptDataError("a response that tells of an error has none")
        raise with_traceback(error_from(value[0], value[1]), value[1])

    def expect(self, uint64_t position, ticket):
        """Has the response of that command, when it is drained, put among what has been delivered, with the ticket."""
        if position in self.arrived:
            self.delivered.append((ticket, position, *self.arrived.pop(position)))
        else:
            self.expected[position] = ticket

    def take_delivered(self):
        """[(ticket, position, kind, payload)] of the expected responses that are there now."""
        self.drain()
        found = list(self.delivered)
        self.delivered.clear()
        return found

    def take_expected(self):
        """The tickets of all responses that are still expected; they are no more."""
        found = list(self.expected.values())
        self.abandoned.update(self.expected)
        self.expected = {}
        return found

    @property
    def expects(self):
        """Whether responses are expected."""
        return bool(self.expected) or bool(self.delivered)

    def drop(self, uint64_t position, int kind):
        """Throws a response away that nobody wants any more."""
        self.throw_away(position, kind)

    def drain_until(self, uint64_t position):
        """Waits for a commit and takes what responses there are."""
        self.control.await_commit(position, -1)
        self.drain()

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
            raise ShareClosedError(f"share {self.name} was closed before position {position} was committed")
        if self.arguments is not None:
            self.arguments.release(c & MASK63)      # who flushes may not send more; c: as in store_arguments


cdef uint64_t most_queued = 0       # bytes of queued large arguments of one process


cdef int find_most_queued() except -1:
    """64 MiB, but no more than an eighth of /dev/shm."""
    global most_queued
    folder = os.statvfs("/dev/shm")
    most_queued = max(<uint64_t>1, min(<uint64_t>1 << 26, <uint64_t>(folder.f_blocks * folder.f_frsize // 8)))
    return 0


def with_traceback(error, str text):
    """The exception, with its traceback from the coordinator as its cause."""
    error.__cause__ = RemoteTraceback(text)
    return error


def _after_fork():
    cdef Session session
    global forks
    forks += 1
    for session in list(sessions):
        parents = session.held.segment
        session.forget_process()
        if session.held.living:
            # The parent's proxies are ours now, and it may let go of its own as soon as we have said so.
            try:
                session.open_held()
                session.control.await_commit(load_rlx(session.control.word(LOOKED)), -1)    # as in hold_node
            except ShareError:
                pass                # the share is ending, or there is no room: said by the first use
            if parents is not None:
                end_fork(parents)


def _before_fork():
    cdef Session session
    for session in list(sessions):
        session.held.begin_fork()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
