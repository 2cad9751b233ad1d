"""Puts a :class:`ClassPlan` together: members, the solver's effects closed over calls, alias groups, overrides.

It is made in two steps, each of which takes a bounded number of steps of the solver. The *draft* is about the class as
a whole, and is what everybody is sent: it says what may be written. Of a single method it may say too much; such a
method is *pending*, and whoever calls it looks at it more closely (see :mod:`share.analysis._closer`).
"""

import functools
import inspect
import types
import weakref
from typing import TypeAlias

from ..errors import AnalysisError
from ._classes import MISSING, declared_fields, kind_of, lookup, slot_names
from ._closed import Effects
from ._members import Member, members_of
from ._overrides import Override, checked, overrides_of
from ._plan import ClassPlan, MethodPlan, Reason
from ._plan import Kind as StateKind
from .frontend._ir import Body
from .knowledge._plain import SAID
from .knowledge._rules import Rule, rule_of
from .knowledge._table import is_immutable_type
from .solver._nodes import Kind, Node, NodeSet
from .solver._objects import IN_PLACE
from .solver._solver import Instance, Solver, TooComplexError

__all__ = ["Planner", "draft", "enter", "looks_later", "seen_in_attributes"]

Entry: TypeAlias = "tuple[Member, Instance | None]"

_drafts: "weakref.WeakKeyDictionary[type, ClassPlan]" = weakref.WeakKeyDictionary()
#: class -> {attribute: the classes of what was seen being stored in it, and deeper}, of classes with too much code
_seen: "weakref.WeakKeyDictionary[type, dict[str, tuple[set[type], set[type]]]]" = weakref.WeakKeyDictionary()

#: How many steps of the solver the draft of a class may take; a step is about two microseconds.
WORK = 40_000
#: What never runs through a proxy, and so may write class state.
_CONSTRUCTION = ("__init__", "__new__", "__init_subclass__", "__set_name__", "__class_getitem__", "__del__")


def draft(cls: type) -> ClassPlan:
    """What may be written by every method of a class, without running its code; made once a class.

    :raises AnalysisError: if a method writes class state, or what was said of the class by ``_shared_meta``,
        ``@reads``, ``@writes`` or ``@returns_value`` does not fit it.
    """
    if not isinstance(cls, type):
        raise AnalysisError(f"plan() takes a class, not {cls!r}")
    found = _drafts.get(cls)
    if found is None:
        found = _drafts[cls] = Planner(cls, WORK).draft()
    return found


def seen_in_attributes(cls: type) -> "dict[str, tuple[set[type], set[type]]]":
    """The classes of what the methods of a class were seen storing, as far as that is known."""
    found = _seen.get(cls)
    if found is None and rule_of(cls) is not None:
        found = _seen[cls] = {}
    elif found is None:
        planner = Planner(cls, WORK)
        planner.solve(list(members_of(cls)))
        found = _seen[cls] = planner.solver.seen_in_attributes()
    return found


def is_told(member: Member) -> bool:
    """Whether it is known what the method returns, and not only what it may return, as of one in C."""
    return isinstance(member.function, types.FunctionType) or member.name in IN_PLACE


