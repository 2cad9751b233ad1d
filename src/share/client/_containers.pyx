"""The built-in containers' methods for proxies: what the general rules of methods would get wrong or make slow.

Reading uses the process's replica of the state and hands out values, nested proxies and new containers of these.
A plan knows neither that ``__getitem__`` gives a part that can be named, nor that an argument is only iterated over
(so that a generator can be turned into a list before it travels), nor which errors callers rely on.
"""

from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping
from io import BytesIO
from operator import index as as_index

cimport cython
from cpython.list cimport PyList_GET_SIZE
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t

from .._atomic cimport load_acq
from ._iterations cimport Iteration, leave
from ._nested cimport Nested
from ._proxy cimport Proxy, execute, plain_operand
from ._replica cimport are_harmless, pin, Tables, unpin
from ._session cimport Session

from .._kinds import is_value
from ..errors import ShareClosedError
from .._paths import ITEM
from . import _proxy
from ._nested import set_item

cdef object MISSING = object()


class Absent:
    """Stands for no value, in the coordinator as well."""


cdef inline bint simple(object value):
    """Whether a part can be handed out as it is."""
    return atomic(value) or is_value(value)


cdef inline bint atomic(object value) noexcept:
    cdef object cls = type(value)
    return cls is int or cls is str or cls is float or value is None


cdef inline object part_of(Proxy self, Tables tables, object key, object value):
    """A part for an iterator: as `child` gives it, but a plain value as it is."""
    return value if atomic(value) or not tables.id_of(value) and is_value(value) \
        else self.child(tables, ITEM, key, value)


cdef bint may_write(Proxy self, items) except -1:
    """Whether an operator that asks each of these may run what writes: then it has to run where writes count.

    They are of the state that ``current`` gave.
    """
    if self.cell is not None and are_harmless(self.held()):
        return False
    return any([not atomic(value) for value in items])


cdef inline bint is_all(Proxy self) noexcept:
    """Whether what a container holds is known to be in its own cell, so that ``peek`` gives the whole."""
    return self.cell is not None and self.cell.closure is not None and len(self.cell.closure) == 1 \
        and self.cell.links == self.reader.links


cdef object state_with(Proxy self, object item, list operand):
    """The state of a container, for looking at only, and in `operand` what is looked for there: of one replica."""
    cdef Tables tables
    while True:
        state = self.current()
        tables = self.reader.tables
        operand[:] = [plain_operand(item)]
        if tables is self.reader.tables:
            return state


cdef object built_in_of(state):
    """The class by which Python's own loops go over a container, whatever subclasses say of its items and size."""
    for cls in (list, tuple, OrderedDict, dict, set, frozenset, deque):
        if isinstance(state, cls):
            return cls
    return type(state)


cdef Py_ssize_t size_of(state) except -1:
    if isinstance(state, list):
        return PyList_GET_SIZE(state)
    return built_in_of(state).__len__(state)


cdef object item_of(state, Py_ssize_t at):
    if isinstance(state, list):
        return (<list>state)[at]
    return built_in_of(state).__getitem__(state, at)


cdef int begin(Iteration self, Proxy proxy) except -1:
    """Enters a loop over the state that `peek` has just given."""
    if proxy.cell is not None and proxy.node:
        self.cell, self.node, self.flag, self.wildcard = proxy.cell, proxy.node, proxy.cell.flag, proxy.cell.wildcard
    elif proxy.is_nested:
        self.flag = (<Nested>proxy).raised()
    else:
        self.wildcard = proxy.flags
    proxy.session.over.add(self)
    return 0


