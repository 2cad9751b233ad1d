"""The responses to this process's calls: reserving room for them, taking them from the ring, decoding them."""

cimport cython

from collections import deque

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t

from .._arena cimport referred
from .._atomic cimport load_rlx, store_rel, TESTPOINT
from .._layout cimport P_RESPONSE, ROLE
from .._protocol cimport answers_name, ERROR, ERROR_SPILLED, ERROR_STORED, RESPONSE_BYTES, RESPONSE_INLINE, RESULT, \
    RESULT_SPILLED, RESULT_STORED
from .._ringbuf cimport mpsc_has_room, SPSCRecord, spsc_bind, spsc_bytes, spsc_init, spsc_peek, spsc_record_bytes, \
    spsc_take
from .._segment cimport Segment
from ..cerial._codec cimport decode
from ..cerial._tags cimport BYTES, STR
from ._attachment cimport Attachment, forks, nanoseconds

from .._protocol import error_from, read_spill
from .._segment import unlink
from ..errors import CorruptDataError, SegmentError, ShareTimeoutError

cdef enum:
    DECODED = 100               # kind of a response whose payload is the result itself


class RemoteTraceback(Exception):
    """The traceback that an exception had in the coordinator; shown as its cause."""

    def __str__(self):
        return f"\n{self.args[0]}"


@cython.binding(False)
cdef class Receiver(Attachment):
    """An attachment that calls wait at."""

    def __cinit__(self, *_):
        self.arrived = {}
        self.abandoned = set()
        self.expected = {}
        self.delivered = deque()

    def forget_process(self):
        """In a forked child: as Attachment."""
        Attachment.forget_process(self)
        self.response_segment = self.large_responses = None
        self.large_responses_gone = False
        self.outstanding = 0
        self.arrived = {}
        self.abandoned = set()
        self.expected = {}
        self.delivered = deque()

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

    cdef int drain(self) except -1:
        """Takes every committed response from the ring: one drainer at a time, as the GIL is held from peek to take."""
        cdef SPSCRecord record
        cdef const char* payload
        cdef int found
        cdef uint64_t c, head
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
            if record.kind == RESULT_STORED or record.kind == ERROR_STORED:
                if self.large_responses is None and not self.large_responses_gone:
                    self.open_large_responses()
                    continue        # other threads have run
                kind, data = ERROR, None
                head = load_rlx(self.responses.head)
                if not self.large_responses_gone and position not in self.abandoned:
                    kind, data = self.large_response(record.kind, payload, record.length)
                TESTPOINT("client.copied_answer")
                # The collector may have run, and with it code that has taken this record (models/arena.pml,
                # BUG_NO_RECHECK).
                if self.response_segment is not ring or load_rlx(self.responses.head) != head:
                    continue
            else:
                kind = record.kind
                data = PyBytes_FromStringAndSize(payload, record.length)
            spsc_take(&self.responses)
            self.outstanding -= 1
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
                    raise self.ended_error(f"share {self.name} was closed before this call was executed")
        except BaseException:
            # The answer is abandoned, never the command.
            if position in self.arrived:
                self.throw_away(position, self.arrived.pop(position)[0])
            else:
                self.abandoned.add(position)
            raise
        kind, data = self.arrived.pop(position)
        return self.unwrap(position, kind, data)

    def open_large_responses(self):
        """Attaches the arena with the answers to this process."""
        cdef uint64_t serial = self.serial
        try:
            segment = Segment.attach(answers_name(self.name, serial))
        except SegmentError:
            if self.serial == serial:
                if not self.control.closed:
                    raise
                self.large_responses_gone = True
        else:
            if self.serial == serial:       # else another thread has closed this session meanwhile
                self.large_responses = segment

    cdef tuple large_response(self, uint32_t kind, const char* reference, uint64_t size):
        """(kind, payload): the coordinator uses its place again as soon as the record that refers to it is taken."""
        cdef uint64_t length = 0
        cdef Py_ssize_t used = 0
        reference = referred(self.large_responses, reference, size, &length)
        if kind == RESULT_STORED and length > 0 and (reference[0] == BYTES or reference[0] == STR):
            try:
                return DECODED, decode(reference, length, &used)    # runs nobody's code, and so no other thread
            except CorruptDataError:
                pass                # said by unwrap
        return RESULT if kind == RESULT_STORED else ERROR, PyBytes_FromStringAndSize(reference, length)

    cdef str response_name(self, uint64_t position):
        return f"{self.name}_a{self.serial:x}_{position:x}"

    cdef int throw_away(self, uint64_t position, int kind) except -1:
        """Removes the segment of an answer that nobody will read."""
        if kind == RESULT_SPILLED or kind == ERROR_SPILLED:
            unlink(self.response_name(position))
        return 0

    def unwrap(self, uint64_t position, int kind, data):
        """Decodes a response: returns the result, or raises the remote exception."""
        cdef Py_ssize_t used = 0
        if kind == DECODED:
            return data
        if data is None:
            raise self.closed_error()
        if kind == RESULT_SPILLED or kind == ERROR_SPILLED:
            try:
                if len(data) != 8:
                    raise CorruptDataError(f"a reference of {len(data)} bytes to an answer's segment")
                data = read_spill(self.response_name(position), int.from_bytes(data, "little"))
                TESTPOINT("client.read_answer")
            finally:                # a signal handler may have raised: nobody else will ask for this answer
                unlink(self.response_name(position))
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


def with_traceback(error, str text):
    """The exception, with its traceback from the coordinator as its cause."""
    error.__cause__ = RemoteTraceback(text)
    return error
