"""What an annotation says about the class of a value, without evaluating anything."""

import ast
import builtins
import types
import typing
from typing import Any

from ._source import parse

__all__ = ["resolve"]

_ALIASES: dict[str, type] = {
    "List": list, "Dict": dict, "Set": set, "FrozenSet": frozenset, "Tuple": tuple, "Text": str,
}  # fmt: skip


def resolve(hint: Any, space: dict[str, Any]) -> list[type] | None:
    """The classes that an annotation names; None if it does not pin them down.

    :arg hint: a syntax tree, a string, or the evaluated annotation.
    :arg space: the globals of the module in which it stands.
    """
    if isinstance(hint, str):
        try:
            hint = parse(hint.strip(), "eval").body
        except SyntaxError:
            return None
    if isinstance(hint, ast.AST):
        return _from_tree(hint, space)
    return _from_value(hint)


def _from_tree(tree: ast.AST, space: dict[str, Any]) -> list[type] | None:
    match tree:
        case ast.Constant(value=None):
            return [type(None)]
        case ast.Constant(value=str(text)):
            return resolve(text, space)
        case ast.Name(id=name):
            return _from_value(space.get(name, vars(builtins).get(name)), name)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            found = space.get(module)
            return _from_value(vars(found).get(name)) if isinstance(found, types.ModuleType) else None
        case ast.Subscript(value=value, slice=index):
            outer = _name(value)
            if outer == "Optional":
                inner = _from_tree(index, space)
                return None if inner is None else [*inner, type(None)]
            if outer == "Union" and isinstance(index, ast.Tuple):
                return _join([_from_tree(part, space) for part in index.elts])
            if outer in ("Final", "Annotated"):
                return _from_tree(index.elts[0] if isinstance(index, ast.Tuple) else index, space)
            return _from_tree(value, space)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _join([_from_tree(left, space), _from_tree(right, space)])
    return None


def _name(tree: ast.AST) -> str:
    match tree:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _join(parts: list[list[type] | None]) -> list[type] | None:
    out: list[type] = []
    for part in parts:
        if part is None:
            return None
        out += part
    return out


def _from_value(value: Any, name: str = "") -> list[type] | None:
    if value is None:
        return [type(None)] if not name else None
    if isinstance(value, types.UnionType) or typing.get_origin(value) is typing.Union:
        return _join([_from_value(part) for part in typing.get_args(value)])
    origin = typing.get_origin(value)
    if isinstance(origin, type):
        value = origin
    if isinstance(value, type) and not _is_abstract(value):
        return [value]
    return [_ALIASES[name]] if name in _ALIASES else None


def _is_abstract(cls: type) -> bool:
    """Whether an annotation with this class says little about what the value really is."""
    return cls in (object, type) or bool(getattr(cls, "__abstractmethods__", None)) or cls.__module__ in (
        "collections.abc", "typing", "abc", "numbers", "io",
    )  # fmt: skip
