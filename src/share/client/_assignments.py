"""Which assignments may raise in the coordinator: they wait there, so that the error comes where the mistake is."""

from types import FunctionType
from typing import Any

__all__ = ["may_raise"]

#: Loads and stores of variables, attributes and items, and nothing else.
_HARMLESS = frozenset(
    ("BINARY_SUBSCR", "CACHE", "COPY", "EXTENDED_ARG", "LOAD_ATTR", "LOAD_CONST",
     "LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_FAST_LOAD_FAST", "LOAD_SMALL_INT",
     "NOP", "POP_TOP", "RESUME", "RETURN_CONST", "RETURN_VALUE", "STORE_ATTR", "STORE_FAST", "STORE_SUBSCR", "SWAP")
)  # fmt: skip


def may_raise(function: Any) -> bool:
    """Whether a setter does more than to put the value somewhere: calls, compares, computes or raises.

    >>> may_raise(lambda self, value: self.check(value))
    True
    """
    if type(function) is not FunctionType:
        return True
    import dis  # only for classes that have such methods

    return any(each.opname not in _HARMLESS for each in dis.get_instructions(function))
