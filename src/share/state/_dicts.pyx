"""Dicts that record what is done to them: dict, defaultdict, OrderedDict and Counter."""

import collections

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._layouts cimport find_behind, find_key, own_key
from share.state._nodes cimport Cell, begin, home, inverse, is_noted, number
from share.state._record cimport done, failed, put_operand
from share.state._types cimport (
    METH_FASTCALL,
    METH_KEYWORDS,
    METH_NOARGS,
    METH_VARARGS,
    Blueprint,
    Py_mp_ass_subscript,
    Py_nb_inplace_or,
    Py_tp_init,
)

cdef extern from "Python.h":
    PyObject* PyDict_GetItemWithError(object, object) except? NULL
    int PyDict_SetItem(object, object, object) except -1
    int PyDict_DelItem(object, object) except -1
    Py_ssize_t PyDict_Size(object) except -1
    void PyDict_Clear(object) noexcept
    bint PyDict_CheckExact(object) noexcept
    bint PyDict_Check(object) noexcept
    bint PyODict_Check(object) noexcept
    Py_hash_t PyObject_Hash(object) except -1
    bint PyUnicode_CheckExact(object) noexcept
    bint PyLong_CheckExact(object) noexcept

cdef extern from *:
    """
    /* What sets or deletes a key of an object's built-in class, and nothing else. */
    static inline int share_set_key(PyObject *self, PyObject *key, PyObject *value)
    {
        if (PyODict_Check(self))
            return value ? PyODict_SetItem(self, key, value) : PyODict_DelItem(self, key);
        return value ? PyDict_SetItem(self, key, value) : PyDict_DelItem(self, key);
    }
    """
    int plain_set_or_raise "share_set_key"(object, object, PyObject*) except -1

cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030d0000
    PyAPI_FUNC(int) _PyDict_SetItem_KnownHash(PyObject *, PyObject *, PyObject *, Py_hash_t);
    PyAPI_FUNC(int) _PyDict_DelItem_KnownHash(PyObject *, PyObject *, Py_hash_t);
    #endif
    /* The same of a key whose hash is known, so that its __hash__ is called once, as in Python. */
    static inline int share_set_hashed(PyObject *self, PyObject *key, Py_hash_t hash, PyObject *value)
    {
        if (PyODict_Check(self))
            return value ? PyODict_SetItem(self, key, value) : PyODict_DelItem(self, key);
        return value ? _PyDict_SetItem_KnownHash(self, key, value, hash) : _PyDict_DelItem_KnownHash(self, key, hash);
    }
    """
    int plain_set "share_set_hashed"(object, object, Py_hash_t, PyObject*) noexcept
    PyObject* get_hashed "_PyDict_GetItem_KnownHash"(object, object, Py_hash_t) except? NULL

cdef extern from *:
    """
    static inline int share_raise(void) { return -1; }
    """
    int raise_it "share_raise"() except -1

_nodes.here = _nodes.registry()
cdef object plain_clear = dict.clear
cdef object plain_popitem = dict.popitem
cdef object plain_keys = dict.keys
cdef object plain_items = dict.items
cdef object ordered_move_to_end = collections.OrderedDict.move_to_end
cdef object ordered_clear = collections.OrderedDict.clear
cdef object ordered_iter = collections.OrderedDict.__iter__
cdef object ordered_reversed = collections.OrderedDict.__reversed__


cdef inline PyObject* owned(PyObject* object) noexcept:
    if object != NULL:
        Py_INCREF(<object>object)
    return object


cdef int set_key(object self, Cell* cell, uint64_t id, object key, object value) except -1:
    cdef PyObject* old
    cdef PyObject* stored = <PyObject*>key
    cdef size_t start, end
    cdef Py_hash_t hash = PyObject_Hash(key)    # before it becomes part of the state
    begin(cell, operations.DICT_SET, id)
    put_operand(cell, <PyObject*>key)
    put_operand(cell, <PyObject*>value)
    start = cell.open
    end = cell.records.size
    try:
        old = owned(get_hashed(self, key, hash))
        if old != NULL and not PyUnicode_CheckExact(key) and not PyLong_CheckExact(key):
            stored = own_key(<PyObject*>self, key, hash, old)       # which need not be asked whether it is equal again
    except BaseException:
        failed(cell, start, end)
        raise
    if plain_set(self, <object>stored, hash, <PyObject*>value) < 0:
        failed(cell, start, end)
        if old != NULL:
            drop(old)
        raise_it()
    done(cell, start, end)
    if is_noted(operations.DICT_SET, <PyObject*>self, 0, <PyObject*>key):
        if old != NULL:
            drop(old)
        return 0
    return inverse(operations.DICT_SET, <PyObject*>self, 0, owned(<PyObject*>key), old)


cdef extern from "Python.h":
    void drop "Py_DECREF"(PyObject*) noexcept


cdef int delete_key(object self, Cell* cell, uint64_t id, object key, Py_hash_t hash, PyObject* found) except -1:
    """``found`` is what the dict has at this key."""
    cdef size_t start, end
    cdef object value = <object>found
    cdef object behind
    cdef PyObject* stored
    cdef PyObject* following
    find_key(<PyObject*>self, key, hash, found, &stored, &following)
    key = <object>stored
    behind = None if following == NULL else (<object>following,)
    if PyODict_Check(self):
        behind = successor(self, key)
    begin(cell, operations.DICT_DELETE, id)
    put_operand(cell, <PyObject*>key)
    start = cell.open
    end = cell.records.size
    if plain_set(self, key, hash, NULL) < 0:
        failed(cell, start, end)
        raise_it()
    done(cell, start, end)
    if behind is not None:
        inverse(operations.PLACE, <PyObject*>self, 0, owned(<PyObject*>key), owned(<PyObject*>behind[0]))
    return inverse(operations.DICT_DELETE, <PyObject*>self, 0, owned(<PyObject*>key), owned(<PyObject*>value))


cdef object successor(object self, object key):
    """The key behind one of an OrderedDict, in a tuple; None if it is the last."""
    cdef PyObject* behind
    if find_behind(<PyObject*>self, key, PyDict_GetItemWithError(self, key), &behind):
        return None if behind == NULL else (<object>behind,)
    keys = ordered_iter(self)
    for own in keys:
        if own is key:
            for following in keys:
                return (following,)
    return None


cdef int set_subscript(object self, object key, PyObject* value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef PyObject* old
    cdef Py_hash_t hash
    if cell == NULL:
        return plain_set_or_raise(self, key, value)
    if value != NULL:
        return set_key(self, cell, id, key, <object>value)
    hash = PyObject_Hash(key)
    old = get_hashed(self, key, hash)
    if old == NULL:
        return plain_set_or_raise(self, key, NULL)       # raises
    return delete_key(self, cell, id, key, hash, old)


cdef inline int put_key(object self, object key, object value) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell
    if PyODict_Check(self):
        self[key] = value                       # as an OrderedDict does it: by the class's own __setitem__
        return 0
    cell = home(<PyObject*>self, &id)
    if cell == NULL:
        return plain_set_or_raise(self, key, <PyObject*>value)
    return set_key(self, cell, id, key, value)


cdef object limit_of(Py_ssize_t count):
    return "most 2 arguments" if count else "least 1 argument"


cdef object setdefault(object self, PyObject** args, Py_ssize_t count, PyObject* names):
    cdef PyObject* old
    default = None
    if names != NULL and <tuple>names and PyODict_Check(self):
        given = dict(zip(("key", "default")[:count], [<object>args[i] for i in range(count)], strict=True))
        given.update((name, <object>args[count + i]) for i, name in enumerate(<tuple>names))
        key, default = given.pop("key"), given.pop("default", None)
    else:
        if count < 1 or count > 2:
            raise TypeError(f"setdefault expected at {limit_of(count)}, got {count}")
        key = <object>args[0]
        if count == 2:
            default = <object>args[1]
    old = PyDict_GetItemWithError(self, key)
    if old != NULL:
        return <object>old
    put_key(self, key, default)
    return default


cdef object pop(object self, PyObject** args, Py_ssize_t count, PyObject* names):
    cdef uint64_t id = 0
    cdef Cell* cell
    cdef PyObject* old
    cdef Py_hash_t hash
    cdef bint has_default = count == 2
    default = <object>args[1] if has_default else None
    if names != NULL and <tuple>names and PyODict_Check(self):
        if <tuple>names == ("default",) and count == 1:
            has_default = True
            default = <object>args[1]
        else:
            raise TypeError("pop() takes a key, and default=")
    elif count < 1 or count > 2:
        raise TypeError(f"pop expected at {limit_of(count)}, got {count}")
    key = <object>args[0]
    hash = PyObject_Hash(key)
    old = get_hashed(self, key, hash)
    if old == NULL:
        if has_default:
            return default
        raise KeyError(key)
    value = <object>old
    cell = home(<PyObject*>self, &id)
    if cell == NULL:
        plain_set_or_raise(self, key, NULL)
    else:
        delete_key(self, cell, id, key, hash, old)
    return value


cdef object popitem(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef tuple item = plain_popitem(self)
    if cell != NULL:
        begin(cell, operations.DICT_POPITEM, id)
        inverse(
            operations.DICT_DELETE, <PyObject*>self, 0, owned(<PyObject*>item[0]), owned(<PyObject*>item[1])
        )
    return item


cdef object clear(object self, object _):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    if cell != NULL and PyDict_Size(self):
        items = list(collections.OrderedDict.items(self) if PyODict_Check(self) else plain_items(self))
        begin(cell, operations.DICT_CLEAR, id)
        inverse(operations.DICT_ASSIGN, <PyObject*>self, 0, owned(<PyObject*>items), NULL)
    if PyODict_Check(self):
        ordered_clear(self)
    else:
        plain_clear(self)
    return None


cdef int update_from(object self, object other) except -1:
    cdef Py_ssize_t i = 0
    if other is self:
        return 0
    if PyDict_Check(other) and type(other).__iter__ in (dict.__iter__, collections.OrderedDict.__iter__):
        for key, value in list(other.items() if PyODict_Check(other) else plain_items(other)):
            put_key(self, key, value)
        return 0
    if hasattr(other, "keys"):
        for key in other.keys():
            put_key(self, key, other[key])
        return 0
    for pair in other:
        try:
            item = tuple(pair)
        except TypeError:
            raise TypeError(f"cannot convert dictionary update sequence element #{i} to a sequence") from None
        if len(item) != 2:
            raise ValueError(f"dictionary update sequence element #{i} has length {len(item)}; 2 is required")
        put_key(self, item[0], item[1])
        i += 1
    return 0


cdef object update(object self, object args, PyObject* names):
    if len(<tuple>args) > 1:
        raise TypeError(f"update expected at most 1 argument, got {len(<tuple>args)}")
    if <tuple>args:
        update_from(self, (<tuple>args)[0])
    if names != NULL:
        update_from(self, <object>names)
    return None


cdef int init(object self, object args, PyObject* names) except -1:
    update(self, args, names)
    return 0


cdef object or_in_place(object self, object other):
    if PyODict_Check(self) or isinstance(other, dict) or hasattr(other, "keys") or hasattr(other, "__iter__"):
        update_from(self, other)
        return self
    update_from(self, other)                    # raises
    return self


cdef int add_common(Blueprint blueprint) except -1:
    blueprint.method("setdefault", <void*>setdefault, METH_FASTCALL | METH_KEYWORDS)
    blueprint.method("pop", <void*>pop, METH_FASTCALL | METH_KEYWORDS)
    blueprint.method("clear", <void*>clear, METH_NOARGS)
    return 0


# ---- defaultdict: __missing__ stores through the slot ----------------------------------------------------


cdef object factory_descriptor = collections.defaultdict.default_factory


cdef object get_factory(object self, void* _):
    return factory_descriptor.__get__(self)


cdef int set_factory(object self, PyObject* value, void* _) except -1:
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef size_t start, end
    cdef object new = None if value == NULL else <object>value
    cdef object old = factory_descriptor.__get__(self)
    if cell == NULL:
        factory_descriptor.__set__(self, new)
        return 0
    begin(cell, operations.DEFAULT_FACTORY, id)
    put_operand(cell, <PyObject*>new)
    start = cell.open
    end = cell.records.size
    factory_descriptor.__set__(self, new)
    done(cell, start, end)
    return inverse(operations.DEFAULT_FACTORY, <PyObject*>self, 0, owned(<PyObject*>old), NULL)


cdef int init_default(object self, object args, PyObject* names) except -1:
    cdef uint64_t id = 0
    if home(<PyObject*>self, &id) == NULL:
        collections.defaultdict.__init__(self, *<tuple>args, **(<dict>names if names != NULL else {}))
        return 0
    factory = (<tuple>args)[0] if <tuple>args else None
    if factory is not None and not callable(factory):
        raise TypeError("first argument must be callable or None")
    set_factory(self, <PyObject*>factory, NULL)
    update(self, (<tuple>args)[1:], names)
    return 0


# ---- OrderedDict -----------------------------------------------------------------------------------------


cdef object popitem_ordered(object self, PyObject** args, Py_ssize_t count, PyObject* names):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef bint last = True
    if count or names != NULL and <tuple>names:
        last = bool(<object>args[0])            # positional, or the one keyword that there is
    if not PyDict_Size(self):
        raise KeyError("dictionary is empty")
    if last:
        key = next(ordered_reversed(self))
        behind = None
    else:
        keys = ordered_iter(self)
        key = next(keys)
        behind = next(keys, keys)
        behind = None if behind is keys else (behind,)
    value = <object>PyDict_GetItemWithError(self, key)
    # Not OrderedDict.popitem, which calls __delitem__ of whatever is not exactly an OrderedDict.
    plain_set_or_raise(self, key, NULL)
    if cell == NULL:
        return key, value
    begin(cell, operations.DICT_POPITEM if last else operations.ORDERED_POPFIRST, id)
    if behind is not None:
        inverse(operations.PLACE, <PyObject*>self, 0, owned(<PyObject*>key), owned(<PyObject*>behind[0]))
    inverse(operations.DICT_DELETE, <PyObject*>self, 0, owned(<PyObject*>key), owned(<PyObject*>value))
    return key, value


cdef object move_to_end(object self, PyObject** args, Py_ssize_t count, PyObject* names):
    cdef uint64_t id = 0
    cdef Cell* cell = home(<PyObject*>self, &id)
    cdef bint last = True
    cdef Py_ssize_t given = count + (len(<tuple>names) if names != NULL else 0)
    cdef PyObject* found
    cdef PyObject* stored
    cdef PyObject* following
    if count < 1 or given > 2:
        raise TypeError(f"move_to_end() takes a key and last=, got {given} arguments")
    if given == 2:
        last = bool(<object>args[1])
    key = <object>args[0]
    found = PyDict_GetItemWithError(self, key)
    if cell == NULL or found == NULL:
        return ordered_move_to_end(self, key, last)
    find_key(<PyObject*>self, key, PyObject_Hash(key), found, &stored, &following)
    key = <object>stored
    behind = successor(self, key)
    if behind is None if last else next(ordered_iter(self)) is key:
        return None
    begin(cell, operations.ORDERED_MOVE, id)
    put_operand(cell, <PyObject*>key)
    number(&cell.records, last)
    ordered_move_to_end(self, key, last)
    inverse(
        operations.ORDERED_MOVE, <PyObject*>self, 0, owned(<PyObject*>key),
        NULL if behind is None else owned(<PyObject*>behind[0]),
    )
    return None


# ---- Counter: its methods in Python call those of dict by name ------------------------------------------


cdef int set_count(object self, object key, PyObject* value) except -1:
    if value == NULL and PyDict_GetItemWithError(self, key) == NULL:
        return 0                                # del of a Counter forgives
    return set_subscript(self, key, value)


cdef object count_elements = collections._count_elements


cdef object update_counts(object self, object args, PyObject* names):
    if len(<tuple>args) > 1:
        raise TypeError(f"update() takes at most 2 positional arguments, got {len(<tuple>args) + 1}")
    iterable = (<tuple>args)[0] if <tuple>args else None
    if iterable is not None:
        if isinstance(iterable, collections.abc.Mapping):
            if PyDict_Size(self):
                for key, count in iterable.items():
                    put_key(self, key, count + self.get(key, 0))
            else:
                update_from(self, iterable)
        else:
            count_elements(self, iterable)      # stores through the slot
    if names != NULL and <dict>names:
        update_counts(self, (<object>names,), NULL)
    return None


cdef int init_counts(object self, object args, PyObject* names) except -1:
    update_counts(self, args, names)
    return 0


cdef Blueprint plain_blueprint = Blueprint()
add_common(plain_blueprint)
plain_blueprint.slot(Py_mp_ass_subscript, <void*>set_subscript)
plain_blueprint.method("popitem", <void*>popitem, METH_NOARGS)
plain_blueprint.method("update", <void*>update, METH_VARARGS | METH_KEYWORDS)
plain_blueprint.slot(Py_tp_init, <void*>init)
plain_blueprint.slot(Py_nb_inplace_or, <void*>or_in_place)
RecordingDict = plain_blueprint.build("share.state.dict", dict, _nodes.DICT)

cdef Blueprint default_blueprint = Blueprint()
add_common(default_blueprint)
default_blueprint.slot(Py_mp_ass_subscript, <void*>set_subscript)
default_blueprint.method("popitem", <void*>popitem, METH_NOARGS)
default_blueprint.method("update", <void*>update, METH_VARARGS | METH_KEYWORDS)
default_blueprint.slot(Py_tp_init, <void*>init_default)
default_blueprint.slot(Py_nb_inplace_or, <void*>or_in_place)
default_blueprint.attribute("default_factory", <void*>get_factory, <void*>set_factory)
RecordingDefaultDict = default_blueprint.build(
    "share.state.defaultdict", collections.defaultdict, _nodes.DEFAULT
)

cdef Blueprint ordered_blueprint = Blueprint()
add_common(ordered_blueprint)
ordered_blueprint.slot(Py_mp_ass_subscript, <void*>set_subscript)
ordered_blueprint.method("popitem", <void*>popitem_ordered, METH_FASTCALL | METH_KEYWORDS)
ordered_blueprint.method("move_to_end", <void*>move_to_end, METH_FASTCALL | METH_KEYWORDS)
ordered_blueprint.method("update", <void*>update, METH_VARARGS | METH_KEYWORDS)
ordered_blueprint.slot(Py_tp_init, <void*>init)
ordered_blueprint.slot(Py_nb_inplace_or, <void*>or_in_place)
RecordingOrderedDict = ordered_blueprint.build(
    "share.state.OrderedDict", collections.OrderedDict, _nodes.ORDERED
)

cdef Blueprint counter_blueprint = Blueprint()
add_common(counter_blueprint)
counter_blueprint.method("popitem", <void*>popitem, METH_NOARGS)
counter_blueprint.method("update", <void*>update_counts, METH_VARARGS | METH_KEYWORDS)
counter_blueprint.slot(Py_tp_init, <void*>init_counts)
counter_blueprint.slot(Py_mp_ass_subscript, <void*>set_count)
RecordingCounter = counter_blueprint.build("share.state.Counter", collections.Counter, _nodes.COUNTER)
