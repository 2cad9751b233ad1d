"""Answers to calls: encoded when the call has run, put into the callers' response rings before the commit."""

cimport cython

import logging

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .._arena cimport open_arena, referred, Region
from .._atomic cimport load_acq, load_rlx, TESTPOINT
from .._control cimport Control
from .._layout cimport P_RESPONSE, P_SERIAL
from .._protocol cimport answers_name, ERROR, ERROR_SPILLED, ERROR_STORED, RESPONSE_BYTES, RESPONSE_INLINE, RESULT, \
    RESULT_SPILLED, RESULT_STORED
from .._ringbuf cimport spsc_bind, spsc_bytes, spsc_following, spsc_put, SPSCRecord
from .._segment cimport Segment
from ..cerial._codec cimport Encoder

from .._protocol import encode, write_spill
from ..errors import SegmentError, ShareMemoryError
from ._failures import describe

log = logging.getLogger("share.coordinator")


@cython.binding(False)
cdef class Responses:
    """A client process's response ring, attached, and the arena for its large answers."""

    cdef Region store(self, str share, bytes data):
        """Puts an answer into the arena. None: there is no room for it. Raises ShareMemoryError."""
        cdef Region region
        if self.arena is None:
            self.arena = open_arena(answers_name(share, self.serial))
        # acquire: pairs with the release in spsc_take, before which the client has copied what it took
        self.arena.release(load_acq(self.ring.head))
        region = self.arena.take(PyBytes_GET_SIZE(data))
        if region is not None:
            memcpy(self.arena.segment.base + region.start, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            TESTPOINT("coordinator.stored")
        return region

    cdef int find_stored(self, str share) except -1:
        """Notes which parts of the arena answers that a predecessor has committed are in."""
        cdef SPSCRecord record
        cdef const char* payload
        cdef uint64_t start, length = 0
        cdef uint64_t at = load_acq(self.ring.head)     # pairs with the release in spsc_take
        while spsc_following(&self.ring, &at, &record, &payload):
            if record.kind == RESULT_STORED or record.kind == ERROR_STORED:
                if self.arena is None:
                    self.arena = open_arena(answers_name(share, self.serial))
                start = referred(self.arena.segment, payload, record.length, &length) - self.arena.segment.base
                self.arena.take_at(start, (start + length + 63) // 64 * 64, at)
        return 0


@cython.binding(False)
cdef class Answers:
    """The answers of a group of commands."""

    def __init__(self, Control control not None, Encoder encoder not None):
        self.control = control
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
            self.prepared.append((owner, end, kind, encoder.data[:encoder.size]))
        return 0

    cdef int prepare_error(self, uint32_t owner, uint64_t end, failure) except -1:
        """The answer that a call has failed."""
        self.encoder.clear()
        self.encoder.encode((failure.data, failure.text), "error")
        self.prepared.append((owner, end, ERROR, self.encoder.data[:self.encoder.size]))
        return 0

    cdef int send(self) except -1:
        """Puts every answer into its caller's ring; nobody takes it before C says so."""
        cdef Responses responses
        cdef bytes data
        cdef Region region
        cdef uint64_t[2] reference
        for owner, end, kind, encoded in self.prepared:
            data = encoded
            responses = self.ring_of(owner)
            if responses is None:
                continue        # its process is gone
            region = None
            if len(data) > RESPONSE_INLINE:
                try:
                    region = responses.store(self.control.name, data)
                    if region is None:
                        write_spill(f"{self.control.name}_a{responses.serial:x}_{end:x}", data)
                except ShareMemoryError as error:
                    # The command is applied all the same; only its answer finds no room.
                    text = f"the call has been executed, but there is no room for its answer: {error}"
                    self.encoder.clear()
                    self.encoder.encode((encode(ShareMemoryError(text), "error"), ""), "error")
                    data = self.encoder.data[:self.encoder.size]
                    kind = ERROR
                else:
                    if region is not None:
                        reference[0], reference[1] = region.start, len(data)
                        data = (<char*>reference)[:sizeof(reference)]
                        kind = RESULT_STORED if kind == RESULT else ERROR_STORED
                    else:
                        TESTPOINT("coordinator.spilled")
                        data = len(data).to_bytes(8, "little")
                        kind = RESULT_SPILLED if kind == RESULT else ERROR_SPILLED
            # The caller has reserved this space before it sent the command.
            if not spsc_put(&responses.ring, kind, end, data, len(data)):
                log.error("the response ring of process entry %d is full: an answer is lost", owner)
                if region is not None:
                    region.until = 0
            elif region is not None:
                region.until = load_rlx(responses.ring.tail)
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
