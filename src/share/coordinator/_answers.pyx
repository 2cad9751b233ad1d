"""Answers to calls: encoded when the call has run, put into the callers' response rings before the commit."""

import logging

from libc.stdint cimport uint32_t, uint64_t

from .._atomic cimport load_acq, load_rlx, TESTPOINT
from .._control cimport Control
from .._layout cimport P_RESPONSE, P_SERIAL
from .._protocol cimport ERROR, ERROR_SPILLED, RESPONSE_BYTES, RESPONSE_INLINE, RESULT, RESULT_SPILLED
from .._ringbuf cimport spsc_bind, spsc_bytes, spsc_put
from .._segment cimport Segment
from ..cerial._codec cimport Encoder

from .._protocol import encode, write_spill
from ..errors import SegmentError, ShareMemoryError
from ._failures import describe

log = logging.getLogger("share.coordinator")


cdef class Responses:
    """A client process's response ring, attached."""


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
        for owner, end, kind, encoded in self.prepared:
            data = encoded
            responses = self.ring_of(owner)
            if responses is None:
                continue        # its process is gone
            if len(data) > RESPONSE_INLINE:
                name = f"{self.control.name}_a{responses.serial:x}_{end:x}"
                try:
                    write_spill(name, data)
                except ShareMemoryError as error:
                    # The command is applied all the same; only its answer finds no room.
                    text = f"the call has been executed, but there is no room for its answer: {error}"
                    self.encoder.clear()
                    self.encoder.encode((encode(ShareMemoryError(text), "error"), ""), "error")
                    data = self.encoder.data[:self.encoder.size]
                    kind = ERROR
                else:
                    TESTPOINT("coordinator.spilled")
                    data = len(data).to_bytes(8, "little")
                    kind = RESULT_SPILLED if kind == RESULT else ERROR_SPILLED
            # The caller has reserved this space before it sent the command.
            if not spsc_put(&responses.ring, kind, end, data, len(data)):
                log.error("the response ring of process entry %d is full: an answer is lost", owner)
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
        self.rings[owner] = found
        return found