@cython.no_gc_clear
@cython.binding(False)
cdef class SequenceIterator(Iteration):
    """Iterates over a sequence as it was at the beginning; once its thread has written to it, by the index in it."""

    cdef Proxy proxy                # None: it has ended
    cdef object state               # what it goes over; a copy of what was left when that was about to change
    cdef Tables tables
    cdef Py_ssize_t at, step
    cdef Py_ssize_t kept            # how many it has had of the copy; -1: there is none
    cdef Py_ssize_t size            # of a deque, to which this thread must not give another one meanwhile; -1: it may

    def __init__(self):
        raise TypeError("iterators are made by iter() and reversed()")

    def __dealloc__(self):
        leave(self)

    def __iter__(self):
        return self

    def __next__(self):
        cdef Proxy proxy = self.proxy
        cdef Py_ssize_t at = self.at
        if proxy is None:
            raise StopIteration
        if self.own and (self.kept < 0 or self.kept >= size_of(self.state) or self.size >= 0):
            state = proxy.peek()
            if self.size >= 0 and size_of(state) != self.size:
                end(self)
                raise RuntimeError("deque mutated during iteration")
            if self.kept < 0 or self.kept >= size_of(self.state):
                self.state, self.tables, self.kept = state, proxy.reader.tables, -1
        if self.kept >= 0:
            if self.kept >= size_of(self.state):
                end(self)
                raise StopIteration
            value = item_of(self.state, self.kept)
            self.kept += 1
        else:
            if not 0 <= at < size_of(self.state):
                end(self)
                raise StopIteration
            value = item_of(self.state, at)
        self.at += self.step
        return part_of(proxy, self.tables, at, value)

    cdef int keep_rest(self) except -1:
        if self.proxy is not None and self.kept < 0 and not self.own:
            rest = [item_of(self.state, i)
                    for i in range(self.at, size_of(self.state) if self.step > 0 else -1, self.step)]
            self.state, self.tables, self.kept, self.cell = rest, self.tables.of_these(rest), 0, None
        return 0

    def __length_hint__(self):
        if self.proxy is None:
            return 0
        if self.kept >= 0:
            return size_of(self.state) - self.kept
        state = self.proxy.peek() if self.own else self.state
        return max(0, size_of(state) - self.at) if self.step > 0 else self.at + 1

    def __setstate__(self, state):
        self.at = max(0, state) if self.step > 0 else max(-1, min(state, size_of(self.state) - 1))

    def __reduce__(self):
        cdef SequenceIterator ahead = SequenceIterator.__new__(SequenceIterator)
        cdef list cells
        if self.proxy is None:
            return iter, ((),)
        self.keep_rest()
        ahead.proxy, ahead.state, ahead.tables, ahead.kept = self.proxy, self.state, self.tables, self.kept
        ahead.at, ahead.step, ahead.size = self.at, self.step, -1
        if self.kept >= 0:
            return iter, (list(ahead),)
        ahead.state, ahead.tables = self.proxy.peek(), self.proxy.reader.tables
        cells = self.proxy.held()
        pin(cells)
        try:
            return iter, (list(ahead),)
        finally:
            unpin(cells)


cdef int end(SequenceIterator self) except -1:
    self.proxy = self.state = self.tables = self.cell = None
    leave(self)
    return 0


cdef SequenceIterator iterate(Proxy self, bint backwards):
    cdef SequenceIterator iterator = SequenceIterator.__new__(SequenceIterator)
    state = self.peek()
    iterator.proxy, iterator.state, iterator.tables = self, state, self.reader.tables
    iterator.at, iterator.step, iterator.size, iterator.kept = 0, 1, -1, -1
    if backwards:
        iterator.at, iterator.step = size_of(state) - 1, -1
    if isinstance(state, deque):
        iterator.size = size_of(state)
    begin(iterator, self)
    return iterator


cdef list parts(Proxy self):
    """The elements of a sequence, as a new list."""
    cdef list cells
    state = self.peek()
    tables = self.reader.tables
    cells = self.held()
    pin(cells)
    try:
        return [part_of(self, tables, i, value) for i, value in enumerate(built_in_of(state).__iter__(state))]
    finally:
        unpin(cells)


cdef object materialised(value):
    """An iterable as something that can travel."""
    if isinstance(value, Proxy):
        return plain_operand(value) if (<Proxy>value).opaque else list(value)
    if isinstance(value, (list, tuple, set, frozenset, dict, bytes, bytearray, str, range, deque)):
        return value
    return [item for item in value]         # not list(value): that believes any length hint


cdef object mapping_like(value):
    """What ``dict.update`` takes, as something that can travel."""
    value = plain_operand(value)
    if isinstance(value, dict):
        return value
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}
    return [tuple(pair) for pair in value]


# -- any container --------------------------------------------------------------------------------------

cdef set shown = set()          # (thread, address) of the proxies whose text is being made


