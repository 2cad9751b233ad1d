"""Proxies: reads go to shared memory, writes become commands."""

import copy
import gc
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from functools import partial
from contextlib import _AsyncGeneratorContextManager, _GeneratorContextManager
from types import AsyncGeneratorType, BuiltinFunctionType, CellType, CoroutineType, FunctionType, GeneratorType, \
    GetSetDescriptorType, MemberDescriptorType, MethodType

cimport cython
from cpython.object cimport Py_TYPE, PyObject, PyObject_GenericGetAttr, PyTypeObject
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from .._atomic cimport BROKEN, fence_acq, load_acq, load_rlx, TESTPOINT
from .._layout cimport ABSENT, BLOCK, BLOCK_HEADER, CLOSED_BIT, DELETED, BOXED, EMPTY, INLINE, LARGE_ARRAY, NODE, \
    Slot, SLOT_SIZE, Version
from .._protocol cimport APPLY, CALL, CALL_AT, DELETE, GET, GET_AT, KEYWORDS, NO_ARGUMENTS, RESPOND, SET, \
    version_value
from .._slots cimport slot_find, slot_read
from ..cerial cimport _tags as tags
from ..cerial._codec cimport Encoder, decode
from .._internal cimport Maker, maker_of, make_internal
from ._augmented cimport carrying, is_augmented_store, take_operation
from ._noted cimport note, noting
from ._replica cimport are_harmless, Cell, pin, READY, Reader, reader_of, Tables, TORN, unpin
from ._session cimport pause_before_retry, Session, Shared

from .._protocol import reference
from ..errors import CorruptDataError, DeletedObjectError
from .._kinds import is_array, is_nested, is_value
from ..state._unreadable import Unreadable
from ._copies import factory_of_asdict, Reference, sealed
from .._paths import ATTRIBUTE, ITEM
from ._harmless import is_harmless
from ._instances import instance_of

# What the modules above make of what is found here; set by _hooks.py.
#: callable(owner proxy, cell, path, class) -> proxy of a part that is no node.
nested_factory = None
#: callable(session, id, number of the cell, class) -> proxy of a node.
node_factory = None
#: callable() -> the module of arrays, and that of the views of a dict.
arrays = None
views = None
#: callable(*proxies) -> plain copies of one moment.
take_snapshot = None

cdef dict VIEWS = {
    type(getattr(made, name)()): name for made in ({}, OrderedDict()) for name in ("keys", "values", "items")
}
cdef frozenset GIVES_LATER = frozenset((
    GeneratorType, CoroutineType, AsyncGeneratorType, _GeneratorContextManager, _AsyncGeneratorContextManager))
cdef tuple BUILT_IN = (None, list, dict, set, deque, OrderedDict, defaultdict, Counter, bytearray)


class Unknown(Exception):
    """A result is something that is not looked into. Never leaves this module."""


MISSING = type("MISSING", (), {"__repr__": lambda self: "MISSING", "__slots__": ()})()


cdef enum:
    MOST_COPIES = 8             # of blocks that are reused meanwhile; then the coordinator is asked


cdef extern from "Python.h":
    object PyObject_GenericGetDict(object instance, void* context)
    PyObject* _PyType_Lookup(PyTypeObject* type, object name)      # borrowed, no exception set
    Py_ssize_t Py_REFCNT(PyObject*) noexcept


cdef object read_slot(Session session, const Slot* slot, uint64_t owner, uint64_t position, uint64_t* tag):
    """The value of a slot, fresh to `position`; MISSING if it is absent. Mutable values are new objects."""
    cdef Version version
    cdef uint64_t found_owner = 0, c
    cdef bint torn = False, complete
    cdef int attempts = 0
    while True:
        c = session.barrier(position)
        complete = slot_read(slot, c, &version, &found_owner)
        if found_owner != owner or (complete and version.kind == DELETED):
            raise deleted()
        if not complete:
            pause_before_retry(session, &attempts)
            continue
        tag[0] = version.tag
        if version.kind == ABSENT:
            return MISSING
        value = version_value(session.control, &version, &torn)
        if not torn:
            return value
        pause_before_retry(session, &attempts)


cdef object array_at(Proxy owner, uint32_t index, tuple path, value):
    return arrays().array_at(owner, index, path, value)


cdef bint is_array_at(value, Proxy parent, tuple step):
    """Whether a value is an array that has been read from just that part of `parent`."""
    if type(value).__name__ != "SharedArray":
        return False
    return arrays().is_at(value, parent, step)


cdef object deleted():
    return DeletedObjectError("this object has been deleted from its share (its name was deleted or given to another "
                              "value); read it from the share again")


@cython.binding(False)
cdef class Snapshot:
    """Decoded state of an object, by cell; never changed once it is in use."""

    def __dealloc__(self):
        free(self.tags)

    cdef Snapshot another(self):
        cdef Snapshot other = empty_snapshot(len(self.values))
        memcpy(other.tags, self.tags, len(self.values) * sizeof(uint64_t))
        other.values = list(self.values)
        return other

    cdef int put(self, uint32_t index, uint64_t tag, object value, const Version* version) except -1:
        """Sets a cell, before the snapshot is in use."""
        self.values[index] = value
        self.tags[index] = tag
        return 0


cdef extern from *:
    """
    #include "structmember.h"

    static Py_ssize_t offset_of_slot(PyObject* descriptor) {
        return ((PyMemberDescrObject*)descriptor)->d_member->offset;
    }

    /* A number that is another one after every change of a dict. */
    static inline uint64_t mark_of_dict(PyObject* dict) {
    #if PY_VERSION_HEX < 0x030D0000
        uint64_t mark;
        _Pragma("GCC diagnostic push")
        _Pragma("GCC diagnostic ignored \\"-Wdeprecated-declarations\\"")
        mark = ((PyDictObject*)dict)->ma_version_tag;
        _Pragma("GCC diagnostic pop")
        return mark;
    #else
        uint64_t mark = 1;
        Py_ssize_t at = 0;
        PyObject *key, *value;
        while (PyDict_Next(dict, &at, &key, &value))
            mark = mark * 0x9E3779B97F4A7C15u + ((uintptr_t)key ^ (uintptr_t)value * 3);
        return mark;
    #endif
    }
    """
    Py_ssize_t offset_of_slot(object descriptor)
    uint64_t mark_of_dict(dict attributes) noexcept


def slot_offsets(cls) -> bytes:
    """Where the slots of a class's instances are, as the memory of an array of Py_ssize_t."""
    cdef Py_ssize_t offset
    found = b""
    for base in cls.__mro__:
        for name, member in vars(base).items():
            if type(member) is MemberDescriptorType and name in slots_of(base):
                offset = offset_of_slot(member)
                found += (<char*>&offset)[:sizeof(offset)]
    return found


cdef object slots_of(base):
    slots = vars(base).get("__slots__", ())
    slots = (slots,) if isinstance(slots, str) else tuple(slots)
    private = "_" + base.__name__.lstrip("_")
    return [private + name if name.startswith("__") and not name.endswith("__") else name for name in slots]


