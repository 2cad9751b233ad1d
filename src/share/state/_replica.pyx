"""A copy of the state in another process: built from bases, moved forward by changes, with the same objects."""

import collections
from array import array, typecodes

cimport cython

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.list cimport PyList_Append, PyList_GET_SIZE, PyList_Insert, PyList_Reverse
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.set cimport PySet_Add, PySet_Clear, PySet_Discard
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from share.cerial cimport _tags as tags
from share.cerial._codec cimport decode
from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._arrays cimport set_bytes
from share.state._shapes cimport is_plain_class

from share.cerial import _standins, loads
from share.errors import CorruptDataError, ShareError
from share.state._contents import set_replica_lookup
from share.state._unreadable import Unreadable, UnreadableClass

cdef extern from "Python.h":
    bint PyList_Check(object) noexcept
    bint PyDict_Check(object) noexcept
    bint PyDict_CheckExact(object) noexcept
    bint PyODict_Check(object) noexcept
    bint PyUnicode_CheckExact(object) noexcept
    bint PyType_Check(object) noexcept
    PyObject* PyList_GET_ITEM(object, Py_ssize_t) noexcept
    int PyList_SetSlice(object, Py_ssize_t, Py_ssize_t, PyObject*) except -1
    int PyList_SetItem(object, Py_ssize_t, PyObject*) except -1
    int PyDict_SetItem(object, object, object) except -1
    int PyDict_DelItem(object, object) except -1
    int PyODict_SetItem(object, object, object) except -1
    int PyODict_DelItem(object, object) except -1
    int PyObject_GenericSetAttr(object, object, PyObject*) except -1
    object PyObject_GenericGetDict(object, void*)
    PyObject* _PyType_Lookup(PyTypeObject*, object) noexcept
    void PyUnicode_InternInPlace(PyObject**) noexcept
    object PyLong_FromLongLong(long long)

cdef extern from *:
    """
    /* Objects of a replica are freed without their __del__: to the collector it has run. */
    static inline void share_without_finalizer(PyObject *object)
    {
        if (PyType_IS_GC(Py_TYPE(object)) && Py_TYPE(object)->tp_finalize)
            ((uintptr_t *)object)[-1] |= 1;
    }

    static inline int share_is_property(PyObject *attribute)
    {
        return Py_TYPE(attribute)->tp_descr_set != NULL && Py_TYPE(attribute) != &PyMemberDescr_Type;
    }

    static inline PyObject *share_new_instance(PyTypeObject *cls)
    {
        PyObject *none = PyTuple_New(0), *made;
        if (none == NULL)
            return NULL;
        made = PyBaseObject_Type.tp_new(cls, none, NULL);
        Py_DECREF(none);
        return made;
    }
    """
    void without_finalizer "share_without_finalizer"(object) noexcept
    bint is_property "share_is_property"(PyObject*) noexcept
    object new_instance "share_new_instance"(PyTypeObject*)

cdef object StandIn = _standins.StandIn
cdef object Node = _standins.Node
cdef object deque = collections.deque
cdef object ordered = collections.OrderedDict
cdef object defaultdict = collections.defaultdict
cdef object Counter = collections.Counter
cdef tuple BUILT_IN = (
    None, list, dict, set, collections.deque, collections.OrderedDict, collections.defaultdict, collections.Counter,
    bytearray,
)


class CellMissingError(ShareError, LookupError):
    """A change needs an opaque object of a cell that has not been loaded; ``cell`` is its number."""

    def __init__(self, cell: int) -> None:
        super().__init__(f"cell {cell} has to be loaded first")
        self.cell = cell


@cython.binding(False)
cdef class Bytes:
    """Bytes of one cell, and how far they have been read."""

    cdef const char* start
    cdef const char* at
    cdef const char* end
    cdef bytes data
    cdef uint64_t cell
    cdef const char* operation      # where the one that is being read begins
    cdef list opaque                # ids of the opaque objects whose births it tells

    def __cinit__(self, bytes data, cell):
        self.data = data
        self.opaque = []
        self.start = self.at = PyBytes_AS_STRING(data)
        self.end = self.start + PyBytes_GET_SIZE(data)
        self.cell = cell

    cdef int corrupt(self, object what) except -1:
        raise CorruptDataError(f"{what} at byte {self.at - self.start} of the changes of cell {self.cell}")

    cdef inline int need(self, Py_ssize_t size) except -1:
        if self.end - self.at < size:
            self.corrupt("data cut short")
        return 0

    cdef inline int byte(self) except -1:
        cdef int value
        self.need(1)
        value = <unsigned char>self.at[0]
        self.at += 1
        return value

    cdef inline uint64_t number(self) except? 0xFFFFFFFFFFFFFFFF:
        cdef uint64_t value = 0
        cdef int shift = 0
        cdef unsigned char low
        while True:
            self.need(1)
            low = self.at[0]
            self.at += 1
            value |= <uint64_t>(low & 127) << shift
            if low < 128:
                return value
            shift += 7
            if shift > 63:
                self.corrupt("an impossible number")

    cdef inline int64_t signed(self) except? -1:
        cdef uint64_t value = self.number()
        return <int64_t>((value >> 1) ^ (0 - (value & 1)))

    cdef inline Py_ssize_t count(self) except -1:
        """How many things follow, each of which takes a byte at least."""
        cdef uint64_t value = self.number()
        if value > <uint64_t>(self.end - self.at):
            self.corrupt("more than there is")
        return <Py_ssize_t>value

    cdef bytes raw(self):
        cdef Py_ssize_t size = self.count()
        self.at += size
        return PyBytes_FromStringAndSize(self.at - size, size)