def _repr(Proxy self not None):
    try:
        state = self.current()
        if may_write(self, [*state, *dict.values(state)] if isinstance(state, dict) else state):
            return execute(self, "__repr__", (), None, True)
    except ShareClosedError:
        return type(self).__base__.__repr__(self)
    key = (PyThread_get_thread_ident(), <size_t><void*>self)
    if key in shown:
        # It holds itself, by reference.
        if isinstance(state, dict):
            return "{...}"
        return "(...)" if isinstance(state, tuple) else "[...]"
    cells = self.held()
    pin(cells)
    shown.add(key)
    try:
        return repr(state)
    finally:
        shown.discard(key)
        unpin(cells)


def _init(Proxy self not None, *args, **kwargs):
    state = self.peek()
    at = 1 if isinstance(state, defaultdict) else 0         # behind the factory
    if len(args) > at:
        given = mapping_like(args[at]) if isinstance(state, dict) else materialised(args[at])
        args = (*args[:at], given, *args[at + 1:])
    execute(self, "__init__", args, kwargs, False)


def _len(Proxy self not None):
    return len(self.peek())


def _aiter(Proxy self not None):
    from ._futures import each

    return each(self, self)


def _contains(Proxy self not None, given):
    cdef list operand = [given]
    cdef bint is_plain = simple(given) and type(given) is not tuple
    state = self.peek() if is_plain else state_with(self, given, operand)
    if is_plain and isinstance(state, (dict, set)):
        return given in state       # no key is asked, but one of the same hash
    if is_plain and not is_all(self):
        state = self.current()
    if may_write(self, state):
        return execute(self, "__contains__", (given,), None, True)
    item = operand[0]
    cells = self.held()
    pin(cells)
    try:
        return item in state
    finally:
        unpin(cells)


def _remove(Proxy self not None, item, /):
    try:
        execute(self, "remove", (item,), None, True)
    except KeyError as error:
        raise KeyError(item) from error.__cause__       # the caller's own object, not the copy that came back


def _setitem(Proxy self not None, key, value):
    hash(key)
    set_item(self, key, value)


def _delitem(Proxy self not None, key):
    try:
        execute(self, "__delitem__", (key,), None, True)
    except KeyError as error:
        raise KeyError(key) from error.__cause__


def _imul(Proxy self not None, number):
    if not hasattr(number, "__index__"):
        return NotImplemented
    execute(self, "__imul__", (as_index(number),), None, False)
    return self


# -- sequences ------------------------------------------------------------------------------------------

def _sequence_getitem(Proxy self not None, key):
    cdef Py_ssize_t at
    state = self.peek()
    tables = self.reader.tables
    if isinstance(key, slice) and not isinstance(state, deque):
        found = parts(self)[key]
        return tuple(found) if isinstance(state, tuple) else found
    value = state[key]
    if atomic(value):
        return self.child(tables, ITEM, None, value)
    at = as_index(key)
    return self.child(tables, ITEM, at + len(state) if at < 0 else at, value)


cdef object known(Proxy self):
    """The sequence as it is now, or one as long as it is after what this process has read and sent.

    While others write, too, it does not wait for them between its own assignments to items, which change no length.
    """
    cdef uint64_t newest = self.newest()
    if self.found is None or self.session.entry < 0 or newest != self.assigned and (
            self.session.last_sent != self.assigned or newest <= load_acq(self.commit)):
        return self.peek()
    return self.found


def _sequence_setitem(Proxy self not None, key, value):
    cdef Session session = self.session
    cdef bint checked = not session.assignments_queue and not session.must_wait()
    if isinstance(key, slice):
        # A slice of a list that was extended in place: the elements are what they are.
        value = value if issubclass(type(self)._share_class_, array) else materialised(value)
        execute(self, "__setitem__", (key, value), None, not session.assignments_queue)
        return
    if not hasattr(key, "__index__"):
        kind = type(self)._share_class_
        raise TypeError(f"{kind.__name__} indices must be integers{' or slices' if kind is list else ''}, "
                        f"not {type(key).__name__}")
    at = as_index(key)
    if checked:
        state = known(self)
        if not -len(state) <= at < len(state):
            state = self.peek()
            if not -len(state) <= at < len(state):
                kind = next(base for base in (list, array, deque, bytearray) if isinstance(state, base))
                raise IndexError(f"{kind.__name__}{' assignment' if kind in (list, array) else ''} index out of range")
        if isinstance(state, bytearray):
            bytearray.__setitem__(bytearray(1), 0, value)       # which says what it cannot be
        elif isinstance(state, array):
            array(state.typecode).append(value)
    if at < 0 and isinstance(value, Proxy):
        at += len(self.peek())
    set_item(self, at, value)
    if checked:
        self.assigned = session.last_sent


