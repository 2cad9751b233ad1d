"""Which cells an object has, and which of them hold the same mutable object.

Each attribute has a cell of its own. Where two may hold the same object, or objects with such a part, a method that
writes one of them raises the flags of both.
"""

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

from ._kinds import is_value

builtin_id = id
cdef object MISSING = object()


def cells_for(plan, state, is_shared, instance):
    """(names of the attributes that have cells, from cell 1 on; groups of those that may hold the same objects).

    :arg plan: the plan of its class, which knows what may be stored in two attributes.
    :arg state: its attributes by name; these may hold the same object now.
    :arg is_shared: says of an object whether it is an object of the share itself, which is no part of this one.
    """
    names = plan.attributes + tuple([name for name in state if name not in plan.attributes])
    return names, all_groups([*plan.alias_groups, *aliases(state, is_shared, instance)])


def all_groups(list groups not None):
    """Groups of attributes, those that have one in common made one."""
    return frozenset(map(frozenset, merged(groups)))


def index_of(cells):
    """The cell of each attribute by name."""
    return {name: index for index, name in enumerate(cells, 1)}


def with_aliases(plan, groups):
    """The plan of a class, as it is for objects of which some attributes may hold the same objects."""
    cdef dict whole = {name: group for group in groups for name in group}
    if not whole:
        return plan
    from dataclasses import replace         # takes long to import, and whoever has a plan has it

    def widened(names):
        return names and frozenset().union(names, *[whole[name] for name in names if name in whole])

    def all_widened(methods):
        return {name: replace(method, writes=widened(method.writes), unseen=widened(method.unseen))
                for name, method in methods.items()}

    return replace(plan, alias_groups=tuple(sorted(groups, key=sorted)), methods=all_widened(plan.methods),
                   getters=all_widened(plan.getters), setters=all_widened(plan.setters),
                   deleters=all_widened(plan.deleters))


cdef list merged(list groups):
    """Groups of which no two have a name in common."""
    cdef list found = []
    for group in groups:
        group = set(group)
        for other in [other for other in found if other & group]:
            found.remove(other)
            group |= other
        found.append(group)
    return found


cdef list aliases(dict state, is_shared, instance):
    """Pairs of attributes through which the same mutable object is reached. None of the objects' code is run."""
    cdef dict reached_from = {}     # id of an object -> the attribute through which it was reached
    cdef dict ends = {}             # class -> whether its objects are not looked into; None: ask each
    cdef list found = [], level, inner
    if sum([not is_atom(value) for value in state.values()]) < 2:
        return found
    for name, root in state.items():
        level = [root]
        while level:
            inner = []
            for value in level:
                cls = type(value)
                if cls is FunctionType:
                    value, cls = value.__closure__, tuple       # not its module
                if value is None:
                    continue
                if cls is not list and cls is not dict and cls is not tuple and cls is not set:
                    end = ends.get(cls, MISSING)
                    if end is MISSING:
                        end = ends[cls] = is_end(cls, value)
                    if end or end is None and is_value(value) or value is instance or is_shared(value):
                        continue
                first = reached_from.get(builtin_id(value))
                if first is None or first is not name and (cls is tuple or cls is frozenset):
                    reached_from[builtin_id(value)] = name
                    inner.append(value)
                elif first is not name:
                    found.append((first, name))         # and what it holds was reached from there, too
            level = [part for part in gc.get_referents(*inner) if not is_atom(part)]
    return found


cdef object is_end(cls, value):
    """Whether objects of a class are values or no state; None if that depends on the object."""
    if issubclass(cls, (type, ModuleType)) or cls.__module__ == "logging":
        return True
    if issubclass(cls, (tuple, BuiltinFunctionType)) or hasattr(cls, "__dataclass_fields__"):
        return None
    return is_value(value)


cdef bint is_atom(value):
    cls = type(value)
    return cls is int or cls is str or cls is float or value is None or cls is bool or cls is bytes
