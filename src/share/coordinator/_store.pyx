"""Mirrors and their publication: live objects on one side, slots and blocks on the other."""

cimport cython

import logging
from collections import deque
from sys import intern

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from .._atomic cimport copy_to_shared, load_rlx, store_rlx, TESTPOINT
from .._control cimport change_class, Control
from .._heap cimport Cells, Heap
from .._internal cimport make_internal
from .._layout cimport ABSENT, BLOCK, BLOCK_HEADER, DELETED, EMPTY, H_NEXT_ID, INLINE, INLINE_BYTES, LOG, \
    PURPOSE_SHAPE, REF, SEGMENT_FLAGS, SEGMENT_SLOTS, Slot, SLOT_SIZE, Version
from .._logs cimport LEAST_BASE, LEAST_LOG, entry, has_log, is_logged
from .._protocol cimport version_value
from .._slots cimport slot_assign, slot_begin, slot_find, slot_publish, slot_read, slot_victim
from ..cerial._codec cimport Encoder, decode
from ..cerial._kinds cimport Kind
from ._tracked cimport Log, is_tracked, log_of, tracked_copy, untracked

from .. import _protocol
from .._cells import index_of
from .._kinds import is_value
from ..cerial._digests import check_code
from ..errors import ClassChangedError, CorruptDataError, DeletedObjectError, NotShareableError, ShareMemoryError, \
    ShareWarning
from .._paths import ITEM, step_into
from .._protocol import encode
from ._failures import class_name, FailureBook, line_of
from ._live import EMPTY_CONTAINERS, MISSING, live_instance, plain_state, refill, replace_state, state_of, tracked, \
    Unreadable

cdef extern from "Python.h":
    char* PyByteArray_AS_STRING(object) noexcept
    Py_ssize_t Py_REFCNT(PyObject*) noexcept

builtin_id = id
log = logging.getLogger("share.coordinator")

cdef enum:
    PAGE = 64                   # root names whose cells are allocated together


cdef list blocks_of(const Version* version):
    if version.kind == BLOCK:
        return [version.payload[0]]
    if version.kind == LOG:
        return [version.payload[0], version.payload[3]] if version.payload[3] else [version.payload[0]]
    return []


cdef bint same_values(value, last):
    """Whether two dicts hold the very same objects."""
    if type(value) is not dict or type(last) is not dict or len(<dict>value) != len(<dict>last):
        return False
    for name, held in (<dict>value).items():
        if (<dict>last).get(name, MISSING) is not held:
            return False
    return True


cdef uint64_t last_of(list records) except? 0xffffffffffffffff:
    """The position of the last record of a failed command; 0 if there is none."""
    return records[len(records) - 1][0] if records else 0


@cython.binding(False)
cdef class Call:
    """A method as the coordinator calls it."""


@cython.binding(False)
cdef class Shape:
    """A class as the share knows it: the cells of its objects, and what each method may write."""

    def __init__(self, cls, cells, plan, code=None):
        check_code(cls, code, "the coordinator")
        self.cls, self.cells, self.plan = cls, cells, plan
        self.index_of = index_of(cells)
        self.together = tuple([index for index, cell in enumerate(cells, 1) if type(cell) is tuple])
        self.opaque = plan.kind == "opaque"
        self.calls = {}

    cdef Call call(self, bytes name):
        """What is to be known of a method; made at its first call."""
        cdef Call call = Call()
        call.text = intern(name.decode())
        plan = self.plan.methods.get(call.text)
        call.writes = None if plan is None else self.cells_of(plan)
        call.seen = ()
        if call.writes and plan.unseen is not None:
            unseen = {self.index_of.get(each, 0) for each in plan.unseen} | {0}
            call.seen = tuple([index for index in call.writes if index not in unseen])
            call.writes = tuple([index for index in call.writes if index in unseen])
        call.logged = self.opaque and is_logged(self.cls, name)
        self.calls[name] = call
        return call

    def cells_of(self, method):
        """The cells that a method may write; None for all of them."""
        if method.writes is None or self.opaque:
            return None if method.writes is None or method.writes else ()
        return tuple(sorted({self.index_of.get(name, 0) for name in method.writes}))

    def cell_of(self, str name):
        """The cell of an attribute."""
        return self.index_of.get(name, 0)

    def setter_cells(self, str name):
        """The cells that assigning or deleting an attribute may write."""
        if self.plan.custom_setattr or self.opaque:
            return None
        plan = self.plan.setters.get(name)
        found = (self.index_of.get(name, 0),)
        if name in self.plan.deleters or plan is not None:
            return None if plan is None or plan.writes is None else self.cells_of(plan) + found
        return found

    def getter_cells(self, str name):
        """The cells that evaluating a property may write."""
        plan = self.plan.getters.get(name)
        return None if plan is None else self.cells_of(plan)

    cdef bint has_own(self, uint32_t index) noexcept:
        """Whether a cell is that of one attribute and holds its value itself."""
        return index and not self.opaque and index not in self.together


@cython.binding(False)
cdef class Root:
    """A top-level name. It keeps its cells when it is deleted, so that its flag means it for ever."""


@cython.binding(False)
cdef class Mirror:
    """A live object of the coordinator and where it is published."""

    def __repr__(self):
        return f"<Mirror {self.id} of {self.shape.cls.__qualname__}>"


make_internal(<PyTypeObject*>Mirror)


@cython.binding(False)
cdef class Publication:
    """One slot's next version, encoded and stored, not yet visible."""


