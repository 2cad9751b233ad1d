/* What all recording types share: the table of nodes, the cells that changes are written into, what undoes them.
 *
 * There is one registry in a process. Each compiled module keeps a pointer to it (`share_registry_here`), so that
 * a look-up is a few instructions wherever it is made. All of it is under the GIL. */
#ifndef SHARE_NODES_H
#define SHARE_NODES_H
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bits beside the id of a node. */
#define SHARE_FRESH (1ull << 63)        /* born in the command under way: its content is written at the end, no change before */
#define SHARE_TOP (1ull << 62)          /* a top-level object: each of its attributes has a cell of its own */
#define SHARE_COMPARED (1ull << 61)     /* not every change can be seen, so none is recorded; it is compared */
#define SHARE_HOST (1ull << 60)         /* a top-level object, too: wherever else it is stored, that is a reference to that */
#define SHARE_ID (SHARE_HOST - 1)

enum { SHARE_KINDS = 16 };

typedef struct {
    PyObject *object;                   /* borrowed: an object takes itself out when it is freed */
    uint64_t id;                        /* and the bits above */
    uint32_t cell;                      /* its home */
    uint32_t at;                        /* its place among its home's nodes */
} share_node;

typedef struct {
    char *data;
    size_t size, room;
} share_bytes;

typedef struct {
    uint32_t number;
    int is_dirty;                       /* something was written in this command */
    share_bytes births, fills, records;    /* of the command under way, in the order in which they are published */
    size_t open;                        /* where the latest record begins */
    PyObject **nodes;                   /* those at home here, borrowed */
    uint32_t count, room;
    uint64_t owner;                     /* the top-level object whose attribute this is; 0: none */
    PyObject *name;                     /* of that attribute */
} share_cell;

typedef struct {
    int op;
    Py_ssize_t at;
    PyObject *node, *first, *second;    /* references of its own */
} share_inverse;

typedef struct {
    share_node *table;                  /* open addressing by address, deletion by shifting back */
    size_t mask, used;
    int shift;
    uint64_t next_id;
    PyObject ***pages;                  /* id -> object, borrowed: pages of 512, each with the number of its objects last */
    size_t page_room;
    share_cell **cells;
    uint32_t cell_count, cell_room;
    share_cell **dirty;                 /* those in which this command has written; room for all there are */
    uint32_t dirty_count;
    share_inverse *inverses;            /* of the command under way, oldest first */
    size_t inverse_count, inverse_room;
    PyObject **born;                    /* nodes born in it, in order; references of its own */
    size_t born_count, born_room;
    uint64_t *freed;                    /* pairs: id, cell */
    size_t freed_count, freed_room;
    uint64_t serial;                    /* counts records */
    PyTypeObject *plain[SHARE_KINDS], *recording[SHARE_KINDS];
} share_registry;

static share_registry *share_registry_here;

/* ---- the table ---- */

