"""Process-local things inside a value, and what stands for them on arrival."""

import io
import sys
import threading
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

from share.cerial import _exceptions
from share.cerial._files import FILE_TYPES, reduce_file, reduce_stream
from share.cerial._refuse import refusal_for
from share.cerial._tracebacks import reduce_frame, reduce_traceback

__all__ = ["rule_for"]

Rule = Callable[[Any], Any]


def rule_for(cls: type) -> Rule | None:
    """The rule for instances of ``cls``, or None if pickle's own way is right.

    Rules are for exact types; a subclass is pickled as what it is, with rules for what it holds. Only refusals
    and loggers include subclasses.
    """
    rule = _rules.get(cls) or refusal_for(cls) or _lazy_rule(cls)
    if rule is None and cls in _CLOUDPICKLE:
        from cloudpickle import Pickler

        rule = Pickler.dispatch_table[cls]
    return rule


def _lazy_rule(cls: type) -> Rule | None:
    """Rules for types of modules that are not imported for this alone."""
    if cls.__module__ == "queue" and cls.__name__ in ("Queue", "LifoQueue", "PriorityQueue"):
        return _reduce_queue
    logging = sys.modules.get("logging")
    if logging is not None and issubclass(cls, logging.Logger):
        return _reduce_logger
    if issubclass(cls, BaseException):
        return _exceptions.rule_for(cls)
    if issubclass(cls, io.TextIOBase):
        return reduce_stream
    return _rule_for_attributes(cls)


def _rule_for_attributes(cls: type) -> Rule | None:
    """The rule for a subclass of what pickles itself without the attributes that a subclass may have."""
    for base in cls.__mro__:
        if base.__module__ in _WITHOUT_ATTRIBUTES and base.__name__ in _WITHOUT_ATTRIBUTES[base.__module__]:
            if base is cls or issubclass(cls, OrderedDict):
                return None
            return _reduce_dict if issubclass(cls, dict) else _reduce_with_attributes
        if "__reduce__" in vars(base) or "__reduce_ex__" in vars(base):
            return None
    return None


# ---- locks: no state, so fresh ones ----------------------------------------------------------------------


def _fresh(make: Callable[[], Any]) -> Rule:
    return lambda _: (make, ())


def _reduce_condition(condition: Any) -> Any:
    return threading.Condition, (condition._lock,)


def _reduce_event(event: Any) -> Any:
    return _event, (event.is_set(),)


def _event(is_set: bool) -> threading.Event:
    event = threading.Event()
    if is_set:
        event.set()
    return event


def _reduce_semaphore(semaphore: Any) -> Any:
    return threading.Semaphore, (semaphore._value,)


def _reduce_bounded_semaphore(semaphore: Any) -> Any:
    return _bounded_semaphore, (semaphore._initial_value, semaphore._value)


def _bounded_semaphore(bound: int, value: int) -> threading.BoundedSemaphore:
    semaphore = threading.BoundedSemaphore(bound)
    semaphore._value = value
    return semaphore


def _reduce_barrier(barrier: Any) -> Any:
    return threading.Barrier, (barrier.parties, barrier._action, barrier._timeout)


# ---- queues and loggers ----------------------------------------------------------------------------------


def _reduce_queue(queue: Any) -> Any:
    # `list` of a deque or list is one step under the GIL: the queue's own lock, which the caller may hold,
    # is not needed.
    return _queue, (type(queue), queue.maxsize, list(queue.queue), queue.unfinished_tasks)


def _queue(cls: Any, maxsize: int, items: list[Any], unfinished: int) -> Any:
    queue = cls(maxsize)
    queue.queue = deque(items) if isinstance(queue.queue, deque) else items
    queue.unfinished_tasks = unfinished
    return queue


def _reduce_logger(logger: Any) -> Any:
    import logging

    return logging.getLogger, (() if logger is logging.root else (logger.name,))


# ---- weak references: to the copy, if the copy is held by something else of the value --------------------


def _reduce_reference(reference: Any) -> Any:
    return _reference, (reference(),)


def _reference(target: Any) -> Any:
    return weakref.ref(set() if target is None else target)  # nobody holds that set: a dead reference


def _reduce_weak_method(method: Any) -> Any:
    return _weak_method, (method(),)


def _weak_method(method: Any) -> Any:
    return _reference(None) if method is None else weakref.WeakMethod(method)


def _reduce_weak_values(values: Any) -> Any:
    return weakref.WeakValueDictionary, (dict(values),)


