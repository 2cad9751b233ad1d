"""Take-over: brings a share that a dead coordinator has left to the state that C stands for.

Everything here may itself be interrupted by a death at any point and done again from the beginning by the next
successor: no step needs what an earlier one has left half done.
"""

import logging
import re

from libc.stdint cimport uint64_t

from .._atomic cimport fence_rel, load_acq, load_rlx, store_rlx, TESTPOINT
from .._control cimport Control
from .._layout cimport BLOCK, BLOCK_HEADER, EMPTY, INLINE, INLINE_BYTES, MAX_PROCESSES, P_RESPONSE, P_SERIAL, P_WORD, \
    PURPOSE_SHAPE, RUNNING_SINCE, SEGMENT_SLOTS, Slot, SLOT_SIZE, Version, locator, locator_offset, locator_segment
from .._protocol cimport drop_spills, RESPONSE_BYTES
from .._ringbuf cimport SPSC, mpsc_free, spsc_bind, spsc_bytes, spsc_cut
from .._segment cimport Segment
from .._slots cimport slot_assign, slot_drop_uncommitted, slot_read
from ._mirrors cimport Mirror, Root, Shape
from ._publications cimport blocks_of
from ._store cimport Store

from .._names import segments_of
from .._segment import unlink
from ..errors import CorruptDataError, SegmentError

log = logging.getLogger("share.coordinator")

cdef enum:
    FIRST_SLOT = 64             # of a slots segment (see Cells)


def recover(Control control not None, Store store not None):
    """Drops what was published and not committed, finishes what was committed and not finished, loads all state.

    Afterwards the share is as if the command before C had just been committed: replay begins at C.
    """
    cdef uint64_t c = control.committed()
    if c - load_acq(control.ring.head) > control.cells or load_acq(control.ring.tail) - c > control.cells:
        raise CorruptDataError(f"the positions of the command ring are damaged: C is {c}")
    drop_uncommitted(control, c)
    cut_responses(control, c)
    free_committed(control, c)
    load_shapes(control, store, c)
    store.load()
    TESTPOINT("takeover.loaded")
    rebuild_allocators(control, store, c)
    store_rlx(control.word(RUNNING_SINCE), 0)
    # Our predecessor may have stored C, or freed cells, without waking anybody.
    control.wake_everybody()
    TESTPOINT("takeover.woken")


cdef list slot_segments(Control control):
    return [(index, size) for index, (kind, size) in enumerate(control.segments()) if kind == SEGMENT_SLOTS]


cdef int drop_uncommitted(Control control, uint64_t c) except -1:
    """No version with a tag > C may be left: the replay gives the same positions to other values."""
    cdef uint64_t index, size, offset
    cdef char* base
    slot_drop_uncommitted(control.directory, c)
    slot_drop_uncommitted(control.errors, c)
    TESTPOINT("takeover.dropped_directory")
    for index, size in slot_segments(control):
        base = control.at(locator(index, 0), size)
        for offset in range(FIRST_SLOT, size - SLOT_SIZE + 1, SLOT_SIZE):
            slot_drop_uncommitted(<Slot*>(base + offset), c)
        TESTPOINT("takeover.dropped")
    return 0


cdef int cut_responses(Control control, uint64_t c) except -1:
    """Takes back every answer to a command that is not committed: it will run again, and may answer differently."""
    cdef uint64_t entry
    cdef Segment segment
    cdef SPSC ring
    for entry in range(<uint64_t>MAX_PROCESSES):
        # acquire: pairs with the client's release once its ring is ready
        if load_acq(control.process(entry, P_WORD)) == 0 or \
                load_acq(control.process(entry, P_RESPONSE)) != RESPONSE_BYTES:
            continue
        try:
            serial = load_rlx(control.process(entry, P_SERIAL))
            segment = Segment.attach(f"{control.name}_r{serial:x}", spsc_bytes(RESPONSE_BYTES))
        except SegmentError:
            continue            # its process has gone and its leftovers have been removed
        spsc_bind(&ring, segment.base, RESPONSE_BYTES)
        spsc_cut(&ring, c)
        TESTPOINT("takeover.cut")
    for name in segments_of(f"{control.name}_a"):
        position = name.rpartition("_")[2]
        if not re.fullmatch("[0-9a-f]+", position) or int(position, 16) > c:
            unlink(name)
    return 0


