"""Which assignments may raise in the coordinator: they wait there, so that the error comes where the mistake is."""

from types import FunctionType
from typing import Any

__all__ = ["IN_PLACE", "may_raise", "surely_fits"]

IN_PLACE = frozenset(
    f"__i{name}__" for name in
    "add sub mul matmul truediv floordiv mod pow lshift rshift and xor or".split()
)  # fmt: skip

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


def surely_fits(key: Any) -> bool:
    """Whether a value can be stored under this key in any dict, and the key is no index that a list may not have.

    >>> surely_fits("name"), surely_fits(5), surely_fits([])
    (True, False, False)
    """
    if type(key) is str:
        return True
    try:
        hash(key)
    except TypeError:
        return False
    return not hasattr(type(key), "__index__")
