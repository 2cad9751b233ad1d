"""How functions travel: by reference if they can be imported, else by value."""

import io
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from share.cerial._classes import importable
from share.cerial._tokens import function_token, main_function

__all__ = ["FunctionReducer"]

# Functions of some main module that arrived here. Each has one identity, so that what was put into a list can
# be removed from it; what they refer to is that of the latest arrival.
_by_token: WeakValueDictionary[bytes, FunctionType] = WeakValueDictionary()
_tokens: WeakKeyDictionary[FunctionType, bytes] = WeakKeyDictionary()


class FunctionReducer:
    """Reduces functions for one pickling."""

    def __init__(self) -> None:
        self._pickler: Any = None

    def __call__(self, function: FunctionType) -> Any:
        """NotImplemented (by reference), or a reduce tuple (by value)."""
        if importable(function) is not None:
            return NotImplemented
        if self._pickler is None:
            from cloudpickle import Pickler

            # It writes nothing; it remembers which functions share their globals.
            self._pickler = Pickler(io.BytesIO(), 5)
        reduced = self._pickler._dynamic_function_reduce(function)
        token = _tokens.get(function) or function_token(function)
        if token is None:
            return reduced
        make, arguments, state, _, _, setter = reduced
        return _function, (token, make, arguments), (setter, state), None, None, _fill


def _function(token: bytes, make: Callable[..., FunctionType], arguments: tuple[Any, ...]) -> FunctionType:
    function = main_function(token) or _by_token.get(token)
    if function is None:
        function = make(*arguments)
        _by_token[token] = function
        _tokens[function] = token
    return function


def _fill(function: FunctionType, filling: tuple[Callable[[FunctionType, Any], Any], Any]) -> None:
    if function.__globals__ is not vars(sys.modules["__main__"]):
        setter, state = filling
        setter(function, state)
