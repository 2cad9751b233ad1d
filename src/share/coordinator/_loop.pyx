"""The ring loop: takes commands in order, runs them on mirrors, commits them in groups, answers."""

cimport cython

import logging
from types import CoroutineType

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from .._arena cimport referred
from .._atomic cimport BROKEN, load32_rlx, load_acq, load_rlx, pause, store_rel, store_rlx, TESTPOINT
from .._control cimport ALL_CHANGES, ANSWERS, Control, DIED, ROOM
from .._flags cimport flag_raise
from .._fillable cimport CHANGED, FILLED, may_be_filled
from .._held cimport held_name
from .._layout cimport CLOSED_BIT, COMMANDS, MAX_PROCESSES, P_HELD, P_RESPONSE, P_SERIAL, P_TOLD, P_WORD, POISON, \
    POISON_BEFORE, REGISTRATIONS, RUNNING_SINCE
from .._process cimport proven_dead
from .._protocol cimport answers_name, APPLY, arguments_name, ASSIGN, CALL, CALL_AT, CLEAR, Command, COMMAND_HEADER, \
    CREATE, DELETE, DELETE_AT, drop_spills, GET, GET_AT, IF_ABSENT, KEYWORDS, LINK, LINKS, NO_ARGUMENTS, REMOVE, \
    RESPOND, RESULT, RUN, SET, SET_AT, spill_name, SPILLED, STORED, TRANSACT
from .._ringbuf cimport CELL, CLAIM_CLOSED, CLAIM_OK, CLAIMED, CLOSED, COMMITTED, CORRUPT, FREE, PAD, mpsc_body, \
    mpsc_commit, mpsc_free, mpsc_help, mpsc_is_in_order, mpsc_pad, mpsc_peek, mpsc_try_claim
from .._segment cimport Segment
from .._wait cimport announce, coarse_ns, now_ns, sleep, spin_rounds, spun, wake
from ..cerial._codec cimport decode
from ._answers cimport Answers
from ._mirrors cimport Call, Mirror, Shape
from ._store cimport Store

from .._protocol import encode, end_making, Finished, read_spill, start_making
from .._segment import unlink
from ..errors import CorruptDataError, DeletedObjectError, EngineError, EngineLostError, PoisonedCommandError, \
    ShareWarning
from .._paths import apply
from ._failures import class_name, describe, FailureLog
from ._filled import Fillings
from ._generators import KINDS
from ._live import MISSING
from ._parts import apply_to_root, call_goes_past, compares_nothing, given_is_recorded, part, RECORDED, \
    setting_goes_past, starts_at_node
from ._transactions import Transactions

log = logging.getLogger("share.coordinator")

cdef extern from "Python.h":
    object PyObject_CallMethodNoArgs(object self, object name)


cdef enum:
    BATCH_NS = 200000               # how long a group may run before it commits, unless publishing costs more
    WAITED_NS = 20000           # the same when somebody waits
    LONG_NS = 10000000          # a group that has run so long has slow commands: to be looked at after each
    IDLE_NS = 10000000000           # backstop of an idle coordinator's sleep
    SUMMARY_NS = 1000000000         # the same while the log of failures has something to say
    REAP_NS = 20000000              # a busy coordinator looks for processes that have gone no more often
    CLAIM_NS = 1000000              # sleep while a claim is at head
    LEAST_REFERENCE = 20            # bytes of arguments that can refer to a node: they hold the share's name
    LATE_NS = 500000000             # until the journal is tried again
    SPARE_NS = 1000000000           # how often an arena that is larger than need be gives something back


cdef frozenset UNFINISHED = frozenset((CoroutineType, *KINDS))


