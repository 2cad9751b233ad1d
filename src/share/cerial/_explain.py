"""Finds what in a value cannot travel, after the encoder has failed, and says so."""

import copyreg
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from share.cerial._refuse import hint_for
from share.errors import NotShareableError

__all__ = ["not_shareable"]

Reduce = Callable[[Any], Any]

_ATOMS = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray, type(...), type(NotImplemented)}
)
_LIMIT = 100_000  # objects looked at before giving up


def not_shareable(value: Any, where: str, error: BaseException, reduce: Reduce) -> NotShareableError:
    """The exception that names the attribute path to what cannot travel.

    Args:
        value: what could not be encoded.
        where: the root of the path, such as "argument 1".
        error: what the encoder raised.
        reduce: how the encoder reduces an object: NotImplemented, a name, or a reduce tuple.
    """
    if isinstance(error, RecursionError):
        return NotShareableError(
            f"{where}: nested too deeply to be encoded; use lists of ids instead of chains"
        )
    try:
        found = _find(value, where, reduce)
    except Exception:
        found = None
    if found is None:
        return NotShareableError(f"{where}: {error}")
    path, culprit, reason = found
    if isinstance(reason, NotShareableError):
        return NotShareableError(f"{path}: {reason}")
    name = culprit.__qualname__ if isinstance(culprit, (type, FunctionType)) else type(culprit).__qualname__
    kind = "" if isinstance(culprit, (type, FunctionType)) else " objects"
    return NotShareableError(f"{path}: {name}{kind} cannot be shared ({reason}); {hint_for(culprit)}")


def _find(value: Any, where: str, reduce: Reduce) -> tuple[str, Any, BaseException] | None:
    """Depth first: path, object and reason of the first that cannot be reduced and has no part to blame."""
    stack = [(where, value)]
    seen: dict[int, Any] = {}  # also keeps temporary objects alive, so that ids stay unique
    while stack and len(seen) < _LIMIT:
        path, value = stack.pop()
        if type(value) in _ATOMS or id(value) in seen:
            continue
        seen[id(value)] = value
        try:
            parts = list(_parts(path, value, reduce))
        except Exception as error:
            inner = _find_in_definition(path, value, reduce)
            return inner or (path, value, error)
        stack.extend(reversed(parts))
    return None


def _find_in_definition(path: str, value: Any, reduce: Reduce) -> tuple[str, Any, BaseException] | None:
    if not isinstance(value, type):
        return None
    for name, member in vars(value).items():
        if isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        if name not in ("__dict__", "__weakref__"):
            found = _find(member, f"{path}, class attribute {value.__qualname__}.{name}", reduce)
            if found is not None:
                return found
    return None


def _parts(path: str, value: Any, reduce: Reduce) -> Iterator[tuple[str, Any]]:
    """What ``value`` consists of, each with its path. Raises what pickling it would raise."""
    cls = type(value)
    if cls is list or cls is tuple:
        for i, item in enumerate(value):
            yield f"{path}[{i}]", item
    elif cls is dict:
        yield from _parts_of_items(path, value.items())
    elif cls is set or cls is frozenset:
        for item in value:
            yield f"{path}, member {_short(item)}", item
    else:
        reduced = reduce(value)
        if reduced is NotImplemented:
            if isinstance(value, (type, FunctionType)):
                return
            reducer = copyreg.dispatch_table.get(cls)
            reduced = value.__reduce_ex__(5) if reducer is None else reducer(value)
        if isinstance(value, FunctionType):
            yield from _parts_of_function(path, value)
        elif isinstance(reduced, tuple) and not isinstance(value, type):
            yield from _parts_of_reduced(path, *reduced)


def _parts_of_reduced(
    path: str,
    make: Any,
    arguments: Any,
    state: Any = None,
    items: Any = None,
    pairs: Any = None,
    _: Any = None,
) -> Iterator[tuple[str, Any]]:
    yield path, make
    for argument in arguments:
        yield path, argument
    for part in state if type(state) is tuple else (state,):
        if type(part) is dict:
            for name, item in part.items():
                yield f"{path}.{name}", item
        else:
            yield path, part
    for i, item in enumerate(items or ()):
        yield f"{path}[{i}]", item
    yield from _parts_of_items(path, pairs or ())


def _parts_of_items(path: str, pairs: Any) -> Iterator[tuple[str, Any]]:
    for key, item in pairs:
        yield f"{path}, key {_short(key)}", key
        yield f"{path}[{_short(key)}]", item


def _parts_of_function(path: str, function: FunctionType) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"{path}, variable {name} of {function.__qualname__}", cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in code.co_names:
        if name in function.__globals__:
            yield f"{path}, global {name} of {function.__qualname__}", function.__globals__[name]
    yield from ((f"{path}, default of {function.__qualname__}", item) for item in function.__defaults__ or ())
    yield from ((f"{path}.{name}", item) for name, item in vars(function).items())


def _short(key: Any) -> str:
    """A key as it would be written; of an object only its type, because a repr can do anything."""
    if type(key) in _ATOMS or (type(key) is tuple and all(type(item) in _ATOMS for item in key)):
        text = repr(key)
        return text if len(text) <= 40 else f"{text[:37]}..."
    return f"<{type(key).__qualname__}>"
