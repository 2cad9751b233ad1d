"""Containers of live objects that record what their methods do, so that only that is published.

A method of a user's class that appends to ``self.items`` calls the list's own method, here that of a subclass: it does
what it always does and adds an entry to the list's log. What an entry cannot say makes the log useless until the
container has been published anew, which is always right. Three things need care.

* *Elements.* Whoever is given a mutable element may change it without a call of ours. An element got by its key is
  published whole, under its key, after the command. Whoever iterates may change any: then all is published.
* *Aliases.* An element that can be reached in two ways must not be published in one of them only. One reference means
  one way: an element that has more is not told apart from the whole.
* *Bypasses.* C code that is given the container itself goes past these methods. Which methods of a class may do that is
  in its plan (``unseen``); what they touch is looked at whole.
"""

cimport cython

from collections import defaultdict, deque

from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint64_t

from .._logs cimport LEAST_LOG, entry
from ..cerial._codec cimport Encoder

from .._kinds import is_value
from ..cerial._codec import register_plain

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*) noexcept
    object PyObject_GenericGetDict(object, void*)


cdef enum:
    DEEPEST = 20                # an element that goes deeper is not looked through
    MOST_HANDED = 100           # of more elements, all are published

# Methods that put their last argument, an element, into the container.
cdef set STORING = {"append", "appendleft", "insert", "setdefault", "__setitem__"}
# Methods that leave the container as it was when they raise; of those with a key only if it is no slice.
cdef set AT_ONCE = STORING | {"pop", "popleft", "popitem", "remove", "add", "discard", "__delitem__", "move_to_end"}
# Methods that take any iterable, which may be there only once.
cdef set SPREADING = {
    "extend", "extendleft", "update", "difference_update", "intersection_update", "symmetric_difference_update",
}
cdef dict plain_classes = {}    # user's class -> whether its instances are their __dict__ and nothing else
cdef Encoder spare = Encoder()


cdef bint is_plain(object value):
    cdef object cls = type(value)
    return cls is int or cls is str or cls is float or value is None or is_value(value)


cdef bint all_plain(object values):
    for value in values:
        if not is_plain(value):
            return False
    return True


cdef bint travels(object value):
    """Whether an argument holds nothing that could change later."""
    cdef object cls = type(value)
    if is_plain(value) or cls is slice:
        return True
    if cls is list or cls is tuple or cls is set or cls is frozenset or cls is deque:
        return all_plain(value)
    return cls is dict and all_plain(value) and all_plain((<dict>value).values())


cdef bint has_only_dict(object cls):
    """Whether instances of a class have no state but their ``__dict__``."""
    found = plain_classes.get(cls)
    if found is None:
        bases = cls.__mro__[:len(cls.__mro__) - 1]
        found = plain_classes[cls] = bool(cls.__dictoffset__) and all([
            base.__flags__ & (1 << 9) and not vars(base).get("__slots__") for base in bases
        ])
    return found


cdef bint is_sole(PyObject* value, Py_ssize_t references, int depth) except -1:
    """Whether no more than so many references lead to a mutable object, and one to each mutable thing in it."""
    cdef object cls = <object>value.ob_type
    cdef Py_ssize_t i, at = 0
    cdef PyObject* key
    cdef PyObject* item
    if cls is int or cls is str or cls is float or value == <PyObject*>None or is_value(<object>value):
        return True
    if depth > DEEPEST or Py_REFCNT(value) > references:
        return False
    if cls is tuple:
        for i in range(PyTuple_GET_SIZE(<object>value)):
            if not is_sole(PyTuple_GET_ITEM(<object>value, i), 1, depth + 1):
                return False
        return True
    if cls is list:
        for i in range(PyList_GET_SIZE(<object>value)):
            if not is_sole(PyList_GET_ITEM(<object>value, i), 1, depth + 1):
                return False
        return True
    if cls is dict:
        while PyDict_Next(<object>value, &at, &key, &item):
            if not is_sole(key, 1, depth + 1) or not is_sole(item, 1, depth + 1):
                return False
        return True
    if cls is set:
        return all_plain(<object>value)
    if cls is bytearray:
        return True
    if not has_only_dict(cls):
        return False
    state = [PyObject_GenericGetDict(<object>value, NULL)]
    return is_sole(PyList_GET_ITEM(state, 0), 2, depth + 1)