@cython.binding(False)
cdef class Store:
    """All state of a share. ``prepare`` may fail and changes nothing that readers see; ``publish`` cannot fail."""

    def __cinit__(self, Control control not None, bint check=False):
        self.control = control
        self.heap = Heap(control)
        self.flags = Cells(control, SEGMENT_FLAGS)
        self.slots = Cells(control, SEGMENT_SLOTS)
        self.encoder = Encoder()
        self.encoder.reduce = self._reduce
        self.encoder.fresh = set()
        self.roots, self.mirrors, self.by_identity, self.shapes = {}, {}, {}, {}
        self.dirty, self.dirty_roots = set(), set()
        self.errors = FailureBook()
        self.errors_before = self.errors.state()
        self.pending, self.doomed = [], []
        self.root_page_used = PAGE
        self.next_id = load_rlx(control.word(H_NEXT_ID)) or 1
        self.check = check
        self.warned, self.reports = set(), []
        self.waiting = []
        _protocol.resolvers[control.name] = self.resolve

    # -- references -----------------------------------------------------------------------------------

    def resolve(self, id, flags_at, slots_at, shape_at, cells):
        """The live object that a reference means."""
        cdef Mirror mirror = self.mirrors.get(id)
        if self.loading:
            if mirror is None:
                mirror = self.adopt(id, flags_at, slots_at, shape_at, cells)
            if self.found is not None:
                self.found.add(mirror.id)
            return mirror.live
        if mirror is None or mirror.holders <= 0:
            raise DeletedObjectError(f"object {id} has been deleted from the share")
        self.resolutions += 1
        # Whoever receives it may change it, now or later in this batch.
        mirror.everything = True
        self.dirty.add(mirror)
        return mirror.live

    def _reduce(self, value):
        cdef Mirror mirror = self.by_identity.get(builtin_id(value))
        if mirror is None or value is self.self_encoded:
            return NotImplemented
        if self.found is not None:
            self.found.add(mirror.id)
        return _protocol.reference, (self.control.name, mirror.id, mirror.flags_at, mirror.slots_at,
                                     mirror.shape.at, mirror.cells)

    @property
    def name(self):
        """The share's name."""
        return self.control.name

    @property
    def reduce(self):
        """The hook for encoders that turns live objects into references."""
        return self._reduce

    def reached(self, value):
        """Notes that running code has got hold of a live object."""
        cdef Mirror mirror = self.by_identity.get(builtin_id(value))
        if mirror is not None:
            self.touch(mirror, None)
        return value

    cdef Mirror find(self, uint64_t id):
        """The mirror of that id; None if its object has been deleted."""
        cdef Mirror mirror = self.mirrors.get(id)
        # Without a holder: deleted earlier in this group. That the count is right is the loop's doing, see runs_alone.
        return mirror if mirror is not None and mirror.holders > 0 else None

    def held(self, uint64_t id, str name):
        """The mirror of that id. Raises DeletedObjectError if its object, of that class, has been deleted."""
        cdef Mirror mirror = self.find(id)
        if mirror is None:
            raise DeletedObjectError(f"the {name} that a command was given has been deleted from the share")
        return mirror

    def note_change(self, Mirror mirror not None, cells):
        """Notes that a command may have changed those cells of an object; None: all of them."""
        self.touch(mirror, cells)

    def note_all_reached(self):
        """Notes that whatever can be reached from what the command has got hold of may be changed."""
        for mirror in list(self.dirty):
            self.touch(mirror, None)

    def changed_ids(self):
        """The ids of what `take_back` would load anew; None: everything."""
        cdef Mirror mirror
        if self.dirty_roots or self.directory_dirty or self.errors_dirty or self.pending:
            return None         # it has made or deleted objects or names
        for mirror in self.dirty:
            if not mirror.published or mirror.shape.opaque and mirror.shape.cls not in REFILLED:
                return None
        return {(<Mirror>changed).id for changed in self.dirty}

    def spoilt_ids(self):
        """The ids of those that have parts, of their own or in what they refer to, which `take_back` would replace."""
        return None if self.linked else self.changed_ids()

    def take_back(self):
        """Undoes a command that has a group of its own: what it can have changed is loaded anew."""
        cdef Mirror mirror
        cdef list changed = list(self.dirty)
        if self.changed_ids() is None:
            self.abandon()
            return
        self.waiting.clear()    # of logs, which are replaced with their containers
        self.loading = True
        try:
            for mirror in changed:
                for references in mirror.references:
                    for id in references or ():
                        (<Mirror>self.mirrors[id]).holders -= 1
                mirror.everything = False
                mirror.journals = mirror.last_call = None
                mirror.touched.clear()
                mirror.seen.clear()
                mirror.ran.clear()
                if mirror.shape.opaque:
                    mirror.live.clear()
                self.fill(mirror)
        finally:
            self.loading = False
        self.dirty.clear()

    def mirror_of(self, value):
        """The mirror whose live object this is, or None."""
        return self.by_identity.get(builtin_id(value))

    # -- changing live state --------------------------------------------------------------------------

    def new_id(self):
        """An id that no object or cell of this share has had or will have."""
        cdef uint64_t id = self.next_id
        self.next_id += 1
        store_rlx(self.control.word(H_NEXT_ID), self.next_id)
        return id

    def root(self, str name):
        """The root of that name, made if there is none."""
        cdef Root root = self.roots.get(name)
        if root is None:
            if self.root_page_used == PAGE:
                self.root_page_flags = self.flags.allocate(PAGE)
                self.root_page_slots = self.slots.allocate(PAGE)
                self.root_page_used = 0
            root = Root()
            root.name = name
            root.flag_at = self.root_page_flags + 8 * self.root_page_used
            root.slot_at = self.root_page_slots + SLOT_SIZE * self.root_page_used
            root.slot = <Slot*>self.control.at(root.slot_at, SLOT_SIZE)
            root.owner = self.new_id()
            root.value = MISSING
            root.published = False
            self.root_page_used += 1
            slot_assign(root.slot, root.owner)
            self.roots[name] = root
            self.directory_dirty = True
        return root

    def root_value(self, str name):
        """The live value of a name: a plain value, a live object, or MISSING."""
        cdef Root root = self.roots.get(name)
        if root is None:
            return MISSING
        return (<Mirror>root.value).live if isinstance(root.value, Mirror) else root.value

    def names(self):
        """The names that exist."""
        return [name for name, root in self.roots.items() if (<Root>root).value is not MISSING]

    def assign(self, str name, value):
        """Gives a name a plain value, a Mirror, or MISSING (deletes it)."""
        cdef Root root = self.roots.get(name)
        if value is MISSING:
            if root is None or root.value is MISSING:
                raise AttributeError(f"the share has no {name!r}")
        else:
            root = self.root(name)
        if isinstance(value, Mirror):
            (<Mirror>value).holders += 1
        old, root.value = root.value, value
        self.dirty_roots.add(root)
        if isinstance(old, Mirror):
            self.let_go(old)

    def let_go(self, Mirror mirror not None):
        """One holder of an object less; the last one's going deletes it at the next commit."""
        mirror.holders -= 1
        if mirror.holders <= 0:
            self.dirty.add(mirror)

    def shape_from(self, bytes encoded):
        """A shape decoded, without a slot."""
        cdef Py_ssize_t used = 0
        return Shape(*decode(<const char*>encoded, len(encoded), &used))

    def shape_or_stand_in(self, bytes encoded):
        """The same; where its class cannot be loaded, a shape whose objects are Unreadable."""
        try:
            return self.shape_from(encoded)
        except MemoryError:
            raise               # as wherever state is loaded: it is whole, and a successor may have the memory
        except BaseException as error:
            why = self.note_unreadable("an object", hash(encoded), error)
            from ..analysis._plan import ClassPlan  # as all of that package: only when it is needed

            shape = Shape(Unreadable, ("",), ClassPlan("", "opaque", ()))
            (<Shape>shape).why = why
            return shape

    def note_unreadable(self, str what, key, error):
        """Tells the log and ``Share.errors``, once, of something published that cannot be loaded. Gives what to say."""
        why = f"{what} cannot be loaded in the coordinator: {line_of(error)}; assign it anew"
        if key not in self.warned:
            self.warned.add(key)
            log.error("%s", why)
            self.reports.append((self.control.committed(), 0, what, encode(NotShareableError(why), "error"), ""))
        return why

    def shape(self, bytes encoded):
        """The shape for its encoded form."""
        cdef Shape shape = self.shapes.get(encoded)
        cdef Slot* slot
        if shape is not None and shape.cls is Unreadable:
            at = shape.at
            shape = self.shapes[encoded] = self.shape_from(encoded)     # it can be loaded by now, or this says why not
            shape.at = at
        if shape is None:
            try:
                shape = self.shape_from(encoded)
            except (ClassChangedError, CorruptDataError):
                raise
            except Exception as error:
                raise NotShareableError(
                    f"the coordinator cannot load the class ({type(error).__name__}: {error}): what a class refers to "
                    "by name must be in a module that can be imported there") from error
            shape.at = self.slots.allocate(1)
            slot = <Slot*>self.control.at(shape.at, SLOT_SIZE)
            slot_assign(slot, shape.at)
            store_rlx(&slot.purpose, PURPOSE_SHAPE)
            self.pending.append(self.publication(slot, shape.at, <const char*>encoded, len(encoded)))
            self.shapes[encoded] = shape
        return shape

    def create(self, Shape shape not None, state, made=None):
        """A new mirror from a decoded state, in the instance ``made`` if there is one; nobody holds it yet."""
        cdef Mirror mirror = Mirror.__new__(Mirror)
        cdef uint32_t i
        mirror.id = self.new_id()
        mirror.shape = shape
        mirror.cells = len(shape.cells) + 1
        mirror.live = tracked(state) if shape.opaque else live_instance(shape.cls, state, made)
        mirror.flags_at = self.flags.allocate(mirror.cells)
        mirror.slots_at = self.slots.allocate(mirror.cells)
        mirror.slots = <Slot*>self.control.at(mirror.slots_at, mirror.cells * SLOT_SIZE)
        for i in range(mirror.cells):
            slot_assign(&mirror.slots[i], mirror.id)
        mirror.last = [UNPUBLISHED] * mirror.cells
        mirror.references = [None] * mirror.cells
        mirror.everything = True
        mirror.touched, mirror.seen, mirror.ran = set(), set(), set()
        self.mirrors[mirror.id] = mirror
        self.by_identity[builtin_id(mirror.live)] = mirror
        self.dirty.add(mirror)
        return mirror

    cdef int touch_call(self, Mirror mirror, Call call) except -1:
        cdef bint others = mirror.others
        if mirror.last_call is call and not self.linked:
            return 0
        mirror.last_call = call
        mirror.ran.add(call.text)
        mirror.seen.update(call.seen)
        self.touch(mirror, call.writes)
        mirror.others = others
        return 0

    cdef int touch_seen(self, Mirror mirror, uint32_t cell) except -1:
        """Notes that a command has run that has changed nothing but the tracked container of a cell."""
        mirror.seen.add(cell)
        return self.touch(mirror, ())

    cdef bint tracks(self, Mirror mirror, uint32_t cell, tuple path):
        """Whether a container records what a command on a part does to it, or is told here: an element is changed."""
        cdef Log log
        if mirror.references[cell]:
            return False
        container = getattr(mirror.live, path[2], None)
        log = log_of(container)
        if log is None or log.mirror != mirror.id or log.cell != cell:
            return False
        if len(path) > 3:
            if path[3] != ITEM:
                return False
            log.hand(container, path[4], step_into(container, ITEM, path[4]))
        return True

    cdef int settle_logs(self) except -1:
        """Between commands: what tracked containers have still to write."""
        cdef list waiting = list(self.waiting)
        cdef Log log
        self.waiting.clear()            # every log has this very list
        for container in waiting:
            log = log_of(container)
            self.found = set()
            self.encoder.fresh.clear()
            try:
                log.settle(container, self.encoder)
                if self.found or self.encoder.fresh:
                    log.whole = True    # references are counted, and new classes tried, when all is encoded
            finally:
                self.found = None
        return 0

    cdef int touch(self, Mirror mirror, writes) except -1:
        """Notes that a command on this object has run, which by its plan may have written those cells."""
        self.dirty.add(mirror)
        mirror.others = True
        if writes is None:
            mirror.everything = True
        else:
            mirror.touched.update(writes)
        if self.linked:
            self.touch_reachable(mirror)
        return 0

    cdef int journal(self, Mirror mirror, uint32_t cell, bytes name, bint keywords, const char* data,
                     uint64_t size) except -1:
        """Notes a call of a built-in method that has changed the container of a cell, and nothing else."""
        self.dirty.add(mirror)
        mirror.others = True
        if mirror.everything or cell in mirror.touched:
            return 0                # it will be published anew
        if mirror.journals is None:
            mirror.journals = {}
        journal = mirror.journals.get(cell)
        if journal is None:
            journal = mirror.journals[cell] = bytearray()
        journal += entry(name, keywords, data, size)
        return 0

    def touch_reachable(self, Mirror mirror not None):
        """Whatever a live object refers to may have been changed through it."""
        seen, rest = {mirror.id}, [mirror]
        while rest:
            for references in (<Mirror>rest.pop()).references:
                for id in references or ():
                    other = self.mirrors.get(id)
                    if other is not None and id not in seen:
                        seen.add(id)
                        (<Mirror>other).everything = True
                        self.dirty.add(other)
                        rest.append(other)

    def add_error(self, record, told):
        """Keeps the record of a failed command; its process has heard of those up to the position ``told``."""
        self.errors.add(record, told)
        self.errors_dirty = True

    def forget_errors(self, serial):
        """Drops what is owed to a process that has gone."""
        if self.errors.forget(serial):
            self.errors_dirty = True

    def untold_errors(self):
        """What is published for errors that find no memory: (position of the last, whose they are).

        None: of several processes; 0: of none, as are warnings.
        """
        recent = self.errors.recent
        whose = {record[1] for record in recent if record[0] > self.errors_told and record[1]}
        return last_of(recent), None if len(whose) > 1 else whose.pop() if whose else 0

    def clear_names(self):
        """Deletes every name."""
        for name in self.names():
            self.assign(name, MISSING)

    # -- publishing -----------------------------------------------------------------------------------

    cdef bint dirty_at_all(self) noexcept:
        return bool(self.dirty) or bool(self.dirty_roots) or self.directory_dirty or self.errors_dirty \
            or bool(self.pending)

    cdef int prepare(self) except -1:
        """Encodes everything that changed since the last commit into blocks that nobody refers to yet."""
        cdef Mirror mirror
        cdef Root root
        cdef Publication link
        if self.waiting:
            self.settle_logs()
        # Publishing one object may take hold of another or let it go; who has no holder in the end is deleted by
        # this commit too, and may itself let others go.
        while self.dirty:
            idle = set()
            while self.dirty:
                mirror = self.dirty.pop()
                if mirror.holders > 0:
                    self.prepare_mirror(mirror)
                else:
                    idle.add(mirror)
            for mirror in idle:
                if mirror.holders > 0:
                    self.dirty.add(mirror)
                elif mirror.id in self.mirrors:
                    self.forget(mirror)
        for root in self.dirty_roots:
            if root.value is MISSING:
                link = Publication()
                link.slot, link.owner, link.kind = root.slot, root.owner, ABSENT
                self.pending.append(link)
            elif isinstance(root.value, Mirror):
                mirror = root.value
                link = Publication()
                link.slot, link.owner, link.kind = root.slot, root.owner, REF
                link.payload[0], link.payload[1], link.payload[2] = mirror.id, mirror.flags_at, mirror.slots_at
                link.payload[3], link.payload[4] = mirror.shape.at, mirror.cells
                self.pending.append(link)
            else:
                self.prepare_value(root.slot, root.owner, not root.published, root.value, root.name)
            root.published = True
        if self.directory_dirty:
            table = {}
            for name, root in self.roots.items():
                table[name] = (root.flag_at, root.slot_at, root.owner)
            self.prepare_value(self.control.directory, 0, False, table, "directory")
        if self.errors_dirty:
            try:
                self.prepare_value(self.control.errors, 0, False, self.errors.published(), "errors")
                self.errors_told = last_of(self.errors.recent)
            except ShareMemoryError:
                # No reason to undo what commands have done. That some have failed is said all the same: it needs
                # no block.
                self.errors_late = True
                self.prepare_value(self.control.errors, 0, False, self.untold_errors(), "errors")
        return 0

    cdef int prepare_mirror(self, Mirror mirror) except -1:
        cdef Shape shape = mirror.shape
        cdef uint32_t i
        cdef bint everything = mirror.everything or self.check
        cdef Publication link
        cdef str where
        cdef set found
        cdef bint changed, own
        cdef Log log
        cdef dict journals = mirror.journals
        if type(mirror.live) is Unreadable:
            return 0
        mirror.last_call = None
        mirror.journals = None
        if shape.opaque:
            values = [MISSING, mirror.live]
            if not (mirror.everything or mirror.touched or journals or self.check):
                return 0
        else:
            values = state_of(mirror.live, shape.cells, shape.together)
        mirror.published = True
        for i in range(mirror.cells):
            value = values[i]
            if type(value) is Unreadable and value is mirror.last[i]:
                continue            # what is published is still that
            own = shape.has_own(i)
            journal = journals.get(i) if journals is not None else None
            if journal is not None:
                if not everything and i not in mirror.touched and value is mirror.last[i] \
                        and not mirror.references[i] and self.prepare_log(&mirror.slots[i], mirror.id, journal):
                    continue
                mirror.touched.add(i)
            log = log_of(value) if own else None
            if log is not None and (log.mirror != mirror.id or log.cell != i):
                log = None              # the container of another cell too
            if log is not None and value is mirror.last[i]:
                if not everything and i not in mirror.touched and not mirror.references[i] and log.says_all():
                    if not log.data:
                        continue
                    if self.prepare_log(&mirror.slots[i], mirror.id, log.data):
                        log.data = bytearray()
                        if i not in mirror.seen:
                            self.warn_outside_plan(mirror, i)
                        continue
                if i in mirror.seen or log.data:
                    mirror.touched.add(i)
            elif i in mirror.seen:
                mirror.touched.add(i)
            if value is mirror.last[i] or not own and same_values(value, mirror.last[i]):
                # The same as last time: changed only if it can change and something may have done it.
                if value is MISSING or not (everything or i in mirror.touched) or is_value(value):
                    continue
            where = f"attribute {shape.cells[i - 1]}" if i and i not in shape.together else "attributes"
            if shape.opaque:
                value = plain_state(value)
                if value is mirror.live:
                    self.self_encoded = value       # else: where it is met in its own state, it is a reference
            elif is_tracked(value):
                value = untracked(value)
            self.found = found = set()
            try:
                changed = self.prepare_value(&mirror.slots[i], mirror.id, mirror.last[i] is UNPUBLISHED, value, where)
                if changed and not mirror.everything and i not in mirror.touched:
                    self.warn_outside_plan(mirror, i)
            finally:
                self.self_encoded = self.found = None
            mirror.last[i] = values[i]
            if log is not None:
                log.reset(values[i])
            elif changed and own:
                link = self.pending[len(self.pending) - 1]
                if link.kind == LOG and not found:
                    values[i] = value = None
                    self.follow(mirror, i, link.payload[1])
            if found or mirror.references[i]:
                self.exchange_references(mirror, i, found)
        mirror.everything = False
        mirror.touched.clear()
        mirror.seen.clear()
        mirror.ran.clear()
        mirror.others = False
        return 0

    def encoded_state(self, Mirror mirror not None):
        """The state of an object by cell, each value encoded as it is published; None where there is none."""
        found = []
        values = [MISSING, mirror.live] if mirror.shape.opaque else \
            state_of(mirror.live, mirror.shape.cells, mirror.shape.together)
        for value in values:
            if value is MISSING:
                found.append(None)
                continue
            if mirror.shape.opaque:
                value = plain_state(value)
                if value is mirror.live:
                    self.self_encoded = value
            elif is_tracked(value):
                value = untracked(value)
            try:
                found.append(_protocol.encode(value, "state", self._reduce))
            finally:
                self.self_encoded = None
        return found

    cdef int follow(self, Mirror mirror, uint32_t i, uint64_t size) except -1:
        """Has the container of a cell, which has just been published, tracked from now on."""
        cdef Log log
        name = mirror.shape.cells[i - 1]
        mirror.last[i] = None
        attributes = getattr(mirror.live, "__dict__", None)
        is_slot = attributes is None or name not in attributes
        value = getattr(mirror.live, name) if is_slot else attributes[name]
        # Only if none but the object itself refers to it: it is replaced by another.
        if Py_REFCNT(<PyObject*>value) == 2 and not is_tracked(value):
            new = tracked_copy(value, size, self.waiting)
            if new is not None:
                log = log_of(new)
                log.mirror, log.cell = mirror.id, i
                value = new
                if is_slot:
                    object.__setattr__(mirror.live, name, value)
                else:
                    attributes[name] = value
        mirror.last[i] = value
        return 0

    def exchange_references(self, Mirror mirror, uint32_t i, set found):
        cdef Mirror other
        old = mirror.references[i] or set()
        # Who is held by nobody but itself is not held.
        found.discard(mirror.id)
        for id in found - old:
            other = self.mirrors.get(id)
            if other is not None:
                other.holders += 1
                self.linked = True
        for id in old - found:
            other = self.mirrors.get(id)
            if other is not None:
                self.let_go(other)
        mirror.references[i] = found or None

    def warn_outside_plan(self, Mirror mirror, uint32_t i):
        """Reports, once for each class, attribute and method, a write that no plan knew of.

        Only if it is certain which method did it: no other has run on the object since it was last published.
        """
        if mirror.others or len(mirror.ran) != 1:
            return
        attribute = mirror.shape.cells[i - 1] if i else "an attribute without a cell"
        if type(attribute) is tuple:
            attribute = " or ".join(attribute)
        cls = class_name(mirror.shape.cls)
        method = f"{cls}.{next(iter(mirror.ran))}()"
        key = (builtin_id(mirror.shape), attribute, method)
        if key in self.warned:
            return
        self.warned.add(key)
        warning = ShareWarning(
            f"{method} changed {attribute!r}, which its plan does not say: the change is published, but a reader "
            f"need not have waited for it. Decorate the method with @writes({attribute!r}, ...) or name the attribute "
            f"in {cls}._shared_meta")
        log.warning("%s", warning)
        self.add_error((self.control.committed(), 0, f"{cls}.{attribute}", encode(warning, "warning"), ""), 0)

    cdef bint prepare_log(self, Slot* slot, uint64_t owner, bytearray journal) except -1:
        """Appends to the log of a slot. False: the state is to be published anew."""
        cdef uint64_t tag = 0, length, capacity = 0
        cdef int current = slot_find(slot, self.control.committed(), &tag)
        cdef Version* version
        cdef Publication result
        cdef char* block
        cdef char* old
        if current < 0 or slot.version[current].kind != LOG:
            return False
        version = &slot.version[current]
        length = version.length + len(journal)
        if length > LEAST_LOG and length > version.payload[1] // 2:
            return False
        result = Publication()
        result.slot, result.owner, result.kind, result.length = slot, owner, LOG, length
        memcpy(result.payload, version.payload, sizeof(result.payload))
        if version.payload[3]:
            block = self.control.at(version.payload[3], BLOCK_HEADER)
            capacity = load_rlx(<uint64_t*>(block + 8)) - BLOCK_HEADER
        if length > capacity:
            result.payload[3] = self.heap.allocate(max(2 * length, <uint64_t>512), &result.payload[4])
            result.new_log = True
        block = self.control.at(result.payload[3], length + BLOCK_HEADER) + BLOCK_HEADER
        if result.new_log and version.length:
            old = self.control.at(version.payload[3], version.length + BLOCK_HEADER) + BLOCK_HEADER
            copy_to_shared(block, old, version.length)
        # Behind what any version has: no reader looks there before C is stored.
        copy_to_shared(block + version.length, PyByteArray_AS_STRING(journal), len(journal))
        self.pending.append(result)
        return True

    cdef bint prepare_value(self, Slot* slot, uint64_t owner, bint fresh, object value, str where) except -1:
        """Encodes a value for a slot. False: it is what the slot already says, nothing to publish."""
        cdef Encoder encoder = self.encoder
        cdef Publication publication
        if value is MISSING:
            publication = Publication()
            publication.slot, publication.owner, publication.kind = slot, owner, ABSENT
            self.pending.append(publication)
            return True
        encoder.clear()
        encoder.fresh.clear()
        encoder.encode(value, where)
        if encoder.fresh:
            self.try_decoding(where)
        if not fresh and self.says(slot, encoder.data, encoder.size):
            return False
        publication = self.publication(slot, owner, encoder.data, encoder.size)
        if publication.kind == BLOCK and encoder.size >= LEAST_BASE and has_log(type(value)):
            publication.kind, publication.length, publication.new_base = LOG, 0, True
        self.pending.append(publication)
        return True

    cdef int try_decoding(self, str where) except -1:
        """Decodes what has been encoded, because classes are in it whose instances have not been decoded here.

        What is published must be loadable, by readers and by a successor.
        """
        cdef Py_ssize_t used = 0
        cdef Kind kind
        cdef set found = self.found
        cdef bint loading = self.loading
        self.found, self.loading = None, True       # references become the live objects, which are not touched by it
        try:
            decode(self.encoder.data, self.encoder.size, &used)
        except BaseException as error:
            raise NotShareableError(f"{where}: it can be encoded, but not decoded again: {line_of(error)}") from error
        finally:
            self.found, self.loading = found, loading
        for kind in self.encoder.fresh:
            kind.decoded = True
        return 0

    cdef bint says(self, Slot* slot, const char* data, uint64_t size) except -1:
        """Whether the slot's committed version consists of just these bytes."""
        cdef uint64_t tag = 0
        cdef Version* version
        cdef int current = slot_find(slot, self.control.committed(), &tag)
        if current < 0:
            return False
        version = &slot.version[current]
        if version.kind == INLINE:
            return version.length == size and memcmp(version.payload, data, size) == 0
        if version.kind == BLOCK or version.kind == LOG and version.length == 0:
            return version.payload[1] == size and \
                memcmp(self.control.at(version.payload[0], size + BLOCK_HEADER) + BLOCK_HEADER, data, size) == 0
        return False

    cdef Publication publication(self, Slot* slot, uint64_t owner, const char* data, uint64_t size):
        """A publication of encoded bytes: inline if they fit, else in a new block."""
        cdef Publication result = Publication()
        cdef char* block
        memset(result.payload, 0, sizeof(result.payload))
        result.slot, result.owner = slot, owner
        if size <= INLINE_BYTES:
            result.kind, result.length = INLINE, size
            memcpy(result.payload, data, size)
        else:
            result.kind = BLOCK
            result.payload[0] = self.heap.allocate(size, &result.payload[2])
            result.payload[1] = size
            block = self.control.at(result.payload[0], size + BLOCK_HEADER)
            copy_to_shared(block + BLOCK_HEADER, data, size)
        return result

    cdef int publish(self, uint64_t position) except -1:
        """Stores what was prepared into the slots, as versions of that position."""
        cdef Publication publication
        cdef Mirror mirror
        cdef uint64_t committed = self.control.committed()
        cdef uint32_t i
        for publication in self.pending:
            self.store(publication.slot, committed, position, publication.kind, publication.length,
                       publication.payload)
        for mirror in self.doomed:
            for i in range(mirror.cells):
                self.store(&mirror.slots[i], committed, position, DELETED, 0, NO_PAYLOAD)
        return 0

    cdef int store(self, Slot* slot, uint64_t committed, uint64_t position, uint32_t kind, uint32_t length,
                   const uint64_t* payload) except -1:
        cdef int victim = slot_victim(slot, committed)
        cdef Version old = slot.version[victim]
        self.changed |= change_class(load_rlx(&slot.owner))
        slot_begin(slot, victim)
        if old.tag != EMPTY:
            # Only now: no version refers to them any more.
            self.release_blocks(slot, victim, &old, kind, payload)
        slot_publish(slot, victim, position, kind, length, payload)
        return 0

    cdef int release_blocks(self, Slot* slot, int victim, const Version* old, uint32_t kind,
                            const uint64_t* payload) except -1:
        """Frees the blocks of a version that is being overwritten, but for what the other or the new one refers to."""
        cdef Version* other = &slot.version[1 - victim]
        cdef uint64_t where
        if old.kind != BLOCK and old.kind != LOG:
            return 0
        kept = blocks_of(other) if other.tag != EMPTY else []
        if kind == LOG:
            kept += [payload[0], payload[3]]
        for where in blocks_of(old):
            if where not in kept:
                self.heap.release(where)
                TESTPOINT("store.released")
        return 0

    cdef int settle(self) except -1:
        """After C has been stored: what the commit deleted is given back."""
        cdef Mirror mirror
        cdef uint32_t i
        cdef int v
        cdef Version* version
        for mirror in self.doomed:
            for i in range(mirror.cells):
                blocks = set()
                for v in range(2):
                    version = &mirror.slots[i].version[v]
                    if version.tag != EMPTY and (version.kind == BLOCK or version.kind == LOG):
                        blocks.update(blocks_of(version))
                        slot_begin(&mirror.slots[i], v)
                for where in blocks:
                    self.heap.release(where)
            self.release_cells(mirror)
            TESTPOINT("store.buried")
        self.doomed.clear()
        self.pending.clear()
        self.dirty_roots.clear()
        self.directory_dirty, self.errors_dirty, self.errors_late = False, self.errors_late, False
        self.errors_before = self.errors.state()
        return 0

    def release_cells(self, Mirror mirror not None):
        self.flags.release(mirror.flags_at, mirror.cells)
        self.slots.release(mirror.slots_at, mirror.cells)

    def forget(self, Mirror mirror not None):
        """Deletes an object that nobody holds any more."""
        del self.mirrors[mirror.id]
        del self.by_identity[builtin_id(mirror.live)]
        for references in mirror.references:
            for other in references or ():
                if other in self.mirrors:
                    self.let_go(self.mirrors[other])
        if mirror.published:
            self.doomed.append(mirror)
        else:
            self.release_cells(mirror)

    # -- loading what is published --------------------------------------------------------------------

    cdef int abandon(self) except -1:
        """After a failed ``prepare``: frees what it encoded and brings all live state back to what is published."""
        cdef Publication publication
        cdef Mirror mirror
        cdef uint64_t tag = 0
        for publication in self.pending:
            if publication.kind == BLOCK or publication.new_base:
                self.heap.release(publication.payload[0])
            if publication.new_log:
                self.heap.release(publication.payload[3])
        self.pending.clear()
        for mirror in self.mirrors.values():
            if slot_find(mirror.slots, self.control.committed(), &tag) < 0:
                self.release_cells(mirror)      # made since the last commit
        for encoded, shape in list(self.shapes.items()):
            if slot_find(<Slot*>self.control.at((<Shape>shape).at, SLOT_SIZE), self.control.committed(), &tag) < 0:
                del self.shapes[encoded]
        self.doomed.clear()
        self.load()
        # Those of the group will be made again; those before it may still have to be published.
        self.errors.restore(self.errors_before)
        self.errors_dirty = last_of(self.errors.recent) > self.errors_told
        return 0

    def load(self):
        """Rebuilds roots, mirrors and errors from the committed versions."""
        cdef Root root
        cdef Mirror mirror
        cdef Version version
        self.roots, self.mirrors, self.by_identity = {}, {}, {}
        self.root_page_used = PAGE
        self.unfilled, self.waiting = [], []
        self.loading = True
        try:
            for name, (flag_at, slot_at, owner) in (self.read(self.control.directory, &version) or {}).items():
                root = Root()
                root.name, root.flag_at, root.slot_at, root.owner = name, flag_at, slot_at, owner
                root.slot = <Slot*>self.control.at(slot_at, SLOT_SIZE)
                root.published = True
                try:
                    root.value = self.read(root.slot, &version)
                except MemoryError:
                    raise
                except BaseException as error:
                    root.value = Unreadable(self.note_unreadable(f"name {name}", owner, error))
                    version.kind = INLINE
                if version.kind == ABSENT:
                    root.value = MISSING
                elif version.kind == REF:
                    mirror = root.value = self.mirrors[version.payload[0]]
                    mirror.holders += 1
                self.roots[name] = root
            while self.unfilled:
                self.fill(self.unfilled.pop())
            self.errors.load(self.read(self.control.errors, &version))
            self.errors_before = self.errors.state()
            self.errors_told = last_of(self.errors.recent)
        finally:
            self.loading = False
            self.found = None
        self.dirty.clear()
        self.dirty_roots.clear()
        self.directory_dirty = self.errors_dirty = False
        while self.reports:
            self.add_error(self.reports.pop(0), 0)

    cdef object read(self, Slot* slot, Version* version):
        """The committed value of a slot; None if it is absent."""
        cdef uint64_t owner = 0
        cdef bint torn = False
        if not slot_read(slot, self.control.committed(), version, &owner) or version.kind == ABSENT:
            version.kind = ABSENT
            return None
        return version_value(self.control, version, &torn)

    def adopt(self, id, flags_at, slots_at, shape_at, cells):
        """The mirror of a published object, its state to be filled in later."""
        cdef Mirror mirror = Mirror.__new__(Mirror)
        cdef Version version
        mirror.id, mirror.cells = id, cells
        mirror.flags_at, mirror.slots_at = flags_at, slots_at
        mirror.slots = <Slot*>self.control.at(slots_at, mirror.cells * SLOT_SIZE)
        mirror.shape = self.shape_at(shape_at)
        mirror.last = [MISSING] * mirror.cells
        mirror.references = [None] * mirror.cells
        mirror.touched, mirror.seen, mirror.ran = set(), set(), set()
        mirror.published = True
        self.mirrors[id] = mirror
        try:
            if mirror.shape.cls is Unreadable:
                mirror.live = Unreadable(mirror.shape.why)
            elif not mirror.shape.opaque:
                mirror.live = live_instance(mirror.shape.cls, {})
            elif mirror.shape.cls in EMPTY_CONTAINERS:
                mirror.live = tracked(mirror.shape.cls())
            else:
                mirror.live = tracked(self.read(mirror.slots + 1, &version))
        except MemoryError:
            raise
        except BaseException as error:
            what = f"an object of {class_name(mirror.shape.cls)}"
            mirror.live = Unreadable(self.note_unreadable(what, id, error))
        self.by_identity[builtin_id(mirror.live)] = mirror
        self.unfilled.append(mirror)
        return mirror

    def fill(self, Mirror mirror not None):
        """Gives an adopted mirror its state, and counts whom it refers to."""
        cdef Version version
        cdef uint32_t i
        cdef dict logged = {}           # cell -> size of its base
        values = [MISSING] * mirror.cells
        for i in range(mirror.cells):
            self.found = set()
            try:
                value = self.read(&mirror.slots[i], &version)
            except MemoryError:
                raise
            except BaseException as error:
                value = self.unreadable_cell(mirror, i, error)
                version.kind = ABSENT if value is MISSING else INLINE
            if version.kind != ABSENT:
                values[i] = value
                if version.kind == LOG and mirror.shape.has_own(i):
                    logged[i] = version.payload[1]
            self.found.discard(mirror.id)
            for other in self.found:
                (<Mirror>self.mirrors[other]).holders += 1
                self.linked = True
            mirror.references[i] = self.found or None
            self.found = None
        if type(mirror.live) is Unreadable:
            return
        if not mirror.shape.opaque:
            state = {} if values[0] is MISSING else dict(values[0])
            for cell, value in zip(mirror.shape.cells, values[1:]):
                if value is not MISSING:
                    state.update(value if type(cell) is tuple else ((cell, value),))
            replace_state(mirror.live, state)
            mirror.last = values
            value = state = None
            for i, size in logged.items():
                if not mirror.references[i]:
                    self.follow(mirror, i, size)
            return
        if type(values[1]) is Unreadable:
            del self.by_identity[builtin_id(mirror.live)]
            mirror.live = values[1]
            self.by_identity[builtin_id(mirror.live)] = mirror
            return
        if mirror.shape.cls in EMPTY_CONTAINERS or mirror.shape.cls is deque and not mirror.live:
            refill(mirror.live, values[1])
        mirror.last = [MISSING, mirror.live]

    def unreadable_cell(self, Mirror mirror not None, uint32_t i, error):
        """What stands for the value of a cell that cannot be loaded."""
        cell = mirror.shape.cells[i - 1] if i else "an attribute without a cell"
        names = cell if type(cell) is tuple else (cell,)
        what = f"attribute {' or '.join(names)} of" if cell else "an object of"
        what = f"{what} {class_name(mirror.shape.cls)}"
        value = Unreadable(self.note_unreadable(what, (mirror.id, i), error))
        if not i:
            return MISSING          # which attributes are in there is not known
        return dict.fromkeys(names, value) if i in mirror.shape.together else value

    def shape_at(self, uint64_t at):
        """The shape that is published in that slot."""
        cdef Shape shape
        cdef Version version
        for shape in self.shapes.values():
            if shape.at == at:
                return shape
        parts = self.read(<Slot*>self.control.at(at, SLOT_SIZE), &version)
        shape = Shape(*parts)
        shape.at = at
        self.encoder.clear()
        self.encoder.encode(parts, "shape")
        self.shapes[self.encoder.data[:self.encoder.size]] = shape
        return shape


cdef object UNPUBLISHED = object()
cdef tuple REFILLED = (*EMPTY_CONTAINERS, deque)
cdef uint64_t[5] NO_PAYLOAD
memset(NO_PAYLOAD, 0, sizeof(NO_PAYLOAD))