@cython.binding(False)
@cython.final
cdef class Replica:
    """What a process that reads knows of the state: its cells, as far as they have been loaded.

    Args:
        has_finalizers: a ``__del__`` of its objects runs when they are freed.
        damaged: cells that cannot be loaded; nodes in there that others refer to are Unreadable. For a coordinator:
            nobody interrupts that, so KeyboardInterrupt and SystemExit are what the objects' own code raises.

    Its objects are of the plain classes. They are the same objects as long as the nodes live, also when a cell is
    loaded anew; they must not be changed by anybody else.
    """

    cdef readonly dict nodes                 # id -> object
    cdef readonly dict objects               # address of an object -> id
    cdef readonly dict homes                 # id -> cell
    cdef dict ids                       # cell -> set of ids
    cdef readonly set opaque            # ids of opaque objects that have been decoded
    cdef dict unread                    # id -> bytes of an opaque object that nothing has asked for yet
    cdef readonly dict first_ids        # id of an opaque object that has been renewed -> the first that it had
    cdef readonly dict renewed          # the other way
    cdef dict references                # cell -> set of the others that it may refer to
    cdef readonly uint64_t links             # another number whenever one of these sets has changed
    cdef uint64_t decoding              # the home of the opaque object that is being decoded
    cdef readonly list classes
    cdef readonly dict types            # cell -> set of the classes of its nodes, since its base was read
    cdef dict positions                 # cell -> number of the last command whose changes have been applied
    cdef uint64_t commit                # that of the command that is being applied
    cdef dict born                      # cell -> ids that what is being read tells the birth of
    cdef set again                      # those of them that were there before
    cdef dict cells_of_attributes       # id of a top-level object -> {name: cell}
    cdef readonly set loaded            # numbers of the cells that are there
    cdef public set absent              # numbers of cells that are known to have gone
    cdef bint has_finalizers
    cdef readonly bint is_broken        # a change could not be applied; it has to be built again
    cdef readonly object culprit        # the number of the cell that it came from
    cdef dict damaged                   # cell -> why it is not loaded, and its nodes are Unreadable
    cdef tuple passed_on                # what is no fault of the bytes

    def __init__(self, has_finalizers: bool = False, damaged: dict[int, BaseException] | None = None,
                 patient: bool = True):
        self.has_finalizers = has_finalizers
        self.damaged = damaged or {}
        self.passed_on = (CellMissingError, MemoryError) if patient else (CellMissingError,)
        if damaged is None:
            self.passed_on += (KeyboardInterrupt, SystemExit)
        self.nodes = {}
        self.objects = {}
        self.homes = {}
        self.ids = {}
        self.references = {}
        self.opaque = set()
        self.unread = {}
        self.first_ids = {}
        self.renewed = {}
        self.classes = []
        self.types = {}
        self.positions = {}
        self.cells_of_attributes = {}
        self.loaded = set(self.damaged)
        self.absent = set()

    # ---- looking at it ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.nodes)

    def node(self, id: int) -> object:
        """The object of a node.

        Raises:
            KeyError: there is none of this id.
        """
        return self.nodes[id]

    def node_ids(self) -> set[int]:
        """The ids of all nodes."""
        return set(self.nodes)

    def known_classes(self) -> list[type]:
        """The classes of nodes, in the order of their numbers."""
        return list(self.classes)

    def ids_in(self, cell: int) -> set[int]:
        """The ids of the nodes that are at home in a cell."""
        return set(self.ids.get(cell, ()))

    def cells_of(self, id: int) -> dict[str, int]:
        """Where the attributes of a top-level object are at home."""
        return dict(self.cells_of_attributes.get(id, {}))

    def id_of(self, node: object) -> int:
        """The id of a node; 0: the object is none."""
        cdef PyObject* found = PyDict_GetItem(self.objects, <size_t><PyObject*>node)
        return 0 if found == NULL else <uint64_t><object>found

    def referred(self, cell: int) -> set[int]:
        """Other cells to whose nodes a cell may refer."""
        return set(self.references.get(cell, ()))

    def drop(self, cell: int) -> None:
        """Forgets a cell, which has gone."""
        for id in list(self.ids.pop(cell, ())):
            self.free(id)
        self.loaded.discard(cell)
        self.positions.pop(cell, None)
        self.types.pop(cell, None)
        if self.references.pop(cell, None):
            self.links += 1

    @property
    def missing(self) -> set[int]:
        """Cells of which nodes have been met, and nothing else is known."""
        return {cell for cell, ids in self.ids.items() if ids and cell not in self.loaded}

    # ---- loading and moving forward --------------------------------------------------------------------

    def load(self, bases: dict[int, bytes]) -> None:
        """Takes whole cells, by number. What it knows of them already stays the same object."""
        self.read(bases, {})

    def apply(self, changes: dict[int, bytes]) -> None:
        """Moves cells forward, by number, by what commands have changed; what it knows already is passed over.

        Raises:
            CorruptDataError: the bytes are damaged, or are not for a replica of this age. It is of no more use then.
        """
        self.read({}, changes)

    def bring(self, bases: dict[int, bytes], changes: dict[int, bytes]) -> None:
        """Takes whole cells and moves these and others forward, to where they were at one commit.

        Bases of several ages refer to each other, and to what later changes brought: so all is read in the order of
        commits.
        """
        self.read(bases, changes)

    def position(self, cell: int) -> int:
        """The number of the last command of which this replica has the changes of a cell; 0: it has none."""
        return self.positions.get(cell, 0)

    cdef int read(self, dict bases, dict changes) except -1:
        cdef list parts = [], later = [], waiting = []
        cdef Bytes source
        if self.is_broken:
            raise CorruptDataError("this replica met a change that it could not apply; build it again")
        old = {cell: set(self.ids.get(cell, ())) for cell in bases}
        self.born = {cell: set() for cell in (*bases, *changes)}
        self.again = set()
        before = set_replica_lookup(self.lookup)
        try:
            for cell in bases:
                if self.references.pop(cell, None):
                    self.links += 1
                self.types[cell] = set()
                self.culprit = cell
                self.split(parts, cell, bytes(bases[cell]), 0)
            parts.sort(key=cell_and_commit)         # cell 0, which has the classes, first of all
            for commit, cell, _ in parts:
                self.positions[cell] = commit
            for cell in changes:
                self.culprit = cell
                self.split(later, cell, bytes(changes[cell]), self.positions.get(cell, 0))
            # What a base says is born comes before all changes: they may refer to it, in whatever cell they are.
            self.culprit = 0
            for _, cell, source in parts:
                if cell == 0:
                    self.read_births(source)
            for _, cell, source in later:
                if cell == 0:
                    self.read_births(source)
            for _, cell, source in parts:
                self.loaded.add(cell)
                self.culprit = cell
                self.read_births(source)
            parts += later
            parts.sort()
            while parts:
                # All cells of one command at once: they refer to each other.
                count = 1
                while count < len(parts) and parts[count][0] == parts[0][0]:
                    count += 1
                self.read_together(parts[:count], waiting)
                del parts[:count]
            self.read_waiting(waiting)
            for cell, known in old.items():
                for id in known - self.born[cell]:
                    self.free(id)
        except BaseException as error:
            self.is_broken = True
            if isinstance(error, (CorruptDataError, RecursionError)) or isinstance(error, self.passed_on):
                raise
            raise CorruptDataError(
                f"a change cannot be applied to this replica: {type(error).__name__}: {error}"
            ) from error
        finally:
            set_replica_lookup(before)
        return 0

    cdef int split(self, list parts, object cell, bytes data, uint64_t known) except -1:
        """The commands' parts of a cell's bytes, behind the number of the last that is known."""
        cdef Bytes source = Bytes(data, cell)
        cdef Bytes part
        cdef uint64_t commit
        while source.at < source.end:
            if source.at[0] == 0:               # what fills a word
                source.at += 1
                continue
            if source.byte() != operations.COMMIT:
                source.corrupt("no beginning of what a command has changed")
            commit = source.number()
            size = source.count()
            if commit > known:
                part = Bytes(data, cell)
                part.at = source.at
                part.end = source.at + <Py_ssize_t>size
                parts.append((commit, cell, part))
            source.at += <Py_ssize_t>size
        return 0

    cdef int read_together(self, list parts, list waiting) except -1:
        cdef Bytes source
        for commit, cell, source in parts:
            if commit > self.positions.get(cell, 0):
                self.positions[cell] = commit
            self.loaded.add(cell)
            self.culprit = cell
            self.read_births(source)
        for part in parts:
            if any([other[1] == part[1] for other in waiting]) or self.go_on(part) is not None:
                waiting.append(part)
        return 0

    cdef int read_waiting(self, list waiting) except -1:
        """What could not be read where it stands: the hash of a key may need what another cell tells only later."""
        cdef list rest
        while waiting:
            rest, first = [], None
            for part in waiting:
                error = None
                if not any([other[1] == part[1] for other in rest]):
                    error = self.go_on(part)
                    if error is None:
                        continue
                    if first is None or isinstance(error, CellMissingError):
                        first, culprit = error, self.culprit
                rest.append(part)
            if len(rest) == len(waiting):
                self.culprit = culprit
                raise first
            waiting = rest
        return 0

    cdef object go_on(self, tuple part):
        """Reads a part on; what has raised, if that may be otherwise later. None: all has been read."""
        cdef Bytes source = part[2]
        self.commit, self.culprit = part[0], part[1]
        source.operation = source.at
        try:
            for id in source.opaque:
                self.resolve(id)
            self.read_changes(source)
        except (CorruptDataError, MemoryError, RecursionError):
            raise
        except Exception as error:
            source.at = source.operation
            return error
        return None

    def lookup(self, cell: int, id: int) -> object:
        """A node inside an opaque object (called while that is decoded)."""
        self.refer(self.decoding, cell)
        if cell in self.damaged:
            return self.unreadable(cell, id)
        self.resolve(id)
        if id not in self.nodes:
            if id not in self.homes and cell not in self.absent:
                raise CellMissingError(cell)    # or what there is of it is too old
            raise CorruptDataError(f"there is no node {id}")
        return self.nodes[id]

    cdef int resolve(self, object id) except -1:
        data = self.unread.pop(id, None)
        if data is None:
            return 0
        # Meanwhile it stands for nothing: an opaque object inside itself is refused by the look-up.
        outer, self.decoding = self.decoding, self.homes[id]
        try:
            made = loads(data) if data else None
        except self.passed_on:
            self.unread[id] = data
            raise
        except BaseException as error:
            # It costs only itself.
            made = Unreadable(f"a part of the state cannot be loaded: {type(error).__name__}: {error}", data, error)
        finally:
            self.decoding = outer
        self.nodes[id] = made
        self.opaque.add(id)
        self.note_type(self.homes[id], type(made))
        if data:
            self.objects[<size_t><PyObject*>made] = id
        return 0

    cdef object unreadable(self, object cell, object id):
        """What stands for a node of a damaged cell."""
        node = self.nodes.get(id)
        if node is None:
            error = self.damaged[cell]
            self.settle(id, cell)
            node = self.nodes[id] = Unreadable(f"a part of the state cannot be loaded: {error}", b"", error)
            self.note_type(cell, Unreadable)
            self.objects[<size_t><PyObject*>node] = id
        return node

    cdef inline int refer(self, uint64_t cell, uint64_t other) except -1:
        cdef set known
        if cell == other:
            return 0
        known = self.references.get(cell)
        if known is None:
            known = self.references[cell] = set()
        if other not in known:
            known.add(other)
            self.links += 1
        return 0

    # ---- births ----------------------------------------------------------------------------------------

    cdef int read_births(self, Bytes source) except -1:
        cdef int operation, kind
        cdef uint64_t id
        while source.at < source.end:
            operation = <unsigned char>source.at[0]
            if operation == operations.CLASS:
                source.at += 1
                self.read_class(source)
            elif operation == operations.BORN:
                source.at += 1
                id = source.number()
                kind = source.byte()
                if kind == _nodes.OPAQUE:
                    self.settle(id, source.cell)
                    self.born[source.cell].add(id)
                    data = source.raw()
                    if id not in self.nodes:
                        self.unread[id] = data
                        source.opaque.append(id)
                    else:
                        self.note_type(source.cell, type(self.nodes[id]))
                    continue
                self.find_or_make(source, source.cell, id, kind)
                self.born[source.cell].add(id)
            else:
                return 0
        return 0

    cdef int read_class(self, Bytes source) except -1:
        cdef uint64_t n = source.number()
        data = source.raw()
        if n < <uint64_t>len(self.classes):
            return 0                            # a base repeats them
        if n != <uint64_t>len(self.classes):
            source.corrupt(f"class number {n}, {len(self.classes)} expected")
        try:
            cls = loads(data)
        except self.passed_on:
            raise
        except BaseException as error:
            cls = UnreadableClass(data, error)      # it costs only its instances
        if not PyType_Check(cls) and not isinstance(cls, UnreadableClass):
            source.corrupt("something that is no class")
        self.classes.append(cls)
        return 0

    cdef object class_at(self, Bytes source):
        cdef uint64_t n = source.number()
        if n >= <uint64_t>len(self.classes):
            source.corrupt(f"class number {n} of {len(self.classes)}")
        return self.classes[n]

    cdef int settle(self, object id, object cell) except -1:
        if self.homes.get(id, cell) != cell:
            raise CorruptDataError(f"node {id} in cell {cell}, although it is at home in {self.homes[id]}")
        self.homes[id] = cell
        self.ids.setdefault(cell, set()).add(id)
        return 0

    cdef object find_or_make(self, Bytes source, object cell, object id, int kind):
        cdef object cls = None
        if kind & _nodes.CLASSED:
            cls = self.class_at(source)
        elif kind == _nodes.ARRAY:
            cls = typecode_at(source)
        node = self.nodes.get(id)
        if node is None:
            node = make(source, kind, cls)
            if not self.has_finalizers:
                without_finalizer(node)
            self.settle(id, cell)
            self.nodes[id] = node
            self.objects[<size_t><PyObject*>node] = id
        else:
            self.again.add(id)
        self.note_type(cell, type(node))
        return node

    cdef inline int note_type(self, object cell, object cls) except -1:
        known = self.types.get(cell)
        if known is None:
            known = self.types[cell] = set()
        PySet_Add(known, cls)
        return 0

    cdef int free(self, object id) except -1:
        node = self.nodes.pop(id, None)
        if node is not None:
            self.objects.pop(<size_t><PyObject*>node, None)
        self.unread.pop(id, None)
        self.opaque.discard(id)
        first = self.first_ids.pop(id, None)
        if first is not None and self.renewed[first] == id:
            del self.renewed[first]
        self.cells_of_attributes.pop(id, None)
        cell = self.homes.pop(id, None)
        if cell in self.ids:
            self.ids[cell].discard(id)
        return 0

    # ---- values ----------------------------------------------------------------------------------------

    cdef inline object node_at(self, Bytes source, uint64_t id):
        cdef PyObject* found = PyDict_GetItem(self.nodes, id)
        if found == NULL:
            if id in self.unread:
                self.resolve(id)
                return self.nodes[id]
            source.corrupt(f"no node {id}")
        return <object>found

    cdef object scalar(self, Bytes source, int tag):
        cdef int8_t i8
        cdef int16_t i16
        cdef int32_t i32
        cdef int64_t i64
        cdef double real
        cdef Py_ssize_t size, used = 0
        if tag == tags.INT8:
            source.need(1)
            i8 = source.at[0]
            source.at += 1
            return i8
        if tag == tags.STR:
            size = source.count()
            source.at += size
            return PyUnicode_DecodeUTF8(source.at - size, size, "surrogatepass")
        if tag == operations.NODE:
            return self.node_at(source, source.number())
        if tag == tags.INT16:
            source.need(2)
            memcpy(&i16, source.at, 2)
            source.at += 2
            return i16
        if tag == tags.INT32:
            source.need(4)
            memcpy(&i32, source.at, 4)
            source.at += 4
            return i32
        if tag == tags.NONE:
            return None
        if tag == tags.TRUE:
            return True
        if tag == tags.FALSE:
            return False
        if tag == tags.FLOAT:
            source.need(8)
            memcpy(&real, source.at, 8)
            source.at += 8
            return real
        if tag == tags.INT64:
            source.need(8)
            memcpy(&i64, source.at, 8)
            source.at += 8
            return PyLong_FromLongLong(i64)
        if tag == operations.FAR:
            return self.far(source)
        if tag == tags.BYTES:
            return source.raw()
        if tag == tags.BIGINT:
            return int.from_bytes(source.raw(), "little", signed=True)
        if tag == operations.VALUE:
            size = source.count()
            value = decode(source.at, size, &used)
            if used != size:
                source.corrupt("a value of another size")
            source.at += size
            return value
        source.at -= 1
        source.corrupt(f"unknown tag {tag}")

    cdef object far(self, Bytes source):
        cdef uint64_t cell = source.number()
        cdef uint64_t id = source.number()
        cdef int kind = source.byte()
        self.refer(source.cell, cell)
        if cell in self.damaged:
            if kind & _nodes.CLASSED or kind == _nodes.ARRAY:
                source.number()
            return self.unreadable(cell, id)
        if kind == _nodes.OPAQUE:
            if id not in self.nodes and id not in self.unread:
                if cell in self.absent:
                    return None                 # it has gone since, and so has this reference
                if cell not in self.loaded:
                    raise CellMissingError(cell)
                if self.positions[cell] > self.commit:
                    return None
                raise CellMissingError(cell)    # what there is of it is too old
            return self.node_at(source, id)
        found = self.nodes.get(id)
        if found is None:
            return self.find_or_make(source, cell, id, kind)
        if kind & _nodes.CLASSED or kind == _nodes.ARRAY:
            source.number()
        return found

    cdef inline object value(self, Bytes source):
        cdef int tag = source.byte()
        if tag == tags.TUPLE or tag == tags.FROZENSET or tag == operations.RECORD:
            return self.nested(source, tag)
        return self.scalar(source, tag)

    cdef object nested(self, Bytes source, int tag):
        """Tuples in tuples, as deep as they may be, without recursion."""
        cdef list stack = []
        cdef list items
        cdef Py_ssize_t count
        cdef object cls
        cdef bint is_open = True
        while True:
            if is_open:
                cls = self.class_at(source) if tag == operations.RECORD else None
                if isinstance(cls, UnreadableClass):
                    cls = cls.of(tuple)
                stack.append((tag, source.count(), [], cls))
                is_open = False
            tag, count, items, cls = stack[len(stack) - 1]
            if PyList_GET_SIZE(items) == count:
                stack.pop()
                if tag == tags.TUPLE:
                    made = tuple(items)
                elif tag == tags.FROZENSET:
                    made = frozenset(items)
                elif type(cls) is StandIn:
                    made = tuple.__new__(cls.of(tuple), items)
                elif issubclass(cls, tuple):
                    made = tuple.__new__(cls, items)
                else:
                    source.corrupt(f"a tuple of {cls!r}")
                if not stack:
                    return made
                (<list>(<tuple>stack[len(stack) - 1])[2]).append(made)
                continue
            tag = source.byte()
            if tag == tags.TUPLE or tag == tags.FROZENSET or tag == operations.RECORD:
                is_open = True
            else:
                items.append(self.scalar(source, tag))

    cdef list values(self, Bytes source):
        cdef Py_ssize_t _i, count = source.count()
        cdef list items = []
        for _i in range(count):
            items.append(self.value(source))
        return items

    cdef list pairs(self, Bytes source):
        cdef Py_ssize_t _i, count = source.count()
        cdef list items = []
        for _i in range(count):
            key = self.value(source)
            items.append((key, self.value(source)))
        return items

    # ---- changes ---------------------------------------------------------------------------------------

    cdef int read_changes(self, Bytes source) except -1:
        cdef int operation
        cdef uint64_t id
        while source.at < source.end:
            source.operation = source.at
            operation = source.byte()
            id = source.number()
            if operation == operations.FREE:
                self.free(id)
                continue
            if operation == operations.RENEWED:
                first = source.number()
                self.first_ids[id] = first
                self.renewed[first] = id
                continue
            if operation == operations.UNUSED:
                if self.positions.get(id, 0) > self.commit:
                    continue                    # its number is in use again
                for gone in list(self.ids.pop(id, ())):
                    self.free(gone)
                self.loaded.discard(id)
                self.positions.pop(id, None)
                continue
            node = self.node_at(source, id)
            if operation == operations.FILL:
                self.fill(source, node, bool(self.again) and id in self.again)
            elif operation == operations.HOME:
                name = self.value(source)
                self.cells_of_attributes.setdefault(id, {})[name] = source.number()
            elif operation == operations.OPAQUE_ASSIGN:
                source.corrupt("a change of an opaque object")
            elif operation < operations.DICT_SET:
                if not PyList_Check(node):
                    source.corrupt(f"a change of a list, for a {type(node).__name__}")
                self.change_list(source, operation, node)
            elif operation < operations.SET_ADD:
                if not PyDict_Check(node):
                    source.corrupt(f"a change of a dict, for a {type(node).__name__}")
                self.change_dict(source, operation, node)
            elif operation < operations.ATTRIBUTE_SET:
                if not isinstance(node, set):
                    source.corrupt(f"a change of a set, for a {type(node).__name__}")
                self.change_set(source, operation, node)
            elif operation < operations.DEQUE_APPEND:
                self.change_attributes(source, operation, node)
            elif operation < operations.BYTES_SET:
                if not isinstance(node, deque):
                    source.corrupt(f"a change of a deque, for a {type(node).__name__}")
                self.change_deque(source, operation, node)
            else:
                if isinstance(node, array):
                    self.change_array(source, operation, node)
                    continue
                if not isinstance(node, bytearray):
                    source.corrupt(f"a change of a bytearray, for a {type(node).__name__}")
                self.change_bytes(source, operation, node)
        return 0

    cdef int fill(self, Bytes source, object node, bint again) except -1:
        cdef Py_ssize_t _i, count
        cdef object cls = type(node)
        if PyList_Check(node):
            count = source.count()
            if PyList_GET_SIZE(node):
                list.clear(node)
            for _i in range(count):
                PyList_Append(node, self.value(source))
        elif PyDict_Check(node):
            if isinstance(node, defaultdict):
                defaultdict.default_factory.__set__(node, self.value(source))
            count = source.count()
            clear_dict(node)
            for _i in range(count):
                key = self.value(source)
                set_key(node, key, self.value(source))
        elif isinstance(node, set):
            count = source.count()
            PySet_Clear(node)
            for _i in range(count):
                PySet_Add(node, self.value(source))
        elif isinstance(node, deque):
            limit = source.number()
            deque.__init__(node, (), None if limit == 0 else limit - 1)
            deque.extend(node, self.values(source))
        elif isinstance(node, bytearray):
            bytearray.__init__(node, source.raw())
        elif isinstance(node, array):
            self.put_in_array(source, node, 0, len(node) * node.itemsize, source.raw())
        else:
            return self.fill_attributes(source, node, again)
        if cls in BUILT_IN:
            return 0
        return self.fill_attributes(source, node, again)

    cdef int fill_attributes(self, Bytes source, object node, bint again) except -1:
        cdef Py_ssize_t _i, count = source.count()
        if again:
            clear_attributes(node)
        for _i in range(count):
            name = self.value(source)
            set_attribute(node, name, self.value(source))
        return 0

    cdef int change_list(self, Bytes source, int operation, object node) except -1:
        cdef Py_ssize_t size = PyList_GET_SIZE(node), i, place, count, start
        cdef int64_t step
        cdef list items
        if operation == operations.LIST_APPEND:
            return PyList_Append(node, self.value(source))
        if operation == operations.LIST_SET:
            i = <Py_ssize_t>source.number()
            value = self.value(source)
            if i < 0 or i >= size:
                source.corrupt("an index beyond the end of a list")
            Py_INCREF(value)
            return PyList_SetItem(node, i, <PyObject*>value)
        if operation == operations.LIST_DELETE:
            i = <Py_ssize_t>source.number()
            if i < 0 or i >= size:
                source.corrupt("an index beyond the end of a list")
            return PyList_SetSlice(node, i, i + 1, NULL)
        if operation == operations.LIST_INSERT:
            i = <Py_ssize_t>source.number()
            return PyList_Insert(node, i if i >= 0 else size, self.value(source))
        if operation == operations.LIST_EXTEND:
            items = self.values(source)
            return PyList_SetSlice(node, size, size, <PyObject*>items)
        if operation == operations.LIST_SLICE or operation == operations.LIST_DELETE_SLICE:
            start = <Py_ssize_t>source.number()
            count = <Py_ssize_t>source.number()
            step = source.signed()
            items = self.values(source) if operation == operations.LIST_SLICE else None
            return change_slice(source, node, start, count, step, items)
        if operation == operations.LIST_CLEAR:
            return PyList_SetSlice(node, 0, size, NULL)
        if operation == operations.LIST_REVERSE:
            return PyList_Reverse(node)
        if operation == operations.LIST_ORDER:
            count = source.count()
            if count != size:
                source.corrupt("an order of another number of items")
            old = list(node)
            items = []
            for _ in range(count):
                place = <Py_ssize_t>source.number()
                if place < 0 or place >= size:
                    source.corrupt("an index beyond the end of a list")
                items.append(old[place])
            return PyList_SetSlice(node, 0, size, <PyObject*>items)
        if operation == operations.LIST_REPEAT:
            count = <Py_ssize_t>source.number()
            if count < 0 or size and count > (<int64_t>1 << 40) // size:
                source.corrupt("a list repeated too often")
            items = list(node) * (count - 1)
            return PyList_SetSlice(node, size, size, <PyObject*>items)
        if operation == operations.LIST_ASSIGN:
            items = self.values(source)
            return PyList_SetSlice(node, 0, size, <PyObject*>items)
        source.corrupt(f"unknown operation {operation}")

    cdef int change_dict(self, Bytes source, int operation, object node) except -1:
        if operation == operations.DICT_SET:
            key = self.value(source)
            if PyDict_CheckExact(node):
                return PyDict_SetItem(node, key, self.value(source))
            return set_key(node, key, self.value(source))
        if operation == operations.DICT_DELETE:
            key = self.value(source)
            return PyODict_DelItem(node, key) if PyODict_Check(node) else PyDict_DelItem(node, key)
        if operation == operations.DICT_POPITEM:
            if PyODict_Check(node):
                return PyODict_DelItem(node, next(ordered.__reversed__(node)))
            dict.popitem(node)
            return 0
        if operation == operations.DICT_CLEAR:
            return clear_dict(node)
        if operation == operations.DICT_ASSIGN:
            items = self.pairs(source)
            clear_dict(node)
            for key, value in items:
                set_key(node, key, value)
            return 0
        if operation == operations.DEFAULT_FACTORY:
            if not isinstance(node, defaultdict):
                source.corrupt(f"a factory, for a {type(node).__name__}")
            defaultdict.default_factory.__set__(node, self.value(source))
            return 0
        if not PyODict_Check(node):
            source.corrupt(f"a change of an OrderedDict, for a {type(node).__name__}")
        if operation == operations.ORDERED_MOVE:
            key = self.value(source)
            ordered.move_to_end(node, key, source.number() != 0)
            return 0
        if operation == operations.ORDERED_POPFIRST:
            return PyODict_DelItem(node, next(ordered.__iter__(node)))
        source.corrupt(f"unknown operation {operation}")

    cdef int change_set(self, Bytes source, int operation, object node) except -1:
        if operation == operations.SET_ADD:
            return PySet_Add(node, self.value(source))
        if operation == operations.SET_DISCARD:
            if not PySet_Discard(node, self.value(source)):
                source.corrupt("a member that is not there")
            return 0
        if operation == operations.SET_CLEAR:
            return PySet_Clear(node)
        if operation == operations.SET_ASSIGN:
            items = self.values(source)
            PySet_Clear(node)
            for item in items:
                PySet_Add(node, item)
            return 0
        source.corrupt(f"unknown operation {operation}")

    cdef int change_attributes(self, Bytes source, int operation, object node) except -1:
        if operation == operations.ATTRIBUTE_SET:
            name = self.value(source)
            return set_attribute(node, name, self.value(source))
        if operation == operations.ATTRIBUTE_DELETE:
            return set_or_delete(node, self.value(source), NULL)
        if operation == operations.ATTRIBUTES_ASSIGN:
            cls = self.class_at(source)
            if type(cls) is StandIn:
                cls = cls.like(node)
            if isinstance(cls, UnreadableClass):
                cls = cls.of(object)
            clear_attributes(node)
            if type(node) is not cls:
                object.__setattr__(node, "__class__", cls)
                self.note_type(source.cell, cls)
            for name, value in self.pairs(source):
                set_attribute(node, name, value)
            return 0
        source.corrupt(f"unknown operation {operation}")

    cdef int change_deque(self, Bytes source, int operation, object node) except -1:
        cdef int64_t i
        if operation == operations.DEQUE_APPEND:
            deque.append(node, self.value(source))
        elif operation == operations.DEQUE_APPENDLEFT:
            deque.appendleft(node, self.value(source))
        elif operation == operations.DEQUE_POP:
            deque.pop(node)
        elif operation == operations.DEQUE_POPLEFT:
            deque.popleft(node)
        elif operation == operations.DEQUE_SET:
            i = source.number()
            deque.__setitem__(node, i, self.value(source))
        elif operation == operations.DEQUE_DELETE:
            i = source.number()
            deque.__delitem__(node, i)
        elif operation == operations.DEQUE_INSERT:
            i = source.number()
            deque.insert(node, i, self.value(source))
        elif operation == operations.DEQUE_ROTATE:
            deque.rotate(node, source.signed())
        elif operation == operations.DEQUE_CLEAR:
            deque.clear(node)
        elif operation == operations.DEQUE_REVERSE:
            deque.reverse(node)
        elif operation == operations.DEQUE_ASSIGN:
            items = self.values(source)
            deque.clear(node)
            deque.extend(node, items)
        else:
            source.corrupt(f"unknown operation {operation}")
        return 0

    cdef int change_array(self, Bytes source, int operation, object node) except -1:
        cdef uint64_t start, removed, size = len(node) * node.itemsize
        if operation != operations.BYTES_SPLICE:
            source.corrupt(f"unknown operation {operation}")
        start = source.number()
        removed = source.number()
        data = source.raw()
        if start > size or removed > size - start:
            source.corrupt("a place beyond the end of an array")
        return self.put_in_array(source, node, start, removed, data)

    cdef int put_in_array(self, Bytes source, object node, uint64_t start, uint64_t removed, bytes data) except -1:
        cdef uint64_t item = node.itemsize
        if start % item or removed % item or len(data) % item:
            source.corrupt("parts of an item of an array")
        return set_bytes(node, start, removed, data)

    cdef int change_bytes(self, Bytes source, int operation, object node) except -1:
        cdef uint64_t start, removed, size = len(node)
        if operation == operations.BYTES_SET:
            start = source.number()
            if start >= size:
                source.corrupt("an index beyond the end of a bytearray")
            PyByteArray_AS_STRING(node)[start] = <char>source.byte()
        elif operation == operations.BYTES_SPLICE:
            start = source.number()
            removed = source.number()
            data = source.raw()
            if start > size or removed > size - start:
                source.corrupt("a place beyond the end of a bytearray")
            bytearray.__setitem__(node, slice(start, start + removed), data)
        else:
            source.corrupt(f"unknown operation {operation}")
        return 0


