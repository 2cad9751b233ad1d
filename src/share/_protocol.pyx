"""Commands, responses and references: what both ends of the rings agree on."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ._atomic cimport copy_from_shared, TESTPOINT
from ._control cimport Control
from ._layout cimport BLOCK, BLOCK_HEADER, INLINE, INLINE_BYTES, REF, Version
from ._segment cimport Segment
from ._slots cimport block_unchanged
from .cerial._codec cimport Encoder, decode

from ._segment import unlink
from .errors import CorruptDataError, ShareError

#: name of a share -> callable(id, flags, slots, shape, cells) that gives the object: a proxy, or, in the share's
#: own coordinator, the mirror.
resolvers = {}

#: Called with the name of a share that this process does not have yet; must put it into ``resolvers``.
attach_unknown = None


def reference(str name, id, flags, slots, shape, cells):
    """What a pickled reference to a shared object becomes when it is loaded."""
    resolver = resolvers.get(name)
    if resolver is None:
        if attach_unknown is None:
            raise ShareError(f"a reference to share {name} arrived before share was imported completely")
        attach_unknown(name)
        resolver = resolvers[name]
    return resolver(id, flags, slots, shape, cells)


cdef object version_value(Control control, const Version* version, bint* torn):
    cdef Py_ssize_t used = 0
    cdef char* block
    cdef char* copy
    torn[0] = False
    if version.kind == INLINE:
        if version.length > INLINE_BYTES:
            raise CorruptDataError(f"an inline value of {version.length} bytes in a slot")
        return decode(<const char*>version.payload, version.length, &used)
    if version.kind == BLOCK:
        if version.payload[1] > (<uint64_t>1 << 40):
            raise CorruptDataError(f"a block of {version.payload[1]} bytes")
        block = control.at(version.payload[0], version.payload[1] + BLOCK_HEADER)
        copy = <char*>malloc(version.payload[1] + 8)
        if copy == NULL:
            raise MemoryError
        try:
            with nogil:
                TESTPOINT("block.found")
                copy_from_shared(copy, block + BLOCK_HEADER, version.payload[1])
            if not block_unchanged(block, version.payload[2]):
                torn[0] = True
                return None
            return decode(copy, version.payload[1], &used)
        finally:
            free(copy)
    if version.kind == REF:
        return reference(control.name, version.payload[0], version.payload[1], version.payload[2],
                         version.payload[3], version.payload[4])
    raise CorruptDataError(f"a slot holds a value of unknown kind {version.kind}")


def encode(value, str where, reduce=None) -> bytes:
    """Encodes one value; ``where`` begins the path in a NotShareableError, ``reduce`` is the encoder's hook."""
    cdef Encoder encoder = Encoder()
    encoder.reduce = reduce
    encoder.encode(value, where)
    return encoder.data[:encoder.size]


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