def _reduce_weak_keys(keys: Any) -> Any:
    return weakref.WeakKeyDictionary, (dict(keys),)


def _reduce_weak_set(members: Any) -> Any:
    return weakref.WeakSet, (list(members),)


# ---- what pickle would leave out -------------------------------------------------------------------------


_WITHOUT_ATTRIBUTES = {
    "array": ("array",),
    "collections": ("Counter", "defaultdict"),
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
}


def _reduce_with_attributes(value: Any) -> Any:
    state = object.__getstate__(value)
    return NotImplemented if state is None else (*value.__reduce_ex__(5)[:2], state)


def _reduce_dict(value: Any) -> Any:
    factory = value.default_factory if isinstance(value, defaultdict) else None
    state = object.__getstate__(value)
    return _new_dict, (type(value),), (factory, list(dict.items(value)), state), None, None, _fill_dict


def _new_dict(cls: Any) -> Any:
    return dict.__new__(cls)


def _fill_dict(value: Any, content: Any) -> None:
    factory, items, state = content
    if isinstance(value, defaultdict):
        _set_factory(value, factory)
    for key, item in items:
        dict.__setitem__(value, key, item)
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        value.__dict__.update(attributes)
    for name, item in (slots or {}).items():
        object.__setattr__(value, name, item)


_set_factory: Any = defaultdict.__dict__["default_factory"].__set__


def _reduce_memory_file(file: io.BytesIO | io.StringIO) -> Any:
    return (_closed, (type(file),)) if file.closed else NotImplemented


def _closed(cls: type) -> Any:
    file = cls()
    file.close()
    return file


# ---- views and methods -----------------------------------------------------------------------------------


def _reduce_view(view: memoryview) -> Any:
    data = view.tobytes() if view.readonly else bytearray(view)
    return _view, (data, view.format, view.shape)


def _view(data: Any, code: str, shape: tuple[int, ...]) -> Any:
    view: Any = memoryview(data)
    # One dimension keeps the plain cast, which also allows length zero.
    if len(shape) == 1:
        return view if code == "B" else view.cast(code)
    return view.cast(code, shape)


def _reduce_method(method: types.MethodType) -> Any:
    # pickle sends object and name, which is right only if the object's class has the method by that name.
    if getattr(type(method.__self__), method.__func__.__name__, None) is method.__func__:
        return NotImplemented
    if isinstance(method.__self__, type):
        return NotImplemented
    return types.MethodType, (method.__func__, method.__self__)


def _reduce_code(code: types.CodeType) -> Any:
    """As cloudpickle does, which leaves out the file that tracebacks name."""
    from cloudpickle import Pickler

    return _make_code, (Pickler.dispatch_table[types.CodeType](code)[1], code.co_filename)


def _make_code(arguments: tuple[Any, ...], file: str) -> types.CodeType:
    return types.CodeType(*arguments).replace(co_filename=file)


# What only cloudpickle knows how to reduce: parts of functions and classes, and views of dicts.
_CLOUDPICKLE = frozenset(
    {
        types.CellType,
        types.ModuleType,
        types.GetSetDescriptorType,
        types.MappingProxyType,
        property,
        classmethod,
        staticmethod,
        type({}.keys()),
        type({}.values()),
        type({}.items()),
    }
)

_rules: dict[type, Rule] = {
    type(threading.Lock()): _fresh(threading.Lock),
    type(threading.RLock()): _fresh(threading.RLock),
    threading.local: _fresh(threading.local),
    threading.Condition: _reduce_condition,
    threading.Event: _reduce_event,
    threading.Semaphore: _reduce_semaphore,
    threading.BoundedSemaphore: _reduce_bounded_semaphore,
    threading.Barrier: _reduce_barrier,
    weakref.ref: _reduce_reference,
    weakref.WeakMethod: _reduce_weak_method,
    weakref.WeakValueDictionary: _reduce_weak_values,
    weakref.WeakKeyDictionary: _reduce_weak_keys,
    weakref.WeakSet: _reduce_weak_set,
    memoryview: _reduce_view,
    types.MethodType: _reduce_method,
    types.CodeType: _reduce_code,
    types.TracebackType: reduce_traceback,
    types.FrameType: reduce_frame,
    **dict.fromkeys(FILE_TYPES, reduce_file),
    **dict.fromkeys((io.BytesIO, io.StringIO), _reduce_memory_file),
}