@cython.binding(False)
cdef class Log:
    """What has been done to a container since it was last published."""

    def __cinit__(self):
        self.data = bytearray()
        self.pending, self.handed, self.popped = [], [], []

    cdef bint says_all(self):
        return not self.whole and not self.lost

    cdef int reset(self, object container) except -1:
        """The container has just been published whole."""
        self.data = bytearray()
        self.whole = False
        if self.doubtful:
            self.lost = isinstance(container, (dict, set)) and not all_plain(container)
            self.doubtful = self.lost
        if not self.plain and not self.lost:
            self.plain = all_plain(elements_of(container))
        return 0

    cdef int settle(self, object container, Encoder encoder) except -1:
        """Between commands: what could still change is now what it is."""
        cdef list args
        self.is_waiting = False
        try:
            for i in range(len(self.popped)):
                if not is_sole(PyList_GET_ITEM(self.popped, i), 1, 0):
                    self.whole = True       # it is here as well, or part of what is
            for i in range(len(self.pending)):
                name, values, is_open = self.pending[i]
                self.pending[i] = None
                args = list(values)
                values = None
                # The list of arguments holds one reference, the container the other.
                if is_open and not is_sole(PyList_GET_ITEM(args, PyList_GET_SIZE(args) - 1), 2, 0):
                    self.whole = True
                if self.whole:
                    break
                self.write(encoder, name, tuple(args), None)
            self.pending.clear()
            for pair in self.handed:
                if self.whole:
                    break
                self.write_element(container, encoder, pair)
        except Exception:
            self.whole = True           # publishing it whole will tell what is wrong with it
        self.pending.clear()
        self.handed.clear()
        self.popped.clear()
        return 0

    cdef int write_element(self, object container, Encoder encoder, list pair) except -1:
        """Writes what was handed out under its key; if it is no longer there, it must be nowhere else either."""
        cdef bint is_there
        key = pair[0]
        if isinstance(container, dict):
            is_there = dict.get(container, key, pair) is pair[1]
        else:
            is_there = key < len(container) and \
                (list if isinstance(container, list) else deque).__getitem__(container, key) is pair[1]
        # The pair holds one reference, the container the other.
        if not is_sole(PyList_GET_ITEM(pair, 1), 2 if is_there else 1, 0):
            self.whole = True
        elif is_there:
            self.write(encoder, "__setitem__", tuple(pair), None)
        return 0

    cdef int write(self, Encoder encoder, str name, tuple args, dict kwargs) except -1:
        encoder.clear()
        if args or kwargs:
            encoder.encode(args, "argument")
        if kwargs:
            encoder.encode(kwargs, "argument")
        self.data += entry(name.encode(), bool(kwargs), encoder.data, encoder.size)
        if <uint64_t>len(self.data) > self.most:
            self.whole = True
            self.data = bytearray()
        return 0

    cdef int wait(self, object container) except -1:
        if not self.is_waiting:
            self.is_waiting = True
            self.waiting.append(container)
        return 0

    cdef int note(self, object container, str name, tuple args, dict kwargs) except -1:
        """A method has done its work."""
        cdef Py_ssize_t i, count = len(args)
        cdef bint is_open = False
        if self.whole:
            return 0
        if self.handed and not isinstance(container, dict):
            self.move_handed(container, name, args)
        cdef bint stores = name in STORING and not (count and type(args[0]) is slice)
        for i in range(count):
            # What is stored can be changed later; of what is spread, the elements are what counts.
            if not (is_plain(args[i]) if stores else travels(args[i])):
                self.plain = False
                # Only one element, and that at the end: its arguments are encoded when it can change no more.
                if i + 1 != count or not stores or kwargs:
                    self.whole = self.doubtful = True
                is_open = True
        if kwargs and not all_plain(kwargs.values()):
            self.plain = False
            self.whole = True
        if self.whole:
            return 0
        if is_open or self.pending:
            if kwargs or not all_plain(args[:count - 1]) or not is_open and not all_plain(args):
                self.whole = True
            else:
                self.pending.append((name, args, is_open))
                self.wait(container)
        else:
            self.write(spare, name, args, kwargs)
        return 0

    cdef int hand(self, object container, object key, object value) except -1:
        """Running code has been given the mutable element of that key."""
        cdef list pair
        if self.whole:
            return 0
        if not isinstance(container, dict) and key < 0:
            key += len(container)
        for pair in self.handed:
            if pair[1] is value and pair[0] == key:
                return 0
        if len(self.handed) == MOST_HANDED:
            self.whole = True
            return 0
        self.handed.append([key, value])
        self.wait(container)
        return 0

    cdef int take_out(self, object container, object value) except -1:
        """Running code has been given an element that was removed."""
        if not is_plain(value) and not self.whole:
            self.popped.append(value)
            self.wait(container)
        return 0

    cdef int hand_all(self) except -1:
        if not self.plain:
            self.whole = True
        return 0

    cdef int move_handed(self, object container, str name, tuple args) except -1:
        """The elements that running code holds may be elsewhere now."""
        cdef bint is_bounded = getattr(container, "maxlen", None) is not None
        cdef int shift = -1 if name == "popleft" else 1
        if name == "popleft" or name == "appendleft" and not is_bounded:
            self.popped += [pair[1] for pair in self.handed if pair[0] + shift < 0]
            self.handed = [[pair[0] + shift, pair[1]] for pair in self.handed if pair[0] + shift >= 0]
        elif not (name in ("append", "extend") and not is_bounded or name == "pop" and not args
                  or name == "__setitem__" and type(args[0]) is int):
            self.whole = True
        return 0


