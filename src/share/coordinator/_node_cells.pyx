"""The cells of nodes: where each is published, and how: as a base and a log of changes."""

cimport cython

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .._atomic cimport copy_to_shared, load_rlx, store_rel, store_rlx, TESTPOINT
from .._control cimport Control
from .._heap cimport Cells
from .._layout cimport BLOCK_HEADER, CELL_PAGE_COUNT, CELL_PAGES, DELETED, FIRST_CELL_PAGE, NODES, page_of_cell, \
    PURPOSE_INDEX, Slot, SLOT_SIZE, Version
from .._slots cimport slot_assign, slot_find, slot_read
from ..state._state cimport digest_of, State
from ._publications cimport Publication, Publications

from ..errors import CorruptDataError, SegmentError

cdef enum:
    SINCE = 8                   # bytes at the beginning of a log
    LEAST_BLOCK = 512           # of a log


@cython.binding(False)
cdef class NodeCell:
    """One cell, as it is or will be published."""


@cython.binding(False)
cdef class NodeCells:
    """All cells of the state, by number."""

    def __cinit__(self, Control control not None, Cells slots not None, Publications to not None):
        self.control = control
        self.slots = slots
        self.to = to
        self.by_number, self.of_mirror, self.fresh, self.going, self.damaged = {}, {}, [], [], {}

    cdef int begin(self, uint64_t number, uint64_t mirror, uint32_t index, uint64_t purpose,
                   uint64_t owner) except -1:
        """A cell that is new: whose it is, and its slot."""
        cdef NodeCell cell = NodeCell()
        cell.slot = self.slot_of(number)
        cell.owner, cell.mirror, cell.index = owner, mirror, index
        self.by_number[number] = cell
        self.fresh.append(number)
        self.of_mirror.setdefault(mirror, {}).setdefault(index, set()).add(number)
        slot_assign(cell.slot, owner)
        store_rlx(&cell.slot.purpose, purpose)
        return 0

    cdef set cells_of(self, uint64_t mirror, indices):
        """The cells at home in some attributes of an object; None: in any."""
        cdef dict found = self.of_mirror.get(mirror)
        if found is None:
            return set()
        return set().union(*(found.values() if indices is None else [found.get(i, ()) for i in indices]))

    cdef Slot* slot_of(self, uint64_t number) except NULL:
        """Where a cell is published; there is a page of slots for it afterwards."""
        cdef uint64_t place = 0
        cdef uint64_t page = page_of_cell(number, &place)
        cdef uint64_t* word = self.control.word(CELL_PAGES + 8 * page)
        cdef Slot* slot = self.control.cell_slot(number)
        if slot == NULL:
            if page >= CELL_PAGE_COUNT:
                raise MemoryError("there are too many cells")
            where = self.slots.allocate(<uint64_t>FIRST_CELL_PAGE << page)
            # release: pairs with the acquire in cell_slot; what a slot's memory was before says EMPTY or 0
            clear_page(self.control, where, <uint64_t>FIRST_CELL_PAGE << page)
            store_rel(word, where)
            TESTPOINT("store.made_page")
            slot = self.control.cell_slot(number)
        return slot

    # -- publishing -----------------------------------------------------------------------------------

    cdef int prepare(self, State state, uint64_t number, bytes data, bint anew) except -1:
        """Publishes what has changed in a cell."""
        cdef NodeCell cell = self.by_number[number]
        cdef uint64_t tag = 0, length, capacity = 0, generation = 0, start
        cdef int current = slot_find(cell.slot, self.control.committed(), &tag) if cell.published else -1
        cdef Version* version
        cdef Publication result
        cdef char* block
        cdef bytes piece
        if current < 0:
            self.put_base(cell, data)
        else:
            version = &cell.slot.version[current]
            start = SINCE + version.length
            length = start + PyBytes_GET_SIZE(data)
            if anew or length > LEAST_LOG and length > version.payload[1] // 2:
                self.put_new_base(cell, state.base(number), data)
            else:
                if version.payload[3]:
                    block = self.control.at(version.payload[3], BLOCK_HEADER)
                    capacity = load_rlx(<uint64_t*>(block + 8)) - BLOCK_HEADER
                result = self.to.put(cell.slot, cell.owner, NODES)
                result.length = length - SINCE
                memcpy(result.payload, version.payload, sizeof(result.payload))
                if length > capacity:
                    result.payload[3] = 0
                    where = self.to.heap.allocate(max(2 * length, <uint64_t>LEAST_BLOCK), &generation)
                    result.payload[3], result.payload[4], result.new_log = where, generation, True
                    if version.payload[3]:
                        block = self.control.at(version.payload[3], start + BLOCK_HEADER)
                        piece = (block + BLOCK_HEADER)[:start]
                    else:
                        piece = (<const char*>&cell.changed)[:SINCE]
                    piece += data
                    start = 0
                else:
                    # Words are written whole: the bytes before the first new one as what they are.
                    block = self.control.at(version.payload[3], length + BLOCK_HEADER) + BLOCK_HEADER
                    piece = (block + start // 8 * 8)[:start % 8] + data
                    start -= start % 8
                # Behind what any version has: no reader looks there before C is stored.
                block = self.control.at(result.payload[3], length + BLOCK_HEADER) + BLOCK_HEADER
                copy_to_shared(block + start, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
        cell.changed = state.commits
        cell.digest = None
        return 0

    cdef int put_base(self, NodeCell cell, bytes base) except -1:
        cdef uint64_t generation = 0
        cdef uint64_t where = self.to.new_block(PyBytes_AS_STRING(base), PyBytes_GET_SIZE(base), &generation)
        cdef Publication result = self.to.put(cell.slot, cell.owner, NODES)
        result.payload[0], result.payload[1], result.payload[2] = where, PyBytes_GET_SIZE(base), generation
        result.new_base = True
        return 0

    cdef int put_new_base(self, NodeCell cell, bytes base, bytes data) except -1:
        """The log begins with what has just changed: who has the commit before needs no more than that."""
        cdef uint64_t generation = 0, where
        cdef bytes log
        cdef char* block
        cdef Publication result
        self.put_base(cell, base)
        if data:
            log = (<const char*>&cell.changed)[:SINCE] + data
            result = self.to.pending[len(self.to.pending) - 1]
            where = self.to.heap.allocate(max(2 * <uint64_t>len(log), <uint64_t>LEAST_BLOCK), &generation)
            result.payload[3], result.payload[4], result.new_log = where, generation, True
            result.length = PyBytes_GET_SIZE(data)
            block = self.control.at(where, SINCE + result.length + BLOCK_HEADER) + BLOCK_HEADER
            copy_to_shared(block, PyBytes_AS_STRING(log), PyBytes_GET_SIZE(log))
        return 0

    cdef int prepare_unsure(self, State state, uint64_t number, bytes whole, bytes data) except -1:
        """Publishes a cell anew in which something may have changed past recording. 1 if it is certain that it has.

        whole: its base as it is now; data: what has been recorded, of which no part is enough.
        """
        cdef NodeCell cell = self.by_number[number]
        cdef bytes digest = digest_of(content_of(whole))
        if not data and digest == cell.digest:
            return 0
        certain = data is not None or cell.digest is not None
        self.put_base(cell, whole)
        cell.changed = state.commits
        cell.digest = digest
        return certain

    cdef int retire(self, uint64_t number) except -1:
        """The state has given back a cell."""
        cdef NodeCell cell = self.by_number.pop(number, None)
        if cell is None:
            return 0
        self.damaged.pop(number, None)
        self.of_mirror.get(cell.mirror, {}).get(cell.index, set()).discard(number)
        if cell.published:
            self.going.append(cell)
        else:
            slot_assign(cell.slot, 0)
        return 0

    cdef int publish(self, uint64_t position) except -1:
        cdef NodeCell cell
        cdef uint64_t[5] nothing
        cdef uint64_t committed = self.control.committed()
        nothing[0] = nothing[1] = nothing[2] = nothing[3] = nothing[4] = 0
        for number in self.fresh:
            cell = self.by_number.get(number)
            if cell is not None:
                cell.published = True
        self.fresh.clear()
        for cell in self.going:
            self.to.store(cell.slot, committed, position, DELETED, 0, nothing)
        return 0

    cdef int settle(self) except -1:
        """After the commit: nobody reads what it has deleted."""
        cdef NodeCell cell
        for cell in self.going:
            self.to.clear_slot(cell.slot)
            slot_assign(cell.slot, 0)
            TESTPOINT("store.retired")
        self.going.clear()
        return 0

    cdef int abandon(self) except -1:
        """The cells that were new are not needed."""
        for number in self.fresh:
            self.retire(number)
        self.fresh.clear()
        return 0

    cdef int forget_mirror(self, uint64_t mirror) except -1:
        """An object has gone; its cells live as long as there are nodes in them."""
        self.of_mirror.pop(mirror, None)
        return 0

    # -- loading --------------------------------------------------------------------------------------

    cdef tuple load(self):
        """Finds all committed cells: (their bases, their changes since), by number."""
        cdef NodeCell cell
        cdef Slot* slot
        cdef Version version
        cdef uint64_t page, number = 0, place, where, owner = 0
        self.by_number, self.of_mirror, self.fresh, self.going, self.damaged = {}, {}, [], [], {}
        for page in range(<uint64_t>CELL_PAGE_COUNT):
            where = load_rlx(self.control.word(CELL_PAGES + 8 * page))
            for place in range(<uint64_t>FIRST_CELL_PAGE << page if where else 0):
                slot = <Slot*>self.control.at(where + place * SLOT_SIZE, SLOT_SIZE)
                if slot_read(slot, self.control.committed(), &version, &owner) and version.kind == NODES:
                    cell = NodeCell()
                    cell.slot, cell.owner, cell.published = slot, owner, True
                    self.by_number[number + place] = cell
            number += <uint64_t>FIRST_CELL_PAGE << page
        return self.committed(self.by_number.keys())

    cdef tuple committed(self, numbers):
        """({number: base}, {number: changes since}) of some cells, as they are committed."""
        cdef NodeCell cell
        cdef Version version
        cdef uint64_t owner = 0
        cdef dict bases = {}, changes = {}
        for number in numbers:
            cell = self.by_number[number]
            if slot_read(cell.slot, self.control.committed(), &version, &owner) and version.kind == NODES:
                try:
                    base = self.bytes_at(version.payload[0], 0, version.payload[1])
                    if version.length:
                        changes[number] = self.bytes_at(version.payload[3], SINCE, SINCE + version.length)
                    bases[number] = base
                except (CorruptDataError, SegmentError) as error:
                    self.damaged[number] = error
        return bases, changes

    cdef bytes bytes_at(self, uint64_t where, uint64_t start, uint64_t end):
        if end < start or end > <uint64_t>1 << 40:
            raise CorruptDataError(f"a block of {end} bytes")
        return (self.control.at(where, end + BLOCK_HEADER) + BLOCK_HEADER)[start:end]

    def loaded(self, positions, dict homes):
        """All cells have been loaded: the last change of each, and whose flags guard it, by their locator."""
        cdef NodeCell cell
        cdef uint64_t purpose
        for number, cell in self.by_number.items():
            if number in self.damaged:
                continue
            cell.changed = positions(number)
            purpose = load_rlx(&cell.slot.purpose)
            cell.mirror = homes.get(purpose & ((<uint64_t>1 << PURPOSE_INDEX) - 1), 0)
            cell.index = purpose >> PURPOSE_INDEX
            if cell.mirror:
                self.of_mirror.setdefault(cell.mirror, {}).setdefault(cell.index, set()).add(number)

    cdef set places(self):
        """Locators of the slots that are in use."""
        cdef uint64_t page, place = 0
        found = set()
        for number in self.by_number:
            page = page_of_cell(number, &place)
            found.add(load_rlx(self.control.word(CELL_PAGES + 8 * page)) + place * SLOT_SIZE)
        return found

    cdef list pages(self):
        """[(locator, number of slots)]."""
        cdef uint64_t page
        return [(load_rlx(self.control.word(CELL_PAGES + 8 * page)), FIRST_CELL_PAGE << page)
                for page in range(<uint64_t>CELL_PAGE_COUNT) if load_rlx(self.control.word(CELL_PAGES + 8 * page))]


cdef int clear_page(Control control, uint64_t where, uint64_t count) except -1:
    cdef uint64_t i
    cdef Slot* slots = <Slot*>control.at(where, count * SLOT_SIZE)
    for i in range(count):
        slot_assign(&slots[i], 0)
    return 0


cdef bytes content_of(bytes base):
    """What a base says, without the number of the commit at its beginning."""
    cdef Py_ssize_t at = 1
    while base[at] & 128:
        at += 1
    return base[at + 1:]
