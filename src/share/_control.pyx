"""The control segment: created by the owner, attached by everybody, and every wait on its words."""

cimport cython

import errno
import logging
import os
import threading

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyTypeObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from ._atomic cimport BROKEN, cas, fence_acq, fence_sc, load32_rlx, load_acq, load_rlx, store_rel, store_rlx, pause, \
    TESTPOINT
from ._internal cimport make_internal
from ._layout cimport *
from ._process cimport pid_namespace, process_word, proven_dead
from ._ringbuf cimport mpsc_bind, mpsc_bytes, mpsc_close, mpsc_has_room, mpsc_init, mpsc_start
from ._segment cimport Segment
from ._wait cimport announce, now_ns, sleep, spin_rounds, spun, wake, wake_always, wake_classes

from ._process import boot_identity
from ._segment import unlink
from ._wait import has_testpoints
from .errors import CoordinatorLostError, CorruptDataError, SegmentError, ShareClosedError, ShareError, \
    ShareTimeoutError, WouldDeadlockError

log = logging.getLogger("share")

#: Whether this build has the test points of the crash suite.
TESTPOINTS = has_testpoints()

cdef uint64_t MASK63 = ~CLOSED_BIT
cdef int64_t ENTRY_NS = 10000000000     # how long a registration waits for the entry of a process that has gone
# In a coordinator: the control segment of its share.
cdef Control served = None
# A process word that is certainly dead: no process with the greatest pid was started one tick after the boot.
cdef uint64_t NOBODY = <uint64_t>1 << 22 | ((1 << 22) - 1)
cdef enum:
    LEAST_SEGMENT = 4096        # a page; all are made of whole ones
    PID_BITS = 22               # of a process word (see _process)
    MOST_WANTED = (1 << 20) - 1
    LOOK_NS = 10000000          # between looks for an entry that is given back