cdef Log log_of(object container):
    return get_log(container) if type(container) in KINDS else None


cdef bint is_tracked(object container):
    return type(container) in KINDS


cdef Log get_log(object container):
    """The log of an instance of a tracked class; None for one that built-in code has made."""
    try:
        return container._share_log_
    except AttributeError:
        return None


# -- the classes ----------------------------------------------------------------------------------------

def materialised(value):
    """An iterable that can be iterated over twice."""
    cls = type(value)
    if cls in KINDS:
        return untracked(value)
    if isinstance(value, (list, tuple, set, frozenset, dict, deque, str, bytes, range)):
        return value
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}
    return [item for item in value]


def recording(base, str name):
    """A method that changes the container and can be said in its log."""
    function = getattr(base, name)
    cdef bint spreads = name in SPREADING, takes_out = name in ("pop", "popleft", "popitem")

    def method(self, *args, **kwargs):
        cdef Log log = get_log(self)
        if log is None or log.muted:
            if log is not None:
                log.whole = True        # called by an element, from within such a method
            return function(self, *args, **kwargs)
        if args and (spreads or name == "__iadd__" or name == "__setitem__" and type(args[0]) is slice):
            args = (*args[:len(args) - 1], materialised(args[len(args) - 1])) if len(args) < 2 or not spreads else \
                tuple([materialised(arg) for arg in args])
        log.muted = True
        try:
            result = function(self, *args, **kwargs)
        except BaseException:
            if name not in AT_ONCE or args and type(args[0]) is slice:
                log.whole = True
            raise
        finally:
            log.muted = False
        if result is not NotImplemented:
            log.note(self, name, args, kwargs)
            if takes_out:
                log.take_out(self, result)
        return result

    method.__name__ = name
    return method


def rewriting(base, str name):
    """A method of which the log cannot say what it does."""
    function = getattr(base, name)

    def method(self, *args, **kwargs):
        cdef Log log = get_log(self)
        if log is not None:
            log.whole = True
        return function(self, *args, **kwargs)

    method.__name__ = name
    return method


def handing(base, str name):
    """A method whose result may give any of the elements."""
    function = getattr(base, name)

    def method(self, *args, **kwargs):
        cdef Log log = get_log(self)
        if log is not None:
            log.hand_all()
        return function(self, *args, **kwargs)

    method.__name__ = name
    return method


def passing(base, str name):
    """The base's own method, so that C code asks for it instead of looking into the container."""
    function = getattr(base, name)

    def method(self, *args):
        return function(self, *args)

    method.__name__ = name
    return method


def keyed(base, str name):
    """A method that gives the element of a key."""
    function = getattr(base, name)

    def method(self, key, *args):
        cdef Log log
        value = function(self, key, *args)
        if not is_plain(value):
            log = get_log(self)
            if log is not None and not log.muted:
                if type(key) is slice:
                    log.hand_all()
                elif not isinstance(self, dict) or dict.__contains__(self, key):
                    log.hand(self, key, value)
        return value

    method.__name__ = name
    return method


def _setdefault(self, key, default=None, /):
    cdef Log log = get_log(self)
    if log is None:
        return dict.setdefault(self, key, default)
    if dict.__contains__(self, key):
        return self[key]
    self[key] = default
    return default


def _set_pop(self):
    cdef Log log = get_log(self)
    value = set.pop(self)
    if log is not None:
        log.note(self, "discard", (value,), None)
    return value


def _set_giver(str name):
    function = getattr(set, name)

    def method(self, *args):
        # A set makes its results of its own class.
        return function(untracked(self), *args)

    method.__name__ = name
    return method


def _radd(base):
    def method(self, other):
        cdef Log log = get_log(self)
        if log is not None:
            log.hand_all()
        return base.__add__(other, untracked(self)) if isinstance(other, base) else NotImplemented

    return method


def _reduce_ex(self, protocol):
    cdef Log log = get_log(self)
    if log is not None:
        log.hand_all()
    plain = untracked(self)
    if isinstance(plain, deque):
        return deque, (list(plain), plain.maxlen)
    if isinstance(plain, defaultdict):
        return defaultdict, (plain.default_factory, dict(plain))
    return type(plain), (plain,)


