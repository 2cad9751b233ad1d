"""The control segment: created by the owner, attached by everybody, and every wait on its words."""

cimport cython

import errno
import logging
import threading

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ._atomic cimport BROKEN, cas, fence_acq, fence_sc, load32_rlx, load_acq, load_rlx, pause, store_rel, store_rlx
from ._layout cimport *
from ._mapped cimport is_cell_count
from ._process cimport pid_namespace, process_word, proven_dead
from ._ringbuf cimport mpsc_bytes, mpsc_close, mpsc_has_room, mpsc_init, mpsc_start
from ._roles cimport FIRST_EPOCH, role_word, ROLE_RESCUER, Roles
from ._segment cimport Segment
from ._wait cimport announce, now_ns, sleep, spin_rounds, spun, wake, wake_always

from ._process import boot_identity
from ._wait import has_testpoints
from .errors import CorruptDataError, SegmentError, ShareError, ShareTimeoutError, WouldDeadlockError

log = logging.getLogger("share")

#: Whether this build has the test points of the crash suite.
TESTPOINTS = has_testpoints()

# In a coordinator: the control segment of its share.
cdef Control served = None
cdef enum:
    MOST_WANTED = (1 << 20) - 1


@cython.binding(False)
cdef class Control(Roles):
    """One share's control segment as this process has it mapped."""

    @staticmethod
    def create(str name, uint64_t cells, bytes configuration, bint until_last=False, start=None, str identity=None):
        """Creates the control segment of a new share; this process is its owner and registers in entry 0.

        until_last: the share has no owner but lives until the last process that has registered leaves.
        start: of a share with a journal, a position that the journal has not come to yet.
        identity: of such a share: the name that references in its state have.
        """
        if not is_cell_count(cells):
            raise ValueError(f"cells must be a power of two from 64 to {1 << 17}, not {cells}")
        if len(configuration) > CONFIG_SIZE:
            raise ShareError(f"the coordinator's configuration (mostly sys.path) takes {len(configuration)} bytes; "
                             f"{CONFIG_SIZE} is the most")
        cdef Control self = Control.__new__(Control, Segment.create(name, RING + mpsc_bytes(cells)), cells)
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
        cdef Control self
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
        self = Control.__new__(Control, mapped, cells)
        if load_rlx(<uint64_t*>(base + H_BOOT)) != <uint64_t>boot_identity():
            raise SegmentError(errno.EINVAL, f"segment {name!r} was made in another boot of this machine")
        if load_rlx(<uint64_t*>(base + H_PIDNS)) != pid_namespace():
            raise SegmentError(errno.EINVAL, f"segment {name!r} belongs to another pid namespace (container): a share "
                               "needs its processes in one, to prove which of them are dead")
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

    # -- references between objects ---------------------------------------------------------------------

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

    def take_role(self, uint64_t role):
        """As Roles, and notes that this process serves this share."""
        global served
        entry = Roles.take_role(self, role)
        if entry >= 0:
            served = self
        return entry

    # -- waiting ----------------------------------------------------------------------------------------

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

    def note_fenced(self) -> None:
        """Notes that another home has taken over. Before the share is closed."""
        store_rel(self.word(H_FENCED), 1)       # pairs with the acquire in is_fenced, by way of C

    def is_fenced(self) -> bool:
        """Whether another home has taken over."""
        return load_acq(self.word(H_FENCED)) != 0

    def commands(self) -> int:
        """How many commands have been executed; what a successor runs again counts again."""
        return load_rlx(self.word(COMMANDS))

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


def number_of(str name not None):
    """The number in the name of a control segment."""
    return int(name.rpartition("_")[2], 16)
