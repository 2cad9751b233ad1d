"""What attribute access, subscripts, operators and iteration do, by what the object is."""

import functools
import types
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .._classes import MISSING, lookup
from ..frontend import _hints
from ..knowledge._plain import CHANGING, READING, UNKNOWN
from ..knowledge._table import is_neutral_type, method_effect
from ._args import Args
from ._nodes import Kind, Node, NodeSet, Plain, is_given
from ._special import FIELD_OF_TUPLE

if TYPE_CHECKING:
    from ..frontend._ir import Var
    from ._solver import Instance, Solver

__all__ = ["C_CALLABLES", "IN_PLACE", "SHOWN", "Objects"]

C_CALLABLES = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
)
#: Special methods that change no plain object.
_HARMLESS = frozenset("__getitem__ __enter__ __exit__ __contains__ __iter__".split())
#: In-place operators that lists, sets and dictionaries have.
IN_PLACE = frozenset("__iadd__ __imul__ __ior__ __iand__ __isub__ __ixor__".split())
_TESTS = frozenset("__eq__ __ne__ __lt__ __le__ __gt__ __ge__".split())
_NUMBERS = (int, float, complex, bool)
#: What showing an object as text calls.
SHOWN = ("__str__", "__repr__", "__format__", "__int__", "__index__", "__float__")
#: Special methods that operators and pure callables may call on an object of a class written in Python.
_ITERATORS = (types.GeneratorType, enumerate, zip, map, filter, reversed)
_PLAIN_CONTAINERS = (list, tuple, set, frozenset, dict, bytearray, str, bytes, range)


def is_dunder(name: str | None) -> bool:
    """What libraries keep of a class under such names, each process finds out for itself."""
    return name is not None and name.startswith("__") and name.endswith("__")


