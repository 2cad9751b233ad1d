"""What goes into a journal: what a commit does to slots, and all slots as they are; and the way back."""

cimport cython

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from .._atomic cimport copy_to_shared, load_rlx, store_rel, store_rlx
from .._control cimport Control
from .._heap cimport Heap, capacity_for
from .._layout cimport ABSENT, BLOCK, BLOCK_HEADER, CELL_PAGES, CELL_PAGE_COUNT, DELETED, H_NEXT_ID, INLINE, \
    INLINE_BYTES, LAYOUT_VERSION, MAX_SEGMENTS, NODES, SEGMENTS, SEGMENT_HEAP, SEGMENT_SLOTS, SLOT_SIZE, Slot, \
    Version, locator
from .._slots cimport slot_assign, slot_find, slot_publish, slot_read
from ._mirrors cimport Mirror
from ._node_cells cimport NodeCell
from ._publications cimport Publication
from ._store cimport Store

from ..engine._images import added, DIRECTORY, dropped, whole
from ..errors import CorruptDataError

cdef enum:
    FIRST_SLOT = 64             # of a slots segment (see Cells)
    SINCE = 8                   # bytes at the beginning of a log
    LEAST_BLOCK = 512           # of a log
    SMALLEST = 4096             # bytes of a segment


# -- what is there ------------------------------------------------------------------------------------

cdef uint64_t number_of(Control control, const Slot* slot) except 0:
    """By what number the journal knows a slot: its locator."""
    cdef uint64_t index
    cdef const char* at = <const char*>slot
    if slot == control.directory:
        return DIRECTORY
    for index in range(load_rlx(control.word(SEGMENTS))):
        if control.bases[index] != NULL and control.bases[index] <= at < control.bases[index] + control.sizes[index]:
            return locator(index, at - control.bases[index])
    raise CorruptDataError("a slot is in no segment")


cdef bytes block_bytes(Control control, uint64_t where, uint64_t start, uint64_t end):
    return (control.at(where, end + BLOCK_HEADER) + BLOCK_HEADER)[start:end]


cdef bytes entry_of(Control control, Slot* slot, uint64_t owner, uint32_t kind, uint32_t length,
                    const uint64_t* payload):
    cdef bytes block = b"", log = b""
    if kind == BLOCK:
        block = block_bytes(control, payload[0], 0, payload[1])
        return whole(owner, load_rlx(&slot.purpose), kind, length, (0, len(block), 0, 0, 0), block, b"")
    elif kind == NODES:
        block = block_bytes(control, payload[0], 0, payload[1])
        if payload[3]:
            log = block_bytes(control, payload[3], 0, SINCE + length)
    return whole(owner, load_rlx(&slot.purpose), kind, length,
                 (payload[0], payload[1], payload[2], payload[3], payload[4]), block, log)


def collected(Store store not None):
    """{number of a slot: entries} of what the commit in preparation will publish."""
    cdef Control control = store.control
    cdef Publication publication
    cdef NodeCell cell
    cdef Mirror mirror
    cdef Version* version
    cdef uint64_t tag = 0
    cdef uint32_t i
    cdef int current
    cdef dict found = {}
    for publication in store.to.pending:
        if publication.slot == control.errors:
            continue                # of commands of processes that will not be there
        number = number_of(control, publication.slot)
        current = slot_find(publication.slot, control.committed(), &tag)
        if publication.kind == NODES and not publication.new_base and current >= 0 and \
                publication.slot.version[current].kind == NODES:
            version = &publication.slot.version[current]
            entry = added(block_bytes(control, publication.payload[3], 0, SINCE),
                          block_bytes(control, publication.payload[3], SINCE + version.length,
                                      SINCE + publication.length))
        else:
            entry = entry_of(control, publication.slot, publication.owner, publication.kind, publication.length,
                             publication.payload)
        found[number] = found[number] + entry if number in found else entry
    for cell in store.cells.going:
        found[number_of(control, cell.slot)] = dropped()
    for mirror in store.doomed:
        for i in range(mirror.cells):
            found[mirror.slots_at + i * SLOT_SIZE] = dropped()
    return found


def all_slots(Store store not None):
    """{number of a slot: entry} of all that is committed."""
    cdef Control control = store.control
    cdef uint64_t index, offset
    cdef dict found = {}
    add_slot(control, control.directory, DIRECTORY, found)
    for index, (kind, size) in enumerate(control.segments()):
        if kind == SEGMENT_SLOTS:
            for offset in range(FIRST_SLOT, size - SLOT_SIZE + 1, SLOT_SIZE):
                add_slot(control, <Slot*>control.at(locator(index, offset), SLOT_SIZE), locator(index, offset), found)
    return found


cdef int add_slot(Control control, Slot* slot, number, dict found) except -1:
    cdef Version version
    cdef uint64_t owner = 0
    if slot_read(slot, control.committed(), &version, &owner) and version.kind != DELETED and \
            (owner or slot == control.directory):
        found[number] = entry_of(control, slot, owner, version.kind, version.length, version.payload)
    return 0


def memory_of(Store store not None):
    """(layout version, whether objects refer to each other, the pages of cells, the segments)."""
    cdef Control control = store.control
    cdef uint64_t page
    refers = bool(load_rlx(control.references) & 1) or store.linked
    pages = [load_rlx(control.word(CELL_PAGES + 8 * page)) for page in range(<uint64_t>CELL_PAGE_COUNT)]
    return LAYOUT_VERSION, refers, pages, control.segments()


def layout_version():
    """Of this library."""
    return LAYOUT_VERSION


