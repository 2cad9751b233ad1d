"""The state of a share in its coordinator: named nodes whose changes are recorded, command by command."""

import collections
import gc
import time
import types
import weakref

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

cimport cython

from share.cerial._checksum cimport checksum
from share.state cimport _nodes, _record, _shapes
from share.state cimport _operations as operations
from share.state._contents cimport encode_opaque, first_ids, is_opaque, write_node
from share.state._instances cimport attributes_of, cells_of_attributes, prepare
from share.state._nodes cimport (
    CLASSED,
    COMPARED,
    FRESH,
    HOST,
    ID,
    TOP,
    Bytes,
    Cell,
    Inverse,
    Node,
    add_node,
    append,
    clean,
    drop_cell,
    find,
    forget,
    new_cell,
    number,
    object_of,
    release,
    remove_node,
    reserve,
    touch,
    turn,
    turn_back,
)
from share.state._compare cimport compare, is_published, note_whole, shadow_of
from share.state._record cimport places_of_opaque, put, set_foreign
from share.state._shapes cimport Shape, built_in_kind, forget_shapes, number_class, shape_of
from share.state._undo cimport undo_all

from share.errors import CorruptDataError, NotShareableError, ShareError
from share.state._replica import Replica

import share.state._arrays
import share.state._bytearrays
import share.state._deques
import share.state._dicts
import share.state._lists
import share.state._sets        # noqa: F401  each of them makes its recording types
from share.state._types import rebase

cdef extern from "Python.h":
    int PyGC_Disable() noexcept
    int PyGC_Enable() noexcept
    Py_ssize_t Py_REFCNT(PyObject*) noexcept
    void give_up "Py_DECREF"(PyObject*) noexcept
    void give_up_if "Py_XDECREF"(PyObject*) noexcept

cdef tuple CONTAINERS = (list, dict, set, tuple, frozenset, collections.deque)

cdef enum:
    KEEP = 1 << 16              # as many births and inverses have room in the next command, too
    MOST_LOOKED_AT = 1000       # parts of an opaque object
    ROUNDS = 100                # of finalizers that change the state, at the end of one command

_nodes.here = _nodes.registry()
cdef object the_state = None    # weak reference


