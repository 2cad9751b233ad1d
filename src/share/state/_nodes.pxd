# The table of nodes: which objects are part of the state, by what id, and in which cell they are at home.
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "state/_nodes.h":
    uint64_t FRESH "SHARE_FRESH"
    uint64_t TOP "SHARE_TOP"
    uint64_t COMPARED "SHARE_COMPARED"
    uint64_t HOST "SHARE_HOST"
    uint64_t ID "SHARE_ID"

    ctypedef struct Node "share_node":
        PyObject* object
        uint64_t id
        uint32_t cell
        uint32_t at

    ctypedef struct Bytes "share_bytes":
        char* data
        size_t size
        size_t room

    ctypedef struct Cell "share_cell":
        uint32_t number
        bint is_dirty
        Bytes births
        Bytes fills
        Bytes records
        size_t open
        PyObject** nodes
        uint32_t count
        uint32_t room
        uint64_t owner
        PyObject* name

    ctypedef struct Inverse "share_inverse":
        int op
        Py_ssize_t at
        PyObject* node
        PyObject* first
        PyObject* second

    ctypedef struct Registry "share_registry":
        Node* table
        size_t mask
        size_t used
        int shift
        uint64_t next_id
        Cell** cells
        uint32_t cell_count
        uint32_t cell_room
        Cell** dirty
        uint32_t dirty_count
        Inverse* inverses
        size_t inverse_count
        size_t inverse_room
        PyObject** born
        size_t born_count
        size_t born_room
        uint64_t* freed
        size_t freed_count
        size_t freed_room
        uint64_t serial
        PyTypeObject** plain
        PyTypeObject** recording

    # Each module that uses any of these sets it first: `here = registry()`.
    Registry* here "share_registry_here"

    Node* find "share_find"(const void* object) noexcept
    Cell* home "share_home"(const void* object, uint64_t* id) noexcept

    PyObject* object_of "share_object_of"(uint64_t id) noexcept
    int note_object "share_note_object"(uint64_t id, PyObject* object) except -1
    uint64_t remove_node "share_remove"(PyObject*) noexcept
    void forget "share_forget"(PyObject*) noexcept

    int grow "share_grow"(Bytes*, size_t) except -1
    int reserve "share_reserve"(Bytes*, size_t) except -1
    void number "share_number"(Bytes*, uint64_t) noexcept
    int append "share_append"(Bytes*, const char*, size_t) except -1
    uint64_t zigzag "share_zigzag"(int64_t) noexcept
    void release "share_release"(Bytes*) noexcept

    void touch "share_touch"(Cell*) noexcept
    int begin "share_begin"(Cell*, int op, uint64_t id) except -1
    int rotate "share_rotate"(Bytes*, size_t start, size_t end) except -1
    void withdraw "share_withdraw"(Bytes*, size_t start, size_t end) noexcept
    int inverse "share_inverse_of"(int op, PyObject* node, Py_ssize_t at, PyObject* first, PyObject* second) except -1
    bint is_noted "share_is_noted"(int op, PyObject* node, Py_ssize_t at, PyObject* first) noexcept
    int inverse_again "share_inverse_again"(int op, PyObject* node) except -1

# The kinds of nodes. In bytes one with CLASSED is followed by the number of a class, and ARRAY by its typecode.
cdef enum:
    LIST = 1
    DICT = 2
    SET = 3
    DEQUE = 4
    ORDERED = 5
    DEFAULT = 6
    COUNTER = 7
    BYTEARRAY = 8
    INSTANCE = 9
    OPAQUE = 10
    ARRAY = 11
    KINDS = 12
    CLASSED = 64

cdef Registry* registry() noexcept
cdef Cell* new_cell() except NULL
# Numbers of the cells that were made in the command under way.
cdef list new_cells
cdef int drop_cell(Cell* cell) except -1
# Whatever is written into a cell in this command is forgotten.
cdef void clean(Cell* cell) noexcept
cdef int forget_numbers() except -1
# Makes an object a node, with a new id, at home in this cell. It must not be one.
cdef int add_node(PyObject* object, Cell* cell, uint64_t bits) except -1
# Remembers a node that was born in the command under way.
cdef int note_birth(PyObject* object) except -1
# An exact built-in object becomes one of the recording type of the same layout, and back.
cdef void turn(PyObject* object, int kind) noexcept
cdef void turn_back(PyObject* object, int kind) noexcept
# Has instances of a class tell when they are gone; False: they free their memory in a way of their own.
cdef bint hook_free(PyTypeObject* cls) noexcept
