"""Which attributes of an object have a cell of their own, and which share one.

Attributes that hold the same mutable object, or objects with such a part, are published together: what is encoded in
one piece comes back with its identities. Their cell holds a dict of them by name, as cell 0 does with those that no
cell is named after.
"""

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

from ._kinds import is_value

cdef tuple NO_STATE = (type, FunctionType, BuiltinFunctionType, ModuleType)


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
    cdef dict reached_from = {}     # id of a mutable object -> the first attribute through which it was reached
    cdef list found = [], todo
    cdef set seen
    if len(state) < 2 or sum([not is_value(value) for value in state.values()]) < 2:
        return found
    for name, value in state.items():
        todo, seen = [value], set()
        while todo:
            value = todo.pop()
            cls = type(value)
            if value is instance or id(value) in seen or isinstance(value, NO_STATE) or cls.__module__ == "logging" \
                    or is_shared(value):
                continue
            seen.add(id(value))
            if cls is not tuple and cls is not frozenset:
                if is_value(value):
                    continue
                first = reached_from.setdefault(id(value), name)
                if first != name:
                    found.append((first, name))
                    continue            # what it holds was reached from there, too
            push_parts(todo, gc.get_referents(value))
    return found


cdef int push_parts(list todo, list parts) except -1:
    for part in parts:
        cls = type(part)
        if not (cls is int or cls is str or cls is float or part is None or cls is bool or cls is bytes):
            todo.append(part)
    return 0