def next_id_of(Store store not None):
    """The id after the last one given out."""
    return store.state.next_id


# -- the way back -------------------------------------------------------------------------------------

@cython.binding(False)
cdef class Room:
    """Where blocks go: into segments in the places of those that there were."""

    cdef uint64_t index
    cdef uint64_t size              # of the segment that there was
    cdef uint64_t used
    cdef list blocks                # (image, whether it is the log, its capacity)


def put_back(Control control not None, dict images not None, bint refers, list pages not None, list segments not None,
             uint64_t next_id):
    """Puts the images of slots into a share that has nothing yet, as if they were committed.

    It may be interrupted at any point, and done again from the beginning.
    """
    cdef uint64_t position = control.committed(), index, number, page
    cdef Slot* slot
    cdef Heap heap = Heap(control)
    cdef Room room
    cdef Version version
    if len(segments) > MAX_SEGMENTS or len(pages) != CELL_PAGE_COUNT:
        raise CorruptDataError("what the journal says of the share's memory is damaged")
    store_rel(control.word(SEGMENTS), 0)
    memset(&version, 0, sizeof(version))
    slot_assign(control.errors, 0)
    slot_publish(control.errors, 0, position, ABSENT, 0, version.payload)
    rooms, rest = rooms_for(images, segments)
    by_index = {(<Room>each).index: each for each in rooms}
    while segments and segments[len(segments) - 1][0] == SEGMENT_HEAP and not \
            (<Room>by_index[len(segments) - 1]).blocks:
        segments = segments[:len(segments) - 1]     # nothing is in there any more
    places = {}
    for index, (kind, size) in enumerate(segments):
        room = by_index.get(index)
        if room is None:
            control.add_segment(kind, size)
            continue
        control.add_segment(kind, size if room.blocks else SMALLEST)
        offset = FIRST_SLOT
        for image, is_log, capacity in room.blocks:
            places[(id(image), is_log)] = put_block(control, heap, index, offset, image.log if is_log else image.block,
                                                    capacity)
            offset += capacity
    for image, is_log, capacity in rest:
        places[(id(image), is_log)] = put_block_anywhere(control, heap, image.log if is_log else image.block, capacity)
    for number, image in images.items():
        slot = control.directory if number == DIRECTORY else <Slot*>control.at(number, SLOT_SIZE)
        memset(&version, 0, sizeof(version))
        version.kind, version.length = image.kind, image.length
        for i in range(5):
            version.payload[i] = image.payload[i]
        if image.kind == BLOCK or image.kind == NODES:
            version.payload[0], version.payload[2] = places[(id(image), False)]
            version.payload[1] = len(image.block)
        if image.kind == BLOCK:
            version.payload[3] = version.payload[4] = 0     # without ranges
        if image.kind == NODES:
            version.payload[3], version.payload[4] = places.get((id(image), True), (0, 0))
            if len(image.log) != (SINCE + image.length if image.log else image.length):
                raise CorruptDataError(f"what the journal says of slot {number:#x} is damaged")
        elif image.kind == INLINE and image.length > INLINE_BYTES:
            raise CorruptDataError(f"what the journal says of slot {number:#x} is damaged")
        slot_assign(slot, image.owner)
        store_rlx(&slot.purpose, image.purpose)
        slot_publish(slot, 0, position, version.kind, version.length, version.payload)
    for page in range(<uint64_t>CELL_PAGE_COUNT):
        store_rel(control.word(CELL_PAGES + 8 * page), pages[page])
    store_rlx(control.word(H_NEXT_ID), next_id)
    if refers:
        control.note_references()


cdef tuple rooms_for(dict images, list segments):
    """(the rooms with the blocks that are to lie there, the blocks for which there is no room), the largest first."""
    cdef Room room
    cdef list blocks = [], rooms = [], rest = []
    cdef uint64_t capacity
    for image in images.values():
        if image.kind == BLOCK or image.kind == NODES:
            blocks.append((image, False, capacity_for(len(image.block))))
        if image.log:
            blocks.append((image, True, capacity_for(max(2 * <uint64_t>len(image.log), <uint64_t>LEAST_BLOCK))))
    for index, (kind, size) in enumerate(segments):
        if kind == SEGMENT_HEAP:
            room = Room()
            room.index, room.size, room.used, room.blocks = index, size, FIRST_SLOT, []
            rooms.append(room)
    by_size = sorted(rooms, key=size_of, reverse=True)
    blocks.sort(key=capacity_of, reverse=True)
    for block in blocks:
        capacity = block[2]
        for room in by_size:
            if room.used + capacity <= room.size:
                room.used += capacity
                room.blocks.append(block)
                break
        else:
            rest.append(block)
    return rooms, rest


def size_of(Room room not None):
    return room.size


def capacity_of(block):
    return block[2]


cdef tuple put_block(Control control, Heap heap, uint64_t index, uint64_t offset, data, uint64_t capacity):
    cdef uint64_t generation = 0
    cdef uint64_t where = heap.carve(index, offset, capacity, &generation)
    fill(control, where, bytes(data))
    return where, generation


cdef tuple put_block_anywhere(Control control, Heap heap, data, uint64_t capacity):
    cdef uint64_t generation = 0
    cdef uint64_t where = heap.allocate(capacity - BLOCK_HEADER, &generation)
    fill(control, where, bytes(data))
    return where, generation


cdef int fill(Control control, uint64_t where, bytes data) except -1:
    copy_to_shared(control.at(where, len(data) + BLOCK_HEADER) + BLOCK_HEADER, <const char*>data, len(data))
    return 0