@cython.binding(False)
cdef class State:
    """Everything that is shared: what ``names`` holds, and all that can be reached from there.

    Whatever is stored into ``names``, or into something that is stored there, becomes a node of the state: it stays
    the object that it was, and from the end of the command on every change to it is recorded. There is one state in
    a process.

    Args:
        next_id: the first node's id; after a failure more than any that has been published.
        commits: how many commands have ended before; after a failure, as many as have been published.
    """

    def __init__(self, next_id: int = 1, commits: int = 0):
        global the_state
        if the_state is not None and the_state() is not None:
            raise RuntimeError("there is one state in a process; close() the other one first")
        if next_id < 1:
            raise ValueError("ids are positive")
        reset_registry(next_id)
        forget_shapes()
        self.commits = commits
        self.names = {}
        self.hashed = {}
        self.compared = {}
        self.opaque = {}
        self.strong = set()
        self.held = []
        self.held_cells = set()
        self.opaque_in = {}
        self.digests = {}
        self.renewed = {}
        first_ids.clear()
        self.far_opaque = _record.far_opaque = {}
        self.gone = []
        self.entered = []
        self.removed = {}
        self.spare = {}
        the_state = weakref.ref(self)
        # Cell number 0: the names, and what concerns the state as a whole.
        add_node(<PyObject*>self.names, new_cell(), FRESH)
        _nodes.note_birth(<PyObject*>self.names)
        self.write_births()
        self.settle()
        self.pending = self.take()

    def __dealloc__(self):
        self.close()

    # ---- the end of a command --------------------------------------------------------------------------

    def end(self) -> dict[int, bytes]:
        """Ends a command: what it has changed, as bytes to be appended to each cell's log, by number of the cell.

        Raises:
            NotShareableError: the command left something in the state that cannot be published. It has been undone.
        """
        self.check_open()
        try:
            self.compare_all()
            self.write_births()
        except BaseException:
            self.undo()
            raise
        self.settle()
        changes = self.take()
        if self.pending:
            for cell, first in self.pending.items():
                changes[cell] = first + changes.get(cell, b"")
            self.pending = {}
        return changes

    def undo(self) -> None:
        """Takes back everything that the command under way has done to nodes; nothing of it is published."""
        cdef size_t i
        cdef Cell* cell
        cdef PyObject** born
        cdef size_t count
        self.check_open()
        self.held_cells.clear()
        self.held.clear()
        self.compare_all()
        undo_all()
        born = _nodes.here.born
        count = _nodes.here.born_count
        for i in range(count):                  # what was born was born in vain
            remove_node(born[i])
            make_plain(born[i])
        while _nodes.here.dirty_count:
            _nodes.here.dirty_count -= 1
            clean(_nodes.here.dirty[_nodes.here.dirty_count])
        self.hashed.clear()
        for i in _nodes.new_cells:
            cell = _nodes.here.cells[i]
            if cell.owner:
                cells_of_attributes[cell.owner].pop(<object>cell.name)
                if not cells_of_attributes[cell.owner]:
                    del cells_of_attributes[cell.owner]
            drop_cell(cell)
        _nodes.new_cells.clear()
        places_of_opaque.clear()
        self.entered.clear()
        for id in list(self.compared):
            if object_of(id) == NULL:
                del self.compared[id]
            else:
                self.compared[id] = shadow_of(
                    <object>object_of(id), shape_of(type(<object>object_of(id)))
                )
        self.filled = 0
        self.forget_spare()
        _nodes.here.born = NULL
        _nodes.here.born_count = _nodes.here.born_room = 0
        for i in range(count):                  # from here on user code may run: finalizers
            give_up(born[i])
        free(born)

    def enter(self, value: object) -> tuple[int, int]:
        """Makes an object a node in a cell of its own, unless it is one: (its home, its id).

        The caller keeps it alive. From the end of the command on changes to it are recorded.
        """
        cdef Node* node = find(<PyObject*>value)
        cdef Cell* cell
        self.check_open()
        if node == NULL:
            cell = new_cell()
            _nodes.note_birth(<PyObject*>value)
            add_node(<PyObject*>value, cell, FRESH)
            touch(cell)
            node = find(<PyObject*>value)
            self.entered.append(node.id & ID)
        return node.cell, node.id & ID

    def host(self, node: object) -> None:
        """Has a node referred to as a foreign object (see ``set_foreign``) wherever it is stored."""
        find(<PyObject*>node).id |= HOST

    def keep_removed(self, seconds: float, most: int) -> None:
        """Nodes that nothing holds any more are kept for so long, and at most so many in a cell; the youngest."""
        self.seconds_removed = seconds
        self.most_removed = most

    def drop_removed(self, cells: set[int]) -> None:
        """Those of them that are at home in these cells are kept no longer."""
        for number in cells & self.removed.keys():
            self.removed.pop(number)

    cdef bint is_removed(self, PyObject* node) except -1:
        """Whether a node is one of those that are kept, which is a reference to it."""
        return <size_t>node in self.removed.get(find(node).cell, ())

    cdef int look_at_removed(self, PyObject* removed) except -1:
        """Something that a command has replaced, removed or changed, about to be given up."""
        cdef list rest
        cdef Py_ssize_t holders
        if removed == NULL:
            return 0
        if find(removed) != NULL:
            holders = Py_REFCNT(removed)
            if 1 < holders <= 3:
                holders -= self.is_removed(removed) + (find(removed).id & ID in self.strong)
            if holders == 1:
                self.keep_for_now(<object>removed)
        elif Py_REFCNT(removed) == 1 and type(<object>removed) in (list, tuple):
            rest = [<object>removed]
            while rest:
                for part in rest.pop()[-<Py_ssize_t>self.most_removed:]:
                    if type(part) is tuple:
                        rest.append(part)
                    elif find(<PyObject*>part) != NULL:
                        self.keep_for_now(part)
        return 0

    cdef int keep_for_now(self, object value) except -1:
        """Keeps a node for a while, if the value is one; what ``host`` was told of goes as objects do."""
        cdef Node* node = find(<PyObject*>value)
        if node == NULL or node.id & HOST or not self.most_removed:
            return 0
        kept = self.removed.get(node.cell)
        if kept is None:
            kept = self.removed[node.cell] = collections.OrderedDict()
        kept.pop(<size_t><PyObject*>value, None)
        kept[<size_t><PyObject*>value] = time.monotonic(), value
        if <size_t>len(kept) > self.most_removed:
            kept.popitem(last=False)
        return 0

    cdef int keep_loaded(self, object replica) except -1:
        """The same for those nodes that nothing but the replica holds that they come from."""
        cdef PyObject* node
        for id in sorted(replica.node_ids()):
            value = replica.node(id)
            node = <PyObject*>value
            if Py_REFCNT(node) == 2:            # the replica's and this one
                self.keep_for_now(value)
        return 0

    cdef int give_up_old(self) except -1:
        """Those that have been kept for long enough go."""
        cdef double now = time.monotonic()
        if now < self.next_removed:
            return 0
        self.next_removed = now + self.seconds_removed / 10
        for number, kept in list(self.removed.items()):
            while kept and next(iter(kept.values()))[0] < now - self.seconds_removed:
                kept.popitem(last=False)
            if not kept and self.removed.get(number) is kept:
                del self.removed[number]
        return self.give_up_opaque()

    cdef int give_up_opaque(self) except -1:
        """Those opaque nodes go that nothing else holds, of the kind that cannot tell when."""
        cdef PyObject* held
        for id in list(self.strong):
            held = PyDict_GetItem(self.opaque, id)
            if held == NULL or object_of(id) != held:
                self.strong.discard(id)
                self.opaque.pop(id, None)
            elif Py_REFCNT(held) == 1:
                self.strong.discard(id)
                forget(held)                    # and once this is written, it is let go of
        self.most_strong = 2 * <size_t>len(self.strong) + 16
        return 0

    cdef int hold(self, cells) except -1:
        """Before a command that may remove nodes of these cells past recording: so they can be kept for a while."""
        cdef Cell* cell
        cdef uint32_t i
        if not self.most_removed:
            return 0
        for number in cells:
            if number in self.held_cells:
                continue
            self.held_cells.add(number)
            cell = _nodes.here.cells[<uint32_t>number]
            for i in range(cell.count):
                if not find(cell.nodes[i]).id & HOST:
                    self.held.append(<object>cell.nodes[i])
        return 0

    cdef int let_go(self) except -1:
        cdef object value
        self.held_cells.clear()
        while self.held:
            value = self.held.pop()
            if find(<PyObject*>value) != NULL:
                self.look_at_removed(<PyObject*>value)
        return 0

    cdef set renew_opaque(self, set cells):
        """Opaque nodes in those cells that have changed in place become new ones. The cells to be written anew.

        That cannot be undone.
        """
        cdef set anew = set()
        cdef Cell* cell
        cdef PyObject* at
        for number in cells & self.opaque_in.keys():
            cell = _nodes.here.cells[<uint32_t>number]
            for id in list(self.opaque_in[number]):
                at = object_of(id)
                if at == NULL or self.digests.get(id) == digest_of(encode_opaque(<object>at)):
                    continue
                anew.add(number)
                anew |= self.far_opaque.pop(id, set())
                forget(at)
                (<set>self.opaque_in[number]).discard(id)
                _nodes.note_birth(at)
                add_node(at, cell, FRESH)
                first = first_ids.pop(id, id)
                first_ids[find(at).id & ID] = first
                self.renewed[first] = find(at).id & ID
                touch(cell)
        return anew

    def set_foreign(self, encoded: object, reduce: object) -> None:
        """Has objects referred to that are no part of the state, instead of becoming nodes where they are stored.

        Args:
            encoded: gives the encoded reference to such an object, and None for others.
            reduce: the reducer of an encoder that does the same.
        """
        set_foreign(encoded, reduce)

    def take_id(self) -> int:
        """An id that no node has had or will have."""
        _nodes.here.next_id += 1
        return _nodes.here.next_id - 1

    def settle_births(self) -> None:
        """From now on what has been born so far in the command is recorded, too; none of its code is running."""
        self.check_open()
        if self.filled < _nodes.here.born_count:
            self.write_births()

    cdef Py_ssize_t spare_references(self, PyObject* object) except -1:
        """How many references to an object are only there to undo the command under way."""
        cdef Inverse* step
        cdef size_t address
        while self.spare_inverses < _nodes.here.inverse_count:
            step = &_nodes.here.inverses[self.spare_inverses]
            for address in (<size_t>step.node, <size_t>step.first, <size_t>step.second):
                if address:
                    self.spare[address] = self.spare.get(address, 0) + 1
            self.spare_inverses += 1
        while self.spare_born < _nodes.here.born_count:
            address = <size_t>_nodes.here.born[self.spare_born]
            self.spare[address] = self.spare.get(address, 0) + 1
            self.spare_born += 1
        while self.spare_held < <size_t>len(self.held):
            address = <size_t><PyObject*>self.held[self.spare_held]
            self.spare[address] = self.spare.get(address, 0) + 1
            self.spare_held += 1
        return self.spare.get(<size_t>object, 0) + (find(object) != NULL and find(object).id & ID in self.strong)

    cdef int forget_spare(self) except -1:
        self.spare.clear()
        self.spare_inverses = self.spare_born = self.spare_held = 0
        return 0

    cdef set departed(self, object result, dict replaced):
        """Ids of the nodes that nothing but a command's result holds any more, itself or in other such nodes.

        The caller has the one reference to the result that is not part of the state. ``replaced`` counts references
        by address that will have gone at the end of the command.
        """
        cdef dict met = {}                      # address -> references from what has departed
        cdef list rest = [result]               # each as often as it was met
        cdef set found = set(), expanded = set()
        cdef Node* node
        cdef PyObject* at
        cdef size_t i = 0
        met[<size_t><PyObject*>result] = 1
        while i < <size_t>len(rest):
            at = <PyObject*>rest[i]
            i += 1
            if <size_t>at in expanded:
                continue
            node = find(at)
            gone = self.spare_references(at) + replaced.get(<size_t>at, 0)
            if Py_REFCNT(at) > 2 * met[<size_t>at] + gone:
                continue                        # a tuple too may be part of the state
            if node != NULL:
                found.add(node.id & ID)
            expanded.add(<size_t>at)
            parts = gc.get_referents(<object>at)
            while parts:
                part = parts.pop()
                if find(<PyObject*>part) != NULL or isinstance(part, CONTAINERS):
                    met[<size_t><PyObject*>part] = met.get(<size_t><PyObject*>part, 0) + 1
                    rest.append(part)
                part = None
        return found

    cdef int check_open(self) except -1:
        if self.is_closed:
            raise ValueError("this state has been closed")
        return 0

    cdef int write_births(self) except -1:
        """Writes what the nodes born in this command hold, which may bring further ones."""
        cdef bint was_on = PyGC_Disable()       # a finalizer would get in between
        cdef list holes = []
        cdef list opaque = []
        cdef PyObject* object
        cdef Shape shape
        try:
            while self.filled < _nodes.here.born_count or opaque:
                while self.filled < _nodes.here.born_count:
                    object = _nodes.here.born[self.filled]
                    self.filled += 1
                    shape = shape_of(<object><PyObject*>Py_TYPE(<object>object))
                    if is_opaque(shape):
                        opaque.append(<object>object)
                    else:
                        self.write_birth(object, shape)
                for value in opaque:
                    try:
                        self.write_birth(<PyObject*>value, shape_of(type(value)))
                    except Exception as error:
                        self.write_hole(<PyObject*>value)
                        holes.append((value, error))
                opaque = []
            if holes:
                self.check_holes(holes)
                for value, _ in holes:
                    forget(<PyObject*>value)    # if it is stored again, it is looked at again
        finally:
            if was_on:
                PyGC_Enable()
        return 0

    cdef int write_birth(self, PyObject* object, Shape shape) except -1:
        cdef Cell* cell = _nodes.here.cells[find(object).cell]
        cdef size_t births = cell.births.size, fills = cell.fills.size
        cdef list hashed = self.hashed.setdefault(cell.number, [])
        touch(cell)
        try:
            write_node(object, cell, &cell.births, &cell.fills, hashed)
        except BaseException:
            cell.births.size = births
            cell.fills.size = fills
            raise
        self.begin_recording(object, shape)
        if is_opaque(shape):
            self.digests[find(object).id & ID] = digest_of(opaque_content(&cell.births, births))
            self.compare_bound(<object>object)
        return 0

    cdef int compare_bound(self, object opaque) except -1:
        """What is kept to be called may change containers past recording: methods in C bound before, partials."""
        cdef Node* node
        for container in bound_in(opaque):
            node = find(<PyObject*>container)
            if node != NULL and not node.id & (COMPARED | FRESH):
                node.id |= COMPARED
                self.compared[node.id & ID] = shadow_of(container, shape_of(type(container)))
        return 0

    cdef int begin_recording(self, PyObject* object, Shape shape) except -1:
        if shape.kind == _nodes.INSTANCE | CLASSED or shape.is_frozen:
            prepare(shape)
        elif shape.kind & CLASSED:
            if not shape.is_prepared:
                prepare(shape)
                if not rebase(shape.cls):
                    shape.is_compared = True
        elif is_opaque(shape):
            self.watch_opaque(object)
        else:
            turn(object, shape.kind)
        find(object).id &= ~FRESH
        if shape.is_compared:
            find(object).id |= COMPARED
            self.compared[find(object).id & ID] = shadow_of(<object>object, shape)
        return 0

    cdef int write_hole(self, PyObject* object) except -1:
        """What cannot be encoded: if it is gone again, the changes that name it still need something to name."""
        cdef Cell* cell = _nodes.here.cells[find(object).cell]
        touch(cell)
        reserve(&cell.births, 24)
        cell.births.data[cell.births.size] = operations.BORN
        cell.births.size += 1
        number(&cell.births, find(object).id & ID)
        cell.births.data[cell.births.size] = _nodes.OPAQUE
        cell.births.data[cell.births.size + 1] = 0
        cell.births.size += 2
        return 0

    cdef int watch_opaque(self, PyObject* object) except -1:
        """An opaque object does not tell when it is freed."""
        cdef uint64_t id = find(object).id & ID
        cdef size_t address = <size_t>object
        (<set>self.opaque_in.setdefault(find(object).cell, set())).add(id)
        try:
            self.opaque[id] = weakref.ref(<object>object, OpaqueGone(id, address))
        except TypeError:
            self.opaque[id] = <object>object
            self.strong.add(id)
        return 0

    cdef int check_holes(self, list holes) except -1:
        cdef Inverse* step
        cdef size_t i
        cdef Py_ssize_t expected
        cdef dict old_references = {}
        for i in range(_nodes.here.inverse_count):
            step = &_nodes.here.inverses[i]
            for reference in (<size_t>step.first, <size_t>step.second):
                old_references[reference] = old_references.get(reference, 0) + 1
        suspects = []
        for value, error in holes:
            # the births, the list, the pair, the loop's own
            expected = 3 + old_references.get(<size_t><PyObject*>value, 0)
            if Py_REFCNT(<PyObject*>value) > expected:
                suspects.append((value, error))
        if not suspects:
            return 0
        reachable = self.reachable()
        for value, error in suspects:
            if <size_t><PyObject*>value in reachable:
                if isinstance(error, ShareError) and not isinstance(error, NotShareableError):
                    raise error
                place = places_of_opaque.get(find(<PyObject*>value).id & ID)
                where = f", stored at {place[0]}:{place[1]}" if place else ""
                raise NotShareableError(f"{error}{where}") from error
        return 0

    cdef set reachable(self):
        """Addresses of what was born in this command and can be reached from a node that was there before."""
        cdef set seen = set(), born = set()
        cdef list rest = [self.names]
        cdef size_t i
        cdef Node* node
        for i in range(_nodes.here.born_count):
            born.add(<size_t>_nodes.here.born[i])
        for i in range(_nodes.here.inverse_count):
            rest.append(<object>_nodes.here.inverses[i].node)
        for id in self.entered:
            if object_of(id) != NULL:
                rest.append(<object>object_of(id))
        while rest:
            value = rest.pop()
            if <size_t><PyObject*>value in seen:
                continue
            seen.add(<size_t><PyObject*>value)
            for part in gc.get_referents(value) if not isinstance(value, dict) else parts_of_dict(value):
                if isinstance(part, type):
                    continue
                node = find(<PyObject*>part)
                if node != NULL and <size_t><PyObject*>part not in born:
                    continue                    # it was there before, and is in the list if it has changed
                if node != NULL or isinstance(part, (tuple, frozenset, dict)):
                    rest.append(part)
        return seen

    cdef int settle(self) except -1:
        """Lets go of what was kept for undoing. What finalizers change then belongs to the command, too."""
        cdef PyObject** born
        cdef Inverse* inverses
        cdef size_t i, born_count, inverse_count, born_room, inverse_room
        cdef int _round
        self.forget_spare()
        self.let_go()
        if self.removed:
            self.give_up_old()
        for _round in range(ROUNDS):
            born, born_count, born_room = _nodes.here.born, _nodes.here.born_count, _nodes.here.born_room
            inverses, inverse_count = _nodes.here.inverses, _nodes.here.inverse_count
            inverse_room = _nodes.here.inverse_room
            _nodes.here.born = NULL
            _nodes.here.inverses = NULL
            _nodes.here.born_count = _nodes.here.born_room = 0
            _nodes.here.inverse_count = _nodes.here.inverse_room = 0
            self.filled = 0
            for i in range(inverse_count):
                if self.most_removed:
                    self.look_at_removed(inverses[i].first)
                    self.look_at_removed(inverses[i].second)
                give_up_if(inverses[i].first)
                give_up_if(inverses[i].second)
                if self.most_removed:
                    self.look_at_removed(inverses[i].node)
                give_up(inverses[i].node)
            for i in range(born_count):
                give_up(born[i])
            if _nodes.here.born_count == 0 and _nodes.here.inverse_count == 0:
                if _nodes.here.born == NULL and born_room <= KEEP:
                    _nodes.here.born, _nodes.here.born_room = born, born_room
                else:
                    free(born)
                if _nodes.here.inverses == NULL and inverse_room <= KEEP:
                    _nodes.here.inverses, _nodes.here.inverse_room = inverses, inverse_room
                else:
                    free(inverses)
                break
            free(born)
            free(inverses)
            self.compare_all()
            self.write_births()
        if <size_t>len(self.strong) > self.most_strong:
            self.give_up_opaque()
        places_of_opaque.clear()
        self.entered.clear()
        del _nodes.new_cells[:]
        return 0

    cdef dict take(self):
        """The bytes of all cells that have changed."""
        cdef size_t i = 0
        cdef uint64_t id
        cdef Cell* cell
        cdef dict result = {}
        cdef set maybe_unused = set()
        self.commits += 1
        self.gone = []
        while i < _nodes.here.freed_count:      # what is let go of here may be the last to hold others
            id = _nodes.here.freed[i]
            cell = _nodes.here.cells[_nodes.here.freed[i + 1]]
            put_free(cell, id)
            self.compared.pop(id, None)
            if self.opaque.pop(id, None) is not None:
                self.strong.discard(id)
                self.digests.pop(id, None)
                first = first_ids.pop(id, 0)
                if self.renewed.get(first) == id:
                    del self.renewed[first]
                self.far_opaque.pop(id, None)
                (<set>self.opaque_in.get(cell.number, set())).discard(id)
            maybe_unused.add(cell.number)
            i += 2
            if id in cells_of_attributes:
                for n in cells_of_attributes.pop(id).values():
                    _nodes.here.cells[<uint32_t>n].owner = 0
                    maybe_unused.add(n)
        _nodes.here.freed_count = 0
        maybe_unused.discard(0)
        unused = []
        for n in maybe_unused:
            cell = _nodes.here.cells[<uint32_t>n]
            if cell.count == 0 and cell.owner == 0:
                unused.append(n)
                put_unused(_nodes.here.cells[0], n)
        self.put_classes()
        while _nodes.here.dirty_count:
            _nodes.here.dirty_count -= 1
            cell = _nodes.here.dirty[_nodes.here.dirty_count]
            if cell.number not in unused:
                written = joined(&cell.births, &cell.fills, self.hashed.pop(cell.number, None), &cell.records)
                if written:
                    result[cell.number] = with_head(self.commits, written)
            clean(cell)
        self.hashed.clear()
        for n in unused:
            self.opaque_in.pop(n, None)
            drop_cell(_nodes.here.cells[<uint32_t>n])
        self.gone = unused
        return result

    cdef int put_classes(self) except -1:
        """The classes that have got a number; they come first of all."""
        cdef Cell* cell = _nodes.here.cells[0]
        cdef Bytes classes
        memset(&classes, 0, sizeof(Bytes))
        try:
            while self.published_classes < len(_shapes.numbered):
                put_class_record(&classes, _shapes.numbered[self.published_classes])
                self.published_classes += 1
            if classes.size:
                touch(cell)
                append(&classes, cell.births.data, cell.births.size)
                cell.births.size = 0
                append(&cell.births, classes.data, classes.size)
        finally:
            release(&classes)
        return 0

    # ---- nodes whose changes are not seen --------------------------------------------------------------

    cdef int compare_all(self) except -1:
        if not self.compared:
            return 0
        for id, shadow in list(self.compared.items()):
            if object_of(id) != NULL:
                value = <object>object_of(id)
                compare(value, shape_of(type(value)), shadow)
                self.compared[id] = shadow_of(value, shape_of(type(value)))
        return 0

    # ---- looking at it ---------------------------------------------------------------------------------

    def check(self, replica: Replica, ids: list[int] | None = None) -> tuple[list[int], dict[int, bytes]]:
        """Looks for changes that went past recording: compares nodes, between commands, with an up-to-date replica.

        Args:
            replica: it has applied everything that ``end`` has given.
            ids: the nodes to be compared, all by default. Opaque objects are passed over.

        Returns:
            The ids of the nodes that differ, and the changes that make them the same, as ``end`` gives them.
        """
        cdef dict copies = {}
        cdef list found = []
        cdef Shape shape
        self.check_open()
        for id in replica.node_ids():
            copied = replica.node(id)
            copies[<size_t><PyObject*>copied] = id
        for id in sorted(replica.node_ids()) if ids is None else ids:
            if object_of(id) == NULL:
                continue
            node = <object>object_of(id)
            shape = shape_of(type(node))
            if is_opaque(shape) or is_published(node, shape, replica.node(id), copies):
                continue
            found.append(id)
            note_whole(node, shape, replica.node(id))
        return found, self.end()

    @classmethod
    def load(cls, bases: dict[int, bytes], changes: dict[int, bytes] | None = None, next_id: int = 1) -> State:
        """The state of a coordinator that has ended, from what it has published: all cells, each node with its old id.

        Args:
            bases: all cells, by number.
            changes: what ``end`` has given for them since.
            next_id: more than any id that has been published.
        """
        replica = Replica(has_finalizers=True)
        replica.bring(bases, changes or {})
        return cls.of(replica, next_id)

    @classmethod
    def of(cls, replica: Replica, next_id: int = 1) -> State:
        """The same, from a replica that knows all cells. Its objects become the nodes, so it is of no more use."""
        cdef State state
        state = cls()
        try:
            state.adopt(replica, next_id)
        except BaseException:
            state.close()
            raise
        return state

    cdef int adopt(self, object replica, uint64_t next_id) except -1:
        """Makes the objects of a replica nodes, where they are at home and with their ids."""
        cdef Cell* cell
        cdef Shape shape
        cdef PyObject* node
        cdef uint64_t bits
        if replica.missing:
            raise CorruptDataError(f"cells {sorted(replica.missing)} are missing")
        reset_registry(1)
        forget_shapes()
        for cls in replica.known_classes():
            number_class(cls)
        self.published_classes = len(_shapes.numbered)
        self.pending = {}
        for n in range(max(replica.loaded) + 1):
            cell = new_cell()
            if n in replica.loaded:
                self.commits = max(self.commits, replica.position(n))
        for n in sorted(replica.loaded):
            for id in sorted(replica.ids_in(n)):
                value = replica.node(id)
                node = <PyObject*>value
                shape = shape_of(type(value))
                cells = replica.cells_of(id)
                bits = TOP if cells else 0
                _nodes.here.next_id = id
                add_node(node, _nodes.here.cells[<uint32_t>n], bits)
                self.begin_recording(node, shape)
                for name, m in cells.items():
                    cell = _nodes.here.cells[<uint32_t>m]
                    cell.owner = id
                    cell.name = <PyObject*>name
                    Py_INCREF(name)
                if cells:
                    cells_of_attributes[id] = cells
                next_id = max(next_id, <uint64_t>id + 1)
        for n in range(max(replica.loaded) + 1):
            if n not in replica.loaded:
                drop_cell(_nodes.here.cells[<uint32_t>n])
        for id in list(self.opaque):
            self.compare_bound(<object>object_of(id))
        first_ids.update(replica.first_ids)
        self.renewed.update(replica.renewed)
        _nodes.new_cells.clear()
        _nodes.here.next_id = next_id
        names = replica.ids_in(0)
        if len(names) != 1 or not isinstance(replica.node(min(names)), dict):
            raise CorruptDataError("cell 0 does not hold the names")
        self.names = replica.node(min(names))
        return 0

    def base(self, cell: int) -> bytes:
        """All that a cell holds, as bytes that take the place of those that ``end`` has given for it so far.

        It is to be asked for between commands.
        """
        cdef Cell* own = self.cell(cell)
        cdef Bytes births, fills
        cdef list hashed
        cdef size_t born
        cdef uint32_t i
        self.check_open()
        memset(&births, 0, sizeof(Bytes))
        memset(&fills, 0, sizeof(Bytes))
        try:
            while True:
                births.size = fills.size = 0
                hashed = []
                born = _nodes.here.born_count
                if own.number == 0:
                    for shape in _shapes.numbered[: self.published_classes]:
                        put_class_record(&births, shape)
                if own.owner and object_of(own.owner) != NULL:
                    self.write_attribute(own, &fills)
                for i in range(own.count):
                    if find(own.nodes[i]).id & TOP:
                        self.write_top_base(own, own.nodes[i], &births, &fills)
                    else:
                        write_node(own.nodes[i], own, &births, &fills, hashed)
                if _nodes.here.born_count == born:
                    return with_head(self.commits, joined(&births, &fills, hashed, NULL))
                self.write_births()             # something was stored unseen: it comes with the next end
        finally:
            release(&births)
            release(&fills)

    cdef int write_top_base(self, Cell* own, PyObject* object, Bytes* births, Bytes* fills) except -1:
        cdef uint64_t id = find(object).id & ID
        cdef Shape shape = shape_of(<object><PyObject*>Py_TYPE(<object>object))
        reserve(births, 40)
        births.data[births.size] = operations.BORN
        births.size += 1
        number(births, id)
        births.data[births.size] = <char>shape.kind
        births.size += 1
        number(births, shape.number)
        for name, cell in cells_of_attributes.get(id, {}).items():
            reserve(fills, 40)
            fills.data[fills.size] = operations.HOME
            fills.size += 1
            number(fills, id)
            put(own, fills, <PyObject*>name)
            reserve(fills, 10)
            number(fills, cell)
        return 0

    cdef int write_attribute(self, Cell* own, Bytes* fills) except -1:
        """What an attribute of a top-level object is."""
        cdef object owner = <object>object_of(own.owner)
        for name, value in attributes_of(owner, shape_of(type(owner))):
            if name == <object>own.name:
                reserve(fills, 40)
                fills.data[fills.size] = operations.ATTRIBUTE_SET
                fills.size += 1
                number(fills, own.owner)
                put(own, fills, own.name)
                put(own, fills, <PyObject*>value)
        return 0

    cdef Cell* cell(self, object n) except NULL:
        if not 0 <= n < _nodes.here.cell_count or _nodes.here.cells[<uint32_t>n] == NULL:
            raise KeyError(f"there is no cell {n}")
        return _nodes.here.cells[<uint32_t>n]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has been done since the last command ended."""
        return self.nothing_done()

    cdef bint nothing_done(self) noexcept:
        return _nodes.here.dirty_count == 0 and _nodes.here.born_count == 0 and _nodes.here.freed_count == 0 \
            and not self.compared and not self.pending

    @property
    def next_id(self) -> int:
        """More than any id that has been given out."""
        return _nodes.here.next_id

    @property
    def cells(self) -> list[int]:
        """The numbers of all cells. That of the names is 0."""
        return [i for i in range(_nodes.here.cell_count) if _nodes.here.cells[i] != NULL]

    def id_of(self, node: object) -> int:
        """The id of a node; 0: the object is none."""
        cdef Node* found = find(<PyObject*>node)
        return 0 if found == NULL else found.id & ID

    def home_of(self, node: object, attribute: str | None = None) -> int:
        """The number of the cell in which a node, or an attribute of a top-level object, is published.

        Raises:
            KeyError: it is no node, or has no such attribute.
        """
        cdef Node* found = find(<PyObject*>node)
        if found == NULL:
            raise KeyError(f"a {type(node).__name__} that is no node of the state")
        if attribute is not None:
            return cells_of_attributes[found.id & ID][attribute]
        return found.cell

    def cells_of(self, node: object) -> dict[str, int]:
        """Where the attributes of a top-level object are published, by name; {}: it is not one."""
        return dict(cells_of_attributes.get(self.id_of(node), {}))

    def node(self, id: int) -> object:
        """The node of an id.

        Raises:
            KeyError: there is none (any more).
        """
        cdef PyObject* found = self.object_at(id)
        if found == NULL:
            raise KeyError(f"there is no node {id}")
        return <object>found

    cdef PyObject* object_at(self, uint64_t id) except? NULL:
        """The node of an id, which may be the first that it had; NULL: there is none."""
        cdef PyObject* found = object_of(id)
        if found == NULL and id in self.renewed:
            return object_of(self.renewed[id])
        return found

    def __len__(self) -> int:
        return _nodes.here.used

    def close(self) -> None:
        """All nodes become plain objects again; nothing more is recorded."""
        global the_state
        if self.is_closed:
            return
        self.is_closed = True
        if self.removed is not None:
            self.removed.clear()
            self.held.clear()
        the_state = None
        reset_registry(1)


@cython.binding(False)
@cython.final
cdef class OpaqueGone:
    """Called when an opaque node is freed."""

    cdef uint64_t id
    cdef size_t address

    def __cinit__(self, id, address):
        self.id = id
        self.address = address

    def __call__(self, reference: object) -> None:
        if find(<void*>self.address) != NULL and find(<void*>self.address).id & ID == self.id:
            forget(<PyObject*>self.address)


cdef bytes opaque_content(Bytes* births, size_t start):
    """What is written of an opaque object behind its head: BORN, id, kind, size."""
    cdef size_t at = start + 1
    while births.data[at] & 128:
        at += 1
    at += 2
    while births.data[at] & 128:
        at += 1
    return births.data[at + 1:births.size]


cdef list bound_in(object opaque):
    """The containers that something can get at when it is called."""
    cdef list rest = [opaque], found = []
    cdef set seen = set()
    if not callable(opaque):
        return found
    while rest and len(seen) < MOST_LOOKED_AT:
        value = rest.pop()
        if <size_t><PyObject*>value in seen or isinstance(value, (type, types.ModuleType)):
            continue
        seen.add(<size_t><PyObject*>value)
        if type(value) is types.BuiltinMethodType:
            found.append(value.__self__)
        elif type(value) is types.FunctionType:
            rest.append(value.__closure__)
        elif value is opaque or find(<PyObject*>value) == NULL:
            rest.extend(gc.get_referents(value))
        elif built_in_kind(type(value)) or shape_of(type(value)).kind & ~CLASSED < _nodes.INSTANCE:
            found.append(value)
    return found


cdef bytes digest_of(bytes content):
    cdef Py_ssize_t size = PyBytes_GET_SIZE(content)
    cdef uint64_t[3] digest
    digest[0] = size
    digest[1] = checksum(PyBytes_AS_STRING(content), size, 1)
    digest[2] = checksum(PyBytes_AS_STRING(content), size, 2)
    return PyBytes_FromStringAndSize(<char*>digest, sizeof(digest))


cdef list parts_of_dict(object value):
    return list(dict.keys(value)) + list(dict.values(value))


cdef void make_plain(PyObject* object) noexcept:
    """It is no node any more, so it is no recording container either."""
    cdef int kind
    for kind in range(1, _nodes.KINDS):
        if _nodes.here.recording[kind] == <PyTypeObject*>Py_TYPE(<object>object):
            turn_back(object, kind)
            return


cdef bytes with_head(uint64_t commit, bytes content):
    cdef Bytes head
    memset(&head, 0, sizeof(Bytes))
    try:
        reserve(&head, 32)
        head.data[0] = operations.COMMIT
        head.size = 1
        number(&head, commit)
        number(&head, PyBytes_GET_SIZE(content))
        return PyBytes_FromStringAndSize(head.data, head.size) + content
    finally:
        release(&head)


cdef bytes joined(Bytes* births, Bytes* fills, list hashed, Bytes* records):
    """What is hashed on arrival comes after all else that is new, the youngest first: keys before their dict."""
    cdef list parts = [PyBytes_FromStringAndSize(births.data, births.size)]
    parts.append(PyBytes_FromStringAndSize(fills.data, fills.size))
    if hashed:
        hashed.sort(reverse=True)
        parts.extend([content for _, content in hashed])
    if records != NULL:
        parts.append(PyBytes_FromStringAndSize(records.data, records.size))
    return b"".join(parts)


cdef int put_free(Cell* cell, uint64_t id) except -1:
    touch(cell)
    reserve(&cell.records, 24)
    cell.records.data[cell.records.size] = operations.FREE
    cell.records.size += 1
    number(&cell.records, id)
    return 0


cdef int put_unused(Cell* cell, uint64_t unused) except -1:
    touch(cell)
    reserve(&cell.records, 24)
    cell.records.data[cell.records.size] = operations.UNUSED
    cell.records.size += 1
    number(&cell.records, unused)
    return 0


cdef int put_class_record(Bytes* to, Shape shape) except -1:
    reserve(to, 40)
    to.data[to.size] = operations.CLASS
    to.size += 1
    number(to, shape.number)
    number(to, PyBytes_GET_SIZE(shape.record))
    return append(to, PyBytes_AS_STRING(shape.record), PyBytes_GET_SIZE(shape.record))


cdef int reset_registry(uint64_t next_id) except -1:
    """No object is a node any more."""
    cdef PyObject* object
    cdef size_t i
    cdef uint32_t n
    cdef list kept = []
    for i in range(_nodes.here.inverse_count):
        kept.append(<object>_nodes.here.inverses[i].node)
        give_up(_nodes.here.inverses[i].node)
        for part in (<size_t>_nodes.here.inverses[i].first, <size_t>_nodes.here.inverses[i].second):
            if part:
                kept.append(<object><PyObject*><size_t>part)
                give_up(<PyObject*><size_t>part)
    _nodes.here.inverse_count = 0
    for i in range(_nodes.here.born_count):
        kept.append(<object>_nodes.here.born[i])
        give_up(_nodes.here.born[i])
    _nodes.here.born_count = 0
    for n in range(_nodes.here.cell_count):
        if _nodes.here.cells[n] == NULL:
            continue
        while _nodes.here.cells[n].count:
            object = _nodes.here.cells[n].nodes[_nodes.here.cells[n].count - 1]
            remove_node(object)
            make_plain(object)
        drop_cell(_nodes.here.cells[n])
    _nodes.forget_numbers()
    _nodes.here.freed_count = 0
    _nodes.here.next_id = next_id
    cells_of_attributes.clear()
    places_of_opaque.clear()
    return 0
