"""Mirrors and their publication: live objects on one side, slots and blocks on the other."""

cimport cython

import logging
from collections import deque
from time import monotonic
from weakref import ref

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport load_rlx, store_rlx, TESTPOINT
from .._control cimport Control
from .._heap cimport Cells
from .._layout cimport ABSENT, BOXED, DELETED, H_NEXT_ID, NODE, PURPOSE_INDEX, PURPOSE_SHAPE, REF, SEGMENT_FLAGS, \
    SEGMENT_SLOTS, Slot, SLOT_SIZE, Version
from .._protocol cimport version_value
from .._slots cimport slot_assign, slot_find, slot_read
from .._wait cimport coarse_ns, now_ns
from ..cerial._codec cimport Encoder, decode
from ..cerial._kinds cimport Kind
from ..cerial._plain cimport is_scalar
from ..state cimport _nodes
from ..state._contents cimport first_ids
from ..state._nodes cimport find as find_node, ID, object_of
from ..state._record cimport far_cells
from ..state._shapes cimport built_in_kind, IS_BOXED, IS_NODE, IS_OPAQUE, IS_VALUE, numbered, role_of
from ..state._state cimport State
from ._holders cimport Holders
from ._mirrors cimport Call, Mirror, new_mirror, Root, Shape
from ._node_cells cimport NodeCell, NodeCells
from ._publications cimport Publication, Publications

from .. import _protocol
from ..errors import ClassChangedError, CorruptDataError, DeletedObjectError, NotShareableError, ShareMemoryError, \
    ShareWarning
from .._kinds import is_array
from .._protocol import encode
from ..state import Replica
from ..state._replica import CellMissingError
from ..state._unreadable import UnreadableClass
from ._failures import class_name, FailureBook, line_of
from ._live import live_instance, MISSING, replace_state, state_of, Unreadable
from ._parts import compares_nothing
from ._sameness import content
from ._unreachable import unreachable

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*) noexcept

_nodes.here = _nodes.registry()
builtin_id = id
log = logging.getLogger("share.coordinator")

cdef enum:
    PAGE = 64                   # root names whose cells are allocated together
    MOST_INDEX = 4096           # in a purpose
    # How many removed parts there are before it is looked which of them are held, and how long it waits for so many.
    MOST_REMOVED = 256
    LOOK_NS = 300000000
    # An idle coordinator looks: after a removal, and as long as removed parts are held.
    REMOVED_NS = 1000000000
    HELD_NS = 10000000000

# As what a cell of a mirror is published, beside (node id, cell of the node, bits).
cdef object ENCODED = "encoded"         # a value
cdef object OPAQUE = "opaque"           # encoded whole, too, and may change in place
cdef object UNPUBLISHED = object()

# What goes through a deque -> whether forwards.
cdef dict DEQUE_ITERATORS = {type(iter(deque())): True, type(reversed(deque())): False}


cdef bint same_values(value, last):
    """Whether two dicts hold the very same objects."""
    if type(value) is not dict or type(last) is not dict or len(<dict>value) != len(<dict>last):
        return False
    for name, held in (<dict>value).items():
        if (<dict>last).get(name, MISSING) is not held:
            return False
    return True


cdef bint is_node(value) noexcept:
    return find_node(<PyObject*>value) != NULL


cdef uint64_t last_of(list records) except? 0xffffffffffffffff:
    """The position of the last record of a failed command; 0 if there is none."""
    return records[len(records) - 1][0] if records else 0


@cython.binding(False)
cdef class Stand:
    """Is encoded as a reference to an object."""

    cdef tuple reduced

    def __reduce__(self):
        return self.reduced


cdef object boxed(Mirror mirror, uint32_t i, value):
    """The list that makes nodes of what can change in an attribute's tuple."""
    box = mirror.kept.get(i)
    if box is None:
        box = mirror.kept[i] = [value]
    elif box[0] is not value:
        box[0] = value
    return box


cdef object kept_extras(Mirror mirror, extras):
    """The dict that makes nodes of what can change in attributes without a cell of their own."""
    held = mirror.kept.setdefault(0, {})
    for name in [name for name in held if name not in extras]:
        del held[name]
    for name, value in extras.items():
        if held.get(name, MISSING) is not value:
            held[name] = value
    return held


cdef dict published_attributes(Mirror mirror):
    """Those of an object, by name; a class with other ``__slots__`` than before may have no place for all of them."""
    if mirror.shape.opaque or mirror.shape.is_container:
        return dict(getattr(mirror.live, "__dict__", ()))
    found = {} if mirror.last[0] is MISSING else dict(mirror.last[0])
    found.update([(name, value) for name, value in zip(mirror.shape.cells, mirror.last[1:]) if value is not MISSING])
    return found


def shape_of_new_code(bytes encoded):
    """(the shape, encoded) of the objects of a class whose code has changed: with another plan, and the same cells.

    None where that cannot be: another program's class, or one whose objects are kept in another way now.
    """
    from .._cells import all_groups, with_aliases
    from ..analysis import draft
    from ..cerial._classes import importable
    from ..cerial._digests import code_of

    cdef Py_ssize_t used = 0
    cls, cells, old, _ = decode(<const char*>encoded, len(encoded), &used)
    if importable(cls) is None:
        return None
    plan = draft(cls)
    if plan.kind != old.kind:
        return None
    plan = with_aliases(plan, all_groups([*plan.alias_groups, *old.alias_groups]))
    return Shape(cls, cells, plan), encode((cls, cells, plan, code_of(cls)), f"class {cls.__qualname__}")


def shape_with_new_plan(bytes encoded):
    """(the shape, encoded) of the objects of a class for which there is a plan of another version of this library."""
    from .._cells import all_groups, with_aliases
    from ..analysis import draft
    from ..cerial._digests import check_code

    cdef Py_ssize_t used = 0
    cls, cells, old, code = decode(<const char*>encoded, len(encoded), &used)
    check_code(cls, code, "the coordinator")
    plan = draft(cls)
    if plan.kind != old.kind:
        raise NotShareableError(
            f"another version of this library has kept objects of {cls.__qualname__} in another way")
    plan = with_aliases(plan, all_groups([*plan.alias_groups, *old.alias_groups]))
    return Shape(cls, cells, plan), encode((cls, cells, plan, code), f"class {cls.__qualname__}")


