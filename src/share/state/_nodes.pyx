"""The table of nodes: which objects are part of the state, by what id, and in which cell they are at home."""

from cpython.object cimport PyObject, PyTypeObject, freefunc
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from share.state cimport _nodes

cdef extern from *:
    """
    #define share_place_here(object) share_place(share_registry_here, object)
    """
    size_t place_of "share_place_here"(PyObject*) noexcept

cdef extern from "state/_nodes.h":
    void free_collected "share_free_collected"(void*) noexcept
    void free_plain "share_free_plain"(void*) noexcept

cdef extern from "Python.h":
    void PyObject_GC_Del(void*) noexcept
    void PyObject_Free(void*) noexcept
    void Py_SET_TYPE(PyObject*, PyTypeObject*) noexcept

cdef enum:
    KEEP = 1 << 18              # longer buffers are not kept for the next command

cdef Registry the_registry
memset(&the_registry, 0, sizeof(Registry))
the_registry.next_id = 1
_nodes.here = &the_registry


cdef Registry* registry() noexcept:
    return &the_registry


# ---- the table -------------------------------------------------------------------------------------------


cdef int resize(int bits) except -1:
    cdef Registry* r = &the_registry
    cdef Node* old = r.table
    cdef size_t i, place, count = r.mask + 1 if old != NULL else 0
    cdef Node* fresh = <Node*>calloc(<size_t>1 << bits, sizeof(Node))
    if fresh == NULL:
        raise MemoryError("no memory for the table of nodes")
    r.table = fresh
    r.mask = (<size_t>1 << bits) - 1
    r.shift = 64 - bits
    for i in range(count):
        if old[i].object != NULL:
            place = place_of(old[i].object)
            while fresh[place].object != NULL:
                place = (place + 1) & r.mask
            fresh[place] = old[i]
    free(old)
    return 0

resize(10)


cdef int add_node(PyObject* object, Cell* cell, uint64_t bits) except -1:
    cdef Registry* r = &the_registry
    cdef size_t place
    cdef PyObject** nodes
    if r.used * 3 >= (r.mask + 1) * 2:
        resize(64 - r.shift + 1)
    if cell.count == cell.room:
        nodes = <PyObject**>realloc(cell.nodes, (2 * <size_t>cell.room + 4) * sizeof(PyObject*))
        if nodes == NULL:
            raise MemoryError("no memory for the nodes of a cell")
        cell.nodes = nodes
        cell.room = 2 * cell.room + 4
    note_object(r.next_id, object)
    place = place_of(object)
    while r.table[place].object != NULL:
        place = (place + 1) & r.mask
    r.table[place].object = object
    r.table[place].id = r.next_id | bits
    r.table[place].cell = cell.number
    r.table[place].at = cell.count
    cell.nodes[cell.count] = object
    cell.count += 1
    r.next_id += 1
    r.used += 1
    return 0


cdef int note_birth(PyObject* object) except -1:
    cdef Registry* r = &the_registry
    cdef PyObject** born
    if r.born_count == r.born_room:
        born = <PyObject**>realloc(r.born, (2 * r.born_room + 256) * sizeof(PyObject*))
        if born == NULL:
            raise MemoryError("no memory for the nodes of a command")
        r.born = born
        r.born_room = 2 * r.born_room + 256
    Py_INCREF(<object>object)
    r.born[r.born_count] = object
    r.born_count += 1
    return 0


# ---- cells -----------------------------------------------------------------------------------------------

cdef list free_numbers = []
new_cells = []


cdef Cell* new_cell() except NULL:
    cdef Registry* r = &the_registry
    cdef Cell** cells
    cdef Cell* cell = <Cell*>calloc(1, sizeof(Cell))
    if cell == NULL:
        raise MemoryError("no memory for a cell")
    if free_numbers:
        cell.number = free_numbers.pop()
    else:
        if r.cell_count == r.cell_room:
            cells = <Cell**>realloc(r.cells, (2 * <size_t>r.cell_room + 16) * sizeof(Cell*))
            if cells == NULL:
                free(cell)
                raise MemoryError("no memory for the table of cells")
            r.cells = cells
            cells = <Cell**>realloc(r.dirty, (2 * <size_t>r.cell_room + 16) * sizeof(Cell*))
            if cells == NULL:
                free(cell)
                raise MemoryError("no memory for the table of cells")
            r.dirty = cells
            r.cell_room = 2 * r.cell_room + 16
        cell.number = r.cell_count
        r.cell_count += 1
    r.cells[cell.number] = cell
    new_cells.append(cell.number)
    return cell


cdef int drop_cell(Cell* cell) except -1:
    """Its number is used again, so whoever knows it must have been told first. It has no nodes."""
    cdef uint32_t i
    for i in range(the_registry.dirty_count):
        if the_registry.dirty[i] == cell:
            the_registry.dirty_count -= 1
            the_registry.dirty[i] = the_registry.dirty[the_registry.dirty_count]
            break
    the_registry.cells[cell.number] = NULL
    free_numbers.append(cell.number)
    release(&cell.births)
    release(&cell.fills)
    release(&cell.records)
    free(cell.nodes)
    Py_XDECREF(cell.name)
    free(cell)
    return 0


cdef void clean(Cell* cell) noexcept:
    cell.is_dirty = False
    cell.births.size = cell.fills.size = cell.records.size = 0
    if cell.births.room + cell.fills.room + cell.records.room > KEEP:
        release(&cell.births)
        release(&cell.fills)
        release(&cell.records)


cdef int forget_numbers() except -1:
    the_registry.cell_count = 0
    the_registry.dirty_count = 0
    free_numbers.clear()
    new_cells.clear()
    return 0


# ---- types -----------------------------------------------------------------------------------------------


cdef void turn(PyObject* object, int kind) noexcept:
    cdef PyTypeObject* cls = the_registry.recording[kind]
    Py_INCREF(<object><PyObject*>cls)
    Py_SET_TYPE(object, cls)


cdef void turn_back(PyObject* object, int kind) noexcept:
    Py_SET_TYPE(object, the_registry.plain[kind])
    Py_DECREF(<object><PyObject*>the_registry.recording[kind])


cdef bint hook_free(PyTypeObject* cls) noexcept:
    if <void*>cls.tp_free == <void*>PyObject_GC_Del:
        cls.tp_free = <freefunc>free_collected
    elif <void*>cls.tp_free == <void*>PyObject_Free:
        cls.tp_free = <freefunc>free_plain
    return <void*>cls.tp_free == <void*>free_collected or <void*>cls.tp_free == <void*>free_plain