def _sequence_iter(Proxy self not None):
    return iterate(self, False)


def _sequence_reversed(Proxy self not None):
    return iterate(self, True)


def _extend(Proxy self not None, iterable, /):
    execute(self, "extend", (materialised(iterable),), None, False)


def _extendleft(Proxy self not None, iterable, /):
    execute(self, "extendleft", (materialised(iterable),), None, False)


def _sequence_iadd(Proxy self not None, iterable):
    execute(self, "__iadd__", (materialised(iterable),), None, False)
    return self


def _list_copy(Proxy self not None):
    return parts(self)


def _list_add(Proxy self not None, other):
    other = concrete(other)
    return parts(self) + other if isinstance(other, list) else NotImplemented


def _list_radd(Proxy self not None, other):
    other = concrete(other)
    return other + parts(self) if isinstance(other, list) else NotImplemented


def _list_mul(Proxy self not None, number):
    return parts(self) * number


def _tuple_add(Proxy self not None, other):
    other = concrete(other)
    return (*parts(self), *other) if isinstance(other, tuple) else NotImplemented


def _tuple_radd(Proxy self not None, other):
    other = concrete(other)
    return (*other, *parts(self)) if isinstance(other, tuple) else NotImplemented


def _tuple_mul(Proxy self not None, number):
    return tuple(parts(self)) * number


cdef object concrete(other):
    """An operand as C code must have it: a plain container, its parts as one may have them."""
    # `isinstance` on a built-in type is compiled to a look at the concrete type, which a proxy does not have.
    if isinstance(other, Proxy) and (<Proxy>other).opaque:
        state = (<Proxy>other).current()
        if isinstance(state, list):
            return parts(other)
        if isinstance(state, tuple):
            return tuple(parts(other))
        if isinstance(state, dict):
            return _dict_copy(other)
        return state
    return other


def _deque_copy(Proxy self not None):
    return type(self.peek())(parts(self), self.peek().maxlen)


def _bytes(Proxy self not None):
    return bytes(self.peek())


def _getbuffer(self):
    """What may be looked at; written to, it would not change what is shared."""
    return memoryview(self.getvalue())


# -- dict -----------------------------------------------------------------------------------------------

cdef object looked_up(Proxy self, key, default):
    """What a caller may have of the value of a key; `default` as it is, if there is none."""
    cdef list operand
    cdef object wanted = key
    if simple(key):
        state = self.peek()
        tables = self.reader.tables
    else:                       # a key that has a hash of its own may need what else there is
        operand = []
        state = state_with(self, key, operand)
        tables = self.reader.tables
        if may_write(self, state):
            value = execute(self, "get", (key, Absent), None, True)
            return default if value is Absent else value
        wanted = operand[0]
    value = dict.get(state, wanted, MISSING)
    return default if value is MISSING else self.child(tables, ITEM, key, value)


# C code that takes a mapping as it is, `dict(p)`, `{**p}`, `f(**p)`, asks it for its keys and then for the value of
# each, within one instruction of one frame. So who makes a view of keys and iterates over it within one gets a copy, of
# one moment, and then the values of that, as long as that instruction goes on and asks for them in their order.
cdef dict moments = {}          # thread -> Moment


@cython.binding(False)
cdef class Moment:
    """The values of a dict, for the instruction that has asked for its keys."""

    cdef Proxy proxy
    cdef tuple place
    cdef object rest            # an iterator over (key, value)
    cdef Py_ssize_t left


cdef extern from *:
    """
    /* Which frame executes which instruction; None where no Python is executed. */
    static PyObject* share_place_of(PyObject* frame) {
        PyFrameObject* f = frame == Py_None ? PyEval_GetFrame() : (PyFrameObject*)frame;
        if (f == NULL)
            Py_RETURN_NONE;
        return Py_BuildValue("(ni)", (Py_ssize_t)f, PyFrame_GetLasti(f));
    }
    """
    object place_of "share_place_of"(object frame)