cdef object cell_and_commit(tuple part):
    return part[1], part[0]


cdef str typecode_at(Bytes source):
    cdef uint64_t code = source.number()
    if code > 127 or chr(code) not in typecodes:
        source.corrupt("an array of an unknown type")
    return chr(code)


cdef object make(Bytes source, int kind, object cls):
    """A new, empty node."""
    cdef int built_in = kind & ~_nodes.CLASSED
    if kind == _nodes.ARRAY:
        return array(cls)
    if type(cls) is StandIn and 0 < built_in <= _nodes.INSTANCE:
        cls = cls.of(Node if built_in == _nodes.INSTANCE else BUILT_IN[built_in])
    if isinstance(cls, UnreadableClass) and 0 < built_in <= _nodes.INSTANCE:
        cls = cls.of(object if built_in == _nodes.INSTANCE else BUILT_IN[built_in])
    if built_in == _nodes.INSTANCE and cls is not None:
        if not is_plain_class(cls):
            source.corrupt(f"an instance of {cls!r}")
        node = new_instance(<PyTypeObject*>cls)
    elif not 0 < built_in < 9:
        source.corrupt(f"a node of an unknown kind {kind}")
    elif cls is None:
        return BUILT_IN[built_in]()
    else:
        base = BUILT_IN[built_in]
        if not issubclass(cls, base):
            source.corrupt(f"a {base.__name__} of {cls!r}")
        node = (dict if base is Counter else base).__new__(cls)
    return node


