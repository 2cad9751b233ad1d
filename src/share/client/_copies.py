"""Read-only copies of mutable state: what reading an attribute that holds a list, dict or object gives."""

from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from share.errors import ReadOnlyCopyError

__all__ = ["read_only_copy"]

_MUTATORS = {
    list: "append clear extend insert pop remove reverse sort __setitem__ __delitem__ __iadd__ __imul__",
    dict: "clear pop popitem setdefault update __setitem__ __delitem__ __ior__",
    set: "add clear difference_update discard intersection_update pop remove symmetric_difference_update "
    "update __iand__ __ior__ __isub__ __ixor__",
    deque: "append appendleft clear extend extendleft insert pop popleft remove reverse rotate __setitem__ "
    "__delitem__ __iadd__ __imul__",
    bytearray: "append clear extend insert pop remove reverse __setitem__ __delitem__ __iadd__ __imul__",
}
_classes: dict[type, type] = {}


def _refuse(what: str) -> Callable[..., NoReturn]:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise ReadOnlyCopyError(
            f"this {type(self).__mro__[1].__name__} is a read-only copy of shared state, and {what} would "
            "change only the copy: change the state in a method of the shared object, or assign a new value "
            "to its attribute; copy.copy(x) or list(x) gives a copy of your own"
        )

    return refuse


def _plain_reduce(self: Any, protocol: Any = None) -> Any:
    base = type(self).__mro__[1]
    if base in _MUTATORS:
        if base is bytearray:
            return base, (bytes(self),)
        return base, (list(self.items() if base is dict else self),)
    return _restore, (base, self.__dict__)


def _plain_copy(self: Any) -> Any:
    base = type(self).__mro__[1]
    return base(self, self.maxlen) if base is deque else base(self)


def _restore(base: type, state: dict[str, Any]) -> Any:
    instance: Any = object.__new__(base)
    instance.__dict__.update(state)
    return instance


def _class_for(base: type) -> type | None:
    found = _classes.get(base)
    if found is None:
        members: dict[str, Any] = {"__reduce_ex__": _plain_reduce, "__module__": base.__module__}
        if base in _MUTATORS:
            for name in _MUTATORS[base].split():
                members[name] = _refuse(name)
            members["__copy__"] = _plain_copy
            members["__slots__"] = ()
        elif base.__dictoffset__:
            members["__setattr__"] = _refuse("setting an attribute")
            members["__delattr__"] = _refuse("deleting an attribute")
        else:
            return None
        found = _classes[base] = type(base.__name__, (base,), members)
    return found


def read_only_copy(value: Any) -> Any:
    """Wraps a freshly decoded mutable value, which nobody else refers to, so that changing it raises.

    Built-in containers and instances of plain classes are protected at the top level. Other types come back
    as plain copies (NumPy arrays with their write flag off).
    """
    base = type(value)
    if base in _MUTATORS:
        cls = _class_for(base)
        assert cls is not None
        if base is deque:
            return cls(value, value.maxlen)
        return cls(value)
    flags = getattr(value, "flags", None)
    if base.__module__ == "numpy" and flags is not None:
        flags.writeable = False
        return value
    cls = _class_for(base) if base.__flags__ & (1 << 9) else None
    if cls is not None:
        try:
            object.__setattr__(value, "__class__", cls)
        except TypeError:
            return value
    return value
