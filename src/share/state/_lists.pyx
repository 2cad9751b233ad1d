"""Lists that record what is done to them."""

from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._nodes cimport Cell, begin, home, inverse, inverse_again, is_noted, number, reserve, zigzag
from share.state._record cimport failed, put_operand
from share.state._types cimport (
    METH_FASTCALL,
    METH_KEYWORDS,
    METH_NOARGS,
    METH_O,
    Blueprint,
    Py_mp_ass_subscript,
    Py_sq_ass_item,
    Py_sq_inplace_concat,
    Py_sq_inplace_repeat,
    Py_tp_init,
)

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(object, Py_ssize_t) noexcept
    int PyList_Append(object, object) except -1
    int PyList_Insert(object, Py_ssize_t, object) except -1
    int PyList_SetSlice(object, Py_ssize_t, Py_ssize_t, PyObject*) except -1
    list PyList_GetSlice(object, Py_ssize_t, Py_ssize_t)
    int PyList_Reverse(object) except -1
    Py_ssize_t PyNumber_AsSsize_t(object, object) except? -1
    bint PyIndex_Check(object) noexcept
    void let_go "Py_DECREF"(PyObject*) noexcept
    bint PySlice_Check(object) noexcept
    int PySlice_Unpack(object, Py_ssize_t*, Py_ssize_t*, Py_ssize_t*) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t, Py_ssize_t*, Py_ssize_t*, Py_ssize_t) noexcept
    int PyObject_RichCompareBool(object, object, int) except -1
    int Py_EQ, Py_LT

cdef extern from *:
    """
    #define share_list_items(list) (((PyListObject *)(list))->ob_item)
    #define share_plain_list_set(self, key, value) (PyList_Type.tp_as_mapping->mp_ass_subscript(self, key, value))
    #define share_plain_list_repeat(self, times) PyList_Type.tp_as_sequence->sq_inplace_repeat(self, times)

    /* Where each item of `after` was in `before`; 0: they are not the same items. */
    static int share_order(PyObject **before, PyObject **after, Py_ssize_t count, uint32_t *order)
    {
        int bits = 4, is_order = 1;
        while (((Py_ssize_t)1 << bits) < 2 * count)
            bits++;
        size_t mask = ((size_t)1 << bits) - 1;
        uint32_t *first = (uint32_t *)calloc(mask + 1, 4), *next = (uint32_t *)malloc(4 * count + 4);
        if (first == NULL || next == NULL) {
            free(first);
            free(next);
            return 0;
        }
    #define SHARE_MIX(item) ((uint64_t)((uintptr_t)(item) >> 4) * 0x9E3779B97F4A7C15ull)
    #define SHARE_ORDER_PLACE(item) (size_t)(SHARE_MIX(item) >> (64 - bits))
        for (Py_ssize_t i = count - 1; i >= 0; i--) {
            size_t place = SHARE_ORDER_PLACE(before[i]);
            while (first[place] && before[first[place] - 1] != before[i])
                place = (place + 1) & mask;
            next[i] = first[place];
            first[place] = (uint32_t)i + 1;
        }
        for (Py_ssize_t i = 0; i < count && is_order; i++) {
            size_t place = SHARE_ORDER_PLACE(after[i]);
            for (;;) {
                if (first[place] == 0) {
                    is_order = 0;
                    break;
                }
                uint32_t found = first[place] - 1;
                if (before[found] == after[i]) {
                    order[i] = found;
                    if (next[found])
                        first[place] = next[found];     /* the last one stays: it may stand for as many as there are */
                    break;
                }
                place = (place + 1) & mask;
            }
        }
        free(first);
        free(next);
        return is_order;
    }
    """
    PyObject** items_of "share_list_items"(object) noexcept
    int plain_set "share_plain_list_set"(object, object, PyObject*) except -1
    object plain_repeat "share_plain_list_repeat"(object, Py_ssize_t)
    bint order_of "share_order"(PyObject**, PyObject**, Py_ssize_t, uint32_t*) noexcept

_nodes.here = _nodes.registry()
cdef object plain_sort = list.sort
cdef object plain_remove = list.remove
cdef object plain_extend = list.extend
cdef object plain_init = list.__init__


cdef inline PyObject* owned(PyObject* object) noexcept:
    if object != NULL:
        Py_INCREF(<object>object)
    return object


