"""Puts a :class:`ClassPlan` together: members, the solver's effects closed over calls, alias groups, overrides."""

import functools
import types
import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

from ..errors import AnalysisError
from ._classes import MISSING, declared_fields, kind_of, lookup, own_mro, slot_names
from ._ir import Body
from ._nodes import Kind, Node, NodeSet
from ._overrides import Override, checked, overrides_of
from ._plain import ARGUMENTS, SCALARS, WHOLE
from ._plan import ClassPlan, MethodKind, MethodPlan, Reason
from ._solver import Instance, Solver, TooComplexError
from ._table import is_immutable_type

__all__ = ["plan"]

Entry: TypeAlias = "tuple[_Member, Instance | None, Solver]"

_plans: "weakref.WeakKeyDictionary[type, ClassPlan]" = weakref.WeakKeyDictionary()

#: How much work one class may take, and one method when the class takes too much.
_WORK, _WORK_ALONE = 60_000, 12_000
#: What never runs through a proxy, and so may write class state.
_CONSTRUCTION = ("__init__", "__new__", "__init_subclass__", "__set_name__", "__class_getitem__", "__del__")
#: Members of every class that are no methods of it.
_NOT_METHODS = (
    "__class__",
    "__dict__",
    "__weakref__",
    "__doc__",
    "__module__",
    "__slots__",
    "__annotations__",
)
_C_FUNCTIONS = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.BuiltinFunctionType,
)


def plan(cls: type) -> ClassPlan:
    """What every method of a class reads, writes and returns; made once a class, without running its code.

    :raises AnalysisError: if a method writes class state, or what was said of the class by ``_shared_meta``,
        ``@reads``, ``@writes`` or ``@returns_value`` does not fit it.
    """
    if not isinstance(cls, type):
        raise AnalysisError(f"plan() takes a class, not {cls!r}")
    found = _plans.get(cls)
    if found is None:
        found = _plans[cls] = _Planner(cls).plan()
    return found


class _Member:
    """One callable part of a class: what to call it and where its effects come from."""

    __slots__ = ("function", "kind", "name", "raw", "wild")

    def __init__(self, name: str, kind: MethodKind, raw: Any, function: Any) -> None:
        self.name, self.kind, self.raw, self.function = name, kind, raw, function
        self.wild = ""  # why nothing is known of it


def _members(cls: type) -> Iterator[_Member]:
    """Every callable and every descriptor with code, by name, as Python would find it."""
    seen: set[str] = set()
    for base in own_mro(cls):
        for name, value in base.__dict__.items():
            if name in seen or name in _NOT_METHODS:
                continue
            seen.add(name)
            yield from _parts(name, value)


def _parts(name: str, value: Any) -> Iterator[_Member]:
    match value:
        case staticmethod():
            yield _Member(name, "staticmethod", value, value.__func__)
        case classmethod():
            yield _Member(name, "classmethod", value, value.__func__)
        case property():
            parts: list[tuple[MethodKind, Any]] = [
                ("getter", value.fget), ("setter", value.fset), ("deleter", value.fdel)
            ]  # fmt: skip
            for kind, function in parts:
                if function is not None:
                    yield _Member(name, kind, value, function)
        case functools.cached_property():
            yield _Member(name, "getter", value, None)
        case types.MemberDescriptorType() | types.GetSetDescriptorType():
            return
        case types.ClassMethodDescriptorType():
            yield _Member(name, "classmethod", value, value)
        case type():
            return
        case _ if isinstance(value, _C_FUNCTIONS):
            yield _Member(name, "method", value, value)
        case types.FunctionType() | functools.partialmethod() | functools.singledispatchmethod():
            yield _Member(name, "method", value, value)
        case _ if hasattr(type(value), "__get__"):
            wrapped = getattr(value, "__wrapped__", None)
            if isinstance(wrapped, types.FunctionType) and callable(value):
                yield _Member(name, "method", value, value)
                return
            yield _Member(name, "getter", value, None)
            if hasattr(type(value), "__set__"):
                yield _Member(name, "setter", value, None)
            if hasattr(type(value), "__delete__"):
                yield _Member(name, "deleter", value, None)
        case _ if callable(value):
            yield _Member(name, "staticmethod", value, value)