cdef uint64_t mark_of(Local local) noexcept:
    """A number that is another one when an attribute has been assigned or deleted."""
    cdef uint64_t mark = mark_of_dict(local.attributes) if local.attributes is not None else 0
    cdef Py_ssize_t* offset
    cdef Py_ssize_t i
    if local.offsets is not None:
        offset = <Py_ssize_t*>PyBytes_AS_STRING(local.offsets)
        for i in range(PyBytes_GET_SIZE(local.offsets) // <Py_ssize_t>sizeof(Py_ssize_t)):
            mark = mark * 31 + <uint64_t>(<PyObject**>(<char*><PyObject*>local.instance + offset[i]))[0]
    return mark


cdef dict attributes_of(instance):
    """The dict in which an instance has its attributes, whatever its class says of `__dict__`; None if it has none."""
    return PyObject_GenericGetDict(instance, NULL) if has_dict(type(instance)) else None


cdef bint is_large(const Version* version) noexcept:
    return version.kind == BLOCK and version.payload[1] > 4096


@cython.binding(False)
cdef class Waiting:
    """A key in the dict of a local instance in place of an attribute that is not decoded.

    It equals the attribute's name: to look that up is to ask it, and then the value takes its place.
    """

    cdef object local               # weak: the instance has us
    cdef str name
    cdef uint32_t index
    cdef Py_hash_t hash

    def __hash__(self):
        return self.hash

    def __eq__(self, other):
        cdef Local local = self.local()
        if self is other:
            return True
        if local is not None and isinstance(other, str) and self.name == other:
            local.look(self.index)      # whoever asks looks again when it sees that the dict has changed
        return False

    cdef int spoil(self) except -1:
        cdef Local local = self.local()
        if local is not None:
            local.touched = local.failed = True
        return 0

    # Whoever meets one has looked at the dict itself, which the plan did not say.

    def __repr__(self):
        self.spoil()
        return repr(self.name)

    def __str__(self):
        self.spoil()
        return self.name

    def __getattr__(self, name):
        self.spoil()
        return getattr(self.name, name)

    def __reduce_ex__(self, protocol):
        self.spoil()
        return str, (self.name,)


cdef int put_waiting(Local local, tuple cells, list values, set wanted) except -1:
    """Gives an instance its attributes: of the wanted cells the values, of the others what stands for them."""
    cdef dict attributes = PyObject_GenericGetDict(local.instance, NULL)
    cdef Waiting waiting
    weak = weakref.ref(local)
    if values[0] is not MISSING:
        attributes.update(values[0])
    for index, name in enumerate(cells, 1):
        if index in wanted:
            if values[index] is not MISSING:
                attributes[name] = values[index]
            continue
        waiting = Waiting.__new__(Waiting)
        waiting.local, waiting.name, waiting.index, waiting.hash = weak, name, index, hash(name)
        attributes[waiting] = waiting
        local.waiting += 1
    return 0


cdef Local new_local(instance, uint32_t cells):
    cdef Local self = Local.__new__(Local)
    cdef uint32_t i
    self.instance = instance
    self.tags = <uint64_t*>malloc((cells + 1) * sizeof(uint64_t))
    if self.tags == NULL:
        raise MemoryError
    for i in range(cells):
        self.tags[i] = EMPTY
    return self


cdef Local lent_local(instance):
    """For an instance that belongs to a replica."""
    cdef Local self = new_local(instance, 0)
    self.attributes = attributes_of(instance)
    self.mark = mark_of(self)
    return self


@cython.binding(False)
cdef class Local:

    def __dealloc__(self):
        free(self.tags)

    cdef int begin(self, Proxy proxy) except -1:
        self.runs += 1
        if self.runs == 1:
            if self.tables is None:
                self.tables = proxy.reader.tables
            if self.cells is not None:
                self.pinned = self.cells
                pin(self.pinned)
        if self.waiting:
            self.proxy = proxy
        return 0

    cdef int end(self) except -1:
        self.runs -= 1
        if self.runs == 0:
            self.proxy = self.tables = None
            if self.pinned is not None:
                unpin(self.pinned)
                self.pinned = None
        return 0

    cdef int add_cells(self, list cells) except -1:
        """What a run has touched is in these as well."""
        cdef list more = [cell for cell in cells if self.cells is None or cell not in self.cells]
        self.cells = (self.cells or []) + more
        if self.runs:
            pin(more)
            self.pinned = (self.pinned or []) + more
        return 0

    cdef int look(self, uint32_t index) except -1:
        """Decodes a cell that a run has touched, as it was at the run's position; else the run is void."""
        cdef Proxy proxy = self.proxy
        self.touched = True
        if proxy is None:
            self.failed = True
            return 0
        if self.has_written():
            self.written = True
        try:
            proxy.drop(self)            # other runs may look at another position
            found = proxy.value_at(index, self.position)
            if found is not None and len(found) == 3:
                if self.tables is not proxy.reader.tables:
                    found = None        # of another replica than what the run has
                else:
                    self.roots = (self.roots or []) + [found[1]]
                    self.add_cells(found[2])
                    self.links, self.serial = proxy.reader.links, proxy.reader.serial
        except BaseException:
            found = None                # closed, deleted, interrupted: the run that follows will tell
        if found is None:
            self.failed = True
            return 0
        self.settle(index, found[0], type(proxy)._share_cells_[index - 1])
        return 0

    cdef int settle(self, uint32_t index, value, cell) except -1:
        """Puts a decoded value where it was waited for."""
        cdef dict attributes = self.attributes
        for key in [key for key in attributes if type(key) is Waiting and (<Waiting>key).index == index]:
            del attributes[key]
            self.waiting -= 1
        if value is not MISSING:
            attributes[cell] = value
        self.mark = mark_of(self)
        self.seen = None
        return 0

    cdef int complete(self, Proxy proxy) except -1:
        """Decodes all that is not: somebody will hold the instance after its run."""
        self.begin(proxy)
        for key in list(self.attributes) if self.waiting else ():
            if type(key) is Waiting and key in self.attributes and not self.failed:
                self.look((<Waiting>key).index)
        self.end()
        return 0

    cdef bint has_written(self) noexcept:
        """Whether a run has assigned or deleted attributes of the instance."""
        if self.written or self.attributes is not None and Py_REFCNT(<PyObject*>self.attributes) == 1:
            return True                 # its `__dict__` has been replaced
        return mark_of(self) != self.mark

    cdef bint is_clean(self) noexcept:
        """Whether nothing that a run did is left to see, and nobody else holds the instance."""
        if not self.own:
            return not self.written and mark_of(self) == self.mark
        return not self.written and not self.touched and not self.failed and Py_REFCNT(<PyObject*>self.instance) == 1 \
            and (self.attributes is None or Py_REFCNT(<PyObject*>self.attributes) == 2) and mark_of(self) == self.mark


class Parts(dict):
    """The memo of a deep copy that leaves parts of the state what they are: proxies."""

    def __init__(self, instance, proxy, tables):
        self.instance, self.proxy, self.tables = instance, proxy, tables

    def get(self, address, default=None):
        """What the object at that address is in the copy (called by ``copy.deepcopy`` for each that it meets)."""
        cdef Proxy proxy = self.proxy
        cdef Tables tables = self.tables
        if address == id(self.instance):
            return proxy
        number = tables.objects.get(address)
        if number is not None:
            return part(proxy.session, tables, tables.nodes[number])
        return dict.get(self, address, default)


cdef uint64_t last_serial = 0


cdef Snapshot empty_snapshot(uint32_t cells):
    global last_serial
    cdef Snapshot self = Snapshot.__new__(Snapshot)
    cdef uint32_t i
    last_serial += 1
    self.serial = last_serial
    self.tags = <uint64_t*>malloc(cells * sizeof(uint64_t))
    if self.tags == NULL:
        raise MemoryError
    for i in range(cells):
        self.tags[i] = EMPTY
    self.values = [MISSING] * cells
    return self


@cython.binding(False)          # unbound methods check their receiver
cdef class Proxy(Shared):
    """Base of all generated proxy classes."""

    def __cinit__(self):
        global making
        if not making:
            raise TypeError("a proxy is made by reading a shared object from its share")
        making = False

    def __dealloc__(self):
        free(self.tags)

    cdef uint64_t position_of(self, uint32_t index) noexcept:
        """What a read of that cell has to wait for."""
        cdef uint64_t flag, position
        if noting:
            note(self.session.control, self.slots + index, self.id)
        fence_acq()
        position = load_rlx(self.flags)
        if index:
            flag = load_rlx(self.flags + index)
            if flag > position:
                position = flag
        flag = load_rlx(self.wide)
        return flag if flag > position else position

    cdef object read(self, uint32_t index):
        """Barrier and slot read of one cell; MISSING if the attribute does not exist."""
        cdef uint64_t tag
        cdef Version version
        cdef bint is_handed = False
        while True:
            value = self.read_version(index, self.position_of(index), &version, &is_handed)
            if version.kind != NODE:
                break
            value = self.node_value(&version)
            if value is not MISSING:
                if version.payload[2] & BOXED:
                    self.cache(index, None, EMPTY)
                elif isinstance(value, Shared) or type(value).__name__ == "SharedArray" and \
                        self.reader.cell(version.payload[1]).slot == self.slots + index:   # at home here
                    self.cache(index, value, version.tag)
                return value
        tag = version.tag
        if is_handed:
            pass                    # a large array
        elif value is MISSING or is_value(value):
            value = carrying(value)
        elif index and is_array(value):
            value = array_at(self, index, () if self.opaque else (ATTRIBUTE, type(self)._share_cells_[index - 1]),
                             value)
        elif index and not isinstance(value, Shared) and is_nested(value):
            self.keep(index, value, &version)
            value = nested_factory(self, index, (ATTRIBUTE, type(self)._share_cells_[index - 1]), type(value))
        else:
            self.cache(index, None, EMPTY)
            return sealed(value)
        self.cache(index, value, tag)
        return value

    cdef object node_value(self, const Version* version):
        """What a caller may have of a node that is the value of an attribute. MISSING: it has gone."""
        cdef Tables tables
        cdef int kind = (version.payload[2] >> 8) & 0xff
        if 0 < kind < 9 and not version.payload[2] & BOXED:
            return node_factory(self.session, version.payload[0], version.payload[1], BUILT_IN[kind])
        self.reader.bring(self.session, [version.payload[1]], version.payload[2] & BOXED)
        tables = self.reader.tables
        found = tables.node(version.payload[0])
        if found is None or tables.home_of(version.payload[0]) != version.payload[1]:
            return MISSING
        return part(self.session, tables, found[0] if version.payload[2] & BOXED else found)

    cdef int cache(self, uint32_t place, object value, uint64_t tag) except -1:
        """Keeps a value and its tag, as one store: the end of the old value may let other threads in."""
        _old = self.values[place]
        self.values[place] = value
        self.tags[place] = tag
        return 0

    cdef object read_array(self):
        """The value of an object that is an array."""
        cdef uint64_t tag = 0, position = self.position_of(1), c = load_acq(self.commit)
        if c - position < CLOSED_BIT and slot_find(self.slots + 1, c, &tag) >= 0 and tag == self.tags[1]:
            return self.values[1]
        return self.read(1)

    cdef Snapshot keep(self, uint32_t index, object value, const Version* version):
        """Makes a decoded value this process's replica of a cell; from then on nobody may change it."""
        cdef Snapshot new = self.snapshot.another()
        new.put(index, version.tag, value, version)
        self.snapshot = new
        return new

    cdef Snapshot cell_state(self, uint32_t index):
        """A snapshot in which that cell is fresh; the others, and the instance, need not be."""
        cdef uint64_t position = self.position_of(index), tag = 0, c = load_acq(self.commit)
        cdef Snapshot old = self.snapshot
        cdef Version version
        if c - position < CLOSED_BIT and slot_find(self.slots + index, c, &tag) >= 0 and tag == old.tags[index]:
            return old
        old = None              # read_version looks whether anybody has it besides us
        value = self.read_version(index, position, &version, NULL)
        if self.opaque and index == 1 and not isinstance(value, type(self)._share_class_):
            raise CorruptDataError(f"share {self.session.name}: a {type(value).__name__} is where a "
                                   f"{type(self)._share_class_.__name__} should be, its memory is damaged")
        return self.keep(index, value, &version)

    cdef object read_version(self, uint32_t index, uint64_t position, Version* version, bint* is_handed):
        """The value of a cell, fresh, and its version; None if it is a node.

        is_handed: NULL, or set where it is a large array as a caller may have it.
        """
        cdef uint64_t found_owner = 0, c, torn_tag = EMPTY
        cdef bint torn
        cdef int attempts = 0, copies = 0
        while True:
            c = self.session.barrier(position)
            torn = not slot_read(self.slots + index, c, version, &found_owner)
            if found_owner != self.id or not torn and version.kind == DELETED:
                raise deleted()
            if not torn:
                if version.kind == ABSENT:
                    return MISSING
                if version.kind == NODE:
                    return None
                if is_handed != NULL and index and self.is_large_array(version):
                    value = self.large_array(index, version)
                    torn = value is None
                    is_handed[0] = not torn
                else:
                    value = version_value(self.session.control, version, &torn)
                if not torn:
                    return value
                # The block of a version that is still the newest has not been reused: it is damaged.
                copies += version.tag != torn_tag
                torn_tag = version.tag
                if copies == MOST_COPIES:
                    version.tag, version.kind = EMPTY, INLINE       # not to be kept
                    return self.fetch().values[index]
            pause_before_retry(self.session, &attempts)

    cdef bint is_large_array(self, const Version* version) except -1:
        """Whether a block is one, unless it has been reused."""
        return version.kind == BLOCK and version.payload[1] >= LARGE_ARRAY and \
            self.session.control.at(version.payload[0], BLOCK_HEADER + 8)[BLOCK_HEADER] == tags.ARRAY

    cdef object large_array(self, uint32_t index, const Version* version):
        """None: its block has been reused."""
        path = () if self.opaque else (ATTRIBUTE, type(self)._share_cells_[index - 1])
        return arrays().large_array(self, index, path, version.payload[0], version.payload[1], version.payload[2],
                                    version.payload[3], version.payload[4])

    cdef tuple value_at(self, uint32_t index, uint64_t position):
        """(value,) of a cell as it was at a position of C, with root and cells if it is a node; None: not known any
        more."""
        cdef uint64_t owner = 0, wanted = position
        cdef Version version
        cdef bint torn = False
        cdef list closure
        if self.position_of(index) > position or not slot_read(self.slots + index, position, &version, &owner) \
                or owner != self.id or version.kind == DELETED:
            return None
        if version.kind == ABSENT:
            return (MISSING,)
        if version.kind == NODE:
            closure = []
            if self.reader.attempt(position, [version.payload[1]], True, set(), &wanted, closure) != READY:
                return None
            found = self.reader.tables.node(version.payload[0])
            if found is None:
                return None
            return found[0] if version.payload[2] & BOXED else found, version.payload[1], closure
        value = version_value(self.session.control, &version, &torn)
        return None if torn else (value,)

    cdef object state_of(self, uint32_t index):
        """What an object of one cell is (1), or what the others have in extras (0); MISSING. For looking at only."""
        cdef uint64_t position = self.position_of(index), tag = 0, c = load_acq(self.commit)
        cdef Cell cell = self.cell
        if cell is not None and c - position < CLOSED_BIT and slot_find(self.slots + index, c, &tag) >= 0 \
                and tag == self.node_tag and slot_find(cell.slot, c, &tag) >= 0 and tag == cell.tag \
                and tag == self.seen:
            if noting:
                note(self.session.control, cell.slot, cell.owner)
            return self.found
        return self.look_slowly(index, False)

    cdef object look_slowly(self, uint32_t index, bint whole):
        cdef uint64_t c, owner = 0, position = self.position_of(index)
        cdef Version version
        cdef int status, attempts = 0
        cdef set known = set()
        cdef list closure = [] if whole else None
        while True:
            c = self.session.barrier(position)
            status = TORN
            if slot_read(self.slots + index, c, &version, &owner):
                if owner != self.id or version.kind == DELETED:
                    raise deleted()
                if version.kind != NODE:
                    self.cell, self.node_tag, self.found = None, EMPTY, None
                    return self.cell_state(index).values[index]
                status = self.reader.attempt(c, [version.payload[1]], whole, known, &position, closure)
            elif owner != self.id:
                raise deleted()
            if status == READY:
                break
            if status == TORN:
                pause_before_retry(self.session, &attempts)
        found = self.reader.tables.node(version.payload[0])
        if found is not None and version.payload[2] & BOXED:
            found = found[0]
        if not isinstance(found, type(self)._share_class_ if index else dict):
            raise CorruptDataError(f"share {self.session.name}: a {type(found).__name__} is where a "
                                   f"{type(self)._share_class_.__name__} should be, its memory is damaged")
        self.node, self.home = version.payload[0], <uint32_t>version.payload[1]
        self.cell = self.reader.cell(self.home)
        if whole:
            self.cell.closure, self.cell.links = closure, self.reader.links
        self.found, self.seen, self.node_tag = found, self.cell.tag, version.tag
        return found

    cdef list held(self):
        if self.cell is None:
            return []
        return [self.cell] if self.cell.closure is None else self.cell.closure

    cdef object current(self):
        """The object as it is now, for reading only."""
        cdef Cell cell = self.cell
        cdef uint64_t tag = 0
        if not self.opaque:
            return self.whole()
        if cell is not None and cell.closure is not None and cell.links == self.reader.links \
                and self.position_of(1) <= load_acq(self.commit) \
                and slot_find(self.slots + 1, load_acq(self.commit), &tag) >= 0 and tag == self.node_tag \
                and self.reader.are_fresh(cell.closure) and self.seen == cell.tag:
            return self.found
        return self.look_slowly(1, True)

    cdef object peek(self):
        return self.state_of(1) if self.opaque else self.whole()

    cdef uint64_t newest(self) noexcept:
        return self.position_of(1) if self.opaque else EMPTY

    cdef object whole(self):
        """An instance of the user's class with all state, for reading only."""
        return self.take_local(NULL, -1, 0).instance

    cdef object child(self, Tables tables, int kind, object key, object value):
        """What a caller may have of a part of the present state."""
        cdef uint32_t index
        cls = type(value)
        if tables.id_of(value):
            return part(self.session, tables, value)
        if cls is not dict and cls is not list and cls is not set:
            if is_value(value):
                return carrying(value)
            if isinstance(value, Shared):
                return value
        if self.cell is not None:
            return part(self.session, tables, value)
        # Part of a value that is no node: it is known by the way there.
        if not is_nested(value) and not is_array(value):
            return sealed(plain_copy(self.session, value))
        index = 1 if self.opaque else type(self)._share_index_.get(key, 0)
        if is_array(value):
            return array_at(self, index, (kind, key), value)
        return nested_factory(self, index, (kind, key), cls)

    cdef object attribute(self, str name):
        """An attribute that has no descriptor."""
        state = self.state_of(1 if self.opaque else 0)
        tables = self.reader.tables
        if state is not MISSING:
            if not self.opaque:
                if name in state:
                    return self.child(tables, ATTRIBUTE, name, state[name])
            elif has_dict(type(state)) and name in state.__dict__:
                return self.child(tables, ATTRIBUTE, name, state.__dict__[name])
        return class_attribute(self, name)

    cdef uint64_t send_at(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0:
        raise NotImplementedError

    cdef uint64_t send_to_all(self, int kind, bytes name, tuple args, dict kwargs, bint respond) except 0:
        """Sends a call that may change anything, whatever the plan says."""
        cdef Encoder encoder
        cdef uint64_t* raised = self.flags
        cdef int flags = RESPOND if respond else 0
        if self.is_nested:
            return self.send_at(kind, name, args, kwargs, respond)
        encoder = self.session.borrow()
        try:
            encoder.encode((type(self)._share_class_.__qualname__,), "path")    # that of the object itself
            if kind == CALL:
                flags |= encode_arguments(encoder, args, kwargs)
            return self.session.send(CALL_AT if kind == CALL else GET_AT, flags, self.id, name, encoder, &raised, 1)
        finally:
            self.session.give_back(encoder)

    cdef int drop(self, Local local) except -1:
        """No other run shall have that instance."""
        if local.own and local in self.locals:
            self.locals[self.locals.index(local)] = None
        return 0

    cdef Local take_local(self, uint32_t* indices, int count, int number):
        """What a method that reads these cells (count < 0: all) runs on, at one C; `number` is that of the set."""
        cdef uint64_t position, flag, c, tag = 0
        cdef uint32_t index
        cdef int i, n
        cdef bint fresh = True
        cdef Local local
        if self.opaque:
            return self.lend(self.current())
        if count >= 0 and not self.lazy:
            count, number = -1, 0
        n = count if count >= 0 else <int>self.cells
        if noting:
            for i in range(n):
                note(self.session.control, self.slots + (indices[i] if count >= 0 else <uint32_t>i), self.id)
        fence_acq()
        position = load_rlx(self.flags)
        for i in range(n):
            flag = load_rlx(self.flags + (indices[i] if count >= 0 else <uint32_t>i))
            if flag > position:
                position = flag
        flag = load_rlx(self.wide)
        if flag > position:
            position = flag
        local = self.locals[number]
        if local is not None and local.cells is not None:
            position = self.reader.position_of(local.cells, position)
        c = self.session.barrier(position)
        if local is not None:
            for i in range(n):
                index = indices[i] if count >= 0 else <uint32_t>i
                if slot_find(self.slots + index, c, &tag) < 0 or tag != local.tags[index]:
                    fresh = False
                    break
            if fresh and (local.cells is None or self.move_nodes(local, c)):
                local.position = c
                return local
            local = self.locals[number] = None
        local = self.make_local(indices, count, position)
        self.locals[number] = local
        return local

    cdef Local lend(self, found):
        """For a run on an object of a replica."""
        cdef Local own = self.own
        if own is None or own.instance is not found:
            own = self.own = lent_local(found)
        own.cells = self.held() if self.cell is not None else None
        return own

    cdef bint move_nodes(self, Local local, uint64_t c) except -1:
        """Has the nodes of a local instance as they are at c. False: it is to be made anew."""
        cdef Reader reader = self.reader
        cdef uint64_t position = c
        cdef list closure
        if local.serial != reader.serial:
            return False
        if local.links == reader.links and reader.are_at(local.cells, c):
            return True
        closure = []
        known = {(<Cell>cell).number for cell in local.cells}
        if reader.attempt(c, local.roots, True, known, &position, closure) != READY or local.serial != reader.serial:
            return False
        local.cells, local.links = closure, reader.links
        local.plain = None
        return True

    cdef Local make_local(self, uint32_t* indices, int count, uint64_t position):
        cdef uint64_t at = 0
        cdef uint32_t index
        cdef int i, n = count if count >= 0 else <int>self.cells
        cdef Snapshot state
        cdef Local local
        cdef list roots = [], closure = []
        cdef uint64_t links, serial
        state = self.states_at(indices, count, position, &at, roots, closure)
        links, serial = self.reader.links, self.reader.serial
        tables = self.reader.tables
        try:
            if n >= <int>self.cells:
                local = new_local(instance_of(type(self), state.values, MISSING), self.cells)
            else:
                wanted = {indices[i] for i in range(count)}
                local = new_local(object.__new__(type(self)._share_class_), self.cells)
                put_waiting(local, type(self)._share_cells_, state.values, wanted)
        finally:
            unpin(closure)
        if roots:
            local.roots, local.cells = roots, closure
            local.links, local.serial = links, serial
            local.tables = tables       # to make the instance takes a while: the reader may have others already
        for i in range(n):
            index = indices[i] if count >= 0 else <uint32_t>i
            local.tags[index] = state.tags[index]
        local.own = True
        local.position = at
        local.attributes = attributes_of(local.instance)
        local.offsets = type(self)._share_offsets_
        local.mark = mark_of(local)
        return local

    cdef Snapshot states_at(self, uint32_t* indices, int count, uint64_t position, uint64_t* at, list roots,
                            list closure):
        """A snapshot in which the given cells (count < 0: all) are as they were at one C, which is not before
        `position`; the others may be anything. `closure` gets the cells of nodes, pinned, `roots` the first of them."""
        cdef uint64_t c, owner = 0, torn_tag = EMPTY
        cdef uint32_t index
        cdef int i = 0, k, n = count if count >= 0 else <int>self.cells, attempts = 0, copies = 0, status
        cdef bint torn = False
        cdef Version* versions = <Version*>malloc(sizeof(Version) * (n if n else 1))
        cdef Snapshot new
        cdef set known = set()
        if versions == NULL:
            raise MemoryError
        try:
            while True:
                # All headers at one c first, so that a long copy is not outrun by later publications.
                c = self.session.barrier(position)
                torn = False
                for i in range(n):
                    index = indices[i] if count >= 0 else <uint32_t>i
                    TESTPOINT("snapshot.header")
                    if BROKEN("snapshot"):
                        c = self.session.barrier(position)
                    torn = not slot_read(self.slots + index, c, &versions[i], &owner)
                    if owner != self.id or (not torn and versions[i].kind == DELETED):
                        raise deleted()
                    if torn:
                        break
                if not torn:
                    new = self.snapshot.another()
                    # Large blocks last: the small ones would be reused while a large one is decoded.
                    for k in range(2 * n):
                        i = k % n
                        index = indices[i] if count >= 0 else <uint32_t>i
                        if versions[i].kind == NODE or versions[i].tag == new.tags[index] \
                                or (k < n and is_large(&versions[i])):
                            continue
                        value = MISSING
                        if versions[i].kind != ABSENT:
                            value = version_value(self.session.control, &versions[i], &torn)
                            if torn:
                                break
                        new.put(index, versions[i].tag, value, &versions[i])
                    self.snapshot = new         # what has been decoded need not be once more
                    if torn:
                        copies += versions[i].tag != torn_tag
                        torn_tag = versions[i].tag
                        if copies == MOST_COPIES:
                            return self.fetch()
                    else:
                        status = self.nodes_at(c, versions, indices, count, new, known, &position, roots, closure)
                        if status == READY:
                            at[0] = c
                            return new
                        torn = status == TORN
                if torn:
                    pause_before_retry(self.session, &attempts)
        finally:
            free(versions)

    cdef int nodes_at(self, uint64_t c, Version* versions, uint32_t* indices, int count, Snapshot new, set known,
                      uint64_t* position, list roots, list closure) except -1:
        """The part of ``states_at`` for values that are nodes: READY, or why it has to be done again."""
        cdef int i, status, n = count if count >= 0 else <int>self.cells
        cdef uint32_t index
        del roots[:]
        for i in range(n):
            if versions[i].kind == NODE:
                roots.append(versions[i].payload[1])
        if not roots:
            return READY
        status = self.reader.attempt(c, roots, True, known, position, closure)
        if status != READY:
            return status
        for i in range(n):
            if versions[i].kind != NODE:
                continue
            index = indices[i] if count >= 0 else <uint32_t>i
            value = self.reader.tables.node(versions[i].payload[0])
            if value is None:
                raise CorruptDataError(f"share {self.session.name}: there is no node {versions[i].payload[0]}, which "
                                       "an attribute is, its memory is damaged")
            new.put(index, versions[i].tag, value[0] if versions[i].payload[2] & BOXED else value, &versions[i])
        pin(closure)
        return READY

    cdef Snapshot fetch(self):
        """All state from the coordinator: for who is overtaken by publications again and again."""
        cdef Snapshot new = empty_snapshot(self.cells)
        cdef uint64_t position = self.session.send(GET, RESPOND | NO_ARGUMENTS, self.id, b"", None, NULL, 0)
        cdef Py_ssize_t used = 0
        cdef uint32_t i
        cdef bytes data
        values = self.session.await_response(position, None)
        for i in range(self.cells):
            if values[i] is not None:
                data = values[i]
                new.values[i] = decode(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &used)
        return new

    cdef int forget_snapshot(self) except -1:
        """Gives the decoded state away: its holder may change it."""
        self.snapshot = empty_snapshot(self.cells)
        self.locals = [None] * type(self)._share_numbers_
        self.own = None
        self.reader.retire()
        return 0

    cdef object hand_out(self, Local local, object result):
        """What a caller may have of a local method's result, while the run is under way: nothing that aliases the
        decoded state."""
        if result is local.instance:
            return self
        if result is None or is_value(result) or isinstance(result, Shared):
            return result
        if type(result) is MethodType and result.__self__ is local.instance:
            method = own_descriptor(self, result.__name__)
            if method is not None and getattr(method, "function", None) is result.__func__:
                return method.__get__(self, type(self))
        found = place_in(local.instance, result) if self.opaque else None
        if found is None:
            try:
                return self.handed(local, result, {})
            except Unknown:
                found = place_in(local.instance, result)
        if found is not None:
            return self.child(local.tables, found[0], found[1], result)
        if type(result) in VIEWS:
            # A view says of what in no other way.
            for viewed in gc.get_referents(result):
                if local.tables.id_of(viewed):
                    return getattr(part(self.session, local.tables, viewed), VIEWS[type(result)])()
                if isinstance(viewed, dict):
                    return getattr(self.hand_out(local, viewed), VIEWS[type(result)])()
        if type(result) is BuiltinFunctionType and local.tables.id_of(result.__self__):
            return getattr(part(self.session, local.tables, result.__self__), result.__name__)
        if type(result) in GIVES_LATER:
            return self.later_of(local, result)
        try:
            return copy.deepcopy(result, Parts(local.instance, self, local.tables))
        except Exception:
            pass
        # Iterators, views, functions bound to the snapshot: they get the replica, we make a new one.
        self.forget_snapshot()
        return result

    cdef object later_of(self, Local local, result):
        """What gives something when it is run, as a generator does, gets the replica, and we make a new one."""
        cdef Handing handing = Handing.__new__(Handing)
        from ._local_generators import local_one

        handing.proxy, handing.local = self, new_local(local.instance, 0)
        handing.local.tables = local.tables
        self.forget_snapshot()
        return local_one(result, handing)

    cdef object handed(self, Local local, object value, dict memo):
        """What a caller may have of a value, or of a fresh container. Raises Unknown if it is something else."""
        cls = type(value)
        if cls is int or cls is str or cls is float or value is None or is_value(value) or isinstance(value, Shared):
            return value
        if value is local.instance:
            return self
        if local.tables.id_of(value):
            return part(self.session, local.tables, value)
        made = memo.get(id(value))
        if made is not None:
            return made
        if cls is list:
            memo[id(value)] = made = []
            for item in value:
                (<list>made).append(self.handed(local, item, memo))
            return value if same_items(value, made) else made
        if cls is dict:
            memo[id(value)] = made = {}
            for key, item in (<dict>value).items():
                (<dict>made)[self.handed(local, key, memo)] = self.handed(local, item, memo)
            return value if same_items(value, made) and same_items(value.values(), made.values()) else made
        if cls is tuple or cls is set or cls is frozenset or cls is deque:
            items = list(value)
            made = [self.handed(local, item, memo) for item in items]
            return value if same_items(items, made) else cls(made, value.maxlen) if cls is deque else cls(made)
        if cls is FunctionType:
            return self.function_of(local, value, memo)
        if cls is METHOD:
            return self.method_of(local, value, memo)
        if cls is PARTIAL:
            made = PARTIAL(self.handed(local, value.func, memo), *self.handed(local, value.args, memo),
                           **self.handed(local, value.keywords, memo))
            made.__dict__.update(value.__dict__)
            return made
        if cls is OrderedDict or cls is defaultdict or cls is Counter:
            for key, item in value.items():
                if self.handed(local, key, memo) is not key or self.handed(local, item, memo) is not item:
                    raise Unknown
            return value
        raise Unknown

    cdef object method_of(self, Local local, method, dict memo):
        """A method of what a run has met, as one of its proxy."""
        owner = self.handed(local, method.__self__, memo)
        if owner is method.__self__:
            return method
        found = own_descriptor(owner, method.__name__) if isinstance(owner, Proxy) else None
        if found is None or getattr(found, "function", None) is not method.__func__:
            raise Unknown
        return found.__get__(owner, type(owner))

    cdef object function_of(self, Local local, function, dict memo):
        """A function that a run has made: the same one, with proxies in its closure."""
        cells = [CellType() for _ in function.__closure__]
        memo[id(function)] = made = FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__, tuple(cells))
        made.__kwdefaults__, made.__qualname__ = function.__kwdefaults__, function.__qualname__
        made.__dict__.update(function.__dict__)
        for cell, old in zip(cells, function.__closure__):
            try:
                content = old.cell_contents
            except ValueError:
                continue                # not yet assigned
            cell.cell_contents = self.handed(local, content, memo)
        return made

    cdef int take_back(self, object args, Local local) except -1:
        """A local run was given this: parts of the state that it has stored there become proxies."""
        for value in args:
            cls = type(value)
            if cls is int or cls is str or cls is float or value is None or isinstance(value, Shared) \
                    or is_value(value):
                continue
            if value is local.instance or local.tables.id_of(value):
                continue            # a proxy was given, and this for it
            try:
                if cls is list:
                    items = self.handed(local, list(value), {})
                    if not same_items(value, items):
                        (<list>value)[:] = items
                    continue
                if cls is dict:
                    items = self.handed(local, dict(value), {})
                    if not same_items(value, items) or not same_items(value.values(), items.values()):
                        (<dict>value).clear()
                        (<dict>value).update(items)
                    continue
                if cls is set or cls is deque or cls is tuple or cls is frozenset or cls is bytearray:
                    if cls is bytearray or self.handed(local, value, {}) is value:
                        continue
            except Unknown:
                pass
            self.forget_snapshot()
            return 0
        return 0

    cdef int let_out(self, object error, Local local) except -1:
        """What a local method raised goes to its caller: with the decoded state, if it holds a part of that."""
        for _ in range(8):              # ``raise error from error`` is a chain without an end
            if error is None:
                return 0
            if any([arg is local.instance or local.tables.id_of(arg) for arg in error.args]):
                error.args = tuple([
                    self if arg is local.instance else part(self.session, local.tables, arg) for arg in error.args
                ])
            if error.__dict__ or not is_value(error.args):
                break
            error = error.__cause__ or error.__context__
        self.forget_snapshot()
        return 0

    def __reduce__(self):
        return reference, (self.session.name, self.id, self.flags_at, self.slots_at, self.shape_at, self.cells)

    def __reduce_ex__(self, protocol):
        return Proxy.__reduce__(self)

    def __copy__(self):
        return plain(self)

    def __deepcopy__(self, memo):
        cdef Local local
        asking = factory_of_asdict()
        if asking is not None:
            return asking[0](plain(self), asking[1])
        local = self.take_local(NULL, -1, 0)                # what classes say of deep copies holds
        local.begin(self)
        try:
            if are_harmless(local.cells or []) and is_harmless(type(self)._share_class_):
                return copy.deepcopy(local.instance, memo)
        finally:
            local.end()
        return copy.deepcopy(plain(self), memo)         # what they write must not stay there

    def __dir__(self):
        return sorted({*dir(type(self)._share_class_), *type(self)._share_index_})

    def __repr__(self):
        return f"<shared {type(self)._share_class_.__qualname__} object, id {self.id} on {self.session.name}>"

    def __getattribute__(self, str name):
        # Not __getattr__: for that, Python-level subclasses would look names up the slow way.
        try:
            return PyObject_GenericGetAttr(self, name)
        except AttributeError:
            if name.startswith("__") or name.startswith("_share_"):
                raise
        # Neither an attribute with a cell nor a method: extras, then the class.
        return self.attribute(name)

    def __setattr__(self, str name, value):
        descriptor = own_descriptor(self, name)
        if hasattr(type(descriptor), "__set__"):
            type(descriptor).__set__(descriptor, self, value)
        else:
            set_attribute(self, name, value, 0)

    def __delattr__(self, str name):
        descriptor = own_descriptor(self, name)
        if hasattr(type(descriptor), "__delete__"):
            type(descriptor).__delete__(descriptor, self)
        else:
            delete_attribute(self, name, 0)


@cython.binding(False)
cdef class Handing:
    """Makes what a caller may have of what something gives that a local run has left behind."""

    cdef Proxy proxy
    cdef Local local

    def __call__(self, value):
        return self.proxy.hand_out(self.local, value)

    def let_out(self, error):
        """The same of what it raises."""
        self.proxy.let_out(error, self.local)


cdef object own_descriptor(Proxy proxy, str name):
    """What the proxy's class has under that name, itself: getattr would give the user's class's own property or slot,
    which would run here, on the proxy, instead of in the coordinator."""
    cdef PyObject* found = _PyType_Lookup(Py_TYPE(proxy), name)
    return None if found == NULL else <object>found


cdef object class_attribute(Proxy proxy, str name):
    cls = type(proxy)._share_class_
    # What only its metaclass has is none of an instance's.
    found = getattr(cls, name, MISSING) if _PyType_Lookup(<PyTypeObject*>cls, name) != NULL else MISSING
    if found is not MISSING:
        if hasattr(type(found), "__get__") and not isinstance(found, type):
            raw = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
            if isinstance(raw, (GetSetDescriptorType, MemberDescriptorType)) and proxy.opaque:
                # An attribute of an object made in C: it is reached in the coordinator the same way.
                state = proxy.current()
                tables = proxy.reader.tables
                return proxy.child(tables, ATTRIBUTE, name, getattr(state, name))
            if not isinstance(raw, (staticmethod, classmethod)):
                return getattr(proxy.whole(), name)
        return found
    if hasattr(type(proxy), "_share_getattr_"):
        return proxy._share_getattr_(name)
    raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=proxy)


