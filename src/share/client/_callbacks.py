"""Callbacks of this process as arguments of commands: those that would change a copy, and nobody would see it."""

from collections.abc import Callable, Iterator
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from share._kinds import is_value
from share.client._session import Shared
from share.errors import NotShareableError

if TYPE_CHECKING:
    from dis import Instruction

__all__ = ["check", "copied"]

_CHANGES = frozenset(
    ("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
     "intersection_update", "pop", "popitem", "popleft", "put", "put_nowait", "remove", "reverse", "rotate",
     "setdefault", "shuffle", "sort", "subtract", "symmetric_difference_update", "update", "write", "writelines")
)  # fmt: skip
_STORES = frozenset(("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR", "STORE_SLICE"))


class Copied:
    """A callback of which the coordinator is to have a copy."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __reduce__(self) -> Any:
        return Copied, (self.function,)


def copied(function: Callable[..., Any]) -> Callable[..., Any]:
    """Says that a callback may run on a copy of what it holds: a command that is given it does not refuse it.

    >>> seen = []
    >>> copied(seen.append)("x"); seen
    ['x']
    """
    return Copied(function)


def check(callback: Any, depth: int = 3) -> None:
    """Raises NotShareableError if running the callback in another process would change a copy of something of ours."""
    cls = type(callback)
    if cls is partial:
        check(callback.func, depth)
    elif cls is BuiltinFunctionType:
        if callback.__name__ in _CHANGES and _is_ours(callback.__self__):
            _refuse(callback, callback.__self__)
    elif cls is MethodType:
        if _is_ours(callback.__self__) and isinstance(callback.__func__, FunctionType):
            code = callback.__func__.__code__
            if code.co_argcount and _may_change(code, code.co_varnames[0], ("LOAD_FAST",)):
                _refuse(callback, callback.__self__)
    elif cls is FunctionType:
        for name, cell in zip(callback.__code__.co_freevars, callback.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:
                continue  # not yet assigned
            if any(i.opname == "STORE_DEREF" and i.argval == name for i in _instructions(callback.__code__)):
                _refuse(callback, held, name)
            elif isinstance(held, (FunctionType, MethodType, BuiltinFunctionType, partial)):
                if depth and held is not callback:
                    check(held, depth - 1)
            elif _is_ours(held) and _may_change(callback.__code__, name, ("LOAD_DEREF", "LOAD_CLASSDEREF")):
                _refuse(callback, held, name)


def _is_ours(value: Any) -> bool:
    """Whether it can be changed and is neither shared nor part of a program."""
    return not (
        value is None
        or isinstance(value, (Shared, Copied, type, ModuleType, FunctionType))
        or is_value(value)
    )


def _instructions(code: CodeType) -> "Iterator[Instruction]":
    import dis

    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def _may_change(code: CodeType, name: str, loads: tuple[str, ...]) -> bool:
    """Whether code stores into something, and loads that variable; or calls one of its methods that change it."""
    before: str | None = None  # what the last instruction has loaded
    loaded = stores = False
    for instruction in _instructions(code):
        operation = instruction.opname
        if before == name and operation in ("LOAD_METHOD", "LOAD_ATTR") and instruction.argval in _CHANGES:
            return True
        names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
        is_load = operation.startswith(loads)
        before = names[-1] if is_load else None
        loaded = loaded or (is_load and name in names)
        stores = stores or operation in _STORES
    return loaded and stores


def _refuse(callback: Any, held: Any, name: str | None = None) -> None:
    what = f"the {type(held).__name__} {name!r}" if name else f"a {type(held).__name__}"
    title = getattr(callback, "__qualname__", repr(callback))
    raise NotShareableError(
        f"the callback {title} changes {what} of this process. The method that is given it runs in the coordinator, "
        "where it would change a copy that nobody sees. Let the method return what it finds, keep what is changed in "
        "the share, or pass share.copied(callback) if a copy is what you want"
    )