cdef inline PyObject* copied(object self) except NULL:
    cdef list items = PyList_GetSlice(self, 0, PyList_GET_SIZE(self))
    return owned(<PyObject*>items)


cdef object append(object self, object item):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell != NULL:
        begin(cell, operations.LIST_APPEND, id)
        put_operand(cell, <PyObject*>item)
        PyList_Append(self, item)
        inverse_again(operations.LIST_APPEND, <PyObject*>self)
    else:
        PyList_Append(self, item)
    return None


cdef int set_item(object self, Cell* cell, uint64_t id, Py_ssize_t index, PyObject* value) except -1:
    """There is an item of this index."""
    cdef PyObject* old
    cdef PyObject** items
    if value == NULL:
        begin(cell, operations.LIST_DELETE, id)
        number(&cell.records, index)
        old = owned(PyList_GET_ITEM(self, index))
        inverse(operations.LIST_DELETE, <PyObject*>self, index, old, NULL)
        PyList_SetSlice(self, index, index + 1, NULL)
        return 0
    begin(cell, operations.LIST_SET, id)
    number(&cell.records, index)
    put_operand(cell, value)
    if index >= PyList_GET_SIZE(self):          # user code that ran meanwhile has made it shorter
        failed(cell, cell.open, cell.records.size)
        raise IndexError("list assignment index out of range")
    items = items_of(self)
    old = items[index]
    Py_INCREF(<object>value)
    items[index] = value
    if is_noted(operations.LIST_SET, <PyObject*>self, index, NULL):
        let_go(old)
        return 0
    return inverse(operations.LIST_SET, <PyObject*>self, index, old, NULL)


