"""What each instruction of :mod:`share.analysis.frontend._ir` does to the sets of nodes; one function an operation."""

import builtins
import sys
from collections.abc import Callable
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from .._classes import MISSING
from ..knowledge._plain import METHODS
from ._args import Args
from ._nodes import Kind, Node, NodeSet

if TYPE_CHECKING:
    from ._solver import Instance, Solver

__all__ = ["OPERATIONS"]


def op_const(solver: "Solver", instance: "Instance", instr: Any) -> None:
    value = instr[3]
    known = solver.nodes.scalar(value) if isinstance(value, type) else solver.nodes.known(value)
    solver.add(instance, instr[2], {known})


def op_move(solver: "Solver", instance: "Instance", instr: Any) -> None:
    solver.add(instance, instr[2], instance.vars.get(instr[3], set()))


def op_global(solver: "Solver", instance: "Instance", instr: Any) -> None:
    name = instr[3]
    root = instance.root()
    function = root.function
    if function is not None and name in function.__code__.co_freevars:
        solver.add(instance, instr[2], solver.closure_value(root, name))
        return
    space = function.__globals__ if function is not None else {}
    if name in space:
        value = space[name]
    else:
        value = vars(builtins).get(name, MISSING)
    out = set(solver.globals.get((id(space), name), ()))
    if value is not MISSING:
        out.add(solver.nodes.known(value))
    else:
        out.add(solver.nodes.site(("global", name), None))
    solver.add(instance, instr[2], out)


def op_setglobal(solver: "Solver", instance: "Instance", instr: Any) -> None:
    name = instr[2]
    function = instance.root().function
    key = (id(function.__globals__) if function is not None else 0, name)
    values = solver.lasting(instance.vars.get(instr[3], set()))
    if not values <= solver.globals.setdefault(key, set()):
        solver.globals[key] |= values
        solver.changed = True
    text = f"global {name} = ..."
    instance.outside.setdefault(text, solver.reason(instance, "changes outside state", text))


def op_outer(solver: "Solver", instance: "Instance", instr: Any) -> None:
    name = instr[3]
    scope = instance.outer
    while scope is not None:
        if name in scope.body.locals or name in scope.vars:
            found = scope.vars.get(name, set())
            # A function may be kept, and called by another call than the one that made it.
            solver.add(instance, instr[2], found if instance.body.is_comprehension else solver.lasting(found))
            return
        scope = scope.outer
    solver.add(instance, instr[2], solver.closure_value(instance.root(), name))


def op_setouter(solver: "Solver", instance: "Instance", instr: Any) -> None:
    name = instr[2]
    scope = instance.outer
    while scope is not None:
        if name in scope.body.locals:
            solver.add(scope, name, instance.vars.get(instr[3], set()))
            return
        scope = scope.outer