class Planner:
    """Makes the draft of one class, or the plan of one of its methods."""

    def __init__(self, cls: type, work: int) -> None:
        self.cls = cls
        self.kind: StateKind = kind_of(cls)
        self.said = overrides_of(cls)
        self.solver = Solver(cls, work)
        self.entries: list[Entry] = []
        self.solved = False
        self.hashes = ""

    def solve(self, members: list[Member]) -> None:
        """Analyse some members together, unless it is too much."""
        try:
            for member in members:
                self.solver.spend_on(getattr(member.function, "__code__", None))
            self.entries = [(member, enter(member, self.solver)) for member in members]
            self.solver.run()
            self.solved = True
        except (TooComplexError, RecursionError):
            self.solver.forget()
            self.leave(members, "too much code is reached to follow it all at once")

    def leave(self, members: list[Member], why: str) -> None:
        """Know nothing of some members."""
        self.entries = [(member, None) for member in members]
        for member in members:
            member.wild = why

    def draft(self) -> ClassPlan:
        members = list(members_of(self.cls))
        rule = rule_of(self.cls)
        listed = (
            {} if rule is None else {each: ruled(each, rule) for each in members if is_listed(each, rule)}
        )
        others = [member for member in members if member not in listed]
        if rule is not None and rule.closer:
            self.leave(others, "a class known by rule is not looked at as a whole")
        else:
            self.solve(others)
            if not self.solved:
                _seen[self.cls] = self.solver.seen_in_attributes()
        plans: dict[str, dict[str, MethodPlan]] = {"getter": {}, "setter": {}, "deleter": {}, "method": {}}
        groups = self.alias_groups()
        for member, instance in self.entries:
            made = self.method_plan(member, instance, groups)
            plans[member.kind if member.kind in plans else "method"][member.name] = made
        for member, made in listed.items():
            plans[member.kind if member.kind in plans else "method"][member.name] = made
        pending = any(made.pending for part in plans.values() for made in part.values())
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
            together=self.solved,
            hashes=self.hashes,
            elsewhere=not self.solved or self.solver.keeps_elsewhere(),
            held=self.solver.classes_held() if pending and self.solved else frozenset(),
        )

    def overrides(self, name: str) -> bool:
        return lookup(self.cls, name) is not object.__dict__[name]

    # One method

    def method_plan(
        self, member: Member, instance: Instance | None, groups: list[frozenset[str]]
    ) -> MethodPlan:
        if instance is None:
            return MethodPlan(
                member.name,
                member.kind,
                None,
                None,
                returns=True,
                reasons=(self.too_much(member),),
                pending=not member.wild.startswith("neither"),
            )
        effects = Effects(instance, self.said)
        # Values are copied, never shared: what their methods do to the class, they do in the caller.
        if effects.class_writes and member.name not in _CONSTRUCTION and not is_immutable_type(self.cls):
            self.refuse(member, effects.class_writes[0])
        self.check(member, effects.override)
        reads = self.names(effects.reads, [])  # writes tell of aliases, and that is enough
        written = {**effects.doubtful, **effects.writes}
        writes = None if written and self.entangled else self.names(written, groups)
        if reads is not None and reads & self.self_reachable:
            reads = None
        if instance.hashes is not None and instance.writes and not self.hashes:
            where = instance.hashes
            self.hashes = f"{member.name} ({where.file}, line {where.line}: {where.text})"
        body = instance.body
        result = self.solver.calling.result(instance)
        lazy = body.is_generator or body.is_async
        # Without any it always raises: its caller is to see that.
        returns = lazy or not result or any(node.kind is not Kind.NONE for node in result)
        if effects.override is not None and effects.override.returns is not MISSING:
            returns = effects.override.returns
        plain, pending = self.plain(effects, returns)
        return MethodPlan(
            name=member.name,
            kind=member.kind,
            plain=plain,
            reads=reads,
            writes=writes,
            returns=returns,
            returns_alias=lazy
            or (returns and aliases(self.solver, result)),  # what still runs holds the object
            returns_self=not lazy and result == {self.solver.nodes.receiver} and is_told(member),
            is_async=body.is_async,
            is_generator=body.is_generator,
            blocks=tuple(effects.blocks),
            reasons=tuple(effects.reasons()),
            unseen=None if None in effects.unseen else frozenset(filter(None, effects.unseen)),
            unsure=effects.unsure,
            unseen_given=effects.unseen_given or lazy,
            pending=pending,
            guessed=effects.guessed,
            compares=effects.compares,
            touches=effects.touches,
        )

    def too_much(self, member: Member) -> Reason:
        """Why nothing is known of a method, and what was looked at when the steps ran out."""
        last = self.solver.current
        if last is None or self.solved or member.wild.startswith("neither"):
            return Reason("writes anything", member.wild)
        body = last.body
        return Reason("writes anything", f"{member.wild}; the last was {body.name}", body.file, last.line)

    def plain(self, effects: Effects, returns: bool) -> tuple[frozenset[str], bool]:
        """What must be plain for a writer to be a reader, and whether a closer look may find more.

        A writer that gives nothing is queued without waiting; looking at the state first would make it wait.
        """
        said = effects.override
        if said is not None and said.writes is not MISSING:
            return frozenset(), False
        if not effects.writes and not effects.outside:
            doubtful = bool(returns and effects.doubtful)
            return effects.to_be_plain() if doubtful else frozenset(), doubtful
        return frozenset(), not effects.surely

    def refuse(self, member: Member, reason: Reason) -> None:
        where = f" ({reason.file}, line {reason.line})" if reason.line else ""
        raise AnalysisError(
            f"{self.cls.__qualname__}.{member.name} writes class state: {reason.text}{where}. Other processes "
            "would not see it. Keep it in an attribute of the instance, assigned in __init__."
        )

    def check(self, member: Member, said: Override | None) -> None:
        """An override may name only attributes that the class has, unless these cannot all be known."""
        if said is None or None in self.solver.tops or self.kind == "opaque":
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
        solver = self.solver
        return frozenset(name for name in solver.state_names() if solver.nodes.receiver in solver.graph(name))

    @functools.cached_property
    def entangled(self) -> bool:
        """Whether any attribute may hold what another does: each reaches the receiver, or code was not followed."""
        return any(instance is None for _, instance in self.entries) or bool(self.self_reachable)

    def alias_groups(self) -> list[frozenset[str]]:
        """Attributes that may hold the same mutable object, by what their graphs have in common."""
        if self.entangled:
            return []
        solver = self.solver
        owners: dict[Node, set[str]] = {}
        for name in solver.state_names():
            for node in graph_nodes(solver, name):
                owners.setdefault(node, set()).add(name)
                if node.kind is Kind.STATE and node.name is not None:
                    owners[node].add(node.name)
        merged: list[set[str]] = []
        for group in (set(group) for group in owners.values() if len(group) > 1):
            for other in [other for other in merged if other & group]:
                merged.remove(other)
                group |= other
            merged.append(group)
        return sorted((frozenset(group) for group in merged), key=sorted)

    @functools.cached_property
    def attributes(self) -> tuple[str, ...]:
        """All instance attributes: slots and declared fields first, then in the order of their first mention."""
        if self.kind == "opaque":
            return ()
        found: dict[str, None] = dict.fromkeys([*slot_names(self.cls), *declared_fields(self.cls)])
        known: set[str | None] = set(self.solver.tops)
        for instance in self.solver.instances.values():
            known.update(instance.reads, instance.writes)
        known.discard(None)
        first = sorted(self.entries, key=lambda entry: entry[0].name not in ("__init__", "__new__"))
        for _, entry in first:
            for instr in entry.body.instrs if entry is not None else ():
                place = {"attr": 4, "setattr": 3, "delattr": 3}.get(instr[0])
                if place is not None and instr[place] in known:
                    found[instr[place]] = None
        found.update(dict.fromkeys(sorted(name for name in known if name is not None)))
        return tuple(name for name in found if name not in ("__dict__", "__weakref__"))


