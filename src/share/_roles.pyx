"""Who uses a share and who serves it: the table of processes and the coordinator's role."""

cimport cython

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ._atomic cimport cas, load_acq, load_rlx, store_rel, store_rlx, TESTPOINT
from ._layout cimport *
from ._mapped cimport Mapped
from ._process cimport process_word, proven_dead
from ._ringbuf cimport mpsc_close
from ._wait cimport announce, now_ns, sleep, wake, wake_always, wake_classes

from .errors import CoordinatorLostError, CorruptDataError, ShareClosedError, ShareError

cdef int64_t ENTRY_NS = 10000000000     # how long a registration waits for the entry of a process that has gone
# A process word that is certainly dead: no process with the greatest pid was started one tick after the boot.
cdef uint64_t NOBODY = <uint64_t>1 << 22 | ((1 << 22) - 1)
cdef enum:
    PID_BITS = 22               # of a process word (see _process)
    LOOK_NS = 10000000          # between looks for an entry that is given back


@cython.binding(False)
cdef class Roles(Mapped):
    """A share's memory, with who is registered in it and who is its coordinator."""

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

    def processes(self):
        """[(entry, process word)] of every process that is registered."""
        cdef uint64_t entry
        return [(entry, load_acq(self.process(entry, P_WORD))) for entry in range(<uint64_t>MAX_PROCESSES)
                if load_acq(self.process(entry, P_WORD))]

    def owner_word(self) -> int:
        """The process word of the owner."""
        return load_rlx(self.word(H_OWNER))

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

    def takeovers(self) -> int:
        """How often a process has been elected to replace the coordinator."""
        return (load_acq(self.word(ROLE)) >> 32) - FIRST_EPOCH

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

    def coordinator_pid(self) -> int:
        """The process id of the coordinator, 0 while none has taken the role."""
        cdef uint64_t role = load_acq(self.word(ROLE))
        if (role >> 16) & 0xffff != ROLE_COORDINATOR:
            return 0
        return load_acq(self.process(role & 0xffff, P_WORD)) & ((1 << PID_BITS) - 1)

    def wake_everybody(self):
        """Bumps and wakes every wait word: a killed process may have published and not woken."""
        wake_always(self.wait_work)
        wake_always(self.wait_commit)
        wake_always(self.wait_room)
        wake_always(self.wait_change)

    cdef void wake_waiters(self, uint32_t classes) noexcept nogil:
        wake_classes(self.wait_change, self.awaited, classes)
