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

#: By what Python it was compiled, the file, and a checksum for each function; 0 for methods that were not written in
#: their class's module (a mock, say, or what another module has put there) and for called classes; 1 for bases.
Code = tuple[str, str, dict[str, int]]

_BASE = 1
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
    differ = [name for name in {*shared[2], *found[2]} if _differs(name, shared[2], found[2])]
    if not differ:
        return
    differ = [name for name in differ if name]
    named = ", ".join(sorted(differ)[:5]) + (", ..." if len(differ) > 5 else "")
    error = ClassChangedError(
        f"{cls.__module__}.{cls.__qualname__} is not the same everywhere{f' ({named})' if named else ''}: it was "
        f"shared with the code of {shared[1]}, and {here} has loaded that of {found[1]}"
        f"{', which was changed in between' if shared[1] == found[1] else ''}. Restart what has the old code"
    )
    error.place = cls.__module__, cls.__qualname__
    raise error


def _differs(name: str, one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether a function is not the same, or a method is missing: in the class itself, and not put there by others."""
    if name in one and name in other:
        return one[name] != other[name] and 0 not in (one[name], other[name])
    if not name:
        return True  # there are too many to be told apart
    owner, member = name.rpartition(".")[0], name.partition(" ")[0]
    is_compared = (owner in one and owner in other) or _BASE in (one.get(owner), other.get(owner))
    return is_compared and 0 not in (one.get(name), other.get(name), one.get(member), other.get(member))


def _code_of(cls: type) -> Code | None:
    parts: dict[str, int] = {}
    if importable(cls) is None or _is_standard(cls):
        return None
    bases = [base for base in cls.__mro__ if not _is_standard(base)]
    rest: list[Any] = list(bases)
    seen: set[Any] = set(rest)
    for item in rest:  # which grows meanwhile
        if not _as_in_file(item.__module__):
            return None
        functions: dict[str, FunctionType | None] = {item.__qualname__: None}
        if isinstance(item, type):
            functions |= _functions_of(item)
        elif _is_written_there(item, item.__module__):
            functions = {item.__qualname__: item}
        for name, function in functions.items():
            if function is None:
                parts[name] = _BASE if name == item.__qualname__ and item in bases else 0
                continue
            if function.__name__ == "__hash__" and function.__code__.co_filename.startswith("<attrs"):
                continue  # it holds the hash of a text, which each process has another one of
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


def _is_written_there(function: FunctionType, module: str) -> bool:
    """Whether its code is from that module, or made of it by dataclasses or attrs.

    Wrappers of decorators elsewhere are not: some are compiled when they are first called, as in networkx.
    """
    file = function.__code__.co_filename
    own = getattr(sys.modules.get(module), "__file__", None)
    is_own = function.__module__ == module and file == own
    return is_own or file == "<string>" or file.startswith("<attrs")


def _as_in_file(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return type(getattr(spec, "loader", None)).__name__ in _LOADERS


def _functions_of(cls: type) -> dict[str, FunctionType | None]:
    """The functions that a class has itself, by qualified names, also those inside of decorators.

    Not those that the standard library has put there, as ``typing`` does and undoes. None stands for a method that is
    not known, or from elsewhere.
    """
    found: dict[str, FunctionType | None] = {}
    for name, member in sorted(vars(cls).items()):
        inside = list(_functions_in(member, set()))
        functions = [
            function
            for function in inside
            if not _is_standard(function) and _is_written_there(function, cls.__module__)
        ]
        if not functions and (callable(member) or inside or isinstance(member, property)):
            found[f"{cls.__qualname__}.{name}"] = None
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