def is_listed(member: Member, rule: Rule) -> bool:
    """Whether a rule says all that is known of a method."""
    return not rule.closer or (member.name in rule.readers and member.kind in ("method", "getter"))


def ruled(member: Member, rule: Rule) -> MethodPlan:
    reads_only = member.name in rule.readers and member.kind in ("method", "getter")
    flags = getattr(getattr(member.function, "__code__", None), "co_flags", 0)
    return MethodPlan(
        member.name,
        member.kind,
        None,
        frozenset() if reads_only else None,
        returns=True,
        is_generator=bool(flags & inspect.CO_GENERATOR),
        reasons=() if reads_only else (Reason("writes anything", "not among what is known to read only"),),
        guessed=SAID,
    )


def looks_later(body: Body) -> bool:
    """Whether a method may look at its arguments when they are no longer what they were at the call."""
    takes = len(body.params) > 1 or body.kwonly or body.vararg or body.kwarg
    return bool(takes) and (body.is_generator or body.is_async)


def enter(member: Member, solver: Solver) -> Instance | None:
    """Hand a member to the solver, as something that is called from outside."""
    receiver: Node | None = solver.nodes.receiver
    if member.kind == "classmethod" or member.name in (
        "__init_subclass__",
        "__class_getitem__",
        "__new__",
    ):
        receiver = solver.nodes.known(solver.cls)
    elif member.kind == "staticmethod":
        receiver = None
    function = member.function
    if isinstance(function, types.FunctionType):
        found = solver.enter(function, receiver)
        if found is None:
            member.wild = "neither its source nor its bytecode can be analysed"
        return found
    return _enter_stub(member, receiver, solver)


def _enter_stub(member: Member, receiver: Node | None, solver: Solver) -> Instance:
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
            body.locals = {"callee"}
            body.instrs = [
                ("call", 0, 1, "callee", [*names, (True, "args")], [(None, "kwargs")]),
                ("return", 0, 1),
            ]
    instance = solver.new_instance(("stub", member.kind, member.name), Instance(body, None, None))
    if member.kind not in ("getter", "setter", "deleter"):
        solver.add(instance, "callee", {solver.nodes.known(member.function)})
    if receiver is not None:
        solver.add(instance, "self", {receiver})
    solver.add(instance, "args", {solver.many(instance, "*", tuple)})
    solver.add(instance, "kwargs", {solver.many(instance, "**", dict)})
    return instance


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
