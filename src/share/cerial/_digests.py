"""What the code of a class is in this process, for comparing it with what it is in others."""

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from share.cerial._checksum import checksum_of
from share.cerial._classes import arrived, importable, main_class_beside
from share.cerial._tokens import parts_of_code
from share.errors import ClassChangedError

__all__ = ["Code", "check_code", "code_of"]

#: By what Python it was compiled, the file, and a checksum for each function.
Code = tuple[str, str, dict[str, int]]

_MOST = 300  # functions of a class that are told apart
_LOADERS = {"SourceFileLoader", "SourcelessFileLoader", "zipimporter"}

_codes: WeakKeyDictionary[type, Code | None] = WeakKeyDictionary()


def code_of(cls: type) -> Code | None:
    """The code of the methods of a class that other processes import, and of what they call in its module.

    None where there is nothing to compare: a class of the standard library, one that travels with its definition, or
    one whose module was not loaded as it is in the file (pytest and others rewrite it). Values, of defaults and of
    attributes of the class, are not part of it: they may differ between processes by nobody's mistake.
    """
    try:
        return _codes[cls]
    except KeyError:
        found = _codes[cls] = _code_of(cls)
        return found


def check_code(cls: type, shared: Code | None, here: str = "this process") -> None:
    """Raises ClassChangedError if a class is not here what it was where an object of it was shared."""
    own = main_class_beside(cls) if cls in arrived else None
    if own is not None:
        raise ClassChangedError(
            f"{cls.__qualname__} of {sys.modules['__main__'].__file__} is not the same as in the process that has "
            "shared an object of it: the file was changed in between. Restart the programs that have loaded the old one"
        )
    found = None if shared is None else code_of(cls)
    if shared is None or found is None or shared[0] != found[0] or shared[2] == found[2]:
        return
    differ = [name for name in {*shared[2], *found[2]} - {""} if shared[2].get(name) != found[2].get(name)]
    named = ", ".join(sorted(differ)[:5]) + (", ..." if len(differ) > 5 else "")
    raise ClassChangedError(
        f"{cls.__module__}.{cls.__qualname__} is not the same everywhere{f' ({named})' if named else ''}: it was "
        f"shared with the code of {shared[1]}, and {here} has loaded that of {found[1]}"
        f"{', which was changed in between' if shared[1] == found[1] else ''}. Restart what has the old code"
    )


def _code_of(cls: type) -> Code | None:
    parts: dict[str, int] = {}
    if importable(cls) is None or _is_standard(cls):
        return None
    rest = [base for base in cls.__mro__ if not _is_standard(base)]
    seen: set[Any] = set(rest)
    for item in rest:  # which grows meanwhile
        if not _as_in_file(item.__module__):
            return None
        functions = {item.__qualname__: item} if isinstance(item, FunctionType) else _functions_of(item)
        for name, function in functions.items():
            if not _is_written_there(function):
                continue
            text = "\0".join(parts_of_code(function.__code__))
            parts[name] = checksum_of(text.encode("utf-8", "surrogatepass"))
            for found in _called(function, function.__code__):
                if found not in seen and len(seen) < _MOST:
                    seen.add(found)
                    rest.append(found)
    if len(parts) > _MOST:
        parts = {"": checksum_of(repr(sorted(parts.items())).encode("utf-8", "surrogatepass"))}
    tag = f"{sys.implementation.cache_tag} {sys.flags.optimize}"
    return tag, getattr(sys.modules[cls.__module__], "__file__", None) or "?", parts


def _is_standard(item: Any) -> bool:
    return item.__module__ is not None and item.__module__.partition(".")[0] in sys.stdlib_module_names


def _is_written_there(function: FunctionType) -> bool:
    """Whether its code is from its module, or made of it by dataclasses or attrs.

    Wrappers of decorators elsewhere are not: some are compiled when they are first called, as in networkx.
    """
    file = function.__code__.co_filename
    own = getattr(sys.modules.get(function.__module__), "__file__", None)
    return file in (own, "<string>") or file.startswith("<attrs")


def _as_in_file(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return type(getattr(spec, "loader", None)).__name__ in _LOADERS


def _functions_of(cls: type) -> dict[str, FunctionType]:
    """The functions that a class has itself, by qualified names, also those inside of decorators.

    Not those that the standard library has put there, as ``typing`` does and undoes.
    """
    found: dict[str, FunctionType] = {}
    for name, member in sorted(vars(cls).items()):
        functions = [function for function in _functions_in(member, set()) if not _is_standard(function)]
        for number, function in enumerate(functions):
            found[f"{cls.__qualname__}.{name}{f' {number}' if number else ''}"] = function
    return found


def _functions_in(member: Any, seen: set[int]) -> Iterator[FunctionType]:
    if id(member) in seen:
        return
    seen.add(id(member))
    if isinstance(member, FunctionType):
        yield member
        inner = [_content(cell) for cell in member.__closure__ or ()]
    elif type(member).__module__ in (
        "builtins",
        "functools",
    ):  # property, classmethod, cached_property, lru_cache, ...
        inner = [
            getattr(member, name, None)
            for name in ("fget", "fset", "fdel", "__func__", "__wrapped__", "func")
        ]
    else:
        return
    for each in inner:
        if isinstance(each, FunctionType):
            yield from _functions_in(each, seen)


def _called(function: FunctionType, code: CodeType) -> Iterator[Any]:
    """The functions and classes of the same module that a function names."""
    for name in code.co_names:
        found = function.__globals__.get(name)
        if (
            isinstance(found, (FunctionType, type))
            and found.__module__ == function.__module__
            and found.__qualname__ == name
        ):
            yield found
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _called(function, constant)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