cdef object momentary(Proxy self, object key):
    """The value that a key has in the copy that was made for this instruction; MISSING if there is none."""
    cdef object thread = PyThread_get_thread_ident()
    cdef Moment moment = moments.get(thread)
    if moment is None:
        return MISSING
    if moment.proxy is self and moment.place == place_of(None):
        found, value = next(moment.rest)
        moment.left -= 1
        if found is key:
            if not moment.left:
                moments.pop(thread, None)
            return value
    moments.pop(thread, None)
    return MISSING


def _dict_getitem(Proxy self not None, key):
    value = momentary(self, key) if moments else MISSING
    if value is not MISSING:
        return value
    value = looked_up(self, key, MISSING)
    if value is not MISSING:
        return value
    state = self.current()
    tables = self.reader.tables
    cls = type(state)
    if not hasattr(cls, "__missing__"):
        raise KeyError(key)
    plan = type(self)._share_plan_.methods.get("__missing__")
    if plan is not None and plan.read_only:
        return self.child(tables, ITEM, key, cls.__missing__(state, key))
    return execute(self, "__getitem__", (key,), None, True)


def _dict_get(Proxy self not None, key, default=None, /):
    return looked_up(self, key, default)


def _dict_setdefault(Proxy self not None, key, default=None, /):
    value = looked_up(self, key, MISSING)
    return execute(self, "setdefault", (key, default), None, True) if value is MISSING else value


def _ordered_setdefault(self, key, default=None):
    return _dict_setdefault(self, key, default)


@cython.no_gc_clear
@cython.binding(False)
cdef class DictIterator(Iteration):
    """Iterates over a dict or a set as it was at the beginning, to which its thread must not give another size."""

    cdef Proxy proxy                # None: it has ended
    cdef object state               # what it goes over; None: the rest has been copied
    cdef Tables tables
    cdef object rest                # an iterator over the keys, or over (key, value)
    cdef object kind                # see built_in_of
    cdef Py_ssize_t size, done
    cdef int what                   # 0: keys, 1: values, 2: items

    def __init__(self):
        raise TypeError("iterators are made by iter() and reversed()")

    def __dealloc__(self):
        leave(self)

    def __iter__(self):
        return self

    def __next__(self):
        cdef Proxy proxy = self.proxy
        if proxy is None:
            raise StopIteration
        present = MISSING
        tables = self.tables
        if self.own:
            present = proxy.peek()
            if self.kind.__len__(present) != self.size:
                self.size = -1
                kind = "Set" if isinstance(present, (set, frozenset)) else "dictionary"
                raise RuntimeError(f"{kind} changed size during iteration")
        for key in self.rest:
            self.done += 1
            value = None
            if self.what:
                key, value = key
            tables = self.tables
            if present is not MISSING and not self.what:
                if not self.kind.__contains__(present, key):
                    continue
            elif present is not MISSING:
                found = dict.get(present, key, MISSING)
                if found is MISSING:
                    continue
                value, tables = found, proxy.reader.tables
            if self.what == 0:
                return part_of(proxy, tables, key, key)
            value = part_of(proxy, tables, key, value)
            return value if self.what == 1 else (part_of(proxy, self.tables, key, key), value)
        self.proxy = self.state = self.tables = self.rest = self.cell = None
        leave(self)
        raise StopIteration

    cdef int keep_rest(self) except -1:
        cdef list rest
        if self.proxy is not None and self.state is not None:
            rest = list(self.rest)
            self.tables = self.tables.of_these(rest)
            self.state, self.rest, self.cell = None, iter(rest), None
        return 0

    def __length_hint__(self):
        return 0 if self.proxy is None or self.size < 0 else self.size - self.done

    def __reduce__(self):
        cdef DictIterator ahead = DictIterator.__new__(DictIterator)
        cdef list rest
        if self.proxy is not None:
            self.keep_rest()
            rest = list(self.rest)
            self.rest = iter(rest)
            ahead.proxy, ahead.tables, ahead.rest, ahead.what = self.proxy, self.tables, iter(rest), self.what
        return iter, (list(ahead),)


