"""Commands, responses and references: what both ends of the rings agree on."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ._atomic cimport copy_from_shared, load_rlx, TESTPOINT
from ._control cimport Control
from ._layout cimport BLOCK, BLOCK_HEADER, INLINE, INLINE_BYTES, LARGE_BLOCK, REF, Version
from ._ringbuf cimport CELL, COMMITTED, FREE, mpsc_body, mpsc_peek
from ._segment cimport Segment
from ._slots cimport block_unchanged
from .cerial._codec cimport Encoder, decode

from ._segment import unlink
from .errors import CorruptDataError, ShareClosedError, ShareError, ShareMemoryError

cdef extern from *:
    """
    #include <errno.h>
    #include <sys/uio.h>
    #include <unistd.h>

    /* Copies memory that may be taken away meanwhile: a touched page is then made anew, and without memory for it a
     * load would be a SIGBUS. The kernel says so: False. */
    static int sh_copy_by_kernel(char *to, const char *from, uint64_t n)
    {
        for (uint64_t done = 0; done < n;) {
            struct iovec here = {to + done, n - done}, there = {(char *)from + done, n - done};
            ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
            if (got == 0 || (got < 0 && errno == EFAULT)) return 0;
            if (got < 0) {  /* a sandbox does not allow it */
                sh_copy_from_shared(to, from, n);
                return 1;
            }
            done += (uint64_t)got;
        }
        return 1;
    }
    """
    bint sh_copy_by_kernel(char* to, const char* source, uint64_t n) noexcept nogil


#: name of a share -> callable(id, flags, slots, shape, cells) that gives the object: a proxy, or, in the share's
#: own coordinator, the mirror.
resolvers = {}

#: name of a share -> callable(node id, cell) that gives a part of an object: a proxy, or, in the share's own
#: coordinator, the live node.
node_resolvers = {}

#: With a journal, the name that references in the state have -> the name of the share that has this state now.
now_called = {}

#: Called with the name of a share that this process does not have yet; must put it into both of them.
attach_unknown = None


cdef object resolver_in(dict table, str name):
    resolver = table.get(name)
    if resolver is None:
        if attach_unknown is None:
            raise ShareError(f"a reference to share {name} arrived before share was imported completely")
        attach_unknown(name)
        resolver = table.get(name)
        if resolver is None:        # another thread is closing it
            raise ShareClosedError(f"share {name} has been closed")
    return resolver


#: thread -> {(name, id): instance} while it loads copies of whole objects: what stands for these objects there.
stand_ins = {}


def reference(str name, id, flags, slots, shape, cells):
    """What a pickled reference to a shared object becomes when it is loaded."""
    if now_called:
        name = now_called.get(name, name)
    if stand_ins:
        found = stand_ins.get(PyThread_get_thread_ident())
        if found is not None and (name, id) in found:
            return found[name, id]
    return resolver_in(resolvers, name)(id, flags, slots, shape, cells)


def node_reference(str name, id, cell):
    """What a pickled reference to a part of a shared object becomes when it is loaded."""
    if now_called:
        name = now_called.get(name, name)
    return resolver_in(node_resolvers, name)(id, cell)


#: Makes what stands for a generator that runs in the coordinator; set by the client side.
make_generator = None


def generator(key, live, str kind):
    """What a generator, or a context manager made of one, that a method returned becomes where it arrives."""
    return make_generator(key, live, kind)


class Filled:
    """What a method has returned that has changed some of its arguments: these, by number or name, as they are now."""

    __slots__ = ("value", "arguments")

    def __init__(self, value, arguments):
        self.value, self.arguments = value, arguments

    def __reduce__(self):
        return Filled, (self.value, self.arguments)


class Finished:
    """What a method has returned that is to be awaited, and has been run to its end in the coordinator."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return Finished, (self.value,)


being_made = None           # the object whose state is being loaded


def itself():
    """What a reference to the object itself, in the state that it is assigned with, becomes when that is loaded."""
    if being_made is None:
        raise ShareError("a reference to an object itself arrived without the object")
    return being_made