@cython.binding(False)
cdef class Control:
    """One share's control segment as this process has it mapped. The mapping lasts as long as this object."""

    def __cinit__(self):
        self.bases = <char**>calloc(MAX_SEGMENTS, sizeof(char*))
        self.sizes = <uint64_t*>calloc(MAX_SEGMENTS, sizeof(uint64_t))
        self.attached = []
        if self.bases == NULL or self.sizes == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.bases)
        free(self.sizes)

    @staticmethod
    def create(str name, uint64_t cells, bytes configuration, bint until_last=False, start=None, str identity=None):
        """Creates the control segment of a new share; this process is its owner and registers in entry 0.

        until_last: the share has no owner but lives until the last process that has registered leaves.
        start: of a share with a journal, a position that the journal has not come to yet.
        identity: of such a share: the name that references in its state have.
        """
        if cells < 64 or cells & (cells - 1) or cells > 1 << 17:
            raise ValueError(f"cells must be a power of two from 64 to {1 << 17}, not {cells}")
        if len(configuration) > CONFIG_SIZE:
            raise ShareError(f"the coordinator's configuration (mostly sys.path) takes {len(configuration)} bytes; "
                             f"{CONFIG_SIZE} is the most")
        cdef Control self = Control.__new__(Control)
        self._bind(Segment.create(name, RING + mpsc_bytes(cells)), cells)
        cdef char* base = self.base
        mpsc_init(base + RING, cells)
        # Who made this and where comes first, so that `gc` can tell what a killed creator has left.
        store_rlx(self.word(H_BOOT), boot_identity())
        store_rlx(self.word(H_PIDNS), pid_namespace())
        store_rel(self.word(H_OWNER), process_word())   # pairs with the acquire in is_abandoned
        store_rlx(self.word(H_VERSION), LAYOUT_VERSION)
        store_rlx(self.word(H_CELLS), cells)
        store_rlx(self.word(H_CONFIG), len(configuration))
        store_rlx(self.word(H_COUNTER), 1)
        store_rlx(self.word(H_LIFE), until_last)
        store_rlx(self.word(H_TOKEN), number_of(name))
        memcpy(base + CONFIG, <const char*>configuration, len(configuration))
        # ABSENT at position 0: the memory is zeroed
        store_rlx(&self.directory.version[1].tag, EMPTY)
        store_rlx(&self.errors.version[1].tag, EMPTY)
        if start is not None:
            mpsc_start(&self.ring, (<uint64_t>start + cells - 1) // cells * cells)
            store_rlx(self.commit, load_rlx(self.ring.head))
            # Whoever reads waits for the first command, which comes when the journal has been read.
            store_rlx(self.wide, load_rlx(self.ring.head) + 1)
            store_rlx(self.word(H_IDENTITY), number_of(name if identity is None else identity))
        # Until a coordinator takes the role, the owner is the one who is getting it going.
        self.register()
        store_rlx(self.word(ROLE), role_word(FIRST_EPOCH, ROLE_RESCUER, 0))
        store_rlx(self.word(H_MAGIC), MAGIC)
        store_rel(self.word(H_STATE), 1)        # pairs with the acquire in attach
        return self

    @staticmethod
    def attach(str name):
        """Maps the control segment of that name. Raises SegmentError if it is missing or not one of ours."""
        segment = Segment.attach(name, RING)
        cdef Control self = Control.__new__(Control)
        cdef Segment mapped = segment
        cdef char* base = mapped.base
        if load_acq(<uint64_t*>(base + H_STATE)) != 1:
            raise SegmentError(errno.EAGAIN, f"segment {name!r} is still being created, or its creator died doing so")
        if load_rlx(<uint64_t*>(base + H_MAGIC)) != MAGIC:
            raise SegmentError(errno.EINVAL, f"segment {name!r} is not a share's control segment")
        cdef uint64_t version = load_rlx(<uint64_t*>(base + H_VERSION))
        if version != LAYOUT_VERSION:
            raise SegmentError(errno.EINVAL, f"segment {name!r} has layout version {version}, this library "
                               f"{LAYOUT_VERSION}: use the same version of share-state in all processes")
        cdef uint64_t cells = load_rlx(<uint64_t*>(base + H_CELLS))
        if cells < 64 or cells & (cells - 1) or cells > 1 << 17 or mapped.size < RING + mpsc_bytes(cells):
            raise SegmentError(errno.EINVAL, f"segment {name!r} is damaged: its ring cannot have {cells} cells")
        if load_rlx(<uint64_t*>(base + H_BOOT)) != <uint64_t>boot_identity():
            raise SegmentError(errno.EINVAL, f"segment {name!r} was made in another boot of this machine")
        if load_rlx(<uint64_t*>(base + H_PIDNS)) != pid_namespace():
            raise SegmentError(errno.EINVAL, f"segment {name!r} belongs to another pid namespace (container): a share "
                               "needs its processes in one, to prove which of them are dead")
        self._bind(mapped, cells)
        return self

    @staticmethod
    def is_unfinished(str name) -> bool:
        """Whether a segment of this user is one that its creator has not completed."""
        try:
            segment = Segment.attach(name, RING)
        except SegmentError as error:
            return error.errno == errno.EINVAL      # empty, or shorter than any control segment
        cdef Segment mapped = segment
        return load_acq(<uint64_t*>(mapped.base + H_STATE)) == 0

    @staticmethod
    def is_abandoned(str name) -> bool:
        """Whether everybody is proven dead who made or used that segment, be it unfinished or damaged.

        False where it does not say so itself: what is not of this boot, or of another pid namespace, proves nothing.
        """
        cdef uint64_t entry, word
        try:
            segment = Segment.attach(name, RING)
        except SegmentError:
            return False
        cdef Segment mapped = segment
        cdef char* base = mapped.base
        word = load_acq(<uint64_t*>(base + H_OWNER))
        if load_rlx(<uint64_t*>(base + H_BOOT)) != <uint64_t>boot_identity() or \
                load_rlx(<uint64_t*>(base + H_PIDNS)) != pid_namespace() or not proven_dead(word):
            return False
        for entry in range(<uint64_t>MAX_PROCESSES):
            word = load_acq(<uint64_t*>(base + PROCESS_TABLE + entry * PROCESS_ENTRY + P_WORD))
            if word != 0 and not proven_dead(word):
                return False
        return True

    @staticmethod
    def base_name(str link) -> str:
        """The name under which a named share's control segment was made. Raises SegmentError like attach."""
        cdef Control control = Control.attach(link)
        return f"share_{load_rlx(control.word(H_TOKEN)):016x}"

    def _bind(self, Segment segment, uint64_t cells):
        cdef char* base = segment.base
        self.name = segment.name
        self.segment = segment
        self.base = base
        self.cells = cells
        self.commit = <uint64_t*>(base + COMMIT)
        self.wide = <uint64_t*>(base + WIDE)
        self.references = <uint64_t*>(base + REFERENCES)
        self.root_flag = <uint64_t*>(base + ROOT_FLAG)
        self.wait_work = <uint32_t*>(base + WAIT_WORK)
        self.wait_commit = <uint32_t*>(base + WAIT_COMMIT)
        self.wait_room = <uint32_t*>(base + WAIT_ROOM)
        self.wait_change = <uint32_t*>(base + WAIT_CHANGE)
        self.awaited = <uint32_t*>(base + CLASSES)
        self.directory = <Slot*>(base + DIRECTORY_SLOT)
        self.errors = <Slot*>(base + ERRORS_SLOT)
        mpsc_bind(&self.ring, base + RING, cells)

    # -- processes ------------------------------------------------------------------------------------

    cdef uint64_t* process(self, uint64_t entry, uint64_t field) noexcept nogil:
        # Entries come out of stamps and the role word too; a damaged one must not lead out of the table.
        return <uint64_t*>(self.base + PROCESS_TABLE + (entry & (MAX_PROCESSES - 1)) * PROCESS_ENTRY + field)

    def register(self, bint even_if_ending=False):
        """Takes a free entry of the process table for this process. Returns (entry, serial).

        even_if_ending: for who keeps the share going, a successor above all; entries are reserved for them.
        Raises ShareClosedError if the share is ending because its last process has left.
        """
        cdef uint64_t serial = self.next_serial()
        cdef int64_t entry = -1
        if even_if_ending:
            entry = self.take_entry(ORDINARY_PROCESSES, MAX_PROCESSES, serial)
        if entry < 0:
            entry = self.take_entry(0, ORDINARY_PROCESSES, serial)
        while entry < 0 and self.await_entry():
            entry = self.take_entry(0, ORDINARY_PROCESSES, serial)
        if entry < 0:
            raise ShareError(f"share {self.name} serves at most {ORDINARY_PROCESSES} processes at a time, and so many "
                             "are registered: end some, or let fewer of them write")
        self.note_registration(entry, even_if_ending)
        return entry, serial

    cdef bint await_entry(self) except -1:
        """Waits a while for an entry that the coordinator gives back. False: all are those of living processes."""
        cdef int64_t end = now_ns() + ENTRY_NS
        cdef uint64_t entry, word, count
        cdef uint32_t w
        cdef bint gone = True
        while gone and now_ns() < end and not load_acq(self.commit) & CLOSED_BIT:
            gone = False
            for entry in range(<uint64_t>ORDINARY_PROCESSES):
                word = load_acq(self.process(entry, P_WORD))
                if word == 0:
                    return True
                gone = gone or self.has_gone(entry)
            # The coordinator looks for the dead when this count changes.
            count = load_acq(self.word(REGISTRATIONS))
            cas(self.word(REGISTRATIONS), count, count + 1)
            with nogil:
                wake_always(self.wait_work)
                w = announce(self.wait_room)
                sleep(self.wait_room, w, LOOK_NS)
            PyErr_CheckSignals()
            self.look_after()
        return False

    cdef int64_t take_entry(self, uint64_t first, uint64_t end, uint64_t serial) noexcept:
        """Enters this process into a free entry of that part of the table; -1 if there is none."""
        cdef uint64_t word = process_word(), entry
        for entry in range(first, end):
            if load_rlx(self.process(entry, P_WORD)) == 0 and cas(self.process(entry, P_WORD), 0, word):
                TESTPOINT("process.entered")
                store_rlx(self.process(entry, P_RESPONSE), 0)
                store_rlx(self.process(entry, P_TOLD), 0)
                store_rlx(self.process(entry, P_HELD), 0)
                store_rel(self.process(entry, P_SERIAL), serial)    # pairs with the coordinator's acquire
                return entry
        return -1

    cdef int note_registration(self, uint64_t entry, bint even_if_ending) except -1:
        """Tells the coordinator of a new entry."""
        cdef uint64_t count
        while True:
            count = load_acq(self.word(REGISTRATIONS))
            if count & CLOSED_BIT and not even_if_ending:
                store_rel(self.process(entry, P_WORD), 0)
                raise ShareClosedError(f"share {self.name} is ending: its last process has left")
            # Either this count or our entry is seen by a coordinator that is about to end (see end_if_left).
            if cas(self.word(REGISTRATIONS), count, count + 1):
                break
        wake(self.wait_work)
        TESTPOINT("process.registered")
        return 0

    cdef uint64_t next_serial(self) noexcept nogil:
        cdef uint64_t* counter = self.word(H_COUNTER)
        cdef uint64_t serial
        while True:
            serial = load_acq(counter)
            if cas(counter, serial, serial + 1):
                return serial

    # While this word is not 0, every command raises the share-wide flag, as it may write any object. Who sends one
    # that may make objects refer to each other counts it before its claim, and whoever comes after it in the ring looks
    # after theirs. The coordinator notes what has become of it before it stores C, and counts down after that
    # (models/linking.pml). What the dead have counted stays: then reads wait for more than they must.

    cdef void note_references(self) noexcept nogil:
        cdef uint64_t word = load_acq(self.references)
        while not word & 1 and not cas(self.references, word, word | 1):
            word = load_acq(self.references)

    cdef void count_linking(self, int64_t change) noexcept nogil:
        cdef uint64_t word
        while True:
            word = load_acq(self.references)
            if cas(self.references, word, word + <uint64_t>(change * 2)):
                break

    def leave(self, uint64_t entry) -> None:
        """Tells the coordinator that this process is done; it reclaims the entry."""
        cdef uint64_t count
        # In place of the process's word, in one store: nothing of it can be taken for the entry's next owner's.
        # Release: pairs with the acquire in has_gone. Whoever sees it also sees all that was claimed and committed.
        store_rel(self.process(entry, P_WORD), NOBODY)
        while True:
            count = load_acq(self.word(REGISTRATIONS))
            if count & CLOSED_BIT or cas(self.word(REGISTRATIONS), count, count + 1):
                break
        wake(self.wait_work)

    cdef bint has_gone(self, uint64_t entry) noexcept nogil:
        """Whether the process of a used entry has left or is proven dead."""
        cdef uint64_t word = load_acq(self.process(entry, P_WORD))
        return word == NOBODY or proven_dead(word)

    def is_left(self, uint64_t mine) -> bool:
        """For a share without an owner: whether only the coordinator is there."""
        cdef uint64_t entry
        if load_rlx(self.word(H_LIFE)) == 0:
            return False
        for entry in range(<uint64_t>MAX_PROCESSES):
            if entry != mine and load_acq(self.process(entry, P_WORD)) != 0 and not self.has_gone(entry):
                return False
        return True

    def end_if_left(self, uint64_t mine) -> bool:
        """The same; and then it takes no more processes in."""
        cdef uint64_t count = load_acq(self.word(REGISTRATIONS))
        return self.is_left(mine) and cas(self.word(REGISTRATIONS), count, count | CLOSED_BIT)

    def stale(self) -> bool:
        """Whether everybody who could serve or save this share is proven dead."""
        cdef uint64_t role = load_acq(self.word(ROLE)), entry, word
        if (role >> 16) & 0xffff == ROLE_COORDINATOR:
            if not proven_dead(load_acq(self.process(role & 0xffff, P_WORD))):
                return False
        else:
            word = load_acq(self.word(H_STARTED))
            if word != 0 and not proven_dead(word):
                return False
        for entry in range(<uint64_t>MAX_PROCESSES):
            if load_acq(self.process(entry, P_WORD)) != 0 and not self.has_gone(entry):
                return False
        return True

    def in_use(self, int64_t besides=-1) -> bool:
        """Whether a process other than the coordinator, and that of the entry ``besides``, is registered and lives."""
        cdef uint64_t role = load_acq(self.word(ROLE)), entry
        for entry in range(<uint64_t>MAX_PROCESSES):
            if <int64_t>entry != besides and (entry != role & 0xffff or (role >> 16) & 0xffff != ROLE_COORDINATOR) and \
                    load_acq(self.process(entry, P_WORD)) != 0 and not self.has_gone(entry):
                return True
        return False

    @property
    def until_last(self) -> bool:
        """Whether the share lives until its last process leaves, instead of as long as its owner."""
        return load_rlx(self.word(H_LIFE)) != 0

    def process_info(self, uint64_t entry):
        """(process word, serial) of an entry; the word is 0 if it is free."""
        return load_acq(self.process(entry, P_WORD)), load_rlx(self.process(entry, P_SERIAL))

    # -- fail-over ------------------------------------------------------------------------------------
    #
    # The role word says who may write: epoch | COORDINATOR | its entry, or epoch | RESCUER | the entry of the process
    # that has been elected to start a successor. It only ever changes by CAS. H_STARTED is the process that the rescuer
    # of the epoch in H_STARTED_EPOCH has started.

    cdef bint coordinator_lost(self) noexcept nogil:
        """Whether the process that has the role, or was chosen to take it or to fill it, is proven dead."""
        cdef uint64_t role = load_acq(self.word(ROLE)), word = 0
        if (role >> 16) & 0xffff != ROLE_COORDINATOR:
            # acquire: pairs with the release in note_started; the word is of that epoch, or of a later one
            if load_acq(self.word(H_STARTED_EPOCH)) == role >> 32:
                word = load_rlx(self.word(H_STARTED))
        if word == 0:
            word = load_acq(self.process(role & 0xffff, P_WORD))
        if word == 0 or not proven_dead(word):
            return False
        # The entry or the word may have got another meaning since; not if the role is still the same.
        return load_acq(self.word(ROLE)) == role

    cdef int look_after(self) except -1:
        """What a process that waits does now and then: if the coordinator is lost, has a successor started."""
        cdef uint64_t rescues, count, most, role = load_acq(self.word(ROLE))
        cdef int64_t since, rest
        cdef bint started = load_rlx(self.word(H_TAKEN)) != 0
        if (role & 0xffff >= MAX_PROCESSES or role >> 32 < FIRST_EPOCH or (role >> 16) & 0xffff > ROLE_RESCUER or
                load_acq(self.process(role & 0xffff, P_WORD)) == 0) and load_acq(self.word(ROLE)) == role:
            raise CorruptDataError(f"share {self.name}: nobody has the coordinator's role, its memory is damaged")
        if not self.coordinator_lost() or load_acq(self.commit) & CLOSED_BIT:
            return 0
        rescues = load_rlx(self.word(H_RESCUES))
        count = rescues & 15 if rescues >> 4 == self.committed() else 0
        most = MOST_RESCUES if started else MOST_STARTS
        if self.rescuer is None or count >= most:
            what = "the coordinator process has died, and so have its" if started else \
                "no coordinator could be started, nor any of"
            raise CoordinatorLostError(
                f"share {self.name}: {what} {count} successors (see their messages on standard error); what is queued "
                "is not executed, create a new Share")
        if count >= FAST_RESCUES:
            since, rest = load_rlx(self.word(H_RESCUED_AT)), FIRST_PAUSE_NS
            rest <<= count - FAST_RESCUES
            if now_ns() - since < (rest if rest < LONGEST_PAUSE_NS else LONGEST_PAUSE_NS):
                return 0        # who waits comes again soon
        self.rescuer(self)
        return 0

    def rescue(self):
        """What every process that waits does now and then, for one that keeps a share going: see look_after."""
        self.look_after()

    def elect(self, uint64_t entry):
        """Makes this process, registered in that entry, the one to start a successor of a lost coordinator.

        Returns the role word that the successor has to replace, or 0 if somebody else has been elected.
        """
        cdef uint64_t role = load_acq(self.word(ROLE)), chosen, rescues, c
        if not self.coordinator_lost():
            return 0
        chosen = role_word((role >> 32) + 1, ROLE_RESCUER, entry)
        # acq_rel: pairs with the loads of the role. Of several that have found it lost, one wins.
        if not cas(self.word(ROLE), role, chosen):
            return 0
        TESTPOINT("rescue.elected")
        store_rlx(self.word(H_RESCUED_AT), now_ns())
        rescues, c = load_rlx(self.word(H_RESCUES)), self.committed()
        store_rlx(self.word(H_RESCUES), c << 4 | (min(rescues & 15, <uint64_t>14) + 1 if rescues >> 4 == c else 1))
        return chosen

    def is_patient(self):
        """Whether a coordinator that lacks memory to load something leaves it to the next one."""
        cdef uint64_t rescues = load_rlx(self.word(H_RESCUES))
        return rescues >> 4 != self.committed() or rescues & 15 <= PATIENT_RESCUES

    def unfinished_rescue(self, uint64_t entry):
        """The role word if the process of that entry is the rescuer and has not yet noted a successor; else 0."""
        cdef uint64_t role = load_acq(self.word(ROLE))
        if role & 0xffffffff != role_word(0, ROLE_RESCUER, entry) or load_acq(self.word(H_STARTED_EPOCH)) == role >> 32:
            return 0
        return role

    def note_started(self, uint64_t role, uint64_t pid):
        """Notes which process was started for that role word; pid 0: none could be, so that others may try."""
        cdef uint64_t word = 0
        TESTPOINT("rescue.started")
        if pid:
            try:
                with open(f"/proc/{pid}/stat", "rb") as file:
                    ticks = int(file.read().rpartition(b")")[2].split()[19])
                word = <uint64_t>ticks << PID_BITS | pid
            except (FileNotFoundError, ProcessLookupError):
                pass            # it has ended, and somebody has waited for it
        store_rlx(self.word(H_STARTED), word or NOBODY)
        TESTPOINT("rescue.noted_process")
        store_rel(self.word(H_STARTED_EPOCH), role >> 32)       # pairs with the acquire in coordinator_lost
        TESTPOINT("rescue.noted")

    def take_role(self, uint64_t role):
        """Becomes the coordinator in the place of exactly that rescuer's word. Returns the entry, or -1.

        A rescuer that was itself replaced has a successor that must not write: it is told -1.
        """
        cdef uint64_t entry
        if load_acq(self.word(ROLE)) != role:
            return -1
        entry = self.register(True)[0]
        TESTPOINT("takeover.registered")
        # acq_rel: pairs with the loads of the role in coordinator_lost and elect
        if cas(self.word(ROLE), role, role_word(role >> 32, ROLE_COORDINATOR, entry)):
            TESTPOINT("takeover.role")
            global served
            served = self
            store_rel(self.word(AWAITED), 0)        # a predecessor may have died waiting
            store_rlx(self.word(H_TAKEN), load_rlx(self.word(H_TAKEN)) + 1)
            return entry
        store_rel(self.process(entry, P_WORD), 0)
        return -1

    def abolish(self, uint64_t role):
        """Closes a share in which no process lives any more; `role` is what elect gave. What was queued is lost."""
        if load_acq(self.word(ROLE)) == role:
            mpsc_close(&self.ring)
            store_rel(self.commit, load_acq(self.commit) | CLOSED_BIT)
            self.wake_everybody()

    def wake_everybody(self):
        """Bumps and wakes every wait word: a killed process may have published and not woken."""
        wake_always(self.wait_work)
        wake_always(self.wait_commit)
        wake_always(self.wait_room)
        wake_always(self.wait_change)

    cdef void wake_waiters(self, uint32_t classes) noexcept nogil:
        wake_classes(self.wait_change, self.awaited, classes)

    def lines(self) -> int:
        """How often somebody has left a line of those who wait to run a command, or died."""
        return load_acq(self.word(LINES))

    def note_left_line(self):
        """Counts that, and wakes who stands in a line (the coordinator only)."""
        store_rel(self.word(LINES), load_rlx(self.word(LINES)) + 1)
        self.wake_waiters(LINE)

    def awaits(self) -> int:
        """The classes of changes that somebody may be asleep for, a bit each."""
        return load32_rlx(self.awaited)

    def await_closed(self):
        """Waits until the coordinator, or its successor, has executed everything and closed the share."""
        self.await_commit(CLOSED_BIT, -1)

    def processes(self):
        """[(entry, process word)] of every process that is registered."""
        cdef uint64_t entry
        return [(entry, load_acq(self.process(entry, P_WORD))) for entry in range(<uint64_t>MAX_PROCESSES)
                if load_acq(self.process(entry, P_WORD))]

    @property
    def role(self) -> int:
        """The role word as it is now."""
        return load_acq(self.word(ROLE))

    def coordinator_word(self) -> int:
        """The process word of the coordinator or, while there is none, of who is about to be it; 0 if unknown."""
        cdef uint64_t role = load_acq(self.word(ROLE))
        if (role >> 16) & 0xffff != ROLE_COORDINATOR:
            return load_acq(self.word(H_STARTED))
        return load_acq(self.process(role & 0xffff, P_WORD))

    # -- segments -------------------------------------------------------------------------------------

    cdef char* at(self, uint64_t where, uint64_t length) except NULL:
        """The memory that a locator means, attached on first use and checked against the segment's size."""
        cdef uint64_t index = locator_segment(where), offset = locator_offset(where)
        if index >= MAX_SEGMENTS:
            raise CorruptDataError(f"a reference to segment {index} of {MAX_SEGMENTS}")
        if self.bases[index] == NULL:
            self.attach_segment(index)
        if offset % 8 or offset > self.sizes[index] or length > self.sizes[index] - offset:
            raise CorruptDataError(f"a reference of {length} bytes at {offset} in a segment of {self.sizes[index]}")
        return self.bases[index] + offset

    cdef int reserve(self, uint64_t where, uint64_t length) except -1:
        """Finds memory for what has been given back. Raises ShareMemoryError."""
        cdef Segment segment
        self.at(where, length)
        segment = self.attached[locator_segment(where)]
        segment.reserve(locator_offset(where), length)
        return 0

    cdef int give_back(self, uint64_t where, uint64_t length) except -1:
        """Frees the memory of a part, but for the page in which it begins and the one in which it ends."""
        cdef Segment segment
        cdef uint64_t start = (locator_offset(where) // 4096 + 1) * 4096
        cdef uint64_t end = (locator_offset(where) + length) // 4096 * 4096
        self.at(where, length)
        segment = self.attached[locator_segment(where)]
        if start < end:
            segment.give_back(start, end - start)
        return 0

    def memory(self):
        """Bytes of memory that the segments besides the control segment have."""
        total = 0
        for index, (_, size) in enumerate(self.segments()):
            try:
                total += min(size, os.stat(f"/dev/shm/{self.name}_m{index:x}").st_blocks * 512)
            except OSError:
                total += size           # it has been unlinked
        return total

    cdef Slot* cell_slot(self, uint64_t cell) except? NULL:
        cdef uint64_t page, place = 0, where
        if cell >= 0xFFFFFFC0:
            raise CorruptDataError(f"a reference to cell {cell}")
        page = page_of_cell(cell, &place)
        # acquire: pairs with the release in which the coordinator adds a page
        where = load_acq(self.word(CELL_PAGES + 8 * page))
        if where == 0:
            return NULL
        return <Slot*>self.at(where + place * SLOT_SIZE, SLOT_SIZE)

    cdef int attach_segment(self, uint64_t index) except -1:
        # acquire: pairs with the release in add_segment; a listed segment exists and has its size
        if index >= load_acq(self.word(SEGMENTS)):
            raise CorruptDataError(f"a reference to segment {index}, which does not exist")
        cdef uint64_t size = load_rlx(self.word(SEGMENT_TABLE + index * SEGMENT_ENTRY + 8))
        try:
            self._keep(index, Segment.attach(f"{self.name}_m{index:x}", size))
        except SegmentError as error:
            if error.errno == errno.ENOENT:
                raise ShareClosedError("the share has been closed") from None
            raise
        return 0

    def _keep(self, uint64_t index, Segment segment):
        if self.bases[index] != NULL:
            return          # another thread was faster, and pointers into its mapping are in use
        while <uint64_t>len(self.attached) <= index:
            self.attached.append(None)
        self.attached[index] = segment
        self.sizes[index] = segment.size
        self.bases[index] = segment.base

    cdef uint64_t add_segment(self, uint32_t kind, uint64_t size, uint64_t reserved=0) except? 0xffffffff:
        """Creates the next segment (the coordinator only), with memory for its first `reserved` bytes or for all.

        Returns its index.
        """
        cdef uint64_t index = load_rlx(self.word(SEGMENTS))
        if index >= MAX_SEGMENTS:
            raise ShareError(f"a share has at most {MAX_SEGMENTS} segments")
        name = f"{self.name}_m{index:x}"
        try:
            segment = Segment.create(name, size, reserved)
        except FileExistsError:         # of a coordinator that died between the two steps below
            unlink(name)
            segment = Segment.create(name, size, reserved)
        TESTPOINT("coordinator.made_segment")
        self._keep(index, segment)
        store_rlx(self.word(SEGMENT_TABLE + index * SEGMENT_ENTRY), kind)
        store_rlx(self.word(SEGMENT_TABLE + index * SEGMENT_ENTRY + 8), size)
        store_rel(self.word(SEGMENTS), index + 1)       # pairs with the acquire in attach_segment
        TESTPOINT("coordinator.listed_segment")
        return index

    def segments(self):
        """[(kind, bytes)] of the segments besides the control segment, by index."""
        count = load_acq(self.word(SEGMENTS))
        if count > MAX_SEGMENTS:
            raise CorruptDataError(f"share {self.name} with {count} segments: its memory is damaged")
        found = [(load_rlx(self.word(SEGMENT_TABLE + i * SEGMENT_ENTRY)),
                  load_rlx(self.word(SEGMENT_TABLE + i * SEGMENT_ENTRY + 8))) for i in range(count)]
        for _, size in found:
            if size < LEAST_SEGMENT:
                raise CorruptDataError(f"share {self.name} with a segment of {size} bytes: its memory is damaged")
        return found

    # -- waiting --------------------------------------------------------------------------------------

    cdef uint64_t committed(self) noexcept nogil:
        return load_acq(self.commit) & MASK63

    cpdef uint64_t backlog(self):
        """How many ring cells are queued and not yet committed."""
        cdef uint64_t tail = load_acq(self.ring.tail), c = self.committed()
        return tail - c if tail > c else 0

    cdef uint64_t await_commit(self, uint64_t position, int64_t timeout_ns) except? 0xffffffffffffffff:
        """Waits until C, its closed bit included, is at least `position`. Returns C as it was read.

        timeout_ns < 0: no time-out. Raises ShareTimeoutError, CoordinatorLostError, KeyboardInterrupt.
        """
        cdef uint64_t c = load_acq(self.commit)     # pairs with the release of C: what it covers is visible
        cdef int _
        if c < position:
            with nogil:
                for _ in range(spin_rounds()):
                    pause()
                    c = load_acq(self.commit)
                    if c >= position:
                        break
                spun(c >= position)
        if c >= position or BROKEN("wait"):
            return c
        cdef int64_t now = now_ns(), rest
        cdef Wait wait = Wait(now, timeout_ns, now + FIRST_SLEEP_NS, False)
        cdef uint32_t w
        cdef bint noted = self.begin_wait(position)
        try:
            while True:
                with nogil:
                    w = announce(self.wait_commit)
                    c = load_acq(self.commit)
                    if c < position:
                        # Who waits, wakes: the producer that should have done it may have been killed before it did.
                        wake_always(self.wait_work)
                        rest = sleep_length(&wait, now)
                        if rest > 0:
                            sleep(self.wait_commit, w, rest)
                        c = load_acq(self.commit)
                    now = now_ns()
                if c >= position:
                    return c
                self._check(&wait, now, position, "its write to be committed")
        finally:
            if noted:
                store_rel(served.word(AWAITED), 0)

    cdef int _check(self, Wait* wait, int64_t now, uint64_t position, str what) except -1:
        PyErr_CheckSignals()
        if wait.timeout >= 0 and now - wait.start >= wait.timeout:
            state = "the command stays queued" if position else "the command has not been queued"
            raise ShareTimeoutError(f"share {self.name}: waited {(now - wait.start) / 1e9:.3g} s for {what}; {state}")
        if now >= wait.next_proof:
            # Tail is moved before a flag is raised or a position given out.
            if position > load_acq(self.ring.tail) and position != CLOSED_BIT:
                raise CorruptDataError(f"share {self.name}: nobody has claimed {position}, its memory is damaged")
            wait.next_proof = now + sleep_length(wait, now) // 2
            self.look_after()
        if not wait.complained and now - wait.start >= <int64_t>COMPLAIN_NS:
            wait.complained = True
            waited, backlog, running = (now - wait.start) / 1e9, self.backlog(), self.running_for()
            log.warning("share %s: waiting for %s since %.0f s; %d cells are queued, the coordinator is running "
                        "one command since %.1f s", self.name, what, waited, backlog, running,
                        extra={"share_name": self.name, "share_seconds": waited, "share_backlog": backlog,
                               "share_running_for": running})
        return 0

    # A method may use other shares than its own, and so its coordinator wait for another one. Each says in its own
    # segment for whom and until when. Who closes a circle is told so, instead of waiting.

    cdef bint begin_wait(self, uint64_t until) except -1:
        """In a coordinator: notes what its running method waits for. True if it did, and so has to take it back.

        Raises WouldDeadlockError if that would never come.
        """
        if served is None or threading.get_ident() != threading.main_thread().ident:
            return False
        store_rlx(served.word(AWAITED_SERIAL), load_rlx(served.word(AWAITED_SERIAL)) + 1)
        store_rlx(served.word(AWAITED_UNTIL), until)
        store_rel(served.word(AWAITED), load_rlx(self.word(H_TOKEN)))   # pairs with the acquire in waits_for
        fence_sc()      # pairs with that of the others of a circle: the last to come sees all
        if not served.waits_for(self):
            return True
        store_rel(served.word(AWAITED), 0)
        raise WouldDeadlockError(
            f"a method that runs in the coordinator of share {served.name} was about to wait for share {self.name}, "
            "which waits for it: let one of the two calls be queued (.send), or be made by the caller of both")

    cdef bint is_met(self, uint64_t until) noexcept nogil:
        """Whether what a coordinator waits for in this share has come."""
        if until & ROOM_BIT:
            return load_acq(self.ring.head) != until & ~ROOM_BIT
        return load_acq(self.commit) >= until

    cdef bint waits_for(self, Control first) except -1:
        """Whether this share's coordinator would wait for itself if it waited for that of `first`."""
        cdef uint64_t own = load_rlx(self.word(H_TOKEN)), token = load_rlx(first.word(H_TOKEN)), serial, until
        cdef int _
        cdef Control share = first
        for _ in range(1000):
            if token == own:
                return True
            serial = load_rlx(share.word(AWAITED_SERIAL))
            token = load_acq(share.word(AWAITED))       # pairs with the release in begin_wait
            until = load_rlx(share.word(AWAITED_UNTIL))
            fence_acq()
            if token == 0 or load_rlx(share.word(AWAITED_SERIAL)) != serial or \
                    load_rlx(share.word(AWAITED)) != token or share.coordinator_lost():
                return False        # who begins to wait later sees us
            awaited = self
            if token != own:
                try:
                    awaited = Control.attach(f"share_{token:016x}")
                except SegmentError:
                    return False    # it has ended, so nobody waits for it any more
            if (<Control>awaited).is_met(until):
                return False
            share = awaited
        return False

    def running_for(self) -> float:
        """Seconds for which the coordinator has been running its present batch; 0.0 if it is idle."""
        cdef uint64_t since = load_rlx(self.word(RUNNING_SINCE))
        return (now_ns() - <int64_t>since) / 1e9 if since else 0.0

    def running(self):
        """(monotonic ns since when the present batch runs or 0, end position of the command that runs or ran last)."""
        return load_rlx(self.word(RUNNING_SINCE)), load_rlx(self.word(POISON)) >> 2

    # A command of several cells would never find room beside small ones that take each cell as soon as it is free. So
    # whoever waits for several notes how many, in WANTED, one at a time, and all others leave so many free. At most an
    # eighth of the ring is wanted, and a command has no more: so that costs nobody more than time, and a word that a
    # dead process has left costs an eighth of the ring until the coordinator clears it. Nothing depends on when a
    # store of it is seen: who sees it late has overtaken once more (models/ring.pml, -DWANT).

    cdef uint32_t to_leave(self, uint64_t mine) noexcept nogil:
        """How many cells have to be left to somebody else. Relaxed: see above."""
        cdef uint64_t wanted = load_rlx(self.word(WANTED))
        if wanted == 0 or wanted == mine:
            return 0
        return min(<uint32_t>(wanted & MOST_WANTED), <uint32_t>(self.cells // 8))

    cdef uint64_t want(self, uint64_t entry, uint32_t n, uint64_t number) noexcept nogil:
        """Has others leave n cells, unless somebody else has them do so. What to give to `unwant`; 0: nothing."""
        cdef uint64_t mine = (entry + 1) << 32 | (number & 0xfff) << 20 | n
        return mine if cas(self.word(WANTED), 0, mine) else 0

    cdef void unwant(self, uint64_t mine) noexcept nogil:
        if mine != 0 and cas(self.word(WANTED), mine, 0):
            wake(self.wait_room)

    cdef void forget_wanted(self, uint64_t entry) noexcept nogil:
        """For an entry whose process has gone."""
        cdef uint64_t wanted = load_rlx(self.word(WANTED))
        if wanted >> 32 == entry + 1:
            self.unwant(wanted)

    cdef int await_room(self, uint32_t n, int64_t timeout_ns, uint64_t mine=0) except -1:
        """Waits until the ring has room for n cells (or is closed, which the next claim finds out).

        mine: what `want` has given, if this is who waits for several.
        """
        cdef int _
        cdef bint room = False
        cdef uint32_t w
        cdef int64_t now = now_ns(), rest
        cdef Wait wait = Wait(now, timeout_ns, now + FIRST_SLEEP_NS, False)
        with nogil:
            for _ in range(spin_rounds()):
                if mpsc_has_room(&self.ring, n, self.to_leave(mine)):
                    room = True
                    break
                pause()
            spun(room)
        cdef bint noted = not room and self.begin_wait(load_acq(self.ring.head) | ROOM_BIT)
        try:
            while not room:
                with nogil:
                    w = announce(self.wait_room)
                    room = mpsc_has_room(&self.ring, n, self.to_leave(mine)) \
                        or load_acq(self.commit) & CLOSED_BIT != 0
                    if not room:
                        wake_always(self.wait_work)
                        rest = sleep_length(&wait, now)
                        if rest > 0:
                            sleep(self.wait_room, w, rest)
                        room = mpsc_has_room(&self.ring, n, self.to_leave(mine)) \
                            or load_acq(self.commit) & CLOSED_BIT != 0
                    now = now_ns()
                if not room:
                    self._check(&wait, now, 0, "room in the ring")
        finally:
            if noted:
                store_rel(served.word(AWAITED), 0)
        return 0

    # -- a journal ------------------------------------------------------------------------------------

    @property
    def identity(self):
        """The name that references in the state have: with a journal that of the first share that it was."""
        cdef uint64_t number = load_rlx(self.word(H_IDENTITY))
        return f"share_{number:016x}" if number else self.name

    @property
    def has_journal(self) -> bool:
        """Whether commits are stored in a journal."""
        return load_rlx(self.word(H_IDENTITY)) != 0

    def is_restored(self) -> bool:
        """Whether what the journal has is in the slots."""
        return load_acq(self.word(H_RESTORED)) != 0

    def note_restored(self) -> None:
        """Notes that it is."""
        store_rel(self.word(H_RESTORED), 1)

    def durable(self) -> int:
        """D: all that was committed up to this position is stored."""
        return min(load_acq(self.word(H_DURABLE)), self.committed())

    def stored(self):
        """(D, which is ahead of C while that is about to be stored; the position of the journal's last record)."""
        return load_acq(self.word(H_DURABLE)), load_rlx(self.word(H_STORED))

    def note_durable(self, uint64_t position, uint64_t stored) -> None:
        """Notes both, once they are so."""
        store_rlx(self.word(H_STORED), stored)
        store_rel(self.word(H_DURABLE), position)

    def commands(self) -> int:
        """How many commands have been executed; what a successor runs again counts again."""
        return load_rlx(self.word(COMMANDS))

    def takeovers(self) -> int:
        """How often a process has been elected to replace the coordinator."""
        return (load_acq(self.word(ROLE)) >> 32) - FIRST_EPOCH

    @property
    def closed(self) -> bool:
        """Whether the coordinator has closed the share."""
        return load_acq(self.commit) & CLOSED_BIT != 0

    @property
    def lost(self) -> bool:
        """Whether the coordinator is proven dead."""
        return self.coordinator_lost()

    def position(self) -> int:
        """The commit position."""
        return self.committed()

    def tail(self) -> int:
        """The position behind the last claimed cell."""
        return load_acq(self.ring.tail)

    def coordinator_pid(self) -> int:
        """The process id of the coordinator, 0 while none has taken the role."""
        cdef uint64_t role = load_acq(self.word(ROLE))
        if (role >> 16) & 0xffff != ROLE_COORDINATOR:
            return 0
        return load_acq(self.process(role & 0xffff, P_WORD)) & ((1 << PID_BITS) - 1)

    def close_ring(self) -> bool:
        """Closes the command ring: what is queued is still executed, nothing more is accepted."""
        cdef bint first = mpsc_close(&self.ring)
        wake(self.wait_work)
        return first

    def configuration(self) -> bytes:
        """What the owner, or :meth:`reconfigure`, left for the coordinator."""
        cdef uint64_t word, at, end
        cdef bytes found
        while True:
            word = load_acq(self.word(H_CONFIG))        # pairs with the release in reconfigure
            at = min(word >> 32, <uint64_t>CONFIG_SIZE)
            end = min(at + (word & 0xffffffff), <uint64_t>CONFIG_SIZE)
            found = self.base[CONFIG + at:CONFIG + end]
            fence_acq()
            if load_rlx(self.word(H_CONFIG)) == word:   # else what was read may have been written over
                return found

    def reconfigure(self, bytes configuration not None) -> bool:
        """Leaves something else for successors, which a kill does not halve. Only the coordinator may.

        False: there is no room beside what is there.
        """
        cdef uint64_t word = load_rlx(self.word(H_CONFIG)), size = len(configuration), at = word >> 32
        cdef uint64_t place = 0 if size <= at else at + (word & 0xffffffff)
        if place + size > <uint64_t>CONFIG_SIZE:
            return False
        memcpy(self.base + CONFIG + place, <const char*>configuration, size)
        store_rel(self.word(H_CONFIG), place << 32 | size)      # pairs with the acquire in configuration
        return True

    def owner_word(self) -> int:
        """The process word of the owner."""
        return load_rlx(self.word(H_OWNER))


def number_of(str name not None):
    """The number in the name of a control segment."""
    return int(name.rpartition("_")[2], 16)


make_internal(<PyTypeObject*>Control)
