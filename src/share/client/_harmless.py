"""Classes whose objects stay as they are, whatever operator or read of an attribute is applied to them."""

import functools
from array import array
from collections import Counter, OrderedDict, _tuplegetter, deque  # type: ignore[attr-defined]
from collections.abc import Iterable
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, WrapperDescriptorType
from typing import Any

__all__ = ["are_harmless", "is_harmless"]

# Not defaultdict: to look for a key may put one there.
_CONTAINERS = frozenset((object, list, dict, set, deque, OrderedDict, Counter, bytearray, array, tuple, frozenset))
# Special methods that no operator runs, or only one that is known to write.
_OTHERS = frozenset(
    f"__{name}__"
    for name in (
        "init new del post_init init_subclass set_name class_getitem subclasshook reduce reduce_ex getstate setstate "
        "getnewargs getnewargs_ex replace setattr delattr setitem delitem"
    ).split()
)
_FIXED = (
    MemberDescriptorType,
    GetSetDescriptorType,
    WrapperDescriptorType,
    staticmethod,
    classmethod,
    _tuplegetter,
)


def are_harmless(classes: Iterable[Any]) -> bool:
    """Whether all of them are."""
    return all(map(is_harmless, classes))


@functools.lru_cache(maxsize=1024)
def is_harmless(cls: Any) -> bool:
    """Whether nothing that its user wrote runs then, or only what is known to write nothing."""
    from share.analysis.knowledge._table import (  # not at the top: it takes long
        is_immutable_type,
        is_neutral_type,
    )

    if cls in _CONTAINERS:
        return True
    if not isinstance(cls, type):
        return False
    if not cls.__flags__ & (1 << 9):  # made in C
        return is_immutable_type(cls) or is_neutral_type(cls)
    for base in cls.__mro__:
        if base in _CONTAINERS:
            continue
        if not base.__flags__ & (1 << 9) or not _only_reads(cls, base):
            return False
    return True


def _only_reads(cls: type, base: type) -> bool:
    return all(
        _is_fixed(base, name, member) or _is_known(cls, name)
        for name, member in vars(base).items()
        if type(member) in (FunctionType, property)
        or hasattr(type(member), "__get__")
        or _is_special(name, member)
    )


def _is_special(name: str, member: Any) -> bool:
    return name.startswith("__") and name.endswith("__") and callable(member) and not isinstance(member, type)


def _is_fixed(base: type, name: str, member: Any) -> bool:
    if isinstance(member, _FIXED) or name in _OTHERS:
        return True
    if not isinstance(member, FunctionType):
        return False
    if not _is_special(name, member):
        return True  # it is called, not an operator
    code = getattr(member, "__wrapped__", member).__code__
    return code.co_qualname.startswith("__create_fn__.") and "__dataclass_fields__" in vars(base)


def _is_known(cls: type, name: str) -> bool:
    """Whether its plan says so, and does not rest on what somebody has said."""
    from share.analysis import draft

    try:
        plans = draft(cls)
    except Exception:
        return False
    plan = plans.getters.get(name) or plans.methods.get(name)
    return plan is not None and plan.read_only and plan.guessed != "said"
