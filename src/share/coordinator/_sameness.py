"""Whether a node holds what another copy of it holds: its own parts, each by what it is known as."""

from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

from ._live import all_state

__all__ = ["content"]


def content(node: Any, id_of: Callable[[Any], int], encoded: Callable[[Any], bytes]) -> Any:
    """What a node holds, to be compared: other nodes as their ids, all else encoded."""

    def named(part: Any) -> Any:
        known = id_of(part)
        if known:
            return known
        if isinstance(part, (tuple, frozenset)):
            return type(part), *map(named, part)
        return encoded(part)

    parts: list[Any] = []
    if isinstance(node, bytearray):
        parts.append(bytes(node))
    elif isinstance(node, array):
        parts += (node.typecode, node.tobytes())
    elif isinstance(node, list):
        parts += map(named, list.__iter__(node))
    elif isinstance(node, deque):
        parts += map(named, deque.__iter__(node))
    elif isinstance(node, set):
        parts.append(set(map(named, set.__iter__(node))))
    elif isinstance(node, dict):
        items = OrderedDict.items(node) if isinstance(node, OrderedDict) else dict.items(node)
        parts += [(named(key), named(value)) for key, value in items]
        if isinstance(node, defaultdict):
            parts.append(named(node.default_factory))
    elif not hasattr(node, "__dict__") and not any("__slots__" in vars(base) for base in type(node).__mro__):
        return encoded(node)
    if node.__class__ not in (bytearray, array, list, deque, set, dict, OrderedDict, defaultdict):
        parts.append({name: named(value) for name, value in all_state(node).items()})
    return node.__class__, parts