cdef bint same_items(first, second):
    for a, b in zip(first, second):
        if a is not b:
            return False
    return True


cdef tuple place_in(state, result):
    """Where something that a method has returned is in an object that is encoded whole: (kind, key); None: nowhere."""
    if has_dict(type(state)):
        for name, value in state.__dict__.items():
            if value is result:
                return ATTRIBUTE, name
    if isinstance(state, tuple):
        for i, value in enumerate(tuple.__iter__(state)):
            if value is result:
                return ITEM, i
    return None


cdef object part(Session session, Tables tables, value):
    """What a caller may have of an object of the replica, or of a value that holds some."""
    cdef uint64_t id
    cdef uint32_t home = 0
    cls = type(value)
    if cls is int or cls is str or cls is float:
        return carrying(value)
    id = tables.id_of(value)
    if id:                          # looked up before anything else runs: another thread may move the replica then
        home, id = tables.home_of(id), tables.first_id(id)
    if cls is not dict and cls is not list and cls is not set:
        if is_value(value):
            return carrying(value)
        if isinstance(value, Shared):
            return value
    if cls is Unreadable:
        raise value._share_error
    if id:
        if is_nested(value):
            return node_factory(session, id, home, cls)
        if is_array(value):
            return node_array(session, id, home, value)
    elif cls is tuple or cls is frozenset:
        return cls([part(session, tables, item) for item in value])
    elif isinstance(value, tuple):
        return tuple.__new__(cls, [part(session, tables, item) for item in value])
    if cls is weakref.ref:
        target = value()
        if target is not None and tables.id_of(target) and is_nested(target):
            return Reference(part(session, tables, target))
    return sealed(plain_copy(session, value))