cdef DictIterator iterate_dict(Proxy self, int what, bint backwards):
    cdef DictIterator iterator = DictIterator.__new__(DictIterator)
    state = self.peek()
    iterator.proxy, iterator.state, iterator.tables = self, state, self.reader.tables
    iterator.kind = kind = built_in_of(state)
    if what:
        items = kind.items(state)
        iterator.rest = reversed(items) if backwards else iter(items)
    else:
        iterator.rest = kind.__reversed__(state) if backwards else kind.__iter__(state)
    iterator.size, iterator.what = kind.__len__(state), what
    begin(iterator, self)
    return iterator


def _dict_iter(Proxy self not None):
    return iterate_dict(self, 0, False)


def _dict_reversed(Proxy self not None):
    return iterate_dict(self, 0, True)


def _dict_keys(Proxy self not None):
    return _proxy.views().KeysView(self, place_of(None))


def _dict_values(Proxy self not None):
    return _proxy.views().ValuesView(self)


def _dict_items(Proxy self not None):
    return _proxy.views().ItemsView(self)


def iter_keys(Proxy self not None, place, frame):
    """Iterates over the keys of a dict; place: where its view was made."""
    cdef Moment moment
    if place is None or place != place_of(frame) or not size_of(self.peek()):
        return iterate_dict(self, 0, False)
    copy = _dict_copy(self)
    moment = Moment.__new__(Moment)
    moment.proxy, moment.place, moment.rest, moment.left = self, place, iter(copy.items()), len(copy)
    moments[PyThread_get_thread_ident()] = moment
    return iter(list(copy))


def iter_values(Proxy self not None, bint backwards=False):
    """Iterates over the values of a dict."""
    return iterate_dict(self, 1, backwards)


def iter_items(Proxy self not None, bint backwards=False):
    """Iterates over (key, value) of a dict."""
    return iterate_dict(self, 2, backwards)


def contents(Proxy self not None):
    """The state of a container, for looking at only."""
    return self.current()


def is_value_in(Proxy self not None, item):
    """Whether a dict has such a value."""
    cdef list operand = []
    state = state_with(self, item, operand)
    if may_write(self, dict.values(state)):
        for part in _dict_values(self):
            if part is item or part == item:
                return True
        return False
    cells = self.held()
    pin(cells)
    try:
        return operand[0] in dict.values(state)
    finally:
        unpin(cells)


def is_item_in(Proxy self not None, item):
    """Whether a dict has such a pair of key and value."""
    cdef list operand = []
    state = state_with(self, item, operand)
    if may_write(self, [*state, *dict.values(state)]):
        if not isinstance(item, tuple) or len(item) != 2:
            return False
        found = looked_up(self, item[0], MISSING)
        return found is not MISSING and (found is item[1] or found == item[1])
    cells = self.held()
    pin(cells)
    try:
        return operand[0] in dict.items(state)
    finally:
        unpin(cells)


def _dict_copy(Proxy self not None):
    state = self.peek()
    tables = self.reader.tables
    cells = self.held()
    pin(cells)
    try:
        new = {
            part_of(self, tables, key, key): part_of(self, tables, key, dict.__getitem__(state, key)) for key in state
        }
    finally:
        unpin(cells)
    if type(state) is dict:
        return new
    if isinstance(state, defaultdict):
        return type(state)(state.default_factory, new)
    return type(state)(new)


def _dict_or(Proxy self not None, other):
    other = concrete(other)
    return _dict_copy(self) | other if isinstance(other, dict) else NotImplemented


def _dict_ror(Proxy self not None, other):
    other = concrete(other)
    return other | _dict_copy(self) if isinstance(other, dict) else NotImplemented


def _dict_ior(Proxy self not None, other):
    execute(self, "__ior__", (mapping_like(other),), None, False)
    return self


def _dict_update(Proxy self not None, other=(), /, **kwargs):
    execute(self, "update", (mapping_like(other),), kwargs, False)


cdef object counted(value):
    """What ``Counter.update`` takes, as something that can travel."""
    value = plain_operand(value)
    if value is None or isinstance(value, dict):
        return value
    return dict(value) if isinstance(value, Mapping) else materialised(value)


def _counter_init(Proxy self not None, iterable=None, /, **kwargs):
    execute(self, "__init__", (counted(iterable),), kwargs, False)


def _counter_update(Proxy self not None, iterable=None, /, **kwargs):
    execute(self, "update", (counted(iterable),), kwargs, False)


def _counter_or(Proxy self not None, other):
    try:
        return _dict_copy(self) | concrete(other)
    except TypeError:
        return NotImplemented