cdef int set_by_index(object self, Py_ssize_t index, PyObject* value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if index < 0 or index >= PyList_GET_SIZE(self):
        raise IndexError("list assignment index out of range")
    if cell != NULL:
        return set_item(self, cell, id, index, value)
    if value == NULL:
        return PyList_SetSlice(self, index, index + 1, NULL)
    return plain_set(self, index, value)


cdef int set_subscript(object self, object key, PyObject* value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t index
    if cell == NULL:
        return plain_set(self, key, value)
    if PyIndex_Check(key):
        index = PyNumber_AsSsize_t(key, IndexError)
        if index < 0:
            index += PyList_GET_SIZE(self)
        if index < 0 or index >= PyList_GET_SIZE(self):
            raise IndexError("list assignment index out of range")
        return set_item(self, cell, id, index, value)
    if not PySlice_Check(key):
        return plain_set(self, key, value)       # raises
    return set_slice(self, cell, id, key, value)


cdef int set_slice(object self, Cell* cell, uint64_t id, object key, PyObject* value) except -1:
    cdef Py_ssize_t start = 0, stop = 0, step = 0, count, _i, place
    cdef list values = None, old = []
    if value != NULL:
        try:
            values = list(<object>value)
        except TypeError:
            if hasattr(type(<object>value), "__iter__"):
                raise
            raise TypeError("can only assign an iterable") from None
    PySlice_Unpack(key, &start, &stop, &step)
    count = PySlice_AdjustIndices(PyList_GET_SIZE(self), &start, &stop, step)
    if value != NULL and step != 1 and count != len(values):
        return plain_set(self, key, <PyObject*>values)       # raises
    if count == 0 and (value == NULL or step != 1 or not values):
        return 0
    place = start
    for _i in range(count):
        old.append(<object>PyList_GET_ITEM(self, place))
        place += step
    if value == NULL:
        begin(cell, operations.LIST_DELETE_SLICE, id)
        number(&cell.records, start)
        number(&cell.records, count)
        number(&cell.records, zigzag(step))
        where = (start, count, step)
        inverse(
            operations.LIST_DELETE_SLICE, <PyObject*>self, start, owned(<PyObject*>old), owned(<PyObject*>where)
        )
        return plain_set(self, key, NULL)
    begin(cell, operations.LIST_SLICE, id)
    number(&cell.records, start)
    number(&cell.records, count)
    number(&cell.records, zigzag(step))
    number(&cell.records, len(values))
    for item in values:
        put_operand(cell, <PyObject*>item)
    where = (start, len(values), step)
    try:
        plain_set(self, slice(start, start + count, 1) if step == 1 else key, <PyObject*>values)
    except BaseException:
        failed(cell, cell.open, cell.records.size)
        raise
    inverse(operations.LIST_SLICE, <PyObject*>self, start, owned(<PyObject*>old), owned(<PyObject*>where))
    return 0


cdef object extend(object self, object other):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef object cls = type(other)
    cdef list values
    cdef Py_ssize_t size
    if cell == NULL:
        plain_extend(self, other)
        return None
    if not (
        cls is list or cls is tuple or cls is dict or cls is set or cls is frozenset or cls is str or cls is bytes
        or cls is range or isinstance(other, list) and cls.__iter__ is list.__iter__
    ):
        for item in other:                      # which may look at this list: one record an item
            append(self, item)
        return None
    values = list(other)
    if not values:
        return None
    begin(cell, operations.LIST_EXTEND, id)
    number(&cell.records, len(values))
    for item in values:
        put_operand(cell, <PyObject*>item)
    size = PyList_GET_SIZE(self)
    PyList_SetSlice(self, size, size, <PyObject*>values)
    inverse(operations.CUT, <PyObject*>self, size, NULL, NULL)
    return None


cdef object add_in_place(object self, object other):
    extend(self, other)
    return self


cdef object repeat_in_place(object self, Py_ssize_t times):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t size = PyList_GET_SIZE(self)
    if cell == NULL:
        return plain_repeat(self, times)
    if times <= 0:
        clear(self, None)
    elif times > 1 and size:
        plain_repeat(self, times)
        begin(cell, operations.LIST_REPEAT, id)
        number(&cell.records, times)
        inverse(operations.CUT, <PyObject*>self, size, NULL, NULL)
    return self


cdef object clear(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if PyList_GET_SIZE(self) == 0:
        return None
    if cell != NULL:
        begin(cell, operations.LIST_CLEAR, id)
        inverse(operations.LIST_ASSIGN, <PyObject*>self, 0, copied(self), NULL)
    PyList_SetSlice(self, 0, PyList_GET_SIZE(self), NULL)
    return None


cdef Py_ssize_t as_index(object value, object error) except? -1:
    if not PyIndex_Check(value):
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    return PyNumber_AsSsize_t(value, error)


cdef object insert(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell
    cdef Py_ssize_t index, size
    if count != 2:
        raise TypeError(f"insert expected 2 arguments, got {count}")
    index = as_index(<object>args[0], OverflowError)
    cell = home(<PyObject*>self, &id)
    size = PyList_GET_SIZE(self)
    if index < 0:
        index = max(0, index + size)
    index = min(index, size)
    if cell == NULL:
        PyList_Insert(self, index, <object>args[1])
        return None
    begin(cell, operations.LIST_INSERT, id)
    number(&cell.records, index)
    put_operand(cell, args[1])
    PyList_Insert(self, index, <object>args[1])
    inverse(operations.LIST_INSERT, <PyObject*>self, index, NULL, NULL)
    return None


cdef object pop(object self, PyObject** args, Py_ssize_t count):
    cdef uint64_t id = 0
    cdef Cell* cell
    cdef Py_ssize_t index = -1, size
    if count > 1:
        raise TypeError(f"pop expected at most 1 argument, got {count}")
    if count:
        index = as_index(<object>args[0], IndexError)
    cell = home(<PyObject*>self, &id)
    size = PyList_GET_SIZE(self)
    if size == 0:
        raise IndexError("pop from empty list")
    if index < 0:
        index += size
    if index < 0 or index >= size:
        raise IndexError("pop index out of range")
    item = <object>PyList_GET_ITEM(self, index)
    if cell == NULL:
        PyList_SetSlice(self, index, index + 1, NULL)
    else:
        set_item(self, cell, id, index, NULL)
    return item


cdef object remove(object self, object value):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef Py_ssize_t i = 0
    if cell == NULL:
        return plain_remove(self, value)
    while i < PyList_GET_SIZE(self):
        item = <object>PyList_GET_ITEM(self, i)
        if PyObject_RichCompareBool(item, value, Py_EQ):
            if i < PyList_GET_SIZE(self):
                set_item(self, cell, id, i, NULL)
            return None
        i += 1
    raise ValueError("list.remove(x): x not in list")


cdef object reverse(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell != NULL:
        begin(cell, operations.LIST_REVERSE, id)
        inverse(operations.LIST_REVERSE, <PyObject*>self, 0, NULL, NULL)
    PyList_Reverse(self)
    return None


cdef object sort(object self, PyObject** args, Py_ssize_t count, PyObject* names):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef list before
    cdef uint64_t serial
    if count:
        raise TypeError("sort() takes no positional arguments")
    options = {}
    if names != NULL:
        options = {name: <object>args[i] for i, name in enumerate(<tuple>names)}
    if cell == NULL:
        return plain_sort(self, **options)
    before = PyList_GetSlice(self, 0, PyList_GET_SIZE(self))
    # First, so that it is undone after whatever user code does to the list meanwhile.
    inverse(operations.LIST_ASSIGN, <PyObject*>self, 0, owned(<PyObject*>before), NULL)
    serial = _nodes.here.serial
    try:
        plain_sort(self, **options)
    finally:                                    # one that fails leaves an order, too
        note_order(self, cell, id, before, serial == _nodes.here.serial)
    return None


cdef int note_order(object self, Cell* cell, uint64_t id, list before, bint is_alone) except -1:
    """Records the order of a list that had another one before; ``is_alone``: nothing else was recorded meanwhile."""
    cdef Py_ssize_t i, count = PyList_GET_SIZE(self)
    cdef uint32_t* order
    cdef bint is_order
    if count != len(before) or not is_alone:
        return note_all(self, cell, id)
    for i in range(count):
        if PyList_GET_ITEM(self, i) != PyList_GET_ITEM(before, i):
            break
    else:
        return 0
    order = <uint32_t*>malloc(4 * count + 4)
    if order == NULL:
        raise MemoryError
    try:
        is_order = count < 1 << 31 and order_of(items_of(before), items_of(self), count, order)
        if is_order:
            begin(cell, operations.LIST_ORDER, id)
            reserve(&cell.records, 5 * count + 10)
            number(&cell.records, count)
            for i in range(count):
                number(&cell.records, order[i])
    finally:
        free(order)
    return 0 if is_order else note_all(self, cell, id)


cdef int note_all(object self, Cell* cell, uint64_t id) except -1:
    """Records all items of a list that has changed in a way that no operation describes."""
    cdef list items = PyList_GetSlice(self, 0, PyList_GET_SIZE(self))
    begin(cell, operations.LIST_ASSIGN, id)
    number(&cell.records, len(items))
    for item in items:
        put_operand(cell, <PyObject*>item)
    return 0


cdef int init(object self, PyObject* args, PyObject* names) except -1:
    cdef uint64_t id = 0
    if home(<PyObject*>self, &id) == NULL:
        plain_init(self, *<tuple>args, **(<dict>names if names != NULL else {}))
        return 0
    if names != NULL and <dict>names:
        raise TypeError("list() takes no keyword arguments")
    if len(<tuple>args) > 1:
        raise TypeError(f"list expected at most 1 argument, got {len(<tuple>args)}")
    clear(self, None)
    if <tuple>args:
        extend(self, (<tuple>args)[0])
    return 0


cdef Blueprint blueprint = Blueprint()
blueprint.method("append", <void*>append, METH_O)
blueprint.method("extend", <void*>extend, METH_O)
blueprint.method("insert", <void*>insert, METH_FASTCALL)
blueprint.method("pop", <void*>pop, METH_FASTCALL)
blueprint.method("remove", <void*>remove, METH_O)
blueprint.method("clear", <void*>clear, METH_NOARGS)
blueprint.method("reverse", <void*>reverse, METH_NOARGS)
blueprint.method("sort", <void*>sort, METH_FASTCALL | METH_KEYWORDS)
blueprint.slot(Py_tp_init, <void*>init)
blueprint.slot(Py_mp_ass_subscript, <void*>set_subscript)
blueprint.slot(Py_sq_ass_item, <void*>set_by_index)
blueprint.slot(Py_sq_inplace_concat, <void*>add_in_place)
blueprint.slot(Py_sq_inplace_repeat, <void*>repeat_in_place)
RecordingList = blueprint.build("share.state.list", list, _nodes.LIST)