cdef object node_array(Session session, uint64_t id, uint64_t home, value):
    return arrays().array_of_node(session, id, home, value)


cdef object plain_copy(Session session, value, reduce=None):
    """A copy that shares nothing with `value`; other shared objects in it stay references."""
    cdef Encoder encoder = session.borrow()
    cdef Py_ssize_t used = 0
    encoder.reduce = reduce
    try:
        encoder.encode(value, "result")
        return decode(encoder.data, encoder.size, &used)
    finally:
        session.give_back(encoder)


cdef int apply_operation(Proxy proxy, str name, operation, uint32_t index) except -1:
    cdef Session session = proxy.session
    cdef uint64_t* raised = proxy.flags + index
    cdef Encoder encoder = session.borrow()
    try:
        encoder.encode(("", ATTRIBUTE, name), "path")
        encoder.encode(operation[1], f"operand for attribute {name}")
        wait = session.must_wait()
        position = session.send(APPLY, RESPOND if wait else 0, proxy.id, operation[0].encode(), encoder, &raised, 1)
    finally:
        session.give_back(encoder)
    if wait:
        session.await_response(position, None)
    return 0


cdef bint is_value_of(Proxy proxy, uint32_t index, str name, value) except -1:
    """Whether a nested proxy is what an attribute holds already (``shared.x.items += [1]``)."""
    return is_augmented_store() and (index == 0 or proxy.values[index] is value)


