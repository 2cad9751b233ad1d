"""Looks into the tables in which processes say which nodes they hold (see _held.pyx)."""

cimport cython

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t

from .._atomic cimport fence_sc, load_acq, load_rlx, store_rlx, TESTPOINT
from .._control cimport Control
from .._held cimport entries_of, held_name, Hold, open_table, TAKEN
from .._layout cimport HOLDERS, LOOKED, MAX_PROCESSES, P_HELD, P_RESPONSE, P_SERIAL, P_WORD
from .._protocol cimport NODES_INSIDE, RESPONSE_BYTES
from .._ringbuf cimport SPSC, spsc_bind, spsc_bytes, spsc_following, SPSCRecord
from .._segment cimport Segment
from ..state cimport _nodes
from ..state._nodes cimport find as find_node, HOST, ID
from ..state._state cimport State

from ..errors import SegmentError, ShareMemoryError

_nodes.here = _nodes.registry()


@cython.binding(False)
cdef class Table:
    """A process's table, attached."""


@cython.binding(False)
cdef class Sent:
    """An answer that refers to nodes."""


@cython.binding(False)
cdef class Holders:
    """What all processes of a share hold."""

    def __cinit__(self, Control control not None):
        self.control = control
        self.known = <uint64_t>-1
        self.tables, self.sent, self.before = {}, [], {}

    cdef int take_over(self) except -1:
        cdef uint64_t entry
        cdef SPSC ring
        cdef Segment segment            # held as long as the ring is looked at
        self.taken_over = self.control.committed()
        for entry in range(<uint64_t>MAX_PROCESSES):
            segment = self.attach_ring(entry, &ring)
            if segment is not None:
                # our own from now on: nobody else puts anything in
                self.before[entry] = load_rlx(self.control.process(entry, P_SERIAL)), load_acq(ring.tail)
        return 0

    cdef Segment attach_ring(self, uint64_t entry, SPSC* ring):
        # acquire: pairs with the client's release once its ring is ready
        if load_acq(self.control.process(entry, P_WORD)) == 0 or \
                load_acq(self.control.process(entry, P_RESPONSE)) != RESPONSE_BYTES:
            return None
        serial = load_rlx(self.control.process(entry, P_SERIAL))
        try:
            segment = Segment.attach(f"{self.control.name}_r{serial:x}", spsc_bytes(RESPONSE_BYTES))
        except SegmentError:
            return None             # its process has gone
        spsc_bind(ring, (<Segment>segment).base, RESPONSE_BYTES)
        return segment

    cdef int begin(self, uint64_t position) except -1:
        cdef uint64_t* looked = self.control.word(LOOKED)
        if position > load_rlx(looked):         # only ours to write
            store_rlx(looked, position)
        # seq_cst: pairs with the one in Held.take
        fence_sc()
        TESTPOINT("holders.looking")
        if self.is_blind or load_acq(self.control.word(HOLDERS)) != self.known:
            self.find()
        return 0

    cdef int find(self) except -1:
        """Attaches all tables that there are."""
        cdef uint64_t entry, serial
        cdef Table table
        self.known = load_acq(self.control.word(HOLDERS))
        self.is_blind = False
        for entry in range(<uint64_t>MAX_PROCESSES):
            # acquire: pairs with the release in Held.open
            if load_acq(self.control.process(entry, P_WORD)) == 0 or load_acq(self.control.process(entry, P_HELD)) == 0:
                self.tables.pop(entry, None)
                continue
            serial = load_rlx(self.control.process(entry, P_SERIAL))
            table = self.tables.get(entry)
            if table is not None and table.serial == serial:
                continue
            table = Table()
            table.serial = serial
            try:
                table.segment = open_table(held_name(self.control.name, serial))
            except (SegmentError, ShareMemoryError, OSError):
                self.is_blind = True
                continue
            if table.segment is not None:
                self.tables[entry] = table
        return 0

    cdef int settle(self, State state) except -1:
        cdef Sent sent
        cdef dict taken = {}
        cdef list rest = []
        for sent in self.sent:
            # acquire: pairs with the release in spsc_take, before which the caller has noted that it has taken it
            if load_acq(sent.head) < sent.behind:
                rest.append(sent)
                continue
            if sent.owner not in taken:
                taken[sent.owner] = self.taken_from(sent.owner)
            if sent.end in taken[sent.owner]:
                rest.append(sent)
                continue
            for node in sent.nodes:
                state.keep_for_now(node)        # its proxy may be all that holds it now
        self.sent = rest
        return 0

    cdef set taken_from(self, uint32_t owner):
        """End positions of the commands whose answers a process has taken and not decoded."""
        cdef Table table = self.tables.get(owner)
        cdef const Hold* entries
        cdef uint64_t used = 0, i, id
        cdef bint awaits_child = False
        cdef set found = set()
        if table is None:
            return found
        entries = entries_of(table.segment, &used, &awaits_child)
        for i in range(1, used):
            id = load_acq(&entries[i].id)
            if id & TAKEN and load_rlx(&entries[i].until) != 0:
                found.add(id & ~TAKEN)
        return found

    cdef set among(self, State state, set ids, uint64_t position):
        cdef Table table
        cdef const Hold* entries
        cdef uint64_t used = 0, i, id
        cdef bint awaits_child = False
        cdef PyObject* at
        cdef set found = set()
        for table in self.tables.values():
            entries = entries_of(table.segment, &used, &awaits_child)
            for i in range(1, used):
                # acquire: pairs with the release in Held.write
                id = load_acq(&entries[i].id)
                if id == 0 or id & TAKEN or load_rlx(&entries[i].until) <= position and not awaits_child:
                    continue
                at = state.object_at(id)
                if at != NULL and find_node(at).id & ID in ids:
                    found.add(find_node(at).id & ID)
        return found

    cdef list objects(self, State state):
        cdef Table table
        cdef const Hold* entries
        cdef uint64_t used = 0, i, id, c = self.control.committed()
        cdef bint awaits_child = False
        cdef PyObject* at
        cdef list found = []
        for table in self.tables.values():
            entries = entries_of(table.segment, &used, &awaits_child)
            for i in range(1, used):
                id = load_acq(&entries[i].id)           # acquire: as in `among`
                if id == 0 or id & TAKEN or load_rlx(&entries[i].until) <= c and not awaits_child:
                    continue
                at = state.object_at(id)
                if at != NULL and not find_node(at).id & HOST:
                    found.append(<object>at)
        return found

    cdef bint are_settled(self) except -1:
        cdef SPSC ring
        cdef SPSCRecord record
        cdef const char* payload
        cdef uint64_t at, serial, tail
        cdef Segment segment
        for entry, (serial, tail) in list(self.before.items()):
            segment = self.attach_ring(entry, &ring)
            if segment is not None and load_rlx(self.control.process(entry, P_SERIAL)) == serial:
                at = load_acq(ring.head)                # acquire: as in `settle`
                while at < tail and spsc_following(&ring, &at, &record, &payload):
                    if record.kind & NODES_INSIDE and record.position <= self.taken_over:
                        return False
                for end in self.taken_from(entry):
                    if end <= self.taken_over:
                        return False
            del self.before[entry]
        return True

    cdef int forget(self, State state, uint32_t entry) except -1:
        """A process has gone, and what it had queued has been executed."""
        cdef Sent sent
        self.tables.pop(entry, None)
        self.before.pop(entry, None)
        for sent in self.sent:
            if sent.owner == entry:
                for node in sent.nodes:
                    state.keep_for_now(node)
        self.sent = [sent for sent in self.sent if sent.owner != entry]
        self.has_lost = True
        return 0