class ItselfReducer:
    """An Encoder's ``reduce``: where an object is met in its own state, that is a reference to it."""

    def __init__(self, instance, reduce):
        self.instance, self.reduce, self.met = instance, reduce, False

    def __call__(self, value):
        if value is self.instance:
            self.met = True
            return itself, ()
        return NotImplemented if self.reduce is None else self.reduce(value)


def start_making(cls):
    """A new instance, without attributes: what its state refers to as the object itself, until :func:`end_making`."""
    global being_made
    being_made = object.__new__(cls)
    return being_made


def end_making():
    """The state of an object has been loaded."""
    global being_made
    being_made = None


cdef bint copy_part(char* to, const char* block, uint64_t start, uint64_t length) noexcept nogil:
    if load_rlx(<const uint64_t*>(block + 8)) >= LARGE_BLOCK:
        return sh_copy_by_kernel(to, block + BLOCK_HEADER + start, length)
    copy_from_shared(to, block + BLOCK_HEADER + start, length)
    return True


cdef char* copy_of_block(Control control, uint64_t where, uint64_t start, uint64_t length,
                         uint64_t generation) except? NULL:
    """Bytes of a block, to be freed by the caller; NULL: the block has been reused."""
    cdef char* block
    cdef char* copy
    cdef bint copied = True
    if length > (<uint64_t>1 << 40):
        raise CorruptDataError(f"a block of {length} bytes")
    block = control.at(where, start + length + BLOCK_HEADER)
    copy = <char*>malloc(length + 8)
    if copy == NULL:
        raise MemoryError
    with nogil:
        TESTPOINT("block.found")
        copied = copy_part(copy, block, start, length)
    if not copied or not block_unchanged(block, generation):
        free(copy)
        return NULL
    return copy


cdef object version_value(Control control, const Version* version, bint* torn):
    cdef Py_ssize_t used = 0
    cdef char* copy
    torn[0] = False
    if version.kind == INLINE:
        if version.length > INLINE_BYTES:
            raise CorruptDataError(f"an inline value of {version.length} bytes in a slot")
        value = decode(<const char*>version.payload, version.length, &used)
        if used != <Py_ssize_t>version.length:
            raise CorruptDataError(f"an inline value of {used} bytes where a slot says {version.length}")
        return value
    if version.kind == BLOCK:
        copy = copy_of_block(control, version.payload[0], 0, version.payload[1], version.payload[2])
        if copy == NULL:
            torn[0] = True
            return None
        try:
            value = decode(copy, version.payload[1], &used)
        finally:
            free(copy)
        if used != <Py_ssize_t>version.payload[1]:
            raise CorruptDataError(f"a value of {used} bytes where its slot says {version.payload[1]}")
        return value
    if version.kind == REF:
        if version.payload[4] > MOST_CELLS:
            raise CorruptDataError(f"a reference to an object of {version.payload[4]} cells")
        return reference(control.name, version.payload[0], version.payload[1], version.payload[2],
                         version.payload[3], version.payload[4])
    raise CorruptDataError(f"a slot holds a value of unknown kind {version.kind}")


def encode(value, str where, reduce=None) -> bytes:
    """Encodes one value; ``where`` begins the path in a NotShareableError, ``reduce`` is the encoder's hook."""
    cdef Encoder encoder = Encoder()
    encoder.reduce = reduce
    encoder.encode(value, where)
    return encoder.data[:encoder.size]


def decode_bytes(bytes data):
    """The value that ``encode`` has encoded."""
    cdef Py_ssize_t used = 0
    return decode(PyBytes_AS_STRING(data), len(data), &used)


def error_from(data, text) -> BaseException:
    """An exception that has travelled: encoded, and as text for where it cannot be loaded."""
    try:
        error = decode_bytes(data)
        if isinstance(error, BaseException):
            return error
    except Exception:
        pass                # its class is not here, or cannot be made here
    return ShareError(text.strip().rpartition("\n")[2])


# What the slot of errors holds: ([record, ...], {serial of a process: (its records, how many more, position of the
# last)}). A record is (position, serial of the sender, command, error, text), the error encoded. Where there was no
# memory for that, it is (position of the last, serial of the sender), the sender being None if there are several.