static inline size_t share_place(const share_registry *r, const void *object)
{
    return (size_t)(((uint64_t)((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15ull) >> r->shift);
}

static inline share_node *share_find(const void *object)
{
    const share_registry *r = share_registry_here;
    size_t place = share_place(r, object);
    while (r->table[place].object) {
        if (r->table[place].object == object)
            return &r->table[place];
        place = (place + 1) & r->mask;
    }
    return NULL;
}

/* The cell that a change of `object` is written into, and its id; NULL: it is no node, or not to be recorded yet. */
static inline share_cell *share_home(const void *object, uint64_t *id)
{
    const share_node *node = share_find(object);
    if (node == NULL || node->id & (SHARE_FRESH | SHARE_COMPARED))
        return NULL;
    *id = node->id;
    return share_registry_here->cells[node->cell];
}

/* The object of an id, borrowed; NULL: there is none. */
static PyObject *share_object_of(uint64_t id)
{
    const share_registry *r = share_registry_here;
    size_t page = id >> 9;
    return page < r->page_room && r->pages[page] ? r->pages[page][id & 511] : NULL;
}

static int share_note_object(uint64_t id, PyObject *object)
{
    share_registry *r = share_registry_here;
    size_t page = id >> 9;
    if (page >= r->page_room) {
        size_t room = r->page_room ? r->page_room : 64;
        while (room <= page)
            room *= 2;
        PyObject ***pages = (PyObject ***)realloc(r->pages, room * sizeof *pages);
        if (pages == NULL)
            goto fail;
        memset(pages + r->page_room, 0, (room - r->page_room) * sizeof *pages);
        r->pages = pages;
        r->page_room = room;
    }
    if (r->pages[page] == NULL) {
        r->pages[page] = (PyObject **)calloc(513, sizeof(PyObject *));
        if (r->pages[page] == NULL)
            goto fail;
    }
    r->pages[page][id & 511] = object;
    ++*(size_t *)&r->pages[page][512];
    return 0;
fail:
    PyErr_NoMemory();
    return -1;
}

/* It is no node any more. Returns the id that it had, with its bits; 0: it was none. */
static uint64_t share_remove(PyObject *object)
{
    share_registry *r = share_registry_here;
    share_node *node = share_find(object);
    if (node == NULL)
        return 0;
    share_node gone = *node;
    share_cell *cell = r->cells[gone.cell];
    if (gone.at != --cell->count) {             /* the last one takes its place */
        cell->nodes[gone.at] = cell->nodes[cell->count];
        share_find(cell->nodes[gone.at])->at = gone.at;
    }
    size_t hole = (size_t)(node - r->table), place = hole;
    for (;;) {
        place = (place + 1) & r->mask;
        if (r->table[place].object == NULL)
            break;
        if (((place - share_place(r, r->table[place].object)) & r->mask) >= ((place - hole) & r->mask)) {
            r->table[hole] = r->table[place];
            hole = place;
        }
    }
    r->table[hole].object = NULL;
    r->used--;
    PyObject **page = r->pages[(gone.id & SHARE_ID) >> 9];
    page[gone.id & 511] = NULL;
    if (--*(size_t *)&page[512] == 0) {
        r->pages[(gone.id & SHARE_ID) >> 9] = NULL;
        free(page);
    }
    return gone.id;
}

/* The same for one that is being freed: its id is published as free at the end of the command. */
static void share_forget(PyObject *object)
{
    share_registry *r = share_registry_here;
    share_node *node = share_find(object);
    if (node == NULL)
        return;
    if (r->freed_count == r->freed_room) {
        size_t room = 2 * r->freed_room + 256;
        uint64_t *freed = (uint64_t *)realloc(r->freed, room * sizeof *freed);
        if (freed) {
            r->freed = freed;
            r->freed_room = room;
        }
    }
    if (r->freed_count < r->freed_room) {       /* else replicas keep an object that nobody needs */
        r->freed[r->freed_count++] = node->id & SHARE_ID;
        r->freed[r->freed_count++] = node->cell;
    }
    share_remove(object);
}

/* What an object of a registered class calls last when it is freed, after every finalizer and resurrection. */
static void share_free_collected(void *object)
{
    share_forget((PyObject *)object);
    PyObject_GC_Del(object);
}

static void share_free_plain(void *object)
{
    share_forget((PyObject *)object);
    PyObject_Free(object);
}

/* ---- bytes ---- */

static int share_grow(share_bytes *bytes, size_t more)
{
    size_t room = bytes->room ? bytes->room : 128;
    while (room < bytes->size + more)
        room *= 2;
    char *data = (char *)realloc(bytes->data, room);
    if (data == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    bytes->data = data;
    bytes->room = room;
    return 0;
}

static inline int share_reserve(share_bytes *bytes, size_t more)
{
    return bytes->room - bytes->size < more ? share_grow(bytes, more) : 0;
}

/* The room must have been reserved: at most 10 bytes. */
static inline void share_number(share_bytes *bytes, uint64_t number)
{
    while (number > 127) {
        bytes->data[bytes->size++] = (char)(number | 128);
        number >>= 7;
    }
    bytes->data[bytes->size++] = (char)number;
}

static inline int share_append(share_bytes *bytes, const char *data, size_t size)
{
    if (size == 0)
        return 0;
    if (share_reserve(bytes, size) < 0)
        return -1;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return 0;
}

static inline uint64_t share_zigzag(int64_t number)
{
    return ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
}

static void share_release(share_bytes *bytes)
{
    free(bytes->data);
    bytes->data = NULL;
    bytes->size = bytes->room = 0;
}

/* ---- records ---- */

static int share_more_inverses(share_registry *r)
{
    size_t room = r->inverse_room ? 2 * r->inverse_room : 256;
    share_inverse *inverses = (share_inverse *)realloc(r->inverses, room * sizeof *inverses);
    if (inverses == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    r->inverses = inverses;
    r->inverse_room = room;
    return 0;
}

static inline void share_touch(share_cell *cell)
{
    if (!cell->is_dirty) {
        cell->is_dirty = 1;
        share_registry_here->dirty[share_registry_here->dirty_count++] = cell;
    }
}

/* Begins a record: room for it, for three numbers and for its inverse; the operation and the node. */
static inline int share_begin(share_cell *cell, int op, uint64_t id)
{
    share_registry *r = share_registry_here;
    if (share_reserve(&cell->records, 48) < 0)
        return -1;
    if (r->inverse_count == r->inverse_room && share_more_inverses(r) < 0)
        return -1;
    share_touch(cell);
    r->serial++;
    cell->open = cell->records.size;
    cell->records.data[cell->records.size++] = (char)op;
    share_number(&cell->records, id & SHARE_ID);
    return 0;
}

/* Moves [start, end) behind all that has been written since: what it says happened after that. */
static int share_rotate(share_bytes *bytes, size_t start, size_t end)
{
    size_t size = end - start;
    if (bytes->size == end)
        return 0;
    if (share_reserve(bytes, size) < 0)
        return -1;
    memcpy(bytes->data + bytes->size, bytes->data + start, size);
    memmove(bytes->data + start, bytes->data + end, bytes->size - end + size);
    return 0;
}

/* Takes [start, end) out again: it did not happen. */
static inline void share_withdraw(share_bytes *bytes, size_t start, size_t end)
{
    memmove(bytes->data + start, bytes->data + end, bytes->size - end);
    bytes->size -= end - start;
}

/* Notes how to undo what has just been done. It steals `first` and `second`; begin() has made room, but others may
 * have used it up meanwhile. */
static inline int share_inverse_of(int op, PyObject *node, Py_ssize_t at, PyObject *first, PyObject *second)
{
    share_registry *r = share_registry_here;
    if (r->inverse_count == r->inverse_room && share_more_inverses(r) < 0) {
        Py_XDECREF(first);
        Py_XDECREF(second);
        return -1;
    }
    share_inverse *inverse = &r->inverses[r->inverse_count++];
    Py_INCREF(node);
    inverse->op = op;
    inverse->at = at;
    inverse->node = node;
    inverse->first = first;
    inverse->second = second;
    return 0;
}

/* Whether the latest inverse already brings back what was there before: the older value is the one that counts. */
static inline int share_is_noted(int op, PyObject *node, Py_ssize_t at, PyObject *first)
{
    share_registry *r = share_registry_here;
    if (r->inverse_count == 0)
        return 0;
    share_inverse *last = &r->inverses[r->inverse_count - 1];
    return last->op == op && last->node == node && last->at == at && (first == NULL || last->first == first);
}

/* The same for an operation that is often repeated on one node and needs nothing but how often. */
static inline int share_inverse_again(int op, PyObject *node)
{
    share_registry *r = share_registry_here;
    if (r->inverse_count) {
        share_inverse *last = &r->inverses[r->inverse_count - 1];
        if (last->op == op && last->node == node) {
            last->at++;
            return 0;
        }
    }
    return share_inverse_of(op, node, 1, NULL, NULL);
}

#endif