cdef int set_attribute(Proxy proxy, str name, value, uint32_t index) except -1:
    cdef Session session = proxy.session
    cdef Encoder encoder
    cdef uint64_t* raised = proxy.flags + index
    cdef uint64_t position
    cls = type(proxy)
    operation = take_operation(value)
    if operation is not None:
        return apply_operation(proxy, name, operation, 0 if cls._share_plan_.custom_setattr else index)
    if isinstance(value, Proxy) and (<Proxy>value).is_nested and is_value_of(proxy, index, name, value):
        return 0            # shared.x.items += [1]: the list has done it itself
    if is_array_at(value, proxy, (ATTRIBUTE, name)):
        return 0
    in_c = index == 0 and not cls._share_plan_.custom_setattr and not has_dict(cls._share_class_)
    if in_c and not (proxy.opaque and hasattr(type(getattr(cls._share_class_, name, None)), "__set__")):
        raise AttributeError(f"{cls._share_class_.__name__!r} object has no attribute {name!r}")
    if cls._share_plan_.custom_setattr:
        raised = proxy.flags
    encoder = session.borrow()
    try:
        encoder.encode(value, f"attribute {name}")
        # C code may refuse the value, and so may a __setattr__.
        wait = in_c or session.must_wait() or cls._share_plan_.custom_setattr and not session.assignments_queue
        position = session.send(SET, RESPOND if wait else 0, proxy.id, name.encode(), encoder, &raised, 1)
    finally:
        session.give_back(encoder)
    if wait:
        session.await_response(position, None)
    return 0


