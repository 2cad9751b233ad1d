"""Which attributes of an object have a cell of their own, and which share one.

Attributes that hold the same mutable object, or objects with such a part, are published together: what is encoded in
one piece comes back with its identities. Their cell holds a dict of them by name, as cell 0 does with those that no
cell is named after.
"""

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

from ._kinds import is_value

builtin_id = id
cdef object MISSING = object()


def cells_for(plan, state, is_shared, instance):
    """The cells of an object, from cell 1 on: the name of the attribute, or a tuple of the names of several.

    :arg plan: the plan of its class, which knows what may be stored in two attributes.
    :arg state: its attributes by name; these may hold the same object now.
    :arg is_shared: says of an object whether it is an object of the share itself, which is no part of this one.
    """
    names = plan.attributes + tuple([name for name in state if name not in plan.attributes])
    groups = merged([*plan.alias_groups, *aliases(state, is_shared, instance)])
    if not groups:
        return names
    cells = []
    for name in names:
        group = next((group for group in groups if name in group), None)
        if group is None:
            cells.append(name)
        elif not any([other in group for cell in cells if type(cell) is tuple for other in cell]):
            cells.append(tuple([other for other in names if other in group]))
    return tuple(cells)


def index_of(cells):
    """The cell of each attribute by name."""
    return {name: index for index, cell in enumerate(cells, 1)
            for name in (cell if type(cell) is tuple else (cell,))}


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
