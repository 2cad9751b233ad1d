"""From the syntax tree of a function to the instructions of :mod:`share.analysis.frontend._ir`."""

import ast
from collections.abc import Callable, Iterable, Sequence
from types import GeneratorType
from typing import Any

from ._ir import Body, UnsupportedCodeError, Var

__all__ = ["BINARY_SYMBOLS", "COMPARE_SYMBOLS", "lower_function"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

BINARY = {
    "Add": "add", "Sub": "sub", "Mult": "mul", "MatMult": "matmul", "Div": "truediv", "Mod": "mod",
    "Pow": "pow", "LShift": "lshift", "RShift": "rshift", "BitOr": "or", "BitXor": "xor", "BitAnd": "and",
    "FloorDiv": "floordiv",
}  # fmt: skip
UNARY = {"USub": "__neg__", "UAdd": "__pos__", "Invert": "__invert__", "Not": "__bool__"}
COMPARE = {
    "Eq": "__eq__",
    "NotEq": "__ne__",
    "Lt": "__lt__",
    "LtE": "__le__",
    "Gt": "__gt__",
    "GtE": "__ge__",
}

#: The same by the symbols that disassembly shows.
BINARY_SYMBOLS = {
    "+": "add", "-": "sub", "*": "mul", "@": "matmul", "/": "truediv", "%": "mod", "**": "pow", "<<": "lshift",
    ">>": "rshift", "|": "or", "^": "xor", "&": "and", "//": "floordiv",
}  # fmt: skip
COMPARE_SYMBOLS = {
    "==": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"
}  # fmt: skip


def lower_function(node: FunctionNode, file: str, offset: int, owner: str) -> Body:
    """Translate a function.

    :arg offset: what to add to the tree's line numbers to get those of the file.
    :arg owner: name of the class in whose body it stands, for ``__private`` names; empty if none.
    """
    return _Lowering(node, file, offset, owner).body


def _bound_names(node: FunctionNode) -> set[str]:
    """The names that are local to a function: all it binds, without those of nested functions."""
    names: set[str] = set()
    outside: set[str] = set()

    def visit(item: ast.AST) -> None:
        match item:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(item.name)
                inner: list[ast.expr] = item.decorator_list + (
                    item.bases + [k.value for k in item.keywords]
                    if isinstance(item, ast.ClassDef)
                    else _default_values(item.args)
                )
                for child in inner:
                    visit(child)
                return
            case ast.Lambda():
                for child in _default_values(item.args):
                    visit(child)
                return
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                names.update(part.target.id for part in ast.walk(item) if isinstance(part, ast.NamedExpr))
                return
            case ast.Name(ctx=ast.Store() | ast.Del()):
                names.add(item.id)
            case ast.Global() | ast.Nonlocal():
                outside.update(item.names)
            case ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.alias():
                names.add(item.asname or item.name.partition(".")[0])
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
        for below in ast.iter_child_nodes(item):
            visit(below)

    for item in node.body if isinstance(node.body, list) else [node.body]:
        visit(item)
    return names - outside


def _default_values(args: ast.arguments) -> list[ast.expr]:
    return [*args.defaults, *(value for value in args.kw_defaults if value is not None)]


def _elements(node: ast.expr) -> list[ast.expr]:
    """What a tuple or a list is written as; nothing if one of it is starred."""
    if not isinstance(node, ast.Tuple | ast.List) or any(isinstance(e, ast.Starred) for e in node.elts):
        return []
    return node.elts


def _leaves(statements: list[ast.stmt]) -> bool:
    """Whether the end of a block is surely never reached."""
    match statements[-1]:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=body, orelse=orelse):
            return bool(orelse) and _leaves(body) and _leaves(orelse)
        case ast.While(test=ast.Constant(value=True | 1), body=body):
            return not any(isinstance(item, ast.Break) for part in body for item in ast.walk(part))
    return False


class _ClassScope(dict[str, str]):
    """The names of a class body, which the functions in it do not see."""