cdef int delete_attribute(Proxy proxy, str name, uint32_t index) except -1:
    cdef uint64_t* raised = proxy.flags + index
    cdef uint64_t position
    cdef bint wait = proxy.session.must_wait() or not proxy.session.assignments_queue   # it may not be there
    if type(proxy)._share_plan_.custom_setattr:
        raised = proxy.flags
    position = proxy.session.send(DELETE, RESPOND if wait else 0, proxy.id, name.encode(), None, &raised, 1)
    if wait:
        proxy.session.await_response(position, None)
    return 0


cdef bint has_dict(cls):
    return getattr(cls, "__dictoffset__", 0) != 0


cdef object FUNCTION = FunctionType, METHOD = MethodType, BUILTIN = BuiltinFunctionType, PARTIAL = partial


cdef inline bint is_callback(value) noexcept:
    cls = type(value)
    return cls is FUNCTION or cls is METHOD or cls is BUILTIN or cls is PARTIAL


cdef int encode_arguments(Encoder encoder, tuple args, dict kwargs) except -1:
    """What a call carries after its head; gives the flag that says whether there are keywords."""
    for value in args:
        if is_callback(value):
            check_callback(value)
    encoder.encode(args, "argument")
    if not kwargs:
        return 0
    for value in kwargs.values():
        if is_callback(value):
            check_callback(value)
    encoder.encode(kwargs, "argument")
    return KEYWORDS