def _counter_subtract(Proxy self not None, iterable=None, /, **kwargs):
    execute(self, "subtract", (counted(iterable),), kwargs, False)


def _dict_fromkeys(Proxy self not None, *args):
    return type(self)._share_class_.fromkeys(*args)


# -- set ------------------------------------------------------------------------------------------------

def _set_iter(Proxy self not None):
    return iterate_dict(self, 0, False)


cdef object updater(str name):
    def update(Proxy self not None, *others):
        execute(self, name, tuple([materialised(other) for other in others]), None, False)

    update.__name__ = name
    return update


cdef object set_operator(str name):
    def operate(Proxy self not None, other):
        other = concrete(other)
        if not isinstance(other, (set, frozenset)):
            return NotImplemented
        execute(self, name, (other,), None, False)
        return self

    operate.__name__ = name
    return operate


def _add(Proxy self not None, item, /):
    hash(item)
    execute(self, "add", (item,), None, False)


cdef dict ANY = {"__len__": _len, "__contains__": _contains, "__repr__": _repr, "__init__": _init,
                 "__aiter__": _aiter}
cdef dict SEQUENCE = {
    **ANY, "__getitem__": _sequence_getitem, "__iter__": _sequence_iter, "__reversed__": _sequence_reversed,
}
cdef dict MUTABLE = {
    "__setitem__": _sequence_setitem, "__delitem__": _delitem, "__imul__": _imul, "__iadd__": _sequence_iadd,
    "extend": _extend, "remove": _remove,
}
cdef dict LIST = {
    **SEQUENCE, **MUTABLE, "copy": _list_copy, "__add__": _list_add, "__radd__": _list_radd, "__mul__": _list_mul,
    "__rmul__": _list_mul,
}
cdef dict DICT = {
    **ANY, "__getitem__": _dict_getitem, "__setitem__": _setitem, "__delitem__": _delitem, "get": _dict_get,
    "setdefault": _dict_setdefault, "__iter__": _dict_iter, "__reversed__": _dict_reversed, "keys": _dict_keys,
    "values": _dict_values, "items": _dict_items, "copy": _dict_copy, "__or__": _dict_or, "__ror__": _dict_ror,
    "__ior__": _dict_ior, "update": _dict_update, "fromkeys": _dict_fromkeys,
}
cdef dict SET = {**ANY, "__iter__": _set_iter, "add": _add, "remove": _remove}
for name in ("update", "intersection_update", "difference_update", "symmetric_difference_update"):
    SET[name] = updater(name)
for name in ("__ior__", "__iand__", "__isub__", "__ixor__"):
    SET[name] = set_operator(name)

#: built-in class -> {name: function}
OVERRIDES = {
    list: LIST,
    tuple: {
        **SEQUENCE, "__init__": object.__init__,
        "__add__": _tuple_add, "__radd__": _tuple_radd, "__mul__": _tuple_mul, "__rmul__": _tuple_mul,
    },
    deque: {**SEQUENCE, **MUTABLE, "extendleft": _extendleft, "copy": _deque_copy},
    bytearray: {
        **MUTABLE, "__len__": _len, "__iter__": _sequence_iter, "__bytes__": _bytes,
    },
    dict: DICT,
    defaultdict: DICT,
    OrderedDict: {**DICT, "setdefault": _ordered_setdefault},
    Counter: {
        "__init__": _counter_init, "update": _counter_update, "subtract": _counter_subtract,
        "__or__": _counter_or,
        **{name: DICT[name] for name in ("__delitem__", "copy", "__repr__")},
    },
    set: SET,
    array: {"__iter__": _sequence_iter, "__reversed__": _sequence_reversed, "__setitem__": _sequence_setitem},
    BytesIO: {"getbuffer": _getbuffer},
    frozenset: {**ANY, "__init__": object.__init__, "__iter__": _set_iter},
}


def overrides(cls) -> dict:
    """The functions that a proxy class for ``cls`` has instead of what its plan says, by name.

    A method that a user's subclass defines itself stays as its plan says.
    """
    found = {}
    for base in reversed(cls.__mro__):
        special = OVERRIDES.get(base)
        if (special is None or base is Counter) and base is not object:
            for name in vars(base):
                found.pop(name, None)
        found.update(special or ())
    return found