cdef int change_slice(
    Bytes source, object node, Py_ssize_t start, Py_ssize_t count, int64_t step, list items
) except -1:
    cdef Py_ssize_t size = PyList_GET_SIZE(node), i, last
    if start < 0 or not 0 <= count <= size or step == 0 or count > 1 and not -size <= step <= size:
        source.corrupt("an impossible slice")
    if step == 1:
        if start > size - count:
            source.corrupt("a slice beyond the end of a list")
        return PyList_SetSlice(node, start, start + count, NULL if items is None else <PyObject*>items)
    last = start + (count - 1) * step if count else start
    if count and not (0 <= start < size and 0 <= last < size):
        source.corrupt("a slice beyond the end of a list")
    if items is not None:
        if len(items) != count:
            source.corrupt("a slice of another size")
        for i in range(count):
            value = items[i]
            Py_INCREF(value)
            PyList_SetItem(node, start + i * step, <PyObject*>value)
        return 0
    gone = {start + i * step for i in range(count)}
    kept = [value for i, value in enumerate(list.__getitem__(node, slice(None))) if i not in gone]
    return PyList_SetSlice(node, 0, size, <PyObject*>kept)


cdef int set_key(object node, object key, object value) except -1:
    return PyODict_SetItem(node, key, value) if PyODict_Check(node) else PyDict_SetItem(node, key, value)


