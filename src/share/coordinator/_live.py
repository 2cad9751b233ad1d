"""Live objects of the coordinator: made from decoded state, read back for publication."""

from types import MemberDescriptorType
from typing import Any

from share.state._unreadable import Unreadable

__all__ = [
    "MISSING",
    "Unreadable",
    "all_state",
    "live_instance",
    "replace_state",
    "state_of",
]


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def live_instance(cls: type, state: dict[str, Any], made: Any = None) -> Any:
    """An instance of a user's class with that state, ``made`` if that is one; ``__init__`` is not run."""
    instance: Any = object.__new__(cls) if made is None else made
    replace_state(instance, state)
    return instance


def _slots(cls: type) -> list[str]:
    return [
        name
        for base in cls.__mro__
        for name, member in vars(base).items()
        if isinstance(member, MemberDescriptorType)
    ]


def replace_state(instance: Any, state: dict[str, Any]) -> None:
    """Gives an instance exactly these attributes, past any ``__setattr__`` of its class."""
    slots = _slot_names(type(instance))
    for name in slots:
        if name in state:
            object.__setattr__(instance, name, state[name])
        elif hasattr(instance, name):
            object.__delattr__(instance, name)
    attributes = getattr(instance, "__dict__", None)
    if attributes is not None:
        attributes.clear()
        attributes.update({name: value for name, value in state.items() if name not in slots})


def all_state(instance: Any) -> dict[str, Any]:
    """All attributes of an instance by name."""
    state = {name: getattr(instance, name) for name in _slot_names(type(instance)) if hasattr(instance, name)}
    state.update(getattr(instance, "__dict__", {}))
    return state


def state_of(instance: Any, cells: tuple[str, ...]) -> list[Any]:
    """The values by cell: first the attributes without a cell (a dict, or MISSING), then those of ``cells``."""
    attributes = getattr(instance, "__dict__", None)
    if attributes is None or _slot_names(type(instance)):
        attributes = dict(attributes or {})
        for name in _slot_names(type(instance)):
            value = getattr(instance, name, MISSING)
            if value is not MISSING:
                attributes[name] = value
    values: list[Any] = [MISSING]
    values += [attributes.get(cell, MISSING) for cell in cells]
    if sum(value is not MISSING for value in values) < len(attributes):
        values[0] = {name: value for name, value in attributes.items() if name not in cells}
    return values


_cache: dict[type, list[str]] = {}


def _slot_names(cls: type) -> list[str]:
    found = _cache.get(cls)
    if found is None:
        found = _cache[cls] = _slots(cls)
    return found
