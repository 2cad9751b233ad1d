"""Commands on parts of an object's state: on a node, or on what is found from a node or a top-level object on."""

from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from types import BuiltinMethodType, MethodType, MethodWrapperType
from typing import Any

from share import _paths
from share._kinds import is_value
from share.errors import NotShareableError

from ._live import MISSING

__all__ = [
    "RECORDED",
    "apply_to_root",
    "call_goes_past",
    "compares_nothing",
    "given_is_recorded",
    "part",
    "setting_goes_past",
    "starts_at_node",
]

#: Whose methods change nothing but what recording sees.
RECORDED = frozenset((list, dict, set, bytearray, array, deque, OrderedDict, defaultdict, Counter))
_STAYING = frozenset((
    "__delitem__", "__setitem__", "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert",
    "move_to_end", "pop", "popitem", "popleft", "reverse", "rotate", "setdefault", "update",
))  # fmt: skip
_METHODS = (MethodType, BuiltinMethodType, MethodWrapperType)  # of a proxy, where the command comes from


def starts_at_node(head: tuple[Any, ...]) -> bool:
    """Whether a command's head is (class name, node id, step, ...), not (class name, step, ...)."""
    return len(head) % 2 == 0


def part(start: Any, head: tuple[Any, ...], steps: tuple[Any, ...]) -> Any:
    """The object that a command means. Raises DeletedObjectError if it is there no more, or one of another class."""
    found = _paths.walk(start, steps)
    if head[0] and found.__class__.__qualname__ != head[0] and not isinstance(found, _METHODS):
        raise _paths.gone(steps)
    return found


def compares_nothing(cls: type, name: str) -> bool:
    """Whether a method of a built-in container gets to no other object: it compares no elements."""
    return cls in RECORDED and name in _STAYING


def call_goes_past(node: Any, name: str, store: Any) -> bool:
    """Whether calling a method of a node of the store may change nodes past recording."""
    if node.__class__ in RECORDED:
        return False
    plan = _plan_of(node)
    if plan.kind == "opaque":
        return True
    return _goes_past(node.__class__, plan, plan.methods.get(name), store)


def given_is_recorded(node: Any, name: str, is_call: bool) -> bool:
    """Whether what a method, or setting an attribute, does to nodes that it is given is recorded.

    Methods of theirs may go past it all the same.
    """
    if node.__class__ in RECORDED:
        return True
    plan = _plan_of(node)
    if not is_call:
        return plan.kind != "opaque" and not plan.custom_setattr and name not in plan.setters
    method = plan.methods.get(name)
    return (
        plan.kind != "opaque"
        and method is not None
        and method.unseen == frozenset()
        and not method.unseen_given
    )


def setting_goes_past(node: Any, name: str, store: Any) -> bool:
    """Whether getting, setting or deleting an attribute of a node may change nodes past recording."""
    if node.__class__ in RECORDED:
        return False
    plan = _plan_of(node)
    if plan.custom_setattr or plan.kind == "opaque":
        return True
    found = [plans[name] for plans in (plan.getters, plan.setters, plan.deleters) if name in plans]
    return any(_goes_past(node.__class__, plan, each, store) for each in found)


def _goes_past(cls: type, plan: Any, method: Any, store: Any) -> bool:
    from share.analysis import unseen_by

    return (
        method is None or unseen_by(cls, plan, method) != frozenset() or (method.unsure and store.is_wild())
    )


def _plan_of(node: Any) -> Any:
    from share.analysis import draft  # only when it is needed: it takes longer to import than all else

    return draft(node.__class__)


def apply_to_root(store: Any, name: str, operation: str, operand: Any) -> None:
    """``shared.name operation= operand``: on the value that the name has now."""
    value = store.root_value(name)
    if value is MISSING:
        raise AttributeError(f"the share has no {name!r}")
    left = store.reached(value, value.__class__ not in RECORDED)
    result = _paths.OPERATIONS[operation](left, operand)
    if result is value and store.mirror_of(value) is not None:
        return
    if not is_value(result):
        raise NotShareableError(
            f"{name!r} was an object when the augmented assignment to it ran, and gave another one"
        )
    store.assign(name, result)
