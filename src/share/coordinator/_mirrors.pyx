"""What the coordinator knows of classes, top-level names and top-level objects."""

cimport cython

from sys import intern

from cpython.object cimport PyTypeObject

from .._internal cimport make_internal
from ..state._shapes cimport is_node_class

from .._cells import index_of
from ..cerial._digests import check_code


@cython.binding(False)
cdef class Call:
    """A method as the coordinator calls it."""


@cython.binding(False)
cdef class Shape:
    """A class as the share knows it: the cells of its objects, and what each method may write."""

    def __init__(self, cls, cells, plan, code=None):
        check_code(cls, code, "the coordinator")
        self.cls, self.cells, self.plan = cls, cells, plan
        self.index_of = index_of(cells)
        self.opaque = plan.kind == "opaque"
        self.is_container = self.opaque and is_node_class(cls)
        self.calls = {}

    cdef Call call(self, bytes name):
        """What is to be known of a method; made at its first call."""
        cdef Call call = Call()
        call.text = intern(name.decode())
        plan = self.plan.methods.get(call.text)
        if plan is None:
            call.writes = call.met = call.unseen = None
            call.unsure = True
        else:
            call.writes = self.cells_of(plan.writes)
            call.met = None if plan.writes is None or plan.reads is None else self.cells_of(plan.writes | plan.reads)
            call.unseen = () if call.writes == () else self.cells_of(self.unseen_by(plan))
            call.unsure = plan.unsure and call.writes != ()
            call.records = not self.opaque and plan.unseen == frozenset() and not plan.unseen_given
        self.calls[name] = call
        return call

    cdef object unseen_by(self, method):
        if method.unseen is not None or self.plan.together or self.opaque:
            return method.unseen
        from ..analysis import unseen_by    # as all of that package: only when it is needed

        return unseen_by(self.cls, self.plan, method)

    cdef bint expects(self, uint32_t one, uint32_t other) except -1:
        """Whether the plan says that two attributes may have parts in common, so that who writes one writes both."""
        if self.opaque or self.plan.entangled:
            return True
        if not one or not other:
            return False
        first, second = self.cells[one - 1], self.cells[other - 1]
        return any([first in group and second in group for group in self.plan.alias_groups])

    def cells_of(self, names):
        """The cells of attributes; None for all of them."""
        if names is None or self.opaque:
            return None if names is None or names else ()
        return tuple(sorted({self.index_of.get(name, 0) for name in names}))

    def cell_of(self, str name):
        """The cell of an attribute."""
        return self.index_of.get(name, 0)

    def setter_cells(self, str name):
        """The cells that assigning or deleting an attribute may write."""
        if self.plan.custom_setattr or self.opaque:
            return None
        plan = self.plan.setters.get(name)
        found = (self.index_of.get(name, 0),)
        if name in self.plan.deleters or plan is not None:
            return None if plan is None or plan.writes is None else self.cells_of(plan.writes) + found
        return found

    def setter(self, str name):
        """What runs when an attribute is assigned, as the plan has it; None: nothing of the class."""
        return self.plan.setters.get(name) or self.plan.custom_setattr and self.plan.methods.get("__setattr__") or None

    def deleter(self, str name):
        """The same, when it is deleted."""
        return self.plan.deleters.get(name) or self.plan.custom_setattr and self.plan.methods.get("__delattr__") or None

    def getter_cells(self, str name):
        """The cells that evaluating a property may write."""
        plan = self.plan.getters.get(name)
        return None if plan is None else self.cells_of(plan.writes)


@cython.binding(False)
cdef class Root:
    """A top-level name. It keeps its cells when it is deleted, so that its flag means it for ever."""


@cython.binding(False)
cdef class Mirror:
    """A live object of the coordinator and where it is published."""

    def __repr__(self):
        return f"<Mirror {self.id} of {self.shape.cls.__qualname__}>"


make_internal(<PyTypeObject*>Mirror)


cdef Mirror new_mirror():
    return Mirror.__new__(Mirror)