@cython.binding(False)
cdef class Store:
    """All state of a share. ``prepare`` may fail and changes nothing that readers see; ``publish`` cannot fail.

    An attribute's value that can change is a node of the state (see share.state), in a cell of its own if it has not
    been one before; what else is in there is published encoded. A top-level container is a node itself.
    """

    def __cinit__(self, Control control not None, bint check=False, bint moves_on=False):
        self.control = control
        self.encoder = Encoder()
        self.encoder.reduce = self._reduce
        self.encoder.fresh = set()
        self.to = Publications(control, self.encoder)
        self.to.try_decoding = self.try_decoding
        self.flags = Cells(control, SEGMENT_FLAGS)
        self.slots = Cells(control, SEGMENT_SLOTS)
        self.cells = NodeCells(control, self.slots, self.to)
        self.roots, self.mirrors, self.by_identity, self.shapes = {}, {}, {}, {}
        self.unnamed, self.loose = {}, set()
        self.patient = True
        self.dirty, self.changing, self.dirty_roots, self.assigned = set(), [], set(), []
        self.condemned, self.replaced = set(), {}
        self.unsure, self.trusting = {}, set()
        self.errors = FailureBook()
        self.errors_before = self.errors.state()
        self.doomed = []
        self.root_page_used = PAGE
        self.check, self.moves_on, self.new_code = check, moves_on, []
        self.replanned = []
        self.warned, self.reports = set(), []
        self.identity = control.identity
        if control.has_journal:
            _protocol.now_called[self.identity] = control.name
        self.holders, self.handed = Holders(control), []
        _protocol.resolvers[control.name] = self.resolve
        _protocol.node_resolvers[control.name] = self.resolve_node

    def close(self):
        """Nothing more is recorded."""
        if self.state is not None:
            self.state.close()
        self.state = None
        _protocol.resolvers.pop(self.control.name, None)
        _protocol.node_resolvers.pop(self.control.name, None)
        _protocol.now_called.pop(self.identity, None)

    # -- references -----------------------------------------------------------------------------------

    def resolve(self, id, flags_at, slots_at, shape_at, cells):
        """The live object that a reference means."""
        cdef Mirror mirror = self.mirrors.get(id)
        if self.loading:
            if mirror is None:
                mirror = self.adopt(id, flags_at, slots_at, shape_at, cells)
            return mirror.live
        if mirror is None or not self.is_held(mirror):
            raise DeletedObjectError(f"object {id} has been deleted from the share")
        # Whoever receives it may change it, now or later in this batch, past recording too; that it is kept is seen.
        mirror.everything = True
        self.dirty.add(mirror)
        if self.given_is_recorded:
            self.trust(mirror)
        else:
            self.touch_unseen(mirror, None)
        if self.linked:
            self.touch_referred()
        return mirror.live

    def resolve_node(self, id, cell):
        """The node that a reference means."""
        if self.replica is not None:
            return self.replica.lookup(cell, id)
        cdef NodeCell at
        node = self.node(id)
        at = self.cells.by_number.get(find_node(<PyObject*>node).cell) if self.given_is_recorded else None
        mirror = None if at is None else self.mirrors.get(at.mirror)
        self.note_node(node, mirror is None)
        if mirror is not None:
            self.trust(mirror)
        return node

    def node(self, uint64_t id):
        """The node of that id. Raises DeletedObjectError."""
        cdef PyObject* found = self.state.object_at(id)
        if found == NULL:
            raise DeletedObjectError("this part of the state has been deleted; read it from the share again")
        return <object>found

    def _reduce_foreign(self, value):
        cdef Mirror mirror = self.by_identity.get(builtin_id(value))
        if mirror is None or value is self.self_encoded:
            return NotImplemented
        return _protocol.reference, (self.identity, mirror.id, mirror.flags_at, mirror.slots_at,
                                     mirror.shape.at, mirror.cells)

    def _reduce_kept(self, value):
        """The same, of what is in the state."""
        reduced = self._reduce_foreign(value)
        self.linked |= reduced is not NotImplemented
        return reduced

    def _encoded_foreign(self, value):
        cdef Mirror mirror = self.by_identity.get(builtin_id(value))
        cdef Stand stand
        if mirror is None:
            return None
        self.linked = True
        if mirror.reference is None:
            stand = Stand.__new__(Stand)
            stand.reduced = self._reduce_foreign(value)
            mirror.reference = encode(stand, "reference")
        return mirror.reference

    def _reduce(self, value):
        if not self.preparing and type(value) in DEQUE_ITERATORS:
            # Their own form names a deque itself, which a node's proxy is not.
            items, at = value.__reduce__()[1]
            return iter, (list(items if DEQUE_ITERATORS[type(value)] else reversed(items))[at:],)
        reduced = self._reduce_kept(value) if self.preparing else self._reduce_foreign(value)
        node = find_node(<PyObject*>value)
        if reduced is not NotImplemented or node == NULL or value is self.self_encoded or \
                self.departed and node.id & ID in self.departed:
            return reduced
        if not self.preparing:
            self.handed.append(value)
        return _protocol.node_reference, (self.identity, first_ids.get(node.id & ID, node.id & ID), node.cell)

    @property
    def name(self):
        """The share's name."""
        return self.control.name

    @property
    def reduce(self):
        """The hook for encoders that turns live objects and nodes into references."""
        return self._reduce

    @property
    def reduce_objects(self):
        """The same, of live objects only."""
        return self._reduce_foreign

    def reached(self, value, bint is_unsure=True):
        """Notes that running code has got hold of a live object; is_unsure: it may change it past recording."""
        cdef Mirror mirror = self.by_identity.get(builtin_id(value))
        if mirror is not None:
            self.touch(mirror, None)
            if is_unsure:
                self.touch_unseen(mirror, None)
        else:
            self.note_node(value, is_unsure)
        return value

    cdef Mirror find(self, uint64_t id):
        """The mirror of that id; None if its object has been deleted."""
        cdef Mirror mirror = self.mirrors.get(id)
        return mirror if mirror is not None and self.is_held(mirror) else None

    cdef bint is_held(self, Mirror mirror) except -1:
        # Without a name, and held by nobody: deleted earlier in this group. See also runs_alone in _loop.
        if mirror.names > 0 or mirror.id in self.replaced:
            return True
        return mirror.id not in self.condemned and Py_REFCNT(<PyObject*>mirror.live) > 1

    def held(self, uint64_t id, str name):
        """The mirror of that id. Raises DeletedObjectError if its object, of that class, has been deleted."""
        cdef Mirror mirror = self.find(id)
        if mirror is None:
            raise DeletedObjectError(f"the {name} that a command was given has been deleted from the share")
        return mirror

    def note_change(self, Mirror mirror not None, cells):
        """Notes that a command may have changed those cells of an object; None: all of them."""
        self.touch(mirror, cells)

    def note_unsure(self, Mirror mirror not None, cells):
        """The same, and nodes in there past recording."""
        self.touch_unseen(mirror, cells)

    def note_node(self, node, bint is_unsure, bint stays_inside=False):
        """Notes that a command has got hold of a node.

        is_unsure: it may have changed it past recording; stays_inside: it gets to no other object from there.
        """
        cdef NodeCell cell
        cdef Mirror mirror
        found = find_node(<PyObject*>node)
        if found == NULL:
            return
        cell = self.cells.by_number.get(found.cell)
        mirror = self.mirrors.get(cell.mirror) if cell is not None else None
        if mirror is None:
            if is_unsure:
                self.touch_unseen_everywhere()
            if self.linked and not stays_inside:
                self.touch_referred()       # the name that it was part of has gone; what it refers to has not
            return
        indices = None if mirror.shape.opaque or mirror.shape.plan.entangled else (cell.index,)
        if stays_inside:
            self.note_written(mirror, indices)
        else:
            self.touch(mirror, indices)
        if is_unsure:
            self.touch_unseen(mirror, None)     # its parts may be at home in other attributes

    def note_all_reached(self):
        """Notes that whatever can be reached from what the command has got hold of may be changed."""
        for mirror in list(self.dirty):
            self.touch(mirror, None)
            self.touch_unseen(mirror, None)

    def spoilt_ids(self):
        """The ids of the objects of which `abandon` would load something anew; None: of all."""
        cdef Mirror mirror
        if not self.can_undo():
            return None
        return {(<Mirror>mirror).id for mirror in self.dirty.union(self.changing)}

    def mirror_of(self, value):
        """The mirror whose live object this is, or None."""
        return self.by_identity.get(builtin_id(value))

    # -- changing live state --------------------------------------------------------------------------

    def new_id(self):
        """An id that no object, node or cell of this share has had or will have."""
        id = self.state.take_id()
        store_rlx(self.control.word(H_NEXT_ID), self.state.next_id)
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
            (<Mirror>value).names += 1
            self.unnamed.pop((<Mirror>value).id, None)
            self.replaced.pop((<Mirror>value).id, None)
            self.condemned.discard((<Mirror>value).id)
        old, root.value = root.value, value
        self.assigned.append((root, old))
        self.dirty_roots.add(root)
        if isinstance(old, Mirror):
            self.let_go(old)
            if isinstance(value, Mirror) and (<Mirror>value).names > 1 and (<Mirror>old).names == 0:
                self.replaced[(<Mirror>old).id] = monotonic()

    def let_go(self, Mirror mirror not None):
        """An object has lost a name; with the last one it goes, unless the state refers to it."""
        mirror.names -= 1
        if mirror.names <= 0:
            self.unnamed[mirror.id] = mirror
            self.loose.add(mirror)
            if Py_REFCNT(<PyObject*>mirror.live) > 1 and unreachable([mirror], self.by_identity):
                self.condemned.add(mirror.id)       # only it itself refers to it

    def shape_from(self, bytes encoded):
        """A shape decoded, without a slot."""
        cdef Py_ssize_t used = 0
        return Shape(*decode(<const char*>encoded, len(encoded), &used))

    def shape_or_stand_in(self, bytes encoded):
        """The same; where its class cannot be loaded, a shape whose objects are Unreadable."""
        try:
            if self.plans_anew:
                renewed = shape_with_new_plan(encoded)
                self.replanned.append(renewed)
                return renewed[0]
            return self.shape_from(encoded)
        except BaseException as error:
            if self.may_be_loaded(error):
                raise
            if self.moves_on and isinstance(error, ClassChangedError):
                renewed = shape_of_new_code(encoded)
                if renewed is not None:
                    self.new_code.append(renewed)
                    return renewed[0]
            why = self.note_unreadable("an object", hash(encoded), error)
            from ..analysis._plan import ClassPlan  # as all of that package: only when it is needed

            shape = Shape(Unreadable, ("",), ClassPlan("", "opaque", ()))
            (<Shape>shape).why = why
            return shape

    def move_on(self):
        """After loading: classes that have other code now than when their objects were shared are published so."""
        self.plans_anew = False
        for shape, encoded in self.replanned:
            for old in [old for old, known in self.shapes.items() if known is shape]:
                del self.shapes[old]
            self.shapes[encoded] = shape
        if not self.new_code:
            return
        for shape, encoded in self.new_code:
            for old in [old for old, known in self.shapes.items() if known is shape]:
                del self.shapes[old]
            self.shapes[encoded] = shape
            log.warning("%s.%s has new code", shape.cls.__module__, shape.cls.__qualname__)
        self.control.note_references()      # see moved_on in the client
        self.upgrade()

    def upgrade(self):
        """Calls ``__share_upgrade__`` where the class has new code. What it changes is in the next commit."""
        cdef Mirror mirror
        renewed = [shape for shape, _ in self.new_code]
        for mirror in list(self.mirrors.values()):
            if mirror.shape not in renewed or not hasattr(mirror.shape.cls, "__share_upgrade__") or \
                    type(mirror.live) is Unreadable:
                continue
            self.note_change(mirror, None)
            self.note_unsure(mirror, None)
            try:
                mirror.live.__share_upgrade__(published_attributes(mirror))
            except BaseException as error:
                what = f"{mirror.shape.cls.__qualname__}.__share_upgrade__"
                log.error("%s failed", what, exc_info=True)
                told = encode(RuntimeError(line_of(error)), "error")
                self.add_error((self.control.committed(), 0, what, told, ""), 0)

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
            self.to.put_bytes(slot, shape.at, <const char*>encoded, len(encoded))
            self.shapes[encoded] = shape
        return shape

    def create(self, Shape shape not None, state, made=None):
        """A new mirror from a decoded state, in the instance ``made`` if there is one; nobody holds it yet."""
        cdef Mirror mirror = new_mirror()
        cdef uint32_t i
        mirror.id = self.new_id()
        mirror.shape = shape
        mirror.cells = len(shape.cells) + 1
        mirror.live = state if shape.opaque else live_instance(shape.cls, state, made)
        mirror.flags_at = self.flags.allocate(mirror.cells)
        mirror.slots_at = self.slots.allocate(mirror.cells)
        mirror.slots = <Slot*>self.control.at(mirror.slots_at, mirror.cells * SLOT_SIZE)
        for i in range(mirror.cells):
            slot_assign(&mirror.slots[i], mirror.id)
        self.begin_mirror(mirror)
        mirror.last = [UNPUBLISHED] * mirror.cells
        mirror.everything = True
        if shape.is_container:
            self.enter(mirror, 0, mirror.live)
            self.state.host(mirror.live)
        self.mirrors[mirror.id] = self.unnamed[mirror.id] = mirror
        self.by_identity[builtin_id(mirror.live)] = mirror
        self.dirty.add(mirror)
        return mirror

    cdef int begin_mirror(self, Mirror mirror) except -1:
        mirror.last = [MISSING] * mirror.cells
        mirror.forms = [None] * mirror.cells
        mirror.kept, mirror.touched, mirror.ran = {}, set(), set()
        return 0

    cdef tuple enter(self, Mirror mirror, uint32_t index, value):
        """Makes the value of a cell a node: (its id, its home)."""
        cdef uint64_t number, id, purpose
        number, id = self.state.enter(value)
        if number not in self.cells.by_number:
            purpose = mirror.flags_at
            if index < MOST_INDEX and not mirror.shape.opaque and not mirror.shape.plan.entangled:
                purpose |= <uint64_t>index << PURPOSE_INDEX
            self.cells.begin(number, mirror.id, index, purpose, self.new_id())
        return id, number

    cdef int touch_call(self, Mirror mirror, Call call) except -1:
        cdef bint others = mirror.others
        if mirror.last_call is call and not self.linked:
            return 0
        mirror.last_call = call
        mirror.ran.add(call.text)
        if call.unseen is None or call.unseen:
            self.touch_unseen(mirror, call.unseen)
        elif call.unsure:
            self.trust(mirror)
        self.note_written(mirror, call.writes)
        if self.linked and not self.stays_inside(mirror, call):
            self.touch_referred()
        mirror.others = others
        return 0

    cdef int touch_accessor(self, Mirror mirror, method) except -1:
        """The same of what runs when an attribute is read, assigned or deleted."""
        cdef tuple unseen
        if method is None or mirror.shape.opaque or method.writes is not None and not method.writes:
            return 0
        unseen = mirror.shape.cells_of(mirror.shape.unseen_by(method))
        if unseen is None or unseen:
            self.touch_unseen(mirror, unseen)
        elif method.unsure:
            self.trust(mirror)
        return 0

    cdef int trust(self, Mirror mirror) except -1:
        """Notes that methods of parts have run that may change nodes past recording, if there are such methods."""
        if self.is_wild():
            self.touch_unseen(mirror, None)
        else:
            self.trusting.add(mirror)
        return 0

    cpdef bint is_wild(self) except -1:
        """Whether there are parts of a class with methods that change nodes past recording."""
        if self.looked_at != len(numbered) and not self.has_wild:
            from ..analysis import goes_past    # as all of that package: only when it is needed

            for known in numbered[self.looked_at:]:
                if not isinstance(known.cls, UnreadableClass) and goes_past(known.cls):
                    self.has_wild = True
            self.looked_at = len(numbered)
        return self.has_wild

    cdef int look_at_trusting(self) except -1:
        """The state may have parts of new classes by now."""
        if self.trusting and self.is_wild():
            for mirror in self.trusting:
                self.touch_unseen(mirror, None)
            self.trusting.clear()
        return 0

    cdef int touch_unseen(self, Mirror mirror, cells) except -1:
        """Notes that a command may have changed nodes at home in those cells past recording."""
        if self.linked:
            self.touch_unseen_everywhere()      # its parts may be at home anywhere
        elif self.unsure.get(mirror.id, ()) is None:
            return 0
        elif cells is None or mirror.mixed:
            self.unsure[mirror.id] = None
            self.state.hold(self.cells.cells_of(mirror.id, None))
        else:
            self.unsure.setdefault(mirror.id, set()).update(cells)
            self.state.hold(self.cells.cells_of(mirror.id, cells))
        return 0

    cdef int touch_unseen_everywhere(self) except -1:
        if not self.unsure_everywhere:
            self.unsure_everywhere = True
            self.state.hold(self.cells.by_number)
        return 0

    cdef bint stays_inside(self, Mirror mirror, Call call) except -1:
        """Whether a method gets to no other object: what it reads and writes, by its plan, holds plain values."""
        cdef uint32_t i
        if mirror.shape.opaque:
            return compares_nothing(mirror.shape.cls, call.text)
        if call.met is None:
            return False
        for i in call.met:
            if i == 0 or not is_scalar(mirror.last[i]):
                return False
        return True

    cdef int touch(self, Mirror mirror, writes) except -1:
        """Notes that a command on this object has run, which by its plan may have written those cells."""
        self.note_written(mirror, writes)
        if self.linked:
            self.touch_referred()
        return 0

    cdef int note_written(self, Mirror mirror, writes) except -1:
        """The same, of a command that gets to no other object."""
        self.dirty.add(mirror)
        mirror.others = True
        if writes is None:
            mirror.everything = True
        else:
            mirror.touched.update(writes)
        return 0

    cdef int touch_referred(self) except -1:
        """Whatever the state refers to may have been changed on the way there."""
        cdef Mirror mirror
        for mirror in self.mirrors.values():
            if Py_REFCNT(<PyObject*>mirror.live) > 1 and not mirror.shape.is_container:
                mirror.everything = True
                self.dirty.add(mirror)
        return 0

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

    # -- results --------------------------------------------------------------------------------------

    cdef int look_at_result(self, result, uint64_t start, uint64_t end) except -1:
        """What of a result is part of the state, or held, is encoded as a reference, and what has left it as it is.

        The caller has one reference to it. It is of the command from start to end.
        """
        cdef Mirror mirror
        cdef uint32_t i
        cdef dict replaced = {}
        self.departed = None
        if role_of(result) == IS_VALUE:
            return 0
        for mirror in self.dirty:
            if mirror.shape.opaque or type(mirror.live) is Unreadable:
                continue
            values = state_of(mirror.live, mirror.shape.cells)
            self.enter_values(mirror, values)
            self.enter_extras(mirror, values[0])
            for i, value in enumerate(values):
                if i and value is not mirror.last[i]:
                    at = builtin_id(mirror.last[i])
                    replaced[at] = replaced.get(at, 0) + 1
        self.look_at_trusting()
        if (self.unsure_everywhere or self.unsure) and self.has_unknown(result):
            # It may have been stored past recording: to find out takes what the end of the group does anyway.
            for number in self.unsure_cells() & self.cells.by_number.keys():
                self.state.base(number)
        self.state.settle_births()
        value = values = mirror = None
        if self.holders.sent:
            self.holders.begin(end)
            self.holders.settle(self.state)
        self.departed = self.state.departed(result, replaced, set())
        if self.departed:
            # Who makes a proxy now waits until C has passed this command, and then finds them gone.
            self.holders.begin(end)
            proxied = self.holders.among(self.state, self.departed, start)
            if proxied:
                self.departed = self.state.departed(result, replaced, proxied)
            self.state.note_left(self.departed)
        return 0

    cdef int enter_values(self, Mirror mirror, list values) except -1:
        """Those of a mirror's new values that can change become nodes."""
        cdef uint32_t i
        cdef int role
        cdef set met = None
        for i in range(1, mirror.cells):
            value = values[i]
            if value is MISSING or value is mirror.last[i] and mirror.forms[i] is not OPAQUE or \
                    builtin_id(value) in self.by_identity:
                continue
            role = role_of(value)
            if role == IS_NODE:
                self.enter(mirror, i, value)
            elif role == IS_BOXED:
                self.enter(mirror, i, boxed(mirror, i, value))
            elif role == IS_OPAQUE:
                # Arrays are handed out without a copy, and so have a block of their own; unless they are there twice.
                if met is None:
                    met = set()
                if builtin_id(value) in met or not is_array(value):
                    self.enter(mirror, i, value)
                met.add(builtin_id(value))
        return 0

    cdef int enter_extras(self, Mirror mirror, extras) except -1:
        """The same of the attributes without a cell of their own."""
        if extras is MISSING or extras is mirror.last[0] or same_values(extras, mirror.last[0]):
            return 0
        if 0 in mirror.kept or any([role_of(value) != IS_VALUE for value in extras.values()]):
            self.enter(mirror, 0, kept_extras(mirror, extras))
        return 0

    cdef bint has_unknown(self, result) except -1:
        """Whether a result is, or holds, something that can change and is no node (yet)."""
        if role_of(result) == IS_VALUE or self.state.id_of(result):
            return False
        return type(result) is not tuple or any([self.has_unknown(item) for item in result])

    def encoded_state(self, Mirror mirror not None):
        """The state of an object by cell, each value encoded by itself; None where there is none."""
        found = []
        self.state.settle_births()
        values = [MISSING, mirror.live] if mirror.shape.opaque else state_of(mirror.live, mirror.shape.cells)
        for value in values:
            if value is MISSING:
                found.append(None)
                continue
            self.self_encoded = value if mirror.shape.opaque else None
            try:
                found.append(_protocol.encode(value, "state", self._reduce_foreign))
            finally:
                self.self_encoded = None
        return found

    # -- publishing -----------------------------------------------------------------------------------

    cdef int64_t keeps_removed(self) noexcept:
        """After how many ns something may go if there is a commit; 0: there is nothing."""
        if self.replaced:
            return <int64_t>KEPT_SECONDS * 1000000000
        if self.state.removed or self.holders.has_lost and self.state.proxied:
            return REMOVED_NS
        return HELD_NS if self.state.only_held else 0

    cdef bint dirty_at_all(self) noexcept:
        return bool(self.dirty) or bool(self.dirty_roots) or self.directory_dirty or self.errors_dirty \
            or bool(self.to.pending)

    cpdef int prepare(self) except -1:
        """Encodes everything that changed since the last commit into blocks that nobody refers to yet."""
        self.preparing = True
        try:
            self.prepare_all()
        except NotShareableError as error:
            self.explain(error)
            raise
        finally:
            self.preparing = False
        return 0

    cdef bint wants_look(self) except -1:
        """Whether to look which of the nodes are held that nothing stores."""
        cdef int64_t now
        if not self.state.removed and not self.state.proxied and not self.holders.sent:
            return False
        if not self.is_loaded and not self.holders.is_blind and \
                (self.loose or len(self.state.removed) + len(self.holders.sent) >
                 MOST_REMOVED + 2 * len(self.state.proxied)):
            return True
        now = coarse_ns()
        return now >= self.next_look

    cdef int look(self) except -1:
        """Lets go of nodes that nothing stores and nobody holds."""
        cdef int64_t start = now_ns()
        self.holders.has_lost = False
        self.holders.begin(self.position)
        if self.is_loaded and self.holders.are_settled():
            self.is_loaded = False
        if not self.is_loaded and not self.holders.is_blind:
            self.holders.settle(self.state)
            self.state.give_up(self.holders.objects(self.state))
            self.let_go_in = self.state.freed_cells()
        self.next_look = start + max(<int64_t>LOOK_NS, 50 * (now_ns() - start))
        return 0

    cdef int prepare_all(self) except -1:
        cdef Mirror mirror
        cdef Root root
        cdef Publication link
        self.departed = None
        for shape, encoded in self.new_code + self.replanned:
            self.to.put_bytes(<Slot*>self.control.at((<Shape>shape).at, SLOT_SIZE), (<Shape>shape).at,
                              <const char*><bytes>encoded, len(encoded))
        self.let_go_in = None
        if self.wants_look():
            self.look()
        if self.check:
            self.dirty.update(self.mirrors.values())
            self.unsure_everywhere = True
        while self.dirty:
            mirror = self.dirty.pop()
            self.changing.append(mirror)
            if self.is_held(mirror):
                self.prepare_mirror(mirror)
        for root in self.dirty_roots:
            if root.value is MISSING:
                self.to.put(root.slot, root.owner, ABSENT)
            elif isinstance(root.value, Mirror):
                mirror = root.value
                link = self.to.put(root.slot, root.owner, REF)
                link.payload[0], link.payload[1], link.payload[2] = mirror.id, mirror.flags_at, mirror.slots_at
                link.payload[3], link.payload[4] = mirror.shape.at, mirror.cells
            else:
                self.state.settle_births()
                self.to.put_value(root.slot, root.owner, not root.published, root.value, root.name)
            root.published = True
        self.prepare_nodes()
        if self.directory_dirty:
            table = {}
            for name, root in self.roots.items():
                table[name] = (root.flag_at, root.slot_at, root.owner)
            self.to.put_value(self.control.directory, 0, False, table, "directory")
        if self.errors_dirty:
            try:
                self.to.put_value(self.control.errors, 0, False, self.errors.published(), "errors")
                self.errors_told = last_of(self.errors.recent)
            except ShareMemoryError:
                # No reason to undo what commands have done. That some have failed is said all the same: it needs
                # no block.
                self.errors_late = True
                self.to.put_value(self.control.errors, 0, False, self.untold_errors(), "errors")
        return 0

    cdef int prepare_mirror(self, Mirror mirror) except -1:
        cdef Shape shape = mirror.shape
        cdef uint32_t i
        cdef bint everything = mirror.everything
        cdef bint changed, was_published = mirror.published
        cdef list values
        if type(mirror.live) is Unreadable:
            return 0
        mirror.last_call = None
        mirror.published = True
        if shape.opaque:
            if everything or mirror.touched:
                self.prepare_opaque(mirror, was_published)
            self.calm(mirror)
            return 0
        values = state_of(mirror.live, shape.cells)
        self.prepare_extras(mirror, values[0])
        self.enter_values(mirror, values)
        for i in range(1, mirror.cells):
            value = values[i]
            if value is mirror.last[i]:
                # The same as last time: what it holds is recorded, or can be changed in place and is encoded again.
                if mirror.forms[i] is not OPAQUE or not (everything or i in mirror.touched or is_node(value)):
                    continue
            changed = self.prepare_attribute(mirror, i, value)
            self.state.keep_for_now(mirror.last[i])
            mirror.last[i] = value
            if changed and was_published and not everything and i not in mirror.touched:
                self.warn_outside_plan(mirror, i)
        return 0

    cdef int calm(self, Mirror mirror) except -1:
        """A commit has everything of it."""
        mirror.everything = False
        mirror.touched.clear()
        mirror.ran.clear()
        mirror.others = False
        return 0

    cdef int prepare_opaque(self, Mirror mirror, bint was_published) except -1:
        if not was_published:
            self.to.put(&mirror.slots[0], mirror.id, ABSENT)
            mirror.last[0] = MISSING
        if mirror.shape.is_container:
            if not was_published:
                self.put_node(mirror, 1, mirror.live, 0)
        else:
            self.state.settle_births()
            self.self_encoded = mirror.live     # where it is met in its own state, it is a reference
            try:
                self.to.put_value(&mirror.slots[1], mirror.id, not was_published, mirror.live, "attributes")
            finally:
                self.self_encoded = None
            mirror.forms[1] = OPAQUE
        mirror.last[1] = mirror.live
        return 0

    cdef bint put_node(self, Mirror mirror, uint32_t i, value, uint64_t bits) except -1:
        """Publishes that a cell's value is a node. False: it says so already."""
        cdef Publication link
        id, number = self.enter(mirror, i, value)
        self.note_link(mirror.id, i, self.cells.by_number[number])
        bits |= <uint64_t>built_in_kind(type(value)) << 8
        form = (id, number, bits)
        if mirror.forms[i] == form:
            return False
        mirror.forms[i] = form
        link = self.to.put(&mirror.slots[i], mirror.id, NODE)
        link.payload[0], link.payload[1], link.payload[2] = id, number, bits
        return True

    cdef bint prepare_attribute(self, Mirror mirror, uint32_t i, value) except -1:
        """Publishes an attribute's value. False: it is what is published."""
        cdef str where = f"attribute {mirror.shape.cells[i - 1]}"
        cdef bint fresh = mirror.last[i] is UNPUBLISHED or type(mirror.forms[i]) is tuple
        cdef int role
        if value is MISSING:
            mirror.forms[i] = None
            self.state.keep_for_now(mirror.kept.pop(i, None))
            self.to.put(&mirror.slots[i], mirror.id, ABSENT)
            return True
        role = IS_VALUE if builtin_id(value) in self.by_identity else role_of(value)
        if role == IS_BOXED:
            return self.put_node(mirror, i, boxed(mirror, i, value), BOXED)
        self.state.keep_for_now(mirror.kept.pop(i, None))
        if role == IS_OPAQUE:
            self.state.settle_births()
        if role == IS_NODE or role == IS_OPAQUE and is_node(value):
            return self.put_node(mirror, i, value, 0)
        mirror.forms[i] = ENCODED if role == IS_VALUE else OPAQUE
        return self.to.put_value(&mirror.slots[i], mirror.id, fresh, value, where)

    cdef int prepare_extras(self, Mirror mirror, extras) except -1:
        """The attributes without a cell of their own: a dict of values, or a node as soon as one of them can change."""
        cdef bint fresh = mirror.last[0] is UNPUBLISHED or type(mirror.forms[0]) is tuple
        if extras is mirror.last[0] or same_values(extras, mirror.last[0]):
            return 0
        held = mirror.kept.get(0)
        if extras is MISSING:
            self.state.keep_for_now(mirror.kept.pop(0, None))
            mirror.forms[0] = None
            self.to.put(&mirror.slots[0], mirror.id, ABSENT)
        elif held is None and all([role_of(value) == IS_VALUE for value in extras.values()]):
            mirror.forms[0] = ENCODED
            self.to.put_value(&mirror.slots[0], mirror.id, fresh, extras, "attributes")
        else:
            self.put_node(mirror, 0, kept_extras(mirror, extras), 0)
        mirror.last[0] = extras
        return 0

    cdef int prepare_nodes(self) except -1:
        """Ends the state's command: publishes what has changed in the cells of nodes, and deletes what nobody holds."""
        cdef set unsure
        cdef dict changes = {}, whole = {}
        cdef list dead
        self.look_at_trusting()
        self.trusting.clear()
        unsure = self.unsure_cells()
        self.unsure.clear()
        self.unsure_everywhere = False
        if self.state.opaque_in:
            unsure |= self.renewed()
        if not self.state.nothing_done() or unsure:
            self.end_state(changes)
        while True:
            # What goes may let others go.
            dead = self.unheld()
            for mirror in dead:
                self.forget(mirror)
            mirror = None
            if not dead:
                break
            dead.clear()
            if not self.state.nothing_done():
                self.end_state(changes)
        for number in unsure & self.cells.by_number.keys():
            whole[number] = self.state.base(number)
        if whole and not self.state.nothing_done():
            self.end_state(changes)         # what has been found that was stored past recording
            for number in unsure & self.cells.by_number.keys():
                whole[number] = self.state.base(number)
        for number, base in whole.items():
            if self.cells.prepare_unsure(self.state, number, base, changes.pop(number, None)):
                self.warn_of_cell(number)
        if 0 not in self.cells.by_number:
            # The classes, with the first nodes: a commit that publishes none must not need memory for these.
            changes.pop(0, None)
            if changes or whole:
                self.cells.begin(0, 0, 0, 0, self.new_id())
                changes[0] = self.state.base(0)
        for number, data in changes.items():
            if number in self.cells.damaged:
                continue            # it stays as it is, for as long as anything refers to its nodes
            self.warn_of_cell(number)
            self.cells.prepare(self.state, number, data, False)
        self.look_at_links()
        return 0

    cdef int look_at_links(self) except -1:
        """Whether parts of one object are in another now, whose methods may change them."""
        cdef NodeCell one, other
        cdef uint64_t pair
        for pair in far_cells:
            one, other = self.cells.by_number.get(pair >> 32), self.cells.by_number.get(pair & 0xffffffff)
            if one is not None and other is not None:
                self.note_link(one.mirror, one.index, other)
        far_cells.clear()
        return 0

    cdef int note_link(self, uint64_t id, uint32_t index, NodeCell other) except -1:
        """An attribute of an object refers to what is at home elsewhere, which its methods may change on that way."""
        cdef Mirror mirror
        if other.mirror != id:
            self.linked = True
        elif other.index != index:
            mirror = self.mirrors.get(id)
            if mirror is not None and not mirror.mixed and not mirror.shape.expects(index, other.index):
                mirror.mixed = True
                self.control.note_references()      # before C: from then on reads wait for every command
        return 0

    cdef int end_state(self, dict changes) except -1:
        cdef dict more
        self.state.settle_births()
        more = self.state.end()
        self.ended = True
        for number in self.state.gone:
            self.cells.retire(number)
            changes.pop(number, None)
        for number, data in more.items():
            changes[number] = changes[number] + data if number in changes else data
        return 0

    cdef set renewed(self):
        """The cells in which something that is encoded whole may have changed and has."""
        cdef Mirror mirror
        cdef uint32_t i
        cdef set cells = set()
        for mirror in self.changing:
            if mirror.everything or mirror.shape.opaque:
                cells |= self.cells.cells_of(mirror.id, None)
            else:
                cells |= self.cells.cells_of(mirror.id, mirror.touched)
        cells = self.state.renew_opaque(cells)
        if cells:
            self.ended = True
            for mirror in self.changing:
                for i, form in enumerate(mirror.forms or ()):
                    if type(form) is tuple and form[2] == 0 and object_of(form[0]) == NULL:
                        self.put_node(mirror, i, mirror.last[i], 0)
        return cells

    cdef int explain(self, error) except -1:
        """Raises an error that tells in which attribute it is that something cannot be published."""
        cdef Mirror mirror
        cdef uint32_t i
        for mirror in self.changing:
            if type(mirror.live) is Unreadable or mirror.live is None:
                continue
            values = [mirror.live] if mirror.shape.opaque else state_of(mirror.live, mirror.shape.cells)[1:]
            for i, value in enumerate(values):
                if value is not MISSING and role_of(value) != IS_VALUE:
                    where = "state" if mirror.shape.opaque else f"attribute {mirror.shape.cells[i]}"
                    self.self_encoded = mirror.live
                    try:
                        encode(value, where, self._reduce_foreign)
                    finally:
                        self.self_encoded = None
        return 0

    cdef set unsure_cells(self):
        """The numbers of the cells in which something may have changed past recording."""
        cdef set found = set()
        if self.unsure_everywhere:
            return self.cells.by_number.keys() - self.cells.damaged.keys() - {0}
        for id, indices in self.unsure.items():
            found |= self.cells.cells_of(id, indices)
        return found

    cdef int warn_of_cell(self, uint64_t number) except -1:
        """Reports a change in the cell of an attribute that no plan knew of."""
        cdef NodeCell cell = self.cells.by_number[number]
        cdef Mirror mirror = self.mirrors.get(cell.mirror) if cell.published else None
        if self.let_go_in and number in self.let_go_in:
            return 0                # that nobody holds them any more is no command's doing
        if mirror is None or mirror.shape.opaque or mirror.everything or cell.index in mirror.touched:
            return 0
        return self.warn_outside_plan(mirror, cell.index)

    cdef int warn_outside_plan(self, Mirror mirror, uint32_t i) except -1:
        """Reports, once for each class, attribute and method, a write that no plan knew of.

        Only if it is certain which method did it: no other has run on the object since it was last published.
        """
        if mirror.others or mirror.mixed or len(mirror.ran) != 1:
            return 0
        attribute = mirror.shape.cells[i - 1] if i else "an attribute without a cell"
        cls = class_name(mirror.shape.cls)
        method = f"{cls}.{next(iter(mirror.ran))}()"
        key = (builtin_id(mirror.shape), attribute, method)
        if key in self.warned:
            return 0
        self.warned.add(key)
        warning = ShareWarning(
            f"{method} changed {attribute!r}, which its plan does not say: the change is published, but a reader "
            f"need not have waited for it. Decorate the method with @writes({attribute!r}, ...) or name the attribute "
            f"in {cls}._shared_meta")
        log.warning("%s", warning)
        self.add_error((self.control.committed(), 0, f"{cls}.{attribute}", encode(warning, "warning"), ""), 0)
        return 0

    def try_decoding(self, str where):
        """Decodes what has been encoded, because classes are in it whose instances have not been decoded here.

        What is published must be loadable, by readers and by a successor.
        """
        cdef Py_ssize_t used = 0
        cdef Kind kind
        cdef bint loading = self.loading
        self.loading = True         # references become the live objects, which are not touched by it
        try:
            decode(self.encoder.data, self.encoder.size, &used)
        except BaseException as error:
            raise NotShareableError(f"{where}: it can be encoded, but not decoded again: {line_of(error)}") from error
        finally:
            self.loading = loading
        for kind in self.encoder.fresh:
            kind.decoded = True

    cpdef int publish(self, uint64_t position) except -1:
        """Stores what was prepared into the slots, as versions of that position."""
        cdef Mirror mirror
        cdef uint64_t committed = self.control.committed()
        cdef uint32_t i
        # Before C, which shows them to others.
        store_rlx(self.control.word(H_NEXT_ID), self.state.next_id)
        self.to.publish(position)
        self.cells.publish(position)
        for mirror in self.doomed:
            for i in range(mirror.cells):
                self.to.store(&mirror.slots[i], committed, position, DELETED, 0, NO_PAYLOAD)
        return 0

    cpdef int settle(self) except -1:
        """After C has been stored: what the commit deleted is given back."""
        cdef Mirror mirror
        cdef uint32_t i
        self.new_code.clear()
        self.replanned.clear()
        for mirror in self.changing:
            self.calm(mirror)
        self.changing.clear()
        for mirror in self.doomed:
            for i in range(mirror.cells):
                self.to.clear_slot(&mirror.slots[i])
            self.release_cells(mirror)
            TESTPOINT("store.buried")
        self.doomed.clear()
        self.cells.settle()
        self.dirty_roots.clear()
        self.assigned.clear()
        self.ended = False
        self.directory_dirty, self.errors_dirty, self.errors_late = False, self.errors_late, False
        self.errors_before = self.errors.state()
        return 0

    def release_cells(self, Mirror mirror not None):
        self.flags.release(mirror.flags_at, mirror.cells)
        self.slots.release(mirror.slots_at, mirror.cells)

    # -- what nobody holds any more -------------------------------------------------------------------

    cdef list unheld(self):
        """The mirrors without a name to which no other object of the state refers."""
        cdef Mirror mirror
        cdef list found = [], others = []
        cdef bint all_of_them
        for id, when in list(self.replaced.items()):
            if when < monotonic() - KEPT_SECONDS:
                del self.replaced[id]
                self.loose.add(self.unnamed.get(id))
        for mirror in self.unnamed.values():
            if mirror.id in self.replaced:
                continue                    # ``shared.a, shared.b = shared.b, shared.a`` is two commands
            if Py_REFCNT(<PyObject*>mirror.live) == 1:
                found.append(mirror)
            elif mirror in self.loose:
                others.append(mirror)
        self.loose.clear()
        all_of_them = <uint64_t>len(self.unnamed) > self.most_unnamed and not found
        if all_of_them:
            # They may hold each other.
            others = [mirror for id, mirror in self.unnamed.items() if id not in self.replaced]
        if others:
            found += [mirror for mirror in unreachable(others, self.by_identity)
                      if mirror.id not in self.replaced]
        if all_of_them:
            self.most_unnamed = 2 * (len(others) - len(found)) + 16
        return found

    def forget(self, Mirror mirror not None):
        """Deletes an object that nobody holds any more."""
        del self.mirrors[mirror.id]
        del self.unnamed[mirror.id]
        del self.by_identity[builtin_id(mirror.live)]
        self.condemned.discard(mirror.id)
        self.cells.forget_mirror(mirror.id)
        if mirror.published:
            self.doomed.append(mirror)
        else:
            self.release_cells(mirror)
        mirror.last = mirror.forms = mirror.kept = None
        if not mirror.shape.opaque:
            replace_state(mirror.live, {})      # it may refer to itself
        mirror.live = None

    # -- undoing --------------------------------------------------------------------------------------

    cpdef int abandon(self) except -1:
        """After a failed ``prepare``: all live state is what is published again. 1 if it has been loaded anew."""
        cdef uint64_t tag = 0
        cdef bint anew
        self.to.abandon()
        for encoded, shape in list(self.shapes.items()):
            if slot_find(<Slot*>self.control.at((<Shape>shape).at, SLOT_SIZE), self.control.committed(), &tag) < 0:
                del self.shapes[encoded]
        anew = not self.undo()
        if anew:
            self.reload()
        # Those of the group will be made again; those before it may still have to be published.
        self.errors.restore(self.errors_before)
        self.errors_dirty = last_of(self.errors.recent) > self.errors_told
        if self.new_code:
            self.upgrade()
        return anew

    cdef bint can_undo(self) except -1:
        """Whether all that commands have changed since the last commit can be undone where it is."""
        cdef Mirror mirror
        if self.ended or self.doomed:
            return False
        for mirror in self.dirty.union(self.changing):
            if mirror.published and mirror.shape.opaque and not mirror.shape.is_container or \
                    self.state.opaque_in and self.state.opaque_in.keys() & self.cells.cells_of(mirror.id, None):
                return False
        return True

    cdef bint undo(self) except -1:
        """Undoes what commands have done since the last commit. False: all state has to be loaded anew."""
        cdef Mirror mirror
        cdef Root root
        cdef set touched = self.dirty.union(self.changing)
        if not self.can_undo():
            return False
        for root, old in reversed(self.assigned):
            if isinstance(root.value, Mirror):
                (<Mirror>root.value).names -= 1
            root.value = old
            if isinstance(old, Mirror):
                (<Mirror>old).names += 1
        for mirror in touched:
            if mirror.id in self.mirrors and self.is_new(mirror):
                del self.mirrors[mirror.id]
                del self.by_identity[builtin_id(mirror.live)]
                self.release_cells(mirror)
                mirror.live = mirror.last = mirror.forms = mirror.kept = None
        try:
            self.state.undo()
        except RuntimeError:
            return False
        self.cells.abandon()
        if not self.is_as_published(self.unsure_cells()):
            return False
        self.loading = True
        try:
            for mirror in touched:
                if mirror.id in self.mirrors and not mirror.shape.opaque:
                    self.fill(mirror)           # with what was published last
        except Exception:
            return False                        # a node has gone for good
        finally:
            self.loading = False
        for name, root in list(self.roots.items()):
            if not self.is_committed(root.slot):
                del self.roots[name]            # its cells are lost, until a successor
        for mirror in touched:
            mirror.last_call = None
            self.calm(mirror)
        self.unnamed = {mirror.id: mirror for mirror in self.mirrors.values() if mirror.names == 0}
        self.forget_changes()
        return True

    def is_as_published(self, set cells not None):
        """Whether the nodes at home in some cells are what is published; that is loaded beside them to be compared."""
        if not cells:
            return True
        published = Replica(damaged=self.cells.damaged, patient=self.patient)
        met = set()
        todo = cells | {0}

        def encoded(value):
            return encode(value, "state", self._reduce_foreign)

        def id_of(value):
            id = self.state.id_of(value)
            return first_ids.get(id, id)

        self.loading = True
        try:
            while todo := todo & self.cells.by_number.keys() - self.cells.damaged.keys() - met:
                met |= todo
                published.bring(*self.cells.committed(todo))
                todo = set().union(*[published.referred(number) for number in todo])
            for id in [id for number in cells for id in published.ids_in(number)]:
                if content(published.node(id), published.id_of, encoded) != content(self.node(id), id_of, encoded):
                    return False
        except Exception:
            return False            # then all is loaded anew, whatever it is
        finally:
            self.loading = False
        return True

    cdef bint is_committed(self, Slot* slot) noexcept:
        cdef uint64_t tag = 0
        return slot_find(slot, self.control.committed(), &tag) >= 0

    cdef bint is_new(self, Mirror mirror) noexcept:
        return not self.is_committed(mirror.slots)

    cdef int reload(self) except -1:
        cdef Mirror mirror
        for mirror in self.mirrors.values():
            if self.is_new(mirror):
                self.release_cells(mirror)      # made since the last commit
        self.cells.abandon()
        self.state.close()
        errors = self.errors_before, self.errors_told
        self.load()
        self.errors_before, self.errors_told = errors       # those published last may be fewer: see prepare_all
        return 0

    cdef int forget_changes(self) except -1:
        self.dirty.clear()
        self.changing.clear()
        self.dirty_roots.clear()
        self.assigned.clear()
        self.doomed.clear()
        self.loose.clear()
        self.condemned.clear()
        self.replaced.clear()
        self.unsure.clear()
        self.trusting.clear()
        self.unsure_everywhere = self.ended = self.directory_dirty = self.errors_dirty = False
        self.departed = None
        return 0

    # -- loading what is published --------------------------------------------------------------------

    def load(self):
        """Rebuilds roots, mirrors, nodes and errors from the committed versions."""
        cdef Root root
        cdef Mirror mirror
        cdef Version version
        cdef uint64_t next_id = load_rlx(self.control.word(H_NEXT_ID)) or 1
        if self.state is None:
            self.holders.take_over()
        self.roots = {}
        self.root_page_used = PAGE
        self.unnamed = {}
        self.linked = load_rlx(self.control.references) != 0
        self.forget_changes()
        self.loading = True
        self.patient = self.control.is_patient()
        try:
            bases = self.load_nodes()
            for name, (flag_at, slot_at, owner) in (self.read(self.control.directory, &version) or {}).items():
                root = Root()
                root.name, root.flag_at, root.slot_at, root.owner = name, flag_at, slot_at, owner
                root.slot = <Slot*>self.control.at(slot_at, SLOT_SIZE)
                root.published = True
                try:
                    root.value = self.read(root.slot, &version)
                except BaseException as error:
                    if self.may_be_loaded(error):
                        raise
                    root.value = Unreadable(self.note_unreadable(f"name {name}", owner, error))
                    version.kind = 0xffff
                if version.kind == ABSENT:
                    root.value = MISSING
                elif version.kind == REF:
                    mirror = root.value = self.mirrors[version.payload[0]]
                    mirror.names += 1
                self.roots[name] = root
            while self.unfilled:
                self.fill(self.unfilled.pop())
            self.errors.load(self.read(self.control.errors, &version))
            self.errors_before = self.errors.state()
            self.errors_told = last_of(self.errors.recent)
            self.cells.loaded(self.replica.position, {(<Mirror>each).flags_at: (<Mirror>each).id
                                                      for each in self.mirrors.values()})
            for cls in self.replica.known_classes():
                if isinstance(cls, UnreadableClass):
                    self.note_unreadable("a part of the state", hash(cls.content), cls.error)
            self.state = State.of(self.replica, next_id) if bases else State(next_id)
            self.looked_at = self.has_wild = 0          # it numbers classes anew
            self.state.keep_removed()
            for mirror in self.mirrors.values():
                if mirror.shape.is_container and type(mirror.live) is not Unreadable:
                    self.state.host(mirror.live)
            self.state.keep_loaded(self.replica)
            self.is_loaded = len(self.state) > 1
            self.note_unreadable_parts()
        finally:
            self.loading = False
            self.replica = None
        self.state.set_foreign(self._encoded_foreign, self._reduce_kept)
        for mirror in self.mirrors.values():
            if mirror.names == 0:
                self.unnamed[mirror.id] = mirror
        while self.reports:
            self.add_error(self.reports.pop(0), 0)

    cdef bint may_be_loaded(self, error) except -1:
        """Whether a successor may do what this one cannot, for want of memory: what is published is whole."""
        return isinstance(error, MemoryError) and self.patient

    def load_nodes(self):
        """Loads all cells of nodes; of one that is damaged the nodes are Unreadable. Gives the bases."""
        bases, changes = self.cells.load()
        for number, error in self.cells.damaged.items():
            self.note_unreadable("a part of the state", ("cell", number), error)
        while True:
            if 0 in self.cells.damaged:
                raise self.cells.damaged[0]     # the classes
            for number in self.cells.damaged:
                bases.pop(number, None)
                changes.pop(number, None)
            self.mirrors, self.by_identity, self.unfilled = {}, {}, []
            self.replica = Replica(has_finalizers=True, damaged=self.cells.damaged, patient=self.patient)
            try:
                self.replica.bring(bases, changes)
            except (CorruptDataError, CellMissingError, RecursionError) as error:
                number = self.replica.culprit
                if number is None or number not in bases and number not in changes:
                    raise
                self.cells.damaged[number] = error.with_traceback(None)
                self.note_unreadable("a part of the state", ("cell", number), error)
                continue
            return bases

    cdef object read(self, Slot* slot, Version* version):
        """The committed value of a slot; None if it is absent."""
        cdef uint64_t owner = 0
        cdef bint torn = False
        if not slot_read(slot, self.control.committed(), version, &owner) or version.kind == ABSENT:
            version.kind = ABSENT
            return None
        if version.kind == NODE:
            id = version.payload[0]
            return self.node(id) if self.replica is None else self.replica.lookup(version.payload[1], id)
        return version_value(self.control, version, &torn)

    def adopt(self, id, flags_at, slots_at, shape_at, cells):
        """The mirror of a published object, its state to be filled in later."""
        cdef Mirror mirror = new_mirror()
        cdef Version version
        mirror.id, mirror.cells = id, cells
        mirror.flags_at, mirror.slots_at = flags_at, slots_at
        mirror.slots = <Slot*>self.control.at(slots_at, mirror.cells * SLOT_SIZE)
        mirror.shape = self.shape_at(shape_at)
        self.begin_mirror(mirror)
        mirror.mixed = self.linked          # nobody has kept whether it is
        mirror.published = True
        self.mirrors[id] = mirror
        try:
            if mirror.shape.cls is Unreadable:
                mirror.live = Unreadable(mirror.shape.why)
            elif not mirror.shape.opaque:
                mirror.live = live_instance(mirror.shape.cls, {})
            else:
                mirror.live = self.read(mirror.slots + 1, &version)
                if type(mirror.live) is Unreadable:
                    raise mirror.live._share_error
                if mirror.shape.is_container and not self.replica.id_of(mirror.live):
                    raise CorruptDataError("a container is published as what is none")
        except BaseException as error:
            if self.may_be_loaded(error):
                raise
            what = f"an object of {class_name(mirror.shape.cls)}"
            mirror.live = Unreadable(self.note_unreadable(what, id, error))
        self.by_identity[builtin_id(mirror.live)] = mirror
        self.unfilled.append(mirror)
        return mirror

    def fill(self, Mirror mirror not None):
        """Gives a mirror the state that is published."""
        cdef Version version
        cdef uint32_t i
        cdef dict kept
        if type(mirror.live) is Unreadable:
            return
        kept, mirror.kept = mirror.kept, {}     # those are looked up below, and need not be held by anything else
        for i in range(mirror.cells):
            if mirror.shape.opaque:
                value = mirror.live if i else MISSING
                read_version(self.control, &mirror.slots[i], &version)
            else:
                try:
                    value = self.read(&mirror.slots[i], &version)
                except BaseException as error:
                    if self.may_be_loaded(error):
                        raise
                    if self.replica is None:
                        raise           # what is published is whole; it is loaded anew
                    value = self.unreadable_cell(mirror, i, error)
                    version.kind = ABSENT if value is MISSING else 0xffff
                if version.kind == ABSENT:
                    value = MISSING
            if version.kind == NODE and type(value) is Unreadable and i:
                self.unreadable_cell(mirror, i, value)
            if version.kind == NODE:
                mirror.forms[i] = (version.payload[0], version.payload[1], version.payload[2])
                if type(value) is Unreadable:
                    value = value if i else MISSING         # which attributes are in there is not known
                elif version.payload[2] & BOXED:
                    mirror.kept[i] = value
                    value = value[0]
                elif i == 0:
                    mirror.kept[0] = value
                    value = dict(value)
            else:
                mirror.forms[i] = None if value is MISSING else ENCODED if role_of(value) == IS_VALUE or \
                    builtin_id(value) in self.by_identity else OPAQUE
            mirror.last[i] = value
        if mirror.shape.opaque:
            return
        state = {} if mirror.last[0] is MISSING else dict(mirror.last[0])
        for cell, value in zip(mirror.shape.cells, mirror.last[1:]):
            if value is not MISSING:
                state[cell] = value
        replace_state(mirror.live, state)
        kept.clear()

    cdef int note_unreadable_parts(self) except -1:
        for id, part in self.state.opaque.items():
            part = part() if isinstance(part, ref) else part
            if type(part) is Unreadable and part._share_error is not None and \
                    "in the coordinator" not in part._share_why:       # else it is an attribute, of which this is said
                number = self.state.home_of(part)
                part._share_why = self.note_unreadable(
                    "a part of the state", ("cell", number) if number in self.cells.damaged else id, part._share_error)
        return 0

    def unreadable_cell(self, Mirror mirror not None, uint32_t i, error):
        """What stands for the value of a cell that cannot be loaded."""
        cell = mirror.shape.cells[i - 1] if i else "an attribute without a cell"
        what = f"attribute {cell} of" if cell else "an object of"
        what = f"{what} {class_name(mirror.shape.cls)}"
        if type(error) is Unreadable:           # which stands for a node
            error._share_why = self.note_unreadable(what, (mirror.id, i), error._share_error)
            return error
        value = Unreadable(self.note_unreadable(what, (mirror.id, i), error))
        if not i:
            return MISSING          # which attributes are in there is not known
        return value

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


cdef int read_version(Control control, const Slot* slot, Version* version) except -1:
    cdef uint64_t owner = 0
    if not slot_read(slot, control.committed(), version, &owner):
        version.kind = ABSENT
    return 0


cdef uint64_t[5] NO_PAYLOAD
NO_PAYLOAD[0] = NO_PAYLOAD[1] = NO_PAYLOAD[2] = NO_PAYLOAD[3] = NO_PAYLOAD[4] = 0
