"""Process-local things inside a value, and what stands for them on arrival."""

import types
from collections.abc import Callable
from typing import Any

Rule = Callable[[Any], Any]

# What only cloudpickle knows how to reduce: parts of functions and classes, views of dicts.
_CLOUDPICKLE = frozenset(
    {
        types.CodeType,
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

_rules: dict[type, Rule] = {}


def rule_for(cls: type) -> Rule | None:
    """The rule for instances of exactly ``cls``, or None."""
    if cls in _CLOUDPICKLE:
        from cloudpickle import Pickler

        rule: Rule = Pickler.dispatch_table[cls]
        return rule
    return _rules.get(cls)