cdef int free_committed(Control control, uint64_t c) except -1:
    """Frees the cells in [head, C) again: first the spills of their commands, then the cells."""
    cdef uint64_t head = load_acq(control.ring.head)
    if drop_spills(control, head, c):
        TESTPOINT("takeover.unlinked_spill")
    if head < c:
        mpsc_free(&control.ring, head, c)
    TESTPOINT("takeover.freed")
    return 0


cdef int load_shapes(Control control, Store store, uint64_t c) except -1:
    """Clients know a shape by its slot for ever, so every committed one is kept, used or not."""
    cdef uint64_t index, size, offset, owner = 0
    cdef Version version
    cdef Slot* slot
    cdef Shape shape
    for index, size in slot_segments(control):
        for offset in range(FIRST_SLOT, size - SLOT_SIZE + 1, SLOT_SIZE):
            slot = <Slot*>control.at(locator(index, offset), SLOT_SIZE)
            if load_rlx(&slot.purpose) != PURPOSE_SHAPE or not slot_read(slot, c, &version, &owner):
                continue
            encoded = version_bytes(control, &version)
            shape = store.shape_or_stand_in(encoded)
            shape.at = locator(index, offset)
            store.shapes[encoded] = shape
    return 0


cdef bytes version_bytes(Control control, const Version* version):
    """The encoded value of a version; nobody writes meanwhile."""
    if version.kind == INLINE and version.length <= INLINE_BYTES:
        return (<const char*>version.payload)[:version.length]
    if version.kind != BLOCK or version.payload[1] > <uint64_t>1 << 40:
        raise CorruptDataError(f"a shape's slot holds a version of kind {version.kind}")
    return (control.at(version.payload[0], version.payload[1] + BLOCK_HEADER) + BLOCK_HEADER)[:version.payload[1]]


cdef int rebuild_allocators(Control control, Store store, uint64_t c) except -1:
    """What roots, mirrors and shapes use is used; all the rest of flags, slots and blocks is free."""
    cdef Root root
    cdef Mirror mirror
    cdef Shape shape
    cdef uint64_t where, end, length, offset
    cdef Slot* slot
    cdef int v
    cdef set blocks = set()
    flags, slots = [], []
    for root in store.roots.values():
        flags.append((root.flag_at, 8))
        slots.append((root.slot_at, SLOT_SIZE))
    for mirror in store.mirrors.values():
        flags.append((mirror.flags_at, mirror.cells * 8))
        slots.append((mirror.slots_at, mirror.cells * SLOT_SIZE))
    for shape in store.shapes.values():
        slots.append((shape.at, SLOT_SIZE))
    used = {cell_at for cell_at in store.cells.places()}
    for where, length in store.cells.pages():
        slots.append((where, length * SLOT_SIZE))
        for offset in range(0, length * SLOT_SIZE, SLOT_SIZE):
            if where + offset not in used:
                # Of a cell that has gone, or that was not committed: nobody refers to it.
                slot_assign(<Slot*>control.at(where + offset, SLOT_SIZE), 0)
    flags.sort()
    slots.sort()
    reserve(control, control.directory, blocks)
    reserve(control, control.errors, blocks)
    for where, length in slots:
        for offset in range(0, length, SLOT_SIZE):
            reserve(control, <Slot*>control.at(where + offset, SLOT_SIZE), blocks)
    store.flags.rebuild(flags)
    for where, end in store.slots.rebuild(slots):
        offset = locator_offset(where)
        while offset + SLOT_SIZE <= end:
            slot = <Slot*>control.at(locator(locator_segment(where), offset), SLOT_SIZE)
            for v in range(2):
                store_rlx(&slot.version[v].tag, EMPTY)
            # release fence: pairs with the acquire fence in slot_read, as in slot_assign
            fence_rel()
            store_rlx(&slot.owner, 0)
            store_rlx(&slot.purpose, 0)
            offset += SLOT_SIZE
    TESTPOINT("takeover.cells")
    # Only now: no slot refers to the blocks that become free.
    store.to.heap.rebuild(blocks)
    return 0


cdef int reserve(Control control, const Slot* slot, set blocks) except -1:
    # Both versions: a slow reader may still be copying the older one.
    cdef int v
    for v in range(2):
        if load_rlx(&slot.version[v].tag) != EMPTY:
            blocks.update(blocks_of(&slot.version[v]))
    return 0