def check_callback(value):
    """Raises NotShareableError if a function would change a copy of something in the coordinator."""
    from ._callbacks import check

    check(value)


cdef object plain_operand(value):
    """What an operand is in the replica: shared containers and parts, also those that it holds."""
    cls = type(value)
    if isinstance(value, Proxy):
        return (<Proxy>value).current() if (<Proxy>value).opaque or (<Proxy>value).is_nested else value
    if cls is list or cls is tuple or cls is set or cls is frozenset or cls is dict or cls is deque:
        return plain_items(value, {})
    return value


cdef object plain_items(value, dict memo):
    cdef list items, made
    cls = type(value)
    if id(value) in memo:
        return memo[id(value)]
    memo[id(value)] = value             # one that holds itself stays as it is
    items = [*value.keys(), *value.values()] if cls is dict else list(value)
    made = [
        plain_items(item, memo) if type(item) in (list, tuple, set, frozenset, dict, deque) else plain_operand(item)
        for item in items
    ]
    if not same_items(items, made):
        try:
            if cls is dict:
                value = dict(zip(made, made[len(made) // 2:]))
            else:
                value = cls(made)
        except TypeError:
            pass                        # what cannot be hashed is in no set that is shared
    memo[id(value)] = value
    return value


cdef object execute(Proxy proxy, str name, tuple args, dict kwargs, bint wait):
    """Has a method of an object of one cell run by the coordinator; its result if waited for."""
    cdef Session session = proxy.session
    cdef Encoder encoder
    cdef uint64_t* raised = proxy.flags
    cdef uint64_t position
    cdef int flags
    if session.must_wait():
        wait = True
    if proxy.is_nested:
        position = proxy.send_at(CALL, name.encode(), args, kwargs, wait)
    else:
        flags = RESPOND if wait else 0
        encoder = session.borrow()
        try:
            flags |= encode_arguments(encoder, args, kwargs)
            position = session.send(CALL, flags, proxy.id, name.encode(), encoder, &raised, 1)
        finally:
            session.give_back(encoder)
    return session.await_response(position, None) if wait else None


make_internal(<PyTypeObject*>Handing)
make_internal(<PyTypeObject*>Local)
make_internal(<PyTypeObject*>Snapshot)
make_internal(<PyTypeObject*>Waiting)

cdef Maker maker = maker_of(<PyTypeObject*>Proxy)
cdef bint making = False            # a proxy, by us: Python code must not get an empty one


cdef Proxy empty_proxy(Maker base, cls):
    """An instance of a generated class, whose own `__new__` is for users; `base` is that of its base class."""
    global making
    making = True
    return base(<PyTypeObject*>cls, (), NULL)


cdef Proxy new_proxy(object cls, Session session, uint64_t id, uint64_t flags_at, uint64_t slots_at,
                     uint64_t shape_at, uint32_t cells):
    cdef Proxy proxy = empty_proxy(maker, cls)
    cdef uint32_t i, places = cells
    proxy.session = session
    proxy.commit = session.control.commit
    proxy.wide = session.control.wide
    proxy.id = id
    proxy.flags = <uint64_t*>session.control.at(flags_at, <uint64_t>cells * 8)
    proxy.slots = <Slot*>session.control.at(slots_at, <uint64_t>cells * SLOT_SIZE)
    proxy.cells = cells
    proxy.opaque = cls._share_plan_.kind == "opaque"
    proxy.lazy = cls._share_lazy_
    proxy.flags_at, proxy.slots_at, proxy.shape_at = flags_at, slots_at, shape_at
    proxy.reader = reader_of(session)
    proxy.node_tag = EMPTY
    proxy.tags = <uint64_t*>malloc(places * 8)
    if proxy.tags == NULL:
        raise MemoryError
    for i in range(places):
        proxy.tags[i] = EMPTY
    proxy.values = [None] * places
    proxy.snapshot = empty_snapshot(cells)
    proxy.locals = [None] * cls._share_numbers_
    return proxy


def plain(value):
    """A plain, private copy of a shared object: an instance of the user's class that nothing else refers to.

    Anything that is not a shared object is returned as it is.
    """
    if not isinstance(value, Proxy):
        return value.copy() if type(value).__name__ == "SharedArray" else value
    return take_snapshot(value)


def run(Proxy proxy not None, str name, tuple args, dict kwargs=None, bint wait=False):
    """Has a method of an object of one cell, or of a nested one, run by the coordinator; see ``execute``."""
    return execute(proxy, name, args, kwargs, wait)


def session_of(Proxy proxy not None):
    """The session of a proxy."""
    return proxy.session


def attribute_names(Proxy proxy not None):
    """The names of the attributes that an object has itself at present, in no certain order."""
    return list(proxy.current().__dict__)


def identity(Proxy proxy not None):
    """(share name, object id) of a proxy."""
    return proxy.session.name, proxy.id