def copied(container):
    """The plain container with the same elements."""
    return untracked(container)


def _made(base, dict kinds):
    members = {
        "__slots__": ("_share_log_",),
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__doc__": base.__doc__,
        # type(x)() is an ordinary container, which is nobody's state yet.
        "__new__": lambda cls, *args, **kwargs: base(*args, **kwargs),
        "__reduce_ex__": _reduce_ex,
        "__init__": rewriting(base, "__init__"),
    }
    for kind, names in kinds.items():
        for name in names.split():
            members[name] = kind(base, name)
    cls = type(base.__name__, (base,), members)
    register_plain(cls, copied)
    return cls


cdef object LIST_HANDING = "__iter__ __reversed__ __add__ __mul__ __rmul__ copy"
TrackedList = _made(list, {
    recording: "append extend insert pop remove reverse clear __setitem__ __delitem__ __iadd__ __imul__",
    rewriting: "sort", handing: LIST_HANDING, keyed: "__getitem__",
})
TrackedList.__radd__ = _radd(list)
TrackedDeque = _made(deque, {
    recording: "append appendleft extend extendleft insert pop popleft remove reverse rotate clear __setitem__ "
               "__delitem__ __iadd__ __imul__",
    handing: LIST_HANDING + " __copy__", keyed: "__getitem__",
})
TrackedDeque.__radd__ = _radd(deque)
cdef object DICT_RECORDED = "pop popitem update clear __setitem__ __delitem__ __ior__"
cdef object DICT_HANDING = "values items copy __or__ __ror__"
TrackedDict = _made(dict, {
    recording: DICT_RECORDED, handing: DICT_HANDING, passing: "__iter__ keys", keyed: "__getitem__ get",
})
TrackedDict.setdefault = _setdefault
TrackedDefaultDict = _made(defaultdict, {
    recording: DICT_RECORDED, handing: DICT_HANDING + " __copy__", passing: "__iter__ keys", keyed: "__getitem__ get",
})
TrackedDefaultDict.setdefault = _setdefault
TrackedSet = _made(set, {
    recording: "add discard remove update difference_update intersection_update symmetric_difference_update clear "
               "__ior__ __iand__ __isub__ __ixor__",
    passing: "__iter__",
})
TrackedSet.pop = _set_pop
for _name in "copy union difference intersection symmetric_difference __or__ __and__ __sub__ __xor__".split():
    setattr(TrackedSet, _name, _set_giver(_name))
TrackedSet.__repr__ = lambda self: repr(untracked(self))        # a subclass says its name

cdef dict TRACKED = {
    list: TrackedList, dict: TrackedDict, set: TrackedSet, deque: TrackedDeque, defaultdict: TrackedDefaultDict,
}
cdef frozenset KINDS = frozenset(TRACKED.values())


cdef object elements_of(object container):
    """The elements, without a word to the log."""
    if isinstance(container, dict):
        return dict.values(container)
    if isinstance(container, list):
        return list.__iter__(container)
    return deque.__iter__(container) if isinstance(container, deque) else set.__iter__(container)


cdef object untracked(object container):
    cdef object cls = type(container)
    # By the built-in types' own functions: those of the classes above would hand out elements.
    if cls is TrackedList:
        return list.copy(container)
    if cls is TrackedDict:
        return dict.copy(container)
    if cls is TrackedDeque:
        return deque(deque.__iter__(container), container.maxlen)
    if cls is TrackedDefaultDict:
        new = defaultdict(container.default_factory)
        dict.update(new, dict.copy(container))
        return new
    if cls is TrackedSet:
        new = set()
        set.update(new, container)
        return new
    return container


cdef object tracked_copy(object container, uint64_t size, list waiting):
    cdef object base = type(container)
    cdef object cls = TRACKED.get(base)
    cdef Log log
    if cls is None or isinstance(container, (dict, set)) and not all_plain(container):
        return None         # keys can be had by iterating, which is not noticed
    if base is deque:
        new = deque.__new__(cls)
        deque.__init__(new, container, container.maxlen)
    else:
        new = base.__new__(cls)
        if base is list:
            list.extend(new, container)
        elif base is set:
            set.update(new, container)
        else:
            if base is defaultdict:
                defaultdict.__init__(new, container.default_factory)
            dict.update(new, container)
    log = Log()
    log.most = max(<uint64_t>LEAST_LOG, size // 2)
    log.waiting = waiting
    log.plain = all_plain(elements_of(container))
    new._share_log_ = log
    return new
