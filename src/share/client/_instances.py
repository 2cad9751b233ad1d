"""Private instances of users' classes, made from decoded state without running ``__init__``."""

import functools
from types import MemberDescriptorType
from typing import Any

__all__ = ["has_slots", "instance_of", "set_state", "slots_of"]


def set_state(instance: Any, state: dict[str, Any]) -> None:
    """Gives an instance its attributes past any ``__setattr__`` of its class."""
    attributes = getattr(instance, "__dict__", None)
    cls: Any = type(instance)
    if attributes is not None and not has_slots(cls):
        attributes.update(state)
        return
    for name, value in state.items():
        object.__setattr__(instance, name, value)


@functools.lru_cache(maxsize=1024)
def has_slots(cls: type) -> bool:
    """Whether instances have attributes in slots."""
    return any(vars(base).get("__slots__") for base in cls.__mro__)


def slots_of(instance: Any) -> dict[str, Any]:
    """The slots of an instance that have a value, by name."""
    found = {}
    for base in type(instance).__mro__:
        for name, member in vars(base).items():
            if type(member) is MemberDescriptorType:
                try:
                    found[name] = member.__get__(instance)
                except AttributeError:
                    continue
    return found


def instance_of(proxy_class: Any, values: list[Any], missing: Any, instance: Any = None) -> Any:
    """A snapshot: values are by cell; the first is a dict of the attributes that have none. `instance`: one that has
    no attributes yet, which gets them.
    """
    cls = proxy_class._share_class_
    if proxy_class._share_plan_.kind == "opaque":
        return values[1]
    state = {} if values[0] is missing else dict(values[0])
    for name, value in zip(proxy_class._share_cells_, values[1:], strict=True):
        if value is not missing:
            state[name] = value
    if instance is None:
        instance = object.__new__(cls)
    set_state(instance, state)
    return instance