cdef int clear_dict(object node) except -1:
    if PyODict_Check(node):
        ordered.clear(node)
    else:
        dict.clear(node)
    return 0


cdef int set_attribute(object node, object name, object value) except -1:
    return set_or_delete(node, name, <PyObject*>value)


cdef int set_or_delete(object node, object name, PyObject* value) except -1:
    cdef PyObject* attribute
    cdef PyObject* interned
    if not PyUnicode_CheckExact(name):
        # Only a __dict__ that somebody has written to has such a key.
        attributes = PyObject_GenericGetDict(node, NULL)
        return PyDict_SetItem(attributes, name, <object>value) if value != NULL else PyDict_DelItem(attributes, name)
    interned = <PyObject*>name
    Py_INCREF(name)
    PyUnicode_InternInPlace(&interned)
    name = <object>interned
    Py_DECREF(name)
    attribute = _PyType_Lookup(Py_TYPE(node), name)
    if attribute != NULL and is_property(attribute):
        attributes = PyObject_GenericGetDict(node, NULL)
        return PyDict_SetItem(attributes, name, <object>value) if value != NULL else PyDict_DelItem(attributes, name)
    return PyObject_GenericSetAttr(node, name, value)


cdef int clear_attributes(object node) except -1:
    """Of a node that is filled again."""
    cdef object cls = type(node)
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name in ("__dict__", "__weakref__"):
                continue
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{base.__name__.lstrip('_')}{name}"
            try:
                PyObject_GenericSetAttr(node, name, NULL)
            except AttributeError:
                pass
    if cls.__dictoffset__:
        for name in list(PyObject_GenericGetDict(node, NULL)):
            set_or_delete(node, name, NULL)
    return 0