def op_attr(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, owner, name = instr
    for node in solver.get(instance, owner):
        found = solver.objects.load(instance, node, name)
        if solver.closed and target in instance.body.values:
            found = {found for found in found if found.kind is not Kind.METH or name in METHODS}
        solver.add(instance, target, found)


def op_setattr(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, owner, name, value = instr
    values = instance.vars.get(value, set())
    for node in solver.get(instance, owner):
        solver.objects.store(instance, node, name, values)


def op_delattr(solver: "Solver", instance: "Instance", instr: Any) -> None:
    for node in solver.get(instance, instr[2]):
        solver.objects.delete(instance, node, instr[3])


def op_item(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, owner, key = instr
    keys = instance.vars.get(key, set())
    for node in solver.get(instance, owner):
        solver.add(instance, target, solver.objects.item(instance, node, keys, (instance, target)))


def op_setitem(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, owner, key, value = instr
    keys, values = instance.vars.get(key, set()), instance.vars.get(value, set())
    for node in solver.get(instance, owner):
        solver.objects.special(
            instance, node, "__setitem__", Args([keys, values]), (instance, instr[1], owner)
        )


def op_delitem(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, owner, key = instr
    keys = instance.vars.get(key, set())
    for node in solver.get(instance, owner):
        solver.objects.special(instance, node, "__delitem__", Args([keys]), (instance, instr[1], owner))


def op_iter(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, source, index = instr
    for node in solver.get(instance, source):
        solver.add(instance, target, solver.objects.iterate(instance, node, index))


def op_call(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, callee, args, kwargs = instr
    packed = solver.objects.pack(instance, args, kwargs)
    called = solver.get(instance, callee)
    if callee in instance.body.methods:
        called = without_parts(solver, instance, called)
    for node in called:
        solver.add(instance, target, solver.calling.call_node(instance, node, packed, (instance, target)))


def without_parts(solver: "Solver", instance: "Instance", called: list[Node]) -> list[Node]:
    """What ``x.name(...)`` may call: of an ``x`` of unknown type ``name`` stands for its method, not for a part."""
    parts: NodeSet = set()
    for node in called:
        if node.kind is Kind.METH and node.receiver is not None and node.receiver.kind is Kind.STATE:
            own = solver.nodes.state(
                node.name
            )  # which may be an attribute of the receiver, kept in a variable with x
            parts |= {part for part in solver.objects.elements(node.receiver) if part.kind is Kind.STATE} - {
                own
            }
            parts.add(solver.nodes.state(node.receiver.name, True))
    for part in parts.intersection(called):
        solver.doubt(instance, part, "a call of unknown effect")
    return [node for node in called if node not in parts]


def op_build(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, cls, elements = instr
    site = solver.nodes.site((instance, target), None if cls is object else cls, unknown=False)
    positions: list[NodeSet] | None = []
    for starred, var in elements:
        nodes = instance.vars.get(var, set())
        if starred:
            positions = None
            for node in list(nodes):
                solver.put(site, solver.objects.iterate(instance, node, -1))
                if cls is dict:  # ``{**other}``: its values too
                    solver.put(site, solver.objects.elements(node))
                    solver.put(site, solver.objects.unpack(instance, node, (instance, var)))
        else:
            solver.put(site, nodes)
            if positions is not None:
                positions.append(nodes)
    if cls is tuple:
        site.elements = positions
    elif cls in (dict, set):
        for node in list(solver.contents.get(site, ())):
            if node.kind in (Kind.SELF, Kind.STATE, Kind.SITE):
                solver.objects.operate_on(instance, node, set(), ("__hash__", "__eq__"), (instance, target))
    solver.add(instance, target, {site})


def op_proto(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, owner, names, operands = instr
    solver.add(
        instance, target, solver.objects.operator(instance, owner, names, operands, (instance, target))
    )


def op_inplace(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, owner, name, operand = instr
    values = instance.vars.get(operand, set())
    for node in solver.get(instance, owner):
        solver.add(instance, target, solver.objects.inplace(instance, node, name, values, (instance, target)))


def op_contains(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, owner, item = instr
    values = instance.vars.get(item, set())
    for node in solver.get(instance, owner):
        solver.objects.contains(instance, node, values, (instance, target))
    solver.add(instance, target, {solver.nodes.scalar(bool)})


def op_same(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, left, right = instr
    sides = solver.get(instance, left), solver.get(instance, right)
    for one, other in (sides, sides[::-1]):
        if any(node.kind is Kind.SELF for node in one) and any(
            node.kind in (Kind.STATE, Kind.SITE) for node in other
        ):
            instance.compares = True
    solver.add(instance, target, {solver.nodes.known(True)})


def op_func(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, body, defaults = instr
    key = ("func", instance, target)
    inner = solver.instances.get(key)
    if inner is None:
        inner = solver.new_instance(key, solver.nested(body, instance))
        for name in [*body.params, *body.kwonly] if not body.is_comprehension else ():
            solver.add(inner, name, {solver.nodes.site((inner, name), None)})
        if body.vararg is not None:
            solver.add(inner, body.vararg, {solver.nodes.site((inner, "*"), tuple)})
        if body.kwarg is not None:
            solver.add(inner, body.kwarg, {solver.nodes.site((inner, "**"), dict)})
    for name, var in defaults:
        if name in ("*", "**"):
            solver.spread_defaults(inner, solver.get(instance, var))
        else:
            solver.add(inner, name, instance.vars.get(var, set()))
    instance.calls[inner] = None  # made is as good as called
    node = solver.nodes.cache.get(key)
    if node is None:
        node = solver.nodes.cache[key] = Node(Kind.FUNC, body.name)
        node.body, node.outer = body, inner
    solver.add(instance, target, {node})


def op_defaults(solver: "Solver", instance: "Instance", instr: Any) -> None:
    for node in solver.get(instance, instr[2]):
        if node.kind is Kind.FUNC:
            solver.spread_defaults(node.outer, solver.get(instance, instr[3]))


def op_into(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, owner, starred, value = instr
    for holder in solver.get(instance, owner):
        for node in solver.get(instance, value):
            if starred:
                solver.put(holder, solver.objects.iterate(instance, node, -1) | solver.objects.elements(node))
            else:
                solver.put(holder, {node})


def op_super(solver: "Solver", instance: "Instance", instr: Any) -> None:
    solver.add(
        instance,
        instr[2],
        solver.super_of(instance, solver.get(instance, instr[3]), solver.get(instance, instr[4])),
    )


def op_import(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, module, name = instr
    function = instance.root().function
    if module.startswith("."):
        package = (function.__globals__ if function is not None else {}).get("__package__") or ""
        level = len(module) - len(module.lstrip("."))
        base = package.rsplit(".", level - 1)[0] if level > 1 else package
        module = f"{base}.{module.lstrip('.')}".rstrip(".")
    found: Any = sys.modules.get(module)
    if name is not None:
        found = sys.modules.get(f"{module}.{name}") or (
            vars(found).get(name, MISSING) if found is not None else MISSING
        )
    if found is None or found is MISSING:
        solver.add(instance, target, {solver.nodes.site((instance, target), None)})
    else:
        solver.add(instance, target, {solver.nodes.known(found)})


def op_enter(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, owner, is_async = instr
    key = (instance, target)
    thrown = Args([], {solver.nodes.none, solver.caught})
    for node in solver.get(instance, owner):
        if is_async:
            for result in solver.objects.special(instance, node, "__aenter__", Args([]), key):
                solver.add(instance, target, solver.objects.awaited(instance, result, key))
            solver.objects.special(instance, node, "__aexit__", thrown, (key, "exit"))
        else:
            solver.add(instance, target, solver.objects.special(instance, node, "__enter__", Args([]), key))
            solver.objects.special(instance, node, "__exit__", thrown, (key, "exit"))


def op_aiter(solver: "Solver", instance: "Instance", instr: Any) -> None:
    _, _, target, source = instr
    key = (instance, target)
    for node in solver.get(instance, source):
        if node.kind is Kind.SITE and node.type is GeneratorType:
            solver.add(instance, target, solver.held(node))
            continue
        for iterator in solver.objects.special(instance, node, "__aiter__", Args([]), key):
            for step in solver.objects.special(instance, iterator, "__anext__", Args([]), (key, "next")):
                solver.add(instance, target, solver.objects.awaited(instance, step, key))


def op_return(solver: "Solver", instance: "Instance", instr: Any) -> None:
    solver.returned(instance, instance.vars.get(instr[2], set()))


def op_raise(solver: "Solver", instance: "Instance", instr: Any) -> None:
    solver.put(solver.caught, instance.vars.get(instr[2], set()))


def op_caught(solver: "Solver", instance: "Instance", instr: Any) -> None:
    solver.add(instance, instr[2], {solver.caught, *solver.contents.get(solver.caught, ())})


def op_yield(solver: "Solver", instance: "Instance", instr: Any) -> None:
    site = solver.generator_site(instance)
    solver.put(site, instance.vars.get(instr[3], set()))
    solver.add(instance, instr[2], {solver.nodes.site(("sent", instance), None), *solver.held(site)})


def op_yieldfrom(solver: "Solver", instance: "Instance", instr: Any) -> None:
    site = solver.generator_site(instance)
    for node in solver.get(instance, instr[3]):
        solver.put(site, solver.objects.iterate(instance, node, -1))
    solver.add(instance, instr[2], {solver.nodes.site(("sent", instance), None), *solver.held(site)})


def op_await(solver: "Solver", instance: "Instance", instr: Any) -> None:
    for node in solver.get(instance, instr[3]):
        solver.add(instance, instr[2], solver.objects.awaited(instance, node, (instance, instr[2])))


OPERATIONS: dict[str, Callable[["Solver", "Instance", Any], None]] = {
    name.removeprefix("op_"): function for name, function in list(globals().items()) if name.startswith("op_")
}
