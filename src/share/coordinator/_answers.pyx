"""Answers to calls: encoded when the call has run, put into the callers' response rings before the commit."""

cimport cython

import logging

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .._arena cimport open_arena, referred, Region
from .._atomic cimport load_acq, load_rlx, TESTPOINT
from .._control cimport Control
from .._layout cimport P_RESPONSE, P_SERIAL
from .._protocol cimport answers_name, ERROR, ERROR_SPILLED, ERROR_STORED, NODES_INSIDE, RESPONSE_BYTES, \
    RESPONSE_INLINE, RESULT, RESULT_SPILLED, RESULT_STORED
from .._ringbuf cimport spsc_bind, spsc_bytes, spsc_following, spsc_put, SPSCRecord
from .._segment cimport Segment
from ..cerial._codec cimport Encoder
from ._holders cimport Holders, Sent

from .._protocol import encode, write_spill
from ..errors import SegmentError, ShareMemoryError
from ._failures import describe

log = logging.getLogger("share.coordinator")

# Short: encoded, it takes no more than RESPONSE_INLINE, which is what its caller has reserved for it.
NO_ROOM = "the call has been executed, but its answer found no room: /dev/shm is full, or there is no memory left"


@cython.binding(False)
cdef class Responses:
    """A client process's response ring, attached, and the arena for its large answers."""

    cdef Region store(self, str share, const char* data, uint64_t size):
        """Puts an answer into the arena. None: there is no room for it. Raises ShareMemoryError."""
        cdef Region region
        if self.arena is None:
            self.arena = open_arena(answers_name(share, self.serial))
        # acquire: pairs with the release in spsc_take, before which the client has copied what it took
        self.arena.release(load_acq(self.ring.head))
        region = self.arena.take(size)
        if region is not None:
            memcpy(self.arena.segment.base + region.start, data, size)
            TESTPOINT("coordinator.stored")
        return region

    cdef int find_stored(self, str share) except -1:
        """Notes which parts of the arena answers that a predecessor has committed are in."""
        cdef SPSCRecord record
        cdef const char* payload
        cdef uint64_t start, length = 0
        cdef uint64_t at = load_acq(self.ring.head)     # pairs with the release in spsc_take
        while spsc_following(&self.ring, &at, &record, &payload):
            record.kind &= ~<uint32_t>NODES_INSIDE
            if record.kind == RESULT_STORED or record.kind == ERROR_STORED:
                if self.arena is None:
                    self.arena = open_arena(answers_name(share, self.serial))
                start = referred(self.arena.segment, payload, record.length, &length) - self.arena.segment.base
                self.arena.take_at(start, (start + length + 63) // 64 * 64, at)
        return 0


@cython.binding(False)
cdef class Answers:
    """The answers of a group of commands."""

    def __init__(self, Control control not None, Encoder encoder not None, Holders holders not None,
                 list handed not None):
        self.control = control
        self.holders, self.handed = holders, handed
        self.encoder = encoder
        self.rings, self.prepared = {}, []

    cdef int prepare(self, uint32_t owner, uint64_t end, int kind, object value) except -1:
        """Encodes an answer now, before a later command can change what it refers to."""
        cdef Encoder encoder = self.encoder
        encoder.clear()
        try:
            encoder.encode(value, "result")
        except BaseException as error:
            self.prepare_error(owner, end, describe(error, encoder.reduce))
        else:
            self.add(owner, end, kind)
        return 0

    cdef int prepare_error(self, uint32_t owner, uint64_t end, failure) except -1:
        """The answer that a call has failed."""
        self.encoder.clear()
        self.encoder.encode((failure.data, failure.text), "error")
        return self.add(owner, end, ERROR)

    cdef int add(self, uint32_t owner, uint64_t end, int kind) except -1:
        """Prepares what has been encoded; a large one goes to where it will be read, if there is room."""
        cdef Answer answer = Answer()
        cdef Responses responses
        answer.owner, answer.end, answer.kind, answer.size = owner, end, kind, self.encoder.size
        if self.handed:
            answer.nodes = list(self.handed)
            self.handed.clear()
        if answer.size > RESPONSE_INLINE:
            responses = self.ring_of(owner)
            if responses is not None:
                try:
                    answer.region = responses.store(self.control.name, self.encoder.data, answer.size)
                    self.keeps = True
                except ShareMemoryError:
                    pass            # a segment of its own may find some, or says that there is none
        if answer.region is None:
            answer.data = self.encoder.data[:answer.size]
        self.prepared.append(answer)
        return 0

    cdef int forget(self) except -1:
        """The commands will be run again: what was prepared is void."""
        cdef Answer answer
        for answer in self.prepared:
            if answer.region is not None:
                answer.region.until = 0
        self.prepared.clear()
        return 0

    cdef int give_back(self) except -1:
        """Gives memory back that large answers have not needed lately, a part at a time."""
        cdef Responses responses
        self.keeps = False
        for responses in self.rings.values():
            if responses.arena is not None:
                responses.arena.release(load_acq(responses.ring.head))      # acquire: as in store
                self.keeps |= responses.arena.has_spare()
        return 0

    cdef int send(self) except -1:
        """Puts every answer into its caller's ring; nobody takes it before C says so."""
        cdef Responses responses
        cdef Answer answer
        cdef Sent sent
        cdef bytes data
        cdef int kind
        cdef uint64_t[2] reference
        for answer in self.prepared:
            responses = self.ring_of(answer.owner)
            if responses is None:
                continue        # its process is gone
            data, kind = answer.data, answer.kind
            if answer.region is not None:
                reference[0], reference[1] = answer.region.start, answer.size
                data = (<char*>reference)[:sizeof(reference)]
                kind = RESULT_STORED if kind == RESULT else ERROR_STORED
            elif len(data) > RESPONSE_INLINE:
                try:
                    write_spill(f"{self.control.name}_a{responses.serial:x}_{answer.end:x}", data)
                except ShareMemoryError:
                    # The command is applied all the same; only its answer finds no room.
                    self.encoder.clear()
                    self.encoder.encode((encode(ShareMemoryError(NO_ROOM), "error"), ""), "error")
                    data = self.encoder.data[:self.encoder.size]
                    kind = ERROR
                else:
                    TESTPOINT("coordinator.spilled")
                    data = len(data).to_bytes(8, "little")
                    kind = RESULT_SPILLED if kind == RESULT else ERROR_SPILLED
            if answer.nodes is not None:
                kind |= NODES_INSIDE
            # The caller has reserved this space before it sent the command.
            if not spsc_put(&responses.ring, kind, answer.end, data, len(data)):
                log.error("the response ring of process entry %d is full: an answer is lost", answer.owner)
                if answer.region is not None:
                    answer.region.until = 0
            else:
                if answer.region is not None:
                    answer.region.until = load_rlx(responses.ring.tail)
                if answer.nodes is not None:
                    sent = Sent()
                    sent.owner, sent.end, sent.nodes = answer.owner, answer.end, answer.nodes
                    sent.segment, sent.head = responses.segment, responses.ring.head
                    sent.behind = load_rlx(responses.ring.tail)
                    self.holders.sent.append(sent)
        self.prepared.clear()
        return 0

    cdef Responses ring_of(self, uint32_t owner):
        """The response ring of a process-table entry; None if its process has gone."""
        cdef uint64_t serial = load_rlx(self.control.process(owner, P_SERIAL))
        cdef Responses found = self.rings.get(owner)
        if found is not None and found.serial == serial:
            return found
        # acquire: pairs with the client's release once its ring is ready
        if load_acq(self.control.process(owner, P_RESPONSE)) != RESPONSE_BYTES:
            return None
        try:
            segment = Segment.attach(f"{self.control.name}_r{serial:x}", spsc_bytes(RESPONSE_BYTES))
        except SegmentError:
            return None
        found = Responses()
        found.segment = segment
        found.serial = serial
        spsc_bind(&found.ring, found.segment.base, RESPONSE_BYTES)
        found.find_stored(self.control.name)
        self.rings[owner] = found
        return found
