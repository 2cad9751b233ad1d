"""Names for classes that travel by value: the same definition gets the same token in every process."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

__all__ = [
    "MAIN_NAMES",
    "base_of",
    "function_token",
    "main_class",
    "main_function",
    "parts_of_code",
    "token_base",
]

MAIN_NAMES = frozenset({"__main__", "__mp_main__"})

# What a program without a file (a notebook, ``python -c``) is known by; forked processes inherit it.
_session = os.urandom(8).hex()

# Of a class body: what says nothing about the definition, or differs from process to process.
_IGNORED = frozenset(
    {
        "__module__",
        "__dict__",
        "__weakref__",
        "__abstractmethods__",
        "__firstlineno__",
        "__static_attributes__",
        "__annotate_func__",
        "__annotations_cache__",
        "_abc_impl",
        "__slotnames__",  # what copy and pickle have found out about it
    }
)


def token_base(cls: type) -> bytes:
    """What every process derives alike for one definition: ``origin|qualified name|digest``.

    The digest is over the source text if there is one, and the compiled methods; not over the present values of
    class attributes, which may have been counted up in one process and not in another. A class made inside
    a function also depends on what it closes over: if that cannot be compared, the base is a random one.
    """
    try:
        name = _digest(_parts_of_class(cls, "<locals>" in cls.__qualname__))
    except _Incomparable:
        name = os.urandom(12).hex()
    return _name(cls.__qualname__, name, cls.__module__)


def base_of(token: bytes) -> tuple[bytes, int]:
    """The base of a token, and its generation: which class of that base it was in its process."""
    base, _, generation = token.rpartition(b"#")
    return base, int(generation)


def main_class(base: bytes) -> type | None:
    """The class of this process's own main module that ``base`` may mean."""
    found = _in_main(base)
    return found if isinstance(found, type) and found.__module__ in MAIN_NAMES else None


def function_token(function: FunctionType) -> bytes | None:
    """What every process derives alike for one function of a main module; None for all other functions."""
    if function.__module__ not in MAIN_NAMES or "<" in function.__qualname__:
        return None
    return _name(function.__qualname__, _digest(parts_of_code(function.__code__)), "__main__")


def main_function(token: bytes) -> FunctionType | None:
    """The function of this process's own main module that has this token."""
    found = _in_main(token)
    return found if type(found) is FunctionType and function_token(found) == token else None


def _in_main(base: bytes) -> Any:
    """What this process's own main module has under the qualified name in ``base``."""
    origin, _, rest = base.decode("utf-8", "surrogatepass").partition("|")
    if origin != _origin("__main__"):
        return None
    found: Any = sys.modules.get("__main__")
    for name in rest.rpartition("|")[0].split("."):
        found = getattr(found, name, None)
    return found


def _digest(parts: Iterable[str]) -> str:
    from hashlib import blake2b  # imported late: most processes never send a class by value

    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def _name(qualname: str, digest: str, module: str) -> bytes:
    return f"{_origin(module)}|{qualname}|{digest}".encode("utf-8", "surrogatepass")


class _Incomparable(Exception):
    """Something in a definition has no value that other processes could compare."""


def _origin(module: str) -> str:
    if module not in MAIN_NAMES:
        return f"module:{module}"
    path = getattr(sys.modules.get(module) or sys.modules.get("__main__"), "__file__", None)
    return f"session:{_session}" if path is None else f"file:{os.path.realpath(path)}".replace("|", "_")


def _parts_of_class(cls: type, is_local: bool) -> Iterator[str]:
    yield from (type(cls).__qualname__, *(base.__qualname__ for base in cls.__bases__))
    if not is_local:
        yield _source(cls)
    for name, value in sorted(vars(cls).items()):
        if name not in _IGNORED and (
            name != "__annotations__" or value
        ):  # empty: somebody has asked for them
            yield name
            yield from _parts_of_member(value, is_local)


def _parts_of_member(value: Any, is_local: bool) -> Iterator[str]:
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, property):
        for part in (value.fget, value.fset, value.fdel):
            yield from _parts_of_member(part, is_local)
    elif isinstance(value, FunctionType):
        yield from parts_of_code(value.__code__)
        if is_local:
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                if name != "__class__":
                    yield from _parts_of_value(_content(cell))
            yield from _parts_of_value(value.__defaults__)
    elif is_local:
        yield from _parts_of_value(value)
    else:
        yield type(value).__qualname__


def parts_of_code(code: CodeType) -> Iterator[str]:
    """What one compiled function is, without where in its file it is."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_flags))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from parts_of_code(constant)
        elif isinstance(constant, frozenset):
            yield from sorted(map(repr, constant))
        else:
            yield repr(constant)


def _parts_of_value(value: Any) -> Iterator[str]:
    if value is None or type(value) in (bool, int, float, complex, str, bytes):
        yield repr(value)
    elif type(value) is tuple:
        for item in value:
            yield from _parts_of_value(item)
    elif isinstance(value, (type, FunctionType)) and "<locals>" not in value.__qualname__:
        yield f"{value.__module__}.{value.__qualname__}"
    elif type(value).__name__ in ("member_descriptor", "getset_descriptor"):
        yield type(value).__name__
    else:
        raise _Incomparable


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _source(cls: type) -> str:
    import inspect

    with contextlib.suppress(OSError, TypeError, IndentationError, SyntaxError):
        return inspect.getsource(cls)
    return ""