class _Lowering:
    """Translates one function; a nested one gets a lowering of its own, linked by ``parent``."""

    def __init__(
        self, node: FunctionNode, file: str, offset: int, owner: str, parent: "_Lowering | None" = None
    ) -> None:
        args = node.args
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        self.offset, self.owner, self.parent = offset, owner, parent
        self.line = node.lineno + offset
        self.temporaries = 0
        self.renamed: list[dict[str, str]] = []  # variables of comprehensions, innermost last
        self.globals: set[str] = set()
        self.body = Body(name, file, self.line)
        body = self.body
        body.params = [self.mangle(arg.arg) for arg in (*args.posonlyargs, *args.args)]
        body.kwonly = [self.mangle(arg.arg) for arg in args.kwonlyargs]
        body.vararg = self.mangle(args.vararg.arg) if args.vararg else None
        body.kwarg = self.mangle(args.kwarg.arg) if args.kwarg else None
        body.locals = {self.mangle(name) for name in _bound_names(node)}
        body.locals.update(body.params, body.kwonly, filter(None, (body.vararg, body.kwarg)))
        body.is_async = isinstance(node, ast.AsyncFunctionDef)
        body.from_source = True
        if isinstance(node, ast.Lambda):
            self.emit("return", self.expr(node.body))
            body.may_end = False
        else:
            self.block(node.body)
            body.may_end = not _leaves(node.body)

    # Helpers

    def emit(self, operation: str, *operands: Any) -> None:
        self.body.instrs.append((operation, self.line, *operands))

    def temporary(self) -> int:
        self.temporaries += 1
        return self.temporaries

    def result(self, operation: str, *operands: Any) -> Var:
        target = self.temporary()
        self.emit(operation, target, *operands)
        return target

    def mangle(self, name: str) -> str:
        if self.owner and name.startswith("__") and not name.endswith("__") and "." not in name:
            if stripped := self.owner.lstrip("_"):
                return f"_{stripped}{name}"
        return name

    # Names

    def load(self, name: str) -> Var:
        for scope in reversed(self.renamed):
            if name in scope:
                return scope[name]
        name = self.mangle(name)
        if name in self.body.locals:
            return name
        outer = None if name in self.globals else self.outer(name)
        return self.result("global", name) if outer is None else self.result("outer", outer)

    def outer(self, name: str) -> str | None:
        """What an enclosing function calls a name of its own, if one has it."""
        scope = self.parent
        while scope is not None:
            for names in reversed(scope.renamed):
                if name in names and not isinstance(names, _ClassScope):
                    return names[name]
            if name in scope.body.locals:
                return name
            if name in scope.globals:
                return None
            scope = scope.parent
        return None

    def store(self, name: str, value: Var) -> None:
        for scope in reversed(self.renamed):
            if name in scope:
                self.emit("move", scope[name], value)
                return
        name = self.mangle(name)
        if name in self.body.locals:
            self.emit("move", name, value)
        elif name not in self.globals and (outer := self.outer(name)) is not None:
            self.emit("setouter", outer, value)
        else:
            self.emit("setglobal", name, value)

    # Statements

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self.line = statement.lineno + self.offset
            method: Callable[[Any], None] | None = getattr(self, f"do_{type(statement).__name__}", None)
            if method is None:
                raise UnsupportedCodeError(type(statement).__name__)
            method(statement)

    def do_Expr(self, node: ast.Expr) -> None:
        self.expr(node.value)

    def do_Pass(self, node: ast.stmt) -> None:
        pass

    do_Break = do_Continue = do_Nonlocal = do_TypeAlias = do_Pass

    def do_Global(self, node: ast.Global) -> None:
        self.globals.update(map(self.mangle, node.names))

    def do_Return(self, node: ast.Return) -> None:
        self.emit("return", self.expr(node.value) if node.value is not None else self.result("const", None))

    def do_Assign(self, node: ast.Assign) -> None:
        parts = _elements(node.value)
        if parts and all(len(_elements(target)) == len(parts) for target in node.targets):
            # ``a, b = x, y``: no tuple, in which x and y would come together.
            values = [self.expr(part) for part in parts]
            for target in node.targets:
                for inner, value in zip(_elements(target), values, strict=True):
                    self.assign(inner, value)
            return
        value = self.expr(node.value)
        for target in node.targets:
            self.assign(target, value)

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.expr(node.value))

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        name = f"__i{BINARY[type(node.op).__name__]}__"
        match node.target:
            case ast.Name(id=target):
                self.store(target, self.result("inplace", self.load(target), name, self.expr(node.value)))
            case ast.Attribute(value=owner, attr=attr):
                holder = self.expr(owner)
                old = self.result("attr", holder, self.mangle(attr))
                new = self.result("inplace", old, name, self.expr(node.value))
                self.emit("setattr", holder, self.mangle(attr), new)
            case ast.Subscript(value=owner, slice=index):
                holder, key = self.expr(owner), self.expr(index)
                old = self.result("item", holder, key)
                self.emit("setitem", holder, key, self.result("inplace", old, name, self.expr(node.value)))

    def do_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.delete(target)

    def delete(self, target: ast.expr) -> None:
        match target:
            case ast.Attribute(value=owner, attr=attr):
                self.emit("delattr", self.expr(owner), self.mangle(attr))
            case ast.Subscript(value=owner, slice=index):
                self.emit("delitem", self.expr(owner), self.expr(index))
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    self.delete(element)

    def do_For(self, node: ast.For | ast.AsyncFor) -> None:
        source = self.expr(node.iter)
        self.assign(node.target, self.element(source, isinstance(node, ast.AsyncFor)))
        self.block(node.body)
        self.block(node.orelse)

    do_AsyncFor = do_For

    def element(self, source: Var, is_async: bool) -> Var:
        return self.result("aiter", source) if is_async else self.result("iter", source, -1)

    def do_While(self, node: ast.While) -> None:
        self.truth(node.test)
        self.block(node.body)
        self.block(node.orelse)

    def do_If(self, node: ast.If) -> None:
        self.truth(node.test)
        self.block(node.body)
        self.block(node.orelse)

    def do_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.result("enter", self.expr(item.context_expr), isinstance(node, ast.AsyncWith))
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        self.block(node.body)

    do_AsyncWith = do_With

    def do_Raise(self, node: ast.Raise) -> None:
        for value in (node.exc, node.cause):
            if value is not None:
                self.emit("raise", self.expr(value))

    def do_Try(self, node: ast.Try) -> None:
        self.block(node.body)
        for handler in node.handlers:
            self.line = handler.lineno + self.offset
            if handler.type is not None:
                self.expr(handler.type)
            if handler.name is not None:
                self.store(handler.name, self.result("caught"))
            self.block(handler.body)
        self.block(node.orelse)
        self.block(node.finalbody)

    do_TryStar = do_Try

    def do_Assert(self, node: ast.Assert) -> None:
        self.truth(node.test)
        if node.msg is not None:
            self.emit("raise", self.expr(node.msg))

    def do_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            self.store(alias.asname or module, self.result("import", module, None))

    def do_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            self.store(alias.asname or alias.name, self.result("import", module, alias.name))

    def do_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        value = self.function(node)
        for decorator in reversed(node.decorator_list):
            value = self.result("call", self.expr(decorator), [(False, value)], [])
        self.store(node.name, value)

    do_AsyncFunctionDef = do_FunctionDef

    def do_ClassDef(self, node: ast.ClassDef) -> None:
        # The class body runs here and now; what it makes is a value that nothing is known about but what
        # it holds. Its names become locals, which is more than they are and so on the safe side.
        elements = [(False, self.expr(base)) for base in node.bases]
        elements += [(False, self.expr(keyword.value)) for keyword in node.keywords]
        owner, self.owner = self.owner, node.name
        names = _ClassScope()
        for statement in node.body:
            for item in ast.walk(statement):
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                    names[item.id] = f"{item.id}@{node.name}"
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names[statement.name] = f"{statement.name}@{node.name}"
        self.renamed.append(names)
        self.block(node.body)
        self.renamed.pop()
        self.owner = owner
        elements += [(False, name) for name in names.values()]
        value = self.result("build", object, elements)
        for decorator in reversed(node.decorator_list):
            value = self.result("call", self.expr(decorator), [(False, value)], [])
        self.store(node.name, value)

    def do_Match(self, node: ast.Match) -> None:
        subject = self.expr(node.subject)
        for case in node.cases:
            self.pattern(case.pattern, subject)
            if case.guard is not None:
                self.truth(case.guard)
            self.block(case.body)

    def pattern(self, node: ast.pattern, subject: Var) -> None:
        match node:
            case ast.MatchValue(value=value):
                self.emit("proto", self.temporary(), subject, ("__eq__",), (self.expr(value),))
            case ast.MatchSequence(patterns=patterns):
                starred = any(isinstance(inner, ast.MatchStar) for inner in patterns)
                for index, inner in enumerate(patterns):
                    element = self.result("iter", subject, -1 if starred else index)
                    if isinstance(inner, ast.MatchStar):
                        element = self.result("build", list, [(False, element)])
                    self.pattern(inner, element)
            case ast.MatchMapping(keys=keys, patterns=patterns, rest=rest):
                for key, inner in zip(keys, patterns, strict=True):
                    lookup = self.result("attr", subject, "get")
                    got = self.result("call", lookup, [(False, self.expr(key))], [])
                    self.pattern(inner, got)
                if rest is not None:
                    self.store(rest, self.result("build", dict, [(True, subject)]))
            case ast.MatchClass(cls=cls, patterns=patterns, kwd_attrs=names, kwd_patterns=named):
                self.expr(cls)
                for inner in patterns:  # which attribute __match_args__ names is not looked up
                    # ``case int(x)`` binds the subject itself
                    self.pattern(inner, self.result("attr", subject, None))
                    self.pattern(inner, subject)
                for name, inner in zip(names, named, strict=True):
                    self.pattern(inner, self.result("attr", subject, self.mangle(name)))
            case ast.MatchStar(name=name):
                if name is not None:
                    self.store(name, subject)
            case ast.MatchAs(pattern=inner_pattern, name=name):
                if inner_pattern is not None:
                    self.pattern(inner_pattern, subject)
                if name is not None:
                    self.store(name, subject)
            case ast.MatchOr(patterns=patterns):
                for inner in patterns:
                    self.pattern(inner, subject)

    # Targets

    def assign(self, target: ast.expr, value: Var) -> None:
        match target:
            case ast.Name(id=name):
                self.store(name, value)
            case ast.Attribute(value=owner, attr=attr):
                self.emit("setattr", self.expr(owner), self.mangle(attr), value)
            case ast.Subscript(value=owner, slice=index):
                self.emit("setitem", self.expr(owner), self.expr(index), value)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                starred = any(isinstance(element, ast.Starred) for element in elements)
                for place, element in enumerate(elements):
                    part = self.result("iter", value, -1 if starred else place)
                    if isinstance(element, ast.Starred):
                        part = self.result("build", list, [(False, part)])
                        element = element.value
                    self.assign(element, part)
            case _:
                raise UnsupportedCodeError(type(target).__name__)

    # Expressions

    def expr(self, node: ast.expr) -> Var:
        method: Callable[[Any], Var] | None = getattr(self, f"of_{type(node).__name__}", None)
        if method is None:
            raise UnsupportedCodeError(type(node).__name__)
        return method(node)

    def truth(self, node: ast.expr) -> None:
        self.emit("proto", self.temporary(), self.expr(node), ("__bool__", "__len__"), ())

    def of_Constant(self, node: ast.Constant) -> Var:
        return self.result("const", node.value)

    def of_Name(self, node: ast.Name) -> Var:
        return self.load(node.id)

    def of_Attribute(self, node: ast.Attribute) -> Var:
        return self.result("attr", self.expr(node.value), self.mangle(node.attr))

    def of_Subscript(self, node: ast.Subscript) -> Var:
        return self.result("item", self.expr(node.value), self.expr(node.slice))

    def of_Slice(self, node: ast.Slice) -> Var:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.expr(part)
        return self.result("const", slice)

    def of_Starred(self, node: ast.Starred) -> Var:
        return self.result("iter", self.expr(node.value), -1)

    def arguments(self, nodes: Iterable[ast.expr]) -> list[tuple[bool, Var]]:
        return [
            (True, self.expr(node.value)) if isinstance(node, ast.Starred) else (False, self.expr(node))
            for node in nodes
        ]

    def of_Call(self, node: ast.Call) -> Var:
        callee = self.expr(node.func)
        args = self.arguments(node.args)
        kwargs = [(keyword.arg, self.expr(keyword.value)) for keyword in node.keywords]
        line, self.line = self.line, node.lineno + self.offset
        value = self.result("call", callee, args, kwargs)
        self.line = line
        return value

    def of_BinOp(self, node: ast.BinOp) -> Var:
        name = BINARY[type(node.op).__name__]
        left, right = self.expr(node.left), self.expr(node.right)
        return self.result("proto", left, (f"__{name}__", f"__r{name}__"), (right,))

    def of_UnaryOp(self, node: ast.UnaryOp) -> Var:
        return self.result("proto", self.expr(node.operand), (UNARY[type(node.op).__name__],), ())

    def of_BoolOp(self, node: ast.BoolOp) -> Var:
        target = self.temporary()
        for value in node.values:
            operand = self.expr(value)
            self.emit("proto", self.temporary(), operand, ("__bool__", "__len__"), ())
            self.emit("move", target, operand)
        return target

    def of_Compare(self, node: ast.Compare) -> Var:
        target = self.temporary()
        left = self.expr(node.left)
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.expr(comparator)
            match operator:
                case ast.In() | ast.NotIn():
                    self.emit("contains", target, right, left)
                case ast.Is() | ast.IsNot():
                    self.emit("same", target, left, right)
                case _:
                    self.emit("proto", target, left, (COMPARE[type(operator).__name__],), (right,))
            left = right
        return target

    def of_IfExp(self, node: ast.IfExp) -> Var:
        self.truth(node.test)
        target = self.temporary()
        self.emit("move", target, self.expr(node.body))
        self.emit("move", target, self.expr(node.orelse))
        return target

    def of_NamedExpr(self, node: ast.NamedExpr) -> Var:
        value = self.expr(node.value)
        renamed, self.renamed = self.renamed, []  # binds in the function, also from a comprehension
        self.store(node.target.id, value)
        self.renamed = renamed
        return value

    def of_List(self, node: ast.List) -> Var:
        return self.result("build", list, self.arguments(node.elts))

    def of_Tuple(self, node: ast.Tuple) -> Var:
        return self.result("build", tuple, self.arguments(node.elts))

    def of_Set(self, node: ast.Set) -> Var:
        return self.result("build", set, self.arguments(node.elts))

    def of_Dict(self, node: ast.Dict) -> Var:
        elements: list[tuple[bool, Var]] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                elements.append((False, self.expr(key)))
            elements.append((key is None, self.expr(value)))
        return self.result("build", dict, elements)

    def of_JoinedStr(self, node: ast.JoinedStr) -> Var:
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.of_FormattedValue(value)
        return self.result("const", str)

    def of_FormattedValue(self, node: ast.FormattedValue) -> Var:
        operand = self.expr(node.value)
        if node.format_spec is not None:
            self.expr(node.format_spec)
        return self.result("proto", operand, ("__format__", "__str__", "__repr__"), ())

    def of_Lambda(self, node: ast.Lambda) -> Var:
        return self.function(node)

    def function(self, node: FunctionNode) -> Var:
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        given = zip(names[len(names) - len(node.args.defaults) :], node.args.defaults, strict=True)
        named = zip((arg.arg for arg in node.args.kwonlyargs), node.args.kw_defaults, strict=True)
        defaults = [
            (self.mangle(arg), self.expr(value)) for arg, value in (*given, *named) if value is not None
        ]
        inner = _Lowering(node, self.body.file, self.offset, self.owner, self)
        return self.result("func", inner.body, defaults)

    def comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        kind: type,
        parts: Sequence[ast.expr],
    ) -> Var:
        """Inlined: its variables are locals of the function under names that nothing else has."""
        first = self.expr(node.generators[0].iter)
        names = {
            item.id
            for generator in node.generators
            for item in ast.walk(generator.target)
            if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
        }
        tag = self.temporary()
        self.renamed.append({name: f"{name}@{tag}" for name in names})
        self.body.locals.update(self.renamed[-1].values())
        for index, generator in enumerate(node.generators):
            source = first if index == 0 else self.expr(generator.iter)
            self.assign(generator.target, self.element(source, bool(generator.is_async)))
            for condition in generator.ifs:
                self.truth(condition)
        elements = [(False, self.expr(part)) for part in parts]
        self.renamed.pop()
        return self.result("build", kind, elements)

    def of_ListComp(self, node: ast.ListComp) -> Var:
        return self.comprehension(node, list, [node.elt])

    def of_SetComp(self, node: ast.SetComp) -> Var:
        return self.comprehension(node, set, [node.elt])

    def of_DictComp(self, node: ast.DictComp) -> Var:
        return self.comprehension(node, dict, [node.key, node.value])

    def of_GeneratorExp(self, node: ast.GeneratorExp) -> Var:
        return self.comprehension(node, GeneratorType, [node.elt])

    def of_Yield(self, node: ast.Yield) -> Var:
        self.body.is_generator = True
        value = self.expr(node.value) if node.value is not None else self.result("const", None)
        return self.result("yield", value)

    def of_YieldFrom(self, node: ast.YieldFrom) -> Var:
        self.body.is_generator = True
        return self.result("yieldfrom", self.expr(node.value))

    def of_Await(self, node: ast.Await) -> Var:
        return self.result("await", self.expr(node.value))