def failed_records(published) -> list:
    """The last records of failed commands, of whatever process: (position, serial, command, error, traceback)."""
    checked(published)
    return loaded(published[0]) if isinstance(published[0], list) else no_room(published)


def owed_records(published, serial):
    """What a process has still to hear: (records as above, how many failures have none, position of the last)."""
    checked(published)
    if not isinstance(published[0], list):
        return (no_room(published), 0, published[0]) if published[1] in (serial, None) else ([], 0, 0)
    records, more, last = published[1].get(serial, ((), 0, 0))
    return loaded(records), more, last


def loaded(records) -> list:
    return [(*record[:3], error_from(*record[3:]), record[4]) for record in records]


def checked(published):
    if not isinstance(published, tuple) or len(published) != 2 or not isinstance(published[0], (int, list)):
        raise CorruptDataError(f"a {type(published).__name__} where the errors of commands should be")
    return published


def no_room(published) -> list:
    """Stands for the records for which there was no memory."""
    position, sender = published
    error = ShareMemoryError(
        "queued commands have failed, and there is no room for their errors (they are in the log): /dev/shm is full or "
        "too small; free some, or enlarge it (docker: --shm-size)")
    return [(position, sender, "?", error, "")]


# A payload that is too large for a ring lies in an arena (see _arena.pyx), and one that is too large for that, or finds
# no room there and cannot wait, in a segment of its own, its *spill*.
#
# That of a command belongs to this one command, which names it. Whoever sends it makes it before the claim, and unlinks
# it if the command is not accepted. From the commit on only drop_spills unlinks it, when C has passed the command,
# whether it was executed, failed or skipped, by this coordinator or a later one (models/ring.pml, -DSPILL). What a
# process that was killed has made and not sent goes with its entry.


cdef str arguments_name(str share, uint64_t serial):
    """The name of a process's arena for arguments."""
    return f"{share}_c{serial:x}"


cdef str answers_name(str share, uint64_t serial):
    """The name of the coordinator's arena for answers to a process."""
    return f"{share}_l{serial:x}"


cdef str spill_name(Control control, uint64_t entry, uint64_t number):
    """The name of a command's spill. The sender's entry is nobody else's until C has passed all that it has sent."""
    return f"{control.name}_s{control.process_info(entry)[1]:x}_{number:x}"


cdef int drop_spills(Control control, uint64_t start, uint64_t end) except -1:
    """Unlinks the spills of the commands in [start, end), all of them before C. Can be done again."""
    cdef uint32_t n = 0, owner = 0
    cdef Command command
    cdef uint64_t[2] spill
    cdef int state, count = 0
    cdef char* body
    while start < end:
        n = 0
        state = mpsc_peek(&control.ring, start, &n, &owner)
        if n == 0 and state != FREE:
            raise CorruptDataError(f"the command ring is damaged at position {start}")
        if state == FREE:
            return count        # the cells were already being freed, so every spill is gone
        if state == COMMITTED:
            body = mpsc_body(&control.ring, start)
            memcpy(&command, body, COMMAND_HEADER)
            if command.flags & SPILLED and COMMAND_HEADER + command.name_length + sizeof(spill) <= n * CELL:
                memcpy(spill, body + COMMAND_HEADER + command.name_length, sizeof(spill))
                unlink(spill_name(control, owner, spill[0]))
                count += 1
                TESTPOINT("coordinator.unlinked_spill")
        start += n
    return count


def write_spill(str name, bytes payload) -> None:
    """Puts a payload that is too large for a ring into a segment of its own."""
    cdef Segment segment
    try:
        segment = Segment.create(name, len(payload))
    except FileExistsError:         # of a coordinator that died before it committed
        unlink(name)
        segment = Segment.create(name, len(payload))
    memcpy(segment.base, PyBytes_AS_STRING(payload), len(payload))


def read_spill(str name, uint64_t length) -> bytes:
    """The payload of a spill segment; the caller unlinks it when nobody needs it any more."""
    cdef Segment segment = Segment.attach(name, length)
    return PyBytes_FromStringAndSize(segment.base, length)
