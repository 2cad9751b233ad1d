"""Callables whose effect depends on their arguments: ``getattr``, ``setattr``, ``vars``, ``super`` and their like."""

import builtins
import dataclasses
import functools
import inspect
import operator
import sys
import types
import typing
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._args import Args
from ._nodes import Kind, Node, NodeSet, Plain

if TYPE_CHECKING:
    from ._solver import Instance, Solver

__all__ = ["BY_CODE", "FIELD_OF_TUPLE", "GETTERS", "SPECIAL"]

Handler = Callable[["Solver", "Instance", Args, Any], NodeSet | None]


def _operand(args: Args, index: int) -> list[Node]:
    """The nodes that a positional argument may be."""
    if index < len(args.positional):
        return list(args.positional[index])
    return list(args.rest)


def _names(nodes: list[Node]) -> list[str | None]:
    """The attribute names that these may be; None for any."""
    return [node.name if node.kind is Kind.SCALAR else None for node in nodes] or [None]


def _getattr(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    out: NodeSet = set(_operand(args, 2)) if len(args.positional) > 2 else set()
    for node in _operand(args, 0):
        for name in _names(_operand(args, 1)):
            out |= solver.objects.load(instance, node, name)
    return out


def _hasattr(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    _getattr(solver, instance, args, key)
    return {solver.nodes.scalar(bool)}


def _setattr(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    for node in _operand(args, 0):
        for name in _names(_operand(args, 1)):
            solver.objects.store(instance, node, name, set(_operand(args, 2)))
    return {solver.nodes.none}


def _object_setattr(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    for node in _operand(args, 0):
        for name in _names(_operand(args, 1)):
            if node.kind is Kind.KNOWN:
                solver.mutate(instance, node, f".{name} = ...", definite=True)
            else:
                solver.objects.store_field(instance, node, name, set(_operand(args, 2)), seen=False)
    return {solver.nodes.none}


def _delattr(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    for node in _operand(args, 0):
        for name in _names(_operand(args, 1)):
            solver.objects.delete(instance, node, name)
    return {solver.nodes.none}


def _object_delattr(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    for node in _operand(args, 0):
        for name in _names(_operand(args, 1)):
            if node.kind is Kind.SELF:
                solver.write(instance, name, f"del .{name}")
                instance.unseen.add("__dict__")
            else:
                solver.mutate(instance, node, f"del .{name}", definite=True)
    return {solver.nodes.none}


def _vars(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    if not args.positional:
        return {solver.nodes.site((key, "locals"), dict)}
    out: NodeSet = set()
    for node in _operand(args, 0):
        out |= solver.objects.load(instance, node, "__dict__")
    return out


def _locals(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    site = solver.nodes.site((key, "locals"), dict)
    for nodes in list(instance.vars.values()):
        solver.put(site, nodes)
    return {site}


def _type(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    if len(args.positional) != 1 or args.rest:
        return None
    out: NodeSet = set()
    for node in args.positional[0]:
        for cls in solver.objects.types_of(node):
            if cls is Plain:
                out.add(node)
                continue
            out.add(solver.nodes.known(cls) if cls is not None else solver.nodes.site((key, "type"), None))
        if node.kind is Kind.NONE:
            out.add(solver.nodes.known(type(None)))
    return out


def _super(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    if not args.positional and not args.rest:
        return solver.zero_super(instance)
    classes, receivers = _operand(args, 0), _operand(args, 1)
    out = solver.super_of(instance, classes, receivers)
    for cls in classes:
        if cls.kind is Kind.KNOWN and getattr(cls.obj, "__module__", None) in {"builtins", "collections"}:
            # In truth the class of a part is the type that records: what comes after it does not.
            out |= solver.escape(instance, receivers, "super() of a container")
    return out


def _cast(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    return set(_operand(args, 1))


def _exec(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    everything = {node for nodes in list(instance.vars.values()) for node in nodes}
    return solver.escape(instance, everything | args.all(), "exec or eval of any code") | {
        solver.nodes.site((key, "exec"), None)
    }


def _frame(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    everything = {node for nodes in list(instance.vars.values()) for node in nodes}
    return solver.escape(instance, everything, "a frame, which has all variables") | {
        solver.nodes.site((key, "frame"), None),
        solver.nodes.outside,
    }


def _method_type(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    """``types.MethodType(function, receiver)``"""
    if len(args.positional) != 2 or args.rest:
        return None
    out: NodeSet = set()
    for function in args.positional[0]:
        if function.kind is Kind.KNOWN and isinstance(function.obj, types.FunctionType):
            out |= {solver.nodes.bound(function.obj, receiver) for receiver in args.positional[1]}
        else:
            out |= SPECIAL[functools.partial](solver, instance, args, key) or set()
    return out


def _new(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    out: NodeSet = set()
    for cls in _operand(args, 0):
        if cls.kind is Kind.KNOWN and isinstance(cls.obj, type):
            out.add(solver.nodes.site((key, "new"), cls.obj, unknown=not solver.closed))
        else:
            out.add(solver.nodes.site((key, "new"), None))
    for site in out:
        solver.put(site, args.all())
    return out


def _replace(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    """``dataclasses.replace(x, n=1)``: the class of ``x`` is called with its fields."""
    if len(args.positional) != 1 or args.rest:
        return None
    out: NodeSet = set()
    for node in list(args.positional[0]):
        for cls in solver.objects.types_of(node):
            if (cls is None or cls is Plain) and node.kind is Kind.STATE:
                solver.doubt(instance, node, "replace() of unknown type")
                changes = Args([], args.all() - {node})
                out |= solver.calling.unknown(instance, changes, key, "replace") | solver.objects.elements(
                    node
                )
            elif cls is None or cls is Plain:
                out |= solver.calling.unknown(instance, args, key, "replace")
            elif dataclasses.is_dataclass(cls):
                given = Args([])
                for field in dataclasses.fields(cls):
                    given.keywords[field.name] = solver.objects.load(instance, node, field.name)
                given.keywords.update(args.keywords)
                given.rest_keywords = args.rest_keywords
                out |= solver.calling.call_object(instance, cls, given, (key, cls))
    return out


def _replace_named(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    """``x._replace(n=1)`` of a named tuple, whose ``__new__`` is not called."""
    out: NodeSet = set()
    for node in _operand(args, 0):
        for cls in solver.objects.types_of(node):
            if cls is not None and issubclass(cls, tuple):
                site = solver.nodes.site((key, cls), cls, unknown=False)
                solver.put(site, solver.objects.elements(node) | args.all() - {node})
                out.add(site)
    return out


def _counter(changes: bool, gives: type) -> Handler:
    """An operator of ``Counter``. Its code compares counts: of a state that may be anything, all that has an order."""

    def operate(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
        own, others = set(_operand(args, 0)), args.all() - set(_operand(args, 0))
        if any(
            cls is not None and isinstance(getattr(cls, "items", None), types.FunctionType)
            for node in own | others
            for cls in solver.objects.types_of(node)
        ):
            return None
        inside: NodeSet = set().union(*map(solver.objects.elements, others))
        for node in own:
            if node.kind is Kind.SELF:
                solver.read(instance, None, "an operator of Counter")
            if changes:
                solver.mutate(instance, node, "an operator of Counter", own=args.own, seen=True)
                solver.put(node, inside)
        if gives is not Counter:
            return {solver.nodes.scalar(gives)}
        if changes:
            return own
        made = solver.nodes.site((key, "counter"), Counter, unknown=False)
        solver.put(made, inside.union(*map(solver.objects.elements, own)))
        return {made}

    return operate


def _new_tuple(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    """``tuple.__new__(cls, xs)``"""
    out = _new(solver, instance, Args([set(_operand(args, 0))]), key) or set()
    for node in args.all() - set(_operand(args, 0)):
        held = solver.objects.iterate(instance, node, -1)
        for site in out:
            solver.put(site, held)
    return out


def _build_class(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
    """A class made while running, as bytecode does it: it holds whatever its body gave a name."""
    site = solver.nodes.site((key, "class"), None)
    for node in args.all():
        if node.kind is Kind.FUNC:
            instance.calls[node.outer] = None
            for var, nodes in list(node.outer.vars.items()):
                if isinstance(var, str) and var.startswith("name "):
                    solver.put(site, nodes)
        else:
            solver.put(site, {node})
    return {site}


def _make_getter(cls: type) -> Handler:
    """``attrgetter(...)`` and the like: an object that keeps what it was made with, texts as they are."""

    def make(solver: "Solver", instance: "Instance", args: Args, key: Any) -> NodeSet | None:
        site = solver.nodes.site((key, "getter"), cls, unknown=False)
        held = solver.contents.setdefault(site, set())
        if not args.all() <= held:
            held |= args.all()
            solver.changed = True
        return {site}

    return make


def _get_attributes(
    solver: "Solver", instance: "Instance", held: list[Node], args: Args, key: Any
) -> NodeSet:
    """``attrgetter("a.b", "c")(x)``"""
    out: NodeSet = set()
    for name in _names(held):
        nodes = set(_operand(args, 0))
        for part in name.split(".") if name is not None else [None]:
            nodes = {found for node in nodes for found in solver.objects.load(instance, node, part)}
        out |= nodes
    return _alone_or_together(solver, held, out, key)


def _get_items(solver: "Solver", instance: "Instance", held: list[Node], args: Args, key: Any) -> NodeSet:
    """``itemgetter(0, 1)(x)``"""
    out: NodeSet = set()
    for node in _operand(args, 0):
        out |= solver.objects.item(instance, node, set(held), (key, "item"))
    return _alone_or_together(solver, held, out, key)


def _call_methods(solver: "Solver", instance: "Instance", held: list[Node], args: Args, key: Any) -> NodeSet:
    """``methodcaller("name", 1)(x)``"""
    out: NodeSet = set()
    for node in _operand(args, 0):
        for name in _names(held):
            for found in solver.objects.load(instance, node, name):
                out |= solver.calling.call_node(instance, found, Args([], set(held)), (key, "called"))
    return out


def _call_partial(solver: "Solver", instance: "Instance", held: list[Node], args: Args, key: Any) -> NodeSet:
    """``partial(f, 1)(2)``"""
    out: NodeSet = set()
    for node in held:
        if solver.calling.is_function(node):
            merged = Args([], args.all() | set(held) - {node})
            out |= solver.calling.call_node(instance, node, merged, (key, "called"))
        elif node.kind is not Kind.SCALAR:
            out |= solver.calling.unknown(instance, Args([], {node}), key, "partial")
    return out


def _alone_or_together(solver: "Solver", held: list[Node], found: NodeSet, key: Any) -> NodeSet:
    if len(held) == 1:
        return found
    site = solver.nodes.site((key, "together"), tuple, unknown=False)
    solver.put(site, found)
    return {site, *found}


Getter = Callable[["Solver", "Instance", list[Node], Args, Any], NodeSet]

#: What calling an object of these types does, given what it was made with.
GETTERS: dict[Any, Getter] = {
    operator.attrgetter: _get_attributes,
    operator.itemgetter: _get_items,
    operator.methodcaller: _call_methods,
    functools.partial: _call_partial,
}

SPECIAL: dict[Any, Handler] = {
    functools.partial: _make_getter(functools.partial),
    operator.attrgetter: _make_getter(operator.attrgetter),
    operator.itemgetter: _make_getter(operator.itemgetter),
    operator.methodcaller: _make_getter(operator.methodcaller),
    builtins.__build_class__: _build_class,
    builtins.getattr: _getattr,
    builtins.hasattr: _hasattr,
    builtins.setattr: _setattr,
    builtins.delattr: _delattr,
    builtins.vars: _vars,
    builtins.locals: _locals,
    builtins.type: _type,
    builtins.super: _super,
    builtins.exec: _exec,
    builtins.eval: _exec,
    typing.cast: _cast,
    sys._getframe: _frame,
    inspect.currentframe: _frame,
    types.MethodType: _method_type,
    object.__setattr__: _object_setattr,
    object.__delattr__: _object_delattr,
    object.__getattribute__: _getattr,
    object.__new__: _new,
    tuple.__new__: _new_tuple,
    dataclasses.replace: _replace,
}
SPECIAL[getattr(dataclasses, "_replace", dataclasses.replace)] = _replace  # ``__replace__`` of 3.13


class _Named(typing.NamedTuple):
    """Any named tuple."""

    field: int


#: The same of functions that are made anew for each class, by their code.
BY_CODE: dict[types.CodeType, Handler] = {_Named._replace.__code__: _replace_named}
BY_CODE |= {
    getattr(Counter, f"__{name}__").__code__: _counter(changes, gives)
    for names, changes, gives in (
        ("eq ne lt le gt ge", False, bool),
        ("add sub or and pos neg", False, Counter),
        ("iadd isub ior iand", True, Counter),
    )
    for name in names.split()
}
FIELD_OF_TUPLE: type = type(vars(_Named)["field"])