@cython.binding(False)
cdef class Loop:
    """Executes a share's commands until the ring is closed."""

    def __cinit__(self, Control control not None, Store store not None, uint64_t entry, double linger=0):
        self.control = control
        self.linger = <int64_t>(min(linger, 1e9) * 1e9)
        self.store = store
        self.entry = entry
        self.answers = Answers(control, store.encoder, store.holders, store.handed)
        self.transactions = Transactions(store, control)
        self.fillings = Fillings(store)
        self.reports = []
        self.failure_log = FailureLog()
        self.position = control.committed()
        poison = load_rlx(control.word(POISON))
        self.singly_until = poison >> 2 if poison >> 2 > self.position else 0
        self.registrations = <uint64_t>-1
        self.leaving, self.arenas = {}, {}
        self.ended = []

    def serve(self) -> None:
        """Runs until the ring is closed and drained."""
        cdef int state
        cdef uint32_t n = 0, owner = 0, following = 0
        cdef int count = 0
        cdef bint alone
        while True:
            state = mpsc_peek(&self.control.ring, self.position, &n, &owner)
            if state == COMMITTED:
                alone = self.runs_alone()
                if alone and self.position != self.control.committed():
                    self.commit()
                    count = 0
                if count == 0:
                    self.batch_started = now_ns()
                    store_rlx(self.control.word(RUNNING_SINCE), self.batch_started)
                count += 1
                if BROKEN("order") and \
                        mpsc_peek(&self.control.ring, self.position + n, &following, &owner) == COMMITTED:
                    self.execute(self.position + n, following, owner)
                    self.execute(self.position, n, owner)
                    self.position += n + following
                    continue
                self.execute(self.position, n, owner)
                self.position += n
                if alone or self.position <= self.singly_until or self.should_commit(count):
                    self.commit()
                    count = 0
                    if alone and self.transactions.steps_down:
                        self.transactions.step_down()
            elif state == PAD:
                self.position += n
                # A ring full of nothing but padding must still move C, and so the flags of the dead.
                if self.position - self.control.committed() > self.control.cells // 2:
                    self.commit()
                    count = 0
            elif self.position != self.control.committed():
                self.commit()
                count = 0
            elif state == CLAIMED:
                if proven_dead(load_acq(self.control.process(owner, P_WORD))):
                    mpsc_pad(&self.control.ring, self.position)
                else:
                    self.wait_for_claim()
            elif state == CLOSED:
                self.failure_log.summary(True)
                return
            elif state == CORRUPT:
                raise damaged(self.position)
            else:
                self.check_idle()
                store_rlx(self.control.word(RUNNING_SINCE), 0)
                if self.unsaid:
                    self.unsaid = self.failure_log.summary()
                if load_acq(self.control.word(REGISTRATIONS)) != self.registrations or self.leaving or \
                        self.left_at and now_ns() - self.left_at >= self.linger:
                    self.reap()
                else:
                    self.wait_for_work()

    def refuse(self, error):
        """Ends a share that cannot begin: whatever has been sent gets the error."""
        cdef uint32_t n = 0, owner = 0, w
        cdef Command command
        cdef int state
        while True:
            # The first command is that of whoever has made the share, and waits for it to be restored.
            w = announce(self.control.wait_work)
            if mpsc_peek(&self.control.ring, self.position, &n, &owner) != FREE or self.control.has_gone(0):
                break
            with nogil:
                sleep(self.control.wait_work, w, CLAIM_NS)
        self.control.close_ring()
        while True:
            state = mpsc_peek(&self.control.ring, self.position, &n, &owner)
            if state == CLAIMED and proven_dead(load_acq(self.control.process(owner, P_WORD))):
                mpsc_pad(&self.control.ring, self.position)
                continue
            if state == CLAIMED:
                self.wait_for_claim()
                continue
            if state != COMMITTED and state != PAD:
                break
            if state == COMMITTED:
                memcpy(&command, mpsc_body(&self.control.ring, self.position), COMMAND_HEADER)
                if command.flags & RESPOND:
                    self.answers.prepare_error(owner, self.position + n, describe(error, self.store.reduce))
            self.position += n
        self.answers.send()

    cdef int check_idle(self) except -1:
        """Raises CorruptDataError if tail, head or the next cell is not as it is when the ring is empty.

        With such a ring nobody would ever get on. As it is, our successors come to the same end, and whoever waits is
        told so.
        """
        cdef uint32_t n = 0, owner = 0
        # acquire: pairs with every CAS on tail. Whoever moves it has claimed before, at our position or behind it.
        if load_acq(self.control.ring.tail) != self.position and \
                mpsc_peek(&self.control.ring, self.position, &n, &owner) == FREE or \
                not mpsc_is_in_order(&self.control.ring, self.position):
            raise damaged(self.position)
        if load_rlx(self.control.ring.head) != self.position:       # our own
            raise damaged(self.position)
        return 0

    cdef bint runs_alone(self) noexcept:
        """Whether the command at the head needs a group of its own.

        Where objects refer to each other, who still holds an object shows when state is encoded, at a commit. So that
        what becomes of it does not depend on where a group happens to end, whatever may let an object go has its
        own group.
        """
        cdef Command command
        memcpy(&command, mpsc_body(&self.control.ring, self.position), COMMAND_HEADER)
        if command.kind == TRANSACT:
            return True         # if it raises, what is published is what was before it
        if not load_rlx(self.control.references):
            return False
        return ASSIGN <= command.kind <= CLEAR

    cdef bint should_commit(self, int count) except -1:
        cdef int64_t passed
        # An empty ring ends a group anyway (see serve); here it is about what a long queue may hold up. A quarter of
        # the ring at a time is given back to producers.
        if self.position - self.control.committed() > self.control.cells // 4:
            return True
        if self.answers.prepared or load32_rlx(self.control.wait_commit) & 1:
            # Somebody waits: once the group has run as long as publishing it takes, so that they wait at most
            # twice as long as they must and at most half of the time goes into publishing.
            passed = now_ns() - self.batch_started
            return passed > WAITED_NS and passed > self.publish_cost
        if count & 15 and self.publish_cost < BATCH_NS and coarse_ns() - self.batch_started < LONG_NS:
            return False        # short commands: no need to look at the exact time after each
        passed = now_ns() - self.batch_started
        return passed > BATCH_NS and passed > 3 * self.publish_cost

    # -- one command ----------------------------------------------------------------------------------

    cdef int execute(self, uint64_t position, uint32_t n, uint32_t owner) except -1:
        cdef char* body = mpsc_body(&self.control.ring, position)
        cdef Command command
        cdef bytes name = None, spilled
        cdef uint64_t[2] spill
        cdef uint64_t end = position + n, size
        cdef const char* data
        memcpy(&command, body, COMMAND_HEADER)
        self.owner, self.part = owner, None
        self.store.handed.clear()
        store_rlx(self.control.word(COMMANDS), load_rlx(self.control.word(COMMANDS)) + 1)
        try:
            if command.size > n * CELL or command.size < <uint32_t>COMMAND_HEADER + command.name_length:
                raise CorruptDataError(f"a command of {command.size} bytes in {n} cells")
            if command.flags & SPILLED:
                self.spilled = True
            if command.flags & LINKS and not self.again:
                self.linking += 1
            name = self.name_of(body + COMMAND_HEADER, command.name_length)
            if not self.again and self.is_poison(end):
                raise PoisonedCommandError("this command has been skipped: the coordinator died twice while it ran "
                                           "(a crash in compiled code, os._exit, out of memory, or kill -9), or it "
                                           "ran for longer than Share(max_run=...) allows")
            TESTPOINT("coordinator.noted")
            data = body + COMMAND_HEADER + command.name_length
            size = command.size - COMMAND_HEADER - command.name_length
            if command.flags & SPILLED:
                if size != sizeof(spill):
                    raise CorruptDataError(f"a reference of {size} bytes to a spill segment")
                memcpy(spill, data, sizeof(spill))
                spilled = read_spill(spill_name(self.control, owner, spill[0]), spill[1])
                result = self.run(&command, name, <const char*>spilled, spill[1])
            else:
                if command.flags & STORED:
                    data = referred(self.arena_of(owner), data, size, &size)
                result = self.run(&command, name, data, size)
            if result is not None and type(result) in UNFINISHED:
                result = self.go_on(&command, result, owner)
        except BaseException as error:
            self.failed(&command, name if name is not None else b"?", owner, end, error)
            return 0
        self.ran_on = None
        TESTPOINT("coordinator.executed")
        if command.flags & RESPOND:
            self.answer(owner, end, result)
        return 0

    cdef int answer(self, uint32_t owner, uint64_t end, object result) except -1:
        if result is not None:
            try:
                self.store.look_at_result(result, self.position, end)
            except BaseException as error:
                self.answers.prepare_error(owner, end, describe(error, self.store.reduce))
                return 0
        self.answers.prepare(owner, end, RESULT, result)
        self.store.departed = None
        return 0

    cdef object go_on(self, const Command* command, result, uint32_t owner):
        """What is answered when a method has returned something that is still to run: a coroutine, a generator."""
        cdef bint called = command.flags & RESPOND and (command.kind == CALL or command.kind == CALL_AT)
        if type(result) is CoroutineType:
            value = self.transactions.finish(result)
            return Finished(value) if called else value
        return self.transactions.generators.keep(result, self.ran_on, owner) if called else result

    cdef Segment arena_of(self, uint32_t owner):
        """Where a process puts arguments that are too large for the ring; stays until its entry is given back."""
        cdef Segment found = self.arenas.get(owner)
        if found is None:
            serial = load_rlx(self.control.process(owner, P_SERIAL))
            found = self.arenas[owner] = Segment.attach(arguments_name(self.control.name, serial))
        return found

    cdef bint is_poison(self, uint64_t end) noexcept:
        """Stores that this command is about to run. True if two coordinators have died of it: it must not.

        Before the command that the dead coordinator was running others may have to be replayed. They are counted in a
        word of their own: else they would make that one's attempts forgotten.
        """
        cdef uint64_t* word = self.control.word(POISON_BEFORE if end < self.singly_until else POISON)
        cdef uint64_t noted = load_rlx(word)
        if noted >> 2 != end:
            store_rlx(word, end << 2 | 1)
            return False
        if noted & 3 >= 2:
            # 3: skipped, which is to be remembered until C has passed it
            store_rlx(word, noted | 3)
            return True
        store_rlx(word, noted + 1)
        return False

    cdef bytes name_of(self, const char* text, uint32_t length):
        # Runs of the same call are the rule; its name need not be made and hashed anew.
        if self.last_name is not None and <uint32_t>PyBytes_GET_SIZE(self.last_name) == length and \
                memcmp(PyBytes_AS_STRING(self.last_name), text, length) == 0:
            return self.last_name
        self.last_name = text[:length]
        return self.last_name

    cdef object run(self, const Command* command, bytes name, const char* data, uint64_t size):
        cdef Mirror mirror
        cdef Call call
        cdef Shape shape
        cdef Store store = self.store
        cdef Py_ssize_t used = 0, more = 0
        cdef tuple args = ()
        cdef dict kwargs = None
        cdef int kind = command.kind
        store.given_is_recorded = False
        if kind == CALL:
            if self.last_mirror is not None and self.last_mirror.id == command.target:
                mirror = self.last_mirror
            else:
                mirror = store.find(command.target)
                if mirror is None:
                    raise DeletedObjectError(f"the object of {name.decode()}() has been deleted from the share")
            call = mirror.shape.calls.get(name)
            if call is None:
                call = mirror.shape.call(name)
            if not command.flags & NO_ARGUMENTS:
                store.given_is_recorded = call.records
                args = decode(data, size, &used)
                if command.flags & KEYWORDS:
                    kwargs = decode(data + used, size - used, &more)
                store.given_is_recorded = False
            self.last_mirror = mirror
            self.ran_on = mirror.live
            store.touch_call(mirror, call)
            if not args and kwargs is None:
                return PyObject_CallMethodNoArgs(mirror.live, call.text)
            method = getattr(mirror.live, call.text)
            result = method(*args) if kwargs is None else method(*args, **kwargs)
            return self.with_filled(command, result, mirror.shape.cls, call.text, args, kwargs, data, used, more) \
                if args or kwargs else result
        text = name.decode()
        self.last_mirror = None
        if kind == RUN or kind == TRANSACT:
            return self.transactions.run(text, data[:size], self.owner)
        if kind >= CALL_AT:
            return self.run_at(command, text, data, size)
        if kind == SET or kind == DELETE or kind == GET:
            mirror = store.find(command.target)
            if mirror is None:
                raise DeletedObjectError(f"the object of attribute {text} has been deleted from the share")
            if kind == SET:
                store.given_is_recorded = not mirror.shape.opaque and mirror.shape.setter(text) is None
                value = decode(data, size, &used)
                store.given_is_recorded = False
                store.touch(mirror, mirror.shape.setter_cells(text))
                store.touch_accessor(mirror, mirror.shape.setter(text))
                setattr(mirror.live, text, value)
            elif kind == DELETE:
                store.touch(mirror, mirror.shape.setter_cells(text))
                store.touch_accessor(mirror, mirror.shape.deleter(text))
                delattr(mirror.live, text)
            elif not text:
                return store.encoded_state(mirror)
            else:
                store.touch(mirror, mirror.shape.getter_cells(text))
                store.touch_accessor(mirror, mirror.shape.plan.getters.get(text))
                return getattr(mirror.live, text)
        elif command.flags & IF_ABSENT and store.root_value(text) is not MISSING:
            pass
        elif kind == ASSIGN:
            store.assign(text, decode(data, size, &used))
        elif kind == CREATE:
            shape = store.shape(decode(data, size, &used))
            made = None if shape.opaque else start_making(shape.cls)
            try:
                state = decode(data + used, size - used, &more)
            finally:
                end_making()
            store.assign(text, store.create(shape, state, made))
        elif kind == LINK:
            mirror = store.find(command.target)
            if mirror is None:
                raise DeletedObjectError(f"the object that {text!r} was to be given has been deleted from the share")
            store.assign(text, mirror)
        elif kind == REMOVE:
            store.assign(text, MISSING)
        elif kind == CLEAR:
            store.clear_names()
        else:
            raise CorruptDataError(f"a command of unknown kind {kind}")
        return None

    cdef object with_filled(self, const Command* command, result, cls, str name, tuple args, dict kwargs,
                            const char* data, Py_ssize_t size, Py_ssize_t more):
        """The result of a method that may have changed its arguments, together with these if it has."""
        cdef int found
        if cls in RECORDED:
            return result       # no method of these does so
        found = may_be_filled(args, kwargs)
        if found & CHANGED and self.fillings.may_look(cls, name, True):
            self.fillings.look_at_objects(cls, name, args, kwargs, data[:size], data[size:size + more])
        if not found & FILLED:
            return result
        if command.flags & RESPOND:
            if type(result) is CoroutineType:
                result = self.go_on(command, result, self.owner)    # to its end
            return self.fillings.told(result, args, kwargs, data[:size], data[size:size + more])
        if self.fillings.may_look(cls, name):
            self.fillings.warn(cls, name, args, kwargs, data[:size], data[size:size + more])
        return result

    cdef object run_at(self, const Command* command, str text, const char* data, uint64_t size):
        """A command on a part of an object's state."""
        cdef Py_ssize_t used = 0, more = 0
        cdef Mirror mirror
        cdef int kind = command.kind
        cdef tuple head = decode(data, size, &used)
        cdef tuple steps
        cdef bint is_node = starts_at_node(head)
        data += used
        size -= used
        if kind == APPLY and command.target == 0 and not is_node:
            return apply_to_root(self.store, head[2], text, decode(data, size, &used))
        if is_node:
            self.part = head[0]
            start, steps = self.store.node(head[1]), head[2:]
        else:
            mirror = self.store.held(command.target, "object of a part")
            start, steps = mirror.live, head[1:]
        if kind == APPLY:
            value = decode(data, size, &used)
            self.reach(start, mirror if not is_node else None, steps, start, None, False)
            apply(start, steps, text, value)
            return None
        found = part(start, head, steps)
        if kind == CALL_AT:
            self.store.given_is_recorded = size > LEAST_REFERENCE and given_is_recorded(found, text, True)
            args = decode(data, size, &used)
            kwargs = decode(data + used, size - used, &more) if command.flags & KEYWORDS else {}
        elif kind == SET_AT:
            self.store.given_is_recorded = size > LEAST_REFERENCE and given_is_recorded(found, text, False)
            value = decode(data, size, &used)
        elif kind != DELETE_AT and kind != GET_AT:
            raise CorruptDataError(f"a command of unknown kind {kind}")
        self.store.given_is_recorded = False
        self.reach(start, mirror if not is_node else None, steps, found, text, kind == CALL_AT)
        if kind == CALL_AT:
            self.ran_on = start
            result = getattr(found, text)(*args, **kwargs)
            return self.with_filled(command, result, found.__class__, text, args, kwargs, data, used, more) \
                if args or kwargs else result
        if kind == SET_AT:
            setattr(found, text, value)
        elif kind == DELETE_AT:
            delattr(found, text)
        else:
            return getattr(found, text)

    cdef int reach(self, object start, Mirror mirror, tuple steps, object found, str name, bint is_call) except -1:
        """Notes what a command on a part may change."""
        is_unsure = name is not None and (
            call_goes_past(found, name, self.store) if is_call else setting_goes_past(found, name, self.store))
        if mirror is None:
            stays_inside = is_call and found is start and compares_nothing(found.__class__, name)
            self.store.note_node(start, is_unsure, stays_inside)
            return 0
        cells = None
        if steps and not mirror.shape.opaque and not mirror.shape.plan.entangled:
            cells = (mirror.shape.cell_of(steps[1]),)
        self.store.touch(mirror, cells)
        if is_unsure:
            self.store.touch_unseen(mirror, None)       # its parts may be at home in other attributes
        return 0

    cdef int failed(self, const Command* command, bytes name, uint32_t owner, uint64_t end, error) except -1:
        """What a command raised goes to who waits for it, else to the log and to ``Share.errors``."""
        cdef bint waiting = command.flags & RESPOND
        failure = describe(error, self.store.reduce, not waiting)
        if waiting:
            self.answers.prepare_error(owner, end, failure)
            return 0
        if BROKEN("errors"):
            return 0
        mirror = self.store.find(command.target)
        where = name.decode(errors="replace")
        if mirror is not None:
            where = f"{class_name((<Mirror>mirror).shape.cls)}.{where}"
        elif self.part:
            where = f"{self.part}.{where}"
        if not self.again:              # else the log has it already
            self.unsaid = self.failure_log.note(where, failure)
        self.store.add_error((end, self.control.process_info(owner)[1], where, failure.data, failure.text),
                             load_rlx(self.control.process(owner, P_TOLD)))
        return 0

    # -- committing -----------------------------------------------------------------------------------

    cdef int commit(self) except -1:
        """Publishes what [C, position) has changed and stores C = position."""
        cdef int64_t start = now_ns()
        changes = None
        self.ran_on = None
        self.store.position = self.position
        while self.reports:
            self.store.add_error(self.reports.pop(0), 0)
        try:
            self.store.prepare()
            if self.journal is not None:
                changes = self.store_commit()
        except BaseException as error:
            self.recover_from(error)
            return 0
        self.finish_commit()
        if self.journal is not None:
            self.store_behind(changes)
        self.publish_cost = now_ns() - start
        return 0

    cdef object store_commit(self):
        """Has the journal store what is prepared, or gives it, to be stored behind."""
        changes = self.journal.changes()
        if self.journal.is_behind and not self.transactions.stores:
            return changes
        self.journal.store_before(self.position, changes, self.transactions.stores)
        self.transactions.stores = False
        return None

    cdef int store_behind(self, changes) except -1:
        """After C has been stored."""
        if changes is not None:
            self.journal.store_after(changes)
        self.journal.tidy()
        return 0

    cdef int finish_commit(self) except -1:
        cdef uint64_t committed = self.control.committed()
        cdef uint32_t changed
        if self.position - committed > self.control.cells:
            raise damaged(committed)
        if BROKEN("commit"):
            store_rel(self.control.commit, self.position)
        # All that a command can break is done: a death from here on is not its fault.
        cdef uint64_t* poison = self.control.word(POISON_BEFORE if self.position < self.singly_until else POISON)
        if load_rlx(poison) & 3 != 3:
            store_rlx(poison, 0)
        TESTPOINT("coordinator.prepared")
        self.store.publish(self.position)
        TESTPOINT("coordinator.published")
        changed, self.store.to.changed = self.store.to.changed, 0
        if self.answers.prepared:
            changed |= ANSWERS
        self.answers.send()
        TESTPOINT("coordinator.answered")
        if self.store.linked:
            self.control.note_references()
        # release: pairs with every acquire of C. This one store lowers flags, shows the new versions and releases
        # the answers.
        store_rel(self.control.commit, self.position | self.given_up)
        if self.linking:
            self.control.count_linking(-self.linking)
            self.linking = 0
        TESTPOINT("coordinator.committed")
        wake(self.control.wait_commit)
        self.control.wake_waiters(changed)
        if self.spilled:
            drop_spills(self.control, committed, self.position)
            self.spilled = False
        mpsc_free(&self.control.ring, committed, self.position)
        TESTPOINT("coordinator.freed")
        wake(self.control.wait_room)
        self.control.wake_waiters(ROOM)
        self.store.settle()
        TESTPOINT("coordinator.settled")
        self.last_mirror = None         # it may have been deleted
        if (load_acq(self.control.word(REGISTRATIONS)) != self.registrations or self.leaving or self.ended) and \
                now_ns() - self.reaped_at > REAP_NS:
            self.reap()
        return 0

    cdef int recover_from(self, error) except -1:
        """Something that a command left cannot be published: undo the group, run its commands one by one."""
        cdef uint64_t end = self.position, at = self.control.committed()
        cdef uint32_t n = 0, owner = 0
        cdef int state
        cdef Command command
        changes = None
        self.answers.forget()
        self.transactions.generators.drop(None)
        self.transactions.stores = False
        self.store.abandon()
        self.last_mirror = self.ran_on = None
        self.position = at
        self.again = True
        while self.position < end:
            state = mpsc_peek(&self.control.ring, self.position, &n, &owner)
            if state == COMMITTED:
                self.execute(self.position, n, owner)
            elif state != PAD:
                raise damaged(self.position)
            self.position += n
            self.store.position = self.position
            try:
                self.store.prepare()
                if self.journal is not None:
                    changes = self.store_commit()
            except BaseException as culprit:
                changes = None
                self.answers.forget()
                self.transactions.generators.drop(None)
                self.transactions.stores = False
                self.store.abandon()
                self.last_mirror = self.ran_on = None
                memcpy(&command, mpsc_body(&self.control.ring, self.position - n), COMMAND_HEADER)
                body = mpsc_body(&self.control.ring, self.position - n) + COMMAND_HEADER
                name = body[:min(command.name_length, n * CELL - COMMAND_HEADER)]
                note_undone(culprit)
                self.again = False
                self.failed(&command, name, owner, self.position, culprit)
                self.again = True
                self.store.prepare()
                if self.journal is not None and self.journal.changes():
                    self.journal.distrust()
            self.finish_commit()
            if self.journal is not None:
                self.store_behind(changes)
        self.again = False
        return 0

    # -- waiting --------------------------------------------------------------------------------------

    cdef bint wait_for_work(self) except -1:
        cdef uint32_t w, n = 0, owner = 0
        cdef int _
        cdef uint64_t registrations = self.registrations
        cdef int64_t longest = IDLE_NS
        cdef int64_t keeps = self.store.keeps_removed()
        if not keeps:
            self.removed_until = 0
        elif self.removed_until == 0:
            self.removed_until = now_ns() + keeps
        elif now_ns() >= self.removed_until and self.send_own(b"nothing", encode(None, "nothing")):
            self.removed_until = 0          # a commit gives up what nobody holds
            return True
        if self.removed_until:
            longest = max(<int64_t>1, min(longest, self.removed_until - now_ns()))
        if self.unsaid:
            longest = SUMMARY_NS
        if self.answers.keeps:
            if now_ns() - self.given_back_at > SPARE_NS:
                self.given_back_at = now_ns()
                self.answers.give_back()
            longest = min(longest, SPARE_NS)
        if self.journal is not None and self.journal.is_late:
            self.journal.store_after({})
            longest = min(longest, <int64_t>LATE_NS)
        if self.left_at:
            longest = max(<int64_t>1, min(longest, self.left_at + self.linger - now_ns()))
        with nogil:
            for _ in range(spin_rounds()):
                if mpsc_peek(&self.control.ring, self.position, &n, &owner) != FREE:
                    spun(True)
                    return True
                pause()
            spun(False)
            w = announce(self.control.wait_work)
            if mpsc_peek(&self.control.ring, self.position, &n, &owner) == FREE and \
                    load_acq(self.control.word(REGISTRATIONS)) == registrations:
                sleep(self.control.wait_work, w, longest)
        try:
            PyErr_CheckSignals()        # SIGTERM closes the ring
        except BaseException as error:
            # Of a handler that a method of the user's has set.
            self.unsaid = self.failure_log.note("a signal handler", describe(error))
        return True

    def wait_for_claim(self):
        """A living process is between claim and commit: normally for a few hundred nanoseconds."""
        cdef uint32_t w, n = 0, owner = 0
        cdef int _
        with nogil:
            for _ in range(spin_rounds()):
                if mpsc_peek(&self.control.ring, self.position, &n, &owner) != CLAIMED:
                    break
                pause()
            else:
                w = announce(self.control.wait_work)
                if mpsc_peek(&self.control.ring, self.position, &n, &owner) == CLAIMED:
                    sleep(self.control.wait_work, w, CLAIM_NS)

    def report_slow(self, uint64_t position, seconds, stack):
        """Reports a command that is still running; called by the thread that watches.

        The log has it now; `Share.errors` has it when the command is committed, as nobody else may write slots.
        """
        command = self.last_name.decode(errors="replace") if self.last_name is not None else "?"
        message = f"{command} has been running in the coordinator for {seconds:.1f} s, and everything waits for it"
        fields = {"share_name": self.control.name, "share_command": command, "share_seconds": seconds}
        log.warning("share %s: %s\n%s", self.control.name, message, stack, extra=fields)
        self.reports.append((position, 0, command, encode(ShareWarning(message), "warning"), stack))

    def reap(self):
        """Gives back the entries of processes that have left or are proven dead.

        Such a process can claim nothing any more; what it had claimed before must be behind C. It may have died before
        it moved tail over its claim: so tail is helped first, and C awaited where it then is. That needs no idle ring
        (models/ring.pml, -DREUSE).
        """
        cdef uint64_t entry, word
        self.reaped_at = now_ns()
        self.registrations = load_acq(self.control.word(REGISTRATIONS))
        for entry in range(<uint64_t>MAX_PROCESSES):
            word = load_acq(self.control.process(entry, P_WORD))
            if word == 0 or entry == self.entry:
                continue
            if not self.control.has_gone(entry):
                if self.watch is not None:
                    self.watch(word)
                continue
            if entry not in self.leaving:
                mpsc_help(&self.control.ring)
                self.leaving[entry] = load_acq(self.control.ring.tail)      # pairs with every CAS on tail
            if self.control.committed() < self.leaving[entry]:
                continue
            del self.leaving[entry]
            serial = load_rlx(self.control.process(entry, P_SERIAL))
            self.answers.rings.pop(entry, None)
            self.arenas.pop(entry, None)
            remove_leftovers(self.control.name, serial)
            self.store.holders.forget(self.store.state, entry)
            self.store.forget_errors(serial)
            if self.transactions.generators.has_of(serial):
                self.ended.append(serial)
            self.control.forget_wanted(entry)
            TESTPOINT("reap.unlinked")
            store_rlx(self.control.process(entry, P_RESPONSE), 0)
            store_rlx(self.control.process(entry, P_HELD), 0)
            # release: pairs with the CAS in take_entry
            store_rel(self.control.process(entry, P_WORD), 0)
        while self.ended and self.send_own(b"end_generators", encode(self.ended[0], "serial")):
            self.ended.pop(0)
        if (self.linger == 0 or self.has_lingered()) and self.control.end_if_left(self.entry):
            self.control.close_ring()

    cdef bint has_lingered(self) except -1:
        """Whether nobody has been there, or come, for as long as the share is to wait for somebody."""
        if not self.control.is_left(self.entry):
            self.left_at = 0
        elif self.left_at == 0 or self.left_with != self.registrations:
            self.left_at, self.left_with = now_ns(), self.registrations
        return self.left_at != 0 and now_ns() - self.left_at >= self.linger

    cdef bint send_own(self, bytes name, bytes payload) except -1:
        """Queues a command of the coordinator's own. False: there is no room for it now."""
        cdef Command header
        cdef uint64_t position = 0
        cdef uint64_t size = COMMAND_HEADER + PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(payload)
        cdef uint32_t n = <uint32_t>((size + CELL - 1) // CELL)
        cdef char* body
        cdef int answer = mpsc_try_claim(&self.control.ring, self.entry, n, 0, &position)
        if answer != CLAIM_OK:
            return answer == CLAIM_CLOSED       # then nothing is kept
        flag_raise(self.control.wide, position + n)
        header.size, header.kind, header.flags, header.target = <uint32_t>size, RUN, 0, 0
        header.name_length = <uint16_t>PyBytes_GET_SIZE(name)
        body = mpsc_body(&self.control.ring, position)
        memcpy(body, &header, COMMAND_HEADER)
        memcpy(body + COMMAND_HEADER, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
        memcpy(body + COMMAND_HEADER + PyBytes_GET_SIZE(name), PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
        mpsc_commit(&self.control.ring, self.entry, n, position)
        return True

    def look_again(self):
        """Has the loop look for processes that have gone, as soon as it is idle. For other threads."""
        self.registrations = <uint64_t>-1
        wake(self.control.wait_work)
        self.control.note_left_line()
        self.control.wake_waiters(DIED)

    def give_up(self):
        """Closes the share at once, whatever is running. For other threads, of a process that is about to end."""
        self.given_up = CLOSED_BIT
        store_rel(self.control.commit, self.control.committed() | CLOSED_BIT)
        self.control.wake_everybody()

    def condemn(self):
        """Sees to it that a successor skips the command that is running now. For the thread that watches."""
        # That of a command that is replayed before the one of which our predecessor died, or of any other.
        cdef uint64_t* word = self.control.word(POISON_BEFORE)
        if load_rlx(word) >> 2 <= self.position:
            word = self.control.word(POISON)
        store_rlx(word, load_rlx(word) | 3)

    def close(self):
        """Marks the share as closed for everybody who reads or waits."""
        # release: pairs with every acquire of C
        store_rel(self.control.commit, self.position | CLOSED_BIT)
        TESTPOINT("coordinator.closed")
        wake(self.control.wait_commit)
        wake(self.control.wait_room)
        self.control.wake_waiters(ALL_CHANGES)


def note_undone(error):
    try:
        if isinstance(error, (EngineError, EngineLostError)):
            error.add_note("What the command did cannot be stored; it has been undone.")
        else:
            error.add_note("The command left state that cannot be shared; it has been undone.")
    except BaseException:
        pass                # an exception of the user's, with an add_note of its own


def damaged(position):
    """The error for a ring in which something stands that no process of ours can have written."""
    return CorruptDataError(f"the command ring is damaged at position {position}: somebody else has written into the "
                            "share's memory; the share ends")


def remove_leftovers(str name, serial):
    """Unlinks the response ring of a dead process, the arenas, its spills, and the answers that it did not fetch."""
    from .._names import segments_of

    unlink(f"{name}_r{serial:x}")
    unlink(arguments_name(name, serial))
    unlink(answers_name(name, serial))
    unlink(held_name(name, serial))
    for kind in "sa":
        for spill in segments_of(f"{name}_{kind}{serial:x}_"):
            unlink(spill)
