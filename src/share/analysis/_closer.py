"""Looks at one method closely, when it is first called: whether it writes at all, and what that depends on."""

import weakref
from collections.abc import Mapping
from dataclasses import replace

from ..errors import AnalysisError
from ._closed import Effects
from ._members import Member, members_of
from ._overrides import overrides_of
from ._plan import ClassPlan, MethodPlan
from ._planner import Planner, draft, enter, looks_later, seen_in_attributes
from .knowledge._plain import ARGUMENTS, SCALARS
from .solver._solver import Solver, TooComplexError

__all__ = ["closer", "goes_past", "plan", "unseen_by"]

#: How many steps of the solver one method may take in all, and how many of these before anything is assumed.
WORK, WORK_OPEN = 40_000, 15_000
#: And how many before it is taken to change everything past recording.
WORK_UNSEEN = 6_000
#: What runs before there is a part of the state to be changed.
_BEFORE = ("__init__", "__new__", "__setstate__", "__init_subclass__", "__class_getitem__", "__set_name__")

_plans: "weakref.WeakKeyDictionary[type, ClassPlan]" = weakref.WeakKeyDictionary()
_found: "weakref.WeakKeyDictionary[type, dict[tuple[object, ...], MethodPlan]]" = weakref.WeakKeyDictionary()


def plan(cls: type) -> ClassPlan:
    """What every method of a class reads, writes and returns, without running its code; as exactly as possible.

    :raises AnalysisError: if a method writes class state, or what was said of the class by ``_shared_meta``,
        ``@reads``, ``@writes`` or ``@returns_value`` does not fit it.
    """
    made = draft(cls)
    found = _plans.get(cls)
    if found is None:

        def closest(plans: Mapping[str, MethodPlan]) -> dict[str, MethodPlan]:
            return {name: closer(cls, made, each) for name, each in plans.items()}

        found = _plans[cls] = replace(
            made,
            methods=closest(made.methods),
            getters=closest(made.getters),
            setters=closest(made.setters),
            deleters=closest(made.deleters),
        )
    return found


def closer(cls: type, made: ClassPlan, pending: MethodPlan) -> MethodPlan:
    """The plan of a method that is pending in the draft; made once a process.

    It writes nothing that the draft does not say.

    :raises AnalysisError: if the method writes class state.
    """
    if not pending.pending:
        return pending
    found = _found.setdefault(cls, {})
    key = (pending.kind, pending.name, pending.writes)  # which aliases in an instance may have made more
    if key not in found:
        member = next(each for each in members_of(cls) if (each.kind, each.name) == key[:2])
        look = _together if made.together else _alone
        found[key] = replace(look(cls, made, member, pending), pending=False)
    return found[key]


def _together(cls: type, made: ClassPlan, member: Member, pending: MethodPlan) -> MethodPlan:
    """A method whose effects are known, and whether it has them while arguments and state are plain is not."""
    return _if_plain(cls, member, pending, made, WORK)


def _alone(cls: type, made: ClassPlan, member: Member, pending: MethodPlan) -> MethodPlan:
    """A method of a class of which too much code is reached: attributes may be anything, what was seen among it."""
    planner = Planner(cls, WORK_OPEN)
    solver = planner.solver
    solver.elsewhere = True
    solver.put_top(None, {solver.nodes.outside})
    for name, (tops, inside) in seen_in_attributes(cls).items():
        solver.put_top(name, [solver.nodes.site(("seen", name), each) for each in tops])
        held = [solver.nodes.site(("seen in", name), each) for each in inside]
        solver.put(solver.nodes.state(name), [*held, solver.nodes.outside])
    planner.solve([member])
    planner.entangled = True
    found = planner.method_plan(member, planner.entries[0][1], [])
    if found.reads:
        found = replace(found, reads=None)  # how attributes hang together is not known
    return _if_plain(cls, member, found, made, WORK - solver.work) if found.pending else found


def _if_plain(cls: type, member: Member, found: MethodPlan, made: ClassPlan, work: int) -> MethodPlan:
    """A plan, with what must be plain for the method to write nothing, if that is so."""
    tries = [(made.held, False)] if made.held else []
    if not found.plain:
        tries += [(frozenset(), False), (frozenset(), True)]
    said = overrides_of(cls)
    for opened, scalars in tries:
        solver = Solver(cls, work, opened, scalars)
        solver.said, solver.elsewhere = frozenset(said), made.elsewhere
        try:
            instance = enter(member, solver)
            solver.run()
        except (TooComplexError, RecursionError):
            instance = None
        work -= solver.work
        if instance is None or looks_later(instance.body):
            continue
        effects = Effects(instance, said)
        if effects.writes or effects.outside or not (found.returns or not effects.doubtful):
            continue
        names = frozenset({ARGUMENTS, SCALARS} if scalars else {ARGUMENTS})
        return replace(found, plain=effects.to_be_plain() | names, opened=opened)
    return found


def unseen_by(cls: type, made: ClassPlan, method: MethodPlan) -> frozenset[str] | None:
    """What a method may change past recording, as :attr:`MethodPlan.unseen`.

    Of a class of which too much code is reached it is looked at alone, and is then as unsure of what parts do.
    """
    if method.unseen is not None or made.together or not method.pending:
        return method.unseen
    planner = Planner(cls, WORK_UNSEEN)
    planner.solver.elsewhere = planner.solver.stores = True
    planner.solver.put_top(None, {planner.solver.nodes.outside})
    planner.solve([each for each in members_of(cls) if (each.kind, each.name) == (method.kind, method.name)])
    instance = planner.entries[0][1]
    if instance is None:
        return None
    unseen = Effects(instance, planner.said).unseen
    return frozenset() if not unseen else None  # how attributes hang together is not known


def goes_past(cls: type) -> bool:
    """Whether a method of a class may change its objects, or what they hold, past recording."""
    try:
        made = draft(cls)
    except AnalysisError:
        return True
    parameters = getattr(cls, "__dataclass_params__", None)
    frozen = ("__setattr__", "__delattr__") if parameters is not None and parameters.frozen else ()
    every = [*made.methods.values(), *made.getters.values(), *made.setters.values(), *made.deleters.values()]
    return any(
        unseen_by(cls, made, each) != frozenset() for each in every if each.name not in (*_BEFORE, *frozen)
    )