class _Planner:
    """Makes the plan of one class."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.kind = kind_of(cls)
        self.said = overrides_of(cls)
        self.members = list(_members(cls))
        self.held_classes: frozenset[type] = frozenset()
        self.entries = self.solve()
        self.solvers = list(dict.fromkeys(solver for _, entry, solver in self.entries if entry is not None))

    def solve(self) -> "list[Entry]":
        """Analyse all members together; if that is too much, each alone, with nothing known of the others."""
        solver = Solver(self.cls, _WORK)
        try:
            entries = [(member, self.enter(member, solver), solver) for member in self.members]
            solver.run()
            self.held_classes = solver.classes_held()
            return entries
        except (TooComplexError, RecursionError):
            solver.forget()
            self.held_classes = solver.classes_held()
            seen = {name: solver.classes_seen(name) for name in solver.state_names()}
            return [self.solve_alone(member, seen) for member in self.members]

    def solve_alone(self, member: _Member, seen: dict[str, tuple[set[type], set[type]]]) -> "Entry":
        """One member; attributes may be anything, the classes that were seen stored in them among it."""
        solver = Solver(self.cls, _WORK_ALONE)
        try:
            solver.put_top(None, {solver.nodes.outside})
            for name, (tops, inside) in seen.items():
                solver.put_top(name, [solver.nodes.site(("seen", name), cls) for cls in tops])
                held = [solver.nodes.site(("seen in", name), cls) for cls in inside]
                solver.put(solver.nodes.state(name), [*held, solver.nodes.outside])
            entry = self.enter(member, solver)
            solver.run()
        except (TooComplexError, RecursionError):
            entry = None
            member.wild = "too much code is reached to follow"
        return (member, entry, solver)

    def plan(self) -> ClassPlan:
        closed = {
            instance: _Effects(instance, self.said) for _, instance, _ in self.entries if instance is not None
        }
        groups = self.alias_groups()
        plans: dict[str, dict[str, MethodPlan]] = {"getter": {}, "setter": {}, "deleter": {}, "method": {}}
        for member, instance, solver in self.entries:
            effects = closed[instance] if instance is not None else None
            made = self.method_plan(member, solver, effects, groups)
            kind = member.kind if member.kind in plans else "method"
            plans[kind][member.name] = made
        return ClassPlan(
            name=f"{self.cls.__module__}:{self.cls.__qualname__}",
            kind=self.kind,
            attributes=self.attributes,
            methods=plans["method"],
            getters=plans["getter"],
            setters=plans["setter"],
            deleters=plans["deleter"],
            custom_setattr=self.overrides("__setattr__") or self.overrides("__delattr__"),
            custom_getattribute=self.overrides("__getattribute__"),
            alias_groups=tuple(groups),
            entangled=self.entangled,
        )

    def overrides(self, name: str) -> bool:
        return lookup(self.cls, name) is not object.__dict__[name]

    def enter(self, member: _Member, solver: Solver) -> Instance | None:
        """Hand a member to the solver, as something that is called from outside."""
        receiver: Node | None = solver.nodes.receiver
        if member.kind == "classmethod" or member.name in (
            "__init_subclass__",
            "__class_getitem__",
            "__new__",
        ):
            receiver = solver.nodes.known(self.cls)
        elif member.kind == "staticmethod":
            receiver = None
        function = member.function
        if isinstance(function, types.FunctionType):
            found = solver.enter(function, receiver)
            if found is None:
                member.wild = "neither its source nor its bytecode can be analysed"
            return found
        return self.enter_stub(member, receiver, solver)

    def enter_stub(self, member: _Member, receiver: Node | None, solver: Solver) -> Instance:
        """Anything but a plain function: as if a function called it with arguments that nobody knows."""
        body = Body(member.name, "", 0, params=["self"], vararg="args", kwarg="kwargs")
        body.may_end = False
        names = [(False, "self")] if receiver is not None else []
        match member.kind:
            case "getter":
                body.instrs = [("attr", 0, 1, "self", member.name), ("return", 0, 1)]
            case "setter":
                body.instrs = [("iter", 0, 1, "args", -1), ("setattr", 0, "self", member.name, 1)]
                body.may_end = True
            case "deleter":
                body.instrs = [("delattr", 0, "self", member.name)]
                body.may_end = True
            case _:
                callee = member.function
                body.locals = {"callee"}
                body.instrs = [
                    ("call", 0, 1, "callee", [*names, (True, "args")], [(None, "kwargs")]),
                    ("return", 0, 1),
                ]
        instance = solver.new_instance(("stub", member.kind, member.name), Instance(body, None, None))
        if member.kind not in ("getter", "setter", "deleter"):
            solver.add(instance, "callee", {solver.nodes.known(callee)})
        if receiver is not None:
            solver.add(instance, "self", {receiver})
        solver.add(instance, "args", {solver.many(instance, "*", tuple)})
        solver.add(instance, "kwargs", {solver.many(instance, "**", dict)})
        return instance

    # One method

    def method_plan(
        self, member: _Member, solver: Solver, effects: "_Effects | None", groups: list[frozenset[str]]
    ) -> MethodPlan:
        if effects is None:
            reason = Reason("writes anything", member.wild)
            plain, opened = self.plain(member, effects, returns=True)
            return MethodPlan(
                member.name,
                member.kind,
                None,
                None,
                returns=True,
                plain=plain,
                reasons=(reason,),
                opened=opened,
            )
        # Values are copied, never shared: what their methods do to the class, they do in the caller.
        if effects.class_writes and member.name not in _CONSTRUCTION and not is_immutable_type(self.cls):
            self.refuse(member, effects.class_writes[0])
        self.check(member, effects.override)
        reads = self.names(effects.reads, [])  # writes tell of aliases, and that is enough
        written = {**effects.doubtful, **effects.writes}
        writes = None if written and self.entangled else self.names(written, groups)
        if reads is not None and reads & self.self_reachable:
            reads = None
        instance = effects.instance
        body = instance.body
        result = solver.calling.result(instance)
        lazy = body.is_generator or body.is_async
        only_raises = not result and all(instr[0] != "return" for instr in body.instrs)
        returns = (
            lazy or any(node.kind is not Kind.NONE for node in result) or (not result and not only_raises)
        )
        if effects.override is not None and effects.override.returns is not MISSING:
            returns = effects.override.returns
        returns_self = not lazy and result == {solver.nodes.receiver}
        plain, opened = self.plain(member, effects, returns)
        return MethodPlan(
            name=member.name,
            kind=member.kind,
            plain=plain,
            opened=opened,
            reads=reads,
            writes=writes,
            returns=returns,
            returns_alias=returns and aliases(solver, result),
            returns_self=returns_self,
            is_async=body.is_async,
            is_generator=body.is_generator,
            blocks=tuple(effects.blocks),
            reasons=tuple(effects.reasons()),
            unseen=self.unseen(effects, groups),
        )

    def plain(
        self, member: _Member, effects: "_Effects | None", returns: bool
    ) -> tuple[frozenset[str], frozenset[type]]:
        """What must be plain for a writer to be a reader, or of these classes; empty: it writes even then.

        A writer that gives nothing is queued without waiting; looking at the state first would make it wait.
        """
        said = effects.override if effects is not None else None
        nothing: tuple[frozenset[str], frozenset[type]] = frozenset(), frozenset()
        if said is not None and said.writes is not MISSING:
            return nothing
        if effects is not None and not effects.writes and not effects.outside:
            if not (returns and effects.doubtful):
                return nothing
            found = self.assumptions[0].effects(member) if self.held_classes else None
            if found is None or found.writes or found.outside or self.looks_later(found.instance.body):
                return effects.to_be_plain(), frozenset()
            return found.to_be_plain() | {ARGUMENTS}, self.held_classes
        if member.wild.startswith("neither") or (effects is not None and effects.surely):
            return nothing
        for assumption in self.assumptions:
            found = assumption.effects(member)
            if found is None or found.writes or found.outside or not (returns or not found.doubtful):
                continue
            if self.looks_later(found.instance.body):
                continue
            return found.to_be_plain() | assumption.names, assumption.opened
        return nothing

    @staticmethod
    def looks_later(body: Body) -> bool:
        """Whether a method may look at its arguments when they are no longer what they were at the call."""
        takes = len(body.params) > 1 or body.kwonly or body.vararg or body.kwarg
        return bool(takes) and (body.is_generator or body.is_async)

    @functools.cached_property
    def assumptions(self) -> "list[_Assumption]":
        """What may be assumed besides plain arguments, the weakest first."""
        found = [_Assumption(self, self.held_classes)] if self.held_classes else []
        return [
            *found,
            _Assumption(self, frozenset(), alone=True),
            _Assumption(self, frozenset(), scalars=True),
        ]

    @staticmethod
    def unseen(effects: "_Effects", groups: list[frozenset[str]]) -> frozenset[str] | None:
        """Attributes with aliases are always among them: their containers are not all that there is to look at."""
        if None in effects.unseen:
            return None
        return frozenset(name for name in effects.unseen if name is not None).union(*groups)

    def refuse(self, member: _Member, reason: Reason) -> None:
        where = f" ({reason.file}, line {reason.line})" if reason.line else ""
        raise AnalysisError(
            f"{self.cls.__qualname__}.{member.name} writes class state: {reason.text}{where}. Other processes "
            "would not see it. Keep it in an attribute of the instance, assigned in __init__."
        )

    def check(self, member: _Member, said: Override | None) -> None:
        """An override may name only attributes that the class has, unless these cannot all be known."""
        if said is None or any(None in solver.tops for solver in self.solvers) or self.kind == "opaque":
            return
        for key, names in (("reads", said.reads), ("writes", said.writes)):
            if names is not MISSING:
                checked(names, self.attributes, f"{key} of {self.cls.__qualname__}.{member.name}")

    def names(self, found: dict[str | None, Reason], groups: list[frozenset[str]]) -> frozenset[str] | None:
        """Attribute names out of effects: None for any, and the aliases of each."""
        if None in found or (found and self.kind == "opaque"):
            return None
        names = {name for name in found if name is not None}
        for group in groups:
            if names & group:
                names |= group
        return frozenset(names)

    # The class

    @functools.cached_property
    def self_reachable(self) -> frozenset[str]:
        """Attributes through which the receiver itself is reached (a child that knows its parent)."""
        return frozenset(
            name
            for solver in self.solvers
            for name in solver.state_names()
            if solver.nodes.receiver in solver.graph(name)
        )

    @functools.cached_property
    def entangled(self) -> bool:
        """Whether any attribute may hold what another does: each reaches the receiver, or code was not followed."""
        return bool(self.self_reachable) or any(member.wild for member, _, _ in self.entries)

    def alias_groups(self) -> list[frozenset[str]]:
        """Attributes that may hold the same mutable object, by what their graphs have in common."""
        if self.entangled:
            return []
        groups: list[set[str]] = []
        for solver in self.solvers:
            owners: dict[Node, set[str]] = {}
            for name in solver.state_names():
                for node in graph_nodes(solver, name):
                    owners.setdefault(node, set()).add(name)
                    if node.kind is Kind.STATE and node.name is not None:
                        owners[node].add(node.name)
            groups += [set(group) for group in owners.values() if len(group) > 1]
        merged: list[set[str]] = []
        for group in groups:
            for other in [other for other in merged if other & group]:
                merged.remove(other)
                group = group | other
            merged.append(group)
        return sorted((frozenset(group) for group in merged if len(group) > 1), key=sorted)

    @functools.cached_property
    def attributes(self) -> tuple[str, ...]:
        """All instance attributes: slots and declared fields first, then in the order of their first mention."""
        if self.kind == "opaque":
            return ()
        found: dict[str, None] = dict.fromkeys([*slot_names(self.cls), *declared_fields(self.cls)])
        known: set[str | None] = set()
        for solver in self.solvers:
            known.update(solver.tops)
            for instance in solver.instances.values():
                known.update(instance.reads, instance.writes)
        known.discard(None)
        first = sorted(self.entries, key=lambda entry: entry[0].name not in ("__init__", "__new__"))
        for _, entry, _ in first:
            for instr in entry.body.instrs if entry is not None else ():
                place = {"attr": 4, "setattr": 3, "delattr": 3}.get(instr[0])
                if place is not None and instr[place] in known:
                    found[instr[place]] = None
        found.update(dict.fromkeys(sorted(name for name in known if name is not None)))
        return tuple(name for name in found if name not in ("__dict__", "__weakref__"))


class _Assumption:
    """That arguments are plain, and all state too or of some classes; solved when somebody asks what follows."""

    def __init__(
        self, planner: _Planner, opened: frozenset[type], scalars: bool = False, alone: bool = False
    ) -> None:
        self.planner, self.opened, self.scalars, self.alone = planner, opened, scalars, alone
        self.names = frozenset({ARGUMENTS, SCALARS} if scalars else {ARGUMENTS})
        self.entries: dict[_Member, Instance | None] | None = None
        self.closed: dict[_Member, _Effects | None] = {}

    def effects(self, member: _Member) -> "_Effects | None":
        """What a member does then; None if that is too much to find out."""
        if member not in self.closed:
            if self.entries is None:
                self.entries = self.solve(self.planner.members, _WORK)
            entry = self.entries.get(member)
            if entry is None and self.alone:
                entry = self.solve([member], _WORK_ALONE).get(member)
            self.closed[member] = _Effects(entry, self.planner.said) if entry is not None else None
        return self.closed[member]

    def solve(self, members: list[_Member], work: int) -> "dict[_Member, Instance | None]":
        solver = Solver(self.planner.cls, work, self.opened, self.scalars)
        solver.said = frozenset(self.planner.said)
        wild = {member: member.wild for member in members}
        try:
            entries = {member: self.planner.enter(member, solver) for member in members}
            solver.run()
        except (TooComplexError, RecursionError):
            return {}
        finally:
            for member, text in wild.items():
                member.wild = text
        return entries


def aliases(solver: Solver, result: NodeSet) -> bool:
    """Whether a result may share mutable state with the receiver."""
    seen: NodeSet = set()
    todo = list(result)
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        match node.kind:
            case Kind.STATE:
                if solver.is_mutable(node):
                    return True
            case Kind.SELF | Kind.FUNC | Kind.BOUND | Kind.SUPER:
                return True
            case Kind.METH:
                return True
            case Kind.SITE:
                if node.receiver is not None:
                    return True
                todo += solver.contents.get(node, ())
    return False


def graph_nodes(solver: Solver, name: str) -> NodeSet:
    """The mutable objects in the graph of an attribute; another attribute stands for itself."""
    out: NodeSet = {solver.nodes.state(name)}
    todo = list(solver.tops.get(name, ()))
    todo += solver.contents.get(solver.nodes.state(name), ())
    todo += solver.contents.get(solver.nodes.state(name, True), ())
    seen: NodeSet = set()
    while todo:
        node = todo.pop()
        if node in seen or node is solver.nodes.outside:
            continue
        seen.add(node)
        if node.kind is Kind.STATE:
            if node.name is not None and solver.is_mutable(node):
                out.add(solver.nodes.state(node.name))
        elif node.kind in (Kind.SITE, Kind.KNOWN):
            if solver.is_mutable(node):
                out.add(node)
            todo += solver.contents.get(node, ())
        elif node.receiver is not None:  # a bound method of it
            todo.append(node.receiver)
    return out


class _Effects:
    """The effects of a function, all that it calls included, and what its author says instead."""

    def __init__(self, entry: Instance, said: dict[int, Override]) -> None:
        self.instance = entry
        self.said = said
        self.override = self.override_of(entry)
        self.reads: dict[str | None, Reason] = {}
        self.writes: dict[str | None, Reason] = {}
        self.doubtful: dict[str | None, Reason] = {}
        self.assumed: set[str | None] = set()
        self.unseen: set[str | None] = set()
        self.class_writes: list[Reason] = []
        self.outside: dict[str, Reason] = {}
        self.blocks: dict[str, None] = {}
        for instance in self.called("reads"):
            self.include(self.reads, instance.reads, instance, "reads")
        for instance in self.called("writes"):
            self.include(self.writes, instance.writes, instance, "writes")
            author = self.override_of(instance)
            if instance.doubtful and (author is None or author.writes is MISSING):
                self.include(self.doubtful, instance.doubtful, instance, "writes")
                self.assumed |= instance.assumed
            self.class_writes += instance.class_writes
            self.unseen |= instance.unseen if author is None or author.writes is MISSING else {None}
        self.surely = any(instance.surely for instance in self.called("writes"))
        for instance in self.called(None):
            self.outside.update(instance.outside)
            self.blocks.update(instance.blocks)

    def to_be_plain(self) -> frozenset[str]:
        """The attributes that the doubtful writes depend on."""
        names = {name if name is not None else WHOLE for name in self.assumed}
        return frozenset({WHOLE} if WHOLE in names else names)

    def override_of(self, instance: Instance) -> Override | None:
        if instance.function is None or not instance.is_receiver:
            return None
        return self.said.get(id(instance.function))

    def called(self, effect: str | None) -> list[Instance]:
        """The function and all that it calls, not going below one about which something is said."""
        seen = {self.instance: None}
        todo = [self.instance]
        while todo:
            instance = todo.pop()
            said = self.override_of(instance)
            if said is not None and effect is not None and getattr(said, effect) is not MISSING:
                continue
            for called in instance.calls:
                if called not in seen:
                    seen[called] = None
                    todo.append(called)
        return list(seen)

    def include(
        self,
        into: dict[str | None, Reason],
        found: dict[str | None, Reason],
        instance: Instance,
        effect: str,
    ) -> None:
        said = self.override_of(instance)
        names = MISSING if said is None else getattr(said, effect)
        if names is not MISSING:
            text = f"the author of {instance.body.name} says so"
            wanted = [None] if names is None else sorted(names)
            found = {
                name: Reason(f"{effect} {name or 'anything'}", text, instance.body.file, instance.body.line)
                for name in wanted
            }
        for name, reason in found.items():
            into.setdefault(name, reason)

    def reasons(self) -> list[Reason]:
        out = [*self.writes.values(), *self.doubtful.values()]
        if None in self.reads:
            out.append(self.reads[None])
        return [*out, *self.outside.values()]