class Objects:
    """The half of the solver that knows how objects answer to syntax."""

    def __init__(self, solver: "Solver") -> None:
        self.solver = solver
        self.nodes = solver.nodes
        self.types_cache: dict[Node, list[type | None]] = {}  # of this round
        self.having_cache: dict[Any, list[type | None]] = {}
        self.python_cache: dict[Any, list[tuple[str, Any]]] = {}

    # Types

    def types_of(self, node: Node) -> list[type | None]:
        """The classes that an object may have; None stands for any. Empty: not known yet, or no object."""
        match node.kind:
            case Kind.SELF:
                return [self.solver.cls]
            case Kind.STATE:
                found = self.types_cache.get(node)
                if found is None:
                    out: dict[type | None, None] = {}
                    for shape in self.solver.shapes(node):
                        if shape.kind is not Kind.STATE and shape.kind is not Kind.SELF:
                            out.update(dict.fromkeys(self.types_of(shape)))
                    found = self.types_cache[node] = list(out)
                if None in found and self.solver.current is not None:
                    self.solver.current.unsure = True
                return found
            case Kind.SITE | Kind.SCALAR:
                if is_given(node) and self.solver.current is not None:
                    self.solver.current.unsure = True
                return [node.type]
            case Kind.KNOWN:
                return [type(node.obj)]
            case Kind.FUNC | Kind.BOUND | Kind.METH:
                return [types.FunctionType]
            case _:
                return []

    def from_hint(self, hint: Any, key: Any, function: types.FunctionType | None) -> NodeSet:
        """The nodes of a value of which only the annotation is known."""
        space = function.__globals__ if function is not None else {}
        found = _hints.resolve(hint, space) if hint is not None else None
        if found is None:
            return {self.nodes.site(key, None)}
        out: NodeSet = set()
        for cls in found:
            if cls is type(None):
                out.add(self.nodes.none)
            elif self.nodes.is_immutable(cls):
                out.add(self.nodes.scalar(cls))
            else:
                out.add(self.nodes.site((key, "hint"), cls))
                if cls is dict:  # whose annotation also admits one that inserts when it is read
                    out.add(self.nodes.site((key, "hint"), defaultdict))
        for node in out:
            node.hinted = True
        return out

    # Attributes

    def load(self, instance: "Instance", node: Node, name: str | None) -> NodeSet:
        """``node.name``."""
        solver = self.solver
        if name == "__dict__" and node.kind is Kind.STATE:
            instance.unseen.add(None if node.name == "__dict__" else node.name)  # it may be written to
        if node.kind is Kind.SUPER:
            return self.load_super(instance, node, name)
        if node.kind is Kind.SELF:
            if name is None:
                solver.read(instance, None, "an attribute whose name is not known")
                return {self.nodes.state(None)}
            return self.member(instance, node, solver.cls, name)
        if node.kind is Kind.KNOWN:
            return self.load_known(instance, node, name)
        if node.kind is Kind.NONE:
            return {self.nodes.scalar(None)}
        if node.type is Plain:
            return {node} if name is None else {self.nodes.method(name, node), self.nodes.scalar(None)}
        if node.kind is Kind.SCALAR:
            scalar = self.nodes.scalar(None)
            if node.type is not None and name is not None and not callable(getattr(node.type, name, None)):
                return {scalar}
            return {
                self.nodes.method(name, node if not solver.closed else self.nodes.scalar(node.type)),
                scalar,
            }
        if node.kind in (Kind.FUNC, Kind.BOUND):
            if name is None or node.kind is Kind.FUNC or name in ("__call__", "__get__"):
                return {self.nodes.method(name, node)} if name is not None else {node}
            if name in ("__name__", "__qualname__", "__module__", "__doc__"):
                return {self.nodes.scalar(str)}
            assert node.receiver is not None
            return {node, node.receiver, self.nodes.outside}
        if node.kind is Kind.METH:
            return {node}
        out: NodeSet = set()
        for cls in self.classes_with(node, name):
            if cls is None and name is not None and node.kind is Kind.STATE and solver.closed:
                solver.doubt(instance, node, f".{name} of unknown type")
                out |= {self.nodes.method(name, node), self.nodes.scalar(None)}
            elif cls is None and solver.stores and name in CHANGING and node.kind is Kind.STATE:
                out.add(self.nodes.method(name or "", node))
            elif cls is None or name is None:
                instance.guessed = instance.guessed or node.kind is Kind.STATE
                out |= self.elements(node)  # methods too: calling any of these has the same effect
                if name in READING and node.kind is Kind.STATE:
                    out.add(self.nodes.method(name, node))  # which is then what a call calls
                elif name is None and (cls is not None or solver.closed):
                    out.add(self.nodes.method(UNKNOWN, node))
                out.add(self.nodes.state(node.name, True) if node.kind is Kind.STATE else node)
            else:
                out |= self.member(instance, node, cls, name)
        return out

    def classes_with(self, node: Node, name: str | None) -> list[type | None]:
        """The classes that an attribute may have, without those that lack a name, if others do not.

        If all lack it, other code stores objects of other classes there.
        """
        found = self.types_of(node)
        if node.kind is not Kind.STATE or name is None or len(found) < 2:
            return found
        key = (tuple(found), name)
        some = self.having_cache.get(key)
        if some is None:
            some = [cls for cls in found if cls is None or self.may_have(cls, name)]
            self.having_cache[key] = some
        return some or found

    def may_have(self, cls: type, name: str) -> bool:
        """Whether an object of a class may have an attribute of a name."""
        if lookup(cls, name) is not MISSING or is_neutral_type(cls):
            return True
        return not self.is_c_type(cls)  # instances of other classes have attributes of their own

    def load_known(self, instance: "Instance", node: Node, name: str | None) -> NodeSet:
        stored = set(self.solver.contents.get(node, ()))
        value = node.obj
        if name is None:
            return {*stored, self.solver.part(node)}
        if isinstance(value, types.ModuleType):
            found = vars(value).get(name, MISSING)
            return {*stored, self.solver.part(node) if found is MISSING else self.nodes.known(found)}
        if isinstance(value, type):
            return stored | self.load_class(instance, node, value, name)
        return stored | self.member(instance, node, type(value), name)

    def load_class(self, instance: "Instance", node: Node, cls: type, name: str) -> NodeSet:
        if name in ("__name__", "__qualname__", "__module__", "__doc__"):
            return {self.nodes.scalar(str)}
        if name in ("__mro__", "__bases__", "__class__"):
            return {node}
        if name == "__dict__":
            return {self.nodes.outside}  # its functions may be called with anything
        found = lookup(cls, name)
        if found is MISSING:
            found = lookup(type(cls), name)
            if found is MISSING:
                return set() if cls is self.solver.cls else {self.solver.part(node)}
            return {self.nodes.bound(found, node)} if callable(found) else {self.solver.part(node)}
        if isinstance(found, staticmethod):
            return {self.nodes.known(found.__func__)}
        if isinstance(found, classmethod):
            return {self.nodes.bound(found.__func__, node)}
        if isinstance(found, types.ClassMethodDescriptorType):
            return {self.nodes.bound(found, node)}
        if cls in self.solver.cls.__mro__ and not is_dunder(name):
            self.solver.class_owned.add(id(found))
        return {self.nodes.known(found)}

    def load_super(self, instance: "Instance", node: Node, name: str | None) -> NodeSet:
        receiver = node.receiver
        assert receiver is not None
        classes: list[type | None]
        if receiver.kind is Kind.KNOWN and isinstance(receiver.obj, type):
            classes = [receiver.obj]
        else:
            classes = self.types_of(receiver)
        out: NodeSet = set()
        own: type = node.obj
        is_state = receiver.kind is Kind.STATE and len(classes) > 1
        for cls in classes:
            if is_state and cls is not None and own not in cls.__mro__:
                continue  # something else that the attribute may hold: super() refuses it
            if is_state and cls is None and name is not None:
                # A class of which only a base is known: as with any method of an object of unknown type.
                self.solver.mutate(instance, receiver, "super() of an unknown class", surely=True, seen=True)
                cls = own
            mro = cls.__mro__ if cls is not None else ()
            if own not in mro or name is None:
                self.solver.escape(instance, [receiver], "super() of an unknown class")
                out.add(self.nodes.outside)
                continue
            for base in mro[mro.index(own) + 1 :]:
                if name in base.__dict__:
                    out |= self.bind(instance, receiver, cls, name, base.__dict__[name])
                    break
        return out

    def member(self, instance: "Instance", node: Node, cls: type, name: str) -> NodeSet:
        """``node.name`` for a node of a known class."""
        if is_neutral_type(cls):
            return {self.nodes.method(name, self.nodes.scalar(cls))}
        found = lookup(cls, name)
        if found is not MISSING:
            return self.bind(instance, node, cls, name, found)
        out = self.field(instance, node, name)
        getter = lookup(cls, "__getattr__")
        if getter is not MISSING:
            args = Args([{node}, {self.nodes.scalar(str, name)}])
            out = out | self.solver.calling.call_object(
                instance, getter, args, ("__getattr__", instance, node.kind)
            )
        elif node.kind is Kind.STATE and not cls.__dict__.get("__dict__") and self.is_c_type(cls):
            out = out | {self.nodes.method(name, node)}
        elif (
            node.kind is Kind.SITE
            and not node.hinted
            and (
                cls in _PLAIN_CONTAINERS
                or (self.solver.closed and self.is_c_type(cls) and not cls.__dictoffset__)
            )
        ):
            return set()  # it has no such attribute
        return out

    def is_c_type(self, cls: type) -> bool:
        return not cls.__flags__ & (1 << 9)

    def bind(self, instance: "Instance", node: Node, cls: type | None, name: str, found: Any) -> NodeSet:
        """What an attribute found on a class gives for an instance: the descriptor protocol."""
        solver = self.solver
        key = ("descriptor", id(found), node.kind)
        match found:
            case property():
                if found.fget is None:
                    return set()
                return solver.calling.call_object(instance, found.fget, Args([{node}]), key)
            case types.FunctionType():
                return {self.nodes.bound(found, node)}
            case staticmethod():
                return {self.nodes.known(found.__func__)}
            case classmethod():
                return {self.nodes.bound(found.__func__, self.class_node(node, cls))}
            case types.MemberDescriptorType():
                return self.field(instance, node, name)
            case _ if type(found) is FIELD_OF_TUPLE:
                if node.kind is Kind.SELF:
                    return self.item(instance, node, {self.nodes.scalar(int)}, key)
                return self.elements(node)
            case functools.cached_property():
                made = solver.calling.call_object(instance, found.func, Args([{node}]), key)
                self.store_field(instance, node, name, made, seen=False)
                return made | self.field(instance, node, name)
            case types.GetSetDescriptorType():
                return self.load_getset(instance, node, cls, name)
        if isinstance(found, C_CALLABLES):
            return {self.nodes.bound(found, node)}
        if hasattr(type(found), "__set__") and not hasattr(type(found), "__get__"):
            return self.field(instance, node, name)
        if hasattr(type(found), "__get__"):
            return self.load_descriptor(instance, node, cls, name, found)
        if node.kind is Kind.SELF or node.kind is Kind.STATE:
            if cls is solver.cls and not is_dunder(name):
                solver.class_owned.add(id(found))
        value = self.nodes.known(found)
        if node.kind is Kind.SELF and not (name in solver.declared or name in solver.tops):
            return {value}
        if node.kind is Kind.SELF:
            solver.put_top(name, [value] if value.kind is not Kind.KNOWN else [])
        return self.field(instance, node, name) | {value}

    def load_descriptor(
        self, instance: "Instance", node: Node, cls: type | None, name: str, found: Any
    ) -> NodeSet:
        """A descriptor of a kind of its own."""
        solver = self.solver
        wrapped = getattr(found, "__wrapped__", None)
        if isinstance(found, functools.partialmethod):
            return {self.nodes.bound(found, node)}
        if isinstance(found, functools.singledispatchmethod):
            return {self.nodes.bound(found, node)}
        if isinstance(wrapped, types.FunctionType) and type(found).__module__ == "functools":
            return {self.nodes.bound(wrapped, node)}
        getter = lookup(type(found), "__get__")
        out = self.field(instance, node, name)
        args = Args([{self.nodes.known(found)}, {node}, {self.class_node(node, cls)}])
        return out | solver.calling.call_object(instance, getter, args, ("__get__", id(found), node.kind))

    def load_getset(self, instance: "Instance", node: Node, cls: type | None, name: str) -> NodeSet:
        solver = self.solver
        if name == "__class__":
            return {self.class_node(node, cls)}
        if node.kind is Kind.SELF:
            solver.read(instance, None, name)
            return {self.nodes.state(name if name == "__dict__" else None)}
        if self.nodes.is_immutable(cls or object):
            return {self.nodes.scalar(None)}
        if name != "__dict__" or node.kind is not Kind.SITE:
            return {node} if name == "__dict__" else self.elements(node)
        attributes = self.nodes.site(("__dict__ of", node), dict)
        solver.put(attributes, solver.held(node))
        solver.put(node, solver.held(attributes))
        return {attributes}

    def class_node(self, node: Node, cls: type | None) -> Node:
        if node.kind is Kind.KNOWN and isinstance(node.obj, type):
            return node
        return self.nodes.known(cls) if cls is not None else self.nodes.site("class", None)

    def field(self, instance: "Instance", node: Node, name: str) -> NodeSet:
        """An instance attribute."""
        solver = self.solver
        if node.kind is not Kind.SELF:
            return self.elements(node)
        solver.read(instance, name, f".{name}")
        if solver.closed:
            return {solver.nodes.scalar(None) if solver.scalar_state else solver.nodes.state(None, True)}
        if name in solver.declared and name not in solver.tops:
            hint = solver.declared[name]
            found = self.from_hint(hint, ("declared", name), solver.hint_space(name))
            solver.put_top(name, found)
        return solver.value_of(self.nodes.state(name))

    def store(self, instance: "Instance", node: Node, name: str | None, values: NodeSet) -> None:
        """``node.name = value``."""
        solver = self.solver
        text = f".{name} = ..."
        classes = self.types_of(node)
        if node.kind is Kind.SUPER:
            assert node.receiver is not None
            self.store_field(instance, node.receiver, name, values)
            return
        if node.kind is Kind.KNOWN:
            solver.put(node, values)
            solver.mutate(instance, node, text, definite=not is_dunder(name), seen=True)
            return
        for cls in classes:
            if cls is None:
                self.store_field(instance, node, name, values)
                continue
            setter = lookup(cls, "__setattr__")
            if isinstance(setter, types.FunctionType):
                args = Args([{node}, {self.nodes.scalar(str, name)}, values])
                solver.calling.call_object(instance, setter, args, ("__setattr__", instance, node.kind))
                if node.kind is Kind.SELF:
                    solver.write(instance, None, text)
            found = lookup(cls, name) if name is not None else MISSING
            if isinstance(found, property):
                if found.fset is not None:
                    key = ("fset", id(found), node.kind)
                    solver.calling.call_object(instance, found.fset, Args([{node}, values]), key)
                continue
            if name == "__class__":
                solver.mutate(instance, node, text, seen=True)
                continue
            if found is not MISSING and not isinstance(found, types.MemberDescriptorType):
                method = lookup(type(found), "__set__")
                if isinstance(method, types.FunctionType):
                    args = Args([{self.nodes.known(found)}, {node}, values])
                    solver.calling.call_object(instance, method, args, ("__set__", id(found), node.kind))
                    if node.kind is Kind.SELF:
                        solver.write(instance, name, text)
                        solver.put_top(name, values)
                    continue
                if isinstance(found, types.GetSetDescriptorType):
                    solver.mutate(instance, node, text, seen=True)
                    continue
            self.store_field(instance, node, name, values)

    def store_field(
        self, instance: "Instance", node: Node, name: str | None, values: NodeSet, seen: bool = True
    ) -> None:
        solver = self.solver
        text = f".{name} = ..." if name is not None else "an attribute whose name is not known = ..."
        if node.kind is Kind.SELF:
            solver.write(instance, name, text)
            solver.put_top(name, values)
            instance.surely = instance.surely or instance.is_receiver
            if not seen:
                instance.unseen.add("__dict__")
        else:
            solver.put(node, values)
            solver.mutate(instance, node, text, surely=True, seen=seen)

    def delete(self, instance: "Instance", node: Node, name: str | None) -> None:
        """``del node.name``."""
        solver = self.solver
        text = f"del .{name}"
        if node.kind is not Kind.SELF:
            solver.mutate(instance, node, text, definite=True, surely=True, seen=True)
            return
        deleter = lookup(solver.cls, "__delattr__")
        if isinstance(deleter, types.FunctionType):
            args = Args([{node}, {self.nodes.scalar(str, name)}])
            solver.calling.call_object(instance, deleter, args, ("__delattr__", instance))
            solver.write(instance, None, text)
        found = lookup(solver.cls, name) if name is not None else MISSING
        if isinstance(found, property):
            if found.fdel is not None:
                solver.calling.call_object(instance, found.fdel, Args([{node}]), ("fdel", id(found)))
            return
        method = lookup(type(found), "__delete__") if found is not MISSING else MISSING
        if isinstance(method, types.FunctionType):
            args = Args([{self.nodes.known(found)}, {node}])
            solver.calling.call_object(instance, method, args, ("__delete__", id(found)))
        solver.write(instance, name, text)

    # Elements

    def elements(self, node: Node) -> NodeSet:
        """Anything directly in an object."""
        solver = self.solver
        match node.kind:
            case Kind.STATE:
                return solver.value_of(self.nodes.state(node.name, True))
            case Kind.SITE | Kind.KNOWN:
                return solver.held(node)
            case Kind.SCALAR:
                return {self.nodes.scalar(str if node.type is str else None)}
            case Kind.SELF:
                return {self.nodes.state(None)}
            case Kind.NONE:
                return set()
            case _:
                return {self.nodes.outside}

    def iterate(self, instance: "Instance", node: Node, index: int) -> NodeSet:
        """One element of iterating an object (of unpacking it, the ``index``-th), and what that does to it."""
        solver = self.solver
        if index >= 0 and node.elements is not None:
            return node.elements[index] if index < len(node.elements) else set()
        out: NodeSet = set()
        for cls in self.types_of(node):
            if cls is None:
                solver.doubt(instance, node, "iterating something of unknown type")
            elif node.kind is not Kind.SCALAR:
                self.iterate_type(instance, node, cls, out)
        if node.kind is not Kind.SELF:
            out |= self.elements(node)
        return out

    def iterate_type(self, instance: "Instance", node: Node, cls: type, out: NodeSet) -> None:
        solver = self.solver
        method = lookup(cls, "__iter__")
        key = ("__iter__", instance, cls)
        if method is MISSING:
            getter = lookup(cls, "__getitem__")
            if isinstance(getter, types.FunctionType):
                args = Args([{node}, {self.nodes.scalar(int)}])
                out |= solver.calling.call_object(instance, getter, args, key)
            elif node.kind not in (Kind.KNOWN, Kind.SELF):
                solver.doubt(instance, node, "iterating something of unknown type")
        elif isinstance(method, types.FunctionType):
            for result in solver.calling.call_object(instance, method, Args([{node}]), key):
                if result is node:
                    step = lookup(cls, "__next__")
                    if step is not MISSING:
                        out |= solver.calling.call_object(instance, step, Args([{node}]), (key, "next"))
                elif result.kind is not Kind.SELF:
                    out |= self.elements(result)
        elif node.kind is Kind.SELF:
            out |= solver.calling.call_object(instance, method, Args([{node}]), key)
            out |= self.elements(node)
        elif self.owner_effect(method, "__iter__") is None:
            solver.mutate(instance, node, f"iterating {cls.__name__}, which moves on", seen=True)

    def owner_effect(self, method: Any, name: str) -> str | None:
        owner = getattr(method, "__objclass__", None)
        return method_effect(owner, name) if owner is not None else None

    def unpack(self, instance: "Instance", node: Node, key: Any) -> NodeSet:
        """What ``**node``, and ``dict(node)``, call of a class in Python; what is under its keys."""
        out: NodeSet = set()
        for cls in self.types_of(node):
            for name, found in self.python_methods(cls, ("keys", "__getitem__")) if cls is not None else ():
                given = Args([{node}]) if name == "keys" else Args([{node}, {self.nodes.outside}])
                out |= self.solver.calling.call_object(instance, found, given, (key, name, cls))
        return out

    def item(self, instance: "Instance", node: Node, keys: NodeSet, key: Any) -> NodeSet:
        """``node[k]``."""
        if node.kind is Kind.SCALAR:
            return {self.nodes.scalar(node.type if node.type in (str, bytes) else None)}
        if node.kind is Kind.KNOWN and isinstance(node.obj, type):
            return {node}  # ``list[int]``
        if node.kind is Kind.STATE and self.solver.closed and None in self.types_of(node):
            if keys and all(part.kind is Kind.SCALAR and part.type is slice for part in keys):
                self.solver.doubt(instance, node, "[:] of unknown type")
                made = self.nodes.site((key, "slice"), Plain, unknown=False)
                self.solver.put(made, self.elements(node))
                return {made}
        return self.special(instance, node, "__getitem__", Args([keys]), key)

    def special(self, instance: "Instance", node: Node, name: str, args: Args, key: Any) -> NodeSet:
        """Call a special method that syntax calls, by the type of the object."""
        solver = self.solver
        out: NodeSet = set()
        if node.kind in (Kind.SCALAR, Kind.NONE):
            if solver.scalar_state and node.type is None and name in ("__setitem__", "__delitem__"):
                solver.write(instance, None, f"{name} of unknown type")
            return {self.nodes.scalar(None)}
        if node.kind is Kind.SUPER:
            return solver.escape(instance, [node], name)
        for cls in self.classes_with_special(node, name):
            if cls is not None and is_neutral_type(cls):
                out.add(node if node.kind is not Kind.STATE else self.nodes.scalar(bool))
                continue
            found = lookup(cls, name) if cls is not None else MISSING
            if found is MISSING:
                if node.kind is Kind.SELF or (node.kind is Kind.KNOWN and cls is not None):
                    continue
                changes = name in ("__setitem__", "__delitem__") and cls is not type
                text = f"{name} of unknown type" if cls is None else f"{name} of something else than was seen"
                if changes or name not in _HARMLESS:
                    solver.mutate(instance, node, text, surely=changes, seen=True)
                else:
                    solver.doubt(instance, node, text)
                solver.put(node, args.all())
                out |= self.elements(node)
                if name == "__enter__":
                    out.add(node)
            else:
                out |= solver.calling.call_object(instance, found, args.bound(node), (key, name))
        return out

    def classes_with_special(self, node: Node, name: str) -> list[type | None]:
        """As :meth:`classes_with`; a special method is looked for on the class and nowhere else."""
        found = self.types_of(node)
        if len(found) < 2:
            return found
        some = [
            cls for cls in found if cls is None or is_neutral_type(cls) or lookup(cls, name) is not MISSING
        ]
        return some or found

    # Operators

    def operator(
        self,
        instance: "Instance",
        owner: "Var",
        names: tuple[str, ...],
        operands: "tuple[Var, ...]",
        key: Any,
    ) -> NodeSet:
        """An operator on objects: nothing changes unless a class written in Python says so."""
        left = instance.vars.get(owner, set())
        right: NodeSet = set().union(*(instance.vars.get(var, set()) for var in operands))
        return self.operate(instance, left, right, names, key)

    def operate(
        self, instance: "Instance", left: NodeSet, right: NodeSet, names: tuple[str, ...], key: Any
    ) -> NodeSet:
        out: NodeSet = set()
        plain = True
        left, right = self.plain(left), self.plain(right)
        if some := {node for node in left | right if node.type is Plain}:
            if all(node in some or node.kind in (Kind.SCALAR, Kind.NONE) for node in left | right):
                return {*some, self.nodes.scalar(None)}
        for nodes, others in ((left, right), (right, left)):
            for node in list(nodes):
                if node.kind not in (Kind.SCALAR, Kind.NONE):
                    plain = False
                    out |= self.operate_on(instance, node, others, names, key)
        if plain:
            types_ = {node.type for node in left | right}
            return {self.nodes.scalar(types_.pop() if len(types_) == 1 else None)} if left else set()
        texts = [node for node in left if node.kind is Kind.SCALAR and node.type in (str, bytes)]
        if names[0] == "__mod__":
            if texts or any(node.kind is Kind.SCALAR and node.type is None for node in left):
                self.look_into(instance, right, SHOWN, key)
        elif names[0] in SHOWN:
            self.look_into(instance, left, SHOWN, key)
        elif names[0] in _TESTS:
            self.look_into(instance, left | right, names, key)
        if names[0] in ("__bool__", "__format__", "__hash__", "__len__") or (texts and names[0] == "__mod__"):
            return {self.nodes.scalar(str if texts else None)}
        if self.solver.closed and names[0] in _TESTS:
            return out | {self.nodes.scalar(bool)}
        numbers = [n for n in left | right if n.kind is Kind.SCALAR and n.type in _NUMBERS]
        made = self.result_type(left, right, names)
        if made is None and self.solver.closed and self.are_built_in(instance, left | right, names[0]):
            made = Plain
        result = self.nodes.site((key, "result"), made, unknown=False)
        if not numbers or names[0] == "__mul__":  # ``2 * xs`` holds what xs holds, ``1 + x`` nothing
            for node in left | right:
                if node.kind not in (Kind.SCALAR, Kind.NONE, Kind.SELF) and names[0][2:4] not in (
                    "eq",
                    "ne",
                    "lt",
                ):
                    solver_elements = self.elements(node)
                    self.solver.put(result, {inner for inner in solver_elements if inner is not result})
        return out | {result}

    def plain(self, nodes: NodeSet) -> NodeSet:
        """Attributes that only ever hold immutable values, replaced by these values."""
        out: NodeSet = set()
        for node in nodes:
            out |= self.solver.scalars(node) or {node}
        return out

    def are_built_in(self, instance: "Instance", nodes: NodeSet, text: str) -> bool:
        """Whether operators give built-in values here or follow code, given that operands of unknown type are plain."""
        for node in nodes:
            if node.kind is not Kind.SCALAR and None in self.types_of(node):
                if node.kind is not Kind.STATE:
                    return False
                self.solver.doubt(instance, node, f"{text} of unknown type")
        return True

    def result_type(self, left: NodeSet, right: NodeSet, names: tuple[str, ...]) -> type | None:
        found = {cls for node in left | right for cls in self.types_of(node)}
        if len(found) == 1:
            cls = found.pop()
            if cls in _PLAIN_CONTAINERS:
                return cls
        return None

    def operate_on(
        self, instance: "Instance", node: Node, others: NodeSet, names: tuple[str, ...], key: Any
    ) -> NodeSet:
        solver = self.solver
        out: NodeSet = set()
        for cls in self.types_of(node):
            if cls is None:
                instance.guessed = instance.guessed or node.kind is Kind.STATE
                continue
            for name, found in self.python_methods(cls, names):
                args = Args([{node}, others] if others else [{node}])
                out |= solver.calling.call_object(instance, found, args, (key, name))
            if node.kind is Kind.SELF and solver.opaque:
                solver.read(instance, None, names[0] if names else "")
        return out

    def look_into(self, instance: "Instance", nodes: NodeSet, names: tuple[str, ...], key: Any) -> None:
        """Built-in code calls these methods of what is in some objects, at any depth: ``repr``, ``==``."""
        seen: NodeSet = set()
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if node in seen or node.kind not in (Kind.SELF, Kind.STATE, Kind.SITE, Kind.KNOWN):
                continue
            seen.add(node)
            if node not in nodes or node.kind is Kind.SELF:
                self.operate_on(instance, node, set(), names, key)
            if node.kind is Kind.STATE:
                todo.append(self.nodes.state(node.name, True))
            elif node.kind is not Kind.SELF:
                todo += self.solver.contents.get(node, ())
        self.solver.spend(len(seen))

    def python_methods(self, cls: type, names: tuple[str, ...]) -> list[tuple[str, Any]]:
        """Those of some special methods that a class has as functions written in Python."""
        found = self.python_cache.get((cls, names))
        if found is None:
            methods = [(name, lookup(cls, name)) for name in names]
            found = [(name, method) for name, method in methods if isinstance(method, types.FunctionType)]
            self.python_cache[cls, names] = found
        return found

    def inplace(self, instance: "Instance", node: Node, name: str, values: NodeSet, key: Any) -> NodeSet:
        """``node op= value``: a mutable object changes in place, or a new one is made."""
        solver = self.solver
        plain = f"__{name[3:]}"
        if node.kind in (Kind.SCALAR, Kind.NONE):
            return self.operate(instance, {node}, values, (plain, f"__r{name[3:]}"), key)
        out: NodeSet = set()
        if node.type is Plain:
            out.add(node)
            for value in list(values):
                solver.put(node, self.elements(value))
        for cls in self.types_of(node):
            found = lookup(cls, name) if cls is not None else MISSING
            if cls is None and node.kind is Kind.STATE and self.makes_new(name, values):
                solver.doubt(instance, node, f"{name} in place")
                continue
            if cls is None or (found is not MISSING and not isinstance(found, types.FunctionType)):
                known = cls is not None
                solver.mutate(instance, node, f"{name} in place", definite=known, own=known, seen=True)
                solver.put(node, values)
                for value in list(values):
                    solver.put(node, self.elements(value))
                out.add(node)
            elif isinstance(found, types.FunctionType):
                args = Args([{node}, values])
                out |= solver.calling.call_object(instance, found, args, (key, name))
        return out | self.operate(instance, {node}, values, (plain, f"__r{name[3:]}"), key)

    def makes_new(self, name: str, values: NodeSet) -> bool:
        """Whether ``x op= value`` changes no plain ``x`` in place: only containers do, with containers and texts."""
        if name not in IN_PLACE:
            return True
        return (
            bool(values)
            and all(node.kind is Kind.SCALAR and node.type in _NUMBERS for node in values)
            and (name != "__imul__")
        )

    def contains(self, instance: "Instance", node: Node, values: NodeSet, key: Any) -> None:
        """``x in node``."""
        solver = self.solver
        if node.kind in (Kind.SCALAR, Kind.NONE):
            return
        for cls in self.types_of(node):
            found = lookup(cls, "__contains__") if cls is not None else MISSING
            if found is not MISSING:
                solver.calling.call_object(instance, found, Args([{node}, values]), (key, "in"))
            elif cls is None:
                solver.doubt(instance, node, "`in` something of unknown type")
            else:
                self.iterate(instance, node, -1)

    def awaited(self, instance: "Instance", node: Node, key: Any) -> NodeSet:
        """``await node``."""
        if node.kind is Kind.STATE:
            self.solver.mutate(instance, node, "await", seen=True)
        if node.kind is Kind.SELF:
            self.special(instance, node, "__await__", Args([]), key)
        return self.elements(node) | {self.nodes.site((key, "awaited"), None)}

    # Arguments

    def pack(
        self,
        instance: "Instance",
        args: "list[tuple[bool, Var]]",
        kwargs: "list[tuple[str | None, Var]]",
    ) -> Args:
        """Turn the operands of a call into sets of nodes."""
        packed = Args([])
        for starred, var in args:
            nodes = instance.vars.get(var, set())
            if not starred:
                if packed.rest:
                    packed.rest |= nodes
                else:
                    packed.positional.append(nodes)
            elif len(nodes) == 1 and not packed.rest and (only := next(iter(nodes))).elements is not None:
                packed.positional += only.elements
                if only.unknown:
                    packed.rest |= self.solver.held(only)
            else:
                for node in list(nodes):
                    packed.rest |= self.iterate(instance, node, -1)
        for name, var in kwargs:
            nodes = instance.vars.get(var, set())
            if name is None:
                for node in list(nodes):
                    packed.rest_keywords |= self.elements(node) | self.unpack(instance, node, (instance, var))
            else:
                packed.keywords[name] = nodes
        return packed
