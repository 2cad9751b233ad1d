"""Finds the syntax tree of a function, and believes it only if it compiles to that very function."""

import ast
import dis
import linecache
import textwrap
from types import CodeType
from typing import Any

__all__ = ["find_tree", "parse"]

_COMPILER_FLAGS = 0x1FF0000  # the bits of co_flags that come from ``from __future__``

_ATTEMPTS = 100


def parse(text: str, mode: str = "exec") -> Any:
    """``ast.parse``; in CPython 3.11 that may raise SystemError while another thread does the same."""
    for _ in range(_ATTEMPTS):
        try:
            return ast.parse(text, mode=mode)
        except SystemError:
            pass
    return ast.parse(text, mode=mode)


def find_tree(code: CodeType) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, int, str] | None:
    """The tree of a ``def``, the offset of its line numbers and the class it stands in; None if in doubt.

    A file may have changed since it was imported, and a name such as ``<stdin>`` may be anybody's: the tree
    is compiled again and must give the same instructions, names and constants.
    """
    if code.co_name.startswith("<"):
        return None  # lambdas and the like have no block of lines of their own
    lines = linecache.getlines(code.co_filename)
    first = code.co_firstlineno - 1
    if not 0 <= first < len(lines):
        return None
    text = "".join(lines[first : _end_of_block(lines, first, _last_line(code))])
    try:
        tree = parse(textwrap.dedent(text) if text[:1] not in " \t" else "if 1:\n" + text)
    except (SyntaxError, ValueError):
        return None
    offset = first
    node: ast.stmt = tree.body[0]
    if isinstance(node, ast.If):
        node, offset = node.body[0], first - 1
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name != code.co_name:
        return None
    owner = _owner(code)
    return (node, offset, owner) if _compiles_to(node, owner, code) else None


def _owner(code: CodeType) -> str:
    """The class in whose body a function stands; for a function within a method, that method's class."""
    parts = code.co_qualname.split(".")[:-1]
    while parts and parts[-1] == "<locals>":
        parts = parts[:-2]
    return parts[-1] if parts else ""


def _last_line(code: CodeType) -> int:
    last = max((line for _, _, line in code.co_lines() if line is not None), default=0)
    return max([last, *(_last_line(const) for const in code.co_consts if isinstance(const, CodeType))])


def _end_of_block(lines: list[str], first: int, last: int) -> int:
    """Where the indented block that opens at ``first`` ends; line ``last`` surely belongs to it."""
    indent = len(lines[first]) - len(lines[first].lstrip())
    end = last
    while end < len(lines):
        line = lines[end]
        stripped = line.strip()
        if stripped and len(line) - len(line.lstrip()) <= indent and stripped[0] not in ")]}#'\"":
            break
        end += 1
    return end


def _compiles_to(node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str, code: CodeType) -> bool:
    decorators, node.decorator_list = node.decorator_list, []
    statement: ast.stmt = node
    if owner:
        made = ast.ClassDef(owner, [], [], [statement], [])
        if hasattr(ast, "TypeAlias"):
            vars(made)["type_params"] = []
        statement = made
    free = [name for name in code.co_freevars if name != "__class__"]
    if free or ("__class__" in code.co_freevars and not owner):
        outer = parse("def outer():\n " + "".join(f"{name} = " for name in free) + "None").body[0]
        assert isinstance(outer, ast.FunctionDef)
        outer.body.append(statement)
        statement = outer
    module = ast.Module([statement], [])
    ast.fix_missing_locations(module)
    try:
        compiled = compile(module, "", "exec", code.co_flags & _COMPILER_FLAGS, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    finally:
        node.decorator_list = decorators
    return any(_same(found, code) for found in _codes_named(compiled, code.co_name, 4))


def _codes_named(code: CodeType, name: str, depth: int) -> list[CodeType]:
    found = []
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if const.co_name == name:
                found.append(const)
            if depth:
                found += _codes_named(const, name, depth - 1)
    return found


def _same(left: CodeType, right: CodeType) -> bool:
    if (
        left.co_names != right.co_names
        or left.co_varnames != right.co_varnames
        or left.co_freevars != right.co_freevars
        or len(left.co_consts) != len(right.co_consts)
    ):
        return False
    for one, two in zip(left.co_consts, right.co_consts, strict=True):
        if isinstance(one, CodeType) and isinstance(two, CodeType):
            if not _same(one, two):
                return False
        elif type(one) is not type(two) or one != two:
            return False
    return left.co_code == right.co_code or _steps(left) == _steps(right)


def _steps(code: CodeType) -> list[tuple[str, object]]:
    """The instructions without what depends on the imports around: how the callee of ``module.f()`` is loaded."""
    steps = []
    for step in dis.get_instructions(code):
        if step.opname not in ("PRECALL", "PUSH_NULL"):
            name = "LOAD_ATTR" if step.opname == "LOAD_METHOD" else step.opname
            jump = (
                step.opcode in dis.hasjrel or step.opcode in dis.hasjabs or isinstance(step.argval, CodeType)
            )
            steps.append((name, None if jump else step.argval))
    return steps
