"""From the bytecode of a function (3.11 to 3.13) to the instructions of :mod:`share.analysis.frontend._ir`.

The stack is run symbolically: what lies on it are variables. Where control flow joins, each place of the stack
becomes a variable of its own into which every way there moves what it has; each piece of code is so translated
once. See https://docs.python.org/3/library/dis.html for what each instruction does.
"""

import dis
import inspect
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

from ._ir import Body, UnsupportedCodeError, Var
from ._lower import BINARY_SYMBOLS, COMPARE_SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SUPPORTED", "lower_code"]

SUPPORTED = (3, 11) <= sys.version_info[:2] <= (3, 13)
_V312 = sys.version_info >= (3, 12)
_V313 = sys.version_info >= (3, 13)
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


class _Null:
    """What PUSH_NULL pushes."""


NULL = _Null()


def lower_code(code: CodeType) -> Body:
    """Translate a code object, nested ones included.

    :raises UnsupportedCodeError: on an instruction that is not known here.
    """
    if not SUPPORTED:
        raise UnsupportedCodeError(f"bytecode of Python {sys.version_info[0]}.{sys.version_info[1]}")
    return _Machine(code).body


class _Machine:
    """Runs the stack of one code object symbolically."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.body = body = Body(code.co_name, code.co_filename, code.co_firstlineno)
        names = code.co_varnames
        count = code.co_argcount + code.co_kwonlyargcount
        body.params = list(names[: code.co_argcount])
        body.kwonly = list(names[code.co_argcount : count])
        if code.co_flags & inspect.CO_VARARGS:
            body.vararg = names[count]
            count += 1
        if code.co_flags & inspect.CO_VARKEYWORDS:
            body.kwarg = names[count]
        body.locals = {*names, *code.co_cellvars}
        body.is_generator = bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
        body.is_async = bool(code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR))
        body.may_end = False
        body.is_comprehension = code.co_name in _COMPREHENSIONS
        self.free = set(code.co_freevars)
        self.line = code.co_firstlineno
        self.temporaries = 0
        self.stack: list[Any] = []
        self.keywords: tuple[str, ...] = ()
        self.entries: dict[int, list[Any]] = {}
        self.moved: set[tuple[int, tuple[Any, ...]]] = set()
        self.after_send = False
        self.run()

    # Control flow

    def run(self) -> None:
        steps = list(dis.get_instructions(self.code))
        index = {step.offset: number for number, step in enumerate(steps)}
        handlers = dis._parse_exception_table(self.code)  # type: ignore[attr-defined]
        targets = {step.argval for step in steps if _jumps(step)} | {entry.target for entry in handlers}
        self.todo: list[int] = []
        self.arrive(0, [])
        while self.todo:
            number = index[self.todo.pop()]
            self.stack = list(self.entries[steps[number].offset])
            while number < len(steps):
                step = steps[number]
                if step.positions is not None and step.positions.lineno is not None:
                    self.line = step.positions.lineno
                for entry in handlers:
                    if entry.start <= step.offset < entry.end:
                        self.to_handler(entry)
                if not self.step(step):
                    break
                number += 1
                if number < len(steps) and steps[number].offset in targets:
                    self.arrive(steps[number].offset, self.stack)
                    break

    def arrive(self, offset: int, stack: list[Any]) -> None:
        """Control reaches the start of a piece of code with this stack."""
        entry = self.entries.get(offset)
        if entry is None:
            entry = self.entries[offset] = [
                item if isinstance(item, _Null | CodeType) else f"stack {offset} {place}"
                for place, item in enumerate(stack)
            ]
            self.todo.append(offset)
        if len(entry) != len(stack):
            raise UnsupportedCodeError(f"stack of {self.code.co_name} does not balance at {offset}")
        for target, item in zip(entry, stack, strict=True):
            if isinstance(target, str) and target != item and not isinstance(item, _Null | CodeType):
                self.emit("move", target, item)

    def to_handler(self, entry: Any) -> None:
        """An exception here goes to a handler with the lower part of the stack."""
        kept = tuple(self.stack[: entry.depth])
        if (entry.target, kept) in self.moved:
            return
        self.moved.add((entry.target, kept))
        stack = list(kept)
        if entry.lasti:
            stack.append(self.constant(0))
        stack.append(self.result("caught"))
        self.arrive(entry.target, stack)

    def step(self, step: dis.Instruction) -> bool:
        """Run one instruction; False if control does not go on to the next."""
        name = step.opname
        method: Callable[[dis.Instruction], bool | None] | None = getattr(self, f"do_{name}", None)
        if method is None:
            simple = _SIMPLE.get(name)
            if simple is None:
                raise UnsupportedCodeError(f"{name} in {self.code.co_qualname}")
            pops, pushes = simple
            for _ in range(pops):
                self.pop()
            for _ in range(pushes):
                self.push(self.constant(0))
            goes_on: bool | None = None
        else:
            goes_on = method(step)
        self.after_send = name == "SEND"
        return goes_on is not False

    # Helpers

    def emit(self, operation: str, *operands: Any) -> None:
        self.body.instrs.append((operation, self.line, *operands))

    def result(self, operation: str, *operands: Any) -> Var:
        self.temporaries += 1
        self.emit(operation, self.temporaries, *operands)
        return self.temporaries

    def constant(self, value: Any) -> Var:
        return self.result("const", value)

    def push(self, item: Any) -> None:
        self.stack.append(item)

    def pop(self) -> Any:
        if not self.stack:
            raise UnsupportedCodeError(f"stack of {self.code.co_name} is empty")
        return self.stack.pop()

    def pop_many(self, count: int) -> list[Any]:
        return [self.pop() for _ in range(count)][::-1]

    def var(self, item: Any) -> Var:
        return item if isinstance(item, str | int) else self.constant(None)

    def put(self, operation: str, *operands: Any) -> None:
        """Emit an operation and push its result."""
        self.push(self.result(operation, *operands))

    def bound(self, attribute: Var) -> None:
        """Push a method to be called, with NULL where this version wants it."""
        self.stack += [attribute, NULL] if _V313 else [NULL, attribute]

    # Loads and stores

    def do_LOAD_CONST(self, step: dis.Instruction) -> None:
        self.push(step.argval if isinstance(step.argval, CodeType) else self.constant(step.argval))

    def do_RETURN_CONST(self, step: dis.Instruction) -> bool:
        self.emit("return", self.constant(step.argval))
        return False

    def do_RETURN_VALUE(self, step: dis.Instruction) -> bool:
        self.emit("return", self.var(self.pop()))
        return False

    def do_LOAD_FAST(self, step: dis.Instruction) -> None:
        self.push(step.argval)

    do_LOAD_FAST_CHECK = do_LOAD_FAST_AND_CLEAR = do_LOAD_FAST

    def do_LOAD_FAST_LOAD_FAST(self, step: dis.Instruction) -> None:
        self.stack += step.argval

    def do_STORE_FAST(self, step: dis.Instruction) -> None:
        self.store_local(step.argval)

    def store_local(self, name: str) -> None:
        value = self.pop()
        if isinstance(value, str | int) and value != name:
            self.emit("move", name, value)  # a loaded variable on the stack may change; order does not matter

    def do_STORE_FAST_STORE_FAST(self, step: dis.Instruction) -> None:
        for name in step.argval:
            self.store_local(name)

    def do_STORE_FAST_LOAD_FAST(self, step: dis.Instruction) -> None:
        self.store_local(step.argval[0])
        self.push(step.argval[1])

    def do_DELETE_FAST(self, step: dis.Instruction) -> None:
        pass

    do_DELETE_DEREF = do_DELETE_NAME = do_DELETE_GLOBAL = do_DELETE_FAST
    do_NOP = do_RESUME = do_COPY_FREE_VARS = do_MAKE_CELL = do_PRECALL = do_CACHE = do_DELETE_FAST
    do_SETUP_ANNOTATIONS = do_EXTENDED_ARG = do_GEN_START = do_ASYNC_GEN_WRAP = do_DELETE_FAST
    do_GET_ITER = do_DELETE_FAST

    def do_LOAD_CLOSURE(self, step: dis.Instruction) -> None:
        self.push(self.constant(None))  # closures are found by name

    def do_LOAD_DEREF(self, step: dis.Instruction) -> None:
        if step.argval in self.free:
            self.put("outer", step.argval)
        else:
            self.push(step.argval)

    do_LOAD_CLASSDEREF = do_LOAD_DEREF

    def do_LOAD_FROM_DICT_OR_DEREF(self, step: dis.Instruction) -> None:
        self.pop()
        self.do_LOAD_DEREF(step)

    def do_STORE_DEREF(self, step: dis.Instruction) -> None:
        if step.argval in self.free:
            self.emit("setouter", step.argval, self.var(self.pop()))
        else:
            self.store_local(step.argval)

    def do_LOAD_GLOBAL(self, step: dis.Instruction) -> None:
        value = self.result("global", step.argval)
        if step.arg is not None and step.arg & 1:
            self.bound(value)
        else:
            self.push(value)

    def do_STORE_GLOBAL(self, step: dis.Instruction) -> None:
        self.emit("setglobal", step.argval, self.var(self.pop()))

    def do_LOAD_NAME(self, step: dis.Instruction) -> None:
        value = self.result("global", step.argval)
        self.emit("move", value, f"name {step.argval}")
        self.push(value)

    def do_LOAD_FROM_DICT_OR_GLOBALS(self, step: dis.Instruction) -> None:
        self.pop()
        self.do_LOAD_NAME(step)

    def do_STORE_NAME(self, step: dis.Instruction) -> None:
        self.emit("move", f"name {step.argval}", self.var(self.pop()))

    def do_LOAD_ATTR(self, step: dis.Instruction) -> None:
        value = self.result("attr", self.var(self.pop()), step.argval)
        if _V312 and step.arg is not None and step.arg & 1:
            self.bound(value)
        else:
            self.push(value)

    def do_LOAD_METHOD(self, step: dis.Instruction) -> None:
        self.bound(self.result("attr", self.var(self.pop()), step.argval))

    def do_LOAD_SUPER_ATTR(self, step: dis.Instruction) -> None:
        receiver, cls, _ = self.pop(), self.pop(), self.pop()
        holder = self.result("super", self.var(cls), self.var(receiver))
        value = self.result("attr", holder, step.argval)
        if step.arg is not None and step.arg & 1:
            self.bound(value)
        else:
            self.push(value)

    def do_STORE_ATTR(self, step: dis.Instruction) -> None:
        owner = self.var(self.pop())
        self.emit("setattr", owner, step.argval, self.var(self.pop()))

    def do_DELETE_ATTR(self, step: dis.Instruction) -> None:
        self.emit("delattr", self.var(self.pop()), step.argval)

    def do_BINARY_SUBSCR(self, step: dis.Instruction) -> None:
        owner, key = self.pop_many(2)
        self.put("item", self.var(owner), self.var(key))

    def do_BINARY_SLICE(self, step: dis.Instruction) -> None:
        owner, _, _ = self.pop_many(3)
        self.put("item", self.var(owner), self.constant(slice))

    def do_STORE_SUBSCR(self, step: dis.Instruction) -> None:
        value, owner, key = self.pop_many(3)
        self.emit("setitem", self.var(owner), self.var(key), self.var(value))

    def do_STORE_SLICE(self, step: dis.Instruction) -> None:
        value, owner, _, _ = self.pop_many(4)
        self.emit("setitem", self.var(owner), self.constant(slice), self.var(value))

    def do_DELETE_SUBSCR(self, step: dis.Instruction) -> None:
        owner, key = self.pop_many(2)
        self.emit("delitem", self.var(owner), self.var(key))

    # The stack itself

    def do_PUSH_NULL(self, step: dis.Instruction) -> None:
        self.push(NULL)

    def do_POP_TOP(self, step: dis.Instruction) -> None:
        self.pop()

    do_POP_EXCEPT = do_POP_TOP

    def do_COPY(self, step: dis.Instruction) -> None:
        self.push(self.stack[-(step.arg or 1)])

    def do_SWAP(self, step: dis.Instruction) -> None:
        place = step.arg or 1
        self.stack[-1], self.stack[-place] = self.stack[-place], self.stack[-1]

    def do_END_FOR(self, step: dis.Instruction) -> None:
        self.pop_many(1 if _V313 else 2)

    def do_PUSH_EXC_INFO(self, step: dis.Instruction) -> None:
        exc = self.pop()
        self.stack += [self.constant(None), exc]

    def do_CHECK_EXC_MATCH(self, step: dis.Instruction) -> None:
        self.pop()
        self.push(self.constant(True))

    def do_CHECK_EG_MATCH(self, step: dis.Instruction) -> None:
        self.pop()
        self.push(self.stack[-1])

    def do_RERAISE(self, step: dis.Instruction) -> bool:
        return False

    def do_RAISE_VARARGS(self, step: dis.Instruction) -> bool:
        for value in self.pop_many(step.arg or 0):
            self.emit("raise", self.var(value))
        return False

    def do_WITH_EXCEPT_START(self, step: dis.Instruction) -> None:
        self.push(self.constant(True))

    def do_CLEANUP_THROW(self, step: dis.Instruction) -> None:
        sent = self.pop_many(3)[1]
        self.stack += [self.constant(None), sent]

    # Jumps

    def do_JUMP_FORWARD(self, step: dis.Instruction) -> bool:
        self.arrive(step.argval, self.stack)
        return False

    do_JUMP_BACKWARD = do_JUMP_BACKWARD_NO_INTERRUPT = do_JUMP = do_JUMP_ABSOLUTE = do_JUMP_FORWARD

    def do_POP_JUMP_IF_FALSE(self, step: dis.Instruction) -> None:
        value = self.pop()
        self.result("proto", self.var(value), ("__bool__", "__len__"), ())
        self.arrive(step.argval, self.stack)

    do_POP_JUMP_IF_TRUE = do_POP_JUMP_IF_FALSE
    do_POP_JUMP_FORWARD_IF_FALSE = do_POP_JUMP_FORWARD_IF_TRUE = do_POP_JUMP_IF_FALSE
    do_POP_JUMP_BACKWARD_IF_FALSE = do_POP_JUMP_BACKWARD_IF_TRUE = do_POP_JUMP_IF_FALSE

    def do_POP_JUMP_IF_NONE(self, step: dis.Instruction) -> None:
        self.pop()
        self.arrive(step.argval, self.stack)

    do_POP_JUMP_IF_NOT_NONE = do_POP_JUMP_IF_NONE
    do_POP_JUMP_FORWARD_IF_NONE = do_POP_JUMP_FORWARD_IF_NOT_NONE = do_POP_JUMP_IF_NONE
    do_POP_JUMP_BACKWARD_IF_NONE = do_POP_JUMP_BACKWARD_IF_NOT_NONE = do_POP_JUMP_IF_NONE

    def do_JUMP_IF_FALSE_OR_POP(self, step: dis.Instruction) -> None:
        self.result("proto", self.var(self.stack[-1]), ("__bool__", "__len__"), ())
        self.arrive(step.argval, self.stack)
        self.pop()

    do_JUMP_IF_TRUE_OR_POP = do_JUMP_IF_FALSE_OR_POP

    def do_FOR_ITER(self, step: dis.Instruction) -> None:
        source = self.stack[-1]
        # At the end 3.11 drops the iterator and jumps; later versions jump to where END_FOR drops it.
        self.arrive(step.argval, [*self.stack, self.constant(0)] if _V312 else self.stack[:-1])
        self.put("iter", self.var(source), -1)

    # Generators and coroutines

    def do_RETURN_GENERATOR(self, step: dis.Instruction) -> None:
        self.push(self.constant(None))

    def do_YIELD_VALUE(self, step: dis.Instruction) -> None:
        value = self.pop()
        if self.after_send:
            self.push(self.constant(None))  # a coroutine or ``yield from`` handing on, already told
        else:
            self.put("yield", self.var(value))

    def do_GET_YIELD_FROM_ITER(self, step: dis.Instruction) -> None:
        self.put("yieldfrom", self.var(self.pop()))

    def do_GET_AWAITABLE(self, step: dis.Instruction) -> None:
        self.put("await", self.var(self.pop()))

    def do_GET_AITER(self, step: dis.Instruction) -> None:
        pass

    def do_GET_ANEXT(self, step: dis.Instruction) -> None:
        self.put("aiter", self.var(self.stack[-1]))

    def do_SEND(self, step: dis.Instruction) -> None:
        self.pop()
        receiver = self.stack[-1]  # stands for its result: see GET_AWAITABLE
        self.arrive(step.argval, [*self.stack, receiver] if _V312 else [*self.stack[:-1], receiver])
        self.push(receiver)

    def do_END_SEND(self, step: dis.Instruction) -> None:
        value = self.pop()
        self.pop()
        self.push(value)

    def do_END_ASYNC_FOR(self, step: dis.Instruction) -> None:
        self.pop_many(2)

    def do_BEFORE_WITH(self, step: dis.Instruction) -> None:
        value = self.result("enter", self.var(self.pop()), False)
        self.stack += [self.constant(None), value]

    def do_BEFORE_ASYNC_WITH(self, step: dis.Instruction) -> None:
        value = self.result("enter", self.var(self.pop()), True)
        self.stack += [self.constant(None), value]

    # Operators

    def do_BINARY_OP(self, step: dis.Instruction) -> None:
        left, right = map(self.var, self.pop_many(2))
        symbol = step.argrepr
        name = BINARY_SYMBOLS[symbol.rstrip("=")]
        if symbol.endswith("="):
            self.put("inplace", left, f"__i{name}__", right)
        else:
            self.put("proto", left, (f"__{name}__", f"__r{name}__"), (right,))

    def unary(self, *names: str) -> None:
        self.put("proto", self.var(self.pop()), names, ())

    def do_UNARY_NOT(self, step: dis.Instruction) -> None:
        self.unary("__bool__", "__len__")

    do_TO_BOOL = do_UNARY_NOT

    def do_UNARY_NEGATIVE(self, step: dis.Instruction) -> None:
        self.unary("__neg__")

    def do_UNARY_POSITIVE(self, step: dis.Instruction) -> None:
        self.unary("__pos__")

    def do_UNARY_INVERT(self, step: dis.Instruction) -> None:
        self.unary("__invert__")

    def do_COMPARE_OP(self, step: dis.Instruction) -> None:
        left, right = map(self.var, self.pop_many(2))
        symbol = str(step.argval).removeprefix("bool(").rstrip(")")
        self.put("proto", left, (COMPARE_SYMBOLS[symbol],), (right,))

    def do_CONTAINS_OP(self, step: dis.Instruction) -> None:
        item, owner = map(self.var, self.pop_many(2))
        self.put("contains", owner, item)

    def do_IS_OP(self, step: dis.Instruction) -> None:
        self.put("same", *map(self.var, self.pop_many(2)))

    # Building

    def build(self, cls: type, count: int) -> None:
        elements = [(False, self.var(item)) for item in self.pop_many(count)]
        self.put("build", cls, elements)

    def do_BUILD_TUPLE(self, step: dis.Instruction) -> None:
        self.build(tuple, step.arg or 0)

    def do_BUILD_LIST(self, step: dis.Instruction) -> None:
        self.build(list, step.arg or 0)

    def do_BUILD_SET(self, step: dis.Instruction) -> None:
        self.build(set, step.arg or 0)

    def do_BUILD_MAP(self, step: dis.Instruction) -> None:
        self.build(dict, 2 * (step.arg or 0))

    def do_BUILD_CONST_KEY_MAP(self, step: dis.Instruction) -> None:
        self.pop()
        self.build(dict, step.arg or 0)

    def do_BUILD_SLICE(self, step: dis.Instruction) -> None:
        self.pop_many(step.arg or 2)
        self.push(self.constant(slice))

    def do_BUILD_STRING(self, step: dis.Instruction) -> None:
        self.pop_many(step.arg or 0)
        self.push(self.constant(str))

    def do_FORMAT_VALUE(self, step: dis.Instruction) -> None:
        if (step.arg or 0) & 4:
            self.pop()
        self.unary("__format__", "__str__", "__repr__")

    def do_CONVERT_VALUE(self, step: dis.Instruction) -> None:
        self.unary("__str__", "__repr__")

    def do_FORMAT_SIMPLE(self, step: dis.Instruction) -> None:
        self.unary("__format__", "__str__", "__repr__")

    def do_FORMAT_WITH_SPEC(self, step: dis.Instruction) -> None:
        self.pop()
        self.do_FORMAT_SIMPLE(step)

    def do_LIST_APPEND(self, step: dis.Instruction) -> None:
        value = self.var(self.pop())
        self.emit("into", self.var(self.stack[-(step.arg or 1)]), False, value)

    do_SET_ADD = do_LIST_APPEND

    def do_MAP_ADD(self, step: dis.Instruction) -> None:
        for value in self.pop_many(2):
            self.emit("into", self.var(self.stack[-(step.arg or 1)]), False, self.var(value))

    def do_LIST_EXTEND(self, step: dis.Instruction) -> None:
        value = self.var(self.pop())
        self.emit("into", self.var(self.stack[-(step.arg or 1)]), True, value)

    do_SET_UPDATE = do_DICT_UPDATE = do_DICT_MERGE = do_LIST_EXTEND

    def do_LIST_TO_TUPLE(self, step: dis.Instruction) -> None:
        pass

    def do_CALL_INTRINSIC_1(self, step: dis.Instruction) -> None:
        pass  # every one of them gives what it was given, or something that nobody looks at

    def do_CALL_INTRINSIC_2(self, step: dis.Instruction) -> None:
        self.pop()

    do_PREP_RERAISE_STAR = do_CALL_INTRINSIC_2

    def do_UNPACK_SEQUENCE(self, step: dis.Instruction) -> None:
        source = self.var(self.pop())
        self.stack += [self.result("iter", source, place) for place in range(step.arg or 0)][::-1]

    def do_UNPACK_EX(self, step: dis.Instruction) -> None:
        source = self.var(self.pop())
        before, after = (step.arg or 0) & 0xFF, (step.arg or 0) >> 8
        parts: list[Var] = [self.result("iter", source, -1) for _ in range(before + 1 + after)]
        parts[before] = self.result("build", list, [(False, parts[before])])
        self.stack += parts[::-1]

    # Calls and functions

    def do_KW_NAMES(self, step: dis.Instruction) -> None:
        self.keywords = step.argval if isinstance(step.argval, tuple) else self.code.co_consts[step.arg or 0]

    def do_CALL(self, step: dis.Instruction) -> None:
        args = self.pop_many(step.arg or 0)
        self.call(args, self.keywords)
        self.keywords = ()

    def do_CALL_KW(self, step: dis.Instruction) -> None:
        self.pop()
        self.call(self.pop_many(step.arg or 0), self.last_names)

    def call(self, args: list[Any], keywords: tuple[str, ...]) -> None:
        lower, upper = self.pop_many(2)
        if isinstance(lower, _Null):
            callee = upper
        else:
            callee = lower
            if not isinstance(upper, _Null):
                args = [upper, *args]
        split = len(args) - len(keywords)
        positional = [(False, self.var(arg)) for arg in args[:split]]
        named = [(name, self.var(arg)) for name, arg in zip(keywords, args[split:], strict=True)]
        self.put("call", self.var(callee), positional, named)

    def do_CALL_FUNCTION_EX(self, step: dis.Instruction) -> None:
        named = [(None, self.var(self.pop()))] if (step.arg or 0) & 1 else []
        args = self.var(self.pop())
        lower, upper = self.pop_many(2)
        callee = upper if isinstance(lower, _Null) else lower
        self.put("call", self.var(callee), [(True, args)], named)

    def do_MAKE_FUNCTION(self, step: dis.Instruction) -> None:
        code = self.pop()
        if not isinstance(code, CodeType):
            raise UnsupportedCodeError("a function made of something that is not code")
        flags = 0 if _V313 else step.arg or 0
        if flags & 8:
            self.pop()
        if flags & 4:
            self.pop()
        defaults: list[tuple[str | None, Var]] = []
        if flags & 2:
            defaults.append(("**", self.var(self.pop())))
        if flags & 1:
            defaults.append(("*", self.var(self.pop())))
        self.put("func", _Machine(code).body, defaults)

    def do_SET_FUNCTION_ATTRIBUTE(self, step: dis.Instruction) -> None:
        function, value = self.pop(), self.pop()
        if (step.arg or 0) & 3:
            self.emit("defaults", self.var(function), self.var(value))
        self.push(function)

    def do_LOAD_BUILD_CLASS(self, step: dis.Instruction) -> None:
        self.put("global", "__build_class__")

    def do_LOAD_LOCALS(self, step: dis.Instruction) -> None:
        self.push(self.constant(None))

    def do_LOAD_ASSERTION_ERROR(self, step: dis.Instruction) -> None:
        self.put("global", "AssertionError")

    def do_IMPORT_NAME(self, step: dis.Instruction) -> None:
        self.pop_many(2)
        self.put("import", step.argval, None)

    def do_IMPORT_FROM(self, step: dis.Instruction) -> None:
        self.put("attr", self.var(self.stack[-1]), step.argval)

    # Patterns

    def do_GET_LEN(self, step: dis.Instruction) -> None:
        self.push(self.constant(0))

    do_MATCH_MAPPING = do_MATCH_SEQUENCE = do_GET_LEN

    def do_MATCH_KEYS(self, step: dis.Instruction) -> None:
        subject, keys = map(self.var, self.stack[-2:])
        lookup = self.result("attr", subject, "get")
        value = self.result("call", lookup, [(False, self.result("iter", keys, -1))], [])
        self.put("build", list, [(False, value)])

    def do_MATCH_CLASS(self, step: dis.Instruction) -> None:
        subject, _, _ = map(self.var, self.pop_many(3))
        parts = [subject, self.result("attr", subject, None)] if step.arg else []
        parts += [self.result("attr", subject, name) for name in self.last_names]
        self.put("build", list, [(False, part) for part in parts])

    @property
    def last_names(self) -> tuple[str, ...]:
        """The constant tuple of names that was loaded last."""
        for instr in reversed(self.body.instrs):
            if instr[0] == "const" and isinstance(instr[3], tuple):
                names: tuple[str, ...] = instr[3]
                return names
        return ()


def _jumps(step: dis.Instruction) -> bool:
    return step.opcode in dis.hasjrel or step.opcode in dis.hasjabs


#: Instructions of which only the effect on the stack matters: (pops, pushes).
_SIMPLE: dict[str, tuple[int, int]] = {
    "PRINT_EXPR": (1, 0),
    "EXIT_INIT_CHECK": (1, 0),
    "INTERPRETER_EXIT": (1, 0),
}
